//! The state of a tenant, for one command alone: a file under the operating system's lock, or a prefix of a store.
//!
//! Both promise the same, and commands don't ask which of the two it is.

mod files;
mod knowledge;
mod late;
mod remote;

pub use files::InFiles;
pub use knowledge::Knowledge;
pub use late::tell as tell_late;
pub use remote::{InStore, Looked, check_specs, look, read_journal, read_state, take, take_unlocked, told};

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::apply::StopSignal;
use crate::apply::settle::SentBefore;
use crate::cli::error::Error;
use crate::conversation::Address;
use crate::journal::{Entry, Replay};
use crate::state::{Lineage, Seal, State};
use crate::workspace::JournalWriter;

/// State and journal, held until this is dropped.
pub enum Held {
    Files(Box<InFiles>),
    Store(Box<InStore>),
}

/// What a journal is left with.
pub struct Left {
    /// The calls that are still in doubt.
    pub in_doubt: BTreeSet<u64>,
    /// Ends runs that were cut off.
    pub closed: Entry,
}

impl Left {
    /// What is still in doubt in a replay whose state is about to be saved, or is.
    pub fn of(replay: &Replay, at: String) -> Self {
        let in_doubt = replay.in_doubt().into_iter().map(|doubt| doubt.seq).collect();
        Left { in_doubt, closed: Entry::Closed { serial: replay.state().serial, at } }
    }
}

impl Held {
    /// What messages call the state.
    pub fn name(&self) -> String {
        match self {
            Held::Files(held) => held.name(),
            Held::Store(held) => held.name(),
        }
    }

    /// What messages call the journal.
    pub fn journal_name(&self) -> String {
        match self {
            Held::Files(held) => held.journal_name(),
            Held::Store(held) => held.journal_name(),
        }
    }

    /// The state, or none where none was ever saved; with specs that are checked if a journal may say something about
    /// them.
    pub fn load(&mut self) -> Result<Option<State>, Error> {
        match self {
            Held::Files(held) => held.load(),
            Held::Store(held) => held.load(),
        }
    }

    /// Makes sure that the specs of some records of the state are specs.
    pub fn check_specs(&self, state: &mut State, which: impl Fn(&Address) -> bool) -> Result<(), Error> {
        match self {
            Held::Files(held) => held.check_specs(state, which),
            Held::Store(held) => held.check_specs(state, which),
        }
    }

    /// The seal of what was loaded or saved last.
    pub fn seal(&self) -> Option<Seal> {
        match self {
            Held::Files(held) => held.seal(),
            Held::Store(held) => held.seal(),
        }
    }

    /// The journal, beside a state of this serial. A rebuild that was cut off is taken out of it for good.
    pub fn entries(&mut self, serial: u64) -> Result<Vec<Entry>, Error> {
        match self {
            Held::Files(held) => held.entries(serial),
            Held::Store(held) => held.entries(serial),
        }
    }

    /// The newest serial of a state of this lineage that was seen here.
    pub fn newest(&self, lineage: Lineage) -> Option<u64> {
        match self {
            Held::Files(held) => held.newest(lineage),
            Held::Store(held) => held.newest(lineage),
        }
    }

    /// Whether the newest state of this lineage that was seen here has this serial, and is another one.
    pub fn is_other(&self, lineage: Lineage, serial: u64) -> bool {
        match self {
            Held::Files(held) => held.is_other(lineage, serial),
            Held::Store(held) => held.is_other(lineage, serial),
        }
    }

    /// Takes the state with this serial and this seal for the newest of its lineage from now on.
    pub fn note(&mut self, lineage: Lineage, serial: u64, seal: Option<Seal>) {
        match self {
            Held::Files(held) => held.note(lineage, serial, seal),
            Held::Store(held) => held.note(lineage, serial, seal),
        }
    }

    /// [`Held::note`] of the state that was saved last.
    pub fn note_saved(&mut self, state: &State) {
        let seal = self.seal();
        self.note(state.lineage, state.serial, seal);
    }

    /// Makes this the state, and leaves the journal alone.
    pub fn save(&mut self, state: &State) -> Result<(), Error> {
        match self {
            Held::Files(held) => held.save(state),
            Held::Store(held) => held.save(state),
        }
    }

    /// Removes the journal: all of it is in the saved state.
    pub fn drop_journal(&mut self) -> Result<(), Error> {
        match self {
            Held::Files(held) => held.drop_journal(),
            Held::Store(held) => held.drop_journal(),
        }
    }

    /// Cuts the journal down to what is still in doubt, whatever it says of how that ended.
    pub fn cut_down(&mut self, left: &Left) -> Result<(), Error> {
        match self {
            Held::Files(held) => held.cut_down(left),
            Held::Store(held) => held.cut_down(left),
        }
    }

    /// Opens the journal for a run that begins with this state, after making sure that the state can be replaced.
    pub fn open_journal(&mut self, state: &State) -> Result<JournalWriter, Error> {
        match self {
            Held::Files(held) => held.open_journal(state),
            Held::Store(held) => held.open_journal(state),
        }
    }

    /// Whatever the run that listens to this still waits for ends when its time is over; until the task is aborted.
    pub fn stop_with(&self, stop: &StopSignal) -> Option<JoinHandle<()>> {
        match self {
            Held::Files(_) => None,
            Held::Store(held) => Some(held.stop_with(stop.clone())),
        }
    }

    /// Ends a run: its state is saved, and its journal cut down to what is still in doubt; with `release`, nothing is
    /// held any more.
    pub async fn conclude(
        &mut self,
        journal: JournalWriter,
        replay: &Replay,
        left: &Left,
        release: bool,
    ) -> Result<(), Error> {
        match self {
            Held::Files(held) => held.conclude(journal, replay, left).await,
            Held::Store(held) => held.conclude(journal, replay, left, release),
        }
    }

    /// Brings home what runs have made that were fenced before they could write it down; says whether that changed
    /// something. The state of the replay is to be saved then.
    pub fn bring_home_late(&mut self, replay: &mut Replay, opened: impl Fn(&State) -> Entry) -> Result<bool, Error> {
        match self {
            Held::Files(_) => Ok(false),
            Held::Store(held) => held.bring_home_late(replay, opened),
        }
    }

    /// When calls that are in doubt were sent at the latest, where the clock of another machine may have written that
    /// into the journal.
    pub fn sent_before(&self) -> Result<Option<SentBefore>, Error> {
        match self {
            Held::Files(_) => Ok(None),
            Held::Store(held) => held.sent_before().map(Some),
        }
    }

    /// How long calls of a run that was taken over may still be on their way.
    pub fn calls_on_their_way(&self, sent: Option<SentBefore>) -> Duration {
        match (self, sent) {
            (Held::Store(held), Some(sent)) => held.calls_on_their_way(sent),
            _ => Duration::ZERO,
        }
    }
}
