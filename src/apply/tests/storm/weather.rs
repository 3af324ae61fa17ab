//! What goes wrong in a round, and how far it can go: the assumptions about Dixa, as numbers.

use std::time::Duration;

use crate::api::CallError;
use crate::apply::tests::storm::chance::Chance;
use crate::conversation::Kind;

/// How long a call may be on its way, and at most until it is carried out.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// No call is carried out later than this after it came. It came a moment after its intent was written down.
const CARRIED_OUT_MAX_MS: u64 = 29_000;

/// How long a list can lag.
const LAG_MAX_MS: u64 = 90_000;

/// What holds for a round.
#[derive(Clone, Debug)]
pub(super) struct Climate {
    lag: Lag,
    /// How long a conversation can't be read by its id.
    pub(super) read_lag: Duration,
    pub(super) shows_late_messages_as_none: bool,
    /// An external id that a message or an end user has already is refused.
    pub(super) refuses_duplicates: bool,
    /// So is an e-mail address or a number that an end user has already.
    pub(super) refuses_taken_addresses: bool,
    /// Who can't be read yet can't request a conversation yet.
    pub(super) forgets_new_requesters: bool,
    /// A closed conversation can't be closed, nor an open one opened.
    pub(super) refuses_same_state: bool,
    /// A tag that is not on a conversation can't be taken off.
    pub(super) refuses_missing_tags: bool,
    /// What sets something can be carried out late, too.
    pub(super) sets_late: bool,
    wording: &'static str,
    /// How many of a hundred POSTs are carried out late.
    slow: u32,
}

/// What lists show. What was made earlier than something they show, they show, too.
#[derive(Clone, Debug)]
enum Lag {
    Steady(Duration),
    /// For the first part of each time they show what they showed at its beginning.
    Freezing {
        every: Duration,
        length: Duration,
    },
}

/// What a 400 about an external id can say.
const WORDINGS: [&str; 4] = [
    "Duplicate externalId",
    "AddMessageError.DuplicateExternalId",
    "external_id already in use",
    "Validation failure: EXTERNAL-ID is not unique",
];

impl Climate {
    /// Quick, and without uniqueness of external ids: whatever is sent twice is there twice.
    pub(super) const MILD: Climate = Climate {
        lag: Lag::Steady(Duration::ZERO),
        read_lag: Duration::ZERO,
        shows_late_messages_as_none: false,
        refuses_duplicates: false,
        refuses_taken_addresses: false,
        forgets_new_requesters: false,
        refuses_same_state: false,
        refuses_missing_tags: false,
        sets_late: false,
        wording: WORDINGS[0],
        slow: 0,
    };

    pub(super) fn draw(chance: &mut Chance) -> Self {
        let lag = match chance.of(0..5) {
            0 => Lag::Steady(Duration::ZERO),
            1 => Lag::Steady(chance.time(100, 4_000)),
            2 | 3 => Lag::Steady(chance.time(4_000, LAG_MAX_MS)),
            _ => {
                let length = chance.time(5_000, LAG_MAX_MS);
                Lag::Freezing { every: length + chance.time(1_000, 60_000), length }
            }
        };
        let read_lag = match chance.of(0..4) {
            0 => chance.time(100, 4_000),
            1 => chance.time(4_000, LAG_MAX_MS),
            _ => Duration::ZERO,
        };
        Climate {
            lag,
            read_lag,
            shows_late_messages_as_none: chance.percent(50),
            refuses_duplicates: chance.percent(50),
            refuses_taken_addresses: chance.percent(60),
            forgets_new_requesters: chance.percent(30),
            refuses_same_state: chance.percent(50),
            refuses_missing_tags: chance.percent(50),
            sets_late: chance.percent(30),
            wording: chance.pick(&WORDINGS),
            slow: chance.pick(&[0, 10, 60]),
        }
    }

    /// Until when, since the beginning, lists show what was made.
    pub(super) fn horizon(&self, now: Duration) -> Duration {
        match self.lag {
            Lag::Steady(lag) => now.saturating_sub(lag),
            Lag::Freezing { every, length } => {
                let into = Duration::from_nanos(u64::try_from(now.as_nanos() % every.as_nanos()).expect("it is short"));
                if into < length { now - into } else { now }
            }
        }
    }

    pub(super) fn lag_max(&self) -> Duration {
        match self.lag {
            Lag::Steady(lag) => lag.max(self.read_lag),
            Lag::Freezing { length, .. } => length.max(self.read_lag),
        }
    }

