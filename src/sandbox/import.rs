//! `POST /v1/conversations/import`.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport.md>. Unlike a creation it is not
//! checked for external ids that are taken, and an attachment that can't be downloaded is a partial error beside the
//! 201.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{ConversationLine, Line, Thing};
use crate::sandbox::decode::{Members, uuid};
use crate::sandbox::known::EMAIL_INTEGRATION;
use crate::sandbox::message::{Direction, ImportedMessage};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::show::{self, Carrier, Common, Envelope, put};
use crate::sandbox::store::Store;
use crate::sandbox::world::World;

/// The channel names that the documentation gives; others are refused by a strict sandbox only.
const CHANNELS: &[&str] = &["email", "genericapimessaging", "widgetchat"];

/// Imports what the body describes.
pub fn import(store: &Store, given: &Received) -> Result<Answer, Refusal> {
    let Received { strict, now, .. } = *given;
    let import = Import::decode(given.body()?)?;
    if strict && !CHANNELS.contains(&import.channel_name.as_str()) {
        return Err(Refusal::UnsupportedChannel);
    }
    store.commit(|world| {
        let learned = world.unknown(import.named());
        match learned.first() {
            Some(Thing::EndUser(_)) if strict => return Err(Refusal::NoSuchRequester),
            Some(Thing::Agent(_)) if strict => return Err(Refusal::NoSuchAgent),
            Some(_) if strict => return Err(Refusal::NotFound),
            Some(_) | None => {}
        }
        let external_ids = import.external_ids();
        let taken = given.duplicates.and_then(|_| world.taken(external_ids.iter(), given.duplicates));
        if let Some(taken) = taken {
            return Err(given.duplicate(taken));
        }
        let id = world.next_id();
        let conversation = ConversationLine {
            id,
            requester_id: import.requester_id.clone(),
            shown: import.shown(id, world),
            messages: show::raw(&import.shown_messages(id, world)),
            external_ids: Vec::new(),
            imported_external_ids: external_ids,
        };
        let mut data = json!({ "id": id });
        let partial_errors = import.partial_errors(world);
        if !partial_errors.is_empty() {
            data["partialErrors"] = Value::from(partial_errors);
        }
        let line = Line { learned, conversation: Some(conversation), ..Line::at(now) };
        Ok((line, Answer::created(&data)))
    })
}

/// A body that decoded and fits its channel.
struct Import {
    channel_name: String,
    external_id: Option<String>,
    requester_id: String,
    direction: Direction,
    created_at: Timestamp,
    /// Oldest first.
    messages: Vec<ImportedMessage>,
    /// The agent and since when.
    assignment: Option<(String, Timestamp)>,
    /// By whom and when.
    closing: Option<(String, Timestamp)>,
    /// There when the channel is `email`.
    email: Option<EmailChannel>,
}

struct EmailChannel {
    integration_id: String,
    subject: Option<String>,
}

impl Import {
    fn decode(body: &Value) -> Result<Self, Refusal> {
        let members = Members::of(body)?;
        if members.optional_text("_type")?.is_some_and(|kind| kind != "GenericConversationImport") {
            return Err(Refusal::Undecodable);
        }
        if members.optional("requesterConnectionStatus").is_some() {
            members.word("requesterConnectionStatus", &["Connected", "Disconnected"])?;
        }
        let attributes = members.free("attributes")?;
        let mut messages =
            members.list("messages")?.iter().map(ImportedMessage::decode).collect::<Result<Vec<_>, _>>()?;
        messages.sort_by_key(|message| message.created_at);
        let channel_name = members.text("genericChannelName")?.to_owned();
        let email = if channel_name == "email" { Some(EmailChannel::decode(attributes, &messages)?) } else { None };
        Ok(Import {
            channel_name,
            external_id: members.optional_text("externalId")?.map(str::to_owned),
            requester_id: members.uuid("requesterId")?,
            direction: Direction::of(members)?,
            created_at: members.timestamp("createdAt")?,
            messages,
            assignment: by_agent(members.optional("assignment"), "agentId", "assignedAt")?,
            closing: by_agent(members.optional("closing"), "closedBy", "closedAt")?,
            email,
        })
    }

    fn external_ids(&self) -> Vec<String> {
        let messages = self.messages.iter().filter_map(|message| message.written.external_id.as_ref());
        self.external_id.iter().chain(messages).cloned().collect()
    }

    /// Everything that has to exist.
    fn named(&self) -> BTreeSet<Thing> {
        let mut named = BTreeSet::from([Thing::EndUser(self.requester_id.clone())]);
        let (assignment, closing) = (self.assignment.iter(), self.closing.iter());
        named.extend(assignment.chain(closing).map(|(agent_id, _)| Thing::Agent(agent_id.clone())));
        named.extend(self.email.iter().map(|email| Thing::EmailIntegration(email.integration_id.clone())));
        for message in &self.messages {
            named.extend(message.written.agent_id.iter().cloned().map(Thing::Agent));
            if self.email.is_some() {
                named.extend(own_text(message, "emailIntegrationId").map(|id| Thing::EmailIntegration(id.to_owned())));
                named.extend(own_author(message).map(Thing::EndUser));
            }
        }
        named
    }

    /// The assignment, if it succeeds: an agent that is not active can't be assigned to.
    fn assigned(&self, world: &World) -> Option<(&str, Timestamp)> {
        let (agent_id, at) = self.assignment.as_ref()?;
        (!world.inactive_agents.contains(agent_id)).then_some((agent_id.as_str(), *at))
    }

