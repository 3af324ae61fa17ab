//! States, journals and saved plans that an earlier release wrote: this one reads them and goes on from there.
//!
//! They are below `tests/fixtures/older`, whose README says what they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Workspace;

/// The two projects whose applies ended.
const ENDED: [&str; 2] = ["full", "digest"];

/// The lines of `show` that were reworded on purpose since then: how each begins, and how it reads now.
const REWORDED: [(&str, &str); 5] = [
    (
        "dixaform compared the manifests with the state of tenant",
        "dixaform compared the manifests with the state of tenant \"sandbox\" (embedded). No request was sent to Dixa.",
    ),
    (
        "1 conversation is gone from the tenant",
        "1 conversation is gone from the tenant, and is not made again by itself; \
         dixaform state forget drops the record, and then it is planned again:",
    ),
    (
        "  # an attribute is written only where Dixa has another value",
        "  # an attribute is written only if Dixa has another value\n  # requester, channel, subject and messages are \
         not compared with the conversation in Dixa; --refresh does that",
    ),
    (
        "  # blocked: Dixa can't update or delete a conversation",
        "  # blocked: Dixa can't update or delete a conversation; allow a second one with --allow-replace or the \
         annotation dixaform/on-change: replace, or keep the old one with dixaform/on-change: ignore",
    ),
    ("6 left out by", "6 left out by a filter."),
];

/// A folder of what that release wrote.
fn older(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/older").join(folder)
}

/// A project as that release left it.
fn left(project: &str) -> Workspace {
    let workspace = Workspace::new();
    if project == "digest" {
        for folder in ["manifests", "later"] {
            copy(&workspace, &older("full").join(folder), folder);
        }
    }
    copy(&workspace, &older(project), "");
    workspace
}

