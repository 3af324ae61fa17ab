//! The pipeline of GitLab, job by job.

use serde_json::Value;

use crate::ci_kit::repository::{Repository, Stopped, Variables};
use crate::ci_kit::yaml;
use crate::support::manifests::email;

/// How a job ended.
struct Job {
    code: Option<i32>,
    log: String,
    folder: String,
    variables: Variables,
}

/// Runs a job: `before_script` and `script` in one shell, `after_script` in another, as GitLab does. `more` are variables
/// of the project, the pipeline and the jobs before.
fn job(repository: &Repository, name: &str, more: &[(&str, &str)], stop: Option<Stopped>) -> Job {
    let pipeline = yaml("gitlab/.gitlab-ci.yml");
    let job = &pipeline[name];
    let folder = repository.checkout();
    let root = repository.workspace.path("").display().to_string();
    let fixed = [
        ("GITLAB_CI", "true"),
        ("CI_SERVER_URL", root.trim_end_matches('/')),
        ("CI_PROJECT_PATH", "origin"),
        ("CI_PROJECT_ID", "42"),
        ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
        ("CI_JOB_TOKEN", "job-token"),
    ];
    let pairs = fixed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut variables: Variables = pairs.collect();
    variables.entry("CI_COMMIT_SHA".to_owned()).or_insert_with(|| repository.head());
    repository.sh(&folder, &format!("git checkout --quiet {}", variables["CI_COMMIT_SHA"]));
    if !variables.contains_key("CI_MERGE_REQUEST_IID") {
        variables.insert("CI_COMMIT_BRANCH".to_owned(), "main".to_owned());
    }
    variables.insert("CI_JOB_URL".to_owned(), format!("https://gitlab.example.com/o/r/-/jobs/{folder}"));
    for (name, value) in pipeline["variables"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let value = value.replace("$CI_SERVER_URL", &variables["CI_SERVER_URL"]).replace("$CI_PROJECT_PATH", "origin");
        variables.insert(name.clone(), value);
    }
    let script = format!("{}\n{}", lines(&pipeline["default"]["before_script"]), lines(&job["script"]));
    let ended = repository.run(&folder, &script, &variables, stop);
    let mut log = ended.log;
    if !job["after_script"].is_null() {
        let after = repository.run(&folder, &lines(&job["after_script"]), &variables, None);
        log.push_str(&after.log);
    }
    Job { code: ended.code, log, folder, variables }
}

