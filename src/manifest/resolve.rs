//! Readings of many files to one [`Desired`], and what only shows between files.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use crate::conversation::{ConversationId, Kind};
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::finding::{Finding, Findings, Severity, code};
use crate::manifest::Reading;
use crate::source::Source;

/// Puts readings together. Their order never matters: what is kept and what is reported depends on places only.
pub fn resolve(readings: impl IntoIterator<Item = Reading>) -> (Desired, Findings) {
    let mut findings = Findings::default();
    let mut manifests = Vec::new();
    let mut files = HashMap::new();
    for Reading { manifests: some, findings: found, made_of } in readings {
        manifests.extend(some);
        findings.extend(found);
        files.extend(made_of);
    }
    manifests.sort_unstable_by(|one, other| (&one.address, &one.source).cmp(&(&other.address, &other.source)));
    // Of several with one address the first is kept.
    manifests.dedup_by(|next, first| {
        let again = next.address == first.address;
        if again {
            findings.extend([duplicate_address(next, &first.name_source())]);
        }
        again
    });
    findings.extend(duplicate_adopts(&manifests));
    findings.extend(same_bodies(&manifests));
    for finding in findings.iter() {
        files.remove(&finding.source.file);
        for (source, _) in &finding.related {
            files.remove(&source.file);
        }
    }
    findings.sort();
    (Desired::new(manifests, files), findings)
}

fn duplicate_address(manifest: &Manifest, first: &Source) -> Finding {
    Finding {
        code: code::DUPLICATE_ADDRESS,
        severity: Severity::Error,
        source: manifest.name_source(),
        message: format!("{} is described twice, here and at {first}", manifest.address),
        hint: Some("give one of the two another name".into()),
        excerpt: None,
        related: vec![(first.clone(), "the same address".into())],
    }
}

fn duplicate_adopts(manifests: &[Manifest]) -> Vec<Finding> {
    let mut adopted: BTreeMap<ConversationId, &Manifest> = BTreeMap::new();
    let mut findings = Vec::new();
    for manifest in manifests {
        let Some(id) = manifest.adopt else { continue };
        let Some(first) = adopted.insert(id, manifest) else { continue };
        findings.push(Finding {
            code: code::DUPLICATE_ADOPT,
            severity: Severity::Error,
            source: manifest.name_source(),
            message: format!("{} and {} both adopt conversation #{id}", first.address, manifest.address),
            hint: Some("a conversation belongs to one address".into()),
            excerpt: None,
            related: vec![(first.name_source(), "the other one".into())],
        });
    }
    findings
}

/// One warning for each manifest whose body another one, with a smaller address, has already.
fn same_bodies(manifests: &[Manifest]) -> Vec<Finding> {
    let mut known: HashMap<(Kind, &Digest), &Manifest> = HashMap::with_capacity(manifests.len());
    let mut findings = Vec::new();
    for manifest in manifests {
        match known.entry((manifest.address.kind, &manifest.digests.content)) {
            Entry::Vacant(free) => drop(free.insert(manifest)),
            Entry::Occupied(_) if manifest.ignore.contains(&code::SAME_BODY) => {}
            Entry::Occupied(first) => findings.push(same_body(manifest, first.get())),
        }
    }
    findings
}

fn same_body(manifest: &Manifest, first: &Manifest) -> Finding {
    Finding {
        code: code::SAME_BODY,
        severity: Severity::Warning,
        source: manifest.name_source(),
        message: format!("{} has the same body as {}", manifest.address, first.address),
        hint: Some("if that is a copy left behind, remove it: each becomes a conversation of its own".into()),
        excerpt: None,
        related: vec![(first.name_source(), "the same body".into())],
    }
}
