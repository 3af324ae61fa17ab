//! The schema of a manifest: its envelope, and every kind of body.

use serde_json::{Map, Value};

use crate::conversation::{CUSTOM_ATTRIBUTES, Kind};
use crate::finding::code;
use crate::schema::Subject;
use crate::schema::body::{self, Extra};
use crate::schema::keyword::{
    NAME, NAME_MAX, UUID, VALUE_NAME, about, closed, document, filled, integer, map, map_of, of_type, only, or_null,
    pattern, texts, with, word,
};
use crate::schema::set;
use crate::shape;

const ATTRIBUTES_ABOUT: &str = "Custom attributes by the id of their definition, or by its identifier if there is a catalog: a text, the path of a Select's options \
    from root to leaf, or null to clear. Sent by PATCH once it is there. \
    https://docs.dixa.io/openapi/dixa-api/beta/custom-attributes/patchconversationsconversationidcustom-attributes";

/// Annotations that are about one conversation, so that no set can have them.
const ONLY_OF_ONE: [&str; 2] = ["dixaform/adopt", "dixaform/moved-from"];

pub fn schema() -> Value {
    let name = about(pattern(VALUE_NAME), "Its name");
    let value = about(closed(&["value"], [("value", name)]), "The tenant's value of this name in the project file");
    let mut definitions = Map::from_iter([(body::VALUE.to_owned(), value)]);
    let mut set_afterwards = vec![(CUSTOM_ATTRIBUTES, custom_attributes())];
    set_afterwards.extend(body::members(&shape::HANDLING, &mut definitions));
    // An end user has attributes only.
    let known = |kind| if kind == Kind::EndUser { 1 } else { set_afterwards.len() };
    let specs: Vec<Value> =
        Kind::ALL.into_iter().map(|kind| spec(kind, &set_afterwards[..known(kind)], &mut definitions)).collect();
    let channels = body::channels(&mut definitions);
    let import = shape::body(Kind::Import).variants[0].name;
    if let Some(Value::Object(import)) = definitions.get_mut(import) {
        import.insert("allOf".to_owned(), channels);
    }
    let kinds = Kind::ALL.into_iter().map(Kind::manifest_word);
    let envelope = closed(
        &["apiVersion", "kind", "metadata", "spec"],
        [
            ("$schema", about(of_type("string"), "Where editors find this schema; never sent")),
            ("apiVersion", about(only("dixaform/v1"), "The version of this form")),
            ("kind", about(word(kinds), "What it describes")),
            ("metadata", metadata(true)),
            ("spec", about(of_type("object"), "The body of the request, and what is set afterwards")),
        ],
    );
    let envelope = with(envelope, "allOf", Value::Array(specs));
    let sets = set::envelope(metadata(false), &mut definitions);
    let is_set = with(of_type("object"), "properties", map([("kind", set::word())]));
    let is_set = with(is_set, "required", texts(["kind"]));
    // A document with nothing but comments in it is null, and is passed over.
    let schema = map([("if", is_set), ("then", sets), ("else", or_null(envelope))]);
    let text = "One YAML or JSON document that describes one Dixa conversation or end user";
    document(Subject::Manifest, "dixaform manifest", text, schema, definitions)
}

