//! `PATCH /v1/conversations/{id}/custom-attributes`.
//!
//! <https://docs.dixa.io/openapi/dixa-api/beta/custom-attributes/patchconversationsconversationidcustom-attributes>.
//! All of the values are written or none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{Line, ValuesLine};
use crate::sandbox::decode::uuid;
use crate::sandbox::definition::{Definition, Given, Unfit};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::Store;
use crate::sandbox::world::World;

/// Sets and clears values. The answer has the patched attributes that have a value now.
pub fn patch(store: &Store, id: i64, given: &Received) -> Result<Answer, Refusal> {
    let Received { strict, now, .. } = *given;
    let wanted = decode(given.body()?)?;
    store.commit(|world| {
        world.seen_conversation(id, given.sights.writes)?;
        let mut definitions = Vec::new();
        let mut shown = Vec::new();
        let mut set = BTreeMap::new();
        for (definition_id, given) in &wanted {
            let Some(given) = given else {
                clearable(world, strict, definition_id)?;
                set.insert(definition_id.clone(), Value::Null);
                continue;
            };
            let definition = fitting(world, strict, definition_id, given, now)
                .map_err(|why| Refusal::InvalidPatch(format!("custom attribute {definition_id} {why}")))?;
            let value = given.to_value();
            shown.push(definition.attribute(&value));
            set.insert(definition_id.clone(), value);
            if let Cow::Owned(grown) = definition {
                definitions.push(grown.shown().clone());
            }
        }
        let values = (!set.is_empty()).then_some(ValuesLine { conversation_id: id, set });
        let line = Line { definitions, values, ..Line::at(now) };
        Ok((line, Answer::data(&Value::from(shown))))
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
    given: &Given,
    now: Timestamp,
) -> Result<Cow<'a, Definition>, &'static str> {
    let known = world.definitions.get(id);
    let mut grown = match known {
        None if strict => return Err("does not exist"),
        None => Definition::made_up(id, matches!(given, Given::Text(_)), now),
        Some(definition) => match definition.check(given) {
            Ok(()) => return Ok(Cow::Borrowed(definition)),
            Err(Unfit::UnknownOption) if definition.is_provisioned() && !strict => definition.clone(),
            Err(unfit) => return Err(unfit.why()),
        },
    };
    if let Given::Path(path) = given {
        grown.add_path(path);
    }
    grown.check(given).map_err(Unfit::why)?;
    Ok(Cow::Owned(grown))
}

/// Whether a value can be cleared. What nobody knows has no value, so clearing it is nothing to refuse unless strict.
fn clearable(world: &World, strict: bool, id: &str) -> Result<(), Refusal> {
    let why = match world.definitions.get(id) {
        Some(definition) => definition.check_patchable().err().map(Unfit::why),
        None => strict.then_some("does not exist"),
    };
    why.map_or(Ok(()), |why| Err(Refusal::InvalidPatch(format!("custom attribute {id} {why}"))))
}
