//! Text to a tree of nodes, each with its place: YAML 1.2 with the core schema, or JSON.
//!
//! Everything that can be wrong with the text becomes a finding; nothing panics, and everything is bounded: the size of
//! a file, the depth of nesting, and what aliases expand to. The events come from `saphyr-parser`; this is the only
//! module that knows it.

mod decode;
mod events;
mod json_text;
mod scalar;
mod tree;

pub use decode::{Format, decode};
pub use tree::{Content, Entry, Node, Span};

use crate::reporter::Reporter;

/// The deepest nesting that is read.
pub const DEPTH_LIMIT: usize = 64;

/// The largest file that is read, in bytes.
pub const SIZE_LIMIT: u64 = 16 << 20;

/// All documents of a text; empty ones are left out. What is wrong is reported, and what was whole before it is
/// returned.
pub fn read<'t>(text: &'t str, format: Format, reporter: &mut Reporter<'t>) -> Vec<Node<'t>> {
    match format {
        Format::Yaml => events::read(text, reporter),
        Format::Json => json_text::read(text, reporter),
    }
}

#[cfg(test)]
mod tests;
