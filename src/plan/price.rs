//! How many calls a plan makes, how long that takes, and what share of the day's quota it is.

use crate::access::RateLimit;
use crate::plan::json_parts::exact;

/// Requests that a token may make in a day. <https://docs.dixa.io/docs/api-standards-rules>
pub const DAILY_QUOTA: u64 = 864_000;

/// What a plan costs when it is applied without a failure.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "price")]
pub struct Price {
    /// All calls, the reads before the first write among them.
    pub calls: u64,
    /// The least time that the rate limit allows for them, in seconds.
    #[serde(serialize_with = "exact")]
    #[schemars(range(min = 0))]
    pub seconds: f64,
    /// Calls as a part of the day's quota; 1.0 is all of it.
    #[serde(serialize_with = "exact")]
    #[schemars(range(min = 0))]
    pub daily_quota_share: f64,
}

impl Price {
    pub fn new(calls: u64, rate: RateLimit) -> Self {
        let beyond_burst = calls.saturating_sub(u64::from(rate.burst)) as f64;
        let milliseconds = (beyond_burst / rate.requests_per_second * 1000.0).round();
        Price { calls, seconds: milliseconds / 1000.0, daily_quota_share: calls as f64 / DAILY_QUOTA as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_free_and_the_rest_waits() {
        assert_eq!(Price::new(4, RateLimit::DIXA).seconds, 0.0);
        assert_eq!(Price::new(7, RateLimit::DIXA).seconds, 0.3);
        assert_eq!(Price::new(604, RateLimit::DIXA).seconds, 60.0);
        assert_eq!(Price::new(864_000, RateLimit::DIXA).daily_quota_share, 1.0);
    }
}
