//! `dixaform schema`: the schemas accept what the readers accept, and refuse nearly everything that the readers refuse.

mod edited;
mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dixaform::reporter::Reporter;
use dixaform::schema::{Subject, schema};
use dixaform::yaml::{self, Content, Format, Node};
use dixaform::{manifest, project};
use jsonschema::Validator;
use serde_json::{Number, Value};

use crate::support::Workspace;

/// A validator as editors have it, for which a `format` is a rule.
fn strict(subject: Subject) -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema(subject)).unwrap()
}

/// A validator as the draft has it by default, for which a `format` is a note.
fn lenient(subject: Subject) -> Validator {
    jsonschema::draft202012::options().build(&schema(subject)).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, value: &Value, what: &str) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// The documents of a text as values, and whether its reader found the text itself to be wrong.
fn documents(name: &str, bytes: &[u8]) -> (Vec<Value>, bool) {
    let file = Arc::from(name);
    let Ok(text) = yaml::decode(&file, bytes) else { return (Vec::new(), true) };
    let mut reporter = Reporter::new(&file, text);
    let nodes = yaml::read(text, Format::of(name, text), &mut reporter);
    let wrong = reporter.finish().has_errors();
    (nodes.iter().map(|node| plain(node)).collect(), wrong)
}

fn plain(node: &Node<'_>) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Bool(value, _) => Value::Bool(*value),
        Content::Number(number, _) => Value::Number(number.clone()),
        // JSON can't carry it; to a schema it is a number like another.
        Content::OddNumber(_) => Value::Number(Number::from(0)),
        Content::Text(text) => Value::from(&**text),
        Content::List(items) => Value::Array(items.iter().map(plain).collect()),
        Content::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.to_string(), plain(&entry.value))).collect())
        }
    }
}

fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_schema_is_one_and_the_command_prints_it() {
    let workspace = Workspace::new();
    for subject in Subject::ALL {
        let value = schema(subject);
        assert_eq!(value["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(value["$id"], format!("https://dixaform.dev/schema/{}-1.json", subject.word()));
        assert!(value["title"].is_string() && value["description"].is_string());
        let problem = jsonschema::draft202012::meta::validate(&value).err().map(|error| error.to_string());
        assert_eq!(problem, None, "{subject:?}");
        let printed = workspace.run(&format!("schema {}", subject.word())).exit(0);
        assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), value);
        assert_eq!(printed.stdout, workspace.run(&format!("schema {}", subject.word())).exit(0).stdout);
    }
    let _ = workspace.run("schema journal").exit(64);
}

#[test]
fn every_reference_leads_to_a_definition_and_every_definition_is_used() {
    for subject in Subject::ALL {
        let value = schema(subject);
        let text = value.to_string();
        let defined: BTreeSet<String> =
            value.get("$defs").and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default();
        let used = text.split("\"#/$defs/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        assert_eq!(used.collect::<BTreeSet<_>>(), defined, "{subject:?}");
    }
}

#[test]
fn every_member_says_what_it_is() {
    fn properties<'v>(value: &'v Value, found: &mut Vec<(&'v str, &'v Value)>) {
        if let Some(map) = value["properties"].as_object() {
            found.extend(map.iter().map(|(name, schema)| (name.as_str(), schema)));
        }
        let below = value.as_object().into_iter().flat_map(|map| map.values());
        below.chain(value.as_array().into_iter().flatten()).for_each(|value| properties(value, found));
    }
    for subject in [Subject::Manifest, Subject::Project] {
        let value = schema(subject);
        let mut found = Vec::new();
        properties(&value, &mut found);
        assert!(found.len() > 15);
        // A `const` says it already; `tenants` have their settings explained, not their names.
        let silent: Vec<_> = found
            .iter()
            .filter(|(name, schema)| {
                schema["description"].is_null()
                    && schema["const"].is_null()
                    && schema["$ref"].is_null()
                    && !["spec", "requestsPerSecond", "burst"].contains(name)
            })
            .collect();
        assert!(silent.is_empty(), "{silent:#?}");
    }
    let text = schema(Subject::Manifest).to_string();
    assert!(text.contains("https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport"));
}

