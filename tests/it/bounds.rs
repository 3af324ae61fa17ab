//! Servers and files that are far too large or slow: every command ends soon and says what went wrong.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Outcome, Server, Stub, Workspace};

/// A server whose answers depend on the request line; it keeps all it was sent.
struct Tiny {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Tiny {
    fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                let first = request.lines().next().unwrap_or_default().to_owned();
                seen.lock().unwrap().push(request);
                // If the client is gone, the test handles it.
                let _ = stream.write_all(answer(&first).as_bytes());
            }
        });
        Tiny { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).unwrap_or(0) > 0 {}
    let length =
        request.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = reader.read_exact(&mut body);
    request
}

fn answered(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

fn as_json(body: &Value) -> String {
    answered("200 OK", "Content-Type: application/json\r\n", &body.to_string())
}

fn organization() -> String {
    as_json(&json!({"data": {"id": "6d694e30-68d3-4297-919c-54ddaaba3b3d", "name": "Example"}}))
}

/// A workspace whose tenant is at this URL, with a short patience.
fn at(base_url: &str) -> Workspace {
    let workspace = Workspace::new().with_tenant(base_url).file("manifests/legacy.yaml", LEGACY);
    workspace.edit("dixaform.yaml", "apiKeyEnv", "requestTimeout: 300ms, settle: 10ms, apiKeyEnv");
    workspace
}

/// Beside a sandbox with these faults.
fn beside(faults: &str) -> (Workspace, Server) {
    let workspace = Workspace::new();
    let flags = format!("--no-rate-limit --data data.jsonl --request-log requests.jsonl --faults {faults}");
    let server = Server::start(&workspace, &flags);
    let workspace = workspace
        .with_tenant(&server.base_url())
        .file("manifests/order.yaml", ORDER)
        .file("manifests/legacy.yaml", LEGACY);
    workspace.edit("dixaform.yaml", "apiKeyEnv", "requestTimeout: 500ms, settle: 10ms, apiKeyEnv");
    (workspace, server)
}

/// Runs a line that must end in this time.
#[track_caller]
fn within(seconds: u64, workspace: &Workspace, line: &str) -> Outcome {
    let start = Instant::now();
    let outcome = workspace.run(line);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(seconds), "`{line}` took {took:?}: {outcome:?}");
    outcome
}

// Servers.

#[test]
fn a_server_that_is_never_any_good_ends_the_run_with_1_after_some_tries() {
    let html = "<html><title>Sign in to the Wi-Fi</title></html>";
    let answer = |status: &'static str, headers: &'static str, body: &'static str| {
        Tiny::start(move |_| answered(status, headers, body)).url()
    };
    let servers = [
        (Stub::silent().base_url(), "no answer within 300ms"),
        (answer("200 OK", "Content-Type: text/html\r\n", html), "the answer could not be read"),
        (answer("200 OK", "", ""), "the answer could not be read"),
        (answer("200 OK", "", "{\"data\": []}"), "the answer could not be read"),
        (answer("500 Internal Server Error", "", html), "Internal Server Error (500)"),
        (answer("204 No Content", "", ""), "the answer could not be read"),
        (Tiny::start(|_| "garbage".into()).url(), "GET /v1/organization"),
        (Tiny::start(|_| String::new()).url(), "GET /v1/organization"),
        (Tiny::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"da".into()).url(), "GET /v1/organization"),
        ("http://127.0.0.1:1".to_owned(), "GET /v1/organization"),
    ];
    // They wait most of the time: all at once.
    std::thread::scope(|scope| {
        for (url, says) in servers {
            scope.spawn(move || {
                let workspace = at(&url);
                let outcome = within(30, &workspace, "apply --yes").exit(1).warns(says).warns("nothing was changed");
                let _ = outcome.warns("GET /v1/organization").never_says("Wi-Fi");
                assert!(!workspace.exists("state/local.json"), "{says}");
            });
        }
    });
}

#[test]
fn whatever_becomes_of_single_answers_everything_is_made_once() {
    // They wait most of the time: all at once.
    std::thread::scope(|scope| {
        for fault in ["hang", "hang-after", "huge", "rubbish", "slow-body", "drop-after", "500-after", "500-before"] {
            scope.spawn(move || made_once_in_spite_of(fault));
        }
    });
}

