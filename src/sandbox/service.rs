//! The one place where a request is received: its token, its limit, its body, its log line.
//!
//! The order of refusals is: no token, rate limit, body too large, and then those of the routes: no such path, wrong
//! method, path, body, and only then what the request means. The body is read before a refusal is answered, so that a
//! client which is still sending it hears the refusal instead of a broken connection.
//!
//! A fault befalls only what has a token and is within the limit, and comes before every other refusal. Whatever it
//! makes of the answer, the request is in the logs, and is there before the client can know that it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::sandbox::answer::Answer;
use crate::sandbox::data_file::DataFile;
use crate::sandbox::data_v1::{Line, Thing};
use crate::sandbox::decode::uuid;
use crate::sandbox::definition::{Definition, KnownAttribute, KnownInput};
use crate::sandbox::faults::{Asked, Disturbance, Fault, FaultPlan, Faults, Reply};
use crate::sandbox::known::{known, organization_alone};
use crate::sandbox::limit::Limiter;
use crate::sandbox::options::{LogTo, SandboxError, SandboxOptions};
use crate::sandbox::provided::Provided;
use crate::sandbox::received::{Received, worded};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request_log::{Entry, RequestLog};
use crate::sandbox::seed::sow;
use crate::sandbox::store::Store;
use crate::sandbox::things;
use crate::sandbox::world::World;

/// Every body is read into memory, so there has to be an end; Dixa's own limit is not documented.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The sandbox without its socket.
pub struct Service {
    pub store: Store,
    strict: bool,
    limiter: Option<Limiter>,
    faults: Faults,
    request_log: Option<RequestLog>,
    log_to: Option<LogTo>,
    /// What was made up before this run.
    provided_before: Provided,
    /// Turns true when the sandbox is to stop.
    stopping: watch::Sender<bool>,
}

impl Service {
    /// Opens the data and puts in what the options name. `options.port` is not used.
    pub async fn open(options: SandboxOptions) -> Result<Arc<Self>, SandboxError> {
        let SandboxOptions { data, request_log, port: _, rate, strict, seed, faults, log_to, .. } = options;
        let SandboxOptions { known_attributes, known_queues, .. } = options;
        let limiter = match rate {
            None => None,
            Some((requests_per_second, burst)) => Some(
                Limiter::new(requests_per_second, burst).ok_or(SandboxError::Rate { requests_per_second, burst })?,
            ),
        };
        let request_log = request_log.map(open_log).transpose()?;
        let mut world = if strict && seed.is_some() { organization_alone() } else { known() };
        if let Some(seed) = &seed {
            sow(seed, &mut world).map_err(SandboxError::Seed)?;
        }
        let file = match data {
            None => None,
            Some(path) => Some(DataFile::open(&path, &mut world).await?),
        };
        let faults = Faults::new(faults.unwrap_or_else(FaultPlan::none));
        let provided_before = world.provided();
        let (store, stopping) = (Store::new(world, file), watch::Sender::new(false));
        let service = Service { store, strict, limiter, faults, request_log, log_to, provided_before, stopping };
        service.provision(&known_attributes)?;
        if !strict {
            service.provide_queues(&known_queues)?;
        }
        Ok(Arc::new(service))
    }

