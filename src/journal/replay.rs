//! What a state becomes when the entries of its journal are added, and what stays in doubt.
//!
//! # Which entries count
//!
//! A state is saved with its serial grown by one, and only after the journal was replayed into it (rule 2 of
//! [`crate::journal`]). So a run that was opened on the serial that the state still has was never saved, and its
//! effects are added; a run that was opened on a smaller serial is in the state already, and its effects are passed
//! over. That holds also when the process died between saving and [`Entry::Closed`], and when it never comes to a
//! second run. A run opened on a larger serial belongs to a state that is gone, which is an error: guessing could lose
//! or double conversations.
//!
//! A state that is kept in git can be exchanged for one of the same lineage that was saved elsewhere, with a larger
//! serial and without what the run did. So what is passed over is held against the state: a conversation that such a
//! run recorded, and that the state has neither under an address nor among those that were replaced, is
//! [unrecorded](Replay::unrecorded), and the journal does [not fit](Replay::fits) before a person has decided about it.
//! While a journal is there, records go only by its own entries, so a journal whose effects were saved always fits.
//! Attributes that were written without the state knowing need no such care: the next plan writes them again.
//!
//! Being in doubt has nothing to do with serials: a call stays in doubt, through any number of runs, until an entry
//! ends it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::{Address, Attributes, Id};
use crate::desired::Desired;
use crate::hint::Hint;
use crate::journal::effect;
use crate::journal::entry::{CallKind, Decision, Entry, Heard, Intent};
use crate::spec::Spec;
use crate::state::{self, Applied, Lineage, Record, State, TenantIdentity};

/// A state with its journal in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Its serial is still that of the state before: who saves it lets it grow.
    pub state: State,
    /// In ascending order of `seq`.
    pub in_doubt: Vec<InDoubt>,
    /// The last run was not closed: the state is to be saved, then [`Entry::Closed`] to be written.
    pub open: bool,
    /// The largest `seq` so far; the next call takes a larger one.
    pub last_seq: u64,
}

/// A call that makes a conversation, that began, and whose end is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct InDoubt {
    pub seq: u64,
    pub address: Address,
    /// One that makes something.
    pub call: CallKind,
    pub intent: Intent,
    /// When the call began, RFC 3339 in UTC.
    pub since: String,
    pub heard: Heard,
    /// Why its end is not known; none when the process died during the call.
    pub message: Option<String>,
}

/// Why a journal does not fit its state, or itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("the journal has the lineage {journal}, the state {state}: they don't belong together")]
    OtherLineage { journal: Lineage, state: Lineage },
    #[error("the journal continues from serial {journal}, but the state is older, at serial {state}")]
    StateTooOld { journal: u64, state: u64 },
    #[error("the journal is of the tenant {}, the state of {}", name_of(journal), name_of(state))]
    OtherTenant { journal: TenantIdentity, state: TenantIdentity },
    #[error("an entry is outside a run")]
    NotOpened,
    #[error("two calls have the number {seq}")]
    SeqReused { seq: u64 },
    #[error("an entry ends call {seq}, which did not begin or has ended before")]
    NotPending { seq: u64 },
    #[error("{} {id:#} would be recorded for {address}, and {owner} has it already", id.noun())]
    OwnedTwice { id: Id, address: Address, owner: Address },
    #[error("a call makes a new one for {address}, which has {id:#} already and does not take its place")]
    HasRecord { address: Address, id: Id },
    #[error(
        "the state (serial {state}) lacks conversations that the journal says were created or adopted: {}",
        listed(unrecorded)
    )]
    Unrecorded {
        state: u64,
        /// Never empty.
        unrecorded: Vec<(Address, Id)>,
    },
}

/// At most this many are named in a message; `dixaform recover` lists all.
const NAMED_MAX: usize = 20;

