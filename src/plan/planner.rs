//! The planner: one pure function from what is described and what was applied to what has to be done.
//!
//! | situation | action | calls |
//! | --- | --- | --- |
//! | not in the state | create or import | POST, then PATCH if it has attributes, and one for each other setting |
//! | not in the state, `dixaform/adopt` | adopt | GET, then PATCH what differs |
//! | the same, `dixaform/moved-from` names its record | move; also with an update or a replacement | none |
//! | attributes differ, or were never written | update | PATCH with the keys that differ |
//! | tags, queue, assignee or state differ | update | one for each that differs, after a look at what is there |
//! | content differs | replace, blocked unless allowed | POST, then PATCH |
//! | in the state, not in the manifests | none, or forget with `prune` | none |
//! | a call is in doubt | none before it is settled | none |
//! | an end user, not in the state | create, unless it is found and adopted | GET for each key, POST, then PATCH |
//! | members of an end user differ | update | PATCH with the members that differ |
//! | read, and gone | none: it is reported, and never silently created again | none |

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::conversation::{Address, AttributeValue, Attributes, Digests, Id, Kind, Labels, OnChange};
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::end_user::Lookup;
use crate::handling::Setting;
use crate::name::Ids;
use crate::plan::action::Action;
use crate::plan::change::{Change, Drift, Fingerprint, Gone, Orphan, Plan, Read, Step, Steps, Summary, Target};
use crate::plan::described::is_tidied;
use crate::plan::end_users;
use crate::plan::handling;
use crate::plan::known_ids::{KnownIds, named_as};
use crate::plan::moves;
use crate::plan::needs::{Needs, taken_along};
use crate::plan::observation::{self, Handled, Observation, Observations};
use crate::plan::price::Price;
use crate::plan::reason::{Block, Reason};
use crate::plan::renamed;
use crate::plan::scope::Scope;
use crate::settings::RemovedAttributes;
use crate::shape::Thing;
use crate::state::{Applied, Before, Record, Seal, State};

/// What a user may decide about a plan, and what is known besides the state.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    pub tenant: Target,
    /// Allow replacements whose manifest says nothing about them.
    pub allow_replace: bool,
    /// Forget records that no manifest describes.
    pub prune: bool,
    pub scope: Scope,
    pub removed_attributes: RemovedAttributes,
    /// Mark what is made with an `externalId`, on its first message or on the end user, unless the manifest sets one.
    pub markers: bool,
    /// Read everything back that is written, and compare.
    pub verify: bool,
    /// Addresses with a call whose end is unknown; nothing is planned for them.
    pub in_doubt: BTreeSet<Address>,
    /// What was read of the tenant; empty without a refresh.
    pub observations: Observations,
    /// Of the file that the state was in.
    pub seal: Option<Seal>,
    /// There is no state here, and the tenant may have what was made before: apply looks for that first.
    pub is_lost: bool,
}

impl PlanOptions {
    /// The defaults of flags and project file for a tenant.
    pub fn new(tenant: Target) -> Self {
        PlanOptions {
            tenant,
            allow_replace: false,
            prune: false,
            scope: Scope::default(),
            removed_attributes: RemovedAttributes::Clear,
            markers: true,
            verify: false,
            in_doubt: BTreeSet::new(),
            observations: Observations::new(),
            seal: None,
            is_lost: false,
        }
    }
}

