//! Finding out what became of a call whose answer was lost, by reading the tenant.
//!
//! A conversation that was perhaps made is looked for among all conversations of its requester that no record owns.
//! With a marker it is recognized by the `externalId` of a message; without one, by being new, and of the same channel
//! and direction. Time never excludes a candidate: clocks differ, and imports carry old dates. Nothing found is
//! believed only after a second look, the tenant's `settle` time after the first, since what was just written may not
//! show yet.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::contract::{CallError, ConversationReading, Read};
use crate::conversation::ConversationId;
use crate::journal::{CallKind, InDoubt, Intent};
use crate::state::{Applied, State};

/// What became of a call in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It made this conversation.
    Made(ConversationId),
    /// It surely made none.
    NotMade,
    /// Several conversations could be it; a person has to say which.
    Unclear(Vec<Candidate>),
}

/// A conversation that could be the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: ConversationId,
    pub channel: Option<String>,
    pub direction: Option<String>,
    pub created_at: Option<String>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { id, channel, direction, created_at } = self;
        let channel = channel.as_deref().unwrap_or("channel unknown");
        let direction = direction.as_deref().unwrap_or("direction unknown");
        let created_at = created_at.as_deref().unwrap_or("at an unknown time");
        write!(out, "#{id} ({channel}, {direction}, created {created_at})")
    }
}

/// Every conversation that a state knows as its own, those that were replaced among them.
pub fn owned(state: &State) -> BTreeSet<ConversationId> {
    state.records.values().flat_map(|record| record.replaced.iter().copied().chain([record.id])).collect()
}

/// Looks for all of them, twice where nothing is found, until each is certain or clearly a question for a person.
///
/// Between the two looks lies the whole `settle` time: whoever sent the call may not have known when Dixa began to work
/// on it. What is found for one belongs to it, and to no other. A call that can't be looked for is an error of its own.
/// `all` is everything that is in doubt, whether it is to be settled now or not.
pub async fn settle<A: Read>(
    api: &A,
    in_doubt: &[InDoubt],
    all: &[InDoubt],
    mut owned: BTreeSet<ConversationId>,
    settle: Duration,
) -> Vec<Result<Verdict, CallError>> {
    let mut verdicts = Vec::with_capacity(in_doubt.len());
    let mut first = Look::new(api);
    for doubt in in_doubt {
        verdicts.push(first.at(doubt, all, &mut owned).await);
    }
    let not_found = |verdict: &Result<Verdict, CallError>| matches!(verdict, Ok(Verdict::NotMade));
    if verdicts.iter().any(not_found) {
        tokio::time::sleep(settle).await;
        let mut second = Look::new(api);
        for (doubt, verdict) in in_doubt.iter().zip(&mut verdicts).filter(|(_, verdict)| not_found(verdict)) {
            *verdict = second.at(doubt, all, &mut owned).await;
        }
    }
    verdicts
}

/// Whether another call in doubt could have made the same conversation: the requester is the same, and so is the mark,
/// or this one has none and would take whatever is new. One conversation then may be either's, and a machine does not
/// guess.
fn has_rival(in_doubt: &InDoubt, all: &[InDoubt]) -> bool {
    let Intent { requester, marker, .. } = &in_doubt.intent;
    let same_requester = |other: &Intent| match (&other.requester, requester) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    let like = |other: &Intent| same_requester(other) && (marker.is_none() || other.marker == *marker);
    all.iter().any(|other| other.seq != in_doubt.seq && like(&other.intent))
}

/// One look at the tenant: what it answers is asked for once.
struct Look<'a, A> {
    api: &'a A,
    conversations: HashMap<String, Vec<ConversationReading>>,
    marks: HashMap<ConversationId, Vec<String>>,
}

impl<'a, A: Read> Look<'a, A> {
    fn new(api: &'a A) -> Self {
        Look { api, conversations: HashMap::new(), marks: HashMap::new() }
    }

    async fn at(
        &mut self,
        in_doubt: &InDoubt,
        all: &[InDoubt],
        owned: &mut BTreeSet<ConversationId>,
    ) -> Result<Verdict, CallError> {
        let intent = &in_doubt.intent;
        let Some(requester) = &intent.requester else { return Ok(Verdict::NotMade) };
        let mut candidates = Vec::new();
        for reading in self.conversations_of(requester).await? {
            if owned.contains(&reading.id) || intent.known_before.contains(&reading.id) {
                continue;
            }
            // A mark says more than the words that Dixa has for channels, of which not all are documented.
            let fits = match &intent.marker {
                Some(marker) => self.marks_of(reading.id).await?.contains(marker),
                None => looks_like(&reading, in_doubt.call, intent),
            };
            if fits {
                let ConversationReading { id, channel, direction, created_at, .. } = reading;
                candidates.push(Candidate { id, channel, direction, created_at });
            }
        }
        Ok(match candidates.as_slice() {
            [] => Verdict::NotMade,
            [only] if !has_rival(in_doubt, all) => {
                owned.insert(only.id);
                Verdict::Made(only.id)
            }
            _ => Verdict::Unclear(candidates),
        })
    }

