//! Readings of many files to one [`Desired`].

use std::collections::BTreeMap;

use crate::conversation::{Address, ConversationId, Kind};
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::finding::{Finding, Findings, Severity, code};
use crate::manifest::Reading;
use crate::source::Source;

/// Puts readings together. Their order never matters: what is kept and what is reported depends on places only.
pub fn resolve(readings: impl IntoIterator<Item = Reading>) -> (Desired, Findings) {
    let mut findings = Findings::default();
    let mut all: Vec<Manifest> = Vec::new();
    for Reading { manifests, findings: found } in readings {
        all.extend(manifests);
        findings.extend(found);
    }
    all.sort_by(|a, b| (&a.address, &a.source).cmp(&(&b.address, &b.source)));
    let mut manifests: BTreeMap<Address, Manifest> = BTreeMap::new();
    for manifest in all {
        if let Some(first) = manifests.get(&manifest.address) {
            findings.push(duplicate_address(&manifest, &first.name_source()));
        } else {
            manifests.insert(manifest.address.clone(), manifest);
        }
    }
    find_duplicate_adopts(&manifests, &mut findings);
    find_same_bodies(&manifests, &mut findings);
    findings.sort();
    (Desired::new(manifests), findings)
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

fn find_duplicate_adopts(manifests: &BTreeMap<Address, Manifest>, findings: &mut Findings) {
    let mut adopted: BTreeMap<ConversationId, &Manifest> = BTreeMap::new();
    for manifest in manifests.values() {
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
}

/// One warning for each manifest whose body another one, with a smaller address, has already.
fn find_same_bodies(manifests: &BTreeMap<Address, Manifest>, findings: &mut Findings) {
    let mut known: BTreeMap<(Kind, Digest), &Manifest> = BTreeMap::new();
    for manifest in manifests.values() {
        let key = (manifest.address.kind, manifest.digests.content);
        let Some(first) = known.get(&key) else {
            known.insert(key, manifest);
            continue;
        };
        findings.push(Finding {
            code: code::SAME_BODY,
            severity: Severity::Warning,
            source: manifest.name_source(),
            message: format!("{} has the same body as {}", manifest.address, first.address),
            hint: Some("if that is a copy left behind, remove it: each becomes a conversation of its own".into()),
            excerpt: None,
            related: vec![(first.name_source(), "the same body".into())],
        });
    }
}
