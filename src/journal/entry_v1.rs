//! One entry as JSON, version 1; [`crate::journal`] shows the forms.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::{Address, Digests};
use crate::journal::entry::{CallKind, DecidedBy, Decision, Entry, Heard, Intent};
use crate::journal::line_error::LineError;
use crate::source::Source;
use crate::state::Lineage;
use crate::state::file_v1::{
    AnsweredV1, AppliedV1, DigestsV1, Fields, PutOnV1, RecordProblem, RecordV1, SourceV1, TenantV1, answers_read,
    answers_written, check, digest, without_place,
};
use crate::state::id_v1::IdV1;

const FORMAT: &str = "dixaform-journal/1";

/// The JSON of an entry.
pub fn write(entry: &Entry) -> String {
    serde_json::to_string(&EntryV1::of(entry)).expect("an entry is JSON")
}

/// Reads the JSON of the entry in this line of the journal.
///
/// # Errors
/// The entry is of a newer format, or none at all.
pub fn read(json: &str, line: usize) -> Result<Entry, LineError> {
    let entry: EntryV1<'_> = serde_json::from_str(json).map_err(|error| refusal(json, line, &error))?;
    if let EntryV1::Opened { format, .. } = &entry
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

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum EntryV1<'a> {
    Opened {
        #[serde(borrow)]
        format: Cow<'a, str>,
        #[serde(borrow)]
        run: Cow<'a, str>,
        #[serde(borrow)]
        lineage: Cow<'a, str>,
        base_serial: u64,
        tenant: TenantV1<'a>,
        command: Cow<'a, str>,
        at: Cow<'a, str>,
        pid: u32,
    },
    #[serde(borrow)]
    Began(Box<BeganV1<'a>>),
    Succeeded {
        seq: u64,
        id: IdV1,
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        partial_errors: Cow<'a, [String]>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        answered: AnsweredV1,
        at: Cow<'a, str>,
    },
    Failed {
        seq: u64,
        certain: bool,
        message: Cow<'a, str>,
        at: Cow<'a, str>,
    },
    InDoubt {
        seq: u64,
        #[serde(default, skip_serializing_if = "is_nothing")]
        heard: Cow<'a, str>,
        message: Cow<'a, str>,
        at: Cow<'a, str>,
    },
    Adopted {
        #[serde(borrow)]
        record: Box<RecordV1<'a>>,
    },
    Forgot {
        #[serde(borrow)]
        address: Cow<'a, str>,
    },
    Decided {
        seq: u64,
        #[serde(borrow)]
        decision: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<IdV1>,
        #[serde(borrow)]
        by: Cow<'a, str>,
        at: Cow<'a, str>,
    },
    Doubled {
        #[serde(borrow)]
        address: Cow<'a, str>,
        id: IdV1,
    },
    Kept {
        #[serde(borrow)]
        address: Cow<'a, str>,
        id: IdV1,
    },
    Closed {
        serial: u64,
        at: Cow<'a, str>,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BeganV1<'a> {
    seq: u64,
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow)]
    call: Cow<'a, str>,
    #[serde(borrow)]
    digest: DigestsV1<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    spec: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Fields<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tag: Option<PutOnV1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceV1<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known_before: Vec<IdV1>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<IdV1>,
    at: Cow<'a, str>,
}

impl<'a> EntryV1<'a> {
    fn of(entry: &'a Entry) -> Self {
        match entry {
            Entry::Opened { run, lineage, base_serial, tenant, command, at, pid } => EntryV1::Opened {
                format: FORMAT.into(),
                run: run.to_string().into(),
                lineage: lineage.to_string().into(),
                base_serial: *base_serial,
                tenant: TenantV1::of(tenant),
                command: command.into(),
                at: at.into(),
                pid: *pid,
            },
            Entry::Began { seq, address, call, intent } => {
                EntryV1::Began(Box::new(BeganV1::of(*seq, address, *call, intent)))
            }
            Entry::Succeeded { seq, id, partial_errors, answered, at } => EntryV1::Succeeded {
                seq: *seq,
                id: IdV1(*id),
                partial_errors: partial_errors.into(),
                answered: answers_written(answered),
                at: at.into(),
            },
            Entry::Failed { seq, certain, message, at } => {
                EntryV1::Failed { seq: *seq, certain: *certain, message: message.into(), at: at.into() }
            }
            Entry::InDoubt { seq, heard, message, at } => {
                EntryV1::InDoubt { seq: *seq, heard: heard.word().into(), message: message.into(), at: at.into() }
            }
            Entry::Adopted { address, record } => EntryV1::Adopted { record: Box::new(RecordV1::of(address, record)) },
            Entry::Forgot { address } => EntryV1::Forgot { address: address.to_string().into() },
            Entry::Decided { seq, decision, by, at } => {
                let (decision, id) = match decision {
                    Decision::Adopt(id) => ("adopt", Some(IdV1(*id))),
                    Decision::Create => ("create", None),
                    Decision::Forget => ("forget", None),
                };
                let (decision, by) = (decision.into(), by.word().into());
                EntryV1::Decided { seq: *seq, decision, id, by, at: at.into() }
            }
            Entry::Doubled { address, id } => EntryV1::Doubled { address: address.to_string().into(), id: IdV1(*id) },
            Entry::Kept { address, id } => EntryV1::Kept { address: address.to_string().into(), id: IdV1(*id) },
            Entry::Closed { serial, at } => EntryV1::Closed { serial: *serial, at: at.into() },
        }
    }
}

impl<'a> BeganV1<'a> {
    fn of(seq: u64, address: &Address, call: CallKind, intent: &'a Intent) -> Self {
        let Intent { digests, applied, tag, source, names, requester, marker, known_before, replaced, at } = intent;
        let AppliedV1 { spec, salt, fields } = AppliedV1::of(applied);
        BeganV1 {
            seq,
            address: address.to_string().into(),
            call: call.word().into(),
            digest: DigestsV1::of(digests.content, Some(digests.attributes), digests.handling),
            spec,
            salt,
            fields,
            tag: tag.as_ref().map(PutOnV1::of),
            source: source.as_ref().map(SourceV1::of),
            names: names.clone(),
            requester: requester.as_ref().map(Cow::from),
            marker: marker.as_ref().map(Cow::from),
            known_before: known_before.iter().copied().map(IdV1).collect(),
            replaced: replaced.map(IdV1),
            at: at.into(),
        }
    }
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
        EntryV1::Opened { format: _, run, lineage, base_serial, tenant, command, at, pid } => Entry::Opened {
            run: uuid(&run, "run")?,
            lineage: Lineage(uuid(&lineage, "lineage")?),
            base_serial,
            tenant: tenant.into(),
            command: command.into_owned(),
            at: at.into_owned(),
            pid,
        },
        EntryV1::Began(began) => resolve_began(*began)?,
        EntryV1::Succeeded { seq, id, partial_errors, answered, at } => Entry::Succeeded {
            seq,
            id: id.0,
            partial_errors: partial_errors.into_owned(),
            answered: answers_read(answered),
            at: at.into_owned(),
        },
        EntryV1::Failed { seq, certain, message, at } => {
            Entry::Failed { seq, certain, message: message.into_owned(), at: at.into_owned() }
        }
        EntryV1::InDoubt { seq, heard, message, at } => {
            let known = Heard::ALL.into_iter().find(|known| known.word() == heard);
            let heard = known.ok_or_else(|| odd_word("heard", &heard))?;
            Entry::InDoubt { seq, heard, message: message.into_owned(), at: at.into_owned() }
        }
        EntryV1::Adopted { record } => {
            let (address, mut record) = record.resolve(&Arc::default())?;
            check(&mut record.applied)?;
            Entry::Adopted { address, record: Box::new(record) }
        }
        EntryV1::Forgot { address } => Entry::Forgot { address: parse_address(&address)? },
        EntryV1::Decided { seq, decision, id, by, at } => {
            let known_by = [DecidedBy::Machine, DecidedBy::Person].into_iter().find(|known| known.word() == by);
            let decision = match (&*decision, id) {
                ("adopt", Some(id)) => Decision::Adopt(id.0),
                ("create", None) => Decision::Create,
                ("forget", None) => Decision::Forget,
                (word, _) => return Err(odd_word("decision", word)),
            };
            let by = known_by.ok_or_else(|| odd_word("by", &by))?;
            Entry::Decided { seq, decision, by, at: at.into_owned() }
        }
        EntryV1::Doubled { address, id } => Entry::Doubled { address: parse_address(&address)?, id: id.0 },
        EntryV1::Kept { address, id } => Entry::Kept { address: parse_address(&address)?, id: id.0 },
        EntryV1::Closed { serial, at } => Entry::Closed { serial, at: at.into_owned() },
    })
}

