//! The protocol over a store in memory: with answers that are lost, doubled and late, and runs that are killed, frozen
//! and started again.

mod chaos;
pub(crate) mod process;
mod steps;
pub(crate) mod weather;
mod words;
