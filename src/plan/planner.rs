//! The planner: one pure function from what is described and what was applied to what has to be done.
//!
//! | situation | action | calls |
//! | --- | --- | --- |
//! | not in the state | create or import | POST, then PATCH if it has attributes |
//! | not in the state, `dixaform/adopt` | adopt | GET, then PATCH what differs |
//! | attributes differ, or were never written | update | PATCH with the keys that differ |
//! | content differs | replace, blocked unless allowed | POST, then PATCH |
//! | in the state, not in the manifests | none, or forget with `prune` | none |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::conversation::{
    Address, AttributeValue, Attributes, CUSTOM_ATTRIBUTES, ConversationId, Digests, Kind, OnChange, attributes_to_map,
};
use crate::desired::{Desired, Manifest};
use crate::digest::{Digest, canonical_map};
use crate::plan::action::Action;
use crate::plan::change::{Change, Orphan, Plan, Read, Step, Summary, Target, fingerprint_of};
use crate::plan::price::Price;
use crate::plan::reason::{Block, Reason};
use crate::plan::scope::Scope;
use crate::state::{Record, State};
use crate::value::{Map, Value};

/// What a user may decide about a plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    pub tenant: Target,
    /// Allow replacements whose manifest says nothing about them.
    pub allow_replace: bool,
    /// Forget records that no manifest describes.
    pub prune: bool,
    pub scope: Scope,
    pub removed_attributes: RemovedAttributes,
}

/// What is done about an attribute that dixaform had set and that left the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedAttributes {
    /// Send null for it.
    Clear,
    /// Leave the value as it is.
    Keep,
}

/// From state to desired. It can't fail: what it can't do becomes a change with a [`Block`].
pub fn plan(desired: &Desired, state: &State, options: &PlanOptions) -> Plan {
    let planner = Planner { state, options, owners: owners(desired, state) };
    let addresses: BTreeSet<&Address> =
        desired.iter().map(|manifest| &manifest.address).chain(state.records.keys()).collect();
    let mut changes = Vec::new();
    let mut not_in_manifests = Vec::new();
    let mut summary = Summary::default();
    for address in addresses {
        let manifest = desired.get(address);
        if !options.scope.covers(address, manifest.map(|manifest| &manifest.labels)) {
            summary.left_out += 1;
            continue;
        }
        let change = match (manifest, state.records.get(address)) {
            (Some(manifest), None) => Some(planner.new_address(manifest)),
            (Some(manifest), Some(record)) => planner.known_address(manifest, record),
            (None, Some(record)) if options.prune => Some(forget(address, record)),
            (None, Some(record)) => {
                not_in_manifests.push(Orphan {
                    address: address.clone(),
                    id: record.id,
                    source: record.source.clone(),
                });
                continue;
            }
            (None, None) => None,
        };
        match change {
            Some(change) => {
                summary.add(&change);
                changes.push(change);
            }
            None => summary.unchanged += 1,
        }
    }
    summary.not_in_manifests = not_in_manifests.len();
    let reads_before = reads_before(&changes);
    let calls = changes.iter().map(|change| change.steps.len()).sum::<usize>() + reads_before.len();
    Plan {
        price: Price::new(calls as u64, options.tenant.rate_limit),
        fingerprint: fingerprint_of(&options.tenant, &changes),
        tenant: options.tenant.clone(),
        lineage: state.lineage,
        serial: state.serial,
        changes,
        summary,
        not_in_manifests,
        reads_before,
    }
}

/// The reads that apply makes once, before its first write: whose tenant it is, and whether the attributes exist.
fn reads_before(changes: &[Change]) -> Vec<Read> {
    let mut steps = changes.iter().flat_map(|change| &change.steps).peekable();
    if steps.peek().is_none() {
        return Vec::new();
    }
    if steps.any(|step| matches!(step, Step::Patch(_) | Step::PatchDifferent(_))) {
        vec![Read::Organization, Read::Definitions]
    } else {
        vec![Read::Organization]
    }
}

/// Which address owns which conversation; empty when no manifest adopts any.
fn owners<'a>(desired: &Desired, state: &'a State) -> BTreeMap<ConversationId, &'a Address> {
    if desired.iter().all(|manifest| manifest.adopt.is_none()) {
        return BTreeMap::new();
    }
    state.records.iter().map(|(address, record)| (record.id, address)).collect()
}

struct Planner<'a> {
    state: &'a State,
    options: &'a PlanOptions,
    owners: BTreeMap<ConversationId, &'a Address>,
}