    fn partial_errors(&self, world: &World) -> Vec<Value> {
        let mut errors = Vec::new();
        if self.assignment.is_some() && self.assigned(world).is_none() {
            errors.push(json!({ "message": "The conversation could not be assigned" }));
        }
        for message in self.messages.iter().filter(|message| message.written.bad_attachment().is_some()) {
            let words = match &message.written.external_id {
                Some(id) => format!("Invalid attachment url in message. externalId: {id}"),
                None => "Invalid attachment url in message.".to_owned(),
            };
            errors.push(json!({ "message": words }));
        }
        errors
    }

    fn shown(&self, id: i64, world: &World) -> Box<RawValue> {
        let mut own = Map::new();
        let (variant, channel) = match &self.email {
            Some(email) => {
                let theirs = world.email_contact(&self.requester_id)["email"].clone();
                let ours = Value::from(email.integration_id.as_str());
                let (from, to) = match self.direction {
                    Direction::Inbound => (theirs, ours.clone()),
                    Direction::Outbound => (ours.clone(), theirs),
                };
                put(&mut own, "fromEmail", Some(from));
                put(&mut own, "toEmail", Some(to));
                put(&mut own, "integrationEmail", Some(ours));
                put(&mut own, "subject", email.subject.as_deref());
                ("EmailConversation", "Email")
            }
            None if self.channel_name == "widgetchat" => ("GenericConversation", "WidgetChat"),
            None => ("GenericConversation", self.channel_name.as_str()),
        };
        let common = Common {
            id,
            requester_id: &self.requester_id,
            variant,
            channel,
            direction: self.direction,
            created_at: self.created_at,
            closed_at: self.closing.as_ref().map(|(_, at)| *at),
            assignment: self.assigned(world),
            queue: None,
        };
        show::conversation(&common, own)
    }

    fn shown_messages(&self, id: i64, world: &World) -> Value {
        let shown = self.messages.iter().enumerate().map(|(index, message)| {
            let mut written = message.written.clone();
            written.attachments.retain(|attachment| attachment.is_downloadable());
            let author = match (&self.email, &written.agent_id) {
                (_, Some(agent_id)) => agent_id.clone(),
                (Some(_), None) => own_author(message).unwrap_or_else(|| self.requester_id.clone()),
                (None, None) => self.requester_id.clone(),
            };
            let carrier = match &self.email {
                Some(email) => Carrier::Email(self.envelope(email, message, &author, world)),
                None => Carrier::Generic,
            };
            show::message(id, index, &author, message.created_at, &written, carrier)
        });
        shown.collect()
    }

    fn envelope(&self, email: &EmailChannel, message: &ImportedMessage, author: &str, world: &World) -> Envelope {
        let ours = json!({ "email": own_text(message, "emailIntegrationId").unwrap_or(&email.integration_id) });
        let (from, to) = match message.written.direction {
            Direction::Inbound => (world.email_contact(author), ours),
            Direction::Outbound => (ours, world.email_contact(&self.requester_id)),
        };
        let contacts = |name: &str| own_addresses(message, name).map(|email| json!({ "email": email })).collect();
        match message.written.direction {
            Direction::Inbound => Envelope { from, to, cc: Vec::new(), bcc: Vec::new() },
            Direction::Outbound => Envelope { from, to, cc: contacts("cc"), bcc: contacts("bcc") },
        }
    }
}

impl EmailChannel {
    /// The channel takes its own attributes apart, so what is wrong in them is not a decoding failure. Without an
    /// integration the conversation gets the one that the documentation's samples use.
    fn decode(attributes: Option<&Map<String, Value>>, messages: &[ImportedMessage]) -> Result<Self, Refusal> {
        const WHY: Refusal = Refusal::InvalidMessage("attributes do not fit the channel email");
        for own in messages.iter().filter_map(|message| message.attributes.as_ref()) {
            let is_text = |name: &str| own.get(name).is_none_or(|value| value.is_string() || value.is_null());
            let is_list = |name: &str| match own.get(name) {
                None | Some(Value::Null) => true,
                Some(Value::Array(items)) => items.iter().all(Value::is_string),
                Some(_) => false,
            };
            let author = own.get("requesterId").filter(|value| !value.is_null());
            let author_fits = author.is_none_or(|value| value.as_str().and_then(uuid).is_some());
            if !(author_fits && is_text("emailIntegrationId") && is_list("cc") && is_list("bcc")) {
                return Err(WHY);
            }
        }
        let text = |name: &str| match attributes.and_then(|own| own.get(name)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(WHY),
        };
        let integration_id = text("emailIntegrationId")?.unwrap_or_else(|| EMAIL_INTEGRATION.to_owned());
        Ok(EmailChannel { integration_id, subject: text("subject")? })
    }
}

/// `{agent, instant}` under the names given.
fn by_agent(value: Option<&Value>, agent: &str, at: &str) -> Result<Option<(String, Timestamp)>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let members = Members::of(value)?;
    Ok(Some((members.uuid(agent)?, members.timestamp(at)?)))
}

fn own_text<'a>(message: &'a ImportedMessage, name: &str) -> Option<&'a str> {
    message.attributes.as_ref()?.get(name)?.as_str()
}

/// The end user that an inbound e-mail names as its author in place of the requester.
fn own_author(message: &ImportedMessage) -> Option<String> {
    match message.written.direction {
        Direction::Inbound => own_text(message, "requesterId").and_then(uuid),
        Direction::Outbound => None,
    }
}

fn own_addresses<'a>(message: &'a ImportedMessage, name: &str) -> impl Iterator<Item = &'a str> {
    let list = message.attributes.as_ref().and_then(|own| own.get(name)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}
