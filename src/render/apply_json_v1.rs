//! The JSON forms of an apply: `dixaform-apply/1`, how it ended, and `dixaform-apply-event/1`, a line for each thing
//! that happens. docs/json.md explains both. A minor addition is a new member; anything else is a new number.
//!
//! Characters that hide or turn text are written as `\\uXXXX`, so that a line of a log is what it looks like.

use crate::apply::event::ApplyEvent;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Counts, Failure, Outcome, Stop};
use crate::conversation::{Address, ConversationId};
use crate::plan::json_value::{self as shown, Number, Value};
use crate::plan::{Action, Plan, Target};
use crate::render::escape::escape_json;
use crate::render::json_v1::{base, count, integer, map, member, or_null, price, source, summary};
use crate::render::remark::{Pointers, stopped};
use crate::render::report::Finished;
use crate::render::validate_json_v1;

/// The value of `format` in a report.
pub const FORMAT: &str = "dixaform-apply/1";

/// The value of `format` in an event.
pub const EVENT_FORMAT: &str = "dixaform-apply-event/1";

/// The words of `event`, in the order in which they first come.
pub const EVENTS: [&str; 6] = ["planned", "began", "made", "waiting", "ended", "finished"];

/// A report as one JSON document, an outcome a line, with a newline at the end.
pub fn report(finished: &Finished<'_>) -> String {
    let mut out = document(finished, "\n");
    out.push('\n');
    escape_json(&out).into_owned()
}

/// The first line of a stream: what will be done.
pub fn planned(plan: &Plan, at: &str) -> String {
    let mut out = opened("planned", at);
    head(plan, &mut out);
    member(&mut out, "summary", &summary(&plan.summary));
    member(&mut out, "price", &price(&plan.price));
    line(out)
}

/// A line for what happened. The place that a failure points at is in the report only.
pub fn event(event: &ApplyEvent, plan: &Plan, at: &str) -> String {
    let word = match event {
        ApplyEvent::Began { .. } => "began",
        ApplyEvent::Made { .. } => "made",
        ApplyEvent::Waiting { .. } => "waiting",
        ApplyEvent::Ended(_) => "ended",
    };
    let mut out = opened(word, at);
    match event {
        ApplyEvent::Began { address, action } => {
            member(&mut out, "address", &address_of(address));
            member(&mut out, "action", &Value::text(action.word()));
        }
        ApplyEvent::Made { address, id } => {
            member(&mut out, "address", &address_of(address));
            member(&mut out, "id", &number(*id));
        }
        ApplyEvent::Waiting { address, why, wait_ms } => {
            member(&mut out, "address", &address_of(address));
            member(&mut out, "why", &Value::text(why));
            member(&mut out, "waitMs", &integer(*wait_ms));
        }
        ApplyEvent::Ended(ended) => {
            for (name, value) in outcome(ended, plan, &Pointers::new()) {
                member(&mut out, name, &value);
            }
        }
    }
    line(out)
}

/// The last line of a stream: the whole report.
pub fn finished(finished: &Finished<'_>, at: &str) -> String {
    let mut out = opened("finished", at);
    out.push_str(",\"report\":");
    out.push_str(&document(finished, ""));
    line(out)
}

fn opened(event: &str, at: &str) -> String {
    let mut out = String::from("{");
    member(&mut out, "format", &Value::text(EVENT_FORMAT));
    member(&mut out, "event", &Value::text(event));
    member(&mut out, "at", &Value::text(at));
    out
}

fn line(mut open: String) -> String {
    open.push_str("}\n");
    escape_json(&open).into_owned()
}

/// What tells one apply from another.
fn head(plan: &Plan, out: &mut String) {
    let Target { name, base_url, organization_id, rate_limit: _ } = &plan.tenant;
    let tenant = map([
        ("name", Value::text(name)),
        ("baseUrl", Value::text(base_url)),
        ("organizationId", or_null(organization_id.as_ref(), Value::text)),
    ]);
    member(out, "tool", &Value::text(concat!("dixaform ", env!("CARGO_PKG_VERSION"))));
    member(out, "tenant", &tenant);
    member(out, "base", &base(plan));
    member(out, "fingerprint", &Value::text(&plan.fingerprint));
}

