//! `plan --refresh` and `--verify`: what is really there.

use serde_json::{Value, json};

use crate::support::manifests::{LEGACY, ORDER, SELECT, TEXT, email};
use crate::support::{Server, Workspace};

const LOG: &str = "requests.jsonl";

/// A workspace beside a server, in which `conversation.order` (#1001) was applied and then `import.legacy` (#1002).
fn applied() -> (Workspace, Server) {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    let server = Server::start(&workspace, &format!("--no-rate-limit --data data.jsonl --request-log {LOG}"));
    let workspace = workspace.with_tenant(&server.base_url());
    let _ = workspace.run("apply --yes --target conversation.*").exit(0);
    let _ = workspace.run("apply --yes").exit(0);
    (workspace, server)
}

/// Somebody changes attributes in Dixa.
fn changed_by_hand(server: &Server, attributes: &Value) {
    let (status, _) = server.send("PATCH", "/v1/conversations/1001/custom-attributes", &attributes.to_string());
    assert_eq!(status, 200);
}

fn read_by_hand(server: &Server, attribute: &str) -> Value {
    let (_, conversation) = server.send("GET", "/v1/conversations/1001", "");
    let mut attributes = conversation["data"]["customAttributes"].as_array().unwrap().iter();
    attributes.find(|found| found["id"] == attribute).map_or(Value::Null, |found| found["value"].clone())
}

/// The calls after the first `before`.
fn calls_since(workspace: &Workspace, before: usize) -> Vec<String> {
    workspace.requests_in(LOG).into_iter().skip(before).map(|(call, _)| call).collect()
}

#[test]
fn without_refresh_no_request_is_made_and_drift_is_not_seen() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({TEXT: "by hand"}));
    let sent = workspace.requests_in(LOG).len();
    let _ = workspace.run("plan").exit(0).says("No changes.");
    assert_eq!(workspace.requests_in(LOG).len(), sent);
}

#[test]
fn a_value_that_was_changed_outside_is_reported_apart_and_planned_back() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({TEXT: "by hand"}));
    let plan = workspace.run("plan --refresh --detailed-exitcode").exit(2);
    let (note, changes) = plan.stdout.split_once("conversation.order will be").unwrap();
    assert!(note.contains("attributes were changed outside of dixaform"), "{note}");
    assert!(note.contains(&format!("\"{TEXT}\" = \"012345\" -> \"by hand\"")), "{note}");
    assert!(changes.contains("\"by hand\" -> \"012345\""), "{changes}");
    let plan = workspace.plan_json("--refresh --out back.plan");
    assert_eq!(plan["changes"][0]["calls"].as_array().unwrap().len(), 1);
    let sent = workspace.requests_in(LOG).len();
    let _ = workspace.run("apply back.plan").exit(0);
    let patches = calls_since(&workspace, sent);
    assert_eq!(patches.last().unwrap(), "PATCH /v1/conversations/1001/custom-attributes");
    assert_eq!(workspace.requests_in(LOG).last().unwrap().1, json!({TEXT: "012345"}), "only what differs");
    assert_eq!(read_by_hand(&server, TEXT), "012345");
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn a_value_that_was_cleared_outside_is_planned_back() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({SELECT: null}));
    let _ = workspace.run("plan --refresh --detailed-exitcode --out back.plan").exit(2).says("1 to update");
    let _ = workspace.run("apply back.plan").exit(0);
    assert_eq!(read_by_hand(&server, SELECT), json!(["str1", "str2"]));
}

#[test]
fn an_attribute_that_no_manifest_names_belongs_to_others() {
    let (workspace, server) = applied();
    workspace.edit("manifests/order.yaml", &format!("    {TEXT}: \"012345\"\n"), "");
    let _ = workspace.run("apply --yes").exit(0);
    changed_by_hand(&server, &json!({TEXT: "by hand"}));
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.").never_says("by hand");
    workspace.edit("manifests/order.yaml", "[str1, str2]", "[payment, card]");
    let _ = workspace.run("plan --refresh --out p.plan").exit(0).never_says("by hand");
    let _ = workspace.run("apply p.plan").exit(0);
    assert_eq!(read_by_hand(&server, TEXT), "by hand");
}

#[test]
fn a_change_of_the_manifest_that_was_made_outside_already_leaves_nothing_to_do() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({TEXT: "012346"}));
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let plan = workspace.plan_json("--refresh");
    let calls: Vec<&Value> = plan["changes"].as_array().unwrap().iter().map(|change| &change["calls"]).collect();
    assert!(!format!("{calls:?}").contains("POST"), "{calls:?}");
    let _ = workspace.run("apply --yes").exit(0);
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn a_conversation_that_is_gone_is_reported_and_never_made_again_by_itself() {
    let (workspace, mut server) = applied();
    // The tenant was emptied: the same address, and none of the conversations.
    let port = server.base_url().rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(server.terminate(), 0);
    let server = Server::start(&workspace, &format!("--no-rate-limit --port {port} --request-log {LOG}"));
    let sent = workspace.requests_in(LOG).len();
    let plan = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("2 conversations are gone");
    let plan = plan.says("  conversation.order (#1001, not found)").says("state forget");
    let _ = plan.never_says("No changes. The tenant matches");
    assert!(calls_since(&workspace, sent).iter().all(|call| call.starts_with("GET ")));
    let json = workspace.plan_json("--refresh --out gone.plan");
    assert_eq!(json["changes"], json!([]));
    let shown = workspace.run("show gone.plan").exit(0).says("2 conversations are gone");
    let _ = shown.never_says("No changes. The tenant matches");
    let _ = workspace.run("apply gone.plan").exit(0).says("2 conversations are gone");
    assert_eq!(server.send("GET", "/v1/conversations/1001", "").0, 404, "nothing was made");
    let _ = workspace.run("state forget conversation.order").exit(0);
    let _ = workspace.run("apply --yes").exit(0).says("1 created");
}

