//! Text to a tree of nodes, each with its place: YAML 1.2 with the core schema, or JSON.
//!
//! Everything that can be wrong with the text becomes a finding; nothing panics, and everything is bounded: the size of
//! a file, the depth of nesting, and what aliases expand to. The events come from `saphyr-parser`; this is the only
//! module that knows it.

mod decode;
mod events;
mod json_text;
mod scalar;
mod surrogates;
mod tree;

pub use decode::{Format, decode};
pub use tree::{Content, Entry, Node, Span};

use crate::finding::code;
use crate::reporter::Reporter;
use crate::source::Place;

/// The deepest nesting that is read.
pub const DEPTH_LIMIT: usize = 64;

/// The largest file that is read, in bytes.
pub const SIZE_LIMIT: u64 = 16 << 20;

/// How many values, keys included, one document may have.
const VALUES_LIMIT: usize = 500_000;

/// All documents of a text; empty ones are left out. What is wrong is reported, and what is whole is returned.
pub fn read<'t>(text: &'t str, format: Format, reporter: &mut Reporter<'_>) -> Vec<Node<'t>> {
    let mut documents = Vec::new();
    each(text, format, reporter, &mut |document, _| documents.push(document));
    documents
}

/// What becomes of a document as soon as it is read.
pub type Each<'e, 't> = &'e mut dyn FnMut(Node<'t>, &mut Reporter<'_>);

/// [`read`] for texts of many documents, which are not all kept.
pub fn each<'t>(text: &'t str, format: Format, reporter: &mut Reporter<'_>, each: Each<'_, 't>) {
    if unfinished_merge(text, reporter) {
        return;
    }
    match format {
        Format::Yaml => events::read(text, reporter, each),
        Format::Json => json_text::read(text, reporter, each),
    }
}

/// Reports the first marker that a merge leaves at the beginning of a line, where neither YAML nor JSON can have it.
fn unfinished_merge(text: &str, reporter: &mut Reporter<'_>) -> bool {
    let ends = |begin: usize, sign: &str| {
        let rest = text[begin..].trim_start_matches(&sign[..1]);
        // Of the four, the one in the middle has no name behind it.
        rest.is_empty() || rest.starts_with(['\n', '\r']) || rest.starts_with(' ') && !sign.starts_with('=')
    };
    let begin = |after_break: &'static str| {
        let sign = &after_break[1..];
        if text.starts_with(sign) && ends(0, sign) {
            return Some(0);
        }
        // To know that there is none takes less time than to know where it is.
        let breaks = text.contains(after_break).then(|| text.match_indices(after_break));
        breaks?.map(|(index, _)| index + 1).find(|begin| ends(*begin, sign))
    };
    let signs = ["\n<<<<<<<", "\n|||||||", "\n=======", "\n>>>>>>>"];
    let Some(begin) = signs.into_iter().filter_map(begin).min() else { return false };
    let line = 1 + text[..begin].bytes().filter(|byte| *byte == b'\n').count() as u32;
    let length = text[begin..].lines().next().unwrap_or_default().chars().count() as u32;
    let span = (Place { line, column: 1 }, Place { line, column: 1 + length });
    reporter
        .error(code::UNFINISHED_MERGE, span, "a merge of this file is not finished: this is a conflict marker of git")
        .hint("choose what stays, and remove the lines that begin with <<<<<<<, |||||||, ======= or >>>>>>>");
    true
}

/// Reports that a document is too large to be read.
fn too_many_values(at: Span, reporter: &mut Reporter<'_>) {
    reporter
        .error(code::TOO_LARGE, at, "more than 500 000 values in one document")
        .hint("split it: one manifest describes one conversation");
}

#[cfg(test)]
mod tests;
