//! The state of one tenant: a record per address.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use crate::conversation::{Address, AttributeValue, Attributes, CUSTOM_ATTRIBUTES, Conversation, Digests, Id};
use crate::digest::{Digest, canonical_of, hex};
use crate::handling::{self, Handling, PutOn};
use crate::name::{self, Ids, Name};
use crate::source::{MadeOf, Source};
use crate::spec::Spec;

/// Names one history of a state; two states with different lineages never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage(pub uuid::Uuid);

impl fmt::Display for Lineage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Which tenant a state belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantIdentity {
    /// Without `/v1` and without a slash at the end; `sandbox` for the embedded one, whose port is never the same.
    pub base_url: String,
    /// Known once the tenant was asked, before the first write.
    pub organization_id: Option<String>,
}

/// Everything that was applied to one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub lineage: Lineage,
    /// Grows by one with each save; 0 for a state that was never saved.
    pub serial: u64,
    /// None until the first apply.
    pub tenant: Option<TenantIdentity>,
    pub records: BTreeMap<Address, Record>,
    /// What records that were dropped leave behind.
    pub forgotten: BTreeMap<Address, Forgotten>,
}

/// What stays under an address of a record that was dropped or has moved: what is made next under the address must not
/// be taken for what was made before, nor the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The conversations that dixaform made or adopted under the address, in ascending order.
    pub ids: Vec<Id>,
    /// See [`Record::number`].
    pub number: u32,
}

/// Why a record can't get another address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotMove {
    #[error("{from} can't become {to}: they are made by different calls")]
    OtherKind { from: Address, to: Address },
    #[error("the state has a record of {0} already")]
    Occupied(Address),
    #[error("the state has no record of {0}")]
    Unknown(Address),
}

impl State {
    /// An empty state that was never saved.
    pub fn new(lineage: Lineage) -> Self {
        State { lineage, serial: 0, tenant: None, records: BTreeMap::new(), forgotten: BTreeMap::new() }
    }

    /// Drops a record, and leaves a line about it in [`State::forgotten`].
    pub fn forget(&mut self, address: &Address) -> Option<Record> {
        let record = self.records.remove(address)?;
        let before = self.forgotten.remove(address).map_or(Vec::new(), |before| before.ids);
        let ids: BTreeSet<Id> = before.into_iter().chain(record.ids()).collect();
        let forgotten = Forgotten { ids: ids.into_iter().collect(), number: record.number };
        self.forgotten.insert(address.clone(), forgotten);
        Some(record)
    }

    /// Gives a record another address, and leaves a line about it in [`State::forgotten`]: it keeps the marker that it
    /// was made with, and what is made next under the old address must get another one.
    ///
    /// # Errors
    /// See [`CannotMove`]; nothing has changed then.
    pub fn move_record(&mut self, from: &Address, to: &Address) -> Result<Id, CannotMove> {
        if from.kind != to.kind {
            return Err(CannotMove::OtherKind { from: from.clone(), to: to.clone() });
        }
        if self.records.contains_key(to) {
            return Err(CannotMove::Occupied(to.clone()));
        }
        let record = self.forget(from).ok_or_else(|| CannotMove::Unknown(from.clone()))?;
        let id = record.id;
        // Its file may describe another address, so it has to be parsed.
        self.records.insert(to.clone(), Record { made_of: None, ..record });
        Ok(id)
    }

    /// The [number](Record::number) of what is made next under an address.
    pub fn next_number(&self, address: &Address) -> u32 {
        let known = self.records.get(address).map(|record| record.number);
        let known = known.max(self.forgotten.get(address).map(|forgotten| forgotten.number));
        known.map_or(0, |number| number.saturating_add(1))
    }

    /// The records of which there is more than one conversation with the same marker.
    pub fn doubled(&self) -> impl Iterator<Item = (&Address, &Record)> {
        self.records.iter().filter(|(_, record)| !record.doubles.is_empty())
    }

    /// Every conversation that the state knows, those that were replaced, doubled or forgotten among them.
    pub fn known_ids(&self) -> BTreeSet<Id> {
        let forgotten = self.forgotten.values().flat_map(|forgotten| &forgotten.ids).copied();
        self.records.values().flat_map(Record::ids).chain(forgotten).collect()
    }

