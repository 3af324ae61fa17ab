//! What the tenant lacks or has otherwise, as findings at the places where manifests want it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::apply::names::Unknown;
use crate::apply::preflight::Mismatch;
use crate::cli::apply::pointing::{self, Asked};
use crate::conversation::{Address, CUSTOM_ATTRIBUTES};
use crate::definition::Misfit;
use crate::desired::Desired;
use crate::finding::{Finding, Severity, code};
use crate::name::Name;
use crate::plan::{Need, Needs, Plan};
use crate::render::number::{grouped, named};
use crate::render::remark::Pointer;
use crate::source::{Place, Source};

/// The mismatches, each at its place: that of the attribute, or of its manifest. A saved plan has no manifests, and
/// knows where they were.
pub fn misfits(desired: &Desired, plan: &Plan, mismatches: Vec<Mismatch>) -> Vec<Finding> {
    let sources: HashMap<&Address, &Source> =
        plan.changes.iter().filter_map(|change| Some((&change.address, change.source.as_ref()?))).collect();
    // A manifest may have the identifier in the place of the id.
    let written = |address: &Address, id: &str| {
        let manifest = desired.get(address)?;
        let index = plan.changes.binary_search_by(|change| change.address.cmp(address)).ok()?;
        let names = plan.changes[index].ids.iter().filter(|(_, known)| *known == id);
        let identifier = names.filter_map(|(name, _)| match name {
            Name::Attribute { identifier, .. } => manifest.attribute_source(identifier),
            _ => None,
        });
        manifest.attribute_source(id).or_else(|| identifier.take(1).next())
    };
    let asked = |Mismatch { address, member, name, .. }: &Mismatch| Asked {
        address: address.clone(),
        source: sources.get(address).map_or_else(nowhere, |source| (*source).clone()),
        member,
        name: name.clone(),
    };
    let asked: Vec<Asked> = mismatches.iter().map(asked).collect();
    // A manifest knows where its attributes are written.
    let is_known = |one: &Asked| !desired.is_empty() && one.member == CUSTOM_ATTRIBUTES;
    let pointers = match asked.iter().all(is_known) {
        true => vec![None; asked.len()],
        false => pointing::named(&asked),
    };
    let finding = |((mismatch, asked), pointer): ((Mismatch, Asked), Option<Pointer>)| {
        let Mismatch { address, member: _, name, misfit: Misfit { code, severity, message, hint } } = mismatch;
        let known = Pointer { source: written(&address, &name).unwrap_or(asked.source), excerpt: None };
        let Pointer { source, excerpt } = pointer.unwrap_or(known);
        let message = format!("{address}: {message}");
        Finding { code, severity, source, message, hint: Some(hint), excerpt, related: Vec::new() }
    };
    mismatches.into_iter().zip(asked).zip(pointers).map(finding).collect()
}

/// One finding for each thing that is not there, at the first place where it is wanted; the others are named.
pub fn missing(plan: &Plan, unknown: &[Unknown]) -> Vec<Finding> {
    let needs = Needs::of(&plan.changes);
    let finding = |unknown: &Unknown| {
        let mut places = needs.places(&unknown.need).into_iter();
        let (address, source) = places.next()?;
        let others: Vec<Address> = places.map(|(address, _)| address).collect();
        let also = match others.len() {
            0 => String::new(),
            count => format!("; {} more: {}", grouped(count as u64), named(&others, OTHERS_MAX)),
        };
        let source = source.unwrap_or_else(nowhere);
        let (code, source) = match &unknown.need {
            Need::Name(_) => (code::UNKNOWN_NAME, source),
            Need::Id(_, id) => (code::UNKNOWN_ID, pointing::text(&source, id).unwrap_or(source)),
        };
        Some(Finding {
            code,
            severity: Severity::Error,
            source,
            message: format!("{}, which {address} needs{also}", unknown.message),
            hint: Some(unknown.hint.clone()),
            excerpt: None,
            related: Vec::new(),
        })
    };
    unknown.iter().filter_map(finding).collect()
}

/// Addresses that want the same thing and are named; the rest is counted.
const OTHERS_MAX: usize = 3;

/// The place of what a plan does not say the place of.
fn nowhere() -> Source {
    Source::new(&Arc::from("plan"), Place::START)
}