#[test]
fn the_price_of_looking_is_reported_before_the_first_call_and_only_what_is_in_scope_is_read() {
    let (workspace, _server) = applied();
    workspace.write("manifests/new.yaml", email("new"));
    let sent = workspace.requests_in(LOG).len();
    let plan = workspace.run("plan --refresh").exit(0).says("1 to create");
    assert!(plan.stderr.starts_with("Reading 2 conversations: 3 calls, about "), "{}", plan.stderr);
    let mut calls = calls_since(&workspace, sent);
    calls.sort();
    let conversations = ["GET /v1/conversations/1001", "GET /v1/conversations/1002"];
    assert_eq!(calls, [&conversations[..], &["GET /v1/organization"]].concat());
    let sent = workspace.requests_in(LOG).len();
    let plan = workspace.run("plan --refresh --target import.*").exit(0);
    assert!(plan.stderr.starts_with("Reading 1 conversation: 2 calls, about "), "{}", plan.stderr);
    assert_eq!(calls_since(&workspace, sent).len(), 2);
    let sent = workspace.requests_in(LOG).len();
    let _ = workspace.run("plan --refresh --target conversation.new").exit(0).says("1 to create");
    assert_eq!(calls_since(&workspace, sent).len(), 0, "there is nothing to read");
}

