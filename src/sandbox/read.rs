//! The reads: conversations, messages, end users, definitions, the organization.
//!
//! Only the read of one conversation has its custom attributes; lists have none, as in Dixa.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::page::Page;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::sight::Sight;
use crate::sandbox::world::{Conversation, World};

/// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
pub fn conversation(world: &World, id: i64, sight: Sight) -> Result<Answer, Refusal> {
    let conversation = world.seen_conversation(id, sight)?;
    let mut shown: Map<String, Value> =
        serde_json::from_str(conversation.shown.get()).map_err(|_| Refusal::Internal)?;
    shown.insert("customAttributes".to_owned(), attributes(world, conversation));
    Ok(Answer::data(&Value::Object(shown)))
}

/// A value whose definition is gone, because another seed is used now, is kept and not shown.
fn attributes(world: &World, conversation: &Conversation) -> Value {
    let values = conversation.values.iter();
    values.filter_map(|(id, value)| Some(world.definitions.get(id)?.attribute(value))).collect()
}

/// Oldest first, without pages: <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>
pub fn messages(world: &World, id: i64, sight: Sight) -> Result<Answer, Refusal> {
    let conversation = world.seen_conversation(id, sight)?;
    Ok(Answer::text(format!(r#"{{"data":{}}}"#, conversation.messages.get())))
}

/// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuserid>
pub fn end_user(world: &World, id: &str) -> Result<Answer, Refusal> {
    let end_user = world.end_users.get(id).ok_or(Refusal::NotFound)?;
    Ok(Answer::data(&json!({
        "id": id,
        "createdAt": end_user.created_at,
        "displayName": end_user.display_name,
        "email": end_user.email,
        "customAttributes": [],
    })))
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
}

/// Newest first, on purpose: the order is undocumented, so no client may rely on it.
/// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuseridconversations>
pub fn conversations_of(world: &World, id: &str, page: Page, sight: Sight) -> Result<Answer, Refusal> {
    let all = world.seen_conversations_of(id, sight);
    let end = page.before.map_or(all.len(), |before| all.partition_point(|id| *id < before));
    let start = end.saturating_sub(page.size);
    let data = all[start..end].iter().rev().filter_map(|id| Some(&*world.conversation(*id)?.shown)).collect();
    let meta = (start > 0)
        .then(|| json!({ "next": format!("/v1/endusers/{id}/conversations?pageKey={}", page.key_after(all[start])) }));
    serde_json::to_string(&List { data, meta }).map(Answer::text).map_err(|_| Refusal::Internal)
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
