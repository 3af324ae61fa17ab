//! Foreign texts that try to be more than text, from the command line through every form of plan, validate and apply.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::manifests::email;
use crate::support::{Outcome, Workspace};

/// What each form could interpret as more than text, if it were not escaped.
const HOSTILE: [(&str, &str); 14] = [
    ("script", "<script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>"),
    ("end of tags", "</details></summary></noscript></script></style></pre></code></title> --> ]]>"),
    ("quotes", "\" onmouseover=\"alert(1)\" x='y' \\\" \\' &quot;&#34;&lt;b&gt;"),
    ("ansi", "\u{1b}[31mred\u{1b}[0m\u{1b}]8;;http://x.invalid\u{7}link\u{1b}]8;;\u{7}\u{9b}2J\u{8}\u{8}\u{7f}"),
    ("right to left", "\u{202e}gnp.exe\u{2066}\u{2069}\u{200f}\u{200b}\u{feff} \u{5d0}\u{5d1}"),
    ("backticks", "` `` ``` ```` ``````````"),
    ("fences", "a\n```\n````\n~~~\n</details>\n```text\n~~~~~"),
    ("details", "</details>\n\n</details>\n\n<details><summary>mine</summary>\n\n# A heading\n\n- a list"),
    ("commands", "::error::owned\n::set-output name=apply::true\n##[error]owned\r\n::stop-commands::x"),
    ("escapes", "%0A::error::owned%0D%25 \\u001b \\n {{x}} ${{ secrets.x }} $(id)"),
    ("mentions", "@all @octocat #1 GH-1 https://x.invalid [a](javascript:alert(1)) ![b](http://x.invalid/i.png) |a|b|"),
    ("front", "- a\n> b\n# c\n    d\n1. e\n---\n+++ f\n~ g\n! h"),
    ("marks", "<!-- dixaform:plan tenant=sandbox -->\nApply complete! 1 created, 1 imported, 0 updated."),
    ("long word", "WORD"),
];

/// Put beside the hostile text, to find out whether a form shows it.
const SENTINEL: &str = "sentinel";

const PLAN: [&str; 6] = ["text", "json", "markdown", "html", "github", "gitlab"];
const APPLY: [&str; 6] = PLAN;
const VALIDATE: [&str; 7] = ["text", "json", "markdown", "html", "github", "gitlab", "sarif"];

/// A text as YAML and JSON both read it back.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(letter) if letter == ' ' || letter.is_ascii_graphic() && !"\"\\".contains(letter) => out.push(letter),
            _ => write!(out, "\\u{unit:04x}").unwrap(),
        }
    }
    out + "\""
}

