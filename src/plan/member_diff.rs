//! What becomes different inside one conversation, as a tree that renderers draw without counting or deciding.
//!
//! Values are compared by what they mean, as [`crate::digest`] has it: the order of members is no difference, and a member
//! whose value is an empty list equals none. A value that was withheld differs from every other.

mod order;

use std::collections::BTreeMap;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::conversation::{AttributeValue, CUSTOM_ATTRIBUTES};
use crate::digest;
use crate::plan::action::Action;
use crate::plan::change::{Change, Step};
use crate::plan::member_diff::order::Known;
use crate::plan::shown::{Map, Number, Value};
use crate::shape;
use crate::spec::Spec;
use crate::state::Before;

/// The members of a map that differ, in the order in which they are shown, and how many do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    pub shown: Vec<Member>,
    /// Members that are the same before and after, hidden.
    pub unchanged: usize,
    /// What the hidden ones are called.
    pub noun: Noun,
}

/// What the parts of a map or list are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Noun {
    #[default]
    Member,
    Attribute,
    Element,
}

impl Noun {
    /// "member" for one, "members" for any other number.
    pub fn counted(self, count: usize) -> &'static str {
        match (self, count) {
            (Noun::Member, 1) => "member",
            (Noun::Member, _) => "members",
            (Noun::Attribute, 1) => "attribute",
            (Noun::Attribute, _) => "attributes",
            (Noun::Element, 1) => "element",
            (Noun::Element, _) => "elements",
        }
    }
}

/// One member that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub name: String,
    /// The name is data (the id of an attribute, a key of a free map), and is shown in quotes.
    pub quoted: bool,
    pub diff: Diff,
    /// This difference is why the conversation must be replaced.
    pub forces_replacement: bool,
}

/// How one value differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Diff {
    Added(Value),
    Removed(Value),
    /// The same before and after, and shown nevertheless: the id of a conversation that is adopted.
    Unchanged(Value),
    /// Known only when it is applied: the id of a conversation. What it was before, if there was one.
    Unknown {
        before: Option<Value>,
    },
    /// A short text, another scalar, or two values of different kinds.
    Changed {
        before: Value,
        after: Value,
    },
    /// A text that is worth a line diff; see [`crate::plan::text_diff`].
    Text {
        before: String,
        after: String,
    },
    Map(Members),
    List(Vec<Element>),
}

/// One entry of a list of which something differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// This many unchanged neighbours are not shown.
    Hidden(usize),
    /// An unchanged neighbour of a difference, shown so that the reader finds the place.
    Unchanged(Value),
    Differs(Diff),
}

/// A text with more characters than this is worth a line of its own on either side of a change.
const SHORT_TEXT: usize = 60;

impl Change {
    /// What becomes different, member by member, in the order in which Dixa documents them.
    ///
    /// An update shows attributes only: the content of a conversation that exists can't change, even where
    /// `dixaform/on-change: ignore` lets the manifest say otherwise. Of an adopted conversation nothing is known, so its
    /// attributes are shown as added, though only those are written that differ.
    pub fn members(&self) -> Members {
        match self.action {
            Action::Create | Action::Import => made(self),
            Action::Replace => replaced(self),
            Action::Update => updated(self),
            Action::Adopt => adopted(self),
            Action::Forget => Members::default(),
        }
    }
}

/// Everything is new, the id is known later.
fn made(change: &Change) -> Members {
    let added = match after_shown(change).map(|shown| order::ordered(shown, body_of(change))) {
        Some(Value::Map(map)) => map,
        _ => Map::new(),
    };
    let added = added.into_iter().map(|(name, value)| Member::new(&name, Diff::Added(value)));
    Members {
        shown: std::iter::once(Member::new("id", Diff::Unknown { before: None })).chain(added).collect(),
        ..Members::default()
    }
}

/// What the manifest describes, with a stand-in for the `externalId` that dixaform sets.
fn after_shown(change: &Change) -> Option<Value> {
    let mut shown = Value::Map(Map::of(&change.after.as_ref()?.members()));
    let messages = ["/message", "/messages/0"];
    let message = messages.into_iter().find(|pointer| shown.at_mut(pointer).is_some());
    if change.marked
        && let Some(Value::Map(message)) = message.and_then(|pointer| shown.at_mut(pointer))
    {
        message.set("externalId", Value::SetByDixaform);
    }
    Some(shown)
}

