//! Flow collections: `[a, b]` and `{a: b}`, on one line or several.
//!
//! Lines inside of them are indented deeper than the block around them. The parser is milder with a bracket or comma
//! once it has seen a plain scalar in the collection: it may stand under the first letter of the key.

use crate::scratch::ArenaVec;
use crate::source::Place;
use crate::yaml::fast::block::unique;
use crate::yaml::fast::cursor::{Cursor, ends_token};
use crate::yaml::fast::scalar::{self, End};
use crate::yaml::scalar::resolve;
use crate::yaml::tree::{Content, Entry, Node};

/// The flow collection that begins here, in a block of this indentation and inside so many collections. Leaves the
/// cursor after the blanks and the comment behind it.
pub(super) fn collection<'t>(cursor: &mut Cursor<'t>, parent: i32, depth: usize) -> Option<Node<'t>> {
    cursor.plain_in_flow = false;
    nested(cursor, parent, depth)
}

fn nested<'t>(cursor: &mut Cursor<'t>, parent: i32, depth: usize) -> Option<Node<'t>> {
    if depth >= crate::yaml::DEPTH_LIMIT {
        return None;
    }
    let start = cursor.place(cursor.at);
    let is_map = cursor.here() == b'{';
    let closing = if is_map { b'}' } else { b']' };
    cursor.at += 1;
    skip_white(cursor, parent)?;
    let mut items = ArenaVec::new_in(cursor.arena);
    let mut entries = ArenaVec::new_in(cursor.arena);
    let mut last_comma = None;
    while cursor.here() != closing {
        last_comma = None;
        if is_map {
            entries.push(entry(cursor, parent, depth)?);
        } else {
            items.push(node(cursor, parent, depth)?);
        }
        skip_white(cursor, parent)?;
        if cursor.here() == b',' {
            cursor.at += 1;
            last_comma = Some(behind(cursor)?);
            skip_white(cursor, parent)?;
        } else if cursor.here() != closing {
            return None;
        }
    }
    cursor.at += 1;
    let end = behind(cursor)?;
    if is_map {
        // The parser takes a comma without an entry after it for the end.
        return Some(Node {
            start,
            end: last_comma.unwrap_or(end),
            content: Content::Map(unique(entries.into_bump_slice())?),
        });
    }
    Some(Node { start, end, content: Content::List(items.into_bump_slice()) })
}

/// Goes over blanks and a comment; the place after them.
fn behind(cursor: &mut Cursor<'_>) -> Option<Place> {
    cursor.skip_spaces();
    if cursor.here() == b'#' {
        cursor.comment()?;
    }
    Some(cursor.place(cursor.at))
}

fn entry<'t>(cursor: &mut Cursor<'t>, parent: i32, depth: usize) -> Option<Entry<'t>> {
    let start = cursor.at;
    let key_start = cursor.place(start);
    let (key, key_end) = if matches!(cursor.here(), b'"' | b'\'') {
        let key = scalar::quoted(cursor)?;
        cursor.skip_spaces();
        (key, cursor.place(cursor.at))
    } else {
        let (text, text_end, end) = scalar::plain(cursor, true)?;
        cursor.plain_in_flow = true;
        if end != End::Colon || text == "<<" || !ends_token(cursor.byte(cursor.at + 1)) {
            return None;
        }
        (text, cursor.place(text_end))
    };
    if cursor.here() != b':' {
        return None;
    }
    cursor.at += 1;
    cursor.skip_spaces();
    let value = node(cursor, parent, depth)?;
    Some(Entry { key, key_start, key_end, value })
}

/// A value or an item.
fn node<'t>(cursor: &mut Cursor<'t>, parent: i32, depth: usize) -> Option<Node<'t>> {
    let at = cursor.at;
    match cursor.here() {
        b'[' | b'{' => nested(cursor, parent, depth + 1),
        b'"' | b'\'' => {
            let start = cursor.place(at);
            let text = scalar::quoted(cursor)?;
            Some(Node { start, end: behind(cursor)?, content: Content::Text(text) })
        }
        b'\n' => None,
        _ => {
            let start = cursor.place(at);
            let (text, text_end, end) = scalar::plain(cursor, true)?;
            cursor.plain_in_flow = true;
            let content = resolve(text);
            (end == End::Value).then(|| Node { start, end: cursor.place(text_end), content })
        }
    }
}

/// Goes over blanks, comments and line breaks to the next token, which must be indented.
fn skip_white(cursor: &mut Cursor<'_>, parent: i32) -> Option<()> {
    cursor.skip_spaces();
    match cursor.here() {
        b'\n' => {}
        b'#' => cursor.comment()?,
        _ => return Some(()),
    }
    cursor.next_content()?;
    let closes = matches!(cursor.here(), b']' | b'}' | b',') && cursor.plain_in_flow && cursor.column() == parent;
    (cursor.column() > parent && cursor.column() >= 0 || closes).then_some(())
}
