use super::*;
use crate::json;

fn record(id: i64, number: u32) -> Record {
    Record {
        id: Id::conversation(id),
        content_digest: Digest::of_bytes(b""),
        attributes_digest: None,
        handling_digest: None,
        put_on: Vec::new(),
        applied: Applied::Digests { salt: String::new(), fields: BTreeMap::new() },
        source: None,
        made_of: Some(MadeOf { digest: Digest::of_bytes(b""), manifests: 1 }),
        marker: Some("dixaform-0".to_owned()),
        number,
        made_at: None,
        applied_at: String::new(),
        partial_errors: Vec::new(),
        names: BTreeMap::new(),
        answered: Attributes::new(),
        replaced: Vec::new(),
        doubles: Vec::new(),
    }
}

#[test]
fn a_record_that_moves_stays_what_it_was_and_leaves_its_number_behind() {
    let address = |text: &str| text.parse::<Address>().expect("an address");
    let (from, to) = (address("conversation.a"), address("conversation.b"));
    let mut state = State::new(Lineage(uuid::Uuid::nil()));
    state.records.insert(from.clone(), record(7, 2));
    assert_eq!(state.move_record(&from, &to), Ok(Id::conversation(7)));
    assert_eq!(state.records, BTreeMap::from([(to.clone(), Record { made_of: None, ..record(7, 2) })]));
    // What is made next, under either address, gets a marker of its own.
    assert_eq!((state.next_number(&from), state.next_number(&to)), (3, 3));
    let moved = state.clone();
    assert_eq!(state.move_record(&from, &to), Err(CannotMove::Occupied(to.clone())));
    assert_eq!(state.move_record(&from, &address("conversation.c")), Err(CannotMove::Unknown(from.clone())));
    let import = address("import.b");
    assert_eq!(state.move_record(&to, &import), Err(CannotMove::OtherKind { from: to.clone(), to: import }));
    assert_eq!(state, moved);
}

fn conversation(content: &str, attributes: &[(&str, AttributeValue)]) -> Conversation {
    let Value::Object(content) = json::parse(content).expect("valid") else { panic!("a map") };
    Conversation {
        content,
        attributes: attributes.iter().map(|(id, value)| ((*id).to_owned(), value.clone())).collect(),
        handling: Handling::default(),
    }
}

#[test]
fn digests_give_back_what_is_unchanged_and_withhold_the_rest() {
    let old = conversation(r#"{"subject":"a","message":{"cc":[],"list":[{"x":"1"},{"x":"2"}]}}"#, &[]);
    let new = conversation(r#"{"subject":"b","message":{"list":[{"x":"1"},{"x":"3"}]}}"#, &[]);
    let kept = Applied::to_digests(&old, "salt");
    let Before { spec, withheld } = kept.content_before(|| new.content);
    let text = Value::Object(spec).to_string();
    assert_eq!(text, r#"{"message":{"list":[{"x":"1"},{"x":null}]},"subject":null}"#);
    assert_eq!(withheld, ["/message/list/1/x", "/subject"]);
}

#[test]
fn how_it_is_handled_is_known_from_digests_as_far_as_it_is_still_wanted() {
    let tags = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let old = Handling { tags: tags(&["b", "a"]), queue: Some("q".into()), ..Handling::default() };
    let kept = Applied::to_digests(&Conversation { handling: old.clone(), ..conversation("{}", &[]) }, "salt");
    assert_eq!(kept.handled(&old), (old.clone(), vec![]));
    let wanted = Handling { tags: tags(&["b", "c"]), queue: Some("r".into()), ..Handling::default() };
    let common = Handling { tags: tags(&["b"]), ..Handling::default() };
    assert_eq!(kept.handled(&wanted), (common, vec!["tags", "queue"]));
    assert!(kept.content_before(Map::new).spec.is_empty(), "it is no content");
}

#[test]
fn attributes_survive_as_digests() {
    let path = AttributeValue::Path(vec!["a".into(), "b".into()]);
    let old = conversation("{}", &[("one", AttributeValue::Text("1".into())), ("two", path)]);
    let kept = Applied::to_digests(&old, "salt");
    let longer = AttributeValue::Path(vec!["a".into(), "b".into(), "c".into()]);
    let wanted = Attributes::from([("one".to_owned(), AttributeValue::Text("1".into())), ("two".to_owned(), longer)]);
    let known = kept.attribute_values(&wanted);
    assert_eq!(known["one"], Some(Value::from("1")));
    assert_eq!(known["two"], None);
}
