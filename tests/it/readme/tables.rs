//! Each table of README.md and docs/ is complete.

use std::collections::BTreeSet;
use std::sync::Arc;

use dixaform::conversation::Kind;
use dixaform::finding::code;
use dixaform::project;
use dixaform::shape::{self, Form, Shape};

use crate::readme::commands::GENERATED;
use crate::readme::{COMMANDS, pages_of_docs, read, repository};
use crate::support::Workspace;

#[test]
fn every_command_and_flag_is_explained() {
    let workspace = Workspace::new();
    let pages = pages_of_docs().into_iter().chain(["README.md".into()]);
    let by_hand = |page: String| read(&page).split(GENERATED).next().unwrap_or_default().to_owned();
    let documents: String = pages.map(by_hand).collect();
    let mut unexplained = BTreeSet::new();
    for command in COMMANDS {
        let help = workspace.run(&format!("{command} --help")).exit(0).stdout;
        for line in help.lines() {
            let words = line.split([' ', ',']).filter(|word| word.starts_with("--") && line.starts_with("  "));
            let flags = words.map(|word| word.trim_end_matches(|end: char| !end.is_ascii_alphanumeric()));
            unexplained.extend(flags.filter(|flag| !mentions(&documents, flag)).map(str::to_owned));
        }
        for name in subcommands(&help) {
            let full = format!("{command} {name}");
            assert!(COMMANDS.contains(&full.trim()), "the command `{full}` is not among those tested here");
            if !mentions(&documents, &format!("dixaform {}", full.trim())) {
                unexplained.insert(full);
            }
        }
    }
    assert!(unexplained.is_empty(), "no page that is written by hand explains {unexplained:?}");
}

/// The names under `Commands:`, without clap's own `help`.
fn subcommands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

/// Whether a flag occurs in a text as a whole: `--state` is not mentioned by `--state-file`.
fn mentions(text: &str, flag: &str) -> bool {
    text.match_indices(flag).any(|(at, _)| {
        let next = text[at + flag.len()..].chars().next();
        next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-')
    })
}

#[test]
fn every_exit_code_is_in_the_table() {
    let source = include_str!("../../../src/cli/exit.rs");
    let codes = source.lines().filter(|line| line.trim_start().starts_with("Exit::"));
    let codes: Vec<&str> = codes.filter_map(|line| line.split("=> ").nth(1)?.strip_suffix(',')).collect();
    assert_eq!(codes.len(), 9, "{codes:?}");
    let page = read("docs/commands.md");
    for code in codes {
        assert!(page.contains(&format!("\n| {code} | ")), "the exit code {code} is not in docs/commands.md");
    }
}

#[test]
fn every_setting_of_a_tenant_is_in_the_table() {
    let text = "version: 1\ntenants: {staging: {nobodyKnows: 1}}\n";
    let (_, findings) = project::read(&Arc::from("dixaform.yaml"), text.as_bytes());
    let hint = findings.iter().next().and_then(|finding| finding.hint.clone()).unwrap();
    let settings: Vec<&str> = hint.strip_prefix("known members: ").unwrap().split(", ").collect();
    assert!(settings.len() >= 13);
    let page = read("docs/tenants.md");
    for setting in settings {
        assert!(page.contains(&format!("\n| `{setting}` | ")), "the setting {setting} is not in docs/tenants.md");
    }
}

#[test]
fn every_finding_is_listed_with_its_meaning() {
    let mut last = 0;
    let page = read("docs/findings.md");
    for code in code::ALL {
        let row = format!("\n{} ", code.row());
        let at = page.find(&row).unwrap_or_else(|| panic!("docs/findings.md has no row{row}"));
        assert!(at >= last, "{} is out of order in docs/findings.md", code.name);
        last = at;
    }
    let listed = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(listed, code::ALL.len(), "docs/findings.md lists what is no finding");
}

/// Each row of the table: variant, member, form, whether it is required.
fn member_rows() -> Vec<String> {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for variant in shape::body(kind).variants {
            rows_of(variant, &mut rows);
        }
    }
    rows
}

