//! `dixaform apply`, from the command line, on the embedded sandbox.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::manifests::{LEGACY, ORDER, SELECT, SMS, TEXT, email};
use crate::support::{Server, Stub, Workspace, terminate};

/// A fast workspace in which this manifest was applied as `manifests/order.yaml`.
fn applied(manifest: &str) -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", manifest);
    let _ = workspace.run("apply --yes").exit(0);
    workspace
}

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
    let documented: Value = serde_json::from_str(include_str!("../fixtures/quickstart-bodies.json")).unwrap();
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
    let documented: Value = serde_json::from_str(include_str!("../fixtures/quickstart-bodies.json")).unwrap();
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
    assert_eq!(requests.len(), 5);
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
fn without_a_terminal_and_without_yes_nobody_approves() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run_with_input("apply", "yes\n").exit(5).says("1 to create").warns("--yes");
    assert!(workspace.requests().is_empty());
}

#[test]
fn one_blocked_change_refuses_the_whole_plan() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    workspace.write("manifests/new.yaml", email("new"));
    let sent = workspace.requests().len();
    let outcome = workspace.run("apply --yes").exit(5).warns("1 change of the plan is blocked");
    let _ = outcome.warns("conversation.order (manifests/order.yaml:1:1)").warns("nothing was sent");
    assert_eq!(workspace.requests().len(), sent);
    let rest = workspace.run("apply --yes --exclude conversation.order").exit(0);
    assert_eq!(rest.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
}

#[test]
fn a_message_that_reaches_a_customer_needs_to_be_allowed() {
    let workspace = Workspace::fast().file("manifests/sms.yaml", SMS);
    let outcome = workspace.run("apply --yes").exit(5).warns("1 change would send a message to a customer");
    let _ = outcome.warns("conversation.pickup (manifests/sms.yaml:1:1)").warns("--allow-outbound");
    assert!(workspace.requests().is_empty());
    let _ = workspace.run("apply --yes --allow-outbound").exit(0);
    assert_eq!(workspace.writes_since(0).len(), 1);
}

