//! What was read of the tenant, for a plan that refreshes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::conversation::{Address, AttributeValue, Attributes, Kind};
use crate::end_user;
use crate::handling::{self, Handling, Openness};
use crate::plan::change::Drift;
use crate::plan::compare::{Deviation, compare};
use crate::plan::described::{Described, is_tidied};
use crate::reading::{AttributeReading, ConversationReading, EndUserReading, MessageReading};
use crate::state::Record;

/// What is there where a record or a manifest says that a conversation is.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    Present(Seen),
    /// 404.
    NotFound,
    /// Its content is gone for good, and it takes no attributes.
    Anonymized,
}

/// A conversation that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The values of its attributes by the id of their definition.
    pub attributes: BTreeMap<String, Value>,
    /// The members of an end user; empty for a conversation.
    pub members: Map<String, Value>,
    /// How a conversation is handled.
    pub handled: Box<Handled>,
    /// What is otherwise than described in the content of a conversation.
    pub deviations: Vec<Deviation>,
    /// It is another conversation: that of another requester, or of another channel.
    pub is_another: bool,
}

/// How a conversation is handled, as far as Dixa says so. What it doesn't say is unknown, and no difference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handled {
    /// The names of its tags by their ids; none where they were not read.
    pub tags: Option<BTreeMap<String, String>>,
    pub queue: Option<String>,
    pub assignee: Option<String>,
    pub state: Option<Openness>,
}

impl Handled {
    /// Without tags, which are no part of what is read.
    pub fn of(reading: &ConversationReading) -> Self {
        Handled {
            tags: None,
            queue: reading.queue_id.as_deref().map(str::to_ascii_lowercase),
            assignee: reading.agent_id.as_deref().map(str::to_ascii_lowercase),
            state: reading.state.as_deref().and_then(Openness::of_reading),
        }
    }

    /// What a member is, but tags.
    pub fn member(&self, name: &str) -> Option<Value> {
        match name {
            handling::QUEUE => self.queue.as_deref().map(Value::from),
            handling::ASSIGNEE => self.assignee.as_deref().map(Value::from),
            handling::STATE => self.state.map(|state| state.word().into()),
            _ => None,
        }
    }

    /// Whether a tag of this name is on it, where that is known.
    pub fn has_tag(&self, name: &str) -> Option<bool> {
        self.tags.as_ref().map(|tags| tags.values().any(|known| known == name))
    }
}

impl Observation {
    /// Holds what was read against what is described.
    pub fn of(
        reading: ConversationReading,
        messages: Option<&[MessageReading]>,
        described: &Described<'_>,
    ) -> Observation {
        if reading.anonymized {
            return Observation::Anonymized;
        }
        let comparison = compare(described, &reading, messages);
        Observation::Present(Seen {
            handled: Box::new(Handled::of(&reading)),
            attributes: values(reading.attributes),
            members: Map::new(),
            deviations: comparison.deviations(),
            is_another: comparison.is_another(),
        })
    }
}

impl From<EndUserReading> for Observation {
    fn from(reading: EndUserReading) -> Self {
        let (attributes, members) = (values(reading.attributes), reading.members);
        Observation::Present(Seen { attributes, members, ..Seen::default() })
    }
}

fn values(attributes: Option<BTreeMap<String, AttributeReading>>) -> BTreeMap<String, Value> {
    attributes.unwrap_or_default().into_iter().map(|(id, reading)| (id, reading.value)).collect()
}

/// By address; what was not read is not here.
pub type Observations = BTreeMap<Address, Observation>;

/// What is otherwise than the record says: the content, and the attributes and members that dixaform wrote.
pub fn drift(address: &Address, record: &Record, seen: &Seen) -> Option<Drift> {
    let live = &seen.attributes;
    let as_attributes: Attributes =
        live.iter().filter_map(|(id, value)| Some((id.clone(), AttributeValue::from_value(value)?))).collect();
    let recorded = record.applied.attribute_values(&as_attributes);
    let mut content = seen.deviations.clone();
    let mut attributes = Vec::new();
    for (id, recorded) in recorded {
        let live = live.get(&id).cloned().unwrap_or(Value::Null);
        match recorded {
            Some(recorded) if recorded == live => {}
            _ if record.is_answered(&id, &live) => {}
            Some(recorded) if is_tidied(&recorded, &live) => {
                content.push(Deviation { thing: format!("attribute {id}"), described: Some(recorded), found: live });
            }
            recorded => attributes.push((id, recorded, live)),
        }
    }
    let members = match address.kind {
        Kind::EndUser => drifted_members(record, &seen.members),
        Kind::Conversation | Kind::Import => drifted_handling(record, &seen.handled),
    };
    let differs = !attributes.is_empty() || !members.is_empty() || !content.is_empty();
    differs.then(|| Drift { address: address.clone(), id: record.id, attributes, members, content })
}

/// Those members of the record that are otherwise in Dixa. Where only digests were kept, what is there is the same if
/// it has the same digests.
fn drifted_members(record: &Record, live: &Map<String, Value>) -> Vec<(String, Option<Value>, Value)> {
    let recorded = record.applied.content_before(|| live.clone());
    let mut drifted = Vec::new();
    for (name, value) in recorded.spec.iter().filter(|(name, _)| end_user::is_comparable(name)) {
        let found = live.get(name);
        if recorded.is_withheld(name) {
            drifted.push((name.clone(), None, found.cloned().unwrap_or_default()));
        } else if !end_user::is_same(name, value, found) {
            drifted.push((name.clone(), Some(value.clone()), found.cloned().unwrap_or_default()));
        }
    }
    drifted
}

/// What of the recorded handling is otherwise in Dixa. Tags that others have put on are theirs.
fn drifted_handling(record: &Record, live: &Handled) -> Vec<(String, Option<Value>, Value)> {
    let described = Handling {
        tags: live.tags.iter().flatten().map(|(_, name)| name.clone()).collect(),
        queue: live.member(handling::QUEUE),
        assignee: live.member(handling::ASSIGNEE),
        state: live.state,
    };
    let (recorded, unknown) = record.applied.handled(&described);
    let mut drifted = Vec::new();
    if live.tags.is_some() {
        let still = recorded.as_far_as(&described).member(handling::TAGS).unwrap_or_else(|| Value::Array(vec![]));
        let is_kept = !unknown.contains(&handling::TAGS);
        let before = recorded.member(handling::TAGS).unwrap_or_else(|| Value::Array(vec![]));
        if !is_kept || before != still {
            drifted.push((handling::TAGS.to_owned(), is_kept.then_some(before), still));
        }
    }
    for name in [handling::QUEUE, handling::ASSIGNEE, handling::STATE] {
        let Some(found) = live.member(name) else { continue };
        match recorded.member(name) {
            Some(before) if before != found => drifted.push((name.to_owned(), Some(before), found)),
            None if unknown.contains(&name) => drifted.push((name.to_owned(), None, found)),
            _ => {}
        }
    }
    drifted
}
