//! End users that a project has made before: each is looked for by its marks, one after the other.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::api::contract::{CallError, EndUserReading, Read};
use crate::apply::job::Clock;
use crate::apply::marker::marker;
use crate::apply::rebuild::{Found, Made, Rebuilding, Wanted};
use crate::conversation::{Attributes, Conversation, Id, Kind};
use crate::end_user::{self, Key, Lookup};
use crate::handling::Handling;
use crate::spec::Spec;

/// Looked for at once; the rate limit decides how fast that is.
const AT_ONCE: usize = 8;

/// How many end users of one address are looked for, one after the other.
const NUMBERS_MAX: u32 = 64;

impl<A: Read, C: Clock> Rebuilding<'_, A, C> {
    /// What has no mark of our own is not looked for: an apply adopts what has its address or number.
    pub(super) async fn look_for_end_users<'m>(
        &self,
        wanted: &[Wanted<'m>],
        known: &BTreeSet<Id>,
    ) -> Result<Vec<(Wanted<'m>, Found)>, CallError> {
        let is_lost = |wanted: &&Wanted<'_>| {
            let is_marked = wanted.address.kind == Kind::EndUser && wanted.marked;
            is_marked && !self.state.records.contains_key(wanted.address)
        };
        let looking = wanted.iter().filter(is_lost).map(|wanted| async move {
            Ok::<_, CallError>(self.end_user_made_before(wanted, known).await?.map(|found| (*wanted, found)))
        });
        let found: Vec<_> = stream::iter(looking).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The last of the address. Those before it are still there: Dixa deletes none.
    async fn end_user_made_before(
        &self,
        wanted: &Wanted<'_>,
        known: &BTreeSet<Id>,
    ) -> Result<Option<Found>, CallError> {
        let mut last: Option<(Made, EndUserReading)> = None;
        for address in std::iter::once(wanted.address).chain(wanted.moved_from) {
            let first = self.state.next_number(address);
            for number in first..first.saturating_add(NUMBERS_MAX) {
                let mark = marker(self.project, address, wanted.digests.content, number);
                let lookup = Lookup { key: Key::ExternalId, value: mark.clone() };
                let found = self.api.end_users_by(&lookup).await?;
                let mut found = found.into_iter().filter(|found| !known.contains(&found.id.into()));
                let Some(reading) = found.next() else { break };
                let doubles = found.map(|double| double.id.into()).collect();
                let older = last.take().into_iter().flat_map(|(made, _)| made.older.into_iter().chain([made.id]));
                let older = older.collect();
                last = Some((Made { id: reading.id.into(), number, marker: mark, older, doubles }, reading));
            }
        }
        Ok(last.map(|(made, reading)| {
            let content = end_user::as_found(&wanted.spec.content(), &reading.members);
            let spec =
                Spec::of(&Conversation { content, attributes: Attributes::new(), handling: Handling::default() });
            Found::Made(Box::new(self.record(wanted, &spec, made)))
        }))
    }
}