fn listed(unrecorded: &[(Address, Id)]) -> String {
    let named: Vec<String> =
        unrecorded.iter().take(NAMED_MAX).map(|(address, id)| format!("{address} is {id:#}")).collect();
    match unrecorded.len() - named.len() {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

fn name_of(tenant: &TenantIdentity) -> String {
    match &tenant.organization_id {
        Some(organization) => format!("{} (organization {organization})", tenant.base_url),
        None => tenant.base_url.clone(),
    }
}

impl Hint for ReplayError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match self {
            ReplayError::StateTooOld { .. } => {
                "restore the newer state, from git or from its backup; the journal alone does not have everything that \
                 was in it. If that state is lost for good, adopt the conversations that the journal created with \
                 `dixaform/adopt`. Then look in Dixa for what calls made that have begun but not ended, and adopt \
                 that, too. Only then move the journal away"
            }
            ReplayError::OtherLineage { .. } | ReplayError::OtherTenant { .. } => {
                "restore the state that the journal belongs to, or move the journal away if that state is gone for good"
            }
            ReplayError::NotOpened
            | ReplayError::SeqReused { .. }
            | ReplayError::NotPending { .. }
            | ReplayError::OwnedTwice { .. } => {
                "the journal was edited, or merged from several journals: restore it, or fix it by hand"
            }
            ReplayError::HasRecord { .. } => {
                "the state has changed since the call began: `dixaform recover --forget ADDRESS` keeps the record, and \
                 leaves alone what the call made. If the journal was edited, or merged from several journals, restore it"
            }
            ReplayError::Unrecorded { .. } => {
                "while this journal waited, the state was replaced by one that was saved elsewhere. `dixaform recover` \
                 lists them all; `--adopt ADDRESS=ID` records one, and `--forget ADDRESS` leaves one alone"
            }
        }))
    }
}

/// Adds a journal to the state beside it.
///
/// A state that was never saved takes the lineage of the journal: the process died before its first save.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay(state: State, entries: &[Entry]) -> Result<Replayed, ReplayError> {
    let mut replay = Replay::new(state);
    for entry in entries {
        replay.add(entry)?;
    }
    replay.fits()?;
    Ok(replay.finish())
}

/// [`replay()`] one entry at a time, for a run that keeps its state current while it writes its journal. It adds what
/// it appends up to [`Entry::Closed`], which speaks of a state that was saved.
#[derive(Clone, Debug)]
pub struct Replay {
    state: State,
    /// Whose conversation it is; the state itself can only be asked the other way round.
    owners: BTreeMap<Id, Address>,
    /// The state is perhaps no longer the one that the replay began with, or was saved last.
    changed: bool,
    calls: Calls,
}

/// What a journal says beside what it makes of the state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    run: Option<Run>,
    seqs: BTreeSet<u64>,
    /// By their numbers, the calls that began and did not end, a PATCH too.
    pending: BTreeMap<u64, InDoubt>,
    /// What runs that were passed over have recorded under an id that no record of the state had at that time.
    passed_over: BTreeMap<Address, Record>,
}

/// The run that entries belong to at the moment.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    /// Its effects are not in the state yet.
    counts: bool,
    open: bool,
}

impl Calls {
    /// The highest `seq` so far; 0 if there was none.
    pub fn last_seq(&self) -> u64 {
        self.seqs.last().copied().unwrap_or(0)
    }
}

impl Replay {
    pub fn new(state: State) -> Self {
        Replay::going_on(state, Calls::default())
    }

    /// Goes on where [`Replay::into_parts`] left off.
    pub fn going_on(state: State, calls: Calls) -> Self {
        let owners = state.records.iter().map(|(address, record)| (record.id, address.clone())).collect();
        Replay { state, owners, changed: false, calls }
    }

    /// The state, and what [`Replay::going_on`] needs beside it.
    pub fn into_parts(self) -> (State, Calls) {
        (self.state, self.calls)
    }

    /// Ends what the last run left open, as the next one does when it begins: nothing of the journal is then missing in
    /// the state. Calls that may have made a conversation stay in doubt.
    pub fn settle(&mut self) {
        self.note_doubtful_patches();
        self.drop_known();
    }

    /// Whether the last run was not closed, so that its effects may be in the journal only.
    pub fn is_open(&self) -> bool {
        self.calls.run.as_ref().is_some_and(|run| run.open)
    }

    /// Whether the state is perhaps another one than the replay began with, or than was saved last.
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// Lets the serial grow for a state that is about to be saved. From then on the replay is what it would be if the
    /// saved state were read again, with its journal.
    pub fn grow(&mut self) {
        self.grow_past(0);
    }

    /// [`Replay::grow`], past another serial as well.
    pub fn grow_past(&mut self, other: u64) {
        self.state.serial = self.state.serial.max(other) + 1;
        self.changed = false;
        if let Some(run) = &mut self.calls.run {
            run.counts = false;
        }
    }

    /// Notes in the records what their manifests were made of; see [`state::remember`].
    pub fn remember(&mut self, desired: &Desired) {
        state::remember(&mut self.state, desired);
    }

