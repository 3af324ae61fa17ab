//! What holds for every plan: scope, labels, price, fingerprint, order, and states that keep digests only.

use super::*;

fn scoped(targets: &[&str], excludes: &[&str], selectors: &[&str]) -> PlanOptions {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let scope = Scope::new(&owned(targets), &owned(excludes), &owned(selectors)).expect("it can be understood");
    PlanOptions { scope, ..options() }
}

fn addresses(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| change.address.to_string()).collect()
}

#[test]
fn changes_are_in_ascending_order_of_address() {
    let manifests = import("a") + &email("b") + &email("a");
    assert_eq!(addresses(&plan_of(&manifests, &nothing())), ["conversation.a", "conversation.b", "import.a"]);
}

#[test]
fn a_target_narrows_a_plan_and_the_rest_is_counted() {
    let manifests = email("a") + &email("ab") + &import("a");
    let plan = plan_with(&manifests, &nothing(), &scoped(&["conversation.a*"], &["conversation.ab"], &[]));
    assert_eq!(addresses(&plan), ["conversation.a"]);
    assert_eq!(plan.summary, Summary { create: 1, left_out: 2, irreversible: 1, ..Summary::default() });
}

#[test]
fn a_selector_takes_what_has_all_of_its_labels() {
    let manifests = labelled(&email("a"), "wave: '1', team: x") + &labelled(&email("b"), "wave: '1'") + &email("c");
    for (selectors, expected) in [
        (&["wave=1"][..], &["conversation.a", "conversation.b"][..]),
        (&["wave=1,team=x"], &["conversation.a"]),
        (&["wave=1", "team=x"], &["conversation.a"]),
        (&["wave=2"], &[]),
    ] {
        let plan = plan_with(&manifests, &nothing(), &scoped(&[], &[], selectors));
        assert_eq!(addresses(&plan), expected, "{selectors:?}");
        assert_eq!(plan.summary.left_out, 3 - expected.len());
    }
}

#[test]
fn what_a_scope_leaves_out_is_neither_forgotten_nor_listed() {
    let state = applied(&(email("a") + &email("b")));
    let options = PlanOptions { prune: true, ..scoped(&["conversation.a"], &[], &[]) };
    let plan = plan_with("", &state, &options);
    assert_eq!(addresses(&plan), ["conversation.a"]);
    assert_eq!((plan.summary.forget, plan.summary.left_out, plan.summary.not_in_manifests), (1, 1, 0));
    // A record without a manifest has no labels, so that a selector can't lead to forgetting it.
    let options = PlanOptions { prune: true, ..scoped(&[], &[], &["wave=1"]) };
    assert!(plan_with("", &state, &options).is_empty());
}

