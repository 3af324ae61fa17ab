//! What the names of manifests stand for, when what they describe was perhaps made before.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::contract::{CallError, ReadCatalog};
use crate::apply::job::Clock;
use crate::apply::names::{Asked, Unknown};
use crate::apply::rebuild::{Found, Rebuilding, Wanted};
use crate::call::Call;
use crate::conversation::{Address, Digests, Id};
use crate::desired::Named;
use crate::end_user::Lookup;
use crate::name::{self, Ids, Name};
use crate::plan::Need;
use crate::spec::Spec;

/// A spec with ids in the place of its names.
#[derive(Debug)]
pub struct Known {
    pub spec: Spec,
    pub digests: Digests,
    pub ids: Ids,
}

/// Why nothing can be looked for.
#[derive(Debug)]
pub enum NamesError {
    Call(Call, CallError),
    /// What has such a name can't be looked for, and may be there.
    Unknown(Vec<Unknown>),
}

impl<A: ReadCatalog, C: Clock> Rebuilding<'_, A, C> {
    /// Of each that is wanted, its spec with ids; none where the end user that it needs is not in the tenant, so that
    /// it was never made. `found` are the end users that were made before.
    ///
    /// # Errors
    /// See [`NamesError`].
    pub async fn with_ids<'w>(
        &self,
        wanted: &[Wanted<'w>],
        found: &[(Wanted<'_>, Found)],
        asked: &mut Asked,
    ) -> Result<Vec<Option<Known>>, NamesError> {
        let end_users = self.end_users(wanted, found).await?;
        let is_asked = |(name, named): (&'w Name, &Named)| named.manifest.is_none().then(|| Need::Name(name.clone()));
        let made = wanted.iter().filter(|wanted| wanted.adopts.is_none());
        let others: BTreeSet<Need> = made.flat_map(|wanted| wanted.names.iter().filter_map(is_asked)).collect();
        let unknown =
            asked.ask_for(self.api, others.iter()).await.map_err(|(call, error)| NamesError::Call(call, error))?;
        if !unknown.is_empty() {
            return Err(NamesError::Unknown(unknown));
        }
        let known = |wanted: &Wanted<'_>| {
            let id = |name: &Name, manifest: Option<&Address>| match manifest {
                Some(address) => end_users.get(address).map(Id::to_string),
                None => asked.ids().get(name).cloned(),
            };
            let mut all = wanted.ids.clone();
            for (name, named) in wanted.names {
                all.insert(name.clone(), id(name, named.manifest.as_ref())?);
            }
            let mut conversation = wanted.spec.conversation();
            name::put_ids(&mut conversation, wanted.address.kind, &all);
            Some(Known { digests: conversation.digests(), spec: Spec::of(&conversation), ids: all })
        };
        Ok(wanted.iter().map(known).collect())
    }

    /// The end users that are needed, by the addresses of their manifests: with a record, made before, adopted, or
    /// found as an apply would find them.
    async fn end_users<'w>(
        &self,
        wanted: &'w [Wanted<'_>],
        found: &[(Wanted<'_>, Found)],
    ) -> Result<BTreeMap<&'w Address, Id>, NamesError> {
        let needed = wanted.iter().flat_map(|wanted| wanted.names.values().filter_map(|named| named.manifest.as_ref()));
        let mut ids = BTreeMap::new();
        for address in needed.collect::<BTreeSet<_>>() {
            let recorded = self.state.records.get(address).map(|record| record.id);
            let made = found.iter().find(|(wanted, _)| wanted.address == address).and_then(|(_, found)| match found {
                Found::Made(record) => Some(record.id),
                Found::Perhaps(_) => None,
            });
            let described = wanted.iter().find(|wanted| wanted.address == address);
            let adopted = described.and_then(|wanted| wanted.adopts);
            let id = match recorded.or(made).or(adopted) {
                Some(id) => Some(id),
                None => self.end_user_found(described).await?,
            };
            ids.extend(id.map(|id| (address, id)));
        }
        Ok(ids)
    }

    async fn end_user_found(&self, wanted: Option<&Wanted<'_>>) -> Result<Option<Id>, NamesError> {
        let Some(wanted) = wanted else { return Ok(None) };
        for lookup in Lookup::all_of(&wanted.spec.content()) {
            let found = self.api.end_users_by(&lookup).await;
            let found = found.map_err(|error| NamesError::Call(Call::EndUsersBy(lookup.clone()), error))?;
            if let Some(found) = found.iter().find(|found| lookup.finds(&found.members)) {
                return Ok(Some(found.id.into()));
            }
        }
        Ok(None)
    }
}
