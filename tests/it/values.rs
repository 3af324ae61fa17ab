//! Texts of one tenant, used by name in manifests that serve several.

use crate::support::Workspace;

const PROJECT: &str = "version: 1\ndefaultTenant: staging\ntenants:\n  staging:\n    values: {box: a@email.dixa.io, who: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b}\n  \
    acceptance:\n    values: {box: b@email.dixa.io, who: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8c}\n  \
    sandbox:\n    values: {box: my-integration@email.dixa.io, who: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b}\n";

/// An Email whose texts come from values, and an import with `attributes` that do.
const MANIFESTS: &str = "apiVersion: dixaform/v1
kind: Conversation
metadata: {name: order}
spec:
  _type: Email
  requesterId: {value: who}
  emailIntegrationId: {value: box}
  subject: Late
  message: {_type: Inbound, content: {_type: Text, value: Where is it?}}
---
apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: old}
spec:
  genericChannelName: email
  requesterId: {value: who}
  direction: Inbound
  createdAt: \"2021-12-01T11:00:00Z\"
  attributes: {emailIntegrationId: {value: box}, subject: Old}
  messages:
    - _type: InboundImport
      createdAt: \"2021-12-01T11:00:00Z\"
      content: {_type: Text, value: {value: who}}
      attributes: {emailIntegrationId: {value: box}}
";

fn webshop() -> Workspace {
    Workspace::new().file("dixaform.yaml", PROJECT).file("manifests/all.yaml", MANIFESTS)
}

#[test]
fn each_tenant_gets_its_own_texts_from_the_same_manifests() {
    let workspace = webshop();
    let _ = workspace.run("validate").exit(0).says("2 manifests: valid.");
    for (tenant, mailbox) in [("staging", "a@email.dixa.io"), ("acceptance", "b@email.dixa.io")] {
        let plan = workspace.run(&format!("plan --tenant {tenant} --full")).exit(0);
        assert_eq!(plan.stdout.matches(mailbox).count(), 3, "{}", plan.stdout);
    }
    let _ = workspace.run("apply --yes --tenant sandbox").exit(0).says("1 created, 1 imported");
    let _ = workspace.run("plan --tenant sandbox").exit(0).says("No changes.");
    // A name and the text that it stands for mean the same.
    workspace.edit(
        "manifests/all.yaml",
        "emailIntegrationId: {value: box}\n",
        "emailIntegrationId: my-integration@email.dixa.io\n",
    );
    let _ = workspace.run("plan --tenant sandbox").exit(0).says("No changes.");
}

#[test]
fn a_changed_value_is_seen_although_no_manifest_has_changed() {
    let workspace = webshop();
    let _ = workspace.run("apply --yes --tenant sandbox").exit(0);
    workspace.edit("dixaform.yaml", "my-integration@email.dixa.io", "other@email.dixa.io");
    let _ = workspace.run("plan --tenant sandbox").exit(0).says("2 to replace");
}

#[test]
fn what_is_wrong_with_values_is_reported_at_its_place() {
    let workspace = webshop();
    workspace.edit(
        "manifests/all.yaml",
        "requesterId: {value: who}\n  emailIntegrationId",
        "requesterId: {value: woh}\n  emailIntegrationId",
    );
    for command in ["validate", "plan"] {
        let outcome = workspace.run(command).exit(1);
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(told.contains("manifests/all.yaml:6:16"), "{told}");
        assert!(told.contains("the tenant `staging` has no value `woh`"), "{told}");
        assert!(told.contains("did you mean `who`?"), "{told}");
        // Nothing else is said of the same place.
        assert!(!told.contains("is a string"), "{told}");
        // Every tenant is checked where none is named.
        assert_eq!(told.contains("the tenant `acceptance` has no value"), command == "validate", "{told}");
    }
    let told = workspace.run("validate --tenant acceptance").exit(1).stdout;
    assert!(told.contains("`acceptance` has no value `woh`") && !told.contains("`staging`"), "{told}");
}

#[test]
fn a_value_of_the_wrong_form_names_the_line_that_it_comes_from() {
    let workspace = webshop();
    workspace.edit("dixaform.yaml", "who: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8c", "who: mia");
    let told = workspace.run("validate").exit(1).stdout;
    assert!(told.contains("manifests/all.yaml:6:16") && told.contains("bad-uuid"), "{told}");
    assert!(told.contains("the value `who` of the tenant `acceptance`"), "{told}");
    assert!(told.contains("dixaform.yaml:7:"), "{told}");
    let _ = workspace.run("plan").exit(0);
    let _ = workspace.run("plan --tenant acceptance").exit(1);
}

