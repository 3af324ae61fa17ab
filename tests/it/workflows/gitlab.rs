//! The pipeline of GitLab, job by job.

use serde_json::Value;

use crate::support::manifests::{callback, email};
use crate::workflows::has_jq;
use crate::workflows::repository::{Kept, Repository, Stopped, Variables};

/// How a job ended.
struct Job {
    code: Option<i32>,
    log: String,
    folder: String,
    variables: Variables,
}

const FILE: &str = ".gitlab-ci.yml";
const PROJECT: &str = "https://gitlab.example.com/o/r";

/// Runs a job: `before_script` and `script` in one shell, `after_script` in another, as GitLab does. `more` are variables
/// of the project, the pipeline and the jobs before.
fn job(repository: &Repository, name: &str, more: &[(&str, &str)], stop: Option<Stopped>) -> Job {
    let pipeline = repository.workflow(FILE);
    let job = &pipeline[name];
    let base = &pipeline[job["extends"].as_str().unwrap()];
    let fixed = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", PROJECT),
        ("CI_PROJECT_ID", "42"),
        ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
    ];
    let pairs = fixed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut variables: Variables = pairs.collect();
    variables.entry("CI_COMMIT_SHA".to_owned()).or_insert_with(|| repository.head());
    let folder = repository.checkout_of_gitlab(&variables["CI_COMMIT_SHA"]);
    if !variables.contains_key("CI_MERGE_REQUEST_IID") {
        variables.insert("CI_COMMIT_BRANCH".to_owned(), "main".to_owned());
    }
    variables.insert("CI_JOB_ID".to_owned(), folder.clone());
    variables.insert("CI_JOB_URL".to_owned(), format!("https://gitlab.example.com/o/r/-/jobs/{folder}"));
    for (name, value) in
        base["variables"].as_object().unwrap().iter().chain(job["variables"].as_object().into_iter().flatten())
    {
        variables.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    let script = format!("{}\n{}", lines(&base["before_script"]), lines(&job["script"]));
    let ended = repository.run(&folder, &script, &variables, stop);
    let mut log = ended.log;
    let mut code = ended.code;
    if !job["after_script"].is_null() && stop != Some(Stopped::Died) {
        let mut variables = variables.clone();
        if stop.is_some() {
            // The token of a job that was cancelled is void, and what comes after it runs in another container.
            repository.workspace.write("stubs/revoked", "");
            variables.insert("PATH".to_owned(), repository.bare_path());
        }
        let after = repository.run(&folder, &lines(&job["after_script"]), &variables, None);
        log.push_str(&format!("--- after: {:?}\n{}", after.code, after.log));
        if code == Some(0) && variables.get("AFTER_SCRIPT_IGNORE_ERRORS").is_some_and(|value| value == "false") {
            code = after.code;
        }
        repository.sh("stubs", "rm -f revoked");
    }
    Job { code, log, folder, variables }
}

