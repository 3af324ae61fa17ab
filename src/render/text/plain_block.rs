//! The block of something new without colours and without a width, straight into one text.
//!
//! [`Canvas::block`] is the specification, and draws all other blocks: rows of labelled pieces, which can be painted
//! and wrapped, cost many times what the characters cost. Thousands of new conversations go to a file or a log this
//! way.

use memchr::{memchr, memchr_iter};
use unicode_width::UnicodeWidthStr as _;

use crate::plan::Change;
use crate::plan::member_diff::{added, is_word};
use crate::render::escape::{escape_into, escape_quoted_into};
use crate::render::text::string::{CHARACTERS_MAX, LINES_MAX};
use crate::render::text::value::{Canvas, INLINE_MAX, NAME_MAX};
use crate::scratch;
use crate::view::{Members, View};

/// Appends the block; false when it is one that only [`Canvas::block`] draws, and then nothing is appended.
pub(super) fn append(change: &Change, canvas: &Canvas, out: &mut String) -> bool {
    if !canvas.palette.is_plain() || canvas.width.is_some() {
        return false;
    }
    scratch::arena(|arena| {
        let Some(members) = added(change, arena) else { return false };
        let start = out.len();
        above(change, canvas, out);
        let drawn = block(members, out);
        if drawn.is_err() {
            out.truncate(start);
        }
        drawn.is_ok()
    })
}

/// [`Canvas::above`], without the line break at the end: the last line goes on with its brace.
fn above(change: &Change, canvas: &Canvas, out: &mut String) {
    if change.block.is_some() || change.id.is_some() {
        canvas.above(change).iter().for_each(|row| row.paint_into(canvas.palette, out));
        out.pop();
        return;
    }
    let (kind, name) = (change.address.kind.word(), change.address.name());
    for part in ["  # ", kind, ".", name, " ", change.action.header()] {
        out.push_str(part);
    }
    if let Some(source) = &change.source {
        out.push_str("  (");
        escape_into(&source.file, out);
        out.push_str(&format!(":{})", source.place.line));
    }
    out.push_str(match (change.irreversible, change.reaches_customer) {
        (false, false) => "",
        (true, false) => "\n  # irreversible",
        (false, true) => "\n  # reaches a customer",
        (true, true) => "\n  # irreversible, reaches a customer",
    });
    for part in ["\n  ", change.action.symbol(), " ", kind, " \"", name, "\""] {
        out.push_str(part);
    }
}

fn block(members: Members<'_>, out: &mut String) -> Result<(), NotDrawnHere> {
    let Names { pad, are_words } = Names::of(members)?;
    let names = Names { pad: pad.max("id".len()), are_words };
    out.push_str(" {\n");
    names.begin("id", 4, out);
    out.push_str("(known after apply)\n");
    for (name, value) in members {
        names.begin(name, 4, out);
        draw(*value, 4, out)?;
        out.push('\n');
    }
    out.push_str("    }\n");
    Ok(())
}

/// A part that only [`Canvas::block`] draws: a name that is not plain, a text that is cut, one that has a line like a
/// delimiter.
struct NotDrawnHere;

