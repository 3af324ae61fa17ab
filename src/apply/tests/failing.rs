//! What goes wrong, and what goes on.

use std::time::Duration;

use super::*;
use crate::api::{AttributeReading, CallError};
use crate::apply::tests::adopting::reading;
use crate::call::Call;
use crate::conversation::Kind;
use serde_json::Value;

fn rejected() -> CallError {
    CallError::Rejected { status: 400, message: "Invalid value in request".into() }
}

fn failed() -> CallError {
    CallError::ServerError { status: 500, message: "There was an internal server error".into() }
}

fn lost() -> CallError {
    CallError::Lost { message: "connection reset".into() }
}

fn limited() -> CallError {
    CallError::RateLimited { retry_after: Some(Duration::from_secs(2)), message: "Too Many Requests".into() }
}

fn refused() -> CallError {
    CallError::Unauthorized { status: 401, message: "User is unauthorized".into() }
}

fn not_sent() -> CallError {
    CallError::NotSent { message: "connection refused".into() }
}

#[tokio::test(start_paused = true)]
async fn a_failed_change_stops_nothing_else() {
    let mut stage = Stage::new();
    stage.api.fail("POST b", [rejected()]);
    let run = stage.apply(&emails(&["a", "b", "c"])).await;
    assert_eq!((run.report.counts.created, run.report.counts.failed), (2, 1));
    let error = Failure::of(Call::Make(Kind::Conversation), &rejected());
    assert_eq!(run.outcome("conversation.b"), &Outcome::Failed { id: None, error });
    assert_eq!(run.report.stop, None);
    assert!(run.in_doubt.is_empty() && !stage.state.records.contains_key(&address("conversation.b")));
}

