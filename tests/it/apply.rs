//! `dixaform apply`, from the command line, on the embedded sandbox.

use crate::support::Workspace;

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
fn the_bodies_on_the_wire_are_those_of_the_documentation() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    let documented: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/quickstart-bodies.json")).unwrap();
    let requests = workspace.requests();
    let body = |call: &str| {
        &requests.iter().find(|(line, _)| line == call || line.starts_with(call) && call.ends_with(" ")).unwrap().1
    };
    assert_eq!(requests.len(), 5);
    assert_eq!(body("POST /v1/conversations"), &documented["POST /v1/conversations"]);
    assert_eq!(body("POST /v1/conversations/import"), &documented["POST /v1/conversations/import"]);
    assert_eq!(body("PATCH "), &documented["PATCH"]);
}
