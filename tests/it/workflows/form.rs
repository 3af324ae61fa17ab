//! What can be said of the files without running them.

use std::io::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::Workspace;
use crate::workflows::{WORKFLOWS, examples, yaml};

/// Every action that is used, with the commit of its release.
const ACTIONS: [&str; 2] = [
    "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
    "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a",
];

fn steps(workflow: &Value) -> Vec<Value> {
    let jobs = workflow["jobs"].as_object().into_iter().flatten();
    jobs.filter_map(|(_, job)| job["steps"].as_array()).flatten().cloned().collect()
}

/// Every script of a workflow; those of GitLab run in one shell for each job.
fn scripts(workflow: &Value) -> Vec<String> {
    let of_github = steps(workflow).into_iter().filter_map(|step| Some(step["run"].as_str()?.to_owned()));
    let jobs = workflow.as_object().into_iter().flatten().map(|(_, job)| job);
    let of_gitlab = jobs.flat_map(|job| ["before_script", "script", "after_script"].map(|part| &job[part]));
    let joined = |lines: &Vec<Value>| lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n");
    of_github.chain(of_gitlab.filter_map(Value::as_array).map(joined)).collect()
}

#[test]
fn a_workflow_of_github_asks_for_no_more_than_it_needs() {
    for (file, apply_may) in
        [("github/committed.yml", serde_json::json!({"contents": "write"})), ("github/store.yml", Value::Null)]
    {
        let workflow = yaml(file);
        // YAML 1.1 would take the key for true.
        let on = workflow.get("on").expect("events");
        assert!(on.get("pull_request").is_some() && on.get("merge_group").is_some());
        assert!(on.get("pull_request_target").is_none() && on["schedule"][0]["cron"].is_string());
        assert_eq!(on["push"]["branches"], serde_json::json!(["main"]));
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
        let jobs = &workflow["jobs"];
        assert_eq!(jobs["plan"]["permissions"], serde_json::json!({"contents": "read", "pull-requests": "write"}));
        assert_eq!(jobs["apply"]["permissions"], apply_may);
        assert_eq!(jobs["drift"]["permissions"], Value::Null);
        assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
        assert_eq!((&jobs["apply"]["environment"], &jobs["apply"]["needs"]), (&"staging".into(), &"plan".into()));
        assert!(!jobs["plan"].to_string().contains("DIXA_API_KEY"));
        let checkouts = steps(&workflow).into_iter().filter(|step| step["uses"].is_string());
        let with_token = checkouts.filter(|step| step["uses"].as_str().unwrap().contains("checkout"));
        let with_token = with_token.filter(|step| step["with"]["persist-credentials"] != false).count();
        assert_eq!(with_token, usize::from(!apply_may.is_null()), "only what pushes has the token of the checkout");
    }
}

#[test]
fn actions_are_pinned_by_commit_and_no_foreign_text_is_part_of_a_script() {
    for (file, _) in WORKFLOWS {
        let text = std::fs::read_to_string(examples().join(file)).unwrap();
        let pins = text.lines().filter(|line| line.contains("uses: "));
        assert!(pins.clone().all(|line| line.contains(" # v")), "{file}: a pin names its version");
        let workflow = yaml(file);
        for step in steps(&workflow) {
            assert!(step["uses"].as_str().is_none_or(|action| ACTIONS.contains(&action)), "{file}: {step}");
        }
        for script in scripts(&workflow) {
            assert!(!script.contains("${{"), "{file}: foreign text must not become part of a script: {script}");
        }
    }
}

#[test]
fn all_files_are_of_this_version_which_is_in_one_place_of_each() {
    for (file, _) in WORKFLOWS {
        let workflow = yaml(file);
        let variables = if file.starts_with("github") { &workflow["env"] } else { &workflow[".dixaform"]["variables"] };
        assert_eq!(variables["DIXAFORM_VERSION"], env!("CARGO_PKG_VERSION"), "{file}");
        let text = std::fs::read_to_string(examples().join(file)).unwrap();
        assert_eq!(
            text.matches(env!("CARGO_PKG_VERSION")).count(),
            1 + text.matches("v7.0.1").count() * usize::from(env!("CARGO_PKG_VERSION") == "7.0.1"),
            "{file}"
        );
    }
}

#[test]
fn gitlab_applies_one_at_a_time_when_somebody_starts_it() {
    for file in ["gitlab/committed.gitlab-ci.yml", "gitlab/store.gitlab-ci.yml"] {
        let apply = &yaml(file)["dixaform-apply"];
        assert_eq!((&apply["resource_group"], &apply["interruptible"]), (&"dixaform-staging".into(), &false.into()));
        assert_eq!(
            (&apply["rules"][0]["when"], &apply["rules"][0]["allow_failure"]),
            (&"manual".into(), &false.into())
        );
    }
}

/// What a program that checks files says; none if it is not installed, which is printed past the capture of the test's
/// output, and with `DIXAFORM_CI_KIT=required` fails the test.
fn checked_by(program: &str, arguments: &[&str]) -> Option<Output> {
    if let Ok(output) = Command::new(program).args(arguments).output() {
        return Some(output);
    }
    let required = std::env::var("DIXAFORM_CI_KIT").is_ok_and(|value| value == "required");
    assert!(!required, "DIXAFORM_CI_KIT=required, and there is no {program}");
    let line = format!("\n!! NOT CHECKED: examples/ci: there is no {program} on this machine\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
    None
}

#[test]
fn shellcheck_has_nothing_to_say_of_any_script() {
    let workspace = Workspace::new();
    let mut files = Vec::new();
    for (number, script) in WORKFLOWS.iter().flat_map(|(file, _)| scripts(&yaml(file))).enumerate() {
        // GitHub and GitLab run them so that the first error ends them.
        workspace.write(&format!("{number}.sh"), format!("#!/usr/bin/env bash\nset -eo pipefail\n{script}\n"));
        files.push(workspace.path(&format!("{number}.sh")).display().to_string());
    }
    assert!(files.len() > 15, "{}", files.len());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    if let Some(output) = checked_by("shellcheck", &files) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// By the schemas of SchemaStore and GitLab, which the program brings; also those for a project in a folder.
#[test]
fn the_files_are_what_github_and_gitlab_take() {
    let workspace = Workspace::new().file(".git/HEAD", "ref: refs/heads/main\n");
    for service in ["github", "gitlab"] {
        let _ = workspace.run(&format!("init teams/nordic --ci {service}")).exit(0);
    }
    let made = [
        (".github/workflows/dixaform-teams-nordic.yml", "vendor.github-workflows"),
        (".gitlab/dixaform-teams-nordic.yml", "vendor.gitlab-ci"),
        (".gitlab-ci.yml", "vendor.gitlab-ci"),
    ];
    let all = WORKFLOWS.map(|(file, schema)| (examples().join(file), schema)).into_iter();
    for (path, schema) in all.chain(made.map(|(file, schema)| (workspace.path(file), schema))) {
        let path = path.display().to_string();
        let Some(output) = checked_by("check-jsonschema", &["--builtin-schema", schema, &path]) else { return };
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
