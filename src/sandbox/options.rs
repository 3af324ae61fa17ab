//! What a sandbox is started with, and why it does not start.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::sandbox::data_file::DataFileError;
use crate::sandbox::definition::KnownAttribute;
use crate::sandbox::faults::FaultPlan;

/// Takes one line per request, like `POST /v1/conversations 201 3 ms` or, where the client gets no answer on purpose,
/// `POST /v1/conversations - 3 ms fault drop-after`.
#[derive(Clone)]
pub struct LogTo(pub Arc<dyn Fn(&str) + Send + Sync>);

impl LogTo {
    /// Calls this with every line.
    pub fn new(log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        LogTo(Arc::new(log))
    }
}

impl fmt::Debug for LogTo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LogTo")
    }
}

/// What a sandbox is started with. By default it listens on any free port, without a file, a limit, a seed, faults or a
/// log.
#[derive(Clone, Debug, Default)]
pub struct SandboxOptions {
    /// The file that keeps the data; it and its folders are created. `None` keeps the data in memory.
    pub data: Option<PathBuf>,
    /// A file that gets a JSON line `{at, method, path, status, body}` per request, with `fault` where there was one;
    /// `status` is null when the client was to get no answer.
    pub request_log: Option<PathBuf>,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// Requests per second and burst, per token. `None` is without a limit.
    pub rate: Option<(f64, u32)>,
    /// Refuses what does not exist, instead of provisioning it.
    pub strict: bool,
    /// What is known beside the documentation's samples. It is not kept in the data file.
    pub seed: Option<Value>,
    /// Definitions that are provisioned at the start, and kept; paths of one definition are merged.
    pub known_attributes: Vec<KnownAttribute>,
    /// Names of queues that are provided at the start, unless it is strict or there is one of the name.
    pub known_queues: Vec<String>,
    /// What goes wrong on purpose; `None` is the same as [`FaultPlan::none`].
    pub faults: Option<FaultPlan>,
    /// Where a line per request goes.
    pub log_to: Option<LogTo>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("could not listen on 127.0.0.1:{port}")]
    Listen { port: u16, source: io::Error },
    #[error(transparent)]
    Data(#[from] DataFileError),
    #[error("could not open the request log {}", path.display())]
    RequestLog { path: PathBuf, source: io::Error },
    /// Every problem of the seed, each with its place.
    #[error("the seed is wrong: {}", .0.join("; "))]
    Seed(Vec<String>),
    #[error("{requests_per_second} requests per second with bursts of {burst} is not a rate limit")]
    Rate { requests_per_second: f64, burst: u32 },
    #[error("could not write what manifests name to the data file")]
    Provision,
}
