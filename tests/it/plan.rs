//! `dixaform plan`, from the command line.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::manifests::{LEGACY, ORDER, SELECT, SMS, TEXT, email};
use crate::support::{Server, Workspace};

/// A fast workspace in which this manifest was applied as `manifests/order.yaml`.
fn applied(manifest: &str) -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", manifest);
    let _ = workspace.run("apply --yes --allow-outbound").exit(0);
    workspace
}

/// An order with this value of `dixaform/on-change`.
fn order_on_change(value: &str) -> String {
    ORDER.replace("  labels:", &format!("  annotations: {{dixaform/on-change: {value}}}\n  labels:"))
}

fn addresses(plan: &Value) -> Vec<&str> {
    plan["changes"].as_array().unwrap().iter().map(|change| change["address"].as_str().unwrap()).collect()
}

// What it needs and what it touches.

#[test]
fn a_plan_needs_no_network_no_token_and_writes_nothing() {
    let workspace = Workspace::new()
        .file("manifests/order.yaml", ORDER)
        .variable("HTTPS_PROXY", "http://127.0.0.1:1")
        .variable("HTTP_PROXY", "http://127.0.0.1:1")
        .variable("ALL_PROXY", "http://127.0.0.1:1");
    let _ = workspace
        .run("plan")
        .exit(0)
        .says("1 to create")
        .says("https://dev.dixa.io")
        .says("No request was sent to Dixa.");
    assert_eq!(std::fs::read_dir(workspace.path("")).unwrap().count(), 1);
}

#[test]
fn a_plan_of_bad_manifests_fails_and_prints_its_findings_to_standard_error() {
    let workspace = Workspace::fast().file("manifests/order.yaml", &ORDER.replace("language: en", "langauge: en"));
    let outcome = workspace.run("plan").exit(1).warns("manifests/order.yaml:11:3").warns("nothing was planned");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn warnings_go_beside_the_plan_and_end_it_only_when_they_are_errors() {
    let odd = LEGACY.replace("genericapimessaging", "Pigeon");
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &odd);
    let _ = workspace.run("plan").exit(0).says("1 to import").warns("warning[unknown-channel-name]");
    let _ = workspace.run("plan --quiet").exit(0).says("1 to import").never_says("warning");
    let outcome = workspace.run("plan --warnings-as-errors").exit(1).warns("--warnings-as-errors");
    assert_eq!(outcome.stdout, "");
}

// What is planned.

#[test]
fn a_change_of_one_attribute_shows_only_that_one() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let outcome = workspace.run("plan").exit(0);
    let expected = r##"dixaform compared the manifests with the state of tenant "sandbox" (embedded). No request was sent to Dixa.
Changes are marked with these symbols:
  ~ update in-place

  # conversation.order will be updated in-place  (#1001, manifests/order.yaml:1)
  ~ conversation "order" {
      ~ customAttributes = {
          ~ "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" = "012345" -> "012346"
            # (1 unchanged attribute hidden)
        }
        # (6 unchanged members hidden)
    }

Plan: 0 to create, 0 to import, 1 to update, 0 to replace. 0 unchanged.
3 calls, about 1 s at 10000 requests/s.

Fingerprint: "##;
    assert!(outcome.stdout.starts_with(expected), "{}", outcome.stdout);
}

#[test]
fn detailed_exitcode_tells_changes_from_none() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("plan").exit(0);
    let _ = workspace.run("plan --detailed-exitcode").exit(2);
    let _ = workspace.run("apply --yes").exit(0);
    let outcome = workspace.run("plan --detailed-exitcode").exit(0);
    assert_eq!(outcome.stdout, "No changes. The tenant matches the manifests.\n");
}

#[test]
fn a_replacement_is_shown_blocked_and_names_the_conversation_that_stays() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let outcome = workspace.run("plan").exit(0);
    let outcome = outcome.says("-/+ conversation \"order\" {").says("# the old conversation #1001 stays in Dixa");
    let outcome = outcome.says("\"order #123\" -> \"order #124\" # forces replacement").says("# blocked: ");
    let _ = outcome.says("1 change is blocked, and apply refuses the whole plan");
    let _ = workspace.run("plan --detailed-exitcode").exit(2);
}

