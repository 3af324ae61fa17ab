//! `${column}` in the texts of a template, and the spec that a row makes of it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::conversation::CUSTOM_ATTRIBUTES;
use crate::finding::{closest, code};
use crate::manifest::table::{Row, Table};
use crate::reporter::Reporter;
use crate::source::Place;
use crate::yaml::{Content, Entry, Node};

/// Members that name something where they are the only one of their map.
const NAMES: [&str; 6] = ["email", "phone", "externalId", "name", "endUser", "value"];

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Literal(&'t str),
    Column(&'t str),
    /// A `${` that is never closed.
    Open,
}

/// The parts of a text, in their order.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let Some(dollar) = rest.find("${") else {
            let last = std::mem::take(&mut rest);
            return (!last.is_empty()).then_some(Part::Literal(last));
        };
        if dollar > 0 && rest[..dollar].ends_with('$') {
            // `$${` is a dollar and a brace: the first dollar is left out.
            let before = &rest[..dollar - 1];
            if !before.is_empty() {
                rest = &rest[dollar - 1..];
                return Some(Part::Literal(before));
            }
            let escaped = &rest[dollar..dollar + 2];
            rest = &rest[dollar + 2..];
            return Some(Part::Literal(escaped));
        }
        if dollar > 0 {
            let (before, after) = rest.split_at(dollar);
            rest = after;
            return Some(Part::Literal(before));
        }
        let Some((name, after)) = rest[2..].split_once('}') else {
            rest = "";
            return Some(Part::Open);
        };
        rest = after;
        Some(Part::Column(name))
    })
}

/// The column of a text that is nothing but `${column}`.
fn only_column(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    (!name.contains('}')).then_some(name)
}

/// A template whose columns were looked up in a table.
#[derive(Debug)]
pub(super) struct Template<'n, 't> {
    spec: &'n Node<'t>,
    /// By where something was written: the first column that it takes its text from.
    columns: HashMap<Place, usize>,
    /// All columns that it uses.
    pub used: Vec<usize>,
    /// Whether every column is in the table.
    pub fine: bool,
}

/// What a row makes of a template.
#[derive(Debug)]
pub(super) struct Filled<'f> {
    pub spec: Node<'f>,
    /// Where names are written that are empty in this row.
    pub empty_names: Vec<(Place, Place)>,
    /// A measure of the memory that it takes.
    pub size: usize,
}

impl<'n, 't> Template<'n, 't> {
    /// Looks up the columns of a template; those that the table does not have are reported at their places.
    pub fn new(spec: &'n Node<'t>, table: &Table, reporter: &mut Reporter<'_>) -> Self {
        let mut template = Template { spec, columns: HashMap::new(), used: Vec::new(), fine: true };
        template.look_up(spec, table, reporter);
        template.used.sort_unstable();
        template.used.dedup();
        template
    }

    fn look_up(&mut self, node: &Node<'_>, table: &Table, reporter: &mut Reporter<'_>) -> Option<usize> {
        match &node.content {
            Content::Text(text) if text.contains("${") => {
                let mut first = None;
                for part in parts(text) {
                    let found = match part {
                        Part::Literal(_) => continue,
                        Part::Open => {
                            reporter
                                .error(code::BAD_PLACEHOLDER, node.span(), "`${` without a `}` behind it")
                                .hint("close it: `${column}`; a dollar and a brace are written `$${`");
                            None
                        }
                        Part::Column(name) => {
                            let found = table.column(name);
                            if found.is_none() {
                                unknown_column(name, node.span(), table, reporter);
                            }
                            found
                        }
                    };
                    self.fine &= found.is_some();
                    first = first.or(found);
                    self.used.extend(found);
                }
                self.columns.extend(first.map(|first| (node.start, first)));
                first
            }
            Content::List(items) => {
                let found: Vec<usize> = items.iter().filter_map(|item| self.look_up(item, table, reporter)).collect();
                let first = found.first().copied();
                self.columns.extend(first.map(|first| (node.start, first)));
                first
            }
            Content::Map(entries) => {
                let mut first = None;
                for entry in entries {
                    let found = self.look_up(&entry.value, table, reporter);
                    self.columns.extend(found.map(|found| (entry.key_start, found)));
                    first = first.or(found);
                }
                first
            }
            _ => None,
        }
    }

    /// The column that gave the text at this place its content.
    pub fn column_at(&self, place: Place) -> Option<usize> {
        self.columns.get(&place).copied()
    }

    /// The spec of one row.
    pub fn fill<'f>(&'f self, row: &'f Row, table: &'f Table) -> Filled<'f> {
        let mut filling = Filling { row, table, empty_names: Vec::new(), size: 0 };
        let spec = filling.node(self.spec, "");
        Filled { spec, empty_names: filling.empty_names, size: filling.size }
    }
}

