//! Definitions of custom attributes, and which values fit them.
//!
//! Kept as the API shows them: <https://docs.dixa.io/openapi/dixa-api/v1/tag/Custom-Attributes/>. A Select value is
//! the path of option values from the root; it may end before a leaf. A definition that the sandbox provisioned grows
//! with what it is given; any other is taken at its word.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// What has an attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Entity {
    #[default]
    Conversation,
    /// An end user.
    Contact,
}

impl Entity {
    /// Its word in a definition.
    pub fn as_str(self) -> &'static str {
        match self {
            Entity::Conversation => "Conversation",
            Entity::Contact => "Contact",
        }
    }
}

/// A definition that is to be there from the start because a manifest uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAttribute {
    /// A uuid, or else its identifier.
    pub id: String,
    pub entity: Entity,
    pub input: KnownInput,
}

/// What kind of value a [`KnownAttribute`] takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownInput {
    Text,
    /// Each item is a path of option values from root to leaf.
    Select(Vec<Vec<String>>),
}

/// A value that a request gives an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    Text(String),
    Path(Vec<String>),
}

impl Given {
    /// As JSON: a string, or a list of strings.
    pub fn to_value(&self) -> Value {
        match self {
            Given::Text(text) => Value::from(text.as_str()),
            Given::Path(path) => Value::from(path.as_slice()),
        }
    }
}

/// One definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    shown: Value,
    provisioned: bool,
    normalization: Option<Normalization>,
}

/// What becomes of the texts that an attribute is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    /// Upper case.
    Upper,
}

impl Normalization {
    /// None for a word that stands for nothing.
    pub fn of(word: &str) -> Option<Self> {
        (word == "upper").then_some(Normalization::Upper)
    }

    fn of_value(self, value: &Value) -> Value {
        let Normalization::Upper = self;
        match value {
            Value::String(text) => text.to_uppercase().into(),
            Value::Array(items) => items.iter().map(|item| self.of_value(item)).collect(),
            other => other.clone(),
        }
    }
}

/// Why a value does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    WrongEntity,
    Archived,
    Deactivated,
    /// Text for a Select, a path for a Text, or nothing at all.
    WrongKind,
    UnknownOption,
    DeactivatedOption,
}

impl Unfit {
    /// For the message of a 400; the texts of Dixa are not documented, only their category.
    pub fn why(self, wanted: Entity) -> &'static str {
        match self {
            Unfit::WrongEntity => match wanted {
                Entity::Conversation => "is not an attribute of conversations",
                Entity::Contact => "is not an attribute of end users",
            },
            Unfit::Archived => "is archived",
            Unfit::Deactivated => "is deactivated",
            Unfit::WrongKind => "takes another kind of value",
            Unfit::UnknownOption => "has no such option",
            Unfit::DeactivatedOption => "has this option deactivated",
        }
    }
}

impl Definition {
    /// One that was given; it stays as it is. The caller vouches for its shape.
    pub fn fixed(shown: Value, normalization: Option<Normalization>) -> Self {
        Definition { shown, provisioned: false, normalization }
    }

    /// One that the sandbox made up; it grows. The caller vouches for its shape.
    pub fn provisioned(shown: Value) -> Self {
        Definition { shown, provisioned: true, normalization: None }
    }

    /// Makes one up for an attribute of which only a value was seen.
    pub fn made_up(id: &str, entity: Entity, text: bool, now: Timestamp) -> Self {
        let short = id.get(..8).unwrap_or(id);
        let input = if text { json!({ "_type": "Text" }) } else { json!({ "_type": "Select", "options": [] }) };
        Definition::provisioned(json!({
            "id": id,
            "entityType": entity.as_str(),
            "identifier": made_up_identifier(id),
            "label": format!("Attribute {short}"),
            "inputDefinition": input,
            "description": "Provisioned by the sandbox",
            "createdAt": format!("{now}[GMT]"),
            "isRequired": false,
            "isArchived": false,
            "isDeactivated": false,
        }))
    }

    /// Makes up one with this identifier.
    pub fn identified(id: &str, identifier: &str, entity: Entity, text: bool, now: Timestamp) -> Self {
        let mut definition = Definition::made_up(id, entity, text, now);
        definition.shown["identifier"] = Value::from(identifier);
        definition.shown["label"] = Value::from(identifier);
        definition
    }

    /// Whether it is the one of an entity with this identifier.
    pub fn is_identified(&self, identifier: &str, entity: Entity) -> bool {
        self.shown["identifier"] == identifier && self.shown["entityType"] == entity.as_str()
    }

