//! Taking existing conversations under management.

use std::collections::BTreeMap;

use super::*;
use crate::api::{AttributeReading, ConversationReading};
use serde_json::Value;

fn adopting(manifest: &str, id: i64) -> String {
    manifest.replace("annotations: {}", &format!("annotations: {{dixaform/adopt: '{id}'}}"))
}

pub(super) fn reading(id: i64, attributes: &[(&str, Value)]) -> ConversationReading {
    let attributes: BTreeMap<_, _> = attributes
        .iter()
        .map(|(id, value)| {
            let reading =
                AttributeReading { id: (*id).into(), name: "n".into(), identifier: "n".into(), value: value.clone() };
            ((*id).to_owned(), reading)
        })
        .collect();
    ConversationReading {
        requester_id: Some(REQUESTER.to_uppercase()),
        channel: Some("Email".into()),
        direction: Some("Inbound".into()),
        created_at: Some("2020-12-16T09:41:43Z".into()),
        attributes: Some(attributes),
        ..ConversationReading::of(ConversationId(id))
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_attributes_that_the_conversation_lacks_are_written() {
    let mut stage = Stage::new();
    stage.api.has(reading(7, &[(TEXT, Value::from("1"))]));
    let manifests = format!("{}  customAttributes: {{{TEXT}: '1', {SELECT}: [payment]}}\n", email("a"));
    let run = stage.apply(&adopting(&manifests, 7)).await;
    assert_eq!(run.outcome("conversation.a"), &done(7));
    assert_eq!(stage.calls(), ["GET 7".to_owned(), format!(r#"PATCH 7 {{"{SELECT}":["payment"]}}"#)]);
    assert_eq!(stage.record("conversation.a").id, Id::conversation(7));
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_has_everything_is_only_read() {
    let mut stage = Stage::new();
    stage.api.has(reading(7, &[(TEXT, Value::from("1"))]));
    let run = stage.apply(&adopting(&noted("a", "'1'"), 7)).await;
    assert_eq!(run.report.counts.adopted, 1);
    assert_eq!(stage.calls(), ["GET 7"]);
}

#[tokio::test(start_paused = true)]
async fn clearing_what_has_no_value_needs_no_call() {
    let mut stage = Stage::new();
    stage.api.has(reading(7, &[]));
    assert!(stage.apply(&adopting(&noted("a", "null"), 7)).await.report.is_complete());
    assert_eq!(stage.calls(), ["GET 7"]);
}

#[tokio::test(start_paused = true)]
async fn the_conversation_of_another_requester_is_not_adopted() {
    let mut stage = Stage::new();
    let other = "11111111-2222-4333-8444-555555555555".to_owned();
    stage.api.has(ConversationReading { requester_id: Some(other.clone()), ..reading(7, &[]) });
    let run = stage.apply(&adopting(&noted("a", "'1'"), 7)).await;
    let Outcome::Failed { id: None, error } = run.outcome("conversation.a") else { panic!("failed") };
    assert!(error.message.contains(&other) && error.message.contains(REQUESTER), "{}", error.message);
    assert_eq!(stage.calls(), ["GET 7"]);
    assert!(stage.state.records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_anonymized_conversation_is_not_adopted() {
    let mut stage = Stage::new();
    stage.api.has(ConversationReading { anonymized: true, ..reading(7, &[]) });
    let run = stage.apply(&adopting(&noted("a", "'1'"), 7)).await;
    let Outcome::Failed { id: None, error } = run.outcome("conversation.a") else { panic!("failed") };
    assert!(error.message.contains("anonymized"), "{}", error.message);
    assert_eq!(stage.calls(), ["GET 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_gone_is_a_failure_and_is_not_made() {
    let mut stage = Stage::new();
    let run = stage.apply(&adopting(&email("a"), 7)).await;
    let Outcome::Failed { id: None, error } = run.outcome("conversation.a") else { panic!("failed") };
    assert_eq!((error.what().as_str(), error.status), ("GET /v1/conversations/7", Some(404)));
    assert_eq!(stage.calls(), ["GET 7"]);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_conversation_whose_patch_failed_is_patched_by_the_next_run() {
    let mut stage = Stage::new();
    stage.api.has(reading(7, &[]));
    stage.api.fail("PATCH 7", [crate::api::CallError::Rejected { status: 400, message: "no".into() }]);
    let manifests = adopting(&noted("a", "'1'"), 7);
    let run = stage.apply(&manifests).await;
    assert!(
        matches!(run.outcome("conversation.a"), Outcome::Failed { id: Some(id), .. } if *id == Id::conversation(7))
    );
    stage.calls();
    assert!(stage.apply(&manifests).await.report.is_complete());
    assert_eq!(stage.calls(), [format!(r#"PATCH 7 {{"{TEXT}":"1"}}"#)]);
}
