//! The tree: values with places.

use std::borrow::Cow;

use serde_json::Number;

use crate::source::Place;

/// From the first character to the one after the last.
pub type Span = (Place, Place);

/// One value and where it was written. Text is that of the input if it is there as it is.
#[derive(Clone, Debug)]
pub struct Node<'t> {
    pub start: Place,
    pub end: Place,
    pub content: Content<'t>,
}

/// What a node holds, resolved by the core schema of YAML 1.2.
#[derive(Clone, Debug)]
pub enum Content<'t> {
    Null,
    /// With its text, for the advice to quote it.
    Bool(bool, Cow<'t, str>),
    Number(Number, Cow<'t, str>),
    /// A number that JSON can't carry: infinite, not a number, or an integer beyond 64 bits.
    OddNumber(Cow<'t, str>),
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Map(Vec<Entry<'t>>),
}

/// One member of a map. Keys are unique within it; a key is its text, whatever it would resolve to.
#[derive(Clone, Debug)]
pub struct Entry<'t> {
    pub key: Cow<'t, str>,
    pub key_start: Place,
    pub key_end: Place,
    pub value: Node<'t>,
}

impl Entry<'_> {
    pub fn key_span(&self) -> Span {
        (self.key_start, self.key_end)
    }
}

impl<'t> Node<'t> {
    pub fn span(&self) -> Span {
        (self.start, self.end)
    }

    /// Where a map begins, for findings about the whole of it: its first key, or its bracket. All of it would underline
    /// pages.
    pub fn opening(&self) -> Span {
        let first = self.entries().and_then(<[_]>::first).filter(|entry| entry.key_start == self.start);
        let one = Place { line: self.start.line, column: self.start.column + 1 };
        (self.start, first.map_or(one, |entry| entry.key_end))
    }

    /// The members of a map; none for anything else.
    pub fn entries(&self) -> Option<&[Entry<'t>]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The member `key` of a map.
    pub fn get(&self, key: &str) -> Option<&Entry<'t>> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry<'t>> {
        match &mut self.content {
            Content::Map(entries) => entries.iter_mut().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// What it is, for messages: "a list".
    pub fn what(&self) -> &'static str {
        match &self.content {
            Content::Null => "null",
            Content::Bool(..) => "a boolean",
            Content::Number(..) | Content::OddNumber(_) => "a number",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// Levels of lists and maps from this node down; 0 for a scalar.
    pub(super) fn depth(&self) -> usize {
        match &self.content {
            Content::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Content::Map(entries) => 1 + entries.iter().map(|entry| entry.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// What copying this node costs in the budget for aliases: nodes, and text by the line.
    pub(super) fn weight(&self) -> usize {
        match &self.content {
            Content::Null => 1,
            Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) | Content::Text(text) => {
                1 + text.len() / 64
            }
            Content::List(items) => 1 + items.iter().map(Node::weight).sum::<usize>(),
            Content::Map(entries) => 1 + entries.iter().map(|entry| 1 + entry.value.weight()).sum::<usize>(),
        }
    }
}
