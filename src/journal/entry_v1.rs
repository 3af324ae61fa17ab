//! One entry as JSON, version 1; the forms stand at the top of [`crate::journal`].

use std::borrow::Cow;

use serde::Deserialize;

use crate::conversation::{Address, ConversationId, Digests};
use crate::journal::entry::{CallKind, DecidedBy, Decision, Entry, Intent};
use crate::journal::line_error::LineError;
use crate::source::Source;
use crate::state::Lineage;
use crate::state::file_v1::{
    DigestsV1, Fields, Members, RecordProblem, RecordV1, SourceV1, SpecV1, TenantV1, applied, conversation_id, digest,
    without_place, write_applied, write_digests, write_record, write_source, write_tenant,
};

const FORMAT: &str = "dixaform-journal/1";

/// Appends the JSON of an entry.
pub fn write(entry: &Entry, out: &mut String) {
    let mut members = Members::begin(out);
    match entry {
        Entry::Opened { run, lineage, base_serial, tenant, command, at, pid } => members.object("opened", |members| {
            members.text("format", FORMAT);
            members.text("run", &run.to_string());
            members.text("lineage", &lineage.to_string());
            members.plain("baseSerial", base_serial);
            write_tenant(tenant, members);
            members.text("command", command);
            members.text("at", at);
            members.plain("pid", pid);
        }),
        Entry::Began { seq, address, call, intent } => members.object("began", |members| {
            members.plain("seq", seq);
            members.text("address", &address.to_string());
            members.text("call", call.word());
            write_intent(intent, members);
        }),
        Entry::Succeeded { seq, id, partial_errors, at } => members.object("succeeded", |members| {
            members.plain("seq", seq);
            members.plain("id", id);
            members.texts_if("partialErrors", partial_errors);
            members.text("at", at);
        }),
        Entry::Failed { seq, certain, message, at } => members.object("failed", |members| {
            members.plain("seq", seq);
            members.plain("certain", certain);
            members.text("message", message);
            members.text("at", at);
        }),
        Entry::InDoubt { seq, message, at } => members.object("inDoubt", |members| {
            members.plain("seq", seq);
            members.text("message", message);
            members.text("at", at);
        }),
        Entry::Adopted { address, record } => members.object("adopted", |members| {
            write_record(address, record, members.name("record"));
        }),
        Entry::Forgot { address } => members.object("forgot", |members| members.text("address", &address.to_string())),
        Entry::Decided { seq, decision, by, at } => members.object("decided", |members| {
            members.plain("seq", seq);
            write_decision(*decision, members);
            members.text("by", by.word());
            members.text("at", at);
        }),
        Entry::Closed { serial, at } => members.object("closed", |members| {
            members.plain("serial", serial);
            members.text("at", at);
        }),
    }
    members.end();
}

fn write_intent(intent: &Intent, members: &mut Members<'_>) {
    let Intent { digests, applied, source, requester, marker, known_before, replaced, at } = intent;
    write_digests(digests.content, Some(digests.attributes), members);
    write_applied(applied, members);
    write_source(source.as_ref(), members);
    members.text_if("requester", requester.as_deref());
    members.text_if("marker", marker.as_deref());
    members.numbers_if("knownBefore", known_before);
    if let Some(replaced) = replaced {
        members.plain("replaced", replaced);
    }
    members.text("at", at);
}

fn write_decision(decision: Decision, members: &mut Members<'_>) {
    match decision {
        Decision::Adopt(id) => {
            members.text("decision", "adopt");
            members.plain("id", id);
        }
        Decision::Create => members.text("decision", "create"),
        Decision::Forget => members.text("decision", "forget"),
    }
}

/// Reads the JSON of the entry that stands in this line of the journal.
///
/// # Errors
/// The entry is of a newer format, or none at all.
pub fn read(json: &str, line: usize) -> Result<Entry, LineError> {
    let entry: EntryV1<'_> = serde_json::from_str(json).map_err(|error| refusal(json, line, &error))?;
    if let EntryV1::Opened(OpenedV1 { format, .. }) = &entry
        && format != FORMAT
    {
        let format = format.clone().into_owned();
        return Err(LineError::Newer { line, format });
    }
    resolve(entry).map_err(|problem| LineError::NotAnEntry { line, what: problem.to_string() })
}

