//! What a tenant has, as a file, and manifests that are checked against it without a network.

use serde_json::{Value, json};

use crate::support::{Server, Workspace};

const SEED: &str = r##"
organization: {id: org-1, name: Acme Staging}
endUsers: [{id: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b, displayName: Jane}]
agents: [{id: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b, displayName: Mia, email: mia@example.com}]
queues: [{id: 3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11, name: Support}]
tags: [{name: vip}, {name: old, active: false}]
emailIntegrations: [support@email.dixa.io]
contactEndpoints: ["+4512345678"]
customAttributes:
  - {id: 2f5515b6-7e98-4f4d-9010-bfd2a27d4f35, identifier: order_number, label: Order number, entityType: Conversation, inputDefinition: {_type: Text}}
  - id: e14708a6-eed9-495c-9d88-c72331e9e247
    identifier: reason
    label: Reason
    entityType: Conversation
    inputDefinition:
      _type: Select
      options: [{value: payment, label: Payment, nestedOptions: [{value: card, label: Card}]}]
  - {id: 11111111-7e98-4f4d-9010-bfd2a27d4f35, identifier: tier, label: Tier, entityType: Contact, inputDefinition: {_type: Text}}
"##;

const CALLBACK: &str = "apiVersion: dixaform/v1
kind: Conversation
metadata: {name: callback}
spec:
  _type: Callback
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  contactEndpointId: \"+4512345678\"
  queueId: 3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11
  customAttributes:
    2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: \"012345\"
    e14708a6-eed9-495c-9d88-c72331e9e247: [payment, card]
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {name: mail}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: support@email.dixa.io
  subject: Late
  message: {_type: Outbound, agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b, content: {_type: Text, value: Sorry}}
";

const CATALOG: &str = "state/local.catalog.json";

fn tenant() -> (Workspace, Server) {
    let workspace = Workspace::new().file("seed.yaml", SEED).file("manifests/all.yaml", CALLBACK);
    let server = Server::start(&workspace, "--strict --no-rate-limit --seed seed.yaml --request-log requests.jsonl");
    (workspace.with_tenant(&server.base_url()), server)
}

#[test]
fn a_catalog_has_one_entry_per_line_and_no_customers() {
    let (workspace, _server) = tenant();
    let _ = workspace.run("catalog diff").exit(1).warns("there is no catalog").warns("catalog pull");
    let _ = workspace.run("catalog pull").exit(0).says("+ queue \"Support\"").says("Acme Staging");
    let text = workspace.read(CATALOG);
    assert!(
        text.contains("\"format\":\"dixaform-catalog/1\"") && !text.contains("Jane") && !text.contains("token"),
        "{text}"
    );
    for entry in ["\"order_number\"", "mia@example.com", "Support", "vip", "support@email.dixa.io", "+4512345678"] {
        assert_eq!(text.lines().filter(|line| line.contains(entry)).count(), 1, "{entry}: {text}");
    }
    assert!(workspace.requests().iter().all(|(call, _)| call.starts_with("GET ")));
    let _ = workspace.run("catalog diff").exit(0).says("No differences");
    let again = workspace.run("catalog pull").exit(0);
    let _ = again.says("is as \"Acme Staging\"");
    assert_eq!(workspace.read(CATALOG), text);
    let schema: Value = serde_json::from_str(&workspace.run("schema catalog").exit(0).stdout).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap().validate(&file).unwrap();
}

