//! What a string must look like to be a uuid, a timestamp, a URL, a language or a phone number.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The hyphenated form, 8-4-4-4-12 hexadecimal digits, in either case.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// RFC 3339 with a zone: `2021-12-01T13:00:00.003Z`. What RFC 3339 leaves to taste (a blank for `T`, lower case) is
/// refused, since Dixa documents one form. <https://docs.dixa.io/docs/api-standards-rules>
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    utc_timestamp(text.as_bytes()).or_else(|| any_timestamp(text))
}

/// The form that most are written in, `2021-12-01T13:00:00Z` or with `.003` before the `Z`; none when it is another, or
/// no timestamp at all.
fn utc_timestamp(bytes: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0_i16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let (milliseconds, end) = match bytes.len() {
        20 => (0, 19),
        24 if bytes[19] == b'.' => (number(20, 23)?, 23),
        _ => return None,
    };
    if [bytes[4], bytes[7], bytes[10], bytes[13], bytes[16], bytes[end]] != *b"--T::Z" {
        return None;
    }
    let small = |from: usize| number(from, from + 2).map(|number| number as i8);
    let nanoseconds = i32::from(milliseconds) * 1_000_000;
    let (hour, minute, second) = (small(11)?, small(14)?, small(17)?);
    let civil = DateTime::new(number(0, 4)?, small(5)?, small(8)?, hour, minute, second, nanoseconds).ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

/// Every form.
fn any_timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(want, byte)| if *want == b'd' { byte.is_ascii_digit() } else { want == byte });
    if !fits {
        return None;
    }
    let mut zone = &text[shape.len()..];
    if let Some(fraction) = zone.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 9 {
            return None;
        }
        zone = &fraction[digits..];
    }
    let offset = zone.as_bytes();
    let zoned = zone == "Z"
        || offset.len() == 6
            && matches!(offset[0], b'+' | b'-')
            && offset[3] == b':'
            && [1, 2, 4, 5].iter().all(|index| offset[*index].is_ascii_digit());
    if zoned { text.parse().ok() } else { None }
}

/// An absolute http or https URL with a host. Browsers also take `https:example.com`; other readers of URLs don't.
pub(super) fn is_url(text: &str) -> bool {
    let printable = text.bytes().all(|byte| byte > b' ');
    let has_slashes = text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//"));
    printable
        && has_slashes
        && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Two letters, as in ISO 639-1. The list of languages is Dixa's to keep.
pub(super) fn is_language(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// E.164: a plus sign and up to 15 digits, the first not 0.
pub(super) fn is_phone_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_common_form_of_a_timestamp_means_what_the_long_way_says(
            text in "[0-2][09][0-9][0-9]-[0-2][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{2,4})?[Z+x]?",
            index in 0_usize..24,
            other in "[0-9:.TZ é-]",
        ) {
            let changed: String =
                text.chars().enumerate().map(|(at, old)| if at == index { other.clone() } else { old.to_string() }).collect();
            for text in [text, changed] {
                prop_assert_eq!(timestamp(&text), any_timestamp(&text), "{}", text);
            }
        }
    }

    #[test]
    fn forms_take_what_dixa_documents_and_nothing_like_it() {
        assert!(is_uuid("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b") && is_uuid("9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B"));
        assert!(!is_uuid("9c2a2cce699f4a7289d9fda5bc8dec8b") && !is_uuid("9c2a2cce-699f-4a72-89d9-fda5bc8dec8g"));
        for good in ["2021-12-01T13:00:00Z", "2021-12-01T13:00:00.003Z", "2021-12-01T13:00:00+01:00"] {
            assert!(timestamp(good).is_some(), "{good}");
        }
        for bad in [
            "2021-12-01",
            "2021-12-01T13:00:00",
            "2021-12-01 13:00:00Z",
            "2021-13-01T13:00:00Z",
            "2021-02-30T13:00:00Z",
            "2021-12-01T13:00:00Z[GMT]",
            "2021-12-01T13:00:00.Z",
            "2021-12-01T25:00:00Z",
            "",
            "2021-12-01T13:00:00é0:00",
        ] {
            assert!(timestamp(bad).is_none(), "{bad}");
        }
        assert!(
            is_url("https://example.com/a#b")
                && !is_url("example.com/a")
                && !is_url("ftp://example.com")
                && !is_url("https://a b")
                && !is_url("https:example.com")
                && !is_url("https:\\\\example.com")
        );
        assert!(is_language("no") && !is_language("eng") && !is_language("EN"));
        assert!(is_phone_number("+4512345678") && !is_phone_number("4512345678") && !is_phone_number("+0123"));
    }
}
