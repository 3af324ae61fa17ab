//! Taking a JSON body apart, member by member, as a Circe backend does: unknown members are ignored, an optional member
//! that is null is absent, and anything missing or of another type makes the whole body undecodable.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sandbox::refusal::Refusal;

/// The members of one JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    pub fn of(value: &'a Value) -> Result<Self, Refusal> {
        value.as_object().map(Members).ok_or(Refusal::Undecodable)
    }

    pub fn of_map(map: &'a Map<String, Value>) -> Self {
        Members(map)
    }

    /// The member, unless it is absent or null.
    pub fn optional(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn required(self, name: &str) -> Result<&'a Value, Refusal> {
        self.optional(name).ok_or(Refusal::Undecodable)
    }

    pub fn text(self, name: &str) -> Result<&'a str, Refusal> {
        self.required(name)?.as_str().ok_or(Refusal::Undecodable)
    }

    pub fn optional_text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.optional(name).map(|value| value.as_str().ok_or(Refusal::Undecodable)).transpose()
    }

    /// A uuid, in lower case.
    pub fn uuid(self, name: &str) -> Result<String, Refusal> {
        uuid(self.text(name)?).ok_or(Refusal::Undecodable)
    }

    pub fn optional_uuid(self, name: &str) -> Result<Option<String>, Refusal> {
        self.optional(name).map(|_| self.uuid(name)).transpose()
    }

    /// False when it is absent.
    pub fn flag(self, name: &str) -> Result<bool, Refusal> {
        self.optional(name).map_or(Ok(false), |value| value.as_bool().ok_or(Refusal::Undecodable))
    }

    pub fn timestamp(self, name: &str) -> Result<Timestamp, Refusal> {
        timestamp(self.text(name)?).ok_or(Refusal::Undecodable)
    }

    /// One of a closed set of words.
    pub fn word(self, name: &str, words: &[&'static str]) -> Result<&'static str, Refusal> {
        let text = self.text(name)?;
        words.iter().find(|word| **word == text).copied().ok_or(Refusal::Undecodable)
    }

    /// The items of a list; none when it is absent.
    pub fn list(self, name: &str) -> Result<&'a [Value], Refusal> {
        match self.optional(name) {
            None => Ok(&[]),
            Some(value) => value.as_array().map(Vec::as_slice).ok_or(Refusal::Undecodable),
        }
    }

    /// An object with anything in it.
    pub fn free(self, name: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
        self.optional(name).map(|value| value.as_object().ok_or(Refusal::Undecodable)).transpose()
    }
}

/// A uuid in its hyphenated form, in lower case.
pub fn uuid(text: &str) -> Option<String> {
    let hyphenated = text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
    hyphenated.then(|| text.to_ascii_lowercase())
}

/// An instant in RFC 3339 with seconds and an offset, and without a zone id.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    // The parser takes more than this: spaces, other offsets, no seconds.
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let has_seconds = separators.iter().all(|(place, separator)| bytes.get(*place) == Some(separator));
    let has_offset = matches!(bytes, [.., b'Z'] | [.., b'+' | b'-', _, _, b':', _, _]);
    let is_plain = bytes.iter().all(|byte| byte.is_ascii_digit() || b"-T:.Z+".contains(byte));
    if has_seconds && has_offset && is_plain { text.parse().ok() } else { None }
}

/// E.164: a plus and at most 15 digits, the first of them not zero.
pub fn is_phone_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_needs_its_seconds_and_an_offset_and_takes_no_zone_id() {
        for right in ["2021-12-01T11:00:00Z", "2021-12-01T11:00:00.001Z", "2021-12-01T13:00:00.5+02:00"] {
            assert!(timestamp(right).is_some(), "{right}");
        }
        for wrong in [
            "2021-12-01",
            "2021-12-01T11:00Z",
            "2021-12-01 11:00:00Z",
            "2021-12-01T11:00:00",
            "2021-12-01T11:00:00.Z",
            "2021-12-01T11:00:00Z[GMT]",
            "2021-13-01T11:00:00Z",
            "2021-12-01T11:00:00ææZ",
            "",
        ] {
            assert!(timestamp(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_instant_is_shown_with_as_many_digits_as_it_needs() {
        let shown = |text: &str| timestamp(text).expect("valid").to_string();
        assert_eq!(shown("2021-12-01T13:00:00.003+02:00"), "2021-12-01T11:00:00.003Z");
        assert_eq!(shown("2021-12-01T13:00:00.200Z"), "2021-12-01T13:00:00.2Z");
        assert_eq!(shown("2020-12-16T09:41:43.000Z"), "2020-12-16T09:41:43Z");
    }

    #[test]
    fn a_uuid_is_hyphenated_and_told_in_lower_case() {
        let id = "9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B";
        assert_eq!(uuid(id), Some(id.to_ascii_lowercase()));
        assert_eq!(uuid(&id.replace('-', "")), None);
        assert_eq!(uuid("9c2a2cce-699f-4a72-89d9-fda5bc8dec8"), None);
    }

    #[test]
    fn a_phone_number_is_e164() {
        assert!(is_phone_number("+559912443333"));
        for wrong in ["559912443333", "+0599", "+", "+1234567890123456", "+45 1122"] {
            assert!(!is_phone_number(wrong), "{wrong}");
        }
    }
}
