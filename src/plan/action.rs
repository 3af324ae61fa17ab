//! The verb of a change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done to one address. "No-op" is not here: what is unchanged is counted, not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "action")]
pub enum Action {
    /// Make a conversation: `POST /v1/conversations`.
    Create,
    /// Import a conversation: `POST /v1/conversations/import`.
    Import,
    /// Write custom attributes of a conversation that exists, or set how it is handled.
    Update,
    /// Make a new conversation in the place of an old one, which stays in Dixa.
    Replace,
    /// Take an existing conversation under management.
    Adopt,
    /// Give a record another address, and nothing else. Other actions can do that too; see
    /// [`Change::moved`](crate::plan::Change::moved).
    Move,
    /// Drop a record and leave the conversation alone.
    Forget,
}

impl Action {
    pub const ALL: [Action; 7] =
        [Action::Create, Action::Import, Action::Update, Action::Replace, Action::Adopt, Action::Move, Action::Forget];

    /// The word in JSON, in filters and in summaries ("2 to create").
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Import => "import",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Adopt => "adopt",
            Action::Move => "move",
            Action::Forget => "forget",
        }
    }

    /// The past tense, for outcomes ("2 created").
    pub fn done(self) -> &'static str {
        match self {
            Action::Create => "created",
            Action::Import => "imported",
            Action::Update => "updated",
            Action::Replace => "replaced",
            Action::Adopt => "adopted",
            Action::Move => "moved",
            Action::Forget => "forgotten",
        }
    }

    /// Whether it makes a conversation.
    pub fn makes(self) -> bool {
        match self {
            Action::Create | Action::Import | Action::Replace => true,
            Action::Update | Action::Adopt | Action::Move | Action::Forget => false,
        }
    }

    /// The mark in front of a block; a move has none.
    pub fn symbol(self) -> &'static str {
        match self {
            Action::Create | Action::Import => "+",
            Action::Update => "~",
            Action::Replace => "-/+",
            Action::Adopt => "=",
            Action::Move => "",
            Action::Forget => ".",
        }
    }

    /// The line of the legend for the symbol, where there is one.
    pub fn legend(self) -> &'static str {
        match self {
            Action::Create | Action::Import => "create or import",
            Action::Update => "update in-place",
            Action::Replace => "replace (the old conversation stays in Dixa)",
            Action::Adopt => "adopt an existing conversation",
            Action::Move => "move a record to another address",
            Action::Forget => "forget (the conversation stays in Dixa)",
        }
    }

    /// The sentence of a block's header, after the address.
    pub fn header(self) -> &'static str {
        match self {
            Action::Create => "will be created",
            Action::Import => "will be imported",
            Action::Update => "will be updated in-place",
            Action::Replace => "must be replaced",
            Action::Adopt => "will be adopted",
            Action::Move => "will be moved",
            Action::Forget => "will be forgotten",
        }
    }
}
