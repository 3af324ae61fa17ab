//! Keeps to the rate limit: a pure token bucket, and the queue in front of it.
//!
//! The server counts requests when they arrive, not when they leave: a slow one followed by fast ones arrives as a
//! burst that was never sent. So a part of the burst is kept in hand, and the rate is a hair below the limit, since two
//! clocks never run alike. A 429 that comes all the same stops the sending for a while and then halves the rate, which
//! grows back over [`RECOVERY`].
//!
//! Processes that use the same token don't know of each other. They share the rate only by what they do after a 429.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::access::RateLimit;

/// How differently long two requests may be on their way without tripping the limit: ±20 ms.
const JITTER: Duration = Duration::from_millis(40);

/// How late a timer may wake us without the rate suffering: the tick of tokio's timer is 1 ms.
const LATENESS: Duration = Duration::from_millis(2);

/// The part of the rate that is used: 2 per mille are far more than clocks differ by.
const PACE: f64 = 0.998;

/// The part of the rate that is used where no burst can be kept in hand.
const PACE_WITHOUT_BURST: f64 = 0.99;

/// How long nothing is sent after a 429 that does not say.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that a server may ask for.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long the rate takes from half to full after a pause.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// Sums of many small floats are slightly off; this is less than a nanosecond at any sane rate.
const EPSILON: f64 = 1e-9;

/// No single wait is longer than this, however low the rate: the caller waits and asks again.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// A token bucket without a clock: every `now` is the time since some instant that the caller chose, and never goes
/// back.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Tokens per second at full rate.
    rate: f64,
    /// The most that the bucket holds, at least 1.
    capacity: f64,
    /// What it holds, up to date at `updated`.
    level: f64,
    updated: Duration,
    /// The end of the last pause; the recovery begins there.
    resume: Option<Duration>,
}

impl Bucket {
    /// A full bucket that keeps to `limit` as its server counts it. A rate that is not positive counts as very small.
    pub fn new(limit: RateLimit, now: Duration) -> Self {
        let published = if limit.requests_per_second > 0.0 { limit.requests_per_second.min(1e6) } else { 1e-3 };
        let burst = f64::from(limit.burst.max(1));
        let (rate, capacity) = if limit.burst < 2 {
            (published * PACE_WITHOUT_BURST, 1.0)
        } else {
            // One token, or more where the rate is so high that jitter is worth more; but what is left must hold the
            // tokens of a late timer beside the one that is taken, or the rate would suffer.
            let in_hand = (published * JITTER.as_secs_f64()).max(1.0);
            let least = 1.0 + published * LATENESS.as_secs_f64();
            (published * PACE, (burst - in_hand).max(least).min(burst))
        };
        Bucket { rate, capacity, level: capacity, updated: now, resume: None }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// The bucket is empty. Nothing was taken; ask again after this time, which is never zero.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.refill(now);
        if self.level + EPSILON >= 1.0 {
            self.level = (self.level - 1.0).max(0.0);
            return Ok(());
        }
        let pause = self.resume.map_or(Duration::ZERO, |resume| resume.saturating_sub(now));
        // The rate only grows from here on, so this is never too early, and what it is late by is not lost.
        let missing = (1.0 - self.level) / (self.rate * self.share(now + pause));
        let missing = Duration::try_from_secs_f64(missing).unwrap_or(WAIT_MAX).max(Duration::from_nanos(1));
        Err((pause + missing).min(WAIT_MAX))
    }

    /// After a 429: nothing for `retry_after` (at most [`PAUSE_MAX`]) or [`PAUSE`], then half the rate, growing back.
    pub fn slow_down(&mut self, retry_after: Option<Duration>, now: Duration) {
        self.refill(now);
        // A pause of zero says nothing.
        let pause = retry_after.filter(|pause| !pause.is_zero()).unwrap_or(PAUSE);
        let resume = now + pause.min(PAUSE_MAX);
        // Several requests of one burst are refused together; the longest pause counts.
        self.resume = Some(self.resume.map_or(resume, |earlier| earlier.max(resume)));
        self.level = 0.0;
    }

