//! The seal of a state: a checksum that tells an accident, such as a flipped bit, a merge or an edit by hand.
//!
//! It is no protection against somebody who means harm: whoever can write the file can seal it, too. That is why a
//! checksum suffices that costs a fiftieth of reading the state.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// `crc32:<hex>`; what it prints is what it parses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal(u32);

impl Seal {
    pub fn of(bytes: &[u8]) -> Self {
        Seal(crc32fast::hash(bytes))
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "crc32:{:08x}", self.0)
    }
}

/// A text that is not a seal.
#[derive(Debug, thiserror::Error)]
#[error("not a seal: expected `crc32:` and 8 lower-case hexadecimal digits")]
pub struct NotASeal;

impl FromStr for Seal {
    type Err = NotASeal;

    fn from_str(text: &str) -> Result<Self, NotASeal> {
        let digits = text.strip_prefix("crc32:").ok_or(NotASeal)?;
        let seal = u32::from_str_radix(digits, 16).map(Seal).map_err(|_| NotASeal)?;
        if seal.to_string() == text { Ok(seal) } else { Err(NotASeal) }
    }
}

/// Passes on what is written, and knows the seal of all of it.
pub(super) struct Sealing<W> {
    out: W,
    sum: crc32fast::Hasher,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(out: W) -> Self {
        Sealing { out, sum: crc32fast::Hasher::new() }
    }

    /// What was written to, and the seal of what was written.
    pub(super) fn finish(self) -> (W, Seal) {
        (self.out, Seal(self.sum.finalize()))
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_parses_as_it_prints_and_nothing_else_does() {
        let seal = Seal::of(b"123456789");
        assert_eq!(seal.to_string(), "crc32:cbf43926");
        assert_eq!("crc32:cbf43926".parse::<Seal>().expect("a seal"), seal);
        for text in ["", "cbf43926", "crc32:cbf4392", "crc32:CBF43926", "crc32:+bf43926", "sha256:cbf43926"] {
            assert!(text.parse::<Seal>().is_err(), "{text}");
        }
    }
}