#[tokio::test(start_paused = true)]
async fn what_was_rejected_is_tried_again_by_the_next_run_only() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [rejected()]);
    stage.apply(&email("a")).await;
    assert_eq!(stage.calls(), ["POST a"]);
    assert_eq!(stage.apply(&email("a")).await.outcome("conversation.a"), &done(1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_that_can_not_be_looked_for_is_in_doubt_and_never_sent_again() {
    for error in [lost(), failed(), CallError::ServerError { status: 503, message: "later".into() }] {
        let mut stage = Stage::new();
        stage.api.fail("POST a", [error.clone()]);
        stage.api.fail("LIST", std::iter::repeat_n(lost(), 100));
        let run = stage.apply(&emails(&["a", "b"])).await;
        let Outcome::InDoubt { error: told } = run.outcome("conversation.a") else { panic!("in doubt") };
        assert_eq!((told.what().as_str(), told.status), ("POST /v1/conversations", error.status()));
        assert!(told.message.starts_with(error.message()), "{}", told.message);
        assert_eq!(run.outcome("conversation.b"), &done(1), "the rest goes on");
        let calls = stage.calls();
        assert_eq!(calls[..3], ["POST a", "POST b", "LIST"]);
        assert!(calls[3..].iter().all(|call| call == "LIST"), "{calls:?}");
        let [in_doubt] = run.in_doubt.as_slice() else { panic!("{:?}", run.in_doubt) };
        assert_eq!(in_doubt.address, address("conversation.a"));
        assert_eq!(in_doubt.message.as_deref(), Some(error.message()));
        assert_eq!(in_doubt.intent.marker.as_deref(), Some("mark-a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_whose_conversation_is_found_is_recorded_and_finished() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [lost()]);
    stage.api.has(reading(7, &[]));
    stage.api.has(reading(8, &[]));
    stage.api.is_marked(8, "mark-a");
    let run = stage.apply(&noted("a", "'1'")).await;
    assert_eq!(run.outcome("conversation.a"), &found(8));
    let calls = stage.calls();
    assert_eq!(calls[..3], ["POST a", "LIST", "MESSAGES 8"]);
    assert!(calls[3].starts_with("PATCH 8"), "{calls:?}");
    assert!(run.in_doubt.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_sent_again_only_after_two_looks_that_found_nothing() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [lost()]);
    let run = stage.apply(&email("a")).await;
    assert_eq!(run.outcome("conversation.a"), &done(1));
    let calls = stage.calls();
    let looks = calls.iter().filter(|call| *call == "LIST").count();
    assert!(looks > 2 && calls.last().is_some_and(|call| call == "POST a"), "{calls:?}");
    let left = |entry: &Entry| match entry {
        Entry::Began { intent, .. } => Some(intent.at.parse::<jiff::Timestamp>().expect("a time")),
        _ => None,
    };
    let sent: Vec<_> = run.entries.iter().filter_map(left).collect();
    assert!(sent[1].duration_since(sent[0]).as_secs() >= 120, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_there_before_the_run_shows_no_list_to_be_current_whatever_its_clock_said() {
    let mut stage = Stage::new();
    stage.apply(&email("z")).await;
    stage.api.has(reading(1, &[]));
    let record = stage.state.records.get_mut(&address("conversation.z")).expect("it was made");
    record.made_at = Some("2050-01-01T00:00:00Z".to_owned());
    stage.api.fail("POST a", [failed()]);
    let run = stage.apply(&emails(&["a", "z"])).await;
    let left = |entry: &Entry| match entry {
        Entry::Began { intent, .. } => Some(intent.at.parse::<jiff::Timestamp>().expect("a time")),
        _ => None,
    };
    let sent: Vec<_> = run.entries.iter().filter_map(left).collect();
    assert!(sent[1].duration_since(sent[0]).as_secs() >= 120, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn the_search_ends_at_the_mark_and_begins_with_the_newest_conversation() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [lost()]);
    (1..=300).for_each(|id| stage.api.has(reading(id, &[])));
    stage.api.is_marked(299, "mark-a");
    let run = stage.apply(&email("a")).await;
    assert_eq!(run.outcome("conversation.a"), &found(299));
    assert_eq!(stage.calls(), ["POST a", "LIST", "MESSAGES 300", "MESSAGES 299"]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_show_later_than_their_conversation_are_read_again() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [lost()]);
    stage.api.has(reading(7, &[]));
    stage.api.is_marked(7, "mark-a");
    stage.api.hides_messages_at_first(7, 2);
    assert_eq!(stage.apply(&email("a")).await.outcome("conversation.a"), &found(7));
}

#[tokio::test(start_paused = true)]
async fn the_messages_of_no_conversation_are_read_twice() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [lost()]);
    for id in 1..=30 {
        stage.api.has(reading(id, &[]));
        stage.api.is_marked(id, "another");
    }
    stage.apply(&email("a")).await;
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("MESSAGES")).count(), 30, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_reaches_a_customer_is_a_question_and_never_sent_again() {
    for error in [lost(), failed()] {
        let mut stage = Stage::new();
        stage.api.fail("POST a", [error]);
        let outbound = email("a").replace("_type: Inbound,", &format!("_type: Outbound, agentId: {REQUESTER},"));
        let run = stage.apply(&outbound).await;
        let Outcome::InDoubt { error } = run.outcome("conversation.a") else { panic!("{:?}", run.report) };
        assert!(error.message.contains("it reaches a customer"), "{}", error.message);
        assert_eq!(stage.calls().iter().filter(|call| call.starts_with("POST")).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_says_a_2xx_without_an_id_and_it_is_never_sent_again() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [CallError::Unreadable { status: 204, message: "no id".into() }]);
    let run = stage.apply(&email("a")).await;
    assert!(matches!(run.outcome("conversation.a"), Outcome::InDoubt { .. }));
    assert_eq!(stage.calls().iter().filter(|call| call.starts_with("POST")).count(), 1);
    assert_eq!(run.in_doubt[0].heard, crate::journal::Heard::Made);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_sent_again_once_in_a_run() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", std::iter::repeat_n(failed(), 10));
    let run = stage.apply(&email("a")).await;
    assert!(matches!(run.outcome("conversation.a"), Outcome::InDoubt { .. }));
    assert_eq!(stage.calls().iter().filter(|call| call.starts_with("POST")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn five_lost_answers_in_a_row_end_the_sending() {
    let mut stage = Stage::new();
    let names: Vec<String> = (0..100).map(|number| format!("n{number:02}")).collect();
    names.iter().for_each(|name| stage.api.fail(&format!("POST {name}"), [failed()]));
    let run = stage.apply(&names.iter().map(|name| email(name)).collect::<String>()).await;
    assert_eq!(run.report.stop, Some(Stop::Incident));
    let posts = stage.calls().iter().filter(|call| call.starts_with("POST")).count();
    assert!((5..12).contains(&posts), "{posts} were sent: only what was in flight");
    assert_eq!(run.report.counts.not_attempted, 100 - posts);
}

#[tokio::test(start_paused = true)]
async fn attributes_of_what_was_made_just_now_wait_until_dixa_shows_it() {
    let gone = || CallError::Rejected { status: 404, message: "The requested resource could not be found".into() };
    for (times, is_done) in [(3, true), (100, false)] {
        let mut stage = Stage::new();
        stage.api.fail("PATCH 1", std::iter::repeat_n(gone(), times));
        let run = stage.apply(&noted("a", "'1'")).await;
        assert_eq!(run.outcome("conversation.a") == &done(1), is_done, "{:?}", run.report);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_exists_already_is_in_doubt_and_no_failure() {
    let mut stage = Stage::new();
    let message = "Duplicate externalId: mark-a".to_owned();
    stage.api.fail("POST a", [CallError::Rejected { status: 400, message }]);
    stage.api.has(reading(7, &[]));
    stage.api.is_marked(7, "mark-a");
    let run = stage.apply(&email("a")).await;
    assert_eq!(run.outcome("conversation.a"), &found(7));
    assert_eq!(stage.calls(), ["POST a", "LIST", "MESSAGES 7"]);
}

#[tokio::test(start_paused = true)]
async fn an_external_id_that_another_conversation_has_is_a_failure_and_is_not_sent_again() {
    let duplicate = || CallError::Rejected { status: 400, message: "Duplicate externalId: mark-a".into() };
    for (is_replacement, hint) in [(false, "give the manifest one of its own"), (true, "perhaps #1, whose place")] {
        let mut stage = Stage::new();
        let mut manifest = email("a");
        if is_replacement {
            stage.apply(&manifest).await;
            stage.api.has(reading(1, &[]));
            stage.api.is_marked(1, "mark-a");
            manifest = manifest.replace("value: Hi", "value: Hello");
        }
        stage.calls();
        stage.api.fail("POST a", [duplicate(), duplicate()]);
        let ended = RefCell::new(Vec::new());
        let run = stage
            .apply_and_watch(&(manifest.clone() + &email("b")), |event, _| {
                if let ApplyEvent::Ended(change) = event {
                    ended.borrow_mut().push((change.address.name().to_owned(), change.outcome.word()));
                }
            })
            .await;
        let Outcome::Failed { id: None, error } = run.outcome("conversation.a") else { panic!("{:?}", run.report) };
        assert_eq!((error.what().as_str(), error.status), ("POST /v1/conversations", Some(400)));
        assert!(
            error.message.starts_with("Duplicate externalId: mark-a; ") && error.message.contains(hint),
            "{error:?}"
        );
        let calls: Vec<_> = stage.calls().into_iter().filter(|call| !call.starts_with("MESSAGES")).collect();
        assert_eq!(calls[..2], ["POST a", "POST b"]);
        assert!(calls[2..].len() >= 2 && calls[2..].iter().all(|call| call == "LIST"), "{calls:?}");
        let (counts, told) = (run.report.counts, ended.into_inner());
        assert_eq!((counts.in_doubt, counts.failed, counts.created, counts.half_done), (0, 1, 1, 0));
        assert_eq!(told.last().map(|(name, word)| (name.as_str(), *word)), Some(("a", "failed")));
        assert!(run.in_doubt.is_empty(), "nothing is in doubt for the next run");
        // That one is no better off, and ends in the same way.
        let again = stage.apply(&(manifest + &email("b"))).await;
        let counts = again.report.counts;
        assert_eq!((counts.in_doubt, counts.failed), (0, 1), "{:?}", again.report);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_shows_later_than_the_refusal_says_is_found_by_the_next_run() {
    let mut stage = Stage::new();
    let manifest = email("a").replace("externalId: mark-a, ", "");
    stage
        .api
        .fail("POST a", [lost(), CallError::Rejected { status: 400, message: "Duplicate externalId: df-1".into() }]);
    let run = stage.apply(&manifest).await;
    let Outcome::Failed { id: None, error } = run.outcome("conversation.a") else { panic!("{:?}", run.report) };
    assert!(error.message.ends_with("the next apply looks again"), "{error:?}");
    let calls: Vec<_> = stage.calls().into_iter().filter(|call| call.starts_with("POST")).collect();
    assert_eq!(calls, ["POST a", "POST a"]);
    let marker = run.entries.iter().find_map(|entry| match entry {
        Entry::Began { intent, .. } => intent.marker.clone(),
        _ => None,
    });
    stage.api.has(reading(7, &[]));
    stage.api.is_marked(7, &marker.expect("it is marked"));
    stage.api.fail("POST a", [CallError::Rejected { status: 400, message: "Duplicate externalId: df-1".into() }]);
    assert_eq!(stage.apply(&manifest).await.outcome("conversation.a"), &found(7));
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_and_no_connection_are_tried_again_under_a_new_number() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [limited(), not_sent()]);
    let waits = RefCell::new(Vec::new());
    let run = stage
        .apply_and_watch(&email("a"), |event, _| {
            if let ApplyEvent::Waiting { wait_ms, .. } = event {
                waits.borrow_mut().push(*wait_ms);
            }
        })
        .await;
    assert_eq!(run.outcome("conversation.a"), &done(1));
    assert_eq!(waits.borrow()[0], 2_000, "the pause that was asked for");
    let log = stage.log.take();
    assert_eq!(
        log[1..],
        [
            "journal: began 1, create conversation.a",
            "POST a",
            "journal: failed 1",
            "journal: began 2, create conversation.a",
            "POST a",
            "journal: failed 2",
            "journal: began 3, create conversation.a",
            "POST a",
            "journal: succeeded 3 with #1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_have_an_end() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", vec![not_sent(); 100]);
    stage.api.fail("PATCH 1", vec![failed(); 100]);
    let run = stage.apply(&(email("a") + &noted("b", "'1'"))).await;
    let error = Failure::of(Call::Make(Kind::Conversation), &not_sent());
    assert_eq!(run.outcome("conversation.a"), &Outcome::Failed { id: None, error });
    let error = Failure::of(Call::SetAttributes(Id::conversation(1).into()), &failed());
    assert_eq!(run.outcome("conversation.b"), &Outcome::Failed { id: Some(Id::conversation(1)), error });
    assert_eq!(run.report.counts.half_done, 1);
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| *call == "POST a").count(), 6);
    assert_eq!(calls.iter().filter(|call| call.starts_with("PATCH 1")).count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_patch_is_tried_again_after_any_error_that_may_pass() {
    let mut stage = Stage::new();
    stage.api.fail("PATCH 1", [failed(), lost(), limited(), not_sent()]);
    let run = stage.apply(&noted("a", "'1'")).await;
    assert_eq!(run.outcome("conversation.a"), &done(1));
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("PATCH")).count(), 5);
    assert_eq!(calls.iter().filter(|call| call.starts_with("POST")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_whose_attributes_failed_is_kept_and_patched_by_the_next_run() {
    let mut stage = Stage::new();
    stage.api.fail("PATCH 1", [rejected()]);
    let run = stage.apply(&noted("a", "'1'")).await;
    assert!(
        matches!(run.outcome("conversation.a"), Outcome::Failed { id: Some(id), .. } if *id == Id::conversation(1))
    );
    assert_eq!(stage.record("conversation.a").attributes_digest, None);
    stage.calls();
    assert_eq!(stage.apply(&noted("a", "'1'")).await.outcome("conversation.a"), &done(1));
    assert_eq!(stage.calls(), [format!(r#"PATCH 1 {{"{TEXT}":"1"}}"#)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_leaves_the_record_as_it_was() {
    let mut stage = Stage::new();
    stage.apply(&noted("a", "'1'")).await;
    let before = stage.record("conversation.a").clone();
    stage.api.fail("PATCH 1", [rejected()]);
    stage.apply(&noted("a", "'2'")).await;
    assert_eq!(stage.record("conversation.a"), &before);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_stops_the_run_and_the_rest_is_not_attempted() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [refused()]);
    let names: Vec<String> = (0..20).map(|number| format!("n{number:02}")).collect();
    let manifests: String = ["a".to_owned()].iter().chain(&names).map(|name| email(name)).collect();
    let run = stage.apply(&manifests).await;
    let Some(Stop::Unauthorized(why)) = &run.report.stop else { panic!("{:?}", run.report.stop) };
    assert!(why.starts_with("User is unauthorized; the token is known"), "{why}");
    assert!(matches!(run.outcome("conversation.a"), Outcome::Failed { id: None, .. }));
    assert_eq!(run.outcome("conversation.n19"), &Outcome::NotAttempted { needs: None });
    let calls = stage.calls();
    assert_eq!(calls.len(), 3, "what was in flight already, and no more: {calls:?}");
    assert_eq!(run.report.counts.not_attempted, 18);
    assert!(run.in_doubt.is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_refused_token_what_is_in_flight_still_gets_its_turn() {
    let mut stage = Stage::new();
    stage.api.fail("POST a", [refused()]);
    let manifests: String = ["a", "b", "c", "d", "e", "f"].iter().map(|name| noted(name, "'1'")).collect();
    let run = stage.apply(&manifests).await;
    assert_eq!((run.report.counts.created, run.report.counts.not_attempted), (2, 3));
    assert!(stage.state.records.values().all(|record| record.attributes_digest.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_between_the_calls_loses_no_id() {
    let mut stage = Stage::new();
    stage.api.fail("PATCH 1", [refused()]);
    let run = stage.apply(&noted("a", "'1'")).await;
    assert!(
        matches!(run.outcome("conversation.a"), Outcome::Failed { id: Some(id), .. } if *id == Id::conversation(1))
    );
    let Some(Stop::Unauthorized(why)) = &run.report.stop else { panic!("{:?}", run.report.stop) };
    assert!(why.starts_with("User is unauthorized; the token is known"), "{why}");
    assert_eq!(stage.record("conversation.a").id, Id::conversation(1));
}

#[tokio::test(start_paused = true)]
async fn partial_errors_are_success_and_kept_in_the_record() {
    let mut stage = Stage::new();
    stage.api.make_in_part("a", "The conversation could not be assigned");
    let run = stage.apply(&noted("a", "'1'")).await;
    let messages = vec!["The conversation could not be assigned".to_owned()];
    let expected = Outcome::Done {
        id: Some(Id::conversation(1)),
        found: false,
        partial_errors: messages.clone(),
        warnings: Vec::new(),
    };
    assert_eq!(run.outcome("conversation.a"), &expected);
    assert_eq!((run.report.counts.partial, run.report.is_complete()), (1, true));
    assert_eq!(stage.record("conversation.a").partial_errors, messages);
}

#[tokio::test(start_paused = true)]
async fn a_cleared_value_that_is_still_listed_is_a_warning() {
    let mut stage = Stage::new();
    stage.apply(&noted("a", "'1'")).await;
    let reading = |value| AttributeReading { id: TEXT.into(), name: "Order".into(), identifier: "order".into(), value };
    stage.api.answer_patches_with(vec![reading(Value::from("1"))]);
    let run = stage.apply(&noted("a", "null")).await;
    let Outcome::Done { warnings, .. } = run.outcome("conversation.a") else { panic!("done") };
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains(TEXT), "{warnings:?}");

    stage.apply(&noted("a", "'2'")).await;
    stage.api.answer_patches_with(vec![reading(Value::Null)]);
    assert_eq!(stage.apply(&noted("a", "null")).await.outcome("conversation.a"), &done(1));
}

#[tokio::test(start_paused = true)]
async fn a_text_that_dixa_makes_another_one_of_is_a_warning() {
    let mut stage = Stage::new();
    let reading =
        |id: &str, value| AttributeReading { id: id.into(), name: "Order".into(), identifier: "order".into(), value };
    stage.api.answer_patches_with(vec![reading(TEXT, Value::from("+45 51"))]);
    let run = stage.apply(&noted("a", "'4551'")).await;
    let Outcome::Done { warnings, .. } = run.outcome("conversation.a") else { panic!("done") };
    let said = format!("Dixa has made \"+45 51\" of \"4551\", which was written to the attribute {TEXT}");
    assert!(warnings.len() == 1 && warnings[0].starts_with(&said), "{warnings:?}");

    // The same value, one of another attribute, and one that is not there say nothing.
    for (text, answer) in [
        ("'1'", vec![reading(TEXT, Value::from("1"))]),
        ("'2'", vec![reading("11111111-7e98-4f4d-9010-bfd2a27d4f35", Value::from("9"))]),
        ("'3'", Vec::new()),
        ("'4'", vec![reading(TEXT, Value::Null)]),
    ] {
        stage.api.answer_patches_with(answer);
        assert_eq!(stage.apply(&noted("a", text)).await.outcome("conversation.a"), &done(1), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_nothing_is_sent() {
    let mut stage = Stage::new();
    stage.journal.holds(1);
    let run = stage.apply(&emails(&["a", "b", "c", "d", "e", "f"])).await;
    assert!(matches!(run.report.stop, Some(Stop::Storage(_))));
    assert_eq!(stage.calls(), Vec::<String>::new());
    assert!(run.report.counts.failed >= 1 && run.report.counts.created == 0);
    assert_eq!(run.report.counts.failed + run.report.counts.not_attempted, 6);
}

#[tokio::test(start_paused = true)]
async fn when_the_journal_fails_after_a_post_its_id_is_kept_and_nothing_more_is_sent() {
    let mut stage = Stage::new();
    // `Opened` and the `Began` of the POST fit, its `Succeeded` does not.
    stage.journal.holds(2);
    let run = stage.apply(&noted("a", "'1'")).await;
    assert_eq!(stage.calls(), ["POST a"]);
    assert!(
        matches!(run.outcome("conversation.a"), Outcome::Failed { id: Some(id), .. } if *id == Id::conversation(1))
    );
    assert!(matches!(run.report.stop, Some(Stop::Storage(_))));
    assert_eq!(stage.record("conversation.a").id, Id::conversation(1));
}
