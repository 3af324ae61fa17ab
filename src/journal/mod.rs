//! The write-ahead record of an apply: before each call its intent is written and synced, after the call its id.
//!
//! A process that dies at any instant leaves a journal from which [`replay()`] finds what was done and what is in doubt.
//! Nothing here touches a file; `workspace` keeps the journal beside its state (`state/staging.json` has
//! `state/staging.journal`).
//!
//! # Rules
//!
//! 1. No API call that writes without an [`Entry::Began`] that was synced; no [`Entry::Succeeded`] without Dixa's id in it.
//! 2. Whoever saves a state, for whatever reason, holds the lock, has replayed the journal into that state first, and saves
//!    it with the serial grown by one. Replay relies on it: a run that was opened on an older serial than the state has is
//!    in that state already, or the state was exchanged for one from elsewhere, which replay finds out.
//! 3. Order: `Opened`, then entries, then the state is saved, once, then `Closed`, then the journal is removed, or, when something
//!    is still in doubt, cut down to that ([`cut_down()`]). A later run is appended to it.
//!
//! # Text form
//!
//! A line per entry: 16 hexadecimal digits, the first of the SHA-256 of the JSON text; a space; the JSON text; `\n`. The
//! last line may be torn, because the process or the machine died while writing it; nothing was sent on account of it, since
//! it was never synced. Damage anywhere else is an error. The JSON has these forms; what is unknown or empty is left out:
//!
//! ```text
//! {"opened":{"format":"dixaform-journal/1","run":"<uuid>","lineage":"<uuid>","baseSerial":3,"tenant":{"baseUrl":"…","organizationId":"…"},"command":"apply","at":"…","pid":4711}}
//! {"began":{"seq":1,"address":"conversation.a","call":"create","digest":{"content":"sha256:…","attributes":"sha256:…"},"spec":{…},"source":{"file":"…","line":1,"column":1},"requester":"<uuid>","marker":"…","knownBefore":[97,98],"replaced":99,"at":"…"}}
//! {"succeeded":{"seq":1,"id":100,"partialErrors":["…"],"at":"…"}}
//! {"failed":{"seq":2,"certain":true,"message":"…","at":"…"}}
//! {"inDoubt":{"seq":3,"message":"…","at":"…"}}
//! {"adopted":{"record":{"address":"conversation.b","id":101,…}}}
//! {"forgot":{"address":"import.c"}}
//! {"decided":{"seq":3,"decision":"adopt","id":102,"by":"machine","at":"…"}}
//! {"closed":{"serial":4,"at":"…"}}
//! ```
//!
//! `call` is `create`, `import` or `patch`; `decision` is `adopt` (with an id), `create` or `forget`; `by` is `machine` or
//! `person`. Specs, digests and records are written as in the state file, with `salt` and `fields` in the place of `spec`
//! under `lastApplied: digest`: what may not be in the state is not here either.

mod append;
mod cut_down;
mod effect;
mod entry;
mod entry_v1;
mod line;
mod line_error;
mod replay;

pub use append::{Append, JournalError};
pub use cut_down::cut_down;
pub use effect::attributes_kept;
pub use entry::{CallKind, DecidedBy, Decision, Entry, Intent};
pub use line::{Lines, read, sound_bytes, write_line};
pub use line_error::LineError;
pub use replay::{Calls, InDoubt, Replay, ReplayError, Replayed, replay};

#[cfg(test)]
mod tests;