#[test]
fn every_example_is_taken() {
    let manifests = strict(Subject::Manifest);
    let projects = strict(Subject::Project);
    let (mut taken, mut projects_taken) = (0, 0);
    for path in files_below("examples").into_iter().chain(files_below("src/cli/init")) {
        let name = path.to_str().unwrap();
        let (documents, wrong) = documents(name, &std::fs::read(&path).unwrap());
        assert!(!wrong, "{name}");
        for document in documents {
            if path.ends_with("dixaform.yaml") {
                projects_taken += 1;
                assert_valid(&projects, &document, name);
            } else if !name.contains("examples/ci/") {
                taken += 1;
                assert_valid(&manifests, &document, name);
            }
        }
    }
    assert!(taken > 30 && projects_taken == 2, "{taken} {projects_taken}");
}

/// What is wrong with a text before it is parsed: an editor's YAML support reports it, a schema never sees it.
const TEXT: &str = "the text itself is wrong";
/// What the schema does not refuse, and why; everything else in the corpus it does.
const NOT_REFUSED: &[(&str, &str)] = &[
    ("adopt-too-large.yaml", "the pattern counts digits, and does not compare"),
    ("moved-from-itself.yaml", "a pattern does not see the name"),
    ("moved-from-other-kind.yaml", "a pattern does not see the kind"),
    ("duplicate-address.yaml", "a schema sees one document at a time"),
    ("alias-bomb.yaml", TEXT),
    ("no-break-space.yaml", TEXT),
    ("full-width-colon.yaml", TEXT),
    ("quotation-marks-of-print.yaml", TEXT),
    ("tab-after-plain-text.yaml", TEXT),
    ("unfinished-merge.yaml", TEXT),
    ("yaml-2.yaml", TEXT),
    ("attribute-key-not-uuid.yaml", "with a catalog it can be right"),
    ("bad-indent.yaml", TEXT),
    ("binary-tag.yaml", TEXT),
    ("colon-in-plain-text.yaml", TEXT),
    ("control-character.yaml", TEXT),
    ("custom-tag.yaml", TEXT),
    ("deep-nesting.yaml", TEXT),
    ("duplicate-attribute.yaml", TEXT),
    ("duplicate-key.yaml", TEXT),
    ("invalid-utf8.yaml", TEXT),
    ("json-comment.json", TEXT),
    ("json-duplicate.json", TEXT),
    ("json-lone-surrogate.json", TEXT),
    ("json-single-quotes.json", TEXT),
    ("json-trailing-comma.json", TEXT),
    ("json-unclosed.json", TEXT),
    ("merge-not-a-map.yaml", TEXT),
    ("no-space-after-colon.yaml", TEXT),
    ("nul-byte.yaml", TEXT),
    ("recursive-alias.yaml", TEXT),
    ("tab-indent.yaml", TEXT),
    ("unclosed-flow.yaml", TEXT),
    ("unclosed-quote.yaml", TEXT),
    ("undefined-alias.yaml", TEXT),
    ("unknown-escape.yaml", TEXT),
    ("utf16.yaml", TEXT),
];

#[test]
fn every_bad_manifest_is_refused_or_it_is_known_why_not() {
    let validator = strict(Subject::Manifest);
    let mut taken = BTreeMap::new();
    for path in files_below("tests/fixtures/bad") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (documents, wrong) = documents(&name, &std::fs::read(&path).unwrap());
        if documents.iter().all(|document| validator.is_valid(document)) {
            taken.insert(name, wrong);
        }
    }
    let expected: BTreeMap<String, bool> =
        NOT_REFUSED.iter().map(|(name, why)| ((*name).to_owned(), *why == TEXT)).collect();
    assert_eq!(taken, expected);
}

