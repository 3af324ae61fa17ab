//! The calls that dixaform makes to Dixa.

use std::borrow::Cow;
use std::fmt;

use crate::conversation::{ConversationId, Kind};

/// One call, without its body. It has no id if the change has yet to create the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Whose tenant is this?
    Organization,
    /// Which custom attributes does it have?
    Definitions,
    /// Make a conversation.
    Make(Kind),
    /// Read a conversation.
    Conversation(Option<ConversationId>),
    /// Read the messages of a conversation.
    Messages(ConversationId),
    /// List the conversations of an end user.
    ConversationsOf(String),
    /// Set custom attributes of a conversation.
    SetAttributes(Option<ConversationId>),
}

impl Call {
    pub fn method(&self) -> &'static str {
        match self {
            Call::Make(_) => "POST",
            Call::SetAttributes(_) => "PATCH",
            Call::Organization
            | Call::Definitions
            | Call::Conversation(_)
            | Call::Messages(_)
            | Call::ConversationsOf(_) => "GET",
        }
    }

    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        matches!(self, Call::Make(_) | Call::SetAttributes(_))
    }

    /// The parts of its path, as they are before they are encoded for a URL.
    pub fn segments(&self) -> Vec<Cow<'_, str>> {
        let known = |id: &Option<ConversationId>| id.map_or(Cow::Borrowed("{id}"), |id| id.to_string().into());
        let rest = match self {
            Call::Organization => vec!["organization".into()],
            Call::Definitions => vec!["custom-attributes".into()],
            Call::Make(Kind::Conversation) => vec!["conversations".into()],
            Call::Make(Kind::Import) => vec!["conversations".into(), "import".into()],
            Call::Conversation(id) => vec!["conversations".into(), known(id)],
            Call::Messages(id) => vec!["conversations".into(), id.to_string().into(), "messages".into()],
            Call::ConversationsOf(requester) => {
                vec!["endusers".into(), requester.as_str().into(), "conversations".into()]
            }
            Call::SetAttributes(id) => vec!["conversations".into(), known(id), "custom-attributes".into()],
        };
        [Cow::Borrowed("v1")].into_iter().chain(rest).collect()
    }

    /// Its path for people: with `{id}` for an id that is known after apply only.
    pub fn path(&self) -> String {
        format!("/{}", self.segments().join("/"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method(), self.path())
    }
}
