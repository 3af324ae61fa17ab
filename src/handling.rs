//! How a conversation is handled: its tags, its queue, its assignee and whether it is open. Dixa takes each by a call
//! of its own once the conversation is there, gives it back, and takes it again.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/conversations>, <https://docs.dixa.io/openapi/dixa-api/v1/tag/Tags/>

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::digest::Digest;

pub const TAGS: &str = "tags";
pub const QUEUE: &str = "queue";
pub const ASSIGNEE: &str = "assignee";
pub const STATE: &str = "state";

/// The members of a spec that say it, in the order in which they are set. They are never part of the POST.
pub const MEMBERS: [&str; 4] = [TAGS, QUEUE, ASSIGNEE, STATE];

/// What is described of it. What is left out says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handling {
    /// By name.
    pub tags: BTreeSet<String>,
    /// The queue as it is named: a text is its id.
    pub queue: Option<Value>,
    /// The agent who has it, as it is named: a text is the agent's id.
    pub assignee: Option<Value>,
    pub state: Option<Openness>,
}

/// Whether a conversation is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    Open,
    Closed,
}

impl Openness {
    pub const WORDS: [&str; 2] = ["Open", "Closed"];

    /// As Dixa writes it.
    pub fn word(self) -> &'static str {
        match self {
            Openness::Open => "Open",
            Openness::Closed => "Closed",
        }
    }

    pub fn of_word(word: &str) -> Option<Self> {
        [Openness::Open, Openness::Closed].into_iter().find(|known| known.word() == word)
    }

    /// What a state that Dixa gives back comes to: one that is pending is not closed. None for an unknown word.
    /// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
    pub fn of_reading(word: &str) -> Option<Self> {
        match word {
            "Closed" => Some(Openness::Closed),
            "Open" | "Pending" | "AwaitingPending" => Some(Openness::Open),
            _ => None,
        }
    }
}

impl Handling {
    pub fn is_empty(&self) -> bool {
        *self == Handling::default()
    }

    /// None where it says nothing.
    pub fn digest(&self) -> Option<Digest> {
        (!self.is_empty()).then(|| Digest::of_map(&self.to_map()))
    }

    /// What it says, in the order of [`MEMBERS`].
    pub fn to_map(&self) -> Map<String, Value> {
        let value = |name: &str| Some((name.to_owned(), self.member(name)?));
        MEMBERS.into_iter().filter_map(value).collect()
    }

    /// What it says of a member; none where it has no tags.
    pub fn member(&self, name: &str) -> Option<Value> {
        match name {
            TAGS if self.tags.is_empty() => None,
            TAGS => Some(self.tags.iter().map(String::as_str).collect()),
            QUEUE => self.queue.clone(),
            ASSIGNEE => self.assignee.clone(),
            STATE => self.state.map(|state| state.word().into()),
            _ => None,
        }
    }

    /// Takes the members out of a spec.
    ///
    /// # Errors
    /// The name of a member that holds what it can't.
    pub fn taken_from(spec: &mut Map<String, Value>) -> Result<Self, &'static str> {
        let mut handling = Handling::default();
        if let Some(tags) = spec.shift_remove(TAGS) {
            let Value::Array(tags) = tags else { return Err(TAGS) };
            let names = tags.into_iter().map(|tag| tag.as_str().map(str::to_owned));
            handling.tags = names.collect::<Option<_>>().ok_or(TAGS)?;
        }
        handling.queue = spec.shift_remove(QUEUE);
        handling.assignee = spec.shift_remove(ASSIGNEE);
        if let Some(state) = spec.shift_remove(STATE) {
            handling.state = Some(state.as_str().and_then(Openness::of_word).ok_or(STATE)?);
        }
        Ok(handling)
    }

    /// Of it what another one speaks of as well, whatever that says: the rest is nobody's any more.
    #[must_use]
    pub fn as_far_as(&self, described: &Handling) -> Self {
        Handling {
            tags: self.tags.intersection(&described.tags).cloned().collect(),
            queue: self.queue.clone().filter(|_| described.queue.is_some()),
            assignee: self.assignee.clone().filter(|_| described.assignee.is_some()),
            state: self.state.filter(|_| described.state.is_some()),
        }
    }

    /// It without a member.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        match name {
            TAGS => self.tags.clear(),
            QUEUE => self.queue = None,
            ASSIGNEE => self.assignee = None,
            _ => self.state = None,
        }
        self
    }

    /// It after something else was set.
    #[must_use]
    pub fn after(mut self, setting: &Setting) -> Self {
        match setting {
            Setting::PutTag(name) => drop(self.tags.insert(name.clone())),
            Setting::TakeTag(_) => {}
            // A queue takes a conversation from whoever has it.
            Setting::Queue(queue) => (self.queue, self.assignee) = (Some(queue.clone()), None),
            Setting::Assignee(agent) => self.assignee = Some(agent.clone()),
            Setting::State(state) => self.state = Some(*state),
        }
        self
    }
}

