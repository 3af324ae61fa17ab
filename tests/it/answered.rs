//! A value of which Dixa makes another one: apply says so once, and a refresh takes the one for the other.

use serde_json::{Value, json};

use crate::support::manifests::{ORDER, SELECT, TEXT};
use crate::support::{Outcome, Server, Workspace};

const MATCHES: &str = "No changes. The tenant matches the manifests.";

/// A workspace beside a server that makes capital letters of the attributes of `conversation.order` (#1001). The text
/// is described as `ab-12`, and nothing is applied yet.
fn described(last_applied: &str) -> (Workspace, Server) {
    let seed = json!({ "customAttributes": [
        { "id": TEXT, "entityType": "Conversation", "identifier": "order", "label": "Order", "normalize": "upper",
          "inputDefinition": { "_type": "Text" } },
        { "id": SELECT, "entityType": "Conversation", "identifier": "reason", "label": "Reason", "normalize": "upper",
          "inputDefinition": { "_type": "Select", "options": [
              { "value": "str1", "nestedOptions": [{ "value": "str2" }, { "value": "str3" }] },
          ] } },
    ] });
    let order = ORDER.replace("\"012345\"", "ab-12");
    let workspace = Workspace::new().file("manifests/order.yaml", &order).file("seed.json", &seed.to_string());
    let server = Server::start(&workspace, "--no-rate-limit --seed seed.json --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    workspace.edit("dixaform.yaml", "apiKeyEnv", &format!("lastApplied: {last_applied}, apiKeyEnv"));
    (workspace, server)
}

fn patches(workspace: &Workspace) -> Vec<Value> {
    let requests = workspace.requests_in("requests.jsonl").into_iter();
    requests.filter(|(call, _)| call.starts_with("PATCH ")).map(|(_, body)| body).collect()
}

/// The attributes of which the record has an answer.
fn answered(workspace: &Workspace) -> Vec<String> {
    let state: Value = serde_json::from_str(&workspace.read("state/local.json")).unwrap();
    let record = &state["records"][0];
    record.get("answered").map_or(Vec::new(), |answered| answered.as_object().unwrap().keys().cloned().collect())
}

/// How often a report says that a value was made another one.
fn told(report: &Outcome) -> usize {
    report.stdout.matches("Dixa has made").count()
}

fn matches_twice(workspace: &Workspace) {
    for _ in 0..2 {
        let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
        let plan = workspace.run("plan --refresh --detailed-exitcode").exit(0);
        assert_eq!(plan.last_line(), MATCHES, "{}", plan.stdout);
    }
}

#[test]
fn what_dixa_made_of_a_value_is_said_once_and_is_no_drift() {
    for last_applied in ["full", "digest"] {
        let (workspace, server) = described(last_applied);
        let applied = workspace.run("apply --yes --verify").exit(0).never_says("reads back");
        let applied =
            applied.says(&format!("Dixa has made \"AB-12\" of \"ab-12\", which was written to the attribute {TEXT}"));
        let applied = applied.says("Dixa has made [\"STR1\", \"STR2\"] of [\"str1\", \"str2\"]");
        assert_eq!(told(&applied), 2);
        matches_twice(&workspace);
        let _ = workspace.run("apply --yes --refresh").exit(0).says("No changes.");
        assert_eq!(patches(&workspace).len(), 1, "{last_applied}");
        assert_eq!(workspace.read("state/local.json").contains("AB-12"), last_applied == "full");

        // Somebody else's value is planned back.
        let by_hand = json!({TEXT: "by hand"}).to_string();
        let (status, _) = server.send("PATCH", "/v1/conversations/1001/custom-attributes", &by_hand);
        assert_eq!(status, 200);
        let plan = workspace.run("plan --refresh --detailed-exitcode").exit(2).says("\"BY HAND\" -> \"ab-12\"");
        let _ = plan.says("were changed outside of dixaform").never_says("STR1");
        let _ = workspace.run("apply --yes --refresh").exit(0).says("1 updated");
        assert_eq!(patches(&workspace).last(), Some(&json!({TEXT: "ab-12"})));
        matches_twice(&workspace);

        // A value that is described in the place of the one that was written.
        workspace.edit("manifests/order.yaml", "ab-12", "cd-34");
        let _ = workspace.run("plan --refresh --detailed-exitcode").exit(2).says("-> \"cd-34\"").never_says("str1");
        let updated = workspace.run("apply --yes --refresh").exit(0).says("Dixa has made \"CD-34\" of \"cd-34\"");
        assert_eq!(told(&updated), 1);
        assert_eq!(patches(&workspace).last(), Some(&json!({TEXT: "cd-34"})));
        matches_twice(&workspace);

        // Described as Dixa has it, and then no more.
        workspace.edit("manifests/order.yaml", "cd-34", "CD-34");
        assert_eq!(told(&workspace.run("apply --yes --refresh").exit(0).says("1 updated")), 0);
        assert_eq!(answered(&workspace), [SELECT], "{last_applied}");
        workspace.edit("manifests/order.yaml", &format!("    {SELECT}: [str1, str2]\n"), "");
        let _ = workspace.run("apply --yes --refresh").exit(0).says("1 updated");
        assert_eq!(patches(&workspace).last(), Some(&json!({SELECT: null})));
        assert!(answered(&workspace).is_empty(), "{last_applied}");
        matches_twice(&workspace);
    }
}

#[test]
fn a_conversation_that_is_adopted_is_written_to_once() {
    let (workspace, _server) = described("full");
    let _ = workspace.run("apply --yes").exit(0);
    let _ = workspace.run("state forget conversation.order").exit(0);
    workspace.edit("manifests/order.yaml", "  labels:", "  annotations: {dixaform/adopt: \"1001\"}\n  labels:");
    assert_eq!(told(&workspace.run("apply --yes").exit(0).says("1 adopted")), 2);
    assert_eq!(patches(&workspace).len(), 2);
    matches_twice(&workspace);
}

#[test]
fn an_attribute_of_an_end_user_is_no_drift_either() {
    let seed = json!({ "customAttributes": [{ "id": TEXT, "entityType": "Contact", "identifier": "city",
        "label": "City", "normalize": "upper", "inputDefinition": { "_type": "Text" } }] });
    let jane = format!(
        "apiVersion: dixaform/v1\nkind: EndUser\nmetadata: {{name: jane}}\n\
         spec: {{displayName: Jane, email: jane@example.com, customAttributes: {{{TEXT}: Aarhus}}}}\n"
    );
    let workspace = Workspace::new().file("manifests/jane.yaml", &jane).file("seed.json", &seed.to_string());
    let server = Server::start(&workspace, "--no-rate-limit --seed seed.json --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    assert_eq!(told(&workspace.run("apply --yes --verify").exit(0).never_says("reads back")), 1);
    matches_twice(&workspace);
    workspace.edit("manifests/jane.yaml", "Jane,", "Jane D.,");
    let _ = workspace.run("apply --yes --refresh").exit(0).says("1 updated");
    assert_eq!(answered(&workspace), [TEXT], "its members were set, and no attribute");
    matches_twice(&workspace);
}
