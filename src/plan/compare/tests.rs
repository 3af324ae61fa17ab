//! Each way of making a conversation against how it reads back.

use serde_json::{Map, json};

use super::*;
use crate::conversation::{Attributes, Conversation, ConversationId};
use crate::handling::Handling;
use crate::spec::Spec;
use crate::state::Applied;

const REQUESTER: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";
const OTHER: &str = "11111111-2222-4333-8444-555555555555";
const AGENT: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";
const QUEUE: &str = "5e2be744-cc2b-4bda-8c76-feb7b28f2970";
const BOX: &str = "my-integration@email.dixa.io";
const AT: &str = "2026-11-22T12:00:00.500Z";

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("a map") };
    map
}

fn message(kind: &str, text: &str) -> Value {
    json!({"_type": kind, "agentId": AGENT, "content": {"_type": "Text", "value": text}})
}

fn imported(kind: &str, text: &str, at: &str) -> Value {
    json!({"_type": kind, "agentId": AGENT, "createdAt": at, "content": {"_type": "Text", "value": text}})
}

/// What is described, how it reads back, and its messages.
type Case = (Kind, Map<String, Value>, ConversationReading, Vec<MessageReading>);

/// Every way to make a conversation.
fn all() -> Vec<Case> {
    let reading = |channel: &str, direction: &str| ConversationReading {
        requester_id: Some(REQUESTER.to_uppercase()),
        channel: Some(channel.into()),
        direction: Some(direction.into()),
        created_at: Some(AT.into()),
        ..ConversationReading::of(ConversationId(7))
    };
    let letter = |reading| ConversationReading {
        integration_email: Some(BOX.into()),
        subject: Some("s".into()),
        language: Some("EN".into()),
        ..reading
    };
    let said = |direction: &str, text: &str| MessageReading {
        direction: Some(direction.into()),
        author_id: (direction == "Outbound").then(|| AGENT.into()),
        text: Some(text.into()),
        ..MessageReading::default()
    };
    let at = |at: &str, message| MessageReading { created_at: Some(at.into()), ..message };
    let import = |name: &str, attributes: Value| {
        json!({"_type": "GenericConversationImport", "genericChannelName": name, "requesterId": REQUESTER,
            "direction": "Inbound", "createdAt": "2021-12-01T11:00:00.001Z", "attributes": attributes,
            "messages": [imported("InboundImport", "one", "2021-12-01T13:00:00Z"),
                imported("OutboundImport", "two", "2021-12-01T14:00:00.004Z")]})
    };
    let old = |reading| ConversationReading { created_at: Some("2021-12-01T11:00:00.001Z[GMT]".into()), ..reading };
    let both = || {
        vec![
            at("2021-12-01T13:00:00.000Z[GMT]", said("Inbound", "one")),
            at("2021-12-01T14:00:00.004Z[GMT]", said("Outbound", "two")),
        ]
    };
    let letters = json!({"requesterId": REQUESTER, "emailIntegrationId": BOX, "subject": "s", "language": "en"});
    let create = |kind: &str, members: &Value, message: Value| {
        let mut content = map(members.clone());
        content.insert("_type".into(), kind.into());
        if !message.is_null() {
            content.insert("message".into(), message);
        }
        content
    };
    let number = json!({"requesterId": REQUESTER, "contactEndpointId": "+4511111111"});
    let chat = json!({"requesterId": REQUESTER, "widgetId": OTHER, "language": "en"});
    let callback = json!({"requesterId": REQUESTER, "contactEndpointId": "+4511111111", "direction": "Outbound",
        "queueId": QUEUE});
    let called = ConversationReading { queue_id: Some(QUEUE.into()), ..reading("Callback", "Outbound") };
    let texted = ConversationReading {
        from: Some("+4511111111".into()),
        to: Some("+4522222222".into()),
        ..reading("Sms", "Outbound")
    };
    let generic = ConversationReading { variant: Some("GenericConversation".into()), ..reading("Generic", "Inbound") };
    let (one, imports) = (Kind::Conversation, Kind::Import);
    let (inbound, outbound) = (|| message("Inbound", "hi"), || message("Outbound", "hi"));
    let mail = json!({"emailIntegrationId": BOX, "subject": "s"});
    vec![
        (one, create("Email", &letters, inbound()), letter(reading("Email", "Inbound")), vec![said("Inbound", "hi")]),
        (
            one,
            create("ContactForm", &letters, outbound()),
            letter(reading("ContactForm", "Outbound")),
            vec![said("Outbound", "hi")],
        ),
        (one, create("Sms", &number, outbound()), texted, vec![said("Outbound", "hi")]),
        (one, create("Chat", &chat, inbound()), reading("WidgetChat", "Inbound"), vec![said("Inbound", "hi")]),
        (one, create("Callback", &callback, Value::Null), called, vec![]),
        (imports, map(import("email", mail)), letter(old(reading("Email", "Inbound"))), both()),
        (imports, map(import("widgetchat", json!({"language": "en"}))), old(reading("WidgetChat", "Inbound")), both()),
        (imports, map(import("genericapimessaging", json!({}))), old(generic), both()),
    ]
}

