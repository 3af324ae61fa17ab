//! Sets: many manifests from one table.

use serde_json::{Value, json};

use crate::support::{Server, Workspace};

const SET: &str = r#"apiVersion: dixaform/v1
kind: ImportSet
metadata: {name: tickets, annotations: {dixaform/ignore: stays-with-the-bot}}
rows: {csv: ../tables/tickets.csv}
key: number
template:
  genericChannelName: genericapimessaging
  requesterId: "${who}"
  direction: Inbound
  createdAt: "2021-12-01T11:00:00Z"
  messages:
    - {_type: InboundImport, createdAt: "2021-12-01T11:00:00Z", content: {_type: Text, value: "Ticket ${number}"}}
  customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: "${order}"}
"#;

const WHO: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";

fn table(rows: usize) -> String {
    let rows: String = (1..=rows).map(|number| format!("T-{number},{WHO},order {number}\n")).collect();
    format!("number,who,order\n{rows}")
}

#[test]
fn two_hundred_tickets_of_one_table_become_imports_and_stay_so() {
    let workspace = Workspace::fast().file("manifests/tickets.yaml", SET).file("tables/tickets.csv", &table(200));
    let _ = workspace.run("validate").exit(0).says("200 manifests: valid.");
    let plan = workspace.run("plan").exit(0);
    let _ = plan.says("200 to import").says("(tables/tickets.csv:2)");
    let _ = workspace.run("apply --yes").exit(0).says("200 imported");
    let _ = workspace.run("plan").exit(0).says("No changes.");
    assert_eq!(workspace.record("import.tickets.t-17")["source"]["line"], 18);
    // Only the table has changed, and that is seen.
    workspace.edit("tables/tickets.csv", "order 17\n", "order 17b\n");
    let _ = workspace.run("plan").exit(0).says("1 to update").says("\"order 17\" -> \"order 17b\"");
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn a_finding_about_a_row_names_the_row_and_the_template() {
    let table = table(2).replace(&format!("T-2,{WHO}"), "T-2,jane");
    let workspace = Workspace::fast().file("manifests/tickets.yaml", SET).file("tables/tickets.csv", &table);
    let told = workspace.run("validate").exit(1).stdout;
    assert!(told.contains("> tables/tickets.csv:3:2") && told.contains("bad-uuid"), "{told}");
    assert!(told.contains("manifests/tickets.yaml:8:16: in the template"), "{told}");
    assert!(told.contains("3 | …jane"), "{told}");
}

#[test]
fn a_row_with_too_many_cells_does_not_hide_what_is_wrong_with_the_others() {
    let table = table(3).replace(&format!("T-2,{WHO}"), "T-2,jane").replace("order 3", "order 3,too,many");
    let workspace = Workspace::fast().file("manifests/tickets.yaml", SET).file("tables/tickets.csv", &table);
    let told = workspace.run("validate").exit(1).stdout;
    assert!(told.contains("bad-row") && told.contains("tables/tickets.csv:4:1"), "{told}");
    assert!(
        told.contains("bad-uuid") && told.contains("tables/tickets.csv:3:2") && told.contains("2 errors"),
        "{told}"
    );
    let _ = workspace.run("apply --yes").exit(1);
    assert!(!workspace.exists("state/sandbox.json"), "no row is imported");
    // Of a table whose rows are all bad, nothing else is said.
    workspace.write("tables/tickets.csv", "number,who\nT-1,a,b\nT-2,a,b\n");
    let told = workspace.run("validate").exit(1).stdout;
    assert!(!told.contains("unknown-column") && !told.contains("empty-table"), "{told}");
}

#[test]
fn standard_input_reads_tables_of_the_working_folder() {
    let workspace = Workspace::fast().file("tickets.csv", &table(3));
    let set = SET.replace("../tables/", "");
    let _ = workspace.run_with_input("plan -", &set).exit(0).says("3 to import");
}

#[cfg(unix)]
#[test]
fn a_table_outside_of_the_project_is_refused() {
    let outside = Workspace::new().file("tickets.csv", &table(1));
    let workspace = Workspace::fast().file("manifests/tickets.yaml", SET).file("dixaform.yaml", "version: 1\n");
    let refused = |set: &str| {
        workspace.write("manifests/tickets.yaml", set);
        let told = workspace.run("validate").exit(1).stdout;
        assert!(told.contains("no-table") && told.contains("is not part of the project"), "{told}");
    };
    refused(&SET.replace("../tables/tickets.csv", outside.path("tickets.csv").to_str().unwrap()));
    std::os::unix::fs::symlink(outside.path("tickets.csv"), workspace.path("manifests/link.csv")).unwrap();
    refused(&SET.replace("../tables/tickets.csv", "link.csv"));
    workspace.write("manifests/tickets.yaml", SET.replace("../tables/tickets.csv", "gone.csv"));
    assert!(workspace.run("validate").exit(1).stdout.contains("manifests/gone.csv does not exist"));
    workspace.write("manifests/tickets.yaml", SET.replace("../tables/tickets.csv", "../manifests"));
    assert!(workspace.run("validate").exit(1).stdout.contains("is not a file"));
}

#[test]
fn one_table_gives_the_customers_once_and_each_of_their_tickets() {
    let rows: String = (0..200).map(|number| format!("{number},customer{}@example.com\n", number % 60)).collect();
    let set = "apiVersion: dixaform/v1
kind: EndUserSet
metadata: {name: customers}
rows: {csv: customers.csv, distinct: email}
key: email
template: {displayName: \"${email}\", email: \"${email}\"}
";
    let table: String = rows.lines().map(|row| format!("{}\n", row.split_once(',').unwrap().1)).collect();
    let workspace = Workspace::fast()
        .file("manifests/customers.yaml", set)
        .file("manifests/customers.csv", &format!("email\n{table}"));
    let _ = workspace.run("apply --yes --tenant sandbox").exit(0).says("60 created");
    let _ = workspace.run("plan --tenant sandbox").exit(0).says("No changes.");
}

#[test]
fn a_set_with_nothing_but_a_header_is_a_warning() {
    let set = "apiVersion: dixaform/v1
kind: EndUserSet
metadata: {name: customers}
rows: {csv: customers.csv}
key: email
template: {email: \"${email}\"}
";
    let workspace = Workspace::fast().file("manifests/a.yaml", set).file("manifests/customers.csv", "email\n");
    let _ = workspace.run("validate").exit(0).says("empty-table");
}

#[test]
fn what_a_row_wants_and_the_tenant_lacks_is_shown_in_the_row_and_in_the_report_without_a_state_too() {
    let set = SET.replace("requesterId: \"${who}\"", "requesterId: {email: \"${who}\"}");
    let set = set.lines().filter(|line| !line.contains("customAttributes")).collect::<Vec<_>>().join("\n");
    let workspace = Workspace::new()
        .file("manifests/tickets.yaml", &set)
        .file("tables/tickets.csv", "number;who;order\nT-1;jane@example.com;\"a, b\"\nT-2;nobody@example.com;c\n")
        .file("seed.yaml", "endUsers: [{email: jane@example.com, displayName: Jane}]\n");
    workspace.edit("manifests/tickets.yaml", "tickets.csv}", "tickets.csv, delimiter: \";\"}");
    let server = Server::start(&workspace, "--strict --no-rate-limit --seed seed.yaml");
    let workspace = workspace.with_tenant(&server.base_url());
    let failed = workspace.run("apply --yes --format json --format json=report.json").exit(1);
    assert!(failed.stderr.contains("tables/tickets.csv:3:1"), "{}", failed.stderr);
    assert!(failed.stderr.contains("3 | T-2;nobody@example.com;c\n  | ^^^\n"), "{}", failed.stderr);
    // There is a plan, so there is a report, although nobody knows yet what was made before.
    let report: Value = serde_json::from_str(&workspace.read("report.json")).unwrap();
    assert_eq!((&report["exitCode"], &report["stop"]["reason"]), (&json!(1), &json!("not-begun")));
    assert_eq!(report["findings"][0]["excerpt"]["text"], "T-2;nobody@example.com;c");
    assert_eq!(report["counts"]["notAttempted"], 2);
    let last: Value = serde_json::from_str(failed.last_line()).unwrap();
    assert_eq!((&last["event"], &last["report"]["findings"]), (&json!("finished"), &report["findings"]));
    assert!(!workspace.exists("state/local.json"));
    // With a state it is the same.
    workspace.edit("tables/tickets.csv", "T-2;nobody@example.com;c\n", "");
    let _ = workspace.run("apply --yes").exit(0).says("1 imported");
    let table = workspace.read("tables/tickets.csv");
    workspace.write("tables/tickets.csv", table + "T-2;nobody@example.com;c\n");
    let _ = workspace.run("apply --yes").exit(1).warns("3 | T-2;nobody@example.com;c");
}