fn replaced(change: &Change) -> Members {
    let empty = Value::Map(Map::new());
    // Without the marker: the message that is replaced had one as well, and another mark is no news.
    let after = change.after.as_ref().map_or_else(|| empty.clone(), |after| Value::Map(Map::of(&after.members())));
    let before = change.before.as_deref().map_or(empty, shown_before);
    let before = &before;
    let mut members = match (before, &after) {
        (Value::Map(before), Value::Map(after)) => members_diff(before, after, body_of(change)),
        _ => Members::default(),
    };
    for member in &mut members.shown {
        if member.name == CUSTOM_ATTRIBUTES {
            quote_attributes(member);
        } else {
            blame(member);
        }
    }
    let before = change.id.map(|id| Value::Number(Number::Integer(id.0)));
    members.shown.insert(0, Member::new("id", Diff::Unknown { before }));
    members
}

fn updated(change: &Change) -> Members {
    let Some(after) = &change.after else { return Members::default() };
    let wanted = after.attributes();
    let empty = Map::new();
    let known = change.before.as_deref().map(shown_before);
    let before =
        known.as_ref().and_then(|before| before.get(CUSTOM_ATTRIBUTES)).and_then(Value::as_map).unwrap_or(&empty);
    let written: BTreeMap<&str, &AttributeValue> = written(change).collect();
    let mut attributes = Members { noun: Noun::Attribute, ..Members::default() };
    for (id, value) in &written {
        let kept = wanted.contains_key(*id);
        let diff = match before.get(id) {
            None if kept => Diff::Added(Value::of(&value.to_value())),
            // It was set once, or nobody would clear it; by whom is not known.
            None => Diff::Removed(Value::Withheld),
            Some(before) if !kept => Diff::Removed(before.clone()),
            Some(before) => attribute_diff(before, &Value::of(&value.to_value())),
        };
        attributes.shown.push(Member::quoted(id, diff));
    }
    attributes.unchanged = wanted.keys().filter(|id| !written.contains_key(id.as_str())).count();
    Members {
        shown: vec![Member::new(CUSTOM_ATTRIBUTES, Diff::Map(attributes))],
        unchanged: members_of_content(after),
        noun: Noun::Member,
    }
}

fn adopted(change: &Change) -> Members {
    let mut shown = Vec::new();
    if let Some(id) = change.id {
        shown.push(Member::new("id", Diff::Unchanged(Value::Number(Number::Integer(id.0)))));
    }
    let attributes: Map = written(change).map(|(id, value)| (id.to_owned(), Value::of(&value.to_value()))).collect();
    if !attributes.is_empty() {
        shown.push(Member::new(CUSTOM_ATTRIBUTES, Diff::Added(Value::Map(attributes))));
    }
    Members { shown, ..Members::default() }
}

/// The attributes that the steps of a change of an existing conversation write, in ascending order of their ids.
fn written(change: &Change) -> impl Iterator<Item = (&str, &AttributeValue)> {
    change.steps.iter().flat_map(|step| match step {
        Step::Patch(attributes) | Step::PatchDifferent(attributes) => {
            Some(attributes).into_iter().flatten().map(|(id, value)| (id.as_str(), value)).collect::<Vec<_>>()
        }
        Step::Make(_) | Step::PatchAll | Step::Read(_) | Step::ListBefore(_) | Step::ReadBack => Vec::new(),
    })
}

fn body_of(change: &Change) -> Known {
    Known::Union(shape::body(change.address.kind))
}

impl Member {
    fn new(name: &str, diff: Diff) -> Self {
        Member { name: name.to_owned(), quoted: !is_word(name), diff, forces_replacement: false }
    }

    fn quoted(name: &str, diff: Diff) -> Self {
        Member { quoted: true, ..Member::new(name, diff) }
    }
}

/// Whether a name can stand without quotes: a letter or `_`, then letters, digits and `_`. All of Dixa's are such words.
pub fn is_word(name: &str) -> bool {
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.bytes().all(is_of_word)
}

