//! A saved plan, `dixaform-plan/1`: the JSON form of a plan, read back.
//!
//! What apply needs is read and checked: the fingerprints must be those of what the file says, so a file that was edited is
//! refused. Unknown members are ignored, since a minor version may add some.

use std::sync::Arc;

use serde_json::Value;

use crate::access::RateLimit;
use crate::conversation::{
    Address, AttributeValue, Attributes, CUSTOM_ATTRIBUTES, Conversation, ConversationId, Digests, Kind,
};
use crate::digest::Digest;
use crate::json;
use crate::plan::action::Action;
use crate::plan::change::{Change, Drift, Gone, Orphan, Plan, Read, Step, Summary, Target, fingerprint_of};
use crate::plan::price::Price;
use crate::plan::reason::{Block, Reason};
use crate::source::{Place, Source};
use crate::spec::{NotASpec, Spec, conversation_of};
use crate::state::{Before, Lineage};

/// The value of `format`.
pub const FORMAT: &str = "dixaform-plan/1";

/// Why a text is not a plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    #[error("it is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("its format is `{0}`, and this dixaform knows `{FORMAT}`")]
    Format(String),
    #[error("`{0}` is missing or is not what it must be")]
    Member(String),
    #[error("it was changed since it was saved: the fingerprint of {0} does not fit")]
    Changed(String),
}

/// Reads a saved plan.
///
/// # Errors
/// See [`PlanFileError`].
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    let root = json::parse(text)?;
    let format = text_at(&root, "format")?;
    if format != FORMAT {
        return Err(PlanFileError::Format(format.to_owned()));
    }
    if !is_sealed(text, text_at(&root, "seal")?) {
        return Err(PlanFileError::Changed("the file".into()));
    }
    let tenant = tenant(member(&root, "tenant")?)?;
    let base = member(&root, "base")?;
    let lineage = text_at(base, "lineage")?.parse().map(Lineage).map_err(|_| wrong("base.lineage"))?;
    let changes = list_at(&root, "changes")?.iter().map(change).collect::<Result<Vec<_>, _>>()?;
    let fingerprint = text_at(&root, "fingerprint")?.to_owned();
    if fingerprint != fingerprint_of(&tenant, &changes) {
        return Err(PlanFileError::Changed("the plan".into()));
    }
    let mut summary = Summary::default();
    changes.iter().for_each(|change| summary.add(change));
    let counts = member(&root, "summary")?;
    summary.unchanged = count_at(counts, "unchanged")?;
    summary.left_out = count_at(counts, "leftOut")?;
    let told = |name| list_at(&root, name).map(<[Value]>::iter);
    let not_in_manifests = told("notInManifests")?.map(orphan).collect::<Result<Vec<_>, _>>()?;
    let drift = told("drift")?.map(drift).collect::<Result<_, _>>()?;
    let gone = told("gone")?.map(gone).collect::<Result<Vec<_>, _>>()?;
    let in_doubt = told("inDoubt")?.map(|value| address(value, "inDoubt")).collect::<Result<Vec<_>, _>>()?;
    summary.not_in_manifests = not_in_manifests.len();
    summary.gone = gone.len();
    summary.in_doubt = in_doubt.len();
    let calls = u64::try_from(integer_at(member(&root, "price")?, "calls")?).map_err(|_| wrong("price.calls"))?;
    Ok(Plan {
        lineage,
        serial: u64::try_from(integer_at(base, "serial")?).map_err(|_| wrong("base.serial"))?,
        price: Price::new(calls, tenant.rate_limit),
        reads_before: reads_before(&changes),
        fingerprint,
        tenant,
        changes,
        summary,
        not_in_manifests,
        drift,
        gone,
        in_doubt,
    })
}

fn address(value: &Value, name: &str) -> Result<Address, PlanFileError> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| wrong(name))
}

fn id(value: &Value) -> Result<ConversationId, PlanFileError> {
    integer_at(value, "id").map(ConversationId)
}

fn orphan(value: &Value) -> Result<Orphan, PlanFileError> {
    Ok(Orphan {
        address: address(member(value, "address")?, "address")?,
        id: id(value)?,
        source: source(member(value, "source")?)?,
    })
}

fn drift(value: &Value) -> Result<Drift, PlanFileError> {
    let attribute = |value: &Value| {
        let (recorded, live) = (Some(member(value, "recorded")?.clone()), member(value, "live")?.clone());
        Ok((text_at(value, "id")?.to_owned(), recorded, live))
    };
    let attributes = list_at(value, "attributes")?.iter().map(attribute).collect::<Result<_, PlanFileError>>()?;
    Ok(Drift { address: address(member(value, "address")?, "address")?, id: id(value)?, attributes })
}

