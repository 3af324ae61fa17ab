//! A tenant that does what a test asks for, and a journal in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::access::RateLimit;
use crate::api::{
    AttributeReading, CallError, ConversationReading, Created, Definition, EndUserReading, MessageReading, Order,
    Organization, Permit, Read, Throttle, Write,
};
use crate::catalog::Tag;
use crate::conversation::{Attributes, ConversationId, EndUserId, Id, Kind, attributes_to_map};
use crate::end_user::Lookup;
use crate::handling::Openness;
use crate::journal::{Append, CallKind, Entry, JournalError};
use serde_json::{Map, Value};

/// How long a call takes.
const LATENCY: Duration = Duration::from_millis(50);

/// How long a journal takes to sync.
const SYNC: Duration = Duration::from_millis(2);

/// Lines in order, from everybody who holds a copy.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().expect("no panic while it is held").push(line);
    }

    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic while it is held"))
    }
}

/// A tenant. Calls have names: `POST <subject>`, `PATCH <id>`, `GET <id>`, `TAGS`, `TAGS OF <id>`, `MAKE TAG <name>`,
/// `PUT TAG <id>`, `TAKE TAG <id>`, `TRANSFER <id>`, `CLAIM <id>`, `CLOSE <id>`, `REOPEN <id>`.
pub(super) struct Fake {
    log: Log,
    throttle: Throttle,
    next_id: AtomicI64,
    errors: Mutex<BTreeMap<String, VecDeque<CallError>>>,
    silent: BTreeSet<String>,
    partial_errors: BTreeMap<String, Vec<String>>,
    /// What every PATCH answers.
    patch_answer: Vec<AttributeReading>,
    conversations: BTreeMap<ConversationId, ConversationReading>,
    /// The tags that it has.
    tags: Mutex<Vec<Tag>>,
    /// This tag is neither put on nor taken off, whatever is answered.
    pub(super) stuck_tag: Option<&'static str>,
    /// The tags of each conversation, by id.
    put_on: Mutex<BTreeMap<ConversationId, BTreeSet<String>>>,
    /// Whether each of the next lists of a conversation's tags shows what is on it.
    shown: Mutex<VecDeque<bool>>,
    /// The `externalId` of the first message of each conversation.
    marks: BTreeMap<ConversationId, String>,
    /// How often the messages of a conversation are still to be hidden.
    hidden: Mutex<BTreeMap<ConversationId, u32>>,
}

impl Fake {
    pub(super) fn new(log: &Log) -> Self {
        Fake {
            log: log.clone(),
            throttle: Throttle::new(RateLimit::DIXA),
            next_id: AtomicI64::new(1),
            errors: Mutex::default(),
            silent: BTreeSet::new(),
            partial_errors: BTreeMap::new(),
            patch_answer: Vec::new(),
            conversations: BTreeMap::new(),
            stuck_tag: None,
            tags: Mutex::default(),
            put_on: Mutex::default(),
            shown: Mutex::default(),
            marks: BTreeMap::new(),
            hidden: Mutex::default(),
        }
    }

    /// The next calls of this name fail, one error each; those after them succeed.
    pub(super) fn fail(&mut self, call: &str, errors: impl IntoIterator<Item = CallError>) {
        self.errors.get_mut().expect("not poisoned").entry(call.to_owned()).or_default().extend(errors);
    }

    /// Calls of this name are never answered.
    pub(super) fn ignore(&mut self, call: &str) {
        self.silent.insert(call.to_owned());
    }

    /// Conversations of this subject are made with partial errors.
    pub(super) fn make_in_part(&mut self, subject: &str, message: &str) {
        self.partial_errors.insert(subject.to_owned(), vec![message.to_owned()]);
    }

    /// Every PATCH is answered with these attributes.
    pub(super) fn answer_patches_with(&mut self, answer: Vec<AttributeReading>) {
        self.patch_answer = answer;
    }

    /// The tenant has this conversation already.
    pub(super) fn has(&mut self, reading: ConversationReading) {
        self.conversations.insert(reading.id, reading);
    }

    /// The tenant has this tag, whose id is its name with `id-` before it.
    pub(super) fn has_tag(&mut self, name: &str, active: bool) {
        let tag = Tag { name: name.to_owned(), id: format!("id-{name}"), active };
        self.tags.get_mut().expect("not poisoned").push(tag);
    }

    /// Somebody has put this tag on a conversation.
    pub(super) fn is_tagged(&mut self, id: i64, name: &str) {
        let tags = self.put_on.get_mut().expect("not poisoned").entry(ConversationId(id)).or_default();
        tags.insert(format!("id-{name}"));
    }

