//! The nouns of what manifests describe, conversations for the most part: address, content, custom attributes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::digest::Digest;
use crate::handling::{Handling, Openness};

/// What a manifest describes, and by which call Dixa makes it. End users come first: conversations need them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kind: EndUser`, `POST /v1/endusers`.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers>
    EndUser,
    /// `kind: Conversation`, `POST /v1/conversations`.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>
    Conversation,
    /// `kind: ConversationImport`, `POST /v1/conversations/import`.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport>
    Import,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::EndUser, Kind::Conversation, Kind::Import];

    /// The word in an address, and in a rendered block.
    pub fn word(self) -> &'static str {
        match self {
            Kind::EndUser => "enduser",
            Kind::Conversation => "conversation",
            Kind::Import => "import",
        }
    }

    /// The word after `kind:` in a manifest.
    pub fn manifest_word(self) -> &'static str {
        match self {
            Kind::EndUser => "EndUser",
            Kind::Conversation => "Conversation",
            Kind::Import => "ConversationImport",
        }
    }

    /// The word after `kind:` in a set of such manifests.
    pub fn set_word(self) -> &'static str {
        match self {
            Kind::EndUser => "EndUserSet",
            Kind::Conversation => "ConversationSet",
            Kind::Import => "ImportSet",
        }
    }

    /// What such a manifest describes, for messages.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::EndUser => "end user",
            Kind::Conversation | Kind::Import => "conversation",
        }
    }
}

/// The stable name of what a manifest describes: `enduser.<name>`, `conversation.<name>` or `import.<name>`. Never a
/// Dixa id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    /// Shared by all that speak of the address.
    name: Arc<str>,
}

/// A text that is not an address or not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address is `conversation.<name>`, `import.<name>` or `enduser.<name>`, with a name of at most 253 characters from a-z, 0-9, `.`, `_` and `-` that begins and ends with a letter or digit"
)]
pub struct NotAnAddress;

impl Address {
    /// # Errors
    /// The name does not match `[a-z0-9]([a-z0-9._-]*[a-z0-9])?` or is longer than 253 characters.
    pub fn new(kind: Kind, name: &str) -> Result<Self, NotAnAddress> {
        let edge = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
        let bytes = name.as_bytes();
        let fits = bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge)
            && bytes.len() <= 253
            && bytes.iter().all(|byte| edge(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if fits { Ok(Address { kind, name: Arc::from(name) }) } else { Err(NotAnAddress) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.kind.word(), self.name)
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (word, name) = text.split_once('.').ok_or(NotAnAddress)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or(NotAnAddress)?;
        Address::new(kind, name)
    }
}

/// Dixa's id of a conversation, a positive 64-bit integer (`csid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub i64);

impl fmt::Display for ConversationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// Dixa's id of an end user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndUserId(pub Uuid);

impl fmt::Display for EndUserId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Dixa's id of what a manifest describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Conversation(ConversationId),
    EndUser(EndUserId),
}

impl Id {
    /// The id of the conversation with this number.
    pub const fn conversation(number: i64) -> Self {
        Id::Conversation(ConversationId(number))
    }

    pub fn as_conversation(self) -> Option<ConversationId> {
        match self {
            Id::Conversation(id) => Some(id),
            Id::EndUser(_) => None,
        }
    }

    /// Whether manifests of a kind describe what it is the id of.
    pub fn is_of(self, kind: Kind) -> bool {
        match (self, kind) {
            (Id::Conversation(_), Kind::Conversation | Kind::Import) | (Id::EndUser(_), Kind::EndUser) => true,
            (Id::Conversation(_), Kind::EndUser) | (Id::EndUser(_), Kind::Conversation | Kind::Import) => false,
        }
    }

    /// What it is the id of, for messages.
    pub fn noun(self) -> &'static str {
        match self {
            Id::Conversation(_) => "conversation",
            Id::EndUser(_) => "end user",
        }
    }
}

impl From<ConversationId> for Id {
    fn from(id: ConversationId) -> Self {
        Id::Conversation(id)
    }
}

impl From<EndUserId> for Id {
    fn from(id: EndUserId) -> Self {
        Id::EndUser(id)
    }
}

impl fmt::Display for Id {
    /// As Dixa's API has it; with `{:#}` as people know it, the number of a conversation behind a number sign.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Conversation(id) if out.alternate() => write!(out, "#{id}"),
            Id::Conversation(id) => fmt::Display::fmt(id, out),
            Id::EndUser(id) => fmt::Display::fmt(id, out),
        }
    }
}

/// The value of one custom attribute.
/// <https://docs.dixa.io/openapi/dixa-api/beta/custom-attributes/patchconversationsconversationidcustom-attributes>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// The value of a Text definition.
    Text(String),
    /// The path of option values of a Select definition, from root to leaf, in this order.
    Path(Vec<String>),
    /// Written as `null`: clear the value.
    Clear,
}

impl AttributeValue {
    pub fn to_value(&self) -> Value {
        match self {
            AttributeValue::Text(text) => Value::from(text.as_str()),
            AttributeValue::Path(path) => path.iter().map(String::as_str).collect(),
            AttributeValue::Clear => Value::Null,
        }
    }

    /// None for what no attribute can hold.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(AttributeValue::Clear),
            Value::String(text) => Some(AttributeValue::Text(text.clone())),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(AttributeValue::Path),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }
}

/// Custom attributes by the id of their definition, a uuid in lower case.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// Attributes as a map, in ascending order of their ids.
pub fn attributes_to_map(attributes: &Attributes) -> Map<String, Value> {
    attributes.iter().map(|(id, value)| (id.clone(), value.to_value())).collect()
}

