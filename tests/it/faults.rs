//! The real program while something goes wrong on purpose: how it ends, and that the next apply finishes the work.

#![cfg(unix)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Workspace, terminate};

/// Two manifests with attributes and without, and a tenant that waits for nothing long.
fn workspace() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 50ms\n    requestTimeout: 500ms\n");
    workspace
}

/// The ids of all conversations that were ever made in the tenant.
fn made(workspace: &Workspace) -> Vec<i64> {
    let data = std::fs::read_to_string(workspace.path("state/sandbox.data.jsonl")).unwrap_or_default();
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["conversation"]["id"].as_i64()).collect()
}

/// An apply without faults ends well, and then the tenant has as many conversations as there are manifests.
#[track_caller]
fn the_next_one_completes(workspace: &Workspace, manifests: usize) {
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(made(workspace).len(), manifests, "every manifest was made once");
    assert_eq!(workspace.state()["records"].as_array().unwrap().len(), manifests);
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    assert!(!workspace.exists("state/sandbox.journal"));
}

#[test]
fn each_fault_ends_with_its_exit_code() {
    for (faults, code) in [
        ("429@create#1,retry-after=1", 0),
        ("500-before@create", 6),
        ("500-before@create#1", 0),
        ("500-after@create#1", 0),
        ("drop-after@import#1", 0),
        ("hang-after@create#1", 0),
        ("rubbish@import#1", 0),
        ("partial@create#1", 0),
        ("drop-before@PATCH#1", 0),
        ("redirect@create#1", 4),
        ("redirect@organization#1", 1),
        ("401@organization#1", 3),
        ("401@PATCH#1", 3),
        ("drop-after@create#1,401@conversations#1", 3),
        ("drop-after@create#1,redirect@conversations#1", 0),
        ("drop-after@create#1,redirect@conversations", 6),
    ] {
        let workspace = workspace();
        let outcome = workspace.run(&format!("apply --yes --sandbox-faults {faults}"));
        assert_eq!(outcome.code, code, "{faults}\n{}\n{}", outcome.stdout, outcome.stderr);
        the_next_one_completes(&workspace, 2);
    }
}

/// Asks an apply of forty manifests to stop once it has sent this number of requests; how long it took to stop.
fn interrupted(faults: &str, timeout: &str, requests: usize) -> Duration {
    let manifests: String = (0..40).map(|number| format!("---\n{}", email(&format!("m{number}")))).collect();
    let workspace = Workspace::new().file("manifests/all.yaml", &manifests);
    let tenant = format!("{{settle: 50ms, requestTimeout: {timeout}, rateLimit: {{requestsPerSecond: 50, burst: 5}}}}");
    let project = format!("version: 1\ndefaultTenant: sandbox\ntenants:\n  sandbox: {tenant}\n");
    workspace.write("dixaform.yaml", project);
    let mut command = workspace.command();
    command.args(["apply", "--yes", "--sandbox-faults", faults]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while workspace.requests().len() < requests {
        assert!(start.elapsed() < Duration::from_secs(20), "{faults}: it never sent anything");
        std::thread::sleep(Duration::from_millis(10));
    }
    let asked = Instant::now();
    assert_eq!(terminate(&mut child, Duration::from_secs(9)), 130, "{faults}");
    let took = asked.elapsed();
    the_next_one_completes(&workspace, 40);
    took
}

#[test]
fn an_apply_that_is_asked_to_stop_while_things_go_wrong_ends_in_time_and_the_next_one_completes_it() {
    let cases = [
        ("latency=300ms..900ms,drop-after@create#3-9,500-before@create#10-14", "30s", 12),
        ("latency=50ms,drop-before@create", "30s", 5),
        ("429@create#4-100,retry-after=30", "30s", 5),
        ("hang-after@create#5-100", "30s", 12),
        ("hang@create#5-100,latency=10ms", "2s", 12),
    ];
    std::thread::scope(|scope| {
        let waits = cases
            .map(|(faults, timeout, requests)| scope.spawn(move || (faults, interrupted(faults, timeout, requests))));
        for wait in waits {
            let (faults, took) = wait.join().unwrap();
            println!("{faults}: stopped after {took:?}");
            assert!(took <= Duration::from_secs(7), "{faults}: {took:?}");
        }
    });
}

#[test]
fn an_apply_that_is_asked_to_stop_before_its_first_write_ends_at_once() {
    let took = interrupted("latency=3s", "30s", 1);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
