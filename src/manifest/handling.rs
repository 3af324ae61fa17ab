//! `tags`, `queue`, `assignee` and `state`: how a conversation is handled once it is there.

use serde_json::{Map, Value};

use crate::conversation::Kind;
use crate::handling::{self, Handling};
use crate::manifest::body;
use crate::reporter::Reporter;
use crate::shape;
use crate::yaml::Node;

/// The names of the members that a manifest of a kind can have; an end user is not handled.
pub(super) fn members(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::EndUser => &[],
        Kind::Conversation | Kind::Import => &handling::MEMBERS,
    }
}

/// What a spec says of it; none when anything was wrong.
pub(super) fn check(spec: &Node<'_>, kind: Kind, reporter: &mut Reporter<'_>) -> Option<Handling> {
    let mut found = Map::new();
    let mut complete = true;
    for name in members(kind) {
        let Some(entry) = spec.get(name) else { continue };
        let member = shape::HANDLING.member(name)?;
        match body::check(&member.form, &entry.value, name, reporter) {
            Some(value) => drop(found.insert((*name).to_owned(), as_meant(value))),
            None => complete = false,
        }
    }
    complete.then(|| Handling::taken_from(&mut found).ok())?
}

/// An id is the same in either case; the names of tags and states are not.
fn as_meant(value: Value) -> Value {
    match value {
        Value::String(text) if uuid::Uuid::try_parse(&text).is_ok() => text.to_ascii_lowercase().into(),
        other => other,
    }
}
