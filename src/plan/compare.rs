//! Whether a conversation that Dixa gives back is the one that is described: thing by thing, as far as both sides know.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::conversation::Kind;
use crate::plan::described::{Alike, Described, Outcome, lies_in};
use crate::reading::{ConversationReading, MessageReading};

/// What both sides can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Requester,
    Channel,
    Direction,
    Mailbox,
    ContactEndpoint,
    Subject,
    Language,
    Queue,
    CreatedAt,
    /// How many messages there are.
    Messages,
    /// One message, beginning with 1, in the order of time.
    Message(usize, Part),
}

/// What both sides can know of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Text,
    Direction,
    ExternalId,
    Author,
    CreatedAt,
}

impl Thing {
    /// Whether another one says that it is another conversation.
    pub fn is_identity(self) -> bool {
        matches!(self, Thing::Requester | Thing::Channel)
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Thing::Requester => "requester",
            Thing::Channel => "channel",
            Thing::Direction => "direction",
            Thing::Mailbox => "mailbox",
            Thing::ContactEndpoint => "contact endpoint",
            Thing::Subject => "subject",
            Thing::Language => "language",
            Thing::Queue => "queue",
            Thing::CreatedAt => "createdAt",
            Thing::Messages => "number of messages",
            Thing::Message(number, part) => {
                let part = match part {
                    Part::Text => "text",
                    Part::Direction => "direction",
                    Part::ExternalId => "externalId",
                    Part::Author => "author",
                    Part::CreatedAt => "createdAt",
                };
                return write!(out, "message {number}: {part}");
            }
        };
        out.write_str(word)
    }
}

/// What both sides know, and whether it is the same. What one of them doesn't know is not here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison(Vec<(Thing, Outcome)>);

/// One thing that is otherwise in Dixa.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// What it is, in plain words: `subject`, `message 2: text`.
    pub thing: String,
    /// None where only a digest of it was kept.
    pub described: Option<Value>,
    /// Null where nothing is there.
    pub found: Value,
}

/// Whether a conversation is the one that is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is not, for this reason.
    No(String),
    /// Nothing says that it isn't, and not enough says that it is.
    Perhaps,
    Yes,
}

impl Comparison {
    pub fn iter(&self) -> impl Iterator<Item = (Thing, &Outcome)> {
        self.0.iter().map(|(thing, outcome)| (*thing, outcome))
    }

    pub fn of(&self, thing: Thing) -> Option<&Outcome> {
        self.iter().find(|(one, _)| *one == thing).map(|(_, outcome)| outcome)
    }

    /// What is different: the thing, what is described, if that was kept, and what is there.
    pub fn differences(&self) -> impl Iterator<Item = (Thing, Option<&Value>, &Value)> {
        self.iter().filter_map(|(thing, outcome)| match outcome {
            Outcome::Different { described, found } => Some((thing, described.as_ref(), found)),
            Outcome::Same | Outcome::Uncertain => None,
        })
    }

    /// Whether another channel or requester says that it is another conversation.
    pub fn is_another(&self) -> bool {
        self.differences().any(|(thing, ..)| thing.is_identity())
    }

    /// What is different, in plain words.
    pub fn deviations(&self) -> Vec<Deviation> {
        let deviation = |(thing, described, found): (Thing, Option<&Value>, &Value)| Deviation {
            thing: thing.to_string(),
            described: described.cloned(),
            found: found.clone(),
        };
        self.differences().map(deviation).collect()
    }

    fn add(&mut self, thing: Thing, outcome: Option<Outcome>) {
        self.0.extend(outcome.map(|outcome| (thing, outcome)));
    }
}

