//! A manifest that takes over the record of its old address.

use super::*;
use crate::conversation::Address;
use crate::plan::moves::both_recorded;

/// An Email that was `a` before.
fn renamed(manifest: &str) -> String {
    annotated(&manifest.replace("name: a,", "name: b,"), "dixaform/moved-from: conversation.a")
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// The record of `a` as an apply of the plan would move it.
fn moved(mut state: State) -> State {
    let id = state.move_record(&address("conversation.a"), &address("conversation.b"));
    assert_eq!(id, Ok(Id::conversation(1001)));
    state
}

#[test]
fn a_record_moves_to_the_manifest_that_names_its_old_address_and_nothing_is_sent() {
    let (before, after) = (email_with("a", &note("'1'")), renamed(&email_with("a", &note("'1'"))));
    let plan = plan_of(&after, &applied(&before));
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Move, Reason::MovedFromAnnotation));
    assert_eq!(only(&plan).moved(), Some(&address("conversation.a")));
    assert_eq!((plan.price.calls, plan.reads_before.len()), (0, 0));
    assert_eq!(plan.summary, Summary { moves: 1, only_moves: 1, ..Summary::default() });
    insta::assert_snapshot!(text_of(&plan), @r#"
    dixaform compared the manifests with the state of tenant "staging" (https://dev.dixa.io). No request was sent to Dixa.

      # conversation.a has moved to conversation.b  (#1001, m.yaml:3)
        conversation "b" {
            id = 1001
            # (6 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 0 to update, 0 to replace, 1 to move. 0 unchanged.
    0 calls.

    Fingerprint: fece8da7a2e3e387
    "#);
}

#[test]
fn what_else_differs_is_in_the_same_block() {
    let before = email_with("a", &note("'1'"));
    let plan = plan_of(&renamed(&email_with("a", &note("'2'"))), &applied(&before));
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Update, Reason::AttributesDiffer));
    assert_eq!(plan.summary, Summary { update: 1, moves: 1, ..Summary::default() });
    insta::assert_snapshot!(plan_text(&renamed(&email_with("a", &note("'2'"))), &applied(&before)), @r#"
      # conversation.b will be updated in-place  (#1001, m.yaml:3)
      # conversation.a has moved to conversation.b
      ~ conversation "b" {
          ~ customAttributes = {
              ~ "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "1" -> "2"
            }
            # (5 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 1 to update, 0 to replace, 1 to move. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    Fingerprint: b6571609b42f4fb5
    "#);
    let replaced = renamed(&email("a").replace("Late", "Later"));
    let plan = plan_with(&replaced, &applied(&email("a")), &allow_replace());
    assert_eq!((only(&plan).action, only(&plan).id), (Action::Replace, Some(Id::conversation(1001))));
    assert_eq!(plan.summary.moves, 1);
    // Also where the content differs knowingly.
    let ignored = replaced.replace("annotations: {", "annotations: {dixaform/on-change: ignore, ");
    assert_eq!(only(&plan_of(&ignored, &applied(&email("a")))).action, Action::Move);
}

#[test]
fn the_annotation_means_nothing_once_the_record_has_moved_or_where_there_is_none() {
    let state = moved(applied(&email("a")));
    let plan = plan_of(&renamed(&email("a")), &state);
    assert!(plan.is_empty() && plan.notes().is_empty(), "{:?}", plan.notes());
    assert_eq!(plan.summary, Summary { unchanged: 1, ..Summary::default() });
    let (with, without) = (plan_of(&renamed(&email("a")), &nothing()), plan_of(&email("b"), &nothing()));
    assert_eq!(only(&with).action, Action::Create);
    assert_eq!((with.summary, &with.fingerprint), (without.summary, &without.fingerprint));
}

#[test]
fn an_approval_of_a_plan_that_moves_is_of_no_other() {
    let plan = |manifests: &str| plan_of(manifests, &applied(&email("a"))).fingerprint;
    let as_a = plan(&renamed(&email("a")));
    assert_ne!(as_a, plan(&renamed(&email("a")).replace("name: b,", "name: c,")));
    assert_ne!(as_a, plan_of("", &nothing()).fingerprint);
    let (before, after) = (email_with("a", &note("'1'")), email_with("a", &note("'2'")));
    let stays = plan_of(&after.replace("name: a,", "name: b,"), &moved(applied(&before)));
    assert_ne!(plan_of(&renamed(&after), &applied(&before)).fingerprint, stays.fingerprint);
}

#[test]
fn the_old_address_is_neither_listed_nor_pruned_nor_taken_for_a_renamed_one() {
    let manifests = renamed(&email("a"));
    for options in [options(), prune()] {
        let plan = plan_with(&manifests, &applied(&email("a")), &options);
        assert_eq!(only(&plan).action, Action::Move);
        assert_eq!((&*plan.not_in_manifests, &*plan.renamed), ([].as_slice(), [].as_slice()));
    }
}

#[test]
fn a_filter_can_name_either_address_and_what_it_leaves_out_is_counted_once() {
    let manifests = labelled(&renamed(&email("a")), "wave: '1'") + &email("other");
    let state = applied(&(email("a") + &email("other")));
    let plan = |target: &str, exclude: &str, selector: &str, prune: bool| {
        let list = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        let scope = Scope::new(&list(target), &list(exclude), &list(selector)).expect("a scope");
        plan_with(&manifests, &state, &PlanOptions { scope, prune, ..options() })
    };
    for (target, exclude, selector) in
        [("conversation.a", "", ""), ("conversation.b", "", ""), ("", "conversation.other", ""), ("", "", "wave=1")]
    {
        let plan = plan(target, exclude, selector, true);
        assert_eq!(plan.summary, Summary { moves: 1, only_moves: 1, left_out: 1, ..Summary::default() });
    }
    for (target, exclude, selector) in
        [("conversation.other", "", ""), ("", "conversation.a", ""), ("", "conversation.b", "")]
    {
        let plan = plan(target, exclude, selector, true);
        assert!(plan.is_empty(), "{target} {exclude}: {:?}", plan.changes);
        assert_eq!(plan.summary, Summary { unchanged: 1, left_out: 1, ..Summary::default() });
    }
    assert_eq!(plan("", "", "wave=2", true).summary, Summary { left_out: 2, ..Summary::default() });
}

#[test]
fn a_call_in_doubt_of_either_address_holds_the_move_up() {
    let manifests = renamed(&email("a"));
    for (doubtful, state) in [
        ("conversation.a", applied(&email("a"))),
        ("conversation.b", applied(&email("a"))),
        // What was perhaps made under the old address must not be made again under the new one.
        ("conversation.a", nothing()),
    ] {
        let in_doubt = [address(doubtful)].into();
        let plan = plan_with(&manifests, &state, &PlanOptions { in_doubt, prune: true, ..options() });
        assert!(plan.is_empty(), "{doubtful}: {:?}", plan.changes);
        assert_eq!(plan.in_doubt, [address("conversation.b")]);
    }
}

#[test]
fn what_was_read_is_compared_with_the_record_that_moves() {
    let (before, after) = (email_with("a", &note("'1'")), renamed(&email_with("a", &note("'1'"))));
    let seen = |observation| {
        let observations = [(address("conversation.b"), observation)].into();
        plan_with(&after, &applied(&before), &PlanOptions { observations, ..options() })
    };
    let live = Seen { attributes: [(TEXT.to_owned(), "9".into())].into(), ..Seen::default() };
    let plan = seen(Observation::Present(live));
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Update, Reason::Drifted));
    assert_eq!((plan.observed, plan.drift.len(), plan.summary.moves), (1, 1, 1));
    // Of what is gone, the record can be forgotten, where it is.
    let plan = seen(Observation::NotFound);
    assert!(plan.is_empty());
    assert_eq!(plan.gone[0].address, address("conversation.a"));
}

#[test]
fn two_records_for_one_manifest_are_an_error_that_says_what_to_do() {
    let manifests = desired(&renamed(&email("a")));
    let state = applied(&(email("a") + &email("b").replace("Late", "Later")));
    let found: Vec<_> = both_recorded(&manifests, &state).collect();
    let [finding] = found.as_slice() else { panic!("one finding, not {found:?}") };
    assert_eq!((finding.code, finding.source.place.line), ("old-address-recorded", 5));
    insta::assert_snapshot!(finding.message, @"conversation.a (#1001) can't move to conversation.b, which has a record already (#1002)");
    insta::assert_snapshot!(finding.hint.as_deref().unwrap_or_default(), @"remove the annotation if both are to stay; else drop the record of one of the two conversations: `dixaform state forget conversation.a` or `dixaform state forget conversation.b`");
    for state in [applied(&email("a")), moved(applied(&email("a"))), nothing()] {
        assert_eq!(both_recorded(&manifests, &state).count(), 0);
    }
}
