//! Looking for end users that calls in doubt have made: by their marks, or else by their addresses and numbers.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::contract::{CallError, EndUserReading, Read};
use crate::apply::doubt::{Lists, Patience};
use crate::apply::look::{Candidate, Found, Looker, NewestEndUser, said};
use crate::conversation::Id;
use crate::end_user::{self, Key, Lookup};
use crate::journal::InDoubt;
use crate::reading::instant;
use crate::state::Applied;

impl<A: Read> Looker<'_, A> {
    /// What has the mark is surely the one. Without a mark, everything that was sent must be equal, and it must
    /// have been created when it can have been.
    ///
    /// # Errors
    /// What a list was answered with, if it was not the whole of it.
    pub(super) async fn end_user_at(&mut self, doubt: &InDoubt, patience: Patience) -> Result<Found, CallError> {
        let intent = &doubt.intent;
        let lists = self.end_users_since(&intent.at, patience).await?;
        let content = match &intent.applied {
            Applied::Full(spec) => spec.content(),
            Applied::Digests { .. } => Map::new(),
        };
        let lookups: Vec<Lookup> = match &intent.marker {
            Some(mark) => vec![Lookup { key: Key::ExternalId, value: mark.clone() }],
            None => Lookup::all_of(&content).collect(),
        };
        let left = intent.at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let window = (left, left.checked_add(patience.latest()).unwrap_or(Timestamp::MAX));
        let mut candidates = Vec::new();
        for lookup in &lookups {
            for reading in self.api.end_users_by(lookup).await? {
                if !self.known.ids.contains(&Id::from(reading.id)) {
                    let surely = intent.marker.is_some() || is_equal(&content, &reading, window);
                    candidates.push((Candidate::of_end_user(&reading), surely));
                }
            }
            if !candidates.is_empty() {
                break;
            }
        }
        Ok(Found { candidates, lists, is_unfindable: lookups.is_empty() })
    }

    /// What the newest end user that is known says of the lists.
    async fn end_users_since(&mut self, left: &str, patience: Patience) -> Result<Lists, CallError> {
        let Some(NewestEndUser { id, address, mark, made_at }) = self.known.newest_end_user.clone() else {
            return Ok(Lists::Unknown);
        };
        let left: Timestamp = left.parse().unwrap_or(Timestamp::MIN);
        if made_at <= left {
            return Ok(Lists::Unknown);
        }
        let found = self.api.end_users_by(&Lookup { key: Key::ExternalId, value: mark }).await?;
        let (its, others): (Vec<Id>, Vec<Id>) =
            found.into_iter().map(|reading| Id::from(reading.id)).partition(|found| *found == id);
        self.doubles.extend(others.into_iter().map(|other| (address.clone(), other)));
        Ok(said(!its.is_empty(), (left, made_at), patience.request_timeout))
    }
}

/// Whether it has everything that was sent, and was created in time.
fn is_equal(sent: &Map<String, Value>, reading: &EndUserReading, window: (Timestamp, Timestamp)) -> bool {
    let different = end_user::different(sent, &reading.members);
    let created_at = reading.created_at.as_deref().and_then(instant);
    // Dixa's samples of end users have whole seconds.
    let in_time = created_at.is_some_and(|at| window.0.as_second() <= at.as_second() && at <= window.1);
    in_time && !different.keys().any(|name| end_user::is_comparable(name))
}