    /// What is said if another one has the external id.
    pub(super) fn duplicate(&self) -> CallError {
        rejected(400, self.wording)
    }

    /// What a POST of this fate is answered with; `duplicate` is what it is refused with as a second one.
    pub(super) fn answer(&self, fate: Fate, duplicate: Option<CallError>) -> CallError {
        match fate {
            Fate::RateLimited => CallError::RateLimited { retry_after: None, message: "Too Many Requests".into() },
            Fate::NotSent => CallError::NotSent { message: "connection refused".into() },
            Fate::Rejected => rejected(400, "Invalid value in request"),
            Fate::Unauthorized => CallError::Unauthorized { status: 401, message: "Unauthorized".into() },
            Fate::ErrorBefore | Fate::ErrorAfter | Fate::ErrorEarly => {
                CallError::ServerError { status: 500, message: "There was an internal server error".into() }
            }
            Fate::LostBefore | Fate::LostAfter | Fate::LostEarly | Fate::Hang | Fate::HangAfter => {
                CallError::Lost { message: "no answer".into() }
            }
            Fate::UnclearBefore | Fate::UnclearAfter => rejected(408, "Request Timeout"),
            Fate::DuplicateBefore | Fate::DuplicateAfter => duplicate.expect("it is refused as a second one"),
            Fate::Fine | Fate::Partial | Fate::NoId => {
                CallError::Unreadable { status: 202, message: "it has no id".into() }
            }
        }
    }
}

pub(super) fn rejected(status: u16, message: &str) -> CallError {
    CallError::Rejected { status, message: message.to_owned() }
}

/// What becomes of one POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Fine,
    /// Made, with partial errors.
    Partial,
    RateLimited,
    NotSent,
    Rejected,
    Unauthorized,
    /// An error, and nothing is made.
    ErrorBefore,
    /// It is made, and then there is an error.
    ErrorAfter,
    /// There is an error, and it is made later.
    ErrorEarly,
    LostBefore,
    LostAfter,
    LostEarly,
    /// There is never an answer, and nothing is made.
    Hang,
    HangAfter,
    /// A status of something in between that does not know what became of it.
    UnclearBefore,
    UnclearAfter,
    /// It is made, and the answer has no id that could be read.
    NoId,
    /// Nothing is made, since another one has the external id, it says.
    DuplicateBefore,
    /// The same, of what was made by this very call.
    DuplicateAfter,
}

impl Fate {
    pub(super) const BAD: [Fate; 18] = [
        Fate::Partial,
        Fate::RateLimited,
        Fate::NotSent,
        Fate::Rejected,
        Fate::Unauthorized,
        Fate::ErrorBefore,
        Fate::ErrorAfter,
        Fate::ErrorEarly,
        Fate::LostBefore,
        Fate::LostAfter,
        Fate::LostEarly,
        Fate::Hang,
        Fate::HangAfter,
        Fate::UnclearBefore,
        Fate::UnclearAfter,
        Fate::NoId,
        Fate::DuplicateBefore,
        Fate::DuplicateAfter,
    ];

    /// This one, or another one that can befall such a call.
    pub(super) fn that_fits(self, kind: Kind, can_be_duplicate: bool) -> Self {
        match self {
            Fate::DuplicateBefore | Fate::DuplicateAfter if !can_be_duplicate => Fate::ErrorAfter,
            Fate::Partial if kind == Kind::EndUser => Fate::ErrorAfter,
            fate => fate,
        }
    }

    pub(super) fn is_carried_out(self) -> bool {
        match self {
            Fate::Fine | Fate::Partial | Fate::NoId | Fate::DuplicateAfter | Fate::UnclearAfter => true,
            Fate::ErrorAfter | Fate::ErrorEarly | Fate::LostAfter | Fate::LostEarly | Fate::HangAfter => true,
            Fate::RateLimited | Fate::NotSent | Fate::Rejected | Fate::Unauthorized | Fate::ErrorBefore => false,
            Fate::LostBefore | Fate::Hang | Fate::UnclearBefore | Fate::DuplicateBefore => false,
        }
    }

    /// Whether it is said that nothing was done.
    pub(super) fn is_refused(self) -> bool {
        let is_duplicate = matches!(self, Fate::DuplicateBefore | Fate::DuplicateAfter);
        is_duplicate || matches!(self, Fate::RateLimited | Fate::NotSent | Fate::Rejected | Fate::Unauthorized)
    }

