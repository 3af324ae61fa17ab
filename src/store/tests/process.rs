//! A process that can be frozen, as a laptop that sleeps or a virtual machine that is paused.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::store::{Clock, Moment};

/// A process: it is polled only while it is not frozen, and its monotonic clock may pause meanwhile.
#[derive(Debug)]
pub struct Body {
    frozen_until: Mutex<Option<Instant>>,
    /// How long the monotonic clock has paused.
    paused: Mutex<Duration>,
    pauses: bool,
    start: (Instant, SystemTime),
}

impl Body {
    /// One whose monotonic clock pauses while it is frozen, or goes on.
    pub fn new(pauses: bool) -> Arc<Self> {
        let start = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        Arc::new(Body { frozen_until: Mutex::default(), paused: Mutex::default(), pauses, start })
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen_until.lock().expect("free").is_some_and(|until| until > Instant::now())
    }

    /// It is not polled for this long, from the next time that it would be.
    pub fn freeze(&self, duration: Duration) {
        *self.frozen_until.lock().expect("free") = Some(Instant::now() + duration);
        if self.pauses {
            *self.paused.lock().expect("free") += duration;
        }
    }
}

/// The clocks of a process.
pub struct BodyClock(pub Arc<Body>);

impl Clock for BodyClock {
    fn now(&self) -> Moment {
        let (start, wall) = self.0.start;
        let passed = start.elapsed();
        let paused = *self.0.paused.lock().expect("free");
        Moment { monotonic: start + passed.saturating_sub(paused), wall: wall + passed }
    }
}

/// A future that freezes with its process, which may have several.
pub struct Frozen<F> {
    body: Arc<Body>,
    work: Pin<Box<F>>,
    thaw: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<F> Frozen<F> {
    pub fn new(body: &Arc<Body>, work: F) -> Self {
        Frozen { body: Arc::clone(body), work: Box::pin(work), thaw: None }
    }
}

impl<F: Future> Future for Frozen<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        loop {
            if let Some(thaw) = &mut self.thaw {
                std::task::ready!(thaw.as_mut().poll(context));
                self.thaw = None;
            }
            let until = *self.body.frozen_until.lock().expect("free");
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => self.thaw = Some(Box::pin(tokio::time::sleep_until(until))),
                None => return self.work.as_mut().poll(context),
            }
        }
    }
}