    /// Its uuid, in lower case.
    pub fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap_or_default()
    }

    /// What a manifest calls it: its identifier, or the id if the identifier was made up from it.
    pub fn name(&self) -> &str {
        let identifier = self.shown["identifier"].as_str().unwrap_or_default();
        if identifier.is_empty() || identifier == made_up_identifier(self.id()) { self.id() } else { identifier }
    }

    /// As the API shows it.
    pub fn shown(&self) -> &Value {
        &self.shown
    }

    /// Whether the sandbox made it up, and may add options to it.
    pub fn is_provisioned(&self) -> bool {
        self.provisioned
    }

    /// What is kept of a value that fits.
    pub fn kept(&self, given: &Given) -> Value {
        let value = given.to_value();
        self.normalization.map_or_else(|| value.clone(), |normalization| normalization.of_value(&value))
    }

    /// A value of this attribute as `customAttributes` and the answer of a patch show it.
    pub fn attribute(&self, value: &Value) -> Value {
        json!({
            "id": self.shown["id"],
            "name": self.shown["label"],
            "identifier": self.shown["identifier"],
            "value": value,
        })
    }

    /// Whether the attribute can be patched on this at all.
    pub fn check_patchable(&self, entity: Entity) -> Result<(), Unfit> {
        if self.shown["entityType"] != entity.as_str() {
            Err(Unfit::WrongEntity)
        } else if self.shown["isArchived"] == true {
            Err(Unfit::Archived)
        } else if self.shown["isDeactivated"] == true {
            Err(Unfit::Deactivated)
        } else {
            Ok(())
        }
    }

    /// Whether a value fits.
    pub fn check(&self, given: &Given, entity: Entity) -> Result<(), Unfit> {
        self.check_patchable(entity)?;
        let input = &self.shown["inputDefinition"];
        match given {
            Given::Text(text) if input["_type"] == "Text" && !text.is_empty() => Ok(()),
            Given::Path(path) if input["_type"] == "Select" && !path.is_empty() => self.check_path(path),
            Given::Text(_) | Given::Path(_) => Err(Unfit::WrongKind),
        }
    }

    fn check_path(&self, path: &[String]) -> Result<(), Unfit> {
        let mut options = &self.shown["inputDefinition"]["options"];
        for value in path {
            let option = option_of(options, value).ok_or(Unfit::UnknownOption)?;
            if option["isDeactivated"] == true {
                return Err(Unfit::DeactivatedOption);
            }
            options = &option["nestedOptions"];
        }
        Ok(())
    }

    /// Adds the options of a path that are not there yet.
    pub fn add_path(&mut self, path: &[String]) {
        let namespace = Uuid::try_parse(self.id()).unwrap_or_default();
        let input = &mut self.shown["inputDefinition"];
        let mut index = count_of(&input["options"]);
        let mut options = &mut input["options"];
        for depth in 0..path.len() {
            let value = &path[depth];
            let Value::Array(siblings) = options else { return };
            let place = siblings.iter().position(|option| option["value"] == value.as_str()).unwrap_or_else(|| {
                index += 1;
                let id = Uuid::new_v5(&namespace, path[..=depth].join("\u{1f}").as_bytes()).to_string();
                siblings.push(json!({
                    "id": id,
                    "label": value,
                    "value": value,
                    "nestedOptions": [],
                    "isDeactivated": false,
                    "orderIndex": index,
                }));
                siblings.len() - 1
            });
            options = &mut siblings[place]["nestedOptions"];
        }
    }
}

fn option_of<'a>(options: &'a Value, value: &str) -> Option<&'a Value> {
    options.as_array()?.iter().find(|option| option["value"] == value)
}

/// How many options there are, nested ones included.
fn count_of(options: &Value) -> usize {
    options.as_array().into_iter().flatten().map(|option| 1 + count_of(&option["nestedOptions"])).sum()
}

fn made_up_identifier(id: &str) -> String {
    format!("attribute_{}", id.get(..8).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(values: &[&str]) -> Given {
        Given::Path(values.iter().map(ToString::to_string).collect())
    }

    fn select(paths: &[&[&str]]) -> Definition {
        let mut made = Definition::made_up(
            "5d0e7b0c-9d2e-4f5b-8f52-8f43f0b8a111",
            Entity::Conversation,
            false,
            Timestamp::UNIX_EPOCH,
        );
        for values in paths {
            made.add_path(&values.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        made
    }

    #[test]
    fn paths_that_share_a_root_are_merged() {
        let made = select(&[&["payment", "card"], &["payment", "cash"], &["access"], &["payment", "card"]]);
        let options = &made.shown()["inputDefinition"]["options"];
        assert_eq!(count_of(options), 4);
        assert_eq!(options[0]["nestedOptions"][1]["value"], "cash");
        assert_eq!(options[1]["orderIndex"], 4);
        assert_ne!(options[0]["nestedOptions"][0]["id"], options[0]["nestedOptions"][1]["id"]);
    }

    #[test]
    fn a_path_is_of_options_that_exist_and_may_end_before_a_leaf() {
        let made = select(&[&["payment", "card"]]);
        let fixed = Definition::fixed(made.shown().clone(), None);
        assert_eq!(made.check(&path(&["payment"]), Entity::Conversation), Ok(()));
        assert_eq!(fixed.check(&path(&["payment"]), Entity::Conversation), Ok(()));
        assert_eq!(fixed.check(&path(&["payment", "card"]), Entity::Conversation), Ok(()));
        assert_eq!(fixed.check(&path(&["payment", "card", "x"]), Entity::Conversation), Err(Unfit::UnknownOption));
        assert_eq!(fixed.check(&path(&["card"]), Entity::Conversation), Err(Unfit::UnknownOption));
        assert_eq!(fixed.check(&path(&[]), Entity::Conversation), Err(Unfit::WrongKind));
        assert_eq!(fixed.check(&Given::Text("payment".to_owned()), Entity::Conversation), Err(Unfit::WrongKind));
    }

    #[test]
    fn what_is_deactivated_or_archived_takes_no_value() {
        let with = |pointer: &str, value: Value| {
            let mut shown = select(&[&["payment", "card"]]).shown().clone();
            *shown.pointer_mut(pointer).expect("there") = value;
            Definition::fixed(shown, None).check(&path(&["payment", "card"]), Entity::Conversation)
        };
        assert_eq!(with("/isArchived", json!(true)), Err(Unfit::Archived));
        assert_eq!(with("/isDeactivated", json!(true)), Err(Unfit::Deactivated));
        assert_eq!(with("/entityType", json!("Contact")), Err(Unfit::WrongEntity));
        let option = "/inputDefinition/options/0/isDeactivated";
        assert_eq!(with(option, json!(true)), Err(Unfit::DeactivatedOption));
    }
}
