//! The digest of what a manifest means, and the canonical form that is hashed.
//!
//! # Canonical form, version 2
//!
//! A spec is cut in two, and each half is hashed alone: its *attributes* (the member `customAttributes`), which can be
//! patched, and its *content* (all the rest), which can't. The canonical form of a value is JSON text, in UTF-8, where
//!
//! 1. there is no white space between tokens;
//! 2. the members of a map are in ascending order of their names, compared byte by byte as UTF-8;
//! 3. a member whose value is an empty list is left out (`attachments: []` equals none); an empty list inside a list
//!    stays;
//! 4. strings are as they are, unnormalized; only `"`, `\` and U+0000 to U+001F are escaped, as `\"`, `\\`, `\b`, `\t`,
//!    `\n`, `\f`, `\r`, the rest as `\u00xx` in lower case;
//! 5. integers, and floats that are integers below 2^53, are decimal digits without a sign for zero; other floats are
//!    the shortest digits that read back as the same number, in the form `1.25e-3`;
//! 6. `null`, `true`, `false` are themselves;
//! 7. a uuid that is the value of `requesterId`, `agentId`, `closedBy`, `queueId`, `widgetId`, `cc` or `bcc`, or in a
//!    list that is, is in lower case;
//! 8. a timestamp that is the value of `createdAt`, `assignedAt` or `closedAt` is in UTC with `Z`, without zeros at the
//!    end of a fraction but those that make it three digits.
//!
//! The content of an import whose `_type` was left out has `_type: GenericConversationImport`. The attributes are a map
//! from the id of a definition, in lower case, to a string, a list of strings, or null. No attributes at all are `{}`.
//! The digest is the SHA-256 of that text, printed as `sha256:` and 64 lower-case hexadecimal digits.
//!
//! Changing any rule changes every digest in every state file; the golden vectors below make that hard to do by
//! accident. Version 1 had neither rule 7 nor rule 8: it took the same id in upper case for another one. A state may
//! still hold its digests, so whoever finds two digests that differ looks at more than these.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha256};

use crate::instant::{self, Instant};

/// A digest of bytes that come one after the other.
#[derive(Clone, Debug, Default)]
pub struct Digester(Sha256);

impl Digester {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// `sha256:<hex>`; what it prints is what it parses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest of the canonical form of a map.
    pub fn of_map(map: &Map<String, Value>) -> Self {
        let mut form = String::new();
        canonical_map_into(map, meaning, &mut form);
        Digest::of_bytes(form.as_bytes())
    }

    /// The digest of version 1 of the canonical form of a map.
    pub fn version_1_of_map(map: &Map<String, Value>) -> Self {
        let mut form = String::new();
        canonical_map_into(map, |_, text| Cow::Borrowed(text), &mut form);
        Digest::of_bytes(form.as_bytes())
    }

    /// The digest of the canonical form of a value.
    pub fn of_value(value: &Value) -> Self {
        Digest::of_bytes(canonical(value).as_bytes())
    }

    /// Appends what it prints.
    pub fn append_to(&self, out: &mut String) {
        out.push_str("sha256:");
        for byte in self.0 {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }

    /// The first `digits` hexadecimal digits, for codes that people compare by eye.
    pub fn short(&self, digits: usize) -> String {
        let mut code = hex(&self.0[..digits.div_ceil(2).min(self.0.len())]);
        code.truncate(digits);
        code
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "sha256:{}", hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A text that is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("not a digest: expected `sha256:` and 64 lower-case hexadecimal digits")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.strip_prefix("sha256:").ok_or(NotADigest)?.as_bytes();
        if digits.len() != 64 || digits.iter().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotADigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 };
            *byte = value(pair[0]) << 4 | value(pair[1]);
        }
        Ok(Digest(bytes))
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char])
        .collect()
}

/// The canonical form of a value; see the top of this file.
pub fn canonical(value: &Value) -> String {
    canonical_of("", value)
}

/// The canonical form of the value of a member.
pub fn canonical_of(member: &str, value: &Value) -> String {
    let mut out = String::new();
    canonical_into(member, value, meaning, &mut out);
    out
}

/// What a text stands for, by the name of its member.
type Meaning = for<'t> fn(&str, &'t str) -> Cow<'t, str>;

/// Members whose value is a uuid, or a list of them.
const UUIDS: [&str; 7] = ["requesterId", "agentId", "closedBy", "queueId", "widgetId", "cc", "bcc"];
/// Members whose value is a timestamp.
const TIMESTAMPS: [&str; 3] = ["createdAt", "assignedAt", "closedAt"];

/// Rules 7 and 8: what the text of a member stands for.
fn meaning<'t>(member: &str, text: &'t str) -> Cow<'t, str> {
    let is_upper_uuid = || {
        text.len() == 36
            && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
            && text.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    if UUIDS.contains(&member) && is_upper_uuid() {
        Cow::Owned(text.to_ascii_lowercase())
    } else if TIMESTAMPS.contains(&member) && !instant::is_usual(text) {
        Instant::parse(text).map_or(Cow::Borrowed(text), |instant| Cow::Owned(instant.to_string()))
    } else {
        Cow::Borrowed(text)
    }
}

fn canonical_into(member: &str, value: &Value, meaning: Meaning, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&canonical_number(number)),
        Value::String(text) => quote_into(&meaning(member, text), out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical_into(member, item, meaning, out);
            }
            out.push(']');
        }
        Value::Object(map) => canonical_map_into(map, meaning, out),
    }
}

fn canonical_map_into(map: &Map<String, Value>, meaning: Meaning, out: &mut String) {
    let mut members: Vec<(&String, &Value)> = map.iter().filter(|(_, value)| !is_absent(value)).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        quote_into(name, out);
        out.push(':');
        canonical_into(name, value, meaning, out);
    }
    out.push('}');
}

