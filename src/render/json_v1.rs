//! The JSON form of a plan, `dixaform-plan/1`. A minor addition is a new member; anything else is a new number.

use std::borrow::Cow;

use crate::conversation::{Digests, attributes_to_map};
use crate::digest::Digester;
use crate::plan::json_value::{self as shown, Map, Number, Value};
use crate::plan::{Block, Change, Drift, Gone, Orphan, Plan, Price, Step, Summary, Target};
use crate::render::escape::escape_json;
use crate::render::pieces::{Pieces, of_changes};
use crate::source::Source;

/// A plan as one JSON document, a change a line, with a newline at the end. Characters that hide or turn text are
/// written as `\uXXXX`.
pub fn plan(plan: &Plan) -> String {
    pieces(plan).whole()
}

/// The document in pieces.
pub fn pieces(plan: &Plan) -> Pieces<'_> {
    let changes = of_changes(&plan.changes, |index, each, out| {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        append_change(each, out);
    });
    let parts = std::iter::once(above(plan)).chain(changes).chain(std::iter::once_with(|| below(plan)));
    let mut parts = parts.map(|part| match escape_json(&part) {
        Cow::Borrowed(_) => part,
        Cow::Owned(escaped) => escaped,
    });
    let mut sealing = Some(Digester::default());
    Pieces::new(std::iter::from_fn(move || match parts.next() {
        Some(part) => {
            sealing.as_mut()?.update(part.as_bytes());
            Some(part)
        }
        // Over all of the text before it: a saved plan that was edited anywhere is refused.
        None => sealing.take().map(|sealing| format!(",\"seal\":\"{}\"}}\n", sealing.finish())),
    }))
}

/// What stands above the changes.
fn above(plan: &Plan) -> String {
    let mut out = String::from("{");
    member(&mut out, "format", &Value::text("dixaform-plan/1"));
    member(&mut out, "tool", &Value::text(concat!("dixaform ", env!("CARGO_PKG_VERSION"))));
    member(&mut out, "tenant", &tenant(&plan.tenant));
    member(&mut out, "base", &base(plan));
    out.push_str(",\"changes\":[");
    out
}

/// What stands below the changes, without the seal.
fn below(plan: &Plan) -> String {
    let mut out = String::from(if plan.changes.is_empty() { "]" } else { "\n]" });
    let list = |items: Vec<Value>| Value::List(items);
    member(&mut out, "notInManifests", &list(plan.not_in_manifests.iter().map(orphan).collect()));
    member(&mut out, "drift", &list(plan.drift.iter().map(drift).collect()));
    member(&mut out, "gone", &list(plan.gone.iter().map(gone).collect()));
    member(&mut out, "inDoubt", &list(plan.in_doubt.iter().map(|address| Value::text(address.to_string())).collect()));
    member(&mut out, "summary", &summary(&plan.summary));
    member(&mut out, "price", &price(&plan.price));
    member(&mut out, "fingerprint", &Value::text(&plan.fingerprint));
    out
}

pub(crate) fn member(out: &mut String, name: &str, value: &Value) {
    if !out.ends_with('{') {
        out.push(',');
    }
    shown::quote_into(name, out);
    out.push(':');
    shown::write_into(value, out);
}

pub(crate) fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>())
}

pub(crate) fn integer(number: u64) -> Value {
    Value::Number(i64::try_from(number).map_or(Number::Unsigned(number), Number::Integer))
}

pub(crate) fn count(number: usize) -> Value {
    integer(number as u64)
}

fn float(number: f64) -> Value {
    Value::Number(Number::Float(number))
}

pub(crate) fn or_null<T>(value: Option<T>, form: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, form)
}

/// The state that a plan was made for.
pub(crate) fn base(plan: &Plan) -> Value {
    map([("lineage", Value::text(plan.lineage.to_string())), ("serial", integer(plan.serial))])
}

fn tenant(Target { name, base_url, organization_id, rate_limit }: &Target) -> Value {
    map([
        ("name", Value::text(name)),
        ("baseUrl", Value::text(base_url)),
        ("organizationId", or_null(organization_id.as_ref(), Value::text)),
        (
            "rateLimit",
            map([
                ("requestsPerSecond", float(rate_limit.requests_per_second)),
                ("burst", integer(rate_limit.burst.into())),
            ]),
        ),
    ])
}

pub(crate) fn source(Source { file, place }: &Source) -> Value {
    map([
        ("file", Value::text(&**file)),
        ("line", integer(place.line.into())),
        ("column", integer(place.column.into())),
    ])
}

