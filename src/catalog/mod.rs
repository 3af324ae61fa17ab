//! The catalog of a tenant: what manifests can refer to, with the ids that it has there. It holds no customer and no
//! token, so that it can live in git, where manifests are checked against it without a network.

mod difference;
pub mod file_v1;

pub use difference::{Difference, How, Member, differences};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::Definition;

/// What one tenant has. Each list is in ascending order of what people call its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    pub organization: Organization,
    /// Those for contacts among them.
    pub attributes: Vec<Definition>,
    pub agents: Vec<Agent>,
    pub queues: Vec<Queue>,
    /// Inactive ones among them.
    pub tags: Vec<Tag>,
    pub contact_endpoints: Vec<ContactEndpoint>,
}

impl Catalog {
    /// The same with its lists in their order, in which what has not changed stays where it is.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let entity = |definition: &Definition| definition.entity.word().to_owned();
        self.attributes.sort_by_cached_key(|one| (entity(one), one.identifier.clone(), one.id.clone()));
        self.agents.sort_by_cached_key(|one| (one.email.clone(), one.id.clone()));
        self.queues.sort_by_cached_key(|one| (one.name.clone(), one.id.clone()));
        self.tags.sort_by_cached_key(|one| (one.name.clone(), one.id.clone()));
        self.contact_endpoints.sort_by_cached_key(|one| one.id().to_owned());
        self
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        let Catalog { organization: _, attributes, agents, queues, tags, contact_endpoints } = self;
        attributes.len() + agents.len() + queues.len() + tags.len() + contact_endpoints.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whose tenant it is. <https://docs.dixa.io/openapi/dixa-api/v1/organization/getorganization>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "catalogOrganization")]
pub struct Organization {
    pub id: String,
    pub name: String,
}

/// A person or a bot who writes to customers. <https://docs.dixa.io/openapi/dixa-api/v1/agents/getagents>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "catalogAgent")]
pub struct Agent {
    pub email: String,
    pub name: String,
    /// A uuid in lower case.
    pub id: String,
}

/// Where conversations wait for an agent. <https://docs.dixa.io/openapi/dixa-api/v1/queues/getqueues>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "catalogQueue")]
pub struct Queue {
    pub name: String,
    /// A uuid in lower case.
    pub id: String,
}

/// A tag. <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "catalogTag")]
pub struct Tag {
    pub name: String,
    /// A uuid in lower case.
    pub id: String,
    /// No inactive tag can be put on a conversation.
    pub active: bool,
}

/// A mailbox or a phone number. <https://docs.dixa.io/openapi/dixa-api/v1/contact-endpoints/getcontact-endpoints>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", deny_unknown_fields, rename_all_fields = "camelCase")]
#[schemars(rename = "catalogContactEndpoint")]
pub enum ContactEndpoint {
    /// What Dixa calls `emailIntegrationId` is its address.
    Email { address: String, name: String },
    Telephony {
        number: String,
        name: String,
        /// `Sms`, `VoiceInbound`, `VoiceOutbound`.
        functionality: Vec<String>,
    },
}

impl ContactEndpoint {
    /// Its address or number, by which Dixa knows it.
    pub fn id(&self) -> &str {
        match self {
            ContactEndpoint::Email { address, .. } => address,
            ContactEndpoint::Telephony { number, .. } => number,
        }
    }
}
