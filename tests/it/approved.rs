//! `apply --approved-plan`: only what was reviewed is applied, and differences are reported.

use serde_json::Value;

use crate::support::Workspace;
use crate::support::manifests::{LEGACY, ORDER, email};

/// A workspace whose plan was reviewed as `plan.json`.
fn reviewed() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    workspace.write("manifests/more.yaml", format!("{LEGACY}---\n{}", email("late")));
    let _ = workspace.run("plan --format json=plan.json").exit(0);
    workspace
}

fn fingerprint(workspace: &Workspace, file: &str) -> String {
    let plan: Value = serde_json::from_str(&workspace.read(file)).unwrap();
    plan["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn the_plan_that_was_reviewed_is_applied_without_asking() {
    let workspace = reviewed();
    // Places and comments are not what was approved.
    workspace.edit(
        "manifests/more.yaml",
        "apiVersion: dixaform/v1\nkind: ConversationImport",
        "# Moved.\napiVersion: dixaform/v1\nkind: ConversationImport",
    );
    let outcome = workspace.run("apply --approved-plan plan.json").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 2 created, 1 imported, 0 updated.");
    // Once it is done nothing is left to approve, and nothing is sent.
    let sent = workspace.requests().len();
    let _ = workspace.run("apply --approved-plan plan.json").exit(0).says("No changes.");
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn another_plan_is_refused_with_every_change_that_is_new_gone_or_different() {
    let workspace = reviewed();
    let _ = workspace.run("apply --yes --target import.legacy --format json=a").exit(0);
    workspace.write("manifests/more.yaml", format!("{LEGACY}---\n{}", email("other")));
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let sent = workspace.requests().len();
    let outcome = workspace.run("apply --approved-plan plan.json").exit(5);
    let told = [
        "error: the new plan has the fingerprint ",
        " was approved (in plan.json)",
        "\n  gone: conversation.late, create when it was approved\n",
        "\n  different: conversation.order, create, and not as it was approved\n",
        "\n  new: conversation.other, create\n",
        "\n  gone: import.legacy, import when it was approved\n",
        "nothing was sent",
    ];
    for text in told {
        assert!(outcome.stderr.contains(text), "no {text:?} in {}", outcome.stderr);
    }
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn an_action_that_became_another_is_reported_then_and_now() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("plan --format json=plan.json").exit(0);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let outcome = workspace.run("apply --approved-plan plan.json --allow-replace").exit(5);
    let _ = outcome.warns("different: conversation.order, update then and replace now");
}

#[test]
fn a_fingerprint_and_a_reviewed_plan_must_agree() {
    let workspace = reviewed();
    let approved = fingerprint(&workspace, "plan.json");
    let outcome = workspace.run("apply --approved 0123456789abcdef --approved-plan plan.json").exit(5);
    let _ = outcome.warns("0123456789abcdef").warns(&approved).warns("plan.json");
    assert!(workspace.requests().is_empty());
    let _ = workspace.run(&format!("apply --approved {approved} --approved-plan plan.json")).exit(0);
}

#[test]
fn a_saved_plan_is_held_against_the_reviewed_one() {
    let workspace = reviewed();
    let _ = workspace.run("plan --out all.plan").exit(0);
    let _ = workspace.run("plan --out some.plan --target import.*").exit(0);
    let _ = workspace.run("apply some.plan --approved-plan plan.json").exit(5).warns("gone: conversation.order");
    assert!(workspace.requests().is_empty());
    let _ = workspace.run("apply all.plan --approved-plan plan.json").exit(0);
}

#[test]
fn a_plan_of_another_tenant_approves_nothing() {
    let workspace = reviewed();
    workspace.edit(
        "dixaform.yaml",
        "  sandbox:\n",
        "  local: {baseUrl: \"http://127.0.0.1:1\", apiKeyEnv: KEY}\n  sandbox:\n",
    );
    let outcome = workspace.run("apply --tenant local --approved-plan plan.json").exit(5);
    let _ =
        outcome.warns("it was approved for the tenant `sandbox` (embedded), but this is `local` (http://127.0.0.1:1");
}

#[test]
fn a_file_that_is_no_plan_is_an_error_that_says_what_it_is() {
    let workspace = reviewed();
    let plan = workspace.read("plan.json");
    workspace.write("cut.json", &plan[..plan.len() / 2]);
    workspace.write("newer.json", plan.replace("dixaform-plan/1", "dixaform-plan/2"));
    workspace.write("edited.json", plan.replace("Where is it?", "Where is she?"));
    workspace.write("foreign.json", "{\"format_version\":\"1.2\"}");
    workspace.write("text.json", "\u{1b}[31mred");
    workspace.write("bytes.json", [0xff, 0xfe]);
    std::fs::File::create(workspace.path("huge.json")).unwrap().set_len((1 << 30) + 1).unwrap();
    let cases = [
        ("cut.json", "it is not JSON"),
        ("newer.json", "its format is `dixaform-plan/2`, but this dixaform reads `dixaform-plan/1`"),
        ("edited.json", "it was changed since it was saved"),
        ("foreign.json", "`format` is missing"),
        ("text.json", "it is not JSON"),
        ("bytes.json", "UTF-8"),
        ("huge.json", "it is larger than 1 GiB"),
        ("manifests", "can't be used"),
        ("nowhere.json", "No such file"),
    ];
    for (file, says) in cases {
        let outcome = workspace.run(&format!("apply --yes --approved-plan {file}")).exit(1).warns(says);
        let _ = outcome.warns(file).warns("--format json=FILE").never_says("\u{1b}");
    }
    assert!(workspace.requests().is_empty());
}

#[test]
fn a_mismatch_leaves_standard_output_to_the_form_that_was_asked_for() {
    let workspace = reviewed();
    workspace.write("manifests/new.yaml", email("new"));
    let outcome = workspace.run("apply --approved-plan plan.json --format json").exit(5);
    let outcome = outcome.warns("new: conversation.new, create");
    let lines: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(), ["planned", "finished"]);
    let report = &lines[1]["report"];
    assert_eq!((&report["stop"]["reason"], &report["exitCode"]), (&"not-begun".into(), &5.into()));
    assert_eq!(report["counts"]["notAttempted"], 4);
}
