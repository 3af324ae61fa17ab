//! A described conversation in the form in which many of them wait until somebody looks inside.
//!
//! A tree of values takes several times the memory, and most specs are only ever compared by their digests.

mod packed;
mod written;

use std::fmt;
use std::sync::Arc;

use crate::conversation::{self, AttributeValue, Attributes, CUSTOM_ATTRIBUTES, Conversation, Described};
use crate::json;
use crate::scratch::{self, Arena};
use crate::value::{Map, Value};
use crate::view::{self, Members, View};

/// The whole spec of a conversation, `customAttributes` included: the content in the order in which it was written, and
/// the attributes in ascending order of their ids. A clone shares the memory.
#[derive(Clone)]
pub struct Spec {
    /// The content and the attributes, one after the other, each [`packed`].
    packed: Arc<str>,
    /// Where the attributes begin.
    attributes: usize,
}

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
            packed::write(content, text);
            let end = text.len();
            packed::write(attributes, text);
            Spec { packed: Arc::from(&**text), attributes: end }
        })
    }

    /// The spec that a JSON text is, if it is just what [`Spec::json`] gives for it. None says nothing about the text:
    /// read it with [`conversation_of`].
    pub fn of_written(json: &str) -> Option<Self> {
        scratch::arena(|arena| written::read(json, arena).map(Spec::of_described))
    }

    /// The spec without its attributes; shares the memory where there are none.
    pub fn without_attributes(&self) -> Self {
        if packed::is_empty(&self.packed[self.attributes..]) {
            return self.clone();
        }
        self.part(|described| Described { attributes: &[], ..described })
    }

    /// The spec without its content.
    pub fn only_attributes(&self) -> Self {
        self.part(|described| Described { content: &[], ..described })
    }

    fn part(&self, keep: impl for<'t> FnOnce(Described<'t>) -> Described<'t>) -> Self {
        scratch::arena(|arena| Spec::of_described(keep(self.described(arena))))
    }

    /// The content of this one with the attributes of another.
    pub fn with_attributes_of(&self, other: &Spec) -> Self {
        let (content, attributes) = (&self.packed[..self.attributes], &other.packed[other.attributes..]);
        Spec { packed: Arc::from([content, attributes].concat()), attributes: self.attributes }
    }

    /// Lets this one share the memory of another that says the same in the same words.
    pub fn share(&mut self, other: &Spec) {
        if self.packed == other.packed {
            self.packed = Arc::clone(&other.packed);
        }
    }

    /// Compact JSON: the content, then the attributes, if there are any.
    pub fn json(&self) -> String {
        let mut json = String::new();
        self.json_into(&mut json);
        json
    }

    /// Appends [`Spec::json`].
    pub fn json_into(&self, out: &mut String) {
        scratch::arena(|arena| json::write_members_into(self.view(arena), out));
    }

    /// What it says, as it says it.
    pub fn value(&self) -> Value {
        scratch::arena(|arena| View::Map(self.view(arena)).to_value())
    }

    /// [`Spec::value`] for those who only look.
    pub fn view<'t>(&'t self, arena: &'t Arena) -> Members<'t> {
        let Described { content, attributes } = self.described(arena);
        if attributes.is_empty() {
            return content;
        }
        view::with_member(content, CUSTOM_ATTRIBUTES, View::Map(attributes), arena)
    }

    /// Content and attributes for those who only look.
    pub fn described<'t>(&'t self, arena: &'t Arena) -> Described<'t> {
        Described { content: self.seen_content(arena), attributes: self.seen_attributes(arena) }
    }

    fn seen_content<'t>(&'t self, arena: &'t Arena) -> Members<'t> {
        packed::read(&self.packed[..self.attributes], arena)
    }

    fn seen_attributes<'t>(&'t self, arena: &'t Arena) -> Members<'t> {
        packed::read(&self.packed[self.attributes..], arena)
    }

    /// The content of what it says.
    pub fn content(&self) -> Map {
        scratch::arena(|arena| view::to_map(self.seen_content(arena)))
    }

    /// The attributes of what it says.
    pub fn attributes(&self) -> Attributes {
        scratch::arena(|arena| conversation::to_attributes(self.seen_attributes(arena)))
    }

    /// What it says.
    pub fn conversation(&self) -> Conversation {
        Conversation { content: self.content(), attributes: self.attributes() }
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
        self.packed == other.packed || self.conversation() == other.conversation()
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Spec({})", self.json())
    }
}

#[cfg(test)]
mod tests;
