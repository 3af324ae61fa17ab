//! A long plan is one line for each change on a terminal and where it is approved already, and whole everywhere else;
//! findings that say the same of many manifests are one.

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

#[test]
fn a_long_plan_that_is_approved_already_is_a_line_for_each_change_in_a_log_too() {
    let workspace = workspace(60);
    // Nobody has approved it, and it is refused: whoever reads the log has to see it.
    let refused = workspace.run("apply").exit(5).never_says("--full");
    assert_eq!(refused.stdout.matches("\n  + conversation \"").count(), 60);
    let fingerprint = workspace.plan_json("")["fingerprint"].as_str().unwrap().to_owned();
    assert!(refused.stderr.contains(&format!("`--approved {fingerprint}`")), "{}", refused.stderr);
    let log = workspace.run("apply --yes").exit(0).says("--full shows every block.\n").says("60 created").stdout;
    assert!(log.contains("\n  + conversation.c07  irreversible  not-in-state  (manifests/all.yaml:92)\n"), "{log}");
    assert!(!log.contains(" {\n"), "{log}");
    assert!(log.contains("\nPlan: 60 to create") && log.contains("\nFingerprint: "), "{log}");
}

#[test]
fn a_long_plan_that_is_approved_is_whole_with_full() {
    let log = workspace(60).run("apply --yes --full").exit(0).never_says("--full").stdout;
    assert_eq!(log.matches("\n  + conversation \"").count(), 60);
}

/// 200 manifests in files of their own with the same slip, and one with another.
fn slips() -> Workspace {
    let workspace = Workspace::fast();
    for number in 0..200 {
        let manifest = email(&format!("c{number:03}")).replace("  subject:", "  language: en\n  subjct:");
        workspace.write(&format!("manifests/{number:03}.yaml"), manifest);
    }
    workspace.write("manifests/other.yaml", email("other").replace("requesterId:", "requestrId:"));
    workspace
}

#[test]
fn the_same_mistake_in_many_manifests_is_one_finding_for_people_and_each_of_them_for_programs() {
    let workspace = slips();
    let found = workspace.run("validate").exit(1).stdout;
    assert_eq!(found.matches("unknown member `subjct`").count(), 1, "{found}");
    assert!(found.contains("--> manifests/000.yaml:"), "{found}");
    let places = "199 more findings like this one, for example at manifests/001.yaml:";
    assert!(found.contains(places) && found.contains(" and manifests/002.yaml:"), "{found}");
    assert!(found.contains("unknown member `requestrId`") && found.contains("402 errors"), "{found}");
    assert!(found.lines().count() < 60, "{found}");
    let all = workspace.run("validate --all").exit(1).stdout;
    assert_eq!(all.matches("unknown member `subjct`").count(), 200);
    assert!(!all.contains("more findings"), "{all}");
    let json: serde_json::Value =
        serde_json::from_str(&workspace.run("validate --format json").exit(1).stdout).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 402);
    for line in ["plan", "apply --yes"] {
        let told = workspace.run(line).exit(1).stderr;
        assert!(told.contains(places) && told.lines().count() < 60, "{line}: {told}");
        let all = workspace.run(&format!("{line} --all")).exit(1).stderr;
        assert_eq!(all.matches("unknown member `subjct`").count(), 200, "{line}");
    }
}
