//! How an apply ended, as data.

use std::collections::HashMap;

use crate::api::contract::CallError;
use crate::call::Call;
use crate::conversation::{Address, Id};
use crate::plan::{Action, Change, Step};
use crate::source::Source;

/// How one change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All its calls were answered with success.
    Done {
        /// None after forget.
        id: Option<Id>,
        /// The answer to its POST was lost, and the conversation was found by looking.
        found: bool,
        /// What Dixa could not do while making it (201 with `partialErrors`).
        partial_errors: Vec<String>,
        /// What is odd but no failure, such as a value that is still there after it was cleared.
        warnings: Vec<String>,
    },
    /// A call failed for certain. What was done before it is in the state.
    Failed {
        /// The conversation, if it exists by now.
        id: Option<Id>,
        error: Failure,
    },
    /// A POST began and its end is unknown. It is never sent again before that is settled.
    InDoubt { error: Failure },
    /// Not begun, because the run was stopped, or because the end user that it needs was not made.
    NotAttempted { needs: Option<Address> },
}

/// Why a call failed, in words that a person can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// None when it was the journal that could not be written.
    pub call: Option<Call>,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Dixa's own message, or what went wrong on the way.
    pub message: String,
    /// Dixa refused it with a text that speaks of an external id, so that there may be a conversation with ours.
    pub is_about_external_id: bool,
}

impl Failure {
    /// A failure without an answer.
    pub fn new(call: Option<Call>, message: impl Into<String>) -> Self {
        Failure { call, status: None, message: message.into(), is_about_external_id: false }
    }

    /// What a call was answered with, or what went wrong on the way.
    pub fn of(call: Call, error: &CallError) -> Self {
        let (status, message) = (error.status(), error.message().to_owned());
        Failure { call: Some(call), status, message, is_about_external_id: error.is_about_external_id() }
    }

    /// What failed: `POST /v1/conversations`.
    pub fn what(&self) -> String {
        self.call.as_ref().map_or_else(|| "writing the journal".to_owned(), Call::to_string)
    }
}

/// How one change ended, with what is needed to point at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeOutcome {
    pub address: Address,
    pub action: Action,
    /// The address from which its record has moved, before the first call.
    pub moved: Option<Address>,
    pub source: Option<Source>,
    pub outcome: Outcome,
}

/// Why a run ended before its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// 401 or 403: the token is refused.
    Unauthorized(String),
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// The journal or the state could not be written.
    Storage(String),
    /// Another run has taken over the state.
    Fenced(String),
    /// Several calls in a row ended in doubt.
    Incident,
    /// Many changes in a row failed with this message.
    SameFailure(String),
    /// Nothing was begun: the plan was refused, or what has to be found out before the first write failed. Holds why.
    NotBegun(String),
}

impl Stop {
    /// Every word of [`Stop::word`].
    pub const WORDS: [&str; 7] =
        ["token-refused", "interrupted", "storage", "fenced", "incident", "same-failure", "not-begun"];

    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Stop::Unauthorized(_) => "token-refused",
            Stop::Interrupted => "interrupted",
            Stop::Storage(_) => "storage",
            Stop::Fenced(_) => "fenced",
            Stop::Incident => "incident",
            Stop::SameFailure(_) => "same-failure",
            Stop::NotBegun(_) => "not-begun",
        }
    }
}

/// All outcomes of an apply, in the order of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    pub outcomes: Vec<ChangeOutcome>,
    pub stop: Option<Stop>,
    pub counts: Counts,
}

/// The counts of a report. Renderers take them from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "counts")]
pub struct Counts {
    pub created: usize,
    pub imported: usize,
    pub updated: usize,
    pub replaced: usize,
    pub adopted: usize,
    /// Records that have another address, whatever else became of the change.
    pub moved: usize,
    /// Of these, how many nothing else was to be done to.
    #[serde(skip)]
    pub only_moved: usize,
    pub forgotten: usize,
    pub failed: usize,
    pub in_doubt: usize,
    pub not_attempted: usize,
    /// Changes that were done with partial errors.
    pub partial: usize,
    /// Changes that failed after something of them was done and recorded.
    pub half_done: usize,
}

impl Counts {
    /// How many changes of this action were done: together, all that were.
    pub fn done(&self, action: Action) -> usize {
        match action {
            Action::Create => self.created,
            Action::Import => self.imported,
            Action::Update => self.updated,
            Action::Replace => self.replaced,
            Action::Adopt => self.adopted,
            Action::Move => self.only_moved,
            Action::Forget => self.forgotten,
        }
    }

    /// The number in "2 moved": a change that has moved and was to do something else counts here too.
    pub fn in_words(&self, action: Action) -> usize {
        if action == Action::Move { self.moved } else { self.done(action) }
    }

    /// Changes that something was sent for, or may have been.
    pub fn all_attempted(&self) -> usize {
        self.all_done() + self.failed + self.in_doubt
    }

    /// Changes that were done, whatever their action.
    pub fn all_done(&self) -> usize {
        Action::ALL.into_iter().map(|action| self.done(action)).sum()
    }
}

