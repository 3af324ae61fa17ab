//! The reads: conversations, messages, definitions, the organization.
//!
//! Only the read of one conversation has its custom attributes; lists have none, as in Dixa.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::page::Page;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::sight::Sight;
use crate::sandbox::world::World;

/// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
pub fn conversation(world: &World, id: i64, sight: Sight) -> Result<Answer, Refusal> {
    let conversation = world.seen_conversation(id, sight)?;
    let mut shown = conversation.members();
    shown.insert("customAttributes".to_owned(), attributes(world, &conversation.values));
    Ok(Answer::data(&Value::Object(shown)))
}

/// A value whose definition is gone, because another seed is used now, is kept and not shown.
pub fn attributes(world: &World, values: &BTreeMap<String, Value>) -> Value {
    values.iter().filter_map(|(id, value)| Some(world.definitions.get(id)?.attribute(value))).collect()
}

/// Oldest first, without pages: <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>
pub fn messages(world: &World, id: i64, sight: Sight) -> Result<Answer, Refusal> {
    let conversation = world.seen_conversation(id, sight)?;
    Ok(Answer::text(format!(r#"{{"data":{}}}"#, conversation.messages.get())))
}

/// Conversations of an end user.
/// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuseridconversations>
pub fn conversations_of(world: &World, id: &str, page: Page, sight: Sight) -> Result<Answer, Refusal> {
    let ids = world.seen_conversations_of(id, sight);
    let all: Vec<(&RawValue, i64)> =
        ids.into_iter().filter_map(|id| Some((&*world.conversation(id)?.shown, id))).collect();
    page.answer(&format!("/v1/endusers/{id}/conversations"), &all)
}

/// All definitions in one list: <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/>
pub fn definitions(world: &World) -> Answer {
    let all: Vec<&Value> = world.definitions.values().map(|definition| definition.shown()).collect();
    Answer::text(json!({ "data": all }).to_string())
}

/// A 404 is not among the documented answers, so an id that nobody knows is a 400.
pub fn definition(world: &World, id: &str) -> Result<Answer, Refusal> {
    let definition = world.definitions.get(id).ok_or(Refusal::InvalidValue)?;
    Ok(Answer::data(definition.shown()))
}

/// <https://docs.dixa.io/openapi/dixa-api/v1/organization/getorganization>
pub fn organization(world: &World) -> Answer {
    Answer::data(&world.organization)
}
