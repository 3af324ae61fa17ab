//! Tokens, limits, logs, the socket.

#![expect(clippy::disallowed_methods, reason = "the tests look at the request log")]

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Client, email, refused, request, with};
use crate::sandbox::{LogTo, Sandbox, SandboxError, SandboxOptions, Service};

const UNAUTHORIZED: &str = "Unauthorized";

async fn get_with_token(client: &Client, token: &str) -> (u16, Value) {
    let request = Request::get("/v1/organization").header(header::AUTHORIZATION, token);
    client.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn without_a_token_nothing_is_answered() {
    let client = Client::lenient().await;
    let bare = Request::get("/v1/organization").body(Body::empty()).expect("a request");
    assert_eq!(client.send(bare).await, refused(401, UNAUTHORIZED));
    for empty in ["", " ", "Bearer", "Bearer "] {
        assert_eq!(get_with_token(&client, empty).await, refused(401, UNAUTHORIZED), "{empty:?}");
    }
    for token in ["abc", "Bearer abc", "bearerabc"] {
        assert_eq!(get_with_token(&client, token).await.0, 200, "{token}");
    }
}

#[tokio::test]
async fn beyond_the_burst_a_token_gets_429_with_and_without_its_scheme() {
    let options = SandboxOptions { rate: Some((0.01, 4)), ..SandboxOptions::default() };
    let client = Client::with(options).await;
    for token in ["abc", "Bearer abc", "abc", "bearer abc"] {
        assert_eq!(get_with_token(&client, token).await.0, 200);
    }
    assert_eq!(get_with_token(&client, "abc").await, refused(429, "Too Many Requests"));
    assert_eq!(get_with_token(&client, "other").await.0, 200);
}

#[tokio::test]
async fn a_request_beyond_the_limit_changes_nothing() {
    let client = Client::with(SandboxOptions { rate: Some((0.01, 1)), ..SandboxOptions::default() }).await;
    client.create(&email()).await;
    assert_eq!(client.post("/v1/conversations", &email()).await, refused(429, "Too Many Requests"));
    let other = Request::get("/v1/conversations/1002").header(header::AUTHORIZATION, "other");
    assert_eq!(client.send(other.body(Body::empty()).expect("a request")).await.0, 404);
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413() {
    let client = Client::lenient().await;
    let body = "x".repeat(8 * 1024 * 1024 + 1);
    let answer = client.send(request("POST", "/v1/conversations", body)).await;
    assert_eq!(answer, refused(413, "Request body is too large"));
}

#[tokio::test]
async fn a_rate_that_is_no_rate_does_not_start() {
    let options = SandboxOptions { rate: Some((0.0, 4)), ..SandboxOptions::default() };
    assert!(matches!(Service::open(options).await.err(), Some(SandboxError::Rate { .. })));
}

#[tokio::test]
async fn a_wrong_seed_does_not_start() {
    let options = SandboxOptions { seed: Some(json!({ "agent": [] })), ..SandboxOptions::default() };
    assert!(matches!(Service::open(options).await.err(), Some(SandboxError::Seed(problems)) if problems.len() == 1));
}

#[tokio::test]
async fn a_seed_names_its_own_organization_and_people() {
    let id = "0e4d0ead-dc69-470a-9b3a-e7eb16a56453";
    let seed = json!({
        "organization": { "id": "org-1", "subdomain": "acme" },
        "endUsers": [{ "id": id, "displayName": "Carol", "email": "carol@acme.example" }],
        "emailIntegrations": ["acme@email.dixa.io"],
    });
    let client = Client::with(SandboxOptions { seed: Some(seed), strict: true, ..SandboxOptions::default() }).await;
    let (_, organization) = client.get("/v1/organization").await;
    assert_eq!(organization["data"]["id"], "org-1");
    assert_eq!(organization["data"]["name"], "Example Organization");
    let body = with(with(email(), "/requesterId", json!(id)), "/emailIntegrationId", json!("acme@email.dixa.io"));
    client.create(&body).await;
    let (_, end_user) = client.get(&format!("/v1/endusers/{id}")).await;
    assert_eq!(end_user["data"]["displayName"], "Carol");
}

#[tokio::test]
async fn the_request_log_has_every_request_and_never_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("requests.jsonl");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let options = SandboxOptions {
        request_log: Some(path.clone()),
        log_to: Some(LogTo::new(move |line: &str| sink.lock().expect("no panic").push(line.to_owned()))),
        ..SandboxOptions::default()
    };
    let client = Client::with(options).await;
    client.create(&email()).await;
    client.send(request("POST", "/v1/conversations", "not json".to_owned())).await;
    get_with_token(&client, "s3cret").await;
    let text = fs::read_to_string(&path).expect("reads");
    let mut entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for entry in &mut entries {
        assert!(entry["at"].take().as_str().expect("a time").ends_with('Z'));
    }
    assert_eq!(
        entries,
        [
            json!({ "at": null, "method": "POST", "path": "/v1/conversations", "status": 201, "body": email() }),
            json!({ "at": null, "method": "POST", "path": "/v1/conversations", "status": 400, "body": null }),
            json!({ "at": null, "method": "GET", "path": "/v1/organization", "status": 200, "body": null }),
        ]
    );
    assert!(!text.contains("s3cret"));
    let lines = lines.lock().expect("no panic");
    assert!(lines[0].starts_with("POST /v1/conversations 201 ") && lines[0].ends_with(" ms"), "{}", lines[0]);
}

/// One request over a socket of its own, and the whole answer.
pub(super) async fn over_socket(base_url: &str, request: &str) -> String {
    let address = base_url.strip_prefix("http://").expect("plain http");
    let request = request.replace("host: own\r\n", &format!("host: {address}\r\n"));
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test]
async fn it_speaks_http_on_loopback_until_it_is_shut_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("sandbox.jsonl");
    let options = SandboxOptions { data: Some(data), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options.clone()).await.expect("it starts");
    let base_url = sandbox.base_url();
    assert!(base_url.starts_with("http://127.0.0.1:"), "{base_url}");
    let body = email().to_string();
    let head = "POST /v1/conversations HTTP/1.1\r\nhost: own\r\nauthorization: t\r\nconnection: close\r\n";
    let answer = over_socket(&base_url, &format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"data":{"id":1001}}"#), "{answer}");

    // A connection that nobody closes, in the middle of a request, holds neither the shutdown nor the data file.
    let mut idle = TcpStream::connect(base_url.trim_start_matches("http://")).await.expect("it listens");
    idle.write_all(head.as_bytes()).await.expect("it reads");
    let began = Instant::now();
    sandbox.shutdown().await;
    assert!(began.elapsed() < Duration::from_millis(1500));
    assert!(TcpStream::connect(base_url.trim_start_matches("http://")).await.is_err(), "nobody listens any more");
    let again = Sandbox::start(options).await.expect("the data file is free");
    again.shutdown().await;
}

