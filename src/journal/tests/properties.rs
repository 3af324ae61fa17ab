//! Whatever a run does, and wherever it dies: no conversation is lost, and no call is forgotten.

use proptest::prelude::*;

use super::*;
use crate::handling::{Handling, Openness, PutOn, Setting};

/// What a run does next, chosen by a property test; addresses and calls in flight are picked by number.
#[derive(Clone, Debug)]
enum Act {
    Make(u8, bool),
    Patch(u8),
    Succeed(u8),
    Fail(u8, bool),
    Doubt(u8),
    Decide(u8, u8),
    Adopt(u8),
    Forget(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..5u8, any::<bool>()).prop_map(|(name, attributes)| Act::Make(name, attributes)),
        2 => (0..5u8).prop_map(Act::Patch),
        6 => any::<u8>().prop_map(Act::Succeed),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(call, certain)| Act::Fail(call, certain)),
        1 => any::<u8>().prop_map(Act::Doubt),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(call, way)| Act::Decide(call, way)),
        1 => (0..5u8).prop_map(Act::Adopt),
        1 => (0..5u8).prop_map(Act::Forget),
    ]
}

/// Turns acts into the entries that a correct run would write, with what it knows that replay has to find out.
struct Script {
    live: Replay,
    entries: Vec<Entry>,
    in_flight: BTreeMap<u64, (Address, CallKind)>,
    next_seq: u64,
    next_id: i64,
    /// Conversations that exist because of us, and were not forgotten on purpose.
    ours: BTreeSet<Id>,
}

impl Script {
    fn new(state: State) -> Self {
        let ours = state.records.values().map(|record| record.id).collect();
        let live = Replay::new(state);
        Script { live, entries: Vec::new(), in_flight: BTreeMap::new(), next_seq: 1, next_id: 1000, ours }
    }

    fn write(&mut self, entry: Entry) {
        self.live.add(&entry).expect("a correct run");
        self.entries.push(entry);
    }

    fn record(&self, name: &Address) -> Option<Record> {
        self.live.state().records.get(name).cloned()
    }

    fn pick(&self, call: u8) -> Option<(u64, CallKind)> {
        let index = usize::from(call) % self.in_flight.len().max(1);
        self.in_flight.iter().nth(index).map(|(seq, (_, call))| (*seq, *call))
    }

    fn is_busy(&self, address: &Address) -> bool {
        self.in_flight.values().any(|(busy, _)| busy == address)
    }

    /// A call that puts a tag on, or takes it off again, or closes the conversation.
    fn handles(&self, record: &Record) -> (CallKind, Box<Intent>) {
        let known = record.applied.handled(&Handling::default()).0;
        let (call, setting) = match record.put_on.first() {
            _ if self.next_seq.is_multiple_of(3) => (CallKind::State, Setting::State(Openness::Closed)),
            Some(tag) => (CallKind::TakeTag, Setting::TakeTag(tag.clone())),
            None => (CallKind::PutTag, Setting::PutTag("vip".into())),
        };
        let handling = known.after(&setting);
        let nothing = Conversation { content: Map::new(), attributes: Attributes::new(), handling: handling.clone() };
        let mut intent = intent_of(&nothing, handling_kept(&record.applied, handling, None), None);
        intent.tag = (call != CallKind::State).then(|| PutOn::new("id-vip", "vip"));
        (call, intent)
    }

    fn new_id(&mut self) -> Id {
        self.next_id += 1;
        self.ours.insert(Id::conversation(self.next_id));
        Id::conversation(self.next_id)
    }

    fn begin(&mut self, name: &Address, call: CallKind, intent: Box<Intent>) {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.write(Entry::Began { seq, address: name.clone(), call, intent });
        self.in_flight.insert(seq, (name.clone(), call));
    }

