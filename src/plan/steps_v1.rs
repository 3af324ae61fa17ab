//! The steps of a change as JSON of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::conversation::{AttributeValue, Attributes, Kind, attributes_to_map};
use crate::end_user::{Key, Lookup};
use crate::handling::{Openness, PutOn, Setting, TagName};
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
    /// Null as long as only the requester's name is known
    ListBefore(Option<String>),
    ReadBack(bool),
    ReadTagsBack(bool),
    LookAt(bool),
    LookAtTags(bool),
    PutTag(String),
    TakeTag(TakenV1),
    SetQueue(Value),
    SetAssignee(Value),
    SetState(StateV1),
}

/// A tag that is taken off
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "takenTag")]
pub struct TakenV1 {
    /// Dixa's id of it
    id: String,
    #[serde(flatten)]
    name: TagNameV1,
}

/// The name of a tag, or a digest of it where the state keeps no more
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "tagName")]
enum TagNameV1 {
    Name(String),
    Digest(String),
}

/// Whether a conversation is to be open
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "openness")]
pub enum StateV1 {
    Open,
    Closed,
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
            Step::ReadTagsBack => StepV1::ReadTagsBack(true),
            Step::LookAt => StepV1::LookAt(true),
            Step::LookAtTags => StepV1::LookAtTags(true),
            Step::Set(setting) => StepV1::setting(setting),
        }
    }
}

impl StepV1 {
    fn setting(setting: &Setting) -> Self {
        match setting {
            Setting::PutTag(name) => StepV1::PutTag(name.clone()),
            Setting::TakeTag(PutOn { id, name }) => {
                let name = match name.clone() {
                    TagName::Kept(name) => TagNameV1::Name(name),
                    TagName::Digest(digest) => TagNameV1::Digest(digest),
                };
                StepV1::TakeTag(TakenV1 { id: id.clone(), name })
            }
            Setting::Queue(queue) => StepV1::SetQueue(queue.clone()),
            Setting::Assignee(agent) => StepV1::SetAssignee(agent.clone()),
            Setting::State(Openness::Open) => StepV1::SetState(StateV1::Open),
            Setting::State(Openness::Closed) => StepV1::SetState(StateV1::Closed),
        }
    }

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
            StepV1::ReadTagsBack(_) => Step::ReadTagsBack,
            StepV1::LookAt(_) => Step::LookAt,
            StepV1::LookAtTags(_) => Step::LookAtTags,
            StepV1::PutTag(name) => Step::Set(Setting::PutTag(name)),
            StepV1::TakeTag(TakenV1 { id, name }) => {
                let name = match name {
                    TagNameV1::Name(name) => TagName::Kept(name),
                    TagNameV1::Digest(digest) => TagName::Digest(digest),
                };
                Step::Set(Setting::TakeTag(PutOn { id, name }))
            }
            StepV1::SetQueue(queue) => Step::Set(Setting::Queue(queue)),
            StepV1::SetAssignee(agent) => Step::Set(Setting::Assignee(agent)),
            StepV1::SetState(StateV1::Open) => Step::Set(Setting::State(Openness::Open)),
            StepV1::SetState(StateV1::Closed) => Step::Set(Setting::State(Openness::Closed)),
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