#[test]
fn a_replacement_is_allowed_by_the_flag_or_by_the_manifest() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let by_flag = workspace.plan_json("--allow-replace");
    assert_eq!(by_flag["changes"][0]["action"], "replace");
    assert_eq!(by_flag["changes"][0]["blocked"], false);
    workspace.write("manifests/order.yaml", order_on_change("replace").replace("order #123", "order #124"));
    assert_eq!(workspace.plan_json("")["changes"][0]["blocked"], false);
}

#[test]
fn on_change_ignore_keeps_the_old_content_and_still_writes_attributes() {
    let workspace = applied(&order_on_change("ignore"));
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    assert_eq!(workspace.run("plan").exit(0).last_line(), "No changes. The tenant matches the manifests.");
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let plan = workspace.plan_json("");
    assert_eq!(plan["changes"][0]["action"], "update");
    let path = "/v1/conversations/1001/custom-attributes";
    assert_eq!(plan["changes"][0]["calls"], json!([{"method": "PATCH", "path": path}]));
}

#[test]
fn on_change_block_is_not_lifted_by_allow_replace() {
    let workspace = applied(&order_on_change("block"));
    workspace.edit("manifests/order.yaml", "order #123", "order #124");
    let plan = workspace.plan_json("--allow-replace");
    assert_eq!(plan["changes"][0]["blocked"], true);
    let _ = workspace.run("plan --allow-replace").exit(0).says("dixaform/on-change: block");
}

#[test]
fn the_adopt_annotation_plans_a_read_and_a_patch_and_makes_nothing() {
    let text = ORDER.replace("  labels:", "  annotations: {dixaform/adopt: \"1234\"}\n  labels:");
    let workspace = Workspace::fast().file("manifests/order.yaml", &text);
    let plan = workspace.plan_json("");
    let change = &plan["changes"][0];
    assert_eq!((&change["action"], &change["reason"]), (&json!("adopt"), &json!("adopt-annotation")));
    assert_eq!((&change["id"], &change["irreversible"]), (&json!(1234), &json!(false)));
    let path = "/v1/conversations/1234";
    let patch = format!("{path}/custom-attributes");
    assert_eq!(change["calls"], json!([{"method": "GET", "path": path}, {"method": "PATCH", "path": patch}]));
    let _ = workspace.run("plan").exit(0).says("  = conversation \"order\" {").says("1 to adopt");
}

#[test]
fn a_conversation_that_is_managed_already_is_not_adopted_a_second_time() {
    let workspace = applied(ORDER);
    let text = email("twin").replace("spec:", "  annotations: {dixaform/adopt: \"1001\"}\nspec:");
    workspace.write("manifests/twin.yaml", text);
    let plan = workspace.plan_json("");
    assert_eq!(plan["changes"][0]["blockedBecause"], "owned-by-another-address");
    let _ = workspace.run("plan").exit(0).says("conversation #1001 is managed as conversation.order already");
}

#[test]
fn a_record_without_a_manifest_is_listed_and_forgotten_only_with_prune() {
    let workspace = applied(ORDER);
    workspace.write("manifests/order.yaml", email("other"));
    let _ = workspace.run("plan").exit(0).says("1 record is not in the manifests").says("conversation.order (#1001");
    let kept = workspace.plan_json("");
    assert_eq!((addresses(&kept), &kept["summary"]["notInManifests"]), (vec!["conversation.other"], &json!(1)));
    let pruned = workspace.plan_json("--prune");
    assert_eq!(addresses(&pruned), ["conversation.order", "conversation.other"]);
    assert_eq!((&pruned["changes"][0]["action"], &pruned["changes"][0]["calls"]), (&json!("forget"), &json!([])));
}

// What is narrowed.

fn four() -> Workspace {
    Workspace::fast()
        .file("manifests/order.yaml", ORDER)
        .file("manifests/legacy.yaml", LEGACY)
        .file("manifests/a.yaml", &email("late-a"))
        .file("manifests/b.yaml", &email("late-b"))
}

#[test]
fn target_takes_globs_and_repeats() {
    let plan = four().plan_json("--target conversation.late-* --target import.legacy");
    assert_eq!(addresses(&plan), ["conversation.late-a", "conversation.late-b", "import.legacy"]);
    assert_eq!(plan["summary"]["leftOut"], 1);
}

