//! Dixa's JSON: what its answers look like, and the bodies that are sent.
//!
//! Answers are read leniently: unknown members are skipped, unknown words are kept as words, optional members may be
//! null. Of a conversation only the id is required: whatever else is missing or odd is unknown, so that one
//! conversation doesn't hide the others. Bodies are written by [`crate::json`], so that a spec goes out as it was
//! written.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::api::contract::{
    AttributeReading, ConversationReading, Created, EndUserReading, MessageReading, Organization,
};
use crate::catalog::{Agent, ContactEndpoint, Queue, Tag};
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind, attributes_to_map};
use crate::definition::{Choice, Definition, Entity, Input};
use crate::shape;

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
/// Not JSON, or no id as such a thing has. Partial errors of any shape are taken as they are: the id must not be lost
/// over them.
pub fn created(kind: Kind, body: &[u8]) -> Result<Created, NotReadable> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        id: Value,
        partial_errors: Option<Value>,
    }
    let Wire { id, partial_errors } = data(body)?;
    let id = match kind {
        Kind::EndUser => end_user_id(&id).map(Id::from),
        Kind::Conversation | Kind::Import => conversation_id(&id).map(Id::from),
    };
    let id = id.map_err(NotReadable::custom)?;
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
/// Not JSON, or no positive id.
pub fn conversation(body: &[u8]) -> Result<ConversationReading, NotReadable> {
    data::<WireConversation>(body).map(|WireConversation(reading)| reading)
}

/// # Errors
/// Not JSON, or no id.
pub fn end_user(body: &[u8]) -> Result<EndUserReading, NotReadable> {
    data::<WireEndUser>(body).map(|WireEndUser(reading)| reading)
}

/// # Errors
/// Not JSON, or one of the end users has no id.
pub fn end_users(body: &[u8]) -> Result<Page<EndUserReading>, NotReadable> {
    let Envelope { data, meta } = serde_json::from_slice::<Envelope<Vec<WireEndUser>>>(body)?;
    let next = meta.and_then(|meta| meta.next).filter(|next| !next.is_empty());
    Ok(Page { items: data.into_iter().map(|WireEndUser(reading)| reading).collect(), next })
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page is: a URL, or a path of the API.
    pub next: Option<String>,
}

/// # Errors
/// Not JSON, or one of the conversations has no positive id.
pub fn conversations(body: &[u8]) -> Result<Page<ConversationReading>, NotReadable> {
    page(body, |WireConversation(reading)| Some(reading))
}

/// # Errors
/// Not JSON, or no list.
pub fn agents(body: &[u8]) -> Result<Page<Agent>, NotReadable> {
    page(body, |agent: Value| {
        let [email, name] = ["/email", "/displayName"].map(|pointer| text(&agent, pointer).unwrap_or_default());
        Some(Agent { email, name, id: uuid(&agent)? })
    })
}

/// # Errors
/// Not JSON, or no list.
pub fn queues(body: &[u8]) -> Result<Page<Queue>, NotReadable> {
    page(body, |queue: Value| Some(Queue { name: text(&queue, "/name")?, id: uuid(&queue)? }))
}

/// # Errors
/// Not JSON, or no list.
pub fn tags(body: &[u8]) -> Result<Page<Tag>, NotReadable> {
    page(body, |value: Value| tag(&value))
}

/// # Errors
/// Not JSON, or no list.
pub fn tags_of(body: &[u8]) -> Result<Vec<Tag>, NotReadable> {
    tags(body).map(|page| page.items)
}

fn tag(value: &Value) -> Option<Tag> {
    let active = text(value, "/state").is_none_or(|state| state != "Inactive");
    Some(Tag { name: text(value, "/name")?, id: uuid(value)?, active })
}

/// # Errors
/// Not JSON, or no list.
pub fn contact_endpoints(body: &[u8]) -> Result<Page<ContactEndpoint>, NotReadable> {
    page(body, |endpoint: Value| {
        let name = text(&endpoint, "/name").unwrap_or_default();
        if let Some(address) = text(&endpoint, "/address") {
            return Some(ContactEndpoint::Email { address, name });
        }
        let functionality = endpoint.get("functionality").and_then(Value::as_array);
        let words = functionality.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Some(ContactEndpoint::Telephony { number: text(&endpoint, "/number")?, name, functionality: words.collect() })
    })
}

/// One page; an item that lacks what it is known by is passed over.
fn page<W: DeserializeOwned, T>(body: &[u8], read: impl Fn(W) -> Option<T>) -> Result<Page<T>, NotReadable> {
    let Envelope { data, meta } = serde_json::from_slice::<Envelope<Vec<W>>>(body)?;
    let next = meta.and_then(|meta| meta.next).filter(|next| !next.is_empty());
    Ok(Page { items: data.into_iter().filter_map(read).collect(), next })
}

/// The id of an entry in lower case.
fn uuid(value: &Value) -> Option<String> {
    text(value, "/id").map(|id| id.to_ascii_lowercase())
}

/// # Errors
/// Not JSON, or no list.
pub fn messages(body: &[u8]) -> Result<Vec<MessageReading>, NotReadable> {
    data::<Vec<Value>>(body).map(|messages| messages.iter().map(message).collect())
}

/// # Errors
/// Not JSON, or no tag with a name and an id.
pub fn made_tag(body: &[u8]) -> Result<Tag, NotReadable> {
    data::<Value>(body).and_then(|value| tag(&value).ok_or_else(|| NotReadable::custom("no tag with an id")))
}

