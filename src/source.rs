//! Where a thing was written.

use std::fmt;
use std::sync::Arc;

/// A position in one file. Line and column count from 1; a column counts Unicode characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// The first character of a file.
    pub const START: Place = Place { line: 1, column: 1 };
}

/// A position with the name of its file, as the user would type it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The path as it was given or walked to, with `/` between folders; `<stdin>` for standard input.
    pub file: Arc<str>,
    pub place: Place,
}

impl Source {
    pub fn new(file: &Arc<str>, place: Place) -> Self {
        Source { file: Arc::clone(file), place }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.place.line, self.place.column)
    }
}
