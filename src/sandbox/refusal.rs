//! Why a request was refused, with the status and the words that Dixa uses.
//!
//! The fixed texts are those of the documentation's samples; of the others only the category is documented, e.g. at
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversations>. 422 is never used.

use std::borrow::Cow;

use axum::http::StatusCode;

/// A closed set of refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body is not JSON, or a member is missing or of another type.
    Undecodable,
    /// A path segment or a query parameter does not fit.
    InvalidValue,
    /// There is no token, or none that is known: the gateway in front of the API says so.
    NoToken,
    /// The token is good, and its user may not do this: the API says so.
    Unauthorized,
    /// Something that the path or the body names does not exist.
    NotFound,
    /// The request was meant for another host.
    OtherHost,
    /// The path exists with another method.
    MethodNotAllowed,
    /// The body is larger than the sandbox takes.
    TooLarge,
    /// The rate limit of the token is used up.
    TooManyRequests,
    /// A message has the external id already; holds the words.
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
    /// More than one filter at once.
    InvalidFilters,
    /// More than one end user has this; holds what.
    Ambiguous(&'static str),
    /// An end user can't be like this; holds what was tried, and the name of the case.
    UnfitEndUser(&'static str, &'static str),
    /// What a conversation is to become can't be; holds the words.
    Unfit(&'static str),
    /// Somebody else has the conversation.
    Assigned,
    /// The data could not be written.
    Internal,
}

impl Refusal {
    /// The status and the `message` of the answer.
    pub fn answer(&self) -> (StatusCode, Cow<'static, str>) {
        let (status, message) = match self {
            Refusal::Undecodable => (400, "Decoding failure in request".into()),
            Refusal::InvalidValue => (400, "Invalid value in request".into()),
            Refusal::NoToken => (401, "Unauthorized".into()),
            Refusal::Unauthorized => (401, "User is unauthorized to perform an underlying operation".into()),
            Refusal::NotFound => (404, "The requested resource could not be found".into()),
            Refusal::OtherHost => (421, "Misdirected Request".into()),
            Refusal::MethodNotAllowed => (405, "Method Not Allowed".into()),
            Refusal::TooLarge => (413, "Request body is too large".into()),
            Refusal::TooManyRequests => (429, "Too Many Requests".into()),
            Refusal::DuplicateExternalId(words) => (400, words.clone().into()),
            Refusal::AttachmentFailed(url) => (400, format!("Attachment download failed: {url}").into()),
            Refusal::InvalidMessage(why) => (400, format!("Invalid input for Message: {why}").into()),
            Refusal::UnsupportedChannel => (400, "Unsupported ConversationChannel".into()),
            Refusal::NoSuchRequester => (400, "Requester does not exist".into()),
            Refusal::NoSuchAgent => (400, "Agent does not exist".into()),
            Refusal::InvalidPatch(why) => (400, format!("Invalid input for patching: {why}").into()),
            Refusal::InvalidFilters => (400, "Invalid filters: Cannot provide more than one filter".into()),
            Refusal::Ambiguous(what) => (400, format!("Duplicate {what}").into()),
            Refusal::UnfitEndUser(during, case) => (400, format!("Validation failure during {during}: {case}").into()),
            Refusal::Unfit(words) => (400, (*words).into()),
            Refusal::Assigned => (409, "The conversation is assigned to another agent".into()),
            Refusal::Internal => (500, "There was an internal server error while processing the request".into()),
        };
        (StatusCode::from_u16(status).expect("a status"), message)
    }
}
