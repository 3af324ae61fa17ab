//! The plan as data: everything that apply needs, nothing that it must decide.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::access::RateLimit;
use crate::call::{Call, Subject};
use crate::conversation::{Address, Attributes, Digests, Id, Kind, Labels, attributes_to_map};
use crate::desired::Named;
use crate::digest::{Digest, Digester};
use crate::end_user::Lookup;
use crate::handling::{Openness, Setting};
use crate::name::{self, Ids, Name};
use crate::plan::action::Action;
use crate::plan::compare::Deviation;
use crate::plan::price::Price;
use crate::plan::reason::{Block, Reason};
use crate::shape::Thing;
use crate::source::Source;
use crate::spec::Spec;
use crate::state::{Before, Lineage, Seal};

/// The tenant that a plan is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name in the project file.
    pub name: String,
    /// See [`crate::state::TenantIdentity::base_url`].
    pub base_url: String,
    /// When it is known without asking.
    pub organization_id: Option<String>,
    pub rate_limit: RateLimit,
}

impl Target {
    /// Where it is, for people: its base URL, or `embedded` for the sandbox that is part of the program.
    pub fn whereabouts(&self) -> &str {
        if self.is_embedded() { "embedded" } else { &self.base_url }
    }

    /// Whether it is the sandbox that is part of the program.
    pub fn is_embedded(&self) -> bool {
        self.base_url == "sandbox"
    }
}

/// Ordered changes from state to desired.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub tenant: Target,
    /// The state that it starts from; apply refuses another one.
    pub lineage: Lineage,
    pub serial: u64,
    /// Of the file that the state was in; none where there was none, or where an earlier version made the plan.
    pub seal: Option<Seal>,
    /// In ascending order of address. What is unchanged is not among them.
    pub changes: Vec<Change>,
    pub summary: Summary,
    /// Records without a manifest that are left as they are.
    pub not_in_manifests: Vec<Orphan>,
    /// In ascending order of the records' addresses.
    pub renamed: Vec<Renamed>,
    /// What was changed outside of dixaform; found by reading the tenant only.
    pub drift: Vec<Drift>,
    /// How many conversations of the state were read for it, and compared.
    pub observed: usize,
    /// Conversations that are no longer there; found by reading the tenant only. Nothing is planned for them.
    pub gone: Vec<Gone>,
    /// Addresses with a call whose end is unknown. Nothing is planned for them before that is settled.
    pub in_doubt: Vec<Address>,
    pub price: Price,
    /// Reads before the first write that the price contains.
    pub reads_before: Vec<Read>,
    /// Short digest of what the plan would do, used for approval: 16 hexadecimal digits. Places in files, the serial
    /// and what is unchanged do not count.
    pub fingerprint: String,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether a filter left out everything that there is, so that nothing was compared.
    pub fn compares_nothing(&self) -> bool {
        let Summary { unchanged, not_in_manifests, left_out, gone, in_doubt, .. } = self.summary;
        self.is_empty() && left_out > 0 && unchanged + not_in_manifests + gone + in_doubt == 0
    }

    /// Whether it makes any call.
    pub fn has_calls(&self) -> bool {
        self.changes.iter().any(|change| !change.steps.is_empty())
    }

    /// Takes reads out of the price that were made already, and aren't made again.
    pub fn without(mut self, made: Read) -> Self {
        let priced = self.reads_before.len();
        self.reads_before.retain(|read| *read != made);
        let saved = (priced - self.reads_before.len()) as u64;
        self.price = Price::new(self.price.calls - saved, self.tenant.rate_limit);
        self
    }

    /// With the ids of names, wherever they are used.
    pub fn with_ids(&self, ids: &Ids) -> Self {
        let mut plan = self.clone();
        plan.changes.iter_mut().for_each(|change| change.put_ids(ids));
        plan
    }

    pub fn blocked(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.block.is_some())
    }
}

