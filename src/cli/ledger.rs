//! A run that is open in the journal, from its first entry until its effects are in the saved state.

use std::cell::RefCell;
use std::path::Path;

use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::state_access::{self, Older, Taken};
use crate::desired::Desired;
use crate::journal::{Append as _, Entry, JournalError, Replay};
use crate::plan::{Plan, moves};
use crate::project::Tenant;
use crate::state::{Lineage, State};
use crate::workspace::{JournalFile, JournalWriter, Kept, StateError, StateFiles, StateLock, StateStore};

/// The open run.
pub struct Ledger {
    under_lock: UnderLock,
    pub journal: JournalWriter,
    kept: Kept,
    pub replay: RefCell<Replay>,
}

/// The files of a state, locked until this is dropped.
struct UnderLock {
    files: StateFiles,
    store: StateStore,
    lock: StateLock,
}

impl Ledger {
    /// Opens a run on the state that was taken.
    ///
    /// # Errors
    /// The state can't be replaced, or was since it was taken, the journal can't be written, or the state has no room
    /// for what a run would add; nothing may be sent then.
    pub async fn open(taken: Taken, tenant: &Tenant, organization: Option<&str>, command: &str) -> Result<Self, Error> {
        let Taken { files, mut store, state, in_doubt: _, calls, lock } = taken;
        store.prove(&state).map_err(nothing_was_sent)?;
        let (journal, kept) = JournalFile::open(&files.journal, store.room())?;
        let opened = state_access::opened(&state, tenant, organization, command);
        let replay = RefCell::new(Replay::going_on(state, calls));
        let ledger = Ledger { under_lock: UnderLock { files, store, lock }, journal, kept, replay };
        ledger.write(opened).await?;
        Ok(ledger)
    }

    /// Gives the records that a plan moves their new addresses, and saves that at once: a process that dies afterwards
    /// leaves a state in which they have moved, and nothing else was done.
    ///
    /// # Errors
    /// As for [`Ledger::open`].
    pub fn move_records(taken: &mut Taken, plan: &Plan) -> Result<(), Error> {
        let moved = moves::carry_out(plan, &mut taken.state);
        let moved = moved.map_err(|error| Error::new(Exit::Refused, error.to_string()).hint("nothing was sent"))?;
        if moved > 0 { taken.save().map_err(nothing_was_sent) } else { Ok(()) }
    }

    /// Writes an entry so that it lasts.
    pub async fn write(&self, entry: Entry) -> Result<(), Error> {
        self.replay.borrow_mut().add(&entry)?;
        Ok(self.journal.append(entry).await?)
    }

    /// Saves the state, cuts the journal down to what is still in doubt, and takes both again as they are then.
    ///
    /// # Errors
    /// As for [`Ledger::finish`].
    pub async fn close(self) -> Result<Taken, Error> {
        let (UnderLock { files, store, lock }, lineage) = self.save(&Desired::default()).await?;
        state_access::read(files, store, lineage, lock, Older::Refused)
    }

    /// Saves the state, cuts the journal down to what is still in doubt, and lets go of the lock. The records note what
    /// the manifests were made of.
    ///
    /// # Errors
    /// The state can't be saved. Nothing is lost: the journal has every id, and the next command brings them home.
    pub async fn finish(self, desired: &Desired) -> Result<(), Error> {
        self.save(desired).await.map(|_| ())
    }

    async fn save(self, desired: &Desired) -> Result<(UnderLock, Lineage), Error> {
        let Ledger { mut under_lock, journal, kept, replay } = self;
        let mut replay = replay.into_inner();
        replay.settle();
        replay.remember(desired);
        // What is saved is the newest one from now on, whatever was seen here before.
        replay.grow_past(under_lock.lock.newest(replay.state().lineage).unwrap_or_default());
        let state = replay.state();
        if let Err(error) = under_lock.store.save(state) {
            drop(journal);
            return Err(not_saved(error, &under_lock.store, state, kept));
        }
        under_lock.lock.note(state.lineage, state.serial, under_lock.store.seal());
        let closed = Entry::Closed { serial: state.serial, at: SystemClock::timestamp() };
        // The state is saved; an unwritten `Closed` only means that the journal is looked at once more.
        let _ = journal.append(closed.clone()).await;
        drop(journal);
        tidy(&under_lock.files.journal, &replay, &closed)?;
        Ok((under_lock, state.lineage))
    }
}

/// Why a run can't begin: a state that was replaced while somebody thought about the plan is no doubt yet.
fn nothing_was_sent(error: StateError) -> Error {
    match error {
        StateError::Replaced { .. } => {
            let hint = "nothing was sent, and nothing was written; run it again, with the state that is there now";
            Error { exit: Exit::Refused, hints: vec![hint.to_owned()], ..error.into() }
        }
        _ => Error::from(error).hint("nothing was sent: what is made could not be saved"),
    }
}

