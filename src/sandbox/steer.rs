//! What becomes of a conversation: closed, open, pending, in a queue, assigned.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations>. All are PUTs that answer 204 without a body.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_v1::{ChangeLine, Line, Thing};
use crate::sandbox::decode::Members;
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::show::in_seconds;
use crate::sandbox::store::Store;
use crate::sandbox::world::World;

/// What a conversation is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    Close,
    Reopen,
    FollowUp,
    Transfer,
    Claim,
}

/// The parts of a request that decoded.
struct Order {
    steer: Steer,
    /// Who does it, or has the conversation afterwards.
    agent_id: Option<String>,
    queue_id: Option<String>,
    force: bool,
}

impl Order {
    fn decode(steer: Steer, given: &Received) -> Result<Self, Refusal> {
        // Where every member may be left out, so may the body.
        let none = json!({});
        let body = match steer {
            Steer::Close | Steer::Reopen => given.body().unwrap_or(&none),
            Steer::FollowUp | Steer::Transfer | Steer::Claim => given.body()?,
        };
        let members = Members::of(body)?;
        if steer == Steer::FollowUp {
            members.timestamp("timestamp")?;
        }
        let (agent_id, queue_id) = match steer {
            Steer::Claim => (Some(members.uuid("agentId")?), None),
            Steer::Transfer => (members.optional_uuid("userId")?, Some(members.uuid("queueId")?)),
            _ => (members.optional_uuid("userId")?, None),
        };
        Ok(Order { steer, agent_id, queue_id, force: members.flag("force")? })
    }

    /// What does not exist and is made up, unless the sandbox is strict.
    fn learned(&self, world: &World, strict: bool) -> Result<Vec<Thing>, Refusal> {
        let mut learned = Vec::new();
        if let Some(id) = &self.agent_id {
            let agent = Thing::Agent(id.clone());
            if world.end_users.get(id).is_some() {
                return Err(Refusal::Unfit("User is not admin or agent"));
            } else if world.inactive_agents.contains(id) || (strict && !world.knows(&agent)) {
                return Err(Refusal::Unfit("User not found"));
            }
            learned.push(agent);
        }
        if let Some(id) = &self.queue_id {
            let queue = Thing::Queue(id.clone());
            if strict && !world.knows(&queue) {
                return Err(Refusal::Unfit("Queue does not exist"));
            }
            learned.push(queue);
        }
        learned.retain(|thing| !world.knows(thing));
        Ok(learned)
    }

    /// The members that change; null takes one away. `before` is how the conversation reads now.
    fn changed(
        &self,
        before: &Map<String, Value>,
        world: &World,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Refusal> {
        let at = in_seconds(now).to_string();
        let state = |state: &str| json!({ "state": state, "stateUpdatedAt": at });
        let queue = |id: &Value| json!({ "id": id, "queuedAt": at });
        let changed = match self.steer {
            Steer::Close => state("Closed"),
            Steer::FollowUp => state("Pending"),
            Steer::Reopen => {
                let mut changed = state("Open");
                let is_default = |shown: &&Value| shown["isDefault"] == true;
                let default = world.shown_things(|thing| matches!(thing, Thing::Queue(_))).find(is_default);
                if let Some(shown) = default.filter(|_| !before.contains_key("queue")) {
                    changed["queue"] = queue(&shown["id"]);
                }
                changed
            }
            // A queue takes the conversation from whoever has it.
            Steer::Transfer => json!({ "queue": queue(&json!(self.queue_id)), "assignment": null }),
            Steer::Claim => {
                let has_it = before.get("assignment").map(|assignment| &assignment["agentId"]);
                if !self.force && has_it.is_some_and(|other| *other != json!(self.agent_id)) {
                    return Err(Refusal::Assigned);
                }
                json!({ "assignment": { "agentId": self.agent_id, "assignedAt": at } })
            }
        };
        Ok(changed.as_object().cloned().unwrap_or_default())
    }
}

/// Does what the path says.
pub fn steer(store: &Store, id: i64, steer: Steer, given: &Received) -> Result<Answer, Refusal> {
    let order = Order::decode(steer, given)?;
    store.commit(|world| {
        let before = world.seen_conversation(id, given.sights.writes)?.members();
        let learned = order.learned(world, given.strict)?;
        let shown = order.changed(&before, world, given.now)?;
        let change = ChangeLine { conversation_id: id, shown, ..ChangeLine::default() };
        let line = Line { learned, change: Some(change), ..Line::at(given.now) };
        Ok((line, Answer::nothing(StatusCode::NO_CONTENT)))
    })
}
