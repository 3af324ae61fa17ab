//! The calls that dixaform makes to Dixa.

use std::borrow::Cow;
use std::fmt;

use crate::conversation::{CUSTOM_ATTRIBUTES, ConversationId, EndUserId, Id, Kind};
use crate::end_user::Lookup;
use crate::handling;

/// What a call is about. It has no id if the change has yet to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Conversation(Option<ConversationId>),
    EndUser(Option<EndUserId>),
}

impl From<Id> for Subject {
    fn from(id: Id) -> Self {
        match id {
            Id::Conversation(id) => Subject::Conversation(Some(id)),
            Id::EndUser(id) => Subject::EndUser(Some(id)),
        }
    }
}

impl Subject {
    /// What a manifest of this kind describes, if it has this id.
    pub fn new(kind: Kind, id: Option<Id>) -> Self {
        match (id, kind) {
            (Some(id), _) => id.into(),
            (None, Kind::EndUser) => Subject::EndUser(None),
            (None, Kind::Conversation | Kind::Import) => Subject::Conversation(None),
        }
    }

    /// The parts of its path: with `{id}` for an id that is known after apply only.
    fn segments(self) -> [Cow<'static, str>; 2] {
        let (things, id) = match self {
            Subject::Conversation(id) => ("conversations", id.map(|id| id.to_string())),
            Subject::EndUser(id) => ("endusers", id.map(|id| id.to_string())),
        };
        [things.into(), id.map_or("{id}".into(), Cow::Owned)]
    }
}

/// One call, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Whose tenant is this?
    Organization,
    /// Which custom attributes does it have?
    Definitions,
    /// Which agents?
    Agents,
    /// Which agents have this e-mail address?
    AgentsBy(String),
    /// Is this agent there?
    Agent(String),
    /// Is this queue there?
    Queue(String),
    /// Which queues?
    Queues,
    /// Which tags, inactive ones among them?
    Tags,
    /// Which mailboxes and phone numbers?
    ContactEndpoints,
    /// Make a conversation or an end user.
    Make(Kind),
    /// Read a conversation with its attributes.
    One(Subject),
    /// Read the messages of a conversation.
    Messages(ConversationId),
    /// List the conversations of an end user.
    ConversationsOf(String),
    /// Look up an end user.
    EndUsersBy(Lookup),
    /// Set members of an end user.
    Change(Subject),
    /// Set custom attributes.
    SetAttributes(Subject),
    /// Read the tags of a conversation.
    TagsOf(Subject),
    /// Make the tag of this name, or find it.
    MakeTag(String),
    /// Put a tag on: its id, or, before that is known, its name in braces.
    PutTag(Subject, String),
    /// Take a tag off: its id.
    TakeTag(Subject, String),
    /// Put it into a queue.
    Transfer(Subject),
    /// Assign it to an agent.
    Claim(Subject),
    Close(Subject),
    Reopen(Subject),
}

