//! Which members a request body can have, as tables: the source of checking, of the order in which members are shown,
//! and of the schema for editors.
//!
//! Facts from <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>,
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport> and
//! <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers>.

use crate::conversation::Kind;
use crate::handling::{ASSIGNEE, Openness, QUEUE, STATE, TAGS};

/// The members of one kind of map.
#[derive(Debug)]
pub struct Shape {
    /// The value of `_type` for a variant of a [`Union`], else a word for messages.
    pub name: &'static str,
    /// In the order in which they are shown. A variant's `_type` is not listed.
    pub members: &'static [Member],
}

impl Shape {
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.position(name, 0).map(|(_, member)| member)
    }

    /// A member and its position among all of them, which is below 64. It is looked for from the position `likely` on
    /// first: most maps are written in the order of the documentation.
    pub fn position(&self, name: &str, likely: usize) -> Option<(usize, &'static Member)> {
        let (before, after) = self.members.split_at(likely.min(self.members.len()));
        let at = |members: &[Member]| members.iter().position(|member| member.name == name);
        let position = at(after).map(|position| before.len() + position).or_else(|| at(before))?;
        Some((position, &self.members[position]))
    }
}

/// One member of a [`Shape`].
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    pub required: bool,
    pub form: Form,
    /// What it is, for people and editors.
    pub about: &'static str,
}

/// Maps that are told apart by their `_type`.
#[derive(Debug)]
pub struct Union {
    /// What the variants are, for messages: "a conversation", "a message".
    pub what: &'static str,
    pub variants: &'static [Shape],
    pub tag: Tag,
}

impl Union {
    pub fn variant(&self, name: &str) -> Option<&'static Shape> {
        self.variants.iter().find(|variant| variant.name == name)
    }
}

/// How the variants of a [`Union`] are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// By their `_type`, which has to be there.
    Required,
    /// There is one variant only, whose `_type` may be left out, and is sent all the same.
    Optional,
    /// There is one variant only, without a `_type`.
    None,
}

/// What a value must be.
#[derive(Debug)]
pub enum Form {
    /// A string that is not empty.
    Text,
    /// A string, perhaps empty.
    AnyText,
    /// A uuid in its hyphenated form.
    Uuid,
    /// The uuid of one of these, or its name.
    Reference(Thing),
    /// RFC 3339 with a zone, at most milliseconds needed by Dixa.
    Timestamp,
    /// An absolute http or https URL.
    Url,
    /// A string that is not empty; two letters, ISO 639-1, are documented.
    Language,
    /// A string that is not empty; the address of a mailbox is documented.
    EmailAddress,
    /// E.164: `+` and at most 15 digits.
    PhoneNumber,
    /// One of a closed set of words.
    Word(&'static [&'static str]),
    Map(&'static Shape),
    Union(&'static Union),
    List(&'static Form),
    /// A list in which nothing occurs twice.
    Set(&'static Form),
    /// A map with anything in it.
    Free,
}

/// What ids and names are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    EndUser,
    Agent,
    Queue,
}

impl Thing {
    /// What the value of a member is the id of; none where no member of this name has such an id.
    pub fn of_member(member: &str) -> Option<Self> {
        match member {
            "requesterId" | "cc" | "bcc" => Some(Thing::EndUser),
            "agentId" | "closedBy" | ASSIGNEE => Some(Thing::Agent),
            "queueId" | QUEUE => Some(Thing::Queue),
            _ => None,
        }
    }

    /// For messages.
    pub fn noun(self) -> &'static str {
        match self {
            Thing::EndUser => "end user",
            Thing::Agent => "agent",
            Thing::Queue => "queue",
        }
    }

    /// The same, with its article.
    pub fn one(self) -> &'static str {
        match self {
            Thing::EndUser => "an end user",
            Thing::Agent => "an agent",
            Thing::Queue => "a queue",
        }
    }

    /// The members that a name of it can have, and what each holds, in the order in which they are offered.
    pub fn keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Thing::EndUser => &[
                ("endUser", "The name of the manifest that describes the end user"),
                ("email", "The end user's e-mail address"),
                ("phone", "The end user's phone number, E.164"),
                ("externalId", "The end user's external id"),
            ],
            Thing::Agent => &[("email", "The agent's address")],
            Thing::Queue => &[("name", "The queue's name")],
        }
    }
}

