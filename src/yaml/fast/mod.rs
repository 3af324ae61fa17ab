//! The short way from text to tree, for YAML as manifests are written: one pass over the bytes, scalars borrowed.
//!
//! It reads a part of YAML only: block mappings with simple keys, block sequences, flow collections, scalars of one
//! line, block scalars, comments and `---`. At anything else, at anything that is wrong and at the least doubt it gives
//! up and says nothing: then [`crate::yaml`] reads the whole text again through the parser, which alone knows what is
//! right and makes all findings. So this module may be narrow, but where it answers, the answer is the same node for
//! node and place for place. `tests.rs` holds it to that.
//!
//! Some rules here look odd because the places do: the parser lets a quoted scalar and a flow collection end after the
//! blanks and the comment behind them, a block collection where the next token begins, and a sequence that is not
//! indented under its key begin at its first item instead of its first dash.

mod block;
mod block_scalar;
mod cursor;
mod flow;
mod scalar;

use crate::scratch::Arena;
use crate::yaml::fast::cursor::Cursor;
use crate::yaml::tree::Node;

/// All documents that are not empty; none when the parser has to look.
pub(super) fn read<'t>(text: &'t str, arena: &'t Arena) -> Option<Vec<Node<'t>>> {
    if has_odd_bytes(text.as_bytes()) {
        return None;
    }
    let mut cursor = Cursor::new(text, arena);
    let mut documents = Vec::new();
    cursor.next_content()?;
    while !cursor.at_end() {
        if cursor.column() >= 0 {
            documents.push(block::root(&mut cursor)?);
            if cursor.column() >= 0 {
                return None;
            }
        } else {
            cursor.document_start()?;
        }
    }
    Some(documents)
}

/// Carriage returns, byte order marks, and U+0000, which stands for the end in [`Cursor::byte`].
fn has_odd_bytes(bytes: &[u8]) -> bool {
    // U+FEFF is EF BB BF, and EF begins punctuation of East Asia too.
    memchr::memchr3_iter(b'\r', 0, 0xef, bytes)
        .any(|index| bytes[index] != 0xef || bytes[index..].starts_with(b"\xef\xbb\xbf"))
}

#[cfg(test)]
mod tests;
