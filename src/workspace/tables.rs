//! The files that sets name: read up to a limit, and only within the project.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::workspace::manifests::{display_name, leads_out, read_bounded};

/// The name of a table, and its first bytes.
#[derive(Debug)]
pub struct TableBytes {
    /// As findings show it.
    pub name: Arc<str>,
    pub bytes: Vec<u8>,
}

/// Why a table can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{0} does not exist")]
    Missing(String),
    #[error("{0} is not a file")]
    NotAFile(String),
    #[error("{0} is not part of the project")]
    Outside(String),
    #[error("can't read {0}: {1}")]
    Unreadable(String, io::Error),
}

impl TableError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            TableError::Missing(_) => "the path is relative to the manifest, or to the working folder with `-`",
            TableError::NotAFile(_) => "name the file itself",
            TableError::Outside(_) => "its target is outside of the project: put a copy into the project",
            TableError::Unreadable(..) => "check its permissions",
        }
    }
}

/// Up to `limit` bytes of the table that a manifest names. There is no `manifest` for standard input. The table is in
/// the project, or below the folder of the manifest.
///
/// # Errors
/// See [`TableError`].
pub fn read(manifest: Option<&Path>, table: &str, project: &Path, limit: u64) -> Result<TableBytes, TableError> {
    let folder = manifest.and_then(Path::parent).unwrap_or(Path::new(""));
    let path = folder.join(table);
    let name = display_name(&folded(&path));
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match path.metadata() {
        _ if leads_out(&path, &[project, here]).is_some() => Err(TableError::Outside(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(TableError::Missing(name)),
        Err(error) => Err(TableError::Unreadable(name, error)),
        Ok(found) if !found.is_file() => Err(TableError::NotAFile(name)),
        Ok(_) => match read_bounded(&path, limit) {
            Ok(bytes) => Ok(TableBytes { name: name.into(), bytes }),
            Err(error) => Err(TableError::Unreadable(name, error)),
        },
    }
}

/// The path without the folders that `..` leaves again; one that is a link leads elsewhere, and stays.
fn folded(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for part in path.components() {
        let is_left = part == Component::ParentDir
            && matches!(folded.components().next_back(), Some(Component::Normal(_)))
            && !folded.is_symlink();
        if is_left {
            folded.pop();
        } else {
            folded.push(part);
        }
    }
    folded
}
