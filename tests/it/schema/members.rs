//! Each format with each of its members taken away in turn, and with one that nobody knows.

use dixaform::digest::Digest;
use dixaform::plan::file_v1;
use dixaform::schema::Subject;
use serde_json::{Value, json};

use crate::schema::{assert_valid, strict};
use crate::support::Workspace;
use crate::support::manifests::{LEGACY, ORDER, TEXT, email};

/// Members that hold what Dixa or a manifest has, about which a format says nothing.
const FREE: [&str; 6] = ["before", "after", "recorded", "live", "patch", "patchDifferent"];

/// Where the maps of a document are, as JSON pointers; of each list in the first elements.
fn maps(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(pointer.to_owned());
            let described = members.iter().filter(|(name, _)| !FREE.contains(&name.as_str()));
            described.for_each(|(name, member)| maps(member, &format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            let first = items.iter().take(6).enumerate();
            first.for_each(|(index, item)| maps(item, &format!("{pointer}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document with one edit after the other: a member less, or one more; and what was done.
fn edits(document: &Value) -> Vec<(String, bool, Value)> {
    let mut pointers = Vec::new();
    maps(document, "", &mut pointers);
    let edited = |pointer: &str, edit: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut edited = document.clone();
        edit(edited.pointer_mut(pointer).unwrap().as_object_mut().unwrap());
        edited
    };
    let mut all = Vec::new();
    for pointer in &pointers {
        let names = document.pointer(pointer).unwrap().as_object().unwrap().keys();
        for name in names {
            let less = edited(pointer, &|map| {
                map.shift_remove(name);
            });
            all.push((format!("{pointer} without {name}"), false, less));
        }
        let more = edited(pointer, &|map| {
            map.insert("nobodyKnows".to_owned(), 1.into());
        });
        all.push((format!("{pointer} with another"), true, more));
    }
    all
}

/// Sealed as the program seals it, so that only what it says is looked at.
fn sealed(plan: &Value) -> String {
    let mut plan = plan.clone();
    let seal = plan.as_object_mut().unwrap().shift_remove("seal");
    let text = plan.to_string();
    let text = text.strip_suffix('}').unwrap();
    match seal {
        Some(_) => format!("{text},\"seal\":\"{}\"}}\n", Digest::of_bytes(text.as_bytes())),
        None => format!("{text}}}\n"),
    }
}

/// A plan with something in each of its lists.
fn plan() -> Value {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/a.yaml", &email("a"));
    let _ = workspace.run("apply --yes").exit(0);
    workspace.remove("manifests/a.yaml");
    workspace.edit("manifests/order.yaml", "\"012345\"", "null");
    workspace.write("manifests/legacy.yaml", LEGACY);
    let adopt = |name: &str, id: u32| {
        email(name).replace("spec:\n", &format!("  annotations: {{dixaform/adopt: \"{id}\"}}\nspec:\n"))
    };
    workspace.write("manifests/adopted.yaml", adopt("adopted", 77));
    workspace.write("manifests/owned.yaml", adopt("owned", 1002));
    let mut plan = workspace.plan_json("");
    let source = json!({"file": "a.yaml", "line": 1, "column": 1});
    plan["drift"] = json!([{"address": "conversation.d", "id": 3,
        "attributes": [{"id": TEXT, "recorded": "x", "live": null}]}]);
    plan["gone"] = json!([{"address": "conversation.g", "id": 4, "source": source, "anonymized": true}]);
    plan["inDoubt"] = json!(["import.q"]);
    plan
}

#[test]
fn the_reader_and_the_schema_of_a_plan_agree_about_every_member() {
    let (plan, validator) = (plan(), strict(Subject::Plan));
    assert_valid(&validator, &plan, "as it is");
    assert!(file_v1::read(&sealed(&plan)).is_ok(), "{:?}", file_v1::read(&sealed(&plan)));
    let edits = edits(&plan);
    assert!(edits.len() > 150, "{}", edits.len());
    for (what, more, edited) in edits {
        let read = file_v1::read(&sealed(&edited));
        // Plans of earlier versions are read, and count no moves.
        let is_earlier = what == "/summary without move";
        assert_eq!(validator.is_valid(&edited), read.is_ok() && !is_earlier, "{what}: {read:?}");
        // A step is one member, and says what it is by its name. Plans of earlier versions know no seal of the state.
        let fits = more || is_earlier || what == "/base without seal";
        // Nor do they know labels, of which each can be missing and none is a number.
        let fits = if what.contains("labels") { !more } else { fits };
        assert_eq!(read.is_ok(), fits && !what.contains("/steps/"), "{what}: {read:?}");
    }
}

#[test]
fn no_format_that_is_only_written_can_lack_a_member_and_others_may_come_later() {
    let bad = Workspace::new().copy("tests/fixtures/bad");
    let findings = bad.run("validate tests/fixtures/bad --format json").exit(1).stdout;
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/a.yaml", &email("a"));
    let faults = "429@PATCH#1,500-before@create#1,retry-after=1";
    let run = workspace.run(&format!("apply --yes --sandbox-faults {faults} --format json --format json=r.json"));
    let of = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let documents = std::iter::once((Subject::Validate, of(&findings)))
        .chain([(Subject::Apply, of(&workspace.read("r.json")))])
        .chain(run.stdout.lines().map(|line| (Subject::ApplyEvent, of(line))));
    let mut seen = 0;
    for (subject, document) in documents {
        let validator = strict(subject);
        assert_valid(&validator, &document, "as it is");
        for (what, more, edited) in edits(&document) {
            // Which event it is, the whole of an event says.
            seen += 1;
            assert_eq!(validator.is_valid(&edited), more, "{subject:?} {what}: {edited}");
        }
    }
    assert!(seen > 200, "{seen}");
}