/// From state to desired. It can't fail: what it can't do becomes a change with a [`Block`].
pub fn plan(desired: &Desired, state: &State, options: &PlanOptions) -> Plan {
    let (owners, known) = (owners(desired, state), KnownIds::of(desired, state));
    let planner = Planner { desired, options, owners, known, taken_along: taken_along(desired, state, &options.scope) };
    let mut plan = Plan {
        tenant: options.tenant.clone(),
        lineage: state.lineage,
        serial: state.serial,
        seal: options.seal,
        changes: Vec::with_capacity(desired.len()),
        summary: Summary::default(),
        not_in_manifests: Vec::new(),
        renamed: Vec::new(),
        drift: Vec::new(),
        observed: 0,
        gone: Vec::new(),
        in_doubt: Vec::new(),
        price: Price::new(0, options.tenant.rate_limit),
        reads_before: Vec::new(),
        fingerprint: String::new(),
    };
    let mut fingerprint = Fingerprint::new(&plan.tenant);
    for (manifest, record) in pairs(desired, state) {
        planner.look_at(manifest, record).enter(&mut plan, &mut fingerprint);
    }
    let has_record = |address| desired.get(address).is_some_and(|manifest| moves::record_of(manifest, state).is_some());
    plan.observed = options.observations.keys().filter(|address| has_record(address)).count();
    plan.renamed = renamed::renamed(&plan, desired, state, &planner.known);
    plan.summary.not_in_manifests = plan.not_in_manifests.len();
    plan.summary.in_doubt = plan.in_doubt.len();
    plan.summary.gone = plan.gone.len();
    plan.reads_before = reads_before(&plan.changes);
    if options.is_lost && plan.changes.iter().any(|change| change.action.makes()) {
        plan.reads_before.extend(std::iter::repeat_n(Read::MadeBefore, looks(desired, options.markers)));
    }
    let calls = plan.changes.iter().map(|change| change.steps.len()).sum::<usize>() + plan.reads_before.len();
    plan.price = Price::new(calls as u64, options.tenant.rate_limit);
    plan.fingerprint = fingerprint.finish();
    plan
}

/// The reads that apply makes once, before its first write: whose tenant it is, whether the attributes and tags exist,
/// and what names stand for.
pub(crate) fn reads_before(changes: &[Change]) -> Vec<Read> {
    let mut steps = changes.iter().flat_map(|change| &*change.steps).peekable();
    if steps.peek().is_none() {
        return Vec::new();
    }
    let puts_tag = |step: &Step| matches!(step, Step::Set(Setting::PutTag(_)));
    let (attributes, tags) = steps.fold((false, false), |(attributes, tags), step| {
        (attributes || step.writes_attributes(), tags || puts_tag(step))
    });
    let reads = [(true, Read::Organization), (attributes, Read::Definitions), (tags, Read::Tags)];
    let reads = reads.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, read)| read);
    reads.chain(Needs::of(changes).reads()).collect()
}

/// The reads that look for what was made before, where all of it is new to the tenant: the conversations of each
/// requester, and each end user by its mark under each of its addresses.
fn looks(desired: &Desired, markers: bool) -> usize {
    let made = || desired.iter().filter(|manifest| manifest.adopt.is_none());
    let requester = |manifest: &Manifest| {
        let requester = manifest.spec.content().get("requesterId")?.clone();
        let name = Thing::EndUser.name(&requester);
        let described = name.and_then(|name| manifest.names.get(&name)?.manifest.as_ref());
        Some(described.map_or_else(|| requester.to_string().to_lowercase(), Address::to_string))
    };
    let is_marked = |manifest: &&Manifest| manifest.address.kind == Kind::EndUser && manifest.facts.is_marked(markers);
    let addresses = |manifest: &Manifest| 1 + usize::from(manifest.former().is_some());
    let requesters = made().filter_map(requester).collect::<BTreeSet<_>>().len();
    requesters + made().filter(is_marked).map(addresses).sum::<usize>()
}

/// Which address owns which conversation; empty when no manifest adopts any.
fn owners<'a>(desired: &Desired, state: &'a State) -> BTreeMap<Id, &'a Address> {
    if desired.iter().all(|manifest| manifest.adopt.is_none()) {
        return BTreeMap::new();
    }
    state.records.iter().map(|(address, record)| (record.id, address)).collect()
}

type Pair<'a> = (Option<&'a Manifest>, Option<(&'a Address, &'a Record)>);

