//! A long plan is one line for each change on a terminal, and whole everywhere else.

#![cfg(unix)]

use std::process::{Command, Stdio};

use crate::support::Workspace;
use crate::support::manifests::email;

fn workspace(manifests: usize) -> Workspace {
    let documents: Vec<String> = (0..manifests).map(|number| email(&format!("c{number:02}"))).collect();
    Workspace::fast().file("manifests/all.yaml", &documents.join("---\n"))
}

/// What a command prints on a terminal of 100 columns, or nothing on a machine that can't make one.
fn on_a_terminal(workspace: &Workspace, line: &str) -> Option<String> {
    let program = workspace.command();
    let script = format!("stty cols 100 rows 40 && exec '{}' {line}", program.get_program().to_str().unwrap());
    let mut command = Command::new("script");
    command.args(["-qec", &script, "/dev/null"]).current_dir(workspace.path("")).env_clear();
    command.env("PATH", std::env::var("PATH").unwrap()).env("HOME", workspace.path("")).env("NO_COLOR", "1");
    command.env("SHELL", "/bin/sh").env("TERM", "dumb").stdin(Stdio::null());
    let output = command.output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

#[test]
fn a_terminal_shows_a_line_for_each_change_and_everything_with_full() {
    let workspace = workspace(60);
    let Some(folded) = on_a_terminal(&workspace, "plan") else { return };
    assert!(
        folded.contains("\n  + conversation.c07  irreversible  not-in-state  (manifests/all.yaml:92)\n"),
        "{folded}"
    );
    assert!(folded.contains("\nPlan: 60 to create"), "{folded}");
    assert!(folded.ends_with("--full shows every block.\n"), "{folded}");
    assert!(!folded.contains(" {\n"), "{folded}");
    let full = on_a_terminal(&workspace, "plan --full").unwrap();
    assert_eq!(full.matches("\n  + conversation \"").count(), 60, "{full}");
    assert!(!full.contains("--full"), "{full}");
    let applied = on_a_terminal(&workspace, "apply --yes").unwrap();
    assert!(applied.contains("--full shows every block.\n") && applied.contains("60 created"), "{applied}");
}

#[test]
fn fifty_changes_are_shown_whole_on_a_terminal_too() {
    let Some(shown) = on_a_terminal(&workspace(50), "plan") else { return };
    assert!(shown.contains("+ conversation \"c49\" {\n") && !shown.contains("--full"), "{shown}");
}

#[test]
fn elsewhere_a_plan_is_whole_whatever_its_length() {
    let workspace = workspace(60);
    let plain = workspace.run("plan").exit(0).never_says("--full").says("+ conversation \"c59\" {");
    assert_eq!(workspace.run("plan --full").exit(0).stdout, plain.stdout);
    let _ = workspace.run("plan --out all.plan --format text=all.txt").exit(0);
    assert_eq!(workspace.read("all.txt"), plain.stdout);
    assert_eq!(workspace.run("show all.plan").exit(0).stdout, plain.stdout);
    let Some(shown) = on_a_terminal(&workspace, "show all.plan") else { return };
    assert!(shown.contains("--full shows every block.\n"), "{shown}");
    let full = on_a_terminal(&workspace, "show all.plan --full").unwrap();
    assert!(full.contains("+ conversation \"c59\" {\n") && !full.contains("--full"), "{full}");
}
