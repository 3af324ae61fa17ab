//! The page of a plan.

use std::collections::HashMap;

use maud::{Markup, html};

use crate::plan::folders::{Folder, folder_of, folders};
use crate::plan::{Action, Change, Plan};
use crate::render::escape::escape;
use crate::render::html::chart::{chart, folder_name};
use crate::render::html::controls::{Controls, Toggle, keys};
use crate::render::html::shell::{document, head, list, place, text};
use crate::render::html::{diff, overview};
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

/// The page with so many bytes for the bodies of changes; the one that passes it is the last to be shown whole.
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
            @if plan.gone.is_empty() && plan.in_doubt.is_empty() { " The tenant matches the manifests." }
            @else { " The rest matches the manifests." }
        }
    };
    let folders = folders(&plan.changes);
    html! {
        (head(&heading, &intro, &overview::facts(plan)))
        main {
            (overview::notes(plan))
            @if !plan.is_empty() {
                (chart(&plan.summary, &folders))
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

fn controls<'p>(plan: &'p Plan, folders: &[Folder]) -> Controls<'p> {
    let summary = &plan.summary;
    let kinds = Action::ALL.into_iter().map(|action| Toggle {
        word: action.word(),
        label: action.word(),
        count: summary.of(action),
    });
    let labels = [
        Toggle { word: "blocked", label: "blocked", count: summary.blocked },
        Toggle { word: "customer", label: "reaches a customer", count: summary.reach_customer },
        Toggle { word: "irreversible", label: "irreversible", count: summary.irreversible },
    ];
    Controls {
        nouns: "changes",
        total: plan.changes.len(),
        searched: "addresses, files and contents",
        kinds: kinds.filter(|toggle| toggle.count > 0).collect(),
        labels: labels.into_iter().filter(|toggle| toggle.count > 0).collect(),
        folders: folders.iter().map(|folder| (escape(folder_name(folder)).into_owned(), folder.changes())).collect(),
    }
}

fn changes(plan: &Plan, folders: &[Folder], bodies: usize) -> Markup {
    let numbers: HashMap<Option<&str>, usize> =
        folders.iter().enumerate().map(|(index, folder)| (folder.path.as_deref(), index)).collect();
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

/// What holds of a change: the word that the script looks for, and what a reader sees.
fn labels(change: &Change) -> impl Iterator<Item = (&'static str, &'static str)> {
    let labels = [
        (change.block.is_some(), ("blocked", "blocked")),
        (change.reaches_customer, ("customer", "reaches a customer")),
        (change.irreversible, ("irreversible", "irreversible")),
    ];
    labels.into_iter().filter(|(holds, _)| *holds).map(|(_, label)| label)
}

fn item(change: &Change, folder: usize, body: &Markup) -> Markup {
    let words: Vec<&str> = labels(change).map(|(word, _)| word).collect();
    let Change { address, action, .. } = change;
    html! {
        details.item.{ "is-" (action.word()) } data-kind=(action.word()) data-labels=(words.join(" ")) data-folder=(folder) {
            summary {
                span.symbol { (action.symbol()) }
                code { (address.kind.word()) "." b { (address.name()) } }
                span.what { (action.header()) }
                span.tags { @for (word, label) in labels(change) { span.tag.(word) { (label) } } }
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
        @if let Some(block) = &change.block {
            p.blocked { strong { "Blocked: " } (text(&block.to_string())) "." }
        }
        @match (change.action, change.id) {
            (Action::Replace, Some(id)) => p { "The old conversation #" (id) " stays in Dixa." },
            (Action::Forget, Some(id)) => p { "The conversation #" (id) " stays in Dixa." },
            (Action::Adopt, _) => p { "An attribute is written only where Dixa has another value." },
            (Action::Create | Action::Import | Action::Update | Action::Replace | Action::Forget, _) => {},
        }
        @if whole { (difference(change)) } @else { p { small { "What differs is left out here." } } }
        dl {
            @if let Some(source) = &change.source { div { dt { "Manifest" } dd { code { (place(source)) } } } }
            @if let Some(id) = change.id { div { dt { "Conversation" } dd { "#" (id) } } }
            @if !change.steps.is_empty() {
                div { dt { "Calls" } dd { @for (method, path) in change.calls() { code { b { (method) } " " (text(&path)) } " " } } }
            }
            div { dt { "Fingerprint" } dd { code { (text(&change.fingerprint())) } } }
        }
    }
}

fn difference(change: &Change) -> Markup {
    let members = change.members();
    html! { @if !members.shown.is_empty() || members.unchanged > 0 { (diff::members(&members)) } }
}
