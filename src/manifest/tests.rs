//! Manifests in, findings out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::finding::{Finding, Severity};

fn read_text(text: &str) -> Reading {
    read(&Arc::from("m.yaml"), text.as_bytes(), Tenant::unknown(), &no_tables)
}

fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name().is_some_and(|name| name != "dixaform.yaml")
            && path.extension() != Some("bak".as_ref())
        {
            // What `sed -i.bak`, of which the README makes use, leaves behind is no manifest.
            found.push(path);
        }
    }
    found.sort();
    found
}

#[expect(clippy::disallowed_methods, reason = "a test reads fixtures")]
fn read_path(path: &Path) -> Reading {
    read(&Arc::from(path.to_str().unwrap()), &std::fs::read(path).unwrap(), Tenant::unknown(), &no_tables)
}

#[test]
fn the_quickstart_is_without_an_error() {
    let readings: Vec<_> = files_below("examples/quickstart").iter().map(|path| read_path(path)).collect();
    let (desired, findings) = resolve(readings);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!desired.is_empty());
}

/// Where each file of the corpus says that it is wrong: in its first line, or in `EXPECT.md` where it can't hold a comment.
#[expect(clippy::disallowed_methods, reason = "a test reads fixtures")]
fn expectation(path: &Path) -> Vec<(u32, u32)> {
    let bytes = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let name = path.file_name().unwrap().to_str().unwrap();
    let table = std::fs::read_to_string(path.with_file_name("EXPECT.md")).unwrap();
    let row = table.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
    let places = row.or_else(|| text.lines().next()?.strip_prefix("# expect: ")).expect(name);
    places
        .split("; ")
        .filter_map(|part| part.split_whitespace().next()?.split_once(':'))
        .filter_map(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)))
        .collect()
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let mut wrong = Vec::new();
    for path in files_below("tests/fixtures/bad").iter().filter(|path| !path.ends_with("EXPECT.md")) {
        let (_, findings) = resolve([read_path(path)]);
        let name = path.file_name().unwrap().to_str().unwrap();
        let found: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        let places: Vec<_> =
            found.iter().map(|finding| (finding.source.place.line, finding.source.place.column)).collect();
        let expected = expectation(path);
        assert!(!expected.is_empty(), "{name}");
        if expected.iter().any(|place| !places.contains(place)) {
            let text: Vec<_> = found.iter().map(|f| format!("{:?} {} {}", f.source.place, f.code, f.message)).collect();
            wrong.push(format!("{name}: expected {expected:?}, found {text:#?}"));
        }
        for finding in found {
            assert!(finding.hint.is_some(), "{name}: {finding:?} has no hint");
            assert!(crate::finding::code::ALL.iter().any(|code| code.name == finding.code), "{}", finding.code);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn codes(text: &str) -> Vec<&'static str> {
    let (_, findings) = resolve([read_text(text)]);
    findings.iter().map(|finding| finding.code).collect()
}

const EMAIL: &str = r#"apiVersion: dixaform/v1
kind: Conversation
metadata: {name: a}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: my-integration@email.dixa.io
  subject: "order #123"
  language: no
  message: {_type: Inbound, content: {_type: Text, value: "x"}}
"#;

#[test]
fn norwegian_stays_norwegian() {
    let reading = read_text(EMAIL);
    assert!(reading.findings.is_empty(), "{:?}", reading.findings);
    let content = &reading.manifests[0].spec.conversation().content;
    assert_eq!(content.get("language").and_then(|value| value.as_str()), Some("no"));
}

#[test]
fn a_number_where_a_string_belongs_says_to_quote_it() {
    let text = EMAIL.replace("\"order #123\"", "012345");
    let reading = read_text(&text);
    let finding = reading.findings.iter().next().expect("one finding");
    assert_eq!((finding.code, finding.hint.as_deref()), ("quote-it", Some("quote it: \"012345\"")));
    let excerpt = finding.excerpt.as_ref().expect("an excerpt");
    assert_eq!((excerpt.text.as_str(), excerpt.length), ("  subject: 012345", 6));
}

#[test]
fn what_a_manifest_means_does_not_depend_on_how_it_is_written() {
    let digests = read_text(EMAIL).manifests[0].digests;
    let json = r#"{"spec": {"message": {"attachments": [], "content": {"value": "x", "_type": "Text"}, "_type": "Inbound"},
        "subject": "order #123", "language": "no", "emailIntegrationId": "my-integration@email.dixa.io",
        "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "_type": "Email"},
        "metadata": {"name": "a"}, "kind": "Conversation", "apiVersion": "dixaform/v1"}"#;
    let from_json = read(&Arc::from("m.json"), json.as_bytes(), Tenant::unknown(), &no_tables);
    assert!(from_json.findings.is_empty(), "{:?}", from_json.findings);
    assert_eq!(from_json.manifests[0].digests, digests);
    let commented = EMAIL.replace("spec:", "# why\nspec: # here").replace("language: no", "language: 'no'");
    assert_eq!(read_text(&commented).manifests[0].digests, digests);
    let crlf = EMAIL.replace('\n', "\r\n");
    assert_eq!(read_text(&format!("\u{feff}{crlf}")).manifests[0].digests, digests);
}