/// Holds a conversation, and its messages if they were read, against what is described.
pub fn compare(
    described: &Described<'_>,
    reading: &ConversationReading,
    messages: Option<&[MessageReading]>,
) -> Comparison {
    let mut comparison = Comparison::default();
    let is_import = described.kind == Kind::Import;
    let at = |create: &'static str, import: &'static str| if is_import { import } else { create };
    let says = |pointer: &str, found: &Option<String>, alike| described.says(pointer, found.as_deref()?, alike);
    let requester = reading.requester_id.as_deref().and_then(|found| described.requester(found));
    comparison.add(Thing::Requester, requester);
    comparison.add(Thing::Channel, channel(described, reading));
    comparison.add(Thing::Direction, direction(described, &["/direction", "/message/_type"], &reading.direction));
    let mailbox = at("/emailIntegrationId", "/attributes/emailIntegrationId");
    comparison.add(Thing::Mailbox, says(mailbox, &reading.integration_email, Alike::Address));
    comparison.add(Thing::ContactEndpoint, contact_endpoint(described, reading));
    comparison.add(Thing::Subject, says(at("/subject", "/attributes/subject"), &reading.subject, Alike::Text));
    comparison.add(Thing::Language, says(at("/language", "/attributes/language"), &reading.language, Alike::Address));
    // Whoever answers a callback takes it out of its queue, and may put it into another.
    let queue = says("/queueId", &reading.queue_id, Alike::Id);
    comparison
        .add(Thing::Queue, queue.map(|outcome| if outcome == Outcome::Same { outcome } else { Outcome::Uncertain }));
    comparison.add(Thing::CreatedAt, says("/createdAt", &reading.created_at, Alike::Instant));
    if let Some(messages) = messages {
        self::messages(described, messages, &mut comparison);
    }
    comparison
}

/// Whether this is the conversation that a call of this description has made.
///
/// An import says itself when it was created. Any other conversation was created in `window`: not before the call
/// began, and not after what was sent may have arrived; one that was not is perhaps the same all the same, since clocks
/// differ. Without its messages, if there are any, one is never surely the same.
pub fn fit(
    described: &Described<'_>,
    reading: &ConversationReading,
    messages: Option<&[MessageReading]>,
    window: (Timestamp, Timestamp),
) -> Fit {
    let comparison = compare(described, reading, messages);
    // What it was written in is Dixa's guess where nobody said.
    let decisive = comparison.differences().find(|(thing, ..)| *thing != Thing::Language);
    if let Some((thing, described, found)) = decisive {
        let described = described.map_or_else(|| "what was sent".to_owned(), Value::to_string);
        return Fit::No(format!("{thing} is {found}, not {described}"));
    }
    let created_at = reading.created_at.as_deref();
    let in_time = match described.kind {
        Kind::Import => comparison.of(Thing::CreatedAt) == Some(&Outcome::Same),
        Kind::EndUser | Kind::Conversation => created_at.and_then(|found| lies_in(found, window)) == Some(true),
    };
    let all_same = comparison.iter().all(|(_, outcome)| *outcome == Outcome::Same);
    let known =
        [Thing::Requester, Thing::Channel, Thing::Direction].iter().all(|thing| comparison.of(*thing).is_some());
    let read = messages.is_some() || described.messages().is_empty();
    if in_time && all_same && known && read { Fit::Yes } else { Fit::Perhaps }
}

/// The words that are documented for the channel of a conversation; another word says nothing.
/// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
const CHANNELS: [&str; 11] = [
    "WhatsApp",
    "Voicemail",
    "WidgetChat",
    "FacebookMessenger",
    "Twitter",
    "Email",
    "ContactForm",
    "Callback",
    "PstnPhone",
    "Sms",
    "Messenger",
];

/// How the channel of a creation reads back, and how it perhaps does, too, since that is not documented.
const CREATED: [(&str, &str, &str); 5] = [
    ("Email", "Email", ""),
    ("ContactForm", "ContactForm", ""),
    ("Sms", "Sms", ""),
    ("Chat", "WidgetChat", "Messenger"),
    ("Callback", "Callback", "PstnPhone"),
];

/// The same of an import, by its `genericChannelName`; others are free words.
const IMPORTED: [(&str, &str, &str); 2] = [("email", "Email", ""), ("widgetchat", "WidgetChat", "Messenger")];

fn channel(described: &Described<'_>, reading: &ConversationReading) -> Option<Outcome> {
    let found = reading.channel.as_deref()?;
    let (pointer, rows) = match described.kind {
        Kind::EndUser | Kind::Conversation => ("/_type", CREATED.as_slice()),
        Kind::Import => ("/genericChannelName", IMPORTED.as_slice()),
    };
    let is_documented = CHANNELS.contains(&found);
    if let Some(word) = described.word(pointer, rows.iter().map(|(word, ..)| *word)) {
        let (_, expected, perhaps) = rows.iter().find(|(row, ..)| *row == word)?;
        return match found {
            _ if found == *expected => Some(Outcome::Same),
            _ if found == *perhaps => Some(Outcome::Uncertain),
            _ if !is_documented => None,
            _ => Some(Outcome::Different { described: Some(word.into()), found: found.into() }),
        };
    }
    // How a channel of a free name reads is not documented either; a generic one is of no other kind.
    let same_name = matches!(described.says(pointer, found, Alike::Address)?, Outcome::Same);
    let is_generic = !is_documented && reading.variant.as_deref() == Some("GenericConversation");
    Some(if same_name || is_generic { Outcome::Same } else { Outcome::Uncertain })
}