/// What a PATCH of custom attributes answers.
///
/// # Errors
/// Not JSON, or no list.
pub fn patched(body: &[u8]) -> Result<Vec<AttributeReading>, NotReadable> {
    data::<Vec<Value>>(body).map(|attributes| attributes.iter().filter_map(attribute).collect())
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

struct WireConversation(ConversationReading);

impl<'de> serde::de::Deserialize<'de> for WireConversation {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(source)?;
        let id = conversation_id(value.get("id").unwrap_or(&Value::Null)).map_err(D::Error::custom)?;
        let word = |pointer: &str| text(&value, pointer);
        let variant = word("/_type");
        let anonymized = word("/anonymizedAt").is_some() || variant.as_deref() == Some("AnonymizedConversation");
        let attributes = attributes(&value);
        Ok(WireConversation(ConversationReading {
            id,
            variant,
            requester_id: word("/requesterId"),
            channel: word("/channel"),
            direction: word("/direction"),
            created_at: word("/createdAt"),
            state: word("/state"),
            queue_id: word("/queue/id"),
            agent_id: word("/assignment/agentId"),
            integration_email: word("/integrationEmail"),
            subject: word("/subject"),
            language: word("/language"),
            from: word("/fromNumber").or_else(|| word("/fromContactPointId")),
            to: word("/toNumber").or_else(|| word("/toContactPointId")),
            anonymized,
            attributes,
        }))
    }
}

struct WireEndUser(EndUserReading);

impl<'de> serde::de::Deserialize<'de> for WireEndUser {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(source)?;
        let id = end_user_id(value.get("id").unwrap_or(&Value::Null)).map_err(D::Error::custom)?;
        let known = shape::body(Kind::EndUser).variants.iter().flat_map(|variant| variant.members);
        let member = |name: &str| value.get(name).filter(|value| !value.is_null()).cloned();
        let members = known.filter_map(|known| Some((known.name.to_owned(), member(known.name)?))).collect();
        let created_at = text(&value, "/createdAt");
        Ok(WireEndUser(EndUserReading { id, created_at, members, attributes: attributes(&value) }))
    }
}

/// By the id of their definition; none where they are not listed at all.
fn attributes(value: &Value) -> Option<BTreeMap<String, AttributeReading>> {
    let attributes = value.get("customAttributes")?.as_array()?;
    let readings = attributes.iter().filter_map(attribute);
    Some(readings.map(|reading| (reading.id.clone(), reading)).collect())
}

/// The text at a JSON pointer, if there is one.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// None for one that doesn't say of which definition it is.
fn attribute(value: &Value) -> Option<AttributeReading> {
    let word = |pointer: &str| text(value, pointer).unwrap_or_default();
    Some(AttributeReading {
        id: text(value, "/id")?.to_ascii_lowercase(),
        name: word("/name"),
        identifier: word("/identifier"),
        value: value.get("value").cloned().unwrap_or_default(),
    })
}

/// The content of an e-mail is one level deeper than that of other messages, if it is there at all.
fn message(value: &Value) -> MessageReading {
    let content = ["/attributes/content/value", "/attributes/emailContent/content/value", "/attributes/content"];
    MessageReading {
        id: text(value, "/id"),
        external_id: text(value, "/externalId"),
        author_id: text(value, "/authorId"),
        direction: text(value, "/attributes/direction"),
        created_at: text(value, "/createdAt"),
        text: content.iter().find_map(|pointer| text(value, pointer)),
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
    options: Option<Vec<WireChoice>>,
}

#[derive(serde::Deserialize)]
struct WireChoice {
    value: String,
    #[serde(default, rename = "isDeactivated")]
    deactivated: bool,
    #[serde(rename = "nestedOptions")]
    nested: Option<Vec<WireChoice>>,
}

impl From<WireChoice> for Choice {
    fn from(WireChoice { value, deactivated, nested }: WireChoice) -> Self {
        Choice { value, deactivated, nested: nested.into_iter().flatten().map(Choice::from).collect() }
    }
}

impl From<WireDefinition> for Definition {
    fn from(wire: WireDefinition) -> Self {
        let WireDefinition { id, entity_type, identifier, label, input_definition, is_archived, is_deactivated } = wire;
        let entity = Entity::of_word(&entity_type);
        let input = match input_definition.variant.as_str() {
            "Text" => Input::Text,
            "Select" => Input::Select(input_definition.options.into_iter().flatten().map(Choice::from).collect()),
            _ => Input::Other(input_definition.variant),
        };
        let id = id.to_ascii_lowercase();
        Definition { id, label, identifier, entity, input, archived: is_archived, deactivated: is_deactivated }
    }
}

fn end_user_id(id: &Value) -> Result<EndUserId, &'static str> {
    let id = id.as_str().and_then(|id| Uuid::try_parse(id).ok());
    id.map(EndUserId).ok_or("the id is not a uuid")
}

/// A positive integer; also written as text, as some of Dixa's clients have it.
fn conversation_id(id: &Value) -> Result<ConversationId, &'static str> {
    let id = id.as_i64().or_else(|| id.as_str()?.parse().ok());
    id.filter(|id| *id > 0).map(ConversationId).ok_or("the id is not a positive integer")
}

#[cfg(test)]
mod tests;
