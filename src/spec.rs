//! A described conversation as JSON text, in which form it waits until somebody looks inside.
//!
//! A tree of values takes several times the memory, and most specs are only ever compared by their digests.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use crate::conversation::{AttributeValue, Attributes, CUSTOM_ATTRIBUTES, Conversation, attributes_to_map};
use crate::handling::Handling;
use crate::json;

/// The whole spec of a conversation as compact JSON: the content in the order in which it was written, then
/// `customAttributes` in ascending order of their ids, if there are any, then how it is handled. A clone shares the
/// memory.
#[derive(Clone)]
pub struct Spec {
    /// The spec, or a longer text that it is a part of.
    text: Arc<String>,
    part: Range<usize>,
}

/// Why a JSON text is not a spec.
#[derive(Debug, thiserror::Error)]
pub enum NotASpec {
    #[error(transparent)]
    NotJson(#[from] serde_json::Error),
    #[error("it is not a map")]
    NotAMap,
    #[error("`customAttributes` holds a value that an attribute can't have, at `{0}`")]
    Attribute(String),
    #[error("`{0}` has an invalid value")]
    Handling(&'static str),
}

impl Spec {
    pub fn of(conversation: &Conversation) -> Self {
        Spec::whole(serde_json::to_string(&Whole(conversation)).expect("a conversation is JSON"))
    }

    fn whole(text: String) -> Self {
        Spec { part: 0..text.len(), text: Arc::new(text) }
    }

    /// The JSON at `part` of a longer text, whose memory it shares. Nobody may look inside before it is
    /// [checked](Spec::checked).
    pub fn unchecked(text: &Arc<String>, part: Range<usize>) -> Self {
        Spec { text: Arc::clone(text), part }
    }

    /// The same, after making sure that it is a spec. It keeps its memory if it is written as [`Spec::json`] says.
    ///
    /// # Errors
    /// See [`NotASpec`].
    pub fn checked(&self) -> Result<Self, NotASpec> {
        let read = Spec::of(&conversation_of(json::parse(self.json())?)?);
        Ok(if read.json() == self.json() { self.clone() } else { read })
    }

    /// Lets this one share the memory of another that says the same in the same words.
    pub fn share(&mut self, other: &Spec) {
        if self.json() == other.json() {
            *self = other.clone();
        }
    }

    /// The spec without its attributes; shares the memory where there are none.
    pub fn without_attributes(&self) -> Self {
        let conversation = self.conversation();
        if conversation.attributes.is_empty() {
            return self.clone();
        }
        Spec::of(&Conversation { attributes: Attributes::new(), ..conversation })
    }

    /// The content and nothing else.
    pub fn only_content(&self) -> Self {
        let (attributes, handling) = (Attributes::new(), Handling::default());
        Spec::of(&Conversation { content: self.content(), attributes, handling })
    }

    /// The attributes and nothing else.
    pub fn only_attributes(&self) -> Self {
        let (content, handling) = (Map::new(), Handling::default());
        Spec::of(&Conversation { content, attributes: self.attributes(), handling })
    }

    /// This one with the attributes of another.
    pub fn with_attributes_of(&self, other: &Spec) -> Self {
        Spec::of(&Conversation { attributes: other.attributes(), ..self.conversation() })
    }

    /// This one, handled as another.
    pub fn with_handling(&self, handling: Handling) -> Self {
        Spec::of(&Conversation { handling, ..self.conversation() })
    }

    /// How it is handled and nothing else.
    pub fn only_handling(handling: Handling) -> Self {
        Spec::of(&Conversation { content: Map::new(), attributes: Attributes::new(), handling })
    }

    /// Compact JSON; see [`Spec`].
    pub fn json(&self) -> &str {
        &self.text[self.part.clone()]
    }

    /// All members, in the order of [`Spec`].
    pub fn members(&self) -> Map<String, Value> {
        match serde_json::from_str(self.json()) {
            Ok(Value::Object(members)) => members,
            _ => unreachable!("a spec is a map in JSON"),
        }
    }

    pub fn content(&self) -> Map<String, Value> {
        self.conversation().content
    }

    pub fn attributes(&self) -> Attributes {
        self.conversation().attributes
    }

    pub fn handling(&self) -> Handling {
        self.conversation().handling
    }

    /// What it says.
    pub fn conversation(&self) -> Conversation {
        conversation_of(Value::Object(self.members())).expect("a spec describes a conversation")
    }
}

/// All members of a spec, as they are written.
struct Whole<'a>(&'a Conversation);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        let Conversation { content, attributes, handling } = self.0;
        let mut members = target.serialize_map(None)?;
        for (name, value) in content {
            members.serialize_entry(name, value)?;
        }
        if !attributes.is_empty() {
            members.serialize_entry(CUSTOM_ATTRIBUTES, &attributes_to_map(attributes))?;
        }
        for (name, value) in handling.to_map() {
            members.serialize_entry(&name, &value)?;
        }
        members.end()
    }
}

