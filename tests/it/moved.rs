//! `dixaform/moved-from`: a renamed manifest keeps its conversation.

use serde_json::Value;

use crate::support::manifests::{TEXT, email};
use crate::support::{Server, Workspace};

/// `old` after it was renamed to `new`.
fn renamed() -> String {
    moved(&email("old"), "conversation.old", "new")
}

/// A manifest under another name, with the address that it had.
fn moved(manifest: &str, from: &str, to: &str) -> String {
    let name = from.split_once('.').unwrap().1;
    let annotations = format!("annotations: {{dixaform/moved-from: {from}}}");
    manifest.replace(&format!("name: {name}\n"), &format!("name: {to}\n  {annotations}\n"))
}

/// A workspace in which `old` was applied, and then renamed to `new`.
fn after_renaming() -> Workspace {
    let workspace = Workspace::fast().file("manifests/old.yaml", &email("old"));
    let _ = workspace.run("apply --yes").exit(0);
    workspace.remove("manifests/old.yaml");
    workspace.write("manifests/new.yaml", renamed());
    workspace
}

fn posts(workspace: &Workspace, log: &str) -> usize {
    workspace.requests_in(log).iter().filter(|(call, _)| call.starts_with("POST ")).count()
}

#[test]
fn a_record_moves_without_a_call_and_then_there_is_nothing_left_to_do() {
    let workspace = after_renaming();
    let (before, requests) = (workspace.record("conversation.old"), workspace.requests().len());
    let plan = workspace.run("plan --detailed-exitcode").exit(2);
    let plan = plan.says("  # conversation.old has moved to conversation.new  (#1001, manifests/new.yaml:1)\n");
    let _ = plan.says("0 to replace, 1 to move. 0 unchanged.").says("0 calls.").never_says("not in the manifests");
    let ended = workspace.run("apply --yes").exit(0);
    assert_eq!(ended.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 moved.");
    assert_eq!(workspace.requests().len(), requests);
    let after = workspace.record("conversation.new");
    for member in ["id", "marker", "digest", "appliedAt"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["source"]["file"], "manifests/new.yaml");
    assert!(!workspace.exists("state/sandbox.journal"));
    let plan = workspace.run("plan --detailed-exitcode --prune").exit(0).says("No changes.").says("matches");
    assert_eq!(plan.stderr.matches("moved").count(), 0, "{}", plan.stderr);
}

#[test]
fn what_is_made_under_the_old_address_later_is_told_apart() {
    let workspace = after_renaming();
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/new.yaml", "annotations", "labels");
    workspace.edit("manifests/new.yaml", "dixaform/moved-from", "from");
    workspace.write("manifests/old.yaml", email("old"));
    let _ = workspace.run("apply --yes").exit(0).says("1 created");
    let (old, new) = (workspace.record("conversation.old"), workspace.record("conversation.new"));
    assert_eq!(old["digest"]["content"], new["digest"]["content"]);
    assert!(old["marker"].is_string() && old["marker"] != new["marker"], "{old} {new}");
}

#[test]
fn a_record_that_moves_and_differs_is_one_change_and_counts_as_both() {
    let workspace = after_renaming();
    let attributes = format!("spec:\n  customAttributes: {{{TEXT}: '1'}}\n");
    workspace.edit("manifests/new.yaml", "spec:\n", &attributes);
    let plan = workspace.run("plan").exit(0).says("  # conversation.new will be updated in-place");
    let _ =
        plan.says("  # conversation.old has moved to conversation.new\n").says("1 to update, 0 to replace, 1 to move.");
    // What fails after the records have moved was done in part.
    let failed = workspace.run("apply --yes --sandbox-faults 400@PATCH#1 --format json=report.json").exit(4);
    let _ = failed.says("conversation.new (#1001) was not updated").says("0 updated, 1 moved. 1 failed.");
    let report: Value = serde_json::from_str(&workspace.read("report.json")).unwrap();
    assert_eq!((&report["counts"]["moved"], &report["counts"]["failed"]), (&1.into(), &1.into()), "{report}");
    assert_eq!(report["outcomes"][0]["movedFrom"], "conversation.old", "{report}");
    let _ = workspace.run("plan").exit(0).says("1 to update, 0 to replace. 0 unchanged.");
    let ended = workspace.run("apply --yes").exit(0);
    assert_eq!(ended.last_line(), "Apply complete! 0 created, 0 imported, 1 updated.");
}

#[test]
fn a_saved_plan_moves_what_it_says_and_is_stale_afterwards() {
    let workspace = after_renaming();
    let _ = workspace.run("plan --out saved.plan").exit(0);
    assert!(workspace.run("show saved.plan").exit(0).stdout.contains("has moved to conversation.new"));
    let plan: Value = serde_json::from_str(&workspace.read("saved.plan")).unwrap();
    assert_eq!(plan["summary"]["move"], 1);
    let change = &plan["changes"][0];
    assert_eq!((&change["action"], &change["movedFrom"]), (&"move".into(), &"conversation.old".into()));
    let fingerprint = plan["fingerprint"].as_str().unwrap();
    // The manifests are not needed for it.
    workspace.remove("manifests/new.yaml");
    let ended = workspace.run("apply saved.plan --format json=report.json --format markdown=report.md").exit(0);
    assert_eq!(ended.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 moved.");
    let report: Value = serde_json::from_str(&workspace.read("report.json")).unwrap();
    assert_eq!((&report["counts"]["moved"], &report["outcomes"][0]["outcome"]), (&1.into(), &"done".into()));
    let page = workspace.read("report.md");
    assert!(page.contains("- `conversation.new` moved `#1001`, moved from `conversation.old`"), "{page}");
    workspace.write("manifests/new.yaml", renamed());
    let _ = workspace.run("apply saved.plan").exit(5).warns("the plan is stale").warns("conversation.old (#1001)");
    // What is approved is done already.
    let _ = workspace.run(&format!("apply --approved {fingerprint}")).exit(0).says("No changes.");
}

#[test]
fn forms_for_services_count_it_and_make_nothing_of_it() {
    let workspace = after_renaming();
    let plan = workspace.run("plan --format markdown").exit(0);
    let plan = plan.says("## dixaform: 1 to move").says("<code>conversation.new</code> will be moved");
    let _ = plan.says("`conversation.old` has moved to `conversation.new`.");
    let _ = workspace.run("plan --format github").exit(0).says("1 to move, 0 unchanged.");
    let _ = workspace.run("plan --format gitlab").exit(0).says(r#"{"create":0,"update":0,"delete":0}"#);
    let _ = workspace.run("plan --format html").exit(0).says("is-move").says("1 to move");
}

#[test]
fn both_addresses_with_a_record_are_an_error_that_says_what_to_do() {
    let workspace = after_renaming();
    workspace.edit("manifests/new.yaml", "annotations", "labels");
    workspace.edit("manifests/new.yaml", "dixaform/moved-from", "from");
    let hint = workspace.run("plan").exit(0).says("dixaform/moved-from: conversation.old in conversation.new");
    let _ = hint.says("1 to create");
    let _ = workspace.run("apply --yes").exit(0).says("1 created");
    workspace.write("manifests/new.yaml", renamed());
    for command in ["plan --prune", "apply --yes --prune"] {
        let refused = workspace.run(command).exit(1).warns("error[old-address-recorded]");
        let refused = refused.warns("manifests/new.yaml:5:38").warns("^^^^^^^^^^^^^^^^");
        let _ = refused
            .warns("conversation.old (#1001) can't move to conversation.new, which has a record already (#1002)");
    }
    let _ = workspace.run("state forget conversation.new").exit(0);
    let _ = workspace.run("apply --yes").exit(0).says("1 moved");
    assert_eq!(workspace.record("conversation.new")["id"], 1001);
}

#[test]
fn an_old_address_that_is_still_described_is_an_error_even_where_its_file_is_not_parsed() {
    let workspace = Workspace::fast().file("manifests/old.yaml", &email("old"));
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/new.yaml", renamed().replace("Hello", "Hi"));
    for command in ["validate", "plan", "apply --yes"] {
        let ended = workspace.run(command).exit(1);
        let told = ended.stdout + &ended.stderr;
        assert!(told.contains("error[old-address-described]"), "{command}: {told}");
        assert!(told.contains("still described at manifests/old.yaml:"), "{command}: {told}");
    }
    // The same where it is described again after the record has moved.
    let workspace = after_renaming();
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/old.yaml", email("old").replace("Hello", "Hi"));
    let _ = workspace.run("plan").exit(1).warns("error[old-address-described]");
}

#[test]
fn a_call_in_doubt_of_the_old_address_is_settled_before_its_record_moves() {
    let workspace = Workspace::fast().file("manifests/old.yaml", &email("old"));
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    let blind = "--sandbox-faults redirect@conversations#*";
    let _ = workspace.run(&format!("apply --yes {blind},drop-after@create#1")).exit(6);
    workspace.remove("manifests/old.yaml");
    workspace.write("manifests/new.yaml", renamed());
    // As long as nobody can look, nothing is made under the new address either.
    let _ = workspace.run("plan").exit(0).says("1 change is in doubt");
    let _ = workspace.run(&format!("apply --yes {blind}")).exit(6);
    let _ = workspace.run("apply --yes").exit(0).says("1 moved");
    assert_eq!(posts(&workspace, "state/sandbox.requests.jsonl"), 1);
    let _ = workspace.run("plan --detailed-exitcode").exit(0);
}

#[test]
fn a_refresh_reads_the_conversation_of_the_record_that_moves() {
    let workspace = after_renaming();
    let _ = workspace.run("plan --refresh").exit(0).warns("Reading 1 conversation: 2 calls").says("1 to move");
    let _ = workspace.run("apply --yes --refresh").exit(0).says("1 moved");
}

#[test]
fn what_was_made_under_the_old_address_is_found_where_the_state_is_lost() {
    let workspace = Workspace::new().file("manifests/old.yaml", &email("old"));
    let server = Server::start(&workspace, "--no-rate-limit --data data.jsonl --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let _ = workspace.run("apply --yes").exit(0);
    workspace.remove("manifests/old.yaml");
    workspace.write("manifests/new.yaml", renamed());
    // What a saved plan would make is looked for as well; then it is stale.
    for (apply, exit) in [("apply --yes", 0), ("apply saved.plan", 5), ("state rebuild", 0)] {
        std::fs::remove_dir_all(workspace.path("state")).unwrap();
        let _ = workspace.run("plan --out saved.plan").exit(0).says("1 to create");
        let _ = workspace.run(apply).exit(exit);
        let found = r#""address":"conversation.new","id":1001"#;
        assert!(workspace.read("state/local.json").contains(found), "{apply}");
        assert_eq!(posts(&workspace, "requests.jsonl"), 1, "{apply}");
    }
    let _ = workspace.run("plan --detailed-exitcode").exit(0);
}
