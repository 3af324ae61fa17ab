//! All end users, found by their id, and by what an end user can be looked up by.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sandbox::sight::Sight;

/// An end user.
#[derive(Debug)]
pub struct EndUser {
    /// Its place in the order in which end users came to be, from 1.
    pub number: i64,
    /// When it was first committed, by the clock of the sandbox.
    pub committed_at: Timestamp,
    /// As the API shows it, without `customAttributes`.
    pub shown: Map<String, Value>,
    /// Id of the definition to a string or a list of strings.
    pub values: BTreeMap<String, Value>,
}

impl EndUser {
    /// What is made up for an end user of whom only the id is known. The address is one that never gets mail.
    pub fn provisioned(id: &str, created_at: &str) -> Map<String, Value> {
        let shown = json!({
            "id": id,
            "createdAt": created_at,
            "displayName": format!("End user {}", id.get(..8).unwrap_or(id)),
            "email": format!("{id}@example.com"),
        });
        shown.as_object().cloned().unwrap_or_default()
    }
}

/// What an end user can be looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    ExternalId,
    Email,
    Phone,
}

impl Key {
    pub const ALL: [Key; 3] = [Key::ExternalId, Key::Email, Key::Phone];

    /// The parameter of a query.
    pub fn parameter(self) -> &'static str {
        match self {
            Key::ExternalId => "externalId",
            Key::Email => "email",
            Key::Phone => "phone",
        }
    }

    /// The members that have it: one with a value, and one with a list of more.
    pub fn members(self) -> (&'static str, &'static str) {
        match self {
            Key::ExternalId => ("externalId", ""),
            Key::Email => ("email", "additionalEmails"),
            Key::Phone => ("phoneNumber", "additionalPhoneNumbers"),
        }
    }

    /// The values that somebody has.
    pub fn values_of(self, shown: &Map<String, Value>) -> BTreeSet<String> {
        let (one, more) = self.members();
        let more = shown.get(more).and_then(Value::as_array).into_iter().flatten();
        let values = shown.get(one).into_iter().chain(more).filter_map(Value::as_str);
        values.map(|value| self.compared(value)).collect()
    }

    /// As values are compared: the letters of an e-mail address may be of either case.
    fn compared(self, value: &str) -> String {
        if self == Key::Email { value.to_lowercase() } else { value.to_owned() }
    }
}

/// See the top of this file.
#[derive(Debug, Default)]
pub struct EndUsers {
    by_id: HashMap<String, EndUser>,
    /// Ids in the order in which they came to be.
    order: Vec<String>,
    by_key: HashMap<(Key, String), BTreeSet<String>>,
}

impl EndUsers {
    pub fn get(&self, id: &str) -> Option<&EndUser> {
        self.by_id.get(id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut EndUser> {
        self.by_id.get_mut(id)
    }

    /// All that can be seen, in the order in which they came to be.
    pub fn all(&self, sight: Sight) -> impl Iterator<Item = &EndUser> {
        let all = self.order.iter().filter_map(|id| self.by_id.get(id));
        all.filter(move |end_user| sight.sees(end_user.committed_at))
    }

    /// Those that have this value, in the order of their ids.
    pub fn find(&self, key: Key, value: &str) -> impl Iterator<Item = &EndUser> {
        let ids = self.by_key.get(&(key, key.compared(value))).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// Adds an end user, or puts it in the place of the one with its id, which keeps its custom attributes.
    pub fn put(&mut self, shown: Map<String, Value>, at: Timestamp) {
        let id = shown.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let before = self.by_id.remove(&id);
        let keys = |shown: &Map<String, Value>| {
            let keys = Key::ALL.into_iter().map(|key| (key, key.values_of(shown)));
            keys.flat_map(|(key, values)| values.into_iter().map(move |value| (key, value))).collect::<Vec<_>>()
        };
        for key in before.iter().flat_map(|before| keys(&before.shown)) {
            if let Some(ids) = self.by_key.get_mut(&key) {
                ids.remove(&id);
            }
        }
        for key in keys(&shown) {
            self.by_key.entry(key).or_default().insert(id.clone());
        }
        let end_user = match before {
            Some(before) => EndUser { shown, ..before },
            None => {
                self.order.push(id.clone());
                let number = i64::try_from(self.order.len()).unwrap_or(i64::MAX);
                EndUser { number, committed_at: at, shown, values: BTreeMap::new() }
            }
        };
        self.by_id.insert(id, end_user);
    }
}
