//! The difference that a change makes, as lines of a ```` ```diff ```` block.
//!
//! Colours go by the first character of a line, so that one is always ours: `+` is written, `-` goes, `!` is known
//! later, and two blanks are neither. A line of somebody's text comes behind `| `, wherever it stands: a list item in a
//! message can look like nothing else.

use crate::plan::Drift;
use crate::plan::member_diff::{Diff, Element, Member, Members, Noun, is_word};
use crate::plan::shown::{self, Map, Value};
use crate::plan::text_diff::{self, LineKind, Span};
use crate::render::escape::{escape, quoted};
use crate::render::number::counted;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Added,
    Removed,
    /// It will be another, and nobody knows which.
    Unknown,
    Same,
}

/// Characters of one line that are shown; what is more is counted.
const CHARACTERS_MAX: usize = 500;

/// Of a line that is too long, the unchanged text on either side of a change.
const AROUND: usize = 60;

/// Lists of more characters than this stand on a line per element.
const INLINE_MAX: usize = 60;

/// Characters that are shown of an unchanged neighbour.
const NEIGHBOUR_MAX: usize = 80;

/// The members that differ.
pub(super) fn of_members(members: &Members) -> Vec<String> {
    let mut lines = Lines::default();
    lines.members(members, 0);
    lines.0
}

/// What was changed outside of dixaform in one conversation: what the record has, and what is there.
pub(super) fn of_drift(drift: &Drift) -> Vec<String> {
    let mut lines = Lines::default();
    lines.add(Mark::Same, 0, &format!("{} (#{})", drift.address, drift.id));
    for (id, recorded, live) in &drift.attributes {
        let start = format!("{} = ", quoted(id));
        lines.value(Mark::Removed, 1, &start, &Value::kept(recorded.as_ref()), "");
        lines.value(Mark::Added, 1, &start, &Value::of(live), "");
    }
    lines.0
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    /// Adds one line; what comes of others is escaped already.
    fn add(&mut self, mark: Mark, depth: usize, text: &str) {
        let mark = match mark {
            Mark::Added => "+ ",
            Mark::Removed => "- ",
            Mark::Unknown => "! ",
            Mark::Same => "  ",
        };
        self.0.push(format!("{mark}{}{text}", "  ".repeat(depth)));
    }

    fn members(&mut self, members: &Members, depth: usize) {
        for member in &members.shown {
            self.member(member, depth);
        }
        self.hidden(members.unchanged, members.noun, depth);
    }

    fn member(&mut self, member: &Member, depth: usize) {
        let start = format!("{} = ", name(&member.name, member.quoted));
        let end = if member.forces_replacement { " # forces replacement" } else { "" };
        self.diff(&member.diff, depth, &start, end);
    }

    /// A difference whose first line begins with `start`, and whose line that says most ends with `end`.
    fn diff(&mut self, diff: &Diff, depth: usize, start: &str, end: &str) {
        match diff {
            Diff::Added(value) => self.value(Mark::Added, depth, start, value, end),
            Diff::Removed(value) => self.value(Mark::Removed, depth, start, value, end),
            Diff::Unchanged(value) => self.value(Mark::Same, depth, start, value, end),
            Diff::Unknown { before: None } => {
                self.add(Mark::Added, depth, &format!("{start}(known after apply){end}"));
            }
            Diff::Unknown { before: Some(before) } => {
                let before = flat(before).unwrap_or_default();
                self.add(Mark::Unknown, depth, &format!("{start}{before} -> (known after apply){end}"));
            }
            Diff::Changed { before, after } => {
                self.value(Mark::Removed, depth, start, before, "");
                self.value(Mark::Added, depth, start, after, end);
            }
            Diff::Text { before, after } => self.text_diff(before, after, depth, start, end),
            Diff::Map(members) => {
                self.add(Mark::Same, depth, &format!("{start}{{{end}"));
                self.members(members, depth + 1);
                self.add(Mark::Same, depth, "}");
            }
            Diff::List(elements) => {
                self.add(Mark::Same, depth, &format!("{start}[{end}"));
                for element in elements {
                    self.element(element, depth + 1);
                }
                self.add(Mark::Same, depth, "]");
            }
        }
    }

    fn element(&mut self, element: &Element, depth: usize) {
        match element {
            Element::Hidden(count) => self.hidden(*count, Noun::Element, depth),
            Element::Unchanged(value) => {
                let text = cut(&escape(&shown::write(value)), NEIGHBOUR_MAX);
                self.add(Mark::Same, depth, &text);
            }
            Element::Differs(diff) => self.diff(diff, depth, "", ""),
        }
    }

    fn hidden(&mut self, count: usize, noun: Noun, depth: usize) {
        if count > 0 {
            self.add(Mark::Same, depth, &format!("# ({count} unchanged {} hidden)", noun.counted(count)));
        }
    }

    fn value(&mut self, mark: Mark, depth: usize, start: &str, value: &Value, end: &str) {
        if let Some(text) = flat(value) {
            return self.add(mark, depth, &format!("{start}{text}{end}"));
        }
        match value {
            Value::Text(text) => {
                self.add(mark, depth, &format!("{}{end}", start.trim_end()));
                for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                    self.text_line(mark, depth + 1, &Span::unmarked(line));
                }
            }
            Value::List(items) => {
                self.add(mark, depth, &format!("{start}[{end}"));
                for item in items {
                    self.value(mark, depth + 1, "", item, "");
                }
                self.add(mark, depth, "]");
            }
            Value::Map(map) => {
                self.add(mark, depth, &format!("{start}{{{end}"));
                self.map(mark, depth + 1, map);
                self.add(mark, depth, "}");
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Withheld | Value::SetByDixaform => {}
        }
    }

    fn map(&mut self, mark: Mark, depth: usize, map: &Map) {
        for (member, value) in map.iter() {
            self.value(mark, depth, &format!("{} = ", name(member, !is_word(member))), value, "");
        }
    }

    fn text_diff(&mut self, before: &str, after: &str, depth: usize, start: &str, end: &str) {
        let lines = text_diff::lines(before, after);
        if !before.contains('\n') && !after.contains('\n') {
            for line in &lines {
                let (mark, end) = if line.kind == LineKind::Removed { (Mark::Removed, "") } else { (Mark::Added, end) };
                self.add(mark, depth, &format!("{start}{}{end}", quoted_spans(&line.spans)));
            }
            return;
        }
        self.add(Mark::Same, depth, &format!("{}{end}", start.trim_end()));
        for line in &lines {
            match line.kind {
                LineKind::Same => self.text_line(Mark::Same, depth + 1, &line.spans),
                LineKind::Removed => self.text_line(Mark::Removed, depth + 1, &line.spans),
                LineKind::Added => self.text_line(Mark::Added, depth + 1, &line.spans),
                LineKind::Hidden(count) => {
                    let text = format!("# ({} hidden)", counted(count, "unchanged line"));
                    self.add(Mark::Same, depth + 1, &text);
                }
                LineKind::NewlineAdded => self.add(Mark::Added, depth + 1, "# (newline at the end)"),
                LineKind::NewlineRemoved => self.add(Mark::Removed, depth + 1, "# (newline at the end)"),
            }
        }
    }

    fn text_line(&mut self, mark: Mark, depth: usize, spans: &[Span]) {
        let (text, more) = cut_spans(spans);
        self.add(mark, depth, format!("| {}{more}", escape(&text)).trim_end());
    }
}

