//! Everything that exists in the sandbox at one moment, with indexes so that no request has to search.
//!
//! It changes by [`World::apply`] alone, so that reading the data file again gives the same world.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::sandbox::data_v1::{ChangeLine, ConversationLine, EndUserValuesLine, Line, Named, Thing, ValuesLine};
use crate::sandbox::definition::Definition;
use crate::sandbox::end_users::{EndUser, EndUsers};
use crate::sandbox::faults::Duplicates;
use crate::sandbox::provided::{self, Provided};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::show::raw;
use crate::sandbox::sight::Sight;
use crate::sandbox::things;

/// The first id that is given to a conversation.
const FIRST_ID: i64 = 1001;

/// See the top of this file.
#[derive(Debug)]
pub struct World {
    /// As the API shows it.
    pub organization: Value,
    pub end_users: EndUsers,
    /// What there is beside end users, as the API shows it; null where it shows nothing.
    things: BTreeMap<Thing, Value>,
    /// Ids of the agents that no conversation can be assigned to.
    pub inactive_agents: HashSet<String>,
    pub definitions: BTreeMap<String, Definition>,
    /// By id.
    pub tags: BTreeMap<String, Value>,
    /// What was made up because a request named it.
    provided: BTreeSet<Thing>,
    conversations: HashMap<i64, Conversation>,
    /// Ids of an end user's conversations, ascending.
    by_requester: HashMap<String, Vec<i64>>,
    /// Those of created messages.
    external_ids: HashSet<String>,
    /// Those of imported conversations and messages.
    imported_external_ids: HashSet<String>,
    next_id: i64,
}

/// A conversation, mostly as text that is answered as it is.
#[derive(Debug)]
pub struct Conversation {
    /// When it came to be, by the clock of the sandbox.
    pub committed_at: Timestamp,
    /// As it is read, without `customAttributes`.
    pub shown: Box<RawValue>,
    /// The list of its messages as it is read.
    pub messages: Box<RawValue>,
    /// Id of the definition to a string or a list of strings.
    pub values: BTreeMap<String, Value>,
    /// Ids of its tags, those that came first before the others.
    pub tags: Vec<String>,
}

impl Conversation {
    /// As it is read, member by member.
    pub fn members(&self) -> Map<String, Value> {
        serde_json::from_str(self.shown.get()).unwrap_or_default()
    }
}

/// A mutation that can't have been made from the world that it is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("conversation {0} is out of order")]
    IdOutOfOrder(i64),
    #[error("conversation {0} does not exist")]
    NoConversation(i64),
    #[error("a definition, an end user or a tag has no id")]
    WithoutId,
}

impl World {
    /// A world with an organization and nothing else.
    pub fn new(organization: Value) -> Self {
        World {
            organization,
            end_users: EndUsers::default(),
            things: BTreeMap::new(),
            inactive_agents: HashSet::new(),
            definitions: BTreeMap::new(),
            tags: BTreeMap::new(),
            provided: BTreeSet::new(),
            conversations: HashMap::new(),
            by_requester: HashMap::new(),
            external_ids: HashSet::new(),
            imported_external_ids: HashSet::new(),
            next_id: FIRST_ID,
        }
    }

    /// The id that the next conversation gets.
    pub fn next_id(&self) -> i64 {
        self.next_id
    }

    /// One conversation by its id.
    pub fn conversation(&self, id: i64) -> Option<&Conversation> {
        self.conversations.get(&id)
    }

    /// One conversation by its id, if it can be seen.
    pub fn seen_conversation(&self, id: i64, sight: Sight) -> Result<&Conversation, Refusal> {
        let conversation = self.conversation(id).filter(|conversation| sight.sees(conversation.committed_at));
        conversation.ok_or(Refusal::NotFound)
    }

