//! A described conversation as one piece of JSON text: the form in which many of them wait until somebody looks inside.
//!
//! A tree of values takes several times the memory of its text, and most specs are only ever compared by their digests.

use std::fmt;
use std::sync::Arc;

use crate::conversation::{AttributeValue, Attributes, CUSTOM_ATTRIBUTES, Conversation, attributes_to_map};
use crate::json;
use crate::value::Value;

/// The whole spec of a conversation, `customAttributes` included, as compact JSON in the order in which it was written.
/// A clone shares the text.
#[derive(Clone)]
pub struct Spec(Arc<str>);

/// Why a JSON value is no spec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASpec {
    #[error("it is not a map")]
    NotAMap,
    #[error("`customAttributes` holds what no attribute can be, at `{0}`")]
    Attribute(String),
}

impl Spec {
    pub fn of(conversation: &Conversation) -> Self {
        let Conversation { content, attributes } = conversation;
        let mut text = String::with_capacity(1024);
        json::write_map_into(content, &mut text);
        if !attributes.is_empty() {
            // Inside the brace that ends the content, as its last member.
            text.pop();
            text.push_str(if content.is_empty() { "" } else { "," });
            json::quote_into(CUSTOM_ATTRIBUTES, &mut text);
            text.push(':');
            json::write_map_into(&attributes_to_map(attributes), &mut text);
            text.push('}');
        }
        Spec(Arc::from(text))
    }

    /// Compact JSON.
    pub fn json(&self) -> &str {
        &self.0
    }

    /// What the text says, as it says it.
    pub fn value(&self) -> Value {
        json::parse(&self.0).expect("a spec is made of what was a value, or was read as one")
    }

    /// What the text says.
    pub fn conversation(&self) -> Conversation {
        conversation_of(self.value()).expect("a spec is made of a conversation, or was checked to be one")
    }
}

/// The conversation that a JSON value describes.
///
/// # Errors
/// See [`NotASpec`].
pub fn conversation_of(spec: Value) -> Result<Conversation, NotASpec> {
    let Value::Map(mut content) = spec else { return Err(NotASpec::NotAMap) };
    let mut attributes = Attributes::new();
    match content.remove(CUSTOM_ATTRIBUTES) {
        None => {}
        Some(Value::Map(map)) => {
            for (id, value) in map.iter() {
                let value = AttributeValue::from_value(value).ok_or_else(|| NotASpec::Attribute(id.to_owned()))?;
                attributes.insert(id.to_owned(), value);
            }
        }
        Some(_) => return Err(NotASpec::Attribute(CUSTOM_ATTRIBUTES.to_owned())),
    }
    Ok(Conversation { content, attributes })
}

impl PartialEq for Spec {
    /// By what they mean, as conversations are compared.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.conversation() == other.conversation()
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Spec({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_comes_out_in_the_order_in_which_it_was_written() {
        let text = r#"{"b":[],"a":{"z":1.5,"y":null},"n":18446744073709551615,"customAttributes":{"id":["x","y"],"other":null}}"#;
        let conversation = conversation_of(json::parse(text).expect("valid")).expect("a spec");
        let spec = Spec::of(&conversation);
        assert_eq!(spec.json(), text);
        assert_eq!(spec.conversation(), conversation);
    }

    #[test]
    fn order_of_members_is_no_difference_between_specs() {
        let spec = |text| Spec(Arc::from(text));
        assert_eq!(spec(r#"{"a":1,"b":2}"#), spec(r#"{"b":2,"a":1}"#));
        assert_ne!(spec(r#"{"a":1}"#), spec(r#"{"a":2}"#));
    }

    #[test]
    fn what_no_attribute_can_be_is_no_spec() {
        let problem = |text| conversation_of(json::parse(text).expect("valid")).expect_err("no spec");
        assert_eq!(problem("[]"), NotASpec::NotAMap);
        assert_eq!(problem(r#"{"customAttributes":{"x":1}}"#), NotASpec::Attribute("x".into()));
        assert_eq!(problem(r#"{"customAttributes":[]}"#), NotASpec::Attribute("customAttributes".into()));
    }
}
