//! Values and their differences, in Terraform's notation.
//!
//! A level is indented by four columns, and each line of it has a symbol in three columns and a space before its name.

use unicode_width::UnicodeWidthStr as _;

use crate::plan::member_diff::{Diff, Element, Member, Members, Noun, is_word};
use crate::plan::shown::{Map, Value};
use crate::plan::text_diff::Span;
use crate::render::escape::quoted;
use crate::render::number::counted;
use crate::render::palette::{Label, Palette};
use crate::render::text::row::{Drawn, Row};

/// What things are drawn with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    pub(super) palette: Palette,
    /// Columns of a line, where there is a limit.
    pub(super) width: Option<usize>,
}

/// Where a value is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// The column that its level begins in.
    pub(super) indent: usize,
    /// The column that the value itself begins in.
    pub(super) column: usize,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Added,
    Removed,
    Changed,
    Same,
}

/// Lists of more columns than this stand on a line per element.
pub(super) const INLINE_MAX: usize = 60;

/// Names are aligned up to this width; one that is longer stands out alone.
pub(super) const NAME_MAX: usize = 40;

/// Characters of a name that are shown.
const NAME_SHOWN_MAX: usize = 200;

impl Canvas {
    /// The members of one level, and how many are hidden.
    pub(super) fn members(&self, members: &Members, indent: usize) -> Vec<Row> {
        let names: Vec<String> = members.shown.iter().map(|member| name(&member.name, member.quoted)).collect();
        let pad = padding(&names);
        let mut rows = Vec::new();
        for (member, name) in members.shown.iter().zip(&names) {
            rows.extend(self.member(member, name, pad, indent));
        }
        rows.extend(hidden(members.unchanged, members.noun, indent));
        rows
    }

    fn member(&self, member: &Member, name: &str, pad: usize, indent: usize) -> Vec<Row> {
        let (start, spot) = named_start(mark_of(&member.diff), name, pad, indent);
        let mut drawn = self.diff(&member.diff, spot);
        if matches!(member.diff, Diff::Removed(_)) {
            drawn = drawn.then(Label::Hidden, " -> null");
        }
        if member.forces_replacement {
            drawn = drawn.remark(Label::Danger, " # forces replacement");
        }
        drawn.after(start).rows
    }

    fn diff(&self, diff: &Diff, spot: Spot) -> Drawn {
        match diff {
            Diff::Added(value) => self.value(value, spot, Mark::Added),
            Diff::Removed(value) => self.value(value, spot, Mark::Removed),
            Diff::Unchanged(value) => self.value(value, spot, Mark::Same),
            Diff::Unknown { before } => {
                let unknown = Drawn::line(Row::new(Label::Hidden, "(known after apply)"));
                match before {
                    Some(before) => side_by_side(self.value(before, spot, Mark::Removed), unknown),
                    None => unknown,
                }
            }
            Diff::Changed { before, after } => self.changed(before, after, spot),
            Diff::Text { before, after } if before.contains('\n') || after.contains('\n') => {
                self.heredoc_diff(before, after, spot)
            }
            Diff::Text { before, after } => self.one_line_diff(before, after, spot.column),
            Diff::Map(members) => enclosed("{", self.members(members, spot.indent + 4), "}", spot),
            Diff::List(elements) => {
                let rows = elements.iter().flat_map(|element| self.element(element, spot.indent + 4));
                enclosed("[", rows.collect(), "]", spot)
            }
        }
    }

    fn element(&self, element: &Element, indent: usize) -> Vec<Row> {
        let spot = Spot { indent, column: indent + 4 };
        let (mark, drawn) = match element {
            Element::Hidden(count) => return hidden(*count, Noun::Element, indent).into_iter().collect(),
            Element::Unchanged(value) => (Mark::Same, Drawn::line(Row::new(Label::Hidden, compact(value)))),
            Element::Differs(diff) => (mark_of(diff), self.diff(diff, spot)),
        };
        drawn.then(Label::Plain, ",").after(start(mark, indent)).rows
    }

