//! Legal but suspicious: warnings about one import.

use crate::finding::{closest, code};
use crate::handling::{self, Openness};
use crate::instant::Instant;
use crate::manifest::body::words;
use crate::reporter::Reporter;
use crate::shape::KNOWN_CHANNEL_NAMES;
use crate::yaml::{Content, Node};

/// Checks the spec of an import that has no errors.
pub(super) fn of_import(spec: &Node<'_>, reporter: &mut Reporter<'_>) {
    channel_name(spec, reporter);
    stays_with_the_bot(spec, reporter);
    let messages = match spec.get("messages").map(|entry| &entry.value.content) {
        Some(Content::List(messages)) => &**messages,
        _ => &[],
    };
    let mut latest: Option<Instant> = None;
    for message in messages {
        let Some((written, node)) = timestamp(message, "createdAt") else { continue };
        if latest.as_ref().is_some_and(|latest| written < *latest) {
            reporter
                .warning(code::MESSAGES_OUT_OF_ORDER, node.span(), "this message is older than the one before it")
                .hint("sort messages by the time they were written");
        }
        latest = latest.max(Some(written));
    }
    let closing = spec.get("closing").and_then(|entry| timestamp(&entry.value, "closedAt"));
    if let (Some((closed, node)), Some(latest)) = (closing, latest)
        && closed < latest
    {
        reporter
            .warning(
                code::CLOSED_BEFORE_LAST_MESSAGE,
                node.span(),
                "the conversation is closed before its last message",
            )
            .hint("close it at or after its last message");
    }
}

/// <https://docs.dixa.io/docs/genericapimessagingchannel/escalate-to-agent>
fn stays_with_the_bot(spec: &Node<'_>, reporter: &mut Reporter<'_>) {
    let Some(entry) = spec.get("genericChannelName") else { return };
    let of_bots = matches!(&entry.value.content, Content::Text(name) if name == "genericapimessaging");
    let is = |member: &str, word: &str| {
        spec.get(member).is_some_and(|entry| matches!(&entry.value.content, Content::Text(text) if text == word))
    };
    let is_seen = spec.get(handling::QUEUE).is_some() || is(handling::STATE, Openness::Closed.word());
    if of_bots && !is_seen && spec.get("closing").is_none() {
        let message = "this import is open: it stays with the bot, and no agent sees it until it has a queue";
        reporter
            .warning(code::STAYS_WITH_THE_BOT, entry.value.span(), message)
            .hint("add `queue:` with the queue that it is to wait in, or close it with `closing` or `state: Closed`");
    }
}

fn channel_name(spec: &Node<'_>, reporter: &mut Reporter<'_>) {
    let Some(entry) = spec.get("genericChannelName") else { return };
    let Content::Text(name) = &entry.value.content else { return };
    if KNOWN_CHANNEL_NAMES.contains(&&**name) {
        return;
    }
    let hint = match closest(name, KNOWN_CHANNEL_NAMES.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("Dixa may refuse it; it documents {}", words(KNOWN_CHANNEL_NAMES.iter().copied())),
    };
    let message = format!("Dixa's documentation does not list the channel `{name}`");
    reporter.warning(code::UNKNOWN_CHANNEL_NAME, entry.value.span(), message).hint(hint);
}

fn timestamp<'n, 't>(node: &'n Node<'t>, name: &str) -> Option<(Instant, &'n Node<'t>)> {
    let value = &node.get(name)?.value;
    match &value.content {
        Content::Text(text) => Instant::parse(text).map(|instant| (instant, value)),
        _ => None,
    }
}
