//! The fault menu: which requests go wrong, and how, so that recovery can be rehearsed and proven.
//!
//! A plan is written as items with commas between them, for example
//! `drop-after@create#2,429@PATCH#1-3,latency=5ms..20ms`.
//!
//! - **On request**, `KIND@CALL#WHICH`: the fault KIND befalls the calls CALL that WHICH picks.
//!   - KIND is one of
//!     - `429` (too many requests), `401` (the token is unknown), `401-user` (its user may
//!       not do this), `400`, `404`, `redirect` (302 to another host), `500-before`, `drop-before`
//!       (the connection is closed without an answer), `hang` (there is never an answer), `duplicate-before` (a 400
//!       says that the external id is taken): nothing is committed.
//!     - `500-after`, `drop-after`, `hang-after`, `duplicate-after`: the request is carried out, but the client does
//!       not learn of it. `500-early`, `drop-early`: nor does it have to wait; with `commit-delay` the request is
//!       carried out after the answer.
//!     - `slow-body`, `rubbish` (the status is right and the body is not JSON), `garbled` (the body ends in the
//!       middle), `huge` (a body of 1 GiB), `partial` (a 201 with `partialErrors`): what was asked for is committed.
//!     - `200-empty`, `201-empty`, `202-empty`, `204-empty`, `200-text`, `201-text`, `202-text`, `200-no-id`,
//!       `201-no-id`, `202-no-id`: it is committed, and the answer has that status and no id that could be read.
//!     - `empty-page` (a list begins with a page of nothing that has a `next`), `circle` (after the last page of a list
//!       comes the first).
//!   - CALL is `any`, `write` (every method but GET), a method (`GET`, `POST`, `PUT`, `PATCH`, `DELETE`), or one of
//!     `create` (`POST /v1/conversations`), `import`, `conversation` (one by its id), `messages`, `conversations`
//!     (those of an end user), `organization`, `definitions`, `attributes` (of a conversation), `add-message`, `close`,
//!     `reopen`, `followup`, `transfer`, `claim`, `conversation-tags`, `put-tag`, `take-tag`, `bulk-tags`, `tags`,
//!     `make-tag`, `endusers` (the list), `make-enduser`, `enduser` (one), `change-enduser`, `enduser-attributes`,
//!     `agents`, `queues`, `contact-endpoints`. `partial` is for calls that make conversations, the duplicates for
//!     those that take an external id, `empty-page` and `circle` for lists in pages.
//!   - WHICH is `N`, `N-M` or `*`; calls are counted from 1, each CALL by itself, from the start of the sandbox.
//!     Without `#WHICH` it is every one.
//! - **By seed**, `seed=N,rate=R`: every request draws, and the share R of them, 0 to 1, gets a fault of
//!   `kinds=KIND+KIND`; unless said otherwise these are the ones that pass by themselves: `429`, `500-before`,
//!   `500-after`, `drop-before`, `drop-after`, `slow-body`.
//! - `latency=TIME` or `latency=MIN..MAX`: every answer is that much later. It is committed before, so a client that
//!   does not wait for its answer has changed something all the same.
//! - `commit-delay=TIME` or `commit-delay=MIN..MAX`: every write is carried out that long after it came, whether its
//!   client still waits or not, and is answered then. A sandbox that is stopped carries out at once what still waits.
//! - `lag=TIME`: reads do not see a conversation before it is that old by the sandbox's clock, counted from its commit.
//!   `list-lag=TIME`: the same of lists alone. `read-lag=TIME`: the same of everything that names a conversation by its
//!   id, writes too.
//! - `incident=N-M`: the POSTs from N to M are carried out and answered with 500, and lists do not see what they made
//!   before it is `incident-lag=TIME` old; 1 m unless said otherwise. `incident=FROM..TO`: so are the POSTs that come
//!   between these times after the start of the sandbox.
//! - `duplicates=refuse` or `duplicates=accept`: whether an external id that a conversation or message has already is a
//!   400 or makes a second one. Unless said otherwise, creations refuse it and imports accept it.
//! - `wording=TEXT`: what the 400 about an external id says, without a comma; `{id}` stands for the id.
//!   `wording=vary` takes another of several texts each time.
//! - `retry-after=SECONDS`: what a `429` asks for; without it there is no such header.
//! - `slow=TIME`: how long a `slow-body` takes in all; 2 s unless said otherwise.
//!
//! TIME is a number and `ms`, `s` or `m`, at most an hour.
//!
//! Note: a request that is refused for its token or by the rate limit is not counted and gets no fault. Of several
//! items that pick the same request the first one wins, then comes the incident, and the seed decides only where no
//! item does. What happens to a request depends on the plan, on which call it is and on how many came before it, and on
//! nothing else but the time where a plan names one; a client that sends several at once may have them arrive in
//! another order each time.

