//! What the tests of this module have in common.

pub(crate) mod exact_limit;
pub(crate) mod loopback;