/// The report, with this between its outcomes.
fn document(Finished { plan, report, pointers, findings, exit }: &Finished<'_>, between: &str) -> String {
    let ApplyReport { outcomes, stop, counts } = report;
    let mut out = String::from("{");
    member(&mut out, "format", &Value::text(FORMAT));
    head(plan, &mut out);
    out.push_str(",\"outcomes\":[");
    for (index, ended) in outcomes.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        out.push_str(between);
        shown::write_into(&map(outcome(ended, plan, pointers)), &mut out);
    }
    out.push_str(if outcomes.is_empty() { "" } else { between });
    out.push(']');
    member(&mut out, "counts", &counts_of(counts));
    member(&mut out, "stop", &or_null(stop.as_ref(), stop_of));
    member(&mut out, "findings", &Value::List(findings.iter().map(validate_json_v1::finding).collect()));
    member(&mut out, "inDoubt", &Value::List(plan.in_doubt.iter().map(address_of).collect()));
    member(&mut out, "complete", &Value::Bool(report.is_complete()));
    member(&mut out, "exitCode", &integer((*exit).into()));
    out.push('}');
    out
}

fn outcome(ended: &ChangeOutcome, plan: &Plan, pointers: &Pointers) -> [(&'static str, Value); 12] {
    let ChangeOutcome { address, action, source: place, outcome } = ended;
    let (id, failure, partial_errors, warnings) = match outcome {
        Outcome::Done { id, partial_errors, warnings } => (*id, None, partial_errors.as_slice(), warnings.as_slice()),
        Outcome::Failed { id, error } => (*id, Some(error), &[][..], &[][..]),
        Outcome::InDoubt { error } => (None, Some(error), &[][..], &[][..]),
        Outcome::NotAttempted => (None, None, &[][..], &[][..]),
    };
    let texts = |texts: &[String]| Value::List(texts.iter().map(Value::text).collect());
    let pointer = pointers.get(address).map(|pointer| &pointer.source);
    [
        ("address", address_of(address)),
        ("action", Value::text(action.word())),
        ("outcome", Value::text(outcome.word())),
        ("id", or_null(id, number)),
        ("previousId", or_null(previous(address, *action, plan), number)),
        ("source", or_null(place.as_ref(), source)),
        ("pointsAt", or_null(pointer, source)),
        ("call", or_null(failure, |Failure { call, .. }| Value::text(call))),
        ("status", or_null(failure.and_then(|failure| failure.status), |status| integer(status.into()))),
        ("message", or_null(failure, |Failure { message, .. }| Value::text(message))),
        ("partialErrors", texts(partial_errors)),
        ("warnings", texts(warnings)),
    ]
}

/// The conversation that a replacement took the place of. A plan is in the order of its addresses.
fn previous(address: &Address, action: Action, plan: &Plan) -> Option<ConversationId> {
    if action != Action::Replace {
        return None;
    }
    let index = plan.changes.binary_search_by(|change| change.address.cmp(address)).ok()?;
    plan.changes[index].id
}

fn counts_of(counts: &Counts) -> Value {
    let Counts {
        created,
        imported,
        updated,
        replaced,
        adopted,
        forgotten,
        failed,
        in_doubt,
        not_attempted,
        partial,
        half_done,
    } = *counts;
    map([
        ("created", count(created)),
        ("imported", count(imported)),
        ("updated", count(updated)),
        ("replaced", count(replaced)),
        ("adopted", count(adopted)),
        ("forgotten", count(forgotten)),
        ("failed", count(failed)),
        ("inDoubt", count(in_doubt)),
        ("notAttempted", count(not_attempted)),
        ("partial", count(partial)),
        ("halfDone", count(half_done)),
    ])
}

fn stop_of(stop: &Stop) -> Value {
    let (why, said) = stopped(stop);
    map([("reason", Value::text(stop.word())), ("message", Value::text(said.as_deref().unwrap_or(why)))])
}

fn address_of(address: &Address) -> Value {
    Value::text(address.to_string())
}

fn number(id: ConversationId) -> Value {
    Value::Number(Number::Integer(id.0))
}
