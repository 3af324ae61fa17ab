//! What becomes different inside one conversation, as a tree that renderers draw without counting or deciding.
//!
//! Values are compared by what they mean, as [`crate::digest`] has it: the order of members is no difference, and a
//! member whose value is an empty list equals none. A value that was withheld differs from every other.

mod order;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::conversation::{AttributeValue, CUSTOM_ATTRIBUTES, Id, Kind};
use crate::digest;
use crate::handling;
use crate::plan::action::Action;
use crate::plan::change::{Change, Drift, Step};
use crate::plan::compare::Deviation;
use crate::plan::member_diff::order::{Known, Order};
use crate::plan::shown::{Named, Shown};
use crate::shape;
use crate::spec::Spec;
use crate::state::record::is_set_afterwards;

/// The members of a map that differ, in the order in which they are shown, and how many do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members<'c> {
    pub shown: Vec<Member<'c>>,
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
pub struct Member<'c> {
    pub name: Cow<'c, str>,
    /// The name is data (the id of an attribute, a key of a free map), and is shown in quotes.
    pub quoted: bool,
    pub diff: Diff<'c>,
    /// This difference is why the conversation must be replaced.
    pub forces_replacement: bool,
}

/// How one value differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Diff<'c> {
    Added(Shown<'c>),
    Removed(Shown<'c>),
    /// The same before and after, and shown nevertheless: the id of a conversation that is adopted.
    Unchanged(Shown<'c>),
    /// The id of a conversation that is made; what it was before, if there was one.
    Unknown {
        before: Option<Id>,
    },
    /// A short text, another scalar, or two values of different kinds.
    Changed {
        before: Shown<'c>,
        after: Shown<'c>,
    },
    /// A text that is worth a line diff; see [`crate::plan::text_diff`].
    Text {
        before: Cow<'c, str>,
        after: Cow<'c, str>,
    },
    Map(Members<'c>),
    List(Vec<Element<'c>>),
}

/// One entry of a list of which something differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Element<'c> {
    /// This many unchanged neighbours are not shown.
    Hidden(usize),
    /// An unchanged neighbour of a difference, shown so that the reader finds the place.
    Unchanged(Shown<'c>),
    Differs(Diff<'c>),
}

/// A text with more characters than this is worth a line of its own on either side of a change.
const SHORT_TEXT: usize = 60;

impl Change {
    /// What becomes different, member by member, in the order in which Dixa documents them.
    ///
    /// An update of a conversation shows what is set afterwards only: the content of one that exists can't change, even
    /// if `dixaform/on-change: ignore` lets the manifest say otherwise. Nothing is known of an adopted conversation, so
    /// what is set of it is shown as added, though only what differs is set.
    pub fn members(&self) -> Members<'_> {
        match self.action {
            Action::Create | Action::Import => made(self),
            Action::Replace => replaced(self),
            Action::Update => updated(self),
            Action::Move => moved(self),
            Action::Adopt => adopted(self),
            Action::Forget => Members::default(),
        }
    }
}

/// What was changed outside of dixaform in one conversation or end user, as members.
pub fn drifted(drift: &Drift) -> Members<'_> {
    let shown = drift.attributes.iter().map(|(id, recorded, live)| {
        let before = recorded.as_ref().map_or(Shown::Withheld, Shown::from);
        Member::quoted(id, Diff::Changed { before, after: live.into() })
    });
    let content = drift.content.iter().map(|Deviation { thing, described, found }| {
        let before = described.as_ref().map_or(Shown::Withheld, Shown::from);
        Member::new(thing, Diff::Changed { before, after: found.into() })
    });
    let members = drift.members.iter().map(|(name, recorded, live)| {
        let before = recorded.as_ref().map_or(Shown::Withheld, Shown::from);
        Member::new(name, Diff::Changed { before, after: live.into() })
    });
    Members { shown: members.chain(shown).chain(content).collect(), ..Members::default() }
}

/// Everything is new, the id is known later.
fn made(change: &Change) -> Members<'_> {
    let mut after = change.after.as_ref().map_or(Shown::Null, Shown::of_spec);
    if change.marked {
        mark(change.address.kind, &mut after);
    }
    let mut shown = vec![Member::new("id", Diff::Unknown { before: None })];
    if let Shown::Map(added) = order::ordered(after, body_of(change)) {
        shown.extend(added.into_iter().map(|(name, value)| Member::new(name, Diff::Added(value))));
    }
    Members { shown, ..Members::default() }
}

/// Puts a stand-in for the `externalId` that dixaform sets into the first message, or the end user.
fn mark(kind: Kind, spec: &mut Shown<'_>) {
    let place = match kind {
        Kind::EndUser => Some(""),
        Kind::Conversation | Kind::Import => {
            ["/message", "/messages/0"].into_iter().find(|place| spec.at_mut(place).is_some())
        }
    };
    if let Some(Shown::Map(marked)) = place.and_then(|place| spec.at_mut(place)) {
        marked.retain(|(name, _)| name != "externalId");
        marked.push(("externalId".into(), Shown::SetByDixaform));
    }
}

fn replaced(change: &Change) -> Members<'_> {
    // Without the marker: the message that is replaced had one as well, and another mark is no news.
    let after = change.after.as_ref().map_or(Shown::Map(Vec::new()), Shown::of_spec);
    let before = change.before.as_deref().map_or(Shown::Map(Vec::new()), Shown::of_before);
    let mut members = match (before, after) {
        (Shown::Map(before), Shown::Map(after)) => members_diff(before, after, body_of(change)),
        _ => Members::default(),
    };
    for member in &mut members.shown {
        if member.name == CUSTOM_ATTRIBUTES {
            quote_attributes(member);
        } else if !is_set_afterwards(&member.name) {
            blame(member);
        }
    }
    members.shown.insert(0, Member::new("id", Diff::Unknown { before: change.id }));
    members
}

fn updated(change: &Change) -> Members<'_> {
    let Some(after) = &change.after else { return Members::default() };
    let wanted = after.attributes();
    let mut known = change.before.as_deref().map_or(Shown::Null, Shown::of_before);
    let mut before = match known.at_mut("/customAttributes") {
        Some(Shown::Map(attributes)) => std::mem::take(attributes),
        _ => Named::new(),
    };
    let written: BTreeMap<&str, &AttributeValue> = written(change).collect();
    let mut attributes = Members { noun: Noun::Attribute, ..Members::default() };
    for (id, value) in &written {
        let kept = wanted.contains_key(*id);
        let known = before.iter().position(|(name, _)| name == id).map(|index| before.swap_remove(index).1);
        let diff = match known {
            None if kept => Diff::Added(shown(value)),
            // It was set once, or nobody would clear it; by whom is not known.
            None => Diff::Removed(Shown::Withheld),
            Some(before) if !kept => Diff::Removed(before),
            Some(before) => attribute_diff(before, shown(value)),
        };
        attributes.shown.push(Member::quoted(*id, diff));
    }
    attributes.unchanged = wanted.keys().filter(|id| !written.contains_key(id.as_str())).count();
    if change.address.kind == Kind::EndUser {
        return updated_end_user(change, known, attributes);
    }
    let handled = updated_handling(change, known);
    let others = usize::from(attributes.shown.is_empty() && attributes.unchanged > 0);
    let unchanged = content_members(after) + others + after.handling().to_map().len();
    let unchanged = unchanged - handled.iter().filter(|member| !matches!(member.diff, Diff::Removed(_))).count();
    let patched = (!attributes.shown.is_empty()).then(|| Member::new(CUSTOM_ATTRIBUTES, Diff::Map(attributes)));
    Members { shown: patched.into_iter().chain(handled).collect(), unchanged, noun: Noun::Member }
}