    async fn conversations_of(&mut self, requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        if let Some(known) = self.conversations.get(requester) {
            return Ok(known.clone());
        }
        let readings = match self.api.conversations_of(requester).await {
            Ok(readings) => readings,
            // An end user who does not exist has no conversations.
            Err(CallError::Rejected { status: 404, .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        self.conversations.insert(requester.to_owned(), readings.clone());
        Ok(readings)
    }

    /// The `externalId`s of all messages of a conversation.
    async fn marks_of(&mut self, id: ConversationId) -> Result<Vec<String>, CallError> {
        if let Some(known) = self.marks.get(&id) {
            return Ok(known.clone());
        }
        let marks: Vec<String> = match self.api.messages(id).await {
            Ok(messages) => messages.into_iter().filter_map(|message| message.external_id).collect(),
            Err(CallError::Rejected { status: 404, .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        self.marks.insert(id, marks.clone());
        Ok(marks)
    }
}

/// The words that Dixa's reading side uses for a channel; another word is unknown to us, and excludes nothing.
/// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
const CHANNELS: [&str; 11] = [
    "WhatsApp",
    "Voicemail",
    "WidgetChat",
    "FacebookMessenger",
    "Twitter",
    "Email",
    "ContactForm",
    "Callback",
    "PstnPhone",
    "Sms",
    "Messenger",
];

/// Whether a conversation could be the one that the intent describes, as far as both sides tell.
fn looks_like(reading: &ConversationReading, call: CallKind, intent: &Intent) -> bool {
    let expected: &[&str] = match call {
        CallKind::Create => match known_word(intent, "_type", &["Email", "ContactForm", "Sms", "Chat", "Callback"]) {
            Some("Email") => &["Email"],
            Some("ContactForm") => &["ContactForm"],
            Some("Sms") => &["Sms"],
            Some("Chat") => &["WidgetChat", "Messenger"],
            // How a callback reads back is not documented; both words are plausible.
            Some("Callback") => &["Callback", "PstnPhone"],
            _ => &CHANNELS,
        },
        CallKind::Import | CallKind::Patch => {
            match known_word(intent, "genericChannelName", &["email", "widgetchat"]) {
                Some("email") => &["Email"],
                Some("widgetchat") => &["WidgetChat"],
                _ => &CHANNELS,
            }
        }
    };
    let channel_fits =
        reading.channel.as_deref().is_none_or(|there| expected.contains(&there) || !CHANNELS.contains(&there));
    // A body says it itself, or its message does.
    let words = ["Inbound", "Outbound"];
    let direction = known_word(intent, "direction", &words).or_else(|| known_message_type(intent, &words));
    let direction_fits = match (&reading.direction, direction) {
        (Some(there), Some(wanted)) => there == wanted,
        _ => true,
    };
    channel_fits && direction_fits
}

/// The `_type` of the message, if it is one of these words; also where only digests are kept.
fn known_message_type<'w>(intent: &Intent, words: &[&'w str]) -> Option<&'w str> {
    let is = |word: &&str| {
        let asked = Map::from_iter([("message".to_owned(), json!({ "_type": word }))]);
        let before = intent.applied.content_before(|| asked).spec;
        before.get("message").and_then(|message| message.get("_type")) == Some(&Value::from(*word))
    };
    words.iter().copied().find(is)
}

/// The value of a member of the content, if it is one of these words; also where only digests are kept.
fn known_word<'w>(intent: &Intent, member: &str, words: &[&'w str]) -> Option<&'w str> {
    let is = |word: &str| match &intent.applied {
        Applied::Full(spec) => spec.content().get(member).and_then(Value::as_str) == Some(word),
        digests @ Applied::Digests { .. } => {
            let asked = Map::from_iter([(member.to_owned(), word.into())]);
            digests.content_before(|| asked).spec.get(member) == Some(&Value::from(word))
        }
    };
    words.iter().copied().find(|word| is(word))
}
