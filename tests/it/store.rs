//! A state in an object store, from the command line: the real program against real servers on this machine.
//!
//! The servers are moto (S3), Azurite (Azure), a stand-in for Google's XML API, and a store that forgets conditions, the
//! last two in `tests/stores`. What can't be found is said aloud and not checked; with `DIXAFORM_STORES=required` it
//! fails. `.ci/run` installs them.

#![cfg(unix)]

mod late;
mod login;
mod many;
mod moving;
mod scenario;
mod server;
mod stopping;
mod witness;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Outcome, Workspace};
use server::{KEYS, Kind, Store, azurite, google, moto, odd};

/// One conversation each, all of one requester.
fn manifests(count: usize) -> String {
    let one = |number: usize| {
        format!(
            "---\napiVersion: dixaform/v1\nkind: Conversation\nmetadata: {{name: c{number}}}\nspec:\n  _type: Email\n  \
             requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b\n  emailIntegrationId: my-integration@email.dixa.io\n  \
             subject: about {number}\n  language: en\n  message: {{_type: Inbound, content: {{_type: Text, value: Hello}}}}\n"
        )
    };
    (0..count).map(one).collect()
}

/// A project whose state is in this store.
fn project(url: &str, endpoint: &str, rest: &str) -> String {
    format!(
        "version: 1\ndefaultTenant: sandbox\ntenants:\n  sandbox:\n    state: {url}\n    \
         stateStore: {{lease: 5s, endpoint: '{endpoint}'{rest}}}\n    settle: 50ms\n    \
         rateLimit: {{requestsPerSecond: 100, burst: 4}}\n"
    )
}

/// A workspace whose state is under this prefix of a store.
fn workspace(store: &Store, prefix: &str, count: usize) -> Workspace {
    let (url, rest) = match store.kind {
        Kind::S3 => (format!("s3://state/{prefix}"), ", region: us-east-1"),
        Kind::Google => (format!("gs://state/{prefix}"), ""),
        Kind::Azure => (format!("az://state/{prefix}"), ""),
    };
    let endpoint = store.endpoint();
    let mut project = project(&url, &endpoint, rest);
    if store.kind == Kind::Azure {
        project = project.replace(&format!(", endpoint: '{endpoint}'"), "");
    }
    let workspace = Workspace::new().file("dixaform.yaml", &project).file("manifests/all.yaml", &manifests(count));
    let workspace = KEYS.iter().fold(workspace, |workspace, (name, value)| workspace.variable(name, value));
    match store.kind {
        Kind::Azure => {
            workspace.variable("AZURE_STORAGE_USE_EMULATOR", "true").variable("AZURITE_BLOB_STORAGE_URL", &endpoint)
        }
        Kind::S3 | Kind::Google => workspace,
    }
}

/// The subjects of the conversations that the sandbox was asked to make.
fn made(workspace: &Workspace) -> Vec<String> {
    let requests = workspace.requests().into_iter().filter(|(call, _)| call == "POST /v1/conversations");
    let mut made: Vec<String> = requests.map(|(_, body)| body["subject"].as_str().unwrap().to_owned()).collect();
    made.sort();
    made
}

#[track_caller]
fn each_once(workspace: &Workspace, count: usize) {
    let mut expected: Vec<String> = (0..count).map(|number| format!("about {number}")).collect();
    expected.sort();
    assert_eq!(made(workspace), expected);
}

/// Plan, apply, plan again, look at it: the same with every store as with a file.
#[track_caller]
fn works(store: &Store) {
    let workspace = workspace(store, "team/works", 3);
    let _ = workspace.run("plan").exit(0).says("Plan: 3 to create");
    let _ = workspace.run("state pull").exit(1).warns("there is no state");
    let _ = workspace.run("apply --yes").exit(0).says("Apply complete! 3 created");
    let _ = workspace.run("plan").exit(0).says("No changes.");
    let _ = workspace.run("state unlock").exit(0).says("The state is not held.");
    let listed = workspace.run("state list").exit(0).stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let _ = workspace.run("state mv conversation.c0 conversation.z").exit(0);
    let _ = workspace.run("state mv conversation.z conversation.c0").exit(0);
    let _ = workspace.run("state forget conversation.c1").exit(0);
    let pulled = workspace.run("state pull").exit(0).stdout;
    assert!(pulled.starts_with("{\"format\":\"dixaform-state/1\""), "{pulled}");
    workspace.write("pulled.json", &pulled);
    let by_file = workspace.run("state list --state pulled.json").exit(0).stdout;
    assert_eq!(by_file, workspace.run("state list").exit(0).stdout, "what is pulled is a state file");
    // Another checkout shares all of it.
    let other = self::workspace(store, "team/works", 3);
    let _ = other.run("plan").exit(0).says("Plan: 1 to create").says("2 unchanged");
}

