//! One attempt of one call: sends it, reads the answer within bounds, and says what is certain when it failed.
//!
//! The line between "surely not done" and "perhaps done" is drawn here. Whatever is not known to have failed before the
//! request left is perhaps done.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Body, Method, Response, StatusCode, Url};
use tokio::time::Instant;

use crate::access::AuthScheme;
use crate::api::barred;
use crate::api::contract::CallError;
use crate::api::gate::{Gate, Gated, Shut};
use crate::api::retry::parse_retry_after;
use crate::api::token::Token;

/// An error body has one short member; what is longer is no error body of Dixa's.
const ERROR_BODY_MAX: usize = 64 * 1024;

/// A message is shown in one line of a report.
const MESSAGE_CHARACTERS_MAX: usize = 1000;

/// More partial errors than this of one conversation are counted only.
const MESSAGES_MAX: usize = 100;

/// One call.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Of the tenant's origin: the token is sent there.
    pub(crate) url: Url,
    /// JSON.
    pub(crate) body: Option<String>,
    /// The most bytes that an answer may have, after decompression.
    pub(crate) answer_max: usize,
}

/// A 2xx answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends requests with a token.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) client: reqwest::Client,
    pub(crate) token: Token,
    pub(crate) scheme: AuthScheme,
    /// What the client was built with; for messages.
    pub(crate) timeout: Duration,
    /// What calls that write have to pass.
    pub(crate) gate: Gate,
}

impl Sender {
    /// One attempt. Logs one line that holds neither the token nor a body.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, CallError> {
        let (method, path) = (request.method.clone(), request.url.path().to_owned());
        let began = Instant::now();
        let result = self.exchange(request).await;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(answer) => tracing::debug!(%method, %path, status = answer.status, ms, "call"),
            Err(error) => match error.status() {
                Some(status) => tracing::debug!(%method, %path, status, ms, "call"),
                None => tracing::debug!(%method, %path, ms, error = error.message(), "call without an answer"),
            },
        }
        result
    }

    /// A 2xx answer that is not what was asked for.
    pub(crate) fn unreadable(&self, status: u16, error: &serde_json::Error) -> CallError {
        CallError::Unreadable { status, message: self.message(format!("the answer could not be read: {error}")) }
    }

    async fn exchange(&self, request: Request) -> Result<Answer, CallError> {
        let Request { method, url, body, answer_max } = request;
        if method != Method::GET {
            self.gate.check().map_err(|shut| CallError::NotSent { message: shut.to_string() })?;
        }
        let mut builder = self.client.request(method, url);
        builder = builder.header(AUTHORIZATION, self.token.header(self.scheme)).header(ACCEPT, "application/json");
        if let Some(body) = body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(Body::wrap(Gated::new(body, &self.gate)));
        }
        let response = builder.send().await.map_err(|error| self.without_answer(error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(response).await);
        }
        let status = status.as_u16();
        let message = match read(response, answer_max).await {
            Ok(Answered { bytes, whole: true }) => return Ok(Answer { status, body: bytes }),
            Ok(Answered { whole: false, .. }) => format!("the answer is larger than {answer_max} bytes"),
            Err(error) => self.describe(error),
        };
        Err(CallError::Unreadable { status, message })
    }

    fn without_answer(&self, error: reqwest::Error) -> CallError {
        if let Some(shut) = shut(&error) {
            return CallError::NotSent { message: shut.to_string() };
        }
        // A builder error is a URL or header that could not be written down.
        let surely_not_sent = error.is_builder() || error.is_connect();
        let host = error.url().and_then(Url::host_str).unwrap_or("the API").to_owned();
        if surely_not_sent && let Some((message, hint)) = barred::why(&error, &host) {
            return CallError::Barred { message: self.message(message), hint };
        }
        let message = self.describe(error);
        if surely_not_sent { CallError::NotSent { message } } else { CallError::Lost { message } }
    }

    async fn refused(&self, response: Response) -> CallError {
        let status = response.status();
        let headers = response.headers().clone();
        // The status is what counts; an error body that can't be read only costs its message.
        let body = read(response, ERROR_BODY_MAX).await.map(|body| body.bytes).unwrap_or_default();
        let text = crate::api::wire::error_message(&body)
            .unwrap_or_else(|| status.canonical_reason().unwrap_or("no message").to_owned());
        let message = self.message(text);
        let code = status.as_u16();
        match status {
            StatusCode::TOO_MANY_REQUESTS => CallError::RateLimited { retry_after: retry_after(&headers), message },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CallError::Unauthorized { status: code, message },
            _ if status.is_client_error() => CallError::Rejected { status: code, message },
            _ if status.is_redirection() => {
                let target = headers.get(LOCATION).and_then(|target| target.to_str().ok()).unwrap_or("nowhere");
                let message = self.message(format!("redirected to {target}, and redirects are not followed"));
                CallError::Rejected { status: code, message }
            }
            _ => CallError::ServerError { status: code, message },
        }
    }

    /// What happened on the way, in the words of the layers below, without the URL.
    fn describe(&self, error: reqwest::Error) -> String {
        if error.is_timeout() && !error.is_connect() {
            return format!("no answer within {:?}", self.timeout);
        }
        let error = error.without_url();
        let mut text = String::new();
        let mut cause = error.source();
        while let Some(layer) = cause {
            let words = layer.to_string();
            // Some layers repeat what is below them.
            if !text.ends_with(&words) {
                text.push_str(if text.is_empty() { "" } else { ": " });
                text.push_str(&words);
            }
            cause = layer.source();
        }
        self.message(if text.is_empty() { error.to_string() } else { text })
    }

    /// Foreign texts, made safe to show and keep, and no more of them than anybody reads.
    pub(crate) fn messages(&self, texts: Vec<String>) -> Vec<String> {
        let more = texts.len().saturating_sub(MESSAGES_MAX);
        let mut messages: Vec<String> = texts.into_iter().take(MESSAGES_MAX).map(|text| self.message(text)).collect();
        if more > 0 {
            messages.push(format!("and {more} more"));
        }
        messages
    }

    /// A foreign text, made safe to show: without the token, and bounded.
    pub(crate) fn message(&self, text: String) -> String {
        let text = self.token.redact(text);
        match text.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

struct Answered {
    bytes: Vec<u8>,
    /// False when there was more than was read.
    whole: bool,
}

/// Why the body was not written, if that is what an error is about.
fn shut(error: &reqwest::Error) -> Option<&Shut> {
    let mut layer = error.source();
    while let Some(current) = layer {
        if let Some(shut) = current.downcast_ref() {
            return Some(shut);
        }
        layer = current.source();
    }
    None
}

/// Reads at most `max` bytes.
async fn read(mut response: Response, max: usize) -> Result<Answered, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > max - bytes.len() {
            bytes.extend_from_slice(&chunk[..max - bytes.len()]);
            return Ok(Answered { bytes, whole: false });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answered { bytes, whole: true })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    parse_retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, jiff::Timestamp::now())
}
