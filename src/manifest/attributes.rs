//! `customAttributes`: ids of definitions to text, the path of a Select, or null.

use std::collections::BTreeMap;

use crate::conversation::{AttributeValue, Attributes};
use crate::finding::code;
use crate::manifest::body::wrong_type;
use crate::manifest::forms;
use crate::reporter::Reporter;
use crate::source::Place;
use crate::yaml::{Content, Node};

/// The attributes and where each was written, in ascending order of their ids; none when anything was wrong.
pub(super) fn check(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<(Attributes, Box<[Place]>)> {
    let Some(entries) = node.entries() else {
        wrong_type(node, "`customAttributes` is a map from ids to values", reporter);
        return None;
    };
    let mut attributes = Attributes::new();
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut complete = true;
    for entry in entries {
        let id = entry.key.to_ascii_lowercase();
        if !forms::is_uuid(&id) {
            reporter
                .error(
                    code::BAD_UUID,
                    entry.key_span(),
                    format!("`{}` is not the id of an attribute definition", entry.key),
                )
                .hint("a uuid, as GET /v1/custom-attributes lists them; not the label or identifier");
            complete = false;
            continue;
        }
        if let Some(first) = places.get(&id) {
            let first = reporter.source(*first);
            reporter
                .error(code::DUPLICATE_KEY, entry.key_span(), format!("the attribute `{id}` stands twice"))
                .hint("keep one of the two")
                .related(first, "it was here first");
            complete = false;
            continue;
        }
        match value(&entry.value, &id, reporter) {
            Some(value) => {
                attributes.insert(id.clone(), value);
            }
            None => complete = false,
        }
        places.insert(id, entry.key_start);
    }
    complete.then(|| (attributes, places.into_values().collect()))
}

fn value(node: &Node<'_>, id: &str, reporter: &mut Reporter<'_>) -> Option<AttributeValue> {
    match &node.content {
        Content::Null => Some(AttributeValue::Clear),
        Content::Text(text) if !text.is_empty() => Some(AttributeValue::Text((**text).to_owned())),
        Content::List(items) if !items.is_empty() => path(items, id, reporter).map(AttributeValue::Path),
        Content::Text(_) | Content::List(_) => {
            let shown = if matches!(node.content, Content::Text(_)) { "an empty string" } else { "an empty list" };
            reporter
                .error(code::EMPTY_VALUE, node.span(), format!("{shown} is no value of an attribute"))
                .hint("null clears an attribute");
            None
        }
        Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) => {
            let message = format!("the value of an attribute is a string, and `{text}` is {}", node.what());
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
    let mut path = Vec::with_capacity(items.len());
    for item in items {
        let Some(text) = crate::manifest::body::text(item, id, reporter) else { continue };
        if text.is_empty() {
            reporter
                .error(code::EMPTY_VALUE, item.span(), "an empty string is no option")
                .hint("the path of option values from root to leaf");
            continue;
        }
        path.push(text.to_owned());
    }
    (path.len() == items.len()).then_some(path)
}
