//! `metadata.annotations`: those that begin with `dixaform/` are settings, all others are the author's own.

use uuid::Uuid;

use crate::conversation::{Address, EndUserId, Id, Kind, OnChange};
use crate::desired::MovedFrom;
use crate::finding::{Severity, closest, code};
use crate::manifest::body::words;
use crate::manifest::forms;
use crate::reporter::Reporter;
use crate::yaml::{Entry, Node};

const PREFIX: &str = "dixaform/";
const ON_CHANGE: &str = "dixaform/on-change";
pub(super) const ADOPT: &str = "dixaform/adopt";
pub(super) const MOVED_FROM: &str = "dixaform/moved-from";
const IGNORE: &str = "dixaform/ignore";
/// What may surround a code in a list; the schema allows the same.
const IGNORE_SPACES: [char; 4] = [' ', '\t', '\r', '\n'];
const KNOWN: [&str; 4] = [ON_CHANGE, ADOPT, MOVED_FROM, IGNORE];

/// What the annotations of a manifest set.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub on_change: OnChange,
    pub adopt: Option<Id>,
    /// Boxed, since hardly any manifest has one.
    pub moved_from: Option<Box<MovedFrom>>,
    /// Codes of warnings that this manifest means.
    pub ignore: Vec<&'static str>,
}

/// Reads the settings of a manifest; its address is known unless there are errors. A value of `None` is not a string,
/// and was reported already.
pub(super) fn settings(
    entries: &[(&Entry<'_>, Option<&str>)],
    address: Option<&Address>,
    reporter: &mut Reporter<'_>,
) -> Settings {
    let mut settings = Settings::default();
    let kind = address.map(|address| address.kind);
    for (entry, text) in entries {
        if !entry.key.starts_with(PREFIX) {
            continue;
        }
        match (&*entry.key, *text) {
            (_, None) => {}
            (ON_CHANGE, Some(_)) if kind == Some(Kind::EndUser) => {
                let message = format!("an end user can't have `{ON_CHANGE}`");
                reporter
                    .error(code::BAD_ANNOTATION, entry.key_span(), message)
                    .hint("remove it: what differs of an end user is changed in place, and nothing is replaced");
            }
            (ON_CHANGE, Some(text)) => settings.on_change = on_change(text, &entry.value, reporter),
            (ADOPT, Some(text)) => settings.adopt = adopt(text, kind, &entry.value, reporter),
            (MOVED_FROM, Some(text)) => settings.moved_from = moved_from(text, address, &entry.value, reporter),
            (IGNORE, Some(text)) => settings.ignore = ignore(text, &entry.value, reporter),
            (unknown, Some(_)) => {
                let hint = match closest(unknown, KNOWN) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("known annotations: {}", words(KNOWN)),
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

fn adopt(text: &str, kind: Option<Kind>, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Id> {
    if kind == Some(Kind::EndUser) {
        let id = forms::is_uuid(text).then(|| Uuid::try_parse(text).ok()).flatten();
        if id.is_none() {
            reporter
                .error(code::BAD_ANNOTATION, node.span(), format!("`{text}` is not the id of an end user"))
                .hint("write the uuid that Dixa shows for the end user");
        }
        return id.map(|id| EndUserId(id).into());
    }
    let id = text.parse::<i64>().ok().filter(|id| *id > 0 && text.bytes().all(|byte| byte.is_ascii_digit()));
    if id.is_none() {
        reporter
            .error(code::BAD_ANNOTATION, node.span(), format!("`{text}` is not the id of a conversation"))
            .hint("write the number that Dixa shows for the conversation, in quotes: \"1234\"");
    }
    id.map(Id::conversation)
}

fn moved_from(
    text: &str,
    to: Option<&Address>,
    node: &Node<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Box<MovedFrom>> {
    let (message, hint) = match (text.parse::<Address>(), to) {
        (Err(error), _) => (format!("`{text}` is not an address"), error.to_string()),
        (Ok(from), Some(to)) if from == *to => {
            let hint = "name the address that it had before; if it was not renamed, remove the annotation";
            (format!("`{text}` is this manifest itself"), hint.to_owned())
        }
        (Ok(from), Some(to)) if from.kind != to.kind => {
            let message = format!("`{from}` can't become `{to}`");
            (message, "a record can't change its kind, because each kind is made by another call".to_owned())
        }
        (Ok(address), _) => return Some(Box::new(MovedFrom { address, place: node.start })),
    };
    reporter.error(code::BAD_ANNOTATION, node.span(), message).hint(hint);
    None
}

/// The codes in a list with commas between them.
fn ignore(text: &str, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Vec<&'static str> {
    let known = || code::ALL.iter().filter(|code| code.can_be_ignored()).map(|code| code.name);
    let mut codes = Vec::new();
    for name in text.split(',').map(|name| name.trim_matches(IGNORE_SPACES)) {
        if let Some(code) = known().find(|code| *code == name) {
            codes.push(code);
            continue;
        }
        let message = match code::ALL.iter().find(|code| code.name == name) {
            Some(code) if code.severity == Severity::Error => format!("`{name}` is an error, which can't be ignored"),
            Some(_) => format!("`{name}` is a warning about a call, which can't be ignored"),
            None => format!("`{name}` is not the code of a warning"),
        };
        let hint = match closest(name, known()) {
            Some(code) => format!("did you mean `{code}`?"),
            None => format!("write one of these, or several separated by commas: {}", words(known())),
        };
        reporter.error(code::BAD_ANNOTATION, node.span(), message).hint(hint);
    }
    codes
}
