//! JSON text to [`Value`] and back, and from a [`View`].
//!
//! Writing keeps the order of members and is total. Reading refuses duplicate members, as every reader of ours does.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::scratch;
use crate::value::{Map, Number, Value};
use crate::view::{self, Members, View};

/// Compact JSON, members in their own order.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    write_into(value, &mut out);
    out
}

/// [`write()`] for a map that is not wrapped in a [`Value`].
pub fn write_map(map: &Map) -> String {
    let mut out = String::new();
    write_map_into(map, &mut out);
    out
}

/// JSON over several lines, indented by two spaces, with a newline at the end.
pub fn write_pretty(value: &Value) -> String {
    let mut out = String::new();
    write_pretty_into(value, 0, &mut out);
    out.push('\n');
    out
}

fn write_pretty_into(value: &Value, level: usize, out: &mut String) {
    let new_line = |level: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    };
    match value {
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                new_line(level + 1, out);
                write_pretty_into(item, level + 1, out);
            }
            new_line(level, out);
            out.push(']');
        }
        Value::Map(map) if !map.is_empty() => {
            for (index, (name, value)) in map.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                new_line(level + 1, out);
                quote_into(name, out);
                out.push_str(": ");
                write_pretty_into(value, level + 1, out);
            }
            new_line(level, out);
            out.push('}');
        }
        _ => write_into(value, out),
    }
}

/// Appends compact JSON to `out`.
pub fn write_into(value: &Value, out: &mut String) {
    scratch::arena(|arena| write_view_into(View::of(value, arena), out));
}

/// [`write_into`] for a map that is not wrapped in a [`Value`].
pub fn write_map_into(map: &Map, out: &mut String) {
    scratch::arena(|arena| write_members_into(view::members(map, arena), out));
}

/// [`write_into`] for a view.
pub fn write_view_into(view: View<'_>, out: &mut String) {
    match view {
        View::Null | View::SetByDixaform => out.push_str("null"),
        View::Bool(true) => out.push_str("true"),
        View::Bool(false) => out.push_str("false"),
        View::Number(number) => out.push_str(&number.to_string()),
        View::Text(text) => quote_into(text, out),
        View::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_view_into(*item, out);
            }
            out.push(']');
        }
        View::Map(members) => write_members_into(members, out),
    }
}

/// [`write_view_into`] for the members of a map.
pub fn write_members_into(members: Members<'_>, out: &mut String) {
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        quote_into(name, out);
        out.push(':');
        write_view_into(*value, out);
    }
    out.push('}');
}

/// Appends `text` as a JSON string: only `"`, `\` and U+0000 to U+001F are escaped, the latter in their short form
/// where JSON has one.
pub fn quote_into(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(index) = first_to_escape(rest.as_bytes()) {
        out.push_str(&rest[..index]);
        match rest.as_bytes()[index] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            byte => out.push_str(&format!("\\u{byte:04x}")),
        }
        rest = &rest[index + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// The index of the first `"`, `\` or byte below 0x20. Looks at eight bytes at once: most text has none for long.
pub(crate) fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        if let Some(within) = first_within(word) {
            return Some(index * 8 + within);
        }
    }
    match bytes.last_chunk() {
        _ if rest.is_empty() => None,
        // Some of these were looked at already, and are none.
        Some(last) => first_within(last).map(|within| bytes.len() - 8 + within),
        None => rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')),
    }
}

/// [`first_to_escape`] of eight bytes.
fn first_within(word: &[u8; 8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte that is below `limit`; right up to the first one, and perhaps wrong after it.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let word = u64::from_le_bytes(*word);
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    let found = below(word, 0x20) | quote | backslash;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Reads one JSON value.
///
/// # Errors
/// Not JSON, a duplicate member, or more than 128 levels deep.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Reading>(text).map(|reading| reading.0)
}

/// Lets serde fill a [`Value`] inside the structs of a file format, without the core type knowing serde.
#[derive(Debug)]
pub struct Reading(pub Value);

impl<'de> Deserialize<'de> for Reading {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(ValueVisitor).map(Reading)
    }
}

/// Up to so many members, looking through them costs less than hashing their names.
const SMALL: usize = 16;

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
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
        Ok(Value::Number(Number::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(i64::try_from(value).map_or(Number::Unsigned(value), Number::Integer)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(Number::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::text(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Reading(item)) = source.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut known = HashSet::new();
        while let Some(name) = source.next_key::<String>()? {
            let again = if map.len() < SMALL {
                map.get(&name).is_some()
            } else {
                if known.is_empty() {
                    known.extend(map.iter().map(|(name, _)| name.to_owned()));
                }
                !known.insert(name.clone())
            };
            if again {
                return Err(A::Error::custom(format!("duplicate member `{name}`")));
            }
            let Reading(value) = source.next_value()?;
            map.push_unique(name, value);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_with_its_order_and_its_odd_characters() {
        let text = r#"{"b":[1,-2.5,1e300,18446744073709551615,true,null],"a":"\"\\\n\r\t\b\f\u0001 é 😀 \u2028"}"#;
        let value = parse(text).expect("valid");
        assert_eq!(write(&value), text.replace("\\u2028", "\u{2028}"));
    }

    #[test]
    fn every_character_is_escaped_wherever_it_stands() {
        for code in (0..0x250).chain([0x2028, 0xfeff, 0x1f642]) {
            let character = char::from_u32(code).expect("no surrogate");
            for place in 0..20 {
                let text = format!("{}{character}!{}é", "x".repeat(place), character.to_string().repeat(place));
                let mut ours = String::new();
                quote_into(&text, &mut ours);
                assert_eq!(ours, serde_json::to_string(&text).expect("text"), "{text:?}");
            }
        }
    }

    #[test]
    fn a_duplicate_member_is_refused() {
        for members in [2, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL] {
            let once: Vec<String> = (0..members).map(|index| format!("\"m{index}\":{index}")).collect();
            assert!(parse(&format!("{{{}}}", once.join(","))).is_ok());
            for again in [0, members - 1] {
                let text = format!("{{{},\"m{again}\":0}}", once.join(","));
                assert!(parse(&text).is_err(), "{text}");
            }
        }
        assert!(parse(r#"{"a":1,"a":2}"#).unwrap_err().to_string().contains("duplicate member `a`"));
    }
}
