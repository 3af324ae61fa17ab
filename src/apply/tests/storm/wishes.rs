//! What a round wants to exist: manifests of all kinds.
//!
//! What is alike can't be told apart by looking at the tenant: many have the same subject and text.
//! Only [`key_of`] knows whose a body is, by a member that no reading gives back.

use serde_json::{Map, Value};

use crate::apply::tests::TEXT;
use crate::apply::tests::storm::care::Care;
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::people::Person;
use crate::conversation::Kind;

/// An end user of many who were there before; rounds have few.
pub(super) fn requester(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The e-mail address of one of them.
pub(super) fn requester_email(number: usize) -> String {
    format!("known-{number}@example.com")
}

const REQUESTERS: usize = 2;

/// Who requests a conversation.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// One of those who were there before.
    Known(usize),
    /// The end user that the manifest of this name describes.
    Person(String),
}

/// Who requests a conversation, and how its manifest says so.
#[derive(Clone, Debug)]
pub(super) struct Requester {
    pub(super) who: Who,
    written: String,
}

impl Requester {
    pub(super) fn known(number: usize) -> Self {
        Requester { who: Who::Known(number), written: requester(number) }
    }

    pub(super) fn of(person: &Person, chance: &mut Chance) -> Self {
        Requester { who: Who::Person(person.name.clone()), written: person.named(chance) }
    }

    /// The manifest names the same end user in another way, which is no change.
    pub(super) fn rename(&mut self, people: &[Person], chance: &mut Chance) {
        if let Who::Person(name) = &self.who
            && let Some(person) = people.iter().find(|person| person.name == *name)
        {
            self.written = person.named(chance);
        }
    }

    fn draw(people: &[Person], chance: &mut Chance) -> Self {
        if !people.is_empty() && chance.percent(60) {
            return Requester::of(&people[chance.of(0..people.len())], chance);
        }
        let number = chance.of(0..REQUESTERS);
        match chance.percent(25) {
            true => {
                let written = format!("{{email: {}}}", requester_email(number));
                Requester { written, ..Requester::known(number) }
            }
            false => Requester::known(number),
        }
    }
}

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Email,
    OutboundEmail,
    ContactForm,
    OutboundContactForm,
    Chat,
    Sms,
    Callback,
    OutboundCallback,
    Import,
    OutboundImport,
    EmptyImport,
}

impl Sort {
    pub(super) const ALL: [Sort; 11] = [
        Sort::Email,
        Sort::OutboundEmail,
        Sort::ContactForm,
        Sort::OutboundContactForm,
        Sort::Chat,
        Sort::Sms,
        Sort::Callback,
        Sort::OutboundCallback,
        Sort::Import,
        Sort::OutboundImport,
        Sort::EmptyImport,
    ];

    pub(super) fn kind(self) -> Kind {
        match self {
            Sort::Import | Sort::OutboundImport | Sort::EmptyImport => Kind::Import,
            _ => Kind::Conversation,
        }
    }

    pub(super) fn has_message(self) -> bool {
        !matches!(self, Sort::Callback | Sort::OutboundCallback | Sort::EmptyImport)
    }

    pub(super) fn reaches_customer(self) -> bool {
        matches!(self, Sort::OutboundEmail | Sort::OutboundContactForm | Sort::Sms)
    }
}

/// One manifest.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) name: String,
    pub(super) sort: Sort,
    pub(super) requester: Requester,
    /// Another content, which replaces the one before.
    pub(super) version: u32,
    /// The value of an attribute.
    pub(super) note: Option<u32>,
    /// The attribute is named, and not given by its id.
    pub(super) names_note: bool,
    /// The manifest has an `externalId` of its own.
    pub(super) own_mark: bool,
    pub(super) care: Care,
}

impl Wish {
    pub(super) fn draw(number: usize, people: &[Person], chance: &mut Chance) -> Self {
        let sort = chance.pick(&Sort::ALL);
        Wish {
            name: format!("m{number}"),
            sort,
            requester: Requester::draw(people, chance),
            version: 0,
            note: chance.percent(50).then_some(1),
            names_note: chance.percent(20),
            own_mark: sort.has_message() && chance.percent(15),
            care: Care::draw(chance),
        }
    }

    pub(super) fn address(&self) -> String {
        match self.sort.kind() {
            Kind::EndUser => format!("enduser.{}", self.name),
            Kind::Conversation => format!("conversation.{}", self.name),
            Kind::Import => format!("import.{}", self.name),
        }
    }

    /// Whose a conversation is: the address and the version of its content.
    pub(super) fn key(&self) -> Key {
        Key { name: self.name.clone(), version: self.version }
    }

