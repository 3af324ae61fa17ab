//! Chance that a seed names, and numbers that somebody can ask for in the environment.

use std::time::Duration;

/// SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time of this many milliseconds.
    pub fn time(&mut self, milliseconds: std::ops::Range<u32>) -> Duration {
        let (least, width) = (milliseconds.start, milliseconds.end - milliseconds.start);
        Duration::from_secs_f64((f64::from(least) + self.share() * f64::from(width)) / 1000.0)
    }
}

/// A number that somebody wants for this run.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}
