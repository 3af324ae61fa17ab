//! Carrying out a plan: guards and reads before the first write, then every change, with each write in the journal
//! before it is sent. Apply makes no choices: what it needs to know, the plan says.

mod adopt;
mod answered;
mod books;
mod carry_out;
pub mod doubt;
mod end_users;
mod end_users_before;
mod end_users_in_doubt;
pub mod event;
mod follow_up;
pub mod guard;
mod halt;
mod handle;
mod job;
pub mod look;
pub mod marker;
pub mod named_before;
pub mod names;
pub mod outcome;
pub mod preflight;
pub mod rebuild;
mod run;
pub mod settle;
mod stop;
mod streak;
mod tags;

pub use doubt::Patience;
pub use event::ApplyEvent;
pub use job::{Clock, Run};
pub use outcome::{ApplyReport, ChangeOutcome, Counts, Failure, Outcome, Stop};
pub use run::run;
pub use stop::{StopHandle, StopSignal, stop_signal};
pub use tags::Tags;

#[cfg(test)]
pub(crate) mod tests;