    /// Takes one request, lets `next` answer it, and makes of the answer what goes wrong on purpose. Once it was read
    /// it is carried out and logged, also if its client does not wait for the answer.
    pub async fn receive(self: Arc<Self>, request: Request, next: Next) -> Response {
        let arrived = Instant::now();
        let (mut head, body) = request.into_parts();
        let (method, uri) = (head.method.clone(), head.uri.clone());
        let admitted = self.admit(&head.headers, arrived);
        let disturbance = match &admitted {
            Ok(()) => self.faults.arrive(&method, uri.path()),
            Err(_) => Disturbance::default(),
        };
        let latency = disturbance.latency;
        let body = read_body(body).await;
        let json = Arc::new(body.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok()));
        head.uri = without_last_slash(&uri);
        let arrival = Came { arrived, at: Timestamp::now(), method, uri, body: json, disturbance };
        let passed = admitted.and(body).map(|_| (Request::from_parts(head, Body::empty()), next));
        let reply = tokio::spawn(async move { self.reply(arrival, passed).await }).await;
        if !latency.is_zero() {
            sleep(latency).await;
        }
        match reply {
            Ok(reply) => reply.into_response().await,
            Err(_) => Answer::from(Refusal::Internal).into_response(),
        }
    }

    /// Carries a request out, unless it was refused, and logs it.
    async fn reply(self: Arc<Self>, came: Came, passed: Result<(Request, Next), Refusal>) -> Reply {
        let Came { arrived, at, method, uri, body, disturbance } = came;
        let Disturbance { fault, latency, commit_delay, wording, duplicates } = disturbance;
        let external_id = body.as_ref().as_ref().map_or(&Value::Null, external_id_of);
        let asked = Asked { uri: uri.clone(), taken: worded(&wording, external_id.as_str().unwrap_or_default()) };
        let (service, json) = (Arc::clone(&self), Arc::clone(&body));
        // Nothing of this happens where it is not awaited.
        let answer = async move {
            let (mut request, next) = match passed {
                Ok(passed) => passed,
                Err(refusal) => return Answer::from(refusal),
            };
            let _carried_out = service.wait_unless_stopped(commit_delay).await;
            let now = Timestamp::now();
            let sights = service.faults.sights(now);
            let received = Received { body: json, now, strict: service.strict, sights, duplicates, wording };
            request.extensions_mut().insert(Arc::new(received));
            Answer::of(next.run(request).await).await
        };
        let reply = match fault {
            None => Reply::whole(answer.await),
            Some(fault) => Reply::spoilt(fault, self.faults.plan(), &asked, answer).await,
        };
        let entry = Entry {
            at: at.to_string(),
            method: method.as_str(),
            path: uri.path_and_query().map_or_else(|| uri.path(), |both| both.as_str()),
            status: reply.status().map(|status| status.as_u16()),
            body: body.as_ref().as_ref(),
            fault: fault.map(Fault::as_str),
        };
        self.log(&entry, arrived.elapsed() + latency);
        reply
    }

    /// Waits that long, or until the sandbox is to stop. Whoever has what it returns is waited for then.
    pub async fn wait_unless_stopped(&self, delay: Duration) -> watch::Receiver<bool> {
        let mut stopping = self.stopping.subscribe();
        if !delay.is_zero() {
            // A sender that is gone means the same.
            let _ = timeout(delay, stopping.wait_for(|stopping| *stopping)).await;
        }
        stopping
    }

    /// Carries out at once what waits for its time, and waits for none of it from now on.
    pub fn hurry(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns when nothing is being carried out any more.
    pub async fn finished(&self) {
        self.stopping.closed().await;
    }

    /// See [`crate::sandbox::Sandbox::provided`].
    pub fn provided(&self) -> Option<Provided> {
        self.store.read(World::provided).since(&self.provided_before)
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
            return Err(Refusal::NoToken);
        }
        match &self.limiter {
            Some(limiter) if !limiter.take(token, now) => Err(Refusal::TooManyRequests),
            Some(_) | None => Ok(()),
        }
    }

    fn log(&self, entry: &Entry<'_>, took: Duration) {
        if let Some(log) = &self.request_log {
            log.append(entry);
        }
        if let Some(LogTo(log)) = &self.log_to {
            let Entry { method, path, status, fault, .. } = entry;
            let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let fault = fault.map(|fault| format!(" fault {fault}")).unwrap_or_default();
            log(&format!("{method} {path} {status} {} ms{fault}", took.as_millis()));
        }
    }

    /// Makes up the definitions that are not there yet. Given definitions stay as they are: a value that does not fit
    /// one has to be refused.
    fn provision(&self, known_attributes: &[KnownAttribute]) -> Result<(), SandboxError> {
        let now = Timestamp::now();
        let provisioned = self.store.commit(|world| {
            let mut changed: BTreeMap<String, Definition> = BTreeMap::new();
            for known in known_attributes {
                let new = made_up(world, known, now);
                let before = changed.get(new.id()).or_else(|| world.definitions.get(new.id()));
                let mut after = before.cloned().unwrap_or(new);
                if let KnownInput::Select(paths) = &known.input
                    && after.is_provisioned()
                {
                    paths.iter().for_each(|path| after.add_path(path));
                }
                if before != Some(&after) {
                    changed.insert(after.id().to_owned(), after);
                }
            }
            let definitions = changed.values().map(|definition| definition.shown().clone()).collect();
            Ok((Line { definitions, ..Line::at(now) }, ()))
        });
        provisioned.map_err(|_| SandboxError::Provision)
    }

    /// Makes up the queues of these names that are not there yet.
    fn provide_queues(&self, names: &[String]) -> Result<(), SandboxError> {
        let provided = self.store.commit(|world| {
            let there: BTreeSet<&str> = world
                .shown_things(|thing| matches!(thing, Thing::Queue(_)))
                .filter_map(|queue| queue["name"].as_str())
                .collect();
            let new = names.iter().filter(|name| !there.contains(name.as_str()));
            let named = new.map(|name| things::named_queue(&world.organization, name)).collect();
            Ok((Line { named, ..Line::at(Timestamp::now()) }, ()))
        });
        provided.map_err(|_| SandboxError::Provision)
    }
}

/// What a known attribute is made up as, if its id is not there. An identifier means the definition that has it, if
/// there is one.
fn made_up(world: &World, known: &KnownAttribute, now: Timestamp) -> Definition {
    let KnownAttribute { id, entity, input } = known;
    let is_text = matches!(input, KnownInput::Text);
    if let Some(id) = uuid(id) {
        return Definition::made_up(&id, *entity, is_text, now);
    }
    let there = world.definitions.values().find(|definition| definition.is_identified(id, *entity));
    let made_up = || {
        let own = things::id_of(&world.organization, entity.as_str(), id);
        Definition::identified(&own, id, *entity, is_text, now)
    };
    there.cloned().unwrap_or_else(made_up)
}

/// A request that was read.
struct Came {
    arrived: Instant,
    at: Timestamp,
    method: Method,
    uri: Uri,
    /// None when there was no body or it is not JSON.
    body: Arc<Option<Value>>,
    disturbance: Disturbance,
}

/// The external id that a creation or an import may be refused for.
fn external_id_of(body: &Value) -> &Value {
    body.pointer("/message/externalId").unwrap_or(&body["externalId"])
}

/// The same without a slash at the end of the path, which means nothing.
fn without_last_slash(uri: &Uri) -> Uri {
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else { return uri.clone() };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}{query}").parse().unwrap_or_else(|_| uri.clone())
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
