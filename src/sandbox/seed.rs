//! A seed: what exists in a sandbox besides the documentation's samples, described by its user.
//!
//! It is strict, and reports all problems at once. Everything in it may be left out; [`SEED_SCHEMA`] says what can be
//! in it. An id may be left out where something else names the thing: then it is the same each time, and another in
//! every organization.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::data_v1::Thing;
use crate::sandbox::decode::{is_phone_number, uuid};
use crate::sandbox::definition::{Definition, Normalization};
use crate::sandbox::end_users::EndUser;
use crate::sandbox::things::{self, SINCE, id_of};
use crate::sandbox::world::World;

/// A JSON Schema of a seed.
pub const SEED_SCHEMA: &str = include_str!("seed.schema.json");

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
    Flag,
}

type Members = &'static [(&'static str, Kind)];

const SEED: &[&str] = &[
    "organization",
    "endUsers",
    "agents",
    "queues",
    "tags",
    "widgets",
    "emailIntegrations",
    "contactEndpoints",
    "customAttributes",
];
const ORGANIZATION: Members = &[("id", Kind::Text), ("name", Kind::Text), ("subdomain", Kind::Text)];
const END_USER: Members = &[
    ("id", Kind::Text),
    ("displayName", Kind::Text),
    ("email", Kind::Text),
    ("phoneNumber", Kind::Text),
    ("additionalEmails", Kind::Texts),
    ("additionalPhoneNumbers", Kind::Texts),
    ("firstName", Kind::Text),
    ("lastName", Kind::Text),
    ("middleNames", Kind::Texts),
    ("avatarUrl", Kind::Text),
    ("externalId", Kind::Text),
    ("createdAt", Kind::Text),
];
const AGENT: Members = &[
    ("id", Kind::Text),
    ("displayName", Kind::Text),
    ("email", Kind::Text),
    ("phoneNumber", Kind::Text),
    ("active", Kind::Flag),
];
const QUEUE: Members = &[("id", Kind::Text), ("name", Kind::Text), ("isDefault", Kind::Flag)];
const TAG: Members = &[("id", Kind::Text), ("name", Kind::Text), ("color", Kind::Text), ("active", Kind::Flag)];
const MAILBOX: Members = &[("address", Kind::Text), ("name", Kind::Text), ("senderOverride", Kind::Text)];
const NUMBER: Members = &[("number", Kind::Text), ("name", Kind::Text), ("functionality", Kind::Texts)];

/// Nested options deeper than this are a mistake; Dixa's own limit is not documented.
const OPTION_DEPTH_MAX: usize = 16;

/// Puts what the seed describes into the world.
///
/// # Errors
/// All problems of the seed, each with its place. The world is then half sown and of no use.
pub fn sow(seed: &Value, world: &mut World) -> Result<(), Vec<String>> {
    let mut sower = Sower { world, problems: Vec::new() };
    sower.seed(seed);
    if sower.problems.is_empty() { Ok(()) } else { Err(sower.problems) }
}

struct Sower<'a> {
    world: &'a mut World,
    problems: Vec<String>,
}

