//! A Dixa in memory, in simulated time: slow, forgetful, sometimes lying within bounds, and with people of its own.
//!
//! It keeps what nobody who asks it can see: whose each conversation is, and when it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use crate::access::RateLimit;
use crate::api::{
    AttributeReading, CallError, ConversationReading, Created, Definition, EndUserReading, MessageReading, Order,
    Organization, Permit, Read, ReadCatalog, Throttle, Write,
};
use crate::apply::tests::TEXT;
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::weather::{Climate, Fate, REQUEST_TIMEOUT, Weather};
use crate::apply::tests::storm::wishes::{Key, key_of};
use crate::call::Call;
use crate::catalog::{Agent, ContactEndpoint, Queue, Tag};
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind};
use crate::definition::{Entity, Input};
use crate::end_user::Lookup;

#[derive(Clone)]
pub(super) struct Dixa {
    world: Arc<Mutex<World>>,
    throttle: Arc<Throttle>,
}

/// What there is.
pub(super) struct World {
    began: Instant,
    climate: Climate,
    pub(super) weather: Weather,
    chance: Chance,
    pub(super) made: Vec<Made>,
    pub(super) posted: Vec<Posted>,
    pub(super) patched: BTreeSet<Id>,
}

/// A conversation.
pub(super) struct Made {
    pub(super) id: Id,
    /// None: it is not ours.
    pub(super) key: Option<Key>,
    committed_at: Instant,
    reading: ConversationReading,
    messages: Vec<MessageReading>,
    pub(super) values: BTreeMap<String, Value>,
}

/// A POST that came.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) key: Key,
    /// It was carried out, or will be, or nobody has said that it was not.
    pub(super) counts: bool,
    came_at: Instant,
    pub(super) fate: Fate,
}

impl Posted {
    /// It was carried out, and refused.
    pub(super) fn is_denied(&self) -> bool {
        self.fate.is_carried_out() && self.fate.is_refused()
    }
}

impl Dixa {
    pub(super) fn new(climate: Climate, chance: Chance) -> Self {
        let world = World {
            began: Instant::now(),
            climate,
            weather: Weather::CALM,
            chance,
            made: Vec::new(),
            posted: Vec::new(),
            patched: BTreeSet::new(),
        };
        Dixa { world: Arc::new(Mutex::new(world)), throttle: Arc::new(Throttle::new(RateLimit::DIXA)) }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic while it is held")
    }

    /// Somebody else makes a conversation that looks like this content, except for its marks.
    pub(super) fn meets_a_stranger(&self, kind: Kind, content: &Map<String, Value>, is_other: bool) {
        let mut world = self.world();
        let id = world.put(kind, content, None);
        let stranger = world.made.last_mut().expect("it was just made");
        for message in &mut stranger.messages {
            message.external_id = Some(format!("other-{id:#}"));
        }
        if is_other {
            stranger.reading.subject = stranger.reading.subject.take().map(|_| "Something else".to_owned());
            stranger.reading.queue_id = stranger.reading.queue_id.take().map(|queue| queue.replace('c', "d"));
            for message in &mut stranger.messages {
                message.text = Some("Something else".to_owned());
            }
            if kind == Kind::Import {
                stranger.reading.created_at = Some("2020-02-02T02:02:02Z".to_owned());
            }
        }
    }

    /// A read: it waits for its turn, takes a while, and may fail.
    async fn ask<T>(&self, look: impl FnOnce(&World) -> Result<T, CallError>) -> Result<T, CallError> {
        self.throttle.wait().await;
        let (takes, error) = {
            let mut world = self.world();
            let takes = world.chance.time(10, 80);
            let share = world.weather.reads;
            let error = world.chance.percent(share).then(|| world.read_error());
            (takes, error)
        };
        sleep(takes).await;
        error.map_or_else(|| look(&self.world()), Err)
    }

    /// Carries out a POST at its time, whether or not anybody still waits for the answer.
    async fn carry_out(self, kind: Kind, body: Map<String, Value>, delay: Duration, post: usize) -> MakeResult {
        sleep(delay).await;
        let mut world = self.world();
        if world.climate.refuses_duplicates && world.is_taken(&body) {
            // It does nothing after all.
            world.posted[post].counts = false;
            return Err(world.climate.duplicate());
        }
        let key = world.posted[post].key.clone();
        world.posted[post].counts = true;
        Ok(world.put(kind, &body, Some(key)))
    }
}

