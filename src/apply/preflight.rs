//! The reads before the first write: is this the tenant that was meant, and does it know the attributes?

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::api::contract::{self, CallError, Organization};
use crate::apply::names::{Asked, Unknown};
use crate::apply::tags::Tags;
use crate::call::Call;
use crate::conversation::{Address, CUSTOM_ATTRIBUTES};
use crate::definition::{Definition, Misfit, misfit};
use crate::finding::{Severity, code};
use crate::handling::{self, Setting};
use crate::plan::{Needs, Plan, Read, Step, waits_in_vain};
use crate::spec::Spec;
use crate::state::State;

/// Why nothing is sent.
#[derive(Debug)]
pub enum PreflightError {
    /// A read failed.
    Call(Call, CallError),
    /// The token belongs to another organization than the one that the state or the project file names.
    OtherOrganization { expected: String, found: Organization },
    /// A certain organization is expected, and the tenant does not say which it is.
    UnknownOrganization { expected: String, error: CallError },
    /// The tenant lacks what changes refer to, or would refuse some of it.
    Lacking(Lacking),
    /// An end user that is neither there nor made by the plan, and a change that needs it.
    NoEndUser { address: Address, needs: Address },
}

/// All that keeps a plan from being applied to a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// What changes refer to, and what is not there, or is there several times.
    pub missing: Vec<Unknown>,
    /// Attributes and tags that do not fit what the tenant has; those that are only suspicious among them.
    pub mismatches: Vec<Mismatch>,
}

impl Lacking {
    /// Whether nothing can be sent.
    pub fn is_fatal(&self) -> bool {
        !self.missing.is_empty() || self.refused(|_| true) > 0
    }

    /// How many attributes or tags the tenant would refuse.
    pub fn refused(&self, is_counted: impl Fn(&Mismatch) -> bool) -> usize {
        let is_wrong = |one: &&Mismatch| one.misfit.severity == Severity::Error && is_counted(one);
        self.mismatches.iter().filter(is_wrong).count()
    }
}

/// What is known once the tenant has all that a plan needs.
#[derive(Debug)]
pub struct Ready<'p> {
    /// With ids in the place of names.
    pub plan: Cow<'p, Plan>,
    /// Tags of the tenant that the plan may need.
    pub tags: Tags,
    /// What is suspicious about attributes, and is left to Dixa to decide.
    pub suspicions: Vec<Mismatch>,
}

/// One attribute or tag of one change that does not fit what the tenant has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub address: Address,
    /// The member of the spec that has it.
    pub member: &'static str,
    /// The id of the attribute, or the name of the tag.
    pub name: String,
    pub misfit: Misfit,
}

/// Asks the tenant whether it has all that a plan refers to, and whether it would take its attributes and tags.
///
/// # Errors
/// A read failed, or something is missing or would be refused: all of it is given at once.
pub async fn check<'p, A: contract::ReadCatalog>(
    api: &A,
    plan: &'p Plan,
    asked: &mut Asked,
) -> Result<Ready<'p>, PreflightError> {
    let needs = Needs::of(&plan.changes);
    let missing = if needs.is_empty() { Vec::new() } else { asked.ask(api, &needs).await.map_err(failed)? };
    check_rest(api, plan, asked, missing).await
}

/// [`check`], once it was asked for what the plan refers to: `missing` is what is not there.
///
/// # Errors
/// As of [`check`].
pub async fn check_rest<'p, A: contract::ReadCatalog>(
    api: &A,
    plan: &'p Plan,
    asked: &mut Asked,
    missing: Vec<Unknown>,
) -> Result<Ready<'p>, PreflightError> {
    let plan = if asked.ids().is_empty() { Cow::Borrowed(plan) } else { Cow::Owned(plan.with_ids(asked.ids())) };
    let (mut mismatches, tags) = match unfit(api, &plan, asked).await {
        // What is missing is known, and reason enough.
        Err(_) if !missing.is_empty() => Default::default(),
        unfit => unfit?,
    };
    // An identifier that is not there is missing, and is no id that does not fit.
    let is_missing = |one: &Mismatch| missing.iter().any(|unknown| unknown.need.is_attribute(&one.name));
    mismatches.retain(|one| !is_missing(one));
    let lacking = Lacking { missing, mismatches };
    match lacking.is_fatal() {
        true => Err(PreflightError::Lacking(lacking)),
        false => Ok(Ready { plan, tags, suspicions: lacking.mismatches }),
    }
}

