//! A plan as JSON, `dixaform-plan/1`, printed or saved, and read back. The same structs write it, read it and make its
//! schema; members are in the order of declaration. A minor addition is a new member; anything else is a new number.
//!
//! A saved plan that was edited is refused: its seal is over all of the text before it, and its fingerprints must be
//! those of what it says. Members that this version does not know are ignored: one that must be understood needs a new
//! number.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::access::RateLimit;
use crate::conversation::{Conversation, Digests, Kind};
use crate::desired::Named;
use crate::digest::Digest;
use crate::json;
use crate::name::Name;
use crate::plan::change::{Change, Gone, Orphan, Plan, Renamed, Step, Summary, Target, fingerprint_of};
use crate::plan::drift_v1::{DeviationV1, DriftV1};
use crate::plan::json_parts::{AddressV1, DigestV1, IdV1, LineageV1, SealV1, exact, or_null};
use crate::plan::steps_v1::StepV1;
use crate::plan::{Action, Block, Price, Reason, planner};
use crate::source::{Place, Source};
use crate::spec::{Spec, conversation_of};
use crate::state::{Before, Lineage};

/// The value of `format`.
pub const FORMAT: &str = "dixaform-plan/1";

/// The value of `tool`.
pub const TOOL: &str = concat!("dixaform ", env!("CARGO_PKG_VERSION"));

