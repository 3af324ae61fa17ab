//! `POST /v1/conversations`.

use serde_json::{Value, json};

use super::{AGENT, Client, NOBODY, QUEUE, REQUESTER, email, refused, request, with};

const CONVERSATIONS: &str = "/v1/conversations";

fn sms() -> Value {
    json!({
        "_type": "Sms",
        "requesterId": REQUESTER,
        "contactEndpointId": "+559912443333",
        "message": { "_type": "Outbound", "agentId": AGENT, "content": { "value": "Hi", "_type": "Text" } },
    })
}

fn chat() -> Value {
    json!({
        "_type": "Chat",
        "requesterId": REQUESTER,
        "widgetId": NOBODY,
        "language": "da",
        "browserInfo": { "name": "Chrome 9", "version": "91.0.4472.114" },
        "message": { "_type": "Inbound", "content": { "value": "<b>Hi</b>", "_type": "Html" }, "externalId": "c-1" },
    })
}

fn callback() -> Value {
    json!({
        "_type": "Callback",
        "requesterId": REQUESTER,
        "contactEndpointId": "+559912443333",
        "direction": "Outbound",
        "queueId": QUEUE,
    })
}

#[tokio::test]
async fn the_documented_sample_is_created_and_ids_count_up_from_1001() {
    let client = Client::lenient().await;
    assert_eq!(client.post(CONVERSATIONS, &email()).await, (201, json!({ "data": { "id": 1001 } })));
    assert_eq!(client.post(CONVERSATIONS, &email()).await, (201, json!({ "data": { "id": 1002 } })));
}

#[tokio::test]
async fn each_variant_reads_back_as_its_own() {
    let client = Client::lenient().await;
    let contact_form = with(email(), "/_type", json!("ContactForm"));
    for (body, expected) in [
        (email(), ("EmailConversation", "Email", "Inbound", Some("EmailAttributes"))),
        (contact_form, ("ContactFormConversation", "ContactForm", "Inbound", Some("ContactFormAttributes"))),
        (sms(), ("SmsConversation", "Sms", "Outbound", Some("SmsAttributes"))),
        (chat(), ("ChatConversation", "WidgetChat", "Inbound", Some("ChatAttributes"))),
        (callback(), ("PstnPhoneConversation", "Callback", "Outbound", None)),
    ] {
        let id = client.create(&body).await;
        let (_, conversation) = client.get(&format!("/v1/conversations/{id}")).await;
        let (_, messages) = client.get(&format!("/v1/conversations/{id}/messages")).await;
        let text = |name: &str| conversation["data"][name].as_str().unwrap_or("absent");
        let kind = messages["data"][0]["attributes"]["_type"].as_str();
        assert_eq!((text("_type"), text("channel"), text("direction"), kind), expected);
    }
}

#[tokio::test]
async fn an_email_reads_back_with_what_it_was_made_of() {
    let client = Client::lenient().await;
    let id = client.create(&email()).await;
    let (status, mut answer) = client.get(&format!("/v1/conversations/{id}")).await;
    let created_at = answer["data"]["createdAt"].take();
    assert_eq!(answer["data"]["stateUpdatedAt"].take(), created_at);
    let created_at = created_at.as_str().expect("a text");
    assert!(created_at.len() == 20 && created_at.ends_with('Z'), "{created_at}");
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({ "data": {
            "_type": "EmailConversation",
            "id": id,
            "requesterId": REQUESTER,
            "channel": "Email",
            "direction": "Inbound",
            "createdAt": null,
            "state": "Open",
            "stateUpdatedAt": null,
            "fromEmail": "alice@example.com",
            "toEmail": "my-integration@email.dixa.io",
            "integrationEmail": "my-integration@email.dixa.io",
            "subject": "order #123",
            "language": "en",
            "customAttributes": [],
        } })
    );
}

#[tokio::test]
async fn a_callback_waits_in_its_queue() {
    let client = Client::lenient().await;
    let id = client.create(&callback()).await;
    let (_, answer) = client.get(&format!("/v1/conversations/{id}")).await;
    assert_eq!(answer["data"]["queue"]["id"], QUEUE);
    let messages = client.get(&format!("/v1/conversations/{id}/messages")).await;
    assert_eq!(messages, (200, json!({ "data": [] })));
}

