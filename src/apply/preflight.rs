//! The reads before the first write: is this the tenant that was meant, and does it know the attributes?

use std::collections::BTreeMap;

use crate::api::contract::{self, CallError, Choice, Definition, Entity, Input, Organization};
use crate::call::Call;
use crate::conversation::{Address, AttributeValue};
use crate::finding::code;
use crate::plan::{Plan, Read, Step};
use crate::spec::Spec;

/// What was found out before the first write.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// None where nobody may know it; see [`organization`].
    pub organization: Option<Organization>,
}

/// Why nothing is sent.
#[derive(Debug)]
pub enum PreflightError {
    /// A read failed.
    Call(Call, CallError),
    /// The token belongs to another organization than the one that the state or the project file names.
    OtherOrganization { expected: String, found: Organization },
    /// A certain organization is expected, and the tenant does not say which it is.
    UnknownOrganization { expected: String, error: CallError },
    /// Attributes that the tenant would refuse.
    Attributes(Vec<Mismatch>),
}

/// One attribute of one change that does not fit the tenant's definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub address: Address,
    pub attribute: String,
    /// A code of [`crate::finding::code`].
    pub code: &'static str,
    pub message: String,
    pub hint: String,
}

/// Makes the reads that the plan has priced.
///
/// # Errors
/// A read failed, or something is not as the plan needs it.
pub async fn preflight<A: contract::Read>(
    api: &A,
    plan: &Plan,
    expected: Option<&str>,
) -> Result<Preflight, PreflightError> {
    let organization = organization(api, expected).await?;
    if plan.reads_before.contains(&Read::Definitions) {
        let definitions = api.definitions().await.map_err(|error| PreflightError::Call(Call::Definitions, error))?;
        let mismatches = mismatches(plan, &definitions);
        if !mismatches.is_empty() {
            return Err(PreflightError::Attributes(mismatches));
        }
    }
    Ok(Preflight { organization })
}

/// Whose tenant it is. None where the token is good and the tenant doesn't say, which is fine as long as nobody expects
/// a certain organization: the call is newer than others, and needs a right of its own.
/// <https://docs.dixa.io/openapi/dixa-api/v1/organization/getorganization>
///
/// # Errors
/// The read failed, or it is not certain that it is the organization that is expected.
pub async fn organization<A: contract::Read>(
    api: &A,
    expected: Option<&str>,
) -> Result<Option<Organization>, PreflightError> {
    let expected = expected.map(str::to_owned);
    match (api.organization().await, expected) {
        (Ok(found), Some(expected)) if found.id != expected => {
            Err(PreflightError::OtherOrganization { expected, found })
        }
        (Ok(found), _) => Ok(Some(found)),
        (Err(error), expected) if error.lacks_right() || error.status() == Some(404) => match expected {
            Some(expected) => Err(PreflightError::UnknownOrganization { expected, error }),
            None => Ok(None),
        },
        (Err(error), _) => Err(PreflightError::Call(Call::Organization, error)),
    }
}

/// Every attribute of the plan that the definitions don't allow.
pub fn mismatches(plan: &Plan, definitions: &[Definition]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let known: BTreeMap<String, &Definition> =
        definitions.iter().map(|definition| (definition.id.to_ascii_lowercase(), definition)).collect();
    for change in plan.changes.iter().filter(|change| change.steps.iter().any(writes_attributes)) {
        let Some(wanted) = change.after.as_ref().map(Spec::conversation) else { continue };
        for (id, value) in &wanted.attributes {
            if !change.steps.iter().any(|step| writes(step, id)) {
                continue;
            }
            if let Err((code, message, hint)) = fits(id, value, known.get(id).copied()) {
                found.push(Mismatch { address: change.address.clone(), attribute: id.clone(), code, message, hint });
            }
        }
    }
    found
}

fn writes_attributes(step: &Step) -> bool {
    matches!(step, Step::PatchAll | Step::Patch(_) | Step::PatchDifferent(_))
}

/// Whether a step writes this attribute of the manifest. What left the manifest and is only cleared is not asked for:
/// it may have lost its definition since.
fn writes(step: &Step, id: &str) -> bool {
    match step {
        Step::PatchAll => true,
        Step::Patch(attributes) | Step::PatchDifferent(attributes) => attributes.contains_key(id),
        Step::Make(_) | Step::Read(_) | Step::ListBefore(_) | Step::ReadBack => false,
    }
}

type Problem = (&'static str, String, String);

fn fits(id: &str, value: &AttributeValue, definition: Option<&Definition>) -> Result<(), Problem> {
    let Some(definition) = definition else {
        let hint = "GET /v1/custom-attributes lists those that the tenant has".to_owned();
        return Err((code::UNKNOWN_ATTRIBUTE, format!("the tenant has no custom attribute `{id}`"), hint));
    };
    let label = &definition.label;
    let unusable = |why: &str| {
        let hint = "use another attribute, or remove it from the manifest".to_owned();
        Err((code::UNUSABLE_ATTRIBUTE, format!("the custom attribute `{id}` (\"{label}\") {why}"), hint))
    };
    if definition.entity != Entity::Conversation {
        return unusable("belongs to contacts, not to conversations");
    }
    if definition.archived {
        return unusable("is archived");
    }
    if definition.deactivated {
        return unusable("is deactivated");
    }
    let mismatch = |message: String, hint: String| Err((code::ATTRIBUTE_MISMATCH, message, hint));
    match (value, &definition.input) {
        (AttributeValue::Clear, _) | (AttributeValue::Text(_), Input::Text) | (_, Input::Other(_)) => Ok(()),
        (AttributeValue::Text(_), Input::Select(choices)) => mismatch(
            format!("\"{label}\" is a Select, and this is text"),
            format!("a list with the path of an option: {}", options(choices)),
        ),
        (AttributeValue::Path(_), Input::Text) => mismatch(
            format!("\"{label}\" is a Text, and this is a list"),
            "write it as one string in quotes".to_owned(),
        ),
        (AttributeValue::Path(path), Input::Select(choices)) => walk(path, choices)
            .map_err(|(message, hint)| (code::ATTRIBUTE_MISMATCH, format!("\"{label}\": {message}"), hint)),
    }
}

/// Follows a path from root to leaf.
fn walk(path: &[String], choices: &[Choice]) -> Result<(), (String, String)> {
    let mut level = choices;
    for step in path {
        let Some(choice) = level.iter().find(|choice| choice.value == *step) else {
            let hint = match crate::finding::closest(step, level.iter().map(|choice| choice.value.as_str())) {
                Some(known) => format!("did you mean `{known}`?"),
                None if level.is_empty() => "the path ends before it".to_owned(),
                None => format!("one of {}", options(level)),
            };
            return Err((format!("there is no option `{step}`"), hint));
        };
        if choice.deactivated {
            return Err((format!("the option `{step}` is deactivated"), format!("one of {}", options(level))));
        }
        level = &choice.nested;
    }
    if level.iter().any(|choice| !choice.deactivated) {
        let hint = format!("go on with one of {}", options(level));
        return Err(("the path must end at an option without further options".to_owned(), hint));
    }
    Ok(())
}

/// Up to eight options that can be chosen.
fn options(choices: &[Choice]) -> String {
    let values: Vec<_> =
        choices.iter().filter(|choice| !choice.deactivated).map(|choice| format!("`{}`", choice.value)).collect();
    let more = if values.len() > 8 { ", …" } else { "" };
    format!("{}{more}", values.into_iter().take(8).collect::<Vec<_>>().join(", "))
}
