//! Taking an existing conversation under management.

use serde_json::json;

use crate::support::manifests::{ORDER, SELECT, TEXT};
use crate::support::{Server, Workspace};

/// An order that adopts this conversation.
fn adopting(id: i64) -> String {
    ORDER.replace("  labels:", &format!("  annotations: {{dixaform/adopt: \"{id}\"}}\n  labels:"))
}

/// A conversation made by hand, of the requester of [`ORDER`], with the value `012345` for [`TEXT`] and none for [`SELECT`].
fn made_by_hand(server: &Server) -> i64 {
    let body = r#"{"_type": "Email", "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "subject": "by hand",
        "emailIntegrationId": "my-integration@email.dixa.io",
        "message": {"_type": "Inbound", "content": {"_type": "Text", "value": "Hello"}, "attachments": []}}"#;
    let (status, answer) = server.send("POST", "/v1/conversations", body);
    assert_eq!(status, 201, "{answer}");
    let id = answer["data"]["id"].as_i64().unwrap();
    let path = format!("/v1/conversations/{id}/custom-attributes");
    assert_eq!(server.send("PATCH", &path, &json!({TEXT: "012345"}).to_string()).0, 200);
    id
}

/// A workspace with a sandbox of its own, whose log is `requests.jsonl`.
fn beside_a_server() -> (Workspace, Server) {
    let workspace = Workspace::new();
    let server = Server::start(&workspace, "--no-rate-limit --data server.jsonl --request-log requests.jsonl");
    (workspace.with_tenant(&server.base_url()), server)
}

#[test]
fn adopting_reads_the_conversation_and_writes_only_what_differs() {
    let (workspace, server) = beside_a_server();
    let id = made_by_hand(&server);
    workspace.write("manifests/order.yaml", adopting(id));
    let by_hand = workspace.requests_in("requests.jsonl").len();
    let outcome = workspace.run("apply --yes").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 adopted.");
    let sent = workspace.requests_in("requests.jsonl").split_off(by_hand);
    let writes: Vec<_> = sent.iter().filter(|(call, _)| !call.starts_with("GET ")).collect();
    let patch = format!("PATCH /v1/conversations/{id}/custom-attributes");
    assert_eq!(writes, [&(patch, json!({SELECT: ["str1", "str2"]}))]);
    assert!(sent.iter().any(|(call, _)| *call == format!("GET /v1/conversations/{id}")));
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_conversation_of_somebody_else_is_not_adopted() {
    let (workspace, server) = beside_a_server();
    let id = made_by_hand(&server);
    let other = "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd";
    workspace.write("manifests/order.yaml", adopting(id).replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", other));
    let _ = workspace.run("apply --yes").exit(1).says("error: conversation.order").says(other);
    let _ = workspace.run("plan").exit(0).says("1 to adopt");
}

#[test]
fn a_conversation_that_is_not_there_is_not_adopted() {
    let (workspace, _server) = beside_a_server();
    workspace.write("manifests/order.yaml", adopting(4711));
    let _ = workspace.run("apply --yes").exit(1).says("GET /v1/conversations/4711 answered 404");
}

#[test]
fn what_is_otherwise_in_the_conversation_is_shown_before_anything_is_written() {
    let (workspace, server) = beside_a_server();
    let id = made_by_hand(&server);
    workspace.write("manifests/order.yaml", adopting(id));
    let _ = workspace.run("plan").exit(0).says("are not compared with the conversation in Dixa; --refresh does that");
    let by_hand = workspace.requests_in("requests.jsonl").len();
    let plan = workspace.run("plan --refresh --out adopt.plan").exit(0).never_says("not compared");
    let plan = plan.says(r#"subject: in Dixa "by hand", in the manifest "order #123""#);
    let _ = plan.says(r#"message 1: text: in Dixa "Hello", in the manifest"#);
    let sent: Vec<String> =
        workspace.requests_in("requests.jsonl").split_off(by_hand).into_iter().map(|(call, _)| call).collect();
    let path = format!("GET /v1/conversations/{id}");
    assert_eq!(sent, ["GET /v1/organization".to_owned(), path.clone(), format!("{path}/messages")]);
    let _ = workspace.run("show adopt.plan").exit(0).says(r#"subject: in Dixa "by hand""#);
    for form in ["markdown", "html", "json"] {
        let _ = workspace.run(&format!("show adopt.plan --format {form}")).exit(0).says("by hand");
    }
    workspace.edit("dixaform.yaml", "apiKeyEnv", "organizationId: e9609fa9-efff-4fdc-a7ef-dd335f33c5f6, apiKeyEnv");
    let _ = workspace.run("apply adopt.plan").exit(0).says("1 adopted").never_says("warning");
}

#[test]
fn an_adoption_without_a_look_before_it_tells_afterwards_what_is_otherwise() {
    let (workspace, server) = beside_a_server();
    let id = made_by_hand(&server);
    workspace.write("manifests/order.yaml", adopting(id));
    let outcome = workspace.run("apply --yes").exit(0).says("1 adopted");
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(all.contains(r#"subject: in Dixa "by hand", in the manifest "order #123""#), "{all}");
}

#[test]
fn a_conversation_of_another_channel_or_requester_or_none_is_refused_with_nothing_written() {
    let (workspace, server) = beside_a_server();
    let id = made_by_hand(&server);
    let contact_form = adopting(id).replace("_type: Email", "_type: ContactForm");
    let other = "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd";
    let stranger = adopting(id).replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", other);
    for (manifest, why, found) in [
        (contact_form, "is another one", "channel"),
        (stranger, "is another one", "requester"),
        (adopting(4711), "there is no conversation", "404"),
    ] {
        workspace.write("manifests/order.yaml", &manifest);
        let sent = workspace.requests_in("requests.jsonl").len();
        let _ = workspace.run("plan --refresh --out adopt.plan").exit(0).says(why).says("blocked");
        let _ = workspace.run("show adopt.plan").exit(0).says(why);
        let _ = workspace.run("apply adopt.plan").exit(5);
        let _ = workspace.run("apply --yes").exit(1).says(found);
        let calls = workspace.requests_in("requests.jsonl").split_off(sent);
        assert!(calls.iter().all(|(call, _)| call.starts_with("GET ")), "{calls:?}");
        assert!(
            !workspace.exists("state/local.json") || !workspace.read("state/local.json").contains("conversation.order")
        );
    }
}