    /// Lets the record of an address share the memory of a spec that is the same; see [`Spec::share`].
    pub fn share(&mut self, address: &Address, spec: &Spec) {
        if let Some(Record { applied: Applied::Full(kept), .. }) = self.state.records.get_mut(address) {
            kept.share(spec);
        }
    }

    /// The highest `seq` so far; 0 when there was none.
    pub fn last_seq(&self) -> u64 {
        self.calls.last_seq()
    }

    /// The state with all entries so far in it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Adds the next entry.
    ///
    /// # Errors
    /// The entry does not fit the state or the entries before it; nothing changes then.
    pub fn add(&mut self, entry: &Entry) -> Result<(), ReplayError> {
        if let Entry::Opened { run: _, lineage, base_serial, tenant, command: _, at: _, pid: _ } = entry {
            return self.open(*lineage, *base_serial, tenant);
        }
        let Some(run) = self.calls.run.as_mut().filter(|run| run.open) else { return Err(ReplayError::NotOpened) };
        let counts = run.counts;
        match entry {
            Entry::Opened { .. } => {}
            Entry::Began { seq, address, call, intent } => {
                if counts && call.makes() {
                    self.fits_address(address, intent, None)?;
                }
                if !self.calls.seqs.insert(*seq) {
                    return Err(ReplayError::SeqReused { seq: *seq });
                }
                let pending = InDoubt {
                    seq: *seq,
                    address: address.clone(),
                    call: *call,
                    intent: (**intent).clone(),
                    since: intent.at.clone(),
                    heard: Heard::Nothing,
                    message: None,
                };
                self.calls.pending.insert(*seq, pending);
            }
            Entry::Succeeded { seq, id, partial_errors, answered, at } => {
                self.succeed(*seq, *id, partial_errors, answered, at)?;
            }
            Entry::Failed { seq, certain: true, message: _, at: _ } => self.end(*seq)?,
            Entry::Failed { seq, certain: false, message, at: _ } => self.doubt(*seq, Heard::Nothing, message)?,
            Entry::InDoubt { seq, heard, message, at: _ } => self.doubt(*seq, *heard, message)?,
            Entry::Adopted { address, record } => self.put(address, (**record).clone())?,
            Entry::Forgot { address } => self.forget(address),
            Entry::Decided { seq, decision: Decision::Adopt(id), by: _, at } => {
                self.succeed(*seq, *id, &[], &Attributes::new(), at)?;
            }
            Entry::Decided { seq, decision: Decision::Create | Decision::Forget, by: _, at: _ } => self.end(*seq)?,
            Entry::Doubled { address, id } => self.change(address, |record| {
                if record.ids().all(|known| known != *id) {
                    record.doubles.push(*id);
                }
            }),
            Entry::Kept { address, id } => self.keep(address, *id)?,
            Entry::Closed { serial, at: _ } => {
                if self.state.serial < *serial {
                    return Err(ReplayError::StateTooOld { journal: *serial, state: self.state.serial });
                }
                run.open = false;
            }
        }
        Ok(())
    }

    /// Whose conversation it is.
    pub fn owner_of(&self, id: Id) -> Option<&Address> {
        self.owners.get(&id)
    }

    /// What a call that began and has not ended is about.
    pub fn intent(&self, seq: u64) -> Option<&Intent> {
        self.calls.pending.get(&seq).map(|pending| &pending.intent)
    }

    /// Whether a call of this address may have made a conversation, and its end is not known.
    pub fn is_in_doubt(&self, address: &Address) -> bool {
        self.calls.pending.values().any(|pending| pending.call.makes() && pending.address == *address)
    }

    /// Whether there is anything in [`Replay::in_doubt`].
    pub fn has_doubt(&self) -> bool {
        self.calls.pending.values().any(|pending| pending.call.makes())
    }

    /// The calls that may have made a conversation and whose end is not known, in ascending order of `seq`.
    pub fn in_doubt(&self) -> Vec<InDoubt> {
        self.calls.pending.values().filter(|pending| pending.call.makes()).cloned().collect()
    }

    /// The records of conversations that are in the journal and not in the state, although the state is newer than the
    /// runs that made or adopted them.
    pub fn unrecorded(&self) -> Vec<(&Address, &Record)> {
        if self.calls.passed_over.is_empty() {
            return Vec::new();
        }
        let replaced: BTreeSet<_> = self.state.records.values().flat_map(|record| &record.replaced).collect();
        let is_known = |id| self.owners.contains_key(id) || replaced.contains(id);
        self.calls.passed_over.iter().filter(|(_, record)| !is_known(&record.id)).collect()
    }

