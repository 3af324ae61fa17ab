//! A Dixa that is slow, lies, or is looked at without the state: nothing is made twice, and what only a person can say
//! is asked.

mod in_real_time;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::manifests::email;
use crate::support::{Server, Workspace};

/// Beside a sandbox with these faults, for a tenant that is not embedded, and that is waited for less than usual.
fn beside(faults: &str) -> (Workspace, Server) {
    let (workspace, server) = beside_as_usual(faults);
    workspace.edit("dixaform.yaml", "apiKeyEnv", "requestTimeout: 500ms, settle: 200ms, apiKeyEnv");
    (workspace, server)
}

/// The same with every setting at its default.
fn beside_as_usual(faults: &str) -> (Workspace, Server) {
    let workspace = Workspace::new();
    let faults = if faults.is_empty() { String::new() } else { format!(" --faults {faults}") };
    let flags = format!("--no-rate-limit --data data.jsonl --request-log requests.jsonl{faults}");
    let server = Server::start(&workspace, &flags);
    (workspace.with_tenant(&server.base_url()), server)
}

/// What the sandbox has made.
fn made(workspace: &Workspace) -> Vec<Value> {
    let data = workspace.read("data.jsonl");
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["conversation"].clone());
    lines.filter(|conversation| conversation["id"].is_i64()).collect()
}

/// The bodies of all POSTs, those that were never answered among them.
fn bodies(workspace: &Workspace) -> Vec<Value> {
    let requests = workspace.requests_in("requests.jsonl");
    requests.into_iter().filter(|(call, _)| call.starts_with("POST")).map(|(_, body)| body).collect()
}

fn state(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read("state/local.json")).unwrap()
}

#[track_caller]
fn record(workspace: &Workspace, address: &str) -> Value {
    let state = state(workspace);
    let records = state["records"].as_array().unwrap();
    records.iter().find(|record| record["address"] == address).expect("a record").clone()
}

fn posts(workspace: &Workspace) -> usize {
    bodies(workspace).len()
}

fn outbound(name: &str) -> String {
    email(name).replace("_type: Inbound", "_type: Outbound\n    agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b")
}

fn import(name: &str) -> String {
    format!(
        "apiVersion: dixaform/v1
kind: ConversationImport
metadata: {{name: {name}}}
spec:
  genericChannelName: widgetchat
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
  messages:
    - {{_type: InboundImport, createdAt: 2021-12-01T11:00:00Z, content: {{_type: Text, value: about {name}}}}}
"
    )
}

fn all(manifests: &[String]) -> String {
    manifests.join("---\n")
}

const CALLBACK: &str = "apiVersion: dixaform/v1
kind: Conversation
metadata: {name: call}
spec:
  _type: Callback
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  contactEndpointId: '+4512345678'
  direction: Inbound
  queueId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b
";

#[test]
fn what_was_made_is_found_however_late_or_odd_the_answer_is() {
    // They wait most of the time: all at once.
    std::thread::scope(|scope| {
        for faults in [
            "commit-delay=1500ms",
            "list-lag=2s,500-after@POST#1-2",
            "list-lag=2s,drop-after@POST#1-2",
            "list-lag=2s,hang-after@POST#1-2",
            "duplicate-after@create#1,wording=vary",
            "read-lag=100ms",
            "201-no-id@POST#1-2",
            "200-empty@POST#1-2",
            "202-text@POST#1-2",
            "204-empty@POST#1-2,list-lag=2s",
            "garbled@POST#1-2",
            "rubbish@POST#1-2,empty-page@conversations#2",
            "500-after@POST#1-2,404@conversations#2",
            "500-after@POST#1-2,circle@conversations#2",
        ] {
            scope.spawn(move || {
                let (workspace, _server) = beside(faults);
                let attribute = "customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: a}\n  subject";
                // A PATCH that takes longer than it may is never answered either.
                let attribute = if faults.starts_with("commit-delay") { "subject" } else { attribute };
                let manifests = [outbound("mail").replace("subject", attribute), import("old")];
                workspace.write("manifests/all.yaml", all(&manifests));
                let _ = workspace.run("apply --yes --allow-outbound").exit(0);
                assert_eq!((posts(&workspace), made(&workspace).len()), (2, 2), "{faults}");
                let _ = workspace.run("plan --detailed-exitcode").exit(0);
            });
        }
    });
}