#[test]
fn merges_and_anchors_work_and_explicit_members_win() {
    let text = EMAIL
        .replace("spec:\n", "spec:\n  <<: &base {language: de, subject: merged}\n")
        .replace("  subject: \"order #123\"\n", "")
        .replace("kind:", "# anchors live in one document\nkind:");
    let reading = read_text(&text);
    assert!(reading.findings.is_empty(), "{:?}", reading.findings);
    let content = &reading.manifests[0].spec.conversation().content;
    assert_eq!(content.get("language").and_then(|value| value.as_str()), Some("no"));
    assert_eq!(content.get("subject").and_then(|value| value.as_str()), Some("merged"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let text =
        EMAIL.replace("requesterId", "requestrId").replace("language: no", "language: norsk").replace("kind:", "knd:");
    // The kind decides what a spec can hold, so without one the spec is not looked at.
    assert_eq!(codes(&text), ["missing-member", "unknown-member"]);
    let text = EMAIL.replace("requesterId", "requestrId").replace("language: no", "language: norsk");
    assert_eq!(codes(&text), ["missing-member", "unknown-member", "bad-language"]);
}

#[test]
fn the_order_of_files_changes_nothing() {
    let files =
        [EMAIL.to_owned(), EMAIL.replace("name: a", "name: b"), EMAIL.replace("name: a", "name: c"), EMAIL.to_owned()];
    let read_in = |order: &[usize]| {
        let readings = order.iter().map(|index| {
            read(&Arc::from(format!("{index}.yaml")), files[*index].as_bytes(), Tenant::unknown(), &no_tables)
        });
        let (desired, findings) = resolve(readings);
        let sources: Vec<_> = desired.iter().map(|manifest| manifest.source.to_string()).collect();
        (sources, findings)
    };
    assert_eq!(read_in(&[0, 1, 2, 3]), read_in(&[3, 2, 1, 0]));
    assert_eq!(read_in(&[0, 1, 2, 3]), read_in(&[2, 0, 3, 1]));
    let (_, findings) = read_in(&[0, 1, 2, 3]);
    assert_eq!(findings.iter().filter(|finding| finding.code == "duplicate-address").count(), 1);
    assert_eq!(findings.iter().filter(|finding| finding.code == "same-body").count(), 2);
}

#[test]
fn an_import_without_type_is_sent_with_it() {
    let text = "apiVersion: dixaform/v1\nkind: ConversationImport\nmetadata: {name: a}\nspec:\n  genericChannelName: email\n  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b\n  direction: Inbound\n  createdAt: 2021-12-01T11:00:00Z\n";
    let without = read_text(text);
    let with = read_text(&text.replace("spec:\n", "spec:\n  _type: GenericConversationImport\n"));
    assert_eq!(without.manifests[0].digests, with.manifests[0].digests);
    assert_eq!(without.manifests[0].spec.conversation().variant(), Some("GenericConversationImport"));
}

#[test]
fn a_message_before_its_predecessor_and_a_closing_before_the_last_are_suspicious() {
    let message = |time: &str| {
        format!(
            "    - {{_type: InboundImport, createdAt: 2021-12-01T{time}:00Z, content: {{_type: Text, value: x}}}}\n"
        )
    };
    let text = format!(
        "apiVersion: dixaform/v1\nkind: ConversationImport\nmetadata: {{name: a}}\nspec:\n  genericChannelName: emial\n  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b\n  direction: Inbound\n  createdAt: 2021-12-01T11:00:00Z\n  closing: {{closedAt: 2021-12-01T12:30:00Z, closedBy: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b}}\n  messages:\n{}{}",
        message("13:00"),
        message("12:00")
    );
    let (desired, findings) = resolve([read_text(&text)]);
    assert_eq!(desired.len(), 1);
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["unknown-channel-name", "closed-before-last-message", "messages-out-of-order"]);
    assert!(!findings.has_errors());
}

/// A conversation with these lines as its custom attributes.
fn with_attributes(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: dixaform/v1\nkind: Conversation\nmetadata: {{name: a}}\nspec:\n  _type: Email\n  \
         requesterId: 5f02ea45-f002-4279-83e0-3e4ea425e4c6\n  emailIntegrationId: a@email.dixa.io\n  subject: s\n  \
         message: {{_type: Inbound, content: {{_type: Text, value: v}}}}\n  customAttributes:\n{lines}"
    )
}

