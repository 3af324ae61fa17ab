//! A seed: what exists in a sandbox besides the documentation's samples, described by its user.
//!
//! It is strict, and reports all problems at once. Everything in it may be left out: `organization {id, name,
//! subdomain}`, `endUsers [{id, displayName, email}]`, `agents [{id, displayName, active}]`, `queues [{id, name}]`,
//! `widgets`, `emailIntegrations`, `contactEndpoints` (ids), and `customAttributes` (definitions as the API shows
//! them; an option needs its `value` only).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::data_v1::Thing;
use crate::sandbox::decode::uuid;
use crate::sandbox::definition::Definition;
use crate::sandbox::world::{EndUser, World};

/// When seeded things came to be, where the seed does not say.
const SINCE: &str = "2023-01-01T00:00:00Z";

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
        const KNOWN: &[&str] = &[
            "organization",
            "endUsers",
            "agents",
            "queues",
            "widgets",
            "emailIntegrations",
            "contactEndpoints",
            "customAttributes",
        ];
        // An empty file is a seed that says nothing.
        if seed.is_null() {
            return;
        }
        let Some(map) = self.map("seed", seed, KNOWN) else { return };
        if let Some(organization) = map.get("organization") {
            self.organization(organization);
        }
        self.each(map, "endUsers", Self::end_user);
        self.each(map, "agents", Self::agent);
        self.each(map, "queues", Self::queue);
        self.ids(map, "widgets", "expected a uuid", |text| uuid(text).map(Thing::Widget));
        self.ids(map, "emailIntegrations", "expected a string", |text| Some(Thing::EmailIntegration(text.to_owned())));
        self.ids(map, "contactEndpoints", "expected a string (quote a phone number)", |text| {
            Some(Thing::ContactEndpoint(text.to_owned()))
        });
        self.each(map, "customAttributes", Self::definition);
    }

    fn organization(&mut self, value: &Value) {
        let known = ["id", "name", "subdomain"];
        let Some(map) = self.map("organization", value, &known) else { return };
        for name in known {
            if let Some(text) = self.optional_text("organization", map, name) {
                self.world.organization[name] = Value::from(text);
            }
        }
    }

    fn end_user(&mut self, at: &str, value: &Value) {
        let Some(map) = self.map(at, value, &["id", "displayName", "email"]) else { return };
        let name = self.optional_text(at, map, "displayName");
        let email = self.optional_text(at, map, "email");
        let Some(id) = self.id(at, map) else { return };
        let made_up = EndUser::provisioned(&id, SINCE);
        let end_user = EndUser {
            created_at: made_up.created_at,
            display_name: name.unwrap_or(made_up.display_name),
            email: email.unwrap_or(made_up.email),
        };
        self.world.end_users.insert(id, end_user);
    }

    fn agent(&mut self, at: &str, value: &Value) {
        let Some(map) = self.map(at, value, &["id", "displayName", "active"]) else { return };
        self.optional_text(at, map, "displayName");
        let active = self.flag(at, map, "active", true);
        let Some(id) = self.id(at, map) else { return };
        if active {
            self.world.inactive_agents.remove(&id);
        } else {
            self.world.inactive_agents.insert(id.clone());
        }
        self.world.things.insert(Thing::Agent(id));
    }

    fn queue(&mut self, at: &str, value: &Value) {
        let Some(map) = self.map(at, value, &["id", "name"]) else { return };
        self.optional_text(at, map, "name");
        let Some(id) = self.id(at, map) else { return };
        self.world.things.insert(Thing::Queue(id));
    }

    /// A list of ids and nothing else.
    fn ids(&mut self, map: &Map<String, Value>, name: &str, expected: &str, read: fn(&str) -> Option<Thing>) {
        self.each(map, name, |sower, at, value| match value.as_str().and_then(read) {
            Some(thing) => {
                sower.world.things.insert(thing);
            }
            None => sower.problem(at, expected),
        });
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
        ];
        let Some(map) = self.map(at, value, KNOWN) else { return };
        let mut shown = map.clone();
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
        self.world.define(Definition::fixed(Value::Object(shown)));
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

    fn id(&mut self, at: &str, map: &Map<String, Value>) -> Option<String> {
        let id = map.get("id").and_then(Value::as_str).and_then(uuid);
        if id.is_none() {
            self.problem(&format!("{at}.id"), "expected a uuid");
        }
        id
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
    use crate::sandbox::definition::Given;
    use crate::sandbox::known::known;

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
        assert_eq!(problems[2], "agents[0]: unknown member `activ`, expected one of id, displayName, active");
        assert_eq!(
            problems[3..],
            [
                "queues: expected a list",
                "contactEndpoints[0]: expected a string (quote a phone number)",
                "customAttributes[0].identifier: expected a string",
                "customAttributes[0].label: expected a string",
                "customAttributes[0].entityType: expected `Conversation` or `Contact`",
                "customAttributes[0].inputDefinition: expected a map with `_type` `Text` or `Select`",
            ]
        );
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
        assert!(definition.check(&Given::Path(vec!["a".to_owned(), "b".to_owned()])).is_ok());
        assert!(definition.check(&Given::Path(vec!["c".to_owned()])).is_err());
    }
}
