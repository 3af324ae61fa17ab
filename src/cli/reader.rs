//! Who reads a text decides in which form it leaves.

use std::borrow::Cow;

use crate::render::escape::lines;
use crate::render::palette::Palette;

/// Who reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// At a terminal, or in the log of a CI job: nothing may be more than text.
    Person,
    /// What a program reads reaches it as it is, and may be made of commands for a CI service. Whoever wrote it has
    /// escaped what others wrote.
    Program,
}

impl Reader {
    /// A piece of whole lines as it is written, where it was painted with this palette.
    pub fn takes(self, piece: String, palette: &Palette) -> String {
        match self {
            Reader::Person => match lines(&piece, palette) {
                Cow::Borrowed(_) => piece,
                Cow::Owned(shown) => shown,
            },
            Reader::Program => piece,
        }
    }
}
