//! The few forms of JSON Schema that the schemas here are built of.

use serde_json::{Map, Value};

use crate::schema::Subject;

/// The hyphenated form, in either case.
pub const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
/// The name of a manifest or of a tenant; at most [`NAME_MAX`] characters.
pub const NAME: &str = "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$";
pub const NAME_MAX: i64 = 253;
/// The name of a value of a tenant.
pub const VALUE_NAME: &str = "^[A-Za-z0-9._-]{1,64}$";

/// A map of these members, in this order.
pub fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A list of texts.
pub fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::Array(texts.into_iter().map(Value::from).collect())
}

pub fn integer(number: i64) -> Value {
    Value::from(number)
}

/// `schema` with one more keyword, or with another value of it.
pub fn with(mut schema: Value, keyword: &str, value: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        map.insert(keyword.to_owned(), value);
    }
    schema
}

/// `schema` with what it is, for people.
pub fn about(schema: Value, text: &str) -> Value {
    with(schema, "description", Value::from(text))
}

/// A value of this type.
pub fn of_type(name: &str) -> Value {
    map([("type", Value::from(name))])
}

/// The same values and null.
pub fn or_null(schema: Value) -> Value {
    let named = schema.get("type").and_then(Value::as_str).map(str::to_owned);
    match named {
        Some(name) => with(schema, "type", texts([name.as_str(), "null"])),
        None => map([("anyOf", Value::Array(vec![schema, of_type("null")]))]),
    }
}

/// A string that matches.
pub fn pattern(pattern: &str) -> Value {
    map([("type", Value::from("string")), ("pattern", Value::from(pattern))])
}

/// A string that is not empty.
pub fn filled() -> Value {
    map([("type", Value::from("string")), ("minLength", integer(1))])
}

/// One of these words.
pub fn word<'t>(words: impl IntoIterator<Item = &'t str>) -> Value {
    map([("type", Value::from("string")), ("enum", texts(words))])
}

/// This text and no other.
pub fn only(text: &str) -> Value {
    map([("const", Value::from(text))])
}

pub fn list_of(items: Value) -> Value {
    map([("type", Value::from("array")), ("items", items)])
}

/// A map with anything in it, each value of this form.
pub fn map_of(values: Value) -> Value {
    map([("type", Value::from("object")), ("additionalProperties", values)])
}

/// The definition with this name in `$defs`.
pub fn defined(name: &str) -> Value {
    map([("$ref", Value::from(format!("#/$defs/{name}")))])
}

/// A map of these members and no others.
pub fn closed<const N: usize>(required: &[&str], members: [(&str, Value); N]) -> Value {
    with(open(required, members), "additionalProperties", Value::Bool(false))
}

/// A map of these members and perhaps others.
pub fn open<const N: usize>(required: &[&str], members: [(&str, Value); N]) -> Value {
    map([("type", Value::from("object")), ("required", texts(required.iter().copied())), ("properties", map(members))])
}

/// An RFC 3339 timestamp with a zone.
pub fn timestamp() -> Value {
    let day = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
    let time = "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)";
    let zone = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
    let whole = format!(r"^{day}[Tt]{time}(\.[0-9]+)?{zone}$");
    with(pattern(&whole), "format", Value::from("date-time"))
}

/// A uuid in its hyphenated form.
pub fn uuid() -> Value {
    with(pattern(UUID), "format", Value::from("uuid"))
}

/// A whole document: its names, then `schema`, then what it refers to.
pub fn document(
    subject: Subject,
    title: &str,
    description: &str,
    schema: Value,
    definitions: Map<String, Value>,
) -> Value {
    let mut document = map([
        ("$schema", Value::from("https://json-schema.org/draft/2020-12/schema")),
        ("$id", Value::from(format!("https://dixaform.dev/schema/{}-1.json", subject.word()))),
        ("title", Value::from(title)),
        ("description", Value::from(description)),
    ]);
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        document = with(document, keyword, value.clone());
    }
    if definitions.is_empty() { document } else { with(document, "$defs", Value::Object(definitions)) }
}
