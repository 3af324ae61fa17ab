//! What is otherwise in the tenant, as JSON of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::change::Drift;
use crate::plan::compare::Deviation;
use crate::plan::json_parts::{AddressV1, IdV1};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "drift")]
pub struct DriftV1 {
    address: AddressV1,
    id: IdV1,
    attributes: Vec<DriftedV1>,
    /// Members of an end user; tags, queue, assignee and state of a conversation
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<DriftedV1>,
    /// What is never planned back
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    content: Vec<DeviationV1>,
}

/// One thing that is otherwise in Dixa
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "deviation")]
pub struct DeviationV1 {
    /// In plain words
    thing: String,
    /// Null also if it was not kept
    described: Value,
    /// Null where nothing is there
    found: Value,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "drifted")]
struct DriftedV1 {
    /// The id of the attribute, or the name of the member
    id: String,
    /// What the record has; null also if that was not kept
    recorded: Value,
    /// What the tenant has
    live: Value,
}

impl From<&Drift> for DriftV1 {
    fn from(Drift { address, id, attributes, members, content }: &Drift) -> Self {
        let written = |all: &[(String, Option<Value>, Value)]| {
            let drifted = |(id, recorded, live): &(String, Option<Value>, Value)| DriftedV1 {
                id: id.clone(),
                recorded: recorded.clone().unwrap_or_default(),
                live: live.clone(),
            };
            all.iter().map(drifted).collect()
        };
        let (attributes, members) = (written(attributes), written(members));
        let content = content.iter().map(DeviationV1::from).collect();
        DriftV1 { address: address.into(), id: IdV1(*id), attributes, members, content }
    }
}

impl From<&Deviation> for DeviationV1 {
    fn from(Deviation { thing, described, found }: &Deviation) -> Self {
        let described = described.clone().unwrap_or_default();
        DeviationV1 { thing: thing.clone(), described, found: found.clone() }
    }
}

impl DriftV1 {
    pub fn read(self) -> Drift {
        let read = |all: Vec<DriftedV1>| all.into_iter().map(|one| (one.id, Some(one.recorded), one.live)).collect();
        let content = self.content.into_iter().map(DeviationV1::read).collect();
        Drift {
            address: self.address.0,
            id: self.id.0,
            attributes: read(self.attributes),
            members: read(self.members),
            content,
        }
    }
}

impl DeviationV1 {
    pub fn read(self) -> Deviation {
        Deviation { thing: self.thing, described: Some(self.described), found: self.found }
    }
}