/// Reports a column that the table does not have.
pub(super) fn unknown_column(name: &str, span: (Place, Place), table: &Table, reporter: &mut Reporter<'_>) {
    let hint = match (closest(name, table.columns()), table.other_separator()) {
        (Some(known), _) => format!("did you mean `{known}`?"),
        (None, Some(separator)) => format!("if its columns are separated by `{separator}`, say so with `delimiter`"),
        (None, None) => {
            let known: Vec<String> = table.columns().take(12).map(|column| format!("`{column}`")).collect();
            format!("its columns are {}; a dollar and a brace are written `$${{`", known.join(", "))
        }
    };
    let message = format!("{} has no column `{name}`", table.name());
    reporter.error(code::UNKNOWN_COLUMN, span, message).hint(hint);
}

struct Filling<'f> {
    row: &'f Row,
    table: &'f Table,
    empty_names: Vec<(Place, Place)>,
    size: usize,
}

impl<'f> Filling<'f> {
    fn node(&mut self, node: &'f Node<'_>, key: &str) -> Node<'f> {
        let content = match &node.content {
            Content::Null => Content::Null,
            Content::Bool(value, text) => Content::Bool(*value, Cow::Borrowed(text)),
            Content::Number(number, text) => Content::Number(number.clone(), Cow::Borrowed(text)),
            Content::OddNumber(text) => Content::OddNumber(Cow::Borrowed(text)),
            Content::Text(text) => Content::Text(self.text(text)),
            Content::List(items) => {
                let kept = items.iter().filter(|item| !self.is_empty_cell(item));
                let kept: Vec<&Node<'_>> = kept.collect();
                Content::List(kept.into_iter().map(|item| self.node(item, "[]")).collect())
            }
            Content::Map(entries) => Content::Map(self.map(entries, key)),
        };
        self.size += size_of::<Node<'_>>();
        Node { start: node.start, end: node.end, content }
    }

    fn map(&mut self, entries: &'f [Entry<'_>], key: &str) -> Vec<Entry<'f>> {
        if let [only] = entries
            && NAMES.contains(&&*only.key)
            && ![CUSTOM_ATTRIBUTES, "attributes", ""].contains(&key)
            && self.is_empty_cell(&only.value)
        {
            self.empty_names.push(only.value.span());
        }
        let kept: Vec<&Entry<'_>> = entries.iter().filter(|entry| !self.is_empty_cell(&entry.value)).collect();
        let filled = kept.into_iter().map(|entry| Entry {
            key: Cow::Borrowed(&entry.key),
            key_start: entry.key_start,
            key_end: entry.key_end,
            value: self.node(&entry.value, &entry.key),
        });
        filled.collect()
    }

    /// Whether a text is nothing but the content of an empty cell.
    fn is_empty_cell(&self, node: &Node<'_>) -> bool {
        let Content::Text(text) = &node.content else { return false };
        only_column(text).is_some_and(|name| self.cell(name).is_some_and(str::is_empty))
    }

    fn cell(&self, name: &str) -> Option<&'f str> {
        Some(self.row.text(self.table.column(name)?))
    }

    fn text(&mut self, text: &'f str) -> Cow<'f, str> {
        if !text.contains("${") {
            return Cow::Borrowed(text);
        }
        if let Some(cell) = only_column(text).and_then(|name| self.cell(name)) {
            return Cow::Borrowed(cell);
        }
        let mut made = String::new();
        for part in parts(text) {
            match part {
                Part::Literal(literal) => made.push_str(literal),
                Part::Column(name) => made.push_str(self.cell(name).unwrap_or_default()),
                Part::Open => {}
            }
        }
        self.size += made.len();
        Cow::Owned(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_columns_and_at_nothing_else() {
        let cut = |text| parts(text).collect::<Vec<_>>();
        assert_eq!(
            cut("a ${b}c${d}"),
            [Part::Literal("a "), Part::Column("b"), Part::Literal("c"), Part::Column("d"),]
        );
        assert_eq!(cut("5 $ {x} $y"), [Part::Literal("5 $ {x} $y")]);
        assert_eq!(cut("$${x}"), [Part::Literal("${"), Part::Literal("x}")]);
        assert_eq!(cut("a$${${x}"), [Part::Literal("a"), Part::Literal("${"), Part::Column("x")]);
        assert_eq!(cut("a${x"), [Part::Literal("a"), Part::Open]);
        assert_eq!(cut(""), []);
        assert_eq!((only_column("${a b}"), only_column("${a}${b}"), only_column("$${a}")), (Some("a b"), None, None));
    }
}
