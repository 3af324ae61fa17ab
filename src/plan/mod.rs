//! From state to desired: what will be done, why, and what it costs. Pure: no clock, no network, no files.

pub mod action;
mod approval;
pub mod change;
pub mod compare;
pub mod described;
pub mod drift_v1;
mod end_users;
pub mod file_v1;
pub mod folders;
mod handling;
pub mod json_parts;
mod known_ids;
pub mod member_diff;
pub mod moves;
mod needs;
pub mod notes;
pub mod observation;
pub mod planner;
pub mod price;
pub mod reason;
mod renamed;
pub mod scope;
pub mod shown;
mod staleness;
mod steps_v1;
pub mod text_diff;
pub mod timeline;

pub use action::Action;
pub use approval::{Difference, differences};
pub use change::{Change, Drift, Gone, Orphan, Plan, Read, Renamed, Step, Steps, Summary, Target};
pub use compare::{Comparison, Deviation, Fit, Part, Thing, compare, fit};
pub use described::{Described, Outcome};
pub use needs::{Need, Needs, waits_for, waits_in_vain};
pub use notes::{ChangeNote, Mark, Note};
pub use observation::{Handled, Observation, Observations, Seen};
pub use planner::{PlanOptions, plan};
pub use price::Price;
pub use reason::{Block, Reason};
pub use scope::{Scope, Unfit};
pub use staleness::staleness;

#[cfg(test)]
mod tests;