/// What is unknown in a run of a newer format is explained by that format.
fn refusal(json: &str, line: usize, error: &serde_json::Error) -> LineError {
    #[derive(Deserialize)]
    struct Head {
        opened: Opened,
    }
    #[derive(Deserialize)]
    struct Opened {
        format: String,
    }
    match serde_json::from_str::<Head>(json) {
        Ok(Head { opened: Opened { format } }) if format != FORMAT => LineError::Newer { line, format },
        _ => LineError::NotAnEntry { line, what: without_place(error) },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum EntryV1<'a> {
    #[serde(borrow)]
    Opened(OpenedV1<'a>),
    #[serde(borrow)]
    Began(Box<BeganV1<'a>>),
    Succeeded(SucceededV1),
    Failed(FailedV1),
    InDoubt(InDoubtV1),
    #[serde(borrow)]
    Adopted(Box<AdoptedV1<'a>>),
    #[serde(borrow)]
    Forgot(ForgotV1<'a>),
    #[serde(borrow)]
    Decided(DecidedV1<'a>),
    Closed(ClosedV1),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpenedV1<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    #[serde(borrow)]
    run: Cow<'a, str>,
    #[serde(borrow)]
    lineage: Cow<'a, str>,
    base_serial: u64,
    tenant: TenantV1,
    command: String,
    at: String,
    pid: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BeganV1<'a> {
    seq: u64,
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow)]
    call: Cow<'a, str>,
    #[serde(borrow)]
    digest: DigestsV1<'a>,
    spec: Option<SpecV1>,
    salt: Option<String>,
    fields: Option<Fields>,
    source: Option<SourceV1>,
    requester: Option<String>,
    marker: Option<String>,
    #[serde(default)]
    known_before: Vec<i64>,
    replaced: Option<i64>,
    at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SucceededV1 {
    seq: u64,
    id: i64,
    #[serde(default)]
    partial_errors: Vec<String>,
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailedV1 {
    seq: u64,
    certain: bool,
    message: String,
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InDoubtV1 {
    seq: u64,
    message: String,
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdoptedV1<'a> {
    #[serde(borrow)]
    record: RecordV1<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgotV1<'a> {
    #[serde(borrow)]
    address: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecidedV1<'a> {
    seq: u64,
    #[serde(borrow)]
    decision: Cow<'a, str>,
    id: Option<i64>,
    #[serde(borrow)]
    by: Cow<'a, str>,
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedV1 {
    serial: u64,
    at: String,
}

/// What is wrong with an entry although it has the right members.
#[derive(Debug, thiserror::Error)]
enum EntryProblem {
    #[error(transparent)]
    Record(#[from] RecordProblem),
    #[error("`{member}` can't be `{text}`")]
    Word { member: &'static str, text: String },
    #[error("`digest.attributes` is missing")]
    NoAttributesDigest,
}

fn resolve(entry: EntryV1<'_>) -> Result<Entry, EntryProblem> {
    Ok(match entry {
        EntryV1::Opened(OpenedV1 { format: _, run, lineage, base_serial, tenant, command, at, pid }) => Entry::Opened {
            run: uuid(&run, "run")?,
            lineage: Lineage(uuid(&lineage, "lineage")?),
            base_serial,
            tenant: tenant.into(),
            command,
            at,
            pid,
        },
        EntryV1::Began(began) => resolve_began(*began)?,
        EntryV1::Succeeded(SucceededV1 { seq, id, partial_errors, at }) => {
            Entry::Succeeded { seq, id: conversation_id(id)?, partial_errors, at }
        }
        EntryV1::Failed(FailedV1 { seq, certain, message, at }) => Entry::Failed { seq, certain, message, at },
        EntryV1::InDoubt(InDoubtV1 { seq, message, at }) => Entry::InDoubt { seq, message, at },
        EntryV1::Adopted(adopted) => {
            let (address, record) = adopted.record.resolve()?;
            Entry::Adopted { address, record: Box::new(record) }
        }
        EntryV1::Forgot(ForgotV1 { address }) => Entry::Forgot { address: parse_address(&address)? },
        EntryV1::Decided(decided) => resolve_decided(&decided)?,
        EntryV1::Closed(ClosedV1 { serial, at }) => Entry::Closed { serial, at },
    })
}

fn resolve_began(began: BeganV1<'_>) -> Result<Entry, EntryProblem> {
    let call = CallKind::ALL.into_iter().find(|call| call.word() == began.call);
    let attributes = began.digest.attributes.as_deref().ok_or(EntryProblem::NoAttributesDigest)?;
    let intent = Intent {
        digests: Digests {
            content: digest(&began.digest.content, "digest.content")?,
            attributes: digest(attributes, "digest.attributes")?,
        },
        applied: applied(began.spec, began.salt, began.fields)?,
        source: began.source.map(Source::from),
        requester: began.requester,
        marker: began.marker,
        known_before: began
            .known_before
            .into_iter()
            .map(conversation_id)
            .collect::<Result<Vec<ConversationId>, _>>()?,
        replaced: began.replaced.map(conversation_id).transpose()?,
        at: began.at,
    };
    Ok(Entry::Began {
        seq: began.seq,
        address: parse_address(&began.address)?,
        call: call.ok_or_else(|| odd_word("call", &began.call))?,
        intent: Box::new(intent),
    })
}

fn resolve_decided(decided: &DecidedV1<'_>) -> Result<Entry, EntryProblem> {
    let decision = match (&*decided.decision, decided.id) {
        ("adopt", Some(id)) => Decision::Adopt(conversation_id(id)?),
        ("create", None) => Decision::Create,
        ("forget", None) => Decision::Forget,
        (word, _) => return Err(odd_word("decision", word)),
    };
    let by = [DecidedBy::Machine, DecidedBy::Person].into_iter().find(|by| by.word() == decided.by);
    let by = by.ok_or_else(|| odd_word("by", &decided.by))?;
    Ok(Entry::Decided { seq: decided.seq, decision, by, at: decided.at.clone() })
}

fn odd_word(member: &'static str, text: &str) -> EntryProblem {
    EntryProblem::Word { member, text: text.to_owned() }
}

fn uuid(text: &str, member: &'static str) -> Result<uuid::Uuid, EntryProblem> {
    uuid::Uuid::try_parse(text).map_err(|_| odd_word(member, text))
}

fn parse_address(text: &str) -> Result<Address, RecordProblem> {
    text.parse().map_err(RecordProblem::Address)
}