#[test]
fn what_changed_in_the_tenant_is_shown_as_text_and_json() {
    let (workspace, server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    assert_eq!(server.send("POST", "/v1/tags", "{\"name\":\"late\"}").0, 200);
    workspace.edit(CATALOG, "\"name\":\"Mia\"", "\"name\":\"Mia Old\"");
    workspace.edit(
        CATALOG,
        "{\"name\":\"vip\"",
        "{\"name\":\"gone\",\"id\":\"x\",\"active\":true},\n{\"name\":\"vip\"",
    );
    let text = workspace.run("catalog diff").exit(0).stdout;
    for line in ["+ tag \"late\"", "- tag \"gone\"", "~ agent \"mia@example.com\"", "name = \"Mia Old\" -> \"Mia\""] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let found: Value = serde_json::from_str(&workspace.run("catalog diff --format json").exit(0).stdout).unwrap();
    assert_eq!((&found["format"], &found["saved"]), (&json!("dixaform-catalog-diff/1"), &json!(false)));
    assert_eq!(found["differences"].as_array().unwrap().len(), 3);
    let schema: Value = serde_json::from_str(&workspace.run("schema catalog-diff").exit(0).stdout).unwrap();
    jsonschema::validator_for(&schema).unwrap().validate(&found).unwrap();
    assert!(workspace.read(CATALOG).contains("Mia Old"), "diff writes nothing");
}

/// Every mistake, with the place that is reported and a word of what is said.
const MISTAKES: [(&str, &str, &str, &str); 13] = [
    ("2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: ", "2f5515b6-7e98-4f4d-9010-bfd2a27d4f36: ", "11:5", "no custom attribute"),
    (
        "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: ",
        "11111111-7e98-4f4d-9010-bfd2a27d4f35: ",
        "11:5",
        "belongs to end users",
    ),
    ("\"012345\"", "[a]", "11:5", "is a Text"),
    ("[payment, card]", "payment", "12:5", "is a Select"),
    ("[payment, card]", "[paiment]", "12:5", "did you mean `payment`?"),
    ("[payment, card]", "[payment, cash]", "12:5", "there is no option `cash`"),
    ("[payment, card]", "[payment, card, visa]", "12:5", "there is no option `visa`"),
    ("[payment, card]", "[payment]", "12:5", "go on with one of `card`"),
    ("queueId: 3b2a7f1e", "queueId: 4b2a7f1e", "9:12", "no queue"),
    ("\"+4512345678\"", "\"+4512345679\"", "8:22", "did you mean `+4512345678`?"),
    ("emailIntegrationId: support@", "emailIntegrationId: suport@", "20:23", "did you mean `support@email.dixa.io`?"),
    ("agentId: cd4ceb58", "agentId: dd4ceb58", "22:39", "no agent"),
    ("queueId: 3b2a7f1e-2c44", "queueId: 3B2A7F1E-2C45", "9:12", "no queue"),
];

#[test]
fn with_a_catalog_mistakes_are_found_without_a_network_at_their_places() {
    let (workspace, mut server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    server.terminate();
    let _ = workspace.run("validate --warnings-as-errors").exit(0);
    let _ = workspace.run("plan").exit(0);
    for (right, wrong, place, says) in MISTAKES {
        workspace.write("manifests/all.yaml", CALLBACK.replace(right, wrong));
        let told = workspace.run("validate --warnings-as-errors").exit(1).stdout;
        assert!(told.contains(&format!("manifests/all.yaml:{place}\n")) && told.contains(says), "{wrong}: {told}");
    }
    workspace.write("manifests/all.yaml", CALLBACK.replace("queueId: 3b2a7f1e", "queueId: 4b2a7f1e"));
    let _ = workspace.run("plan").exit(1).warns("unknown-queue");
}

/// The same manifests, with names in place of ids.
fn with_names() -> String {
    [
        ("3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11", "{name: Support}"),
        ("cd4ceb58-bb3a-443c-9cd8-4f088feafe5b", "{email: MIA@example.com}"),
        ("2f5515b6-7e98-4f4d-9010-bfd2a27d4f35:", "order_number:"),
        ("e14708a6-eed9-495c-9d88-c72331e9e247:", "reason:"),
    ]
    .iter()
    .fold(CALLBACK.to_owned(), |text, (id, name)| text.replace(id, name))
}

#[test]
fn names_mean_the_same_as_their_ids_and_plans_show_both() {
    let (workspace, _server) = tenant();
    workspace.write("manifests/all.yaml", with_names());
    let _ = workspace.run("plan").exit(0).says("{name = \"Support\"}").says("{email = \"MIA@example.com\"}");
    let _ = workspace.run("catalog pull").exit(0);
    let _ = workspace.run("validate --warnings-as-errors").exit(0);
    let plan = workspace.run("plan").exit(0);
    let plan = plan.says("= \"3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11\"  # Support");
    let _ = plan.says("= \"cd4ceb58-bb3a-443c-9cd8-4f088feafe5b\"  # mia@example.com").says("# Order number");
    let _ = workspace.run("plan --out saved.plan").exit(0);
    let _ = workspace.run("show saved.plan").exit(0).says("# Support").says("# Order number");
    let _ = workspace.run("apply --yes --allow-outbound").exit(0).says("2 created");
    let sent =
        workspace.requests_in("requests.jsonl").into_iter().find(|(_, body)| body["_type"] == "Callback").unwrap().1;
    assert_eq!(sent["queueId"], "3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11");
    let _ = workspace.run("plan").exit(0).says("No changes.");
    workspace.write("manifests/all.yaml", CALLBACK);
    let _ = workspace.run("plan").exit(0).says("No changes.");
    workspace.write("manifests/all.yaml", with_names().replace("\"012345\"", "\"012346\""));
    let plan = workspace.run("plan").exit(0).says("1 to update");
    let _ = plan.says("\"012345\" -> \"012346\"  # Order number");
    for form in ["markdown", "html"] {
        let _ = workspace.run(&format!("plan --format {form}")).exit(0).says("Order number");
    }
}

#[test]
fn a_name_that_fits_nothing_or_several_things_is_reported_at_its_place() {
    let (workspace, _server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    for (right, wrong, place, says) in [
        ("{name: Support}", "{name: Suport}", "9:12", "did you mean `Support`?"),
        ("{name: Support}", "{name: support}", "9:12", "did you mean `Support`?"),
        ("{email: MIA@example.com}", "{email: mia@exmple.com}", "22:39", "did you mean `mia@example.com`?"),
        ("order_number:", "order_numbr:", "11:5", "did you mean `order_number`?"),
        // That one is of contacts.
        ("order_number:", "tier:", "11:5", "no custom attribute `tier`"),
        ("order_number:", "\"Order number\":", "11:5", "did you mean `order_number`?"),
    ] {
        workspace.write("manifests/all.yaml", with_names().replace(right, wrong));
        let told = workspace.run("validate").exit(1).stdout;
        assert!(told.contains("unknown-name") && told.contains(says), "{wrong}: {told}");
        assert!(told.contains(&format!("manifests/all.yaml:{place}\n")), "{wrong}: {told}");
        assert_eq!(told.matches("error[").count(), 1, "{told}");
    }
    workspace.write("manifests/all.yaml", with_names());
    let queue = "{\"name\":\"Support\"";
    workspace.edit(CATALOG, queue, &format!("{queue},\"id\":\"4b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11\"}},\n{queue}"));
    let _ = workspace.run("plan").exit(1).warns("the catalog has 2 of the queue `Support`");
}

#[test]
fn an_attribute_that_is_named_and_identified_is_there_twice() {
    let (workspace, _server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    let twice = CALLBACK.replace("    e14708a6", "    order_number: x\n    e14708a6");
    workspace.write("manifests/all.yaml", twice);
    let _ = workspace.run("plan").exit(1).warns("occurs twice").warns("manifests/all.yaml:12:5");
}

#[test]
fn a_queue_that_left_the_catalog_is_found_although_its_manifest_was_applied() {
    let (workspace, _server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    let _ = workspace.run("apply --yes --allow-outbound").exit(0);
    let _ = workspace.run("plan").exit(0).says("No changes.");
    let catalog = workspace.read(CATALOG);
    let without: Vec<&str> = catalog.lines().filter(|line| !line.contains("Support")).collect();
    workspace.write(CATALOG, without.join("\n"));
    let _ = workspace.run("plan").exit(1).warns("unknown-queue");
}

#[test]
fn a_catalog_of_another_organization_is_refused() {
    let (workspace, _server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    let _ = workspace.run("apply --yes --allow-outbound").exit(0);
    workspace.edit(CATALOG, "\"id\":\"org-1\"", "\"id\":\"org-2\"");
    for command in ["plan", "apply --yes", "catalog pull", "catalog diff"] {
        let _ = workspace.run(command).exit(if command.starts_with("catalog") { 0 } else { 5 });
        workspace.write(CATALOG, workspace.read(CATALOG).replace("\"id\":\"org-1\"", "\"id\":\"org-2\""));
    }
    workspace.remove("state/local.json");
    let _ = workspace.run("catalog pull").exit(5).warns("org-2");
    workspace.edit("dixaform.yaml", "apiKeyEnv", "organizationId: org-1, apiKeyEnv");
    let _ = workspace.run("validate").exit(5).warns("org-2");
}

#[test]
fn a_file_that_is_no_catalog_is_named_and_left_as_it_is() {
    let (workspace, _server) = tenant();
    for text in ["", "{", "{\"format\":\"other/1\"}", "{\"format\":\"dixaform-catalog/2\"}", "\u{feff}[]"] {
        workspace.write(CATALOG, text);
        for command in ["validate", "plan", "catalog diff", "catalog pull"] {
            let _ = workspace.run(command).exit(1).warns(CATALOG);
        }
        assert_eq!(workspace.read(CATALOG), text);
    }
}

#[test]
fn the_catalog_can_be_elsewhere_and_nothing_is_written_onto_it() {
    let (workspace, _server) = tenant();
    workspace.edit("dixaform.yaml", "apiKeyEnv", "catalog: tenants/local.json, apiKeyEnv");
    let _ = workspace.run("catalog pull").exit(0);
    assert!(workspace.exists("tenants/local.json") && !workspace.exists(CATALOG));
    let _ = workspace.run("plan --format json=tenants/local.json").exit(1).warns("the catalog of a tenant");
}
