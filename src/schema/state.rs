//! The schema of a state file, as [`crate::state::file_v1`] reads and writes it.

use serde_json::{Map, Value};

use crate::conversation::CUSTOM_ATTRIBUTES;
use crate::schema::Subject;
use crate::schema::keyword::{
    about, address, at_least, attribute_value, closed, conversation_id, defined, digest, document, filled, list_of,
    map, map_of, of_type, only, or_null, pattern, source, texts, timestamp, uuid, with,
};
use crate::state::file_v1::FORMAT;

pub fn schema() -> Value {
    let tenant = closed(&["baseUrl"], [("baseUrl", filled()), ("organizationId", or_null(of_type("string")))]);
    let schema = closed(
        &["format", "lineage", "serial", "records"],
        [
            ("format", only(FORMAT)),
            ("lineage", about(uuid(), "Names this history")),
            ("serial", about(at_least(0), "Grows by one with each save")),
            ("tenant", about(or_null(tenant), "The tenant that all of this is about; unknown before the first apply")),
            ("records", about(list_of(defined("record")), "In ascending order of address")),
        ],
    );
    let definitions = Map::from_iter([("record".to_owned(), record())]);
    let text = "What dixaform applied to one tenant; state/README.md explains it";
    document(Subject::State, "dixaform state", text, schema, definitions)
}

fn record() -> Value {
    let digests = closed(
        &["content", "attributes"],
        [
            ("content", about(digest(), "Of the spec without custom attributes, as the conversation was made")),
            ("attributes", about(or_null(digest()), "Of the custom attributes; null when they were never written")),
        ],
    );
    let attributes = map([(CUSTOM_ATTRIBUTES, map_of(attribute_value()))]);
    let spec = with(of_type("object"), "properties", attributes);
    let fields = map_of(pattern("^[0-9a-f]{16}$"));
    let made_of = closed(
        &["digest", "manifests", "dixaform"],
        [
            ("digest", about(digest(), "Of the file's bytes")),
            ("manifests", about(at_least(0), "How many manifests the file has")),
            ("dixaform", about(of_type("string"), "The version that read it")),
        ],
    );
    let record = closed(
        &["address", "id", "digest", "appliedAt"],
        [
            ("address", address()),
            ("id", about(conversation_id(), "Dixa's id of the conversation")),
            ("digest", digests),
            ("spec", about(spec, "The spec last applied (lastApplied: full)")),
            ("salt", about(of_type("string"), "For the digests of fields (lastApplied: digest)")),
            ("fields", about(fields, "Salted digests by JSON pointer (lastApplied: digest)")),
            ("source", about(or_null(source()), "Where the manifest was when it was last applied")),
            ("madeOf", about(or_null(made_of), "The bytes of that file, so that it need not be parsed again")),
            ("appliedAt", about(timestamp(), "When dixaform made or last changed the conversation")),
            ("partialErrors", about(list_of(of_type("string")), "What Dixa could not do while making it")),
            ("replaced", about(list_of(conversation_id()), "Those that it took the place of, oldest first")),
        ],
    );
    let applied = [texts(["spec"]), texts(["salt", "fields"])].map(|required| map([("required", required)]));
    with(record, "oneOf", Value::Array(applied.to_vec()))
}
