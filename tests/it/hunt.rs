//! Texts from everywhere that try to be more than text: whatever a command says about them, in words, moves no cursor
//! and is no command of a CI service.
#![cfg(unix)]

use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use dixaform::workspace::{LockInfo, StateLock};
use serde_json::json;

use crate::support::manifests::{TEXT, email};
use crate::support::{Outcome, Server, Stub, Workspace, sealed};

/// What a terminal and the runners of CI services read commands from. A line of its own is one of them.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31m\u{202e}\u{9b}2J\u{8}\t\r::error::a\n::error::b\n ::warning::c \
                       ##[error]d ##vso[task.complete]e ##teamcity[f]";

/// The same as YAML and JSON write it.
fn quoted() -> String {
    json!(HOSTILE).to_string().replace('\u{202e}', "\\u202e").replace('\u{9b}', "\\u009b")
}

/// The same in one line, for what a plan draws over several lines.
fn quoted_line() -> String {
    quoted().replace("\\n", "")
}

/// Nothing but lines of text, none of which is a command, or was begun by somebody else's line break.
#[track_caller]
fn is_text(outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        let hidden = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!text.contains(hidden), "{text:?}");
        let commands = ["::", "\\u{3a}:"].map(|start| text.lines().any(|line| line.trim_start().starts_with(start)));
        assert_eq!(commands, [false, false], "{text}");
        let marks = ["##[", "##vso[", "##teamcity["].into_iter().find(|mark| text.contains(mark));
        assert_eq!(marks, None, "{text}");
    }
}

