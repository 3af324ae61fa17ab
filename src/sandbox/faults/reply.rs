//! What a client gets, whole or spoilt.
//!
//! A connection is dropped by a body that fails before its first byte: the head of the answer is not flushed before
//! that, so the client sees the connection closed and not one byte of an answer. The tests hold this on a real socket.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use futures_util::{StreamExt as _, future, stream};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::sandbox::answer::{Answer, JSON};
use crate::sandbox::faults::{Fault, FaultPlan};
use crate::sandbox::page::first_page_of;
use crate::sandbox::refusal::Refusal;

/// The bytes of a `huge` body: more than any client should take, sent from one small buffer.
const HUGE_BYTES: usize = 1 << 30;
const HUGE_PIECE_BYTES: usize = 1 << 16;

/// A `slow-body` comes in pieces this far apart, or further when it has fewer bytes than that takes.
const SLOW_INTERVAL: Duration = Duration::from_millis(50);

/// Blanks are JSON, as far as they go: a client that reads on to see the end of it never stops.
static BLANKS: [u8; HUGE_PIECE_BYTES] = [b' '; HUGE_PIECE_BYTES];

/// What a fault has to know of the request that it befalls.
#[derive(Debug)]
pub struct Asked {
    pub uri: Uri,
    /// What a 400 about the external id of this request says.
    pub taken: String,
}

/// What becomes of a request. What it was to change is changed by now.
#[derive(Debug)]
pub enum Reply {
    Response(Box<Response<Body>>),
    /// The connection is closed without an answer.
    Dropped,
    /// Nothing comes, until the client goes away.
    Never,
}

impl Reply {
    /// The answer as it is.
    pub fn whole(answer: Answer) -> Self {
        Reply::Response(Box::new(answer.into_response()))
    }

    /// What `fault` makes of a request. `answer` handles it, and is dropped when nothing is to be committed.
    pub async fn spoilt(
        fault: Fault,
        plan: &FaultPlan,
        asked: &Asked,
        answer: impl Future<Output = Answer> + Send + 'static,
    ) -> Self {
        let taken = || Refusal::DuplicateExternalId(asked.taken.clone()).into_response();
        let response = match fault {
            Fault::TooManyRequests => match plan.retry_after_seconds {
                Some(seconds) => ([(header::RETRY_AFTER, seconds)], Refusal::TooManyRequests).into_response(),
                None => Refusal::TooManyRequests.into_response(),
            },
            Fault::Unauthorized => Refusal::NoToken.into_response(),
            Fault::Forbidden => Refusal::Unauthorized.into_response(),
            Fault::BadRequest => Refusal::InvalidValue.into_response(),
            Fault::NotFound => Refusal::NotFound.into_response(),
            Fault::Redirect => {
                let found = Answer { status: StatusCode::FOUND, body: String::new() };
                ([(header::LOCATION, "https://elsewhere.invalid/")], found).into_response()
            }
            Fault::ServerErrorBefore => Refusal::Internal.into_response(),
            Fault::DropBefore => return Reply::Dropped,
            Fault::Hang => return Reply::Never,
            Fault::DuplicateBefore => taken(),
            Fault::ServerErrorEarly | Fault::DropEarly => {
                tokio::spawn(answer);
                match fault {
                    Fault::DropEarly => return Reply::Dropped,
                    _ => Refusal::Internal.into_response(),
                }
            }
            Fault::ServerErrorAfter | Fault::DuplicateAfter | Fault::DropAfter | Fault::HangAfter => {
                answer.await;
                match fault {
                    Fault::DropAfter => return Reply::Dropped,
                    Fault::HangAfter => return Reply::Never,
                    Fault::DuplicateAfter => taken(),
                    _ => Refusal::Internal.into_response(),
                }
            }
            _ => disguised(fault, plan, asked, answer.await),
        };
        Reply::Response(Box::new(response))
    }

