//! Findings: what is wrong or suspicious in a manifest, a project file or a flag.

use crate::source::{Place, Source};

pub mod code;

/// How bad a finding is. Errors stop a command; warnings do with `--warnings-as-errors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// The line that a finding is about, cut to a readable length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text of the line, or a window of at most [`Excerpt::WIDTH`] characters around the finding.
    pub text: String,
    /// How many characters of the line were cut off at its beginning.
    pub skipped: u32,
    /// How many characters to underline, at least 1, within `text`.
    pub length: u32,
}

impl Excerpt {
    /// The longest window, in characters; about two lines of a terminal.
    pub const WIDTH: usize = 160;

    /// The line that `place` is on, underlining up to `end` on the same line, or to the end of the line. None if
    /// the place is beyond the end of the line.
    pub fn of(line: &str, place: Place, end: Place) -> Option<Self> {
        let line = line.trim_end();
        let column = place.column.saturating_sub(1) as usize;
        let skipped = if line.chars().count() > Excerpt::WIDTH { column.saturating_sub(Excerpt::WIDTH / 3) } else { 0 };
        let window: String = line.chars().skip(skipped).take(Excerpt::WIDTH).collect();
        let room = window.chars().count().saturating_sub(column - skipped);
        let wanted = if end.line == place.line { end.column.saturating_sub(place.column) as usize } else { room };
        (!window.is_empty()).then(|| Excerpt {
            text: window,
            skipped: skipped as u32,
            length: wanted.min(room).max(1) as u32,
        })
    }
}

/// One thing that is wrong or suspicious, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One of [`code`].
    pub code: &'static str,
    pub severity: Severity,
    pub source: Source,
    /// A lower-case fragment without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    pub excerpt: Option<Excerpt>,
    /// Other places that matter, each with a word on why.
    pub related: Vec<(Source, String)>,
}

/// Findings of a whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub fn extend(&mut self, others: impl IntoIterator<Item = Finding>) {
        self.0.extend(others);
    }

    /// Sorts by file, place, severity and code, and drops exact repetitions (one anchor read through many aliases).
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| {
            (&a.source, a.severity, a.code, &a.message).cmp(&(&b.source, b.severity, b.code, &b.message))
        });
        self.0.dedup();
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Finding> {
        self.0.iter_mut()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|finding| finding.severity == severity).count()
    }

    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The known word that is most like `word`, if any is: for "did you mean". A very long word is like none.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known
        .into_iter()
        .filter_map(|candidate| Some((distance(word, candidate, |longer| 1 + longer / 4)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// How far a known word is from `word`, if that is at most what `at_most` says for the length of the longer one.
fn distance(word: &str, known: &str, at_most: impl Fn(usize) -> usize) -> Option<usize> {
    const LONGEST: usize = 64;
    let longer = word.chars().count().max(known.chars().count());
    if longer > LONGEST {
        return None;
    }
    let distance = strsim::osa_distance(&word.to_lowercase(), &known.to_lowercase());
    (distance <= at_most(longer)).then_some(distance)
}

/// The known words that are like `word`, the nearest first: three at most, without repetitions. Those that begin with
/// it are near, too.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    nearest_by(word, known, |known| known)
}

/// [`nearest`], by a part of each known word.
pub fn nearest_by<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    part: impl Fn(&'a str) -> &'a str,
) -> Vec<&'a str> {
    const MOST: usize = 3;
    // A word of one letter begins too many others.
    let begins = |known: &str| word.len() > 1 && known.starts_with(word);
    let mut near: Vec<(usize, &str)> = Vec::new();
    for candidate in known {
        let known = part(candidate);
        let begun = || begins(known).then(|| known.len() - word.len());
        // Of short names, many differ in two letters and are other words.
        let at_most = |longer: usize| (longer / 3).max(1);
        let Some(distance) = distance(word, known, at_most).or_else(begun) else { continue };
        if near.iter().all(|(_, other)| *other != candidate) {
            let place = near.partition_point(|other| *other <= (distance, candidate));
            near.insert(place, (distance, candidate));
            near.truncate(MOST);
        }
    }
    near.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["requesterId", "subject", "language", "message"];
        assert_eq!(closest("requestrId", known), Some("requesterId"));
        assert_eq!(closest("requesterID", known), Some("requesterId"));
        assert_eq!(closest("sujbect", known), Some("subject"));
        assert_eq!(closest("colour", known), None);
        assert_eq!(closest(&"x".repeat(1000), known), None);
    }

    #[test]
    fn the_nearest_words_come_first_and_without_repetitions_and_no_other_word_is_near() {
        let known = ["a", "orders", "late-order", "order", "order", "lost", "jane"];
        assert_eq!(nearest("oder", known), ["order", "orders"]);
        assert_eq!(nearest("late", known), ["late-order"]);
        assert_eq!(nearest("list", known), ["lost"]);
        assert_eq!(nearest("stove", known), Vec::<&str>::new());
        assert_eq!(nearest("x", []), Vec::<&str>::new());
    }

    #[test]
    fn the_excerpt_of_a_very_long_line_is_a_window_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(1000), "b".repeat(1000));
        let excerpt =
            Excerpt::of(&line, Place { line: 1, column: 1001 }, Place { line: 1, column: 1005 }).expect("a line");
        let shown: Vec<char> = excerpt.text.chars().collect();
        let from = 1000 - excerpt.skipped as usize;
        assert_eq!(shown[from..from + excerpt.length as usize].iter().collect::<String>(), "HERE");
        assert!(shown.len() <= Excerpt::WIDTH);
    }
}
