//! The reads.

use serde_json::{Value, json};

use super::{Client, NOBODY, REQUESTER, email, refused, request, with};

const NOT_FOUND: &str = "The requested resource could not be found";
const INVALID: &str = "Invalid value in request";

#[tokio::test]
async fn the_organization_is_that_of_the_samples() {
    let client = Client::lenient().await;
    let organization = json!({
        "id": "e9609fa9-efff-4fdc-a7ef-dd335f33c5f6",
        "name": "Example Organization",
        "subdomain": "example-org",
        "status": "Active",
    });
    assert_eq!(client.get("/v1/organization").await, (200, json!({ "data": organization })));
}

#[tokio::test]
async fn a_definition_reads_as_in_the_documentation() {
    let client = Client::lenient().await;
    let expected = json!({
        "id": "db5f673b-1c40-41e7-b71f-caab342f0607",
        "entityType": "Conversation",
        "identifier": "contact_reason",
        "label": "Contact Reason",
        "inputDefinition": {
            "options": [
                {
                    "id": "5e2be744-cc2b-4bda-8c76-feb7b28f2970",
                    "label": "Payment",
                    "value": "payment",
                    "nestedOptions": [
                        {
                            "id": "666de4d5-0c6e-421c-a25e-d53073070af4",
                            "label": "Card",
                            "value": "card",
                            "nestedOptions": [],
                            "isDeactivated": false,
                            "orderIndex": 2,
                        },
                        {
                            "id": "db26964a-5a88-4689-ad34-8a5f21cd9cd6",
                            "label": "Bank Transfer",
                            "value": "bank_transfer",
                            "nestedOptions": [],
                            "isDeactivated": false,
                            "orderIndex": 3,
                        },
                    ],
                    "isDeactivated": false,
                    "orderIndex": 1,
                },
                {
                    "id": "05d43b25-32a4-49e2-97c0-8723dc73f7bb",
                    "label": "Access",
                    "value": "access",
                    "nestedOptions": [],
                    "isDeactivated": false,
                    "orderIndex": 4,
                },
            ],
            "_type": "Select",
        },
        "description": "Reason for contacting",
        "createdAt": "2023-01-05T06:42:31.532Z[GMT]",
        "isRequired": true,
        "isArchived": false,
        "isDeactivated": false,
    });
    let one = client.get("/v1/custom-attributes/db5f673b-1c40-41e7-b71f-caab342f0607").await;
    assert_eq!(one, (200, json!({ "data": expected })));
    let (status, all) = client.get("/v1/custom-attributes").await;
    let all = all["data"].as_array().expect("a list");
    assert_eq!(status, 200);
    assert_eq!(all.len(), 5);
    assert!(all.contains(&expected));
}

#[tokio::test]
async fn an_end_user_reads_by_id_and_is_known_once_named() {
    let client = Client::lenient().await;
    let path = format!("/v1/endusers/{NOBODY}");
    assert_eq!(Client::strict().await.get(&path).await, refused(404, NOT_FOUND));
    let (status, answer) = client.get(&path).await;
    assert_eq!(status, 200);
    assert_eq!(answer["data"]["id"], NOBODY);
    assert_eq!(answer["data"]["email"], format!("{NOBODY}@example.com"));
    assert_eq!(answer["data"]["customAttributes"], json!([]));
}

