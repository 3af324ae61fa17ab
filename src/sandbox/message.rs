//! Messages as requests give them: taken apart, checked, not yet shown.
//!
//! <https://docs.dixa.io/openapi/dixa-api/v1/tag/Messages>

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sandbox::data_v1::Thing;
use crate::sandbox::decode::{Members, uuid};
use crate::sandbox::refusal::Refusal;

/// Who spoke: the customer, or somebody of the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

impl Direction {
    pub fn of(members: Members<'_>) -> Result<Self, Refusal> {
        match members.word("direction", &["Inbound", "Outbound"])? {
            "Inbound" => Ok(Direction::Inbound),
            _ => Ok(Direction::Outbound),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "Inbound",
            Direction::Outbound => "Outbound",
        }
    }
}

/// What created and imported messages have in common.
#[derive(Clone, Debug)]
pub struct Written {
    pub direction: Direction,
    /// The author of an outbound message.
    pub agent_id: Option<String>,
    /// `{value, _type}`
    pub content: Value,
    pub attachments: Vec<Attachment>,
    pub external_id: Option<String>,
}

/// A file that Dixa is to download.
#[derive(Clone, Debug)]
pub struct Attachment {
    pub url: String,
    pub pretty_name: Option<String>,
}

/// The message of a conversation that is created.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub written: Written,
    pub integration_email: Option<String>,
    /// Ids of end users, unlike in an import.
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
}

/// A message of a conversation that is imported.
#[derive(Clone, Debug)]
pub struct ImportedMessage {
    pub written: Written,
    pub created_at: Timestamp,
    /// What the channel makes of them is its own affair.
    pub attributes: Option<Map<String, Value>>,
}

impl NewMessage {
    pub fn decode(value: &Value) -> Result<Self, Refusal> {
        let members = Members::of(value)?;
        let direction = match members.word("_type", &["Inbound", "Outbound"])? {
            "Inbound" => Direction::Inbound,
            _ => Direction::Outbound,
        };
        let (cc, bcc) = match direction {
            Direction::Inbound => (Vec::new(), Vec::new()),
            Direction::Outbound => (uuids(members, "cc")?, uuids(members, "bcc")?),
        };
        Ok(NewMessage {
            written: Written::decode(members, direction)?,
            integration_email: members.optional_text("integrationEmail")?.map(str::to_owned),
            cc,
            bcc,
        })
    }

    /// Adds what the message names.
    pub fn name_into(&self, named: &mut BTreeSet<Thing>) {
        named.extend(self.written.agent_id.iter().cloned().map(Thing::Agent));
        named.extend(self.integration_email.iter().cloned().map(Thing::EmailIntegration));
        named.extend(self.cc.iter().chain(&self.bcc).cloned().map(Thing::EndUser));
    }
}

impl ImportedMessage {
    pub fn decode(value: &Value) -> Result<Self, Refusal> {
        let members = Members::of(value)?;
        let direction = match members.word("_type", &["InboundImport", "OutboundImport"])? {
            "InboundImport" => Direction::Inbound,
            _ => Direction::Outbound,
        };
        Ok(ImportedMessage {
            written: Written::decode(members, direction)?,
            created_at: members.timestamp("createdAt")?,
            attributes: members.free("attributes")?.cloned(),
        })
    }
}

impl Written {
    fn decode(members: Members<'_>, direction: Direction) -> Result<Self, Refusal> {
        let content = Members::of(members.required("content")?)?;
        let kind = content.word("_type", &["Text", "Html", "Markdown"])?;
        let attachments = members.list("attachments")?.iter().map(Attachment::decode).collect::<Result<_, _>>()?;
        Ok(Written {
            direction,
            agent_id: match direction {
                Direction::Inbound => None,
                Direction::Outbound => Some(members.uuid("agentId")?),
            },
            content: json!({ "value": content.text("value")?, "_type": kind }),
            attachments,
            external_id: members.optional_text("externalId")?.map(str::to_owned),
        })
    }

    /// The first attachment that could not be downloaded.
    pub fn bad_attachment(&self) -> Option<&Attachment> {
        self.attachments.iter().find(|attachment| !attachment.is_downloadable())
    }
}

impl Attachment {
    fn decode(value: &Value) -> Result<Self, Refusal> {
        let members = Members::of(value)?;
        Ok(Attachment {
            url: members.text("url")?.to_owned(),
            pretty_name: members.optional_text("prettyName")?.map(str::to_owned),
        })
    }

    /// The sandbox downloads nothing: a URL is good unless it is no http URL or its host is in the domain `.invalid`,
    /// which never resolves (RFC 2606).
    pub fn is_downloadable(&self) -> bool {
        let Some((scheme, rest)) = self.url.split_once("://") else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host_and_port = authority.rsplit('@').next().unwrap_or_default();
        let host = match host_and_port.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host_and_port.split(':').next().unwrap_or_default(),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        is_http && !host.is_empty() && host != "invalid" && !host.ends_with(".invalid")
    }

    /// As a message shows it; Dixa would show its own copy.
    pub fn shown(&self) -> Value {
        match &self.pretty_name {
            Some(name) => json!({ "url": self.url, "prettyName": name }),
            None => json!({ "url": self.url }),
        }
    }
}

fn uuids(members: Members<'_>, name: &str) -> Result<Vec<String>, Refusal> {
    members.list(name)?.iter().map(|item| item.as_str().and_then(uuid).ok_or(Refusal::Undecodable)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_of_an_invalid_host_is_never_downloaded() {
        let good = |url: &str| Attachment { url: url.to_owned(), pretty_name: None }.is_downloadable();
        for url in
            ["https://en.wikipedia.org/wiki/Shipwreck#/media/File:a.invalid", "http://[::1]:80/a", "HTTPS://a.b?c"]
        {
            assert!(good(url), "{url}");
        }
        for url in [
            "https://files.invalid/a",
            "http://u:p@X.INVALID:8080",
            "https://a.invalid.?q",
            "ftp://a.b/",
            "a.b",
            "https:///a",
        ] {
            assert!(!good(url), "{url}");
        }
    }
}
