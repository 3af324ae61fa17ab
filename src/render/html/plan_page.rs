//! The page of a plan.

use std::collections::HashMap;

use maud::{Markup, html};

use crate::conversation::Kind;
use crate::plan::folders::{Group, folder_of, folders, labels};
use crate::plan::{Action, Change, ChangeNote, Mark, Plan};
use crate::render::escape::escape;
use crate::render::html::chart::{chart, folder_name};
use crate::render::html::controls::{Controls, Toggle, keys};
use crate::render::html::shell::{document, head, list, place, sentence, text};
use crate::render::html::{breakdown, diff, overview, timeline};
use crate::render::note;
use crate::render::number::counted;

/// Bytes of the bodies of all changes together. Beyond this a browser takes too long, and the rest of the changes is
/// shown without what differs in it.
const BODIES_MAX: usize = 64 << 20;

/// The page; the same plan gives the same bytes. It ends with a newline.
///
/// It needs nothing but a browser: no server, no network, and no script to be read. Long texts are cut, and what is
/// left out is counted.
pub fn plan(plan: &Plan) -> String {
    within(plan, BODIES_MAX)
}

/// The page with a limit, in bytes, for the bodies of changes; the body that exceeds it is the last to be shown whole.
pub(super) fn within(plan: &Plan, bodies: usize) -> String {
    let tenant = escape(&plan.tenant.name);
    let title = format!("dixaform plan for {tenant}: {}", counted(plan.changes.len(), "change"));
    document(&title, &body(plan, bodies))
}

fn body(plan: &Plan, bodies: usize) -> Markup {
    let heading = html! { "Plan for " span.tenant { (text(&plan.tenant.name)) } };
    let intro = html! {
        (text(plan.tenant.whereabouts()))
        @if plan.is_empty() {
            ". " strong { "No changes." }
            " " (note::no_changes(plan)) " " (note::compared(plan))
        }
    };
    let folders = folders(&plan.changes);
    html! {
        (head(&heading, &intro, &overview::facts(plan)))
        main {
            (overview::notes(plan))
            @if !plan.is_empty() {
                (chart(&plan.summary, &folders))
                (timeline::section(plan))
                (breakdown::section(&folders, &labels(&plan.changes)))
                section aria-labelledby="changes" {
                    h2 #changes { "Changes" }
                    (controls(plan, &folders).markup())
                    (changes(plan, &folders, bodies))
                }
            }
        }
        (keys())
    }
}

fn controls<'p>(plan: &'p Plan, folders: &[Group]) -> Controls<'p> {
    let summary = &plan.summary;
    let kinds = Action::ALL.into_iter().map(|action| Toggle {
        word: action.word(),
        label: action.word(),
        count: summary.of(action),
    });
    let labels = [
        (Mark::Blocked, summary.blocked),
        (Mark::ReachesCustomer, summary.reach_customer),
        (Mark::Irreversible, summary.irreversible),
    ];
    let labels = labels.map(|(mark, count)| Toggle { word: word(mark), label: note::mark(mark), count });
    Controls {
        noun: "change",
        total: plan.changes.len(),
        searched: "addresses, files and contents",
        kinds: kinds.filter(|toggle| toggle.count > 0).collect(),
        labels: labels.into_iter().filter(|toggle| toggle.count > 0).collect(),
        folders: folders.iter().map(|folder| (escape(folder_name(folder)).into_owned(), folder.changes())).collect(),
    }
}

fn changes(plan: &Plan, folders: &[Group], bodies: usize) -> Markup {
    let numbers: HashMap<Option<&str>, usize> =
        folders.iter().enumerate().map(|(index, folder)| (folder.name.as_deref(), index)).collect();
    let (mut room, mut without) = (bodies, 0);
    let items = plan.changes.iter().map(|change| {
        let number = numbers.get(&folder_of(change)).copied().unwrap_or_default();
        let body = body_of(change, room > 0);
        without += usize::from(room == 0);
        room = room.saturating_sub(body.0.len());
        item(change, number, &body)
    });
    let list = list(items, plan.changes.len());
    html! {
        (list)
        @if without > 0 {
            p.left-out {
                "What differs is left out here for the last " (counted(without, "change")) "; the whole plan: "
                code { "dixaform show PLANFILE" } "."
            }
        }
    }
}

/// What the script looks for.
fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Blocked => "blocked",
        Mark::ReachesCustomer => "customer",
        Mark::Irreversible => "irreversible",
    }
}

fn item(change: &Change, folder: usize, body: &Markup) -> Markup {
    let words: Vec<&str> = change.marks().map(word).collect();
    let Change { address, action, .. } = change;
    html! {
        details.item.{ "is-" (action.word()) } data-kind=(action.word()) data-labels=(words.join(" ")) data-folder=(folder) {
            summary {
                span.symbol { (action.symbol()) }
                code { (address.kind.word()) "." b { (address.name()) } }
                span.what { (action.header()) }
                span.tags { @for mark in change.marks() { span.tag.(word(mark)) { (note::mark(mark)) } } }
                @if let Some(source) = &change.source { span.place { (place(source)) } }
            }
            noscript { div.body { (body) } }
        }
    }
}

/// What is seen when a change is opened; with or without what differs.
fn body_of(change: &Change, whole: bool) -> Markup {
    html! {
        p { "Because " (change.reason.because()) "." }
        @for (note, text) in note::change_notes(change) {
            p.blocked[matches!(note, ChangeNote::Blocked(_))] { (sentence(&text.capital())) "." }
        }
        @if whole { (difference(change)) } @else { p { small { "What differs is left out here." } } }
        dl {
            @if let Some(source) = &change.source { div { dt { "Manifest" } dd { code { (place(source)) } } } }
            @if let Some(id) = change.id { div { dt { (if change.address.kind == Kind::EndUser { "End user" } else { "Conversation" }) } dd { (format!("{id:#}")) } } }
            @if !change.steps.is_empty() {
                div { dt { "Calls" } dd { @for call in change.calls() { code { b { (call.method()) } " " (text(&call.path())) } " " } } }
            }
            div { dt { "Fingerprint" } dd { code { (text(&change.fingerprint())) } } }
        }
    }
}

fn difference(change: &Change) -> Markup {
    let members = change.members();
    html! { @if !members.shown.is_empty() || members.unchanged > 0 { (diff::members(&members, &change.called)) } }
}
