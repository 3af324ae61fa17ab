use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::conversation::{Address, AttributeValue, Attributes, Conversation, Id, Kind};
use crate::handling::{Handling, Openness, PutOn};
use crate::hint::Hint as _;
use crate::source::{Place, Source};
use crate::spec::Spec;
use crate::state::{Applied, Lineage, Record, State, TenantIdentity, file_v1};
use serde_json::{Map, Value};

mod passed_over;
mod properties;

const GOLDEN: &str = include_str!("golden.journal");
const LINEAGE: Lineage = Lineage(uuid::Uuid::from_u128(7));

fn at(seconds: u64) -> String {
    format!("2026-09-14T08:30:{seconds:02}Z")
}

fn tenant() -> TenantIdentity {
    TenantIdentity { base_url: "https://dev.dixa.io".into(), organization_id: Some("org".into()) }
}

fn opened(base_serial: u64) -> Entry {
    let run = uuid::Uuid::from_u128(u128::from(base_serial) + 1);
    Entry::Opened {
        run,
        lineage: LINEAGE,
        base_serial,
        tenant: tenant(),
        command: "apply".into(),
        at: at(0),
        pid: 4711,
    }
}

fn address(name: &str) -> Address {
    Address::new(Kind::Conversation, name).expect("a name")
}

fn conversation(subject: &str, attribute: Option<&str>) -> Conversation {
    let attribute = attribute.map(|text| ("one".to_owned(), AttributeValue::Text(text.into())));
    Conversation {
        content: Map::from_iter([("subject".to_owned(), Value::from(subject))]),
        attributes: attribute.into_iter().collect(),
        handling: Handling::default(),
    }
}

fn intent_of(wanted: &Conversation, applied: Applied, replaced: Option<Id>) -> Box<Intent> {
    Box::new(Intent {
        tag: None,
        digests: wanted.digests(),
        applied,
        source: Some(Source { file: "manifests/a.yaml".into(), place: Place::START }),
        requester: Some("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b".into()),
        marker: Some("df-1".into()),
        known_before: Vec::new(),
        names: BTreeMap::new(),
        replaced,
        at: at(1),
    })
}

fn began(seq: u64, name: &str, wanted: &Conversation, replaced: Option<Id>) -> Entry {
    let intent = intent_of(wanted, Applied::Full(Spec::of(wanted)), replaced);
    Entry::Began { seq, address: address(name), call: CallKind::Create, intent }
}

fn began_patch(seq: u64, name: &str, wanted: &Conversation, before: &Applied) -> Entry {
    let intent = intent_of(wanted, attributes_kept(before, &Spec::of(wanted), None), None);
    Entry::Began { seq, address: address(name), call: CallKind::Patch, intent }
}

fn succeeded(seq: u64, id: i64) -> Entry {
    Entry::Succeeded {
        seq,
        id: Id::conversation(id),
        partial_errors: Vec::new(),
        answered: Attributes::new(),
        at: at(2),
    }
}

fn decided(seq: u64, decision: Decision) -> Entry {
    Entry::Decided { seq, decision, by: DecidedBy::Machine, at: at(3) }
}

fn in_doubt(seq: u64) -> Entry {
    Entry::InDoubt { seq, heard: Heard::Made, message: "the connection was closed".into(), at: at(2) }
}

fn closed(serial: u64) -> Entry {
    Entry::Closed { serial, at: at(9) }
}

fn state(serial: u64) -> State {
    State { serial, tenant: Some(tenant()), ..State::new(LINEAGE) }
}

fn saved(replayed: &Replayed) -> State {
    State { serial: replayed.state.serial + 1, ..replayed.state.clone() }
}

fn replayed(state: &State, entries: &[Entry]) -> Replayed {
    replay(state.clone(), entries).expect("a journal that fits")
}

fn text_of(entries: &[Entry]) -> String {
    entries.iter().map(write_line).collect()
}

