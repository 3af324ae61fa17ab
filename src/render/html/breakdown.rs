//! The changes of a plan by folder and by label, in numbers.

use maud::{Markup, html};

use crate::plan::folders::Group;
use crate::plan::{Action, Mark};
use crate::render::html::shell::text;
use crate::render::note;
use crate::render::number::{counted, grouped};

/// Rows of one table; the largest are shown.
const ROWS_MAX: usize = 50;

/// A table of the folders where there are several, and one of the labels where there are any.
pub(super) fn section(folders: &[Group], labels: &[Group]) -> Markup {
    let folders = if folders.len() > 1 { folders } else { &[] };
    html! {
        @if !folders.is_empty() || !labels.is_empty() {
            details.breakdown {
                summary { h2 { "By folder and label" } }
                (table("Folder", "(no folder)", folders))
                (table("Label", "(no label)", labels))
                @if labels.iter().any(|label| label.name.is_some()) {
                    p { "A change with several labels is counted for each of them." }
                }
            }
        }
    }
}

fn table(heading: &str, without: &str, groups: &[Group]) -> Markup {
    let mut largest: Vec<&Group> = groups.iter().collect();
    if groups.len() > ROWS_MAX {
        largest.sort_by_key(|group| std::cmp::Reverse(group.changes()));
    }
    let rest = largest.len().saturating_sub(ROWS_MAX);
    let columns = columns(groups);
    html! {
        @if !groups.is_empty() {
            table {
                thead { tr { th scope="col" { (heading) } @for column in &columns { th scope="col" { (column.name) } } } }
                tbody {
                    @for group in largest.iter().take(ROWS_MAX) {
                        tr {
                            th scope="row" { (text(group.name.as_deref().unwrap_or(without))) }
                            @for Column { name, of } in &columns {
                                td class=[(of(group) == 0).then_some("none")] data-column=(name) { (grouped(of(group))) }
                            }
                        }
                    }
                }
            }
            @if rest > 0 { p { "and " (counted(rest, "more row")) } }
        }
    }
}

/// What is said of each group, under a heading.
struct Column {
    name: &'static str,
    of: Box<dyn Fn(&Group) -> u64>,
}

/// All changes and calls, and those actions and marks that some group has.
fn columns(groups: &[Group]) -> Vec<Column> {
    let column = |name, of: Box<dyn Fn(&Group) -> u64>| Column { name, of };
    let actions =
        Action::ALL.map(|action| column(action.word(), Box::new(move |group: &Group| group.summary.of(action) as u64)));
    let marks = [Mark::Blocked, Mark::ReachesCustomer, Mark::Irreversible].map(|mark| {
        let of = move |group: &Group| match mark {
            Mark::Blocked => group.summary.blocked as u64,
            Mark::ReachesCustomer => group.summary.reach_customer as u64,
            Mark::Irreversible => group.summary.irreversible as u64,
        };
        column(note::mark(mark), Box::new(of))
    });
    let always = [
        column("changes", Box::new(|group: &Group| group.changes() as u64)),
        column("calls", Box::new(|group: &Group| group.calls)),
    ];
    let others = actions.into_iter().chain(marks);
    let used = others.filter(|Column { of, .. }| groups.iter().any(|group| of(group) > 0));
    always.into_iter().chain(used).collect()
}