/// Why a run can't be saved. Its journal stays, even if somebody has removed that too; a state that is gone can be put
/// back from its backup, with all that was done.
fn not_saved(error: StateError, store: &StateStore, state: &State, kept: Kept) -> Error {
    let is_gone = matches!(error, StateError::Replaced { gone: true, .. });
    let error = Error::from(error);
    let error = match is_gone.then(|| store.save_as_backup(state)) {
        Some(Ok(backup)) => error.hint(format!("{} has the whole state, with all that was done", backup.display())),
        Some(Err(_)) | None => error,
    };
    match kept.put_back() {
        Ok(place) => error.hint(format!("all that was done is in {}", place.display())),
        Err(lost) => error.hint(format!("what was done could not be kept: {lost}")),
    }
}

/// Leaves of the journal what is in doubt, which the run knows without reading it again.
///
/// A journal that could not be written to its end is not believed: of a call that the run has seen end, and that is in
/// the saved state, it may say only that it began. The next run would look for what was made, find it taken, and could
/// take a stranger's conversation for it.
fn tidy(path: &Path, replay: &Replay, closed: &Entry) -> Result<(), JournalError> {
    if !replay.has_doubt() {
        return JournalFile::remove(path);
    }
    JournalFile::cut_down(path, &replay.in_doubt().into_iter().map(|doubt| doubt.seq).collect(), closed)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at the files")]
mod tests {
    use super::*;
    use crate::conversation::{Address, Attributes, Conversation, Id, Kind};
    use crate::handling::Handling;
    use crate::journal::{CallKind, Decision, Intent, write_line};
    use crate::spec::Spec;
    use crate::state::{Applied, TenantIdentity};
    use serde_json::Map;

    fn opened() -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: Lineage(uuid::Uuid::nil()),
            base_serial: 1,
            tenant: TenantIdentity { base_url: "sandbox".into(), organization_id: None },
            command: "apply".into(),
            at: String::new(),
            pid: 1,
        }
    }

    fn began(seq: u64) -> Entry {
        let wanted = Conversation { content: Map::new(), attributes: Attributes::new(), handling: Handling::default() };
        let intent = Intent {
            tag: None,
            digests: wanted.digests(),
            applied: Applied::Full(Spec::of(&wanted)),
            source: None,
            requester: None,
            marker: None,
            known_before: Vec::new(),
            names: Default::default(),
            replaced: None,
            at: String::new(),
        };
        let address = Address::new(Kind::Conversation, &format!("c{seq}")).expect("a name");
        Entry::Began { seq, address, call: CallKind::Create, intent: Box::new(intent) }
    }

    /// The calls that are in doubt in a journal that has these entries, after a run that knew more was tidied up; none
    /// when the journal is gone.
    fn in_doubt_after(written: &[Entry], lost: &[Entry]) -> Option<Vec<u64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.journal");
        std::fs::write(&path, written.iter().map(write_line).collect::<String>()).expect("written");
        let state = State { serial: 1, ..State::new(Lineage(uuid::Uuid::nil())) };
        let mut replay = Replay::new(state);
        written.iter().chain(lost).for_each(|entry| replay.add(entry).expect("it fits"));
        replay.settle();
        replay.grow();
        tidy(&path, &replay, &Entry::Closed { serial: 2, at: String::new() }).expect("tidied");
        let mut again = Replay::new(replay.state().clone());
        let entries = path.exists().then(|| JournalFile::read_all(&path).expect("sound"))?;
        entries.iter().for_each(|entry| again.add(entry).expect("it fits"));
        assert_eq!(again.fits(), Ok(()));
        Some(again.in_doubt().into_iter().map(|doubt| doubt.seq).collect())
    }

    #[test]
    fn how_a_call_ended_is_known_although_it_could_not_be_written() {
        let at = String::new;
        let ends = [
            Entry::Succeeded {
                seq: 1,
                id: Id::conversation(7),
                partial_errors: Vec::new(),
                answered: Attributes::new(),
                at: at(),
            },
            Entry::Failed { seq: 1, certain: true, message: at(), at: at() },
            Entry::Decided { seq: 1, decision: Decision::Create, by: crate::journal::DecidedBy::Machine, at: at() },
        ];
        for end in ends {
            let lost = [end];
            assert_eq!(in_doubt_after(&[opened(), began(1)], &lost), None, "{lost:?}");
            assert_eq!(in_doubt_after(&[opened(), began(1), began(2)], &lost), Some(vec![2]), "{lost:?}");
        }
    }

    #[test]
    fn what_is_in_doubt_stays_so_and_what_was_never_written_was_never_sent() {
        assert_eq!(in_doubt_after(&[opened(), began(1)], &[]), Some(vec![1]));
        assert_eq!(in_doubt_after(&[opened(), began(1)], &[began(2)]), Some(vec![1]));
        assert_eq!(in_doubt_after(&[opened()], &[began(2)]), None);
    }
}