    /// Both sides on one line where they fit, else below each other.
    fn changed(&self, before: &Value, after: &Value, spot: Spot) -> Drawn {
        let (Some(old), Some(new)) = (flat(before), flat(after)) else {
            return side_by_side(self.value(before, spot, Mark::Removed), self.value(after, spot, Mark::Added));
        };
        let columns = spot.column + old.width() + " -> ".len() + new.width();
        if self.width.is_none_or(|width| columns <= width) {
            return side_by_side(Drawn::line(old), Drawn::line(new));
        }
        let (before, after) = (self.value(before, spot, Mark::Removed), self.value(after, spot, Mark::Added));
        if before.opens || after.opens {
            return side_by_side(before, after);
        }
        Canvas::below(before, after, spot.column)
    }

    fn value(&self, value: &Value, spot: Spot, mark: Mark) -> Drawn {
        match value {
            Value::Text(text) if text.contains('\n') => self.heredoc(text, spot),
            Value::Text(text) => self.quoted(&Span::unmarked(text), spot.column, Label::Plain),
            Value::List(items) => match flat(value).filter(|row| self.fits(row, spot)) {
                Some(row) => Drawn::line(row),
                None => {
                    let spot_within = Spot { indent: spot.indent + 4, column: spot.indent + 8 };
                    let draw = |item| self.value(item, spot_within, mark).then(Label::Plain, ",");
                    let rows = items.iter().flat_map(|item| draw(item).after(start(mark, spot.indent + 4)).rows);
                    enclosed("[", rows.collect(), "]", spot)
                }
            },
            Value::Map(map) if !map.is_empty() => enclosed("{", self.map(map, spot.indent + 4, mark), "}", spot),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Map(_)
            | Value::Withheld
            | Value::SetByDixaform => Drawn::line(flat(value).unwrap_or_default()),
        }
    }

    fn fits(&self, row: &Row, spot: Spot) -> bool {
        row.width() <= INLINE_MAX && self.width.is_none_or(|width| spot.column + row.width() <= width)
    }

    fn map(&self, map: &Map, indent: usize, mark: Mark) -> Vec<Row> {
        let names: Vec<String> = map.iter().map(|(member, _)| name(member, !is_word(member))).collect();
        let pad = padding(&names);
        let mut rows = Vec::new();
        for ((_, value), name) in map.iter().zip(&names) {
            let (start, spot) = named_start(mark, name, pad, indent);
            rows.extend(self.value(value, spot, mark).after(start).rows);
        }
        rows
    }
}

fn mark_of(diff: &Diff) -> Mark {
    match diff {
        Diff::Added(_) | Diff::Unknown { before: None } => Mark::Added,
        Diff::Removed(_) => Mark::Removed,
        Diff::Unchanged(_) => Mark::Same,
        Diff::Unknown { before: Some(_) } | Diff::Changed { .. } | Diff::Text { .. } | Diff::Map(_) | Diff::List(_) => {
            Mark::Changed
        }
    }
}

/// The beginning of a line: its indentation and symbol.
fn start(mark: Mark, indent: usize) -> Row {
    let (label, symbol) = match mark {
        Mark::Added => (Label::Create, "+"),
        Mark::Removed => (Label::Remove, "-"),
        Mark::Changed => (Label::Update, "~"),
        Mark::Same => (Label::Plain, " "),
    };
    Row::indented(indent + 2).and(label, symbol).and(Label::Plain, " ")
}

/// The beginning of a member's line, and where its value goes.
fn named_start(mark: Mark, name: &str, pad: usize, indent: usize) -> (Row, Spot) {
    let spaces = " ".repeat(pad.saturating_sub(name.width()));
    let row = start(mark, indent).and(Label::Plain, format!("{name}{spaces} = "));
    let column = row.width();
    (row, Spot { indent, column })
}

/// The width that names of one level are filled up to.
fn padding(names: &[String]) -> usize {
    names.iter().map(|name| name.width()).filter(|width| *width <= NAME_MAX).max().unwrap_or(0)
}

