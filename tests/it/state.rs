//! `dixaform state`, from the command line.

use serde_json::{Value, json};

use crate::support::manifests::{LEGACY, ORDER, SELECT, TEXT};
use crate::support::{Stub, Workspace};

/// A workspace with the records `conversation.order` (#1001) and `import.legacy` (#1002).
fn applied() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/old/legacy.yaml", LEGACY);
    let _ = workspace.run("apply --yes --target conversation.*").exit(0);
    let _ = workspace.run("apply --yes").exit(0);
    workspace
}

/// The lines of a list, each as its words.
fn rows(stdout: &str) -> Vec<Vec<&str>> {
    stdout.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn list_has_address_id_time_and_place_of_each_record_in_columns() {
    let workspace = applied();
    let outcome = workspace.run("state list").exit(0);
    let rows = rows(&outcome.stdout);
    let at = |address: &str| workspace.record(address)["appliedAt"].as_str().unwrap().to_owned();
    let (order, legacy) = (at("conversation.order"), at("import.legacy"));
    assert_eq!(rows[0], ["conversation.order", "#1001", &order, "manifests/order.yaml:1"]);
    assert_eq!(rows[1], ["import.legacy", "#1002", &legacy, "manifests/old/legacy.yaml:1"]);
    assert_eq!(rows.len(), 2);
    let columns: Vec<_> = outcome.stdout.lines().map(|line| line.find('#')).collect();
    assert_eq!(columns[0], columns[1], "ids are in a column");
}

#[test]
fn list_takes_patterns_of_addresses() {
    let workspace = applied();
    let outcome = workspace.run("state list import.*").exit(0);
    assert_eq!(rows(&outcome.stdout).len(), 1);
    let _ = workspace.run("state list conversation.order import.legacy").exit(0).says("#1001").says("#1002");
    let none = workspace.run("state list conversation.other").exit(0);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "None of 2 records fits.\n"));
    let _ = workspace.run("state list conversation.[").exit(64);
}

#[test]
fn list_of_a_state_that_was_never_saved_is_empty_says_why_and_makes_no_file() {
    let workspace = Workspace::fast();
    let told = workspace.run("state list").exit(0);
    assert_eq!(told.stdout, "");
    assert_eq!(told.stderr, "There is no state state/sandbox.json yet; the first apply creates it.\n");
    assert_eq!(workspace.run("state list --quiet").exit(0).stderr, "");
    assert!(!workspace.exists("state"));
}

#[test]
fn path_says_where_the_state_is_or_would_be() {
    let workspace = Workspace::fast();
    let project = "version: 1\ntenants: {eu: {baseUrl: \"https://dev.dixa.io\", state: kept/eu.json}}\n";
    workspace.write("dixaform.yaml", project);
    workspace.write("deep/below/a.yaml", ORDER);
    for (line, path) in [
        ("state path --tenant eu", "kept/eu.json\n"),
        ("state path --tenant sandbox", "state/sandbox.json\n"),
        ("state path --tenant eu --chdir deep/below", "../../kept/eu.json\n"),
        ("state path --tenant eu --state elsewhere.json", "elsewhere.json\n"),
    ] {
        assert_eq!(workspace.run(line).exit(0).stdout, path, "{line}");
    }
    let _ = workspace.run("state path --tenant nobody").exit(1);
    assert!(!workspace.exists("state") && !workspace.exists("kept"));
}

#[test]
fn list_says_which_attributes_were_never_written() {
    let workspace = applied();
    let digest = workspace.record("conversation.order")["digest"]["attributes"].as_str().unwrap().to_owned();
    workspace.edit_state("state/sandbox.json", &format!(",\"attributes\":\"{digest}\""), "");
    let values = json!({TEXT: "012345", SELECT: ["str1", "str2"]});
    workspace.edit_state("state/sandbox.json", &format!(",\"customAttributes\":{values}"), "");
    let _ = workspace.run("state list conversation.*").exit(0).says("(attributes not written)");
    let plan = workspace.plan_json("");
    assert_eq!(plan["changes"][0]["reason"], "attributes-not-written");
}

#[test]
fn show_prints_the_record_as_it_is_in_the_state() {
    let workspace = applied();
    let outcome = workspace.run("state show conversation.order").exit(0);
    let shown: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(shown, workspace.record("conversation.order"));
    assert_eq!(shown["spec"]["customAttributes"], json!({TEXT: "012345", SELECT: ["str1", "str2"]}));
    assert!(outcome.stdout.starts_with("{\n  \"address\": \"conversation.order\",\n  \"id\": 1001,\n"));
}