    fn act(&mut self, act: &Act) {
        let name = |number: &u8| address(&format!("n{number}"));
        match act {
            Act::Make(number, attributes) if !self.is_busy(&name(number)) => {
                let wanted = conversation(&self.next_seq.to_string(), attributes.then_some("1"));
                let replaced = self.record(&name(number)).map(|record| record.id);
                let intent = intent_of(&wanted, Applied::Full(Spec::of(&wanted)), replaced);
                self.begin(&name(number), CallKind::Create, intent);
            }
            Act::Patch(number) if !self.is_busy(&name(number)) => {
                let Some(record) = self.record(&name(number)) else { return };
                if self.next_seq.is_multiple_of(2) {
                    let (call, intent) = self.handles(&record);
                    return self.begin(&name(number), call, intent);
                }
                let attributes = Attributes::from([("one".into(), AttributeValue::Text(self.next_seq.to_string()))]);
                let wanted = Conversation { content: Map::new(), attributes, handling: Handling::default() };
                let applied = attributes_kept(&record.applied, &Spec::of(&wanted), None);
                let intent = intent_of(&wanted, applied, None);
                self.begin(&name(number), CallKind::Patch, intent);
            }
            Act::Adopt(number) if !self.is_busy(&name(number)) && self.record(&name(number)).is_none() => {
                let mut record = some_record();
                record.id = self.new_id();
                self.write(Entry::Adopted { address: name(number), record: Box::new(record) });
            }
            Act::Forget(number) if !self.is_busy(&name(number)) => {
                if let Some(record) = self.record(&name(number)) {
                    self.ours.remove(&record.id);
                    self.ours.retain(|id| !record.replaced.contains(id));
                    self.write(Entry::Forgot { address: name(number) });
                }
            }
            Act::Make(..) | Act::Patch(_) | Act::Adopt(_) | Act::Forget(_) => {}
            Act::Succeed(call) | Act::Fail(call, _) | Act::Doubt(call) | Act::Decide(call, _) => {
                if let Some((seq, kind)) = self.pick(*call) {
                    self.answer(act, seq, kind);
                }
            }
        }
    }

    fn answer(&mut self, act: &Act, seq: u64, call: CallKind) {
        match act {
            Act::Succeed(_) if call.makes() => {
                let id = self.new_id();
                self.write(Entry::Succeeded {
                    seq,
                    id,
                    partial_errors: Vec::new(),
                    answered: Attributes::new(),
                    at: at(2),
                });
            }
            Act::Succeed(_) => {
                let id = self.record(&self.in_flight[&seq].0).expect("it is patched").id;
                self.write(Entry::Succeeded {
                    seq,
                    id,
                    partial_errors: Vec::new(),
                    answered: Attributes::new(),
                    at: at(2),
                });
            }
            Act::Fail(_, certain) => {
                self.write(Entry::Failed { seq, certain: *certain, message: String::new(), at: at(2) });
                if !certain && call.makes() {
                    return;
                }
            }
            Act::Decide(_, way) if call.makes() => {
                let decision = match way % 3 {
                    0 => Decision::Adopt(self.new_id()),
                    1 => Decision::Create,
                    _ => Decision::Forget,
                };
                self.write(decided(seq, decision));
            }
            _ => return self.write(in_doubt(seq)),
        }
        self.in_flight.remove(&seq);
    }

    /// A new run, on the serial that is saved.
    fn reopen(&mut self, serial: u64) {
        self.in_flight.retain(|_, (_, call)| call.makes());
        self.write(opened(serial));
    }
}

fn play(base: &State, acts: &[Act]) -> Script {
    let mut script = Script::new(base.clone());
    script.reopen(base.serial);
    acts.iter().for_each(|act| script.act(act));
    script
}

