//! Every member of every request body, driven by the tables of `shape`: what is written arrives, and mistakes are reported.
//!
//! `docs/members.md` lists the members and names these tests.

use std::sync::Arc;

use dixaform::call::Call;
use dixaform::conversation::Kind;
use dixaform::manifest;
use dixaform::shape::{self, Form, Shape, Tag, Union};
use serde_json::{Value, json};

use crate::support::Workspace;
use crate::support::manifests::email;

/// A place in a manifest that a form describes.
struct Place {
    /// As a JSON pointer into the manifest.
    pointer: String,
    form: &'static Form,
}

/// A map in a manifest, with the shape it follows.
struct Body {
    pointer: String,
    shape: &'static Shape,
    /// Whether it carries a `_type` that tells it apart, and whether that may be left out.
    union: Option<&'static Union>,
}

/// Values that differ from each other, so that none can be taken for another.
struct Values {
    next: u32,
    /// Which variant of a union inside of a body is taken.
    variant: usize,
}

impl Values {
    fn body(&mut self, union: &'static Union, shape: &'static Shape) -> Value {
        let mut body = self.members(shape);
        if union.tag != Tag::None {
            body["_type"] = json!(shape.name);
        }
        assert!(union.variant(shape.name).is_some());
        body
    }

    fn members(&mut self, shape: &'static Shape) -> Value {
        shape.members.iter().map(|member| (member.name.to_owned(), self.value(&member.form, member.name))).collect()
    }

    fn value(&mut self, form: &'static Form, name: &str) -> Value {
        self.next += 1;
        let next = self.next;
        match form {
            // One of which it is not known what its `attributes` are.
            Form::Text if name == "genericChannelName" => json!("MyCustomChat"),
            Form::Text => json!(format!("{name} {next}")),
            Form::EmailAddress => json!(format!("{name}-{next}@example.com")),
            Form::AnyText => json!(format!("{name} {next} æøå\n\"<b>\"")),
            Form::Uuid | Form::Reference(_) => json!(format!("00000000-0000-4000-8000-{next:012}")),
            Form::Timestamp => json!(format!("2021-12-01T{:02}:{:02}:00.003Z", next / 60, next % 60)),
            Form::Url => json!(format!("https://example.com/{next}#part")),
            Form::Language => json!("no"),
            Form::PhoneNumber => json!(format!("+45{next:08}")),
            Form::Word(words) => json!(words[self.variant % words.len()]),
            Form::Map(shape) => self.members(shape),
            Form::Union(union) => self.body(union, &union.variants[self.variant % union.variants.len()]),
            // A list of a union has one item of each variant.
            Form::List(Form::Union(union)) => union.variants.iter().map(|shape| self.body(union, shape)).collect(),
            Form::List(form) | Form::Set(form) => json!([self.value(form, name), self.value(form, name)]),
            Form::Free => json!({"any": ["thing", 1, 1.5, true, null, {"emailContent": {"content": "x"}}]}),
        }
    }
}

/// For each variant, and each variant of the message in it, a manifest with every member there is.
fn full_manifests() -> Vec<Value> {
    let mut manifests = Vec::new();
    for kind in Kind::ALL {
        for shape in shape::body(kind).variants {
            for variant in 0..3 {
                let mut values = Values { next: manifests.len() as u32 * 40, variant };
                let mut spec = values.body(shape::body(kind), shape);
                if kind == Kind::Import {
                    spec["closing"]["closedAt"] = json!("2021-12-02T00:00:00Z");
                }
                let name = format!("{}-{variant}", shape.name.to_lowercase());
                manifests.push(json!({
                    "apiVersion": "dixaform/v1", "kind": kind.manifest_word(), "metadata": {"name": name, "annotations": {"dixaform/ignore": "unknown-channel-name, markdown"}},
                    "spec": spec,
                }));
            }
        }
    }
    manifests
}

fn kind_of(manifest: &Value) -> Kind {
    Kind::ALL.into_iter().find(|kind| manifest["kind"] == kind.manifest_word()).unwrap()
}

