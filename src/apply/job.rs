//! What a run works with.

use std::collections::BTreeSet;

use crate::apply::doubt::Patience;
use crate::apply::tags::Tags;
use crate::conversation::Address;
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
    /// The name of the project, a part of the markers.
    pub project: Option<&'a str>,
    pub patience: Patience,
    /// Addresses for which this command has decided that an earlier call made nothing, and plans it again.
    pub sent_again: &'a BTreeSet<Address>,
    /// Those that the tenant has of the tags that the plan puts on, and those that are made on the way.
    pub tags: &'a Tags,
}
