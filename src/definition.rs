//! Definitions of custom attributes, and whether a value fits one. Dixa's API can read them only.
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/>

use crate::conversation::{AttributeValue, Kind};
use crate::finding::{Severity, closest, code};

/// The definition of a custom attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// A uuid in lower case.
    pub id: String,
    /// What people see.
    pub label: String,
    /// What machines call it, in snake case; unique or not, Dixa does not say.
    pub identifier: String,
    pub entity: Entity,
    pub input: Input,
    pub archived: bool,
    pub deactivated: bool,
}

/// What a definition's values belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    Conversation,
    Contact,
    /// A word that was not known when this was written.
    Other(String),
}

impl Entity {
    /// Dixa's own word.
    pub fn word(&self) -> &str {
        match self {
            Entity::Conversation => "Conversation",
            Entity::Contact => "Contact",
            Entity::Other(word) => word,
        }
    }

    pub fn of_word(word: &str) -> Self {
        match word {
            "Conversation" => Entity::Conversation,
            "Contact" => Entity::Contact,
            other => Entity::Other(other.to_owned()),
        }
    }
}

/// What a definition's values can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Text,
    /// A path through these choices.
    Select(Vec<Choice>),
    /// A word that was not known when this was written.
    Other(String),
}

/// One option of a Select definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word used in paths; not the label.
    pub value: String,
    pub deactivated: bool,
    pub nested: Vec<Choice>,
}

/// What is wrong with an attribute, or suspicious.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// One of [`code`].
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub hint: String,
}

fn error(code: &'static str, message: String, hint: String) -> Misfit {
    Misfit { code, severity: Severity::Error, message, hint }
}

/// What is wrong with this value of an attribute, which the manifest calls `name`; `definition` is the tenant's, if it
/// has one.
pub fn misfit(kind: Kind, name: &str, value: &AttributeValue, definition: Option<&Definition>) -> Option<Misfit> {
    let Some(definition) = definition else {
        let hint = "`dixaform catalog pull` lists those that the tenant has".to_owned();
        return Some(error(code::UNKNOWN_ATTRIBUTE, format!("the tenant has no custom attribute `{name}`"), hint));
    };
    let label = &definition.label;
    let unusable = |why: &str| {
        let hint = "use another attribute, or remove it from the manifest".to_owned();
        Some(error(code::UNUSABLE_ATTRIBUTE, format!("the custom attribute `{name}` (\"{label}\") {why}"), hint))
    };
    match (kind, &definition.entity) {
        (Kind::EndUser, Entity::Contact) | (Kind::Conversation | Kind::Import, Entity::Conversation) => {}
        (Kind::EndUser, _) => return unusable("belongs to conversations, not to end users"),
        (Kind::Conversation | Kind::Import, _) => return unusable("belongs to end users, not to conversations"),
    }
    if definition.archived {
        return unusable("is archived");
    }
    if definition.deactivated {
        return unusable("is deactivated");
    }
    let mismatch = |message: String, hint: String| Some(error(code::ATTRIBUTE_MISMATCH, message, hint));
    match (value, &definition.input) {
        (AttributeValue::Clear, _) | (AttributeValue::Text(_), Input::Text) | (_, Input::Other(_)) => None,
        (AttributeValue::Text(_), Input::Select(choices)) => mismatch(
            format!("\"{label}\" is a Select, but this is text"),
            format!("a list with the path of an option: {}", options(choices)),
        ),
        (AttributeValue::Path(_), Input::Text) => mismatch(
            format!("\"{label}\" is a Text, but this is a list"),
            "write it as one string in quotes".to_owned(),
        ),
        (AttributeValue::Path(path), Input::Select(choices)) => walk(label, path, choices),
    }
}

/// Follows a path from root to leaf.
fn walk(label: &str, path: &[String], choices: &[Choice]) -> Option<Misfit> {
    let mismatch =
        |message: String, hint: String| Some(error(code::ATTRIBUTE_MISMATCH, format!("\"{label}\": {message}"), hint));
    let mut level = choices;
    for step in path {
        let Some(choice) = level.iter().find(|choice| choice.value == *step) else {
            let hint = match closest(step, level.iter().map(|choice| choice.value.as_str())) {
                Some(known) => format!("did you mean `{known}`?"),
                None if level.is_empty() => "the path ends before it".to_owned(),
                None => format!("one of {}", options(level)),
            };
            return mismatch(format!("there is no option `{step}`"), hint);
        };
        if choice.deactivated {
            return mismatch(format!("the option `{step}` is deactivated"), format!("one of {}", options(level)));
        }
        level = &choice.nested;
    }
    // The reference of the search takes such a path as a value, and no source says that it must end at a leaf.
    level.iter().any(|choice| !choice.deactivated).then(|| Misfit {
        code: code::PARTIAL_PATH,
        severity: Severity::Warning,
        message: format!("\"{label}\": the path ends at an option that has further ones; Dixa decides"),
        hint: format!("go on with one of {}, if you mean one of them", options(level)),
    })
}

/// Up to eight options that can be chosen.
fn options(choices: &[Choice]) -> String {
    let values: Vec<_> =
        choices.iter().filter(|choice| !choice.deactivated).map(|choice| format!("`{}`", choice.value)).collect();
    let more = if values.len() > 8 { ", …" } else { "" };
    format!("{}{more}", values.into_iter().take(8).collect::<Vec<_>>().join(", "))
}
