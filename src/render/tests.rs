//! Plans made by hand, for the tests of several forms.

use std::collections::BTreeMap;

use std::sync::Arc;

use serde_json::Value;

use crate::access::RateLimit;
use crate::conversation::{AttributeValue, Attributes, Conversation, Id};
use crate::json;
use crate::plan::change::fingerprint_of;
use crate::plan::{Action, Block, Change, Plan, Price, Reason, Step, Summary, Target};
use crate::source::{Place, Source};
use crate::spec::{Spec, conversation_of};
use crate::state::{Before, Lineage};

pub(crate) fn source(file: &str, line: u32) -> Source {
    Source::new(&Arc::from(file), Place { line, column: 1 })
}

pub(crate) fn conversation(spec: &str) -> Conversation {
    conversation_of(json::parse(spec).expect("valid JSON")).expect("a spec")
}

pub(crate) fn attributes(value: &Value) -> Attributes {
    let value_of = |value| AttributeValue::from_value(value).expect("a value");
    value.as_object().expect("a map").iter().map(|(id, value)| (id.to_owned(), value_of(value))).collect()
}

pub(crate) fn change(address: &str, action: Action, before: Option<&str>, after: Option<&str>) -> Change {
    let address: crate::conversation::Address = address.parse().expect("an address");
    let after = after.map(conversation);
    let makes = action.makes();
    Change {
        action,
        reason: Reason::NotInState,
        block: None,
        moved_from: None,
        source: Some(source("manifests/orders.yaml", 3)),
        labels: crate::conversation::Labels::default(),
        id: None,
        before: before.map(self::before),
        digests: after.as_ref().map(Conversation::digests),
        steps: if makes { vec![Step::Make(address.kind)] } else { Vec::new() }.into(),
        irreversible: makes,
        reaches_customer: after.as_ref().is_some_and(|after| makes && after.facts(address.kind).reaches_customer),
        found: None,
        called: BTreeMap::new(),
        names: BTreeMap::new(),
        ids: BTreeMap::new(),
        marked: false,
        address,
        after: after.as_ref().map(Spec::of),
    }
}

pub(crate) fn before(spec: &str) -> Box<Before> {
    let spec = json::parse(spec).expect("valid JSON");
    Box::new(Before { spec: spec.as_object().expect("a map").clone(), withheld: Vec::new() })
}

pub(crate) fn create(address: &str, spec: &str) -> Change {
    change(address, Action::Create, None, Some(spec))
}

/// An e-mail with this subject and this text.
pub(crate) fn email(subject: &str, text: &str) -> String {
    let (one, other) = (Value::from(subject), Value::from(text));
    format!(
        r#"{{"_type":"Email","subject":{one},"message":{{"_type":"Inbound","content":{{"_type":"Text","value":{other}}}}}}}"#
    )
}

pub(crate) fn sms(text: &str) -> String {
    format!(r#"{{"_type":"Sms","message":{{"_type":"Outbound","content":{{"_type":"Text","value":"{text}"}}}}}}"#)
}

pub(crate) fn replace(address: &str, before: &str, after: &str) -> Change {
    Change {
        id: Some(Id::conversation(1042)),
        block: Some(Block::ReplaceNotAllowed),
        reason: Reason::ContentDiffers,
        ..change(address, Action::Replace, Some(before), Some(after))
    }
}

pub(crate) fn update(address: &str) -> Change {
    let spec = |value: &str| {
        format!(r#"{{"_type":"Email","subject":"s","customAttributes":{{"2f5515b6":"{value}","e14708a6":["a","b"]}}}}"#)
    };
    let patch = json::parse(r#"{"2f5515b6":"012346"}"#).expect("valid JSON");
    Change {
        id: Some(Id::conversation(1043)),
        reason: Reason::AttributesDiffer,
        source: Some(source("manifests/legacy.yaml", 31)),
        steps: vec![Step::Patch(attributes(&patch))].into(),
        ..change(address, Action::Update, Some(&spec("012345")), Some(&spec("012346")))
    }
}

/// A plan for the tenant `staging`. Changes must be in the order of their addresses.
pub(crate) fn plan_of(changes: Vec<Change>) -> Plan {
    let mut summary = Summary { unchanged: 4, ..Summary::default() };
    changes.iter().for_each(|change| summary.add(change));
    let rate_limit = RateLimit::DIXA;
    let base_url = "https://dev.dixa.io".to_owned();
    let tenant = Target { name: "staging".to_owned(), base_url, organization_id: None, rate_limit };
    let calls = changes.iter().map(|change| change.steps.len() as u64).sum();
    Plan {
        lineage: Lineage(uuid::Uuid::nil()),
        serial: 1,
        seal: None,
        summary,
        renamed: Vec::new(),
        not_in_manifests: Vec::new(),
        drift: Vec::new(),
        observed: 0,
        gone: Vec::new(),
        in_doubt: Vec::new(),
        price: Price::new(calls, rate_limit),
        reads_before: Vec::new(),
        fingerprint: fingerprint_of(&tenant, &changes),
        tenant,
        changes,
    }
}
