//! The state file, version 1: text to [`State`] and back.
//!
//! `state/README.md` specifies the format for its users. It is JSON as a whole and one record per line, so that it can
//! live in git and its diffs read well:
//!
//! ```text
//! {"format":"dixaform-state/1","lineage":"<uuid>","serial":3,"tenant":{"baseUrl":"…","organizationId":"…"},"records":[
//! {"address":"conversation.a","id":100,"digest":{"content":"sha256:…","attributes":"sha256:…"},"spec":{…},"source":{"file":"manifests/a.yaml","line":1,"column":1},"appliedAt":"…","partialErrors":["…"],"replaced":[99]},
//! {"address":"import.b","id":101,"digest":{"content":"sha256:…","attributes":null},"salt":"…","fields":{"/subject":"…"},"appliedAt":"…"}
//! ]}
//! ```
//!
//! Members are in this order, records in ascending order of their addresses. What is unknown or empty is left out,
//! except `digest.attributes`, which is null as long as the attributes were never written. Reading takes any order and
//! any white space, as git merges and editors leave them, but no unknown and no repeated member. A file of a newer
//! format is refused and never rewritten: what this version does not know, it would lose.

mod members;
mod record_v1;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::io;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::conversation::{Address, ConversationId};
use crate::state::record::{Lineage, Record, State};

pub(crate) use members::Members;
pub use record_v1::RecordProblem;
pub(crate) use record_v1::{
    DigestsV1, Fields, RecordV1, SourceV1, SpecV1, TenantV1, applied, conversation_id, digest, write_applied,
    write_digests, write_record, write_source, write_tenant,
};

/// The value of `format`.
pub const FORMAT: &str = "dixaform-state/1";

/// Why a text is not a state that can be used.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    #[error("not JSON: {what} at line {line}, column {column}")]
    NotJson { line: usize, column: usize, what: String },
    #[error("not a state file: {what} at line {line}, column {column}")]
    Shape { line: usize, column: usize, what: String },
    #[error("not a state file: its format is `{format}`, not `{FORMAT}`")]
    UnknownFormat { format: String },
    #[error("written by a newer dixaform: its format is `{format}`, and this one knows up to `{FORMAT}`; refused")]
    NewerFormat { format: String },
    #[error("the lineage `{text}` is not a uuid")]
    Lineage { text: String },
    #[error("the record `{address}` can't be used: {problem}")]
    Record { address: String, problem: RecordProblem },
    #[error("two records have the address {address}")]
    DuplicateAddress { address: Address },
    #[error("{one} and {other} both have the conversation #{id}")]
    SharedId { id: ConversationId, one: Address, other: Address },
}

/// Reads a state.
///
/// # Errors
/// See [`StateFileError`]. A state that is returned has unique addresses and unique ids.
pub fn read(text: &str) -> Result<State, StateFileError> {
    let file: FileV1<'_> = serde_json::from_str(text).map_err(|error| refusal(text, &error))?;
    check_format(&file.format)?;
    let lineage = uuid::Uuid::try_parse(&file.lineage)
        .map_err(|_| StateFileError::Lineage { text: file.lineage.clone().into_owned() })?;
    let records = file.records.0.map_err(|(address, problem)| StateFileError::Record { address, problem })?;
    let records = unique(records)?;
    Ok(State { lineage: Lineage(lineage), serial: file.serial, tenant: file.tenant.map(Into::into), records })
}

/// The records by their addresses, after making sure that no address and no id occurs twice.
fn unique(mut records: Vec<(Address, Record)>) -> Result<BTreeMap<Address, Record>, StateFileError> {
    // They are in this order already, unless somebody edited the file.
    records.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some([(address, _), _]) = records.array_windows().find(|[(one, _), (other, _)]| one == other) {
        return Err(StateFileError::DuplicateAddress { address: address.clone() });
    }
    let mut ids: Vec<(ConversationId, &Address)> =
        records.iter().map(|(address, record)| (record.id, address)).collect();
    ids.sort_unstable();
    if let Some([(id, one), (_, other)]) = ids.array_windows().find(|[(one, _), (other, _)]| one == other) {
        return Err(StateFileError::SharedId { id: *id, one: (*one).clone(), other: (*other).clone() });
    }
    Ok(records.into_iter().collect())
}

