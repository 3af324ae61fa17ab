//! Removing what nobody needs any more: old states, segments that are in the state, what is left of a race.
//!
//! Nothing is removed that is younger than a day, by the store's own clock: a run that was frozen and wakes up must
//! find the numbers of its segments taken.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::store::depot::Depot;
use crate::store::head::Head;
use crate::store::hold::STATES;
use crate::store::objects::{Fault, Listed};
use crate::store::{probe, segment};

const AGE_MIN: Duration = Duration::from_secs(24 * 60 * 60);

/// This many states are kept in any case.
const STATES_MIN: usize = 10;

/// This many segments are looked at in one run, and as much is removed; the rest is for later ones. More than a run
/// writes, and listed within a few seconds.
const SEGMENTS_MAX: usize = 10_000;
/// As many are removed at a time.
const AT_ONCE: usize = 64;

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
            None => probe::is_raced_for(key),
        };
        is_over && is_old(object.modified)
    };
    found.iter().filter(goes).map(|object| object.key.clone()).collect()
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
    let folders = [(segment::FOLDER, SEGMENTS_MAX), (STATES, usize::MAX), (probe::FOLDER, usize::MAX)];
    for (folder, limit) in folders {
        found.extend(depot.objects.list(folder, limit).await?);
    }
    let removing = removable(head, &found).into_iter().map(|key| async move { depot.objects.delete(&key).await });
    stream::iter(removing).buffer_unordered(AT_ONCE).try_collect().await
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::store::head::{Log, StateObject};
    use crate::store::{Answer, Object, Objects, Put, SystemClocks, When};

    fn head(state: Option<&str>, first: u64) -> Head {
        let object = |key: &str| StateObject { key: key.to_owned(), sha256: String::new(), bytes: 0 };
        Head {
            format: String::new(),
            lineage: None,
            serial: 14,
            state: state.map(object),
            log: Log { first, next: first },
            epoch: 9,
            holder: None,
            forced_out: None,
            beat: 0,
            probe: None,
            nonce: String::new(),
        }
    }

    /// A store with this many old segments, and a new state; it takes some time for each answer.
    struct Slow {
        segments: u64,
        removed: Mutex<usize>,
    }

    const ANSWER: Duration = Duration::from_millis(50);

    impl Objects for Slow {
        fn get<'a>(&'a self, _key: &'a str) -> Answer<'a, Option<Object>> {
            Box::pin(async { Ok(None) })
        }

        fn put<'a>(&'a self, _key: &'a str, _body: Vec<u8>, _when: When) -> Answer<'a, Put> {
            Box::pin(async { Ok(Put::Refused) })
        }

        fn list<'a>(&'a self, folder: &'a str, limit: usize) -> Answer<'a, Vec<Listed>> {
            Box::pin(async move {
                let new = SystemTime::UNIX_EPOCH + 2 * AGE_MIN;
                let object = |key: String, modified| Listed { key, bytes: 1, modified };
                let listed: Vec<Listed> = match folder {
                    segment::FOLDER => {
                        let keys = (1..=self.segments).take(limit).map(segment::key);
                        keys.map(|key| object(key, SystemTime::UNIX_EPOCH)).collect()
                    }
                    STATES => vec![object("state/14-x.json".into(), new)],
                    _ => Vec::new(),
                };
                let pages = u32::try_from(listed.len() / 1000).expect("few") + 1;
                tokio::time::sleep(ANSWER * pages).await;
                Ok(listed)
            })
        }

        fn delete<'a>(&'a self, _key: &'a str) -> Answer<'a, ()> {
            Box::pin(async {
                tokio::time::sleep(ANSWER).await;
                *self.removed.lock().expect("no panic") += 1;
                Ok(())
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn as_much_is_removed_in_a_few_seconds_as_a_large_apply_writes_however_much_there_is() {
        let slow = Arc::new(Slow { segments: 200_000, removed: Mutex::default() });
        let depot = Depot::new(Arc::clone(&slow) as Arc<dyn Objects>, Arc::new(SystemClocks));
        let head = head(Some("state/14-x.json"), 200_001);
        let _ = tokio::time::timeout(Duration::from_secs(8), clean(&depot, &head)).await;
        let removed = *slow.removed.lock().expect("no panic");
        assert!((4_100..=SEGMENTS_MAX).contains(&removed), "{removed}");
    }

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
        let [old, new] = ["0a".repeat(16), "0b".repeat(16)].map(|nonce| format!("probe/{nonce}-1"));
        found.extend([object(&old, 30), object(&new, 1), object("late/1-a-0.json", 900)]);
        // Of another tenant.
        found.extend([object("probe/head.json", 900), object("probe/log/000000000001.jsonl", 900)]);
        found.push(Listed { modified: now, ..object(&segment::key(7), 0) });
        let head = head(Some("state/2-x.json"), 6);
        let removed = removable(&head, &found);
        let expected = [
            "state/1-x.json",
            "state/3-x.json",
            "state/4-x.json",
            "log/000000000003.jsonl",
            "log/000000000005.jsonl",
            &old,
        ];
        assert_eq!(removed, expected);
        assert_eq!(removable(&head, &[]), Vec::<String>::new());
    }
}
