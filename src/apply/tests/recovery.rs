//! A process that can die at any instant, the disk that outlives it, and a tenant that remembers everything.
//!
//! [`Machine::command`] does what `dixaform apply` does, in the order in which it does it: bring home what the journal
//! has, settle what is in doubt, look for what was made before where there is no state, plan, check, apply, save,
//! close. The disk holds text and nothing else, in the forms of the state and the journal; a new process knows what it
//! reads there. The tenant is the sandbox behind its HTTP server, spoken to by the client that speaks to Dixa, or
//! whatever else a test puts in its place.

mod life;
mod tenant;

use crate::apply::named_before::{self, NamesError};
use crate::apply::names::{Asked, Unknown};
use std::sync::{Arc, Mutex, MutexGuard};

use super::*;
use crate::api::{CallError, Read, Write, WriteClient};
use crate::apply::look::Known;
use crate::apply::preflight::{self, Lacking, PreflightError, Ready};
use crate::apply::rebuild::{Rebuilding, Wanted};
use crate::apply::settle::{Settling, Verdict};
use crate::conversation::Kind;
use crate::journal::{
    Append, DecidedBy, Decision, JournalError, REBUILD, ReplayError, Replayed, cut_down, read, without_cut_off_rebuild,
    write_line,
};
use crate::plan::{Described, Observation, Observations};
use crate::state::file_v1;
use crate::store::{Depot, Look, Objects, Remote, SystemClocks};
use object_store::memory::InMemory;

pub(super) use life::{Death, Life, Mortal, Place};
pub(super) use tenant::{Script, Tenant, sandbox_with};

/// How old a call must be before it is believed that it made nothing.
pub(super) const SETTLE: Duration = Duration::from_millis(30);

/// What a process leaves behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) state: Option<String>,
    pub(super) journal: Vec<u8>,
    /// How much of the journal has reached the disk for sure.
    pub(super) synced: usize,
    /// The newest state that was seen here, which the lock remembers.
    newest: Option<(Lineage, u64)>,
}

/// The files of one tenant, in the hands of one process after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    files: Arc<Mutex<Files>>,
    /// Where they really are, if not on a disk: each process then reads them there, and [`Files`] is what it has read and
    /// written.
    store: Option<(Depot, Taking)>,
}

/// How a process takes a state in a store that another one had, which did not let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    /// By force, where nothing is on its way to the tenant any more.
    AtOnce,
    /// By force, and what may be on its way is waited for.
    ByForce,
    /// It waits until that one is dead.
    AfterLease,
}

impl Disk {
    pub(super) fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().expect("no panic while it is held")
    }

    /// Another disk with the same on it.
    pub(super) fn copy(&self) -> Self {
        Disk { files: Arc::new(Mutex::new(self.files().clone())), store: None }
    }

    /// A prefix of an object store in memory.
    pub(super) fn in_store() -> Self {
        let objects = Remote::new(Arc::new(InMemory::new()), "a", Duration::from_secs(30));
        Disk::of_store(Arc::new(objects), Taking::AtOnce)
    }

    /// What a machine has of a store.
    pub(crate) fn of_store(objects: Arc<dyn Objects>, taking: Taking) -> Self {
        Disk { files: Arc::default(), store: Some((Depot::new(objects, Arc::new(SystemClocks)), taking)) }
    }

    pub(super) fn is_in_store(&self) -> bool {
        self.store.is_some()
    }

    /// Reads what is in the store, if it is in one.
    pub(super) async fn look(&self) {
        let Some((store, _)) = &self.store else { return };
        let look = store.look().await.expect("readable");
        let (state, journal) = look.map(|Look { state, journal, .. }| (state, journal)).unwrap_or_default();
        let mut files = self.files();
        (files.state, files.synced, files.journal) = (state, journal.len(), journal);
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
        let entries = read(&self.files().journal).expect("only the last line can be torn").entries;
        without_cut_off_rebuild(entries, self.state().serial)
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

    /// Whether the state is older than one that was seen here.
    pub(super) fn is_older(&self, state: &State) -> bool {
        self.newest(state) > state.serial
    }

    fn put_journal(&self, journal: Vec<u8>) {
        let mut files = self.files();
        (files.synced, files.journal) = (journal.len(), journal);
    }

    /// Takes this for the newest state that was seen here, unless a newer one was.
    fn note(&self, lineage: Lineage, serial: u64) {
        let mut files = self.files();
        let before = files.newest.filter(|(known, _)| *known == lineage).map_or(0, |(_, serial)| serial);
        files.newest = Some((lineage, serial.max(before)));
    }

    fn newest(&self, state: &State) -> u64 {
        self.files().newest.filter(|(lineage, _)| *lineage == state.lineage).map_or(0, |(_, serial)| serial)
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
    Refused(CallError),
    /// The journal does not fit the state; nothing was sent.
    NoFit(ReplayError),
    /// The state is older than one that was seen here; nothing was sent.
    Older,
    /// Another process has taken the state meanwhile.
    Fenced(Box<Fenced>),
}

/// What a process knows that has lost its state to another one.
#[derive(Debug)]
pub(crate) struct Fenced {
    pub(crate) report: ApplyReport,
    pub(crate) kept: Replay,
    /// Lines that it could not write into the journal.
    pub(crate) lost: Vec<u8>,
}

/// The real clock, and chance.
#[derive(Clone, Copy)]
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
pub(super) struct Machine<'a, A = WriteClient, C = RealClock> {
    /// The way to the tenant.
    pub(super) api: A,
    pub(super) clock: C,
    pub(super) disk: &'a Disk,
    pub(super) last_applied: LastApplied,
    pub(super) verify: bool,
    pub(super) markers: bool,
    pub(super) patience: Patience,
    /// The tenant is read before it is planned.
    pub(super) refresh: bool,
}