fn one_of_each() -> Vec<Entry> {
    let wanted = conversation("s", Some("1"));
    let mut import = *intent_of(&wanted, Applied::to_digests(&wanted, "00ff"), Some(Id::conversation(99)));
    (import.marker, import.requester, import.source) = (None, None, None);
    import.known_before = vec![Id::conversation(97), Id::conversation(98)];
    let record = replayed(&state(3), &[opened(3), began(1, "a", &wanted, None), succeeded(1, 100)]).state.records
        [&address("a")]
        .clone();
    vec![
        opened(3),
        began(1, "a", &wanted, None),
        Entry::Succeeded {
            seq: 1,
            id: Id::conversation(100),
            partial_errors: vec!["not assigned".into()],
            answered: Attributes::new(),
            at: at(2),
        },
        began_patch(2, "a", &wanted, &record.applied),
        Entry::Failed { seq: 2, certain: true, message: "400: \"no\"\n".into(), at: at(3) },
        Entry::Began { seq: 3, address: address("b"), call: CallKind::Import, intent: Box::new(import) },
        in_doubt(3),
        decided(3, Decision::Adopt(Id::conversation(102))),
        Entry::Decided { seq: 4, decision: Decision::Create, by: DecidedBy::Person, at: at(4) },
        decided(5, Decision::Forget),
        Entry::Adopted { address: address("c"), record: Box::new(record) },
        Entry::Forgot { address: address("d") },
        Entry::Doubled { address: address("a"), id: Id::conversation(103) },
        Entry::Kept { address: address("a"), id: Id::conversation(103) },
        closed(4),
    ]
}

/// The golden file is the promise to the next version that meets a journal of this one.
#[test]
fn the_golden_file_is_what_is_written_and_reads_back() {
    assert_eq!(text_of(&one_of_each()), GOLDEN);
    assert_eq!(read(GOLDEN.as_bytes()).expect("sound").entries, one_of_each());
}

#[test]
fn calls_about_how_a_conversation_is_handled_read_back_with_their_tag() {
    let handling = Handling { tags: ["vip".to_owned()].into(), state: Some(Openness::Closed), ..Handling::default() };
    let wanted = Conversation { handling, ..conversation("s", None) };
    let tag = PutOn::new("id-vip", "vip");
    for (applied, tag) in
        [(Applied::Full(Spec::of(&wanted)), tag.clone()), (Applied::to_digests(&wanted, "00ff"), tag.without_name())]
    {
        for call in CallKind::ALL.into_iter().filter(|call| call.handles().is_some()) {
            let intent = Box::new(Intent { tag: Some(tag.clone()), ..*intent_of(&wanted, applied.clone(), None) });
            let entries = [opened(3), Entry::Began { seq: 1, address: address("a"), call, intent }];
            let text = text_of(&entries);
            assert!(text.contains(&format!("\"call\":\"{}\"", call.word())), "{text}");
            assert_eq!(read(text.as_bytes()).expect("sound").entries, entries);
        }
    }
}

#[test]
fn a_torn_last_line_is_left_out_wherever_it_was_torn() {
    let entries = [opened(0), began(1, "a", &conversation("s", None), None)];
    let (first, last) = (write_line(&entries[0]), write_line(&entries[1]));
    for cut in 0..last.len() - 1 {
        let lines = read(format!("{first}{}", &last[..cut]).as_bytes()).expect("sound except for the end");
        assert_eq!((lines.entries.as_slice(), lines.sound_bytes), (&entries[..1], first.len() as u64), "{cut}");
    }
    let mut zeros = first.clone().into_bytes();
    zeros.extend([0; 100]);
    assert_eq!(sound_bytes(&zeros), Ok(first.len() as u64));
    // All that the line says is there.
    let endless = format!("{first}{}", last.trim_end());
    let lines = read(endless.as_bytes()).expect("sound");
    assert_eq!((lines.entries.as_slice(), lines.sound_bytes), (&entries[..], endless.len() as u64));
    let marked = format!("\u{feff}{first}{last}");
    let lines = read(marked.as_bytes()).expect("sound");
    assert_eq!((lines.entries.as_slice(), lines.sound_bytes), (&entries[..], marked.len() as u64));
    assert_eq!(read(b"").expect("empty"), Lines::default());
}

