//! The write-ahead record of an apply: before each call its intent is written and synced, after the call its id.
//!
//! A process that dies at any instant leaves a journal from which [`replay()`] finds what was done and what is in
//! doubt. Nothing here touches a file; `workspace` keeps the journal beside its state (`state/staging.json` has
//! `state/staging.journal`).
//!
//! # Rules
//!
//! 1. No API call that writes is sent before its [`Entry::Began`] is synced. Every [`Entry::Succeeded`] has Dixa's id.
//! 2. Whoever saves a state holds the lock, has first replayed the journal into that state, and saves it with its
//!    serial increased by one. Replay relies on this: if a run was opened on an older serial than the state has, the
//!    run is in that state already, or the state was replaced by one from elsewhere, which replay finds out.
//! 3. The order is: the state is saved as it is, serial included, which shows that it can be replaced; then `Opened`,
//!    then entries, then the state is saved, once, then `Closed`, and then the journal is removed. If something is
//!    still in doubt, the journal is cut down to that instead ([`cut_down()`]), and a later run is appended to it.
//! 4. A run of [`REBUILD`] counts whole or not at all. Without a state, everything that the tenant does not show is
//!    made again: a part of what was found there would be taken for all of it. Such a run that was neither closed nor
//!    saved is left out ([`without_cut_off_rebuild()`]), and the next command looks again.
//!
//! # Text form
//!
//! Each entry is one line: 16 hexadecimal digits, the first of the SHA-256 of the JSON text; a space; the JSON text;
//! `\n`. The last line may lack its end, because the process or the machine died while writing it; nothing was sent
//! because of it, since it was never synced. A line that has its end and does not fit its checksum is damaged, also the
//! last one, and that is an error. The JSON has these forms; members that
//! are unknown or empty are left out:
//!
//! ```text
//! {"opened":{"format":"dixaform-journal/1","run":"<uuid>","lineage":"<uuid>","baseSerial":3,"tenant":{"baseUrl":"…","organizationId":"…"},"command":"apply","at":"…","pid":4711}}
//! {"began":{"seq":1,"address":"conversation.a","call":"create","digest":{"content":"sha256:…","attributes":"sha256:…"},"spec":{…},"source":{"file":"…","line":1,"column":1},"requester":"<uuid>","marker":"…","knownBefore":[97,98],"replaced":99,"at":"…"}}
//! {"succeeded":{"seq":1,"id":100,"partialErrors":["…"],"at":"…"}}
//! {"succeeded":{"seq":2,"id":100,"answered":{"<attribute>":"…"},"at":"…"}}
//! {"failed":{"seq":2,"certain":true,"message":"…","at":"…"}}
//! {"inDoubt":{"seq":3,"heard":"made","message":"…","at":"…"}}
//! {"adopted":{"record":{"address":"conversation.b","id":101,…}}}
//! {"forgot":{"address":"import.c"}}
//! {"decided":{"seq":3,"decision":"adopt","id":102,"by":"machine","at":"…"}}
//! {"doubled":{"address":"conversation.a","id":103}}
//! {"kept":{"address":"conversation.a","id":103}}
//! {"closed":{"serial":4,"at":"…"}}
//! ```
//!
//! `heard` is `error`, `made`, `duplicate`, `before`, or left out; `call` is `create`, `import`, `patch`, `change`,
//! `put-tag`, `take-tag`, `transfer`, `claim` or `state`, of which those about a tag have `tag`;
//! `decision` is `adopt` (with an id), `create` or `forget`; `by` is `machine` or `person`. Specs, digests and records
//! are written as in the state file, with `salt` and `fields` in the place of `spec` under `lastApplied: digest`: what
//! may not be in the state is not here either.

mod append;
mod cut_down;
mod effect;
mod entry;
mod entry_v1;
mod line;
mod line_error;
mod rebuild;
mod replay;

pub use append::{Append, JournalError};
pub use cut_down::cut_down;
pub use effect::{answered, attributes_kept, changed, content_kept, handled, handling_kept};
pub use entry::{CallKind, DecidedBy, Decision, Entry, Heard, Intent};
pub use line::{Lines, read, sound_bytes, write_line};
pub use line_error::LineError;
pub use rebuild::{REBUILD, without_cut_off_rebuild};
pub use replay::{Calls, InDoubt, Replay, ReplayError, Replayed, replay};

#[cfg(test)]
mod tests;
