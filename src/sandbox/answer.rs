//! What the sandbox answers: a status and JSON text.

use axum::body::to_bytes;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::sandbox::refusal::Refusal;

/// The header of every body that is JSON.
pub const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// A status and a body that is JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
}

impl Answer {
    /// 200 with `{"data": …}`.
    pub fn data(data: &Value) -> Self {
        Answer { status: StatusCode::OK, body: json!({ "data": data }).to_string() }
    }

    /// 201 with `{"data": …}`.
    pub fn created(data: &Value) -> Self {
        Answer { status: StatusCode::CREATED, body: json!({ "data": data }).to_string() }
    }

    /// A status without a body.
    pub fn nothing(status: StatusCode) -> Self {
        Answer { status, body: String::new() }
    }

    /// 200 with a body that is already text. The caller vouches that it is JSON.
    pub fn text(body: String) -> Self {
        Answer { status: StatusCode::OK, body }
    }

    /// The answer in a response that was made of one.
    pub async fn of(response: Response) -> Self {
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, JSON, self.body).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Answer::from(self).into_response()
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (status, message) = refusal.answer();
        Answer { status, body: json!({ "message": message }).to_string() }
    }
}
