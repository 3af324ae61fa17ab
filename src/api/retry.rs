//! Whether a call that failed is made again, and when. Pure: time and chance come in as arguments.
//!
//! The one rule that matters: making a conversation is never repeated when it was perhaps done. It is in doubt then,
//! and is looked for in the tenant.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::api::contract::CallError;

/// What was tried, as far as it matters for trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Changes nothing.
    Read,
    /// Sets values: twice is as good as once.
    Patch,
    /// Makes a conversation: twice is two conversations.
    Make,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then get a permit and try again.
    RetryAfter(Duration),
    /// It failed. For [`CallKind::Make`] this also says: it was surely not done.
    GiveUp,
    /// [`CallKind::Make`] only: perhaps it was done. To be looked for, never to be sent again without having looked.
    InDoubt,
    /// The token is refused: neither this nor any other call will succeed.
    StopAll,
}

/// Attempts in all, the first among them: with a backoff from half a second this is about half a minute at most.
pub const ATTEMPTS_MAX: u32 = 6;

/// Attempts in all when the last one was refused for the rate: a shared token may be used up by others for a while.
pub const ATTEMPTS_MAX_RATE_LIMITED: u32 = 10;

/// No attempt begins later than this after the first one began.
pub const ELAPSED_MAX: Duration = Duration::from_secs(120);

/// The backoff after the first attempt; doubled after every further one.
pub const BACKOFF: Duration = Duration::from_millis(500);

/// [`BACKOFF`] after a 429.
pub const BACKOFF_RATE_LIMITED: Duration = Duration::from_secs(1);

/// The backoff grows no further.
pub const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// Asked to wait for longer, we ask again after this time.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// What to do after `attempt` attempts (1 after the first) of which the last failed with `error`, `elapsed` after the
/// first one began. `jitter` is a random number from 0 to 1: the whole backoff is scaled by it, so that clients that
/// failed together do not come back together.
pub fn decide(call: CallKind, error: &CallError, attempt: u32, elapsed: Duration, jitter: f64) -> Decision {
    let wait = match error {
        CallError::Unauthorized { .. } => return Decision::StopAll,
        CallError::Barred { .. } => return Decision::GiveUp,
        CallError::Rejected { status, .. } => {
            // "See other", "request timeout" and "client closed request" come from something in between, which does not
            // know what became of the call.
            let unclear = matches!(status, 303 | 408 | 499);
            return if call == CallKind::Make && (error.is_about_external_id() || unclear) {
                Decision::InDoubt
            } else {
                Decision::GiveUp
            };
        }
        error if call == CallKind::Make && !error.surely_not_done() => return Decision::InDoubt,
        CallError::ServerError { .. }
        | CallError::Lost { .. }
        | CallError::Unreadable { .. }
        | CallError::NotSent { .. } => backoff(BACKOFF, attempt, jitter),
        // A pause of zero says nothing.
        CallError::RateLimited { retry_after: Some(pause), .. } if !pause.is_zero() => (*pause).min(RETRY_AFTER_MAX),
        CallError::RateLimited { .. } => backoff(BACKOFF_RATE_LIMITED, attempt, jitter),
    };
    let attempts_max = match error {
        CallError::RateLimited { .. } => ATTEMPTS_MAX_RATE_LIMITED,
        _ => ATTEMPTS_MAX,
    };
    if attempt >= attempts_max || elapsed.saturating_add(wait) > ELAPSED_MAX {
        Decision::GiveUp
    } else {
        Decision::RetryAfter(wait)
    }
}

