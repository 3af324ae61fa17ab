//! Who may import whom, and a few habits of the house that neither the compiler nor clippy keeps.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Who may use whom. Nouns name each other one by one, so that they stay a heap and not a knot.
const MAY_USE: &[(&str, &[&str])] = &[
    // Nouns.
    ("access", &[]),
    ("conversation", &["digest", "scratch", "value", "view"]),
    ("desired", &["conversation", "source", "spec"]),
    ("digest", &["json", "scratch", "value", "view"]),
    ("duration", &[]),
    ("finding", &["source"]),
    ("json", &["scratch", "value", "view"]),
    ("reporter", &["finding", "source"]),
    ("scratch", &[]),
    ("shape", &["conversation"]),
    ("source", &[]),
    ("spec", &["conversation", "json", "scratch", "value", "view"]),
    ("value", &[]),
    ("view", &["scratch", "value"]),
    // The pure core: text or values in, values out.
    ("yaml", &[NOUNS]),
    ("manifest", &[NOUNS, "yaml"]),
    ("state", &[NOUNS]),
    ("plan", &[NOUNS, "state"]),
    // A project file has settings that are options of a plan.
    ("project", &[NOUNS, "yaml", "plan"]),
    ("journal", &[NOUNS, "plan", "state"]),
    ("render", &[NOUNS, "plan", "state", "apply"]),
    // The words of plans and of outcomes, and the names of formats.
    ("schema", &[NOUNS, "plan", "state", "apply"]),
    // The edges: the only places that touch the world.
    ("api", &[NOUNS]),
    ("sandbox", &[]),
    ("workspace", &[NOUNS, "state", "plan", "journal"]),
    // The shell: decisions already made, now do them.
    ("survey", &[NOUNS, "yaml", "manifest", "state", "plan", "workspace"]),
    ("apply", &[NOUNS, "plan", "state", "journal", "api", "project"]),
    ("cli", &[EVERYTHING]),
    ("main", &["cli"]),
];

/// Stands for all modules of [`NOUN`].
const NOUNS: &str = "(nouns)";
const EVERYTHING: &str = "(everything)";

const NOUN: &[&str] = &[
    "access",
    "conversation",
    "desired",
    "digest",
    "duration",
    "finding",
    "json",
    "reporter",
    "scratch",
    "shape",
    "source",
    "spec",
    "value",
    "view",
];

const LINE_MAX: usize = 120;
/// Modules whose comments were wrapped a little wider. One leaves this list when its comments are wrapped again.
const WIDER: &[&str] = &["apply", "journal", "plan"];
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

/// One file of the crate.
struct File {
    /// `src/plan/planner.rs`
    name: String,
    text: String,
    /// `plan`; a file of tests counts as the module that it tests.
    module: String,
    /// The whole file is compiled for tests only.
    is_tests: bool,
}

impl File {
    /// The number and text of every line that is not compiled for tests only. A module of tests stands last in its file.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let before_tests = if self.is_tests { "" } else { self.text.split("\nmod tests {").next().unwrap() };
        before_tests.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn sources() -> Vec<File> {
    let mut files = Vec::new();
    read_folder(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut files);
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(files.len() > 50, "the crate has more files than {}", files.len());
    files
}

fn read_folder(root: &Path, folder: &str, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap) {
        let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_folder(root, &name, files);
        } else if name.ends_with(".rs") {
            let below = name.trim_start_matches("src/").trim_end_matches(".rs");
            let module = below.split('/').next().unwrap().to_owned();
            let is_tests = below.split('/').any(|part| part == "tests");
            let text = std::fs::read_to_string(entry.path()).unwrap();
            files.push(File { name, text, module, is_tests });
        }
    }
}

/// A line of code without its comment. A `//` inside of a string hides the rest of it, which no rule here minds.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap()
}

/// The modules that a line of code names as `crate::…`, or in `main.rs` as `dixaform::…`.
fn used<'l>(line: &'l str, from: &str) -> Vec<&'l str> {
    let root = if from == "main" { "dixaform::" } else { "crate::" };
    let parts = code(line).split(root).skip(1);
    parts.map(|rest| rest.split(|next: char| !next.is_alphanumeric() && next != '_').next().unwrap()).collect()
}

fn may_use(from: &str, to: &str) -> bool {
    let allowed = MAY_USE.iter().find(|(module, _)| *module == from).map_or(&[][..], |(_, allowed)| *allowed);
    let is_noun = NOUN.contains(&to);
    from == to || allowed.iter().any(|one| *one == to || *one == EVERYTHING || *one == NOUNS && is_noun)
}

/// Fails with every line that breaks a rule.
#[track_caller]
fn nothing_breaks(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}\n", broken.join("\n"));
}

#[test]
fn every_module_uses_only_those_that_it_may() {
    let mut broken = Vec::new();
    for file in sources() {
        for (number, line) in file.lines() {
            for to in used(line, &file.module).into_iter().filter(|to| !may_use(&file.module, to)) {
                broken.push(format!("{}:{number}: `{}` uses `{to}`", file.name, file.module));
            }
        }
    }
    let mut table = String::new();
    for (module, allowed) in MAY_USE {
        writeln!(table, "  {module:13} may use {}", allowed.join(", ")).unwrap();
    }
    nothing_breaks(&format!("This is who may use whom (architecture.md §1.3):\n{table}\nand this is not so"), &broken);
}

#[test]
fn the_table_has_every_module_and_no_other() {
    let found: BTreeSet<String> = sources().into_iter().map(|file| file.module).filter(|name| name != "lib").collect();
    let listed: BTreeSet<String> = MAY_USE.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(found, listed);
    assert!(NOUN.iter().all(|noun| listed.contains(*noun)));
}

#[test]
fn the_table_allows_nothing_that_nobody_needs_of_nouns() {
    let mut used_by: BTreeSet<(String, String)> = BTreeSet::new();
    for file in sources() {
        for (_, line) in file.lines() {
            used_by.extend(used(line, &file.module).into_iter().map(|to| (file.module.clone(), to.to_owned())));
        }
    }
    let allowed = MAY_USE.iter().filter(|(module, _)| NOUN.contains(module));
    let pairs = allowed.flat_map(|(module, allowed)| allowed.iter().map(|to| ((*module).to_owned(), (*to).to_owned())));
    let idle: Vec<_> = pairs.filter(|pair| !used_by.contains(pair)).collect();
    assert!(idle.is_empty(), "no longer used, so take it out of the table: {idle:?}");
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
    for file in sources().iter().filter(|file| !WIDER.contains(&file.module.as_str())) {
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

/// Whether a line has this text as words of its own; `\uXXXX` has it not.
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
        Some((number, length + 1))
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
    let edges = ["workspace", "cli", "api", "sandbox"];
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
    let mut broken = Vec::new();
    for file in
        sources().iter().filter(|file| pure.contains(&file.module.as_str()) || NOUN.contains(&file.module.as_str()))
    {
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