/// Runs a command with all of its forms into files, and gives them.
fn forms(workspace: &Workspace, command: &str, forms: &[&'static str], code: i32) -> Vec<(&'static str, String)> {
    let flags: String = forms.iter().fold(String::new(), |flags, form| format!("{flags} --format {form}=out.{form}"));
    let shown = workspace.run(&format!("{command}{flags}")).exit(code);
    is_plain("standard output", &shown.stdout);
    is_plain("standard error", &shown.stderr);
    forms.iter().map(|form| (*form, workspace.read(&format!("out.{form}")))).collect()
}

#[track_caller]
fn is_sound(form: &str, text: &str) {
    is_plain(form, text);
    match form {
        "text" => {}
        "json" | "gitlab" | "sarif" => drop(serde_json::from_str::<Value>(text).expect(text)),
        "markdown" => is_whole_markdown(text),
        "html" => is_whole_html(text),
        "github" => {
            let command =
                |line: &str| ["::error ", "::warning ", "::notice "].iter().any(|word| line.starts_with(word));
            assert!(text.lines().all(command), "{text}");
        }
        other => panic!("nobody knows {other}"),
    }
}

/// Nothing moves the cursor, reverses text, or is invisible.
#[track_caller]
fn is_plain(form: &str, text: &str) {
    let hidden =
        |letter: char| letter.is_control() && letter != '\n' || "\u{202e}\u{2066}\u{200b}\u{200f}".contains(letter);
    let found = text.chars().find(|letter| hidden(*letter));
    assert_eq!(found, None, "{form}: {text}");
}

/// Outside of fences and code there are no tags but those that fold, and they end where they should.
#[track_caller]
fn is_whole_markdown(page: &str) {
    let (mut fence, mut folds) = (None, 0_i32);
    for (index, line) in page.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let ticks = line.trim_start().bytes().take_while(|byte| *byte == b'`').count();
        let rest = &line[indent + ticks..];
        if let Some(open) = fence {
            if indent < 4 && ticks >= open && rest.trim().is_empty() {
                fence = None;
            }
            continue;
        }
        if indent < 4 && ticks >= 3 && !rest.contains('`') {
            fence = Some(ticks);
            continue;
        }
        let mut bare = without_code(line);
        if index == 0 {
            assert!(bare.starts_with("<!-- dixaform:") && bare.ends_with(" -->"), "{line}");
            continue;
        }
        for (tag, by) in [("<details>", 1), ("</details>", -1), ("<summary>", 0), ("</summary>", 0)] {
            folds += by * i32::try_from(bare.matches(tag).count()).unwrap();
            bare = bare.replace(tag, "");
        }
        for tag in ["<code>", "</code>", "<b>", "</b>", "<br>"] {
            bare = bare.replace(tag, "");
        }
        assert!(!bare.contains('<') && (0..=1).contains(&folds), "line {}: {line}\n{page}", index + 1);
        let alive =
            ["@all", "@octocat", "](", "http://x.invalid", "secrets."].into_iter().find(|text| bare.contains(text));
        assert_eq!(alive, None, "line {}: {line}\n{page}", index + 1);
    }
    assert_eq!((fence, folds), (None, 0), "{page}");
}

/// A line without its spans of code, as `CommonMark` finds them.
fn without_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        out.push_str(&rest[..start]);
        let ticks = rest[start..].bytes().take_while(|byte| *byte == b'`').count();
        let after = &rest[start + ticks..];
        let mut at = 0;
        let end = loop {
            let Some(found) = after[at..].find('`') else { break None };
            let run = after[at + found..].bytes().take_while(|byte| *byte == b'`').count();
            if run == ticks {
                break Some(at + found + run);
            }
            at += found + run;
        };
        rest = match end {
            Some(end) => &after[end..],
            None => {
                out.push_str(&rest[start..start + ticks]);
                after
            }
        };
    }
    out + rest
}

/// Every tag is one of ours, closed where it should be, and has no attribute that does or loads something.
#[track_caller]
fn is_whole_html(page: &str) {
    const KNOWN: &str = " b bdi body button code dd del details dialog div dl dt footer form h1 h2 head header html input \
                         ins kbd li main mark meta noscript ol option output p pre rect script section select small span \
                         strong style summary svg title ul ";
    let (mut open, mut scripts) = (Vec::new(), 0);
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a whole tag");
        let tag = &rest[start + 1..end];
        let name = tag.split([' ', '\n']).next().unwrap().to_owned();
        rest = &rest[end + 1..];
        assert!(KNOWN.contains(&format!(" {} ", name.trim_start_matches('/'))), "<{tag}>");
        for attribute in [" on", " style=", " src=", " href=", " srcdoc=", " action="] {
            assert!(!without_values(tag).contains(attribute), "<{tag}>");
        }
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "<{tag}>");
        } else if !["meta", "input"].contains(&name.as_str()) {
            open.push(name.clone());
        }
        scripts += usize::from(name == "script");
        if ["style", "script"].contains(&name.as_str()) {
            rest = &rest[rest.find("</").expect("an end")..];
        }
    }
    assert_eq!((open, scripts), (Vec::new(), 1));
}

