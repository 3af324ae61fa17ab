//! A sealed workspace to run the real program in.

pub mod browser;
mod chance;
#[cfg(unix)]
pub mod frozen;
pub mod manifests;
mod server;
mod stub;
mod workspace;

pub use chance::{Chance, number};
pub use server::{Server, terminate};
pub use stub::Stub;
pub use workspace::{Outcome, Workspace, sealed};
