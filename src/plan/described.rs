//! What is known of a described conversation, to hold what Dixa gives back against it: all of its content, or salted
//! digests of its leaves, which only tell whether a value is the same.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::conversation::Kind;
use crate::reading::instant;
use crate::state::Applied;

/// A described conversation, as far as it is known.
#[derive(Debug)]
pub struct Described<'a> {
    pub(super) kind: Kind,
    kept: Kept<'a>,
    requester: Option<&'a str>,
}

#[derive(Debug)]
enum Kept<'a> {
    Whole(Value),
    Digests(&'a Applied),
}

/// How a described value and one that was read are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alike {
    /// To the letter; white space around it and the ends of its lines may have suffered.
    Text,
    /// In any case, as uuids are.
    Id,
    /// In any case, as e-mail addresses are.
    Address,
    /// As instants.
    Instant,
}

/// What comes of holding one value against another.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Same,
    /// Nobody can tell, or the difference says little.
    Uncertain,
    /// What is described, unless only a digest of it was kept, and what is there.
    Different {
        described: Option<Value>,
        found: Value,
    },
}

impl<'a> Described<'a> {
    /// What a record or an intent keeps.
    pub fn applied(kind: Kind, applied: &'a Applied) -> Self {
        match applied {
            Applied::Full(spec) => Described::content(kind, spec.content()),
            Applied::Digests { .. } => Described { kind, kept: Kept::Digests(applied), requester: None },
        }
    }

    /// What a manifest says.
    pub fn content(kind: Kind, content: Map<String, Value>) -> Self {
        Described { kind, kept: Kept::Whole(Value::Object(content)), requester: None }
    }

    /// The id of the requester, where the content names the requester in another way.
    pub fn with_requester(self, requester: Option<&'a str>) -> Self {
        Described { requester, ..self }
    }

    /// Whether making it sends a message to the customer.
    pub fn reaches_customer(&self) -> bool {
        self.kind == Kind::Conversation && self.word("/message/_type", ["Outbound"]).is_some()
    }

    pub(super) fn requester(&self, found: &str) -> Option<Outcome> {
        match self.requester {
            Some(wanted) if wanted.eq_ignore_ascii_case(found) => Some(Outcome::Same),
            Some(wanted) => Some(Outcome::Different { described: Some(wanted.into()), found: found.into() }),
            None => self.says("/requesterId", found, Alike::Id),
        }
    }

    /// Holds the text at a JSON pointer against one that was read; none where nothing is described.
    pub(super) fn says(&self, pointer: &str, found: &str, alike: Alike) -> Option<Outcome> {
        match &self.kept {
            Kept::Whole(content) => said(content.pointer(pointer)?.as_str()?, found, alike),
            Kept::Digests(applied) => {
                let spelled = spellings(found, alike);
                let mut matches = spelled.into_iter().map(|text| applied.is_at(pointer, &Value::from(text)));
                let is_same = matches.try_fold(false, |any, matches| Some(any || matches?))?;
                Some(match (is_same, alike) {
                    (true, _) => Outcome::Same,
                    // It may have been written in yet another way.
                    (false, Alike::Address | Alike::Instant) => Outcome::Uncertain,
                    (false, Alike::Text | Alike::Id) => Outcome::Different { described: None, found: found.into() },
                })
            }
        }
    }

    /// The word at a JSON pointer, if it is one of these.
    pub(super) fn word<'w>(&self, pointer: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
        words.into_iter().find(|word| self.says(pointer, word, Alike::Text) == Some(Outcome::Same))
    }

    /// Whether it is known itself, and not only digests of it.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.kept, Kept::Whole(_))
    }

    /// What is at a JSON pointer, if that was kept.
    pub(super) fn text(&self, pointer: &str) -> Option<Value> {
        match &self.kept {
            Kept::Whole(content) => content.pointer(pointer).cloned(),
            Kept::Digests(_) => None,
        }
    }

    /// Where each message is, in the order in which Dixa lists them: that of time.
    pub(super) fn messages(&self) -> Vec<String> {
        if self.kind == Kind::Conversation {
            let is_there = match &self.kept {
                Kept::Whole(content) => content.get("message").is_some(),
                Kept::Digests(applied) => leaves(applied).any(|pointer| pointer.starts_with("/message/")),
            };
            return if is_there { vec!["/message".to_owned()] } else { Vec::new() };
        }
        let mut indices: Vec<usize> = match &self.kept {
            Kept::Whole(content) => (0..content["messages"].as_array().map_or(0, Vec::len)).collect(),
            Kept::Digests(applied) => {
                let index = |pointer: &str| pointer.strip_prefix("/messages/")?.split('/').next()?.parse().ok();
                leaves(applied).filter_map(index).collect::<BTreeSet<_>>().into_iter().collect()
            }
        };
        if let Kept::Whole(content) = &self.kept {
            let at = |index: &usize| content["messages"][*index]["createdAt"].as_str().and_then(instant);
            indices.sort_by_key(at);
        }
        indices.into_iter().map(|index| format!("/messages/{index}")).collect()
    }
}

fn leaves(applied: &Applied) -> impl Iterator<Item = &str> {
    let fields = match applied {
        Applied::Full(_) => None,
        Applied::Digests { fields, .. } => Some(fields),
    };
    fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str))
}

fn said(described: &str, found: &str, alike: Alike) -> Option<Outcome> {
    let different = || Outcome::Different { described: Some(described.into()), found: found.into() };
    let whether = |same: bool| if same { Outcome::Same } else { different() };
    Some(match alike {
        Alike::Id | Alike::Address => whether(described.eq_ignore_ascii_case(found)),
        Alike::Text if described == found => Outcome::Same,
        Alike::Text if settled(described) == settled(found) => Outcome::Uncertain,
        Alike::Text => different(),
        Alike::Instant => {
            let (wanted, there) = (instant(described)?, instant(found)?);
            let apart = wanted.as_millisecond() - there.as_millisecond();
            match (found.contains('.'), apart) {
                (_, 0) => Outcome::Same,
                // Dixa's samples of conversations have whole seconds.
                (false, 1..1000) => Outcome::Same,
                (false, -999..0) => Outcome::Uncertain,
                _ => different(),
            }
        }
    })
}

/// Whether Dixa has only tidied the white space of a value: writing it again would change nothing.
pub(super) fn is_tidied(written: &Value, there: &Value) -> bool {
    match (written, there) {
        (Value::String(written), Value::String(there)) => settled(written) == settled(there),
        (Value::Array(written), Value::Array(there)) => {
            written.len() == there.len() && written.iter().zip(there).all(|(one, other)| is_tidied(one, other))
        }
        _ => false,
    }
}

/// A text without what servers do to white space.
fn settled(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// The ways in which a value that was read may have been written in a manifest.
fn spellings(found: &str, alike: Alike) -> Vec<String> {
    match alike {
        Alike::Text => vec![found.to_owned()],
        Alike::Id | Alike::Address => vec![found.to_owned(), found.to_ascii_lowercase(), found.to_ascii_uppercase()],
        Alike::Instant => {
            let Some(at) = instant(found) else { return vec![found.to_owned()] };
            [format!("{at}"), format!("{at:.3}")].into_iter().collect()
        }
    }
}

/// Whether an instant that was read may lie in a window; a reading in whole seconds may be up to a second later.
pub(super) fn lies_in(found: &str, window: (Timestamp, Timestamp)) -> Option<bool> {
    let at = instant(found)?;
    let slack = if found.contains('.') { 0 } else { 999 };
    Some(window.0.as_millisecond() <= at.as_millisecond() + slack && at <= window.1)
}
