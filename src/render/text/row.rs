//! One line of output before it is painted, and a value drawn as such lines.

use unicode_width::UnicodeWidthStr as _;

use crate::render::palette::{Label, Palette};

/// One line in labelled pieces, all of them escaped already.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pieces: Vec<(Label, String)>,
    /// A line of marks below the one that they are about; nothing is written after it.
    is_guide: bool,
}

impl Row {
    pub(super) fn new(label: Label, text: impl Into<String>) -> Self {
        Row { pieces: vec![(label, text.into())], is_guide: false }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Row::new(Label::Plain, text)
    }

    pub(super) fn indented(spaces: usize) -> Self {
        Row::plain(" ".repeat(spaces))
    }

    pub(super) fn guide(text: String) -> Self {
        Row { is_guide: true, ..Row::new(Label::Hidden, text) }
    }

    pub(super) fn and(mut self, label: Label, text: impl Into<String>) -> Self {
        self.pieces.push((label, text.into()));
        self
    }

    pub(super) fn extend(&mut self, other: Row) {
        self.pieces.extend(other.pieces);
    }

    /// Columns that it takes on a terminal.
    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// Appends the line and a newline. A line of spaces alone comes out empty.
    pub(super) fn paint_into(&self, palette: Palette, out: &mut String) {
        if self.pieces.iter().any(|(_, text)| text.contains(|letter| letter != ' ')) {
            for (label, text) in &self.pieces {
                out.push_str(&palette.paint(*label, text));
            }
        }
        out.push('\n');
    }
}

/// A value, drawn. The first row goes on in the line that the value begins in; the others are whole lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Drawn {
    pub(super) rows: Vec<Row>,
    /// The first row opens a bracket or a heredoc that the last one closes.
    pub(super) opens: bool,
}

impl Drawn {
    pub(super) fn line(row: Row) -> Self {
        Drawn { rows: vec![row], opens: false }
    }

    /// Puts a beginning in front of the first row.
    pub(super) fn after(mut self, start: Row) -> Self {
        let mut first = start;
        if let Some(row) = self.rows.first_mut() {
            first.extend(std::mem::take(row));
            *row = first;
        } else {
            self.rows.push(first);
        }
        self
    }

    /// Adds to the end of what was drawn.
    pub(super) fn then(mut self, label: Label, text: &str) -> Self {
        if let Some(row) = self.rows.iter_mut().rev().find(|row| !row.is_guide) {
            row.pieces.push((label, text.to_owned()));
        }
        self
    }

    /// Adds a remark where a reader meets it first: beside the opening bracket, else at the end.
    pub(super) fn remark(mut self, label: Label, text: &str) -> Self {
        if !self.opens {
            return self.then(label, text);
        }
        if let Some(row) = self.rows.first_mut() {
            row.pieces.push((label, text.to_owned()));
        }
        self
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
