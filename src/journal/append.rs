//! The one thing about a journal that is not pure, behind a trait: writing an entry so that it lasts.

use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::hint::Hint;
use crate::journal::entry::Entry;
use crate::journal::line_error::LineError;

/// Where entries go.
pub trait Append {
    /// Writes one entry. When the future ends well, the entry is synced and survives the loss of power. Entries are in
    /// the order of the calls of this function. Dropping a future does not take its entry back.
    fn append(&self, entry: Entry) -> impl Future<Output = Result<(), JournalError>> + Send;
}

/// Why a journal can't be read or written. A run must stop when it can't write down what it does: after an error of
/// [`Append::append`] every later one fails too, except after [`JournalError::Full`], which leaves room for the results
/// of the calls in flight.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("can't {doing} the journal {}", path.display())]
    Io { path: PathBuf, doing: &'static str, source: Arc<io::Error> },
    #[error("the journal {} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("the journal {} is full: neither it nor the state may exceed {limit} bytes", path.display())]
    Full { path: PathBuf, limit: u64 },
    #[error("the journal {} is not a file", path.display())]
    NotAFile { path: PathBuf },
    #[error("the journal {} can't be used", path.display())]
    Text { path: PathBuf, source: LineError },
    /// Of a journal in a store.
    #[error("{message}")]
    Fenced { message: String },
    #[error("can't write the journal to the store: {message}")]
    Store {
        message: String,
        /// It refuses what it is asked for, and is not away.
        is_refused: bool,
    },
    #[error("the journal {} is no longer written", path.display())]
    Stopped { path: PathBuf },
}

impl Hint for JournalError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match self {
            JournalError::Io { .. } => {
                "nothing is sent before it is in the journal: free disk space or fix permissions, then run again"
            }
            JournalError::Full { .. } => {
                "the rest was not sent. Run again, with a new journal; if the state is too large, run \
                 `dixaform state forget` for what is no longer needed, or split the manifests over two states"
            }
            JournalError::TooLarge { .. } | JournalError::NotAFile { .. } => {
                "make sure that it is not the journal of an apply, then move it away"
            }
            JournalError::Text { source: LineError::Newer { .. }, .. } => {
                "use the dixaform that wrote it, or a newer one"
            }
            JournalError::Text { .. } => {
                "the file was not changed, and nothing is sent. Restore it, or repair the line: it says what was made, or \
                 was about to be made, and is not in the state yet. If it can't be repaired, look in Dixa for what it \
                 speaks of, name that with `dixaform/adopt`, and only then take the line out"
            }
            JournalError::Stopped { .. } => "run again: what was done is in the journal",
            JournalError::Fenced { .. } => {
                "this run sends nothing more; the next plan shows what is left to do, and what this run made after it lost the state"
            }
            JournalError::Store { is_refused: true, .. } => {
                "nothing more was sent; log in again, or see to it that the credentials of the store are good and may \
                 read, list and write below the prefix, and then run again; the next run settles what is in doubt"
            }
            JournalError::Store { .. } => {
                "nothing more was sent; run again when the store can be reached; the next run settles what is in doubt"
            }
        }))
    }
}
