//! Dixa's API: what is asked of it in our words, its JSON, and the HTTP client with its rate limit and retries.
//!
//! A command that only reads is given something that is [`contract::Read`] and not [`contract::Write`]: it cannot
//! write, by type.

mod barred;
pub mod contract;
mod gate;
pub mod http;
pub mod pages;
mod proxy;
pub mod retry;
mod send;
pub mod throttle;
pub mod token;
pub mod wire;

#[cfg(test)]
mod tests;

pub use contract::{
    AttributeReading, CallError, ConversationReading, Created, Definition, EndUserReading, MessageReading, Order,
    Organization, Permit, Read, ReadCatalog, Write,
};
pub use gate::{Gate, Shut};
pub use http::{AuthScheme, ClientError, HttpClient, HttpOptions, ReadClient, WriteClient};
pub use retry::{CallKind, Decision};
pub use throttle::Throttle;
pub use token::{Token, TokenError};
