//! Plain English in documents, comments, messages and names, and no mention of documents that are not here.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// What is read: folders and files.
const READ: [&str; 14] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs",
    "state/README.md",
    "examples",
    "src",
    "tests",
    "benches",
    ".ci",
    ".github",
    ".packaging",
    "Cargo.toml",
];

/// Not read: what an earlier release printed, and what lists the habits.
const NOT_READ: [&str; 2] = ["tests/fixtures/older/full/plans", "tests/it/prose.rs"];

/// A habit of writing, what looks like it and is fine, and the plain words. In names, `_` counts as a space.
const HABITS: [(&str, &str, &str); 16] = [
    (
        r"\b(stand|stands|stood)\b",
        r"\bstand-ins?\b|\b(stands?|stood) (in )?for\b|\bstands? (out|still|in the way)\b",
        "is, appears or occurs: `it is in the state`, `a key occurs twice`",
    ),
    (r"\b(is|are|was|were|be|been|being|not) told\b", r"\btold (apart|to|not to)\b", "is reported, is said, is shown"),
    (r"\bso many\b", r"\bso many \w+ that\b", "this many, or the number by its name"),
    (
        r"\b(is|are|was|were) none\b",
        r"(?i)\bthere (is|are|was|were) none\b|(\.|::)is none\b",
        "is not one, is not valid",
    ),
    (r"\bof others\b", "", "say whose: of other programs, from manifests or from Dixa"),
    (r"\bmend(s|ed|ing)?\b", "", "fix, repair"),
    (r"\b(anew|afresh)\b", "", "again"),
    (r"\b(Who|who) wants\b|\b(for|to|by|only) who [a-z]+s\b", "", "somebody who, if you want"),
    (r"(^|[.;:/`] +)(Is|Are|Was|Were|Has|Have|Had|Does|Did|Should) [^.?!\n]*, then\b", "", "if the machine is gone, …"),
    (r"\bshould (your|the|a|an|it|they|this|that) \w+ [^?\n]*[.,;]$", r"^[^a-z]*(What|How|Which) .*", "if it …"),
    (r"\bshall\b", "", "must, will"),
    (r"\b(belongs?|put) into (the|a|git|it|each)\b|\b[Ll]ook into Dixa\b", "", "belongs in, put in, look in Dixa"),
    (r"\b(one|object|outcome|event|entry) a line\b", "", "per line, on each line"),
    (r"\bat work\b", "", "is running"),
    (r"\bmakes? none\b", "", "creates nothing"),
    (r"\bbut for\b", "", "except"),
];

/// One text file of the repository.
struct Text {
    /// From the root, with `/`.
    name: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn texts() -> Vec<Text> {
    let mut texts = Vec::new();
    for name in READ {
        read(name, &mut texts);
    }
    assert!(texts.len() > 100, "{}", texts.len());
    texts
}

fn read(name: &str, texts: &mut Vec<Text>) {
    let path = root().join(name);
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
            read(&format!("{name}/{}", entry.file_name().to_str().unwrap()), texts);
        }
    } else if !NOT_READ.iter().any(|skipped| name.starts_with(skipped))
        && let Ok(text) = std::fs::read_to_string(path)
    {
        texts.push(Text { name: name.to_owned(), text });
    }
}

/// With bounds of ASCII words: bounds of Unicode words are a hundred times slower.
fn regex(pattern: &str) -> Regex {
    Regex::new(&format!("(?m){}", pattern.replace(r"\b", r"(?-u:\b)"))).unwrap()
}

static RULES: LazyLock<[(Regex, Regex, &str); 16]> =
    LazyLock::new(|| HABITS.map(|(habit, fine, plain)| (regex(habit), regex(fine), plain)));

/// The lines of a text that have a habit, each with the plain words.
fn habits(text: &str) -> Vec<(usize, &'static str)> {
    let text = text.replace('_', " ");
    let mut found = Vec::new();
    for (habit, fine, plain) in &*RULES {
        for at in habit.find_iter(&text).map(|found| found.start()) {
            let number = text[..at].matches('\n').count();
            let line = text.lines().nth(number).unwrap_or_default();
            let rest = if fine.as_str().is_empty() { line.into() } else { fine.replace_all(line, "") };
            if habit.is_match(&rest) {
                found.push((number + 1, *plain));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn sentences_are_plain_english() {
    let mut found = Vec::new();
    for Text { name, text } in &texts() {
        for (line, plain) in habits(text) {
            found.push(format!("{name}:{line}: write {plain}\n    {}", text.lines().nth(line - 1).unwrap().trim()));
        }
    }
    assert!(found.is_empty(), "A native speaker would not say this:\n{}\n", found.join("\n"));
}

#[test]
fn a_habit_is_found_and_what_only_looks_like_one_is_not() {
    let bad = [
        "/// A key that stands twice in one map.",
        "fn a_wrong_value_is_told_at_its_place() {",
        "Is the machine gone in mid-apply, then its log names what it made.",
        "and raise `settle` should your Dixa show a new one later.",
        "error: `foo` is none",
        "Who wants no approval leaves the environment without reviewers.",
    ];
    for line in bad {
        assert_eq!(habits(line).len(), 1, "{line}");
    }
    let good = [
        "A line `…` stands for any lines; the sandbox stands in for Dixa.",
        "let told = names.is_none();",
        "Without it there is none.",
        "What should the schema say?",
        "/// Does an edit to the value with this number, and then reads it back.",
        "There are so many changes that the plan is cut.",
    ];
    for line in good {
        assert_eq!(habits(line), [], "{line}");
    }
}

#[test]
fn only_documents_that_are_here_are_named() {
    let name = regex(r"[A-Za-z0-9_./-]+\.md\b");
    // Written by dixaform, by the kit or by a test.
    let written = [
        "SKILL.md",
        "plan.md",
        "apply.md",
        "validate.md",
        "report.md",
        "r.md",
        "notes.md",
        "postconversationsimport.md",
    ];
    let mut found = Vec::new();
    for Text { name: file, text } in &texts() {
        let folder = root().join(file).parent().unwrap().to_owned();
        for named in name.find_iter(text) {
            let line = text[..named.start()].matches('\n').count() + 1;
            // The site has the pages of docs/ only; for all else they link to GitHub. A template has a place to fill before
            // the path.
            let named = named.as_str().trim_start_matches("//github.com/dixaform/dixaform/blob/main/");
            let named = named.trim_start_matches('/');
            let last = named.rsplit('/').next().unwrap();
            let is_here = root().join(named).is_file() || folder.join(named).is_file();
            let is_made = last == "EXPECT.md" || file.starts_with("tests/it/workflows/stubs");
            if !is_here && !is_made && !written.contains(&last) {
                found.push(format!("{file}:{line}: {named}"));
            }
        }
    }
    assert!(found.is_empty(), "These documents are not in the repository:\n{}\n", found.join("\n"));
}