/// An apply that is killed in its middle is taken over by the next one, without a person.
#[track_caller]
fn takes_over(store: &Store) {
    const COUNT: usize = 30;
    let workspace = workspace(store, "team/killed", COUNT);
    workspace.edit("dixaform.yaml", "requestsPerSecond: 100", "requestsPerSecond: 20");
    let mut child = start(&workspace, "apply --yes");
    let begun = Instant::now();
    while made(&workspace).len() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", child.try_wait());
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = workspace.run("plan").exit(0);
    let _ =
        workspace.run("apply --yes").exit(5).warns("the state is held by").warns("taken over after 5 s without one");
    let _ = workspace.run("state unlock").exit(5).warns("the state is held by");
    workspace.edit("dixaform.yaml", "requestsPerSecond: 20", "requestsPerSecond: 200");
    let _ = workspace.run("apply --yes --lock-timeout 60s").exit(0).says("Apply complete!");
    each_once(&workspace, COUNT);
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

fn start(workspace: &Workspace, line: &str) -> Child {
    let words = line.split_whitespace();
    workspace.command().args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The same, with what it prints kept.
fn heard(workspace: &Workspace, line: &str) -> Child {
    let mut command = workspace.command();
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn amazons_interface_holds_a_state_and_takes_a_dead_run_over() {
    let Some(store) = moto() else { return };
    works(&store);
    takes_over(&store);
}

#[test]
fn azure_holds_a_state_and_takes_a_dead_run_over() {
    let Some(store) = azurite() else { return };
    works(&store);
    takes_over(&store);
}

#[test]
fn google_holds_a_state_and_takes_a_dead_run_over() {
    let Some(store) = google() else { return };
    works(&store);
    takes_over(&store);
}

#[test]
fn stores_that_forget_conditions_are_refused_before_anything_is_sent() {
    for how in ["forgets", "forgets-replace", "checks-then-writes"] {
        let Some(store) = odd(how) else { return };
        let workspace = workspace(&store, "team/odd", 2);
        let outcome = workspace.run("apply --yes").exit(5).warns("the store doesn't honour conditional writes");
        assert!(outcome.stderr.contains("Nothing was sent"), "{how}: {}", outcome.stderr);
        assert_eq!(made(&workspace), Vec::<String>::new(), "{how}");
        let _ = workspace.run("plan").exit(0);
    }
}

#[test]
fn one_at_a_time_and_whoever_waits_gets_it() {
    let Some(store) = google() else { return };
    let first = workspace(&store, "team/two", 20);
    first.edit("dixaform.yaml", "requestsPerSecond: 100", "requestsPerSecond: 10");
    let second = workspace(&store, "team/two", 20);
    let mut child = start(&first, "apply --yes");
    let begun = Instant::now();
    while made(&first).len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = second.run("state forget conversation.c0").exit(5).warns("the state is held by");
    let _ = second.run("apply --yes --lock-timeout 60s").exit(0).says("No changes.");
    assert!(child.wait().unwrap().success());
    each_once(&first, 20);
    assert_eq!(made(&second), Vec::<String>::new());
}

#[test]
fn a_run_that_was_forced_out_sends_nothing_new_and_ends_with_5() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "team/forced", 60);
    workspace.edit("dixaform.yaml", "requestsPerSecond: 100", "requestsPerSecond: 10");
    let mut child = heard(&workspace, "apply --yes");
    let begun = Instant::now();
    while made(&workspace).len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", child.try_wait());
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = workspace.run("state unlock --force --format json=ended.json").exit(0).says("It was held by");
    let document: serde_json::Value = serde_json::from_str(&workspace.read("ended.json")).unwrap();
    assert_eq!((&document["ended"]["pid"], &document["ended"]["command"]), (&child.id().into(), &"apply".into()));
    assert!(ended.stdout.contains(document["ended"]["since"].as_str().unwrap()), "{document}");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("another run has taken over the state"), "{said}");
    assert!(made(&workspace).len() < 60, "it went on");
    workspace.edit("dixaform.yaml", "requestsPerSecond: 10,", "requestsPerSecond: 200,");
    let _ = workspace.run("apply --yes --lock-timeout 60s").exit(0).says("Apply complete!");
    each_once(&workspace, 60);
}

