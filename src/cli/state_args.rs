//! The commands below `dixaform state`, with what they say about themselves.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::forms::{FormatArg, RecordForm, ResultForm, ResultFormsArgs};
use crate::cli::lock_args::LockArgs;

#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the records: address, Dixa id, time of the apply, and manifest
    #[command(after_help = "Examples:
  dixaform state list
  dixaform state list 'import.*'          only imports")]
    List {
        /// Only addresses that match
        #[arg(value_name = "ADDRESS")]
        patterns: Vec<String>,
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Show one record in full, or its manifest as it was last applied
    #[command(after_help = "Examples:
  dixaform state show conversation.late-order
  dixaform state show conversation.late-order --format yaml > late-order.yaml
                                          its manifest, as it was last applied")]
    Show {
        /// The address of the record
        #[arg(value_name = "ADDRESS")]
        address: String,
        /// text or json for the record, yaml for its manifest; =FILE writes it to a file; may be repeated
        #[arg(long, value_name = "FORM[=FILE]")]
        format: Vec<FormatArg<RecordForm>>,
    },
    /// Change the address of a record, after its manifest was renamed
    #[command(after_help = "Examples:
  dixaform state mv conversation.late-order conversation.late-parcel")]
    Mv {
        /// The current address of the record
        #[arg(value_name = "FROM")]
        from: String,
        /// The new address, of the same kind
        #[arg(value_name = "TO")]
        to: String,
        #[command(flatten)]
        lock: LockArgs,
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Drop records; their conversations stay in Dixa
    #[command(after_help = "Examples:
  dixaform state forget import.legacy-42")]
    Forget {
        /// The addresses of the records
        #[arg(value_name = "ADDRESS", required = true)]
        addresses: Vec<String>,
        #[command(flatten)]
        lock: LockArgs,
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Find in Dixa what was made before, and record it
    ///
    /// Use this if a state is lost, or older than what was applied. It looks at the conversations of all requesters in
    /// the manifests, and changes nothing in Dixa. What carries a marker of this project is recorded. You decide with
    /// `recover` about what can't carry a marker.
    #[command(after_help = "Examples:
  dixaform state rebuild --tenant staging
  dixaform state rebuild --tenant staging --journal-lost")]
    Rebuild {
        /// Files or folders of manifests; - is standard input
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// An apply has died, and its journal is lost: wait two minutes for what it has sent, and look twice
        ///
        /// What isn't found then is planned again, unless it reaches a customer: that stays in doubt until you decide
        /// with `recover` (exit code 6).
        #[arg(long)]
        journal_lost: bool,
        #[command(flatten)]
        lock: LockArgs,
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Accept a state that was edited by hand on purpose
    ///
    /// Every state has a seal. If a bit flips, or an edit or a merge changes the state, the seal no longer fits, and
    /// every command refuses the state. If you meant the change, this command checks that the file is a valid state,
    /// and seals it again.
    #[command(after_help = "Examples:
  dixaform state accept --tenant staging")]
    Accept {
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Print the path of the state file, or the URL of its store
    #[command(after_help = "Examples:
  dixaform state path --tenant staging    for example state/staging.json")]
    Path {
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
    /// Move a state from its file, or from a branch of the repository, to an object store
    ///
    /// Its journal moves with it. Afterwards, the file only says where the state went, and every command refuses to
    /// plan on it; the state itself stays beside it as a backup. If the command is interrupted, run it again to finish.
    #[command(after_help = "Examples:
  dixaform state move-to s3://acme-state/dixa/staging --tenant staging
  dixaform state move-to s3://acme/dixa/staging --from-branch dixaform-state
                                          from a branch on which scripts kept it")]
    MoveTo(MoveToArgs),
    /// Print the state as it is saved, which is JSON
    #[command(after_help = "Examples:
  dixaform state pull --tenant staging > staging.json")]
    Pull {
        /// text or json: both print the state, but with json errors are JSON too; =FILE writes it to a file; may be
        /// repeated
        #[arg(long, value_name = "FORM[=FILE]")]
        format: Vec<FormatArg<ResultForm>>,
    },
    /// Say who holds the state; with --force, end a run that holds one in a store
    ///
    /// Exits with 0 if nobody holds the state, and with 5 if somebody does. The lock of a state file is released when
    /// its process ends, so there is never anything to unlock. If a run that holds a state in a store has died, a
    /// command with --lock-timeout takes over. --force ends a run that hangs: it stops within its lease, and the next
    /// run waits for what it has sent by then.
    #[command(after_help = "Examples:
  dixaform state unlock --tenant staging
  dixaform state unlock --tenant staging --force")]
    Unlock {
        /// End the run that holds a state in a store
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        forms: ResultFormsArgs,
    },
}

/// Where a state moves, and from where.
#[derive(Debug, Args)]
pub struct MoveToArgs {
    /// s3://bucket/prefix, gs://bucket/prefix or az://container/prefix, with nothing there yet
    #[arg(value_name = "URL")]
    pub url: String,
    /// Take the state from this branch, where it is <tenant>.json, and not from the file
    ///
    /// Afterwards, the branch only says where the state went, and so does the file here. If a run of the old scripts is
    /// using the branch, nothing is moved, and the exit code is 5.
    #[arg(long, value_name = "BRANCH")]
    pub from_branch: Option<String>,
    /// The remote that has the branch, or its URL
    #[arg(long, value_name = "REMOTE", default_value = "origin", requires = "from_branch")]
    pub remote: String,
    #[command(flatten)]
    pub lock: LockArgs,
    #[command(flatten)]
    pub forms: ResultFormsArgs,
}