/// The first of each kind of call goes wrong in this way.
#[track_caller]
fn made_once_in_spite_of(fault: &str) {
    // That nothing was made is believed after two minutes only.
    let makes_nothing = ["hang", "500-before"].contains(&fault);
    let made: &[&str] = if makes_nothing { &[] } else { &["create", "import", "messages"] };
    let calls = ["organization", "definitions", "PATCH"].iter().chain(made);
    let faults: Vec<String> = calls.map(|call| format!("{fault}@{call}#1")).collect();
    let (workspace, _server) = beside(&format!("{},slow=30s", faults.join(",")));
    let applied = within(60, &workspace, "apply --yes").exit(0);
    assert_eq!(applied.last_line(), "Apply complete! 1 created, 1 imported, 0 updated.", "{fault}");
    let data = workspace.read("data.jsonl");
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.filter(|line| line["conversation"]["id"].is_i64()).count(), 2, "{fault}");
    let _ = workspace.run("plan --detailed-exitcode").exit(0);
}

#[test]
fn the_token_goes_to_no_other_host_however_it_is_redirected() {
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let other = Tiny::start(|_| organization());
        let target = other.url();
        let first = Tiny::start(move |_| answered(status, &format!("Location: {target}/v1/organization\r\n"), ""));
        let workspace = at(&first.url());
        let outcome = within(10, &workspace, "apply --yes").exit(1);
        let _ = outcome.warns(&format!("redirected to {}", other.url())).warns("redirects are not followed");
        assert_eq!((first.requests().len(), other.requests().len()), (1, 0), "{status}");
    }
}

/// A tenant whose lists go on at `next`.
fn with_next_page(next: &str) -> (Tiny, Workspace) {
    let next = next.to_owned();
    let server = Tiny::start(move |line| match line {
        _ if line.contains("/organization") => organization(),
        _ if line.contains("/endusers/") => as_json(&json!({
            "data": [{
                "id": 7, "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "createdAt": "2021-12-01T13:00:00Z",
                "_type": "EmailConversation", "channel": "Email", "initialChannel": "Email", "state": "Open",
                "customAttributes": [],
            }],
            "meta": {"next": next},
        })),
        _ if line.starts_with("POST ") => {
            answered("201 Created", "Content-Type: application/json\r\n", "{\"data\": {\"id\": 8}}")
        }
        _ => answered("404 Not Found", "", "{}"),
    });
    let workspace = at(&server.url());
    workspace.edit("dixaform.yaml", "apiKeyEnv", "markers: false, apiKeyEnv");
    (server, workspace)
}

#[test]
fn the_token_goes_to_no_other_host_by_the_link_to_a_next_page() {
    let other = Tiny::start(|_| organization());
    let (server, workspace) = with_next_page(&format!("{}/v1/endusers/x/conversations?pageKey=2", other.url()));
    let _ = within(10, &workspace, "apply --yes").exit(1).warns("leads to").warns("was not followed");
    assert_eq!(other.requests().len(), 0);
    let sent = server.requests();
    assert!(!sent.iter().any(|request| request.starts_with("POST ")), "{sent:?}");
}

#[test]
fn a_list_whose_next_page_is_the_same_page_ends_and_is_not_taken_for_the_whole() {
    let list = "/v1/endusers/9c2a2cce-699f-4a72-89d9-fda5bc8dec8b/conversations";
    let (server, workspace) = with_next_page(&format!("{list}?pageKey=2"));
    let _ = within(10, &workspace, "apply --yes").exit(1).warns("leads back to an earlier page");
    assert!(!server.requests().iter().any(|request| request.starts_with("POST ")));
    let lists = server.requests().iter().filter(|request| request.contains("/endusers/")).count();
    assert!(lists <= 3, "{lists}");
}

#[test]
fn a_message_of_the_server_is_cut_to_a_bearable_length() {
    let long = format!("{{\"message\": \"{}\"}}", "x".repeat(60_000));
    let server = Tiny::start(move |_| answered("400 Bad Request", "", &long));
    let workspace = at(&server.url());
    let outcome = within(10, &workspace, "apply --yes").exit(1);
    assert!(outcome.stderr.len() < 4_000, "{}", outcome.stderr.len());
}

