//! The `attributes` of imports and of their messages: what each channel documents of them. Dixa's own schema takes any
//! map, so what is not documented is a warning; what is, and is missing or wrong, is an error.

use crate::finding::{closest, code};
use crate::manifest::body::{self, words, wrong_type};
use crate::reporter::Reporter;
use crate::shape::{self, Form, Shape};
use crate::yaml::{Content, Entry, Node};

const ATTRIBUTES: &str = "attributes";

/// Whether its `attributes` can be any map: an import into a channel that Dixa doesn't document.
pub(super) fn is_free(spec: &Node<'_>) -> bool {
    match spec.get("genericChannelName").map(|entry| &entry.value.content) {
        Some(Content::Text(name)) => shape::channel(name).is_none(),
        _ => false,
    }
}

/// Checks all `attributes` of the spec of an import; whether they have no errors.
pub(super) fn check(spec: &Node<'_>, reporter: &mut Reporter<'_>) -> bool {
    let name = spec.get("genericChannelName").map(|entry| &entry.value.content);
    let Some(Content::Text(name)) = name else { return true };
    let messages = match spec.get("messages").map(|entry| &entry.value.content) {
        Some(Content::List(messages)) => &**messages,
        _ => &[],
    };
    let Some(channel) = shape::channel(name) else {
        let own = spec.get(ATTRIBUTES).into_iter();
        own.chain(messages.iter().filter_map(|message| message.get(ATTRIBUTES))).for_each(|entry| {
            numbers(&entry.value, reporter);
        });
        return true;
    };
    let mut fine = true;
    if spec.get(ATTRIBUTES).is_some() || !messages.is_empty() {
        fine = of_map(&channel.attributes, spec, &format!("an import of `{name}`"), reporter);
    } else if channel.attributes.members.iter().any(|member| member.required) {
        // It says nothing yet that the channel would have to carry.
        let message = format!("an import of `{name}` without `attributes` is outside of what Dixa documents");
        let needed = channel.attributes.members.iter().map(|member| member.name);
        reporter
            .warning(code::UNLISTED_MEMBER, spec.opening(), message)
            .hint(format!("add `attributes` with {}", words(needed).replace(" or ", " and ")));
    }
    for message in messages {
        let shape = match message.get("_type").map(|entry| &entry.value.content) {
            Some(Content::Text(word)) if word == "InboundImport" => &channel.inbound,
            Some(Content::Text(word)) if word == "OutboundImport" => &channel.outbound,
            _ => continue,
        };
        fine &= of_map(shape, message, &format!("a message of an import of `{name}`"), reporter);
    }
    fine
}

/// Checks the `attributes` of one map.
fn of_map(shape: &'static Shape, owner: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> bool {
    let attributes = owner.get(ATTRIBUTES).map(|entry| &entry.value);
    let missing = shape.members.iter().filter(|member| {
        member.required && attributes.is_none_or(|map| map.entries().is_some() && map.get(member.name).is_none())
    });
    let mut fine = true;
    for member in missing {
        reporter
            .error(
                code::MISSING_MEMBER,
                attributes.unwrap_or(owner).opening(),
                format!("the `attributes` of {what} need `{}`", member.name),
            )
            .hint(format!("add `{}`: {}", member.name, body::lower_first(member.about)));
        fine = false;
    }
    attributes.is_none_or(|map| members(shape, map, what, reporter)) && fine
}

/// Checks what is written in a map. Of what is no map, others tell.
fn members(shape: &'static Shape, map: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> bool {
    let mut fine = true;
    for entry in map.entries().unwrap_or_default() {
        match shape.member(&entry.key).map(|member| &member.form) {
            None => {
                unlisted(shape, entry, what, reporter);
                numbers(&entry.value, reporter);
            }
            Some(Form::Map(inner)) if entry.value.entries().is_some() => {
                fine &= members(inner, &entry.value, &format!("`{}` of {what}", entry.key), reporter);
                if let Some(name) = inner.members.first().filter(|first| entry.value.get(first.name).is_none()) {
                    let message = format!("`{}` of {what} has no `{}`", entry.key, name.name);
                    let hint = format!("add `{}`: {}", name.name, body::lower_first(name.about));
                    reporter.warning(code::UNLISTED_MEMBER, entry.value.opening(), message).hint(hint);
                }
            }
            Some(Form::Map(_)) => {
                wrong_type(&entry.value, &format!("`{}` is a map", entry.key), reporter);
                fine = false;
            }
            Some(form) => fine &= body::check(form, &entry.value, &entry.key, reporter).is_some(),
        }
    }
    fine
}

fn unlisted(shape: &Shape, entry: &Entry<'_>, what: &str, reporter: &mut Reporter<'_>) {
    let known = || shape.members.iter().map(|member| member.name);
    let hint = match closest(&entry.key, known()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if shape.members.is_empty() => {
            "Dixa documents no attributes here; remove it, if nothing else needs it".to_owned()
        }
        None => format!("documented are {}", words(known()).replace(" or ", " and ")),
    };
    let message = format!("Dixa's documentation does not list `{}` among the `attributes` of {what}", entry.key);
    reporter.warning(code::UNLISTED_MEMBER, entry.key_span(), message).hint(hint);
}

/// Warns of numbers that are sent in other digits than they are written: they were texts, before a program wrote them.
fn numbers(node: &Node<'_>, reporter: &mut Reporter<'_>) {
    match &node.content {
        Content::Number(number, text) if number.to_string() != **text => {
            reporter
                .warning(code::NUMBER_CHANGES, node.span(), format!("`{text}` is sent as the number {number}"))
                .hint(format!("if it is a text, quote it: \"{text}\"; if it is a number, write {number}"));
        }
        Content::List(items) => items.iter().for_each(|item| numbers(item, reporter)),
        Content::Map(entries) => entries.iter().for_each(|entry| numbers(&entry.value, reporter)),
        _ => {}
    }
}
