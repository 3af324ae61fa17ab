//! Where the changes of a plan are, and what they are labelled as: their numbers and calls by the folder of the
//! manifest's file, and by label.

use std::collections::BTreeMap;

use crate::plan::action::Action;
use crate::plan::change::{Change, Summary};

/// Changes that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they have in common: a folder as sources have it, or a label as `key=value`. None for changes without one:
    /// in the working folder, from standard input, without a manifest, or without a label.
    pub name: Option<String>,
    /// Only what is counted of changes.
    pub summary: Summary,
    /// The calls of its changes.
    pub calls: u64,
}

impl Group {
    /// All its changes, whatever their action.
    pub fn changes(&self) -> usize {
        Action::ALL.into_iter().map(|action| self.summary.of(action)).sum()
    }
}

/// The folders of some changes, in ascending order of their paths; what has none comes first. Folders below one are not
/// in it.
pub fn folders(changes: &[Change]) -> Vec<Group> {
    groups(changes, |change| vec![folder_of(change).map(str::to_owned)])
}

/// The labels of some changes, in ascending order; changes without one come first. A change with several labels is in
/// each of them. Empty if no change has a label.
pub fn labels(changes: &[Change]) -> Vec<Group> {
    if changes.iter().all(|change| change.labels.iter().next().is_none()) {
        return Vec::new();
    }
    groups(changes, |change| {
        let names: Vec<_> = change.labels.iter().map(|(key, value)| Some(format!("{key}={value}"))).collect();
        if names.is_empty() { vec![None] } else { names }
    })
}

fn groups(changes: &[Change], names: impl Fn(&Change) -> Vec<Option<String>>) -> Vec<Group> {
    let mut found: BTreeMap<Option<String>, (Summary, u64)> = BTreeMap::new();
    for change in changes {
        for name in names(change) {
            let (summary, calls) = found.entry(name).or_default();
            summary.add(change);
            *calls += change.steps.len() as u64;
        }
    }
    found.into_iter().map(|(name, (summary, calls))| Group { name, summary, calls }).collect()
}

/// The folder of a change's manifest; see [`Group::name`].
pub fn folder_of(change: &Change) -> Option<&str> {
    let file = &change.source.as_ref()?.file;
    file.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty() && *folder != ".")
}
