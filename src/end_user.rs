//! What is known of end users: by which of their members they are looked up, and whether two values of one mean the
//! same. <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusers>

use serde_json::{Map, Value};

/// What an end user can be looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    ExternalId,
    Email,
    Phone,
}

impl Key {
    pub const ALL: [Key; 3] = [Key::ExternalId, Key::Email, Key::Phone];

    /// The parameter of the query.
    pub fn parameter(self) -> &'static str {
        match self {
            Key::ExternalId => "externalId",
            Key::Email => "email",
            Key::Phone => "phone",
        }
    }

    /// The member that has it.
    pub fn member(self) -> &'static str {
        match self {
            Key::ExternalId => "externalId",
            Key::Email => "email",
            Key::Phone => "phoneNumber",
        }
    }

    /// The member that has more of them.
    fn more(self) -> Option<&'static str> {
        match self {
            Key::ExternalId => None,
            Key::Email => Some("additionalEmails"),
            Key::Phone => Some("additionalPhoneNumbers"),
        }
    }

    /// What it is, for people.
    pub fn noun(self) -> &'static str {
        match self {
            Key::ExternalId => "external id",
            Key::Email => "e-mail address",
            Key::Phone => "phone number",
        }
    }
}

/// A key and the value that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lookup {
    pub key: Key,
    pub value: String,
}

impl Lookup {
    /// One for each key that these members have.
    pub fn all_of(members: &Map<String, Value>) -> impl Iterator<Item = Lookup> {
        Key::ALL.into_iter().filter_map(|key| {
            let value = members.get(key.member())?.as_str()?.to_owned();
            Some(Lookup { key, value })
        })
    }

    /// Makes it equal to others that find the same: an e-mail address means the same in either case.
    pub fn fold(&mut self) {
        if self.key == Key::Email {
            self.value = self.value.to_lowercase();
        }
    }

    /// Whether somebody with these members is the one that is looked for.
    pub fn finds(&self, members: &Map<String, Value>) -> bool {
        members.get(self.key.member()).and_then(Value::as_str).is_some_and(|value| self.is(value))
    }

    /// Whether somebody with these members has the value as one of several more.
    pub fn finds_as_additional(&self, members: &Map<String, Value>) -> bool {
        let more = self.key.more().and_then(|more| members.get(more)?.as_array());
        more.into_iter().flatten().filter_map(Value::as_str).any(|value| self.is(value))
    }

    fn is(&self, value: &str) -> bool {
        match self.key {
            Key::Email => self.value.to_lowercase() == value.to_lowercase(),
            Key::ExternalId | Key::Phone => self.value == value,
        }
    }
}

/// Whether a member can be read back. Dixa copies the picture that an `avatarUrl` leads to, and gives the address of
/// the copy.
pub fn is_comparable(member: &str) -> bool {
    member != "avatarUrl"
}

/// Whether a member is as it is wanted: lists are sets, and an e-mail address means the same in either case.
pub fn is_same(member: &str, wanted: &Value, found: Option<&Value>) -> bool {
    let folded = |value: &Value| match value {
        Value::String(text) if member == Key::Email.member() || Some(member) == Key::Email.more() => {
            Value::from(text.to_lowercase())
        }
        other => other.clone(),
    };
    match (wanted, found) {
        (Value::Array(wanted), found) => {
            let set = |items: &[Value]| {
                let mut items: Vec<String> = items.iter().map(|item| folded(item).to_string()).collect();
                items.sort_unstable();
                items
            };
            let found = found.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            set(wanted) == set(found)
        }
        (wanted, Some(found)) => folded(wanted) == folded(found),
        (_, None) => false,
    }
}

/// Those of the wanted members that are not as wanted. One that can't be compared is among them.
pub fn different(wanted: &Map<String, Value>, found: &Map<String, Value>) -> Map<String, Value> {
    let differs = |name: &str, value: &Value| !is_comparable(name) || !is_same(name, value, found.get(name));
    let members = wanted.iter().filter(|(name, value)| differs(name, value));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The described members as they are in Dixa, for a record of what is there: what differs, or can't be compared, is set
/// by the next plan.
pub fn as_found(described: &Map<String, Value>, found: &Map<String, Value>) -> Map<String, Value> {
    let member = |(name, value): (&String, &Value)| {
        let found = found.get(name).filter(|_| is_comparable(name));
        let is_same = is_comparable(name) && is_same(name, value, found);
        Some((name.clone(), if is_same { value.clone() } else { found?.clone() }))
    };
    described.iter().filter_map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("a map")
    }

    #[test]
    fn each_key_is_looked_up_once_and_in_its_order() {
        let members = map(json!({ "phoneNumber": "+451", "email": "a@example.com", "displayName": "A" }));
        let all: Vec<_> = Lookup::all_of(&members).map(|one| (one.key, one.value)).collect();
        assert_eq!(all, [(Key::Email, "a@example.com".to_owned()), (Key::Phone, "+451".to_owned())]);
        assert_eq!(Lookup::all_of(&map(json!({ "displayName": "A" }))).count(), 0);
    }

    #[test]
    fn what_is_found_must_have_what_was_asked_for() {
        let lookup = Lookup { key: Key::Email, value: "Jane@example.com".into() };
        assert!(lookup.finds(&map(json!({ "email": "jane@EXAMPLE.com" }))));
        assert!(!lookup.finds(&map(json!({ "email": "joe@example.com" }))));
        let additional = map(json!({ "email": "joe@example.com", "additionalEmails": ["jane@example.com"] }));
        assert!(!lookup.finds(&additional) && lookup.finds_as_additional(&additional));
        let external = Lookup { key: Key::ExternalId, value: "crm-1".into() };
        assert!(external.finds(&map(json!({ "externalId": "crm-1" }))));
        assert!(!external.finds(&map(json!({ "externalId": "CRM-1" }))));
    }

    #[test]
    fn only_what_is_not_as_wanted_differs() {
        let wanted = map(json!({
            "displayName": "Jane",
            "email": "jane@example.com",
            "additionalEmails": ["a@example.com", "b@example.com"],
            "middleNames": [],
            "avatarUrl": "https://example.com/a.png",
        }));
        let found = map(json!({
            "displayName": "Joan",
            "email": "Jane@Example.com",
            "additionalEmails": ["B@example.com", "a@example.com"],
            "avatarUrl": "https://files.dixa.io/1",
        }));
        let different = different(&wanted, &found);
        let names: Vec<&str> = different.keys().map(String::as_str).collect();
        assert_eq!(names, ["displayName", "avatarUrl"]);
    }
}
