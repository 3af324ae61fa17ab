//! Stories told on the command line: each `tests/scenarios/NN-name.txt` is a script, and `NN-name.out` is what it prints.
//!
//! A script has comments (`#`), which say why, and steps:
//!
//! ```text
//! $ dixaform plan                       runs the program; words in 'single quotes' may hold blanks
//! $ write manifests/order.yaml          writes the lines below it that begin with `> `
//! $ edit manifests/order.yaml 's/a/b/'  replaces a text that must be there, everywhere in the file; as with
//!                                       sed, another letter can stand for the slash
//! $ remove manifests/order.yaml
//! ```
//!
//! The `.out` file repeats comments and steps. Standard output is kept as it is, except times of day, which become
//! `<time>`. If the exit code is not 0, standard error is kept too, behind `! `. `UPDATE_GOLDEN=1 cargo test scenarios`
//! writes what is printed now: read the diff.

use std::path::{Path, PathBuf};

use crate::support::{Outcome, Workspace};

#[test]
fn every_scenario_prints_what_it_did_when_it_was_last_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    scripts.sort();
    assert!(scripts.len() >= 4);
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for script in scripts {
        let printed = play(&script);
        let golden = script.with_extension("out");
        if update {
            std::fs::write(&golden, &printed).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        let name = script.file_name().unwrap().to_str().unwrap();
        assert!(printed == expected, "{name} prints something else:\n{}", difference(&expected, &printed));
    }
}

/// Runs a script in a workspace of its own; what it printed.
fn play(script: &Path) -> String {
    let text = std::fs::read_to_string(script).unwrap();
    let workspace = Workspace::fast();
    let mut lines = text.lines().peekable();
    let mut printed = String::new();
    while let Some(line) = lines.next() {
        let Some(step) = line.strip_prefix("$ ") else {
            assert!(line.is_empty() || line.starts_with('#'), "{}: {line:?} is no step", script.display());
            printed.push_str(&format!("{line}\n"));
            continue;
        };
        printed.push_str(&format!("$ {step}\n"));
        let words = words(step);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["dixaform", arguments @ ..] => {
                let outcome = workspace.run_words(arguments, "");
                printed.push_str(&shown(&outcome));
            }
            ["write", file] => {
                let mut body = String::new();
                while let Some(line) = lines.next_if(|line| line.starts_with('>')) {
                    body.push_str(line.strip_prefix("> ").unwrap_or_default());
                    body.push('\n');
                }
                workspace.write(file, body);
            }
            ["edit", file, replacement] => {
                let mark = replacement.chars().nth(1).unwrap();
                let parts: Vec<_> = replacement.split(mark).collect();
                let ["s", from, to, ""] = parts.as_slice() else { panic!("{replacement:?} is not s/from/to/") };
                workspace.edit(file, from, to);
            }
            ["remove", file] => workspace.remove(file),
            _ => panic!("{}: {step:?} is no step", script.display()),
        }
    }
    printed
}

fn shown(outcome: &Outcome) -> String {
    let mut text = without_times(&outcome.stdout);
    if outcome.code != 0 {
        text.extend(without_times(&outcome.stderr).lines().map(|line| format!("! {line}\n")));
    }
    format!("{text}[exit {}]\n", outcome.code)
}

/// Words parted by blanks; one in single quotes may hold blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Every `2026-01-31T12:34:56.789Z` becomes `<time>`.
fn without_times(text: &str) -> String {
    let shape = "0000-00-00T00:00:00.000Z";
    let is_time = |rest: &str| {
        let fits = |(byte, pattern): (u8, u8)| byte == pattern || pattern == b'0' && byte.is_ascii_digit();
        rest.len() >= shape.len() && rest.bytes().zip(shape.bytes()).all(fits)
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if is_time(rest) {
            out.push_str("<time>");
            rest = &rest[shape.len()..];
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

/// The first lines that differ.
fn difference(expected: &str, printed: &str) -> String {
    let (expected, printed): (Vec<_>, Vec<_>) = (expected.lines().collect(), printed.lines().collect());
    let same = expected.iter().zip(&printed).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(3);
    let part = |lines: &[&str]| lines.iter().skip(from).take(12).map(|line| format!("  {line}\n")).collect::<String>();
    format!("expected from line {}:\n{}printed:\n{}", from + 1, part(&expected), part(&printed))
}

#[test]
fn times_are_masked_and_nothing_else() {
    assert_eq!(without_times("#1001  2026-11-22T13:07:26.527Z  å"), "#1001  <time>  å");
    assert_eq!(without_times("2021-12-01"), "2021-12-01");
}
