//! The names of the files that belong to one state.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
}

impl StateFiles {
    /// The names beside this state. An ending `.json` is replaced, anything else kept: `a.state` has `a.state.journal`.
    pub fn beside(state: impl Into<PathBuf>) -> Self {
        let state = real_place(state.into());
        let stem = match state.extension() {
            Some(ending) if ending == "json" => state.with_extension(""),
            _ => state.clone(),
        };
        StateFiles {
            journal: with_ending(&stem, ".journal"),
            lock: with_ending(&stem, ".lock"),
            backup: with_ending(&state, ".backup"),
            state,
        }
    }
}

/// Where a link leads: journal and lock belong to the state, whichever way it is reached.
fn real_place(path: PathBuf) -> PathBuf {
    match path.is_symlink() {
        true => path.canonicalize().unwrap_or(path),
        false => path,
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_state_are_beside_it() {
        let files = StateFiles::beside("state/staging.eu.json");
        assert_eq!(files.journal, Path::new("state/staging.eu.journal"));
        assert_eq!(files.lock, Path::new("state/staging.eu.lock"));
        assert_eq!(files.backup, Path::new("state/staging.eu.json.backup"));
        assert_eq!(StateFiles::beside("a.state").journal, Path::new("a.state.journal"));
    }
}
