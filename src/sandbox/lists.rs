//! Agents, queues and contact endpoints: their lists, and one of them.

use serde_json::Value;

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{Line, Thing};
use crate::sandbox::decode::is_phone_number;
use crate::sandbox::page::Parameters;
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::Store;
use crate::sandbox::things;
use crate::sandbox::world::World;

/// In pages, all or those with one address or number. Unless the sandbox is strict, an agent with this address exists
/// once a request has asked for it. <https://docs.dixa.io/openapi/dixa-api/v1/agents/getagents>
pub fn agents(store: &Store, parameters: &Parameters, given: &Received) -> Result<Answer, Refusal> {
    let page = parameters.page()?;
    let filter = match (parameters.value("email"), parameters.value("phone")) {
        (Some(_), Some(_)) => return Err(Refusal::InvalidFilters),
        (Some(email), None) => Some(("email", email)),
        (None, Some(phone)) => Some(("phoneNumber", phone)),
        (None, None) => None,
    };
    let is_asked_for = |agent: &&Value| match filter {
        None => true,
        Some((name, value)) => agent[name].as_str().is_some_and(|own| own.eq_ignore_ascii_case(value)),
    };
    if let Some(("email", email)) = filter
        && !given.strict
    {
        store.commit(|world| {
            let exists = agents_of(world).any(|agent| is_asked_for(&agent));
            let named = (!exists).then(|| things::named_agent(&world.organization, email));
            Ok((Line { named: named.into_iter().collect(), ..Line::at(given.now) }, ()))
        })?;
    }
    store.read(|world| page.answer("/v1/agents", &agents_of(world).filter(is_asked_for).zip(1..).collect::<Vec<_>>()))
}

fn agents_of(world: &World) -> impl Iterator<Item = &Value> {
    world.shown_things(|thing| matches!(thing, Thing::Agent(_)))
}

/// All in one list. <https://docs.dixa.io/openapi/dixa-api/v1/queues/getqueues>
pub fn queues(world: &World) -> Answer {
    Answer::data(&world.shown_things(|thing| matches!(thing, Thing::Queue(_))).cloned().collect())
}

/// All in one list, or those of one kind.
/// <https://docs.dixa.io/openapi/dixa-api/v1/contact-endpoints/getcontact-endpoints>
pub fn contact_endpoints(world: &World, parameters: &Parameters) -> Result<Answer, Refusal> {
    let kind = parameters.value("_type");
    if kind.is_some_and(|kind| !["EmailEndpoint", "TelephonyEndpoint"].contains(&kind)) {
        return Err(Refusal::InvalidValue);
    }
    let all = world.shown_things(|thing| matches!(thing, Thing::EmailIntegration(_) | Thing::ContactEndpoint(_)));
    Ok(Answer::data(&all.filter(|shown| kind.is_none_or(|kind| shown["_type"] == kind)).cloned().collect()))
}

/// One by its address or its number.
pub fn contact_endpoint(world: &World, id: &str) -> Result<Answer, Refusal> {
    let thing = match id {
        _ if id.contains('@') => Thing::EmailIntegration(id.to_owned()),
        _ if is_phone_number(id) => Thing::ContactEndpoint(id.to_owned()),
        _ => return Err(Refusal::InvalidValue),
    };
    one(world, &thing)
}

/// One agent or queue.
pub fn one(world: &World, thing: &Thing) -> Result<Answer, Refusal> {
    world.shown_thing(thing).map(Answer::data)
}
