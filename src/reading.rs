//! A conversation and its messages, and an end user, as Dixa gives them back.
//!
//! Only the id is certain. Whatever else is missing, or is not of the type that is documented, is
//! none: unknown, and no error, so that one odd conversation doesn't hide the others.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::conversation::{ConversationId, EndUserId};

/// A conversation as Dixa has it. Words are as they came, those unknown to us among them.
/// <https://docs.dixa.io/openapi/dixa-api/beta/conversations/getconversationsconversationid>
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationReading {
    pub id: ConversationId,
    /// The `_type`, such as `EmailConversation`.
    pub variant: Option<String>,
    pub requester_id: Option<String>,
    /// A word of Dixa's reading side, such as `Email` or `WidgetChat`.
    pub channel: Option<String>,
    /// `Inbound`, `Outbound` or `Internal`.
    pub direction: Option<String>,
    /// See [`instant`].
    pub created_at: Option<String>,
    /// `AwaitingPending`, `Closed`, `Open` or `Pending`.
    pub state: Option<String>,
    /// The queue that it waits in.
    pub queue_id: Option<String>,
    /// The agent that it is assigned to.
    pub agent_id: Option<String>,
    pub integration_email: Option<String>,
    pub subject: Option<String>,
    pub language: Option<String>,
    /// Both ends of it, as far as they are known: numbers, or contact points.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Its content is gone for good, and it takes no attributes.
    pub anonymized: bool,
    /// By the id of their definition; none where the answer does not list attributes at all.
    pub attributes: Option<BTreeMap<String, AttributeReading>>,
}

impl ConversationReading {
    /// A conversation of which nothing else is known.
    pub fn of(id: ConversationId) -> Self {
        ConversationReading {
            id,
            variant: None,
            requester_id: None,
            channel: None,
            direction: None,
            created_at: None,
            state: None,
            queue_id: None,
            agent_id: None,
            integration_email: None,
            subject: None,
            language: None,
            from: None,
            to: None,
            anonymized: false,
            attributes: None,
        }
    }
}

/// An end user as Dixa has it. <https://docs.dixa.io/openapi/dixa-api/v1/end-users/getendusersuserid>
#[derive(Clone, Debug, PartialEq)]
pub struct EndUserReading {
    pub id: EndUserId,
    /// See [`instant`].
    pub created_at: Option<String>,
    /// Those of [`shape::body`](crate::shape::body) that it has.
    pub members: Map<String, Value>,
    /// By the id of their definition; none where the answer does not list attributes at all, as lists don't.
    pub attributes: Option<BTreeMap<String, AttributeReading>>,
}

/// The value of a custom attribute as Dixa has it.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeReading {
    /// The id of its definition, in lower case.
    pub id: String,
    /// The label of its definition.
    pub name: String,
    pub identifier: String,
    pub value: Value,
}

/// A message as Dixa has it. <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageReading {
    pub id: Option<String>,
    pub external_id: Option<String>,
    pub author_id: Option<String>,
    /// `Inbound` or `Outbound`.
    pub direction: Option<String>,
    /// See [`instant`].
    pub created_at: Option<String>,
    /// What it says; unknown where it is too large to be given back, and of a recording.
    pub text: Option<String>,
}

/// The instant that a timestamp of Dixa means: `2020-12-16T09:41:43Z`, perhaps with a fraction of a second, perhaps
/// with a zone behind it: `2021-12-01T12:46:36.581Z[GMT]`. <https://docs.dixa.io/docs/api-standards-rules>
pub fn instant(text: &str) -> Option<Timestamp> {
    text.split('[').next().unwrap_or(text).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_of_a_timestamp_is_an_instant() {
        for (text, expected) in [
            ("2020-12-16T09:41:43Z", Some(1_608_111_703_000)),
            ("2021-06-09T08:18:37.284Z", Some(1_623_226_717_284)),
            ("2021-12-01T12:46:36.581Z[GMT]", Some(1_638_362_796_581)),
            ("2021-12-01T13:46:36.581+01:00[Europe/Copenhagen]", Some(1_638_362_796_581)),
            ("yesterday", None),
            ("[GMT]", None),
            ("", None),
        ] {
            assert_eq!(instant(text).map(Timestamp::as_millisecond), expected, "{text}");
        }
    }
}
