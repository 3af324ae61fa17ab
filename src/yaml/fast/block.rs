//! Block mappings and block sequences.

use crate::scratch::ArenaVec;
use crate::source::Place;
use crate::yaml::fast::cursor::{Cursor, ends_token};
use crate::yaml::fast::scalar::{self, End};
use crate::yaml::fast::{block_scalar, flow};
use crate::yaml::scalar::resolve;
use crate::yaml::tree::{Content, Entry, Node};

/// Longer keys are none to the parser, which counts 1024 characters.
const KEY_LIMIT: usize = 1000;

/// From so many keys on, looking at each pair takes longer than sorting.
const PAIRWISE: usize = 16;

/// Room for the entries of most maps, and for the items of most lists.
const ENTRIES: usize = 8;
const ITEMS: usize = 4;

/// The collection that a document is; a scalar is left to the parser.
pub(super) fn root<'t>(cursor: &mut Cursor<'t>) -> Option<Node<'t>> {
    let node = node(cursor, -1, 0)?;
    matches!(node.content, Content::List(_) | Content::Map(_)).then_some(node)
}

/// The node that begins here, at the column of the cursor, in a block of this indentation and inside so many
/// collections. Leaves the cursor at the content after it.
fn node<'t>(cursor: &mut Cursor<'t>, parent: i32, depth: usize) -> Option<Node<'t>> {
    if cursor.at_dash() {
        return sequence(cursor, depth);
    }
    match cursor.here() {
        b'[' | b'{' => {
            let node = flow::collection(cursor, parent, depth)?;
            cursor.end_line()?;
            Some(node)
        }
        b'"' | b'\'' => {
            let (start, column) = (cursor.at, cursor.column());
            let key_start = cursor.place(start);
            let text = scalar::quoted(cursor)?;
            cursor.skip_spaces();
            if cursor.here() == b':' {
                let key = Key { text, start, key_start, key_end: cursor.place(cursor.at) };
                return mapping(cursor, column, key, depth);
            }
            quoted_value(cursor, key_start, text)
        }
        _ => {
            let (start, column) = (cursor.at, cursor.column());
            let key_start = cursor.place(start);
            let (text, text_end, end) = scalar::plain(cursor, false)?;
            let key_end = cursor.place(text_end);
            if end == End::Colon {
                let key = Key { text: plain_key(text)?, start, key_start, key_end };
                return mapping(cursor, column, key, depth);
            }
            cursor.end_line()?;
            Some(Node { start: key_start, end: key_end, content: resolve(text) })
        }
    }
}

/// A quoted scalar whose text was read. It ends after the blanks and the comment behind it.
fn quoted_value<'t>(cursor: &mut Cursor<'t>, start: Place, text: &'t str) -> Option<Node<'t>> {
    if cursor.here() == b'#' {
        cursor.comment()?;
    }
    let end = cursor.place(cursor.at);
    cursor.end_line()?;
    Some(Node { start, end, content: Content::Text(text) })
}

/// A key that was read; the cursor is at its colon.
struct Key<'t> {
    text: &'t str,
    start: usize,
    key_start: Place,
    key_end: Place,
}

fn plain_key(text: &str) -> Option<&str> {
    (text != "<<").then_some(text)
}

/// The next key of a mapping, which begins here.
fn key<'t>(cursor: &mut Cursor<'t>) -> Option<Key<'t>> {
    let start = cursor.at;
    let key_start = cursor.place(start);
    if matches!(cursor.here(), b'"' | b'\'') {
        let text = scalar::quoted(cursor)?;
        cursor.skip_spaces();
        return (cursor.here() == b':').then(|| Key { text, start, key_start, key_end: cursor.place(cursor.at) });
    }
    let (text, text_end, end) = scalar::plain(cursor, false)?;
    let text = plain_key(text)?;
    (end == End::Colon).then(|| Key { text, start, key_start, key_end: cursor.place(text_end) })
}

/// The mapping whose first key was read, and whose keys stand in this column.
fn mapping<'t>(cursor: &mut Cursor<'t>, column: i32, first: Key<'t>, depth: usize) -> Option<Node<'t>> {
    if depth >= crate::yaml::DEPTH_LIMIT {
        return None;
    }
    let start = first.key_start;
    let mut entries = ArenaVec::with_capacity_in(ENTRIES, cursor.arena);
    let mut next = first;
    loop {
        let Key { text, start, key_start, key_end } = next;
        if cursor.at - start > KEY_LIMIT || !ends_token(cursor.byte(cursor.at + 1)) {
            return None;
        }
        let value = value(cursor, column, depth)?;
        entries.push(Entry { key: text, key_start, key_end, value });
        if cursor.column() != column {
            break;
        }
        next = key(cursor)?;
    }
    if cursor.column() > column {
        return None;
    }
    Some(Node { start, end: cursor.block_end(), content: Content::Map(unique(kept(entries))?) })
}

