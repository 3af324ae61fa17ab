//! Looking in the tenant for what a project has made before, where the state does not know it.
//!
//! What carries one of the project's own marks is recorded, and so is the only one that carries the mark that its
//! manifest gives it and is equal in everything. Whatever else could be it is a question for a person.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use serde_json::Map;

use crate::api::contract::{CallError, Read};
pub use crate::apply::books::kept;
use crate::apply::job::Clock;
use crate::apply::look::Candidate;
use crate::apply::marker::marker;
use crate::apply::settle::Question;
use crate::conversation::{Address, Attributes, Digests, Id, Kind};
use crate::desired::Named;
use crate::digest::Digest;
use crate::handling::Handling;
use crate::journal::{CallKind, Entry, Heard, Intent};
use crate::name::{Ids, Name};
use crate::plan::{Described, Fit, fit};
use crate::reading::{ConversationReading, instant};
use crate::settings::LastApplied;
use crate::source::Source;
use crate::spec::Spec;
use crate::state::{Record, State};

/// Requesters whose conversations are read at once; the rate limit decides how fast that is.
const AT_ONCE: usize = 8;

/// How many conversations of one address are looked for, one after the other.
const NUMBERS_MAX: u32 = 64;

/// Conversations of a requester that are looked into after all marks were found: what was made twice was most likely
/// made within a short time.
const BEYOND_MAX: usize = 10;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'m> {
    pub address: &'m Address,
    /// The address under which it was perhaps made, before it was renamed.
    pub moved_from: Option<&'m Address>,
    pub spec: &'m Spec,
    pub digests: Digests,
    pub source: Option<&'m Source>,
    /// Its first message carries a marker of dixaform's own.
    pub marked: bool,
    /// The names in its spec whose ids are not known.
    pub names: &'m BTreeMap<Name, Named>,
    /// The ids that took the place of the others.
    pub ids: &'m Ids,
    /// What its manifest adopts. It was made by nobody here, and is not looked for.
    pub adopts: Option<Id>,
}

impl Wanted<'_> {
    /// Whether the state lacks what was perhaps made, or has it with another content.
    pub fn is_missing_in(&self, state: &State) -> bool {
        let record = state.records.get(self.address);
        self.adopts.is_none() && record.is_none_or(|record| record.content_digest != self.digests.content)
    }
}

/// What was found of one address.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It was made before, and this is its record. Whether its attributes were written is not known.
    Made(Box<Record>),
    /// Any of these was perhaps made for it; in ascending order of their ids.
    Perhaps(Vec<Candidate>),
}

/// How many requesters were looked at, of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    pub at: usize,
    pub of: usize,
}

/// What the looking needs.
#[derive(Debug)]
pub struct Rebuilding<'a, A, C> {
    pub api: &'a A,
    pub clock: &'a C,
    pub project: Option<&'a str>,
    pub last_applied: LastApplied,
    pub state: &'a State,
}

/// The manifests of one requester.
struct Group<'m> {
    requester: String,
    wanted: Vec<Wanted<'m>>,
    /// Whose mark it is, and the how-manieth conversation of the address has it.
    marks: HashMap<String, (usize, u32)>,
}

/// What was seen of one manifest.
#[derive(Default)]
struct Seen {
    /// By their numbers, its marks that were found, and those that carry them.
    marked: BTreeMap<u32, (String, BTreeSet<Id>)>,
    /// Those that could be it without a mark of our own, and whether everything that both sides know is equal.
    alike: Vec<(Candidate, bool)>,
}

/// What was found to be made before.
pub(super) struct Made {
    pub id: Id,
    pub number: u32,
    pub marker: String,
    /// Those that it took the place of.
    pub older: Vec<Id>,
    pub doubles: Vec<Id>,
}

