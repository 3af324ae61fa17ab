//! A described conversation as one piece of JSON text: the form in which many of them wait until somebody looks inside.
//!
//! A tree of values takes several times the memory of its text, and most specs are only ever compared by their digests.

mod reading;
mod written;

use std::fmt;
use std::sync::Arc;

use memchr::memmem;

use crate::conversation::{AttributeValue, Attributes, CUSTOM_ATTRIBUTES, Conversation, Described};
use crate::json;
use crate::scratch::{self, Arena};
use crate::value::{Map, Value};
use crate::view::Members;

/// The whole spec of a conversation, `customAttributes` included, as compact JSON: the content in the order in which it
/// was written, then the attributes, if there are any, in ascending order of their ids. A clone shares the text.
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
        scratch::arena(|arena| Spec::of_described(conversation.described(arena)))
    }

    pub fn of_described(Described { content, attributes }: Described<'_>) -> Self {
        scratch::text(|text| {
            json::write_members_into(content, text);
            if !attributes.is_empty() {
                // Inside the brace that ends the content, as its last member.
                text.pop();
                text.push_str(if content.is_empty() { "" } else { "," });
                json::quote_into(CUSTOM_ATTRIBUTES, text);
                text.push(':');
                json::write_members_into(attributes, text);
                text.push('}');
            }
            Spec(Arc::from(&**text))
        })
    }

    /// The spec that a JSON text is, if it is just what [`Spec::json`] gives for it. None says nothing about the text:
    /// read it with [`conversation_of`].
    pub fn of_written(json: &str) -> Option<Self> {
        written::is_written(json).then(|| Spec(Arc::from(json)))
    }

    /// The spec without its attributes; shares the text where there are none.
    pub fn without_attributes(&self) -> Self {
        match self.attributes_at() {
            None => self.clone(),
            Some(at) => Spec(Arc::from(format!("{}}}", &self.0[..at - usize::from(at > 1)]))),
        }
    }

    /// The spec without its content.
    pub fn only_attributes(&self) -> Self {
        Spec(Arc::from(match self.attributes_at() {
            None => "{}".to_owned(),
            Some(at) => format!("{{{}", &self.0[at..]),
        }))
    }

    /// The content of this one with the attributes of another.
    pub fn with_attributes_of(&self, other: &Spec) -> Self {
        let Some(at) = other.attributes_at() else { return self.without_attributes() };
        // All but the brace that ends it, and the comma that may stand before the attributes.
        let content = match self.attributes_at() {
            None => &self.0[..self.0.len() - 1],
            Some(at) => &self.0[..at - usize::from(at > 1)],
        };
        let comma = if content.len() > 1 { "," } else { "" };
        Spec(Arc::from([content, comma, &other.0[at..]].concat()))
    }

    /// Lets this one share the text of another that says the same in the same words.
    pub fn share(&mut self, other: &Spec) {
        if self.0 == other.0 {
            self.0 = Arc::clone(&other.0);
        }
    }

    /// The index of the member `customAttributes`.
    ///
    /// Within a string, the first quote of what is looked for would have a backslash before it, and not what can stand
    /// before a member. Deeper in the content, there would be more than one brace behind its value.
    fn attributes_at(&self) -> Option<usize> {
        let text = self.0.as_bytes();
        let at = memmem::rfind(text, br#""customAttributes":{"#)?;
        let is_member = text[at - 1] == b',' || at == 1;
        let end = at + br#""customAttributes":"#.len() + length_of_map(&text[at + br#""customAttributes":"#.len()..]);
        (is_member && end == text.len() - 1).then_some(at)
    }

    /// Compact JSON.
    pub fn json(&self) -> &str {
        &self.0
    }

    /// What the text says, as it says it.
    pub fn value(&self) -> Value {
        json::parse(&self.0).expect("a spec is made of what was a value, or was read as one")
    }

    /// [`Spec::value`] for those who only look. None says nothing about the text: take [`Spec::value`] then.
    pub fn view<'t>(&'t self, arena: &'t Arena) -> Option<Members<'t>> {
        reading::read(&self.0, arena)
    }

    /// The content of what the text says.
    pub fn content(&self) -> Map {
        let Value::Map(content) = self.without_attributes().value() else { return Map::new() };
        content
    }

    /// The attributes of what the text says.
    pub fn attributes(&self) -> Attributes {
        self.only_attributes().conversation().attributes
    }

    /// What the text says.
    pub fn conversation(&self) -> Conversation {
        conversation_of(self.value()).expect("a spec is made of a conversation, or was checked to be one")
    }
}

/// The length of the map that a text begins with.
fn length_of_map(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match text[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'"' => loop {
                at += 1 + memchr::memchr2(b'"', b'\\', &text[at + 1..]).expect("a string ends");
                if text[at] == b'"' {
                    break;
                }
                // Whatever is escaped.
                at += 1;
            },
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
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
mod tests;
