//! The token is nowhere but in requests to the tenant, and what is written is for its owner's eyes only.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Outcome, Server, Stub, Workspace};

const TOKEN: &str = "eyJ0b2tlbiI6InNlY3JldCJ9.kQ7xPz-3vN_8";

/// A workspace whose tenant is at this base URL, with the token in the environment.
fn at(base_url: &str) -> Workspace {
    Workspace::new()
        .with_tenant(base_url)
        .variable("LOCAL_KEY", TOKEN)
        .file("manifests/order.yaml", ORDER)
        .file("manifests/legacy.yaml", LEGACY)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[track_caller]
fn in_no_file(workspace: &Workspace) {
    for path in files(&workspace.path("")) {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(TOKEN) && !text.contains("kQ7xPz"), "the token is in {}", path.display());
    }
}

#[track_caller]
fn in_no_output(outcome: &Outcome) {
    let Outcome { stdout, stderr, .. } = outcome;
    assert!(!stdout.contains("kQ7xPz") && !stderr.contains("kQ7xPz"), "{stdout}{stderr}");
}

#[test]
fn the_token_is_in_no_output_and_no_file_of_any_command_at_any_verbosity() {
    let workspace = Workspace::new();
    let flags = "--no-rate-limit --data data.jsonl --request-log requests.jsonl";
    let server = Server::start(&workspace, flags);
    let workspace = workspace
        .with_tenant(&server.base_url())
        .variable("LOCAL_KEY", TOKEN)
        .file("manifests/order.yaml", ORDER)
        .file("manifests/legacy.yaml", LEGACY);
    for verbosity in ["-q", "", "-v", "-vv"] {
        workspace.write("manifests/more.yaml", email(&format!("more{}", verbosity.len())));
        for command in [
            "validate",
            "plan --format json=plan.json --out seed.plan",
            "plan --refresh",
            "apply --yes --verify",
            "apply seed.plan",
            "show seed.plan",
            "show --format json",
            "recover",
            "state list",
            "state show conversation.order",
            "state unlock",
            "state show conversation.nobody",
            "apply --approved 123",
        ] {
            in_no_output(&workspace.run(&format!("{command} {verbosity}")));
        }
        in_no_file(&workspace);
    }
}

#[test]
fn a_server_that_repeats_the_token_in_its_refusals_does_not_get_it_shown() {
    let echo = "{\"message\": \"no such token: eyJ0b2tlbiI6InNlY3JldCJ9.kQ7xPz-3vN_8\"}";
    let location = "Location: https://elsewhere.invalid/eyJ0b2tlbiI6InNlY3JldCJ9.kQ7xPz-3vN_8\r\n";
    for (status, headers, code) in [
        ("401 Unauthorized", "", 3),
        ("403 Forbidden", "", 3),
        ("400 Bad Request", "", 1),
        ("404 Not Found", "", 1),
        ("302 Found", location, 1),
    ] {
        let stub = Stub::answering(status, headers, echo);
        let workspace = at(&stub.base_url());
        for verbosity in ["-q", "", "-v", "-vv"] {
            let outcome = workspace.run(&format!("apply --yes {verbosity}")).exit(code);
            in_no_output(&outcome);
            // Of what is not there, it is only told that it is not.
            let _ = if status.starts_with("404") { outcome.warns("unknown-id") } else { outcome.warns("(token)") };
        }
        in_no_file(&workspace);
    }
}