mod chance;
mod menu;
mod reply;
mod spec;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use jiff::Timestamp;

use crate::sandbox::sight::{Dark, Sight};

pub use menu::{Call, Fault};
pub use reply::{Asked, Reply};
pub use spec::FaultPlanError;

/// What a 400 about an external id may say; the first is what it says unless a plan wants another.
const WORDINGS: [&str; 8] = [
    "Duplicate externalId: {id}",
    "AddMessageError.DuplicateExternalId",
    "external_id already in use",
    "External id must be unique",
    "A message with the external-id {id} exists already",
    "CreateConversationError.ExternalIdTaken",
    "Validation failure: EXTERNAL_ID is not unique",
    "Invalid input for Message: externalId={id} (conflict)",
];

/// Which requests go wrong, and how; see the top of this file for how it is written. It does not change: what was
/// counted so far comes in with every question.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    seeded: Option<Seeded>,
    latency: Option<Times>,
    commit_delay: Option<Times>,
    lag: Duration,
    list_lag: Duration,
    read_lag: Duration,
    incident: Option<Incident>,
    incident_lag: Duration,
    duplicates: Option<Duplicates>,
    wording: Wording,
    retry_after_seconds: Option<u64>,
    slow: Duration,
}

/// Shortest and longest.
type Times = (Duration, Duration);

/// One item on request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    fault: Fault,
    call: Call,
    /// Counted from 1.
    which: RangeInclusive<u64>,
}

/// Faults by chance.
#[derive(Clone, Debug, PartialEq)]
struct Seeded {
    seed: u64,
    /// The share of requests that get a fault, 0 to 1.
    rate: f64,
    kinds: Vec<Fault>,
}

/// Which POSTs are carried out and answered with 500.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Incident {
    /// Counted from 1.
    Posts(RangeInclusive<u64>),
    /// Since the start.
    Times(Times),
}

/// What becomes of an external id that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    Refuse,
    Accept,
}

/// What the 400 about an external id says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wording {
    Text(String),
    Vary,
}

/// One request as a plan sees it: for each class that it is of, its number, counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival(BTreeMap<Call, u64>);

impl Arrival {
    fn is_picked_by(&self, rule: &Rule) -> bool {
        self.number(rule.call).is_some_and(|number| rule.which.contains(&number))
    }

    /// Its number among the requests of this class, if it is of it.
    fn number(&self, call: Call) -> Option<u64> {
        self.0.get(&call).copied()
    }

