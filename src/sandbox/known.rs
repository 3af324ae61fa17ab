//! What every sandbox knows from the start: the ids and definitions of the documentation's samples.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/> and the samples of creating, importing and
//! patching.

use serde_json::json;

use crate::sandbox::seed::sow;
use crate::sandbox::world::World;

/// The email integration of the sample of creating a conversation.
pub const EMAIL_INTEGRATION: &str = "my-integration@email.dixa.io";

/// When the known end users came to be.
const SINCE: &str = "2020-12-16T09:41:43Z";

/// The samples, as a seed like those of users.
const SAMPLES: &str = include_str!("known.json");

/// The world of a sandbox that has no seed and no data yet.
pub fn known() -> World {
    let mut world = World::new(json!({ "id": "", "name": "", "subdomain": "", "status": "Active" }));
    let samples = serde_json::from_str(SAMPLES).expect("the samples are JSON");
    sow(&samples, &mut world).expect("the samples are a seed");
    for end_user in world.end_users.values_mut() {
        SINCE.clone_into(&mut end_user.created_at);
    }
    world
}
