//! What is set of how a conversation is handled, and what becomes of it when a call fails.

use super::*;
use crate::api::CallError;
use crate::apply::tests::adopting::reading;
use crate::call::Call;
use crate::handling::TagName;
use crate::state::Applied;

const SUPPORT: &str = "cd87b232-64c8-4ad5-b81a-6f9233352d97";
const SALES: &str = "00000000-0000-4000-8000-000000000002";
const MIA: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";

fn handled(members: &str) -> String {
    format!("{}  {}\n", email("a"), members.replace("; ", "\n  "))
}

fn all_four() -> String {
    handled(&format!("tags: [vip, new]; queue: {SUPPORT}; assignee: {MIA}; state: Closed"))
}

/// A tenant that has `vip` and no other tag.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.api.has_tag("vip", true);
    stage
}

fn rejected(status: u16) -> CallError {
    CallError::Rejected { status, message: "Invalid value in request".into() }
}

fn lost() -> CallError {
    CallError::Lost { message: "connection reset".into() }
}

/// The calls that make all four of a new conversation, in their order.
fn all_calls() -> Vec<String> {
    let (transfer, claim) = (format!("TRANSFER 1 {SUPPORT}"), format!("CLAIM 1 {MIA}"));
    let calls = ["POST a", "MAKE TAG new", "PUT TAG 1 id-new", "PUT TAG 1 id-vip", &transfer, &claim, "CLOSE 1"];
    calls.map(str::to_owned).into()
}