#[test]
fn a_tenant_may_allow_outbound_for_good() {
    let workspace = Workspace::fast().file("manifests/sms.yaml", SMS);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    allowOutbound: true\n");
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn an_outbound_message_of_an_import_is_sent_to_nobody_and_needs_no_leave() {
    let import = LEGACY
        .replace("_type: InboundImport", "_type: OutboundImport\n      agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b");
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import);
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn a_missing_token_is_told_before_anything_is_asked_or_sent() {
    let project = "version: 1\ntenants:\n  local: {baseUrl: \"http://127.0.0.1:1\", apiKeyEnv: LOCAL_KEY}\n";
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply").exit(3).warns("LOCAL_KEY is not set");
    workspace.edit("dixaform.yaml", "apiKeyEnv: LOCAL_KEY", "apiKeyFile: key.txt");
    let _ = workspace.run("apply --yes").exit(3).warns("key.txt");
}

#[test]
fn a_token_can_come_from_a_file_beside_the_project_file() {
    let workspace = Workspace::new().file("key.txt", "from-a-file\n").file("manifests/legacy.yaml", LEGACY);
    let server = Server::start(&workspace, "");
    let url = server.base_url();
    let project = format!("version: 1\ntenants:\n  local: {{baseUrl: \"{url}\", apiKeyFile: key.txt}}\n");
    workspace.write("dixaform.yaml", project);
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn a_refused_token_ends_the_run_with_3_and_sends_nothing_more() {
    let stub = Stub::answering("401 Unauthorized", "", r#"{"message": "No such token"}"#);
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(3).warns("No such token").never_says("the-secret-token");
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn the_token_does_not_follow_a_redirect() {
    let elsewhere = Stub::answering("200 OK", "", "{}");
    let location: &'static str = format!("Location: {}/v1/organization\r\n", elsewhere.base_url()).leak();
    let stub = Stub::answering("307 Temporary Redirect", location, "");
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(1);
    assert!(stub.requests()[0].contains("the-secret-token"));
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn an_organization_that_is_not_the_tenants_is_refused() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let other = "  sandbox:\n    organizationId: 11111111-2222-3333-4444-555555555555\n";
    workspace.edit("dixaform.yaml", "  sandbox:\n", other);
    let outcome = workspace.run("apply --yes").exit(5).warns("e9609fa9-efff-4fdc-a7ef-dd335f33c5f6");
    let _ = outcome.warns("11111111-2222-3333-4444-555555555555");
    assert!(workspace.writes_since(0).is_empty());
}

#[test]
fn an_organization_that_is_not_the_states_is_refused() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    workspace.write("seed.yaml", "organization: {id: 11111111-2222-3333-4444-555555555555, name: Other}");
    let mut first = Server::start(&workspace, "--no-rate-limit");
    let port = first.base_url().rsplit_once(':').unwrap().1.to_owned();
    let workspace = workspace.with_tenant(&first.base_url());
    let _ = workspace.run("apply --yes").exit(0);
    first.terminate();
    let log = "second.jsonl";
    let _second = Server::start(&workspace, &format!("--seed seed.yaml --request-log {log} --port {port}"));
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("apply --yes").exit(5).warns("11111111-2222-3333-4444-555555555555");
    assert!(workspace.requests_in(log).iter().all(|(call, _)| call.starts_with("GET ")));
}

#[test]
fn an_attribute_that_the_tenant_does_not_have_is_refused_with_its_place_before_any_write() {
    let unknown = "11111111-2222-4333-8444-555555555555";
    let workspace = Workspace::new().file("manifests/order.yaml", &ORDER.replace(TEXT, unknown));
    let server = Server::start(&workspace, "--strict --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let outcome = workspace.run("apply --yes").exit(1).warns("error[unknown-attribute]").warns(unknown);
    let _ = outcome.warns("manifests/order.yaml:16:5\n").warns("nothing was sent");
    assert!(workspace.requests_in("requests.jsonl").iter().all(|(call, _)| call.starts_with("GET ")));
}

#[test]
fn an_option_that_the_select_does_not_have_is_refused_with_a_suggestion() {
    let workspace = Workspace::fast().file("manifests/order.yaml", &ORDER.replace("[str1, str2]", "[payment, crad]"));
    let _ = workspace.run("apply --yes").exit(1).warns("manifests/order.yaml:17:5\n").warns("did you mean `card`?");
    assert!(workspace.writes_since(0).is_empty());
}

// Only what is needed.

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

/// An import with an attachment that can't be downloaded.
fn import_with_a_bad_attachment() -> String {
    format!("{LEGACY}      attachments: [{{url: \"https://files.invalid/a.png\"}}]\n")
}

#[test]
fn partial_errors_are_a_warning_that_is_kept_in_the_record() {
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import_with_a_bad_attachment());
    let outcome = workspace.run("apply --yes").exit(0);
    let outcome = outcome.says("warning: import.legacy (#1001) was imported with partial errors");
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 1 imported, 0 updated.");
    let errors = &workspace.record("import.legacy")["partialErrors"];
    assert!(errors[0].as_str().unwrap().contains("attachment"), "{errors}");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn partial_errors_exit_with_4_when_warnings_are_errors() {
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import_with_a_bad_attachment());
    let _ = workspace.run("apply --yes --warnings-as-errors").exit(4).says("with partial errors");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

/// Three manifests, of which Dixa refuses `conversation.b`.
fn one_of_three_is_bad() -> Workspace {
    let attachment = "  _type: Inbound\n    attachments: [{url: \"https://files.invalid/a.png\"}]\n";
    let bad = email("b").replace("  _type: Inbound\n", attachment);
    Workspace::fast().file("manifests/three.yaml", &format!("{}---\n{bad}---\n{ORDER}", email("a")))
}

#[test]
fn one_failure_stops_nothing_else_and_is_told_with_its_place_and_dixas_words() {
    let workspace = one_of_three_is_bad();
    let outcome = workspace.run("apply --yes").exit(4);
    let outcome = outcome.says("error: conversation.b was not created").says("  --> manifests/three.yaml:25:25\n");
    let words = "POST /v1/conversations answered 400: Attachment download failed: https://files.invalid/a.png";
    let outcome = outcome.says(words);
    assert_eq!(outcome.last_line(), "Apply incomplete: 2 created, 0 imported, 0 updated. 1 failed.");
    let addresses: Vec<_> =
        workspace.state()["records"].as_array().unwrap().iter().map(|r| r["address"].clone()).collect();
    assert_eq!(addresses, ["conversation.a", "conversation.order"]);
}

#[test]
fn after_a_failure_only_what_failed_is_planned() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes").exit(4);
    let plan = workspace.plan_json("");
    assert_eq!((plan["changes"].as_array().unwrap().len(), &plan["summary"]["unchanged"]), (1, &json!(2)));
    assert_eq!(plan["changes"][0]["address"], "conversation.b");
    workspace.edit("manifests/three.yaml", "files.invalid", "files.example.com");
    let outcome = workspace.run("apply --yes").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
}

#[test]
fn when_nothing_at_all_was_done_the_exit_code_is_1() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes --target conversation.b").exit(1).says("1 failed.");
}

#[test]
fn a_text_of_the_api_cannot_draw_on_the_terminal() {
    let stub = Stub::answering("400 Bad Request", "", "{\"message\": \"\\u001b[2Jgone\\u202e\"}");
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(1).warns("gone").never_says("\u{1b}").never_says("\u{202e}");
}

// State and lock.

#[test]
fn state_journal_and_sandbox_data_are_readable_by_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = applied(ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    for entry in std::fs::read_dir(workspace.path("state")).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn a_state_that_cannot_be_read_is_left_as_it_is() {
    let newer = "{\"format\":\"dixaform-state/2\",\"records\":[]}\n";
    let cut_off = "{\"format\":\"dixaform-state/1\",\"lineage\":\"6d694e30-68d3-4297-919c-54ddaaba3b3d\",\"ser";
    for (text, says) in [(newer, "dixaform-state/2"), (cut_off, "state/sandbox.json"), ("", "state/sandbox.json")] {
        let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("state/sandbox.json", text);
        for command in ["plan", "apply --yes", "state list"] {
            let _ = workspace.run(command).exit(1).warns(says).warns("hint: ");
            assert_eq!(workspace.read("state/sandbox.json"), text);
        }
        assert!(workspace.requests().is_empty());
    }
}

#[test]
fn a_failed_apply_leaves_no_journal_behind_and_the_serial_grows_by_one() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes").exit(4);
    assert_eq!(workspace.state()["serial"], 1);
    assert!(!workspace.exists("state/sandbox.journal"));
}

#[test]
fn of_two_applies_at_once_the_second_is_refused_and_told_who_holds_the_lock() {
    let stub = Stub::silent();
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let workspace = workspace.variable("USER", "freja");
    let mut first =
        workspace.command().args(["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| !stub.requests().is_empty());
    let second = workspace.run("apply --yes").exit(5).warns("the state is locked by freja on ");
    let _ = second.warns(&format!("(process {}, apply, since ", first.id()));
    let _ = workspace.run("plan").exit(0).says("1 to create");
    let waited = workspace.run("apply --yes --lock-timeout 200ms").exit(5);
    drop(waited);
    first.kill().unwrap();
    first.wait().unwrap();
    let sent = stub.requests().len();
    let mut third =
        workspace.command().args(["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| stub.requests().len() > sent);
    third.kill().unwrap();
    third.wait().unwrap();
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn with_digests_only_no_text_of_a_customer_is_kept() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    lastApplied: digest\n");
    let _ = workspace.run("apply --yes").exit(0);
    let state = workspace.read("state/sandbox.json");
    for text in ["order #123", "Where is it?", "012345", "str1"] {
        assert!(!state.contains(text), "{text} in {state}");
    }
    let _ = workspace.run("plan").exit(0).says("No changes.");
    let sent = workspace.requests().len();
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("plan").exit(0).says("(previous value not kept) -> \"012346\"");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(workspace.writes_since(sent)[0].1, json!({TEXT: "012346"}));
}

// What it says.

#[test]
fn each_change_is_a_line_on_standard_error_and_quiet_is_without_them() {
    let loud = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = loud.run("apply --yes").exit(0).warns("[1/1] conversation.order created #1001\n");
    let quiet = Workspace::fast().file("manifests/order.yaml", ORDER);
    let outcome = quiet.run("apply --yes --quiet").exit(0);
    assert_eq!(
        (outcome.stderr.as_str(), outcome.last_line()),
        ("", "Apply complete! 1 created, 0 imported, 0 updated.")
    );
}

#[test]
fn the_token_is_in_no_output_and_no_file_however_much_is_asked_for() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let server = Server::start(&workspace, "--no-rate-limit --data data.jsonl --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let outcome = workspace.run("apply --yes -vv").exit(0).never_says("the-secret-token");
    assert!(outcome.stderr.lines().count() > 5, "-vv says something:\n{}", outcome.stderr);
    for folder in ["", "state"] {
        for entry in std::fs::read_dir(workspace.path(folder)).unwrap().map(Result::unwrap) {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            assert!(!text.contains("the-secret-token"), "{:?}", entry.path());
        }
    }
}

// The webshop.

/// The webshop with a sandbox that does or does not slow down.
fn webshop() -> Workspace {
    Workspace::new().copy("examples/webshop")
}

const WITHOUT_LIMIT: &str = "tenants:\n  sandbox: {rateLimit: {requestsPerSecond: 10000, burst: 1000}}\n";

#[test]
fn the_webshop_is_applied_whole_and_then_nothing_is_left() {
    let workspace = webshop();
    workspace.edit("examples/webshop/dixaform.yaml", "tenants:\n", WITHOUT_LIMIT);
    let flags = "--chdir examples/webshop --tenant sandbox";
    let outcome = workspace.run(&format!("apply --yes --allow-outbound {flags}")).exit(0);
    assert!(outcome.last_line().starts_with("Apply complete! "), "{}", outcome.last_line());
    let again = workspace.run(&format!("plan --detailed-exitcode {flags}")).exit(0);
    assert_eq!(again.stdout, "No changes. The tenant matches the manifests.\n");
}

#[test]
fn an_apply_that_is_asked_to_stop_ends_soon_and_the_next_one_completes_it_without_doubles() {
    let workspace = webshop();
    let flags = ["--chdir", "examples/webshop", "--tenant", "sandbox", "--yes", "--allow-outbound"];
    let mut child =
        workspace.command().arg("apply").args(flags).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = "examples/webshop/state/sandbox.requests.jsonl";
    wait_until(|| workspace.exists(log) && workspace.read(log).lines().count() > 12);
    assert_eq!(terminate(&mut child, Duration::from_secs(7)), 130);
    let half = state_ids(&workspace);
    assert!(!half.is_empty() && half.len() < 42, "{} of 42", half.len());

    workspace.edit("examples/webshop/dixaform.yaml", "tenants:\n", WITHOUT_LIMIT);
    let _ = workspace.run(&format!("apply {}", flags.join(" "))).exit(0);
    let kept = state_ids(&workspace);
    assert_eq!(kept.len(), 42);
    assert!(half.is_subset(&kept), "what was made before the end is still there");
    let data = workspace.read("examples/webshop/state/sandbox.data.jsonl");
    let made: Vec<i64> = data
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["conversation"]["id"].as_i64())
        .collect();
    assert_eq!(made.len(), 42, "every manifest was made once");
    assert_eq!(made.into_iter().collect::<BTreeSet<_>>(), kept);
    let _ = workspace.run("plan --chdir examples/webshop --tenant sandbox").exit(0).says("No changes.");
}

fn state_ids(workspace: &Workspace) -> BTreeSet<i64> {
    let state: Value = serde_json::from_str(&workspace.read("examples/webshop/state/sandbox.json")).unwrap();
    state["records"].as_array().unwrap().iter().map(|record| record["id"].as_i64().unwrap()).collect()
}
