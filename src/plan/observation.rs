//! What was read of the tenant, for a plan that refreshes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::conversation::{Address, AttributeValue, Attributes};
use crate::plan::change::Drift;
use crate::state::Record;

/// What is there where a record says that a conversation is.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// The conversation, with the values of its attributes by the id of their definition.
    Present(BTreeMap<String, Value>),
    /// 404.
    NotFound,
    /// Its content is gone for good, and it takes no attributes.
    Anonymized,
}

/// By address; what was not read is not here.
pub type Observations = BTreeMap<Address, Observation>;

/// The attributes that dixaform wrote and that have another value now: id, what the record has, what is there.
pub fn drift(address: &Address, record: &Record, live: &BTreeMap<String, Value>) -> Option<Drift> {
    let as_attributes: Attributes =
        live.iter().filter_map(|(id, value)| Some((id.clone(), AttributeValue::from_value(value)?))).collect();
    let recorded = record.applied.attribute_values(&as_attributes);
    let attributes: Vec<_> = recorded
        .into_iter()
        .map(|(id, recorded)| {
            let live = live.get(&id).cloned().unwrap_or(Value::Null);
            (id, recorded, live)
        })
        .filter(|(_, recorded, live)| recorded.as_ref() != Some(live))
        .collect();
    (!attributes.is_empty()).then(|| Drift { address: address.clone(), id: record.id, attributes })
}
