//! The price of a plan as a sentence.

use crate::access::RateLimit;
use crate::plan::Price;
use crate::render::number::{duration, grouped};

/// `7 calls, about 1 s at 10 requests/s.`
pub fn price(price: &Price, rate: RateLimit) -> String {
    let plural = if price.calls == 1 { "" } else { "s" };
    let calls = format!("{} call{plural}", grouped(price.calls));
    if price.calls == 0 {
        return format!("{calls}.");
    }
    let requests = if rate.requests_per_second == 1.0 { "request" } else { "requests" };
    let share = if price.daily_quota_share >= 0.01 {
        format!(", {:.0} % of the day's quota", price.daily_quota_share * 100.0)
    } else {
        String::new()
    };
    format!("{calls}, about {} at {} {requests}/s{share}.", duration(price.seconds), rate.requests_per_second)
}