    fn refill(&mut self, now: Duration) {
        let now = now.max(self.updated);
        self.level = (self.level + self.rate * self.full_seconds(self.updated, now)).min(self.capacity);
        self.updated = now;
        if self.resume.is_some_and(|resume| now >= resume + RECOVERY) {
            self.resume = None;
        }
    }

    /// The share of the full rate at `now`, from 0 to 1.
    fn share(&self, now: Duration) -> f64 {
        match self.resume {
            None => 1.0,
            Some(resume) if now < resume => 0.0,
            Some(resume) => (0.5 + 0.5 * (now - resume).div_duration_f64(RECOVERY)).min(1.0),
        }
    }

    /// How many seconds at full rate the time between two instants is worth: the integral of [`Bucket::share`], which
    /// is linear in three parts.
    fn full_seconds(&self, from: Duration, until: Duration) -> f64 {
        let Some(resume) = self.resume else { return (until - from).as_secs_f64() };
        let recovered = resume + RECOVERY;
        let (start, end) = (from.clamp(resume, recovered), until.clamp(resume, recovered));
        let recovering = (end - start).as_secs_f64() * (self.share(start) + self.share(end)) / 2.0;
        recovering + until.saturating_sub(from.max(recovered)).as_secs_f64()
    }
}

/// The queue in front of a [`Bucket`]: first come, first served. One per token, shared by all who send.
#[derive(Debug)]
pub struct Throttle {
    origin: Instant,
    /// Whoever holds this is next; tokio's mutex queues in order of arrival.
    turn: tokio::sync::Mutex<()>,
    /// Apart from `turn`, so that a 429 is heeded while somebody waits. Never locked across an await.
    bucket: Mutex<Bucket>,
}

impl Throttle {
    pub fn new(limit: RateLimit) -> Self {
        Throttle {
            origin: Instant::now(),
            turn: tokio::sync::Mutex::new(()),
            bucket: Mutex::new(Bucket::new(limit, Duration::ZERO)),
        }
    }

