//! Manifests: text to checked conversations, or to findings.
//!
//! Two steps. [`read`] takes one file and does not depend on other files, so files can be read in parallel; [`resolve`]
//! puts the readings together, in whatever order they come, and finds what only shows between files.

mod annotations;
mod attributes;
mod body;
mod channels;
mod document;
mod foreign;
mod forms;
mod locate;
mod references;
mod resolve;
mod suspicions;
mod values;

pub use document::{Reading, Tenant, read};
pub use locate::{Question, locate};
pub use resolve::resolve;
pub use values::review as review_values;

#[cfg(test)]
mod tests;
