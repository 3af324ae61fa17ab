//! The commands below `dixaform catalog`, with what they say about themselves.

use clap::Subcommand;

use crate::cli::forms::ResultFormsArgs;

#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Write what the tenant has to its catalog; needs the token
    ///
    /// The catalog is `state/<tenant>.catalog.json`, or the file that the tenant's `catalog` names. It holds no
    /// customer and no token: keep it in git. With it, `validate` and `plan` check attributes, queues, agents and
    /// mailboxes without a network.
    #[command(after_help = "Examples:
  dixaform catalog pull --tenant staging
  dixaform catalog pull --format json     what differed, as JSON")]
    Pull {
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Show what changed in the tenant since its catalog was written; needs the token
    #[command(after_help = "Examples:
  dixaform catalog diff --tenant staging")]
    Diff {
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
}
