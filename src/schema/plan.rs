//! The schema of a plan as JSON, `dixaform-plan/1`. A later version of the same number may add members, so others are
//! allowed everywhere; see [`crate::render::json_v1`].

use crate::plan::file_v1::FORMAT;
use crate::plan::json_value::{Map, Number, Value};
use crate::plan::{Action, Reason};
use crate::schema::Subject;
use crate::schema::keyword::{
    about, address, at_least, conversation_id, defined, document, filled, list_of, map, of_type, only, open, or_null,
    source, uuid, with, word,
};

const CHANGE_REQUIRED: [&str; 12] = [
    "address",
    "action",
    "reason",
    "source",
    "id",
    "before",
    "after",
    "calls",
    "irreversible",
    "reachesCustomer",
    "blocked",
    "fingerprint",
];

pub fn schema() -> Value {
    let schema = open(
        &["format", "tool", "tenant", "base", "changes", "summary", "price", "fingerprint"],
        [
            ("format", only(FORMAT)),
            ("tool", about(filled(), "The program that wrote it, and its version")),
            ("tenant", tenant()),
            ("base", base()),
            ("changes", about(list_of(defined("change")), "In the order in which they are applied")),
            ("summary", summary()),
            ("price", price()),
            ("fingerprint", fingerprint()),
        ],
    );
    let definitions = Map::from_iter([("change".to_owned(), change())]);
    let text = "What an apply would do, as `dixaform plan --format json` and `--out` write it";
    document(Subject::Plan, "dixaform plan", text, schema, definitions)
}

pub(super) fn tenant() -> Value {
    open(
        &["name", "baseUrl", "organizationId"],
        [
            ("name", filled()),
            ("baseUrl", filled()),
            ("organizationId", about(or_null(of_type("string")), "Null as long as it is unknown")),
        ],
    )
}

pub(super) fn base() -> Value {
    let base = open(&["lineage", "serial"], [("lineage", uuid()), ("serial", at_least(0))]);
    about(base, "The state that it was made for")
}

fn change() -> Value {
    let call = open(&["method", "path"], [("method", word(["GET", "POST", "PATCH"])), ("path", of_type("string"))]);
    let spec = || or_null(of_type("object"));
    let source = with(source(), "additionalProperties", Value::Bool(true));
    open(
        &CHANGE_REQUIRED,
        [
            ("address", address()),
            ("action", word(Action::ALL.into_iter().map(Action::word))),
            ("reason", word(Reason::ALL.into_iter().map(Reason::word))),
            ("source", about(or_null(source), "Where its manifest stands")),
            ("id", about(or_null(conversation_id()), "Dixa's id of the conversation that exists")),
            ("before", about(spec(), "As far as it is known")),
            ("after", spec()),
            ("calls", list_of(call)),
            ("irreversible", about(of_type("boolean"), "It makes a conversation, which can't be deleted")),
            ("reachesCustomer", about(of_type("boolean"), "It sends a message to a person")),
            ("blocked", about(of_type("boolean"), "Apply refuses the plan because of it")),
            ("fingerprint", fingerprint()),
        ],
    )
}

pub(super) fn summary() -> Value {
    let counts = ["create", "import", "update", "replace", "adopt", "forget", "unchanged", "notInManifests"];
    let members = map(counts.map(|name| (name, at_least(0))));
    with(open(&counts, []), "properties", members)
}

pub(super) fn price() -> Value {
    let positive = || with(of_type("number"), "minimum", Value::Number(Number::Integer(0)));
    let members = [
        ("calls", at_least(0)),
        ("seconds", about(positive(), "At the tenant's rate limit")),
        ("dailyQuotaShare", about(positive(), "1 is all calls that Dixa allows in a day")),
    ];
    open(&["calls", "seconds", "dailyQuotaShare"], members)
}

pub(super) fn fingerprint() -> Value {
    about(filled(), "A short digest of what would be done")
}