/// The pause that a `Retry-After` header asks for: seconds, or an HTTP date, which may have passed.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>
pub fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time, not no time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn backoff(base: Duration, attempt: u32, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 1.0 };
    base.saturating_mul(1 << doublings).min(BACKOFF_MAX).mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: [CallKind; 3] = [CallKind::Read, CallKind::Patch, CallKind::Make];

    fn not_sent() -> CallError {
        CallError::NotSent { message: "refused".into() }
    }

    fn limited(retry_after: Option<u64>) -> CallError {
        CallError::RateLimited { retry_after: retry_after.map(Duration::from_secs), message: "slow".into() }
    }

    fn rejected(status: u16, message: &str) -> CallError {
        CallError::Rejected { status, message: message.into() }
    }

    fn perhaps_done() -> [CallError; 3] {
        [
            CallError::ServerError { status: 500, message: "oops".into() },
            CallError::Lost { message: "timeout".into() },
            CallError::Unreadable { status: 201, message: "no id".into() },
        ]
    }

    fn first(call: CallKind, error: &CallError) -> Decision {
        decide(call, error, 1, Duration::ZERO, 1.0)
    }

    #[test]
    fn what_was_surely_not_done_is_tried_again_whatever_it_was() {
        for call in CALLS {
            assert_eq!(first(call, &not_sent()), Decision::RetryAfter(BACKOFF));
            assert_eq!(first(call, &limited(None)), Decision::RetryAfter(BACKOFF_RATE_LIMITED));
        }
    }

    #[test]
    fn what_was_perhaps_done_is_tried_again_unless_it_makes_a_conversation() {
        for error in perhaps_done() {
            for attempt in [1, 2, 6, 7, 100] {
                assert_eq!(decide(CallKind::Make, &error, attempt, ELAPSED_MAX * 2, 0.5), Decision::InDoubt);
            }
            assert_eq!(first(CallKind::Read, &error), Decision::RetryAfter(BACKOFF));
            assert_eq!(first(CallKind::Patch, &error), Decision::RetryAfter(BACKOFF));
        }
    }

    #[test]
    fn a_refused_token_stops_everything() {
        for call in CALLS {
            for status in [401, 403] {
                assert_eq!(first(call, &CallError::Unauthorized { status, message: String::new() }), Decision::StopAll);
            }
        }
    }

    #[test]
    fn what_is_rejected_is_not_tried_again() {
        for call in CALLS {
            for status in [302, 400, 404, 409, 422] {
                assert_eq!(first(call, &rejected(status, "no")), Decision::GiveUp);
            }
        }
    }

    #[test]
    fn a_400_that_speaks_of_an_external_id_means_that_the_conversation_may_exist() {
        for message in [
            "Duplicate externalId",
            "message externalId 'df-1' is a DUPLICATE",
            "duplicate external ID",
            "external_id already in use",
            "AddMessageError.ExternalIdExists",
            "bad external-id",
        ] {
            assert_eq!(first(CallKind::Make, &rejected(400, message)), Decision::InDoubt, "{message}");
            assert_eq!(first(CallKind::Patch, &rejected(400, message)), Decision::GiveUp, "{message}");
        }
        for (status, message) in [(400, "Duplicate email"), (400, "external"), (404, "Duplicate externalId")] {
            assert_eq!(first(CallKind::Make, &rejected(status, message)), Decision::GiveUp, "{message}");
        }
    }

    #[test]
    fn the_backoff_doubles_up_to_its_bound_and_jitter_scales_all_of_it() {
        let wait = |attempt, jitter| backoff(BACKOFF, attempt, jitter).as_millis();
        assert_eq!(
            [1, 2, 3, 5, 6, 7, 1000].map(|attempt| wait(attempt, 1.0)),
            [500, 1000, 2000, 8000, 16000, 20000, 20000]
        );
        assert_eq!([wait(3, 0.0), wait(3, 0.5), wait(3, 7.0), wait(3, f64::NAN)], [0, 1000, 2000, 2000]);
    }

    #[test]
    fn attempts_and_time_are_bounded() {
        for (error, attempts) in [(not_sent(), ATTEMPTS_MAX), (limited(None), ATTEMPTS_MAX_RATE_LIMITED)] {
            for call in CALLS {
                assert_ne!(decide(call, &error, attempts - 1, Duration::ZERO, 0.1), Decision::GiveUp);
                assert_eq!(decide(call, &error, attempts, Duration::ZERO, 0.1), Decision::GiveUp);
                assert_eq!(decide(call, &error, 2, ELAPSED_MAX, 0.1), Decision::GiveUp);
            }
        }
    }

    #[test]
    fn the_pause_that_is_asked_for_is_kept_within_bounds() {
        assert_eq!(first(CallKind::Make, &limited(Some(7))), Decision::RetryAfter(Duration::from_secs(7)));
        assert_eq!(first(CallKind::Make, &limited(Some(3600))), Decision::RetryAfter(RETRY_AFTER_MAX));
        assert_eq!(first(CallKind::Make, &limited(Some(0))), Decision::RetryAfter(BACKOFF_RATE_LIMITED));
        let late = Duration::from_secs(110);
        assert_eq!(decide(CallKind::Read, &limited(Some(11)), 2, late, 0.5), Decision::GiveUp);
    }

    #[test]
    fn retry_after_is_read_in_both_its_forms() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().expect("a timestamp");
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(parse_retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
