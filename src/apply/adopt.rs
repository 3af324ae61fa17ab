//! Whether what exists is what a manifest describes, and which attributes it lacks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::contract::{AttributeReading, CallError, ConversationReading};
use crate::conversation::{AttributeValue, Attributes, Kind};
use crate::handling::{self, Handling};
use crate::plan::{Comparison, Deviation, Handled};

/// Why this is not the conversation that the manifest describes, as far as both sides can tell.
pub(super) fn cannot_adopt(reading: &ConversationReading, comparison: &Comparison) -> Option<String> {
    let id = reading.id;
    if reading.anonymized {
        return Some(format!("conversation {id:#} is anonymized: its content is gone for good"));
    }
    let (thing, described, found) = comparison.differences().find(|(thing, ..)| thing.is_identity())?;
    let described = described.map_or("another".to_owned(), Value::to_string);
    Some(format!("the {thing} of conversation {id:#} is {found}, and the manifest says {described}"))
}

/// What Dixa said to making an end user, and what that means where it says that somebody has the address or number.
pub(super) fn refusal(kind: Kind, error: CallError) -> CallError {
    match error {
        CallError::Rejected { status: 400, message }
            if kind == Kind::EndUser
                && ["exist", "duplicate"].iter().any(|word| message.to_lowercase().contains(word)) =>
        {
            let message = format!(
                "{message}; no end user was found by what the manifest has, so somebody has it as one of several \
                 more, or has just got it: name that end user with `dixaform/adopt`, or apply again"
            );
            CallError::Rejected { status: 400, message }
        }
        other => other,
    }
}

/// What is otherwise in a conversation that is adopted all the same.
pub(super) fn otherwise(comparison: &Comparison) -> impl Iterator<Item = String> {
    let other = |Deviation { thing, described, found }: Deviation| {
        let described = described.unwrap_or_default();
        format!("{thing}: in Dixa {found}, in the manifest {described}")
    };
    comparison.deviations().into_iter().map(other)
}

/// Those attributes that the conversation has not already. One that is to be cleared and has no value is fine.
pub(super) fn different(wanted: &Attributes, present: Option<&BTreeMap<String, AttributeReading>>) -> Attributes {
    let has = |id: &str, value: &AttributeValue| {
        let present = present.and_then(|present| present.get(id)).map_or(&Value::Null, |reading| &reading.value);
        *present == value.to_value()
    };
    wanted.iter().filter(|(id, value)| !has(id, value)).map(|(id, value)| (id.clone(), value.clone())).collect()
}

/// The members in which a conversation is handled otherwise than it is to be, as far as Dixa says how; tags are no part
/// of what is read.
pub(super) fn otherwise_handled<'w>(wanted: &'w Handling, found: &'w Handled) -> impl Iterator<Item = &'static str> {
    handling::MEMBERS.into_iter().filter(|name| {
        let found = found.member(name);
        found.is_some_and(|found| wanted.member(name).is_some_and(|wanted| wanted != found))
    })
}
