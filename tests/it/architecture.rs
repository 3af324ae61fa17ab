//! The map of the crate, and a few habits that neither the compiler nor clippy checks.

mod map;
mod sources;

use sources::{File, code, sources};

const LINE_MAX: usize = 120;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

/// Fails with every line that breaks a rule.
#[track_caller]
fn nothing_breaks(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}\n", broken.join("\n"));
}

#[test]
fn imports_are_written_out() {
    let mut broken = Vec::new();
    for file in sources() {
        for (number, line) in file.lines() {
            let import = code(line).trim_start();
            let import = import.strip_prefix("pub ").unwrap_or(import).strip_prefix("use ");
            if import.is_some_and(|import| import.contains('*')) {
                broken.push(format!("{}:{number}: a glob", file.name));
            }
            if code(line).contains("super::") {
                broken.push(format!("{}:{number}: `super::`", file.name));
            }
        }
    }
    nothing_breaks("Imports begin with `crate::` and name what they import", &broken);
}

#[test]
fn main_only_calls_the_command_line() {
    let files = sources();
    let main = files.iter().find(|file| file.name == "src/main.rs").unwrap();
    assert!(main.text.lines().count() <= 25, "src/main.rs has {} lines", main.text.lines().count());
    assert!(main.text.contains("dixaform::cli::run("));
    assert_eq!(main.text.matches("dixaform::").count(), 1);
}

#[test]
fn the_library_file_has_no_code() {
    let files = sources();
    let library = files.iter().find(|file| file.name == "src/lib.rs").unwrap();
    let is_module = |line: &str| line.starts_with("pub mod ") || line.starts_with("mod ");
    let is_nothing = |line: &str| line.is_empty() || line.starts_with("//");
    let code: Vec<_> = library.text.lines().filter(|line| !is_module(line) && !is_nothing(line)).collect();
    assert!(code.is_empty(), "{code:?}");
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|file| !file.is_tests && !file.text.starts_with("//! "))
        .map(|file| file.name)
        .collect();
    nothing_breaks("Files open with `//! ` and a sentence", &silent);
}

#[test]
fn no_line_is_longer_than_a_screen_is_wide() {
    let mut broken = Vec::new();
    for file in sources() {
        for (number, line) in file.lines().filter(|(_, line)| line.chars().count() > LINE_MAX) {
            // A table, a sample or a link can't be broken, and what a message says is easier to find in one piece.
            let text = line.trim_start();
            let is_row = ["//! |", "/// |", "//! {"].iter().any(|begin| text.starts_with(begin));
            let is_link = text.starts_with("//") && text.contains("https://");
            if !is_row && !is_link && (text.starts_with("//") || !text.contains('"')) {
                broken.push(format!("{}:{number}: {} characters", file.name, line.chars().count()));
            }
        }
    }
    nothing_breaks(&format!("Lines have at most {LINE_MAX} characters"), &broken);
}

#[test]
fn nothing_unfinished_is_left_behind() {
    // In pieces, so that this file could be searched too.
    let banned = ["to", "un", "db", "FIX", "XX", "#[ig"];
    let banned: Vec<String> =
        banned.iter().zip(["do!", "implemented!", "g!", "ME", "X", "nore"]).map(|(a, b)| format!("{a}{b}")).collect();
    let mut broken = Vec::new();
    for file in sources() {
        for (index, line) in file.text.lines().enumerate() {
            for word in banned.iter().filter(|word| holds_word(line, word)) {
                broken.push(format!("{}:{}: `{word}`", file.name, index + 1));
            }
        }
    }
    nothing_breaks("Nothing is left for later in the code", &broken);
}

/// Whether a line has this text as words of its own; `\uXXXX` does not count.
fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let is_part = |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || next == '_');
        !(is_part(before) || is_part(after) && word.ends_with(char::is_alphanumeric))
    })
}

#[test]
fn every_function_fits_a_screen() {
    let mut broken = Vec::new();
    for file in sources() {
        for (number, lines) in functions(&file).filter(|(_, lines)| *lines > FUNCTION_LINES_MAX) {
            broken.push(format!("{}:{number}: {lines} lines", file.name));
        }
    }
    nothing_breaks(&format!("Functions have at most {FUNCTION_LINES_MAX} lines"), &broken);
}

