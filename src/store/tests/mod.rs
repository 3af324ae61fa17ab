//! The protocol over a store in memory: with answers that are lost, doubled and late, and runs that are killed, frozen
//! and started again.

mod chaos;
mod steps;
mod weather;