    pub(super) fn yaml(&self) -> String {
        let Wish { name, note, .. } = self;
        let kind = if self.sort.kind() == Kind::Import { "ConversationImport" } else { "Conversation" };
        let attribute = if self.names_note { "note" } else { TEXT };
        let note = note.map(|note| format!("\n  customAttributes: {{{attribute}: note-{note}}}")).unwrap_or_default();
        format!(
            "---\napiVersion: dixaform/v1\nkind: {kind}\nmetadata: {{name: {name}, annotations: {{dixaform/on-change: \
             replace}}}}\nspec:\n  requesterId: {}\n  {}{note}{}\n",
            self.requester.written,
            self.body().join("\n  "),
            self.care.yaml()
        )
    }

    fn body(&self) -> Vec<String> {
        let key = self.key().text();
        let line = |text: &str| text.to_owned();
        let mail = || vec![line("emailIntegrationId: my-integration@email.dixa.io"), line("subject: Hello")];
        let with = |first: &str, mut rest: Vec<String>, message: String| {
            rest.insert(0, format!("_type: {first}"));
            rest.push(format!("message: {message}"));
            rest
        };
        let inbound = || self.message("_type: Inbound");
        let outbound = || self.message("_type: Outbound, agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b");
        let call = |direction: &str| {
            vec![
                line("_type: Callback"),
                format!("direction: {direction}"),
                format!("contactEndpointId: '{}'", self.key().number()),
                line("queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97"),
            ]
        };
        let import = || {
            vec![
                line("genericChannelName: genericapimessaging"),
                line("direction: Inbound"),
                line("createdAt: 2021-12-01T11:00:00Z"),
            ]
        };
        let imported = |kind: &str| format!("messages: [{}]", self.message(kind));
        let at = "createdAt: 2021-12-01T11:00:00Z";
        match self.sort {
            Sort::Email => with("Email", mail(), inbound()),
            Sort::OutboundEmail => with("Email", mail(), outbound()),
            Sort::ContactForm => with("ContactForm", mail(), inbound()),
            Sort::OutboundContactForm => with("ContactForm", mail(), outbound()),
            Sort::Chat => with("Chat", vec![line("widgetId: 9f73bff1-8fd4-49e6-b7ca-cf725eb74f65")], inbound()),
            Sort::Sms => with("Sms", vec![line("contactEndpointId: '+4512345678'")], outbound()),
            Sort::Callback => call("Inbound"),
            Sort::OutboundCallback => call("Outbound"),
            Sort::Import => [import(), vec![imported(&format!("_type: InboundImport, {at}"))]].concat(),
            Sort::OutboundImport => {
                let agent = "agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";
                [import(), vec![imported(&format!("_type: OutboundImport, {agent}, {at}"))]].concat()
            }
            Sort::EmptyImport => [import(), vec![format!("externalId: {key}")]].concat(),
        }
    }

    fn message(&self, members: &str) -> String {
        let key = self.key().text();
        let mark = if self.own_mark { format!(", externalId: own-{key}") } else { String::new() };
        let attachments = format!("[{{url: 'https://example.com/{key}', prettyName: a}}]");
        format!("{{{members}{mark}, content: {{_type: Text, value: Hi}}, attachments: {attachments}}}")
    }
}

/// Whose a conversation or an end user is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) version: u32,
}

impl Key {
    /// As a telephone number.
    fn number(&self) -> String {
        let number: u32 = self.name.trim_start_matches('m').parse().expect("names have numbers");
        format!("+4599{number:03}{:02}", self.version)
    }

    fn of_number(text: &str) -> Option<Self> {
        let (number, version) = text.strip_prefix("+4599")?.split_at_checked(3)?;
        Some(Key { name: format!("m{}", number.parse::<u32>().ok()?), version: version.parse().ok()? })
    }

    fn text(&self) -> String {
        format!("{}-v{}", self.name, self.version)
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once("-v")?;
        Some(Key { name: name.to_owned(), version: version.parse().ok()? })
    }
}

/// Whose the body of a POST is.
pub(super) fn key_of(kind: Kind, body: &Map<String, Value>) -> Option<Key> {
    if kind == Kind::EndUser {
        return Some(Key { name: body.get("lastName")?.as_str()?.to_owned(), version: 0 });
    }
    let url = |message: &Value| Some(message.pointer("/attachments/0/url")?.as_str()?.to_owned());
    let message = body.get("message").or_else(|| body.get("messages")?.get(0)).and_then(url);
    let text = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
    match message {
        Some(url) => Key::parse(url.strip_prefix("https://example.com/")?),
        None => match text("contactEndpointId") {
            Some(number) => Key::of_number(&number),
            None => Key::parse(&text("externalId")?),
        },
    }
}
