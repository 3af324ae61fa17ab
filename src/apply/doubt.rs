//! What is believed of a call whose end is not known, from what was seen of it so far. Pure: time comes in as data.
//!
//! Dixa can be slow and its lists can lag, so "not found" has to be earned: enough time since the call left, two looks,
//! and lists that show something made later. What would reach a customer is never believed absent by a machine.

use std::time::Duration;

use crate::conversation::Id;
use crate::journal::Heard;

/// How long it takes to believe that nothing was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long Dixa may need to show what it has made: the time between two looks, and after the last moment at which
    /// a call can have been carried out.
    pub settle: Duration,
    /// How long a call may be on its way.
    pub request_timeout: Duration,
    /// The age from which a call is over that had no answer, and that takes the place of lists seen to be current where
    /// nothing was made later.
    pub alone: Duration,
}

impl Patience {
    /// [`Patience::alone`] unless something else is asked for.
    pub const ALONE: Duration = Duration::from_secs(120);

    /// The age from which "not found" is believed, if it ever is.
    pub fn age_to_believe(&self, heard: Heard, lists: Lists) -> Option<Duration> {
        let carried_out = self.request_timeout.saturating_add(self.settle);
        match (heard, lists) {
            (Heard::Made, _) => None,
            // This call made nothing, so it is not waited for.
            (Heard::Duplicate | Heard::Before, _) => Some(self.settle),
            (_, Lists::Behind) => None,
            (Heard::Error, Lists::Current) => Some(carried_out),
            // Without an answer Dixa may still be carrying it out, and current lists say nothing about that.
            (Heard::Nothing, _) | (Heard::Error, Lists::Unknown) => Some(carried_out.max(self.alone)),
        }
    }

    /// How long after a call has left a conversation without a mark may be made and still be taken for its own.
    pub fn latest(&self) -> Duration {
        self.request_timeout.saturating_add(Self::ALONE)
    }

    /// The age at which a machine stops looking: nothing that it waits for comes later.
    pub fn age_to_give_up(&self) -> Duration {
        self.request_timeout.saturating_add(self.settle).max(self.alone).saturating_add(self.settle)
    }
}

/// Whether the tenant's lists show what was made after the call in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// They show what was made when the call was over.
    Current,
    /// Something that was made after the call left is not shown.
    Behind,
    /// Nothing is known to have been made after the call was over.
    Unknown,
}

/// What was seen of one call in doubt, as of the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The time between the moment at which the call left and the beginning of the last look.
    pub age: Duration,
    pub heard: Heard,
    /// Sent again it would be a second message to a customer.
    pub reaches_customer: bool,
    /// This run has sent it a second time already.
    pub sent_again: bool,
    /// Looks that could read everything and found nothing, each at least [`Patience::settle`] after the one before.
    pub looks_in_vain: u32,
    pub lists: Lists,
    /// What could be it, and whether it surely is: it has the mark of the call, or everything that both sides know is
    /// equal.
    pub found: Vec<(Id, bool)>,
    /// Another call in doubt could have made the same.
    pub rival: bool,
}

/// What is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// The call made this conversation.
    Made(Id),
    /// It made none.
    Absent,
    /// Nobody can say yet, or ever.
    Open,
    /// Only a person can say.
    Question,
}

/// Looks that have to find nothing before that is believed.
pub(super) const LOOKS_MIN: u32 = 2;

