//! The schema of sets: their envelope, and templates, in which a text may hold `${column}`.

use serde_json::{Map, Value};

use crate::conversation::Kind;
use crate::schema::keyword::{about, closed, defined, list_of, map, map_of, of_type, only, pattern, texts, with};
use crate::shape;

/// What the names of definitions that templates use begin with.
const PREFIX: &str = "template.";

/// The kind of a set.
pub fn word() -> Value {
    about(map([("enum", texts(Kind::ALL.into_iter().map(Kind::set_word)))]), "What each row becomes")
}

/// A set of each kind. `definitions` has those of the specs, and gets those of templates.
pub fn envelope(metadata: Value, definitions: &mut Map<String, Value>) -> Value {
    let templates: Vec<Value> = Kind::ALL.into_iter().map(|kind| of_kind(kind, definitions)).collect();
    let templated: Vec<(String, Value)> =
        definitions.iter().map(|(name, schema)| (format!("{PREFIX}{name}"), templated(schema))).collect();
    definitions.extend(templated);
    let envelope = closed(
        &["apiVersion", "kind", "metadata", "rows", "key", "template"],
        [
            ("$schema", about(of_type("string"), "Where editors find this schema; never sent")),
            ("apiVersion", about(only("dixaform/v1"), "The version of this form")),
            ("kind", word()),
            ("metadata", metadata),
            ("rows", rows()),
            ("key", about(of_type("string"), "The column that names a row")),
            ("template", about(of_type("object"), "A spec; `${column}` in its texts stands for the cell of a row")),
        ],
    );
    with(envelope, "allOf", Value::Array(templates))
}

fn of_kind(kind: Kind, definitions: &Map<String, Value>) -> Value {
    let variants = shape::body(kind).variants;
    // A template may leave out by its cells what a spec needs, so only the members are described.
    let known = variants.iter().filter(|variant| definitions.contains_key(variant.name));
    let chosen = known.map(|variant| {
        let is_named = map([("properties", map([("_type", only(variant.name))])), ("required", texts(["_type"]))]);
        let is_named = if variants.len() == 1 { Value::Bool(true) } else { is_named };
        map([("if", is_named), ("then", defined(&format!("{PREFIX}{}", variant.name)))])
    });
    let template = map([("allOf", Value::Array(chosen.collect()))]);
    let is_kind = map([("properties", map([("kind", only(kind.set_word()))])), ("required", texts(["kind"]))]);
    map([
        ("if", is_kind),
        ("then", map([("properties", map([("template", about(template, "The spec of each row"))]))])),
    ])
}

fn rows() -> Value {
    let path = |text: &str| about(of_type("string"), text);
    let distinct = || about(of_type("string"), "A column: of rows with the same value, only one is taken");
    let delimiter = || about(pattern("^[^\"\\r\\n]$"), "The character between cells, if it is not a comma");
    let csv = closed(
        &["csv"],
        [("csv", path("A CSV file, relative to this one")), ("delimiter", delimiter()), ("distinct", distinct())],
    );
    let jsonl =
        closed(&["jsonl"], [("jsonl", path("A file of JSON lines, relative to this one")), ("distinct", distinct())]);
    let cell = map([("type", texts(["string", "number", "boolean", "null"]))]);
    let inline = list_of(map_of(cell));
    about(map([("anyOf", Value::Array(vec![csv, jsonl, inline]))]), "The table: a file, or a list of maps")
}

/// The same schema, in which every text may hold `${column}`. What chooses among schemas stays as it is.
fn templated(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => Value::Array(items.iter().map(templated).collect()),
        Value::Object(members) => {
            let is_text = members.get("type").is_some_and(|name| name == "string") || members.contains_key("const");
            if is_text {
                let mut plain = members.clone();
                let description = plain.shift_remove("description");
                let either = vec![pattern("\\$\\{"), Value::Object(plain)];
                let either = map([("anyOf", Value::Array(either))]);
                return match description {
                    Some(description) => with(either, "description", description),
                    None => about(either, "As in a manifest; `${column}` stands for the cell of a row"),
                };
            }
            let member = |(name, value): (&String, &Value)| match (name.as_str(), value) {
                ("if" | "propertyNames" | "required" | "enum" | "type", _) => (name.clone(), value.clone()),
                ("$ref", Value::String(to)) => {
                    (name.clone(), Value::from(to.replacen("#/$defs/", &format!("#/$defs/{PREFIX}"), 1)))
                }
                _ => (name.clone(), templated(value)),
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}
