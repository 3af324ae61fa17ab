//! When the calls of an apply are made, if the rate limit is all that it waits for.

use crate::conversation::Kind;
use crate::plan::change::{Plan, Step};
use crate::plan::price::Price;

/// What calls of an apply are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads before the first write.
    Reads,
    /// End users, with all that is set of them.
    EndUsers,
    /// Making conversations, with what is read for it.
    Conversations,
    /// What is set of conversations: attributes, tags, queue, assignee, state, and reading it back.
    Settings,
}

/// Calls of one kind, and when the first and the last of them can be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    pub stage: Stage,
    pub calls: u64,
    /// In seconds from the first call of the apply.
    pub begins: f64,
    pub ends: f64,
}

/// The phases that have calls, in the order in which they begin. Settings of a conversation follow it at once, so the
/// last two share their time.
pub fn timeline(plan: &Plan) -> Vec<Phase> {
    let (mut end_users, mut conversations, mut settings) = (0, 0, 0);
    for change in &plan.changes {
        for step in &*change.steps {
            let slot = match step {
                _ if change.address.kind == Kind::EndUser => &mut end_users,
                Step::Make(_) | Step::ListBefore(_) | Step::Read(_) | Step::Find(_) => &mut conversations,
                _ => &mut settings,
            };
            *slot += 1;
        }
    }
    let reads = plan.price.calls.saturating_sub(end_users + conversations + settings);
    let at = |calls: u64| Price::new(calls, plan.tenant.rate_limit).seconds;
    let (first, then, end) = (at(reads), at(reads + end_users), at(plan.price.calls));
    let phases = [
        (Stage::Reads, reads, 0.0, first),
        (Stage::EndUsers, end_users, first, then),
        (Stage::Conversations, conversations, then, end),
        (Stage::Settings, settings, then, end),
    ];
    let phases = phases.into_iter().map(|(stage, calls, begins, ends)| Phase { stage, calls, begins, ends });
    phases.filter(|phase| phase.calls > 0).collect()
}
