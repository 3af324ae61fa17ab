//! `state.sh` in the hands of people and of accidents.

use std::io::{BufRead as _, Write as _};

use crate::ci_kit::repository::{Ended, Repository, Variables};

pub(super) fn run(repository: &Repository, folder: &str, command: &str, who: &str) -> Ended {
    let pairs = [("DIXAFORM_TENANT", "staging"), ("GITHUB_RUN_ID", who)];
    let mut variables: Variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for (name, value) in [("GITHUB_SERVER_URL", "s"), ("GITHUB_REPOSITORY", "o/r"), ("GITHUB_RUN_ATTEMPT", "1")] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    repository.run(folder, &format!("bash .dixaform/ci/state.sh {command}"), &variables, None)
}

#[track_caller]
pub(super) fn well(repository: &Repository, folder: &str, command: &str, who: &str) -> String {
    let ended = run(repository, folder, command, who);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    ended.log
}

#[track_caller]
pub(super) fn refused(repository: &Repository, folder: &str, command: &str, who: &str, because: &str) {
    let ended = run(repository, folder, command, who);
    assert!(ended.code == Some(1) && ended.log.contains(because), "{because:?}: {}", ended.log);
}

#[test]
fn two_runs_never_have_one_tenant() {
    let repository = Repository::ready(0, "");
    let (one, two) = (repository.checkout(), repository.checkout());
    well(&repository, &one, "take", "1");
    refused(&repository, &two, "take", "2", "is taken by s/o/r/actions/runs/1/attempts/1");
    // The one that was refused has nothing to save, and takes no mark of another away.
    assert!(well(&repository, &two, "save", "2").contains("nothing to save"));
    assert!(!repository.kept("staging.taken").is_empty());
    well(&repository, &one, "save", "1");
    well(&repository, &two, "take", "2");
}

#[test]
fn another_tenant_may_save_in_between() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    // Somebody else is faster by a moment at the first push of each command, so that it is refused.
    let other = "cd \"$STUBS/../other\" && git pull --quiet && date +%N >acceptance.json && git add . && git commit --quiet -m other && git push --quiet";
    repository.sh("", "git clone --quiet --branch dixaform-state \"$PWD/origin.git\" other");
    before_push(&repository, &format!("({other})"));
    assert!(well(&repository, &one, "take", "1").contains("attempt 1 of 5"));
    repository.sh(&one, "echo '{}' > state/staging.json; touch ../stubs/once");
    assert!(well(&repository, &one, "save", "1").contains("attempt 1 of 5"));
    assert_eq!((repository.kept("staging.json").trim(), repository.kept("staging.taken").as_str()), ("{}", ""));
    assert!(!repository.kept("acceptance.json").is_empty());
}

/// Puts a `git` before the real one that runs a script once, before it pushes.
fn before_push(repository: &Repository, script: &str) {
    before(repository, "push", script);
}

/// The same for another command of git.
pub(super) fn before(repository: &Repository, command: &str, script: &str) {
    let git = format!(
        "#!/usr/bin/env bash\nexport PATH=${{PATH#*:}}\nfor word; do\n  if [ \"$word\" = {command} ] && [ -e \"$STUBS/once\" ]; then\n    rm \"$STUBS/once\"\n    {script}\n  fi\ndone\nexec git \"$@\"\n"
    );
    repository.workspace.write("stubs/git", git);
    repository.sh("stubs", "chmod +x git && touch once");
}

#[test]
fn a_repository_that_is_away_for_a_moment_is_asked_again() {
    let repository = Repository::ready(0, "");
    for command in ["ls-remote", "fetch"] {
        before(&repository, command, "exit 128");
        let one = repository.checkout();
        assert!(well(&repository, &one, "restore", "1").contains("did not answer (attempt 1 of 5)"), "{command}");
        repository.sh("stubs", "touch once");
        assert!(well(&repository, &one, "take", "1").contains("did not answer (attempt 1 of 5)"), "{command}");
        repository.sh(&one, &format!("echo '\"{command}\"' > state/staging.json; touch ../stubs/once"));
        assert!(well(&repository, &one, "save", "1").contains("did not answer (attempt 1 of 5)"), "{command}");
        assert_eq!(repository.kept("staging.json").trim(), format!("\"{command}\""));
    }
}

#[test]
fn a_push_whose_answer_is_lost_counts() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    // The first push of each command arrives, and seems to fail.
    before_push(&repository, "git \"$@\"; exit 128");
    assert!(well(&repository, &one, "take", "1").contains("attempt 1 of 5"));
    repository.sh(&one, "echo '{}' > state/staging.json; touch ../stubs/once");
    assert!(well(&repository, &one, "save", "1").contains("is on the branch"));
    assert_eq!((repository.kept("staging.json").trim(), repository.kept("staging.taken").as_str()), ("{}", ""));
}