/// What was collected, with the room that it did not need given back where that can be done.
fn kept<T: Copy>(mut collected: ArenaVec<'_, T>) -> &[T] {
    collected.shrink_to_fit();
    collected.into_bump_slice()
}

/// The value after the colon that is looked at, of a key in this column.
fn value<'t>(cursor: &mut Cursor<'t>, column: i32, depth: usize) -> Option<Node<'t>> {
    let colon = cursor.at;
    cursor.at += 1;
    cursor.skip_spaces();
    let at = cursor.at;
    match cursor.here() {
        b'\n' | b'#' | 0 => {
            let nothing = cursor.place(colon);
            cursor.end_line()?;
            if cursor.column() > column {
                node(cursor, column, depth + 1)
            } else if cursor.column() == column && cursor.at_dash() {
                sequence_under_key(cursor, depth + 1)
            } else {
                Some(Node { start: nothing, end: nothing, content: Content::Null })
            }
        }
        b'"' | b'\'' => {
            let start = cursor.place(at);
            let text = scalar::quoted(cursor)?;
            cursor.skip_spaces();
            quoted_value(cursor, start, text)
        }
        b'[' | b'{' => {
            let node = flow::collection(cursor, column, depth + 1)?;
            cursor.end_line()?;
            Some(node)
        }
        b'|' | b'>' => block_scalar::read(cursor, column),
        _ => {
            let start = cursor.place(at);
            let (text, text_end, end) = scalar::plain(cursor, false)?;
            if end == End::Colon {
                return None;
            }
            let end = cursor.place(text_end);
            cursor.end_line()?;
            Some(Node { start, end, content: resolve(text) })
        }
    }
}

/// A sequence in a column of its own.
fn sequence<'t>(cursor: &mut Cursor<'t>, depth: usize) -> Option<Node<'t>> {
    let column = cursor.column();
    let start = cursor.place(cursor.at);
    let (_, items) = items(cursor, column, depth)?;
    // In a column of its own nothing but items can stand.
    (cursor.column() < column).then(|| Node { start, end: cursor.block_end(), content: Content::List(items) })
}

/// A sequence whose dashes stand in the column of the key.
fn sequence_under_key<'t>(cursor: &mut Cursor<'t>, depth: usize) -> Option<Node<'t>> {
    let column = cursor.column();
    let (start, items) = items(cursor, column, depth)?;
    (cursor.column() <= column).then(|| Node { start, end: cursor.block_end(), content: Content::List(items) })
}

/// All items with a dash in this column, and where the first one begins.
fn items<'t>(cursor: &mut Cursor<'t>, column: i32, depth: usize) -> Option<(Place, &'t [Node<'t>])> {
    if depth >= crate::yaml::DEPTH_LIMIT {
        return None;
    }
    let mut items = ArenaVec::with_capacity_in(ITEMS, cursor.arena);
    let mut first = None;
    while cursor.column() == column && cursor.at_dash() {
        cursor.at += 1;
        cursor.skip_spaces();
        let below = matches!(cursor.here(), b'\n' | b'#' | 0);
        if below {
            cursor.rest_of_line()?;
        }
        let place = cursor.place(cursor.at);
        first = first.or(Some(place));
        items.push(if below { item_below(cursor, column, depth, place)? } else { item(cursor, column, depth)? });
    }
    Some((first?, kept(items)))
}

/// An item on the line of its dash.
fn item<'t>(cursor: &mut Cursor<'t>, column: i32, depth: usize) -> Option<Node<'t>> {
    if matches!(cursor.here(), b'|' | b'>') {
        return block_scalar::read(cursor, column);
    }
    cursor.content_here();
    node(cursor, column, depth + 1)
}

/// An item below its dash; null, with the place after the dash, when there is none.
fn item_below<'t>(cursor: &mut Cursor<'t>, column: i32, depth: usize, place: Place) -> Option<Node<'t>> {
    cursor.next_content()?;
    if cursor.column() > column {
        return node(cursor, column, depth + 1);
    }
    Some(Node { start: place, end: place, content: Content::Null })
}

/// The same entries, if no key stands twice.
pub(super) fn unique<'t>(entries: &'t [Entry<'t>]) -> Option<&'t [Entry<'t>]> {
    let twice = if entries.len() <= PAIRWISE {
        entries.iter().enumerate().any(|(index, entry)| entries[..index].iter().any(|other| other.key == entry.key))
    } else {
        let mut keys: Vec<&str> = entries.iter().map(|entry| entry.key).collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    };
    (!twice).then_some(entries)
}
