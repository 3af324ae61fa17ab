//! Shares one rate limit among processes: a [`Bucket`] and a queue, as a small record that lies somewhere for all of
//! them.
//!
//! Everything here is pure; where the record lies and how it is locked is behind [`SharedPace`]. Times are the wall
//! clock's, since the epoch of Unix: the only clock that processes have in common, even those that ran one after the
//! other.
//!
//! - A process that is refused queues up with a ticket, and a token is only taken by who leaves one for each ticket
//!   ahead. Without that, whoever happens to ask first after a refill would get everything. A ticket ends a little
//!   after its owner should have come, so that a process that died costs the others [`GRACE`] at most, and no part of
//!   the rate where the burst holds what comes meanwhile.
//! - A clock that was set back makes the record lie in the future. Then all its times move back as far: what was used
//!   stays used, and no pause grows. A clock that was set forward fills the bucket; each process has its own bucket for
//!   that.
//! - Processes with different limits each read the record by their own: the level is cut at the reader's capacity, and
//!   what flowed in since the last reader did so at the reader's rate. That is safe, and none starves, but the faster
//!   ones don't use all of their limit while a slower one is at work.

use std::fmt;
use std::time::Duration;

use crate::access::RateLimit;
use crate::api::throttle::{Bucket, Content, PAUSE_MAX};

/// What processes with one token go by together.
pub trait SharedPace: fmt::Debug + Send + Sync {
    /// Takes one token, or says how long to wait before asking again. Quick enough to be called where nobody may block,
    /// and always yes when there is nothing to share any more.
    ///
    /// # Errors
    /// There is no token yet; nothing was taken. Never zero.
    fn take(&self) -> Result<(), Duration>;

    /// Tells everyone of a 429. See [`Bucket::slow_down`].
    fn slow_down(&self, retry_after: Option<Duration>);
}

/// How much later than it should a process may come for its token before its place in the queue is lost.
pub const GRACE: Duration = Duration::from_millis(100);

/// How many processes can stand in the queue. More share the rate too, but who comes first is chance.
pub const TICKETS_MAX: usize = 32;

/// The length of a record in bytes.
pub const RECORD_BYTES: usize = 8 * (WORDS_AHEAD + 2 * TICKETS_MAX + 1);

/// The format, the level, and two times stand ahead of the tickets; a checksum follows them.
const WORDS_AHEAD: usize = 4;

/// The first word of every record.
const FORMAT: u64 = u64::from_be_bytes(*b"dxpace01");

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    owner: u64,
    until: Duration,
}

/// The bucket and the queue.
#[derive(Clone, Debug)]
pub struct Pace {
    bucket: Bucket,
    tickets: Vec<Ticket>,
}

impl Pace {
    /// Nobody has used the token lately.
    pub fn full(limit: RateLimit, now: Duration) -> Self {
        Pace { bucket: Bucket::new(limit, now), tickets: Vec::new() }
    }

    /// Nobody knows who has used the token, so all of it may be.
    pub fn empty(limit: RateLimit, now: Duration) -> Self {
        let content = Content { level: 0.0, updated: now, resume: None };
        Pace { bucket: Bucket::with_content(limit, content), tickets: Vec::new() }
    }

    /// Takes one token for `owner`, any number that no other process has, but zero.
    ///
    /// # Errors
    /// There is none yet: `owner` stands in the queue, and should ask again after this time, never zero.
    pub fn take(&mut self, owner: u64, now: Duration) -> Result<(), Duration> {
        let longest = self.bucket.longest_wait(TICKETS_MAX + 1);
        // One that is further away than we would ever wait is not waited for.
        self.tickets.retain(|ticket| ticket.until >= now && ticket.until <= now + longest + GRACE);
        let place = self.tickets.iter().position(|ticket| ticket.owner == owner);
        let ahead = place.unwrap_or(self.tickets.len());
        let Err(wait) = self.bucket.take_behind(ahead, now) else {
            if let Some(place) = place {
                self.tickets.remove(place);
            }
            return Ok(());
        };
        let wait = wait.min(longest);
        let until = now + wait + GRACE;
        match place {
            Some(place) => self.tickets[place].until = until,
            None if self.tickets.len() < TICKETS_MAX => self.tickets.push(Ticket { owner, until }),
            None => {}
        }
        // Whoever ahead does not come is gone the moment after.
        let gone = self.tickets.iter().take(ahead).map(|ticket| ticket.until - now + Duration::from_nanos(1)).min();
        Err(gone.map_or(wait, |gone| gone.min(wait)))
    }

    /// After a 429; see [`Bucket::slow_down`].
    pub fn slow_down(&mut self, retry_after: Option<Duration>, now: Duration) {
        self.bucket.slow_down(retry_after, now);
    }

