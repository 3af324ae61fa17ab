//! The sandbox as a client sees it: requests in, answers out.

mod creating;
mod faulting;
mod importing;
mod keeping;
mod patching;
mod reading;
mod seeding;
mod serving;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::sandbox::routes::router;
use crate::sandbox::{SandboxOptions, Service};

const REQUESTER: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";
const AGENT: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";
const QUEUE: &str = "cd87b232-64c8-4ad5-b81a-6f9233352d97";
const TEXT: &str = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
const SELECT: &str = "e14708a6-eed9-495c-9d88-c72331e9e247";
const LOCATION: &str = "66121f54-98ee-4727-a4e7-1a373d411ccf";
const NOBODY: &str = "00000000-1111-4222-8333-444444444444";

/// A client within the process.
struct Client(Arc<Service>);

impl Client {
    async fn lenient() -> Self {
        Client::with(SandboxOptions::default()).await
    }

    async fn strict() -> Self {
        Client::with(SandboxOptions { strict: true, ..SandboxOptions::default() }).await
    }

    async fn with(options: SandboxOptions) -> Self {
        Client(Service::open(options).await.expect("the sandbox opens"))
    }

    async fn response(&self, request: Request<Body>) -> Response {
        router(Arc::clone(&self.0)).oneshot(request).await.expect("a router does not fail")
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let answer = self.response(request).await;
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a whole body");
        (status, serde_json::from_slice(&body).expect("every body is JSON"))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(request("GET", path, String::new())).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(request("POST", path, body.to_string())).await
    }

    async fn patch(&self, id: i64, body: &Value) -> (u16, Value) {
        self.send(request("PATCH", &format!("/v1/conversations/{id}/custom-attributes"), body.to_string())).await
    }

    /// Creates a conversation and gives its id.
    async fn create(&self, body: &Value) -> i64 {
        let (status, answer) = self.post("/v1/conversations", body).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"]["id"].as_i64().expect("an id")
    }
}

fn request(method: &str, path: &str, body: String) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, "token");
    request.body(Body::from(body)).expect("a request")
}

fn refused(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "message": message }))
}

/// The documentation's sample of creating a conversation.
fn email() -> Value {
    json!({
        "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
        "emailIntegrationId": "my-integration@email.dixa.io",
        "subject": "order #123",
        "message": {
            "content": { "value": "My order hasn't shipped", "_type": "Text" },
            "attachments": [],
            "_type": "Inbound",
        },
        "language": "en",
        "_type": "Email",
    })
}

/// The documentation's sample of importing an e-mail conversation.
fn email_import() -> Value {
    json!({
        "genericChannelName": "email",
        "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
        "requesterConnectionStatus": "Connected",
        "direction": "Inbound",
        "messages": [
            {
                "content": { "value": "My order hasn't shipped", "_type": "Text" },
                "attachments": [],
                "createdAt": "2021-12-01T13:00:00.003Z",
                "attributes": { "emailIntegrationId": "sample-integration@email.dixa.io" },
                "_type": "InboundImport",
            },
            {
                "content": { "value": "Our bad, sorry", "_type": "Text" },
                "agentId": "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b",
                "attachments": [{
                    "url": "https://en.wikipedia.org/wiki/Shipwreck#/media/File:Titanic_wreck_bow.jpg",
                    "prettyName": "shipwreck",
                }],
                "createdAt": "2021-12-01T14:00:00.004Z",
                "attributes": {
                    "emailIntegrationId": "sample-integration@email.dixa.io",
                    "cc": ["a@b.com", "b@c.com"],
                    "bcc": [],
                },
                "_type": "OutboundImport",
            },
            {
                "content": { "value": "Thank you!", "_type": "Text" },
                "attachments": [],
                "createdAt": "2021-12-01T15:00:00.005Z",
                "attributes": {
                    "emailIntegrationId": "sample-integration@email.dixa.io",
                    "requesterId": "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd",
                },
                "_type": "InboundImport",
            },
        ],
        "createdAt": "2021-12-01T11:00:00.001Z",
        "assignment": {
            "agentId": "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b",
            "assignedAt": "2021-12-01T12:00:00.002Z",
        },
        "closing": {
            "closedAt": "2021-12-01T15:00:00.005Z",
            "closedBy": "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b",
        },
        "attributes": { "emailIntegrationId": "sample-integration@email.dixa.io", "subject": "email subject" },
        "_type": "GenericConversationImport",
    })
}

/// A body with one member changed; null takes it away.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("a map");
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    body
}
