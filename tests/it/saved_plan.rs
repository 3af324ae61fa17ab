//! Saved plans and approvals: what was reviewed is what is applied, or nothing is.

use dixaform::digest::Digest;
use dixaform::json;

type Map = serde_json::Map<String, Value>;
use serde_json::Value;

use crate::support::manifests::{LEGACY, ORDER, SMS, TEXT, email};
use crate::support::{Server, Workspace};

/// A workspace with a saved plan of two changes.
fn planned() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    let _ = workspace.run("plan --out seed.plan").exit(0).says("1 to create, 1 to import");
    workspace
}

fn fingerprint(workspace: &Workspace) -> String {
    workspace.plan_json("")["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_saved_plan_is_shown_as_it_was_and_is_the_json_form() {
    let workspace = planned();
    let planned_now = workspace.run("plan").exit(0);
    let shown = workspace.run("show seed.plan").exit(0);
    // Both say where in the manifests the changes are.
    assert_eq!(shown.stdout, planned_now.stdout);
    let json = workspace.run("plan --format json").exit(0).stdout;
    assert_eq!(workspace.read("seed.plan"), json);
    assert_eq!(workspace.run("show seed.plan --format json").exit(0).stdout, json);
    let _ = workspace.run("plan --format json=other.json").exit(0);
    assert_eq!(workspace.read("other.json"), json);
}

#[test]
fn an_attribute_that_a_saved_plan_can_not_write_is_reported_with_its_place() {
    let unknown = "11111111-2222-4333-8444-555555555555";
    let workspace = Workspace::new().file("manifests/order.yaml", &ORDER.replace(TEXT, unknown));
    let server = Server::start(&workspace, "--strict --request-log requests.jsonl");
    let workspace = workspace.with_tenant(&server.base_url());
    let _ = workspace.run("plan --out seed.plan").exit(0);
    let apply = |place: &str| {
        let refused =
            workspace.run("apply seed.plan --format json=told.json").exit(1).warns("error[unknown-attribute]");
        let refused = refused
            .warns("conversation.order: ")
            .warns(unknown)
            .warns("help: `dixaform catalog pull`")
            .warns("nothing was sent");
        let told: Value = serde_json::from_str(&workspace.read("told.json")).unwrap();
        let finding = &told["findings"][0];
        let found = format!("{}:{}:{}", finding["file"].as_str().unwrap(), finding["line"], finding["column"]);
        assert_eq!((told["findings"].as_array().unwrap().len(), found.as_str()), (1, place), "{told}");
        let _ = refused.warns(place);
    };
    apply("manifests/order.yaml:16:5");
    // Of a manifest that is gone or was edited the place that the plan knew is left.
    workspace.edit("manifests/order.yaml", "name: order", "name: another");
    apply("manifests/order.yaml:1:1");
    workspace.remove("manifests/order.yaml");
    apply("manifests/order.yaml:1:1");
    assert!(workspace.requests_in("requests.jsonl").iter().all(|(call, _)| call.starts_with("GET ")));
}

#[test]
fn every_kind_of_change_survives_being_saved() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/a.yaml", &email("a"));
    let _ = workspace.run("apply --yes").exit(0);
    workspace.remove("manifests/a.yaml");
    workspace.edit("manifests/order.yaml", "\"012345\"", "null");
    workspace.write("manifests/legacy.yaml", LEGACY);
    let adopted =
        email("adopted").replace("  name: adopted\n", "  name: adopted\n  annotations: {dixaform/adopt: \"1002\"}\n");
    workspace.write("manifests/adopted.yaml", adopted);
    for flags in ["", "--prune", "--verify", "--prune --verify --allow-replace", "--exclude import.*"] {
        let now = workspace.run(&format!("plan --out p.plan {flags}")).exit(0);
        assert_eq!(workspace.run("show p.plan").exit(0).stdout, now.stdout, "{flags}");
        assert_eq!(workspace.run("show p.plan --format json").exit(0).stdout, workspace.read("p.plan"), "{flags}");
    }
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let now = workspace.run("plan --out p.plan --allow-replace --prune").exit(0);
    assert_eq!(workspace.run("show p.plan").exit(0).stdout, now.stdout);
}

#[test]
fn a_saved_plan_is_applied_without_asking_and_without_manifests() {
    let workspace = planned();
    workspace.remove("manifests/order.yaml");
    workspace.edit("manifests/legacy.yaml", "Is anybody there?", "Something else");
    let outcome = workspace.run("apply seed.plan").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 1 created, 1 imported, 0 updated.");
    let bodies = format!("{:?}", workspace.writes_since(0));
    assert!(bodies.contains("Is anybody there?") && !bodies.contains("Something else"), "{bodies}");
}

