//! Scalars of one line: plain and quoted.

use crate::scratch::ArenaString;
use crate::yaml::fast::cursor::{Cursor, ends_token};

/// What ended a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A `:` that is looked at: the scalar was a key.
    Colon,
    /// The end of the line, or a comment, or the end of an item of a flow collection.
    Value,
}

/// What a byte is to a plain scalar: 0 for a letter of it, else some of the bits below.
static CLASS: [u8; 256] = classes();
/// May end a plain scalar.
const STOP: u8 = 1;
/// May end a plain scalar in a flow collection.
const FLOW: u8 = 2;
/// Can't begin a plain scalar, or only before certain bytes.
const INDICATOR: u8 = 4;

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let indicators = b"-?:,[]{}#&*!|>'\"%@`";
    while index < indicators.len() {
        table[indicators[index] as usize] = INDICATOR;
        index += 1;
    }
    index = 0;
    let flow = b",[]{}";
    while index < flow.len() {
        table[flow[index] as usize] |= FLOW;
        index += 1;
    }
    index = 0;
    let stops = b"\n\t:#\0";
    while index < stops.len() {
        table[stops[index] as usize] |= STOP;
        index += 1;
    }
    table
}

#[inline]
fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// A plain scalar that begins here, and the index at which its text ends, blanks left out. Leaves the cursor at what
/// ended it.
pub(super) fn plain<'t>(cursor: &mut Cursor<'t>, in_flow: bool) -> Option<(&'t str, usize, End)> {
    let start = cursor.at;
    let first = cursor.here();
    if is(first, INDICATOR) {
        // Negative numbers, and words such as `--flag`.
        let next = cursor.byte(start + 1);
        if first != b'-' || ends_token(next) || is(next, FLOW) {
            return None;
        }
    }
    let stop = if in_flow { STOP | FLOW } else { STOP };
    let mut at = start;
    let end = loop {
        at = cursor.find(at, |byte| is(byte, stop));
        match cursor.byte(at) {
            b'\t' => return None,
            b':' => {
                let next = cursor.byte(at + 1);
                if ends_token(next) {
                    break End::Colon;
                }
                if in_flow && is(next, FLOW) {
                    return None;
                }
            }
            b'#' if cursor.byte(at - 1) != b' ' => {}
            _ => break End::Value,
        }
        at += 1;
    };
    if at == start {
        return None;
    }
    cursor.at = at;
    let text = cursor.text[start..at].trim_end_matches(' ');
    // A word that begins with `-` before a bracket is an error of the parser.
    if in_flow && is(cursor.here(), FLOW) && cursor.byte(at - 1) == b'-' {
        return None;
    }
    Some((text, start + text.len(), end))
}

/// A quoted scalar of one line that begins here. Leaves the cursor after its second quote.
pub(super) fn quoted<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    let quote = cursor.here();
    cursor.at += 1;
    let mut from = cursor.at;
    let mut owned: Option<ArenaString<'t>> = None;
    loop {
        cursor.at = cursor.find(cursor.at, |byte| matches!(byte, b'\'' | b'"' | b'\\' | b'\n'));
        let byte = cursor.here();
        let piece = &cursor.text[from..cursor.at];
        if byte == quote && !(quote == b'\'' && cursor.byte(cursor.at + 1) == b'\'') {
            cursor.at += 1;
            return Some(match owned {
                None => piece,
                Some(before) => (before + piece).into_bump_str(),
            });
        }
        match byte {
            b'\n' | 0 => return None,
            b'\'' if quote == b'\'' => {
                let text = owned.get_or_insert_with(|| ArenaString::new_in(cursor.arena));
                text.push_str(piece);
                text.push('\'');
                cursor.at += 2;
                from = cursor.at;
            }
            b'\\' if quote == b'"' => {
                let text = owned.get_or_insert_with(|| ArenaString::new_in(cursor.arena));
                text.push_str(piece);
                text.push(escape(cursor)?);
                from = cursor.at;
            }
            // The other quote, and a backslash in single quotes.
            _ => cursor.at += 1,
        }
    }
}

/// The character that an escape stands for. <https://yaml.org/spec/1.2.2/#57-escaped-characters>
fn escape(cursor: &mut Cursor<'_>) -> Option<char> {
    let digits = match cursor.byte(cursor.at + 1) {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        letter => {
            cursor.at += 2;
            return named_escape(letter);
        }
    };
    let from = cursor.at + 2;
    let text = cursor.text.get(from..from + digits)?;
    // Else it would take a sign.
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    cursor.at = from + digits;
    char::from_u32(u32::from_str_radix(text, 16).ok()?)
}

fn named_escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0b',
        b'f' => '\x0c',
        b'r' => '\r',
        b'e' => '\x1b',
        b' ' | b'"' | b'/' | b'\\' => letter as char,
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
