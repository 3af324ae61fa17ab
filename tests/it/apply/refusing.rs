//! What is refused before anything is sent.

use crate::apply::applied;
use crate::support::manifests::{LEGACY, ORDER, SMS, TEXT, email};
use crate::support::{Server, Stub, Workspace};

#[test]
fn without_a_terminal_and_without_yes_nobody_approves() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run_with_input("apply", "yes\n").exit(5).says("1 to create").warns("--yes");
    assert!(workspace.requests().is_empty());
}

#[test]
fn one_blocked_change_refuses_the_whole_plan() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    workspace.write("manifests/new.yaml", email("new"));
    let sent = workspace.requests().len();
    let outcome = workspace.run("apply --yes").exit(5).warns("1 change of the plan is blocked");
    let _ = outcome.warns("conversation.order (manifests/order.yaml:1:1)").warns("nothing was sent");
    assert_eq!(workspace.requests().len(), sent);
    let rest = workspace.run("apply --yes --exclude conversation.order").exit(0);
    assert_eq!(rest.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
}

#[test]
fn a_message_that_reaches_a_customer_needs_to_be_allowed() {
    let workspace = Workspace::fast().file("manifests/sms.yaml", SMS);
    let outcome = workspace.run("apply --yes").exit(5).warns("1 change would send a message to a customer");
    let _ = outcome.warns("conversation.pickup (manifests/sms.yaml:1:1)").warns("--allow-outbound");
    assert!(workspace.requests().is_empty());
    let _ = workspace.run("apply --yes --allow-outbound").exit(0);
    assert_eq!(workspace.writes_since(0).len(), 1);
}

#[test]
fn a_tenant_may_allow_outbound_for_good() {
    let workspace = Workspace::fast().file("manifests/sms.yaml", SMS);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    allowOutbound: true\n");
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn an_outbound_message_of_an_import_is_sent_to_nobody_and_needs_no_leave() {
    let import = LEGACY
        .replace("_type: InboundImport", "_type: OutboundImport\n      agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b");
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import);
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn a_missing_token_is_reported_before_anything_is_asked_or_sent() {
    let project = "version: 1\ntenants:\n  local: {baseUrl: \"http://127.0.0.1:1\", apiKeyEnv: LOCAL_KEY}\n";
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply").exit(3).warns("LOCAL_KEY is not set");
    workspace.edit("dixaform.yaml", "apiKeyEnv: LOCAL_KEY", "apiKeyFile: key.txt");
    let _ = workspace.run("apply --yes").exit(3).warns("key.txt");
}

#[test]
fn a_token_can_come_from_a_file_beside_the_project_file() {
    let workspace = Workspace::new().file("key.txt", "from-a-file\n").file("manifests/legacy.yaml", LEGACY);
    let server = Server::start(&workspace, "");
    let url = server.base_url();
    let project = format!("version: 1\ntenants:\n  local: {{baseUrl: \"{url}\", apiKeyFile: key.txt}}\n");
    workspace.write("dixaform.yaml", project);
    let _ = workspace.run("apply --yes").exit(0);
}

#[test]
fn a_refused_token_ends_the_run_with_3_and_sends_nothing_more() {
    let stub = Stub::answering("401 Unauthorized", "", r#"{"message": "No such token"}"#);
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(3).warns("No such token").never_says("the-secret-token");
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn the_token_does_not_follow_a_redirect() {
    let elsewhere = Stub::answering("200 OK", "", "{}");
    let location: &'static str = format!("Location: {}/v1/organization\r\n", elsewhere.base_url()).leak();
    let stub = Stub::answering("307 Temporary Redirect", location, "");
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(1);
    assert!(stub.requests()[0].contains("the-secret-token"));
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn an_organization_that_is_not_the_tenants_is_refused() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let other = "  sandbox:\n    organizationId: 11111111-2222-3333-4444-555555555555\n";
    workspace.edit("dixaform.yaml", "  sandbox:\n", other);
    let outcome = workspace.run("apply --yes").exit(5).warns("e9609fa9-efff-4fdc-a7ef-dd335f33c5f6");
    let _ = outcome.warns("11111111-2222-3333-4444-555555555555");
    assert!(workspace.writes_since(0).is_empty());
}

#[test]
fn an_organization_that_is_not_the_states_is_refused() {
    let workspace = Workspace::new().file("manifests/order.yaml", ORDER);
    workspace.write("seed.yaml", "organization: {id: 11111111-2222-3333-4444-555555555555, name: Other}");
    let mut first = Server::start(&workspace, "--no-rate-limit");
    let port = first.base_url().rsplit_once(':').unwrap().1.to_owned();
    let workspace = workspace.with_tenant(&first.base_url());
    let _ = workspace.run("apply --yes").exit(0);
    first.terminate();
    let log = "second.jsonl";
    let _second = Server::start(&workspace, &format!("--seed seed.yaml --request-log {log} --port {port}"));
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("apply --yes").exit(5).warns("11111111-2222-3333-4444-555555555555");
    assert!(workspace.requests_in(log).iter().all(|(call, _)| call.starts_with("GET ")));
}

#[test]
fn an_attribute_that_the_tenant_does_not_have_is_refused_with_its_place_before_any_write() {
    let unknown = "11111111-2222-4333-8444-555555555555";
    let workspace = Workspace::new().file("manifests/order.yaml", &ORDER.replace(TEXT, unknown));
    let server = Server::start(&workspace, "--strict --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let outcome = workspace.run("apply --yes").exit(1).warns("error[unknown-attribute]").warns(unknown);
    let _ = outcome.warns("manifests/order.yaml:16:5\n").warns("nothing was sent");
    assert!(workspace.requests_in("requests.jsonl").iter().all(|(call, _)| call.starts_with("GET ")));
}

#[test]
fn an_option_that_the_select_does_not_have_is_refused_with_a_suggestion() {
    let workspace = Workspace::fast().file("manifests/order.yaml", &ORDER.replace("[str1, str2]", "[payment, crad]"));
    let _ = workspace.run("apply --yes").exit(1).warns("manifests/order.yaml:17:5\n").warns("did you mean `card`?");
    assert!(workspace.writes_since(0).is_empty());
}

#[test]
fn a_path_that_ends_before_the_last_option_is_sent_with_a_warning() {
    let manifest = ORDER.replace("[str1, str2]", "[str1]");
    let workspace = Workspace::new().file("manifests/order.yaml", &manifest);
    let server = Server::start(&workspace, "--strict --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let outcome = workspace.run("apply --yes").exit(0).warns("warning[partial-path]");
    let _ = outcome.warns("manifests/order.yaml:17:5\n").warns("go on with one of `str2`");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

// Only what is needed.
