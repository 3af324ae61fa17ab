//! A Dixa in memory, in simulated time: slow, forgetful, sometimes lying within bounds, and with people of its own.

use std::collections::BTreeMap;
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
use crate::apply::tests::storm::care::{AGENTS, QUEUES, agent_email, queue_name};
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::people::SEGMENT;
use crate::apply::tests::storm::weather::{Climate, Fate, Setting};
use crate::apply::tests::storm::wishes::key_of;
use crate::apply::tests::storm::world::{By, Made, Posted, Thing, What, World, is_found, not_found, tag_id};
use crate::call::{Call, Subject};
use crate::catalog::{Agent, ContactEndpoint, Queue, Tag};
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind};
use crate::definition::{Entity, Input};
use crate::end_user::Lookup;

#[derive(Clone)]
pub(super) struct Dixa {
    world: Arc<Mutex<World>>,
    throttle: Arc<Throttle>,
}

impl Dixa {
    pub(super) fn new(climate: Climate, chance: Chance) -> Self {
        let world = Arc::new(Mutex::new(World::new(climate, chance)));
        Dixa { world, throttle: Arc::new(Throttle::new(RateLimit::DIXA)) }
    }

    /// The way of another process to it.
    pub(super) fn elsewhere(&self) -> Self {
        Dixa { world: Arc::clone(&self.world), throttle: Arc::new(Throttle::new(RateLimit::DIXA)) }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic while it is held")
    }

    /// Somebody else makes a conversation that looks like this content, except for its marks.
    pub(super) fn meets_a_stranger(&self, kind: Kind, content: &Map<String, Value>, is_other: bool) {
        let mut world = self.world();
        let id = world.put(kind, content, None);
        let stranger = world.made.last_mut().expect("it was just made");
        let Thing::Conversation(stranger) = &mut stranger.thing else { unreachable!("it is a conversation") };
        for message in &mut stranger.messages {
            message.external_id = Some(format!("other-{id:#}"));
        }
        if is_other {
            let reading = &mut stranger.reading;
            reading.subject = reading.subject.take().map(|_| "Something else".to_owned());
            reading.queue_id = reading.queue_id.take().map(|queue| queue.replace('c', "d"));
            for message in &mut stranger.messages {
                message.text = Some("Something else".to_owned());
            }
            if kind == Kind::Import {
                reading.created_at = Some("2020-02-02T02:02:02Z".to_owned());
            }
        }
    }

    /// A read: it waits for its turn, takes a while, and may fail.
    async fn ask<T>(&self, look: impl FnOnce(&World) -> Result<T, CallError>) -> Result<T, CallError> {
        self.throttle.wait().await;
        let (takes, error) = {
            let mut world = self.world();
            let takes = world.chance.time(10, 80);
            (takes, world.failure())
        };
        sleep(takes).await;
        error.map_or_else(|| look(&self.world()), Err)
    }

    /// Carries out a POST at its time, whether or not anybody still waits for the answer.
    async fn carry_out(self, kind: Kind, body: Map<String, Value>, delay: Duration, post: usize) -> MakeResult {
        sleep(delay).await;
        let mut world = self.world();
        if let Some(refusal) = world.refusal(kind, &body) {
            // It does nothing after all.
            world.posted[post].counts = false;
            return Err(refusal);
        }
        let key = world.posted[post].key.clone();
        world.posted[post].counts = true;
        Ok(world.put(kind, &body, Some(key)))
    }

    /// A call that sets something. It is carried out at its time, whether or not anybody still waits for the answer.
    async fn sets<T: Send + 'static>(
        &self,
        set: impl FnOnce(&mut World, By) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let Setting { done, answered, error } = {
            let mut world = self.world();
            world.set_at = Some(Instant::now());
            world.setting()
        };
        let (dixa, by) = (self.clone(), if done > Some(answered) { By::UsLate } else { By::Us });
        let done = done.map(|after| {
            tokio::spawn(async move {
                sleep(after).await;
                set(&mut dixa.world(), by)
            })
        });
        sleep(answered).await;
        match (error, done) {
            (Some(error), _) => Err(error),
            (None, Some(done)) => done.await.expect("it does not panic"),
            (None, None) => unreachable!("what is not carried out has an error"),
        }
    }

    async fn set(&self, id: Id, what: What) -> Result<(), CallError> {
        self.world().touched.insert(id);
        self.sets(move |world, by| world.set(id, &what, by)).await
    }
}

