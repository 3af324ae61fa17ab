//! The difference that a change makes, as lines of markup: `ins` is written, `del` goes, all else is neither.
//!
//! A line of somebody's text has a class of its own and stands between rules, so that nothing written in it can look
//! like one of ours.

use maud::{Markup, PreEscaped, html};

use crate::plan::Drift;
use crate::plan::member_diff::{Diff, Element, Member, Members, Noun, is_word};
use crate::plan::shown::{Map, Value};
use crate::plan::text_diff::{self, LineKind, Span};
use crate::render::escape::{escape, escape_quoted, quoted};
use crate::render::html::shell::text;
use crate::render::number::counted;

/// Lines of one change that are shown; what is more is counted.
const LINES_MAX: usize = 1_000;

/// Lines of one text that are shown; what is more is counted.
const TEXT_LINES_MAX: usize = 200;

/// Characters of one line that are shown; what is more is counted.
const CHARACTERS_MAX: usize = 2_000;

/// Of a line that is too long, the unchanged text on either side of a change.
const AROUND: usize = 60;

/// Characters of a name that are shown.
const NAME_MAX: usize = 200;

/// Lists of more characters than this stand on a line per element.
const INLINE_MAX: usize = 60;

/// Deeper lines are indented no more.
const DEPTH_MAX: usize = 12;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Added,
    Removed,
    /// It will be another, and nobody knows which.
    Unknown,
    Same,
}

/// The members that differ.
pub(super) fn members(members: &Members) -> Markup {
    let mut lines = Lines::default();
    lines.members(members, 0);
    lines.markup()
}

/// What was changed outside of dixaform in one conversation: what the record has, and what is there.
pub(super) fn drift(drift: &Drift) -> Markup {
    let mut lines = Lines::default();
    for (id, recorded, live) in &drift.attributes {
        let start = start(id, true);
        lines.value(Mark::Removed, 0, &start, &Value::kept(recorded.as_ref()), "");
        lines.value(Mark::Added, 0, &start, &Value::of(live), "");
    }
    lines.markup()
}

#[derive(Default)]
struct Lines {
    out: String,
    shown: usize,
    left_out: usize,
}

impl Lines {
    fn markup(mut self) -> Markup {
        if self.left_out > 0 {
            let more = remark(&format!("# ({})", counted(self.left_out, "more line")));
            self.shown = 0;
            self.add(Mark::Same, 0, &more);
        }
        html! { div.diff { (PreEscaped(self.out)) } }
    }

    fn add(&mut self, mark: Mark, depth: usize, content: &Markup) {
        self.line(mark, depth, "", content);
    }

    fn line(&mut self, mark: Mark, depth: usize, class: &str, content: &Markup) {
        if self.shown >= LINES_MAX {
            self.left_out += 1;
            return;
        }
        self.shown += 1;
        let class = format!("d{}{class}", depth.min(DEPTH_MAX));
        let line = match mark {
            Mark::Added => html! { ins class=(class) { (content) } },
            Mark::Removed => html! { del class=(class) { (content) } },
            Mark::Unknown => html! { div class={ (class) " u" } { (content) } },
            Mark::Same => html! { div class=(class) { (content) } },
        };
        self.out.push_str(&line.into_string());
    }

    fn members(&mut self, members: &Members, depth: usize) {
        for Member { name, quoted, diff, forces_replacement } in &members.shown {
            let end = if *forces_replacement { "# forces replacement" } else { "" };
            self.diff(diff, depth, &start(name, *quoted), end);
        }
        self.hidden(members.unchanged, members.noun, depth);
    }

    /// A difference whose first line begins with `start`, and whose line that says most ends with `end`.
    fn diff(&mut self, diff: &Diff, depth: usize, start: &Markup, end: &str) {
        match diff {
            Diff::Added(value) => self.value(Mark::Added, depth, start, value, end),
            Diff::Removed(value) => self.value(Mark::Removed, depth, start, value, end),
            Diff::Unchanged(value) => self.value(Mark::Same, depth, start, value, end),
            Diff::Unknown { before } => {
                let mark = if before.is_some() { Mark::Unknown } else { Mark::Added };
                let before = before.as_ref().and_then(flat);
                let known = remark("(known after apply)");
                let before = html! { @if let Some(before) = before { (before) " → " } };
                self.add(mark, depth, &html! { (start) (before) (known) (after(end)) });
            }
            Diff::Text { before, after } => self.text_diff(before, after, depth, start, end),
            Diff::Changed { before: Value::Text(before), after: Value::Text(after) } => {
                self.text_diff(before, after, depth, start, end);
            }
            Diff::Changed { before, after } => {
                self.value(Mark::Removed, depth, start, before, "");
                self.value(Mark::Added, depth, start, after, end);
            }
            Diff::Map(members) => {
                self.add(Mark::Same, depth, &html! { (start) "{" (after(end)) });
                self.members(members, depth + 1);
                self.add(Mark::Same, depth, &html! { "}" });
            }
            Diff::List(elements) => {
                self.add(Mark::Same, depth, &html! { (start) "[" (after(end)) });
                elements.iter().for_each(|element| self.element(element, depth + 1));
                self.add(Mark::Same, depth, &html! { "]" });
            }
        }
    }

