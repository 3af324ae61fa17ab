//! Whether a store honours conditions, found out by a race.
//!
//! Some stores ignore them, some know only one of the two, and some look first and write then, which one request after
//! the other can't show. So several writers go for the same object at the same time, again and again.

use std::time::Duration;

use futures_util::future::join_all;

use crate::store::depot::Depot;
use crate::store::error::StoreError;
use crate::store::objects::{Fault, FaultKind, Put, Version, When};

/// The folder of the objects that are raced for.
pub const FOLDER: &str = "probe";

/// Rounds in which every request was answered.
const ROUNDS: usize = 8;
/// Rounds in all; one in which an answer was lost shows nothing.
const ROUNDS_MAX: usize = 60;
const WRITERS: usize = 4;
/// No longer than this, however slow the store is.
const TIME_MAX: Duration = Duration::from_secs(40);

fn key(nonce: &str, round: usize) -> String {
    format!("{FOLDER}/{nonce}-{round}")
}

/// Whether it is an object that is raced for. Another tenant may have a prefix that begins like the folder.
pub fn is_raced_for(key: &str) -> bool {
    let name = key.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')).and_then(|name| name.split_once('-'));
    let is_nonce = |text: &str| text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    name.is_some_and(|(nonce, round)| is_nonce(nonce) && round.parse::<usize>().is_ok())
}

/// Races for objects of its own, which it removes.
///
/// # Errors
/// [`StoreError::NotConditional`], or the store can't be used.
pub async fn race(depot: &Depot) -> Result<(), StoreError> {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let mut shown = 0;
    let mut fault = None;
    let start = depot.clock.now().monotonic;
    for round in 0..ROUNDS_MAX {
        if depot.clock.now().monotonic.saturating_duration_since(start) > TIME_MAX {
            break;
        }
        let key = key(&nonce, round);
        let raced = one(depot, &key).await;
        // What is left of it is removed by a later run.
        let _ = depot.objects.delete(&key).await;
        match raced {
            Ok(()) => shown += 1,
            Err(StoreError::Request { fault: Fault { kind: FaultKind::Passing, .. }, .. }) => fault = raced.err(),
            Err(error) => return Err(error),
        }
        if shown == ROUNDS {
            return Ok(());
        }
    }
    Err(fault.unwrap_or_else(|| StoreError::NotConditional { why: "this could not be tested".to_owned() }))
}

/// Each condition once: only one of those who write at the same time may win.
async fn one(depot: &Depot, key: &str) -> Result<(), StoreError> {
    let (first, same) = ("tried to create one object", "tried to replace one version of an object");
    let created = contest(depot, key, &When::Absent, first).await?;
    let version = created.into_iter().next().ok_or_else(|| StoreError::NotConditional {
        why: "an object could not be created although there was none".to_owned(),
    })?;
    let replaced = contest(depot, key, &When::Unchanged(version), same).await?;
    if replaced.is_empty() {
        let why = "an object could not be replaced although nobody had changed it".to_owned();
        return Err(StoreError::NotConditional { why });
    }
    match contest(depot, key, &When::Absent, first).await?.len() {
        0 => Ok(()),
        _ => Err(StoreError::NotConditional { why: "an object was created although there was one already".to_owned() }),
    }
}

/// Several writes at once; the version of the one that was done. A lost answer leaves it open who has won, so it is an
/// error, unless two have won.
async fn contest(depot: &Depot, key: &str, when: &When, what: &str) -> Result<Vec<Version>, StoreError> {
    let write = |writer: usize| {
        let body = format!("{writer} {}\n", uuid::Uuid::new_v4()).into_bytes();
        depot.objects.put(key, body, when.clone())
    };
    let (mut done, mut fault) = (Vec::new(), None);
    for answer in join_all((0..WRITERS).map(write)).await {
        match answer {
            Ok(Put::Done(version)) => done.push(version),
            Ok(Put::Refused) => {}
            Err(error) => fault = Some(error),
        }
    }
    if done.len() > 1 {
        let why = format!("several writers {what}, and {} of them succeeded", done.len());
        return Err(StoreError::NotConditional { why });
    }
    fault.map_or(Ok(done), |fault| Err(StoreError::request(format!("write {key}"))(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_race_has_written_is_known_as_such() {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        assert!(is_raced_for(&key(&nonce, 0)) && is_raced_for(&key(&nonce, 59)));
        let others = ["probe/head.json", "probe/a-1", "probe/log/000000000001.jsonl", "probe/state/4-a.json", "probe"];
        let beside = [format!("probe/{nonce}"), format!("probe/x/{nonce}-1"), format!("probe/{nonce}-1/head.json")];
        for other in others.into_iter().map(str::to_owned).chain(beside) {
            assert!(!is_raced_for(&other), "{other}");
        }
    }
}