fn gone(value: &Value) -> Result<Gone, PlanFileError> {
    Ok(Gone {
        address: address(member(value, "address")?, "address")?,
        id: id(value)?,
        source: source(member(value, "source")?)?,
        anonymized: *member(value, "anonymized")? == Value::Bool(true),
    })
}

/// Whether the seal is that of all the text before it.
fn is_sealed(text: &str, seal: &str) -> bool {
    let before = text.rfind(",\"seal\":").map(|end| &text[..end]);
    before.is_some_and(|before| Digest::of_bytes(before.as_bytes()).to_string() == seal)
}

/// The reads follow from the steps, as when the plan was made.
fn reads_before(changes: &[Change]) -> Vec<Read> {
    crate::plan::planner::reads_before(changes)
}

fn tenant(value: &Value) -> Result<Target, PlanFileError> {
    let limit = member(value, "rateLimit")?;
    Ok(Target {
        name: text_at(value, "name")?.to_owned(),
        base_url: text_at(value, "baseUrl")?.to_owned(),
        organization_id: value.get("organizationId").and_then(Value::as_str).map(str::to_owned),
        rate_limit: RateLimit {
            requests_per_second: float_at(limit, "requestsPerSecond")?,
            burst: u32::try_from(integer_at(limit, "burst")?).map_err(|_| wrong("rateLimit.burst"))?.max(1),
        },
    })
}

fn change(value: &Value) -> Result<Change, PlanFileError> {
    let address = address(member(value, "address")?, "address")?;
    let action = text_at(value, "action")?;
    let action = Action::ALL.into_iter().find(|known| known.word() == action).ok_or_else(|| wrong("action"))?;
    let after = match member(value, "after")? {
        Value::Null => None,
        spec => Some(conversation(spec)?),
    };
    let digests = match member(value, "digest")? {
        Value::Null => None,
        digests => {
            Some(Digests { content: digest_at(digests, "content")?, attributes: digest_at(digests, "attributes")? })
        }
    };
    let id = value.get("id").and_then(as_integer).map(ConversationId);
    let block = block(value, id)?;
    let steps = list_at(value, "steps")?.iter().map(step).collect::<Result<Vec<_>, _>>()?;
    let makes = steps.iter().any(|step| matches!(step, Step::Make(_)));
    let wanted = after.as_ref().map(Conversation::digests);
    // A fingerprint, and with it an approval, is over the digests: they must be those of what is sent.
    if makes != action.makes() || !are_of(digests, wanted, action) {
        return Err(PlanFileError::Changed(address.to_string()));
    }
    let marked = value.get("marked") == Some(&Value::Bool(true));
    let known_otherwise = |after: &Conversation| {
        let listed = steps.iter().any(|step| matches!(step, Step::ListBefore(_)));
        listed || after.first_external_id().is_some() || after.requester_id().is_none()
    };
    // What is made must be known again when its answer is lost: by a mark, or else by something that the steps show.
    if makes && after.as_ref().is_some_and(|after| marked == known_otherwise(after)) {
        return Err(PlanFileError::Changed(address.to_string()));
    }
    let change = Change {
        reason: reason(text_at(value, "reason")?)?,
        source: source(member(value, "source")?)?,
        before: before(member(value, "before")?)?,
        irreversible: makes,
        reaches_customer: makes && after.as_ref().is_some_and(|after| after.facts().reaches_customer),
        marked,
        address,
        action,
        block,
        id,
        after: after.as_ref().map(Spec::of),
        digests,
        steps: steps.into(),
    };
    if text_at(value, "fingerprint")? != change.fingerprint() {
        return Err(PlanFileError::Changed(change.address.to_string()));
    }
    Ok(change)
}

