//! The quick way to a plan: work in proportion to what changed.
//!
//! The slow way reads every manifest and every record, and hands both to the planner; it is the specification. A survey
//! hands over only those that may have something to be done about them, and counts the rest:
//!
//! - a file whose [stamp](crate::workspace::Stamp) is that of the [index](crate::workspace::index) is not read;
//! - a manifest whose digests are those of its record is dropped as soon as it was read;
//! - a record is read whole only for a manifest that differs from it, or where there is no manifest for it.
//!
//! Whatever is unusual, such as a state that was edited by hand or a manifest whose address stands elsewhere too, is
//! left to the slow way. A test holds both against each other.

mod fresh;
mod hints;
mod look;
mod memory;

pub use look::{Request, Survey, SurveyError, survey};

#[cfg(test)]
mod tests;
