//! What a state and the journal beside it know: a journal elsewhere may go only when all of it is known here.

use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::{Address, Id};
use crate::journal::{Decision, Entry, InDoubt, Intent, Replay};
use crate::render::number;
use crate::state::{Record, State};

/// How many are named where something is lacking.
const NAMED_MAX: usize = 20;

/// What a state and the journal beside it know.
pub struct Knowledge {
    /// With the journal in it.
    state: State,
    ids: BTreeSet<Id>,
    in_doubt: Vec<InDoubt>,
}

impl Knowledge {
    pub fn of(state: &State, entries: &[Entry]) -> Self {
        let mut replay = Replay::new(state.clone());
        // What does not fit says nothing for sure except the ids that it names.
        let fits = entries.iter().try_for_each(|entry| replay.add(entry)).is_ok();
        let replay = if fits { replay } else { Replay::new(state.clone()) };
        let ids = replay.state().known_ids().into_iter().chain(told(entries).ids.into_keys());
        Knowledge { ids: ids.collect(), in_doubt: replay.in_doubt(), state: replay.into_parts().0 }
    }

    /// What a journal knows and this does not, for people; none if it knows everything.
    pub fn lacks(&self, entries: &[Entry]) -> Option<String> {
        let Told { ids, began } = told(entries);
        let ids = ids.into_iter().filter(|(id, _)| !self.ids.contains(id)).map(named);
        let began = began.into_values().filter(|(address, intent)| !self.has_call(address, intent));
        let all: Vec<String> = ids.chain(began.map(|(address, _)| format!("a call for {address} began"))).collect();
        (!all.is_empty()).then(|| number::named(all, NAMED_MAX))
    }

    /// What a state knows and this does not.
    pub fn lacks_of(&self, state: &State) -> Option<String> {
        let is_lacking: Vec<Id> = state.known_ids().into_iter().filter(|id| !self.ids.contains(id)).collect();
        let owner = |id| state.records.iter().find(|(_, record)| record.ids().any(|known| known == id));
        let all = is_lacking.into_iter().map(|id| named((id, owner(id).map(|(address, _)| address))));
        let all: Vec<String> = all.collect();
        (!all.is_empty()).then(|| number::named(all, NAMED_MAX))
    }

    /// Whether it is known of a call that may have made something, be it how it ended or that nobody knows. A record of
    /// the same address or marker tells nothing if another call has made it: this one may have made a second.
    fn has_call(&self, address: &Address, intent: &Intent) -> bool {
        let is_its = |(owner, record): (&Address, &Record)| {
            let is_it = record.marker == intent.marker && record.made_at.as_ref() == Some(&intent.at);
            is_it && (intent.marker.is_some() || owner == address)
        };
        self.in_doubt.iter().any(|doubt| doubt.address == *address && doubt.intent == *intent)
            || self.state.records.iter().any(is_its)
    }
}

fn named((id, address): (Id, Option<&Address>)) -> String {
    match address {
        Some(address) => format!("{address} is {id:#}"),
        None => format!("{id:#}"),
    }
}

/// What the entries of a journal tell, whatever state they belong to.
struct Told<'e> {
    /// With the address, where an entry says it.
    ids: BTreeMap<Id, Option<&'e Address>>,
    /// The calls that make something and have not ended.
    began: BTreeMap<u64, (&'e Address, &'e Intent)>,
}

