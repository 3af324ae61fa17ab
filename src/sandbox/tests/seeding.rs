//! What seeding an empty tenant needs: end users, agents, queues, contact endpoints, tags, and the state of
//! conversations.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{AGENT, Client, LOCATION, NOBODY, QUEUE, REQUESTER, TEXT, email, email_import, refused, request, with};
use crate::sandbox::SandboxOptions;
use crate::sandbox::things::id_of;

const NOT_FOUND: &str = "The requested resource could not be found";
const MIA: &str = "0e4d0ead-dc69-470a-9b3a-e7eb16a56453";
const SUPPORT: &str = "6e4d0ead-dc69-470a-9b3a-e7eb16a56453";

fn seed() -> Value {
    json!({
        "organization": { "id": "org-1" },
        "endUsers": [{ "id": REQUESTER, "email": "Jane@Example.com", "phoneNumber": "+4511111111" }],
        "agents": [{ "id": MIA, "email": "mia@example.com" }, { "id": AGENT, "email": "jonas@example.com" }],
        "queues": [{ "id": SUPPORT, "name": "Support" }, { "id": QUEUE, "name": "Default", "isDefault": true }],
        "tags": [{ "name": "old", "active": false }],
        "emailIntegrations": [{ "address": "my-integration@email.dixa.io", "name": "Main" }],
        "contactEndpoints": ["+4522222222"],
        "customAttributes": [
            { "id": LOCATION, "entityType": "Contact", "identifier": "city", "label": "City",
              "inputDefinition": { "_type": "Text" } },
            { "id": TEXT, "entityType": "Conversation", "identifier": "order", "label": "Order",
              "inputDefinition": { "_type": "Text" } },
        ],
    })
}

/// A strict sandbox that knows its seed alone.
async fn seeded() -> Client {
    Client::with(SandboxOptions { seed: Some(seed()), strict: true, ..SandboxOptions::default() }).await
}

impl Client {
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.response(request(method, path, body)).await;
        let status = answer.status().as_u16();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a whole body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn shown(&self, id: i64) -> Value {
        self.get(&format!("/v1/conversations/{id}")).await.1["data"].clone()
    }
}

