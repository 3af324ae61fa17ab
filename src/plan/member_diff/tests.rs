//! Changes in, differences out.

use std::collections::BTreeMap;

use super::*;
use crate::conversation::{Attributes, Conversation, Id, Labels};
use crate::handling::Handling;
use crate::json;
use crate::plan::{Reason, Steps};
use crate::spec::Spec;
use crate::state::Before;

fn map(text: &str) -> serde_json::Map<String, Value> {
    let Value::Object(map) = json::parse(text).expect("valid JSON") else { panic!("a map") };
    map
}

fn before(text: &str) -> Box<Before> {
    Box::new(Before { spec: map(text), withheld: Vec::new() })
}

fn attributes(text: &str) -> Attributes {
    let value = |value| AttributeValue::from_value(value).expect("a value");
    map(text).iter().map(|(id, attribute)| (id.to_owned(), value(attribute))).collect()
}

fn change(action: Action, before: Option<&str>, content: &str, attributes: Attributes) -> Change {
    Change {
        address: "conversation.a".parse().expect("an address"),
        action,
        reason: Reason::NotInState,
        block: None,
        moved_from: None,
        source: None,
        labels: Labels::default(),
        id: Some(Id::conversation(7)),
        before: before.map(self::before),
        after: Some(Spec::of(&Conversation { content: map(content), attributes, handling: Handling::default() })),
        digests: None,
        steps: Steps::default(),
        irreversible: false,
        reaches_customer: false,
        found: None,
        called: BTreeMap::new(),
        names: BTreeMap::new(),
        ids: BTreeMap::new(),
        marked: false,
    }
}

/// The members of a change that a test keeps for good.
fn members_of(change: Change) -> Members<'static> {
    Box::leak(Box::new(change)).members()
}

fn replaced(before: &str, after: &str) -> Members<'static> {
    members_of(change(Action::Replace, Some(before), after, Attributes::new()))
}

fn names<'a>(members: &'a Members<'_>) -> Vec<&'a str> {
    members.shown.iter().map(|member| &*member.name).collect()
}

fn member<'a>(members: &'a Members<'static>, path: &[&str]) -> &'a Member<'static> {
    let (name, rest) = path.split_first().expect("a name");
    let found = members.shown.iter().find(|member| member.name == *name).expect(name);
    match &found.diff {
        Diff::Map(inner) if !rest.is_empty() => member(inner, rest),
        _ => found,
    }
}

#[test]
fn members_are_in_the_order_of_the_documentation_and_unknown_ones_by_name_after_them() {
    let written = r#"{"zeta":"1","alpha":"2","message":{"content":{"value":"x","_type":"Text"},"_type":"Inbound"},
        "subject":"s","_type":"Email","requesterId":"r"}"#;
    let members = members_of(change(Action::Create, None, written, attributes(r#"{"a-1":"x"}"#)));
    let expected = ["id", "_type", "requesterId", "subject", "message", "alpha", "zeta", "customAttributes"];
    assert_eq!(names(&members), expected);
    let Diff::Added(message) = &member(&members, &["message"]).diff else { panic!("added") };
    assert_eq!(message.to_json().to_string(), r#"{"_type":"Inbound","content":{"_type":"Text","value":"x"}}"#);
}

#[test]
fn only_the_meaning_is_compared() {
    let before = r#"{"subject":"s","message":{"_type":"Inbound","attachments":[]},"n":1,"l":[{"a":[],"b":1}]}"#;
    let after = r#"{"n":1.0,"message":{"_type":"Inbound"},"l":[{"b":1}],"subject":"s","cc":[]}"#;
    let members = replaced(before, after);
    assert_eq!(names(&members), ["id"]);
    assert_eq!(members.unchanged, 4);
}

#[test]
fn what_forces_a_replacement_is_marked_where_it_differs() {
    let before = r#"{"subject":"a","message":{"content":{"value":"x"},"cc":["1"]},"customAttributes":{"a-1":"x"}}"#;
    let after = r#"{"subject":"a","message":{"content":{"value":"y"},"cc":["1","2"]}}"#;
    let after = change(Action::Replace, Some(before), after, attributes(r#"{"a-1":"y"}"#));
    let members = members_of(after);
    assert!(member(&members, &["message", "content", "value"]).forces_replacement);
    assert!(member(&members, &["message", "cc"]).forces_replacement);
    assert!(!member(&members, &["message"]).forces_replacement);
    assert!(!member(&members, &["id"]).forces_replacement);
    assert!(!member(&members, &["customAttributes", "a-1"]).forces_replacement);
}

#[test]
fn an_update_shows_the_attributes_that_are_written_and_no_content() {
    let before = r#"{"subject":"old","customAttributes":{"a-1":"x","b-2":"gone","c-3":"same","d-4":"kept"}}"#;
    let wanted = attributes(r#"{"a-1":"y","c-3":"same","e-5":"new"}"#);
    let steps = vec![Step::Patch(attributes(r#"{"a-1":"y","b-2":null,"e-5":"new"}"#))].into();
    let members =
        members_of(Change { steps, ..change(Action::Update, Some(before), r#"{"subject":"new","cc":[]}"#, wanted) });
    assert_eq!(names(&members), ["customAttributes"]);
    assert_eq!(members.unchanged, 1);
    let Diff::Map(attributes) = &members.shown[0].diff else { panic!("a map") };
    assert_eq!(names(attributes), ["a-1", "b-2", "e-5"]);
    assert_eq!((attributes.unchanged, attributes.noun), (1, Noun::Attribute));
    assert_eq!(attributes.shown[1].diff, Diff::Removed(Shown::Text("gone".into())));
    assert_eq!(attributes.shown[2].diff, Diff::Added(Shown::Text("new".into())));
}

#[test]
fn a_withheld_value_differs_from_every_other() {
    let mut change = change(Action::Replace, None, r#"{"list":[{"x":null},{"x":"2"}]}"#, Attributes::new());
    let mut withheld = before(r#"{"list":[{"x":null},{"x":"2"}]}"#);
    withheld.withheld.push("/list/0/x".to_owned());
    change.before = Some(withheld);
    let members = members_of(change);
    let Diff::List(elements) = &member(&members, &["list"]).diff else { panic!("a list") };
    let Element::Differs(Diff::Map(inner)) = &elements[0] else { panic!("a map") };
    assert_eq!(inner.shown[0].diff, Diff::Changed { before: Shown::Withheld, after: Shown::Null });
    assert!(matches!(elements[1], Element::Unchanged(_)));
}

#[test]
fn long_texts_and_texts_with_lines_get_a_diff_of_their_own() {
    let long = "x".repeat(61);
    let is_text = |before: &str, after: &str| matches!(text_diff(before.into(), after.into()), Diff::Text { .. });
    assert!(is_text("a", "a\nb") && is_text(&long, &format!("{long}y")));
    assert!(!is_text("a", &long) && !is_text("a", "b"));
}
