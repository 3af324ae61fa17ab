//! What names stand for in the tenant: each is asked for once, before anything is sent.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};

use crate::api::contract::{CallError, Definition, EndUserReading, ReadCatalog};
use crate::call::Call;
use crate::catalog::Queue;
use crate::definition::Entity;
use crate::end_user::{Key, Lookup};
use crate::finding::closest;
use crate::name::{Ids, Name};

/// Asked for at once; the rate limit decides how fast that is.
const AT_ONCE: usize = 8;

/// A name that stands for nothing, or for several things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub name: Name,
    pub message: String,
    pub hint: String,
}

/// What a command has asked the tenant for, and does not ask for again.
#[derive(Debug, Default)]
pub struct Asked {
    ids: Ids,
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

    /// Asks what these names stand for, and gives back those that stand for nothing, or for several things.
    ///
    /// # Errors
    /// A read failed.
    pub async fn ask<A: ReadCatalog>(
        &mut self,
        api: &A,
        names: impl IntoIterator<Item = &Name>,
    ) -> Result<Vec<Unknown>, (Call, CallError)> {
        let names: BTreeSet<&Name> = names.into_iter().filter(|name| !self.ids.contains_key(name)).collect();
        let definitions = match names.iter().any(|name| matches!(name, Name::Attribute { .. })) {
            true => self.definitions(api).await?,
            false => &[],
        };
        let (ids, unknown) = ids_of(api, names, definitions).await?;
        self.ids.extend(ids);
        Ok(unknown)
    }
}

/// The ids of these names, and the names that have none.
async fn ids_of<A: ReadCatalog>(
    api: &A,
    names: BTreeSet<&Name>,
    definitions: &[Definition],
) -> Result<(Ids, Vec<Unknown>), (Call, CallError)> {
    let queues = match names.iter().any(|name| matches!(name, Name::Queue(_))) {
        true => api.queues().await.map_err(|error| (Call::Queues, error))?,
        false => Vec::new(),
    };
    let queues = &queues;
    let asking = names.into_iter().map(|name| async move {
        let found = match name {
            Name::Manifest(address) => Err(unknown(name, format!("{address} has no record"), MAKE_IT.to_owned())),
            Name::EndUser(lookup) => end_user(api, name, lookup).await?,
            Name::Agent(email) => agent(api, name, email).await?,
            Name::Queue(wanted) => queue(name, wanted, queues),
            Name::Attribute { of_contacts, identifier } => attribute(name, *of_contacts, identifier, definitions),
        };
        Ok((name, found))
    });
    let (mut ids, mut missing) = (Ids::new(), Vec::new());
    let mut asking = stream::iter(asking).buffered(AT_ONCE);
    while let Some(answer) = asking.next().await {
        match answer? {
            (name, Ok(id)) => drop(ids.insert(name.clone(), id)),
            (_, Err(unknown)) => missing.push(unknown),
        }
    }
    Ok((ids, missing))
}

const MAKE_IT: &str = "apply its manifest as well";

fn unknown(name: &Name, message: String, hint: String) -> Unknown {
    Unknown { name: name.clone(), message, hint }
}

fn none(name: &Name, hint: String) -> Unknown {
    unknown(name, format!("the tenant has no {} `{}`", name.noun(), name.label()), hint)
}

fn several<T: std::fmt::Display>(name: &Name, ids: impl Iterator<Item = T>) -> Unknown {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let message = format!("the tenant has {} of the {} `{}`", ids.len(), name.noun(), name.label());
    unknown(name, message, format!("write the id that you mean: {}", ids.join(", ")))
}

fn did_you_mean<'k>(written: &str, known: impl Iterator<Item = &'k str>, otherwise: &str) -> String {
    closest(written, known).map_or_else(|| otherwise.to_owned(), |known| format!("did you mean `{known}`?"))
}

type Answer = Result<Result<String, Unknown>, (Call, CallError)>;

async fn end_user<A: ReadCatalog>(api: &A, name: &Name, lookup: &Lookup) -> Answer {
    let found = match api.end_users_by(lookup).await {
        Ok(found) => found,
        // More than one has it: https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers
        Err(CallError::Rejected { status: 400, message }) => {
            let hint = "write the id of the end user that you mean".to_owned();
            return Ok(Err(unknown(name, format!("{} `{}`: {message}", lookup.key.noun(), lookup.value), hint)));
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
            Err(none(name, format!("describe the end user: a manifest of `kind: EndUser` with this `{member}`")))
        }
        _ => Err(several(name, found.iter().map(|found| found.id))),
    })
}

async fn agent<A: ReadCatalog>(api: &A, name: &Name, email: &str) -> Answer {
    let found = match api.agents_by(email).await {
        Ok(found) => found,
        Err(CallError::Rejected { status: 404, .. }) => Vec::new(),
        Err(error) => return Err((Call::AgentsBy(email.to_owned()), error)),
    };
    let found: Vec<_> = found.iter().filter(|agent| agent.email.to_lowercase() == email).collect();
    Ok(match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(none(name, "agents are made in Dixa: invite this one, or name another".to_owned())),
        _ => Err(several(name, found.iter().map(|agent| &agent.id))),
    })
}

fn queue(name: &Name, wanted: &str, queues: &[Queue]) -> Result<String, Unknown> {
    let found: Vec<&Queue> = queues.iter().filter(|queue| queue.name == wanted).collect();
    match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            let known = queues.iter().map(|queue| queue.name.as_str());
            Err(none(name, did_you_mean(wanted, known, "queues are made in Dixa: add this one, or name another")))
        }
        _ => Err(several(name, found.iter().map(|queue| &queue.id))),
    }
}

fn attribute(name: &Name, of_contacts: bool, wanted: &str, definitions: &[Definition]) -> Result<String, Unknown> {
    let entity = if of_contacts { Entity::Contact } else { Entity::Conversation };
    let of_entity = || definitions.iter().filter(|definition| definition.entity == entity);
    let found: Vec<&Definition> = of_entity().filter(|definition| definition.identifier == wanted).collect();
    match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            let known = of_entity().map(|definition| definition.identifier.as_str());
            let otherwise = "definitions are made in Dixa: add this one, or write the identifier of another";
            Err(none(name, did_you_mean(wanted, known, otherwise)))
        }
        _ => Err(several(name, found.iter().map(|definition| &definition.id))),
    }
}
