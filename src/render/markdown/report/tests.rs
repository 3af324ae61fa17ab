//! Reports in, Markdown out.

use proptest::prelude::*;

use super::*;
use crate::apply::outcome::{ApplyReport, Failure, Stop};
use crate::call::Call;
use crate::conversation::Kind;
use crate::finding::{Excerpt, Findings};
use crate::render::remark::{Pointer, Pointers};
use crate::render::tests::{create, email, plan_of, replace, source};
use crate::source::Place;

fn failure(message: &str) -> Failure {
    Failure { status: Some(400), ..Failure::new(Some(Call::Make(Kind::Conversation)), message) }
}

fn outcome(kind: usize, message: &str) -> Outcome {
    let id = Some(Id::conversation(1003));
    let none = Vec::new;
    match kind {
        0 => Outcome::Done { id, found: false, partial_errors: none(), warnings: none() },
        1 => Outcome::Done {
            id,
            found: false,
            partial_errors: vec![message.to_owned()],
            warnings: vec![message.to_owned()],
        },
        2 => Outcome::Failed { id: None, error: failure(message) },
        3 => Outcome::InDoubt { error: failure(message) },
        _ => Outcome::NotAttempted { needs: None },
    }
}

fn report_of(plan: &Plan, outcomes: impl IntoIterator<Item = Outcome>, stop: Option<Stop>) -> ApplyReport {
    let ended = plan.changes.iter().zip(outcomes).map(|(change, outcome)| ChangeOutcome::of(change, outcome));
    ApplyReport::new(ended.collect(), stop)
}

fn page(plan: &Plan, report: &ApplyReport, pointers: &Pointers, bytes: usize) -> String {
    let finished = Finished { plan, report, pointers, findings: &Findings::default(), exit: 4 };
    super::report(&finished, bytes)
}

/// Lines outside of fences; fails when a fence is not closed.
fn outside(page: &str) -> Vec<&str> {
    let mut outside = Vec::new();
    let mut fence: Option<&str> = None;
    for line in page.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            None if ticks.len() >= 3 && line == format!("{ticks}text") => fence = Some(ticks),
            Some(open) if ticks.len() >= open.len() && line == ticks => fence = None,
            None => outside.push(line),
            Some(_) => {}
        }
    }
    assert_eq!(fence, None, "a fence is not closed:\n{page}");
    outside
}

#[track_caller]
fn is_sound(page: &str, plan: &Plan, bytes: usize) {
    assert!(page.len() <= bytes, "{} bytes in {bytes}:\n{page}", page.len());
    assert!(page.starts_with("<!-- dixaform:apply tenant=staging -->\n## dixaform apply"), "{page}");
    assert!(page.chars().all(|letter| letter == '\n' || !letter.is_control()), "{page:?}");
    let lines = outside(page);
    let count = |tag: &str| lines.iter().filter(|line| line.starts_with(tag)).count();
    assert_eq!(count("<details>"), count("</details>"), "{page}");
    assert_eq!(count("<details>"), count("<summary>"), "{page}");
    let remarks = ["**Failed:** ", "**In doubt:** ", "**Warning:** "].map(count).iter().sum::<usize>();
    let left = lines.iter().find(|line| line.contains(" left out here"));
    let left: usize =
        left.map_or(0, |line| line.split(' ').next().unwrap_or_default().replace(',', "").parse().expect("a number"));
    assert_eq!(remarks + count("- ") + left, plan.changes.len(), "{page}");
}

