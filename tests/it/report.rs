//! `apply --format`: how an apply ended, in every form, however it ended.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use dixaform::schema::{Subject, schema};
use jsonschema::Validator;
use serde_json::Value;

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Workspace, terminate};

fn validator(subject: Subject) -> Validator {
    let schema = schema(subject);
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

#[track_caller]
fn is_valid(subject: Subject, value: &Value) {
    let validator = validator(subject);
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

#[track_caller]
fn report_in(workspace: &Workspace, file: &str) -> Value {
    let report = serde_json::from_str(&workspace.read(file)).unwrap();
    is_valid(Subject::Apply, &report);
    report
}

#[track_caller]
fn events(stdout: &str) -> Vec<Value> {
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    lines.iter().for_each(|line| is_valid(Subject::ApplyEvent, line));
    lines
}

fn words<'l>(lines: &'l [Value], member: &str) -> Vec<&'l str> {
    lines.iter().map(|line| line[member].as_str().unwrap()).collect()
}

/// Three manifests, of which Dixa refuses `conversation.b`.
fn one_of_three_is_bad() -> Workspace {
    let attachment = "  _type: Inbound\n    attachments: [{url: \"https://files.invalid/a.png\"}]\n";
    let bad = email("b").replace("  _type: Inbound\n", attachment);
    Workspace::fast().file("manifests/three.yaml", &format!("{}---\n{bad}---\n{ORDER}", email("a")))
}

const ALL_FORMS: &str =
    "--format json=r.json --format markdown=r.md --format github=r.github --format gitlab=r.gitlab --format text=r.txt";

// What failed.

#[test]
fn a_failure_points_at_the_line_that_dixa_speaks_of_in_every_form() {
    let workspace = one_of_three_is_bad();
    let outcome = workspace.run(&format!("apply --yes {ALL_FORMS}")).exit(4);
    let text = "error: conversation.b was not created
  --> manifests/three.yaml:25:25
   |
25 |     attachments: [{url: \"https://files.invalid/a.png\"}]
   |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: POST /v1/conversations answered 400: Attachment download failed: https://files.invalid/a.png
";
    let _ = outcome.says(text);
    assert!(workspace.read("r.txt").contains(text));
    let report = report_in(&workspace, "r.json");
    let failed = &report["outcomes"][1];
    assert_eq!((&failed["outcome"], &failed["status"]), (&"failed".into(), &400.into()));
    assert_eq!(failed["call"], "POST /v1/conversations");
    assert_eq!(failed["message"], "Attachment download failed: https://files.invalid/a.png");
    assert_eq!((&failed["source"]["line"], &failed["pointsAt"]["line"]), (&14.into(), &25.into()));
    assert_eq!((&report["exitCode"], &report["complete"]), (&4.into(), &false.into()));
    let github = workspace.read("r.github");
    let annotation = "::error file=manifests/three.yaml,line=25,col=25,title=conversation.b was not created::POST ";
    assert!(github.starts_with(annotation), "{github}");
    assert!(github.contains("\n::notice title=dixaform apply for sandbox::2 created, 1 failed.%0AFingerprint: "));
    let gitlab: Value = serde_json::from_str(&workspace.read("r.gitlab")).unwrap();
    assert_eq!(gitlab[0]["check_name"], "call-failed");
    assert_eq!(gitlab[0]["location"]["path"], "manifests/three.yaml");
    assert_eq!(gitlab[0]["location"]["lines"]["begin"], 25);
    let page = workspace.read("r.md");
    assert!(
        page.starts_with(
            "<!-- dixaform:apply tenant=sandbox -->\n## dixaform apply, incomplete: 2 created, 1 failed\n"
        )
    );
    assert!(page.contains("**Failed:** `conversation.b was not created` (`manifests/three.yaml:25`)"), "{page}");
    // Both are sent at once, so either can be the first.
    assert!(page.contains("<summary>2 done</summary>\n\n- `conversation.a` created `#100"), "{page}");
}

#[test]
fn partial_errors_and_refused_attributes_point_at_their_manifests_too() {
    let import = format!("{LEGACY}      attachments: [{{url: \"https://files.invalid/a.png\"}}]\n");
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import);
    let _ = workspace.run(&format!("apply --yes {ALL_FORMS}")).exit(0).says("warning: import.legacy (#1001) was");
    let github = workspace.read("r.github");
    assert!(github.starts_with("::warning file=manifests/legacy.yaml,line=16,col=7,title=import.legacy "), "{github}");
    assert_eq!(report_in(&workspace, "r.json")["counts"]["partial"], 1);
    assert!(workspace.read("r.md").contains("**Warning:** `import.legacy (#1001) was imported with partial errors`"));

    let workspace = Workspace::fast().file("manifests/order.yaml", &ORDER.replace("[str1, str2]", "[str1, nowhere]"));
    let _ = workspace.run(&format!("apply --yes {ALL_FORMS}")).exit(1).warns("the tenant would refuse 1 attribute");
    let report = report_in(&workspace, "r.json");
    assert_eq!(report["findings"][0]["code"], "attribute-mismatch");
    assert_eq!((&report["findings"][0]["line"], &report["stop"]["reason"]), (&17.into(), &"not-begun".into()));
    assert!(workspace.read("r.github").contains("::error file=manifests/order.yaml,line=17,"));
    assert!(workspace.read("r.gitlab").contains("attribute-mismatch"));
    assert!(workspace.read("r.md").contains("**error** `attribute-mismatch` at `manifests/order.yaml:17`"));
}

#[test]
fn a_failed_patch_points_at_the_attributes_and_keeps_the_new_id() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let outcome = workspace.run(&format!("apply --yes --sandbox-faults redirect@PATCH#1 {ALL_FORMS}")).exit(4);
    let _ = outcome.says("15 |   customAttributes:\n   |   ^^^^^^^^^^^^^^^^\n");
    let report = report_in(&workspace, "r.json");
    let failed = &report["outcomes"][0];
    assert_eq!((&failed["outcome"], &failed["id"]), (&"failed".into(), &1001.into()));
    assert_eq!((&report["counts"]["halfDone"], &failed["pointsAt"]["line"]), (&1.into(), &15.into()));
}

