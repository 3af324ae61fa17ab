//! The wish to stop, once and twice.

use std::time::Duration;

use super::*;
use crate::apply::tests::adopting::reading;

/// Asks to stop, a number of times, when the first conversation is made.
fn stop_when_made(times: usize) -> impl Fn(&ApplyEvent, &StopHandle) {
    let asked = std::cell::Cell::new(false);
    move |event, handle| {
        if matches!(event, ApplyEvent::Made { .. }) && !asked.replace(true) {
            for _ in 0..times {
                handle.request();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_wish_finishes_what_is_in_flight_and_starts_nothing_new() {
    let mut stage = Stage::new();
    let manifests: String = (0..20).map(|number| noted(&format!("n{number:02}"), "'1'")).collect();
    let run = stage.apply_and_watch(&manifests, stop_when_made(1)).await;
    assert_eq!(run.report.stop, Some(Stop::Interrupted));
    assert_eq!((run.report.counts.created, run.report.counts.not_attempted), (3, 17));
    let posts = stage.calls().iter().filter(|call| call.starts_with("POST")).count();
    assert_eq!(posts, 3, "the burst was in flight");
    assert!(stage.state.records.values().all(|record| record.attributes_digest.is_some()));
    assert!(run.in_doubt.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_next_run_does_what_is_left() {
    let mut stage = Stage::new();
    let manifests: String = (0..10).map(|number| noted(&format!("n{number}"), "'1'")).collect();
    stage.apply_and_watch(&manifests, stop_when_made(1)).await;
    stage.calls();
    let run = stage.apply(&manifests).await;
    assert!(run.report.is_complete());
    assert_eq!(stage.calls().iter().filter(|call| call.starts_with("POST")).count(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_wish_during_a_wait_ends_the_wait() {
    let mut stage = Stage::new();
    let slow = Some(Duration::from_secs(60));
    stage.api.fail("POST a", [crate::api::CallError::RateLimited { retry_after: slow, message: "slow".into() }]);
    let began = tokio::time::Instant::now();
    let run = stage
        .apply_and_watch(&email("a"), |event, handle| {
            if matches!(event, ApplyEvent::Waiting { .. }) {
                handle.request();
            }
        })
        .await;
    assert_eq!(run.outcome("conversation.a"), &Outcome::NotAttempted { needs: None });
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(run.in_doubt.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_second_wish_leaves_what_is_in_flight_and_the_journal_has_it() {
    let mut stage = Stage::new();
    stage.api.ignore("POST b");
    let began = tokio::time::Instant::now();
    let run = stage.apply_and_watch(&(email("a") + &email("b")), stop_when_made(2)).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(run.report.stop, Some(Stop::Interrupted));
    assert_eq!(run.outcome("conversation.a"), &done(1));
    assert!(matches!(run.outcome("conversation.b"), Outcome::InDoubt { .. }));
    let [in_doubt] = run.in_doubt.as_slice() else { panic!("{:?}", run.in_doubt) };
    assert_eq!((in_doubt.address.to_string().as_str(), &in_doubt.message), ("conversation.b", &None));
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_takes_too_long_leaves_what_is_in_flight() {
    let mut stage = Stage::new();
    stage.api.ignore("POST b");
    let began = tokio::time::Instant::now();
    let run = stage.apply_and_watch(&(email("a") + &email("b")), stop_when_made(1)).await;
    let took = began.elapsed();
    assert!(took > Duration::from_secs(6) && took < Duration::from_secs(7), "{took:?}");
    assert!(matches!(run.outcome("conversation.b"), Outcome::InDoubt { .. }));
    assert_eq!(run.in_doubt.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_was_made_and_left_without_its_attributes_is_not_in_doubt() {
    let mut stage = Stage::new();
    stage.api.ignore("PATCH 1");
    let run = stage.apply_and_watch(&noted("a", "'1'"), stop_when_made(2)).await;
    let Outcome::Failed { id, error } = run.outcome("conversation.a") else { panic!("{:#?}", run.report) };
    assert_eq!((*id, error.call.as_ref().map(|call| call.method())), (Some(Id::conversation(1)), Some("PATCH")));
    assert!(run.in_doubt.is_empty());
    assert_eq!(stage.record("conversation.a").attributes_digest, None);
    assert_eq!(stage.plan(&noted("a", "'1'")).summary.update, 1);
}

/// Names, and manifests with an attribute, of conversations whose first answers are lost and that are there all the
/// same.
fn lost_and_found(stage: &mut Stage, count: i64) -> String {
    // Refused as duplicates, so that they don't look like an incident.
    let taken = || crate::api::CallError::Rejected { status: 400, message: "externalId".into() };
    (0..count)
        .map(|number| {
            let name = format!("n{number:02}");
            stage.api.fail(&format!("POST {name}"), [taken()]);
            stage.api.has(reading(100 + number, &[]));
            stage.api.is_marked(100 + number, &format!("mark-{name}"));
            noted(&name, "'1'")
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn attributes_of_what_was_found_wait_for_their_turn_like_everything_else() {
    let mut stage = Stage::new();
    let manifests = lost_and_found(&mut stage, 20);
    let patching = std::cell::Cell::new(0);
    let run = stage
        .apply_and_watch(&manifests, |event, handle| match event {
            ApplyEvent::Ended(ended) if matches!(ended.outcome, Outcome::Done { .. }) => {
                handle.request();
            }
            ApplyEvent::Began { .. } => patching.set(patching.get() + 1),
            _ => {}
        })
        .await;
    assert_eq!(run.report.stop, Some(Stop::Interrupted));
    let begun = patching.get() - 20;
    let patches = stage.calls().iter().filter(|call| call.starts_with("PATCH")).count();
    assert!(begun < 10 && patches == begun, "{begun} had begun, {patches} were sent: only the burst was in flight");
    assert_eq!(run.report.counts.created, patches);
}

#[tokio::test(start_paused = true)]
async fn what_was_found_and_recorded_is_never_told_as_not_attempted() {
    let mut stage = Stage::new();
    let manifests = lost_and_found(&mut stage, 20);
    // The last one has no attributes, so that nothing is left to do for it.
    let manifests = manifests.replace("name: n19,", "name: n19, labels: {last: yes},");
    let (rest, _) = manifests.rsplit_once("  customAttributes").expect("attributes");
    let run = stage
        .apply_and_watch(rest, |event, handle| {
            if matches!(event, ApplyEvent::Ended(ended) if matches!(ended.outcome, Outcome::Done { .. })) {
                handle.request();
            }
        })
        .await;
    assert_eq!(run.report.stop, Some(Stop::Interrupted));
    assert_eq!(stage.state.records.len(), 20);
    assert_eq!(run.outcome("conversation.n19"), &found(119));
    let Outcome::Failed { id, error } = run.outcome("conversation.n18") else { panic!("{:#?}", run.report) };
    assert_eq!(*id, Some(Id::conversation(118)));
    assert_eq!(error.what(), "PATCH /v1/conversations/118/custom-attributes");
    assert_eq!(error.message, "the run stopped before its attributes were written");
    let counts = run.report.counts;
    assert_eq!((counts.not_attempted, counts.created + counts.half_done), (0, 20));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_while_looking_does_not_deny_what_was_found() {
    let mut stage = Stage::new();
    let manifests = lost_and_found(&mut stage, 2);
    let stranger = "11111111-2222-4333-8444-555555555555";
    let manifests = manifests.replacen(REQUESTER, stranger, 1);
    stage.api.fail("LIST", [crate::api::CallError::Unauthorized { status: 401, message: "no".into() }]);
    let run = stage.apply(&manifests).await;
    assert_eq!(run.report.stop, Some(Stop::Unauthorized("no".into())));
    assert!(matches!(run.outcome("conversation.n00"), Outcome::InDoubt { .. }));
    assert!(
        matches!(run.outcome("conversation.n01"), Outcome::Failed { id: Some(id), .. } if *id == Id::conversation(101))
    );
    assert_eq!(stage.record("conversation.n01").id, Id::conversation(101));
}