/// All maps of a manifest's spec, and all places in them that have a form.
fn walk(manifest: &Value) -> (Vec<Body>, Vec<Place>) {
    let (mut bodies, mut places) = (Vec::new(), Vec::new());
    walk_union(shape::body(kind_of(manifest)), manifest, "/spec", &mut bodies, &mut places);
    (bodies, places)
}

fn walk_union(union: &'static Union, root: &Value, at: &str, bodies: &mut Vec<Body>, places: &mut Vec<Place>) {
    if union.tag == Tag::None {
        return walk_members(&union.variants[0], None, root, at, bodies, places);
    }
    let name = root.pointer(at).unwrap()["_type"].as_str().unwrap();
    walk_members(union.variant(name).unwrap(), Some(union), root, at, bodies, places);
}

fn walk_members(
    shape: &'static Shape,
    union: Option<&'static Union>,
    root: &Value,
    at: &str,
    bodies: &mut Vec<Body>,
    places: &mut Vec<Place>,
) {
    bodies.push(Body { pointer: at.to_owned(), shape, union });
    for member in shape.members {
        walk_form(&member.form, root, &format!("{at}/{}", member.name), bodies, places);
    }
}

fn walk_form(form: &'static Form, root: &Value, at: &str, bodies: &mut Vec<Body>, places: &mut Vec<Place>) {
    places.push(Place { pointer: at.to_owned(), form });
    match form {
        Form::Map(shape) => walk_members(shape, None, root, at, bodies, places),
        Form::Union(union) => walk_union(union, root, at, bodies, places),
        Form::List(item) | Form::Set(item) => {
            for index in 0..root.pointer(at).unwrap().as_array().unwrap().len() {
                walk_form(item, root, &format!("{at}/{index}"), bodies, places);
            }
        }
        _ => {}
    }
}

/// What is found in a manifest that is written on one line: code, column and message.
fn found(manifest: &Value) -> Vec<(&'static str, usize, String)> {
    let reading = manifest::read(
        &Arc::from("m.json"),
        manifest.to_string().as_bytes(),
        manifest::Tenant::unknown(),
        &manifest::no_tables,
    );
    let findings = reading.findings.iter();
    findings.map(|found| (found.code, found.source.place.column as usize, found.message.clone())).collect()
}

/// Where a text is in a manifest that is written on one line, in characters from 1.
fn column_of(manifest: &Value, text: &str) -> usize {
    let written = manifest.to_string();
    written[..written.find(text).unwrap()].chars().count() + 1
}

/// Puts `wrong` at a place, and expects one finding there with this code.
fn expect_at(manifest: &Value, pointer: &str, wrong: &Value, code: &str) {
    let mut manifest = manifest.clone();
    *manifest.pointer_mut(pointer).unwrap() = wrong.clone();
    // A value that occurs nowhere else gives the column.
    let mut marked = manifest.clone();
    *marked.pointer_mut(pointer).unwrap() = json!("\u{1F3F7}");
    let column = column_of(&marked, "\"\u{1F3F7}");
    let found = found(&manifest);
    assert!(
        found.iter().any(|(is, at, _)| *is == code && *at == column),
        "{pointer}: {wrong} should be {code} at column {column}: {found:?}"
    );
}

/// Every `POST` that the sandbox was sent, as path and body.
fn posts(workspace: &Workspace) -> Vec<(String, Value)> {
    let requests = workspace.requests().into_iter();
    requests.filter_map(|(call, body)| Some((call.strip_prefix("POST ")?.to_owned(), body))).collect()
}

const LATE_ORDER: &str = "examples/quickstart/orders.yaml";

#[test]
fn every_member_arrives_as_it_is_written() {
    let workspace = Workspace::new();
    let manifests = full_manifests();
    for manifest in &manifests {
        let name = manifest["metadata"]["name"].as_str().unwrap();
        workspace.write(&format!("manifests/{name}.json"), manifest.to_string());
    }
    let _ = workspace.run("validate").exit(0).says(&format!("{} manifests: valid.", manifests.len()));
    let _ = workspace.run("apply --tenant sandbox --yes --allow-outbound").exit(0);
    let sent = posts(&workspace);
    assert_eq!(sent.len(), manifests.len());
    for manifest in &manifests {
        let expected = (Call::Make(kind_of(manifest)).path(), manifest["spec"].clone());
        assert!(sent.contains(&expected), "not sent as it is written: {expected:?}");
    }
}