/// Every address once, in ascending order, with its manifest and its record. A record that a manifest takes over comes
/// with that manifest.
fn pairs<'a>(desired: &'a Desired, state: &'a State) -> impl Iterator<Item = Pair<'a>> {
    let taken_over: BTreeSet<&Address> = desired.iter().filter_map(|manifest| moves::former(manifest, state)).collect();
    let mut manifests = desired.iter().peekable();
    let mut records = state.records.iter().filter(move |(address, _)| !taken_over.contains(address)).peekable();
    std::iter::from_fn(move || {
        let order = match (manifests.peek(), records.peek()) {
            (Some(manifest), Some((address, _))) => manifest.address.cmp(address),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let manifest = if order == Ordering::Greater { None } else { manifests.next() };
        let record = match (order, manifest) {
            (Ordering::Less, Some(manifest)) => moves::record_of(manifest, state),
            _ => records.next(),
        };
        Some((manifest, record))
    })
}

/// What becomes of one address.
#[expect(clippy::large_enum_variant, reason = "where there are many, nearly all are changes")]
enum Verdict {
    LeftOut,
    InDoubt(Address),
    Gone(Gone),
    Orphan(Orphan),
    /// With [`Change::deed`].
    Change {
        change: Change,
        deed: Digest,
        drift: Option<Drift>,
    },
    Unchanged {
        drift: Option<Drift>,
    },
}

impl Verdict {
    fn enter(self, plan: &mut Plan, fingerprint: &mut Fingerprint) {
        match self {
            Verdict::LeftOut => plan.summary.left_out += 1,
            Verdict::InDoubt(address) => plan.in_doubt.push(address),
            Verdict::Gone(gone) => plan.gone.push(gone),
            Verdict::Orphan(orphan) => plan.not_in_manifests.push(orphan),
            Verdict::Change { change, deed, drift } => {
                fingerprint.add(deed);
                plan.drift.extend(drift);
                plan.summary.add(&change);
                plan.changes.push(change);
            }
            Verdict::Unchanged { drift } => {
                plan.drift.extend(drift);
                plan.summary.unchanged += 1;
            }
        }
    }
}

/// A conversation that is no longer there is never silently made again. Its address is that of the record, which can be
/// forgotten.
fn gone(manifest: &Manifest, (address, record): (&Address, &Record), anonymized: bool) -> Verdict {
    let (address, source) = (address.clone(), Some(manifest.source.clone()));
    Verdict::Gone(Gone { address, id: record.id, source, anonymized })
}

struct Planner<'a> {
    desired: &'a Desired,
    options: &'a PlanOptions,
    owners: BTreeMap<Id, &'a Address>,
    known: KnownIds<'a>,
    taken_along: BTreeSet<&'a Address>,
}

