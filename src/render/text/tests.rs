//! Plans in, text out.

use super::*;
use crate::access::RateLimit;
use crate::conversation::Id;
use crate::json;
use crate::plan::change::Orphan;
use crate::plan::{Block, Price, Step, Summary};
use crate::render::tests::{attributes, change, conversation, plan_of, source};
use serde_json::json;

mod properties;

const PLAIN: TextOptions = TextOptions { palette: Palette::plain(), width: None, requests_sent: Some(0) };
const NARROW: TextOptions = TextOptions { width: Some(80), ..PLAIN };

fn replace(before: &str, after: &str) -> Change {
    let id = Some(Id::conversation(1042));
    Change { id, irreversible: false, ..change("conversation.a", Action::Replace, Some(before), Some(after)) }
}

fn update(before: &str, after: &str, patch: &str) -> Change {
    let patch = attributes(&json::parse(patch).expect("valid JSON"));
    Change {
        id: Some(Id::conversation(1042)),
        steps: vec![Step::Patch(patch)].into(),
        ..change("conversation.a", Action::Update, Some(before), Some(after))
    }
}

const LEGACY: &str = r#"{"_type":"GenericConversationImport","genericChannelName":"email","requesterId":"9c2a2cce",
    "direction":"Inbound","createdAt":"2021-12-01T13:00:00Z","externalId":"x","messages":[{"_type":"InboundImport"}],
    "customAttributes":{"2f5515b6-7e98-4f4d-9010-bfd2a27d4f35":"012345","e14708a6-eed9-495c-9d88-c72331e9e247":["payment","card"]}}"#;

fn legacy() -> Change {
    let after = LEGACY.replace("012345", "012346");
    let attributes = r#"{"2f5515b6-7e98-4f4d-9010-bfd2a27d4f35":"012346"}"#;
    Change {
        address: "import.legacy-42".parse().expect("an address"),
        source: Some(source("manifests/legacy.yaml", 31)),
        ..update(LEGACY, &after, attributes)
    }
}

const ORDER: &str = r#"{"message":{"content":{"value":"My order hasn't shipped","_type":"Text"},"_type":"Inbound","attachments":[]},
    "subject":"order #123","requesterId":"9c2a2cce-699f-4a72-89d9-fda5bc8dec8b","_type":"Email",
    "emailIntegrationId":"my-integration@email.dixa.io","language":"en",
    "customAttributes":{"2f5515b6-7e98-4f4d-9010-bfd2a27d4f35":"012345","e14708a6-eed9-495c-9d88-c72331e9e247":["payment","card"]}}"#;

#[test]
fn an_update_shows_only_what_differs() {
    assert_eq!(
        block(&legacy(), &PLAIN),
        r##"  # import.legacy-42 will be updated in-place  (#1042, manifests/legacy.yaml:31)
  ~ import "legacy-42" {
      ~ customAttributes = {
          ~ "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "012345" -> "012346"
            # (1 unchanged attribute hidden)
        }
        # (7 unchanged members hidden)
    }
"##
    );
}