#[tokio::test]
async fn an_outbound_message_is_by_its_agent_and_an_inbound_one_by_the_requester() {
    let client = Client::lenient().await;
    let outbound = json!({
        "_type": "Outbound", "agentId": AGENT, "content": { "value": "Hi", "_type": "Text" }, "cc": [NOBODY],
    });
    for (body, author, from) in [
        (email(), REQUESTER, "alice@example.com"),
        (with(email(), "/message", outbound), AGENT, "my-integration@email.dixa.io"),
    ] {
        let id = client.create(&body).await;
        let (_, messages) = client.get(&format!("/v1/conversations/{id}/messages")).await;
        assert_eq!(messages["data"][0]["authorId"], author);
        assert_eq!(messages["data"][0]["attributes"]["from"]["email"], from);
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_a_decoding_failure() {
    let client = Client::lenient().await;
    let wrong = [
        json!([]),
        json!({}),
        with(email(), "/_type", Value::Null),
        with(email(), "/_type", json!("WhatsApp")),
        with(email(), "/requesterId", json!("alice")),
        with(email(), "/requesterId", json!("9c2a2cce699f4a7289d9fda5bc8dec8b")),
        with(email(), "/subject", Value::Null),
        with(email(), "/subject", json!(123)),
        with(email(), "/emailIntegrationId", Value::Null),
        with(email(), "/message", Value::Null),
        with(email(), "/message/_type", json!("InboundImport")),
        with(email(), "/message/_type", json!("Outbound")),
        with(email(), "/message/content", json!("Hi")),
        with(email(), "/message/content/_type", json!("Rtf")),
        with(email(), "/message/content/value", Value::Null),
        with(email(), "/message/attachments", json!([{ "prettyName": "no url" }])),
        with(email(), "/message/externalId", json!(7)),
        with(sms(), "/contactEndpointId", json!("12443333")),
        with(chat(), "/widgetId", json!("widget")),
        with(chat(), "/browserInfo", json!({ "version": "9" })),
        with(callback(), "/direction", json!("Internal")),
        with(callback(), "/queueId", Value::Null),
        with(sms(), "/message/cc", json!(["a@b.com"])),
    ];
    for body in wrong {
        assert_eq!(client.post(CONVERSATIONS, &body).await, refused(400, "Decoding failure in request"), "{body}");
    }
    let not_json = client.send(request("POST", CONVERSATIONS, "{".to_owned())).await;
    assert_eq!(not_json, refused(400, "Decoding failure in request"));
    assert_eq!(client.create(&email()).await, 1001, "nothing was created by then");
}

#[tokio::test]
async fn unknown_members_and_nulls_are_ignored() {
    let client = Client::lenient().await;
    let mut body = with(email(), "/customAttributes", json!({ "x": 1 }));
    body["language"] = Value::Null;
    body["message"]["attachments"] = Value::Null;
    client.create(&body).await;
}

#[tokio::test]
async fn an_sms_is_outbound_only() {
    let client = Client::lenient().await;
    let answer = client.post(CONVERSATIONS, &with(sms(), "/message/_type", json!("Inbound"))).await;
    assert_eq!(answer, refused(400, "Invalid input for Message: only Outbound messages are supported for Sms"));
}

#[tokio::test]
async fn an_external_id_is_taken_once_in_the_whole_organization() {
    let client = Client::lenient().await;
    client.create(&chat()).await;
    let other = with(with(email(), "/message/externalId", json!("c-1")), "/requesterId", json!(NOBODY));
    assert_eq!(client.post(CONVERSATIONS, &other).await, refused(400, "Duplicate externalId: c-1"));
    client.create(&with(other, "/message/externalId", json!("c-2"))).await;
}

#[tokio::test]
async fn an_attachment_that_cannot_be_downloaded_refuses_the_creation() {
    let client = Client::lenient().await;
    let url = "https://files.invalid/a.png";
    let body = with(email(), "/message/attachments", json!([{ "url": "https://a.example/b" }, { "url": url }]));
    let answer = client.post(CONVERSATIONS, &body).await;
    assert_eq!(answer, refused(400, &format!("Attachment download failed: {url}")));
}

#[tokio::test]
async fn a_strict_sandbox_knows_the_samples_and_answers_404_to_the_rest() {
    let client = Client::strict().await;
    client.create(&email()).await;
    let outbound = |agent: &str| {
        let content = json!({ "value": "Hi", "_type": "Text" });
        with(email(), "/message", json!({ "_type": "Outbound", "agentId": agent, "content": content }))
    };
    client.create(&outbound(AGENT)).await;
    for body in [
        with(email(), "/requesterId", json!(NOBODY)),
        with(email(), "/emailIntegrationId", json!("other@email.dixa.io")),
        outbound(NOBODY),
        sms(),
        chat(),
        callback(),
    ] {
        let answer = client.post(CONVERSATIONS, &body).await;
        assert_eq!(answer, refused(404, "The requested resource could not be found"), "{body}");
    }
}
