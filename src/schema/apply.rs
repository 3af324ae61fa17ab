//! The schema of how an apply ended, `dixaform-apply/1`. A later version of the same number may add members, so others
//! are allowed everywhere; see [`crate::render::apply_json_v1`].

use crate::apply::outcome::{Outcome, Stop};
use crate::plan::Action;
use crate::plan::json_value::{Map, Value};
use crate::schema::Subject;
use crate::schema::keyword::{
    about, address, at_least, conversation_id, defined, document, filled, integer, list_of, map, of_type, only, open,
    or_null, source, with, word,
};
use crate::schema::{plan, validate};

const REQUIRED: [&str; 12] = [
    "format",
    "tool",
    "tenant",
    "base",
    "fingerprint",
    "outcomes",
    "counts",
    "stop",
    "findings",
    "inDoubt",
    "complete",
    "exitCode",
];

pub(super) const OUTCOME_REQUIRED: [&str; 12] = [
    "address",
    "action",
    "outcome",
    "id",
    "previousId",
    "source",
    "pointsAt",
    "call",
    "status",
    "message",
    "partialErrors",
    "warnings",
];

const COUNTS: [&str; 11] = [
    "created",
    "imported",
    "updated",
    "replaced",
    "adopted",
    "forgotten",
    "failed",
    "inDoubt",
    "notAttempted",
    "partial",
    "halfDone",
];

pub fn schema() -> Value {
    let text = "How an apply ended, as `dixaform apply --format json=FILE` writes it";
    document(Subject::Apply, "dixaform apply", text, report(), definitions())
}

/// What [`report`] refers to.
pub(super) fn definitions() -> Map {
    Map::from_iter([("outcome".to_owned(), outcome()), ("finding".to_owned(), validate::finding())])
}

pub(super) fn report() -> Value {
    let exit = with(at_least(0), "maximum", integer(255));
    let findings = list_of(defined("finding"));
    open(
        &REQUIRED,
        [
            ("format", only("dixaform-apply/1")),
            ("tool", tool()),
            ("tenant", plan::tenant()),
            ("base", plan::base()),
            ("fingerprint", about(filled(), "Of the plan that was applied")),
            ("outcomes", about(list_of(defined("outcome")), "One for each change, in the order of the plan")),
            ("counts", counts()),
            ("stop", about(or_null(stop()), "Why the run ended before its last change; null when it did not")),
            ("findings", about(findings, "What was wrong with manifests before the first write, and stopped it")),
            ("inDoubt", about(list_of(address()), "In doubt since an earlier apply, and left alone")),
            ("complete", about(of_type("boolean"), "Whether every change was done, and recorded")),
            ("exitCode", about(exit, "The exit code of the command")),
        ],
    )
}

pub(super) fn tool() -> Value {
    about(filled(), "The program that wrote it, and its version")
}

pub(super) fn action() -> Value {
    word(Action::ALL.into_iter().map(Action::word))
}

fn outcome() -> Value {
    with(open(&OUTCOME_REQUIRED, []), "properties", outcome_members())
}

/// The members of an outcome, which stand in the event `ended` as well.
pub(super) fn outcome_members() -> Value {
    let place = || or_null(with(source(), "additionalProperties", Value::Bool(true)));
    let texts = || list_of(of_type("string"));
    let id = "Dixa's id of the conversation; null where none is known, and after forget";
    map([
        ("address", address()),
        ("action", action()),
        ("outcome", word(Outcome::WORDS)),
        ("id", about(or_null(conversation_id()), id)),
        ("previousId", about(or_null(conversation_id()), "The conversation that was replaced; it stays in Dixa")),
        ("source", about(place(), "Where its manifest stands")),
        ("pointsAt", about(place(), "The place that the message is about, where one was found")),
        ("call", about(or_null(of_type("string")), "The call that failed or is in doubt")),
        ("status", about(or_null(of_type("integer")), "The HTTP status of its answer, if there was one")),
        ("message", about(or_null(of_type("string")), "What Dixa said, or what went wrong on the way")),
        ("partialErrors", about(texts(), "What Dixa could not do while making the conversation")),
        ("warnings", about(texts(), "What is odd but no failure")),
    ])
}

fn counts() -> Value {
    with(open(&COUNTS, []), "properties", map(COUNTS.map(|name| (name, at_least(0)))))
}

fn stop() -> Value {
    open(&["reason", "message"], [("reason", word(Stop::WORDS)), ("message", of_type("string"))])
}
