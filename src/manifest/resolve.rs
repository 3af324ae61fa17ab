//! Readings of many files to one [`Desired`], and what only shows between files.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::conversation::{Address, Id, Kind};
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::end_user::Lookup;
use crate::finding::{Finding, Findings, Severity, closest, code};
use crate::manifest::Reading;
use crate::name::Name;
use crate::source::Source;

/// Puts readings together. Their order never matters: what is kept and what is reported depends on places only.
pub fn resolve(readings: impl IntoIterator<Item = Reading>) -> (Desired, Findings) {
    resolve_beside(readings, &|_| false)
}

/// [`resolve`] where other manifests were not read: `is_elsewhere` says whether one of them describes an end user.
pub fn resolve_beside(
    readings: impl IntoIterator<Item = Reading>,
    is_elsewhere: &dyn Fn(&Address) -> bool,
) -> (Desired, Findings) {
    let mut findings = Findings::default();
    let mut manifests: Vec<Manifest> = Vec::new();
    let (mut faulty, mut named) = (Vec::new(), Vec::new());
    let mut files = HashMap::new();
    let mut values = BTreeSet::new();
    for reading in readings {
        let Reading { manifests: some, faulty: others, named: names, findings: found, made_of, values: used, .. } =
            reading;
        manifests.extend(some);
        faulty.extend(others);
        named.extend(names);
        findings.extend(found);
        files.extend(made_of);
        values.extend(used);
    }
    manifests.sort_unstable_by(|one, other| (&one.address, &one.source).cmp(&(&other.address, &other.source)));
    let described = described(&manifests, &faulty);
    findings.extend(duplicate_addresses(&manifests, faulty));
    // Of several with one address the first is kept.
    manifests.dedup_by(|next, first| next.address == first.address);
    findings.extend(duplicate_adopts(&manifests));
    findings.extend(wrong_moves(&manifests));
    let (end_users, duplicates) = end_users(&manifests);
    findings.extend(duplicates);
    findings.extend(connect(&mut manifests, &end_users, &described, is_elsewhere));
    let unknown = named.into_iter().filter(|(address, _)| !described.contains(address) && !is_elsewhere(address));
    findings.extend(unknown.map(|(address, source)| unknown_end_user(&address, &described, source)));
    findings.extend(same_bodies(&manifests));
    for finding in findings.iter() {
        files.remove(&finding.source.file);
        for (source, _) in &finding.related {
            files.remove(&source.file);
        }
    }
    findings.sort();
    (Desired::new(manifests, files, values), findings)
}

/// One finding for each manifest but the first of an address, those with other errors included. Manifests come in
/// ascending order of their addresses.
fn duplicate_addresses(manifests: &[Manifest], mut faulty: Vec<(Address, Source)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if faulty.is_empty() {
        for same in manifests.chunk_by(|one, next| one.address == next.address).filter(|same| same.len() > 1) {
            let first = same[0].name_source();
            findings
                .extend(same[1..].iter().map(|again| duplicate_address(&again.address, again.name_source(), &first)));
        }
        return findings;
    }
    faulty.extend(manifests.iter().map(|manifest| (manifest.address.clone(), manifest.name_source())));
    faulty.sort_unstable();
    for same in faulty.chunk_by(|(one, _), (next, _)| one == next) {
        let (address, first) = &same[0];
        findings.extend(same[1..].iter().map(|(_, again)| duplicate_address(address, again.clone(), first)));
    }
    findings
}

fn duplicate_address(address: &Address, source: Source, first: &Source) -> Finding {
    Finding {
        code: code::DUPLICATE_ADDRESS,
        severity: Severity::Error,
        source,
        message: format!("{address} is described twice, here and at {first}"),
        hint: Some("give one of the two another name".into()),
        excerpt: None,
        related: vec![(first.clone(), "the same address".into())],
    }
}

fn duplicate_adopts(manifests: &[Manifest]) -> Vec<Finding> {
    let mut adopted: BTreeMap<Id, &Manifest> = BTreeMap::new();
    let mut findings = Vec::new();
    for manifest in manifests {
        let Some(id) = manifest.adopt else { continue };
        let Some(first) = adopted.insert(id, manifest) else { continue };
        findings.push(Finding {
            code: code::DUPLICATE_ADOPT,
            severity: Severity::Error,
            source: manifest.name_source(),
            message: format!("{} and {} both adopt {} {id:#}", first.address, manifest.address, id.noun()),
            hint: Some("each belongs to one address".into()),
            excerpt: None,
            related: vec![(first.name_source(), "the other one".into())],
        });
    }
    findings
}

