//! The state as a file: one that can't be replaced, was replaced by somebody else, is a link, or comes from the past.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::manifests::{ORDER, email};
use crate::support::{Outcome, Server, Workspace, sealed};

/// Manifests of a second apply, which takes a while.
const MORE: usize = 6;

/// A workspace with a server that takes its time for what is made.
fn slow() -> (Workspace, Server) {
    let workspace = Workspace::new();
    let flags = "--no-rate-limit --data data.jsonl --request-log requests.jsonl --faults latency=500ms";
    let server = Server::start(&workspace, flags);
    (workspace.with_tenant(&server.base_url()), server)
}

/// The same with one conversation, `conversation.first`, at serial 1.
fn applied() -> (Workspace, Server) {
    let (workspace, server) = slow();
    workspace.write("manifests/first.yaml", email("first"));
    let _ = workspace.run("apply --yes").exit(0);
    (workspace, server)
}

fn posts(workspace: &Workspace) -> usize {
    let requests = workspace.requests_in("requests.jsonl");
    requests.iter().filter(|(call, _)| call.starts_with("POST ")).count()
}

/// Applies more manifests, and does something once their intents are written.
fn apply_while(workspace: &Workspace, meanwhile: impl FnOnce()) -> Outcome {
    for number in 0..MORE {
        workspace.write(&format!("manifests/{number}.yaml"), email(&format!("more-{number}")));
    }
    let mut command = workspace.command();
    command.args(["apply", "--yes"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child: Child = command.spawn().unwrap();
    let journal = || std::fs::read_to_string(workspace.path("state/local.journal")).unwrap_or_default();
    for _ in 0..2000 {
        if journal().matches("{\"began\"").count() == MORE {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    meanwhile();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

// Before anything is sent.

#[test]
fn a_state_that_could_not_be_saved_is_found_out_before_anything_is_sent() {
    let (workspace, _server) = slow();
    workspace.write("manifests/first.yaml", email("first"));
    let long = format!("state/{}.json", "a".repeat(245));
    let refused = workspace.run(&format!("apply --yes --state {long}")).exit(1).warns("nothing was sent");
    let _ = refused.warns("too long");
    std::fs::create_dir_all(workspace.path("state/local.json.backup/full")).unwrap();
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/second.yaml", email("second"));
    let _ = workspace.run("apply --yes").exit(1).warns("state/local.json.backup").warns("nothing was sent");
    assert_eq!(posts(&workspace), 1);
    assert!(!workspace.exists("state/local.journal"));
}

#[test]
fn a_state_that_is_changed_between_the_plan_and_the_first_call_makes_the_plan_stale() {
    let (workspace, _server) = applied();
    // Its attributes are looked up before anything is sent.
    workspace.write("manifests/order.yaml", ORDER);
    let log = workspace.read("requests.jsonl").len();
    let mut command = workspace.command();
    command.args(["apply", "--yes"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    for _ in 0..2000 {
        if workspace.read("requests.jsonl").len() > log {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    workspace.edit_state("state/local.json", "\"appliedAt\":\"20", "\"appliedAt\":\"19");
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("was changed by something else") && told.contains("nothing was sent"), "{told}");
    assert_eq!(posts(&workspace), 1);
    let _ = workspace.run("apply --yes --accept-older-state").exit(0).says("1 created");
}

#[test]
fn an_apply_with_nothing_to_do_writes_no_state() {
    let (workspace, _server) = applied();
    let times =
        || ["state", "state/local.json"].map(|name| workspace.path(name).metadata().unwrap().modified().unwrap());
    let before = times();
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert_eq!(times(), before);
}

// While it runs.

#[test]
fn a_state_folder_that_is_removed_during_the_first_apply_loses_nothing() {
    let (workspace, _server) = slow();
    let ended = apply_while(&workspace, || std::fs::remove_dir_all(workspace.path("state")).unwrap());
    let _ = ended.exit(6).warns("state/local.json was removed by something else").warns("state/local.journal");
    assert!(!workspace.exists("state/local.json"));
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert_eq!(posts(&workspace), MORE);
    assert!(!workspace.exists("state/local.journal"));
}

#[test]
fn a_state_that_is_removed_during_a_later_apply_is_to_be_put_back_before_anything_is_sent() {
    let (workspace, _server) = applied();
    let saved = workspace.read("state/local.json");
    for (remove_all, from_backup) in [(false, false), (true, false), (true, true)] {
        let ended = apply_while(&workspace, || match remove_all {
            false => workspace.remove("state/local.json"),
            true => std::fs::remove_dir_all(workspace.path("state")).unwrap(),
        });
        let _ = ended
            .exit(6)
            .warns("was removed by something else")
            .warns("put the state back")
            .warns("state/local.json.backup");
        let sent = posts(&workspace);
        let _ = workspace.run("apply --yes").exit(1).warns("the state is older");
        assert_eq!(posts(&workspace), sent);
        let back = if from_backup { workspace.read("state/local.json.backup") } else { saved.clone() };
        workspace.write("state/local.json", back);
        let _ = workspace.run("apply --yes").exit(0).says("No changes.");
        assert_eq!(posts(&workspace), sent);
        let _ = workspace.run(&format!("state forget {}", (0..MORE).map(more).collect::<Vec<_>>().join(" "))).exit(0);
        workspace.write("state/local.json", &saved);
        // The same once more, as on a machine that has seen none of this.
        workspace.remove("state/local.lock");
    }
}

fn more(number: usize) -> String {
    format!("conversation.more-{number}")
}

#[test]
fn a_newer_state_that_comes_during_an_apply_stays_and_gets_what_the_journal_has() {
    let (workspace, _server) = applied();
    let newer = sealed(&workspace.read("state/local.json").replace("\"serial\":1,", "\"serial\":5,"));
    let ended = apply_while(&workspace, || workspace.write("state/local.json", &newer));
    let _ = ended.exit(6).warns("was changed by something else").warns("dixaform recover");
    let sent = posts(&workspace);
    let _ = workspace.run("apply --yes").exit(6);
    assert_eq!((posts(&workspace), workspace.read("state/local.json")), (sent, newer));
    let listed = workspace.run("recover").exit(6).stdout;
    let made = listed.lines().filter_map(|line| line.trim().split_once(" is #"));
    let adopted: String = made.map(|(address, id)| format!(" --adopt {address}={id}")).collect();
    let _ = workspace.run(&format!("recover{adopted}")).exit(0);
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert_eq!(posts(&workspace), sent);
}

#[test]
fn another_state_of_the_same_serial_that_comes_during_an_apply_gets_what_the_journal_has() {
    let (workspace, _server) = applied();
    let other = workspace.read("state/local.json").replace("\"appliedAt\":\"20", "\"appliedAt\":\"19");
    let ended = apply_while(&workspace, || workspace.write("state/local.json", sealed(&other)));
    let _ = ended.exit(6).warns("was changed by something else");
    let sent = posts(&workspace);
    let _ = workspace.run("apply --yes").exit(5).warns("is not the one with serial 1");
    let _ = workspace.run("apply --yes --accept-older-state").exit(0).says("No changes.");
    assert_eq!(posts(&workspace), sent);
    assert!(workspace.read("state/local.json").contains("\"appliedAt\":\"19"), "what came is kept");
}

#[test]
fn the_same_state_written_again_during_an_apply_is_no_other_one() {
    let (workspace, _server) = applied();
    let same = workspace.read("state/local.json").replace('\n', "\r\n");
    let _ = apply_while(&workspace, || workspace.write("state/local.json", &same)).exit(0);
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

// Links.

#[test]
fn two_links_to_a_state_that_is_not_there_yet_share_its_lock_and_its_journal() {
    let (workspace, _server) = slow();
    for number in 0..MORE {
        workspace.write(&format!("manifests/{number}.yaml"), email(&format!("m{number}")));
    }
    for folder in ["a", "b", "shared"] {
        std::fs::create_dir(workspace.path(folder)).unwrap();
    }
    symlink("../shared/t.json", workspace.path("a/t.json")).unwrap();
    symlink("../a/t.json", workspace.path("b/other.json")).unwrap();
    let apply = |state: &str| {
        let mut command = workspace.command();
        command.args(["apply", "--yes", "--state", state]).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let codes = [apply("a/t.json"), apply("b/other.json")].map(|mut child| child.wait().unwrap().code());
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(5)), "{codes:?}");
    assert_eq!(posts(&workspace), MORE);
    for state in ["a/t.json", "b/other.json", "shared/t.json"] {
        let _ = workspace.run(&format!("plan --state {state}")).exit(0).says("No changes.");
    }
    let names = |folder| std::fs::read_dir(workspace.path(folder)).unwrap().count();
    assert_eq!((names("a"), names("b")), (1, 1), "nothing is beside the links");
}

#[test]
fn a_link_in_the_place_of_a_file_of_ours_is_refused_and_what_it_leads_to_is_left_alone() {
    let (workspace, _server) = applied();
    workspace.write("manifests/second.yaml", email("second"));
    workspace.write("elsewhere", "precious");
    for name in ["local.journal", "local.lock", "local.json.backup"] {
        let path = workspace.path(&format!("state/{name}"));
        let _ = std::fs::remove_file(&path);
        symlink("../elsewhere", &path).unwrap();
        for command in ["plan", "apply --yes", "state forget conversation.first", "recover"] {
            let _ = workspace.run(command).exit(1).warns(&format!("state/{name}")).warns("it is a link");
        }
        std::fs::remove_file(&path).unwrap();
    }
    assert_eq!((workspace.read("elsewhere").as_str(), posts(&workspace)), ("precious", 1));
    let _ = workspace.run("apply --yes").exit(0);
}

// Signals.

/// Sends SIGHUP to an apply that has something in flight; its exit code.
fn hang_up(workspace: &Workspace, start: &str) -> Option<i32> {
    for number in 0..MORE {
        workspace.write(&format!("manifests/{number}.yaml"), email(&format!("m{number}")));
    }
    workspace.edit("dixaform.yaml", "requestsPerSecond: 10000, burst: 1000", "requestsPerSecond: 2, burst: 1");
    let program = workspace.command();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{start} exec \"$0\" apply --yes")]).arg(program.get_program());
    shell.current_dir(workspace.path("")).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..2000 {
        if posts(workspace) > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = std::process::Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait().unwrap().code()
}

#[test]
fn an_apply_whose_terminal_goes_away_finishes_what_is_in_flight_and_saves_it() {
    let (workspace, _server) = slow();
    assert_eq!(hang_up(&workspace, ""), Some(130));
    assert!(posts(&workspace) < MORE);
    assert!(!workspace.exists("state/local.journal"), "everything is in the state");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(posts(&workspace), MORE);
}

#[test]
fn an_apply_that_was_started_to_outlive_its_terminal_goes_on() {
    let (workspace, _server) = slow();
    assert_eq!(hang_up(&workspace, "trap '' HUP;"), Some(0));
    assert_eq!(posts(&workspace), MORE);
}

// What editors leave.

#[test]
fn a_byte_order_mark_before_a_file_of_ours_is_no_damage() {
    let (workspace, _server) = applied();
    let mark = |name: &str| workspace.write(name, format!("\u{feff}{}", workspace.read(name)));
    mark("state/local.json");
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    workspace.write("manifests/second.yaml", email("second"));
    let _ = workspace.run("plan --out saved.plan").exit(0);
    mark("saved.plan");
    let _ = workspace.run("show saved.plan").exit(0).says("conversation.second");
    let _ = workspace.run("apply saved.plan").exit(0);
    let ended = apply_while(&workspace, || workspace.remove("state/local.json")).exit(6);
    mark("state/local.journal");
    workspace.write("state/local.json", workspace.read("state/local.json.backup"));
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert_eq!(posts(&workspace), 2 + MORE, "{ended:?}");
}

#[test]
fn a_state_that_is_empty_says_so() {
    let (workspace, _server) = slow();
    workspace.write("manifests/first.yaml", email("first"));
    for text in ["", "\n"] {
        workspace.write("state/local.json", text);
        for command in ["plan", "apply --yes"] {
            let _ = workspace.run(command).exit(1).warns("it is empty").warns("hint: ");
        }
    }
    workspace.remove("state/local.json");
    workspace.write("file", "");
    let _ = workspace.run("apply --yes --state file/local.json").exit(1).warns("hint: ");
    assert_eq!(posts(&workspace), 0);
}

// States from the past.

#[test]
fn a_state_from_the_past_is_shown_with_a_warning_and_nothing_is_made_again_unless_it_is_accepted() {
    let (workspace, _server) = applied();
    let old = workspace.read("state/local.json");
    workspace.write("manifests/second.yaml", email("second"));
    let _ = workspace.run("apply --yes").exit(0);
    let (new, sent) = (workspace.read("state/local.json"), posts(&workspace));
    for past in [&old, &workspace.read("state/local.json.backup")] {
        workspace.write("state/local.json", past);
        let warned =
            workspace.run("plan").exit(0).says("1 to create").warns("is at serial 1, but serial 2 was seen here");
        let _ = warned.warns("--accept-older-state").warns("dixaform state rebuild");
        for command in ["apply --yes", "state forget conversation.first", "recover"] {
            let refused = workspace.run(command).exit(5).warns("is at serial 1, but serial 2 was seen here");
            let _ = refused.warns("--accept-older-state").warns("dixaform state rebuild");
        }
        assert_eq!((posts(&workspace), &workspace.read("state/local.json")), (sent, past));
    }
    workspace.write("state/local.json", &new);
    let _ = workspace.run("plan --detailed-exitcode").exit(0).never_says("older");
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    workspace.write("state/local.json", &old);
    let _ = workspace.run("apply --yes --accept-older-state").exit(0).says("1 created");
    // It is the newest one now.
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert_eq!(posts(&workspace), sent + 1);
}

#[test]
fn a_state_of_another_lineage_or_without_a_lock_beside_it_comes_from_no_past() {
    let (workspace, _server) = applied();
    let old = workspace.read("state/local.json");
    workspace.write("manifests/second.yaml", email("second"));
    let _ = workspace.run("apply --yes").exit(0);
    let lineage = old.split("\"lineage\":\"").nth(1).unwrap()[..36].to_owned();
    let other = old.replace(&lineage, "7d0f2b3e-3c0a-4b7e-9b67-0d8f4b1f2a11");
    workspace.write("state/local.json", sealed(&other));
    let _ = workspace.run("plan").exit(0).never_says("older");
    workspace.write("state/local.json", &old);
    workspace.remove("state/local.lock");
    let _ = workspace.run("plan").exit(0).never_says("older");
}
