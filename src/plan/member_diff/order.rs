//! The order in which the members of a body are shown: `_type` first, then as Dixa documents them, then what is unknown by
//! name. `customAttributes` comes last; its ids, like the members of a free-form map, stand in ascending order.

use crate::conversation::CUSTOM_ATTRIBUTES;
use crate::plan::shown::{Map, Value};
use crate::shape::{Form, Shape, Union};

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

/// The order of the members of one map.
#[derive(Clone, Copy)]
struct Order {
    /// Whether the map is one that Dixa documents.
    structured: bool,
    shape: Option<&'static Shape>,
}

impl Order {
    fn of(known: Known, variant: Option<&str>) -> Self {
        Order { structured: !matches!(known, Known::Nothing), shape: known.shape(variant) }
    }

    /// What members are sorted by.
    fn key<'n>(&self, name: &'n str) -> (usize, &'n str) {
        (self.look_up(name, 0).0, name)
    }

    /// The rank of a member, and what is known of it. `likely` is the rank that it may well have.
    fn look_up(&self, name: &str, likely: usize) -> (usize, Known) {
        match name {
            "_type" if self.structured => (0, Known::Nothing),
            CUSTOM_ATTRIBUTES if self.structured => (usize::MAX, Known::Nothing),
            // A shape has a dozen members.
            name => match self.shape.and_then(|shape| shape.position(name, likely.saturating_sub(1))) {
                Some((position, member)) => (position + 1, Known::Form(&member.form)),
                None => (usize::MAX - 1, Known::Nothing),
            },
        }
    }

    fn member(&self, name: &str) -> Known {
        self.look_up(name, 0).1
    }
}

/// Sorts the members of a map into the order in which they are shown.
pub(super) fn sort<T>(members: &mut [(&str, T)], known: Known, variant: Option<&str>) {
    let order = Order::of(known, variant);
    members.sort_by(|(one, _), (other, _)| order.key(one).cmp(&order.key(other)));
}

/// The `_type` of a map.
pub(super) fn variant(map: &Map) -> Option<&str> {
    map.get("_type").and_then(Value::as_text)
}

/// The same value, with all its members in the order in which they are shown.
pub(super) fn ordered(mut value: Value, known: Known) -> Value {
    put_in_order(&mut value, known);
    value
}

fn put_in_order(value: &mut Value, known: Known) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| put_in_order(item, known.element())),
        Value::Map(map) => {
            let order = Order::of(known, variant(map));
            map.sort_by(|one, other| order.key(one).cmp(&order.key(other)));
            for (name, member) in map.iter_mut() {
                put_in_order(member, order.member(name));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Withheld | Value::SetByDixaform => {}
    }
}