impl Planner<'_> {
    fn new_address(&self, manifest: &Manifest) -> Change {
        match manifest.adopt {
            Some(id) => self.adopt(manifest, id),
            None => {
                let action = match manifest.address.kind {
                    Kind::Conversation => Action::Create,
                    Kind::Import => Action::Import,
                };
                Draft {
                    action,
                    reason: Reason::NotInState,
                    block: None,
                    id: None,
                    before: None,
                    steps: making(manifest),
                }
                .finish(manifest, manifest.digests)
            }
        }
    }

    fn adopt(&self, manifest: &Manifest, id: ConversationId) -> Change {
        let attributes = &manifest.conversation.attributes;
        let mut steps = vec![Step::Read(id)];
        if !attributes.is_empty() {
            steps.push(Step::PatchDifferent(attributes.clone()));
        }
        let block = self.owners.get(&id).map(|owner| Block::OwnedBy { id, owner: (*owner).clone() });
        let reason = Reason::AdoptAnnotation;
        Draft { action: Action::Adopt, reason, block, id: Some(id), before: None, steps }
            .finish(manifest, manifest.digests)
    }

    fn known_address(&self, manifest: &Manifest, record: &Record) -> Option<Change> {
        let same_content = record.content_digest == manifest.digests.content;
        if same_content || manifest.on_change == OnChange::Ignore {
            self.update(manifest, record)
        } else {
            Some(self.replace(manifest, record))
        }
    }

    fn update(&self, manifest: &Manifest, record: &Record) -> Option<Change> {
        if record.attributes_digest == Some(manifest.digests.attributes) {
            return None;
        }
        let patch = self.patch(&manifest.conversation.attributes, record);
        if patch.is_empty() {
            return None;
        }
        let reason = match record.attributes_digest {
            None => Reason::AttributesNotWritten,
            Some(_) => Reason::AttributesDiffer,
        };
        let digests = Digests { content: record.content_digest, attributes: manifest.digests.attributes };
        let before = Some(before(record, manifest));
        let steps = vec![Step::Patch(patch)];
        let draft = Draft { action: Action::Update, reason, block: None, id: Some(record.id), before, steps };
        Some(draft.finish(manifest, digests))
    }

    fn replace(&self, manifest: &Manifest, record: &Record) -> Change {
        let block = match manifest.on_change {
            OnChange::Block => Some(Block::OnChangeBlock),
            OnChange::Unset if !self.options.allow_replace => Some(Block::ReplaceNotAllowed),
            OnChange::Unset | OnChange::Replace | OnChange::Ignore => None,
        };
        let before = Some(before(record, manifest));
        let steps = making(manifest);
        let reason = Reason::ContentDiffers;
        Draft { action: Action::Replace, reason, block, id: Some(record.id), before, steps }
            .finish(manifest, manifest.digests)
    }

    /// Only the keys that differ from those last written. A key that left the manifest is cleared, unless it was cleared
    /// already; a key that dixaform never set is never touched.
    fn patch(&self, wanted: &Attributes, record: &Record) -> Attributes {
        let written = record.applied.attribute_values(wanted);
        let mut patch: Attributes = wanted
            .iter()
            .filter(|(id, value)| written.get(*id) != Some(&value.to_value()))
            .map(|(id, value)| (id.clone(), value.clone()))
            .collect();
        if self.options.removed_attributes == RemovedAttributes::Clear {
            let removed = written.iter().filter(|(id, value)| !wanted.contains_key(*id) && **value != Value::Null);
            patch.extend(removed.map(|(id, _)| (id.clone(), AttributeValue::Clear)));
        }
        debug_assert!(self.state.records.values().any(|known| known.id == record.id), "the record is one of the state");
        patch
    }
}

/// POST, then PATCH if there are attributes.
fn making(manifest: &Manifest) -> Vec<Step> {
    let mut steps = vec![Step::Make(manifest.address.kind)];
    if !manifest.conversation.attributes.is_empty() {
        steps.push(Step::Patch(manifest.conversation.attributes.clone()));
    }
    steps
}

/// What the record says was applied, with `customAttributes` last, as far as it is kept.
fn before(record: &Record, manifest: &Manifest) -> Value {
    let mut spec = record.applied.content_before(&manifest.conversation.content);
    let attributes = record.applied.attribute_values(&manifest.conversation.attributes);
    if !attributes.is_empty() {
        spec.set(CUSTOM_ATTRIBUTES, Value::Map(attributes.into_iter().collect::<Map>()));
    }
    Value::Map(spec)
}

fn forget(address: &Address, record: &Record) -> Change {
    let fingerprint = fingerprint(address, Action::Forget, None, Some(record.id), &[], None);
    Change {
        address: address.clone(),
        action: Action::Forget,
        reason: Reason::NotInManifests,
        block: None,
        source: record.source.clone(),
        id: Some(record.id),
        before: None,
        after: None,
        digests: None,
        steps: Vec::new(),
        irreversible: false,
        reaches_customer: false,
        fingerprint,
    }
}

/// What differs between the changes of a manifest.
struct Draft {
    action: Action,
    reason: Reason,
    block: Option<Block>,
    id: Option<ConversationId>,
    before: Option<Value>,
    steps: Vec<Step>,
}

impl Draft {
    fn finish(self, manifest: &Manifest, digests: Digests) -> Change {
        let Draft { action, reason, block, id, before, steps } = self;
        let makes = steps.iter().any(|step| matches!(step, Step::Make(_)));
        let fingerprint =
            fingerprint(&manifest.address, action, block.as_ref(), id, &steps, Some(manifest.digests.content));
        Change {
            address: manifest.address.clone(),
            action,
            reason,
            block,
            source: Some(manifest.source.clone()),
            id,
            before,
            after: Some(Arc::clone(&manifest.conversation)),
            digests: Some(digests),
            steps,
            irreversible: makes,
            reaches_customer: makes && manifest.conversation.reaches_customer(),
            fingerprint,
        }
    }
}

/// The digest of what a change does: the same calls with the same bodies have the same one.
fn fingerprint(
    address: &Address,
    action: Action,
    block: Option<&Block>,
    id: Option<ConversationId>,
    steps: &[Step],
    content: Option<Digest>,
) -> String {
    let mut text = format!("{address}\n{}\n", action.word());
    if let Some(block) = block {
        text.push_str(block.word());
    }
    text.push('\n');
    if let Some(id) = id {
        text.push_str(&id.to_string());
    }
    for step in steps {
        text.push_str(&format!("\n{} {} ", step.method(), step.path(id)));
        match step {
            Step::Make(_) => text.push_str(&content.map(|digest| digest.to_string()).unwrap_or_default()),
            Step::Read(_) => {}
            Step::Patch(attributes) | Step::PatchDifferent(attributes) => {
                text.push_str(&canonical_map(&attributes_to_map(attributes)));
            }
        }
    }
    Digest::of_bytes(text.as_bytes()).short(16)
}
