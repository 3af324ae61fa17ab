//! A run that is open in the journal, from its first entry until its effects are in the saved state.

use std::cell::RefCell;

use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::state_access::{self, Taken};
use crate::journal::{Append as _, Entry, Replay};
use crate::project::Tenant;
use crate::state::Lineage;
use crate::workspace::{JournalFile, StateFiles, StateLock, StateStore};

/// The open run.
pub struct Ledger {
    under_lock: UnderLock,
    pub journal: JournalFile,
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
    /// The journal can't be written; nothing may be sent then.
    pub async fn open(taken: Taken, tenant: &Tenant, organization: Option<&str>, command: &str) -> Result<Self, Error> {
        let Taken { files, store, state, in_doubt: _, calls, lock } = taken;
        let journal = JournalFile::open(&files.journal).map_err(|error| state_access::of_journal(&error))?;
        let opened = state_access::opened(&state, tenant, organization, command);
        let replay = RefCell::new(Replay::going_on(state, calls));
        let ledger = Ledger { under_lock: UnderLock { files, store, lock }, journal, replay };
        ledger.write(opened).await?;
        Ok(ledger)
    }

    /// Writes an entry so that it lasts.
    pub async fn write(&self, entry: Entry) -> Result<(), Error> {
        self.replay.borrow_mut().add(&entry).map_err(|error| Error::of(Exit::Failed, &error))?;
        self.journal.append(entry).await.map_err(|error| state_access::of_journal(&error))
    }

    /// Saves the state, cuts the journal down to what is still in doubt, and takes both again as they are then.
    ///
    /// # Errors
    /// As for [`Ledger::finish`].
    pub async fn close(self) -> Result<Taken, Error> {
        let (UnderLock { files, store, lock }, lineage) = self.save().await?;
        state_access::read(files, store, lineage, lock)
    }

    /// Saves the state, cuts the journal down to what is still in doubt, and lets go of the lock.
    ///
    /// # Errors
    /// The state can't be saved. Nothing is lost: the journal has every id, and the next command brings them home.
    pub async fn finish(self) -> Result<(), Error> {
        self.save().await.map(|_| ())
    }

    async fn save(self) -> Result<(UnderLock, Lineage), Error> {
        let Ledger { mut under_lock, journal, replay } = self;
        let mut replay = replay.into_inner();
        replay.settle();
        replay.grow();
        let state = replay.state();
        under_lock.store.save(state).map_err(|error| state_access::of_state(&error))?;
        let closed = Entry::Closed { serial: state.serial, at: SystemClock::timestamp() };
        // The state is saved; an unwritten `Closed` only means that the journal is looked at once more.
        let is_closed = journal.append(closed).await.is_ok();
        drop(journal);
        let path = &under_lock.files.journal;
        // What the journal has is what was replayed, so it need not be read again to know that nothing is in doubt.
        let tidied = if is_closed && !replay.has_doubt() { JournalFile::remove(path) } else { JournalFile::tidy(path) };
        tidied.map_err(|error| state_access::of_journal(&error))?;
        Ok((under_lock, state.lineage))
    }
}