    /// Keeps of what was passed over only what the state does not know, before a run that counts can change the state.
    fn drop_known(&mut self) {
        let unrecorded: BTreeSet<Address> = self.unrecorded().into_iter().map(|(address, _)| address.clone()).collect();
        self.calls.passed_over.retain(|address, _| unrecorded.contains(address));
    }

    /// Whether the state knows every conversation that the journal has.
    ///
    /// # Errors
    /// [`ReplayError::Unrecorded`]. Neither the journal nor the state may be written then, but by [`Replay::record`].
    pub fn fits(&self) -> Result<(), ReplayError> {
        let unrecorded = self.unrecorded();
        if unrecorded.is_empty() {
            return Ok(());
        }
        let unrecorded = unrecorded.into_iter().map(|(address, record)| (address.clone(), record.id)).collect();
        Err(ReplayError::Unrecorded { state: self.state.serial, unrecorded })
    }

    /// Takes what is [unrecorded](Replay::unrecorded) under this address into the state.
    ///
    /// # Errors
    /// The state has a record of this address that the unrecorded conversation did not take the place of; its
    /// conversation.
    pub fn record(&mut self, address: &Address) -> Result<(), Id> {
        let Some(mut record) = self.calls.passed_over.get(address).cloned() else { return Ok(()) };
        if let Some(before) = self.state.records.get(address) {
            if !record.replaced.contains(&before.id) {
                return Err(before.id);
            }
            // The run had them in the record that it replaced, and its intent speaks of the last one only.
            let older = before.replaced.iter().filter(|id| !record.replaced.contains(id));
            record.replaced = older.chain(&record.replaced).copied().collect();
            self.owners.remove(&before.id);
        }
        self.calls.passed_over.remove(address);
        self.owners.insert(record.id, address.clone());
        self.state.records.insert(address.clone(), record);
        self.changed = true;
        Ok(())
    }

    /// A PATCH whose end is not known may have written or not: its record says so, and the next plan writes everything.
    fn note_doubtful_patches(&mut self) {
        let patches = self.calls.pending.extract_if(.., |_, pending| !pending.call.makes());
        let patches: Vec<InDoubt> = patches.map(|(_, pending)| pending).collect();
        let counts = self.counts();
        let records = if counts { &mut self.state.records } else { &mut self.calls.passed_over };
        for InDoubt { address, call, intent, .. } in patches {
            if let Some(record) = records.get_mut(&address) {
                *record = effect::perhaps(record, &intent, call);
                self.changed |= counts;
            }
        }
    }

    pub fn finish(mut self) -> Replayed {
        self.note_doubtful_patches();
        Replayed { in_doubt: self.in_doubt(), open: self.is_open(), last_seq: self.last_seq(), state: self.state }
    }

    fn open(&mut self, lineage: Lineage, base_serial: u64, tenant: &TenantIdentity) -> Result<(), ReplayError> {
        // What the run before left open ends with it.
        self.note_doubtful_patches();
        self.drop_known();
        let never_saved = self.state.serial == 0 && self.state.records.is_empty() && self.calls.run.is_none();
        if lineage != self.state.lineage && !never_saved {
            return Err(ReplayError::OtherLineage { journal: lineage, state: self.state.lineage });
        }
        if base_serial > self.state.serial {
            return Err(ReplayError::StateTooOld { journal: base_serial, state: self.state.serial });
        }
        let counts = base_serial == self.state.serial;
        self.same_tenant(tenant)?;
        if counts {
            self.take_tenant(tenant);
            self.changed |= self.state.lineage != lineage;
            self.state.lineage = lineage;
        }
        self.calls.run = Some(Run { counts, open: true });
        Ok(())
    }

    fn same_tenant(&self, tenant: &TenantIdentity) -> Result<(), ReplayError> {
        let Some(known) = &self.state.tenant else { return Ok(()) };
        let organizations = (&known.organization_id, &tenant.organization_id);
        let differ = matches!(organizations, (Some(known), Some(other)) if known != other);
        if differ || known.base_url != tenant.base_url {
            return Err(ReplayError::OtherTenant { journal: tenant.clone(), state: known.clone() });
        }
        Ok(())
    }

    /// The same tenant, of which a run may have learned more.
    fn take_tenant(&mut self, tenant: &TenantIdentity) {
        let Some(known) = &mut self.state.tenant else {
            self.state.tenant = Some(tenant.clone());
            self.changed = true;
            return;
        };
        if known.organization_id.is_none() && tenant.organization_id.is_some() {
            self.changed = true;
            known.organization_id.clone_from(&tenant.organization_id);
        }
    }