const fn required(name: &'static str, form: Form, about: &'static str) -> Member {
    Member { name, required: true, form, about }
}

const fn optional(name: &'static str, form: Form, about: &'static str) -> Member {
    Member { name, required: false, form, about }
}

/// The body that a kind of manifest describes.
pub fn body(kind: Kind) -> &'static Union {
    match kind {
        Kind::EndUser => &END_USER,
        Kind::Conversation => &CONVERSATION,
        Kind::Import => &IMPORT,
    }
}

/// What a spec of a conversation or an import says beside the body: how it is handled once it is there.
pub static HANDLING: Shape = Shape {
    name: "handling",
    members: &[
        optional(TAGS, Form::Set(&NAME_FORM), "Tags by name; one that is missing in the tenant is made"),
        optional(QUEUE, QUEUE_ID, "The queue to put it in"),
        optional(ASSIGNEE, AGENT_ID, "The agent to assign it to, even if another agent has it"),
        optional(STATE, Form::Word(&Openness::WORDS), "Whether it is open or closed"),
    ],
};

static NAME_FORM: Form = Form::Text;
static PHONE_NUMBER_FORM: Form = Form::PhoneNumber;

static END_USER: Union = Union {
    what: "an end user",
    tag: Tag::None,
    variants: &[Shape {
        name: "EndUser",
        members: &[
            optional("displayName", Form::Text, "The name that agents see"),
            optional("email", Form::EmailAddress, "The e-mail address; no other end user may have it"),
            optional("phoneNumber", Form::PhoneNumber, "The phone number, E.164; no other end user may have it"),
            optional("additionalEmails", Form::Set(&EMAIL_ADDRESS_FORM), "More e-mail addresses"),
            optional("additionalPhoneNumbers", Form::Set(&PHONE_NUMBER_FORM), "More phone numbers, E.164"),
            optional("firstName", Form::Text, "The first name"),
            optional("lastName", Form::Text, "The last name"),
            optional("middleNames", Form::Set(&NAME_FORM), "The names between"),
            optional("avatarUrl", Form::Url, "A picture; Dixa makes a copy of it"),
            optional("externalId", Form::Text, "Your own reference; dixaform sets one if there is none"),
        ],
    }],
};

/// The channel names that Dixa's documentation gives for an import; others are passed on with a warning.
pub const KNOWN_CHANNEL_NAMES: &[&str] = &["email", "genericapimessaging", "widgetchat"];

/// What a channel documents of the `attributes` of imports, and of those of their messages.
#[derive(Debug)]
pub struct Channel {
    pub name: &'static str,
    pub attributes: Shape,
    pub inbound: Shape,
    pub outbound: Shape,
}

/// The channel of a name; none for one that Dixa does not document.
pub fn channel(name: &str) -> Option<&'static Channel> {
    CHANNELS.iter().find(|channel| channel.name == name)
}

const fn attributes(members: &'static [Member]) -> Shape {
    Shape { name: "attributes", members }
}

static EMAIL_ADDRESS_FORM: Form = Form::EmailAddress;

pub static CHANNELS: [Channel; 3] = [
    Channel {
        name: "email",
        attributes: attributes(&[EMAIL_INTEGRATION, SUBJECT]),
        inbound: attributes(&[
            EMAIL_INTEGRATION,
            optional("requesterId", END_USER_ID, "The end user who wrote it, if it is not the requester"),
        ]),
        outbound: attributes(&[
            EMAIL_INTEGRATION,
            optional("cc", Form::List(&EMAIL_ADDRESS_FORM), "Addresses that got a copy"),
            optional("bcc", Form::List(&EMAIL_ADDRESS_FORM), "Addresses that got a hidden copy"),
        ]),
    },
    Channel {
        name: "genericapimessaging",
        attributes: attributes(&[]),
        inbound: attributes(&[]),
        outbound: attributes(&[]),
    },
    Channel {
        name: "widgetchat",
        attributes: attributes(&[
            optional("widgetId", Form::Uuid, "The chat widget"),
            optional("browserInfo", Form::Map(&BROWSER_INFO), "The customer's browser"),
            LANGUAGE,
        ]),
        inbound: attributes(&[]),
        outbound: attributes(&[]),
    },
];

