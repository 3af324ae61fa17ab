//! A run that is open in the journal, from its first entry until its effects are in the saved state.

use std::cell::RefCell;

use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::state_access::{self, Taken};
use crate::journal::{Append as _, Entry, Replay};
use crate::project::Tenant;
use crate::workspace::JournalFile;

/// The open run.
pub struct Ledger {
    taken: Taken,
    pub journal: JournalFile,
    pub replay: RefCell<Replay>,
}

impl Ledger {
    /// Opens a run on the state that was taken.
    ///
    /// # Errors
    /// The journal can't be written; nothing may be sent then.
    pub async fn open(taken: Taken, tenant: &Tenant, organization: Option<&str>, command: &str) -> Result<Self, Error> {
        let journal = JournalFile::open(&taken.files.journal).map_err(|error| state_access::of_journal(&error))?;
        let replay = RefCell::new(taken.replay.clone());
        let ledger = Ledger { taken, journal, replay };
        let opened = state_access::opened(&ledger.taken.state, tenant, organization, command);
        ledger.write(opened).await?;
        Ok(ledger)
    }

    /// Writes an entry so that it lasts.
    pub async fn write(&self, entry: Entry) -> Result<(), Error> {
        self.replay.borrow_mut().add(&entry).map_err(|error| Error::of(Exit::Failed, &error))?;
        self.journal.append(entry).await.map_err(|error| state_access::of_journal(&error))
    }

    /// Saves the state, and cuts the journal down to what is still in doubt.
    ///
    /// # Errors
    /// The state can't be saved. Nothing is lost: the journal has every id, and the next command brings them home.
    pub async fn close(self) -> Result<Taken, Error> {
        let Ledger { mut taken, journal, replay } = self;
        let mut state = replay.into_inner().finish().state;
        state.serial += 1;
        taken.store.save(&state).map_err(|error| state_access::of_state(&error))?;
        let closed = Entry::Closed { serial: state.serial, at: SystemClock::timestamp() };
        // The state is saved; an unwritten `Closed` only means that the journal is looked at once more.
        let _ = journal.append(closed).await;
        drop(journal);
        JournalFile::tidy(&taken.files.journal).map_err(|error| state_access::of_journal(&error))?;
        taken.reload()
    }
}
