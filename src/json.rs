//! JSON text to values. Unlike serde's own reader, this one refuses a member that is there twice, as every reader of
//! ours does.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Reads one JSON value.
///
/// # Errors
/// Not JSON, a duplicate member, or more than 128 levels deep.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Unique>(text).map(|unique| unique.0)
}

/// JSON over several lines, indented by two spaces, with a newline at the end.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A value without duplicate members, for use inside the structs of a file format.
#[derive(Debug)]
pub struct Unique(pub Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = source.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = source.next_key::<String>()? {
            match map.entry(name) {
                Entry::Vacant(free) => free.insert(source.next_value::<Unique>()?.0),
                Entry::Occupied(taken) => {
                    return Err(A::Error::custom(format!("duplicate member `{}`", taken.key())));
                }
            };
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_stays_and_duplicates_are_refused_at_any_depth() {
        let text = r#"{"b":[1,-2,18446744073709551615,1.5,"\u00e9\n"],"a":{"x":null,"y":true}}"#;
        let value = parse(text).expect("valid");
        assert_eq!(value.to_string(), r#"{"b":[1,-2,18446744073709551615,1.5,"é\n"],"a":{"x":null,"y":true}}"#);
        assert_eq!(
            pretty(&parse(r#"{"a":[],"b":{"c":1}}"#).expect("valid")),
            "{\n  \"a\": [],\n  \"b\": {\n    \"c\": 1\n  }\n}\n"
        );
        for duplicate in [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"b":2,"a":3}}]"#] {
            let error = parse(duplicate).expect_err("twice");
            assert!(error.to_string().contains("duplicate member `a`"), "{error}");
        }
        for wrong in ["", "{", "01", "[1,]", "1e999", "{\"a\":1} x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse(&"[".repeat(200)).is_err());
    }
}