#[test]
fn a_store_that_is_away_for_a_while_costs_nothing_and_one_that_stays_away_ends_the_run_in_order() {
    let Some(mut store) = google() else { return };
    let workspace = workspace(&store, "team/away", 40);
    workspace.edit("dixaform.yaml", "requestsPerSecond: 100", "requestsPerSecond: 10");
    let apply = || {
        let mut child = heard(&workspace, "apply --yes --lock-timeout 60s");
        let (begun, before) = (Instant::now(), made(&workspace).len());
        while made(&workspace).len() < before + 3 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", child.try_wait());
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    };
    let child = apply();
    store.pause();
    std::thread::sleep(Duration::from_secs(8));
    let output = {
        let output = child.wait_with_output();
        store.go_on();
        output.unwrap()
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("nothing more was sent"), "{said}");
    let child = apply();
    store.pause();
    std::thread::sleep(Duration::from_secs(2));
    store.go_on();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    each_once(&workspace, 40);
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn credentials_that_end_and_a_bucket_that_is_full_end_a_run_in_order_and_the_next_one_goes_on() {
    const COUNT: usize = 40;
    let Some(store) = google() else { return };
    for (number, wrong) in ["expired", "full"].into_iter().enumerate() {
        let workspace = workspace(&store, &format!("team/wrong{number}"), COUNT);
        workspace.edit("dixaform.yaml", "requestsPerSecond: 100", "requestsPerSecond: 10");
        let mut child = heard(&workspace, "apply --yes");
        let begun = Instant::now();
        while made(&workspace).len() < 3 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", child.try_wait());
            std::thread::sleep(Duration::from_millis(20));
        }
        store.goes(wrong);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(4), "{wrong}: {said}");
        assert!(said.contains("nothing more was sent"), "{wrong}: {said}");
        assert!(wrong != "expired" || said.contains("log in again"), "{wrong}: {said}");
        assert!(made(&workspace).len() < COUNT, "{wrong}: it went on");
        store.goes("fine");
        workspace.edit("dixaform.yaml", "requestsPerSecond: 10,", "requestsPerSecond: 200,");
        let _ = workspace.run("apply --yes --lock-timeout 60s").exit(0).says("Apply complete!");
        each_once(&workspace, COUNT);
        assert!(!workspace.exists("state/sandbox.late"), "{wrong}: what was noted here was handed in");
    }
}

