//! `dixaform apply`, from the command line, on the embedded sandbox.

mod adopting;
mod again;
mod bodies;
mod failing;
mod refusing;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::manifests::{ORDER, TEXT};
use crate::support::{Server, Stub, Workspace, terminate};

/// A fast workspace in which this manifest was applied as `manifests/order.yaml`.
pub fn applied(manifest: &str) -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", manifest);
    let _ = workspace.run("apply --yes").exit(0);
    workspace
}

#[test]
fn state_journal_and_sandbox_data_are_readable_by_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = applied(ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    for entry in std::fs::read_dir(workspace.path("state")).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn of_two_applies_at_once_the_second_is_refused_and_told_who_holds_the_lock() {
    let stub = Stub::silent();
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let workspace = workspace.variable("USER", "freja");
    let mut first =
        workspace.command().args(["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| !stub.requests().is_empty());
    let second = workspace.run("apply --yes").exit(5).warns("the state is locked by freja on ");
    let _ = second.warns(&format!("(process {}, apply, since ", first.id()));
    let _ = workspace.run("plan").exit(0).says("1 to create");
    let waited = workspace.run("apply --yes --lock-timeout 200ms").exit(5);
    drop(waited);
    first.kill().unwrap();
    first.wait().unwrap();
    let sent = stub.requests().len();
    let mut third =
        workspace.command().args(["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| stub.requests().len() > sent);
    third.kill().unwrap();
    third.wait().unwrap();
}

#[test]
fn with_digests_only_no_text_of_a_customer_is_kept() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    lastApplied: digest\n");
    let _ = workspace.run("apply --yes").exit(0);
    let state = workspace.read("state/sandbox.json");
    for text in ["order #123", "Where is it?", "012345", "str1"] {
        assert!(!state.contains(text), "{text} in {state}");
    }
    let _ = workspace.run("plan").exit(0).says("No changes.");
    let sent = workspace.requests().len();
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("plan").exit(0).says("(previous value not kept) -> \"012346\"");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(workspace.writes_since(sent)[0].1, json!({TEXT: "012346"}));
}

// What it says.

#[test]
fn each_change_is_a_line_on_standard_error_and_quiet_is_without_them() {
    let loud = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = loud.run("apply --yes").exit(0).warns("[1/1] conversation.order created #1001\n");
    let quiet = Workspace::fast().file("manifests/order.yaml", ORDER);
    let outcome = quiet.run("apply --yes --quiet").exit(0);
    assert_eq!(
        (outcome.stderr.as_str(), outcome.last_line()),
        ("", "Apply complete! 1 created, 0 imported, 0 updated.")
    );
}

#[test]
fn the_token_is_in_no_output_and_no_file_however_much_is_asked_for() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let server = Server::start(&workspace, "--no-rate-limit --data data.jsonl --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let outcome = workspace.run("apply --yes -vv").exit(0).never_says("the-secret-token");
    assert!(outcome.stderr.lines().count() > 5, "-vv says something:\n{}", outcome.stderr);
    for folder in ["", "state"] {
        for entry in std::fs::read_dir(workspace.path(folder)).unwrap().map(Result::unwrap) {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            assert!(!text.contains("the-secret-token"), "{:?}", entry.path());
        }
    }
}

// The webshop.

/// The webshop with a sandbox that does or does not slow down.
fn webshop() -> Workspace {
    Workspace::new().copy("examples/webshop")
}

const WITHOUT_LIMIT: &str = "  sandbox:\n    rateLimit: {requestsPerSecond: 10000, burst: 1000}\n";

/// How many end users and conversations it describes.
const MANIFESTS: usize = 56;

/// Those that are conversations.
const CONVERSATIONS: usize = 44;

#[test]
fn the_webshop_is_applied_whole_and_then_nothing_is_left() {
    let workspace = webshop();
    workspace.edit("examples/webshop/dixaform.yaml", "  sandbox:\n", WITHOUT_LIMIT);
    let flags = "--chdir examples/webshop --tenant sandbox";
    let outcome = workspace.run(&format!("apply --yes --allow-outbound {flags}")).exit(0);
    assert!(outcome.last_line().starts_with("Apply complete! "), "{}", outcome.last_line());
    let again = workspace.run(&format!("plan --detailed-exitcode {flags}")).exit(0);
    assert_eq!(again.stdout, "No changes. The tenant matches the manifests.\n");
}

#[test]
fn an_apply_that_is_asked_to_stop_ends_soon_and_the_next_one_completes_it_without_doubles() {
    let workspace = webshop();
    let flags = ["--chdir", "examples/webshop", "--tenant", "sandbox", "--yes", "--allow-outbound"];
    let mut child =
        workspace.command().arg("apply").args(flags).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = "examples/webshop/state/sandbox.requests.jsonl";
    wait_until(|| workspace.exists(log) && workspace.read(log).matches("\"POST\"").count() > 5);
    assert_eq!(terminate(&mut child, Duration::from_secs(7)), 130);
    let half = state_ids(&workspace);
    assert!(!half.is_empty() && half.len() < MANIFESTS, "{} of {MANIFESTS}", half.len());

    workspace.edit("examples/webshop/dixaform.yaml", "  sandbox:\n", WITHOUT_LIMIT);
    let _ = workspace.run(&format!("apply {}", flags.join(" "))).exit(0);
    let kept = state_ids(&workspace);
    assert_eq!(kept.len(), MANIFESTS);
    assert!(half.is_subset(&kept), "what was made before the end is still there");
    let data = workspace.read("examples/webshop/state/sandbox.data.jsonl");
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let made: Vec<i64> = lines.filter_map(|line| line["conversation"]["id"].as_i64()).collect();
    assert_eq!(made.len(), CONVERSATIONS, "every conversation was made once");
    let ids = kept.iter().filter_map(|id| id.parse().ok());
    assert_eq!(made.into_iter().collect::<BTreeSet<i64>>(), ids.collect());
    let _ = workspace.run("plan --chdir examples/webshop --tenant sandbox").exit(0).says("No changes.");
}

fn state_ids(workspace: &Workspace) -> BTreeSet<String> {
    let state: Value = serde_json::from_str(&workspace.read("examples/webshop/state/sandbox.json")).unwrap();
    state["records"].as_array().unwrap().iter().map(|record| record["id"].to_string()).collect()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
#[test]
fn manifests_that_come_through_a_pipe_are_read_from_their_first_byte() {
    for path in ["/dev/stdin", "-"] {
        let workspace = Workspace::fast();
        let _ = workspace.run_with_input(&format!("plan {path}"), ORDER).exit(0).says("1 to create");
        let applied = workspace.run_with_input(&format!("apply --yes {path}"), ORDER).exit(0);
        assert_eq!(applied.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.", "{path}");
    }
    // A plan is not taken from a pipe, and nothing is applied of it.
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("plan --out seed.plan").exit(0);
    let refused = workspace.run_with_input("apply /dev/stdin", &workspace.read("seed.plan")).exit(1);
    assert!(refused.stderr.contains("error"), "{}", refused.stderr);
    assert!(workspace.requests().is_empty());
}
