//! The planner.

/// Options.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Allow replacements whose manifest says nothing about them.
    pub allow_replace: bool,
}

/// What is done about an attribute that dixaform had set and that left the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedAttributes {
    /// Send null for it.
    Clear,
    /// Leave the value as it is.
    Keep,
}

/// plan
pub fn plan() {}
