//! The bar that filters a list. It is hidden until the script has made it work.

use maud::{Markup, html};

use crate::render::number::{counted, grouped};

/// A button that narrows the list to what has something.
pub(super) struct Toggle<'t> {
    /// What the script looks for.
    pub(super) word: &'t str,
    /// What a reader sees.
    pub(super) label: &'t str,
    /// How many there are.
    pub(super) count: usize,
}

/// What a list can be filtered by. Groups without a choice are not shown.
pub(super) struct Controls<'c> {
    /// What the list has, in the plural: `changes`.
    pub(super) noun: &'c str,
    pub(super) total: usize,
    /// What the search looks through.
    pub(super) searched: &'c str,
    /// One of them holds of each item: any that is pressed is shown.
    pub(super) kinds: Vec<Toggle<'c>>,
    /// Several can hold of an item: all that are pressed must.
    pub(super) labels: Vec<Toggle<'c>>,
    /// Folders by their number in the list, with what to show for them and how many items they have.
    pub(super) folders: Vec<(String, usize)>,
}

impl Controls<'_> {
    pub(super) fn markup(&self) -> Markup {
        html! {
            div #controls hidden {
                div.bar role="search" {
                    input #search type="search" placeholder={ "Search " (self.searched) } aria-label={ "Search " (self.searched) }
                        autocomplete="off" spellcheck="false" maxlength="200" aria-keyshortcuts="/";
                    output #count for="search" aria-live="polite" { (counted(self.total, self.noun)) }
                    button #clear type="button" hidden { "Clear" }
                    button #keys type="button" aria-haspopup="dialog" aria-keyshortcuts="?" title="Keys" { "?" }
                }
                div.toggles {
                    (toggles("kind", "Kinds", &self.kinds))
                    (toggles("label", "Labels", &self.labels))
                    @if self.folders.len() > 1 {
                        select #folder aria-label="Folder" {
                            option value="" { "All folders" }
                            @for (index, (name, count)) in self.folders.iter().enumerate() {
                                option value=(index) data-name=(name) { (name) " (" (grouped(*count as u64)) ")" }
                            }
                        }
                    }
                    span.all {
                        button #expand type="button" aria-keyshortcuts="e" { "Expand all" }
                        button #collapse type="button" aria-keyshortcuts="c" { "Collapse all" }
                    }
                }
            }
            p #none hidden { "Nothing here matches the filter." }
        }
    }
}

fn toggles(group: &str, name: &str, toggles: &[Toggle<'_>]) -> Markup {
    html! {
        @if !toggles.is_empty() {
            span.group role="group" aria-label=(name) {
                @for Toggle { word, label, count } in toggles {
                    button.toggle.{ "is-" (word) } type="button" aria-pressed="false" data-group=(group) data-word=(word) {
                        span.dot {} (label) " " span.number { (grouped(*count as u64)) }
                    }
                }
            }
        }
    }
}

/// The list of keys, opened by `?`.
pub(super) fn keys() -> Markup {
    let keys = [
        ("/", "search"),
        ("j k ↓ ↑", "next, previous"),
        ("Enter o", "open, close"),
        ("e", "expand all that is shown"),
        ("c", "collapse all"),
        ("Esc", "clear the filter"),
        ("?", "these keys"),
    ];
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keys" }
            dl {
                @for (names, what) in keys {
                    div { dt { @for name in names.split(' ') { kbd { (name) } " " } } dd { (what) } }
                }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
