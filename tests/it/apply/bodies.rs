//! What is sent, to the letter.

use serde_json::{Value, json};

use crate::apply::applied;
use crate::support::Workspace;
use crate::support::manifests::{ORDER, SELECT, TEXT};

#[test]
fn the_quickstart_is_applied_once_and_then_nothing_is_left_to_do() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let applied = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    assert_eq!(applied.last_line(), "Apply complete! 1 created, 1 imported, 0 updated.");
    let sent = workspace.requests().len();
    let again = workspace.run("plan examples/quickstart --tenant sandbox").exit(0);
    assert_eq!(again.last_line(), "No changes. The tenant matches the manifests.");
    assert_eq!(workspace.requests().len(), sent, "a plan makes no request");
}

#[test]
fn without_markers_the_bodies_are_those_of_the_documentation_to_the_letter() {
    let workspace = Workspace::new().copy("examples/quickstart");
    workspace.write("dixaform.yaml", "version: 1\ntenants:\n  sandbox: {markers: false}\n");
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    let documented: Value = serde_json::from_str(include_str!("../../fixtures/quickstart-bodies.json")).unwrap();
    let requests = workspace.requests();
    let body = |call: &str| &requests.iter().find(|(line, _)| line == call).unwrap().1;
    for call in ["POST /v1/conversations", "POST /v1/conversations/import"] {
        assert_eq!(body(call), &documented[call]);
    }
}

#[test]
fn the_bodies_on_the_wire_are_those_of_the_documentation() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    let documented: Value = serde_json::from_str(include_str!("../../fixtures/quickstart-bodies.json")).unwrap();
    let requests = workspace.requests();
    let body = |call: &str| {
        let is_it = |line: &str| line == call || line.starts_with(call) && call.ends_with(' ');
        let mut body = requests.iter().find(|(line, _)| is_it(line)).unwrap().1.clone();
        // What dixaform adds to the first message, to know it again; it is not in the documentation.
        for message in ["/message", "/messages/0"] {
            if let Some(Value::Object(message)) = body.pointer_mut(message) {
                assert!(message.remove("externalId").is_some_and(|mark| mark.as_str().unwrap().starts_with("df-")));
            }
        }
        body
    };
    assert_eq!(requests.len(), 7);
    assert_eq!(body("POST /v1/conversations"), documented["POST /v1/conversations"]);
    assert_eq!(body("POST /v1/conversations/import"), documented["POST /v1/conversations/import"]);
    assert_eq!(body("PATCH "), documented["PATCH"]);
}

#[test]
fn an_external_id_of_the_manifest_is_sent_as_it_is() {
    let own = ORDER.replace("    _type: Inbound\n", "    _type: Inbound\n    externalId: ours-1\n");
    assert_eq!(applied(&own).writes_since(0)[0].1["message"]["externalId"], "ours-1");
}

#[test]
fn a_tenant_without_markers_gets_bodies_as_they_are_written() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    markers: false\n");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(workspace.writes_since(0)[0].1["message"].get("externalId"), None);
}

// Approval and refusals: nothing is sent.

#[test]
fn attributes_are_never_part_of_the_post() {
    let workspace = applied(ORDER);
    let writes = workspace.writes_since(0);
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0].0, "POST /v1/conversations");
    assert_eq!(writes[0].1.get("customAttributes"), None);
    assert_eq!(writes[1].1, json!({TEXT: "012345", SELECT: ["str1", "str2"]}));
}

#[test]
fn labels_and_annotations_are_never_sent() {
    let workspace = applied(&ORDER.replace("  labels:", "  annotations: {team: tents}\n  labels:"));
    for (call, body) in workspace.writes_since(0) {
        assert!(!body.to_string().contains("tents") && !body.to_string().contains("wave"), "{call} {body}");
    }
}

// Replace, adopt, forget.
