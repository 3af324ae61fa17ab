//! Something to tell the author of a manifest, a project file or a flag.

use crate::source::{Place, Source};

/// Every code that a finding can have. They are stable: scripts and annotations rely on them.
pub mod code {
    /// The file is not UTF-8.
    pub const NOT_UTF8: &str = "not-utf8";
    /// A control character that YAML and JSON don't allow.
    pub const BAD_CHARACTER: &str = "bad-character";
    /// The file is larger than 16 MiB.
    pub const TOO_LARGE: &str = "too-large";
    /// The file is not YAML.
    pub const YAML_SYNTAX: &str = "yaml-syntax";
    /// The file is not JSON.
    pub const JSON_SYNTAX: &str = "json-syntax";
    /// More than 64 levels inside each other.
    pub const TOO_DEEP: &str = "too-deep";
    /// Aliases that would expand to a huge document.
    pub const ALIAS_BUDGET: &str = "alias-budget";
    /// An alias inside its own anchor.
    pub const RECURSIVE_ALIAS: &str = "recursive-alias";
    /// A tag other than those of the core schema.
    pub const UNSUPPORTED_TAG: &str = "unsupported-tag";
    /// A key that is a list or a map.
    pub const COMPLEX_KEY: &str = "complex-key";
    /// A `<<` whose value is not a map or a list of maps.
    pub const BAD_MERGE: &str = "bad-merge";
    /// A key that stands twice in one map.
    pub const DUPLICATE_KEY: &str = "duplicate-key";
    /// More problems than are shown.
    pub const TOO_MANY: &str = "too-many";
    /// A value of another type than the member takes.
    pub const WRONG_TYPE: &str = "wrong-type";
    /// A number or boolean where a string belongs.
    pub const QUOTE_IT: &str = "quote-it";
    /// A number that JSON can't carry exactly.
    pub const BAD_NUMBER: &str = "bad-number";
    /// An empty string or list where something is needed.
    pub const EMPTY_VALUE: &str = "empty-value";
    /// A member that nothing knows.
    pub const UNKNOWN_MEMBER: &str = "unknown-member";
    /// A member of another `_type`.
    pub const MEMBER_OF_OTHER_TYPE: &str = "member-of-other-type";
    /// A required member is missing.
    pub const MISSING_MEMBER: &str = "missing-member";
    /// `_type` is missing.
    pub const MISSING_TYPE: &str = "missing-type";
    /// A `_type` that does not exist here.
    pub const UNKNOWN_TYPE: &str = "unknown-type";
    /// A word that is none of the allowed ones.
    pub const UNKNOWN_WORD: &str = "unknown-word";
    /// Not a uuid.
    pub const BAD_UUID: &str = "bad-uuid";
    /// Not a timestamp as in RFC 3339.
    pub const BAD_TIMESTAMP: &str = "bad-timestamp";
    /// Not an absolute http or https URL.
    pub const BAD_URL: &str = "bad-url";
    /// Not a two-letter language.
    pub const BAD_LANGUAGE: &str = "bad-language";
    /// Not a phone number as in E.164.
    pub const BAD_PHONE_NUMBER: &str = "bad-phone-number";
    /// An apiVersion other than dixaform/v1.
    pub const BAD_API_VERSION: &str = "bad-api-version";
    /// A kind other than Conversation and ConversationImport.
    pub const UNKNOWN_KIND: &str = "unknown-kind";
    /// A name that can't be part of an address.
    pub const BAD_NAME: &str = "bad-name";
    /// A dixaform/ annotation that does not exist.
    pub const UNKNOWN_ANNOTATION: &str = "unknown-annotation";
    /// A dixaform/ annotation with an impossible value.
    pub const BAD_ANNOTATION: &str = "bad-annotation";
    /// Two manifests with one address.
    pub const DUPLICATE_ADDRESS: &str = "duplicate-address";
    /// Two manifests that adopt one conversation.
    pub const DUPLICATE_ADOPT: &str = "duplicate-adopt";
    /// Warning: several manifests with the same body.
    pub const SAME_BODY: &str = "same-body";
    /// Warning: messages that are not in time order.
    pub const MESSAGES_OUT_OF_ORDER: &str = "messages-out-of-order";
    /// Warning: closing before the last message.
    pub const CLOSED_BEFORE_LAST_MESSAGE: &str = "closed-before-last-message";
    /// Warning: a genericChannelName that the documentation doesn't list.
    pub const UNKNOWN_CHANNEL_NAME: &str = "unknown-channel-name";
    /// A setting of the project file with an impossible value.
    pub const BAD_SETTING: &str = "bad-setting";
    /// A custom attribute that the tenant does not define for conversations.
    pub const UNKNOWN_ATTRIBUTE: &str = "unknown-attribute";
    /// A custom attribute that is archived, deactivated or not for conversations.
    pub const UNUSABLE_ATTRIBUTE: &str = "unusable-attribute";
    /// A value that does not fit the definition of its attribute.
    pub const ATTRIBUTE_MISMATCH: &str = "attribute-mismatch";
    /// A call of apply failed.
    pub const CALL_FAILED: &str = "call-failed";
    /// A call of apply began, and its end is not known.
    pub const IN_DOUBT: &str = "in-doubt";
    /// Warning: Dixa made a conversation only in part.
    pub const PARTIAL_ERRORS: &str = "partial-errors";
    /// Warning: what Dixa has is not what was written.
    pub const READS_BACK_OTHERWISE: &str = "reads-back-otherwise";

