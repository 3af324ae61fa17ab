//! What is in doubt: found by machine, or decided by a person; never made twice, never lost.

use std::collections::BTreeSet;
#[cfg(unix)]
use std::{process::Stdio, time::Duration};

use serde_json::Value;

use crate::support::manifests::{LEGACY, ORDER, SMS, callback, email};
use crate::support::{Outcome, Server, Workspace, sealed};

/// Answers of the first creation are lost, and the tenant can't be looked at: what happened stays unknown.
const LOST_AND_BLIND: &str = "drop-after@create#1,redirect@conversations#*";
/// The same, where nothing was made.
const NEVER_MADE_AND_BLIND: &str = "drop-before@create#1,redirect@conversations#*";

/// A fast workspace with one file of these manifests, whose sandbox does not wait long before it believes "not found".
fn workspace(manifests: &[String]) -> Workspace {
    let workspace = Workspace::fast().file("manifests/all.yaml", &manifests.join("---\n"));
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    workspace
}

#[track_caller]
fn apply_with(workspace: &Workspace, faults: &str) -> Outcome {
    workspace.run(&format!("apply --yes --sandbox-faults {faults}"))
}

/// Two callbacks of which both answers were lost.
fn two_lost_callbacks() -> Workspace {
    let workspace = workspace(&[email("c"), callback("a"), callback("b")]);
    let _ = workspace.run("apply --yes --target conversation.c").exit(0);
    let lost = apply_with(&workspace, "drop-after@create#1-2").exit(6).says("it could be any of #1002 (");
    assert_eq!(lost.last_line(), "Apply incomplete: 0 created, 0 imported, 0 updated. 2 in doubt.");
    workspace
}

/// The ids of the conversations that the sandbox has, whoever made them.
fn made(workspace: &Workspace) -> Vec<i64> {
    let data = workspace.read("state/sandbox.data.jsonl");
    let lines = data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["conversation"]["id"].as_i64()).collect()
}

