//! `POST /v1/conversations`, all five variants.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{ConversationLine, Line, Thing};
use crate::sandbox::decode::{Members, is_phone_number};
use crate::sandbox::message::{Direction, NewMessage};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::show::{self, Carrier, Common, Envelope, in_seconds, put};
use crate::sandbox::store::Store;
use crate::sandbox::world::World;

/// Creates what the body describes.
pub fn create(store: &Store, given: &Received) -> Result<Answer, Refusal> {
    let Received { strict, now, .. } = *given;
    let creation = Creation::decode(given.body()?)?;
    let shown_at = in_seconds(now);
    store.commit(|world| {
        let learned = world.unknown(creation.named());
        if strict && !learned.is_empty() {
            return Err(Refusal::NotFound);
        }
        let external_id = creation.message.as_ref().and_then(|message| message.written.external_id.as_ref());
        if let Some(taken) = world.taken(external_id.into_iter(), given.duplicates) {
            return Err(given.duplicate(taken));
        }
        if let Some(bad) = creation.message.as_ref().and_then(|message| message.written.bad_attachment()) {
            return Err(Refusal::AttachmentFailed(bad.url.clone()));
        }
        let id = world.next_id();
        let conversation = ConversationLine {
            id,
            requester_id: creation.requester_id.clone(),
            shown: creation.shown(id, world, shown_at),
            messages: show::raw(&creation.shown_messages(id, world, shown_at)),
            external_ids: external_id.cloned().into_iter().collect(),
            imported_external_ids: Vec::new(),
        };
        let line = Line { learned, conversation: Some(conversation), ..Line::at(now) };
        Ok((line, Answer::created(&json!({ "id": id }))))
    })
}

/// A body that decoded and fits its channel.
struct Creation {
    requester_id: String,
    variant: Variant,
    direction: Direction,
    /// A callback has none.
    message: Option<NewMessage>,
}

enum Variant {
    Email(Letter),
    ContactForm(Letter),
    Sms { contact_endpoint_id: String },
    Chat { widget_id: String, language: Option<String>, browser_info: Option<Value> },
    Callback { contact_endpoint_id: String, queue_id: String },
}

struct Letter {
    email_integration_id: String,
    subject: String,
    language: Option<String>,
}

impl Creation {
    fn decode(body: &Value) -> Result<Self, Refusal> {
        let members = Members::of(body)?;
        let requester_id = members.uuid("requesterId")?;
        let variant = match members.text("_type")? {
            "Email" => Variant::Email(Letter::decode(members)?),
            "ContactForm" => Variant::ContactForm(Letter::decode(members)?),
            "Sms" => Variant::Sms { contact_endpoint_id: phone_number(members)? },
            "Chat" => Variant::Chat {
                widget_id: members.uuid("widgetId")?,
                language: language(members)?,
                browser_info: members.optional("browserInfo").map(browser_info).transpose()?,
            },
            "Callback" => Variant::Callback {
                contact_endpoint_id: members.text("contactEndpointId")?.to_owned(),
                queue_id: members.uuid("queueId")?,
            },
            _ => return Err(Refusal::Undecodable),
        };
        let (direction, message) = match variant {
            Variant::Callback { .. } => (Direction::of(members)?, None),
            _ => {
                let message = NewMessage::decode(members.required("message")?)?;
                (message.written.direction, Some(message))
            }
        };
        if matches!((&variant, direction), (Variant::Sms { .. }, Direction::Inbound)) {
            return Err(Refusal::InvalidMessage("only Outbound messages are supported for Sms"));
        }
        Ok(Creation { requester_id, variant, direction, message })
    }

    /// Everything that has to exist.
    fn named(&self) -> BTreeSet<Thing> {
        let mut named = BTreeSet::from([Thing::EndUser(self.requester_id.clone())]);
        match &self.variant {
            Variant::Email(letter) | Variant::ContactForm(letter) => {
                named.insert(Thing::EmailIntegration(letter.email_integration_id.clone()));
            }
            Variant::Sms { contact_endpoint_id } => {
                named.insert(Thing::ContactEndpoint(contact_endpoint_id.clone()));
            }
            Variant::Chat { widget_id, .. } => {
                named.insert(Thing::Widget(widget_id.clone()));
            }
            Variant::Callback { contact_endpoint_id, queue_id } => {
                named.insert(Thing::ContactEndpoint(contact_endpoint_id.clone()));
                named.insert(Thing::Queue(queue_id.clone()));
            }
        }
        if let Some(message) = &self.message {
            message.name_into(&mut named);
        }
        named
    }

