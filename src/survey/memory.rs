//! What the next survey may remember of this one.

use std::collections::HashSet;
use std::time::SystemTime;

use crate::conversation::Address;
use crate::finding::Findings;
use crate::survey::fresh::SortedOut;
use crate::survey::look::{Look, Request, SettledManifest};
use crate::workspace::Stamp;
use crate::workspace::index::{IndexWriter, IndexedFile};
use crate::workspace::manifests::Found;

/// A new index is written when it saves reading at least one in so many files; what it costs would not come in
/// otherwise.
const WORTHWHILE: usize = 64;

/// Writes a new index, where that is worth it. That it can't be written is no error: the next survey takes longer.
///
/// `same_state` tells that the index at hand was made for the state as it is.
pub(super) fn write(
    request: &Request<'_>,
    sorted: &SortedOut<'_>,
    looks: &[Look<'_>],
    findings: &Findings,
    state: Option<Stamp>,
    same_state: bool,
) {
    let suspicious: HashSet<&str> = findings
        .iter()
        .flat_map(|finding| std::iter::once(&finding.source).chain(finding.related.iter().map(|(source, _)| source)))
        .map(|source| &*source.file)
        .collect();
    let clean: Vec<(&Found, Stamp, &[SettledManifest])> = looks
        .iter()
        .flat_map(Look::settled_files)
        .filter(|(found, _)| !suspicious.contains(&*found.name))
        .filter_map(|(found, manifests)| Some((found, old_enough(found.stamp, request.began)?, manifests)))
        .collect();
    let before = request.index.map_or(0, |index| index.files().count());
    let now = sorted.fresh.len() + clean.len();
    let worthwhile = if same_state { clean.len() * WORTHWHILE > before } else { now > 0 && now * 2 >= before };
    if !worthwhile {
        return;
    }
    let state = old_enough(state, request.began);
    let mut writer = IndexWriter::new(state);
    let mut remembered: HashSet<&Address> = HashSet::new();
    let mut fresh = sorted.fresh.iter().peekable();
    let keep = |file: &IndexedFile<'_>, writer: &mut IndexWriter| {
        if same_state {
            writer.same(file);
            return;
        }
        let known: Vec<_> = file
            .manifests()
            .filter_map(|manifest| {
                let address = Address::new(manifest.kind, manifest.name).ok()?;
                Some((sorted.records.get(&address)?, manifest.labels()))
            })
            .collect();
        writer.file(file.name, file.stamp, known.iter().map(|(record, labels)| (*record, labels)));
    };
    for (found, stamp, manifests) in clean {
        while let Some(file) = fresh.next_if(|file| file.name < &*found.name) {
            keep(file, &mut writer);
        }
        let known =
            manifests.iter().filter_map(|manifest| Some((sorted.records.get(&manifest.address)?, &manifest.labels)));
        writer.file(&found.name, stamp, known);
        remembered.extend(manifests.iter().map(|manifest| &manifest.address));
    }
    fresh.for_each(|file| keep(file, &mut writer));
    let others = sorted.records.others().filter(|record| !remembered.contains(&record.address));
    if let Err(error) = writer.save(request.state, others) {
        tracing::debug!("no index: {error}");
    }
}

fn old_enough(stamp: Option<Stamp>, began: SystemTime) -> Option<Stamp> {
    stamp.filter(|stamp| stamp.is_old_enough(began))
}