/// What is kept of a content, in full or as digests.
fn kept(content: &Map<String, Value>) -> [Applied; 2] {
    let conversation =
        Conversation { content: content.clone(), attributes: Attributes::new(), handling: Handling::default() };
    [Applied::Full(Spec::of(&conversation)), Applied::to_digests(&conversation, "salt")]
}

fn window() -> (Timestamp, Timestamp) {
    ("2026-11-22T12:00:00.400Z".parse().expect("an instant"), "2026-11-22T12:01:00Z".parse().expect("an instant"))
}

/// For each way of making one, in full and as digests: what fits after the change.
#[track_caller]
fn fits(
    what: &str,
    change: impl Fn(&mut Map<String, Value>, &mut ConversationReading, &mut Vec<MessageReading>),
    expected: impl Fn(&str, bool) -> Fit,
) {
    for (kind, mut content, mut reading, mut messages) in all() {
        let name = content.get("genericChannelName").or(content.get("_type")).and_then(Value::as_str);
        let name = name.expect("a word").to_owned();
        change(&mut content, &mut reading, &mut messages);
        for applied in kept(&content) {
            let described = Described::applied(kind, &applied);
            let found = fit(&described, &reading, Some(&messages), window());
            let is_full = matches!(applied, Applied::Full(_));
            match (expected(&name, is_full), found) {
                (Fit::No(word), Fit::No(why)) => assert!(why.contains(&word), "{what}: {name}, {is_full}: {why}"),
                (expected, found) => assert_eq!(expected, found, "{what}: {name}, in full: {is_full}"),
            }
        }
    }
}

fn no(word: &str) -> Fit {
    Fit::No(word.to_owned())
}

#[test]
fn what_reads_back_as_it_was_made_fits() {
    fits("nothing", |_, _, _| {}, |_, _| Fit::Yes);
}

#[test]
fn what_both_sides_know_and_is_different_does_not_fit() {
    fits("requester", |_, reading, _| reading.requester_id = Some(OTHER.into()), |_, _| no("requester"));
    fits(
        "channel",
        |_, reading, _| reading.channel = Some("Twitter".into()),
        |name, _| match name {
            "genericapimessaging" => Fit::Perhaps,
            _ => no("channel"),
        },
    );
    fits("direction", |_, reading, _| reading.direction = Some("Internal".into()), |_, _| no("direction"));
    let has_subject = |name: &str| ["Email", "ContactForm", "email"].contains(&name);
    fits(
        "subject",
        |_, reading, _| reading.subject = Some("other".into()),
        |name, _| match has_subject(name) {
            true => no("subject"),
            false => Fit::Yes,
        },
    );
    fits(
        "mailbox",
        |_, reading, _| reading.integration_email = Some("x@email.dixa.io".into()),
        |name, full| match (has_subject(name), full) {
            (true, true) => no("mailbox"),
            (true, false) => Fit::Perhaps,
            (false, _) => Fit::Yes,
        },
    );
    fits(
        "number",
        |_, reading, _| reading.from = Some("+4533333333".into()),
        |name, _| match name {
            "Sms" => no("contact endpoint"),
            "Callback" => Fit::Perhaps,
            _ => Fit::Yes,
        },
    );
    let text = |messages: &mut Vec<MessageReading>| messages.iter_mut().for_each(|one| one.text = Some("x".into()));
    fits(
        "text",
        |_, _, messages| text(messages),
        |name, _| match name {
            "Callback" => Fit::Yes,
            _ => no("message 1: text"),
        },
    );
    let turn = |messages: &mut Vec<MessageReading>| {
        messages.iter_mut().for_each(|one| one.direction = Some("Internal".into()));
    };
    fits(
        "direction of a message",
        |_, _, messages| turn(messages),
        |name, _| match name {
            "Callback" => Fit::Yes,
            _ => no("message 1: direction"),
        },
    );
    fits(
        "fewer messages",
        |_, _, messages| messages.clear(),
        |name, _| match name {
            "Callback" => Fit::Yes,
            _ => no("number of messages"),
        },
    );
}

