//! Where in the repository the changes of a plan are: their numbers by the folder of the manifest's file.

use std::collections::BTreeMap;

use crate::plan::action::Action;
use crate::plan::change::{Change, Summary};

/// The changes of one folder. Folders below it are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The path as sources have it; none for the working folder, standard input, and what has no manifest.
    pub path: Option<String>,
    /// Only what is counted of changes.
    pub summary: Summary,
}

impl Folder {
    /// All its changes, whatever their action.
    pub fn changes(&self) -> usize {
        Action::ALL.into_iter().map(|action| self.summary.of(action)).sum()
    }
}

/// The folders of some changes, in ascending order of their paths; what has none comes first.
pub fn folders(changes: &[Change]) -> Vec<Folder> {
    let mut found: BTreeMap<Option<&str>, Summary> = BTreeMap::new();
    for change in changes {
        found.entry(folder_of(change)).or_default().add(change);
    }
    found.into_iter().map(|(path, summary)| Folder { path: path.map(str::to_owned), summary }).collect()
}

/// The folder of a change's manifest; see [`Folder::path`].
pub fn folder_of(change: &Change) -> Option<&str> {
    let file = &change.source.as_ref()?.file;
    file.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty() && *folder != ".")
}
