//! What a plan refers to by names whose ids have to be asked for before the first write.

use std::collections::BTreeMap;

use crate::conversation::Address;
use crate::name::Name;
use crate::plan::change::{Change, Plan, Read};
use crate::source::Source;

/// Each name once, with the changes that use it.
#[derive(Debug, Default)]
pub struct Needs<'p>(BTreeMap<&'p Name, Vec<&'p Change>>);

impl<'p> Needs<'p> {
    /// What end users are that the plan makes is known when they are made.
    pub fn of(changes: &'p [Change]) -> Self {
        let mut needs = Needs::default();
        for change in changes.iter().filter(|change| !change.steps.is_empty()) {
            for (name, _) in change.names.iter().filter(|(_, named)| named.manifest.is_none()) {
                needs.0.entry(name).or_default().push(change);
            }
        }
        needs
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> impl Iterator<Item = &'p Name> {
        self.0.keys().copied()
    }

    /// Who uses a name, and where.
    pub fn places(&self, name: &Name) -> Vec<(Address, Option<Source>)> {
        let place = |change: &&Change| {
            let source = change.source.as_ref().zip(change.names.get(name));
            (change.address.clone(), source.map(|(source, named)| Source::new(&source.file, named.place)))
        };
        self.0.get(name).into_iter().flatten().map(place).collect()
    }

    /// The reads that ask for them. Identifiers of attributes are among the definitions, and all queues in one list.
    pub fn reads(&self) -> Vec<Read> {
        let of_one = |name: &&Name| matches!(name, Name::EndUser(_) | Name::Agent(_));
        let mut reads = vec![Read::Name; self.names().filter(of_one).count()];
        if self.names().any(|name| matches!(name, Name::Queue(_))) {
            reads.push(Read::Name);
        }
        reads
    }
}

/// The end users that a change waits for, which are to be made before it.
pub fn waits_for(change: &Change) -> impl Iterator<Item = &Address> {
    change.names.values().filter_map(|named| named.manifest.as_ref())
}

/// The first change that waits for an end user that the plan doesn't make and the state doesn't know, and whom it waits
/// for.
pub fn waits_in_vain<'p>(plan: &'p Plan, is_known: impl Fn(&Address) -> bool) -> Option<(&'p Change, &'p Address)> {
    let is_made = |address: &Address| plan.changes.binary_search_by(|change| change.address.cmp(address)).is_ok();
    let waits = |change: &'p Change| {
        let address = waits_for(change).find(|address| !is_known(address) && !is_made(address))?;
        Some((change, address))
    };
    plan.changes.iter().filter(|change| !change.steps.is_empty()).find_map(waits)
}