fn name(name: &str, in_quotes: bool) -> String {
    let shown = cut(name, NEIGHBOUR_MAX);
    if in_quotes { quoted(&shown) } else { shown }
}

fn quoted_spans(spans: &[Span]) -> String {
    let (text, more) = cut_spans(spans);
    format!("{}{more}", quoted(&text))
}

/// A value on one line, where it has one: scalars, short lists of scalars, and what is empty.
fn flat(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Withheld => "(previous value not kept)".to_owned(),
        Value::SetByDixaform => "(set by dixaform)".to_owned(),
        Value::Text(text) if text.contains('\n') => return None,
        Value::Text(text) => quoted_spans(&Span::unmarked(text)),
        Value::Map(map) if map.is_empty() => "{}".to_owned(),
        Value::Map(_) => return None,
        Value::List(items) if items.len() > INLINE_MAX => return None,
        Value::List(items) => {
            let scalars = items.iter().filter(|item| !matches!(item, Value::List(_) | Value::Map(_)));
            let parts: Vec<String> = scalars.filter_map(flat).collect();
            let text = format!("[{}]", parts.join(", "));
            if parts.len() < items.len() || text.chars().count() > INLINE_MAX {
                return None;
            }
            text
        }
    })
}

/// The first characters of a text, and a sign where there are more.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// One line of somebody's text, and what to say of the characters that are left out. Of a line that is too long
/// unchanged text is left out first, so that the change itself is seen.
fn cut_spans(spans: &[Span]) -> (String, String) {
    let whole: String = spans.iter().map(|span| span.text.as_str()).collect();
    let total = whole.chars().count();
    if total <= CHARACTERS_MAX {
        return (whole, String::new());
    }
    let last = spans.len().saturating_sub(1);
    let mut text = String::new();
    for (index, span) in spans.iter().enumerate() {
        let length = span.text.chars().count();
        if span.changed || last == 0 || length <= 3 * AROUND {
            text.push_str(&span.text);
            continue;
        }
        if index > 0 {
            text.extend(span.text.chars().take(AROUND));
        }
        text.push('…');
        if index < last {
            text.extend(span.text.chars().skip(length - AROUND));
        }
    }
    let shown: String = text.chars().take(CHARACTERS_MAX).collect();
    (shown, format!("… ({} in all)", counted(total, "character")))
}
