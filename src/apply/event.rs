//! What happens during an apply, as it happens.

use crate::apply::outcome::ChangeOutcome;
use crate::apply::settle::Pause;
use crate::conversation::{Address, Id};
use crate::plan::Action;

/// One thing that happened. Whoever listens decides how to show it.
#[derive(Clone, Debug)]
pub enum ApplyEvent {
    /// The first call of a change is about to be sent.
    Began { address: Address, action: Action },
    /// The conversation exists and its id is in the journal; its attributes may be still to come.
    Made { address: Address, id: Id },
    /// Dixa asked to slow down, or could not be reached; the call is tried again after this many milliseconds.
    Waiting { address: Address, why: String, wait_ms: u64 },
    /// Calls in doubt are looked for again after this pause.
    Looking(Pause),
    /// The change has ended.
    Ended(ChangeOutcome),
}
