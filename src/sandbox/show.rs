//! How conversations and messages read: the variants of `GET /v1/conversations/{id}` and of its messages.
//!
//! <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid> and
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>. Absent members are left out, never null.

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::message::{Attachment, Direction, Written};

/// Message ids are derived, so that the same requests give the same ids.
const MESSAGE_NAMESPACE: Uuid = Uuid::from_u128(0x6b1c_1d2e_7f0a_4b57_9c1d_3f5e_8a20_4d11);

/// What every variant of a conversation has.
#[derive(Debug)]
pub struct Common<'a> {
    pub id: i64,
    pub requester_id: &'a str,
    /// The `_type`.
    pub variant: &'static str,
    pub channel: &'a str,
    pub direction: Direction,
    pub created_at: Timestamp,
    /// Presence means that the conversation is closed.
    pub closed_at: Option<Timestamp>,
    /// The agent and since when.
    pub assignment: Option<(&'a str, Timestamp)>,
    /// The queue and since when.
    pub queue: Option<(&'a str, Timestamp)>,
}

/// The samples of conversations and end users have whole seconds, so that what is made may seem to be up to a second
/// older than it is.
pub fn in_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The samples of messages have milliseconds.
pub fn in_milliseconds(now: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Adds a member unless there is no value for it.
pub fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}

/// A conversation without its custom attributes; `own` are the members of its variant alone.
pub fn conversation(common: &Common<'_>, own: Map<String, Value>) -> Box<RawValue> {
    let Common { id, requester_id, variant, channel, direction, created_at, closed_at, assignment, queue } = common;
    let mut shown = own;
    let state = if closed_at.is_some() { "Closed" } else { "Open" };
    put(&mut shown, "id", Some(*id));
    put(&mut shown, "requesterId", Some(*requester_id));
    put(&mut shown, "_type", Some(*variant));
    put(&mut shown, "channel", Some(*channel));
    put(&mut shown, "direction", Some(direction.as_str()));
    put(&mut shown, "createdAt", Some(created_at.to_string()));
    put(&mut shown, "state", Some(state));
    put(&mut shown, "stateUpdatedAt", Some(closed_at.unwrap_or(*created_at).to_string()));
    let assignment = assignment.map(|(id, at)| json!({ "agentId": id, "assignedAt": at.to_string() }));
    put(&mut shown, "assignment", assignment);
    put(&mut shown, "queue", queue.map(|(id, at)| json!({ "id": id, "queuedAt": at.to_string() })));
    raw(&Value::Object(shown))
}

/// The envelope of an e-mail: contacts as `{email, name?}`.
#[derive(Debug)]
pub struct Envelope {
    pub from: Value,
    pub to: Value,
    pub cc: Vec<Value>,
    pub bcc: Vec<Value>,
}

/// Which `attributes` a message has.
#[derive(Debug)]
pub enum Carrier {
    Email(Envelope),
    ContactForm(Envelope),
    Chat,
    Sms,
    Generic,
}

/// A message; `index` is its place in its conversation.
pub fn message(
    conversation: i64,
    index: usize,
    author: &str,
    at: Timestamp,
    written: &Written,
    carrier: Carrier,
) -> Value {
    let id = Uuid::new_v5(&MESSAGE_NAMESPACE, format!("{conversation}/{index}").as_bytes()).to_string();
    let mut shown = Map::new();
    put(&mut shown, "id", Some(id));
    put(&mut shown, "authorId", Some(author));
    put(&mut shown, "externalId", written.external_id.as_deref());
    put(&mut shown, "createdAt", Some(format!("{at}[GMT]")));
    put(&mut shown, "attributes", Some(attributes(written, carrier)));
    Value::Object(shown)
}

fn attributes(written: &Written, carrier: Carrier) -> Value {
    let attachments: Vec<Value> = written.attachments.iter().map(Attachment::shown).collect();
    let direction = written.direction.as_str();
    let content = &written.content;
    let letter = |envelope: Envelope, kind: &str| {
        let Envelope { from, to, cc, bcc } = envelope;
        json!({
            "_type": kind,
            "emailContent": { "_type": "Regular", "content": content },
            "from": from,
            "to": [to],
            "cc": cc,
            "bcc": bcc,
            "isAutoReply": false,
            "inlineImages": [],
            "attachments": attachments,
            "direction": direction,
        })
    };
    let plain =
        |kind: &str| json!({ "_type": kind, "content": content, "direction": direction, "attachments": attachments });
    match carrier {
        Carrier::Email(envelope) => letter(envelope, "EmailAttributes"),
        Carrier::ContactForm(envelope) => letter(envelope, "ContactFormAttributes"),
        Carrier::Chat => {
            let mut shown = plain("ChatAttributes");
            shown["isAutomated"] = Value::from(false);
            shown
        }
        Carrier::Sms => plain("SmsAttributes"),
        Carrier::Generic => plain("GenericAttributes"),
    }
}

/// A value as text.
pub fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a JSON value is always JSON text")
}
