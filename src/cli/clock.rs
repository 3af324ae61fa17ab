//! The time of day and chance, for an apply.

use std::time::SystemTime;

use crate::apply::Clock;

/// The clock and the random source of the system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl SystemClock {
    /// Now, by the clock that file systems stamp files with.
    #[expect(clippy::disallowed_methods, reason = "the edge that knows the time")]
    pub fn system_time() -> SystemTime {
        SystemTime::now()
    }

    /// Now, RFC 3339 in UTC, to the millisecond.
    pub fn timestamp() -> String {
        format!("{:.3}", jiff::Timestamp::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> String {
        SystemClock::timestamp()
    }

    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}
