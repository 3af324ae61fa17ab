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
    let head = "host: x\r\nauthorization: t\r\nconnection: close\r\n";
    format!("{line} HTTP/1.1\r\n{head}content-length: {}\r\n\r\n{body}", body.len())
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
    is_answered(&answer, "HTTP/1.1 401 ", &["User is unauthorized"]);
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
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let began = Instant::now();
    socket.write_all(wire("GET /v1/organization", "").as_bytes()).await.expect("it reads");
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
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    socket.write_all(wire(CREATE, &email().to_string()).as_bytes()).await.expect("it reads");
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
