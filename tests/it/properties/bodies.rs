//! Made-up bodies: every variant and every member of the tables, with texts that like to be misread.

use dixaform::conversation::Kind;
use dixaform::shape::{self, Form, Shape, Tag, Union};
use serde_json::Value;

type Map = serde_json::Map<String, Value>;
use proptest::prelude::*;

/// A body of this kind, of any variant.
pub fn body(kind: Kind) -> BoxedStrategy<Map> {
    union(shape::body(kind))
}

pub fn uuid() -> impl Strategy<Value = String> {
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"
}

/// Texts that are not empty and that a reader or a terminal could take for something else.
pub fn odd_text() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "no",
        "true",
        "null",
        "~",
        "1.5",
        "012345",
        "0x1f",
        "1e3",
        ".inf",
        "2021-12-01",
        "---",
        "...",
        "- a",
        "# x",
        "a: b",
        "a #b",
        "{a",
        "[a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "'a'",
        "\"a\"",
        " a",
        "a ",
        "\ta",
        "a\nb",
        "a\n",
        "\na",
        "a\r\nb",
        "æøå 😀",
        "\u{202e}abc",
        "\u{85}x",
        "\u{2028}x",
        "\u{feff}x",
        "\\n",
        "\u{1b}[31mred",
        "<b>&amp;",
        "(known after apply)",
        "<<",
        "=",
    ];
    prop_oneof![
        2 => prop::sample::select(ODD).prop_map(str::to_owned),
        2 => "\\PC{1,30}",
        1 => "[a-z]{1,9}( [a-z]{1,9}){0,20}",
        1 => prop::collection::vec("[a-z ]{0,12}", 2..6).prop_map(|lines| format!("x{}", lines.join("\n"))),
    ]
}

fn union(union: &'static Union) -> BoxedStrategy<Map> {
    prop::sample::select(union.variants.iter().collect::<Vec<_>>())
        .prop_flat_map(|variant| {
            let members = members(variant);
            if union.tag == Tag::None { members } else { members.prop_map(move |map| typed(variant, &map)).boxed() }
        })
        .boxed()
}

/// A variant has its `_type` first.
fn typed(variant: &Shape, members: &Map) -> Map {
    let mut map = Map::from_iter([("_type".to_owned(), Value::from(variant.name))]);
    for (name, value) in members.iter() {
        map.insert(name.to_owned(), value.clone());
    }
    map
}

/// All required members, and each of the others or not.
fn members(shape: &'static Shape) -> BoxedStrategy<Map> {
    let each: Vec<BoxedStrategy<Option<(String, Value)>>> = shape
        .members
        .iter()
        .map(|member| {
            let value = value(&member.form).prop_map(|value| (member.name.to_owned(), value));
            if member.required { value.prop_map(Some).boxed() } else { prop::option::of(value).boxed() }
        })
        .collect();
    each.prop_map(|members| members.into_iter().flatten().collect()).boxed()
}

fn value(form: &'static Form) -> BoxedStrategy<Value> {
    let text = |strategy: BoxedStrategy<String>| strategy.prop_map(Value::from).boxed();
    match form {
        Form::Text | Form::EmailAddress => text(odd_text().boxed()),
        Form::AnyText => text(prop_oneof![1 => Just(String::new()), 9 => odd_text()].boxed()),
        Form::Uuid | Form::Reference(_) => text(uuid().boxed()),
        Form::Timestamp => {
            text("20[0-2][0-9]-0[1-9]-2[0-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,3})?(Z|\\+02:00)".boxed())
        }
        Form::Url => text("https?://[a-z]{1,8}\\.example(:[1-9][0-9]{3})?/[a-zA-Z0-9?=&#%]{0,8}".boxed()),
        Form::Language => text("[a-z]{2}".boxed()),
        Form::PhoneNumber => text("\\+[1-9][0-9]{4,13}".boxed()),
        Form::Word(words) => text(prop::sample::select(words.to_vec()).prop_map(str::to_owned).boxed()),
        Form::Map(shape) => members(shape).prop_map(Value::Object).boxed(),
        Form::Union(variants) => union(variants).prop_map(Value::Object).boxed(),
        Form::Set(form) => prop::collection::vec(value(form), 0..4)
            .prop_map(|mut items| {
                items.sort_by_key(ToString::to_string);
                items.dedup();
                Value::Array(items)
            })
            .boxed(),
        Form::List(form) => prop::collection::vec(value(form), 0..4).prop_map(Value::Array).boxed(),
        Form::Free => prop::collection::vec((free_name(), free()), 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
            .boxed(),
    }
}

/// `<<` has a meaning of its own in YAML, and other writers do not quote it.
fn free_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z]{1,8}", "[a-z0-9 ~/.:#-]{1,8}", Just("no".to_owned()), Just("1".to_owned())]
}

fn free() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        (i64::MAX as u64 + 1..).prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        odd_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((free_name(), inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}