#[test]
fn a_schema_without_formats_refuses_nothing_that_the_reader_takes() {
    let validator = lenient(Subject::Manifest);
    let text = include_str!("../../src/cli/init/import.yaml");
    for timestamp in ["2021-12-31T23:59:60Z", "2021-12-31T15:59:60-08:00", "2021-12-01t12:00:00.1234567890-00:00"] {
        let text = text.replace("2021-12-01T12:00:00Z", timestamp);
        let reading =
            manifest::read(&Arc::from("m.yaml"), text.as_bytes(), manifest::Tenant::unknown(), &manifest::no_tables);
        let (documents, _) = documents("m.yaml", text.as_bytes());
        assert!(!reading.findings.has_errors(), "{timestamp}");
        assert_valid(&validator, &documents[0], timestamp);
    }
}

/// Settings of a tenant, and whether they are right.
const SETTINGS: &[(&str, bool)] = &[
    ("", true),
    ("{}", true),
    ("baseUrl: https://dixa.example/v1", true),
    ("baseUrl: https://dixa.example:8443/v1/", true),
    ("baseUrl: 'http://localhost:8080'", true),
    ("baseUrl: 'http://127.9.9.9'", true),
    ("baseUrl: 'http://[::1]:1/v1'", true),
    ("baseUrl: 'http://dixa.example'", false),
    ("baseUrl: 'http://127.0.0.1.example'", false),
    ("baseUrl: 'http://localhost.example'", false),
    ("baseUrl: dev.dixa.io", false),
    ("baseUrl: 'ftp://dixa.example'", false),
    ("baseUrl: 'https://user@dixa.example'", false),
    ("baseUrl: 'https://dixa.example?x=1'", false),
    ("baseUrl: 'https://dixa.example/#x'", false),
    ("baseUrl: 1", false),
    ("baseUrl: ''", false),
    ("apiKeyEnv: MY_KEY", true),
    ("apiKeyEnv: 1KEY", false),
    ("apiKeyEnv: MY-KEY", false),
    ("apiKeyEnv: ''", false),
    ("apiKeyFile: secrets/key", true),
    ("apiKeyFile: ''", false),
    ("{apiKeyEnv: A, apiKeyFile: b}", false),
    ("authScheme: bearer", true),
    ("authScheme: Bearer", false),
    ("organizationId: org-1", true),
    ("organizationId: 12", false),
    ("state: other/s.json", true),
    ("state: null", false),
    ("state: s3://acme/dixa/staging", true),
    ("state: az://acme/a", true),
    ("state: s3://acme", false),
    ("state: http://acme/a", false),
    ("stateStore: {endpoint: 'http://127.0.0.1:9000', region: eu-north-1, profile: work, lease: 5s}", true),
    ("stateStore: {}", true),
    ("stateStore: s3", false),
    ("stateStore: {bucket: a}", false),
    ("stateStore: {endpoint: 'http://minio.example'}", false),
    ("stateStore: {lease: 4s}", false),
    ("stateStore: {lease: 4999ms}", false),
    ("stateStore: {lease: 5000ms}", true),
    ("rateLimit: {requestsPerSecond: 2.5, burst: 1}", true),
    ("rateLimit: {}", true),
    ("rateLimit: {burst: 4.0}", true),
    ("rateLimit: 10", false),
    ("rateLimit: {perSecond: 1}", false),
    ("rateLimit: {requestsPerSecond: 0}", false),
    ("rateLimit: {requestsPerSecond: '10'}", false),
    ("rateLimit: {burst: 0}", false),
    ("rateLimit: {burst: 1.5}", false),
    ("rateLimit: {burst: 99999999}", false),
    ("allowOutbound: true", true),
    ("allowOutbound: yes", false),
    ("lastApplied: digest", true),
    ("lastApplied: none", false),
    ("markers: false", true),
    ("markers: 1", false),
    ("removedAttributes: keep", true),
    ("removedAttributes: drop", false),
    ("requestTimeout: 1m30s", true),
    ("requestTimeout: 30", false),
    ("requestTimeout: 0s", false),
    ("requestTimeout: 3 days", false),
    ("settle: 0s", true),
    ("settle: soon", false),
    ("baseURL: 'https://dixa.example'", false),
];

