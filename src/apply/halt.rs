//! What stops a change before its last call, and what becomes of the run then.

use crate::api::contract::CallError;
use crate::apply::outcome::{Failure, Outcome, Stop};
use crate::call::Call;
use crate::conversation::{Address, Id};
use crate::journal::JournalError;

/// How a change ended, and whether the run ends with it.
pub(super) enum Ended {
    Change(Outcome),
    Run(Outcome, Stop),
}

/// What stops a change before its last call.
pub(super) enum Halt {
    Failed(Call, CallError),
    InDoubt(Call, CallError),
    Unauthorized(Call, CallError),
    /// What the call answered with is not the conversation of this change.
    OtherConversation(Call, String),
    Storage(JournalError),
    /// The journal's own rules were broken; nothing may be sent on such ground.
    Contradiction(String),
    /// The end user that it needs was not made; nothing was sent.
    Needs(Address),
    /// The run is draining, and the call was surely not done.
    Draining(Call),
}

impl Halt {
    /// How a read ended that must not fail.
    pub(super) fn of_read(call: Call, error: CallError) -> Self {
        match error {
            CallError::Unauthorized { .. } => Halt::Unauthorized(call, error),
            error => Halt::Failed(call, error),
        }
    }
}

/// How a change ends that was stopped; `id` is its conversation, if it has one by now.
pub(super) fn halted(halt: Halt, id: Option<Id>) -> Ended {
    match halt {
        Halt::Failed(call, error) => Ended::Change(Outcome::Failed { id, error: Failure::of(call, &error) }),
        Halt::InDoubt(call, error) => Ended::Change(Outcome::InDoubt { error: Failure::of(call, &error) }),
        Halt::OtherConversation(call, message) => {
            Ended::Change(Outcome::Failed { id: None, error: Failure::new(Some(call), message) })
        }
        Halt::Unauthorized(call, error) => {
            let why = format!("{}; {}", error.message(), error.about_token());
            Ended::Run(Outcome::Failed { id, error: Failure::of(call, &error) }, Stop::Unauthorized(why))
        }
        Halt::Storage(error @ JournalError::Fenced { .. }) => {
            let message = with_causes(&error);
            Ended::Run(Outcome::Failed { id, error: Failure::new(None, message.clone()) }, Stop::Fenced(message))
        }
        Halt::Storage(error) => unwritten(id, with_causes(&error)),
        Halt::Contradiction(message) => unwritten(id, message),
        Halt::Draining(_) if id.is_none() => Ended::Change(Outcome::NotAttempted { needs: None }),
        Halt::Needs(address) => Ended::Change(Outcome::NotAttempted { needs: Some(address) }),
        Halt::Draining(call) => {
            let message = format!("interrupted before the {}", call.sets().join(" "));
            let error = Failure::new(Some(call), message);
            Ended::Change(Outcome::Failed { id, error })
        }
    }
}

/// What can't be written down may not be done.
fn unwritten(id: Option<Id>, message: String) -> Ended {
    let error = Failure::new(None, message.clone());
    Ended::Run(Outcome::Failed { id, error }, Stop::Storage(message))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}
