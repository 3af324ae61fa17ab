//! The one place where a request is received: its token, its limit, its body, its route, its log line.
//!
//! The order of refusals is: no token, rate limit, body too large, no such path, wrong method, path, body, and only
//! then what the request means. The body is read before a refusal is answered, so that a client which is still
//! sending it hears the refusal instead of a broken connection.
//!
//! A fault befalls only what has a token and is within the limit, and comes before every other refusal. Whatever it
//! makes of the answer, the request is in the logs, and is there before the client can know that it is over.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, Request, Response, Uri, header};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::sandbox::answer::Answer;
use crate::sandbox::create::create;
use crate::sandbox::data_file::DataFile;
use crate::sandbox::data_v1::Line;
use crate::sandbox::decode::uuid;
use crate::sandbox::definition::{Definition, KnownAttribute, KnownInput};
use crate::sandbox::faults::{Disturbance, Fault, FaultPlan, Faults, Reply};
use crate::sandbox::import::import;
use crate::sandbox::known::known;
use crate::sandbox::limit::Limiter;
use crate::sandbox::page::Page;
use crate::sandbox::patch::patch;
use crate::sandbox::read;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request_log::{Entry, RequestLog};
use crate::sandbox::seed::sow;
use crate::sandbox::server::{LogTo, SandboxError, SandboxOptions};
use crate::sandbox::store::Store;

/// Every body is read into memory, so there has to be an end; Dixa's own limit is not documented.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The sandbox without its socket.
pub struct Service {
    store: Store,
    strict: bool,
    limiter: Option<Limiter>,
    faults: Faults,
    request_log: Option<RequestLog>,
    log_to: Option<LogTo>,
}

impl Service {
    /// Opens the data and puts in what the options name. `options.port` is not used.
    pub async fn open(options: SandboxOptions) -> Result<Arc<Self>, SandboxError> {
        let SandboxOptions { data, request_log, port: _, rate, strict, seed, known_attributes, faults, log_to } =
            options;
        let limiter = match rate {
            None => None,
            Some((requests_per_second, burst)) => Some(
                Limiter::new(requests_per_second, burst).ok_or(SandboxError::Rate { requests_per_second, burst })?,
            ),
        };
        let request_log = request_log.map(open_log).transpose()?;
        let mut world = known();
        let file = match data {
            None => None,
            Some(path) => Some(DataFile::open(&path, &mut world).await?),
        };
        // The seed comes after the data: what was made up once gives way to what is said now.
        if let Some(seed) = &seed {
            sow(seed, &mut world).map_err(SandboxError::Seed)?;
        }
        let faults = Faults::new(faults.unwrap_or_else(FaultPlan::none));
        let service = Service { store: Store::new(world, file), strict, limiter, faults, request_log, log_to };
        service.provision(&known_attributes)?;
        Ok(Arc::new(service))
    }

    /// Everything goes to [`Service::receive`].
    pub fn router(self: Arc<Self>) -> Router {
        async fn receive(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
            service.receive(request).await
        }
        Router::new().fallback(receive).with_state(self)
    }

    /// Answers one request.
    pub async fn receive(&self, request: Request<Body>) -> Response<Body> {
        let arrived = Instant::now();
        let (head, body) = request.into_parts();
        let admitted = self.admit(&head.headers, arrived);
        let disturbance = match &admitted {
            Ok(()) => self.faults.arrive(&head.method, head.uri.path()),
            Err(_) => Disturbance::default(),
        };
        let body = read_body(body).await;
        let json = match &body {
            Ok(bytes) => serde_json::from_slice::<Value>(bytes).ok(),
            Err(_) => None,
        };
        let received = Received { method: &head.method, uri: &head.uri, body: json.as_ref(), now: Timestamp::now() };
        let answer =
            || admitted.and(body.map(|_| ())).and_then(|()| self.route(&received)).unwrap_or_else(Answer::from);
        let Disturbance { fault, latency } = disturbance;
        let reply = match fault {
            None => Reply::whole(answer()),
            Some(fault) => Reply::spoilt(fault, self.faults.plan(), answer),
        };
        // A client that goes away in the middle of the latency takes the rest of this function with it.
        self.log(&received, &reply, fault, arrived.elapsed() + latency);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        reply.into_response().await
    }

    /// Lets go of the data file.
    pub fn close(&self) {
        self.store.close();
    }

    /// Checks the token and takes one request's worth out of its bucket. The token is not kept, only its digest.
    fn admit(&self, headers: &HeaderMap, now: Instant) -> Result<(), Refusal> {
        let header =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
        let token = match header.split_at_checked(6) {
            Some((scheme, rest))
                if scheme.eq_ignore_ascii_case("bearer") && (rest.is_empty() || rest.starts_with(' ')) =>
            {
                rest.trim()
            }
            Some(_) | None => header,
        };
        if token.is_empty() {
            return Err(Refusal::Unauthorized);
        }
        match &self.limiter {
            Some(limiter) if !limiter.take(token, now) => Err(Refusal::TooManyRequests),
            Some(_) | None => Ok(()),
        }
    }

