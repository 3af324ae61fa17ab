//! Starting and stopping the sandbox on a loopback port.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::sandbox::options::{SandboxError, SandboxOptions};
use crate::sandbox::provided::Provided;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::routes::router;
use crate::sandbox::service::Service;

/// How long a shutdown waits for requests that are being answered.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

/// The names under which the sandbox answers. A page in a browser can make its own name lead to this machine, but it
/// can't make the browser send one of these.
struct HostNames(Vec<String>);

impl HostNames {
    fn of(port: u16) -> Self {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        let bare = names.into_iter().filter(|_| port == 80).map(str::to_owned);
        HostNames(names.iter().map(|name| format!("{name}:{port}")).chain(bare).collect())
    }
}

async fn only_own_names(State(names): State<Arc<HostNames>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let first = hosts.next().unwrap_or_default();
    let is_own = names.0.iter().any(|name| first.eq_ignore_ascii_case(name)) && hosts.next().is_none();
    if is_own { next.run(request).await } else { Refusal::OtherHost.into_response() }
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
        let hosts = HostNames::of(address.port());
        let router = router(Arc::clone(&service)).layer(from_fn_with_state(Arc::new(hosts), only_own_names));
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

    /// What it has made up in this run because somebody named it; none if that is nothing. What an earlier run on the
    /// same data made up may be named by nobody any more.
    pub fn provided(&self) -> Option<Provided> {
        self.service.provided()
    }

    /// The sandbox without its socket, for calling it within the process.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Finishes the requests that are being answered, for at most a second, and lets go of the data file.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        self.service.hurry();
        if let Some(mut serving) = self.serving.take()
            && timeout(SHUTDOWN_MAX, &mut serving).await.is_err()
        {
            serving.abort();
        }
        // Clients that did not wait may have left something to carry out.
        let _ = timeout(SHUTDOWN_MAX, self.service.finished()).await;
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
