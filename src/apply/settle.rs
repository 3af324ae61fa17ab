//! Finding out what became of a call whose answer was lost, by reading the tenant.
//!
//! A conversation that was perhaps made is looked for among all conversations of its requester that no record owns. With a
//! marker it is recognized by the `externalId` of a message; without one, by being new, and of the same channel and
//! direction. Time never excludes a candidate: clocks differ, and imports carry old dates. Nothing found is believed only
//! after a second look, when the call is older than the tenant's `settle` time, since what was just written may not show yet.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::contract::{CallError, ConversationReading, Read};
use crate::apply::run::Clock;
use crate::conversation::ConversationId;
use crate::journal::{CallKind, InDoubt, Intent};
use crate::state::{Applied, State};
use crate::value::{Map, Value};

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
    pub channel: String,
    pub direction: Option<String>,
    pub created_at: String,
}

impl fmt::Display for Candidate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { id, channel, direction, created_at } = self;
        let direction = direction.as_deref().unwrap_or("direction unknown");
        write!(out, "#{id} ({channel}, {direction}, created {created_at})")
    }
}

/// Every conversation that a state knows as its own, those that were replaced among them.
pub fn owned(state: &State) -> BTreeSet<ConversationId> {
    state.records.values().flat_map(|record| record.replaced.iter().copied().chain([record.id])).collect()
}

/// Looks until it is certain, or until it is clear that a person must decide. `all` is everything that is in doubt: a
/// conversation without a mark that could as well be that of another call, with other content, is nobody's for certain.
///
/// # Errors
/// The tenant could not be read. The call is still in doubt.
pub async fn settle<A: Read, C: Clock>(
    api: &A,
    in_doubt: &InDoubt,
    all: &[InDoubt],
    owned: &BTreeSet<ConversationId>,
    settle: Duration,
    clock: &C,
) -> Result<Verdict, CallError> {
    let first = look(api, in_doubt, all, owned).await?;
    if first != Verdict::NotMade {
        return Ok(first);
    }
    let again = settle.min(Duration::from_secs(1));
    tokio::time::sleep(settle.saturating_sub(age(&in_doubt.since, &clock.now())).max(again)).await;
    look(api, in_doubt, all, owned).await
}

/// How long ago; nothing for what a clock puts into the future.
fn age(since: &str, now: &str) -> Duration {
    let parsed = |text: &str| text.parse::<Timestamp>().ok();
    let elapsed = parsed(since).zip(parsed(now)).map(|(since, now)| now.duration_since(since));
    elapsed.and_then(|elapsed| Duration::try_from(elapsed).ok()).unwrap_or(Duration::ZERO)
}

/// Whether what is found without a mark could be that of another call that has other content.
fn has_rivals(in_doubt: &InDoubt, all: &[InDoubt]) -> bool {
    let Intent { requester, marker, digests, .. } = &in_doubt.intent;
    let is_rival = |other: &InDoubt| {
        other.intent.marker.is_none()
            && other.intent.requester == *requester
            && other.intent.digests.content != digests.content
    };
    marker.is_none() && all.iter().any(is_rival)
}

async fn look<A: Read>(
    api: &A,
    in_doubt: &InDoubt,
    all: &[InDoubt],
    owned: &BTreeSet<ConversationId>,
) -> Result<Verdict, CallError> {
    let intent = &in_doubt.intent;
    let Some(requester) = &intent.requester else { return Ok(Verdict::NotMade) };
    let readings = match api.conversations_of(requester).await {
        Ok(readings) => readings,
        // An end user who does not exist has no conversations.
        Err(CallError::Rejected { status: 404, .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut candidates = Vec::new();
    for reading in readings.into_iter().filter(|reading| !owned.contains(&reading.id)) {
        let fits = match &intent.marker {
            Some(marker) => has_marker(api, reading.id, marker).await?,
            None => !intent.known_before.contains(&reading.id) && looks_like(&reading, in_doubt.call, intent),
        };
        if fits {
            let ConversationReading { id, channel, direction, created_at, .. } = reading;
            candidates.push(Candidate { id, channel, direction, created_at });
        }
    }
    Ok(match candidates.as_slice() {
        [] => Verdict::NotMade,
        [only] if !has_rivals(in_doubt, all) => Verdict::Made(only.id),
        _ => Verdict::Unclear(candidates),
    })
}

async fn has_marker<A: Read>(api: &A, id: ConversationId, marker: &str) -> Result<bool, CallError> {
    match api.messages(id).await {
        Ok(messages) => Ok(messages.iter().any(|message| message.external_id.as_deref() == Some(marker))),
        Err(CallError::Rejected { status: 404, .. }) => Ok(false),
        Err(error) => Err(error),
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
    let channel_fits = expected.contains(&reading.channel.as_str()) || !CHANNELS.contains(&reading.channel.as_str());
    let direction = known_word(intent, "direction", &["Inbound", "Outbound"]);
    let direction_fits = match (&reading.direction, direction) {
        (Some(there), Some(wanted)) => there == wanted,
        _ => true,
    };
    channel_fits && direction_fits
}

/// The value of a member of the content, if it is one of these words; also where only digests are kept.
fn known_word<'w>(intent: &Intent, member: &str, words: &[&'w str]) -> Option<&'w str> {
    let is = |word: &str| match &intent.applied {
        Applied::Full(conversation) => conversation.content.get(member).and_then(Value::as_text) == Some(word),
        digests @ Applied::Digests { .. } => {
            let asked: Map = [(member.to_owned(), Value::text(word))].into_iter().collect();
            digests.content_before(&asked).get(member) == Some(&Value::text(word))
        }
    };
    words.iter().copied().find(|word| is(word))
}
