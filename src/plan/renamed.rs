//! Manifests that may have been renamed.

use std::collections::HashMap;

use crate::conversation::{Address, Kind};
use crate::desired::Desired;
use crate::digest::Digest;
use crate::plan::action::Action;
use crate::plan::change::{Change, Plan, Renamed};
use crate::plan::known_ids::KnownIds;
use crate::state::{Applied, State};

/// Records without a manifest whose content a manifest without a record has.
pub(super) fn renamed(plan: &Plan, desired: &Desired, state: &State, known: &KnownIds<'_>) -> Vec<Renamed> {
    let mut new: HashMap<(Kind, Digest), Vec<&Address>> = HashMap::new();
    let is_new = |change: &&Change| matches!(change.action, Action::Create | Action::Import);
    for change in plan.changes.iter().filter(is_new).rev() {
        if let Some(manifest) = desired.get(&change.address) {
            let content = known.to_compare(manifest, None).digests.content;
            new.entry((manifest.address.kind, content)).or_default().push(&manifest.address);
        }
    }
    let lost = plan.not_in_manifests.iter().map(|orphan| &orphan.address);
    let forgotten = plan.changes.iter().filter(|change| change.action == Action::Forget);
    let mut lost: Vec<&Address> = lost.chain(forgotten.map(|change| &change.address)).collect();
    lost.sort_unstable();
    lost.truncate(if new.is_empty() { 0 } else { lost.len() });
    let mut renamed = Vec::new();
    for from in lost {
        let Some(record) = state.records.get(from) else { continue };
        let content = match &record.applied {
            Applied::Full(spec) => Digest::of_map(&spec.content()),
            Applied::Digests { .. } => record.content_digest,
        };
        // Each is named once, so that of copies none is named for all.
        if let Some(to) = new.get_mut(&(from.kind, content)).and_then(Vec::pop) {
            renamed.push(Renamed { from: from.clone(), to: to.clone() });
        }
    }
    renamed
}
