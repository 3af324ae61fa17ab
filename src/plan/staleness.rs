//! Whether a saved plan still fits the state, and what has changed if not.

use crate::conversation::Digests;
use crate::plan::{Action, Change, Plan};
use crate::state::{Record, Seal, State};

/// What has changed since the plan was made; none when it fits. A state that was never saved has no lineage to compare,
/// and a plan of an earlier version has no seal.
pub fn staleness(plan: &Plan, state: &State, seal: Option<Seal>) -> Option<Vec<String>> {
    let never_saved = plan.serial == 0 && state.serial == 0;
    let same_serial = plan.serial == state.serial && (plan.lineage == state.lineage || never_saved);
    let other_content = plan.seal.zip(seal).is_some_and(|(planned, now)| planned != now);
    if same_serial && !other_content {
        return None;
    }
    let mut changed = Vec::new();
    if same_serial {
        let serial = state.serial;
        changed.push(format!("the state is not the one that it was made for, although both are at serial {serial}"));
    } else if plan.lineage != state.lineage && plan.serial > 0 {
        changed.push(format!("it was made for the state {}, but this is the state {}", plan.lineage, state.lineage));
    } else {
        changed.push(format!("it was made at serial {}, and the state is at serial {}", plan.serial, state.serial));
    }
    changed.extend(plan.changes.iter().filter_map(|change| since(change, state.records.get(change.recorded_as()))));
    Some(changed)
}

/// Whether what is set afterwards is the same.
fn same_settings(one: Digests, other: Digests) -> bool {
    (one.attributes, one.handling) == (other.attributes, other.handling)
}

/// What became of one change's address.
fn since(change: &Change, record: Option<&Record>) -> Option<String> {
    let address = change.recorded_as();
    match (change.action, change.id, record) {
        (Action::Create | Action::Import | Action::Adopt, _, Some(record)) => {
            Some(format!("{address} was applied at {} as {:#}", record.applied_at, record.id))
        }
        (_, Some(id), None) => Some(format!("{address} ({id:#}) is no longer in the state")),
        (_, Some(id), Some(record)) if record.id != id => {
            Some(format!("{address} was {id:#}, and is {:#} since {}", record.id, record.applied_at))
        }
        (Action::Update, _, Some(record))
            if change
                .digests
                .is_some_and(|digests| record.digests().is_some_and(|now| same_settings(now, digests))) =>
        {
            Some(format!("{address} was updated at {}", record.applied_at))
        }
        _ => None,
    }
}
