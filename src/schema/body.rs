//! The tables of [`crate::shape`] as schemas: each shape is one definition, and a union chooses among them by `_type`.
//!
//! A union is a list of `if` and `then`, not a `oneOf`: an editor then talks about the variant that was written, and
//! not about all that it could have been.

use serde_json::{Map, Value};

use crate::schema::keyword::{
    about, defined, filled, list_of, map, of_type, only, pattern, texts, timestamp, uuid, with, word,
};
use crate::shape::{self, Channel, Form, Member, Shape, Tag, Thing, Union};

/// Members that are no part of a body: of every variant of a union.
pub type Extra<'e> = &'e [(&'e str, Value)];

/// The schema of a union; its variants, and whatever they hold, are put into `definitions`.
pub fn union(union: &'static Union, extra: Extra<'_>, definitions: &mut Map<String, Value>) -> Value {
    for variant in union.variants {
        define(variant, union.tag != Tag::None, extra, definitions);
    }
    if let ([only], Tag::Optional | Tag::None) = (union.variants, union.tag) {
        return defined(only.name);
    }
    let names = union.variants.iter().map(|variant| variant.name);
    let chosen = |variant: &Shape| {
        let named = map([("properties", map([("_type", only(variant.name))])), ("required", texts(["_type"]))]);
        map([("if", named), ("then", defined(variant.name))])
    };
    map([
        ("type", Value::from("object")),
        ("required", texts(["_type"])),
        ("properties", map([("_type", about(word(names), &format!("Which form of {}", union.what)))])),
        ("allOf", Value::Array(union.variants.iter().map(chosen).collect())),
    ])
}

/// Defines a shape under its name. Shapes of the same name have the same members, so the first is as good as any.
fn define(shape: &'static Shape, typed: bool, extra: Extra<'_>, definitions: &mut Map<String, Value>) {
    if definitions.get(shape.name).is_some() {
        return;
    }
    // Takes its place before those that it holds, so that the order is that of the tables.
    definitions.insert(shape.name.to_owned(), Value::Null);
    let mut properties = Map::with_capacity(shape.members.len() + 2);
    if typed {
        properties.insert("_type".to_owned(), only(shape.name));
    }
    for Member { name, form, about: text, .. } in shape.members {
        properties.insert((*name).to_owned(), about(self::form(form, definitions), text));
    }
    properties.extend(extra.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
    let required = shape.members.iter().filter(|member| member.required).map(|member| member.name);
    let schema = map([
        ("type", Value::from("object")),
        ("required", texts(required)),
        ("properties", Value::Object(properties)),
        ("additionalProperties", Value::Bool(false)),
    ]);
    definitions.insert(shape.name.to_owned(), schema);
}

/// What the channels of an import want of `attributes`; others than those that are listed are allowed.
pub fn channels(definitions: &mut Map<String, Value>) -> Value {
    let mut rules = Vec::new();
    for Channel { name, attributes, inbound, outbound } in &shape::CHANNELS {
        if [attributes, inbound, outbound].iter().all(|shape| shape.members.is_empty()) {
            continue;
        }
        let message = |kind: &str, rule: Value| {
            let is_kind = map([("properties", map([("_type", only(kind))])), ("required", texts(["_type"]))]);
            map([("if", is_kind), ("then", rule)])
        };
        let inbound = message("InboundImport", with_attributes(inbound, definitions));
        let outbound = message("OutboundImport", with_attributes(outbound, definitions));
        let messages = |schema: Value| map([("messages", about(schema, "Messages of this channel"))]);
        let items = map([("items", map([("allOf", Value::Array(vec![inbound, outbound]))]))]);
        let of_messages = map([("properties", messages(items))]);
        let some = messages(map([("minItems", Value::from(1))]));
        let has_messages = map([("properties", some), ("required", texts(["messages"]))]);
        let has_attributes = map([("required", texts(["attributes"]))]);
        let says_something = map([("anyOf", Value::Array(vec![has_messages, has_attributes]))]);
        let own = map([("if", says_something), ("then", with_attributes(attributes, definitions))]);
        let is_named = map([
            ("properties", map([("genericChannelName", only(name))])),
            ("required", texts(["genericChannelName"])),
        ]);
        let both = map([("allOf", Value::Array(vec![own, of_messages]))]);
        rules.push(map([("if", is_named), ("then", both)]));
    }
    Value::Array(rules)
}

/// A map whose `attributes` are these, if it needs any or has any.
fn with_attributes(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    let required = shape.members.iter().filter(|member| member.required).map(|member| member.name);
    let names: Vec<&str> = required.collect();
    let attributes = with(documented(shape, definitions), "required", texts(names.iter().copied()));
    let rule = map([("properties", map([("attributes", about(attributes, "What the channel documents"))]))]);
    if names.is_empty() { rule } else { with(rule, "required", texts(["attributes"])) }
}

/// A map of these members, none of them required, and perhaps others.
fn documented(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for Member { name, form, about: text, .. } in shape.members {
        let schema = match form {
            Form::Map(inner) => documented(inner, definitions),
            form => self::form(form, definitions),
        };
        properties.insert((*name).to_owned(), about(schema, text));
    }
    map([("type", Value::from("object")), ("properties", Value::Object(properties))])
}

/// The name under which `{value: NAME}` is defined.
pub const VALUE: &str = "value";

/// A text that fits, or the name of a value of the tenant.
pub fn or_value(schema: Value) -> Value {
    map([("if", of_type("object")), ("then", defined(VALUE)), ("else", schema)])
}

/// The id of a thing, or its name: a map with one member.
fn or_named(thing: Thing) -> Value {
    let named = |(key, text): &(&str, &str)| {
        let named = map([(*key, about(filled(), text))]);
        let named = map([("type", Value::from("object")), ("required", texts([*key])), ("properties", named)]);
        with(named, "additionalProperties", Value::Bool(false))
    };
    let has_name = |(key, _): &(&str, &str)| map([("required", texts([*key]))]);
    let (names, forms) = (thing.keys().iter().map(has_name), thing.keys().iter().map(named));
    let is_named = map([("type", Value::from("object")), ("anyOf", Value::Array(names.collect()))]);
    let one_name = map([("oneOf", Value::Array(forms.collect()))]);
    map([("if", is_named), ("then", one_name), ("else", or_value(uuid()))])
}

/// What a table describes beside a body, by the names of its members.
pub fn members(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Vec<(&'static str, Value)> {
    let member = |member: &'static Member| (member.name, about(form(&member.form, definitions), member.about));
    shape.members.iter().map(member).collect()
}

fn form(form: &'static Form, definitions: &mut Map<String, Value>) -> Value {
    match form {
        Form::Map(shape) => {
            define(shape, false, &[], definitions);
            defined(shape.name)
        }
        Form::Union(variants) => union(variants, &[], definitions),
        Form::List(items) => list_of(self::form(items, definitions)),
        Form::Set(items) => with(list_of(self::form(items, definitions)), "uniqueItems", Value::Bool(true)),
        Form::Free => of_type("object"),
        Form::Reference(thing) => or_named(*thing),
        text => or_value(self::text(text)),
    }
}

fn text(form: &Form) -> Value {
    match form {
        Form::Text | Form::Language | Form::EmailAddress => filled(),
        Form::AnyText => of_type("string"),
        Form::Uuid => uuid(),
        Form::Timestamp => timestamp(),
        // No `format`: "uri" would refuse the letters of all languages, which a browser's address bar gives.
        Form::Url => pattern(r"^[hH][tT][tT][pP][sS]?://[^\x00-\x20]+$"),
        Form::PhoneNumber => pattern(r"^\+[1-9][0-9]{1,14}$"),
        Form::Word(words) => word(words.iter().copied()),
        Form::Reference(_) | Form::Map(_) | Form::Union(_) | Form::List(_) | Form::Set(_) | Form::Free => {
            Value::Bool(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Kind;

    /// All shapes in a union, with those that they hold.
    fn shapes(union: &'static Union, found: &mut Vec<&'static Shape>) {
        let mut open: Vec<&'static Shape> = union.variants.iter().collect();
        while let Some(shape) = open.pop() {
            found.push(shape);
            for member in shape.members {
                let mut form = &member.form;
                while let Form::List(items) | Form::Set(items) = form {
                    form = items;
                }
                match form {
                    Form::Map(shape) => open.push(shape),
                    Form::Union(union) => open.extend(union.variants),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn shapes_of_the_same_name_are_the_same() {
        let mut found = Vec::new();
        Kind::ALL.into_iter().for_each(|kind| shapes(shape::body(kind), &mut found));
        assert!(found.len() > 20);
        for one in &found {
            for other in found.iter().filter(|other| other.name == one.name) {
                assert_eq!(format!("{one:?}"), format!("{other:?}"));
            }
        }
    }
}
