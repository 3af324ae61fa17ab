use proptest::prelude::*;

use super::*;
use crate::conversation::{AttributeValue, Attributes, Conversation, Kind};
use crate::digest::Digest;
use crate::handling::{Handling, Openness, PutOn};
use crate::source::{MadeOf, Place, Source};
use crate::spec::Spec;
use crate::state::record::is_set_afterwards;
use crate::state::record::{Applied, Forgotten, Record, TenantIdentity};
use serde_json::{Map, Value};

/// As earlier versions wrote it.
const GOLDEN: &str = include_str!("golden.json");

/// As it is written now.
fn sealed_golden() -> String {
    format!("{}{SEAL}\"crc32:95a7b8f0\"}}\n", GOLDEN.trim_end().strip_suffix('}').expect("an object"))
}

fn golden_state() -> State {
    let content = Map::from_iter([
        ("_type".to_owned(), Value::from("Email")),
        ("subject".to_owned(), Value::from("order \"123\"\n")),
        ("attachments".to_owned(), Value::Array(Vec::new())),
    ]);
    let attributes = Attributes::from([
        ("2f5515b6-7e98-4f4d-9010-bfd2a27d4f35".to_owned(), AttributeValue::Text("012345".into())),
        ("db5f673b-1c40-41e7-b71f-caab342f0607".to_owned(), AttributeValue::Clear),
        ("e14708a6-eed9-495c-9d88-c72331e9e247".to_owned(), AttributeValue::Path(vec!["a".into(), "b".into()])),
    ]);
    let conversation = Conversation { content, attributes, handling: Handling::default() };
    let digests = conversation.digests();
    let full = Record {
        id: Id::conversation(100),
        content_digest: digests.content,
        attributes_digest: Some(digests.attributes),
        handling_digest: digests.handling,
        put_on: Vec::new(),
        applied: Applied::Full(Spec::of(&conversation)),
        source: Some(Source { file: "manifests/a.yaml".into(), place: Place { line: 31, column: 1 } }),
        made_of: None,
        marker: Some("df-1".into()),
        number: 5,
        made_at: Some("2026-09-14T08:29:59Z".into()),
        applied_at: "2026-09-14T08:30:00Z".into(),
        partial_errors: vec!["The conversation could not be assigned".into()],
        names: BTreeMap::new(),
        answered: Attributes::new(),
        replaced: vec![Id::conversation(98), Id::conversation(99)],
        doubles: vec![Id::conversation(101)],
    };
    let digest = Record {
        id: Id::conversation(i64::MAX),
        content_digest: digests.content,
        attributes_digest: None,
        handling_digest: None,
        put_on: Vec::new(),
        applied: Applied::to_digests(&conversation, "00ff"),
        source: None,
        made_of: None,
        marker: None,
        number: 0,
        made_at: None,
        applied_at: "2026-09-14T08:30:01Z".into(),
        partial_errors: Vec::new(),
        names: BTreeMap::new(),
        answered: Attributes::new(),
        replaced: Vec::new(),
        doubles: Vec::new(),
    };
    State {
        lineage: Lineage("7d0f2b3e-3c0a-4b7e-9b67-0d8f4b1f2a11".parse().expect("a uuid")),
        serial: 3,
        tenant: Some(TenantIdentity {
            base_url: "https://dev.dixa.io".into(),
            organization_id: Some("6c6d2d5e-0c0e-4f0c-8f38-2a7c6b9f2f10".into()),
        }),
        records: BTreeMap::from([
            (Address::new(Kind::Conversation, "a").expect("a name"), full),
            (Address::new(Kind::Import, "b").expect("a name"), digest),
        ]),
        forgotten: BTreeMap::from([(
            Address::new(Kind::Conversation, "c").expect("a name"),
            Forgotten { ids: vec![Id::conversation(97)], number: 0 },
        )]),
    }
}

/// The golden file is the promise to everyone whose state is in git. If this fails, the format has changed: that needs a
/// version 2 and a reader for both.
#[test]
fn the_golden_file_is_what_is_written_and_reads_back() {
    assert_eq!(write(&golden_state()), sealed_golden());
    for text in [GOLDEN.to_owned(), sealed_golden()] {
        assert_eq!(read(text).expect("valid"), golden_state());
    }
}

