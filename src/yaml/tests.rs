//! Text in, trees or findings out; and the reader held against another one.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn read_as(format: Format, text: &str) -> (Vec<serde_yaml::Value>, Vec<&'static str>) {
    let file: Arc<str> = Arc::from("m.yaml");
    let mut reporter = Reporter::new(&file, text);
    let documents = read(text, format, &mut reporter).iter().map(plain).collect();
    (documents, reporter.finish().iter().map(|finding| finding.code).collect())
}

fn yaml(text: &str) -> (Vec<serde_yaml::Value>, Vec<&'static str>) {
    read_as(Format::Yaml, text)
}

/// A tree as a value of the other reader.
fn plain(node: &Node<'_>) -> serde_yaml::Value {
    use serde_yaml::Value as Other;
    match &node.content {
        Content::Null => Other::Null,
        Content::Bool(value, _) => Other::Bool(*value),
        Content::Number(number, _) => serde_yaml::to_value(number).expect("a number"),
        Content::OddNumber(text) | Content::Text(text) => Other::from(text.to_string()),
        Content::List(items) => Other::Sequence(items.iter().map(plain).collect()),
        Content::Map(entries) => Other::Mapping(
            entries.iter().map(|entry| (Other::from(entry.key.to_string()), plain(&entry.value))).collect(),
        ),
    }
}

fn oracle(text: &str) -> Vec<serde_yaml::Value> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            let mut value = serde_yaml::Value::deserialize(document).expect("the other reader takes it");
            value.apply_merge().expect("its merges are sound");
            value
        })
        .filter(|value| !value.is_null())
        .collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads fixtures")]
fn every_example_decodes_to_the_same_value_as_with_the_successor_of_serde_yaml() {
    let mut compared = 0;
    let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let (ours, codes) = yaml(&text);
            assert!(codes.is_empty(), "{}: {codes:?}", path.display());
            assert_eq!(ours, oracle(&text), "{}", path.display());
            compared += ours.len();
        }
    }
    assert!(compared >= 30, "{compared} documents");
}

