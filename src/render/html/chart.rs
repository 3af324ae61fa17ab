//! How the changes of a plan are spread over actions and folders, as bars.

use maud::{Markup, html};

use crate::plan::folders::Group;
use crate::plan::{Action, Summary};
use crate::render::html::shell::text;
use crate::render::number::{counted, grouped};

/// Folders that have a bar of their own.
const FOLDERS_MAX: usize = 12;

/// The width of a whole bar, in units of its own.
const WIDTH: usize = 1_000;

/// One bar for all changes, and one for each of the largest folders where there are several. `folders` are all folders
/// of the plan; the numbers of their buttons are their places in it.
pub(super) fn chart(summary: &Summary, folders: &[Group]) -> Markup {
    let total = Action::ALL.into_iter().map(|action| summary.of(action)).sum();
    html! {
        section.chart aria-label="Changes by action and folder" {
            (bar(summary, total, "whole"))
            ul.legend {
                @for action in Action::ALL.into_iter().filter(|action| summary.in_words(*action) > 0) {
                    li { span.{ "dot is-" (action.word()) } {} (grouped(summary.in_words(action) as u64)) " to " (action.word()) }
                }
            }
            @if folders.len() > 1 { (by_folder(folders)) }
        }
    }
}

/// What a folder is called.
pub(super) fn folder_name(folder: &Group) -> &str {
    folder.name.as_deref().unwrap_or("(no folder)")
}

fn by_folder(folders: &[Group]) -> Markup {
    let mut largest: Vec<(usize, &Group)> = folders.iter().enumerate().collect();
    largest.sort_by_key(|(index, folder)| (std::cmp::Reverse(folder.changes()), *index));
    let rest = largest.split_off(largest.len().min(FOLDERS_MAX));
    let most = largest.first().map_or(1, |(_, folder)| folder.changes());
    html! {
        ul.folders {
            @for (index, folder) in &largest {
                li {
                    button.folder type="button" disabled aria-pressed="false" data-folder=(index) {
                        span.path { (text(folder_name(folder))) }
                        (bar(&folder.summary, most, "part"))
                        span.number { (grouped(folder.changes() as u64)) }
                    }
                }
            }
            @if !rest.is_empty() {
                li.more { "and " (counted(rest.len(), "more folder")) }
            }
        }
    }
}

fn used(summary: &Summary) -> impl Iterator<Item = Action> {
    Action::ALL.into_iter().filter(|action| summary.of(*action) > 0)
}

/// The actions beside each other, where `whole` changes are as wide as the bar can be.
fn bar(summary: &Summary, whole: usize, class: &str) -> Markup {
    let mut x = 0;
    let parts: Vec<(Action, usize, usize)> = used(summary)
        .map(|action| {
            // What is there is seen, however small.
            let width = (summary.of(action).saturating_mul(WIDTH) / whole.max(1)).max(4);
            x += width;
            (action, x - width, width)
        })
        .collect();
    // Small parts that were widened must not push the last one out of the picture.
    let view = format!("0 0 {} 10", x.max(WIDTH));
    html! {
        svg.bar.(class) viewBox=(view) preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            @for (action, x, width) in parts {
                rect.{ "is-" (action.word()) } x=(x) y="0" width=(width) height="10" {}
            }
        }
    }
}
