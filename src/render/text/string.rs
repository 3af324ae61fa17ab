//! Strings: in quotes, wrapped where they are long, or as a heredoc where they have lines.

use std::collections::BTreeSet;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::plan::text_diff::{self, Line, LineKind, Span};
use crate::render::escape::{escape, escape_quoted};
use crate::render::number::{counted, grouped};
use crate::render::palette::Label;
use crate::render::text::row::{Drawn, Row};
use crate::render::text::value::{Canvas, Spot};

/// Characters of one line that are shown; what is more is counted. Twenty lines of a terminal are enough to know a text
/// by.
pub(super) const CHARACTERS_MAX: usize = 2_000;

/// Lines of one text that are shown; what is more is counted.
pub(super) const LINES_MAX: usize = 200;

/// Of a line that is too long, the unchanged text on either side of a change.
const AROUND: usize = 60;

/// Guides are drawn up to this width where none is known: below a line that a terminal wraps they would mark nonsense.
const GUIDE_WIDTH: usize = 160;

/// The least room for a wrapped string; below it lines pass the width rather than fall to pieces.
const ROOM_MIN: usize = 20;

impl Canvas {
    /// A string in quotes from column `column` on. Where it passes the width it goes on below itself, inside the
    /// quotes; a real newline never looks like that, because texts with lines are heredocs.
    pub(super) fn quoted(&self, spans: &[Span], column: usize, changed: Label) -> Drawn {
        let (pieces, more) = cut(spans, changed, |text| escape_quoted(text).into_owned());
        let room = self.width.map(|width| width.saturating_sub(column + 2).max(ROOM_MIN));
        let lines = wrapped(&pieces, room);
        let last = lines.len().saturating_sub(1);
        let mut rows = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let mut row = if index == 0 { Row::plain("\"") } else { Row::indented(column + 1) };
            for (label, text) in line {
                row = row.and(*label, text);
            }
            if index == last {
                row = row.and(Label::Plain, "\"").and(Label::Hidden, more.clone());
            }
            rows.push(row);
            rows.extend(self.guide(line, column + 1));
        }
        Drawn { rows, opens: false }
    }

    /// A text with lines, as it is.
    pub(super) fn heredoc(&self, text: &str, spot: Spot) -> Drawn {
        let body = text.strip_suffix('\n').unwrap_or(text);
        let mut lines = body.split('\n');
        let shown =
            lines.by_ref().take(LINES_MAX).map(|line| Line { kind: LineKind::Same, spans: Span::unmarked(line) });
        let mut rows: Vec<Row> = shown.flat_map(|line| self.heredoc_line(&line, spot)).collect();
        rows.extend(more_lines(lines.count(), spot));
        enclosed(rows, delimiter([text]), spot)
    }

    /// A text with lines, as the lines that differ and their neighbours.
    pub(super) fn heredoc_diff(&self, before: &str, after: &str, spot: Spot) -> Drawn {
        let lines = text_diff::lines(before, after);
        let rows = lines.iter().take(LINES_MAX).flat_map(|line| self.heredoc_line(line, spot));
        let mut rows: Vec<Row> = rows.collect();
        let left_out = lines.iter().skip(LINES_MAX).map(|line| match line.kind {
            LineKind::Hidden(count) => count,
            LineKind::Same | LineKind::Removed | LineKind::Added => 1,
            LineKind::NewlineAdded | LineKind::NewlineRemoved => 0,
        });
        rows.extend(more_lines(left_out.sum(), spot));
        enclosed(rows, delimiter([before, after]), spot)
    }

    /// Two texts without lines, too long to be beside each other.
    pub(super) fn one_line_diff(&self, before: &str, after: &str, column: usize) -> Drawn {
        let lines = text_diff::lines(before, after);
        let side = |kind: LineKind, changed: Label| {
            let line = lines.iter().find(|line| line.kind == kind);
            self.quoted(line.map_or(&[], |line| line.spans.as_slice()), column, changed)
        };
        let removed = side(LineKind::Removed, Label::RemovedWord);
        Canvas::below(removed, side(LineKind::Added, Label::AddedWord), column)
    }

    /// What was above what is, the arrow between them so that both begin in the same column.
    pub(super) fn below(mut before: Drawn, after: Drawn, column: usize) -> Drawn {
        let arrow = Row::indented(column.saturating_sub(3)).and(Label::Arrow, "-> ");
        before.rows.extend(after.after(arrow).rows);
        before
    }

    fn heredoc_line(&self, line: &Line, spot: Spot) -> Vec<Row> {
        let start = spot.indent + 6;
        let remark = |text: String| vec![Row::indented(start + 2).and(Label::Hidden, text)];
        let (symbol, label, changed) = match line.kind {
            LineKind::Same => ("  ", Label::Plain, Label::Plain),
            LineKind::Removed => ("- ", Label::Remove, Label::RemovedWord),
            LineKind::Added => ("+ ", Label::Create, Label::AddedWord),
            LineKind::Hidden(count) => return remark(format!("# ({} hidden)", counted(count, "unchanged line"))),
            LineKind::NewlineAdded => return remark("# (newline at the end added)".to_owned()),
            LineKind::NewlineRemoved => return remark("# (newline at the end removed)".to_owned()),
        };
        let (pieces, more) = cut(&line.spans, changed, |text| escape(text).into_owned());
        let mut row = Row::indented(start).and(label, symbol);
        for (label, text) in &pieces {
            row = row.and(*label, text);
        }
        let row = row.and(Label::Hidden, more);
        let fits = row.width() <= self.width.unwrap_or(GUIDE_WIDTH);
        let guide = self.guide(&pieces, start + 2).filter(|_| fits);
        std::iter::once(row).chain(guide).collect()
    }

    /// Marks below the changed words, for those who see no colours.
    fn guide(&self, pieces: &[(Label, String)], column: usize) -> Option<Row> {
        let is_mark = |label: &Label| matches!(label, Label::RemovedWord | Label::AddedWord);
        if !self.palette.is_plain() || !pieces.iter().any(|(label, _)| is_mark(label)) {
            return None;
        }
        let mut marks = " ".repeat(column);
        for (label, text) in pieces {
            marks.push_str(&if is_mark(label) { "^" } else { " " }.repeat(text.width()));
        }
        Some(Row::guide(marks.trim_end().to_owned()))
    }
}

