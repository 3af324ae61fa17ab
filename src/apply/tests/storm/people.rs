//! Whom a round wants to exist: end users, who are changed in place.
//!
//! Whose the body of a POST is, its `lastName` says; nobody looks anybody up by that.

use serde_json::{Map, Value};

use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::wishes::Key;
use crate::conversation::Id;
use crate::end_user;

/// The definition of an attribute of end users.
pub(super) const SEGMENT: &str = "7c0f1d52-5f3e-4a7a-9d53-0c8f3f6a2b11";

/// One manifest of an end user.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    /// Other members, which are set in place.
    pub(super) version: u32,
    /// The value of an attribute.
    pub(super) note: Option<u32>,
    has_email: bool,
    has_phone: bool,
    /// The manifest has an `externalId` of its own.
    has_mark: bool,
    has_picture: bool,
    /// An end user who is there, and whom a person has named.
    pub(super) adopts: Option<Id>,
}

impl Person {
    /// One with nothing but an e-mail address, or not even that.
    pub(super) fn plain(number: usize, has_email: bool) -> Self {
        let (name, version, note) = (format!("p{number}"), 0, None);
        let (has_phone, has_mark, has_picture, adopts) = (false, false, false, None);
        Person { name, version, note, has_email, has_phone, has_mark, has_picture, adopts }
    }

    pub(super) fn draw(number: usize, chance: &mut Chance) -> Self {
        Person {
            name: format!("p{number}"),
            version: 0,
            note: chance.percent(50).then_some(1),
            has_email: chance.percent(60),
            has_phone: chance.percent(40),
            has_mark: chance.percent(15),
            has_picture: chance.percent(30),
            adopts: None,
        }
    }

    pub(super) fn address(&self) -> String {
        format!("enduser.{}", self.name)
    }

    pub(super) fn key(&self) -> Key {
        Key { name: self.name.clone(), version: 0 }
    }

    /// Whether there is anything by which it could be found that its manifest gives.
    pub(super) fn can_be_found(&self) -> bool {
        self.has_mark || self.has_address() || self.adopts.is_some()
    }

    pub(super) fn has_address(&self) -> bool {
        self.has_email || self.has_phone
    }

    pub(super) fn members(&self) -> Map<String, Value> {
        let Person { name, version, .. } = self;
        let number: usize = name.trim_start_matches('p').parse().expect("names have numbers");
        let middle = |_| Value::from(vec![format!("M{version}")]);
        let members = [
            ("displayName", Some(Value::from(format!("Jane v{version}")))),
            ("lastName", Some(name.as_str().into())),
            ("middleNames", version.is_multiple_of(2).then_some(()).map(middle)),
            ("email", self.has_email.then(|| format!("{name}@example.com").into())),
            ("phoneNumber", self.has_phone.then(|| format!("+4588{number:04}").into())),
            ("externalId", self.has_mark.then(|| format!("own-{name}").into())),
            ("avatarUrl", self.has_picture.then(|| format!("https://example.com/{name}-{version}.png").into())),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    pub(super) fn yaml(&self) -> String {
        let Person { name, note, .. } = self;
        let note = note.map(|note| format!("\n  customAttributes: {{{SEGMENT}: note-{note}}}")).unwrap_or_default();
        let members: Vec<String> =
            self.members().into_iter().map(|(name, value)| format!("\n  {name}: {value}")).collect();
        let adopts = self.adopts.map(|id| format!(", annotations: {{dixaform/adopt: {id}}}")).unwrap_or_default();
        format!(
            "---\napiVersion: dixaform/v1\nkind: EndUser\nmetadata: {{name: {name}{adopts}}}\nspec:{}{note}\n",
            members.concat()
        )
    }

    /// How a conversation can name who requests it.
    pub(super) fn named(&self, chance: &mut Chance) -> String {
        let Person { name, .. } = self;
        let members = self.members();
        let text = |member: &str| members.get(member).and_then(Value::as_str).map(str::to_owned);
        let names = [
            Some(format!("{{endUser: {name}}}")),
            text("email").map(|email| format!("{{email: {email}}}")),
            text("email").map(|email| format!("{{email: {}}}", email.to_uppercase())),
            text("phoneNumber").map(|phone| format!("{{phone: '{phone}'}}")),
            text("externalId").map(|mark| format!("{{externalId: {mark}}}")),
        ];
        let names: Vec<String> = names.into_iter().flatten().collect();
        names[chance.of(0..names.len())].clone()
    }

    /// The members that are not as they are wanted, of those that can be read back.
    pub(super) fn lacks(&self, members: &Map<String, Value>) -> Vec<String> {
        let is_other = |(name, value): &(String, Value)| {
            end_user::is_comparable(name) && !end_user::is_same(name, value, members.get(name))
        };
        self.members().into_iter().filter(is_other).map(|(name, _)| name).collect()
    }
}
