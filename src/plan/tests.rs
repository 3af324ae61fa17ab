//! Manifests and a state in, a plan out: each test is one claim about the planner.

mod handling;
mod meaning;
mod moving;
mod rules;
mod situations;

use std::sync::Arc;

use super::*;
use crate::access::RateLimit;
use crate::conversation::{Attributes, Id, attributes_to_map};
use crate::desired::Desired;
use crate::finding::Findings;
use crate::handling::PutOn;
use crate::manifest;
use crate::plan::needs::waits_in_vain;
use crate::render::palette::Palette;
use crate::render::text::{self, TextOptions};
use crate::settings::RemovedAttributes;
use crate::state::{Applied, Lineage, Record, State};

const TEXT: &str = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
const SELECT: &str = "e14708a6-eed9-495c-9d88-c72331e9e247";

/// An Email without attributes.
fn email(name: &str) -> String {
    format!(
        r#"
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {{name: {name}, labels: {{}}, annotations: {{}}}}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: my-integration@email.dixa.io
  subject: Late
  message: {{_type: Inbound, content: {{_type: Text, value: Where is it?}}}}
"#
    )
}

/// An Email with attributes, given in YAML's flow style.
fn email_with(name: &str, attributes: &str) -> String {
    format!("{}  customAttributes: {attributes}\n", email(name))
}

/// The Text attribute, in YAML's flow style.
fn note(value: &str) -> String {
    format!("{{{TEXT}: {value}}}")
}

fn callback(name: &str) -> String {
    format!(
        r"
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {{name: {name}}}
spec:
  _type: Callback
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Outbound
  contactEndpointId: '+4512345678'
  queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97
"
    )
}

/// An import with a message from the customer and one to them.
fn import(name: &str) -> String {
    format!(
        r"
---
apiVersion: dixaform/v1
kind: ConversationImport
metadata: {{name: {name}}}
spec:
  genericChannelName: genericapimessaging
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
  messages:
    - _type: InboundImport
      createdAt: 2021-12-01T11:00:00Z
      content: {{_type: Text, value: Hi}}
    - _type: OutboundImport
      agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b
      createdAt: 2021-12-01T12:00:00Z
      content: {{_type: Text, value: Hello}}
"
    )
}

/// The same manifest with a `dixaform/…` annotation.
fn annotated(manifest: &str, annotation: &str) -> String {
    manifest.replace("annotations: {}", &format!("annotations: {{{annotation}}}"))
}

/// The same manifest with a label.
fn labelled(manifest: &str, label: &str) -> String {
    manifest.replace("labels: {}", &format!("labels: {{{label}}}"))
}

fn desired(manifests: &str) -> Desired {
    let (desired, findings) = manifest::resolve([manifest::read(
        &Arc::from("m.yaml"),
        manifests.as_bytes(),
        manifest::Tenant::unknown(),
        &manifest::no_tables,
    )]);
    assert!(!findings.has_errors(), "{:#?}", Findings::iter(&findings).collect::<Vec<_>>());
    desired
}

/// What the state keeps of the specs.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Full,
    Digests,
}

/// A tag that dixaform has put on.
fn put_on(name: &str, keep: Keep) -> PutOn {
    let tag = PutOn::new(&format!("id-{name}"), name);
    match keep {
        Keep::Full => tag,
        Keep::Digests => tag.without_name(),
    }
}

/// The state after these manifests were applied: ids from 1001 on, in ascending order of address.
fn applied(manifests: &str) -> State {
    applied_keeping(manifests, Keep::Full)
}

