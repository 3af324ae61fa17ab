//! Generated documents, edited at one place after another.

use std::sync::{Arc, LazyLock};

use dixaform::conversation::{CUSTOM_ATTRIBUTES, Kind};
use dixaform::finding::Severity;
use dixaform::schema::Subject;
use jsonschema::Validator;
use serde_json::Value;

type Map = serde_json::Map<String, Value>;
use dixaform::manifest;
use proptest::prelude::*;

use crate::properties::bodies;
use crate::schema::{assert_valid, lenient, strict};

/// A document around a body.
fn document(kind: Kind, name: &str, content: &Map, attributes: &Map) -> Value {
    let mut spec = content.clone();
    if !attributes.is_empty() {
        spec.insert(CUSTOM_ATTRIBUTES.to_owned(), Value::Object(attributes.clone()));
    }
    let text = |text: &str| Value::from(text);
    let labels = Map::from_iter([("wave".to_owned(), text("1"))]);
    let mut annotations =
        Map::from_iter([("dixaform/on-change".to_owned(), text("ignore")), ("own/note".to_owned(), text("x"))]);
    if kind == Kind::EndUser {
        annotations.shift_remove("dixaform/on-change");
    }
    let metadata = Map::from_iter([
        ("name".to_owned(), text(name)),
        ("labels".to_owned(), Value::Object(labels)),
        ("annotations".to_owned(), Value::Object(annotations)),
    ]);
    Value::Object(Map::from_iter([
        ("apiVersion".to_owned(), text("dixaform/v1")),
        ("kind".to_owned(), text(kind.manifest_word())),
        ("metadata".to_owned(), Value::Object(metadata)),
        ("spec".to_owned(), Value::Object(spec)),
    ]))
}

fn any_document() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let attribute = prop_oneof![
        bodies::odd_text().prop_map(Value::from),
        prop::collection::vec("[a-z_]{1,6}".prop_map(Value::from), 1..4).prop_map(Value::Array),
        Just(Value::Null),
    ];
    let attributes = prop::collection::btree_map(bodies::uuid(), attribute, 0..3);
    (kind, "[a-z][a-z0-9]{0,5}", attributes).prop_flat_map(|(kind, name, attributes)| {
        let attributes: Map = attributes.into_iter().collect();
        bodies::body(kind).prop_map(move |content| document(kind, &name, &content, &attributes))
    })
}

/// How many values a value contains, including itself.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum::<usize>(),
        Value::Object(map) => map.iter().map(|(_, member)| size(member)).sum(),
        _ => 0,
    }
}

/// What is done to one of the values in a document.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Value),
    /// Of a map, its first member; anything else becomes null.
    Drop,
    /// Of a map; anything else becomes a map with it.
    Add(&'static str, Value),
}

/// Does an edit to the value with this number, counted from the outside.
fn edited(value: &Value, at: &mut usize, edit: &Edit) -> Value {
    if *at == 0 {
        *at = usize::MAX;
        return match (edit, value) {
            (Edit::Replace(new), _) => new.clone(),
            (Edit::Drop, Value::Object(map)) => {
                Value::Object(map.iter().skip(1).map(|(name, member)| (name.to_owned(), member.clone())).collect())
            }
            (Edit::Drop, _) => Value::Null,
            (Edit::Add(name, new), Value::Object(map)) => {
                let mut map = map.clone();
                map.insert((*name).to_owned(), new.clone());
                Value::Object(map)
            }
            (Edit::Add(name, new), _) => Value::Object(Map::from_iter([((*name).to_owned(), new.clone())])),
        };
    }
    *at -= 1;
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| edited(item, at, edit)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, member)| (name.to_owned(), edited(member, at, edit))).collect())
        }
        other => other.clone(),
    }
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let texts = prop::sample::select(vec![
        "",
        "no",
        "Text",
        "Inbound",
        "Outbound",
        "OutboundImport",
        "Email",
        "Callback",
        "GenericConversationImport",
        "ConversationImport",
        "dixaform/v1",
        "ignore",
        "a.b_c-9",
        "A",
        "a-",
        "en",
        "EN",
        "+4512345678",
        "+0123",
        "+1",
        "1234",
        "007",
        "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
        "9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B",
        "9c2a2cce699f4a7289d9fda5bc8dec8b",
        "2021-12-01T13:00:00.003Z",
        "2021-12-01T13:00:00+01:00",
        "2021-12-01T13:00:00z",
        "2021-12-01 13:00:00Z",
        "2021-02-29T13:00:00Z",
        "2021-12-01T24:00:00Z",
        "2021-12-01T13:00:00.Z",
        "2021-12-01T13:00:00",
        "https://example.com/æøå#/x:y",
        "HTTP://example.com",
        "https:example.com",
        "https://a b",
        "file:///etc",
        "two\nlines",
    ]);
    let value = prop_oneof![
        6 => texts.prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Array(Vec::new())),
        1 => Just(Value::Object(Map::new())),
        1 => Just(Value::Array(vec![Value::from("a"), Value::from("")])),
    ];
    let names = prop::sample::select(vec![
        "_type",
        "attributes",
        "agentId",
        "cc",
        "message",
        "messages",
        "language",
        "labels",
        "annotations",
        "customAttributes",
        "dixaform/adopt",
        "dixaform/moved-from",
        "dixaform/unknown",
        "dixaform",
        "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
        "Order number",
        "externalId",
        "attachments",
    ]);
    prop_oneof![
        4 => value.clone().prop_map(Edit::Replace),
        1 => Just(Edit::Drop),
        4 => (names, value).prop_map(|(name, value)| Edit::Add(name, value)),
    ]
}

/// Whether the reader takes a document.
fn reader_takes(document: &Value) -> bool {
    let reading = manifest::read(
        &Arc::from("m.json"),
        document.to_string().as_bytes(),
        manifest::Tenant::unknown(),
        &manifest::no_tables,
    );
    let has_error = reading.findings.iter().any(|finding| finding.severity == Severity::Error);
    !has_error && reading.manifests.len() == 1
}

/// Both kinds of validators of manifests, which take long to build.
static OF_MANIFESTS: LazyLock<(Validator, Validator)> =
    LazyLock::new(|| (strict(Subject::Manifest), lenient(Subject::Manifest)));

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_reader_and_the_schema_agree_about_manifests(
        document in any_document(),
        edits in prop::collection::vec((any::<usize>(), any_edit()), 24),
    ) {
        let (strict, lenient) = &*OF_MANIFESTS;
        prop_assert!(reader_takes(&document));
        for validator in [strict, lenient] {
            assert_valid(validator, &document, "made up");
        }
        for (at, edit) in edits {
            let changed = edited(&document, &mut (at % size(&document)), &edit);
            // A document that is null is passed over.
            let taken = changed.is_null() || reader_takes(&changed);
            prop_assert_eq!(strict.is_valid(&changed), taken, "{}", changed);
            prop_assert!(!taken || lenient.is_valid(&changed), "{}", changed);
        }
    }
}