#[test]
fn a_target_or_selector_that_fits_nothing_fails_and_names_the_nearest() {
    let workspace = four();
    for (narrowed, said, near) in [
        (
            "--target conversation.ordr",
            "--target conversation.ordr matches no address",
            "did you mean conversation.order?",
        ),
        (
            "--target late",
            "--target late matches no address",
            "did you mean conversation.late-a or conversation.late-b?",
        ),
        ("--target import.* --target conversation.l*x", "--target conversation.l*x matches", "`dixaform state list`"),
        ("--target conversation.lost", "--target conversation.lost matches no address", "`dixaform state list`"),
        ("--selector wve=1", "--selector wve=1 matches no manifest", "did you mean wave?"),
        ("--selector team=1", "--selector team=1 matches no manifest", "there are these labels: wave"),
        ("--selector wave=12", "--selector wave=12 matches no manifest", "did you mean 1 or 2?"),
        ("--selector wave=summer", "wave=summer matches no manifest", "there are these values of `wave`: 1, 2"),
    ] {
        for command in ["plan", "apply --yes"] {
            let told = workspace.run(&format!("{command} {narrowed}")).exit(1);
            let _ = told.warns(said).warns(near);
        }
    }
    assert!(workspace.writes_since(0).is_empty());
    // Each fits something, and nothing has both.
    for (narrowed, flags) in [
        ("--target import.* --selector wave=1", "--target and --selector leave"),
        ("--exclude *", "--exclude leaves"),
        ("-l wave=1,wave=2", "--selector leaves"),
    ] {
        for (command, form) in [("plan", "text"), ("plan", "markdown"), ("plan", "html"), ("apply --yes", "text")] {
            let told = workspace.run(&format!("{command} {narrowed} --format {form}")).exit(0);
            let told = told.says("Nothing was compared.").warns(&format!("warning: {flags} none of 4 addresses\n"));
            let all = told.stdout + &told.stderr;
            assert!(!all.contains("matches the manifests") && !all.contains("compared with the"), "{all}");
        }
    }
    assert_eq!(workspace.run("plan --target import.*").exit(0).stderr, "");
}

#[test]
fn a_plan_with_more_changes_than_are_allowed_is_not_applied() {
    let workspace = four();
    let _ = workspace.run("plan --max-changes 3").exit(0).warns("4 changes, and --max-changes allows 3");
    let _ = workspace.run("apply --yes --max-changes 3").exit(5).warns("4 changes, and --max-changes allows 3");
    let _ = workspace.run("plan --out saved").exit(0);
    let _ = workspace.run("apply saved --max-changes 0").exit(5).warns("--max-changes allows 0");
    assert!(workspace.writes_since(0).is_empty());
    let _ = workspace.run("apply --yes --max-changes 4").exit(0);
    let _ = workspace.run("apply --yes --max-changes 0").exit(0).says("No changes.");
}

#[test]
fn exclude_takes_away_from_what_is_targeted() {
    let plan = four().plan_json("--target conversation.* --exclude *-b");
    assert_eq!(addresses(&plan), ["conversation.late-a", "conversation.order"]);
    assert_eq!(plan["summary"]["leftOut"], 2);
}

#[test]
fn a_selector_looks_at_labels_and_several_must_all_hold() {
    let workspace = four();
    assert_eq!(addresses(&workspace.plan_json("--selector wave=1")), ["conversation.order"]);
    assert_eq!(addresses(&workspace.plan_json("-l wave=2")), ["import.legacy"]);
    assert!(addresses(&workspace.plan_json("-l wave=1,wave=2")).is_empty());
}

#[test]
fn what_was_left_out_is_counted_in_the_text() {
    let _ = four().run("plan --target import.*").exit(0).says("3 left out by a filter.");
}

#[test]
fn a_record_outside_of_the_scope_is_not_forgotten() {
    let workspace = applied(ORDER);
    workspace.write("manifests/order.yaml", email("other"));
    assert!(addresses(&workspace.plan_json("--prune --exclude conversation.*")).is_empty());
}

#[test]
fn an_invalid_pattern_or_selector_is_wrong_usage() {
    let workspace = four();
    let _ = workspace.run("plan --target conversation.[").exit(64).warns("conversation.[");
    let _ = workspace.run("plan --selector wave").exit(64).warns("key=value");
}

// Its forms.