fn base_state() -> State {
    let mut record = some_record();
    record.id = Id::conversation(500);
    record.replaced = vec![Id::conversation(400)];
    State { records: BTreeMap::from([(address("n0"), record)]), ..state(5) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn entries_read_back_as_they_were(
        wanted in file_v1::tests::conversation(),
        record in file_v1::tests::record(7),
        texts in prop::collection::vec(any::<String>(), 4),
        numbers in any::<(u64, u64, u32, bool)>(),
    ) {
        let (seq, serial, pid, flag) = numbers;
        let [one, two, three, four] = <[String; 4]>::try_from(texts).expect("four");
        let mut intent = intent_of(&wanted, record.applied.clone(), flag.then_some(Id::conversation(3)));
        (intent.requester, intent.marker, intent.source) = (Some(one.clone()), flag.then_some(two.clone()), record.source.clone());
        let run = uuid::Uuid::from_u128(u128::from(seq));
        let tenant = TenantIdentity { base_url: three.clone(), organization_id: flag.then_some(four.clone()) };
        let entries = [
            Entry::Opened { run, lineage: LINEAGE, base_serial: serial, tenant, command: four, at: three, pid },
            Entry::Began { seq, address: address("a"), call: CallKind::Import, intent },
            Entry::Succeeded {
                seq,
                id: Id::conversation(8),
                partial_errors: vec![one.clone(), two.clone()],
                answered: record.answered.clone(),
                at: one.clone(),
            },
            Entry::Failed { seq, certain: flag, message: one.clone(), at: two.clone() },
            Entry::InDoubt { seq, heard: Heard::Nothing, message: two, at: one },
            Entry::Adopted { address: address("b"), record: Box::new(record) },
        ];
        let text = text_of(&entries);
        prop_assert_eq!(text.lines().count(), entries.len());
        let lines = read(text.as_bytes()).expect("own text");
        prop_assert_eq!(lines.sound_bytes, text.len() as u64);
        prop_assert_eq!(lines.entries, entries);
    }

    /// The process may die after any entry. What was answered is then in the state, what was not is in doubt.
    #[test]
    fn a_run_that_dies_anywhere_loses_no_conversation_and_forgets_no_call(acts in prop::collection::vec(act(), 0..40)) {
        let base = base_state();
        for cut in 0..=acts.len() {
            let script = play(&base, &acts[..cut]);
            let after = replayed(&base, &read(text_of(&script.entries).as_bytes()).expect("sound").entries);
            let mut kept: BTreeSet<Id> = after.state.records.values().map(|record| record.id).collect();
            kept.extend(after.state.records.values().flat_map(|record| record.replaced.clone()));
            prop_assert!(script.ours.is_subset(&kept), "{:?} of {:?}", kept, script.ours);
            let doubtful: Vec<u64> = after.in_doubt.iter().map(|doubt| doubt.seq).collect();
            let unanswered: Vec<u64> =
                script.in_flight.iter().filter(|(_, (_, call))| call.makes()).map(|(seq, _)| *seq).collect();
            prop_assert_eq!(doubtful, unanswered);
            prop_assert_eq!(&after.state, &script.live.clone().finish().state);
            prop_assert_eq!(file_v1::read(file_v1::write(&after.state)).expect("a state that reads"), after.state);
        }
    }

    /// The process may also die between saving the state and closing or removing the journal, and may not be alone in
    /// that.
    #[test]
    fn replaying_onto_a_state_that_has_the_effects_changes_nothing(
        runs in prop::collection::vec((prop::collection::vec(act(), 0..20), any::<bool>(), any::<bool>()), 1..4),
    ) {
        let base = base_state();
        let mut script = Script::new(base.clone());
        let mut on_disk = base;
        for (acts, save, close) in &runs {
            script.live = Replay::new(on_disk.clone());
            script.entries.iter().for_each(|entry| script.live.add(entry).expect("fits"));
            script.reopen(on_disk.serial);
            acts.iter().for_each(|act| script.act(act));
            if *save {
                let before = replayed(&on_disk, &script.entries);
                let mut in_place = Replay::new(on_disk.clone());
                script.entries.iter().for_each(|entry| in_place.add(entry).expect("fits"));
                in_place.settle();
                prop_assert!(in_place.has_changed() || before.state == on_disk);
                in_place.grow();
                on_disk = saved(&before);
                let mut read_again = Replay::new(on_disk.clone());
                script.entries.iter().for_each(|entry| read_again.add(entry).expect("fits"));
                read_again.settle();
                prop_assert!(!in_place.has_changed());
                prop_assert_eq!(in_place.into_parts(), read_again.into_parts());
                let again = replayed(&on_disk, &script.entries);
                prop_assert_eq!(&again.state, &on_disk);
                prop_assert_eq!(&again.in_doubt, &before.in_doubt);
                if *close {
                    script.entries.push(closed(on_disk.serial));
                    prop_assert_eq!(&replayed(&on_disk, &script.entries), &Replayed { open: false, ..again });
                }
            }
        }
    }

    #[test]
    fn what_is_carried_over_is_what_was_in_doubt_and_nothing_else(
        first in prop::collection::vec(act(), 0..25),
        second in prop::collection::vec(act(), 0..25),
    ) {
        let base = base_state();
        let mut script = play(&base, &first);
        let on_disk = saved(&replayed(&base, &script.entries));
        script.entries.push(closed(on_disk.serial));
        let whole = replayed(&on_disk, &script.entries);
        let in_doubt: BTreeSet<u64> = whole.in_doubt.iter().map(|doubt| doubt.seq).collect();
        let closed = closed(on_disk.serial);
        let kept = cut_down(&script.entries, &in_doubt, &closed);
        let cut = replayed(&on_disk, &kept);
        prop_assert_eq!((&cut.state, &cut.in_doubt), (&whole.state, &whole.in_doubt));
        prop_assert_eq!(kept.is_empty(), whole.in_doubt.is_empty());
        prop_assert_eq!(&cut_down(&kept, &in_doubt, &closed), &kept);

        // And a second run goes on from there as it would have from the whole.
        let mut next = Script::new(on_disk.clone());
        kept.into_iter().for_each(|entry| next.write(entry));
        (next.in_flight, next.next_seq, next.next_id) = (script.in_flight, script.next_seq, script.next_id);
        next.reopen(on_disk.serial);
        second.iter().for_each(|act| next.act(act));
        let later = saved(&replayed(&on_disk, &next.entries));
        prop_assert_eq!(&replayed(&later, &next.entries).state, &later);
    }
}