#[test]
fn a_manifest_that_is_gone_by_then_is_named_and_not_shown() {
    let workspace = one_of_three_is_bad();
    let text = workspace.read("manifests/three.yaml");
    workspace.remove("manifests/three.yaml");
    let outcome = workspace.run_with_input("apply - --yes --format github=r.github", &text).exit(4);
    let _ = outcome.says("--> <stdin>:14:1\n = note: POST ");
    assert!(workspace.read("r.github").starts_with("::error title=conversation.b was not created::POST "));
}

// Several forms.

#[test]
fn text_stays_as_it_is_beside_other_forms_and_files_are_for_their_owner_only() {
    let (one, other) = (one_of_three_is_bad(), one_of_three_is_bad());
    let plain = one.run("apply --yes").exit(4);
    let beside = other.run(&format!("apply --yes {ALL_FORMS}")).exit(4);
    assert_eq!(plain.stdout, beside.stdout);
    assert!(plain.stdout.ends_with(&other.read("r.txt")));
    #[cfg(unix)]
    for name in ["r.json", "r.md", "r.github", "r.gitlab", "r.txt"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(other.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn another_form_on_standard_output_is_alone_there_and_nobody_is_shown_a_plan_unasked() {
    for (form, begins) in [("markdown", "<!-- dixaform:apply"), ("github", "::notice"), ("gitlab", "[]"), ("json", "{")]
    {
        let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
        let outcome = workspace.run(&format!("apply --yes --format {form}")).exit(0);
        assert!(outcome.stdout.starts_with(begins), "{form}: {}", outcome.stdout);
        // A log that takes commands must not hold the text of manifests, which could be some.
        let _ = outcome.warns("[1/1] conversation.order created #1001").never_says("Plan: 1 to create");
    }
}

#[test]
fn forms_that_can_not_be_written_stop_the_apply_before_anything_is_sent() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes --format json --format markdown").exit(64).warns("only one --format");
    let _ = workspace.run("apply --yes --format json=nowhere/r.json").exit(1).warns("nowhere/r.json");
    let _ = workspace.run("apply --yes --format json=manifests").exit(1).warns("it is a folder");
    let _ = workspace.run("apply --yes --format sarif").exit(64).warns("markdown");
    assert!(workspace.requests().is_empty());
}

#[test]
fn when_there_is_nothing_to_do_the_forms_are_written_and_say_so() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    let _ = workspace.run(&format!("apply {ALL_FORMS}")).exit(0).says("No changes.");
    let report = report_in(&workspace, "r.json");
    assert_eq!((report["outcomes"].as_array().unwrap().len(), &report["complete"]), (0, &true.into()));
    assert!(workspace.read("r.md").contains("## dixaform apply: nothing to do\n"));
    assert_eq!(workspace.read("r.gitlab"), "[]\n");
    let lines = events(&workspace.run("apply --format json").exit(0).stdout);
    assert_eq!(words(&lines, "event"), ["planned", "finished"]);
}

// However it ends.

#[test]
fn every_end_has_its_forms_and_the_report_has_the_exit_code() {
    for (faults, code, stop, outcome) in [
        ("latency=1ms", 0, None, "done"),
        ("401@organization#1", 3, Some("token-refused"), "not-attempted"),
        ("401@create#1", 3, Some("token-refused"), "failed"),
        ("redirect@organization#1", 1, Some("not-begun"), "not-attempted"),
        ("redirect@create#1", 1, None, "failed"),
        ("500-before@create", 6, None, "in-doubt"),
        ("partial@create#1", 0, None, "done"),
    ] {
        let workspace = Workspace::fast().file("manifests/late.yaml", &email("late"));
        workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 20ms\n");
        let ended = workspace.run(&format!("apply --yes --sandbox-faults {faults} {ALL_FORMS}")).exit(code);
        let report = report_in(&workspace, "r.json");
        assert_eq!(report["exitCode"], code, "{faults}");
        assert_eq!(report["stop"]["reason"].as_str(), stop, "{faults}");
        assert_eq!(report["outcomes"][0]["outcome"], outcome, "{faults}");
        assert_eq!(report["complete"], code == 0, "{faults}: {}", ended.stderr);
        assert!(workspace.read("r.md").contains("Fingerprint: `"), "{faults}");
        assert!(workspace.read("r.github").contains("::notice title=dixaform apply for sandbox::"), "{faults}");
        if outcome == "in-doubt" {
            assert!(workspace.read("r.md").contains("apply again, or decide with dixaform recover"));
        }
    }
}

#[test]
fn a_refusal_is_a_report_of_nothing_begun() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run(&format!("apply {ALL_FORMS}")).exit(5).warns("not approved");
    let report = report_in(&workspace, "r.json");
    assert_eq!((&report["stop"]["reason"], &report["exitCode"]), (&"not-begun".into(), &5.into()));
    assert_eq!(report["counts"]["notAttempted"], 1);
    assert!(workspace.requests().is_empty());
}