    /// Whether the answer comes after it was carried out.
    pub(super) fn waits(self) -> bool {
        self.is_carried_out() && !matches!(self, Fate::ErrorEarly | Fate::LostEarly | Fate::HangAfter)
    }

    /// When it is carried out, and when it is answered at the earliest.
    pub(super) fn times(self, climate: &Climate, chance: &mut Chance) -> (Duration, Duration) {
        let is_early = matches!(self, Fate::ErrorEarly | Fate::LostEarly);
        let is_late = chance.percent(if is_early { 80 } else { climate.slow });
        let delay = if is_late { chance.time(500, CARRIED_OUT_MAX_MS) } else { chance.time(20, 200) };
        let answered = match self {
            Fate::Hang | Fate::HangAfter => REQUEST_TIMEOUT,
            _ => chance.time(10, 150),
        };
        (delay, answered)
    }
}

/// How many of a hundred calls go wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) posts: u32,
    pub(super) reads: u32,
    pub(super) patches: u32,
}

impl Weather {
    pub(super) const CALM: Weather = Weather { posts: 0, reads: 0, patches: 0 };

    pub(super) fn draw(chance: &mut Chance) -> Self {
        Weather {
            posts: chance.pick(&[0, 15, 40, 95]),
            reads: chance.pick(&[0, 0, 10, 40]),
            patches: chance.pick(&[0, 20, 60]),
        }
    }

    /// Dixa speaks of another one only if it compares them, and only if there is something to compare. Making an end
    /// user has no partial errors.
    pub(super) fn fate(self, kind: Kind, can_be_duplicate: bool, chance: &mut Chance) -> Fate {
        if !chance.percent(self.posts) {
            return Fate::Fine;
        }
        chance.pick(&Fate::BAD).that_fits(kind, can_be_duplicate)
    }

    /// What becomes of one call that sets something.
    pub(super) fn setting(self, climate: &Climate, chance: &mut Chance) -> Setting {
        let soon = chance.time(10, 80);
        if !chance.percent(self.patches) {
            return Setting { done: Some(soon), answered: soon, error: None };
        }
        let (unclear, refused) = (unclear(), refused());
        // What stops the run is seldom.
        if chance.percent(20) {
            let some = if chance.percent(80) { &refused[..refused.len() - 1] } else { &refused };
            let error = some[chance.of(0..some.len())].clone();
            return Setting { done: None, answered: soon, error: Some(error) };
        }
        let which = chance.of(0..unclear.len());
        let answered = if which == unclear.len() - 1 { REQUEST_TIMEOUT } else { soon };
        let done = match chance.of(0..3) {
            0 => None,
            1 if climate.sets_late => Some(chance.time(100, CARRIED_OUT_MAX_MS)),
            _ => Some(soon),
        };
        Setting { done, answered, error: Some(unclear[which].clone()) }
    }
}

/// Answers that leave it open whether something was set; to the last of them nobody waits to the end.
fn unclear() -> [CallError; 5] {
    [
        CallError::ServerError { status: 500, message: "There was an internal server error".into() },
        CallError::Lost { message: "the connection was closed".into() },
        CallError::Unreadable { status: 200, message: "the body is not JSON".into() },
        rejected(408, "Request Timeout"),
        CallError::Lost { message: "no answer".into() },
    ]
}

/// Answers that say that nothing was set; the last of them stops a run.
fn refused() -> [CallError; 4] {
    [
        CallError::RateLimited { retry_after: None, message: "Too Many Requests".into() },
        CallError::NotSent { message: "connection refused".into() },
        rejected(400, "Invalid value in request"),
        CallError::Unauthorized { status: 401, message: "Unauthorized".into() },
    ]
}

/// What becomes of one call that sets something.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// When it is carried out; perhaps after it was answered.
    pub(super) done: Option<Duration>,
    pub(super) answered: Duration,
    /// None if it is answered with what carrying it out gives.
    pub(super) error: Option<CallError>,
}

impl Setting {
    /// Everything bad that can become of one, except that it is carried out late.
    pub(super) fn bad() -> Vec<Self> {
        let soon = Duration::from_millis(40);
        let nothing = refused().map(|error| Setting { done: None, answered: soon, error: Some(error) });
        let open = unclear().into_iter().flat_map(|error| {
            let answered = if error.to_string().contains("no answer") { REQUEST_TIMEOUT } else { soon };
            [None, Some(soon)].map(|done| Setting { done, answered, error: Some(error.clone()) })
        });
        nothing.into_iter().chain(open).collect()
    }
}
