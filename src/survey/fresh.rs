//! Which files need not be read, because the index knows them.

use std::collections::HashMap;

use crate::conversation::Address;
use crate::plan::{Scope, Settled};
use crate::state::RecordOutline;
use crate::workspace::index::{Index, IndexedFile, IndexedManifest};
use crate::workspace::manifests::Found;

/// The files, sorted out by the index.
#[derive(Debug)]
pub(super) struct SortedOut<'a> {
    /// Known to be settled, in ascending order of their names.
    pub fresh: Vec<IndexedFile<'a>>,
    /// All others, in ascending order of their names.
    pub to_read: Vec<&'a Found>,
    /// The manifests of fresh files.
    pub settled: Settled,
    pub records: Records,
}

/// What is known of the records of the state.
#[derive(Debug)]
pub(super) enum Records {
    /// All of them in ascending order of address, and whether a fresh file has the manifest of each.
    All { outlines: Vec<RecordOutline>, fresh: Vec<bool> },
    /// Those that no fresh file has the manifest of. The index was made for this very state, and has the others.
    Others(HashMap<Address, RecordOutline>),
}

impl Records {
    /// The record of an address that no fresh file has; fresh files may have it in [`Records::Others`].
    pub fn get(&self, address: &Address) -> Option<&RecordOutline> {
        match self {
            Records::All { outlines, fresh: _ } => position(outlines, address).map(|index| &outlines[index]),
            Records::Others(others) => others.get(address),
        }
    }

    /// Those that no fresh file has the manifest of.
    pub fn others(&self) -> Box<dyn Iterator<Item = &RecordOutline> + '_> {
        match self {
            Records::All { outlines, fresh } => {
                Box::new(outlines.iter().zip(fresh).filter(|(_, fresh)| !**fresh).map(|(outline, _)| outline))
            }
            Records::Others(others) => Box::new(others.values()),
        }
    }
}

/// Sorts out files whose names ascend. `outlines` are those of all records, or none where the index was made for the
/// state as it is.
///
/// None when the index can't be read after all.
pub(super) fn sort_out<'a>(
    found: &'a [Found],
    index: Option<&'a Index>,
    outlines: Option<Vec<RecordOutline>>,
    scope: &Scope,
) -> Option<SortedOut<'a>> {
    let records = match (outlines, index) {
        (Some(outlines), _) => Records::All { fresh: vec![false; outlines.len()], outlines },
        (None, Some(index)) => {
            let others = index.others()?.into_iter();
            Records::Others(others.map(|outline| (outline.address.clone(), outline)).collect())
        }
        (None, None) => return None,
    };
    let mut sorted = SortedOut { fresh: Vec::new(), to_read: Vec::new(), settled: Settled::default(), records };
    let mut indexed = index.into_iter().flat_map(Index::files).peekable();
    for found in found {
        while let Some(gone) = indexed.next_if(|file| file.name < &*found.name) {
            sorted.records.release(&gone)?;
        }
        match indexed.next_if(|file| file.name == &*found.name) {
            Some(file) if found.stamp == Some(file.stamp) && sorted.records.claim(&file) => {
                sorted.settled += settled(&file, scope)?;
                sorted.fresh.push(file);
            }
            Some(file) => {
                sorted.records.release(&file)?;
                sorted.to_read.push(found);
            }
            None => sorted.to_read.push(found),
        }
    }
    for gone in indexed {
        sorted.records.release(&gone)?;
    }
    Some(sorted)
}

impl Records {
    /// Notes that the manifests of a file are as their records; false when one is not.
    fn claim(&mut self, file: &IndexedFile<'_>) -> bool {
        let Records::All { outlines, fresh } = self else { return true };
        let mut claimed = Vec::with_capacity(file.count);
        for manifest in file.manifests() {
            let Some(wanted) = manifest.record() else { return false };
            let Some(index) = position(outlines, &wanted.address) else { return false };
            if !outlines[index].says_the_same_as(&wanted) {
                return false;
            }
            claimed.push(index);
        }
        claimed.iter().for_each(|index| fresh[*index] = true);
        claimed.len() == file.count
    }

    /// Takes back the records of a file that is no longer as it was.
    fn release(&mut self, file: &IndexedFile<'_>) -> Option<()> {
        let Records::Others(others) = self else { return Some(()) };
        let mut count = 0;
        for manifest in file.manifests() {
            let record = manifest.record()?;
            others.insert(record.address.clone(), record);
            count += 1;
        }
        (count == file.count).then_some(())
    }
}

fn position(outlines: &[RecordOutline], address: &Address) -> Option<usize> {
    outlines.binary_search_by(|outline| outline.address.cmp(address)).ok()
}

/// The manifests of a fresh file, in the scope of the plan and out of it.
fn settled(file: &IndexedFile<'_>, scope: &Scope) -> Option<Settled> {
    if scope.is_everything() {
        return Some(Settled { unchanged: file.count, left_out: 0 });
    }
    let mut settled = Settled::default();
    for manifest in file.manifests() {
        settled.count(covers(&manifest, scope)?);
    }
    Some(settled)
}

fn covers(manifest: &IndexedManifest<'_>, scope: &Scope) -> Option<bool> {
    let address = Address::new(manifest.kind, manifest.name).ok()?;
    Some(scope.covers(&address, Some(&manifest.labels())))
}
