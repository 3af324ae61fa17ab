//! `metadata.annotations`: those in `dixaform/…` are settings, all others are the author's own.

use crate::conversation::{ConversationId, OnChange};
use crate::finding::{closest, code};
use crate::manifest::body::words;
use crate::reporter::Reporter;
use crate::yaml::{Entry, Node};

const PREFIX: &str = "dixaform/";
const ON_CHANGE: &str = "dixaform/on-change";
const ADOPT: &str = "dixaform/adopt";

/// What the annotations of a manifest set.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub on_change: OnChange,
    pub adopt: Option<ConversationId>,
}

/// Reads the settings among annotations that are known to be strings; `None` values were reported already.
pub(super) fn settings(entries: &[(Entry<'_>, Option<&str>)], reporter: &mut Reporter<'_>) -> Settings {
    let mut settings = Settings::default();
    for (entry, text) in entries {
        if !entry.key.starts_with(PREFIX) {
            continue;
        }
        match (entry.key, *text) {
            (_, None) => {}
            (ON_CHANGE, Some(text)) => settings.on_change = on_change(text, &entry.value, reporter),
            (ADOPT, Some(text)) => settings.adopt = adopt(text, &entry.value, reporter),
            (unknown, Some(_)) => {
                let hint = match closest(unknown, [ON_CHANGE, ADOPT]) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("dixaform knows {}", words([ON_CHANGE, ADOPT])),
                };
                reporter
                    .error(code::UNKNOWN_ANNOTATION, entry.key_span(), format!("unknown annotation `{unknown}`"))
                    .hint(hint);
            }
        }
    }
    settings
}

fn on_change(text: &str, node: &Node<'_>, reporter: &mut Reporter<'_>) -> OnChange {
    match text {
        "replace" => OnChange::Replace,
        "ignore" => OnChange::Ignore,
        "block" => OnChange::Block,
        _ => {
            let known = ["replace", "ignore", "block"];
            let hint = match closest(text, known) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("one of {}", words(known)),
            };
            let message = format!("`{text}` is not a value of `{ON_CHANGE}`");
            reporter.error(code::BAD_ANNOTATION, node.span(), message).hint(hint);
            OnChange::Unset
        }
    }
}

fn adopt(text: &str, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<ConversationId> {
    let id = text.parse::<i64>().ok().filter(|id| *id > 0 && text.bytes().all(|byte| byte.is_ascii_digit()));
    if id.is_none() {
        reporter
            .error(code::BAD_ANNOTATION, node.span(), format!("`{text}` is not the id of a conversation"))
            .hint("the number that Dixa shows for the conversation, in quotes: \"1234\"");
    }
    id.map(ConversationId)
}