    /// Waits until one request may be sent. A waiter that is dropped takes nothing with it: its token goes to the next.
    pub async fn wait(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let Err(wait) = self.take() else { return };
            tokio::time::sleep(wait).await;
        }
    }

    /// To be called for every 429. See [`Bucket::slow_down`].
    pub fn slow_down(&self, retry_after: Option<Duration>) {
        self.bucket().slow_down(retry_after, self.origin.elapsed());
    }

    fn take(&self) -> Result<(), Duration> {
        self.bucket().take(self.origin.elapsed())
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        // A bucket is whole between any two of its statements, so a panic elsewhere does not spoil it.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Arc;

    use crate::api::tests::exact_limit::ExactLimit;

    async fn sent(limit: RateLimit, calls: usize) -> Vec<Duration> {
        let throttle = Throttle::new(limit);
        let mut sent = Vec::with_capacity(calls);
        for _ in 0..calls {
            throttle.wait().await;
            sent.push(throttle.origin.elapsed());
        }
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_on_the_way_never_trips_the_limit_and_the_rate_is_used() {
        for (rate, burst) in [(10.0, 4), (10.0, 2), (3.0, 2), (50.0, 8), (25.0, 20)] {
            let limit = RateLimit { requests_per_second: rate, burst };
            let sent = sent(limit, 600).await;
            assert_eq!(ExactLimit::refusals_with_jitter(limit, &sent), 0, "{limit:?}");
            let ideal = (600.0 - f64::from(burst)) / rate;
            let taken = sent.last().expect("600 calls").as_secs_f64();
            assert!(taken <= ideal * 1.03, "{limit:?}: {taken} s, ideally {ideal} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_burst_the_rate_is_still_used_and_never_exceeded() {
        let limit = RateLimit { requests_per_second: 10.0, burst: 1 };
        let sent = sent(limit, 200).await;
        assert!(sent.last().expect("200 calls").as_secs_f64() <= 19.9 * 1.03);
        assert_eq!(ExactLimit::refusals(limit, sent), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_tenant_is_waited_for() {
        let limit = RateLimit { requests_per_second: 0.0001, burst: 1 };
        assert!(sent(limit, 2).await[1] >= Duration::from_secs(10_000));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_served_in_order_of_arrival() {
        let throttle = Arc::new(Throttle::new(RateLimit::DIXA));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiters = Vec::new();
        for index in 0..20 {
            let (throttle, order) = (Arc::clone(&throttle), Arc::clone(&order));
            waiters.push(tokio::spawn(async move {
                throttle.wait().await;
                order.lock().expect("no panic").push(index);
            }));
            tokio::task::yield_now().await;
        }
        for waiter in waiters {
            waiter.await.expect("no panic");
        }
        assert_eq!(*order.lock().expect("no panic"), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_is_dropped_costs_the_others_nothing() {
        let throttle = Arc::new(Throttle::new(RateLimit::DIXA));
        for _ in 0..3 {
            throttle.wait().await;
        }
        let waiter = |throttle: &Arc<Throttle>| {
            let throttle = Arc::clone(throttle);
            tokio::spawn(async move {
                throttle.wait().await;
                throttle.origin.elapsed()
            })
        };
        let (first, queued, last) = (waiter(&throttle), waiter(&throttle), waiter(&throttle));
        tokio::time::sleep(Duration::from_millis(50)).await;
        // One sleeps in front of the bucket, one is in the queue.
        first.abort();
        queued.abort();
        let at = last.await.expect("still waiting");
        assert!((100..=103).contains(&at.as_millis()), "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_nothing_is_sent_during_the_pause_even_by_those_already_waiting() {
        let throttle = Arc::new(Throttle::new(RateLimit::DIXA));
        for _ in 0..3 {
            throttle.wait().await;
        }
        let waiting = Arc::clone(&throttle);
        let waiter = tokio::spawn(async move {
            waiting.wait().await;
            waiting.origin.elapsed()
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        throttle.slow_down(Some(Duration::from_secs(5)));
        throttle.slow_down(None);
        assert!(waiter.await.expect("no panic") >= Duration::from_millis(5050));
    }

    #[test]
    fn after_a_pause_the_rate_grows_from_half_to_full() {
        let mut bucket = Bucket::new(RateLimit::DIXA, Duration::ZERO);
        bucket.slow_down(None, Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut sent = Vec::new();
        while now < Duration::from_secs(16) {
            match bucket.take(now) {
                Ok(()) => sent.push(now),
                Err(wait) => now += wait,
            }
        }
        let during = |from: u64, until: u64| {
            sent.iter().filter(|at| (Duration::from_secs(from)..Duration::from_secs(until)).contains(at)).count()
        };
        assert_eq!(during(0, 1), 0);
        assert!((4..=6).contains(&during(1, 2)), "{}", during(1, 2));
        assert!((72..=76).contains(&during(1, 11)), "{}", during(1, 11));
        assert!((39..=41).contains(&during(12, 16)), "{}", during(12, 16));
        assert!(bucket.resume.is_none());
    }

    #[test]
    fn a_server_cannot_stop_us_for_longer_than_the_longest_pause() {
        let mut bucket = Bucket::new(RateLimit::DIXA, Duration::ZERO);
        bucket.slow_down(Some(Duration::MAX), Duration::ZERO);
        assert!(bucket.take(Duration::ZERO).unwrap_err() < PAUSE_MAX + Duration::from_secs(1));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let mut bucket = Bucket::new(RateLimit::DIXA, Duration::from_secs(10));
        for _ in 0..3 {
            bucket.take(Duration::from_secs(10)).expect("a full bucket");
        }
        assert!(bucket.take(Duration::from_secs(1)).is_err());
    }
}