/// The member of a spec that is never part of the POST.
pub const CUSTOM_ATTRIBUTES: &str = "customAttributes";

/// What a manifest describes: the body of the call that makes the conversation, and what is set afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// The body as it was written, without what is set afterwards; an import always has its `_type`.
    pub content: Map<String, Value>,
    pub attributes: Attributes,
    /// Says nothing for an end user.
    pub handling: Handling,
}

impl Conversation {
    pub fn digests(&self) -> Digests {
        Digests {
            content: Digest::of_map(&self.content),
            attributes: Digest::of_map(&attributes_to_map(&self.attributes)),
            handling: self.handling.digest(),
        }
    }

    /// How it is handled as soon as it is made, as far as the manifest says so.
    pub fn handled_when_made(&self) -> Handling {
        let made = if self.content.contains_key("closing") { Openness::Closed } else { Openness::Open };
        Handling { state: self.handling.state.filter(|state| *state == made), ..Handling::default() }
    }

    /// The whole spec: the content, `customAttributes` where there are any, and how it is handled.
    pub fn to_map(&self) -> Map<String, Value> {
        let mut spec = self.content.clone();
        if !self.attributes.is_empty() {
            spec.insert(CUSTOM_ATTRIBUTES.to_owned(), Value::Object(attributes_to_map(&self.attributes)));
        }
        spec.extend(self.handling.to_map());
        spec
    }

    /// The `_type` of the content.
    pub fn variant(&self) -> Option<&str> {
        self.content.get("_type").and_then(Value::as_str)
    }

    /// The end user who requests the conversation. Every variant requires one.
    pub fn requester_id(&self) -> Option<&str> {
        self.content.get("requesterId").and_then(Value::as_str)
    }

    /// The content with this `externalId` on its first message; as it is where there is no message. An end user has it
    /// itself.
    pub fn marked_content(&self, kind: Kind, external_id: &str) -> Map<String, Value> {
        let mut content = self.content.clone();
        if kind == Kind::EndUser {
            content.insert("externalId".to_owned(), external_id.into());
            return content;
        }
        let name = if content.contains_key("message") { "message" } else { "messages" };
        let message = match content.get_mut(name) {
            Some(Value::Array(messages)) => messages.first_mut(),
            message => message,
        };
        if let Some(Value::Object(message)) = message {
            message.insert("externalId".to_owned(), external_id.into());
        }
        content
    }

    fn first_message(&self) -> Option<&Value> {
        let first_of_many = || self.content.get("messages")?.as_array()?.first();
        self.content.get("message").or_else(first_of_many)
    }

    /// The `externalId` of its first message: of `message`, or of the first of `messages`. That of an end user is its
    /// own.
    pub fn external_id(&self, kind: Kind) -> Option<&str> {
        let external_id = match kind {
            Kind::EndUser => self.content.get("externalId"),
            Kind::Conversation | Kind::Import => self.first_message()?.get("externalId"),
        };
        external_id?.as_str()
    }

    /// What planning asks of it, so that it need not be read for that.
    pub fn facts(&self, kind: Kind) -> Facts {
        let message_type = self.content.get("message").and_then(|message| message.get("_type"));
        Facts {
            has_attributes: !self.attributes.is_empty(),
            can_be_marked: kind == Kind::EndUser || self.first_message().is_some(),
            has_external_id: self.external_id(kind).is_some(),
            reaches_customer: message_type.and_then(Value::as_str) == Some("Outbound"),
        }
    }
}

/// What planning asks of a conversation that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub has_attributes: bool,
    /// Whether there is a message that can carry an `externalId`, or it is an end user, which can carry one itself.
    pub can_be_marked: bool,
    /// See [`Conversation::external_id`].
    pub has_external_id: bool,
    /// Whether making it sends a message to the customer: it has a message of type `Outbound`. The messages
    /// of an import are of type `OutboundImport`: dixaform sends none of them to a customer.
    pub reaches_customer: bool,
}

impl Facts {
    /// Whether it gets an `externalId` of dixaform's own; `markers` is the tenant's setting.
    pub fn is_marked(&self, markers: bool) -> bool {
        markers && self.can_be_marked && !self.has_external_id
    }
}

/// Labels of a manifest, by their names in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.0[found].1)
    }

    /// In ascending order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for Labels {
    /// The names are unique.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let mut labels: Box<[_]> = labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        labels.sort_unstable();
        Labels(labels)
    }
}

/// The digests of a spec, its parts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    pub content: Digest,
    pub attributes: Digest,
    /// None where it says nothing of how the conversation is handled.
    pub handling: Option<Digest>,
}

/// What to do when the content of a conversation that exists differs: `dixaform/on-change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnChange {
    /// Nothing said: a replacement is blocked unless `--allow-replace` is given.
    #[default]
    Unset,
    /// Replace without asking for `--allow-replace`.
    Replace,
    /// Keep the old content knowingly.
    Ignore,
    /// Never replace, `--allow-replace` or not.
    Block,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_parses_what_it_prints() {
        for text in ["conversation.a", "import.legacy-42", "conversation.a.b_c-9"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
        for text in
            ["", "a", "conversation.", "conversation.-a", "conversation.a-", "conversation.A", "other.a", "import.a b"]
        {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress), "{text}");
        }
        assert!(Address::new(Kind::Import, &"a".repeat(253)).is_ok());
        assert!(Address::new(Kind::Import, &"a".repeat(254)).is_err());
    }
}
