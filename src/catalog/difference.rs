//! What differs between two catalogs of a tenant.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalog::file_v1::AttributeV1;
use crate::catalog::{Agent, Catalog, ContactEndpoint, Queue, Tag};

/// One entry that is in one of two catalogs only, or otherwise in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the entry is: `attribute`, `agent`, `queue`, `tag`, `contact endpoint`.
    pub what: &'static str,
    /// What people call it.
    pub name: String,
    pub id: String,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    Added,
    Removed,
    /// These members differ.
    Changed(Vec<Member>),
}

/// One member of an entry; a value of none is one that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// From one catalog to another, list by list, in ascending order of ids.
pub fn differences(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    let (one, other) = (entries(before), entries(after));
    let removed = one.iter().filter(|(key, _)| !other.contains_key(key));
    let removed = removed.map(|(key, entry)| entry.difference(key, How::Removed));
    let rest = other.iter().filter_map(|(key, entry)| match one.get(key) {
        None => Some(entry.difference(key, How::Added)),
        Some(before) if before.members == entry.members => None,
        Some(before) => Some(entry.difference(key, How::Changed(members(&before.members, &entry.members)))),
    });
    let mut all: Vec<(Key, Difference)> = removed.chain(rest).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.into_iter().map(|(_, difference)| difference).collect()
}

fn members(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Member> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let differing = names.filter(|name| before.get(*name) != after.get(*name));
    let member = |name: &String| Member {
        name: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    differing.map(member).collect()
}

/// The position of its list, and its id.
type Key = (usize, String);

struct Entry {
    what: &'static str,
    name: String,
    members: Map<String, Value>,
}

impl Entry {
    fn difference(&self, key: &Key, how: How) -> (Key, Difference) {
        let Entry { what, name, .. } = self;
        (key.clone(), Difference { what, name: name.clone(), id: key.1.clone(), how })
    }
}

fn entries(catalog: &Catalog) -> BTreeMap<Key, Entry> {
    let Catalog { organization: _, attributes, agents, queues, tags, contact_endpoints } = catalog;
    let mut all = BTreeMap::new();
    let mut add = |list: usize, what, id: &str, name: &str, members: Map<String, Value>| {
        all.insert((list, id.to_owned()), Entry { what, name: name.to_owned(), members });
    };
    for one in attributes {
        add(0, "attribute", &one.id, &one.identifier, as_members(&AttributeV1::of(one)));
    }
    for one @ Agent { id, email, .. } in agents {
        add(1, "agent", id, email, as_members(one));
    }
    for one @ Queue { id, name } in queues {
        add(2, "queue", id, name, as_members(one));
    }
    for one @ Tag { id, name, .. } in tags {
        add(3, "tag", id, name, as_members(one));
    }
    for one in contact_endpoints {
        let (ContactEndpoint::Email { name, .. } | ContactEndpoint::Telephony { name, .. }) = one;
        add(4, "contact endpoint", one.id(), name, as_members(one));
    }
    all
}

fn as_members<T: Serialize>(entry: &T) -> Map<String, Value> {
    match serde_json::to_value(entry) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_gone_or_otherwise_is_a_difference_and_nothing_else() {
        let queue = |name: &str, id: &str| Queue { name: name.to_owned(), id: id.to_owned() };
        let before = Catalog { queues: vec![queue("Sales", "1"), queue("Old", "2")], ..Catalog::default() };
        let tags = vec![Tag { name: "vip".into(), id: "9".into(), active: true }];
        let after = Catalog { queues: vec![queue("Support", "1")], tags, ..Catalog::default() };
        let found = differences(&before, &after);
        let short: Vec<_> = found.iter().map(|one| (one.what, one.name.as_str(), one.id.as_str())).collect();
        assert_eq!(short, [("queue", "Support", "1"), ("queue", "Old", "2"), ("tag", "vip", "9")]);
        let name = Member { name: "name".into(), before: Some("Sales".into()), after: Some("Support".into()) };
        assert_eq!(found[0].how, How::Changed(vec![name]));
        assert_eq!((&found[1].how, &found[2].how), (&How::Removed, &How::Added));
        assert_eq!(differences(&after, &after), []);
    }
}
