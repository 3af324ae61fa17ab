//! The order in which the members of a body are shown: `_type` first, then as Dixa documents them, then what is unknown by
//! name. `customAttributes` comes last; its ids, like the members of a free-form map, stand in ascending order.

use std::collections::BTreeMap;

use crate::conversation::CUSTOM_ATTRIBUTES;
use crate::shape::{Form, Shape, Union};
use crate::value::{Map, Value};

/// What is known of the shape of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    Form(&'static Form),
    Union(&'static Union),
    /// Free-form, or unknown to the tables.
    Nothing,
}

impl Known {
    /// What is known of the elements of a list.
    pub(super) fn element(self) -> Known {
        match self {
            Known::Form(Form::List(element)) => Known::Form(element),
            Known::Form(_) | Known::Union(_) | Known::Nothing => Known::Nothing,
        }
    }

    /// What is known of the member `name` of a map whose `_type` is `variant`.
    pub(super) fn member(self, variant: Option<&str>, name: &str) -> Known {
        let found = self.shape(variant).and_then(|shape| shape.member(name));
        found.map_or(Known::Nothing, |member| Known::Form(&member.form))
    }

    fn shape(self, variant: Option<&str>) -> Option<&'static Shape> {
        let union = match self {
            Known::Form(Form::Map(shape)) => return Some(shape),
            Known::Form(Form::Union(union)) => union,
            Known::Union(union) => union,
            Known::Form(_) | Known::Nothing => return None,
        };
        match variant {
            Some(name) => union.variant(name),
            None if union.optional_type => union.variants.first(),
            None => None,
        }
    }
}

/// Sorts the members of a map into the order in which they are shown.
pub(super) fn sort<T>(members: &mut [(&str, T)], known: Known, variant: Option<&str>) {
    let shape = known.shape(variant);
    let ranks: BTreeMap<&str, usize> =
        shape.into_iter().flat_map(|shape| shape.members).zip(1..).map(|(member, rank)| (member.name, rank)).collect();
    let structured = !matches!(known, Known::Nothing);
    members.sort_by_key(|(name, _)| {
        let rank = match *name {
            "_type" if structured => 0,
            CUSTOM_ATTRIBUTES if structured => usize::MAX,
            name => ranks.get(name).copied().unwrap_or(usize::MAX - 1),
        };
        (rank, *name)
    });
}

/// The `_type` of a map.
pub(super) fn variant(map: &Map) -> Option<&str> {
    map.get("_type").and_then(Value::as_text)
}

/// The same value, with all its members in the order in which they are shown.
pub(super) fn ordered(value: &Value, known: Known) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| ordered(item, known.element())).collect()),
        Value::Map(map) => {
            let variant = variant(map);
            let mut members: Vec<_> = map.iter().collect();
            sort(&mut members, known, variant);
            let mut sorted = Map::with_capacity(members.len());
            for (name, member) in members {
                sorted.push_unique(name.to_owned(), ordered(member, known.member(variant, name)));
            }
            Value::Map(sorted)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Withheld | Value::SetByDixaform => {
            value.clone()
        }
    }
}
