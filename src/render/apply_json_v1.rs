//! The JSON forms of an apply: `dixaform-apply/1`, how it ended, and `dixaform-apply-event/1`, a line for each thing
//! that happens. docs/json.md explains both. A minor addition is a new member; anything else is a new number.
//!
//! Characters that hide or turn text are written as `\\uXXXX`, so that a line of a log is what it looks like.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::event::ApplyEvent;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Counts, Failure, Outcome, Stop};
use crate::apply::settle::Pause;
use crate::conversation::{Address, Id};
use crate::plan::file_v1::{BaseV1, SourceV1, TOOL, TenantNameV1};
use crate::plan::json_parts::{AddressV1, IdV1};
use crate::plan::{Action, Plan, Price, Summary};
use crate::render::escape::escape_json;
use crate::render::remark::{Pointers, stopped};
use crate::render::report::Finished;
use crate::render::validate_json_v1::{FindingV1, json, on_lines};

/// The value of `format` in a report.
pub const FORMAT: &str = "dixaform-apply/1";

/// The value of `format` in an event.
pub const EVENT_FORMAT: &str = "dixaform-apply-event/1";

/// How an apply ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "report")]
pub struct ReportV1<'f> {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    #[serde(flatten)]
    head: HeadV1,
    /// One for each change, in the order of the plan
    outcomes: Vec<OutcomeV1<'f>>,
    counts: Counts,
    /// Why the run ended before its last change; null when it did not
    stop: Option<StopV1<'f>>,
    /// What was wrong with manifests before the first write, and stopped it
    findings: Vec<FindingV1<'f>>,
    /// In doubt since an earlier apply, and left alone
    in_doubt: Vec<AddressV1>,
    /// Whether every change was done, and recorded
    complete: bool,
    /// The exit code of the command
    exit_code: u8,
}

/// What tells one apply from another.
#[derive(Debug, Serialize, JsonSchema)]
struct HeadV1 {
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    tenant: TenantNameV1,
    base: BaseV1,
    /// Of the plan
    #[schemars(length(min = 1))]
    fingerprint: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "outcome")]
struct OutcomeV1<'f> {
    address: AddressV1,
    action: Action,
    #[schemars(extend("enum" = Outcome::WORDS))]
    outcome: &'static str,
    /// Whether the answer of its POST was lost, and the conversation was found by looking
    found: bool,
    /// The address from which its record has moved; left out where it has not
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<AddressV1>,
    /// Dixa's id of the conversation; null if none is known, and after forget
    id: Option<IdV1>,
    /// The conversation that was replaced; it stays in Dixa
    previous_id: Option<IdV1>,
    /// Where its manifest is
    source: Option<SourceV1>,
    /// The place that the message is about, if one was found
    points_at: Option<SourceV1>,
    /// The call that failed or is in doubt
    call: Option<String>,
    /// The HTTP status of its answer, if there was one
    status: Option<u16>,
    /// What Dixa said, or what went wrong on the way
    message: Option<&'f str>,
    /// The end user that it needs and that was not made; left out elsewhere
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<AddressV1>,
    /// What Dixa could not do while making the conversation
    partial_errors: &'f [String],
    /// What is odd but no failure
    warnings: &'f [String],
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "stop")]
struct StopV1<'f> {
    #[schemars(extend("enum" = Stop::WORDS))]
    reason: &'static str,
    message: std::borrow::Cow<'f, str>,
}

/// One line of what happens.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventV1<'f> {
    #[schemars(extend("const" = EVENT_FORMAT))]
    format: &'static str,
    #[serde(flatten)]
    what: WhatV1<'f>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum WhatV1<'f> {
    /// What will be done; the first line
    Planned {
        at: TimeV1<'f>,
        #[serde(flatten)]
        head: HeadV1,
        summary: Summary,
        price: Price,
    },
    Began {
        at: TimeV1<'f>,
        address: AddressV1,
        action: Action,
    },
    Made {
        at: TimeV1<'f>,
        address: AddressV1,
        id: IdV1,
    },
    Waiting {
        at: TimeV1<'f>,
        address: AddressV1,
        why: &'f str,
        /// Milliseconds until the call is tried again
        wait_ms: u64,
    },
    /// Calls in doubt are looked for again
    Looking {
        at: TimeV1<'f>,
        /// How many
        calls: usize,
        /// Milliseconds until then
        wait_ms: u64,
        /// Milliseconds until the looking ends at the latest
        at_most_ms: u64,
    },
    Ended {
        at: TimeV1<'f>,
        #[serde(flatten)]
        outcome: OutcomeV1<'f>,
    },
    /// The last line
    Finished {
        at: TimeV1<'f>,
        report: Box<ReportV1<'f>>,
    },
}

/// When it was written: RFC 3339, UTC
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "time")]
struct TimeV1<'f>(
    #[schemars(
        regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"),
        extend("format" = "date-time")
    )]
    &'f str,
);