fn lines(script: &Value) -> String {
    script.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The variables that the plan hands to the apply.
fn handed_on(repository: &Repository, plan: &Job) -> Vec<(String, String)> {
    let report = yaml("gitlab/.gitlab-ci.yml")["plan"]["artifacts"]["reports"]["dotenv"].as_str().unwrap().to_owned();
    let text = repository.workspace.read(&format!("{}/{report}", plan.folder));
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn apply(repository: &Repository, plan: &Job, stop: Option<Stopped>) -> Job {
    let handed = handed_on(repository, plan);
    let mut more: Vec<(&str, &str)> = handed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    more.extend([("DIXA_API_KEY", "the-secret-token"), ("DIXAFORM_STATE_TOKEN", "glpat-state")]);
    job(repository, "apply", &more, stop)
}

/// A machine without jq can't find notes.
fn has_jq() -> bool {
    std::process::Command::new("jq").arg("--version").output().is_ok()
}

const REQUEST: [(&str, &str); 2] = [("CI_MERGE_REQUEST_IID", "7"), ("DIXAFORM_GITLAB_TOKEN", "glpat-notes")];

#[test]
fn a_merge_request_gets_one_note_which_is_edited_later_and_its_reports() {
    if !has_jq() {
        return;
    }
    let repository = Repository::ready(2, "");
    repository.comment(12, "5", "<!-- dixaform:plan tenant=staging -->\nwhat a person wrote\n");
    let first = job(&repository, "plan", &REQUEST, None);
    assert_eq!(first.code, Some(0), "{}", first.log);
    let reports = &yaml("gitlab/.gitlab-ci.yml")["plan"]["artifacts"]["reports"];
    let report = |name: &str| -> Value {
        let path = format!("{}/{}", first.folder, reports[name].as_str().unwrap());
        serde_json::from_str(&repository.workspace.read(&path)).unwrap()
    };
    assert_eq!(report("terraform")["create"], 2);
    assert_eq!(report("codequality"), serde_json::json!([]));
    assert!(repository.workspace.exists(&format!("{}/dixaform-out/plan.html", first.folder)));
    assert!(repository.comments()[1].1.contains("2 to create"));

    repository.push("manifests/more.yaml", &email("more"));
    let second = job(&repository, "plan", &REQUEST, None);
    assert_eq!(second.code, Some(0), "{}", second.log);
    let comments = repository.comments();
    assert!(comments.len() == 2 && comments[0].1.ends_with("what a person wrote\n"), "{comments:?}");
    assert!(comments[1].1.contains("3 to create"), "{comments:?}");
    let calls = repository.calls();
    assert_eq!((calls.matches("--request POST").count(), calls.matches("--request PUT").count()), (1, 1), "{calls}");
    assert!(!calls.contains("glpat"), "a token is among the arguments: {calls}");
    assert_eq!(repository.requests(), 0);
    assert!(!first.variables.values().any(|value| value.contains("secret")));
}

/// A pipeline of merged results runs on a merge that is in nobody's clone.
#[test]
fn the_page_names_the_commit_that_was_pushed() {
    let repository = Repository::ready(1, "");
    let pushed = "7d0b5e1fa1c5a9ab3a1a3e0dcf1e1b5f6b0a8c39";
    let head = repository.head();
    for (source, named) in [(pushed, pushed), ("", &head)] {
        let more = [REQUEST[0], ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", source)];
        let plan = job(&repository, "plan", &more, None);
        let page = repository.workspace.read(&format!("{}/dixaform-out/plan.md", plan.folder));
        assert!(page.ends_with(&format!(" of commit {}\n", &named[..12])), "{page}");
    }
}

/// GitLab lets people retry a job of an old pipeline.
#[test]
fn a_job_of_an_old_pipeline_that_is_retried_is_refused() {
    let repository = Repository::ready(1, "");
    let old = repository.head();
    let plan = job(&repository, "plan", &[], None);
    assert_eq!(apply(&repository, &plan, None).code, Some(0));
    repository.push("manifests/more.yaml", &email("more"));
    let requests = repository.requests();
    for (name, more) in
        [("plan", vec![]), ("apply", vec![("DIXAFORM_APPLY", "true"), ("DIXAFORM_FINGERPRINT", "0123456789abcdef")])]
    {
        let more = [&[("CI_COMMIT_SHA", old.as_str()), ("DIXA_API_KEY", "t")], more.as_slice()].concat();
        let again = job(&repository, name, &more, None);
        let told = format!("error: this run is of commit {}, which is no longer the tip of main", &old[..12]);
        assert!(again.code == Some(5) && again.log.contains(&told), "{name}: {}", again.log);
    }
    assert_eq!((repository.requests(), repository.kept("staging.taken").as_str()), (requests, ""));
}

#[test]
fn without_a_token_there_is_no_note_and_the_log_says_so() {
    let repository = Repository::ready(1, "");
    let plan = job(&repository, "plan", &REQUEST[..1], None);
    assert_eq!(plan.code, Some(0), "{}", plan.log);
    assert!(plan.log.contains("NO COMMENT") && plan.log.contains("1 to create"), "{}", plan.log);
    assert_eq!(repository.calls(), "");
}

#[test]
fn a_bad_manifest_fails_the_job_and_is_in_the_report() {
    let repository = Repository::ready(1, "");
    repository.push("manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    let plan = job(&repository, "plan", &REQUEST[..1], None);
    assert_eq!(plan.code, Some(1), "{}", plan.log);
    let report = repository.workspace.read(&format!("{}/dixaform-out/gl-code-quality-report.json", plan.folder));
    assert!(report.contains("unknown-member"), "{report}");
}

#[test]
fn a_merge_is_applied_once_and_the_state_is_on_its_branch() {
    let repository = Repository::ready(3, "");
    let plan = job(&repository, "plan", &[], None);
    let applied = apply(&repository, &plan, None);
    assert_eq!(applied.code, Some(0), "{}", applied.log);
    assert_eq!((repository.conversations(), repository.kept("staging.taken").as_str()), (3, ""));
    assert_eq!(repository.kept("staging.json").matches("\"address\"").count(), 3);
    let requests = repository.requests();
    let plan = job(&repository, "plan", &[], None);
    let again = apply(&repository, &plan, None);
    assert!(again.code == Some(0) && again.log.contains("No changes, and nothing in doubt."), "{}", again.log);
    assert_eq!(repository.requests(), requests);
}

#[test]
fn a_job_that_is_stopped_saves_its_state_afterwards_and_the_next_one_makes_nothing_twice() {
    let repository = Repository::ready(20, "--faults hang-after@create#2-5");
    let plan = job(&repository, "plan", &[], None);
    let stopped = apply(&repository, &plan, Some(Stopped::Killed));
    assert_ne!(stopped.code, Some(0));
    assert!(stopped.log.contains("saved the state of staging"), "{}", stopped.log);
    assert!(!repository.kept("staging.journal").is_empty() && repository.kept("staging.taken").is_empty());
    let plan = job(&repository, "plan", &[], None);
    let mut applied = apply(&repository, &plan, None);
    if applied.code == Some(5) {
        // A call in doubt had made nothing: it is planned again, which nobody has seen yet.
        let plan = job(&repository, "plan", &[], None);
        applied = apply(&repository, &plan, None);
    }
    assert_eq!(applied.code, Some(0), "{}", applied.log);
    assert_eq!(repository.conversations(), 20, "{}", applied.log);
}
