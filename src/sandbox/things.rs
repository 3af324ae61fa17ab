//! How agents, queues and contact endpoints read.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/agents/getagents>,
//! <https://docs.dixa.io/openapi/dixa-api/v1/queues/getqueues>,
//! <https://docs.dixa.io/openapi/dixa-api/v1/contact-endpoints/getcontact-endpoints>

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::data_v1::{Named, Thing};
use crate::sandbox::provided::Kind;

/// When things came to be that nobody made.
pub const SINCE: &str = "2023-01-01T00:00:00Z";

/// As the API shows it. `given` are the members that somebody has said; the others are made up. A widget is nowhere to
/// be read.
pub fn shown(thing: &Thing, organization: &Value, given: &Map<String, Value>) -> Value {
    let mut shown = match thing {
        Thing::EndUser(_) | Thing::Widget(_) => return Value::Null,
        Thing::Agent(id) => json!({
            "id": id,
            "createdAt": SINCE,
            "displayName": format!("Agent {}", short(id)),
            "email": made_up_email(id),
            "roles": ["Agent"],
        }),
        Thing::Queue(id) => json!({
            "id": id,
            "name": made_up_queue(id),
            "organizationId": organization["id"],
            "isDefault": false,
            "queueThresholds": {},
            "slaCalculationMethod": "Default",
            "doNotOfferTimeouts": {},
            "isDoNotOfferEnabled": false,
        }),
        Thing::EmailIntegration(address) => json!({ "_type": "EmailEndpoint", "address": address, "name": address }),
        Thing::ContactEndpoint(number) => json!({
            "_type": "TelephonyEndpoint",
            "number": number,
            "functionality": ["Sms", "VoiceInbound", "VoiceOutbound"],
            "name": number,
        }),
    };
    if let Some(members) = shown.as_object_mut() {
        members.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    shown
}

/// An agent of whom only the address is known.
pub fn named_agent(organization: &Value, email: &str) -> Named {
    let members =
        Map::from_iter([("email".to_owned(), Value::from(email)), ("displayName".to_owned(), Value::from(email))]);
    Named { thing: Thing::Agent(id_of(organization, "agent", email)), members }
}

/// A queue of which only the name is known.
pub fn named_queue(organization: &Value, name: &str) -> Named {
    let members = Map::from_iter([("name".to_owned(), Value::from(name))]);
    Named { thing: Thing::Queue(id_of(organization, "queue", name)), members }
}

/// What kind a thing is of, and what a manifest calls it: the name, if somebody gave it one, or else the id.
pub fn named(thing: &Thing, shown: Option<&Value>) -> (Kind, String) {
    let given = |member: &str, made_up: String| {
        shown.and_then(|shown| shown[member].as_str()).filter(|name| *name != made_up).map(str::to_owned)
    };
    match thing {
        Thing::EndUser(id) => (Kind::EndUser, id.clone()),
        Thing::Agent(id) => (Kind::Agent, given("email", made_up_email(id)).unwrap_or_else(|| id.clone())),
        Thing::Queue(id) => (Kind::Queue, given("name", made_up_queue(id)).unwrap_or_else(|| id.clone())),
        Thing::Widget(id) => (Kind::Widget, id.clone()),
        Thing::EmailIntegration(address) => (Kind::EmailIntegration, address.clone()),
        Thing::ContactEndpoint(number) => (Kind::ContactEndpoint, number.clone()),
    }
}

fn made_up_email(id: &str) -> String {
    format!("{id}@example.com")
}

fn made_up_queue(id: &str) -> String {
    format!("Queue {}", short(id))
}

/// The id of what has only a name: the same each time, and another in every organization.
pub fn id_of(organization: &Value, kind: &str, name: &str) -> String {
    let organization = organization["id"].as_str().unwrap_or_default();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{organization}/{kind}/{name}").as_bytes()).to_string()
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
