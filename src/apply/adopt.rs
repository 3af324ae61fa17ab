//! Whether an existing conversation is the one that a manifest describes, and which attributes it lacks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::contract::{AttributeReading, ConversationReading};
use crate::conversation::{AttributeValue, Attributes, Conversation};

/// Why this is not the conversation that the manifest describes, as far as both sides can tell.
pub(super) fn cannot_adopt(reading: &ConversationReading, wanted: &Conversation) -> Option<String> {
    if reading.anonymized {
        return Some(format!("conversation #{} is anonymized: its content is gone for good", reading.id));
    }
    let (requester, found) = (wanted.requester_id()?, reading.requester_id.as_deref()?);
    (!found.eq_ignore_ascii_case(requester)).then(|| {
        format!("conversation #{} belongs to requester {found}, and the manifest says {requester}", reading.id)
    })
}

/// Those attributes that the conversation has not already. One that is to be cleared and has no value is fine.
pub(super) fn different(wanted: &Attributes, present: Option<&BTreeMap<String, AttributeReading>>) -> Attributes {
    let has = |id: &str, value: &AttributeValue| {
        let present = present.and_then(|present| present.get(id)).map_or(&Value::Null, |reading| &reading.value);
        *present == value.to_value()
    };
    wanted.iter().filter(|(id, value)| !has(id, value)).map(|(id, value)| (id.clone(), value.clone())).collect()
}
