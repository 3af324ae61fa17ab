//! `POST /v1/conversations/import`.

use serde_json::{Value, json};

use super::{AGENT, Client, NOBODY, REQUESTER, email_import, refused, with};
use crate::sandbox::SandboxOptions;

const IMPORT: &str = "/v1/conversations/import";

fn generic() -> Value {
    json!({
        "genericChannelName": "genericapimessaging",
        "requesterId": REQUESTER,
        "direction": "Inbound",
        "createdAt": "2021-12-01T11:00:00.001Z",
    })
}

#[tokio::test]
async fn the_documented_sample_is_imported_even_by_a_strict_sandbox() {
    let client = Client::strict().await;
    assert_eq!(client.post(IMPORT, &email_import()).await, (201, json!({ "data": { "id": 1001 } })));
    let (_, answer) = client.get("/v1/conversations/1001").await;
    assert_eq!(
        answer["data"],
        json!({
            "_type": "EmailConversation",
            "id": 1001,
            "requesterId": REQUESTER,
            "channel": "Email",
            "direction": "Inbound",
            "createdAt": "2021-12-01T11:00:00.001Z",
            "state": "Closed",
            "stateUpdatedAt": "2021-12-01T15:00:00.005Z",
            "assignment": { "agentId": AGENT, "assignedAt": "2021-12-01T12:00:00.002Z" },
            "fromEmail": "alice@example.com",
            "toEmail": "sample-integration@email.dixa.io",
            "integrationEmail": "sample-integration@email.dixa.io",
            "subject": "email subject",
            "customAttributes": [],
        })
    );
}

#[tokio::test]
async fn messages_read_oldest_first_with_their_authors_and_their_gmt() {
    let client = Client::lenient().await;
    let mut body = email_import();
    body["messages"].as_array_mut().expect("a list").reverse();
    body["messages"][0]["externalId"] = json!("13244");
    client.post(IMPORT, &body).await;
    let (status, answer) = client.get("/v1/conversations/1001/messages").await;
    let column = |pointer: &str| -> Vec<Value> {
        let messages = answer["data"].as_array().expect("a list").iter();
        messages.map(|message| message.pointer(pointer).cloned().unwrap_or_default()).collect()
    };
    assert_eq!(status, 200);
    assert_eq!(
        column("/createdAt"),
        ["2021-12-01T13:00:00.003Z[GMT]", "2021-12-01T14:00:00.004Z[GMT]", "2021-12-01T15:00:00.005Z[GMT]",]
    );
    assert_eq!(column("/authorId"), [REQUESTER, AGENT, "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd"]);
    assert_eq!(column("/externalId"), [Value::Null, Value::Null, json!("13244")]);
    assert_eq!(column("/attributes/_type"), ["EmailAttributes"; 3]);
    assert_eq!(
        answer["data"][1]["attributes"],
        json!({
            "_type": "EmailAttributes",
            "emailContent": { "content": { "value": "Our bad, sorry", "_type": "Text" }, "_type": "Regular" },
            "from": { "email": "sample-integration@email.dixa.io" },
            "to": [{ "email": "alice@example.com", "name": "Alice Brown" }],
            "cc": [{ "email": "a@b.com" }, { "email": "b@c.com" }],
            "bcc": [],
            "isAutoReply": false,
            "inlineImages": [],
            "attachments": [{
                "url": "https://en.wikipedia.org/wiki/Shipwreck#/media/File:Titanic_wreck_bow.jpg",
                "prettyName": "shipwreck",
            }],
            "direction": "Outbound",
        })
    );
}

#[tokio::test]
async fn an_import_may_have_no_messages_and_no_type() {
    let client = Client::lenient().await;
    assert_eq!(client.post(IMPORT, &generic()).await, (201, json!({ "data": { "id": 1001 } })));
    let (_, answer) = client.get("/v1/conversations/1001").await;
    assert_eq!(answer["data"]["_type"], "GenericConversation");
    assert_eq!(answer["data"]["channel"], "genericapimessaging");
    assert_eq!(answer["data"]["state"], "Open");
}

