//! What can be said of the workflows and scripts without running them.

use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};

use crate::packages::{on_this_machine, repository, said, text_of};

/// Files that use actions: kind of schema, path.
const FILES: [(&str, &str); 3] = [
    ("github-workflows", ".github/workflows/ci.yml"),
    ("github-workflows", ".github/workflows/release.yml"),
    ("github-actions", ".github/actions/setup-dixaform/action.yml"),
];

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&text_of(path)).unwrap()
}

#[test]
fn the_workflows_and_the_action_are_what_github_takes() {
    if !on_this_machine(&["check-jsonschema"]) {
        return;
    }
    for (schema, file) in FILES {
        let schema = format!("vendor.{schema}");
        let output = Command::new("check-jsonschema")
            .args(["--builtin-schema", &schema])
            .arg(repository(file))
            .output()
            .unwrap();
        assert!(output.status.success(), "{file}: {}", said(&output));
    }
}

#[test]
fn shellcheck_has_nothing_to_say_of_the_scripts_and_of_what_workflows_run() {
    if !on_this_machine(&["shellcheck"]) {
        return;
    }
    let scripts =
        [".packaging/check", ".packaging/image", ".packaging/wheel", ".github/actions/setup-dixaform/setup.sh"];
    let mut shellcheck = Command::new("shellcheck");
    let output = shellcheck.args(scripts.map(repository)).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let folder = tempfile::tempdir().unwrap();
    let jobs = yaml(".github/workflows/release.yml")["jobs"].clone();
    for (name, job) in jobs.as_object().unwrap() {
        for (number, step) in job["steps"].as_array().unwrap().iter().enumerate() {
            let Some(text) = step["run"].as_str() else { continue };
            assert!(!text.contains("${{"), "{name}: foreign text must not become part of a script: {text}");
            let file = folder.path().join(format!("{name}-{number}"));
            std::fs::write(&file, text).unwrap();
            // The flags of a platform are several words.
            let output =
                Command::new("shellcheck").args(["--shell=bash", "--exclude=SC2086"]).arg(&file).output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
        }
    }
}

#[test]
fn actions_are_pinned_by_commit_and_say_which_version_that_is() {
    let pinned = Regex::new(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$").unwrap();
    let mut count = 0;
    for (_, file) in FILES {
        let text = text_of(file);
        let uses = text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("uses: "));
        for action in uses {
            assert!(pinned.is_match(action), "{file}: {action}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

/// Each job has what it needs and no more; what has a token runs no code of a dependency.
#[test]
fn every_job_of_a_release_has_the_least_permissions() {
    let workflow = yaml(".github/workflows/release.yml");
    assert_eq!(workflow["on"], json!({"push": {"tags": ["v*"]}}));
    assert_eq!(workflow["permissions"], json!({}));
    let read = json!({"contents": "read"});
    let sign = json!({"contents": "read", "id-token": "write", "attestations": "write"});
    let expected = [
        ("gate", false, read.clone()),
        ("wheel", false, read.clone()),
        ("site", false, read),
        ("package", false, sign),
        ("github", true, json!({"contents": "write"})),
        ("pypi", true, json!({"id-token": "write"})),
        ("npm", true, json!({"id-token": "write"})),
        ("image", true, json!({"contents": "read", "packages": "write", "id-token": "write", "attestations": "write"})),
        ("crates", true, json!({"contents": "read", "id-token": "write"})),
        ("homebrew", true, json!({})),
        ("pages", true, json!({"contents": "write"})),
    ];
    let jobs = workflow["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), expected.len());
    for (name, publishes, permissions) in expected {
        let job = &jobs[name];
        assert_eq!(job["permissions"], permissions, "{name}");
        assert_eq!(job["environment"] == "release", publishes, "{name} waits for somebody's approval");
        assert!(job["timeout-minutes"].is_u64(), "{name}");
        let runs = job["steps"].to_string();
        assert!(
            !publishes
                || !["cargo build", "cargo install", "cargo test", "maturin", "pip install"]
                    .iter()
                    .any(|it| runs.contains(it)),
            "{name}"
        );
        assert_eq!(
            runs.matches("actions/checkout@").count(),
            runs.matches("\"persist-credentials\":false").count(),
            "{name}"
        );
    }
    let secrets = text_of(".github/workflows/release.yml").matches("secrets.").count();
    assert_eq!(secrets, 1, "the key of the tap is the only secret that somebody has to keep");
}

/// Nothing is built or published before the gate, and nothing is published before what is published was tried.
#[test]
fn the_jobs_of_a_release_wait_for_each_other() {
    let workflow = yaml(".github/workflows/release.yml");
    let needs = |job: &str| workflow["jobs"][job]["needs"].as_str().unwrap_or_default().to_owned();
    assert_eq!((needs("gate"), needs("wheel"), needs("package")), ("".into(), "gate".into(), "wheel".into()));
    for job in ["github", "pypi", "npm", "image", "crates"] {
        assert_eq!(needs(job), "package", "{job}");
    }
    assert_eq!((needs("homebrew"), needs("site")), ("github".into(), "gate".into()));
    assert_eq!(workflow["jobs"]["pages"]["needs"], json!(["site", "github"]));
    let gate = workflow["jobs"]["gate"]["steps"].to_string();
    assert!(
        gate.contains(".packaging/pack version --tag \\\"$GITHUB_REF_NAME\\\"") && gate.contains(".ci/run"),
        "{gate}"
    );
}

#[test]
fn the_hooks_of_pre_commit_run_a_command_that_there_is() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hooks = hooks.as_array().unwrap();
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        assert_eq!((&hook["entry"], &hook["pass_filenames"]), (&"dixaform validate".into(), &false.into()));
        // Also if a commit only removes manifests, of which no file is left that a pattern could fit.
        assert_eq!((&hook["always_run"], &hook["files"]), (&true.into(), &Value::Null));
    }
}