type MakeResult = Result<Id, CallError>;

impl World {
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
    }

    /// Conversations of this manifest's content that were made.
    pub(super) fn of(&self, key: &Key) -> Vec<Id> {
        self.made.iter().filter(|made| made.key.as_ref() == Some(key)).map(|made| made.id).collect()
    }

    pub(super) fn made(&self, id: Id) -> Option<&Made> {
        self.made.iter().find(|made| made.id == id)
    }

    fn put(&mut self, kind: Kind, body: &Map<String, Value>, key: Option<Key>) -> Id {
        let id = ConversationId(1001 + i64::try_from(self.made.len()).expect("not that many"));
        let (reading, messages) = shown(id, kind, body, &self.now());
        let id = Id::from(id);
        self.made.push(Made { id, key, committed_at: Instant::now(), reading, messages, values: BTreeMap::new() });
        id
    }

    fn is_taken(&self, body: &Map<String, Value>) -> bool {
        let taken = |mark: &str| {
            let mut messages = self.made.iter().flat_map(|made| &made.messages);
            messages.any(|message| message.external_id.as_deref() == Some(mark))
        };
        marks(body).iter().any(|mark| taken(mark))
    }

    fn is_listed(&self, made: &Made) -> bool {
        made.committed_at - self.began <= self.climate.horizon(self.began.elapsed())
    }

    /// What can be read by its id.
    fn read(&self, id: Id) -> Result<&Made, CallError> {
        let found = self.made(id).filter(|made| made.committed_at.elapsed() >= self.climate.read_lag);
        found.ok_or(CallError::Rejected { status: 404, message: "The requested resource could not be found".into() })
    }

    fn read_error(&mut self) -> CallError {
        match self.chance.of(0..5) {
            0 => server_error(),
            1 => lost(),
            2 => CallError::Unreadable { status: 200, message: "the body is not JSON".into() },
            3 => CallError::Rejected { status: 404, message: "The requested resource could not be found".into() },
            _ => CallError::Unreadable { status: 200, message: "an empty page has a next one".into() },
        }
    }
}

fn server_error() -> CallError {
    CallError::ServerError { status: 500, message: "There was an internal server error".into() }
}

fn lost() -> CallError {
    CallError::Lost { message: "the connection was closed".into() }
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    Some(body.get(name)?.as_str()?.to_owned())
}

fn messages_in(body: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let many = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    body.get("message").into_iter().chain(many).filter_map(Value::as_object).collect()
}