const LOWER: &str = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
const UPPER: &str = "2F5515B6-7E98-4F4D-9010-BFD2A27D4F35";
const MIXED: &str = "2F5515b6-7e98-4f4d-9010-bfd2a27d4f35";
const OTHER: &str = "00000000-7e98-4f4d-9010-bfd2a27d4f35";

#[test]
fn an_id_in_upper_case_is_the_same_id_and_ids_are_in_ascending_order() {
    let of = |id: &str| {
        let text = with_attributes(&[&format!("{id}: [x, y]"), &format!("{OTHER}: null")]);
        let Reading { mut manifests, findings, .. } = read_text(&text);
        assert!(findings.is_empty(), "{findings:?}");
        manifests.remove(0)
    };
    let (lower, upper) = (of(LOWER), of(UPPER));
    assert_eq!(lower.digests, upper.digests);
    assert_eq!(lower.spec.json(), upper.spec.json());
    let end = format!(r#""customAttributes":{{"{OTHER}":null,"{LOWER}":["x","y"]}}}}"#);
    assert!(lower.spec.json().ends_with(&end), "{}", lower.spec.json());
    let lines: Vec<u32> = upper.attribute_places.iter().map(|place| place.line).collect();
    assert_eq!(lines, [12, 11], "where each was written, in ascending order of their ids");
}

#[test]
fn ids_that_differ_only_in_case_are_duplicates_and_each_points_at_the_first() {
    let lines = [UPPER, OTHER, LOWER, MIXED].map(|id| format!("{id}: x"));
    let Reading { manifests, findings, .. } = read_text(&with_attributes(&lines.each_ref().map(String::as_str)));
    assert!(manifests.is_empty());
    let told: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code, finding.source.place.line, finding.related[0].0.place.line))
        .collect();
    let code = crate::finding::code::DUPLICATE_KEY;
    assert_eq!(told, [(code, 13, 11), (code, 14, 11)]);
}

#[test]
fn a_wrong_value_of_a_duplicate_attribute_is_reported_as_well() {
    let Reading { findings, .. } =
        read_text(&with_attributes(&[&format!("{LOWER}: x"), &format!("{UPPER}: {{a: b}}")]));
    let mut codes: Vec<_> = findings.iter().map(|finding| (finding.source.place.line, finding.code)).collect();
    codes.sort_unstable();
    let code = (crate::finding::code::DUPLICATE_KEY, crate::finding::code::WRONG_TYPE);
    assert_eq!(codes, [(12, code.0), (12, code.1)]);
}

