//! `--format`: the forms of a plan and of findings, from the command line.

use dixaform::finding::code;
use serde_json::{Value, json};

use crate::support::Workspace;
use crate::support::manifests::{LEGACY, ORDER, SMS, email};

/// A plan with a blocked replacement, a message to a customer, an import and a new conversation.
fn pending() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    workspace.write("manifests/more.yaml", format!("{LEGACY}---\n{SMS}---\n{}", email("late")));
    workspace
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

// Plans.

#[test]
fn several_forms_are_written_at_once_beside_the_text_for_their_owner_only() {
    let workspace = pending();
    let line =
        "plan --format json=plan.json --format markdown=plan.md --format gitlab=tf.json --format github=notes.txt";
    let _ = workspace.run(line).exit(0).says("Plan: 2 to create, 1 to import, 0 to update, 1 to replace.");
    let fingerprint = json_of(&workspace.read("plan.json"))["fingerprint"].as_str().expect("a text").to_owned();
    assert!(workspace.read("plan.md").contains(&fingerprint));
    assert!(workspace.read("notes.txt").contains(&fingerprint));
    assert_eq!(workspace.read("tf.json"), "{\"create\":4,\"update\":0,\"delete\":0}\n");
    #[cfg(unix)]
    for name in ["plan.json", "plan.md", "tf.json", "notes.txt"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(workspace.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn forms_that_exclude_each_other_are_wrong_usage_and_nothing_is_written() {
    let workspace = pending();
    let _ = workspace.run("plan --format markdown --format github").exit(64).warns("only one --format");
    let _ = workspace.run("plan --format json=a --format markdown=a").exit(64).warns("one file, a");
    let _ = workspace.run("plan --format json=b --format text --format json").exit(64);
    let _ = workspace.run("plan --format sarif").exit(64).warns("text, json, markdown, html, github and gitlab are");
    let _ = workspace.run("plan --format markdown --max-bytes 999").exit(64).warns("at least 1000");
    let _ = workspace.run("validate --format sari").exit(64).warns("markdown, html, github, gitlab and sarif are");
    assert!(!workspace.exists("a") && !workspace.exists("b"));
}

#[test]
fn markdown_stays_within_max_bytes_and_counts_what_it_left_out() {
    let workspace = Workspace::fast();
    for index in 0..40 {
        workspace.write(&format!("manifests/{index}.yaml"), email(&format!("late-{index:02}")));
    }
    let page = workspace.run("plan --format markdown --max-bytes 4000").exit(0).stdout;
    assert!(page.len() <= 4000, "{} bytes", page.len());
    let shown = page.matches("\n<details>\n").count();
    let line = format!("{} more changes are left out here ({} to create)", 40 - shown, 40 - shown);
    assert!(shown > 3 && page.contains(&line), "{page}");
    assert!(workspace.run("plan --format markdown").exit(0).stdout.matches("\n<details>\n").count() == 40);
}

#[test]
fn github_marks_the_manifests_of_what_is_blocked_and_of_what_reaches_a_customer() {
    let workspace = pending();
    let out = workspace.run("plan --format github").exit(0).stdout;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    let error = "::error file=manifests/order.yaml,line=1,col=1,title=conversation.order is blocked::apply refuses";
    assert!(lines[0].starts_with(error), "{out}");
    assert!(lines[1].starts_with("::warning file=manifests/more.yaml,line=17,"), "{out}");
    assert!(lines[1].contains("title=conversation.pickup reaches a customer::"), "{out}");
    assert!(lines[2].starts_with("::notice title=dixaform plan for sandbox::2 to create, 1 to import, "), "{out}");
}

#[test]
fn a_saved_plan_is_shown_in_the_same_forms_byte_for_byte() {
    let workspace = pending();
    for form in ["json", "markdown", "html", "github", "gitlab"] {
        let planned = workspace.run(&format!("plan --out seed.plan --format {form}")).exit(0).stdout;
        let shown = workspace.run(&format!("show seed.plan --format {form}=shown --format text")).exit(0);
        let _ = shown.says("Plan: ");
        assert_eq!(workspace.read("shown"), planned, "{form}");
    }
}

#[test]
fn the_state_has_no_other_forms_than_text_and_json() {
    let workspace = pending();
    let _ = workspace.run("show --format markdown").exit(64).warns("text or json");
    let _ = workspace.run("show --format json=copy.json").exit(0).says("conversation.order");
    assert_eq!(workspace.read("copy.json"), workspace.read("state/sandbox.json"));
}

#[test]
fn json_hides_nothing_from_a_terminal_and_means_the_same() {
    let hidden = "Where\u{202e}\u{200b}\u{e0041} is it?";
    let workspace = Workspace::fast().file("manifests/order.yaml", &ORDER.replace("Where is it?", hidden));
    let plain = |text: &str| !text.contains(['\u{202e}', '\u{200b}', '\u{e0041}']);
    let out = workspace.run("plan --out seed.plan --format json").exit(0).stdout;
    assert!(plain(&out) && out.contains("\\u202e\\u200b\\udb40\\udc41"), "{out}");
    assert_eq!(json_of(&out)["changes"][0]["after"]["message"]["content"]["value"], hidden);
    // The digests are of what was meant, so the saved plan is not stale and the next plan is empty.
    let _ = workspace.run("apply seed.plan").exit(0);
    assert_eq!(workspace.run("plan").exit(0).last_line(), "No changes. The tenant matches the manifests.");
    let sent = &workspace.requests().into_iter().find(|(call, _)| call == "POST /v1/conversations").expect("a POST").1;
    assert_eq!(sent["message"]["content"]["value"], hidden);
    let state = workspace.run("show --format json").exit(0).stdout;
    assert!(plain(&state) && json_of(&state) == workspace.state(), "{state}");
}

// Where they go.

#[test]
fn an_output_onto_what_is_read_is_refused_by_every_name_and_changes_nothing() {
    let workspace = pending();
    workspace.write("dixaform.yaml", "version: 1\ndefaultTenant: sandbox\n");
    std::fs::hard_link(workspace.path("manifests/order.yaml"), workspace.path("other-name")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("state/sandbox.json", workspace.path("link")).unwrap();
    let names = ["manifests/order.yaml", "./manifests/../manifests/more.yaml", "other-name", "dixaform.yaml"];
    let beside = ["state/sandbox.json", "state/sandbox.journal", "state/sandbox.lock", "state/sandbox.json.backup"];
    let linked: &[&str] = if cfg!(unix) { &["link"] } else { &[] };
    let before = (workspace.read("manifests/order.yaml"), workspace.read("state/sandbox.json"));
    for name in names.iter().chain(&beside).chain(linked) {
        for line in ["plan --out", "plan --format json=", "apply --yes --format json=", "validate --format json="] {
            let space = if line.ends_with('=') { "" } else { " " };
            let _ = workspace.run(&format!("{line}{space}{name}")).exit(1).warns("nothing was sent");
        }
        let _ = workspace.run(&format!("show --format json={name}")).exit(1).warns("can't write");
    }
    assert_eq!(before, (workspace.read("manifests/order.yaml"), workspace.read("state/sandbox.json")));
}

#[test]
fn a_dash_is_standard_output_and_no_file() {
    let workspace = pending();
    let plan = workspace.run("plan --format json").exit(0).stdout;
    assert_eq!(workspace.run("plan --format json=-").exit(0).stdout, plan);
    assert_eq!(workspace.run("plan --out -").exit(0).stdout, plan);
    let _ = workspace.run("plan --out - --format json").exit(64).warns("standard output");
    let _ = workspace.run("plan --format text=- --format json").exit(64).warns("standard output");
    assert!(!workspace.exists("-"));
}

#[cfg(unix)]
#[test]
fn a_device_gets_the_report_in_place() {
    use std::os::unix::fs::FileTypeExt as _;
    let workspace = pending();
    let _ = workspace.run("apply --yes --allow-replace --allow-outbound --format json=/dev/null").exit(0);
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

// Findings.

/// An error with a hint, and two warnings of which each names the other place.
fn suspicious() -> Workspace {
    let same = email("late").replace("about late", "about early").replace("name: late", "name: twin");
    Workspace::new()
        .file("manifests/a.yaml", &format!("{}---\n{same}", email("early")))
        .file("manifests/b.yaml", &ORDER.replace("language: en", "langauge: \"\u{202e}en\""))
}

#[test]
fn validate_writes_its_findings_as_json() {
    let outcome = suspicious().run("validate --format json").exit(1);
    assert_eq!(outcome.stderr, "");
    let out = json_of(&outcome.stdout);
    assert_eq!(out["format"], "dixaform-validate/1");
    assert_eq!(out["valid"], false);
    let findings = out["findings"].as_array().expect("a list");
    let of = |severity: &str| findings.iter().filter(|finding| finding["severity"] == severity).count();
    assert_eq!((out["errorCount"].clone(), out["warningCount"].clone()), (json!(of("error")), json!(of("warning"))));
    let unknown = findings.iter().find(|finding| finding["code"] == "unknown-member").expect("a finding");
    assert_eq!(
        *unknown,
        json!({
            "code": "unknown-member", "severity": "error", "file": "manifests/b.yaml", "line": 11, "column": 3,
            "message": "unknown member `langauge` of an Email conversation", "hint": "did you mean `language`?",
            "excerpt": {"text": "  langauge: \"\u{202e}en\"", "skipped": 0, "length": 8}, "related": [],
        })
    );
    assert!(!outcome.stdout.contains('\u{202e}'));
}

#[test]
fn valid_agrees_with_the_exit_code_in_every_form() {
    let odd = LEGACY.replace("genericapimessaging", "Pigeon");
    let workspace = Workspace::new().file("manifests/legacy.yaml", &odd);
    for form in ["text", "json", "html", "github", "gitlab", "sarif"] {
        let _ = workspace.run(&format!("validate --format {form}")).exit(0);
        let _ = workspace.run(&format!("validate --warnings-as-errors --format {form}")).exit(1);
    }
    let valid = |line: &str| json_of(&workspace.run(line).stdout)["valid"].clone();
    assert_eq!(valid("validate --format json"), true);
    assert_eq!(valid("validate --format json --warnings-as-errors"), false);
}

#[test]
fn sound_manifests_are_an_empty_report_in_every_form() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let of = |form: &str| workspace.run(&format!("validate --format {form}")).exit(0).stdout;
    assert_eq!(of("github"), "");
    assert_eq!(of("gitlab"), "[]\n");
    assert_eq!(json_of(&of("json"))["findings"], json!([]));
    assert_eq!(json_of(&of("sarif"))["runs"][0]["results"], json!([]));
}

#[test]
fn validate_annotates_manifests_on_github() {
    let out = suspicious().run("validate --format github").exit(1).stdout;
    let error = "::error file=manifests/b.yaml,line=11,col=3,title=unknown-member::unknown member `langauge` of an Email \
                 conversation%0Adid you mean `language`?\n";
    assert!(out.contains(error), "{out}");
    assert!(out.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")), "{out}");
}

#[test]
fn validate_reports_code_quality_to_gitlab_beside_its_text() {
    let workspace = suspicious();
    let _ = workspace.run("validate ./manifests --format gitlab=report.json").exit(1).says("error[unknown-member]");
    let report = json_of(&workspace.read("report.json"));
    let entries = report.as_array().expect("a list");
    let unknown = entries.iter().find(|entry| entry["check_name"] == "unknown-member").expect("an entry");
    assert_eq!(unknown["location"], json!({"path": "manifests/b.yaml", "lines": {"begin": 11}}));
    assert_eq!(unknown["severity"], "major");
    let hinted = "unknown member `langauge` of an Email conversation; did you mean `language`?";
    assert_eq!(unknown["description"], hinted);
    let mut fingerprints: Vec<&str> = entries.iter().filter_map(|entry| entry["fingerprint"].as_str()).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), entries.len());
    // The lines above a finding do not make it a different one.
    workspace.edit("manifests/b.yaml", "apiVersion", "# a comment\napiVersion");
    let _ = workspace.run("validate ./manifests --format gitlab=later.json").exit(1);
    let later = json_of(&workspace.read("later.json"));
    let same = later.as_array().expect("a list").iter().any(|entry| entry["fingerprint"] == unknown["fingerprint"]);
    assert!(same, "{later}");
}

#[test]
fn validate_writes_sarif_with_a_rule_for_every_code() {
    let out = json_of(&suspicious().run("validate --format sarif").exit(1).stdout);
    assert_eq!(out["version"], "2.1.0");
    let run = &out["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("a list");
    let ids: Vec<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids, code::ALL.iter().map(|code| code.name).collect::<Vec<_>>());
    let results = run["results"].as_array().expect("a list");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).unwrap();
        assert_eq!(result["ruleId"], ids[index]);
    }
    let unknown = results.iter().find(|result| result["ruleId"] == "unknown-member").expect("a result");
    assert_eq!(
        unknown["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": {"uri": "manifests/b.yaml"},
            "region": {"startLine": 11, "startColumn": 3, "endColumn": 11},
        })
    );
    let same = results.iter().find(|result| result["ruleId"] == "same-body").expect("a result");
    assert_eq!(same["level"], "warning");
}

