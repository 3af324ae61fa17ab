//! The HTTP client: [`Read`] and [`Write`] spoken to a tenant.
//!
//! One [`HttpClient`] has one connection pool and one throttle; the readers and writers taken from it share both.
//! Redirects are never followed, and nothing below this repeats a request that may have left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::access::{BaseUrl, BaseUrlError, RateLimit};
use crate::api::contract::{
    AttributeReading, CallError, ConversationReading, Created, Definition, EndUserReading, MessageReading, Order,
    Organization, Permit, Read, ReadCatalog, Write,
};
use crate::api::gate::Gate;
use crate::api::pages::Trail;
use crate::api::proxy::{self, ProxyError};
use crate::api::retry::{CallKind, Decision, decide};
use crate::api::send::{Answer, Request, Sender};
use crate::api::throttle::Throttle;
use crate::api::token::Token;
use crate::api::wire::{self, NotReadable};
use crate::call::Call;
use crate::catalog::{Agent, ContactEndpoint, Queue, Tag};
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind};
use crate::end_user::Lookup;
use crate::handling::Openness;

pub use crate::access::AuthScheme;

/// The largest answer to one call, in bytes after decompression: all messages of a long conversation fit.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The largest page of a list.
pub const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A host that can't be reached in this time is not going to be.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Shorter than any load balancer keeps an idle connection: one that the other side closes while a POST is on its way
/// puts that POST in doubt.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// With or without `/v1`; see [`BaseUrl`].
    pub base_url: String,
    pub token: Token,
    pub auth_scheme: AuthScheme,
    /// From the start of a call to the end of its answer.
    pub timeout: Duration,
    pub rate: RateLimit,
    pub user_agent: String,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    #[error("the rate limit must be a positive number of requests a second and a burst of at least 1")]
    RateLimit,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
}

/// The connection to one tenant.
#[derive(Clone, Debug)]
pub struct HttpClient(Arc<Tenant>);

impl HttpClient {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn new(options: HttpOptions) -> Result<Self, ClientError> {
        HttpClient::gated(options, Gate::open())
    }

    /// [`HttpClient::new`], with calls that write only while the gate is open.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn gated(options: HttpOptions, gate: Gate) -> Result<Self, ClientError> {
        let HttpOptions { base_url, token, auth_scheme, timeout, rate, user_agent } = options;
        let base = BaseUrl::parse(&base_url)?;
        if !(rate.requests_per_second.is_finite() && rate.requests_per_second > 0.0 && rate.burst >= 1) {
            return Err(ClientError::RateLimit);
        }
        // An error says that there is a provider already, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(timeout)
            // A little sooner than the whole, so that what never connected is known not to have been sent.
            .connect_timeout(CONNECT_TIMEOUT_MAX.min(timeout * 4 / 5))
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            // What Dixa has always been asked with; another client in this program brings HTTP/2 with it.
            .http1_only()
            .tcp_nodelay(true)
            .gzip(true)
            .referer(false);
        if base.is_loopback() {
            // A proxy would take this for its own loopback.
            builder = builder.no_proxy();
        } else {
            proxy::check()?;
        }
        if base.is_plain() {
            // Reading the system's certificates takes longer than a whole apply to the sandbox.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(ClientError::Setup)?;
        let sender = Sender { client, token, scheme: auth_scheme, timeout, gate };
        let throttle = Throttle::new(rate);
        let departures = Throttle::new(rate);
        Ok(HttpClient(Arc::new(Tenant { base, sender, throttle, departures })))
    }

    /// The base URL in its one spelling.
    pub fn base_url(&self) -> &BaseUrl {
        &self.0.base
    }

    /// A client that cannot write.
    pub fn reader(&self) -> ReadClient {
        Client(Arc::clone(&self.0), ToRead)
    }

    /// A client that can.
    pub fn writer(&self) -> WriteClient {
        Client(Arc::clone(&self.0), ToWrite)
    }
}

/// A tenant with leave to do what `Leave` says.
#[derive(Clone, Debug)]
pub struct Client<Leave>(Arc<Tenant>, Leave);

/// Leave to read only.
#[derive(Clone, Debug)]
pub struct ToRead;

/// Leave to read and to write.
#[derive(Clone, Debug)]
pub struct ToWrite;

/// Reads from a tenant.
pub type ReadClient = Client<ToRead>;

/// Reads from a tenant and writes to it.
pub type WriteClient = Client<ToWrite>;

