//! The state file, version 1: text to [`State`] and back.
//!
//! `state/README.md` specifies the format for its users. It is JSON as a whole and one record per line, so that it can
//! live in git and its diffs read well:
//!
//! ```text
//! {"format":"dixaform-state/1","lineage":"<uuid>","serial":3,"tenant":{"baseUrl":"…","organizationId":"…"},"records":[
//! {"address":"conversation.a","id":100,"digest":{"content":"sha256:…","attributes":"sha256:…"},"spec":{…},"source":{"file":"manifests/a.yaml","line":1,"column":1},"madeOf":{"digest":"sha256:…","manifests":1,"dixaform":"0.1.0"},"appliedAt":"…","partialErrors":["…"],"replaced":[99]},
//! {"address":"import.b","id":101,"digest":{"content":"sha256:…","attributes":null},"salt":"…","fields":{"/subject":"…"},"appliedAt":"…"}
//! ],"forgotten":[{"address":"conversation.c","ids":[97],"number":0}],"seal":"crc32:…"}
//! ```
//!
//! Members are in this order, records in ascending order of their addresses. What is unknown or empty is left out,
//! except `digest.attributes`, which is null as long as the attributes were never written. No unknown and no repeated
//! member is read. A file of a newer format is refused and never rewritten: what this version does not know, it would
//! lose.
//!
//! The seal is over all of the text before it, with `\n` as the end of each line, whatever git or an editor has made of
//! those. A text that it does not fit is refused until somebody has looked at it and [accepts](read_edited) it. Earlier
//! versions wrote none; without a seal, any order and any white space are read.

mod record_v1;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::conversation::{Address, Id};
use crate::state::record::{Lineage, Record, State};
use crate::state::seal::{Seal, Sealing};

pub use record_v1::RecordProblem;
pub(crate) use record_v1::{
    AnsweredV1, AppliedV1, DigestsV1, Fields, ForgottenV1, PutOnV1, RecordV1, SourceV1, TenantV1, answers_read,
    answers_written, check, digest,
};

/// The value of `format`.
pub const FORMAT: &str = "dixaform-state/1";

/// The format of what is left where a state was that has moved to a store. Nothing plans on it: a state that is
/// forgotten to have moved would make everything again.
const MOVED: &str = "dixaform-state-moved/1";

/// What is left where a state was that has moved to a store, or is on its way there.
#[derive(Debug, Serialize, Deserialize)]
struct Moved {
    format: String,
    to: String,
    /// As long as it is not known whether it has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<OnItsWay>,
    /// What has arrived with the state: the digest of the lines of its journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<String>,
}

/// What moves: this state with this journal, and no other that may be found beside the word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnItsWay {
    pub lineage: String,
    pub serial: u64,
    pub seal: String,
    /// The digest of its lines; none where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
}

/// What to leave where a state was that is about to move to this URL.
pub fn moving(to: &str, what: OnItsWay) -> String {
    word(Moved { format: MOVED.to_owned(), to: to.to_owned(), unfinished: Some(what), journal: None })
}

/// What to leave where a state was that has moved to this URL, with a journal that has this digest.
pub fn moved(to: &str, journal: Option<String>) -> String {
    word(Moved { format: MOVED.to_owned(), to: to.to_owned(), unfinished: None, journal })
}

fn word(moved: Moved) -> String {
    serde_json::to_string(&moved).expect("it is texts and a number") + "\n"
}

/// Why a text is not a state that can be used.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    #[error("not JSON: {what} at line {line}, column {column}")]
    NotJson { line: usize, column: usize, what: String },
    #[error("not a state file: {what} at line {line}, column {column}")]
    Shape { line: usize, column: usize, what: String },
    #[error("not a state file: its format is `{format}`, not `{FORMAT}`")]
    UnknownFormat { format: String },
    #[error("written by a newer dixaform: its format is `{format}`, but this one reads at most `{FORMAT}`; refused")]
    NewerFormat { format: String },
    #[error("the state has moved to {to}")]
    Moved { to: String, journal: Option<String> },
    #[error("the state is on its way to {to}: moving it was cut off")]
    Moving { to: String, what: Box<OnItsWay> },
    #[error("the lineage `{text}` is not a uuid")]
    Lineage { text: String },
    #[error("the record `{address}` can't be used: {problem}")]
    Record { address: String, problem: RecordProblem },
    #[error("two records have the address {address}")]
    DuplicateAddress { address: Address },
    #[error("{one} and {other} both have the conversation {id:#}")]
    SharedId { id: Id, one: Address, other: Address },
    #[error("it is empty")]
    Empty,
    #[error("it was changed since it was saved: its seal does not fit")]
    Changed,
}

/// Reads a state.
///
/// # Errors
/// See [`StateFileError`]. A state that is returned has unique addresses and unique ids.
pub fn read(text: impl Into<String>) -> Result<State, StateFileError> {
    let (mut state, _) = read_unchecked(text)?;
    check_specs(&mut state, |_| true)?;
    Ok(state)
}

