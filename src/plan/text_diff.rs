//! A line diff of two texts with the changed words marked.
//!
//! The cost is bounded by sizes and never by a clock, so that the same texts always give the same diff: texts of too
//! many lines are compared by their common beginning and end only, and so are lines of too many characters.
//!
//! A newline at the very end is no line of its own. When only one of the texts ends with one, the last [`Line`] says
//! so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};

use crate::look_alike::look_the_same;

/// One line of a diff, in the order in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: LineKind,
    /// The text of the line, in pieces; none for kinds without a text, and for an empty line.
    pub spans: Vec<Span>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Same,
    Removed,
    Added,
    /// This many unchanged lines are not shown; always more than one.
    Hidden(usize),
    /// The text ends with a newline now, and did not before. At most once, and last.
    NewlineAdded,
    /// The text ended with a newline, and does no more. At most once, and last.
    NewlineRemoved,
}

/// A piece of a line. Pieces are never empty, and neighbours differ in `changed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    /// It differs from the line that this one is paired with. A line that is like no other has no marks.
    pub changed: bool,
}

impl Span {
    /// The spans of a text without marks.
    pub fn unmarked(text: &str) -> Vec<Span> {
        if text.is_empty() { Vec::new() } else { vec![Span { text: text.to_owned(), changed: false }] }
    }
}

/// Unchanged lines that are shown on either side of a change.
pub const CONTEXT: usize = 3;

/// With more lines than this on both sides together, only the common beginning and end are found. A person reads no
/// such diff, and the search could take seconds.
const LINES_MAX: usize = 20_000;

/// Lines of more characters than this are compared by their common beginning and end only.
const WORDS_LINE_MAX: usize = 2_000;

/// In a replaced run of more lines than this no lines are paired: it is read as a new text, if at all.
const PAIRED_RUN_MAX: usize = 1_000;

/// Pairs of lines weighed against each other in one replaced run; longer runs are paired by position.
const PAIRS_MAX: usize = 400;

/// Lines that share less than this part of their letter pairs are not shown as one line that changed.
const ALIKE: f64 = 0.4;

/// The diff from `before` to `after`.
pub fn lines(before: &str, after: &str) -> Vec<Line> {
    let (old, old_ends) = split(before);
    let (new, new_ends) = split(after);
    let mut all = Vec::new();
    for op in operations(&old, &new) {
        match op {
            DiffOp::Equal { old_index, len, .. } => {
                all.extend(old[old_index..old_index + len].iter().map(|line| unmarked(LineKind::Same, line)));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                all.extend(old[old_index..old_index + old_len].iter().map(|line| unmarked(LineKind::Removed, line)));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                all.extend(new[new_index..new_index + new_len].iter().map(|line| unmarked(LineKind::Added, line)));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                replaced(&old[old_index..old_index + old_len], &new[new_index..new_index + new_len], &mut all);
            }
        }
    }
    // An empty text ends with nothing; saying so beside the lines that came or went would be noise.
    if old_ends != new_ends && !old.is_empty() && !new.is_empty() {
        let kind = if new_ends { LineKind::NewlineAdded } else { LineKind::NewlineRemoved };
        all.push(Line { kind, spans: Vec::new() });
    }
    hide_unchanged(all)
}

/// The lines of a text, and whether it ends with a newline.
fn split(text: &str) -> (Vec<&str>, bool) {
    if text.is_empty() {
        return (Vec::new(), false);
    }
    let body = text.strip_suffix('\n');
    (body.unwrap_or(text).split('\n').collect(), body.is_some())
}

fn unmarked(kind: LineKind, line: &str) -> Line {
    Line { kind, spans: Span::unmarked(line) }
}

