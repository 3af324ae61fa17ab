//! What a plan refers to in the tenant: each thing is asked for once, before anything is sent.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};
use uuid::Uuid;

use crate::api::contract::{CallError, Definition, EndUserReading, ReadCatalog};
use crate::call::Call;
use crate::catalog::Queue;
use crate::conversation::{EndUserId, Id};
use crate::definition::Entity;
use crate::end_user::{Key, Lookup};
use crate::finding::closest;
use crate::name::{Ids, Name};
use crate::plan::{Need, Needs};
use crate::shape::Thing;

/// Asked for at once; the rate limit decides how fast that is.
const AT_ONCE: usize = 8;

/// What is needed and not there, or there several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub need: Need,
    pub message: String,
    pub hint: String,
}

/// What a command has asked the tenant for, and does not ask for again.
#[derive(Debug, Default)]
pub struct Asked {
    ids: Ids,
    there: BTreeSet<Need>,
    definitions: Option<Vec<Definition>>,
}

impl Asked {
    /// The ids that were asked for so far.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// All definitions of custom attributes.
    ///
    /// # Errors
    /// The read failed.
    pub async fn definitions<A: ReadCatalog>(&mut self, api: &A) -> Result<&[Definition], (Call, CallError)> {
        if self.definitions.is_none() {
            self.definitions = Some(api.definitions().await.map_err(|error| (Call::Definitions, error))?);
        }
        Ok(self.definitions.as_deref().unwrap_or_default())
    }

    /// Asks for all that a plan needs; see [`Asked::ask_for`].
    ///
    /// # Errors
    /// A read failed.
    pub async fn ask<A: ReadCatalog>(&mut self, api: &A, needs: &Needs<'_>) -> Result<Vec<Unknown>, (Call, CallError)> {
        self.ask_for(api, needs.iter()).await
    }

    /// Asks what names stand for and whether ids are there, and gives back what is not there, or several times.
    ///
    /// # Errors
    /// A read failed.
    pub async fn ask_for<'n, A: ReadCatalog>(
        &mut self,
        api: &A,
        needs: impl Iterator<Item = &'n Need>,
    ) -> Result<Vec<Unknown>, (Call, CallError)> {
        let is_new = |need: &&Need| match need {
            Need::Name(name) => !self.ids.contains_key(name),
            Need::Id(..) => !self.there.contains(*need),
        };
        let needs: Vec<&Need> = needs.filter(is_new).collect();
        let definitions = match needs.iter().any(|need| matches!(need, Need::Name(Name::Attribute { .. }))) {
            true => self.definitions(api).await?.to_vec(),
            false => Vec::new(),
        };
        let queues = match needs.iter().any(|need| matches!(need, Need::Name(Name::Queue(_)))) {
            true => api.queues().await.map_err(|error| (Call::Queues, error))?,
            false => Vec::new(),
        };
        let lists = &Lists { definitions, queues };
        let asking = needs.into_iter().map(|need| async move { Ok((need, look_for(api, need, lists).await?)) });
        let mut missing = Vec::new();
        let mut asking = stream::iter(asking).buffered(AT_ONCE);
        while let Some(answer) = asking.next().await {
            match answer? {
                (Need::Name(name), Ok(id)) => drop(self.ids.insert(name.clone(), id)),
                (need @ Need::Id(..), Ok(_)) => drop(self.there.insert(need.clone())),
                (_, Err(unknown)) => missing.push(unknown),
            }
        }
        Ok(missing)
    }
}

/// What was read as a whole.
struct Lists {
    definitions: Vec<Definition>,
    queues: Vec<Queue>,
}

async fn look_for<A: ReadCatalog>(api: &A, need: &Need, lists: &Lists) -> Answer {
    match need {
        Need::Name(Name::Manifest(address)) => {
            Ok(Err(unknown(need, format!("{address} has no record"), MAKE_IT.to_owned())))
        }
        Need::Name(Name::EndUser(lookup)) => end_user(api, need, lookup).await,
        Need::Name(Name::Agent(email)) => agent(api, need, email).await,
        Need::Name(Name::Queue(wanted)) => Ok(queue(need, wanted, &lists.queues)),
        Need::Name(Name::Attribute { of_contacts, identifier }) => {
            Ok(attribute(need, *of_contacts, identifier, &lists.definitions))
        }
        Need::Id(thing, id) => by_id(api, need, *thing, id).await,
    }
}

/// Whether something with this id is there. A token whose user may not look at such things doesn't say.
async fn by_id<A: ReadCatalog>(api: &A, need: &Need, thing: Thing, id: &str) -> Answer {
    let call = match thing {
        Thing::EndUser => Call::One(Id::from(EndUserId(Uuid::try_parse(id).unwrap_or_default())).into()),
        Thing::Agent => Call::Agent(id.to_owned()),
        Thing::Queue => Call::Queue(id.to_owned()),
    };
    match api.is_there(&call).await {
        Ok(()) => return Ok(Ok(id.to_owned())),
        Err(CallError::Rejected { status: 400 | 404, .. }) => {}
        Err(error) if error.lacks_right() => return Ok(Ok(id.to_owned())),
        Err(error) => return Err((call, error)),
    }
    let hint = match thing {
        Thing::EndUser => "name an end user that is there, or describe one: `kind: EndUser`",
        Thing::Agent => "agents are made in Dixa: name one that is there, for example by `{email: …}`",
        Thing::Queue => "queues are made in Dixa: name one that is there, for example by `{name: …}`",
    };
    Ok(match is_listed(api, thing, id).await? {
        true => Ok(id.to_owned()),
        false => Err(none(need, hint.to_owned())),
    })
}

