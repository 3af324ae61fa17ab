//! What a run works with.

use std::time::Duration;

use crate::plan::Plan;
use crate::settings::LastApplied;

/// What a run can't know by itself.
pub trait Clock {
    /// The time of day, RFC 3339 in UTC.
    fn now(&self) -> String;

    /// Random bytes, new ones each time.
    fn random(&self) -> [u8; 16];
}

/// Everything that a run needs.
#[derive(Debug)]
pub struct Run<'a, A, J, C> {
    pub plan: &'a Plan,
    pub api: &'a A,
    pub journal: &'a J,
    pub clock: &'a C,
    pub last_applied: LastApplied,
    /// How old a call in doubt must be before "nothing found" is believed.
    pub settle: Duration,
}