    fn succeed(
        &mut self,
        seq: u64,
        id: Id,
        partial: &[String],
        answered: &Attributes,
        at: &str,
    ) -> Result<(), ReplayError> {
        let pending = self.calls.pending.get(&seq).ok_or(ReplayError::NotPending { seq })?;
        let address = pending.address.clone();
        if self.counts() && pending.call.makes() {
            self.fits_address(&address, &pending.intent, Some(id))?;
        }
        let records = if self.counts() { &self.state.records } else { &self.calls.passed_over };
        let before = records.get(&address);
        let record = if pending.call.makes() {
            let number = before.map(|record| record.number + 1).unwrap_or(0).max(self.state.next_number(&address));
            Some(effect::made(&pending.intent, id, partial, at, (before, number)))
        } else {
            // The attributes of a conversation that is no longer managed are nobody's.
            let before = before.filter(|record| record.id == id);
            before.map(|record| effect::of(record, &pending.intent, pending.call, answered, at))
        };
        if let Some(record) = record {
            self.put(&address, record)?;
        }
        self.end(seq)
    }

    /// Makes sure that a call which makes a conversation takes the place of the one that its address has, if any.
    fn fits_address(&self, address: &Address, intent: &Intent, made: Option<Id>) -> Result<(), ReplayError> {
        let known = [intent.replaced, made];
        match self.state.records.get(address) {
            Some(record) if !known.contains(&Some(record.id)) => {
                Err(ReplayError::HasRecord { address: address.clone(), id: record.id })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn doubt(&mut self, seq: u64, heard: Heard, message: &str) -> Result<(), ReplayError> {
        let pending = self.calls.pending.get_mut(&seq).ok_or(ReplayError::NotPending { seq })?;
        (pending.heard, pending.message) = (heard, Some(message.to_owned()));
        Ok(())
    }

    /// Changes a record, where it is.
    fn change(&mut self, address: &Address, change: impl FnOnce(&mut Record)) {
        let counts = self.counts();
        let records = if counts { &mut self.state.records } else { &mut self.calls.passed_over };
        if let Some(record) = records.get_mut(address) {
            change(record);
            self.changed |= counts;
        }
    }

    /// Keeps one of the conversations of a record that has doubles; the others count as replaced.
    fn keep(&mut self, address: &Address, id: Id) -> Result<(), ReplayError> {
        let records = if self.counts() { &self.state.records } else { &self.calls.passed_over };
        let Some(mut record) = records.get(address).cloned() else { return Ok(()) };
        let others = record.doubles.drain(..).chain([record.id]).filter(|other| *other != id);
        let others: Vec<Id> = others.collect();
        record.replaced.extend(others);
        if record.id != id {
            // Whether the attributes were written to it, nobody knows.
            (record.id, record.attributes_digest, record.made_of) = (id, None, None);
            (record.handling_digest, record.put_on) = (None, Vec::new());
            (record.applied, record.answered) = (effect::not_handled(&record.applied), Attributes::new());
        }
        self.put(address, record)
    }

    fn end(&mut self, seq: u64) -> Result<(), ReplayError> {
        self.calls.pending.remove(&seq).map(|_| ()).ok_or(ReplayError::NotPending { seq })
    }

    fn put(&mut self, address: &Address, record: Record) -> Result<(), ReplayError> {
        if !self.counts() {
            if !self.owners.contains_key(&record.id) {
                self.calls.passed_over.insert(address.clone(), record);
            }
            return Ok(());
        }
        if let Some(owner) = self.owners.get(&record.id).filter(|owner| *owner != address) {
            let (address, owner) = (address.clone(), owner.clone());
            return Err(ReplayError::OwnedTwice { id: record.id, address, owner });
        }
        self.changed = true;
        self.owners.insert(record.id, address.clone());
        if let Some(before) = self.state.records.insert(address.clone(), record)
            && self.state.records.get(address).is_none_or(|record| record.id != before.id)
        {
            self.owners.remove(&before.id);
        }
        Ok(())
    }

    fn forget(&mut self, address: &Address) {
        if !self.counts() {
            self.calls.passed_over.remove(address);
        } else if let Some(record) = self.state.forget(address) {
            self.owners.remove(&record.id);
            self.changed = true;
        }
    }

    fn counts(&self) -> bool {
        self.calls.run.as_ref().is_some_and(|run| run.counts)
    }
}