/// Says of each innermost member that differs that it is why the conversation must be replaced.
fn blame(member: &mut Member) {
    member.forces_replacement = !blame_within(&mut member.diff);
}

/// Whether there were members within to blame, for all of the difference.
fn blame_within(diff: &mut Diff) -> bool {
    match diff {
        Diff::Map(members) => {
            members.shown.iter_mut().for_each(blame);
            true
        }
        Diff::List(elements) => {
            let mut all = true;
            for element in elements {
                if let Element::Differs(diff) = element {
                    all &= blame_within(diff);
                }
            }
            all
        }
        Diff::Added(_)
        | Diff::Removed(_)
        | Diff::Unchanged(_)
        | Diff::Unknown { .. }
        | Diff::Changed { .. }
        | Diff::Text { .. } => false,
    }
}

/// The ids of attributes are data, and paths of options are one value each.
fn quote_attributes(member: &mut Member) {
    let Diff::Map(attributes) = &mut member.diff else { return };
    attributes.noun = Noun::Attribute;
    for attribute in &mut attributes.shown {
        attribute.quoted = true;
    }
}

/// How many [present] members the content of a spec has.
fn members_of_content(spec: &Spec) -> usize {
    spec.content().values().filter(|member| !digest::is_absent(member)).count()
}

/// Members that mean something: an empty list means as much as no such member.
fn present(map: &Map) -> impl Iterator<Item = (&str, &Value)> {
    map.iter().filter(|(_, value)| !matches!(value, Value::List(items) if items.is_empty()))
}

/// Both sides of each member, and what differs of it.
fn members_diff(before: &Map, after: &Map, known: Known) -> Members {
    let mut sides: BTreeMap<&str, (Option<&Value>, Option<&Value>)> = BTreeMap::new();
    for (name, value) in present(before) {
        sides.entry(name).or_default().0 = Some(value);
    }
    for (name, value) in present(after) {
        sides.entry(name).or_default().1 = Some(value);
    }
    let variant = order::variant(after).or_else(|| order::variant(before));
    let mut sides: Vec<_> = sides.into_iter().collect();
    order::sort(&mut sides, known, variant);
    let mut members = Members::default();
    for (name, (before, after)) in sides {
        let known_member = known.member(variant, name);
        let diff = match (before, after) {
            (Some(before), Some(after)) if name == CUSTOM_ATTRIBUTES && matches!(known, Known::Union(_)) => {
                attributes_diff(before, after)
            }
            (Some(before), Some(after)) => value_diff(before, after, known_member),
            (Some(before), None) => Some(Diff::Removed(order::ordered(before.clone(), known_member))),
            (None, Some(after)) => Some(Diff::Added(order::ordered(after.clone(), known_member))),
            (None, None) => None,
        };
        match diff {
            Some(diff) => members.shown.push(Member::new(name, diff)),
            None => members.unchanged += 1,
        }
    }
    members
}

/// The difference between two sets of attributes: none when they are the same.
fn attributes_diff(before: &Value, after: &Value) -> Option<Diff> {
    let (Value::Map(before), Value::Map(after)) = (before, after) else {
        return value_diff(before, after, Known::Nothing);
    };
    let mut members = members_diff(before, after, Known::Nothing);
    for member in &mut members.shown {
        // The element diff of a path says less than both paths beside each other.
        if let (Diff::List(_), Some(before), Some(after)) =
            (&member.diff, before.get(&member.name), after.get(&member.name))
        {
            member.diff = attribute_diff(before, after);
        }
    }
    (!members.shown.is_empty()).then_some(Diff::Map(members))
}

/// The difference between two values of one attribute, of which it is known that they differ.
fn attribute_diff(before: &Value, after: &Value) -> Diff {
    match (before, after) {
        (Value::Text(before), Value::Text(after)) => text_diff(before, after),
        _ => Diff::Changed { before: before.clone(), after: after.clone() },
    }
}

/// None when both mean the same.
fn value_diff(before: &Value, after: &Value, known: Known) -> Option<Diff> {
    match (before, after) {
        (Value::Map(before), Value::Map(after)) => {
            let members = members_diff(before, after, known);
            (!members.shown.is_empty()).then_some(Diff::Map(members))
        }
        (Value::List(before), Value::List(after)) => list_diff(before, after, known.element()),
        (Value::Text(before), Value::Text(after)) => (before != after).then(|| text_diff(before, after)),
        _ => (before != after).then(|| Diff::Changed {
            before: order::ordered(before.clone(), known),
            after: order::ordered(after.clone(), known),
        }),
    }
}

