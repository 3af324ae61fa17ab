//! What a manifest may write in place of an id of Dixa: the name of an end user, an agent, a queue or a custom
//! attribute.
//!
//! In a spec, a name is a map with one member, where the id would be a text. The identifier of a custom attribute is a
//! key that is no uuid.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::conversation::{Address, Attributes, CUSTOM_ATTRIBUTES, Conversation, Kind};
use crate::end_user::{Key, Lookup};
use crate::handling::Handling;
use crate::shape::{self, Thing};

/// One name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `{endUser: NAME}`: the end user that a manifest describes.
    Manifest(Address),
    /// `{email: …}`, `{phone: …}` or `{externalId: …}` of an end user.
    EndUser(Lookup),
    /// `{email: …}` of an agent, in lower case.
    Agent(String),
    /// `{name: …}` of a queue.
    Queue(String),
    /// The identifier of a custom attribute, of contacts or of conversations.
    Attribute { of_contacts: bool, identifier: String },
}

/// Names and the ids that they stand for in one tenant.
pub type Ids = BTreeMap<Name, String>;

/// A text that is no name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a name")]
pub struct NotAName(String);

impl Thing {
    /// The name with this member and text; none where it can't have one.
    pub fn named(self, key: &str, text: &str) -> Option<Name> {
        match (self, key) {
            (Thing::EndUser, "endUser") => Address::new(Kind::EndUser, text).ok().map(Name::Manifest),
            (Thing::EndUser, _) => {
                let key = Key::ALL.into_iter().find(|known| known.parameter() == key)?;
                let mut lookup = Lookup { key, value: text.to_owned() };
                lookup.fold();
                Some(Name::EndUser(lookup))
            }
            (Thing::Agent, "email") => Some(Name::Agent(text.to_lowercase())),
            (Thing::Queue, "name") => Some(Name::Queue(text.to_owned())),
            (Thing::Agent | Thing::Queue, _) => None,
        }
    }

    /// The name that a value of a spec is; none for an id.
    pub fn name(self, value: &Value) -> Option<Name> {
        let map = value.as_object().filter(|map| map.len() == 1)?;
        let (key, text) = map.iter().next()?;
        self.named(key, text.as_str()?)
    }
}

impl Name {
    /// The identifier of an attribute of what a kind of manifest describes; none for a uuid.
    pub fn of_attribute(kind: Kind, key: &str) -> Option<Self> {
        let is_id = Uuid::try_parse(key).is_ok();
        let named = || Name::Attribute { of_contacts: kind == Kind::EndUser, identifier: key.to_owned() };
        (!is_id).then(named)
    }

    /// What it is the name of, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Name::Manifest(_) | Name::EndUser(_) => Thing::EndUser.noun(),
            Name::Agent(_) => Thing::Agent.noun(),
            Name::Queue(_) => Thing::Queue.noun(),
            Name::Attribute { .. } => "custom attribute",
        }
    }

    /// What it is the name of, unless that is a custom attribute, and as a spec has it.
    fn written(&self) -> Option<(Thing, Value)> {
        let (thing, key, text) = match self {
            Name::Manifest(address) => (Thing::EndUser, MANIFEST, address.name()),
            Name::EndUser(Lookup { key, value }) => (Thing::EndUser, key.parameter(), value.as_str()),
            Name::Agent(email) => (Thing::Agent, "email", email.as_str()),
            Name::Queue(name) => (Thing::Queue, "name", name.as_str()),
            Name::Attribute { .. } => return None,
        };
        Some((thing, Value::Object([(key.to_owned(), Value::from(text))].into_iter().collect())))
    }

    /// As people say it beside an id.
    pub fn label(&self) -> String {
        match self {
            Name::Manifest(address) => address.to_string(),
            Name::EndUser(Lookup { value, .. }) => value.clone(),
            Name::Agent(text) | Name::Queue(text) | Name::Attribute { identifier: text, .. } => text.clone(),
        }
    }
}

const MANIFEST: &str = "endUser";
const AGENT: &str = "agent";
const QUEUE: &str = "queue";
const ATTRIBUTE: &str = "attribute";
const CONTACT_ATTRIBUTE: &str = "contactAttribute";

impl fmt::Display for Name {
    /// As states and plans have it: `email:jane@example.com`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Manifest(address) => write!(out, "{MANIFEST}:{}", address.name()),
            Name::EndUser(Lookup { key, value }) => write!(out, "{}:{value}", key.parameter()),
            Name::Agent(email) => write!(out, "{AGENT}:{email}"),
            Name::Queue(name) => write!(out, "{QUEUE}:{name}"),
            Name::Attribute { of_contacts: true, identifier } => write!(out, "{CONTACT_ATTRIBUTE}:{identifier}"),
            Name::Attribute { of_contacts: false, identifier } => write!(out, "{ATTRIBUTE}:{identifier}"),
        }
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let attribute = |of_contacts, rest: &str| Name::Attribute { of_contacts, identifier: rest.to_owned() };
        let name = text.split_once(':').and_then(|(key, rest)| match key {
            AGENT => Thing::Agent.named("email", rest),
            QUEUE => Thing::Queue.named("name", rest),
            ATTRIBUTE => Some(attribute(false, rest)),
            CONTACT_ATTRIBUTE => Some(attribute(true, rest)),
            key => Thing::EndUser.named(key, rest),
        });
        name.ok_or_else(|| NotAName(text.to_owned()))
    }
}

