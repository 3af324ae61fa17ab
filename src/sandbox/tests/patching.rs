//! `PATCH /v1/conversations/{id}/custom-attributes`.

use serde_json::{Value, json};

use super::{Client, LOCATION, NOBODY, SELECT, TEXT, email, refused};
use crate::sandbox::{Entity, KnownAttribute, KnownInput, SandboxOptions};

#[tokio::test]
async fn the_documented_sample_is_answered_as_documented() {
    let client = Client::strict().await;
    let id = client.create(&email()).await;
    let body = json!({
        "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35": "012345",
        "e14708a6-eed9-495c-9d88-c72331e9e247": ["str1", "str2"],
    });
    let expected = json!([
        {
            "id": "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35",
            "name": "Conversation attribute",
            "identifier": "conversation_attribute",
            "value": "012345",
        },
        {
            "id": "e14708a6-eed9-495c-9d88-c72331e9e247",
            "name": "Conversation attribute 2",
            "identifier": "conversation_attribute_2",
            "value": ["str1", "str2"],
        },
    ]);
    assert_eq!(client.patch(id, &body).await, (200, json!({ "data": expected })));
    let (_, answer) = client.get(&format!("/v1/conversations/{id}")).await;
    assert_eq!(answer["data"]["customAttributes"], expected);
}