#[test]
fn a_plan_that_was_edited_is_refused_whatever_was_edited() {
    for (from, to) in [
        ("order #123", "order #999"),
        ("012345", "012346"),
        ("\"marked\":true", "\"marked\":false"),
        ("\"organizationId\":null", "\"organizationId\":\"11111111-2222-4333-8444-555555555555\""),
        ("\"action\":\"create\"", "\"action\":\"import\""),
        ("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd"),
        ("\"baseUrl\":\"sandbox\"", "\"baseUrl\":\"https://dev.dixa.io\""),
    ] {
        let workspace = planned();
        workspace.edit("seed.plan", from, to);
        let outcome = workspace.run("apply seed.plan");
        assert!(matches!(outcome.code, 1 | 5), "{from}: {outcome:?}");
        let _ = outcome.warns("hint: ");
        assert!(workspace.writes_since(0).is_empty(), "{from}");
    }
}

/// Changes a saved plan as somebody would who knows how it is sealed. The edit gets its first change.
fn forge(workspace: &Workspace, name: &str, edit: impl FnOnce(&mut Map)) {
    let mut plan = map(json::parse(&workspace.read(name)).unwrap());
    plan.shift_remove("seal");
    let Some(Value::Array(changes)) = plan.get_mut("changes") else { panic!("no changes") };
    let Value::Object(first) = &mut changes[0] else { panic!("no change") };
    edit(first);
    let text = Value::Object(plan.clone()).to_string();
    let text = text.strip_suffix('}').unwrap();
    workspace.write(name, format!("{text},\"seal\":\"{}\"}}\n", Digest::of_bytes(text.as_bytes())));
}

fn map(value: Value) -> Map {
    let Value::Object(map) = value else { panic!("{value:?} is no map") };
    map
}

/// The first change of a plan with another body.
fn other_change() -> Map {
    let other = Workspace::fast().file("manifests/order.yaml", &ORDER.replace("order #123", "order #999"));
    let plan = other.run("plan --format json").exit(0).stdout;
    let changes = map(json::parse(&plan).unwrap()).shift_remove("changes");
    let Some(Value::Array(changes)) = changes else { panic!("no changes") };
    map(changes.into_iter().next().unwrap())
}

#[test]
fn what_is_sent_is_what_the_fingerprint_is_over_even_in_a_plan_that_was_sealed_again() {
    let take = |change: &mut Map, other: &Map, name: &'static str| {
        change.insert(name.to_owned(), other.get(name).unwrap().clone());
    };
    type Forgery<'f> = &'f dyn Fn(&mut Map, &Map);
    let forgeries: [Forgery<'_>; 5] = [
        // Another body, with the fingerprint that a change with this body has.
        &|change, other| ["after", "fingerprint"].into_iter().for_each(|name| take(change, other, name)),
        // The same, called an update: the content that it records need not be that of its body.
        &|change, other| {
            take(change, other, "after");
            change.insert("action".to_owned(), Value::from("update"));
        },
        &|change, other| take(change, other, "digest"),
        &|change, _| drop(change.insert("digest".to_owned(), Value::Null)),
        &|change, _| drop(change.insert("after".to_owned(), Value::Null)),
    ];
    for (number, forgery) in forgeries.into_iter().enumerate() {
        let workspace = planned();
        let approved = fingerprint(&workspace);
        forge(&workspace, "seed.plan", |change| forgery(change, &other_change()));
        for command in [
            "show seed.plan".to_owned(),
            format!("apply seed.plan --approved {approved}"),
            "apply --yes --approved-plan seed.plan".to_owned(),
        ] {
            let outcome = workspace.run(&command);
            assert!(matches!(outcome.code, 1 | 5), "{number}, {command}: {outcome:?}");
            let _ = outcome.warns("it was changed since it was saved");
        }
        assert!(workspace.writes_since(0).is_empty(), "{number}");
        assert!(!workspace.exists("state/sandbox.journal"), "{number}");
    }
}

#[test]
fn a_plan_that_is_only_sealed_again_is_still_the_plan() {
    let workspace = planned();
    forge(&workspace, "seed.plan", |_| {});
    let _ = workspace.run("apply seed.plan").exit(0);
}

#[test]
fn a_plan_that_was_cut_off_or_is_of_a_newer_format_is_refused() {
    let workspace = planned();
    let whole = workspace.read("seed.plan");
    workspace.write("seed.plan", &whole[..whole.len() / 2]);
    for command in ["apply seed.plan", "show seed.plan"] {
        let _ = workspace.run(command).exit(1).warns("the plan file seed.plan can't be used").warns("plan --out");
    }
    workspace.write("seed.plan", whole.replace("dixaform-plan/1", "dixaform-plan/2"));
    for command in ["apply seed.plan", "show seed.plan"] {
        let _ = workspace.run(command).exit(1).warns("dixaform-plan/2").warns("dixaform-plan/1");
    }
    let _ = workspace.run("show nowhere.plan").exit(1).warns("nowhere.plan");
    let _ = workspace.run("apply nowhere.plan").exit(1).warns("nowhere.plan");
    assert!(workspace.requests().is_empty());
}

