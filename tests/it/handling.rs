//! Tags, queue, assignee and state of a conversation, with the real program against the sandbox.

use serde_json::{Value, json};

use crate::support::{Server, Workspace};

const LOG: &str = "requests.jsonl";
const SUPPORT: &str = "cd87b232-64c8-4ad5-b81a-6f9233352d97";
const SALES: &str = "00000000-0000-4000-8000-000000000002";
const MIA: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";

const ORDER: &str = "apiVersion: dixaform/v1
kind: Conversation
metadata: {name: order}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: my-integration@email.dixa.io
  subject: Late
  message: {_type: Inbound, content: {_type: Text, value: Where is it?}}
  customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: '1'}
";

/// The order, with these members beside its body.
fn handled(members: &str) -> String {
    let members: String = members.split("; ").map(|member| format!("  {member}\n")).collect();
    format!("{ORDER}{members}")
}

fn all_four() -> String {
    handled(&format!("tags: [vip, delivery]; queue: {SUPPORT}; assignee: {MIA}; state: Closed"))
}

/// A workspace beside a server that knows what it is seeded with, and nothing else.
fn beside_server(manifest: &str) -> (Workspace, Server) {
    let workspace = Workspace::new().file("manifests/order.yaml", manifest).file(
        "seed.yaml",
        &format!(
            "endUsers: [{{id: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b, email: jane@example.com}}]\n\
             agents: [{{id: {MIA}, email: mia@example.com}}]\n\
             queues: [{{id: {SUPPORT}, name: Support}}, {{id: {SALES}, name: Sales}}]\n\
             emailIntegrations: [my-integration@email.dixa.io]\n\
             customAttributes: [{{id: 2f5515b6-7e98-4f4d-9010-bfd2a27d4f35, identifier: note, label: Note, \
             entityType: Conversation, inputDefinition: {{_type: Text}}}}]\n\
             tags: [{{name: vip}}, {{name: old, active: false}}]\n"
        ),
    );
    let flags = format!("--strict --seed seed.yaml --no-rate-limit --data data.jsonl --request-log {LOG}");
    let server = Server::start(&workspace, &flags);
    (workspace.with_tenant(&server.base_url()), server)
}

