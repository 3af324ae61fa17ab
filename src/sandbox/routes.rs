//! The paths of the API, and what answers each.
//!
//! [`Service::receive`] comes before all of them, and hands on what it has read of the request as [`Received`]. What is
//! wrong with the path is refused first, then what is wrong with the query, then with the body.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::{QueryRejection, RawPathParamsRejection};
use axum::extract::{Extension, Query, RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::sandbox::add_message::add_message;
use crate::sandbox::answer::Answer;
use crate::sandbox::create::create;
use crate::sandbox::customers::{self, Change};
use crate::sandbox::data_v1::Thing;
use crate::sandbox::decode::uuid;
use crate::sandbox::import::import;
use crate::sandbox::page::Parameters;
use crate::sandbox::patch::{Owner, patch};
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::service::Service;
use crate::sandbox::steer::{Steer, steer};
use crate::sandbox::store::Store;
use crate::sandbox::{lists, read, tags};

type Outcome = Result<Answer, Refusal>;

/// How long a request waits that is carried out after it was answered.
const LATER: Duration = Duration::from_secs(1);

/// One request, for the function that answers it.
struct Ask {
    service: Arc<Service>,
    /// The variable segments of the path.
    segments: Result<Vec<String>, Refusal>,
    parameters: Result<Parameters, Refusal>,
    given: Arc<Received>,
}

impl Ask {
    fn store(&self) -> &Store {
        &self.service.store
    }

    fn segment(&self, index: usize) -> Result<&str, Refusal> {
        let segments = self.segments.as_ref().map_err(Clone::clone)?;
        segments.get(index).map(String::as_str).ok_or(Refusal::InvalidValue)
    }

    /// The first segment, for conversations.
    fn number(&self) -> Result<i64, Refusal> {
        self.segment(0)?.parse().map_err(|_| Refusal::InvalidValue)
    }

    fn uuid(&self, index: usize) -> Result<String, Refusal> {
        uuid(self.segment(index)?).ok_or(Refusal::InvalidValue)
    }

    fn parameters(&self) -> Result<&Parameters, Refusal> {
        self.parameters.as_ref().map_err(Clone::clone)
    }
}

/// Method, path, and what answers.
type Row = (MethodFilter, &'static str, fn(&Ask) -> Outcome);

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;
const PATCH: MethodFilter = MethodFilter::PATCH;
const DELETE: MethodFilter = MethodFilter::DELETE;

const ROWS: &[Row] = &[
    (POST, "/v1/conversations", |ask| create(ask.store(), &ask.given)),
    (POST, "/v1/conversations/import", |ask| import(ask.store(), &ask.given)),
    (GET, "/v1/conversations/{id}", |ask| {
        let id = ask.number()?;
        ask.store().read(|world| read::conversation(world, id, ask.given.sights.reads))
    }),
    (GET, "/v1/conversations/{id}/messages", |ask| {
        let id = ask.number()?;
        ask.store().read(|world| read::messages(world, id, ask.given.sights.reads))
    }),
    (POST, "/v1/conversations/{id}/messages", |ask| add_message(ask.store(), ask.number()?, &ask.given)),
    (PATCH, "/v1/conversations/{id}/custom-attributes", |ask| {
        patch(ask.store(), Owner::Conversation(ask.number()?), &ask.given)
    }),
    (PUT, "/v1/conversations/{id}/close", |ask| steer(ask.store(), ask.number()?, Steer::Close, &ask.given)),
    (PUT, "/v1/conversations/{id}/reopen", |ask| steer(ask.store(), ask.number()?, Steer::Reopen, &ask.given)),
    (PUT, "/v1/conversations/{id}/followup", |ask| steer(ask.store(), ask.number()?, Steer::FollowUp, &ask.given)),
    (PUT, "/v1/conversations/{id}/transfer/queue", |ask| {
        steer(ask.store(), ask.number()?, Steer::Transfer, &ask.given)
    }),
    (PUT, "/v1/conversations/{id}/claim", |ask| steer(ask.store(), ask.number()?, Steer::Claim, &ask.given)),
    (GET, "/v1/conversations/{id}/tags", |ask| {
        let id = ask.number()?;
        ask.store().read(|world| tags::of_conversation(world, id, &ask.given))
    }),
    (PUT, "/v1/conversations/{id}/tags/{tag}", |ask| {
        tags::switch(ask.store(), ask.number()?, &ask.uuid(1)?, true, &ask.given)
    }),
    (DELETE, "/v1/conversations/{id}/tags/{tag}", |ask| {
        tags::switch(ask.store(), ask.number()?, &ask.uuid(1)?, false, &ask.given)
    }),
    (POST, "/v1/conversations/{id}/tags/bulk", add_tags_later),
    (GET, "/v1/tags", |ask| {
        let parameters = ask.parameters()?;
        ask.store().read(|world| tags::all(world, parameters))
    }),
    (POST, "/v1/tags", |ask| tags::find_or_make(ask.store(), &ask.given)),
    (GET, "/v1/tags/{id}", |ask| {
        let id = ask.uuid(0)?;
        ask.store().read(|world| tags::one(world, &id))
    }),
    (DELETE, "/v1/tags/{id}", |ask| tags::remove(ask.store(), &ask.uuid(0)?, &ask.given)),
    (PATCH, "/v1/tags/{id}/activate", |ask| tags::set_state(ask.store(), &ask.uuid(0)?, "Active", &ask.given)),
    (PATCH, "/v1/tags/{id}/deactivate", |ask| tags::set_state(ask.store(), &ask.uuid(0)?, "Inactive", &ask.given)),
    (GET, "/v1/endusers", |ask| {
        let parameters = ask.parameters()?;
        ask.store().read(|world| customers::find(world, parameters, &ask.given))
    }),
    (POST, "/v1/endusers", |ask| customers::make(ask.store(), &ask.given)),
    (GET, "/v1/endusers/{id}", |ask| {
        let id = ask.uuid(0)?;
        ask.store().know(Thing::EndUser(id.clone()), &ask.given)?;
        ask.store().read(|world| customers::one(world, &id, &ask.given))
    }),
    (PATCH, "/v1/endusers/{id}", |ask| customers::change(ask.store(), &ask.uuid(0)?, Change::Patch, &ask.given)),
    (PUT, "/v1/endusers/{id}", |ask| customers::change(ask.store(), &ask.uuid(0)?, Change::Put, &ask.given)),
    (PATCH, "/v1/endusers/{id}/custom-attributes", |ask| patch(ask.store(), Owner::EndUser(ask.uuid(0)?), &ask.given)),
    (GET, "/v1/endusers/{id}/conversations", conversations_of),
    (GET, "/v1/agents", |ask| lists::agents(ask.store(), ask.parameters()?, &ask.given)),
    (GET, "/v1/agents/{id}", |ask| {
        let id = ask.uuid(0)?;
        ask.store().know(Thing::Agent(id.clone()), &ask.given)?;
        ask.store().read(|world| lists::one(world, &Thing::Agent(id)))
    }),
    (GET, "/v1/queues", |ask| Ok(ask.store().read(lists::queues))),
    (GET, "/v1/queues/{id}", |ask| {
        let id = ask.uuid(0)?;
        ask.store().know(Thing::Queue(id.clone()), &ask.given)?;
        ask.store().read(|world| lists::one(world, &Thing::Queue(id)))
    }),
    (GET, "/v1/contact-endpoints", |ask| {
        let parameters = ask.parameters()?;
        ask.store().read(|world| lists::contact_endpoints(world, parameters))
    }),
    (GET, "/v1/contact-endpoints/{id}", |ask| {
        let id = ask.segment(0)?;
        ask.store().read(|world| lists::contact_endpoint(world, id))
    }),
    (GET, "/v1/custom-attributes", |ask| Ok(ask.store().read(read::definitions))),
    (GET, "/v1/custom-attributes/{id}", |ask| {
        let id = ask.uuid(0)?;
        ask.store().read(|world| read::definition(world, &id))
    }),
    (GET, "/v1/organization", |ask| Ok(ask.store().read(read::organization))),
];

/// The whole API.
pub fn router(service: Arc<Service>) -> Router {
    let mut routes = Router::new();
    for (method, path, answer) in ROWS {
        routes = routes.route(path, route(*method, *answer));
    }
    let routes = routes
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .with_state(Arc::clone(&service));
    // Around the routes: it takes a slash off the path before a route is chosen.
    Router::new().fallback_service(routes).layer(middleware::from_fn_with_state(service, receive))
}

fn route(method: MethodFilter, answer: fn(&Ask) -> Outcome) -> MethodRouter<Arc<Service>> {
    let handler = async move |State(service): State<Arc<Service>>,
                              segments: Result<RawPathParams, RawPathParamsRejection>,
                              parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
                              Extension(given): Extension<Arc<Received>>| {
        let segments = segments.map(|segments| segments.iter().map(|(_, value)| value.to_owned()).collect());
        let segments = segments.map_err(|_| Refusal::InvalidValue);
        let parameters = parameters.map(|Query(pairs)| Parameters(pairs)).map_err(|_| Refusal::InvalidValue);
        answer(&Ask { service, segments, parameters, given })
    };
    // HEAD comes with GET otherwise, and Dixa does not document it.
    let route = on(method, handler);
    if method == GET { route.head(async || Refusal::MethodNotAllowed) } else { route }
}

async fn receive(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    service.receive(request, next).await
}

fn conversations_of(ask: &Ask) -> Outcome {
    let id = ask.uuid(0)?;
    let page = ask.parameters()?.page()?;
    ask.store().know(Thing::EndUser(id.clone()), &ask.given)?;
    ask.store().read(|world| read::conversations_of(world, &id, page, ask.given.sights.lists))
}

/// Checks the request at once, and carries it out after it was answered.
fn add_tags_later(ask: &Ask) -> Outcome {
    let id = ask.number()?;
    let names = ask.store().read(|world| tags::bulk_names(world, id, &ask.given))?;
    let (service, given) = (Arc::clone(&ask.service), Arc::clone(&ask.given));
    tokio::spawn(async move {
        let _carried_out = service.wait_unless_stopped(LATER).await;
        if let Err(refusal) = tags::add_named(&service.store, id, &names, &given) {
            tracing::debug!(?refusal, "tags were not added");
        }
    });
    Ok(Answer::nothing(StatusCode::ACCEPTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_call_and_no_other() {
        let methods = [(GET, "GET"), (POST, "POST"), (PUT, "PUT"), (PATCH, "PATCH"), (DELETE, "DELETE")];
        let name = |method: MethodFilter| methods.iter().find(|(other, _)| *other == method).expect("a method").1;
        let mut calls: Vec<String> = ROWS.iter().map(|(method, path, _)| format!("{} {path}", name(*method))).collect();
        let rows = include_str!("../../docs/sandbox.md").lines();
        let rows = rows.filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()));
        // Other tables of the page list flags and faults.
        let mut listed: Vec<String> = rows.filter(|row| row.contains(" /v1/")).collect();
        calls.sort();
        listed.sort();
        assert_eq!(listed, calls);
    }
}