/// Runs words, of which `HOSTILE` stands for the hostile text.
fn run_plainly(workspace: &Workspace, line: &str) -> Outcome {
    let words: Vec<String> = line.split(' ').map(|word| word.replace("HOSTILE", HOSTILE)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    workspace.run_words(&words, "")
}

/// Runs words at every verbosity.
#[track_caller]
fn run(workspace: &Workspace, line: &str) -> Outcome {
    let mut last = None;
    for verbosity in ["", " -v", " -vv"] {
        let outcome = run_plainly(workspace, &format!("{line}{verbosity}"));
        assert_ne!(outcome.code, 101, "{line}: {}", outcome.stderr);
        is_text(&outcome);
        last = Some(outcome);
    }
    last.unwrap()
}

/// A manifest with hostile texts wherever one can be, in a file of a hostile name.
fn manifests() -> Workspace {
    let (hostile, line) = (quoted(), quoted_line());
    let manifest = email("a")
        .replace("  name: a\n", &format!("  name: a\n  labels: {{{hostile}: {hostile}}}\n"))
        .replace("subject: about a", &format!("subject: {line}\n  language: en"))
        + &format!("  customAttributes: {{{TEXT}: {line}}}\n");
    let workspace = Workspace::fast().file(&format!("manifests/{HOSTILE}.yaml"), &manifest);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    workspace
}

#[test]
fn what_manifests_say_is_text_in_what_commands_say() {
    let workspace = manifests();
    let file = "manifests/HOSTILE.yaml";
    for command in [
        "validate",
        &format!("validate {file}"),
        "plan",
        "plan --format markdown",
        "plan --format html",
        "plan --format json",
        "plan --format text=/dev/stderr",
        "plan --selector HOSTILE=HOSTILE",
        &format!("plan {file} --out saved.plan"),
        "show saved.plan",
        "apply --yes --sandbox-faults drop-after@create#1,redirect@conversations#*",
        "apply",
        "recover",
        "state list",
        "show --format json",
        "plan",
        "recover --create conversation.a",
        "plan --format gitlab=HOSTILE.json",
        "apply --yes --format json",
        "apply --yes",
        "plan --refresh",
        "state list",
        "state list HOSTILE",
        "show",
        "state show conversation.a",
        "state show conversation.a --format yaml",
        "state mv conversation.a conversation.b",
        "plan --prune",
        "plan --allow-replace --prune",
        "state forget conversation.b",
    ] {
        let _ = run(&workspace, command);
    }
    let manifest = workspace.read(&format!("manifests/{HOSTILE}.yaml"));
    for (from, to) in [
        ("_type: Email", "_type: HOSTILE"),
        ("  language: en", "  HOSTILE: en"),
        ("  language: en", "  language: LINE"),
        ("name: a", "name: HOSTILE"),
        ("name: a", "name: a\n  annotations: {HOSTILE: HOSTILE}"),
        ("name: a", "name: a\n  annotations: {dixaform/HOSTILE: HOSTILE, dixaform/adopt: HOSTILE}"),
        ("name: a", "name: a\n  annotations: {dixaform/moved-from: HOSTILE, dixaform/ignore: HOSTILE}"),
        ("requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "requesterId: {email: HOSTILE}"),
        ("requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "requesterId: {HOSTILE: HOSTILE}"),
        ("kind: Conversation", "kind: HOSTILE"),
        (TEXT, "HOSTILE"),
        ("spec:", "spec: *HOSTILE"),
    ] {
        let edited = manifest.replace(from, &to.replace("LINE", &quoted_line()).replace("HOSTILE", &quoted()));
        assert_ne!(edited, manifest, "{from}");
        workspace.write(&format!("manifests/{HOSTILE}.yaml"), edited);
        for command in
            ["validate", "validate --format markdown", "plan", "apply --yes", "sandbox manifests --port HOSTILE"]
        {
            let _ = run(&workspace, command);
        }
    }
    let set = "apiVersion: dixaform/v1\nkind: ConversationSet\nmetadata: {name: s}\nrows: {csv: HOSTILE}\nkey: HOSTILE\n\
               template: {_type: HOSTILE}\n";
    workspace.write(&format!("manifests/{HOSTILE}.yaml"), set.replace("HOSTILE", &quoted()));
    let _ = run(&workspace, "validate");
    workspace.write(&format!("manifests/{HOSTILE}"), format!("{HOSTILE},b\n1\n\"{HOSTILE}"));
    let _ = run(&workspace, "validate");
    workspace.write(&format!("manifests/{HOSTILE}.yaml"), HOSTILE);
    let _ = run(&workspace, "validate");
    let _ = run(&workspace, "plan");
}

#[test]
fn what_is_typed_is_text_in_what_commands_say_about_it() {
    let workspace = manifests();
    workspace.write("not-a.plan", format!("{{\"format\":\"dixaform-plan/1\",{}:1}}", quoted()));
    workspace.write("newer.plan", format!("{{\"format\":{}}}", json!(format!("dixaform-plan/{HOSTILE}"))));
    workspace.write(&format!("{HOSTILE}.plan"), "{\"format\":\"dixaform-plan/1\"}");
    for command in [
        "HOSTILE",
        "--HOSTILE",
        "plan --HOSTILE",
        "plan --color HOSTILE",
        "plan --tenant HOSTILE",
        "plan --chdir HOSTILE",
        "plan --state HOSTILE",
        "plan --format HOSTILE",
        "plan --format json=HOSTILE/HOSTILE",
        "plan --max-bytes HOSTILE",
        "plan --max-changes HOSTILE",
        "plan --target HOSTILE",
        "plan --target conversation.HOSTILE",
        "plan --exclude HOSTILE",
        "plan --selector HOSTILE",
        "plan --out HOSTILE/HOSTILE",
        "plan HOSTILE",
        "plan ./HOSTILE.plan",
        "validate HOSTILE.json",
        "apply HOSTILE",
        "apply HOSTILE.plan",
        "apply not-a.plan",
        "show not-a.plan",
        "show newer.plan",
        "show HOSTILE",
        "apply --approved HOSTILE",
        "apply --approved-plan HOSTILE",
        "apply --approved-plan HOSTILE.plan",
        "apply --lock-timeout HOSTILE",
        "apply --sandbox-faults HOSTILE",
        "apply --sandbox-faults drop-after@HOSTILE",
        "apply --state manifests/HOSTILE.yaml --yes",
        "apply --state HOSTILE --yes",
        "state list --state HOSTILE",
        "state unlock --state HOSTILE",
        "state path --state HOSTILE",
        "state HOSTILE",
        "state show HOSTILE",
        "state show conversation.HOSTILE",
        "state mv HOSTILE conversation.a",
        "state mv conversation.a HOSTILE",
        "state forget HOSTILE",
        "recover --adopt HOSTILE",
        "recover --adopt conversation.a=HOSTILE",
        "recover --create HOSTILE",
        "recover --forget HOSTILE",
        "catalog HOSTILE",
        "catalog pull --format HOSTILE",
        "catalog diff --tenant HOSTILE",
        "sandbox --seed HOSTILE",
        "sandbox --seed not-a.plan --port 1",
        "sandbox --data HOSTILE/HOSTILE",
        "sandbox --request-log HOSTILE/HOSTILE",
        "sandbox --faults HOSTILE",
        "sandbox --port HOSTILE",
        "sandbox HOSTILE",
        "schema HOSTILE",
        "completions HOSTILE",
        "man --out not-a.plan/HOSTILE",
        "man --out HOSTILE",
        "init manifests/HOSTILE.yaml",
        "init HOSTILE",
        "help HOSTILE",
    ] {
        let _ = run(&workspace, command);
    }
    let mut renamed = workspace.command();
    std::os::unix::process::CommandExt::arg0(&mut renamed, HOSTILE);
    for words in [&["--help"][..], &["plan", "--help"], &["plan", "--no"], &[]] {
        let output = renamed.args(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        is_text(&Outcome { code: 0, stdout: text(output.stdout), stderr: text(output.stderr) });
    }
    // What is no UTF-8 can be typed, too.
    let mut odd = workspace.command();
    let output = odd.arg("plan").arg(std::ffi::OsStr::from_bytes(b"a\xff\x9b2J\x1b[2J")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    is_text(&Outcome { code: 0, stdout: String::new(), stderr });
}

#[test]
fn what_a_project_says_is_text_in_what_commands_say_about_it() {
    let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
    for text in [
        "version: HOSTILE\n",
        "HOSTILE: 1\n",
        "version: 1\ndefaultTenant: HOSTILE\n",
        "version: 1\nproject: HOSTILE\n",
        "version: 1\nmanifests: [HOSTILE]\n",
        "version: 1\ntenants: {HOSTILE: {baseUrl: HOSTILE}}\n",
        "version: 1\ntenants: {a: {baseUrl: HOSTILE}}\n",
        "version: 1\ntenants: {a: {HOSTILE: HOSTILE}}\n",
        "version: 1\ntenants: {a: {apiKeyEnv: HOSTILE}}\n",
        "version: 1\ntenants: {a: {apiKeyFile: HOSTILE}}\n",
        "version: 1\ntenants: {a: {organizationId: HOSTILE, state: HOSTILE, catalog: HOSTILE}}\n",
        "version: 1\ntenants: {a: {authScheme: HOSTILE, markers: HOSTILE, settle: HOSTILE}}\n",
        "version: 1\ntenants: {a: {values: {HOSTILE: HOSTILE, b: HOSTILE}}}\n",
        "version: 1\ntenants: {a: {rateLimit: HOSTILE}}\n",
    ] {
        workspace.write("dixaform.yaml", text.replace("HOSTILE", &quoted()));
        for command in
            ["validate", "plan", "apply --yes", "apply --yes --tenant a", "state list", "catalog pull", "init"]
        {
            let _ = run(&workspace, command);
        }
    }
    workspace.write("dixaform.yaml", HOSTILE);
    let _ = run(&workspace, "plan");
    for variable in ["LOCAL_KEY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "GITHUB_WORKSPACE", "USER"]
    {
        let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
        let workspace = workspace.with_tenant("https://127.0.0.1:1").variable(variable, HOSTILE);
        let _ = run(&workspace, "plan");
    }
}

#[test]
fn what_dixa_answers_is_text_in_what_commands_say_about_it() {
    let answer: &'static str = Box::leak(
        json!({"message": HOSTILE, "data": {"id": HOSTILE, "name": HOSTILE}, "meta": {"next": HOSTILE}})
            .to_string()
            .into(),
    );
    for (status, headers) in [
        ("400 Bad Request", ""),
        ("401 Unauthorized", ""),
        ("403 Forbidden", ""),
        ("404 Not Found", ""),
        ("302 Found", "Location: https://x.invalid/\u{9b}2J##[error]\r\n"),
    ] {
        let stub = Stub::answering(status, headers, answer);
        let workspace = Workspace::new().file("manifests/a.yaml", &email("a")).with_tenant(&stub.base_url());
        workspace.edit("dixaform.yaml", "apiKeyEnv", "settle: 1ms, requestTimeout: 200ms, apiKeyEnv");
        for command in ["apply --yes", "catalog pull", "plan --refresh", "recover"] {
            let _ = run(&workspace, command);
        }
    }
}

#[test]
fn what_a_tenant_calls_its_things_is_text_in_what_commands_say_about_them() {
    let seed = "organization: {id: HOSTILE, name: HOSTILE}
endUsers: [{id: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b, displayName: HOSTILE}]
agents: [{id: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b, displayName: HOSTILE, email: HOSTILE}]
queues: [{id: 3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11, name: HOSTILE}]
tags: [{name: HOSTILE}]
customAttributes:
  - {id: 2f5515b6-7e98-4f4d-9010-bfd2a27d4f35, identifier: HOSTILE, label: HOSTILE, entityType: Conversation, inputDefinition: {_type: Text}}
";
    let workspace = Workspace::new().file("seed.yaml", &seed.replace("HOSTILE", &quoted()));
    workspace.write("manifests/a.yaml", email("a") + &format!("  customAttributes: {{{TEXT}: a}}\n"));
    let server = Server::start(&workspace, "--strict --no-rate-limit --seed seed.yaml");
    let workspace = workspace.with_tenant(&server.base_url());
    for command in ["catalog pull", "plan", "apply --yes", "plan --refresh", "catalog diff", "validate"] {
        let _ = run(&workspace, command);
    }
    for (from, to) in [("Conversation", "Contact"), ("\"Text\"", "\"HOSTILE\""), ("dixaform-catalog/1", "HOSTILE")] {
        let catalog = workspace.read("state/local.catalog.json");
        let hostile = quoted();
        workspace.write("state/local.catalog.json", catalog.replace(from, to).replace("\"HOSTILE\"", &hostile));
        for command in ["catalog diff", "plan", "validate", "catalog pull"] {
            let _ = run(&workspace, command);
        }
    }
}

#[test]
fn what_a_lock_says_is_text_in_what_commands_say_about_it() {
    let workspace = manifests();
    let hostile = || HOSTILE.to_owned();
    let info = LockInfo { who: hostile(), host: hostile(), pid: 1, command: hostile(), since: hostile() };
    let held = StateLock::acquire(&workspace.path("state/sandbox.lock"), &info, Duration::ZERO).unwrap();
    for command in ["apply --yes", "state unlock", "recover"] {
        assert!(run(&workspace, command).exit(5).stderr.contains("task.complete"), "{command}");
    }
    drop(held);
}

#[test]
fn a_colourful_plan_has_our_colours_only() {
    let workspace = manifests();
    let outcome = run_plainly(&workspace, "plan --color always").exit(0);
    assert!(outcome.stdout.contains("\u{1b}[32m"), "{outcome:?}");
    let ours = ["0", "1", "2", "4", "31", "32", "33", "36"];
    let plain = ours.iter().fold(outcome.stdout, |text, ours| text.replace(&format!("\u{1b}[{ours}m"), ""));
    assert_eq!(plain.matches("\\u{1b}[31m").count(), 3, "{plain}");
    is_text(&Outcome { code: 0, stdout: plain, stderr: outcome.stderr });
    for command in ["plan --color always --tenant HOSTILE", "validate --color always HOSTILE"] {
        let stderr = run_plainly(&workspace, command).stderr;
        let plain = ours.iter().fold(stderr, |text, ours| text.replace(&format!("\u{1b}[{ours}m"), ""));
        assert!(plain.contains("\\u{1b}[31m"), "{plain}");
        is_text(&Outcome { code: 0, stdout: String::new(), stderr: plain });
    }
}

#[test]
fn a_colourful_finding_has_our_colours_only() {
    let workspace = Workspace::fast().file("manifests/a.yaml", &email("a").replace("subject:", "subjct:"));
    for command in ["validate --color always", "plan --color always", "apply --yes --color always"] {
        let Outcome { stdout, stderr, .. } = workspace.run(command).exit(1);
        let text = stdout + &stderr;
        assert!(text.contains("\u{1b}[31m") && text.contains("manifests/a.yaml:"), "{command}: {text}");
        assert!(!text.contains("\\u{1b}"), "{command}: {text}");
    }
}

#[test]
fn what_a_state_and_a_journal_say_is_text_in_what_commands_say_about_them() {
    let workspace = Workspace::fast().file("manifests/a.yaml", &email("a"));
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n    requestTimeout: 1s\n");
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/b.yaml", email("b"));
    let _ = workspace.run("apply --yes --sandbox-faults drop-after@create#1,redirect@conversations#*").exit(6);
    let (state, journal) = (workspace.read("state/sandbox.json"), workspace.read("state/sandbox.journal"));
    let commands =
        ["plan", "state list", "state show conversation.a", "recover", "apply --yes", "show", "state unlock"];
    let text = json!(HOSTILE).to_string();
    let texts = |line: &str| {
        let parts: Vec<&str> = line.split('"').collect();
        let found: Vec<String> = parts.iter().skip(1).step_by(2).map(|text| (*text).to_owned()).collect();
        found
    };
    let mut tried = std::collections::BTreeSet::new();
    for word in texts(&state).into_iter().filter(|word| tried.insert(word.clone())) {
        let edited = state.replace(&format!("\"{word}\""), &text);
        workspace.write("state/sandbox.json", if word == "seal" { edited } else { sealed(&edited) });
        workspace.write("state/sandbox.journal", &journal);
        for command in commands {
            is_text(&workspace.run(command));
        }
    }
    for word in texts(&journal).into_iter().filter(|word| tried.insert(word.clone())) {
        workspace.write("state/sandbox.json", &state);
        workspace.write("state/sandbox.journal", journal.replace(&format!("\"{word}\""), &text));
        for command in commands {
            is_text(&workspace.run(command));
        }
    }
}
