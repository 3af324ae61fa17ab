//! Why a request was refused, with the status and the words that Dixa uses.
//!
//! The fixed texts are those of the documentation's samples; of the others only the category is documented, e.g. at
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>. 422 is never used.

use axum::http::StatusCode;

/// A closed set of refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body is not JSON, or a member is missing or of another type.
    Undecodable,
    /// A path segment or a query parameter does not fit.
    InvalidValue,
    /// There is no token.
    Unauthorized,
    /// Something that the path or the body names does not exist.
    NotFound,
    /// The path exists with another method.
    MethodNotAllowed,
    /// The body is larger than the sandbox takes.
    TooLarge,
    /// The rate limit of the token is used up.
    TooManyRequests,
    /// A message of another client has this external id already.
    DuplicateExternalId(String),
    /// This attachment can't be downloaded.
    AttachmentFailed(String),
    /// A message that decodes and still does not fit the channel; holds why.
    InvalidMessage(&'static str),
    /// An import into a channel that can't be imported into.
    UnsupportedChannel,
    /// An import names an end user that does not exist.
    NoSuchRequester,
    /// An import names an agent that does not exist.
    NoSuchAgent,
    /// A custom attribute value that does not fit its definition; holds why.
    InvalidPatch(String),
    /// The data could not be written.
    Internal,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Refusal::Undecodable
            | Refusal::InvalidValue
            | Refusal::DuplicateExternalId(_)
            | Refusal::AttachmentFailed(_)
            | Refusal::InvalidMessage(_)
            | Refusal::UnsupportedChannel
            | Refusal::NoSuchRequester
            | Refusal::NoSuchAgent
            | Refusal::InvalidPatch(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The `message` of the answer.
    pub fn message(&self) -> String {
        match self {
            Refusal::Undecodable => "Decoding failure in request".to_owned(),
            Refusal::InvalidValue => "Invalid value in request".to_owned(),
            Refusal::Unauthorized => "User is unauthorized to perform an underlying operation".to_owned(),
            Refusal::NotFound => "The requested resource could not be found".to_owned(),
            Refusal::MethodNotAllowed => "Method Not Allowed".to_owned(),
            Refusal::TooLarge => "Request body is too large".to_owned(),
            Refusal::TooManyRequests => "Too Many Requests".to_owned(),
            Refusal::DuplicateExternalId(id) => format!("Duplicate externalId: {id}"),
            Refusal::AttachmentFailed(url) => format!("Attachment download failed: {url}"),
            Refusal::InvalidMessage(why) => format!("Invalid input for Message: {why}"),
            Refusal::UnsupportedChannel => "Unsupported ConversationChannel".to_owned(),
            Refusal::NoSuchRequester => "Requester does not exist".to_owned(),
            Refusal::NoSuchAgent => "Agent does not exist".to_owned(),
            Refusal::InvalidPatch(why) => format!("Invalid input for patching: {why}"),
            Refusal::Internal => "There was an internal server error while processing the request".to_owned(),
        }
    }
}