impl Planner<'_> {
    /// What there is to say about one address.
    fn look_at(&self, manifest: Option<&Manifest>, record: Option<(&Address, &Record)>) -> Verdict {
        let Some(address) = manifest.map(|manifest| &manifest.address).or(record.map(|(address, _)| address)) else {
            return Verdict::Unchanged { drift: None };
        };
        let has_own = record.is_some_and(|(recorded, _)| recorded == address);
        let former = manifest.and_then(Manifest::former).filter(|_| !has_own);
        let mut names = std::iter::once(address).chain(former);
        let is_covered = self.options.scope.covers_named(names.clone(), manifest.map(|manifest| &manifest.labels));
        if !is_covered && !self.taken_along.contains(address) {
            return Verdict::LeftOut;
        }
        if names.any(|name| self.options.in_doubt.contains(name)) {
            return Verdict::InDoubt(address.clone());
        }
        let mut drift = None;
        let change = match (manifest, record) {
            (Some(manifest), None) => Some(self.new_address(&self.known.to_make(manifest))),
            (Some(manifest), Some(known @ (_, record))) => {
                match self.options.observations.get(&manifest.address) {
                    None => {}
                    Some(Observation::Present(seen)) => drift = observation::drift(address, record, seen),
                    Some(Observation::NotFound) => return gone(manifest, known, false),
                    Some(Observation::Anonymized) => return gone(manifest, known, true),
                }
                let compared = &*self.known.to_compare(manifest, Some(record));
                let differs = if has_other_content(record, compared) {
                    Some(self.replace(&self.known.to_make(manifest), compared, record))
                } else {
                    self.known_address(compared, record)
                };
                differs.or_else(|| former.map(|_| self.only_move(compared, record)))
            }
            (None, Some((address, _))) if self.desired.is_as_recorded(address) => None,
            (None, Some((address, record))) if self.options.prune => Some(forget(address, record)),
            (None, Some((address, record))) => {
                let (address, source) = (address.clone(), record.source.clone());
                return Verdict::Orphan(Orphan { address, id: record.id, source });
            }
            (None, None) => None,
        };
        match change.map(|change| Change { moved_from: former.cloned(), ..change }) {
            Some(change) => Verdict::Change { deed: change.deed(), change, drift },
            None => Verdict::Unchanged { drift },
        }
    }

    fn new_address(&self, manifest: &Manifest) -> Change {
        if let Some(id) = manifest.adopt {
            return self.adopt(manifest, id);
        }
        let action = match manifest.address.kind {
            Kind::EndUser | Kind::Conversation => Action::Create,
            Kind::Import => Action::Import,
        };
        let steps = self.making(manifest);
        let draft = Draft { action, reason: Reason::NotInState, block: None, id: None, before: None, steps };
        draft.finish(manifest, manifest.digests, self.options)
    }

    fn adopt(&self, manifest: &Manifest, id: Id) -> Change {
        let mut steps = vec![Step::Read(id)];
        if manifest.address.kind == Kind::EndUser {
            steps.push(Step::ChangeDifferent);
        }
        if manifest.facts.has_attributes {
            steps.push(Step::PatchDifferent(manifest.spec.attributes()));
        }
        steps.extend(handling::when_adopted(manifest));
        let (found, cannot) = match self.options.observations.get(&manifest.address) {
            None => (None, None),
            Some(Observation::NotFound) => (Some([].into()), Some(Block::AdoptsNothing { id })),
            Some(Observation::Anonymized) => (Some([].into()), Some(Block::AdoptsAnonymized { id })),
            Some(Observation::Present(seen)) if manifest.address.kind == Kind::EndUser => {
                (Some(end_users::deviations(&manifest.spec.content(), seen)), None)
            }
            Some(Observation::Present(seen)) => {
                (Some(seen.deviations.clone().into()), seen.is_another.then_some(Block::AdoptsAnother { id }))
            }
        };
        let owner = self.owners.get(&id);
        let block = owner.map(|owner| Block::OwnedBy { id, owner: Box::new((*owner).clone()) }).or(cannot);
        let reason = Reason::AdoptAnnotation;
        let steps = steps.into();
        let draft = Draft { action: Action::Adopt, reason, block, id: Some(id), before: None, steps };
        Change { found, ..draft.finish(manifest, manifest.digests, self.options) }
    }

    fn known_address(&self, manifest: &Manifest, record: &Record) -> Option<Change> {
        match manifest.address.kind {
            Kind::EndUser => self.change_end_user(manifest, record),
            Kind::Conversation | Kind::Import => self.update(manifest, record),
        }
    }

    /// The record of another address is this one's, as it is.
    fn only_move(&self, manifest: &Manifest, record: &Record) -> Change {
        let written = self.written(manifest, &manifest.spec.attributes(), record);
        let before = Some(self.before(record, manifest, written));
        let digests = Digests { content: record.content_digest, ..manifest.digests };
        let (reason, id) = (Reason::MovedFromAnnotation, Some(record.id));
        let draft = Draft { action: Action::Move, reason, block: None, id, before, steps: Steps::default() };
        draft.finish(manifest, digests, self.options)
    }

    fn update(&self, manifest: &Manifest, record: &Record) -> Option<Change> {
        let same = record.attributes_digest == Some(manifest.digests.attributes);
        let handling = handling::different(manifest, record, self.live(manifest));
        if same && handling.is_empty() && !self.options.observations.contains_key(&manifest.address) {
            return None;
        }
        let wanted = manifest.spec.attributes();
        let written = self.written(manifest, &wanted, record);
        let mut patch = self.patch(&wanted, &written);
        if record.attributes_digest.is_none() {
            // What was written last is not known, so nothing counts as written.
            patch.extend(wanted);
        }
        if patch.is_empty() && handling.is_empty() {
            return None;
        }
        let is_seen = self.live(manifest).is_some() && record.handling_digest == manifest.digests.handling;
        let reason = match record.attributes_digest {
            _ if patch.is_empty() => {
                if is_seen {
                    Reason::Drifted
                } else {
                    Reason::HandlingDiffers
                }
            }
            None => Reason::AttributesNotWritten,
            Some(_) if same => Reason::Drifted,
            Some(_) => Reason::AttributesDiffer,
        };
        let digests = Digests { content: record.content_digest, ..manifest.digests };
        let before = Some(self.before(record, manifest, written));
        let patch = (!patch.is_empty()).then_some(Step::Patch(patch));
        let steps = patch.into_iter().chain(handling).collect();
        let draft = Draft { action: Action::Update, reason, block: None, id: Some(record.id), before, steps };
        Some(draft.finish(manifest, digests, self.options))
    }

    /// What differs is set in place. A member that left the manifest is left as it is in Dixa, and leaves the record.
    fn change_end_user(&self, manifest: &Manifest, record: &Record) -> Option<Change> {
        let observation = self.options.observations.get(&manifest.address);
        let live = match observation {
            Some(Observation::Present(seen)) => Some(&seen.members),
            _ => None,
        };
        if record.digests() == Some(manifest.digests) && live.is_none() {
            return None;
        }
        let content = manifest.spec.content();
        let known = record.applied.content_before(|| content.clone());
        let members = end_users::different(&content, &known, live);
        let is_kept = record.content_digest == manifest.digests.content;
        let attributes = self.update(manifest, record);
        if members.is_empty() && attributes.is_none() && (is_kept || !end_users::leaves(&content, &known)) {
            return None;
        }
        let reason = match &attributes {
            _ if !members.is_empty() && is_kept => Reason::Drifted,
            Some(change) if members.is_empty() => change.reason,
            _ => Reason::MembersDiffer,
        };
        let written = self.written(manifest, &manifest.spec.attributes(), record);
        let mut before = self.before(record, manifest, written);
        for (name, value) in live.into_iter().flatten().filter(|(name, _)| members.contains_key(*name)) {
            before.know(name, value);
        }
        let mut steps: Vec<Step> = (!members.is_empty()).then_some(Step::Change(members)).into_iter().collect();
        let patches = attributes.into_iter().flat_map(|change| change.steps.into_owned());
        steps.extend(patches.filter(Step::writes_attributes));
        let (action, before, steps) = (Action::Update, Some(before), steps.into());
        let draft = Draft { action, reason, block: None, id: Some(record.id), before, steps };
        Some(draft.finish(manifest, manifest.digests, self.options))
    }

    fn replace(&self, manifest: &Manifest, compared: &Manifest, record: &Record) -> Change {
        let block = match manifest.on_change {
            OnChange::Block => Some(Block::OnChangeBlock),
            OnChange::Unset if !self.options.allow_replace => Some(Block::ReplaceNotAllowed),
            OnChange::Unset | OnChange::Replace | OnChange::Ignore => None,
        };
        let written = self.written(compared, &compared.spec.attributes(), record);
        let before = Some(named_as(manifest, compared, self.before(record, compared, written)));
        let steps = self.making(manifest);
        let reason = Reason::ContentDiffers;
        let draft = Draft { action: Action::Replace, reason, block, id: Some(record.id), before, steps };
        draft.finish(manifest, manifest.digests, self.options)
    }

    /// How a conversation is handled, where it was read.
    fn live(&self, manifest: &Manifest) -> Option<&Handled> {
        match self.options.observations.get(&manifest.address) {
            Some(Observation::Present(seen)) if manifest.address.kind != Kind::EndUser => Some(&seen.handled),
            _ => None,
        }
    }

    /// What the record says was applied, as far as it is kept, with the attributes that were written last.
    fn before(&self, record: &Record, manifest: &Manifest, written: BTreeMap<String, Option<Value>>) -> Box<Before> {
        let mut before = record.applied.content_before(|| manifest.spec.content());
        before.set_attributes(written);
        handling::add_before(&mut before, manifest, record, self.live(manifest));
        Box::new(before)
    }

    /// The attributes that dixaform wrote, with the value that they have as far as is known: that of the record, or
    /// that of the tenant where it was read.
    fn written(&self, manifest: &Manifest, wanted: &Attributes, record: &Record) -> BTreeMap<String, Option<Value>> {
        let mut written = record.applied.attribute_values(wanted);
        if let Some(Observation::Present(seen)) = self.options.observations.get(&manifest.address) {
            for (id, value) in &mut written {
                let live = seen.attributes.get(id).cloned().unwrap_or(Value::Null);
                let is_tidied = value.as_ref().is_some_and(|value| is_tidied(value, &live));
                if !is_tidied && !record.is_answered(id, &live) {
                    *value = Some(live);
                }
            }
        }
        written
    }

    /// Only the keys that differ from those last written. A key that left the manifest is cleared, unless it was
    /// cleared already; a key that dixaform never set is never touched.
    fn patch(&self, wanted: &Attributes, written: &BTreeMap<String, Option<Value>>) -> Attributes {
        let mut patch: Attributes = wanted
            .iter()
            .filter(|(id, value)| written.get(*id) != Some(&Some(value.to_value())))
            .map(|(id, value)| (id.clone(), value.clone()))
            .collect();
        if self.options.removed_attributes == RemovedAttributes::Clear {
            let removed =
                written.iter().filter(|(id, value)| !wanted.contains_key(*id) && **value != Some(Value::Null));
            patch.extend(removed.map(|(id, _)| (id.clone(), AttributeValue::Clear)));
        }
        patch
    }

    /// POST, then PATCH if there are attributes. A list of older conversations helps to recognize a new one that can't
    /// be marked.
    fn making(&self, manifest: &Manifest) -> Steps {
        if manifest.address.kind == Kind::EndUser {
            let attributes = manifest.facts.has_attributes.then_some(Step::PatchAll);
            let content = manifest.spec.content();
            let finds = Lookup::all_of(&content).map(Step::Find);
            return finds.chain([Step::Make(Kind::EndUser)]).chain(attributes).collect();
        }
        let steps = match (manifest.address.kind, manifest.facts.has_attributes) {
            (Kind::EndUser | Kind::Conversation, false) => const { &[Step::Make(Kind::Conversation)] }.as_slice(),
            (Kind::EndUser | Kind::Conversation, true) => &const { [Step::Make(Kind::Conversation), Step::PatchAll] },
            (Kind::Import, false) => &const { [Step::Make(Kind::Import)] },
            (Kind::Import, true) => &const { [Step::Make(Kind::Import), Step::PatchAll] },
        };
        let mut steps = Cow::Borrowed(steps);
        let handling = handling::when_made(manifest);
        if !handling.is_empty() {
            steps.to_mut().extend(handling);
        }
        if !manifest.facts.has_external_id && !manifest.facts.is_marked(self.options.markers) {
            let requester = manifest.spec.conversation().requester_id().map(str::to_owned);
            steps.to_mut().insert(0, Step::ListBefore(requester));
        }
        steps
    }
}

