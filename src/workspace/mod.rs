//! The filesystem: manifests, state, journal and lock, and branches of the repository that they are in. Nothing else
//! in this crate touches the user's files, except the sandbox with its data.
//!
//! Only their owner can read the files written here, and each is written as a whole or not at all. The files of one
//! tenant are side by side; [`StateFiles`] names them.

pub mod atomic_file;
mod file_error;
mod git_branch;
mod journal_file;
mod journal_writer;
mod lock;
pub mod manifests;
mod state_files;
mod state_store;
pub mod tables;

pub use file_error::FileError;
pub use git_branch::{GitBranch, GitError, Pushed, without_user_info};
pub use journal_file::{JournalFile, Kept};
pub use journal_writer::{JournalWriter, Room, Sink};
pub use lock::{LockError, LockInfo, StateLock};
pub use state_files::StateFiles;
pub use state_store::{StateError, StateStore};
