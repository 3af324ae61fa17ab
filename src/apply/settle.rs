//! Finding out what became of calls whose answers were lost: looking at the tenant until each is certain, clearly a
//! question for a person, or nothing more can be learned by waiting.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::api::contract::{CallError, Read};
use crate::apply::doubt::{Belief, LOOKS_MIN, Lists, Patience, Seen, judge};
use crate::apply::job::Clock;
use crate::apply::look::{self, Candidate, Found, Known, Looker};
use crate::conversation::{Address, Id};
use crate::journal::{Heard, InDoubt, Intent};

/// What became of a call in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It made this conversation.
    Made(Id),
    /// It surely made none.
    NotMade,
    /// A person has to say; holds why.
    Question(Question),
    /// Nobody can say yet, and it stays in doubt; holds why.
    Open(String),
}

/// Why a person has to say what a call in doubt has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// These conversations could be it.
    Which(Vec<Candidate>),
    /// None was found. Sent again it could reach the customer twice.
    ReachesCustomer,
    /// There is nothing by which it could be found.
    Unfindable,
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::Which(candidates) => {
                let named: Vec<String> = candidates.iter().map(ToString::to_string).collect();
                write!(out, "it could be any of {}", named.join(", "))
            }
            Question::Unfindable => out.write_str(
                "it has nothing by which it could be found, neither an external id nor an address or number, and is not \
                 sent again by itself",
            ),
            Question::ReachesCustomer => out.write_str(
                "no conversation was found, and it is not sent again by itself, because it reaches a customer",
            ),
        }
    }
}

/// What looking needs.
#[derive(Debug)]
pub struct Settling<'a, A, C> {
    pub api: &'a A,
    pub clock: &'a C,
    /// When the calls were sent at the latest, if the journal may say that by the clock of another machine.
    pub sent: Option<SentBefore>,
    pub patience: Patience,
    pub known: Known,
    /// Addresses that this run has sent a second call for.
    pub sent_again: &'a BTreeSet<Address>,
}

/// What was found out.
pub struct Settled {
    /// One for each call, in their order. A call that can't be looked for is an error of its own.
    pub verdicts: Vec<Result<Verdict, CallError>>,
    /// Conversations that have the mark of a record that has another.
    pub doubles: Vec<(Address, Id)>,
}

/// A pause between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The calls that are looked for again after it.
    pub calls: usize,
    pub wait: Duration,
    /// How long all the looking can take from now on.
    pub at_most: Duration,
}

impl<A: Read, C: Clock> Settling<'_, A, C> {
    /// Looks for all of them. `all` is everything that is in doubt, whether it is to be settled now or not.
    pub async fn settle(self, in_doubt: &[InDoubt], all: &[InDoubt], listen: &dyn Fn(Pause)) -> Settled {
        let began = tokio::time::Instant::now();
        let mut looker = Looker::new(self.api, self.known);
        // Clocks of machines may differ: a wrong one may cost time, and never makes a call older than the store says.
        let sent = self.sent.map(SentBefore::age);
        let of_journal = |doubt: &InDoubt| age(&doubt.intent, self.clock);
        // Whether a record was made after the call left, machines whose clocks differ can't say.
        let known_lists = |lists| if sent.is_some() && lists == Lists::Current { Lists::Unknown } else { lists };
        let ages: Vec<Option<Duration>> =
            in_doubt.iter().map(|doubt| sent.map(|sent| sent.min(of_journal(doubt)))).collect();
        let mut cases: Vec<Case> =
            in_doubt.iter().map(|doubt| Case::new(doubt, all, self.sent_again.contains(&doubt.address))).collect();
        loop {
            looker.look_again();
            let open = cases.iter_mut().zip(in_doubt.iter().zip(&ages)).filter(|(case, _)| !case.is_over());
            for (case, (doubt, at_first)) in open {
                case.seen.age = at_first.map_or_else(|| of_journal(doubt), |age| age + began.elapsed());
                let found = looker.at(doubt, self.patience).await;
                let found = found.map(|found| Found { lists: known_lists(found.lists), ..found });
                if let Some(id) = case.look(found, self.patience) {
                    looker.take(id);
                }
            }
            let left: Vec<&Case> = cases.iter().filter(|case| !case.is_over()).collect();
            let Some(wait) = left.iter().filter_map(|case| case.wait(self.patience, began.elapsed())).min() else {
                break;
            };
            let at_most = left.iter().map(|case| self.patience.age_to_give_up().saturating_sub(case.seen.age)).max();
            listen(Pause { calls: left.len(), wait, at_most: at_most.unwrap_or(wait).max(wait) });
            tokio::time::sleep(wait).await;
        }
        let verdicts = cases.into_iter().map(Case::verdict).collect();
        Settled { verdicts, doubles: looker.doubles().collect() }
    }
}

/// When calls were sent at the latest, whoever sent them.
#[derive(Clone, Copy, Debug)]
pub struct SentBefore(tokio::time::Instant, Duration);

