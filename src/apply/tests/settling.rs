//! Which conversation a call in doubt has made, and when a machine must not say.

use super::*;
use crate::apply::settle::{Verdict, settle};
use crate::apply::tests::adopting::reading;
use crate::conversation::{Attributes, Conversation, ConversationId};
use crate::journal::{CallKind, InDoubt, Intent};
use crate::json;
use crate::spec::Spec;
use crate::state::Applied;
use serde_json::Value;

/// An e-mail of the one requester, with a mark or without.
fn doubt(seq: u64, name: &str, requester: &str, marker: Option<&str>) -> InDoubt {
    let Ok(Value::Object(content)) = json::parse(r#"{"_type":"Email","message":{"_type":"Inbound"}}"#) else {
        panic!("a map")
    };
    let conversation = Conversation { content, attributes: Attributes::new() };
    let at = "2026-11-22T12:00:00Z".to_owned();
    let intent = Intent {
        digests: conversation.digests(),
        applied: Applied::Full(Spec::of(&conversation)),
        source: None,
        requester: Some(requester.to_owned()),
        marker: marker.map(str::to_owned),
        known_before: Vec::new(),
        replaced: None,
        at: at.clone(),
    };
    InDoubt { seq, address: address(name), call: CallKind::Create, intent, since: at, message: None }
}

async fn verdicts(api: &Fake, doubts: &[InDoubt]) -> Vec<Verdict> {
    let settled = settle(api, doubts, doubts, Default::default(), Duration::ZERO).await;
    settled.into_iter().map(|verdict| verdict.expect("the tenant can be read")).collect()
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
    assert!(matches!(found[0], Verdict::Unclear(_)), "{found:?}");
    assert_eq!(found[1], Verdict::Made(ConversationId(7)));
}

#[tokio::test(start_paused = true)]
async fn two_calls_with_the_same_mark_are_a_question() {
    let doubts = ["conversation.a", "conversation.b"].map(|name| doubt(1, name, REQUESTER, Some("m-1")));
    let doubts = [doubts[0].clone(), InDoubt { seq: 2, ..doubts[1].clone() }];
    let found = verdicts(&tenant(&[(7, Some("m-1"))]), &doubts).await;
    assert!(found.iter().all(|verdict| matches!(verdict, Verdict::Unclear(_))), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_believed_whatever_word_dixa_has_for_the_channel() {
    let mut api = tenant(&[]);
    api.has(crate::api::ConversationReading { channel: Some("Messenger".into()), ..reading(7, &[]) });
    api.is_marked(7, "m-1");
    let found = verdicts(&api, &[doubt(1, "conversation.a", REQUESTER, Some("m-1"))]).await;
    assert_eq!(found, [Verdict::Made(ConversationId(7))]);
}

#[tokio::test(start_paused = true)]
async fn an_unmarked_call_takes_the_only_new_conversation_that_is_like_it() {
    let mut api = tenant(&[(7, None)]);
    api.has(crate::api::ConversationReading { channel: Some("Sms".into()), ..reading(8, &[]) });
    api.has(crate::api::ConversationReading { direction: Some("Outbound".into()), ..reading(9, &[]) });
    let found = verdicts(&api, &[doubt(1, "conversation.a", REQUESTER, None)]).await;
    assert_eq!(found, [Verdict::Made(ConversationId(7))]);
}
