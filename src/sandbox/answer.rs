//! What the sandbox answers: a status and JSON text.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::sandbox::refusal::Refusal;

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

    /// 200 with a body that is already text. The caller vouches that it is JSON.
    pub fn text(body: String) -> Self {
        Answer { status: StatusCode::OK, body }
    }

    /// As an HTTP response, `Content-Type: application/json`.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Answer { status: refusal.status(), body: json!({ "message": refusal.message() }).to_string() }
    }
}