    /// Ids of those of an end user's conversations that can be seen, ascending.
    pub fn seen_conversations_of(&self, requester_id: &str, sight: Sight) -> Vec<i64> {
        let all = self.by_requester.get(requester_id).into_iter().flatten().copied();
        all.filter(|id| self.seen_conversation(*id, sight).is_ok()).collect()
    }

    /// The first of these external ids that a new conversation or message may not have. Unless a plan says otherwise,
    /// only those of created messages are taken.
    pub fn taken<'a>(
        &self,
        mut ids: impl Iterator<Item = &'a String>,
        duplicates: Option<Duplicates>,
    ) -> Option<&'a String> {
        match duplicates {
            Some(Duplicates::Accept) => None,
            Some(Duplicates::Refuse) => {
                ids.find(|id| self.external_ids.contains(*id) || self.imported_external_ids.contains(*id))
            }
            None => ids.find(|id| self.external_ids.contains(*id)),
        }
    }

    /// Whether this exists.
    pub fn knows(&self, thing: &Thing) -> bool {
        match thing {
            Thing::EndUser(id) => self.end_users.get(id).is_some(),
            other => self.things.contains_key(other),
        }
    }

    /// What there is of a kind, as the API shows it. End users are elsewhere.
    pub fn shown_things(&self, is_one: impl Fn(&Thing) -> bool) -> impl Iterator<Item = &Value> {
        self.things.iter().filter(move |(thing, _)| is_one(thing)).map(|(_, shown)| shown)
    }

    /// One thing, as the API shows it.
    pub fn shown_thing(&self, thing: &Thing) -> Result<&Value, Refusal> {
        self.things.get(thing).ok_or(Refusal::NotFound)
    }

    /// Adds a thing that somebody says exists, as the API shows it.
    pub fn add(&mut self, thing: Thing, shown: Value) {
        self.provided.remove(&thing);
        self.things.insert(thing, shown);
    }

    /// What was made up because a request named it.
    pub fn provided(&self) -> Provided {
        let things = self.provided.iter().map(|thing| things::named(thing, self.things.get(thing)));
        let definitions = self.definitions.values().filter(|definition| definition.is_provisioned());
        let definitions = definitions.map(|definition| (provided::Kind::Attribute, definition.name().to_owned()));
        Provided::of(things.chain(definitions))
    }

    /// Whether it was made up because a request named it.
    pub fn has_provided(&self, thing: &Thing) -> bool {
        self.provided.contains(thing)
    }

    /// The things that do not exist, in their order.
    pub fn unknown(&self, named: BTreeSet<Thing>) -> Vec<Thing> {
        named.into_iter().filter(|thing| !self.knows(thing)).collect()
    }

    /// An end user as the sender or recipient of an e-mail; one who is about to be provisioned has an address already.
    pub fn email_contact(&self, end_user_id: &str) -> Value {
        let known = self.end_users.get(end_user_id).map(|end_user| Cow::Borrowed(&end_user.shown));
        let shown = known.unwrap_or_else(|| Cow::Owned(EndUser::provisioned(end_user_id, "")));
        json!({ "email": shown.get("email"), "name": shown.get("displayName") })
    }

    /// Whether a mutation can be applied.
    pub fn check(&self, line: &Line) -> Result<(), Misfit> {
        if let Some(conversation) = &line.conversation
            && conversation.id < self.next_id
        {
            return Err(Misfit::IdOutOfOrder(conversation.id));
        }
        let changed = line.values.iter().map(|values| values.conversation_id);
        let mut changed = changed.chain(line.change.iter().map(|change| change.conversation_id));
        if let Some(id) = changed.find(|id| !self.conversations.contains_key(id)) {
            return Err(Misfit::NoConversation(id));
        }
        let ids = line.definitions.iter().chain(&line.tags).map(|shown| &shown["id"]);
        let end_users = line.end_users.iter().map(|shown| shown.get("id").unwrap_or(&Value::Null));
        if ids.chain(end_users).all(Value::is_string) { Ok(()) } else { Err(Misfit::WithoutId) }
    }

    /// Applies a mutation that was checked.
    pub fn apply(&mut self, line: Line) {
        // A data file that somebody edited may have anything here: then it is old.
        let at = line.at.parse().unwrap_or(Timestamp::MIN);
        let learned = line.learned.into_iter().map(|thing| Named { thing, members: Map::new() });
        for named in learned.chain(line.named) {
            self.learn(named, &line.at, at);
        }
        for definition in line.definitions {
            let definition = Definition::provisioned(definition);
            // What was made up once gives way to what a seed says now.
            if self.definitions.get(definition.id()).is_none_or(Definition::is_provisioned) {
                self.define(definition);
            }
        }
        for shown in line.end_users {
            self.end_users.put(shown, at);
        }
        for tag in line.tags {
            self.put_tag(tag);
        }
        for id in line.removed_tags {
            self.tags.remove(&id);
            self.conversations.values_mut().for_each(|conversation| conversation.tags.retain(|tag| *tag != id));
        }
        if let Some(made) = line.conversation {
            self.make(made, at);
        }
        if let Some(ValuesLine { conversation_id, set }) = line.values
            && let Some(conversation) = self.conversations.get_mut(&conversation_id)
        {
            merge(&mut conversation.values, set);
        }
        if let Some(EndUserValuesLine { end_user_id, set }) = line.end_user_values
            && let Some(end_user) = self.end_users.get_mut(&end_user_id)
        {
            merge(&mut end_user.values, set);
        }
        if let Some(change) = line.change {
            self.change(change);
        }
    }

    fn make(&mut self, made: ConversationLine, at: Timestamp) {
        self.next_id = made.id + 1;
        self.external_ids.extend(made.external_ids);
        self.imported_external_ids.extend(made.imported_external_ids);
        self.by_requester.entry(made.requester_id).or_default().push(made.id);
        let ConversationLine { id, shown, messages, .. } = made;
        let (values, tags) = (BTreeMap::new(), Vec::new());
        self.conversations.insert(id, Conversation { committed_at: at, shown, messages, values, tags });
    }

    fn change(&mut self, change: ChangeLine) {
        let Some(conversation) = self.conversations.get_mut(&change.conversation_id) else { return };
        if !change.shown.is_empty() {
            let mut members = conversation.members();
            members.extend(change.shown);
            members.retain(|_, value| !value.is_null());
            conversation.shown = raw(&Value::Object(members));
        }
        if let Some(tags) = change.tags {
            conversation.tags = tags;
        }
        if let Some(message) = change.message {
            self.external_ids.extend(message["externalId"].as_str().map(str::to_owned));
            let mut messages: Vec<Value> = serde_json::from_str(conversation.messages.get()).unwrap_or_default();
            messages.push(message);
            conversation.messages = raw(&Value::from(messages));
        }
    }

    /// Adds a definition, or puts it in the place of the one with its id.
    pub fn define(&mut self, definition: Definition) {
        self.definitions.insert(definition.id().to_owned(), definition);
    }

    /// Adds a tag, or puts it in the place of the one with its id.
    pub fn put_tag(&mut self, shown: Value) {
        self.tags.insert(shown["id"].as_str().unwrap_or_default().to_owned(), shown);
    }

    fn learn(&mut self, named: Named, created_at: &str, at: Timestamp) {
        let Named { thing, members } = named;
        if self.knows(&thing) {
            return;
        }
        self.provided.insert(thing.clone());
        match &thing {
            Thing::EndUser(id) => {
                let mut shown = EndUser::provisioned(id, created_at);
                shown.extend(members);
                self.end_users.put(shown, at);
            }
            _ => {
                let shown = things::shown(&thing, &self.organization, &members);
                self.things.insert(thing, shown);
            }
        }
    }
}

/// Null takes a value away.
fn merge(values: &mut BTreeMap<String, Value>, set: BTreeMap<String, Value>) {
    values.extend(set);
    values.retain(|_, value| !value.is_null());
}
