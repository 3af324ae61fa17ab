//! The embedded stand-in for Dixa: a real HTTP server on loopback with the same API, messages and limits.
//!
//! - It has its own understanding of the wire. Bodies are taken apart by hand from JSON, and nothing of the rest of the
//!   crate is imported, so that a client which is wrong about the API can't agree with itself here.
//! - A request is received in one place, `Service::receive`, goes to a handler of `routes`, and what it changes is
//!   committed in one place, `Store::commit`: decided on an unchanged world, written to the data file, then applied,
//!   then answered.
//! - Facts about the API are those of <https://docs.dixa.io/openapi/dixa-api/v1/conversations>. Where the documentation
//!   is silent, the stricter reading is taken.
//! - What goes wrong on purpose is said by a `FaultPlan`; the grammar is at the top of `faults`.
//! - Unless it is strict, what a request names and nobody knows yet is provisioned at first sight, and counted.

mod add_message;
mod answer;
mod create;
mod customers;
mod data_file;
mod data_v1;
mod decode;
mod definition;
mod end_users;
mod faults;
mod import;
mod known;
mod limit;
mod lists;
mod message;
mod options;
mod page;
mod patch;
mod provided;
mod read;
mod received;
mod refusal;
mod request_log;
mod routes;
mod seed;
mod server;
mod service;
mod show;
mod sight;
mod steer;
mod store;
mod tags;
mod things;
mod world;

#[cfg(test)]
mod tests;

pub use data_file::DataFileError;
pub use definition::{Entity, KnownAttribute, KnownInput};
pub use faults::{Arrival, Call, Fault, FaultPlan, FaultPlanError, Tally};
pub use options::{LogTo, SandboxError, SandboxOptions};
pub use provided::Provided;
pub use seed::SEED_SCHEMA;
pub use server::Sandbox;
pub use service::Service;
