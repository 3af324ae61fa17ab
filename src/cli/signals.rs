//! Ctrl-C, SIGTERM and SIGHUP: first drain, then stop.
#![cfg_attr(unix, expect(clippy::disallowed_methods, reason = "Linux says in a file which signals are ignored"))]

#[cfg(unix)]
use std::{process::Command, sync::OnceLock};

#[cfg(unix)]
use futures_util::future::OptionFuture;
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
                "\nStopping at once. The journal has everything; the next apply continues from there.\n"
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
        let hangup = (!outlives_its_terminal()).then(|| one(SignalKind::hangup()));
        let hangup = OptionFuture::from(hangup);
        async move {
            tokio::select! {
                () = interrupt => {}
                () = terminate => {}
                Some(()) = hangup => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Whether whoever started this process said, as `nohup` does, that it goes on when its terminal is gone: it was
/// started with SIGHUP ignored.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    // Once somebody listens, the answer is another one.
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => ignores_hangup(&status),
        // Not on Linux. What is ignored is ignored by a child, too.
        Err(_) => {
            let mut child = Command::new("sh");
            child.args(["-c", "trap 'exit 1' HUP; kill -s HUP $$; exit 0"]);
            child.status().is_ok_and(|status| status.success())
        }
    })
}

/// What Linux says of a process: SIGHUP is the first bit of the signals that it ignores.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| mask.trim().ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']))
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_of_ignored_signals_is_understood() {
        for (mask, ignored) in [("0000000000000001", true), ("0000000000001003", true), ("0000000000001000", false)] {
            let status = format!("Name:\tdixaform\nSigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\nSigCgt:\t0\n");
            assert_eq!(ignores_hangup(&status), ignored, "{mask}");
        }
        assert!(!ignores_hangup(""));
    }
}