    /// The record, for [`Pace::from_record`].
    pub fn record(&self) -> [u8; RECORD_BYTES] {
        let content = self.bucket.content();
        let mut words = vec![FORMAT, content.level.to_bits(), nanos(content.updated)];
        words.push(content.resume.map_or(0, nanos));
        for ticket in &self.tickets {
            words.extend([ticket.owner, nanos(ticket.until)]);
        }
        words.resize(WORDS_AHEAD + 2 * TICKETS_MAX, 0);
        words.push(checksum(&words));
        let mut record = [0; RECORD_BYTES];
        for (bytes, word) in record.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        record
    }

    /// What a record says, moved to the past if it lies in the future; none when it is not a record.
    pub fn from_record(record: &[u8], limit: RateLimit, now: Duration) -> Option<Self> {
        let record: &[u8; RECORD_BYTES] = record.try_into().ok()?;
        let (words, []) = record.as_chunks::<8>() else { return None };
        let words: Vec<u64> = words.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let (check, words) = words.split_last()?;
        let (&[format, level, updated, resume], tickets) = words.split_first_chunk::<WORDS_AHEAD>()?;
        let level = f64::from_bits(level);
        if format != FORMAT || *check != checksum(words) || !level.is_finite() {
            return None;
        }
        let updated = Duration::from_nanos(updated);
        let set_back = updated.saturating_sub(now);
        let time = |nanos: u64| Duration::from_nanos(nanos).saturating_sub(set_back);
        let content = Content {
            level,
            updated: updated.min(now),
            resume: (resume != 0).then(|| time(resume).min(updated.min(now) + PAUSE_MAX)),
        };
        let (tickets, _) = tickets.as_chunks::<2>();
        let tickets = tickets
            .iter()
            .filter(|[owner, _]| *owner != 0)
            .map(|[owner, until]| Ticket { owner: *owner, until: time(*until) })
            .collect();
        Some(Pace { bucket: Bucket::with_content(limit, content), tickets })
    }
}