/// Why a text is not a plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    #[error("it is not JSON: {0}")]
    NotJson(serde_json::Error),
    #[error("its format is `{0}`, but this dixaform reads `{FORMAT}`")]
    Format(String),
    #[error("it is not a whole plan: {0}")]
    Form(serde_json::Error),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` is not what it must be")]
    Member(&'static str),
    #[error("it was changed since it was saved: the fingerprint of {0} does not fit")]
    Changed(String),
}

/// The whole document; specs are read as `S`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanV1<S> {
    #[schemars(extend("const" = FORMAT))]
    format: String,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: String,
    tenant: TenantV1,
    base: BaseV1,
    /// In the order in which they are applied
    changes: Vec<ChangeV1<S>>,
    /// Records without a manifest, which are left alone
    not_in_manifests: Vec<OrphanV1>,
    /// Manifests that may have been renamed: they have the content of a record without a manifest
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    renamed: Vec<RenamedV1>,
    /// What was changed outside of dixaform
    drift: Vec<DriftV1>,
    /// How many conversations of the state were read, and compared
    #[serde(default, skip_serializing_if = "is_zero")]
    observed: usize,
    /// Conversations that are no longer there
    gone: Vec<GoneV1>,
    /// Addresses with a call whose end is unknown
    in_doubt: Vec<AddressV1>,
    summary: Summary,
    price: Price,
    /// A short digest of what would be done
    #[schemars(length(min = 1))]
    fingerprint: String,
    /// The SHA-256 of all of the text before this member
    seal: DigestV1,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "planTenant")]
struct TenantV1 {
    #[serde(flatten)]
    name: TenantNameV1,
    rate_limit: RateLimitV1,
}

/// What tells one tenant from another.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "tenant")]
pub struct TenantNameV1 {
    #[schemars(length(min = 1))]
    name: String,
    #[schemars(length(min = 1))]
    base_url: String,
    /// Null as long as it is unknown
    #[serde(deserialize_with = "or_null")]
    organization_id: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "rateLimit")]
struct RateLimitV1 {
    #[serde(serialize_with = "exact")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    requests_per_second: f64,
    #[schemars(range(min = 0))]
    burst: u32,
}

/// The state that a plan was made for
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "base")]
pub struct BaseV1 {
    lineage: LineageV1,
    #[schemars(range(min = 0))]
    serial: u64,
    /// The seal of its file; left out where there was none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<SealV1>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
#[schemars(rename = "change")]
struct ChangeV1<S> {
    address: AddressV1,
    action: Action,
    reason: Reason,
    /// The address that its manifest says it had before, if the state has no record of the new one; where the action is
    /// `move`, `update` or `replace`, its record moves from there
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_from: Option<AddressV1>,
    /// Where its manifest is
    #[serde(deserialize_with = "or_null")]
    source: Option<SourceV1>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    /// Dixa's id of the conversation that exists
    #[serde(deserialize_with = "or_null")]
    id: Option<IdV1>,
    /// As far as it is known
    #[serde(deserialize_with = "or_null")]
    before: Option<S>,
    #[serde(deserialize_with = "or_null")]
    after: Option<S>,
    calls: Vec<CallV1>,
    /// It makes a conversation, which can't be deleted
    irreversible: bool,
    /// It sends a message to a person
    reaches_customer: bool,
    /// Apply refuses the plan because of it
    blocked: bool,
    #[serde(deserialize_with = "or_null")]
    blocked_because: Option<BlockV1>,
    /// Who manages the conversation that a blocked change would adopt
    #[serde(deserialize_with = "or_null")]
    owner: Option<AddressV1>,
    /// What is otherwise in the conversation that would be adopted; only where that was read
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Vec<DeviationV1>>,
    /// What people call the things that it refers to, by their ids; only with a catalog
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<String, String>,
    /// The names in `after` whose ids are not known yet
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unresolved: Vec<NamedV1>,
    /// The ids that took the place of names in `after`, by these
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    resolved: BTreeMap<String, String>,
    /// The first message gets an `externalId` of dixaform's own
    marked: bool,
    /// The digests to record when it is done
    #[serde(deserialize_with = "or_null")]
    digest: Option<DigestsV1>,
    /// What apply does, in this order
    steps: Vec<StepV1>,
    /// A short digest of what it does
    #[schemars(length(min = 1))]
    fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "call")]
struct CallV1 {
    #[schemars(extend("enum" = ["GET", "POST", "PATCH", "PUT", "DELETE"]))]
    method: String,
    path: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "block")]
enum BlockV1 {
    ReplaceNotAllowed,
    OnChangeBlock,
    OwnedByAnotherAddress,
    AdoptsNothing,
    AdoptsAnonymized,
    AdoptsAnother,
}

/// A name, and where it was written first
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "named")]
struct NamedV1 {
    /// What kind of name it is, and the text: `email:jane@example.com`
    #[schemars(length(min = 1))]
    name: String,
    /// The manifest that describes the end user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<AddressV1>,
    #[schemars(range(min = 1))]
    line: u32,
    #[schemars(range(min = 1))]
    column: u32,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "digests")]
struct DigestsV1 {
    content: DigestV1,
    attributes: DigestV1,
    /// Of tags, queue, assignee and state; left out where the manifest has none of them
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handling: Option<DigestV1>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "orphan")]
struct OrphanV1 {
    address: AddressV1,
    id: IdV1,
    #[serde(deserialize_with = "or_null")]
    source: Option<SourceV1>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "renamed")]
struct RenamedV1 {
    /// The record
    from: AddressV1,
    /// The manifest
    to: AddressV1,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "gone")]
struct GoneV1 {
    address: AddressV1,
    id: IdV1,
    #[serde(deserialize_with = "or_null")]
    source: Option<SourceV1>,
    /// It exists, and its content is gone for good
    anonymized: bool,
}

/// A place in a file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "source")]
pub struct SourceV1 {
    file: String,
    #[schemars(range(min = 1))]
    line: u32,
    #[schemars(range(min = 1))]
    column: u32,
}

// Writing.

/// What is above the changes of a plan, and what is below them, without the seal and the brace behind it.
pub fn frame(plan: &Plan) -> (String, String) {
    let Plan {
        tenant, not_in_manifests, renamed, drift, observed, gone, in_doubt, summary, price, fingerprint, ..
    } = plan;
    let file: PlanV1<Map<String, Value>> = PlanV1 {
        format: FORMAT.to_owned(),
        tool: TOOL.to_owned(),
        tenant: TenantV1 {
            name: tenant.into(),
            rate_limit: RateLimitV1 {
                requests_per_second: tenant.rate_limit.requests_per_second,
                burst: tenant.rate_limit.burst,
            },
        },
        base: plan.into(),
        changes: Vec::new(),
        not_in_manifests: not_in_manifests.iter().map(OrphanV1::from).collect(),
        renamed: renamed.iter().map(|one| RenamedV1 { from: (&one.from).into(), to: (&one.to).into() }).collect(),
        drift: drift.iter().map(DriftV1::from).collect(),
        observed: *observed,
        gone: gone.iter().map(GoneV1::from).collect(),
        in_doubt: in_doubt.iter().map(AddressV1::from).collect(),
        summary: *summary,
        price: *price,
        fingerprint: fingerprint.clone(),
        seal: DigestV1(Digest::of_bytes(b"")),
    };
    let text = json_of(&file);
    // In a string these quotes would be escaped.
    let (above, below) = text.split_once(r#""changes":[]"#).unwrap_or_default();
    let below = below.rfind(SEAL).map_or(below, |end| &below[..end]);
    (format!("{above}\"changes\":["), format!("]{below}"))
}

/// One change on one line.
pub fn change(change: &Change) -> String {
    json_of(&ChangeV1::from(change))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are texts, and nothing else can fail")
}

/// What is before the digest of the seal.
pub const SEAL: &str = ",\"seal\":";

impl From<&Target> for TenantNameV1 {
    fn from(Target { name, base_url, organization_id, rate_limit: _ }: &Target) -> Self {
        TenantNameV1 { name: name.clone(), base_url: base_url.clone(), organization_id: organization_id.clone() }
    }
}

impl From<&Plan> for BaseV1 {
    fn from(plan: &Plan) -> Self {
        BaseV1 { lineage: LineageV1(plan.lineage.0), serial: plan.serial, seal: plan.seal.map(SealV1) }
    }
}

impl From<&Change> for ChangeV1<Box<RawValue>> {
    fn from(change: &Change) -> Self {
        let raw = |text: String| RawValue::from_string(text).ok();
        let calls = change.calls().map(|call| CallV1 { method: call.method().to_owned(), path: call.path() });
        let (blocked_because, owner) = match &change.block {
            None => (None, None),
            Some(Block::ReplaceNotAllowed) => (Some(BlockV1::ReplaceNotAllowed), None),
            Some(Block::OnChangeBlock) => (Some(BlockV1::OnChangeBlock), None),
            Some(Block::AdoptsNothing { .. }) => (Some(BlockV1::AdoptsNothing), None),
            Some(Block::AdoptsAnonymized { .. }) => (Some(BlockV1::AdoptsAnonymized), None),
            Some(Block::AdoptsAnother { .. }) => (Some(BlockV1::AdoptsAnother), None),
            Some(Block::OwnedBy { owner, .. }) => {
                (Some(BlockV1::OwnedByAnotherAddress), Some(AddressV1::from(&**owner)))
            }
        };
        ChangeV1 {
            address: (&change.address).into(),
            action: change.action,
            reason: change.reason,
            moved_from: change.moved_from.as_ref().map(AddressV1::from),
            source: change.source.as_ref().map(SourceV1::from),
            labels: change.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            id: change.id.map(IdV1),
            before: change.before.as_ref().and_then(|before| raw(json_of(&before.spec))),
            after: change.after.as_ref().and_then(|after| raw(after.json().to_owned())),
            calls: calls.collect(),
            irreversible: change.irreversible,
            reaches_customer: change.reaches_customer,
            blocked: change.block.is_some(),
            blocked_because,
            owner,
            found: change.found.as_ref().map(|found| found.iter().map(DeviationV1::from).collect()),
            names: change.called.clone(),
            unresolved: change.names.iter().map(NamedV1::from).collect(),
            resolved: change.ids.iter().map(|(name, id)| (name.to_string(), id.clone())).collect(),
            marked: change.marked,
            digest: change.digests.map(|Digests { content, attributes, handling }| DigestsV1 {
                content: DigestV1(content),
                attributes: DigestV1(attributes),
                handling: handling.map(DigestV1),
            }),
            steps: change.steps.iter().map(StepV1::from).collect(),
            fingerprint: change.fingerprint(),
        }
    }
}

impl From<&Source> for SourceV1 {
    fn from(Source { file, place }: &Source) -> Self {
        SourceV1 { file: file.to_string(), line: place.line, column: place.column }
    }
}

impl From<(&Name, &Named)> for NamedV1 {
    fn from((name, Named { place, manifest }): (&Name, &Named)) -> Self {
        let manifest = manifest.as_ref().map(AddressV1::from);
        NamedV1 { name: name.to_string(), manifest, line: place.line, column: place.column }
    }
}

impl From<&Orphan> for OrphanV1 {
    fn from(Orphan { address, id, source }: &Orphan) -> Self {
        OrphanV1 { address: address.into(), id: IdV1(*id), source: source.as_ref().map(SourceV1::from) }
    }
}

impl From<&Gone> for GoneV1 {
    fn from(Gone { address, id, source, anonymized }: &Gone) -> Self {
        let source = source.as_ref().map(SourceV1::from);
        GoneV1 { address: address.into(), id: IdV1(*id), source, anonymized: *anonymized }
    }
}

// Reading.

/// Reads a saved plan.
///
/// # Errors
/// See [`PlanFileError`].
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    let root = json::parse(text).map_err(PlanFileError::NotJson)?;
    match root.get("format") {
        Some(Value::String(format)) if format == FORMAT => {}
        Some(Value::String(other)) => return Err(PlanFileError::Format(other.clone())),
        Some(_) => return Err(PlanFileError::Member("format")),
        None => return Err(PlanFileError::Missing("format")),
    }
    let file: PlanV1<Map<String, Value>> = serde_json::from_value(root).map_err(PlanFileError::Form)?;
    let sealed = text.rfind(SEAL).map(|end| Digest::of_bytes(&text.as_bytes()[..end]));
    if sealed != Some(file.seal.0) {
        return Err(PlanFileError::Changed("the file".into()));
    }
    let RateLimitV1 { requests_per_second, burst } = file.tenant.rate_limit;
    if !(requests_per_second > 0.0 && requests_per_second.is_finite()) {
        return Err(PlanFileError::Member("requestsPerSecond"));
    }
    let rate_limit = RateLimit { requests_per_second, burst: burst.max(1) };
    let TenantNameV1 { name, base_url, organization_id } = file.tenant.name;
    let tenant = Target { name, base_url, organization_id, rate_limit };
    let changes = file.changes.into_iter().map(ChangeV1::read).collect::<Result<Vec<_>, _>>()?;
    if file.fingerprint != fingerprint_of(&tenant, &changes) {
        return Err(PlanFileError::Changed("the plan".into()));
    }
    let mut summary = Summary {
        unchanged: file.summary.unchanged,
        left_out: file.summary.left_out,
        not_in_manifests: file.not_in_manifests.len(),
        gone: file.gone.len(),
        in_doubt: file.in_doubt.len(),
        ..Summary::default()
    };
    changes.iter().for_each(|change| summary.add(change));
    Ok(Plan {
        lineage: Lineage(file.base.lineage.0),
        serial: file.base.serial,
        seal: file.base.seal.map(|SealV1(seal)| seal),
        price: Price::new(file.price.calls, rate_limit),
        // They follow from the steps, as when the plan was made.
        reads_before: planner::reads_before(&changes),
        fingerprint: file.fingerprint,
        tenant,
        changes,
        summary,
        not_in_manifests: file.not_in_manifests.into_iter().map(OrphanV1::read).collect(),
        renamed: file.renamed.into_iter().map(|one| Renamed { from: one.from.0, to: one.to.0 }).collect(),
        drift: file.drift.into_iter().map(DriftV1::read).collect(),
        observed: file.observed,
        gone: file.gone.into_iter().map(GoneV1::read).collect(),
        in_doubt: file.in_doubt.into_iter().map(|address| address.0).collect(),
    })
}

impl ChangeV1<Map<String, Value>> {
    fn read(self) -> Result<Change, PlanFileError> {
        let id = self.id.map(|id| id.0);
        let block = match (self.blocked_because, self.owner, id) {
            (None, ..) => None,
            (Some(BlockV1::ReplaceNotAllowed), ..) => Some(Block::ReplaceNotAllowed),
            (Some(BlockV1::OnChangeBlock), ..) => Some(Block::OnChangeBlock),
            (Some(BlockV1::OwnedByAnotherAddress), Some(owner), Some(id)) => {
                Some(Block::OwnedBy { id, owner: Box::new(owner.0) })
            }
            (Some(BlockV1::AdoptsNothing), _, Some(id)) => Some(Block::AdoptsNothing { id }),
            (Some(BlockV1::AdoptsAnonymized), _, Some(id)) => Some(Block::AdoptsAnonymized { id }),
            (Some(BlockV1::AdoptsAnother), _, Some(id)) => Some(Block::AdoptsAnother { id }),
            (Some(_), owner, _) => {
                return Err(PlanFileError::Missing(if owner.is_none() { "owner" } else { "id" }));
            }
        };
        let after = self.after.map(|spec| conversation_of(Value::Object(spec))).transpose();
        let after = after.map_err(|_| PlanFileError::Member("after"))?;
        let steps = self.steps.into_iter().map(StepV1::read).collect::<Option<Vec<_>>>();
        let steps = steps.ok_or(PlanFileError::Member("steps"))?;
        let kind = self.address.0.kind;
        let names = self.unresolved.into_iter().map(NamedV1::read).collect::<Option<_>>();
        let names = names.ok_or(PlanFileError::Member("unresolved"))?;
        let ids = self.resolved.into_iter().map(|(name, id)| Some((name.parse().ok()?, id))).collect::<Option<_>>();
        let ids = ids.ok_or(PlanFileError::Member("resolved"))?;
        let change = Change {
            address: self.address.0,
            action: self.action,
            reason: self.reason,
            block,
            moved_from: self.moved_from.map(|address| address.0),
            source: self.source.map(SourceV1::read),
            labels: self.labels.into_iter().collect(),
            id,
            before: self.before.map(|spec| Box::new(Before { spec, withheld: Vec::new() })),
            digests: self.digest.map(|DigestsV1 { content, attributes, handling }| Digests {
                content: content.0,
                attributes: attributes.0,
                handling: handling.map(|digest| digest.0),
            }),
            irreversible: self.action.makes(),
            reaches_customer: self.action.makes()
                && after.as_ref().is_some_and(|after| after.facts(kind).reaches_customer),
            found: self.found.map(|found| found.into_iter().map(DeviationV1::read).collect()),
            called: self.names,
            names,
            ids,
            marked: self.marked,
            after: after.as_ref().map(Spec::of),
            steps: steps.into(),
        };
        if is_consistent(&change, after.as_ref()) && self.fingerprint == change.fingerprint() {
            Ok(change)
        } else {
            Err(PlanFileError::Changed(change.address.to_string()))
        }
    }
}

/// Whether a change is one that could have been planned. A fingerprint, and with it an approval, is over the digests:
/// they must be those of what is sent.
fn is_consistent(change: &Change, after: Option<&Conversation>) -> bool {
    let makes = change.steps.iter().any(|step| matches!(step, Step::Make(_)));
    let digests_fit = match (change.digests, after.map(Conversation::digests)) {
        (None, None) => true,
        (Some(recorded), Some(wanted)) => {
            // Under `dixaform/on-change: ignore` these leave the content of the record as it is, and send none.
            let keeps_content = matches!(change.action, Action::Update | Action::Move);
            let same_content = recorded.content == wanted.content || keeps_content;
            let same_rest = (recorded.attributes, recorded.handling) == (wanted.attributes, wanted.handling);
            same_content && same_rest
        }
        (None, Some(_)) | (Some(_), None) => false,
    };
    let kind = change.address.kind;
    let known_otherwise = |after: &Conversation| {
        if kind == Kind::EndUser {
            // Without a mark of any kind it is looked up by its address or number, and not found without those either.
            return after.external_id(kind).is_some() || !change.marked;
        }
        let listed = change.steps.iter().any(|step| matches!(step, Step::ListBefore(_)));
        listed || after.external_id(kind).is_some()
    };
    // What is made must be known again when its answer is lost: by a mark, or else by something that the steps show.
    let found_again = !makes || after.is_none_or(|after| change.marked != known_otherwise(after));
    let moves = change.action != Action::Move || change.moved().is_some() && change.steps.is_empty();
    makes == change.action.makes() && digests_fit && found_again && moves
}

impl SourceV1 {
    fn read(self) -> Source {
        Source { file: Arc::from(self.file), place: Place { line: self.line, column: self.column } }
    }
}

impl NamedV1 {
    fn read(self) -> Option<(Name, Named)> {
        let place = Place { line: self.line, column: self.column };
        Some((self.name.parse().ok()?, Named { place, manifest: self.manifest.map(|address| address.0) }))
    }
}

impl OrphanV1 {
    fn read(self) -> Orphan {
        Orphan { address: self.address.0, id: self.id.0, source: self.source.map(SourceV1::read) }
    }
}

impl GoneV1 {
    fn read(self) -> Gone {
        let Self { address, id, source, anonymized } = self;
        Gone { address: address.0, id: id.0, source: source.map(SourceV1::read), anonymized }
    }
}