#[tokio::test(start_paused = true)]
async fn everything_is_set_in_its_order_and_a_missing_tag_is_made_once() {
    for last_applied in [LastApplied::Full, LastApplied::Digest] {
        let mut stage = Stage { last_applied, ..stage() };
        let run = stage.apply(&all_four()).await;
        assert_eq!(run.outcome("conversation.a"), &done(1));
        let calls = stage.calls();
        assert_eq!(calls[0], "TAGS");
        assert_eq!(calls[1..], all_calls());
        let record = stage.record("conversation.a");
        assert_eq!(record.handling_digest, desired(&all_four()).iter().next().and_then(|it| it.digests.handling));
        let ids: Vec<&str> = record.put_on.iter().map(|tag| tag.id.as_str()).collect();
        assert_eq!(ids, ["id-new", "id-vip"]);
        let is_kept = record.put_on.iter().all(|tag| matches!(tag.name, TagName::Kept(_)));
        assert_eq!(is_kept, last_applied == LastApplied::Full);
        assert_eq!(matches!(record.applied, Applied::Full(_)), last_applied == LastApplied::Full);
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_and_what_comes_after_it_is_left_to_the_next_apply() {
    let names = ["MAKE TAG new", "PUT TAG 1", "TRANSFER 1", "CLAIM 1", "CLOSE 1"];
    for (call, reached) in names.into_iter().zip([2, 3, 5, 6, 7]) {
        for last_applied in [LastApplied::Full, LastApplied::Digest] {
            let mut stage = Stage { last_applied, ..stage() };
            stage.api.fail(call, [rejected(400)]);
            let run = stage.apply(&all_four()).await;
            let Outcome::Failed { id, error } = run.outcome("conversation.a") else { panic!("{call}") };
            assert_eq!((*id, error.status), (Some(Id::conversation(1)), Some(400)), "{call}");
            assert_eq!(stage.calls()[1..], all_calls()[..reached], "{call}");
            stage.api.has(reading(1, &[]));
            assert_eq!(stage.apply(&all_four()).await.report.counts.updated, 1, "{call}");
            let again: Vec<String> = stage.calls().into_iter().filter(|call| !call.starts_with("TAGS")).collect();
            let again: Vec<&String> = again.iter().filter(|call| !call.starts_with("GET")).collect();
            // What was made stays made, and nothing is sent that was done.
            let left: Vec<String> = all_calls().split_off(reached - 1);
            assert_eq!(again, left.iter().collect::<Vec<_>>(), "{call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_sent_again_unless_a_look_shows_that_it_was_done() {
    let mut stage = stage();
    for call in ["MAKE TAG new", "PUT TAG 1", "TRANSFER 1", "CLAIM 1", "CLOSE 1"] {
        stage.api.fail(call, [lost()]);
    }
    let mut closed = reading(1, &[]);
    closed.state = Some("Closed".into());
    stage.api.has(closed);
    assert_eq!(stage.apply(&all_four()).await.outcome("conversation.a"), &done(1));
    let calls = stage.calls();
    let count = |name: &str| calls.iter().filter(|call| call.starts_with(name)).count();
    assert_eq!((count("MAKE TAG new"), count("TAGS")), (1, 2), "it is looked for, and not made again: {calls:?}");
    assert_eq!((count("PUT TAG 1"), count("TRANSFER"), count("CLAIM")), (3, 2, 2), "{calls:?}");
    assert_eq!((count("CLOSE"), count("GET 1")), (1, 1), "it is closed, and not closed again: {calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_dixa_does_not_show_yet_is_tried_again() {
    let mut stage = stage();
    stage.api.fail("PUT TAG 1", [rejected(404)]);
    stage.api.fail("TRANSFER 1", [rejected(404)]);
    assert_eq!(stage.apply(&all_four()).await.outcome("conversation.a"), &done(1));
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_leaves_is_taken_off_if_dixaform_has_put_it_on() {
    for last_applied in [LastApplied::Full, LastApplied::Digest] {
        let mut stage = Stage { last_applied, ..stage() };
        stage.api.has_tag("theirs", true);
        stage.apply(&handled("tags: [vip]")).await;
        stage.api.is_tagged(1, "theirs");
        stage.calls();
        // It is on it already, so it is not put on, and not dixaform's.
        stage.apply(&handled("tags: [theirs, vip]")).await;
        assert_eq!(stage.calls(), ["TAGS", "TAGS OF 1"]);
        assert_eq!(stage.record("conversation.a").put_on.len(), 1);
        stage.apply(&email("a")).await;
        assert_eq!(stage.calls(), ["TAKE TAG 1 id-vip"]);
        assert!(stage.record("conversation.a").put_on.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn tags_that_do_not_read_back_as_they_were_set_are_warned_of() {
    let mut stage = Stage { verify: true, ..stage() };
    let warnings = |run: &Run| match &run.report.outcomes[0].outcome {
        Outcome::Done { warnings, .. } => warnings.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(warnings(&stage.apply(&handled("tags: [vip, old]")).await), [""; 0]);
    stage.api.has_tag("stuck", true);
    stage.api.stuck_tag = Some("id-stuck");
    let run = stage.apply(&handled("tags: [vip, old, stuck]")).await;
    assert_eq!(warnings(&run), ["the tag `stuck` was put on, and does not read back"]);
    stage.api.stuck_tag = Some("id-old");
    let run = stage.apply(&handled("tags: [vip, stuck]")).await;
    assert_eq!(warnings(&run), ["the tag `old` was taken off, and reads back all the same"]);
    stage.calls();
    let _ = stage.apply(&handled("tags: [stuck]")).await;
    assert_eq!(stage.calls(), ["TAKE TAG 1 id-vip", "TAGS OF 1"], "once is enough if all is as it was set");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_not_on_it_any_more_counts_as_taken_off() {
    let mut stage = stage();
    stage.apply(&handled("tags: [vip]")).await;
    stage.api.fail("TAKE TAG 1", [rejected(404), rejected(404)]);
    assert_eq!(stage.apply(&email("a")).await.report.counts.failed, 1, "it is still on it");
    stage.api.is_untagged(1, "vip");
    assert_eq!(stage.apply(&email("a")).await.outcome("conversation.a"), &done(1));
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_on_it_is_not_taken_for_gone_because_a_call_and_a_list_deny_it() {
    for (tags, rest, shown, is_believed) in [
        // What was read just before is contradicted by lists without any tag.
        ("[vip, new]", "[new, more]", &[true, false, false][..], false),
        // No list was read before: two without any tag are believed, and one alone is not.
        ("[vip]", "[]", &[false, false], true),
        ("[vip]", "[]", &[false, true], false),
        ("[vip, new]", "[new]", &[true], false),
    ] {
        let mut stage = stage();
        stage.apply(&handled(&format!("tags: {tags}"))).await;
        stage.api.fail("TAKE TAG 1", [rejected(404), rejected(404)]);
        stage.api.show_tags(shown.iter().copied());
        let run = stage.apply(&handled(&format!("tags: {rest}"))).await;
        assert_eq!(run.report.counts.failed, usize::from(!is_believed), "{tags} {rest} {shown:?}: {:#?}", run.report);
        stage.api.show_tags([]);
        assert_eq!(stage.record("conversation.a").put_on.iter().any(|tag| tag.id == "id-vip"), !is_believed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_was_perhaps_put_on_is_put_on_again_and_taken_off_when_it_leaves() {
    let mut stage = stage();
    stage.api.fail("PUT TAG 1", std::iter::repeat_n(lost(), 6));
    assert_eq!(stage.apply(&handled("tags: [vip]; state: Closed")).await.report.counts.failed, 1);
    stage.calls();
    let left = stage.plan(&handled("state: Closed"));
    assert!(left.changes[0].calls().any(|call| call.to_string().ends_with("/tags/id-vip")), "{left:#?}");
    stage.api.has(reading(1, &[]));
    assert!(stage.apply(&handled("tags: [vip]; state: Closed")).await.report.is_complete());
    assert!(stage.calls().contains(&"PUT TAG 1 id-vip".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn another_queue_and_the_agent_who_claims_it_again_are_in_the_record() {
    let mut stage = stage();
    let mut there = reading(1, &[]);
    (there.queue_id, there.agent_id) = (Some(SUPPORT.into()), Some(MIA.into()));
    stage.api.has(there);
    stage.apply(&handled(&format!("queue: {SUPPORT}; assignee: {MIA}"))).await;
    stage.calls();
    stage.apply(&handled(&format!("queue: {SALES}; assignee: {MIA}"))).await;
    assert_eq!(stage.calls(), ["GET 1", &format!("TRANSFER 1 {SALES}"), &format!("CLAIM 1 {MIA}")]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_reached_is_still_known_as_it_was() {
    let mut stage = stage();
    stage.api.has(reading(1, &[]));
    stage.apply(&handled(&format!("queue: {SUPPORT}; state: Closed"))).await;
    stage.api.fail("TRANSFER 1", [rejected(400)]);
    let now = handled(&format!("tags: [vip]; queue: {SALES}; state: Open"));
    assert_eq!(stage.apply(&now).await.report.counts.failed, 1);
    let plan = stage.plan(&now);
    let before =
        plan.changes[0].before.as_ref().map(|before| (before.spec["queue"].clone(), before.spec["state"].clone()));
    assert_eq!(before, Some((SUPPORT.into(), "Closed".into())));
}

#[tokio::test(start_paused = true)]
async fn adopting_sets_what_differs_and_records_the_rest() {
    let mut stage = stage();
    let mut there = reading(7, &[]);
    (there.queue_id, there.state) = (Some(SUPPORT.into()), Some("Pending".into()));
    stage.api.has(there);
    stage.api.is_tagged(7, "vip");
    let adopt = all_four().replace("annotations: {}", "annotations: {dixaform/adopt: '7'}");
    assert_eq!(stage.apply(&adopt).await.report.counts.adopted, 1);
    let claim = format!("CLAIM 7 {MIA}");
    let expected = ["TAGS", "GET 7", "TAGS OF 7", "MAKE TAG new", "PUT TAG 7 id-new", &claim, "CLOSE 7"];
    assert_eq!(stage.calls(), expected);
    let put_on: Vec<&str> = stage.record("conversation.a").put_on.iter().map(|tag| tag.id.as_str()).collect();
    assert_eq!(put_on, ["id-new"]);
}

#[tokio::test(start_paused = true)]
async fn an_inactive_tag_is_found_before_anything_is_sent() {
    let mut stage = Stage::new();
    stage.api.has_tag("vip", false);
    let plan = stage.plan(&all_four());
    let (_, mismatches) = preflight::tags(&stage.api, &plan).await.expect("tags are read");
    let [found] = mismatches.as_slice() else { panic!("{mismatches:?}") };
    assert_eq!((found.name.as_str(), found.misfit.code), ("vip", crate::finding::code::INACTIVE_TAG));
    assert_eq!(stage.calls(), ["TAGS"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_what_was_not_set() {
    let mut stage = stage();
    stage.api.fail("CLAIM 1", [rejected(400)]);
    let run = stage.apply(&all_four()).await;
    let Outcome::Failed { error, .. } = run.outcome("conversation.a") else { panic!("it failed") };
    assert_eq!(error.call, Some(Call::Claim(Id::conversation(1).into())));
    assert_eq!(error.call.as_ref().map(Call::sets), Some(["assignee", "was", "set"]));
}
