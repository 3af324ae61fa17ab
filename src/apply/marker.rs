//! The `externalId` by which a conversation or an end user is found again.
//!
//! It follows from what another machine, another checkout or a new state knows as well, so that each of them finds what
//! the others have made.

use serde_json::Map;

use crate::conversation::{Address, Kind};
use crate::digest::Digest;

/// The marker of what an address describes, with this content, as the `number`th of the address, from 0 on.
/// `project` tells apart projects that work on one tenant. The content of an end user can change, and is no part of it.
pub fn marker(project: Option<&str>, address: &Address, content: Digest, number: u32) -> String {
    let project = project.unwrap_or_default();
    let content = if address.kind == Kind::EndUser { Digest::of_map(&Map::new()) } else { content };
    let text = format!("{project}\n{address}\n{content}\n{number}");
    format!("df-{}", Digest::of_bytes(text.as_bytes()).short(20))
}

/// Whether it is one of dixaform's own. Such a mark says all; one that a manifest gives may be that of another content.
pub fn is_own(marker: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    marker.strip_prefix("df-").is_some_and(|rest| rest.len() == 20 && rest.bytes().all(is_digit))
}