/// [`read`] of a text that somebody has changed on purpose, whatever its seal. Since a record can be another one now,
/// none knows any more what its manifest was made of.
///
/// # Errors
/// As for [`read`].
pub fn read_edited(text: impl Into<String>) -> Result<State, StateFileError> {
    let (mut state, ..) = parse(text.into())?;
    check_specs(&mut state, |_| true)?;
    forget_made_of(&mut state);
    Ok(state)
}

/// Makes sure that the specs of some records are specs.
///
/// # Errors
/// The first that is not one.
pub fn check_specs(state: &mut State, which: impl Fn(&Address) -> bool) -> Result<(), StateFileError> {
    for (address, record) in state.records.iter_mut().filter(|(address, _)| which(address)) {
        check(&mut record.applied)
            .map_err(|problem| StateFileError::Record { address: address.to_string(), problem })?;
    }
    Ok(())
}

/// [`read`] without looking into the specs, which takes longer than all the rest. Use [`check_specs`] before you do.
/// With the seal of the text, also where it has none written in it.
///
/// # Errors
/// As for [`read`].
pub fn read_unchecked(text: impl Into<String>) -> Result<(State, Seal), StateFileError> {
    let (mut state, written, text) = parse(text.into())?;
    let (seal, tail) = sealed(&text);
    match written {
        Some(written) if tail != format!("{SEAL}\"{seal}\"}}") || written != seal.to_string() => {
            return Err(StateFileError::Changed);
        }
        Some(_) => {}
        // Nobody knows whether it is as it was saved.
        None => forget_made_of(&mut state),
    }
    Ok((state, seal))
}

/// The seal of a text, whether it is a state or not; it is the same for a state with and without the seal in it.
pub fn seal_of(text: &str) -> Seal {
    sealed(&plain(Cow::Borrowed(text))).0
}

/// The seal that a text should have, and the end of the text, which should hold it.
fn sealed(text: &str) -> (Seal, &str) {
    let text = text.trim_end();
    let has_seal = |end: &usize| text.get(*end..).is_some_and(|tail| tail.starts_with(SEAL));
    let end = text.len().checked_sub(TAIL_BYTES).filter(has_seal);
    let end = end.unwrap_or_else(|| text.strip_suffix('}').unwrap_or(text).len());
    (Seal::of(&text.as_bytes()[..end]), &text[end..])
}

/// What is before the seal. In a string these quotes would be escaped.
const SEAL: &str = ",\"seal\":";

/// The length of the seal with what is before it, its quotes and the brace.
const TAIL_BYTES: usize = SEAL.len() + "\"crc32:00000000\"}".len();

/// The text as it was saved, where an editor has put a byte order mark before it, or git has changed the ends of lines.
fn plain(mut text: Cow<'_, str>) -> Cow<'_, str> {
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        text = rest.to_owned().into();
    }
    if text.find('\n').is_some_and(|end| text[..end].ends_with('\r')) {
        text = text.replace("\r\n", "\n").into();
    }
    text
}

fn forget_made_of(state: &mut State) {
    state.records.values_mut().for_each(|record| record.made_of = None);
}

/// The state, the seal that is written in it, and the text that was read.
fn parse(text: String) -> Result<(State, Option<String>, Arc<String>), StateFileError> {
    let text = Arc::new(plain(text.into()).into_owned());
    if text.trim_ascii_start().is_empty() {
        return Err(StateFileError::Empty);
    }
    let file: FileV1<'_> = serde_json::from_str(&text).map_err(|error| refusal(&text, &error))?;
    check_format(&file.format)?;
    let lineage = uuid::Uuid::try_parse(&file.lineage)
        .map_err(|_| StateFileError::Lineage { text: file.lineage.clone().into_owned() })?;
    let mut records = Vec::with_capacity(file.records.0.iter().map(Vec::len).sum());
    for record in file.records.0.into_iter().flatten() {
        let written = record.address.clone();
        let problem = |problem| StateFileError::Record { address: written.into_owned(), problem };
        records.push(record.resolve(&text).map_err(problem)?);
    }
    let records = unique(records)?;
    let mut forgotten = BTreeMap::new();
    for line in file.forgotten {
        let written = line.address.clone();
        let problem = |problem| StateFileError::Record { address: written.into_owned(), problem };
        let (address, line) = line.resolve().map_err(problem)?;
        if forgotten.insert(address.clone(), line).is_some() {
            return Err(StateFileError::DuplicateAddress { address });
        }
    }
    let (lineage, tenant) = (Lineage(lineage), file.tenant.map(Into::into));
    let state = State { lineage, serial: file.serial, tenant, records, forgotten };
    Ok((state, file.seal.map(Cow::into_owned), text))
}