#[test]
fn what_one_side_does_not_know_is_left_out() {
    fits("nobody", |_, reading, _| reading.requester_id = None, |_, _| Fit::Perhaps);
    fits("no channel", |_, reading, _| reading.channel = None, |_, _| Fit::Perhaps);
    fits(
        "a new channel",
        |_, reading, _| reading.channel = Some("Telepathy".into()),
        |name, _| match name {
            "genericapimessaging" => Fit::Yes,
            _ => Fit::Perhaps,
        },
    );
    fits("a new direction", |_, reading, _| reading.direction = Some("Sideways".into()), |_, _| Fit::Perhaps);
    fits("no date", |_, reading, _| reading.created_at = None, |_, _| Fit::Perhaps);
    let forget = |reading: &mut ConversationReading| {
        (reading.subject, reading.language, reading.integration_email) = (None, None, None);
        (reading.from, reading.to, reading.queue_id) = (None, None, None);
    };
    fits("the rest", |_, reading, _| forget(reading), |_, _| Fit::Yes);
    fits(
        "texts that are too large",
        |_, _, messages| messages.iter_mut().for_each(|one| one.text = None),
        |_, _| Fit::Yes,
    );
    fits("a manifest that says less", |content, _, _| drop(content.shift_remove("language")), |_, _| Fit::Yes);
}

#[test]
fn what_may_be_dixas_own_doing_is_no_reason_against_it() {
    fits(
        "language",
        |_, reading, _| reading.language = Some("English".into()),
        |name, full| match name {
            "Callback" | "Sms" | "genericapimessaging" => Fit::Yes,
            "email" => Fit::Yes,
            _ if full => Fit::Perhaps,
            _ => Fit::Perhaps,
        },
    );
    let reply = || MessageReading { text: Some("a reply".into()), ..MessageReading::default() };
    fits("a message before them", |_, _, messages| messages.insert(0, reply()), |_, _| Fit::Perhaps);
    fits(
        "another queue",
        |_, reading, _| reading.queue_id = Some(OTHER.into()),
        |name, _| match name {
            "Callback" => Fit::Perhaps,
            _ => Fit::Yes,
        },
    );
    fits(
        "messages in another order",
        |_, _, messages| messages.reverse(),
        |name, _| match name {
            "email" | "widgetchat" | "genericapimessaging" => Fit::Perhaps,
            _ => Fit::Yes,
        },
    );
    for (kind, perhaps) in [("Chat", "Messenger"), ("Callback", "PstnPhone"), ("widgetchat", "Messenger")] {
        fits(
            perhaps,
            |_, reading, _| reading.channel = Some(perhaps.into()),
            |name, _| match name {
                _ if name == kind || name == "genericapimessaging" => Fit::Perhaps,
                "Chat" | "widgetchat" if perhaps == "Messenger" => Fit::Perhaps,
                _ => no("channel"),
            },
        );
    }
}

