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
use crate::sandbox::create::browser_info;
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
    let import = Import::decode(given.body()?, strict)?;
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
    channel: Channel,
}

/// What the attributes of a conversation say, by its channel.
enum Channel {
    Email {
        integration_id: String,
        subject: String,
    },
    WidgetChat {
        widget_id: Option<String>,
        browser_info: Option<Value>,
        language: Option<String>,
    },
    /// Its attributes are its own affair.
    Other,
}

impl Import {
    fn decode(body: &Value, strict: bool) -> Result<Self, Refusal> {
        let members = Members::of(body)?;
        if members.optional_text("_type")?.is_some_and(|kind| kind != "GenericConversationImport") {
            return Err(Refusal::Undecodable);
        }
        if members.optional("requesterConnectionStatus").is_some() {
            members.word("requesterConnectionStatus", &["Connected", "Disconnected"])?;
        }
        let mut messages =
            members.list("messages")?.iter().map(ImportedMessage::decode).collect::<Result<Vec<_>, _>>()?;
        messages.sort_by_key(|message| message.created_at);
        let channel_name = members.text("genericChannelName")?.to_owned();
        let channel = Channel::decode(&channel_name, members.free("attributes")?, &messages, strict)?;
        Ok(Import {
            channel_name,
            external_id: members.optional_text("externalId")?.map(str::to_owned),
            requester_id: members.uuid("requesterId")?,
            direction: Direction::of(members)?,
            created_at: members.timestamp("createdAt")?,
            messages,
            assignment: by_agent(members.optional("assignment"), "agentId", "assignedAt")?,
            closing: by_agent(members.optional("closing"), "closedBy", "closedAt")?,
            channel,
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
        match &self.channel {
            Channel::Email { integration_id, .. } => {
                named.insert(Thing::EmailIntegration(integration_id.clone()));
            }
            Channel::WidgetChat { widget_id, .. } => named.extend(widget_id.iter().cloned().map(Thing::Widget)),
            Channel::Other => {}
        }
        for message in &self.messages {
            named.extend(message.written.agent_id.iter().cloned().map(Thing::Agent));
            if let Channel::Email { .. } = self.channel {
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
        let (variant, channel) = match &self.channel {
            Channel::Email { integration_id, subject } => {
                let theirs = world.email_contact(&self.requester_id)["email"].clone();
                let ours = Value::from(integration_id.as_str());
                let (from, to) = match self.direction {
                    Direction::Inbound => (theirs, ours.clone()),
                    Direction::Outbound => (ours.clone(), theirs),
                };
                put(&mut own, "fromEmail", Some(from));
                put(&mut own, "toEmail", Some(to));
                put(&mut own, "integrationEmail", Some(ours));
                put(&mut own, "subject", Some(subject.as_str()).filter(|subject| !subject.is_empty()));
                ("EmailConversation", "Email")
            }
            Channel::WidgetChat { browser_info, language, .. } => {
                put(&mut own, "browserInfo", browser_info.clone());
                put(&mut own, "language", language.as_deref());
                ("ChatConversation", "WidgetChat")
            }
            Channel::Other => ("GenericConversation", self.channel_name.as_str()),
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
            let author = match (&self.channel, &written.agent_id) {
                (_, Some(agent_id)) => agent_id.clone(),
                (Channel::Email { .. }, None) => own_author(message).unwrap_or_else(|| self.requester_id.clone()),
                (_, None) => self.requester_id.clone(),
            };
            let carrier = match &self.channel {
                Channel::Email { integration_id, .. } => {
                    Carrier::Email(self.envelope(integration_id, message, &author, world))
                }
                Channel::WidgetChat { .. } => Carrier::Chat,
                Channel::Other => Carrier::Generic,
            };
            show::message(id, index, &author, message.created_at, &written, carrier)
        });
        shown.collect()
    }

    fn envelope(&self, mailbox: &str, message: &ImportedMessage, author: &str, world: &World) -> Envelope {
        let ours = json!({ "email": own_text(message, "emailIntegrationId").unwrap_or(mailbox) });
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

impl Channel {
    /// The channel takes its own attributes apart, so what is wrong in them is not a decoding failure. Only a strict
    /// sandbox wants all that an e-mail must have; another one has a mailbox for those that name none.
    fn decode(
        name: &str,
        attributes: Option<&Map<String, Value>>,
        messages: &[ImportedMessage],
        strict: bool,
    ) -> Result<Self, Refusal> {
        let none = Map::new();
        let own = Members::of_map(attributes.unwrap_or(&none));
        match name {
            "email" => Channel::email(own, messages, strict)
                .map_err(|_| Refusal::InvalidMessage("attributes do not fit the channel email")),
            "widgetchat" => Channel::widget_chat(own)
                .map_err(|_| Refusal::InvalidMessage("attributes do not fit the channel widgetchat")),
            _ => Ok(Channel::Other),
        }
    }

    fn email(own: Members<'_>, messages: &[ImportedMessage], strict: bool) -> Result<Self, Refusal> {
        let text = |own: Members<'_>, name: &str, unsaid: &str| match own.optional_text(name)? {
            None if strict => Err(Refusal::Undecodable),
            text => Ok(text.unwrap_or(unsaid).to_owned()),
        };
        let none = Map::new();
        for message in messages {
            let own = Members::of_map(message.attributes.as_ref().unwrap_or(&none));
            text(own, "emailIntegrationId", "")?;
            own.optional_uuid("requesterId")?;
            if !["cc", "bcc"].iter().all(|name| own.list(name).is_ok_and(|items| items.iter().all(Value::is_string))) {
                return Err(Refusal::Undecodable);
            }
        }
        let integration_id = text(own, "emailIntegrationId", EMAIL_INTEGRATION)?;
        Ok(Channel::Email { integration_id, subject: text(own, "subject", "")? })
    }

    fn widget_chat(own: Members<'_>) -> Result<Self, Refusal> {
        Ok(Channel::WidgetChat {
            widget_id: own.optional_uuid("widgetId")?,
            browser_info: own.optional("browserInfo").map(browser_info).transpose()?,
            language: own.optional_text("language")?.map(str::to_owned),
        })
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
