//! A run that is asked to stop while its store does not answer: it ends in time, and what it has made is noted.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{each_once, google, heard, made, server::Store, workspace};
use crate::support::Workspace;

const COUNT: usize = 60;
/// Cancelled CI jobs are killed after 7.5 seconds; this machine may be slow.
const END_MAX: Duration = Duration::from_millis(8500);

/// An apply in its middle, whose store has just stopped answering.
fn stuck(store: &mut Store, prefix: &str) -> (Workspace, Child) {
    let workspace = workspace(store, prefix, COUNT);
    // A run that waits for the store for as long as it can does not end in time.
    workspace.edit("dixaform.yaml", "lease: 5s", "lease: 12s");
    workspace.edit("dixaform.yaml", "requestsPerSecond: 100, burst: 4", "requestsPerSecond: 20, burst: 10");
    let mut child = heard(&workspace, "apply --yes");
    let begun = Instant::now();
    while made(&workspace).len() < 15 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", child.try_wait());
        std::thread::sleep(Duration::from_millis(5));
    }
    store.pause();
    // Something is made that the store gets to know nothing of.
    std::thread::sleep(Duration::from_millis(300));
    (workspace, child)
}

fn terminate(child: &Child) {
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The code of a run that has been asked to stop, and what it printed; how long it went on.
fn end(child: Child) -> (Option<i32>, String, Duration) {
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    let took = asked.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.code(), said, took)
}

/// All that the journal in the store says.
fn log(store: &Store, prefix: &str) -> String {
    let listed = store.get(&format!("?list-type=2&prefix={prefix}/log/"));
    let keys = listed.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap());
    keys.map(|key| store.get(key)).collect()
}

/// The ids of the conversations that there are.
fn ids(workspace: &Workspace) -> Vec<i64> {
    let data = workspace.read("state/sandbox.data.jsonl");
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["conversation"]["id"].as_i64()).collect()
}

#[track_caller]
fn goes_on(workspace: &Workspace) {
    let _ = workspace.run("apply --yes --lock-timeout 60s").exit(0).says("Apply complete!");
    each_once(workspace, COUNT);
    assert_eq!(ids(workspace).len(), COUNT);
    assert!(!workspace.exists("state/sandbox.late"), "what was noted here was handed in");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_run_that_is_asked_to_stop_ends_in_time_though_its_store_is_away_and_every_id_is_noted() {
    let Some(mut store) = google() else { return };
    let (workspace, child) = stuck(&mut store, "team/stopped");
    terminate(&child);
    let (code, said, took) = end(child);
    assert!(took < END_MAX, "{took:?}: {said}");
    assert_eq!(code, Some(130), "{said}");
    let late = std::fs::read_to_string(workspace.path("state/sandbox.late")).unwrap_or_default();
    store.go_on();
    let noted = log(&store, "team/stopped") + &late.replace('\\', "");
    let made = ids(&workspace);
    assert!((15..COUNT).contains(&made.len()), "{made:?}");
    for id in made {
        assert!(noted.contains(&format!("\"id\":{id}")), "{id} is nowhere: {noted}");
    }
    goes_on(&workspace);
}

#[test]
fn a_second_signal_ends_a_run_at_once_though_its_store_is_away() {
    let Some(mut store) = google() else { return };
    let (workspace, child) = stuck(&mut store, "team/stopped-twice");
    terminate(&child);
    std::thread::sleep(Duration::from_millis(500));
    terminate(&child);
    let (code, said, took) = end(child);
    assert!(took < Duration::from_millis(2500), "{took:?}: {said}");
    assert_eq!(code, Some(130), "{said}");
    store.go_on();
    goes_on(&workspace);
}