/// Visits what is in each member of a content that holds an id or a name, with what it is of; of a list, each item.
fn visit(content: &mut Map<String, Value>, visit: &mut impl FnMut(Thing, &mut Value)) {
    let channel = content.get("genericChannelName").and_then(Value::as_str);
    // What `attributes` hold there is sent as it is written.
    let is_free = channel.is_some_and(|channel| shape::channel(channel).is_none());
    below(content, is_free, visit);
}

/// [`visit`], and the same of how the conversation is handled.
fn visit_all(conversation: &mut Conversation, visit: &mut impl FnMut(Thing, &mut Value)) {
    self::visit(&mut conversation.content, visit);
    let Handling { queue, assignee, tags: _, state: _ } = &mut conversation.handling;
    queue.iter_mut().for_each(|value| visit(Thing::Queue, value));
    assignee.iter_mut().for_each(|value| visit(Thing::Agent, value));
}

fn below(members: &mut Map<String, Value>, is_free: bool, visit: &mut impl FnMut(Thing, &mut Value)) {
    for (name, value) in members {
        match (Thing::of_member(name), value) {
            (Some(thing), Value::Array(items)) => items.iter_mut().for_each(|item| visit(thing, item)),
            (Some(thing), value) => visit(thing, value),
            (None, Value::Object(inner)) if name != "content" && !(is_free && name == "attributes") => {
                below(inner, is_free, visit);
            }
            (None, Value::Array(items)) => {
                let maps = items.iter_mut().filter_map(Value::as_object_mut);
                maps.for_each(|inner| below(inner, is_free, visit));
            }
            (None, _) => {}
        }
    }
}

/// What a spec refers to by id, each once.
pub fn ids_in(mut conversation: Conversation) -> BTreeSet<(Thing, String)> {
    let mut ids = BTreeSet::new();
    visit_all(&mut conversation, &mut |thing, value| {
        if let Value::String(id) = value {
            ids.insert((thing, id.to_ascii_lowercase()));
        }
    });
    ids
}

/// Puts the id in the place of a name that has one.
pub fn put_id(thing: Thing, value: &mut Value, ids: &Ids) {
    if let Some(id) = thing.name(value).and_then(|name| ids.get(&name)) {
        *value = Value::from(id.as_str());
    }
}

/// Puts ids in the place of those names that have one. An identifier stays whose attribute is there under its id too.
pub fn put_ids(conversation: &mut Conversation, kind: Kind, ids: &Ids) {
    visit_all(conversation, &mut |thing, value| put_id(thing, value, ids));
    conversation.attributes = with_ids(&conversation.attributes, kind, ids);
}

/// Puts names in the place of the ids that they stood for, as a [record](crate::state::Record::names) remembers them.
pub fn put_names(conversation: &mut Conversation, names: &BTreeMap<String, String>) {
    let names: Vec<(Name, &String)> = names.iter().filter_map(|(name, id)| Some((name.parse().ok()?, id))).collect();
    let written = names.iter().filter_map(|(name, id)| Some((name.written()?, *id)));
    let written: Vec<((Thing, Value), &String)> = written.collect();
    visit_all(conversation, &mut |thing, value| {
        let is_it = |((of, _), id): &&((Thing, Value), &String)| *of == thing && value.as_str() == Some(id.as_str());
        if let Some(((_, name), _)) = written.iter().find(is_it) {
            *value = name.clone();
        }
    });
    let identifier = |id: &String| {
        names.iter().find_map(|(name, known)| match name {
            Name::Attribute { identifier, .. } if *known == id => Some(identifier.clone()),
            _ => None,
        })
    };
    let attributes = std::mem::take(&mut conversation.attributes).into_iter();
    conversation.attributes = attributes.map(|(id, value)| (identifier(&id).unwrap_or(id), value)).collect();
}

/// Puts names in the place of the ids that they stand for, each as `wanted` writes it, and leaves names alone that
/// `wanted` has not. Gives the ids of attributes that became identifiers, with these.
pub fn put_names_of(spec: &mut Map<String, Value>, mut wanted: Conversation, ids: &Ids) -> Vec<(String, String)> {
    let mut written = BTreeMap::new();
    visit_all(&mut wanted, &mut |thing, value| {
        if let Some(id) = thing.name(value).and_then(|name| ids.get(&name)) {
            written.insert((thing, id.clone()), value.clone());
        }
    });
    let attributes = spec.remove(CUSTOM_ATTRIBUTES);
    visit(spec, &mut |thing, value| {
        if let Some(name) = value.as_str().and_then(|id| written.get(&(thing, id.to_owned()))) {
            *value = name.clone();
        }
    });
    let Some(Value::Object(mut attributes)) = attributes else { return Vec::new() };
    let mut renamed = Vec::new();
    for (name, id) in ids {
        let Name::Attribute { identifier, .. } = name else { continue };
        if !wanted.attributes.contains_key(identifier) || wanted.attributes.contains_key(id) {
            continue;
        }
        if let Some(value) = attributes.remove(id) {
            attributes.insert(identifier.clone(), value);
            renamed.push((id.clone(), identifier.clone()));
        }
    }
    spec.insert(CUSTOM_ATTRIBUTES.to_owned(), Value::Object(attributes));
    renamed
}