#[test]
fn manifests_whose_names_begin_alike_for_long_are_in_order_and_the_first_of_the_same_is_kept() {
    let manifest =
        |name: &str| with_attributes(&[&format!("{LOWER}: x")]).replace("{name: a}", &format!("{{name: {name}}}"));
    let front = "a".repeat(20);
    let names = ["c", "a", "", "b", "a"].map(|end| format!("{front}{end}"));
    let file = |index: usize| format!("{index}.yaml");
    for turn in 0..names.len() {
        let readings = (0..names.len()).map(|index| (index + turn) % names.len()).map(|index| {
            let file = Arc::from(file(index).as_str());
            read(&file, manifest(&names[index]).as_bytes(), Tenant::unknown(), &no_tables)
        });
        let (desired, findings) = resolve(readings);
        let kept: Vec<_> =
            desired.iter().map(|kept| (kept.address.name().to_owned(), kept.source.file.to_string())).collect();
        let wanted = [("", 2), ("a", 1), ("b", 3), ("c", 0)].map(|(end, index)| (format!("{front}{end}"), file(index)));
        assert_eq!(kept, wanted);
        let twice: Vec<_> =
            findings.iter().filter(|finding| finding.code == crate::finding::code::DUPLICATE_ADDRESS).collect();
        assert_eq!(twice.len(), 1, "{twice:?}");
        assert_eq!((&*twice[0].source.file, &*twice[0].related[0].0.file), ("4.yaml", "1.yaml"));
    }
}

/// The findings about a text as `line:column code`.
fn places(text: &str) -> Vec<String> {
    let (_, findings) = resolve([read_text(text)]);
    let place =
        |finding: &Finding| format!("{}:{} {}", finding.source.place.line, finding.source.place.column, finding.code);
    findings.iter().map(place).collect()
}

/// The one finding about a text: its place and code, its message, its hint.
fn only(text: &str) -> (String, String, String) {
    let (_, findings) = resolve([read_text(text)]);
    let all: Vec<_> = findings.iter().collect();
    let [finding] = all.as_slice() else { panic!("{all:#?}") };
    let place = format!("{}:{} {}", finding.source.place.line, finding.source.place.column, finding.code);
    (place, finding.message.clone(), finding.hint.clone().unwrap_or_default())
}

#[test]
fn a_character_that_looks_like_another_is_named_at_its_place() {
    for (from, to, place, named, typed) in [
        ("subject: \"order #123\"", "subject:\u{a0}\"order\"", "8:11 yaml-syntax", "U+00A0", "an ordinary space"),
        ("subject: \"order #123\"", "subject\u{ff1a} \"order\"", "8:10 yaml-syntax", "U+FF1A", "type :"),
        ("  subject:", "\u{3000}\u{3000}subject:", "8:1 yaml-syntax", "U+3000", "an ordinary space"),
        ("\"order #123\"", "\u{201c}order: 1\u{201d}", "8:12 yaml-syntax", "U+201C", "type \""),
        ("_type: Email", "_type: \u{201c}Email\u{201d}", "5:10 unknown-type", "U+201C", "type \""),
        ("{name: a}", "{name: a\u{2013}b}", "3:19 bad-name", "U+2013", "type -"),
        ("9c2a2cce-699f", "9c2a2cce\u{2011}699f", "6:24 bad-uuid", "U+2011", "type -"),
        ("dec8b", "dec8b\u{200b}", "6:52 bad-uuid", "U+200B", "remove it"),
        ("kind: Conversation", "kind: Conversation\u{feff}", "2:19 yaml-syntax", "U+FEFF", "remove it"),
    ] {
        assert!(EMAIL.contains(from), "{from}");
        let (found, message, hint) = only(&EMAIL.replacen(from, to, 1));
        assert_eq!(found, place, "{message}");
        assert!(message.contains(named) && hint.contains(typed), "{message}: {hint}");
    }
    let hidden = EMAIL.replace("subject:", "sub\u{200b}ject:");
    assert_eq!(places(&hidden), ["5:3 missing-member", "8:6 unknown-member"]);
    // What a customer wrote is theirs.
    let text = EMAIL.replace("\"x\"", "Bonjour\u{a0}! \u{201c}\u{ff1a}\u{201d}").replace("_type: Email", "_type: Mail");
    assert_eq!(places(&text), ["5:10 unknown-type"]);
    let json = EMAIL.replace('\n', " ");
    let reading = read(
        &Arc::from("m.json"),
        format!("{{\u{201c}apiVersion\u{201d}: 1}} {json}").as_bytes(),
        Tenant::unknown(),
        &no_tables,
    );
    let finding = reading.findings.iter().next().expect("one");
    assert!(finding.message.contains("U+201C") && finding.source.place.column == 2, "{finding:?}");
}