fn rows_of(shape: &'static Shape, rows: &mut Vec<String>) {
    let mut below = Vec::new();
    for member in shape.members {
        let required = if member.required { "yes" } else { "no" };
        let row = format!("| {} | `{}` | {} | {required} | ", shape.name, member.name, form(&member.form, &mut below));
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    for shape in below {
        rows_of(shape, rows);
    }
}

/// A form in words, and the shapes in it.
fn form(form: &'static Form, below: &mut Vec<&'static Shape>) -> String {
    let alternatives = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    match form {
        Form::Text => "text, not empty".into(),
        Form::AnyText => "text".into(),
        Form::Uuid => "uuid".into(),
        Form::Reference(thing) => {
            let names: Vec<String> = thing.keys().iter().map(|(key, _)| format!("`{{{key}: …}}`")).collect();
            format!("uuid, or {}", names.join(", "))
        }
        Form::Timestamp => "RFC 3339 timestamp with a zone".into(),
        Form::Url => "http or https URL".into(),
        Form::Language => "text, two letters as in ISO 639-1".into(),
        Form::EmailAddress => "e-mail address".into(),
        Form::PhoneNumber => "E.164 number".into(),
        Form::Word(words) => alternatives(words),
        Form::Free => "any map".into(),
        Form::List(item) => format!("list of {}", items(item, below)),
        Form::Set(item) => format!("list of different {}", items(item, below)),
        Form::Map(shape) => {
            below.push(shape);
            format!("map: {}", shape.name)
        }
        Form::Union(union) => {
            below.extend(union.variants);
            alternatives(&union.variants.iter().map(|variant| variant.name).collect::<Vec<_>>())
        }
    }
}

/// The form of the items of a list, in words.
fn items(item: &'static Form, below: &mut Vec<&'static Shape>) -> String {
    match item {
        Form::Text => "texts, none of them empty".into(),
        Form::EmailAddress => "e-mail addresses".into(),
        Form::PhoneNumber => "E.164 numbers".into(),
        Form::Reference(_) => form(item, below).replacen("uuid", "uuids", 1),
        Form::Map(_) => form(item, below).replacen("map", "maps", 1),
        _ => form(item, below),
    }
}

#[test]
fn every_member_is_listed() {
    let page = read("docs/members.md");
    let missing: Vec<String> = member_rows().into_iter().filter(|row| !page.contains(&format!("\n{row}"))).collect();
    assert!(missing.is_empty(), "docs/members.md does not have\n{}", missing.join("\n"));
    let known: BTreeSet<String> = member_rows().into_iter().collect();
    let bodies = page.split("## ").find(|section| section.starts_with("Bodies")).expect("the section Bodies");
    for row in bodies.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        assert!(known.iter().any(|start| row.starts_with(start.as_str())), "docs/members.md has too much: {row}");
    }
}

#[test]
fn every_test_and_fixture_that_the_member_table_names_exists() {
    let page = read("docs/members.md");
    let tests = concat!(include_str!("../members.rs"), include_str!("../handling.rs"));
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let proofs: Vec<&str> = cells.last().unwrap().split(", ").map(|cell| cell.trim_matches('`')).collect();
        for proof in proofs {
            named += 1;
            match proof.rsplit_once('.') {
                Some((_, "yaml" | "json")) => {
                    assert!(repository("tests/fixtures/bad").join(proof).is_file(), "no fixture {proof}: {row}");
                }
                _ if proof.len() == 1 => assert!(page.contains(&format!("\n- **{proof}** `")), "{proof}: {row}"),
                _ => assert!(tests.contains(&format!("\nfn {proof}()")), "no test {proof}: {row}"),
            }
        }
    }
    assert!(named > 100, "{named}");
    for line in page.lines().filter(|line| line.starts_with("- **")) {
        let test = line.split('`').nth(1).unwrap();
        assert!(tests.contains(&format!("\nfn {test}()")), "no test {test}");
    }
}