#[tokio::test]
async fn pages_lead_through_all_conversations_newest_first_and_without_attributes() {
    let client = Client::lenient().await;
    for count in 0..120 {
        client.create(&email()).await;
        if count % 3 == 0 {
            client.create(&with(email(), "/requesterId", json!(NOBODY))).await;
        }
    }
    let mut path = format!("/v1/endusers/{REQUESTER}/conversations");
    let mut sizes = Vec::new();
    let mut ids = Vec::new();
    loop {
        let (status, answer) = client.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        let page = answer["data"].as_array().expect("a list");
        assert!(page.iter().all(|conversation| conversation.get("customAttributes").is_none()));
        assert!(page.iter().all(|conversation| conversation["requesterId"] == REQUESTER));
        sizes.push(page.len());
        ids.extend(page.iter().filter_map(|conversation| conversation["id"].as_i64()));
        // A conversation that is created meanwhile neither repeats nor hides one.
        client.create(&email()).await;
        match answer.pointer("/meta/next").and_then(Value::as_str) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert!(ids.is_sorted_by(|one, other| one > other), "{ids:?}");
    assert!(path.starts_with(&format!("/v1/endusers/{REQUESTER}/conversations?pageKey=")), "{path}");
}

#[tokio::test]
async fn a_page_limit_holds_for_the_pages_after_it() {
    let client = Client::lenient().await;
    for _ in 0..5 {
        client.create(&email()).await;
    }
    let (_, first) = client.get(&format!("/v1/endusers/{REQUESTER}/conversations?pageLimit=2")).await;
    let (_, second) = client.get(first["meta"]["next"].as_str().expect("more")).await;
    let ids: Vec<i64> =
        second["data"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_i64()).collect();
    assert_eq!(ids, [1003, 1002]);
}

#[tokio::test]
async fn an_end_user_whom_nobody_named_has_no_conversations_and_in_a_strict_sandbox_is_not_there() {
    let path = format!("/v1/endusers/{NOBODY}/conversations");
    let lenient = Client::lenient().await;
    assert_eq!(lenient.get(&path).await, (200, json!({ "data": [] })));
    assert_eq!(lenient.get(&format!("/v1/endusers/{NOBODY}")).await.0, 200, "it exists from then on");
    assert_eq!(Client::strict().await.get(&path).await, refused(404, NOT_FOUND));
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let client = Client::lenient().await;
    for path in ["/v1/conversations/1001", "/v1/conversations/1001/messages", "/v1/nothing", "/", "/beta/organization"]
    {
        assert_eq!(client.get(path).await, refused(404, NOT_FOUND), "{path}");
    }
}

#[tokio::test]
async fn a_path_or_query_that_does_not_fit_is_a_400() {
    let client = Client::lenient().await;
    for path in [
        "/v1/conversations/abc",
        "/v1/conversations/99999999999999999999",
        "/v1/conversations/x/messages",
        "/v1/endusers/alice",
        "/v1/endusers/alice/conversations",
        "/v1/custom-attributes/00000000-1111-4222-8333-444444444444",
        "/v1/endusers/9c2a2cce-699f-4a72-89d9-fda5bc8dec8b/conversations?pageLimit=0",
        "/v1/endusers/9c2a2cce-699f-4a72-89d9-fda5bc8dec8b/conversations?pageKey=nonsense",
    ] {
        assert_eq!(client.get(path).await, refused(400, INVALID), "{path}");
    }
}

#[tokio::test]
async fn another_method_is_a_405() {
    let client = Client::lenient().await;
    for (method, path) in
        [("DELETE", "/v1/conversations/1001"), ("GET", "/v1/conversations"), ("POST", "/v1/organization")]
    {
        let answer = client.send(request(method, path, String::new())).await;
        assert_eq!(answer, refused(405, "Method Not Allowed"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_head_is_another_method_too() {
    let client = Client::lenient().await;
    for (path, status) in [("/v1/organization", 405), ("/v1/conversations", 405), ("/v1/nothing", 404)] {
        assert_eq!(client.response(request("HEAD", path, String::new())).await.status().as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn one_slash_at_the_end_of_a_path_means_nothing() {
    let client = Client::lenient().await;
    let id = client.create(&email()).await;
    for path in ["/v1/organization", "/v1/custom-attributes", &format!("/v1/conversations/{id}")] {
        assert_eq!(client.get(&format!("{path}/")).await, client.get(path).await, "{path}");
    }
    let of_user = format!("/v1/endusers/{REQUESTER}/conversations");
    assert_eq!(client.get(&format!("{of_user}/?pageLimit=0")).await, refused(400, INVALID));
    assert_eq!(client.get("/v1/organization//").await, refused(404, NOT_FOUND));
}