#[test]
fn a_plan_has_a_legend_a_block_per_change_and_its_price() {
    let mut plan = plan_of(vec![change("conversation.late-order", Action::Create, None, Some(ORDER)), legacy()]);
    plan.price = Price::new(7, RateLimit::DIXA);
    plan.fingerprint = "3f9a000000000000".to_owned();
    insta::assert_snapshot!(super::plan(&plan, &PLAIN), @r##"
dixaform compared the manifests with the state of tenant "staging" (https://dev.dixa.io). No request was sent to Dixa.
Changes are marked with these symbols:
  + create or import
  ~ update in-place

  # conversation.late-order will be created  (manifests/orders.yaml:3)
  # irreversible
  + conversation "late-order" {
      + id                 = (known after apply)
      + _type              = "Email"
      + requesterId        = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b"
      + emailIntegrationId = "my-integration@email.dixa.io"
      + subject            = "order #123"
      + language           = "en"
      + message            = {
          + _type       = "Inbound"
          + content     = {
              + _type = "Text"
              + value = "My order hasn't shipped"
            }
          + attachments = []
        }
      + customAttributes   = {
          + "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "012345"
          + "e14708a6-eed9-495c-9d88-c72331e9e247" = ["payment", "card"]
        }
    }

  # import.legacy-42 will be updated in-place  (#1042, manifests/legacy.yaml:31)
  ~ import "legacy-42" {
      ~ customAttributes = {
          ~ "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "012345" -> "012346"
            # (1 unchanged attribute hidden)
        }
        # (7 unchanged members hidden)
    }

Plan: 1 to create, 0 to import, 1 to update, 0 to replace. 4 unchanged.
7 calls, about 1 s at 10 requests/s.

1 change is irreversible (Dixa can't delete a conversation): conversation.late-order.

Fingerprint: 3f9a000000000000
"##);
}

#[test]
fn the_summary_counts_each_action() {
    let mut plan = plan_of(vec![legacy()]);
    plan.summary = Summary { create: 2, import: 1, update: 1, unchanged: 4, ..Summary::default() };
    plan.price = Price::new(7, RateLimit::DIXA);
    let text = super::plan(&plan, &PLAIN);
    let expected = "\nPlan: 2 to create, 1 to import, 1 to update, 0 to replace. 4 unchanged.\n7 calls, about 1 s at 10 requests/s.\n";
    assert!(text.contains(expected), "{text}");
    plan.summary.adopt = 3;
    plan.summary.forget = 1;
    assert!(super::plan(&plan, &PLAIN).contains("0 to replace, 3 to adopt, 1 to forget. 4 unchanged."));
    plan.price = Price::new(108_000, RateLimit::DIXA);
    assert!(super::plan(&plan, &PLAIN).contains("108,000 calls, about 3 h at 10 requests/s, 12 % of the day's quota."));
}

#[test]
fn an_empty_plan_ends_with_the_sentence_and_notes_come_before_it() {
    let mut plan = plan_of(Vec::new());
    assert_eq!(super::plan(&plan, &PLAIN), "No changes. The tenant matches the manifests.\n");
    plan.summary.not_in_manifests = 1;
    plan.summary.left_out = 12;
    let address = "conversation.gone".parse().expect("an address");
    plan.not_in_manifests = vec![Orphan { address, id: Id::conversation(7), source: Some(source("old.yaml", 9)) }];
    insta::assert_snapshot!(super::plan(&plan, &PLAIN), @r##"
1 record is not in the manifests and stays as it is; --prune forgets it:
  conversation.gone (#7, last in old.yaml:9)
12 left out by a filter.

No changes. The tenant matches the manifests.
"##);
}

#[test]
fn a_replacement_says_what_forces_it_and_that_the_old_conversation_stays() {
    let after = ORDER.replace("order #123", "order #124").replace(r#""language":"en","#, "").replace("card", "bank");
    let blocked = Change { block: Some(Block::ReplaceNotAllowed), irreversible: true, ..replace(ORDER, &after) };
    insta::assert_snapshot!(block(&blocked, &NARROW), @r##"
  # conversation.a must be replaced  (#1042, manifests/orders.yaml:3)
  # irreversible
  # the old conversation #1042 stays in Dixa
  # blocked: Dixa can't update or delete a conversation; allow a second one
  #   with --allow-replace or the annotation dixaform/on-change: replace, or
  #   keep the old one with dixaform/on-change: ignore
-/+ conversation "a" {
      ~ id               = 1042 -> (known after apply)
      ~ subject          = "order #123" -> "order #124" # forces replacement
      - language         = "en" -> null # forces replacement
      ~ customAttributes = {
          ~ "e14708a6-eed9-495c-9d88-c72331e9e247" = ["payment", "card"]
                                                  -> ["payment", "bank"]
            # (1 unchanged attribute hidden)
        }
        # (4 unchanged members hidden)
    }
"##);
}

#[test]
fn what_reaches_a_customer_is_said() {
    let after = r#"{"_type":"Sms","message":{"_type":"Outbound"}}"#;
    let change = change("conversation.a", Action::Create, None, Some(after));
    insta::assert_snapshot!(plan(&plan_of(vec![change]), &PLAIN), @r#"
    dixaform compared the manifests with the state of tenant "staging" (https://dev.dixa.io). No request was sent to Dixa.
    Changes are marked with these symbols:
      + create or import

      # conversation.a will be created  (manifests/orders.yaml:3)
      # irreversible, reaches a customer
      + conversation "a" {
          + id      = (known after apply)
          + _type   = "Sms"
          + message = {
              + _type = "Outbound"
            }
        }

    Plan: 1 to create, 0 to import, 0 to update, 0 to replace. 4 unchanged.
    1 call, about 1 s at 10 requests/s.

    1 change is irreversible (Dixa can't delete a conversation): conversation.a.
    1 change sends a message to a customer: conversation.a.

    Fingerprint: 4ebb3f9ba80aeae2
    "#);
}

#[test]
fn adopt_and_forget_are_short() {
    let id = Some(Id::conversation(1042));
    let attributes = conversation(ORDER).attributes;
    let steps = vec![Step::Read(Id::conversation(1042)), Step::PatchDifferent(attributes)].into();
    let adopt = Change { id, steps, ..change("conversation.a", Action::Adopt, None, Some(ORDER)) };
    let forget = Change { id, ..change("conversation.b", Action::Forget, Some(ORDER), None) };
    insta::assert_snapshot!(plan(&plan_of(vec![adopt, forget]), &PLAIN), @r#"
    dixaform compared the manifests with the state of tenant "staging" (https://dev.dixa.io). No request was sent to Dixa.
    Changes are marked with these symbols:
      = adopt an existing conversation
      . forget (the conversation stays in Dixa)

      # conversation.a will be adopted  (#1042, manifests/orders.yaml:3)
      # an attribute is written only if Dixa has another value
      # requester, channel, subject and messages are not compared with the conversation in Dixa; --refresh does that
      = conversation "a" {
            id               = 1042
          + customAttributes = {
              + "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "012345"
              + "e14708a6-eed9-495c-9d88-c72331e9e247" = ["payment", "card"]
            }
        }

      # conversation.b will be forgotten  (#1042, manifests/orders.yaml:3)
      # the conversation #1042 stays in Dixa
      . conversation "b"

    Plan: 0 to create, 0 to import, 0 to update, 0 to replace, 1 to adopt, 1 to forget. 4 unchanged.
    2 calls, about 1 s at 10 requests/s.

    Fingerprint: 028e6e6478ee2990
    "#);
}

fn with_text(text: &str) -> String {
    json!({ "content": { "_type": "Text", "value": text } }).to_string()
}

#[test]
fn a_text_with_lines_is_a_line_diff_with_the_changed_words_marked() {
    let before = with_text("Hi,\n\nmy order has not shipped.\nCan you help?\n\nBest,\nAnna\nCopenhagen\n");
    let after =
        with_text("Hi,\n\nmy parcel has not been shipped.\nCan you help?\n\nBest,\nAnna\nCopenhagen\nDenmark\n");
    insta::assert_snapshot!(block(&replace(&before, &after), &PLAIN), @r##"
  # conversation.a must be replaced  (#1042, manifests/orders.yaml:3)
  # the old conversation #1042 stays in Dixa
-/+ conversation "a" {
      ~ id      = 1042 -> (known after apply)
      ~ content = {
          ~ value = <<-EOT # forces replacement
                Hi,

              - my order has not shipped.
                   ^^^^^
              + my parcel has not been shipped.
                   ^^^^^^         ^^^^^
                Can you help?

                Best,
                Anna
                Copenhagen
              + Denmark
            EOT
            # (1 unchanged member hidden)
        }
    }
"##);
}

#[test]
fn a_long_text_without_lines_is_above_its_successor() {
    let before =
        with_text("My order hasn't shipped yet, and I have been waiting for it for two weeks. Where is it now?");
    let after =
        with_text("My order hasn't shipped yet, and I have been waiting for it for three weeks. Where is it now?");
    insta::assert_snapshot!(block(&replace(&before, &after), &NARROW), @r##"
  # conversation.a must be replaced  (#1042, manifests/orders.yaml:3)
  # the old conversation #1042 stays in Dixa
-/+ conversation "a" {
      ~ id      = 1042 -> (known after apply)
      ~ content = {
          ~ value = "My order hasn't shipped yet, and I have been waiting for
                     it for two weeks. Where is it now?"
                            ^^^
                 -> "My order hasn't shipped yet, and I have been waiting for
                     it for three weeks. Where is it now?" # forces replacement
                            ^^^^^
            # (1 unchanged member hidden)
        }
    }
"##);
    insta::assert_snapshot!(block(&replace(&before, &after), &PLAIN), @r##"
  # conversation.a must be replaced  (#1042, manifests/orders.yaml:3)
  # the old conversation #1042 stays in Dixa
-/+ conversation "a" {
      ~ id      = 1042 -> (known after apply)
      ~ content = {
          ~ value = "My order hasn't shipped yet, and I have been waiting for it for two weeks. Where is it now?"
                                                                                     ^^^
                 -> "My order hasn't shipped yet, and I have been waiting for it for three weeks. Where is it now?" # forces replacement
                                                                                     ^^^^^
            # (1 unchanged member hidden)
        }
    }
"##);
}

#[test]
fn a_new_text_with_lines_is_a_heredoc_that_no_line_of_it_ends() {
    let after = with_text("first\n\nEOT\nlast");
    insta::assert_snapshot!(block(&change("conversation.a", Action::Create, None, Some(&after)), &PLAIN), @r##"
# conversation.a will be created  (manifests/orders.yaml:3)
# irreversible
+ conversation "a" {
    + id      = (known after apply)
    + content = {
        + _type = "Text"
        + value = <<-EOT2
              first

              EOT
              last
          EOT2
      }
  }
"##);
}

#[test]
fn lists_show_a_neighbour_and_count_the_rest() {
    let message = |number: usize, text: &str| {
        format!(
            r#"{{"createdAt":"2021-12-0{number}","_type":"InboundImport","content":{{"_type":"Text","value":"{text}"}}}}"#
        )
    };
    let list = |texts: &[&str]| {
        let messages: Vec<_> = texts.iter().zip(1..).map(|(text, number)| message(number, text)).collect();
        format!(r#"{{"messages":[{}]}}"#, messages.join(","))
    };
    let before = list(&["one", "two", "three", "four", "five", "six"]);
    let after = list(&["one", "two", "three", "4", "five", "six", "seven"]);
    let change = Change { address: "import.a".parse().expect("an address"), ..replace(&before, &after) };
    insta::assert_snapshot!(block(&change, &PLAIN), @r##"
  # import.a must be replaced  (#1042, manifests/orders.yaml:3)
  # the old conversation #1042 stays in Dixa
-/+ import "a" {
      ~ id       = 1042 -> (known after apply)
      ~ messages = [ # forces replacement
            # (2 unchanged elements hidden)
            { _type = "InboundImport", createdAt = "2021-12-03", … },
          ~ {
              ~ content = {
                  ~ value = "four" -> "4" # forces replacement
                    # (1 unchanged member hidden)
                }
                # (2 unchanged members hidden)
            },
            { _type = "InboundImport", createdAt = "2021-12-05", … },
            { _type = "InboundImport", createdAt = "2021-12-06", … },
          + {
              + _type     = "InboundImport"
              + createdAt = "2021-12-07"
              + content   = {
                  + _type = "Text"
                  + value = "seven"
                }
            },
        ]
    }
"##);
}

#[test]
fn attributes_that_left_are_removed_and_cleared_ones_are_null() {
    let before =
        r#"{"_type":"Email","customAttributes":{"a-1":"x","b-2":["payment","card"],"c-3":"old","d-4":"same"}}"#;
    let after = r#"{"_type":"Email","customAttributes":{"b-2":["payment","bank_transfer"],"c-3":null,"d-4":"same","e-5":"new"}}"#;
    let patch = r#"{"a-1":null,"b-2":["payment","bank_transfer"],"c-3":null,"e-5":"new"}"#;
    insta::assert_snapshot!(block(&update(before, after, patch), &PLAIN), @r##"
# conversation.a will be updated in-place  (#1042, manifests/orders.yaml:3)
~ conversation "a" {
    ~ customAttributes = {
        - "a-1" = "x" -> null
        ~ "b-2" = ["payment", "card"] -> ["payment", "bank_transfer"]
        ~ "c-3" = "old" -> null
        + "e-5" = "new"
          # (1 unchanged attribute hidden)
      }
      # (1 unchanged member hidden)
  }
"##);
}

#[test]
fn what_was_not_kept_is_said_so() {
    let mut change =
        update(r#"{"customAttributes":{"a-1":null}}"#, r#"{"customAttributes":{"a-1":"x"}}"#, r#"{"a-1":"x"}"#);
    if let Some(before) = &mut change.before {
        before.withheld.push("/customAttributes/a-1".to_owned());
    }
    assert!(block(&change, &PLAIN).contains(r#"~ "a-1" = (previous value not kept) -> "x""#));
}

#[test]
fn long_strings_wrap_inside_their_quotes_at_spaces() {
    let subject = "word ".repeat(30);
    let after = format!(r#"{{"_type":"Email","subject":"{subject}"}}"#);
    insta::assert_snapshot!(block(&change("conversation.a", Action::Create, None, Some(&after)), &NARROW), @r##"
# conversation.a will be created  (manifests/orders.yaml:3)
# irreversible
+ conversation "a" {
    + id      = (known after apply)
    + _type   = "Email"
    + subject = "word word word word word word word word word word word word
                 word word word word word word word word word word word word
                 word word word word word word "
  }
"##);
}

#[test]
fn hostile_text_does_no_harm() {
    let after = r#"{"_type":"Email","subject":"\u001b[31mred\u202eevil \"quoted\"","bad \"name\"\n":{"x":"1"}}"#;
    insta::assert_snapshot!(block(&change("conversation.a", Action::Create, None, Some(after)), &PLAIN), @r##"
# conversation.a will be created  (manifests/orders.yaml:3)
# irreversible
+ conversation "a" {
    + id               = (known after apply)
    + _type            = "Email"
    + subject          = "\u{1b}[31mred\u{202e}evil \"quoted\""
    + "bad \"name\"\n" = {
        + x = "1"
      }
  }
"##);
}

#[test]
fn a_megabyte_is_cut_and_counted() {
    let after = format!(r#"{{"subject":"{}"}}"#, "a".repeat(1_000_000));
    let text = block(&change("conversation.a", Action::Create, None, Some(&after)), &NARROW);
    assert!(text.contains("aaa\"… (998,000 more characters)"), "{text}");
    let before = format!(r#"{{"subject":"{0}OLD{0}"}}"#, "a ".repeat(500_000));
    let text = block(&replace(&before, &before.replace("OLD", "NEW")), &PLAIN);
    assert!(text.contains("OLD") && text.contains("NEW") && text.len() < 3_000, "{text}");
    let lines = with_text(&"line\n".repeat(1_000));
    let text = block(&change("conversation.a", Action::Create, None, Some(&lines)), &PLAIN);
    assert!(text.contains("# (800 more lines)"), "{text}");
    let text = block(&replace(&with_text("x\n"), &lines), &PLAIN);
    assert!(text.contains("# (801 more lines)"), "{text}");
}

#[test]
fn colour_changes_how_it_looks_and_not_what_it_says() {
    let before = with_text("Hi,\nmy order has not shipped.\n");
    let after = with_text("Hi,\nmy parcel has not shipped.\n");
    let plan = plan_of(vec![
        change("conversation.late-order", Action::Create, None, Some(ORDER)),
        legacy(),
        replace(&before, &after),
    ]);
    let coloured = super::plan(&plan, &TextOptions { palette: Palette::colour(), ..NARROW });
    let is_guide = |line: &&str| !line.trim().is_empty() && line.trim().chars().all(|mark| mark == '^' || mark == ' ');
    let plain = super::plan(&plan, &NARROW);
    let said: Vec<&str> = plain.lines().filter(|line| !is_guide(line)).collect();
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped.lines().collect::<Vec<_>>(), said);
    assert!(coloured.contains("\u{1b}["));
}

#[test]
fn two_texts_that_look_the_same_are_spelled_out() {
    let subject = |text: &str| format!(r#"{{"subject":"{text}"}}"#);
    for (before, after, shown) in [
        ("a b", "a\u{a0}b", r#""a b" -> "a\u{a0}b""#),
        ("caf\u{e9}", "cafe\u{301}", r#""caf\u{e9}" -> "cafe\u{301}""#),
        ("paypal \u{e9}", "p\u{430}ypal \u{e9}", r#""paypal \u{e9}" -> "p\u{430}ypal \u{e9}""#),
        ("caf\u{e9}", "th\u{e9}", "\"caf\u{e9}\" -> \"th\u{e9}\""),
    ] {
        let text = block(&replace(&subject(before), &subject(after)), &PLAIN);
        assert!(text.contains(shown), "{text}");
    }
    let long = format!("{} caf\u{e9} and nothing else", "a long text ".repeat(6));
    let text = block(&replace(&subject(&long), &subject(&long.replace('\u{e9}', "e\u{301}"))), &PLAIN);
    assert!(text.contains(r"caf\u{e9}") && text.contains(r"cafe\u{301}"), "{text}");
    let lines = "d\u{e9}j\u{e0} vu\nBonjour !\n";
    let text = block(&replace(&with_text(lines), &with_text(&lines.replace(" !", "\u{a0}!"))), &PLAIN);
    assert!(text.contains(r"Bonjour\u{a0}!") && text.contains("d\u{e9}j\u{e0}"), "{text}");
}
