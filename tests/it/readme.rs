//! README.md and the pages of docs/ tell the truth: each command runs, each example is valid, each table is complete,
//! each link leads somewhere, and what programs have written is what they write now.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it readme` writes docs/commands.md and docs/plan.svg again: read the diff.

mod commands;
mod links;
mod pages;
mod picture;
mod script;
mod skill;
mod tables;

use std::path::{Path, PathBuf};

/// The command lines that have a help page of their own.
const COMMANDS: [&str; 26] = [
    "",
    "init",
    "validate",
    "plan",
    "apply",
    "show",
    "recover",
    "state",
    "state list",
    "state show",
    "state mv",
    "state forget",
    "state accept",
    "state rebuild",
    "state path",
    "state move-to",
    "state pull",
    "state unlock",
    "catalog",
    "catalog pull",
    "catalog diff",
    "sandbox",
    "schema",
    "completions",
    "skill",
    "man",
];

/// A path from the root of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the site shows beside each page, which is no page itself.
const SUMMARY: &str = "docs/SUMMARY.md";

/// The pages of docs/ by their paths from the root, in alphabetical order.
fn pages_of_docs() -> Vec<String> {
    markdown_in("docs/").into_iter().filter(|page| page != SUMMARY).collect()
}

/// The documents of a folder, which is empty or ends with a slash.
fn markdown_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut documents: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}{name}")).collect();
    documents.sort();
    documents
}

/// Compares a file with what a program writes now, or writes it there.
fn compare_or_write(path: &str, now: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(repository(path), now).unwrap();
    }
    let committed = read(path);
    let line = committed.lines().zip(now.lines()).position(|(before, after)| before != after);
    let line = line.unwrap_or_else(|| committed.lines().count().min(now.lines().count())) + 1;
    assert!(
        committed == now,
        "{path} is out of date from line {line} on: `UPDATE_GOLDEN=1 cargo test --test it readme`"
    );
}
