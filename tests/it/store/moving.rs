//! Moving a state into a store: cut off and going on, and from a branch of the repository.

use std::path::Path;
use std::process::Command;

use super::server::{Store, google};
use super::{KEYS, journal_of, line, manifests, workspace};
use crate::support::Workspace;

const LOCAL: &str = "--state state/sandbox.json";

/// A project with a state in a file, of as many records.
fn with_file(count: usize) -> Workspace {
    let here = Workspace::new().file("dixaform.yaml", "version: 1\ndefaultTenant: sandbox\n");
    let here = KEYS.iter().fold(here, |here, (name, value)| here.variable(name, value));
    here.write("manifests/all.yaml", manifests(count));
    let _ = here.run("apply --yes").exit(0);
    here
}

/// From now on the project has its state below that prefix.
fn switch(here: &Workspace, store: &Store, prefix: &str, count: usize) {
    here.write("dixaform.yaml", workspace(store, prefix, count).read("dixaform.yaml"));
}

#[test]
fn a_move_that_was_cut_off_is_planned_on_nowhere_and_goes_on() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    let state = here.read("state/sandbox.json");
    switch(&here, &store, "team/cut", 2);
    let to = "gs://state/team/cut";
    // As it is left by a process that is killed behind its first word, with or without the upload.
    let journal = journal_of(&here, "state/sandbox.json");
    let word = word(&state, &journal, to);
    for _ in 0..2 {
        here.write("state/sandbox.json", &word);
        here.write("state/sandbox.json.backup", &state);
        here.write("state/sandbox.journal", &journal);
        for command in ["plan", "apply --yes", "state list", "state pull", "show", "state rebuild", "recover"] {
            let outcome = here.run(&format!("{command} {LOCAL}")).exit(1);
            let outcome = outcome.warns(&format!("the state is on its way to {to}"));
            assert!(outcome.stderr.contains(&format!("`dixaform state move-to {to}` goes on")), "{}", outcome.stderr);
        }
        let _ = here.run(&format!("state move-to gs://state/team/elsewhere {LOCAL}")).exit(1).warns("on its way to");
        let moved = here.run(&format!("state move-to {to} {LOCAL}")).exit(0);
        assert!(moved.stdout.contains("2 records at serial 1 and 2 lines in its journal"), "{}", moved.stdout);
        assert_eq!(here.run("state pull").exit(0).stdout, state);
        let _ = here.run(&format!("plan {LOCAL}")).exit(1).warns(&format!("the state has moved to {to}"));
        assert!(!here.exists("state/sandbox.journal"));
    }
    let _ = here.run("plan").exit(0).says("1 unchanged");
    // By the journal that moved, a record was forgotten; a run in the store makes it again, and has a newer state.
    let _ = here.run("apply --yes").exit(0).says("1 created");
    let newer = here.run("state pull").exit(0).stdout;
    here.write("state/sandbox.json", &word);
    here.write("state/sandbox.journal", &journal);
    let line = format!("state move-to {to} {LOCAL}");
    // Another backup or journal is not what was about to move.
    here.write("state/sandbox.json.backup", &newer);
    let _ = here.run(&line).exit(5).warns("is not the state at serial 1 that was about to move");
    here.write("state/sandbox.json.backup", &state);
    here.remove("state/sandbox.journal");
    let _ = here.run(&line).exit(5).warns("or its journal is another one");
    here.write("state/sandbox.journal", &journal);
    let _ = here.run(&line).exit(0);
    assert_eq!(here.run("state pull").exit(0).stdout, newer, "it had arrived before");
    // Once more is as good, and takes a journal away that a kill has left.
    here.write("state/sandbox.journal", &journal);
    let _ = here.run(&line).exit(0).says("The state is in gs://state/team/cut now, with 2 records");
    assert!(!here.exists("state/sandbox.journal"));
}

/// A line of a journal that says an import was made and adopted as this one.
fn adopted(state: &str, id: u64) -> String {
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let mut record = state["records"][0].clone();
    record["id"] = id.into();
    line(&serde_json::json!({"adopted": {"record": record}}))
}

