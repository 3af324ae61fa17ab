//! Looking at the tenant for what calls in doubt have made.
//!
//! What carries a mark is known by it: the `externalId` of a message. The newest conversation is looked into first, the
//! messages of none are read twice, and the search ends at the mark. Time never excludes what carries a mark: clocks
//! differ, and imports carry old dates.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::contract::{CallError, Read};
use crate::apply::doubt::{Lists, Patience};
use crate::apply::marker::is_own;
use crate::conversation::{Address, ConversationId, Id, Kind};
use crate::journal::InDoubt;
use crate::plan::{Described, Fit, fit};
use crate::reading::{ConversationReading, EndUserReading, MessageReading};
use crate::state::{Applied, Record, State};

/// What the state knows of conversations, for telling new ones apart from those.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Those that belong to a record, or did so once.
    pub ids: BTreeSet<Id>,
    /// Whose mark it is.
    markers: HashMap<String, Address>,
    /// What was made last, and is to be seen in the list of its requester.
    newest: Option<Newest>,
    /// The same among end users: its mark is to be found.
    pub(super) newest_end_user: Option<NewestEndUser>,
}

#[derive(Clone, Debug)]
pub(super) struct NewestEndUser {
    pub id: Id,
    pub address: Address,
    pub mark: String,
    pub made_at: Timestamp,
}

#[derive(Clone, Debug)]
struct Newest {
    id: Id,
    requester: String,
    made_at: Timestamp,
}

impl Known {
    pub fn of(state: &State) -> Self {
        Known::with_times_of(state, |_, _| true)
    }

    /// [`Known::of`] where only some records say when they were made by the clock that calls in doubt go by.
    pub fn with_times_of(state: &State, is_timed: impl Fn(&Address, &Record) -> bool) -> Self {
        let marker = |(address, record): (&Address, &Record)| Some((record.marker.clone()?, address.clone()));
        let timed = || state.records.iter().filter(|(address, record)| is_timed(address, record));
        let newest = timed().filter_map(|(_, record)| newest(record)).max_by_key(|newest| newest.made_at);
        let newest_end_user = timed().filter_map(newest_end_user).max_by_key(|newest| newest.made_at);
        let markers = state.records.iter().filter_map(marker).collect();
        Known { ids: state.known_ids(), markers, newest, newest_end_user }
    }
}

fn newest(record: &Record) -> Option<Newest> {
    let made_at = record.made_at.as_deref()?.parse().ok()?;
    let Applied::Full(spec) = &record.applied else { return None };
    let requester = spec.conversation().requester_id()?.to_owned();
    Some(Newest { id: record.id, requester, made_at })
}

fn newest_end_user((address, record): (&Address, &Record)) -> Option<NewestEndUser> {
    let (id @ Id::EndUser(_), mark) = (record.id, record.marker.clone()?) else { return None };
    let made_at = record.made_at.as_deref()?.parse().ok()?;
    Some(NewestEndUser { id, address: address.clone(), mark, made_at })
}

/// A conversation or an end user that could be the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: Id,
    /// What tells it from others, in plain words.
    pub about: Vec<String>,
    pub created_at: Option<String>,
}

impl Candidate {
    pub(super) fn of(reading: &ConversationReading) -> Self {
        let ConversationReading { id, channel, direction, created_at, .. } = reading.clone();
        let channel = channel.unwrap_or_else(|| "channel unknown".to_owned());
        let direction = direction.unwrap_or_else(|| "direction unknown".to_owned());
        Candidate { id: id.into(), about: vec![channel, direction], created_at }
    }

    pub(super) fn of_end_user(reading: &EndUserReading) -> Self {
        let EndUserReading { id, created_at, members, .. } = reading.clone();
        let about = ["displayName", "email", "phoneNumber"].into_iter();
        let about = about.filter_map(|name| members.get(name)?.as_str().map(str::to_owned)).collect();
        Candidate { id: id.into(), about, created_at }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { id, about, created_at } = self;
        let about: String = about.iter().map(|words| format!("{words}, ")).collect();
        let created_at = created_at.as_deref().unwrap_or("at an unknown time");
        write!(out, "{id:#} ({about}created {created_at})")
    }
}

/// What one look has found for one call.
pub(super) struct Found {
    /// Each with whether it is surely the one, in ascending order of their ids.
    pub candidates: Vec<(Candidate, bool)>,
    pub lists: Lists,
    /// There is nothing by which it could be found.
    pub is_unfindable: bool,
}

/// Looks, one after the other.
pub(super) struct Looker<'a, A> {
    pub(super) api: &'a A,
    pub(super) known: Known,
    /// Of this look.
    lists: HashMap<String, Vec<ConversationReading>>,
    /// Of all looks: what was said once is not said otherwise later. A conversation without a message is not in it,
    /// since its messages may be on their way.
    messages: HashMap<ConversationId, Vec<MessageReading>>,
    pub(super) doubles: BTreeSet<(Address, Id)>,
}

impl<'a, A: Read> Looker<'a, A> {
    pub fn new(api: &'a A, known: Known) -> Self {
        Looker { api, known, lists: HashMap::new(), messages: HashMap::new(), doubles: BTreeSet::new() }
    }

    /// Begins the next look: lists are read again.
    pub fn look_again(&mut self) {
        self.lists.clear();
    }

