//! What is asked of Dixa, in our words: two capabilities, what they answer, and how a call can fail.
//!
//! Nothing here knows HTTP; what is read just as Dixa writes it has serde's derive. [`Read`] retries by itself, since a
//! read can be repeated. [`Write`] makes one attempt per call, since whoever calls it must write a journal between the
//! permit and the call, and decides about a second attempt with [`crate::api::retry`].

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::catalog::{Agent, ContactEndpoint, Queue, Tag};
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind};
pub use crate::definition::Definition;
use crate::end_user::Lookup;
use crate::handling::Openness;
pub use crate::reading::{AttributeReading, ConversationReading, EndUserReading, MessageReading};

/// Everything that can be asked without changing the tenant.
///
/// Every call waits for the rate limit and is retried within the bounds of [`crate::api::retry`]; what it fails with is
/// the error of its last attempt.
pub trait Read: Send + Sync {
    /// Whose tenant this is. <https://docs.dixa.io/openapi/dixa-api/v1/organization/getorganization>
    fn organization(&self) -> impl Future<Output = Result<Organization, CallError>> + Send;

    /// All definitions of custom attributes, those for contacts among them.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/>
    fn definitions(&self) -> impl Future<Output = Result<Vec<Definition>, CallError>> + Send;

    /// One conversation with its attributes. A conversation that is gone is [`CallError::Rejected`] with status 404.
    /// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
    fn conversation(&self, id: ConversationId) -> impl Future<Output = Result<ConversationReading, CallError>> + Send;

    /// The messages of a conversation, oldest first. <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>
    fn messages(&self, id: ConversationId) -> impl Future<Output = Result<Vec<MessageReading>, CallError>> + Send;

    /// All tags of the tenant, inactive ones among them. <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>
    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>, CallError>> + Send;

    /// The tags of a conversation. <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>
    fn tags_of(&self, id: ConversationId) -> impl Future<Output = Result<Vec<Tag>, CallError>> + Send;

    /// One end user with its attributes. One that is gone is [`CallError::Rejected`] with status 404.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuserid>
    fn end_user(&self, id: EndUserId) -> impl Future<Output = Result<EndUserReading, CallError>> + Send;

    /// Those end users that have what is looked up as their own, or as one of several more; from all pages, in
    /// ascending order of id, each once, without their attributes. None is no error, and neither are several, where
    /// Dixa lists them; it may also answer 400.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers>
    fn end_users_by(&self, lookup: &Lookup) -> impl Future<Output = Result<Vec<EndUserReading>, CallError>> + Send;

    /// All conversations of an end user, in ascending order of id, each once; their attributes are not listed. It is an
    /// error if a page could not be had, is empty and names a next one, or leads back: a part is never the whole.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuseridconversations>
    fn conversations_of(&self, requester: &str) -> impl Future<Output = Conversations> + Send;
}

/// What [`Read::conversations_of`] gives.
pub type Conversations = Result<Vec<ConversationReading>, CallError>;

/// What a [`Catalog`](crate::catalog::Catalog) is made of. All lists are whole; see [`Read::conversations_of`].
pub trait ReadCatalog: Read {
    /// All agents, from all pages. <https://docs.dixa.io/openapi/dixa-api/v1/agents/getagents>
    fn agents(&self) -> impl Future<Output = Result<Vec<Agent>, CallError>> + Send;

    /// Those agents that have this e-mail address; none is no error. See [`ReadCatalog::agents`].
    fn agents_by(&self, email: &str) -> impl Future<Output = Result<Vec<Agent>, CallError>> + Send;

    /// Whether what a call reads is there: any 2xx says so; one that is not is [`CallError::Rejected`] with status 404.
    fn is_there(&self, call: &Call) -> impl Future<Output = Result<(), CallError>> + Send;

    /// <https://docs.dixa.io/openapi/dixa-api/v1/queues/getqueues>
    fn queues(&self) -> impl Future<Output = Result<Vec<Queue>, CallError>> + Send;

    /// <https://docs.dixa.io/openapi/dixa-api/v1/contact-endpoints/getcontact-endpoints>
    fn contact_endpoints(&self) -> impl Future<Output = Result<Vec<ContactEndpoint>, CallError>> + Send;
}

/// Everything that changes the tenant. One call is one attempt.
pub trait Write: Read {
    /// Waits until the rate limit lets one call through. First come, first served; dropping the future costs nobody
    /// else their turn.
    fn permit(&self) -> impl Future<Output = Permit> + Send;

    /// Makes a conversation or an end user of `body`, which is sent as it is written.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>,
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport>,
    /// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers>
    fn make(
        &self,
        permit: Permit,
        kind: Kind,
        body: &Map<String, Value>,
    ) -> impl Future<Output = Result<Created, CallError>> + Send;

