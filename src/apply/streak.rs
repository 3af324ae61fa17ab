//! What many bad ends in a row say: that going on makes it worse.

use crate::apply::outcome::{Failure, Outcome, Stop};

/// Calls in doubt, one after the other, after which nothing new is sent: Dixa seems to have an incident.
const DOUBTS_MAX: u32 = 5;

/// Equal failures, one after the other, after which nothing new is sent.
const FAILURES_MAX: u32 = 20;

/// How the last changes of a run ended.
#[derive(Debug, Default)]
pub(super) struct Streak {
    doubts: u32,
    failures: u32,
    last: Option<(Option<u16>, String)>,
}

impl Streak {
    /// Takes in the next end; gives back why the run should stop.
    pub(super) fn add(&mut self, outcome: &Outcome) -> Option<Stop> {
        match outcome {
            Outcome::Done { .. } => *self = Streak::default(),
            Outcome::NotAttempted { .. } => {}
            // Dixa has answered, and refused it.
            Outcome::InDoubt { error } if error.is_about_external_id => *self = Streak::default(),
            Outcome::InDoubt { .. } => {
                *self = Streak { doubts: self.doubts + 1, ..Streak::default() };
                if self.doubts >= DOUBTS_MAX {
                    return Some(Stop::Incident);
                }
            }
            Outcome::Failed { id: _, error: Failure { status, message, .. } } => {
                let this = Some((*status, message.clone()));
                let failures = if this == self.last { self.failures + 1 } else { 1 };
                *self = Streak { doubts: 0, failures, last: this };
                if failures >= FAILURES_MAX {
                    return Some(Stop::SameFailure(message.clone()));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Outcome {
        Outcome::Done { id: None, found: false, partial_errors: Vec::new(), warnings: Vec::new() }
    }

    fn doubt() -> Outcome {
        Outcome::InDoubt { error: Failure::new(None, "no answer") }
    }

    fn failed(message: &str) -> Outcome {
        Outcome::Failed { id: None, error: Failure::new(None, message) }
    }

    fn after(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<Option<Stop>> {
        let mut streak = Streak::default();
        outcomes.into_iter().map(|outcome| streak.add(&outcome)).collect()
    }

    #[test]
    fn five_doubts_in_a_row_are_an_incident_unless_there_is_an_answer_in_between() {
        let ends = after([doubt(), doubt(), doubt(), doubt(), done(), doubt(), doubt(), failed("x"), doubt()]);
        assert!(ends.iter().all(Option::is_none), "{ends:?}");
        assert_eq!(after(std::iter::repeat_n(doubt(), 5)).pop(), Some(Some(Stop::Incident)));
    }

    #[test]
    fn twenty_equal_failures_in_a_row_stop_the_run() {
        let ends = after(std::iter::repeat_n(failed("no requester"), 20));
        assert_eq!(ends.iter().filter(|end| end.is_some()).count(), 1);
        assert_eq!(ends.last(), Some(&Some(Stop::SameFailure("no requester".to_owned()))));
        let different = (0..60).map(|number| failed(if number % 19 == 0 { "another" } else { "no requester" }));
        assert!(after(different).iter().all(Option::is_none));
    }
}