    /// The status that the client is to see; none when it sees nothing.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Reply::Response(response) => Some(response.status()),
            Reply::Dropped | Reply::Never => None,
        }
    }

    /// As an HTTP response, which may never come, or fail when its body is read.
    pub async fn into_response(self) -> Response<Body> {
        match self {
            Reply::Response(response) => *response,
            Reply::Dropped => {
                let broken = io::Error::new(io::ErrorKind::ConnectionAborted, "the connection is dropped on purpose");
                Response::new(Body::from_stream(stream::once(future::ready(Err::<Bytes, _>(broken)))))
            }
            Reply::Never => future::pending().await,
        }
    }
}

/// An answer that says something else than what was done, or says it badly.
fn disguised(fault: Fault, plan: &FaultPlan, asked: &Asked, answer: Answer) -> Response<Body> {
    match (fault, fault.without_id()) {
        (_, Some((status, body))) if answer.status.is_success() => {
            let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
            (status, [(header::CONTENT_TYPE, kind)], body).into_response()
        }
        (Fault::SlowBody, _) => slow(answer, plan.slow),
        (Fault::Rubbish, _) => {
            let body = "<html><body>This is not what you asked for.</body></html>";
            (answer.status, [(header::CONTENT_TYPE, "text/html")], body).into_response()
        }
        (Fault::Garbled, _) => {
            let body = String::from_utf8_lossy(&answer.body.as_bytes()[..answer.body.len() / 2]).into_owned();
            Answer { body, ..answer }.into_response()
        }
        (Fault::Huge, _) => huge(answer.status),
        (Fault::Partial, _) => partial(answer).into_response(),
        (Fault::EmptyPage | Fault::Circle, _) => paged(fault, &asked.uri, answer).into_response(),
        _ => answer.into_response(),
    }
}

/// A list whose first page has nothing, or whose last page leads to the first.
fn paged(fault: Fault, uri: &Uri, answer: Answer) -> Answer {
    let mut shown: Value = match serde_json::from_str(&answer.body) {
        Ok(shown) if answer.status == StatusCode::OK => shown,
        Ok(_) | Err(_) => return answer,
    };
    let is_first = !uri.query().unwrap_or_default().contains("pageKey=");
    let applies = match fault {
        Fault::EmptyPage => is_first,
        _ => shown["meta"]["next"].is_null(),
    };
    if !applies || !shown["data"].is_array() {
        return answer;
    }
    if fault == Fault::EmptyPage {
        shown["data"] = json!([]);
    }
    shown["meta"]["next"] = Value::from(first_page_of(uri));
    Answer { body: shown.to_string(), ..answer }
}

/// The answer's bytes one after the other, so that the last one comes when `total` has passed.
fn slow(Answer { status, body }: Answer, total: Duration) -> Response<Body> {
    let intervals = usize::try_from(total.as_millis() / SLOW_INTERVAL.as_millis()).unwrap_or(usize::MAX);
    let piece_bytes = body.len().div_ceil(intervals.max(1)).max(1);
    let pieces = body.len().div_ceil(piece_bytes).max(1);
    let interval = total / u32::try_from(pieces).unwrap_or(u32::MAX);
    let trickle = stream::unfold(Bytes::from(body), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        sleep(interval).await;
        let piece = rest.split_to(piece_bytes.min(rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    (status, JSON, Body::from_stream(trickle)).into_response()
}

fn huge(status: StatusCode) -> Response<Body> {
    let piece = Bytes::from_static(&BLANKS);
    let pieces = stream::repeat(piece).take(HUGE_BYTES / HUGE_PIECE_BYTES).map(Ok::<_, Infallible>);
    (status, JSON, Body::from_stream(pieces)).into_response()
}

/// What was made, with one more thing that is said to be missing. Anything but a 201 stays as it is.
fn partial(answer: Answer) -> Answer {
    let Answer { status, body } = answer;
    let mut shown: Value = match serde_json::from_str(&body) {
        Ok(shown) if status == StatusCode::CREATED => shown,
        Ok(_) | Err(_) => return Answer { status, body },
    };
    // An end user is not made in part.
    if !shown["data"]["id"].is_number() {
        return Answer { status, body };
    }
    let error = json!({ "message": "A fault of the sandbox: something of this conversation is said to be missing" });
    match shown["data"]["partialErrors"].as_array_mut() {
        Some(errors) => errors.push(error),
        None => shown["data"]["partialErrors"] = json!([error]),
    }
    Answer { status, body: shown.to_string() }
}