/// Whether these are the digests to record of what is wanted.
fn are_of(recorded: Option<Digests>, wanted: Option<Digests>, action: Action) -> bool {
    match (recorded, wanted) {
        (None, None) => true,
        (Some(recorded), Some(wanted)) => {
            // An update under `dixaform/on-change: ignore` leaves the content of the record as it is, and sends none.
            let same_content = recorded.content == wanted.content || action == Action::Update;
            same_content && recorded.attributes == wanted.attributes
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// What was not kept is null in the file.
fn before(value: &Value) -> Result<Option<Box<Before>>, PlanFileError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(spec) => Ok(Some(Box::new(Before { spec: spec.clone(), withheld: Vec::new() }))),
        _ => Err(wrong("before")),
    }
}

fn conversation(spec: &Value) -> Result<Conversation, PlanFileError> {
    conversation_of(spec.clone()).map_err(|problem| match problem {
        NotASpec::NotAMap => wrong("after"),
        NotASpec::NotJson(_) | NotASpec::Attribute(_) => wrong(CUSTOM_ATTRIBUTES),
    })
}

fn attributes(value: &Value) -> Result<Attributes, PlanFileError> {
    let Value::Object(map) = value else { return Err(wrong(CUSTOM_ATTRIBUTES)) };
    map.iter()
        .map(|(id, value)| {
            let value = AttributeValue::from_value(value).ok_or_else(|| wrong(CUSTOM_ATTRIBUTES))?;
            Ok((id.clone(), value))
        })
        .collect()
}

fn step(value: &Value) -> Result<Step, PlanFileError> {
    let Value::Object(map) = value else { return Err(wrong("steps")) };
    let (name, value) = map.iter().next().ok_or_else(|| wrong("steps"))?;
    Ok(match name.as_str() {
        "make" => {
            let kind = Kind::ALL.into_iter().find(|kind| Some(kind.word()) == value.as_str());
            Step::Make(kind.ok_or_else(|| wrong("steps.make"))?)
        }
        "read" => Step::Read(ConversationId(as_integer(value).ok_or_else(|| wrong("steps.read"))?)),
        "patchAll" => Step::PatchAll,
        "patch" => Step::Patch(attributes(value)?),
        "patchDifferent" => Step::PatchDifferent(attributes(value)?),
        "listBefore" => Step::ListBefore(value.as_str().ok_or_else(|| wrong("steps.listBefore"))?.to_owned()),
        "readBack" => Step::ReadBack,
        other => return Err(wrong(&format!("steps.{other}"))),
    })
}

fn block(value: &Value, id: Option<ConversationId>) -> Result<Option<Block>, PlanFileError> {
    Ok(match value.get("blockedBecause").and_then(Value::as_str) {
        None => None,
        Some("replace-not-allowed") => Some(Block::ReplaceNotAllowed),
        Some("on-change-block") => Some(Block::OnChangeBlock),
        Some("owned-by-another-address") => {
            let owner = text_at(value, "owner")?.parse().map_err(|_| wrong("owner"))?;
            Some(Block::OwnedBy { id: id.ok_or_else(|| wrong("id"))?, owner: Box::new(owner) })
        }
        Some(_) => return Err(wrong("blockedBecause")),
    })
}

fn reason(word: &str) -> Result<Reason, PlanFileError> {
    Reason::ALL.into_iter().find(|reason| reason.word() == word).ok_or_else(|| wrong("reason"))
}

fn source(value: &Value) -> Result<Option<Source>, PlanFileError> {
    if *value == Value::Null {
        return Ok(None);
    }
    let number = |name| u32::try_from(integer_at(value, name)?).map_err(|_| wrong(name));
    let place = Place { line: number("line")?, column: number("column")? };
    Ok(Some(Source { file: Arc::from(text_at(value, "file")?), place }))
}

fn wrong(name: &str) -> PlanFileError {
    PlanFileError::Member(name.to_owned())
}

fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value, PlanFileError> {
    value.get(name).ok_or_else(|| wrong(name))
}

fn text_at<'v>(value: &'v Value, name: &str) -> Result<&'v str, PlanFileError> {
    member(value, name)?.as_str().ok_or_else(|| wrong(name))
}

fn list_at<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], PlanFileError> {
    member(value, name)?.as_array().map(Vec::as_slice).ok_or_else(|| wrong(name))
}

fn digest_at(value: &Value, name: &str) -> Result<Digest, PlanFileError> {
    text_at(value, name)?.parse().map_err(|_| wrong(name))
}

fn as_integer(value: &Value) -> Option<i64> {
    value.as_i64()
}

fn integer_at(value: &Value, name: &str) -> Result<i64, PlanFileError> {
    as_integer(member(value, name)?).ok_or_else(|| wrong(name))
}

fn count_at(value: &Value, name: &str) -> Result<usize, PlanFileError> {
    usize::try_from(integer_at(value, name)?).map_err(|_| wrong(name))
}

fn float_at(value: &Value, name: &str) -> Result<f64, PlanFileError> {
    member(value, name)?.as_f64().filter(|number| *number > 0.0).ok_or_else(|| wrong(name))
}