/// What one call sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Put the tag of this name on.
    PutTag(String),
    /// Take a tag off that dixaform has put on.
    TakeTag(PutOn),
    /// Transfer it to this queue.
    Queue(Value),
    /// Let this agent claim it, whoever has it.
    Assignee(Value),
    State(Openness),
}

impl Setting {
    /// The member of the spec that it is about.
    pub fn member(&self) -> &'static str {
        match self {
            Setting::PutTag(_) | Setting::TakeTag(_) => TAGS,
            Setting::Queue(_) => QUEUE,
            Setting::Assignee(_) => ASSIGNEE,
            Setting::State(_) => STATE,
        }
    }

    /// What is set, as JSON.
    pub fn value(&self) -> Value {
        match self {
            Setting::PutTag(name) => name.as_str().into(),
            Setting::TakeTag(tag) => tag.id.as_str().into(),
            Setting::Queue(value) | Setting::Assignee(value) => value.clone(),
            Setting::State(state) => state.word().into(),
        }
    }
}

/// A tag that dixaform has put on a conversation, or perhaps has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOn {
    /// Dixa's id of the tag.
    pub id: String,
    pub name: TagName,
}

/// The name of a tag, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagName {
    Kept(String),
    /// `lastApplied: digest`: a digest of it, for which the id of the tag is the salt.
    Digest(String),
}

impl PutOn {
    pub fn new(id: &str, name: &str) -> Self {
        PutOn { id: id.to_owned(), name: TagName::Kept(name.to_owned()) }
    }

    /// The same without the name itself.
    #[must_use]
    pub fn without_name(self) -> Self {
        match &self.name {
            TagName::Kept(name) => PutOn { name: TagName::Digest(digest_of(&self.id, name)), id: self.id },
            TagName::Digest(_) => self,
        }
    }

    /// Whether this is its name.
    pub fn is_called(&self, name: &str) -> bool {
        match &self.name {
            TagName::Kept(kept) => kept == name,
            TagName::Digest(digest) => *digest == digest_of(&self.id, name),
        }
    }
}

/// 16 hexadecimal digits tell names apart, and say less than 64 would.
fn digest_of(id: &str, name: &str) -> String {
    Digest::of_bytes(format!("{id}\n{name}").as_bytes()).short(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn handling() -> Handling {
        Handling {
            tags: ["vip", "delivery"].map(str::to_owned).into(),
            queue: Some("q".into()),
            assignee: Some("a".into()),
            state: Some(Openness::Closed),
        }
    }

    #[test]
    fn what_is_taken_from_a_spec_is_what_was_written_and_the_rest_stays() {
        let Value::Object(mut spec) = json!({
            "subject": "s", "state": "Closed", "tags": ["vip", "delivery"], "assignee": "a", "queue": "q",
        }) else {
            unreachable!("it is a map")
        };
        assert_eq!(Handling::taken_from(&mut spec), Ok(handling()));
        assert_eq!(Value::Object(spec), json!({ "subject": "s" }));
        let written = Value::Object(handling().to_map()).to_string();
        assert_eq!(written, r#"{"tags":["delivery","vip"],"queue":"q","assignee":"a","state":"Closed"}"#);
        for (name, wrong) in [(TAGS, json!("vip")), (TAGS, json!([1])), (STATE, json!("Shut"))] {
            assert_eq!(Handling::taken_from(&mut Map::from_iter([(name.to_owned(), wrong)])), Err(name));
        }
    }

    #[test]
    fn without_members_there_is_no_digest_and_the_order_of_tags_makes_no_difference() {
        let of = |spec: Value| {
            let Value::Object(mut spec) = spec else { unreachable!("it is a map") };
            Handling::taken_from(&mut spec).expect("it fits").digest()
        };
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({ "tags": [] })), None);
        assert_eq!(of(json!({ "tags": ["a", "b"] })), of(json!({ "tags": ["b", "a"] })));
        assert_ne!(of(json!({ "tags": ["a", "b"] })), of(json!({ "tags": ["a"] })));
    }

    #[test]
    fn a_queue_takes_the_conversation_from_its_agent() {
        let after = handling().after(&Setting::Queue("other".into()));
        assert_eq!((after.queue, after.assignee), (Some("other".into()), None));
    }

    #[test]
    fn a_tag_is_known_by_its_name_whether_or_not_that_was_kept() {
        let kept = PutOn::new("id-1", "vip");
        let digest = kept.clone().without_name();
        assert!(matches!(&digest.name, TagName::Digest(digest) if digest.len() == 16));
        for tag in [&kept, &digest] {
            assert!(tag.is_called("vip") && !tag.is_called("VIP"), "{tag:?}");
        }
        assert_ne!(PutOn::new("id-2", "vip").without_name().name, digest.name);
    }

    #[test]
    fn what_is_pending_is_not_closed_and_an_unknown_word_says_nothing() {
        let states = ["Open", "Pending", "AwaitingPending", "Closed", "Snoozed"].map(Openness::of_reading);
        let open = Some(Openness::Open);
        assert_eq!(states, [open, open, open, Some(Openness::Closed), None]);
    }
}