/// What the steps of a change of an existing conversation set of how it is handled, in the order in which they do.
fn updated_handling<'c>(change: &'c Change, known: Shown<'c>) -> Vec<Member<'c>> {
    let Some(after) = &change.after else { return Vec::new() };
    let wanted = after.handling();
    let mut before = match known {
        Shown::Map(members) => members,
        _ => Named::new(),
    };
    let mut take = |name: &str| before.iter().position(|(known, _)| known == name).map(|at| before.swap_remove(at).1);
    let member = |name: &'static str| {
        let before = take(name);
        let after = wanted.member(name).map(shown_value);
        let diff = match (before, after) {
            (None, Some(after)) => Diff::Added(after),
            (Some(before), None) => Diff::Removed(before),
            (Some(before), Some(after)) => {
                value_diff(before, after.clone(), Known::Nothing).unwrap_or(Diff::Unchanged(after))
            }
            (None, None) => return None,
        };
        Some(Member::new(name, diff))
    };
    handling::MEMBERS.into_iter().filter(|name| is_set(change, name)).filter_map(member).collect()
}

/// Whether a step of a change sets a member of how the conversation is handled.
fn is_set(change: &Change, name: &str) -> bool {
    change.steps.iter().any(|step| matches!(step, Step::Set(setting) if setting.member() == name))
}