type MakeResult = Result<Id, CallError>;

/// A definition of a Text.
fn definition(id: &str, identifier: &str, entity: Entity) -> Definition {
    Definition {
        id: id.into(),
        label: "Note".into(),
        identifier: identifier.into(),
        entity,
        input: Input::Text,
        archived: false,
        deactivated: false,
    }
}

fn attributes(made: &Made) -> BTreeMap<String, AttributeReading> {
    let reading = |(id, value): (&String, &Value)| {
        let identifier = if id == TEXT { "note" } else { "segment" };
        let (name, identifier) = ("Note".to_owned(), identifier.to_owned());
        (id.clone(), AttributeReading { id: id.clone(), name, identifier, value: value.clone() })
    };
    made.values.iter().map(reading).collect()
}

/// An end user as lists have it.
fn end_user(made: &Made) -> Option<EndUserReading> {
    let (Thing::EndUser { created_at, members }, Id::EndUser(id)) = (&made.thing, made.id) else { return None };
    Some(EndUserReading { id, created_at: Some(created_at.clone()), members: members.clone(), attributes: None })
}

fn tag(name: &str) -> Tag {
    Tag { name: name.to_owned(), id: tag_id(name), active: true }
}

impl Read for Dixa {
    async fn organization(&self) -> Result<Organization, CallError> {
        Ok(Organization { id: "org".into(), name: "Org".into() })
    }