    fn place(&self) -> u64 {
        self.number(Call::Any).unwrap_or_default()
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
            commit_delay: None,
            lag: Duration::ZERO,
            list_lag: Duration::ZERO,
            read_lag: Duration::ZERO,
            incident: None,
            incident_lag: Duration::from_secs(60),
            duplicates: None,
            wording: Wording::Text(WORDINGS[0].to_owned()),
            retry_after_seconds: None,
            slow: Duration::from_secs(2),
        }
    }

    /// What goes wrong with this request, which came that long after the start.
    pub fn decide(&self, arrival: &Arrival, since_start: Duration) -> Option<Fault> {
        let asked_for = self.rules.iter().find(|rule| arrival.is_picked_by(rule)).map(|rule| rule.fault);
        let incident = || self.is_incident(arrival, since_start).then_some(Fault::ServerErrorAfter);
        asked_for.or_else(incident).or_else(|| self.seeded.as_ref()?.decide(arrival))
    }

    fn is_incident(&self, arrival: &Arrival, since_start: Duration) -> bool {
        let Some(number) = arrival.number(Call::Post) else { return false };
        match &self.incident {
            None => false,
            Some(Incident::Posts(which)) => which.contains(&number),
            Some(Incident::Times((from, to))) => (*from..=*to).contains(&since_start),
        }
    }

    /// How much later this request is answered.
    pub fn latency(&self, arrival: &Arrival) -> Duration {
        self.drawn(self.latency, chance::Draw::Latency, arrival)
    }

    /// How long it can take, from when a request came, until reads show what it has made.
    pub fn latest(&self) -> Duration {
        let lag = self.lag.max(self.list_lag).max(self.read_lag);
        let lag = if self.incident.is_some() { lag.max(self.incident_lag) } else { lag };
        lag.saturating_add(self.commit_delay.map_or(Duration::ZERO, |(_, most)| most))
    }

    /// How much later than it came this request is carried out.
    pub fn commit_delay(&self, arrival: &Arrival) -> Duration {
        let times = self.commit_delay.filter(|_| arrival.number(Call::Write).is_some());
        self.drawn(times, chance::Draw::CommitDelay, arrival)
    }

    /// What a 400 about an external id tells this request; `{id}` stands for the id.
    pub fn wording(&self, arrival: &Arrival) -> &str {
        match &self.wording {
            Wording::Text(text) => text,
            Wording::Vary => {
                let index = chance::below(self.seed(), chance::Draw::Wording, arrival.place(), WORDINGS.len());
                index.and_then(|index| WORDINGS.get(index)).unwrap_or(&WORDINGS[0])
            }
        }
    }

    fn drawn(&self, times: Option<Times>, draw: chance::Draw, arrival: &Arrival) -> Duration {
        let Some((least, most)) = times else { return Duration::ZERO };
        least + (most - least).mul_f64(chance::share(self.seed(), draw, arrival.place()))
    }

    fn seed(&self) -> u64 {
        self.seeded.as_ref().map_or(0, |seeded| seeded.seed)
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
    started: Timestamp,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    tally: Tally,
    /// When the first POST of an incident came, and the first one after it.
    incident: Option<(Timestamp, Timestamp)>,
}

/// What one request suffers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disturbance {
    pub fault: Option<Fault>,
    pub latency: Duration,
    pub commit_delay: Duration,
    /// What a 400 about an external id says; `{id}` stands for the id.
    pub wording: String,
    pub duplicates: Option<Duplicates>,
}

/// What a request at one moment can see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sights {
    pub lists: Sight,
    /// What a read of one conversation sees.
    pub reads: Sight,
    /// What a write to one conversation sees.
    pub writes: Sight,
}

impl Faults {
    /// Begins to count.
    pub fn new(plan: FaultPlan) -> Self {
        Faults { plan, started: Timestamp::now(), counted: Mutex::default() }
    }

    /// The plan.
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// Counts a request and decides about it.
    pub fn arrive(&self, method: &Method, path: &str) -> Disturbance {
        let now = Timestamp::now();
        let since_start = Duration::try_from(now.duration_since(self.started)).unwrap_or_default();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let arrival = counted.tally.count(method, path);
        if self.plan.is_incident(&arrival, since_start) {
            counted.incident.get_or_insert((now, Timestamp::MAX));
        } else if arrival.number(Call::Post).is_some()
            && let Some((_, end)) = &mut counted.incident
            && *end == Timestamp::MAX
        {
            *end = now;
        }
        Disturbance {
            fault: self.plan.decide(&arrival, since_start),
            latency: self.plan.latency(&arrival),
            commit_delay: self.plan.commit_delay(&arrival),
            wording: self.plan.wording(&arrival).to_owned(),
            duplicates: self.plan.duplicates,
        }
    }

    /// What a request that is carried out now can see.
    pub fn sights(&self, now: Timestamp) -> Sights {
        let plan = &self.plan;
        let before = |lag: Duration| now.checked_sub(lag).unwrap_or(Timestamp::MIN);
        let sight = |lag: Duration| Sight { horizon: (!lag.is_zero()).then(|| before(lag)), dark: None };
        let incident = self.counted.lock().unwrap_or_else(PoisonError::into_inner).incident;
        let dark = incident.map(|(from, to)| Dark { from, to, until_before: before(plan.incident_lag) });
        Sights {
            lists: Sight { dark, ..sight(plan.lag.max(plan.list_lag)) },
            reads: sight(plan.lag.max(plan.read_lag)),
            writes: sight(plan.read_lag),
        }
    }
}

#[cfg(test)]
mod tests;
