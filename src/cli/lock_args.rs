//! Waiting for a state that another command has.

use std::time::Duration;

use clap::Args;

/// How a command comes to a state that another one may have.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// How long to wait for another command to release the state
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::duration::parse)]
    pub lock_timeout: Duration,
}