    async fn definitions(&self) -> Result<Vec<Definition>, CallError> {
        let of_conversations = definition(TEXT, "note", Entity::Conversation);
        Ok(vec![of_conversations, definition(SEGMENT, "segment", Entity::Contact)])
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationReading, CallError> {
        self.ask(|world| {
            let (made, conversation) = world.read_conversation(id)?;
            Ok(ConversationReading { attributes: Some(attributes(made)), ..conversation.reading.clone() })
        })
        .await
    }

    async fn tags(&self) -> Result<Vec<Tag>, CallError> {
        self.ask(|world| {
            let listed = world.tags.iter().filter(|(_, made_at)| world.shows(**made_at));
            Ok(listed.map(|(name, _)| tag(name)).collect())
        })
        .await
    }

    async fn tags_of(&self, id: ConversationId) -> Result<Vec<Tag>, CallError> {
        self.ask(|world| Ok(world.read_conversation(id)?.1.tags.iter().map(|name| tag(name)).collect())).await
    }

    async fn messages(&self, id: ConversationId) -> Result<Vec<MessageReading>, CallError> {
        self.ask(|world| match world.read_conversation(id) {
            Ok((_, conversation)) => Ok(conversation.messages.clone()),
            // Its messages come later than the conversation itself.
            Err(_) if world.climate.shows_late_messages_as_none => Ok(Vec::new()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn end_user(&self, id: EndUserId) -> Result<EndUserReading, CallError> {
        self.ask(|world| {
            let made = world.read(id.into())?;
            let reading = end_user(made).ok_or_else(not_found)?;
            Ok(EndUserReading { attributes: Some(attributes(made)), ..reading })
        })
        .await
    }

    async fn end_users_by(&self, lookup: &Lookup) -> Result<Vec<EndUserReading>, CallError> {
        self.ask(|world| {
            let found = world.end_users().filter(|(made, members)| world.is_listed(made) && is_found(lookup, members));
            Ok(found.filter_map(|(made, _)| end_user(made)).collect())
        })
        .await
    }

    async fn conversations_of(&self, requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        self.ask(|world| {
            world.read(Id::EndUser(EndUserId(requester.parse().map_err(|_| not_found())?)))?;
            let listed = world.conversations().filter(|(made, conversation)| {
                conversation.reading.requester_id.as_deref() == Some(requester) && world.is_listed(made)
            });
            Ok(listed.map(|(_, conversation)| conversation.reading.clone()).collect())
        })
        .await
    }
}

fn agent(number: usize) -> Agent {
    Agent { email: agent_email(number), name: format!("Agent {number}"), id: AGENTS[number].to_owned() }
}

impl ReadCatalog for Dixa {
    async fn agents(&self) -> Result<Vec<Agent>, CallError> {
        self.ask(|_| Ok((0..AGENTS.len()).map(agent).collect())).await
    }

    async fn agents_by(&self, email: &str) -> Result<Vec<Agent>, CallError> {
        self.ask(|_| Ok((0..AGENTS.len()).map(agent).filter(|agent| agent.email == email).collect())).await
    }

    async fn is_there(&self, call: &Call) -> Result<(), CallError> {
        self.ask(|world| match call {
            Call::One(Subject::EndUser(Some(id))) => world.read((*id).into()).map(drop),
            Call::Agent(id) if AGENTS.contains(&id.as_str()) => Ok(()),
            Call::Queue(id) if QUEUES.contains(&id.as_str()) => Ok(()),
            _ => Err(not_found()),
        })
        .await
    }

    async fn queues(&self) -> Result<Vec<Queue>, CallError> {
        let queue = |(number, id): (usize, &&str)| Queue { name: queue_name(number), id: (*id).to_owned() };
        self.ask(|_| Ok(QUEUES.iter().enumerate().map(queue).collect())).await
    }

    async fn contact_endpoints(&self) -> Result<Vec<ContactEndpoint>, CallError> {
        Ok(Vec::new())
    }
}

impl Write for Dixa {
    async fn permit(&self) -> Permit {
        self.throttle.wait().await;
        Permit::granted()
    }

    async fn make(&self, _permit: Permit, kind: Kind, body: &Map<String, Value>) -> Result<Created, CallError> {
        let key = key_of(kind, body).expect("every body has a key");
        let (fate, delay, answered, post, duplicate) = {
            let mut world = self.world();
            if let Some(error) = world.unknown_requester(kind, body) {
                return Err(error);
            }
            let duplicate = world.duplicate(kind, body);
            let fate = world.fate(kind, duplicate.is_some());
            let World { climate, chance, .. } = &mut *world;
            let (delay, answered) = fate.times(climate, chance);
            let post = world.posted.len();
            let is_refused = world.refusal(kind, body).is_some();
            let counts = !is_refused && (fate.is_carried_out() || !fate.is_refused());
            world.posted.push(Posted { key, counts, came_at: Instant::now(), fate });
            (fate, delay, answered, post, duplicate)
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
            (fate, _) => Err(self.world().climate.answer(fate, duplicate)),
        }
    }

    async fn make_tag(&self, _permit: Permit, name: &str) -> Result<Tag, CallError> {
        let name = name.to_owned();
        self.sets(move |world, _| {
            world.tags.entry(name.clone()).or_insert_with(Instant::now);
            Ok(tag(&name))
        })
        .await
    }

    async fn handle(&self, _permit: Permit, id: ConversationId, order: Order<'_>) -> Result<(), CallError> {
        let what = match order {
            Order::PutTag(tag) => What::PutTag(tag.to_owned()),
            Order::TakeTag(tag) => What::TakeTag(tag.to_owned()),
            Order::Transfer(queue) => What::Transfer(queue.to_owned()),
            Order::Claim(agent) => What::Claim(agent.to_owned()),
            Order::State(state) => What::State(state),
        };
        self.set(id.into(), what).await
    }

    async fn change_end_user(
        &self,
        _permit: Permit,
        id: EndUserId,
        members: &Map<String, Value>,
    ) -> Result<(), CallError> {
        self.set(id.into(), What::Members(members.clone())).await
    }

    async fn patch_attributes(
        &self,
        _permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        self.set(id, What::Attributes(attributes.clone())).await?;
        Ok(Vec::new())
    }
}
