//! A rate limit as the strictest server enforces it, for tests: exactly the limit, nothing kept in hand.

use std::time::Duration;

use crate::access::RateLimit;

/// How differently long requests are on their way: 0 to 40 ms.
pub(crate) const JITTER: Duration = Duration::from_millis(40);

/// The server's bucket.
pub(crate) struct ExactLimit {
    limit: RateLimit,
    level: f64,
    updated: Duration,
}

impl ExactLimit {
    /// How many requests that arrive at these times are answered with a 429.
    pub(crate) fn refusals(limit: RateLimit, mut arrivals: Vec<Duration>) -> usize {
        arrivals.sort();
        let start = arrivals.first().copied().unwrap_or_default();
        let mut server = ExactLimit { limit, level: f64::from(limit.burst), updated: start };
        arrivals.into_iter().filter(|arrival| !server.accepts(*arrival)).count()
    }

    /// The most refusals that any of some ways to delay what was sent, by 0 to 40 ms, leads to.
    pub(crate) fn refusals_with_jitter(limit: RateLimit, sent: &[Duration]) -> usize {
        let mut sent = sent.to_vec();
        sent.sort();
        let random_delays = (0..20).map(|mut seed| {
            let arrivals = sent.iter().map(|sent| *sent + JITTER.mul_f64(random(&mut seed))).collect();
            ExactLimit::refusals(limit, arrivals)
        });
        // The worst: slow ones first, fast ones after, so that they arrive together.
        let slow_first = [1, 2, 3, 10, 300].into_iter().map(|slow| {
            let delay = |index: usize| if index < slow { JITTER } else { Duration::ZERO };
            let arrivals = sent.iter().enumerate().map(|(index, sent)| *sent + delay(index)).collect();
            ExactLimit::refusals(limit, arrivals)
        });
        random_delays.chain(slow_first).max().unwrap_or_default()
    }

    fn accepts(&mut self, now: Duration) -> bool {
        let gained = (now - self.updated).as_secs_f64() * self.limit.requests_per_second;
        self.level = (self.level + gained).min(f64::from(self.limit.burst));
        self.updated = now;
        let accepted = self.level >= 1.0;
        self.level -= if accepted { 1.0 } else { 0.0 };
        accepted
    }
}

/// SplitMix64: good enough for jitter, and the same on every machine.
fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
