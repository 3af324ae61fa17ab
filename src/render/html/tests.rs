//! Plans, findings and reports in, pages out.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use serde_json::Value;

use super::*;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Failure, Outcome, Stop};
use crate::call::Call;
use crate::conversation::{Id, Kind};
use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::plan::change::Orphan;
use crate::plan::folders::{folders, labels};
use crate::plan::timeline::{Stage, timeline};
use crate::plan::{Action, Block, Change, Drift, Gone, Plan, Price, Step};
use crate::render::remark::{Pointer, Pointers};
use crate::render::report::Finished;
use crate::render::tests::{create, email, plan_of, replace, sms, source, update};
use crate::source::{Place, Source};

const HOSTILE: &str = "</details></noscript></template></script><script>alert(1)</script><img src=x onerror=alert(2)> \
                       ]]> --> \" ' ` ${1} &lt;b&gt; \x1b[31m\u{202e}\u{2066}\u{200b}\0 <b style=\"x\" onclick='y'>";

/// The name of each tag of a page, in order, with a `/` before those that close; and what is between them. Fails
/// where a tag is not closed in the right place.
#[track_caller]
fn tags(page: &str) -> (Vec<String>, String) {
    let (mut tags, mut open, mut text) = (Vec::new(), Vec::new(), String::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a whole tag");
        let tag = &rest[start + 1..end];
        let name = tag.split([' ', '\n']).next().unwrap_or_default().to_owned();
        rest = &rest[end + 1..];
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "{tag}");
        } else if !["meta", "input"].contains(&name.as_str()) {
            open.push(name.clone());
        }
        if ["style", "script"].contains(&name.as_str()) {
            rest = &rest[rest.find("</").expect("an end")..];
        }
        tags.push(name);
    }
    assert_eq!(open, [""; 0]);
    (tags, text)
}

/// The value of each attribute `name` of a page.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// What is between the first of these tags and its end.
fn inner<'p>(page: &'p str, tag: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("<{tag}>")).expect(tag);
    rest.split_once(&format!("</{tag}>")).expect(tag).0
}

/// The page without its style and script, for the message of a test that fails.
fn seen(page: &str) -> &str {
    let (_, rest) = page.split_once("<body>").unwrap_or(("", page));
    rest.split_once("<script>").map_or(rest, |(seen, _)| seen)
}