fn is_plain_name(name: &str) -> bool {
    name.len() <= NAME_MAX && name.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// The names of one level.
struct Names {
    /// The width that they are filled up to, quotes included.
    pad: usize,
    /// None needs quotes.
    are_words: bool,
}

impl Names {
    fn of(members: Members<'_>) -> Result<Self, NotDrawnHere> {
        let mut names = Names { pad: 0, are_words: true };
        for (name, _) in members {
            let is_word = is_word(name);
            if name.len() > NAME_MAX || !is_word && !is_plain_name(name) {
                return Err(NotDrawnHere);
            }
            names.are_words &= is_word;
            let width = name.len() + if is_word { 0 } else { 2 };
            names.pad = if width <= NAME_MAX { names.pad.max(width) } else { names.pad };
        }
        Ok(names)
    }

    /// The beginning of a member's line.
    fn begin(&self, name: &str, indent: usize, out: &mut String) {
        spaces(indent + 2, out);
        out.push_str("+ ");
        let quotes = if self.are_words || is_word(name) { "" } else { "\"" };
        for part in [quotes, name, quotes] {
            out.push_str(part);
        }
        spaces(self.pad.saturating_sub(name.len() + 2 * quotes.len()), out);
        out.push_str(" = ");
    }
}

/// A value whose level is indented by `indent`, without a line break at its end.
fn draw(value: View<'_>, indent: usize, out: &mut String) -> Result<(), NotDrawnHere> {
    match value {
        // A line has at most as many characters as the text has bytes.
        View::Text(text) if text.len() > CHARACTERS_MAX => return Err(NotDrawnHere),
        View::Text(text) if has_lines(text) => heredoc(text, indent, out)?,
        View::List(items) if !append_flat(items, out)? => {
            out.push_str("[\n");
            for item in items {
                spaces(indent + 6, out);
                out.push_str("+ ");
                draw(*item, indent + 4, out)?;
                out.push_str(",\n");
            }
            spaces(indent + 4, out);
            out.push(']');
        }
        View::List(_) => {}
        View::Map(members) if !members.is_empty() => {
            let names = Names::of(members)?;
            out.push_str("{\n");
            for (name, value) in members {
                names.begin(name, indent + 4, out);
                draw(*value, indent + 4, out)?;
                out.push('\n');
            }
            spaces(indent + 4, out);
            out.push('}');
        }
        View::Map(_) => out.push_str("{}"),
        scalar => append_scalar(scalar, out),
    }
    Ok(())
}

/// Appends a list of scalars that fits on a line; takes back what it appended of another one.
fn append_flat(items: &[View<'_>], out: &mut String) -> Result<bool, NotDrawnHere> {
    let start = out.len();
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        let is_flat = match item {
            View::Text(text) if text.len() > CHARACTERS_MAX => return Err(NotDrawnHere),
            View::Text(text) => !has_lines(text),
            View::List(_) | View::Map(_) => false,
            View::Null | View::Bool(_) | View::Number(_) | View::SetByDixaform => true,
        };
        // A column takes at most four bytes; the exact width is looked at in the end.
        if !is_flat || index > INLINE_MAX || out.len() - start > 8 * INLINE_MAX {
            out.truncate(start);
            return Ok(false);
        }
        out.push_str(if index > 0 { ", " } else { "" });
        append_scalar(*item, out);
    }
    out.push(']');
    let fits = out[start..].width() <= INLINE_MAX;
    if !fits {
        out.truncate(start);
    }
    Ok(fits)
}

fn append_scalar(value: View<'_>, out: &mut String) {
    match value {
        View::Text(text) => {
            out.push('"');
            escape_quoted_into(text, out);
            out.push('"');
        }
        View::Null => out.push_str("null"),
        View::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        View::Number(number) => out.push_str(&number.to_string()),
        View::SetByDixaform => out.push_str("(set by dixaform)"),
        View::List(_) | View::Map(_) => {}
    }
}

/// A text with lines.
fn heredoc(text: &str, indent: usize, out: &mut String) -> Result<(), NotDrawnHere> {
    out.push_str("<<-EOT\n");
    for (index, line) in lines(text.strip_suffix('\n').unwrap_or(text)).enumerate() {
        if index == LINES_MAX || line.trim_start().starts_with("EOT") {
            return Err(NotDrawnHere);
        }
        let start = out.len();
        spaces(indent + 8, out);
        escape_into(line, out);
        if out.as_bytes()[start..].iter().all(|byte| *byte == b' ') {
            out.truncate(start);
        }
        out.push('\n');
    }
    spaces(indent + 4, out);
    out.push_str("EOT");
    Ok(())
}

/// `text.contains('\n')`, sooner.
fn has_lines(text: &str) -> bool {
    memchr(b'\n', text.as_bytes()).is_some()
}

/// `text.split('\n')`, sooner.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    memchr_iter(b'\n', text.as_bytes()).chain(std::iter::once(text.len())).map(move |end| {
        let line = &text[start..end];
        start = end + 1;
        line
    })
}

fn spaces(count: usize, out: &mut String) {
    const SPACES: &str = "                                                                ";
    let mut left = count;
    while left > 0 {
        let part = left.min(SPACES.len());
        out.push_str(&SPACES[..part]);
        left -= part;
    }
}
