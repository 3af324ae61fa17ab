//! Findings that say the same of many manifests: one of them is enough for a person, with how many there are.

use std::collections::BTreeMap;

use crate::finding::{Finding, Findings, Severity};
use crate::source::Source;

/// Findings with the same words that are each shown.
const SAME_MAX: usize = 3;

/// Findings that differ only in names and numbers, and are each shown.
const SIMILAR_MAX: usize = 10;

/// A finding that is shown, and the places of those that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike<'f> {
    pub finding: &'f Finding,
    /// In the order of the findings; empty if it is the only one, or if all of its kind are shown.
    pub others: Vec<&'f Source>,
}

/// The findings in their order, where many that are alike are one.
pub fn folded(findings: &Findings) -> Vec<Alike<'_>> {
    let words = |finding: &Finding| (finding.severity, finding.code, finding.message.clone());
    let same =
        with_others(findings.iter().map(|finding| Alike { finding, others: Vec::new() }).collect(), SAME_MAX, words);
    with_others(same, SIMILAR_MAX, |finding| (finding.severity, finding.code, frame(&finding.message)))
}

/// The severity, code and words of findings that belong together.
type Key = (Severity, &'static str, String);

/// Makes one of each more than `most` that have the same key.
fn with_others<'f>(all: Vec<Alike<'f>>, most: usize, key: impl Fn(&Finding) -> Key) -> Vec<Alike<'f>> {
    let mut of_key: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (index, alike) in all.iter().enumerate() {
        of_key.entry(key(alike.finding)).or_default().push(index);
    }
    let mut first_of: Vec<usize> = (0..all.len()).collect();
    for indexes in of_key.values().filter(|indexes| indexes.len() > most) {
        indexes.iter().for_each(|index| first_of[*index] = indexes[0]);
    }
    let mut folded: Vec<Option<Alike<'f>>> = Vec::with_capacity(all.len());
    for (index, Alike { finding, others }) in all.into_iter().enumerate() {
        match folded.get_mut(first_of[index]) {
            Some(Some(first)) => {
                first.others.push(&finding.source);
                first.others.extend(others);
                folded.push(None);
            }
            _ => folded.push(Some(Alike { finding, others })),
        }
    }
    folded.into_iter().flatten().collect()
}

/// A message without what differs from manifest to manifest: what is between backticks or quotes, and numbers.
fn frame(message: &str) -> String {
    let mut frame = String::new();
    let mut rest = message.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '`' | '"' if rest.as_str().contains(letter) => {
                frame.push(letter);
                rest.by_ref().find(|other| *other == letter);
                frame.push(letter);
            }
            '0'..='9' if frame.ends_with('0') => {}
            '0'..='9' => frame.push('0'),
            letter => frame.push(letter),
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::code;
    use crate::source::Place;

    fn finding(file: &str, message: &str) -> Finding {
        Finding {
            code: code::UNKNOWN_MEMBER,
            severity: Severity::Error,
            source: Source::new(&Arc::from(file), Place { line: 3, column: 1 }),
            message: message.to_owned(),
            hint: None,
            excerpt: None,
            related: Vec::new(),
        }
    }

    fn of(all: impl IntoIterator<Item = Finding>) -> Findings {
        let mut findings = Findings::default();
        findings.extend(all);
        findings
    }

    /// The message of each, and how many others it is shown for.
    fn shown(findings: &Findings) -> Vec<(&str, usize)> {
        folded(findings).iter().map(|alike| (&*alike.finding.message, alike.others.len())).collect()
    }

    #[test]
    fn more_than_three_with_the_same_words_are_one_and_no_place_is_lost() {
        let many = (0..200).map(|number| finding(&format!("{number:03}.yaml"), "unknown member `subjct`"));
        let findings = of(many.chain([finding("200.yaml", "unknown member `langauge`")]));
        assert_eq!(shown(&findings), [("unknown member `subjct`", 199), ("unknown member `langauge`", 0)]);
        let first = &folded(&findings)[0];
        assert_eq!((&*first.finding.source.file, &*first.others[0].file), ("000.yaml", "001.yaml"));
        let three = of((0..3).map(|_| finding("a.yaml", "unknown member `subjct`")));
        assert_eq!(shown(&three).len(), 3);
    }

    #[test]
    fn many_that_differ_only_in_names_and_numbers_are_one_and_a_few_are_not() {
        let dates =
            |count: u32| of((0..count).map(|day| finding("a.yaml", &format!("`2026-13-{day}` is no date of {day}"))));
        assert_eq!(shown(&dates(10)).len(), 10);
        assert_eq!(shown(&dates(200)), [("`2026-13-0` is no date of 0", 199)]);
        // One of them is written often itself.
        let mut both: Vec<Finding> = dates(12).into_iter().collect();
        both.extend((0..5).map(|_| finding("b.yaml", "`2026-13-3` is no date of 3")));
        assert_eq!(shown(&of(both)), [("`2026-13-0` is no date of 0", 16)]);
    }

    #[test]
    fn a_frame_keeps_what_is_said_and_drops_what_it_is_said_of() {
        assert_eq!(frame("`a` is 12 of \"b c\"; 7`"), "`` is 0 of \"\"; 0`");
        assert_eq!(frame("no such `agent"), "no such `agent");
    }
}
