//! What a state becomes when the entries of its journal are added, and what stays in doubt.
//!
//! # Which entries count
//!
//! A state is saved with its serial grown by one, and only after the journal was replayed into it (rule 2 of
//! [`crate::journal`]). So a run that was opened on the serial that the state still has was never saved, and its effects are
//! added; a run that was opened on a smaller serial is in the state already, and its effects are passed over. That holds
//! also when the process died between saving and [`Entry::Closed`], and when it never comes to a second run. A run opened on
//! a larger serial belongs to a state that is gone, which is an error: guessing could lose or double conversations.
//!
//! Being in doubt has nothing to do with serials: a call stays in doubt, through any number of runs, until an entry ends it.

use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::{Address, ConversationId};
use crate::journal::effect;
use crate::journal::entry::{CallKind, Decision, Entry, Intent};
use crate::spec::Spec;
use crate::state::{Applied, Lineage, Record, State, TenantIdentity};

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
    /// Never [`CallKind::Patch`].
    pub call: CallKind,
    pub intent: Intent,
    /// When the call began, RFC 3339 in UTC.
    pub since: String,
    /// Why its end is not known; none when the process died during the call.
    pub message: Option<String>,
}

/// Why a journal does not fit its state, or itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("the journal has the lineage {journal}, the state {state}: they don't belong together")]
    OtherLineage { journal: Lineage, state: Lineage },
    #[error("the journal goes on from serial {journal}, and the state is older, at serial {state}")]
    StateTooOld { journal: u64, state: u64 },
    #[error("the journal is of the tenant {}, the state of {}", name_of(journal), name_of(state))]
    OtherTenant { journal: TenantIdentity, state: TenantIdentity },
    #[error("an entry stands outside of a run")]
    NotOpened,
    #[error("two calls have the number {seq}")]
    SeqReused { seq: u64 },
    #[error("an entry ends call {seq}, which did not begin or has ended before")]
    NotPending { seq: u64 },
    #[error("conversation #{id} would be recorded for {address}, and {owner} has it already")]
    OwnedTwice { id: ConversationId, address: Address, owner: Address },
}

fn name_of(tenant: &TenantIdentity) -> String {
    match &tenant.organization_id {
        Some(organization) => format!("{} (organization {organization})", tenant.base_url),
        None => tenant.base_url.clone(),
    }
}

impl ReplayError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ReplayError::StateTooOld { .. } => {
                "restore the newer state, from git or from its backup; the journal alone does not know all that was in it"
            }
            ReplayError::OtherLineage { .. } | ReplayError::OtherTenant { .. } => {
                "restore the state that the journal belongs to, or move the journal away if that state is gone for good"
            }
            ReplayError::NotOpened
            | ReplayError::SeqReused { .. }
            | ReplayError::NotPending { .. }
            | ReplayError::OwnedTwice { .. } => {
                "the journal was edited or joined from several: restore it, or mend it by hand"
            }
        }
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
    Ok(replay.finish())
}

/// What is left of a journal whose last run is closed: the calls in doubt, with the runs that they belong to. Empty: the
/// journal can go. None: the last run is still open, and all of the journal is needed.
pub fn carry_over(entries: &[Entry]) -> Option<Vec<Entry>> {
    if !matches!(entries.last(), None | Some(Entry::Closed { .. })) {
        return None;
    }
    let mut in_doubt = BTreeSet::new();
    for entry in entries {
        match entry {
            Entry::Began { seq, address: _, call, intent: _ } if call.makes() => {
                in_doubt.insert(*seq);
            }
            Entry::Succeeded { seq, .. } | Entry::Failed { seq, certain: true, .. } | Entry::Decided { seq, .. } => {
                in_doubt.remove(seq);
            }
            Entry::Opened { .. }
            | Entry::Began { .. }
            | Entry::Failed { .. }
            | Entry::InDoubt { .. }
            | Entry::Adopted { .. }
            | Entry::Forgot { .. }
            | Entry::Closed { .. } => {}
        }
    }
    let speaks_of_doubt = |entry: &&Entry| match entry {
        Entry::Began { seq, .. } | Entry::Failed { seq, certain: false, .. } | Entry::InDoubt { seq, .. } => {
            in_doubt.contains(seq)
        }
        _ => false,
    };
    let mut kept = Vec::new();
    for run in entries.chunk_by(|_, next| !matches!(next, Entry::Opened { .. })) {
        let of_run: Vec<&Entry> = run.iter().filter(speaks_of_doubt).collect();
        if !of_run.is_empty() {
            let opened = run.iter().filter(|entry| matches!(entry, Entry::Opened { .. }));
            let closed = run.iter().filter(|entry| matches!(entry, Entry::Closed { .. }));
            kept.extend(opened.chain(of_run).chain(closed).cloned());
        }
    }
    Some(kept)
}

