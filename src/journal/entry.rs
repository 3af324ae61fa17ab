//! What a journal says, as data.

use std::collections::BTreeMap;

use crate::conversation::{Address, Attributes, Digests, Id};
use crate::handling::{self, PutOn};
use crate::source::Source;
use crate::state::{Applied, Lineage, Record, TenantIdentity};

/// One line of the journal. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A run starts. Everything up to the next one belongs to it.
    Opened {
        run: uuid::Uuid,
        lineage: Lineage,
        /// The serial of the state that the run starts from.
        base_serial: u64,
        tenant: TenantIdentity,
        /// What the user typed, without arguments that could be secret: `apply`, `recover`.
        command: String,
        at: String,
        pid: u32,
    },
    /// A call is about to be sent.
    Began {
        /// Unique in one journal, runs before this one included; entries about the call name it by this.
        seq: u64,
        address: Address,
        call: CallKind,
        intent: Box<Intent>,
    },
    /// The call was answered with success.
    Succeeded {
        seq: u64,
        /// The conversation made, or the one whose attributes were written.
        id: Id,
        /// What Dixa could not do while making it; empty for a call that makes nothing.
        partial_errors: Vec<String>,
        /// For [`CallKind::Patch`]: what the record keeps from now on as [`Record::answered`], in the form that
        /// [`Intent::applied`] has.
        answered: Attributes,
        at: String,
    },
    /// The call ended without success.
    Failed {
        seq: u64,
        /// Surely nothing was done. False means in doubt for a call that makes a conversation.
        certain: bool,
        message: String,
        at: String,
    },
    /// The end of the call is not known.
    InDoubt { seq: u64, heard: Heard, message: String, at: String },
    /// An existing conversation was taken under management, as this record. Attributes still to be written have no
    /// digest in it, and their [`CallKind::Patch`] follows.
    Adopted { address: Address, record: Box<Record> },
    /// The record of this address was dropped.
    Forgot { address: Address },
    /// A call in doubt was settled.
    Decided { seq: u64, decision: Decision, by: DecidedBy, at: String },
    /// Another conversation than the one in the record has its marker too.
    Doubled { address: Address, id: Id },
    /// Of the conversation in the record and its doubles, a person has named the one to keep.
    Kept { address: Address, id: Id },
    /// The run is over and its effects are in the saved state of this serial.
    Closed { serial: u64, at: String },
}

/// What Dixa said to a call whose end is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: there was no answer.
    Nothing,
    /// An error that does not tell whether it was done; the call is over.
    Error,
    /// A 2xx without an id that could be read: it was done.
    Made,
    /// That there is a conversation with this `externalId`: this call made none, and an earlier one perhaps has.
    Duplicate,
    /// It was not sent by this run: conversations are there that an earlier one, of which nothing else is known, has
    /// perhaps made for it.
    Before,
}

impl Heard {
    pub const ALL: [Heard; 5] = [Heard::Nothing, Heard::Error, Heard::Made, Heard::Duplicate, Heard::Before];

    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Heard::Nothing => "",
            Heard::Error => "error",
            Heard::Made => "made",
            Heard::Duplicate => "duplicate",
            Heard::Before => "before",
        }
    }
}

/// The calls that write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `POST /v1/conversations`, or `POST /v1/endusers`
    Create,
    /// `POST /v1/conversations/import`
    Import,
    /// `PATCH /v1/conversations/{id}/custom-attributes`, or the same of an end user; sent again it does no harm, so it
    /// is never in doubt.
    Patch,
    /// `PATCH /v1/endusers/{id}`; never in doubt either.
    Change,
    /// `PUT /v1/conversations/{id}/tags/{tag}`; neither it nor those that follow are ever in doubt.
    PutTag,
    /// `DELETE /v1/conversations/{id}/tags/{tag}`
    TakeTag,
    /// `PUT /v1/conversations/{id}/transfer/queue`
    Transfer,
    /// `PUT /v1/conversations/{id}/claim`
    Claim,
    /// `PUT /v1/conversations/{id}/close`, or `reopen`
    State,
}