    /// The address whose record owns this conversation.
    pub fn owner_of(&self, id: Id) -> Option<&Address> {
        self.records.iter().find(|(_, record)| record.id == id).map(|(address, _)| address)
    }
}

/// What is known of one conversation that dixaform made or adopted.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: Id,
    /// The digest of the content that the conversation was made with.
    pub content_digest: Digest,
    /// The digest of the attributes last written. None: the conversation was made and its attributes never written,
    /// because the apply ended between the two calls.
    pub attributes_digest: Option<Digest>,
    /// The digest of how it is handled, as far as that was set; none where nothing was.
    pub handling_digest: Option<Digest>,
    /// The tags that dixaform has put on it, or perhaps has, in ascending order of their ids. No others are ever taken
    /// off.
    pub put_on: Vec<PutOn>,
    pub applied: Applied,
    /// Where the manifest was when it was last applied.
    pub source: Option<Source>,
    /// The bytes of that file, if they say no more than records do; see [`Known`](crate::state::Known).
    pub made_of: Option<MadeOf>,
    /// The `externalId` of the first message that the conversation was made with; none if it was adopted, has no
    /// message, or was made by a version that did not keep it.
    pub marker: Option<String>,
    /// How many conversations of this address came before it, which are not all known if the state was once lost. It is
    /// part of the marker, so that two with the same content have different ones.
    pub number: u32,
    /// When dixaform made the conversation, RFC 3339 in UTC; none if it was adopted or that is not known.
    pub made_at: Option<String>,
    /// When the conversation was made or last changed by dixaform, RFC 3339 in UTC.
    pub applied_at: String,
    /// What Dixa could not do while making it; see `partialErrors` of
    /// <https://docs.dixa.io/openapi/dixa-api/v1/conversations/postconversationsimport>.
    pub partial_errors: Vec<String>,
    /// What the names in its manifest stood for when it was last applied: their ids, by the names as
    /// [texts](crate::name::Name); under `lastApplied: digest` by salted digests of these, since people are among them.
    pub names: BTreeMap<String, String>,
    /// What Dixa's answers say that it has made of attributes, where that is another value than the one written last;
    /// under `lastApplied: digest` salted digests of these. None of them is cleared.
    pub answered: Attributes,
    /// Conversations that this one took the place of, oldest first. They still exist in Dixa.
    pub replaced: Vec<Id>,
    /// Conversations that have its marker too. A person has to say which of them is to be the one.
    pub doubles: Vec<Id>,
}

impl Record {
    /// Those last written; none where the attributes were never written.
    pub fn digests(&self) -> Option<Digests> {
        let (content, handling) = (self.content_digest, self.handling_digest);
        self.attributes_digest.map(|attributes| Digests { content, attributes, handling })
    }

    /// The tags that dixaform has put on, and that are not among the described ones.
    pub fn tags_left<'r>(&'r self, described: &'r Handling) -> impl Iterator<Item = &'r PutOn> {
        self.put_on.iter().filter(|tag| !described.tags.iter().any(|name| tag.is_called(name)))
    }

    /// What a name in its manifest stood for.
    pub fn id_of(&self, name: &Name) -> Option<&str> {
        self.names.get(&self.applied.name_kept(name)).map(String::as_str)
    }

    /// Whether a value is what Dixa has made of the one that was written last: then nobody has changed it.
    pub fn is_answered(&self, id: &str, live: &Value) -> bool {
        let is_live = |kept: &AttributeValue| {
            AttributeValue::from_value(live).is_some_and(|live| self.applied.answer_kept(id, &live) == *kept)
        };
        self.answered.get(id).is_some_and(is_live)
    }

    /// All conversations that belong to it, now or earlier.
    pub fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.replaced.iter().chain(&self.doubles).copied().chain([self.id])
    }
}

/// The spec last applied, as far as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// `lastApplied: full`: all of it. Before the attributes were written, they are empty; how it is handled is in it
    /// as far as that was set.
    Full(Spec),
    /// `lastApplied: digest`: a salted digest per leaf, by JSON pointer (RFC 6901), for people who don't want customer
    /// text in the state. The attribute `x` is at `/customAttributes/x`.
    Digests { salt: String, fields: BTreeMap<String, String> },
}

