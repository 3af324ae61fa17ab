//! End users: looking them up, making and changing them.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers>. Addresses and numbers are unique, and the ids of
//! the sandbox are its own. An external id may be repeated unless a plan of faults says otherwise: nothing is
//! documented, and a client must not rely on a refusal.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::Line;
use crate::sandbox::data_v1::Thing;
use crate::sandbox::decode::{Members, is_phone_number};
use crate::sandbox::end_users::{EndUser, Key};
use crate::sandbox::faults::Duplicates;
use crate::sandbox::page::Parameters;
use crate::sandbox::read::attributes;
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::show::in_seconds;
use crate::sandbox::store::Store;
use crate::sandbox::things::id_of;
use crate::sandbox::world::World;

/// The members that a request may have.
const TEXTS: [&str; 7] = ["displayName", "email", "phoneNumber", "firstName", "lastName", "avatarUrl", "externalId"];
const LISTS: [&str; 3] = ["additionalEmails", "additionalPhoneNumbers", "middleNames"];

/// In pages all, or those with one value, without custom attributes.
pub fn find(world: &World, parameters: &Parameters, given: &Received) -> Result<Answer, Refusal> {
    let page = parameters.page()?;
    let filters = Key::ALL.into_iter().filter_map(|key| Some((key, parameters.value(key.parameter())?)));
    let filters: Vec<(Key, &str)> = filters.collect();
    let sight = given.sights.lists;
    let found: Vec<&EndUser> = match filters.as_slice() {
        [] => world.end_users.all(sight).collect(),
        [(key, value)] => {
            let found = world.end_users.find(*key, value).filter(|end_user| sight.sees(end_user.committed_at));
            found.collect()
        }
        _ => return Err(Refusal::InvalidFilters),
    };
    match filters.as_slice() {
        [(Key::Email, _)] if found.len() > 1 => return Err(Refusal::Ambiguous("email address")),
        [(Key::Phone, _)] if found.len() > 1 => return Err(Refusal::Ambiguous("phone number")),
        _ => {}
    }
    let mut numbered: Vec<_> = found.into_iter().map(|end_user| (&end_user.shown, end_user.number)).collect();
    numbered.sort_by_key(|(_, number)| *number);
    page.answer("/v1/endusers", &numbered)
}

/// One, with its custom attributes.
pub fn one(world: &World, id: &str, given: &Received) -> Result<Answer, Refusal> {
    // What was made up is new only to whoever asks for it.
    let is_old = world.has_provided(&Thing::EndUser(id.to_owned()));
    let end_user = world.end_users.get(id);
    let end_user = end_user.filter(|end_user| is_old || given.sights.reads.sees(end_user.committed_at));
    let end_user = end_user.ok_or(Refusal::NotFound)?;
    Ok(Answer::data(&with_attributes(world, end_user, &end_user.shown)))
}

pub fn make(store: &Store, given: &Received) -> Result<Answer, Refusal> {
    let members = decode(given.body()?)?;
    store.commit(|world| {
        fits(world, "", &members, "enduser creation", given)?;
        let ids = (world.end_users.count()..).map(|n| id_of(&world.organization, "end-user", &n.to_string()));
        let id = ids.into_iter().find(|id| world.end_users.get(id).is_none()).ok_or(Refusal::Internal)?;
        let mut shown = kept(members, &id);
        shown.insert("id".to_owned(), Value::from(id));
        shown.insert("createdAt".to_owned(), Value::from(in_seconds(given.now).to_string()));
        let answer = Answer::created(&Value::Object(shown.clone()));
        Ok((Line { end_users: vec![shown], ..Line::at(given.now) }, answer))
    })
}

/// Which of the members a change leaves as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Those that the body does not have.
    Patch,
    /// None.
    Put,
}

pub fn change(store: &Store, id: &str, change: Change, given: &Received) -> Result<Answer, Refusal> {
    let body = given.body()?;
    let members = decode(body)?;
    match change {
        Change::Patch if members.is_empty() => return Err(Refusal::UnfitEndUser("update", "EmptyPatchSet")),
        Change::Patch => {}
        Change::Put => {
            Members::of(body)?.text("displayName")?;
        }
    }
    store.commit(|world| {
        let end_user = world.end_users.get(id).filter(|end_user| given.sights.writes.sees(end_user.committed_at));
        let end_user = end_user.ok_or(Refusal::NotFound)?;
        fits(world, id, &members, "update", given)?;
        let stays = |name: &str| change == Change::Patch || ["id", "createdAt"].contains(&name);
        let before = end_user.shown.iter().filter(|(name, _)| stays(name));
        let mut shown: Map<String, Value> = before.map(|(name, value)| (name.clone(), value.clone())).collect();
        shown.extend(kept(members, id));
        let answer = Answer::data(&with_attributes(world, end_user, &shown));
        Ok((Line { end_users: vec![shown], ..Line::at(given.now) }, answer))
    })
}

fn decode(body: &Value) -> Result<Map<String, Value>, Refusal> {
    let given = Members::of(body)?;
    let mut members = Map::new();
    for name in TEXTS {
        members.extend(given.optional_text(name)?.map(|text| (name.to_owned(), Value::from(text))));
    }
    for name in LISTS {
        if !given.list(name)?.iter().all(Value::is_string) {
            return Err(Refusal::Undecodable);
        }
        members.extend(given.optional(name).map(|list| (name.to_owned(), list.clone())));
    }
    Ok(members)
}

/// Whether the end user of this id, or a new one, can have these members.
fn fits(
    world: &World,
    id: &str,
    members: &Map<String, Value>,
    during: &'static str,
    given: &Received,
) -> Result<(), Refusal> {
    let unfit = |case| Err(Refusal::UnfitEndUser(during, case));
    for name in LISTS {
        let items = members.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if items.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>().len() < items.len() {
            return unfit("ItemsNotUnique");
        }
    }
    for (key, invalid, taken) in
        [(Key::Email, "InvalidEmail", "EmailExists"), (Key::Phone, "InvalidPhoneNumber", "PhoneNumberExists")]
    {
        for value in key.values_of(members) {
            let is_valid = match key {
                Key::Phone => is_phone_number(&value),
                _ => value.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')),
            };
            if !is_valid {
                return unfit(invalid);
            }
            if world.end_users.find(key, &value).any(|other| other.shown["id"] != id) {
                return unfit(taken);
            }
        }
    }
    let external_id = members.get("externalId").and_then(Value::as_str);
    let mut others = external_id.into_iter().flat_map(|value| world.end_users.find(Key::ExternalId, value));
    match external_id {
        Some(value) if given.duplicates == Some(Duplicates::Refuse) && others.any(|other| other.shown["id"] != id) => {
            Err(given.duplicate(value))
        }
        _ => Ok(()),
    }
}

/// The members as they are kept: a picture is copied.
fn kept(mut members: Map<String, Value>, id: &str) -> Map<String, Value> {
    if let Some(avatar) = members.get_mut("avatarUrl") {
        *avatar = Value::from(format!("https://files.dixa.io/avatars/{id}"));
    }
    members
}

fn with_attributes(world: &World, end_user: &EndUser, shown: &Map<String, Value>) -> Value {
    let mut shown = shown.clone();
    shown.insert("customAttributes".to_owned(), attributes(world, &end_user.values));
    Value::Object(shown)
}
