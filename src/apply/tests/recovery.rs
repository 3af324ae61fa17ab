//! A process that can die at any instant, the disk that outlives it, and a tenant that remembers everything.
//!
//! [`Machine::command`] does what `dixaform apply` does, in the order in which it does it: bring home what the journal
//! has, settle what is in doubt, plan, check, apply, save, close. The disk holds text and nothing else, in the forms of
//! the state and the journal; a new process knows what it reads there. The tenant is the sandbox behind its HTTP
//! server, spoken to by the client that speaks to Dixa.

mod life;
mod tenant;

use std::sync::{Arc, Mutex, MutexGuard};

use super::*;
use crate::apply::look::Known;
use crate::apply::preflight::{PreflightError, preflight};
use crate::apply::settle::{Settling, Verdict};
use crate::journal::{Append, DecidedBy, Decision, JournalError, Replayed, cut_down, read, write_line};
use crate::state::file_v1;

pub(super) use life::{Death, Life, Mortal, Place};
pub(super) use tenant::{Script, Tenant, sandbox_with};

/// How old a call must be before it is believed that it made nothing.
pub(super) const SETTLE: Duration = Duration::from_millis(30);

/// What a process leaves behind.
#[derive(Clone, Debug, Default)]
struct Files {
    state: Option<String>,
    journal: Vec<u8>,
}

/// The files of one tenant, in the hands of one process after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Files>>);

impl Disk {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().expect("no panic while it is held")
    }

    /// Another disk with the same on it.
    pub(super) fn copy(&self) -> Self {
        Disk(Arc::new(Mutex::new(self.files().clone())))
    }

    /// The state as it was saved last.
    pub(super) fn state(&self) -> State {
        let text = self.files().state.clone();
        text.map_or_else(|| State::new(Lineage(uuid::Uuid::new_v4())), |text| file_v1::read(&text).expect("a state"))
    }

    pub(super) fn has_journal(&self) -> bool {
        !self.files().journal.is_empty()
    }

    fn entries(&self) -> Vec<Entry> {
        read(&self.files().journal).expect("only the last line can be torn").entries
    }

    /// Cuts off a torn last line, as opening a journal does.
    fn repair(&self) {
        let mut files = self.files();
        let sound = crate::journal::sound_bytes(&files.journal).expect("only the last line can be torn");
        files.journal.truncate(usize::try_from(sound).expect("it is in memory"));
        if files.journal.last().is_some_and(|end| *end != b'\n') {
            files.journal.push(b'\n');
        }
    }
}

/// How a command ended that did not die.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nothing was left to do; what could not be settled is given.
    NothingToDo(Vec<InDoubt>),
    /// It was carried out as far as the report says.
    Applied(ApplyReport),
    /// A read before the first write failed; nothing was sent.
    Refused(crate::api::CallError),
}

/// The real clock, and chance.
pub(super) struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> String {
        jiff::Timestamp::now().to_string()
    }

    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}

/// What a command is run with.
pub(super) struct Machine<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) disk: &'a Disk,
    pub(super) last_applied: LastApplied,
    pub(super) verify: bool,
    pub(super) settle: Duration,
}

impl<'a> Machine<'a> {
    pub(super) fn new(tenant: &'a Tenant, disk: &'a Disk) -> Self {
        Machine { tenant, disk, last_applied: LastApplied::Full, verify: false, settle: SETTLE }
    }

    /// Runs a command that may die where a test says. None if it died.
    pub(super) async fn command_and_die(&self, manifests: &Desired, death: Death) -> Option<Ended> {
        let life = Life::that_ends(self.disk, death);
        tokio::select! {
            biased;
            ended = self.apply(&life, manifests) => Some(ended),
            () = life.ended() => None,
        }
    }

    /// Runs a command to its end, and gives back what happened on the way.
    pub(super) async fn command(&self, manifests: &Desired) -> (Ended, Life) {
        let life = Life::without_end(self.disk);
        (self.apply(&life, manifests).await, life)
    }

    pub(super) fn plan(&self, manifests: &Desired) -> Plan {
        let Replayed { state, in_doubt, .. } = replay(self.disk.state(), &self.disk.entries()).expect("it fits");
        self.plan_of(manifests, &state, &in_doubt)
    }

    fn plan_of(&self, manifests: &Desired, state: &State, in_doubt: &[InDoubt]) -> Plan {
        let target = Target {
            name: "staging".into(),
            base_url: "https://dev.dixa.io".into(),
            organization_id: None,
            rate_limit: RateLimit::DIXA,
        };
        let in_doubt = in_doubt.iter().map(|doubt| doubt.address.clone()).collect();
        let options = PlanOptions { verify: self.verify, in_doubt, ..PlanOptions::new(target) };
        plan(manifests, state, &options)
    }