impl Applied {
    /// Reduces a conversation to salted digests. The salt should be random, and new for each record.
    pub fn to_digests(conversation: &Conversation, salt: &str) -> Self {
        let mut fields = BTreeMap::new();
        collect_leaves(&Value::Object(conversation.to_map()), &mut String::new(), &mut |pointer, leaf| {
            fields.insert(pointer.to_owned(), field_digest(salt, pointer, leaf));
        });
        Applied::Digests { salt: salt.to_owned(), fields }
    }

    /// What is kept of names and the ids that they stand for; see [`Record::names`].
    pub fn names_kept(&self, ids: &Ids) -> BTreeMap<String, String> {
        ids.iter().map(|(name, id)| (self.name_kept(name), id.clone())).collect()
    }

    /// What is kept of a value that Dixa has made of an attribute; see [`Record::answered`].
    pub fn answer_kept(&self, id: &str, value: &AttributeValue) -> AttributeValue {
        match self {
            Applied::Full(_) => value.clone(),
            Applied::Digests { salt, .. } => {
                let pointer = format!("/{CUSTOM_ATTRIBUTES}/{}", escape(id));
                AttributeValue::Text(field_digest(salt, &pointer, &value.to_value()))
            }
        }
    }

    fn name_kept(&self, name: &Name) -> String {
        match self {
            Applied::Full(_) => name.to_string(),
            Applied::Digests { salt, .. } => Digest::of_bytes(format!("{salt}\n{name}").as_bytes()).short(16),
        }
    }

    /// The attributes, and their values as far as those are known: with digests only, those that `wanted` has unchanged
    /// and those that were cleared.
    pub fn attribute_values(&self, wanted: &Attributes) -> BTreeMap<String, Option<Value>> {
        match self {
            Applied::Full(spec) => {
                spec.attributes().into_iter().map(|(id, value)| (id, Some(value.to_value()))).collect()
            }
            Applied::Digests { salt, fields } => {
                let mut known = BTreeMap::new();
                for pointer in fields.keys() {
                    let Some(rest) = pointer.strip_prefix("/customAttributes/") else { continue };
                    // A Select has a leaf per element of its path: `/customAttributes/<id>/0`.
                    let id = rest.split('/').next().unwrap_or(rest);
                    known.entry(id.to_owned()).or_insert(None);
                }
                for (id, slot) in &mut known {
                    let wanted = wanted.get(id).map(AttributeValue::to_value);
                    // A null can be recognized without the wanted value, and must be: a cleared attribute is not
                    // cleared again.
                    *slot = wanted
                        .into_iter()
                        .chain([Value::Null])
                        .find(|value| leaves_match(value, &format!("/customAttributes/{id}"), salt, fields));
                }
                known
            }
        }
    }

    /// How it is handled, as far as that was set and is known: with digests only, what `wanted` has unchanged. Also the
    /// members in which there is more than that.
    pub fn handled(&self, wanted: &Handling) -> (Handling, Vec<&'static str>) {
        let (salt, fields) = match self {
            Applied::Full(spec) => return (spec.handling(), Vec::new()),
            Applied::Digests { salt, fields } => (salt, fields),
        };
        let at = |name: &str| fields.keys().filter(|pointer| member_of(pointer) == name).collect::<Vec<_>>();
        let tags = at(handling::TAGS);
        let is_there = |name: &str| {
            tags.iter().any(|pointer| fields.get(*pointer) == Some(&field_digest(salt, pointer, &name.into())))
        };
        let matches = |name: &str| {
            let value = wanted.member(name);
            value.filter(|value| leaves_match(value, &format!("/{name}"), salt, fields)).is_some()
        };
        let known = Handling {
            tags: wanted.tags.iter().filter(|name| is_there(name)).cloned().collect(),
            queue: wanted.queue.clone().filter(|_| matches(handling::QUEUE)),
            assignee: wanted.assignee.clone().filter(|_| matches(handling::ASSIGNEE)),
            state: wanted.state.filter(|_| matches(handling::STATE)),
        };
        let has_more = |name: &&str| match *name {
            handling::TAGS => tags.len() > known.tags.len(),
            name => known.member(name).is_none() && !at(name).is_empty(),
        };
        let more = handling::MEMBERS.into_iter().filter(has_more).collect();
        (known, more)
    }