#[test]
fn a_marker_is_the_only_member_that_is_added() {
    let workspace = Workspace::new();
    let mut expected = Vec::new();
    for (index, mut manifest) in full_manifests().into_iter().enumerate() {
        let name = format!("unmarked-{index}");
        manifest["metadata"]["name"] = json!(name);
        if let Some(message) = first_message(&mut manifest["spec"]) {
            message.remove("externalId").unwrap();
        }
        workspace.write(&format!("manifests/{name}.json"), manifest.to_string());
        expected.push((Call::Make(kind_of(&manifest)).path(), manifest["spec"].clone()));
    }
    let _ = workspace.run("apply --tenant sandbox --yes --allow-outbound").exit(0);
    let (mut sent, mut marked) = (Vec::new(), 0);
    for (path, mut body) in posts(&workspace) {
        if let Some(message) = first_message(&mut body) {
            let marker = message.remove("externalId").unwrap();
            assert!(marker.as_str().unwrap().starts_with("df-"), "{marker}");
            marked += 1;
        }
        sent.push((path, body));
    }
    assert!(marked > 0 && marked < expected.len(), "a Callback has no message to mark");
    for body in &expected {
        assert!(sent.contains(body), "not sent as it is written: {body:?}");
    }
    assert_eq!(sent.len(), expected.len());
}

/// The message of a body that a marker goes into, or an end user itself.
fn first_message(body: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    if body.get("_type").is_none() {
        return body.as_object_mut();
    }
    let single = body.get("message").is_some();
    let message = if single { body.get_mut("message") } else { body.pointer_mut("/messages/0") };
    message?.as_object_mut()
}

#[test]
fn the_required_members_alone_are_enough() {
    let workspace = Workspace::new();
    for (index, mut manifest) in full_manifests().into_iter().enumerate() {
        let (bodies, _) = walk(&manifest);
        // From the inside out, so that no pointer leads into what is gone.
        for body in bodies.iter().rev() {
            let members = manifest.pointer_mut(&body.pointer).unwrap().as_object_mut().unwrap();
            for member in body.shape.members {
                match (member.required, &member.form) {
                    (false, _) => drop(members.remove(member.name)),
                    (true, Form::AnyText) => drop(members.insert(member.name.into(), json!(""))),
                    (true, _) => {}
                }
            }
        }
        manifest["metadata"]["name"] = json!(format!("least-{index}"));
        assert_eq!(found(&manifest), [], "{manifest}");
        workspace.write(&format!("manifests/{index}.json"), manifest.to_string());
    }
    let _ = workspace.run("apply --tenant sandbox --yes --allow-outbound").exit(0);
}

#[test]
fn a_required_member_that_is_missing_is_named() {
    for manifest in full_manifests() {
        for Body { pointer, shape, union } in walk(&manifest).0 {
            let without = |name: &str| {
                let mut manifest = manifest.clone();
                manifest.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(name).unwrap();
                found(&manifest)
            };
            for member in shape.members.iter().filter(|member| member.required) {
                let [(code, _, message)] = &without(member.name)[..] else { panic!("{pointer} {}", member.name) };
                assert_eq!(*code, "missing-member");
                assert!(message.ends_with(&format!(" needs `{}`", member.name)), "{message}");
            }
            for member in shape.members.iter().filter(|member| !member.required) {
                assert_eq!(without(member.name), [], "{pointer} {}", member.name);
            }
            match union {
                Some(union) if union.tag == Tag::Optional => assert_eq!(without("_type"), []),
                Some(_) => assert_eq!(without("_type")[0].0, "missing-type"),
                None => {}
            }
        }
    }
}

