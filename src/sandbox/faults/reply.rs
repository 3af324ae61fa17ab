//! What a client gets, whole or spoilt.
//!
//! A connection is dropped by a body that fails before its first byte: the head of the answer is not flushed before
//! that, so the client sees the connection closed and not one byte of an answer. The tests hold this on a real socket.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use futures_util::{StreamExt as _, future, stream};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::sandbox::answer::Answer;
use crate::sandbox::faults::{Fault, FaultPlan};
use crate::sandbox::refusal::Refusal;

/// The bytes of a `huge` body: more than any client should take, sent from one small buffer.
const HUGE_BYTES: usize = 1 << 30;
const HUGE_PIECE_BYTES: usize = 1 << 16;

/// A `slow-body` comes in pieces this far apart, or further when it has fewer bytes than that takes.
const SLOW_INTERVAL: Duration = Duration::from_millis(50);

/// Blanks are JSON, as far as they go: a client that reads on to see the end of it never stops.
static BLANKS: [u8; HUGE_PIECE_BYTES] = [b' '; HUGE_PIECE_BYTES];

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

    /// What `fault` makes of a request. `answer` handles it, and is not awaited when nothing is to be committed.
    pub async fn spoilt(fault: Fault, plan: &FaultPlan, answer: impl Future<Output = Answer>) -> Self {
        let refused = |refusal| Reply::whole(Answer::from(refusal));
        match fault {
            Fault::TooManyRequests => {
                let reply = refused(Refusal::TooManyRequests);
                match plan.retry_after_seconds {
                    Some(seconds) => reply.with_header(header::RETRY_AFTER, HeaderValue::from(seconds)),
                    None => reply,
                }
            }
            Fault::Unauthorized => refused(Refusal::Unauthorized),
            Fault::Redirect => {
                let found = Answer { status: StatusCode::FOUND, body: String::new() };
                let elsewhere = HeaderValue::from_static("https://elsewhere.invalid/");
                Reply::whole(found).with_header(header::LOCATION, elsewhere)
            }
            Fault::ServerErrorBefore => refused(Refusal::Internal),
            Fault::DropBefore => Reply::Dropped,
            Fault::Hang => Reply::Never,
            Fault::ServerErrorAfter => {
                answer.await;
                refused(Refusal::Internal)
            }
            Fault::DropAfter => {
                answer.await;
                Reply::Dropped
            }
            Fault::HangAfter => {
                answer.await;
                Reply::Never
            }
            Fault::SlowBody => slow(answer.await, plan.slow),
            Fault::Rubbish => {
                let Answer { status, body: _ } = answer.await;
                let body = "<html><body>This is not what you asked for.</body></html>".to_owned();
                let html = HeaderValue::from_static("text/html");
                Reply::whole(Answer { status, body }).with_header(header::CONTENT_TYPE, html)
            }
            Fault::Huge => huge(answer.await),
            Fault::Partial => Reply::whole(partial(answer.await)),
        }
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

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Reply::Response(response) = &mut self {
            response.headers_mut().insert(name, value);
        }
        self
    }

    fn with_body(mut self, body: Body) -> Self {
        if let Reply::Response(response) = &mut self {
            *response.body_mut() = body;
        }
        self
    }
}

/// The answer's bytes one after the other, so that the last one comes when `total` has passed.
fn slow(Answer { status, body }: Answer, total: Duration) -> Reply {
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
    Reply::whole(Answer { status, body: String::new() }).with_body(Body::from_stream(trickle))
}

fn huge(Answer { status, body: _ }: Answer) -> Reply {
    let piece = Bytes::from_static(&BLANKS);
    let pieces = stream::repeat(piece).take(HUGE_BYTES / HUGE_PIECE_BYTES).map(Ok::<_, Infallible>);
    Reply::whole(Answer { status, body: String::new() }).with_body(Body::from_stream(pieces))
}

/// What was made, with one more thing that is said to be missing. Anything but a 201 stays as it is.
fn partial(answer: Answer) -> Answer {
    let Answer { status, body } = answer;
    let mut shown: Value = match serde_json::from_str(&body) {
        Ok(shown) if status == StatusCode::CREATED => shown,
        Ok(_) | Err(_) => return Answer { status, body },
    };
    let error = json!({ "message": "A fault of the sandbox: something of this conversation is said to be missing" });
    match shown["data"]["partialErrors"].as_array_mut() {
        Some(errors) => errors.push(error),
        None => shown["data"]["partialErrors"] = json!([error]),
    }
    Answer { status, body: shown.to_string() }
}
