//! Which addresses a plan looks at.

/// scope
#[derive(Clone, Debug, Default)]
pub struct Scope;
