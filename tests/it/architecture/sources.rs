//! The files of the crate, and what each of them uses of the others.

use std::collections::BTreeMap;
use std::path::Path;

/// One file of the crate.
pub struct File {
    /// `src/plan/planner.rs`
    pub name: String,
    pub text: String,
    /// `plan`; a file of tests counts as the module that it tests.
    pub module: String,
    /// The whole file is compiled for tests only.
    pub is_tests: bool,
}

impl File {
    /// The number and text of every line that is not compiled for tests only. A module of tests is last in its file.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let before_tests = if self.is_tests { "" } else { self.text.split("\nmod tests {").next().unwrap() };
        before_tests.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The paths that begin with `crate::`, without that, and the lines that they are on. In `main.rs` it is `dixaform::`.
    pub fn uses(&self) -> Vec<(usize, Vec<String>)> {
        let root = if self.module == "main" { "dixaform::" } else { "crate::" };
        let code: String = self.lines().flat_map(|(_, line)| [code(line), "\n"]).collect();
        let mut uses = Vec::new();
        for (at, _) in code.match_indices(root) {
            let line = code[..at].matches('\n').count() + 1;
            uses.extend(paths(&code[at + root.len()..]).into_iter().map(|path| (line, path)));
        }
        uses
    }

    /// `["plan", "planner"]`
    fn path(&self) -> Vec<String> {
        let below = self.name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        below.split('/').map(str::to_owned).collect()
    }
}

/// A line of code without its comment. A `//` inside a string hides the rest of it, which no rule here minds.
pub fn code(line: &str) -> &str {
    line.split("//").next().unwrap()
}

/// All paths of a tree such as `plan::{Plan, change::Change}`.
fn paths(tree: &str) -> Vec<Vec<String>> {
    if let Some(group) = tree.trim_start().strip_prefix('{') {
        return items(group).into_iter().flat_map(paths).collect();
    }
    let tree = tree.trim_start();
    let end = tree.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(tree.len());
    let (name, rest) = tree.split_at(end);
    match rest.strip_prefix("::").filter(|rest| rest.starts_with(|next: char| next == '{' || next.is_alphabetic())) {
        _ if name.is_empty() => Vec::new(),
        Some(rest) => paths(rest).into_iter().map(|path| [vec![name.to_owned()], path].concat()).collect(),
        None => vec![vec![name.to_owned()]],
    }
}

/// What is between the commas up to the closing brace.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                return items;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

/// All files below `src`, in order of their names.
pub fn sources() -> Vec<File> {
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

/// Which file defines what a path names.
pub struct Definitions<'f> {
    files: BTreeMap<Vec<String>, &'f File>,
    /// What the files re-export: from the path under which it is known to the path where it is.
    exports: BTreeMap<Vec<String>, Vec<String>>,
}

impl<'f> Definitions<'f> {
    pub fn of(files: &'f [File]) -> Self {
        let mut exports = BTreeMap::new();
        for file in files {
            let path = file.path();
            let code: String = file.lines().flat_map(|(_, line)| [code(line), "\n"]).collect();
            for (at, keyword) in code.match_indices("pub use ") {
                for target in paths(&code[at + keyword.len()..]) {
                    let known_as = [&path[..], &target[target.len() - 1..]].concat();
                    let target = match target.strip_prefix(&["crate".to_owned()]) {
                        Some(target) => target.to_vec(),
                        None => [&path[..], &target[..]].concat(),
                    };
                    // `pub use text::text`: the function is in the file that has its name.
                    if !target.starts_with(&known_as) {
                        exports.insert(known_as, target);
                    }
                }
            }
        }
        Definitions { files: files.iter().map(|file| (file.path(), file)).collect(), exports }
    }

    /// The file where it is; none for what is not of this crate.
    pub fn file_of(&self, path: &[String]) -> Option<&'f File> {
        let exported = (1..=path.len()).find_map(|length| Some((length, self.exports.get(&path[..length])?)));
        if let Some((length, target)) = exported {
            return self.file_of(&[&target[..], &path[length..]].concat());
        }
        (1..=path.len()).rev().find_map(|length| self.files.get(&path[..length]).copied())
    }
}

#[test]
fn a_tree_of_imports_is_taken_apart() {
    let found = paths("plan::{self, Plan, change::{Action, Change as Other}};\nuse std::fmt;");
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["plan::self", "plan::Plan", "plan::change::Action", "plan::change::Change"]);
    assert_eq!(paths("render::escape(text)"), [["render", "escape"]]);
}
