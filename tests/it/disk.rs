//! Disks that can't be written, and files that were damaged: nothing is sent that could not be written down first.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Server, Workspace};

/// A workspace with a server of its own, whose log is not among the files of dixaform.
fn beside_a_server() -> (Workspace, Server) {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    let server = Server::start(&workspace, "--no-rate-limit --data data.jsonl --request-log requests.jsonl");
    (workspace.with_tenant(&server.base_url()), server)
}

/// One in which both manifests were applied.
fn applied() -> (Workspace, Server) {
    let (workspace, server) = beside_a_server();
    let _ = workspace.run("apply --yes").exit(0);
    (workspace, server)
}

/// One in which an apply was cut off with something in the journal: an answer was lost, and nobody could look.
fn cut_off() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    let _ = workspace.run("apply --yes --sandbox-faults drop-after@create#1,redirect@conversations#*").exit(6);
    workspace
}

fn posts(workspace: &Workspace) -> usize {
    let requests = workspace.requests_in("requests.jsonl");
    requests.iter().filter(|(call, _)| call.starts_with("POST ")).count()
}

/// All files below a folder with their content and their times, in which a write would show.
fn snapshot(folder: &Path) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.metadata().unwrap();
        let name = path.display().to_string();
        if metadata.is_dir() {
            files.insert(name, (Vec::new(), metadata.modified().unwrap()));
            files.extend(snapshot(&path));
        } else {
            files.insert(name, (std::fs::read(&path).unwrap(), metadata.modified().unwrap()));
        }
    }
    files
}

// What can't be written.

#[test]
fn a_state_folder_that_cannot_be_made_ends_the_apply_before_anything_is_sent() {
    let (workspace, _server) = beside_a_server();
    workspace.write("state", "a file in the place of the folder");
    let outcome = workspace.run("apply --yes").exit(1).warns("state").warns("hint: ");
    assert_eq!(outcome.stdout, "");
    assert!(workspace.requests_in("requests.jsonl").is_empty());
    assert_eq!(workspace.read("state"), "a file in the place of the folder");
}

#[test]
fn a_journal_that_is_a_folder_ends_the_apply_before_anything_is_sent() {
    let (workspace, _server) = beside_a_server();
    std::fs::create_dir_all(workspace.path("state/local.journal")).unwrap();
    let _ = workspace.run("apply --yes").exit(1).warns("the journal state/local.journal is not a file").warns("hint: ");
    assert_eq!(posts(&workspace), 0);
    assert!(workspace.path("state/local.journal").is_dir());
}

#[test]
fn a_journal_on_a_device_is_no_journal() {
    let (workspace, _server) = beside_a_server();
    std::fs::create_dir_all(workspace.path("state")).unwrap();
    symlink("/dev/full", workspace.path("state/local.journal")).unwrap();
    let _ = workspace.run("apply --yes").exit(1).warns("state/local.journal").warns("hint: ");
    assert_eq!(posts(&workspace), 0);
}