    fn element(&mut self, element: &Element, depth: usize) {
        let nothing = PreEscaped(String::new());
        match element {
            Element::Hidden(count) => self.hidden(*count, Noun::Element, depth),
            Element::Unchanged(value) => self.value(Mark::Same, depth, &nothing, value, ""),
            Element::Differs(diff) => self.diff(diff, depth, &nothing, ""),
        }
    }

    fn hidden(&mut self, count: usize, noun: Noun, depth: usize) {
        if count > 0 {
            self.add(Mark::Same, depth, &remark(&format!("# ({count} unchanged {} hidden)", noun.counted(count))));
        }
    }

    fn value(&mut self, mark: Mark, depth: usize, start: &Markup, value: &Value, end: &str) {
        if let Some(value) = flat(value) {
            return self.add(mark, depth, &html! { (start) (value) (after(end)) });
        }
        match value {
            Value::Text(text) => {
                self.add(mark, depth, &html! { (start) (remark(end)) });
                let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
                for line in lines.by_ref().take(TEXT_LINES_MAX) {
                    self.text_line(mark, depth + 1, &Span::unmarked(line));
                }
                self.more_lines(lines.count(), depth + 1);
            }
            Value::List(items) => {
                self.add(mark, depth, &html! { (start) "[" (after(end)) });
                for item in items {
                    self.value(mark, depth + 1, &PreEscaped(String::new()), item, "");
                }
                self.add(mark, depth, &html! { "]" });
            }
            Value::Map(map) => {
                self.add(mark, depth, &html! { (start) "{" (after(end)) });
                self.map(mark, depth + 1, map);
                self.add(mark, depth, &html! { "}" });
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Withheld | Value::SetByDixaform => {}
        }
    }

    fn map(&mut self, mark: Mark, depth: usize, map: &Map) {
        for (member, value) in map.iter() {
            self.value(mark, depth, &start(member, !is_word(member)), value, "");
        }
    }

    fn text_diff(&mut self, before: &str, after: &str, depth: usize, start: &Markup, end: &str) {
        let lines = text_diff::lines(before, after);
        if !before.contains('\n') && !after.contains('\n') {
            return self.one_line(&lines, depth, start, end);
        }
        self.add(Mark::Same, depth, &html! { (start) (remark(end)) });
        for line in lines.iter().take(TEXT_LINES_MAX) {
            match line.kind {
                LineKind::Same => self.text_line(Mark::Same, depth + 1, &line.spans),
                LineKind::Removed => self.text_line(Mark::Removed, depth + 1, &line.spans),
                LineKind::Added => self.text_line(Mark::Added, depth + 1, &line.spans),
                LineKind::Hidden(count) => {
                    let text = format!("# ({} hidden)", counted(count, "unchanged line"));
                    self.add(Mark::Same, depth + 1, &remark(&text));
                }
                LineKind::NewlineAdded => self.add(Mark::Added, depth + 1, &remark("# (newline at the end)")),
                LineKind::NewlineRemoved => self.add(Mark::Removed, depth + 1, &remark("# (newline at the end)")),
            }
        }
        self.more_lines(lines.len().saturating_sub(TEXT_LINES_MAX), depth + 1);
    }

    /// Two texts without lines of their own. One that is empty has no line in the diff.
    fn one_line(&mut self, lines: &[text_diff::Line], depth: usize, start: &Markup, end: &str) {
        let spans = |kind| lines.iter().find(|line| line.kind == kind).map_or(&[][..], |line| &line.spans);
        let (removed, added) = (in_quotes(spans(LineKind::Removed)), in_quotes(spans(LineKind::Added)));
        self.add(Mark::Removed, depth, &html! { (start) (removed) });
        self.add(Mark::Added, depth, &html! { (start) (added) (after(end)) });
    }

    fn text_line(&mut self, mark: Mark, depth: usize, spans: &[Span]) {
        self.line(mark, depth, " t", &isolated(spans, |text| escape(text).into_owned()));
    }

    fn more_lines(&mut self, count: usize, depth: usize) {
        if count > 0 {
            self.add(Mark::Same, depth, &remark(&format!("# ({})", counted(count, "more line"))));
        }
    }
}

/// A word of dixaform's own, told apart from what others wrote.
fn remark(text: &str) -> Markup {
    html! { @if !text.is_empty() { small { (text) } } }
}

/// [`remark`] behind something.
fn after(text: &str) -> Markup {
    html! { @if !text.is_empty() { " " (remark(text)) } }
}

fn start(name: &str, in_quotes: bool) -> Markup {
    let shown: String = name.chars().take(NAME_MAX).collect();
    let more = if shown.len() < name.len() { "…" } else { "" };
    let shown = if in_quotes { quoted(&shown) } else { escape(&shown).into_owned() };
    html! { b { (text(&shown)) (more) } " = " }
}

fn in_quotes(spans: &[Span]) -> Markup {
    html! { "\"" (isolated(spans, |text| escape_quoted(text).into_owned())) "\"" }
}

/// A value on one line, where it has one: scalars, short lists of scalars, and what is empty.
fn flat(value: &Value) -> Option<Markup> {
    Some(match value {
        Value::Null => html! { "null" },
        Value::Bool(value) => html! { (value) },
        Value::Number(number) => html! { (number.to_string()) },
        Value::Withheld => remark("(previous value not kept)"),
        Value::SetByDixaform => remark("(set by dixaform)"),
        Value::Text(text) if text.contains('\n') => return None,
        Value::Text(text) => in_quotes(&Span::unmarked(text)),
        Value::Map(map) if map.is_empty() => html! { "{}" },
        Value::List(items) if is_short(items) => {
            let parts: Vec<Markup> = items.iter().filter_map(flat).collect();
            html! { "[" @for (index, part) in parts.iter().enumerate() { @if index > 0 { ", " } (part) } "]" }
        }
        Value::Map(_) | Value::List(_) => return None,
    })
}

/// Whether a list of scalars fits on one line.
fn is_short(items: &[Value]) -> bool {
    let mut room = INLINE_MAX;
    items.iter().all(|item| {
        let length = match item {
            Value::Text(text) if !text.contains('\n') => text.chars().take(room + 1).count() + 2,
            Value::Null | Value::Bool(_) | Value::Number(_) => 6,
            Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Withheld | Value::SetByDixaform => return false,
        };
        room = room.saturating_sub(length + 2);
        room > 0
    })
}

/// One line of somebody's text. Letters that run from right to left turn nothing beside it.
fn isolated(spans: &[Span], escaped: impl Fn(&str) -> String) -> Markup {
    let content = pieces(spans, escaped);
    if spans.iter().all(|span| span.text.is_ascii()) {
        content
    } else {
        html! { bdi { (content) } }
    }
}

/// The spans with their changed words marked. In a line that is too long unchanged text is left out first, so that the
/// change itself is seen.
fn pieces(spans: &[Span], escaped: impl Fn(&str) -> String) -> Markup {
    let piece = |text: &str, changed: bool| {
        let text = escaped(text);
        html! { @if changed { mark { (text) } } @else { (text) } }
    };
    let length = |text: &str| text.chars().count();
    if spans.iter().map(|span| length(&span.text)).sum::<usize>() <= CHARACTERS_MAX {
        return html! { @for span in spans { (piece(&span.text, span.changed)) } };
    }
    let (mut room, mut out) = (CHARACTERS_MAX, String::new());
    let last = spans.len().saturating_sub(1);
    for (index, span) in spans.iter().enumerate() {
        let total = length(&span.text);
        let (head, tail) = match (last > 0 && !span.changed && total > 3 * AROUND, index) {
            (false, _) => (total.min(room), 0),
            (true, 0) => (0, AROUND.min(room)),
            (true, _) if index == last => (AROUND.min(room), 0),
            (true, _) => (AROUND.min(room), AROUND.min(room.saturating_sub(AROUND))),
        };
        room -= head + tail;
        let first: String = span.text.chars().take(head).collect();
        out.push_str(&piece(&first, span.changed).into_string());
        if total > head + tail {
            let more = counted(total - head - tail, "more character");
            out.push_str(&remark(&format!("… ({more}) …")).into_string());
            let rest: String = span.text.chars().skip(total - tail).collect();
            out.push_str(&piece(&rest, span.changed).into_string());
        }
    }
    PreEscaped(out)
}