#[test]
fn an_interrupted_apply_tells_what_was_done_and_what_was_not() {
    let manifests: String = (0..40).map(|number| format!("---\n{}", email(&format!("m{number:02}")))).collect();
    let workspace = Workspace::fast().file("manifests/all.yaml", &manifests);
    workspace.edit("dixaform.yaml", "{requestsPerSecond: 10000, burst: 1000}", "{requestsPerSecond: 20, burst: 2}");
    let mut command = workspace.command();
    command.args(["apply", "--yes", "--format", "json=r.json", "--format", "markdown=r.md", "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // A line comes as it happens, long before the end.
    let start = Instant::now();
    let made = lines.by_ref().find(|line| line.contains("\"event\":\"made\"")).expect("something made");
    assert!(start.elapsed() < Duration::from_secs(20) && child.try_wait().unwrap().is_none(), "{made}");
    assert_eq!(terminate(&mut child, Duration::from_secs(9)), 130);
    let last = events(&lines.last().expect("a last line")).pop().unwrap();
    let report = report_in(&workspace, "r.json");
    assert_eq!((&last["event"], &last["report"]), (&"finished".into(), &report));
    assert_eq!((&report["stop"]["reason"], &report["exitCode"]), (&"interrupted".into(), &130.into()));
    let count = |name: &str| report["counts"][name].as_u64().unwrap();
    assert!(count("created") > 0 && count("notAttempted") > 0, "{}", report["counts"]);
    assert_eq!(report["outcomes"].as_array().unwrap().len(), 40);
    assert!(workspace.read("r.md").contains("**Stopped:** interrupted"));
}

// Events.

#[test]
fn every_event_is_a_line_that_the_schema_takes_and_the_last_one_has_the_report() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 20ms\n");
    let faults = "429@PATCH#1,drop-after@import#1,retry-after=1";
    let outcome = workspace.run(&format!("apply --yes --sandbox-faults {faults} --format json")).exit(0);
    let lines = events(&outcome.stdout);
    let kinds = words(&lines, "event");
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("planned", "finished"));
    for kind in ["began", "made", "waiting", "ended"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let of_order: Vec<&str> = lines
        .iter()
        .filter(|line| line["address"] == "conversation.order")
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(of_order, ["began", "made", "waiting", "ended"]);
    // One in doubt ends again when it was found.
    let of_import = lines.iter().filter(|line| line["event"] == "ended" && line["address"] == "import.legacy");
    assert_eq!(of_import.map(|line| line["outcome"].as_str().unwrap()).collect::<Vec<_>>(), ["in-doubt", "done"]);
    let report = &lines[lines.len() - 1]["report"];
    is_valid(Subject::Apply, report);
    assert_eq!(report["fingerprint"], lines[0]["fingerprint"]);
    assert_eq!((&report["counts"]["created"], &report["counts"]["imported"]), (&1.into(), &1.into()));
}

#[test]
fn a_replacement_has_the_id_that_it_took_the_place_of() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let _ = workspace.run(&format!("apply --yes --allow-replace {ALL_FORMS}")).exit(0);
    let replaced = &report_in(&workspace, "r.json")["outcomes"][0];
    assert_eq!((&replaced["id"], &replaced["previousId"]), (&1002.into(), &1001.into()));
    assert!(workspace.read("r.md").contains("replaced `#1002`, in the place of `#1001`"));
}