impl CallKind {
    pub const ALL: [CallKind; 9] = [
        CallKind::Create,
        CallKind::Import,
        CallKind::Patch,
        CallKind::Change,
        CallKind::PutTag,
        CallKind::TakeTag,
        CallKind::Transfer,
        CallKind::Claim,
        CallKind::State,
    ];

    pub fn word(self) -> &'static str {
        match self {
            CallKind::Create => "create",
            CallKind::Import => "import",
            CallKind::Patch => "patch",
            CallKind::Change => "change",
            CallKind::PutTag => "put-tag",
            CallKind::TakeTag => "take-tag",
            CallKind::Transfer => "transfer",
            CallKind::Claim => "claim",
            CallKind::State => "state",
        }
    }

    /// The member of [`Handling`](crate::handling::Handling) that it sets, if it is one of those that set any.
    pub fn handles(self) -> Option<&'static str> {
        match self {
            CallKind::PutTag | CallKind::TakeTag => Some(handling::TAGS),
            CallKind::Transfer => Some(handling::QUEUE),
            CallKind::Claim => Some(handling::ASSIGNEE),
            CallKind::State => Some(handling::STATE),
            CallKind::Create | CallKind::Import | CallKind::Patch | CallKind::Change => None,
        }
    }

    /// Whether it makes a conversation, so that its end can be in doubt.
    pub fn makes(self) -> bool {
        match self {
            CallKind::Create | CallKind::Import => true,
            CallKind::Patch
            | CallKind::Change
            | CallKind::PutTag
            | CallKind::TakeTag
            | CallKind::Transfer
            | CallKind::Claim
            | CallKind::State => false,
        }
    }
}

/// All that a record takes from a call that succeeds, and all that is needed to find out whether it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Of the whole spec that is wanted, attributes included, whichever call this is. How it is handled is an
    /// exception: that is what it will be when the call has ended well.
    pub digests: Digests,
    /// For a call that makes a conversation, its content, and how it is handled by being made; attributes in it are not
    /// recorded, since they are not written yet. For [`CallKind::Patch`], all attributes of the record as they will be,
    /// without content: see [`attributes_kept`](crate::journal::attributes_kept). For [`CallKind::Change`], the content
    /// as it will be; see [`content_kept`](crate::journal::content_kept). For calls that set how it is handled, all of
    /// that as it will be; see [`handling_kept`](crate::journal::handling_kept).
    pub applied: Applied,
    /// For [`CallKind::PutTag`] and [`CallKind::TakeTag`]: which one.
    pub tag: Option<PutOn>,
    pub source: Option<Source>,
    /// What the names in the manifest stand for; see [`Record::names`].
    pub names: BTreeMap<String, String>,
    /// The end user among whose conversations one in doubt is looked for; none for
    /// [`CallKind::Patch`], and of end users.
    pub requester: Option<String>,
    /// The `externalId` of the first message that was sent, if there is a message.
    pub marker: Option<String>,
    /// For a call without a marker: the conversations that the requester had before.
    pub known_before: Vec<Id>,
    /// The conversation that the new one takes the place of.
    pub replaced: Option<Id>,
    /// When the call began.
    pub at: String,
}

/// What becomes of a call in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It did make this conversation, which is recorded.
    Adopt(Id),
    /// It made none; the call may be sent again, under a new `seq`.
    Create,
    /// Whatever it made is left alone and not recorded.
    Forget,
}

/// Who settled a call in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// dixaform, by looking at the tenant.
    Machine,
    /// Somebody, with `dixaform recover`.
    Person,
}

impl DecidedBy {
    pub fn word(self) -> &'static str {
        match self {
            DecidedBy::Machine => "machine",
            DecidedBy::Person => "person",
        }
    }
}