#[test]
fn the_json_form_has_every_member_that_scripts_rely_on() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    let plan = workspace.plan_json("");
    let has = |value: &Value, names: &str| {
        for name in names.split(' ') {
            assert!(value.get(name).is_some(), "no {name:?} in {value:#}");
        }
    };
    has(&plan, "format tool tenant base changes summary price fingerprint");
    has(&plan["tenant"], "name baseUrl organizationId");
    has(&plan["base"], "lineage serial");
    has(&plan["changes"][0], "address action reason source id before after calls irreversible reachesCustomer blocked");
    has(&plan["changes"][0], "fingerprint");
    has(&plan["summary"], "create import update replace adopt forget unchanged notInManifests");
    has(&plan["price"], "calls seconds dailyQuotaShare");
    assert_eq!(plan["format"], "dixaform-plan/1");
    assert_eq!(plan["tool"], concat!("dixaform ", env!("CARGO_PKG_VERSION")));
    assert_eq!((&plan["tenant"]["name"], &plan["tenant"]["organizationId"]), (&json!("sandbox"), &Value::Null));
    assert_eq!(plan["base"]["serial"], 0);
}

#[test]
fn the_json_form_says_what_each_change_does_and_why() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/sms.yaml", SMS);
    let plan = workspace.plan_json("");
    let order = &plan["changes"][0];
    assert_eq!((&order["address"], &order["action"]), (&json!("conversation.order"), &json!("create")));
    assert_eq!((&order["reason"], &order["id"]), (&json!("not-in-state"), &Value::Null));
    assert_eq!(order["source"], json!({"file": "manifests/order.yaml", "line": 1, "column": 1}));
    assert_eq!((&order["before"], &order["after"]["subject"]), (&Value::Null, &json!("order #123")));
    assert_eq!(order["after"]["customAttributes"], json!({TEXT: "012345", SELECT: ["str1", "str2"]}));
    assert_eq!(order["calls"].as_array().unwrap().len(), 2);
    assert_eq!(order["calls"][0], json!({"method": "POST", "path": "/v1/conversations"}));
    assert_eq!(order["calls"][1]["method"], "PATCH");
    assert_eq!((&order["irreversible"], &order["reachesCustomer"]), (&json!(true), &json!(false)));
    assert_eq!(plan["changes"][1]["reachesCustomer"], true);
}

#[test]
fn an_update_in_json_holds_the_spec_before_and_after() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let plan = workspace.plan_json("");
    let change = &plan["changes"][0];
    assert_eq!((&change["action"], &change["reason"]), (&json!("update"), &json!("attributes-differ")));
    assert_eq!((&change["id"], &change["irreversible"]), (&json!(1001), &json!(false)));
    assert_eq!(change["before"]["customAttributes"][TEXT], "012345");
    assert_eq!(change["after"]["customAttributes"][TEXT], "012346");
    assert_eq!((&plan["base"]["serial"], &plan["summary"]["update"]), (&json!(1), &json!(1)));
    assert_eq!(plan["tenant"]["organizationId"], "e9609fa9-efff-4fdc-a7ef-dd335f33c5f6");
}

#[test]
fn the_price_has_the_calls_and_the_reads_before_them() {
    let slow = "version: 1\ntenants:\n  sandbox: {rateLimit: {requestsPerSecond: 2, burst: 1}}\n";
    let workspace = Workspace::new().file("dixaform.yaml", slow).file("manifests/order.yaml", ORDER);
    let with_attributes = workspace.plan_json("--tenant sandbox");
    assert_eq!(with_attributes["price"]["calls"], 5, "POST, PATCH, organization, definitions, requester");
    assert_eq!(with_attributes["price"]["seconds"], 2.0);
    assert_eq!(with_attributes["price"]["dailyQuotaShare"], 5.0 / 864_000.0);
    workspace.write("manifests/order.yaml", LEGACY);
    assert_eq!(workspace.plan_json("--tenant sandbox")["price"]["calls"], 3, "POST, organization, requester");
    let _ = workspace.run("plan --tenant sandbox").exit(0).says("3 calls, about 1 s at 2 requests/s.");
}

