//! A JSON value in an arena: what a manifest or a spec says, for those who look at it once.
//!
//! [`Value`] is the form that lasts; this one costs next to nothing to build, copy and drop.

use crate::scratch::{Arena, ArenaVec};
use crate::value::{Map, Number, Value};

/// One JSON value. Members of a map are in the order in which they were written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View<'t> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'t str),
    List(&'t [View<'t>]),
    Map(Members<'t>),
    /// See [`Value::SetByDixaform`].
    SetByDixaform,
}

/// The members of a map. Names are unique.
pub type Members<'t> = &'t [(&'t str, View<'t>)];

impl<'t> View<'t> {
    /// A value; what was withheld is null, as it is in JSON.
    pub fn of(value: &'t Value, arena: &'t Arena) -> Self {
        match value {
            Value::Null | Value::Withheld => View::Null,
            Value::Bool(value) => View::Bool(*value),
            Value::Number(number) => View::Number(*number),
            Value::Text(text) => View::Text(text),
            Value::List(items) => {
                View::List(arena.alloc_slice_fill_iter(items.iter().map(|item| View::of(item, arena))))
            }
            Value::Map(map) => View::Map(members(map, arena)),
            Value::SetByDixaform => View::SetByDixaform,
        }
    }

    /// The form that lasts.
    pub fn to_value(self) -> Value {
        match self {
            View::Null => Value::Null,
            View::Bool(value) => Value::Bool(value),
            View::Number(number) => Value::Number(number),
            View::Text(text) => Value::text(text),
            View::List(items) => Value::List(items.iter().map(|item| item.to_value()).collect()),
            View::Map(members) => Value::Map(to_map(members)),
            View::SetByDixaform => Value::SetByDixaform,
        }
    }

    pub fn as_text(self) -> Option<&'t str> {
        match self {
            View::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The member `name` of a map; none for anything else.
    pub fn get(self, name: &str) -> Option<View<'t>> {
        match self {
            View::Map(members) => member(members, name),
            _ => None,
        }
    }

    /// Whether a member with this value means the same as no such member: see [`crate::digest`].
    pub fn is_absent(self) -> bool {
        matches!(self, View::List([]))
    }
}

/// The members of a map.
pub fn members<'t>(map: &'t Map, arena: &'t Arena) -> Members<'t> {
    let mut members = ArenaVec::with_capacity_in(map.len(), arena);
    members.extend(map.iter().map(|(name, value)| (name, View::of(value, arena))));
    members.into_bump_slice()
}

/// The map with these members.
pub fn to_map(members: Members<'_>) -> Map {
    let mut map = Map::with_capacity(members.len());
    for (name, value) in members {
        map.push_unique((*name).to_owned(), value.to_value());
    }
    map
}

/// The member `name`.
pub fn member<'t>(members: Members<'t>, name: &str) -> Option<View<'t>> {
    members.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// These members with one set: in its old position when it is there already, else last.
pub fn with_member<'t>(members: Members<'t>, name: &'t str, value: View<'t>, arena: &'t Arena) -> Members<'t> {
    let mut all = ArenaVec::with_capacity_in(members.len() + 1, arena);
    all.extend_from_slice_copy(members);
    match all.iter_mut().find(|(known, _)| *known == name) {
        Some((_, slot)) => *slot = value,
        None => all.push((name, value)),
    }
    all.into_bump_slice()
}
