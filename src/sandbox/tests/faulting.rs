//! Faults as a client meets them on a real socket, and what they leave behind.

#![expect(clippy::disallowed_methods, reason = "the tests look at the request log")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::serving::over_socket;
use super::{Client, REQUESTER, TEXT, email, email_import, refused};
use crate::sandbox::{Fault, LogTo, Sandbox, SandboxOptions};

const CREATE: &str = "POST /v1/conversations";

fn faulty(plan: &str) -> SandboxOptions {
    SandboxOptions { faults: Some(plan.parse().expect("a plan")), ..SandboxOptions::default() }
}

fn wire(line: &str, body: &str) -> String {
    let head = "host: own\r\nauthorization: t\r\nconnection: close\r\n";
    format!("{line} HTTP/1.1\r\n{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// The request with the host name of the sandbox at this address.
fn own(address: &str, request: &str) -> String {
    request.replace("host: own", &format!("host: {address}"))
}

/// One creation over a socket of its own, and all that comes back until the connection ends.
async fn create(sandbox: &Sandbox) -> String {
    over_socket(&sandbox.base_url(), &wire(CREATE, &email().to_string())).await
}

/// Ids of the conversations that are there, newest first.
async fn ids(client: &Client) -> Vec<i64> {
    let (status, answer) = client.get(&format!("/v1/endusers/{REQUESTER}/conversations")).await;
    assert_eq!(status, 200);
    let list = answer["data"].as_array().expect("a list");
    list.iter().map(|conversation| conversation["id"].as_i64().expect("an id")).collect()
}

fn logged(path: &Path) -> Vec<(Value, Value)> {
    let text = fs::read_to_string(path).expect("reads");
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    entries.map(|entry| (entry["status"].clone(), entry["fault"].clone())).collect()
}

/// What a client gets for the second of three creations (nothing when its connection does not end), whether the second
/// was committed, and the logged status.
async fn second_of_three(fault: Fault) -> (Option<String>, bool, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("requests.jsonl");
    let options = SandboxOptions {
        request_log: Some(log.clone()),
        ..faulty(&format!("{fault}@create#2,slow=200ms,retry-after=7"))
    };
    let sandbox = Sandbox::start(options).await.expect("it starts");
    assert!(create(&sandbox).await.starts_with("HTTP/1.1 201 Created\r\n"));
    let second = timeout(Duration::from_millis(500), create(&sandbox)).await.ok();
    assert!(create(&sandbox).await.starts_with("HTTP/1.1 201 Created\r\n"));
    let client = Client(Arc::clone(sandbox.service()));
    let there = ids(&client).await;
    assert!(there == [1003, 1002, 1001] || there == [1002, 1001], "{there:?}");
    let entries = logged(&log);
    let faults: Vec<&Value> = entries.iter().map(|(_, fault)| fault).collect();
    assert_eq!(faults, [&Value::Null, &json!(fault.as_str()), &Value::Null, &Value::Null]);
    sandbox.shutdown().await;
    (second, there.len() == 3, entries[1].0.clone())
}

fn is_answered(answer: &Option<String>, head: &str, within: &[&str]) {
    let answer = answer.as_deref().expect("an answer");
    assert!(answer.starts_with(head), "{answer}");
    for text in within {
        assert!(answer.contains(text), "{text:?} is not in {answer}");
    }
}

#[tokio::test]
async fn a_fault_before_the_commit_changes_nothing() {
    let (answer, committed, status) = second_of_three(Fault::TooManyRequests).await;
    is_answered(&answer, "HTTP/1.1 429 ", &["retry-after: 7\r\n", r#"{"message":"Too Many Requests"}"#]);
    assert!(!committed && status == 429);
    let (answer, committed, status) = second_of_three(Fault::Unauthorized).await;
    is_answered(&answer, "HTTP/1.1 401 ", &[r#"{"message":"Unauthorized"}"#]);
    assert!(!committed && status == 401);
    let (answer, committed, status) = second_of_three(Fault::Forbidden).await;
    is_answered(&answer, "HTTP/1.1 401 ", &["User is unauthorized to perform an underlying operation"]);
    assert!(!committed && status == 401);
    let (answer, committed, status) = second_of_three(Fault::Redirect).await;
    is_answered(&answer, "HTTP/1.1 302 ", &["location: https://elsewhere.invalid/\r\n"]);
    assert!(!committed && status == 302);
    let (answer, committed, status) = second_of_three(Fault::ServerErrorBefore).await;
    is_answered(&answer, "HTTP/1.1 500 ", &["There was an internal server error"]);
    assert!(!committed && status == 500);
}

#[tokio::test]
async fn a_fault_after_the_commit_commits_and_does_not_say_so() {
    let (answer, committed, status) = second_of_three(Fault::ServerErrorAfter).await;
    is_answered(&answer, "HTTP/1.1 500 ", &["There was an internal server error"]);
    assert!(committed && status == 500);
    let (answer, committed, status) = second_of_three(Fault::Rubbish).await;
    is_answered(&answer, "HTTP/1.1 201 ", &["content-type: text/html\r\n", "<html>"]);
    assert!(!answer.expect("an answer").contains("1002"));
    assert!(committed && status == 201);
    let (answer, committed, status) = second_of_three(Fault::Partial).await;
    is_answered(&answer, "HTTP/1.1 201 ", &[r#"{"data":{"id":1002,"partialErrors":[{"message":"#]);
    assert!(committed && status == 201);
}

#[tokio::test]
async fn a_dropped_connection_ends_without_one_byte_of_an_answer() {
    assert_eq!(second_of_three(Fault::DropBefore).await, (Some(String::new()), false, Value::Null));
    assert_eq!(second_of_three(Fault::DropAfter).await, (Some(String::new()), true, Value::Null));
}

#[tokio::test]
async fn a_hanging_call_is_never_answered_and_its_connection_stays() {
    assert_eq!(second_of_three(Fault::Hang).await, (None, false, Value::Null));
    assert_eq!(second_of_three(Fault::HangAfter).await, (None, true, Value::Null));
}

#[tokio::test]
async fn a_slow_body_comes_whole_piece_by_piece_in_the_time_that_was_said() {
    let sandbox = Sandbox::start(faulty("slow-body@organization,slow=300ms")).await.expect("it starts");
    let address = sandbox.base_url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.expect("it listens");
    let began = Instant::now();
    socket.write_all(own(&address, &wire("GET /v1/organization", "")).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    let mut reads = 0;
    while socket.read_buf(&mut answer).await.expect("it answers") > 0 {
        reads += 1;
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    assert!(reads >= 5, "{reads}");
    assert!(answer.ends_with(b"\r\n0\r\n\r\n"), "the body is whole");
    sandbox.shutdown().await;
    let (answer, committed, _) = second_of_three(Fault::SlowBody).await;
    is_answered(&answer, "HTTP/1.1 201 ", &[]);
    assert!(committed);
}

#[tokio::test]
async fn a_huge_body_goes_on_and_on_and_holds_nobody_else() {
    let sandbox = Sandbox::start(faulty("huge@create#1")).await.expect("it starts");
    let address = sandbox.base_url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.expect("it listens");
    socket.write_all(own(&address, &wire(CREATE, &email().to_string())).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    while answer.len() < 16 * 1024 * 1024 {
        assert!(socket.read_buf(&mut answer).await.expect("it answers") > 0, "{} bytes", answer.len());
    }
    assert!(answer.starts_with(b"HTTP/1.1 201 Created\r\n"));
    let second = create(&sandbox).await;
    assert!(second.ends_with(r#"{"data":{"id":1002}}"#), "{second}");
    drop(socket);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_was_committed_before_a_dropped_connection_is_in_the_data_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SandboxOptions { data: Some(folder.path().join("data.jsonl")), ..faulty("drop-after@create#1") };
    let sandbox = Sandbox::start(options.clone()).await.expect("it starts");
    assert_eq!(create(&sandbox).await, "");
    sandbox.shutdown().await;
    let client = Client::with(SandboxOptions { faults: None, ..options }).await;
    assert_eq!(ids(&client).await, [1001]);
}

#[tokio::test]
async fn a_fault_of_a_patch_and_of_a_read_leaves_all_other_calls_alone() {
    let client = Client::with(faulty("500-after@PATCH#1,500-before@PATCH#2,429@messages#1")).await;
    let id = client.create(&email()).await;
    let failed = refused(500, "There was an internal server error while processing the request");
    assert_eq!(client.patch(id, &json!({ TEXT: "one" })).await, failed);
    assert_eq!(client.patch(id, &json!({ TEXT: "two" })).await, failed);
    let (_, shown) = client.get(&format!("/v1/conversations/{id}")).await;
    assert_eq!(shown["data"]["customAttributes"][0]["value"], "one");
    let messages = format!("/v1/conversations/{id}/messages");
    assert_eq!(client.get(&messages).await, refused(429, "Too Many Requests"));
    assert_eq!(client.get(&messages).await.0, 200);
    assert_eq!(client.patch(id, &json!({ TEXT: "three" })).await.0, 200);
}

#[tokio::test]
async fn a_request_that_is_refused_at_the_door_is_not_counted() {
    let options = SandboxOptions { rate: Some((0.01, 2)), ..faulty("500-before@organization#2") };
    let client = Client::with(options).await;
    let bare = axum::http::Request::get("/v1/organization").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(client.send(bare).await.0, 401);
    assert_eq!(client.get("/v1/organization").await.0, 200);
    assert_eq!(client.get("/v1/organization").await.0, 500);
    assert_eq!(client.get("/v1/organization").await.0, 429);
}

#[tokio::test]
async fn what_is_refused_anyway_stays_refused_when_it_is_to_be_answered_in_part() {
    let client = Client::with(faulty("partial@create")).await;
    assert_eq!(client.post("/v1/conversations", &json!({})).await, refused(400, "Decoding failure in request"));
}

#[tokio::test]
async fn an_import_with_errors_of_its_own_gets_one_more() {
    let client = Client::with(faulty("partial@import#2")).await;
    let body = super::with(email_import(), "/messages/1/attachments/0/url", json!("file:///etc/passwd"));
    let mut counts = Vec::new();
    for _ in 0..3 {
        let (status, answer) = client.post("/v1/conversations/import", &body).await;
        assert_eq!(status, 201);
        counts.push(answer["data"]["partialErrors"].as_array().map_or(0, Vec::len));
    }
    assert_eq!(counts[1], counts[0] + 1);
    assert_eq!(counts[2], counts[0]);
}

#[tokio::test(start_paused = true)]
async fn latency_comes_after_the_commit() {
    let client = Client::with(faulty("latency=40s")).await;
    let began = Instant::now();
    let given_up = timeout(Duration::from_secs(5), client.create(&email())).await;
    assert!(given_up.is_err());
    assert_eq!(ids(&client).await, [1001]);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(45) && took < Duration::from_secs(46), "{took:?}");
}

#[tokio::test]
async fn what_is_younger_than_the_lag_is_seen_by_no_read_and_can_be_patched() {
    let client = Client::with(faulty("lag=400ms")).await;
    let first = client.create(&email()).await;
    sleep(Duration::from_millis(450)).await;
    let (_, answer) = client.post("/v1/conversations/import", &email_import()).await;
    let second = answer["data"]["id"].as_i64().expect("an id");
    assert_eq!(ids(&client).await, [first]);
    let not_there = refused(404, "The requested resource could not be found");
    assert_eq!(client.get(&format!("/v1/conversations/{second}")).await, not_there);
    assert_eq!(client.get(&format!("/v1/conversations/{second}/messages")).await, not_there);
    assert_eq!(client.patch(second, &json!({ TEXT: "one" })).await.0, 200);
    sleep(Duration::from_millis(450)).await;
    assert_eq!(ids(&client).await, [second, first]);
    assert_eq!(client.get(&format!("/v1/conversations/{second}")).await.0, 200);
    assert_eq!(client.get(&format!("/v1/conversations/{second}/messages")).await.0, 200);
}

/// A conversation that a client made which hung up at once, while its commit waits.
async fn hung_up(sandbox: &Sandbox) {
    let address = sandbox.base_url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.expect("it listens");
    socket.write_all(own(&address, &wire(CREATE, &email().to_string())).as_bytes()).await.expect("it reads");
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_delayed_write_is_carried_out_and_logged_when_its_client_has_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("requests.jsonl");
    let options = SandboxOptions { request_log: Some(log.clone()), ..faulty("commit-delay=1s") };
    let sandbox = Sandbox::start(options).await.expect("it starts");
    let client = Client(Arc::clone(sandbox.service()));
    hung_up(&sandbox).await;
    assert_eq!(ids(&client).await, [] as [i64; 0]);
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(ids(&client).await, [1001]);
    assert_eq!(logged(&log)[1], (json!(201), Value::Null));
    let began = Instant::now();
    assert_eq!(client.patch(1001, &json!({ TEXT: "one" })).await.0, 200);
    assert!(began.elapsed() >= Duration::from_secs(1), "a write is answered when it was carried out");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_that_is_stopped_carries_out_what_still_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SandboxOptions { data: Some(folder.path().join("data.jsonl")), ..faulty("commit-delay=1m") };
    let sandbox = Sandbox::start(options.clone()).await.expect("it starts");
    hung_up(&sandbox).await;
    let began = Instant::now();
    sandbox.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(3));
    let client = Client::with(SandboxOptions { faults: None, ..options }).await;
    assert_eq!(ids(&client).await, [1001]);
}

#[tokio::test]
async fn an_early_answer_comes_before_the_commit() {
    let client = Client::with(faulty("500-early@create#1,commit-delay=1s")).await;
    let began = Instant::now();
    assert_eq!(client.post("/v1/conversations", &email()).await.0, 500);
    assert!(began.elapsed() < Duration::from_millis(900));
    assert_eq!(ids(&client).await, [] as [i64; 0]);
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(ids(&client).await, [1001]);
    let sandbox = Sandbox::start(faulty("drop-early@create#1")).await.expect("it starts");
    assert_eq!(create(&sandbox).await, "");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(ids(&Client(Arc::clone(sandbox.service()))).await, [1001]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn lists_alone_may_lag_and_so_may_all_that_names_a_conversation() {
    let client = Client::with(faulty("list-lag=1s")).await;
    let id = client.create(&email()).await;
    assert_eq!(ids(&client).await, [] as [i64; 0]);
    assert_eq!(client.get(&format!("/v1/conversations/{id}")).await.0, 200);
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(ids(&client).await, [id]);

    let client = Client::with(faulty("read-lag=1s")).await;
    let id = client.create(&email()).await;
    assert_eq!(ids(&client).await, [id]);
    let not_there = refused(404, "The requested resource could not be found");
    assert_eq!(client.get(&format!("/v1/conversations/{id}")).await, not_there);
    assert_eq!(client.get(&format!("/v1/conversations/{id}/messages")).await, not_there);
    assert_eq!(client.patch(id, &json!({ TEXT: "one" })).await, not_there);
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(client.patch(id, &json!({ TEXT: "one" })).await.0, 200);
}

#[tokio::test]
async fn an_incident_answers_nothing_well_and_keeps_what_it_made_out_of_lists() {
    let client = Client::with(faulty("incident=2-3,incident-lag=1s")).await;
    let first = client.create(&email()).await;
    for _ in 0..2 {
        assert_eq!(client.post("/v1/conversations", &email()).await.0, 500);
    }
    let last = client.create(&email()).await;
    assert_eq!(ids(&client).await, [last, first]);
    assert_eq!(client.get("/v1/conversations/1002").await.0, 200, "by its id it is there");
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(ids(&client).await, [last, 1003, 1002, first]);

    let client = Client::with(faulty("incident=0s..2s")).await;
    assert_eq!(client.post("/v1/conversations", &email()).await.0, 500);
    sleep(Duration::from_millis(2100)).await;
    let last = client.create(&email()).await;
    assert_eq!(ids(&client).await, [last]);
}

#[tokio::test]
async fn an_answer_without_an_id_has_its_status_and_the_conversation_exists() {
    for (fault, status, body) in [
        (Fault::Empty200, "200 OK", ""),
        (Fault::Empty201, "201 Created", ""),
        (Fault::Empty202, "202 Accepted", ""),
        (Fault::Empty204, "204 No Content", ""),
        (Fault::Text200, "200 OK", "Done"),
        (Fault::Text201, "201 Created", "Done"),
        (Fault::Text202, "202 Accepted", "Done"),
        (Fault::NoId200, "200 OK", r#"{"data":{}}"#),
        (Fault::NoId201, "201 Created", r#"{"data":{}}"#),
        (Fault::NoId202, "202 Accepted", r#"{"data":{}}"#),
        (Fault::Garbled, "201 Created", r##"{"data":{""##),
    ] {
        let (answer, committed, _) = second_of_three(fault).await;
        let answer = answer.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{fault}: {answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")) && committed, "{fault}: {answer}");
    }
    let client = Client::with(faulty("201-no-id@create")).await;
    assert_eq!(client.post("/v1/conversations", &json!({})).await, refused(400, "Decoding failure in request"));
}

#[tokio::test]
async fn a_list_may_be_refused_begin_with_nothing_or_go_in_a_circle() {
    let faults = "400@conversations#1,404@conversations#2,500-before@conversations#3,empty-page@conversations#4";
    let client = Client::with(faulty(faults)).await;
    let id = client.create(&email()).await;
    let list = format!("/v1/endusers/{REQUESTER}/conversations");
    assert_eq!(client.get(&list).await, refused(400, "Invalid value in request"));
    assert_eq!(client.get(&list).await, refused(404, "The requested resource could not be found"));
    assert_eq!(client.get(&list).await.0, 500);
    let (status, empty) = client.get(&list).await;
    assert_eq!((status, &empty["data"]), (200, &json!([])));
    let (_, next) = client.get(empty["meta"]["next"].as_str().expect("a next page")).await;
    assert_eq!(next["data"][0]["id"], id);

    let client = Client::with(faulty("circle@conversations,empty-page@GET#1")).await;
    let made = [client.create(&email()).await, client.create(&email()).await];
    let mut path = format!("{list}?pageLimit=1");
    let mut seen = Vec::new();
    for _ in 0..5 {
        let (_, page) = client.get(&path).await;
        seen.extend(page["data"].as_array().expect("a list").iter().map(|shown| shown["id"].clone()));
        page["meta"]["next"].as_str().expect("a next page").clone_into(&mut path);
    }
    assert_eq!(seen[..2], [json!(made[1]), json!(made[0])]);
    assert!(seen.len() > 4, "{seen:?}");
}

/// The documentation's samples with an external id each.
fn marked(external_id: &str) -> (Value, Value) {
    let created = super::with(email(), "/message/externalId", json!(external_id));
    (created, super::with(email_import(), "/messages/0/externalId", json!(external_id)))
}

#[tokio::test]
async fn a_repeated_external_id_is_refused_or_makes_a_second_conversation_as_the_plan_says() {
    let (created, imported) = marked("one");
    for (plan, creation, import) in
        [("slow=1s", 400, 201), ("duplicates=refuse", 400, 400), ("duplicates=accept", 201, 201)]
    {
        let client = Client::with(faulty(plan)).await;
        for (path, body, second) in [
            ("/v1/conversations", &created, creation),
            ("/v1/conversations/import", &super::with(imported.clone(), "/externalId", json!("two")), import),
        ] {
            let body = &super::with(body.clone(), "/externalId", json!(path));
            let body = if path.ends_with("import") {
                super::with(body.clone(), "/messages/0/externalId", json!("other"))
            } else {
                body.clone()
            };
            assert_eq!(client.post(path, &body).await.0, 201, "{plan}");
            assert_eq!(client.post(path, &body).await.0, second, "{plan}: {path}");
        }
    }
}

#[tokio::test]
async fn the_refusal_of_an_external_id_is_worded_as_the_plan_says_also_when_it_is_a_lie() {
    let (created, _) = marked("one");
    let client =
        Client::with(faulty("wording=external_id {id} in use,duplicate-before@create#3,duplicate-after@create#4"))
            .await;
    assert_eq!(client.post("/v1/conversations", &created).await.0, 201);
    let refusal = refused(400, "external_id one in use");
    assert_eq!(client.post("/v1/conversations", &created).await, refusal);
    let (other, _) = marked("two");
    let lie = refused(400, "external_id two in use");
    assert_eq!(client.post("/v1/conversations", &other).await, lie);
    assert_eq!(ids(&client).await, [1001]);
    assert_eq!(client.post("/v1/conversations", &other).await, lie);
    assert_eq!(ids(&client).await, [1002, 1001]);

    let client = Client::with(faulty("wording=vary")).await;
    let mut said = std::collections::BTreeSet::new();
    for _ in 0..30 {
        said.insert(client.post("/v1/conversations", &created).await.1["message"].as_str().map(str::to_owned));
    }
    assert!(said.len() > 4, "{said:?}");
}

#[tokio::test]
async fn every_write_can_fail_before_and_after_its_commit() {
    let client =
        Client::with(faulty("500-before@write#2,500-after@write#3,500-before@write#4,500-after@write#5")).await;
    let id = client.create(&email()).await;
    for (text, read) in [("one", Value::Null), ("two", json!("two"))] {
        assert_eq!(client.patch(id, &json!({ TEXT: text })).await.0, 500);
        let (_, shown) = client.get(&format!("/v1/conversations/{id}")).await;
        assert_eq!(shown["data"]["customAttributes"][0]["value"], read);
    }
    for count in [1, 2] {
        assert_eq!(client.post("/v1/conversations/import", &email_import()).await.0, 500);
        assert_eq!(ids(&client).await.len(), count);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let client = Client::with(faulty(&format!("seed={seed},rate=0.5,kinds=429+500-before+500-after"))).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(client.post("/v1/conversations", &email()).await.0);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn the_line_of_a_request_names_its_fault() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let options = SandboxOptions {
        log_to: Some(LogTo::new(move |line: &str| sink.lock().expect("no panic").push(line.to_owned()))),
        ..faulty("drop-after@create#1,500-after@create#2")
    };
    let sandbox = Sandbox::start(options).await.expect("it starts");
    for _ in 0..3 {
        create(&sandbox).await;
    }
    sandbox.shutdown().await;
    let lines = lines.lock().expect("no panic");
    let without_time: Vec<String> = lines
        .iter()
        .map(|line| {
            let words = line.split(' ').enumerate().filter(|(index, _)| *index != 3);
            words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        without_time,
        [
            "POST /v1/conversations - ms fault drop-after",
            "POST /v1/conversations 500 ms fault 500-after",
            "POST /v1/conversations 201 ms"
        ]
    );
}