/// One address's entry in a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub address: Address,
    pub action: Action,
    pub reason: Reason,
    /// Set: the plan can be shown, and apply refuses the whole of it.
    pub block: Option<Block>,
    /// The address that its manifest says it had before, if the state has no record of the new one. A record of the old
    /// one [moves](Change::moved) here.
    pub moved_from: Option<Address>,
    /// Where the manifest is, or was when a record without one was applied.
    pub source: Option<Source>,
    /// Of the manifest; never sent, and no part of any fingerprint.
    pub labels: Labels,
    /// What exists: none for create and import.
    pub id: Option<Id>,
    /// What was applied, with `customAttributes`; none if nothing is known of it.
    pub before: Option<Box<Before>>,
    /// What the manifest describes; none for forget.
    pub after: Option<Spec>,
    /// The digests to record when it is done; none for forget. Under `dixaform/on-change: ignore` the content is that
    /// of the record, not that of the manifest.
    pub digests: Option<Digests>,
    /// What apply does, in this order.
    pub steps: Steps,
    /// Dixa has no way back: a conversation is made, and can't be deleted.
    pub irreversible: bool,
    /// It sends a message to the customer.
    pub reaches_customer: bool,
    /// What is otherwise in the conversation that is to be adopted; none where it was not read.
    pub found: Option<Box<[Deviation]>>,
    /// What people call the things of the tenant that it refers to, by their ids, as far as that is known.
    pub called: BTreeMap<String, String>,
    /// The names in [`Change::after`] whose ids are not known yet. Those of end users that this plan makes are known
    /// once these are made; all others before the first write.
    pub names: BTreeMap<Name, Named>,
    /// The ids that took the place of names in [`Change::after`], to be remembered.
    pub ids: Ids,
    /// The first message, or the end user, gets an `externalId` of dixaform's own, by which a lost answer can be found
    /// again. It is no
    /// part of the digest.
    pub marked: bool,
}

/// The calls of a change. What most changes do is the same, and costs nothing to keep.
pub type Steps = Cow<'static, [Step]>;

/// One call of a change, as far as it is known before it is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make the conversation or end user of [`Change::after`].
    Make(Kind),
    /// Look for the end user of [`Change::after`] before it is made. One that is found is adopted in its place.
    Find(Lookup),
    /// Read what is to be adopted.
    Read(Id),
    /// Set these members of the end user.
    Change(Map<String, Value>),
    /// Set those members of [`Change::after`] that the end user read before has otherwise.
    ChangeDifferent,
    /// Write all attributes of [`Change::after`] to what was made.
    PatchAll,
    /// Write these attributes.
    Patch(Attributes),
    /// Write those of these attributes that what was read before has not already.
    PatchDifferent(Attributes),
    /// List the conversations of this end user before one is made that can't be marked, so that a new one can be
    /// recognized. None as long as only the requester's name is known.
    ListBefore(Option<String>),
    /// Read it back, and compare with what was written.
    ReadBack,
    /// The same of its tags, which are no part of the conversation that is read back.
    ReadTagsBack,
    /// Read a conversation before something is set of it, so that nothing is set that is so already.
    LookAt,
    /// The same of its tags: those that are on it already are not put on by dixaform.
    LookAtTags,
    /// Set this, unless what was read before says that it is so.
    Set(Setting),
}

impl Step {
    /// Whether it writes attributes.
    pub fn writes_attributes(&self) -> bool {
        matches!(self, Step::PatchAll | Step::Patch(_) | Step::PatchDifferent(_))
    }

    /// Whether it writes something that can be read back.
    pub fn can_be_read_back(&self) -> bool {
        self.writes_attributes()
            || match self {
                Step::Change(_) | Step::ChangeDifferent => true,
                Step::Set(_) => !self.sets_tag(),
                _ => false,
            }
    }

    /// Whether it puts a tag on, or takes one off.
    pub fn sets_tag(&self) -> bool {
        matches!(self, Step::Set(Setting::PutTag(_) | Setting::TakeTag(_)))
    }

    /// The call, with what the change is about.
    pub fn call(&self, subject: Subject) -> Call {
        match self {
            Step::Make(kind) => Call::Make(*kind),
            Step::Find(lookup) => Call::EndUsersBy(lookup.clone()),
            Step::Read(id) => Call::One((*id).into()),
            Step::Change(_) | Step::ChangeDifferent => Call::Change(subject),
            Step::ReadBack | Step::LookAt => Call::One(subject),
            Step::LookAtTags | Step::ReadTagsBack => Call::TagsOf(subject),
            Step::Set(Setting::PutTag(name)) => Call::PutTag(subject, format!("{{{name}}}")),
            Step::Set(Setting::TakeTag(tag)) => Call::TakeTag(subject, tag.id.clone()),
            Step::Set(Setting::Queue(_)) => Call::Transfer(subject),
            Step::Set(Setting::Assignee(_)) => Call::Claim(subject),
            Step::Set(Setting::State(Openness::Closed)) => Call::Close(subject),
            Step::Set(Setting::State(Openness::Open)) => Call::Reopen(subject),
            Step::ListBefore(requester) => {
                Call::ConversationsOf(requester.clone().unwrap_or_else(|| "{id}".to_owned()))
            }
            Step::PatchAll | Step::Patch(_) | Step::PatchDifferent(_) => Call::SetAttributes(subject),
        }
    }
}

