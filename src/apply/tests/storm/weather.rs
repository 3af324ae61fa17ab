//! What goes wrong in a round, and how far it can go: the assumptions about Dixa, as numbers.

use std::time::Duration;

use crate::api::CallError;
use crate::apply::tests::storm::chance::Chance;

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
    /// An external id that a message has already is refused.
    pub(super) refuses_duplicates: bool,
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

    pub(super) fn duplicate(&self) -> CallError {
        CallError::Rejected { status: 400, message: self.wording.to_owned() }
    }

    /// What a POST of this fate is answered with.
    pub(super) fn answer(&self, fate: Fate) -> CallError {
        match fate {
            Fate::RateLimited => CallError::RateLimited { retry_after: None, message: "Too Many Requests".into() },
            Fate::NotSent => CallError::NotSent { message: "connection refused".into() },
            Fate::Rejected => CallError::Rejected { status: 400, message: "Invalid value in request".into() },
            Fate::Unauthorized => CallError::Unauthorized { status: 401, message: "Unauthorized".into() },
            Fate::ErrorBefore | Fate::ErrorAfter | Fate::ErrorEarly => {
                CallError::ServerError { status: 500, message: "There was an internal server error".into() }
            }
            Fate::LostBefore | Fate::LostAfter | Fate::LostEarly | Fate::Hang | Fate::HangAfter => {
                CallError::Lost { message: "no answer".into() }
            }
            Fate::UnclearBefore | Fate::UnclearAfter => {
                CallError::Rejected { status: 408, message: "Request Timeout".into() }
            }
            Fate::DuplicateBefore | Fate::DuplicateAfter => self.duplicate(),
            Fate::Fine | Fate::Partial | Fate::NoId => {
                CallError::Unreadable { status: 202, message: "it has no id".into() }
            }
        }
    }
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
    const BAD: [Fate; 18] = [
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

    /// Dixa speaks of external ids only if it compares them, and only to whoever has sent one.
    pub(super) fn fate(self, climate: &Climate, unmarked: bool, chance: &mut Chance) -> Fate {
        if !chance.percent(self.posts) {
            return Fate::Fine;
        }
        match chance.pick(&Fate::BAD) {
            Fate::DuplicateBefore | Fate::DuplicateAfter if unmarked || !climate.refuses_duplicates => Fate::ErrorAfter,
            fate => fate,
        }
    }
}
