//! Everything that exists in the sandbox at one moment, with indexes so that no request has to search.
//!
//! It changes by [`World::apply`] alone, so that reading the data file again gives the same world.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::sandbox::data_v1::{Line, Thing};
use crate::sandbox::definition::Definition;
use crate::sandbox::faults::Duplicates;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::sight::Sight;

/// The first id that is given to a conversation.
const FIRST_ID: i64 = 1001;

/// See the top of this file.
#[derive(Debug)]
pub struct World {
    /// As the API shows it.
    pub organization: Value,
    pub end_users: HashMap<String, EndUser>,
    /// What there is beside end users.
    pub things: HashSet<Thing>,
    /// Ids of the agents that no conversation can be assigned to.
    pub inactive_agents: HashSet<String>,
    pub definitions: BTreeMap<String, Definition>,
    conversations: HashMap<i64, Conversation>,
    /// Ids of an end user's conversations, ascending.
    by_requester: HashMap<String, Vec<i64>>,
    /// Those of created messages.
    external_ids: HashSet<String>,
    /// Those of imported conversations and messages.
    imported_external_ids: HashSet<String>,
    next_id: i64,
}

/// An end user.
#[derive(Clone, Debug)]
pub struct EndUser {
    /// RFC 3339.
    pub created_at: String,
    pub display_name: String,
    pub email: String,
}

impl EndUser {
    /// What is made up for an end user of whom only the id is known. The address is one that never gets mail.
    pub fn provisioned(id: &str, created_at: &str) -> Self {
        EndUser {
            created_at: created_at.to_owned(),
            display_name: format!("End user {}", id.get(..8).unwrap_or(id)),
            email: format!("{id}@example.com"),
        }
    }
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
}

/// A mutation that can't have been made from the world that it is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("conversation {0} is out of order")]
    IdOutOfOrder(i64),
    #[error("conversation {0} does not exist")]
    NoConversation(i64),
    #[error("a definition has no id")]
    DefinitionWithoutId,
}

impl World {
    /// A world with an organization and nothing else.
    pub fn new(organization: Value) -> Self {
        World {
            organization,
            end_users: HashMap::new(),
            things: HashSet::new(),
            inactive_agents: HashSet::new(),
            definitions: BTreeMap::new(),
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
            Thing::EndUser(id) => self.end_users.contains_key(id),
            other => self.things.contains(other),
        }
    }

    /// The things that do not exist, in their order.
    pub fn unknown(&self, named: BTreeSet<Thing>) -> Vec<Thing> {
        named.into_iter().filter(|thing| !self.knows(thing)).collect()
    }

    /// An end user as the sender or recipient of an e-mail; one who is about to be provisioned has an address already.
    pub fn email_contact(&self, end_user_id: &str) -> Value {
        let known = self.end_users.get(end_user_id).map(Cow::Borrowed);
        let end_user = known.unwrap_or_else(|| Cow::Owned(EndUser::provisioned(end_user_id, "")));
        json!({ "email": end_user.email, "name": end_user.display_name })
    }

    /// Whether a mutation can be applied.
    pub fn check(&self, line: &Line) -> Result<(), Misfit> {
        if let Some(conversation) = &line.conversation
            && conversation.id < self.next_id
        {
            return Err(Misfit::IdOutOfOrder(conversation.id));
        }
        if let Some(values) = &line.values
            && !self.conversations.contains_key(&values.conversation_id)
        {
            return Err(Misfit::NoConversation(values.conversation_id));
        }
        if line.definitions.iter().any(|definition| definition["id"].as_str().is_none()) {
            return Err(Misfit::DefinitionWithoutId);
        }
        Ok(())
    }

    /// Applies a mutation that was checked.
    pub fn apply(&mut self, line: Line) {
        let Line { at, learned, definitions, conversation, values } = line;
        for thing in learned {
            self.learn(thing, &at);
        }
        for definition in definitions {
            self.define(Definition::provisioned(definition));
        }
        if let Some(made) = conversation {
            self.next_id = made.id + 1;
            self.external_ids.extend(made.external_ids);
            self.imported_external_ids.extend(made.imported_external_ids);
            self.by_requester.entry(made.requester_id).or_default().push(made.id);
            let kept = Conversation {
                // A data file that somebody edited may have anything here: then it is old.
                committed_at: at.parse().unwrap_or(Timestamp::MIN),
                shown: made.shown,
                messages: made.messages,
                values: BTreeMap::new(),
            };
            self.conversations.insert(made.id, kept);
        }
        if let Some(values) = values
            && let Some(conversation) = self.conversations.get_mut(&values.conversation_id)
        {
            for (id, value) in values.set {
                if value.is_null() {
                    conversation.values.remove(&id);
                } else {
                    conversation.values.insert(id, value);
                }
            }
        }
    }

    /// Adds a definition, or puts it in the place of the one with its id.
    pub fn define(&mut self, definition: Definition) {
        self.definitions.insert(definition.id().to_owned(), definition);
    }

    fn learn(&mut self, thing: Thing, at: &str) {
        match thing {
            Thing::EndUser(id) => {
                let end_user = EndUser::provisioned(&id, at);
                self.end_users.entry(id).or_insert(end_user);
            }
            other => {
                self.things.insert(other);
            }
        }
    }
}