#[test]
fn a_plan_is_stale_after_another_apply_and_says_what_changed() {
    let workspace = planned();
    let _ = workspace.run("apply --yes --target conversation.order").exit(0);
    let sent = workspace.requests().len();
    let refused = workspace.run("apply seed.plan").exit(5).warns("the plan is stale");
    let _ = refused.warns("conversation.order was applied at ").warns(" as #1001").warns("plan again");
    assert_eq!(workspace.requests().len(), sent);
    assert!(!workspace.exists("state/sandbox.journal"));
}

#[test]
fn a_plan_cannot_be_applied_twice() {
    let workspace = planned();
    let _ = workspace.run("apply seed.plan").exit(0);
    let sent = workspace.requests().len();
    let _ = workspace.run("apply seed.plan").exit(5).warns("the plan is stale");
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn a_plan_for_an_empty_state_is_stale_where_the_state_was_lost_or_is_another() {
    let workspace = planned();
    let _ = workspace.run("apply seed.plan").exit(0);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let _ = workspace.run("plan --out later.plan").exit(0);
    workspace.remove("state/sandbox.json");
    let _ = workspace.run("apply later.plan").exit(5).warns("the plan is stale");
}

#[test]
fn a_plan_is_stale_for_another_state_of_the_same_lineage_and_serial() {
    let workspace = planned();
    let _ = workspace.run("apply seed.plan").exit(0);
    workspace.write("manifests/second.yaml", email("second"));
    let _ = workspace.run("plan --out later.plan").exit(0);
    let state = workspace.read("state/sandbox.json");
    let sent = workspace.requests().len();
    workspace.edit_state("state/sandbox.json", "\"appliedAt\":\"20", "\"appliedAt\":\"19");
    workspace.remove("state/sandbox.lock");
    let refused = workspace
        .run("apply later.plan")
        .exit(5)
        .warns("the plan is stale: the state is not the one that it was made for");
    let _ = refused.warns("plan again");
    assert_eq!(workspace.requests().len(), sent);
    // Other ends of lines are no other state.
    workspace.write("state/sandbox.json", state.replace('\n', "\r\n"));
    workspace.remove("state/sandbox.lock");
    let _ = workspace.run("apply later.plan").exit(0);
}

#[test]
fn a_plan_is_for_one_tenant_only() {
    let workspace = planned();
    let server = Server::start(&workspace, "--no-rate-limit");
    let workspace = workspace.with_tenant(&server.base_url());
    let refused = workspace.run("apply seed.plan").exit(5).warns("the plan was made for the tenant `sandbox`");
    let _ = refused.warns("--tenant");
    let _ = workspace.run("plan --out local.plan").exit(0);
    workspace.edit("dixaform.yaml", "apiKeyEnv", "organizationId: 11111111-2222-4333-8444-555555555555, apiKeyEnv");
    let _ = workspace.run("apply local.plan").exit(5).warns("organization");
    let _ = workspace.run("state list").exit(0);
    assert!(workspace.run("state list").exit(0).stdout.is_empty());
}

#[test]
fn what_is_blocked_or_not_allowed_stays_so_in_a_saved_plan() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let _ = workspace.run("plan --out blocked.plan").exit(0);
    let sent = workspace.requests().len();
    let _ = workspace.run("apply blocked.plan").exit(5).warns("1 change of the plan is blocked");
    workspace.write("manifests/order.yaml", SMS);
    let _ = workspace.run("plan --out outbound.plan").exit(0);
    let _ = workspace.run("apply outbound.plan").exit(5).warns("1 change would send a message to a customer");
    assert_eq!(workspace.requests().len(), sent);
    let _ = workspace.run("apply outbound.plan --allow-outbound").exit(0);
}

#[test]
fn flags_that_would_change_a_saved_plan_are_wrong_usage() {
    let workspace = planned();
    for flag in [
        "--target conversation.order",
        "--exclude import.*",
        "--selector wave=1",
        "--allow-replace",
        "--prune",
        "--verify",
    ] {
        let _ = workspace.run(&format!("apply seed.plan {flag}")).exit(64).warns(flag.split(' ').next().unwrap());
    }
    assert!(workspace.requests().is_empty());
}

