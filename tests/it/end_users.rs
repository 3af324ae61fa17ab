//! End users from manifests: made once, adopted where they exist, changed in place.

use serde_json::{Value, json};

use crate::support::{Outcome, Server, Workspace};

const LOG: &str = "requests.jsonl";
/// The end users that the sandbox has by itself.
const KNOWN: [&str; 2] = ["9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd"];
const CITY: &str = "5f0c1fd0-2d7b-4b0e-9a52-7b1c31a9a5c4";

fn jane(spec: &str) -> String {
    format!("apiVersion: dixaform/v1\nkind: EndUser\nmetadata: {{name: jane}}\nspec: {{{spec}}}\n")
}

const JANE: &str = "displayName: Jane, email: jane@example.com, phoneNumber: '+4512345678'";

/// A workspace beside a server, whose lists and answers are as these flags say.
fn beside_server(spec: &str, flags: &str) -> (Workspace, Server) {
    let workspace = Workspace::new().file("manifests/jane.yaml", &jane(spec));
    let server = Server::start(&workspace, &format!("--no-rate-limit --request-log {LOG} {flags}"));
    let workspace = workspace.with_tenant(&server.base_url());
    (workspace, server)
}

fn made_by_hand(server: &Server, members: &Value) -> String {
    let (status, made) = server.send("POST", "/v1/endusers", &members.to_string());
    assert_eq!(status, 201);
    made["data"]["id"].as_str().unwrap().to_owned()
}

/// Those that the sandbox does not have by itself.
fn all(server: &Server) -> Vec<Value> {
    let there = server.send("GET", "/v1/endusers", "").1["data"].as_array().unwrap().clone();
    there.into_iter().filter(|one| !KNOWN.contains(&one["id"].as_str().unwrap())).collect()
}

fn id_of_jane(workspace: &Workspace) -> String {
    let state: Value = serde_json::from_str(&workspace.read("state/local.json")).unwrap();
    state["records"][0]["id"].as_str().unwrap().to_owned()
}

fn is_over(workspace: &Workspace) -> Outcome {
    workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.")
}

#[test]
fn one_is_made_once_and_changed_in_place() {
    let workspace =
        Workspace::new().file("manifests/jane.yaml", &jane(&format!("{JANE}, customAttributes: {{{CITY}: Aarhus}}")));
    let plan = workspace.plan_json("--tenant sandbox");
    let calls: Vec<&str> =
        plan["changes"][0]["calls"].as_array().unwrap().iter().map(|call| call["path"].as_str().unwrap()).collect();
    let attributes = "/v1/endusers/{id}/custom-attributes";
    let expected =
        ["/v1/endusers?email=jane@example.com", "/v1/endusers?phone=+4512345678", "/v1/endusers", attributes];
    assert_eq!(calls, expected);
    assert_eq!(plan["price"]["calls"], 6);
    let _ = workspace.run("apply --tenant sandbox --yes").exit(0).says("1 created");
    let record = workspace.record("enduser.jane");
    assert!(record["marker"].as_str().unwrap().starts_with("df-"));
    let _ = workspace.run("plan --tenant sandbox --refresh --detailed-exitcode").exit(0);

    let before = workspace.requests().len();
    workspace.write(
        "manifests/jane.yaml",
        jane(&format!("displayName: Jane Doe, email: jane@example.com, customAttributes: {{{CITY}: Odense}}")),
    );
    let told = workspace
        .run("plan --tenant sandbox")
        .exit(0)
        .says("\"Jane\" -> \"Jane Doe\"")
        .says("left as it is in Dixa, because it is no longer in the manifest: phoneNumber");
    assert_eq!(told.stdout.matches("phoneNumber").count(), 1, "nothing is taken away: {}", told.stdout);
    let _ = workspace.run("apply --tenant sandbox --yes").exit(0).says("1 updated");
    let id = record["id"].as_str().unwrap();
    let writes = workspace.writes_since(before);
    let expected = [
        (format!("PATCH /v1/endusers/{id}"), json!({"displayName": "Jane Doe"})),
        (format!("PATCH /v1/endusers/{id}/custom-attributes"), json!({CITY: "Odense"})),
    ];
    assert_eq!(writes, expected);
    let _ = workspace.run("plan --tenant sandbox --detailed-exitcode").exit(0);
}

