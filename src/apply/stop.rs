//! The wish to stop, from a signal handler to a run.

use std::time::Duration;

use tokio::sync::watch;

/// How long a run may take from the first wish on, with saving what it has done: a little more than it takes what is in
/// flight.
const ALL_MAX: Duration = Duration::from_millis(6_800);

/// How urgent the wish is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    None,
    /// Start nothing new, and finish what is in flight.
    Drain,
    /// Leave what is in flight; the journal has it.
    Now,
}

/// Given to whoever listens for signals.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<Wish>);

/// Given to a run.
#[derive(Clone, Debug)]
pub struct StopSignal(watch::Receiver<Wish>);

/// A connected pair.
pub fn stop_signal() -> (StopHandle, StopSignal) {
    let (send, receive) = watch::channel(Wish::None);
    (StopHandle(send), StopSignal(receive))
}

impl StopHandle {
    /// The first time: drain. Every further time: stop now. Says which it was.
    pub fn request(&self) -> bool {
        let mut first = false;
        self.0.send_modify(|wish| {
            first = *wish == Wish::None;
            *wish = if first { Wish::Drain } else { Wish::Now };
        });
        first
    }

    /// Stop now, without having drained: the time for that is over.
    pub fn request_now(&self) {
        self.0.send_modify(|wish| *wish = Wish::Now);
    }
}

impl StopSignal {
    /// Whether nothing new may be started.
    pub fn is_draining(&self) -> bool {
        *self.0.borrow() >= Wish::Drain
    }

    /// Ends when nothing new may be started; never, if nobody can say so any more.
    pub async fn draining(&mut self) {
        if self.0.wait_for(|wish| *wish >= Wish::Drain).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends when there is no time for anything any more: the wish is urgent, or the first one was long ago. Must be
    /// waited for from the beginning.
    pub async fn over(&mut self) {
        self.draining().await;
        let _ = tokio::time::timeout(ALL_MAX, self.now()).await;
    }

    /// Ends when what is in flight must be left.
    pub async fn now(&mut self) {
        if self.0.wait_for(|wish| *wish == Wish::Now).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
