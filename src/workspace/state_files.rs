//! The names of the files that belong to one state.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;

/// The state of a tenant and what is beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFiles {
    /// `state/staging.json`
    pub state: PathBuf,
    /// `state/staging.journal`: what an apply did that is not in the state yet.
    pub journal: PathBuf,
    /// `state/staging.lock`: who changes the state at the moment.
    pub lock: PathBuf,
    /// `state/staging.json.backup`: the state before the last run that changed it.
    pub backup: PathBuf,
    /// `state/staging.late`: what a run has made whose store could not be written any more.
    pub late: PathBuf,
}

impl StateFiles {
    /// The files of the state at this path. If it is a link, they are where it leads, whether there is a state yet or
    /// not: all who come to it by whatever link share one lock and one journal.
    ///
    /// # Errors
    /// The link leads nowhere, or a file beside the state is itself a link: nothing of ours is written through one.
    pub fn find(state: &Path) -> Result<Self, FileError> {
        let files = StateFiles::beside(real_place(state)?);
        for path in [&files.journal, &files.lock, &files.backup, &files.late] {
            if path.is_symlink() {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "it is a link");
                return Err(FileError::of(path, "use")(error));
            }
        }
        Ok(files)
    }

    /// The names beside this state. An ending `.json` is replaced, anything else kept: `a.state` has `a.state.journal`.
    pub fn beside(state: impl Into<PathBuf>) -> Self {
        let state = state.into();
        let stem = match state.extension() {
            Some(ending) if ending == "json" => state.with_extension(""),
            _ => state.clone(),
        };
        StateFiles {
            journal: with_ending(&stem, ".journal"),
            lock: with_ending(&stem, ".lock"),
            late: with_ending(&stem, ".late"),
            backup: with_ending(&state, ".backup"),
            state,
        }
    }
}

/// Where a link leads. Its folder must exist: a disk that is not mounted would have another state.
fn real_place(path: &Path) -> Result<PathBuf, FileError> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    let target = atomic_file::follow_links(path).map_err(FileError::of(path, "follow"))?;
    let folder = atomic_file::folder_of(&target);
    let name = target.file_name().ok_or_else(|| FileError::of(path, "follow")(io::ErrorKind::IsADirectory.into()))?;
    let folder = folder.canonicalize().map_err(FileError::of(folder, "follow the link of the state into"))?;
    Ok(folder.join(name))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files")]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_state_are_beside_it() {
        let files = StateFiles::beside("state/staging.eu.json");
        assert_eq!(files.journal, Path::new("state/staging.eu.journal"));
        assert_eq!(files.lock, Path::new("state/staging.eu.lock"));
        assert_eq!(files.late, Path::new("state/staging.eu.late"));
        assert_eq!(files.backup, Path::new("state/staging.eu.json.backup"));
        assert_eq!(StateFiles::beside("a.state").journal, Path::new("a.state.journal"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_the_end_whether_there_is_a_state_or_not() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        for name in ["a", "b", "shared"] {
            std::fs::create_dir(root.join(name)).expect("made");
        }
        let link = |target: &str, name: &str| symlink(target, root.join(name)).expect("linked");
        link("../shared/t.json", "a/t.json");
        link("../a/t.json", "b/other.json");
        link("nowhere/t.json", "a/lost.json");
        link("round.json", "a/round.json");
        for _ in 0..2 {
            for name in ["a/t.json", "b/other.json", "shared/t.json"] {
                let files = StateFiles::find(&root.join(name)).expect("found");
                assert_eq!(files, StateFiles::beside(root.join("shared/t.json")), "{name}");
            }
            std::fs::write(root.join("shared/t.json"), "").expect("written");
        }
        for name in ["a/lost.json", "a/round.json"] {
            StateFiles::find(&root.join(name)).expect_err(name);
        }
        for planted in ["shared/t.lock", "shared/t.late"] {
            link("../a/elsewhere", planted);
            let error = StateFiles::find(&root.join("a/t.json")).expect_err("a planted link");
            assert!(error.to_string().contains(planted), "{error}");
            std::fs::remove_file(root.join(planted)).expect("removed");
        }
    }
}
