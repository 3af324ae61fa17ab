//! What differs between an end user and its manifest.

use serde_json::{Map, Value};

use crate::digest::{canonical_of, is_absent};
use crate::end_user::{is_comparable, is_same};
use crate::plan::compare::Deviation;
use crate::plan::observation::Seen;
use crate::state::Before;

/// Those members that are not as they are described: as far as is known from the record, or in the tenant where it was
/// read and gives the member back.
pub(super) fn different(
    described: &Map<String, Value>,
    known: &Before,
    live: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let differs = |name: &str, value: &Value| match live.filter(|_| is_comparable(name)) {
        Some(live) => !is_same(name, value, live.get(name)),
        None if known.is_withheld(name) => true,
        None => match known.spec.get(name) {
            Some(known) => canonical_of(name, known) != canonical_of(name, value),
            None => !is_absent(value),
        },
    };
    let members = described.iter().filter(|(name, value)| differs(name, value));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether the record has a member that the manifest has no longer.
pub(super) fn leaves(described: &Map<String, Value>, known: &Before) -> bool {
    known.spec.iter().any(|(name, value)| !described.contains_key(name) && !is_absent(value))
}

/// What is otherwise in an end user that is to be adopted.
pub(super) fn deviations(described: &Map<String, Value>, seen: &Seen) -> Box<[Deviation]> {
    let differs =
        |(name, value): &(&String, &Value)| is_comparable(name) && !is_same(name, value, seen.members.get(*name));
    let deviation = |(name, value): (&String, &Value)| Deviation {
        thing: name.clone(),
        described: Some(value.clone()),
        found: seen.members.get(name).cloned().unwrap_or_default(),
    };
    described.iter().filter(differs).map(deviation).collect()
}
