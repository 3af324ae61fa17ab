//! The short way held against the parser: whenever it answers, the answer is the same, node for node and place for place.
//!
//! `PROPTEST_CASES=200000 cargo test --release --lib yaml::fast` looks longer.

mod choices;
mod mutated;
mod printed;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use crate::reporter::Reporter;
use crate::scratch::Arena;
use crate::yaml::fast::read;
use crate::yaml::tree::{Content, Node};
use crate::yaml::{decode, events};

use choices::Choices;

#[expect(dead_code, reason = "what writes the files is not used here")]
#[path = "../../../../examples/generate.rs"]
mod generate;

fn same(one: &Node<'_>, other: &Node<'_>) -> bool {
    one.span() == other.span()
        && match (&one.content, &other.content) {
            (Content::Null, Content::Null) => true,
            (Content::Bool(one, text), Content::Bool(other, other_text)) => one == other && text == other_text,
            (Content::Number(one, text), Content::Number(other, other_text)) => one == other && text == other_text,
            (Content::OddNumber(one), Content::OddNumber(other)) | (Content::Text(one), Content::Text(other)) => {
                one == other
            }
            (Content::List(one), Content::List(other)) => all_same(one, other),
            (Content::Map(one), Content::Map(other)) => {
                one.len() == other.len()
                    && one.iter().zip(*other).all(|(one, other)| {
                        (&one.key, one.key_span()) == (&other.key, other.key_span()) && same(&one.value, &other.value)
                    })
            }
            _ => false,
        }
}

