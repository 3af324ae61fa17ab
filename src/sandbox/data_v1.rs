//! What a line of the data file holds.
//!
//! The first line is `{"format":"dixaform-sandbox/2"}`. Format 1 is the same without what can be changed after a
//! conversation was made, and without end users and tags that requests made; a file of it becomes one of format 2 when
//! it is opened. Every other line is one committed mutation: all that one
//! request changed, so that a file which ends after any line is the state between two requests. What is read back
//! over the API is kept as the text that will be answered; the members beside it are what the sandbox itself needs to
//! find it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The format that this version writes.
pub const FORMAT: &str = "dixaform-sandbox/2";

/// The format that it reads as well. It has as many bytes.
pub const FORMAT_1: &str = "dixaform-sandbox/1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub format: String,
}

/// One committed mutation.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Line {
    /// When, RFC 3339; also the moment at which the things that were learned came to be.
    pub at: String,
    /// What the request named and did not exist yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<Thing>,
    /// The same, of which more than the id was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<Named>,
    /// Provisioned definitions of custom attributes, new or with new options, in full and as the API shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValuesLine>,
    /// New and changed end users, in full and as the API shows them, without their custom attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_users: Vec<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user_values: Option<EndUserValuesLine>,
    /// New and changed tags, in full and as the API shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Value>,
    /// Ids of tags that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeLine>,
}

impl Line {
    /// A mutation that changes nothing so far.
    pub fn at(at: jiff::Timestamp) -> Self {
        Line { at: at.to_string(), ..Line::default() }
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        let Line { at: _, learned, named, definitions, conversation, values, end_users, .. } = self;
        let Line { end_user_values, tags, removed_tags, change, .. } = self;
        let has_lists =
            ![learned.len(), named.len(), definitions.len(), end_users.len()].iter().all(|count| *count == 0);
        let has_tags = !(tags.is_empty() && removed_tags.is_empty());
        let has_one = conversation.is_some() || values.is_some() || end_user_values.is_some() || change.is_some();
        !(has_lists || has_tags || has_one)
    }
}

/// Something that a request names by its id. The order is that in which a request is checked for what does not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Thing {
    EndUser(String),
    Agent(String),
    Queue(String),
    Widget(String),
    EmailIntegration(String),
    ContactEndpoint(String),
}

/// A thing of which a request or a manifest says more than its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Named {
    pub thing: Thing,
    /// Members as the API shows them.
    pub members: Map<String, Value>,
}

/// A new conversation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConversationLine {
    pub id: i64,
    pub requester_id: String,
    /// As it is read, without `customAttributes`.
    pub shown: Box<RawValue>,
    /// The list of its messages as it is read, oldest first.
    pub messages: Box<RawValue>,
    /// The external ids that no later message may have. Empty for an import: those are not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<String>,
    /// The external ids of an imported conversation and its messages. Files of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported_external_ids: Vec<String>,
}

/// New values of custom attributes of a conversation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValuesLine {
    pub conversation_id: i64,
    /// Id of the definition to a string, a list of strings, or null when the value was cleared.
    pub set: BTreeMap<String, Value>,
}

/// New values of custom attributes of an end user; see [`ValuesLine`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EndUserValuesLine {
    pub end_user_id: String,
    pub set: BTreeMap<String, Value>,
}

/// What changes of a conversation after it was made.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangeLine {
    pub conversation_id: i64,
    /// Members as they are read from now on; null takes one away.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub shown: Map<String, Value>,
    /// Ids of all of its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// One more message as it is read, with the external id that no later message may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
}
