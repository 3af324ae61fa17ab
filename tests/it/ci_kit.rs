//! The files of examples/ci do what docs/ci.md says: their steps run here, against a sandbox and a repository of their
//! own, as far as GitHub and GitLab are not needed for it.
//!
//! `gh` and `curl` are stand-ins that record how they are called. No step is replaced by another.

#![cfg(unix)]

mod expression;
mod folder;
mod form;
mod github;
mod gitlab;
mod hooks;
mod repository;
mod state;
mod workflow;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of examples/ci.
fn example(name: &str) -> String {
    std::fs::read_to_string(examples().join(name)).unwrap()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci")
}

/// A file of examples/ci, as data.
fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&example(name)).unwrap()
}
