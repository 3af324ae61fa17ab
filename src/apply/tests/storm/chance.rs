//! Numbers that follow from a seed: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.

use std::ops::Range;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        // Small seeds are far apart in it.
        Chance(seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(0x9e37_79b9_7f4a_7c15))
    }

    /// Another one, whose numbers don't move when more are drawn from this one.
    pub(super) fn fork(&mut self) -> Self {
        Chance::new(self.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(super) fn of(&mut self, range: Range<usize>) -> usize {
        let width = u64::try_from(range.len()).expect("it is small");
        range.start + usize::try_from(self.next() % width).expect("it is small")
    }

    /// True this many times of a hundred.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.of(0..100) < usize::try_from(percent).expect("it is small")
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.of(0..from.len())]
    }

    /// A time between these two, in milliseconds.
    pub(super) fn time(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.next() % (most - least + 1))
    }
}