/// Whole project files, and whether they are right.
const PROJECTS: &[(&str, bool)] = &[
    ("version: 1\n", true),
    ("version: 1\nmanifests: [a, b/c.yaml]\ndefaultTenant: two\ntenants: {one: {}, two: {}}\n", true),
    ("version: 1\nmanifests: []\n", true),
    ("version: 1\nproject: web shop\n", true),
    ("version: 1\nproject: x\n", true),
    ("version: 1\nproject: ''\n", false),
    ("version: 1\nproject: 7\n", false),
    ("version: 1\nproject: ' a'\n", false),
    ("version: 1\nproject: \"a\\nb\"\n", false),
    ("version: 1\ntenants: {sandbox: {state: x.json}}\n", true),
    ("version: 1\ntenants: {sandbox: }\n", true),
    ("version: 1\ntenants: {}\n", true),
    ("version: 2\n", false),
    ("version: '1'\n", false),
    ("manifests: [a]\n", false),
    ("- version\n", false),
    ("version: 1\nmanifest: [a]\n", false),
    ("version: 1\nmanifests: a\n", false),
    ("version: 1\nmanifests: [a, 2]\n", false),
    ("version: 1\nmanifests: ['']\n", false),
    ("version: 1\ndefaultTenant: [x]\n", false),
    ("version: 1\ntenants:\n", false),
    ("version: 1\ntenants: [staging]\n", false),
    ("version: 1\ntenants: {Staging: {}}\n", false),
    ("version: 1\ntenants: {../x: {}}\n", false),
    ("version: 1\ntenants: {staging: 1}\n", false),
    ("version: 1\ntenants: {sandbox: {baseUrl: 'https://dixa.example'}}\n", false),
];

#[test]
fn the_reader_and_the_schema_agree_about_project_files() {
    let validator = strict(Subject::Project);
    let tenant = |settings: &str| format!("version: 1\ntenants:\n  staging:\n    {settings}\n");
    let settings = SETTINGS.iter().map(|(settings, right)| (tenant(settings), *right));
    let projects = PROJECTS.iter().map(|(text, right)| ((*text).to_owned(), *right));
    for (text, right) in settings.chain(projects) {
        let (project, findings) = project::read(&Arc::from("dixaform.yaml"), text.as_bytes());
        assert_eq!(project.is_some(), right, "{text}{findings:?}");
        let (documents, _) = documents("dixaform.yaml", text.as_bytes());
        assert_eq!(validator.is_valid(&documents[0]), right, "{text}");
    }
}

