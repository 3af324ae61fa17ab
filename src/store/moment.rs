//! Time as a holder sees it: two clocks at once, since either can mislead.
//!
//! The monotonic clock is not set by anybody, and in many systems it pauses while a laptop sleeps or a virtual machine
//! is paused. The wall clock goes on meanwhile, and can be set. A lease holds only as long as both say so.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// One instant, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub monotonic: Instant,
    pub wall: SystemTime,
}

impl Moment {
    /// How long it is from here until `end`: what the more cautious of the two clocks says.
    pub fn until(self, end: Moment) -> Duration {
        let monotonic = end.monotonic.saturating_duration_since(self.monotonic);
        monotonic.min(end.wall.duration_since(self.wall).unwrap_or_default())
    }

    fn after(self, duration: Duration) -> Moment {
        Moment { monotonic: self.monotonic + duration, wall: self.wall + duration }
    }
}

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Moment;
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClocks;

impl Clock for SystemClocks {
    #[expect(clippy::disallowed_methods, reason = "a lease is about time")]
    fn now(&self) -> Moment {
        Moment { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

/// Until when a run may believe that it holds the state.
#[derive(Debug)]
pub struct Lease {
    ttl: Duration,
    standing: Mutex<Standing>,
}

#[derive(Clone, Debug)]
enum Standing {
    Until(Moment),
    /// Somebody else holds it now.
    Fenced,
}

impl Lease {
    /// Holds from the moment before the request was sent that began it.
    pub fn new(ttl: Duration, sent: Moment) -> Self {
        Lease { ttl, standing: Mutex::new(Standing::Until(sent.after(ttl))) }
    }

    /// A sign of life was written by a request that was sent then.
    pub fn extend(&self, sent: Moment) {
        let mut standing = self.standing.lock().expect("nobody panics while it is held");
        if let Standing::Until(_) = *standing {
            *standing = Standing::Until(sent.after(self.ttl));
        }
    }

    /// Ends it for good.
    pub fn fence(&self) {
        *self.standing.lock().expect("nobody panics while it is held") = Standing::Fenced;
    }

    pub fn is_fenced(&self) -> bool {
        matches!(*self.standing.lock().expect("nobody panics while it is held"), Standing::Fenced)
    }

    /// How much of it is left.
    pub fn left(&self, now: Moment) -> Duration {
        match *self.standing.lock().expect("nobody panics while it is held") {
            Standing::Until(end) => now.until(end),
            Standing::Fenced => Duration::ZERO,
        }
    }

    pub fn ttl(&self) -> Duration {
        self.ttl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(30);
    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Moment {
        SystemClocks.now()
    }

    #[test]
    fn a_lease_is_over_as_soon_as_one_of_the_clocks_says_so() {
        let start = start();
        let lease = Lease::new(TTL, start);
        assert_eq!(lease.left(start), TTL);
        let asleep = Moment { wall: start.wall + TTL, ..start };
        assert_eq!(lease.left(asleep), Duration::ZERO, "the monotonic clock has paused");
        let set_back = Moment { wall: start.wall - 100 * TTL, monotonic: start.monotonic + TTL };
        assert_eq!(lease.left(set_back), Duration::ZERO, "the wall clock was set back");
        assert_eq!(lease.left(start.after(TTL - SECOND)), SECOND);
    }

    #[test]
    fn a_sign_of_life_extends_it_from_when_it_was_sent_and_never_after_a_fence() {
        let start = start();
        let lease = Lease::new(TTL, start);
        let sent = start.after(10 * SECOND);
        lease.extend(sent);
        assert_eq!(lease.left(sent), TTL);
        // Even one that had ended: nobody has taken the state in between.
        lease.extend(start.after(10 * TTL));
        assert_eq!(lease.left(start.after(10 * TTL)), TTL);
        lease.fence();
        lease.extend(start.after(20 * TTL));
        assert!(lease.is_fenced());
        assert_eq!(lease.left(start.after(20 * TTL)), Duration::ZERO);
    }
}