#[test]
fn the_token_is_in_no_file_of_an_apply_that_was_killed() {
    let workspace = Workspace::new();
    let flags = "--no-rate-limit --faults hang-after@create#* --request-log requests.jsonl";
    let server = Server::start(&workspace, flags);
    let workspace =
        workspace.with_tenant(&server.base_url()).variable("LOCAL_KEY", TOKEN).file("manifests/order.yaml", ORDER);
    let mut command = workspace.command();
    let mut child =
        command.args(["apply", "--yes", "-vv"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = workspace.path("state/local.journal");
    let start = Instant::now();
    while !std::fs::read_to_string(&journal).unwrap_or_default().contains("\"began\"") {
        assert!(start.elapsed() < Duration::from_secs(20), "the apply never came to its first call");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!workspace.read("state/local.lock").is_empty(), "the lock still tells who had it");
    in_no_file(&workspace);
}

/// What a server was sent as `Authorization`.
fn authorization(workspace: &Workspace, stub: &Stub) -> String {
    let _ = workspace.run("apply --yes").exit(3);
    let requests = stub.requests();
    let lines = requests[0].lines().find(|line| line.to_ascii_lowercase().starts_with("authorization: ")).unwrap();
    lines.split_once(": ").unwrap().1.to_owned()
}

#[test]
fn the_token_is_sent_bare_without_the_word_bearer_and_with_it_when_the_tenant_wants_that() {
    for (from, scheme, sent) in [
        (TOKEN.to_owned(), "bare", TOKEN.to_owned()),
        (format!("Bearer {TOKEN}\n"), "bare", TOKEN.to_owned()),
        (TOKEN.to_owned(), "bearer", format!("Bearer {TOKEN}")),
        (format!("Bearer {TOKEN}"), "bearer", format!("Bearer {TOKEN}")),
    ] {
        let stub = Stub::answering("401 Unauthorized", "", "{}");
        let workspace = at(&stub.base_url()).variable("LOCAL_KEY", &from);
        workspace.edit("dixaform.yaml", "apiKeyEnv", &format!("authScheme: {scheme}, apiKeyEnv"));
        assert_eq!(authorization(&workspace, &stub), sent, "{from:?} {scheme}");
    }
}

#[test]
fn a_token_in_a_file_is_read_beside_the_project_file_and_stays_in_it() {
    let stub = Stub::answering("401 Unauthorized", "", "{}");
    let workspace = at(&stub.base_url()).file("secrets/key", &format!("Bearer {TOKEN}\n"));
    workspace.edit("dixaform.yaml", "apiKeyEnv: LOCAL_KEY", "apiKeyFile: secrets/key");
    assert_eq!(authorization(&workspace, &stub), TOKEN);
    in_no_output(&workspace.run("apply --yes -vv --chdir manifests"));
    workspace.write("secrets/key", format!("{TOKEN}\nsecond line"));
    let outcome = workspace.run("apply --yes -vv").exit(3).warns("secrets/key");
    in_no_output(&outcome);
    workspace.write("secrets/key", "\n");
    let _ = workspace.run("apply --yes").exit(3).warns("the token is empty").warns("secrets/key");
    workspace.remove("secrets/key");
    let _ = workspace.run("apply --yes").exit(3).warns("secrets/key");
}

#[test]
fn the_token_is_never_sent_over_plain_http_beyond_this_machine() {
    let workspace = at("http://dixa.invalid");
    let outcome = workspace.run("apply --yes").exit(1);
    in_no_output(&outcome);
    let _ = outcome.warns("http");
}

#[test]
fn a_token_in_the_project_file_is_refused_without_repeating_it() {
    let workspace = at("http://127.0.0.1:1");
    for setting in [format!("apiKey: \"{TOKEN}\""), format!("apiKeyEnv: \"{TOKEN}\"")] {
        workspace.write("dixaform.yaml", format!("version: 1\ntenants:\n  local:\n    {setting}\n"));
        let outcome = workspace.run("plan");
        assert_eq!(outcome.code, 1, "{outcome:?}");
        in_no_output(&outcome);
    }
}

#[test]
fn a_key_that_is_typed_where_something_else_belongs_is_not_repeated() {
    const RANDOM: &str = "hR7kQ2pXv9LmT4wZs8NcB3yFdG6jA1eU";
    // That of the environment is known whatever it looks like; the others by their looks.
    for (key, secret) in [(TOKEN, TOKEN), (RANDOM, RANDOM), ("plainwords", "plainwords")] {
        let workspace = Workspace::fast().file("manifests/a.yaml", &email("a")).variable("STAGING_KEY", "plainwords");
        workspace.edit("dixaform.yaml", "tenants:\n", "tenants:\n  b: {apiKeyEnv: STAGING_KEY}\n");
        workspace.write(&format!("bad/{key}.yaml"), "a: [");
        for line in [
            "plan --tenant KEY",
            "plan --tenant=KEY",
            "plan --state KEY",
            "plan --state KEY/x",
            "plan KEY",
            "plan manifests/KEY",
            "plan --format KEY",
            "plan --format json=KEY/KEY",
            "plan --color KEY",
            "plan --target KEY",
            "plan --selector KEY",
            "plan --KEY",
            "plan --chdir KEY",
            "KEY",
            "validate KEY",
            "apply --approved KEY",
            "apply --approved-plan KEY",
            "apply --yes --tenant KEY",
            "apply KEY",
            "apply --state bad/KEY.yaml --yes",
            "apply --lock-timeout KEY",
            "show KEY",
            "state show KEY",
            "state show conversation.KEY",
            "state mv KEY KEY",
            "state path --state KEY",
            "recover --adopt KEY",
            "recover --adopt conversation.a=KEY",
            "recover --create KEY",
            "sandbox --seed KEY",
            "schema KEY",
            "init bad/KEY.yaml",
            "init KEY",
            "plan --out KEY --format text=KEY",
        ] {
            for verbosity in ["", " -vv"] {
                let outcome = workspace.run(&format!("{}{verbosity}", line.replace("KEY", key)));
                let Outcome { stdout, stderr, .. } = &outcome;
                assert!(!stdout.contains(secret) && !stderr.contains(secret), "{line}: {stdout}{stderr}");
            }
        }
    }
}

#[test]
fn names_that_are_long_and_the_token_where_it_belongs_are_shown_as_ever() {
    let workspace = Workspace::fast().file("manifests/a.yaml", &email("a"));
    let name = "conversation.import-3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11";
    let _ = workspace.run(&format!("state show {name}")).exit(1).warns(name);
    let folder = "ConversationsOfTheSecondTeam2024Q3/plan-8087ae3f6a09a5b7c2d1e0f98087ae3f6a09a5b7";
    let _ = workspace.run(&format!("plan {folder}")).exit(1).warns(folder);
}

#[test]
fn everything_that_is_written_is_readable_by_its_owner_only() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    let given: Vec<PathBuf> = files(&workspace.path(""));
    let _ = workspace.run("apply --yes --target import.legacy").exit(0);
    workspace.write("old.json", "{}");
    std::fs::set_permissions(workspace.path("old.json"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let plan = "plan --out seed.plan --format json=plan.json --format text=plan.txt --format json=old.json";
    let _ = workspace.run(plan).exit(0);
    let _ = workspace.run("apply --yes --sandbox-faults drop-after@create#1,redirect@conversations#*").exit(6);
    let server = Server::start(&workspace, "--data data.jsonl --request-log requests.jsonl");
    server.send("GET", "/v1/organization", "");
    let mut names = Vec::new();
    for path in files(&workspace.path("")).into_iter().filter(|path| !given.contains(path)) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in [
        "sandbox.json",
        "sandbox.json.backup",
        "sandbox.journal",
        "sandbox.lock",
        "sandbox.data.jsonl",
        "sandbox.requests.jsonl",
        "seed.plan",
        "plan.json",
        "plan.txt",
        "old.json",
        "data.jsonl",
        "requests.jsonl",
    ] {
        assert!(names.iter().any(|found| found == name), "{name} is not among {names:?}");
    }
}