fn recorded(workspace: &Workspace) -> BTreeSet<i64> {
    workspace.state()["records"].as_array().unwrap().iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

fn posts(workspace: &Workspace) -> Vec<Value> {
    let requests = workspace.requests().into_iter();
    requests.filter(|(call, _)| call.starts_with("POST ")).map(|(_, body)| body).collect()
}

fn mark(body: &Value) -> String {
    body["message"]["externalId"].as_str().unwrap().to_owned()
}

fn addresses(workspace: &Workspace) -> Vec<String> {
    let state = workspace.state();
    let records = state["records"].as_array().unwrap().iter();
    records.map(|record| record["address"].as_str().unwrap().to_owned()).collect()
}

// By machine.

#[test]
fn what_cannot_be_looked_for_is_in_doubt_and_the_rest_goes_on() {
    let workspace = workspace(&[ORDER.into(), email("other"), LEGACY.into()]);
    let outcome = apply_with(&workspace, LOST_AND_BLIND).exit(6).says("may have been created, or not");
    let outcome = outcome.says("could not be looked for").says("dixaform recover");
    assert_eq!(outcome.last_line(), "Apply incomplete: 1 created, 1 imported, 0 updated. 1 in doubt.");
    assert_eq!(made(&workspace).len(), 3);
}

#[test]
fn a_plan_tells_what_is_in_doubt_plans_nothing_for_it_and_sends_nothing() {
    let workspace = workspace(&[ORDER.into()]);
    let _ = apply_with(&workspace, LOST_AND_BLIND).exit(6);
    workspace.write("manifests/new.yaml", email("new"));
    let sent = workspace.requests().len();
    let journal = workspace.read("state/sandbox.journal");
    let plan = workspace.run("plan").exit(0).says("1 to create").says("1 change is in doubt");
    let _ = plan.says("conversation.order").warns("conversation.order: create begun at");
    let json = workspace.plan_json("");
    let planned: Vec<&Value> = json["changes"].as_array().unwrap().iter().map(|change| &change["address"]).collect();
    assert_eq!(planned, ["conversation.new"]);
    assert_eq!((workspace.requests().len(), workspace.read("state/sandbox.journal")), (sent, journal));
}

#[test]
fn the_next_apply_finds_what_was_made_and_finishes_it() {
    // The other one before it: of two that are sent together, either can be the first to arrive.
    let workspace = workspace(&[ORDER.into(), email("other")]);
    let _ = workspace.run("apply --yes --target conversation.other").exit(0);
    let _ = apply_with(&workspace, LOST_AND_BLIND).exit(6);
    let sent = workspace.requests().len();
    let applied = workspace.run("apply --yes").exit(0).warns("conversation.order was found: it is #1002.");
    assert!(!applied.stdout.contains("No request was sent to Dixa."), "{}", applied.stdout);
    let _ = applied.says("Read requests were sent to Dixa.");
    let writes: Vec<String> = workspace.writes_since(sent).into_iter().map(|(call, _)| call).collect();
    assert_eq!(writes, ["PATCH /v1/conversations/1002/custom-attributes"]);
    assert_eq!(made(&workspace).into_iter().collect::<BTreeSet<_>>(), recorded(&workspace));
    assert!(!workspace.exists("state/sandbox.journal"));
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn the_next_apply_sends_again_what_was_never_made_with_the_same_mark() {
    let workspace = workspace(&[ORDER.into()]);
    let _ = apply_with(&workspace, NEVER_MADE_AND_BLIND).exit(6);
    assert_eq!(made(&workspace), [0; 0]);
    let applied = workspace.run("apply --yes").exit(0).warns("conversation.order was not made; it is planned again.");
    assert_eq!(applied.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
    let posts = posts(&workspace);
    assert_eq!((posts.len(), mark(&posts[0])), (2, mark(&posts[1])));
    assert_eq!(made(&workspace), [1001]);
}

#[test]
fn every_generation_of_a_conversation_has_its_own_mark_even_with_the_same_content() {
    let workspace = workspace(&[email("a")]);
    let _ = workspace.run("apply --yes").exit(0);
    for (from, to) in [("about a", "about b"), ("about b", "about a")] {
        workspace.edit("manifests/all.yaml", from, to);
        let _ = workspace.run("apply --yes --allow-replace").exit(0);
    }
    let marks: BTreeSet<String> = posts(&workspace).iter().map(mark).collect();
    assert_eq!(marks.len(), 3);
}

#[test]
fn a_lost_replacement_is_never_taken_for_the_conversation_that_it_replaces() {
    let workspace = workspace(&[callback("a")]);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/all.yaml", "+4551000000", "+4551000001");
    let lost = workspace.run("apply --yes --allow-replace --sandbox-faults drop-before@create#1").exit(0);
    assert_eq!(lost.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 replaced.");
    assert_eq!((workspace.record("conversation.a")["id"].as_i64(), made(&workspace)), (Some(1002), vec![1001, 1002]));
}

#[test]
fn an_external_id_of_the_manifest_finds_it_again() {
    let own = email("a").replace("    _type: Inbound\n", "    _type: Inbound\n    externalId: ours-1\n");
    let workspace = workspace(&[own]);
    let _ = apply_with(&workspace, LOST_AND_BLIND).exit(6);
    let _ = workspace.run("apply --yes").exit(0).warns("conversation.a was found: it is #1001.");
    let posts = posts(&workspace);
    assert_eq!((posts.len(), mark(&posts[0])), (1, "ours-1".into()));
}

#[test]
fn without_markers_the_requesters_conversations_are_listed_first_and_their_ids_are_written_down() {
    let workspace = workspace(&[email("a")]);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    markers: false\n");
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/b.yaml", email("b"));
    let sent = workspace.requests().len();
    let _ = apply_with(&workspace, "drop-after@create#1,redirect@conversations#2-9").exit(6);
    let calls: Vec<String> = workspace.requests().split_off(sent).into_iter().map(|(call, _)| call).collect();
    let list = calls.iter().position(|call| call.contains("/endusers/")).unwrap();
    let post = calls.iter().position(|call| call.starts_with("POST ")).unwrap();
    assert!(list < post, "{calls:?}");
    assert!(workspace.read("state/sandbox.journal").contains("\"knownBefore\":[1001]"));
    let _ = workspace.run("apply --yes").exit(0).warns("conversation.b was found: it is #1002.");
    assert_eq!(posts(&workspace).len(), 2);
}

#[test]
fn an_apply_that_still_cannot_look_leaves_it_in_doubt_and_does_the_rest() {
    let workspace = workspace(&[ORDER.into()]);
    let _ = apply_with(&workspace, LOST_AND_BLIND).exit(6);
    workspace.write("manifests/new.yaml", email("new"));
    let again = apply_with(&workspace, "redirect@conversations#*").exit(6).warns("conversation.order");
    assert_eq!(again.last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
    let _ = workspace.run("apply --yes").exit(0).warns("conversation.order was found: it is #1001.");
    assert_eq!(made(&workspace), [1001, 1002]);
}

#[test]
fn a_token_that_is_refused_while_looking_ends_the_run_with_3() {
    let workspace = workspace(&[ORDER.into()]);
    let _ = apply_with(&workspace, LOST_AND_BLIND).exit(6);
    let _ = apply_with(&workspace, "401@conversations#*").exit(3);
    let _ = workspace.run("plan").exit(0).says("1 change is in doubt");
    let _ = workspace.run("plan --detailed-exitcode").exit(2).says("1 change is in doubt");
}

// By a person.

#[test]
fn two_conversations_that_could_both_be_it_are_a_question() {
    let workspace = two_lost_callbacks();
    let again = workspace.run("apply --yes").exit(6).warns("conversation.a has been in doubt").warns("#1002 (");
    let _ = again.warns("#1003 (").warns("--adopt ADDRESS=ID");
    let asked = workspace.run("recover").exit(6).says("2 calls still in doubt");
    let _ = asked.says("conversation.b: create begun at").warns("#1002 (").warns("#1003 (");
    assert_eq!(posts(&workspace).len(), 3);
}

#[test]
fn one_answer_of_a_person_can_settle_the_rest() {
    let workspace = two_lost_callbacks();
    let others = recorded(&workspace);
    let free: Vec<i64> = made(&workspace).into_iter().filter(|id| !others.contains(id)).collect();
    let settled = workspace.run(&format!("recover --adopt conversation.b={}", free[0])).exit(0);
    let _ = settled.says("Nothing is in doubt any more.");
    assert_eq!(workspace.record("conversation.b")["id"].as_i64(), Some(free[0]));
    assert_eq!(workspace.record("conversation.a")["id"].as_i64(), Some(free[1]));
    assert!(!workspace.exists("state/sandbox.journal"));
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn what_could_be_either_of_two_different_conversations_is_not_taken_for_the_first() {
    let workspace = workspace(&[callback("a"), callback("b").replace("+4551000000", "+4551000001")]);
    let lost = apply_with(&workspace, "drop-before@create#1,drop-after@create#2").exit(6);
    assert_eq!(lost.last_line(), "Apply incomplete: 0 created, 0 imported, 0 updated. 2 in doubt.");
    assert_eq!(made(&workspace), [1001]);
    let is_b = posts(&workspace)[1]["contactEndpointId"] == "+4551000001";
    let (there, missing) = if is_b { ("b", "a") } else { ("a", "b") };
    let settled = workspace.run(&format!("recover --adopt conversation.{there}=1001")).exit(0);
    let _ = settled.warns(&format!("conversation.{missing} was not made"));
    let _ = workspace.run("apply --yes").exit(0);
    assert_eq!(made(&workspace), [1001, 1002]);
    let endpoints: BTreeSet<String> =
        posts(&workspace)[1..].iter().map(|body| body["contactEndpointId"].to_string()).collect();
    assert_eq!(endpoints.len(), 2, "each of both was made");
}

#[test]
fn create_and_forget_plan_it_again() {
    for word in ["create", "forget"] {
        let workspace = workspace(&[email("a")]);
        let _ = apply_with(&workspace, NEVER_MADE_AND_BLIND).exit(6);
        let _ =
            workspace.run(&format!("recover --{word} conversation.a")).exit(0).says("Nothing is in doubt any more.");
        let _ = workspace.run("plan").exit(0).says("1 to create");
        let _ = workspace.run("apply --yes").exit(0);
        assert_eq!(made(&workspace), [1001]);
    }
}

#[test]
fn an_answer_that_cannot_be_right_decides_nothing() {
    let workspace = two_lost_callbacks();
    let stranger = "4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd";
    let owned = workspace.record("conversation.c")["id"].as_i64().unwrap();
    // Made by hand, for somebody else.
    let mut server = Server::start(&workspace, "--data state/sandbox.data.jsonl");
    let body = posts(&workspace)[0].to_string().replace("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", stranger);
    let strange = server.send("POST", "/v1/conversations", &body.replace("df-", "by-hand-")).1["data"]["id"].clone();
    assert_eq!((&strange, server.terminate()), (&Value::from(1004), 0));
    let journal = workspace.read("state/sandbox.journal");
    for (words, code, says) in [
        ("--adopt conversation.a=4711", 1, "GET /v1/conversations/4711".to_owned()),
        (&format!("--adopt conversation.a={owned}"), 5, "is managed as conversation.c already".into()),
        (&format!("--adopt conversation.a={strange}"), 5, format!("belongs to requester {stranger}")),
        ("--adopt conversation.c=1001", 1, "conversation.c is not in doubt".into()),
        ("--create conversation.zzz", 1, "conversation.zzz is not in doubt".into()),
        ("--forget import.a", 1, "import.a is not in doubt".into()),
        ("--adopt conversation.a", 64, "is not ADDRESS=ID".into()),
        ("--adopt conversation.a=zero", 64, "is not ADDRESS=ID".into()),
        ("--adopt conversation.a=0", 64, "is not ADDRESS=ID".into()),
        ("--create a", 64, "conversation.<name>".into()),
        ("--create conversation.a --forget conversation.a", 64, "more than one decision".into()),
        ("--create conversation.a --create conversation.a", 64, "more than one decision".into()),
        ("--adopt conversation.a=1002 --adopt conversation.b=1002", 64, "#1002 can't be both".into()),
    ] {
        let outcome = workspace.run(&format!("recover {words}"));
        assert_eq!(outcome.code, code, "{words}: {}{}", outcome.stdout, outcome.stderr);
        let _ = outcome.warns(&says).warns("hint: ");
        assert_eq!(workspace.read("state/sandbox.journal"), journal, "{words}");
    }
}

#[test]
fn a_conversation_that_was_replaced_is_not_adopted_again() {
    let workspace = workspace(&[callback("a")]);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.edit("manifests/all.yaml", "+4551000000", "+4551000001");
    let _ = workspace.run("apply --yes --allow-replace").exit(0);
    workspace.write("manifests/b.yaml", email("b"));
    let _ = apply_with(&workspace, NEVER_MADE_AND_BLIND).exit(6);
    let refused = workspace.run("recover --adopt conversation.b=1001").exit(5);
    let _ = refused.warns("#1001 was made for conversation.a");
}

#[test]
fn with_nothing_in_doubt_there_is_nothing_to_decide_and_nothing_is_sent() {
    let workspace = workspace(&[email("a")]);
    let _ = workspace.run("apply --yes").exit(0);
    let sent = workspace.requests().len();
    let _ = workspace.run("recover").exit(0).says("Nothing is in doubt.");
    let _ = workspace.run("recover --forget conversation.a").exit(1).warns("conversation.a is not in doubt");
    assert_eq!(workspace.requests().len(), sent);
}

#[test]
fn the_state_is_not_repaired_before_the_doubt_is_settled() {
    let workspace = workspace(&[email("a"), email("b")]);
    let _ = apply_with(&workspace, LOST_AND_BLIND).exit(6);
    let known = addresses(&workspace).remove(0);
    let state = workspace.read("state/sandbox.json");
    for command in [format!("mv {known} conversation.new"), format!("forget {known}")] {
        let _ = workspace.run(&format!("state {command}")).exit(6).warns("dixaform recover");
        assert_eq!(workspace.read("state/sandbox.json"), state);
    }
    let _ = workspace.run("recover").exit(0);
    let _ = workspace.run(&format!("state mv {known} conversation.new")).exit(0).says("is conversation.new now");
    let _ = workspace.run("state forget conversation.new").exit(0).says("is forgotten");
}

// A state from elsewhere.

/// A workspace in which an apply was killed after it made #1002, #1003 and perhaps a fourth conversation, and in which the
/// state was then exchanged for a newer one of the same lineage that knows none of them.
#[cfg(unix)]
fn exchanged() -> Workspace {
    let workspace = workspace(&[email("a")]);
    let _ = workspace.run("apply --yes").exit(0);
    let elsewhere = sealed(&workspace.read("state/sandbox.json").replace("\"serial\":1,", "\"serial\":2,"));
    workspace.write("manifests/more.yaml", [email("b"), email("c"), email("d")].join("---\n"));
    let mut command = workspace.command();
    command.args(["apply", "--yes", "--sandbox-faults", "hang@create#3"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let journal = || std::fs::read_to_string(workspace.path("state/sandbox.journal")).unwrap_or_default();
    let said = |what: &str| journal().matches(what).count();
    for _ in 0..1000 {
        if said("{\"succeeded\"") == 2 && said("{\"began\"") == 3 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((said("{\"succeeded\""), said("{\"began\"")), (2, 3), "{}", journal());
    workspace.write("state/sandbox.json", elsewhere);
    workspace
}

/// The addresses and ids that `recover` lists.
#[cfg(unix)]
fn listed(workspace: &Workspace) -> Vec<String> {
    let outcome = workspace.run("recover").exit(6).says("In the journal, but not in the state:");
    let lines = outcome.stdout.lines().filter_map(|line| line.strip_prefix("  "));
    lines.map(|line| line.replace(" is #", "=")).collect()
}

#[cfg(unix)]
#[test]
fn a_state_from_elsewhere_does_not_make_the_journal_pass_for_done() {
    let workspace = exchanged();
    let files = || (workspace.read("state/sandbox.json"), workspace.read("state/sandbox.journal"));
    let (before, sent) = (files(), workspace.requests().len());
    let unknown = listed(&workspace);
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    for command in [
        "plan",
        "plan --refresh",
        "apply --yes",
        "state list",
        "show",
        "recover",
        "state forget conversation.a",
        &format!("recover --adopt {}", unknown[0]),
        &format!("recover --adopt {} --create {}", unknown[0], unknown[1].split_once('=').unwrap().0),
        &format!("recover --adopt {} --adopt {}0", unknown[0], unknown[1]),
    ] {
        let outcome = workspace.run(command);
        assert!(matches!(outcome.code, 5 | 6), "{command}: {outcome:?}");
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(told.contains("recover") || told.contains("--adopt"), "{command}: {told}");
        assert_eq!((files(), workspace.requests().len()), (before.clone(), sent), "{command}");
    }
    let plan = workspace.run("plan").exit(6);
    for one in unknown {
        let _ = plan.stderr.find(&one.replace('=', " is #")).unwrap_or_else(|| panic!("{one}: {}", plan.stderr));
    }
}

#[cfg(unix)]
#[test]
fn what_a_state_from_elsewhere_does_not_know_is_recorded_and_the_doubt_beside_it_is_kept() {
    let workspace = exchanged();
    let unknown = listed(&workspace);
    let words = format!("recover --adopt {} --adopt {}", unknown[0], unknown[1]);
    let settled =
        workspace.run(&words).exit(0).says("and it is in the state now").says("Nothing is in doubt any more.");
    let _ = settled.warns("1 call in doubt");
    assert!(!workspace.exists("state/sandbox.journal"));
    let _ = workspace.run("apply --yes").exit(0);
    let made = made(&workspace);
    assert_eq!(made.len(), 4, "each manifest has one: {made:?}");
    assert_eq!(made.into_iter().collect::<BTreeSet<_>>(), recorded(&workspace));
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[cfg(unix)]
#[test]
fn what_a_state_from_elsewhere_does_not_know_can_be_left_alone() {
    let workspace = exchanged();
    let unknown = listed(&workspace);
    let names: Vec<&str> = unknown.iter().map(|one| one.split_once('=').unwrap().0).collect();
    let words = format!("recover --forget {} --forget {}", names[0], names[1]);
    let _ = workspace.run(&words).exit(0).says("is left alone in Dixa").says("Nothing is in doubt any more.");
    assert_eq!(recorded(&workspace), BTreeSet::from([1001]));
    let _ = workspace.run("plan").exit(0).says("3 to create");
}

// A journal that is lost.

/// A workspace in which the apply of the last manifest was killed, and its journal is gone; what the others describe was
/// applied before.
fn without_its_journal(manifest: &str, faults: &str) -> Workspace {
    let workspace = workspace(&[email("before")]);
    let _ = workspace.run("apply --yes").exit(0);
    workspace.write("manifests/last.yaml", manifest);
    let state = workspace.read("state/sandbox.json");
    let _ = workspace.run(&format!("apply --yes --allow-outbound --sandbox-faults {faults}")).exit(6);
    workspace.remove("state/sandbox.journal");
    workspace.write("state/sandbox.json", state);
    workspace
}

#[test]
fn what_a_run_has_made_is_found_although_its_journal_is_lost() {
    for (manifest, address) in [(email("last"), "conversation.last"), (SMS.to_owned(), "conversation.pickup")] {
        let workspace = without_its_journal(&manifest, LOST_AND_BLIND);
        let rebuilt = workspace.run("state rebuild --journal-lost").exit(0);
        let _ = rebuilt.warns("may still arrive in the next").says("1 conversation recorded.");
        assert_eq!(workspace.record(address)["id"].as_i64(), Some(1002));
        let _ = workspace.run("apply --yes --allow-outbound").exit(0).says("No changes.");
        assert_eq!((posts(&workspace).len(), made(&workspace)), (2, vec![1001, 1002]));
    }
}

#[test]
fn what_was_never_made_is_planned_again_after_its_journal_is_lost_unless_it_reaches_a_customer() {
    let workspace = without_its_journal(&email("last"), NEVER_MADE_AND_BLIND);
    let rebuilt = workspace.run("state rebuild --journal-lost").exit(0).says("Nothing new was found.");
    let _ = rebuilt.warns("conversation.last was not made; it is planned again.");
    let _ = workspace.run("apply --yes").exit(0).says("Apply complete! 1 created");
    assert_eq!((posts(&workspace).len(), made(&workspace)), (3, vec![1001, 1002]));

    let workspace = without_its_journal(SMS, NEVER_MADE_AND_BLIND);
    for command in ["state rebuild --journal-lost", "apply --yes --allow-outbound", "state rebuild --journal-lost"] {
        let _ = workspace.run(command).exit(6).warns("conversation.pickup").warns("because it reaches a customer");
        assert_eq!(posts(&workspace).len(), 2, "{command}");
    }
    let _ = workspace.run("recover --create conversation.pickup").exit(0).says("Nothing is in doubt any more.");
    let _ = workspace.run("apply --yes --allow-outbound").exit(0).says("Apply complete! 1 created");
    assert_eq!((posts(&workspace).len(), made(&workspace)), (3, vec![1001, 1002]));
}

#[test]
fn what_carries_no_mark_is_a_question_after_its_journal_is_lost() {
    // The first list is that before the call.
    let workspace = without_its_journal(&callback("last"), "drop-after@create#1,redirect@conversations#2-99");
    for command in ["state rebuild --journal-lost", "apply --yes", "state rebuild --journal-lost"] {
        let _ = workspace.run(command).exit(6).warns("conversation.last").warns("#1002");
    }
    let _ = workspace.run("recover --adopt conversation.last=1002").exit(0).says("Nothing is in doubt any more.");
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    assert_eq!(posts(&workspace).len(), 2);
}
