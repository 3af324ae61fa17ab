//! A value as a difference shows it: parts of it can be withheld, or be set by dixaform. It is the leaf of a
//! difference, and borrows what it can from the change that the difference is about.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::spec::Spec;
use crate::state::Before;

/// One JSON value, or what stands in for one.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown<'c> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'c, str>),
    List(Vec<Shown<'c>>),
    Map(Named<'c>),
    /// It was there and was not kept (`lastApplied: digest`). Equal to no other value.
    Withheld,
    /// It is set when the change is applied: the `externalId` by which a conversation is found again.
    SetByDixaform,
}

/// The members of a map. Names are unique.
pub type Named<'c> = Vec<(Cow<'c, str>, Shown<'c>)>;

impl<'c> Shown<'c> {
    pub(super) fn of_spec(spec: &'c Spec) -> Self {
        serde_json::from_str(spec.json()).unwrap_or(Shown::Null)
    }

    pub(super) fn of_before(before: &'c Before) -> Self {
        let members = before.spec.iter().map(|(name, value)| (Cow::from(name), Shown::from(value)));
        let mut shown = Shown::Map(members.collect());
        for pointer in &before.withheld {
            if let Some(place) = shown.at_mut(pointer) {
                *place = Shown::Withheld;
            }
        }
        shown
    }

    /// What a place inside it holds; the place as a JSON pointer.
    pub(super) fn at_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        pointer.split('/').skip(1).try_fold(self, |value, step| match value {
            Shown::Map(members) => {
                let name = step.replace("~1", "/").replace("~0", "~");
                members.iter_mut().find(|(member, _)| *member == name).map(|(_, value)| value)
            }
            Shown::List(items) => items.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// A member with this value means the same as no such member.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Shown::List(items) if items.is_empty())
    }

    pub(super) fn has_withheld(&self) -> bool {
        match self {
            Shown::Withheld | Shown::SetByDixaform => true,
            Shown::List(items) => items.iter().any(Shown::has_withheld),
            Shown::Map(members) => members.iter().any(|(_, value)| value.has_withheld()),
            Shown::Null | Shown::Bool(_) | Shown::Number(_) | Shown::Text(_) => false,
        }
    }

    /// As JSON, with null for what is not known.
    pub fn to_json(&self) -> Value {
        match self {
            Shown::Null | Shown::Withheld | Shown::SetByDixaform => Value::Null,
            Shown::Bool(value) => (*value).into(),
            Shown::Number(number) => Value::Number(number.clone()),
            Shown::Text(text) => Value::String(text.to_string()),
            Shown::List(items) => items.iter().map(Shown::to_json).collect(),
            Shown::Map(members) => members.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect(),
        }
    }
}

impl<'c> From<&'c Value> for Shown<'c> {
    fn from(value: &'c Value) -> Self {
        match value {
            Value::Null => Shown::Null,
            Value::Bool(value) => Shown::Bool(*value),
            Value::Number(number) => Shown::Number(number.clone()),
            Value::String(text) => Shown::Text(text.into()),
            Value::Array(items) => Shown::List(items.iter().map(Shown::from).collect()),
            Value::Object(members) => {
                Shown::Map(members.iter().map(|(name, value)| (name.into(), value.into())).collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Shown<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(ShownVisitor)
    }
}

/// A name that borrows where it can.
#[derive(serde::Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

struct ShownVisitor;

impl<'de> Visitor<'de> for ShownVisitor {
    type Value = Shown<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shown<'de>, E> {
        Ok(Shown::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shown<'de>, E> {
        Ok(Shown::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shown<'de>, E> {
        Ok(Shown::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shown<'de>, E> {
        Ok(Shown::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shown<'de>, E> {
        Ok(Number::from_f64(value).map_or(Shown::Null, Shown::Number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Shown<'de>, E> {
        Ok(Shown::Text(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shown<'de>, E> {
        Ok(Shown::Text(value.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Shown<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = source.next_element()? {
            items.push(item);
        }
        Ok(Shown::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Shown<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = source.next_entry()? {
            members.push((name, value));
        }
        Ok(Shown::Map(members))
    }
}
