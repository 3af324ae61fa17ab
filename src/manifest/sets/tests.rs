//! Sets in, manifests or findings with both places out.

use std::sync::Arc;

use proptest::prelude::*;

use crate::finding::{Finding, Severity, code};
use crate::manifest::{File, NoFile, Reading, Tenant, read, resolve};

const SET: &str = r#"apiVersion: dixaform/v1
kind: ImportSet
metadata: {name: tickets, labels: {wave: "2"}, annotations: {dixaform/ignore: stays-with-the-bot}}
rows: {csv: tickets.csv}
key: number
template:
  genericChannelName: genericapimessaging
  requesterId: "${who}"
  direction: Inbound
  createdAt: "${created}"
  messages:
    - {_type: InboundImport, createdAt: "${created}", content: {_type: Text, value: "Order ${number}: ${text}"}}
  customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: "${order}"}
"#;

const WHO: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";

/// A table of a header and of these rows, each a number, a text and an order.
fn table(rows: &[(&str, &str, &str)]) -> String {
    let rows = rows.iter().map(|(number, text, order)| format!("{number},{WHO},2021-12-01T11:00:00Z,{text},{order}\n"));
    format!("number,who,created,text,order\n{}", rows.collect::<String>())
}

fn read_with(set: &str, table: &[u8]) -> Reading {
    let tables = |name: &str| match name {
        "gone.csv" => Err(NoFile { message: "gone.csv does not exist".into(), hint: "check the path".into() }),
        _ => Ok(File { name: Arc::from(name), bytes: table.to_vec() }),
    };
    read(&Arc::from("m.yaml"), set.as_bytes(), Tenant::unknown(), &tables)
}

/// The code, the place and all other places of each finding.
fn told(set: &str, table: &[u8]) -> Vec<String> {
    let (_, findings) = resolve([read_with(set, table)]);
    let line = |Finding { code, source, related, .. }: &Finding| {
        let related: String = related.iter().map(|(source, _)| format!(" {source}")).collect();
        format!("{code} {source}{related}")
    };
    findings.iter().map(line).collect()
}