#[tokio::test]
async fn a_strict_sandbox_with_a_seed_knows_nothing_else() {
    let client = seeded().await;
    assert_eq!(client.create(&email()).await, 1001);
    let others = with(email(), "/requesterId", json!("4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd"));
    assert_eq!(client.post("/v1/conversations", &others).await, refused(404, NOT_FOUND));
    let mailbox = with(email(), "/emailIntegrationId", json!("sample-integration@email.dixa.io"));
    assert_eq!(client.post("/v1/conversations", &mailbox).await, refused(404, NOT_FOUND));
    let (_, definitions) = client.get("/v1/custom-attributes").await;
    assert_eq!(definitions["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_end_user_is_made_found_changed_and_read() {
    let client = seeded().await;
    let body = json!({
        "displayName": "Ann", "email": "Ann@Example.com", "phoneNumber": "+4533333333", "externalId": "crm-1",
        "middleNames": ["B", "C"], "avatarUrl": "https://example.com/a.png", "more": 1,
    });
    let (status, made) = client.call("POST", "/v1/endusers", body).await;
    assert_eq!(status, 201, "{made}");
    let id = made["data"]["id"].as_str().expect("an id").to_owned();
    assert!(made["data"]["avatarUrl"].as_str().is_some_and(|url| url.starts_with("https://files.dixa.io/")));
    assert!(made["data"].get("more").is_none());
    assert_eq!(made["data"]["createdAt"].as_str().map(str::len), Some("2020-12-16T09:41:43Z".len()));
    for filter in ["externalId=crm-1", "email=ann%40example.com", "phone=%2B4533333333"] {
        let (status, found) = client.get(&format!("/v1/endusers?{filter}")).await;
        assert_eq!((status, &found["data"][0]["id"]), (200, &json!(id)), "{filter}");
        assert!(found["data"][0].get("customAttributes").is_none());
    }
    assert_eq!(client.get("/v1/endusers?externalId=crm-2").await, (200, json!({ "data": [] })));
    let path = format!("/v1/endusers/{id}");
    let (status, changed) = client.call("PATCH", &path, json!({ "displayName": "Anna", "email": null })).await;
    assert_eq!(
        (status, &changed["data"]["displayName"], &changed["data"]["email"]),
        (200, &json!("Anna"), &json!("Ann@Example.com"))
    );
    assert_eq!(client.call("PUT", &path, json!({ "email": "new@example.com" })).await.0, 400, "a name is wanted");
    let (status, put) = client.call("PUT", &path, json!({ "displayName": "A", "email": "new@example.com" })).await;
    assert_eq!((status, put["data"].get("phoneNumber")), (200, None));
    assert_eq!(client.get("/v1/endusers?email=ann%40example.com").await.1["data"], json!([]));
    let attributes = format!("{path}/custom-attributes");
    let (status, patched) = client.call("PATCH", &attributes, json!({ LOCATION: "Aarhus" })).await;
    assert_eq!((status, &patched["data"][0]["value"]), (200, &json!("Aarhus")));
    assert_eq!(client.get(&path).await.1["data"]["customAttributes"][0]["identifier"], "city");
    let wrong = format!("Invalid input for patching: custom attribute {TEXT} is not an attribute of end users");
    assert_eq!(client.call("PATCH", &attributes, json!({ TEXT: "x" })).await, refused(400, &wrong));
    for (method, path) in
        [("PATCH", format!("/v1/endusers/{NOBODY}")), ("PATCH", format!("/v1/endusers/{NOBODY}/custom-attributes"))]
    {
        assert_eq!(
            client.call(method, &path, json!({ "displayName": "x" })).await.0,
            if path.ends_with("s") { 400 } else { 404 }
        );
    }
    assert_eq!(client.call("PATCH", &format!("/v1/endusers/{NOBODY}/custom-attributes"), json!({})).await.0, 404);
}

#[tokio::test]
async fn an_address_or_a_number_belongs_to_one_end_user_and_an_external_id_need_not() {
    let client = seeded().await;
    for (body, case) in [
        (json!({ "email": "jane@example.com" }), "EmailExists"),
        (json!({ "additionalEmails": ["JANE@example.com"] }), "EmailExists"),
        (json!({ "phoneNumber": "+4511111111" }), "PhoneNumberExists"),
        (json!({ "phoneNumber": "11111111" }), "InvalidPhoneNumber"),
        (json!({ "email": "jane" }), "InvalidEmail"),
        (json!({ "middleNames": ["A", "A"] }), "ItemsNotUnique"),
    ] {
        let refusal = refused(400, &format!("Validation failure during enduser creation: {case}"));
        assert_eq!(client.call("POST", "/v1/endusers", body.clone()).await, refusal, "{body}");
    }
    let (_, made) = client.call("POST", "/v1/endusers", json!({ "email": "b@example.com" })).await;
    let path = format!("/v1/endusers/{}", made["data"]["id"].as_str().expect("an id"));
    let taken = refused(400, "Validation failure during update: PhoneNumberExists");
    assert_eq!(client.call("PATCH", &path, json!({ "phoneNumber": "+4511111111" })).await, taken);
    assert_eq!(client.call("PATCH", &path, json!({ "email": "B@example.com" })).await.0, 200, "its own");
    let empty = refused(400, "Validation failure during update: EmptyPatchSet");
    assert_eq!(client.call("PATCH", &path, json!({})).await, empty);
    for body in [json!({ "email": 1 }), json!({ "middleNames": "A" }), json!([])] {
        assert_eq!(client.call("POST", "/v1/endusers", body).await, refused(400, "Decoding failure in request"));
    }
    for _ in 0..2 {
        assert_eq!(client.call("POST", "/v1/endusers", json!({ "externalId": "crm-1" })).await.0, 201);
    }
    assert_eq!(client.get("/v1/endusers?externalId=crm-1").await.1["data"].as_array().map(Vec::len), Some(2));
    let both = refused(400, "Invalid filters: Cannot provide more than one filter");
    assert_eq!(client.get("/v1/endusers?externalId=crm-1&email=a%40b.c").await, both);
}

#[tokio::test]
async fn two_end_users_with_one_address_are_an_ambiguity() {
    let seed = json!({ "endUsers": [
        { "id": MIA, "email": "a@example.com", "phoneNumber": "+4511111111" },
        { "id": NOBODY, "email": "A@example.com", "additionalPhoneNumbers": ["+4511111111"] },
    ] });
    let client = Client::with(SandboxOptions { seed: Some(seed), ..SandboxOptions::default() }).await;
    assert_eq!(client.get("/v1/endusers?email=a%40example.com").await, refused(400, "Duplicate email address"));
    assert_eq!(client.get("/v1/endusers?phone=%2B4511111111").await, refused(400, "Duplicate phone number"));
}

#[tokio::test]
async fn end_users_and_agents_come_in_pages() {
    let client = seeded().await;
    for number in 0..60 {
        let body = json!({ "externalId": format!("crm-{number}") });
        assert_eq!(client.call("POST", "/v1/endusers", body).await.0, 201);
    }
    for (path, count) in [("/v1/endusers?pageLimit=25", 61), ("/v1/agents?pageLimit=1", 2)] {
        let (mut next, mut ids) = (path.to_owned(), Vec::new());
        loop {
            let (status, page) = client.get(&next).await;
            assert_eq!(status, 200);
            ids.extend(page["data"].as_array().expect("a list").iter().map(|one| one["id"].to_string()));
            match page["meta"]["next"].as_str() {
                Some(path) => path.clone_into(&mut next),
                None => break,
            }
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "{path}");
    }
}

#[tokio::test]
async fn agents_queues_and_contact_endpoints_are_listed_and_read() {
    let client = seeded().await;
    let (_, agents) = client.get("/v1/agents?email=mia%40example.com").await;
    assert_eq!((&agents["data"][0]["id"], agents["data"].as_array().map(Vec::len)), (&json!(MIA), Some(1)));
    assert_eq!(client.get("/v1/agents?email=nobody%40example.com").await, (200, json!({ "data": [] })));
    assert_eq!(client.get("/v1/agents?email=a&phone=b").await.0, 400);
    assert_eq!(client.get(&format!("/v1/agents/{MIA}")).await.1["data"]["email"], "mia@example.com");
    assert_eq!(client.get(&format!("/v1/agents/{NOBODY}")).await, refused(404, NOT_FOUND));
    let (_, queues) = client.get("/v1/queues").await;
    let names: Vec<&Value> = queues["data"].as_array().expect("a list").iter().map(|queue| &queue["name"]).collect();
    assert!(names.len() == 2 && names.contains(&&json!("Support")), "{names:?}");
    assert_eq!(client.get(&format!("/v1/queues/{SUPPORT}")).await.1["data"]["organizationId"], "org-1");
    assert_eq!(client.get(&format!("/v1/queues/{NOBODY}")).await, refused(404, NOT_FOUND));
    let (_, endpoints) = client.get("/v1/contact-endpoints").await;
    assert_eq!(endpoints["data"].as_array().map(Vec::len), Some(2));
    let (_, mailboxes) = client.get("/v1/contact-endpoints?_type=EmailEndpoint").await;
    let mailbox = json!({ "_type": "EmailEndpoint", "address": "my-integration@email.dixa.io", "name": "Main" });
    assert_eq!(mailboxes["data"], json!([mailbox]));
    assert_eq!(client.get("/v1/contact-endpoints?_type=Letter").await.0, 400);
    let one = client.get("/v1/contact-endpoints/my-integration%40email.dixa.io").await;
    assert_eq!(one, (200, json!({ "data": mailbox })));
    assert_eq!(client.get("/v1/contact-endpoints/%2B4522222222").await.1["data"]["functionality"][0], "Sms");
    assert_eq!(client.get("/v1/contact-endpoints/%2B4599999999").await, refused(404, NOT_FOUND));
    assert_eq!(client.get("/v1/contact-endpoints/neither").await, refused(400, "Invalid value in request"));
}

#[tokio::test]
async fn an_agent_that_is_asked_for_by_address_exists_from_then_on_unless_strict() {
    let client = Client::lenient().await;
    let (_, first) = client.get("/v1/agents?email=mia%40example.com").await;
    let id = first["data"][0]["id"].as_str().expect("an agent");
    assert_eq!(client.get("/v1/agents?email=MIA%40example.com").await, (200, first.clone()));
    assert_eq!(client.get(&format!("/v1/agents/{id}")).await.1["data"]["email"], "mia@example.com");
}

#[tokio::test]
async fn a_tag_is_found_or_made_switched_and_removed() {
    let client = seeded().await;
    let (status, made) = client.call("POST", "/v1/tags", json!({ "name": "vip", "color": "#ff0000" })).await;
    assert_eq!((status, &made["data"]["state"]), (200, &json!("Active")));
    let again = client.call("POST", "/v1/tags", json!({ "name": "vip", "color": "#00ff00" })).await;
    assert_eq!(again, (200, made.clone()));
    let tag = made["data"]["id"].as_str().expect("an id").to_owned();
    let names = async |query: &str| {
        let (_, tags) = client.get(&format!("/v1/tags{query}")).await;
        tags["data"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|tag| tag["name"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["vip"]);
    assert_eq!(names("?includeDeactivated=true").await.len(), 2);
    let (_, old) = client.call("POST", "/v1/tags", json!({ "name": "old" })).await;
    assert_eq!(old["data"]["state"], "Inactive");

    let id = client.create(&email()).await;
    let of_it = format!("/v1/conversations/{id}/tags");
    let on_it = format!("{of_it}/{tag}");
    for _ in 0..2 {
        assert_eq!(client.call("PUT", &on_it, Value::Null).await, (204, Value::Null));
    }
    let inactive = format!("{of_it}/{}", old["data"]["id"].as_str().expect("an id"));
    assert_eq!(client.call("PUT", &inactive, Value::Null).await, refused(400, "Tag is not active"));
    assert_eq!(client.call("PUT", &format!("{of_it}/{NOBODY}"), Value::Null).await, refused(404, NOT_FOUND));
    assert_eq!(client.get(&of_it).await, (200, json!({ "data": [made["data"]] })));
    assert_eq!(client.call("PATCH", &format!("/v1/tags/{tag}/deactivate"), Value::Null).await.0, 204);
    assert_eq!(client.get(&of_it).await.1["data"][0]["state"], "Inactive");
    assert_eq!(client.call("DELETE", &on_it, Value::Null).await.0, 204);
    assert_eq!(client.get(&of_it).await.1["data"], json!([]));
    assert_eq!(client.call("PATCH", &format!("/v1/tags/{tag}/activate"), Value::Null).await.0, 204);
    assert_eq!(client.call("PUT", &on_it, Value::Null).await.0, 204);
    assert_eq!(client.call("DELETE", &format!("/v1/tags/{tag}"), Value::Null).await.0, 204);
    assert_eq!(client.get(&of_it).await.1["data"], json!([]), "it is gone everywhere");
    assert_eq!(client.call("DELETE", &format!("/v1/tags/{tag}"), Value::Null).await, refused(404, NOT_FOUND));
    assert_eq!(client.get(&format!("/v1/tags/{tag}")).await, refused(404, NOT_FOUND));
}

#[tokio::test]
async fn tags_in_bulk_are_put_on_later() {
    let client = seeded().await;
    let id = client.create(&email()).await;
    let bulk = format!("/v1/conversations/{id}/tags/bulk");
    let body = json!({ "data": [{ "name": "vip" }, { "name": "late" }, { "name": "vip" }] });
    assert_eq!(client.call("POST", &bulk, body).await, (202, Value::Null));
    let of_it = format!("/v1/conversations/{id}/tags");
    assert_eq!(client.get(&of_it).await.1["data"], json!([]));
    sleep(Duration::from_millis(1600)).await;
    assert_eq!(client.get(&of_it).await.1["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.call("POST", &bulk, json!({ "data": [{}] })).await.0, 400);
    assert_eq!(client.call("POST", "/v1/conversations/7/tags/bulk", json!({ "data": [] })).await.0, 404);
}

#[tokio::test]
async fn a_conversation_is_closed_reopened_and_put_off() {
    let client = seeded().await;
    let id = client.create(&email()).await;
    let path = |what: &str| format!("/v1/conversations/{id}/{what}");
    assert_eq!(client.call("PUT", &path("close"), Value::Null).await, (204, Value::Null));
    assert_eq!(client.shown(id).await["state"], "Closed");
    assert_eq!(client.call("PUT", &path("close"), json!({ "userId": MIA })).await.0, 204, "closed already");
    assert_eq!(client.call("PUT", &path("reopen"), json!({})).await.0, 204);
    let open = client.shown(id).await;
    assert_eq!((&open["state"], &open["queue"]["id"]), (&json!("Open"), &json!(QUEUE)), "in the default queue");
    assert_eq!(client.call("PUT", &path("followup"), json!({})).await.0, 400);
    assert_eq!(client.call("PUT", &path("followup"), json!({ "timestamp": "2030-01-01T00:00:00Z" })).await.0, 204);
    assert_eq!(client.shown(id).await["state"], "Pending");
    for (user, text) in [(NOBODY, "User not found"), (REQUESTER, "User is not admin or agent")] {
        assert_eq!(client.call("PUT", &path("close"), json!({ "userId": user })).await, refused(400, text));
    }
    assert_eq!(client.call("PUT", "/v1/conversations/7/close", Value::Null).await, refused(404, NOT_FOUND));
    assert_eq!(client.call("GET", &path("close"), Value::Null).await.0, 405);
}

#[tokio::test]
async fn a_conversation_is_put_in_a_queue_and_claimed() {
    let client = seeded().await;
    let id = client.create(&email()).await;
    let path = |what: &str| format!("/v1/conversations/{id}/{what}");
    assert_eq!(client.call("PUT", &path("claim"), json!({ "agentId": MIA })).await, (204, Value::Null));
    assert_eq!(client.shown(id).await["assignment"]["agentId"], MIA);
    let other = refused(409, "The conversation is assigned to another agent");
    assert_eq!(client.call("PUT", &path("claim"), json!({ "agentId": AGENT })).await, other);
    assert_eq!(client.call("PUT", &path("claim"), json!({ "agentId": MIA, "force": false })).await.0, 204, "its own");
    assert_eq!(client.call("PUT", &path("claim"), json!({ "agentId": AGENT, "force": true })).await.0, 204);
    assert_eq!(client.shown(id).await["assignment"]["agentId"], AGENT);
    assert_eq!(client.call("PUT", &path("claim"), json!({ "agentId": NOBODY })).await, refused(400, "User not found"));
    assert_eq!(client.call("PUT", &path("transfer/queue"), json!({ "queueId": SUPPORT, "userId": MIA })).await.0, 204);
    let shown = client.shown(id).await;
    assert_eq!((&shown["queue"]["id"], shown.get("assignment")), (&json!(SUPPORT), None));
    let unknown = refused(400, "Queue does not exist");
    assert_eq!(client.call("PUT", &path("transfer/queue"), json!({ "queueId": NOBODY })).await, unknown);
    assert_eq!(
        client.call("PUT", &path("transfer/queue"), json!({})).await,
        refused(400, "Decoding failure in request")
    );
    let lenient = Client::lenient().await;
    let id = lenient.create(&email()).await;
    let to = format!("/v1/conversations/{id}/transfer/queue");
    assert_eq!(lenient.call("PUT", &to, json!({ "queueId": NOBODY })).await.0, 204, "it is provided");
    assert_eq!(lenient.get(&format!("/v1/queues/{NOBODY}")).await.0, 200);
}

#[tokio::test]
async fn a_message_is_added_once_and_not_to_a_generic_channel() {
    let client = Client::strict().await;
    let id = client.create(&email()).await;
    let path = format!("/v1/conversations/{id}/messages");
    let message = json!({ "_type": "Inbound", "content": { "_type": "Text", "value": "More" }, "externalId": "m-2" });
    let (status, added) = client.post(&path, &message).await;
    assert_eq!(
        (status, &added["data"]["externalId"], &added["data"]["authorId"]),
        (200, &json!("m-2"), &json!(REQUESTER))
    );
    assert_eq!(client.post(&path, &message).await, refused(400, "Duplicate externalId: m-2"));
    let (_, messages) = client.get(&path).await;
    assert_eq!(messages["data"][1]["id"], added["data"]["messageId"]);
    let copied = json!({
        "_type": "Outbound", "agentId": AGENT, "cc": [NOBODY], "content": { "_type": "Text", "value": "x" },
    });
    assert_eq!(client.post(&path, &copied).await, refused(400, "AddMessageError.EndUserNotFound"));
    let generic = json!({
        "genericChannelName": "genericapimessaging", "requesterId": REQUESTER, "direction": "Inbound",
        "createdAt": "2021-12-01T11:00:00Z",
    });
    client.post("/v1/conversations/import", &generic).await;
    let answer = client.post("/v1/conversations/1002/messages", &message).await;
    assert_eq!(answer, refused(400, "Unsupported ConversationChannel"));
}

#[tokio::test]
async fn what_requests_made_and_changed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data.jsonl");
    let options = SandboxOptions { data: Some(data), ..SandboxOptions::default() };
    let paths = |made: &Value| {
        [
            "/v1/conversations/1001".to_owned(),
            "/v1/conversations/1001/tags".to_owned(),
            "/v1/conversations/1001/messages".to_owned(),
            "/v1/tags?includeDeactivated=true".to_owned(),
            format!("/v1/endusers/{}", made["data"]["id"].as_str().expect("an id")),
            format!("/v1/endusers/{REQUESTER}"),
            "/v1/endusers?externalId=crm-1".to_owned(),
            "/v1/agents".to_owned(),
            "/v1/queues".to_owned(),
        ]
    };
    let (before, made) = {
        let client = Client::with(options.clone()).await;
        let (_, made) = client.call("POST", "/v1/endusers", json!({ "externalId": "crm-1" })).await;
        client.create(&email()).await;
        client.post("/v1/conversations/import", &email_import()).await;
        let message = json!({ "_type": "Inbound", "content": { "_type": "Text", "value": "More" } });
        client.post("/v1/conversations/1001/messages", &message).await;
        let (_, tag) = client.call("POST", "/v1/tags", json!({ "name": "vip" })).await;
        let tag = tag["data"]["id"].as_str().expect("an id").to_owned();
        client.call("PUT", &format!("/v1/conversations/1001/tags/{tag}"), Value::Null).await;
        client.call("PUT", "/v1/conversations/1001/transfer/queue", json!({ "queueId": NOBODY })).await;
        client.call("PUT", "/v1/conversations/1001/claim", json!({ "agentId": MIA })).await;
        client.call("PUT", "/v1/conversations/1001/close", Value::Null).await;
        client.call("PATCH", &format!("/v1/endusers/{REQUESTER}"), json!({ "displayName": "Changed" })).await;
        client.call("PATCH", &format!("/v1/endusers/{REQUESTER}/custom-attributes"), json!({ NOBODY: "x" })).await;
        client.get("/v1/agents?email=mia%40example.com").await;
        let mut before = Vec::new();
        for path in paths(&made) {
            before.push(client.get(&path).await);
        }
        (before, made)
    };
    let client = Client::with(options).await;
    for (path, before) in paths(&made).iter().zip(before) {
        assert_eq!(client.get(path).await, before, "{path}");
    }
    let (_, shown) = client.get(&format!("/v1/endusers/{REQUESTER}")).await;
    assert_eq!(shown["data"]["displayName"], "Changed", "what a request changed outlives what is known from the start");
    let (_, second) = client.call("POST", "/v1/endusers", json!({ "externalId": "crm-1" })).await;
    assert_ne!(second["data"]["id"], made["data"]["id"]);
}

#[tokio::test]
async fn what_was_provided_is_counted_and_what_was_made_is_not() {
    let client = Client::lenient().await;
    assert_eq!(client.0.provided(), None);
    client.create(&email()).await;
    client.call("POST", "/v1/endusers", json!({ "externalId": "crm-1" })).await;
    client.call("POST", "/v1/tags", json!({ "name": "vip" })).await;
    assert_eq!(client.0.provided(), None, "the samples exist");
    client.create(&with(email(), "/requesterId", json!(NOBODY))).await;
    client.create(&with(email(), "/requesterId", json!(MIA))).await;
    client.call("PUT", "/v1/conversations/1001/transfer/queue", json!({ "queueId": NOBODY })).await;
    client.patch(1001, &json!({ NOBODY: "x" })).await;
    let provided = client.0.provided().map(|provided| provided.to_string());
    let provided = provided.expect("it made up something").replace(NOBODY, "NOBODY").replace(MIA, "MIA");
    let names = "end users: NOBODY, MIA; queue: NOBODY; custom attribute: NOBODY";
    assert_eq!(provided, format!("2 end users, 1 queue, 1 custom attribute ({names})"));
}

#[tokio::test]
async fn faults_reach_every_call_of_seeding() {
    let plan = "500-after@make-enduser#1,empty-page@endusers#1,429@close#1,404@tags#1,500-before@put-tag#1,\
                list-lag=1s,read-lag=0s,201-empty@make-enduser#2,circle@agents";
    let faults = Some(plan.replace(' ', "").parse().expect("a plan"));
    let client = Client::with(SandboxOptions { faults, ..SandboxOptions::default() }).await;
    assert_eq!(client.call("POST", "/v1/endusers", json!({ "externalId": "crm-1" })).await.0, 500);
    assert_eq!(client.call("POST", "/v1/endusers", json!({ "externalId": "crm-2" })).await, (201, Value::Null));
    let (_, empty) = client.get("/v1/endusers?externalId=crm-1").await;
    assert!(empty["data"] == json!([]) && empty["meta"]["next"].is_string(), "{empty}");
    assert_eq!(client.get("/v1/endusers?externalId=crm-1").await.1["data"], json!([]), "the list lags");
    sleep(Duration::from_millis(1100)).await;
    for external_id in ["crm-1", "crm-2"] {
        let (_, found) = client.get(&format!("/v1/endusers?externalId={external_id}")).await;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{external_id}");
    }
    let id = client.create(&email()).await;
    assert_eq!(client.call("PUT", &format!("/v1/conversations/{id}/close"), Value::Null).await.0, 429);
    assert_eq!(client.shown(id).await["state"], "Open");
    assert_eq!(client.get("/v1/tags").await.0, 404);
    assert_eq!(client.call("PUT", &format!("/v1/conversations/{id}/tags/{NOBODY}"), Value::Null).await.0, 500);
    assert!(client.get("/v1/agents").await.1["meta"]["next"].is_string());
}

/// One write of whatever kind, to what may or may not be there.
fn write() -> impl Strategy<Value = (&'static str, String, Value)> {
    let tag = |name: &str| id_of(&json!({ "id": "org-1" }), "tag", name);
    let conversation = 1001..1004_i64;
    let tags = prop::sample::select(vec![tag("vip"), tag("old")]);
    let person = prop::sample::select(vec![REQUESTER, NOBODY, MIA]);
    let agent = prop::sample::select(vec![MIA, AGENT, NOBODY]);
    let text = prop::sample::select(vec!["a", "b"]);
    let message = |text: &str| json!({ "_type": "Inbound", "content": { "_type": "Text", "value": text } });
    prop_oneof![
        person.clone().prop_map(|id| (
            "POST",
            "/v1/conversations".to_owned(),
            with(email(), "/requesterId", json!(id))
        )),
        Just(("POST", "/v1/conversations/import".to_owned(), email_import())),
        (conversation.clone(), text.clone()).prop_map(move |(id, text)| (
            "POST",
            format!("/v1/conversations/{id}/messages"),
            message(text)
        )),
        (conversation.clone(), text.clone()).prop_map(|(id, text)| {
            ("PATCH", format!("/v1/conversations/{id}/custom-attributes"), json!({ TEXT: text, NOBODY: [text] }))
        }),
        (conversation.clone(), prop::sample::select(vec!["close", "reopen"])).prop_map(|(id, what)| (
            "PUT",
            format!("/v1/conversations/{id}/{what}"),
            Value::Null
        )),
        (conversation.clone(), agent).prop_map(|(id, agent)| (
            "PUT",
            format!("/v1/conversations/{id}/claim"),
            json!({ "agentId": agent })
        )),
        (conversation.clone(), prop::sample::select(vec![SUPPORT, QUEUE, NOBODY])).prop_map(|(id, queue)| {
            ("PUT", format!("/v1/conversations/{id}/transfer/queue"), json!({ "queueId": queue }))
        }),
        (conversation, tags.clone(), prop::sample::select(vec!["PUT", "DELETE"])).prop_map(|(id, tag, method)| (
            method,
            format!("/v1/conversations/{id}/tags/{tag}"),
            Value::Null
        )),
        text.clone().prop_map(|_| ("POST", "/v1/tags".to_owned(), json!({ "name": "vip" }))),
        (tags, prop::sample::select(vec!["activate", "deactivate"])).prop_map(|(tag, what)| (
            "PATCH",
            format!("/v1/tags/{tag}/{what}"),
            Value::Null
        )),
        Just(("DELETE", format!("/v1/tags/{}", tag("vip")), Value::Null)),
        text.clone().prop_map(|name| (
            "POST",
            "/v1/endusers".to_owned(),
            json!({ "email": format!("{name}@b.example") })
        )),
        (person.clone(), text.clone()).prop_map(|(id, name)| {
            (
                "PATCH",
                format!("/v1/endusers/{id}"),
                json!({ "displayName": name, "email": format!("{name}@b.example") }),
            )
        }),
        (person, text).prop_map(|(id, text)| {
            ("PATCH", format!("/v1/endusers/{id}/custom-attributes"), json!({ LOCATION: text }))
        }),
    ]
}

/// All that can be read of the few things that the writes are about.
async fn everything(client: &Client) -> Vec<(u16, Value)> {
    let mut paths: Vec<String> = ["endusers", "tags?includeDeactivated=true", "agents", "queues", "custom-attributes"]
        .map(|list| format!("/v1/{list}"))
        .into();
    for id in 1001..1004 {
        paths.extend(["", "/messages", "/tags"].map(|what| format!("/v1/conversations/{id}{what}")));
    }
    for id in [REQUESTER, NOBODY, MIA] {
        paths.push(format!("/v1/endusers/{id}"));
    }
    for name in ["a", "b"] {
        paths.push(format!("/v1/endusers?email={name}%40b.example"));
    }
    let mut read = Vec::new();
    for path in paths {
        read.push(client.get(&path).await);
    }
    read
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn after_any_writes_a_restart_changes_nothing(
        writes in prop::collection::vec(write(), 1..40),
        strict in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let data = Some(folder.path().join("data.jsonl"));
        let options = SandboxOptions { data, seed: Some(seed()), strict, ..SandboxOptions::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (before, after) = runtime.block_on(async {
            let before = {
                let client = Client::with(options.clone()).await;
                for (method, path, body) in writes {
                    let (status, answer) = client.call(method, &path, body).await;
                    assert!(status < 500, "{method} {path}: {answer}");
                }
                // Reading makes up who is named in it, once.
                let _named = everything(&client).await;
                everything(&client).await
            };
            (before, everything(&Client::with(options).await).await)
        });
        prop_assert_eq!(before, after);
    }
}
