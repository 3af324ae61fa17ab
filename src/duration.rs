//! Durations as people write them in flags and files: `30s`, `2m`, `500ms`, `1h30m`.

use std::time::Duration;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a duration: write a number and a unit (ms, s, m, h), for example 30s, 2m or 1h30m")]
pub struct NotADuration;

/// Reads a duration of at most 24 hours; `0s` is one.
///
/// # Errors
/// No number, no unit, another unit, or more than a day.
pub fn parse(text: &str) -> Result<Duration, NotADuration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(NotADuration);
    }
    let mut milliseconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| NotADuration)?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(NotADuration),
        };
        rest = &rest[letters..];
        milliseconds = number.checked_mul(unit).and_then(|more| milliseconds.checked_add(more)).ok_or(NotADuration)?;
    }
    const DAY_MS: u64 = 86_400_000;
    if milliseconds <= DAY_MS { Ok(Duration::from_millis(milliseconds)) } else { Err(NotADuration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up_and_nothing_else_is_a_duration() {
        for (text, milliseconds) in [("30s", 30_000), ("2m", 120_000), ("1h30m", 5_400_000), ("500ms", 500), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "s", "1d", "-1s", "1.5s", "25h", "1 s", "99999999999999999999s", "é"] {
            assert_eq!(parse(text), Err(NotADuration), "{text}");
        }
    }
}