impl Sower<'_> {
    fn seed(&mut self, seed: &Value) {
        // An empty file is a seed that says nothing.
        if seed.is_null() {
            return;
        }
        let Some(map) = self.map("seed", seed, SEED) else { return };
        if let Some(organization) = map.get("organization")
            && let Some(members) = self.members("organization", organization, ORGANIZATION)
        {
            for (name, value) in members {
                self.world.organization[name] = value;
            }
        }
        self.each(map, "endUsers", Self::end_user);
        self.each(map, "agents", Self::agent);
        self.each(map, "queues", Self::queue);
        self.each(map, "tags", Self::tag);
        self.each(map, "widgets", Self::widget);
        self.each(map, "emailIntegrations", Self::mailbox);
        self.each(map, "contactEndpoints", Self::number);
        self.each(map, "customAttributes", Self::definition);
    }

    fn end_user(&mut self, at: &str, value: &Value) {
        let Some(members) = self.members(at, value, END_USER) else { return };
        let Some(id) = self.id_or(at, &members, "seeded end user", &["externalId", "email", "phoneNumber"]) else {
            return;
        };
        let mut shown = EndUser::provisioned(&id, SINCE);
        shown.extend(members);
        shown.insert("id".to_owned(), Value::from(id));
        self.world.end_users.put(shown, Timestamp::MIN);
    }

    fn agent(&mut self, at: &str, value: &Value) {
        let Some(mut members) = self.members(at, value, AGENT) else { return };
        let active = members.remove("active") != Some(Value::Bool(false));
        let Some(id) = self.id_or(at, &members, "agent", &["email", "displayName"]) else { return };
        if active {
            self.world.inactive_agents.remove(&id);
        } else {
            self.world.inactive_agents.insert(id.clone());
        }
        self.add(Thing::Agent(id), members);
    }

    fn queue(&mut self, at: &str, value: &Value) {
        let Some(members) = self.members(at, value, QUEUE) else { return };
        let Some(id) = self.id_or(at, &members, "queue", &["name"]) else { return };
        self.add(Thing::Queue(id), members);
    }

    fn tag(&mut self, at: &str, value: &Value) {
        let Some(members) = self.members(at, value, TAG) else { return };
        let Some(name) = members.get("name").and_then(Value::as_str) else {
            self.problem(&format!("{at}.name"), "expected a string");
            return;
        };
        let Some(id) = self.id_or(at, &members, "tag", &["name"]) else { return };
        let state = if members.get("active") == Some(&Value::Bool(false)) { "Inactive" } else { "Active" };
        let color = members.get("color").and_then(Value::as_str).unwrap_or("#000000");
        self.world.put_tag(json!({ "id": id, "name": name, "color": color, "state": state }));
    }

    fn widget(&mut self, at: &str, value: &Value) {
        match value.as_str().and_then(uuid) {
            Some(id) => self.add(Thing::Widget(id), Map::new()),
            None => self.problem(at, "expected a uuid"),
        }
    }

    fn mailbox(&mut self, at: &str, value: &Value) {
        let named = self.address(at, value, MAILBOX, "expected a string, or a map with `address`");
        let Some((address, members)) = named else { return };
        self.add(Thing::EmailIntegration(address), members);
    }

    fn number(&mut self, at: &str, value: &Value) {
        let expected = "expected a string (quote a phone number), or a map with `number`";
        let Some((number, members)) = self.address(at, value, NUMBER, expected) else { return };
        if is_phone_number(&number) {
            self.add(Thing::ContactEndpoint(number), members);
        } else {
            self.problem(at, "expected a phone number like +4512345678");
        }
    }

    /// The address of a contact endpoint and all that is said of it: the address alone, or a map that begins with it.
    fn address(
        &mut self,
        at: &str,
        value: &Value,
        known: Members,
        expected: &str,
    ) -> Option<(String, Map<String, Value>)> {
        let name = known.first().map_or("", |(name, _)| *name);
        let members = match value {
            Value::Object(_) => self.members(at, value, known)?,
            _ => Map::from_iter([(name.to_owned(), value.clone())]),
        };
        let address = members.get(name).and_then(Value::as_str).map(str::to_owned);
        if address.is_none() {
            self.problem(at, expected);
        }
        Some((address?, members))
    }

    fn add(&mut self, thing: Thing, mut members: Map<String, Value>) {
        // It is that of the thing, in lower case, or made up.
        members.remove("id");
        let shown = things::shown(&thing, &self.world.organization, &members);
        self.world.add(thing, shown);
    }

    fn definition(&mut self, at: &str, value: &Value) {
        const KNOWN: &[&str] = &[
            "id",
            "entityType",
            "identifier",
            "label",
            "inputDefinition",
            "description",
            "createdAt",
            "updatedAt",
            "isRequired",
            "isArchived",
            "isDeactivated",
            "normalize",
        ];
        let Some(map) = self.map(at, value, KNOWN) else { return };
        let mut shown = map.clone();
        // That is how the sandbox behaves, and nothing that Dixa shows.
        shown.remove("normalize");
        let normalization = map.get("normalize").and_then(|word| {
            let known = word.as_str().and_then(Normalization::of);
            if known.is_none() {
                self.problem(&format!("{at}.normalize"), "expected `upper`");
            }
            known
        });
        for name in ["identifier", "label"] {
            if self.optional_text(at, map, name).is_none() {
                self.problem(&format!("{at}.{name}"), "expected a string");
            }
        }
        for name in ["description", "updatedAt"] {
            self.optional_text(at, map, name);
        }
        let created_at = self.optional_text(at, map, "createdAt").unwrap_or_else(|| format!("{SINCE}[GMT]"));
        shown.insert("createdAt".to_owned(), Value::from(created_at));
        for name in ["isRequired", "isArchived", "isDeactivated"] {
            shown.insert(name.to_owned(), Value::from(self.flag(at, map, name, false)));
        }
        if !matches!(map.get("entityType").and_then(Value::as_str), Some("Conversation" | "Contact")) {
            self.problem(&format!("{at}.entityType"), "expected `Conversation` or `Contact`");
        }
        let Some(id) = self.id(at, map) else { return };
        let input = self.input(&format!("{at}.inputDefinition"), &value["inputDefinition"], &id);
        shown.insert("inputDefinition".to_owned(), input);
        shown.insert("id".to_owned(), Value::from(id));
        self.world.define(Definition::fixed(Value::Object(shown), normalization));
    }

    fn input(&mut self, at: &str, value: &Value, definition_id: &str) -> Value {
        match value["_type"].as_str() {
            Some("Text") => {
                if let Some(map) = self.map(at, value, &["_type", "placeholder"]) {
                    self.optional_text(at, map, "placeholder");
                }
                value.clone()
            }
            Some("Select") => {
                let Some(map) = self.map(at, value, &["_type", "options"]) else { return Value::Null };
                let mut place = Place { path: definition_id.to_owned(), depth: 0, index: 0 };
                let options = self.options(&format!("{at}.options"), map.get("options"), &mut place);
                json!({ "_type": "Select", "options": options })
            }
            Some(_) | None => {
                self.problem(at, "expected a map with `_type` `Text` or `Select`");
                Value::Null
            }
        }
    }

    fn options(&mut self, at: &str, value: Option<&Value>, place: &mut Place) -> Vec<Value> {
        if place.depth >= OPTION_DEPTH_MAX {
            self.problem(at, "nested too deep");
            return Vec::new();
        }
        let items = match value {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items.iter().enumerate(),
            Some(_) => {
                self.problem(at, "expected a list");
                return Vec::new();
            }
        };
        items.filter_map(|(index, item)| self.option(&format!("{at}[{index}]"), item, place)).collect()
    }

    fn option(&mut self, at: &str, value: &Value, place: &mut Place) -> Option<Value> {
        const KNOWN: &[&str] = &["id", "label", "value", "nestedOptions", "isDeactivated", "orderIndex"];
        let map = self.map(at, value, KNOWN)?;
        let Some(text) = self.optional_text(at, map, "value") else {
            self.problem(&format!("{at}.value"), "expected a string");
            return None;
        };
        let id = match map.get("id") {
            Some(_) => self.id(at, map)?,
            None => Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{text}", place.path).as_bytes()).to_string(),
        };
        place.index += 1;
        let order_index = match map.get("orderIndex") {
            None => place.index,
            Some(given) => given.as_i64().unwrap_or_else(|| {
                self.problem(&format!("{at}.orderIndex"), "expected an integer");
                0
            }),
        };
        let label = self.optional_text(at, map, "label").unwrap_or_else(|| text.clone());
        let mut below = Place { path: format!("{}/{text}", place.path), depth: place.depth + 1, index: place.index };
        let nested = self.options(&format!("{at}.nestedOptions"), map.get("nestedOptions"), &mut below);
        place.index = below.index;
        Some(json!({
            "id": id,
            "label": label,
            "value": text,
            "nestedOptions": nested,
            "isDeactivated": self.flag(at, map, "isDeactivated", false),
            "orderIndex": order_index,
        }))
    }

    /// Calls `sow_one` with the place and the value of every item of the list `name`.
    fn each(&mut self, map: &Map<String, Value>, name: &str, mut sow_one: impl FnMut(&mut Self, &str, &Value)) {
        match map.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    sow_one(self, &format!("{name}[{index}]"), item);
                }
            }
            Some(_) => self.problem(name, "expected a list"),
        }
    }

    fn map<'v>(&mut self, at: &str, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Some(map) = value.as_object() else {
            self.problem(at, "expected a map");
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.problem(at, &format!("unknown member `{name}`, expected one of {}", known.join(", ")));
        }
        Some(map)
    }

    /// The members of a map, each of which fits.
    fn members(&mut self, at: &str, value: &Value, known: Members) -> Option<Map<String, Value>> {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let map = self.map(at, value, &names)?;
        let mut members = Map::new();
        for (name, kind) in known {
            let Some(value) = map.get(*name) else { continue };
            let (fits, expected) = match kind {
                Kind::Text => (value.is_string(), "expected a string"),
                Kind::Flag => (value.is_boolean(), "expected true or false"),
                Kind::Texts => {
                    let fits = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
                    (fits, "expected a list of strings")
                }
            };
            if fits {
                members.insert((*name).to_owned(), value.clone());
            } else {
                self.problem(&format!("{at}.{name}"), expected);
            }
        }
        Some(members)
    }

    fn id(&mut self, at: &str, map: &Map<String, Value>) -> Option<String> {
        let id = map.get("id").and_then(Value::as_str).and_then(uuid);
        if id.is_none() {
            self.problem(&format!("{at}.id"), "expected a uuid");
        }
        id
    }

    /// The id that is given, or one that follows from the first of these names that is given.
    fn id_or(&mut self, at: &str, map: &Map<String, Value>, kind: &str, names: &[&str]) -> Option<String> {
        let name = names.iter().find_map(|name| map.get(*name)?.as_str());
        match name {
            Some(name) if !map.contains_key("id") => Some(id_of(&self.world.organization, kind, name)),
            _ => self.id(at, map),
        }
    }

    fn optional_text(&mut self, at: &str, map: &Map<String, Value>, name: &str) -> Option<String> {
        let value = map.get(name)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.problem(&format!("{at}.{name}"), "expected a string");
        }
        text
    }

    fn flag(&mut self, at: &str, map: &Map<String, Value>, name: &str, unsaid: bool) -> bool {
        match map.get(name) {
            None => unsaid,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(&format!("{at}.{name}"), "expected true or false");
                unsaid
            }
        }
    }

    /// The same problem at the same place is reported once.
    fn problem(&mut self, at: &str, what: &str) {
        let problem = format!("{at}: {what}");
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// Where in a tree of options a reader is.
struct Place {
    /// The definition and the values on the way, for deriving ids.
    path: String,
    depth: usize,
    /// The running number of options, in the order in which they are written.
    index: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::definition::{Entity, Given};
    use crate::sandbox::known::{known, organization_alone};
    use crate::sandbox::sight::Sight;

    #[test]
    fn a_seed_tells_all_of_its_problems() {
        let seed = json!({
            "organisation": {},
            "endUsers": [{ "id": "x" }],
            "agents": [{ "id": "0e4d0ead-dc69-470a-9b3a-e7eb16a56453", "activ": true }],
            "queues": {},
            "contactEndpoints": [45],
            "customAttributes": [{ "id": "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35" }],
        });
        let problems = sow(&seed, &mut known()).expect_err("it is wrong");
        assert!(problems[0].starts_with("seed: unknown member `organisation`, expected one of organization, "));
        assert_eq!(problems[1], "endUsers[0].id: expected a uuid");
        assert_eq!(
            problems[2],
            "agents[0]: unknown member `activ`, expected one of id, displayName, email, phoneNumber, active"
        );
        assert_eq!(
            problems[3..],
            [
                "queues: expected a list",
                "contactEndpoints[0]: expected a string (quote a phone number), or a map with `number`",
                "customAttributes[0].identifier: expected a string",
                "customAttributes[0].label: expected a string",
                "customAttributes[0].entityType: expected `Conversation` or `Contact`",
                "customAttributes[0].inputDefinition: expected a map with `_type` `Text` or `Select`",
            ]
        );
    }

    /// Names of the properties of a schema.
    fn properties(schema: &Value) -> Vec<&str> {
        schema["properties"].as_object().expect("a map").keys().map(String::as_str).collect()
    }

    #[test]
    fn the_schema_has_every_member_and_no_other() {
        let schema: Value = serde_json::from_str(SEED_SCHEMA).expect("JSON");
        let sorted = |names: &[&'static str]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        let mut known = properties(&schema);
        known.sort_unstable();
        assert_eq!(known, sorted(SEED));
        for (name, members) in [
            ("organization", ORGANIZATION),
            ("endUser", END_USER),
            ("agent", AGENT),
            ("queue", QUEUE),
            ("tag", TAG),
            ("mailbox", MAILBOX),
            ("number", NUMBER),
        ] {
            let mut known = properties(&schema["$defs"][name]);
            known.sort_unstable();
            assert_eq!(known, sorted(&members.iter().map(|(name, _)| *name).collect::<Vec<_>>()), "{name}");
        }
    }

    #[test]
    fn what_has_a_name_needs_no_id_and_gets_another_in_every_organization() {
        let ids = |organization: &str| {
            let seed = json!({
                "organization": { "id": organization },
                "endUsers": [{ "email": "jane@example.com" }],
                "agents": [{ "email": "mia@example.com" }],
                "queues": [{ "name": "Support" }],
                "tags": [{ "name": "vip" }],
            });
            let mut world = organization_alone();
            sow(&seed, &mut world).expect("it is right");
            let end_user = world.end_users.all(Sight::default()).next().expect("one").shown["id"].clone();
            let things: Vec<Value> = world.shown_things(|_| true).map(|shown| shown["id"].clone()).collect();
            (end_user, things, world.tags.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(ids("one"), ids("one"));
        let (one, other) = (ids("one"), ids("other"));
        assert!(one.0 != other.0 && one.1[0] != other.1[0] && one.1[1] != other.1[1] && one.2 != other.2);
        let problems =
            sow(&json!({ "queues": [{}], "tags": [{ "active": 1 }] }), &mut known()).expect_err("it is wrong");
        assert_eq!(
            problems,
            [
                "queues[0].id: expected a uuid",
                "tags[0].active: expected true or false",
                "tags[0].name: expected a string"
            ]
        );
    }

    #[test]
    fn a_definition_may_make_capital_letters_and_does_not_show_that() {
        let id = "11111111-7e98-4f4d-9010-bfd2a27d4f35";
        let defined = |normalize: &str| {
            let text = json!({ "_type": "Text" });
            let definition = json!({ "id": id, "entityType": "Contact", "identifier": "a", "label": "A",
                "inputDefinition": text, "normalize": normalize });
            let mut world = known();
            sow(&json!({ "customAttributes": [definition] }), &mut world).map(|()| world.definitions[id].clone())
        };
        let upper = defined("upper").expect("it is right");
        assert_eq!(upper.kept(&Given::Text("ab".to_owned())), "AB");
        assert_eq!(upper.kept(&Given::Path(vec!["a".to_owned(), "b".to_owned()])), json!(["A", "B"]));
        assert_eq!(upper.shown().get("normalize"), None);
        assert_eq!(defined("lower").expect_err("it is wrong"), ["customAttributes[0].normalize: expected `upper`"]);
    }

    #[test]
    fn a_seeded_definition_needs_little_and_shows_all() {
        let id = "11111111-7e98-4f4d-9010-bfd2a27d4f35";
        let seed = json!({ "customAttributes": [{
            "id": id,
            "entityType": "Conversation",
            "identifier": "reason",
            "label": "Reason",
            "inputDefinition": { "_type": "Select", "options": [
                { "value": "a", "nestedOptions": [{ "value": "b", "label": "B" }] },
                { "value": "c", "isDeactivated": true },
            ] },
        }] });
        let mut world = known();
        sow(&seed, &mut world).expect("it is right");
        let definition = &world.definitions[id];
        let options = &definition.shown()["inputDefinition"]["options"];
        assert_eq!(options[0]["label"], "a");
        assert_eq!(options[0]["nestedOptions"][0]["orderIndex"], 2);
        assert_eq!(options[1]["orderIndex"], 3);
        assert!(definition.check(&Given::Path(vec!["a".to_owned(), "b".to_owned()]), Entity::Conversation).is_ok());
        assert!(definition.check(&Given::Path(vec!["c".to_owned()]), Entity::Conversation).is_err());
    }
}
