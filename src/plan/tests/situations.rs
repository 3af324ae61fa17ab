//! Every situation in which an address can be, and what is planned for it.

use super::*;

#[test]
fn a_new_conversation_is_created_with_one_post() {
    let plan = plan_of(&email("a"), &nothing());
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Create, Reason::NotInState));
    assert_eq!(calls(&plan), ["POST /v1/conversations"]);
    insta::assert_snapshot!(plan_text(&email("a"), &nothing()), @r#"
      # conversation.a will be created  (m.yaml:3)
      # irreversible
      + conversation "a" {
          + id                 = (known after apply)
          + _type              = "Email"
          + requesterId        = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b"
          + emailIntegrationId = "my-integration@email.dixa.io"
          + subject            = "Late"
          + message            = {
              + _type      = "Inbound"
              + content    = {
                  + _type = "Text"
                  + value = "Where is it?"
                }
              + externalId = (set by dixaform)
            }
        }

    Plan: 1 to create, 0 to import, 0 to update, 0 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): conversation.a.

    Fingerprint: 6456f2c991c5926a
    "#);
}

#[test]
fn a_new_conversation_with_attributes_is_created_and_then_patched() {
    let manifests = email_with("a", &note("'1'"));
    let plan = plan_of(&manifests, &nothing());
    assert_eq!(calls(&plan), ["POST /v1/conversations", "PATCH /v1/conversations/{id}/custom-attributes"]);
    assert_eq!(patched(&plan), format!(r#"{{"{TEXT}":"1"}}"#));
}

#[test]
fn a_new_import_is_imported() {
    let plan = plan_of(&import("a"), &nothing());
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Import, Reason::NotInState));
    assert_eq!(calls(&plan), ["POST /v1/conversations/import"]);
    insta::assert_snapshot!(plan_text(&import("a"), &nothing()), @r#"
      # import.a will be imported  (m.yaml:3)
      # irreversible
      + import "a" {
          + id                 = (known after apply)
          + _type              = "GenericConversationImport"
          + genericChannelName = "genericapimessaging"
          + requesterId        = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b"
          + direction          = "Inbound"
          + createdAt          = "2021-12-01T11:00:00Z"
          + messages           = [
              + {
                  + _type      = "InboundImport"
                  + createdAt  = "2021-12-01T11:00:00Z"
                  + content    = {
                      + _type = "Text"
                      + value = "Hi"
                    }
                  + externalId = (set by dixaform)
                },
              + {
                  + _type     = "OutboundImport"
                  + agentId   = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b"
                  + createdAt = "2021-12-01T12:00:00Z"
                  + content   = {
                      + _type = "Text"
                      + value = "Hello"
                    }
                },
            ]
        }

    Plan: 0 to create, 1 to import, 0 to update, 0 to replace. 0 unchanged.
    4 calls, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): import.a.

    Fingerprint: 3fbf6b474ed356a0
    "#);
}