#[test]
fn a_tab_is_reported_on_its_line_though_the_parser_stumbles_before() {
    let text = EMAIL.replace("  subject:", "\tsubject:");
    let (place, _, hint) = only(&text);
    assert_eq!(place, "8:2 yaml-syntax");
    assert!(hint.contains("begins with a tab"), "{hint}");
}

const IMPORT: &str = "apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: i}
spec:
  genericChannelName: email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
  attributes: {emailIntegrationId: a@email.dixa.io, subject: s}
  messages:
    - {_type: InboundImport, createdAt: 2021-12-01T13:00:00Z, content: {_type: Text, value: x}, attributes: {emailIntegrationId: a@email.dixa.io}}
    - {_type: OutboundImport, agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b, createdAt: 2021-12-01T14:00:00Z, content: {_type: Text, value: x}, attributes: {emailIntegrationId: a@email.dixa.io, cc: [jane@example.com]}}
";

#[test]
fn a_timestamp_in_another_form_is_understood_or_its_form_is_given() {
    let with = |written: &str| IMPORT.replacen("2021-12-01T11:00:00Z", written, 1);
    for (written, code, hint) in [
        ("1577836800000", "8:14 bad-timestamp", "2020-01-01T00:00:00Z"),
        ("1577836800", "8:14 bad-timestamp", "2020-01-01T00:00:00Z"),
        ("'1577836800000'", "8:14 bad-timestamp", "2020-01-01T00:00:00Z"),
        ("1577836800.25", "8:14 bad-timestamp", "2020-01-01T00:00:00.250Z"),
        ("2021-12-01T12:46:36.581Z[GMT]", "8:14 bad-timestamp", "2021-12-01T12:46:36.581Z"),
        ("2021-12-01 12:46:36+01:00", "8:14 bad-timestamp", "2021-12-01T11:46:36Z"),
        ("2021-12-01T12:46:36+0100", "8:14 bad-timestamp", "2021-12-01T11:46:36Z"),
        ("2021-12-01T12:46:36", "8:14 bad-timestamp", "if it is UTC, write 2021-12-01T12:46:36Z"),
        ("2021-12-01", "8:14 bad-timestamp", "if it is UTC, write 2021-12-01T00:00:00Z"),
        ("2021-12-01T13:00:00+25:00", "8:14 bad-timestamp", "RFC 3339"),
        ("2021-12-01T13:00:60Z", "8:14 bad-timestamp", "RFC 3339"),
        ("soon", "8:14 bad-timestamp", "RFC 3339"),
        ("2021-12-01T12:00:00+01:00", "8:14 other-timestamp", "write 2021-12-01T11:00:00Z"),
        ("2021-12-01T11:00:00.123456Z", "8:14 other-timestamp", "write 2021-12-01T11:00:00.123Z"),
        ("2021-12-01t11:00:00z", "8:14 other-timestamp", "write 2021-12-01T11:00:00Z"),
    ] {
        let (place, message, found) = only(&with(written));
        assert_eq!(place, code, "{written}: {message}");
        assert!(found.contains(hint), "{written}: {found}");
    }
    for written in ["9999-12-31T23:59:59Z", "0000-01-01T00:00:00.5Z", "2016-12-31T23:59:60Z"] {
        assert_eq!(places(&with(written)), Vec::<String>::new(), "{written}");
    }
}