impl SentBefore {
    /// This long ago, or longer.
    pub fn ago(duration: Duration) -> Self {
        SentBefore(tokio::time::Instant::now(), duration)
    }

    /// How long ago that is by now.
    pub fn age(self) -> Duration {
        self.0.elapsed().saturating_add(self.1)
    }
}

/// The time since a call left this machine, or may have left it.
fn age(intent: &Intent, clock: &impl Clock) -> Duration {
    let parsed = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let age = parsed(&clock.now()).zip(parsed(&intent.at)).map(|(now, left)| now.duration_since(left));
    age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default()
}

/// Whether another call in doubt could have made the same conversation: the requester is the same, and so is the mark,
/// or this one has none and would take whatever is new. One conversation then may be either's, and a machine does not
/// guess.
fn has_rival(in_doubt: &InDoubt, all: &[InDoubt]) -> bool {
    let Intent { requester, marker, .. } = &in_doubt.intent;
    let same_requester = |other: &Intent| match (&other.requester, requester) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    let like = |other: &Intent| same_requester(other) && (marker.is_none() || other.marker == *marker);
    all.iter().any(|other| other.seq != in_doubt.seq && like(&other.intent))
}

/// Looks in a row that tell nothing, after which there is no other.
const ERRORS_MAX: u32 = 4;

/// One call, and what the looks so far say of it.
struct Case {
    seen: Seen,
    belief: Belief,
    candidates: Vec<Candidate>,
    /// See [`Found`].
    is_unfindable: bool,
    /// Looks in a row that tell nothing.
    errors: u32,
    /// Why the last look tells nothing.
    error: Option<CallError>,
}

impl Case {
    fn new(doubt: &InDoubt, all: &[InDoubt], sent_again: bool) -> Self {
        let seen = Seen {
            age: Duration::ZERO,
            heard: doubt.heard,
            reaches_customer: look::described(doubt).reaches_customer(),
            sent_again,
            looks_in_vain: 0,
            lists: Lists::Unknown,
            found: Vec::new(),
            rival: has_rival(doubt, all),
        };
        Case { seen, belief: Belief::Open, candidates: Vec::new(), is_unfindable: false, errors: 0, error: None }
    }

    fn is_over(&self) -> bool {
        self.belief != Belief::Open || matches!(self.error, Some(CallError::Unauthorized { .. }))
    }

    /// Takes in another look; gives back what was made, if that is known now.
    fn look(&mut self, found: Result<Found, CallError>, patience: Patience) -> Option<Id> {
        let Found { candidates, lists, is_unfindable } = match found {
            Ok(found) => found,
            Err(error) => {
                self.error = Some(error);
                self.errors += 1;
                return None;
            }
        };
        (self.error, self.errors) = (None, 0);
        self.seen.lists = lists;
        self.seen.looks_in_vain += u32::from(candidates.is_empty());
        self.seen.found = candidates.iter().map(|(candidate, fit)| (candidate.id, *fit)).collect();
        self.candidates = candidates.into_iter().map(|(candidate, _)| candidate).collect();
        self.is_unfindable = is_unfindable;
        self.belief = if is_unfindable { Belief::Question } else { judge(&self.seen, patience) };
        match self.belief {
            Belief::Made(id) => Some(id),
            Belief::Absent | Belief::Open | Belief::Question => None,
        }
    }

    /// The time until another look can say more: soon at first, since a list lags for seconds most of the time, and
    /// less and less often. None when it is too late for that.
    fn wait(&self, patience: Patience, looked_for: Duration) -> Option<Duration> {
        let left = patience.age_to_give_up().checked_sub(self.seen.age).filter(|left| !left.is_zero());
        if self.errors >= ERRORS_MAX || left.is_none() && self.seen.looks_in_vain >= LOOKS_MIN {
            return None;
        }
        let believed = patience.age_to_believe(self.seen.heard, self.seen.lists);
        let until_believed = believed.map(|age| age.saturating_sub(self.seen.age)).filter(|until| !until.is_zero());
        let wait = until_believed.map_or(looked_for, |until| until.min(looked_for));
        Some(wait.max(patience.settle).max(Duration::from_millis(1)))
    }

    fn verdict(self) -> Result<Verdict, CallError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        Ok(match self.belief {
            Belief::Made(id) => Verdict::Made(id),
            Belief::Absent => Verdict::NotMade,
            Belief::Question if self.is_unfindable => Verdict::Question(Question::Unfindable),
            Belief::Question if self.candidates.is_empty() => Verdict::Question(Question::ReachesCustomer),
            Belief::Question => Verdict::Question(Question::Which(self.candidates)),
            Belief::Open => Verdict::Open(self.why_open().to_owned()),
        })
    }

    fn why_open(&self) -> &'static str {
        match (self.seen.heard, self.seen.lists) {
            (Heard::Made, _) => "Dixa says that it was made, and no list shows it yet",
            (_, Lists::Behind) => "Dixa's lists lag behind: what was made later is not in them yet",
            _ if self.seen.sent_again => "it was sent again once, and no list shows it yet",
            _ => "nobody can say yet",
        }
    }
}
