//! The time of day and chance, for an apply.

use crate::apply::Clock;

/// The clock and the random source of the system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl SystemClock {
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