/// One record with its address, as it is in the file, without a newline.
pub fn record(address: &Address, record: &Record) -> String {
    let mut text = String::new();
    write_record(address, record, &mut text);
    text
}

/// The text of a state; the same state, the same bytes.
pub fn write(state: &State) -> String {
    let mut text = String::new();
    let written: Result<(), Infallible> = each_line(state, |line| {
        text.push_str(line);
        Ok(())
    });
    match written {
        Ok(()) => text,
    }
}

/// [`write()`] without holding the whole text: one call of `out` per line.
///
/// # Errors
/// Those of `out`.
pub fn write_to(state: &State, out: &mut impl io::Write) -> io::Result<()> {
    each_line(state, |line| out.write_all(line.as_bytes()))
}

fn each_line<E>(state: &State, mut emit: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let State { lineage, serial, tenant, records } = state;
    let mut line = String::new();
    let mut members = Members::begin(&mut line);
    members.text("format", FORMAT);
    members.text("lineage", &lineage.to_string());
    members.plain("serial", serial);
    if let Some(tenant) = tenant {
        write_tenant(tenant, &mut members);
    }
    // The object ends in the last line of the file, hence no `end`.
    members.plain("records", "[\n");
    emit(&line)?;
    let mut remaining = records.len();
    for (address, record) in records {
        remaining -= 1;
        line.clear();
        write_record(address, record, &mut line);
        line.push_str(if remaining > 0 { ",\n" } else { "\n" });
        emit(&line)?;
    }
    emit("]}\n")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileV1<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    #[serde(borrow)]
    lineage: Cow<'a, str>,
    serial: u64,
    tenant: Option<TenantV1>,
    records: RecordsV1,
}

/// All records, or the first that can't be used: each is resolved as it is read, so that they are never held twice.
struct RecordsV1(Result<Vec<(Address, Record)>, (String, RecordProblem)>);

impl<'de> Deserialize<'de> for RecordsV1 {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct RecordsVisitor;
        impl<'de> Visitor<'de> for RecordsVisitor {
            type Value = RecordsV1;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<RecordsV1, A::Error> {
                let mut records = Ok(Vec::new());
                while let Some(record) = source.next_element::<RecordV1<'de>>()? {
                    let Ok(sound) = &mut records else { continue };
                    let written = record.address.clone();
                    match record.resolve() {
                        Ok(record) => sound.push(record),
                        Err(problem) => records = Err((written.into_owned(), problem)),
                    }
                }
                Ok(RecordsV1(records))
            }
        }
        source.deserialize_seq(RecordsVisitor)
    }
}

/// Only the format, whatever else there is.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    format: Option<Cow<'a, str>>,
}

fn check_format(format: &str) -> Result<(), StateFileError> {
    if format == FORMAT {
        return Ok(());
    }
    let format = format.to_owned();
    match format.strip_prefix("dixaform-state/").map(str::parse::<u64>) {
        Some(Ok(version)) if version > 1 => Err(StateFileError::NewerFormat { format }),
        _ => Err(StateFileError::UnknownFormat { format }),
    }
}

/// Why a text does not read. What is unknown in a newer format is explained by the format, so that is looked at first.
fn refusal(text: &str, error: &serde_json::Error) -> StateFileError {
    let (line, column, what) = (error.line(), error.column(), without_place(error));
    if !error.is_data() {
        return StateFileError::NotJson { line, column, what };
    }
    let head = serde_json::from_str::<Head<'_>>(text).ok().and_then(|head| head.format);
    match head.map(|format| check_format(&format)) {
        Some(Err(other_format)) => other_format,
        Some(Ok(())) | None => StateFileError::Shape { line, column, what },
    }
}

/// What an error of serde says, without the place that it ends with.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