/// [`replay()`] one entry at a time, for a run that keeps its state current while it writes its journal. It adds what it
/// appends up to [`Entry::Closed`], which speaks of a state that was saved.
#[derive(Clone, Debug)]
pub struct Replay {
    state: State,
    /// Whose conversation it is; the state itself can only be asked the other way round.
    owners: BTreeMap<ConversationId, Address>,
    /// The state is perhaps no longer the one that the replay began with, or was saved last.
    changed: bool,
    calls: Calls,
}

/// What a journal says beside what it makes of the state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    run: Option<Run>,
    seqs: BTreeSet<u64>,
    pending: BTreeMap<u64, Pending>,
}

/// The run that entries belong to at the moment.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    /// Its effects are not in the state yet.
    counts: bool,
    open: bool,
}

/// A call that began.
#[derive(Clone, Debug, PartialEq)]
struct Pending {
    address: Address,
    call: CallKind,
    intent: Intent,
    message: Option<String>,
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
        self.state.serial += 1;
        self.changed = false;
        if let Some(run) = &mut self.calls.run {
            run.counts = false;
        }
    }

    /// Lets the record of an address share the text of a spec that is the same; see [`Spec::share`].
    pub fn share(&mut self, address: &Address, spec: &Spec) {
        if let Some(Record { applied: Applied::Full(kept), .. }) = self.state.records.get_mut(address) {
            kept.share(spec);
        }
    }

    /// The highest `seq` so far; 0 when there was none.
    pub fn last_seq(&self) -> u64 {
        self.calls.seqs.last().copied().unwrap_or(0)
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
        match entry {
            Entry::Opened { .. } => {}
            Entry::Began { seq, address, call, intent } => {
                if !self.calls.seqs.insert(*seq) {
                    return Err(ReplayError::SeqReused { seq: *seq });
                }
                let (address, call, intent) = (address.clone(), *call, (**intent).clone());
                self.calls.pending.insert(*seq, Pending { address, call, intent, message: None });
            }
            Entry::Succeeded { seq, id, partial_errors, at } => self.succeed(*seq, *id, partial_errors, at)?,
            Entry::Failed { seq, certain: true, message: _, at: _ } => self.end(*seq)?,
            Entry::Failed { seq, certain: false, message, at: _ } | Entry::InDoubt { seq, message, at: _ } => {
                let pending = self.calls.pending.get_mut(seq).ok_or(ReplayError::NotPending { seq: *seq })?;
                pending.message = Some(message.clone());
            }
            Entry::Adopted { address, record } => self.put(address, (**record).clone())?,
            Entry::Forgot { address } => self.forget(address),
            Entry::Decided { seq, decision: Decision::Adopt(id), by: _, at } => self.succeed(*seq, *id, &[], at)?,
            Entry::Decided { seq, decision: Decision::Create | Decision::Forget, by: _, at: _ } => self.end(*seq)?,
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
    pub fn owner_of(&self, id: ConversationId) -> Option<&Address> {
        self.owners.get(&id)
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
        let makes = self.calls.pending.iter().filter(|(_, pending)| pending.call.makes());
        makes
            .map(|(seq, Pending { address, call, intent, message })| InDoubt {
                seq: *seq,
                address: address.clone(),
                call: *call,
                since: intent.at.clone(),
                intent: intent.clone(),
                message: message.clone(),
            })
            .collect()
    }

    /// A PATCH whose end is not known may have written or not: its record says so, and the next plan writes everything.
    fn note_doubtful_patches(&mut self) {
        let patches = self.calls.pending.extract_if(.., |_, pending| !pending.call.makes());
        let patches: Vec<Pending> = patches.map(|(_, pending)| pending).collect();
        if !self.counts() {
            return;
        }
        for Pending { address, intent, .. } in patches {
            if let Some(record) = self.state.records.get_mut(&address) {
                *record = effect::perhaps_patched(record, &intent);
                self.changed = true;
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
        let never_saved = self.state.serial == 0 && self.state.records.is_empty() && self.calls.run.is_none();
        if lineage != self.state.lineage && !never_saved {
            return Err(ReplayError::OtherLineage { journal: lineage, state: self.state.lineage });
        }
        if base_serial > self.state.serial {
            return Err(ReplayError::StateTooOld { journal: base_serial, state: self.state.serial });
        }
        let counts = base_serial == self.state.serial;
        if counts {
            self.take_tenant(tenant)?;
            self.changed |= self.state.lineage != lineage;
            self.state.lineage = lineage;
        }
        self.calls.run = Some(Run { counts, open: true });
        Ok(())
    }

    fn take_tenant(&mut self, tenant: &TenantIdentity) -> Result<(), ReplayError> {
        let Some(known) = &mut self.state.tenant else {
            self.state.tenant = Some(tenant.clone());
            self.changed = true;
            return Ok(());
        };
        let organizations = (&known.organization_id, &tenant.organization_id);
        let differ = matches!(organizations, (Some(known), Some(other)) if known != other);
        if differ || known.base_url != tenant.base_url {
            return Err(ReplayError::OtherTenant { journal: tenant.clone(), state: known.clone() });
        }
        if known.organization_id.is_none() && tenant.organization_id.is_some() {
            self.changed = true;
            known.organization_id.clone_from(&tenant.organization_id);
        }
        Ok(())
    }

    fn succeed(&mut self, seq: u64, id: ConversationId, partial: &[String], at: &str) -> Result<(), ReplayError> {
        let pending = self.calls.pending.get(&seq).ok_or(ReplayError::NotPending { seq })?;
        let address = pending.address.clone();
        let before = self.state.records.get(&address);
        let record = if pending.call.makes() {
            Some(effect::made(&pending.intent, id, partial, at, before))
        } else {
            // The attributes of a conversation that is no longer managed are nobody's.
            before.filter(|record| record.id == id).map(|record| effect::patched(record, &pending.intent, at))
        };
        if let Some(record) = record {
            self.put(&address, record)?;
        }
        self.end(seq)
    }

    fn end(&mut self, seq: u64) -> Result<(), ReplayError> {
        self.calls.pending.remove(&seq).map(|_| ()).ok_or(ReplayError::NotPending { seq })
    }

    fn put(&mut self, address: &Address, record: Record) -> Result<(), ReplayError> {
        if !self.counts() {
            return Ok(());
        }
        if let Some(owner) = self.owners.get(&record.id).filter(|owner| *owner != address) {
            let (address, owner) = (address.clone(), owner.clone());
            return Err(ReplayError::OwnedTwice { id: record.id, address, owner });
        }
        self.forget(address);
        self.changed = true;
        self.owners.insert(record.id, address.clone());
        self.state.records.insert(address.clone(), record);
        Ok(())
    }

    fn forget(&mut self, address: &Address) {
        if self.counts()
            && let Some(record) = self.state.records.remove(address)
        {
            self.owners.remove(&record.id);
            self.changed = true;
        }
    }

    fn counts(&self) -> bool {
        self.calls.run.as_ref().is_some_and(|run| run.counts)
    }
}
