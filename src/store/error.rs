//! Why a state in a store can't be used.

use std::borrow::Cow;
use std::time::Duration;

use crate::hint::Hint;
use crate::store::head::Holder;
use crate::store::objects::{Fault, FaultKind};

/// Why a state in a store can't be looked at, taken or changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the state is held{}", by(holder, *quiet))]
    Held {
        holder: Box<Holder>,
        /// How long it was watched without a sign of life; none if it was not watched.
        quiet: Option<Duration>,
    },
    #[error("another run has taken over the state{}", whose(holder.as_deref()))]
    Fenced {
        /// Who holds it by now; none if nobody does, or the head says that it is this run.
        holder: Option<Box<Holder>>,
    },
    #[error("the lease of the state has ended, because the store took no sign of life: {0}")]
    Expired(Fault),
    #[error("the run was to stop, and there was no time to wait for the store any longer")]
    Left,
    #[error("can't {doing} in the store: {fault}")]
    Request { doing: String, fault: Fault },
    #[error("the store doesn't honour conditional writes: {why}")]
    NotConditional { why: String },
    #[error("the store has something that dixaform can't use: {0}")]
    Unusable(String),
    #[error("a newer dixaform has written to the store: {0}")]
    Newer(String),
    #[error("no credentials for the store: {why}")]
    NoCredentials { why: String, tried: String },
    #[error("the environment variable {name} can't be used: {why}")]
    Setting { name: String, why: String },
    #[error("there is a state in the store already, at serial {serial}")]
    Occupied { serial: u64 },
    #[error("a run was killed before it saved a state, and the store still has what it wrote")]
    Unfinished,
}

impl StoreError {
    /// The same, told as what it is where credentials are missing: `tried` says where they were looked for.
    pub fn with_credentials(self, tried: &str) -> Self {
        match self {
            StoreError::Request { fault: Fault { message: why, kind: FaultKind::Credentials }, .. } => {
                StoreError::NoCredentials { why, tried: tried.to_owned() }
            }
            other => other,
        }
    }

    pub(crate) fn request(doing: impl Into<String>) -> impl FnOnce(Fault) -> Self {
        let doing = doing.into();
        move |fault| StoreError::Request { doing, fault }
    }

    /// Whether the store refuses what it is asked for, and is not away: it does not help to wait.
    pub fn is_about_rights(&self) -> bool {
        match self {
            StoreError::NoCredentials { .. } => true,
            StoreError::Expired(fault) | StoreError::Request { fault, .. } => fault.kind != FaultKind::Passing,
            _ => false,
        }
    }

    /// Whether it is a refusal for safety, and not a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            StoreError::Held { .. }
            | StoreError::Fenced { .. }
            | StoreError::NotConditional { .. }
            | StoreError::Occupied { .. }
            | StoreError::Unfinished => true,
            StoreError::Expired(_)
            | StoreError::Left
            | StoreError::Request { .. }
            | StoreError::Unusable(_)
            | StoreError::Newer(_)
            | StoreError::Setting { .. }
            | StoreError::NoCredentials { .. } => false,
        }
    }
}

fn by(holder: &Holder, quiet: Option<Duration>) -> String {
    let Holder { run: _, who, host, pid, command, since, ttl_ms, call_timeout_ms: _ } = holder;
    let ttl = ttl_ms.div_ceil(1000);
    let quiet = match quiet {
        Some(quiet) => format!("its last sign of life was seen {} s ago", quiet.as_secs()),
        None => "it was not watched for a sign of life".to_owned(),
    };
    format!(
        " by {who} on {host} (process {pid}, {command}, since {since}); {quiet}, and it is taken over after {ttl} s \
         without one"
    )
}

fn whose(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { who, host, pid, command, since, .. }) => {
            format!(": {who} on {host} (process {pid}, {command}, since {since})")
        }
        None => ", `dixaform state unlock --force` has ended this one, or somebody has restored or removed head.json"
            .to_owned(),
    }
}

impl Hint for StoreError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            StoreError::Held { holder, .. } => {
                let wait = (holder.ttl_ms.div_ceil(1000) * 2).max(60);
                format!(
                    "wait for it with --lock-timeout {wait}s, which also takes over a run that has died; \
                     `dixaform state unlock --force` ends one that hangs"
                )
                .into()
            }
            StoreError::Fenced { .. } => {
                "this run sends nothing more; the next plan shows what is left to do, and what this run made after it lost the state"
                    .into()
            }
            StoreError::Expired(_) if self.is_about_rights() => {
                "nothing more was sent; log in again, or see to it that the credentials of the store are good and may \
                 read, list and write below the prefix, and then run again; the next run settles what is in doubt"
                    .into()
            }
            StoreError::Expired(_) => {
                "nothing more was sent; run again when the store can be reached; the next run settles what is in doubt"
                    .into()
            }
            StoreError::Left => "this run may still hold the state; the next one then waits until its lease ends".into(),
            StoreError::Request { fault: Fault { kind: FaultKind::Lasting, .. }, .. } => {
                "log in again if the credentials have ended; check whether they may read, list and write below the \
                 prefix, and the bucket's name, the region and the endpoint"
                    .into()
            }
            StoreError::Request { .. } => "try again when the store can be reached".into(),
            StoreError::NotConditional { .. } => {
                "two runs could each believe that they hold the state. Nothing was sent: use a store that honours \
                 If-None-Match and If-Match, or a state file"
                    .into()
            }
            StoreError::Unusable(_) => "it was left as it is; is the prefix the right one?".into(),
            StoreError::Newer(_) => "use the dixaform that wrote it, or a newer one".into(),
            StoreError::Setting { .. } => "nothing was sent".into(),
            StoreError::NoCredentials { tried, .. } => {
                format!("tried: {tried}. Set one of these, or log in with the cloud's own command line").into()
            }
            StoreError::Occupied { .. } | StoreError::Unfinished => "nothing was changed; name another prefix".into(),
        })
    }
}