#[test]
fn a_state_without_records_is_two_lines() {
    let state = State::new(Lineage(uuid::Uuid::nil()));
    let text = write(&state);
    assert_eq!(
        text,
        "{\"format\":\"dixaform-state/1\",\"lineage\":\"00000000-0000-0000-0000-000000000000\",\"serial\":0,\"records\":[\n],\"seal\":\"crc32:417de65b\"}\n"
    );
    assert_eq!(read(&text).expect("valid"), state);
}

#[test]
fn streaming_writes_the_same_bytes_one_record_per_line() {
    let mut bytes = Vec::new();
    let seal = write_to(&golden_state(), &mut bytes).expect("memory");
    assert_eq!(bytes, sealed_golden().as_bytes());
    assert_eq!([seal_of(GOLDEN), seal_of(&sealed_golden())], [seal; 2]);
    assert_eq!(GOLDEN.lines().count(), 4);
    assert!(GOLDEN.lines().nth(1).expect("a record").starts_with("{\"address\":\"conversation.a\""));
}

#[test]
fn without_a_seal_any_order_and_any_white_space_read() {
    let pretty: Value = serde_json::from_str(GOLDEN).expect("JSON");
    let pretty = serde_json::to_string_pretty(&pretty).expect("JSON");
    assert_eq!(read(&pretty).expect("valid"), golden_state());
    let unsorted: Vec<&str> = GOLDEN.lines().collect();
    let unsorted = [unsorted[0], &format!("{},", unsorted[2]), unsorted[1].trim_end_matches(','), unsorted[3]];
    assert_eq!(read(unsorted.join("\r\n")).expect("valid"), golden_state());
}

#[test]
fn any_flipped_bit_and_any_edit_of_a_sealed_state_is_noticed() {
    let sealed = sealed_golden();
    for index in 0..sealed.trim_end().len() {
        for bit in 0..8 {
            let mut bytes = sealed.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            read(text).expect_err("a flipped bit");
        }
    }
    let lines: Vec<&str> = sealed.lines().collect();
    let swapped = [lines[0], &format!("{},", lines[2]), lines[1].trim_end_matches(','), lines[3]].join("\n");
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&sealed).expect("JSON")).expect("JSON");
    let first = sealed.replacen("\"records\"", "\"seal\":\"crc32:00000000\",\"records\"", 1);
    let first = first.replacen(&sealed[sealed.len() - TAIL_BYTES - 1..], "}\n", 1);
    for edited in [sealed.replacen("\"id\":100", "\"id\":101", 1), swapped, pretty, first] {
        let error = read(edited.clone()).expect_err("edited");
        assert!(matches!(error, StateFileError::Changed), "{error}");
        read_edited(edited).expect("somebody has looked at it");
    }
}

#[test]
fn a_byte_order_mark_and_other_ends_of_lines_are_no_change() {
    for text in [GOLDEN.to_owned(), sealed_golden()] {
        for text in [format!("\u{feff}{text}"), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
            assert_eq!(read(text.clone()).expect("valid"), golden_state(), "{text}");
            assert_eq!(seal_of(&text), seal_of(GOLDEN));
        }
    }
}

#[test]
fn only_a_record_that_is_surely_as_it_was_saved_knows_what_its_manifest_was_made_of() {
    let mut state = golden_state();
    let record = state.records.values_mut().next().expect("a record");
    record.made_of = Some(MadeOf { digest: Digest::of_bytes(b""), manifests: 1 });
    let sealed = write(&state);
    assert_eq!(read(sealed.clone()).expect("valid"), state);
    let unsealed = format!("{}}}", &sealed[..sealed.len() - TAIL_BYTES - 1]);
    for read in [read(unsealed), read_edited(sealed)] {
        assert!(read.expect("valid").records.values().all(|record| record.made_of.is_none()));
    }
}

#[test]
fn an_empty_text_says_that_it_is_empty() {
    for text in ["", "\n", "\u{feff} \r\n"] {
        assert!(matches!(read(text).expect_err("empty"), StateFileError::Empty), "{text:?}");
    }
}

fn error_of(from: &str, to: &str) -> String {
    assert!(GOLDEN.contains(from), "{from}");
    read(GOLDEN.replacen(from, to, 1)).expect_err(to).to_string()
}