/// Where each function begins and how many lines it has. rustfmt indents the closing brace as the line with `fn`.
fn functions(file: &File) -> impl Iterator<Item = (usize, usize)> {
    let lines: Vec<(usize, &str)> = file.lines().collect();
    (0..lines.len()).filter_map(move |start| {
        let (number, first) = lines[start];
        let words: Vec<_> = first.split_whitespace().take_while(|word| *word != "fn").collect();
        let modifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
        let is_function =
            words.len() < first.split_whitespace().count() && words.iter().all(|word| modifiers.contains(word));
        if !is_function || first.ends_with('}') || first.ends_with(';') {
            return None;
        }
        let indent = &first[..first.len() - first.trim_start().len()];
        let end = format!("{indent}}}");
        let length = lines[start..].iter().position(|(_, line)| *line == end)?;
        // One of a trait may have a signature over several lines, and no body.
        let close = format!("{indent})");
        let signature = lines[start..start + length].iter().find(|(_, line)| line.starts_with(&close));
        let has_body = signature.is_none_or(|(_, line)| !line.ends_with(';'));
        has_body.then_some((number, length + 1))
    })
}

#[test]
fn every_file_is_about_one_thing() {
    let files = sources();
    let long = files.iter().filter(|file| file.text.lines().count() > FILE_LINES_MAX && !file.is_tests);
    let long: Vec<_> = long.map(|file| format!("{}: {} lines", file.name, file.text.lines().count())).collect();
    nothing_breaks(&format!("Files have at most {FILE_LINES_MAX} lines"), &long);
}

#[test]
fn no_module_is_a_drawer() {
    let drawers = ["utils", "util", "helpers", "common", "types", "misc"];
    let is_drawer = |file: &File| file.name.trim_end_matches(".rs").split('/').any(|part| drawers.contains(&part));
    let found: Vec<_> = sources().into_iter().filter(is_drawer).map(|file| file.name).collect();
    nothing_breaks("A stray function goes beside its noun, or gets a file named for what it does", &found);
}

#[test]
fn only_edges_are_excused_from_keeping_off_the_world() {
    let edges = ["workspace", "store", "cli", "api", "program", "sandbox"];
    let mut broken = Vec::new();
    for file in sources().iter().filter(|file| !edges.contains(&file.module.as_str())) {
        for (number, line) in file.lines().filter(|(_, line)| line.contains("clippy::disallowed_methods")) {
            broken.push(format!("{}:{number}: {}", file.name, line.trim()));
        }
    }
    nothing_breaks("Files, clock and environment are for the edges", &broken);
}

#[test]
fn the_core_is_without_async_and_without_printing() {
    let pure = ["manifest", "state", "plan", "project", "render", "schema", "yaml"];
    let nouns = map::nouns();
    let is_pure = |file: &&File| pure.contains(&file.module.as_str()) || nouns.contains(&file.module);
    let mut broken = Vec::new();
    for file in sources().iter().filter(is_pure) {
        for (number, line) in file.lines() {
            for word in ["async ", ".await", "tokio::", "println!", "std::fs", "std::env::var", "std::net"] {
                if code(line).contains(word) {
                    broken.push(format!("{}:{number}: `{}`", file.name, word.trim()));
                }
            }
        }
    }
    nothing_breaks("Nouns and the pure core touch nothing and wait for nothing", &broken);
}

#[test]
fn property_tests_leave_no_files_behind() {
    // A case that failed becomes a test of its own, which says what it is about.
    let mut broken = Vec::new();
    for file in sources() {
        for (at, _) in file.text.match_indices("proptest! {\n") {
            if !file.text[at..].lines().nth(1).unwrap().contains("failure_persistence: None") {
                broken.push(format!("{}:{}", file.name, file.text[..at].matches('\n').count() + 1));
            }
        }
    }
    nothing_breaks("`proptest!` begins with a configuration that has `failure_persistence: None`", &broken);
}