#[test]
fn the_fingerprint_is_of_what_is_done_and_of_nothing_else() {
    let workspace = applied(ORDER);
    workspace.edit("manifests/order.yaml", "012345", "012346");
    let first = workspace.plan_json("");
    assert_eq!(workspace.plan_json("")["fingerprint"], first["fingerprint"], "across runs");
    let reformatted = ORDER.replace("012345", "012346").replace("language: en", "language: \"en\" # English");
    workspace.remove("manifests/order.yaml");
    workspace.write("manifests/moved/elsewhere.yml", format!("# a comment\n{reformatted}"));
    assert_eq!(workspace.plan_json("")["fingerprint"], first["fingerprint"], "across formatting and files");
    workspace.edit("manifests/moved/elsewhere.yml", "012346", "012347");
    assert_ne!(workspace.plan_json("")["fingerprint"], first["fingerprint"], "not across values");
    let fingerprint = workspace.plan_json("")["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(workspace.run("plan").exit(0).last_line(), format!("Fingerprint: {fingerprint}"));
}

#[test]
fn a_form_with_a_file_goes_beside_the_text() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let outcome =
        workspace.run("plan --format json=plan.json --format text=plan.txt").exit(0).says("Plan: 1 to create");
    let json: Value = serde_json::from_str(&workspace.read("plan.json")).unwrap();
    assert_eq!(json["changes"][0]["address"], "conversation.order");
    assert_eq!(workspace.read("plan.txt"), outcome.stdout);
}

#[test]
fn an_unknown_form_is_wrong_usage() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("plan --format yaml").exit(64).warns("yaml");
    let _ = workspace.run("plan --format json=").exit(64).warns("file name");
    let _ = workspace.run("plan --format json --format text").exit(64).warns("only one --format");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let workspace = Workspace::fast();
    for number in 0..300 {
        workspace.write(&format!("manifests/{number}.yaml"), email(&format!("a{number}")));
    }
    let mut child = workspace.command().arg("plan").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((&first, output.status.code()), (b"dixaform", Some(0)));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{stderr}");
}

// Colour.

#[test]
fn colour_needs_a_terminal_or_to_be_asked_for() {
    let plan = |workspace: Workspace, flags: &str| {
        workspace.file("manifests/order.yaml", ORDER).run(&format!("plan {flags}")).exit(0).stdout.contains('\u{1b}')
    };
    assert!(!plan(Workspace::fast(), ""));
    assert!(plan(Workspace::fast(), "--color always"));
    assert!(plan(Workspace::fast().variable("CLICOLOR_FORCE", "1"), ""));
    assert!(!plan(Workspace::fast().variable("CLICOLOR_FORCE", "1"), "--color never"));
    assert!(!plan(Workspace::fast().variable("NO_COLOR", "1"), ""));
    assert!(plan(Workspace::fast().variable("NO_COLOR", "1"), "--color always"));
}

#[test]
fn colour_never_reaches_a_file_or_json() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let _ = workspace.run("plan --color always --format text=plan.txt").exit(0);
    assert!(!workspace.read("plan.txt").contains('\u{1b}'));
    let _ = workspace.run("plan --color always --format json").exit(0).never_says("\u{1b}");
}

// The same again.

#[test]
fn the_same_input_gives_the_same_plan_byte_for_byte_whatever_the_order_of_files() {
    let plan = |names: [&str; 3]| {
        let workspace = Workspace::fast();
        for (name, manifest) in names.into_iter().zip(["one", "two", "three"]) {
            workspace.write(&format!("manifests/{name}.yaml"), email(manifest));
        }
        let json = workspace.run("plan --format json").exit(0).stdout;
        assert_eq!(workspace.run("plan --format json").exit(0).stdout, json);
        let text = workspace.run("plan").exit(0).stdout;
        assert_eq!(workspace.run("plan").exit(0).stdout, text);
        let addresses = addresses(&serde_json::from_str(&json).unwrap()).join(" ");
        (addresses, text.lines().last().unwrap().to_owned())
    };
    assert_eq!(plan(["a", "b", "c"]), plan(["c", "a", "b"]));
}

#[test]
fn the_order_of_paths_changes_nothing() {
    let workspace = four();
    let files = ["order", "legacy", "a", "b"].map(|name| format!("manifests/{name}.yaml"));
    let forth = workspace.run(&format!("plan {}", files.join(" "))).exit(0).stdout;
    let back = workspace.run(&format!("plan {}", files.iter().rev().cloned().collect::<Vec<_>>().join(" "))).exit(0);
    assert_eq!(forth, back.stdout);
}

// Project file, tenants and state.

#[test]
fn the_project_file_is_found_in_a_parent_and_its_paths_are_its_own() {
    let workspace = applied(ORDER);
    std::fs::create_dir_all(workspace.path("deep/er")).unwrap();
    let outcome = workspace.run("plan --chdir deep/er").exit(0);
    assert_eq!(outcome.last_line(), "No changes. The tenant matches the manifests.");
    assert!(!workspace.exists("deep/er/state"));
}

