//! What every sandbox knows from the start: the ids and definitions of the documentation's samples.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/> and the samples of creating, importing and
//! patching.

use serde_json::{Value, json};

use crate::sandbox::definition::Definition;
use crate::sandbox::world::{EndUser, World};

/// The email integration of the sample of creating a conversation.
pub const EMAIL_INTEGRATION: &str = "my-integration@email.dixa.io";

/// When the known end users came to be.
const SINCE: &str = "2020-12-16T09:41:43Z";

/// The world of a sandbox that has no seed and no data yet.
pub fn known() -> World {
    let mut world = World::new(json!({
        "id": "e9609fa9-efff-4fdc-a7ef-dd335f33c5f6",
        "name": "Example Organization",
        "subdomain": "example-org",
        "status": "Active",
    }));
    let end_users = [
        ("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b", "Alice Brown", "alice@example.com"),
        ("4f1f3a86-6b90-411a-9a3b-cf2e4c4cd7cd", "Bob Gray", "bob@example.com"),
    ];
    for (id, name, email) in end_users {
        let end_user = EndUser { created_at: SINCE.to_owned(), display_name: name.to_owned(), email: email.to_owned() };
        world.end_users.insert(id.to_owned(), end_user);
    }
    world.agents.insert("cd4ceb58-bb3a-443c-9cd8-4f088feafe5b".to_owned(), true);
    world.queues.insert("cd87b232-64c8-4ad5-b81a-6f9233352d97".to_owned());
    world.email_integrations.extend([EMAIL_INTEGRATION.to_owned(), "sample-integration@email.dixa.io".to_owned()]);
    for definition in definitions() {
        world.define(Definition::fixed(definition));
    }
    world
}

fn definitions() -> [Value; 5] {
    [
        described(
            "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35",
            ("conversation_attribute", "Conversation attribute"),
            json!({ "_type": "Text" }),
        ),
        described(
            "e14708a6-eed9-495c-9d88-c72331e9e247",
            ("conversation_attribute_2", "Conversation attribute 2"),
            select(vec![
                option(
                    "0e0e6a3c-51f5-4c10-8f2d-5f0c5ad7c001",
                    "Str1",
                    1,
                    vec![option("0e0e6a3c-51f5-4c10-8f2d-5f0c5ad7c002", "Str2", 2, vec![])],
                ),
                option(
                    "0e0e6a3c-51f5-4c10-8f2d-5f0c5ad7c003",
                    "Payment",
                    3,
                    vec![
                        option("0e0e6a3c-51f5-4c10-8f2d-5f0c5ad7c004", "Card", 4, vec![]),
                        option("0e0e6a3c-51f5-4c10-8f2d-5f0c5ad7c005", "Bank Transfer", 5, vec![]),
                    ],
                ),
                option("0e0e6a3c-51f5-4c10-8f2d-5f0c5ad7c006", "Access", 6, vec![]),
            ]),
        ),
        parcel_id(),
        contact_reason(),
        location(),
    ]
}

fn parcel_id() -> Value {
    json!({
        "id": "c43fc767-f89b-443a-9c98-90f53f940bd7",
        "entityType": "Conversation",
        "identifier": "parcel_id",
        "label": "Parcel ID",
        "inputDefinition": { "placeholder": "1234", "_type": "Text" },
        "description": "Id of the parcel",
        "createdAt": "2023-01-01T08:23:54.246Z[GMT]",
        "updatedAt": "2023-01-11T12:25:23.837Z[GMT]",
        "isRequired": false,
        "isArchived": false,
        "isDeactivated": false,
    })
}

fn contact_reason() -> Value {
    let options = vec![
        option(
            "5e2be744-cc2b-4bda-8c76-feb7b28f2970",
            "Payment",
            1,
            vec![
                option("666de4d5-0c6e-421c-a25e-d53073070af4", "Card", 2, vec![]),
                option("db26964a-5a88-4689-ad34-8a5f21cd9cd6", "Bank Transfer", 3, vec![]),
            ],
        ),
        option("05d43b25-32a4-49e2-97c0-8723dc73f7bb", "Access", 4, vec![]),
    ];
    json!({
        "id": "db5f673b-1c40-41e7-b71f-caab342f0607",
        "entityType": "Conversation",
        "identifier": "contact_reason",
        "label": "Contact Reason",
        "inputDefinition": select(options),
        "description": "Reason for contacting",
        "createdAt": "2023-01-05T06:42:31.532Z[GMT]",
        "isRequired": true,
        "isArchived": false,
        "isDeactivated": false,
    })
}

fn location() -> Value {
    let cities = vec![
        option("ac4e65ea-7b84-4889-a3b5-b957926178c6", "Copenhagen", 6, vec![]),
        option("35fa047e-c1f2-4d8d-be54-2adb7d326781", "Aarhus", 7, vec![]),
    ];
    json!({
        "id": "66121f54-98ee-4727-a4e7-1a373d411ccf",
        "entityType": "Contact",
        "identifier": "location",
        "label": "Location",
        "inputDefinition": select(vec![option("6c5efa22-8b49-4205-bb7c-52e86af3a369", "Denmark", 5, cities)]),
        "description": "End user's known city",
        "createdAt": "2023-01-01T08:25:50.246Z[GMT]",
        "updatedAt": "2023-02-01T09:01:52.2Z[GMT]",
        "isRequired": false,
        "isArchived": false,
        "isDeactivated": false,
    })
}

/// A definition of which the samples show values only.
fn described(id: &str, (identifier, label): (&str, &str), input: Value) -> Value {
    json!({
        "id": id,
        "entityType": "Conversation",
        "identifier": identifier,
        "label": label,
        "inputDefinition": input,
        "createdAt": "2023-01-01T08:23:54.246Z[GMT]",
        "isRequired": false,
        "isArchived": false,
        "isDeactivated": false,
    })
}

fn select(options: Vec<Value>) -> Value {
    json!({ "options": options, "_type": "Select" })
}

/// An option whose value is its label in snake case.
fn option(id: &str, label: &str, order_index: i32, nested: Vec<Value>) -> Value {
    json!({
        "id": id,
        "label": label,
        "value": label.to_ascii_lowercase().replace(' ', "_"),
        "nestedOptions": nested,
        "isDeactivated": false,
        "orderIndex": order_index,
    })
}
