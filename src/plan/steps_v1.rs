//! The steps of a change as JSON of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::conversation::{AttributeValue, Attributes, Kind, attributes_to_map};
use crate::end_user::{Key, Lookup};
use crate::plan::change::Step;
use crate::plan::json_parts::IdV1;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "step")]
pub enum StepV1 {
    Make(KindV1),
    Find(LookupV1),
    Read(IdV1),
    Change(Map<String, Value>),
    ChangeDifferent(bool),
    PatchAll(bool),
    Patch(Map<String, Value>),
    PatchDifferent(Map<String, Value>),
    ListBefore(String),
    ReadBack(bool),
}

/// By what an end user is looked up
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "lookup")]
pub enum LookupV1 {
    ExternalId(String),
    Email(String),
    Phone(String),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "kind")]
pub enum KindV1 {
    EndUser,
    Conversation,
    Import,
}

impl From<&Step> for StepV1 {
    fn from(step: &Step) -> Self {
        match step {
            Step::Make(Kind::EndUser) => StepV1::Make(KindV1::EndUser),
            Step::Make(Kind::Conversation) => StepV1::Make(KindV1::Conversation),
            Step::Make(Kind::Import) => StepV1::Make(KindV1::Import),
            Step::Read(id) => StepV1::Read(IdV1(*id)),
            Step::Find(lookup) => StepV1::Find(LookupV1::of(lookup)),
            Step::Change(members) => StepV1::Change(members.clone()),
            Step::ChangeDifferent => StepV1::ChangeDifferent(true),
            Step::PatchAll => StepV1::PatchAll(true),
            Step::Patch(attributes) => StepV1::Patch(attributes_to_map(attributes)),
            Step::PatchDifferent(attributes) => StepV1::PatchDifferent(attributes_to_map(attributes)),
            Step::ListBefore(requester) => StepV1::ListBefore(requester.clone()),
            Step::ReadBack => StepV1::ReadBack(true),
        }
    }
}

impl StepV1 {
    /// None where attributes are not what attributes can be.
    pub fn read(self) -> Option<Step> {
        Some(match self {
            StepV1::Make(KindV1::EndUser) => Step::Make(Kind::EndUser),
            StepV1::Make(KindV1::Conversation) => Step::Make(Kind::Conversation),
            StepV1::Make(KindV1::Import) => Step::Make(Kind::Import),
            StepV1::Find(lookup) => Step::Find(lookup.read()),
            StepV1::Read(id) => Step::Read(id.0),
            StepV1::Change(members) => Step::Change(members),
            StepV1::ChangeDifferent(_) => Step::ChangeDifferent,
            StepV1::PatchAll(_) => Step::PatchAll,
            StepV1::Patch(attributes) => Step::Patch(read_attributes(&attributes)?),
            StepV1::PatchDifferent(attributes) => Step::PatchDifferent(read_attributes(&attributes)?),
            StepV1::ListBefore(requester) => Step::ListBefore(requester),
            StepV1::ReadBack(_) => Step::ReadBack,
        })
    }
}

impl LookupV1 {
    fn of(Lookup { key, value }: &Lookup) -> Self {
        let value = value.clone();
        match key {
            Key::ExternalId => LookupV1::ExternalId(value),
            Key::Email => LookupV1::Email(value),
            Key::Phone => LookupV1::Phone(value),
        }
    }

    fn read(self) -> Lookup {
        let (key, value) = match self {
            LookupV1::ExternalId(value) => (Key::ExternalId, value),
            LookupV1::Email(value) => (Key::Email, value),
            LookupV1::Phone(value) => (Key::Phone, value),
        };
        Lookup { key, value }
    }
}

fn read_attributes(attributes: &Map<String, Value>) -> Option<Attributes> {
    let value = |(id, value): (&String, &Value)| Some((id.clone(), AttributeValue::from_value(value)?));
    attributes.iter().map(value).collect()
}
