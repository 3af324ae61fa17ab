//! Runs that the state should have the effects of, and a state from elsewhere that has not.

use std::collections::BTreeMap;

use super::*;

/// What the state from elsewhere does not know, as the error names it.
fn unrecorded(state: &State, entries: &[Entry]) -> Vec<(String, Id)> {
    match replay(state.clone(), entries) {
        Err(ReplayError::Unrecorded { state: serial, unrecorded }) => {
            assert_eq!(serial, state.serial);
            unrecorded.into_iter().map(|(address, id)| (address.name().to_owned(), id)).collect()
        }
        Err(error) => panic!("{error}"),
        Ok(_) => Vec::new(),
    }
}

#[test]
fn a_journal_whose_ids_the_state_does_not_know_is_not_passed_over() {
    let wanted = conversation("s", None);
    let make = |seq, name| began(seq, name, &wanted, None);
    let adopted = Entry::Adopted { address: address("c"), record: Box::new(some_record()) };
    let entries = [
        opened(1),
        make(1, "a"),
        succeeded(1, 1002),
        make(2, "b"),
        in_doubt(2),
        decided(2, Decision::Adopt(Id::conversation(1003))),
        adopted,
        make(3, "d"),
    ];
    let error = replay(state(2), &entries).expect_err("the state is from elsewhere");
    assert_eq!(
        error.to_string(),
        "the state (serial 2) lacks conversations that the journal says were created or adopted: \
         conversation.a is #1002, conversation.b is #1003, conversation.c is #1"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("dixaform recover")));
    // Known, whoever has it now: as the newest conversation of an address, or as one that was replaced.
    let mut known = replayed(&state(1), &entries).state;
    known.serial = 2;
    assert_eq!(replayed(&known, &entries).in_doubt.len(), 1, "what has no end stays in doubt");
    let made = known.records.remove(&address("a")).expect("made");
    assert_eq!(unrecorded(&known, &entries), [("a".to_owned(), Id::conversation(1002))]);
    known.records.insert(address("moved"), made.clone());
    assert_eq!(unrecorded(&known, &entries), []);
    let replaced = Record { id: Id::conversation(2000), replaced: vec![made.id], ..made };
    known.records.insert(address("moved"), replaced);
    assert_eq!(unrecorded(&known, &entries), []);
}

#[test]
fn what_a_later_run_of_the_journal_has_dropped_or_replaced_is_not_missed() {
    let wanted = conversation("s", None);
    let first = [opened(1), began(1, "a", &wanted, None), succeeded(1, 100), began(2, "b", &wanted, None)];
    let forgot = [opened(2), Entry::Forgot { address: address("a") }];
    assert_eq!(unrecorded(&state(3), &[&first[..], &forgot].concat()), []);
    let replaced = [opened(2), began(3, "a", &wanted, Some(Id::conversation(100))), succeeded(3, 101)];
    let journal = [&first[..], &replaced].concat();
    assert_eq!(unrecorded(&state(3), &journal), [("a".to_owned(), Id::conversation(101))]);
    let base = replayed(&state(1), &first).state;
    let saved = replayed(&State { serial: 2, ..base }, &journal).state;
    assert_eq!(unrecorded(&State { serial: 3, ..saved }, &journal), []);
}

#[test]
fn what_a_run_that_counts_drops_was_known_before() {
    let wanted = conversation("s", None);
    let first = [opened(1), began(1, "a", &wanted, None), succeeded(1, 100)];
    let again = [began(2, "a", &wanted, Some(Id::conversation(100))), succeeded(2, 101), began(3, "b", &wanted, None)];
    let journal = [&first[..], &again].concat();
    let saved = State { serial: 2, ..replayed(&state(1), &journal).state };
    let dropped = [&journal[..], &[opened(2), Entry::Forgot { address: address("a") }]].concat();
    assert_eq!(unrecorded(&saved, &dropped), []);
    assert_eq!(unrecorded(&state(2), &dropped), [("a".to_owned(), Id::conversation(101))]);
}

#[test]
fn what_is_unrecorded_is_recorded_as_the_run_would_have() {
    let wanted = conversation("s", Some("1"));
    let old = Record { replaced: vec![Id::conversation(50)], id: Id::conversation(99), ..some_record() };
    let base = State { records: BTreeMap::from([(address("a"), old)]), ..state(1) };
    let mut entries = vec![opened(1), began(1, "a", &wanted, Some(Id::conversation(99))), succeeded(1, 1002)];
    let applied = replayed(&base, &entries).state.records[&address("a")].applied.clone();
    entries.extend([began_patch(2, "a", &wanted, &applied), succeeded(2, 1002)]);
    entries.extend([began(3, "b", &wanted, None), succeeded(3, 1003), began_patch(4, "b", &wanted, &applied)]);
    let expected = replayed(&base, &entries).state.records;
    assert_eq!(expected[&address("a")].replaced, [Id::conversation(50), Id::conversation(99)]);

    let mut replay = Replay::new(State { serial: 2, ..base.clone() });
    entries.iter().for_each(|entry| replay.add(entry).expect("a sound journal"));
    replay.settle();
    assert_eq!(replay.unrecorded().len(), 2);
    assert!(!replay.has_changed(), "nothing before somebody has decided");
    replay.record(&address("a")).expect("it took the place of #99");
    replay.record(&address("b")).expect("nobody's");
    assert_eq!((replay.fits(), replay.has_changed()), (Ok(()), true));
    assert_eq!(replay.state().records, expected);

    // Somebody else has made one for the same address.
    let other = Record { id: Id::conversation(2001), ..some_record() };
    let elsewhere = State { serial: 2, records: BTreeMap::from([(address("b"), other)]), ..base };
    let mut replay = Replay::new(elsewhere.clone());
    entries.iter().for_each(|entry| replay.add(entry).expect("a sound journal"));
    assert_eq!(replay.record(&address("b")), Err(Id::conversation(2001)));
    assert_eq!(replay.state(), &elsewhere);
}
