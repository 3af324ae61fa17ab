//! The world behind one lock, and the one place where something is committed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sandbox::data_file::DataFile;
use crate::sandbox::data_v1::{Line, Thing};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::world::World;

/// See the top of this file.
#[derive(Debug)]
pub struct Store {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    world: World,
    keep: Keep,
}

#[derive(Debug)]
enum Keep {
    InMemory,
    InFile(DataFile),
    /// The sandbox was shut down: reads are answered, and nothing is committed any more.
    Closed,
}

impl Store {
    /// Without a file the data is gone with the process.
    pub fn new(world: World, file: Option<DataFile>) -> Self {
        let keep = file.map_or(Keep::InMemory, Keep::InFile);
        Store { held: Mutex::new(Held { world, keep }) }
    }

    /// Looks at the world as it is now. `look` must be quick: everything waits for it.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.lock().world)
    }

    /// Decides on an unchanged world what is to change; writes that to the data file; then changes the world. When it
    /// returns, what it returns may be answered: a kill of the process loses nothing.
    ///
    /// # Errors
    /// What `decide` refuses, and [`Refusal::Internal`] when the data can't be written. Either way nothing has changed.
    pub fn commit<T>(&self, decide: impl FnOnce(&World) -> Result<(Line, T), Refusal>) -> Result<T, Refusal> {
        let mut held = self.lock();
        let Held { world, keep } = &mut *held;
        let (line, answer) = decide(world)?;
        if line.is_empty() {
            return Ok(answer);
        }
        world.check(&line).map_err(|_| Refusal::Internal)?;
        match keep {
            Keep::InMemory => {}
            Keep::InFile(file) => file.append(&line).map_err(|error| {
                tracing::error!(%error, "the sandbox could not write its data");
                Refusal::Internal
            })?,
            Keep::Closed => return Err(Refusal::Internal),
        }
        world.apply(line);
        Ok(answer)
    }

    /// Closes the data file, so that another sandbox can open it, whoever still holds this store.
    pub fn close(&self) {
        self.lock().keep = Keep::Closed;
    }

    /// Makes sure that this exists. Unless the sandbox is strict, it exists once a request has named it.
    pub fn know(&self, thing: Thing, given: &Received) -> Result<(), Refusal> {
        self.commit(|world| {
            let learned = world.unknown(BTreeSet::from([thing]));
            if given.strict && !learned.is_empty() {
                return Err(Refusal::NotFound);
            }
            Ok((Line { learned, ..Line::at(given.now) }, ()))
        })
    }

    /// A panic while the lock was held can't have left the world half changed: `decide` has it unchanged, and `apply`
    /// does not fail.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
