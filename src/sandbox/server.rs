//! Starting and stopping the sandbox on a loopback port.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::sandbox::data_file::DataFileError;
use crate::sandbox::definition::KnownAttribute;
use crate::sandbox::faults::FaultPlan;
use crate::sandbox::service::Service;

/// How long a shutdown waits for requests that are being answered.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

/// Takes one line per request, like `POST /v1/conversations 201 3 ms` or, where the client gets no answer on purpose,
/// `POST /v1/conversations - 3 ms fault drop-after`.
pub type LogTo = Arc<dyn Fn(&str) + Send + Sync>;

/// What a sandbox is started with.
#[derive(Clone)]
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
    /// What goes wrong on purpose; `None` is the same as [`FaultPlan::none`].
    pub faults: Option<FaultPlan>,
    /// Where a line per request goes.
    pub log_to: Option<LogTo>,
}

impl SandboxOptions {
    /// On any free port, without a file, a limit, a seed, faults or a log.
    pub fn in_memory() -> Self {
        SandboxOptions {
            data: None,
            request_log: None,
            port: 0,
            rate: None,
            strict: false,
            seed: None,
            known_attributes: Vec::new(),
            faults: None,
            log_to: None,
        }
    }
}

impl fmt::Debug for SandboxOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SandboxOptions { data, request_log, port, rate, strict, seed, known_attributes, faults, log_to } = self;
        out.debug_struct("SandboxOptions")
            .field("data", data)
            .field("request_log", request_log)
            .field("port", port)
            .field("rate", rate)
            .field("strict", strict)
            .field("seed", seed)
            .field("known_attributes", known_attributes)
            .field("faults", faults)
            .field("log_to", &log_to.is_some())
            .finish()
    }
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
    #[error("could not write the definitions of custom attributes to the data file")]
    Provision,
}

/// A running sandbox. Dropping it stops it too, without waiting.
pub struct Sandbox {
    service: Arc<Service>,
    address: SocketAddr,
    /// Dropping it tells the server to stop.
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Opens the data, and listens on 127.0.0.1 within the runtime that this is called in.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let port = options.port;
        let listen_error = |source| SandboxError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let service = Service::open(options).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        // Answers are small and clients wait for them: never hold one back to fill a packet.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection of the sandbox stays slow");
            }
        });
        let router = Arc::clone(&service).router();
        let serving = tokio::spawn(async move {
            let stopped = async move {
                // A dropped sender means the same as a message.
                let _ = stopped.await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the sandbox stopped serving");
            }
        });
        Ok(Sandbox { service, address, stop: Some(stop), serving: Some(serving) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The sandbox without its socket, for calling it within the process.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Finishes the requests that are being answered, for at most a second, and lets go of the data file.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        if let Some(mut serving) = self.serving.take()
            && timeout(SHUTDOWN_MAX, &mut serving).await.is_err()
        {
            serving.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.service.close();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sandbox").field("address", &self.address).finish_non_exhaustive()
    }
}
