//! What there is in a tenant, and what nobody who asks it can see: whose each conversation and end user is, when it was
//! made, and who has set what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use crate::api::{CallError, ConversationReading, MessageReading};
use crate::apply::tests::storm::care::QUEUES;
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::weather::{Climate, Fate, REQUEST_TIMEOUT, Setting, Weather, rejected};
use crate::apply::tests::storm::wishes::{Key, requester, requester_email};
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind};
use crate::end_user::Lookup;
use crate::handling::{self, Openness};

/// How many end users there are before anything is made.
const KNOWN: usize = 20;

/// What there is.
pub(super) struct World {
    pub(super) began: Instant,
    pub(super) climate: Climate,
    pub(super) weather: Weather,
    pub(super) chance: Chance,
    pub(super) made: Vec<Made>,
    pub(super) posted: Vec<Posted>,
    /// What was set of by a call of ours.
    pub(super) touched: BTreeSet<Id>,
    /// The names of the tags, and when they were made.
    pub(super) tags: BTreeMap<String, Instant>,
    /// The tags that other people have put on conversations.
    pub(super) theirs: BTreeSet<(Id, String)>,
    /// Who has set the queue, the assignee or the state of a conversation last.
    pub(super) set_by: BTreeMap<(Id, &'static str), By>,
    /// When the last call that sets something came.
    pub(super) set_at: Option<Instant>,
    /// What befalls one call for sure.
    pub(super) accident: Option<Accident>,
}

/// What befalls one call, of those that are still to come; 0 is the next one.
#[derive(Clone, Debug)]
pub(super) enum Accident {
    Post(usize, Fate),
    Set(usize, Setting),
    Read(usize, CallError),
}

/// Who has set something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Us,
    /// A call of ours, after it was answered.
    UsLate,
    Others,
}

/// A conversation or an end user.
pub(super) struct Made {
    pub(super) id: Id,
    /// None: it is not ours.
    pub(super) key: Option<Key>,
    pub(super) committed_at: Instant,
    pub(super) thing: Thing,
    /// Its attributes.
    pub(super) values: BTreeMap<String, Value>,
}

pub(super) enum Thing {
    Conversation(Box<Conversation>),
    EndUser { created_at: String, members: Map<String, Value> },
}

pub(super) struct Conversation {
    pub(super) reading: ConversationReading,
    pub(super) messages: Vec<MessageReading>,
    /// By name.
    pub(super) tags: BTreeSet<String>,
}

impl Made {
    pub(super) fn conversation(&self) -> Option<&Conversation> {
        match &self.thing {
            Thing::Conversation(conversation) => Some(conversation),
            Thing::EndUser { .. } => None,
        }
    }

    pub(super) fn members(&self) -> Option<&Map<String, Value>> {
        match &self.thing {
            Thing::Conversation(_) => None,
            Thing::EndUser { members, .. } => Some(members),
        }
    }
}

/// A POST that came.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) key: Key,
    /// It was carried out, or will be, or nobody has said that it was not.
    pub(super) counts: bool,
    pub(super) came_at: Instant,
    pub(super) fate: Fate,
}

impl Posted {
    /// It was carried out, and refused.
    pub(super) fn is_denied(&self) -> bool {
        self.fate.is_carried_out() && self.fate.is_refused()
    }
}

/// What one call sets.
#[derive(Clone, Debug)]
pub(super) enum What {
    Attributes(Attributes),
    Members(Map<String, Value>),
    /// By the id of the tag.
    PutTag(String),
    TakeTag(String),
    Transfer(String),
    Claim(String),
    State(Openness),
}

impl World {
    pub(super) fn new(climate: Climate, chance: Chance) -> Self {
        let began = Instant::now();
        let mut world = World {
            began,
            climate,
            weather: Weather::CALM,
            chance,
            made: Vec::new(),
            posted: Vec::new(),
            touched: BTreeSet::new(),
            tags: BTreeMap::new(),
            theirs: BTreeSet::new(),
            set_by: BTreeMap::new(),
            set_at: None,
            accident: None,
        };
        for number in 0..KNOWN {
            let id = Id::from(EndUserId(requester(number).parse().expect("a uuid")));
            let members = [("displayName", format!("Known {number}")), ("email", requester_email(number))];
            let members = members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let thing = Thing::EndUser { created_at: "2025-01-01T00:00:00Z".into(), members };
            let committed_at = began.checked_sub(Duration::from_secs(600)).unwrap_or(began);
            world.made.push(Made { id, key: None, committed_at, thing, values: BTreeMap::new() });
        }
        world
    }