    /// Somebody has taken this tag off a conversation.
    pub(super) fn is_untagged(&mut self, id: i64, name: &str) {
        if let Some(tags) = self.put_on.get_mut().expect("not poisoned").get_mut(&ConversationId(id)) {
            tags.remove(&format!("id-{name}"));
        }
    }

    /// The next lists of a conversation's tags come without any where false is given.
    pub(super) fn show_tags(&mut self, shown: impl IntoIterator<Item = bool>) {
        *self.shown.get_mut().expect("not poisoned") = shown.into_iter().collect();
    }

    /// The first message of this conversation has this `externalId`.
    pub(super) fn is_marked(&mut self, id: i64, mark: &str) {
        self.marks.insert(ConversationId(id), mark.to_owned());
    }

    /// The first reads of its messages find none.
    pub(super) fn hides_messages_at_first(&mut self, id: i64, reads: u32) {
        self.hidden.get_mut().expect("not poisoned").insert(ConversationId(id), reads);
    }

    async fn answer(&self, call: &str, line: String) -> Result<(), CallError> {
        self.log.add(line);
        tokio::time::sleep(LATENCY).await;
        if self.silent.contains(call) {
            std::future::pending::<()>().await;
        }
        let planned = self.errors.lock().expect("not poisoned").get_mut(call).and_then(VecDeque::pop_front);
        planned.map_or(Ok(()), Err)
    }
}

impl Read for Fake {
    async fn organization(&self) -> Result<Organization, CallError> {
        Ok(Organization { id: "org".into(), name: "Org".into() })
    }

    async fn definitions(&self) -> Result<Vec<Definition>, CallError> {
        Ok(Vec::new())
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationReading, CallError> {
        self.throttle.wait().await;
        let call = format!("GET {id}");
        self.answer(&call, call.clone()).await?;
        let gone = CallError::Rejected { status: 404, message: "The requested resource could not be found".into() };
        self.conversations.get(&id).cloned().ok_or(gone)
    }

    async fn tags(&self) -> Result<Vec<Tag>, CallError> {
        self.answer("TAGS", "TAGS".to_owned()).await?;
        Ok(self.tags.lock().expect("not poisoned").clone())
    }

    async fn tags_of(&self, id: ConversationId) -> Result<Vec<Tag>, CallError> {
        let call = format!("TAGS OF {id}");
        self.answer(&call, call.clone()).await?;
        if self.shown.lock().expect("not poisoned").pop_front() == Some(false) {
            return Ok(Vec::new());
        }
        let put_on = self.put_on.lock().expect("not poisoned").get(&id).cloned().unwrap_or_default();
        let tags = self.tags.lock().expect("not poisoned");
        Ok(tags.iter().filter(|tag| put_on.contains(&tag.id)).cloned().collect())
    }

    async fn messages(&self, id: ConversationId) -> Result<Vec<MessageReading>, CallError> {
        self.log.add(format!("MESSAGES {id}"));
        if let Some(left @ 1..) = self.hidden.lock().expect("not poisoned").get_mut(&id) {
            *left -= 1;
            return Ok(Vec::new());
        }
        let mark = |mark: &String| MessageReading { external_id: Some(mark.clone()), ..MessageReading::default() };
        Ok(self.marks.get(&id).map(mark).into_iter().collect())
    }

    async fn end_user(&self, _id: EndUserId) -> Result<EndUserReading, CallError> {
        Err(CallError::Rejected { status: 404, message: "The requested resource could not be found".into() })
    }

    async fn end_users_by(&self, _lookup: &Lookup) -> Result<Vec<EndUserReading>, CallError> {
        Ok(Vec::new())
    }

    async fn conversations_of(&self, _requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        self.throttle.wait().await;
        self.answer("LIST", "LIST".to_owned()).await?;
        Ok(self.conversations.values().cloned().collect())
    }
}

impl Write for Fake {
    async fn permit(&self) -> Permit {
        self.throttle.wait().await;
        Permit::granted()
    }

    async fn make(&self, _permit: Permit, _kind: Kind, body: &Map<String, Value>) -> Result<Created, CallError> {
        let subject = body.get("subject").and_then(Value::as_str).expect("the tests send subjects");
        let call = format!("POST {subject}");
        self.answer(&call, call.clone()).await?;
        let id = Id::conversation(self.next_id.fetch_add(1, Ordering::Relaxed));
        Ok(Created { id, partial_errors: self.partial_errors.get(subject).cloned().unwrap_or_default() })
    }

    async fn change_end_user(
        &self,
        _permit: Permit,
        _id: EndUserId,
        _members: &Map<String, Value>,
    ) -> Result<(), CallError> {
        Ok(())
    }

