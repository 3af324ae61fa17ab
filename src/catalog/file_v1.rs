//! The catalog file, version 1: text to [`Catalog`] and back. It is JSON as a whole, and one entry per line, so that
//! its diffs read well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::{Agent, Catalog, ContactEndpoint, Organization, Queue, Tag};
use crate::definition::{Choice, Definition, Entity, Input};
use crate::json;

/// The value of `format`.
pub const FORMAT: &str = "dixaform-catalog/1";

/// Why a text is not a catalog that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogFileError {
    #[error("not JSON: {0}")]
    NotJson(serde_json::Error),
    #[error("not a catalog: {0}")]
    Shape(serde_json::Error),
    #[error("not a catalog: its format is `{format}`, not `{FORMAT}`")]
    UnknownFormat { format: String },
    #[error("written by a newer dixaform: its format is `{format}`, but this one reads at most `{FORMAT}`; refused")]
    NewerFormat { format: String },
}

/// A catalog as it is in a file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "catalog")]
pub struct CatalogV1 {
    /// Always `dixaform-catalog/1`.
    pub format: String,
    pub organization: Organization,
    pub attributes: Vec<AttributeV1>,
    pub agents: Vec<Agent>,
    pub queues: Vec<Queue>,
    pub tags: Vec<Tag>,
    pub contact_endpoints: Vec<ContactEndpoint>,
}

/// The definition of a custom attribute.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "catalogAttribute")]
pub struct AttributeV1 {
    /// `Conversation` or `Contact`.
    pub entity: String,
    pub identifier: String,
    pub label: String,
    /// A uuid in lower case.
    pub id: String,
    /// `Text` or `Select`.
    pub input: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionV1>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub archived: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub deactivated: bool,
}

/// One option of a Select, with those below it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "catalogOption")]
pub struct OptionV1 {
    pub value: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub deactivated: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionV1>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Reads a catalog.
///
/// # Errors
/// See [`CatalogFileError`].
pub fn read(text: &str) -> Result<Catalog, CatalogFileError> {
    let value = json::parse(text).map_err(CatalogFileError::NotJson)?;
    match value.get("format").and_then(Value::as_str) {
        Some(FORMAT) | None => {}
        Some(format) => {
            let format = format.to_owned();
            return Err(match format.strip_prefix("dixaform-catalog/") {
                Some(_) => CatalogFileError::NewerFormat { format },
                None => CatalogFileError::UnknownFormat { format },
            });
        }
    }
    let file: CatalogV1 = serde_json::from_value(value).map_err(CatalogFileError::Shape)?;
    let CatalogV1 { format: _, organization, attributes, agents, queues, tags, contact_endpoints } = file;
    let attributes = attributes.into_iter().map(AttributeV1::resolve).collect();
    Ok(Catalog { organization, attributes, agents, queues, tags, contact_endpoints }.sorted())
}

/// The text of a catalog.
pub fn text(catalog: &Catalog) -> String {
    let Catalog { organization, attributes, agents, queues, tags, contact_endpoints } = catalog;
    let attributes: Vec<AttributeV1> = attributes.iter().map(AttributeV1::of).collect();
    let lists = [
        list("attributes", &attributes),
        list("agents", agents),
        list("queues", queues),
        list("tags", tags),
        list("contactEndpoints", contact_endpoints),
    ];
    format!("{{\"format\":\"{FORMAT}\",\"organization\":{},\n{}}}\n", line(organization), lists.join(",\n"))
}

fn list<T: Serialize>(name: &str, entries: &[T]) -> String {
    if entries.is_empty() {
        return format!("\"{name}\":[]");
    }
    let lines: Vec<String> = entries.iter().map(line).collect();
    format!("\"{name}\":[\n{}\n]", lines.join(",\n"))
}

fn line<T: Serialize>(entry: &T) -> String {
    serde_json::to_string(entry).expect("an entry is JSON")
}

impl AttributeV1 {
    pub(super) fn of(definition: &Definition) -> Self {
        let Definition { id, label, identifier, entity, input, archived, deactivated } = definition;
        let (word, options) = match input {
            Input::Text => ("Text", Vec::new()),
            Input::Select(choices) => ("Select", choices.iter().map(OptionV1::of).collect()),
            Input::Other(word) => (word.as_str(), Vec::new()),
        };
        AttributeV1 {
            entity: entity.word().to_owned(),
            identifier: identifier.clone(),
            label: label.clone(),
            id: id.clone(),
            input: word.to_owned(),
            options,
            archived: *archived,
            deactivated: *deactivated,
        }
    }