#[track_caller]
fn is_sound(page: &str) {
    const KNOWN: &[&str] = &[
        "b", "bdi", "body", "button", "code", "dd", "del", "details", "dialog", "div", "dl", "dt", "footer", "form",
        "h1", "h2", "head", "header", "html", "input", "ins", "kbd", "li", "main", "mark", "meta", "noscript", "ol",
        "option", "output", "p", "pre", "rect", "script", "section", "select", "small", "span", "strong", "style",
        "summary", "svg", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
    ];
    let (tags, text) = tags(page);
    let names: BTreeSet<&str> = tags.iter().map(|tag| tag.trim_start_matches('/')).collect();
    let strange: Vec<&&str> = names.iter().filter(|name| !KNOWN.contains(*name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert_eq!(tags.iter().filter(|tag| *tag == "script").count(), 1);
    for (index, tag) in tags.iter().enumerate().filter(|(_, tag)| *tag == "noscript") {
        let next = tags[index + 1..].iter().find(|later| later.ends_with("noscript"));
        assert_eq!(next.map(String::as_str), Some("/noscript"), "{tag} within another");
    }
    // Styles and scripts of elements would be refused by the policy; addresses could lead outside.
    for name in ["style", "onclick", "onerror", "onload", "href", "src", "action"] {
        assert_eq!(attributes(page, name), [""; 0], "{name}");
    }
    let hidden = |letter: char| letter.is_control() && letter != '\n' || "\u{202e}\u{2066}\u{200b}".contains(letter);
    assert!(!text.contains(hidden), "{text:?}");
    assert!(page.ends_with("</html>\n"));
}

/// A plan in which every text that comes from others is hostile.
fn hostile_plan() -> Plan {
    let mut first = create("conversation.a", &email(HOSTILE, &format!("{HOSTILE}\n{HOSTILE}")));
    first.source = Some(source(&format!("{HOSTILE}/{HOSTILE}.yaml"), 3));
    first.steps.to_mut().push(Step::ListBefore(Some(HOSTILE.to_owned())));
    let changed = replace("conversation.b", &email(HOSTILE, HOSTILE), &email(&format!("{HOSTILE}!"), "short\ntext"));
    let owner = "import.b".parse().expect("an address");
    let owned = Change { block: Some(Block::OwnedBy { id: Id::conversation(1), owner: Box::new(owner) }), ..changed };
    let mut plan = plan_of(vec![first, owned]);
    plan.tenant.base_url = HOSTILE.to_owned();
    plan.tenant.name = HOSTILE.to_owned();
    plan.fingerprint = HOSTILE.to_owned();
    plan.drift = vec![Drift {
        address: "import.c".parse().expect("an address"),
        id: Id::conversation(2),
        attributes: vec![(HOSTILE.to_owned(), Some(Value::from(HOSTILE)), Value::Null)],
        members: vec![],
        content: Vec::new(),
    }];
    let address = || "conversation.d".parse().expect("an address");
    plan.not_in_manifests =
        vec![Orphan { address: address(), id: Id::conversation(3), source: Some(source(HOSTILE, 1)) }];
    plan.summary.not_in_manifests = 1;
    plan
}

#[test]
fn foreign_text_is_never_markup() {
    let page = plan(&hostile_plan());
    is_sound(&page);
    // Each place showed it: title, heading, tenant, fingerprints, files, subjects, texts, a call, drift.
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() > 15, "{}", seen(&page));
}

#[test]
fn the_policy_names_the_style_and_the_script_of_the_page_and_nothing_else() {
    let page = plan(&hostile_plan());
    let policy = attributes(&page, "content").into_iter().find(|content| content.starts_with("default-src"));
    let hash =
        |text: &str| Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let named: Vec<String> = policy
        .expect("a policy")
        .split('\'')
        .filter_map(|word| word.strip_prefix("sha256-"))
        .map(|base64| from_base64(base64).iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    assert_eq!(named, [hash(inner(&page, "style")), hash(inner(&page, "script"))]);
    let (start, end) = ("default-src 'none'; style-src 'sha256-", "; base-uri 'none'; form-action 'none'");
    assert!(policy.is_some_and(|policy| policy.starts_with(start) && policy.ends_with(end)), "{policy:?}");
}

fn from_base64(text: &str) -> Vec<u8> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = text
        .trim_end_matches('=')
        .chars()
        .map(|letter| format!("{:06b}", letters.find(letter).expect("a letter of base64")))
        .collect();
    bits.as_bytes().chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'))).collect()
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    assert_eq!(plan(&hostile_plan()), plan(&hostile_plan()));
}

#[test]
fn a_page_says_what_matters_first_and_folds_the_rest() {
    let page = plan(&plan_of(vec![
        replace("conversation.a", &email("order #123", "Hi\nwhere is it?"), &email("order #124", "Hi\nwhere was it?")),
        create("conversation.b", &sms("Your tent is here")),
        update("import.legacy-42"),
    ]));
    is_sound(&page);
    let notes = &page[..page.find("<h2 id=\"changes\">").expect("a heading")];
    for note in [
        "<strong>1 change is blocked</strong>, and apply refuses the whole plan: <code>conversation.a</code>. <code>--allow-replace</code> allows replacements.",
        "<strong>1 change sends a message to a customer</strong>: <code>conversation.b</code>.",
        "<strong>2 changes are irreversible</strong> (Dixa can't delete a conversation): <code>conversation.a</code> and <code>conversation.b</code>.",
    ] {
        assert!(notes.contains(note), "{note} in {notes}");
    }
    for line in [
        "<del class=\"d0\"><b>subject</b> = &quot;order #<mark>123</mark>&quot;</del>",
        "<ins class=\"d0\"><b>subject</b> = &quot;order #<mark>124</mark>&quot; <small># forces replacement</small></ins>",
        "<div class=\"d0 u\"><b>id</b> = 1042 → <small>(known after apply)</small></div>",
        "<b>value</b> = <small># forces replacement</small>",
        "<del class=\"d3 t\">where <mark>is</mark> it?</del><ins class=\"d3 t\">where <mark>was</mark> it?</ins>",
        "<small># (1 unchanged attribute hidden)</small>",
        "<dd><code>manifests/legacy.yaml:31</code></dd>",
        "<code><b>PATCH</b> /v1/conversations/1043/custom-attributes</code>",
    ] {
        assert!(page.contains(line), "{line} in {}", seen(&page));
    }
}

#[test]
fn labels_and_folders_are_there_to_filter_by() {
    let mut changes = vec![create("conversation.a", &sms("x")), update("conversation.b")];
    changes[1].source = Some(source("manifests/later/b.yaml", 1));
    let page = plan(&plan_of(changes));
    assert_eq!(attributes(&page, "data-kind"), ["create", "update"]);
    assert_eq!(attributes(&page, "data-labels"), ["customer irreversible", ""]);
    assert_eq!(attributes(&page, "data-word"), ["create", "update", "customer", "irreversible"]);
    assert_eq!(attributes(&page, "data-name"), ["manifests", "manifests/later"]);
}

fn at(file: &str, change: Change) -> Change {
    Change { source: Some(source(file, 1)), ..change }
}

#[test]
fn changes_are_counted_by_the_folder_of_their_file() {
    let create = |file: &str| at(file, create("conversation.a", &email("s", "t")));
    let mut forgotten = update("conversation.z");
    forgotten.source = None;
    let changes = [
        create("manifests/orders/a.yaml"),
        create("manifests/b.yaml"),
        at("manifests/orders/c.yaml", update("conversation.b")),
        create("d.yaml"),
        create("./e.yaml"),
        create("<stdin>"),
        forgotten,
    ];
    let found: Vec<_> = folders(&changes)
        .into_iter()
        .map(|folder| (folder.changes(), folder.summary.create, folder.summary.update, folder.name))
        .collect();
    let path = |path: &str| Some(path.to_owned());
    let expected = [(4, 3, 1, None), (1, 1, 0, path("manifests")), (2, 1, 1, path("manifests/orders"))];
    assert_eq!(found, expected);
}

#[test]
fn calls_have_their_place_in_time_and_all_of_them_are_counted() {
    let mut changes = vec![create("conversation.a", &email("s", "t")), update("conversation.b")];
    let mut customer = create("enduser.jane", &email("s", "t"));
    customer.steps = vec![Step::Make(Kind::EndUser)].into();
    changes.push(customer);
    let mut planned = plan_of(changes);
    let steps = planned.changes.iter().map(|change| change.steps.len() as u64).sum::<u64>();
    planned.price = Price::new(steps + 20, planned.tenant.rate_limit);
    let phases = timeline(&planned);
    let stages: Vec<Stage> = phases.iter().map(|phase| phase.stage).collect();
    assert_eq!(stages, [Stage::Reads, Stage::EndUsers, Stage::Conversations, Stage::Settings]);
    assert_eq!(phases.iter().map(|phase| phase.calls).sum::<u64>(), planned.price.calls);
    assert_eq!((phases[0].calls, phases[0].begins, phases[0].ends), (20, 0.0, 1.6));
    assert_eq!((phases[1].begins, phases[1].ends), (1.6, 1.7));
    // Settings follow their conversations at once.
    assert_eq!((phases[2].begins, phases[3].begins), (1.7, 1.7));
    assert_eq!((phases[2].ends, phases[3].ends), (planned.price.seconds, planned.price.seconds));
    let page = plan(&planned);
    assert!(page.contains("from 2 s to 2 s") && page.contains("the two overlap"), "{}", seen(&page));
    // Nothing to do takes no time.
    assert!(timeline(&plan_of(Vec::new())).is_empty());
    assert!(!plan(&plan_of(Vec::new())).contains("aria-labelledby=\"timeline\""));
}

#[test]
fn changes_are_counted_by_label_and_those_with_several_in_each() {
    let labelled = |address: &str, labels: &[(&str, &str)]| {
        let mut change = create(address, &email("s", "t"));
        change.labels = labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        change
    };
    let changes = vec![
        labelled("conversation.a", &[("wave", "1"), ("team", "<b>")]),
        labelled("conversation.b", &[("wave", "1")]),
        labelled("conversation.c", &[]),
    ];
    let found: Vec<_> = labels(&changes).into_iter().map(|group| (group.changes(), group.calls, group.name)).collect();
    let calls = changes[0].steps.len() as u64;
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(found, [(1, calls, None), (1, calls, name("team=<b>")), (2, 2 * calls, name("wave=1"))]);
    let page = plan(&plan_of(changes));
    let (_, table) = page.split_once("<th scope=\"col\">Label</th>").expect("a table");
    assert!(table.contains("<th scope=\"row\">team=&lt;b&gt;</th><td data-column=\"changes\">1</td>"), "{table}");
    assert!(table.contains("A change with several labels"));
    let without = plan(&plan_of(vec![create("conversation.a", &email("s", "t"))]));
    assert!(!without.contains("<table>"));
}

#[test]
fn a_plan_without_changes_still_tells_what_it_found() {
    let mut empty = plan_of(Vec::new());
    assert!(plan(&empty).contains("<strong>No changes.</strong> The tenant matches the manifests."));
    let address = |name: &str| format!("conversation.{name}").parse().expect("an address");
    empty.in_doubt = vec![address("a")];
    empty.gone = vec![Gone { address: address("b"), id: Id::conversation(7), source: None, anonymized: true }];
    (empty.summary.in_doubt, empty.summary.gone) = (1, 1);
    let page = plan(&empty);
    is_sound(&page);
    assert!(page.contains("<strong>No changes.</strong> The rest matches the manifests."), "{}", seen(&page));
    assert!(page.contains("<strong>1 change is in doubt</strong>"), "{}", seen(&page));
    assert!(page.contains("<code>conversation.b</code> (#7, anonymized)"), "{}", seen(&page));
}

#[test]
fn a_very_long_text_is_cut_and_counted_and_its_change_is_seen() {
    let long = "word ".repeat(200_000);
    let (before, after) = (email("s", &format!("{long}OLD {long}")), email("s", &format!("{long}NEW {long}")));
    let page = plan(&plan_of(vec![replace("conversation.a", &before, &after), create("conversation.b", &before)]));
    is_sound(&page);
    assert!(page.contains("<mark>OLD</mark>") && page.contains("<mark>NEW</mark>"));
    assert!(page.contains("… (999,940 more characters) …") && page.contains("… (1,998,004 more characters)</small>"));
    let lines = "line\n".repeat(200_000);
    let many = plan(&plan_of(vec![create("conversation.a", &email("s", &lines))]));
    assert!(many.contains("# (199,800 more lines)"));
    assert!(page.len() < 60_000 && many.len() < 60_000, "{} and {}", page.len(), many.len());
}

#[test]
fn a_change_with_very_many_members_is_cut_and_counted() {
    let members: Vec<String> = (0..5_000).map(|index| format!("\"m{index}\":1")).collect();
    let page = plan(&plan_of(vec![create("conversation.a", &format!("{{{}}}", members.join(",")))]));
    is_sound(&page);
    // The id is one line more.
    assert_eq!(page.matches("<b>m").count(), 999);
    assert!(page.contains("# (4,001 more lines)"), "{}", seen(&page));
}

#[test]
fn a_page_that_would_get_too_large_leaves_out_what_differs_and_says_so() {
    let changes = (0..10).map(|index| create(&format!("conversation.c{index}"), &email("s", "t"))).collect();
    let page = plan_page::within(&plan_of(changes), 1_500);
    is_sound(&page);
    let shown = page.matches("<div class=\"diff\">").count();
    assert!(shown > 0 && shown < 10, "{shown}");
    assert!(page.contains(&format!("for the last {} changes", 10 - shown)), "{}", seen(&page));
    assert_eq!(page.matches("<details class=\"item").count(), 10);
}

#[test]
fn findings_are_shown_with_their_line_marked() {
    let place = Place { line: 3, column: 3 };
    let finding = |severity, message: &str| Finding {
        code: "unknown-member",
        severity,
        source: Source::new(&Arc::from(format!("manifests/{HOSTILE}.yaml")), place),
        message: message.to_owned(),
        hint: Some(HOSTILE.to_owned()),
        excerpt: Excerpt::of(&format!("  requestrId: {HOSTILE}"), place, Place { line: 3, column: 13 }),
        related: vec![(source(HOSTILE, 4), HOSTILE.to_owned())],
    };
    let mut all = Findings::default();
    let message = "unknown member `requestrId` of an Email conversation";
    all.extend([finding(Severity::Error, message), finding(Severity::Warning, HOSTILE)]);
    let page = findings(&all, 1_234, false);
    is_sound(&page);
    for text in [
        "The manifests are not valid.",
        "unknown member <code>requestrId</code> of an Email conversation",
        "<bdi>  <mark>requestrId</mark>: &lt;/details&gt;",
    ] {
        assert!(page.contains(text), "{text} in {}", seen(&page));
    }
    assert_eq!(attributes(&page, "data-kind"), ["error", "warning"]);
    let nothing = findings(&Findings::default(), 1, true);
    is_sound(&nothing);
    assert!(nothing.contains("1 manifest: valid."));
}

fn ended(address: &str, outcome: Outcome) -> ChangeOutcome {
    let source = Some(source(&format!("manifests/{HOSTILE}.yaml"), 3));
    ChangeOutcome {
        address: address.parse().expect("an address"),
        action: Action::Create,
        moved: None,
        source,
        outcome,
    }
}

/// The page of a report, with a line of the manifest of `conversation.failed`.
fn report_of(plan: &Plan, done: &ApplyReport) -> String {
    let (place, end) = (Place { line: 13, column: 3 }, Place { line: 13, column: 14 });
    let pointer = Pointer {
        source: Source::new(&Arc::from("manifests/orders.yaml"), place),
        excerpt: Excerpt::of(&format!("  requesterId: {HOSTILE}"), place, end),
    };
    let pointers = Pointers::from([("conversation.failed".parse().expect("an address"), pointer)]);
    report(&Finished { plan, report: done, pointers: &pointers, findings: &Findings::default(), exit: 4 })
}

#[test]
fn a_report_begins_with_what_needs_a_person() {
    let error =
        |message: &str| Failure { status: Some(400), ..Failure::new(Some(Call::Make(Kind::Conversation)), message) };
    let done = |partial: &[&str]| Outcome::Done {
        found: false,
        id: Some(Id::conversation(1003)),
        partial_errors: partial.iter().map(|text| (*text).to_owned()).collect(),
        warnings: Vec::new(),
    };
    let outcomes = vec![
        ended("conversation.done", done(&[])),
        ended("conversation.waiting", Outcome::NotAttempted { needs: None }),
        ended("conversation.partial", done(&[HOSTILE])),
        ended("conversation.in-doubt", Outcome::InDoubt { error: error(HOSTILE) }),
        ended("conversation.failed", Outcome::Failed { id: None, error: error("no such end user") }),
    ];
    let page = report_of(&hostile_plan(), &ApplyReport::new(outcomes, Some(Stop::Unauthorized(HOSTILE.to_owned()))));
    is_sound(&page);
    let kinds = ["failed", "in-doubt", "done", "not-attempted", "done"];
    assert_eq!(attributes(&page, "data-kind"), kinds);
    for text in [
        "<strong class=\"bad\">Apply incomplete:</strong> 2 created, 0 imported, 0 updated. 1 failed, 1 in doubt, 1 not attempted.",
        "<strong>conversation.failed was not created</strong>",
        "POST /v1/conversations answered 400: no such end user",
        "<strong>conversation.partial (#1003) was created with partial errors</strong>",
        "<strong>Stopped: </strong>the token was refused: ",
        "<bdi>  <mark>requesterId</mark>: &lt;/details&gt;",
        "<span class=\"place\">manifests/orders.yaml:13</span>",
        "it is not sent again until that is known",
    ] {
        assert!(page.contains(text), "{text} in {}", seen(&page));
    }
}

#[test]
fn a_complete_report_says_so() {
    let done =
        Outcome::Done { id: Some(Id::conversation(1)), found: false, partial_errors: Vec::new(), warnings: Vec::new() };
    let outcomes = vec![ended("conversation.a", done)];
    let page = report_of(&plan_of(Vec::new()), &ApplyReport::new(outcomes, None));
    is_sound(&page);
    assert!(
        page.contains("<strong class=\"good\">Apply complete!</strong> 1 created, 0 imported, 0 updated."),
        "{page}"
    );
}