/// Whether a record has another content than a manifest, so that its conversation has to be replaced.
fn has_other_content(record: &Record, manifest: &Manifest) -> bool {
    let is_conversation = manifest.address.kind != Kind::EndUser;
    is_conversation && manifest.on_change != OnChange::Ignore && !same_content(record, manifest)
}

/// Whether a record has the content of a manifest. A digest of an earlier version of the canonical form may differ
/// where the meaning does not: then the spec of the record decides, or where it is not kept the digest by the rules of
/// then.
fn same_content(record: &Record, manifest: &Manifest) -> bool {
    record.content_digest == manifest.digests.content
        || match &record.applied {
            Applied::Full(spec) => Digest::of_map(&spec.content()) == manifest.digests.content,
            Applied::Digests { .. } => record.content_digest == Digest::version_1_of_map(&manifest.spec.content()),
        }
}

fn forget(address: &Address, record: &Record) -> Change {
    Change {
        address: address.clone(),
        action: Action::Forget,
        reason: Reason::NotInManifests,
        block: None,
        moved_from: None,
        source: record.source.clone(),
        labels: Labels::default(),
        id: Some(record.id),
        before: None,
        after: None,
        digests: None,
        steps: Steps::default(),
        irreversible: false,
        reaches_customer: false,
        found: None,
        called: BTreeMap::new(),
        names: BTreeMap::new(),
        ids: Ids::new(),
        marked: false,
    }
}

