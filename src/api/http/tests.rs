use super::*;

use crate::api::tests::loopback::{Answer as Says, Server};
use crate::conversation::AttributeValue;
use crate::json;

const SECRET: &str = "t0ken-that-nobody-may-see";
const REQUESTER: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";

fn options(server: &Server) -> HttpOptions {
    HttpOptions {
        base_url: server.url(),
        token: Token::new(SECRET).expect("a token"),
        auth_scheme: AuthScheme::Bare,
        timeout: Duration::from_secs(10),
        rate: RateLimit { requests_per_second: 1000.0, burst: 100 },
        user_agent: "dixaform/test".to_owned(),
    }
}

fn client(server: &Server) -> HttpClient {
    HttpClient::new(options(server)).expect("a client")
}

fn body() -> Map<String, Value> {
    let body = json::parse(r#"{"requesterId":"r","attachments":[],"_type":"Email"}"#).expect("valid");
    body.as_object().expect("a map").clone()
}

/// One POST against a server that answers as told, and how often the server saw it.
async fn make(answer: Says) -> (Result<Created, CallError>, usize) {
    let server = Server::start([answer]).await;
    let writer = client(&server).writer();
    let permit = writer.permit().await;
    let result = writer.make(permit, Kind::Conversation, &body()).await;
    // Whatever would be sent once more would be sent by now.
    tokio::time::sleep(Duration::from_millis(20)).await;
    (result, server.seen().len())
}

fn lost(result: Result<Created, CallError>) -> String {
    match result {
        Err(CallError::Lost { message } | CallError::Unreadable { message, .. }) => message,
        other => panic!("not lost: {other:?}"),
    }
}

#[tokio::test]
async fn a_post_carries_the_bare_token_and_the_spec_as_written() {
    let server = Server::start([Says::json(201, r#"{"data":{"id":100}}"#)]).await;
    let writer = client(&server).writer();
    for (kind, line) in
        [(Kind::Conversation, "POST /v1/conversations"), (Kind::Import, "POST /v1/conversations/import")]
    {
        let permit = writer.permit().await;
        let created = writer.make(permit, kind, &body()).await.expect("created");
        assert_eq!(created.id, Id::conversation(100));
        let seen = server.seen().pop().expect("one request");
        assert_eq!(seen.line, line);
        assert_eq!(seen.header("authorization"), Some(SECRET));
        assert_eq!(seen.header("content-type"), Some("application/json"));
        assert_eq!(seen.header("user-agent"), Some("dixaform/test"));
        assert_eq!(seen.body, r#"{"requesterId":"r","attachments":[],"_type":"Email"}"#);
    }
    assert_eq!((server.seen().len(), server.connections()), (2, 1), "the connection is kept");
}

#[tokio::test]
async fn the_scheme_word_is_sent_when_asked_for() {
    let server = Server::start([Says::json(200, r#"{"data":{"id":"o"}}"#)]).await;
    let options =
        HttpOptions { auth_scheme: AuthScheme::Bearer, base_url: format!("{}/v1/", server.url()), ..options(&server) };
    HttpClient::new(options).expect("a client").reader().organization().await.expect("read");
    assert_eq!(server.seen()[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(server.seen()[0].line, "GET /v1/organization");
}

#[tokio::test]
async fn every_status_says_what_is_certain() {
    let message = "It is so.".to_owned();
    for (status, expected) in [
        (400, CallError::Rejected { status: 400, message: message.clone() }),
        (404, CallError::Rejected { status: 404, message: message.clone() }),
        (401, CallError::Unauthorized { status: 401, message: message.clone() }),
        (403, CallError::Unauthorized { status: 403, message: message.clone() }),
        (429, CallError::RateLimited { retry_after: None, message: message.clone() }),
        (500, CallError::ServerError { status: 500, message: message.clone() }),
        (503, CallError::ServerError { status: 503, message: message.clone() }),
    ] {
        let (result, sent) = make(Says::json(status, r#"{"message":"It is so."}"#)).await;
        let error = result.unwrap_err();
        assert_eq!((&error, sent), (&expected, 1));
        assert_eq!((error.status(), error.surely_not_done()), (Some(status), status < 500));
    }
}

#[tokio::test]
async fn an_error_without_a_readable_body_still_has_its_status() {
    let (result, _) = make(Says::json(502, "<html>Bad gateway</html>")).await;
    assert_eq!(result, Err(CallError::ServerError { status: 502, message: "Bad Gateway".to_owned() }));
    let huge = format!(r#"{{"message":"{}"}}"#, "x".repeat(100_000));
    let (result, _) = make(Says::json(400, &huge)).await;
    assert_eq!(result, Err(CallError::Rejected { status: 400, message: "Bad Request".to_owned() }));
}

#[tokio::test]
async fn a_429_passes_on_the_pause_that_it_asks_for_and_stops_the_sending() {
    let server = Server::start([
        Says::json(429, r#"{"message":"slow"}"#).with("Retry-After", "1"),
        Says::json(200, r#"{"data":[]}"#),
    ])
    .await;
    let writer = client(&server).writer();
    let permit = writer.permit().await;
    let error = writer.patch_attributes(permit, Id::conversation(7), &Attributes::new()).await.unwrap_err();
    assert_eq!(error, CallError::RateLimited { retry_after: Some(Duration::from_secs(1)), message: "slow".to_owned() });
    let began = Instant::now();
    let _permit = writer.permit().await;
    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_refused_connection_is_surely_not_done() {
    let server = Server::start([Says::Never]).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}", nobody.local_addr().expect("bound"));
    drop(nobody);
    let writer = HttpClient::new(HttpOptions { base_url, ..options(&server) }).expect("a client").writer();
    let permit = writer.permit().await;
    let error = writer.make(permit, Kind::Import, &body()).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error:?}");
    assert!(error.surely_not_done() && error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_broken_connection_is_perhaps_done_and_never_sent_again() {
    for (answer, sent_at_most) in [(Says::DropUnread, 0), (Says::DropRead, 1), (Says::Truncated, 1)] {
        let server = Server::start([answer.clone()]).await;
        let writer = client(&server).writer();
        let permit = writer.permit().await;
        lost(writer.make(permit, Kind::Conversation, &body()).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!((server.seen().len(), server.connections()), (sent_at_most, 1), "{answer:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_breaks_under_a_post_does_not_send_it_again() {
    let server = Server::start([Says::json(201, r#"{"data":{"id":1}}"#), Says::DropRead]).await;
    let writer = client(&server).writer();
    let permit = writer.permit().await;
    writer.make(permit, Kind::Conversation, &body()).await.expect("created");
    let permit = writer.permit().await;
    lost(writer.make(permit, Kind::Conversation, &body()).await);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((server.seen().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn silence_is_perhaps_done_after_the_timeout() {
    let server = Server::start([Says::Never]).await;
    let options = HttpOptions { timeout: Duration::from_millis(200), ..options(&server) };
    let writer = HttpClient::new(options).expect("a client").writer();
    let permit = writer.permit().await;
    let message = lost(writer.make(permit, Kind::Conversation, &body()).await);
    assert_eq!((message.as_str(), server.seen().len()), ("no answer within 200ms", 1));
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_rubbish_or_without_an_id_says_that_it_was_done() {
    let large = Says::json(201, &" ".repeat(9 * 1024 * 1024));
    let (result, sent) = make(large).await;
    assert_eq!((lost(result).as_str(), sent), ("the answer is larger than 8388608 bytes", 1));
    for rubbish in ["<html>", "", "{}", r#"{"data":{}}"#, r#"{"data":{"id":0}}"#] {
        let (result, sent) = make(Says::json(201, rubbish)).await;
        assert!(lost(result).starts_with("the answer could not be read: "), "{rubbish}");
        assert_eq!(sent, 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let other = Server::start([Says::json(200, r#"{"data":{"id":"stolen"}}"#)]).await;
    for status in [301, 302, 307, 308] {
        let target = format!("http://localhost:{}/v1/organization", other.address.port());
        let server = Server::start([Says::json(status, "").with("Location", &target)]).await;
        let error = client(&server).reader().organization().await.unwrap_err();
        assert!(matches!(error, CallError::Rejected { status: code, .. } if code == status), "{error:?}");
        assert!(error.message().contains("redirects are not followed"), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
    assert_eq!(other.connections(), 0);
}

fn page(ids: &[i64], next: Option<&str>) -> Says {
    let items: Vec<_> = ids
        .iter()
        .map(|id| {
            format!(r#"{{"id":{id},"requesterId":"{REQUESTER}","channel":"Email","createdAt":"2020-12-16T09:41:43Z"}}"#)
        })
        .collect();
    let next = next.map(|next| format!(r#","meta":{{"next":"{next}"}}"#)).unwrap_or_default();
    Says::json(200, &format!(r#"{{"data":[{}]{next}}}"#, items.join(",")))
}

async fn ids(server: &Server) -> Result<Vec<i64>, CallError> {
    let found = client(server).reader().conversations_of(REQUESTER).await?;
    Ok(found.into_iter().map(|reading| reading.id.0).collect())
}

#[tokio::test]
async fn all_pages_are_read_and_each_conversation_is_listed_once_in_order() {
    let link = format!("/endusers/{REQUESTER}/conversations?pageKey");
    let server = Server::start([
        page(&[9, 3], Some(&format!("/v1{link}=2"))),
        page(&[5], Some(&format!("{link}=3"))),
        page(&[3, 1], None),
    ])
    .await;
    assert_eq!(ids(&server).await, Ok(vec![1, 3, 5, 9]));
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    let path = format!("GET /v1/endusers/{REQUESTER}/conversations");
    assert_eq!(lines, [path.clone(), format!("{path}?pageKey=2"), format!("{path}?pageKey=3")]);
    assert!(server.seen().iter().all(|seen| seen.header("authorization") == Some(SECRET)));
}

#[tokio::test]
async fn a_list_with_a_circle_or_an_empty_page_that_is_not_the_last_is_an_error() {
    for second in [page(&[2], Some("?pageKey=2")), page(&[], Some("?pageKey=3"))] {
        let server = Server::start([page(&[1], Some("?pageKey=2")), second]).await;
        let error = ids(&server).await.expect_err("a part is not the whole");
        assert!(error.message().ends_with("so the list may be incomplete"), "{error}");
        assert_eq!(server.seen().len(), 2);
    }
    let server = Server::start([page(&[1], Some("?pageKey=2")), page(&[], None)]).await;
    assert_eq!((ids(&server).await, server.seen().len()), (Ok(vec![1]), 2));
}

#[tokio::test]
async fn a_next_page_elsewhere_is_refused_and_the_token_stays_here() {
    let other = Server::start([page(&[2], None)]).await;
    let server = Server::start([page(&[1], Some(&format!("{}/v1/x?pageKey=2", other.url())))]).await;
    let error = ids(&server).await.unwrap_err();
    assert!(error.message().contains("was not followed"), "{error}");
    assert_eq!((server.seen().len(), other.connections()), (1, 0));
}

#[tokio::test]
async fn a_read_is_tried_again_after_what_passes_and_not_after_what_stays() {
    let good = Says::json(200, r#"{"data":{"id":"o-1","name":"Example"}}"#);
    for passing in [Says::json(500, "{}"), Says::DropUnread, Says::DropRead, Says::json(200, "<html>")] {
        let server = Server::start([passing.clone(), good.clone()]).await;
        let organization = client(&server).reader().organization().await.expect("the second attempt");
        assert_eq!(organization, Organization { id: "o-1".to_owned(), name: "Example".to_owned() }, "{passing:?}");
    }
    for staying in [400, 401, 403, 404] {
        let server = Server::start([Says::json(staying, "{}"), good.clone()]).await;
        assert_eq!(client(&server).reader().organization().await.unwrap_err().status(), Some(staying));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    // gzip of {"data":{"id":"o-1","name":"Zipped"}}
    let body = vec![
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0x49, 0x2c, 0x49, 0x54, 0xb2,
        0xaa, 0x56, 0xca, 0x4c, 0x51, 0xb2, 0x52, 0xca, 0xd7, 0x35, 0x54, 0xd2, 0x51, 0xca, 0x4b, 0xcc, 0x4d, 0x05,
        0x72, 0xa2, 0x32, 0x0b, 0x0a, 0x52, 0x53, 0x94, 0x6a, 0x6b, 0x01, 0xd5, 0xcd, 0x0f, 0x38, 0x25, 0x00, 0x00,
        0x00,
    ];
    let server =
        Server::start([Says::Http { status: 200, headers: vec![("Content-Encoding", "gzip".into())], body }]).await;
    assert_eq!(client(&server).reader().organization().await.expect("read").name, "Zipped");
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn attributes_are_patched_and_an_empty_answer_is_no_failure() {
    let id = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
    let answer = format!(r#"{{"data":[{{"id":"{id}","name":"A","identifier":"a","value":"012345"}}]}}"#);
    let server = Server::start([Says::json(200, &answer), Says::json(204, "")]).await;
    let writer = client(&server).writer();
    let attributes = Attributes::from([(id.to_owned(), AttributeValue::Text("012345".to_owned()))]);
    let permit = writer.permit().await;
    let patched = writer.patch_attributes(permit, Id::conversation(42), &attributes).await.expect("patched");
    assert_eq!((patched.len(), patched[0].id.as_str()), (1, id));
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "PATCH /v1/conversations/42/custom-attributes");
    assert_eq!(seen.body, format!(r#"{{"{id}":"012345"}}"#));
    let permit = writer.permit().await;
    assert_eq!(writer.patch_attributes(permit, Id::conversation(42), &attributes).await, Ok(vec![]));
}

#[tokio::test]
async fn a_server_that_repeats_the_token_does_not_get_it_shown() {
    for status in [302, 400, 401, 500] {
        let says =
            Says::json(status, &format!(r#"{{"message":"bad {SECRET}"}}"#)).with("Location", &format!("/?{SECRET}"));
        let error = make(says).await.0.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
    let error = make(Says::json(201, &format!(r#"{{"data":{{"id":7,"id":"{SECRET}"}}}}"#))).await.0.unwrap_err();
    assert!(!format!("{error:?}").contains(SECRET), "{error}");
    let server = Server::start([Says::Never]).await;
    let client = client(&server);
    assert!(!format!("{client:?} {:?} {:?}", client.writer(), options(&server)).contains(SECRET));
}

#[tokio::test]
async fn a_requester_from_a_manifest_stays_one_segment_of_the_path() {
    let server = Server::start([page(&[], None)]).await;
    client(&server).reader().conversations_of("../organization?x#y").await.expect("read");
    assert_eq!(server.seen()[0].line, "GET /v1/endusers/..%2Forganization%3Fx%23y/conversations");
}

#[tokio::test]
async fn a_log_holds_neither_token_nor_body() {
    use std::sync::Mutex;

    let log = Arc::new(Mutex::new(Vec::<u8>::new()));
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sink = Arc::clone(&log);
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || Sink(Arc::clone(&sink)))
        .finish();
    // While there is only one subscriber, `tracing` asks the one of the thread that logs first, for all threads and for
    // good; in a test that runs beside this one, there is none.
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    make(Says::json(201, r#"{"data":{"id":100}}"#)).await.0.expect("created");
    make(Says::DropRead).await.0.unwrap_err();
    let log = String::from_utf8(log.lock().expect("no panic").clone()).expect("text");
    assert!(
        log.contains("method=POST") && log.contains("path=/v1/conversations") && log.contains("status=201"),
        "{log}"
    );
    assert!(!log.contains(SECRET) && !log.contains("requesterId"), "{log}");
}

#[test]
fn there_is_no_client_for_a_limit_that_allows_nothing_or_a_host_that_would_see_the_token() {
    let options = |base_url: &str, requests_per_second, burst| HttpOptions {
        base_url: base_url.to_owned(),
        token: Token::new(SECRET).expect("a token"),
        auth_scheme: AuthScheme::Bare,
        timeout: Duration::from_secs(30),
        rate: RateLimit { requests_per_second, burst },
        user_agent: "dixaform/test".to_owned(),
    };
    for (rate, burst) in [(0.0, 4), (-1.0, 4), (f64::NAN, 4), (f64::INFINITY, 4), (10.0, 0)] {
        let refused = HttpClient::new(options("https://dev.dixa.io", rate, burst));
        assert!(matches!(refused, Err(ClientError::RateLimit)), "{rate} {burst}");
    }
    let refused = HttpClient::new(options("http://dev.dixa.io", 10.0, 4));
    assert!(matches!(refused, Err(ClientError::BaseUrl(BaseUrlError::PlainHttp { .. }))));
    let client = HttpClient::new(options("https://dev.dixa.io/v1", 10.0, 4)).expect("a client");
    assert_eq!(client.base_url().to_string(), "https://dev.dixa.io");
}

#[tokio::test]
async fn permits_that_were_held_back_do_not_leave_as_a_burst() {
    let made = || Says::json(201, r#"{"data":{"id":1}}"#);
    let server = Server::start((0..10).map(|_| made())).await;
    let rate = RateLimit { requests_per_second: 50.0, burst: 4 };
    let client = HttpClient::new(HttpOptions { rate, ..options(&server) }).expect("a client");
    let writer = client.writer();
    let mut permits = Vec::new();
    for _ in 0..10 {
        permits.push(writer.permit().await);
    }
    // As if the disk had been slow: the last of them is long due, and so is the first.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let left = Duration::from_millis(120);
    let began = Instant::now();
    for permit in permits {
        writer.make(permit, Kind::Conversation, &body()).await.expect("made");
    }
    assert!(began.elapsed() >= left, "{:?}: six of ten had to wait for their 20 ms each", began.elapsed());
}
