//! What was applied to one tenant.

pub mod file_v1;
pub mod id_v1;
mod known;
pub mod record;
mod seal;

pub use known::{Known, remember};
pub use record::{Applied, Before, CannotMove, Forgotten, Lineage, Record, State, TenantIdentity};
pub use seal::{NotASeal, Seal};
