//! `dixaform completions`: a script for each shell.

use crate::support::Workspace;
use crate::support::manifests::email;

/// What bash offers for the last of these words, or nothing on a machine without bash.
fn offered(workspace: &Workspace, words: &[&str]) -> Option<Vec<String>> {
    let script = r#"source <(dixaform completions bash) || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_TYPE=9
_clap_complete_dixaform dixaform "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}""#;
    let program = workspace.command();
    let folder = std::path::Path::new(program.get_program()).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", script, "bash"]).args(words).current_dir(workspace.path("")).env_clear().env("PATH", path);
    let output = bash.output().ok()?;
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && stderr.is_empty(), "{stdout}\n{stderr}");
    Some(stdout.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

#[test]
fn every_shell_gets_a_script_that_asks_the_program() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let outcome = workspace.run(&format!("completions {shell}")).exit(0);
        assert_eq!(outcome.stderr, "");
        assert!(outcome.stdout.contains("_DIXAFORM_COMPLETE") && outcome.stdout.contains("dixaform"), "{shell}");
        // It names the program, and no place on the machine that wrote it.
        assert!(!outcome.stdout.contains("target/"), "{shell}: {}", outcome.stdout);
    }
}

#[test]
fn a_shell_completes_commands_flags_and_forms_of_a_flag() {
    let workspace = Workspace::new();
    let Some(commands) = offered(&workspace, &["dixaform", ""]) else { return };
    let help = workspace.run("--help").exit(0).stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named: Vec<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(named.len() > 10 && named.iter().all(|name| commands.iter().any(|offer| offer == name)), "{commands:?}");
    let flags = offered(&workspace, &["dixaform", "apply", "--sandbox"]).unwrap();
    assert_eq!(flags, ["--sandbox-faults"]);
    assert_eq!(offered(&workspace, &["dixaform", "--color", "ne"]).unwrap(), ["never"]);
    let below = offered(&workspace, &["dixaform", "state", "fo"]).unwrap();
    assert_eq!(below, ["forget"]);
}

#[test]
fn a_shell_completes_addresses_and_tenants_and_nothing_is_sent_or_said() {
    let workspace = Workspace::fast().file("manifests/all.yaml", &format!("{}---\n{}", email("late"), email("early")));
    let _ = workspace.run("apply --yes --target conversation.late").exit(0);
    let requests = workspace.requests().len();
    let of = |words: &[&str]| offered(&workspace, words);
    let Some(planned) = of(&["dixaform", "plan", "--target", "conv"]) else { return };
    assert_eq!(planned, ["conversation.early", "conversation.late"]);
    assert_eq!(of(&["dixaform", "apply", "--exclude", "conversation.e"]).unwrap(), ["conversation.early"]);
    // These are about records.
    assert_eq!(of(&["dixaform", "state", "show", "conv"]).unwrap(), ["conversation.late"]);
    assert_eq!(of(&["dixaform", "state", "mv", "conversation."]).unwrap(), ["conversation.late"]);
    assert_eq!(of(&["dixaform", "recover", "--forget", "conversation.e"]).unwrap(), ["conversation.early"]);
    // A folder that is named, and a folder to work in.
    workspace.write("other/x.yaml", email("elsewhere"));
    assert_eq!(of(&["dixaform", "plan", "other", "--target", "conversation.e"]).unwrap(), ["conversation.elsewhere"]);
    workspace.write("below/dixaform.yaml", "version: 1\ntenants: {staging: {}, stage: {}}\n");
    assert_eq!(of(&["dixaform", "plan", "--chdir", "below", "--tenant", "sta"]).unwrap(), ["stage", "staging"]);
    assert_eq!(of(&["dixaform", "plan", "--tenant", ""]).unwrap(), ["sandbox"]);
    // What is wrong is said by the command, not in the middle of a line.
    workspace.write("dixaform.yaml", "version: nobody knows");
    assert_eq!(of(&["dixaform", "plan", "--target", "conv"]).unwrap(), [""; 0]);
    assert_eq!(workspace.requests().len(), requests);
}

#[test]
fn a_hundred_thousand_addresses_or_a_pipe_hold_up_nobody() {
    let workspace = Workspace::fast();
    let many: String = (0..40_000).map(|number| format!("{}---\n", email(&format!("c{number:05}")))).collect();
    workspace.write("manifests/many.yaml", many);
    let start = std::time::Instant::now();
    let mut command = workspace.command();
    command.args(["--", "dixaform", "plan", "--target", "conversation.c0000"]);
    command.env("_DIXAFORM_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3").env("_CLAP_COMPLETE_COMP_TYPE", "9");
    assert!(command.output().unwrap().status.success());
    // It gives up after less than half a second; the rest is for a busy machine.
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
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