#[test]
fn a_manifest_that_the_state_shows_plans_to_nothing() {
    let workspace = applied();
    for (address, file) in [("conversation.order", "order.yaml"), ("import.legacy", "old/legacy.yaml")] {
        let manifest = workspace.run(&format!("state show {address} --format yaml")).exit(0).stdout;
        assert!(manifest.starts_with("apiVersion: dixaform/v1\nkind: Conversation"), "{manifest}");
        workspace.write(&format!("manifests/{file}"), manifest);
    }
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    let saved = workspace.run("state show import.legacy --format yaml=saved.yaml --format json").exit(0).stdout;
    let mut saved: Value = serde_json::from_str(&saved).unwrap();
    assert_eq!(saved.as_object_mut().and_then(|record| record.remove("format")), Some(json!("dixaform-record/1")));
    assert_eq!(saved, workspace.record("import.legacy"));
    assert_eq!(workspace.read("saved.yaml"), workspace.read("manifests/old/legacy.yaml"));
}

#[test]
fn a_state_that_keeps_digests_only_has_no_manifest_to_show() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    lastApplied: digest\n");
    let _ = workspace.run("apply --yes").exit(0);
    let refused = workspace.run("state show conversation.order --format yaml").exit(1);
    assert_eq!(refused.warns("lastApplied: digest").stdout, "");
    let _ = workspace.run("state show conversation.order").exit(0);
}

#[test]
fn show_of_what_is_not_there_suggests_what_is() {
    let workspace = applied();
    let _ = workspace.run("state show conversation.ordr").exit(1).warns("did you mean conversation.order?");
    let _ = workspace.run("state show conversation.something-else").exit(1).warns("state list");
    let _ = workspace.run("state show order").exit(64).warns("conversation.<name>");
}

#[test]
fn looking_at_the_state_needs_no_network_and_no_token() {
    let stub = Stub::silent();
    let workspace = applied().with_tenant(&stub.base_url());
    workspace.write("state/local.json", workspace.read("state/sandbox.json"));
    let base_url = format!("\"baseUrl\":\"{}\"", stub.base_url());
    workspace.edit_state("state/local.json", "\"baseUrl\":\"sandbox\"", &base_url);
    let _ = workspace.run("state list").exit(0).says("#1001");
    assert!(stub.requests().is_empty());
}

#[test]
fn the_state_has_a_record_per_line_sorted_by_address() {
    let text = applied().read("state/sandbox.json");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("{\"format\":\"dixaform-state/1\",\"lineage\":\""), "{}", lines[0]);
    assert!(lines[1].starts_with("{\"address\":\"conversation.order\","), "{}", lines[1]);
    assert!(lines[2].starts_with("{\"address\":\"import.legacy\","), "{}", lines[2]);
    assert!(lines[3].starts_with("],\"seal\":\"crc32:"), "{}", lines[3]);
    assert_eq!((lines.len(), text.ends_with('\n')), (4, true));
}

#[test]
fn list_of_a_state_whose_records_are_all_forgotten_says_so() {
    let workspace = applied();
    let _ = workspace.run("state forget conversation.order import.legacy").exit(0);
    let told = workspace.run("state list").exit(0);
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", "The state state/sandbox.json has no records.\n"));
}

#[test]
fn a_state_that_is_lost_beside_its_backup_is_missed() {
    let workspace = applied();
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("apply --yes").exit(0);
    std::fs::rename(workspace.path("state/sandbox.json"), workspace.path("elsewhere.json")).unwrap();
    let missed = "the state state/sandbox.json is missing but its backup state/sandbox.json.backup exists";
    for command in ["plan", "apply --approved 0123456789abcdef"] {
        let outcome = workspace.run(command);
        assert!(outcome.stderr.contains(missed), "{command}: {}", outcome.stderr);
        assert!(!workspace.exists("state/sandbox.json"), "{command}");
    }
    std::fs::rename(workspace.path("elsewhere.json"), workspace.path("state/sandbox.json")).unwrap();
    let _ = workspace.run("plan").exit(0).never_says("is missing");
}

#[test]
fn an_apply_changes_only_the_lines_of_what_it_applied() {
    let workspace = applied();
    let before = workspace.read("state/sandbox.json");
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("apply --yes").exit(0);
    let after = workspace.read("state/sandbox.json");
    let changed: Vec<_> = before.lines().zip(after.lines()).map(|(before, after)| before != after).collect();
    assert_eq!(changed, [true, true, false, true], "the serial, one record and the seal");
    assert_eq!(workspace.read("state/sandbox.json.backup"), before);
}

#[test]
fn the_serial_grows_and_the_lineage_stays() {
    let workspace = applied();
    let before = workspace.state();
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("apply --yes").exit(0);
    let after = workspace.state();
    assert_eq!((before["serial"].as_i64(), after["serial"].as_i64()), (Some(2), Some(3)));
    assert_eq!(before["lineage"], after["lineage"]);
}