impl Call {
    pub fn method(&self) -> &'static str {
        match self {
            Call::Make(_) | Call::MakeTag(_) => "POST",
            Call::Change(_) | Call::SetAttributes(_) => "PATCH",
            Call::PutTag(..) | Call::Transfer(_) | Call::Claim(_) | Call::Close(_) | Call::Reopen(_) => "PUT",
            Call::TakeTag(..) => "DELETE",
            Call::Organization
            | Call::Definitions
            | Call::Agents
            | Call::AgentsBy(_)
            | Call::Agent(_)
            | Call::Queue(_)
            | Call::Queues
            | Call::Tags
            | Call::TagsOf(_)
            | Call::ContactEndpoints
            | Call::One(_)
            | Call::Messages(_)
            | Call::ConversationsOf(_)
            | Call::EndUsersBy(_) => "GET",
        }
    }

    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        self.method() != "GET"
    }

    /// The member of a spec that it sets beside the content, if it sets one.
    pub fn member(&self) -> Option<&'static str> {
        match self {
            Call::SetAttributes(_) => Some(CUSTOM_ATTRIBUTES),
            Call::MakeTag(_) | Call::PutTag(..) | Call::TakeTag(..) => Some(handling::TAGS),
            Call::Transfer(_) => Some(handling::QUEUE),
            Call::Claim(_) => Some(handling::ASSIGNEE),
            Call::Close(_) | Call::Reopen(_) => Some(handling::STATE),
            _ => None,
        }
    }

    /// What it sets, for "its … written": the noun, its verb, and what is done to it.
    pub fn sets(&self) -> [&'static str; 3] {
        match self.member() {
            Some(handling::TAGS) => ["tags", "were", "set"],
            Some(handling::QUEUE) => ["queue", "was", "set"],
            Some(handling::ASSIGNEE) => ["assignee", "was", "set"],
            Some(handling::STATE) => ["state", "was", "set"],
            _ => ["attributes", "were", "written"],
        }
    }

    /// The parts of its path, as they are before they are encoded for a URL.
    pub fn segments(&self) -> Vec<Cow<'_, str>> {
        let rest = match self {
            Call::Organization => vec!["organization".into()],
            Call::Definitions => vec!["custom-attributes".into()],
            Call::Agents | Call::AgentsBy(_) => vec!["agents".into()],
            Call::Queues => vec!["queues".into()],
            Call::Agent(id) => vec!["agents".into(), id.as_str().into()],
            Call::Queue(id) => vec!["queues".into(), id.as_str().into()],
            Call::Tags | Call::MakeTag(_) => vec!["tags".into()],
            Call::ContactEndpoints => vec!["contact-endpoints".into()],
            Call::Make(Kind::EndUser) | Call::EndUsersBy(_) => vec!["endusers".into()],
            Call::Make(Kind::Conversation) => vec!["conversations".into()],
            Call::Make(Kind::Import) => vec!["conversations".into(), "import".into()],
            Call::One(subject) => subject.segments().into(),
            Call::Messages(id) => vec!["conversations".into(), id.to_string().into(), "messages".into()],
            Call::ConversationsOf(requester) => {
                vec!["endusers".into(), requester.as_str().into(), "conversations".into()]
            }
            Call::Change(subject) => subject.segments().into(),
            Call::SetAttributes(subject) => below(*subject, ["custom-attributes"]),
            Call::TagsOf(subject) => below(*subject, ["tags"]),
            Call::PutTag(subject, tag) | Call::TakeTag(subject, tag) => below(*subject, ["tags", tag]),
            Call::Transfer(subject) => below(*subject, ["transfer", "queue"]),
            Call::Claim(subject) => below(*subject, ["claim"]),
            Call::Close(subject) => below(*subject, ["close"]),
            Call::Reopen(subject) => below(*subject, ["reopen"]),
        };
        [Cow::Borrowed("v1")].into_iter().chain(rest).collect()
    }

    /// What is asked for behind the path: a name and its value, as they are before they are encoded for a URL.
    pub fn query(&self) -> Option<(&'static str, &str)> {
        match self {
            Call::Tags => Some(("includeDeactivated", "true")),
            Call::AgentsBy(email) => Some(("email", email)),
            Call::EndUsersBy(lookup) => Some((lookup.key.parameter(), &lookup.value)),
            _ => None,
        }
    }

    /// Its path for people: with `{id}` for an id that is known after apply only.
    pub fn path(&self) -> String {
        let path = format!("/{}", self.segments().join("/"));
        match self.query() {
            Some((name, value)) => format!("{path}?{name}={value}"),
            None => path,
        }
    }
}

/// A path below that of a thing.
fn below<'s, const N: usize>(subject: Subject, rest: [&'s str; N]) -> Vec<Cow<'s, str>> {
    subject.segments().into_iter().chain(rest.map(Cow::Borrowed)).collect()
}

impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method(), self.path())
    }
}
