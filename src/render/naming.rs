//! What people call things, beside their ids in the lines of a difference.

use std::collections::BTreeMap;

use crate::render::escape::escape;
use crate::render::lines::{Content, Line, Pieces, Side, Text};

/// Puts names beside ids; `names` are by id.
pub(super) fn put_beside(lines: &mut [Line<'_>], names: &BTreeMap<String, String>) {
    if names.is_empty() {
        return;
    }
    for index in 0..lines.len() {
        let key = lines[index].key.as_ref().and_then(|key| names.get(key.name.trim_matches('"')));
        let value = match &lines[index].content {
            Content::Quoted(Text { pieces: Pieces::One(text), .. }) => names.get(&**text),
            _ => None,
        };
        let Some(name) = key.or(value) else { continue };
        // At the end of the line, behind both sides of a change.
        let goes_on = lines.get(index + 1).is_some_and(|next| next.side == Side::After { beside: true });
        lines[index + usize::from(goes_on)].remark = Some(format!("# {}", escape(name)));
    }
}