fn operations(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    if old.len() + new.len() <= LINES_MAX {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    let (before, after) = common_ends(old.iter(), new.iter());
    let (old_len, new_len) = (old.len() - before - after, new.len() - before - after);
    let middle = match (old_len, new_len) {
        (0, 0) => None,
        (0, _) => Some(DiffOp::Insert { old_index: before, new_index: before, new_len }),
        (_, 0) => Some(DiffOp::Delete { old_index: before, old_len, new_index: before }),
        _ => Some(DiffOp::Replace { old_index: before, old_len, new_index: before, new_len }),
    };
    let head = DiffOp::Equal { old_index: 0, new_index: 0, len: before };
    let tail = DiffOp::Equal { old_index: old.len() - after, new_index: new.len() - after, len: after };
    std::iter::once(head).chain(middle).chain(std::iter::once(tail)).collect()
}

/// How many items two sequences share at their beginning, and of the rest, at their end.
fn common_ends<T: PartialEq>(
    old: impl DoubleEndedIterator<Item = T> + ExactSizeIterator + Clone,
    new: impl DoubleEndedIterator<Item = T> + ExactSizeIterator + Clone,
) -> (usize, usize) {
    let before = old.clone().zip(new.clone()).take_while(|(a, b)| a == b).count();
    let room = old.len().min(new.len()) - before;
    let after = old.rev().zip(new.rev()).take(room).take_while(|(a, b)| a == b).count();
    (before, after)
}

/// Lines of a run that took the place of each other: similar ones are below each other with their changed words
/// marked, the others stay whole.
fn replaced(old: &[&str], new: &[&str], out: &mut Vec<Line>) {
    let (mut next_old, mut next_new) = (0, 0);
    for (old_index, new_index) in pairs(old, new) {
        flush(&old[next_old..old_index], &new[next_new..new_index], out);
        let (removed, added) = words(old[old_index], new[new_index]);
        out.push(Line { kind: LineKind::Removed, spans: removed });
        out.push(Line { kind: LineKind::Added, spans: added });
        (next_old, next_new) = (old_index + 1, new_index + 1);
    }
    flush(&old[next_old..], &new[next_new..], out);
}

fn flush(old: &[&str], new: &[&str], out: &mut Vec<Line>) {
    out.extend(old.iter().map(|line| unmarked(LineKind::Removed, line)));
    out.extend(new.iter().map(|line| unmarked(LineKind::Added, line)));
}

/// Which lines are one line that changed: ascending on both sides, most alike in sum.
fn pairs(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    if old.len().max(new.len()) > PAIRED_RUN_MAX {
        return Vec::new();
    }
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        let by_position = 0..old.len().min(new.len());
        return by_position
            .filter(|&index| alike(&letter_pairs(old[index]), &letter_pairs(new[index])) >= ALIKE)
            .map(|index| (index, index))
            .collect();
    }
    let old_pairs: Vec<_> = old.iter().map(|line| letter_pairs(line)).collect();
    let new_pairs: Vec<_> = new.iter().map(|line| letter_pairs(line)).collect();
    // best[i][j] is the greatest sum for the lines from i and j on; the walk below follows it from the start.
    let mut best = vec![vec![0.0_f64; new.len() + 1]; old.len() + 1];
    let mut scores = vec![vec![0.0_f64; new.len()]; old.len()];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let score = alike(&old_pairs[i], &new_pairs[j]);
            scores[i][j] = if score >= ALIKE { score } else { 0.0 };
            let paired = if scores[i][j] > 0.0 { scores[i][j] + best[i + 1][j + 1] } else { 0.0 };
            best[i][j] = best[i + 1][j].max(best[i][j + 1]).max(paired);
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if scores[i][j] > 0.0 && best[i][j] <= scores[i][j] + best[i + 1][j + 1] {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i + 1][j] >= best[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// How often each pair of neighbouring characters occurs in a line; this also works for languages without spaces.
fn letter_pairs(line: &str) -> BTreeMap<(char, char), usize> {
    let mut counts = BTreeMap::new();
    let characters = line.chars().take(WORDS_LINE_MAX);
    for pair in characters.clone().zip(characters.skip(1)) {
        *counts.entry(pair).or_insert(0) += 1;
    }
    counts
}

/// The part of their letter pairs that two lines share: 0.0 for nothing, 1.0 for all.
fn alike(one: &BTreeMap<(char, char), usize>, other: &BTreeMap<(char, char), usize>) -> f64 {
    let total: usize = one.values().chain(other.values()).sum();
    let shared: usize = one.iter().map(|(pair, count)| *count.min(other.get(pair).unwrap_or(&0))).sum();
    if total == 0 { 0.0 } else { 2.0 * shared as f64 / total as f64 }
}

/// Two lines with the words marked that differ.
fn words(old: &str, new: &str) -> (Vec<Span>, Vec<Span>) {
    if old.chars().nth(WORDS_LINE_MAX).is_some() || new.chars().nth(WORDS_LINE_MAX).is_some() {
        return middles(old, new);
    }
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let diff = TextDiff::from_unicode_words(old, new);
    for change in diff.iter_all_changes() {
        let piece = (change.value(), change.tag() != ChangeTag::Equal);
        match change.tag() {
            ChangeTag::Equal => {
                removed.push(piece);
                added.push(piece);
            }
            ChangeTag::Delete => removed.push(piece),
            ChangeTag::Insert => added.push(piece),
        }
    }
    (joined(removed), joined(added))
}

/// Two lines, with everything between their common ends marked.
fn middles(old: &str, new: &str) -> (Vec<Span>, Vec<Span>) {
    let old: Vec<char> = old.chars().collect();
    let new: Vec<char> = new.chars().collect();
    let (before, after) = common_ends(old.iter(), new.iter());
    let cut = |line: &[char]| {
        let piece = |range: Range<usize>| line[range].iter().collect::<String>();
        let end = line.len() - after;
        let parts = [(piece(0..before), false), (piece(before..end), true), (piece(end..line.len()), false)];
        joined(parts.iter().map(|(text, changed)| (text.as_str(), *changed)).collect())
    };
    (cut(&old), cut(&new))
}

/// Pieces as spans; white space between two changed words counts as changed, so that the mark is one.
fn joined(mut pieces: Vec<(&str, bool)>) -> Vec<Span> {
    for index in 1..pieces.len().saturating_sub(1) {
        let between = pieces[index - 1].1 && pieces[index + 1].1;
        pieces[index].1 |= between && pieces[index].0.chars().all(char::is_whitespace);
    }
    let mut spans: Vec<Span> = Vec::new();
    for (text, changed) in pieces.into_iter().filter(|(text, _)| !text.is_empty()) {
        match spans.last_mut() {
            Some(last) if last.changed == changed => last.text.push_str(text),
            _ => spans.push(Span { text: text.to_owned(), changed }),
        }
    }
    spans
}

/// Leaves [`CONTEXT`] unchanged lines around each change. One line alone is shown: its count would need a line, too.
fn hide_unchanged(all: Vec<Line>) -> Vec<Line> {
    let total = all.len();
    let mut shown = Vec::new();
    let mut run: Vec<Line> = Vec::new();
    for (index, line) in all.into_iter().enumerate() {
        let last = index + 1 == total;
        let same = line.kind == LineKind::Same;
        let changed = if same {
            run.push(line);
            None
        } else {
            Some(line)
        };
        if !same || last {
            let head = if shown.is_empty() { 0 } else { CONTEXT };
            let tail = if same { 0 } else { CONTEXT };
            close(std::mem::take(&mut run), head, tail, &mut shown);
        }
        shown.extend(changed);
    }
    shown
}

fn close(run: Vec<Line>, head: usize, tail: usize, shown: &mut Vec<Line>) {
    let hidden = run.len().saturating_sub(head + tail);
    if hidden < 2 {
        shown.extend(run);
        return;
    }
    for (index, line) in run.into_iter().enumerate() {
        if index == head {
            shown.push(Line { kind: LineKind::Hidden(hidden), spans: Vec::new() });
        }
        if index < head || index >= head + hidden {
            shown.push(line);
        }
    }
}

impl Line {
    /// The whole text of the line.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| &*span.text).collect()
    }
}

/// Lines that go and come and look the same. Nobody compares very long ones by eye.
pub fn twins(lines: &[Line]) -> BTreeSet<String> {
    const LONGEST: usize = 2_000;
    let of =
        |kind| lines.iter().filter(move |line| line.kind == kind).map(Line::text).filter(|text| text.len() <= LONGEST);
    let added: Vec<String> = of(LineKind::Added).collect();
    let mut twins = BTreeSet::new();
    for old in of(LineKind::Removed) {
        if let Some(new) = added.iter().find(|new| look_the_same(&old, new)) {
            twins.extend([new.clone(), old]);
        }
    }
    twins
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A diff as text: changed words in brackets.
    fn drawn(before: &str, after: &str) -> String {
        let mut out = String::new();
        for line in lines(before, after) {
            let text: String = line
                .spans
                .iter()
                .map(|span| if span.changed { format!("[{}]", span.text) } else { span.text.clone() })
                .collect();
            out.push_str(&match line.kind {
                LineKind::Same => format!("  {text}"),
                LineKind::Removed => format!("- {text}"),
                LineKind::Added => format!("+ {text}"),
                LineKind::Hidden(count) => format!("({count} hidden)"),
                LineKind::NewlineAdded => "(newline added)".to_owned(),
                LineKind::NewlineRemoved => "(newline removed)".to_owned(),
            });
            out.push('\n');
        }
        out
    }

    #[test]
    fn changed_words_are_marked_and_far_lines_hidden() {
        let before = "a\nb\nc\nd\ne\nMy order has not shipped\nf\ng\nh\ni\nj\n";
        let after = "a\nb\nc\nd\ne\nMy parcel has not been shipped\nf\ng\nh\ni\nj\n";
        insta::assert_snapshot!(drawn(before, after), @r"
        (2 hidden)
          c
          d
          e
        - My [order] has not shipped
        + My [parcel] has not [been ]shipped
          f
          g
          h
        (2 hidden)
        ");
    }

    #[test]
    fn a_single_line_is_never_replaced_by_its_count() {
        assert_eq!(drawn("a\nb\nc\nd\nold", "a\nb\nc\nd\nnew"), "  a\n  b\n  c\n  d\n- old\n+ new\n");
    }

    #[test]
    fn lines_are_paired_with_what_they_are_like() {
        let before = "the first line is here\nquite another thing\nthe last line is here";
        let after = "the first line was here\nthe last line was here";
        insta::assert_snapshot!(drawn(before, after), @r"
        - the first line [is] here
        + the first line [was] here
        - quite another thing
        - the last line [is] here
        + the last line [was] here
        ");
    }

    #[test]
    fn a_newline_at_the_end_is_a_difference_that_is_said() {
        assert_eq!(drawn("a\nb", "a\nb\n"), "  a\n  b\n(newline added)\n");
        assert_eq!(drawn("a\nb\n", "a\nc"), "  a\n- b\n+ c\n(newline removed)\n");
        assert_eq!(drawn("", "a\n"), "+ a\n");
        assert_eq!(drawn("a\n", "a\n\n"), "  a\n+ \n");
    }

    #[test]
    fn white_space_between_two_changed_words_is_one_mark() {
        assert_eq!(
            drawn("we will call you tomorrow morning", "we will call you next week"),
            "- we will call you [tomorrow morning]\n+ we will call you [next week]\n"
        );
    }

    #[test]
    fn huge_texts_are_compared_by_their_ends() {
        let long = "x ".repeat(500_000);
        let found = lines(&format!("{long}OLD{long}"), &format!("{long}NEW{long}"));
        let marked: Vec<_> = found.iter().flat_map(|line| &line.spans).filter(|span| span.changed).collect();
        assert_eq!(marked.iter().map(|span| span.text.as_str()).collect::<Vec<_>>(), ["OLD", "NEW"]);

        let many = |word: &str| (0..30_000).map(|index| format!("{word} {index}\n")).collect::<String>();
        let found = lines(&format!("same\n{}same\n", many("old")), &format!("same\n{}same\n", many("new")));
        assert_eq!(found.len(), 60_002);
    }
}