#[tokio::test]
async fn it_answers_under_its_own_names_alone() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("it starts");
    let (_, port) =
        sandbox.base_url().rsplit_once(':').map(|(name, port)| (name.to_owned(), port.to_owned())).expect("a port");
    let status = async |hosts: &str| {
        let request = format!("GET /v1/organization HTTP/1.1\r\n{hosts}authorization: t\r\nconnection: close\r\n\r\n");
        let answer = over_socket(&sandbox.base_url(), &request).await;
        answer.split(' ').nth(1).map(str::to_owned).expect("a status")
    };
    for own in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        assert_eq!(status(&format!("host: {own}:{port}\r\n")).await, "200", "{own}");
    }
    for other in ["evil.example", "127.0.0.1", "localhost", "localhost.evil.example", "[::2]", "127.0.0.1:1@evil"] {
        assert_eq!(status(&format!("host: {other}\r\n")).await, "421", "{other}");
        assert_eq!(
            status(&format!("host: {other}:{port}\r\n")).await.starts_with('2'),
            ["127.0.0.1", "localhost"].contains(&other),
            "{other}"
        );
    }
    assert_ne!(status("").await, "200");
    assert_ne!(status(&format!("host: localhost:{port}\r\nhost: evil.example\r\n")).await, "200");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let first = Sandbox::start(SandboxOptions::default()).await.expect("it starts");
    let port: u16 = first.base_url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let error = Sandbox::start(SandboxOptions { port, ..SandboxOptions::default() }).await.expect_err("it is taken");
    assert_eq!(error.to_string(), format!("could not listen on 127.0.0.1:{port}"));
}
