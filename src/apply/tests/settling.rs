//! Which conversation a call in doubt has made, and when a machine must not say.

use super::*;
use crate::apply::look::Known;
use crate::apply::settle::{Question, SentBefore, Settling, Verdict};
use crate::apply::tests::adopting::reading;
use crate::conversation::{Attributes, Conversation};
use crate::handling::Handling;
use crate::journal::{CallKind, Heard, InDoubt, Intent};
use crate::json;
use crate::reading::ConversationReading;
use crate::spec::Spec;
use crate::state::Applied;
use serde_json::Value;

/// An e-mail of the one requester, with a mark or without.
fn doubt(seq: u64, name: &str, requester: &str, marker: Option<&str>) -> InDoubt {
    let Ok(Value::Object(content)) = json::parse(r#"{"_type":"Email","message":{"_type":"Inbound"}}"#) else {
        panic!("a map")
    };
    let conversation = Conversation { content, attributes: Attributes::new(), handling: Handling::default() };
    let at = "2026-01-01T00:00:00Z".to_owned();
    let intent = Intent {
        tag: None,
        digests: conversation.digests(),
        applied: Applied::Full(Spec::of(&conversation)),
        source: None,
        requester: Some(requester.to_owned()),
        marker: marker.map(str::to_owned),
        known_before: Vec::new(),
        names: Default::default(),
        replaced: None,
        at: at.clone(),
    };
    InDoubt {
        seq,
        address: address(name),
        call: CallKind::Create,
        intent,
        since: at,
        heard: Heard::Nothing,
        message: None,
    }
}

async fn verdicts(api: &Fake, doubts: &[InDoubt]) -> Vec<Verdict> {
    verdicts_of(api, doubts, Known::default()).await
}

async fn verdicts_of(api: &Fake, doubts: &[InDoubt], known: Known) -> Vec<Verdict> {
    verdicts_by(api, doubts, known, None).await
}

async fn verdicts_by(api: &Fake, doubts: &[InDoubt], known: Known, sent: Option<SentBefore>) -> Vec<Verdict> {
    let (clock, sent_again) = (&TestClock::new(), &BTreeSet::new());
    let settling = Settling { api, clock, sent, patience: PATIENCE, known, sent_again };
    settling
        .settle(doubts, doubts, &|_| {})
        .await
        .verdicts
        .into_iter()
        .map(|verdict| verdict.expect("the tenant can be read"))
        .collect()
}

fn tenant(conversations: &[(i64, Option<&str>)]) -> Fake {
    let mut api = Fake::new(&Log::default());
    for (id, mark) in conversations {
        api.has(reading(*id, &[]));
        if let Some(mark) = mark {
            api.is_marked(*id, mark);
        }
    }
    api
}

#[tokio::test(start_paused = true)]
async fn an_unmarked_call_does_not_take_what_a_marked_one_of_the_same_requester_may_have_made() {
    let doubts = [
        doubt(1, "conversation.a", REQUESTER, None),
        doubt(2, "conversation.b", &REQUESTER.to_uppercase(), Some("m-1")),
    ];
    let found = verdicts(&tenant(&[(7, Some("m-1"))]), &doubts).await;
    assert!(matches!(found[0], Verdict::Question(_)), "{found:?}");
    assert_eq!(found[1], Verdict::Made(Id::conversation(7)));
}