    fn route(&self, request: &Received<'_>) -> Result<Answer, Refusal> {
        let path = request.uri.path();
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (store, strict, now) = (&self.store, self.strict, request.now);
        let horizon = self.faults.plan().lag().map(|lag| now.checked_sub(lag).unwrap_or(Timestamp::MIN));
        match segments.as_slice() {
            ["v1", "conversations"] => {
                request.only(&Method::POST)?;
                create(store, strict, request.body()?, now)
            }
            ["v1", "conversations", "import"] => {
                request.only(&Method::POST)?;
                import(store, strict, request.body()?, now)
            }
            ["v1", "conversations", id] => {
                request.only(&Method::GET)?;
                let id = conversation_id(id)?;
                store.read(|world| read::conversation(world, id, horizon))
            }
            ["v1", "conversations", id, "messages"] => {
                request.only(&Method::GET)?;
                let id = conversation_id(id)?;
                store.read(|world| read::messages(world, id, horizon))
            }
            ["v1", "conversations", id, "custom-attributes"] => {
                request.only(&Method::PATCH)?;
                patch(store, strict, conversation_id(id)?, request.body()?, now)
            }
            ["v1", "endusers", id] => {
                request.only(&Method::GET)?;
                let id = uuid(id).ok_or(Refusal::InvalidValue)?;
                store.read(|world| read::end_user(world, &id))
            }
            ["v1", "endusers", id, "conversations"] => {
                request.only(&Method::GET)?;
                let id = uuid(id).ok_or(Refusal::InvalidValue)?;
                let page = request.page()?;
                store.read(|world| read::conversations_of(world, strict, &id, page, horizon))
            }
            ["v1", "custom-attributes"] => {
                request.only(&Method::GET)?;
                Ok(store.read(read::definitions))
            }
            ["v1", "custom-attributes", id] => {
                request.only(&Method::GET)?;
                let id = uuid(id).ok_or(Refusal::InvalidValue)?;
                store.read(|world| read::definition(world, &id))
            }
            ["v1", "organization"] => {
                request.only(&Method::GET)?;
                Ok(store.read(read::organization))
            }
            _ => Err(Refusal::NotFound),
        }
    }

    fn log(&self, received: &Received<'_>, reply: &Reply, fault: Option<Fault>, took: Duration) {
        let method = received.method.as_str();
        let path = received.uri.path_and_query().map_or_else(|| received.uri.path(), |both| both.as_str());
        let status = reply.status().map(|status| status.as_u16());
        let fault = fault.map(Fault::as_str);
        if let Some(log) = &self.request_log {
            let (at, body) = (received.now.to_string(), received.body);
            log.append(&Entry { at, method, path, status, body, fault });
        }
        if let Some(log_to) = &self.log_to {
            let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let fault = fault.map(|fault| format!(" fault {fault}")).unwrap_or_default();
            log_to(&format!("{method} {path} {status} {} ms{fault}", took.as_millis()));
        }
    }

    /// Makes up the definitions that are not there yet. Given definitions stay as they are: a value that does not fit
    /// one has to be refused.
    fn provision(&self, known_attributes: &[KnownAttribute]) -> Result<(), SandboxError> {
        let now = Timestamp::now();
        let provisioned = self.store.commit(|world| {
            let mut changed: Vec<Definition> = Vec::new();
            for KnownAttribute { id, input } in known_attributes {
                let Some(id) = uuid(id) else { continue };
                let pending = changed.iter().position(|definition| definition.id() == id);
                let known = match pending {
                    Some(place) => Some(changed.swap_remove(place)),
                    None => world.definitions.get(&id).cloned(),
                };
                let is_new = pending.is_some() || known.is_none();
                let is_text = matches!(input, KnownInput::Text);
                let before = known.unwrap_or_else(|| Definition::made_up(&id, is_text, now));
                let mut after = before.clone();
                if let KnownInput::Select(paths) = input
                    && before.is_provisioned()
                {
                    paths.iter().for_each(|path| after.add_path(path));
                }
                if is_new || after != before {
                    changed.push(after);
                }
            }
            let definitions = changed.iter().map(|definition| definition.shown().clone()).collect();
            Ok((Line { definitions, ..Line::at(now) }, ()))
        });
        provisioned.map_err(|_| SandboxError::Provision)
    }
}

/// A request as the routes see it.
struct Received<'a> {
    method: &'a Method,
    uri: &'a Uri,
    body: Option<&'a Value>,
    now: Timestamp,
}

impl<'a> Received<'a> {
    fn only(&self, method: &Method) -> Result<(), Refusal> {
        if self.method == method { Ok(()) } else { Err(Refusal::MethodNotAllowed) }
    }

    fn body(&self) -> Result<&'a Value, Refusal> {
        self.body.ok_or(Refusal::Undecodable)
    }

    fn page(&self) -> Result<Page, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(self.uri).map_err(|_| Refusal::InvalidValue)?;
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        Page::of_query(value("pageLimit"), value("pageKey")).ok_or(Refusal::InvalidValue)
    }
}

/// An int64, as the path parameter is documented.
fn conversation_id(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::InvalidValue)
}

fn open_log(path: PathBuf) -> Result<RequestLog, SandboxError> {
    RequestLog::open(&path).map_err(|source| SandboxError::RequestLog { path, source })
}

async fn read_body(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        // A body that breaks off is answered like one that does not decode; nobody is likely to hear it.
        let chunk = chunk.map_err(|_| Refusal::Undecodable)?;
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
