//! Manifests: text to checked conversations, or to findings.
//!
//! Two steps. [`read`] takes one file and does not depend on other files, so files can be read in parallel; [`resolve`]
//! puts the readings together, in whatever order they come, and finds what only shows between files.

mod annotations;
mod attributes;
mod body;
mod channels;
mod document;
mod envelope;
mod foreign;
mod forms;
mod grouped;
mod handling;
mod locate;
mod references;
mod resolve;
mod sets;
mod suspicions;
mod table;
mod template;
mod values;

pub use document::{Reading, read};
pub use envelope::Tenant;
pub use locate::{Question, locate};
pub use resolve::{resolve, resolve_beside};
pub use table::{File, NoFile, SIZE_LIMIT, Tables, cell, no_tables};
pub use values::review as review_values;

#[cfg(test)]
mod tests;