#[test]
fn what_reaches_a_customer_is_asked_about_and_never_sent_again_by_itself() {
    let (workspace, _server) = beside("duplicate-before@POST#1");
    workspace.write("manifests/all.yaml", outbound("mail"));
    // Dixa says that this call made nothing.
    let _ = workspace.run("apply --yes --allow-outbound").exit(1);
    assert_eq!((posts(&workspace), made(&workspace).len()), (1, 0));

    let (workspace, _server) = beside("201-no-id@POST#1,list-lag=60m");
    workspace.write("manifests/all.yaml", import("old"));
    let looking = std::thread::spawn({
        let mut command = workspace.command();
        command.args(["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null());
        move || {
            let mut child = command.spawn().unwrap();
            std::thread::sleep(Duration::from_secs(4));
            crate::support::terminate(&mut child, Duration::from_secs(9))
        }
    });
    assert_eq!(looking.join().unwrap(), 130);
    assert_eq!(posts(&workspace), 1, "it was made, whatever no list shows");
    let _ = workspace.run("plan").exit(0).says("in doubt");
}

#[test]
fn an_incident_ends_the_sending_and_the_next_apply_finds_what_was_made() {
    let (workspace, _server) = beside("incident=1-100,incident-lag=3s");
    let manifests: Vec<String> = (0..200).map(|number| outbound(&format!("m{number:03}"))).collect();
    workspace.write("manifests/all.yaml", all(&manifests));
    let first = workspace.run("apply --yes --allow-outbound").exit(4).says("seems to have an incident");
    assert!(first.last_line().contains("not attempted"), "{}", first.last_line());
    let sent = posts(&workspace);
    assert!((5..70).contains(&sent), "{sent} were sent: only what was in flight");
    let subjects: BTreeSet<String> = bodies(&workspace).iter().map(|body| body["subject"].to_string()).collect();
    assert_eq!((subjects.len(), made(&workspace).len()), (sent, sent), "each once");
}

#[test]
fn without_its_state_a_project_finds_what_it_has_made() {
    let (workspace, _server) = beside("");
    let mut manifests: Vec<String> =
        (0..10).flat_map(|at| [email(&format!("m{at}")), import(&format!("i{at}"))]).collect();
    manifests.push(outbound("mail"));
    workspace.write("manifests/all.yaml", all(&manifests));
    let _ = workspace.run("apply --yes --allow-outbound").exit(0);
    let (sent, ids) = (posts(&workspace), made(&workspace).len());
    assert_eq!((sent, ids), (21, 21));

    std::fs::remove_dir_all(workspace.path("state")).unwrap();
    let again = workspace.run("apply --yes --allow-outbound").exit(0);
    let again = again.warns("There is no state state/local.json.").warns("Found 21 conversations");
    assert!(again.stdout.contains("No changes."), "{again:?}");
    assert_eq!(posts(&workspace), sent, "nothing is made again");
    assert_eq!(state(&workspace)["records"].as_array().unwrap().len(), 21);

    std::fs::remove_dir_all(workspace.path("state")).unwrap();
    let _ = workspace.run("state rebuild").exit(0).says("21 conversations recorded.");
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");

    // A replacement has another number, which a new state finds, too.
    workspace.edit("manifests/all.yaml", "about m3", "about something else");
    let _ = workspace.run("apply --yes --allow-replace --allow-outbound").exit(0);
    let newer = record(&workspace, "conversation.m3")["id"].clone();
    std::fs::remove_dir_all(workspace.path("state")).unwrap();
    let _ = workspace.run("state rebuild").exit(0);
    assert_eq!(record(&workspace, "conversation.m3")["id"], newer);
    assert_eq!(record(&workspace, "conversation.m3")["number"], 1);
}

#[test]
fn without_its_state_what_carries_no_mark_is_a_question() {
    let (workspace, _server) = beside("");
    workspace.write("manifests/all.yaml", all(&[CALLBACK.to_owned(), email("a")]));
    let _ = workspace.run("apply --yes").exit(0);
    let call = record(&workspace, "conversation.call")["id"].clone();
    std::fs::remove_dir_all(workspace.path("state")).unwrap();
    let _ = workspace
        .run("apply --yes")
        .exit(6)
        .warns(&format!("conversation.call was perhaps made before: it could be any of #{call}"));
    assert_eq!(posts(&workspace), 2);
    // It stays a question, however clearly it fits.
    let _ = workspace.run("apply --yes").exit(6);
    let _ = workspace.run(&format!("recover --adopt conversation.call={call}")).exit(0);
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    assert_eq!(posts(&workspace), 2);
}

#[test]
fn without_its_state_a_mark_of_the_manifest_is_enough_if_nothing_else_differs() {
    let given = email("a").replace("_type: Inbound", "_type: Inbound\n    externalId: order-1");
    for changed in [false, true] {
        let (workspace, _server) = beside("");
        workspace.write("manifests/all.yaml", &given);
        let _ = workspace.run("apply --yes").exit(0);
        let id = record(&workspace, "conversation.a")["id"].clone();
        std::fs::remove_dir_all(workspace.path("state")).unwrap();
        if changed {
            workspace.edit("manifests/all.yaml", "about a", "about something else");
            // Dixa refuses a second one with the same external id, and this is not what the manifest describes.
            let _ = workspace.run("apply --yes").exit(6).says(&format!("it could be any of #{id}"));
            assert_eq!(made(&workspace).len(), 1);
        } else {
            let _ = workspace.run("apply --yes").exit(0).warns("Found 1 conversation, which will not be made again");
            assert_eq!((posts(&workspace), &record(&workspace, "conversation.a")["id"]), (1, &id));
        }
    }
}

#[test]
fn what_was_forgotten_is_not_taken_again_and_its_address_can_be_made_again() {
    let (workspace, _server) = beside("");
    workspace.write("manifests/all.yaml", email("a"));
    let _ = workspace.run("apply --yes").exit(0);
    let first = record(&workspace, "conversation.a")["id"].clone();
    let _ = workspace.run("state forget conversation.a").exit(0);
    let _ = workspace.run("apply --yes").exit(0).says("Apply complete! 1 created");
    let second = record(&workspace, "conversation.a")["id"].clone();
    assert_ne!(first, second);
    let state = state(&workspace);
    assert_eq!(state["forgotten"][0]["ids"], serde_json::json!([first]));
    assert_eq!(made(&workspace).len(), 2);
    // An answer that is lost after that finds its own, and not the forgotten one.
    let _ = workspace.run("state forget conversation.a").exit(0);
    let _ = workspace.run("state rebuild").exit(0).says("Nothing new was found.");
}

#[test]
fn a_second_conversation_with_our_mark_is_reported_until_a_person_has_settled_it() {
    let (workspace, server) = beside("duplicates=accept");
    workspace.write("manifests/all.yaml", email("a"));
    let _ = workspace.run("apply --yes").exit(0);
    let first = record(&workspace, "conversation.a");
    let (status, answer) = server.send("POST", "/v1/conversations", &bodies(&workspace)[0].to_string());
    assert_eq!(status, 201, "{answer}");
    std::fs::remove_dir_all(workspace.path("state")).unwrap();
    let told = "conversation.a was made more than once";
    let _ = workspace.run("apply --yes").exit(6).warns(told);
    let _ = workspace.run("apply --yes").exit(6).warns(told);
    let _ = workspace.run("plan").exit(0).warns(told);
    let _ = workspace.run(&format!("recover --adopt conversation.a={}", first["id"])).exit(0);
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(record(&workspace, "conversation.a")["id"], first["id"]);
    assert_eq!(posts(&workspace), 2);
}

#[test]
fn a_callback_in_doubt_is_never_what_its_customer_has_written_meanwhile() {
    let (workspace, server) = beside("drop-before@create#1");
    workspace.write("manifests/all.yaml", CALLBACK.replace("queueId", &format!("{ATTRIBUTE}  queueId")));
    let start = Instant::now();
    let mut apply =
        workspace.command().args(["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while posts(&workspace) == 0 && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(server.send("POST", "/v1/conversations", CUSTOMERS_MAIL).0, 201);
    let _ = crate::support::terminate(&mut apply, Duration::from_secs(9));
    assert_eq!(made(&workspace).len(), 1, "only the customer's own");
    let attributes = workspace.requests_in("requests.jsonl").into_iter().filter(|(call, _)| call.starts_with("PATCH"));
    assert_eq!(attributes.count(), 0, "nothing is written onto it");
    assert!(!workspace.exists("state/local.json") || state(&workspace)["records"].as_array().unwrap().is_empty());
}

/// A line of a manifest's spec.
const ATTRIBUTE: &str = "customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: a}\n";

/// What the requester of the manifests writes on his own.
const CUSTOMERS_MAIL: &str = r#"{"_type":"Email","requesterId":"9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
    "emailIntegrationId":"my-integration@email.dixa.io","subject":"Hello?",
    "message":{"_type":"Inbound","content":{"_type":"Text","value":"Is anybody there?"}}}"#;

#[test]
fn a_saved_plan_is_for_the_state_that_it_was_made_for_and_for_no_other_of_its_serial() {
    let (workspace, _server) = beside("");
    workspace.write("manifests/all.yaml", email("a"));
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/all.yaml", all(&[email("a"), email("b")]));
    let _ = workspace.run("plan --out saved.plan").exit(0);
    // Another branch has applied something else from the same beginning.
    let other = workspace.read("state/local.json").replace("conversation.a", "conversation.b");
    workspace.write("state/local.json", crate::support::sealed(&other));
    let _ = workspace.run("apply saved.plan").exit(5).warns("is not the one with serial");
    let _ = workspace.run("apply saved.plan --accept-older-state").exit(5).warns("stale");
    assert_eq!(posts(&workspace), 1);
}

#[test]
fn the_price_of_a_first_apply_is_what_it_sends() {
    let (workspace, _server) = beside("");
    let other = email("c").replace("9c2a2cce", "8c2a2cce");
    let customer = "apiVersion: dixaform/v1\nkind: EndUser\nmetadata: {name: jane}\nspec: {email: jane@example.com}\n";
    workspace.write("manifests/all.yaml", all(&[email("a"), email("b"), other, customer.to_owned()]));
    let plan = workspace.plan_json("");
    let _ = workspace.run("apply --yes").exit(0).says("5 calls");
    assert_eq!(plan["price"]["calls"], workspace.requests_in("requests.jsonl").len());
}

#[test]
fn a_state_of_another_branch_is_no_newer_one_even_with_the_same_serial() {
    let (workspace, _server) = beside("");
    workspace.write("manifests/all.yaml", email("zero"));
    let _ = workspace.run("apply --yes").exit(0);
    let (beginning, lock) = (workspace.read("state/local.json"), workspace.read("state/local.lock"));
    workspace.write("manifests/all.yaml", all(&[email("zero"), import("one")]));
    let _ = workspace.run("apply --yes").exit(0);
    let here = workspace.read("state/local.json");
    // Somebody else goes on from the same beginning, on another machine.
    workspace.write("state/local.json", &beginning);
    workspace.write("state/local.lock", &lock);
    workspace.write("manifests/all.yaml", all(&[email("zero"), import("two")]));
    let _ = workspace.run("apply --yes").exit(0);
    // Here, that one takes the place of ours.
    let theirs = workspace.read("state/local.json");
    workspace.write("state/local.json", &here);
    workspace.write("state/local.lock", &lock);
    workspace.write("manifests/all.yaml", all(&[email("zero"), import("one"), import("two")]));
    let _ = workspace.run("apply --yes --target import.none --target conversation.zero").exit(1);
    let _ = workspace.run("apply --yes --target conversation.zero").exit(0);
    workspace.write("state/local.json", &theirs);
    let sent = posts(&workspace);
    let _ = workspace.run("plan").exit(0).warns("is not the one with serial");
    let _ = workspace.run("apply --yes").exit(5).warns("is not the one with serial").warns("state rebuild");
    assert_eq!(posts(&workspace), sent);
    let _ = workspace.run("state rebuild").exit(0);
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!((posts(&workspace), made(&workspace).len()), (sent, 3), "each once");
}

#[test]
fn looking_for_a_part_of_what_was_made_before_says_so() {
    let (workspace, _server) = beside("");
    workspace.write("manifests/a.yaml", import("a"));
    workspace.write("manifests/b.yaml", import("b"));
    let _ = workspace.run("apply --yes").exit(0).never_says("only what these manifests describe");
    workspace.remove("state/local.json");
    let part = workspace.run("apply --yes manifests/a.yaml").exit(0);
    let _ = part.warns("only what these manifests describe is looked for").warns("without PATH, all manifests");
    workspace.remove("state/local.json");
    let _ = workspace.run("state rebuild manifests/a.yaml").exit(0).warns("only what these manifests describe");
    workspace.remove("state/local.json");
    let _ = workspace.run("state rebuild").exit(0).never_says("only what these manifests describe").says("2 ");
    assert_eq!(posts(&workspace), 2);
}