/// Enough until the year 2554.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// FNV-1a over words instead of bytes, against accidents: every word that is changed alone changes it.
fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(0xcbf2_9ce4_8422_2325, |sum, word| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::api::exact_limit::ExactLimit;
    use proptest::prelude::*;

    const LIMIT: RateLimit = RateLimit::DIXA;
    /// Somewhere in 2026.
    const NOW: Duration = Duration::from_secs(1_790_000_000);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Through the record, as between processes.
    fn passed_on(pace: &Pace, now: Duration) -> Pace {
        Pace::from_record(&pace.record(), LIMIT, now).expect("a record")
    }

    fn used_up(now: Duration) -> Pace {
        let mut pace = Pace::full(LIMIT, now);
        for _ in 0..3 {
            pace.take(1, now).expect("a full bucket");
        }
        pace
    }

    #[test]
    fn a_successor_finds_what_its_predecessor_left() {
        let pace = used_up(NOW);
        for (after, left) in [(0, 0), (99, 0), (101, 1), (150, 1), (301, 3), (3_600_000, 3)] {
            let mut pace = passed_on(&pace, NOW + ms(after));
            let taken = (0..9).take_while(|_| pace.take(2, NOW + ms(after)).is_ok()).count();
            assert_eq!(taken, left, "after {after} ms");
        }
    }

    #[test]
    fn whoever_is_refused_first_is_served_first_and_nobody_overtakes() {
        let mut pace = used_up(NOW);
        for owner in [5, 3, 4] {
            pace.take(owner, NOW + ms(owner)).expect_err("used up");
        }
        pace.take(4, NOW + ms(105)).expect_err("the token is 5's");
        pace.take(9, NOW + ms(105)).expect_err("the token is 5's");
        pace.take(5, NOW + ms(106)).expect("its turn");
        pace.take(5, NOW + ms(205)).expect_err("back at the end of the queue");
        pace.take(3, NOW + ms(206)).expect("its turn");
        pace.take(4, NOW + ms(305)).expect("its turn");
    }

    #[test]
    fn a_process_that_does_not_come_for_its_token_delays_the_next_by_the_grace_and_loses_no_token() {
        let mut pace = used_up(NOW);
        let gone = pace.take(5, NOW).expect_err("used up");
        let mut now = NOW;
        let mut taken = Vec::new();
        while taken.len() < 3 {
            match pace.take(6, now) {
                Ok(()) => taken.push(now - NOW),
                Err(wait) => now += wait,
            }
        }
        assert!(taken[0] <= gone + GRACE + ms(1), "{taken:?}");
        assert!(taken[2] <= ms(302), "{taken:?}");
    }

    #[test]
    fn what_one_process_is_told_by_a_429_holds_for_all() {
        let mut pace = Pace::full(LIMIT, NOW);
        pace.slow_down(Some(Duration::from_secs(5)), NOW);
        let wait = passed_on(&pace, NOW + ms(1000)).take(2, NOW + ms(1000)).expect_err("a pause");
        assert!((ms(4000)..ms(4300)).contains(&wait), "{wait:?}");
        // Afterwards at half the rate.
        let mut pace = passed_on(&pace, NOW + ms(5000));
        let wait = pace.take(2, NOW + ms(5000)).expect_err("nothing yet");
        assert!((ms(190)..ms(210)).contains(&wait), "{wait:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_by_a_year_gives_nothing_away_and_prolongs_nothing() {
        let year = Duration::from_secs(365 * 86_400);
        let mut pace = used_up(NOW);
        pace.take(5, NOW).expect_err("used up");
        let wait = passed_on(&pace, NOW - year).take(5, NOW - year).expect_err("still used up");
        assert!(wait <= ms(101), "{wait:?}");
        pace.slow_down(Some(PAUSE_MAX), NOW);
        let wait = passed_on(&pace, NOW - year).take(2, NOW - year).expect_err("a pause");
        assert!(wait <= PAUSE_MAX + ms(500), "{wait:?}");
    }

    #[test]
    fn a_much_slower_neighbour_in_the_queue_is_not_waited_for() {
        let slow = RateLimit { requests_per_second: 0.001, burst: 1 };
        let mut pace = Pace::empty(slow, NOW);
        let patient = pace.take(5, NOW).expect_err("empty");
        assert!(patient >= Duration::from_secs(900), "{patient:?}");
        passed_on(&pace, NOW + ms(101)).take(6, NOW + ms(101)).expect("our own rate");
    }

    #[test]
    fn many_processes_are_all_served_and_lose_nothing_of_the_rate() {
        let mut pace = used_up(NOW);
        let mut due: Vec<(Duration, u64)> = (1..=24).map(|owner| (NOW, owner)).collect();
        let mut served = [0; 25];
        for _ in 0..20_000 {
            due.sort();
            let (now, owner) = due[0];
            if now > NOW + Duration::from_secs(60) {
                break;
            }
            match pace.take(owner, now) {
                Ok(()) => served[owner as usize] += 1,
                Err(wait) => due[0].0 += wait.max(ms(1)),
            }
        }
        assert!(served[1..].iter().all(|times| *times >= 5), "{served:?}");
        assert!(served.iter().sum::<usize>() >= 582, "{served:?}");
    }

    #[test]
    fn anything_else_is_not_a_record() {
        let record = used_up(NOW).record();
        assert!(Pace::from_record(&record, LIMIT, NOW).is_some());
        for garbage in
            [&[][..], &[0; RECORD_BYTES], &[0xff; RECORD_BYTES], &record[1..], &[&record[..], b"\n"].concat()]
        {
            assert!(Pace::from_record(garbage, LIMIT, NOW).is_none(), "{garbage:?}");
        }
        for index in 0..RECORD_BYTES {
            let mut changed = record;
            changed[index] ^= 0x10;
            assert!(Pace::from_record(&changed, LIMIT, NOW).is_none(), "byte {index}");
        }
    }

    /// What some process does, how long after the last one did something, and by how far the clock was set.
    fn steps() -> impl Strategy<Value = Vec<(u64, u64, u8)>> {
        prop::collection::vec((1..6_u64, 0..400_u64, 0..50_u8), 1..300)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whoever_asks_whenever_the_sum_never_trips_the_limit(steps in steps()) {
            let mut now = NOW;
            let mut pace = Pace::full(LIMIT, now);
            let mut sent = Vec::new();
            for (owner, later, _) in steps {
                now += ms(later / 4);
                pace = passed_on(&pace, now);
                if pace.take(owner, now).is_ok() {
                    sent.push(now);
                }
            }
            prop_assert_eq!(ExactLimit::refusals_with_jitter(LIMIT, &sent), 0);
        }

        #[test]
        fn no_wait_is_zero_or_longer_than_the_longest_pause_and_the_queue(steps in steps()) {
            let mut now = NOW;
            let mut pace = Pace::full(LIMIT, now);
            let longest = Bucket::new(LIMIT, now).longest_wait(TICKETS_MAX + 1);
            for (owner, later, event) in steps {
                now += ms(later);
                match event {
                    0 => now -= Duration::from_secs(later * 1000),
                    1 => now += Duration::from_secs(later * 1000),
                    2 => pace.slow_down(Some(Duration::from_secs(later)), now),
                    _ => {}
                }
                pace = passed_on(&pace, now);
                if let Err(wait) = pace.take(owner, now) {
                    prop_assert!(!wait.is_zero() && wait <= longest, "{:?}", wait);
                }
                prop_assert!(pace.tickets.len() <= TICKETS_MAX);
            }
        }

        #[test]
        fn a_record_says_what_was_recorded(steps in steps()) {
            let mut now = NOW;
            let mut pace = Pace::full(LIMIT, now);
            for (owner, later, event) in steps {
                now += ms(later);
                if event == 0 {
                    pace.slow_down(None, now);
                }
                let _ = pace.take(owner, now);
                let read = passed_on(&pace, now);
                prop_assert_eq!(read.bucket.content(), pace.bucket.content());
                prop_assert_eq!(read.tickets, pace.tickets.clone());
            }
        }
    }
}
