//! A sealed workspace to run the real program in.

mod workspace;

pub use workspace::{Outcome, Workspace};