/// Attributes by the ids of their definitions, as far as those are known; see [`put_ids`].
pub fn with_ids(attributes: &Attributes, kind: Kind, ids: &Ids) -> Attributes {
    let known = |key: &String| ids.get(&Name::of_attribute(kind, key)?).filter(|id| !attributes.contains_key(*id));
    attributes.iter().map(|(key, value)| (known(key).unwrap_or(key).clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::AttributeValue;

    fn name(text: &str) -> Name {
        text.parse().expect(text)
    }

    #[test]
    fn a_name_parses_what_it_prints() {
        for text in [
            "endUser:jane",
            "email:jane@example.com",
            "phone:+4512345678",
            "externalId:crm:1",
            "agent:mia@example.com",
            "queue:Support: second line",
            "attribute:order_number",
            "contactAttribute:tier",
        ] {
            assert_eq!(name(text).to_string(), text);
        }
        for text in ["", "jane", "endUser:Jane", "name:Support", "endUser:"] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
        assert_eq!(name("email:Jane@Example.com"), name("email:jane@example.com"));
        assert_ne!(name("externalId:A"), name("externalId:a"));
    }

    #[test]
    fn ids_take_the_place_of_names_wherever_an_id_is_wanted() {
        let content = json!({
            "genericChannelName": "email",
            "requesterId": { "email": "Jane@example.com" },
            "assignment": { "agentId": { "email": "mia@example.com" } },
            "messages": [
                { "attributes": { "requesterId": { "phone": "+451" }, "cc": ["plain@example.com"] },
                  "content": { "requesterId": { "phone": "+451" } } },
                { "agentId": { "email": "nobody@example.com" }, "cc": ["id", { "endUser": "joe" }] },
            ],
        });
        let attributes = Attributes::from([
            ("order_number".to_owned(), AttributeValue::Clear),
            ("unknown".to_owned(), AttributeValue::Clear),
        ]);
        let mut spec = Conversation {
            content: content.as_object().cloned().expect("a map"),
            attributes,
            handling: Handling::default(),
        };
        let ids: Ids = [
            ("email:jane@example.com", "u-jane"),
            ("agent:mia@example.com", "a-mia"),
            ("phone:+451", "u-phone"),
            ("endUser:joe", "u-joe"),
            ("attribute:order_number", "d-1"),
            ("contactAttribute:unknown", "d-2"),
        ]
        .map(|(text, id)| (name(text), id.to_owned()))
        .into();
        put_ids(&mut spec, Kind::Import, &ids);
        let expected = json!({
            "genericChannelName": "email",
            "requesterId": "u-jane",
            "assignment": { "agentId": "a-mia" },
            "messages": [
                { "attributes": { "requesterId": "u-phone", "cc": ["plain@example.com"] },
                  "content": { "requesterId": { "phone": "+451" } } },
                { "agentId": { "email": "nobody@example.com" }, "cc": ["id", "u-joe"] },
            ],
        });
        assert_eq!(Value::Object(spec.content.clone()), expected);
        let keys: Vec<&String> = spec.attributes.keys().collect();
        assert_eq!(keys, ["d-1", "unknown"]);
        let found: Vec<String> = ids_in(spec).into_iter().map(|(thing, id)| format!("{} {id}", thing.noun())).collect();
        let all =
            ["end user id", "end user plain@example.com", "end user u-jane", "end user u-joe", "end user u-phone"];
        assert_eq!(found, [&all[..], &["agent a-mia"]].concat());
    }

    #[test]
    fn what_a_channel_that_is_not_documented_is_given_stays_as_it_is() {
        let content = json!({
            "genericChannelName": "carrier-pigeon",
            "attributes": { "requesterId": { "email": "jane@example.com" } },
        });
        let mut spec = Conversation {
            content: content.as_object().cloned().expect("a map"),
            attributes: [].into(),
            handling: Handling::default(),
        };
        let before = spec.clone();
        put_ids(&mut spec, Kind::Import, &[(name("email:jane@example.com"), "u-1".to_owned())].into());
        assert_eq!(spec, before);
    }

    #[test]
    fn an_identifier_and_the_id_of_one_attribute_are_not_made_one() {
        let value = |text: &str| AttributeValue::Text(text.to_owned());
        let attributes = Attributes::from([("d-1".to_owned(), value("a")), ("order".to_owned(), value("b"))]);
        let ids = Ids::from([(name("attribute:order"), "d-1".to_owned())]);
        assert_eq!(with_ids(&attributes, Kind::Conversation, &ids), attributes);
    }
}