#[test]
fn a_member_that_only_left_the_manifest_leaves_the_record_without_a_call() {
    let (workspace, server) = beside_server(JANE, "");
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/jane.yaml", jane("displayName: Jane, email: jane@example.com"));
    assert_eq!(workspace.plan_json("")["price"]["calls"], 0);
    let before = workspace.requests_in(LOG).len();
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
    assert!(workspace.requests_in(LOG)[before..].iter().all(|(call, _)| call.starts_with("GET")));
    assert_eq!(all(&server)[0]["phoneNumber"], "+4512345678");
    let _ = is_over(&workspace);
}

#[test]
fn one_that_exists_is_adopted_by_each_of_its_keys() {
    for (members, spec) in [
        (json!({"externalId": "crm-1", "displayName": "J"}), "externalId: crm-1, displayName: Jane"),
        (json!({"email": "JANE@example.com", "displayName": "J"}), "email: jane@example.com, displayName: Jane"),
        (json!({"phoneNumber": "+4512345678"}), "phoneNumber: '+4512345678', displayName: Jane"),
    ] {
        let (workspace, server) = beside_server(spec, "");
        let id = made_by_hand(&server, &members);
        let apply = workspace.run("apply --yes").exit(0);
        assert!(apply.says("1 adopted").last_line().starts_with("Apply complete! 0 created"));
        assert_eq!(id_of_jane(&workspace), id);
        let there = all(&server);
        assert_eq!((there.len(), &there[0]["displayName"]), (1, &json!("Jane")), "{spec}");
        assert_eq!(there[0].get("externalId"), members.get("externalId"), "no marker is written onto it");
        let _ = is_over(&workspace);
    }
}

#[test]
fn two_that_could_be_it_are_named_and_nothing_is_done() {
    let (workspace, server) = beside_server(JANE, "");
    let one = made_by_hand(&server, &json!({"email": "jane@example.com"}));
    let other = made_by_hand(&server, &json!({"phoneNumber": "+4512345678"}));
    let before = workspace.requests_in(LOG).len();
    let _ = workspace.run("apply --yes").exit(1).warns(&one).warns(&other).warns("they are two");
    assert!(workspace.requests_in(LOG)[before..].iter().all(|(call, _)| call.starts_with("GET")));
    assert_eq!(all(&server).len(), 2);
}

#[test]
fn an_address_that_somebody_has_as_one_of_several_more_is_not_taken() {
    let (workspace, server) = beside_server(JANE, "");
    let id = made_by_hand(&server, &json!({"email": "other@example.com", "additionalEmails": ["jane@example.com"]}));
    let _ = workspace.run("apply --yes").exit(1).warns(&id).warns("dixaform/adopt");
    workspace.edit(
        "manifests/jane.yaml",
        "{name: jane}",
        &format!("{{name: jane, annotations: {{dixaform/adopt: {id}}}}}"),
    );
    workspace.edit("manifests/jane.yaml", "email: jane@example.com", "email: other@example.com");
    let _ = workspace.run("apply --yes").exit(0).says("1 adopted");
    assert_eq!(all(&server)[0]["displayName"], "Jane");
    let _ = is_over(&workspace);
}

#[test]
fn one_whose_answer_was_lost_is_found_by_its_external_id() {
    for fault in ["500-after", "drop-after", "garbled", "201-no-id"] {
        let workspace =
            Workspace::new().file("manifests/jane.yaml", &jane("displayName: Jane, email: jane@example.com"));
        let apply = format!("apply --tenant sandbox --yes --sandbox-faults {fault}@make-enduser");
        let _ = workspace.run(&apply).exit(0).says("1 created");
        let calls: Vec<String> = workspace.requests().into_iter().map(|(call, _)| call).collect();
        let count = |wanted: &str| calls.iter().filter(|call| call.starts_with(wanted)).count();
        assert_eq!(count("POST /v1/endusers"), 1, "{fault}: it is never made twice");
        // One by its address before it is made, one by its mark afterwards, and none to find out what is known.
        assert_eq!(count("GET /v1/endusers"), 2, "{fault}: {calls:?}");
        let _ = workspace.run("plan --tenant sandbox --refresh --detailed-exitcode").exit(0);
    }
}