#[test]
fn an_approved_fingerprint_is_applied_without_asking_and_another_is_refused() {
    let workspace = planned();
    let approved = fingerprint(&workspace);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let refused = workspace.run(&format!("apply --approved {approved}")).exit(5).warns(&approved);
    let _ = refused.warns(&fingerprint(&workspace)).warns("nothing was sent");
    assert!(workspace.requests().is_empty());
    workspace.edit("manifests/order.yaml", "012346", "012345");
    let outcome = workspace.run(&format!("apply --approved {approved}")).exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 1 created, 1 imported, 0 updated.");
}

#[test]
fn a_comment_or_another_file_name_leaves_the_approval_as_it_is() {
    let workspace = planned();
    let approved = fingerprint(&workspace);
    let text = workspace.read("manifests/order.yaml");
    workspace.remove("manifests/order.yaml");
    workspace.write("manifests/moved/elsewhere.yaml", format!("# A remark.\n{text}"));
    let _ = workspace.run(&format!("apply --approved {approved}")).exit(0);
}

#[test]
fn a_plan_without_changes_is_saved_and_applied_too() {
    let workspace = planned();
    let _ = workspace.run("apply seed.plan").exit(0);
    let _ = workspace.run("plan --out none.plan --detailed-exitcode").exit(0).says("No changes.");
    let sent = workspace.requests().len();
    let _ = workspace.run("apply none.plan").exit(0).says("No changes.");
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn a_plan_file_that_cannot_be_written_is_an_error_with_its_path() {
    let workspace = planned();
    let _ = workspace.run("plan --out nowhere/seed.plan").exit(1).warns("nowhere/");
    let _ = workspace.run("plan --format json=nowhere/plan.json").exit(1).warns("nowhere/");
    let _ = workspace.run("plan --out manifests").exit(1).warns("manifests");
}

#[test]
fn a_plan_holds_the_bodies_that_are_sent() {
    let workspace = planned();
    let plan: Value = serde_json::from_str(&workspace.read("seed.plan")).unwrap();
    let after = &plan["changes"][0]["after"];
    let _ = workspace.run("apply seed.plan").exit(0);
    let sent = workspace.writes_since(0);
    let body = &sent.iter().find(|(call, _)| call == "POST /v1/conversations").unwrap().1;
    assert_eq!((&after["subject"], &after["requesterId"]), (&body["subject"], &body["requesterId"]));
}

#[test]
fn a_saved_plan_behind_a_dash_is_applied_as_it_is_and_without_a_question() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let plan = workspace.run("plan --out -").exit(0).stdout;
    // What is described by now is not what was planned.
    workspace.write("manifests/more.yaml", email("more"));
    let _ = workspace.run_with_input("apply - --prune", &plan).exit(64).warns("--prune");
    let _ = workspace.run_with_input("apply -", &plan.replace("order #123", "order #124")).exit(1).warns("plan file -");
    assert!(workspace.requests().is_empty());
    let applied = workspace.run_with_input("apply -", &format!("\u{feff}{plan}")).exit(0);
    assert_eq!(applied.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
    let _ = workspace.run_with_input("apply -", &plan).exit(5).warns("stale");
    let _ = workspace.run("plan").exit(0).says("1 to create");
    // Manifests are still manifests, in YAML and in JSON, and asked about.
    let _ = workspace.run_with_input("apply -", &email("more")).exit(5).warns("--yes");
    let json = serde_yaml::from_str::<Value>(&email("more")).unwrap().to_string();
    let _ = workspace.run_with_input("apply - --yes", &json).exit(0).says("1 created");
    let _ = workspace.run_with_input("apply - --yes", "{").exit(1);
    let _ = workspace.run_with_input("apply - --yes", "").exit(1);
}

/// A plan that comes in pieces is a plan all the same.
#[cfg(unix)]
#[test]
fn a_saved_plan_may_come_byte_by_byte() {
    use std::io::Write as _;
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let plan = workspace.run("plan --out -").exit(0).stdout;
    let mut command = workspace.command();
    let stdio = std::process::Stdio::piped;
    let mut child = command.args(["apply", "-"]).stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for byte in plan.bytes() {
        stdin.write_all(&[byte]).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 created"), "{output:?}");
}

#[test]
fn a_plan_can_come_through_standard_input() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let plan = workspace.run("plan --format json").exit(0).stdout;
    let _ = workspace.run_with_input("show -", &plan).exit(0).says("Plan: 1 to create");
    let _ = workspace.run_with_input("show -", "no plan").exit(1).warns("the plan file - can't be used");
    let _ = workspace.run_with_input("apply - --approved-plan -", &plan).exit(64).warns("standard input");
    let _ = workspace.run_with_input("apply --approved-plan -", &plan).exit(0).says("1 created");
}
