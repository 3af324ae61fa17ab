//! What a line of the data file holds, format 1.
//!
//! The first line is `{"format":"dixaform-sandbox/1"}`. Every other line is one committed mutation: all that one
//! request changed, so that a file which ends after any line is the state between two requests. What is read back
//! over the API is kept as the text that will be answered; the members beside it are what the sandbox itself needs to
//! find it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The format that this version reads and writes. Any other is refused.
pub const FORMAT: &str = "dixaform-sandbox/1";

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
    /// Provisioned definitions of custom attributes, new or with new options, in full and as the API shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValuesLine>,
}

impl Line {
    /// A mutation that changes nothing so far.
    pub fn at(at: jiff::Timestamp) -> Self {
        Line { at: at.to_string(), ..Line::default() }
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        let Line { at: _, learned, definitions, conversation, values } = self;
        learned.is_empty() && definitions.is_empty() && conversation.is_none() && values.is_none()
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