/// What differs between the changes of a manifest.
struct Draft {
    action: Action,
    reason: Reason,
    block: Option<Block>,
    id: Option<Id>,
    before: Option<Box<Before>>,
    steps: Steps,
}

impl Draft {
    fn finish(self, manifest: &Manifest, digests: Digests, options: &PlanOptions) -> Change {
        let Draft { action, reason, block, id, before, mut steps } = self;
        if options.verify && steps.iter().any(Step::can_be_read_back) {
            steps.to_mut().push(Step::ReadBack);
        }
        if options.verify && steps.iter().any(Step::sets_tag) {
            steps.to_mut().push(Step::ReadTagsBack);
        }
        let makes = steps.iter().any(|step| matches!(step, Step::Make(_)));
        Change {
            address: manifest.address.clone(),
            action,
            reason,
            block,
            moved_from: None,
            source: Some(manifest.source.clone()),
            labels: manifest.labels.clone(),
            id,
            before,
            after: Some(manifest.spec.clone()),
            digests: Some(digests),
            steps,
            irreversible: makes,
            reaches_customer: makes && manifest.facts.reaches_customer,
            found: None,
            called: manifest.called.clone(),
            names: manifest.names.clone(),
            ids: manifest.ids.clone(),
            marked: makes && manifest.facts.is_marked(options.markers),
        }
    }
}