#[test]
fn a_damaged_middle_line_is_an_error_that_names_it() {
    let lines: Vec<&str> = GOLDEN.lines().collect();
    for (index, line) in lines.iter().enumerate().take(lines.len() - 1) {
        for damage in ["", "x", &line[1..], &format!("{line} "), &line.replacen("{\"", "{\"x", 1)] {
            let mut damaged = lines.clone();
            damaged[index] = damage;
            let text = format!("{}\n", damaged.join("\n"));
            let error = read(text.as_bytes()).expect_err(damage);
            assert_eq!(error, LineError::Damaged { line: index + 1 });
        }
    }
}

#[test]
fn a_flipped_bit_in_the_last_line_is_damage_and_no_torn_line() {
    let (first, last) = (write_line(&opened(0)), write_line(&began(1, "a", &conversation("s", None), None)));
    for index in 0..last.len() {
        for bit in 0..8 {
            let mut flipped = last.clone().into_bytes();
            flipped[index] ^= 1 << bit;
            let damaged = [first.as_bytes(), &flipped].concat();
            let line = if flipped[index] == b'\n' && index == 0 { 2..=2 } else { 2..=3 };
            match read(&damaged) {
                Err(LineError::Damaged { line: found }) => assert!(line.contains(&found), "{index} {bit}"),
                other => panic!("{index} {bit}: {other:?}"),
            }
        }
    }
}

fn line_of(json: &str) -> String {
    format!("{} {json}\n", crate::digest::Digest::of_bytes(json.as_bytes()).short(16))
}

