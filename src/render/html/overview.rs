//! What a reader of a plan must know before opening anything.

use maud::{Markup, html};

use crate::plan::{Change, Plan, Summary};
use crate::render::html::diff;
use crate::render::html::shell::{Fact, place, text};
use crate::render::number::{counted, duration, grouped, named};

/// Addresses that a sentence names.
const NAMED_MAX: usize = 3;

/// Conversations and records that a note lists; what is more is counted.
const LISTED_MAX: usize = 100;

/// What the whole plan costs, and the name of it.
pub(super) fn facts(plan: &Plan) -> Vec<Fact> {
    let (price, rate) = (&plan.price, plan.tenant.rate_limit);
    let mut facts: Vec<Fact> = vec![("Calls", html! { (grouped(price.calls)) })];
    if price.calls > 0 {
        let time = html! { "about " (duration(price.seconds)) small { " at " (rate.requests_per_second) "/s" } };
        let percent = price.daily_quota_share * 100.0;
        facts.push(("Time", time));
        facts.push((
            "Of the day's quota",
            html! { @if percent < 0.1 { "under 0.1 %" } @else { (format!("{percent:.1} %")) } },
        ));
    }
    facts.push(("Unchanged", html! { (grouped(plan.summary.unchanged as u64)) }));
    if plan.summary.left_out > 0 {
        facts.push(("Left out by a filter", html! { (grouped(plan.summary.left_out as u64)) }));
    }
    if !plan.is_empty() {
        facts.push(("Fingerprint", html! { code { (text(&plan.fingerprint)) } }));
    }
    facts
}

/// Notes on what needs a person, most urgent first.
pub(super) fn notes(plan: &Plan) -> Markup {
    let all = [warnings(plan), in_doubt(plan), gone(plan), drift(plan), not_in_manifests(plan)];
    html! {
        @if all.iter().any(|note| !note.0.is_empty()) {
            section.notes aria-label="To know first" { @for note in &all { (note) } }
        }
    }
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// A note with a sentence, and below it, folded, what it is about.
fn note(class: &str, sentence: &Markup, listed: Option<Markup>) -> Markup {
    html! {
        div.note.(class) {
            @match listed {
                None => p { (sentence) },
                Some(listed) => details { summary { (sentence) } (listed) },
            }
        }
    }
}

fn warnings(plan: &Plan) -> Markup {
    let Summary { blocked, irreversible, reach_customer, .. } = plan.summary;
    let names = |wanted: fn(&Change) -> bool| {
        named(plan.changes.iter().filter(|change| wanted(change)).map(|change| &change.address), NAMED_MAX)
    };
    html! {
        @if blocked > 0 {
            (note("danger", &html! {
                strong { (counted(blocked, "change")) " " (verb(blocked)) " blocked" } ", and apply refuses the whole plan: "
                (names(|change| change.block.is_some())) "."
            }, None))
        }
        @if reach_customer > 0 {
            (note("danger", &html! {
                strong {
                    (counted(reach_customer, "change")) " "
                    @if reach_customer == 1 { "sends a message to a customer" } @else { "send messages to customers" }
                }
                ": " (names(|change| change.reaches_customer)) "."
            }, None))
        }
        @if irreversible > 0 {
            (note("warning", &html! {
                strong { (counted(irreversible, "change")) " can't be undone" } " (Dixa can't delete a conversation): "
                (names(|change| change.irreversible)) "."
            }, None))
        }
    }
}

/// What is in doubt since an earlier apply, if anything is.
pub(super) fn in_doubt(plan: &Plan) -> Markup {
    let count = plan.summary.in_doubt;
    let items = plan.in_doubt.iter().map(|address| html! { code { (address) } });
    html! {
        @if count > 0 {
            (note("danger", &html! {
                strong { (counted(count, "change")) " " (verb(count)) " in doubt" }
                ", since an apply ended before the answer came. The next apply looks for what became of it; nothing is planned before that."
            }, Some(listed(items, count))))
        }
    }
}

fn gone(plan: &Plan) -> Markup {
    let count = plan.summary.gone;
    let items = plan.gone.iter().map(|gone| {
        let how = if gone.anonymized { "anonymized" } else { "not found" };
        html! { code { (gone.address) } " (#" (gone.id) ", " (how) ")" }
    });
    html! {
        @if count > 0 {
            (note("danger", &html! {
                strong { (counted(count, "conversation")) " " (verb(count)) " gone from the tenant" }
                ", and never made again by itself; " code { "dixaform state forget" } " drops the record, and then it is planned anew."
            }, Some(listed(items, count))))
        }
    }
}

fn drift(plan: &Plan) -> Markup {
    let count = plan.drift.len();
    let items =
        plan.drift.iter().map(|drift| html! { code { (drift.address) } " (#" (drift.id) ")" (diff::drift(drift)) });
    html! {
        @if count > 0 {
            (note("warning", &html! { strong { (counted(count, "conversation")) } " changed outside of dixaform." },
                Some(listed(items, count))))
        }
    }
}

fn not_in_manifests(plan: &Plan) -> Markup {
    let count = plan.summary.not_in_manifests;
    let items = plan.not_in_manifests.iter().map(|orphan| {
        html! {
            code { (orphan.address) } " (#" (orphan.id)
            @if let Some(source) = &orphan.source { ", last in " (place(source)) } ")"
        }
    });
    let (stay, them) = if count == 1 { ("stays as it is", "it") } else { ("stay as they are", "them") };
    html! {
        @if count > 0 {
            (note("quiet", &html! {
                strong { (counted(count, "record")) " " (verb(count)) " not in the manifests" } " and " (stay) "; "
                code { "--prune" } " forgets " (them) "."
            }, Some(listed(items, count))))
        }
    }
}

/// The first of some items, and how many more of all `count` there are.
fn listed(items: impl Iterator<Item = Markup>, count: usize) -> Markup {
    html! {
        ul {
            @for item in items.take(LISTED_MAX) { li { (item) } }
            @if count > LISTED_MAX { li { "and " (grouped((count - LISTED_MAX) as u64)) " more" } }
        }
    }
}