#[test]
fn the_schema_of_the_project_file_has_every_setting_and_no_other() {
    let hint = |text: &str| {
        let (_, findings) = project::read(&Arc::from("dixaform.yaml"), text.as_bytes());
        let hint = findings
            .iter()
            .find_map(|finding| finding.hint.clone()?.strip_prefix("known members: ").map(str::to_owned));
        hint.unwrap().split(", ").map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let value = schema(Subject::Project);
    let names = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect();
    let known: BTreeSet<String> = names(&value);
    assert_eq!(known, hint("version: 1\nnobodyKnows: 1\n"));
    let known: BTreeSet<String> = names(&value["$defs"]["tenant"]);
    assert_eq!(known, hint("version: 1\ntenants: {staging: {nobodyKnows: 1}}\n"));
}

#[test]
fn the_state_that_the_program_writes_is_taken_and_one_with_anything_else_is_not() {
    let validator = strict(Subject::State);
    for last_applied in ["full", "digest"] {
        let settings = format!("rateLimit: {{requestsPerSecond: 10000, burst: 1000}}\n    lastApplied: {last_applied}");
        let workspace = Workspace::new().copy("examples/webshop");
        workspace.edit("examples/webshop/dixaform.yaml", "  sandbox:\n", &format!("  sandbox:\n    {settings}\n"));
        let _ = workspace.run("apply --chdir examples/webshop --tenant sandbox --yes --allow-outbound").exit(0);
        let state: Value = serde_json::from_str(&workspace.read("examples/webshop/state/sandbox.json")).unwrap();
        assert!(state["records"].as_array().unwrap().len() > 40);
        assert_valid(&validator, &state, last_applied);
        for pointer in ["", "/tenant", "/records/0", "/records/0/digest", "/records/0/source"] {
            let mut other = state.clone();
            other.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("nobodyKnows".into(), 1.into());
            assert!(!validator.is_valid(&other), "{pointer}");
        }
        let mut both = state.clone();
        let record = both.pointer_mut("/records/0").unwrap().as_object_mut().unwrap();
        record.insert("spec".into(), serde_json::json!({}));
        record.insert("salt".into(), "00".into());
        record.insert("fields".into(), serde_json::json!({}));
        assert!(!validator.is_valid(&both), "{last_applied}");
    }
    let empty = serde_json::json!({"format": "dixaform-state/1", "lineage": "7d0f2b3e-3c0a-4b7e-9b67-0d8f4b1f2a11",
        "serial": 0, "records": []});
    assert_valid(&validator, &empty, "before the first apply");
}

#[test]
fn the_plans_that_the_program_writes_are_taken_and_so_are_members_of_a_later_version() {
    let validator = strict(Subject::Plan);
    let workspace = Workspace::fast().copy("examples/quickstart");
    let mut seen = BTreeSet::new();
    let mut check = |workspace: &Workspace, words: &str| {
        let plan = workspace.plan_json(&format!("examples/quickstart {words}"));
        assert_valid(&validator, &plan, words);
        seen.extend(plan["changes"].as_array().unwrap().iter().map(|change| change["action"].to_string()));
        plan
    };
    let first = check(&workspace, "--out first.plan");
    let saved: Value = serde_json::from_str(&workspace.read("first.plan")).unwrap();
    assert_valid(&validator, &saved, "a saved plan");
    let _ = workspace.run("apply --yes examples/quickstart").exit(0);
    check(&workspace, "");
    check(&workspace, "--refresh");
    workspace.edit("examples/quickstart/orders.yaml", "\"012345\"", "\"012346\"");
    check(&workspace, "");
    workspace.edit("examples/quickstart/orders.yaml", "order #123", "order #124");
    check(&workspace, "");
    check(&workspace, "--allow-replace");
    workspace.edit(
        "examples/quickstart/orders.yaml",
        "name: late-order",
        "name: other\n  annotations: {dixaform/adopt: \"77\"}",
    );
    check(&workspace, "--prune");
    assert_eq!(seen.len(), 6, "{seen:?}");

    let mut later = first.clone();
    later["news"] = 1.into();
    later["changes"][0]["news"] = serde_json::json!([1]);
    later["tenant"]["news"] = 1.into();
    later["price"]["news"] = 1.into();
    assert_valid(&validator, &later, "a later version");
    for member in ["format", "tool", "tenant", "base", "changes", "summary", "price", "fingerprint"] {
        let mut less = first.clone();
        less.as_object_mut().unwrap().remove(member);
        assert!(!validator.is_valid(&less), "{member}");
    }
}

#[test]
fn the_reader_and_the_schema_agree_about_ignored_warnings() {
    let validator = strict(Subject::Manifest);
    let text = include_str!("../../examples/quickstart/orders.yaml");
    let lists = [
        ("same-body", true),
        (" same-body\t,\\n unknown-channel-name ,same-body", true),
        ("", false),
        ("same-body,", false),
        (",same-body", false),
        ("same-body unknown-channel-name", false),
        ("same-body\u{a0}", false),
        ("Same-Body", false),
        ("unknown-member", false),
        ("partial-errors", false),
    ];
    for (list, fine) in lists {
        let annotation = format!("metadata:\n  annotations: {{dixaform/ignore: \"{list}\"}}\n");
        let text = text.replace("metadata:\n", &annotation);
        let (documents, _) = documents("m.yaml", text.as_bytes());
        assert_eq!(validator.is_valid(&documents[0]), fine, "{list:?}");
        let reading =
            manifest::read(&Arc::from("m.yaml"), text.as_bytes(), manifest::Tenant::unknown(), &manifest::no_tables);
        assert_eq!(!reading.findings.has_errors(), fine, "{list:?}: {:?}", reading.findings);
    }
}