    fn now(&self) -> String {
        let began: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        let seconds = i64::try_from(self.began.elapsed().as_secs()).expect("no round takes that long");
        (began + jiff::SignedDuration::from_secs(seconds)).to_string()
    }

    /// Whether nothing is on its way any more, and all lists show everything.
    pub(super) fn is_quiet(&self) -> bool {
        let (lag, over) = (self.climate.lag_max(), REQUEST_TIMEOUT);
        self.posted.iter().all(|post| post.came_at.elapsed() > over + lag)
            && self.made.iter().all(|made| made.committed_at.elapsed() > lag)
            && self.set_at.is_none_or(|at| at.elapsed() > over)
    }

    /// Whatever was made of this manifest's content.
    pub(super) fn of(&self, key: &Key) -> Vec<Id> {
        self.made.iter().filter(|made| made.key.as_ref() == Some(key)).map(|made| made.id).collect()
    }

    pub(super) fn made(&self, id: Id) -> Option<&Made> {
        self.made.iter().find(|made| made.id == id)
    }

    pub(super) fn conversations(&self) -> impl Iterator<Item = (&Made, &Conversation)> {
        self.made.iter().filter_map(|made| Some((made, made.conversation()?)))
    }

    pub(super) fn end_users(&self) -> impl Iterator<Item = (&Made, &Map<String, Value>)> {
        self.made.iter().filter_map(|made| Some((made, made.members()?)))
    }

    /// The end user of somebody else who has an address, a number or an external id of these members.
    pub(super) fn namesake(&self, members: &Map<String, Value>) -> Option<Id> {
        let is_one = |(made, known): &(&Made, &Map<String, Value>)| {
            made.key.is_none() && has_one_of(known, members, &["email", "phoneNumber"])
        };
        self.end_users().find(is_one).map(|(made, _)| made.id)
    }

    pub(super) fn put(&mut self, kind: Kind, body: &Map<String, Value>, key: Option<Key>) -> Id {
        let (id, thing) = if kind == Kind::EndUser {
            let members = body.iter().map(|(name, value)| (name.clone(), kept(name, value))).collect();
            let id = EndUserId(Uuid::from_u128(0x9000_0000 + self.made.len() as u128));
            (Id::from(id), Thing::EndUser { created_at: self.now(), members })
        } else {
            let id = ConversationId(1001 + i64::try_from(self.made.len()).expect("not that many"));
            let (reading, messages) = shown(id, kind, body, &self.now());
            let conversation = Conversation { reading, messages, tags: BTreeSet::new() };
            (Id::from(id), Thing::Conversation(Box::new(conversation)))
        };
        self.made.push(Made { id, key, committed_at: Instant::now(), thing, values: BTreeMap::new() });
        id
    }

    /// What a POST is refused with if there is such a one already; none where nothing is compared.
    pub(super) fn duplicate(&self, kind: Kind, body: &Map<String, Value>) -> Option<CallError> {
        if self.climate.refuses_duplicates && !marks(kind, body).is_empty() {
            return Some(self.climate.duplicate());
        }
        let has_address = kind == Kind::EndUser && (body.contains_key("email") || body.contains_key("phoneNumber"));
        (has_address && self.climate.refuses_taken_addresses).then(|| rejected(400, "PhoneNumberExists"))
    }

    /// What a POST is refused with since there is such a one already.
    pub(super) fn refusal(&self, kind: Kind, body: &Map<String, Value>) -> Option<CallError> {
        let marked = |mark: &String| match kind {
            Kind::EndUser => self.end_users().any(|(_, members)| text(members, "externalId").as_ref() == Some(mark)),
            Kind::Conversation | Kind::Import => {
                let mut messages = self.conversations().flat_map(|(_, conversation)| &conversation.messages);
                messages.any(|message| message.external_id.as_ref() == Some(mark))
            }
        };
        if self.climate.refuses_duplicates && marks(kind, body).iter().any(marked) {
            return Some(self.climate.duplicate());
        }
        let is_taken = |name| self.end_users().any(|(_, members)| has_one_of(members, body, &[name]));
        if kind == Kind::EndUser && self.climate.refuses_taken_addresses {
            if is_taken("phoneNumber") {
                return Some(rejected(400, "PhoneNumberExists"));
            }
            if is_taken("email") {
                return Some(rejected(400, "Duplicate email address"));
            }
        }
        None
    }

    /// What a POST is refused with since nobody knows yet who requests it.
    pub(super) fn unknown_requester(&self, kind: Kind, body: &Map<String, Value>) -> Option<CallError> {
        let id = EndUserId(text(body, "requesterId")?.parse().ok()?);
        let is_known = match self.climate.forgets_new_requesters {
            true => self.read(id.into()).is_ok(),
            false => self.made(id.into()).is_some(),
        };
        let error = match kind {
            Kind::Import => rejected(400, "EndUserNotFound"),
            Kind::EndUser | Kind::Conversation => not_found(),
        };
        (!is_known).then_some(error)
    }

