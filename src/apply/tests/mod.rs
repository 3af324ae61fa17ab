//! The apply loop against a tenant that does what a test asks for, with a journal in memory and a clock that waits for
//! nobody.
//!
//! A [`Stage`] writes down, in one list and in order, what reaches the journal and what reaches the tenant. After every
//! run on it, the state that the run kept is compared with what a later replay of the journal gives.

mod adopting;
mod crash;
mod failing;
mod fake;
mod handling;
mod matrix;
mod ordering;
pub(crate) mod recovery;
mod sandbox;
mod settling;
mod stopping;
pub(crate) mod storm;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::access::RateLimit;
use crate::apply::tests::fake::{Fake, Log, Memory};
use crate::conversation::{Address, ConversationId, Id};
use crate::desired::Desired;
use crate::journal::{Append as _, Entry, InDoubt, Replay, replay};
use crate::manifest;
use crate::plan::{Plan, PlanOptions, Target, plan};
use crate::settings::LastApplied;
use crate::state::{Lineage, Record, State, TenantIdentity};

/// That of a tenant with default settings.
const PATIENCE: Patience =
    Patience { settle: Duration::from_secs(5), request_timeout: Duration::from_secs(30), alone: Patience::ALONE };

const TEXT: &str = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
const SELECT: &str = "e14708a6-eed9-495c-9d88-c72331e9e247";
const REQUESTER: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";

/// An Email whose subject is its name, so that a [`Fake`] can tell whose POST it is.
fn email(name: &str) -> String {
    format!(
        r"
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {{name: {name}, annotations: {{}}}}
spec:
  _type: Email
  requesterId: {REQUESTER}
  emailIntegrationId: my-integration@email.dixa.io
  subject: {name}
  message: {{_type: Inbound, externalId: mark-{name}, content: {{_type: Text, value: Hi}}}}
"
    )
}

/// An Email with a Text attribute.
fn noted(name: &str, note: &str) -> String {
    format!("{}  customAttributes: {{{TEXT}: {note}}}\n", email(name))
}

fn emails(names: &[&str]) -> String {
    names.iter().map(|name| email(name)).collect()
}

fn desired(manifests: &str) -> Desired {
    let (desired, findings) = manifest::resolve([manifest::read(
        &Arc::from("m.yaml"),
        manifests.as_bytes(),
        manifest::Tenant::unknown(),
        &manifest::no_tables,
    )]);
    assert!(!findings.has_errors(), "{findings:#?}");
    desired
}

/// A number that somebody wants for this run of the tests, or the usual one.
#[expect(clippy::disallowed_methods, reason = "the environment can ask for more than the usual few")]
fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Whether the `case`th of some cases is tried in the `nth` of some surroundings. Each case is tried in one of them in
/// turn or, with `DIXAFORM_THOROUGH=1`, in all.
fn is_tried(case: usize, nth: usize, surroundings: usize) -> bool {
    case % surroundings == nth || is_thorough()
}

/// Whether somebody wants more than the usual round.
fn is_thorough() -> bool {
    number("DIXAFORM_THOROUGH", 0) == 1
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// The time of tokio, which tests pause, and chance that is a counter.
#[derive(Clone)]
struct TestClock {
    began: tokio::time::Instant,
    count: Arc<AtomicU64>,
}

impl TestClock {
    fn new() -> Self {
        TestClock { began: tokio::time::Instant::now(), count: Arc::default() }
    }
}

impl Clock for TestClock {
    fn now(&self) -> String {
        let began: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        let passed = jiff::SignedDuration::try_from(self.began.elapsed()).expect("no test takes that long");
        (began + passed).to_string()
    }

    fn random(&self) -> [u8; 16] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        uuid::Uuid::from_u128(u128::from(count)).into_bytes()
    }
}

/// A tenant and a journal with one log, and the state that runs leave behind.
struct Stage {
    log: Log,
    api: Fake,
    journal: Memory,
    clock: TestClock,
    state: State,
    last_applied: LastApplied,
    verify: bool,
}

