//! The state file line by line: what each record says in short, and where it stands, so that most are never read whole.
//!
//! [`file_v1::read`] is the specification. This is the quick way for a file as [`file_v1::write`] leaves it, one record
//! a line in ascending order of address; whatever looks different is left to the slow way, which also explains what is
//! wrong. A record whose outline reads can still be refused when it is read whole.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::conversation::{Address, ConversationId, Digests};
use crate::digest::Digest;
use crate::state::file_v1::{self, DigestsV1, RecordProblem, RecordV1, TenantV1};
use crate::state::record::{Lineage, Record, TenantIdentity};

/// What the first line of a state file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub lineage: Lineage,
    pub serial: u64,
    pub tenant: Option<TenantIdentity>,
}

/// What planning needs to know of a record to see that nothing is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOutline {
    pub address: Address,
    pub content_digest: Digest,
    /// See [`Record::attributes_digest`].
    pub attributes_digest: Option<Digest>,
    pub stretch: Stretch,
}

impl RecordOutline {
    /// Whether two outlines of a record differ in their stretch at most.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let RecordOutline { address, content_digest, attributes_digest, stretch: _ } = self;
        (address, content_digest, attributes_digest)
            == (&other.address, &other.content_digest, &other.attributes_digest)
    }

    /// Whether a manifest with these digests leaves nothing to do.
    pub fn is_as_wanted(&self, wanted: Digests) -> bool {
        self.content_digest == wanted.content && self.attributes_digest == Some(wanted.attributes)
    }
}

/// Where a record stands in its file: bytes, without the line break and the comma before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub offset: u64,
    pub length: u32,
}

/// The line after the last record.
pub const LAST_LINE: &str = "]}";

/// The first line of a state file, without its line break; none when it is not as this version writes it.
pub fn head(line: &str) -> Option<Head> {
    // The line opens the list of records; closed again, it is a state without any.
    let closed = format!("{}{LAST_LINE}", line.strip_suffix('[').map(|_| line)?);
    let head: HeadV1<'_> = serde_json::from_str(&closed).ok()?;
    let lineage = uuid::Uuid::try_parse(head.lineage).ok().map(Lineage)?;
    let is_known = head.format == file_v1::FORMAT && head.records.is_empty();
    is_known.then(|| Head { lineage, serial: head.serial, tenant: head.tenant.map(Into::into) })
}

/// The outline of the record in a line without its line break, and its conversation; none when it is not as this
/// version writes it. Whether a comma ends the line is for [`is_followed`] to say, since only its neighbours tell
/// whether one belongs there.
pub fn outline(line: &str, offset: u64) -> Option<(RecordOutline, ConversationId)> {
    let text = line.strip_suffix(',').unwrap_or(line);
    let short: OutlineV1<'_> = serde_json::from_str(text).ok()?;
    let digest = |text: &str| text.parse::<Digest>().ok();
    let id = Some(short.id).filter(|id| *id > 0).map(ConversationId)?;
    if !short.is_whole() {
        return None;
    }
    let outline = RecordOutline {
        address: short.address.parse().ok()?,
        content_digest: digest(&short.digest.content)?,
        attributes_digest: match &short.digest.attributes {
            Some(text) => Some(digest(text)?),
            None => None,
        },
        stretch: Stretch { offset, length: u32::try_from(text.len()).ok()? },
    };
    Some((outline, id))
}

/// Whether a line says that another record follows it: all but the last one do.
pub fn is_followed(line: &str) -> bool {
    line.ends_with(',')
}

/// The whole record of a [`Stretch`].
///
/// # Errors
/// Not JSON, which can only be when the file has changed since; or a record that can't be used.
pub fn record(text: &str) -> Result<(Address, Record), WholeRecordError> {
    let record: RecordV1<'_> = serde_json::from_str(text)?;
    let address = record.address.clone().into_owned();
    record.resolve().map_err(|problem| WholeRecordError::Record { address, problem })
}

/// Why a record whose outline could be read can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WholeRecordError {
    #[error("it changed while it was read: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("the record `{address}` can't be used: {problem}")]
    Record { address: String, problem: RecordProblem },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadV1<'a> {
    format: &'a str,
    lineage: &'a str,
    serial: u64,
    tenant: Option<TenantV1>,
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

