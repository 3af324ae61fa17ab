//! What can be said of the files without running them.

use std::io::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

use crate::ci_kit::{example, examples, yaml};

/// Every action that is not of this repository, and no others.
const ACTIONS: [&str; 2] = ["actions/checkout@v4", "actions/upload-artifact@v4"];

const SCRIPTS: [&str; 6] = ["apply.sh", "comment.sh", "install.sh", "plan.sh", "state.sh", "tip.sh"];

/// What scripts source.
const SOURCED: &str = "repository.sh";

fn steps(file: &Value) -> Vec<Value> {
    let jobs = file["jobs"].as_object().into_iter().flatten().map(|(_, job)| &job["steps"]);
    let all = jobs.chain([&file["runs"]["steps"]]).filter_map(Value::as_array).flatten();
    all.cloned().collect()
}

#[test]
fn the_workflow_asks_for_no_more_than_it_needs() {
    let workflow = yaml("github/plan-and-apply.yml");
    // YAML 1.1 would take the key for true.
    let on = workflow.get("on").expect("events");
    assert!(on.get("pull_request").is_some() && on.get("merge_group").is_some());
    assert!(on.get("pull_request_target").is_none());
    assert_eq!(on["push"]["branches"], serde_json::json!(["main"]));
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
    let (plan, apply) = (&workflow["jobs"]["plan"], &workflow["jobs"]["apply"]);
    assert_eq!(plan["permissions"], serde_json::json!({"contents": "read", "pull-requests": "write"}));
    assert_eq!(apply["permissions"], serde_json::json!({"contents": "write"}));
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    assert_eq!((&apply["environment"], &apply["needs"]), (&"staging".into(), &"plan".into()));
    assert!(!plan.to_string().contains("secrets."));
    let save = steps(&workflow).into_iter().find(|step| step["name"] == "Save the state").unwrap();
    assert_eq!(save["if"], "${{ always() }}");
}

#[test]
fn only_known_actions_are_used_and_no_foreign_text_is_part_of_a_script() {
    for file in ["github/plan-and-apply.yml", "github/action.yml"] {
        for step in steps(&yaml(file)) {
            assert!(step["uses"].as_str().is_none_or(|action| ACTIONS.contains(&action)), "{file}: {step}");
            assert!(!step["run"].as_str().is_some_and(|script| script.contains("${{")), "{file}: {step}");
        }
    }
}

#[test]
fn all_files_are_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(yaml("github/plan-and-apply.yml")["env"]["DIXAFORM_VERSION"], version);
    assert_eq!(yaml("github/action.yml")["inputs"]["version"]["default"], version);
    assert_eq!(yaml("gitlab/.gitlab-ci.yml")["variables"]["DIXAFORM_VERSION"], version);
}

#[test]
fn gitlab_applies_one_at_a_time_when_somebody_starts_it() {
    let apply = &yaml("gitlab/.gitlab-ci.yml")["apply"];
    assert_eq!((&apply["resource_group"], &apply["interruptible"]), (&"dixaform-staging".into(), &false.into()));
    assert_eq!((&apply["rules"][0]["when"], &apply["rules"][0]["allow_failure"]), (&"manual".into(), &false.into()));
    assert!(apply["after_script"].to_string().contains("state.sh save"));
}

#[test]
fn every_script_stops_at_its_first_error() {
    for script in SCRIPTS {
        let text = example(script);
        assert!(text.starts_with("#!/usr/bin/env bash\n") && text.contains("\nset -euo pipefail\n"), "{script}");
    }
}

/// What a program that checks files says; none if it is not installed, which is printed past the capture of the test's
/// output, and with `DIXAFORM_CI_KIT=required` fails the test.
fn checked_by(program: &str, arguments: &[&str]) -> Option<Output> {
    if let Ok(output) = Command::new(program).args(arguments).current_dir(examples()).output() {
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
    let arguments = [&["--external-sources", SOURCED], &SCRIPTS[..]].concat();
    if let Some(output) = checked_by("shellcheck", &arguments) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// By the schemas of SchemaStore and GitLab, which the program brings.
#[test]
fn the_files_are_what_github_and_gitlab_take() {
    let files = [
        ("vendor.github-workflows", "github/plan-and-apply.yml"),
        ("vendor.github-actions", "github/action.yml"),
        ("vendor.gitlab-ci", "gitlab/.gitlab-ci.yml"),
    ];
    for (schema, file) in files {
        let Some(output) = checked_by("check-jsonschema", &["--builtin-schema", schema, file]) else { return };
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
