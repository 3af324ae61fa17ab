//! Two processes at once: on one state, and with one token.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::manifests::email;
use crate::support::{Outcome, Server, Workspace};

/// Enough manifests that an apply to a slow server takes a while.
const COUNT: usize = 8;
/// Enough manifests that an apply at Dixa's rate takes more than a second.
const MANY: usize = 16;

fn workspace() -> Workspace {
    let workspace = Workspace::new().variable("USER", "freja");
    for number in 0..COUNT {
        workspace.write(&format!("manifests/{number}.yaml"), email(&format!("m{number}")));
    }
    workspace
}

/// A workspace whose tenant answers slowly enough that two applies meet.
fn beside_a_slow_server(latency: &str) -> (Workspace, Server) {
    let workspace = workspace();
    let flags = "--no-rate-limit --data data.jsonl --request-log requests.jsonl --faults latency";
    let server = Server::start(&workspace, &format!("{flags}={latency}"));
    (workspace.with_tenant(&server.base_url()), server)
}

fn spawn(workspace: &Workspace, words: &str) -> Child {
    let mut command = workspace.command();
    command.args(words.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn outcome(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Until the first of two applies is running.
fn wait_for_the_first_call(workspace: &Workspace) {
    wait_until(|| workspace.exists("requests.jsonl") && !workspace.read("requests.jsonl").is_empty());
}

/// How many conversations the server made.
fn made(workspace: &Workspace) -> usize {
    let data = workspace.read("data.jsonl");
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["conversation"]["id"].is_i64()).count()
}

fn posts(workspace: &Workspace) -> usize {
    let requests = workspace.requests_in("requests.jsonl");
    requests.iter().filter(|(call, _)| call.starts_with("POST ")).count()
}

/// How many POSTs the server answered with each status.
fn by_status(workspace: &Workspace, which: impl Fn(&str) -> bool) -> BTreeMap<u64, usize> {
    let log = workspace.read("requests.jsonl");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut counts = BTreeMap::new();
    for line in lines.filter(|line| line["method"].as_str().is_some_and(&which)) {
        *counts.entry(line["status"].as_u64().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn of_two_applies_one_works_and_the_other_is_refused_and_told_by_whom() {
    let (workspace, _server) = beside_a_slow_server("2s");
    let first = spawn(&workspace, "apply --yes");
    let pid = first.id();
    wait_for_the_first_call(&workspace);
    let second = workspace.run("apply --yes").exit(5).warns("the state is locked by freja on ");
    let second = second.warns(&format!("(process {pid}, apply, since 20")).warns("--lock-timeout");
    assert_eq!(second.stdout, "");
    let held = workspace.run("state unlock").exit(5).warns(&format!("(process {pid}, apply, since 20"));
    let _ = held.warns("freja");
    let held = workspace.run("state unlock --format json").exit(5).stdout;
    assert!(held.contains("dixaform-error/1") && held.contains("locked by freja"), "{held}");
    for command in ["state mv conversation.m1 conversation.x", "state forget conversation.m1", "recover"] {
        let _ = workspace.run(command).exit(5).warns("the state is locked by freja");
    }
    // Everybody may look at any time.
    let _ = workspace.run("plan").exit(0);
    let _ = workspace.run("state list").exit(0);
    let _ = outcome(first).exit(0);
    assert_eq!((made(&workspace), posts(&workspace)), (COUNT, COUNT));
    let _ = workspace.run("state unlock").exit(0).says("The state is not locked.");
}

#[test]
fn an_apply_that_waits_for_the_lock_finds_nothing_left_to_do() {
    let (workspace, _server) = beside_a_slow_server("300ms");
    let first = spawn(&workspace, "apply --yes");
    wait_for_the_first_call(&workspace);
    let second = workspace.run("apply --yes --lock-timeout 20s").exit(0);
    assert_eq!(second.last_line(), "No changes. The tenant matches the manifests.");
    let _ = outcome(first).exit(0);
    assert_eq!((made(&workspace), posts(&workspace)), (COUNT, COUNT));
}

#[test]
fn waiting_in_vain_is_reported_after_that_time() {
    let (workspace, _server) = beside_a_slow_server("2s");
    let first = spawn(&workspace, "apply --yes");
    wait_for_the_first_call(&workspace);
    let start = Instant::now();
    let _ = workspace.run("apply --yes --lock-timeout 300ms").exit(5).warns("the state is locked by freja");
    assert!(start.elapsed() >= Duration::from_millis(300));
    let _ = outcome(first).exit(0);
}

#[test]
fn of_many_that_start_at_once_and_wait_each_manifest_is_made_once() {
    let (workspace, _server) = beside_a_slow_server("300ms");
    let children: Vec<Child> = (0..4).map(|_| spawn(&workspace, "apply --yes --lock-timeout 30s")).collect();
    let outcomes: Vec<Outcome> = children.into_iter().map(|child| outcome(child).exit(0)).collect();
    let worked = outcomes.iter().filter(|outcome| outcome.last_line().starts_with("Apply complete!")).count();
    assert_eq!((worked, made(&workspace), posts(&workspace)), (1, COUNT, COUNT));
}

#[test]
fn a_lock_whose_process_was_killed_is_taken_over_by_itself() {
    let (workspace, _server) = beside_a_slow_server("300ms");
    let mut first = spawn(&workspace, "apply --yes");
    // Before anything is sent whose end would have to be waited for.
    wait_for_the_first_call(&workspace);
    first.kill().unwrap();
    first.wait().unwrap();
    let _ = workspace.run("state unlock").exit(0).says("The state is not locked.");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(made(&workspace), COUNT);
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn a_state_that_nobody_ever_locked_is_not_locked_and_asking_makes_no_file() {
    let workspace = workspace();
    let _ = workspace.run("state unlock --tenant sandbox").exit(0).says("The state is not locked.");
    assert!(!workspace.exists("state"));
}

#[test]
fn two_states_and_one_token_share_the_rate_limit_by_429_alone_and_both_complete() {
    let workspace = workspace();
    // Enough that the first apply is still sending when the second begins.
    for number in COUNT..MANY {
        workspace.write(&format!("manifests/{number}.yaml"), email(&format!("m{number}")));
    }
    let server = Server::start(&workspace, "--rate 10 --burst 4 --data data.jsonl --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    workspace.edit("dixaform.yaml", "requestsPerSecond: 10000, burst: 1000", "requestsPerSecond: 10, burst: 4");
    // Their names keep the projects from taking each other's conversations for their own.
    let of_project = |name: &str| {
        workspace
            .read("dixaform.yaml")
            .replace("version: 1", &format!("version: 1\nproject: {name}\nmanifests: [../manifests]"))
    };
    for name in ["one", "two"] {
        workspace.write(&format!("{name}/dixaform.yaml"), of_project(name));
    }
    let first = spawn(&workspace, "apply --yes --chdir one");
    wait_for_the_first_call(&workspace);
    let second = spawn(&workspace, "apply --yes --chdir two");
    for child in [first, second] {
        let applied = outcome(child).exit(0);
        assert_eq!(applied.last_line(), format!("Apply complete! {MANY} created, 0 imported, 0 updated."));
    }
    assert_eq!(made(&workspace), 2 * MANY);
    let answers = by_status(&workspace, |_| true);
    assert!(answers[&429] > 0, "{answers:?}");
    let posts = by_status(&workspace, |method| method == "POST");
    assert_eq!((posts[&201], posts.values().sum::<usize>() - posts.get(&429).unwrap_or(&0)), (2 * MANY, 2 * MANY));
    for name in ["one", "two"] {
        let _ = workspace.run(&format!("plan --detailed-exitcode --chdir {name}")).exit(0).says("No changes.");
    }
}
