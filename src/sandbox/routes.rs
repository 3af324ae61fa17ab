//! The paths of the API, and what answers each.
//!
//! [`Service::receive`] comes before all of them, and hands on what it has read of the request as [`Received`]. What is
//! wrong with the path is refused first, then what is wrong with the query, then with the body.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, Request, State};
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{self, MethodRouter, get, post};

use crate::sandbox::answer::Answer;
use crate::sandbox::create::create;
use crate::sandbox::data_v1::Thing;
use crate::sandbox::decode::uuid;
use crate::sandbox::import::import;
use crate::sandbox::page::Page;
use crate::sandbox::patch::patch;
use crate::sandbox::read;
use crate::sandbox::received::Received;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::service::Service;

type Shared = State<Arc<Service>>;
type Given = Extension<Arc<Received>>;
type Outcome = Result<Answer, Refusal>;

/// A path parameter; [`Refusal::InvalidValue`] when it is of another type.
type InPath<T> = Result<Path<T>, PathRejection>;

/// The whole API.
pub fn router(service: Arc<Service>) -> Router {
    let routes = Router::new()
        .route("/v1/conversations", post(create_conversation))
        .route("/v1/conversations/import", post(import_conversation))
        .route("/v1/conversations/{id}", only_get(conversation))
        .route("/v1/conversations/{id}/messages", only_get(messages))
        .route("/v1/conversations/{id}/custom-attributes", routing::patch(patch_attributes))
        .route("/v1/endusers/{id}", only_get(end_user))
        .route("/v1/endusers/{id}/conversations", only_get(conversations_of))
        .route("/v1/custom-attributes", only_get(definitions))
        .route("/v1/custom-attributes/{id}", only_get(definition))
        .route("/v1/organization", only_get(organization))
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .with_state(Arc::clone(&service));
    // Around the routes: it takes a slash off the path before a route is chosen.
    Router::new().fallback_service(routes).layer(middleware::from_fn_with_state(service, receive))
}

/// [`get`] without the HEAD that comes with it, which Dixa does not document.
fn only_get<H: Handler<T, Arc<Service>>, T: 'static>(handler: H) -> MethodRouter<Arc<Service>> {
    get(handler).head(async || Refusal::MethodNotAllowed)
}

async fn receive(State(service): Shared, request: Request, next: Next) -> Response {
    service.receive(request, next).await
}

async fn create_conversation(State(service): Shared, Extension(given): Given) -> Outcome {
    create(&service.store, &given)
}

async fn import_conversation(State(service): Shared, Extension(given): Given) -> Outcome {
    import(&service.store, &given)
}

async fn patch_attributes(State(service): Shared, id: InPath<i64>, Extension(given): Given) -> Outcome {
    let Path(id) = id?;
    patch(&service.store, id, &given)
}

async fn conversation(State(service): Shared, id: InPath<i64>, Extension(given): Given) -> Outcome {
    let Path(id) = id?;
    service.store.read(|world| read::conversation(world, id, given.sights.reads))
}

async fn messages(State(service): Shared, id: InPath<i64>, Extension(given): Given) -> Outcome {
    let Path(id) = id?;
    service.store.read(|world| read::messages(world, id, given.sights.reads))
}

async fn end_user(State(service): Shared, id: InPath<String>) -> Outcome {
    let id = uuid_of(id)?;
    service.store.read(|world| read::end_user(world, &id))
}

async fn conversations_of(
    State(service): Shared,
    id: InPath<String>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    Extension(given): Given,
) -> Outcome {
    let id = uuid_of(id)?;
    let Query(pairs) = query?;
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let page = Page::of_query(value("pageLimit"), value("pageKey")).ok_or(Refusal::InvalidValue)?;
    service.store.know(Thing::EndUser(id.clone()), &given)?;
    service.store.read(|world| read::conversations_of(world, &id, page, given.sights.lists))
}

async fn definitions(State(service): Shared) -> Answer {
    service.store.read(read::definitions)
}

async fn definition(State(service): Shared, id: InPath<String>) -> Outcome {
    let id = uuid_of(id)?;
    service.store.read(|world| read::definition(world, &id))
}

async fn organization(State(service): Shared) -> Answer {
    service.store.read(read::organization)
}

fn uuid_of(id: InPath<String>) -> Result<String, Refusal> {
    let Path(id) = id?;
    uuid(&id).ok_or(Refusal::InvalidValue)
}

impl From<PathRejection> for Refusal {
    fn from(_: PathRejection) -> Self {
        Refusal::InvalidValue
    }
}

impl From<QueryRejection> for Refusal {
    fn from(_: QueryRejection) -> Self {
        Refusal::InvalidValue
    }
}
