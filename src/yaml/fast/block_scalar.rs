//! Literal and folded block scalars without an indentation indicator.

use crate::scratch::ArenaString;
use crate::yaml::fast::cursor::Cursor;
use crate::yaml::tree::{Content, Node};

/// The most memory that a text begins with, in bytes: room for most messages.
const LIKELY_LENGTH: usize = 2000;

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// The text so far, and the line breaks that were read and may yet be folded.
struct Lines<'t> {
    text: ArenaString<'t>,
    folded: bool,
    /// Blank lines after the last one with content.
    blank_lines: usize,
    /// The last line with content began with a blank.
    led_by_blank: bool,
}

impl<'t> Lines<'t> {
    /// One more line with content; not the first.
    fn push(&mut self, line: &str) {
        let begins_with_blank = line.starts_with([' ', '\t']);
        let folds = self.folded && !self.led_by_blank && !begins_with_blank;
        match (folds, self.blank_lines) {
            (true, 0) => self.text.push(' '),
            (true, _) => {}
            (false, _) => self.text.push('\n'),
        }
        self.push_blank_lines();
        self.blank_lines = 0;
        self.led_by_blank = begins_with_blank;
        self.text.push_str(line);
    }

    fn push_blank_lines(&mut self) {
        for _ in 0..self.blank_lines {
            self.text.push('\n');
        }
    }

    fn chomp(mut self, chomping: Chomping) -> &'t str {
        if chomping != Chomping::Strip {
            self.text.push('\n');
        }
        if chomping == Chomping::Keep {
            self.push_blank_lines();
        }
        self.text.shrink_to_fit();
        self.text.into_bump_str()
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
    let text = text(cursor, indent, folded, chomping)?;
    let end = cursor.place(cursor.at);
    cursor.next_content()?;
    Some(Node { start, end, content: Content::Text(text) })
}

/// The text from its first character on. Leaves the cursor where it ends.
fn text<'t>(cursor: &mut Cursor<'t>, indent: usize, folded: bool, chomping: Chomping) -> Option<&'t str> {
    let start = cursor.at;
    let line = content_line(cursor);
    let mut blank_lines = 0;
    if !own_line(cursor, indent, &mut blank_lines)? {
        let end = match chomping {
            Chomping::Strip => start + line.len(),
            Chomping::Clip => start + line.len() + 1,
            Chomping::Keep => usize::MAX,
        };
        // What stands in the text as it is needs no copy.
        if let Some(text) = cursor.text.get(start..end) {
            return Some(text);
        }
        let lines =
            Lines { text: ArenaString::from_str_in(line, cursor.arena), folded, blank_lines, led_by_blank: false };
        return Some(lines.chomp(chomping));
    }
    let capacity = LIKELY_LENGTH.min(cursor.text.len() - start);
    let mut text = ArenaString::with_capacity_in(capacity, cursor.arena);
    text.push_str(line);
    let mut lines = Lines { text, folded, blank_lines, led_by_blank: false };
    loop {
        lines.push(content_line(cursor));
        if !own_line(cursor, indent, &mut lines.blank_lines)? {
            return Some(lines.chomp(chomping));
        }
    }
}

/// The rest of a line. Leaves the cursor at the start of the next one, or at the end of the text.
fn content_line<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    let end = cursor.line_end(cursor.at);
    let line = &cursor.text[cursor.at..end];
    if end < cursor.text.len() {
        cursor.new_line(end + 1);
    } else {
        cursor.at = end;
    }
    line
}

/// Goes over blank lines and the indentation of the next one; whether it belongs to the scalar.
fn own_line(cursor: &mut Cursor<'_>, indent: usize, blank_lines: &mut usize) -> Option<bool> {
    loop {
        let start = cursor.at;
        while cursor.at - start < indent && cursor.here() == b' ' {
            cursor.at += 1;
        }
        match cursor.here() {
            b'\n' => {
                *blank_lines += 1;
                cursor.new_line(cursor.at + 1);
            }
            // Blanks before the end of the text may be a line, and may be none.
            0 if cursor.at > start => return None,
            0 => return Some(false),
            _ => return Some(cursor.at - start == indent),
        }
    }
}
