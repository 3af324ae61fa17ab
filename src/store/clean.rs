//! Removing what nobody needs any more: old states, segments that are in the state, what is left of a race.
//!
//! Nothing is removed that is younger than a day, by the store's own clock: a run that was frozen and wakes up must
//! find the numbers of its segments taken.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::store::depot::Depot;
use crate::store::head::Head;
use crate::store::hold::STATES;
use crate::store::objects::{Fault, Listed};
use crate::store::{probe, segment};

const AGE_MIN: Duration = Duration::from_secs(24 * 60 * 60);

/// This many states are kept in any case.
const STATES_MIN: usize = 10;

/// In one run; the rest is for later ones.
const REMOVED_MAX: usize = 1000;

/// What can go of these objects. Pure. The newest of them says what time it is at the store, since the run that asks
/// has just written one.
pub fn removable(head: &Head, found: &[Listed]) -> Vec<String> {
    let Some(now) = found.iter().map(|object| object.modified).max() else { return Vec::new() };
    let is_old = |modified: SystemTime| now.duration_since(modified).is_ok_and(|age| age > AGE_MIN);
    let mut states: Vec<(u64, &str)> =
        found.iter().filter_map(|object| Some((serial(&object.key)?, &*object.key))).collect();
    states.sort_unstable();
    let current = head.state.as_ref().map(|state| state.key.as_str());
    let kept: BTreeSet<&str> = states.iter().rev().take(STATES_MIN).map(|(_, key)| *key).chain(current).collect();
    let goes = |object: &&Listed| {
        let key = object.key.as_str();
        let is_over = match segment::number(key) {
            Some(n) => n < head.log.first,
            None if serial(key).is_some() => !kept.contains(key),
            None => key.starts_with(probe::FOLDER),
        };
        is_over && is_old(object.modified)
    };
    found.iter().filter(goes).map(|object| object.key.clone()).take(REMOVED_MAX).collect()
}

/// The serial in the name of a state.
fn serial(key: &str) -> Option<u64> {
    key.strip_prefix(STATES)?.strip_prefix('/')?.split_once('-')?.0.parse().ok()
}

/// Removes what can go. Whoever calls it holds the state.
///
/// # Errors
/// Something could not be listed or removed, which harms nobody.
pub async fn clean(depot: &Depot, head: &Head) -> Result<(), Fault> {
    let mut found = Vec::new();
    for folder in [segment::FOLDER, STATES, probe::FOLDER] {
        found.extend(depot.objects.list(folder).await?);
    }
    for key in removable(head, &found) {
        depot.objects.delete(&key).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::head::{Log, StateObject};

    #[test]
    fn only_what_is_over_and_older_than_a_day_by_the_clock_of_the_store_goes() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let object = |key: &str, hours: u64| Listed {
            key: key.to_owned(),
            bytes: 1,
            modified: now - Duration::from_secs(hours * 3600 + 1),
        };
        let mut found: Vec<Listed> =
            (1..=14).map(|serial| object(&format!("state/{serial}-x.json"), 100 - serial)).collect();
        found.extend([3, 4, 5, 6].map(|n| object(&segment::key(n), if n == 4 { 23 } else { 24 })));
        found.extend([object("probe/a-1", 30), object("probe/b-1", 1), object("late/1-a-0.json", 900)]);
        found.push(Listed { modified: now, ..object(&segment::key(7), 0) });
        let state = StateObject { key: "state/2-x.json".into(), sha256: String::new(), bytes: 0 };
        let head = Head {
            format: String::new(),
            lineage: None,
            serial: 14,
            state: Some(state),
            log: Log { first: 6, next: 6 },
            epoch: 9,
            holder: None,
            forced_out: None,
            beat: 0,
            probe: None,
            nonce: String::new(),
        };
        let removed = removable(&head, &found);
        let expected = [
            "state/1-x.json",
            "state/3-x.json",
            "state/4-x.json",
            "log/000000000003.jsonl",
            "log/000000000005.jsonl",
            "probe/a-1",
        ];
        assert_eq!(removed, expected);
        assert_eq!(removable(&head, &[]), Vec::<String>::new());
    }
}