#[test]
fn a_state_is_never_lost_to_one_that_is_missing_or_another() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    well(&repository, &one, "take", "1");
    repository.sh(&one, "echo '{}' > state/staging.json");
    well(&repository, &one, "save", "1");
    let two = repository.checkout();
    well(&repository, &two, "take", "2");
    repository.sh(&two, "rm state/staging.json");
    refused(&repository, &two, "save", "2", "state/staging.json is gone");
    assert_eq!(repository.kept("staging.json").trim(), "{}");
    let three = repository.checkout();
    repository.sh(&three, "mkdir state && echo '{\"other\": 1}' > state/staging.json");
    refused(&repository, &three, "restore", "3", "exists already");
}

/// What the tests say of a state here: its lineage and serial.
fn put_state(repository: &Repository, folder: &str, lineage: &str, serial: u32) {
    let state =
        format!("{{\"format\":\"dixaform-state/1\",\"lineage\":\"{lineage}\",\"serial\":{serial},\"records\":[\n]}}\n");
    repository.workspace.write(&format!("{folder}/state/staging.json"), state);
}

/// A clone in which people plan falls behind, and nothing in it is lost when it catches up.
#[test]
fn a_copy_of_the_state_that_only_fell_behind_is_brought_up_to_date() {
    let repository = Repository::ready(0, "");
    let (clone, job) = (repository.checkout(), repository.checkout());
    for serial in [1, 2, 3] {
        well(&repository, &job, "take", "1");
        put_state(&repository, &job, "abc-1", serial);
        well(&repository, &job, "save", "1");
        well(&repository, &clone, "restore", "2");
        assert_eq!(repository.workspace.read(&format!("{clone}/state/staging.json")), repository.kept("staging.json"));
    }
}

#[test]
fn a_state_that_was_applied_by_hand_while_the_branch_went_on_is_not_overwritten() {
    let repository = Repository::ready(0, "");
    let (clone, job) = (repository.checkout(), repository.checkout());
    well(&repository, &job, "take", "1");
    put_state(&repository, &job, "abc-1", 1);
    well(&repository, &job, "save", "1");
    well(&repository, &clone, "restore", "2");
    put_state(&repository, &clone, "abc-1", 2);
    well(&repository, &job, "take", "1");
    put_state(&repository, &job, "abc-1", 3);
    well(&repository, &job, "save", "1");
    for command in ["restore", "take"] {
        refused(&repository, &clone, command, "2", "state/staging.json exists already, and differs");
    }
    assert!(repository.workspace.read(&format!("{clone}/state/staging.json")).contains("\"serial\":2"));
    assert_eq!(repository.kept("staging.taken"), "");
}

/// A branch that was set back is no reason to lose the newest state that there is.
#[test]
fn a_state_on_the_branch_that_is_older_than_the_one_here_is_not_brought() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    for serial in [1, 2] {
        well(&repository, &one, "take", "1");
        put_state(&repository, &one, "abc-1", serial);
        well(&repository, &one, "save", "1");
    }
    // Taken and saved are two commits each.
    repository.sh("origin.git", "git update-ref refs/heads/dixaform-state dixaform-state~2");
    for command in ["restore", "take"] {
        refused(&repository, &one, command, "1", "state/staging.json exists already, and differs");
    }
}

/// Such as the artifact of another run that somebody puts back.
#[test]
fn an_older_state_or_that_of_another_lineage_is_not_saved_over_the_newest() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    well(&repository, &one, "take", "1");
    put_state(&repository, &one, "abc-1", 10);
    well(&repository, &one, "save", "1");
    well(&repository, &one, "take", "1");
    for (lineage, serial) in [("abc-1", 9), ("def-2", 11)] {
        put_state(&repository, &one, lineage, serial);
        refused(&repository, &one, "save", "1", "is older than the one on the branch dixaform-state, or another");
    }
    assert!(repository.kept("staging.json").contains("\"serial\":10") && !repository.kept("staging.taken").is_empty());
    put_state(&repository, &one, "abc-1", 11);
    well(&repository, &one, "save", "1");
}

/// The first apply of all has no state on the branch that could be missed.
#[test]
fn what_an_apply_made_is_not_given_back_without_a_state() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    well(&repository, &one, "take", "1");
    repository.sh(&one, "mkdir dixaform-out && echo '{\"outcomes\":[{\"id\":1001}]}' > dixaform-out/apply.json");
    refused(&repository, &one, "save", "1", "there is no state/staging.json, although the apply did something");
    assert!(!repository.kept("staging.taken").is_empty());
    repository.sh(&one, "echo '{\"outcomes\":[{\"id\":null}]}' > dixaform-out/apply.json");
    well(&repository, &one, "save", "1");
    assert!(repository.kept("staging.taken").is_empty());
}