#[test]
fn partial_errors_without_end_are_cut_and_a_token_in_them_is_not_kept() {
    let error = format!("no attachment for the-secret-token {}", "x".repeat(2_000));
    let body = json!({"data": {"id": 8, "partialErrors": vec![json!({"message": error}); 2_000]}}).to_string();
    let server = Tiny::start(move |line| match line {
        _ if line.starts_with("POST ") => answered("201 Created", "Content-Type: application/json\r\n", &body),
        _ if line.contains("/endusers/") => as_json(&json!({"data": []})),
        _ => organization(),
    });
    let workspace = at(&server.url());
    let outcome = within(10, &workspace, "apply --yes").exit(0).says("with partial errors").says("and 1900 more");
    let state = workspace.read("state/local.json");
    assert!(outcome.stdout.len() + state.len() < 250_000, "{} {}", outcome.stdout.len(), state.len());
    let _ = outcome.never_says("the-secret-token");
    assert!(!state.contains("the-secret-token"));
}

// Files.

/// Checks a file, and standard input with the same text.
#[track_caller]
fn refused(name: &str, text: &str, says: &str) {
    let workspace = Workspace::new();
    workspace.write(name, text);
    for (line, input) in [(format!("validate {name}"), ""), ("validate -".to_owned(), text)] {
        let start = Instant::now();
        let outcome = workspace.run_with_input(&line, input);
        assert!(start.elapsed() < Duration::from_secs(20), "{line}");
        assert_eq!(outcome.code, 1, "{line}: {}", outcome.stderr);
        assert!(outcome.stdout.contains(says), "{line}: no {says:?} in {:.2000}", outcome.stdout);
        assert!(outcome.stdout.len() + outcome.stderr.len() < 200_000, "{line} says {} bytes", outcome.stdout.len());
        let _ = outcome.never_says("panicked");
    }
}

#[test]
fn a_file_of_20_mb_is_too_large() {
    refused("big.yaml", &email("a").repeat(20_000_000 / email("a").len()), "16");
    refused("big.yaml", &format!("{}# {}\n", email("a"), "x".repeat(20_000_000)), "16");
}

#[test]
fn a_file_of_16_mib_is_read_and_one_with_a_byte_more_is_not() {
    let filled = |size: usize| {
        let manifest = email("a");
        format!("{manifest}#{}\n", "x".repeat(size - manifest.len() - 2))
    };
    let (fits, too_large) = (filled(16 << 20), filled((16 << 20) + 1));
    refused("big.yaml", &too_large, "16");
    let workspace = Workspace::new();
    workspace.write("big.yaml", &fits);
    for (line, input) in [("validate big.yaml", ""), ("validate -", &fits)] {
        let outcome = workspace.run_with_input(line, input);
        assert_eq!(outcome.code, 0, "{line}: {} {}", outcome.stdout, outcome.stderr);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = 10_000;
    refused("deep.yaml", &"[".repeat(deep), "deep");
    refused("deep.yaml", &format!("{}{}", "[".repeat(deep), "]".repeat(deep)), "deep");
    refused("deep.yaml", &"- ".repeat(deep), "deep");
    refused("deep.yaml", &format!("{}1{}", "{a: ".repeat(deep), "}".repeat(deep)), "deep");
    refused("deep.json", &format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)), "deep");
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    refused("bomb.yaml", &bomb, "alias");
}

#[test]
fn thousands_of_documents_with_a_mistake_each_are_reported_within_bounds() {
    let text: String = (0..3_000).map(|number| format!("---\n{}", email(&format!("m{number}")))).collect();
    let workspace = Workspace::new().file("many.yaml", &text);
    let _ = within(30, &workspace, "validate many.yaml").exit(0).says("3,000 manifests: ");
    let wrong = text.replace("subject:", "subjekt:");
    workspace.write("many.yaml", wrong);
    let outcome = within(30, &workspace, "validate many.yaml").exit(1).says("subjekt");
    assert!(outcome.stdout.len() < 4_000_000, "{}", outcome.stdout.len());
}