impl<A: Read, C: Clock> Rebuilding<'_, A, C> {
    /// Looks among the conversations of their requesters that the state does not know.
    ///
    /// # Errors
    /// What a list or the messages of a conversation were answered with, if it was not the whole of them: what can't be
    /// looked at may hold what was made.
    pub async fn look<'m>(
        &self,
        wanted: &[Wanted<'m>],
        listen: &dyn Fn(Looked),
    ) -> Result<Vec<(Wanted<'m>, Found)>, CallError> {
        let known = self.state.known_ids();
        let mut found = self.look_for_end_users(wanted, &known).await?;
        let groups = self.groups(wanted);
        let (of, known, at) = (groups.len(), &known, &Cell::new(0));
        let looking = groups.iter().map(|group| async move {
            let seen = self.look_at(group, known).await?;
            at.set(at.get() + 1);
            listen(Looked { at: at.get(), of });
            Ok((group, seen))
        });
        let mut looking = stream::iter(looking).buffered(AT_ONCE);
        while let Some(looked) = looking.next().await {
            let (group, seen) = looked?;
            let of_each = group.wanted.iter().zip(seen);
            found.extend(of_each.filter_map(|(wanted, seen)| Some((*wanted, self.found(wanted, seen)?))));
        }
        drop_owned(&mut found);
        Ok(found)
    }

    fn groups<'m>(&self, wanted: &[Wanted<'m>]) -> Vec<Group<'m>> {
        let mut groups: BTreeMap<String, Group<'m>> = BTreeMap::new();
        for wanted in wanted {
            let conversation = wanted.spec.conversation();
            let Some(requester) = conversation.requester_id().map(str::to_ascii_lowercase) else { continue };
            let new = || Group { requester: requester.clone(), wanted: Vec::new(), marks: HashMap::new() };
            let group = groups.entry(requester.clone()).or_insert_with(new);
            let index = group.wanted.len();
            if wanted.marked {
                for address in std::iter::once(wanted.address).chain(wanted.moved_from) {
                    let first = self.state.next_number(address);
                    let mark = |number| marker(self.project, address, wanted.digests.content, number);
                    let numbers = first..first.saturating_add(NUMBERS_MAX);
                    group.marks.extend(numbers.map(|number| (mark(number), (index, number))));
                }
            }
            group.wanted.push(*wanted);
        }
        groups.into_values().collect()
    }

    /// Looks at the newest first, and into few more conversations than it takes to find all marks.
    async fn look_at(&self, group: &Group<'_>, known: &BTreeSet<Id>) -> Result<Vec<Seen>, CallError> {
        let mut beyond = 0;
        let mut seen: Vec<Seen> = group.wanted.iter().map(|_| Seen::default()).collect();
        for reading in self.api.conversations_of(&group.requester).await?.into_iter().rev() {
            if known.contains(&reading.id.into()) {
                continue;
            }
            let alike: Vec<usize> = (0..group.wanted.len())
                .filter(|index| {
                    let wanted = &group.wanted[*index];
                    !wanted.marked && is_like(wanted, &group.requester, &reading)
                })
                .collect();
            let is_missing = |(wanted, seen): (&Wanted<'_>, &Seen)| {
                wanted.marked && seen.marked.is_empty() && may_be_marked(wanted, &reading)
            };
            if alike.is_empty() && !group.wanted.iter().zip(&seen).any(is_missing) {
                beyond += 1;
                let may_double = group.wanted.iter().any(|wanted| wanted.marked && may_be_marked(wanted, &reading));
                if !may_double || beyond > BEYOND_MAX {
                    continue;
                }
            }
            let messages = self.api.messages(reading.id).await?;
            for mark in messages.iter().filter_map(|message| message.external_id.as_deref()) {
                if let Some((index, number)) = group.marks.get(mark) {
                    let new = || (mark.to_owned(), BTreeSet::new());
                    seen[*index].marked.entry(*number).or_insert_with(new).1.insert(reading.id.into());
                }
            }
            for index in alike {
                let wanted = &group.wanted[index];
                let carries = |mark: &str| messages.iter().any(|message| message.external_id.as_deref() == Some(mark));
                // One without the mark that its manifest gives is another one, however equal it is.
                if wanted.spec.conversation().external_id(wanted.address.kind).is_some_and(|given| !carries(given)) {
                    continue;
                }
                let described = described(wanted, &group.requester);
                match fit(&described, &reading, Some(&messages), ALWAYS) {
                    Fit::No(_) => {}
                    fit => seen[index].alike.push((Candidate::of(&reading), fit == Fit::Yes)),
                }
            }
        }
        Ok(seen)
    }

    fn found(&self, wanted: &Wanted<'_>, mut seen: Seen) -> Option<Found> {
        let given = wanted.spec.conversation().external_id(wanted.address.kind).map(str::to_owned);
        let (number, marker, ids) = match (seen.marked.pop_last(), given, seen.alike.as_slice()) {
            (Some((number, (marker, ids))), ..) => (number, marker, ids),
            (None, Some(given), [(only, true)]) => {
                (self.state.next_number(wanted.address), given, BTreeSet::from([only.id]))
            }
            (None, ..) => {
                let candidates: Vec<Candidate> = seen.alike.into_iter().rev().map(|(candidate, _)| candidate).collect();
                return (!candidates.is_empty()).then_some(Found::Perhaps(candidates));
            }
        };
        let mut ids = ids.into_iter();
        let id = ids.next()?;
        let content = wanted.spec.only_content();
        let others = seen.marked.into_values().flat_map(|(_, ids)| ids);
        let made = Made { id, number, marker, older: others.collect(), doubles: ids.collect() };
        Some(Found::Made(Box::new(self.record(wanted, &content, made))))
    }

    /// The record of what was made before.
    pub(super) fn record(&self, wanted: &Wanted<'_>, content: &Spec, made: Made) -> Record {
        let Made { id, number, marker, older, doubles } = made;
        let applied = kept(self.last_applied, self.clock, content);
        let no_attributes = Digest::of_map(&Map::new());
        let before = self.state.records.get(wanted.address);
        Record {
            id,
            content_digest: Digest::of_map(&content.content()),
            attributes_digest: (wanted.digests.attributes == no_attributes).then_some(no_attributes),
            handling_digest: None,
            put_on: Vec::new(),
            names: applied.names_kept(wanted.ids),
            applied,
            source: wanted.source.cloned(),
            made_of: None,
            marker: Some(marker),
            number,
            made_at: None,
            applied_at: self.clock.now(),
            partial_errors: Vec::new(),
            answered: Attributes::new(),
            replaced: before.into_iter().flat_map(Record::ids).chain(older).collect(),
            doubles,
        }
    }
}

