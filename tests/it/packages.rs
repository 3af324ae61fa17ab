//! What people install: made by `.packaging` from the program that is tested here, installed in fresh folders, and run.

#![cfg(unix)]

mod document;
mod installed;
mod launcher;
mod names;
mod refused;
mod release;
mod setup;
mod top_level;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What `.packaging/check` made, and what it printed.
struct Made {
    /// As it would be released.
    folder: PathBuf,
    log: String,
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// Standard output of a command that must succeed.
#[track_caller]
fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether the programs are on this machine. If one is not, that is printed past the capture of the test's output, and
/// with `DIXAFORM_PACKAGES=required` fails the test.
fn on_this_machine(programs: &[&str]) -> bool {
    let is_here = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let Some(missing) = programs.iter().find(|program| !is_here(program)) else { return true };
    let required = std::env::var("DIXAFORM_PACKAGES").is_ok_and(|value| value == "required");
    assert!(!required, "DIXAFORM_PACKAGES=required, and there is no {missing}");
    let line = format!("\n!! NOT CHECKED: packages: there is no {missing} on this machine\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
    false
}

/// Makes the packages, once for all tests; none where the programs for that are missing.
fn made() -> Option<&'static Made> {
    static MADE: OnceLock<Option<Made>> = OnceLock::new();
    MADE.get_or_init(|| on_this_machine(&["python3", "maturin", "npm", "node"]).then(make)).as_ref()
}

fn make() -> Made {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = scratch.join("packages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut check = Command::new(repository(".packaging/check"));
    check.args(["--profile", profile, "--out"]).arg(&folder);
    // The program that cargo built for these tests, wherever it did.
    check.env("CARGO_TARGET_DIR", scratch.parent().unwrap());
    // What cargo says to a test of its package. A build script that sees it would run again, and so build a program of
    // its own.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_BIN_") {
            check.env_remove(&name);
        }
    }
    Made { log: done(&mut check), folder }
}

/// Runs `.packaging/pack`, which needs nothing but Python.
fn pack(arguments: &[&str]) -> Output {
    Command::new(repository(".packaging/pack")).args(arguments).output().unwrap()
}

/// A row of `pack names`.
#[derive(serde::Deserialize)]
struct Platform {
    target: String,
    archive: String,
    npm: String,
    image: Option<String>,
}

fn platforms() -> Vec<Platform> {
    let output = pack(&["names"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The version of everything, as Cargo.toml has it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