#[tokio::test]
async fn a_repeated_external_id_is_no_obstacle() {
    let client = Client::lenient().await;
    let body = with(email_import(), "/externalId", json!("legacy-42"));
    for id in [1001, 1002] {
        assert_eq!(client.post(IMPORT, &body).await, (201, json!({ "data": { "id": id } })));
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_a_decoding_failure() {
    let client = Client::lenient().await;
    let message = |pointer: &str, value: Value| {
        with(email_import(), "/messages", json!([with(email_import()["messages"][1].clone(), pointer, value)]))
    };
    for body in [
        with(generic(), "/_type", json!("Email")),
        with(generic(), "/genericChannelName", Value::Null),
        with(generic(), "/requesterId", Value::Null),
        with(generic(), "/direction", json!("Internal")),
        with(generic(), "/createdAt", Value::Null),
        with(generic(), "/createdAt", json!("2021-12-01")),
        with(generic(), "/createdAt", json!("2021-12-01T11:00:00.001Z[GMT]")),
        with(generic(), "/requesterConnectionStatus", json!("Away")),
        with(generic(), "/messages", json!({})),
        with(generic(), "/attributes", json!("x")),
        with(generic(), "/externalId", json!(42)),
        with(generic(), "/assignment", json!({ "agentId": AGENT })),
        with(generic(), "/closing", json!({ "closedAt": "2021-12-01T11:00:00Z" })),
        message("/_type", json!("Outbound")),
        message("/agentId", Value::Null),
        message("/createdAt", Value::Null),
        message("/content", Value::Null),
    ] {
        assert_eq!(client.post(IMPORT, &body).await, refused(400, "Decoding failure in request"), "{body}");
    }
}

#[tokio::test]
async fn attributes_that_the_channel_cannot_read_are_an_invalid_message() {
    let client = Client::lenient().await;
    let refusal = |channel: &str| {
        refused(400, &format!("Invalid input for Message: attributes do not fit the channel {channel}"))
    };
    for body in [
        with(email_import(), "/attributes/emailIntegrationId", json!(1)),
        with(email_import(), "/messages/1/attributes/cc", json!("a@b.com")),
        with(email_import(), "/messages/2/attributes/requesterId", json!("Bob")),
    ] {
        assert_eq!(client.post(IMPORT, &body).await, refusal("email"), "{body}");
    }
    let strict = Client::strict().await;
    for pointer in [
        "/attributes/emailIntegrationId",
        "/attributes/subject",
        "/attributes",
        "/messages/0/attributes",
        "/messages/1/attributes/emailIntegrationId",
    ] {
        let body = with(email_import(), pointer, Value::Null);
        assert_eq!(strict.post(IMPORT, &body).await, refusal("email"), "{pointer}");
        assert_eq!(client.post(IMPORT, &body).await.0, 201, "{pointer}");
    }
    for attributes in
        [json!({ "widgetId": "x" }), json!({ "browserInfo": { "version": "1" } }), json!({ "language": 1 })]
    {
        let body = with(with(generic(), "/genericChannelName", json!("widgetchat")), "/attributes", attributes);
        assert_eq!(client.post(IMPORT, &body).await, refusal("widgetchat"), "{body}");
    }
}

#[tokio::test]
async fn a_chat_that_was_imported_reads_as_one() {
    let client = Client::lenient().await;
    let chat = with(generic(), "/genericChannelName", json!("widgetchat"));
    let browser = json!({ "name": "Firefox" });
    let attributes = json!({ "browserInfo": browser, "language": "de-AT", "more": 1 });
    assert_eq!(client.post(IMPORT, &chat).await.0, 201, "its attributes may be left out");
    assert_eq!(client.post(IMPORT, &with(chat, "/attributes", attributes)).await.0, 201);
    let (_, answer) = client.get("/v1/conversations/1002").await;
    let shown = &answer["data"];
    assert_eq!([&shown["_type"], &shown["channel"], &shown["language"]], ["ChatConversation", "WidgetChat", "de-AT"]);
    assert_eq!(shown["browserInfo"], browser);
}

#[tokio::test]
async fn a_bad_attachment_is_a_partial_error_and_the_conversation_is_there() {
    let client = Client::lenient().await;
    let mut body = email_import();
    body["messages"][1]["attachments"] =
        json!([{ "url": "https://files.invalid/a" }, { "url": "https://a.example/b" }]);
    body["messages"][1]["externalId"] = json!("42");
    let answer = client.post(IMPORT, &body).await;
    let errors = json!([{ "message": "Invalid attachment url in message. externalId: 42" }]);
    assert_eq!(answer, (201, json!({ "data": { "id": 1001, "partialErrors": errors } })));
    let (_, messages) = client.get("/v1/conversations/1001/messages").await;
    assert_eq!(messages["data"][1]["attributes"]["attachments"], json!([{ "url": "https://a.example/b" }]));
}

#[tokio::test]
async fn an_inactive_agent_is_not_assigned_and_that_is_a_partial_error() {
    let seed = json!({ "agents": [{ "id": AGENT, "displayName": "Gone", "active": false }] });
    let client = Client::with(SandboxOptions { seed: Some(seed), ..SandboxOptions::default() }).await;
    let assignment = json!({ "agentId": AGENT, "assignedAt": "2021-12-01T12:00:00.002Z" });
    let answer = client.post(IMPORT, &with(generic(), "/assignment", assignment)).await;
    let errors = json!([{ "message": "The conversation could not be assigned" }]);
    assert_eq!(answer, (201, json!({ "data": { "id": 1001, "partialErrors": errors } })));
    let (_, answer) = client.get("/v1/conversations/1001").await;
    assert_eq!(answer["data"]["assignment"], Value::Null);
}

#[tokio::test]
async fn a_strict_sandbox_says_what_it_does_not_know() {
    let client = Client::strict().await;
    let closing = json!({ "closedAt": "2021-12-01T12:00:00Z", "closedBy": NOBODY });
    for (body, message) in [
        (with(generic(), "/genericChannelName", json!("carrierpigeon")), "Unsupported ConversationChannel"),
        (with(generic(), "/requesterId", json!(NOBODY)), "Requester does not exist"),
        (with(generic(), "/closing", closing), "Agent does not exist"),
        (with(with(generic(), "/requesterId", json!(NOBODY)), "/closing", Value::Null), "Requester does not exist"),
    ] {
        assert_eq!(client.post(IMPORT, &body).await, refused(400, message), "{body}");
    }
}

#[tokio::test]
async fn any_channel_name_passes_unless_strict() {
    let client = Client::lenient().await;
    let (status, _) = client.post(IMPORT, &with(generic(), "/genericChannelName", json!("MyCustomChat"))).await;
    assert_eq!(status, 201);
}
