//! Why a change has its action, and why it may not be applied.

use std::fmt;

use crate::conversation::{Address, Id};

/// Why. For people and for JSON; apply never looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "reason")]
pub enum Reason {
    /// The state has no record of the address.
    NotInState,
    /// The conversation was made, and its attributes were never written.
    AttributesNotWritten,
    /// The attributes differ from those last written.
    AttributesDiffer,
    /// The members of an end user differ from those last written.
    MembersDiffer,
    /// Tags, queue, assignee or state differ from those last set.
    HandlingDiffers,
    /// It was changed outside of dixaform.
    Drifted,
    /// The content differs from what the conversation was made with, and Dixa can't update it.
    ContentDiffers,
    /// The manifest says `dixaform/adopt`, and the state has no record of the address.
    AdoptAnnotation,
    /// The manifest says `dixaform/moved-from`, the state has a record of that address, and nothing else differs.
    MovedFromAnnotation,
    /// The state has a record that no manifest describes, and `--prune` was given.
    NotInManifests,
}

impl Reason {
    pub const ALL: [Reason; 10] = [
        Reason::NotInState,
        Reason::AttributesNotWritten,
        Reason::AttributesDiffer,
        Reason::MembersDiffer,
        Reason::HandlingDiffers,
        Reason::Drifted,
        Reason::ContentDiffers,
        Reason::AdoptAnnotation,
        Reason::MovedFromAnnotation,
        Reason::NotInManifests,
    ];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Reason::NotInState => "not-in-state",
            Reason::AttributesNotWritten => "attributes-not-written",
            Reason::AttributesDiffer => "attributes-differ",
            Reason::MembersDiffer => "members-differ",
            Reason::HandlingDiffers => "handling-differs",
            Reason::Drifted => "drifted",
            Reason::ContentDiffers => "content-differs",
            Reason::AdoptAnnotation => "adopt-annotation",
            Reason::MovedFromAnnotation => "moved-from-annotation",
            Reason::NotInManifests => "not-in-manifests",
        }
    }

    /// A sentence part for people: "because …".
    pub fn because(self) -> &'static str {
        match self {
            Reason::NotInState => "it is not in the state",
            Reason::AttributesNotWritten => "it was made, but its attributes were not written",
            Reason::AttributesDiffer => "its attributes differ from those last written",
            Reason::MembersDiffer => "its members differ from those last written",
            Reason::HandlingDiffers => "its tags, queue, assignee or state differ from those last set",
            Reason::Drifted => "it was changed outside of dixaform",
            Reason::ContentDiffers => "its content differs, and Dixa can't update a conversation",
            Reason::AdoptAnnotation => "its manifest says dixaform/adopt",
            Reason::MovedFromAnnotation => "its manifest says dixaform/moved-from",
            Reason::NotInManifests => "it is not in the manifests",
        }
    }
}

/// Why a change may not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A replacement, and neither `--allow-replace` nor `dixaform/on-change: replace`.
    ReplaceNotAllowed,
    /// A replacement, and the manifest says `dixaform/on-change: block`.
    OnChangeBlock,
    /// The conversation to adopt has a record under another address.
    OwnedBy { id: Id, owner: Box<Address> },
    /// The conversation to adopt does not exist.
    AdoptsNothing { id: Id },
    /// The conversation to adopt has lost its content for good.
    AdoptsAnonymized { id: Id },
    /// The conversation to adopt has another requester or channel than the manifest.
    AdoptsAnother { id: Id },
}

impl Block {
    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Block::ReplaceNotAllowed => "replace-not-allowed",
            Block::OnChangeBlock => "on-change-block",
            Block::OwnedBy { .. } => "owned-by-another-address",
            Block::AdoptsNothing { .. } => "adopts-nothing",
            Block::AdoptsAnonymized { .. } => "adopts-anonymized",
            Block::AdoptsAnother { .. } => "adopts-another",
        }
    }
}

impl fmt::Display for Block {
    /// What stands in the way, and how to clear it; names are between backticks.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Block::ReplaceNotAllowed => out.write_str(
                "Dixa can't update or delete a conversation; allow a second one with `--allow-replace` or the annotation `dixaform/on-change: replace`, or keep the old one with `dixaform/on-change: ignore`",
            ),
            Block::OnChangeBlock => out.write_str("the manifest says `dixaform/on-change: block`"),
            Block::OwnedBy { id, owner } => write!(out, "{} `{id:#}` is managed as `{owner}` already", id.noun()),
            Block::AdoptsNothing { id } => write!(out, "there is no {} `{id:#}`", id.noun()),
            Block::AdoptsAnonymized { id } => {
                write!(out, "conversation `{id:#}` is anonymized: its content is gone for good")
            }
            Block::AdoptsAnother { id } => {
                write!(out, "conversation `{id:#}` is another one: its requester or channel is not that of the manifest")
            }
        }
    }
}