/// The records by their addresses, after making sure that no address and no id occurs twice.
fn unique(mut records: Vec<(Address, Record)>) -> Result<BTreeMap<Address, Record>, StateFileError> {
    // They are in this order already, unless somebody edited the file.
    records.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some([(address, _), _]) = records.array_windows().find(|[(one, _), (other, _)]| one == other) {
        return Err(StateFileError::DuplicateAddress { address: address.clone() });
    }
    let mut ids: Vec<(Id, &Address)> = records.iter().map(|(address, record)| (record.id, address)).collect();
    ids.sort_unstable();
    if let Some([(id, one), (_, other)]) = ids.array_windows().find(|[(one, _), (other, _)]| one == other) {
        return Err(StateFileError::SharedId { id: *id, one: (*one).clone(), other: (*other).clone() });
    }
    Ok(records.into_iter().collect())
}

/// One record with its address, as it is in the file, without a newline.
pub fn record(address: &Address, record: &Record) -> String {
    serde_json::to_string(&RecordV1::of(address, record)).expect("a record is JSON")
}

/// One record for a reader beside the file.
#[derive(JsonSchema, Serialize)]
pub struct ShownV1<'a> {
    #[schemars(extend("const" = RECORD_FORMAT))]
    format: &'static str,
    #[serde(flatten)]
    record: RecordV1<'a>,
}

/// The value of `format` of one record alone.
pub const RECORD_FORMAT: &str = "dixaform-record/1";

/// [`record()`] as a document of its own.
pub fn shown(address: &Address, record: &Record) -> String {
    let shown = ShownV1 { format: RECORD_FORMAT, record: RecordV1::of(address, record) };
    serde_json::to_string(&shown).expect("a record is JSON")
}

/// The text of a state; the same state, the same bytes.
pub fn write(state: &State) -> String {
    let mut text = Vec::new();
    write_to(state, &mut text).expect("memory takes all bytes");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// [`write()`] without holding the whole text: a line at a time. Gives back its seal.
///
/// # Errors
/// Those of `out`.
pub fn write_to(state: &State, out: &mut impl io::Write) -> io::Result<Seal> {
    let State { lineage, serial, tenant, records, forgotten } = state;
    let file = FileV1 {
        format: FORMAT.into(),
        lineage: lineage.to_string().into(),
        serial: *serial,
        tenant: tenant.as_ref().map(TenantV1::of),
        records: Chunks::default(),
        forgotten: forgotten.iter().map(|(address, forgotten)| ForgottenV1::of(address, forgotten)).collect(),
        seal: None,
    };
    let whole = serde_json::to_string(&file).expect("a state is JSON");
    // In a string these quotes would be escaped.
    let records_at = whole.find(RECORDS).map_or(0, |at| at + RECORDS.len());
    let (above, below) = (&whole[..records_at], &whole[records_at..whole.len() - "}".len()]);
    let mut out = Sealing::new(out);
    out.write_all(above.as_bytes())?;
    for (index, (address, each)) in records.iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        out.write_all(record(address, each).as_bytes())?;
    }
    out.write_all(b"\n")?;
    out.write_all(below.as_bytes())?;
    let (out, seal) = out.finish();
    writeln!(out, "{SEAL}\"{seal}\"}}")?;
    Ok(seal)
}

/// What is before the records.
const RECORDS: &str = "\"records\":[";

/// All of a state file.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FileV1<'a> {
    #[serde(borrow)]
    #[schemars(extend("const" = FORMAT))]
    format: Cow<'a, str>,
    /// Names this history
    #[serde(borrow)]
    #[schemars(extend("format" = "uuid"))]
    lineage: Cow<'a, str>,
    /// Grows by one with each save
    #[schemars(range(min = 0))]
    serial: u64,
    /// The tenant that all of this is about; unknown before the first apply
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantV1<'a>>,
    /// In ascending order of address
    #[serde(borrow)]
    #[schemars(with = "Vec<RecordV1<'a>>")]
    records: Chunks<'a>,
    /// What was dropped, in ascending order of address
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    forgotten: Vec<ForgottenV1<'a>>,
    /// A checksum of all of the text before this member, which is the last; states of earlier versions have none
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^crc32:[0-9a-f]{8}$"))]
    seal: Option<Cow<'a, str>>,
}

/// Records in parts, each of which gives its memory back as soon as it is read: there can be very many.
#[derive(Default, Serialize)]
struct Chunks<'a>(Vec<Vec<RecordV1<'a>>>);

/// The records of one part.
const CHUNK: usize = 1024;

impl<'de: 'a, 'a> Deserialize<'de> for Chunks<'a> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct ChunksVisitor;

        impl<'de> Visitor<'de> for ChunksVisitor {
            type Value = Vec<Vec<RecordV1<'de>>>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
                let mut chunks: Vec<Vec<_>> = Vec::new();
                while let Some(record) = source.next_element()? {
                    match chunks.last_mut() {
                        Some(chunk) if chunk.len() < CHUNK => chunk.push(record),
                        _ => chunks.push(vec![record]),
                    }
                }
                Ok(chunks)
            }
        }

        source.deserialize_seq(ChunksVisitor).map(Chunks)
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
    if let Ok(Moved { format, to, unfinished, journal }) = serde_json::from_str(text)
        && format == MOVED
    {
        return match unfinished {
            Some(what) => StateFileError::Moving { to, what: Box::new(what) },
            None => StateFileError::Moved { to, journal },
        };
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