#[test]
fn a_value_of_the_wrong_type_is_reported_at_its_place() {
    for manifest in full_manifests() {
        for Place { pointer, form } in walk(&manifest).1 {
            match form {
                Form::Map(_) | Form::Union(_) | Form::List(_) | Form::Set(_) | Form::Free => {
                    expect_at(&manifest, &pointer, &json!("text"), "wrong-type");
                    expect_at(&manifest, &pointer, &json!(7), "wrong-type");
                    expect_at(&manifest, &pointer, &Value::Null, "wrong-type");
                }
                _ => {
                    expect_at(&manifest, &pointer, &json!(12345), "quote-it");
                    expect_at(&manifest, &pointer, &json!(true), "quote-it");
                    expect_at(&manifest, &pointer, &Value::Null, "wrong-type");
                    expect_at(&manifest, &pointer, &json!(["text"]), "wrong-type");
                    expect_at(&manifest, &pointer, &json!({"text": "text"}), "wrong-type");
                }
            }
        }
    }
}

#[test]
fn a_value_of_the_wrong_form_is_reported_at_its_place() {
    for manifest in full_manifests() {
        for Place { pointer, form } in walk(&manifest).1 {
            let wrong: &[(&str, &str)] = match form {
                Form::Text | Form::Language | Form::EmailAddress => &[("", "empty-value")],
                Form::Uuid | Form::Reference(_) => {
                    &[("9c2a2cce", "bad-uuid"), ("alice@example.com", "bad-uuid"), ("", "bad-uuid")]
                }
                Form::Timestamp => &[("2021-12-01", "bad-timestamp"), ("2021-12-01T13:00:00", "bad-timestamp")],
                Form::Url => &[("example.com/a", "bad-url"), ("file:///etc/hosts", "bad-url")],
                Form::PhoneNumber => &[("4512345678", "bad-phone-number")],
                Form::Word(_) => &[("Sideways", "unknown-word")],
                Form::AnyText | Form::Map(_) | Form::Union(_) | Form::List(_) | Form::Set(_) | Form::Free => &[],
            };
            for (value, code) in wrong {
                expect_at(&manifest, &pointer, &json!(value), code);
            }
        }
    }
}

#[test]
fn an_unknown_member_is_reported_at_its_place() {
    for manifest in full_manifests() {
        let mut pointers: Vec<String> = walk(&manifest).0.into_iter().map(|body| body.pointer).collect();
        pointers.extend(["".to_owned(), "/metadata".to_owned()]);
        for pointer in pointers {
            let mut manifest = manifest.clone();
            manifest.pointer_mut(&pointer).unwrap()["nobodyKnows"] = json!("x");
            let column = column_of(&manifest, "\"nobodyKnows\"");
            let [(code, at, _)] = found(&manifest)[..] else { panic!("{pointer}") };
            assert_eq!((code, at), ("unknown-member", column), "{pointer}");
        }
    }
}

#[test]
fn the_envelope_needs_its_members_in_their_types() {
    let mut manifest = full_manifests().remove(0);
    manifest["metadata"]["labels"] = json!({"wave": "1"});
    manifest["metadata"]["annotations"] = json!({"team/owner": "support"});
    assert_eq!(found(&manifest), []);
    for pointer in ["/apiVersion", "/kind", "/metadata", "/metadata/name", "/spec"] {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut without = manifest.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        let found = found(&without);
        assert!(found.iter().any(|(code, ..)| *code == "missing-member"), "{pointer}: {found:?}");
        expect_at(&manifest, pointer, &json!(["text"]), "wrong-type");
    }
    for pointer in ["/metadata/labels", "/metadata/annotations"] {
        expect_at(&manifest, pointer, &json!("text"), "wrong-type");
    }
    for pointer in ["/metadata/labels/wave", "/metadata/annotations/team~1owner"] {
        expect_at(&manifest, pointer, &json!(1), "quote-it");
        expect_at(&manifest, pointer, &json!({}), "wrong-type");
    }
    expect_at(&manifest, "/apiVersion", &json!("dixaform/v2"), "bad-api-version");
    expect_at(&manifest, "/kind", &json!("Ticket"), "unknown-kind");
    expect_at(&manifest, "/metadata/name", &json!("Late Order"), "bad-name");
}

