//! `PATCH …/custom-attributes` of a conversation or an end user.
//!
//! <https://docs.dixa.io/openapi/dixa-api/beta/custom-attributes/patchconversationsconversationidcustom-attributes>.
//! All of the values are written or none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{EndUserValuesLine, Line, ValuesLine};
use crate::sandbox::decode::uuid;
use crate::sandbox::definition::{Definition, Entity, Given, Unfit};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::Store;
use crate::sandbox::world::World;

/// What has the attributes.
#[derive(Clone, Debug)]
pub enum Owner {
    Conversation(i64),
    EndUser(String),
}

impl Owner {
    fn entity(&self) -> Entity {
        match self {
            Owner::Conversation(_) => Entity::Conversation,
            Owner::EndUser(_) => Entity::Contact,
        }
    }

    fn check(&self, world: &World, given: &Received) -> Result<(), Refusal> {
        let sight = given.sights.writes;
        match self {
            Owner::Conversation(id) => world.seen_conversation(*id, sight).map(|_| ()),
            Owner::EndUser(id) => {
                let end_user = world.end_users.get(id).filter(|end_user| sight.sees(end_user.committed_at));
                end_user.map(|_| ()).ok_or(Refusal::NotFound)
            }
        }
    }

    /// The mutation that sets these values.
    fn line(self, set: BTreeMap<String, Value>, now: Timestamp) -> Line {
        let line = Line::at(now);
        match self {
            _ if set.is_empty() => line,
            Owner::Conversation(conversation_id) => Line { values: Some(ValuesLine { conversation_id, set }), ..line },
            Owner::EndUser(end_user_id) => {
                Line { end_user_values: Some(EndUserValuesLine { end_user_id, set }), ..line }
            }
        }
    }
}

/// Sets and clears values. The answer has the patched attributes that have a value now.
pub fn patch(store: &Store, owner: Owner, given: &Received) -> Result<Answer, Refusal> {
    let Received { strict, now, .. } = *given;
    let wanted = decode(given.body()?)?;
    let entity = owner.entity();
    store.commit(|world| {
        owner.check(world, given)?;
        let mut definitions = Vec::new();
        let mut shown = Vec::new();
        let mut set = BTreeMap::new();
        for (definition_id, value) in &wanted {
            let refused = |why| Refusal::InvalidPatch(format!("custom attribute {definition_id} {why}"));
            let Some(value) = value else {
                clearable(world, strict, definition_id, entity).map_err(refused)?;
                set.insert(definition_id.clone(), Value::Null);
                continue;
            };
            let definition = fitting(world, strict, definition_id, entity, value, now).map_err(refused)?;
            let value = definition.kept(value);
            shown.push(definition.attribute(&value));
            set.insert(definition_id.clone(), value);
            if let Cow::Owned(grown) = definition {
                definitions.push(grown.shown().clone());
            }
        }
        Ok((Line { definitions, ..owner.line(set, now) }, Answer::data(&Value::from(shown))))
    })
}

/// Id of a definition to a value, or nothing to clear it.
fn decode(body: &Value) -> Result<BTreeMap<String, Option<Given>>, Refusal> {
    let map = body.as_object().ok_or(Refusal::Undecodable)?;
    map.iter()
        .map(|(name, value)| {
            let id = uuid(name).ok_or(Refusal::Undecodable)?;
            let given = match value {
                Value::Null => None,
                Value::String(text) => Some(Given::Text(text.clone())),
                Value::Array(items) => {
                    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                    Some(Given::Path(texts.collect::<Option<_>>().ok_or(Refusal::Undecodable)?))
                }
                Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(Refusal::Undecodable),
            };
            Ok((id, given))
        })
        .collect()
}

/// The definition that a value fits: the known one, or one that is made up or grown for it.
fn fitting<'a>(
    world: &'a World,
    strict: bool,
    id: &str,
    entity: Entity,
    given: &Given,
    now: Timestamp,
) -> Result<Cow<'a, Definition>, &'static str> {
    let known = world.definitions.get(id);
    let mut grown = match known {
        None if strict => return Err("does not exist"),
        None => Definition::made_up(id, entity, matches!(given, Given::Text(_)), now),
        Some(definition) => match definition.check(given, entity) {
            Ok(()) => return Ok(Cow::Borrowed(definition)),
            Err(Unfit::UnknownOption) if definition.is_provisioned() && !strict => definition.clone(),
            Err(unfit) => return Err(unfit.why(entity)),
        },
    };
    if let Given::Path(path) = given {
        grown.add_path(path);
    }
    grown.check(given, entity).map_err(|unfit| unfit.why(entity))?;
    Ok(Cow::Owned(grown))
}

/// Whether a value can be cleared. What nobody knows has no value, so clearing it is nothing to refuse unless strict.
fn clearable(world: &World, strict: bool, id: &str, entity: Entity) -> Result<(), &'static str> {
    match world.definitions.get(id) {
        Some(definition) => definition.check_patchable(entity).map_err(|unfit| unfit.why(entity)),
        None if strict => Err("does not exist"),
        None => Ok(()),
    }
}
