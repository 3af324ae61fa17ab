//! The fault menu: which requests go wrong, and how, so that recovery can be rehearsed and proven.
//!
//! A plan is written as items with commas between them, for example
//! `drop-after@create#2,429@PATCH#1-3,latency=5ms..20ms`.
//!
//! - **On request**, `KIND@CALL#WHICH`: the fault KIND befalls the calls CALL that WHICH picks.
//!   - KIND is one of
//!     - `429` (too many requests), `401`, `redirect` (302 to another host), `500-before`, `drop-before` (the
//!       connection is closed without an answer), `hang` (there is never an answer): nothing is committed.
//!     - `500-after`, `drop-after`, `hang-after`: the request is carried out, but the client does not learn of it.
//!     - `slow-body`, `rubbish` (the status is right and the body is not JSON), `huge` (a body of 1 GiB), `partial`
//!       (a 201 with `partialErrors`): what was asked for is committed.
//!   - CALL is `any`, a method (`GET`, `POST`, `PATCH`), or one of `create` (`POST /v1/conversations`), `import`,
//!     `conversation` (one by its id), `messages`, `conversations` (those of an end user), `organization`,
//!     `definitions`. `partial` is for calls that make conversations.
//!   - WHICH is `N`, `N-M` or `*`; calls are counted from 1, each CALL by itself, from the start of the sandbox.
//!     Without `#WHICH` it is every one.
//! - **By seed**, `seed=N,rate=R`: every request draws, and the share R of them, 0 to 1, gets a fault of
//!   `kinds=KIND+KIND`; unless said otherwise these are the ones that pass by themselves: `429`, `500-before`,
//!   `500-after`, `drop-before`, `drop-after`, `slow-body`.
//! - `latency=TIME` or `latency=MIN..MAX`: every answer is that much later. It is committed before, so a client that
//!   does not wait for its answer has changed something all the same.
//! - `lag=TIME`: reads do not see a conversation before it is that old by the sandbox's clock, counted from its commit.
//! - `retry-after=SECONDS`: what a `429` asks for; without it there is no such header.
//! - `slow=TIME`: how long a `slow-body` takes in all; 2 s unless said otherwise.
//!
//! TIME is a number and `ms`, `s` or `m`, at most an hour.
//!
//! Note: a request that is refused for its token or by the rate limit is not counted and gets no fault. Of
//! several items that pick the same request the first one wins, and the seed decides only where no item does. What
//! happens to a request depends on the plan, on which call it is and on how many came before it, and on nothing else; a
//! client that sends several at once may have them arrive in another order each time.

mod chance;
mod reply;
mod spec;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;

pub use reply::Reply;
pub use spec::FaultPlanError;

/// An enum whose variants each have a word, in the order in which they are listed to people.
macro_rules! words {
    ($(#[$about:meta])* pub enum $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            /// All of them, in the order in which they are listed to people.
            pub const ALL: [$name; [$($word),*].len()] = [$($name::$variant),*];

            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What goes wrong with one request. The words are those of the plan's text and of the logs.
    pub enum Fault {
        TooManyRequests = "429",
        Unauthorized = "401",
        Redirect = "redirect",
        ServerErrorBefore = "500-before",
        ServerErrorAfter = "500-after",
        DropBefore = "drop-before",
        DropAfter = "drop-after",
        Hang = "hang",
        HangAfter = "hang-after",
        SlowBody = "slow-body",
        Rubbish = "rubbish",
        Huge = "huge",
        Partial = "partial",
    }
}

impl Fault {
    /// Those that a seed chooses from by default: a client that tries again gets through them.
    pub const PASSING: [Fault; 6] = [
        Fault::TooManyRequests,
        Fault::ServerErrorBefore,
        Fault::ServerErrorAfter,
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::SlowBody,
    ];

    /// Whether it can befall such a call.
    fn suits(self, call: Call) -> bool {
        self != Fault::Partial || matches!(call, Call::Post | Call::Create | Call::Import)
    }
}

words! {
    /// A class of requests. One request is of several: a creation is `create`, `POST` and `any`.
    pub enum Call {
        Any = "any",
        Get = "GET",
        Post = "POST",
        Patch = "PATCH",
        Create = "create",
        Import = "import",
        Conversation = "conversation",
        Messages = "messages",
        Conversations = "conversations",
        Organization = "organization",
        Definitions = "definitions",
    }
}

impl Call {
    /// Whether a request is of this class. `path` is without its query.
    fn includes(self, method: &Method, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (get, post) = (method == Method::GET, method == Method::POST);
        match (self, segments.as_slice()) {
            (Call::Any, _) => true,
            (Call::Get, _) => get,
            (Call::Post, _) => post,
            (Call::Patch, _) => method == Method::PATCH,
            (Call::Create, ["v1", "conversations"]) | (Call::Import, ["v1", "conversations", "import"]) => post,
            (Call::Conversation, ["v1", "conversations", _])
            | (Call::Messages, ["v1", "conversations", _, "messages"])
            | (Call::Conversations, ["v1", "endusers", _, "conversations"])
            | (Call::Organization, ["v1", "organization"])
            | (Call::Definitions, ["v1", "custom-attributes"]) => get,
            _ => false,
        }
    }
}

/// Which requests go wrong, and how; see the top of this file for how it is written. It does not change: what was
/// counted so far comes in with every question.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    seeded: Option<Seeded>,
    /// Shortest and longest.
    latency: Option<(Duration, Duration)>,
    lag: Option<Duration>,
    retry_after_seconds: Option<u64>,
    slow: Duration,
}

/// One item on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    fault: Fault,
    call: Call,
    /// Counted from 1; both ends belong to it.
    first: u64,
    last: u64,
}