#[test]
fn text_path_and_null_of_an_attribute_arrive_as_they_are_written() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let null = "    db5f673b-1c40-41e7-b71f-caab342f0607: null\n";
    workspace.write(LATE_ORDER, workspace.read(LATE_ORDER) + null);
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    let requests = workspace.requests();
    let (_, patch) = requests.iter().find(|(call, _)| call.starts_with("PATCH ")).unwrap();
    let expected = json!({
        "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35": "012345",
        "e14708a6-eed9-495c-9d88-c72331e9e247": ["str1", "str2"],
        "db5f673b-1c40-41e7-b71f-caab342f0607": null,
    });
    assert_eq!(patch, &expected);
    assert!(posts(&workspace).iter().all(|(_, body)| body.get("customAttributes").is_none()));
}

#[test]
fn an_attribute_of_another_form_is_reported_at_its_place() {
    let id = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
    for mut manifest in full_manifests() {
        manifest["spec"]["customAttributes"] = json!({id: "text"});
        assert_eq!(found(&manifest), []);
        let pointer = format!("/spec/customAttributes/{id}");
        expect_at(&manifest, &pointer, &json!(12345), "quote-it");
        expect_at(&manifest, &pointer, &json!(false), "quote-it");
        expect_at(&manifest, &pointer, &json!({"option": "text"}), "wrong-type");
        expect_at(&manifest, &pointer, &json!({"value": "text"}), "unknown-value");
        expect_at(&manifest, &pointer, &json!(""), "empty-value");
        expect_at(&manifest, &pointer, &json!([]), "empty-value");
        expect_at(&manifest, "/spec/customAttributes", &json!(["text"]), "wrong-type");
        manifest["spec"]["customAttributes"] = json!({"parcel_id": "text"});
        assert_eq!(found(&manifest), []);
        manifest["spec"]["customAttributes"] = json!({"2f5515b6-7e98-4f4d-9010": "text"});
        assert_eq!(found(&manifest)[0].0, "bad-uuid");
    }
}

#[test]
fn labels_select_and_are_never_sent() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let apply = "apply examples/quickstart --tenant sandbox --yes --selector wave=1";
    assert_eq!(workspace.run(apply).exit(0).last_line(), "Apply complete! 1 created, 0 imported, 0 updated.");
    assert!(workspace.requests().iter().all(|(_, body)| !body.to_string().contains("wave")));
}

/// Applies the first example with an annotation in it, changes its text, and gives what is planned then.
fn planned_after_a_change_with(annotation: &str) -> (Workspace, Value) {
    let workspace = Workspace::new().copy("examples/quickstart");
    workspace.edit(LATE_ORDER, "  name: late-order", &format!("  annotations: {{{annotation}}}\n  name: late-order"));
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    workspace.edit(LATE_ORDER, "hasn't shipped", "has not shipped");
    let plan = workspace.run("plan examples/quickstart --tenant sandbox --format json").exit(0).stdout;
    (workspace, serde_json::from_str(&plan).unwrap())
}

#[test]
fn on_change_says_what_becomes_of_a_changed_conversation() {
    for (word, blocked) in [("replace", Some(false)), ("block", Some(true)), ("ignore", None)] {
        let (workspace, plan) = planned_after_a_change_with(&format!("dixaform/on-change: {word}"));
        let change = &plan["changes"][0];
        assert_eq!(change["blocked"].as_bool(), blocked, "{word}");
        assert_eq!(change["action"].as_str(), blocked.map(|_| "replace"), "{word}");
        let exit = if blocked == Some(true) { 5 } else { 0 };
        let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(exit);
    }
    let (_, plan) = planned_after_a_change_with("team/owner: support");
    assert_eq!(plan["changes"][0]["blockedBecause"].as_str(), Some("replace-not-allowed"));
}