#[tokio::test]
async fn null_clears_and_leaves_the_others_alone() {
    let client = Client::lenient().await;
    let id = client.create(&email()).await;
    client.patch(id, &json!({ TEXT: "a", SELECT: ["payment", "card"] })).await;
    assert_eq!(client.patch(id, &json!({ TEXT: null })).await, (200, json!({ "data": [] })));
    let (_, answer) = client.get(&format!("/v1/conversations/{id}")).await;
    assert_eq!(answer["data"]["customAttributes"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["data"]["customAttributes"][0]["value"], json!(["payment", "card"]));
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_definition_writes_nothing_at_all() {
    let client = Client::lenient().await;
    let id = client.create(&email()).await;
    for (definition, value, why) in [
        (SELECT, json!("payment"), "takes another kind of value"),
        (SELECT, json!(["payment", "cash"]), "has no such option"),
        (SELECT, json!([]), "takes another kind of value"),
        (LOCATION, json!(["denmark", "aarhus"]), "is not an attribute of conversations"),
        (LOCATION, Value::Null, "is not an attribute of conversations"),
        (TEXT, json!(["a"]), "takes another kind of value"),
        (TEXT, json!(""), "takes another kind of value"),
    ] {
        let mut body = json!({ "c43fc767-f89b-443a-9c98-90f53f940bd7": "parcel" });
        body[definition] = value;
        let message = format!("Invalid input for patching: custom attribute {definition} {why}");
        assert_eq!(client.patch(id, &body).await, refused(400, &message), "{body}");
    }
    let (_, answer) = client.get(&format!("/v1/conversations/{id}")).await;
    assert_eq!(answer["data"]["customAttributes"], json!([]));
}

#[tokio::test]
async fn a_path_may_end_before_a_leaf() {
    let client = Client::strict().await;
    let id = client.create(&email()).await;
    let (status, answer) = client.patch(id, &json!({ SELECT: ["payment"] })).await;
    assert_eq!((status, &answer["data"][0]["value"]), (200, &json!(["payment"])));
}

#[tokio::test]
async fn numbers_and_booleans_are_a_decoding_failure() {
    let client = Client::lenient().await;
    let id = client.create(&email()).await;
    for body in [
        json!({ TEXT: 12345 }),
        json!({ TEXT: true }),
        json!({ TEXT: {} }),
        json!({ SELECT: ["payment", 1] }),
        json!({ "conversation_attribute": "x" }),
        json!([]),
    ] {
        assert_eq!(client.patch(id, &body).await, refused(400, "Decoding failure in request"), "{body}");
    }
}

#[tokio::test]
async fn a_conversation_that_is_not_there_is_a_404_and_an_id_that_is_no_number_a_400() {
    let client = Client::lenient().await;
    let missing = client.patch(7, &json!({ TEXT: "a" })).await;
    assert_eq!(missing, refused(404, "The requested resource could not be found"));
    let path = "/v1/conversations/abc/custom-attributes";
    let answer = client.send(super::request("PATCH", path, "{}".to_owned())).await;
    assert_eq!(answer, refused(400, "Invalid value in request"));
}

#[tokio::test]
async fn an_unknown_definition_is_provisioned_from_its_value_and_grows() {
    let client = Client::lenient().await;
    let id = client.create(&email()).await;
    for path in [json!(["a", "b"]), json!(["a", "c"])] {
        let (status, answer) = client.patch(id, &json!({ NOBODY: path })).await;
        assert_eq!((status, &answer["data"][0]["value"]), (200, &path));
    }
    let (_, answer) = client.get(&format!("/v1/custom-attributes/{NOBODY}")).await;
    let nested = &answer["data"]["inputDefinition"]["options"][0]["nestedOptions"];
    assert_eq!([&nested[0]["value"], &nested[1]["value"]], ["b", "c"]);
    let (status, _) = client.patch(id, &json!({ NOBODY: "text" })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_strict_sandbox_provisions_nothing() {
    let client = Client::strict().await;
    let id = client.create(&email()).await;
    let message = format!("Invalid input for patching: custom attribute {NOBODY} does not exist");
    for body in [json!({ NOBODY: "a" }), json!({ NOBODY: null })] {
        assert_eq!(client.patch(id, &body).await, refused(400, &message));
    }
}

#[tokio::test]
async fn what_is_known_by_name_gets_an_id_and_what_has_the_name_keeps_its_own() {
    let known = |id: &str, entity| KnownAttribute { id: id.to_owned(), entity, input: KnownInput::Text };
    let seed = json!({
        "queues": [{ "id": NOBODY, "name": "Support" }],
        "customAttributes": [{ "id": NOBODY, "entityType": "Conversation", "identifier": "order", "label": "Order",
            "inputDefinition": { "_type": "Text" } }],
    });
    let mut options = SandboxOptions {
        seed: Some(seed),
        known_attributes: vec![known("order", Entity::Conversation), known("order", Entity::Contact)],
        known_queues: vec!["Returns".to_owned(), "Support".to_owned()],
        ..SandboxOptions::default()
    };
    let named = |answer: &Value, member: &str, name: &str| {
        let all = answer["data"].as_array().expect("a list").iter();
        all.filter(|one| one[member] == name).map(|one| one["id"] == NOBODY).collect::<Vec<_>>()
    };
    let client = Client::with(options.clone()).await;
    let (_, queues) = client.get("/v1/queues").await;
    assert_eq!((named(&queues, "name", "Support"), named(&queues, "name", "Returns")), (vec![true], vec![false]));
    let (_, definitions) = client.get("/v1/custom-attributes").await;
    let mut of_both = named(&definitions, "identifier", "order");
    of_both.sort_unstable();
    assert_eq!(of_both, [false, true]);
    options.strict = true;
    let (_, queues) = Client::with(options).await.get("/v1/queues").await;
    assert!(named(&queues, "name", "Returns").is_empty());
}

#[tokio::test]
async fn definitions_that_are_known_beforehand_are_there_from_the_start() {
    let path = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    let known = |id: &str, input| KnownAttribute { id: id.to_owned(), entity: Entity::Conversation, input };
    let text = "11111111-1111-4222-8333-444444444444";
    let known_attributes = vec![
        known(NOBODY, KnownInput::Select(vec![path(&["a", "b"])])),
        known(text, KnownInput::Text),
        known(NOBODY, KnownInput::Select(vec![path(&["a", "c"]), path(&["d"])])),
        known(SELECT, KnownInput::Select(vec![path(&["not", "there"])])),
    ];
    let client = Client::with(SandboxOptions { known_attributes, ..SandboxOptions::default() }).await;
    let (_, answer) = client.get("/v1/custom-attributes").await;
    let input = |id: &str| {
        let all = answer["data"].as_array().expect("a list");
        all.iter().find(|definition| definition["id"] == id).map(|definition| &definition["inputDefinition"])
    };
    let options = &input(NOBODY).expect("provisioned")["options"];
    assert_eq!(options[0]["nestedOptions"].as_array().map(Vec::len), Some(2));
    assert_eq!(options[1]["value"], "d");
    assert_eq!(input(text), Some(&json!({ "_type": "Text" })));
    let given = &input(SELECT).expect("a sample")["options"];
    assert!(given.as_array().expect("a list").iter().all(|option| option["value"] != "not"), "{given}");
}