#[test]
fn the_attributes_of_an_import_are_those_of_its_channel() {
    assert_eq!(places(IMPORT), Vec::<String>::new());
    for (from, to, expected) in [
        ("emailIntegrationId: a@email.dixa.io, subject: s", "subject: s", &["9:15 missing-member"][..]),
        (", subject: s", "", &["9:15 missing-member"]),
        (", subject: s", ", subjekt: s", &["9:15 missing-member", "9:53 unlisted-member"]),
        ("subject: s", "subject: 7", &["9:62 quote-it"]),
        (", subject: s", ", subject: s, ticket: 08", &["9:65 unlisted-member", "9:73 number-changes"]),
        ("cc: [jane@example.com]", "cc: [9c2a2cce-699f-4a72-89d9-fda5bc8dec8b]", &["12:193 not-an-address"]),
        ("cc: [jane@example.com]", "cc: jane@example.com", &["12:192 wrong-type"]),
        ("cc: [jane@example.com]", "CC: [jane@example.com]", &["12:188 unlisted-member"]),
        ("genericChannelName: email", "genericChannelName: emial", &["5:23 unknown-channel-name"]),
        (
            "genericChannelName: email",
            "genericChannelName: genericapimessaging",
            &[
                "5:23 stays-with-the-bot",
                "9:16 unlisted-member",
                "9:53 unlisted-member",
                "11:108 unlisted-member",
                "12:152 unlisted-member",
                "12:189 unlisted-member",
            ],
        ),
    ] {
        assert!(IMPORT.contains(from), "{from}");
        let found = places(&IMPORT.replacen(from, to, 1));
        let codes =
            |all: &[String]| all.iter().map(|it| it.split(' ').next_back().map(str::to_owned)).collect::<Vec<_>>();
        let expected: Vec<String> = expected.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(codes(&found), codes(&expected), "{to}: {found:?}");
    }
    let without = IMPORT.replace("  attributes: {emailIntegrationId: a@email.dixa.io, subject: s}\n", "");
    assert_eq!(places(&without), ["5:3 missing-member", "5:3 missing-member"]);
    let message = IMPORT.replace(", attributes: {emailIntegrationId: a@email.dixa.io}", "");
    assert_eq!(places(&message), ["11:7 missing-member"]);
    let bare = &without[..without.find("  messages:").expect("there")];
    assert_eq!(places(bare), ["5:3 unlisted-member"], "nothing to carry yet");
    let widget = bare.replace("email", "widgetchat");
    assert_eq!(places(&widget), Vec::<String>::new());
    let widget = widget + "  attributes: {widgetid: x, browserInfo: {version: '1', nme: x}, language: eng}\n";
    let expected = ["9:16 unlisted-member", "9:42 unlisted-member", "9:57 unlisted-member", "9:76 bad-language"];
    assert_eq!(places(&widget), expected);
}

#[test]
fn what_dixa_may_refuse_is_a_warning_that_says_what_to_write() {
    assert_eq!(only(&EMAIL.replace("language: no", "language: de-AT")).0, "9:13 bad-language");
    let markdown = EMAIL.replace("_type: Text", "_type: Markdown");
    assert_eq!(only(&markdown).0, "10:46 markdown");
    let ignored = markdown.replace("{name: a}", "{name: a, annotations: {dixaform/ignore: markdown}}");
    assert_eq!(places(&ignored), Vec::<String>::new());
    let open = IMPORT.replace("email\n", "genericapimessaging\n");
    assert!(places(&open).contains(&"5:23 stays-with-the-bot".to_owned()));
    let closed = open.replace(
        "  messages:",
        "  closing: {closedAt: 2021-12-01T15:00:00Z, closedBy: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b}\n  messages:",
    );
    assert!(!places(&closed).iter().any(|place| place.contains("stays")));
    for number in ["08", "1e3", "1.10", "0o17", "0x1F", "+1", ".5", "1E3", "-0"] {
        let text = IMPORT.replace("email\n", "mine\n").replacen("subject: s", &format!("n: [{{x: {number}}}]"), 1);
        let (_, message, _) = {
            let (_, findings) = resolve([read_text(&text)]);
            let found = findings.iter().find(|finding| finding.code == "number-changes").expect(number);
            (0, found.message.clone(), found.hint.clone())
        };
        assert!(message.contains(number), "{message}");
    }
    for number in ["8", "1000.5", "-1", "1.0", "'08'", "12345678901234567890"] {
        let text = IMPORT.replace("email\n", "mine\n").replacen("subject: s", &format!("n: {number}"), 1);
        assert_eq!(places(&text), ["5:23 unknown-channel-name"], "{number}");
    }
}