/// Runs a line with a limit on the size of files, in blocks of 512 bytes: beyond it a write fails as on a full disk.
#[track_caller]
fn run_with_small_files(workspace: &Workspace, blocks: u32, line: &str) -> (Option<i32>, String, String) {
    let program = workspace.command();
    // Without the trap the signal that comes with the error would end the process.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {line}");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).arg(program.get_program()).current_dir(workspace.path("")).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_disk_that_runs_full_stops_the_run_and_the_next_one_completes_it_without_doubles() {
    let (workspace, _server) = beside_a_server();
    for number in 0..40 {
        workspace.write(&format!("manifests/m{number}.yaml"), email(&format!("m{number:02}")));
    }
    // Slow enough that not all intents are written at once; and room for some of them only.
    workspace.edit("dixaform.yaml", "requestsPerSecond: 10000, burst: 1000", "requestsPerSecond: 100, burst: 4");
    workspace.edit("dixaform.yaml", "apiKeyEnv", "settle: 10ms, apiKeyEnv");
    let (code, stdout, stderr) = run_with_small_files(&workspace, 16, "apply --yes");
    assert_eq!(code, Some(4), "{stdout}{stderr}");
    assert!(stdout.contains("state/local.journal") || stderr.contains("state/local.journal"), "{stdout}{stderr}");
    let sent = posts(&workspace);
    assert!(sent > 0 && sent < 42, "{sent} of 42");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(posts(&workspace), 42, "nothing was sent twice");
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

/// A callback has no message that could carry a mark.
fn callback(name: &str) -> String {
    format!(
        "apiVersion: dixaform/v1\nkind: Conversation\nmetadata: {{name: {name}}}\nspec: {{_type: Callback, \
         requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b, direction: Inbound, contactEndpointId: \"+4551000000\", \
         queueId: f0a0a1a8-1a34-4a8a-8d0c-3d7a3f6f1b11}}\n"
    )
}

/// How long the journal is after the intent to make the callback of this name, whose answer never comes.
fn length_of_an_intent(workspace: &Workspace, name: &str) -> usize {
    workspace.write("manifests/a.yaml", callback(name));
    let mut command = workspace.command();
    command.args(["apply", "--yes"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let journal = || std::fs::read_to_string(workspace.path("state/local.journal")).unwrap_or_default();
    for _ in 0..1000 {
        if journal().contains("{\"began\"") && posts(workspace) > 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let length = journal().len();
    workspace.remove("state/local.journal");
    length
}

#[test]
fn an_id_that_only_the_state_could_take_is_not_looked_for_and_nobody_elses_is_adopted() {
    let workspace = Workspace::new();
    let server = Server::start(
        &workspace,
        "--no-rate-limit --data data.jsonl --request-log requests.jsonl --faults hang@create#1",
    );
    let workspace = workspace.with_tenant(&server.base_url());
    workspace.edit("dixaform.yaml", "apiKeyEnv", "settle: 10ms, apiKeyEnv");
    // A longer name lets the intent just fit below a limit, and the id that follows does not.
    let length = length_of_an_intent(&workspace, "a");
    let blocks = (length + 100).div_ceil(512);
    workspace.write("manifests/a.yaml", callback(&"a".repeat(1 + blocks * 512 - 40 - length)));
    let (code, stdout, stderr) = run_with_small_files(&workspace, u32::try_from(blocks).unwrap(), "apply --yes");
    assert!(code != Some(0) && (stdout.clone() + &stderr).contains("state/local.journal"), "{code:?} {stdout}{stderr}");
    assert_eq!(posts(&workspace), 2);
    let made = workspace.read("state/local.json");
    assert!(made.contains("\"id\":1001,"), "{made}");
    // Somebody else makes one like it.
    let body =
        workspace.requests_in("requests.jsonl").into_iter().rfind(|(call, _)| call.starts_with("POST ")).unwrap().1;
    assert_eq!(server.send("POST", "/v1/conversations", &body.to_string()).1["data"]["id"], 1002);
    let _ = workspace.run("apply --yes").exit(0).says("No changes.").never_says("1002");
    assert_eq!(workspace.read("state/local.json"), made);
    assert!(!workspace.exists("state/local.journal"));
}

#[test]
fn a_disk_that_is_full_from_the_start_lets_nothing_be_sent() {
    let (workspace, _server) = beside_a_server();
    let (code, stdout, stderr) = run_with_small_files(&workspace, 0, "apply --yes");
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(stderr.contains("state/local."), "{stderr}");
    assert_eq!(posts(&workspace), 0);
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn a_state_that_cannot_be_read_because_it_is_a_folder_lets_nothing_be_sent() {
    let (workspace, _server) = beside_a_server();
    std::fs::create_dir_all(workspace.path("state/local.json")).unwrap();
    for command in ["plan", "apply --yes", "state list", "show", "recover"] {
        let _ = workspace.run(command).exit(1).warns("state/local.json").warns("hint: ");
    }
    assert!(workspace.requests_in("requests.jsonl").is_empty());
}

#[test]
fn a_state_that_cannot_be_replaced_lets_nothing_be_sent() {
    let (workspace, _server) = beside_a_server();
    std::fs::create_dir_all(workspace.path("state")).unwrap();
    // The state can be read, as missing, and not written: its link leads into a folder that does not exist.
    symlink("nowhere/real.json", workspace.path("state/local.json")).unwrap();
    let _ = workspace.run("apply --yes").exit(1).warns("nowhere").warns("hint: ");
    assert_eq!(posts(&workspace), 0);
    std::fs::create_dir(workspace.path("state/nowhere")).unwrap();
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!((posts(&workspace), workspace.exists("state/local.journal")), (2, false));
    assert_eq!(workspace.read("state/nowhere/real.json").matches("\"address\"").count(), 2);
}

// What was damaged.

#[test]
fn a_torn_last_line_of_the_journal_is_what_a_power_failure_leaves_and_is_tolerated() {
    let workspace = cut_off();
    let mut journal = workspace.read("state/sandbox.journal");
    journal.push_str("0123456789abcdef {\"began\":{\"seq\":9,\"addr");
    workspace.write("state/sandbox.journal", &journal);
    let _ = workspace.run("plan").exit(0).says("1 change is in doubt");
    assert_eq!(workspace.read("state/sandbox.journal"), journal, "looking repairs nothing");
    let _ = workspace.run("apply --yes").exit(0).warns("was found: it is #");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_damaged_line_in_the_middle_of_the_journal_is_named_and_left_alone() {
    let workspace = cut_off();
    let journal = workspace.read("state/sandbox.journal").replacen("\"marker\":\"df-", "\"marker\":\"xx-", 1);
    workspace.write("state/sandbox.journal", &journal);
    let sent = workspace.requests().len();
    // It was cut down to the doubt: the damaged line is the last but one, or one before it.
    let line = journal.lines().position(|line| line.contains("xx-")).unwrap() + 1;
    assert!(line < journal.lines().count(), "{journal}");
    for command in ["plan", "apply --yes", "recover", "state list", "state forget import.legacy", "show"] {
        let outcome = workspace.run(command).exit(1).warns(&format!("line {line} is damaged"));
        let _ = outcome.warns("state/sandbox.journal").warns("hint: ");
        assert_eq!(workspace.read("state/sandbox.journal"), journal, "{command}");
    }
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn a_damaged_last_line_of_the_journal_is_no_torn_one() {
    let workspace = cut_off();
    let journal = workspace.read("state/sandbox.journal");
    let sent = workspace.requests().len();
    let last = journal.lines().count();
    let damaged = format!("{}x\n", &journal[..journal.len() - 2]);
    workspace.write("state/sandbox.journal", &damaged);
    for command in ["plan", "apply --yes", "recover"] {
        let refused = workspace.run(command).exit(1).warns(&format!("line {last} is damaged"));
        let _ = refused.warns("state/sandbox.journal").warns("look in Dixa");
    }
    assert_eq!((workspace.read("state/sandbox.journal"), workspace.requests().len()), (damaged, sent));
}

#[test]
fn a_journal_of_another_state_is_refused_and_left_alone() {
    let (workspace, other) = (cut_off(), cut_off());
    let journal = other.read("state/sandbox.journal");
    workspace.write("state/sandbox.journal", &journal);
    let sent = workspace.requests().len();
    for command in ["plan", "apply --yes", "recover", "state list"] {
        let _ = workspace.run(command).exit(1).warns("the journal state/sandbox.journal does not fit the state");
        assert_eq!(workspace.read("state/sandbox.journal"), journal, "{command}");
    }
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn a_state_that_is_empty_cut_off_newer_or_no_text_is_named_and_left_byte_for_byte() {
    let (workspace, _server) = applied();
    let whole = workspace.read("state/local.json");
    let sent = posts(&workspace);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let texts: [&[u8]; 6] = [
        b"",
        b"\n",
        b"[]",
        b"\xff\xfe{}",
        &whole.as_bytes()[..whole.len() / 2],
        whole.replace("dixaform-state/1", "dixaform-state/2").leak().as_bytes(),
    ];
    for text in texts {
        workspace.write("state/local.json", text);
        for command in
            ["plan", "plan --refresh", "apply --yes", "state list", "state show conversation.order", "show", "recover"]
        {
            let _ = workspace.run(command).exit(1).warns("state/local.json").warns("hint: ");
            assert_eq!(std::fs::read(workspace.path("state/local.json")).unwrap(), text, "{command}");
        }
        let _ = workspace.run("state forget conversation.order").exit(1).warns("state/local.json");
        let _ = workspace.run("state mv conversation.order conversation.b").exit(1).warns("state/local.json");
        assert_eq!(std::fs::read(workspace.path("state/local.json")).unwrap(), text);
    }
    assert_eq!(posts(&workspace), sent);
}

#[test]
fn a_state_that_a_merge_has_spoilt_is_refused_by_a_plan_as_it_is_by_an_apply() {
    let (workspace, _server) = applied();
    let whole = workspace.read("state/local.json");
    let sent = posts(&workspace);
    let at = whole.find("\"appliedAt\":\"").unwrap() + 12;
    let time = &whole[at..at + whole[at + 1..].find('"').unwrap() + 2];
    for (from, to) in [("},\n{", "}\n{"), ("}\n]", "},\n]"), (time, "7"), (time, "\"2026\"")] {
        assert!(whole.contains(from), "{from}");
        workspace.write("state/local.json", whole.replacen(from, to, 1));
        for command in ["plan", "plan --no-index", "apply --yes", "state list"] {
            let _ = workspace.run(command).exit(1).warns("state/local.json").warns("hint: ");
        }
    }
    assert_eq!(posts(&workspace), sent);
}

#[test]
fn a_state_that_was_rolled_back_does_not_take_the_journal_for_its_own_future() {
    let workspace = cut_off();
    let early = workspace.read("state/sandbox.json");
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("apply --yes").exit(0);
    // Somebody checks out an older state from git: what it lacks is planned again, and that is shown before it is done.
    workspace.write("state/sandbox.json", &early);
    let _ = workspace.run("plan").exit(0).says("1 to create").warns("an apply refuses it");
}

// What only looks.

#[test]
fn commands_that_only_look_write_nothing() {
    let workspace = cut_off();
    let _ = workspace.run("plan --out seed.plan").exit(0);
    let before = snapshot(&workspace.path(""));
    for command in [
        "validate",
        "plan",
        "plan --detailed-exitcode",
        "plan --prune --allow-replace --format json",
        "show",
        "show --format json",
        "show seed.plan",
        "state list",
        "state show import.legacy",
        "state path",
        "state unlock",
    ] {
        let outcome = workspace.run(command);
        assert!(matches!(outcome.code, 0 | 2), "{command}: {outcome:?}");
        assert_eq!(snapshot(&workspace.path("")), before, "{command}");
    }
}

#[test]
fn looking_works_where_nothing_can_be_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let (workspace, _server) = applied();
    let folder = workspace.path("state");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    for command in ["validate", "plan", "show", "state list", "plan --refresh"] {
        let _ = workspace.run(command).exit(0);
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}