    /// `dixaform apply --yes`.
    async fn apply(&self, life: &Life, manifests: &Desired) -> Ended {
        let api = Mortal { inner: self.tenant.client.writer(), life };
        let mut taken = self.take(life).await;
        if !taken.in_doubt.is_empty() {
            taken = match self.settle(life, &api, taken).await {
                Ok(taken) => taken,
                Err(error) => return Ended::Refused(error),
            };
        }
        let plan = self.plan_of(manifests, taken.replay.state(), &taken.in_doubt);
        if plan.is_empty() {
            return Ended::NothingToDo(taken.in_doubt);
        }
        let organization = match preflight(&api, &plan, plan.tenant.organization_id.as_deref()).await {
            Ok(found) => found.organization.map(|organization| organization.id),
            Err(PreflightError::Call(_, error)) => return Ended::Refused(error),
            Err(other) => panic!("{other:?}"),
        };
        let kept = RefCell::new(taken.replay);
        self.open(life, &kept, organization).await;
        let job = job::Run {
            plan: &plan,
            api: &api,
            journal: life,
            clock: &RealClock,
            last_applied: self.last_applied,
            project: None,
            patience: self.patience(),
            sent_again: &taken.not_made,
        };
        let (_handle, mut stop) = stop_signal();
        let report = run(&job, &kept, &mut stop, &|_| {}).await;
        self.close(life, kept).await;
        Ended::Applied(report)
    }

    /// Brings home what only the journal has.
    async fn take(&self, life: &Life) -> Taken {
        let state = self.disk.state();
        let entries = self.disk.entries();
        let mut kept = Replay::new(state.clone());
        for entry in &entries {
            kept.add(entry).expect("the journal fits the state");
        }
        let mut replayed = kept.clone().finish();
        if replayed.open && replayed.state != state {
            replayed.state.serial += 1;
            life.save(&replayed.state).await;
            return Box::pin(self.take(life)).await;
        }
        if !entries.is_empty() && replayed.in_doubt.is_empty() {
            life.tidy(Vec::new()).await;
            kept = Replay::new(replayed.state);
        }
        Taken { replay: kept, in_doubt: replayed.in_doubt, not_made: BTreeSet::new() }
    }

    async fn open(&self, life: &Life, kept: &RefCell<Replay>, organization_id: Option<String>) {
        self.disk.repair();
        let opened = Entry::Opened {
            run: uuid::Uuid::new_v4(),
            lineage: kept.borrow().state().lineage,
            base_serial: kept.borrow().state().serial,
            tenant: TenantIdentity { base_url: "https://dev.dixa.io".into(), organization_id },
            command: "apply".into(),
            at: RealClock.now(),
            pid: 1,
        };
        write(life, kept, opened).await;
    }

    async fn close(&self, life: &Life, kept: RefCell<Replay>) -> Taken {
        let Replayed { mut state, in_doubt, .. } = kept.into_inner().finish();
        state.serial += 1;
        life.save(&state).await;
        life.append(Entry::Closed { serial: state.serial, at: RealClock.now() }).await.expect("there is room");
        let in_doubt = in_doubt.into_iter().map(|doubt| doubt.seq).collect();
        life.tidy(cut_down(&self.disk.entries(), &in_doubt)).await;
        self.take(life).await
    }

    /// Settles what is in doubt as far as a machine can.
    async fn settle<A: crate::api::Read>(
        &self,
        life: &Life,
        api: &A,
        taken: Taken,
    ) -> Result<Taken, crate::api::CallError> {
        let organization = api.organization().await?.id;
        let settling = Settling {
            api,
            clock: &RealClock,
            patience: self.patience(),
            known: Known::of(taken.replay.state()),
            sent_again: &BTreeSet::new(),
        };
        let settled = settling.settle(&taken.in_doubt, &taken.in_doubt, &|_| {}).await;
        let (mut decisions, mut not_made) = (Vec::new(), BTreeSet::new());
        for (doubt, verdict) in taken.in_doubt.iter().zip(settled.verdicts) {
            match verdict? {
                Verdict::Made(id) => decisions.push((doubt.seq, Decision::Adopt(id))),
                Verdict::NotMade => {
                    not_made.insert(doubt.address.clone());
                    decisions.push((doubt.seq, Decision::Create));
                }
                Verdict::Question(_) | Verdict::Open(_) => {}
            }
        }
        if decisions.is_empty() {
            return Ok(taken);
        }
        let kept = RefCell::new(taken.replay);
        self.open(life, &kept, Some(organization)).await;
        for (seq, decision) in decisions {
            write(life, &kept, Entry::Decided { seq, decision, by: DecidedBy::Machine, at: RealClock.now() }).await;
        }
        Ok(Taken { not_made, ..self.close(life, kept).await })
    }

    /// The sandbox is done with a call when it has answered or hung up, and its lists lag as the tests say.
    fn patience(&self) -> Patience {
        Patience { settle: self.settle, request_timeout: Duration::ZERO, alone: self.settle }
    }
}

/// What a command begins with.
struct Taken {
    replay: Replay,
    in_doubt: Vec<InDoubt>,
    not_made: BTreeSet<Address>,
}

async fn write(life: &Life, kept: &RefCell<Replay>, entry: Entry) {
    kept.borrow_mut().add(&entry).expect("the entry fits");
    life.append(entry).await.expect("there is room");
}