fn lines(script: &Value) -> String {
    script.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Plans main, and applies that with the values that the plan hands on.
fn plan_and_apply(repository: &Repository, more: &[(&str, &str)], stop: Option<Stopped>) -> Job {
    let plan = job(repository, "dixaform-plan", more, None);
    assert_eq!(plan.code, Some(0), "{}", plan.log);
    let report =
        repository.workflow(FILE)["dixaform-plan"]["artifacts"]["reports"]["dotenv"].as_str().unwrap().to_owned();
    let text = repository.workspace.read(&format!("{}/{report}", plan.folder));
    let handed = text.lines().filter_map(|line| line.split_once('='));
    let tokens = [("DIXA_API_KEY", "the-secret-token"), ("DIXAFORM_PUSH_TOKEN", "glpat-push")];
    let all: Vec<(&str, &str)> = handed.chain(tokens).chain(more.iter().copied()).collect();
    job(repository, "dixaform-apply", &all, stop)
}

const REQUEST: [(&str, &str); 2] = [("CI_MERGE_REQUEST_IID", "7"), ("DIXAFORM_NOTES_TOKEN", "glpat-notes")];

#[test]
fn a_merge_request_gets_one_note_which_is_edited_later_and_its_reports() {
    if !has_jq() {
        return;
    }
    let repository = Repository::new(2, Kept::InGit, "");
    repository.comment(12, "5", "<!-- dixaform:plan tenant=staging -->\nwhat a person wrote\n");
    let first = job(&repository, "dixaform-plan", &REQUEST, None);
    assert_eq!(first.code, Some(0), "{}", first.log);
    let reports = &repository.workflow(FILE)["dixaform-plan"]["artifacts"]["reports"];
    let report = |name: &str| -> Value {
        let path = format!("{}/{}", first.folder, reports[name].as_str().unwrap());
        serde_json::from_str(&repository.workspace.read(&path)).unwrap()
    };
    assert_eq!(report("terraform")["create"], 2);
    assert_eq!(report("codequality"), serde_json::json!([]));
    assert!(repository.workspace.exists(&format!("{}/plan.html", first.folder)));
    assert!(repository.comments()[1].1.contains("2 to create"), "{}", first.log);

    repository.push("manifests/more.yaml", &email("more"));
    let second = job(&repository, "dixaform-plan", &REQUEST, None);
    assert_eq!(second.code, Some(0), "{}", second.log);
    let comments = repository.comments();
    assert!(comments.len() == 2 && comments[0].1.ends_with("what a person wrote\n"), "{comments:?}");
    assert!(comments[1].1.contains("3 to create"), "{comments:?}");
    let calls = repository.calls();
    assert_eq!((calls.matches("--request POST").count(), calls.matches("--request PUT").count()), (1, 1), "{calls}");
    assert!(!calls.contains("glpat"), "a token is among the arguments: {calls}");
    assert_eq!(repository.requests(), 0);
    assert!(!first.variables.values().any(|value| value.contains("secret")));

    // A plan that fails fails the job, and takes the place of the older note.
    repository.push("manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    assert_eq!(job(&repository, "dixaform-plan", &REQUEST, None).code, Some(1));
    assert!(repository.comments()[1].1.contains("unknown member"));
    // Without a token of its own the job says so, and is as well as before.
    let without = job(&repository, "dixaform-plan", &REQUEST[..1], None);
    assert!(without.log.contains("No note"), "{}", without.log);
}

/// Without merged results pipelines GitLab gives the branch alone, whose state is as old as the branch.
#[test]
fn a_merge_request_is_planned_with_what_its_target_has_by_now() {
    let repository = Repository::new(1, Kept::InGit, "");
    repository.sh("seed", "git branch topic");
    let on_topic = |name: &str, text: &str| {
        repository.sh("seed", "git switch --quiet topic");
        repository.workspace.write(&format!("seed/{name}"), text);
        repository.sh("seed", "git add . && git commit --quiet -m topic && git push --quiet origin topic");
        let commit = repository.sh("seed", "git rev-parse topic");
        repository.sh("seed", "git switch --quiet main");
        commit.trim().to_owned()
    };
    let commit = on_topic("manifests/new.yaml", &email("new"));
    assert_eq!(plan_and_apply(&repository, &[], None).code, Some(0));
    let target = [
        ("CI_MERGE_REQUEST_EVENT_TYPE", "detached"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_PROJECT_ID", "42"),
    ];
    let plan = |commit: &str| {
        let all: Vec<_> = REQUEST.into_iter().take(1).chain(target).chain([("CI_COMMIT_SHA", commit)]).collect();
        job(&repository, "dixaform-plan", &all, None)
    };
    let planned = plan(&commit);
    assert!(planned.code == Some(0) && planned.log.contains("Plan: 1 to create"), "{}", planned.log);
    assert!(planned.log.contains("conversation.new") && !planned.log.contains("conversation.c0"), "{}", planned.log);
    let page = repository.workspace.read(&format!("{}/.dixaform/out/plan.md", planned.folder));
    assert!(page.contains(&format!("of commit `{}`", &commit[..12])), "the one that was pushed: {page}");

    let commit = on_topic("manifests/c0.yaml", "one\n");
    repository.push("manifests/c0.yaml", "two\n");
    let conflict = plan(&commit);
    assert!(conflict.code == Some(1) && conflict.log.contains("CONFLICT"), "{}", conflict.log);
    assert!(!conflict.log.contains("to create"), "{}", conflict.log);
}

#[test]
fn main_is_applied_once_and_a_pipeline_that_is_started_again_does_nothing() {
    let repository = Repository::new(2, Kept::InGit, "");
    let old = repository.head();
    let first = plan_and_apply(&repository, &[], None);
    assert_eq!((first.code, repository.conversations()), (Some(0), 2), "{}", first.log);
    assert_eq!(repository.on_main("state/staging.json").matches("\"address\"").count(), 2, "{}", first.log);
    assert_eq!(repository.on_main("state/staging.applying"), "");
    let requests = repository.requests();
    let again = plan_and_apply(&repository, &[("CI_COMMIT_SHA", &old)], None);
    assert!(again.code == Some(0) && again.log.contains("No changes, and nothing in doubt."), "{}", again.log);
    assert_eq!(repository.requests(), requests);
    let token = [("DIXA_API_KEY", "the-secret-token")];
    assert_eq!(job(&repository, "dixaform-drift", &token, None).code, Some(0));
    repository.push("manifests/more.yaml", &email("more"));
    assert_eq!(job(&repository, "dixaform-drift", &token, None).code, Some(2));
}

/// A slim image may have no git, and a server may not answer.
#[test]
fn a_job_that_can_not_have_the_newest_commit_does_nothing() {
    for kept in [Kept::InGit, Kept::InStore] {
        let repository = Repository::new(1, kept, "");
        let path = repository.sh("", "echo \"$PATH\"");
        let stub =
            format!("#!/bin/sh\nif [ \"$1\" = fetch ]; then exit 128; fi\nPATH={} exec git \"$@\"\n", path.trim());
        repository.workspace.write("broken/git", stub);
        repository.sh("broken", "chmod +x git");
        let path = format!("{}:{}", repository.workspace.path("broken").display(), path.trim());
        let plan = job(&repository, "dixaform-plan", &[("PATH", &path)], None);
        assert!(plan.code == Some(128) && !plan.log.contains("to create"), "{}", plan.log);
    }
}

#[test]
fn a_job_that_died_is_followed_by_one_that_makes_nothing_twice() {
    const ALL: usize = 8;
    let repository = Repository::new(ALL, Kept::InGit, "--faults hang-after@create#2-8");
    let first = plan_and_apply(&repository, &[], Some(Stopped::Died));
    assert!((2..=ALL).contains(&repository.conversations()), "{}", first.log);
    assert_ne!(repository.on_main("state/staging.applying"), "");
    let mut second = plan_and_apply(&repository, &[], None);
    assert!(second.log.contains("recorded."), "{}", second.log);
    if second.code == Some(5) {
        second = plan_and_apply(&repository, &[], None);
    }
    assert_eq!((second.code, repository.conversations()), (Some(0), ALL), "{}", second.log);
    assert_eq!(repository.on_main("state/staging.json").matches("\"address\"").count(), ALL);
}

/// Cancelled while calls were on their way: state and journal are committed without the token of the job and without what
/// it had installed, and the next one knows what it knew.
#[test]
fn a_job_that_was_cancelled_commits_what_it_knew() {
    const ALL: usize = 8;
    let repository = Repository::new(ALL, Kept::InGit, "--faults hang-after@create#2-8");
    let first = plan_and_apply(&repository, &[], Some(Stopped::Killed));
    assert!(first.log.contains("--- after: Some(0)\n"), "{}", first.log);
    assert_eq!(repository.on_main("state/staging.applying"), "", "{}", first.log);
    let journal = repository.on_main("state/staging.journal");
    let kept = &repository.workflow(FILE)["dixaform-apply"]["artifacts"]["paths"][1];
    let kept = repository.workspace.read(&format!("{}/{}/staging.journal", first.folder, kept.as_str().unwrap()));
    assert!(!journal.is_empty() && kept == journal, "{}", first.log);
    let mut second = plan_and_apply(&repository, &[], None);
    if second.code == Some(5) {
        second = plan_and_apply(&repository, &[], None);
    }
    assert_eq!((second.code, repository.conversations()), (Some(0), ALL), "{}", second.log);
    assert_eq!(repository.on_main("state/staging.json").matches("\"address\"").count(), ALL);
    assert_eq!(repository.on_main("state/staging.journal"), "");
    assert!(!repository.calls().contains("state rebuild"), "{}", repository.calls());
}

#[test]
fn a_job_that_timed_out_has_time_for_what_comes_after_it() {
    let repository = Repository::new(0, Kept::InGit, "");
    let apply = &repository.workflow(FILE)["dixaform-apply"];
    assert_eq!(apply["timeout"], "5 hours");
    let (script, after) =
        (&apply["variables"]["RUNNER_SCRIPT_TIMEOUT"], &apply["variables"]["RUNNER_AFTER_SCRIPT_TIMEOUT"]);
    assert_eq!((script, after), (&"4h40m".into(), &"10m".into()));
}

/// That must not leave the job green: nobody would look.
#[test]
fn a_state_that_could_not_be_pushed_fails_the_job() {
    let repository = Repository::new(1, Kept::InGit, "");
    let hook = "#!/bin/sh\nif git log -1 --format=%s \"$(cut -d' ' -f2)\" | grep -q '^State of'; then exit 1; fi\n";
    repository.workspace.write("origin.git/hooks/pre-receive", hook);
    repository.workspace.write("stubs/sleep", "#!/bin/sh\n");
    repository.sh("origin.git", "chmod +x hooks/pre-receive ../stubs/sleep");
    let job = plan_and_apply(&repository, &[], None);
    assert_eq!((job.code, repository.conversations()), (Some(1), 1), "{}", job.log);
    assert_ne!(repository.on_main("state/staging.applying"), "", "{}", job.log);
}

/// A runner keeps the folder of a job for the next one. Here that one ends before it has looked for anything.
#[test]
fn what_a_job_before_has_noted_in_its_folder_counts_for_nothing() {
    let repository = Repository::new(0, Kept::InGit, "");
    repository.push("state/staging.applying", "somebody\n");
    let after = lines(&repository.workflow(FILE)["dixaform-apply"]["after_script"]);
    for (noted, mark) in [("41", "somebody\n"), ("42", "")] {
        let folder = repository.checkout_of_gitlab("main");
        let note = "git config dixaform.state state/staging.json && cp \"$PROGRAM\" .git/dixaform";
        repository.sh(&folder, &format!("git config dixaform.began {noted} && {note}"));
        let pairs = [
            ("CI_JOB_ID", "42"),
            ("CI_PROJECT_URL", PROJECT),
            ("CI_COMMIT_BRANCH", "main"),
            ("DIXAFORM_PUSH_TOKEN", "glpat-push"),
        ];
        let variables = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let ended = repository.run(&folder, &after, &variables, None);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(repository.on_main("state/staging.applying"), mark, "{}", ended.log);
    }
}

#[test]
fn what_a_dead_job_made_and_nobody_can_tell_is_kept_as_a_question_and_nothing_is_sent() {
    let repository = Repository::new(2, Kept::InGit, "");
    repository.push("manifests/callback.yaml", &callback("callback"));
    // A job that died with everything that it knew.
    let folder = repository.checkout("main", false);
    let token = Variables::from([("DIXA_API_KEY".to_owned(), "the-secret-token".to_owned())]);
    let died = repository.run(&folder, "dixaform apply --tenant staging --yes", &token, None);
    assert_eq!(died.code, Some(0), "{}", died.log);
    repository.push("state/staging.applying", "a job that died\n");

    let asked = plan_and_apply(&repository, &[], None);
    assert!(asked.code == Some(6) && asked.log.contains("--- after: Some(0)\n"), "{}", asked.log);
    assert_eq!(repository.on_main("state/staging.applying"), "", "{}", asked.log);
    assert_eq!(repository.on_main("state/staging.json").matches("\"address\"").count(), 2, "{}", asked.log);
    assert!(repository.on_main("state/staging.journal").contains("conversation.callback"), "{}", asked.log);
    assert_eq!(plan_and_apply(&repository, &[], None).code, Some(6));
    assert_eq!(repository.conversations(), 3);
}

/// If it can't be looked for what a dead job made, its mark stays.
#[test]
fn a_mark_stays_until_what_was_made_is_known() {
    let repository = Repository::new(1, Kept::InGit, "--faults 500-before@conversations#*");
    repository.push("state/staging.applying", "somebody\n");
    let first = plan_and_apply(&repository, &[], None);
    assert_ne!(first.code, Some(0), "{}", first.log);
    assert_eq!(repository.on_main("state/staging.applying"), "somebody\n", "{}", first.log);
    assert_eq!(repository.conversations(), 0);
}

#[test]
fn with_a_store_nothing_is_committed() {
    let repository = Repository::new(2, Kept::InStore, "");
    let head = repository.head();
    let first = plan_and_apply(&repository, &[], None);
    assert_eq!((first.code, repository.conversations(), repository.head()), (Some(0), 2, head), "{}", first.log);
    let again = plan_and_apply(&repository, &[], None);
    assert!(again.log.contains("No changes, and nothing in doubt."), "{}", again.log);
}
