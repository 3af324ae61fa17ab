//! The rate limit: an exact token bucket per token, on a clock that tests can stop.
//!
//! <https://docs.dixa.io/docs/api-standards-rules>: per token, a number of requests per second with bursts of a
//! certain size. The bucket is kept as one number, the instant at which it would be full if nothing more came: it is
//! counted in whole nanoseconds, so a client that keeps exactly to the rate is never refused because of rounding.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// Enough for all tests; beyond it, new tokens wait until an old bucket has filled up.
const TOKENS_MAX: usize = 1024;

/// The buckets of all tokens seen.
#[derive(Debug)]
pub struct Limiter {
    /// The time in which one request's worth of allowance comes back.
    interval: Duration,
    /// How far ahead of now a bucket's full instant may lie: what is left of a burst after its first request.
    ahead_max: Duration,
    /// Digest of the token to the instant at which its bucket is full again.
    full_at: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Limiter {
    /// `None` when the rate is not a positive number or the burst is zero.
    pub fn new(requests_per_second: f64, burst: u32) -> Option<Self> {
        let interval = Duration::try_from_secs_f64(1.0 / requests_per_second).ok()?;
        if interval.is_zero() || burst == 0 {
            return None;
        }
        let ahead_max = interval.checked_mul(burst - 1)?;
        Some(Limiter { interval, ahead_max, full_at: Mutex::new(HashMap::new()) })
    }

    /// Takes one request's worth out of the bucket of `token`; false when there is none. A refused request costs
    /// nothing.
    pub fn take(&self, token: &str, now: Instant) -> bool {
        let key: [u8; 32] = Sha256::digest(token).into();
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= TOKENS_MAX && !buckets.contains_key(&key) {
            buckets.retain(|_, full_at| *full_at > now);
            if buckets.len() >= TOKENS_MAX {
                return false;
            }
        }
        let full_at = buckets.entry(key).or_insert(now);
        let base = (*full_at).max(now);
        let allowed = base.duration_since(now) <= self.ahead_max;
        if allowed {
            *full_at = base + self.interval;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_request_per_interval() {
        let limiter = Limiter::new(10.0, 4).expect("valid");
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let taken: Vec<bool> = [0, 0, 0, 0, 0, 99, 100, 100, 199, 200].map(|ms| limiter.take("t", at(ms))).to_vec();
        assert_eq!(taken, [true, true, true, true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_bucket_never_holds_more_than_the_burst() {
        let limiter = Limiter::new(10.0, 2).expect("valid");
        let start = Instant::now();
        assert!(limiter.take("t", start));
        let later = start + Duration::from_secs(60);
        let taken: Vec<bool> = (0..4).map(|_| limiter.take("t", later)).collect();
        assert_eq!(taken, [true, true, false, false]);
    }

    #[test]
    fn each_token_has_a_bucket_of_its_own() {
        let limiter = Limiter::new(1.0, 1).expect("valid");
        let now = Instant::now();
        assert!(limiter.take("one", now) && limiter.take("two", now));
        assert!(!limiter.take("one", now));
    }

    #[test]
    fn a_rate_that_is_no_rate_is_refused() {
        for (rate, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (f64::INFINITY, 1), (10.0, 0)] {
            assert!(Limiter::new(rate, burst).is_none(), "{rate} {burst}");
        }
    }
}
