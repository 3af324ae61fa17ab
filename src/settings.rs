//! Settings of a tenant that planning or recording follows.

/// What the state keeps of the specs that were applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastApplied {
    /// All of it, so that a plan can show old values.
    Full,
    /// Salted digests per field only.
    Digest,
}

/// What is done about an attribute that dixaform had set and that left the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedAttributes {
    /// Send null for it.
    Clear,
    /// Leave the value as it is.
    Keep,
}