/// The rows of a text between its delimiters.
fn enclosed(rows: Vec<Row>, delimiter: String, spot: Spot) -> Drawn {
    let end = Row::indented(spot.indent + 4).and(Label::Plain, delimiter.clone());
    let start = Row::plain(format!("<<-{delimiter}"));
    Drawn { rows: std::iter::once(start).chain(rows).chain([end]).collect(), opens: true }
}

/// `EOT`, or a word like it that is no line of the texts.
fn delimiter<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let lines = texts.into_iter().flat_map(str::lines).map(str::trim);
    let taken: BTreeSet<&str> = lines.filter(|line| line.starts_with("EOT")).collect();
    let mut delimiter = "EOT".to_owned();
    let mut number = 1;
    while taken.contains(delimiter.as_str()) {
        number += 1;
        delimiter = format!("EOT{number}");
    }
    delimiter
}

fn more_lines(count: usize, spot: Spot) -> Option<Row> {
    let text = format!("# ({})", counted(count, "more line"));
    (count > 0).then(|| Row::indented(spot.indent + 8).and(Label::Hidden, text))
}

/// The spans of one line as labelled, escaped pieces, and what to say of the characters that are left out. In a line
/// that is too long, unchanged text is left out first, so that the change itself is seen.
fn cut(spans: &[Span], changed: Label, escaped: impl Fn(&str) -> String) -> (Vec<(Label, String)>, String) {
    let label = |span: &Span| if span.changed { changed } else { Label::Plain };
    let length = |text: &str| text.chars().count();
    if spans.iter().map(|span| length(&span.text)).sum::<usize>() <= CHARACTERS_MAX {
        return (spans.iter().map(|span| (label(span), escaped(&span.text))).collect(), String::new());
    }
    let several = spans.len() > 1;
    let mut pieces = Vec::new();
    let (mut room, mut more) = (CHARACTERS_MAX, 0);
    for (index, span) in spans.iter().enumerate() {
        let total = length(&span.text);
        let (head, tail) = match (several && !span.changed, index) {
            (false, _) => (total.min(room), 0),
            (true, _) if total <= 3 * AROUND => (total.min(room), 0),
            (true, 0) => (0, AROUND.min(room)),
            (true, _) if index + 1 == spans.len() => (AROUND.min(room), 0),
            (true, _) => (AROUND.min(room), AROUND.min(room.saturating_sub(AROUND))),
        };
        let left_out = total - head - tail;
        let first: String = span.text.chars().take(head).collect();
        pieces.push((label(span), escaped(&first)));
        if left_out > 0 && tail > 0 {
            pieces.push((Label::Hidden, format!("… ({}) …", more_characters(left_out))));
            let last: String = span.text.chars().skip(total - tail).collect();
            pieces.push((label(span), escaped(&last)));
        } else {
            more += left_out;
        }
        room -= head + tail;
    }
    pieces.retain(|(_, text)| !text.is_empty());
    let more = if more > 0 { format!("… ({})", more_characters(more)) } else { String::new() };
    (pieces, more)
}

fn more_characters(count: usize) -> String {
    format!("{} more character{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// The pieces in lines of at most `room` columns, broken at spaces only. The space itself is not shown: a gap that is
/// wider by one goes on at the end of its line.
fn wrapped(pieces: &[(Label, String)], room: Option<usize>) -> Vec<Vec<(Label, String)>> {
    let Some(room) = room else { return vec![pieces.to_vec()] };
    let letters: Vec<(Label, char)> =
        pieces.iter().flat_map(|(label, text)| text.chars().map(|letter| (*label, letter))).collect();
    let mut lines = Vec::new();
    let (mut start, mut space, mut width, mut since_space) = (0, None, 0, 0);
    for (index, (_, letter)) in letters.iter().enumerate() {
        let columns = letter.width().unwrap_or(0);
        width += columns;
        since_space += columns;
        // A space at the very end of a line may pass the width: nobody sees it.
        if width > room
            && *letter != ' '
            && let Some(end) = space.take()
        {
            lines.push(grouped_pieces(&letters[start..end - 1]));
            (start, width) = (end, since_space);
        }
        if *letter == ' ' {
            (space, since_space) = (Some(index + 1), 0);
        }
    }
    lines.push(grouped_pieces(&letters[start..]));
    lines
}

fn grouped_pieces(letters: &[(Label, char)]) -> Vec<(Label, String)> {
    let mut pieces: Vec<(Label, String)> = Vec::new();
    for (label, letter) in letters {
        match pieces.last_mut() {
            Some((last, text)) if last == label => text.push(*letter),
            _ => pieces.push((*label, letter.to_string())),
        }
    }
    pieces
}
