//! The page of how an apply ended: what needs a person first.

use maud::{Markup, html};

use crate::apply::outcome::{ChangeOutcome, Counts, Outcome, Stop};
use crate::plan::{Note, Plan};
use crate::render::escape::escape;
use crate::render::html::controls::{Controls, Toggle, keys};
use crate::render::html::findings_page::{self, line};
use crate::render::html::overview;
use crate::render::html::shell::{Fact, document, head, list, place, text};
use crate::render::note::said;
use crate::render::remark::{Pointers, Remark, remark, stopped};
use crate::render::report::{Finished, counts_in_words, headline, verdict};

/// The page of an apply that has ended. The same report gives the same bytes. It ends with a newline.
pub fn report(finished: &Finished<'_>) -> String {
    let Finished { plan, report, pointers, findings, exit: _ } = finished;
    let heading = html! { "Apply to " span.tenant { (text(&plan.tenant.name)) } };
    let class = if report.is_complete() { "good" } else { "bad" };
    let intro = html! { strong.(class) { (verdict(report.is_complete())) } " " (counts_in_words(&report.counts)) };
    let mut outcomes: Vec<&ChangeOutcome> = report.outcomes.iter().collect();
    outcomes.sort_by_key(|outcome| kind(&outcome.outcome));
    let body = html! {
        (head(&heading, &intro, &facts(plan)))
        main {
            (notes(plan, report.stop.as_ref()))
            @if !findings.is_empty() {
                section aria-labelledby="findings" {
                    h2 #findings { "Findings" }
                    div.group { @for finding in findings.iter() { (findings_page::item(finding)) } }
                }
            }
            @if !outcomes.is_empty() {
                section aria-labelledby="outcomes" {
                    h2 #outcomes { "Outcomes" }
                    (controls(&report.counts, outcomes.len()).markup())
                    (list(outcomes.iter().map(|outcome| item(outcome, pointers)), outcomes.len()))
                }
            }
        }
        (keys())
    };
    let tenant = escape(&plan.tenant.name);
    document(&format!("dixaform {} ({tenant})", headline(report)), &body)
}

fn facts(plan: &Plan) -> Vec<Fact> {
    let at = html! { (text(plan.tenant.whereabouts())) };
    let mut facts: Vec<Fact> = vec![("Tenant", at)];
    if !plan.is_empty() {
        facts.push(("Fingerprint of the plan", html! { code { (text(&plan.fingerprint)) } }));
    }
    facts
}

/// Why it ended early, and what an earlier apply left open.
fn notes(plan: &Plan, stop: Option<&Stop>) -> Markup {
    html! {
        @if stop.is_some() || !plan.in_doubt.is_empty() {
            section.notes aria-label="To know first" {
                @if let Some((why, said)) = stop.map(stopped) {
                    div.note.danger { p {
                        strong { "Stopped: " } (why)
                        @if let Some(said) = said { ": " (text(&said)) } @else { "." }
                    } }
                }
                @if !plan.in_doubt.is_empty() { (overview::note(&said(Note::InDoubt(&plan.in_doubt)))) }
            }
        }
    }
}

/// How a change ended, in the order of the page. What was done with something to say about it comes before the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Failed,
    InDoubt,
    Remarked,
    NotAttempted,
    Done,
}

impl Kind {
    /// What the script looks for.
    fn word(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::InDoubt => "in-doubt",
            Kind::Remarked | Kind::Done => "done",
            Kind::NotAttempted => "not-attempted",
        }
    }

    /// The class of the item, by which it has its colour.
    fn class(self) -> &'static str {
        match self {
            Kind::Remarked => "is-partial",
            Kind::Failed => "is-failed",
            Kind::InDoubt => "is-in-doubt",
            Kind::NotAttempted => "is-not-attempted",
            Kind::Done => "is-done",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::InDoubt => "in doubt",
            Kind::Remarked | Kind::Done => "done",
            Kind::NotAttempted => "not attempted",
        }
    }
}

fn kind(outcome: &Outcome) -> Kind {
    match outcome {
        Outcome::Failed { .. } => Kind::Failed,
        Outcome::InDoubt { .. } => Kind::InDoubt,
        Outcome::NotAttempted { .. } => Kind::NotAttempted,
        Outcome::Done { partial_errors, warnings, .. } if partial_errors.is_empty() && warnings.is_empty() => {
            Kind::Done
        }
        Outcome::Done { .. } => Kind::Remarked,
    }
}

fn controls(counts: &Counts, total: usize) -> Controls<'static> {
    let kinds = [
        (Kind::Failed, counts.failed),
        (Kind::InDoubt, counts.in_doubt),
        (Kind::NotAttempted, counts.not_attempted),
        (Kind::Done, counts.all_done()),
    ];
    let kinds = kinds.into_iter().filter(|(_, count)| *count > 0);
    let labels = [Toggle { word: "partial", label: "with partial errors", count: counts.partial }];
    Controls {
        noun: "outcome",
        total,
        searched: "addresses, files and messages",
        kinds: kinds.map(|(kind, count)| Toggle { word: kind.word(), label: kind.label(), count }).collect(),
        labels: labels.into_iter().filter(|toggle| toggle.count > 0).collect(),
        folders: Vec::new(),
    }
}

fn item(outcome: &ChangeOutcome, pointers: &Pointers) -> Markup {
    let ChangeOutcome { address, action, moved, source, outcome: ended } = outcome;
    let kind = kind(ended);
    let (id, partial) = match ended {
        Outcome::Done { id, partial_errors, .. } => (*id, !partial_errors.is_empty()),
        Outcome::Failed { id, error: _ } => (*id, false),
        Outcome::InDoubt { error: _ } | Outcome::NotAttempted { .. } => (None, false),
    };
    let what = match kind {
        Kind::Done | Kind::Remarked => action.done(),
        Kind::Failed | Kind::InDoubt | Kind::NotAttempted => kind.label(),
    };
    let remark = remark(outcome, pointers);
    let source = remark.as_ref().map_or(source.as_ref(), |remark| remark.source);
    html! {
        details.item.(kind.class()) data-kind=(kind.word()) data-labels=(if partial { "partial" } else { "" })
            open[remark.is_some()] {
            summary {
                span.tag.(kind.word()) { (what) }
                code { (address.kind.word()) "." b { (address.name()) } }
                span.what { @if let Some(id) = id { "#" (id) } }
                span.tags { @if partial { span.tag.partial { "with partial errors" } } }
                @if let Some(source) = source { span.place { (place(source)) } }
            }
            div.body {
                @if let Some(remark) = &remark { (remarked(remark)) }
                dl {
                    div { dt { "Action" } dd { (action.word()) } }
                    @if let Some(from) = moved { div { dt { "Moved from" } dd { code { (from) } } } }
                    @if let Some(id) = id { div { dt { "Conversation" } dd { "#" (id) } } }
                    @if let Some(source) = source { div { dt { "Manifest" } dd { code { (place(source)) } } } }
                }
            }
        }
    }
}

/// What there is to say about an outcome, as in every form.
fn remarked(remark: &Remark<'_>) -> Markup {
    html! {
        p { strong { (remark.title) } }
        @if let (Some(excerpt), Some(source)) = (remark.excerpt, remark.source) { (line(excerpt, source)) }
        @for detail in &remark.details { p.message { bdi { (escape(detail)) } } }
        @if let Some(hint) = remark.hint { p { strong { "help: " } (hint) } }
    }
}