const END_USER_ID: Form = Form::Reference(Thing::EndUser);
const AGENT_ID: Form = Form::Reference(Thing::Agent);
const QUEUE_ID: Form = Form::Reference(Thing::Queue);
const DIRECTIONS: &[&str] = &["Inbound", "Outbound"];
const REQUESTER: Member = required("requesterId", END_USER_ID, "The end user who requests the conversation");
const EMAIL_INTEGRATION: Member =
    required("emailIntegrationId", Form::Text, "The email integration, `<name>@email.dixa.io`");
const SUBJECT: Member = required("subject", Form::AnyText, "The subject line");
const MESSAGE: Member = required("message", Form::Union(&MESSAGES), "The first message");
const LANGUAGE: Member =
    optional("language", Form::Language, "The language of the conversation, two letters as in ISO 639-1");

static CONVERSATION: Union = Union {
    what: "a conversation",
    tag: Tag::Required,
    variants: &[
        Shape { name: "Email", members: &[REQUESTER, EMAIL_INTEGRATION, SUBJECT, LANGUAGE, MESSAGE] },
        Shape { name: "ContactForm", members: &[REQUESTER, EMAIL_INTEGRATION, SUBJECT, LANGUAGE, MESSAGE] },
        Shape {
            name: "Sms",
            members: &[
                REQUESTER,
                required("contactEndpointId", Form::PhoneNumber, "The SMS-enabled number to send from, E.164"),
                required("message", Form::Union(&OUTBOUND_MESSAGES), "The first message, Outbound only"),
            ],
        },
        Shape {
            name: "Chat",
            members: &[
                REQUESTER,
                required("widgetId", Form::Uuid, "The chat widget"),
                LANGUAGE,
                optional("browserInfo", Form::Map(&BROWSER_INFO), "The customer's browser"),
                MESSAGE,
            ],
        },
        Shape {
            name: "Callback",
            members: &[
                REQUESTER,
                required("direction", Form::Word(DIRECTIONS), "Who calls whom"),
                required("contactEndpointId", Form::Text, "The contact endpoint to call from"),
                required("queueId", QUEUE_ID, "The queue that the callback waits in"),
            ],
        },
    ],
};

static BROWSER_INFO: Shape = Shape {
    name: "browserInfo",
    members: &[
        required("name", Form::Text, "The name of the browser"),
        optional("version", Form::AnyText, "The version of the browser"),
        optional("ipAddress", Form::AnyText, "The customer's address"),
        optional("originatingUrl", Form::Url, "The page that the chat was opened on"),
    ],
};

/// How the text of a message can be written.
pub const CONTENT_TYPES: &[&str] = &["Text", "Html", "Markdown"];

static CONTENT: Shape = Shape {
    name: "content",
    members: &[
        required("_type", Form::Word(CONTENT_TYPES), "How the value is written"),
        required("value", Form::AnyText, "The text of the message"),
    ],
};

static ATTACHMENT: Shape = Shape {
    name: "attachment",
    members: &[
        required("url", Form::Url, "Where Dixa downloads the file from"),
        optional("prettyName", Form::AnyText, "The name that people see"),
    ],
};

static ATTACHMENT_FORM: Form = Form::Map(&ATTACHMENT);
static END_USER_FORM: Form = END_USER_ID;
static IMPORT_MESSAGE_FORM: Form = Form::Union(&IMPORT_MESSAGES);

