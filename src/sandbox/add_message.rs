//! `POST /v1/conversations/{id}/messages`.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>. Unlike a creation it answers 200, and names the case that
//! it refuses for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{ChangeLine, Line, Thing};
use crate::sandbox::message::{Direction, NewMessage};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::show::{self, Carrier, Envelope, in_milliseconds};
use crate::sandbox::store::Store;
use crate::sandbox::world::World;

/// Adds a message to a conversation.
pub fn add_message(store: &Store, id: i64, given: &Received) -> Result<Answer, Refusal> {
    let message = NewMessage::decode(given.body()?)?;
    store.commit(|world| {
        let conversation = world.seen_conversation(id, given.sights.writes)?;
        let shown = Value::Object(conversation.members());
        let requester_id = shown["requesterId"].as_str().unwrap_or_default();
        let carrier = carrier(&shown, requester_id, &message, world)?;
        let mut named = BTreeSet::new();
        message.name_into(&mut named);
        let learned = world.unknown(named);
        match learned.first() {
            Some(Thing::EndUser(_)) if given.strict => {
                return Err(Refusal::Unfit("AddMessageError.EndUserNotFound"));
            }
            Some(Thing::Agent(_)) if given.strict => return Err(Refusal::Unfit("AddMessageError.AgentNotFound")),
            Some(_) if given.strict => return Err(Refusal::NotFound),
            Some(_) | None => {}
        }
        let external_id = &message.written.external_id;
        if let Some(taken) = world.taken(external_id.iter(), given.duplicates) {
            return Err(given.duplicate(taken));
        }
        if let Some(bad) = message.written.bad_attachment() {
            return Err(Refusal::AttachmentFailed(bad.url.clone()));
        }
        let messages: Vec<Value> = serde_json::from_str(conversation.messages.get()).map_err(|_| Refusal::Internal)?;
        let at = in_milliseconds(given.now);
        let author = message.written.agent_id.as_deref().unwrap_or(requester_id);
        let added = show::message(id, messages.len(), author, at, &message.written, carrier);
        let mut data = json!({
            "messageId": added["id"],
            "authorId": author,
            "content": message.written.content,
            "direction": message.written.direction.as_str(),
            "createdAt": at.to_string(),
        });
        if let Some(external_id) = external_id {
            data["externalId"] = Value::from(external_id.as_str());
        }
        let change = ChangeLine { conversation_id: id, message: Some(added), ..ChangeLine::default() };
        Ok((Line { learned, change: Some(change), ..Line::at(given.now) }, Answer::data(&data)))
    })
}

/// How the message reads in such a conversation, if it takes one.
fn carrier(shown: &Value, requester_id: &str, message: &NewMessage, world: &World) -> Result<Carrier, Refusal> {
    match shown["_type"].as_str().unwrap_or_default() {
        "EmailConversation" | "ContactFormConversation" => {
            let own = message.integration_email.as_deref().or(shown["integrationEmail"].as_str());
            let (ours, theirs) = (json!({ "email": own }), world.email_contact(requester_id));
            let (from, to) = match message.written.direction {
                Direction::Inbound => (theirs, ours),
                Direction::Outbound => (ours, theirs),
            };
            let contacts = |ids: &[String]| ids.iter().map(|id| world.email_contact(id)).collect();
            Ok(Carrier::Email(Envelope { from, to, cc: contacts(&message.cc), bcc: contacts(&message.bcc) }))
        }
        "ChatConversation" => Ok(Carrier::Chat),
        "SmsConversation" if message.written.direction == Direction::Outbound => Ok(Carrier::Sms),
        "SmsConversation" => Err(Refusal::InvalidMessage("only Outbound messages are supported for Sms")),
        _ => Err(Refusal::UnsupportedChannel),
    }
}