fn append_change(change: &Change, out: &mut String) {
    let calls = change
        .calls()
        .map(|(method, path)| map([("method", Value::text(method)), ("path", Value::text(path))]))
        .collect();
    out.push('{');
    member(out, "address", &Value::text(change.address.to_string()));
    member(out, "action", &Value::text(change.action.word()));
    member(out, "reason", &Value::text(change.reason.word()));
    member(out, "source", &or_null(change.source.as_ref(), source));
    member(out, "id", &or_null(change.id, |id| Value::Number(Number::Integer(id.0))));
    member(out, "before", &or_null(change.before.as_deref(), |before| Value::Map(Map::of(&before.spec))));
    out.push_str(",\"after\":");
    match &change.after {
        Some(spec) => out.push_str(spec.json()),
        None => out.push_str("null"),
    }
    member(out, "calls", &Value::List(calls));
    member(out, "irreversible", &Value::Bool(change.irreversible));
    member(out, "reachesCustomer", &Value::Bool(change.reaches_customer));
    member(out, "blocked", &Value::Bool(change.block.is_some()));
    member(out, "blockedBecause", &or_null(change.block.as_ref(), |block| Value::text(block.word())));
    member(out, "owner", &owner(change));
    member(out, "marked", &Value::Bool(change.marked));
    member(out, "digest", &or_null(change.digests.as_ref(), digests));
    member(out, "steps", &Value::List(change.steps.iter().map(step).collect()));
    member(out, "fingerprint", &Value::text(change.fingerprint()));
    out.push('}');
}

/// Who manages the conversation that a blocked change would adopt.
fn owner(change: &Change) -> Value {
    match &change.block {
        Some(Block::OwnedBy { id: _, owner }) => Value::text(owner.to_string()),
        Some(Block::ReplaceNotAllowed | Block::OnChangeBlock) | None => Value::Null,
    }
}

fn digests(Digests { content, attributes }: &Digests) -> Value {
    map([("content", Value::text(content.to_string())), ("attributes", Value::text(attributes.to_string()))])
}

/// A step with all that apply needs of it; [`crate::plan::file_v1`] reads it back.
fn step(step: &Step) -> Value {
    match step {
        Step::Make(kind) => map([("make", Value::text(kind.word()))]),
        Step::Read(id) => map([("read", Value::Number(Number::Integer(id.0)))]),
        Step::PatchAll => map([("patchAll", Value::Bool(true))]),
        Step::Patch(attributes) => map([("patch", Value::Map(Map::of(&attributes_to_map(attributes))))]),
        Step::PatchDifferent(attributes) => {
            map([("patchDifferent", Value::Map(Map::of(&attributes_to_map(attributes))))])
        }
        Step::ListBefore(requester) => map([("listBefore", Value::text(requester))]),
        Step::ReadBack => map([("readBack", Value::Bool(true))]),
    }
}

fn drift(drift: &Drift) -> Value {
    let attributes = drift.attributes.iter().map(|(id, recorded, live)| {
        map([("id", Value::text(id)), ("recorded", or_null(recorded.as_ref(), Value::of)), ("live", Value::of(live))])
    });
    map([
        ("address", Value::text(drift.address.to_string())),
        ("id", Value::Number(Number::Integer(drift.id.0))),
        ("attributes", Value::List(attributes.collect())),
    ])
}

fn gone(gone: &Gone) -> Value {
    map([
        ("address", Value::text(gone.address.to_string())),
        ("id", Value::Number(Number::Integer(gone.id.0))),
        ("source", or_null(gone.source.as_ref(), source)),
        ("anonymized", Value::Bool(gone.anonymized)),
    ])
}

fn orphan(orphan: &Orphan) -> Value {
    map([
        ("address", Value::text(orphan.address.to_string())),
        ("id", Value::Number(Number::Integer(orphan.id.0))),
        ("source", or_null(orphan.source.as_ref(), source)),
    ])
}

pub(crate) fn summary(summary: &Summary) -> Value {
    let Summary {
        create,
        import,
        update,
        replace,
        adopt,
        forget,
        unchanged,
        not_in_manifests,
        left_out,
        gone,
        in_doubt,
        blocked,
        irreversible,
        reach_customer,
    } = *summary;
    map([
        ("create", count(create)),
        ("import", count(import)),
        ("update", count(update)),
        ("replace", count(replace)),
        ("adopt", count(adopt)),
        ("forget", count(forget)),
        ("unchanged", count(unchanged)),
        ("notInManifests", count(not_in_manifests)),
        ("leftOut", count(left_out)),
        ("gone", count(gone)),
        ("inDoubt", count(in_doubt)),
        ("blocked", count(blocked)),
        ("irreversible", count(irreversible)),
        ("reachCustomer", count(reach_customer)),
    ])
}

pub(crate) fn price(Price { calls, seconds, daily_quota_share }: &Price) -> Value {
    map([("calls", integer(*calls)), ("seconds", float(*seconds)), ("dailyQuotaShare", float(*daily_quota_share))])
}
