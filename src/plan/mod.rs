//! From state to desired: what will be done, why, and what it costs. Pure: no clock, no network, no files.

pub mod action;
pub mod change;
pub mod member_diff;
pub mod planner;
pub mod price;
pub mod reason;
pub mod scope;
pub mod text_diff;

pub use action::Action;
pub use change::{Change, Orphan, Plan, Read, Step, Summary, Target};
pub use planner::{PlanOptions, RemovedAttributes, plan};
pub use price::Price;
pub use reason::{Block, Reason};
pub use scope::Scope;

#[cfg(test)]
mod tests;
