//! Ctrl-C and SIGTERM: first drain, then stop.

use tokio::task::JoinHandle;

use crate::apply::StopHandle;
use crate::cli::output::Output;

/// Listens until the task is aborted.
pub fn listen(handle: StopHandle, output: Output) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            next().await;
            let text = if handle.request() {
                "\nStopping: nothing new is started, and what is in flight is finished. Interrupt again to stop at once.\n"
            } else {
                "\nStopping at once. The journal has everything; the next apply goes on from there.\n"
            };
            output.error(text);
        }
    })
}

/// Ends when the process is asked to stop.
pub async fn next() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
