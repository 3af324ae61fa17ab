//! The data file.

#![expect(clippy::disallowed_methods, reason = "the tests look at the file and damage it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::{Client, NOBODY, REQUESTER, TEXT, email, email_import, with};
use crate::sandbox::{DataFileError, Entity, KnownAttribute, KnownInput, SandboxError, SandboxOptions, Service};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data/sandbox.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("the data reads")
    }

    async fn client(&self) -> Client {
        Client::with(at(&self.path())).await
    }

    async fn error(&self) -> DataFileError {
        match Service::open(at(&self.path())).await.err() {
            Some(SandboxError::Data(error)) => error,
            other => panic!("expected an error of the data, got {other:?}"),
        }
    }
}

fn at(path: &Path) -> SandboxOptions {
    SandboxOptions { data: Some(path.to_owned()), ..SandboxOptions::default() }
}

/// What a client can see of two conversations and their requesters.
async fn seen(client: &Client) -> Vec<(u16, serde_json::Value)> {
    let mut seen = Vec::new();
    for path in [
        "/v1/conversations/1001",
        "/v1/conversations/1001/messages",
        "/v1/conversations/1002",
        "/v1/conversations/1002/messages",
        "/v1/custom-attributes",
        &format!("/v1/endusers/{NOBODY}"),
        &format!("/v1/endusers/{NOBODY}/conversations"),
        &format!("/v1/endusers/{REQUESTER}/conversations"),
    ] {
        seen.push(client.get(path).await);
    }
    seen
}

#[tokio::test]
async fn a_restart_changes_nothing_that_a_client_can_see() {
    let folder = Folder::new();
    let before = {
        let client = folder.client().await;
        let marked = with(email(), "/message/externalId", json!("df-1"));
        client.create(&with(marked, "/requesterId", json!(NOBODY))).await;
        client.post("/v1/conversations/import", &email_import()).await;
        client.patch(1001, &json!({ NOBODY: ["a", "b"], TEXT: "x" })).await;
        client.patch(1001, &json!({ TEXT: null })).await;
        seen(&client).await
    };
    let client = folder.client().await;
    assert_eq!(seen(&client).await, before);
    let again = client.post("/v1/conversations", &with(email(), "/message/externalId", json!("df-1"))).await;
    assert_eq!(again, super::refused(400, "Duplicate externalId: df-1"));
    assert_eq!(client.create(&email()).await, 1003);
}

#[tokio::test]
async fn a_mutation_is_one_line_that_is_in_the_file_when_it_is_answered() {
    let folder = Folder::new();
    let client = folder.client().await;
    client.create(&with(email(), "/requesterId", json!(NOBODY))).await;
    client.patch(1001, &json!({ NOBODY: "x" })).await;
    client.patch(1001, &json!({})).await;
    client.get("/v1/conversations/1001").await;
    let text = folder.text();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert_eq!(text.lines().next(), Some(r#"{"format":"dixaform-sandbox/2"}"#));
    assert!(text.ends_with('\n'));
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let log = folder.0.path().join("requests.jsonl");
    let _client = Client::with(SandboxOptions { request_log: Some(log.clone()), ..at(&folder.path()) }).await;
    for path in [folder.path(), log] {
        assert_eq!(fs::metadata(path).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_torn_last_line_is_dropped_wherever_it_was_torn() {
    let folder = Folder::new();
    {
        let client = folder.client().await;
        client.create(&email()).await;
        client.create(&email()).await;
    }
    let whole = folder.text();
    let kept = whole.trim_end().rfind('\n').expect("three lines") + 1;
    for torn in [kept, kept + 1, whole.len() - 10, whole.len() - 1] {
        fs::write(folder.path(), &whole[..torn]).expect("writes");
        let client = folder.client().await;
        assert_eq!(folder.text(), whole[..kept], "{torn}");
        assert_eq!(client.create(&email()).await, 1002);
    }
    fs::write(folder.path(), &whole[..9]).expect("writes");
    assert_eq!(folder.client().await.create(&email()).await, 1001, "a torn first line is an empty file");
}

#[tokio::test]
async fn a_damaged_middle_line_is_an_error_that_names_it() {
    let folder = Folder::new();
    {
        let client = folder.client().await;
        client.create(&email()).await;
        client.create(&email()).await;
    }
    let damaged = folder.text().replace("\"id\":1001", "\"id\":10\u{0}1");
    fs::write(folder.path(), &damaged).expect("writes");
    let error = folder.error().await;
    assert_eq!(error.to_string(), format!("{}:2 is damaged", folder.path().display()));
    assert_eq!(folder.text(), damaged, "it is left as it was");
}

#[tokio::test]
async fn a_conversation_that_occurs_twice_is_an_error_that_names_its_line() {
    let folder = Folder::new();
    folder.client().await.create(&email()).await;
    let text = folder.text();
    let last = text.lines().last().expect("a line");
    fs::write(folder.path(), format!("{text}{last}\n")).expect("writes");
    let error = folder.error().await;
    assert!(matches!(error, DataFileError::Misfit { line: 3, .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_of_another_format_or_another_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.client().await);
    for (text, newer) in [
        ("{\"format\":\"dixaform-sandbox/3\"}\n", true),
        ("{\"version\":4}\n", false),
        ("hello", false),
        ("{\"format\":\"dixaform-sandbox/1\",\"more\":1}\n", false),
    ] {
        fs::write(folder.path(), text).expect("writes");
        let error = folder.error().await;
        assert_eq!(matches!(error, DataFileError::OtherFormat { .. }), newer, "{error:?}");
        assert_eq!(matches!(error, DataFileError::NotSandboxData { .. }), !newer, "{error:?}");
        assert_eq!(folder.text(), text);
    }
}

#[tokio::test]
async fn a_file_in_use_is_waited_for_and_then_refused() {
    let folder = Folder::new();
    let first = folder.client().await;
    let error = folder.error().await;
    assert!(matches!(error, DataFileError::Locked { .. }), "{error:?}");
    let service = Arc::clone(&first.0);
    let closing = tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        service.close();
    });
    folder.client().await;
    closing.await.expect("it closed");
    assert_eq!(first.post("/v1/conversations", &email()).await.0, 500, "the first one has let go");
}

#[tokio::test]
async fn known_definitions_are_kept_and_not_written_again() {
    let folder = Folder::new();
    let known_attributes =
        vec![KnownAttribute { id: NOBODY.to_owned(), entity: Entity::Conversation, input: KnownInput::Text }];
    for _ in 0..2 {
        Client::with(SandboxOptions { known_attributes: known_attributes.clone(), ..at(&folder.path()) }).await;
        assert_eq!(folder.text().lines().count(), 2);
    }
    let client = folder.client().await;
    assert_eq!(client.get(&format!("/v1/custom-attributes/{NOBODY}")).await.0, 200);
}

#[tokio::test]
async fn a_file_of_an_earlier_format_is_read_and_becomes_one_of_this() {
    let folder = Folder::new();
    {
        let client = folder.client().await;
        client.create(&with(email(), "/requesterId", json!(NOBODY))).await;
    }
    fs::write(folder.path(), folder.text().replacen("sandbox/2", "sandbox/1", 1)).expect("writes");
    let client = folder.client().await;
    assert_eq!(client.get("/v1/conversations/1001").await.0, 200);
    assert_eq!(client.create(&email()).await, 1002);
    let text = folder.text();
    assert_eq!(text.lines().next(), Some(r#"{"format":"dixaform-sandbox/2"}"#));
    assert_eq!(text.lines().count(), 3);
}
