//! The nouns of a described conversation: its address, its content, its custom attributes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::digest::Digest;
use crate::scratch::{self, Arena, ArenaVec};
use crate::value::{Map, Value};
use crate::view::{self, Members, View};

/// Which of Dixa's two ways of making a conversation a manifest uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kind: Conversation`, `POST /v1/conversations`.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>
    Conversation,
    /// `kind: ConversationImport`, `POST /v1/conversations/import`.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport>
    Import,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Conversation, Kind::Import];

    /// The word in an address, and in a rendered block.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Conversation => "conversation",
            Kind::Import => "import",
        }
    }

    /// The word after `kind:` in a manifest.
    pub fn manifest_word(self) -> &'static str {
        match self {
            Kind::Conversation => "Conversation",
            Kind::Import => "ConversationImport",
        }
    }

    /// The path of the call that makes one.
    pub fn path(self) -> &'static str {
        match self {
            Kind::Conversation => "/v1/conversations",
            Kind::Import => "/v1/conversations/import",
        }
    }
}

/// The stable name of a described conversation: `conversation.<name>` or `import.<name>`. Never a Dixa id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    /// Shared by all that speak of the address.
    name: Arc<str>,
}

/// A text that is not an address or not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address is `conversation.<name>` or `import.<name>`, with a name of at most 253 characters from a-z, 0-9, `.`, `_` and `-` that begins and ends with a letter or digit"
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

    /// See [`Start`].
    pub fn start(&self) -> Start {
        let mut bytes = [0; 16];
        for (byte, letter) in bytes.iter_mut().zip(self.name.bytes()) {
            *byte = letter;
        }
        let [first, second] = [0, 8].map(|at| u64::from_be_bytes(std::array::from_fn(|index| bytes[at + index])));
        // A name is ASCII, which leaves the highest bit to the kind.
        Start([u64::from(self.kind == Kind::Import) << 63 | first, second])
    }
}

/// How an address begins, for sorting many: names stand somewhere else in memory, and to fetch them takes longer than
/// to compare them. Where two of these differ, their addresses stand in the same order; where they don't, the addresses
/// may differ or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start([u64; 2]);

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
            AttributeValue::Text(text) => Value::text(text),
            AttributeValue::Path(path) => Value::List(path.iter().map(Value::text).collect()),
            AttributeValue::Clear => Value::Null,
        }
    }

    fn view<'t>(&'t self, arena: &'t Arena) -> View<'t> {
        match self {
            AttributeValue::Text(text) => View::Text(text),
            AttributeValue::Path(path) => {
                View::List(arena.alloc_slice_fill_iter(path.iter().map(|option| View::Text(option))))
            }
            AttributeValue::Clear => View::Null,
        }
    }

    /// None for what no attribute can hold.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(AttributeValue::Clear),
            Value::Text(text) => Some(AttributeValue::Text(text.clone())),
            Value::List(items) => items
                .iter()
                .map(|item| item.as_text().map(str::to_owned))
                .collect::<Option<_>>()
                .map(AttributeValue::Path),
            Value::Bool(_) | Value::Number(_) | Value::Map(_) | Value::Withheld | Value::SetByDixaform => None,
        }
    }
}

/// Custom attributes by the id of their definition, a uuid in lower case.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// Attributes as a map, in ascending order of their ids.
pub fn attributes_to_map(attributes: &Attributes) -> Map {
    let mut map = Map::with_capacity(attributes.len());
    for (id, value) in attributes {
        map.push_unique(id.clone(), value.to_value());
    }
    map
}

/// [`Described::attributes`] in the form that lasts.
pub fn to_attributes(attributes: Members<'_>) -> Attributes {
    let text = |view: &View<'_>| view.as_text().expect("options are texts").to_owned();
    let value = |view: &View<'_>| match view {
        View::List(options) => AttributeValue::Path(options.iter().map(text).collect()),
        View::Null => AttributeValue::Clear,
        other => AttributeValue::Text(text(other)),
    };
    attributes.iter().map(|(id, view)| ((*id).to_owned(), value(view))).collect()
}

/// The member of a spec that is never part of the POST.
pub const CUSTOM_ATTRIBUTES: &str = "customAttributes";

/// What a manifest describes: the body of the call that makes the conversation, and the attributes patched afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// The body as it was written, without `customAttributes`; an import always has its `_type`.
    pub content: Map,
    pub attributes: Attributes,
}

impl Conversation {
    /// The same, for those who look at it once.
    pub fn described<'t>(&'t self, arena: &'t Arena) -> Described<'t> {
        let mut attributes = ArenaVec::with_capacity_in(self.attributes.len(), arena);
        attributes.extend(self.attributes.iter().map(|(id, value)| (id.as_str(), value.view(arena))));
        Described { content: view::members(&self.content, arena), attributes: attributes.into_bump_slice() }
    }

    pub fn digests(&self) -> Digests {
        scratch::arena(|arena| self.described(arena).digests())
    }

    pub fn facts(&self) -> Facts {
        scratch::arena(|arena| self.described(arena).facts())
    }