    pub(super) fn is_listed(&self, made: &Made) -> bool {
        self.shows(made.committed_at)
    }

    /// Whether lists show what was made then.
    pub(super) fn shows(&self, committed_at: Instant) -> bool {
        committed_at - self.began <= self.climate.horizon(self.began.elapsed())
    }

    /// What can be read by its id.
    pub(super) fn read(&self, id: Id) -> Result<&Made, CallError> {
        let found = self.made(id).filter(|made| made.committed_at.elapsed() >= self.climate.read_lag);
        found.ok_or_else(not_found)
    }

    pub(super) fn read_conversation(&self, id: ConversationId) -> Result<(&Made, &Conversation), CallError> {
        let made = self.read(id.into())?;
        made.conversation().map(|conversation| (made, conversation)).ok_or_else(not_found)
    }

    pub(super) fn read_error(&mut self) -> CallError {
        let errors = read_errors();
        errors[self.chance.of(0..errors.len())].clone()
    }

    /// What befalls a POST that came just now.
    pub(super) fn fate(&mut self, kind: Kind, can_be_duplicate: bool) -> Fate {
        let drawn = self.weather.fate(kind, can_be_duplicate, &mut self.chance);
        match &mut self.accident {
            Some(Accident::Post(0, fate)) => {
                let fate = fate.that_fits(kind, can_be_duplicate);
                self.accident = None;
                fate
            }
            Some(Accident::Post(left, _)) => {
                *left -= 1;
                drawn
            }
            _ => drawn,
        }
    }

    /// What befalls a call that sets something.
    pub(super) fn setting(&mut self) -> Setting {
        let drawn = self.weather.setting(&self.climate, &mut self.chance);
        match &mut self.accident {
            Some(Accident::Set(0, setting)) => {
                let setting = setting.clone();
                self.accident = None;
                setting
            }
            Some(Accident::Set(left, _)) => {
                *left -= 1;
                drawn
            }
            _ => drawn,
        }
    }

    /// Whether a read fails, and with what.
    pub(super) fn failure(&mut self) -> Option<CallError> {
        let share = self.weather.reads;
        let drawn = self.chance.percent(share).then(|| self.read_error());
        match &mut self.accident {
            Some(Accident::Read(0, error)) => {
                let error = error.clone();
                self.accident = None;
                Some(error)
            }
            Some(Accident::Read(left, _)) => {
                *left -= 1;
                drawn
            }
            _ => drawn,
        }
    }

    /// Sets something.
    pub(super) fn set(&mut self, id: Id, what: &What, by: By) -> Result<(), CallError> {
        self.read(id)?;
        let Climate { refuses_same_state, refuses_missing_tags, .. } = self.climate;
        let is_tag = |tag: &String| self.tags.keys().any(|name| tag_id(name) == *tag);
        let has_tag = match what {
            What::PutTag(tag) | What::TakeTag(tag) => is_tag(tag),
            _ => true,
        };
        let made = self.made.iter_mut().find(|made| made.id == id).expect("it was just read");
        let conversation = match (&mut made.thing, what) {
            (_, What::Attributes(attributes)) => {
                made.values.extend(attributes.iter().map(|(id, value)| (id.clone(), value.to_value())));
                return Ok(());
            }
            (Thing::EndUser { members, .. }, What::Members(changed)) => {
                members.extend(changed.iter().map(|(name, value)| (name.clone(), kept(name, value))));
                return Ok(());
            }
            (Thing::Conversation(conversation), _) if has_tag => conversation,
            _ => return Err(not_found()),
        };
        let reading = &mut conversation.reading;
        let mut set = Vec::new();
        match what {
            What::PutTag(tag) => drop(conversation.tags.insert(tag_name(tag))),
            What::TakeTag(tag) if !conversation.tags.remove(&tag_name(tag)) && refuses_missing_tags => {
                return Err(not_found());
            }
            What::TakeTag(_) | What::Attributes(_) | What::Members(_) => {}
            What::Transfer(queue) => {
                (reading.queue_id, reading.agent_id) = (Some(queue.clone()), None);
                set.extend([handling::QUEUE, handling::ASSIGNEE]);
            }
            What::Claim(agent) => {
                reading.agent_id = Some(agent.clone());
                set.push(handling::ASSIGNEE);
            }
            What::State(state) if refuses_same_state && reading.state.as_deref() == Some(state.word()) => {
                return Err(rejected(400, "Invalid conversation state"));
            }
            What::State(state) => {
                reading.state = Some(state.word().to_owned());
                set.push(handling::STATE);
                // It is offered in the same queue, or in the default one.
                if *state == Openness::Open && reading.queue_id.is_none() {
                    reading.queue_id = Some(QUEUES[0].to_owned());
                    set.push(handling::QUEUE);
                }
            }
        }
        self.set_by.extend(set.into_iter().map(|member| ((id, member), by)));
        Ok(())
    }
}

