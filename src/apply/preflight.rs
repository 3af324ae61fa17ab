//! The reads before the first write: is this the tenant that was meant, and does it know the attributes?

use std::collections::BTreeMap;

use crate::api::contract::{self, CallError, Organization};
use crate::call::Call;
use crate::conversation::Address;
use crate::definition::{Definition, Misfit, misfit};
use crate::finding::Severity;
use crate::plan::{Plan, Read, Step};
use crate::spec::Spec;

/// What was found out before the first write.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// None where nobody may know it; see [`organization`].
    pub organization: Option<Organization>,
    /// What is suspicious about attributes, and is left to Dixa to decide.
    pub suspicions: Vec<Mismatch>,
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
    /// Attributes of which the tenant would refuse at least one.
    Attributes(Vec<Mismatch>),
}

/// One attribute of one change that does not fit the tenant's definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub address: Address,
    pub attribute: String,
    pub misfit: Misfit,
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
    let mut suspicions = Vec::new();
    if plan.reads_before.contains(&Read::Definitions) {
        let definitions = api.definitions().await.map_err(|error| PreflightError::Call(Call::Definitions, error))?;
        suspicions = mismatches(plan, &definitions);
        if suspicions.iter().any(|mismatch| mismatch.misfit.severity == Severity::Error) {
            return Err(PreflightError::Attributes(suspicions));
        }
    }
    Ok(Preflight { organization, suspicions })
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

/// Every attribute of the plan that is not as the definitions have it.
pub fn mismatches(plan: &Plan, definitions: &[Definition]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let known: BTreeMap<String, &Definition> =
        definitions.iter().map(|definition| (definition.id.to_ascii_lowercase(), definition)).collect();
    for change in plan.changes.iter().filter(|change| change.steps.iter().any(Step::writes_attributes)) {
        let Some(wanted) = change.after.as_ref().map(Spec::conversation) else { continue };
        for (id, value) in &wanted.attributes {
            if !change.steps.iter().any(|step| writes(step, id)) {
                continue;
            }
            if let Some(misfit) = misfit(id, value, known.get(id).copied()) {
                found.push(Mismatch { address: change.address.clone(), attribute: id.clone(), misfit });
            }
        }
    }
    found
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
