//! Numbers that stand for names and bodies, to look for one of a few among very many. Two that are equal by chance cost
//! time, and nothing else.

use std::collections::HashSet;

use crate::conversation::Kind;
use crate::digest::Digest;

/// Hints at what was read.
#[derive(Debug)]
pub(super) struct Hints {
    /// A bit for the end of each hint; nearly all questions are answered by them.
    ends: Vec<u64>,
    hints: HashSet<u64>,
}

/// Eight kilobytes, which stay in the nearest cache. With a thousand manifests three of a hundred questions go on.
const END_BITS: u32 = 16;

impl Default for Hints {
    fn default() -> Self {
        Hints { ends: vec![0; 1 << (END_BITS - u64::BITS.ilog2())], hints: HashSet::new() }
    }
}

impl Hints {
    /// The word and the bit of a hint's end.
    fn end(hint: u64) -> (usize, u64) {
        let end = hint % (1 << END_BITS);
        ((end / u64::from(u64::BITS)) as usize, 1 << (end % u64::from(u64::BITS)))
    }

    pub fn is_empty(&self) -> bool {
        self.hints.is_empty()
    }

    pub fn insert(&mut self, hint: u64) {
        let (word, bit) = Hints::end(hint);
        self.ends[word] |= bit;
        self.hints.insert(hint);
    }

    /// Whether this was inserted.
    pub fn has(&self, hint: u64) -> bool {
        let (word, bit) = Hints::end(hint);
        self.ends[word] & bit != 0 && self.hints.contains(&hint)
    }
}

/// The hint at a body.
pub(super) fn of_body(kind: Kind, content: &Digest) -> u64 {
    content.start() ^ kind as u64
}

/// The hint at a name.
pub(super) fn of_name(kind: Kind, name: &str) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    const OTHER: u64 = 0xa076_1d64_78bd_642f;
    // Names resemble each other: both halves of the product are needed, or what differs cancels out.
    let fold = |hint: u64, word: u64| {
        let product = u128::from(hint ^ word ^ OTHER) * u128::from(SPREAD);
        (product as u64) ^ (product >> 64) as u64
    };
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = fold(kind as u64, name.len() as u64);
    words.iter().chain([&last]).fold(start, |hint, word| fold(hint, u64::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_there_and_hardly_anything_else() {
        let name = |number: usize| of_name(Kind::Conversation, &format!("late-order-{number:06}"));
        let body = |number: usize| of_body(Kind::Import, &Digest::of_bytes(&number.to_le_bytes()));
        let mut hints = Hints::default();
        assert!(hints.is_empty() && !hints.has(name(0)));
        for number in 0..1_000 {
            hints.insert(name(number));
            hints.insert(body(number));
        }
        assert!((0..1_000).all(|number| hints.has(name(number)) && hints.has(body(number))));
        assert!((1_000..20_000).all(|number| !hints.has(name(number)) && !hints.has(body(number))));
        let ends = hints.ends.iter().map(|word| word.count_ones()).sum::<u32>();
        assert!(ends > 1_900, "names that resemble each other end alike: {ends}");
    }

    #[test]
    fn names_that_resemble_each_other_have_hints_of_their_own() {
        let names = (0..100_000).flat_map(|number| [format!("broken-item-{number:06}"), format!("r{number}")]);
        let all: Vec<u64> = names.flat_map(|name| Kind::ALL.map(|kind| of_name(kind, &name))).collect();
        let different: HashSet<u64> = all.iter().copied().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn a_kind_makes_another_hint() {
        let digest = Digest::of_bytes(b"x");
        for name in ["", "a", "eight-by", "nine-byte"] {
            assert_ne!(of_name(Kind::Conversation, name), of_name(Kind::Import, name));
        }
        assert_ne!(of_body(Kind::Conversation, &digest), of_body(Kind::Import, &digest));
    }
}