#[test]
fn one_of_a_lost_state_is_found_by_its_external_id() {
    let (workspace, server) = beside_server("displayName: Jane", "");
    let _ = workspace.run("apply --yes").exit(0);
    let id = id_of_jane(&workspace);
    workspace.remove("state/local.json");
    workspace.edit("manifests/jane.yaml", "displayName: Jane", "displayName: Jane Doe");
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
    assert_eq!(id_of_jane(&workspace), id);
    let there = all(&server);
    assert_eq!((there.len(), &there[0]["displayName"]), (1, &json!("Jane Doe")));
}

#[test]
fn what_was_changed_outside_is_shown_and_set_back() {
    let (workspace, server) = beside_server(&format!("{JANE}, additionalEmails: [a@example.com, b@example.com]"), "");
    let _ = workspace.run("apply --yes").exit(0);
    let id = id_of_jane(&workspace);
    let change = json!({"displayName": "Joan", "additionalEmails": ["b@example.com", "a@example.com"]});
    assert_eq!(server.send("PATCH", &format!("/v1/endusers/{id}"), &change.to_string()).0, 200);
    let _ = workspace.run("plan --detailed-exitcode").exit(0);
    let plan = workspace.plan_json("--refresh");
    let drifted = json!([{"id": "displayName", "recorded": "Jane", "live": "Joan"}]);
    assert_eq!(plan["drift"][0]["members"], drifted);
    let _ = workspace.run("apply --refresh --yes").exit(0).says("1 updated");
    assert_eq!(all(&server)[0]["displayName"], "Jane");
    let _ = is_over(&workspace);
}

#[test]
fn attributes_of_conversations_are_refused_for_end_users() {
    let (workspace, _server) =
        beside_server("displayName: Jane, customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: x}", "--strict");
    let _ = workspace.run("apply --yes").exit(1).warns("belongs to conversations, not to end users");
    assert!(workspace.requests_in(LOG).iter().all(|(call, _)| call.starts_with("GET")));
}

#[test]
fn what_is_wrong_with_a_manifest_is_found_at_its_place() {
    for (text, expected) in [
        (jane("_type: EndUser"), "unknown-member"),
        (jane("mail: jane@example.com"), "did you mean `email`?"),
        (jane("phoneNumber: '12345678'"), "bad-phone-number"),
        (jane("avatarUrl: face.png"), "bad-url"),
        (jane("additionalEmails: [a@example.com, a@example.com]"), "duplicate-item"),
        (jane("email: ''"), "empty-value"),
        (
            jane(JANE).replace("{name: jane}", "{name: jane, annotations: {dixaform/on-change: replace}}"),
            "bad-annotation",
        ),
        (jane(JANE).replace("{name: jane}", "{name: jane, annotations: {dixaform/adopt: '7'}}"), "bad-annotation"),
        (
            format!("{}---\n{}", jane(JANE), jane("email: Jane@example.com").replace("name: jane", "name: joe")),
            "duplicate-end-user",
        ),
    ] {
        let workspace = Workspace::new().file("manifests/jane.yaml", &text);
        let _ = workspace.run("validate").exit(1).says(expected).says("manifests/jane.yaml:");
    }
}

#[test]
fn whatever_goes_wrong_while_one_is_made_there_is_one_in_the_end() {
    for fault in ["400", "404", "500-before", "drop-before", "hang-after", "duplicate-after", "500-early", "rubbish"] {
        let workspace = Workspace::new()
            .file("manifests/jane.yaml", &jane("displayName: Jane, email: jane@example.com"))
            .file("dixaform.yaml", "version: 1\ntenants:\n  sandbox: {requestTimeout: 2s, settle: 1s}\n");
        let faults = format!("{fault}@make-enduser#1");
        let _ = workspace.run(&format!("apply --tenant sandbox --yes --sandbox-faults {faults}"));
        let _ = workspace.run("apply --tenant sandbox --yes").exit(0);
        let made = workspace.read("state/sandbox.data.jsonl").matches("\"displayName\":\"Jane\"").count();
        assert_eq!(made, 1, "{fault}");
        let _ = workspace.run("plan --tenant sandbox --refresh --detailed-exitcode").exit(0);
    }
}
