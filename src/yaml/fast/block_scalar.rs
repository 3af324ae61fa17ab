//! Literal and folded block scalars without an indentation indicator.

use std::borrow::Cow;

use crate::yaml::fast::cursor::Cursor;
use crate::yaml::tree::{Content, Node};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// The text so far, and the line breaks that were read and may yet be dropped or folded.
struct Lines {
    text: String,
    folded: bool,
    /// The last content line ended with a line break.
    open_break: bool,
    /// Blank lines after it.
    blank_lines: usize,
    /// The last content line began with a blank.
    led_by_blank: bool,
}

impl Lines {
    fn push(&mut self, line: &str) {
        let begins_with_blank = line.starts_with([' ', '\t']);
        let folds = self.folded && self.open_break && !self.led_by_blank && !begins_with_blank;
        if self.open_break && !folds {
            self.text.push('\n');
        } else if folds && self.blank_lines == 0 {
            self.text.push(' ');
        }
        for _ in 0..self.blank_lines {
            self.text.push('\n');
        }
        self.blank_lines = 0;
        self.led_by_blank = begins_with_blank;
        self.text.push_str(line);
    }

    fn chomp(mut self, chomping: Chomping) -> String {
        if chomping != Chomping::Strip {
            self.text.push('\n');
        }
        if chomping == Chomping::Keep {
            for _ in 0..self.blank_lines {
                self.text.push('\n');
            }
        }
        self.text
    }
}

/// A block scalar whose `|` or `>` is here, in a block of this indentation. Leaves the cursor at the next content.
///
/// Its place begins at its text, and ends where the first line that is none of its own has no more of its indentation.
pub(super) fn read<'t>(cursor: &mut Cursor<'t>, parent: i32) -> Option<Node<'t>> {
    let folded = cursor.here() == b'>';
    cursor.at += 1;
    let chomping = match cursor.here() {
        b'-' => Chomping::Strip,
        b'+' => Chomping::Keep,
        _ => Chomping::Clip,
    };
    if chomping != Chomping::Clip {
        cursor.at += 1;
    }
    cursor.rest_of_line()?;
    if cursor.at_end() {
        return None;
    }
    cursor.new_line(cursor.at + 1);
    let first = cursor.at;
    cursor.skip_spaces();
    let indent = cursor.at - first;
    // Blank lines first, no text at all, and a tab for an indentation.
    if (indent as i32) <= parent || matches!(cursor.here(), b'\n' | b'\t' | 0) {
        return None;
    }
    let start = cursor.place(cursor.at);
    let mut lines = Lines { text: String::new(), folded, open_break: false, blank_lines: 0, led_by_blank: false };
    let one = cursor.line_end(cursor.at);
    let text = &cursor.text[cursor.at..one];
    let mut content = if chomping == Chomping::Strip { Some(Cow::Borrowed(text)) } else { None };
    if more_lines(cursor, indent, &mut lines)? {
        content = None;
    }
    let end = cursor.place(cursor.at);
    cursor.next_content()?;
    let content = content.unwrap_or_else(|| Cow::Owned(lines.chomp(chomping)));
    Some(Node { start, end, content: Content::Text(content) })
}

/// Reads all lines from the first content on; whether there was more than one.
fn more_lines(cursor: &mut Cursor<'_>, indent: usize, lines: &mut Lines) -> Option<bool> {
    lines.text.reserve(512);
    let mut several = false;
    loop {
        let end = cursor.line_end(cursor.at);
        lines.push(&cursor.text[cursor.at..end]);
        if end >= cursor.text.len() {
            // A last line without a line break counts as if it had one.
            cursor.at = end;
            return Some(several);
        }
        lines.open_break = true;
        cursor.new_line(end + 1);
        if !own_line(cursor, indent, lines)? {
            return Some(several);
        }
        several = true;
    }
}

/// Goes over blank lines and the indentation of the next one; whether it belongs to the scalar.
fn own_line(cursor: &mut Cursor<'_>, indent: usize, lines: &mut Lines) -> Option<bool> {
    loop {
        let start = cursor.at;
        while cursor.at - start < indent && cursor.here() == b' ' {
            cursor.at += 1;
        }
        match cursor.here() {
            b'\n' => {
                lines.blank_lines += 1;
                cursor.new_line(cursor.at + 1);
            }
            // Blanks before the end of the text may be a line, and may be none.
            0 if cursor.at > start => return None,
            0 => return Some(false),
            _ => return Some(cursor.at - start == indent),
        }
    }
}
