//! Text to a tree of nodes, each with its place: YAML 1.2 with the core schema, or JSON.
//!
//! Everything that can be wrong with the text becomes a finding; nothing panics, and everything is bounded: the size of
//! a file, the depth of nesting, and what aliases expand to. The events come from `saphyr-parser`; this is the only
//! module that knows it. What is written as most manifests are is read by `fast` instead, which gives the same nodes
//! or none.

mod decode;
mod events;
mod fast;
mod json_text;
mod scalar;
mod tree;

pub use decode::{Format, decode};
pub use tree::{Content, Entry, Node, Span};

use crate::reporter::Reporter;
use crate::scratch::Arena;

/// The deepest nesting that is read.
pub const DEPTH_LIMIT: usize = 64;

/// The largest file that is read, in bytes.
pub const SIZE_LIMIT: u64 = 16 << 20;

/// All documents of a text; empty ones are left out. What is wrong is reported, and what was whole before it is
/// returned. The nodes stand in the arena.
pub fn read<'t>(text: &'t str, format: Format, arena: &'t Arena, reporter: &mut Reporter<'t>) -> Vec<Node<'t>> {
    match format {
        Format::Yaml => fast::read(text, arena).unwrap_or_else(|| events::read(text, arena, reporter)),
        Format::Json => json_text::read(text, arena, reporter),
    }
}

/// [`read()`] of YAML by the parser alone, or by the short way alone, for measuring and for holding one against the
/// other.
#[doc(hidden)]
pub mod only {
    use crate::reporter::Reporter;
    use crate::scratch::Arena;
    use crate::yaml::{Node, events, fast};

    /// What the parser makes of a text.
    pub fn by_parser<'t>(text: &'t str, arena: &'t Arena, reporter: &mut Reporter<'t>) -> Vec<Node<'t>> {
        events::read(text, arena, reporter)
    }

    /// What the short way makes of a text; none when it leaves that to the parser.
    pub fn by_short_way<'t>(text: &'t str, arena: &'t Arena) -> Option<Vec<Node<'t>>> {
        fast::read(text, arena)
    }
}

#[cfg(test)]
mod tests;
