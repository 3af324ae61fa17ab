//! Ctrl-C and SIGTERM: first drain, then stop.

use tokio::task::JoinHandle;

use crate::apply::StopHandle;
use crate::cli::output::Output;

/// Listens until the task is aborted.
pub fn listen(handle: StopHandle, output: Output) -> JoinHandle<()> {
    let mut asked = Box::pin(next());
    tokio::spawn(async move {
        loop {
            asked.as_mut().await;
            asked.set(next());
            let text = if handle.request() {
                "\nStopping: nothing new is started, and what is in flight is finished. Interrupt again to stop at once.\n"
            } else {
                "\nStopping at once. The journal has everything; the next apply goes on from there.\n"
            };
            output.error(text);
        }
    })
}

/// Ends when the process is asked to stop. It listens from the call on, not only from the first time that it is
/// awaited.
pub fn next() -> impl Future<Output = ()> + Send {
    #[cfg(unix)]
    {
        use tokio::signal::unix::SignalKind;
        let (interrupt, terminate) = (one(SignalKind::interrupt()), one(SignalKind::terminate()));
        async move {
            tokio::select! {
                () = interrupt => {}
                () = terminate => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Ends at a signal of this kind. One that can't be listened to does what the system does with it.
#[cfg(unix)]
fn one(kind: tokio::signal::unix::SignalKind) -> impl Future<Output = ()> + Send {
    let listener = tokio::signal::unix::signal(kind);
    async move {
        match listener {
            Ok(mut listener) => {
                listener.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    }
}