#[test]
fn adopt_takes_a_conversation_that_exists_and_creates_none() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    let made = posts(&workspace).len();
    // Another manifest of the same conversation, in a state that knows nothing of it.
    workspace.edit(LATE_ORDER, "  name: late-order", "  annotations: {dixaform/adopt: \"1001\"}\n  name: adopted");
    std::fs::remove_file(workspace.path("state/sandbox.json")).unwrap();
    let adopted = workspace.run("apply examples/quickstart/orders.yaml --tenant sandbox --yes").exit(0);
    assert_eq!(adopted.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 adopted.");
    assert_eq!(posts(&workspace).len(), made);
    let _ = workspace.run("state list --tenant sandbox").exit(0).says("conversation.adopted  #1001");
}

#[test]
fn moved_from_gives_the_record_of_the_old_address_to_the_new_one() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    let made = posts(&workspace).len();
    let renamed = "  annotations: {dixaform/moved-from: conversation.late-order}\n  name: renamed";
    workspace.edit(LATE_ORDER, "  name: late-order", renamed);
    let moved = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    assert_eq!(moved.last_line(), "Apply complete! 0 created, 0 imported, 0 updated, 1 moved.");
    assert_eq!(posts(&workspace).len(), made);
    let _ = workspace.run("state list --tenant sandbox").exit(0).says("conversation.renamed   #1001");
}

/// The second example without the annotation, or with another value of it.
fn quickstart_that_ignores(codes: Option<&str>) -> Workspace {
    let workspace = Workspace::new().copy("examples/quickstart");
    let line = "  annotations: {dixaform/ignore: unknown-channel-name}\n";
    let other = codes.map_or(String::new(), |codes| format!("  annotations: {{dixaform/ignore: \"{codes}\"}}\n"));
    workspace.edit("examples/quickstart/legacy.yaml", line, &other);
    workspace
}

#[test]
fn ignore_hides_the_warnings_that_a_manifest_means() {
    let commands = [
        "validate examples/quickstart --warnings-as-errors",
        "plan examples/quickstart --tenant sandbox --warnings-as-errors",
        "apply examples/quickstart --tenant sandbox --yes --warnings-as-errors",
    ];
    let warned = quickstart_that_ignores(None);
    for command in commands {
        let outcome = warned.run(command).exit(1);
        let all = outcome.stdout + &outcome.stderr;
        assert!(all.contains("warning[unknown-channel-name]"), "{command}: {all}");
    }
    for codes in ["unknown-channel-name", " same-body ,unknown-channel-name,  unknown-channel-name "] {
        let meant = quickstart_that_ignores(Some(codes));
        for command in commands {
            let _ = meant.run(command).exit(0).never_says("warning");
        }
        for form in ["json", "markdown", "html", "github", "gitlab", "sarif"] {
            let found = meant.run(&format!("validate examples/quickstart --format {form}")).exit(0).stdout;
            assert!(!found.contains("MyCustomChat"), "{form}: {found}");
        }
    }
    let digest = |workspace: &Workspace| {
        let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
        let state: Value = serde_json::from_str(&workspace.read("state/sandbox.json")).unwrap();
        state["records"][1]["digest"].clone()
    };
    assert_eq!(digest(&warned), digest(&quickstart_that_ignores(Some("same-body"))));
}

#[test]
fn of_two_manifests_with_the_same_body_the_one_that_is_reported_decides() {
    let with = |name: &str, annotation: &str| {
        email(name)
            .replace("metadata:\n", &format!("metadata:\n{annotation}"))
            .replace(&format!("about {name}"), "the same")
    };
    let ignore = "  annotations: {dixaform/ignore: same-body}\n";
    for (first, second, warnings) in [("", "", 1), (ignore, "", 1), ("", ignore, 0), (ignore, ignore, 0)] {
        let text = format!("{}---\n{}", with("a", first), with("b", second));
        let workspace = Workspace::new().file("manifests/all.yaml", &text);
        let report = workspace.run("validate --format json").exit(0).stdout;
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["warningCount"], warnings, "{first:?} {second:?}");
    }
}
