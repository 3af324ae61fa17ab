//! What was applied to one tenant.

pub mod file_v1;
pub mod record;

pub use record::{Applied, Before, Lineage, Record, State, TenantIdentity};
