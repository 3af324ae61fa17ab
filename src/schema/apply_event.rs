//! The schema of one line of an apply as it happens, `dixaform-apply-event/1`; see [`crate::render::apply_json_v1`].

use crate::plan::json_value::Value;
use crate::schema::Subject;
use crate::schema::apply::{OUTCOME_REQUIRED, action, definitions, outcome_members, report, tool};
use crate::schema::keyword::{
    about, address, at_least, conversation_id, document, filled, map, of_type, only, open, timestamp, with, word,
};
use crate::schema::plan;

const EVENTS: [&str; 6] = ["planned", "began", "made", "waiting", "ended", "finished"];

pub fn schema() -> Value {
    let head = open(
        &["format", "event", "at"],
        [
            ("format", only("dixaform-apply-event/1")),
            ("event", word(EVENTS)),
            ("at", about(timestamp(), "When it was written")),
        ],
    );
    let planned = open(
        &["tool", "tenant", "base", "fingerprint", "summary", "price"],
        [
            ("tool", tool()),
            ("tenant", plan::tenant()),
            ("base", plan::base()),
            ("fingerprint", about(filled(), "Of the plan")),
            ("summary", plan::summary()),
            ("price", plan::price()),
        ],
    );
    let began = open(&["address", "action"], [("address", address()), ("action", action())]);
    let made = open(&["address", "id"], [("address", address()), ("id", conversation_id())]);
    let wait = about(at_least(0), "Milliseconds until the call is tried again");
    let waiting =
        open(&["address", "why", "waitMs"], [("address", address()), ("why", of_type("string")), ("waitMs", wait)]);
    let ended = with(open(&OUTCOME_REQUIRED, []), "properties", outcome_members());
    let finished = open(&["report"], [("report", report())]);
    let kinds = [planned, began, made, waiting, ended, finished];
    let rules = EVENTS.into_iter().zip(kinds).map(|(event, then)| map([("if", of_event(event)), ("then", then)]));
    let schema = with(head, "allOf", Value::List(rules.collect()));
    let text = "One line of what `dixaform apply --format json` prints while it runs";
    document(Subject::ApplyEvent, "dixaform apply event", text, schema, definitions())
}

fn of_event(event: &str) -> Value {
    map([("properties", map([("event", only(event))]))])
}
