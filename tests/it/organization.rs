//! Whose tenant it is, and a token that may not ask.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::support::manifests::email;
use crate::support::{Server, Workspace};

/// The sandbox's own.
const EXAMPLE: &str = "\"Example Organization\" (e9609fa9-efff-4fdc-a7ef-dd335f33c5f6)";

fn reads_of_organization(workspace: &Workspace) -> usize {
    workspace.requests_in("requests.jsonl").iter().filter(|(call, _)| call == "GET /v1/organization").count()
}

fn beside(faults: &str) -> (Workspace, Server) {
    let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
    let server = Server::start(&workspace, &format!("--no-rate-limit --faults {faults}"));
    let workspace = workspace.with_tenant(&server.base_url());
    (workspace, server)
}

#[test]
fn an_organization_that_nobody_expects_may_be_unknown() {
    for refusal in ["404", "401-user"] {
        let (workspace, _server) = beside(&format!("{refusal}@organization#*"));
        let outcome = workspace.run("apply --yes").exit(0).says("1 created");
        let _ = outcome.warns("warning: this token can't read whose tenant this is");
        let _ = workspace.run("plan --refresh").exit(0).warns("warning: this token can't read whose tenant this is");
    }
}

#[test]
fn an_organization_that_is_expected_must_be_known() {
    for refusal in ["404", "401-user"] {
        let (workspace, _server) = beside(&format!("{refusal}@organization#*"));
        workspace.edit("dixaform.yaml", "apiKeyEnv", "organizationId: org-1, apiKeyEnv");
        let outcome =
            workspace.run("apply --yes").exit(5).warns("organization org-1 is expected, but the tenant does not say");
        let _ = outcome.never_says("Apply complete").warns("use a token whose user may read the organization");
    }
}

#[test]
fn a_token_that_is_unknown_and_a_user_without_the_right_get_different_hints() {
    let (workspace, _server) = beside("401@organization#*");
    let _ = workspace.run("apply --yes").exit(3).warns("check the variable or file that it comes from");
    for call in ["create", "definitions"] {
        let (workspace, _server) = beside(&format!("401-user@{call}#*"));
        workspace.edit(
            "manifests/a.yaml",
            "spec:\n",
            "spec:\n  customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: x}\n",
        );
        let outcome = workspace.run("apply --yes").exit(3);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(all.contains("the token is known, but its user may not do this"), "{call}: {all}");
    }
}

#[test]
fn the_organization_is_named_before_anything_is_written() {
    let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
    let server = Server::start(&workspace, "--no-rate-limit --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let pin = "organizationId: e9609fa9-efff-4fdc-a7ef-dd335f33c5f6  # Example Organization";
    let outcome =
        workspace.run("apply --yes").exit(0).says("\n1 call, about").warns(&format!("Applying to {EXAMPLE}.\n[1/1]"));
    let _ = outcome.warns(&format!("below `tenants: local:`, write `{pin}`\n"));
    assert_eq!(reads_of_organization(&workspace), 1);
    workspace.edit("dixaform.yaml", "apiKeyEnv", "organizationId: e9609fa9-efff-4fdc-a7ef-dd335f33c5f6, apiKeyEnv");
    workspace.write("manifests/b.yaml", email("b"));
    let _ = workspace.run("apply --yes").exit(0).warns(&format!("Applying to {EXAMPLE}.\n")).never_says("warning:");
    workspace.write("manifests/c.yaml", email("c"));
    let _ = workspace.run("apply --yes --tenant sandbox").exit(0).never_says("has no organizationId");
    let quiet = workspace.run("apply --yes --quiet --tenant local").exit(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_organization_is_read_once_and_the_price_says_so() {
    let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
    let server = Server::start(&workspace, "--no-rate-limit --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/b.yaml", email("b"));
    let before = workspace.requests_in("requests.jsonl").len();
    let outcome = workspace.run("apply --refresh --yes").exit(0).warns("Reading 1 conversation: 2 calls");
    let _ = outcome.says("2 read requests were sent.").says("\n2 calls, about");
    assert_eq!(workspace.requests_in("requests.jsonl").len() - before, 4);
    assert_eq!(reads_of_organization(&workspace), 2, "once in each apply");
}

/// What a command prints on a terminal where somebody types this, or nothing on a machine that can't make one.
fn typed(workspace: &Workspace, line: &str, typed: &str) -> Option<String> {
    let program = workspace.command();
    let script = format!("stty -echo cols 100 rows 40 && exec '{}' {line}", program.get_program().to_str().unwrap());
    let mut command = Command::new("script");
    command.args(["-qec", &script, "/dev/null"]).current_dir(workspace.path("")).env_clear();
    command.env("PATH", std::env::var("PATH").unwrap()).env("HOME", workspace.path("")).env("NO_COLOR", "1");
    command.env("LOCAL_KEY", "t").env("SHELL", "/bin/sh").env("TERM", "dumb");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    let mut byte = [0];
    // What is typed before the question could be lost.
    while !shown.ends_with(b"Enter a value: ") {
        assert_eq!(screen.read(&mut byte).unwrap(), 1, "no question: {}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    keys.write_all(typed.as_bytes()).unwrap();
    screen.read_to_end(&mut shown).unwrap();
    let _ = child.wait().unwrap();
    Some(String::from_utf8(shown).unwrap().replace('\r', ""))
}

#[test]
fn the_question_names_the_organization_and_only_yes_approves() {
    let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
    let server = Server::start(&workspace, "--no-rate-limit --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    for refusal in ["no\n", "y\n", "YES\n", " yes\n", "\u{4}"] {
        let Some(shown) = typed(&workspace, "apply", refusal) else { return };
        assert!(shown.contains("not approved; nothing was sent"), "{refusal:?}: {shown}");
        assert!(shown.contains(&format!("\nApply to {EXAMPLE}?\n  It is the tenant \"local\" (http://127")), "{shown}");
    }
    assert!(workspace.requests_in("requests.jsonl").iter().all(|(call, _)| call.starts_with("GET ")));
    let shown = typed(&workspace, "apply", "yes\n").unwrap();
    assert!(shown.contains("  Only 'yes' will be accepted to approve.\n\n  Enter a value: "), "{shown}");
    assert!(shown.contains("Apply complete! 1 created"), "{shown}");
}

#[test]
fn whoever_is_asked_can_interrupt() {
    let workspace = Workspace::fast().file("manifests/a.yaml", &email("a"));
    let Some(shown) = typed(&workspace, "apply", "\u{3}") else { return };
    assert!(shown.contains("interrupted; nothing was sent") && !shown.contains("Apply complete"), "{shown}");
    assert!(workspace.requests().iter().all(|(call, _)| call == "GET /v1/organization"));
}

#[test]
fn an_apply_that_sends_nothing_names_the_tenant() {
    let workspace = Workspace::fast().file("manifests/a.yaml", &email("a")).file("manifests/b.yaml", &email("b"));
    let _ = workspace.run("apply --yes").exit(0).warns(&format!("Applying to {EXAMPLE}.\n"));
    workspace.remove("manifests/b.yaml");
    let before = workspace.requests().len();
    let _ = workspace.run("apply --prune --yes").exit(0).warns("Applying to the tenant \"sandbox\" (embedded).\n");
    assert_eq!(workspace.requests().len(), before);
}
