//! What went wrong with a file, with its path.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::hint::Hint;

/// An error of the operating system about one path.
#[derive(Debug, thiserror::Error)]
#[error("can't {doing} {}", path.display())]
pub struct FileError {
    pub path: PathBuf,
    /// A verb: "read", "write".
    pub doing: &'static str,
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`.
    pub fn of(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| FileError { path: path.to_owned(), doing, source }
    }
}

impl Hint for FileError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match self.source.kind() {
            io::ErrorKind::NotFound => "check the path; it is relative to the working folder, or to --chdir",
            io::ErrorKind::PermissionDenied => "check who owns it, and its permissions",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free disk space",
            io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only; give another place with --state",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "a part of the path is a file, not a folder",
            io::ErrorKind::IsADirectory => "it is a folder, not a file",
            io::ErrorKind::InvalidInput => "it must be a regular file, in the folder of the state",
            io::ErrorKind::ResourceBusy => {
                "a file that is mounted by itself can't be replaced; mount the folder that it is in"
            }
            io::ErrorKind::InvalidFilename => {
                "its name, or the name of a file beside it, is too long; give a shorter one with --state"
            }
            _ => return None,
        }))
    }
}
