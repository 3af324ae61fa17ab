//! One object of the journal: a line that says whose it is, and then lines of the journal as they are in a file.

use serde::{Deserialize, Serialize};

/// The folder of the journal below the prefix.
pub const FOLDER: &str = "log";

/// Whose a segment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub n: u64,
    pub epoch: u64,
    pub run: String,
    pub nonce: String,
    /// It repeats what is still in doubt of the segments before it, and counts only as the first of all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

#[derive(Serialize, Deserialize)]
struct First {
    segment: Segment,
}

/// The name of a segment. Twelve digits are a segment in each second for 30,000 years.
pub fn key(n: u64) -> String {
    format!("{FOLDER}/{n:012}.jsonl")
}

/// The number in the name of a segment.
pub fn number(key: &str) -> Option<u64> {
    key.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".jsonl")?.parse().ok()
}

impl Segment {
    /// The object, with these whole lines in it.
    pub fn text(&self, lines: &[u8]) -> Vec<u8> {
        let mut text = serde_json::to_vec(&First { segment: self.clone() }).expect("it has texts and numbers");
        text.push(b'\n');
        text.extend_from_slice(lines);
        text
    }

    /// A segment and the lines in it; none if it is no segment.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let First { segment } = serde_json::from_slice(&bytes[..end]).ok()?;
        Some((segment, &bytes[end + 1..]))
    }
}

/// What a segment that is in the way of one's own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTheWay {
    /// It was written before its writer was fenced, and counts.
    Older,
    /// Its writer has taken the state over.
    Newer,
}

/// Judges a segment that is where somebody of this epoch and run wanted to write.
pub fn in_the_way(found: &Segment, epoch: u64, run: &str) -> InTheWay {
    if found.epoch < epoch || (found.epoch == epoch && found.run == run) { InTheWay::Older } else { InTheWay::Newer }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(epoch: u64, run: &str) -> Segment {
        Segment { n: 7, epoch, run: run.into(), nonce: "x".into(), cut: false }
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        for lines in ["", "a\nb\n"] {
            let text = segment(3, "r").text(lines.as_bytes());
            assert_eq!(Segment::read(&text), Some((segment(3, "r"), lines.as_bytes())));
        }
        for text in ["", "a", "{}\n", "{\"segment\":1}\n"] {
            assert_eq!(Segment::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_the_numbers() {
        assert_eq!(key(42), "log/000000000042.jsonl");
        assert_eq!(number("log/000000000042.jsonl"), Some(42));
        for other in ["log/", "log/x.jsonl", "state/1.json", "log/1.json"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn what_was_written_before_a_fence_counts_and_what_a_newer_run_wrote_is_one() {
        assert_eq!(in_the_way(&segment(2, "old"), 3, "me"), InTheWay::Older);
        assert_eq!(in_the_way(&segment(3, "me"), 3, "me"), InTheWay::Older);
        assert_eq!(in_the_way(&segment(3, "other"), 3, "me"), InTheWay::Newer);
        assert_eq!(in_the_way(&segment(4, "other"), 3, "me"), InTheWay::Newer);
    }
}
