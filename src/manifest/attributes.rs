//! `customAttributes`: ids of definitions to text, the path of a Select, or null.

use crate::catalog::Catalog;
use crate::conversation::{AttributeValue, Attributes, Kind};
use crate::definition::{Misfit, misfit};
use crate::finding::{Severity, code};
use crate::manifest::body::{text, wrong_type};
use crate::manifest::forms;
use crate::reporter::Reporter;
use crate::source::Place;
use crate::yaml::{Content, Entry, Node, Span};

/// The attributes and where each was written, in ascending order of their ids; none when anything was wrong.
pub(super) fn check(
    node: &Node<'_>,
    kind: Kind,
    catalog: Option<&Catalog>,
    reporter: &mut Reporter<'_>,
) -> Option<(Attributes, Box<[Place]>)> {
    let Some(entries) = node.entries() else {
        wrong_type(node, "`customAttributes` is a map from ids to values", reporter);
        return None;
    };
    let mut attributes: Vec<(String, Option<AttributeValue>, Span)> = Vec::with_capacity(entries.len());
    let mut complete = true;
    for entry in entries {
        let id = entry.key.to_ascii_lowercase();
        let value = value(&entry.value, &id, reporter);
        // An identifier means something in its own case.
        let id = if forms::is_uuid(&id) { id } else { entry.key.to_string() };
        if !forms::is_uuid(&id) && looks_like_uuid(&id) {
            reporter
                .error(code::BAD_UUID, entry.key_span(), format!("`{id}` is not a uuid"))
                .hint("write the definition's uuid, 8-4-4-4-12 hexadecimal digits, or its identifier");
            complete = false;
            continue;
        }
        complete &= match (&value, catalog) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(value), Some(catalog)) => is_as_defined(kind, &id, (value, entry), catalog, reporter),
        };
        attributes.push((id, value, entry.key_span()));
    }
    // The sort is stable: of two that are the same, the one that was written first stays first.
    attributes.sort_by(|(one, _, _), (other, _, _)| one.cmp(other));
    for same in attributes.chunk_by(|one, other| one.0 == other.0) {
        for again in &same[1..] {
            let first = reporter.source(same[0].2.0);
            reporter
                .error(code::DUPLICATE_KEY, again.2, format!("the attribute `{}` occurs twice", again.0))
                .hint("keep one of the two")
                .related(first, "first used here");
            complete = false;
        }
    }
    let places = attributes.iter().map(|(_, _, span)| span.0).collect();
    let attributes = attributes.into_iter().filter_map(|(id, value, _)| Some((id, value?))).collect();
    complete.then_some((attributes, places))
}

/// Whether a key that is no uuid was meant as one: identifiers are in snake case.
fn looks_like_uuid(key: &str) -> bool {
    key.is_empty()
        || key.matches('-').count() >= 3
        || key.len() >= 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the tenant would take it; what is wrong or suspicious is reported.
fn is_as_defined(
    kind: Kind,
    id: &str,
    (value, entry): (&AttributeValue, &Entry<'_>),
    catalog: &Catalog,
    reporter: &mut Reporter<'_>,
) -> bool {
    let definition = catalog.attributes.iter().find(|definition| definition.id == id);
    let Some(Misfit { code, severity, message, hint }) = misfit(kind, id, value, definition) else { return true };
    let report = match severity {
        Severity::Error => reporter.error(code, entry.key_span(), message),
        Severity::Warning => reporter.warning(code, entry.key_span(), message),
    };
    report.hint(hint);
    severity != Severity::Error
}

fn value(node: &Node<'_>, id: &str, reporter: &mut Reporter<'_>) -> Option<AttributeValue> {
    match &node.content {
        Content::Null => Some(AttributeValue::Clear),
        Content::Text(text) if !text.is_empty() => Some(AttributeValue::Text(text.to_string())),
        Content::List(items) if !items.is_empty() => path(items, id, reporter).map(AttributeValue::Path),
        Content::Text(_) | Content::List(_) => {
            let shown = if matches!(node.content, Content::Text(_)) { "an empty string" } else { "an empty list" };
            reporter
                .error(code::EMPTY_VALUE, node.span(), format!("an attribute's value can't be {shown}"))
                .hint("null clears an attribute");
            None
        }
        Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) => {
            let message = format!("the value of an attribute must be a string, but `{text}` is {}", node.what());
            reporter.error(code::QUOTE_IT, node.span(), message).hint(format!("quote it: \"{text}\""));
            None
        }
        Content::Map(_) => {
            wrong_type(node, "the value of an attribute is a string, a list of strings, or null", reporter);
            None
        }
    }
}

/// The values of options from root to leaf.
fn path(items: &[Node<'_>], id: &str, reporter: &mut Reporter<'_>) -> Option<Vec<String>> {
    let option = |item| {
        let option = text(item, id, reporter)?;
        if option.is_empty() {
            reporter
                .error(code::EMPTY_VALUE, item.span(), "an option can't be an empty string")
                .hint("the path of option values from root to leaf");
        }
        (!option.is_empty()).then(|| option.to_owned())
    };
    let options: Vec<String> = items.iter().filter_map(option).collect();
    (options.len() == items.len()).then_some(options)
}