impl Change {
    /// Short digest of what it does, 16 hexadecimal digits over address, action, id and calls with their bodies: the
    /// same calls with the same bodies have the same one.
    pub fn fingerprint(&self) -> String {
        self.deed().short(FINGERPRINT)
    }

    /// The digest of which [`Change::fingerprint`] is the beginning.
    pub(crate) fn deed(&self) -> Digest {
        let Change { address, action, block, id, steps, digests, .. } = self;
        let block = block.as_ref().map_or("", Block::word);
        let known = id.map(|id| id.to_string()).unwrap_or_default();
        let mut text = format!("{address}\n{}\n{block}\n{known}", action.word());
        if let Some(from) = self.moved() {
            text.push_str(&format!("\nmoved from {from}"));
        }
        for step in &**steps {
            text.push_str(&format!("\n{} ", step.call(Subject::new(address.kind, *id))));
            let digest = match step {
                Step::Make(_) => digests.map(|wanted| wanted.content),
                Step::PatchAll => digests.map(|wanted| wanted.attributes),
                Step::Change(members) => Some(Digest::of_map(members)),
                Step::ChangeDifferent => digests.map(|wanted| wanted.content),
                Step::Set(setting) => Some(Digest::of_value(&setting.value())),
                Step::Find(_)
                | Step::Read(_)
                | Step::ListBefore(_)
                | Step::ReadBack
                | Step::ReadTagsBack
                | Step::LookAt
                | Step::LookAtTags => None,
                Step::Patch(attributes) | Step::PatchDifferent(attributes) => {
                    Some(Digest::of_map(&attributes_to_map(attributes)))
                }
            };
            if let Some(digest) = digest {
                digest.append_to(&mut text);
            }
        }
        Digest::of_bytes(text.as_bytes())
    }

    /// Puts ids in the place of names, as far as they are known.
    pub fn put_ids(&mut self, ids: &Ids) {
        let known: Ids = self.names.keys().filter_map(|name| Some((name.clone(), ids.get(name)?.clone()))).collect();
        let Some(after) = self.after.as_ref().filter(|_| !known.is_empty()) else { return };
        let kind = self.address.kind;
        let mut conversation = after.conversation();
        name::put_ids(&mut conversation, kind, &known);
        let wanted = conversation.digests();
        let keeps_content = matches!(self.action, Action::Update | Action::Move);
        self.digests = self
            .digests
            .map(|digests| Digests { content: if keeps_content { digests.content } else { wanted.content }, ..wanted });
        for step in self.steps.to_mut() {
            match step {
                Step::Patch(attributes) | Step::PatchDifferent(attributes) => {
                    *attributes = name::with_ids(attributes, kind, &known);
                }
                Step::Set(Setting::Queue(queue)) => name::put_id(Thing::Queue, queue, &known),
                Step::Set(Setting::Assignee(agent)) => name::put_id(Thing::Agent, agent, &known),
                Step::ListBefore(requester) => *requester = conversation.requester_id().map(str::to_owned),
                _ => {}
            }
        }
        self.after = Some(Spec::of(&conversation));
        self.names.retain(|name, _| !known.contains_key(name));
        self.ids.extend(known);
    }

    /// The address from which its record moves.
    pub fn moved(&self) -> Option<&Address> {
        // The others begin without a record.
        let has_record = matches!(self.action, Action::Update | Action::Replace | Action::Move);
        self.moved_from.as_ref().filter(|_| has_record)
    }

    /// The address that its record has in the state that the plan was made for, if there is one.
    pub fn recorded_as(&self) -> &Address {
        self.moved().unwrap_or(&self.address)
    }

    /// Its address and the one that it had before: it waits for calls in doubt of either.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.moved_from)
    }

    pub fn calls(&self) -> impl Iterator<Item = Call> + '_ {
        // What a replacement patches is the new conversation.
        let id = if self.action == Action::Replace { None } else { self.id };
        let subject = Subject::new(self.address.kind, id);
        self.steps.iter().map(move |step| step.call(subject))
    }
}

/// A read that is made once, before the first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// `GET /v1/organization`: whose tenant is this?
    Organization,
    /// `GET /v1/custom-attributes`: do the definitions exist and fit?
    Definitions,
    /// `GET /v1/tags`: which of the tags that are put on are there, and active?
    Tags,
    /// Is a thing there that changes refer to, by its name or by its id? One of these for each; all queues that have
    /// names are in one list.
    Thing,
    /// `GET /v1/endusers/{id}/conversations` or `GET /v1/endusers?externalId=…`: what was made before? One of these for
    /// each requester and each end user.
    MadeBefore,
}

