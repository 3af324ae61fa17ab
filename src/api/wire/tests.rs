use super::*;
use crate::conversation::AttributeValue;

#[test]
fn the_documented_organization_is_read() {
    let body = br#"{"data":{"id":"e9609fa9-efff-4fdc-a7ef-dd335f33c5f6","name":"Example Organization","subdomain":"example-org","status":"Active"}}"#;
    let read = organization(body).expect("the sample");
    assert_eq!(
        (read.id.as_str(), read.name.as_str()),
        ("e9609fa9-efff-4fdc-a7ef-dd335f33c5f6", "Example Organization")
    );
}

#[test]
fn the_documented_answers_to_a_post_are_read() {
    assert_eq!(
        created(Kind::Conversation, br#"{"data":{"id":100}}"#).expect("the sample"),
        Created { id: Id::conversation(100), partial_errors: vec![] }
    );
    let body = br#"{"data":{"id":100,"partialErrors":[{"message":"The conversation could not be assigned"},{"message":"Invalid attachment url in message. externalId: 42"}]}}"#;
    assert_eq!(
        created(Kind::Conversation, body).expect("the sample").partial_errors,
        ["The conversation could not be assigned", "Invalid attachment url in message. externalId: 42"]
    );
}

#[test]
fn an_id_is_not_lost_over_odd_partial_errors() {
    for (errors, expected) in [
        ("null", vec![]),
        ("[]", vec![]),
        (r#"["plain",{"code":7}]"#, vec![r#""plain""#, r#"{"code":7}"#]),
        (r#"{"message":"one"}"#, vec!["one"]),
    ] {
        let body = format!(r#"{{"data":{{"id":"100","partialErrors":{errors},"new":1}},"meta":null}}"#);
        let read = created(Kind::Conversation, body.as_bytes()).expect(&body);
        assert_eq!(
            (read.id, read.partial_errors),
            (Id::conversation(100), expected.into_iter().map(String::from).collect())
        );
    }
}

#[test]
fn an_answer_without_a_usable_id_is_no_answer() {
    for body in [
        "",
        "{}",
        "null",
        "<html>",
        r#"{"data":{}}"#,
        r#"{"data":{"id":null}}"#,
        r#"{"data":{"id":0}}"#,
        r#"{"data":{"id":-1}}"#,
        r#"{"data":{"id":1.5}}"#,
        r#"{"data":{"id":"abc"}}"#,
        r#"{"data":{"id":100}"#,
        r#"{"id":100}"#,
    ] {
        assert!(created(Kind::Conversation, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn the_documented_conversation_is_read_with_its_attributes() {
    let body = br#"{"data":{"id":1,"requesterId":"d58c8b1c-85ad-4678-a6c8-7442945f3836","channel":"WidgetChat",
        "createdAt":"2020-12-16T09:41:43Z","direction":"Outbound","state":"Open","stateUpdatedAt":"2020-12-16T09:41:43Z",
        "assignment":{"agentId":"0e4d0ead-dc69-470a-9b3a-e7eb16a56453","assignedAt":"2020-12-16T11:00:34Z"},
        "browserInfo":{"name":"Chrome 9","version":"91.0.4472.114","ipAddress":"127.0.0.1","originatingUrl":"http://localhost:3000/"},
        "language":"en","link":{"parentId":1234,"_type":"SideConversation"},
        "customAttributes":[{"id":"e14708a6-eed9-495c-9d88-c72331e9e247","name":"My Attribute","identifier":"my_attribute","value":"My Attribute Value"}],
        "_type":"ChatConversation"}}"#;
    let read = conversation(body).expect("the sample");
    assert_eq!(read.id, ConversationId(1));
    assert_eq!(read.requester_id.as_deref(), Some("d58c8b1c-85ad-4678-a6c8-7442945f3836"));
    assert_eq!((read.channel.as_deref(), read.direction.as_deref()), (Some("WidgetChat"), Some("Outbound")));
    assert_eq!((read.created_at.as_deref(), read.anonymized), (Some("2020-12-16T09:41:43Z"), false));
    assert_eq!((read.state.as_deref(), read.language.as_deref()), (Some("Open"), Some("en")));
    assert_eq!(read.agent_id.as_deref(), Some("0e4d0ead-dc69-470a-9b3a-e7eb16a56453"));
    let attributes = read.attributes.expect("listed");
    let attribute = &attributes["e14708a6-eed9-495c-9d88-c72331e9e247"];
    assert_eq!((attribute.name.as_str(), attribute.identifier.as_str()), ("My Attribute", "my_attribute"));
    assert_eq!(attribute.value, Value::from("My Attribute Value"));
}

#[test]
fn words_unknown_to_us_are_data_and_no_errors() {
    let body = br#"{"data":{"id":7,"requesterId":"r","channel":"Telepathy","createdAt":"x","direction":"Sideways","state":"Odd",
        "customAttributes":null,"anonymizedAt":null,"_type":"TelepathyConversation"}}"#;
    let read = conversation(body).expect("readable");
    assert_eq!((read.channel.as_deref(), read.direction.as_deref()), (Some("Telepathy"), Some("Sideways")));
    assert_eq!((read.anonymized, read.attributes), (false, None));
}

#[test]
fn an_anonymized_conversation_is_recognized_by_either_sign() {
    for tail in [r#""_type":"AnonymizedConversation""#, r#""anonymizedAt":"2020-12-16T09:41:43Z""#] {
        let body = format!(r#"{{"data":{{"id":7,"requesterId":"r","channel":"Email","createdAt":"x",{tail}}}}}"#);
        assert!(conversation(body.as_bytes()).expect(tail).anonymized, "{tail}");
    }
}

#[test]
fn of_a_conversation_only_the_id_is_required() {
    let bare = ConversationReading::of(ConversationId(7));
    for odd in [
        "",
        r#","requesterId":null,"channel":null,"createdAt":null"#,
        r#","requesterId":7,"channel":["Email"],"createdAt":1608111703,"direction":{},"subject":false,"language":0"#,
        r#","queue":"a","assignment":[],"state":{},"anonymizedAt":null,"_type":1,"customAttributes":"none""#,
    ] {
        let body = format!(r#"{{"data":[{{"id":7{odd}}},{{"id":"8","channel":"Email"}}]}}"#);
        let read = conversations(body.as_bytes()).expect(&body).items;
        assert_eq!(read[0], bare, "{odd}");
        let email = ConversationReading { channel: Some("Email".into()), ..ConversationReading::of(ConversationId(8)) };
        assert_eq!(read[1], email);
    }
    for body in [r#"{"data":[{"id":7},{"channel":"Email"}]}"#, r#"{"data":[7]}"#, r#"{"data":{"id":7}}"#] {
        assert!(conversations(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn an_odd_attribute_is_no_reason_to_lose_the_others() {
    let body = br#"{"data":{"id":7,"customAttributes":[7,{"value":"x"},{"id":"A","value":{"x":1,"x":2}},{"id":"b"}]}}"#;
    let read = conversation(body).expect("readable").attributes.expect("listed");
    assert_eq!(read.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(read["b"].value, Value::Null);
}

#[test]
fn both_ends_of_a_conversation_are_read_under_their_several_names() {
    let body = br#"{"data":[{"id":1,"fromNumber":"+4511","toNumber":"+4522","_type":"SmsConversation"},
        {"id":2,"fromContactPointId":"a","toContactPointId":"b","_type":"GenericConversation"},
        {"id":3,"integrationEmail":"x@email.dixa.io","subject":"s","queue":{"id":"q","queuedAt":"t"}}]}"#;
    let read = conversations(body).expect("readable").items;
    let ends = |reading: &ConversationReading| (reading.from.clone(), reading.to.clone());
    assert_eq!(ends(&read[0]), (Some("+4511".into()), Some("+4522".into())));
    assert_eq!(ends(&read[1]), (Some("a".into()), Some("b".into())));
    assert_eq!(
        (read[2].integration_email.as_deref(), read[2].subject.as_deref()),
        (Some("x@email.dixa.io"), Some("s"))
    );
    assert_eq!(read[2].queue_id.as_deref(), Some("q"));
}

#[test]
fn a_page_names_the_next_one_when_there_is_one() {
    let page = |meta: &str| {
        let body = format!(r#"{{"data":[{{"id":1,"requesterId":"r","channel":"Email","createdAt":"x"}}]{meta}}}"#);
        let page = conversations(body.as_bytes()).expect(&body);
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.items[0].attributes, None);
        page.next
    };
    let next = "/v1/search/conversations/?pageKey=cGFnZUxpbWl0PTUwJnBhZ2U9MQ%3D%3D:";
    assert_eq!(page(&format!(r#","meta":{{"previous":null,"next":"{next}"}}"#)).as_deref(), Some(next));
    for meta in ["", r#","meta":null"#, r#","meta":{}"#, r#","meta":{"next":null}"#, r#","meta":{"next":""}"#] {
        assert_eq!(page(meta), None, "{meta}");
    }
}

#[test]
fn the_documented_messages_are_read() {
    let body = br#"{"data":[{"id":"11b95893-0514-4606-a5d8-1880172b3a55","authorId":"41646d42-edc0-493e-ac7b-814d9ff40a2e",
        "externalId":"13244","createdAt":"2021-12-01T12:46:36.581Z[GMT]","attributes":{"emailContent":{"content":
        {"value":"Hello, this is a regular email content","_type":"Text"},"_type":"Regular"},"_type":"EmailAttributes"}},
        {"id":"22b95893-0514-4606-a5d8-1880172b3a56","authorId":"41646d42-edc0-493e-ac7b-814d9ff40a2e",
        "createdAt":"2021-12-01T12:47:36.581Z[GMT]","attributes":{"_type":"ChatAttributes"}}]}"#;
    let read = messages(body).expect("the sample");
    assert_eq!(read[0].external_id.as_deref(), Some("13244"));
    assert_eq!(read[0].created_at.as_deref(), Some("2021-12-01T12:46:36.581Z[GMT]"));
    assert_eq!(read[0].author_id.as_deref(), Some("41646d42-edc0-493e-ac7b-814d9ff40a2e"));
    assert_eq!(read[0].text.as_deref(), Some("Hello, this is a regular email content"));
    assert_eq!(read[1].id.as_deref(), Some("22b95893-0514-4606-a5d8-1880172b3a56"));
    assert_eq!((&read[1].external_id, &read[1].text), (&None, &None));
}

#[test]
fn the_text_of_a_message_is_where_its_kind_has_it_or_unknown() {
    for (attributes, expected) in [
        (r#"{"content":{"value":"hi","_type":"Text"},"direction":"Inbound","_type":"ChatAttributes"}"#, Some("hi")),
        (r#"{"content":"hi","direction":"Inbound","_type":"SmsAttributes"}"#, Some("hi")),
        (r#"{"emailContent":{"content":{"value":"<p>hi</p>","_type":"Html"},"_type":"Regular"}}"#, Some("<p>hi</p>")),
        (r#"{"emailContent":{"file":{"url":"https://files.dixa.io/1"},"_type":"TooLarge"}}"#, None),
        (r#"{"recording":"https://files.dixa.io/1","_type":"CallRecordingAttributes"}"#, None),
        ("7", None),
        ("null", None),
    ] {
        let body = format!(r#"{{"data":[{{"id":"m","attributes":{attributes}}},7]}}"#);
        let read = messages(body.as_bytes()).expect(&body);
        assert_eq!(read[0].text.as_deref(), expected, "{attributes}");
        assert_eq!(read[1], MessageReading::default());
    }
}

#[test]
fn the_documented_definitions_are_read_with_nested_options() {
    let body = br#"{"data":[{"id":"C43FC767-f89b-443a-9c98-90f53f940bd7","entityType":"Conversation","identifier":"parcel_id",
        "label":"Parcel ID","inputDefinition":{"placeholder":"1234","_type":"Text"},"description":"Id of the parcel",
        "createdAt":"2023-01-01T08:23:54.246Z[GMT]","isRequired":false,"isArchived":false,"isDeactivated":true},
        {"id":"db5f673b-1c40-41e7-b71f-caab342f0607","entityType":"Contact","identifier":"contact_reason","label":"Contact Reason",
        "inputDefinition":{"options":[{"id":"5e2be744-cc2b-4bda-8c76-feb7b28f2970","label":"Payment","value":"payment","nestedOptions":
        [{"id":"666de4d5-0c6e-421c-a25e-d53073070af4","label":"Card","value":"card","nestedOptions":[],"isDeactivated":true,"orderIndex":2}],
        "isDeactivated":false,"orderIndex":1}],"_type":"Select"},"isRequired":true,"isArchived":true,"isDeactivated":false},
        {"id":"x","entityType":"Galaxy","inputDefinition":{"_type":"Slider"}}]}"#;
    let card = Choice { value: "card".into(), deactivated: true, nested: vec![] };
    let payment = Choice { value: "payment".into(), deactivated: false, nested: vec![card] };
    let read = definitions(body).expect("the sample");
    assert_eq!(
        read[0],
        Definition {
            id: "c43fc767-f89b-443a-9c98-90f53f940bd7".into(),
            label: "Parcel ID".into(),
            identifier: "parcel_id".into(),
            entity: Entity::Conversation,
            input: Input::Text,
            archived: false,
            deactivated: true,
        }
    );
    assert_eq!(
        (&read[1].entity, &read[1].input, read[1].archived),
        (&Entity::Contact, &Input::Select(vec![payment]), true)
    );
    assert_eq!((&read[2].entity, &read[2].input), (&Entity::Other("Galaxy".into()), &Input::Other("Slider".into())));
}

#[test]
fn the_documented_answer_to_a_patch_is_read() {
    let body = br#"{"data":[{"id":"2f5515b6-7e98-4f4d-9010-bfd2a27d4f35","name":"Conversation attribute","identifier":"conversation_attribute","value":"012345"},
        {"id":"e14708a6-eed9-495c-9d88-c72331e9e247","name":"Conversation attribute 2","identifier":"conversation_attribute_2","value":["str1","str2"]}]}"#;
    let read = patched(body).expect("the sample");
    assert_eq!(read[0].value, Value::from("012345"));
    assert_eq!(read[1].value, Value::from(vec!["str1", "str2"]));
}

#[test]
fn attributes_are_sent_as_documented_and_null_clears() {
    let attributes = Attributes::from([
        ("2f5515b6-7e98-4f4d-9010-bfd2a27d4f35".to_owned(), AttributeValue::Text("012345".into())),
        ("db5f673b-1c40-41e7-b71f-caab342f0607".to_owned(), AttributeValue::Clear),
        (
            "e14708a6-eed9-495c-9d88-c72331e9e247".to_owned(),
            AttributeValue::Path(vec!["payment".into(), "card".into()]),
        ),
    ]);
    assert_eq!(
        attributes_body(&attributes),
        r#"{"2f5515b6-7e98-4f4d-9010-bfd2a27d4f35":"012345","db5f673b-1c40-41e7-b71f-caab342f0607":null,"e14708a6-eed9-495c-9d88-c72331e9e247":["payment","card"]}"#
    );
}

#[test]
fn a_spec_is_sent_as_it_is_written() {
    let spec = r#"{"requesterId":"9c2a2cce-699f-4a72-89d9-fda5bc8dec8b","message":{"content":{"value":"it's \"ok\"","_type":"Text"},"attachments":[],"_type":"Inbound"},"_type":"Email"}"#;
    let value = serde_json::from_str::<Value>(spec).expect("valid");
    assert_eq!(make_body(value.as_object().expect("a map")), spec);
}

#[test]
fn an_error_body_says_why_and_anything_else_says_nothing() {
    assert_eq!(
        error_message(br#"{"message":"Decoding failure in request"}"#).as_deref(),
        Some("Decoding failure in request")
    );
    for body in ["", "<html>", "{}", r#"{"message":""}"#, r#"{"message":7}"#] {
        assert_eq!(error_message(body.as_bytes()), None, "{body}");
    }
}