/// What a run left behind.
struct Run {
    report: ApplyReport,
    in_doubt: Vec<InDoubt>,
    /// Of this run, `Opened` first.
    entries: Vec<Entry>,
}

impl Stage {
    fn new() -> Self {
        let log = Log::default();
        Stage {
            api: Fake::new(&log),
            journal: Memory::new(&log),
            log,
            clock: TestClock::new(),
            state: State::new(Lineage(uuid::Uuid::nil())),
            last_applied: LastApplied::Full,
            verify: false,
        }
    }

    fn plan(&self, manifests: &str) -> Plan {
        let tenant = Target {
            name: "staging".into(),
            base_url: "https://dev.dixa.io".into(),
            organization_id: None,
            rate_limit: RateLimit::DIXA,
        };
        let verify = self.verify;
        let options = PlanOptions { allow_replace: true, prune: true, verify, ..PlanOptions::new(tenant) };
        plan(&desired(manifests), &self.state, &options)
    }

    /// Plans and applies, and keeps the state. Planning again must be empty when everything was done.
    async fn apply(&mut self, manifests: &str) -> Run {
        self.apply_and_watch(manifests, |_, _| {}).await
    }

    /// [`Stage::apply`] with somebody who sees every event and may ask to stop.
    async fn apply_and_watch(&mut self, manifests: &str, watch: impl Fn(&ApplyEvent, &StopHandle)) -> Run {
        let plan = self.plan(manifests);
        let before = self.state.clone();
        let opened = self.opened();
        let mut kept = Replay::new(before.clone());
        kept.add(&opened).expect("a run can begin");
        let first = self.journal.len();
        self.journal.append(opened).await.expect("nothing fails before the first call");
        let (handle, mut stop) = stop_signal();
        let kept = RefCell::new(kept);
        let (tags, _) = preflight::tags(&self.api, &plan).await.expect("tags are read");
        let job = job::Run {
            plan: &plan,
            api: &self.api,
            journal: &self.journal,
            clock: &self.clock,
            last_applied: self.last_applied,
            project: None,
            patience: PATIENCE,
            sent_again: &BTreeSet::new(),
            tags: &tags,
        };
        let report = run(&job, &kept, &mut stop, &|event| watch(&event, &handle)).await;
        let kept = kept.into_inner().finish();
        let entries = self.journal.from(first);
        if !self.journal.is_full() {
            let later = replay(before, &entries).expect("the journal fits the state");
            assert_eq!(later, kept, "what the journal says is what the run kept");
        }
        self.state = kept.state;
        self.state.serial += 1;
        if report.is_complete() {
            assert!(self.plan(manifests).is_empty(), "everything was done: {:#?}", self.plan(manifests).changes);
        }
        Run { report, in_doubt: kept.in_doubt, entries }
    }

    fn opened(&self) -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: self.state.lineage,
            base_serial: self.state.serial,
            tenant: TenantIdentity { base_url: "https://dev.dixa.io".into(), organization_id: None },
            command: "apply".into(),
            at: self.clock.now(),
            pid: 1,
        }
    }

    fn record(&self, text: &str) -> &Record {
        self.state.records.get(&address(text)).unwrap_or_else(|| panic!("a record of {text}"))
    }

    /// What reached the tenant, in order; the log starts again.
    fn calls(&self) -> Vec<String> {
        self.log.take().into_iter().filter(|line| !line.starts_with("journal: ")).collect()
    }
}

impl Run {
    fn outcome(&self, text: &str) -> &Outcome {
        let wanted = address(text);
        let found = self.report.outcomes.iter().find(|outcome| outcome.address == wanted);
        &found.unwrap_or_else(|| panic!("an outcome of {text}")).outcome
    }
}

fn found(id: i64) -> Outcome {
    Outcome::Done { id: Some(Id::conversation(id)), found: true, partial_errors: Vec::new(), warnings: Vec::new() }
}

fn done(id: i64) -> Outcome {
    Outcome::Done { id: Some(Id::conversation(id)), found: false, partial_errors: Vec::new(), warnings: Vec::new() }
}
