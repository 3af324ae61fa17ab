//! Dixa's JSON: what its answers look like, and the bodies that are sent.
//!
//! Answers are read leniently: unknown members are skipped, unknown words are kept as words, optional members may be
//! null. What a decision hangs on is strict: an answer without a conversation's id, requester or channel is no answer,
//! as a guess there could end in a second conversation. Bodies are written by [`crate::json`], so that a spec goes out
//! as it was written.

use std::collections::BTreeMap;

use serde::de::{Deserialize as _, DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

use crate::api::contract::{
    AttributeReading, Choice, ConversationReading, Created, Definition, Entity, Input, MessageReading, Organization,
};
use crate::conversation::{Attributes, ConversationId, attributes_to_map};
use crate::json::Unique;

/// Why an answer could not be read.
pub type NotReadable = serde_json::Error;

/// The body of a POST: the spec as it is written.
pub fn make_body(content: &Map<String, Value>) -> String {
    serde_json::to_string(content).expect("a map of values is JSON")
}

/// The body of a PATCH of custom attributes; cleared ones are null.
pub fn attributes_body(attributes: &Attributes) -> String {
    make_body(&attributes_to_map(attributes))
}

/// The `message` of an error body.
pub fn error_message(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        message: String,
    }
    serde_json::from_slice::<ErrorBody>(body).ok().map(|error| error.message).filter(|message| !message.is_empty())
}

/// # Errors
/// Not JSON, or no `data` with an id.
pub fn organization(body: &[u8]) -> Result<Organization, NotReadable> {
    data(body)
}

/// # Errors
/// Not JSON, or no list of definitions with ids.
pub fn definitions(body: &[u8]) -> Result<Vec<Definition>, NotReadable> {
    data::<Vec<WireDefinition>>(body).map(|definitions| definitions.into_iter().map(Definition::from).collect())
}

/// # Errors
/// Not JSON, or no positive id. Partial errors of any shape are taken as they are: the id must not be lost over them.
pub fn created(body: &[u8]) -> Result<Created, NotReadable> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        #[serde(deserialize_with = "conversation_id")]
        id: ConversationId,
        partial_errors: Option<Value>,
    }
    let Wire { id, partial_errors } = data(body)?;
    let partial_errors = match partial_errors {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(errors)) => errors.iter().map(partial_error).collect(),
        Some(other) => vec![partial_error(&other)],
    };
    Ok(Created { id, partial_errors })
}

fn partial_error(error: &Value) -> String {
    error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned)
}

/// # Errors
/// Not JSON, or a required member is missing.
pub fn conversation(body: &[u8]) -> Result<ConversationReading, NotReadable> {
    data::<WireConversation>(body).map(ConversationReading::from)
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page is: a URL, or a path of the API.
    pub next: Option<String>,
}

/// # Errors
/// Not JSON, or a required member is missing in one of the conversations.
pub fn conversations(body: &[u8]) -> Result<Page<ConversationReading>, NotReadable> {
    let Envelope { data, meta } = serde_json::from_slice::<Envelope<Vec<WireConversation>>>(body)?;
    let next = meta.and_then(|meta| meta.next).filter(|next| !next.is_empty());
    Ok(Page { items: data.into_iter().map(ConversationReading::from).collect(), next })
}

/// # Errors
/// Not JSON, or no list of messages with ids.
pub fn messages(body: &[u8]) -> Result<Vec<MessageReading>, NotReadable> {
    data(body)
}

/// What a PATCH of custom attributes answers.
///
/// # Errors
/// Not JSON, or no list of attributes with ids.
pub fn patched(body: &[u8]) -> Result<Vec<AttributeReading>, NotReadable> {
    data::<Vec<WireAttribute>>(body).map(|attributes| attributes.into_iter().map(AttributeReading::from).collect())
}

/// What every answer is wrapped in. <https://docs.dixa.io/docs/api-standards-rules>
#[derive(serde::Deserialize)]
struct Envelope<T> {
    data: T,
    meta: Option<Meta>,
}

#[derive(serde::Deserialize)]
struct Meta {
    next: Option<String>,
}

fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, NotReadable> {
    serde_json::from_slice::<Envelope<T>>(body).map(|envelope| envelope.data)
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireConversation {
    #[serde(deserialize_with = "conversation_id")]
    id: ConversationId,
    requester_id: String,
    channel: String,
    direction: Option<String>,
    #[serde(default)]
    created_at: String,
    #[serde(rename = "_type")]
    variant: Option<String>,
    anonymized_at: Option<String>,
    custom_attributes: Option<Vec<WireAttribute>>,
}

impl From<WireConversation> for ConversationReading {
    fn from(wire: WireConversation) -> Self {
        let WireConversation {
            id,
            requester_id,
            channel,
            direction,
            created_at,
            variant,
            anonymized_at,
            custom_attributes,
        } = wire;
        let attributes = custom_attributes.map(|attributes| {
            let readings = attributes.into_iter().map(AttributeReading::from);
            readings.map(|reading| (reading.id.clone(), reading)).collect::<BTreeMap<_, _>>()
        });
        let anonymized = anonymized_at.is_some() || variant.as_deref() == Some("AnonymizedConversation");
        ConversationReading { id, requester_id, channel, direction, created_at, anonymized, attributes }
    }
}

#[derive(serde::Deserialize)]
struct WireAttribute {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    identifier: String,
    value: Option<Unique>,
}

impl From<WireAttribute> for AttributeReading {
    fn from(wire: WireAttribute) -> Self {
        let WireAttribute { id, name, identifier, value } = wire;
        let value = value.map_or(Value::Null, |Unique(value)| value);
        AttributeReading { id: id.to_ascii_lowercase(), name, identifier, value }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDefinition {
    id: String,
    entity_type: String,
    #[serde(default)]
    identifier: String,
    #[serde(default)]
    label: String,
    input_definition: WireInput,
    #[serde(default)]
    is_archived: bool,
    #[serde(default)]
    is_deactivated: bool,
}

#[derive(serde::Deserialize)]
struct WireInput {
    #[serde(rename = "_type")]
    variant: String,
    /// Recursion is bounded by the 128 levels that `serde_json` reads.
    options: Option<Vec<Choice>>,
}

impl From<WireDefinition> for Definition {
    fn from(wire: WireDefinition) -> Self {
        let WireDefinition { id, entity_type, identifier, label, input_definition, is_archived, is_deactivated } = wire;
        let entity = match entity_type.as_str() {
            "Conversation" => Entity::Conversation,
            "Contact" => Entity::Contact,
            _ => Entity::Other(entity_type),
        };
        let input = match input_definition.variant.as_str() {
            "Text" => Input::Text,
            "Select" => Input::Select(input_definition.options.unwrap_or_default()),
            _ => Input::Other(input_definition.variant),
        };
        let id = id.to_ascii_lowercase();
        Definition { id, label, identifier, entity, input, archived: is_archived, deactivated: is_deactivated }
    }
}

/// A positive integer; also written as text, as some of Dixa's clients have it.
fn conversation_id<'de, D: Deserializer<'de>>(source: D) -> Result<ConversationId, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        Integer(i64),
        Text(String),
    }
    let id = match Either::deserialize(source) {
        Ok(Either::Integer(id)) => Some(id),
        Ok(Either::Text(text)) => text.parse().ok(),
        Err(_) => None,
    };
    id.filter(|id| *id > 0).map(ConversationId).ok_or_else(|| D::Error::custom("the id is not a positive integer"))
}

#[cfg(test)]
mod tests {
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
            created(br#"{"data":{"id":100}}"#).expect("the sample"),
            Created { id: ConversationId(100), partial_errors: vec![] }
        );
        let body = br#"{"data":{"id":100,"partialErrors":[{"message":"The conversation could not be assigned"},{"message":"Invalid attachment url in message. externalId: 42"}]}}"#;
        assert_eq!(
            created(body).expect("the sample").partial_errors,
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
            let read = created(body.as_bytes()).expect(&body);
            assert_eq!(
                (read.id, read.partial_errors),
                (ConversationId(100), expected.into_iter().map(String::from).collect())
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
            assert!(created(body.as_bytes()).is_err(), "{body}");
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
        assert_eq!(read.requester_id, "d58c8b1c-85ad-4678-a6c8-7442945f3836");
        assert_eq!((read.channel.as_str(), read.direction.as_deref()), ("WidgetChat", Some("Outbound")));
        assert_eq!((read.created_at.as_str(), read.anonymized), ("2020-12-16T09:41:43Z", false));
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
        assert_eq!((read.channel.as_str(), read.direction.as_deref()), ("Telepathy", Some("Sideways")));
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
    fn a_conversation_without_what_decisions_hang_on_is_no_answer() {
        for missing in ["id", "requesterId", "channel"] {
            let whole = r#"{"data":[{"id":7,"requesterId":"r","channel":"Email","createdAt":"x"}]}"#;
            assert!(conversations(whole.as_bytes()).is_ok());
            let part = whole.replace(missing, "other");
            assert!(conversations(part.as_bytes()).is_err(), "{part}");
        }
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
        assert_eq!(read[0].created_at, "2021-12-01T12:46:36.581Z[GMT]");
        assert_eq!((read[1].id.as_str(), &read[1].external_id), ("22b95893-0514-4606-a5d8-1880172b3a56", &None));
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
        assert_eq!(
            (&read[2].entity, &read[2].input),
            (&Entity::Other("Galaxy".into()), &Input::Other("Slider".into()))
        );
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
}