fn marks(body: &Map<String, Value>) -> Vec<String> {
    messages_in(body).into_iter().filter_map(|message| text(message, "externalId")).collect()
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

impl Read for Dixa {
    async fn organization(&self) -> Result<Organization, CallError> {
        Ok(Organization { id: "org".into(), name: "Org".into() })
    }

    async fn definitions(&self) -> Result<Vec<Definition>, CallError> {
        let text = Definition {
            id: TEXT.into(),
            label: "Note".into(),
            identifier: "note".into(),
            entity: Entity::Conversation,
            input: Input::Text,
            archived: false,
            deactivated: false,
        };
        Ok(vec![text])
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationReading, CallError> {
        self.ask(|world| {
            let made = world.read(id.into())?;
            let attribute = |(id, value): (&String, &Value)| (id.clone(), attribute(id, value));
            let attributes = Some(made.values.iter().map(attribute).collect());
            Ok(ConversationReading { attributes, ..made.reading.clone() })
        })
        .await
    }

    async fn tags(&self) -> Result<Vec<Tag>, CallError> {
        Ok(Vec::new())
    }

    async fn tags_of(&self, _id: ConversationId) -> Result<Vec<Tag>, CallError> {
        Ok(Vec::new())
    }

    async fn messages(&self, id: ConversationId) -> Result<Vec<MessageReading>, CallError> {
        self.ask(|world| match world.read(id.into()) {
            Ok(made) => Ok(made.messages.clone()),
            // Its messages come later than the conversation itself.
            Err(_) if world.climate.shows_late_messages_as_none => Ok(Vec::new()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn end_user(&self, _id: EndUserId) -> Result<EndUserReading, CallError> {
        Err(CallError::Rejected { status: 404, message: "The requested resource could not be found".into() })
    }

    async fn end_users_by(&self, _lookup: &Lookup) -> Result<Vec<EndUserReading>, CallError> {
        Ok(Vec::new())
    }

    async fn conversations_of(&self, requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        self.ask(|world| {
            let is_theirs = |made: &&Made| made.reading.requester_id.as_deref() == Some(requester);
            let listed = world.made.iter().filter(is_theirs).filter(|made| world.is_listed(made));
            Ok(listed.map(|made| made.reading.clone()).collect())
        })
        .await
    }
}

/// It lists none of these, and has all that somebody names.
impl ReadCatalog for Dixa {
    async fn agents(&self) -> Result<Vec<Agent>, CallError> {
        Ok(Vec::new())
    }

    async fn agents_by(&self, _email: &str) -> Result<Vec<Agent>, CallError> {
        Ok(Vec::new())
    }

    async fn is_there(&self, _call: &Call) -> Result<(), CallError> {
        Ok(())
    }

    async fn queues(&self) -> Result<Vec<Queue>, CallError> {
        Ok(Vec::new())
    }

    async fn contact_endpoints(&self) -> Result<Vec<ContactEndpoint>, CallError> {
        Ok(Vec::new())
    }
}

fn attribute(id: &str, value: &Value) -> AttributeReading {
    AttributeReading { id: id.to_owned(), name: "Note".into(), identifier: "note".into(), value: value.clone() }
}

impl Write for Dixa {
    async fn permit(&self) -> Permit {
        self.throttle.wait().await;
        Permit::granted()
    }

    async fn make(&self, _permit: Permit, kind: Kind, body: &Map<String, Value>) -> Result<Created, CallError> {
        let key = key_of(body).expect("every body has a key");
        let (fate, delay, answered, post) = {
            let mut world = self.world();
            let World { weather, climate, chance, .. } = &mut *world;
            let fate = weather.fate(climate, marks(body).is_empty(), chance);
            let (delay, answered) = fate.times(climate, chance);
            let climate = world.climate.clone();
            let post = world.posted.len();
            let is_refused = climate.refuses_duplicates && world.is_taken(body);
            let counts = !is_refused && (fate.is_carried_out() || !fate.is_refused());
            world.posted.push(Posted { key, counts, came_at: Instant::now(), fate });
            (fate, delay, answered, post)
        };
        let carried_out =
            fate.is_carried_out().then(|| tokio::spawn(self.clone().carry_out(kind, body.clone(), delay, post)));
        sleep(answered).await;
        let result = match carried_out {
            Some(made) if fate.waits() => Some(made.await.expect("it does not panic")),
            _ => None,
        };
        match (fate, result) {
            (_, Some(Err(refused))) => Err(refused),
            (Fate::Fine | Fate::Partial, Some(Ok(id))) => {
                let partial_errors = if fate == Fate::Partial { vec!["an attachment".to_owned()] } else { Vec::new() };
                Ok(Created { id, partial_errors })
            }
            (fate, _) => Err(self.world().climate.answer(fate)),
        }
    }

    async fn make_tag(&self, _permit: Permit, _name: &str) -> Result<Tag, CallError> {
        Err(server_error())
    }

    async fn handle(&self, _permit: Permit, _id: ConversationId, _order: Order<'_>) -> Result<(), CallError> {
        Err(server_error())
    }

    async fn change_end_user(
        &self,
        _permit: Permit,
        _id: EndUserId,
        _members: &Map<String, Value>,
    ) -> Result<(), CallError> {
        Ok(())
    }

    async fn patch_attributes(
        &self,
        _permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        let (takes, goes_wrong, is_done) = {
            let mut world = self.world();
            let share = world.weather.patches;
            let takes = world.chance.time(10, 80);
            (takes, world.chance.percent(share), world.chance.percent(50))
        };
        sleep(takes).await;
        let mut world = self.world();
        world.patched.insert(id);
        world.read(id)?;
        if !goes_wrong || is_done {
            let made = world.made.iter_mut().find(|made| made.id == id).expect("it was just read");
            for (id, value) in attributes {
                made.values.insert(id.clone(), value.to_value());
            }
        }
        match (goes_wrong, world.chance.percent(50)) {
            (false, _) => Ok(Vec::new()),
            (true, true) => Err(server_error()),
            (true, false) => Err(lost()),
        }
    }
}
