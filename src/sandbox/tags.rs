//! Tags, and the tags of a conversation.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>. A tag is found by its name, letter for letter.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{ChangeLine, Line};
use crate::sandbox::decode::Members;
use crate::sandbox::page::Parameters;
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::Store;
use crate::sandbox::things::id_of;
use crate::sandbox::world::World;

const DONE: StatusCode = StatusCode::NO_CONTENT;

/// The active ones, or all.
pub fn all(world: &World, parameters: &Parameters) -> Result<Answer, Refusal> {
    let inactive_too = match parameters.value("includeDeactivated") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::InvalidValue),
    };
    let shown = world.tags.values().filter(|tag| inactive_too || tag["state"] == "Active");
    Ok(Answer::data(&shown.cloned().collect()))
}

pub fn one(world: &World, id: &str) -> Result<Answer, Refusal> {
    world.tags.get(id).map(Answer::data).ok_or(Refusal::NotFound)
}

/// The tag of this name, as it is, or a new one.
pub fn find_or_make(store: &Store, given: &Received) -> Result<Answer, Refusal> {
    let members = Members::of(given.body()?)?;
    let (name, color) = (members.text("name")?, members.optional_text("color")?);
    store.commit(|world| {
        let (tag, line) = match named(world, name) {
            Some(tag) => (tag.clone(), Line::at(given.now)),
            None => {
                let tag = made(world, name, color);
                (tag.clone(), Line { tags: vec![tag], ..Line::at(given.now) })
            }
        };
        Ok((line, Answer::data(&tag)))
    })
}

fn named<'w>(world: &'w World, name: &str) -> Option<&'w Value> {
    world.tags.values().find(|tag| tag["name"] == name)
}

/// A tag that is not there yet.
pub fn made(world: &World, name: &str, color: Option<&str>) -> Value {
    let id = id_of(&world.organization, "tag", name);
    json!({ "id": id, "name": name, "color": color.unwrap_or("#000000"), "state": "Active" })
}

/// Activates or deactivates one.
pub fn set_state(store: &Store, id: &str, state: &str, given: &Received) -> Result<Answer, Refusal> {
    store.commit(|world| {
        let mut tag = world.tags.get(id).cloned().ok_or(Refusal::NotFound)?;
        tag["state"] = Value::from(state);
        Ok((Line { tags: vec![tag], ..Line::at(given.now) }, Answer::nothing(DONE)))
    })
}

/// Takes one away, from all conversations too.
pub fn remove(store: &Store, id: &str, given: &Received) -> Result<Answer, Refusal> {
    store.commit(|world| {
        world.tags.get(id).ok_or(Refusal::NotFound)?;
        Ok((Line { removed_tags: vec![id.to_owned()], ..Line::at(given.now) }, Answer::nothing(DONE)))
    })
}

/// Those of a conversation.
pub fn of_conversation(world: &World, id: i64, given: &Received) -> Result<Answer, Refusal> {
    let conversation = world.seen_conversation(id, given.sights.reads)?;
    Ok(Answer::data(&conversation.tags.iter().filter_map(|tag| world.tags.get(tag)).cloned().collect()))
}

/// Puts a tag on a conversation, or takes it off. What is so already stays so; only an active tag can be put on.
pub fn switch(store: &Store, id: i64, tag_id: &str, on: bool, given: &Received) -> Result<Answer, Refusal> {
    store.commit(|world| {
        let mut tags = world.seen_conversation(id, given.sights.writes)?.tags.clone();
        let tag = world.tags.get(tag_id).ok_or(Refusal::NotFound)?;
        if on && tag["state"] != "Active" {
            return Err(Refusal::Unfit("Tag is not active"));
        }
        tags.retain(|other| other != tag_id);
        tags.extend(on.then(|| tag_id.to_owned()));
        Ok((changed(id, tags, given), Answer::nothing(DONE)))
    })
}

/// Checks a request for several tags by name, which is carried out later.
pub fn bulk_names(world: &World, id: i64, given: &Received) -> Result<Vec<String>, Refusal> {
    let names = Members::of(given.body()?)?.list("data")?.iter();
    let names = names.map(|item| Members::of(item)?.text("name").map(str::to_owned)).collect::<Result<_, _>>()?;
    world.seen_conversation(id, given.sights.writes)?;
    Ok(names)
}

/// Puts tags of these names on a conversation, and makes the missing ones.
pub fn add_named(store: &Store, id: i64, names: &[String], given: &Received) -> Result<(), Refusal> {
    store.commit(|world| {
        let mut tags = world.conversation(id).ok_or(Refusal::NotFound)?.tags.clone();
        let mut new = Vec::new();
        for name in names {
            let tag = named(world, name).cloned().unwrap_or_else(|| {
                let tag = made(world, name, None);
                new.push(tag.clone());
                tag
            });
            let tag_id = tag["id"].as_str().unwrap_or_default().to_owned();
            if !tags.contains(&tag_id) && tag["state"] == "Active" {
                tags.push(tag_id);
            }
        }
        Ok((Line { tags: new, ..changed(id, tags, given) }, ()))
    })
}

fn changed(conversation_id: i64, tags: Vec<String>, given: &Received) -> Line {
    let change = ChangeLine { conversation_id, tags: Some(tags), ..ChangeLine::default() };
    Line { change: Some(change), ..Line::at(given.now) }
}