    async fn patch_attributes(
        &self,
        _permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        let call = format!("PATCH {id}");
        let body = Value::Object(attributes_to_map(attributes));
        self.answer(&call, format!("{call} {body}")).await?;
        Ok(self.patch_answer.clone())
    }

    async fn make_tag(&self, _permit: Permit, name: &str) -> Result<Tag, CallError> {
        let call = format!("MAKE TAG {name}");
        let ended = self.answer(&call, call.clone()).await;
        let tag = Tag { name: name.to_owned(), id: format!("id-{name}"), active: true };
        // An answer that is lost says nothing about the tag.
        if ended.is_ok() || matches!(ended, Err(CallError::Lost { .. })) {
            self.tags.lock().expect("not poisoned").push(tag.clone());
        }
        ended.map(|()| tag)
    }

    async fn handle(&self, _permit: Permit, id: ConversationId, order: Order<'_>) -> Result<(), CallError> {
        let (call, what) = match order {
            Order::PutTag(tag) => (format!("PUT TAG {id}"), format!(" {tag}")),
            Order::TakeTag(tag) => (format!("TAKE TAG {id}"), format!(" {tag}")),
            Order::Transfer(queue) => (format!("TRANSFER {id}"), format!(" {queue}")),
            Order::Claim(agent) => (format!("CLAIM {id}"), format!(" {agent}")),
            Order::State(Openness::Closed) => (format!("CLOSE {id}"), String::new()),
            Order::State(Openness::Open) => (format!("REOPEN {id}"), String::new()),
        };
        self.answer(&call, format!("{call}{what}")).await?;
        let mut put_on = self.put_on.lock().expect("not poisoned");
        let tags = put_on.entry(id).or_default();
        match order {
            Order::PutTag(tag) | Order::TakeTag(tag) if self.stuck_tag == Some(tag) => {}
            Order::PutTag(tag) => drop(tags.insert(tag.to_owned())),
            Order::TakeTag(tag) => drop(tags.remove(tag)),
            Order::Transfer(_) | Order::Claim(_) | Order::State(_) => {}
        }
        Ok(())
    }
}

/// A journal in memory. It logs an entry when it is synced, not when it is asked to.
pub(super) struct Memory {
    log: Log,
    entries: Mutex<Vec<Entry>>,
    /// How many entries there is room for.
    room: AtomicUsize,
}

impl Memory {
    pub(super) fn new(log: &Log) -> Self {
        Memory { log: log.clone(), entries: Mutex::default(), room: AtomicUsize::new(usize::MAX) }
    }

    /// After this many entries the disk is full, and stays so.
    pub(super) fn holds(&self, entries: usize) {
        self.room.store(entries, Ordering::Relaxed);
    }

    pub(super) fn is_full(&self) -> bool {
        self.room.load(Ordering::Relaxed) != usize::MAX
    }

    pub(super) fn len(&self) -> usize {
        self.entries.lock().expect("not poisoned").len()
    }

    /// The entries from this one on.
    pub(super) fn from(&self, first: usize) -> Vec<Entry> {
        self.entries.lock().expect("not poisoned")[first..].to_vec()
    }
}

impl Append for Memory {
    fn append(&self, entry: Entry) -> impl Future<Output = Result<(), JournalError>> + Send {
        let line = line(&entry);
        let mut entries = self.entries.lock().expect("not poisoned");
        let fits = entries.len() < self.room.load(Ordering::Relaxed);
        if fits {
            entries.push(entry);
        }
        drop(entries);
        async move {
            tokio::time::sleep(SYNC).await;
            if !fits {
                return Err(JournalError::Stopped { path: PathBuf::from("staging.journal") });
            }
            self.log.add(line);
            Ok(())
        }
    }
}

fn line(entry: &Entry) -> String {
    let what = match entry {
        Entry::Opened { .. } => "opened".to_owned(),
        Entry::Began { seq, address, call, intent: _ } => format!("began {seq}, {} {address}", word(*call)),
        Entry::Succeeded { seq, id, .. } => format!("succeeded {seq} with {id:#}"),
        Entry::Failed { seq, certain, .. } => {
            format!("failed {seq}{}", if *certain { "" } else { ", perhaps not" })
        }
        Entry::InDoubt { seq, .. } => format!("in doubt {seq}"),
        Entry::Adopted { address, record } => format!("adopted {address} as {:#}", record.id),
        Entry::Forgot { address } => format!("forgot {address}"),
        Entry::Decided { seq, .. } => format!("decided {seq}"),
        Entry::Doubled { address, id } => format!("doubled {address} with {id:#}"),
        Entry::Kept { address, id } => format!("kept {address} as {id:#}"),
        Entry::Closed { serial, .. } => format!("closed {serial}"),
    };
    format!("journal: {what}")
}

fn word(call: CallKind) -> &'static str {
    call.word()
}