pub(super) fn tag_id(name: &str) -> String {
    format!("tag-{name}")
}

fn tag_name(id: &str) -> String {
    id.trim_start_matches("tag-").to_owned()
}

/// Dixa copies pictures.
fn kept(name: &str, value: &Value) -> Value {
    if name == "avatarUrl" { "https://files.dixa.io/1".into() } else { value.clone() }
}

fn has_one_of(known: &Map<String, Value>, wanted: &Map<String, Value>, names: &[&str]) -> bool {
    let texts = names.iter().filter_map(|name| Some((*name, text(wanted, name)?)));
    texts.into_iter().any(|(name, text)| has(known, name, &text))
}

/// Whether an end user has this, as one of several more or not.
fn has(known: &Map<String, Value>, name: &str, wanted: &str) -> bool {
    let more = known.get("additionalEmails").filter(|_| name == "email").and_then(Value::as_array);
    let mut values = known.get(name).into_iter().chain(more.into_iter().flatten()).filter_map(Value::as_str);
    values.any(|value| value.eq_ignore_ascii_case(wanted))
}

/// Whether an end user is found by this.
pub(super) fn is_found(lookup: &Lookup, members: &Map<String, Value>) -> bool {
    has(members, lookup.key.member(), &lookup.value)
}

/// What a read can be answered with that fails.
pub(super) fn read_errors() -> [CallError; 5] {
    [
        server_error(),
        lost(),
        CallError::Unreadable { status: 200, message: "the body is not JSON".into() },
        not_found(),
        CallError::Unreadable { status: 200, message: "an empty page has a next one".into() },
    ]
}

pub(super) fn server_error() -> CallError {
    CallError::ServerError { status: 500, message: "There was an internal server error".into() }
}

pub(super) fn lost() -> CallError {
    CallError::Lost { message: "the connection was closed".into() }
}

pub(super) fn not_found() -> CallError {
    rejected(404, "The requested resource could not be found")
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    Some(body.get(name)?.as_str()?.to_owned())
}

fn messages_in(body: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let many = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    body.get("message").into_iter().chain(many).filter_map(Value::as_object).collect()
}

/// The external ids that are compared.
fn marks(kind: Kind, body: &Map<String, Value>) -> Vec<String> {
    match kind {
        Kind::EndUser => text(body, "externalId").into_iter().collect(),
        Kind::Conversation | Kind::Import => {
            messages_in(body).into_iter().filter_map(|message| text(message, "externalId")).collect()
        }
    }
}

/// How a conversation reads back.
fn shown(
    id: ConversationId,
    kind: Kind,
    body: &Map<String, Value>,
    now: &str,
) -> (ConversationReading, Vec<MessageReading>) {
    let direction = |word: &str| word.trim_end_matches("Import").to_owned();
    let first = messages_in(body).first().and_then(|message| text(message, "_type")).map(|word| direction(&word));
    let channel = match text(body, "_type").as_deref() {
        Some("Chat") => "WidgetChat".to_owned(),
        Some(word) => word.to_owned(),
        None => text(body, "genericChannelName").unwrap_or_default(),
    };
    let created_at = text(body, "createdAt").unwrap_or_else(|| now.to_owned());
    let reading = ConversationReading {
        variant: (kind == Kind::Import).then(|| "GenericConversation".to_owned()),
        requester_id: text(body, "requesterId"),
        channel: Some(channel),
        direction: text(body, "direction").or(first),
        created_at: Some(created_at.clone()),
        state: Some(Openness::Open.word().to_owned()),
        queue_id: text(body, "queueId"),
        integration_email: text(body, "emailIntegrationId"),
        subject: text(body, "subject"),
        ..ConversationReading::of(id)
    };
    let message = |message: &Map<String, Value>| MessageReading {
        id: None,
        external_id: text(message, "externalId"),
        author_id: text(message, "agentId"),
        direction: text(message, "_type").map(|word| direction(&word)),
        created_at: Some(created_at.clone()),
        text: message.get("content").and_then(Value::as_object).and_then(|content| text(content, "value")),
    };
    (reading, messages_in(body).into_iter().map(message).collect())
}