impl<A, C: Clock> Rebuilding<'_, A, C> {
    /// What the journal gets to know of what was found, with numbers of calls from `first_seq` on. A question is a call
    /// in doubt that was never sent, and would take the place of the conversation that is recorded.
    pub fn entries(&self, found: &[(Wanted<'_>, Found)], first_seq: u64) -> Vec<Entry> {
        found.iter().zip(first_seq..).flat_map(|((wanted, found), seq)| self.entries_of(wanted, found, seq)).collect()
    }

    fn entries_of(&self, wanted: &Wanted<'_>, found: &Found, seq: u64) -> Vec<Entry> {
        let address = wanted.address.clone();
        let candidates = match found {
            Found::Made(record) => return vec![Entry::Adopted { address, record: record.clone() }],
            Found::Perhaps(candidates) => candidates,
        };
        let at = self.clock.now();
        let question = Question::Which(candidates.clone());
        let message = format!("{address} was perhaps made before: {question}");
        let began = self.began(wanted, None, seq, &at);
        vec![began, Entry::InDoubt { seq, heard: Heard::Before, message, at }]
    }

    /// What the journal gets to know of what was not found, where a run may have begun to make it and nobody knows:
    /// calls without an end that may have left until `at`, with numbers from `first_seq` on.
    pub fn perhaps_begun<'w>(
        &self,
        missing: impl Iterator<Item = &'w Wanted<'w>>,
        at: &str,
        first_seq: u64,
    ) -> Vec<Entry> {
        let began = |(wanted, seq): (&Wanted<'_>, u64)| self.began(wanted, self.next_marker(wanted), seq, at);
        missing.zip(first_seq..).map(began).collect()
    }

    /// What the next conversation of the address carries, or the next end user.
    fn next_marker(&self, wanted: &Wanted<'_>) -> Option<String> {
        let Wanted { address, spec, digests, .. } = wanted;
        if wanted.marked {
            return Some(marker(self.project, address, digests.content, self.state.next_number(address)));
        }
        spec.conversation().external_id(address.kind).map(str::to_owned)
    }

    fn began(&self, wanted: &Wanted<'_>, marker: Option<String>, seq: u64, at: &str) -> Entry {
        let address = wanted.address.clone();
        let applied = kept(self.last_applied, self.clock, &wanted.spec.with_handling(Handling::default()));
        let intent = Box::new(Intent {
            // How it is handled by now, nobody knows.
            digests: Digests { handling: None, ..wanted.digests },
            names: applied.names_kept(wanted.ids),
            applied,
            tag: None,
            source: wanted.source.cloned(),
            requester: wanted.spec.conversation().requester_id().map(str::to_owned),
            marker,
            known_before: Vec::new(),
            replaced: self.state.records.get(wanted.address).map(|record| record.id),
            at: at.to_owned(),
        });
        let call = match address.kind {
            Kind::EndUser | Kind::Conversation => CallKind::Create,
            Kind::Import => CallKind::Import,
        };
        Entry::Began { seq, address, call, intent }
    }
}

/// No conversation that dixaform has created with a marker of today's form is older than this.
const MARKED_SINCE: &str = "2026-01-01T00:00:00Z";

/// Whether a conversation can carry a marker at all, as far as its date says; an import has any date.
fn may_be_marked(wanted: &Wanted<'_>, reading: &ConversationReading) -> bool {
    let since = || MARKED_SINCE.parse::<Timestamp>().ok();
    let created_at = || reading.created_at.as_deref().and_then(instant);
    wanted.address.kind == Kind::Import || created_at().zip(since()).is_none_or(|(at, since)| at >= since)
}

/// What was made for one manifest was made for no other.
fn drop_owned(found: &mut Vec<(Wanted<'_>, Found)>) {
    let made = |(_, found): &(Wanted<'_>, Found)| match found {
        Found::Made(record) => record.ids().collect(),
        Found::Perhaps(_) => Vec::new(),
    };
    let made: BTreeSet<Id> = found.iter().flat_map(made).collect();
    found.retain_mut(|(_, found)| match found {
        Found::Made(_) => true,
        Found::Perhaps(candidates) => {
            candidates.retain(|candidate| !made.contains(&candidate.id));
            !candidates.is_empty()
        }
    });
}

/// When it was created says nothing: nobody knows when that was.
const ALWAYS: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

fn is_like(wanted: &Wanted<'_>, requester: &str, reading: &ConversationReading) -> bool {
    !matches!(fit(&described(wanted, requester), reading, None, ALWAYS), Fit::No(_))
}

fn described<'w>(wanted: &Wanted<'_>, requester: &'w str) -> Described<'w> {
    Described::content(wanted.address.kind, wanted.spec.content()).with_requester(Some(requester))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Attributes, Conversation, ConversationId};

    #[test]
    fn only_what_was_created_before_there_were_markers_is_left_out_by_its_date() {
        for (address, created_at, may) in [
            ("conversation.a", Some("2024-01-01T00:00:00Z"), false),
            ("conversation.a", Some("2026-11-28T00:00:00Z[GMT]"), true),
            ("conversation.a", Some("yesterday"), true),
            ("conversation.a", None, true),
            ("import.a", Some("2019-01-01T00:00:00Z"), true),
        ] {
            let address: Address = address.parse().expect("an address");
            let nothing =
                Conversation { content: Map::new(), attributes: Attributes::new(), handling: Handling::default() };
            let spec = Spec::of(&nothing);
            let digests = spec.conversation().digests();
            let (names, ids) = (&BTreeMap::new(), &Ids::new());
            let (moved_from, source, address) = (None, None, &address);
            let adopts = None;
            let wanted = Wanted { address, moved_from, spec: &spec, digests, source, marked: true, names, ids, adopts };
            let created_at = created_at.map(str::to_owned);
            let reading = ConversationReading { created_at, ..ConversationReading::of(ConversationId(1)) };
            assert_eq!(may_be_marked(&wanted, &reading), may, "{address} {:?}", reading.created_at);
        }
    }
}
