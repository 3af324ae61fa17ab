//! Readings of many files to one [`Desired`], and what only shows between files.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSliceMut as _;

use crate::conversation::{Address, ConversationId, Kind, Start};
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::finding::{Finding, Findings, Severity, code};
use crate::manifest::Reading;
use crate::source::{Place, Source};

/// As much of a manifest as shows what is wrong between files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline<'m> {
    pub address: &'m Address,
    pub adopt: Option<ConversationId>,
    /// Codes of warnings that are not reported for it.
    pub ignore: &'m [&'static str],
    /// The digest of its content.
    pub content: &'m Digest,
    pub source: &'m Source,
    pub name_place: Place,
}

impl<'m> Outline<'m> {
    pub fn of(manifest: &'m Manifest) -> Self {
        let Manifest { address, adopt, ignore, digests, source, name_place, .. } = manifest;
        Outline { address, adopt: *adopt, ignore, content: &digests.content, source, name_place: *name_place }
    }

    fn name_source(&self) -> Source {
        Source::new(&self.source.file, self.name_place)
    }
}

/// Puts readings together. Their order never matters: what is kept and what is reported depends on places only.
pub fn resolve(readings: impl IntoIterator<Item = Reading>) -> (Desired, Findings) {
    let mut findings = Findings::default();
    let mut all = Vec::new();
    for Reading { manifests, findings: found } in readings {
        all.extend(manifests.into_iter().map(Box::new));
        findings.extend(found);
    }
    let outlines: Vec<Outline<'_>> = all.iter().map(|manifest| Outline::of(manifest)).collect();
    findings.extend(between(&outlines));
    findings.sort();
    (keyed(all), findings)
}

/// Manifests by their address. Of several with one address, which is an error that [`between`] reports, the first is
/// kept.
pub fn keyed(manifests: Vec<Box<Manifest>>) -> Desired {
    let mut sorted = sorted(manifests, |manifest| (&manifest.address, &manifest.source));
    sorted.dedup_by(|(_, next), (_, first)| next.address == first.address);
    Desired::new(sorted.into_iter().map(|(_, manifest)| manifest).collect())
}

/// What is wrong between manifests, in no particular order.
pub fn between(outlines: &[Outline<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sorted = sorted(outlines.iter().collect(), |outline| (outline.address, outline.source));
    sorted.dedup_by(|(next_start, next), (start, first)| {
        let again = next_start == start && next.address == first.address;
        if again {
            findings.push(duplicate_address(next, &first.name_source()));
        }
        again
    });
    let outlines: Vec<&Outline<'_>> = sorted.into_iter().map(|(_, outline)| outline).collect();
    find_duplicate_adopts(&outlines, &mut findings);
    find_same_bodies(&outlines, &mut findings);
    findings
}

/// In ascending order of address and source, with how the addresses begin.
fn sorted<T: Send>(items: Vec<T>, key: impl Fn(&T) -> (&Address, &Source) + Sync) -> Vec<(Start, T)> {
    let mut sorted: Vec<(Start, T)> = items.into_par_iter().map(|item| (key(&item).0.start(), item)).collect();
    sorted.par_sort_unstable_by(|(one_start, one), (other_start, other)| {
        one_start.cmp(other_start).then_with(|| key(one).cmp(&key(other)))
    });
    sorted
}

fn duplicate_address(outline: &Outline<'_>, first: &Source) -> Finding {
    Finding {
        code: code::DUPLICATE_ADDRESS,
        severity: Severity::Error,
        source: outline.name_source(),
        message: format!("{} is described twice, here and at {first}", outline.address),
        hint: Some("give one of the two another name".into()),
        excerpt: None,
        related: vec![(first.clone(), "the same address".into())],
    }
}

fn find_duplicate_adopts(outlines: &[&Outline<'_>], findings: &mut Vec<Finding>) {
    let mut adopted: BTreeMap<ConversationId, &Outline<'_>> = BTreeMap::new();
    for outline in outlines {
        let Some(id) = outline.adopt else { continue };
        let Some(first) = adopted.insert(id, outline) else { continue };
        findings.push(Finding {
            code: code::DUPLICATE_ADOPT,
            severity: Severity::Error,
            source: outline.name_source(),
            message: format!("{} and {} both adopt conversation #{id}", first.address, outline.address),
            hint: Some("a conversation belongs to one address".into()),
            excerpt: None,
            related: vec![(first.name_source(), "the other one".into())],
        });
    }
}

/// One warning for each manifest whose body another one, with a smaller address, has already.
fn find_same_bodies(outlines: &[&Outline<'_>], findings: &mut Vec<Finding>) {
    // The first bytes of a digest are as good as any hash, and equal ones are rare.
    let mut by_body: Vec<(u64, usize)> =
        outlines.iter().enumerate().map(|(index, outline)| (outline.content.start(), index)).collect();
    by_body.par_sort_unstable();
    for alike in by_body.chunk_by(|(one, _), (next, _)| one == next).filter(|alike| alike.len() > 1) {
        let mut known: HashMap<(Kind, &Digest), &Outline<'_>> = HashMap::new();
        for outline in alike.iter().map(|(_, index)| outlines[*index]) {
            match known.entry((outline.address.kind, outline.content)) {
                Entry::Vacant(none) => drop(none.insert(outline)),
                Entry::Occupied(_) if outline.ignore.contains(&code::SAME_BODY) => {}
                Entry::Occupied(first) => findings.push(same_body(outline, first.get())),
            }
        }
    }
}

fn same_body(outline: &Outline<'_>, first: &Outline<'_>) -> Finding {
    Finding {
        code: code::SAME_BODY,
        severity: Severity::Warning,
        source: outline.name_source(),
        message: format!("{} has the same body as {}", outline.address, first.address),
        hint: Some("if that is a copy left behind, remove it: each becomes a conversation of its own".into()),
        excerpt: None,
        related: vec![(first.name_source(), "the same body".into())],
    }
}