fn content_members(spec: &Spec) -> usize {
    spec.content().values().filter(|member| !digest::is_absent(member)).count()
}

/// Nothing becomes different but the address.
fn moved(change: &Change) -> Members<'_> {
    let Some(after) = &change.after else { return Members::default() };
    let set_afterwards = usize::from(!after.attributes().is_empty()) + after.handling().to_map().len();
    let unchanged = content_members(after) + set_afterwards;
    Members { shown: known_id(change).into_iter().collect(), unchanged, noun: Noun::Member }
}

fn known_id(change: &Change) -> Option<Member<'_>> {
    change.id.map(|id| Member::new("id", Diff::Unchanged(shown_id(id))))
}

/// Of an end user the content can change, too.
fn updated_end_user<'c>(change: &'c Change, known: Shown<'c>, attributes: Members<'c>) -> Members<'c> {
    let content = |spec: Shown<'c>| match spec {
        Shown::Map(members) => members.into_iter().filter(|(name, _)| name != CUSTOM_ATTRIBUTES).collect(),
        _ => Named::new(),
    };
    let after = content(change.after.as_ref().map_or(Shown::Null, Shown::of_spec));
    // A member that left the manifest stays as it is in Dixa: it becomes no different.
    let mut before = content(known);
    before.retain(|(name, _)| after.iter().any(|(kept, _)| kept == name));
    let mut members = members_diff(before, after, body_of(change));
    if !attributes.shown.is_empty() {
        members.shown.push(Member::new(CUSTOM_ATTRIBUTES, Diff::Map(attributes)));
    }
    members
}

fn adopted(change: &Change) -> Members<'_> {
    let id = known_id(change);
    let changes = change.steps.contains(&Step::ChangeDifferent);
    let content = match change.after.as_ref().filter(|_| changes).map(Shown::of_spec) {
        Some(Shown::Map(members)) => members,
        _ => Named::new(),
    };
    let content = content.into_iter().filter(|(name, _)| !is_set_afterwards(name));
    let content = content.map(|(name, value)| Member::new(name, Diff::Added(value)));
    let wanted = change.after.as_ref().map(Spec::handling).unwrap_or_default();
    let handled = handling::MEMBERS.into_iter().filter(|name| is_set(change, name));
    let handled = handled.filter_map(|name| Some(Member::new(name, Diff::Added(shown_value(wanted.member(name)?)))));
    let handled: Vec<Member<'_>> = handled.collect();
    let attributes: Named<'_> = written(change).map(|(id, value)| (id.into(), shown(value))).collect();
    let attributes =
        (!attributes.is_empty()).then(|| Member::new(CUSTOM_ATTRIBUTES, Diff::Added(Shown::Map(attributes))));
    let shown = id.into_iter().chain(content).chain(attributes).chain(handled).collect();
    Members { shown, ..Members::default() }
}

fn shown_id(id: Id) -> Shown<'static> {
    match id {
        Id::Conversation(id) => Shown::Number(id.0.into()),
        Id::EndUser(id) => Shown::Text(id.to_string().into()),
    }
}

fn shown(value: &AttributeValue) -> Shown<'_> {
    match value {
        AttributeValue::Text(text) => Shown::Text(text.into()),
        AttributeValue::Path(path) => Shown::List(path.iter().map(|step| Shown::Text(step.into())).collect()),
        AttributeValue::Clear => Shown::Null,
    }
}

/// A value that nobody else holds.
fn shown_value<'c>(value: Value) -> Shown<'c> {
    match value {
        Value::Null => Shown::Null,
        Value::Bool(value) => Shown::Bool(value),
        Value::Number(number) => Shown::Number(number),
        Value::String(text) => Shown::Text(text.into()),
        Value::Array(items) => Shown::List(items.into_iter().map(shown_value).collect()),
        Value::Object(members) => {
            Shown::Map(members.into_iter().map(|(name, value)| (name.into(), shown_value(value))).collect())
        }
    }
}