/// A pull request that breaks the project file has its plan fail, and not the step before it.
#[test]
fn without_a_place_for_the_state_nothing_is_brought_and_nothing_taken() {
    let repository = Repository::ready(0, "");
    repository.push("dixaform.yaml", "version: 1\ntenants: {other: {baseUrl: \"https://dev.dixa.io\"}}\n");
    let one = repository.checkout();
    assert!(well(&repository, &one, "restore", "1").contains("dixaform can't say where it belongs"));
    refused(&repository, &one, "take", "1", "dixaform state path --tenant staging");
    assert_eq!(repository.kept("staging.taken"), "");
}

#[test]
fn a_state_beside_the_manifests_is_not_a_second_one() {
    let repository = Repository::ready(0, "");
    repository.push("state/staging.json", "{}\n");
    let one = repository.checkout();
    refused(&repository, &one, "take", "1", "there can be only one");
    assert_eq!(repository.kept("staging.taken"), "");
}

#[test]
fn a_repository_that_can_t_be_asked_is_not_an_empty_one() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    repository.sh(&one, "git remote set-url origin /nowhere");
    refused(&repository, &one, "restore", "1", "can't find out from the repository whether there is a branch");
    refused(&repository, &one, "take", "1", "can't find out from the repository whether there is a branch");
}

/// `actions/checkout` leaves a token in the checkout, unless it is told not to, and some runners have one for all.
#[test]
fn the_token_is_the_only_one_that_a_request_has() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let requests = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for connection in server.incoming() {
            let mut connection = connection.unwrap();
            let lines: Vec<String> = std::io::BufReader::new(connection.try_clone().unwrap())
                .lines()
                .map(|line| line.unwrap().to_lowercase())
                .take_while(|line| !line.is_empty())
                .collect();
            if lines.first().is_some_and(|line| line.starts_with("get /enough")) {
                return heads;
            }
            heads.push(lines.iter().filter(|line| line.starts_with("authorization:")).cloned().collect::<Vec<_>>());
            connection.write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
        heads
    });
    repository.sh(&one, &format!("git remote set-url origin http://{address}/o/r"));
    for file in ["", "--global "] {
        repository
            .sh(&one, &format!("git config {file}http.http://{address}/.extraheader 'AUTHORIZATION: basic abcd'"));
    }
    let mut variables = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
    variables.insert("DIXAFORM_STATE_TOKEN".to_owned(), "the-token".to_owned());
    let ended = repository.run(&one, "bash .dixaform/ci/state.sh restore", &variables, None);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let mut enough = std::net::TcpStream::connect(address).unwrap();
    enough.write_all(b"GET /enough HTTP/1.1\r\n\r\n").unwrap();
    let heads = requests.join().unwrap();
    assert!(!heads.is_empty(), "{}", ended.log);
    for head in heads {
        assert_eq!(head, ["authorization: basic eC1hY2Nlc3MtdG9rZW46dGhlLXRva2Vu".to_lowercase()]);
    }
}

#[test]
fn a_run_whose_mark_was_taken_away_says_that_nothing_was_saved() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    well(&repository, &one, "take", "1");
    repository.sh(&one, "echo '{}' > state/staging.json");
    repository.sh("", "git clone --quiet --branch dixaform-state \"$PWD/origin.git\" other && cd other && git rm --quiet staging.taken && git commit --quiet -m broken && git push --quiet");
    refused(&repository, &one, "save", "1", "no longer has the tenant");
    assert_eq!(repository.kept("staging.json"), "");
}

#[test]
fn a_state_that_was_here_before_moves_to_the_branch() {
    let repository = Repository::new(0, "");
    let one = repository.checkout();
    repository.sh(&one, "mkdir state && echo '{}' > state/staging.json");
    let told = well(&repository, &one, "create", "1");
    assert!(told.contains("created the branch dixaform-state, with state/staging.json\n"), "{told}");
    assert_eq!(repository.kept("staging.json").trim(), "{}");
    refused(&repository, &one, "create", "1", "already");
    // Nothing of the manifests is on that branch, nor of its history.
    assert_eq!(repository.sh("origin.git", "git ls-tree -r --name-only dixaform-state"), "README.md\nstaging.json\n");
    assert_eq!(repository.sh("origin.git", "git rev-list --count dixaform-state").trim(), "1");
}

/// Somebody who has one elsewhere must not find out by everything being made once more.
#[test]
fn a_branch_that_begins_with_nothing_says_so() {
    let repository = Repository::new(0, "");
    let one = repository.checkout();
    let told = well(&repository, &one, "create", "1");
    assert!(told.contains("There is no state/staging.json, so everything counts as new."), "{told}");
}

#[test]
fn states_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    well(&repository, &one, "take", "1");
    repository.sh(&one, "echo '{}' > state/staging.json");
    well(&repository, &one, "save", "1");
    let two = repository.checkout();
    well(&repository, &two, "restore", "2");
    let metadata = std::fs::metadata(repository.workspace.path(&format!("{two}/state/staging.json"))).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
