//! Names in the place of ids: what they stand for is asked for before the first write, and remembered.

use serde_json::{Value, json};

use crate::support::{Server, Workspace};

const LOG: &str = "requests.jsonl";

const SEED: &str = "
endUsers: [{id: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b, displayName: Ann, email: ann@example.com, externalId: crm-1}]
agents: [{id: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b, displayName: Mia, email: mia@example.com}]
queues:
  - {id: 3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11, name: Support}
  - {id: 3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d12, name: Twins}
  - {id: 3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d13, name: Twins}
emailIntegrations: [support@email.dixa.io]
contactEndpoints: ['+4512345678']
tags: [{name: old, active: false}]
customAttributes:
  - {id: 2f5515b6-7e98-4f4d-9010-bfd2a27d4f35, identifier: order_number, label: Order, entityType: Conversation, inputDefinition: {_type: Text}}
  - {id: 11111111-7e98-4f4d-9010-bfd2a27d4f35, identifier: tier, label: Tier, entityType: Contact, inputDefinition: {_type: Text}}
";

const JANE: &str = "apiVersion: dixaform/v1
kind: EndUser
metadata: {name: jane}
spec: {displayName: Jane, email: jane@example.com, customAttributes: {tier: gold}}
";

/// An import with this requester, closed by this agent.
fn import(name: &str, requester: &str) -> String {
    format!(
        "---
apiVersion: dixaform/v1
kind: ConversationImport
metadata: {{name: {name}}}
spec:
  genericChannelName: genericapimessaging
  requesterId: {requester}
  direction: Inbound
  createdAt: 2024-01-01T10:00:00Z
  closing: {{closedAt: 2024-01-01T11:00:00Z, closedBy: {{email: Mia@example.com}}}}
  messages: [{{_type: InboundImport, createdAt: 2024-01-01T10:00:00Z, content: {{_type: Text, value: {name}}}}}]
  customAttributes: {{order_number: \"4711\"}}
"
    )
}

/// A tenant that provides nothing but what is in its seed.
fn beside_server(manifests: &str, flags: &str) -> (Workspace, Server) {
    let workspace = Workspace::new().file("seed.yaml", SEED).file("manifests/all.yaml", manifests);
    let flags = format!("--strict --no-rate-limit --seed seed.yaml --request-log {LOG} {flags}");
    let server = Server::start(&workspace, &flags);
    (workspace.with_tenant(&server.base_url()), server)
}

fn writes(workspace: &Workspace) -> Vec<(String, Value)> {
    workspace.requests_in(LOG).into_iter().filter(|(call, _)| !call.starts_with("GET ")).collect()
}

fn id(workspace: &Workspace, address: &str) -> String {
    let state: Value = serde_json::from_str(&workspace.read("state/local.json")).unwrap();
    let records = state["records"].as_array().unwrap();
    let record = records.iter().find(|record| record["address"] == address).unwrap();
    record["id"].to_string().trim_matches('"').to_owned()
}

fn is_over(workspace: &Workspace) {
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    let _ = workspace.run("plan --refresh --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn each_name_is_asked_for_once_and_the_end_user_of_a_manifest_is_made_first() {
    let all = [
        JANE.to_owned(),
        import("a", "{endUser: jane}"),
        import("b", "{email: JANE@example.com}"),
        import("c", "{externalId: crm-1}"),
        import("d", "{email: ann@example.com}"),
    ]
    .concat();
    let (workspace, server) = beside_server(&all, "");
    let plan = workspace.run("plan").exit(0).says("requesterId        = {email = \"JANE@example.com\"}");
    let _ = plan.says("order_number = \"4711\"").says("closedBy = {email = \"Mia@example.com\"}");
    let priced = workspace.plan_json("")["price"]["calls"].as_u64().unwrap();
    assert_eq!(workspace.requests_in(LOG).len(), 0, "a plan sends nothing");
    let _ = workspace.run("apply --yes").exit(0).says("1 created, 4 imported");
    let sent = workspace.requests_in(LOG);
    // Of two names one end user shows only when they are asked for.
    assert_eq!(sent.len() as u64, priced - 1, "{sent:?}");
    let asked = |path: &str| sent.iter().filter(|(call, _)| call.contains(path)).count();
    assert_eq!([asked("/v1/agents?email="), asked("externalId=crm-1"), asked("email=ann")], [1, 1, 1], "{sent:?}");
    let jane = id(&workspace, "enduser.jane");
    let imports = sent.iter().filter(|(call, _)| call.contains("import"));
    let mut requesters: Vec<&str> = imports.map(|(_, body)| body["requesterId"].as_str().unwrap()).collect();
    requesters.sort_unstable();
    let ann = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";
    assert_eq!(requesters, [ann, ann, &jane, &jane]);
    is_over(&workspace);
    let shown = workspace.run("state show import.d --format yaml").exit(0).says("email: ann@example.com");
    let _ = shown.says("email: mia@example.com").says("order_number: '4711'");
    let id = id(&workspace, "import.a");
    let (_, there) = server.send("GET", &format!("/v1/conversations/{id}"), "");
    assert_eq!(there["data"]["customAttributes"][0]["value"], "4711");
}

#[test]
fn a_name_means_the_same_as_its_id() {
    let (workspace, _server) = beside_server(&[JANE, &import("a", "{endUser: jane}")].concat(), "");
    let _ = workspace.run("apply --yes").exit(0);
    let jane = id(&workspace, "enduser.jane");
    let as_id = import("a", &jane)
        .replace("{email: Mia@example.com}", "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b")
        .replace("order_number", "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35");
    for other in [import("a", "{email: jane@example.com}"), as_id, import("a", "{endUser: jane}")] {
        workspace.write("manifests/all.yaml", [JANE, &other].concat());
        is_over(&workspace);
    }
    let requests = workspace.requests_in(LOG).len();
    workspace.edit("manifests/all.yaml", "4711", "4712");
    let _ = workspace.run("plan").exit(0).says("\"4711\" -> \"4712\"  # order_number").says("1 to update");
    assert_eq!(workspace.requests_in(LOG).len(), requests);
    let _ = workspace.run("apply --yes").exit(0).says("1 updated");
    workspace.edit("manifests/all.yaml", "requesterId: {endUser: jane}", "requesterId: {email: ann@example.com}");
    let _ = workspace.run("plan").exit(0).says("{email = \"ann@example.com\"}").says("# forces replacement");
}

#[test]
fn what_a_name_stands_for_is_remembered_where_the_state_keeps_digests_only() {
    let (workspace, _server) = beside_server(&[JANE, &import("a", "{email: ann@example.com}")].concat(), "");
    let project = workspace.read("dixaform.yaml");
    workspace.write("dixaform.yaml", project.replace("baseUrl:", "lastApplied: digest, baseUrl:"));
    let _ = workspace.run("apply --yes").exit(0).says("1 created, 1 imported");
    let state = workspace.read("state/local.json");
    assert!(!state.contains("ann@example.com") && !state.contains("mia@"), "{state}");
    is_over(&workspace);
}

/// An Email with two names, and how it is handled.
const HANDLED: &str = "apiVersion: dixaform/v1
kind: Conversation
metadata: {name: a}
spec:
  _type: Email
  requesterId: {email: Ann@example.com}
  emailIntegrationId: support@email.dixa.io
  subject: Late
  message: {_type: Inbound, content: {_type: Text, value: Where is it?}}
  customAttributes: {order_number: '003'}
  queue: {name: Support}
  assignee: {email: Mia@example.com}
";

#[test]
fn a_replacement_shows_no_difference_between_a_name_and_the_id_that_it_stood_for() {
    for keep in ["full", "digest"] {
        let (workspace, _server) = beside_server(HANDLED, "");
        let project = workspace.read("dixaform.yaml");
        workspace.write("dixaform.yaml", project.replace("baseUrl:", &format!("lastApplied: {keep}, baseUrl:")));
        let _ = workspace.run("apply --yes").exit(0);
        workspace.write("manifests/all.yaml", HANDLED.replace("subject: Late", "subject: Later"));
        let before = if keep == "full" { "\"Late\"" } else { "(previous value not kept)" };
        let subject = format!("subject = {before} -> \"Later\" # forces replacement");
        for flags in ["", "--refresh"] {
            let plan = workspace.run(&format!("plan --allow-replace {flags}")).exit(0);
            let plan = plan.says(&subject).says("7 unchanged members");
            for same in ["queue", "order_number", "assignee", "requesterId", "null"] {
                assert!(!plan.stdout.contains(&format!("{same} ")), "{keep} {flags}: {same}\n{}", plan.stdout);
            }
        }
        // Another name or value is one.
        let other = HANDLED.replace("Late", "Later").replace("Support}", "Twins}").replace("003", "004");
        workspace.write("manifests/all.yaml", other);
        let plan = workspace.run("plan --allow-replace").exit(0).says("{name = \"Twins\"}");
        let before = if keep == "full" { "\"003\"" } else { "(previous value not kept)" };
        let _ = plan.says(&format!("~ \"order_number\" = {before} -> \"004\"")).says("5 unchanged members");
        workspace.write("manifests/all.yaml", HANDLED.replace("Late", "Later"));
        let _ = workspace.run("apply --yes --allow-replace").exit(0).says("1 replaced");
        is_over(&workspace);
    }
}

#[test]
fn what_the_tenant_lacks_is_reported_once_for_each_thing_and_nothing_is_sent() {
    let callback = |name: &str, queue: &str| {
        format!(
            "---\napiVersion: dixaform/v1\nkind: Conversation\nmetadata: {{name: {name}}}\nspec: {{_type: Callback, \
             requesterId: {{email: joe@example.com}}, direction: Inbound, contactEndpointId: '+4512345678', queueId: \
             {{name: {queue}}}}}\n"
        )
    };
    let all = [
        import("a", "{email: joe@example.com}").replace("order_number", "order_nmber"),
        import("b", "{email: joe@example.com}").replace("Mia@", "max@"),
        callback("c", "Suport"),
        callback("d", "Twins"),
    ]
    .concat();
    let (workspace, _server) = beside_server(&all, "");
    let told = workspace.run("apply --yes").exit(1).warns("the tenant lacks 5 things that manifests need");
    let told =
        told.warns("no end user `joe@example.com`, which conversation.c needs; 3 more: conversation.d, import.a");
    let told = told.warns("kind: EndUser").warns("did you mean `order_number`?").warns("did you mean `Support`?");
    let told = told.warns("the queue `Twins` exists 2 times in the tenant").warns("no agent `max@example.com`");
    assert_eq!(told.stderr.matches("joe@example.com`").count(), 1, "{}", told.stderr);
    assert_eq!(writes(&workspace), []);
    assert!(!workspace.exists("state/local.json"));
}

#[test]
fn all_that_a_tenant_lacks_or_would_refuse_is_reported_at_once() {
    let stranger = "00000000-1111-4222-8333-444444444444";
    let wrong = import("a", "{email: joe@example.com}")
        .replace("customAttributes: {", &format!("tags: [old]\n  customAttributes: {{{stranger}: x, "));
    let (workspace, _server) = beside_server(&wrong, "");
    let all = |told: crate::support::Outcome| {
        let told = told.warns("no end user `joe@example.com`").warns("[unknown-attribute]").warns(stranger);
        let told = told.warns("the tag `old` is inactive");
        told.warns("the tenant lacks 1 thing that manifests need, and would refuse 1 attribute and 1 tag; nothing was")
    };
    // Without a state it looks for what was made before, and asks for what is needed before that.
    let _ = all(workspace.run("apply --yes").exit(1));
    workspace.write("manifests/all.yaml", JANE);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/all.yaml", &wrong);
    let sent = writes(&workspace);
    let _ = all(workspace.run("apply --yes").exit(1));
    assert_eq!(writes(&workspace), sent);
}

#[test]
fn ids_that_are_not_there_are_found_in_the_same_way() {
    let stranger = "00000000-1111-4222-8333-444444444444";
    let with_agent = |text: String| text.replace("{email: Mia@example.com}", stranger);
    let all: Vec<String> = (0..5).map(|number| with_agent(import(&format!("i{number}"), stranger))).collect();
    let (workspace, _server) = beside_server(&all.concat(), "");
    let told = workspace.run("apply --yes").exit(1).warns("the tenant lacks 2 things that manifests need");
    let told = told.warns(&format!("no end user `{stranger}`, which import.i0 needs; 4 more: import.i1, import.i2"));
    let _ = told.warns("error[unknown-id]").warns("manifests/all.yaml:7:16").warns(&format!("no agent `{stranger}`"));
    let asked = workspace.requests_in(LOG).into_iter().filter(|(call, _)| call.ends_with(stranger)).count();
    assert_eq!(asked, 2, "each once");
    assert_eq!(writes(&workspace), []);
}

#[test]
fn what_one_call_does_not_show_and_another_does_is_there() {
    let ann = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";
    let mia = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";
    let all = import("a", ann).replace("{email: Mia@example.com}", mia);
    let (workspace, _server) = beside_server(&all, "--faults 404@enduser#*");
    let _ = workspace.run("apply --yes").exit(0).says("1 imported");
}

#[test]
fn an_end_user_that_fails_keeps_back_only_what_names_it() {
    let all = [JANE, &import("a", "{endUser: jane}"), &import("b", "{email: jane@example.com}")].concat();
    let all = all + &import("c", "{externalId: crm-1}");
    let (workspace, server) = beside_server(&all, "");
    // Somebody else has the address as a further one.
    let other = json!({ "displayName": "Other", "additionalEmails": ["jane@example.com"] });
    assert_eq!(server.send("POST", "/v1/endusers", &other.to_string()).0, 201);
    let forms = "--format text --format json=report.json --format markdown=report.md --format html=report.html";
    let told =
        workspace.run(&format!("apply --yes {forms}")).exit(4).says("1 imported").says("1 failed, 2 not attempted");
    let _ = told.says("import.a was not attempted").says("it needs enduser.jane, which was not made");
    let report: Value = serde_json::from_str(&workspace.read("report.json")).unwrap();
    let needs: Vec<&Value> =
        report["outcomes"].as_array().unwrap().iter().filter_map(|outcome| outcome.get("needs")).collect();
    assert_eq!(needs, [&json!("enduser.jane"), &json!("enduser.jane")]);
    for form in ["report.md", "report.html"] {
        assert!(workspace.read(form).contains("it needs enduser.jane"), "{form}");
    }
    assert_eq!(workspace.requests_in(LOG).iter().filter(|(call, _)| call.contains("/import")).count(), 1);
}

#[test]
fn a_saved_plan_and_one_that_leaves_the_end_user_out() {
    let (workspace, _server) = beside_server(&[JANE, &import("a", "{endUser: jane}")].concat(), "");
    let _ = workspace.run("plan --out saved.plan").exit(0);
    let _ = workspace.run("show saved.plan").exit(0).says("{endUser = \"jane\"}");
    let told = workspace.run("apply --yes --exclude enduser.jane").exit(1).warns("import.a needs enduser.jane");
    let _ = told.warns("nothing was sent");
    assert_eq!(writes(&workspace), []);
    let _ = workspace.run("plan --target import.a").exit(0).says("enduser.jane will be created");
    let _ = workspace.run("apply saved.plan").exit(0).says("1 created, 1 imported");
    is_over(&workspace);
}

#[test]
fn a_lost_state_finds_again_what_was_made_for_names() {
    let all = [JANE, &import("a", "{endUser: jane}"), &import("b", "{email: ann@example.com}")].concat();
    let (workspace, _server) = beside_server(&all, "");
    let _ = workspace.run("apply --yes").exit(0);
    let before = writes(&workspace).len();
    let ids = ["enduser.jane", "import.a", "import.b"].map(|address| id(&workspace, address));
    for command in ["apply --yes", "state rebuild"] {
        workspace.remove("state/local.json");
        let _ = workspace.run(command).exit(0);
        let found = ["enduser.jane", "import.a", "import.b"].map(|address| id(&workspace, address));
        assert_eq!(found, ids, "{command}");
    }
    let _ = workspace.run("apply --yes").exit(0);
    let posts = writes(&workspace).into_iter().skip(before).filter(|(call, _)| call.starts_with("POST"));
    assert_eq!(posts.count(), 0, "nothing was made again");
    is_over(&workspace);
}

#[test]
fn a_lost_state_finds_again_what_was_made_for_an_end_user_that_is_adopted() {
    let (workspace, server) = beside_server(&import("a", "{endUser: jane}"), "");
    let (_, made) = server.send("POST", "/v1/endusers", &json!({ "displayName": "Joan" }).to_string());
    let jane = made["data"]["id"].as_str().unwrap();
    // Nothing but the annotation says who she is.
    let adopts = format!("{{name: jane, annotations: {{dixaform/adopt: {jane}}}}}");
    let adopted = JANE.replace("{name: jane}", &adopts).replace("email: jane@example.com, ", "");
    workspace.write("manifests/jane.yaml", adopted);
    let _ = workspace.run("apply --yes").exit(0).says("1 imported").says("1 adopted");
    let imported = id(&workspace, "import.a");
    for saved in [false, true] {
        workspace.remove("state/local.json");
        if saved {
            let _ = workspace.run("plan --out saved.plan").exit(0);
            let _ = workspace.run("apply saved.plan").exit(5).warns("will not be made again").warns("nothing was sent");
        }
        let _ = workspace.run("apply --yes").exit(0);
        assert_eq!((id(&workspace, "enduser.jane").as_str(), id(&workspace, "import.a")), (jane, imported.clone()));
    }
    let imports = writes(&workspace).into_iter().filter(|(call, _)| call.ends_with("/import"));
    assert_eq!(imports.count(), 1, "nothing was made again");
    is_over(&workspace);
}

#[test]
fn what_can_not_be_a_name_is_an_error_at_its_place() {
    let place = |requester: &str| import("a", requester).trim_start_matches("---\n").to_owned();
    for (requester, code, at) in [
        ("{emial: a@example.com}", "unknown-member", "6:17"),
        ("{endUsr: jane}", "unknown-member", "6:17"),
        ("{email: a@example.com, phone: '+451'}", "bad-reference", "6:16"),
        ("{}", "bad-reference", "6:16"),
        ("{email: ''}", "bad-reference", "6:24"),
        ("{email: jane}", "bad-reference", "6:24"),
        ("{phone: '123'}", "bad-reference", "6:24"),
        ("{endUser: Jane}", "bad-reference", "6:26"),
        ("{email: 12}", "quote-it", "6:24"),
        ("{endUser: jan}", "unknown-name", "6:16"),
    ] {
        let workspace = Workspace::new().file("manifests/all.yaml", &(place(requester) + "---\n" + JANE));
        let told = workspace.run("validate").exit(1);
        assert!(told.stdout.contains(&format!("error[{code}]")), "{requester}: {}", told.stdout);
        assert!(told.stdout.contains(&format!("all.yaml:{at}")), "{requester}: {}", told.stdout);
    }
}

#[test]
fn a_slip_in_the_member_of_a_name_says_what_names_such_a_thing() {
    let import = import("a", "{emial: a@example.com}") + "  queue: {nme: Support}\n";
    let told = Workspace::new().file("manifests/all.yaml", &import).run("validate").exit(1);
    let _ = told
        .says("unknown member `emial`: an end user is named by `endUser`, `email`, `phone` or `externalId`")
        .says("did you mean `email`?")
        .says("unknown member `nme`: a queue is named by `name`")
        .says("did you mean `name`?");
}

#[test]
fn one_file_can_be_checked_alone_if_another_one_of_the_project_describes_its_end_user() {
    let named = import("order", "{endUser: jane}");
    let workspace = Workspace::new().file("manifests/order.yaml", &named).file("manifests/jane.yaml", JANE);
    let _ = workspace.run("validate manifests/order.yaml").exit(0);
    let _ = workspace.run("plan manifests/order.yaml").exit(1).warns("among those that are read");
    workspace.write("manifests/order.yaml", named.replace("jane", "joan"));
    let _ = workspace.run("validate manifests/order.yaml").exit(1).says("no manifest describes the end user `joan`");
}

#[test]
fn an_end_user_that_nobody_describes_is_reported_beside_other_errors() {
    let wrong = import("a", "{endUser: jan}").replace("direction:", "directoin:");
    let workspace = Workspace::new().file("manifests/all.yaml", &[JANE, &wrong].concat());
    let told = workspace.run("validate").exit(1).says("unknown member `directoin`");
    let _ = told.says("no manifest describes the end user `jan`").says("did you mean `jane`?");
    // One whose own manifest has an error is described all the same.
    let wrong = JANE.replace("displayName:", "dispalyName:");
    workspace.write("manifests/all.yaml", [wrong, import("a", "{endUser: jane}")].concat());
    let told = workspace.run("validate").exit(1).says("unknown member `dispalyName`");
    let _ = told.never_says("no manifest describes");
}