#[test]
fn a_folder_to_work_in_that_is_not_there_is_a_failure() {
    let _ = Workspace::fast().run("plan --chdir nowhere").exit(1).warns("nowhere");
}

#[test]
fn another_state_file_is_another_history() {
    let workspace = applied(ORDER);
    let _ = workspace.run("plan --state other/fresh.json").exit(0).says("1 to create");
    let _ = workspace.run("plan --state state/sandbox.json").exit(0).says("No changes.");
}

#[test]
fn the_default_tenant_is_used_unless_another_is_named() {
    let project = "version: 1\ndefaultTenant: b\ntenants:\n  a: {baseUrl: https://a.example}\n  b: {baseUrl: https://b.example/v1}\n";
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/order.yaml", ORDER);
    assert_eq!(workspace.plan_json("")["tenant"]["baseUrl"], "https://b.example");
    assert_eq!(workspace.plan_json("--tenant a")["tenant"]["name"], "a");
    assert_eq!(workspace.plan_json("--tenant sandbox")["tenant"]["name"], "sandbox");
}

#[test]
fn an_unknown_or_ambiguous_tenant_is_a_failure_that_names_the_existing_ones() {
    let project = "version: 1\ntenants:\n  a: {baseUrl: https://a.example}\n  b: {baseUrl: https://b.example}\n";
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("plan --tenant c").exit(1).warns("there is no tenant `c`").warns("a, b, sandbox");
    let _ = workspace.run("plan").exit(1).warns("which tenant?").warns("a, b, sandbox");
}

#[test]
fn a_state_of_another_tenant_is_refused() {
    let workspace = applied(ORDER);
    let mut server = Server::start(&workspace, "");
    let url = server.base_url();
    let project = format!("version: 1\ntenants:\n  local: {{baseUrl: \"{url}\", state: state/sandbox.json}}\n");
    workspace.write("dixaform.yaml", project);
    let _ = workspace.run("plan --tenant local").exit(5).warns("belongs to sandbox").warns(&url);
    assert_eq!(server.terminate(), 0);
}

/// Plans with this project file, which must be refused.
#[track_caller]
fn project_is_refused(project: &str, place: &str, says: &[&str]) {
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/order.yaml", ORDER);
    let mut outcome = workspace.run("plan").exit(1).warns(&format!("dixaform.yaml:{place}\n"));
    for text in says {
        outcome = outcome.warns(text);
    }
    assert_eq!(outcome.stdout, "");
}

#[test]
fn what_is_wrong_in_the_project_file_is_reported_with_its_place_and_a_hint() {
    let tenant = |settings: &str| format!("version: 1\ntenants:\n  a:\n    {settings}\n");
    project_is_refused(&tenant("baseURL: https://a.example"), "4:5", &["did you mean `baseUrl`?"]);
    project_is_refused("version: 1\nmanifest: [a]\n", "2:1", &["did you mean `manifests`?"]);
    project_is_refused(&tenant("baseUrl: dev.dixa.io"), "4:14", &["https://dev.dixa.io"]);
    project_is_refused(&tenant("baseUrl: http://dev.dixa.io"), "4:14", &["in the clear"]);
    project_is_refused(&tenant("baseUrl: https://me:secret@dev.dixa.io"), "4:14", &["user or password"]);
    project_is_refused(&tenant("requestTimeout: 30"), "4:21", &["for example 30s"]);
    project_is_refused(&tenant("lastApplied: ful"), "4:18", &["full", "digest"]);
    project_is_refused("version: 2\n", "1:10", &["version"]);
}

#[test]
fn every_problem_of_the_project_file_is_reported_at_once() {
    let project = "version: 1\nmanifest: [a]\ntenants:\n  a: {baseURL: x, settle: soon}\n";
    project_is_refused(project, "2:1", &["dixaform.yaml:4:7\n", "dixaform.yaml:4:27\n"]);
}

#[test]
fn a_key_written_where_its_name_belongs_is_not_echoed() {
    let project = "version: 1\ntenants:\n  a:\n    apiKeyEnv: \"eyJhbGciOi.secret-key.x==\"\n";
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("plan").exit(1).warns("dixaform.yaml:4:5").never_says("secret-key");
}