/// The attributes that the steps of a change of an existing conversation write, in ascending order of their ids.
fn written(change: &Change) -> impl Iterator<Item = (&str, &AttributeValue)> {
    let written = change.steps.iter().filter_map(|step| match step {
        Step::Patch(attributes) | Step::PatchDifferent(attributes) => Some(attributes),
        Step::Make(_)
        | Step::PatchAll
        | Step::Find(_)
        | Step::Read(_)
        | Step::Change(_)
        | Step::ChangeDifferent
        | Step::ListBefore(_)
        | Step::ReadBack
        | Step::ReadTagsBack
        | Step::LookAt
        | Step::LookAtTags
        | Step::Set(_) => None,
    });
    written.flatten().map(|(id, value)| (id.as_str(), value))
}

fn body_of(change: &Change) -> Known {
    Known::Union(shape::body(change.address.kind))
}

impl<'c> Member<'c> {
    fn new(name: impl Into<Cow<'c, str>>, diff: Diff<'c>) -> Self {
        let name = name.into();
        Member { quoted: !is_word(&name), name, diff, forces_replacement: false }
    }

    fn quoted(name: impl Into<Cow<'c, str>>, diff: Diff<'c>) -> Self {
        Member { quoted: true, ..Member::new(name, diff) }
    }
}

/// Whether a name can be written without quotes: a letter or `_`, then letters, digits and `_`. All of Dixa's are such
/// words.
pub fn is_word(name: &str) -> bool {
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.bytes().all(is_of_word)
}

/// Says of each innermost member that differs that it is why the conversation must be replaced.
fn blame(member: &mut Member<'_>) {
    member.forces_replacement = !blame_within(&mut member.diff);
}

/// Whether there were members within to blame, for all of the difference.
fn blame_within(diff: &mut Diff<'_>) -> bool {
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
fn quote_attributes(member: &mut Member<'_>) {
    let Diff::Map(attributes) = &mut member.diff else { return };
    attributes.noun = Noun::Attribute;
    for attribute in &mut attributes.shown {
        attribute.quoted = true;
    }
}

/// Both sides of each member, and what differs of it. A member that is an empty list means as much as no such member.
fn members_diff<'c>(before: Named<'c>, after: Named<'c>, known: Known) -> Members<'c> {
    let variant = order::variant(&after).or_else(|| order::variant(&before));
    let order = Order::of(known, variant);
    let mut sides: BTreeMap<Cow<'c, str>, (Option<Shown<'c>>, Option<Shown<'c>>)> = BTreeMap::new();
    for (name, value) in before.into_iter().filter(|(_, value)| !value.is_absent()) {
        sides.entry(name).or_default().0 = Some(value);
    }
    for (name, value) in after.into_iter().filter(|(_, value)| !value.is_absent()) {
        sides.entry(name).or_default().1 = Some(value);
    }
    let mut sides: Vec<_> = sides.into_iter().collect();
    order.sort(&mut sides);
    let mut members = Members::default();
    for (name, (before, after)) in sides {
        let known_member = order.member(&name);
        let are_attributes = name == CUSTOM_ATTRIBUTES && matches!(known, Known::Union(_));
        let diff = match (before, after) {
            (Some(Shown::Map(before)), Some(Shown::Map(after))) if are_attributes => attributes_diff(before, after),
            (Some(before), Some(after)) if mean_the_same(&name, &before, &after) => None,
            (Some(before), Some(after)) => value_diff(before, after, known_member),
            (Some(before), None) => Some(Diff::Removed(order::ordered(before, known_member))),
            (None, Some(after)) => Some(Diff::Added(order::ordered(after, known_member))),
            (None, None) => None,
        };
        match diff {
            Some(diff) => members.shown.push(Member::new(name, diff)),
            None => members.unchanged += 1,
        }
    }
    members
}

/// Whether texts, or lists of them, stand for the same in a member of this name.
fn mean_the_same(name: &str, before: &Shown<'_>, after: &Shown<'_>) -> bool {
    let meaning = |value: &Shown<'_>| digest::canonical_of(name, &value.to_json());
    match (before, after) {
        (Shown::Text(_), Shown::Text(_)) => meaning(before) == meaning(after),
        (Shown::List(_), Shown::List(_)) => !before.has_withheld() && meaning(before) == meaning(after),
        _ => false,
    }
}

/// The difference between two sets of attributes: none when they are the same.
fn attributes_diff<'c>(before: Named<'c>, after: Named<'c>) -> Option<Diff<'c>> {
    let mut members = members_diff(before.clone(), after.clone(), Known::Nothing);
    let value = |all: &Named<'c>, id: &str| all.iter().find(|(name, _)| name == id).map(|(_, value)| value.clone());
    for member in &mut members.shown {
        // The element diff of a path says less than both paths beside each other.
        if let (Diff::List(_), Some(before), Some(after)) =
            (&member.diff, value(&before, &member.name), value(&after, &member.name))
        {
            member.diff = Diff::Changed { before, after };
        }
    }
    (!members.shown.is_empty()).then_some(Diff::Map(members))
}

/// The difference between two values of one attribute, of which it is known that they differ.
fn attribute_diff<'c>(before: Shown<'c>, after: Shown<'c>) -> Diff<'c> {
    match (before, after) {
        (Shown::Text(before), Shown::Text(after)) => text_diff(before, after),
        (before, after) => Diff::Changed { before, after },
    }
}

/// None when both mean the same.
fn value_diff<'c>(before: Shown<'c>, after: Shown<'c>, known: Known) -> Option<Diff<'c>> {
    match (before, after) {
        (Shown::Map(before), Shown::Map(after)) => {
            let members = members_diff(before, after, known);
            (!members.shown.is_empty()).then_some(Diff::Map(members))
        }
        (Shown::List(before), Shown::List(after)) => list_diff(before, after, known.element()),
        (Shown::Text(before), Shown::Text(after)) => (before != after).then(|| text_diff(before, after)),
        (before, after) => {
            let differs =
                before.has_withheld() || digest::canonical(&before.to_json()) != digest::canonical(&after.to_json());
            differs
                .then(|| Diff::Changed { before: order::ordered(before, known), after: order::ordered(after, known) })
        }
    }
}

fn text_diff<'c>(before: Cow<'c, str>, after: Cow<'c, str>) -> Diff<'c> {
    let long = |text: &str| text.chars().nth(SHORT_TEXT).is_some();
    if before.contains('\n') || after.contains('\n') || (long(&before) && long(&after)) {
        Diff::Text { before, after }
    } else {
        Diff::Changed { before: Shown::Text(before), after: Shown::Text(after) }
    }
}

/// None when both mean the same. A neighbour is shown on either side of a difference.
fn list_diff<'c>(before: Vec<Shown<'c>>, after: Vec<Shown<'c>>, known: Known) -> Option<Diff<'c>> {
    let old: Vec<String> = before.iter().enumerate().map(|(index, item)| key(item, index)).collect();
    let new: Vec<String> = after.iter().map(|item| digest::canonical(&item.to_json())).collect();
    let (mut before, mut after) = (before.into_iter(), after.into_iter());
    let mut elements = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let old = before.by_ref().take(operation.old_range().len());
        let new = after.by_ref().take(operation.new_range().len());
        if operation.tag() == DiffTag::Equal {
            elements.extend(old.zip(new).map(|(_, item)| Element::Unchanged(order::ordered(item, known))));
        } else {
            replaced_elements(old.collect(), new.collect(), known, &mut elements);
        }
    }
    let differs = elements.iter().any(|element| matches!(element, Element::Differs(_)));
    differs.then(|| Diff::List(hide_unchanged(elements)))
}