fn applied_keeping(manifests: &str, keep: Keep) -> State {
    let mut state = nothing();
    for (manifest, id) in desired(manifests).iter().zip(1001..) {
        let record = Record {
            handling_digest: manifest.digests.handling,
            put_on: manifest.spec.handling().tags.iter().map(|name| put_on(name, keep)).collect(),
            id: Id::conversation(id),
            content_digest: manifest.digests.content,
            attributes_digest: Some(manifest.digests.attributes),
            applied: match keep {
                Keep::Full => Applied::Full(manifest.spec.clone()),
                Keep::Digests => Applied::to_digests(&manifest.spec.conversation(), "salt"),
            },
            source: Some(manifest.source.clone()),
            applied_at: "2026-01-01T00:00:00Z".into(),
            made_of: None,
            marker: None,
            number: 0,
            made_at: None,
            partial_errors: Vec::new(),
            answered: Attributes::new(),
            names: Default::default(),
            replaced: Vec::new(),
            doubles: Vec::new(),
        };
        state.records.insert(manifest.address.clone(), record);
    }
    state.serial = 1;
    state
}

/// The state of an apply that ended between the POSTs and the PATCHes.
fn applied_without_attributes(manifests: &str) -> State {
    let mut state = applied(manifests);
    for record in state.records.values_mut() {
        let Applied::Full(spec) = &record.applied else { panic!("kept in full") };
        record.applied = Applied::Full(spec.only_content());
        record.attributes_digest = None;
    }
    state
}

/// A state in which nothing was applied.
fn nothing() -> State {
    State::new(Lineage(uuid::Uuid::nil()))
}

fn options() -> PlanOptions {
    PlanOptions::new(Target {
        name: "staging".into(),
        base_url: "https://dev.dixa.io".into(),
        organization_id: None,
        rate_limit: RateLimit::DIXA,
    })
}

fn allow_replace() -> PlanOptions {
    PlanOptions { allow_replace: true, ..options() }
}

fn prune() -> PlanOptions {
    PlanOptions { prune: true, ..options() }
}

fn keep_removed() -> PlanOptions {
    PlanOptions { removed_attributes: RemovedAttributes::Keep, ..options() }
}

fn plan_with(manifests: &str, state: &State, options: &PlanOptions) -> Plan {
    plan(&desired(manifests), state, options)
}

fn plan_of(manifests: &str, state: &State) -> Plan {
    plan_with(manifests, state, &options())
}

/// The plan as people read it; without its legend, which is the same for all.
fn plan_text(manifests: &str, state: &State) -> String {
    plan_text_with(manifests, state, &options())
}

fn plan_text_with(manifests: &str, state: &State, options: &PlanOptions) -> String {
    let plan = plan_with(manifests, state, options);
    let drawn = text_of(&plan);
    match drawn.split_once("\n\n") {
        Some((_legend, rest)) if !plan.is_empty() => rest.to_owned(),
        _ => drawn,
    }
}

fn text_of(plan: &Plan) -> String {
    text::plan(plan, &TextOptions { palette: Palette::plain(), width: None, requests_sent: Some(0) })
}

/// The one change of a plan.
fn only(plan: &Plan) -> &Change {
    let [change] = plan.changes.as_slice() else { panic!("one change, not {}", plan.changes.len()) };
    change
}

/// The calls of the one change.
fn calls(plan: &Plan) -> Vec<String> {
    only(plan).calls().map(|call| call.to_string()).collect()
}

/// What the one change writes: the body of its PATCH, or nothing.
fn patched(plan: &Plan) -> String {
    let written = |attributes: &Attributes| serde_json::Value::Object(attributes_to_map(attributes)).to_string();
    let bodies = only(plan).steps.iter().filter_map(|step| match step {
        Step::PatchAll => only(plan).after.as_ref().map(|after| written(&after.conversation().attributes)),
        Step::Patch(attributes) | Step::PatchDifferent(attributes) => Some(written(attributes)),
        Step::Set(setting) => Some(format!("{}={}", setting.member(), setting.value())),
        Step::Change(members) => Some(serde_json::Value::Object(members.clone()).to_string()),
        Step::Make(_)
        | Step::Find(_)
        | Step::Read(_)
        | Step::ChangeDifferent
        | Step::ListBefore(_)
        | Step::ReadBack
        | Step::ReadTagsBack
        | Step::LookAt
        | Step::LookAtTags => None,
    });
    bodies.collect::<Vec<_>>().join(" then ")
}