/// A record can go to one address only, and only from one that nobody describes. Manifests come in ascending order of
/// their addresses.
fn wrong_moves(manifests: &[Manifest]) -> Vec<Finding> {
    let mut claimed: BTreeMap<&Address, &Manifest> = BTreeMap::new();
    let mut findings = Vec::new();
    for manifest in manifests {
        let (Some(former), to) = (manifest.former(), &manifest.address) else { continue };
        let described = manifests.binary_search_by(|other| other.address.cmp(former)).ok();
        let (code, message, hint, related) = if let Some(index) = described {
            let described = manifests[index].name_source();
            let message = format!("{former} can't move to {to}: it is still described at {described}");
            let hint = "remove its manifest if it was renamed, and the annotation if it was not";
            (code::OLD_ADDRESS_DESCRIBED, message, hint, (described, "the old address"))
        } else if let Some(first) = claimed.insert(former, manifest) {
            let message = format!("{former} can't move to both {} and {to}", first.address);
            let hint = "one of the two has its record; remove the annotation of the other";
            (code::DUPLICATE_MOVED_FROM, message, hint, (first.moved_from_source(), "the other one"))
        } else {
            continue;
        };
        findings.push(Finding {
            code,
            severity: Severity::Error,
            source: manifest.moved_from_source(),
            message,
            hint: Some(hint.into()),
            excerpt: None,
            related: vec![(related.0, related.1.into())],
        });
    }
    findings
}

/// The described end users by what they are looked up by, and one finding for each with the e-mail address, phone
/// number or external id of one with a smaller address: the two would become one in Dixa, or the second be refused.
fn end_users(manifests: &[Manifest]) -> (HashMap<Lookup, Address>, Vec<Finding>) {
    let mut known: HashMap<Lookup, &Manifest> = HashMap::new();
    let mut findings = Vec::new();
    for manifest in manifests.iter().take_while(|manifest| manifest.address.kind == Kind::EndUser) {
        for mut lookup in Lookup::all_of(&manifest.spec.content()) {
            lookup.fold();
            let (noun, value) = (lookup.key.noun(), lookup.value.clone());
            match known.entry(lookup) {
                Entry::Vacant(free) => drop(free.insert(manifest)),
                Entry::Occupied(first) => {
                    findings.push(duplicate_end_user(manifest, first.get(), &format!("{noun} `{value}`")));
                    break;
                }
            }
        }
    }
    (known.into_iter().map(|(lookup, manifest)| (lookup, manifest.address.clone())).collect(), findings)
}

/// The end users that manifests describe, those with errors included.
fn described(manifests: &[Manifest], faulty: &[(Address, Source)]) -> BTreeSet<Address> {
    let addresses = manifests.iter().map(|manifest| &manifest.address).chain(faulty.iter().map(|(address, _)| address));
    addresses.filter(|address| address.kind == Kind::EndUser).cloned().collect()
}

/// Notes whose manifest each name of an end user means, and reports those that should mean one and don't.
fn connect(
    manifests: &mut [Manifest],
    end_users: &HashMap<Lookup, Address>,
    described: &BTreeSet<Address>,
    is_elsewhere: &dyn Fn(&Address) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests.iter_mut().filter(|manifest| !manifest.names.is_empty()) {
        let file = Arc::clone(&manifest.source.file);
        for (name, named) in &mut manifest.names {
            match name {
                Name::Manifest(address) if described.contains(address) || is_elsewhere(address) => {
                    named.manifest = Some(address.clone());
                }
                Name::Manifest(address) => {
                    findings.push(unknown_end_user(address, described, Source::new(&file, named.place)));
                }
                Name::EndUser(lookup) => named.manifest = end_users.get(lookup).cloned(),
                Name::Agent(_) | Name::Queue(_) | Name::Attribute { .. } => {}
            }
        }
    }
    findings
}

fn unknown_end_user(address: &Address, described: &BTreeSet<Address>, source: Source) -> Finding {
    let hint = match closest(address.name(), described.iter().map(Address::name)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "describe the end user in a manifest of `kind: EndUser` among those that are read, or name one that exists by \
                 `email`".to_owned(),
    };
    Finding {
        code: code::UNKNOWN_NAME,
        severity: Severity::Error,
        source,
        message: format!("no manifest describes the end user `{}`", address.name()),
        hint: Some(hint),
        excerpt: None,
        related: Vec::new(),
    }
}

fn duplicate_end_user(manifest: &Manifest, first: &Manifest, what: &str) -> Finding {
    Finding {
        code: code::DUPLICATE_END_USER,
        severity: Severity::Error,
        source: manifest.name_source(),
        message: format!("{} has the {what}, which {} has", manifest.address, first.address),
        hint: Some("describe each end user once".into()),
        excerpt: None,
        related: vec![(first.name_source(), "the other one".into())],
    }
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
        hint: Some("if this is an accidental copy, remove it: each of them is made".into()),
        excerpt: None,
        related: vec![(first.name_source(), "the same body".into())],
    }
}