#[test]
fn a_state_moves_from_its_file_to_a_store_and_nobody_plans_on_what_is_left() {
    let Some(store) = google() else { return };
    let there = workspace(&store, "team/moved", 3);
    let here = Workspace::new().file("dixaform.yaml", "version: 1\ndefaultTenant: sandbox\n");
    let here = KEYS.iter().fold(here, |here, (name, value)| here.variable(name, value));
    here.write("manifests/all.yaml", manifests(3));
    let _ = here.run("state move-to gs://state/team/moved").exit(1).warns("there is no state");
    let _ = here.run("apply --yes").exit(0);
    here.write("dixaform.yaml", there.read("dixaform.yaml"));
    let local = "--state state/sandbox.json";
    let before = here.run(&format!("state pull {local}")).exit(0).stdout;
    let _ = here.run(&format!("state move-to s3://state {local}")).exit(64).warns("`s3://state` has no prefix");
    let _ = here
        .run(&format!("state move-to gs://state/team/moved {local} --format json=moved.json"))
        .exit(0)
        .says("The state is in gs://state/team/moved now");
    let moved: serde_json::Value = serde_json::from_str(&here.read("moved.json")).unwrap();
    assert_eq!((&moved["format"], &moved["saved"]), (&"dixaform-state-change/1".into(), &true.into()));
    assert_eq!((&moved["state"], &moved["serial"]), (&"gs://state/team/moved".into(), &1.into()));
    assert_eq!(here.run("state pull --format json").exit(0).stdout, before);
    assert_eq!(here.run("state pull").exit(0).stdout, before);
    let _ = here.run("plan").exit(0).says("No changes.");
    assert_eq!(
        here.read("state/sandbox.json"),
        "{\"format\":\"dixaform-state-moved/1\",\"to\":\"gs://state/team/moved\"}\n"
    );
    for command in ["plan", "apply --yes", "state list", "state pull", "show", "state rebuild", "recover"] {
        let outcome = here.run(&format!("{command} {local}")).exit(1);
        let outcome = outcome.warns("the state has moved to gs://state/team/moved");
        assert!(outcome.stderr.contains("state: gs://state/team/moved"), "{}", outcome.stderr);
    }
    // As if the first try had died before it left word, and a run had then been killed here: nothing of it may be lost.
    here.write("state/again.json", here.read("state/sandbox.json.backup"));
    let again = "state move-to gs://state/team/moved --state state/again.json";
    let _ = here.run(again).exit(0).says("The state is in gs://state/team/moved now");
    here.write("state/again.json", here.read("state/sandbox.json.backup"));
    here.write("state/again.journal", journal_of(&here, "state/again.json"));
    let _ = here.run(again).exit(0).says("2 lines in its journal");
    let _ = here.run("plan").exit(0).says("2 unchanged");
    // Where there is a state already, nothing is overwritten.
    here.write("state/other.json", here.read("state/sandbox.json.backup"));
    here.edit_state("state/other.json", "\"serial\":1", "\"serial\":2");
    let _ = here
        .run("state move-to gs://state/team/moved --state state/other.json")
        .exit(5)
        .warns("there is a state in the store already");
}

#[test]
fn a_bucket_that_was_restored_from_a_backup_is_refused() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "team/restored", 2);
    let _ = workspace.run("apply --yes").exit(0);
    let old = store.get("team/restored/head.json");
    workspace.write("manifests/more.yaml", manifests(3).replace("name: c", "name: d"));
    let _ = workspace.run("apply --yes").exit(0);
    store.put("team/restored/head.json", &old);
    let _ = workspace.run("plan").exit(0).warns("but serial 2 was seen here");
    let _ = workspace.run("apply --yes").exit(5).warns("but serial 2 was seen here");
    store.put("team/restored/head.json", &old.replace("dixaform-head/1", "dixaform-head/9"));
    let _ = workspace.run("plan").exit(1).warns("a newer dixaform");
    let _ = workspace.run("apply --yes").exit(1).warns("a newer dixaform");
}

#[test]
fn what_is_wrong_with_credentials_says_what_was_tried_and_shows_no_secret() {
    let nowhere = "http://127.0.0.1:9";
    let project = |url: &str, rest: &str| project(url, nowhere, rest);
    let workspace = Workspace::new().file("manifests/a.yaml", &manifests(1));
    workspace.write("dixaform.yaml", project("s3://state/a", ", profile: nobody"));
    let outcome = workspace.run("plan").exit(1).warns("no credentials for the store: the AWS command line");
    let tried = "tried: `aws configure export-credentials --profile nobody`";
    assert!(outcome.stderr.contains(tried), "{}", outcome.stderr);
    // Nothing is set at all, and this machine gives none.
    let workspace = workspace.variable("AWS_METADATA_ENDPOINT", nowhere);
    workspace.write("dixaform.yaml", project("s3://state/a", ""));
    let outcome = workspace.run("plan").exit(1).warns("no credentials for the store").warns("tried: AWS_ACCESS_KEY_ID");
    assert!(outcome.stderr.contains("~/.aws (not there), the metadata of this machine"), "{}", outcome.stderr);
    let workspace =
        workspace.variable("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").variable("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2");
    workspace.write("dixaform.yaml", project("s3://state/a", ""));
    let outcome = workspace.run("plan -vv").exit(1).warns("can't read head.json in the store");
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    let google = Workspace::new().file("manifests/a.yaml", &manifests(1));
    google.write("dixaform.yaml", project("gs://state/a", "").replace(&format!(", endpoint: '{nowhere}'"), ""));
    let google = google.variable("GOOGLE_SERVICE_ACCOUNT_KEY", "{not a key");
    let _ = google.run("plan").exit(1).warns("no credentials for the store").warns("GOOGLE_SERVICE_ACCOUNT_KEY");
    workspace.write("dixaform.yaml", project("az://state/a", ""));
    let workspace = workspace.variable("PATH", "/nowhere");
    let outcome = workspace.run("plan").exit(1).warns("no credentials for the store");
    assert!(outcome.stderr.contains("AZURE_STORAGE_ACCOUNT_KEY (not set)"), "{}", outcome.stderr);
    let tried = "`az account get-access-token` (the Azure command line can't be started";
    let _ = outcome.warns(tried).warns("), the managed identity of this machine");
}

