//! Tags, queue, assignee and state: each differs by itself, and is set by a call of its own.

use super::*;
use crate::handling::Openness;
use crate::plan::file_v1;
use crate::plan::observation::Handled;

const SUPPORT: &str = "cd87b232-64c8-4ad5-b81a-6f9233352d97";
const SALES: &str = "00000000-0000-4000-8000-000000000002";
const MIA: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";

/// An Email with these members beside its body.
fn handled(members: &str) -> String {
    format!("{}  {}\n", email("a"), members.replace("; ", "\n  "))
}

fn all_four() -> String {
    handled(&format!("tags: [vip, delivery]; queue: {SUPPORT}; assignee: {MIA}; state: Closed"))
}

/// The calls of a plan of these members, after an apply of those.
fn calls_of(before: &str, now: &str) -> Vec<String> {
    let (before, now) = (handled(before), handled(now));
    [Keep::Full, Keep::Digests].map(|keep| calls(&plan_of(&now, &applied_keeping(&before, keep)))).concat()
}

/// Both with a state that keeps all, and with one that keeps digests.
fn twice(calls: &[&str]) -> Vec<String> {
    [calls, calls].concat().into_iter().map(str::to_owned).collect()
}

const ONE: &str = "/v1/conversations/1001";

#[test]
fn what_is_made_is_handled_by_calls_of_their_own_in_their_order() {
    let plan = plan_of(&all_four(), &nothing());
    let expected = [
        "POST /v1/conversations",
        "PUT /v1/conversations/{id}/tags/{delivery}",
        "PUT /v1/conversations/{id}/tags/{vip}",
        "PUT /v1/conversations/{id}/transfer/queue",
        "PUT /v1/conversations/{id}/claim",
        "PUT /v1/conversations/{id}/close",
    ];
    assert_eq!(calls(&plan), expected);
    assert_eq!(plan.reads_before, [[Read::Organization, Read::Tags].as_slice(), &[Read::Thing; 3]].concat());
    assert_eq!(plan.price.calls, 11);
    // One that is new is open.
    assert_eq!(calls(&plan_of(&handled("state: Open"), &nothing())), ["POST /v1/conversations"]);
}

#[test]
fn an_import_that_brings_its_state_needs_no_call_for_it() {
    let closing = format!("  closing: {{closedAt: 2021-12-01T13:00:00Z, closedBy: {MIA}}}\n");
    let with = |more: &str| calls(&plan_of(&format!("{}{more}", import("a")), &nothing())).split_off(1);
    assert_eq!(with(&format!("{closing}  state: Closed\n")), [""; 0]);
    assert_eq!(with(&format!("{closing}  state: Open\n")), ["PUT /v1/conversations/{id}/reopen"]);
    assert_eq!(with("  state: Closed\n"), ["PUT /v1/conversations/{id}/close"]);
}

#[test]
fn what_was_set_is_no_change_and_neither_is_a_state_that_never_heard_of_it() {
    for keep in [Keep::Full, Keep::Digests] {
        assert!(plan_of(&all_four(), &applied_keeping(&all_four(), keep)).is_empty());
        assert!(plan_of(&email("a"), &applied_keeping(&email("a"), keep)).is_empty());
    }
    let other = all_four().replace("[vip, delivery]", "[delivery, vip]").replace(MIA, &MIA.to_uppercase());
    assert!(plan_of(&other, &applied(&all_four())).is_empty(), "order and case are no difference");
    let (look, tags) = (format!("GET {ONE}"), format!("GET {ONE}/tags"));
    let plan = plan_of(&all_four(), &applied(&email("a")));
    assert_eq!(only(&plan).reason, Reason::HandlingDiffers);
    assert_eq!(calls(&plan)[..2], [tags, look]);
    assert_eq!(calls(&plan).len(), 7);
}