/// What an element of the old list is recognized by. One of which a part was withheld is like no other.
fn key(item: &Shown<'_>, index: usize) -> String {
    if item.has_withheld() { format!("withheld {index}") } else { digest::canonical(&item.to_json()) }
}

/// Elements that took the place of each other: maps and lists at the same position are compared, the rest goes and
/// comes.
fn replaced_elements<'c>(old: Vec<Shown<'c>>, new: Vec<Shown<'c>>, known: Known, elements: &mut Vec<Element<'c>>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (old.into_iter(), new.into_iter());
    loop {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(before), Some(after)) if is_comparable(&before, &after) => {
                elements.append(&mut removed);
                elements.append(&mut added);
                let same = order::ordered(after.clone(), known);
                let diff = value_diff(before, after, known);
                elements.push(diff.map_or(Element::Unchanged(same), Element::Differs));
            }
            (before, after) => {
                removed.extend(before.map(|item| Element::Differs(Diff::Removed(order::ordered(item, known)))));
                added.extend(after.map(|item| Element::Differs(Diff::Added(order::ordered(item, known)))));
            }
        }
    }
    elements.append(&mut removed);
    elements.append(&mut added);
}

fn is_comparable(before: &Shown<'_>, after: &Shown<'_>) -> bool {
    matches!((before, after), (Shown::Map(_), Shown::Map(_)) | (Shown::List(_), Shown::List(_)) | (Shown::Withheld, _))
}

fn hide_unchanged(elements: Vec<Element<'_>>) -> Vec<Element<'_>> {
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