#[test]
fn members_of_a_later_version_are_taken_and_missing_ones_are_not() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes --format json=r.json").exit(4);
    let report = report_in(&workspace, "r.json");
    let mut later = report.clone();
    later["news"] = 1.into();
    later["outcomes"][1]["news"] = 1.into();
    later["counts"]["news"] = 1.into();
    is_valid(Subject::Apply, &later);
    let validator = validator(Subject::Apply);
    for member in report.as_object().unwrap().keys() {
        let mut less = report.clone();
        less.as_object_mut().unwrap().remove(member);
        assert!(!validator.is_valid(&less), "{member}");
    }
    for member in report["outcomes"][1].as_object().unwrap().keys() {
        let mut less = report.clone();
        less["outcomes"][1].as_object_mut().unwrap().remove(member);
        assert!(!validator.is_valid(&less), "{member}");
    }
}

#[test]
fn what_validate_prints_as_json_is_as_its_schema_says() {
    let workspace = Workspace::new().copy("tests/fixtures/bad");
    let outcome = workspace.run("validate tests/fixtures/bad --format json").exit(1);
    let findings: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(findings["findings"].as_array().unwrap().len() > 50);
    is_valid(Subject::Validate, &findings);
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    is_valid(
        Subject::Validate,
        &serde_json::from_str(&workspace.run("validate --format json").exit(0).stdout).unwrap(),
    );
}

#[test]
fn findings_are_a_page_of_markdown_within_its_bounds() {
    let workspace = Workspace::new().copy("tests/fixtures/bad");
    let page = workspace.run("validate tests/fixtures/bad --format markdown --max-bytes 8000").exit(1).stdout;
    assert!(page.starts_with("<!-- dixaform:validate -->\n## dixaform: "), "{page}");
    assert!(page.len() <= 8_000 && page.contains("left out here; `dixaform validate` shows all"), "{page}");
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let page = workspace.run("validate --format markdown").exit(0).stdout;
    assert_eq!(page, "<!-- dixaform:validate -->\n## dixaform: 1 manifest is valid\n");
}

// Foreign text.

#[test]
fn foreign_text_is_nothing_but_text_in_every_form() {
    // Dixa's answer repeats it.
    let hostile = "a\\n::error::x\\n</details>\\n```\\n| b | \\e[31m\\u202e%0A @all #1 <b>";
    let with = |name: &str| {
        email(name).replace("  _type: Inbound\n", &format!("  _type: Inbound\n    externalId: \"{hostile}\"\n"))
    };
    let workspace = Workspace::fast().file("manifests/a.yaml", &format!("{}---\n{}", with("a"), with("b")));
    let _ = workspace.run(&format!("apply --yes {ALL_FORMS}")).exit(4);
    let forms = ["r.json", "r.md", "r.github", "r.gitlab", "r.txt"];
    let all: Vec<(&str, String)> = forms.into_iter().map(|name| (name, workspace.read(name))).collect();
    for (name, text) in &all {
        assert!(text.contains("Duplicate externalId"), "{name}: {text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{name}: {text}");
        assert!(*name == "r.github" || !text.lines().any(|line| line.trim_start().starts_with("::")), "{name}: {text}");
    }
    let github = workspace.read("r.github");
    assert_eq!(github.lines().count(), 2, "{github}");
    assert!(github.lines().all(|line| line.starts_with("::error file=") || line.starts_with("::notice ")));
    assert!(github.contains("%250A"), "{github}");
    let page = workspace.read("r.md");
    assert_eq!(page.lines().filter(|line| line.trim_start().starts_with("</details>")).count(), 1, "{page}");
    assert!(page.contains("````text\n"), "{page}");
}