#[test]
fn a_newer_format_is_refused_even_when_everything_else_is_unknown() {
    let newer = error_of("dixaform-state/1", "dixaform-state/2");
    assert!(newer.contains("written by a newer dixaform") && newer.contains("refused"), "{newer}");
    let alien = read(r#"{"format":"dixaform-state/12","shards":[]}"#).expect_err("newer");
    assert!(matches!(alien, StateFileError::NewerFormat { .. }), "{alien}");
    for other in ["dixaform-plan/1", "dixaform-state/0", "dixaform-state/x", ""] {
        let error = read(format!(r#"{{"format":"{other}"}}"#)).expect_err(other);
        assert!(matches!(error, StateFileError::UnknownFormat { .. }), "{error}");
    }
}

#[test]
fn what_is_no_state_says_where_and_why() {
    let broken = read(&GOLDEN[..GOLDEN.len() - 4]).expect_err("cut");
    assert!(matches!(broken, StateFileError::NotJson { line: 4, .. }), "{broken}");
    assert!(read("<<<<<<< HEAD\n").expect_err("a conflict").to_string().contains("line 1, column 1"));
    for (from, to, expected) in [
        ("\"serial\":3", "\"serial\":3,\"extra\":1", "unknown field `extra`"),
        ("\"serial\":3", "\"serial\":3,\"serial\":3", "duplicate field `serial`"),
        ("\"id\":100", "\"id\":100,\"colour\":1", "unknown field `colour`"),
        ("\"/_type\":", "\"/subject\":\"\",\"/_type\":", "duplicate member `/subject`"),
        ("\"serial\":3,", "", "missing field `serial`"),
        ("\"format\":\"dixaform-state/1\",", "", "missing field `format`"),
        ("\"id\":100", "\"id\":9223372036854775808", "line 2"),
    ] {
        let error = error_of(from, to);
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("line ") && error.contains("column "), "{error}");
    }
}

#[test]
fn a_record_that_cannot_be_one_is_named() {
    let digest = golden_state().records.values().next().expect("a record").content_digest.to_string();
    for (from, to, expected) in [
        ("7d0f2b3e", "zzzzzzzz", "the lineage `zzzzzzzz"),
        ("conversation.a", "conversation.A", "`conversation.A`"),
        (
            "\"_type\":",
            "\"subject\":1,\"_type\":",
            "`conversation.a` can't be used: `spec` has a duplicate member `subject`",
        ),
        ("\"id\":100", "\"id\":0", "expected a positive number"),
        (
            "\"id\":100",
            "\"id\":\"9c2a2cce-699f-4a72-89d9-fda5bc8dec8b\"",
            "`9c2a2cce-699f-4a72-89d9-fda5bc8dec8b` is not the id of a conversation",
        ),
        (&digest, "sha256:00", "`digest.content` is not a digest"),
        ("\"salt\":\"00ff\",", "", "either `spec`, or `salt` and `fields`"),
        ("\"salt\":\"00ff\"", "\"salt\":\"00ff\",\"spec\":{}", "either `spec`, or `salt` and `fields`"),
        ("\"012345\"", "12345", "at `2f5515b6-7e98-4f4d-9010-bfd2a27d4f35`"),
        ("\"/_type\":\"", "\"/_type\":\"XX", "field `/_type`"),
        ("\"import.b\"", "\"conversation.a\"", "two records have the address conversation.a"),
        ("9223372036854775807", "100", "conversation.a and import.b both have the conversation #100"),
    ] {
        let error = error_of(from, to);
        assert!(error.contains(expected), "{error}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,6}", any::<String>().prop_map(|text| text.chars().take(8).collect())]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        (i64::MAX as u64 + 1..).prop_map(Value::from),
        // Quarters are exact in both bases: reading arbitrary floats back exactly is the JSON reader's affair.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn attribute() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        Just(AttributeValue::Clear),
        text().prop_map(AttributeValue::Text),
        prop::collection::vec(text(), 0..3).prop_map(AttributeValue::Path),
    ]
}

/// Any conversation; shared with the journal, which writes specs in the same form.
pub(crate) fn conversation() -> impl Strategy<Value = Conversation> {
    let attributes = prop::collection::btree_map(text(), attribute(), 0..3);
    let state = prop::option::of(prop::sample::select(vec![Openness::Open, Openness::Closed]));
    let ids = (prop::option::of(text()), prop::option::of(text()));
    let handling =
        (prop::collection::btree_set(text(), 0..3), ids, state).prop_map(|(tags, (queue, assignee), state)| Handling {
            tags,
            queue: queue.map(Value::from),
            assignee: assignee.map(Value::from),
            state,
        });
    let content = prop::collection::vec((text(), value()), 0..5);
    (content, attributes, handling).prop_map(|(content, attributes, handling)| {
        let mut content: Map<String, Value> = content.into_iter().collect();
        content.retain(|name, _| !is_set_afterwards(name));
        Conversation { content, attributes, handling }
    })
}

fn put_on(name: &str, is_full: bool) -> PutOn {
    let tag = PutOn::new(&format!("id of {name}"), name);
    if is_full { tag } else { tag.without_name() }
}

/// Any record with this id.
pub(crate) fn record(id: i64) -> impl Strategy<Value = Record> {
    let source = prop::option::of((text(), any::<(u32, u32)>(), prop::option::of(any::<u32>())));
    let lists = (prop::collection::vec(text(), 0..2), prop::collection::vec(1..i64::MAX, 0..3));
    (conversation(), any::<(bool, bool)>(), source, text(), lists).prop_map(
        move |(conversation, (full, written), source, applied_at, (partial_errors, replaced))| Record {
            id: Id::conversation(id),
            content_digest: conversation.digests().content,
            attributes_digest: written.then(|| Digest::of_bytes(applied_at.as_bytes())),
            handling_digest: conversation.handling.digest(),
            put_on: conversation.handling.tags.iter().map(|name| put_on(name, full)).collect(),
            applied: if full {
                Applied::Full(Spec::of(&conversation))
            } else {
                Applied::to_digests(&conversation, "salt")
            },
            made_of: source.as_ref().and_then(|(file, _, manifests)| {
                Some(MadeOf { digest: Digest::of_bytes(file.as_bytes()), manifests: (*manifests)? })
            }),
            source: source.map(|(file, (line, column), _)| Source { file: file.into(), place: Place { line, column } }),
            marker: written.then(|| applied_at.clone()),
            number: u32::try_from(replaced.len()).expect("few") + u32::from(full),
            made_at: full.then(|| applied_at.clone()),
            applied_at,
            names: partial_errors.iter().map(|text| (format!("email:{text}"), text.clone())).collect(),
            answered: partial_errors.iter().map(|text| (text.clone(), answer(text, full))).collect(),
            partial_errors,
            doubles: replaced.iter().skip(1).copied().map(Id::conversation).collect(),
            replaced: replaced.into_iter().map(Id::conversation).collect(),
        },
    )
}

fn answer(text: &str, full: bool) -> AttributeValue {
    if full { AttributeValue::Path(vec![text.into(), "b".into()]) } else { AttributeValue::Text(text.into()) }
}

/// Any state.
pub(crate) fn any_state() -> impl Strategy<Value = State> {
    let tenant = prop::option::of((text(), prop::option::of(text())));
    let records = prop::collection::btree_map(("[a-z]{1,3}", any::<bool>()), record(1), 0..6);
    (any::<u128>(), any::<u64>(), tenant, records).prop_map(|(lineage, serial, tenant, records)| State {
        lineage: Lineage(uuid::Uuid::from_u128(lineage)),
        serial,
        tenant: tenant.map(|(base_url, organization_id)| TenantIdentity { base_url, organization_id }),
        records: (1..)
            .zip(records)
            .map(|(id, ((name, import), record))| {
                let kind = if import { Kind::Import } else { Kind::Conversation };
                (Address::new(kind, &name).expect("a name"), Record { id: Id::conversation(id), ..record })
            })
            .collect(),
        forgotten: BTreeMap::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn every_state_reads_back_as_it_was_and_writes_the_same_bytes_again(state in any_state()) {
        let text = write(&state);
        let back = read(&text).expect("own text");
        prop_assert_eq!(&back, &state);
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        prop_assert_eq!(text.lines().count(), state.records.len() + 2);
        prop_assert_eq!(write(&back), text);
    }

    #[test]
    fn damaged_text_is_an_error_and_never_a_panic(at in 0..GOLDEN.len(), with in any::<char>()) {
        let at = GOLDEN.floor_char_boundary(at);
        let end = GOLDEN.ceil_char_boundary(at + 1);
        let _ = read(format!("{}{with}{}", &GOLDEN[..at], &GOLDEN[end..]));
        // Without its last line break it is still whole.
        prop_assert!(at >= GOLDEN.trim_end().len() || read(&GOLDEN[..at]).is_err());
    }
}
