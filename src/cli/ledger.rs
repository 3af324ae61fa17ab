//! A run that is open in the journal, from its first entry until its effects are in the saved state.

use std::cell::RefCell;

use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::held::{Held, Left};
use crate::cli::state_access::{self, Older, Taken};
use crate::desired::Desired;
use crate::journal::{Append as _, Entry, Replay};
use crate::plan::{Plan, moves};
use crate::project::Tenant;
use crate::state::{Lineage, State};
use crate::workspace::JournalWriter;

/// The open run.
pub struct Ledger {
    held: Held,
    /// Its first entry.
    opened: Entry,
    pub journal: JournalWriter,
    pub replay: RefCell<Replay>,
}

impl Ledger {
    /// Opens a run on the state that was taken.
    ///
    /// # Errors
    /// The state can't be replaced, or was since it was taken, the journal can't be written, or the state has no room
    /// for what a run would add; nothing may be sent then.
    pub async fn open(taken: Taken, tenant: &Tenant, organization: Option<&str>, command: &str) -> Result<Self, Error> {
        let Taken { mut held, state, in_doubt: _, calls } = taken;
        let journal = held.open_journal(&state)?;
        let opened = state_access::opened(&state, tenant, organization, command);
        let replay = RefCell::new(Replay::going_on(state, calls));
        let ledger = Ledger { held, opened: opened.clone(), journal, replay };
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
        let opened = self.opened.clone();
        let (held, lineage) = self.save(&Desired::default(), false).await?;
        // A run that was taken over may have noted something since: that is brought home by a run of its own.
        state_access::read(held, lineage, Older::Refused, |state| again(&opened, state))
    }

    /// Saves the state, cuts the journal down to what is still in doubt, and lets go of the lock. The records note what
    /// the manifests were made of.
    ///
    /// # Errors
    /// The state can't be saved. Nothing is lost: the journal has every id, and the next command records them.
    pub async fn finish(self, desired: &Desired) -> Result<(), Error> {
        self.save(desired, true).await.map(|_| ())
    }

    async fn save(self, desired: &Desired, release: bool) -> Result<(Held, Lineage), Error> {
        let Ledger { mut held, opened: _, journal, replay } = self;
        let mut replay = replay.into_inner();
        replay.settle();
        replay.remember(desired);
        // What is saved is the newest one from now on, whatever was seen here before.
        replay.grow_past(held.newest(replay.state().lineage).unwrap_or_default());
        let left = Left::of(&replay, SystemClock::timestamp());
        held.conclude(journal, &replay, &left, release).await?;
        Ok((held, replay.state().lineage))
    }
}

/// The first entry of another run that goes on from this state.
fn again(opened: &Entry, state: &State) -> Entry {
    let mut opened = opened.clone();
    if let Entry::Opened { run, lineage, base_serial, at, .. } = &mut opened {
        (*run, *lineage, *base_serial) = (uuid::Uuid::new_v4(), state.lineage, state.serial);
        *at = SystemClock::timestamp();
    }
    opened
}

/// Why records can't move before a run begins: a state that was replaced while somebody thought about the plan is no
/// doubt yet.
fn nothing_was_sent(error: Error) -> Error {
    let hint = "nothing was sent or written; run it again with the state that is there now";
    match error.exit {
        Exit::InDoubt => Error { exit: Exit::Refused, hints: vec![hint.to_owned()], ..error },
        _ => error.hint("nothing was sent, because what is made could not be saved"),
    }
}
