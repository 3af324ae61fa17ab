//! What a reader of a plan must know before opening anything.

use maud::{Markup, html};

use crate::plan::{Note, Plan};
use crate::render::html::diff;
use crate::render::html::shell::{Fact, sentence, text};
use crate::render::note::{self, Gravity, LISTED_MAX, Said};
use crate::render::number::{duration, grouped};

/// Addresses that a sentence names.
const NAMED_MAX: usize = 3;

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
    if !plan.is_empty() {
        facts.push(("Fingerprint", html! { code { (text(&plan.fingerprint)) } }));
    }
    facts
}

/// Notes on what needs a person, the gravest first.
pub(super) fn notes(plan: &Plan) -> Markup {
    let mut all = note::notes(plan);
    all.sort_by_key(|said| said.gravity);
    html! {
        @if !all.is_empty() {
            section.notes aria-label="To know first" { @for said in &all { (note(said)) } }
        }
    }
}

/// One note: a sentence with a few names, and where there is more to say of each, a folded list.
pub(super) fn note(said: &Said<'_>) -> Markup {
    let class = match said.gravity {
        Gravity::Danger => "danger",
        Gravity::Warning => "warning",
        Gravity::Quiet => "quiet",
    };
    let folded = said.is_list || said.count > NAMED_MAX && matches!(said.note, Note::InDoubt(_));
    let first = said.about.iter().take(NAMED_MAX).map(sentence).collect::<Vec<_>>();
    let more = said.count - first.len();
    let text = html! {
        (sentence(&said.lead))
        @if !folded && !first.is_empty() {
            ": "
            @for (index, name) in first.iter().enumerate() {
                @if index > 0 { @if more == 0 && index + 1 == first.len() { " and " } @else { ", " } }
                (name)
            }
            @if more > 0 { " and " (grouped(more as u64)) " more" }
        }
        "." (sentence(&said.end))
    };
    html! {
        div.note.(class) {
            @if folded { details { summary { (text) } (listed(said)) } } @else { p { (text) } }
        }
    }
}

/// The first of what a note is about, and how many more there are.
fn listed(said: &Said<'_>) -> Markup {
    let drift = if let Note::Drifted(drift) = said.note { drift } else { &[] };
    html! {
        ul {
            @for (index, about) in said.about.iter().enumerate() {
                li { (sentence(about)) @if let Some(drift) = drift.get(index) { (diff::drift(drift)) } }
            }
            @if said.count > LISTED_MAX { li { "and " (grouped((said.count - LISTED_MAX) as u64)) " more" } }
        }
    }
}