/// How the conversation reads in Dixa: the names of its tags, its queue, its agent, its state.
fn there(server: &Server) -> (Vec<String>, Value, Value, Value) {
    let (_, answer) = server.send("GET", "/v1/conversations/1001", "");
    let (_, tags) = server.send("GET", "/v1/conversations/1001/tags", "");
    let names = tags["data"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let data = &answer["data"];
    (names, data["queue"]["id"].clone(), data["assignment"]["agentId"].clone(), data["state"].clone())
}

fn tag_id(server: &Server, name: &str) -> String {
    let (_, tags) = server.send("GET", "/v1/tags?includeDeactivated=true", "");
    let tags = tags["data"].as_array().unwrap();
    tags.iter().find(|tag| tag["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
}

fn writes_since(workspace: &Workspace, before: usize) -> Vec<String> {
    let calls = workspace.requests_in(LOG).into_iter().skip(before).map(|(call, _)| call);
    calls.filter(|call| !call.starts_with("GET")).collect()
}

#[test]
fn what_is_created_is_handled_as_described_and_then_there_is_nothing_to_do() {
    for keeps_all in [true, false] {
        let (workspace, server) = beside_server(&all_four());
        if !keeps_all {
            workspace.edit("dixaform.yaml", "{baseUrl", "{lastApplied: digest, baseUrl");
        }
        let plan = workspace.run("plan").exit(0).says("+ state              = \"Closed\"");
        // The organization, the definitions, the tags, and a look for what was made before; one POST, one PATCH, five
        // more. A missing tag is made besides.
        let _ = plan.says("14 calls");
        let applied = workspace.run("apply --yes --verify").exit(0).says("1 created");
        let _ = applied.never_says("reads back");
        let tags = vec!["delivery".to_owned(), "vip".to_owned()];
        assert_eq!(there(&server), (tags, json!(SUPPORT), json!(MIA), json!("Closed")));
        let sent = workspace.requests_in(LOG).len();
        let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
        let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
        assert!(writes_since(&workspace, sent).is_empty());
        let state = workspace.read("state/local.json");
        assert_eq!(state.contains("delivery") && state.contains("Closed"), keeps_all, "{state}");
    }
}

#[test]
fn each_is_changed_by_a_call_of_its_own() {
    let (workspace, server) = beside_server(&all_four());
    let _ = workspace.run("apply --yes").exit(0);
    let tag = tag_id(&server, "delivery");
    for (from, to, calls) in [
        ("[vip, delivery]", "[vip]", vec![format!("DELETE /v1/conversations/1001/tags/{tag}")]),
        (
            SUPPORT,
            SALES,
            vec!["PUT /v1/conversations/1001/transfer/queue".to_owned(), "PUT /v1/conversations/1001/claim".to_owned()],
        ),
        ("state: Closed", "state: Open", vec!["PUT /v1/conversations/1001/reopen".to_owned()]),
        ("state: Open", "tags: [vip]", vec![]),
    ] {
        let sent = workspace.requests_in(LOG).len();
        if to == "tags: [vip]" {
            workspace.edit("manifests/order.yaml", "  state: Open\n", "");
        } else {
            workspace.edit("manifests/order.yaml", from, to);
            let _ = workspace.run("apply --yes").exit(0).says("1 updated");
        }
        assert_eq!(writes_since(&workspace, sent), calls, "{from} -> {to}");
        let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    }
    assert_eq!(there(&server), (vec!["vip".to_owned()], json!(SALES), json!(MIA), json!("Open")));
}

#[test]
fn drift_of_each_is_shown_apart_and_planned_back_and_what_others_have_put_on_stays() {
    let (workspace, server) = beside_server(&all_four());
    let _ = workspace.run("apply --yes").exit(0);
    let (_, theirs) = server.send("POST", "/v1/tags", r#"{"name":"theirs"}"#);
    let theirs = theirs["data"]["id"].as_str().unwrap().to_owned();
    let by_hand = |method: &str, path: &str, body: &str| {
        let (status, _) = server.send(method, &format!("/v1/conversations/1001/{path}"), body);
        assert_eq!(status, 204, "{path}");
    };
    by_hand("PUT", &format!("tags/{theirs}"), "");
    by_hand("DELETE", &format!("tags/{}", tag_id(&server, "vip")), "");
    by_hand("PUT", "transfer/queue", &json!({ "queueId": SALES }).to_string());
    by_hand("PUT", "reopen", "{}");
    let plan = workspace.run("plan --refresh --detailed-exitcode").exit(2);
    let (note, changes) = plan.stdout.split_once("conversation.order will be").unwrap();
    assert!(note.contains("were changed outside of dixaform"), "{note}");
    assert!(note.contains(&format!("queue = \"{SUPPORT}\" -> \"{SALES}\"")) || note.contains(SALES), "{note}");
    assert!(note.contains("\"Closed\" -> \"Open\"") && !note.contains("theirs"), "{note}");
    assert!(changes.contains("+ \"vip\"") && changes.contains("\"Open\" -> \"Closed\""), "{changes}");
    let _ = workspace.run("apply --yes --refresh").exit(0).says("1 updated");
    let tags = ["delivery", "theirs", "vip"].map(str::to_owned).to_vec();
    assert_eq!(there(&server), (tags, json!(SUPPORT), json!(MIA), json!("Closed")));
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn adopting_sets_what_differs() {
    let (workspace, server) = beside_server(ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    let _ = workspace.run("state forget conversation.order").exit(0);
    let adopt = all_four().replace("{name: order}", "{name: order, annotations: {dixaform/adopt: '1001'}}");
    workspace.write("manifests/order.yaml", adopt);
    let _ = workspace.run("plan").exit(0).says("only what differs in Dixa is set");
    let _ = workspace.run("apply --yes").exit(0).says("1 adopted");
    let tags = vec!["delivery".to_owned(), "vip".to_owned()];
    assert_eq!(there(&server), (tags, json!(SUPPORT), json!(MIA), json!("Closed")));
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn after_a_lost_state_what_is_so_already_is_recorded_and_not_set_again() {
    let (workspace, _server) = beside_server(&all_four());
    let _ = workspace.run("apply --yes").exit(0);
    workspace.remove("state/local.json");
    let sent = workspace.requests_in(LOG).len();
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
    let attributes = "PATCH /v1/conversations/1001/custom-attributes";
    assert_eq!(writes_since(&workspace, sent), [attributes]);
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
    // Who has put the tags on is not known any more, so they stay.
    workspace.edit("manifests/order.yaml", "[vip, delivery]", "[vip]");
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn an_inactive_tag_is_found_at_its_place_and_nothing_is_sent() {
    let (workspace, _server) = beside_server(&handled("tags: [vip, old]"));
    let refused = workspace.run("apply --yes").exit(1);
    let refused = refused.warns("manifests/order.yaml:11:15").warns("the tag `old` is inactive").warns("inactive-tag");
    let _ = refused.warns("the tenant would refuse 1 tag; nothing was sent");
    assert!(writes_since(&workspace, 0).is_empty());
    // With a catalog it is found offline.
    let _ = workspace.run("catalog pull").exit(0);
    let _ = workspace.run("validate").exit(1).says("manifests/order.yaml:11:15").says("the tag `old` is inactive");
}

#[test]
fn names_and_labels_come_from_the_catalog() {
    let named = handled("queue: {name: Support}; assignee: {email: mia@example.com}");
    let (workspace, server) = beside_server(&named);
    let _ = workspace.run("plan").exit(0).says("{name = \"Support\"}").says("{email = \"mia@example.com\"}");
    let _ = workspace.run("catalog pull").exit(0);
    let _ = workspace.run("plan").exit(0).says("# Support").says("# mia@example.com");
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!((there(&server).1, there(&server).2), (json!(SUPPORT), json!(MIA)));
    workspace.write("manifests/order.yaml", handled(&format!("queue: {SUPPORT}; assignee: {MIA}")));
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    workspace.edit("manifests/order.yaml", SUPPORT, "{name: Suport}");
    let _ = workspace.run("validate").exit(1).says("did you mean `Support`?");
}

#[test]
fn without_a_catalog_names_are_asked_for_before_the_first_write() {
    let named = handled("queue: {name: Support}; assignee: {email: mia@example.com}; state: Closed");
    let (workspace, server) = beside_server(&named);
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!((there(&server).1, there(&server).2), (json!(SUPPORT), json!(MIA)));
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
    workspace.write("manifests/order.yaml", handled(&format!("queue: {SUPPORT}; assignee: {MIA}; state: Closed")));
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    let before = writes_since(&workspace, 0).len();
    workspace.write("manifests/order.yaml", handled("queue: {name: Suport}; assignee: {email: max@example.com}"));
    let told =
        workspace.run("apply --yes").exit(1).warns("did you mean `Support`?").warns("no agent `max@example.com`");
    let _ = told.warns("the tenant lacks 2 things that manifests need; nothing was sent");
    assert_eq!(writes_since(&workspace, 0).len(), before);
}

#[test]
fn what_fails_leaves_the_rest_to_the_next_apply() {
    for (call, undone) in [
        ("make-tag", "its tags were not set"),
        ("put-tag", "its tags were not set"),
        ("transfer", "its queue was not set"),
        ("claim", "its assignee was not set"),
        ("close", "its state was not set"),
    ] {
        for fault in ["400", "500-after", "drop-after"] {
            let workspace = Workspace::fast().file("manifests/order.yaml", &all_four());
            let ended = workspace.run(&format!("apply --yes --sandbox-faults {fault}@{call}#1"));
            if fault == "400" {
                let _ = ended.exit(4).says(undone).says("answered 400");
                let _ = workspace.run("apply --yes").exit(0).says("1 updated");
            } else {
                let _ = ended.exit(0).says("1 created");
            }
            let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
        }
    }
}

#[test]
fn a_set_gives_each_row_its_own_and_an_empty_cell_none() {
    let set = "apiVersion: dixaform/v1
kind: ConversationSet
metadata: {name: orders}
rows: {csv: ../orders.csv}
key: number
template:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: my-integration@email.dixa.io
  subject: \"${number}\"
  message: {_type: Inbound, content: {_type: Text, value: \"${number}\"}}
  tags: [seeded, \"${tag}\"]
  queue: \"${queue}\"
  state: \"${state}\"
";
    let table = format!("number,tag,queue,state\n1,vip,{SUPPORT},Closed\n2,,,\n");
    let workspace = Workspace::fast().file("manifests/orders.yaml", set).file("orders.csv", &table);
    let plan = workspace.plan_json("");
    let steps = |index: usize| plan["changes"][index]["steps"].as_array().unwrap().iter().skip(1).cloned().collect();
    let steps: [Vec<Value>; 2] = [steps(0), steps(1)];
    let expected = [
        vec![
            json!({"putTag": "seeded"}),
            json!({"putTag": "vip"}),
            json!({"setQueue": SUPPORT}),
            json!({"setState": "Closed"}),
        ],
        vec![json!({"putTag": "seeded"})],
    ];
    assert_eq!(steps, expected);
    let _ = workspace.run("apply --yes").exit(0).says("2 created");
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
    workspace.edit("orders.csv", "1,vip", "1,seeded");
    let _ = workspace.run("validate").exit(1).says("`seeded` occurs twice in `tags`");
}

#[test]
fn what_is_wrong_is_found_at_its_place() {
    for (members, place, code) in [
        ("tags: vip", "11:9", "wrong-type"),
        ("tags: [vip, vip]", "11:15", "duplicate-item"),
        ("tags: ['']", "11:10", "empty-value"),
        ("tags: [1]", "11:10", "quote-it"),
        ("queue: Support", "11:10", "bad-uuid"),
        ("assignee: mia@example.com", "11:13", "bad-uuid"),
        ("state: closed", "11:10", "unknown-word"),
        ("state:", "11:8", "wrong-type"),
        ("asignee: x", "11:3", "unknown-member"),
    ] {
        let workspace = Workspace::fast().file("manifests/order.yaml", &handled(members));
        let told = workspace.run("validate").exit(1).stdout;
        assert!(told.contains(&format!("manifests/order.yaml:{place}")) && told.contains(code), "{members}: {told}");
    }
    let misspelt = Workspace::fast().file("manifests/order.yaml", &handled("asignee: x"));
    let _ = misspelt.run("validate").exit(1).says("did you mean `assignee`?");
}

#[test]
fn an_open_import_of_a_bot_that_goes_to_a_queue_needs_no_warning() {
    let import = "apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: legacy}
spec:
  genericChannelName: genericapimessaging
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
";
    let workspace = Workspace::fast().file("manifests/legacy.yaml", import);
    let _ = workspace.run("validate").exit(0).says("stays-with-the-bot").says("add `queue:`");
    for more in [&format!("  queue: {SUPPORT}\n"), "  state: Closed\n"] {
        workspace.write("manifests/legacy.yaml", format!("{import}{more}"));
        let _ = workspace.run("validate --warnings-as-errors").exit(0);
    }
    workspace.write("manifests/legacy.yaml", format!("{import}  state: Open\n"));
    let _ = workspace.run("validate --warnings-as-errors").exit(1);
}
