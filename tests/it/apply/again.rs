//! What a second apply does.

use serde_json::json;

use crate::apply::applied;
use crate::support::manifests::{ORDER, SELECT, TEXT, email};

#[test]
fn a_second_apply_does_nothing_and_asks_nobody() {
    let workspace = applied(ORDER);
    let sent = workspace.requests().len();
    let again = workspace.run("apply").exit(0);
    assert_eq!(again.stdout, "No changes. The tenant matches the manifests.\n");
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn one_changed_attribute_is_one_patch_with_that_key_alone() {
    let workspace = applied(ORDER);
    let sent = workspace.requests().len();
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let outcome = workspace.run("apply --yes").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 0 imported, 1 updated.");
    let patch = "PATCH /v1/conversations/1001/custom-attributes".to_owned();
    assert_eq!(workspace.writes_since(sent), [(patch, json!({TEXT: "012346"}))]);
}

#[test]
fn an_attribute_that_left_the_manifest_is_sent_as_null() {
    let workspace = applied(ORDER);
    let sent = workspace.requests().len();
    workspace.edit("manifests/order.yaml", &format!("    {TEXT}: \"012345\"\n"), "");
    let _ = workspace.run("apply --yes").exit(0);
    let bodies: Vec<_> = workspace.writes_since(sent).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [json!({TEXT: null})]);
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_tenant_that_keeps_removed_attributes_sends_nothing_for_them() {
    let workspace = applied(ORDER);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    removedAttributes: keep\n");
    workspace.edit("manifests/order.yaml", &format!("    {TEXT}: \"012345\"\n"), "");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_null_in_the_manifest_clears_once() {
    let workspace = applied(ORDER);
    let sent = workspace.requests().len();
    workspace.edit("manifests/order.yaml", "\"012345\"", "null");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(workspace.writes_since(sent)[0].1, json!({TEXT: null}));
    let _ = workspace.run("plan").exit(0).says("No changes.");
    workspace.edit("manifests/order.yaml", &format!("    {TEXT}: null\n"), "");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn writing_the_same_in_other_words_plans_nothing() {
    let workspace = applied(ORDER);
    let json = json!({
        "spec": {
            "language": "en", "subject": "order #123",
            "message": {"content": {"value": "Where is it?", "_type": "Text"}, "attachments": [], "_type": "Inbound"},
            "customAttributes": {SELECT: ["str1", "str2"], TEXT: "012345"},
            "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "_type": "Email",
            "emailIntegrationId": "my-integration@email.dixa.io",
        },
        "metadata": {"name": "order"}, "kind": "Conversation", "apiVersion": "dixaform/v1",
    });
    workspace.remove("manifests/order.yaml");
    workspace.write("manifests/moved/order.json", serde_json::to_string_pretty(&json).unwrap());
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_replacement_makes_a_new_conversation_and_remembers_the_old_one() {
    let workspace = applied(ORDER);
    let sent = workspace.requests().len();
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let outcome = workspace.run("apply --yes --allow-replace").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 replaced.");
    let calls: Vec<_> = workspace.writes_since(sent).into_iter().map(|(call, _)| call).collect();
    assert_eq!(calls, ["POST /v1/conversations", "PATCH /v1/conversations/1002/custom-attributes"]);
    let record = workspace.record("conversation.order");
    assert_eq!((&record["id"], &record["replaced"]), (&json!(1002), &json!([1001])));
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn forgetting_drops_the_record_and_sends_nothing() {
    let workspace = applied(ORDER);
    let _ = std::fs::rename(workspace.path("manifests/order.yaml"), workspace.path("order.yaml"));
    workspace.write("manifests/other.yaml", email("other"));
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(workspace.state()["records"].as_array().unwrap().len(), 2);
    let sent = workspace.requests().len();
    let outcome = workspace.run("apply --yes --prune").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 forgotten.");
    assert!(workspace.writes_since(sent).is_empty());
    assert_eq!(workspace.state()["records"][0]["address"], "conversation.other");
}

// What goes wrong on the way.