#[test]
fn a_refresh_needs_a_token_and_another_organization_is_refused() {
    let (workspace, _server) = applied();
    workspace.edit("dixaform.yaml", "LOCAL_KEY", "ANOTHER_KEY");
    let _ = workspace.run("plan --refresh").exit(3).warns("ANOTHER_KEY is not set");
    workspace.edit("dixaform.yaml", "ANOTHER_KEY", "LOCAL_KEY");
    let state = workspace.read("state/local.json");
    let known = state.split("\"organizationId\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    workspace.edit_state("state/local.json", &known, "11111111-2222-4333-8444-555555555555");
    let _ = workspace.run("plan --refresh").exit(5).warns("the token belongs to organization");
}

#[test]
fn a_tenant_that_cannot_be_read_makes_no_plan() {
    let (workspace, mut server) = applied();
    let port = server.base_url().rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(server.terminate(), 0);
    let flags = format!("--no-rate-limit --port {port} --data data.jsonl --faults redirect@conversation#2");
    let _server = Server::start(&workspace, &flags);
    let outcome = workspace.run("plan --refresh --out half.plan").exit(1).warns("GET /v1/conversations/100");
    assert_eq!(outcome.stdout, "");
    assert!(!workspace.exists("half.plan"));
}

#[test]
fn a_refresh_writes_nothing() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({TEXT: "by hand"}));
    let before = workspace.read("state/local.json");
    let _ = workspace.run("plan --refresh").exit(0);
    assert_eq!(workspace.read("state/local.json"), before);
    let names: Vec<_> =
        std::fs::read_dir(workspace.path("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".journal")), "{names:?}");
}

#[test]
fn verify_reads_back_what_was_written_and_prices_it() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let server = Server::start(&workspace, &format!("--no-rate-limit --request-log {LOG}"));
    let workspace = workspace.with_tenant(&server.base_url());
    let plain = workspace.plan_json("")["price"]["calls"].as_u64().unwrap();
    assert_eq!(workspace.plan_json("--verify")["price"]["calls"].as_u64(), Some(plain + 1));
    let outcome = workspace.run("apply --yes --verify").exit(0).never_says("reads back");
    assert_eq!(outcome.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
    let calls = calls_since(&workspace, 0);
    assert_eq!(calls.last().unwrap(), "GET /v1/conversations/1001");
}

#[test]
fn verify_reads_tags_back_too_and_warns_of_one_that_is_not_there() {
    let workspace = Workspace::new().file("manifests/order.yaml", &format!("{ORDER}  tags: [vip]\n"));
    let server = Server::start(&workspace, &format!("--no-rate-limit --request-log {LOG}"));
    let workspace = workspace.with_tenant(&server.base_url());
    let plain = workspace.plan_json("")["price"]["calls"].as_u64().unwrap();
    assert_eq!(workspace.plan_json("--verify")["price"]["calls"].as_u64(), Some(plain + 2));
    let _ = workspace.run("apply --yes --verify").exit(0).never_says("read back");
    assert_eq!(calls_since(&workspace, 0).last().unwrap(), "GET /v1/conversations/1001/tags");
}

/// Stops the server, changes what it has, and starts it again where it was.
fn edited(workspace: &Workspace, mut server: Server, from: &str, to: &str) -> Server {
    let port = server.base_url().rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(server.terminate(), 0);
    workspace.edit("data.jsonl", from, to);
    Server::start(workspace, &format!("--no-rate-limit --port {port} --data data.jsonl --request-log {LOG}"))
}

#[test]
fn content_that_was_changed_outside_is_listed_and_never_planned_back() {
    let (workspace, server) = applied();
    let _server = edited(&workspace, server, r#""subject":"order #123""#, r#""subject":"order #124""#);
    let plan = workspace.run("plan --refresh --detailed-exitcode").exit(0);
    let plan = plan.says("only attributes are changed back").says("# conversation.order (#1001)");
    let plan = plan.says(r#"subject = "order #123" -> "order #124""#).never_says("The tenant matches");
    assert_eq!(plan.last_line(), "No changes. The rest matches the manifests.");
    let json = workspace.plan_json("--refresh --out drifted.plan");
    let told = json!([{"thing": "subject", "described": "order #123", "found": "order #124"}]);
    assert_eq!(json["drift"][0]["content"], told);
    let _ = workspace.run("show drifted.plan").exit(0).says(r#"subject = "order #123" -> "order #124""#);
    let _ = workspace.run("plan --refresh --format markdown").exit(0).says("order #124");
    let _ = workspace.run("plan --refresh --format html").exit(0).says("<b>subject</b>");
}

#[test]
fn a_record_that_keeps_digests_only_is_compared_too() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let server = Server::start(&workspace, &format!("--no-rate-limit --data data.jsonl --request-log {LOG}"));
    let workspace = workspace.with_tenant(&server.base_url());
    workspace.edit("dixaform.yaml", "apiKeyEnv", "lastApplied: digest, apiKeyEnv");
    let _ = workspace.run("apply --yes").exit(0);
    let _ = workspace.run("plan --refresh").exit(0).says("No changes. The tenant matches the manifests.");
    let _server = edited(&workspace, server, r#""subject":"order #123""#, r#""subject":"order #124""#);
    let _ = workspace.run("plan --refresh").exit(0).says(r#"subject = (previous value not kept) -> "order #124""#);
}

#[test]
fn an_odd_conversation_is_compared_as_far_as_it_is_known_and_stops_no_other() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({TEXT: "by hand"}));
    let server = edited(&workspace, server, r#""channel":"Email""#, r#""channel":["Email"]"#);
    let server = edited(&workspace, server, r#""direction":"Inbound""#, r#""direction":"Sideways""#);
    let _server = edited(&workspace, server, r#""createdAt":"#, r#""madeAt":"#);
    let plan = workspace.run("plan --refresh --detailed-exitcode").exit(2);
    let _ = plan.says("\"by hand\" -> \"012345\"").says("1 to update").never_says("Sideways");
}

#[test]
fn a_value_that_dixa_tidied_is_listed_and_not_written_again() {
    let (workspace, server) = applied();
    workspace.edit("manifests/order.yaml", "\"012345\"", "\" 012345 \\r\\n\"");
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
    changed_by_hand(&server, &json!({TEXT: "012345"}));
    let plan = workspace.run("plan --refresh --detailed-exitcode").exit(0);
    let _ = plan.says(&format!("attribute {TEXT} = ")).says("only attributes are changed back");
}

#[test]
fn what_was_compared_is_said_beside_a_plan_without_changes() {
    let (workspace, _server) = applied();
    let _ = workspace.run("plan").exit(0).warns("compared with the state; use --refresh");
    let plan = workspace
        .run("plan --refresh")
        .exit(0)
        .warns("2 records were compared with the tenant: attributes, requester, channel");
    assert_eq!(plan.last_line(), "No changes. The tenant matches the manifests.");
    let _ = workspace.run("plan --format markdown").exit(0).says("use --refresh to read the tenant, too.");
}

#[test]
fn apply_reads_the_tenant_first_where_it_is_asked_to() {
    let (workspace, server) = applied();
    changed_by_hand(&server, &json!({TEXT: "by hand"}));
    let _ = workspace.run("apply --yes").exit(0).says("No changes.");
    assert_eq!(read_by_hand(&server, TEXT), "by hand");
    let outcome = workspace.run("apply --yes --refresh").exit(0).says("\"by hand\" -> \"012345\"");
    let outcome = outcome.says("3 read requests were sent.");
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 0 imported, 1 updated.");
    assert_eq!(read_by_hand(&server, TEXT), "012345");
    let _ = workspace.run("plan --out p.plan").exit(0);
    let _ = workspace.run("apply --refresh p.plan").exit(64).warns("--refresh decides what is planned");
}

#[test]
fn apply_reads_the_embedded_sandbox_too() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes --tenant sandbox").exit(0);
    let again = workspace.run("apply --yes --refresh --tenant sandbox").exit(0).warns("Reading 1 conversation");
    assert_eq!(again.last_line(), "No changes. The tenant matches the manifests.");
}