/// The word that a state has moved comes to a checkout through git; a journal stays where it was written.
#[test]
fn a_journal_of_another_checkout_than_the_one_that_moved_is_removed_only_if_the_store_knows_all_of_it() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    let (state, to) = (here.read("state/sandbox.json"), "gs://state/team/word");
    let journal = journal_of(&here, "state/sandbox.json");
    let opened = &journal[..=journal.find('\n').unwrap()];
    let first: serde_json::Value = serde_json::from_str(&state).unwrap();
    let known = first["records"][0]["id"].as_u64().unwrap();
    switch(&here, &store, "team/word", 2);
    let move_to = format!("state move-to {to} {LOCAL}");
    let _ = here.run(&move_to).exit(0);
    let unknown = format!("{opened}{}", adopted(&state, 4_000_000));
    here.write("state/sandbox.journal", &unknown);
    let refused = here.run(&move_to).exit(5);
    let refused = refused.warns("the journal state/sandbox.journal has what the state gs://state/team/word lacks");
    let _ = refused.warns("is #4000000").warns("Only then move the journal away");
    assert_eq!(here.read("state/sandbox.journal"), unknown);
    here.write("state/sandbox.journal", "not a line\n");
    let _ = here.run(&move_to).exit(1);
    assert!(here.exists("state/sandbox.journal"));
    here.write("state/sandbox.journal", format!("{opened}{}", adopted(&state, known)));
    let _ = here.run(&move_to).exit(0);
    assert!(!here.exists("state/sandbox.journal"));
}

/// This checkout was cut off; another one moved the same state without the journal of this one, and went on.
#[test]
fn a_move_does_not_go_on_where_the_store_has_gone_on_without_what_this_journal_knows() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    let (state, to) = (here.read("state/sandbox.json"), "gs://state/team/without");
    let journal = journal_of(&here, "state/sandbox.json");
    let opened = &journal[..=journal.find('\n').unwrap()];
    let journal = format!("{opened}{}", adopted(&state, 4_000_000));
    switch(&here, &store, "team/without", 2);
    let move_to = format!("state move-to {to} {LOCAL}");
    let _ = here.run(&move_to).exit(0);
    here.write("manifests/all.yaml", manifests(3));
    let _ = here.run("apply --yes").exit(0).says("1 created");
    let newer = here.run("state pull").exit(0).stdout;
    let word = word(&state, &journal, to);
    here.write("state/sandbox.json", &word);
    here.write("state/sandbox.json.backup", &state);
    here.write("state/sandbox.journal", &journal);
    let refused = here.run(&move_to).exit(5).warns("gone on in gs://state/team/without, which lacks what was about to");
    let _ = refused.warns("is #4000000");
    assert_eq!((here.read("state/sandbox.json"), here.read("state/sandbox.journal")), (word, journal));
    assert_eq!(here.run("state pull").exit(0).stdout, newer);
}

#[test]
fn a_journal_that_another_checkout_did_not_have_arrives_behind_its_state() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    let (state, to) = (here.read("state/sandbox.json"), "gs://state/team/behind");
    switch(&here, &store, "team/behind", 2);
    let line = format!("state move-to {to} {LOCAL}");
    let _ = here.run(&line).exit(0);
    let journal = {
        here.write("state/sandbox.json", &state);
        journal_of(&here, "state/sandbox.json")
    };
    here.write("state/sandbox.json", word(&state, &journal, to));
    here.write("state/sandbox.json.backup", &state);
    here.write("state/sandbox.journal", &journal);
    let _ = here.run(&line).exit(0).says("and 2 lines in its journal");
    let _ = here.run("plan").exit(0).says("Plan: 1 to create").says("1 unchanged");
}

/// What is left in the place of a state that is on its way.
fn word(state: &str, journal: &str, to: &str) -> String {
    use sha2::Digest as _;

    let head: serde_json::Value = serde_json::from_str(state).unwrap();
    let seal = state.rsplit("\"seal\":\"").next().unwrap().split('"').next().unwrap();
    let sum: String = sha2::Sha256::digest(journal).iter().map(|byte| format!("{byte:02x}")).collect();
    let what = serde_json::json!({
        "lineage": head["lineage"], "serial": head["serial"], "seal": seal, "journal": format!("sha256:{sum}"),
    });
    let word = serde_json::json!({"format": "dixaform-state-moved/1", "to": to, "unfinished": what});
    format!("{word}\n")
}

#[test]
fn a_store_that_can_not_be_written_leaves_the_file_as_it_was() {
    let Some(store) = google() else { return };
    let here = with_file(1);
    let before = here.read("state/sandbox.json");
    switch(&here, &store, "team/refused", 1);
    store.goes("full");
    let _ = here.run(&format!("state move-to gs://state/team/refused {LOCAL}")).exit(1);
    store.goes("fine");
    assert_eq!(here.read("state/sandbox.json"), before);
}