fn text_diff(before: &str, after: &str) -> Diff {
    let long = |text: &str| text.chars().nth(SHORT_TEXT).is_some();
    if before.contains('\n') || after.contains('\n') || (long(before) && long(after)) {
        Diff::Text { before: before.to_owned(), after: after.to_owned() }
    } else {
        Diff::Changed { before: Value::text(before), after: Value::text(after) }
    }
}

/// None when both mean the same. A neighbour is shown on either side of a difference.
fn list_diff(before: &[Value], after: &[Value], known: Known) -> Option<Diff> {
    let old: Vec<String> = before.iter().enumerate().map(|(index, item)| key(item, index)).collect();
    let new: Vec<String> = after.iter().map(canonical).collect();
    let mut elements = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (old, new) = (&before[operation.old_range()], &after[operation.new_range()]);
        match operation.tag() {
            DiffTag::Equal => {
                elements.extend(new.iter().map(|item| Element::Unchanged(order::ordered(item.clone(), known))));
            }
            DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => replaced_elements(old, new, known, &mut elements),
        }
    }
    let differs = elements.iter().any(|element| matches!(element, Element::Differs(_)));
    differs.then(|| Diff::List(hide_unchanged(elements)))
}

/// What an element of the old list is recognized by. One of which a part was withheld is like no other.
fn key(item: &Value, index: usize) -> String {
    if has_withheld(item) { format!("withheld {index}") } else { canonical(item) }
}

fn canonical(value: &Value) -> String {
    digest::canonical(&value.to_json())
}

/// What was applied, with a stand-in for each part that was not kept.
fn shown_before(before: &Before) -> Value {
    let mut shown = Value::Map(Map::of(&before.spec));
    for pointer in &before.withheld {
        if let Some(place) = shown.at_mut(pointer) {
            *place = Value::Withheld;
        }
    }
    shown
}

fn has_withheld(value: &Value) -> bool {
    match value {
        Value::Withheld | Value::SetByDixaform => true,
        Value::List(items) => items.iter().any(has_withheld),
        Value::Map(map) => map.iter().any(|(_, value)| has_withheld(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
    }
}

/// Elements that took the place of each other: maps and lists at the same position are compared, the rest goes and comes.
fn replaced_elements(old: &[Value], new: &[Value], known: Known, elements: &mut Vec<Element>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for index in 0..old.len().max(new.len()) {
        match (old.get(index), new.get(index)) {
            (Some(before), Some(after)) if is_comparable(before, after) => {
                elements.append(&mut removed);
                elements.append(&mut added);
                elements.push(match value_diff(before, after, known) {
                    Some(diff) => Element::Differs(diff),
                    None => Element::Unchanged(order::ordered(after.clone(), known)),
                });
            }
            (before, after) => {
                removed.extend(before.map(|item| Element::Differs(Diff::Removed(order::ordered(item.clone(), known)))));
                added.extend(after.map(|item| Element::Differs(Diff::Added(order::ordered(item.clone(), known)))));
            }
        }
    }
    elements.append(&mut removed);
    elements.append(&mut added);
}

fn is_comparable(before: &Value, after: &Value) -> bool {
    matches!((before, after), (Value::Map(_), Value::Map(_)) | (Value::List(_), Value::List(_)) | (Value::Withheld, _))
}

fn hide_unchanged(elements: Vec<Element>) -> Vec<Element> {
    let differs: Vec<bool> = elements.iter().map(|element| matches!(element, Element::Differs(_))).collect();
    let near =
        |index: usize| differs[index] || differs.get(index + 1) == Some(&true) || index > 0 && differs[index - 1];
    let mut shown = Vec::new();
    for (index, element) in elements.into_iter().enumerate() {
        match (near(index), shown.last_mut()) {
            (true, _) => shown.push(element),
            (false, Some(Element::Hidden(count))) => *count += 1,
            (false, _) => shown.push(Element::Hidden(1)),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
