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
    let _ = again.says("is up to date with \"Acme Staging\"");
    assert_eq!(workspace.read(CATALOG), text);
    let schema: Value = serde_json::from_str(&workspace.run("schema catalog").exit(0).stdout).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap().validate(&file).unwrap();
}

#[test]
fn the_first_command_in_a_folder_can_pull_the_catalog_of_the_sandbox() {
    let workspace = Workspace::new();
    let _ = workspace.run("catalog pull --tenant sandbox").exit(0);
    assert!(workspace.exists("state/sandbox.catalog.json") && workspace.exists("state/sandbox.requests.jsonl"));
}

#[test]
fn the_catalog_of_the_sandbox_has_what_manifests_name_before_anything_was_applied() {
    let names =
        "  queue: {name: Support}\n  assignee: {email: Mia@example.com}\n  customAttributes: {order_number: x}\n";
    let ids = "  queue: 11112222-3333-4444-9555-666677778888\n";
    let wrong = "---\napiVersion: dixaform/v1\nkind: Conversation\nmetadata: {name: wrong}\nspec: {}\n";
    let other = CALLBACK[CALLBACK.find("---").unwrap()..].replace("support@", "my-integration@");
    let (one, two) =
        (other.replace("name: mail", "name: one") + names, other.replace("subject: Late", "subject: On") + ids);
    let workspace = Workspace::fast().file("manifests/all.yaml", &(one + &two)).file("manifests/wrong.yaml", wrong);
    let _ = workspace.run("catalog pull").exit(0).warns("some manifests have errors");
    workspace.write("manifests/wrong.yaml", "# nothing\n");
    let pulled = workspace.run("catalog diff").exit(0).says("No differences");
    assert!(!pulled.stderr.contains("errors"), "{}", pulled.stderr);
    let _ = workspace.run("validate").exit(0);
    let _ = workspace.run("apply --yes --allow-outbound").exit(0).says("2 created");
    let _ = workspace.run("plan --refresh").exit(0).says("No changes.");
    // What is named later is there after another pull.
    workspace.edit("manifests/all.yaml", "{name: Support}", "{name: Late}");
    let _ = workspace.run("plan").exit(1).warns("the catalog has no queue `Late`");
    let _ = workspace.run("catalog pull").exit(0).says("+ queue \"Late\"");
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
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

/// What is set afterwards, an import and an end user.
const HANDLED: &str = "apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: old}
spec:
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  genericChannelName: genericapimessaging
  direction: Inbound
  createdAt: 2021-12-01T13:00:00Z
  messages:
    - _type: OutboundImport
      agentId: {email: mia@example.com}
      createdAt: 2021-12-01T13:00:00Z
      content: {_type: Text, value: Hi}
  closing: {closedAt: 2021-12-01T14:00:00Z, closedBy: {email: mia@example.com}}
  tags: [vip, new]
  queue: {name: Support}
  assignee: {email: mia@example.com}
  customAttributes: {order_number: a, reason: [payment, card]}
---
apiVersion: dixaform/v1
kind: EndUser
metadata: {name: jane}
spec:
  email: jane@example.com
  customAttributes: {tier: gold}
";

/// A slip in one of the manifests: what is right, what is written in its place, the code and the place of the finding,
/// and a part of what it says.
struct Slip(&'static str, &'static str, &'static str, &'static str, &'static str);

/// In [`CALLBACK`], with ids.
const IN_IDS: [Slip; 13] = [
    Slip(
        "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: ",
        "2f5515b6-7e98-4f4d-9010-bfd2a27d4f36: ",
        "unknown-attribute",
        "11:5",
        "no custom attribute",
    ),
    Slip(
        "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: ",
        "11111111-7e98-4f4d-9010-bfd2a27d4f35: ",
        "unusable-attribute",
        "11:5",
        "belongs to end users",
    ),
    Slip("\"012345\"", "[a]", "attribute-mismatch", "11:5", "is a Text"),
    Slip("[payment, card]", "payment", "attribute-mismatch", "12:5", "is a Select"),
    Slip("[payment, card]", "[paiment]", "attribute-mismatch", "12:5", "did you mean `payment`?"),
    Slip("[payment, card]", "[payment, cash]", "attribute-mismatch", "12:5", "there is no option `cash`"),
    Slip("[payment, card]", "[payment, card, visa]", "attribute-mismatch", "12:5", "there is no option `visa`"),
    Slip("[payment, card]", "[payment]", "partial-path", "12:5", "go on with one of `card`"),
    Slip("queueId: 3b2a7f1e", "queueId: 4b2a7f1e", "unknown-queue", "9:12", "no queue"),
    Slip("queueId: 3b2a7f1e-2c44", "queueId: 3B2A7F1E-2C45", "unknown-queue", "9:12", "no queue"),
    Slip("\"+4512345678\"", "\"+4512345679\"", "unknown-contact-endpoint", "8:22", "did you mean `+4512345678`?"),
    Slip(
        "emailIntegrationId: support@",
        "emailIntegrationId: suport@",
        "unknown-contact-endpoint",
        "20:23",
        "did you mean `support@email.dixa.io`?",
    ),
    Slip("agentId: cd4ceb58", "agentId: dd4ceb58", "unknown-agent", "22:39", "no agent"),
];

/// In the same with names.
const IN_NAMES: [Slip; 6] = [
    Slip("{name: Support}", "{name: Suport}", "unknown-name", "9:12", "did you mean `Support`?"),
    Slip("{name: Support}", "{name: support}", "unknown-name", "9:12", "did you mean `Support`?"),
    Slip(
        "{email: MIA@example.com}",
        "{email: mia@exmple.com}",
        "unknown-name",
        "22:39",
        "did you mean `mia@example.com`?",
    ),
    Slip("order_number:", "order_numbr:", "unknown-name", "11:5", "did you mean `order_number`?"),
    // That one is of contacts.
    Slip("order_number:", "tier:", "unknown-name", "11:5", "no custom attribute `tier`"),
    Slip("order_number:", "\"Order number\":", "unknown-name", "11:5", "did you mean `order_number`?"),
];

/// In [`HANDLED`].
const IN_SETTINGS: [Slip; 12] = [
    Slip("agentId: {email: mia@", "agentId: {email: mio@", "unknown-name", "11:16", "did you mean `mia@example.com`?"),
    Slip(
        "closedBy: {email: mia@",
        "closedBy: {email: mla@",
        "unknown-name",
        "14:55",
        "did you mean `mia@example.com`?",
    ),
    Slip(
        "closedBy: {email: mia@example.com}",
        "closedBy: dd4ceb58-bb3a-443c-9cd8-4f088feafe5b",
        "unknown-agent",
        "14:55",
        "no agent",
    ),
    Slip("[vip, new]", "[vip, old]", "inactive-tag", "15:15", "the tag `old` is inactive"),
    Slip("queue: {name: Support}", "queue: {name: Suport}", "unknown-name", "16:10", "did you mean `Support`?"),
    Slip("queue: {name: Support}", "queue: 4b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11", "unknown-queue", "16:10", "no queue"),
    Slip("assignee: {email: mia@", "assignee: {email: max@", "unknown-name", "17:13", "no agent `max@example.com`"),
    Slip(
        "assignee: {email: mia@example.com}",
        "assignee: dd4ceb58-bb3a-443c-9cd8-4f088feafe5b",
        "unknown-agent",
        "17:13",
        "no agent",
    ),
    Slip("order_number: a", "ordernumber: a", "unknown-name", "18:22", "did you mean `order_number`?"),
    Slip("reason: [payment, card]", "reason: [card]", "attribute-mismatch", "18:39", "there is no option `card`"),
    Slip("{tier: gold}", "{tir: gold}", "unknown-name", "25:22", "did you mean `tier`?"),
    Slip("{tier: gold}", "{order_number: gold}", "unknown-name", "25:22", "no custom attribute `order_number`"),
];

/// `validate` and `plan` find each slip, and nothing else.
fn finds(workspace: &Workspace, manifests: &str, slips: &[Slip]) {
    workspace.write("manifests/all.yaml", manifests);
    let _ = workspace.run("validate --warnings-as-errors").exit(0);
    for Slip(right, wrong, code, place, says) in slips {
        assert!(manifests.contains(right), "{right}");
        workspace.write("manifests/all.yaml", manifests.replace(right, wrong));
        for command in ["validate", "plan"] {
            let ended = workspace.run(&format!("{command} --warnings-as-errors")).exit(1);
            let told = ended.stdout + &ended.stderr;
            assert!(told.contains(&format!("[{code}]")) && told.contains(says), "{wrong}: {told}");
            assert!(told.contains(&format!("manifests/all.yaml:{place}\n")), "{wrong}: {told}");
            assert_eq!(told.matches(&format!("[{code}]")).count(), 1, "{told}");
        }
    }
}

#[test]
fn with_a_catalog_mistakes_are_found_without_a_network_at_their_places() {
    let (workspace, mut server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    server.terminate();
    finds(&workspace, CALLBACK, &IN_IDS);
    finds(&workspace, &with_names(), &IN_NAMES);
    finds(&workspace, HANDLED, &IN_SETTINGS);
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
fn a_name_that_fits_several_things_is_an_error() {
    let (workspace, _server) = tenant();
    let _ = workspace.run("catalog pull").exit(0);
    workspace.write("manifests/all.yaml", with_names());
    let queue = "{\"name\":\"Support\"";
    workspace.edit(CATALOG, queue, &format!("{queue},\"id\":\"4b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11\"}},\n{queue}"));
    let _ = workspace.run("plan").exit(1).warns("the queue `Support` exists 2 times in the catalog");
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
