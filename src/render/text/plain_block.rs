//! The block of something new without colours and without a width, straight into one text.
//!
//! [`Canvas::block`] is the specification, and draws all other blocks: rows of labelled pieces, which can be painted
//! and wrapped, cost many times what the characters cost. Thousands of new conversations go to a file or a log this
//! way.

use unicode_width::UnicodeWidthStr as _;

use crate::plan::Change;
use crate::plan::member_diff::{added, is_word};
use crate::render::escape::{escape_into, escape_quoted_into};
use crate::render::text::row::Row;
use crate::render::text::string::{CHARACTERS_MAX, LINES_MAX};
use crate::render::text::value::{Canvas, INLINE_MAX, NAME_MAX};
use crate::value::{Map, Value};

/// Appends the block; false when it is one that only [`Canvas::block`] draws, and then nothing is appended.
pub(super) fn append(change: &Change, canvas: &Canvas, out: &mut String) -> bool {
    if !canvas.palette.is_plain() || canvas.width.is_some() {
        return false;
    }
    let Some(members) = added(change).filter(is_drawn_here) else { return false };
    let paint = |row: &Row, out: &mut String| row.paint_into(canvas.palette, out);
    canvas.above(change).iter().for_each(|row| paint(row, out));
    let names: Vec<&str> = std::iter::once("id").chain(members.iter().map(|(name, _)| name)).collect();
    let pad = padding(&names);
    out.pop();
    out.push_str(" {\n");
    begin("id", pad, 4, out);
    out.push_str("(known after apply)\n");
    for (name, value) in members.iter() {
        begin(name, pad, 4, out);
        draw(value, 4, out);
        out.push('\n');
    }
    out.push_str("    }\n");
    true
}

/// Whether every part has a name that stands without quotes or is plain, and no text is so long that it is cut.
fn is_drawn_here(members: &Map) -> bool {
    members.iter().all(|(name, value)| is_plain_name(name) && is_short(value))
}

fn is_plain_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.is_ascii()
        && !name.bytes().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\'))
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Text(text) => {
            // A line has at most as many characters as the text has bytes.
            let lines = text.bytes().filter(|byte| *byte == b'\n').count();
            text.len() <= CHARACTERS_MAX && lines < LINES_MAX && !(lines > 0 && text.contains("EOT"))
        }
        Value::List(items) => items.iter().all(is_short),
        Value::Map(map) => is_drawn_here(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Withheld | Value::SetByDixaform => true,
    }
}

/// The width that names of one level are filled up to, quotes included.
fn padding(names: &[&str]) -> usize {
    let widths = names.iter().map(|name| name.len() + if is_word(name) { 0 } else { 2 });
    widths.filter(|width| *width <= NAME_MAX).max().unwrap_or(0)
}

/// The beginning of a member's line.
fn begin(name: &str, pad: usize, indent: usize, out: &mut String) {
    spaces(indent + 2, out);
    out.push_str("+ ");
    let quotes = if is_word(name) { "" } else { "\"" };
    for part in [quotes, name, quotes] {
        out.push_str(part);
    }
    spaces(pad.saturating_sub(name.len() + 2 * quotes.len()), out);
    out.push_str(" = ");
}

/// A value whose level is indented by `indent`, without a line break at its end.
fn draw(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Text(text) if text.contains('\n') => heredoc(text, indent, out),
        Value::List(items) if !append_flat(items, out) => {
            out.push_str("[\n");
            for item in items {
                spaces(indent + 6, out);
                out.push_str("+ ");
                draw(item, indent + 4, out);
                out.push_str(",\n");
            }
            spaces(indent + 4, out);
            out.push(']');
        }
        Value::List(_) => {}
        Value::Map(map) if !map.is_empty() => {
            let names: Vec<&str> = map.iter().map(|(name, _)| name).collect();
            let pad = padding(&names);
            out.push_str("{\n");
            for (name, value) in map.iter() {
                begin(name, pad, indent + 4, out);
                draw(value, indent + 4, out);
                out.push('\n');
            }
            spaces(indent + 4, out);
            out.push('}');
        }
        Value::Map(_) => out.push_str("{}"),
        scalar => append_scalar(scalar, out),
    }
}

/// Appends a list of scalars that fits on a line; takes back what it appended of another one.
fn append_flat(items: &[Value], out: &mut String) -> bool {
    let start = out.len();
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        let is_flat = match item {
            Value::Text(text) => !text.contains('\n'),
            Value::List(_) | Value::Map(_) => false,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Withheld | Value::SetByDixaform => true,
        };
        // A column takes at most four bytes; the exact width is looked at in the end.
        if !is_flat || index > INLINE_MAX || out.len() - start > 8 * INLINE_MAX {
            out.truncate(start);
            return false;
        }
        out.push_str(if index > 0 { ", " } else { "" });
        append_scalar(item, out);
    }
    out.push(']');
    let fits = out[start..].width() <= INLINE_MAX;
    if !fits {
        out.truncate(start);
    }
    fits
}

fn append_scalar(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) => {
            out.push('"');
            escape_quoted_into(text, out);
            out.push('"');
        }
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::Withheld => out.push_str("(previous value not kept)"),
        Value::SetByDixaform => out.push_str("(set by dixaform)"),
        Value::List(_) | Value::Map(_) => {}
    }
}

/// A text with lines. None of them can be taken for the delimiter.
fn heredoc(text: &str, indent: usize, out: &mut String) {
    out.push_str("<<-EOT\n");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let start = out.len();
        spaces(indent + 8, out);
        escape_into(line, out);
        if out[start..].bytes().all(|byte| byte == b' ') {
            out.truncate(start);
        }
        out.push('\n');
    }
    spaces(indent + 4, out);
    out.push_str("EOT");
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
