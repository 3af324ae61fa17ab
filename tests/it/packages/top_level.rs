//! The root of the repository stays small.

use std::collections::BTreeSet;
use std::process::Command;

use crate::packages::{done, repository};

const VISIBLE: [&str; 14] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "benches",
    "docs",
    "examples",
    "src",
    "state",
    "tests",
];

/// Of what git keeps: a plan or a note that somebody left there is theirs.
#[test]
fn nothing_is_visible_at_the_top_but_what_is_meant_to_be() {
    let listed = done(Command::new("git").args(["ls-files"]).current_dir(repository("")));
    let names = listed.lines().map(|path| path.split('/').next().unwrap()).filter(|name| !name.starts_with('.'));
    assert_eq!(names.collect::<BTreeSet<_>>(), VISIBLE.into());
}