#[test]
fn only_what_differs_is_set_after_a_look_at_what_is_there() {
    let before = format!("tags: [vip]; queue: {SUPPORT}; state: Open");
    let closed = calls_of(&before, &before.replace("Open", "Closed"));
    assert_eq!(closed, twice(&[&format!("GET {ONE}"), &format!("PUT {ONE}/close")]));
    let tagged = calls_of(&before, &before.replace("[vip]", "[vip, new]"));
    assert_eq!(tagged, twice(&[&format!("GET {ONE}/tags"), &format!("PUT {ONE}/tags/{{new}}")]));
    let moved = calls_of(&before, &before.replace(SUPPORT, SALES));
    assert_eq!(moved, twice(&[&format!("GET {ONE}"), &format!("PUT {ONE}/transfer/queue")]));
}

#[test]
fn another_queue_takes_the_conversation_from_its_agent_who_claims_it_again() {
    let before = format!("queue: {SUPPORT}; assignee: {MIA}");
    let look = format!("GET {ONE}");
    let (transfer, claim) = (format!("PUT {ONE}/transfer/queue"), format!("PUT {ONE}/claim"));
    assert_eq!(calls_of(&before, &before.replace(SUPPORT, SALES)), twice(&[&look, &transfer, &claim]));
}

#[test]
fn a_tag_that_leaves_is_taken_off_only_if_dixaform_has_put_it_on_and_the_rest_is_left() {
    let before = format!("tags: [vip, old]; queue: {SUPPORT}; assignee: {MIA}; state: Closed");
    assert_eq!(calls_of(&before, "tags: [vip]"), twice(&[&format!("DELETE {ONE}/tags/id-old")]));
    let mut state = applied(&handled(&before));
    for record in state.records.values_mut() {
        record.put_on.clear();
    }
    assert!(plan_of(&handled("tags: [vip]"), &state).is_empty(), "somebody else has put it on");
    assert!(plan_of(&email("a"), &state).is_empty(), "what leaves is left as it is");
}

/// What is there, with these tags by their ids.
fn live(tags: &[&str]) -> PlanOptions {
    let tags = tags.iter().map(|name| (format!("id-{name}"), (*name).to_owned())).collect();
    let handled =
        Handled { tags: Some(tags), queue: Some(SALES.to_owned()), assignee: None, state: Some(Openness::Open) };
    let seen = Seen { handled: Box::new(handled), ..Seen::default() };
    let address = "conversation.a".parse().expect("an address");
    PlanOptions { observations: [(address, Observation::Present(seen))].into(), ..options() }
}

#[test]
fn drift_is_shown_and_planned_back_and_what_others_have_put_on_stays() {
    let manifests = handled(&format!("tags: [vip, delivery]; queue: {SUPPORT}; state: Closed"));
    for keep in [Keep::Full, Keep::Digests] {
        let plan = plan_with(&manifests, &applied_keeping(&manifests, keep), &live(&["vip", "theirs"]));
        assert_eq!(only(&plan).reason, Reason::Drifted);
        let expected = [
            format!("GET {ONE}/tags"),
            format!("GET {ONE}"),
            format!("PUT {ONE}/tags/{{delivery}}"),
            format!("PUT {ONE}/transfer/queue"),
            format!("PUT {ONE}/close"),
        ];
        assert_eq!(calls(&plan), expected);
        let drifted: Vec<&str> = plan.drift[0].members.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(drifted, ["tags", "queue", "state"]);
    }
    let assigned = handled(&format!("assignee: {MIA}"));
    assert!(plan_with(&assigned, &applied(&assigned), &live(&[])).is_empty(), "what is absent says nothing");
}