/// The sandbox is done with a call when it has answered or hung up, and its lists lag as the tests say.
pub(super) fn patience(settle: Duration) -> Patience {
    Patience { settle, request_timeout: Duration::ZERO, alone: settle }
}

impl<'a> Machine<'a> {
    pub(super) fn new(tenant: &Tenant, disk: &'a Disk) -> Self {
        Machine {
            api: tenant.client.writer(),
            clock: RealClock,
            disk,
            last_applied: LastApplied::Full,
            verify: false,
            markers: true,
            patience: patience(SETTLE),
            refresh: false,
        }
    }
}

impl<A: Write + crate::api::ReadCatalog + Clone, C: Clock> Machine<'_, A, C> {
    /// Runs a command that may die where a test says. None if it died.
    pub(super) async fn command_and_die(&self, manifests: &Desired, death: Death) -> Option<Ended> {
        let life = Life::that_ends(self.disk, death);
        let (_handle, stop) = stop_signal();
        self.live(&life, manifests, stop).await
    }

    /// Runs a command to its end, and gives back what happened on the way.
    pub(super) async fn command(&self, manifests: &Desired) -> (Ended, Life) {
        let life = Life::without_end(self.disk);
        let (_handle, mut stop) = stop_signal();
        let ended = self.apply(&life, manifests, &mut stop).await;
        life.release().await;
        (ended, life)
    }

    /// Runs a command as long as it lives. None if it died.
    pub(super) async fn live(&self, life: &Life, manifests: &Desired, mut stop: StopSignal) -> Option<Ended> {
        tokio::select! {
            biased;
            ended = async {
                let ended = self.apply(life, manifests, &mut stop).await;
                life.release().await;
                ended
            } => Some(ended),
            () = life.ended() => None,
        }
    }

    pub(super) fn plan(&self, manifests: &Desired) -> Plan {
        let Replayed { state, in_doubt, .. } = replay(self.disk.state(), &self.disk.entries()).expect("it fits");
        self.plan_of(manifests, &state, &in_doubt, Observations::new())
    }

    /// What is in doubt.
    ///
    /// # Errors
    /// The journal does not fit the state.
    pub(super) fn in_doubt(&self) -> Result<Vec<InDoubt>, ReplayError> {
        replay(self.disk.state(), &self.disk.entries()).map(|replayed| replayed.in_doubt)
    }

    fn plan_of(&self, manifests: &Desired, state: &State, in_doubt: &[InDoubt], observations: Observations) -> Plan {
        let target = Target {
            name: "staging".into(),
            base_url: "https://dev.dixa.io".into(),
            organization_id: None,
            rate_limit: RateLimit::DIXA,
        };
        let in_doubt = in_doubt.iter().map(|doubt| doubt.address.clone()).collect();
        let Machine { verify, markers, .. } = *self;
        plan(manifests, state, &PlanOptions { verify, markers, in_doubt, observations, ..PlanOptions::new(target) })
    }

    /// `dixaform apply --yes`.
    async fn apply(&self, life: &Life, manifests: &Desired, stop: &mut StopSignal) -> Ended {
        self.try_to_apply(life, manifests, stop).await.unwrap_or_else(|refused| refused)
    }

    /// # Errors
    /// Why nothing was sent.
    async fn try_to_apply(&self, life: &Life, manifests: &Desired, stop: &mut StopSignal) -> Result<Ended, Ended> {
        let api = Mortal { inner: self.api.clone(), life };
        let mut taken = self.take(life, Older::Refused).await?;
        if !taken.in_doubt.is_empty() {
            taken = self.settle(life, &api, taken).await?;
        }
        if taken.has_no_state() {
            taken = self.rebuild(life, &api, manifests, taken).await?;
        }
        let observations = match self.refresh {
            true => observe(&api, manifests, taken.replay.state()).await.map_err(Ended::Refused)?,
            false => Observations::new(),
        };
        let plan = self.plan_of(manifests, taken.replay.state(), &taken.in_doubt, observations);
        if plan.is_empty() {
            return Ok(Ended::NothingToDo(taken.in_doubt));
        }
        let organization = preflight::organization(&api, plan.tenant.organization_id.as_deref()).await;
        let checked = preflight::check(&api, &plan, &mut Asked::default()).await;
        let (organization, plan, tags) = match organization.and_then(|found| checked.map(|ready| (found, ready))) {
            Ok((found, Ready { plan, tags, .. })) => (found.map(|organization| organization.id), plan, tags),
            Err(PreflightError::Call(_, error)) => return Err(Ended::Refused(error)),
            Err(PreflightError::Lacking(Lacking { missing: unknown, mismatches })) if mismatches.is_empty() => {
                return Err(missing(unknown));
            }
            // A list that came empty by a fault has no attribute and no tag.
            Err(PreflightError::Lacking(Lacking { mismatches, .. })) => {
                let message = mismatches.into_iter().map(|misfit| misfit.misfit.message).collect();
                return Err(Ended::Refused(CallError::Rejected { status: 404, message }));
            }
            Err(other) => panic!("{other:?}"),
        };
        let kept = RefCell::new(taken.replay);
        self.open(life, &kept, organization, "apply").await;
        let job = job::Run {
            plan: &plan,
            api: &api,
            journal: life,
            clock: &self.clock,
            last_applied: self.last_applied,
            project: None,
            patience: self.patience,
            sent_again: &taken.not_made,
            tags: &tags,
        };
        let report = run(&job, &kept, stop, &|_| {}).await;
        if life.has_lost_its_state() {
            return Ok(Ended::Fenced(Box::new(Fenced { report, kept: kept.into_inner(), lost: life.lost() })));
        }
        self.close(life, kept).await?;
        Ok(Ended::Applied(report))
    }

    /// `dixaform state rebuild`, on a state that may be older than one that was seen here.
    pub(super) async fn state_rebuild(&self, life: &Life, manifests: &Desired) -> Result<(), Ended> {
        let api = Mortal { inner: self.api.clone(), life };
        let taken = self.take(life, Older::Tolerated).await?;
        let mut state = self.rebuild(life, &api, manifests, taken).await?.replay.state().clone();
        if self.disk.is_older(&state) {
            state.serial = self.disk.newest(&state) + 1;
            life.save(&state).await;
        }
        Ok(())
    }

    /// `dixaform recover` with the decisions of a person.
    pub(super) async fn recover(&self, decisions: Vec<(u64, Decision)>) -> Result<(), Ended> {
        let life = Life::without_end(self.disk);
        let taken = self.take(&life, Older::Refused).await?;
        let decided = |(seq, decision)| Entry::Decided { seq, decision, by: DecidedBy::Person, at: self.clock.now() };
        let done = self.write_down(&life, taken, None, "recover", decisions.into_iter().map(decided).collect()).await;
        life.release().await;
        done.map(|_| ())
    }

    /// Brings home what only the journal has.
    async fn take(&self, life: &Life, older: Older) -> Result<Taken, Ended> {
        life.take_store().await;
        let state = self.disk.state();
        let entries = self.disk.entries();
        if self.disk.has_journal() && entries.is_empty() {
            life.tidy(Vec::new()).await;
        }
        let mut kept = Replay::new(state.clone());
        for entry in &entries {
            kept.add(entry).map_err(Ended::NoFit)?;
        }
        kept.fits().map_err(Ended::NoFit)?;
        if older == Older::Refused && self.disk.is_older(kept.state()) {
            return Err(Ended::Older);
        }
        let mut replayed = kept.clone().finish();
        if replayed.open && replayed.state != state {
            replayed.state.serial += 1;
            life.save(&replayed.state).await;
            return Box::pin(self.take(life, older)).await;
        }
        if !entries.is_empty() && replayed.in_doubt.is_empty() {
            life.tidy(Vec::new()).await;
            kept = Replay::new(replayed.state);
        }
        Ok(Taken { replay: kept, in_doubt: replayed.in_doubt, not_made: BTreeSet::new() })
    }

    async fn open(&self, life: &Life, kept: &RefCell<Replay>, organization_id: Option<String>, command: &str) {
        // As it is, which shows that it can be replaced.
        let before = kept.borrow().state().clone();
        life.save(&before).await;
        self.disk.repair();
        let opened = Entry::Opened {
            run: uuid::Uuid::new_v4(),
            lineage: kept.borrow().state().lineage,
            base_serial: kept.borrow().state().serial,
            tenant: TenantIdentity { base_url: "https://dev.dixa.io".into(), organization_id },
            command: command.into(),
            at: self.clock.now(),
            pid: 1,
        };
        write(life, kept, opened).await;
    }

    async fn close(&self, life: &Life, kept: RefCell<Replay>) -> Result<Taken, Ended> {
        let Replayed { mut state, in_doubt, .. } = kept.into_inner().finish();
        state.serial = state.serial.max(self.disk.newest(&state)) + 1;
        life.save(&state).await;
        let closed = Entry::Closed { serial: state.serial, at: self.clock.now() };
        life.holds(life.append(closed.clone()).await).await;
        let in_doubt = in_doubt.into_iter().map(|doubt| doubt.seq).collect();
        life.tidy(cut_down(&self.disk.entries(), &in_doubt, &closed)).await;
        self.take(life, Older::Refused).await
    }

    /// Writes what was found out, as a run of its own.
    async fn write_down(
        &self,
        life: &Life,
        taken: Taken,
        organization: Option<String>,
        command: &str,
        entries: Vec<Entry>,
    ) -> Result<Taken, Ended> {
        if entries.is_empty() {
            return Ok(taken);
        }
        let kept = RefCell::new(taken.replay);
        self.open(life, &kept, organization, command).await;
        for entry in entries {
            write(life, &kept, entry).await;
        }
        self.close(life, kept).await
    }

    /// Settles what is in doubt as far as a machine can.
    async fn settle<R: Read>(&self, life: &Life, api: &R, taken: Taken) -> Result<Taken, Ended> {
        life.wait_for_calls_before().await;
        let organization = api.organization().await.map_err(Ended::Refused)?.id;
        let settling = Settling {
            api,
            clock: &self.clock,
            sent: None,
            patience: self.patience,
            known: Known::of(taken.replay.state()),
            sent_again: &BTreeSet::new(),
        };
        let settled = settling.settle(&taken.in_doubt, &taken.in_doubt, &|_| {}).await;
        let doubled = settled.doubles.into_iter().map(|(address, id)| Entry::Doubled { address, id });
        let (mut entries, mut not_made) = (doubled.collect::<Vec<_>>(), BTreeSet::new());
        for (doubt, verdict) in taken.in_doubt.iter().zip(settled.verdicts) {
            let decision = match verdict {
                Ok(Verdict::Made(id)) => Decision::Adopt(id),
                Ok(Verdict::NotMade) => {
                    not_made.insert(doubt.address.clone());
                    Decision::Create
                }
                Err(error @ CallError::Unauthorized { .. }) => return Err(Ended::Refused(error)),
                Ok(Verdict::Question(_) | Verdict::Open(_)) | Err(_) => continue,
            };
            entries.push(Entry::Decided { seq: doubt.seq, decision, by: DecidedBy::Machine, at: self.clock.now() });
        }
        let taken = self.write_down(life, taken, Some(organization), "recover", entries).await?;
        Ok(Taken { not_made, ..taken })
    }

    /// Looks for what was made before, and records it.
    async fn rebuild<R: crate::api::ReadCatalog>(
        &self,
        life: &Life,
        api: &R,
        manifests: &Desired,
        taken: Taken,
    ) -> Result<Taken, Ended> {
        let organization = api.organization().await.map_err(Ended::Refused)?.id;
        let state = taken.replay.state().clone();
        let rebuilding =
            Rebuilding { api, clock: &self.clock, project: None, last_applied: self.last_applied, state: &state };
        let wanted = manifests.iter().map(|manifest| Wanted {
            address: &manifest.address,
            moved_from: manifest.former(),
            spec: &manifest.spec,
            digests: manifest.digests,
            source: Some(&manifest.source),
            marked: manifest.facts.is_marked(self.markers),
            names: &manifest.names,
            ids: &manifest.ids,
            adopts: manifest.adopt,
        });
        let wanted: Vec<Wanted<'_>> = wanted.collect();
        let is_in_doubt = |wanted: &Wanted<'_>| taken.in_doubt.iter().any(|doubt| doubt.address == *wanted.address);
        let is_looked_for = |wanted: &Wanted<'_>| wanted.is_missing_in(&state) && !is_in_doubt(wanted);
        let is_end_user = |wanted: &Wanted<'_>| wanted.address.kind == Kind::EndUser;
        let first: Vec<Wanted<'_>> =
            wanted.iter().copied().filter(|wanted| is_end_user(wanted) && is_looked_for(wanted)).collect();
        let mut found = rebuilding.look(&first, &|_| {}).await.map_err(Ended::Refused)?;
        let known = rebuilding.with_ids(&wanted, &found, &mut Asked::default()).await.map_err(|error| match error {
            NamesError::Call(_, error) => Ended::Refused(error),
            NamesError::Unknown(unknown) => missing(unknown),
        })?;
        let others = wanted.iter().zip(&known).filter(|(wanted, _)| !is_end_user(wanted));
        let others = others.filter_map(|(wanted, known)| {
            let named_before::Known { spec, digests, ids } = known.as_ref()?;
            Some(Wanted { spec, digests: *digests, ids, ..*wanted })
        });
        let others: Vec<Wanted<'_>> = others.filter(is_looked_for).collect();
        found.extend(rebuilding.look(&others, &|_| {}).await.map_err(Ended::Refused)?);
        let entries = rebuilding.entries(&found, taken.replay.last_seq() + 1);
        self.write_down(life, taken, Some(organization), REBUILD, entries).await
    }
}

