//! What there is to say about a plan, and about one change of it, beside what becomes different: facts, without words.

use crate::conversation::{Address, CUSTOM_ATTRIBUTES, Id, Kind};
use crate::handling;
use crate::plan::{Action, Block, Change, Deviation, Drift, Gone, Orphan, Plan, Renamed, Step};

/// What a reader must know of a whole plan before approving it.
#[derive(Clone, Debug, PartialEq)]
pub enum Note<'p> {
    /// Changes that can't be undone.
    Irreversible(Vec<&'p Address>),
    /// Changes that send a message to a customer.
    ReachesCustomers(Vec<&'p Address>),
    /// Changes that may not be applied; whether `--allow-replace` would allow one of them.
    Blocked { changes: Vec<&'p Address>, flag_helps: bool },
    /// Calls whose end is unknown.
    InDoubt(&'p [Address]),
    /// Conversations that are no longer there.
    Gone(&'p [Gone]),
    /// What was changed outside of dixaform.
    Drifted(&'p [Drift]),
    /// Records without a manifest.
    NotInManifests(&'p [Orphan]),
    /// Manifests that may have been renamed.
    Renamed(&'p [Renamed]),
    /// How many manifests and records a filter left out.
    LeftOut(usize),
}

impl Plan {
    /// All that applies to it, always in the same order.
    pub fn notes(&self) -> Vec<Note<'_>> {
        let addresses = |wanted: fn(&Change) -> bool| {
            self.changes.iter().filter(|change| wanted(change)).map(|change| &change.address).collect::<Vec<_>>()
        };
        let (irreversible, reaching) =
            (addresses(|change| change.irreversible), addresses(|change| change.reaches_customer));
        let blocked = addresses(|change| change.block.is_some());
        let flag_helps = self.blocked().any(|change| change.block == Some(Block::ReplaceNotAllowed));
        let all = [
            (!irreversible.is_empty(), Note::Irreversible(irreversible)),
            (!reaching.is_empty(), Note::ReachesCustomers(reaching)),
            (!blocked.is_empty(), Note::Blocked { changes: blocked, flag_helps }),
            (!self.in_doubt.is_empty(), Note::InDoubt(&self.in_doubt)),
            (!self.gone.is_empty(), Note::Gone(&self.gone)),
            (!self.drift.is_empty(), Note::Drifted(&self.drift)),
            (!self.not_in_manifests.is_empty(), Note::NotInManifests(&self.not_in_manifests)),
            (!self.renamed.is_empty(), Note::Renamed(&self.renamed)),
            (self.summary.left_out > 0, Note::LeftOut(self.summary.left_out)),
        ];
        all.into_iter().filter(|(applies, _)| *applies).map(|(_, note)| note).collect()
    }
}

/// What marks a change beside its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Blocked,
    ReachesCustomer,
    Irreversible,
}

/// What else there is to say of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeNote<'c> {
    /// Its record had another address.
    Moved {
        from: &'c Address,
        to: &'c Address,
    },
    /// The conversation that is replaced stays.
    OldStays(Id),
    /// The conversation whose record is dropped stays.
    Stays(Id),
    /// It is adopted instead, if it is there.
    AdoptedIfThere,
    /// Members that left the manifest, and stay as they are in Dixa.
    Left(Vec<&'c str>),
    /// What is set afterwards is set only where the adopted conversation has it otherwise.
    WrittenWhereDifferent,
    /// Nobody has looked at the conversation that is to be adopted.
    NotCompared,
    /// One thing that is otherwise in the conversation that is to be adopted.
    Otherwise(&'c Deviation),
    Blocked(&'c Block),
}

impl Change {
    /// The gravest first.
    pub fn marks(&self) -> impl Iterator<Item = Mark> {
        let all = [
            (self.block.is_some(), Mark::Blocked),
            (self.reaches_customer, Mark::ReachesCustomer),
            (self.irreversible, Mark::Irreversible),
        ];
        all.into_iter().filter(|(applies, _)| *applies).map(|(_, mark)| mark)
    }

    /// Members that the record has and the manifest has no longer, and that stay as they are in Dixa.
    fn left_members(&self) -> Vec<&str> {
        let (Some(before), Some(after), Action::Update) = (&self.before, &self.after, self.action) else {
            return Vec::new();
        };
        let stays = |name: &str| match self.address.kind {
            Kind::EndUser => name != CUSTOM_ATTRIBUTES,
            Kind::Conversation | Kind::Import => handling::MEMBERS.contains(&name) && name != handling::TAGS,
        };
        let after = after.members();
        let names = before.spec.keys().map(String::as_str);
        names.filter(|name| stays(name) && !after.contains_key(*name)).collect()
    }

    pub fn notes(&self) -> impl Iterator<Item = ChangeNote<'_>> {
        let moved = self.moved().map(|from| ChangeNote::Moved { from, to: &self.address });
        let adopts = || {
            self.steps.iter().any(|step| {
                let patches = matches!(step, Step::PatchDifferent(all) if !all.is_empty());
                patches || matches!(step, Step::ChangeDifferent | Step::Set(_))
            })
        };
        let about_the_action = match (self.action, self.id) {
            (Action::Replace, Some(id)) => Some(ChangeNote::OldStays(id)),
            (Action::Forget, Some(id)) => Some(ChangeNote::Stays(id)),
            (Action::Adopt, _) if adopts() => Some(ChangeNote::WrittenWhereDifferent),
            _ => None,
        };
        let finds = self.steps.iter().any(|step| matches!(step, Step::Find(_)));
        let left = self.left_members();
        let of_end_user = finds.then_some(ChangeNote::AdoptedIfThere);
        let of_end_user = of_end_user.into_iter().chain((!left.is_empty()).then_some(ChangeNote::Left(left)));
        let is_end_user = self.address.kind == Kind::EndUser;
        let not_compared = !is_end_user && self.action == Action::Adopt && self.found.is_none();
        let compared = self.found.iter().flatten().map(ChangeNote::Otherwise);
        let compared = not_compared.then_some(ChangeNote::NotCompared).into_iter().chain(compared);
        let about = moved.into_iter().chain(about_the_action).chain(of_end_user).chain(compared);
        about.chain(self.block.as_ref().map(ChangeNote::Blocked))
    }
}