/// What to believe.
pub fn judge(seen: &Seen, patience: Patience) -> Belief {
    match seen.found.as_slice() {
        [(id, true)] if !seen.rival && seen.heard != Heard::Before => Belief::Made(*id),
        [_, ..] => Belief::Question,
        [] => {
            let is_old_enough = patience.age_to_believe(seen.heard, seen.lists).is_some_and(|age| seen.age >= age);
            if seen.looks_in_vain < LOOKS_MIN || !is_old_enough {
                Belief::Open
            } else if seen.heard == Heard::Duplicate {
                Belief::Absent
            } else if seen.reaches_customer {
                Belief::Question
            } else if seen.sent_again {
                Belief::Open
            } else {
                Belief::Absent
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: Patience =
        Patience { settle: Duration::from_secs(5), request_timeout: Duration::from_secs(30), alone: Patience::ALONE };

    fn unseen(age: u64) -> Seen {
        Seen {
            age: Duration::from_secs(age),
            heard: Heard::Nothing,
            reaches_customer: false,
            sent_again: false,
            looks_in_vain: 2,
            lists: Lists::Unknown,
            found: Vec::new(),
            rival: false,
        }
    }

    fn any_seen() -> impl Strategy<Value = Seen> {
        let heard = prop::sample::select(Heard::ALL.to_vec());
        let lists = prop::sample::select(vec![Lists::Current, Lists::Behind, Lists::Unknown]);
        let found = prop::collection::vec((1i64..9, any::<bool>()), 0..4);
        let rest = (any::<bool>(), any::<bool>(), any::<bool>(), 0u32..4);
        (0u64..200, heard, lists, found, rest).prop_map(|(age, heard, lists, found, rest)| {
            let (reaches_customer, sent_again, rival, looks_in_vain) = rest;
            let found = found.into_iter().map(|(id, surely)| (Id::conversation(id), surely)).collect();
            Seen { heard, reaches_customer, sent_again, looks_in_vain, lists, found, rival, ..unseen(age) }
        })
    }

    #[test]
    fn nothing_found_is_believed_after_the_time_that_a_call_and_the_lists_may_take() {
        let (nothing, error) = (Heard::Nothing, Heard::Error);
        for (heard, lists, age, belief) in [
            (error, Lists::Current, 34, Belief::Open),
            (error, Lists::Current, 35, Belief::Absent),
            (error, Lists::Unknown, 119, Belief::Open),
            (error, Lists::Unknown, 120, Belief::Absent),
            (error, Lists::Behind, 10_000, Belief::Open),
            (nothing, Lists::Current, 119, Belief::Open),
            (nothing, Lists::Current, 120, Belief::Absent),
            (nothing, Lists::Unknown, 120, Belief::Absent),
            (nothing, Lists::Behind, 10_000, Belief::Open),
        ] {
            assert_eq!(judge(&Seen { heard, lists, ..unseen(age) }, PATIENCE), belief, "{heard:?} {lists:?} {age} s");
        }
        assert_eq!(judge(&Seen { looks_in_vain: 1, ..unseen(10_000) }, PATIENCE), Belief::Open);
    }

    #[test]
    fn a_refused_duplicate_is_looked_for_within_the_time_to_settle_only() {
        let duplicate = |age| Seen { heard: Heard::Duplicate, lists: Lists::Behind, ..unseen(age) };
        assert_eq!(judge(&duplicate(4), PATIENCE), Belief::Open);
        assert_eq!(judge(&duplicate(5), PATIENCE), Belief::Absent);
        assert_eq!(judge(&Seen { reaches_customer: true, ..duplicate(5) }, PATIENCE), Belief::Absent);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_reaches_a_customer_or_was_answered_with_success_is_never_believed_absent(seen in any_seen()) {
            let may_repeat = seen.heard == Heard::Duplicate || (!seen.reaches_customer && seen.heard != Heard::Made);
            prop_assert!(may_repeat || judge(&seen, PATIENCE) != Belief::Absent);
        }

        #[test]
        fn whatever_could_be_it_keeps_a_call_from_being_believed_absent(seen in any_seen()) {
            prop_assert!(seen.found.is_empty() || judge(&seen, PATIENCE) != Belief::Absent);
        }

        #[test]
        fn nothing_is_taken_that_only_perhaps_fits_or_has_a_rival(seen in any_seen()) {
            if let Belief::Made(id) = judge(&seen, PATIENCE) {
                prop_assert_eq!(seen.found.clone(), vec![(id, true)]);
                prop_assert!(!seen.rival);
            }
        }

        #[test]
        fn more_time_and_more_looks_never_take_back_what_was_believed(seen in any_seen(), more in 0u64..500) {
            let later = Seen {
                age: seen.age + Duration::from_secs(more),
                looks_in_vain: seen.looks_in_vain + 1,
                ..seen.clone()
            };
            let (before, after) = (judge(&seen, PATIENCE), judge(&later, PATIENCE));
            prop_assert!(before == after || before == Belief::Open);
        }

        #[test]
        fn no_call_is_sent_twice_more_in_a_run(seen in any_seen()) {
            let again = Seen { sent_again: true, ..seen.clone() };
            prop_assert!(judge(&again, PATIENCE) != Belief::Absent || seen.heard == Heard::Duplicate);
        }

        #[test]
        fn after_the_age_to_give_up_time_alone_changes_nothing(seen in any_seen(), more in 0u64..500) {
            let at_the_end = Seen { age: PATIENCE.age_to_give_up(), ..seen };
            let later = Seen { age: at_the_end.age + Duration::from_secs(more), ..at_the_end.clone() };
            prop_assert_eq!(judge(&at_the_end, PATIENCE), judge(&later, PATIENCE));
        }
    }
}
