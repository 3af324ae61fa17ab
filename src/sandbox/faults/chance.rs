//! Chance without memory: numbers that depend on a seed, on what is drawn for and on a place, and on nothing else.
//!
//! The mixing is SplitMix64's, <https://prng.di.unimi.it/splitmix64.c>. Being a function of the place, no draw is moved
//! by how many others were made before it.

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a number is drawn for, so that one draw says nothing about the other.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// Whether there is a fault.
    Whether,
    /// Which one.
    Which,
    /// How much latency there is.
    Latency,
    /// How long a write waits for being carried out.
    CommitDelay,
    /// How a 400 is worded.
    Wording,
}

/// A number from 0 to 1, 1 not included.
pub fn share(seed: u64, draw: Draw, place: u64) -> f64 {
    (number(seed, draw, place) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A whole number below `end`; none when `end` is 0.
pub fn below(seed: u64, draw: Draw, place: u64, end: usize) -> Option<usize> {
    usize::try_from(number(seed, draw, place).checked_rem(end as u64)?).ok()
}

fn number(seed: u64, draw: Draw, place: u64) -> u64 {
    let stream = mixed(seed.wrapping_add(STEP.wrapping_mul(draw as u64 + 1)));
    mixed(stream.wrapping_add(STEP.wrapping_mul(place)))
}

fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
