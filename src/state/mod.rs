//! What was applied to one tenant.

pub mod file_v1;
pub mod outline;
pub mod record;

pub use outline::RecordOutline;
pub use record::{Applied, Lineage, Record, State, TenantIdentity};
