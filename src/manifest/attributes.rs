//! `customAttributes`: ids of definitions to text, the path of a Select, or null.

use crate::finding::code;
use crate::manifest::body::{every, text, wrong_type};
use crate::manifest::forms;
use crate::reporter::Reporter;
use crate::scratch::Arena;
use crate::source::Place;
use crate::view::{Members, View};
use crate::yaml::{Content, Node, Span};

/// The attributes and where each was written, in ascending order of their ids; none when anything was wrong.
pub(super) fn check<'t>(
    node: &Node<'t>,
    arena: &'t Arena,
    reporter: &mut Reporter<'_>,
) -> Option<(Members<'t>, Box<[Place]>)> {
    let Some(entries) = node.entries() else {
        wrong_type(node, "`customAttributes` is a map from ids to values", reporter);
        return None;
    };
    let mut attributes: Vec<(&str, View<'_>, Span)> = Vec::with_capacity(entries.len());
    let mut complete = true;
    for entry in entries {
        let id = lower_case(entry.key, arena);
        if !forms::is_uuid(id) {
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
        let value = value(&entry.value, id, arena, reporter);
        complete &= value.is_some();
        attributes.push((id, value.unwrap_or(View::Null), entry.key_span()));
    }
    // Of two that are the same the one that was written first stands first.
    attributes.sort_unstable_by_key(|(id, _, span)| (*id, span.0));
    for same in attributes.chunk_by(|one, other| one.0 == other.0) {
        for again in &same[1..] {
            let first = reporter.source(same[0].2.0);
            reporter
                .error(code::DUPLICATE_KEY, again.2, format!("the attribute `{}` stands twice", again.0))
                .hint("keep one of the two")
                .related(first, "it was here first");
            complete = false;
        }
    }
    let places = attributes.iter().map(|(_, _, span)| span.0).collect();
    let members = arena.alloc_slice_fill_iter(attributes.iter().map(|(id, value, _)| (*id, *value)));
    complete.then_some((members, places))
}

fn lower_case<'t>(id: &'t str, arena: &'t Arena) -> &'t str {
    if !id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return id;
    }
    let id = arena.alloc_str(id);
    id.make_ascii_lowercase();
    id
}

fn value<'t>(node: &Node<'t>, id: &str, arena: &'t Arena, reporter: &mut Reporter<'_>) -> Option<View<'t>> {
    match node.content {
        Content::Null => Some(View::Null),
        Content::Text(text) if !text.is_empty() => Some(View::Text(text)),
        Content::List(items) if !items.is_empty() => path(items, id, arena, reporter),
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
fn path<'t>(items: &[Node<'t>], id: &str, arena: &'t Arena, reporter: &mut Reporter<'_>) -> Option<View<'t>> {
    every(items, arena, |item| {
        let option = text(item, id, reporter)?;
        if option.is_empty() {
            reporter
                .error(code::EMPTY_VALUE, item.span(), "an empty string is no option")
                .hint("the path of option values from root to leaf");
        }
        (!option.is_empty()).then_some(View::Text(option))
    })
}
