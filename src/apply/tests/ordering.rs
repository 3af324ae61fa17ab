//! What comes before what.

use super::*;
use crate::state::Applied;

#[tokio::test(start_paused = true)]
async fn every_call_is_in_the_journal_before_it_is_sent_and_its_end_before_the_next() {
    let mut stage = Stage::new();
    let run = stage.apply(&noted("a", "'1'")).await;
    assert_eq!(run.outcome("conversation.a"), &done(1));
    assert_eq!(
        stage.log.take(),
        [
            "journal: opened",
            "journal: began 1, create conversation.a",
            "POST a",
            "journal: succeeded 1 with #1",
            "journal: began 2, patch conversation.a",
            &format!(r#"PATCH 1 {{"{TEXT}":"1"}}"#),
            "journal: succeeded 2 with #1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_intent_has_all_that_is_needed_to_find_the_conversation_again() {
    let mut stage = Stage::new();
    let run = stage.apply(&noted("a", "'1'")).await;
    let Entry::Began { intent, .. } = &run.entries[1] else { panic!("{:?}", run.entries) };
    assert_eq!(intent.requester.as_deref(), Some(REQUESTER));
    assert_eq!(intent.marker.as_deref(), Some("mark-a"));
    assert_eq!(intent.source.as_ref().map(ToString::to_string).as_deref(), Some("m.yaml:3:1"));
}

#[tokio::test(start_paused = true)]
async fn a_change_in_flight_gets_its_permit_before_a_new_change_begins() {
    let mut stage = Stage::new();
    let names = ["a", "b", "c", "d", "e", "f"];
    let manifests: String = names.iter().map(|name| noted(name, "'1'")).collect();
    let run = stage.apply(&manifests).await;
    assert!(run.report.is_complete());
    let calls = stage.calls();
    let calls: Vec<_> = calls.iter().map(|call| call.split(" {").next().expect("a first part")).collect();
    // Three of the burst are used, one is kept in hand. What they made gets its attributes before the fourth is made.
    let expected = [
        "POST a", "POST b", "POST c", "PATCH 1", "PATCH 2", "PATCH 3", "POST d", "PATCH 4", "POST e", "PATCH 5",
        "POST f", "PATCH 6",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test(start_paused = true)]
async fn the_whole_rate_limit_is_used() {
    let mut stage = Stage::new();
    let names: Vec<String> = (0..44).map(|number| format!("n{number}")).collect();
    let manifests: String = names.iter().map(|name| email(name)).collect();
    let began = tokio::time::Instant::now();
    assert!(stage.apply(&manifests).await.report.is_complete());
    let took = began.elapsed().as_secs_f64();
    assert!((3.9..4.4).contains(&took), "40 calls beyond the burst take 4 seconds, not {took}");
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_in_the_order_of_the_plan() {
    let mut stage = Stage::new();
    let run = stage.apply(&emails(&["c", "a", "b"])).await;
    let addresses: Vec<_> = run.report.outcomes.iter().map(|outcome| outcome.address.to_string()).collect();
    assert_eq!(addresses, ["conversation.a", "conversation.b", "conversation.c"]);
}

#[tokio::test(start_paused = true)]
async fn a_made_conversation_is_reported_before_its_attributes_are_written() {
    let mut stage = Stage::new();
    let told = RefCell::new(Vec::new());
    stage
        .apply_and_watch(&noted("a", "'1'"), |event, _| {
            told.borrow_mut().push(match event {
                ApplyEvent::Began { .. } => "began",
                ApplyEvent::Made { .. } => "made",
                ApplyEvent::Waiting { .. } => "waiting",
                ApplyEvent::Looking(_) => "looking",
                ApplyEvent::Ended(_) => "ended",
            });
        })
        .await;
    assert_eq!(told.into_inner(), ["began", "made", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_differs_is_patched_in_a_second_run() {
    let mut stage = Stage::new();
    let before = format!("{}  customAttributes: {{{TEXT}: '1', {SELECT}: [payment]}}\n", email("a"));
    stage.apply(&before).await;
    stage.calls();
    let run = stage.apply(&before.replace("'1'", "'2'")).await;
    assert_eq!(run.report.counts.updated, 1);
    assert_eq!(stage.calls(), [format!(r#"PATCH 1 {{"{TEXT}":"2"}}"#)]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_records_the_new_conversation_and_remembers_the_old_one() {
    let mut stage = Stage::new();
    stage.apply(&noted("a", "'1'")).await;
    stage.calls();
    let run = stage.apply(&noted("a", "'1'").replace("value: Hi", "value: Hello")).await;
    assert_eq!(run.outcome("conversation.a"), &done(2));
    assert_eq!(stage.calls(), ["POST a".to_owned(), format!(r#"PATCH 2 {{"{TEXT}":"1"}}"#)]);
    let record = stage.record("conversation.a");
    assert_eq!((record.id, record.replaced.as_slice()), (Id::conversation(2), &[Id::conversation(1)][..]));
}

#[tokio::test(start_paused = true)]
async fn forgetting_makes_no_call() {
    let mut stage = Stage::new();
    stage.apply(&email("a")).await;
    stage.calls();
    let run = stage.apply("").await;
    assert_eq!(run.report.counts.forgotten, 1);
    assert_eq!(stage.calls(), Vec::<String>::new());
    assert!(stage.state.records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_state_of_digests_holds_no_text_of_a_customer_and_replans_to_nothing() {
    let mut stage = Stage::new();
    stage.last_applied = LastApplied::Digest;
    stage.apply(&noted("a", "'secret'")).await;
    let Applied::Digests { salt, fields } = &stage.record("conversation.a").applied else { panic!("digests") };
    assert_eq!(salt.len(), 32);
    assert!(fields.contains_key(&format!("/customAttributes/{TEXT}")));
    let journal = format!("{:?}", stage.journal.from(0));
    assert!(!journal.contains("secret") && !journal.contains("Hi"), "{journal}");
    stage.calls();
    stage.apply(&noted("a", "'other'")).await;
    assert_eq!(stage.calls(), [format!(r#"PATCH 1 {{"{TEXT}":"other"}}"#)]);
}