const CONTENT_MEMBER: Member = required("content", Form::Map(&CONTENT), "What the message says");
const ATTACHMENTS: Member =
    optional("attachments", Form::List(&ATTACHMENT_FORM), "Files; Dixa downloads and keeps each");
const MESSAGE_EXTERNAL_ID: Member = optional("externalId", Form::Text, "Your own reference for the message");
const INTEGRATION_EMAIL: Member =
    optional("integrationEmail", Form::Text, "The email integration of this message, `<name>@email.dixa.io`");
const AUTHOR: Member = required("agentId", AGENT_ID, "The agent who wrote it");

static OUTBOUND_MEMBERS: [Member; 7] = [
    AUTHOR,
    CONTENT_MEMBER,
    ATTACHMENTS,
    MESSAGE_EXTERNAL_ID,
    INTEGRATION_EMAIL,
    optional("cc", Form::List(&END_USER_FORM), "End users who get a copy"),
    optional("bcc", Form::List(&END_USER_FORM), "End users who get a hidden copy"),
];

static MESSAGES: Union = Union {
    what: "a message",
    tag: Tag::Required,
    variants: &[
        Shape { name: "Inbound", members: &[CONTENT_MEMBER, ATTACHMENTS, MESSAGE_EXTERNAL_ID, INTEGRATION_EMAIL] },
        Shape { name: "Outbound", members: &OUTBOUND_MEMBERS },
    ],
};

static OUTBOUND_MESSAGES: Union = Union {
    what: "a message of an Sms conversation",
    tag: Tag::Required,
    variants: &[Shape { name: "Outbound", members: &OUTBOUND_MEMBERS }],
};

static IMPORT: Union = Union {
    what: "an import",
    tag: Tag::Optional,
    variants: &[Shape {
        name: "GenericConversationImport",
        members: &[
            required(
                "genericChannelName",
                Form::Text,
                "The channel: email, genericapimessaging, or another that Dixa knows",
            ),
            REQUESTER,
            optional(
                "requesterConnectionStatus",
                Form::Word(&["Connected", "Disconnected"]),
                "Whether the customer is there to read answers",
            ),
            required("direction", Form::Word(DIRECTIONS), "Who started the conversation"),
            required("createdAt", Form::Timestamp, "When the conversation began"),
            optional("externalId", Form::Text, "Your own reference for the conversation; Dixa never returns it"),
            optional("attributes", Form::Free, "What the channel needs to know; not custom attributes"),
            optional("assignment", Form::Map(&ASSIGNMENT), "The agent that it is assigned to"),
            optional("closing", Form::Map(&CLOSING), "Closes the conversation"),
            optional("messages", Form::List(&IMPORT_MESSAGE_FORM), "Its messages, oldest first"),
        ],
    }],
};

static ASSIGNMENT: Shape = Shape {
    name: "assignment",
    members: &[
        required("agentId", AGENT_ID, "The agent"),
        required("assignedAt", Form::Timestamp, "When it was assigned"),
    ],
};

static CLOSING: Shape = Shape {
    name: "closing",
    members: &[
        required("closedAt", Form::Timestamp, "When it was closed"),
        required("closedBy", AGENT_ID, "The agent who closed it"),
    ],
};

const IMPORT_CREATED_AT: Member = required("createdAt", Form::Timestamp, "When the message was written");
const IMPORT_ATTRIBUTES: Member =
    optional("attributes", Form::Free, "What the channel needs to know about the message");

static IMPORT_MESSAGES: Union = Union {
    what: "an imported message",
    tag: Tag::Required,
    variants: &[
        Shape {
            name: "InboundImport",
            members: &[IMPORT_CREATED_AT, CONTENT_MEMBER, ATTACHMENTS, MESSAGE_EXTERNAL_ID, IMPORT_ATTRIBUTES],
        },
        Shape {
            name: "OutboundImport",
            members: &[AUTHOR, IMPORT_CREATED_AT, CONTENT_MEMBER, ATTACHMENTS, MESSAGE_EXTERNAL_ID, IMPORT_ATTRIBUTES],
        },
    ],
};