impl ChangeOutcome {
    pub fn of(change: &Change, outcome: Outcome) -> Self {
        let Change { address, action, source, .. } = change;
        let moved = change.moved().cloned();
        ChangeOutcome { address: address.clone(), action: *action, moved, source: source.clone(), outcome }
    }
}

impl Outcome {
    /// Every word of [`Outcome::word`].
    pub const WORDS: [&str; 4] = ["done", "failed", "in-doubt", "not-attempted"];

    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Done { .. } => "done",
            Outcome::Failed { .. } => "failed",
            Outcome::InDoubt { .. } => "in-doubt",
            Outcome::NotAttempted { .. } => "not-attempted",
        }
    }

    /// The end of a change whose record has moved, and that does nothing else.
    pub fn moved(change: &Change) -> Self {
        Outcome::Done { id: change.id, found: false, partial_errors: Vec::new(), warnings: Vec::new() }
    }

    /// The end of a change that was not begun because the run stopped. Its conversation may be there all the same: an
    /// earlier pass has sent for it, and found what became of that.
    pub fn not_begun(change: &Change) -> Self {
        let is_made = change.action.makes() && !change.steps.iter().any(|step| matches!(step, Step::Make(_)));
        let Some(id) = change.id.filter(|_| is_made) else { return Outcome::NotAttempted { needs: None } };
        let mut calls = change.steps.iter().map(|step| step.call(id.into()));
        let Some(call) = calls.find(Call::writes) else {
            return Outcome::Done { id: Some(id), found: true, partial_errors: Vec::new(), warnings: Vec::new() };
        };
        let message = format!("the run stopped before its {}", call.sets().join(" "));
        let error = Failure::new(Some(call), message);
        Outcome::Failed { id: Some(id), error }
    }

    /// The end of a change that was left in flight because the run had to stop at once. `known` is the conversation
    /// that its address has by now: another one than before says that the POST was answered, and the rest was not.
    pub fn left_in_flight(change: &Change, known: Option<Id>, in_doubt: bool) -> Self {
        let makes = change.steps.iter().any(|step| matches!(step, Step::Make(_)));
        let made = known.filter(|id| makes && change.id != Some(*id));
        let next = change.calls().nth(usize::from(made.is_some()));
        let error = Failure::new(next, "the run stopped before the answer came");
        if in_doubt {
            Outcome::InDoubt { error }
        } else if makes && made.is_none() {
            // It waited for its turn, or for a read; nothing was sent.
            Outcome::NotAttempted { needs: None }
        } else {
            Outcome::Failed { id: made.or(change.id), error }
        }
    }
}

impl ApplyReport {
    /// Counts outcomes once, for every renderer.
    pub fn new(outcomes: Vec<ChangeOutcome>, stop: Option<Stop>) -> Self {
        let mut counts = Counts::default();
        for ChangeOutcome { address: _, action, moved, source: _, outcome } in &outcomes {
            counts.moved += usize::from(moved.is_some());
            let slot = match outcome {
                Outcome::Done { partial_errors, .. } => {
                    counts.partial += usize::from(!partial_errors.is_empty());
                    match action {
                        Action::Create => &mut counts.created,
                        Action::Import => &mut counts.imported,
                        Action::Update => &mut counts.updated,
                        Action::Replace => &mut counts.replaced,
                        Action::Adopt => &mut counts.adopted,
                        Action::Move => &mut counts.only_moved,
                        Action::Forget => &mut counts.forgotten,
                    }
                }
                Outcome::Failed { id, error: _ } => {
                    counts.half_done += usize::from(action.makes() && id.is_some());
                    &mut counts.failed
                }
                Outcome::InDoubt { .. } => &mut counts.in_doubt,
                Outcome::NotAttempted { .. } => &mut counts.not_attempted,
            };
            *slot += 1;
        }
        ApplyReport { outcomes, stop, counts }
    }

    /// The report of a plan, or of what was left of one, of which nothing was begun.
    pub fn not_begun(changes: &[Change], stop: Option<Stop>) -> Self {
        let not_begun = |change| ChangeOutcome { moved: None, ..ChangeOutcome::of(change, Outcome::not_begun(change)) };
        ApplyReport::new(changes.iter().map(not_begun).collect(), stop)
    }

    /// This report, and behind it that of the changes after it.
    pub fn and(self, next: ApplyReport) -> Self {
        let outcomes = self.outcomes.into_iter().chain(next.outcomes).collect();
        ApplyReport::new(outcomes, self.stop.or(next.stop))
    }

    /// This report with the outcomes of a later pass over some of its changes.
    pub fn with(self, later: ApplyReport) -> Self {
        let mut outcomes = self.outcomes;
        let mut later_outcomes: HashMap<Address, ChangeOutcome> =
            later.outcomes.into_iter().map(|ended| (ended.address.clone(), ended)).collect();
        for slot in &mut outcomes {
            if let Some(ended) = later_outcomes.remove(&slot.address) {
                *slot = ChangeOutcome { moved: slot.moved.take(), ..ended };
            }
        }
        ApplyReport::new(outcomes, later.stop.or(self.stop))
    }

    /// Whether every change was done.
    pub fn is_complete(&self) -> bool {
        self.stop.is_none() && self.counts.failed + self.counts.in_doubt + self.counts.not_attempted == 0
    }
}
