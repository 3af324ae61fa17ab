//! What names stand for, as far as the state knows.
//!
//! For what is to be made, the state is believed only about end users that it has a record of: anything else is asked
//! for before it is used. To tell whether a manifest says what its record has, all that records remember counts.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::conversation::Kind;
use crate::desired::{Desired, Manifest, Named};
use crate::end_user::Lookup;
use crate::name::{self, Ids, Name};
use crate::spec::Spec;
use crate::state::{Applied, Before, Record, State};

pub(super) struct KnownIds<'s> {
    state: &'s State,
    /// Of end users that have a record.
    recorded: HashMap<Name, String>,
    /// What each name stood for when it was used last, with the time of that.
    remembered: HashMap<Name, (&'s str, &'s str)>,
}

impl<'s> KnownIds<'s> {
    /// Empty where no manifest has a name.
    pub(super) fn of(desired: &Desired, state: &'s State) -> Self {
        let mut known = KnownIds { state, recorded: HashMap::new(), remembered: HashMap::new() };
        if desired.iter().all(|manifest| manifest.names.is_empty()) {
            return known;
        }
        for (address, record) in &state.records {
            for (name, id) in &record.names {
                let Ok(name) = name.parse() else { continue };
                let latest = known.remembered.entry(name).or_insert((&record.applied_at, id));
                if *latest.0 < *record.applied_at {
                    *latest = (&record.applied_at, id);
                }
            }
            // What a manifest says now is known from it.
            if let (Kind::EndUser, None, Applied::Full(spec)) = (address.kind, desired.get(address), &record.applied) {
                for mut lookup in Lookup::all_of(&spec.content()) {
                    lookup.fold();
                    known.recorded.insert(Name::EndUser(lookup), record.id.to_string());
                }
            }
        }
        known
    }

    /// With the ids that can be used to make something.
    pub(super) fn to_make<'m>(&self, manifest: &'m Manifest) -> Cow<'m, Manifest> {
        with_ids(manifest, |name, named| self.recorded(name, named))
    }

    /// With all ids that are known, to hold it against a record.
    pub(super) fn to_compare<'m>(&self, manifest: &'m Manifest, record: Option<&Record>) -> Cow<'m, Manifest> {
        with_ids(manifest, |name, named| {
            let own = || Some(record?.id_of(name)?.to_owned());
            let remembered = || Some(self.remembered.get(name)?.1.to_owned());
            self.recorded(name, named).or_else(own).or_else(remembered)
        })
    }

    fn recorded(&self, name: &Name, named: &Named) -> Option<String> {
        match (&named.manifest, name) {
            (Some(address), _) | (None, Name::Manifest(address)) => {
                self.state.records.get(address).map(|record| record.id.to_string())
            }
            (None, name) => self.recorded.get(name).cloned(),
        }
    }
}

/// What was applied before, with the names that stay in what is made in the place of the ids that they are known to
/// stand for: a name and its id are no difference.
pub(super) fn named_as(made: &Manifest, compared: &Manifest, mut before: Box<Before>) -> Box<Before> {
    let stays = |(name, _): &(&Name, &String)| made.names.contains_key(*name);
    let known: Ids = compared.ids.iter().filter(stays).map(|(name, id)| (name.clone(), id.clone())).collect();
    if !known.is_empty() {
        before.put_names(made.spec.conversation(), &known);
    }
    before
}

fn with_ids(manifest: &Manifest, id_of: impl Fn(&Name, &Named) -> Option<String>) -> Cow<'_, Manifest> {
    let found = manifest.names.iter().filter_map(|(name, named)| Some((name.clone(), id_of(name, named)?)));
    let ids: Ids = found.collect();
    if ids.is_empty() {
        return Cow::Borrowed(manifest);
    }
    let mut conversation = manifest.spec.conversation();
    name::put_ids(&mut conversation, manifest.address.kind, &ids);
    let mut known = manifest.clone();
    known.digests = conversation.digests();
    known.spec = Spec::of(&conversation);
    known.called.extend(ids.iter().map(|(name, id)| (id.clone(), name.label())));
    known.names.retain(|name, _| !ids.contains_key(name));
    known.ids = ids;
    Cow::Owned(known)
}