#[test]
fn each_row_is_a_manifest_at_its_place() {
    let Reading { manifests, findings, .. } =
        read_with(SET, table(&[("A/0", "one", "1"), ("4711", "\"two\nlines, \"\"quoted\"\"\"", "")]).as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    let seen: Vec<_> = manifests.iter().map(|one| (one.address.to_string(), one.source.to_string())).collect();
    let expected = [("import.tickets.a-0", "tickets.csv:2:1"), ("import.tickets.4711", "tickets.csv:3:1")];
    assert_eq!(seen, expected.map(|(address, place)| (address.to_owned(), place.to_owned())));
    let [one, two] = manifests.as_slice() else { panic!("two") };
    assert!(one.spec.json().contains("\"value\":\"Order A/0: one\""), "{}", one.spec.json());
    assert_eq!(
        one.attribute_source("2f5515b6-7e98-4f4d-9010-bfd2a27d4f35").map(|it| it.to_string()).as_deref(),
        Some("tickets.csv:2:5")
    );
    assert!(two.spec.json().contains("two\\nlines, \\\"quoted\\\""), "{}", two.spec.json());
    // The cell is empty, so there is no attribute.
    assert!(!two.spec.json().contains("customAttributes"), "{}", two.spec.json());
    assert!(one.labels.iter().any(|(name, value)| (name, value) == ("wave", "2")));
}

#[test]
fn what_is_wrong_with_a_table_is_reported_at_its_place() {
    let fine = table(&[("1", "a", "1"), ("2", "b", "2")]);
    let cases: [(&str, Vec<u8>, &str); 13] = [
        ("twice", fine.replacen("text", "who", 1).into(), "bad-table tickets.csv:1:4 tickets.csv:1:2 m.yaml:4:13"),
        ("no name", fine.replacen("text", "", 1).into(), "bad-table tickets.csv:1:4 m.yaml:4:13"),
        ("short", fine.replace(",b,2", ",b").into(), "bad-row tickets.csv:3:1 m.yaml:4:13"),
        ("open", fine.replace(",b,2", ",\"b,2").into(), "bad-table tickets.csv:3:4 m.yaml:4:13"),
        ("empty", Vec::new(), "bad-table tickets.csv:1:1 m.yaml:4:13"),
        ("only a header", table(&[]).into(), "empty-table m.yaml:4:1"),
        ("NUL", fine.replace(",b,2", ",b\0,2").into(), "bad-character tickets.csv:3:4 m.yaml:4:13"),
        ("UTF-16", b"\xff\xfea".to_vec(), "not-utf8 tickets.csv:1:1 m.yaml:4:13"),
        ("Latin-1", [fine.as_bytes(), b"3,x,y,\xe6,z\n"].concat(), "not-utf8 tickets.csv:4:4 m.yaml:4:13"),
        ("key twice", fine.replace("\n2,", "\n1,").into(), "duplicate-address tickets.csv:3:1 tickets.csv:2:1"),
        ("no key", fine.replace("\n2,", "\n,").into(), "bad-key tickets.csv:3:1 m.yaml:5:6"),
        ("unfit key", fine.replace("\n2,", "\n2/,").into(), "bad-key tickets.csv:3:1 m.yaml:5:6"),
        ("bad id", fine.replace(&format!("2,{WHO}"), "2,x").into(), "bad-uuid tickets.csv:3:2 m.yaml:8:16"),
    ];
    for (what, table, expected) in cases {
        assert_eq!(told(SET, &table), [expected], "{what}");
    }
    let same = table(&[("A/0", "a", "1"), ("a-0", "b", "2")]);
    assert_eq!(told(SET, same.as_bytes()), ["duplicate-address tickets.csv:3:1 tickets.csv:2:1"]);
    let large = vec![b'x'; (crate::manifest::SIZE_LIMIT + 1) as usize];
    assert_eq!(told(SET, &large), ["too-large tickets.csv:1:1 m.yaml:4:13"]);
}

#[test]
fn what_is_wrong_with_a_set_is_reported_at_its_place() {
    let fine = table(&[("1", "a", "1"), ("2", "b", "2")]);
    for (from, to, expected) in [
        ("${who}", "${whoo}", "unknown-column m.yaml:8:16"),
        ("${who}", "${who", "bad-placeholder m.yaml:8:16"),
        ("key: number", "key: id", "unknown-column m.yaml:5:6"),
        ("csv: tickets.csv", "csv: tickets.csv, distinct: id", "unknown-column m.yaml:4:36"),
        ("csv: tickets.csv", "csv: tickets.csv, delimiter: \";;\"", "bad-table m.yaml:4:37"),
        ("csv: tickets.csv", "csv: gone.csv", "no-table m.yaml:4:13"),
        ("csv: tickets.csv", "distinct: number", "missing-member m.yaml:4:7"),
        ("dixaform/ignore: stays-with-the-bot", "dixaform/adopt: \"7\"", "bad-annotation m.yaml:3:62"),
        ("key: number\n", "", "missing-member m.yaml:1:1"),
        // Each row has it, so it is about the template.
        ("direction: Inbound", "directoin: Inbound", "missing-member m.yaml:7:3 tickets.csv:2:1"),
    ] {
        let found = told(&SET.replacen(from, to, 1), fine.as_bytes());
        assert!(found.iter().any(|found| found == expected), "{to}: {found:?}");
        assert!(found.len() <= 2, "{to}: {found:?}");
    }
}

#[test]
fn a_mistake_of_many_rows_is_reported_once_with_the_first_places() {
    let rows: String = (0..10_000).map(|number| format!("{number},x,2021-12-01T11:00:00Z,a,\n")).collect();
    let fine = format!("y,{WHO},2021-12-01T11:00:00Z,a,\n");
    let Reading { findings, faulty, .. } =
        read_with(SET, format!("number,who,created,text,order\n{fine}{rows}").as_bytes());
    let [finding] = &findings.iter().collect::<Vec<_>>()[..] else { panic!("{findings:?}") };
    assert_eq!((finding.code, finding.source.to_string().as_str()), (code::BAD_UUID, "tickets.csv:3:2"));
    assert!(finding.message.ends_with("(in 10000 rows)"), "{}", finding.message);
    assert_eq!((finding.related.len(), faulty.len()), (4, 10_000));
}

#[test]
fn a_wrong_cell_that_a_template_uses_twice_is_one_finding_with_both_places() {
    let table = table(&[("1", "a", ""), ("2", "b", "")]).replacen("2021-12-01T11:00:00Z", "yesterday", 1);
    assert_eq!(told(SET, table.as_bytes()), ["bad-timestamp tickets.csv:2:3 m.yaml:10:14 m.yaml:12:41"]);
}

#[test]
fn a_member_goes_with_its_cell_and_a_name_must_not() {
    let set = SET.replace("\"${who}\"", "{email: \"${order}\"}");
    let found = told(&set, table(&[("1", "a", ""), ("2", "b", "jane@example.com")]).as_bytes());
    assert!(found.contains(&"empty-value tickets.csv:2:5 m.yaml:8:24".to_owned()), "{found:?}");
    let set = SET.replace("\"${who}\"", "\"${order}\"");
    let found = told(&set, table(&[("1", "a", ""), ("2", "b", WHO)]).as_bytes());
    assert!(found.contains(&"missing-member tickets.csv:2:1 m.yaml:7:3".to_owned()), "{found:?}");
}

#[test]
fn rows_of_one_value_are_taken_once_if_they_are_the_same() {
    let set = SET.replace("csv: tickets.csv", "csv: tickets.csv, distinct: number");
    let same = table(&[("1", "a", "1"), ("1", "a", "1"), ("2", "b", "")]);
    assert_eq!(read_with(&set, same.as_bytes()).manifests.len(), 2);
    let other = table(&[("1", "a", "1"), ("1", "b", "1")]);
    assert_eq!(told(&set, other.as_bytes()), ["different-rows tickets.csv:3:4 tickets.csv:2:4"]);
    // The first of them would decide about the address.
    let by_who = SET.replace("csv: tickets.csv", "csv: tickets.csv, distinct: who").replace("${number}: ${text}", "");
    let keys = table(&[("1", "a", ""), ("2", "a", "")]);
    assert_eq!(told(&by_who, keys.as_bytes()), ["different-rows tickets.csv:3:1 tickets.csv:2:1"]);
    // Rows that say nothing there are not the same.
    let by_order = SET.replace("csv: tickets.csv", "csv: tickets.csv, distinct: order");
    let found = told(&by_order, table(&[("1", "a", ""), ("2", "b", "")]).as_bytes());
    assert_eq!(found, ["empty-value tickets.csv:2:5 tickets.csv:3:5"]);
    // What the template does not use may differ.
    let set = set.replace(": ${text}", "");
    assert_eq!(read_with(&set, other.as_bytes()).manifests.len(), 1);
}

#[test]
fn tables_are_taken_as_other_programs_write_them() {
    let plain = table(&[("1", "a", "1"), ("2", "\"b\nc\"", ""), ("3", "d", "3")]);
    let expected: Vec<_> =
        read_with(SET, plain.as_bytes()).manifests.iter().map(|one| one.spec.json().to_owned()).collect();
    let semicolons = SET.replace("csv: tickets.csv", "csv: tickets.csv, delimiter: \";\"");
    for (set, table) in [
        (SET, format!("\u{feff}{plain}")),
        (SET, plain.replace("\n1,", "\r\n1,").replace("\n2,", "\r\n\r\n2,").replace("\n3", "\r\n3")),
        (SET, plain.trim_end().to_owned()),
        (&*semicolons, plain.replace(',', ";")),
    ] {
        let Reading { manifests, findings, .. } = read_with(set, table.as_bytes());
        assert!(findings.is_empty(), "{table:?}: {findings:?}");
        let found: Vec<_> = manifests.iter().map(|one| one.spec.json().to_owned()).collect();
        assert_eq!(found, expected, "{table:?}");
    }
    let crlf = plain.replace("\n1,", "\r\n1,").replace("\n2,", "\r\n2,").replace("\n3,", "\r\n3,");
    let lines: Vec<u32> = read_with(SET, crlf.as_bytes()).manifests.iter().map(|one| one.source.place.line).collect();
    assert_eq!(lines, [2, 3, 5]);
    let told = read_with(SET, plain.replace(',', ";").as_bytes());
    assert!(told.findings.iter().all(|finding| finding.hint.as_deref().is_some_and(|hint| hint.contains("`;`"))));
}

#[test]
fn json_lines_and_a_list_of_maps_are_tables() {
    let jsonl = SET.replace("csv: tickets.csv", "jsonl: t.jsonl");
    let row = |number: &str| {
        format!("{{\"number\": {number}, \"who\": \"{WHO}\", \"created\": \"2021-12-01T11:00:00Z\", \"text\": null}}\n")
    };
    let set = jsonl.replace("\"${order}\"", "\"${number}\"");
    let Reading { manifests, findings, .. } = read_with(&set, format!("{}{}", row("4711"), row("true")).as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    let seen: Vec<_> = manifests.iter().map(|one| (one.address.to_string(), one.source.to_string())).collect();
    let expected = [("import.tickets.4711", "t.jsonl:1:1"), ("import.tickets.true", "t.jsonl:2:1")];
    assert_eq!(seen, expected.map(|(address, place)| (address.to_owned(), place.to_owned())));
    assert!(manifests[0].spec.json().contains("\"4711\""), "a cell is a text: {}", manifests[0].spec.json());
    assert_eq!(told(&set, format!("{}{}", row("1"), row("[1]")).as_bytes()), ["bad-row t.jsonl:2:12 m.yaml:4:15"]);
    assert!(told(&set, b"{\"number\": 1\n[")[0].starts_with("json-syntax t.jsonl:2:1"));

    let inline = SET.replace(
        "rows: {csv: tickets.csv}",
        &format!("rows:\n  - {{number: 1, who: {WHO}, created: \"2021-12-01T11:00:00Z\", text: a, order: 012}}"),
    );
    let Reading { manifests, findings, .. } = read_with(&inline, b"");
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(manifests[0].source.to_string(), "m.yaml:5:5");
    assert!(manifests[0].spec.json().contains("\"012\""), "{}", manifests[0].spec.json());
    assert_eq!(told(&inline.replace("order: 012", "order: {a: 1}"), b""), ["bad-row m.yaml:5:109"]);
}

#[test]
fn a_row_and_a_manifest_of_one_address_are_both_named() {
    let other = SET.replace("ImportSet", "ConversationImport").replace("name: tickets", "name: tickets.1");
    let head = other.split("rows:").next().unwrap_or_default();
    let body = other.split("template:").nth(1).unwrap_or_default().replace("${who}", WHO);
    let body = body.replace("${created}", "2021-12-01T11:00:00Z").replace("${order}", "x");
    let (_, findings) =
        resolve([read_with(&format!("{SET}---\n{head}spec:{body}"), table(&[("1", "a", "1")]).as_bytes())]);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert_eq!(
        errors.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        [code::DUPLICATE_ADDRESS],
        "{findings:?}"
    );
    assert!(errors[0].message.contains("import.tickets.1 is described twice"), "{}", errors[0].message);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_table_or_findings(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\",;\\r\\n{}\\[\\]:a1 ]{0,80}") {
        let jsonl = SET.replace("csv: tickets.csv", "jsonl: t.jsonl");
        for set in [SET, &jsonl] {
            for table in [&bytes[..], text.as_bytes(), format!("number,who,created,text,order\n{text}").as_bytes()] {
                let Reading { manifests, findings, .. } = read_with(set, table);
                prop_assert!(!manifests.is_empty() || !findings.is_empty());
            }
        }
    }
}