    /// What is found for one belongs to it, and to no other.
    pub fn take(&mut self, id: Id) {
        self.known.ids.insert(id);
    }

    /// Conversations that were met on the way and have the mark of a record that has another.
    pub fn doubles(self) -> impl Iterator<Item = (Address, Id)> {
        let ids = self.known.ids;
        self.doubles.into_iter().filter(move |(_, id)| !ids.contains(id))
    }

    /// Looks for one, for which nothing later than [`Patience::latest`] after its call left is taken that has no mark.
    ///
    /// # Errors
    /// What a list or the messages of a conversation were answered with, if it was not the whole of them: such a look
    /// tells nothing.
    pub async fn at(&mut self, doubt: &InDoubt, patience: Patience) -> Result<Found, CallError> {
        if doubt.address.kind == Kind::EndUser {
            return self.end_user_at(doubt, patience).await;
        }
        let intent = &doubt.intent;
        let latest = patience.latest();
        let lists = self.lists_since(&intent.at, patience.request_timeout).await?;
        let Some(requester) = &intent.requester else {
            return Ok(Found { candidates: Vec::new(), lists, is_unfindable: false });
        };
        let mut candidates = Vec::new();
        // Ids grow, as far as anybody has seen.
        for reading in self.conversations_of(requester).await?.into_iter().rev() {
            let id = Id::from(reading.id);
            if self.known.ids.contains(&id) || intent.known_before.contains(&id) {
                continue;
            }
            let surely = match &intent.marker {
                Some(mark) if self.has_mark(reading.id, mark).await? => {
                    Some(is_own(mark) || self.resembles(doubt, &reading, latest).await?.is_some())
                }
                Some(_) => None,
                None => self.resembles(doubt, &reading, latest).await?,
            };
            let Some(surely) = surely else { continue };
            candidates.push((Candidate::of(&reading), surely));
            if intent.marker.is_some() {
                break;
            }
        }
        candidates.reverse();
        Ok(Found { candidates, lists, is_unfindable: false })
    }

    /// Whether a conversation could be the one of a call without a mark, and if so, whether it surely is.
    async fn resembles(
        &mut self,
        doubt: &InDoubt,
        reading: &ConversationReading,
        latest: Duration,
    ) -> Result<Option<bool>, CallError> {
        let described = described(doubt);
        let left = doubt.intent.at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let window = (left, left.checked_add(latest).unwrap_or(Timestamp::MAX));
        if let Fit::No(_) = fit(&described, reading, None, window) {
            return Ok(None);
        }
        let messages = self.messages_of(reading.id).await?;
        Ok(match fit(&described, reading, Some(messages), window) {
            Fit::No(_) => None,
            Fit::Perhaps => Some(false),
            Fit::Yes => Some(true),
        })
    }

    /// What the newest conversation that is known says of the lists, for a call that left then and may have been
    /// carried out until `on_its_way` later. One that was made within that time may have been made before the call was
    /// carried out: that it is shown says nothing, and that it is not says that lists lag.
    async fn lists_since(&mut self, left: &str, on_its_way: Duration) -> Result<Lists, CallError> {
        let Some(Newest { id, requester, made_at }) = self.known.newest.clone() else { return Ok(Lists::Unknown) };
        let left: Timestamp = left.parse().unwrap_or(Timestamp::MIN);
        if made_at <= left {
            return Ok(Lists::Unknown);
        }
        let shown = self.conversations_of(&requester).await?.iter().any(|reading| Id::from(reading.id) == id);
        Ok(said(shown, (left, made_at), on_its_way))
    }

    async fn conversations_of(&mut self, requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        if let Some(list) = self.lists.get(requester) {
            return Ok(list.clone());
        }
        let list = self.api.conversations_of(requester).await?;
        self.lists.insert(requester.to_owned(), list.clone());
        Ok(list)
    }

    async fn has_mark(&mut self, id: ConversationId, wanted: &str) -> Result<bool, CallError> {
        let messages = self.messages_of(id).await?;
        Ok(messages.iter().any(|message| message.external_id.as_deref() == Some(wanted)))
    }

    async fn messages_of(&mut self, id: ConversationId) -> Result<&[MessageReading], CallError> {
        if !self.messages.contains_key(&id) {
            let messages = self.api.messages(id).await?;
            if messages.is_empty() {
                return Ok(&[]);
            }
            let marks = messages.iter().filter_map(|message| message.external_id.as_deref());
            let doubled = marks.filter_map(|mark| self.known.markers.get(mark)).next().cloned();
            self.doubles.extend(doubled.map(|address| (address, id.into())));
            self.messages.insert(id, messages);
        }
        Ok(self.messages.get(&id).map_or(&[], Vec::as_slice))
    }
}

/// What it says of lists that something made later is shown, for a call that left before it was made.
pub(super) fn said(shown: bool, (left, made_at): (Timestamp, Timestamp), on_its_way: Duration) -> Lists {
    let is_after = left.checked_add(on_its_way).is_ok_and(|over| made_at >= over);
    match (shown, is_after) {
        (false, _) => Lists::Behind,
        (true, true) => Lists::Current,
        (true, false) => Lists::Unknown,
    }
}

/// What a call was to make.
pub(super) fn described(doubt: &InDoubt) -> Described<'_> {
    Described::applied(doubt.address.kind, &doubt.intent.applied).with_requester(doubt.intent.requester.as_deref())
}