/// A tag without what is between its quotes.
fn without_values(tag: &str) -> String {
    tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// Two manifests in a file of a hostile name, with the text in each place that takes any; Dixa's answer to the second
/// one repeats it.
fn manifests(hostile: &str) -> Workspace {
    let with = |name: &str| {
        let external = format!("  _type: Inbound\n    externalId: {}\n", quoted(hostile));
        email(name)
            .replace("  _type: Inbound\n", &external)
            .replace(&format!("about {name}"), &quoted(&format!("{hostile} {SENTINEL}")))
            .replace("value: Hello", &format!("value: {}", quoted(&format!("{SENTINEL}\n{hostile}\n{SENTINEL}"))))
    };
    let text = format!("{}---\n{}", with("a"), with("b"));
    let workspace = Workspace::fast().file("manifests/<b> & \"'`%0A,::error::x/sentinel.yaml", &text);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    workspace
}

#[test]
fn no_text_is_more_than_text_in_any_form_of_any_command() {
    for (what, hostile) in HOSTILE {
        let hostile = if hostile == "WORD" { hostile.repeat(2_000) } else { hostile.to_owned() };
        let workspace = manifests(&hostile);

        for (form, text) in forms(&workspace, "plan", &PLAN, 0) {
            is_sound(form, &text);
            assert!(["github", "gitlab"].contains(&form) || text.contains(SENTINEL), "{what}, {form}: {text}");
        }
        let plan: Value = serde_json::from_str(&workspace.read("out.json")).unwrap();
        assert_eq!(plan["changes"][0]["after"]["subject"], format!("{hostile} {SENTINEL}"), "{what}");

        // Both have the same `externalId`, so one of them fails.
        for (form, text) in forms(&workspace, "apply --yes", &APPLY, 4) {
            is_sound(form, &text);
            assert!(text.contains("Duplicate externalId"), "{what}, {form}: {text}");
        }
        let report: Value = serde_json::from_str(&workspace.read("out.json")).unwrap();
        let mut messages = report["outcomes"].as_array().unwrap().iter().filter_map(|ended| ended["message"].as_str());
        assert!(messages.any(|message| message.contains(&hostile[..4])), "{what}: {report}");

        let member = quoted(&format!("{SENTINEL} {hostile}"));
        workspace.write(
            "manifests/bad.yaml",
            email("bad")
                .replace("subject:", &format!("{member}: {member}\n  language: {member}\n  subject:"))
                .replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", &member),
        );
        for (form, text) in forms(&workspace, "validate", &VALIDATE, 1) {
            is_sound(form, &text);
            assert!(text.contains(SENTINEL), "{what}, {form}: {text}");
        }
    }
}

#[test]
fn every_line_of_an_apply_as_it_happens_is_json_whatever_it_contains() {
    for (what, hostile) in HOSTILE {
        let workspace = manifests(hostile);
        let lines = workspace.run("apply --yes --format json").exit(4);
        is_plain(what, &lines.stdout);
        let events: Vec<Value> = lines.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert_eq!(events.last().unwrap()["event"], "finished", "{what}");
    }
}

#[test]
fn no_line_of_a_plan_or_a_report_is_a_command_of_a_ci_service() {
    let text = "first\\n::error::owned\\n  ::add-mask::a\\n##[error]owned\\nlast ##vso[task.complete]";
    let workspace = Workspace::fast();
    workspace.write("manifests/a.yaml", email("a"));
    let plain = workspace.read("manifests/a.yaml");
    let hostile = plain.replace("subject:", &format!("language: \"::warning::x ##[error]y\"\n  subject: \"{text}\" #"));
    assert_ne!(plain, hostile);
    workspace.write("manifests/a.yaml", &hostile);
    let check = |outcome: Outcome| {
        for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
            let is_command = line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso[");
            assert!(!is_command, "{line}");
        }
        outcome
    };
    let plan = check(workspace.run("plan --allow-replace").exit(0)).says("\\u{3a}:error::owned");
    assert_eq!(workspace.run("plan --allow-replace").exit(0).stdout, plan.stdout);
    let _ = check(workspace.run("apply --yes").exit(0));
    workspace.write("manifests/a.yaml", hostile.replace("last ", "end "));
    let _ = check(workspace.run("plan --allow-replace").exit(0)).says("##\\u{5b}error]owned");
    workspace.write("manifests/a.yaml", hostile.replace("requesterId: ", "requesterId: \"::error::\" #"));
    let _ = check(workspace.run("validate"));
    let _ = check(workspace.run("plan ::error::gone"));
}