#[test]
fn scalars_mean_what_the_core_schema_says() {
    let list = "[no, yes, on, ~, null, true, False, 12, 012, 0x1F, 0o17, 1.5, .5, 1e3, -1, +1, 12:30:45, 2021-12-01, 1_000, 0b1, '1', .inf, 1.2.3, -, 99999999999999999999]";
    let (documents, codes) = yaml(&list.replace(" -,", " '-',"));
    assert!(codes.is_empty());
    let shown: Vec<String> =
        documents[0].as_sequence().unwrap().iter().map(|value| serde_json::to_string(value).unwrap()).collect();
    let expected = [
        "\"no\"",
        "\"yes\"",
        "\"on\"",
        "null",
        "null",
        "true",
        "false",
        "12",
        "12",
        "31",
        "15",
        "1.5",
        "0.5",
        "1000.0",
        "-1",
        "1",
        "\"12:30:45\"",
        "\"2021-12-01\"",
        "\"1_000\"",
        "\"0b1\"",
        "\"1\"",
        "\".inf\"",
        "\"1.2.3\"",
        "\"-\"",
        "\"99999999999999999999\"",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn json_is_strict_and_knows_surrogate_pairs() {
    let (documents, codes) =
        read_as(Format::Json, "\t{\"a\": \"\\ud83d\\ude00\\u00e6\\n\", \"b\": [1, -2.5e1, true, null]}\n");
    assert!(codes.is_empty());
    assert_eq!(serde_json::to_string(&documents[0]).unwrap(), "{\"a\":\"😀æ\\n\",\"b\":[1,-25.0,true,null]}");
    for bad in [
        "{",
        "{\"a\":1,}",
        "[1 2]",
        "{'a':1}",
        "{\"a\" 1}",
        "[01]",
        "[1.]",
        "[\"\\ud83d\"]",
        "[\"\\x\"]",
        "nul",
        "[\"a\nb\"]",
        "// c\n1",
    ] {
        assert_eq!(read_as(Format::Json, bad).1, ["json-syntax"], "{bad}");
    }
}

fn quickly<T>(work: impl FnOnce() -> T + Send + 'static) -> T
where
    T: Send + 'static,
{
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(work()));
    receive.recv_timeout(Duration::from_secs(20)).expect("it ends, and soon")
}

#[test]
fn hostile_text_is_answered_and_not_believed() {
    let deep_flow = "[".repeat(80_000);
    assert_eq!(quickly(move || yaml(&deep_flow).1), ["too-deep"]);
    let deep_block: String = (0..10_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert_eq!(quickly(move || yaml(&deep_block).1), ["too-deep"]);
    let deep_dashes = "- ".repeat(10_000);
    assert_eq!(quickly(move || yaml(&deep_dashes).1), ["too-deep"]);
    let deep_json = "[".repeat(10_000);
    assert_eq!(quickly(move || read_as(Format::Json, &deep_json).1), ["too-deep"]);
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert_eq!(quickly(move || yaml(&bomb).1), ["alias-budget"]);
    let big_text = format!("a: &a \"{}\"\nb: [{}]\n", "x\\n".repeat(100_000), vec!["*a"; 1_000].join(","));
    assert_eq!(quickly(move || yaml(&big_text).1), ["alias-budget"]);
    let wide: String = (0..100_000).map(|key| format!("k{key}: 1\n")).collect();
    assert_eq!(quickly(move || yaml(&wide).1), Vec::<&str>::new());
    let twice: String = (0..100_000).map(|_| "k: 1\n").collect();
    assert_eq!(quickly(move || yaml(&twice).1.len()), Reporter::LIMIT + 1);
}

#[test]
fn a_thousand_harmless_aliases_are_harmless() {
    let text = format!("base: &base {{a: 1, b: 2}}\nuses: [{}]\n", vec!["*base"; 1_000].join(", "));
    let (documents, codes) = yaml(&text);
    assert!(codes.is_empty());
    assert_eq!(documents[0]["uses"].as_sequence().unwrap().len(), 1_000);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let file: Arc<str> = Arc::from("m.yaml");
    let refused = |bytes: &[u8]| {
        let findings = decode(&file, bytes).expect_err("refused");
        let finding = findings.iter().next().expect("one").clone();
        (finding.code, finding.source.place.line, finding.source.place.column)
    };
    assert_eq!(refused(b"a: 1\nb: \xff\n"), ("not-utf8", 2, 4));
    assert_eq!(refused(b"a: 1\nb: x\0y\n"), ("bad-character", 2, 5));
    assert_eq!(refused(b"\xff\xfea\0"), ("not-utf8", 1, 1));
    assert_eq!(refused(&vec![b'#'; (SIZE_LIMIT + 1) as usize]), ("too-large", 1, 1));
    assert_eq!(decode(&file, b"\xef\xbb\xbfa: 1\r\n").expect("a mark at the start is fine"), "a: 1\r\n");
}

#[test]
fn every_node_knows_its_place() {
    let text = "a:\n  - é: 'x'\n    b: [1, two]\n";
    let file: Arc<str> = Arc::from("m.yaml");
    let mut reporter = Reporter::new(&file, text);
    let documents = read(text, Format::Yaml, &mut reporter);
    let item = match &documents[0].get("a").unwrap().value.content {
        Content::List(items) => &items[0],
        other => panic!("{other:?}"),
    };
    let place = |line, column| Place { line, column };
    assert_eq!(item.get("é").unwrap().value.start, place(2, 8));
    assert_eq!(item.get("b").unwrap().key_start, place(3, 5));
    match &item.get("b").unwrap().value.content {
        Content::List(items) => assert_eq!((items[1].start, items[1].end), (place(3, 12), place(3, 15))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_surrogate_pair_in_yaml_is_the_character_that_json_makes_of_it() {
    let text = r#"{"a": "party \ud83c\udf89 \uD83D\uDE00!", 'b': '\ud83c', c: \ud83c, "\ud83c\udf89": "\\ud83c"}"#;
    let (documents, codes) = yaml(text);
    assert_eq!(codes, Vec::<&str>::new());
    let expected = r#"{"a":"party 🎉 😀!","b":"\\ud83c","c":"\\ud83c","🎉":"\\ud83c"}"#;
    assert_eq!(serde_json::to_string(&documents[0]).unwrap(), expected);
    for half in [r#"a: "\ud83c""#, r#"a: "\udf89\ud83c""#, r#"a: "\ud83c x""#, r#"a: ["\udc00"]"#] {
        assert_eq!(yaml(half).1, ["yaml-syntax"], "{half}");
    }
    // Private characters look like halves in disguise; with both in one text, nothing is mixed up.
    assert_eq!(yaml("a: \"\\ud83c\\udf89 \u{e83c}\"").1, ["yaml-syntax"]);
    assert_eq!(yaml("a: \"\u{e83c}\u{ef89}\"").0[0]["a"].as_str(), Some("\u{e83c}\u{ef89}"));
}

#[test]
fn the_hint_about_a_colon_or_an_odd_first_character_says_to_use_quotes() {
    let file: Arc<str> = Arc::from("m.yaml");
    for (text, place, hint) in [
        ("subject: return: of order\n", (1, 16), "put a text that contains a colon and a space in quotes"),
        ("subject: a\n  b: c\n", (2, 4), "check the indentation"),
        ("name: @jane\n", (1, 7), "put a text that begins with this character in quotes"),
    ] {
        let mut reporter = Reporter::new(&file, text);
        read(text, Format::Yaml, &mut reporter);
        let findings = reporter.finish();
        let found = findings.iter().next().unwrap();
        assert_eq!((found.source.place.line, found.source.place.column), place, "{text}: {found:?}");
        assert!(found.hint.as_ref().unwrap().contains(hint), "{text}: {found:?}");
    }
}

#[test]
fn documents_behind_an_error_of_syntax_are_read() {
    for wrong in
        ["a: \"open", "a: b: c", "a:\n\t- b", "[1, 2", "{a: b", "- a\nb: c", "*nobody", "a: &x [*x]", "a: 'x\n"]
    {
        let (documents, codes) = yaml(&format!("first: 1\n---\n{wrong}\n---\nlast: 1\n---\n{wrong}\n--- \nend: 1\n"));
        let keys: Vec<_> = documents.iter().map(|document| document.as_mapping().unwrap().keys().next()).collect();
        assert_eq!(keys.len(), 3, "{wrong}: {keys:?} {codes:?}");
        assert_eq!(codes.len(), 2, "{wrong}: {codes:?}");
    }
    let file: Arc<str> = Arc::from("m.yaml");
    let text = "a: [\n---\nb: c: d\n";
    let mut reporter = Reporter::new(&file, text);
    read(text, Format::Yaml, &mut reporter);
    let lines: Vec<u32> = reporter.finish().iter().map(|finding| finding.source.place.line).collect();
    assert_eq!(lines, [2, 3]);
    let many: String = (0..50_000).map(|_| "---\na: b: c\n").collect();
    assert_eq!(quickly(move || yaml(&many).1.len()), Reporter::LIMIT + 1);
}

#[test]
fn a_document_of_too_many_values_is_refused_and_the_next_one_read() {
    for big in ["[".to_owned() + &"a,".repeat(1 << 20) + "]", "{".to_owned() + &"a,".repeat(1 << 20) + "}"] {
        let json = big.replace(",]", "]").replace('a', "1");
        let (count, codes) = quickly(move || {
            let (documents, codes) = yaml(&format!("{big}\n---\nlast: 1\n"));
            (documents.len(), codes)
        });
        assert_eq!((count, codes.as_slice()), (0, &["too-large"][..]), "of commas alone nothing is read");
        let lines = format!("{}---\nlast: 1\n", "a:\n".repeat(600_000).replacen("a:", "b:", 1));
        assert_eq!(quickly(move || yaml(&lines)).1, ["too-large"]);
        if json.starts_with('[') {
            assert_eq!(quickly(move || read_as(Format::Json, &json).1), ["too-large"]);
        }
    }
}

#[test]
fn a_version_that_is_not_1_is_refused_and_a_tag_may_be_written_out() {
    for version in ["2.0", "0.9", "11.2", "3"] {
        assert_eq!(yaml(&format!("%YAML {version}\n---\na: 1\n")).1, ["yaml-syntax"], "{version}");
    }
    for version in ["1.0", "1.1", "1.2", "1.3"] {
        assert_eq!(yaml(&format!("# x\n%YAML {version}\n---\na: 1\n")).1, Vec::<&str>::new(), "{version}");
    }
    let tagged = "%TAG !y! tag:yaml.org,2002:\n---\n!<tag:yaml.org,2002:map>\na: !<tag:yaml.org,2002:str> 1\n\
        b: !y!str 2\nc: !!str 3\n!<tag:yaml.org,2002:str> d: !<tag:yaml.org,2002:int> 4\ne: ! 5\n";
    let (documents, codes) = yaml(tagged);
    assert_eq!(codes, Vec::<&str>::new());
    assert_eq!(serde_json::to_string(&documents[0]).unwrap(), r#"{"a":"1","b":"2","c":"3","d":4,"e":"5"}"#);
    for wrong in ["a: !<tag:yaml.org,2002:binary> x", "a: !<!local> x", "a: !<tag:yaml.org,2002:int> x", "a: !local x"]
    {
        assert_eq!(yaml(wrong).1, ["unsupported-tag"], "{wrong}");
    }
}

#[test]
fn a_merge_that_is_not_finished_is_one_finding_at_its_first_marker() {
    let place = |text: &str| {
        let file: Arc<str> = Arc::from("m.yaml");
        let findings = [Format::Yaml, Format::Json].map(|format| {
            let mut reporter = Reporter::new(&file, text);
            read(text, format, &mut reporter);
            let found: Vec<_> = reporter.finish().iter().map(|it| (it.code, it.source.place.line)).collect();
            found
        });
        assert_eq!(findings[0], findings[1], "{text}");
        findings[0].clone()
    };
    for (text, line) in [
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", 1),
        ("a: 1\r\n<<<<<<< HEAD\r\nb: 1\r\n||||||| base\r\n=======\r\n>>>>>>> x\r\n", 2),
        ("a: 1\n||||||| base\nb: 2\n", 2),
        ("a: 1\n=======\nb: 2\n", 2),
        ("a: [\n  1,\n>>>>>>> feature\n]\n", 3),
        ("a: 1\n>>>>>>>", 2),
    ] {
        assert_eq!(place(text), [("unfinished-merge", line)], "{text}");
    }
    for text in ["a: |\n  <<<<<<< HEAD\n  =======\n", "a: '======='\n", "======== is a title\n", "<<: {a: 1}\n"] {
        assert!(yaml(text).1.iter().all(|code| *code != "unfinished-merge"), "{text}");
    }
}

#[test]
fn a_delete_character_is_text_as_json_has_it() {
    let (documents, codes) = read_as(Format::Json, "{\"a\": \"x\u{7f}y\"}");
    assert_eq!((documents[0]["a"].as_str(), codes.len()), (Some("x\u{7f}y"), 0));
    assert_eq!(yaml("a: \"x\u{7f}y\u{80}\u{9f}\"").0[0]["a"].as_str(), Some("x\u{7f}y\u{80}\u{9f}"));
    let file: Arc<str> = Arc::from("m.json");
    assert!(decode(&file, b"\"\x1f\"").is_err() && decode(&file, b"\"\x7f\"").is_ok());
}

fn any_value() -> impl Strategy<Value = serde_yaml::Value> {
    use serde_yaml::Value as Other;
    let leaf = prop_oneof![
        Just(Other::Null),
        any::<bool>().prop_map(Other::Bool),
        any::<i64>().prop_map(Other::from),
        // What libyaml itself gets wrong is left out: control characters and text beyond the basic plane.
        "[ -~\u{a1}-\u{2ff}\n]{0,20}".prop_map(Other::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Other::Sequence),
            prop::collection::vec(("[a-z][a-zA-Z0-9 _/-]{0,9}", inner), 0..6).prop_map(|members| Other::Mapping(
                members.into_iter().map(|(key, value)| (Other::from(key), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_successor_writes_reads_back_as_the_same(value in any_value()) {
        let text = serde_yaml::to_string(&value).unwrap();
        let (ours, codes) = yaml(&text);
        prop_assert!(codes.is_empty(), "{codes:?} in {text}");
        let theirs = oracle(&text);
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn what_json_writes_reads_back_as_the_same(value in any_value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let (as_json, codes) = read_as(Format::Json, &text);
        prop_assert!(codes.is_empty(), "{codes:?} in {text}");
        prop_assert_eq!(&as_json, &yaml(&text).0);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n\té{}\\[\\]:,&*!|>'\"%@`#-]{0,200}") {
        let _ = yaml(&text);
        let _ = read_as(Format::Json, &text);
    }
}
