//! `dixaform completions`: a script for each shell.

use crate::support::Workspace;

#[test]
fn every_shell_gets_a_script_with_every_command() {
    let workspace = Workspace::new();
    let help = workspace.run("--help").exit(0).stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let outcome = workspace.run(&format!("completions {shell}")).exit(0);
        assert_eq!(outcome.stderr, "");
        let words: Vec<&str> = outcome.stdout.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        for word in commands.iter().chain(&["forget", "--sandbox-faults", "detailed-exitcode"]) {
            let word = word.trim_start_matches('-');
            let found = words.iter().any(|other| other.trim_start_matches('-') == word);
            assert!(found, "{shell} does not complete {word}");
        }
    }
}

#[test]
fn an_unknown_shell_is_wrong_usage() {
    let _ = Workspace::new().run("completions cmd").exit(64).warns("powershell");
}

#[test]
fn a_project_file_that_is_wrong_stops_neither_completions_nor_schemas() {
    let workspace = Workspace::new().file("dixaform.yaml", "version: nobody knows");
    let _ = workspace.run("completions bash").exit(0);
    let _ = workspace.run("schema project").exit(0);
    let _ = workspace.run("validate").exit(1);
}
