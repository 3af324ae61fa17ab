//! What a run has made that lost the state before it could write that down: a plan names it, an apply records it.

use serde_json::{Value, json};

use super::{each_once, google, line, manifests, server::Store, workspace};
use crate::support::Workspace;

/// The record of an address in a state.
fn record(workspace: &Workspace, state: &str, address: &str) -> Value {
    let pulled: Value = serde_json::from_str(&workspace.run(&format!("state pull{state}")).exit(0).stdout).unwrap();
    let records = pulled["records"].as_array().unwrap();
    records.iter().find(|record| record["address"] == address).unwrap().clone()
}

/// Leaves word of a record, as a run does that was fenced.
fn leave_late(store: &Store, key: &str, record: &Value) {
    let line = line(&json!({ "adopted": { "record": record } }));
    let late = json!({
        "format": "dixaform-late/1",
        "who": "ann",
        "since": "2026-09-14T08:30:00Z",
        "lines": [line.trim_end()],
    });
    store.put(key, &late.to_string());
}

#[test]
fn what_a_run_has_made_that_had_lost_the_state_is_named_by_a_plan_and_recorded_by_an_apply() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "team/late", 1);
    let _ = workspace.run("apply --yes").exit(0);
    // Somebody who had lost the state has made another one.
    workspace.write("manifests/all.yaml", manifests(2));
    let elsewhere = " --state gs://state/team/elsewhere";
    let _ = workspace.run(&format!("apply --yes --target conversation.c1{elsewhere}")).exit(0).says("1 created");
    let made = record(&workspace, elsewhere, "conversation.c1");
    leave_late(&store, "team/late/late/1-7d0c-0.json", &made);
    let warning = format!("conversation.c1 was made as #{} by a run that had lost the state", made["id"]);
    for line in ["plan", "state list"] {
        let _ = workspace.run(line).exit(0).warns(&warning).warns("the next apply records it");
    }
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    each_once(&workspace, 2);
    assert_eq!(record(&workspace, "", "conversation.c1")["id"], made["id"]);
    let quiet = workspace.run("plan").exit(0).says("No changes.");
    assert!(!quiet.stderr.contains("lost the state"), "{}", quiet.stderr);
    assert!(store.get("team/late/late/1-7d0c-0.json").contains("NoSuchKey"), "it is in the state now");
}

#[test]
fn what_a_run_has_made_a_second_time_that_had_lost_the_state_is_a_double_until_a_person_has_chosen() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "team/double", 2);
    let _ = workspace.run("apply --yes").exit(0);
    let (mut second, kept) = (record(&workspace, "", "conversation.c0"), record(&workspace, "", "conversation.c1"));
    let first = second["id"].clone();
    second["id"] = 7777.into();
    leave_late(&store, "team/double/late/3-9e1f-0.json", &second);
    let _ = workspace.run("plan").exit(0).warns("conversation.c0 was made as #7777 by a run that had lost the state");
    let _ = workspace.run("apply --yes").warns(&format!("it is #{first}, and #7777 has its marker too"));
    each_once(&workspace, 2);
    let _ = workspace.run("plan").warns("conversation.c0 was made more than once");
    let _ = workspace.run(&format!("recover --adopt conversation.c0={first}")).exit(0);
    let quiet = workspace.run("plan").exit(0).says("No changes.");
    assert!(!quiet.stderr.contains("7777"), "{}", quiet.stderr);
    assert_eq!(record(&workspace, "", "conversation.c1"), kept);
}

#[test]
fn what_is_noted_here_is_written_over_by_nothing_and_handed_in_to_its_own_store_only() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "team/noted", 1);
    let elsewhere = " --state gs://state/team/noted-elsewhere";
    let _ = workspace.run(&format!("apply --yes{elsewhere}")).exit(0).says("1 created");
    let made = record(&workspace, elsewhere, "conversation.c0");
    let noted = json!([{
        "to": "gs://state/team/noted",
        "format": "dixaform-late/1",
        "who": "ann",
        "since": "2026-09-14T08:30:00Z",
        "lines": [line(&json!({ "adopted": { "record": made } })).trim_end()],
    }]);
    workspace.write("state/sandbox.late", noted.to_string());
    let _ = workspace.run("apply --yes --format json=state/sandbox.late").exit(1).warns("state/sandbox.late");
    // Another store gets to know nothing of it.
    let _ = workspace.run(&format!("apply --yes{elsewhere}")).exit(0).says("No changes.");
    assert_eq!(workspace.read("state/sandbox.late"), noted.to_string());
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert!(!workspace.exists("state/sandbox.late"), "it is in the state now");
    assert_eq!(record(&workspace, "", "conversation.c0")["id"], made["id"]);
    each_once(&workspace, 1);
    std::os::unix::fs::symlink("elsewhere", workspace.path("state/sandbox.late")).unwrap();
    let _ = workspace.run("plan").exit(1).warns("it is a link");
}