/// Whether what one call does not find is found in another way: what is new shows late in some. A list that is refused
/// tells nothing, and Dixa decides.
async fn is_listed<A: ReadCatalog>(api: &A, thing: Thing, id: &str) -> Result<bool, (Call, CallError)> {
    let (call, found) = match thing {
        Thing::EndUser => match api.conversations_of(id).await {
            Err(CallError::Rejected { status: 400 | 404, .. }) => return Ok(false),
            found => (Call::ConversationsOf(id.to_owned()), found.map(|_| true)),
        },
        Thing::Agent => (Call::Agents, api.agents().await.map(|agents| agents.iter().any(|agent| agent.id == id))),
        Thing::Queue => (Call::Queues, api.queues().await.map(|queues| queues.iter().any(|queue| queue.id == id))),
    };
    match found {
        Err(CallError::Rejected { .. }) => Ok(true),
        found => found.map_err(|error| (call, error)),
    }
}

const MAKE_IT: &str = "apply its manifest as well";

fn unknown(need: &Need, message: String, hint: String) -> Unknown {
    Unknown { need: need.clone(), message, hint }
}

fn none(need: &Need, hint: String) -> Unknown {
    unknown(need, format!("the tenant has no {} `{}`", need.noun(), need.label()), hint)
}

fn several<T: std::fmt::Display>(need: &Need, ids: impl Iterator<Item = T>) -> Unknown {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let message = format!("the {} `{}` exists {} times in the tenant", need.noun(), need.label(), ids.len());
    unknown(need, message, format!("write the id that you mean: {}", ids.join(", ")))
}

fn did_you_mean<'k>(written: &str, known: impl Iterator<Item = &'k str>, otherwise: &str) -> String {
    closest(written, known).map_or_else(|| otherwise.to_owned(), |known| format!("did you mean `{known}`?"))
}

type Answer = Result<Result<String, Unknown>, (Call, CallError)>;

async fn end_user<A: ReadCatalog>(api: &A, need: &Need, lookup: &Lookup) -> Answer {
    let found = match api.end_users_by(lookup).await {
        Ok(found) => found,
        // More than one has it: https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers
        Err(CallError::Rejected { status: 400, message }) => {
            let hint = "write the id of the end user that you mean".to_owned();
            return Ok(Err(unknown(need, format!("{} `{}`: {message}", lookup.key.noun(), lookup.value), hint)));
        }
        Err(error) => return Err((Call::EndUsersBy(lookup.clone()), error)),
    };
    let owners: Vec<&EndUserReading> = found.iter().filter(|found| lookup.finds(&found.members)).collect();
    Ok(match (owners.as_slice(), found.as_slice()) {
        ([only], _) => Ok(only.id.to_string()),
        ([], [only]) => Ok(only.id.to_string()),
        ([], []) => {
            let member = lookup.key.member();
            let member = if lookup.key == Key::Phone { "phoneNumber" } else { member };
            Err(none(need, format!("describe the end user: a manifest of `kind: EndUser` with this `{member}`")))
        }
        _ => Err(several(need, found.iter().map(|found| found.id))),
    })
}

async fn agent<A: ReadCatalog>(api: &A, need: &Need, email: &str) -> Answer {
    let found = match api.agents_by(email).await {
        Ok(found) => found,
        Err(CallError::Rejected { status: 404, .. }) => Vec::new(),
        Err(error) => return Err((Call::AgentsBy(email.to_owned()), error)),
    };
    let found: Vec<_> = found.iter().filter(|agent| agent.email.to_lowercase() == email).collect();
    Ok(match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(none(need, "agents are made in Dixa: invite this one, or name another".to_owned())),
        _ => Err(several(need, found.iter().map(|agent| &agent.id))),
    })
}

fn queue(need: &Need, wanted: &str, queues: &[Queue]) -> Result<String, Unknown> {
    let found: Vec<&Queue> = queues.iter().filter(|queue| queue.name == wanted).collect();
    match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            let known = queues.iter().map(|queue| queue.name.as_str());
            Err(none(need, did_you_mean(wanted, known, "queues are made in Dixa: add this one, or name another")))
        }
        _ => Err(several(need, found.iter().map(|queue| &queue.id))),
    }
}

fn attribute(need: &Need, of_contacts: bool, wanted: &str, definitions: &[Definition]) -> Result<String, Unknown> {
    let entity = if of_contacts { Entity::Contact } else { Entity::Conversation };
    let of_entity = || definitions.iter().filter(|definition| definition.entity == entity);
    let found: Vec<&Definition> = of_entity().filter(|definition| definition.identifier == wanted).collect();
    match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            let known = of_entity().map(|definition| definition.identifier.as_str());
            let otherwise = "definitions are made in Dixa: add this one, or write the identifier of another";
            Err(none(need, did_you_mean(wanted, known, otherwise)))
        }
        _ => Err(several(need, found.iter().map(|definition| &definition.id))),
    }
}