#[test]
fn a_move_goes_on_whatever_version_has_written_the_state() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    let state = here.read("state/sandbox.json");
    switch(&here, &store, "team/versions", 2);
    // A state without a seal is read, too, and is written with one.
    let (before, _) = state.split_once(",\"seal\":").unwrap();
    for (number, text) in [format!("{before}}}\n"), state.replace(",\"serial\"", ", \"serial\"")].iter().enumerate() {
        here.write("state/sandbox.json", text);
        if number == 1 {
            let _ = here.run(&format!("state accept {LOCAL}")).exit(0);
        }
        let line = format!("state move-to gs://state/team/versions{number} {LOCAL}");
        store.goes("stateless");
        let _ = here.run(&line).exit(1).warns("goes on from here");
        let _ = here.run(&format!("plan {LOCAL}")).exit(1).warns("the state is on its way to");
        store.goes("fine");
        let _ = here.run(&line).exit(0).says("with 2 records at serial");
        let url = format!("gs://state/team/versions{number}");
        let _ = here.run(&format!("plan --state {url}")).exit(0).says("No changes.");
    }
}

/// Runs git, and gives back what it prints.
fn git(folder: &Path, words: &[&str]) -> String {
    let who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").current_dir(folder).args(who).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const BRANCH: &str = "dixaform-state";

/// Makes it a checkout of a repository.
fn with_remote(here: &Workspace) {
    git(&here.path("."), &["init", "--quiet"]);
    git(&here.path("."), &["init", "--quiet", "--bare", "remote.git"]);
    git(&here.path("."), &["remote", "add", "origin", "./remote.git"]);
}

/// Makes it a checkout whose remote has a branch with a state of the sandbox.
pub fn with_branch(here: &Workspace) {
    with_remote(here);
    commit(here, &[("sandbox.json", &with_file(2).read("state/sandbox.json"))]);
}

/// Commits these files, and nothing else, on the branch of the remote.
fn commit(here: &Workspace, files: &[(&str, &str)]) {
    let copy = here.path("copy");
    let _ = std::fs::remove_dir_all(&copy);
    git(&here.path("."), &["clone", "--quiet", "remote.git", "copy"]);
    let is_there = !git(&copy, &["ls-remote", "origin", &format!("refs/heads/{BRANCH}")]).is_empty();
    let switch = if is_there { &["switch", "--quiet", BRANCH][..] } else { &["switch", "--quiet", "--orphan", BRANCH] };
    git(&copy, switch);
    if is_there {
        git(&copy, &["rm", "-r", "-f", "--quiet", "--ignore-unmatch", "."]);
    }
    for (name, text) in files {
        here.write(&format!("copy/{name}"), text);
    }
    git(&copy, &["add", "--all", "--force"]);
    git(&copy, &["commit", "--quiet", "--message", "State"]);
    git(&copy, &["push", "--quiet", "origin", BRANCH]);
    std::fs::remove_dir_all(&copy).unwrap();
}

/// A later state of the same lineage, without the first record and without a seal.
fn gone_on_without_the_first(state: &str) -> String {
    let mut state: serde_json::Value = serde_json::from_str(state).unwrap();
    state["records"].as_array_mut().unwrap().remove(0);
    state["serial"] = 7.into();
    state.as_object_mut().unwrap().remove("seal");
    state.to_string()
}

fn on_branch(here: &Workspace, file: &str) -> Option<String> {
    let remote = here.path("remote.git");
    let listed = git(&remote, &["ls-tree", "--name-only", BRANCH, "--", file]);
    (!listed.is_empty()).then(|| git(&remote, &["show", &format!("{BRANCH}:{file}")]))
}

#[test]
fn a_state_moves_from_the_branch_of_the_old_scripts_and_nobody_plans_on_what_is_left() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    let state = here.read("state/sandbox.json");
    let journal = journal_of(&here, "state/sandbox.json");
    with_remote(&here);
    switch(&here, &store, "team/branch", 2);
    let to = "gs://state/team/branch";
    let line = format!("state move-to {to} --from-branch {BRANCH} {LOCAL}");
    let _ = here.run(&line).exit(1).warns("origin has no branch dixaform-state");
    let _ = here.run(&format!("{line} --remote nowhere")).exit(1).warns("can't fetch the branch");

    // A run that has the tenant is left alone.
    commit(&here, &[("sandbox.json", &state), ("sandbox.taken", "https://ci.example/runs/7\n2026-01-01T00:00:00Z\n")]);
    let _ = here.run(&line).exit(5).warns("the tenant sandbox is taken by https://ci.example/runs/7");
    commit(&here, &[("sandbox.json", &state), ("sandbox.taken", "\n")]);
    let _ = here.run(&line).exit(5).warns("the tenant sandbox is taken by");
    commit(&here, &[("other.json", &state)]);
    let _ = here.run(&line).exit(1).warns("the branch dixaform-state has no sandbox.json");
    // What only this checkout has is not dropped.
    commit(&here, &[("sandbox.json", &state), ("other.json", &state)]);
    here.write("state/sandbox.journal", &journal);
    let _ = here.run(&line).exit(5).warns("the state state/sandbox.json has what the branch dixaform-state lacks");
    here.remove("state/sandbox.journal");
    // The branch has gone on from the same state, and never had what was made here.
    commit(&here, &[("sandbox.json", &gone_on_without_the_first(&state)), ("other.json", &state)]);
    let refused =
        here.run(&line).exit(5).warns("the state state/sandbox.json has what the branch dixaform-state lacks");
    let first: serde_json::Value = serde_json::from_str(&state).unwrap();
    let first = &first["records"][0];
    let _ = refused.warns(&format!("lacks: {} is #{}", first["address"].as_str().unwrap(), first["id"]));
    assert_eq!(here.read("state/sandbox.json"), state);

    // As it was left by a command that was killed when it had taken the tenant.
    let mark = format!("dixaform state move-to {to}\n2026-01-01T00:00:00Z\n");
    let files = [("sandbox.json", &*state), ("sandbox.journal", &journal), ("other.json", &state)];
    for taken in [None, Some(&*mark)] {
        here.write("state/sandbox.json", &state);
        commit(&here, &files.into_iter().chain(taken.map(|mark| ("sandbox.taken", mark))).collect::<Vec<_>>());
        let moved = here.run(&line).exit(0);
        assert!(moved.stdout.contains("2 records at serial 1 and 2 lines in its journal"), "{}", moved.stdout);
        let word = format!("{{\"format\":\"dixaform-state-moved/1\",\"to\":\"{to}\"}}");
        assert_eq!(on_branch(&here, "sandbox.json"), Some(word.clone()));
        assert_eq!(here.read("state/sandbox.json").trim(), word);
        assert_eq!((on_branch(&here, "sandbox.journal"), on_branch(&here, "sandbox.taken")), (None, None));
        assert_eq!(on_branch(&here, "other.json").as_deref(), Some(state.trim()), "another tenant is left alone");
        let message = git(&here.path("remote.git"), &["log", "-1", "--format=%an: %s", BRANCH]);
        assert_eq!(message, format!("dixaform: Move the state of sandbox to {to} [skip ci]"));
    }
    assert_eq!(here.run("state pull").exit(0).stdout, state);
    let _ = here.run("plan").exit(0).says("1 unchanged");
    let _ = here.run(&line).exit(1).warns("the state has moved to");
    let _ = here.run(&format!("plan {LOCAL}")).exit(1).warns("the state has moved to");
    assert_eq!(
        git(&here.path("."), &["status", "--porcelain", "--untracked-files=no"]),
        "",
        "the checkout is as it was"
    );
}

#[test]
fn a_token_in_the_url_of_the_remote_is_shown_nowhere() {
    let Some(store) = google() else { return };
    let here = with_file(2);
    with_branch(&here);
    // A state of its own for each: this one has the branch alone.
    here.remove("state/sandbox.json");
    switch(&here, &store, "team/token", 2);
    let remote = "https://oauth2:hunter2@git.example/states.git";
    git(&here.path("."), &["config", "url../remote.git.insteadOf", remote]);
    let line =
        |branch: &str| format!("state move-to gs://state/team/token --from-branch {branch} --remote {remote} {LOCAL}");
    let absent = here.run(&line("nothing")).exit(1).warns("https://git.example/states.git has no branch nothing");
    let _ = absent.never_says("hunter2");
    let moved = here.run(&line(BRANCH)).exit(0).says("the branch dixaform-state of https://git.example/states.git");
    let _ = moved.never_says("hunter2");
    let nowhere = line(BRANCH).replace("git.example", "127.0.0.1:9");
    let _ = here.run(&nowhere).exit(1).warns("can't fetch the branch").never_says("hunter2");
}
