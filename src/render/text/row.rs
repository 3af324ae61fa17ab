//! A line of prose before it is painted.

use unicode_width::UnicodeWidthStr as _;

use crate::render::palette::{Label, Palette};

/// One line in labelled pieces, all of them escaped already.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pieces: Vec<(Label, String)>,
}

impl Row {
    pub(super) fn new(label: Label, text: impl Into<String>) -> Self {
        Row { pieces: vec![(label, text.into())] }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Row::new(Label::Plain, text)
    }

    pub(super) fn and(mut self, label: Label, text: impl Into<String>) -> Self {
        self.pieces.push((label, text.into()));
        self
    }

    /// Columns that it takes on a terminal.
    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// Appends the line and a newline.
    pub(super) fn paint_into(&self, palette: Palette, out: &mut String) {
        for (label, text) in &self.pieces {
            palette.paint_into(*label, text, out);
        }
        out.push('\n');
    }
}

/// Words of prose in lines of at most `width` columns; a word that is longer has a line of its own.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