#[test]
fn attributes_that_were_never_written_are_written() {
    let manifests = email_with("a", &note("'1'"));
    let state = applied_without_attributes(&manifests);
    assert_eq!(only(&plan_of(&manifests, &state)).reason, Reason::AttributesNotWritten);
    assert_eq!(calls(&plan_of(&manifests, &state)), ["PATCH /v1/conversations/1001/custom-attributes"]);
    insta::assert_snapshot!(plan_text(&manifests, &state), @r#"
      # conversation.a will be updated in-place  (#1001, m.yaml:3)
      ~ conversation "a" {
          ~ customAttributes = {
              + "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "1"
            }
            # (5 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 1 to update, 0 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    Fingerprint: 3565dee712ee932e
    "#);
}

#[test]
fn only_the_attributes_that_differ_are_patched() {
    let before = email_with("a", &format!("{{{TEXT}: '012345', {SELECT}: [payment, card]}}"));
    let after = before.replace("012345", "012346");
    let plan = plan_of(&after, &applied(&before));
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Update, Reason::AttributesDiffer));
    assert_eq!(patched(&plan), format!(r#"{{"{TEXT}":"012346"}}"#));
    insta::assert_snapshot!(plan_text(&after, &applied(&before)), @r#"
      # conversation.a will be updated in-place  (#1001, m.yaml:3)
      ~ conversation "a" {
          ~ customAttributes = {
              ~ "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "012345" -> "012346"
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
fn the_order_of_a_select_path_is_a_difference() {
    let before = email_with("a", &format!("{{{SELECT}: [str1, str2]}}"));
    let after = before.replace("[str1, str2]", "[str2, str1]");
    assert_eq!(patched(&plan_of(&after, &applied(&before))), format!(r#"{{"{SELECT}":["str2","str1"]}}"#));
}

#[test]
fn an_attribute_that_is_new_in_the_manifest_is_patched_alone() {
    let before = email_with("a", &note("'1'"));
    let after = email_with("a", &format!("{{{TEXT}: '1', {SELECT}: [payment]}}"));
    assert_eq!(patched(&plan_of(&after, &applied(&before))), format!(r#"{{"{SELECT}":["payment"]}}"#));
}

#[test]
fn an_attribute_that_left_the_manifest_is_sent_as_null() {
    let before = email_with("a", &format!("{{{TEXT}: '1', {SELECT}: [payment]}}"));
    let after = email_with("a", &note("'1'"));
    assert_eq!(patched(&plan_of(&after, &applied(&before))), format!(r#"{{"{SELECT}":null}}"#));
    insta::assert_snapshot!(plan_text(&after, &applied(&before)), @r#"
      # conversation.a will be updated in-place  (#1001, m.yaml:3)
      ~ conversation "a" {
          ~ customAttributes = {
              - "e14708a6-eed9-495c-9d88-c72331e9e247" = ["payment"] -> null
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
fn the_last_attribute_that_left_the_manifest_is_sent_as_null() {
    let state = applied(&email_with("a", &note("'1'")));
    assert_eq!(patched(&plan_of(&email("a"), &state)), format!(r#"{{"{TEXT}":null}}"#));
}

#[test]
fn with_keep_an_attribute_that_left_the_manifest_is_left_as_it_is() {
    let state = applied(&email_with("a", &note("'1'")));
    insta::assert_snapshot!(plan_text_with(&email("a"), &state, &keep_removed()), @"No changes. The tenant matches the manifests.");
}

#[test]
fn with_keep_the_other_attributes_are_patched_all_the_same() {
    let state = applied(&email_with("a", &format!("{{{TEXT}: '1', {SELECT}: [payment]}}")));
    let plan = plan_with(&email_with("a", &note("'2'")), &state, &keep_removed());
    assert_eq!(patched(&plan), format!(r#"{{"{TEXT}":"2"}}"#));
}

#[test]
fn a_null_is_sent_once() {
    let (set, cleared) = (email_with("a", &note("'1'")), email_with("a", &note("null")));
    assert_eq!(patched(&plan_of(&cleared, &applied(&set))), format!(r#"{{"{TEXT}":null}}"#));
    assert!(plan_of(&cleared, &applied(&cleared)).is_empty());
}

#[test]
fn a_null_that_left_the_manifest_needs_no_call() {
    let state = applied(&email_with("a", &note("null")));
    assert!(plan_of(&email("a"), &state).is_empty());
}

#[test]
fn a_null_of_a_new_conversation_is_sent_like_any_other_value() {
    assert_eq!(patched(&plan_of(&email_with("a", &note("null")), &nothing())), format!(r#"{{"{TEXT}":null}}"#));
}

#[test]
fn other_content_is_a_replacement_and_blocked() {
    let (before, after) = (email("a"), email("a").replace("subject: Late", "subject: Very late"));
    let plan = plan_of(&after, &applied(&before));
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Replace, Reason::ContentDiffers));
    assert_eq!(only(&plan).block, Some(Block::ReplaceNotAllowed));
    insta::assert_snapshot!(plan_text(&after, &applied(&before)), @r#"
      # conversation.a must be replaced  (#1001, m.yaml:3)
      # irreversible
      # the old conversation #1001 stays in Dixa
      # blocked: Dixa can't update or delete a conversation; allow a second one with --allow-replace or the annotation dixaform/on-change: replace, or keep the old one with dixaform/on-change: ignore
    -/+ conversation "a" {
          ~ id      = 1001 -> (known after apply)
          ~ subject = "Late" -> "Very late" # forces replacement
            # (4 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 0 to update, 1 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): conversation.a.
    1 change is blocked, and apply refuses the whole plan: conversation.a. --allow-replace allows replacements.

    Fingerprint: 0c854fe208f14bb4
    "#);
}

#[test]
fn a_replacement_is_allowed_by_an_option() {
    let after = email("a").replace("subject: Late", "subject: Very late");
    insta::assert_snapshot!(plan_text_with(&after, &applied(&email("a")), &allow_replace()), @r#"
      # conversation.a must be replaced  (#1001, m.yaml:3)
      # irreversible
      # the old conversation #1001 stays in Dixa
    -/+ conversation "a" {
          ~ id      = 1001 -> (known after apply)
          ~ subject = "Late" -> "Very late" # forces replacement
            # (4 unchanged members hidden)
        }

    Plan: 0 to create, 0 to import, 0 to update, 1 to replace. 0 unchanged.
    3 calls, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): conversation.a.

    Fingerprint: ba6578a1204467db
    "#);
}

#[test]
fn a_replacement_is_made_like_a_new_conversation_with_all_of_its_attributes() {
    let before = email_with("a", &note("'1'"));
    let after = before.replace("subject: Late", "subject: Very late");
    let plan = plan_with(&after, &applied(&before), &allow_replace());
    assert_eq!(calls(&plan), ["POST /v1/conversations", "PATCH /v1/conversations/{id}/custom-attributes"]);
    assert_eq!(patched(&plan), format!(r#"{{"{TEXT}":"1"}}"#));
    assert_eq!(only(&plan).id, Some(Id::conversation(1001)));
}

#[test]
fn on_change_replace_allows_the_replacement_of_its_manifest_only() {
    let before = email("a") + &email("b");
    let after = annotated(&email("a"), "dixaform/on-change: replace") + &email("b");
    let plan = plan_of(&after.replace("Late", "Never"), &applied(&before));
    let blocks: Vec<_> = plan.changes.iter().map(|change| change.block.clone()).collect();
    assert_eq!(blocks, [None, Some(Block::ReplaceNotAllowed)]);
}

#[test]
fn on_change_block_is_stronger_than_the_option() {
    let after = annotated(&email("a"), "dixaform/on-change: block").replace("Late", "Never");
    let plan = plan_with(&after, &applied(&email("a")), &allow_replace());
    assert_eq!(only(&plan).block, Some(Block::OnChangeBlock));
}

#[test]
fn on_change_ignore_keeps_the_old_content() {
    let after = annotated(&email("a"), "dixaform/on-change: ignore").replace("Late", "Never");
    assert!(plan_of(&after, &applied(&email("a"))).is_empty());
    assert!(plan_with(&after, &applied(&email("a")), &allow_replace()).is_empty());
}

#[test]
fn on_change_ignore_still_patches_attributes_and_records_the_old_content() {
    let before = email_with("a", &note("'1'"));
    let after = annotated(&before, "dixaform/on-change: ignore").replace("Late", "Never").replace("'1'", "'2'");
    let plan = plan_of(&after, &applied(&before));
    assert_eq!(patched(&plan), format!(r#"{{"{TEXT}":"2"}}"#));
    let recorded = only(&plan).digests.map(|digests| digests.content);
    assert_eq!(recorded, desired(&before).iter().next().map(|manifest| manifest.digests.content));
}

#[test]
fn an_adopted_conversation_is_read_and_patched() {
    let manifests = annotated(&email_with("a", &note("'1'")), "dixaform/adopt: '1234'");
    let plan = plan_of(&manifests, &nothing());
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Adopt, Reason::AdoptAnnotation));
    assert_eq!(calls(&plan), ["GET /v1/conversations/1234", "PATCH /v1/conversations/1234/custom-attributes"]);
    insta::assert_snapshot!(plan_text(&manifests, &nothing()), @r#"
      # conversation.a will be adopted  (#1234, m.yaml:3)
      # an attribute is written only if Dixa has another value
      # requester, channel, subject and messages are not compared with the conversation in Dixa; --refresh does that
      = conversation "a" {
            id               = 1234
          + customAttributes = {
              + "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "1"
            }
        }

    Plan: 0 to create, 0 to import, 0 to update, 0 to replace, 1 to adopt. 0 unchanged.
    4 calls, about 1 s at 10 requests/s.

    Fingerprint: f30ade5fda89d78b
    "#);
}

#[test]
fn an_adopted_conversation_without_attributes_is_only_read() {
    let plan = plan_of(&annotated(&email("a"), "dixaform/adopt: '1234'"), &nothing());
    assert_eq!(calls(&plan), ["GET /v1/conversations/1234"]);
}

#[test]
fn adopting_what_another_address_owns_is_blocked() {
    let manifests = email("a") + &annotated(&email("b"), "dixaform/adopt: '1001'");
    let plan = plan_of(&manifests, &applied(&email("a")));
    let owner = "conversation.a".parse().expect("an address");
    assert_eq!(only(&plan).block, Some(Block::OwnedBy { id: Id::conversation(1001), owner: Box::new(owner) }));
    insta::assert_snapshot!(plan_text(&manifests, &applied(&email("a"))), @r#"
      # conversation.b will be adopted  (#1001, m.yaml:14)
      # requester, channel, subject and messages are not compared with the conversation in Dixa; --refresh does that
      # blocked: conversation #1001 is managed as conversation.a already
      = conversation "b" {
            id = 1001
        }

    Plan: 0 to create, 0 to import, 0 to update, 0 to replace, 1 to adopt. 1 unchanged.
    2 calls, about 1 s at 10 requests/s.

    1 change is blocked, and apply refuses the whole plan: conversation.b.

    Fingerprint: bc3cdf2d0368e9f2
    "#);
}

#[test]
fn an_adopt_annotation_of_what_is_in_the_state_does_nothing() {
    let manifests = annotated(&email("a"), "dixaform/adopt: '1001'");
    assert!(plan_of(&manifests, &applied(&email("a"))).is_empty());
}

#[test]
fn a_record_without_a_manifest_is_listed_and_left_alone() {
    let plan = plan_of("", &applied(&email("a")));
    assert!(plan.is_empty());
    assert_eq!(plan.summary, Summary { not_in_manifests: 1, ..Summary::default() });
    insta::assert_snapshot!(text_of(&plan), @r"
    1 record is not in the manifests and stays as it is; --prune forgets it:
      conversation.a (#1001, last in m.yaml:3)

    No changes. The tenant matches the manifests.
    ");
}

#[test]
fn with_prune_a_record_without_a_manifest_is_forgotten_without_a_call() {
    let plan = plan_with("", &applied(&email("a")), &prune());
    assert_eq!((only(&plan).action, only(&plan).reason), (Action::Forget, Reason::NotInManifests));
    assert_eq!((plan.price.calls, plan.reads_before.len()), (0, 0));
    insta::assert_snapshot!(plan_text_with("", &applied(&email("a")), &prune()), @r#"
      # conversation.a will be forgotten  (#1001, m.yaml:3)
      # the conversation #1001 stays in Dixa
      . conversation "a"

    Plan: 0 to create, 0 to import, 0 to update, 0 to replace, 1 to forget. 0 unchanged.
    0 calls.

    Fingerprint: c9910e0cd664d305
    "#);
}

#[test]
fn what_is_the_same_is_counted_and_not_listed() {
    let manifests = email("a") + &import("a") + &callback("c");
    let plan = plan_of(&manifests, &applied(&manifests));
    assert!(plan.is_empty());
    assert_eq!(plan.summary, Summary { unchanged: 3, ..Summary::default() });
    insta::assert_snapshot!(text_of(&plan), @"No changes. The tenant matches the manifests.");
}

#[test]
fn a_renamed_manifest_is_named_with_the_annotation_that_moves_its_record() {
    let state = applied(&format!("{}{}", email("a"), email("b").replace("Late", "other")));
    let now = email("c");
    let plan = plan_of(&now, &state);
    assert_eq!(
        plan.renamed,
        [Renamed { from: "conversation.a".parse().unwrap(), to: "conversation.c".parse().unwrap() }]
    );
    let text = text_of(&plan);
    assert!(text.contains("dixaform/moved-from: conversation.a in conversation.c"), "{text}");
    // Also where the record would be forgotten, in a state of digests, and where it is written otherwise.
    assert_eq!(plan_with(&now, &state, &prune()).renamed, plan.renamed);
    assert_eq!(plan_of(&now.replace("9c2a2cce", "9C2A2CCE"), &state).renamed, plan.renamed);
    assert_eq!(plan_of(&now, &applied_keeping(&email("a"), Keep::Digests)).renamed, plan.renamed);
    // Of two copies one is named. Another content, another kind and an adoption are no new names.
    assert_eq!(plan_of(&format!("{now}{}", email("d")), &state).renamed, plan.renamed);
    let others = [email("c").replace("Late", "new"), import("a"), annotated(&now, "dixaform/adopt: '7'"), email("a")];
    for manifests in others {
        assert_eq!(plan_of(&manifests, &state).renamed, [], "{manifests}");
    }
    let json = crate::render::json_v1::plan(&plan);
    assert_eq!(file_v1::read(&json).expect("a plan").renamed, plan.renamed);
}
