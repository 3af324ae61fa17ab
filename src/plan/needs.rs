//! What a plan refers to in the tenant: it has to be there before the first write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use crate::conversation::{Address, Kind};
use crate::desired::Desired;
use crate::handling::Setting;
use crate::name::{self, Name};
use crate::plan::change::{Change, Plan, Read, Step};
use crate::plan::scope::Scope;
use crate::shape::Thing;
use crate::source::Source;
use crate::state::State;

/// One thing that has to be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// What has this name, whose id is not known yet.
    Name(Name),
    /// What has this id, in lower case.
    Id(Thing, String),
}

impl Need {
    /// What it is, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Need::Name(name) => name.noun(),
            Need::Id(thing, _) => thing.noun(),
        }
    }

    /// Whether it is the custom attribute with this identifier.
    pub fn is_attribute(&self, wanted: &str) -> bool {
        matches!(self, Need::Name(Name::Attribute { identifier, .. }) if identifier == wanted)
    }

    /// What it is called.
    pub fn label(&self) -> String {
        match self {
            Need::Name(name) => name.label(),
            Need::Id(_, id) => id.clone(),
        }
    }
}

/// Each thing once, with the changes that need it.
#[derive(Debug, Default)]
pub struct Needs<'p>(BTreeMap<Need, Vec<&'p Change>>);

impl<'p> Needs<'p> {
    /// End users that the plan makes are there when they are made.
    pub fn of(changes: &'p [Change]) -> Self {
        let mut needs = Needs::default();
        for change in changes.iter().filter(|change| !change.steps.is_empty()) {
            for (name, _) in change.names.iter().filter(|(_, named)| named.manifest.is_none()) {
                needs.0.entry(Need::Name(name.clone())).or_default().push(change);
            }
            for (thing, id) in ids_of(change) {
                needs.0.entry(Need::Id(thing, id)).or_default().push(change);
            }
        }
        needs
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Need> {
        self.0.keys()
    }

    /// Who needs it, and where it is written, as far as that is known: a name has a place of its own, for an id it is
    /// that of the manifest.
    pub fn places(&self, need: &Need) -> Vec<(Address, Option<Source>)> {
        let place = |change: &&Change| {
            let named = match need {
                Need::Name(name) => change.names.get(name).map(|named| named.place),
                Need::Id(..) => None,
            };
            let source = change.source.as_ref();
            let source = source.map(|source| Source::new(&source.file, named.unwrap_or(source.place)));
            (change.address.clone(), source)
        };
        self.0.get(need).into_iter().flatten().map(place).collect()
    }

    /// The reads that ask for them. Identifiers of attributes are among the definitions, and all queues in one list.
    pub fn reads(&self) -> Vec<Read> {
        let of_one = |need: &&Need| !matches!(need, Need::Name(Name::Attribute { .. } | Name::Queue(_)));
        let mut reads = vec![Read::Thing; self.iter().filter(of_one).count()];
        if self.iter().any(|need| matches!(need, Need::Name(Name::Queue(_)))) {
            reads.push(Read::Thing);
        }
        reads
    }
}

/// The ids that the calls of a change name. Those that were found by their names are there.
fn ids_of(change: &Change) -> BTreeSet<(Thing, String)> {
    let makes = change.steps.iter().any(|step| matches!(step, Step::Make(Kind::Conversation | Kind::Import)));
    let after = change.after.as_ref().filter(|_| makes);
    let mut ids = after.map(|after| name::ids_in(after.conversation())).unwrap_or_default();
    ids.extend(change.steps.iter().filter_map(|step| match step {
        Step::Set(Setting::Queue(Value::String(id))) => Some((Thing::Queue, id.to_ascii_lowercase())),
        Step::Set(Setting::Assignee(Value::String(id))) => Some((Thing::Agent, id.to_ascii_lowercase())),
        _ => None,
    }));
    // Copies of an imported message went to addresses.
    let is_asked = |id: &str| Uuid::try_parse(id).is_ok() && !change.ids.values().any(|known| known == id);
    ids.retain(|(_, id)| is_asked(id));
    ids
}

/// The end users that a change waits for, which are to be made before it.
pub fn waits_for(change: &Change) -> impl Iterator<Item = &Address> {
    change.names.values().filter_map(|named| named.manifest.as_ref())
}

/// The end users that are not made yet and that what the scope covers names: nothing could be made without them. One
/// that is excluded by its name stays out.
pub fn taken_along<'a>(desired: &'a Desired, state: &State, scope: &Scope) -> BTreeSet<&'a Address> {
    if scope.is_everything() {
        return BTreeSet::new();
    }
    let covered = desired.iter().filter(|manifest| {
        scope.covers_named(std::iter::once(&manifest.address).chain(manifest.former()), Some(&manifest.labels))
    });
    let named = covered.flat_map(|manifest| manifest.names.values().filter_map(|named| named.manifest.as_ref()));
    named.filter(|address| !state.records.contains_key(*address) && !scope.excludes(address)).collect()
}

/// The first change that waits for an end user that the plan doesn't make and the state doesn't know, and whom it waits
/// for. One that is in doubt may be there: what needs it is not attempted, and the rest goes on.
pub fn waits_in_vain<'p>(plan: &'p Plan, is_known: impl Fn(&Address) -> bool) -> Option<(&'p Change, &'p Address)> {
    let is_planned = |address: &Address| plan.changes.binary_search_by(|change| change.address.cmp(address)).is_ok();
    let is_made = |address: &Address| is_planned(address) || plan.in_doubt.contains(address);
    let waits = |change: &'p Change| {
        let address = waits_for(change).find(|address| !is_known(address) && !is_made(address))?;
        Some((change, address))
    };
    plan.changes.iter().filter(|change| !change.steps.is_empty()).find_map(waits)
}