#[test]
fn a_text_that_a_comment_cuts_off_is_suspicious() {
    let (place, message, hint) = only(&EMAIL.replace("\"order #123\"", "order #123"));
    assert_eq!(place, "8:12 cut-by-comment");
    assert!(message.contains("`#123`") && hint.contains("\"order #123\""), "{message}: {hint}");
    let (place, _, hint) = only(&EMAIL.replace("\"order #123\"", "#123"));
    assert_eq!((place.as_str(), hint.as_str()), ("8:10 wrong-type", "quote it: \"#123\""));
    for fine in ["order # 123", "\"order\" #123", "'order' #123", "order#123", "order #", ">-\n    order\n  #123"] {
        assert_eq!(places(&EMAIL.replace("\"order #123\"", fine)), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn an_address_of_two_manifests_is_reported_whatever_else_is_wrong() {
    let wrong = EMAIL.replace("language: no", "langauge: no");
    for (first, second) in [(EMAIL, wrong.as_str()), (&wrong, EMAIL), (&wrong, &wrong)] {
        let found = places(&format!("{first}---\n{second}"));
        assert!(found.contains(&"14:18 duplicate-address".to_owned()), "{found:?}");
    }
    let broken = format!("{EMAIL}---\na: b: c\n---\n{EMAIL}");
    assert_eq!(places(&broken), ["12:5 yaml-syntax", "16:18 duplicate-address", "16:18 same-body"][..2]);
}

#[test]
fn a_record_moves_from_one_address_that_nobody_describes_to_one() {
    let manifest = |name: &str, from: &str| {
        let annotations = if from.is_empty() { String::new() } else { format!("dixaform/moved-from: {from}") };
        format!(
            "---\napiVersion: dixaform/v1\nkind: Conversation\nmetadata:\n  name: {name}\n  annotations: {{{annotations}}}\n\
             spec:\n  _type: Callback\n  direction: Inbound\n  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b\n  \
             contactEndpointId: about {name}\n  queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97\n"
        )
    };
    let found = |manifests: &[(&str, &str)]| -> Vec<(&str, u32)> {
        let text: String = manifests.iter().map(|(name, from)| manifest(name, from)).collect();
        let (desired, findings) = resolve([read_text(&text)]);
        let found: Vec<_> = findings.iter().map(|found| (found.code, found.source.place.line)).collect();
        assert_eq!(desired.len(), manifests.len(), "{found:?}");
        found
    };
    assert_eq!(found(&[("b", "conversation.a"), ("d", "conversation.c")]), []);
    assert_eq!(found(&[("a", ""), ("b", "conversation.a")]), [("old-address-described", 18)]);
    // Of a chain only the last move can be left.
    assert_eq!(found(&[("b", "conversation.a"), ("c", "conversation.b")]), [("old-address-described", 18)]);
    let swapped = found(&[("a", "conversation.b"), ("b", "conversation.a")]);
    assert_eq!(swapped, [("old-address-described", 6), ("old-address-described", 18)]);
    assert_eq!(found(&[("b", "conversation.a"), ("c", "conversation.a")]), [("duplicate-moved-from", 18)]);
}

#[test]
fn what_is_no_manifest_is_one_finding() {
    let file = |name: &str, text: &str| {
        let reading = read(&Arc::from(name), text.as_bytes(), Tenant::unknown(), &no_tables);
        let all: Vec<_> =
            reading.findings.iter().map(|it| (it.code, it.severity, it.hint.clone().unwrap_or_default())).collect();
        let [one] = all.as_slice() else { panic!("{name}: {all:#?}") };
        one.clone()
    };
    let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n";
    for (name, text) in [
        ("m/kustomization.yaml", kustomization),
        ("m/any.yaml", kustomization),
        ("m/kustomization.yml", "resources: [a.yaml]\n"),
        ("m/part.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"),
    ] {
        let (code, severity, hint) = file(name, text);
        assert_eq!((code, severity), ("no-manifest", Severity::Warning), "{name}");
        assert!(hint.contains("kustomize build m |"), "{hint}");
    }
    for (name, text) in [
        ("values.yaml", "replicas: 2\n"),
        ("package.json", "{\"name\": \"x\", \"version\": \"1\"}"),
        ("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {}\n"),
        ("chart.yaml", "apiVersion: v2\nname: x\n"),
        ("empty.json", "{}"),
    ] {
        let (code, severity, _) = file(name, text);
        assert_eq!((code, severity), ("not-a-manifest", Severity::Error), "{name}");
    }
    let email = EMAIL[EMAIL.find("  _type").expect("there")..].replace("\n  ", "\n");
    let import = IMPORT[IMPORT.find("  generic").expect("there")..].replace("\n  ", "\n");
    for (body, kind) in [(email, "`kind: Conversation`"), (import, "`kind: ConversationImport`")] {
        let (code, _, hint) = file("body.yaml", body.trim_start());
        assert!(code == "not-a-manifest" && hint.contains("under `spec:`") && hint.contains(kind), "{hint}");
    }
    for empty in ["", "# nothing\n", "---\n---\n", "null\n"] {
        assert_eq!(only(empty).0, "1:1 no-manifest", "{empty:?}");
    }
    assert_eq!(places(&EMAIL.replace("apiVersion: dixaform/v1", "apiVersion: v1")), ["1:13 bad-api-version"]);
    assert_eq!(places(&EMAIL.replace("kind: Conversation", "kind: conversation")), ["2:7 unknown-kind"]);
}

#[test]
fn a_manifest_may_name_its_schema() {
    let text = format!("$schema: ../schema.json\n{EMAIL}");
    assert_eq!(places(&text), Vec::<String>::new());
    assert_eq!(read_text(&text).manifests[0].digests, read_text(EMAIL).manifests[0].digests);
    assert!(!read_text(&text).manifests[0].spec.json().contains("$schema"));
    assert_eq!(only(&format!("$schema: 1\n{EMAIL}")).0, "1:10 quote-it");
    assert_eq!(only(&EMAIL.replace("spec:\n", "spec:\n  $schema: x\n")).0, "5:3 unknown-member");
}

#[test]
fn what_is_no_list_says_how_it_is_written_as_one() {
    for (member, hint) in [
        ("tags: vip", "write [vip]"),
        ("tags: vip, late", "write [vip, late]"),
        ("tags: 'a: b'", "write [\"a: b\"]"),
        ("tags: 2024", "write [\"2024\"]"),
        ("tags:", "give it a value, or remove it"),
    ] {
        let finding = read_text(&format!("{EMAIL}  {member}\n")).findings.into_iter().next().expect("one");
        assert_eq!(finding.code, "wrong-type", "{member}");
        assert!(finding.hint.as_deref().unwrap_or_default().contains(hint), "{member}: {:?}", finding.hint);
    }
    let map = EMAIL.replace("\"x\"}}", "\"x\"}, attachments: {url: 'https://a.example/x', prettyName: x}}");
    let finding = read_text(&map).findings.into_iter().next().expect("one");
    assert_eq!(finding.hint.as_deref(), Some("write it as an item of a list: put `- ` before its first member"));
}
