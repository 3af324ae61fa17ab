//! Manifests of the examples and the fixtures with small damage.

use std::sync::OnceLock;

use crate::yaml::fast::tests::choices::Choices;
use crate::yaml::fast::tests::{generated, texts_below};

const PIECES: [&str; 52] = [
    " ", " ", "  ", "    ", "\n", "\n", "\n  ", "\n    ", ":", ": ", ":\n", "-", "- ", "\n- ", "#", " #", ",", ", ",
    "[", "]", "{", "}", "[]", "{}", "'", "\"", "''", "\"\"", "|", "|-", ">", "&", "*", "!", "%", "@", "`", "?", "? ",
    "~", "<<: ", ".", "---", "\n---\n", "\n...\n", "\t", "\\", "0", "a", "é", "\u{feff}", "\r",
];

fn manifests() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let files = texts_below("examples").into_iter().chain(texts_below("tests/fixtures"));
        files.map(|(_, text)| text).chain((0..40).map(generated)).collect()
    })
}

/// A manifest with a few edits.
pub fn text(choices: &mut Choices<'_>) -> String {
    let all = manifests();
    let text = all[choices.below(all.len())].clone();
    broken(text, choices)
}

/// The text with a few edits, or with none.
pub fn broken(mut text: String, choices: &mut Choices<'_>) -> String {
    for _ in 0..choices.below(4) {
        match choices.below(8) {
            0..=2 => {
                let at = position(&text, choices);
                text.insert_str(at, choices.of(&PIECES));
            }
            3 | 4 => {
                let at = position(&text, choices);
                if at < text.len() {
                    text.remove(at);
                }
            }
            5 => {
                let at = position(&text, choices);
                if at < text.len() {
                    text.remove(at);
                    text.insert_str(at, choices.of(&PIECES));
                }
            }
            _ => edit_line(&mut text, choices),
        }
    }
    text
}

/// Any character boundary.
fn position(text: &str, choices: &mut Choices<'_>) -> usize {
    let mut at = choices.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn edit_line(text: &mut String, choices: &mut Choices<'_>) {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let index = choices.below(lines.len());
    match choices.below(6) {
        0 => drop(lines.remove(index)),
        1 => lines.insert(index, lines[index].clone()),
        2 => {
            let other = choices.below(lines.len());
            lines.swap(index, other);
        }
        3 => lines[index].insert(0, ' '),
        4 => lines[index] = lines[index].trim_start_matches(' ').to_owned(),
        _ => {
            let more = choices.of(&["\n", "  \n", "# c\n", "    # c\n", "---\n", "\t\n", "  x: y\n", "- z\n"]);
            lines.insert(index, more.to_owned());
        }
    }
    *text = lines.concat();
}
