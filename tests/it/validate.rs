//! `dixaform validate`, from the command line.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::Workspace;
use crate::support::manifests::{LEGACY, ORDER, email};

/// One that is wrong in two places, on lines 4 and 12.
fn wrong_twice() -> String {
    email("Late").replace("_type: Inbound", "_type: Inbuond")
}

/// The `FILE:LINE:COLUMN` of every finding, in the order in which they are reported.
fn places(stdout: &str) -> Vec<&str> {
    stdout.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect()
}

#[test]
fn sound_manifests_are_counted_and_nothing_else_is_said() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    let outcome = workspace.run("validate").exit(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("2 manifests: valid.\n", ""));
}

#[test]
fn findings_are_the_result_and_go_to_standard_output() {
    let workspace = Workspace::new().file("manifests/order.yaml", &wrong_twice());
    let outcome = workspace.run("validate").exit(1).says("2 errors");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_finding_shows_the_line_the_place_and_what_to_do() {
    let text = ORDER.replace("  requesterId:", "  requsterId:");
    let workspace = Workspace::new().file("manifests/order.yaml", &text);
    let outcome = workspace.run("validate").exit(1);
    let expected = "\
error[missing-member]: an Email conversation needs `requesterId`
 --> manifests/order.yaml:7:3
  |
7 |   _type: Email
  |   ^^^^^
  |
  = help: add `requesterId`: the end user who requests the conversation

error[unknown-member]: unknown member `requsterId` of an Email conversation
 --> manifests/order.yaml:8:3
  |
8 |   requsterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  |   ^^^^^^^^^^
  |
  = help: did you mean `requesterId`?

2 errors
";
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn all_problems_of_all_files_are_reported_at_once_sorted_by_place() {
    let workspace = Workspace::new().file("manifests/b.yaml", &wrong_twice()).file("manifests/a.yaml", &wrong_twice());
    let outcome = workspace.run("validate").exit(1);
    let expected =
        ["a.yaml:4:9", "a.yaml:11:12", "b.yaml:4:9", "b.yaml:11:12"].map(|place| format!("manifests/{place}"));
    assert_eq!(places(&outcome.stdout), expected);
}

#[test]
fn a_warning_leaves_manifests_valid_unless_warnings_are_errors() {
    let odd = LEGACY.replace("genericapimessaging", "Pigeon");
    let workspace = Workspace::new().file("manifests/legacy.yaml", &odd);
    let outcome = workspace.run("validate").exit(0).says("warning[unknown-channel-name]");
    assert_eq!(outcome.last_line(), "1 manifest: valid, with warnings.");
    let strict = workspace.run("validate --warnings-as-errors").exit(1).says("warning[unknown-channel-name]");
    assert_eq!(strict.last_line(), "1 warning");
}

#[test]
fn warnings_as_errors_without_a_warning_is_fine() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("validate --warnings-as-errors").exit(0).says("1 manifest: valid.");
}

#[test]
fn several_files_and_folders_are_read_together() {
    let workspace = Workspace::new()
        .file("one/a.yaml", &email("a"))
        .file("one/deep/er/b.yml", &email("b"))
        .file("two.yaml", &format!("{}---\n{}", email("c"), email("d")))
        .file("three.yaml", &email("e"));
    let _ = workspace.run("validate one two.yaml").exit(0).says("4 manifests: valid.");
}

#[test]
fn hidden_files_and_folders_and_other_endings_are_skipped() {
    let workspace = Workspace::new()
        .file("manifests/order.yaml", ORDER)
        .file("manifests/.draft.yaml", "not: a manifest")
        .file("manifests/.github/workflow.yaml", "not: a manifest")
        .file("manifests/notes.md", "not a manifest")
        .file("manifests/order.yaml.orig", "not: a manifest");
    let _ = workspace.run("validate").exit(0).says("1 manifest: valid.");
}

#[test]
fn the_same_address_in_two_files_names_both_places() {
    let workspace = Workspace::new().file("manifests/a.yaml", ORDER).file("manifests/b.yaml", ORDER);
    let _ = workspace.run("validate").exit(1).says("manifests/a.yaml:4:9").says("manifests/b.yaml:4:9");
}

#[test]
fn standard_input_is_read_as_yaml_and_as_json() {
    let workspace = Workspace::new();
    let _ = workspace.run_with_input("validate -", ORDER).exit(0).says("1 manifest: valid.");
    let json = r#"{"apiVersion": "dixaform/v1", "kind": "ConversationImport", "metadata": {"name": "a"}, "spec": {
        "genericChannelName": "email", "requesterId": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
        "direction": "Inbound", "createdAt": "2021-12-01T11:00:00Z", "messages": [],
        "attributes": {"emailIntegrationId": "a@email.dixa.io", "subject": "😀"}}}"#;
    let _ = workspace.run_with_input("validate -", json).exit(0).says("1 manifest: valid");
}

#[test]
fn a_finding_in_standard_input_has_a_place_too() {
    let _ = Workspace::new().run_with_input("validate -", &wrong_twice()).exit(1).says("<stdin>:4:9");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{}", ORDER.replace('\n', "\r\n"));
    let workspace = Workspace::new().file("manifests/order.yaml", &text);
    let _ = workspace.run("validate").exit(0).says("1 manifest: valid.");
    let wrong = text.replace("language: en", "langauge: en");
    workspace.write("manifests/order.yaml", wrong);
    let _ = workspace.run("validate").exit(1).says("manifests/order.yaml:11:3");
}