#[test]
fn what_was_read_and_no_manifest_ever_said_has_not_left_it() {
    for keep in [Keep::Full, Keep::Digests] {
        let state = applied_keeping(&handled("tags: [vip]"), keep);
        let plan = plan_with(&handled("tags: [vip, new]"), &state, &live(&["vip"]));
        let change = only(&plan);
        assert!(change.notes().all(|note| !matches!(note, ChangeNote::Left(_))), "{change:#?}");
        let before = &change.before.as_ref().expect("it has a record").spec;
        assert!(!before.contains_key("state") && !before.contains_key("queue"), "{before:?}");
        // What a manifest said before has left it.
        let state = applied_keeping(&handled("tags: [vip]; state: Open"), keep);
        let plan = plan_with(&handled("tags: [vip, new]"), &state, &live(&["vip"]));
        let left: Vec<_> = only(&plan).notes().filter(|note| matches!(note, ChangeNote::Left(_))).collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

#[test]
fn what_is_pending_is_not_closed() {
    let open = handled("state: Open");
    assert!(plan_with(&open, &applied(&open), &live(&[])).is_empty());
}

#[test]
fn an_update_shows_what_is_set_beside_what_was() {
    let before = format!("tags: [vip, old]; queue: {SUPPORT}; assignee: {MIA}; state: Open");
    let now = format!("tags: [vip, new]; queue: {SALES}; assignee: {MIA}");
    insta::assert_snapshot!(plan_text(&handled(&now), &applied(&handled(&before))), @r#"
      # conversation.a will be updated in-place  (#1001, m.yaml:3)
      # left as it is in Dixa, because it is no longer in the manifest: state
      ~ conversation "a" {
          ~ tags     = [
              - "old",
              + "new",
                "vip",
            ]
          ~ queue    = "cd87b232-64c8-4ad5-b81a-6f9233352d97" -> "00000000-0000-4000-8000-000000000002"
            assignee = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b"
            # (5 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 1 to update, 0 to replace. 0 unchanged.
    10 calls, about 1 s at 10 requests/s.

    Fingerprint: 2971060290ce7227
    "#);
    let digests = plan_text(&handled(&now), &applied_keeping(&handled(&before), Keep::Digests));
    assert!(digests.contains("queue    = (previous value not kept) -> "), "{digests}");
}

#[test]
fn what_is_made_and_what_is_adopted_show_it_last() {
    let shown = |text: &str| {
        let lines = text.lines().skip_while(|line| !line.contains("+ tags"));
        lines.take_while(|line| line.contains(" = ")).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let (queue, assignee) = (format!("\"{SUPPORT}\""), format!("\"{MIA}\""));
    let expected = |width: usize| {
        let line = |name: &str, value: &str| format!("+ {name:width$} = {value}");
        let tags = r#"["delivery", "vip"]"#;
        vec![line("tags", tags), line("queue", &queue), line("assignee", &assignee), line("state", "\"Closed\"")]
    };
    assert_eq!(shown(&plan_text(&all_four(), &nothing())), expected("emailIntegrationId".len()));
    let adopt = plan_text(&annotated(&all_four(), "dixaform/adopt: '7'"), &nothing());
    assert_eq!(shown(&adopt), expected("assignee".len()));
    assert!(adopt.contains("only what differs in Dixa is set"), "{adopt}");
}

#[test]
fn a_replacement_is_for_its_content_and_never_for_how_it_is_handled() {
    let now = all_four().replace("Late", "Later").replace("Closed", "Open");
    let text = plan_text(&now, &applied(&all_four()));
    let forced: Vec<&str> = text.lines().filter(|line| line.ends_with("# forces replacement")).collect();
    assert_eq!(forced.len(), 1, "{text}");
    assert!(forced[0].contains("subject") && text.contains("~ state"), "{text}");
}

#[test]
fn a_saved_plan_says_the_same_when_it_is_read_again() {
    let before = format!("tags: [vip, old]; queue: {SUPPORT}; state: Open");
    for keep in [Keep::Full, Keep::Digests] {
        let state = applied_keeping(&handled(&before), keep);
        let plan = plan_of(&all_four(), &state);
        let text = crate::render::json_v1::plan(&plan);
        assert_eq!(file_v1::read(&text).expect("a plan").changes[0].steps, plan.changes[0].steps);
    }
}