    /// Whether what is at a JSON pointer is this leaf; none where no leaf is.
    pub fn is_at(&self, pointer: &str, leaf: &Value) -> Option<bool> {
        match self {
            Applied::Full(spec) => Value::Object(spec.members()).pointer(pointer).map(|found| found == leaf),
            Applied::Digests { salt, fields } => {
                fields.get(pointer).map(|digest| *digest == field_digest(salt, pointer, leaf))
            }
        }
    }

    /// The content as it was, for showing what changes into `wanted`. With digests only, leaves that `wanted` has
    /// unchanged are known, all others are withheld.
    pub fn content_before(&self, wanted: impl FnOnce() -> Map<String, Value>) -> Before {
        match self {
            Applied::Full(spec) => Before { spec: spec.content(), withheld: Vec::new() },
            Applied::Digests { salt, fields } => {
                let mut before = Before::default();
                let wanted = Value::Object(wanted());
                for (pointer, digest) in fields {
                    if is_set_afterwards(member_of(pointer)) {
                        continue;
                    }
                    let path: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
                    let mut leaf = at(&wanted, &path).cloned();
                    leaf = leaf.filter(|leaf| is_leaf(leaf) && field_digest(salt, pointer, leaf) == *digest);
                    if leaf.is_none() {
                        before.withheld.push(pointer.clone());
                    }
                    place(&mut before.spec, &path, leaf.unwrap_or(Value::Null));
                }
                before
            }
        }
    }
}

/// What was applied before a change, as far as it is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Before {
    /// The content and `customAttributes`, with null in place of what was not kept.
    pub spec: Map<String, Value>,
    /// Where something was not kept (`lastApplied: digest`): JSON pointers (RFC 6901) into `spec`.
    pub withheld: Vec<String>,
}