fn told(entries: &[Entry]) -> Told<'_> {
    let mut ids: BTreeMap<Id, Option<&Address>> = BTreeMap::new();
    let mut began = BTreeMap::new();
    let mut calls: BTreeMap<u64, &Address> = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Began { seq, address, call, intent } => {
                calls.insert(*seq, address);
                ids.extend(intent.replaced.map(|id| (id, Some(address))));
                if call.makes() {
                    began.insert(*seq, (address, &**intent));
                }
            }
            Entry::Succeeded { seq, id, .. } | Entry::Decided { seq, decision: Decision::Adopt(id), .. } => {
                began.remove(seq);
                ids.insert(*id, calls.get(seq).copied());
            }
            Entry::Failed { seq, certain: true, .. }
            | Entry::Decided { seq, decision: Decision::Create | Decision::Forget, .. } => drop(began.remove(seq)),
            Entry::Adopted { address, record } => ids.extend(record.ids().map(|id| (id, Some(address)))),
            Entry::Doubled { address, id } | Entry::Kept { address, id } => drop(ids.insert(*id, Some(address))),
            Entry::Failed { certain: false, .. }
            | Entry::InDoubt { .. }
            | Entry::Opened { .. }
            | Entry::Forgot { .. }
            | Entry::Closed { .. } => {}
        }
    }
    Told { ids, began }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Attributes, Conversation, Kind};
    use crate::handling::Handling;
    use crate::journal::{CallKind, DecidedBy};
    use crate::spec::Spec;
    use crate::state::{Applied, Lineage, TenantIdentity};
    use serde_json::Map;

    fn state(serial: u64) -> State {
        State { serial, ..State::new(Lineage(uuid::Uuid::nil())) }
    }

    fn opened() -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: Lineage(uuid::Uuid::nil()),
            base_serial: 1,
            tenant: TenantIdentity { base_url: "sandbox".into(), organization_id: None },
            command: "apply".into(),
            at: String::new(),
            pid: 1,
        }
    }

    fn address(name: &str) -> Address {
        Address::new(Kind::Conversation, name).expect("a name")
    }

    fn began(seq: u64, marker: Option<&str>, replaced: Option<i64>) -> Entry {
        let wanted = Conversation { content: Map::new(), attributes: Attributes::new(), handling: Handling::default() };
        let intent = Intent {
            tag: None,
            digests: wanted.digests(),
            applied: Applied::Full(Spec::of(&wanted)),
            source: None,
            requester: None,
            marker: marker.map(str::to_owned),
            known_before: Vec::new(),
            names: BTreeMap::new(),
            replaced: replaced.map(Id::conversation),
            at: format!("at {seq}"),
        };
        Entry::Began { seq, address: address("a"), call: CallKind::Create, intent: Box::new(intent) }
    }

    fn succeeded(seq: u64, id: i64) -> Entry {
        let (partial_errors, answered) = (Vec::new(), Attributes::new());
        Entry::Succeeded { seq, id: Id::conversation(id), partial_errors, answered, at: String::new() }
    }

    /// What is lacking of a journal where the other one has these entries, saved or not.
    fn lacking(there: &[Entry], entries: &[Entry]) -> Option<String> {
        let there = [&[opened()], there].concat();
        let mut replay = Replay::new(state(1));
        there.iter().for_each(|entry| replay.add(entry).expect("it fits"));
        replay.grow();
        let entries = [&[opened()], entries].concat();
        let unsaved = Knowledge::of(&state(1), &there).lacks(&entries);
        let saved = Knowledge::of(replay.state(), &there).lacks(&entries);
        assert_eq!(saved, unsaved);
        saved
    }

    #[test]
    fn an_id_is_known_wherever_it_is_and_lacking_otherwise() {
        let (made, again) = ([began(1, None, None), succeeded(1, 7)], [began(1, None, None), succeeded(1, 8)]);
        assert_eq!(lacking(&made, &made), None);
        assert_eq!(lacking(&[], &made).as_deref(), Some("conversation.a is #7"));
        assert_eq!(lacking(&again, &made).as_deref(), Some("conversation.a is #7"));
        let adopted = |id| {
            let (decision, by) = (Decision::Adopt(Id::conversation(id)), DecidedBy::Machine);
            [began(1, None, None), Entry::Decided { seq: 1, decision, by, at: String::new() }]
        };
        assert_eq!(lacking(&again, &adopted(7)).as_deref(), Some("conversation.a is #7"));
        assert_eq!(lacking(&made, &adopted(7)), None);
        let doubled = Entry::Doubled { address: address("a"), id: Id::conversation(9) };
        assert_eq!(lacking(&made, &[doubled]).as_deref(), Some("conversation.a is #9"));
        // A record that was replaced since is known.
        let since = [&made[..], &[began(2, None, Some(7)), succeeded(2, 8)]].concat();
        assert_eq!(lacking(&since, &made), None);
        let mut without = Replay::new(state(1));
        [&[opened()], &made[..]].concat().iter().for_each(|entry| without.add(entry).expect("it fits"));
        let mut forgotten = without.state().clone();
        forgotten.forget(&address("a"));
        assert_eq!(Knowledge::of(&forgotten, &[]).lacks(&made), None);
    }

    #[test]
    fn a_call_whose_end_nobody_knows_is_known_only_by_itself() {
        let why = Some("a call for conversation.a began".to_owned());
        let made = [began(1, Some("df-0"), None), succeeded(1, 7)];
        let with = |entry| [&made[..], &[entry]].concat();
        // The same call, in doubt there or ended since.
        assert_eq!(lacking(&with(began(2, Some("df-1"), Some(7))), &with(began(2, Some("df-1"), Some(7)))), None);
        let ended = [with(began(2, Some("df-1"), Some(7))), vec![succeeded(2, 8)]].concat();
        assert_eq!(lacking(&ended, &with(began(2, Some("df-1"), Some(7)))), None);
        // There is a record, but the one that was to be replaced, whatever its marker, or one of another call.
        for marker in [None, Some("df-0"), Some("df-1")] {
            assert_eq!(lacking(&made, &with(began(2, marker, Some(7)))), why, "{marker:?}");
        }
        for marker in [None, Some("df-1"), Some("df-2")] {
            assert_eq!(lacking(&ended, &with(began(3, marker, Some(7)))), why, "{marker:?}");
        }
        // Without a marker the moment tells.
        let unmarked = [began(1, None, None), succeeded(1, 7)];
        assert_eq!(lacking(&unmarked, &unmarked[..1]), None);
        // One that surely made nothing leaves nothing to know.
        let failed = Entry::Failed { seq: 2, certain: true, message: String::new(), at: String::new() };
        assert_eq!(lacking(&made, &[with(began(2, None, Some(7))), vec![failed]].concat()), None);
    }

    #[test]
    fn of_a_state_every_id_is_to_be_known_that_it_ever_had() {
        let record = |entries: &[Entry]| {
            let mut replay = Replay::new(state(1));
            [&[opened()], entries].concat().iter().for_each(|entry| replay.add(entry).expect("it fits"));
            replay.into_parts().0
        };
        let first = record(&[began(1, None, None), succeeded(1, 7)]);
        let second = [began(1, None, None), succeeded(1, 7), began(2, None, Some(7)), succeeded(2, 8)];
        assert_eq!(Knowledge::of(&record(&second), &[]).lacks_of(&first), None);
        assert_eq!(Knowledge::of(&first, &[]).lacks_of(&record(&second)).as_deref(), Some("conversation.a is #8"));
        let there = [&[opened()], &second[..]].concat();
        assert_eq!(Knowledge::of(&state(1), &there).lacks_of(&record(&second)), None, "its journal knows it");
        let mut forgotten = record(&second);
        forgotten.forget(&address("a"));
        assert_eq!(Knowledge::of(&first, &[]).lacks_of(&forgotten).as_deref(), Some("#8"));
    }

    #[test]
    fn what_is_lacking_is_named_once_and_not_without_end() {
        let doubled = |id| Entry::Doubled { address: address("a"), id: Id::conversation(id) };
        let many: Vec<Entry> = (0..30).chain(0..30).map(doubled).collect();
        let named = lacking(&[], &many).expect("all of them");
        assert!(named.ends_with("conversation.a is #19 and 10 more"), "{named}");
    }
}