/// The first of these members that says a direction says it for good.
fn direction(described: &Described<'_>, pointers: &[&str], found: &Option<String>) -> Option<Outcome> {
    const WORDS: [(&str, &str); 4] = [
        ("Inbound", "Inbound"),
        ("Outbound", "Outbound"),
        ("InboundImport", "Inbound"),
        ("OutboundImport", "Outbound"),
    ];
    let found = found.as_deref().filter(|found| ["Inbound", "Outbound", "Internal"].contains(found))?;
    let words = || WORDS.iter().map(|(word, _)| *word);
    let word = pointers.iter().find_map(|pointer| described.word(pointer, words()))?;
    let (_, expected) = WORDS.iter().find(|(row, _)| *row == word)?;
    Some(match found == *expected {
        true => Outcome::Same,
        false => Outcome::Different { described: Some((*expected).into()), found: found.into() },
    })
}

/// One end of the conversation is ours; which one has which name is not documented.
fn contact_endpoint(described: &Described<'_>, reading: &ConversationReading) -> Option<Outcome> {
    let ends = [&reading.from, &reading.to].into_iter().flatten();
    let said: Vec<Outcome> = ends.filter_map(|end| described.says("/contactEndpointId", end, Alike::Text)).collect();
    if said.contains(&Outcome::Same) {
        return Some(Outcome::Same);
    }
    match said.len() {
        0 => None,
        1 => Some(Outcome::Uncertain),
        _ => said.into_iter().next(),
    }
}

/// Each described message must be there, in this order. Others between them are replies, or Dixa's own.
fn messages(described: &Described<'_>, found: &[MessageReading], comparison: &mut Comparison) {
    let pointers = described.messages();
    let count = match found.len().cmp(&pointers.len()) {
        Ordering::Less => Outcome::Different { described: Some(pointers.len().into()), found: found.len().into() },
        Ordering::Equal => Outcome::Same,
        Ordering::Greater => Outcome::Uncertain,
    };
    comparison.add(Thing::Messages, Some(count));
    let mut next = 0;
    for (index, pointer) in pointers.iter().enumerate() {
        let is_it = |message: &MessageReading| has_text(described, pointer, message);
        let ahead = found.get(next..).unwrap_or_default().iter().position(is_it).unwrap_or(0);
        let message = found.get(next + ahead);
        next += ahead + 1;
        let text = match message.map(|message| described.says(&text_of(pointer), message.text.as_deref()?, Alike::Text))
        {
            // Of messages of one instant Dixa may give any first.
            Some(Some(Outcome::Different { .. })) | None if found.iter().any(is_it) => Some(Outcome::Uncertain),
            // That one of them is missing is said already.
            None if found.len() < pointers.len() => return,
            None => Some(Outcome::Different { described: described.text(&text_of(pointer)), found: Value::Null }),
            Some(text) => text,
        };
        let is_paired = text == Some(Outcome::Same) || text.is_none() && (pointers.len() == 1 || described.is_whole());
        comparison.add(Thing::Message(index + 1, Part::Text), text);
        if let Some(message) = message.filter(|_| is_paired) {
            parts(described, pointer, message, |part, outcome| {
                comparison.add(Thing::Message(index + 1, part), outcome)
            });
        }
    }
}

/// What a message has besides its text.
fn parts(
    described: &Described<'_>,
    pointer: &str,
    message: &MessageReading,
    mut add: impl FnMut(Part, Option<Outcome>),
) {
    let says = |member: &str, found: &Option<String>, alike| {
        described.says(&format!("{pointer}/{member}"), found.as_deref()?, alike)
    };
    add(Part::Direction, direction(described, &[&format!("{pointer}/_type")], &message.direction));
    add(Part::ExternalId, says("externalId", &message.external_id, Alike::Text));
    add(Part::Author, says("agentId", &message.author_id, Alike::Id));
    add(Part::CreatedAt, says("createdAt", &message.created_at, Alike::Instant));
}

fn text_of(pointer: &str) -> String {
    format!("{pointer}/content/value")
}

fn has_text(described: &Described<'_>, pointer: &str, message: &MessageReading) -> bool {
    let said = message.text.as_deref().and_then(|found| described.says(&text_of(pointer), found, Alike::Text));
    said == Some(Outcome::Same)
}

#[cfg(test)]
mod tests;