impl Before {
    /// Whether a member, or a part of it, was not kept.
    pub fn is_withheld(&self, member: &str) -> bool {
        let below = |at: &String| at.strip_prefix('/').and_then(|at| at.strip_prefix(member)).map(str::to_owned);
        self.withheld.iter().filter_map(below).any(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Takes what is known of a member from elsewhere.
    pub fn know(&mut self, member: &str, value: &Value) {
        self.withheld.retain(|at| at.split('/').nth(1) != Some(member));
        self.spec.insert(member.to_owned(), value.clone());
    }

    /// Sets `customAttributes`, where a value of none is one that was not kept.
    pub fn set_attributes(&mut self, attributes: BTreeMap<String, Option<Value>>) {
        if attributes.is_empty() {
            return;
        }
        let withheld = attributes.iter().filter(|(_, value)| value.is_none());
        self.withheld.extend(withheld.map(|(id, _)| format!("/{CUSTOM_ATTRIBUTES}/{}", escape(id))));
        let attributes = attributes.into_iter().map(|(id, value)| (id, value.unwrap_or(Value::Null)));
        self.spec.insert(CUSTOM_ATTRIBUTES.to_owned(), Value::Object(attributes.collect()));
    }

    /// Puts names in the place of the ids that they stand for, as `wanted` writes them.
    pub fn put_names(&mut self, wanted: Conversation, ids: &Ids) {
        for (id, identifier) in name::put_names_of(&mut self.spec, wanted, ids) {
            let (id, identifier) = [id, identifier].map(|key| format!("/{CUSTOM_ATTRIBUTES}/{}", escape(&key))).into();
            let pointers = self.withheld.iter_mut().filter(|pointer| **pointer == id);
            pointers.for_each(|pointer| pointer.clone_from(&identifier));
        }
    }

    /// Sets how it was handled, as far as that is known, the tags of which the names were not kept, and the members
    /// that have something else.
    pub fn set_handling(&mut self, known: &Handling, nameless: usize, more: &[&str]) {
        self.spec.extend(known.to_map());
        if nameless > 0 {
            let tags = self.spec.entry(handling::TAGS).or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(tags) = tags else { return };
            let indices = tags.len()..tags.len() + nameless;
            self.withheld.extend(indices.map(|index| format!("/{}/{index}", handling::TAGS)));
            tags.extend(std::iter::repeat_n(Value::Null, nameless));
        }
        for name in more.iter().filter(|name| **name != handling::TAGS) {
            self.spec.insert((*name).to_owned(), Value::Null);
            self.withheld.push(format!("/{name}"));
        }
    }
}

/// The name of the member of a spec that a JSON pointer leads into.
pub fn member_of(pointer: &str) -> &str {
    pointer.split('/').nth(1).unwrap_or_default()
}

/// Whether a member of a spec is no part of its content.
pub fn is_set_afterwards(member: &str) -> bool {
    member == CUSTOM_ATTRIBUTES || handling::MEMBERS.contains(&member)
}

/// A salted digest of one leaf: 16 hexadecimal digits tell changes, and say less than 64 would.
fn field_digest(salt: &str, pointer: &str, leaf: &Value) -> String {
    let is_name = |step: &&str| !step.bytes().all(|byte| byte.is_ascii_digit());
    let member = pointer.rsplit('/').find(is_name).unwrap_or_default();
    let text = format!("{salt}\n{pointer}\n{}", canonical_of(member, leaf));
    Digest::of_bytes(text.as_bytes()).short(16)
}

/// A new salt from random bytes.
pub fn salt_from(random: [u8; 16]) -> String {
    hex(&random)
}

/// Neither a map nor a list with something in it.
fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn collect_leaves(value: &Value, pointer: &mut String, visit: &mut impl FnMut(&str, &Value)) {
    let length = pointer.len();
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, member) in map.iter().filter(|(_, member)| !crate::digest::is_absent(member)) {
                pointer.push('/');
                pointer.push_str(&escape(name));
                collect_leaves(member, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                collect_leaves(item, pointer, visit);
                pointer.truncate(length);
            }
        }
        leaf => visit(pointer, leaf),
    }
}

fn leaves_match(value: &Value, pointer: &str, salt: &str, fields: &BTreeMap<String, String>) -> bool {
    let mut leaves = 0;
    let mut all = true;
    collect_leaves(value, &mut pointer.to_owned(), &mut |pointer, leaf| {
        leaves += 1;
        all &= fields.get(pointer).is_some_and(|digest| *digest == field_digest(salt, pointer, leaf));
    });
    let prefix = format!("{pointer}/");
    let kept = fields.keys().filter(|known| *known == pointer || known.starts_with(&prefix)).count();
    all && kept == leaves
}

/// A name as a step of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Puts a leaf at a path. Steps that are numbers below a member make lists: no member of a body has a number for a name
/// but in free-form attributes, where the worst outcome is a withheld list shown as such.
fn place(map: &mut Map<String, Value>, path: &[String], leaf: Value) {
    let Some((step, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        map.insert(step.clone(), leaf);
        return;
    }
    if map.get(step).is_none() {
        let container =
            if rest[0].parse::<usize>().is_ok() { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        map.insert(step.clone(), container);
    }
    match map.get_mut(step) {
        Some(Value::Object(inner)) => place(inner, rest, leaf),
        Some(Value::Array(items)) => place_in_list(items, rest, leaf),
        _ => {}
    }
}

fn place_in_list(items: &mut Vec<Value>, path: &[String], leaf: Value) {
    let Some((step, rest)) = path.split_first() else { return };
    let Ok(index) = step.parse::<usize>() else { return };
    // Pointers are sorted as text ("10" before "2"), so a list is filled out of order.
    while items.len() <= index {
        items.push(Value::Null);
    }
    if rest.is_empty() {
        items[index] = leaf;
        return;
    }
    if !matches!(items[index], Value::Object(_) | Value::Array(_)) {
        items[index] =
            if rest[0].parse::<usize>().is_ok() { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
    }
    match &mut items[index] {
        Value::Object(inner) => place(inner, rest, leaf),
        Value::Array(inner) => place_in_list(inner, rest, leaf),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
