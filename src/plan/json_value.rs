//! A value as a difference shows it: parts of it may be withheld, or be set by dixaform.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Value>),
    Map(Map),
    /// A value that was there and was not kept (`lastApplied: digest`). It stands only on the "before" side of a
    /// change; it equals nothing but itself, and as JSON it is `null`.
    Withheld,
    /// A value that dixaform sets when it is applied (a marker). It stands only on the "after" side of a change that is
    /// shown; it equals nothing but itself, and as JSON it is `null`.
    SetByDixaform,
}

impl Value {
    /// The value that JSON has.
    pub fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => Value::Number(Number::of(number)),
            serde_json::Value::String(text) => Value::text(text),
            serde_json::Value::Array(items) => Value::List(items.iter().map(Value::of).collect()),
            serde_json::Value::Object(map) => Value::Map(Map::of(map)),
        }
    }

    /// The value that JSON has, if it was kept.
    pub fn kept(value: Option<&serde_json::Value>) -> Self {
        value.map_or(Value::Withheld, Value::of)
    }

    /// The value that JSON has; what is withheld or set by dixaform is null there.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null | Value::Withheld | Value::SetByDixaform => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(Number::Integer(number)) => (*number).into(),
            Value::Number(Number::Unsigned(number)) => (*number).into(),
            Value::Number(Number::Float(number)) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Map(map) => {
                serde_json::Value::Object(map.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect())
            }
        }
    }

    /// What a place inside it holds; the steps of a JSON pointer.
    pub fn at_mut(&mut self, pointer: &str) -> Option<&mut Value> {
        pointer.split('/').skip(1).try_fold(self, |value, step| match value {
            Value::Map(map) => map.get_mut(&step.replace("~1", "/").replace("~0", "~")),
            Value::List(items) => items.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The member `name` of a map; none for anything else.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map().and_then(|map| map.get(name))
    }
}

/// A finite number. Integers keep all 64 bits; anything with a point or an exponent is a float.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Integer(i64),
    /// Only for integers beyond `i64::MAX`.
    Unsigned(u64),
    /// Never NaN, never infinite.
    Float(f64),
}

impl Number {
    fn of(number: &serde_json::Number) -> Self {
        let integer = || number.as_i64().map(Number::Integer).or_else(|| number.as_u64().map(Number::Unsigned));
        integer().unwrap_or_else(|| Number::Float(number.as_f64().unwrap_or_default()))
    }

    /// The one spelling of this number that [`crate::digest`] hashes: an integral float below 2^53 equals the integer.
    pub fn canonical(self) -> String {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Number::Integer(number) => number.to_string(),
            Number::Unsigned(number) => number.to_string(),
            Number::Float(number) if number.fract() == 0.0 && number.abs() < EXACT => {
                format!("{number:.0}").replace("-0", "0")
            }
            Number::Float(number) => format!("{number:e}"),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(number) => write!(out, "{number}"),
            Number::Unsigned(number) => write!(out, "{number}"),
            // `{:?}` keeps the point: 1.0 is written as a float again, and very large ones get an exponent.
            Number::Float(number) => write!(out, "{number:?}"),
        }
    }
}

/// The name of a member. Most are known to [`crate::shape`], and cost nothing to keep.
type Name = Cow<'static, str>;

/// The members of a map in the order in which they were written. Names are unique.
#[derive(Clone, Debug, Default)]
pub struct Map(Vec<(Name, Value)>);

impl Map {
    pub fn of(map: &serde_json::Map<String, serde_json::Value>) -> Self {
        Map(map.iter().map(|(name, value)| (name.clone().into(), Value::of(value))).collect())
    }

    pub fn new() -> Self {
        Map::default()
    }

    pub fn with_capacity(members: usize) -> Self {
        Map(Vec::with_capacity(members))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets `name`: in its old position when it is there already, else last.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        let name = name.into();
        match self.get_mut(&name) {
            Some(slot) => *slot = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a member without looking for an older one of that name; the caller knows that there is none.
    pub fn push_unique(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        self.0.push((name.into(), value));
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    /// Sorts members by their names.
    pub fn sort_by(&mut self, compare: impl Fn(&str, &str) -> Ordering) {
        self.0.sort_by(|(one, _), (other, _)| compare(one, other));
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(name, value)| (&**name, value))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl IntoIterator for Map {
    type Item = (Cow<'static, str>, Value);
    type IntoIter = std::vec::IntoIter<(Cow<'static, str>, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Value)> for Map {
    /// A later member of the same name wins.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        let mut positions: HashMap<String, usize> = HashMap::new();
        let mut map = Map::new();
        for (name, value) in members {
            match positions.get(&name) {
                Some(position) => map.0[*position].1 = value,
                None => {
                    positions.insert(name.clone(), map.0.len());
                    map.0.push((name.into(), value));
                }
            }
        }
        map
    }
}

/// The JSON of a value, on one line.
pub fn write(value: &Value) -> String {
    value.to_json().to_string()
}

/// Appends [`write()`].
pub fn write_into(value: &Value, out: &mut String) {
    out.push_str(&write(value));
}

/// Appends a text as a JSON string.
pub fn quote_into(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_members_is_no_difference_but_order_of_elements_is() {
        let one = Map::from_iter([("a".into(), Value::Null), ("b".into(), Value::Bool(true))]);
        let other = Map::from_iter([("b".into(), Value::Bool(true)), ("a".into(), Value::Null)]);
        assert_eq!(one, other);
        assert_ne!(
            Value::List(vec![Value::Null, Value::Bool(true)]),
            Value::List(vec![Value::Bool(true), Value::Null])
        );
    }

    #[test]
    fn an_integral_float_equals_the_integer() {
        assert_eq!(Number::Float(3.0), Number::Integer(3));
        assert_eq!(Number::Float(-0.0), Number::Integer(0));
        assert_ne!(Number::Float(3.5), Number::Integer(3));
        assert_eq!(Number::Unsigned(u64::MAX).canonical(), "18446744073709551615");
    }

    #[test]
    fn setting_a_member_again_keeps_its_position() {
        let mut map = Map::from_iter([("a".into(), Value::Null), ("b".into(), Value::Null)]);
        map.set("a", Value::Bool(false));
        assert_eq!(map.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    }
}
