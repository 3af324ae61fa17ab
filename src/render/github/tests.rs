//! Plans and findings in, workflow commands out.

use super::*;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Failure, Outcome, Stop};
use crate::call::Call;
use crate::conversation::{Id, Kind};
use crate::render::remark::Pointers;
use crate::render::tests::{create, plan_of, replace, sms, source, update};

const HERE: Checkout = Checkout { root: None, folder: String::new() };

fn lines<'t>(text: &'t str, kind: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.starts_with(&format!("::{kind} "))).collect()
}

#[test]
fn a_plan_annotates_what_is_blocked_what_reaches_a_customer_and_sums_up() {
    let before = r#"{"_type":"Email","subject":"a"}"#;
    let plan = plan_of(vec![
        replace("conversation.a", before, r#"{"_type":"Email","subject":"b"}"#),
        create("conversation.b", &sms("hello")),
        update("conversation.c"),
    ]);
    insta::assert_snapshot!(super::plan(&plan, &HERE), @r"
    ::error file=manifests/orders.yaml,line=3,col=1,title=conversation.a is blocked::apply refuses the whole plan: Dixa can't update or delete a conversation; allow a second one with --allow-replace or the annotation dixaform/on-change: replace, or keep the old one with dixaform/on-change: ignore
    ::warning file=manifests/orders.yaml,line=3,col=1,title=conversation.b reaches a customer::conversation.b will be created, and sends a message to a customer
    ::notice title=dixaform plan for staging::1 to create, 1 to update, 1 to replace, 4 unchanged.%0A3 calls, about 1 s at 10 requests/s.%0AFingerprint: 87ddfcce5d2a912c
    ");
}

#[test]
fn an_empty_plan_is_one_notice() {
    assert_eq!(plan(&plan_of(Vec::new()), &HERE), "::notice title=dixaform plan for staging::No changes.\n");
}

#[test]
fn the_tenth_annotation_of_a_kind_counts_the_rest() {
    let of = |count: usize| {
        let changes = (0..count).map(|index| create(&format!("conversation.c{index:02}"), &sms("hello")));
        plan(&plan_of(changes.collect()), &HERE)
    };
    assert_eq!(lines(&of(10), "warning").len(), 10);
    assert!(!of(10).contains("more"));
    let eleven = of(11);
    let shown = lines(&eleven, "warning");
    assert_eq!(shown.len(), 10);
    assert!(shown[9].starts_with("::warning title=2 more changes that reach customers::"), "{}", shown[9]);
}

#[test]
fn nothing_ends_a_command_or_begins_another() {
    let mut change = create("conversation.a", &sms("hello"));
    change.source = Some(source("a,b:c%\n::error::x\u{202e}.yaml", 3));
    let text = plan(&plan_of(vec![change]), &HERE);
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.starts_with("::warning file=a%2Cb%3Ac%25\\n%3A%3Aerror%3A%3Ax\\u{202e}.yaml,line=3,col=1,title="),
        "{text}"
    );
}

#[test]
fn findings_keep_their_place_their_hint_and_other_places() {
    let mut all = Findings::default();
    all.push(Finding {
        code: "duplicate-address",
        severity: Severity::Error,
        source: source("./manifests/b.yaml", 12),
        message: "a second conversation.late, 100%".to_owned(),
        hint: Some("rename one".to_owned()),
        excerpt: None,
        related: vec![(source("manifests/a.yaml", 4), "first here".to_owned())],
    });
    assert_eq!(
        findings(&all, &HERE),
        "::error file=manifests/b.yaml,line=12,col=1,title=duplicate-address::a second conversation.late, 100%25\
         %0Amanifests/a.yaml:4:1: first here%0Arename one\n"
    );
}

#[test]
fn a_report_marks_what_failed_and_nothing_in_it_is_a_command() {
    let plan = plan_of(vec![create("conversation.a", &sms("hello")), create("conversation.b", &sms("hello"))]);
    let hostile = "no%0A\n::error file=x::\u{1b}[31m\u{202e},a:b";
    let error = Failure { status: Some(400), ..Failure::new(Some(Call::Make(Kind::Conversation)), hostile) };
    let partial = vec![hostile.to_owned(), "::warning::x".to_owned()];
    let outcomes = [
        Outcome::Failed { id: None, error },
        Outcome::Done { id: Some(Id::conversation(7)), found: false, partial_errors: partial, warnings: Vec::new() },
    ];
    let ended = plan.changes.iter().zip(outcomes).map(|(change, outcome)| ChangeOutcome::of(change, outcome));
    let report = ApplyReport::new(ended.collect(), Some(Stop::Storage(hostile.to_owned())));
    let (pointers, found) = (Pointers::new(), Findings::default());
    let finished = Finished { plan: &plan, report: &report, pointers: &pointers, findings: &found, exit: 1 };
    let text = super::report(&finished, &HERE);
    let kinds: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(kinds, ["::error", "::error", "::warning", "::notice"], "{text}");
    assert!(
        text.contains("title=conversation.a was not created::POST /v1/conversations answered 400: no%250A\\n::error")
    );
    assert!(text.contains("%0A::warning::x\n"), "{text}");
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()) && !text.contains('\u{202e}'));
}
