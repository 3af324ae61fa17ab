//! The order in which the members of a body are shown: `_type` first, then as Dixa documents them, then what is unknown
//! by name. `customAttributes` comes after them, and then how a conversation is handled; the ids of attributes, like
//! the members of a free-form map, are in ascending order.

use std::borrow::Cow;

use crate::conversation::CUSTOM_ATTRIBUTES;
use crate::handling;
use crate::plan::shown::{Named, Shown};
use crate::shape::{Form, Shape, Tag, Union};

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
            Known::Form(Form::List(element) | Form::Set(element)) => Known::Form(element),
            Known::Form(_) | Known::Union(_) | Known::Nothing => Known::Nothing,
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
            None if union.tag != Tag::Required => union.variants.first(),
            None => None,
        }
    }
}

/// The rank of the first member that is set afterwards.
const AFTERWARDS: usize = usize::MAX - 1 - handling::MEMBERS.len();

/// The order of the members of one map.
#[derive(Clone, Copy)]
pub(super) struct Order {
    /// Whether the map is one that Dixa documents.
    structured: bool,
    shape: Option<&'static Shape>,
}

impl Order {
    /// That of a map whose `_type` is `variant`.
    pub(super) fn of(known: Known, variant: Option<&str>) -> Self {
        Order { structured: !matches!(known, Known::Nothing), shape: known.shape(variant) }
    }

    /// What is known of the member `name`.
    pub(super) fn member(&self, name: &str) -> Known {
        self.look_up(name, 0).1
    }

    /// Puts members in the order in which they are shown.
    pub(super) fn sort<T>(&self, members: &mut [(Cow<'_, str>, T)]) {
        let (mut before, mut is_sorted) = ((0_usize, ""), true);
        for (name, _) in members.iter() {
            let rank = (self.look_up(name, before.0.saturating_add(1)).0, &**name);
            is_sorted &= before <= rank;
            before = rank;
        }
        // Most are written as Dixa documents them.
        if !is_sorted {
            members.sort_by(|(one, _), (other, _)| {
                let rank = |name| self.look_up(name, 0).0;
                (rank(one), one).cmp(&(rank(other), other))
            });
        }
    }

    /// The rank of a member, and what is known of it. `likely` is the rank that it may well have.
    fn look_up(&self, name: &str, likely: usize) -> (usize, Known) {
        match name {
            "_type" if self.structured => (0, Known::Nothing),
            CUSTOM_ATTRIBUTES if self.structured => (AFTERWARDS, Known::Nothing),
            // A shape has a dozen members.
            name => match self.shape.and_then(|shape| shape.position(name, likely.saturating_sub(1))) {
                Some((position, member)) => (position + 1, Known::Form(&member.form)),
                None => match handling::MEMBERS.iter().position(|known| *known == name && self.structured) {
                    Some(position) => (AFTERWARDS + 1 + position, Known::Nothing),
                    None => (AFTERWARDS - 1, Known::Nothing),
                },
            },
        }
    }
}

/// The `_type` of a map.
pub(super) fn variant<'m>(members: &'m Named<'_>) -> Option<&'m str> {
    members.iter().find_map(|(name, value)| match value {
        Shown::Text(text) if name == "_type" => Some(&**text),
        _ => None,
    })
}

/// The same value, with all its members in the order in which they are shown.
pub(super) fn ordered(mut value: Shown<'_>, known: Known) -> Shown<'_> {
    put_in_order(&mut value, known);
    value
}

fn put_in_order(value: &mut Shown<'_>, known: Known) {
    match value {
        Shown::List(items) => items.iter_mut().for_each(|item| put_in_order(item, known.element())),
        Shown::Map(members) => {
            let order = Order::of(known, variant(members));
            order.sort(members);
            for (name, member) in members {
                put_in_order(member, order.member(name));
            }
        }
        Shown::Null | Shown::Bool(_) | Shown::Number(_) | Shown::Text(_) | Shown::Withheld | Shown::SetByDixaform => {}
    }
}
