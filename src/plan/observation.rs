//! What was read of the tenant, for a plan that refreshes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::conversation::{Address, AttributeValue, Attributes, Kind};
use crate::end_user;
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
    /// What is otherwise than described in the content of a conversation.
    pub deviations: Vec<Deviation>,
    /// It is another conversation: that of another requester, or of another channel.
    pub is_another: bool,
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
            Some(recorded) if is_tidied(&recorded, &live) => {
                content.push(Deviation { thing: format!("attribute {id}"), described: Some(recorded), found: live });
            }
            recorded => attributes.push((id, recorded, live)),
        }
    }
    let members = if address.kind == Kind::EndUser { drifted_members(record, &seen.members) } else { Vec::new() };
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