fn resolve_began(began: BeganV1<'_>) -> Result<Entry, EntryProblem> {
    // A line is read once, and its spec stays: it has memory of its own.
    let none = Arc::default();
    let mut applied = AppliedV1 { spec: began.spec, salt: began.salt, fields: began.fields }.resolve(&none)?;
    check(&mut applied)?;
    let call = CallKind::ALL.into_iter().find(|call| call.word() == began.call);
    let attributes = began.digest.attributes.as_deref().ok_or(EntryProblem::NoAttributesDigest)?;
    let intent = Intent {
        digests: Digests {
            content: digest(&began.digest.content, "digest.content")?,
            attributes: digest(attributes, "digest.attributes")?,
            handling: began.digest.handling()?,
        },
        applied,
        tag: began.tag.map(PutOnV1::resolve).transpose()?,
        source: began.source.map(Source::from),
        names: began.names,
        requester: began.requester.map(Cow::into_owned),
        marker: began.marker.map(Cow::into_owned),
        known_before: began.known_before.into_iter().map(|id| id.0).collect(),
        replaced: began.replaced.map(|id| id.0),
        at: began.at.into_owned(),
    };
    Ok(Entry::Began {
        seq: began.seq,
        address: parse_address(&began.address)?,
        call: call.ok_or_else(|| odd_word("call", &began.call))?,
        intent: Box::new(intent),
    })
}

fn is_nothing(heard: &str) -> bool {
    heard == Heard::Nothing.word()
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
