//! Plans in, Markdown out.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::conversation::Id;
use crate::plan::change::Orphan;
use crate::plan::{Block, Drift, Gone};
use crate::render::tests::{change, create, email, plan_of, replace, sms, source, update};

fn page(plan: &Plan) -> String {
    super::plan(plan, BYTES_DEFAULT)
}

/// What a reader of Markdown sees of a page: the lines outside of fences and those within, each without its fence.
/// Fails when a fence is not closed.
fn split(page: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut outside, mut within) = (Vec::new(), Vec::new());
    let mut fence: Option<&str> = None;
    for line in page.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            None if ticks.len() >= 3 => fence = Some(ticks),
            Some(open) if ticks.len() >= open.len() && line == ticks => fence = None,
            None => outside.push(line),
            Some(_) => within.push(line),
        }
    }
    assert_eq!(fence, None, "a fence is not closed");
    (outside, within)
}

/// Text outside of fences, without code spans.
fn prose(page: &str) -> String {
    let mut out = String::new();
    for line in split(page).0 {
        let mut rest = line;
        while let Some(start) = rest.find('`') {
            out.push_str(&rest[..start]);
            let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
            let fence = "`".repeat(ticks);
            let inner = &rest[start + ticks..];
            let mut end = 0;
            // The next run of exactly as many backticks closes it.
            loop {
                end += inner[end..].find('`').expect("a closed code span");
                let run = inner[end..].len() - inner[end..].trim_start_matches('`').len();
                if run == fence.len() {
                    break;
                }
                end += run;
            }
            rest = &inner[end + ticks..];
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// The addresses of the changes that a page shows, in its order.
fn shown(page: &str) -> Vec<String> {
    let summaries = split(page).0.into_iter().filter_map(|line| line.strip_prefix("<summary><code>"));
    let address = |line: &str| Some(line.split("<code>").nth(1)?.split("</code>").next()?.to_owned());
    summaries.filter_map(address).collect()
}

/// The number that a page says it left out.
fn said_left_out(page: &str) -> usize {
    let line = split(page).0.into_iter().find(|line| line.contains(" left out here"));
    line.map_or(0, |line| line.split(' ').next().unwrap_or_default().replace(',', "").parse().expect("a number"))
}

#[track_caller]
fn is_sound(plan: &Plan, bytes: usize) {
    let page = super::plan(plan, bytes);
    assert!(page.len() <= bytes, "{} bytes in {bytes}:\n{page}", page.len());
    let (outside, within) = split(&page);
    let count = |tag: &str| outside.iter().filter(|line| line.starts_with(tag)).count();
    assert_eq!(count("<details>"), count("</details>"), "{page}");
    assert_eq!(count("<details>"), count("<summary>"), "{page}");
    assert!(within.iter().all(|line| ["+ ", "- ", "! ", "  "].iter().any(|mark| line.starts_with(mark))), "{page}");
    assert_eq!(shown(&page).len() + said_left_out(&page), plan.changes.len(), "{page}");
    assert!(page.starts_with("<!-- dixaform:plan tenant="), "{page}");
    assert!(page.contains(&plan.fingerprint) || plan.is_empty());
    assert!(page.chars().all(|letter| letter == '\n' || !letter.is_control()), "{page:?}");
}

fn blocked() -> Change {
    replace(
        "conversation.a",
        &email("order #123", "Hi\n- where is it?\nBye"),
        &email("order #124", "Hi\n- where?\nBye"),
    )
}

#[test]
fn a_page_says_what_matters_first_and_folds_the_rest() {
    let plan =
        plan_of(vec![blocked(), create("conversation.b", &sms("Your tent is here")), update("import.legacy-42")]);
    insta::assert_snapshot!(page(&plan), @r#"
    <!-- dixaform:plan tenant=staging -->
    ## dixaform: 1 to create, 1 to update, 1 to replace

    Tenant `staging` (`https://dev.dixa.io`), 4 unchanged.

    - **2 changes are irreversible** (Dixa can't delete a conversation): `conversation.a` and `conversation.b`.
    - **1 change sends a message to a customer**: `conversation.b`.
    - **1 change is blocked**, and apply refuses the whole plan: `conversation.a`. `--allow-replace` allows replacements.

    <details>
    <summary><code>-/+</code> <code>conversation.a</code> must be replaced, <b>blocked</b>, irreversible</summary>

    Because its content differs, and Dixa can't update a conversation (`manifests/orders.yaml:3`, `#1042`).

    The old conversation `#1042` stays in Dixa.

    **Blocked:** Dixa can't update or delete a conversation; allow a second one with `--allow-replace` or the annotation `dixaform/on-change: replace`, or keep the old one with `dixaform/on-change: ignore`.

    ```diff
    ! id = 1042 -> (known after apply)
    - subject = "order #123"
    + subject = "order #124" # forces replacement
      message = {
        content = {
          value = # forces replacement
            | Hi
    -       | - where is it?
    +       | - where?
            | Bye
          # (1 unchanged member hidden)
        }
        # (1 unchanged member hidden)
      }
      # (1 unchanged member hidden)
    ```

    </details>

    <details>
    <summary><code>+</code> <code>conversation.b</code> will be created, <b>reaches a customer</b>, irreversible</summary>

    Because it is not in the state (`manifests/orders.yaml:3`).

    ```diff
    + id = (known after apply)
    + _type = "Sms"
    + message = {
    +   _type = "Outbound"
    +   content = {
    +     _type = "Text"
    +     value = "Your tent is here"
    +   }
    + }
    ```

    </details>

    <details>
    <summary><code>~</code> <code>import.legacy-42</code> will be updated in-place</summary>

    Because its attributes differ from those last written (`manifests/legacy.yaml:31`, `#1043`).

    ```diff
      customAttributes = {
    -   "2f5515b6" = "012345"
    +   "2f5515b6" = "012346"
        # (1 unchanged attribute hidden)
      }
      # (2 unchanged members hidden)
    ```

    </details>

    3 calls, about 1 s at 10 requests/s.

    Fingerprint: `0f3455d67084436c`
    "#);
}

#[test]
fn no_changes_are_one_line_and_the_marker() {
    insta::assert_snapshot!(page(&plan_of(Vec::new())), @r"
    <!-- dixaform:plan tenant=staging -->
    ## dixaform: No changes

    Tenant `staging` (`https://dev.dixa.io`), 4 unchanged.
    The tenant matches the manifests. The manifests were compared with the state; use --refresh to read the tenant, too.
    ");
}

#[test]
fn what_is_in_doubt_gone_drifted_or_without_a_manifest_is_shown_even_when_nothing_changes() {
    let mut plan = plan_of(Vec::new());
    let address = |name: &str| format!("conversation.{name}").parse().expect("an address");
    plan.in_doubt = vec![address("a")];
    plan.gone = vec![Gone { address: address("b"), id: Id::conversation(7), source: None, anonymized: false }];
    plan.not_in_manifests = vec![Orphan { address: address("c"), id: Id::conversation(8), source: None }];
    let attributes = vec![("2f5515b6".to_owned(), Some(Value::from("012345")), Value::Null)];
    plan.observed = 2;
    plan.drift =
        vec![Drift { address: address("d"), id: Id::conversation(9), attributes, members: vec![], content: vec![] }];
    (plan.summary.in_doubt, plan.summary.gone, plan.summary.not_in_manifests) = (1, 1, 1);
    insta::assert_snapshot!(page(&plan), @r#"
    <!-- dixaform:plan tenant=staging -->
    ## dixaform: No changes

    Tenant `staging` (`https://dev.dixa.io`), 4 unchanged.
    The rest matches the manifests. 2 records were compared with the tenant: attributes, requester, channel, direction, subject and language, and also tags, queue, assignee and state if the manifest has them. Messages were not read.

    - **1 change is in doubt**, because an apply ended before the answer came: `conversation.a`. The next apply looks for what became of it; nothing is planned before that.
    - **1 conversation is gone from the tenant**, and is not made again by itself; `dixaform state forget` drops the record, and then it is planned again: `conversation.b` (#7, not found).
    - **Note:** attributes were changed outside of dixaform: `conversation.d` (#9).
    - **1 record is not in the manifests** and stays as it is; `--prune` forgets it: `conversation.c` (#8).

    <details>
    <summary>What was changed outside of dixaform</summary>

    ```diff
      conversation.d (#9)
    -   "2f5515b6" = "012345"
    +   "2f5515b6" = null
    ```

    </details>
    "#);
}

#[test]
fn changes_are_in_the_order_of_their_importance_and_then_of_their_addresses() {
    let adopt =
        Change { id: Some(Id::conversation(5)), ..change("conversation.adopt", Action::Adopt, None, Some("{}")) };
    let forget = Change { id: Some(Id::conversation(6)), ..change("conversation.forget", Action::Forget, None, None) };
    let plan = plan_of(vec![
        adopt,
        create("conversation.create", &email("s", "t")),
        forget,
        Change { block: None, ..replace("conversation.replace", &email("s", "t"), &email("s", "u")) },
        create("conversation.sms", &sms("hello")),
        update("conversation.update"),
        replace("conversation.z-blocked", &email("s", "t"), &email("s", "u")),
        change("import.import", Action::Import, None, Some("{}")),
    ]);
    let names: Vec<String> = shown(&page(&plan));
    let names: Vec<&str> = names.iter().map(|name| name.split('.').nth(1).unwrap_or_default()).collect();
    assert_eq!(names, ["z-blocked", "sms", "replace", "update", "adopt", "create", "import", "forget"]);
}

#[test]
fn colours_do_not_lie_about_list_items_in_a_text() {
    let plan = plan_of(vec![create("conversation.a", &email("s", "Hello\n- not removed\n+ not added\n! not known\n"))]);
    let page = page(&plan);
    let within = split(&page).1;
    let about: Vec<&&str> = within.iter().filter(|line| line.contains("not ")).collect();
    assert_eq!(about.len(), 3);
    assert!(about.iter().all(|line| line.starts_with("+ ") && line.contains("| ")), "{about:?}");
}

#[test]
fn foreign_text_is_never_markup() {
    let hostile = "</details><script>alert(1)</script> @everyone #1 | a | b ![x](http://x) \x1b[31m \u{202e} ``` ````\n```\n~~~\n</details>\n::error::x";
    let mut change = create("conversation.a", &email(hostile, hostile));
    change.source = Some(source(&format!("{hostile}.yaml"), 3));
    change.block =
        Some(Block::OwnedBy { id: Id::conversation(1), owner: Box::new("import.b".parse().expect("an address")) });
    let mut plan = plan_of(vec![change]);
    plan.tenant.base_url = hostile.to_owned();
    plan.tenant.name = format!("--> {hostile}");
    plan.drift = vec![Drift {
        address: "import.c".parse().expect("an address"),
        id: Id::conversation(2),
        attributes: vec![(hostile.to_owned(), Some(Value::from(hostile)), Value::from("x"))],
        members: vec![],
        content: Vec::new(),
    }];
    is_sound(&plan, BYTES_DEFAULT);
    let page = page(&plan);
    let prose: String = prose(&page).lines().skip(1).collect();
    for what in ["script", "@", "#1", "![", "::", "\u{202e}"] {
        assert!(!prose.contains(what), "{what} in {prose}");
    }
    assert_eq!(
        page.lines().next(),
        Some("<!-- dixaform:plan tenant=--detailsscriptalert1scripteveryone1abxhttpx31mdetailserrorx -->"),
        "{page}"
    );
}

#[test]
fn a_very_long_text_is_cut_and_counted_and_its_change_is_seen() {
    let long = "word ".repeat(10_000);
    let (before, after) = (email("s", &format!("{long}OLD {long}")), email("s", &format!("{long}NEW {long}")));
    let page = page(&plan_of(vec![replace("conversation.a", &before, &after)]));
    assert!(page.contains("OLD") && page.contains("NEW") && page.contains("(49,940 more characters)"), "{page}");
    assert!(page.lines().all(|line| line.len() < 1_000));
}

#[test]
fn one_huge_change_does_not_hide_the_others() {
    let lines: String = (0..20_000).map(|line| format!("line {line} {}\n", "x".repeat(400))).collect();
    let mut changes = vec![create("conversation.a", &email("s", &lines))];
    changes.extend((0..20).map(|index| create(&format!("conversation.b{index:02}"), &email("s", "t"))));
    let plan = plan_of(changes);
    is_sound(&plan, BYTES_DEFAULT);
    let page = page(&plan);
    assert_eq!(shown(&page).len(), 21);
    assert!(page.contains("more lines left out)"), "{page}");
}

#[test]
fn five_thousand_changes_fit_a_comment_and_the_rest_is_counted_by_action() {
    let changes: Vec<Change> = (0..5_000)
        .map(|index| match index % 10 {
            0 => update(&format!("conversation.c{index:04}")),
            _ => create(&format!("conversation.c{index:04}"), &email("order", "Where is it?")),
        })
        .collect();
    let plan = plan_of(changes);
    is_sound(&plan, BYTES_DEFAULT);
    let page = page(&plan);
    assert!(page.len() > BYTES_DEFAULT * 9 / 10, "{} bytes", page.len());
    let line = page.lines().find(|line| line.contains("left out here")).expect("a line");
    assert!(line.contains(" to create") && line.contains("`dixaform show PLANFILE`"), "{line}");
    let by_action: BTreeMap<&str, usize> = BTreeMap::from([("create", 4_500), ("update", 500)]);
    assert!(page.contains(&format!("## dixaform: {} to create", grouped(by_action["create"] as u64))), "{page}");
}

/// A plan whose every bounded thing is as large as it gets.
#[test]
fn the_frame_fits_the_least_budget() {
    let name = "n".repeat(253);
    let mut plan = plan_of(vec![blocked()]);
    plan.tenant.name.clone_from(&name);
    plan.tenant.base_url = format!("https://{}", "x".repeat(5_000));
    plan.tenant.rate_limit.requests_per_second = 1e-300;
    plan.not_in_manifests = Vec::new();
    let much = 123_456_789;
    plan.summary = Summary {
        create: much,
        import: much,
        update: much,
        replace: much,
        adopt: much,
        moves: much,
        only_moves: much,
        forget: much,
        unchanged: much,
        not_in_manifests: much,
        left_out: much,
        gone: much,
        in_doubt: much,
        blocked: much,
        irreversible: much,
        reach_customer: much,
    };
    is_sound(&plan, BYTES_MIN);
}

fn odd_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z ]{0,30}",
        1 => "`{1,6}",
        1 => "\\PC{0,20}",
        1 => Just("\n".to_owned()),
        1 => Just("</details>\n".to_owned()),
        1 => Just("\n```\n".to_owned()),
        1 => Just("\u{202e}\x1b[0m".to_owned()),
        1 => "x{300,700}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn odd_change(index: usize) -> impl Strategy<Value = Change> {
    let name = (0..2usize).prop_map(move |long| format!("conversation.c{index:03}{}", "x".repeat(240 * long)));
    (name, odd_text(), odd_text(), odd_text(), 0..4).prop_map(|(name, subject, text, file, which)| {
        let spec = email(&subject, &text);
        let changed = match which {
            0 => create(&name, &spec),
            1 => replace(&name, &email("old", "old\ntext"), &spec),
            2 => update(&name),
            _ => Change { id: Some(Id::conversation(9)), ..change(&name, Action::Forget, None, None) },
        };
        Change { source: Some(source(&file, 7)), ..changed }
    })
}

fn odd_plan() -> impl Strategy<Value = Plan> {
    let changes = (0..12usize).prop_flat_map(|count| (0..count).map(odd_change).collect::<Vec<_>>());
    (changes, odd_text(), 0..3usize).prop_map(|(changes, text, drifted)| {
        let mut plan = plan_of(changes);
        let drift = |index| Drift {
            address: format!("import.d{index}").parse().expect("an address"),
            id: Id::conversation(1),
            attributes: vec![(text.clone(), Some(Value::from(text.as_str())), Value::Null)],
            members: vec![],
            content: Vec::new(),
        };
        plan.drift = (0..drifted).map(drift).collect();
        plan
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_plan_is_whole_markup_within_any_budget(plan in odd_plan(), bytes in prop_oneof![1_000usize..6_000, 1_000usize..80_000]) {
        is_sound(&plan, bytes);
    }
}