    /// The whole spec: the content and, where there are any, `customAttributes` last.
    pub fn to_value(&self) -> Value {
        let mut spec = self.content.clone();
        if !self.attributes.is_empty() {
            spec.set(CUSTOM_ATTRIBUTES, Value::Map(attributes_to_map(&self.attributes)));
        }
        Value::Map(spec)
    }

    /// The `_type` of the content.
    pub fn variant(&self) -> Option<&str> {
        self.content.get("_type").and_then(Value::as_text)
    }

    /// The end user whose conversation it is. Every variant requires one.
    pub fn requester_id(&self) -> Option<&str> {
        self.content.get("requesterId").and_then(Value::as_text)
    }

    /// The content with this `externalId` on its first message; see [`mark`].
    pub fn marked_content(&self, external_id: Value) -> Map {
        let mut content = self.content.clone();
        mark(&mut content, external_id);
        content
    }

    /// The `externalId` of its first message: of `message`, or of the first of `messages`.
    pub fn first_external_id(&self) -> Option<&str> {
        let first_of_many = || self.content.get("messages")?.as_list()?.first();
        self.content.get("message").or_else(first_of_many)?.get("externalId")?.as_text()
    }
}

/// A [`Conversation`] as it is read: for those who look at it once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Described<'t> {
    /// See [`Conversation::content`].
    pub content: Members<'t>,
    /// In ascending order of their ids. A text, a list of texts, or null to clear the value.
    pub attributes: Members<'t>,
}

impl<'t> Described<'t> {
    pub fn digests(self) -> Digests {
        debug_assert!(self.attributes.is_sorted_by(|(one, _), (next, _)| one < next), "ascending and unique");
        Digests { content: Digest::of_members(self.content), attributes: Digest::of_members(self.attributes) }
    }

    /// See [`Conversation::requester_id`].
    pub fn requester_id(self) -> Option<&'t str> {
        view::member(self.content, "requesterId").and_then(View::as_text)
    }

    fn first_message(self) -> Option<View<'t>> {
        let first_of_many = || match view::member(self.content, "messages") {
            Some(View::List(messages)) => messages.first().copied(),
            _ => None,
        };
        view::member(self.content, "message").or_else(first_of_many)
    }

    /// What planning asks of it, so that it need not be unpacked for that.
    pub fn facts(self) -> Facts {
        let message = self.first_message();
        let message_type = view::member(self.content, "message").and_then(|message| message.get("_type"));
        Facts {
            has_attributes: !self.attributes.is_empty(),
            has_message: message.is_some(),
            has_external_id: message.and_then(|message| message.get("externalId")).and_then(View::as_text).is_some(),
            reaches_customer: message_type.and_then(View::as_text) == Some("Outbound"),
        }
    }
}

/// Sets the `externalId` of the first message of a content; nothing where there is no message.
pub fn mark(content: &mut Map, external_id: Value) {
    let single = content.get("message").is_some();
    let message = match content.get_mut(if single { "message" } else { "messages" }) {
        Some(Value::Map(message)) => Some(message),
        Some(Value::List(messages)) => match messages.first_mut() {
            Some(Value::Map(message)) => Some(message),
            _ => None,
        },
        _ => None,
    };
    if let Some(message) = message {
        message.set("externalId", external_id);
    }
}

/// [`mark`] for a content that is only looked at.
pub fn marked<'t>(content: Members<'t>, external_id: View<'t>, arena: &'t Arena) -> Members<'t> {
    let set = |message| View::Map(view::with_member(message, "externalId", external_id, arena));
    let name = if view::member(content, "message").is_some() { "message" } else { "messages" };
    let marked = match view::member(content, name) {
        Some(View::Map(message)) => set(message),
        Some(View::List([View::Map(first), rest @ ..])) => {
            let mut messages = ArenaVec::with_capacity_in(1 + rest.len(), arena);
            messages.push(set(first));
            messages.extend_from_slice_copy(rest);
            View::List(messages.into_bump_slice())
        }
        _ => return content,
    };
    view::with_member(content, name, marked, arena)
}

/// What planning asks of a conversation that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub has_attributes: bool,
    /// Whether there is a message that can carry an `externalId`.
    pub has_message: bool,
    /// See [`Conversation::first_external_id`].
    pub has_external_id: bool,
    /// Whether making it sends a message to the customer: it has a message of type `Outbound`. An import sends nothing,
    /// its messages are of type `OutboundImport`.
    pub reaches_customer: bool,
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

/// The digests of a spec, content and attributes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    pub content: Digest,
    pub attributes: Digest,
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
    fn starts_stand_in_the_order_of_their_addresses() {
        let long = "a".repeat(16);
        let texts = ["a", "a.b", "a-b", "a0", "ab", "aaaaaaaa", "aaaaaaaaa", "aaaaaaaa-b", &long, &long[1..], "b", "0"];
        let address = |kind: &Kind, name: &str| Address::new(*kind, name).expect("a name");
        let all: Vec<Address> =
            Kind::ALL.iter().flat_map(|kind| texts.iter().map(|name| address(kind, name))).collect();
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
            assert_eq!(one.start().cmp(&other.start()), one.cmp(other), "{one} {other}");
        }
        let (same, longer) = (address(&Kind::Import, &long), address(&Kind::Import, &format!("{long}b")));
        assert_eq!(same.start(), longer.start());
    }

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