/// A record, most of it unread. What is small has the type that it has in [`RecordV1`], so that it is refused here
/// where it would be refused there, and none of it is copied.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "unread members have to be named, since unknown ones are refused")]
struct OutlineV1<'a> {
    #[serde(borrow)]
    address: Cow<'a, str>,
    id: i64,
    #[serde(borrow)]
    digest: DigestsV1<'a>,
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
    #[serde(borrow)]
    salt: Option<Cow<'a, str>>,
    fields: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<SourceOutlineV1<'a>>,
    #[serde(borrow)]
    applied_at: Cow<'a, str>,
    // Hardly any record has one of these.
    #[serde(default)]
    partial_errors: Vec<String>,
    #[serde(default)]
    replaced: Vec<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its form matters here")]
struct SourceOutlineV1<'a> {
    #[serde(borrow)]
    file: Cow<'a, str>,
    line: u32,
    column: u32,
}

impl OutlineV1<'_> {
    /// Whether it has what was applied in one of the two forms, and no id that can't be one.
    fn is_whole(&self) -> bool {
        let is_applied =
            matches!((self.spec, &self.salt, self.fields), (Some(_), None, None) | (None, Some(_), Some(_)));
        is_applied && self.replaced.iter().all(|id| *id > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;
    use crate::state::file_v1::tests::any_state;
    use proptest::prelude::*;

    /// A state as its lines give it back.
    fn by_lines(text: &str) -> Option<State> {
        let mut lines = text.lines();
        let Head { lineage, serial, tenant } = head(lines.next()?)?;
        let mut state = State { lineage, serial, tenant, ..State::new(lineage) };
        for line in lines {
            if line == LAST_LINE {
                return Some(state);
            }
            let (short, id) = outline(line, 0)?;
            let (address, record) = record(&line[..short.stretch.length as usize]).expect("whole");
            assert_eq!(
                (&short.address, id, short.content_digest, short.attributes_digest),
                (&address, record.id, record.content_digest, record.attributes_digest)
            );
            state.records.insert(address, record);
        }
        None
    }

    proptest! {
        #[test]
        fn the_quick_way_reads_what_the_slow_way_reads(state in any_state()) {
            prop_assert_eq!(by_lines(&file_v1::write(&state)), Some(state));
        }
    }

    #[test]
    fn what_looks_different_is_left_to_the_slow_way() {
        let good =
            r#"{"format":"dixaform-state/1","lineage":"00000000-0000-0000-0000-000000000000","serial":3,"records":["#;
        assert_eq!(head(good).map(|head| head.serial), Some(3));
        for other in [
            good.replace("/1", "/2"),
            good.replace("records", "rekords"),
            format!("{good}{{}}"),
            good.replace("serial", "serial\":3,\"serial"),
            String::new(),
            "[".to_owned(),
        ] {
            assert_eq!(head(&other), None, "{other}");
        }
        for other in
            ["", "{}", "]}", r#"{"address":"conversation.a","id":1}"#, "{\"address\":\"conversation.a\",\"id\":0,"]
        {
            assert_eq!(outline(other, 0), None, "{other}");
        }
    }

    /// What one record says wrongly is found by both ways, whatever member it is.
    #[test]
    fn what_the_slow_way_refuses_is_not_passed_over() {
        let digest = Digest::of_bytes(b"");
        let good = format!(
            "{{\"address\":\"conversation.a\",\"id\":1,\"digest\":{{\"content\":\"{digest}\"}},\"spec\":{{}},\
             \"source\":{{\"file\":\"a\",\"line\":1,\"column\":1}},\"appliedAt\":\"now\",\"partialErrors\":[\"x\"],\
             \"replaced\":[2]}}"
        );
        let good = good.as_str();
        assert!(outline(good, 0).is_some() && record(good).is_ok());
        for (from, to) in [
            ("\"now\"", "7"),
            ("\"now\"", "null"),
            (",\"appliedAt\":\"now\"", ""),
            ("[\"x\"]", "[7]"),
            ("[\"x\"]", "null"),
            ("[2]", "[\"2\"]"),
            ("[2]", "[0]"),
            ("\"line\":1", "\"line\":\"1\""),
            ("\"file\":\"a\",", ""),
            ("\"spec\":{},", ""),
            ("\"spec\":{}", "\"spec\":{},\"salt\":\"00\""),
            ("\"spec\":{}", "\"salt\":7,\"fields\":{}"),
        ] {
            assert!(good.contains(from), "{from}");
            let other = good.replacen(from, to, 1);
            assert!(record(&other).is_err(), "{other}");
            assert_eq!(outline(&other, 0), None, "{other}");
        }
    }
}