#[test]
fn a_profile_of_the_aws_command_line_is_asked_for_credentials() {
    let Some(store) = moto() else { return };
    let workspace = workspace(&store, "team/profile", 1);
    workspace.edit("dixaform.yaml", "region: us-east-1", "profile: work");
    let said = r#"{"Version":1,"AccessKeyId":"fromprofile","SecretAccessKey":"x","SessionToken":"y","Expiration":"2999-01-01T00:00:00Z"}"#;
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*export-credentials*--profile\\ work) echo '{said}' ;;\n*get\\ region*) echo us-east-1 ;;\n*) exit 9 ;;\nesac\n"
    );
    workspace.write("bin/aws", script);
    std::fs::set_permissions(workspace.path("bin/aws"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", workspace.path("bin").display(), std::env::var("PATH").unwrap());
    let workspace = workspace.variable("PATH", &path);
    let _: Outcome = workspace.run("apply --yes").exit(0).says("Apply complete! 1 created");
}

#[test]
fn the_url_of_a_store_can_be_given_on_the_command_line() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "team/flag", 1);
    let _ = workspace.run("apply --yes --state gs://state/team/other").exit(0);
    let _ = workspace.run("plan").exit(0).says("Plan: 1 to create");
    let _ = workspace.run("plan --state gs://state/team/other").exit(0).says("No changes.");
    assert_eq!(workspace.run("state path").exit(0).stdout, "gs://state/team/flag\n");
    let _ = workspace.run("plan --state http://state/x").exit(64).warns("is not a store");
    let _ = workspace.run("state accept").exit(64).warns("is for a state in a file");
}

#[test]
fn every_command_of_the_page_about_states_works_with_a_store() {
    let Some(store) = google() else { return };
    let workspace = workspace(&store, "dixa/staging", 2);
    moving::with_branch(&workspace);
    let page = include_str!("../../docs/state.md");
    let project =
        page.split("<!-- run by tests/it/store.rs -->\n```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let (read, findings) = dixaform::project::read(&"dixaform.yaml".into(), project.as_bytes());
    assert!(read.is_some() && findings.is_empty(), "{findings:?}");
    let page = page.replace("s3://acme-state/", "gs://state/");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_dixaform")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let blocks = page.split("<!-- run by tests/it/store.rs -->\n```sh\n").skip(1);
    let mut count = 0;
    for line in blocks.flat_map(|rest| rest.split("```").next().unwrap().lines()) {
        let (words, code) = line.split_once(" # exit ").unwrap_or((line, "0"));
        let sealed = workspace.command();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", words]).current_dir(workspace.path(".")).env_clear();
        command.envs(sealed.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", &path);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code.parse().unwrap()), "{line}: {said}");
        count += 1;
    }
    assert!(count >= 13, "{count}");
    assert!(workspace.read("staging.json").contains("conversation.c1"));
}

/// The journal of a run that was killed after it had forgotten the first record of a state.
fn journal_of(workspace: &Workspace, state: &str) -> String {
    let state: serde_json::Value = serde_json::from_str(&workspace.read(state)).unwrap();
    let opened = serde_json::json!({"opened": {
        "format": "dixaform-journal/1",
        "run": "00000000-0000-4000-8000-000000000001",
        "lineage": state["lineage"],
        "baseSerial": state["serial"],
        "tenant": state["tenant"],
        "command": "state forget",
        "at": "2026-01-01T00:00:00Z",
        "pid": 1,
    }});
    let forgot = serde_json::json!({"forgot": {"address": state["records"][0]["address"]}});
    line(&opened) + &line(&forgot)
}

/// A line of a journal.
fn line(entry: &serde_json::Value) -> String {
    use sha2::Digest as _;

    let json = entry.to_string();
    let sum = sha2::Sha256::digest(json.as_bytes());
    let hex: String = sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex} {json}\n")
}