#[test]
fn what_was_left_out_is_said() {
    let manifests = email("a") + &email("b");
    let options = scoped(&["conversation.b"], &[], &[]);
    insta::assert_snapshot!(plan_text_with(&manifests, &applied(&manifests), &options), @r"
    1 left out by a filter.

    No changes. The tenant matches the manifests.
    ");
}

#[test]
fn making_a_conversation_is_irreversible_and_nothing_else_is() {
    let irreversible = |plan: &Plan| only(plan).irreversible;
    assert!(irreversible(&plan_of(&email("a"), &nothing())));
    assert!(irreversible(&plan_of(&import("a"), &nothing())));
    assert!(irreversible(&plan_with(&email("a").replace("Late", "Never"), &applied(&email("a")), &allow_replace())));
    assert!(!irreversible(&plan_of(&email_with("a", &note("'1'")), &applied(&email("a")))));
    assert!(!irreversible(&plan_of(&annotated(&email("a"), "dixaform/adopt: '1'"), &nothing())));
    assert!(!irreversible(&plan_with("", &applied(&email("a")), &prune())));
}

/// An Email whose message goes to the customer.
fn outbound(name: &str) -> String {
    let agent = "_type: Outbound, agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";
    email(name).replace("_type: Inbound", agent)
}

#[test]
fn only_an_outbound_message_that_is_sent_reaches_a_customer() {
    let reaches = |manifests: &str, state: &State| only(&plan_of(manifests, state)).reaches_customer;
    assert!(reaches(&outbound("a"), &nothing()));
    assert!(!reaches(&email("a"), &nothing()));
    assert!(!reaches(&import("a"), &nothing()), "an OutboundImport is history");
    assert!(!reaches(&callback("a"), &nothing()), "the direction of a callback is who calls, later");
    let patch_only = format!("{}  customAttributes: {}\n", outbound("a"), note("'1'"));
    assert!(!reaches(&patch_only, &applied(&outbound("a"))), "it was sent long ago");
    assert!(!reaches(&annotated(&outbound("a"), "dixaform/adopt: '1'"), &nothing()));
}

#[test]
fn labels_are_shown_and_counted() {
    insta::assert_snapshot!(plan_text(&outbound("a"), &nothing()), @r#"
      # conversation.a will be created  (m.yaml:3)
      # irreversible, reaches a customer
      + conversation "a" {
          + id                 = (known after apply)
          + _type              = "Email"
          + requesterId        = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b"
          + emailIntegrationId = "my-integration@email.dixa.io"
          + subject            = "Late"
          + message            = {
              + _type      = "Outbound"
              + agentId    = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b"
              + content    = {
                  + _type = "Text"
                  + value = "Where is it?"
                }
              + externalId = (set by dixaform)
            }
        }

    Plan: 1 to create, 0 to import, 0 to update, 0 to replace. 0 unchanged.
    4 calls, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): conversation.a.
    1 change sends a message to a customer: conversation.a.

    Fingerprint: 6df1573d2eecb75d
    "#);
}

#[test]
fn what_is_read_before_the_first_write_is_what_the_changes_need() {
    let reads = |plan: &Plan| plan.reads_before.clone();
    assert_eq!(reads(&plan_of(&email("a"), &applied(&email("a")))), []);
    assert_eq!(reads(&plan_with("", &applied(&email("a")), &prune())), []);
    assert_eq!(reads(&plan_of(&email("a"), &nothing())), [Read::Organization, Read::Thing]);
    let both = [Read::Organization, Read::Definitions];
    let all = [both.as_slice(), &[Read::Thing]].concat();
    assert_eq!(reads(&plan_of(&email_with("a", &note("'1'")), &nothing())), all);
    assert_eq!(reads(&plan_of(&email("a"), &applied(&email_with("a", &note("'1'"))))), both);
}

#[test]
fn where_the_state_is_lost_each_requester_is_looked_at_once_and_that_is_in_the_price() {
    let lost = PlanOptions { is_lost: true, ..options() };
    let other = email("c").replace("9c2a2cce", "8c2a2cce");
    let plan = plan_with(&format!("{}---\n{}---\n{other}", email("a"), email("b")), &nothing(), &lost);
    let looks = [Read::Thing, Read::Thing, Read::MadeBefore, Read::MadeBefore];
    assert_eq!(plan.reads_before, [[Read::Organization].as_slice(), &looks].concat());
    assert_eq!(plan.price.calls, 5 + 3);
    assert_eq!(plan_with("", &nothing(), &lost).price.calls, 0);
}

#[test]
fn the_price_has_every_call_and_every_read_before_the_first_write() {
    let manifests = email_with("a", &note("'1'")) + &import("a") + &annotated(&email("b"), "dixaform/adopt: '7'");
    let plan = plan_of(&manifests, &nothing());
    assert_eq!(plan.price, Price::new(8, RateLimit::DIXA));
    assert_eq!(plan_of(&manifests, &applied(&manifests)).price.calls, 0);
}

#[test]
fn reformatted_manifests_have_the_same_plan_and_fingerprint() {
    let written = email_with("a", &format!("{{{TEXT}: '1', {SELECT}: [payment]}}"));
    let reformatted = format!(
        r##"{{"kind": "Conversation", "apiVersion": "dixaform/v1", "metadata": {{"name": "a"}}, "spec": {{
          "customAttributes": {{"{SELECT}": ["payment"], "{TEXT}": "1"}}, "subject": "Late",
          "message": {{"attachments": [], "content": {{"value": "Where is it?", "_type": "Text"}}, "_type": "Inbound"}},
          "emailIntegrationId": "my-integration@email.dixa.io",
          "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "_type": "Email"}}}}"##
    );
    let (one, other) = (plan_of(&written, &nothing()), plan_of(&reformatted, &nothing()));
    assert_eq!(one.fingerprint, other.fingerprint);
    assert!(plan_of(&reformatted, &applied(&written)).is_empty());
}

#[test]
fn a_fingerprint_differs_with_all_that_would_be_done() {
    let manifests = email_with("a", &note("'1'"));
    let of = |manifests: &str, state: &State, options: &PlanOptions| plan_with(manifests, state, options).fingerprint;
    let mut elsewhere = options();
    elsewhere.tenant.base_url = "https://other.example".into();
    let replaced = manifests.replace("Late", "Never");
    let fingerprints = [
        of(&manifests, &nothing(), &options()),
        of(&manifests, &nothing(), &elsewhere),
        of(&manifests.replace("'1'", "'2'"), &nothing(), &options()),
        of(&manifests.replace("Late", "Never"), &nothing(), &options()),
        of(&manifests.replace("name: a", "name: b"), &nothing(), &options()),
        of(&replaced, &applied(&manifests), &options()),
        of(&replaced, &applied(&manifests), &allow_replace()),
        of(&manifests, &applied(&email("a")), &options()),
        of(&manifests, &applied_without_attributes(&email("a")), &options()),
        of("", &applied(&manifests), &prune()),
        of("", &applied(&manifests), &options()),
    ];
    for (index, fingerprint) in fingerprints.iter().enumerate() {
        assert_eq!(fingerprint.len(), 16);
        // The same PATCH of the same conversation, for another reason, is the same to do.
        let same = if index == 8 { 7 } else { index };
        assert_eq!(fingerprints.iter().position(|other| other == fingerprint), Some(same), "{index}");
    }
}

#[test]
fn a_fingerprint_says_nothing_of_places_and_of_what_is_unchanged() {
    let changed = email_with("b", &note("'1'"));
    let state = applied(&(email("a") + &email("b")));
    let alone = plan_with(&changed, &state, &options());
    let moved = plan_with(&format!("# a comment\n\n{}{changed}", email("a")), &state, &options());
    let mut later = state;
    later.serial = 77;
    assert_eq!(alone.fingerprint, moved.fingerprint);
    assert_eq!(alone.fingerprint, plan_of(&changed, &later).fingerprint);
}

#[test]
fn the_same_input_gives_the_same_plan_byte_for_byte() {
    let before = email_with("a", &note("'1'")) + &import("b") + &callback("c");
    let after = email("a") + &import("b").replace("Hello", "Good day") + &email("d");
    let state = applied(&before);
    let one = plan_with(&after, &state, &allow_replace());
    let other = plan_with(&after, &state, &allow_replace());
    assert_eq!(one, other);
    assert_eq!(text_of(&one), text_of(&other));
    assert_eq!(crate::render::json_v1::plan(&one), crate::render::json_v1::plan(&other));
}

#[test]
fn a_plan_starts_from_the_state_that_it_was_given() {
    let mut state = applied(&email("a"));
    (state.serial, state.lineage) = (42, Lineage(uuid::Uuid::from_u128(7)));
    let plan = plan_of(&email("a"), &state);
    assert_eq!((plan.serial, plan.lineage), (42, state.lineage));
}

#[test]
fn a_state_of_digests_hides_the_old_value_and_still_patches_only_what_differs() {
    let before = email_with("a", &format!("{{{TEXT}: '012345', {SELECT}: [payment, card]}}"));
    let after = before.replace("012345", "012346");
    let state = applied_keeping(&before, Keep::Digests);
    assert!(plan_of(&before, &state).is_empty());
    assert_eq!(patched(&plan_of(&after, &state)), format!(r#"{{"{TEXT}":"012346"}}"#));
    insta::assert_snapshot!(plan_text(&after, &state), @r#"
      # conversation.a will be updated in-place  (#1001, m.yaml:3)
      ~ conversation "a" {
          ~ customAttributes = {
              ~ "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = (previous value not kept) -> "012346"
                # (1 unchanged attribute hidden)
            }
            # (5 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 1 to update, 0 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    Fingerprint: 44ffcb39551bbbb6
    "#);
}

#[test]
fn a_state_of_digests_knows_which_attribute_left_the_manifest() {
    let before = email_with("a", &format!("{{{TEXT}: '1', {SELECT}: [payment, card]}}"));
    let state = applied_keeping(&before, Keep::Digests);
    let after = email_with("a", &note("'1'"));
    assert_eq!(patched(&plan_of(&after, &state)), format!(r#"{{"{SELECT}":null}}"#));
    insta::assert_snapshot!(plan_text(&after, &state), @r#"
      # conversation.a will be updated in-place  (#1001, m.yaml:3)
      ~ conversation "a" {
          ~ customAttributes = {
              - "e14708a6-eed9-495c-9d88-c72331e9e247" = (previous value not kept) -> null
                # (1 unchanged attribute hidden)
            }
            # (5 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 1 to update, 0 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    Fingerprint: 25cecd8d53531448
    "#);
}

#[test]
fn a_state_of_digests_knows_that_a_shorter_path_differs() {
    let before = email_with("a", &format!("{{{SELECT}: [payment, card]}}"));
    let state = applied_keeping(&before, Keep::Digests);
    let after = before.replace("[payment, card]", "[payment]");
    assert_eq!(patched(&plan_of(&after, &state)), format!(r#"{{"{SELECT}":["payment"]}}"#));
}

#[test]
fn a_state_of_digests_sends_a_null_once() {
    let cleared = email_with("a", &note("null"));
    assert!(plan_of(&cleared, &applied_keeping(&cleared, Keep::Digests)).is_empty());
    let set = applied_keeping(&email_with("a", &note("'1'")), Keep::Digests);
    assert_eq!(patched(&plan_of(&cleared, &set)), format!(r#"{{"{TEXT}":null}}"#));
}

#[test]
fn a_null_that_left_the_manifest_needs_no_call_in_a_state_of_digests_either() {
    let state = applied_keeping(&email_with("a", &note("null")), Keep::Digests);
    assert!(plan_of(&email("a"), &state).is_empty());
}

#[test]
fn a_replacement_in_a_state_of_digests_shows_that_the_old_text_is_not_kept() {
    let state = applied_keeping(&email("a"), Keep::Digests);
    insta::assert_snapshot!(plan_text(&email("a").replace("Late", "Never"), &state), @r#"
      # conversation.a must be replaced  (#1001, m.yaml:3)
      # irreversible
      # the old conversation #1001 stays in Dixa
      # blocked: Dixa can't update or delete a conversation; allow a second one with --allow-replace or the annotation dixaform/on-change: replace, or keep the old one with dixaform/on-change: ignore
    -/+ conversation "a" {
          ~ id      = 1001 -> (known after apply)
          ~ subject = (previous value not kept) -> "Never" # forces replacement
            # (4 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 0 to update, 1 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): conversation.a.
    1 change is blocked, and apply refuses the whole plan: conversation.a. --allow-replace allows replacements.

    Fingerprint: e6e6b45511bcfb73
    "#);
}

#[test]
fn an_end_user_comes_along_with_what_needs_her_unless_she_is_there_or_is_excluded() {
    let jane = "---\napiVersion: dixaform/v1\nkind: EndUser\nmetadata: {name: jane}\nspec: {email: jane@example.com}\n";
    let other = jane.replace("jane", "joan");
    let by_name = email("a").replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "{endUser: jane}");
    let by_email = email("a").replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "{email: Jane@example.com}");
    for named in [by_name, by_email] {
        let manifests = [&named, "---\n", &email("b"), jane, &other].concat();
        let of = |options: &PlanOptions| plan_with(&manifests, &nothing(), options);
        let targeted = of(&scoped(&["conversation.a"], &[], &[]));
        assert_eq!(addresses(&targeted), ["enduser.jane", "conversation.a"]);
        assert_eq!(targeted.summary.left_out, 2);
        assert_eq!(addresses(&of(&scoped(&["conversation.b"], &[], &[]))), ["conversation.b"]);
        let excluded = of(&scoped(&["conversation.a"], &["enduser.jane"], &[]));
        assert_eq!(addresses(&excluded), ["conversation.a"]);
    }
}

#[test]
fn what_needs_an_end_user_in_doubt_holds_up_nothing_else() {
    let jane = "---\napiVersion: dixaform/v1\nkind: EndUser\nmetadata: {name: jane}\nspec: {email: jane@example.com}\n";
    let named = email("a").replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "{endUser: jane}");
    let manifests = [&named, "---\n", &email("b"), jane].concat();
    let of = |options: &PlanOptions| plan_with(&manifests, &nothing(), options);
    let in_doubt = of(&PlanOptions { in_doubt: ["enduser.jane".parse().expect("an address")].into(), ..options() });
    assert_eq!(addresses(&in_doubt), ["conversation.a", "conversation.b"]);
    assert!(waits_in_vain(&in_doubt, |_| false).is_none(), "it is found out what became of her");
    let left_out = of(&scoped(&[], &["enduser.*"], &[]));
    let (change, needs) = waits_in_vain(&left_out, |_| false).expect("nobody makes her");
    assert_eq!((change.address.to_string(), needs.to_string()), ("conversation.a".into(), "enduser.jane".into()));
}
