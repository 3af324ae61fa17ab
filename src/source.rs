//! Where a thing was written.

use std::fmt;
use std::sync::Arc;

use crate::digest::Digest;

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

/// What the manifests of a file were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MadeOf {
    /// The SHA-256 of the file's bytes and of the catalog that they were read with, if there was one.
    pub digest: Digest,
    /// How many manifests the file describes.
    pub manifests: u32,
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