/// What is named, and is not there.
fn missing(unknown: Vec<Unknown>) -> Ended {
    let message = unknown.into_iter().map(|unknown| unknown.message).collect();
    Ended::Refused(CallError::Rejected { status: 404, message })
}

/// What the tenant has where records say that something is.
async fn observe<R: Read>(api: &R, manifests: &Desired, state: &State) -> Result<Observations, CallError> {
    let mut observations = Observations::new();
    let gone = |result: Result<Observation, CallError>| match result {
        Err(CallError::Rejected { status: 404, .. }) => Ok(Observation::NotFound),
        result => result,
    };
    for (address, record) in state.records.iter().filter(|(address, _)| manifests.get(address).is_some()) {
        let observation = match record.id {
            Id::EndUser(id) => gone(api.end_user(id).await.map(Observation::from))?,
            Id::Conversation(id) => {
                let described = Described::applied(address.kind, &record.applied);
                let read = api.conversation(id).await.map(|reading| Observation::of(reading, None, &described));
                match gone(read)? {
                    Observation::Present(mut seen) => {
                        let tags = api.tags_of(id).await?;
                        seen.handled.tags = Some(tags.into_iter().map(|tag| (tag.id, tag.name)).collect());
                        Observation::Present(seen)
                    }
                    other => other,
                }
            }
        };
        observations.insert(address.clone(), observation);
    }
    Ok(observations)
}

/// What becomes of a state that is older than one that was seen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Older {
    Refused,
    Tolerated,
}

/// What a command begins with.
struct Taken {
    replay: Replay,
    in_doubt: Vec<InDoubt>,
    not_made: BTreeSet<Address>,
}

impl Taken {
    fn has_no_state(&self) -> bool {
        let state = self.replay.state();
        state.serial == 0 && state.records.is_empty() && self.in_doubt.is_empty()
    }
}

async fn write(life: &Life, kept: &RefCell<Replay>, entry: Entry) {
    kept.borrow_mut().add(&entry).expect("the entry fits");
    life.holds(life.append(entry).await).await;
}