/// A random number from 0 to 1, for [`decide`].
pub fn random_jitter() -> f64 {
    // The last six bytes of a version 4 uuid are random in all their bits.
    let [.., a, b, c, d, e, f] = *uuid::Uuid::new_v4().as_bytes();
    u64::from_be_bytes([0, 0, a, b, c, d, e, f]) as f64 / (1u64 << 48) as f64
}

impl<Leave: Send + Sync> Read for Client<Leave> {
    async fn organization(&self) -> Result<Organization, CallError> {
        self.0.read_one(&Call::Organization, wire::organization).await
    }

    async fn definitions(&self) -> Result<Vec<Definition>, CallError> {
        self.0.read_one(&Call::Definitions, wire::definitions).await
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationReading, CallError> {
        self.0.read_one(&Call::One(Id::from(id).into()), wire::conversation).await
    }

    async fn messages(&self, id: ConversationId) -> Result<Vec<MessageReading>, CallError> {
        self.0.read_one(&Call::Messages(id), wire::messages).await
    }

    async fn tags(&self) -> Result<Vec<Tag>, CallError> {
        self.0.read_pages(&Call::Tags, wire::tags).await
    }

    async fn tags_of(&self, id: ConversationId) -> Result<Vec<Tag>, CallError> {
        self.0.read_one(&Call::TagsOf(Id::from(id).into()), wire::tags_of).await
    }

    async fn end_user(&self, id: EndUserId) -> Result<EndUserReading, CallError> {
        self.0.read_one(&Call::One(Id::from(id).into()), wire::end_user).await
    }

    async fn end_users_by(&self, lookup: &Lookup) -> Result<Vec<EndUserReading>, CallError> {
        let found = match self.0.read_pages(&Call::EndUsersBy(lookup.clone()), wire::end_users).await {
            Ok(found) => found,
            // Both an empty list and this say that there is none.
            Err(CallError::Rejected { status: 404, .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let found = found.into_iter().map(|reading| (reading.id, reading)).collect::<BTreeMap<_, _>>();
        let is_meant =
            |reading: &EndUserReading| lookup.finds(&reading.members) || lookup.finds_as_additional(&reading.members);
        Ok(found.into_values().filter(is_meant).collect())
    }

    async fn conversations_of(&self, requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        let found = self.0.read_pages(&Call::ConversationsOf(requester.to_owned()), wire::conversations).await?;
        let by_id: BTreeMap<_, _> = found.into_iter().map(|reading| (reading.id, reading)).collect();
        Ok(by_id.into_values().collect())
    }
}

impl<Leave: Send + Sync> ReadCatalog for Client<Leave> {
    async fn agents(&self) -> Result<Vec<Agent>, CallError> {
        self.0.read_pages(&Call::Agents, wire::agents).await
    }

    async fn agents_by(&self, email: &str) -> Result<Vec<Agent>, CallError> {
        self.0.read_pages(&Call::AgentsBy(email.to_owned()), wire::agents).await
    }

    async fn is_there(&self, call: &Call) -> Result<(), CallError> {
        self.0.read_one(call, |_| Ok(())).await
    }

    async fn queues(&self) -> Result<Vec<Queue>, CallError> {
        self.0.read_pages(&Call::Queues, wire::queues).await
    }

    async fn contact_endpoints(&self) -> Result<Vec<ContactEndpoint>, CallError> {
        self.0.read_pages(&Call::ContactEndpoints, wire::contact_endpoints).await
    }
}

impl Write for WriteClient {
    async fn permit(&self) -> Permit {
        self.0.throttle.wait().await;
        Permit::granted()
    }

    async fn make(&self, _permit: Permit, kind: Kind, body: &Map<String, Value>) -> Result<Created, CallError> {
        let answer = self.0.write(&Call::Make(kind), Some(wire::make_body(body))).await?;
        let Created { id, partial_errors } =
            wire::created(kind, &answer.body).map_err(|error| self.0.sender.unreadable(answer.status, &error))?;
        Ok(Created { id, partial_errors: self.0.sender.messages(partial_errors) })
    }

    async fn change_end_user(
        &self,
        _permit: Permit,
        id: EndUserId,
        members: &Map<String, Value>,
    ) -> Result<(), CallError> {
        let call = Call::Change(Id::from(id).into());
        self.0.write(&call, Some(wire::make_body(members))).await.map(|_| ())
    }

    async fn patch_attributes(
        &self,
        _permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        let body = wire::attributes_body(attributes);
        let answer = self.0.write(&Call::SetAttributes(id.into()), Some(body)).await?;
        // It was done, whatever the body says. A value missing in the body can't be compared; --verify reads it back.
        Ok(wire::patched(&answer.body).unwrap_or_default())
    }

    async fn make_tag(&self, _permit: Permit, name: &str) -> Result<Tag, CallError> {
        let body = json!({ "name": name }).to_string();
        let answer = self.0.write(&Call::MakeTag(name.to_owned()), Some(body)).await?;
        wire::made_tag(&answer.body).map_err(|error| self.0.sender.unreadable(answer.status, &error))
    }

    async fn handle(&self, _permit: Permit, id: ConversationId, order: Order<'_>) -> Result<(), CallError> {
        let subject = Id::from(id).into();
        let (call, body) = match order {
            Order::PutTag(tag) => (Call::PutTag(subject, tag.to_owned()), None),
            Order::TakeTag(tag) => (Call::TakeTag(subject, tag.to_owned()), None),
            Order::Transfer(queue) => (Call::Transfer(subject), Some(json!({ "queueId": queue }))),
            Order::Claim(agent) => (Call::Claim(subject), Some(json!({ "agentId": agent, "force": true }))),
            Order::State(Openness::Closed) => (Call::Close(subject), Some(json!({}))),
            Order::State(Openness::Open) => (Call::Reopen(subject), Some(json!({}))),
        };
        self.0.write(&call, body.map(|body| body.to_string())).await.map(|_| ())
    }
}

/// What readers and writers of one tenant share.
#[derive(Debug)]
struct Tenant {
    base: BaseUrl,
    sender: Sender,
    throttle: Throttle,
    /// Asked once more when a request leaves: between a permit and its request something is written to the disk, and
    /// where that takes its time, permits that were given one by one would leave as a burst. It never holds up what is
    /// on time.
    departures: Throttle,
}

impl Tenant {
    async fn read_one<T>(&self, call: &Call, parse: fn(&[u8]) -> Result<T, NotReadable>) -> Result<T, CallError> {
        self.read(self.base.of(call), ANSWER_BYTES_MAX, parse).await
    }

    /// Reads all pages of a list.
    async fn read_pages<T>(
        &self,
        call: &Call,
        parse: fn(&[u8]) -> Result<wire::Page<T>, NotReadable>,
    ) -> Result<Vec<T>, CallError> {
        let mut trail = Trail::new(self.base.clone(), self.base.of(call));
        let mut found = Vec::new();
        loop {
            let page = self.read(trail.current().clone(), PAGE_BYTES_MAX, parse).await?;
            let is_empty = page.items.is_empty();
            found.extend(page.items);
            let goes_on = trail.advance(page.next.as_deref(), is_empty);
            if !goes_on.map_err(|error| CallError::Lost { message: self.sender.message(error.to_string()) })? {
                return Ok(found);
            }
        }
    }

    /// Reads one answer, trying again as [`crate::api::retry`] says.
    async fn read<T>(
        &self,
        url: Url,
        answer_max: usize,
        parse: fn(&[u8]) -> Result<T, NotReadable>,
    ) -> Result<T, CallError> {
        self.throttle.wait().await;
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let request = Request { method: Method::GET, url: url.clone(), body: None, answer_max };
            let result = self
                .send(request)
                .await
                .and_then(|answer| parse(&answer.body).map_err(|error| self.sender.unreadable(answer.status, &error)));
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match decide(CallKind::Read, &error, attempt, began.elapsed(), random_jitter()) {
                Decision::RetryAfter(wait) => tokio::time::sleep(wait).await,
                Decision::GiveUp | Decision::InDoubt | Decision::StopAll => return Err(error),
            }
            self.throttle.wait().await;
            attempt += 1;
        }
    }

    /// One attempt to write.
    async fn write(&self, call: &Call, body: Option<String>) -> Result<Answer, CallError> {
        let method = Method::from_bytes(call.method().as_bytes()).expect("a call has a method of HTTP");
        self.send(Request { method, url: self.base.of(call), body, answer_max: ANSWER_BYTES_MAX }).await
    }

    async fn send(&self, request: Request) -> Result<Answer, CallError> {
        self.departures.wait().await;
        let result = self.sender.send(request).await;
        if let Err(CallError::RateLimited { retry_after, .. }) = &result {
            self.throttle.slow_down(*retry_after);
        }
        result
    }
}

#[cfg(test)]
mod tests;