/// Rule 5: an integral float below 2^53 is the integer.
pub fn canonical_number(number: &Number) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            format!("{float:.0}").replace("-0", "0")
        }
        Some(float) if number.is_f64() => format!("{float:e}"),
        _ => number.to_string(),
    }
}

/// Appends `text` as a JSON string, escaped by rule 4, which is how serde_json escapes.
fn quote_into(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Whether a member with this value means the same as no such member: rule 3.
pub fn is_absent(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Kind;
    use crate::json;
    use crate::shape::{self, Form};

    /// Golden vectors. They were computed with Python's `json.dumps(value, sort_keys=True, ensure_ascii=False,
    /// separators=(",", ":"))` and `hashlib.sha256`, not with this code.
    const VECTORS: &[(&str, &str, &str)] = &[
        ("{}", "{}", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (
            r#"{"subject":"order #123","_type":"Email","message":{"attachments":[],"content":{"value":"æ\n\"q\" \\ \u0001","_type":"Text"}}}"#,
            "{\"_type\":\"Email\",\"message\":{\"content\":{\"_type\":\"Text\",\"value\":\"æ\\n\\\"q\\\" \\\\ \\u0001\"}},\"subject\":\"order #123\"}",
            "sha256:c19ae5d55fa487052c18c25cdeafb8accc8fed9a4f9962d8a96aaedf1ad415a4",
        ),
        (
            r#"{"b":[1,2.0,0.00125,[]],"a":null,"c":true}"#,
            r#"{"a":null,"b":[1,2,1.25e-3,[]],"c":true}"#,
            "sha256:d9c1aa1b243ea5318e20a2f686f7a4dc87162d1bea834aab8ac720c0657ef280",
        ),
        (
            r#"{"requesterId":"9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B","subject":"9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B","message":{"cc":["CD4CEB58-BB3A-443C-9CD8-4F088FEAFE5B"]},"createdAt":"2021-12-01T14:00:00.000+01:00","externalId":"2021-12-01T14:00:00.000+01:00"}"#,
            r#"{"createdAt":"2021-12-01T13:00:00Z","externalId":"2021-12-01T14:00:00.000+01:00","message":{"cc":["cd4ceb58-bb3a-443c-9cd8-4f088feafe5b"]},"requesterId":"9c2a2cce-699f-4a72-89d9-fda5bc8dec8b","subject":"9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B"}"#,
            "sha256:f9fc35e799fc8f83d2834059fa90336727639fa53b04417bfae948f847ad15a8",
        ),
    ];

    #[test]
    fn golden_vectors_hold() {
        for (source, form, digest) in VECTORS {
            let value = json::parse(source).expect("valid");
            assert_eq!(canonical(&value), *form);
            assert_eq!(Digest::of_value(&value).to_string(), *digest, "{form}");
        }
    }

    #[test]
    fn every_member_of_a_body_that_is_a_uuid_or_a_timestamp_is_compared_as_one() {
        fn see(shape: &shape::Shape, seen: &mut Vec<(&'static str, bool)>) {
            for member in shape.members {
                look(member.name, &member.form, seen);
            }
        }
        fn look(name: &'static str, form: &Form, seen: &mut Vec<(&'static str, bool)>) {
            match form {
                Form::Uuid | Form::Reference(_) => seen.push((name, true)),
                Form::Timestamp => seen.push((name, false)),
                Form::Map(shape) => see(shape, seen),
                Form::Union(union) => union.variants.iter().for_each(|shape| see(shape, seen)),
                Form::List(form) | Form::Set(form) => look(name, form, seen),
                _ => {}
            }
        }
        let mut seen = Vec::new();
        for kind in Kind::ALL {
            shape::body(kind).variants.iter().for_each(|shape| see(shape, &mut seen));
        }
        assert!(seen.len() > 10);
        for (name, is_uuid) in seen {
            assert_eq!((UUIDS.contains(&name), TIMESTAMPS.contains(&name)), (is_uuid, !is_uuid), "{name}");
        }
    }

    #[test]
    fn version_1_takes_texts_as_they_are_written() {
        let (_, _, digest) = VECTORS[3];
        let Value::Object(map) = json::parse(VECTORS[3].0).expect("valid") else { panic!("a map") };
        assert_ne!(Digest::version_1_of_map(&map).to_string(), digest);
        let Value::Object(map) = json::parse(VECTORS[3].1).expect("valid") else { panic!("a map") };
        assert_eq!(Digest::version_1_of_map(&map).to_string(), digest);
    }

    #[test]
    fn an_integral_float_has_the_form_of_the_integer() {
        let form = |text: &str| canonical(&json::parse(text).expect("valid"));
        for (float, integer) in
            [("3.0", "3"), ("-0.0", "0"), ("-7e0", "-7"), ("18446744073709551615", "18446744073709551615")]
        {
            assert_eq!(form(float), integer);
        }
        assert_eq!(form("3.5"), "3.5e0");
    }

    #[test]
    fn strings_are_escaped_as_the_rules_say() {
        for code in (0..0x250).chain([0x2028, 0xfeff, 0x1f642]) {
            let text = format!("x{}y", char::from_u32(code).expect("no surrogate"));
            assert_eq!(canonical(&Value::from(text.as_str())), serde_json::to_string(&text).expect("text"));
        }
    }

    #[test]
    fn a_digest_parses_what_it_prints_and_nothing_else() {
        let digest = Digest::of_bytes(b"x");
        assert_eq!(digest.to_string().parse::<Digest>().expect("own form"), digest);
        for wrong in
            ["", "sha256:", "sha256:00", "SHA256:00", &digest.to_string().to_uppercase(), &digest.to_string()[7..]]
        {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