/// A record without a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    pub address: Address,
    pub id: Id,
    pub source: Option<Source>,
}

/// A record without a manifest, and a manifest without a record that has the same content: it may have been renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    pub from: Address,
    pub to: Address,
}

/// What was changed outside of dixaform in one conversation or end user. Of its attributes and members only those that
/// dixaform wrote are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    pub address: Address,
    pub id: Id,
    /// The id of each attribute, what the record has, if that was kept, and what the tenant has; null if it has none.
    pub attributes: Vec<(String, Option<Value>, Value)>,
    /// The same of the members of an end user, and of tags, queue, assignee and state of a conversation.
    pub members: Vec<(String, Option<Value>, Value)>,
    /// What is never planned back: Dixa can't change content, and has tidied an attribute's value for good.
    pub content: Vec<Deviation>,
}

/// A conversation or end user that has a record and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub address: Address,
    pub id: Id,
    pub source: Option<Source>,
    /// It exists, and its content is gone for good; otherwise Dixa answers 404.
    pub anonymized: bool,
}

/// The counts of a plan. Renderers take them from here and never count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "summary")]
pub struct Summary {
    pub create: usize,
    pub import: usize,
    pub update: usize,
    pub replace: usize,
    pub adopt: usize,
    /// Records that get another address, whatever else is done to them.
    #[serde(rename = "move", default)]
    pub moves: usize,
    /// Of these, how many nothing else is done to.
    #[serde(skip)]
    pub only_moves: usize,
    pub forget: usize,
    pub unchanged: usize,
    /// Records without a manifest that are left as they are.
    pub not_in_manifests: usize,
    /// Manifests and records that `--target`, `--exclude` or `--selector` left out.
    pub left_out: usize,
    /// Conversations that are no longer there.
    pub gone: usize,
    /// Addresses with a call whose end is unknown.
    pub in_doubt: usize,
    /// Of all changes, how many are blocked.
    pub blocked: usize,
    /// Of all changes, how many can't be undone.
    pub irreversible: usize,
    /// Of all changes, how many reach a customer.
    pub reach_customer: usize,
}

impl Summary {
    /// How many changes have this action: together, all there are.
    pub fn of(&self, action: Action) -> usize {
        match action {
            Action::Create => self.create,
            Action::Import => self.import,
            Action::Update => self.update,
            Action::Replace => self.replace,
            Action::Adopt => self.adopt,
            Action::Move => self.only_moves,
            Action::Forget => self.forget,
        }
    }

    /// The number in "2 to move": a change that moves and does something else counts as both.
    pub fn in_words(&self, action: Action) -> usize {
        if action == Action::Move { self.moves } else { self.of(action) }
    }

    /// Counts one change.
    pub fn add(&mut self, change: &Change) {
        let slot = match change.action {
            Action::Create => &mut self.create,
            Action::Import => &mut self.import,
            Action::Update => &mut self.update,
            Action::Replace => &mut self.replace,
            Action::Adopt => &mut self.adopt,
            Action::Move => &mut self.only_moves,
            Action::Forget => &mut self.forget,
        };
        *slot += 1;
        self.moves += usize::from(change.moved().is_some());
        self.blocked += usize::from(change.block.is_some());
        self.irreversible += usize::from(change.irreversible);
        self.reach_customer += usize::from(change.reaches_customer);
    }
}

/// The hexadecimal digits of a fingerprint.
const FINGERPRINT: usize = 16;

/// The fingerprint of a plan, made of what its changes do, one after the other.
pub(crate) struct Fingerprint(Digester);

impl Fingerprint {
    pub fn new(tenant: &Target) -> Self {
        let mut digester = Digester::default();
        // Several tenants can share a host; an approval for one is not valid for another.
        digester.update(format!("dixaform-plan/1\n{}\n{}\n", tenant.base_url, tenant.name).as_bytes());
        Fingerprint(digester)
    }

    /// Adds a change, of which this is [`Change::deed`].
    pub fn add(&mut self, deed: Digest) {
        self.0.update(deed.short(FINGERPRINT).as_bytes());
        self.0.update(b"\n");
    }

    /// See [`Plan::fingerprint`].
    pub fn finish(self) -> String {
        self.0.finish().short(FINGERPRINT)
    }
}

/// The digest of what some changes would do; see [`Plan::fingerprint`].
pub fn fingerprint_of(tenant: &Target, changes: &[Change]) -> String {
    let mut fingerprint = Fingerprint::new(tenant);
    changes.iter().for_each(|change| fingerprint.add(change.deed()));
    fingerprint.finish()
}
