//! A state in an object store: state, journal and lock of a tenant, shared by laptops and CI jobs.
//!
//! Everything rests on conditional writes: an object is created only where there is none, or replaced only while it is
//! still what was read. Nothing else of a store is relied on, and no two clocks are compared.
//!
//! # Objects
//!
//! Below one prefix, which belongs to one tenant:
//!
//! | object | written | what it has |
//! | --- | --- | --- |
//! | `head.json` | only replaced while unchanged | which state counts, where its journal begins, who holds both |
//! | `state/<serial>-<nonce>.json` | created | the state, as it is in a file |
//! | `log/<number>.jsonl` | created, numbers without gaps | a line that says whose it is, then lines of the journal |
//! | `late/<epoch>-<run>-<k>.json` | by one run only | what a run has made and could not write into the journal any more |
//! | `probe/<nonce>-<round>` | created, removed | what the race is about |
//!
//! # Steps
//!
//! 1. [`take`]: a head without a holder, or one whose holder gave no sign of life for its lease, is replaced by one
//!    with the next epoch and oneself in it.
//! 2. [`Hold::fence`]: the journal is read, and a segment of the new epoch is created behind it. From then on no older
//!    run can add one: it only ever writes the number after its last.
//! 3. [`Hold::append`]: one segment after the other, each with everything that waits. [`Hold::beat`] replaces the head
//!    all the while.
//! 4. Before each call that writes, [`Lease::left`] must not be zero.
//! 5. [`Hold::save`]: the state is created under a new name, and one replacement of the head makes it the one that
//!    counts, with a journal that begins behind it.
//!
//! What no client can close: a process that is frozen after step 4 and before its request leaves, for longer than the
//! lease, the time that a call may take, and the time after which "not found" is believed, all together. What it then
//! makes is named by the next plan, and found by its marker.

mod aws_cli;
mod az_cli;
mod clean;
mod client;
mod depot;
mod door;
mod error;
mod head;
mod hold;
mod late;
mod moment;
mod objects;
mod probe;
mod remote;
mod renewed;
mod segment;
mod take;

pub use clean::clean;
pub use client::{Environment, Opened, open};
pub use depot::{Depot, Journal, Look, Read};
pub use door::{Appender, Door, Held, LeaseLeft};
pub use error::StoreError;
pub use head::{Head, Holder};
pub use hold::{Hold, Keep, Save};
pub use late::Late;
pub use moment::{Clock, Lease, Moment, SystemClocks};
pub use objects::{Answer, Fault, FaultKind, Listed, Object, Objects, Put, Version, When};
pub use remote::Remote;
pub use take::{force, take};

#[cfg(test)]
pub(crate) mod tests;