fn name(name: &str, in_quotes: bool) -> String {
    let shown: String = name.chars().take(NAME_SHOWN_MAX).collect();
    let more = if shown.len() < name.len() { "…" } else { "" };
    if in_quotes { format!("{}{more}", quoted(&shown)) } else { format!("{shown}{more}") }
}

fn hidden(count: usize, noun: Noun, indent: usize) -> Option<Row> {
    let text = format!("# ({count} unchanged {} hidden)", noun.counted(count));
    (count > 0).then(|| Row::indented(indent + 4).and(Label::Hidden, text))
}

fn enclosed(open: &str, rows: Vec<Row>, close: &str, spot: Spot) -> Drawn {
    let end = Row::indented(spot.indent + 4).and(Label::Plain, close);
    Drawn { rows: std::iter::once(Row::plain(open)).chain(rows).chain([end]).collect(), opens: true }
}

fn side_by_side(before: Drawn, after: Drawn) -> Drawn {
    let opens = before.opens || after.opens;
    let mut joined = before.then(Label::Arrow, " -> ");
    let mut rows = after.rows.into_iter();
    if let (Some(end), Some(row)) = (joined.rows.last_mut(), rows.next()) {
        end.extend(row);
    }
    joined.rows.extend(rows);
    Drawn { opens, ..joined }
}

/// A value on one line, where it has one: scalars, lists of scalars, and what is empty.
fn flat(value: &Value) -> Option<Row> {
    Some(match value {
        Value::Null => Row::plain("null"),
        Value::Bool(value) => Row::plain(value.to_string()),
        Value::Number(number) => Row::plain(number.to_string()),
        Value::Withheld => Row::new(Label::Hidden, "(previous value not kept)"),
        Value::SetByDixaform => Row::new(Label::Hidden, "(set by dixaform)"),
        Value::Text(text) if text.contains('\n') => return None,
        Value::Text(text) => {
            let canvas = Canvas { palette: Palette::plain(), width: None };
            canvas.quoted(&Span::unmarked(text), 0, Label::Plain).rows.into_iter().next()?
        }
        Value::Map(map) if map.is_empty() => Row::plain("{}"),
        Value::Map(_) => return None,
        Value::List(items) => {
            let mut row = Row::plain("[");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    row = row.and(Label::Plain, ", ");
                }
                row.extend(flat(item).filter(|_| !matches!(item, Value::List(_) | Value::Map(_)))?);
                // Long lists are never shown on one line, and need not be built as one.
                if index > INLINE_MAX {
                    return None;
                }
            }
            row.and(Label::Plain, "]")
        }
    })
}

/// An unchanged neighbour, short: as much of it as tells it from others.
fn compact(value: &Value) -> String {
    match value {
        Value::Text(text) => short(text),
        Value::Map(map) => {
            let scalars = map.iter().filter_map(|(member, value)| {
                let shown = match value {
                    Value::Text(text) => short(text),
                    Value::Null | Value::Bool(_) | Value::Number(_) => plain(value)?,
                    Value::List(_) | Value::Map(_) | Value::Withheld | Value::SetByDixaform => return None,
                };
                Some(format!("{} = {shown}", name(member, !is_word(member))))
            });
            let parts: Vec<String> = scalars.take(2).collect();
            let more = if parts.len() < map.len() { "… " } else { "" };
            let comma = if parts.is_empty() || more.is_empty() { " " } else { ", " };
            format!("{{ {}{comma}{more}}}", parts.join(", "))
        }
        Value::List(items) => plain(value).unwrap_or_else(|| format!("[{}]", counted(items.len(), "element"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Withheld | Value::SetByDixaform => {
            plain(value).unwrap_or_default()
        }
    }
}

fn plain(value: &Value) -> Option<String> {
    let mut out = String::new();
    flat(value).filter(|row| row.width() <= INLINE_MAX)?.paint_into(Palette::plain(), &mut out);
    Some(out.trim_end().to_owned())
}

/// The first characters of a text, in quotes.
fn short(text: &str) -> String {
    const SHOWN: usize = 40;
    let start: String = text.chars().take(SHOWN).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{}{more}", quoted(&start))
}
