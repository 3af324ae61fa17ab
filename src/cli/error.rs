//! An error that ends a command: what is wrong, what to do about it, and with which exit code.
//!
//! Each error of a library that a command may end with has an exit code here, and `?` makes an [`Error`] of it. What is
//! expected of nobody, such as a file that can't be read, comes by [`anyhow`] with a context, and is a failure.

use std::borrow::Cow;
use std::fmt;

use crate::api::ClientError;
use crate::api::contract::CallError;
use crate::apply::guard::Refusal;
use crate::cli::exit::Exit;
use crate::conversation::NotAnAddress;
use crate::finding::Findings;
use crate::hint::Hint;
use crate::journal::{JournalError, ReplayError};
use crate::plan::file_v1::PlanFileError;
use crate::plan::scope::ScopeError;
use crate::project::NoTenant;
use crate::sandbox::SandboxError;
use crate::store::StoreError;
use crate::workspace::manifests::FindError;
use crate::workspace::{FileError, GitError, LockError, StateError};

/// What ends a command early.
#[derive(Debug)]
pub struct Error {
    pub exit: Exit,
    /// What is wrong, with its causes.
    pub source: anyhow::Error,
    /// What to do next.
    pub hints: Vec<String>,
    /// What is wrong in manifests or in the project file, if that is what ends the command; it was reported already.
    pub findings: Findings,
    /// The result of the command says all of this, and was written.
    pub is_in_result: bool,
}

impl Error {
    /// An error with this message: a lower-case fragment without a full stop.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Error::from_source(exit, anyhow::Error::msg(message.into()))
    }

    fn from_source(exit: Exit, source: anyhow::Error) -> Self {
        Error { exit, source, hints: Vec::new(), findings: Findings::default(), is_in_result: false }
    }

    /// An error of a library, with what it says to do.
    fn of(exit: Exit, error: impl Hint + Send + Sync + 'static) -> Self {
        let hints = error.hint().map(Cow::into_owned).into_iter().collect();
        Error { hints, ..Error::from_source(exit, error.into()) }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says with it what was found.
    pub fn findings(mut self, findings: &Findings) -> Self {
        self.findings.extend(findings.iter().cloned());
        self
    }

    /// Says that the result of the command has it, and was written.
    pub fn in_result(mut self) -> Self {
        self.is_in_result = true;
        self
    }

    /// Says before it what was tried.
    pub fn context(self, what: impl fmt::Display) -> Self {
        Error { source: self.source.context(what.to_string()), ..self }
    }

    /// What is wrong, with all its causes in one line.
    pub fn message(&self) -> String {
        let mut message = String::new();
        for cause in self.source.chain().map(ToString::to_string) {
            // Some errors repeat their cause in their own words.
            if message.is_empty() {
                message = cause;
            } else if !message.contains(&cause) {
                message.push_str(": ");
                message.push_str(&cause);
            }
        }
        message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message())
    }
}

/// What a failed attempt says about itself.
pub trait ResultExt<T> {
    /// Says what was tried, before what went wrong.
    fn during(self, what: impl fmt::Display) -> Result<T, Error>;

    /// Says what to do about it.
    fn hint(self, hint: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    fn during(self, what: impl fmt::Display) -> Result<T, Error> {
        self.map_err(|error| error.into().context(what))
    }

    fn hint(self, hint: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| error.into().hint(hint()))
    }
}

impl From<anyhow::Error> for Error {
    fn from(source: anyhow::Error) -> Self {
        Error::from_source(Exit::Failed, source)
    }
}

/// What errors of libraries end a command with, whatever they are in detail.
macro_rules! ends {
    ($exit:expr; $($error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::of($exit, error)
            }
        }
    )*};
}

ends!(Exit::Failed; FileError, FindError, GitError);
ends!(Exit::Failed; ClientError, NoTenant, SandboxError, PlanFileError);
ends!(Exit::Usage; NotAnAddress, ScopeError);
ends!(Exit::Refused; Refusal);

impl Hint for ClientError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = "write http://host:port or http://user:password@host:port, with %40 for an @ in the password; nothing \
                    was sent";
        matches!(self, ClientError::Proxy(_)).then(|| hint.into())
    }
}

impl Hint for NotAnAddress {}
impl Hint for SandboxError {}
impl Hint for ScopeError {}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        let is_held = matches!(error, LockError::Held { .. });
        Error::of(if is_held { Exit::Refused } else { Exit::Failed }, error)
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        let is_fenced = matches!(error, JournalError::Fenced { .. });
        Error::of(if is_fenced { Exit::Refused } else { Exit::Failed }, error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Left => Exit::Interrupted,
            _ if error.is_refusal() => Exit::Refused,
            _ => Exit::Failed,
        };
        Error::of(exit, error)
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        // What the journal has is to be brought home to another state than the one that it belongs to.
        let is_replaced = matches!(error, StateError::Replaced { .. });
        Error::of(if is_replaced { Exit::InDoubt } else { Exit::Failed }, error)
    }
}

impl From<ReplayError> for Error {
    fn from(error: ReplayError) -> Self {
        // Like a doubt, it is for a person to settle, and nothing is broken.
        let is_question = matches!(error, ReplayError::Unrecorded { .. } | ReplayError::HasRecord { .. });
        Error::of(if is_question { Exit::InDoubt } else { Exit::Failed }, error)
    }
}

/// A read that failed before anything was written.
impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        let is_refused = matches!(error, CallError::Unauthorized { .. });
        Error::of(if is_refused { Exit::Token } else { Exit::Failed }, error)
    }
}

impl Hint for CallError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            CallError::Unauthorized { .. } => format!("nothing was changed; {}", self.about_token()).into(),
            CallError::Barred { hint, .. } => format!("nothing was changed; {hint}").into(),
            _ => "nothing was changed; try again".into(),
        })
    }
}

impl Hint for PlanFileError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some("make it again with `dixaform plan --out`".into())
    }
}
