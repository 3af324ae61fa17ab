//! Calls that fail, in whole or in part.

use serde_json::json;

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Server, Stub, Workspace};

/// An import with an attachment that can't be downloaded.
fn import_with_a_bad_attachment() -> String {
    format!("{LEGACY}      attachments: [{{url: \"https://files.invalid/a.png\"}}]\n")
}

#[test]
fn partial_errors_are_a_warning_that_is_kept_in_the_record() {
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import_with_a_bad_attachment());
    let outcome = workspace.run("apply --yes").exit(0);
    let outcome = outcome.says("warning: import.legacy (#1001) was imported with partial errors");
    assert_eq!(outcome.last_line(), "Apply complete! 0 created, 1 imported, 0 updated.");
    let errors = &workspace.record("import.legacy")["partialErrors"];
    assert!(errors[0].as_str().unwrap().contains("attachment"), "{errors}");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

#[test]
fn partial_errors_exit_with_4_when_warnings_are_errors() {
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &import_with_a_bad_attachment());
    let _ = workspace.run("apply --yes --warnings-as-errors").exit(4).says("with partial errors");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}

/// Three manifests, of which Dixa refuses `conversation.b`.
fn one_of_three_is_bad() -> Workspace {
    let attachment = "  _type: Inbound\n    attachments: [{url: \"https://files.invalid/a.png\"}]\n";
    let bad = email("b").replace("  _type: Inbound\n", attachment);
    Workspace::fast().file("manifests/three.yaml", &format!("{}---\n{bad}---\n{ORDER}", email("a")))
}

#[test]
fn one_failure_stops_nothing_else_and_is_reported_with_its_place_and_dixas_words() {
    let workspace = one_of_three_is_bad();
    let outcome = workspace.run("apply --yes").exit(4);
    let outcome = outcome.says("error: conversation.b was not created").says("  --> manifests/three.yaml:25:25\n");
    let words = "POST /v1/conversations answered 400: Attachment download failed: https://files.invalid/a.png";
    let outcome = outcome.says(words);
    assert_eq!(outcome.last_line(), "Apply incomplete: 2 created, 0 imported, 0 updated. 1 failed.");
    let addresses: Vec<_> =
        workspace.state()["records"].as_array().unwrap().iter().map(|r| r["address"].clone()).collect();
    assert_eq!(addresses, ["conversation.a", "conversation.order"]);
}

#[test]
fn after_a_failure_only_what_failed_is_planned() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes").exit(4);
    let plan = workspace.plan_json("");
    assert_eq!((plan["changes"].as_array().unwrap().len(), &plan["summary"]["unchanged"]), (1, &json!(2)));
    assert_eq!(plan["changes"][0]["address"], "conversation.b");
    workspace.edit("manifests/three.yaml", "files.invalid", "files.example.com");
    let outcome = workspace.run("apply --yes").exit(0);
    assert_eq!(outcome.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
}

#[test]
fn when_nothing_at_all_was_done_the_exit_code_is_1() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes --target conversation.b").exit(1).says("1 failed.");
}

#[test]
fn a_text_of_the_api_cannot_draw_on_the_terminal() {
    let stub = Stub::answering("400 Bad Request", "", "{\"message\": \"\\u001b[2Jgone\\u202e\"}");
    let workspace = Workspace::new().with_tenant(&stub.base_url()).file("manifests/order.yaml", ORDER);
    let _ = workspace.run("apply --yes").exit(1).warns("gone").never_says("\u{1b}").never_says("\u{202e}");
}

// State and lock.

#[test]
fn a_state_that_cannot_be_read_is_left_as_it_is() {
    let newer = "{\"format\":\"dixaform-state/2\",\"records\":[]}\n";
    let cut_off = "{\"format\":\"dixaform-state/1\",\"lineage\":\"6d694e30-68d3-4297-919c-54ddaaba3b3d\",\"ser";
    for (text, says) in [(newer, "dixaform-state/2"), (cut_off, "state/sandbox.json"), ("", "state/sandbox.json")] {
        let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("state/sandbox.json", text);
        for command in ["plan", "apply --yes", "state list"] {
            let _ = workspace.run(command).exit(1).warns(says).warns("hint: ");
            assert_eq!(workspace.read("state/sandbox.json"), text);
        }
        assert!(workspace.requests().is_empty());
    }
}

#[test]
fn a_failed_apply_leaves_no_journal_behind_and_the_serial_grows_by_one() {
    let workspace = one_of_three_is_bad();
    let _ = workspace.run("apply --yes").exit(4);
    assert_eq!(workspace.state()["serial"], 1);
    assert!(!workspace.exists("state/sandbox.journal"));
}

#[test]
fn the_same_failure_many_times_is_shown_once_with_a_count_and_the_first_places() {
    let import = |number: usize| {
        format!(
            "apiVersion: dixaform/v1\nkind: ConversationImport\nmetadata: {{name: i{number}}}\nspec:\n  \
             genericChannelName: widgetchat\n  requesterId: 00000000-1111-4222-8333-444444444444\n  direction: Inbound\n  \
             createdAt: '2021-12-01T11:00:0{number}Z'\n  messages: [{{_type: InboundImport, createdAt: \
             '2021-12-01T12:00:00Z', content: {{_type: Text, value: text {number}}}}}]\n"
        )
    };
    let documents: Vec<String> = (0..8).map(import).collect();
    let workspace = Workspace::new().file("manifests/first.yaml", &email("first"));
    let server = Server::start(&workspace, "--no-rate-limit --faults 400@import#*");
    let workspace = workspace.with_tenant(&server.base_url());
    // Without a state it would look among the conversations of the requester first.
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/all.yaml", documents.join("---\n"));
    let outcome = workspace.run("apply --yes").exit(1).says("Invalid value in request");
    assert_eq!(outcome.stdout.matches("Invalid value in request").count(), 1, "{}", outcome.stdout);
    let outcome = outcome.says("7 other changes failed in the same way: import.i1 (manifests/all.yaml:11:1)");
    let _ = outcome.says("and 4 more").says("manifests/all.yaml:1:1").says("8 failed");
}