/// The conversation that a JSON value describes.
///
/// # Errors
/// See [`NotASpec`].
pub fn conversation_of(spec: Value) -> Result<Conversation, NotASpec> {
    let Value::Object(mut content) = spec else { return Err(NotASpec::NotAMap) };
    let attributes = match content.shift_remove(CUSTOM_ATTRIBUTES) {
        None => Attributes::new(),
        Some(Value::Object(map)) => map
            .into_iter()
            .map(|(id, value)| match AttributeValue::from_value(&value) {
                Some(value) => Ok((id, value)),
                None => Err(NotASpec::Attribute(id)),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(NotASpec::Attribute(CUSTOM_ATTRIBUTES.to_owned())),
    };
    let handling = Handling::taken_from(&mut content).map_err(NotASpec::Handling)?;
    Ok(Conversation { content, attributes, handling })
}

impl PartialEq for Spec {
    /// By what they mean, as conversations are compared.
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json() || self.conversation() == other.conversation()
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Spec({})", self.json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Spec, NotASpec> {
        Spec::unchecked(&Arc::new(text.to_owned()), 0..text.len()).checked()
    }

    fn spec(text: &str) -> Spec {
        read(text).expect("a spec")
    }

    #[test]
    fn what_is_written_is_read_in_the_order_in_which_it_was_written() {
        let text = r#"{"b":[],"a":{"z":1.5,"y":null},"n":18446744073709551615,"customAttributes":{"id":["x","y"],"other":null},"tags":["a","b"],"queue":"q","assignee":"m","state":"Open"}"#;
        let conversation = conversation_of(json::parse(text).expect("valid")).expect("a spec");
        assert_eq!(Spec::of(&conversation).json(), text);
        assert_eq!(spec(text).conversation(), conversation);
        assert_eq!(spec(text).without_attributes().with_attributes_of(&spec(text).only_attributes()).json(), text);
        let nothing = spec(text).with_handling(Handling::default());
        assert!(!nothing.json().contains("tags"), "{}", nothing.json());
        assert_eq!(nothing.with_handling(spec(text).handling()).json(), text);
    }

    #[test]
    fn a_spec_in_a_longer_text_shares_its_memory_only_if_it_is_written_there_as_it_would_be() {
        let file =
            Arc::new("[{\"a\":\"é\\n\"},\n{\n\"customAttributes\":{\"y\":\"1\",\"x\":null}, \"a\": 1}]".to_owned());
        let first = Spec::unchecked(&file, 1..13).checked().expect("a spec");
        assert!(Arc::ptr_eq(&first.text, &file));
        assert_eq!(first.json(), "{\"a\":\"é\\n\"}");
        let second = Spec::unchecked(&file, 15..file.len() - 1).checked().expect("a spec");
        assert!(!Arc::ptr_eq(&second.text, &file));
        assert_eq!(second.json(), r#"{"a":1,"customAttributes":{"x":null,"y":"1"}}"#);
    }

    #[test]
    fn order_of_members_is_no_difference_between_specs() {
        assert_eq!(spec(r#"{"a":1,"b":2}"#), spec(r#"{"b":2,"a":1}"#));
        assert_ne!(spec(r#"{"a":1}"#), spec(r#"{"a":2}"#));
    }

    #[test]
    fn what_no_attribute_can_be_or_is_there_twice_is_refused() {
        let problem = |text: &str| read(text).expect_err("no spec").to_string();
        assert_eq!(problem("[]"), "it is not a map");
        assert!(problem(r#"{"customAttributes":{"x":1}}"#).ends_with("at `x`"));
        assert!(problem(r#"{"customAttributes":[]}"#).ends_with("at `customAttributes`"));
        assert!(problem(r#"{"tags":"vip"}"#).starts_with("`tags`"));
        assert!(problem(r#"{"state":"Shut"}"#).starts_with("`state`"));
        assert!(problem(r#"{"customAttributes":{"x":"1","x":"1"}}"#).contains("duplicate member `x`"));
    }

    #[test]
    fn specs_share_memory_that_is_the_same_and_no_other() {
        let (mut one, other) = (spec(r#"{"a":1}"#), spec(r#"{"a":1}"#));
        assert!(!Arc::ptr_eq(&one.text, &other.text));
        one.share(&other);
        assert!(Arc::ptr_eq(&one.text, &other.text));
        one.share(&spec(r#"{"a":2}"#));
        assert_eq!(one.json(), r#"{"a":1}"#);
    }
}