#[tokio::test(start_paused = true)]
async fn two_calls_with_the_same_mark_are_a_question() {
    let doubts = ["conversation.a", "conversation.b"].map(|name| doubt(1, name, REQUESTER, Some("m-1")));
    let doubts = [doubts[0].clone(), InDoubt { seq: 2, ..doubts[1].clone() }];
    let found = verdicts(&tenant(&[(7, Some("m-1"))]), &doubts).await;
    assert!(found.iter().all(|verdict| matches!(verdict, Verdict::Question(_))), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_mark_of_our_own_is_believed_whatever_else_is_there_and_a_given_one_only_if_nothing_differs() {
    let own = "df-0123456789abcdef0123";
    for (mark, channel, is_believed) in
        [(own, "Email", true), (own, "Messenger", true), ("m-1", "Email", true), ("m-1", "Messenger", false)]
    {
        let mut api = tenant(&[]);
        api.has(ConversationReading { channel: Some(channel.into()), ..reading(7, &[]) });
        api.is_marked(7, mark);
        let found = verdicts(&api, &[doubt(1, "conversation.a", REQUESTER, Some(mark))]).await;
        assert_eq!(found == [Verdict::Made(Id::conversation(7))], is_believed, "{mark} {channel}: {found:?}");
        assert_eq!(matches!(found[0], Verdict::Question(_)), !is_believed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_another_machine_does_not_make_a_call_old() {
    let mut doubts = [doubt(1, "conversation.a", REQUESTER, Some("m-1"))];
    doubts[0].intent.at = "2025-12-31T00:00:00Z".to_owned();
    for (sent, seconds) in [(None, 5..20), (Some(0), 120..150), (Some(100), 20..40), (Some(7200), 5..20)] {
        let start = tokio::time::Instant::now();
        let sent = sent.map(|seconds| SentBefore::ago(Duration::from_secs(seconds)));
        let found = verdicts_by(&tenant(&[]), &doubts, Known::default(), sent).await;
        assert_eq!(found, [Verdict::NotMade]);
        assert!(seconds.contains(&start.elapsed().as_secs()), "{sent:?}: {:?}", start.elapsed());
    }
}

/// A state with one record, of #9, whose call left that many seconds after the one in doubt.
fn made_later(seconds: u64) -> State {
    let manifests = desired(&email("later"));
    let manifest = manifests.iter().next().expect("one");
    let record = Record {
        handling_digest: None,
        put_on: Vec::new(),
        id: Id::conversation(9),
        content_digest: manifest.digests.content,
        attributes_digest: None,
        applied: Applied::Full(manifest.spec.clone()),
        source: None,
        made_of: None,
        marker: None,
        number: 0,
        made_at: Some(format!("2026-01-01T00:{:02}:{:02}Z", seconds / 60, seconds % 60)),
        applied_at: String::new(),
        partial_errors: Vec::new(),
        answered: Attributes::new(),
        names: Default::default(),
        replaced: Vec::new(),
        doubles: Vec::new(),
    };
    let mut state = State::new(Lineage(uuid::Uuid::nil()));
    state.records.insert(manifest.address.clone(), record);
    state
}

#[tokio::test(start_paused = true)]
async fn after_an_error_lists_are_current_only_if_they_show_what_was_made_when_the_call_was_over() {
    // A call that was answered after 29 s may have been carried out behind what was sent and made within that time.
    for (seconds, shown, waited) in [(0, true, 120), (29, true, 120), (30, true, 35), (31, true, 35), (1, false, 0)] {
        let doubt = InDoubt { heard: Heard::Error, ..doubt(1, "conversation.a", REQUESTER, Some("m-1")) };
        let api = tenant(if shown { &[(9, None)] } else { &[] });
        let began = tokio::time::Instant::now();
        let found = verdicts_of(&api, &[doubt], Known::of(&made_later(seconds))).await;
        let case = format!("made {seconds} s later, shown: {shown}: {found:?} after {:?}", began.elapsed());
        assert_eq!(found == [Verdict::NotMade], shown, "{case}");
        assert_eq!(matches!(found[0], Verdict::Open(_)), !shown, "{case}");
        let looked_for = began.elapsed().as_secs();
        assert!(!shown || (waited..waited + 6).contains(&looked_for), "{case}");
    }
}

/// The clock that a record was made by may be ahead of the one that the call was sent by.
#[tokio::test(start_paused = true)]
async fn what_another_machine_has_made_later_by_its_clock_shows_no_list_to_be_current() {
    let later = Known::of(&made_later(60));
    for (sent, waited) in [(None, 35), (Some(0), 120)] {
        let doubt = InDoubt { heard: Heard::Error, ..doubt(1, "conversation.a", REQUESTER, Some("m-1")) };
        let (api, began) = (tenant(&[(9, None)]), tokio::time::Instant::now());
        let sent = sent.map(|seconds| SentBefore::ago(Duration::from_secs(seconds)));
        assert_eq!(verdicts_by(&api, &[doubt], later.clone(), sent).await, [Verdict::NotMade]);
        let looked_for = began.elapsed().as_secs();
        assert!((waited..waited + 6).contains(&looked_for), "{sent:?}: {looked_for}");
    }
    // One that is missing shows all the same that lists lag.
    let doubt = InDoubt { heard: Heard::Error, ..doubt(1, "conversation.a", REQUESTER, Some("m-1")) };
    let sent = Some(SentBefore::ago(Duration::ZERO));
    let found = verdicts_by(&tenant(&[]), &[doubt], later, sent).await;
    assert!(matches!(found[0], Verdict::Open(_)), "{found:?}");
}

/// A callback of the one requester.
fn callback(id: i64, created_at: &str) -> ConversationReading {
    ConversationReading {
        requester_id: Some(REQUESTER.into()),
        channel: Some("Callback".into()),
        direction: Some("Inbound".into()),
        created_at: Some(created_at.into()),
        ..ConversationReading::of(ConversationId(id))
    }
}

fn doubtful_callback() -> InDoubt {
    let mut doubt = doubt(1, "conversation.a", REQUESTER, None);
    let content = json::parse(r#"{"_type":"Callback","direction":"Inbound"}"#).expect("valid");
    let content = content.as_object().expect("a map").clone();
    doubt.intent.applied = Applied::Full(Spec::of(&Conversation {
        content,
        attributes: Attributes::new(),
        handling: Handling::default(),
    }));
    doubt
}

#[tokio::test(start_paused = true)]
async fn an_unmarked_call_takes_the_only_new_conversation_that_is_like_it_in_everything() {
    let mut api = tenant(&[]);
    api.has(callback(7, "2026-01-01T00:00:20Z"));
    api.has(ConversationReading { channel: Some("Email".into()), ..callback(8, "2026-01-01T00:00:21Z") });
    api.has(ConversationReading { direction: Some("Outbound".into()), ..callback(9, "2026-01-01T00:00:22Z") });
    assert_eq!(verdicts(&api, &[doubtful_callback()]).await, [Verdict::Made(Id::conversation(7))]);
}

#[tokio::test(start_paused = true)]
async fn what_an_unmarked_call_only_perhaps_has_made_is_a_question() {
    for odd in [
        callback(7, "2025-12-31T23:59:50Z"),
        callback(7, "2026-01-01T01:00:00Z"),
        ConversationReading { channel: Some("PstnPhone".into()), ..callback(7, "2026-01-01T00:00:20Z") },
        ConversationReading { direction: None, ..callback(7, "2026-01-01T00:00:20Z") },
        ConversationReading { created_at: None, ..callback(7, "2026-01-01T00:00:20Z") },
    ] {
        let mut api = tenant(&[]);
        api.has(odd.clone());
        let found = verdicts(&api, &[doubtful_callback()]).await;
        assert!(matches!(&found[0], Verdict::Question(Question::Which(_))), "{odd:?}: {found:?}");
    }
}