/// If it is of this kind, then its spec is this.
fn spec(kind: Kind, extra: Extra<'_>, definitions: &mut Map<String, Value>) -> Value {
    let text = match kind {
        Kind::EndUser => {
            "The body of POST /v1/endusers, and customAttributes. \
            https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers"
        }
        Kind::Conversation => {
            "The body of POST /v1/conversations, and what is set afterwards. \
            https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations"
        }
        Kind::Import => {
            "The body of POST /v1/conversations/import, and what is set afterwards. \
            https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport"
        }
    };
    let spec = about(body::union(shape::body(kind), extra, definitions), text);
    let is_kind = map([("properties", map([("kind", only(kind.manifest_word()))])), ("required", texts(["kind"]))]);
    let adopt = match kind {
        Kind::EndUser => UUID,
        Kind::Conversation | Kind::Import => "^0*[1-9][0-9]{0,18}$",
    };
    let mut settings = vec![("dixaform/adopt", about(pattern(adopt), "The id that Dixa shows"))];
    if kind == Kind::EndUser {
        // What differs of an end user is changed in place.
        let nothing = map([("not", Value::Object(Map::new()))]);
        settings.push(("dixaform/on-change", about(nothing, "Says nothing about an end user")));
    }
    let below = |name: &'static str, inner: Value| map([("properties", map([(name, inner)]))]);
    let settings =
        map([("properties", Value::Object(settings.into_iter().map(|(name, to)| (name.into(), to)).collect()))]);
    let settings = about(settings, "Settings of this kind");
    let metadata = about(below("annotations", settings), "Settings of this kind");
    map([("if", is_kind), ("then", map([("properties", map([("metadata", metadata), ("spec", spec)]))]))])
}

/// The metadata of a manifest, or of a set.
fn metadata(is_of_one: bool) -> Value {
    let name = with(pattern(NAME), "maxLength", integer(NAME_MAX));
    let labels = about(or_null(map_of(of_type("string"))), "For --selector; never sent");
    let metadata = closed(
        &["name"],
        [
            ("name", about(name, "A stable name of your own, unique among manifests of this kind")),
            ("labels", labels),
            ("annotations", annotations(is_of_one)),
        ],
    );
    about(metadata, "Settings for dixaform; never sent")
}

fn annotations(is_of_one: bool) -> Value {
    let on_change = about(
        word(["replace", "ignore", "block"]),
        "When the content differs: make a new conversation, keep the old one knowingly, or never replace",
    );
    let adopt = about(filled(), "Manage this existing conversation, or end user, instead of creating one");
    let ignore = about(pattern(&ignore_pattern()), "Codes of warnings that this manifest means, with commas between");
    let moved_from = about(pattern(&address_pattern()), "Take over the record of this address, which it had before");
    let settings = [
        ("dixaform/on-change", on_change),
        ("dixaform/adopt", adopt),
        ("dixaform/moved-from", moved_from),
        ("dixaform/ignore", ignore),
    ];
    let settings = settings.into_iter().filter(|(name, _)| is_of_one || !ONLY_OF_ONE.contains(name));
    let settings: Vec<(&str, Value)> = settings.collect();
    let foreign = map([("not", map([("pattern", Value::from("^dixaform/"))]))]);
    let known = map([("enum", texts(settings.iter().map(|(name, _)| *name)))]);
    let schema = with(
        map_of(of_type("string")),
        "properties",
        settings.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect(),
    );
    let schema = with(schema, "propertyNames", map([("anyOf", Value::Array(vec![known, foreign]))]));
    about(or_null(schema), "dixaform/… are settings, all others are your own")
}

fn address_pattern() -> String {
    let kinds = Kind::ALL.map(Kind::word).join("|");
    let middle = NAME_MAX - 2;
    format!("^({kinds})\\.[a-z0-9]([a-z0-9._-]{{0,{middle}}}[a-z0-9])?$")
}

fn ignore_pattern() -> String {
    let codes: Vec<&str> = code::ALL.iter().filter(|code| code.can_be_ignored()).map(|code| code.name).collect();
    let one = format!("[ \\t\\r\\n]*({})[ \\t\\r\\n]*", codes.join("|"));
    format!("^{one}(,{one})*$")
}

fn custom_attributes() -> Value {
    let value = map([
        ("type", texts(["string", "array", "null"])),
        ("minLength", integer(1)),
        ("minItems", integer(1)),
        ("items", body::or_value(filled())),
    ]);
    let schema = with(map_of(body::or_value(value)), "propertyNames", map([("minLength", integer(1))]));
    about(or_null(schema), ATTRIBUTES_ABOUT)
}