/// Copies what is in a folder, and over what is there already.
fn copy(workspace: &Workspace, from: &Path, to: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = Path::new(to).join(entry.file_name()).to_str().unwrap().to_owned();
        if entry.file_type().unwrap().is_dir() {
            copy(workspace, &entry.path(), &name);
        } else {
            workspace.write(&name, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Takes away an import of `email` without a mailbox, which that release took and this one refuses.
fn without_newer(workspace: &Workspace) {
    let text = workspace.read("later/new.yaml");
    let (kept, newer) = text.rsplit_once("---\n").unwrap();
    assert!(newer.contains("{name: newer}"), "{newer}");
    workspace.write("later/new.yaml", kept);
}

/// The names of the saved plans of a project.
fn plans(project: &str) -> Vec<String> {
    let names = std::fs::read_dir(older(project).join("plans")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    names.sort();
    names
}

/// What was made, by calls that this release sent.
fn made(workspace: &Workspace) -> Vec<Value> {
    let writes = workspace.writes_since(0).into_iter();
    writes.filter(|(call, _)| call.starts_with("POST ")).map(|(_, body)| body).collect()
}

/// The records of the state, as text, without what this release adds when it saves them.
fn records(workspace: &Workspace) -> BTreeMap<String, String> {
    let mut state = workspace.state();
    let records = state["records"].as_array_mut().unwrap().iter_mut();
    records
        .map(|record| {
            record.as_object_mut().unwrap().shift_remove("madeOf");
            (record["address"].as_str().unwrap().to_owned(), record.to_string())
        })
        .collect()
}

#[test]
fn after_an_apply_of_an_earlier_release_there_is_nothing_to_do() {
    for project in ENDED {
        let workspace = left(project);
        let state = workspace.read("state/sandbox.json");
        let _ = workspace.run("plan").exit(0).says("No changes.");
        let _ = workspace.run("plan --detailed-exitcode").exit(0);
        let _ = workspace.run("plan --detailed-exitcode --refresh").exit(0).says("No changes.");
        assert_eq!(workspace.run("state list").exit(0).stdout.lines().count(), 12, "{project}");
        assert_eq!(workspace.read("state/sandbox.json"), state, "{project}: who only looks writes nothing");
        let _ = workspace.run("apply --yes").exit(0).says("No changes.");
        assert!(workspace.writes_since(0).is_empty(), "{project}: {:?}", workspace.writes_since(0));
        let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    }
}

#[test]
fn saving_the_state_of_an_earlier_release_keeps_every_record_as_it_was() {
    for project in ENDED {
        let workspace = left(project);
        let (state, before) = (workspace.state(), records(&workspace));
        without_newer(&workspace);
        workspace.write("manifests/new.yaml", workspace.read("later/new.yaml"));
        let _ = workspace.run("apply --yes --allow-outbound").exit(0).says("2 created, 0 imported, 0 updated.");
        let mut after = records(&workspace);
        for new in ["conversation.new", "conversation.notice"] {
            assert!(after.remove(new).is_some(), "{project}: no record of {new}");
        }
        assert_eq!(after, before, "{project}");
        assert_eq!(workspace.state()["lineage"], state["lineage"], "{project}");
        assert_eq!(
            workspace.state()["serial"].as_u64(),
            state["serial"].as_u64().map(|serial| serial + 1),
            "{project}"
        );
        let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    }
}

#[test]
fn the_state_of_an_earlier_release_has_a_record_of_every_sort() {
    let workspace = left("full");
    assert_eq!(workspace.record("conversation.renewed")["replaced"].as_array().map(Vec::len), Some(1));
    assert!(workspace.record("conversation.chat")["partialErrors"].is_array());
    assert_eq!(workspace.record("conversation.found")["id"], 1004);
    assert_eq!(workspace.record("conversation.kept")["spec"]["subject"], "as it was");
    let hidden = left("digest").record("conversation.renewed");
    assert!(hidden["salt"].is_string() && hidden["fields"].is_object() && hidden.get("spec").is_none(), "{hidden}");
}

#[test]
fn the_same_plan_is_made_byte_by_byte_as_by_an_earlier_release() {
    for project in ENDED {
        let workspace = left(project);
        without_newer(&workspace);
        let now = workspace.run("plan later --prune --format json").exit(0).stdout;
        assert_eq!(changes(&now).len(), 7);
        assert_eq!(changes(&now), changes(&workspace.read("plans/everything.json")), "{project}");
    }
}

/// The changes of a plan but the one that this release refuses, each as text, without what earlier ones did not write.
fn changes(plan: &str) -> Vec<String> {
    let mut plan: Value = serde_json::from_str(plan).unwrap();
    for change in plan["changes"].as_array_mut().unwrap() {
        change.as_object_mut().unwrap().shift_remove("labels");
    }
    let changes = plan["changes"].as_array().unwrap().iter();
    changes.filter(|change| change["address"] != "import.newer").map(Value::to_string).collect()
}

/// The text of a plan without its seal and that of its state, without the version that made it, and without what that
/// did not count yet.
fn unsealed(plan: &str) -> String {
    let (text, _) = plan.rsplit_once(",\"seal\":").unwrap();
    let value = serde_json::from_str::<Value>(plan).unwrap();
    let (tool, base) = (value["tool"].to_string(), &value["base"]["seal"]);
    assert!(text.contains(&tool));
    text.replacen(&tool, "", 1).replacen(&format!(",\"seal\":{base}"), "", 1).replacen("\"move\":0,", "", 1)
}

/// How a line reads now.
fn reworded(line: &str) -> &str {
    REWORDED.iter().find(|(start, _)| line.starts_with(start)).map_or(line, |(_, now)| now)
}

#[test]
fn a_plan_that_an_earlier_release_saved_is_shown_as_it_showed_it() {
    let mut changed = 0;
    for project in ENDED {
        let workspace = left(project);
        for name in plans(project) {
            let then = workspace.read(&format!("plans/{name}.txt"));
            let expected: String = then.lines().map(|line| format!("{}\n", reworded(line))).collect();
            changed += usize::from(then != expected);
            let file = format!("plans/{name}.json");
            assert_eq!(workspace.run(&format!("show {file}")).exit(0).stdout, expected, "{project}/{file}");
            let json = workspace.run(&format!("show {file} --format json")).exit(0).stdout;
            assert_eq!(unsealed(&json), unsealed(&workspace.read(&file)), "{project}/{file}");
        }
    }
    assert_eq!(changed, 5, "all say to whom no request was sent, and nothing else differs");
}

#[test]
fn a_plan_that_an_earlier_release_saved_is_applied_once_and_is_stale_afterwards() {
    for project in ENDED {
        let workspace = left(project);
        let _ = workspace.run("apply plans/everything.json").exit(5).warns("would send a message to a customer");
        assert!(workspace.requests().is_empty(), "{project}");
        let applied = workspace.run("apply plans/everything.json --allow-outbound").exit(0);
        let done = "Apply complete! 2 created, 1 imported, 2 updated, 1 replaced, 1 adopted, 1 forgotten.";
        assert_eq!(applied.last_line(), done, "{project}");
        assert_eq!(made(&workspace).len(), 4, "{project}");
        without_newer(&workspace);
        let _ = workspace.run("plan later --detailed-exitcode --exclude import.newer").exit(0).says("No changes.");
        let sent = workspace.requests().len();
        for name in plans(project) {
            let refused = workspace.run(&format!("apply plans/{name}.json --allow-outbound")).exit(5);
            let _ = refused.warns("the plan is stale");
        }
        assert_eq!(workspace.requests().len(), sent, "{project}: a stale plan sends nothing");
    }
}

#[test]
fn what_an_earlier_release_planned_is_approved_and_blocked_as_it_was() {
    let approved = left("full");
    without_newer(&approved);
    let others = "--exclude import.* --exclude conversation.callback";
    let apply = format!("apply later --verify {others} --allow-outbound --approved-plan plans/verified.json");
    let _ = approved.run(&apply).exit(0);
    let workspace = left("full");
    let _ = workspace.run("apply plans/blocked.json").exit(5).warns("3 changes of the plan are blocked");
    let other = std::fs::read(older("digest").join("plans/everything.json")).unwrap();
    workspace.write("other.json", other);
    let _ = workspace.run("apply other.json --allow-outbound").exit(5).warns("the plan is stale");
    assert!(workspace.requests().is_empty());
    let _ = workspace.run("apply plans/none.json").exit(0).says("No changes.");
    let _ = workspace.run("apply plans/refreshed.json").exit(0).says("0 created, 0 imported, 1 updated.");
    let verified = left("full");
    let _ = verified.run("apply plans/verified.json --allow-outbound").exit(0).says("2 created, 0 imported, 1 updated");
}

/// How many conversations are in the tenant.
fn conversations(workspace: &Workspace) -> usize {
    workspace.read("state/sandbox.data.jsonl").matches("\"conversation\":{").count()
}

#[test]
fn an_apply_of_an_earlier_release_that_was_killed_is_finished_and_nothing_is_made_twice() {
    // Whole, and with a last line that the crash cut short.
    for cut in [0, 9] {
        let workspace = left("killed");
        let journal = workspace.read("state/sandbox.journal");
        workspace.write("state/sandbox.journal", &journal[..journal.len() - cut]);
        let plan = workspace.run("plan").exit(0).warns("3 calls in doubt").stdout;
        assert!(plan.contains("3 changes are in doubt"), "{plan}");
        let applied = workspace.run("apply --yes").exit(0).warns("conversation.b was not made");
        let _ = applied.warns("conversation.c was found: it is #1005.").warns("conversation.d was found: it is #1004.");
        let made = made(&workspace);
        assert_eq!(made.len(), 1, "only what was not made is sent: {made:#?}");
        assert_eq!((made[0]["subject"].as_str(), conversations(&workspace)), (Some("b"), 8));
        assert!(!workspace.exists("state/sandbox.journal"), "a journal is left");
        let _ = workspace.run("plan --detailed-exitcode --refresh").exit(0).says("No changes.");
        let renewed = workspace.record("conversation.renewed");
        assert_eq!((&renewed["id"], &renewed["replaced"][0]), (&Value::from(1006), &Value::from(1002)));
        assert_eq!(workspace.record("conversation.unmarked")["id"], 1007);
    }
}

#[test]
fn what_an_earlier_release_could_not_mark_stays_in_doubt_when_its_answer_is_lost() {
    let workspace = left("killed");
    let journal = workspace.read("state/sandbox.journal");
    // Up to the answer of the callback, which several conversations of its customer could be by now.
    let end = journal.rfind("{\"succeeded\":{\"seq\":8,").unwrap();
    let end = journal[..end].rfind('\n').unwrap() + 1;
    workspace.write("state/sandbox.journal", &journal[..end]);
    let _ = workspace.run("apply --yes").exit(6).warns("conversation.unmarked");
    assert_eq!((made(&workspace).len(), conversations(&workspace)), (1, 8), "it is not sent again");
    let _ = workspace.run("recover --adopt conversation.unmarked=1007").exit(0);
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    assert_eq!(workspace.record("conversation.unmarked")["id"], 1007);
}