#[test]
fn failures_come_first_and_what_was_done_is_folded() {
    let plan = plan_of(vec![
        create("conversation.a", &email("s", "t")),
        create("conversation.b", &email("s", "t")),
        create("conversation.c", &email("s", "t")),
        replace("conversation.d", &email("s", "t"), &email("s", "u")),
        create("conversation.e", &email("s", "t")),
        create("conversation.f", &email("s", "t")),
    ]);
    let outcomes = [1, 3, 2, 0, 0, 4].map(|kind| outcome(kind, "no such end user"));
    let report = report_of(&plan, outcomes, Some(Stop::Unauthorized("No such token".to_owned())));
    let place = Place { line: 13, column: 3 };
    let excerpt = Excerpt::of("  requesterId: 9c2a", place, Place { line: 13, column: 14 });
    let pointer = Pointer { source: crate::source::Source { place, ..source("manifests/a.yaml", 13) }, excerpt };
    let pointers = Pointers::from([("conversation.c".parse().expect("an address"), pointer)]);
    let page = page(&plan, &report, &pointers, 65_536);
    is_sound(&page, &plan, 65_536);
    insta::assert_snapshot!(page, @r"
    <!-- dixaform:apply tenant=staging -->
    ## dixaform apply, incomplete: 2 created, 1 replaced, 1 failed, 1 in doubt, 1 not attempted

    **Stopped:** the token was refused: `No such token`

    Tenant `staging` (`https://dev.dixa.io`).

    **Failed:** `conversation.c was not created` (`manifests/a.yaml:13`)

    ```text
      --> manifests/a.yaml:13:3
       |
    13 |   requesterId: 9c2a
       |   ^^^^^^^^^^^
       |
       = note: POST /v1/conversations answered 400: no such end user
    ```

    **In doubt:** `conversation.b may have been created, or not` (`manifests/orders.yaml:3`)

    ```text
    --> manifests/orders.yaml:3:1
     = note: POST /v1/conversations answered 400: no such end user
     = help: it is not sent again until that is known: apply again, or decide with dixaform recover
    ```

    **Warning:** `conversation.a (#1003) was created with partial errors` (`manifests/orders.yaml:3`)

    ```text
    --> manifests/orders.yaml:3:1
     = note: no such end user
     = note: no such end user
    ```

    <details>
    <summary>1 not attempted</summary>

    - `conversation.f`

    </details>

    <details>
    <summary>2 done</summary>

    - `conversation.d` replaced `#1003`, in the place of `#1042`
    - `conversation.e` created `#1003`

    </details>

    Fingerprint: `72a1f11b336ffa90`
    ");
}

#[test]
fn ten_thousand_outcomes_fit_and_the_rest_is_counted_by_how_it_ended() {
    let changes = (0..10_000).map(|index| create(&format!("conversation.c{index:05}"), &email("s", "t")));
    let plan = plan_of(changes.collect());
    let report = report_of(&plan, (0..10_000).map(|index| outcome(index % 5, "no such end user")), None);
    let page = page(&plan, &report, &Pointers::new(), 65_536);
    is_sound(&page, &plan, 65_536);
    assert!(
        page.len() > 60_000 && page.contains("2,000 done with warnings, 2,000 not attempted, 2,000 done)"),
        "{page}"
    );
    let done = report_of(&plan, (0..10_000).map(|_| outcome(0, "")), None);
    let page = self::page(&plan, &done, &Pointers::new(), 65_536);
    is_sound(&page, &plan, 65_536);
    assert!(page.contains(" of 10000 done</summary>"), "{page}");
}

fn odd_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z ]{0,30}",
        1 => "`{1,6}",
        1 => "\\PC{0,20}",
        1 => Just("\n".to_owned()),
        1 => Just("\n</details>\n".to_owned()),
        1 => Just("\n```\n::error::x\n".to_owned()),
        1 => Just("\u{202e}\x1b[0m | x | y |".to_owned()),
        1 => "x{300,3000}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report_is_whole_markup_within_any_budget(
        ended in prop::collection::vec((0..5usize, odd_text(), odd_text()), 0..12),
        stop in odd_text(),
        bytes in prop_oneof![1_000usize..6_000, 1_000usize..80_000],
    ) {
        let mut changes = Vec::new();
        for (index, (_, _, file)) in ended.iter().enumerate() {
            let mut change = create(&format!("conversation.c{index:03}"), &email("s", "t"));
            change.source = Some(source(file, 7));
            changes.push(change);
        }
        let plan = plan_of(changes);
        let outcomes = ended.iter().map(|(kind, message, _)| outcome(*kind, message));
        let report = report_of(&plan, outcomes, Some(Stop::NotBegun(stop)));
        is_sound(&page(&plan, &report, &Pointers::new(), bytes), &plan, bytes);
    }
}
