//! What stops a change before its last call, and what becomes of the run then.

use crate::api::contract::CallError;
use crate::apply::outcome::{Failure, Outcome, Stop};
use crate::conversation::ConversationId;
use crate::journal::JournalError;

/// How a change ended, and whether the run ends with it.
pub(super) enum Ended {
    Change(Outcome),
    Run(Outcome, Stop),
}

/// What stops a change before its last call.
pub(super) enum Halt {
    Failed {
        call: String,
        error: CallError,
    },
    InDoubt {
        call: String,
        error: CallError,
    },
    Unauthorized {
        call: String,
        error: CallError,
    },
    /// The conversation to adopt can't be adopted.
    NotAdopted {
        call: String,
        message: String,
    },
    Storage(JournalError),
    /// The journal's own rules were broken; nothing may be sent on such ground.
    Contradiction(String),
    /// The run is draining, and the call was surely not done.
    Draining,
}

/// How a change ends that was stopped; `id` is its conversation, if it has one by now.
pub(super) fn halted(halt: Halt, id: Option<ConversationId>) -> Ended {
    let failure =
        |call: String, error: &CallError| Failure { call, status: error.status(), message: error.message().to_owned() };
    match halt {
        Halt::Failed { call, error } => Ended::Change(Outcome::Failed { id, error: failure(call, &error) }),
        Halt::InDoubt { call, error } => Ended::Change(Outcome::InDoubt { error: failure(call, &error) }),
        Halt::NotAdopted { call, message } => {
            Ended::Change(Outcome::Failed { id: None, error: Failure { call, status: None, message } })
        }
        Halt::Unauthorized { call, error } => {
            let error = failure(call, &error);
            let why = error.message.clone();
            Ended::Run(Outcome::Failed { id, error }, Stop::Unauthorized(why))
        }
        Halt::Storage(error) => unwritten(id, with_causes(&error)),
        Halt::Contradiction(message) => unwritten(id, message),
        Halt::Draining if id.is_none() => Ended::Change(Outcome::NotAttempted),
        Halt::Draining => {
            let call = "PATCH custom-attributes".to_owned();
            let message = "interrupted before the attributes were written".to_owned();
            Ended::Change(Outcome::Failed { id, error: Failure { call, status: None, message } })
        }
    }
}

/// What can't be written down may not be done.
fn unwritten(id: Option<ConversationId>, message: String) -> Ended {
    let error = Failure { call: "writing the journal".to_owned(), status: None, message: message.clone() };
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
