//! Finds the project file.
//!
//! It says where the token goes, so nobody else may write one for us: in a folder above, only a file of the same user
//! is believed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::surroundings;
use crate::project;

/// The nearest project file, from the working folder upwards, and its folder, both relative to the working folder.
///
/// # Errors
/// Two project files in one folder, or one that is no file or that another user owns.
pub fn nearest() -> Result<Option<(PathBuf, PathBuf)>, Error> {
    // Without a working folder no file is found, and each path that a command is given fails for itself.
    let depth = std::env::current_dir().map_or(0, |folder| folder.ancestors().count());
    let mut root = PathBuf::new();
    for _ in 0..depth {
        if let Some(path) = within(&root)? {
            return Ok(Some((path, root)));
        }
        root.push("..");
    }
    Ok(None)
}

/// The project file of one folder.
fn within(root: &Path) -> Result<Option<PathBuf>, Error> {
    let refused = |message: String| Error::new(Exit::Failed, message);
    let there =
        project::FILE_NAMES.map(|name| root.join(name)).into_iter().filter(|path| path.symlink_metadata().is_ok());
    let path = match there.collect::<Vec<_>>().as_slice() {
        [] => return Ok(None),
        [path] => path.clone(),
        [one, other, ..] => {
            let message = format!("two project files: {} and {}", one.display(), other.display());
            return Err(refused(message).hint("keep one of the two"));
        }
    };
    let shown = path.display();
    let found = path.metadata().with_context(|| format!("can't read {shown}"))?;
    if !found.is_file() {
        return Err(refused(format!("the project file {shown} is no file")).hint("remove it, or write a file there"));
    }
    if root != Path::new("") && !surroundings::is_ours(&path) {
        let hint = format!("if you trust it, work in its folder: --chdir {}", root.display());
        return Err(refused(format!("the project file {shown} belongs to another user")).hint(hint));
    }
    Ok(Some(path))
}