    /// Every code with what it means, in the order in which they are documented.
    pub const ALL: &[(&str, &str)] = &[
        (NOT_UTF8, "the file is not UTF-8"),
        (BAD_CHARACTER, "a control character that YAML and JSON don't allow"),
        (TOO_LARGE, "the file is larger than 16 MiB"),
        (YAML_SYNTAX, "the file is not YAML"),
        (JSON_SYNTAX, "the file is not JSON"),
        (TOO_DEEP, "more than 64 levels inside each other"),
        (ALIAS_BUDGET, "aliases that would expand to a huge document"),
        (RECURSIVE_ALIAS, "an alias inside its own anchor"),
        (UNSUPPORTED_TAG, "a tag other than those of the core schema"),
        (COMPLEX_KEY, "a key that is a list or a map"),
        (BAD_MERGE, "a `<<` whose value is not a map or a list of maps"),
        (DUPLICATE_KEY, "a key that stands twice in one map"),
        (TOO_MANY, "more problems than are shown"),
        (WRONG_TYPE, "a value of another type than the member takes"),
        (QUOTE_IT, "a number or boolean where a string belongs"),
        (BAD_NUMBER, "a number that JSON can't carry exactly"),
        (EMPTY_VALUE, "an empty string or list where something is needed"),
        (UNKNOWN_MEMBER, "a member that nothing knows"),
        (MEMBER_OF_OTHER_TYPE, "a member of another `_type`"),
        (MISSING_MEMBER, "a required member is missing"),
        (MISSING_TYPE, "`_type` is missing"),
        (UNKNOWN_TYPE, "a `_type` that does not exist here"),
        (UNKNOWN_WORD, "a word that is none of the allowed ones"),
        (BAD_UUID, "not a uuid"),
        (BAD_TIMESTAMP, "not a timestamp as in RFC 3339"),
        (BAD_URL, "not an absolute http or https URL"),
        (BAD_LANGUAGE, "not a two-letter language"),
        (BAD_PHONE_NUMBER, "not a phone number as in E.164"),
        (BAD_API_VERSION, "an apiVersion other than dixaform/v1"),
        (UNKNOWN_KIND, "a kind other than Conversation and ConversationImport"),
        (BAD_NAME, "a name that can't be part of an address"),
        (UNKNOWN_ANNOTATION, "a dixaform/ annotation that does not exist"),
        (BAD_ANNOTATION, "a dixaform/ annotation with an impossible value"),
        (DUPLICATE_ADDRESS, "two manifests with one address"),
        (DUPLICATE_ADOPT, "two manifests that adopt one conversation"),
        (SAME_BODY, "warning: several manifests with the same body"),
        (MESSAGES_OUT_OF_ORDER, "warning: messages that are not in time order"),
        (CLOSED_BEFORE_LAST_MESSAGE, "warning: closing before the last message"),
        (UNKNOWN_CHANNEL_NAME, "warning: a genericChannelName that the documentation doesn't list"),
        (BAD_SETTING, "a setting of the project file with an impossible value"),
        (UNKNOWN_ATTRIBUTE, "a custom attribute that the tenant does not define for conversations"),
        (UNUSABLE_ATTRIBUTE, "a custom attribute that is archived, deactivated or not for conversations"),
        (ATTRIBUTE_MISMATCH, "a value that does not fit the definition of its attribute"),
        (CALL_FAILED, "a call of apply failed"),
        (IN_DOUBT, "a call of apply began, and its end is not known"),
        (PARTIAL_ERRORS, "warning: Dixa made a conversation only in part"),
        (READS_BACK_OTHERWISE, "warning: what Dixa has is not what was written"),
    ];
}

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

/// The line that a finding is about, cut to a bearable length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text of the line, or a window of at most [`Excerpt::WIDTH`] characters around the finding.
    pub text: String,
    /// Characters of the line that were cut off in front.
    pub skipped: u32,
    /// How many characters to underline, at least 1, within `text`.
    pub length: u32,
}

impl Excerpt {
    /// The longest window, in characters; about two lines of a terminal.
    pub const WIDTH: usize = 160;

    /// The line that `place` stands on, underlining up to `end` on the same line, or to the end of the line. None where
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
    /// Stable, in kebab case; scripts may rely on it.
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

/// The known word that is most like `word`, when it is like it at all: for "did you mean".
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (edit_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().max(lower.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, substitute, swap neighbours) between two words. Long words count as far apart.
fn edit_distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    let one: Vec<char> = one.chars().take(LONGEST + 1).collect();
    let other: Vec<char> = other.chars().take(LONGEST + 1).collect();
    if one.len() > LONGEST || other.len() > LONGEST {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
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