fn all_same(one: &[Node<'_>], other: &[Node<'_>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

/// Whether the short way answered; fails when its answer is another than that of the parser.
fn agrees(text: &str) -> bool {
    let arena = Arena::new();
    let Some(short) = read(text, &arena) else { return false };
    let file: Arc<str> = Arc::from("m.yaml");
    let mut reporter = Reporter::new(&file, text);
    let long = events::read(text, &arena, &mut reporter);
    let findings: Vec<_> = reporter.finish().into_iter().map(|finding| finding.message).collect();
    assert!(findings.is_empty(), "{findings:?} in {text:?}\n{text}");
    assert!(all_same(&short, &long), "{text:?}\n{text}\nshort way: {short:#?}\nparser: {long:#?}");
    true
}

#[expect(clippy::disallowed_methods, reason = "a test reads fixtures")]
fn files_below(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

fn texts_below(folder: &str) -> Vec<(String, String)> {
    let file: Arc<str> = Arc::from("m.yaml");
    let text = |bytes: &[u8]| decode(&file, bytes).ok().map(str::to_owned);
    files_below(folder)
        .iter()
        .filter_map(|(path, bytes)| Some((path.file_name()?.to_str()?.to_owned(), text(bytes)?)))
        .collect()
}

fn generated(index: usize) -> String {
    let options = generate::Options { folder: PathBuf::new(), count: 1, per_file: 1, seed: 7, outbound: true };
    generate::manifest(index, &options)
}

#[test]
fn manifests_as_they_are_written_take_the_short_way() {
    let examples = texts_below("examples");
    assert!(examples.len() > 30);
    let left: Vec<&str> = examples.iter().filter(|(_, text)| !agrees(text)).map(|(name, _)| name.as_str()).collect();
    // Its anchors are for the parser.
    assert_eq!(left, ["2019-tent-poles.yaml"]);
    for index in 0..300 {
        assert!(agrees(&generated(index)), "{}", generated(index));
    }
    let one_file: String = (0..100).map(generated).collect();
    assert!(agrees(&one_file));
}

#[test]
fn what_is_wrong_in_a_fixture_is_left_to_the_parser() {
    for (_, text) in texts_below("tests/fixtures") {
        agrees(&text);
    }
}

#[test]
fn every_part_of_yaml_that_it_knows_is_read() {
    for text in [
        "a: 1\nb: two words\nc: 'it''s'\nd: \"x\\n\\u00e6\\x41\" # why\ne:\nf: ~\n",
        "a:\n- b\n-\n- c: d\n  e: f\n-   - g\n    - h\n- # none\ni: j\n",
        "a:\n  - b\n  -\n    c: d\n  - |-\n    text\n     deeper\n\n    more\n  - >+\n    folded\n    text\n\n\nb: |\n  x\n",
        "a: {b: [c, 'd', \"e\"], f: {}, \"g\":1, h : i} # why\nb: [\n  c, # why\n\n  d,\n  ]\nc: [x,\n  y\n]\n",
        "# first\n---\na: b\n--- # second\n\n- a\n# last\n---\n",
        "[a, {b: c}]\n",
        "å: ø\nb: [æ, 日本, \"😀\", 'é' ] # ü\nc: {ß: |x}\n".trim_end_matches("c: {ß: |x}\n"),
        "\"a\": b\n'c' : d\n\"<<\": e\n",
        "a: b",
        "a: |\n  b",
        "a:\n  b: c # d\n# e\n  f: g\n",
        "",
        "# nothing\n",
    ] {
        assert!(agrees(text), "{text}");
    }
}

#[test]
fn what_it_does_not_know_is_left_to_the_parser() {
    for text in [
        "a: &x b\n",
        "a: *x\n",
        "a: !!str b\n",
        "<<: {a: b}\n",
        "? a\n: b\n",
        "%YAML 1.2\n---\na: b\n",
        "a: b\n...\n",
        "a:\tb\n",
        "a: b\r\n",
        "a: b\n  c\n",
        "a: 'b\n  c'\n",
        "a: b\na: c\n",
        "a: b: c\n",
        "a: [b: c]\n",
        "a: {b}\n",
        "a: [b\n",
        "a: |2\n  b\n",
        "a: \u{feff}b\n",
        "scalar\n",
        "a: - b\n",
        "a:\n  b\n c\n",
        "a: b\n c: d\n",
        // The parser ends the inner map in the line of the comment, and the outer one after it.
        "a:\n  b: |\n    c\n #",
        "a:\n  b: c\n#",
        "a:\n  b: c\n ",
    ] {
        assert!(!agrees(text), "{text}");
    }
}

#[test]
fn a_hostile_text_takes_no_longer_than_its_length() {
    let begin = std::time::Duration::from_secs(20);
    let wide: String = (0..100_000).map(|key| format!("k{key}: 1\n")).collect();
    let long_line = format!("a: [{}é]\n", "é, ".repeat(300_000));
    let texts =
        [wide, long_line, "[".repeat(100_000), "- ".repeat(100_000), " \n#\n".repeat(100_000), "a:\n ".repeat(9)];
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(texts.iter().filter(|text| read(text, &Arena::new()).is_some()).count()));
    assert_eq!(receive.recv_timeout(begin).expect("it ends, and soon"), 3);
}

proptest! {
    #[test]
    fn what_is_printed_in_any_style_reads_the_same(choices in Choices::any(400)) {
        agrees(&printed::text(&mut Choices::new(&choices)));
    }

    #[test]
    fn what_was_broken_a_little_reads_the_same_or_is_left_to_the_parser(choices in Choices::any(60)) {
        agrees(&mutated::text(&mut Choices::new(&choices)));
    }

    #[test]
    fn what_was_printed_and_broken_reads_the_same_or_is_left_to_the_parser(
        choices in Choices::any(150),
        edits in Choices::any(20),
    ) {
        let text = printed::text(&mut Choices::new(&choices));
        agrees(&mutated::broken(text, &mut Choices::new(&edits)));
    }

    #[test]
    fn any_text_reads_the_same_or_is_left_to_the_parser(text in "[ -~\n\té{}\\[\\]:,&*!|>'\"%@`#-]{0,40}") {
        agrees(&text);
    }

    #[test]
    fn any_few_tokens_read_the_same_or_are_left_to_the_parser(choices in Choices::any(24)) {
        agrees(&printed::tokens(&mut Choices::new(&choices)));
    }
}

#[test]
fn most_of_what_is_printed_takes_the_short_way() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut count = |text: &dyn Fn(&mut Choices<'_>) -> String| {
        (0..400)
            .filter(|_| {
                let choices = Choices::any(400).new_tree(&mut runner).unwrap().current();
                agrees(&text(&mut Choices::new(&choices)))
            })
            .count()
    };
    let printed = count(&printed::text);
    let mutated = count(&mutated::text);
    let tokens = count(&printed::tokens);
    assert!(printed >= 100 && mutated >= 100 && tokens >= 10, "{printed}, {mutated}, {tokens} of 400");
}
