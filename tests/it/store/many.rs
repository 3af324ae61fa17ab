//! Several machines on one state, as real processes: killed, frozen for longer than the lease, and started again.
//!
//! `DIXAFORM_SCENARIOS=20 cargo test --test it many -- --nocapture` plays that many scenarios on each store, and on
//! SeaweedFS and rclone (`weed` and `rclone`) too, if these programs are on the path.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::store::scenario::{APPLY, Shared, Tally, play};
use crate::store::server::{Kind, Store, azurite, google, moto, rclone, seaweed};
use crate::store::{each_once, heard, made, works, workspace};
use crate::support::frozen::{freeze, thaw};
use crate::support::number;

/// Scenarios that are played at once on one store: a run mostly waits.
const AT_ONCE: usize = 2;

/// Plays scenarios on each store. Gives back what was violated, and what happened on each.
fn play_all(stores: &[(&str, &Store)], seeds: std::ops::Range<u64>, conversations: usize, fates: usize) -> Vec<Tally> {
    let broken = Mutex::new(Vec::new());
    let tallies: Vec<_> = stores.iter().map(|_| Mutex::new(Tally::default())).collect();
    let left: Vec<_> = stores.iter().map(|_| Mutex::new(seeds.clone())).collect();
    std::thread::scope(|scope| {
        for (((name, store), left), tally) in stores.iter().zip(&left).zip(&tallies) {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Some(seed) = left.lock().unwrap().next() else { break };
                        let (violations, happened) = play(name, store, seed, conversations, fates);
                        tally.lock().unwrap().add(happened);
                        broken.lock().unwrap().extend(violations);
                    }
                });
            }
        }
    });
    let tallies: Vec<Tally> = tallies.into_iter().map(|tally| tally.into_inner().unwrap()).collect();
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{tallies:?}\n{} lines on violations:\n{}", broken.len(), broken.join("\n"));
    tallies
}

#[test]
fn three_runners_that_are_killed_frozen_and_restarted_make_everything_once() {
    let stores = [("moto", moto()), ("Azurite", azurite()), ("Google's stand-in", google())];
    for tally in play_all(&there(&stores), 1..2, 18, 3) {
        assert!(tally.killed > 0 && tally.frozen > 0, "{tally:?}");
    }
}

#[test]
fn a_long_round_of_such_scenarios_if_somebody_asks_for_it() {
    let Some(scenarios) = number("DIXAFORM_SCENARIOS") else { return };
    if let Some(store) = rclone() {
        is_refused(&store);
    }
    let stores = [("moto", moto()), ("Azurite", azurite()), ("Google's stand-in", google()), ("SeaweedFS", seaweed())];
    let mut stores = there(&stores);
    stores.iter().for_each(|(_, store)| is_ready(store));
    // Azurite sends bodies in chunks, which the proxy does not understand.
    let losing = stores.iter().filter(|(_, store)| store.kind != Kind::Azure);
    let losing: Vec<_> =
        losing.map(|(name, store)| (format!("{name}, losing answers"), store.losing_answers(5))).collect();
    stores.extend(losing.iter().map(|(name, store)| (name.as_str(), store)));
    let tallies = play_all(&stores, 100..100 + scenarios, 30, 6);
    for ((name, _), tally) in stores.iter().zip(&tallies) {
        println!("{name}: {scenarios} scenarios, {tally:?}");
    }
    assert!(tallies.iter().all(|tally| tally.killed > 0 && tally.frozen > 0), "{tallies:?}");
}

/// Those that this machine has.
fn there<'s>(stores: &'s [(&'s str, Option<Store>)]) -> Vec<(&'s str, &'s Store)> {
    stores.iter().filter_map(|(name, store)| Some((*name, store.as_ref()?))).collect()
}

/// Refused before anything is sent.
#[track_caller]
fn is_refused(store: &Store) {
    let workspace = workspace(store, "team/refused", 2);
    let _ = workspace.run("apply --yes").exit(5).warns("the store doesn't honour conditional writes");
    assert_eq!(made(&workspace), Vec::<String>::new());
}

/// A store may listen before it has its bucket.
fn is_ready(store: &Store) {
    let workspace = workspace(store, "team/ready", 1);
    let begun = Instant::now();
    while workspace.run("plan").code != 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:#?}", workspace.run("plan"));
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_laptop_that_slept_while_another_took_over_sends_nothing_new_and_ends_with_5() {
    const COUNT: usize = 16;
    let Some(store) = google() else { return };
    let shared = Shared::new();
    let [first, second] = [0, 1].map(|_| shared.checkout(&store, "team/laptop", COUNT));
    let first = first.variable("TOKEN", "laptop");
    let child = heard(&first, "apply --yes");
    let begun = Instant::now();
    while shared.witness.writes_by("laptop") < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was sent");
        std::thread::sleep(Duration::from_millis(5));
    }
    freeze(&child);
    let _ = second.run(APPLY).exit(0).says("Apply complete!");
    let before = shared.witness.sent().len();
    thaw(&child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("another run has taken over the state"), "{said}");
    let sent = shared.witness.sent();
    let late: Vec<_> = sent[before..].iter().filter(|sent| sent.writes()).collect();
    assert!(late.is_empty(), "{late:?}");
    assert!(shared.made().values().all(|ids| ids.len() == 1) && shared.made().len() == COUNT, "{:?}", shared.made());
    let _ = second.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn a_store_whose_answers_are_lost_has_done_what_it_was_asked_for() {
    const COUNT: usize = 20;
    let stores = [moto(), google()];
    std::thread::scope(|scope| {
        for store in stores.iter().flatten() {
            scope.spawn(|| {
                let losing = store.losing_answers(3);
                works(&losing);
                let workspace = workspace(&losing, "team/losing", COUNT);
                let _ = workspace.run("apply --yes").exit(0).says(&format!("{COUNT} created"));
                each_once(&workspace, COUNT);
                let _ = workspace.run("plan").exit(0).says("No changes.");
                let losses = losing.losses();
                assert!(losses > COUNT, "{losses}");
            });
        }
    });
}
