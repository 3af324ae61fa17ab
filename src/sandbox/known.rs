//! What every sandbox knows from the start: the ids and definitions of the documentation's samples.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/> and the samples of creating, importing and
//! patching.

use serde_json::{Value, json};

use crate::sandbox::seed::sow;
use crate::sandbox::world::World;

/// The email integration of the sample of creating a conversation.
pub const EMAIL_INTEGRATION: &str = "my-integration@email.dixa.io";

/// The samples, as a seed like those of users.
const SAMPLES: &str = include_str!("known.json");

/// The world of a sandbox that has no seed and no data yet.
pub fn known() -> World {
    sown(samples())
}

/// The world of a sandbox that knows its seed alone: an organization must have a name.
pub fn organization_alone() -> World {
    sown(json!({ "organization": samples()["organization"] }))
}

fn samples() -> Value {
    serde_json::from_str(SAMPLES).expect("the samples are JSON")
}

fn sown(seed: Value) -> World {
    let mut world = World::new(json!({ "id": "", "name": "", "subdomain": "", "status": "Active" }));
    sow(&seed, &mut world).expect("the samples are a seed");
    world
}