/// Services show a finding only at a file that the repository has by that name.
#[test]
fn a_project_in_a_folder_has_its_paths_from_the_root_of_the_repository() {
    let workspace = Workspace::new();
    let project = "teams/nordic";
    workspace.write(&format!("{project}/dixaform.yaml"), "version: 1\n");
    let misspelt = email("a").replace("requesterId", "requestrId");
    workspace.write(&format!("{project}/manifests/a.yaml"), &misspelt);
    workspace.write("common/a.yaml", email("a"));
    let named = |command: &mut std::process::Command| {
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let start = text.find("file=").unwrap_or_else(|| panic!("no place: {text}")) + "file=".len();
        text[start..].split(',').next().unwrap().to_owned()
    };
    let root = workspace.path("");
    let command = |folder: &str, words: &str| {
        let mut command = workspace.command();
        command.args(words.split_whitespace()).current_dir(workspace.path(folder));
        command
    };
    let inside = "validate --format github";
    let above = "validate --chdir teams/nordic --format github";
    // Without a repository and a job: as typed.
    assert_eq!(named(&mut command(project, inside)), "manifests/a.yaml");
    for variable in ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"] {
        assert_eq!(named(command(project, inside).env(variable, &root)), "teams/nordic/manifests/a.yaml");
        assert_eq!(named(command("", above).env(variable, &root)), "teams/nordic/manifests/a.yaml");
        // A job elsewhere says nothing about this folder.
        assert_eq!(named(command(project, inside).env(variable, root.join("common"))), "manifests/a.yaml");
        // Nor does a repository around that of the job.
        std::fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(named(command(project, inside).env(variable, root.join("teams"))), "nordic/manifests/a.yaml");
        std::fs::remove_dir(root.join(".git")).unwrap();
    }
    // A second working tree has a file there, and a job may check out to a folder of its own.
    workspace.write("teams/.git", "gitdir: elsewhere\n");
    assert_eq!(named(&mut command(project, inside)), "nordic/manifests/a.yaml");
    assert_eq!(named(command(project, inside).env("GITHUB_WORKSPACE", &root)), "nordic/manifests/a.yaml");
    workspace.remove("teams/.git");

    std::fs::create_dir(root.join(".git")).unwrap();
    let manifest = root.join(project).join("manifests/a.yaml").display().to_string();
    for words in [inside, &format!("{inside} ./manifests"), &format!("{inside} {manifest}")] {
        assert_eq!(named(&mut command(project, words)), "teams/nordic/manifests/a.yaml", "{words}");
    }
    let both = "validate manifests ../../common --format github";
    let text = String::from_utf8(command(project, both).output().unwrap().stdout).unwrap();
    assert!(text.contains("%0Acommon/a.yaml:4:9: the same address"), "{text}");
    let reports = "validate --format gitlab=report.json --format sarif=report.sarif";
    assert_eq!(command(project, reports).output().unwrap().status.code(), Some(1));
    let entries = json_of(&workspace.read(&format!("{project}/report.json")));
    assert_eq!(entries[0]["location"]["path"], "teams/nordic/manifests/a.yaml");
    let log = json_of(&workspace.read(&format!("{project}/report.sarif")));
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, "teams/nordic/manifests/a.yaml");
    // Plans and reports too.
    workspace.write(&format!("{project}/manifests/a.yaml"), SMS);
    assert_eq!(named(&mut command("", "plan --chdir teams/nordic --format github")), "teams/nordic/manifests/a.yaml");
}