#[test]
fn what_a_newer_version_wrote_is_refused_and_what_is_no_entry_is_named() {
    let newer = line_of(r#"{"opened":{"format":"dixaform-journal/2","shard":1}}"#);
    assert_eq!(read(newer.as_bytes()), Err(LineError::Newer { line: 1, format: "dixaform-journal/2".into() }));
    for (json, expected) in [
        ("{}", ""),
        (r#"{"sent":{}}"#, "unknown variant `sent`"),
        (r#"{"forgot":{"address":"conversation.A"}}"#, "invalid address"),
        (r#"{"forgot":{"address":"conversation.a","x":1}}"#, "unknown field `x`"),
        (r#"{"succeeded":{"seq":1,"id":0,"at":""}}"#, "expected a positive number"),
        (r#"{"decided":{"seq":1,"decision":"adopt","by":"machine","at":""}}"#, "`decision` can't be `adopt`"),
        (r#"{"decided":{"seq":1,"decision":"create","by":"nobody","at":""}}"#, "`by` can't be `nobody`"),
    ] {
        let text = format!("{}{}", write_line(&opened(0)), line_of(json));
        match read(text.as_bytes()) {
            Err(LineError::NotAnEntry { line: 2, what }) => assert!(what.contains(expected), "{what}"),
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn a_make_without_an_end_is_in_doubt_and_a_patch_without_one_is_to_be_done_again() {
    let wanted = conversation("s", Some("1"));
    let base = replayed(&state(3), &[opened(3), began(1, "a", &wanted, None), succeeded(1, 100)]).state;
    let entries = [
        opened(3),
        began_patch(1, "a", &wanted, &base.records[&address("a")].applied),
        began(2, "b", &wanted, None),
        began(5, "c", &wanted, None),
        in_doubt(5),
        began(6, "d", &wanted, None),
        Entry::Failed { seq: 6, certain: false, message: "500".into(), at: at(2) },
        began(7, "e", &wanted, None),
        Entry::Failed { seq: 7, certain: true, message: "400".into(), at: at(2) },
    ];
    let after = replayed(&base, &entries);
    // What it may have written is known, so that it is cleared when it leaves the manifest; nothing counts as written.
    let record = &after.state.records[&address("a")];
    assert_eq!(record.attributes_digest, None);
    assert_eq!(record.applied.attribute_values(&wanted.attributes)["one"], Some("1".into()));
    assert!(after.open);
    assert_eq!(after.last_seq, 7);
    let told: Vec<_> =
        after.in_doubt.iter().map(|doubt| (doubt.seq, doubt.address.name(), doubt.message.as_deref())).collect();
    assert_eq!(told, [(2, "b", None), (5, "c", Some("the connection was closed")), (6, "d", Some("500"))]);
    assert_eq!(after.in_doubt[0].since, at(1));
}

#[test]
fn each_decision_ends_the_doubt_and_only_adoption_makes_a_record() {
    let wanted = conversation("s", None);
    let before = [opened(3), began(1, "a", &wanted, None), in_doubt(1), closed(4), opened(4)];
    for (decision, recorded) in
        [(Decision::Adopt(Id::conversation(100)), 1), (Decision::Create, 0), (Decision::Forget, 0)]
    {
        let after = replayed(&state(4), &[&before[..], &[decided(1, decision)]].concat());
        assert_eq!((after.in_doubt.len(), after.state.records.len()), (0, recorded), "{decision:?}");
    }
}

#[test]
fn a_journal_of_another_history_is_refused() {
    let entries = [opened(3), closed(3)];
    let other = State { lineage: Lineage(uuid::Uuid::nil()), ..state(3) };
    assert!(matches!(replay(other, &entries), Err(ReplayError::OtherLineage { .. })));
    let older = ReplayError::StateTooOld { journal: 3, state: 2 };
    // Without a word of calls that only began, moving the journal away would send them again.
    let hint = older.hint().expect("what to do");
    assert!(hint.contains("look in Dixa for what calls made that have begun but not ended"), "{hint}");
    assert_eq!(replay(state(2), &entries), Err(older));
    let unsaved = replay(state(3), &[opened(3), closed(4)]);
    assert_eq!(unsaved, Err(ReplayError::StateTooOld { journal: 4, state: 3 }));
    let elsewhere = TenantIdentity { base_url: "https://dev.dixa.io".into(), organization_id: Some("other".into()) };
    let elsewhere = State { tenant: Some(elsewhere), ..state(3) };
    assert!(matches!(replay(elsewhere, &entries), Err(ReplayError::OtherTenant { .. })));
}

#[test]
fn a_state_that_was_never_saved_takes_the_lineage_of_its_journal() {
    let entries = [opened(0), began(1, "a", &conversation("s", None), None), succeeded(1, 100)];
    let after = replayed(&State::new(Lineage(uuid::Uuid::nil())), &entries);
    assert_eq!((after.state.lineage, after.state.tenant.as_ref()), (LINEAGE, Some(&tenant())));
    assert_eq!(after.state.records[&address("a")].id, Id::conversation(100));
}

#[test]
fn what_is_left_of_a_run_that_was_cut_off_fits_no_state_from_before_it() {
    let wanted = conversation("a", None);
    let cut_off = [opened(0), began(1, "a", &wanted, None), succeeded(1, 100), began(2, "b", &wanted, None)];
    assert_eq!(replayed(&state(0), &cut_off).in_doubt.len(), 1);
    let kept = cut_down(&cut_off, &BTreeSet::from([2]), &closed(1));
    assert_eq!(kept, [opened(0), began(2, "b", &wanted, None), closed(1)]);
    assert_eq!(replay(state(0), &kept), Err(ReplayError::StateTooOld { journal: 1, state: 0 }));
    assert_eq!(replayed(&state(1), &kept).in_doubt.len(), 1);
}

#[test]
fn a_journal_that_contradicts_itself_is_an_error() {
    let wanted = conversation("s", None);
    let make = |seq, name| began(seq, name, &wanted, None);
    let cases = [
        (vec![make(1, "a")], ReplayError::NotOpened),
        (vec![opened(3), closed(3), make(1, "a")], ReplayError::NotOpened),
        (vec![opened(3), make(1, "a"), make(1, "b")], ReplayError::SeqReused { seq: 1 }),
        (vec![opened(3), succeeded(1, 100)], ReplayError::NotPending { seq: 1 }),
        (vec![opened(3), make(1, "a"), succeeded(1, 100), succeeded(1, 101)], ReplayError::NotPending { seq: 1 }),
        (
            vec![opened(3), make(1, "a"), succeeded(1, 100), make(2, "b"), succeeded(2, 100)],
            ReplayError::OwnedTwice { id: Id::conversation(100), address: address("b"), owner: address("a") },
        ),
    ];
    for (entries, error) in cases {
        assert_eq!(replay(state(3), &entries), Err(error));
    }
}

#[test]
fn a_patch_of_a_conversation_that_is_no_longer_recorded_changes_nothing() {
    let wanted = conversation("s", Some("1"));
    let made = [opened(3), began(1, "a", &wanted, None), succeeded(1, 100)];
    let applied = replayed(&state(3), &made).state.records[&address("a")].applied.clone();
    let again = began(2, "a", &wanted, Some(Id::conversation(100)));
    let more = [again, succeeded(2, 101), began_patch(3, "a", &wanted, &applied), succeeded(3, 100)];
    let after = replayed(&state(3), &[&made[..], &more[..]].concat());
    assert_eq!(after.state.records[&address("a")].id, Id::conversation(101));
    assert_eq!(after.state.records[&address("a")].attributes_digest, None);
}

#[test]
fn what_was_answered_is_in_the_record_until_nobody_knows_what_was_written() {
    let wanted = conversation("s", Some("a"));
    let made = [opened(3), began(1, "a", &wanted, None), succeeded(1, 100)];
    let applied = replayed(&state(3), &made).state.records[&address("a")].applied.clone();
    let answered = Attributes::from([("one".to_owned(), AttributeValue::Text("A".into()))]);
    let (id, at) = (Id::conversation(100), at(2));
    let patched = Entry::Succeeded { seq: 2, id, partial_errors: Vec::new(), answered: answered.clone(), at };
    let patch = [began_patch(2, "a", &wanted, &applied), patched];
    let entries = read(text_of(&[&made[..], &patch].concat()).as_bytes()).expect("own text").entries;
    let record = |entries: &[Entry]| replayed(&state(3), entries).state.records[&address("a")].clone();
    assert_eq!(record(&entries).answered, answered);
    let again = [began_patch(3, "a", &wanted, &applied)];
    assert_eq!(record(&[&entries[..], &again].concat()).answered, Attributes::new());
}

#[test]
fn a_call_takes_the_place_of_no_other_conversation_than_it_said() {
    let wanted = conversation("s", None);
    let made = [opened(3), began(1, "a", &wanted, None), succeeded(1, 100)];
    let base = replayed(&state(3), &made).state;
    let refused = |entries: &[Entry]| replay(base.clone(), entries).expect_err("a contradiction");
    let expected = ReplayError::HasRecord { address: address("a"), id: Id::conversation(100) };
    for replaced in [None, Some(Id::conversation(99))] {
        assert_eq!(refused(&[opened(3), began(2, "a", &wanted, replaced)]), expected);
    }
    // A state that was exchanged while the call was in doubt has a record of its own.
    let doubtful = [opened(2), began(2, "a", &wanted, None), in_doubt(2), opened(3)];
    assert_eq!(refused(&[&doubtful[..], &[decided(2, Decision::Adopt(Id::conversation(101)))]].concat()), expected);
    for decision in [Decision::Adopt(Id::conversation(100)), Decision::Forget, Decision::Create] {
        let after = replay(base.clone(), &[&doubtful[..], &[decided(2, decision)]].concat()).expect("it fits");
        assert_eq!(after.state.records[&address("a")].id, Id::conversation(100));
    }
}

fn some_record() -> Record {
    let made = [opened(0), began(1, "z", &conversation("adopted", None), None), succeeded(1, 1)];
    replayed(&state(0), &made).state.records[&address("z")].clone()
}