#[test]
fn the_tenant_that_is_used_by_default_is_checked_though_the_project_file_does_not_have_it() {
    let without_sandbox = PROJECT.split("  sandbox:").next().unwrap();
    let workspace = webshop().file("dixaform.yaml", without_sandbox);
    let lacks = "the tenant `sandbox` has no value `who`";
    let all = workspace.run("validate").exit(0).stdout;
    assert!(!all.contains(lacks), "{all}");
    workspace.edit("dixaform.yaml", "defaultTenant: staging", "defaultTenant: sandbox");
    let _ = workspace.run("validate").exit(1).says(lacks).says("to `values` of the tenant `sandbox`");
    let _ = workspace.run("validate --tenant staging").exit(0);
}

#[test]
fn unused_values_and_those_that_another_tenant_lacks_are_warnings() {
    let workspace = webshop();
    workspace.edit("dixaform.yaml", "values: {box: a@email.dixa.io", "values: {spare: x, box: a@email.dixa.io");
    workspace.edit("dixaform.yaml", "values: {box: b@email.dixa.io, ", "values: {");
    let plan = workspace.run("plan").exit(0);
    let plan = plan.warns("no manifest uses the value `spare`").warns("dixaform.yaml:5:14");
    let _ = plan.warns("the tenant `acceptance` has no value `box`").warns("dixaform.yaml:5:");
    let _ = workspace.run("plan --warnings-as-errors").exit(1);
    // Part of the manifests says nothing of what the others use.
    let part = workspace.run("plan manifests").exit(0);
    assert!(!part.stderr.contains("spare"), "{}", part.stderr);
    let all = workspace.run("validate").exit(1).stdout;
    assert!(all.contains("the tenant `acceptance` has no value `box`"), "{all}");
}

#[test]
fn the_values_of_a_project_file_are_checked() {
    let workspace = webshop().file(
        "dixaform.yaml",
        "version: 1\ntenants:\n  staging:\n    values: {a b: x, fine: 5, empty: \"\", list: [a]}\n",
    );
    let told = workspace.run("validate").exit(1).stderr;
    for place in ["4:14", "4:28", "4:38", "4:48"] {
        assert!(told.contains(&format!("dixaform.yaml:{place}")), "{place}: {told}");
    }
    let _ = webshop().file("dixaform.yaml", "version: 1\ntenants: {staging: {values: [a]}}\n").run("validate").exit(1);
}

#[test]
fn what_only_looks_like_a_value_is_sent_as_it_is_written() {
    let import = MANIFESTS.split_once("---\n").expect("two documents").1;
    // A channel that Dixa doesn't document can want any map.
    let free = import
        .replace("genericChannelName: email", "genericChannelName: adachat")
        .replace("{value: box}", "{value: free}");
    let workspace = Workspace::new().file("dixaform.yaml", PROJECT).file("manifests/free.yaml", &free);
    let plan = workspace.run("plan --full --tenant sandbox").exit(0);
    let _ = plan.says("\"free\"");
    // The text of a message without its `_type` is no value either.
    let untyped = MANIFESTS.replace("content: {_type: Text, value: Where is it?}", "content: {value: Where is it?}");
    let told = webshop().file("manifests/all.yaml", &untyped).run("validate --tenant staging").exit(1).stdout;
    assert!(told.contains("needs `_type`") && !told.contains("has no value"), "{told}");
}

#[test]
fn a_value_with_a_slip_is_looked_for_among_those_of_other_tenants_too() {
    let project = "version: 1\ntenants:\n  staging: {values: {supportMailbox: a@email.dixa.io}}\n  sandbox: {}\n";
    let manifests =
        MANIFESTS.replace("{value: box}", "{value: suportMailbox}").replace("{value: who}", "{value: supportMailbox}");
    let workspace = Workspace::new().file("dixaform.yaml", project).file("manifests/all.yaml", &manifests);
    let _ = workspace.run("validate --tenant staging").exit(1).says("did you mean `supportMailbox`?");
    let told = workspace.run("validate --tenant sandbox").exit(1);
    let told =
        told.says("did you mean `supportMailbox`, a value of the tenant `staging`? add it to `values` of `sandbox`");
    assert!(!told.stdout.contains("add `suportMailbox`"), "{}", told.stdout);
    let _ = told.says("add `supportMailbox` to `values` of the tenant `sandbox`");
}
