use proptest::prelude::*;

use super::*;
use crate::conversation::{attributes_to_map, marked};
use crate::digest::Digest;
use crate::value::{Map, Number};
use crate::view::View;

#[test]
fn what_is_packed_is_what_comes_out_in_the_order_in_which_it_was_written() {
    let text =
        r#"{"b":[],"a":{"z":1.5,"y":null},"n":18446744073709551615,"customAttributes":{"id":["x","y"],"other":null}}"#;
    let conversation = conversation_of(json::parse(text).expect("valid")).expect("a spec");
    let spec = Spec::of(&conversation);
    assert_eq!(spec.json(), text);
    assert_eq!(spec.conversation(), conversation);
}

#[test]
fn order_of_members_is_no_difference_between_specs() {
    let spec = |text| Spec::of_written(text).expect("as it is written");
    assert_eq!(spec(r#"{"a":1,"b":2}"#), spec(r#"{"b":2,"a":1}"#));
    assert_ne!(spec(r#"{"a":1}"#), spec(r#"{"a":2}"#));
}

#[test]
fn what_no_attribute_can_be_is_no_spec() {
    let problem = |text| conversation_of(json::parse(text).expect("valid")).expect_err("no spec");
    assert_eq!(problem("[]"), NotASpec::NotAMap);
    assert_eq!(problem(r#"{"customAttributes":{"x":1}}"#), NotASpec::Attribute("x".into()));
    assert_eq!(problem(r#"{"customAttributes":[]}"#), NotASpec::Attribute("customAttributes".into()));
}

/// What the text of a spec is held against: read it as a value, and write it anew.
fn slowly(text: &str) -> Option<Spec> {
    conversation_of(json::parse(text).ok()?).ok().map(|conversation| Spec::of(&conversation))
}

/// Whether a text is left to the slow way, or read as the slow way reads it and would be written like that.
fn is_taken_rightly(text: &str) -> bool {
    Spec::of_written(text)
        .is_none_or(|taken| slowly(text).is_some_and(|slow| same(&taken, &slow)) && taken.json() == text)
}

/// Whether two specs are the same in memory.
fn same(one: &Spec, other: &Spec) -> bool {
    one.packed == other.packed && one.attributes == other.attributes
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(CUSTOM_ATTRIBUTES.to_owned()),
        Just(format!("\"{CUSTOM_ATTRIBUTES}")),
        Just(format!("{CUSTOM_ATTRIBUTES}\\")),
        "[a-c\u{0}-\u{20}\"\\\\é]{0,3}",
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[\u{0}-\u{22}\\\\/\u{7f}\u{2028}]{0,6}",
        Just(r#"{"customAttributes":{"a":"b"}}"#.to_owned()),
        Just(r#","customAttributes":{}}"#.to_owned()),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let numbers = prop_oneof![
        any::<i64>().prop_map(Number::Integer),
        (-3_i64..3).prop_map(Number::Integer),
        (i64::MAX as u64 + 1..=u64::MAX).prop_map(Number::Unsigned),
        any::<f64>().prop_filter("JSON has no others", |float| float.is_finite()).prop_map(Number::Float),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        numbers.prop_map(Value::Number),
        texts().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec((names(), inner), 0..4).prop_map(|members| Value::Map(members.into_iter().collect())),
        ]
    })
}

fn conversations() -> impl Strategy<Value = Conversation> {
    let attribute = prop_oneof![
        texts().prop_map(AttributeValue::Text),
        prop::collection::vec(texts(), 0..3).prop_map(AttributeValue::Path),
        Just(AttributeValue::Clear),
    ];
    let ids = prop_oneof![Just(CUSTOM_ATTRIBUTES.to_owned()), "[a-cé-ü]{1,3}"];
    (prop::collection::vec((names(), values()), 0..5), prop::collection::btree_map(ids, attribute, 0..4)).prop_map(
        |(members, attributes)| {
            let mut content: Map = members.into_iter().collect();
            content.remove(CUSTOM_ATTRIBUTES);
            Conversation { content, attributes }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_taken_as_it_stands(conversation in conversations()) {
        let spec = Spec::of(&conversation);
        let json = spec.json();
        prop_assert!(Spec::of_written(&json).is_some_and(|taken| same(&taken, &spec)), "{json}");
        prop_assert_eq!(json, json::write(&conversation.to_value()));
    }

    #[test]
    fn attributes_are_written_and_hashed_as_the_map_that_they_are(conversation in conversations()) {
        let map = attributes_to_map(&conversation.attributes);
        let spec: serde_json::Value = serde_json::from_str(&Spec::of(&conversation).json()).expect("JSON");
        let written = spec.get(CUSTOM_ATTRIBUTES).cloned().unwrap_or(serde_json::json!({}));
        prop_assert_eq!(json::parse(&written.to_string()).expect("JSON"), Value::Map(map.clone()));
        prop_assert_eq!(conversation.digests().attributes, Digest::of_map(&map));
    }

    /// A text with something else in one place is taken only if it would be written like that.
    #[test]
    fn what_would_be_written_otherwise_is_not_taken(
        conversation in conversations(),
        place in any::<prop::sample::Index>(),
        cut in 0_usize..4,
        put in prop_oneof![
            Just(""), Just(" "), Just("\\"), Just("\""), Just(","), Just(":"), Just("0"), Just("-"), Just(".0"),
            Just("e1"), Just("{"), Just("}"), Just("[]"), Just("\\u0041"), Just("\\/"), Just("\\u000A"),
            Just("\"a\":1,"), Just("\"customAttributes\":{\"b\":null},"), Just("\u{1}"), Just("null"),
        ],
    ) {
        let mut text: Vec<char> = Spec::of(&conversation).json().chars().collect();
        let start = place.index(text.len() + 1);
        let end = (start + cut).min(text.len());
        text.splice(start..end, put.chars());
        let text: String = text.into_iter().collect();
        prop_assert!(is_taken_rightly(&text), "{text}");
    }

    #[test]
    fn what_is_written_is_read_as_what_it_was(value in values()) {
        for written in [json::write(&value), json::write_pretty(&value)] {
            prop_assert_eq!(&json::parse(&written).expect("JSON"), &value);
        }
    }

    #[test]
    fn to_look_at_a_spec_shows_what_it_says(conversation in conversations()) {
        let spec = Spec::of(&conversation);
        let arena = Arena::new();
        let seen = View::Map(spec.view(&arena)).to_value();
        prop_assert_eq!(json::write(&seen), json::write(&conversation.to_value()));
        prop_assert_eq!(&seen, &conversation.to_value());
        prop_assert_eq!(spec.value(), seen);
        prop_assert_eq!(spec.conversation(), conversation);
    }

    #[test]
    fn to_look_at_a_marked_spec_shows_the_mark(conversation in conversations(), message in values(), many in any::<bool>()) {
        let mut conversation = conversation;
        let (name, message) = if many { ("messages", Value::List(vec![message])) } else { ("message", message) };
        conversation.content.set(name, message);
        let spec = Spec::of(&conversation);
        let arena = Arena::new();
        let members = marked(spec.view(&arena), View::SetByDixaform, &arena);
        let marked = conversation.marked_content(Value::SetByDixaform);
        let marked = Conversation { content: marked, ..conversation };
        let shown = json::write(&View::Map(members).to_value());
        prop_assert_eq!(shown, Spec::of(&marked).json());
        // As JSON, what dixaform sets is null; so that is looked at alone.
        prop_assert_eq!(View::Map(members).to_value(), marked.to_value());
    }

    #[test]
    fn a_text_that_is_no_spec_is_not_taken(text in "[{}\\[\\]\"\\\\:,a1nu0]{0,16}") {
        prop_assert!(is_taken_rightly(&text), "{text}");
    }

    #[test]
    fn every_integer_and_every_float_is_packed_as_it_is(integer in any::<u64>(), shift in 0_u32..64, long in 0_usize..9000) {
        let numbers = [
            Number::Integer((integer >> shift).cast_signed()),
            Number::Unsigned(integer >> shift),
            Number::Float(f64::from_bits(integer)),
        ];
        let arena = Arena::new();
        let text = "é".repeat(long);
        let written: Members<'_> = &[("text", View::Text(&text)), ("list", View::List(&numbers.map(View::Number)))];
        let spec = Spec::of_described(Described { content: written, attributes: &[] });
        let read = spec.view(&arena);
        prop_assert_eq!(read[0], written[0]);
        let bits = |number: &Number| match number {
            Number::Integer(number) => (0, number.cast_unsigned()),
            Number::Unsigned(number) => (1, *number),
            Number::Float(number) => (2, number.to_bits()),
        };
        let View::List(read) = read[1].1 else { panic!("a list: {read:?}") };
        for (number, read) in numbers.iter().zip(read) {
            let View::Number(read) = read else { panic!("a number: {read:?}") };
            prop_assert_eq!(bits(read), bits(number));
        }
    }

    #[test]
    fn a_spec_is_taken_apart_and_put_together_as_its_conversation_is(
        one in conversations(),
        other in conversations(),
    ) {
        let (spec, of_other) = (Spec::of(&one), Spec::of(&other));
        let put_together = |content: &Map, attributes: &Attributes| {
            Spec::of(&Conversation { content: content.clone(), attributes: attributes.clone() })
        };
        let content = put_together(&one.content, &Attributes::new());
        let ours = spec.without_attributes();
        prop_assert_eq!(ours.json(), content.json());
        let attributes = put_together(&Map::new(), &one.attributes);
        let ours = spec.only_attributes();
        prop_assert_eq!(ours.json(), attributes.json());
        let both = put_together(&one.content, &other.attributes);
        let ours = spec.with_attributes_of(&of_other);
        prop_assert_eq!(ours.json(), both.json());
    }
}

#[test]
fn texts_that_say_a_spec_in_other_words_are_left_to_the_slow_way() {
    for text in [
        r#"{"customAttributes":{"a":"x"},"b":1}"#,
        r#"{"customAttributes":{}}"#,
        r#"{"customAttributes":{"b":"x","a":"x"}}"#,
        r#"{"custom\u0041ttributes":{"a":"x"}}"#,
        r#"{"a":1.50}"#,
        r#"{"a":-0}"#,
        r#"{"a":1e5}"#,
        r#"{"a":"\/"}"#,
        r#"{"a":"\u0008"}"#,
        r#"{"a":"\u0009"}"#,
        r#"{"a":"\u00e9"}"#,
        r#"{"a":"\u001F"}"#,
        r#"{"a":"\u000d"}"#,
        r#"{ "a":1}"#,
    ] {
        assert!(slowly(text).is_some(), "{text}");
        assert!(Spec::of_written(text).is_none(), "{text}");
    }
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":"","a":"","customAttributes":{"a":null}}"#,
        r#"{"a":1e999}"#,
        r#"{"customAttributes":{"a":["x",1]}}"#,
        "[]",
        r#"{"a":01}"#,
    ] {
        assert!(slowly(text).is_none() && Spec::of_written(text).is_none(), "{text}");
    }
}

#[test]
fn what_is_rarely_as_large_is_left_to_the_slow_way() {
    let members = |count: usize| (0..count).map(|index| format!("\"m{index:04}\":\"\"")).collect::<Vec<_>>().join(",");
    let long = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - r#"{"a":""}"#.len()));
    let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let attributes = |count: usize| format!("{{{},\"customAttributes\":{{{}}}}}", members(64), members(count));
    for (text, taken) in [
        (format!("{{{}}}", members(64)), true),
        (format!("{{{}}}", members(65)), false),
        (attributes(1), true),
        (attributes(1000), true),
        (long(1 << 20), true),
        (long((1 << 20) + 1), false),
        (deep(100), true),
        (deep(101), false),
    ] {
        assert!(slowly(&text).is_some() && is_taken_rightly(&text), "{text:.80}");
        assert_eq!(Spec::of_written(&text).is_some(), taken, "{text:.80}");
    }
}

#[test]
fn specs_share_memory_that_is_the_same_and_no_other() {
    let spec = |text| Spec::of_written(text).expect("as it is written");
    let (mut one, other) = (spec(r#"{"a":1}"#), spec(r#"{"a":1}"#));
    assert!(!Arc::ptr_eq(&one.packed, &other.packed));
    one.share(&other);
    assert!(Arc::ptr_eq(&one.packed, &other.packed));
    one.share(&spec(r#"{"a":2}"#));
    assert_eq!(one.json(), r#"{"a":1}"#);
}