/// Runs `validate` on these bytes; it must end soon, with a finding and without a panic.
#[track_caller]
fn is_found_bad(bytes: impl AsRef<[u8]>, says: &str) {
    let workspace = Workspace::new();
    workspace.write("manifests/hostile.yaml", bytes);
    let start = Instant::now();
    let outcome = workspace.run("validate").exit(1).says("manifests/hostile.yaml:").says(says).never_says("panicked");
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert!(outcome.stdout.len() < 100_000, "{} bytes of findings", outcome.stdout.len());
}

#[test]
fn a_nul_byte_is_a_finding() {
    is_found_bad(ORDER.replace("order #123", "order\0#123"), "U+0000");
}

#[test]
fn utf_16_is_a_finding() {
    let bytes: Vec<u8> = ORDER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    is_found_bad([&[0xff, 0xfe][..], &bytes].concat(), "UTF-16");
}

#[test]
fn a_file_over_16_mib_is_a_finding() {
    let mut text = ORDER.as_bytes().to_vec();
    text.resize(16 * 1024 * 1024 + 1, b'#');
    is_found_bad(text, "16 MiB");
}

#[test]
fn nesting_without_end_is_a_finding() {
    is_found_bad("[".repeat(10_000), "error[");
    is_found_bad("a: {".repeat(10_000), "error[");
    let steps: String = (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    is_found_bad(steps, "error[");
}

#[test]
fn an_alias_bomb_is_a_finding() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    is_found_bad(bomb, "error[");
}

#[test]
fn a_hostile_file_does_not_hide_the_findings_of_other_files() {
    let workspace = Workspace::new().file("manifests/b.yaml", &wrong_twice());
    workspace.write("manifests/a.yaml", "[".repeat(10_000));
    let _ = workspace.run("validate").exit(1).says("manifests/a.yaml:1:").says("manifests/b.yaml:4:9");
}

#[test]
fn every_file_of_the_corpus_of_bad_manifests_is_refused_where_it_is_wrong() {
    let workspace = Workspace::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad");
    let table = std::fs::read_to_string(corpus.join("EXPECT.md")).unwrap();
    let mut wrong = Vec::new();
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "EXPECT.md" {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        workspace.write(&name, &bytes);
        let outcome = workspace.run_words(&["validate", &name], "");
        let text = String::from_utf8_lossy(&bytes);
        for place in expected(&table, &name, &text) {
            if !outcome.stdout.contains(&format!("{name}:{place}\n")) {
                wrong.push(format!("{name}: nothing is said at {place}:\n{}", outcome.stdout));
            }
        }
        if outcome.code != 1 || outcome.stderr.contains("panicked") {
            wrong.push(format!("{name}: exit code {}\n{}", outcome.code, outcome.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files > 100, "only {files} files");
}

/// The `LINE:COLUMN`s of the table, or else of the first line of the file.
fn expected<'t>(table: &'t str, name: &str, text: &'t str) -> Vec<&'t str> {
    let row = table.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
    let places = row.or_else(|| text.lines().next()?.strip_prefix("# expect: ")).expect(name);
    let is_place = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains(':');
    let first_words = places.split("; ").filter_map(|part| part.split_whitespace().next());
    let places: Vec<_> = first_words.filter(is_place).collect();
    assert!(!places.is_empty(), "{name} expects nothing");
    places
}

#[test]
fn a_path_that_is_not_there_and_a_folder_without_manifests_are_failures() {
    let workspace = Workspace::new().file("empty/notes.md", "nothing");
    let _ = workspace.run("validate").exit(1).warns("manifests").warns("hint: ");
    let _ = workspace.run("validate nowhere.yaml").exit(1).warns("nowhere.yaml");
    let _ = workspace.run("validate empty").exit(1).warns("no manifests in empty");
    let _ = workspace.run_with_input("validate -", "# nothing yet\n").exit(1).warns("no manifests");
}

#[test]
fn validating_writes_nothing() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("validate").exit(0);
    assert_eq!(std::fs::read_dir(workspace.path("")).unwrap().count(), 1);
}

#[test]
fn text_of_a_manifest_cannot_draw_on_the_terminal() {
    let workspace = Workspace::new();
    workspace.write("manifests/a.yaml", ORDER.replace("language: en", "\"lang\\e[31m\u{202e}uage\": en"));
    let _ = workspace.run("validate").exit(1).never_says("\u{1b}").never_says("\u{202e}");
}

#[test]
fn wrong_usage_exits_with_64_and_help_with_0() {
    let workspace = Workspace::new();
    let _ = workspace.run("validate --no-such-flag").exit(64).warns("--no-such-flag");
    let _ = workspace.run("vaildate").exit(64).warns("validate");
    let _ = workspace.run("").exit(64);
    let _ = workspace.run("--help").exit(0).says("Exit codes:");
    let _ = workspace.run("validate --help").exit(0).says("--warnings-as-errors");
    let _ = workspace.run("--version").exit(0).says(concat!("dixaform ", env!("CARGO_PKG_VERSION")));
}
