//! The core schema of YAML 1.2: what a plain scalar means. <https://yaml.org/spec/1.2.2/#103-core-schema>
//!
//! `no`, `on`, `12:30:45` and `2021-12-01` are strings; `012345`, `0x1F`, `1.5` and `true` are not.

use std::borrow::Cow;

use serde_json::Number;

use crate::yaml::tree::Content;

/// What a plain scalar without a tag means.
pub(super) fn resolve(text: Cow<'_, str>) -> Content<'_> {
    // Most scalars begin with another letter and need no closer look.
    if !matches!(text.as_bytes().first(), None | Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'+'..=b'9')) {
        return Content::Text(text);
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" => return Content::Bool(true, text),
        "false" | "False" | "FALSE" => return Content::Bool(false, text),
        _ => {}
    }
    if !matches!(text.as_bytes()[0], b'0'..=b'9' | b'+' | b'-' | b'.') {
        return Content::Text(text);
    }
    match number(&text) {
        Some(Ok(number)) => Content::Number(number, text),
        Some(Err(Odd)) => Content::OddNumber(text),
        None => Content::Text(text),
    }
}

/// A number, but none that JSON can carry.
pub(super) struct Odd;

/// The number that the core schema sees in a text; none when it is a string.
fn number(text: &str) -> Option<Result<Number, Odd>> {
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit).then(|| integer(digits, 16, false));
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |digit| matches!(digit, b'0'..=b'7')).then(|| integer(digits, 8, false));
    }
    let (negative, unsigned) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(Odd));
    }
    if all(unsigned, u8::is_ascii_digit) {
        return Some(integer(unsigned, 10, negative));
    }
    is_float(unsigned).then(|| decimal(text))
}

/// Reads decimal text that is known to be a JSON or YAML float.
pub(super) fn decimal(text: &str) -> Result<Number, Odd> {
    text.parse::<f64>().ok().and_then(Number::from_f64).ok_or(Odd)
}

/// Reads digits that are known to be digits of `radix`.
pub(super) fn integer(digits: &str, radix: u32, negative: bool) -> Result<Number, Odd> {
    let magnitude = u64::from_str_radix(digits, radix).map_err(|_| Odd)?;
    if negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from).ok_or(Odd) } else { Ok(magnitude.into()) }
}

fn all(text: &str, fits: impl Fn(&u8) -> bool) -> bool {
    !text.is_empty() && text.as_bytes().iter().all(fits)
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(index) => (&text[..index], Some(&text[index + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits_or_none = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match (whole.is_empty(), fraction) {
        (true, Some(fraction)) => all(fraction, u8::is_ascii_digit),
        (true, None) => false,
        (false, fraction) => digits_or_none(whole) && fraction.is_none_or(digits_or_none),
    };
    let exponent_fits =
        exponent.is_none_or(|exponent| all(exponent.strip_prefix(['-', '+']).unwrap_or(exponent), u8::is_ascii_digit));
    mantissa_fits && exponent_fits
}
