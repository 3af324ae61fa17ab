//! How a tenant and its state are reached: where they are, how the token is sent, and how many requests Dixa takes.

mod base_url;
mod key;
mod store;

pub use base_url::{BaseUrl, BaseUrlError};
pub use key::{looks_like_key, looks_like_key_for_name, without_keys};
pub use store::{Endpoint, EndpointError, StatePlace, StoreKind, StoreSettings, StoreUrl, StoreUrlError};

/// How the token is sent. <https://docs.dixa.io/docs/api-standards-rules>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// `Authorization: <token>`, as in all samples of the documentation.
    Bare,
    /// `Authorization: Bearer <token>`.
    Bearer,
}

/// How many requests a second a tenant takes.
///
/// Dixa: 10 a second, bursts of 4, 864 000 a day, per token. <https://docs.dixa.io/docs/api-standards-rules>
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Positive and finite.
    pub requests_per_second: f64,
    /// At least 1.
    pub burst: u32,
}

impl RateLimit {
    /// The published limit.
    pub const DIXA: RateLimit = RateLimit { requests_per_second: 10.0, burst: 4 };
}
