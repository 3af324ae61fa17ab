//! The workflows of examples/ci do what docs/ci.md says: their steps run here, against a sandbox and a repository of their
//! own, as far as GitHub and GitLab are not needed for it.
//!
//! `gh`, `curl`, `pipx` and `pip` are stand-ins that record how they are called; `dixaform` is itself. No step is replaced
//! by another.

#![cfg(unix)]

mod doubt;
mod expression;
mod folder;
mod form;
mod github;
mod gitlab;
mod page;
mod repository;
mod run;
mod store;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// All workflows, with the schema that they fit.
const WORKFLOWS: [(&str, &str); 4] = [
    ("github/committed.yml", "vendor.github-workflows"),
    ("github/store.yml", "vendor.github-workflows"),
    ("gitlab/committed.gitlab-ci.yml", "vendor.gitlab-ci"),
    ("gitlab/store.gitlab-ci.yml", "vendor.gitlab-ci"),
];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci")
}

/// Whether there is jq, without which no step and no stand-in finds a comment. It must be there if the workflows must be
/// checked.
fn has_jq() -> bool {
    let has = std::process::Command::new("jq").arg("--version").output().is_ok();
    let required = std::env::var("DIXAFORM_CI_KIT").is_ok_and(|value| value == "required");
    assert!(has || !required, "DIXAFORM_CI_KIT=required, and there is no jq");
    has
}

/// A file of examples/ci, as data.
fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(examples().join(name)).unwrap()).unwrap()
}
