//! What `plan` and `apply` give to a job of GitHub or GitLab, by the variables that these set.
#![cfg(unix)]

use std::collections::BTreeMap;

use crate::support::manifests::{TEXT, email};
use crate::support::{Outcome, Workspace};

/// A project in a job of GitHub.
fn on_github() -> Workspace {
    let workspace = Workspace::fast();
    workspace.write("job/summary", "");
    workspace.write("job/output", "");
    let (summary, output) = (workspace.path("job/summary"), workspace.path("job/output"));
    workspace
        .variable("GITHUB_ACTIONS", "true")
        .variable("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())
        .variable("GITHUB_OUTPUT", output.to_str().unwrap())
        .variable("GITHUB_SERVER_URL", "https://github.example")
        .variable("GITHUB_REPOSITORY", "o/r")
        .variable("GITHUB_RUN_ID", "42")
        .variable("GITHUB_EVENT_NAME", "push")
        .variable("GITHUB_SHA", &"c".repeat(40))
}

fn on_gitlab() -> Workspace {
    Workspace::fast()
        .variable("GITLAB_CI", "true")
        .variable("CI_JOB_URL", "https://gitlab.example/o/r/-/jobs/7")
        .variable("CI_COMMIT_SHA", &"d".repeat(40))
}

/// The values that a step has for those after it.
fn values(workspace: &Workspace) -> BTreeMap<String, String> {
    let text = workspace.read("job/output");
    text.lines().map(|line| line.split_once('=').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// The lines that GitHub reads as commands.
fn commands(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stdout.lines().chain(outcome.stderr.lines());
    lines.filter(|line| line.trim_start().starts_with("::")).collect()
}

#[test]
fn a_plan_gives_github_its_summary_values_annotation_and_comment() {
    let workspace =
        on_github().file("manifests/a.yaml", &email("a")).file(".git/HEAD", &format!("{}\n", "b".repeat(40)));
    let planned = workspace.run("plan").exit(0).says("Plan: 1 to create");
    let fingerprint = workspace.plan_json("")["fingerprint"].as_str().unwrap().to_owned();
    let comment = workspace.read(".dixaform/out/plan.md");
    assert!(comment.starts_with("<!-- dixaform:plan tenant=sandbox -->\n## dixaform: 1 to create\n"), "{comment}");
    let run = "[Run](https://github.example/o/r/actions/runs/42) of commit `bbbbbbbbbbbb`\n";
    assert!(comment.ends_with(run), "{comment}");
    assert!(workspace.read("job/summary").starts_with(&comment), "the summary is the same page here");
    let values = values(&workspace);
    let expected = [
        ("apply", "true"),
        ("changes", "1"),
        ("comment", ".dixaform/out/plan.md"),
        ("exit-code", "0"),
        ("fingerprint", fingerprint.as_str()),
        ("has-changes", "true"),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(values, expected);
    let notice = "::notice title=dixaform plan for sandbox::1 to create, 0 unchanged.%0A";
    assert!(matches!(commands(&planned)[..], [only] if only.starts_with(notice)), "{planned:?}");
    assert!(!planned.stdout.contains("::"), "standard output is the plan alone: {}", planned.stdout);
}

#[test]
fn an_exit_code_that_was_asked_for_is_a_value_too() {
    let workspace = on_github().file("manifests/a.yaml", &email("a"));
    let _ = workspace.run("plan --detailed-exitcode").exit(2);
    assert_eq!(values(&workspace)["exit-code"], "2");
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("job/output", "");
    let _ = workspace.run("plan --detailed-exitcode").exit(0);
    let values = values(&workspace);
    assert_eq!((values["has-changes"].as_str(), values["apply"].as_str()), ("false", "false"));
}

/// A step after it works where the command was started, and not where that worked.
#[test]
fn the_path_of_the_comment_is_one_from_where_the_command_was_started() {
    let workspace = on_github();
    workspace.write("teams/nordic/dixaform.yaml", workspace.read("dixaform.yaml"));
    workspace.write("teams/nordic/manifests/a.yaml", email("a"));
    let _ = workspace.run("plan --chdir teams/nordic").exit(0);
    assert_eq!(values(&workspace)["comment"], "teams/nordic/.dixaform/out/plan.md");
    assert!(workspace.exists("teams/nordic/.dixaform/out/plan.md"));
    workspace.write("job/output", "");
    workspace.write("teams/nordic/dixaform.yaml", "version: nonsense\n");
    let _ = workspace.run("plan --chdir teams/nordic").exit(1);
    assert_eq!(values(&workspace)["comment"], "teams/nordic/.dixaform/out/plan.md");
}

#[test]
fn an_apply_gives_github_its_report() {
    let workspace = on_github().file("manifests/a.yaml", &email("a"));
    let applied = workspace.run("apply --yes").exit(0);
    assert!(workspace.read("job/summary").contains("## dixaform apply: 1 created\n"));
    assert!(workspace.read(".dixaform/out/apply.md").starts_with("<!-- dixaform:apply tenant=sandbox -->\n"));
    let values = values(&workspace);
    assert_eq!((values["done"].as_str(), values["failed"].as_str(), values["exit-code"].as_str()), ("1", "0", "0"));
    assert!(
        matches!(commands(&applied)[..], [only] if only.starts_with("::notice title=dixaform apply for sandbox::"))
    );
}

#[test]
fn a_failed_change_is_marked_at_its_manifest_from_the_root_of_the_repository() {
    let workspace = on_github().file(".git/HEAD", "ref: refs/heads/main\n");
    let bad = email("bad")
        .replace("  _type: Inbound\n", "  _type: Inbound\n    attachments: [{url: \"https://files.invalid/a.png\"}]\n");
    workspace.write("team/dixaform.yaml", workspace.read("dixaform.yaml"));
    workspace.write("team/manifests/bad.yaml", bad);
    let applied = workspace.run("apply --yes --chdir team");
    assert_ne!(applied.code, 0);
    let errors: Vec<&str> = commands(&applied).into_iter().filter(|line| line.starts_with("::error ")).collect();
    assert!(
        matches!(errors[..], [only] if only.starts_with("::error file=team/manifests/bad.yaml,line=")),
        "{errors:?}"
    );
    let page = workspace.read("team/.dixaform/out/apply.md");
    assert!(page.starts_with("<!-- dixaform:apply tenant=sandbox folder=team -->\n"), "{page}");
    assert_eq!(values(&workspace)["failed"], "1");
}

/// An older comment would look as if it were about the newer commit.
#[test]
fn where_nothing_can_be_planned_the_page_says_why() {
    let workspace = on_github().file("manifests/a.yaml", &email("a"));
    let _ = workspace.run("plan").exit(0);
    workspace.write("manifests/a.yaml", email("a").replace("requesterId", "requestrId"));
    workspace.write("job/output", "");
    let failed = workspace.run("plan").exit(1);
    let page = workspace.read(".dixaform/out/plan.md");
    assert!(
        page.starts_with("<!-- dixaform:plan tenant=sandbox -->\n## dixaform plan: it ended with exit code 1\n"),
        "{page}"
    );
    assert!(page.contains("unknown member `requestrId`") && !page.contains("to create"), "{page}");
    let errors = commands(&failed);
    assert!(errors.iter().all(|line| line.starts_with("::error file=manifests/a.yaml,line=")), "{errors:?}");
    let values = values(&workspace);
    assert_eq!((values.get("fingerprint"), values["exit-code"].as_str()), (None, "1"));
    // A project file that can't be read ends it even earlier.
    workspace.write("dixaform.yaml", "version: 2\n");
    let failed = workspace.run("plan --tenant sandbox").exit(1);
    assert!(workspace.read(".dixaform/out/plan.md").contains("dixaform.yaml can't be used"));
    assert!(commands(&failed).iter().any(|line| line.starts_with("::error ")), "{failed:?}");
}

#[test]
fn a_plan_that_is_not_the_approved_one_is_in_the_summary() {
    let workspace = on_github().file("manifests/a.yaml", &email("a"));
    let refused = workspace.run("apply --approved 0123456789abcdef").exit(5);
    let summary = workspace.read("job/summary");
    assert!(summary.contains("0123456789abcdef was approved"), "{summary}");
    assert_eq!(values(&workspace)["exit-code"], "5");
    assert!(commands(&refused).iter().any(|line| line.starts_with("::error ") && line.contains("was approved")));
}

#[test]
fn a_pull_request_is_named_by_the_commit_that_was_pushed() {
    let pushed = "7d0b5e1fa1c5a9ab3a1a3e0dcf1e1b5f6b0a8c39";
    let event = serde_json::json!({
        "after": "f".repeat(40),
        "pull_request": {"base": {"sha": "e".repeat(40)}, "head": {"sha": pushed}, "body": "\"head\": {\"sha\": \"0\"}"},
    });
    let workspace = on_github().file("manifests/a.yaml", &email("a")).file("event.json", &event.to_string());
    let path = workspace.path("event.json").display().to_string();
    let workspace = workspace.variable("GITHUB_EVENT_PATH", &path).variable("GITHUB_EVENT_NAME", "pull_request");
    workspace.write(".git/HEAD", "a".repeat(40));
    let _ = workspace.run("plan").exit(0);
    assert!(workspace.read(".dixaform/out/plan.md").ends_with(" of commit `7d0b5e1fa1c5`\n"));
    for odd in ["", "[]", "{\"pull_request\": {\"head\": {\"sha\": \"a b\"}}}"] {
        workspace.write("event.json", odd);
        let _ = workspace.run("plan").exit(0);
        assert!(workspace.read(".dixaform/out/plan.md").ends_with(" of commit `aaaaaaaaaaaa`\n"), "{odd}");
    }
}

#[test]
fn forms_that_are_asked_for_are_as_ever_and_no_annotation_comes_twice() {
    let workspace = on_github().file("manifests/a.yaml", &email("a"));
    let json = workspace.run("plan --format json").exit(0);
    let _: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(commands(&json).len(), 1);
    for form in ["github", "github=annotations.txt"] {
        let planned = workspace.run(&format!("plan --format {form} --format markdown=r.md")).exit(0);
        let text = format!(
            "{}{}",
            planned.stdout,
            std::fs::read_to_string(workspace.path("annotations.txt")).unwrap_or_default()
        );
        assert_eq!(
            text.matches("::notice ").count() + planned.stderr.matches("::notice ").count(),
            1,
            "{form}: {planned:?}"
        );
    }
    assert!(workspace.read("r.md").starts_with("<!-- dixaform:plan tenant=sandbox -->\n"));
}

#[test]
fn a_variable_that_is_unset_or_empty_switches_it_off() {
    let workspace = on_github().file("manifests/a.yaml", &email("a")).variable("GITHUB_STEP_SUMMARY", "");
    let _ = workspace.run("plan").exit(0);
    assert_eq!(workspace.read("job/summary"), "");
    assert_ne!(workspace.read("job/output"), "");
    let workspace = on_github().file("manifests/a.yaml", &email("a")).variable("GITHUB_ACTIONS", "");
    let planned = workspace.run("plan").exit(0);
    assert_eq!((commands(&planned).len(), workspace.read("job/output").as_str()), (0, ""));
    assert!(!workspace.exists(".dixaform"));
}

/// GitHub shows nothing of a summary of more than a mebibyte.
#[test]
fn a_summary_stays_within_what_github_shows() {
    let workspace = on_github();
    let many: String = (0..3_000).map(|number| format!("---\n{}", email(&format!("c{number}")))).collect();
    workspace.write("manifests/many.yaml", many);
    workspace.write("job/summary", "x".repeat(300_000));
    let _ = workspace.run("plan").exit(0);
    let summary = workspace.read("job/summary");
    assert!(summary.len() < 1024 * 1024 && summary.len() > 900_000, "{}", summary.len());
    assert!(summary[300_000..].starts_with("\n<!-- dixaform:plan"), "a line of its own");
    assert!(workspace.read(".dixaform/out/plan.md").len() < 65_536);
    // What is full stays as it is.
    workspace.write("job/summary", "x".repeat(1024 * 1024));
    let _ = workspace.run("plan").exit(0).warns("has no room left");
    assert_eq!(workspace.read("job/summary").len(), 1024 * 1024);
}

#[test]
fn what_can_not_be_given_is_said_and_changes_nothing() {
    let workspace = on_github().file("manifests/a.yaml", &email("a"));
    workspace.remove("job/summary");
    workspace.remove("job/output");
    // A pipe without a reader, and a link to a file of somebody else.
    assert!(std::process::Command::new("mkfifo").arg(workspace.path("job/summary")).status().unwrap().success());
    workspace.write("other", "theirs\n");
    std::os::unix::fs::symlink(workspace.path("other"), workspace.path("job/output")).unwrap();
    let _ = workspace.run("plan").exit(0).warns("it is not a regular file").says("Plan: 1 to create");
    assert_eq!(workspace.read("other"), "theirs\n");
    workspace.remove("job/output");
    let _ = workspace.run("apply --yes").exit(0).warns("warning: can't write");
    assert!(!workspace.exists("job/output"), "the service makes it, or nobody reads it");
}

/// A change may bring links in the place of what dixaform writes.
#[test]
fn no_link_in_the_checkout_is_followed() {
    use std::os::unix::fs::symlink;
    let workspace = on_github().file("manifests/a.yaml", &email("a")).file("other/kept", "theirs\n");
    std::fs::create_dir_all(workspace.path(".dixaform/out")).unwrap();
    symlink(workspace.path("other/kept"), workspace.path(".dixaform/out/plan.md")).unwrap();
    let _ = workspace.run("plan").exit(0);
    assert_eq!(workspace.read("other/kept"), "theirs\n");
    assert!(!workspace.path(".dixaform/out/plan.md").is_symlink());
    std::fs::remove_dir_all(workspace.path(".dixaform")).unwrap();
    symlink(workspace.path("other"), workspace.path(".dixaform")).unwrap();
    workspace.write("job/output", "");
    let _ = workspace.run("plan").exit(0).warns("it is no folder");
    assert!(!workspace.exists("other/out"));
    assert_eq!(values(&workspace).get("comment"), None, "so that no step posts what is there");
}

#[test]
fn a_file_of_ours_is_not_taken_for_one_of_the_service() {
    for ours in ["state/sandbox.json", "manifests/a.yaml", "dixaform.yaml"] {
        let workspace = Workspace::fast().file("manifests/a.yaml", &email("a"));
        let _ = workspace.run("apply --yes").exit(0);
        let before = workspace.read(ours);
        let path = workspace.path(ours).display().to_string();
        let workspace = workspace.variable("GITHUB_ACTIONS", "true").variable("GITHUB_OUTPUT", &path);
        workspace.write("manifests/b.yaml", email("b"));
        let _ = workspace.run("apply --yes").exit(1).warns("nothing was sent");
        assert_eq!(workspace.read(ours), before, "{ours}");
    }
}

#[test]
fn gitlab_gets_values_reports_and_the_text_of_a_note() {
    let workspace = on_gitlab().file("manifests/a.yaml", &email("a"));
    let planned = workspace.run("plan").exit(0);
    assert_eq!(commands(&planned).len(), 0, "{planned:?}");
    let page = workspace.read(".dixaform/out/plan.md");
    assert!(page.starts_with("<!-- dixaform:plan tenant=sandbox -->\n"), "{page}");
    assert!(page.ends_with("[Run](https://gitlab.example/o/r/-/jobs/7) of commit `dddddddddddd`\n"), "{page}");
    let values = workspace.read(".dixaform/out/plan.env");
    assert!(values.contains("DIXAFORM_HAS_CHANGES=true\n") && values.contains("\nDIXAFORM_EXIT_CODE=0\n"), "{values}");
    let shape = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.starts_with("DIXAFORM_"));
    assert!(values.lines().all(shape) && values.lines().count() <= 20, "{values}");
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&workspace.read(&format!(".dixaform/out/{name}"))).unwrap()
    };
    assert_eq!(json("plan-gitlab.json"), serde_json::json!({"create": 1, "update": 0, "delete": 0}));
    assert_eq!(json("plan-codequality.json"), serde_json::json!([]));
    let _ = workspace.run("apply --yes").exit(0);
    assert!(workspace.read(".dixaform/out/apply.env").contains("DIXAFORM_DONE=1\n"));
    workspace.write("manifests/a.yaml", email("a").replace("requesterId", "requestrId"));
    let _ = workspace.run("plan").exit(1);
    assert_eq!(json("plan-codequality.json")[0]["location"]["path"], "manifests/a.yaml");
    assert!(!workspace.read(".dixaform/out/plan.env").contains("FINGERPRINT"));
}

/// Nothing that is written for a job is a manifest, wherever manifests are.
#[test]
fn what_is_written_is_never_read_as_a_manifest() {
    let workspace = on_gitlab().file("a.yaml", &email("a"));
    workspace.edit("dixaform.yaml", "version: 1\n", "version: 1\nmanifests: [\".\"]\n");
    let _ = workspace.run("plan a.yaml").exit(0);
    let again = workspace.run("validate .");
    assert!(!again.stdout.contains(".dixaform"), "{again:?}");
}

/// Text of manifests that tries to be a command of GitHub, or to end a value or a page.
#[test]
fn foreign_text_is_never_a_command_or_a_value() {
    let hostile = "x\\r::error::owned\\n::error::owned\\n ::set-output name=apply::owned\\n##[error]owned\\nfingerprint=owned\\n\\u202e";
    let workspace = on_github();
    let manifest = email("a").replace("Hello", &format!("\"{hostile}\""))
        + &format!("  customAttributes: {{{TEXT}: \"{hostile}\"}}\n");
    let file = "manifests/x\n::error::owned\n%0A,title=owned.yaml";
    workspace.write(file, &manifest);
    let bad = manifest.replace("requesterId", &format!("\"{hostile}\""));
    for (text, lines) in [(manifest, ["plan", "apply --yes"]), (bad, ["plan", "apply --yes"])] {
        workspace.write(file, &text);
        for line in lines {
            workspace.write("job/output", "");
            workspace.write("job/summary", "");
            let outcome = workspace.run(line);
            for command in commands(&outcome) {
                let (head, _) = command[2..].split_once("::").unwrap();
                let kind = head.split(' ').next().unwrap();
                assert!(["error", "warning", "notice"].contains(&kind) && head.contains("title="), "{command}");
                assert!(!head.split(',').any(|part| part.starts_with("title=owned")), "{command}");
            }
            assert!(!outcome.stdout.contains("##[") && !outcome.stderr.contains("##["), "{outcome:?}");
            for (name, value) in values(&workspace) {
                assert!(!value.contains("owned") && !name.contains("owned"), "{name}={value}");
            }
            let summary = workspace.read("job/summary");
            assert!(!summary.contains('\u{202e}'), "{summary}");
            assert!(line != "plan" || summary.contains("owned"), "{summary}");
        }
    }
}

/// No page, value or report has a token, not even one that somebody typed in the wrong place.
#[test]
fn no_token_is_given_to_a_job() {
    let workspace = on_github().file("manifests/a.yaml", &email("a")).with_tenant("https://127.0.0.1:1");
    let _ = workspace.run_words(&["plan", "--tenant", "the-secret-token"], "").exit(1);
    for file in ["job/summary", "job/output", ".dixaform/out/plan.md"] {
        assert!(!workspace.read(file).contains("the-secret-token"), "{file}");
    }
    assert!(workspace.read("job/summary").contains("exit code 1"));
}
