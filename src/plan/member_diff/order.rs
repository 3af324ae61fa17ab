//! The order in which the members of a body are shown: `_type` first, then as Dixa documents them, then what is unknown by
//! name. `customAttributes` comes last; its ids, like the members of a free-form map, stand in ascending order.

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

    /// Where a member stands among those of a map whose `_type` is `variant`.
    fn rank(self, variant: Option<&str>, name: &str) -> usize {
        let structured = !matches!(self, Known::Nothing);
        match name {
            "_type" if structured => 0,
            CUSTOM_ATTRIBUTES if structured => usize::MAX,
            // A shape has a dozen members.
            name => {
                let documented = self.shape(variant).map_or([].as_slice(), |shape| shape.members);
                documented.iter().position(|member| member.name == name).map_or(usize::MAX - 1, |at| at + 1)
            }
        }
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
    members.sort_by(|(one, _), (other, _)| (known.rank(variant, one), *one).cmp(&(known.rank(variant, other), *other)));
}

/// The `_type` of a map.
pub(super) fn variant(map: &Map) -> Option<&str> {
    map.get("_type").and_then(Value::as_text)
}

/// The same value, with all its members in the order in which they are shown.
pub(super) fn ordered(value: Value, known: Known) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(|item| ordered(item, known.element())).collect()),
        Value::Map(map) => {
            let variant = variant(&map).map(str::to_owned);
            let variant = variant.as_deref();
            let mut members: Vec<_> = map.into_iter().map(|member| (known.rank(variant, &member.0), member)).collect();
            members.sort_by(|(rank, (name, _)), (other_rank, (other, _))| (rank, name).cmp(&(other_rank, other)));
            let mut sorted = Map::with_capacity(members.len());
            for (_, (name, member)) in members {
                let known = known.member(variant, &name);
                sorted.push_unique(name, ordered(member, known));
            }
            Value::Map(sorted)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Withheld | Value::SetByDixaform => {
            value
        }
    }
}