    /// Sets these members of an end user and no others.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuserid>
    fn change_end_user(
        &self,
        permit: Permit,
        id: EndUserId,
        members: &Map<String, Value>,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// Writes these attributes and no others. What is answered may be all attributes or the written ones; Dixa
    /// does not say.
    /// <https://docs.dixa.io/openapi/dixa-api/beta/custom-attributes/patchconversationsconversationidcustom-attributes>
    fn patch_attributes(
        &self,
        permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> impl Future<Output = Result<Vec<AttributeReading>, CallError>> + Send;

    /// Makes the tag of this name, or finds it: a second call makes no second tag.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>
    fn make_tag(&self, permit: Permit, name: &str) -> impl Future<Output = Result<Tag, CallError>> + Send;

    /// Sets one thing of how a conversation is handled. <https://docs.dixa.io/openapi/dixa-api/v1/conversations>,
    /// <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>
    fn handle(
        &self,
        permit: Permit,
        id: ConversationId,
        order: Order<'_>,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// What is set of how a conversation is handled; things are named by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'o> {
    PutTag(&'o str),
    TakeTag(&'o str),
    /// Put it into this queue.
    Transfer(&'o str),
    /// Assign it to this agent, whoever has it.
    Claim(&'o str),
    State(Openness),
}

/// Proof that the rate limit was waited for. Good for one call, and carries nothing else.
#[derive(Debug)]
#[must_use = "a permit that is not used is a call of the rate limit lost"]
pub struct Permit(());

impl Permit {
    /// For whoever implements [`Write`]: to be given out only after the rate limit was waited for.
    pub fn granted() -> Self {
        Permit(())
    }
}

/// A Dixa organization.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Organization {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

/// What making a conversation or an end user answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub id: Id,
    /// What Dixa could not do although it exists, in its own words.
    pub partial_errors: Vec<String>,
}

/// Why a call failed, told apart by what is certain afterwards.
///
/// The messages hold neither the token nor a request's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request did not leave: no such host, connection refused, no agreement about TLS. Surely not done.
    #[error("could not reach the API: {message}")]
    NotSent { message: String },
    /// Nothing gets through to the API: a certificate is not trusted, a proxy refuses. Surely not done; asking again
    /// changes nothing.
    #[error("could not reach the API: {message}")]
    Barred { message: String, hint: String },
    /// 429. Surely not done. The pause that the answer asks for, if it does.
    #[error("the rate limit is exceeded: {message}")]
    RateLimited { retry_after: Option<Duration>, message: String },
    /// 401 or 403. Surely not done, and neither will be anything else with this token.
    #[error("the token is refused: {message} ({status})")]
    Unauthorized { status: u16, message: String },
    /// Any other 4xx, and any 3xx. Surely not done; asking again changes nothing. The message is Dixa's own.
    #[error("{message} ({status})")]
    Rejected { status: u16, message: String },
    /// 5xx. Perhaps done.
    #[error("the API failed: {message} ({status})")]
    ServerError { status: u16, message: String },
    /// The request left and no answer came back: a timeout, a broken connection. Perhaps done.
    #[error("no usable answer: {message}")]
    Lost { message: String },
    /// A 2xx whose body could not be read, is too large, or is not what was asked for. Done.
    #[error("no usable answer: {message} ({status})")]
    Unreadable { status: u16, message: String },
}

impl CallError {
    /// Whether it is certain that the call changed nothing.
    pub fn surely_not_done(&self) -> bool {
        match self {
            CallError::NotSent { .. }
            | CallError::Barred { .. }
            | CallError::RateLimited { .. }
            | CallError::Unauthorized { .. }
            | CallError::Rejected { .. } => true,
            CallError::ServerError { .. } | CallError::Lost { .. } | CallError::Unreadable { .. } => false,
        }
    }

    /// Whether it is a 400 that speaks of an external id. "Duplicate externalId" is among the documented reasons for a
    /// 400, and its text is not documented, so any spelling counts, and no other word has to be there.
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>
    pub fn is_about_external_id(&self) -> bool {
        let CallError::Rejected { status: 400, message } = self else { return false };
        let letters = message.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
        letters.collect::<String>().contains("externalid")
    }

    /// Whether the token is good and its user may not do this. Whoever doesn't know the token at all says 401, too,
    /// with another text. <https://docs.dixa.io/docs/api-standards-rules>
    pub fn lacks_right(&self) -> bool {
        match self {
            CallError::Unauthorized { status: 403, .. } => true,
            CallError::Unauthorized { message, .. } => message.contains("User is unauthorized"),
            _ => false,
        }
    }

    /// What to do about a token that is refused.
    pub fn about_token(&self) -> &'static str {
        if self.lacks_right() {
            "the token is known, but its user may not do this: give that user the right, or use the token of a user \
             who has it"
        } else {
            "Dixa does not know this token: check the variable or file that it comes from, and which organization it \
             belongs to"
        }
    }

    /// The HTTP status, where an answer with an error came.
    pub fn status(&self) -> Option<u16> {
        match self {
            CallError::RateLimited { .. } => Some(429),
            CallError::Unauthorized { status, .. }
            | CallError::Rejected { status, .. }
            | CallError::ServerError { status, .. }
            | CallError::Unreadable { status, .. } => Some(*status),
            CallError::NotSent { .. } | CallError::Barred { .. } | CallError::Lost { .. } => None,
        }
    }

    /// What Dixa said, or what happened on the way.
    pub fn message(&self) -> &str {
        match self {
            CallError::NotSent { message }
            | CallError::Barred { message, .. }
            | CallError::RateLimited { message, .. }
            | CallError::Unauthorized { message, .. }
            | CallError::Rejected { message, .. }
            | CallError::ServerError { message, .. }
            | CallError::Lost { message }
            | CallError::Unreadable { message, .. } => message,
        }
    }
}