    fn resolve(self) -> Definition {
        let AttributeV1 { entity, identifier, label, id, input, options, archived, deactivated } = self;
        let input = match input.as_str() {
            "Text" => Input::Text,
            "Select" => Input::Select(options.into_iter().map(OptionV1::resolve).collect()),
            _ => Input::Other(input),
        };
        Definition { id, label, identifier, entity: Entity::of_word(&entity), input, archived, deactivated }
    }
}

impl OptionV1 {
    fn of(choice: &Choice) -> Self {
        let Choice { value, deactivated, nested } = choice;
        OptionV1 { value: value.clone(), deactivated: *deactivated, options: nested.iter().map(OptionV1::of).collect() }
    }

    fn resolve(self) -> Choice {
        let OptionV1 { value, deactivated, options } = self;
        Choice { value, deactivated, nested: options.into_iter().map(OptionV1::resolve).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Catalog {
        let choice = |value: &str, nested| Choice { value: value.to_owned(), deactivated: false, nested };
        let definition = |identifier: &str, entity, input| Definition {
            id: format!("id-of-{identifier}"),
            label: identifier.to_uppercase(),
            identifier: identifier.to_owned(),
            entity,
            input,
            archived: false,
            deactivated: identifier == "reason",
        };
        let reason = Input::Select(vec![choice("payment", vec![choice("card", Vec::new())])]);
        Catalog {
            organization: Organization { id: "org".into(), name: "Acme \"Staging\"".into() },
            attributes: vec![
                definition("reason", Entity::Conversation, reason),
                definition("order_number", Entity::Conversation, Input::Text),
                definition("tier", Entity::Contact, Input::Other("Date".into())),
            ],
            agents: vec![Agent { email: "mia@example.com".into(), name: "Mia".into(), id: "a".into() }],
            queues: vec![Queue { name: "Support".into(), id: "q".into() }],
            tags: vec![Tag { name: "vip".into(), id: "t".into(), active: false }],
            contact_endpoints: vec![
                ContactEndpoint::Telephony {
                    number: "+4512345678".into(),
                    name: "Phone".into(),
                    functionality: vec!["Sms".into()],
                },
                ContactEndpoint::Email { address: "a@email.dixa.io".into(), name: "Mail".into() },
            ],
        }
        .sorted()
    }

    #[test]
    fn a_catalog_reads_what_it_writes_with_one_entry_per_line() {
        let text = text(&some());
        assert_eq!(read(&text).expect("a catalog"), some());
        assert_eq!(text.lines().filter(|line| line.starts_with("{\"")).count(), 1 + some().len(), "{text}");
        let empty = Catalog::default();
        assert_eq!(read(&super::text(&empty)).expect("a catalog"), empty);
    }

    #[test]
    fn what_is_no_catalog_of_this_version_is_refused() {
        let newer = text(&some()).replace(FORMAT, "dixaform-catalog/2");
        assert!(matches!(read(&newer), Err(CatalogFileError::NewerFormat { .. })));
        assert!(matches!(read(r#"{"format":"other/1"}"#), Err(CatalogFileError::UnknownFormat { .. })));
        assert!(matches!(read("[1"), Err(CatalogFileError::NotJson(_))));
        let unknown = text(&some()).replace("\"tags\":", "\"token\":\"x\",\"tags\":");
        assert!(matches!(read(&unknown), Err(CatalogFileError::Shape(_))));
        let twice = text(&some()).replace("\"tags\":", "\"tags\":[],\"tags\":");
        assert!(matches!(read(&twice), Err(CatalogFileError::NotJson(_))));
    }
}