    fn shown(&self, id: i64, world: &World, now: Timestamp) -> Box<RawValue> {
        let mut own = Map::new();
        let mut queue = None;
        let (variant, channel) = match &self.variant {
            Variant::Email(letter) => {
                self.show_letter(&mut own, letter, world);
                ("EmailConversation", "Email")
            }
            Variant::ContactForm(letter) => {
                self.show_letter(&mut own, letter, world);
                ("ContactFormConversation", "ContactForm")
            }
            Variant::Sms { contact_endpoint_id } => {
                put(&mut own, "fromNumber", Some(contact_endpoint_id.as_str()));
                ("SmsConversation", "Sms")
            }
            Variant::Chat { language, browser_info, .. } => {
                put(&mut own, "language", language.as_deref());
                put(&mut own, "browserInfo", browser_info.clone());
                ("ChatConversation", "WidgetChat")
            }
            Variant::Callback { queue_id, .. } => {
                queue = Some((queue_id.as_str(), now));
                ("PstnPhoneConversation", "Callback")
            }
        };
        let common = Common {
            id,
            requester_id: &self.requester_id,
            variant,
            channel,
            direction: self.direction,
            created_at: now,
            closed_at: None,
            assignment: None,
            queue,
        };
        show::conversation(&common, own)
    }

    fn shown_messages(&self, id: i64, world: &World, now: Timestamp) -> Value {
        let Some(message) = &self.message else { return json!([]) };
        let carrier = match &self.variant {
            Variant::Email(letter) => Carrier::Email(self.envelope(letter, message, world)),
            Variant::ContactForm(letter) => Carrier::ContactForm(self.envelope(letter, message, world)),
            Variant::Sms { .. } => Carrier::Sms,
            Variant::Chat { .. } | Variant::Callback { .. } => Carrier::Chat,
        };
        let author = message.written.agent_id.as_deref().unwrap_or(&self.requester_id);
        json!([show::message(id, 0, author, now, &message.written, carrier)])
    }

    fn envelope(&self, letter: &Letter, message: &NewMessage, world: &World) -> Envelope {
        let ours = json!({ "email": message.integration_email.as_ref().unwrap_or(&letter.email_integration_id) });
        let theirs = world.email_contact(&self.requester_id);
        let (from, to) = match self.direction {
            Direction::Inbound => (theirs, ours),
            Direction::Outbound => (ours, theirs),
        };
        let contacts = |ids: &[String]| ids.iter().map(|id| world.email_contact(id)).collect();
        Envelope { from, to, cc: contacts(&message.cc), bcc: contacts(&message.bcc) }
    }

    fn show_letter(&self, own: &mut Map<String, Value>, letter: &Letter, world: &World) {
        if let Some(message) = &self.message {
            let envelope = self.envelope(letter, message, world);
            put(own, "fromEmail", Some(envelope.from["email"].clone()));
            put(own, "toEmail", Some(envelope.to["email"].clone()));
        }
        put(own, "integrationEmail", Some(letter.email_integration_id.as_str()));
        put(own, "subject", Some(letter.subject.as_str()));
        put(own, "language", letter.language.as_deref());
    }
}

impl Letter {
    fn decode(members: Members<'_>) -> Result<Self, Refusal> {
        Ok(Letter {
            email_integration_id: members.text("emailIntegrationId")?.to_owned(),
            subject: members.text("subject")?.to_owned(),
            language: language(members)?,
        })
    }
}

fn phone_number(members: Members<'_>) -> Result<String, Refusal> {
    let text = members.text("contactEndpointId")?;
    if is_phone_number(text) { Ok(text.to_owned()) } else { Err(Refusal::Undecodable) }
}

/// Any text: only samples have two letters.
fn language(members: Members<'_>) -> Result<Option<String>, Refusal> {
    Ok(members.optional_text("language")?.map(str::to_owned))
}

/// `{name, version, ipAddress, originatingUrl}`, all of which are texts.
pub fn browser_info(value: &Value) -> Result<Value, Refusal> {
    let members = Members::of(value)?;
    let mut shown = Map::new();
    put(&mut shown, "name", Some(members.text("name")?));
    for name in ["version", "ipAddress", "originatingUrl"] {
        put(&mut shown, name, members.optional_text(name)?);
    }
    Ok(Value::Object(shown))
}