#[test]
fn an_import_says_its_date_itself_and_for_others_it_lies_in_the_window() {
    let is_import = |name: &str| ["email", "widgetchat", "genericapimessaging"].contains(&name);
    let at = |text: &'static str| {
        move |_: &mut _, reading: &mut ConversationReading, _: &mut _| {
            reading.created_at = Some(text.into());
        }
    };
    let of_created = |expected: Fit| {
        move |name: &str, full: bool| match (is_import(name), full) {
            (true, true) => no("createdAt"),
            (true, false) => Fit::Perhaps,
            (false, _) => expected.clone(),
        }
    };
    for (text, expected) in [
        ("2026-11-22T12:00:00Z", Fit::Yes),
        ("2026-11-22T13:00:59.999+01:00", Fit::Yes),
        ("2026-11-22T12:01:00Z[GMT]", Fit::Yes),
        // Clocks differ.
        ("2026-11-22T11:59:59Z", Fit::Perhaps),
        ("2026-11-22T12:00:00.399Z", Fit::Perhaps),
        ("2026-11-22T12:01:01Z", Fit::Perhaps),
    ] {
        fits(text, at(text), of_created(expected));
    }
    for (text, expected) in [
        ("2021-12-01T12:00:00.001+01:00", Fit::Yes),
        ("2021-12-01T11:00:00Z", Fit::Yes),
        ("2021-12-01T11:00:01Z", Fit::Perhaps),
        ("2021-12-01T11:00:00.002Z", no("createdAt")),
    ] {
        fits(text, at(text), |name, full| match (is_import(name), full) {
            (false, _) => Fit::Perhaps,
            (true, true) => expected.clone(),
            // Of a digest it is known only whether it is the one of a likely spelling.
            (true, false) if text.contains("+01:00") => Fit::Yes,
            (true, false) => Fit::Perhaps,
        });
    }
}

#[test]
fn messages_that_are_not_written_in_order_of_time_fit_in_the_order_of_time() {
    let swap = |content: &mut Map<String, Value>| {
        if let Some(Value::Array(messages)) = content.get_mut("messages") {
            messages.reverse();
        }
    };
    fits(
        "messages out of order",
        |content, _, _| swap(content),
        |name, full| match name {
            "email" | "widgetchat" | "genericapimessaging" if !full => Fit::Perhaps,
            _ => Fit::Yes,
        },
    );
}

#[test]
fn without_its_messages_nothing_with_messages_surely_fits() {
    for (kind, content, reading, _) in all() {
        let described = Described::content(kind, content.clone());
        let expected = if content["_type"] == "Callback" { Fit::Yes } else { Fit::Perhaps };
        assert_eq!(fit(&described, &reading, None, window()), expected);
    }
}

#[test]
fn a_requester_whose_id_the_content_lacks_can_be_given() {
    let (kind, mut content, reading, messages) = all().swap_remove(0);
    content["requesterId"] = json!({"email": "jane@example.com"});
    let described = |id| Described::content(kind, content.clone()).with_requester(id);
    assert_eq!(fit(&described(Some(REQUESTER)), &reading, Some(&messages), window()), Fit::Yes);
    assert_eq!(fit(&described(None), &reading, Some(&messages), window()), Fit::Perhaps);
    let other = fit(&described(Some(OTHER)), &reading, Some(&messages), window());
    assert!(matches!(other, Fit::No(_)), "{other:?}");
}

#[test]
fn a_difference_names_the_thing_and_both_values() {
    let (kind, content, reading, mut messages) = all().swap_remove(5);
    messages[1].text = Some("other".into());
    messages[1].external_id = Some("m-2".into());
    let reading = ConversationReading { subject: Some(" s\r\n".into()), ..reading };
    for applied in kept(&content) {
        let comparison = compare(&Described::applied(kind, &applied), &reading, Some(&messages));
        let told: Vec<_> = comparison
            .differences()
            .filter(|(thing, ..)| *thing != Thing::Subject)
            .map(|(thing, described, found)| (thing.to_string(), described.cloned(), found.clone()))
            .collect();
        let is_full = matches!(applied, Applied::Full(_));
        assert_eq!(told, [("message 2: text".to_owned(), is_full.then(|| "two".into()), Value::from("other"))]);
        let uncertain = comparison.of(Thing::Subject) == Some(&Outcome::Uncertain);
        assert_eq!(uncertain, is_full, "white space alone is no difference, where both are known");
    }
}