/// Faults by chance.
#[derive(Clone, Debug, PartialEq)]
struct Seeded {
    seed: u64,
    /// The share of requests that get a fault, 0 to 1.
    rate: f64,
    kinds: Vec<Fault>,
}

/// One request as a plan sees it: for each class that it is of, its number, counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival(BTreeMap<Call, u64>);

impl Arrival {
    fn is_picked_by(&self, rule: &Rule) -> bool {
        self.0.get(&rule.call).is_some_and(|place| (rule.first..=rule.last).contains(place))
    }

    fn place(&self) -> u64 {
        self.0.get(&Call::Any).copied().unwrap_or_default()
    }
}

/// How many requests of every class there were.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<Call, u64>);

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, method: &Method, path: &str) -> Arrival {
        let calls = Call::ALL.into_iter().filter(|call| call.includes(method, path));
        let places = calls.map(|call| {
            let place = self.0.entry(call).or_default();
            *place += 1;
            (call, *place)
        });
        Arrival(places.collect())
    }
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        FaultPlan {
            rules: Vec::new(),
            seeded: None,
            latency: None,
            lag: None,
            retry_after_seconds: None,
            slow: Duration::from_secs(2),
        }
    }

    /// What goes wrong with this request.
    pub fn decide(&self, arrival: &Arrival) -> Option<Fault> {
        let asked_for = self.rules.iter().find(|rule| arrival.is_picked_by(rule)).map(|rule| rule.fault);
        asked_for.or_else(|| self.seeded.as_ref()?.decide(arrival))
    }

    /// How much later this request is answered.
    pub fn latency(&self, arrival: &Arrival) -> Duration {
        let Some((least, most)) = self.latency else { return Duration::ZERO };
        let seed = self.seeded.as_ref().map_or(0, |seeded| seeded.seed);
        least + (most - least).mul_f64(chance::share(seed, chance::Draw::Latency, arrival.place()))
    }

    /// How old a conversation must be to be seen; none when it is seen at once.
    pub fn lag(&self) -> Option<Duration> {
        self.lag
    }
}

impl Seeded {
    fn decide(&self, arrival: &Arrival) -> Option<Fault> {
        let place = arrival.place();
        if chance::share(self.seed, chance::Draw::Whether, place) >= self.rate {
            return None;
        }
        let suits = |fault: &&Fault| arrival.0.keys().any(|call| fault.suits(*call));
        let kinds: Vec<Fault> = self.kinds.iter().filter(suits).copied().collect();
        let index = chance::below(self.seed, chance::Draw::Which, place, kinds.len())?;
        kinds.get(index).copied()
    }
}

/// A plan in use: it counts requests.
#[derive(Debug)]
pub struct Faults {
    plan: FaultPlan,
    tally: Mutex<Tally>,
}

/// What one request suffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disturbance {
    pub fault: Option<Fault>,
    pub latency: Duration,
}

impl Faults {
    /// Begins to count.
    pub fn new(plan: FaultPlan) -> Self {
        Faults { plan, tally: Mutex::default() }
    }

    /// The plan.
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// Counts a request and decides about it.
    pub fn arrive(&self, method: &Method, path: &str) -> Disturbance {
        let arrival = self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(method, path);
        Disturbance { fault: self.plan.decide(&arrival), latency: self.plan.latency(&arrival) }
    }
}

#[cfg(test)]
mod tests;