/// A report as one JSON document, with one outcome per line and a newline at the end.
pub fn report(finished: &Finished<'_>) -> String {
    let Finished { plan, report, pointers, .. } = finished;
    let outcomes = report.outcomes.iter().map(|ended| outcome(ended, plan, pointers));
    let text = on_lines(&document(finished, Vec::new()), "outcomes", outcomes, "\n");
    escape_json(&format!("{text}\n")).into_owned()
}

/// The first line of a stream: what will be done.
pub fn planned(plan: &Plan, at: &str) -> String {
    line(WhatV1::Planned { at: TimeV1(at), head: head(plan), summary: plan.summary, price: plan.price })
}

/// A line for what happened. The place that a failure points at is in the report only.
pub fn event(event: &ApplyEvent, plan: &Plan, at: &str) -> String {
    let at = TimeV1(at);
    line(match event {
        ApplyEvent::Began { address, action } => WhatV1::Began { at, address: address.into(), action: *action },
        ApplyEvent::Made { address, id } => WhatV1::Made { at, address: address.into(), id: IdV1(*id) },
        ApplyEvent::Waiting { address, why, wait_ms } => {
            WhatV1::Waiting { at, address: address.into(), why, wait_ms: *wait_ms }
        }
        ApplyEvent::Looking(Pause { calls, wait, at_most }) => {
            WhatV1::Looking { at, calls: *calls, wait_ms: millis(*wait), at_most_ms: millis(*at_most) }
        }
        ApplyEvent::Ended(ended) => WhatV1::Ended { at, outcome: outcome(ended, plan, &Pointers::new()) },
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The last line of a stream: the whole report.
pub fn finished(finished: &Finished<'_>, at: &str) -> String {
    let Finished { plan, report, pointers, .. } = finished;
    let outcomes = report.outcomes.iter().map(|ended| outcome(ended, plan, pointers));
    let report = Box::new(document(finished, outcomes.collect()));
    line(WhatV1::Finished { at: TimeV1(at), report })
}

fn line(what: WhatV1<'_>) -> String {
    let text = format!("{}\n", json(&EventV1 { format: EVENT_FORMAT, what }));
    escape_json(&text).into_owned()
}

fn head(plan: &Plan) -> HeadV1 {
    let (tenant, base) = (TenantNameV1::from(&plan.tenant), BaseV1::from(plan));
    HeadV1 { tool: TOOL, tenant, base, fingerprint: plan.fingerprint.clone() }
}

fn document<'f>(finished: &Finished<'f>, outcomes: Vec<OutcomeV1<'f>>) -> ReportV1<'f> {
    let Finished { plan, report, pointers: _, findings, exit } = *finished;
    let ApplyReport { outcomes: _, stop, counts } = report;
    ReportV1 {
        format: FORMAT,
        head: head(plan),
        outcomes,
        counts: *counts,
        stop: stop.as_ref().map(|stop| {
            let (why, said) = stopped(stop);
            StopV1 { reason: stop.word(), message: said.map_or(why.into(), Into::into) }
        }),
        findings: findings.iter().map(FindingV1::from).collect(),
        in_doubt: plan.in_doubt.iter().map(AddressV1::from).collect(),
        complete: report.is_complete(),
        exit_code: exit,
    }
}

fn outcome<'f>(ended: &'f ChangeOutcome, plan: &Plan, pointers: &Pointers) -> OutcomeV1<'f> {
    let ChangeOutcome { address, action, moved, source, outcome } = ended;
    let (id, failure, partial_errors, warnings) = match outcome {
        Outcome::Done { id, partial_errors, warnings, found: _ } => {
            (*id, None, partial_errors.as_slice(), warnings.as_slice())
        }
        Outcome::Failed { id, error } => (*id, Some(error), &[][..], &[][..]),
        Outcome::InDoubt { error } => (None, Some(error), &[][..], &[][..]),
        Outcome::NotAttempted { .. } => (None, None, &[][..], &[][..]),
    };
    OutcomeV1 {
        address: address.into(),
        action: *action,
        outcome: outcome.word(),
        found: matches!(outcome, Outcome::Done { found: true, .. }),
        moved_from: moved.as_ref().map(AddressV1::from),
        id: id.map(IdV1),
        previous_id: previous(address, *action, plan).map(IdV1),
        source: source.as_ref().map(SourceV1::from),
        points_at: pointers.get(address).map(|pointer| SourceV1::from(&pointer.source)),
        call: failure.map(Failure::what),
        status: failure.and_then(|failure| failure.status),
        message: failure.map(|Failure { message, .. }| message.as_str()),
        needs: match outcome {
            Outcome::NotAttempted { needs } => needs.as_ref().map(AddressV1::from),
            _ => None,
        },
        partial_errors,
        warnings,
    }
}

/// The conversation that a replacement took the place of. A plan is in the order of its addresses.
fn previous(address: &Address, action: Action, plan: &Plan) -> Option<Id> {
    if action != Action::Replace {
        return None;
    }
    let index = plan.changes.binary_search_by(|change| change.address.cmp(address)).ok()?;
    plan.changes[index].id
}