fn failed((call, error): (Call, CallError)) -> PreflightError {
    PreflightError::Call(call, error)
}

/// What of a plan does not fit the definitions and the tags of the tenant, and those tags.
async fn unfit<A: contract::ReadCatalog>(
    api: &A,
    plan: &Plan,
    asked: &mut Asked,
) -> Result<(Vec<Mismatch>, Tags), PreflightError> {
    let definitions = match plan.changes.iter().flat_map(|change| &*change.steps).any(Step::writes_attributes) {
        true => asked.definitions(api).await.map_err(failed)?,
        false => &[],
    };
    let mut found = mismatches(plan, definitions);
    let (tags, inactive) = tags(api, plan).await?;
    found.extend(inactive);
    Ok((found, tags))
}

/// Whether each end user that changes need is there, or made by the plan.
///
/// # Errors
/// One is not.
pub fn end_users(plan: &Plan, state: &State) -> Result<(), PreflightError> {
    match waits_in_vain(plan, |address| state.records.contains_key(address)) {
        Some((change, needs)) => {
            Err(PreflightError::NoEndUser { address: change.address.clone(), needs: needs.clone() })
        }
        None => Ok(()),
    }
}

/// The tags of the tenant, if the plan puts some on, and the inactive ones that it would put on. Those that are not
/// there are made on the way.
///
/// # Errors
/// The read failed.
pub async fn tags<A: contract::Read>(api: &A, plan: &Plan) -> Result<(Tags, Vec<Mismatch>), PreflightError> {
    if !plan.reads_before.contains(&Read::Tags) {
        return Ok((Tags::default(), Vec::new()));
    }
    let tags = api.tags().await.map_err(|error| PreflightError::Call(Call::Tags, error))?;
    let inactive: BTreeSet<&str> = tags.iter().filter(|tag| !tag.active).map(|tag| tag.name.as_str()).collect();
    let mut found = Vec::new();
    for change in &plan.changes {
        let put = change.steps.iter().filter_map(|step| match step {
            Step::Set(Setting::PutTag(name)) => Some(name),
            _ => None,
        });
        found.extend(put.filter(|name| inactive.contains(name.as_str())).map(|name| Mismatch {
            address: change.address.clone(),
            member: handling::TAGS,
            name: name.clone(),
            misfit: Misfit {
                code: code::INACTIVE_TAG,
                severity: Severity::Error,
                message: format!("the tag `{name}` is inactive"),
                hint: "activate it in Dixa, or leave it out".to_owned(),
            },
        }));
    }
    Ok((Tags::new(tags.into_iter().map(|tag| (tag.name, tag.id))), found))
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
    match api.organization().await {
        Ok(found) => is_expected(found, expected).map(Some),
        Err(error) if error.lacks_right() || error.status() == Some(404) => match expected {
            Some(expected) => Err(PreflightError::UnknownOrganization { expected: expected.to_owned(), error }),
            None => Ok(None),
        },
        Err(error) => Err(PreflightError::Call(Call::Organization, error)),
    }
}

/// The organization, if it is the one that is expected.
///
/// # Errors
/// It is another one.
pub fn is_expected(found: Organization, expected: Option<&str>) -> Result<Organization, PreflightError> {
    match expected.filter(|expected| *expected != found.id) {
        Some(expected) => Err(PreflightError::OtherOrganization { expected: expected.to_owned(), found }),
        None => Ok(found),
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
            if let Some(misfit) = misfit(change.address.kind, id, value, known.get(id).copied()) {
                let (address, name) = (change.address.clone(), id.clone());
                found.push(Mismatch { address, member: CUSTOM_ATTRIBUTES, name, misfit });
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
        Step::Make(_)
        | Step::Find(_)
        | Step::Read(_)
        | Step::Change(_)
        | Step::ChangeDifferent
        | Step::ListBefore(_)
        | Step::ReadBack
        | Step::ReadTagsBack
        | Step::LookAt
        | Step::LookAtTags
        | Step::Set(_) => false,
    }
}
