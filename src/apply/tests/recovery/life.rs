//! The life of one process: what it does to the disk and the tenant, counted, until it dies.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::api::{
    AttributeReading, CallError, ConversationReading, Created, Definition, EndUserReading, MessageReading, Order,
    Organization, Permit, Read, ReadCatalog, Write,
};
use crate::call::Call;
use crate::catalog::{Agent, ContactEndpoint, Queue, Tag};
use crate::conversation::{Attributes, EndUserId, Kind};
use crate::end_user::Lookup;
use crate::store::{Hold, Holder, Keep, Save, StoreError, force, take};
use serde_json::{Map, Value};
use tokio::task::JoinHandle;

/// What a process does that somebody else can see, or that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::apply::tests) enum Event {
    Append,
    Write,
    Read,
    Save,
    Tidy,
}

/// Where in an event a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apply::tests) enum Place {
    /// The entry is not written.
    BeforeAppend,
    /// The entry is written, and nobody learns of it.
    AfterAppend,
    /// The first half of the entry is written.
    WithinAppend,
    /// The call is in the journal and not sent.
    BeforeWrite,
    /// The call is sent, and its answer is not waited for to the end.
    WithinWrite,
    /// The call is answered, and the answer is not written down.
    AfterWrite,
    BeforeRead,
    AfterRead,
    /// The state is as it was.
    BeforeSave,
    /// The state is saved, and the run is not closed.
    AfterSave,
    /// The run is closed, and its journal stays.
    BeforeTidy,
    AfterTidy,
}

impl Place {
    pub(in crate::apply::tests) const ALL: [Place; 12] = [
        Place::BeforeAppend,
        Place::AfterAppend,
        Place::WithinAppend,
        Place::BeforeWrite,
        Place::WithinWrite,
        Place::AfterWrite,
        Place::BeforeRead,
        Place::AfterRead,
        Place::BeforeSave,
        Place::AfterSave,
        Place::BeforeTidy,
        Place::AfterTidy,
    ];

    pub(in crate::apply::tests) fn event(self) -> Event {
        match self {
            Place::BeforeAppend | Place::AfterAppend | Place::WithinAppend => Event::Append,
            Place::BeforeWrite | Place::WithinWrite | Place::AfterWrite => Event::Write,
            Place::BeforeRead | Place::AfterRead => Event::Read,
            Place::BeforeSave | Place::AfterSave => Event::Save,
            Place::BeforeTidy | Place::AfterTidy => Event::Tidy,
        }
    }
}

/// In which event a process dies; events are counted from 1, each kind by itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::apply::tests) struct Death {
    pub(in crate::apply::tests) place: Place,
    pub(in crate::apply::tests) nth: usize,
}

/// How long a process that dies within a call still lives after it has begun.
const SENDING: Duration = Duration::from_millis(15);

/// One process. When it dies, whatever it waits for never comes.
pub(in crate::apply::tests) struct Life {
    disk: Disk,
    /// How long syncing takes.
    sync: Duration,
    death: Option<Death>,
    counts: Mutex<BTreeMap<Event, usize>>,
    dead: AtomicBool,
    died: tokio::sync::Notify,
    /// The state, if it is in a store.
    hold: OnceLock<Arc<Hold>>,
}

impl Life {
    pub(in crate::apply::tests) fn without_end(disk: &Disk) -> Self {
        let (counts, dead, died) = (Mutex::default(), AtomicBool::new(false), tokio::sync::Notify::new());
        Life { disk: disk.clone(), sync: Duration::ZERO, death: None, counts, dead, died, hold: OnceLock::new() }
    }

    pub(in crate::apply::tests) fn that_ends(disk: &Disk, death: Death) -> Self {
        Life { death: Some(death), ..Life::without_end(disk) }
    }

    /// The same with a disk that takes this long to sync.
    pub(in crate::apply::tests) fn with_sync(self, sync: Duration) -> Self {
        Life { sync, ..self }
    }

    /// Ends when the process has died.
    pub(in crate::apply::tests) async fn ended(&self) {
        self.died.notified().await;
    }

    /// How many events of this kind there were.
    pub(in crate::apply::tests) fn count(&self, event: Event) -> usize {
        self.counts.lock().expect("not poisoned").get(&event).copied().unwrap_or_default()
    }

    /// Counts one more, and says where in it the process dies. Those of a dead process don't happen.
    fn begin(&self, event: Event, before: Place) -> Option<Place> {
        if self.is_dead() {
            return Some(before);
        }
        let mut counts = self.counts.lock().expect("not poisoned");
        let count = counts.entry(event).or_default();
        *count += 1;
        let place = self.death.filter(|death| death.place.event() == event && death.nth == *count)?.place;
        if !matches!(place, Place::WithinWrite | Place::AfterWrite | Place::AfterRead) {
            self.die();
        }
        Some(place)
    }

    pub(in crate::apply::tests) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Goes on only while the process lives.
    async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes the state that is in a store, and reads it. Whoever had it is dead, and may still have something on its way.
    pub(super) async fn take_store(&self) {
        let Some(depot) = self.disk.store.as_ref().filter(|_| self.hold.get().is_none()) else { return };
        force(depot).await.expect("it is in memory");
        let holder = Holder {
            run: uuid::Uuid::new_v4().to_string(),
            who: String::new(),
            host: String::new(),
            pid: 1,
            command: "apply".into(),
            since: String::new(),
            ttl_ms: 30_000,
            call_timeout_ms: 0,
        };
        let hold = take(depot, &holder, Duration::ZERO, "now").await.expect("nobody has it");
        hold.fence().await.expect("nobody has taken it since");
        self.disk.look().await;
        let _ = self.hold.set(Arc::new(hold));
    }

    /// Does something with the state in a store, if it is in one: what was sent is carried out, whoever dies meanwhile.
    fn send<F>(&self, work: impl FnOnce(Arc<Hold>) -> F) -> Option<JoinHandle<()>>
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let work = work(Arc::clone(self.hold.get()?));
        // A process that is dead is fenced by the next one.
        Some(tokio::spawn(async move { drop(work.await) }))
    }

    /// Replaces the state at once, or not at all.
    pub(super) async fn save(&self, state: &State) {
        let dies = self.begin(Event::Save, Place::BeforeSave);
        if dies != Some(Place::BeforeSave) {
            self.disk.files().state = Some(file_v1::write(state));
            let (lineage, serial) = (state.lineage, state.serial);
            if self.hold.get().is_none() {
                self.disk.note(lineage, serial);
            }
            let save = Save { text: file_v1::write(state).into_bytes(), lineage, serial };
            let disk = self.disk.clone();
            // It is the newest one that was seen as soon as it is there, and not before.
            let saved = self.send(|hold| async move {
                hold.save(save, Keep::All, false).await.map(|()| disk.note(lineage, serial))
            });
            arrived(saved).await;
        }
        self.alive().await;
    }

    /// Replaces the journal at once, or not at all.
    pub(super) async fn tidy(&self, left: Vec<Entry>) {
        let dies = self.begin(Event::Tidy, Place::BeforeTidy);
        if dies != Some(Place::BeforeTidy) {
            let journal = left.iter().map(write_line).collect::<String>().into_bytes();
            self.disk.put_journal(journal.clone());
            let keep = if journal.is_empty() { Keep::Nothing } else { Keep::Lines(journal) };
            arrived(self.send(|hold| async move { hold.cut(keep).await })).await;
        }
        self.alive().await;
    }

    /// A call with the tenant.
    async fn call<T>(&self, before: Place, after: Place, call: impl Future<Output = T>) -> T {
        let dies = self.begin(before.event(), before);
        if dies == Some(Place::WithinWrite) {
            // Time enough to send it.
            let _ = tokio::time::timeout(SENDING, call).await;
            self.die();
        } else if dies != Some(before) {
            let answer = call.await;
            if dies != Some(after) {
                self.alive().await;
                return answer;
            }
            self.die();
        }
        std::future::pending().await
    }
}

/// Waits until it is there.
async fn arrived(sent: Option<JoinHandle<()>>) {
    if let Some(sent) = sent {
        sent.await.expect("no panic");
    }
}

impl Append for Life {
    fn append(&self, entry: Entry) -> impl Future<Output = Result<(), JournalError>> + Send {
        let dies = self.begin(Event::Append, Place::BeforeAppend);
        let line = write_line(&entry);
        let written = match dies {
            Some(Place::BeforeAppend) => 0,
            Some(Place::WithinAppend) => line.len() / 2,
            _ => line.len(),
        };
        let length = {
            let mut files = self.disk.files();
            files.journal.extend_from_slice(&line.as_bytes()[..written]);
            files.journal.len()
        };
        let whole = (written == line.len()).then(|| line.into_bytes());
        let sent = whole.and_then(|line| self.send(|hold| async move { hold.append(&line).await }));
        async move {
            arrived(sent).await;
            // Syncing takes a while, in which others go on.
            match self.sync {
                Duration::ZERO => tokio::task::yield_now().await,
                sync => tokio::time::sleep(sync).await,
            }
            self.alive().await;
            let mut files = self.disk.files();
            files.synced = files.synced.max(length);
            Ok(())
        }
    }
}

/// The way of a process to the tenant, which ends with it.
pub(in crate::apply::tests) struct Mortal<'a, A> {
    pub(super) inner: A,
    pub(super) life: &'a Life,
}

impl<A: Read> Mortal<'_, A> {
    async fn read<T>(&self, call: impl Future<Output = T>) -> T {
        self.life.call(Place::BeforeRead, Place::AfterRead, call).await
    }
}

impl<A: Read> Read for Mortal<'_, A> {
    async fn organization(&self) -> Result<Organization, CallError> {
        self.read(self.inner.organization()).await
    }

    async fn definitions(&self) -> Result<Vec<Definition>, CallError> {
        self.read(self.inner.definitions()).await
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationReading, CallError> {
        self.read(self.inner.conversation(id)).await
    }

    async fn tags(&self) -> Result<Vec<Tag>, CallError> {
        self.read(self.inner.tags()).await
    }

    async fn tags_of(&self, id: ConversationId) -> Result<Vec<Tag>, CallError> {
        self.read(self.inner.tags_of(id)).await
    }

    async fn messages(&self, id: ConversationId) -> Result<Vec<MessageReading>, CallError> {
        self.read(self.inner.messages(id)).await
    }

    async fn end_user(&self, id: EndUserId) -> Result<EndUserReading, CallError> {
        self.read(self.inner.end_user(id)).await
    }

    async fn end_users_by(&self, lookup: &Lookup) -> Result<Vec<EndUserReading>, CallError> {
        self.read(self.inner.end_users_by(lookup)).await
    }

    async fn conversations_of(&self, requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        self.read(self.inner.conversations_of(requester)).await
    }
}

impl<A: ReadCatalog> ReadCatalog for Mortal<'_, A> {
    async fn agents(&self) -> Result<Vec<Agent>, CallError> {
        self.read(self.inner.agents()).await
    }

    async fn agents_by(&self, email: &str) -> Result<Vec<Agent>, CallError> {
        self.read(self.inner.agents_by(email)).await
    }

    async fn is_there(&self, call: &Call) -> Result<(), CallError> {
        self.read(self.inner.is_there(call)).await
    }

    async fn queues(&self) -> Result<Vec<Queue>, CallError> {
        self.read(self.inner.queues()).await
    }

    async fn contact_endpoints(&self) -> Result<Vec<ContactEndpoint>, CallError> {
        self.read(self.inner.contact_endpoints()).await
    }
}

impl<A: Write> Write for Mortal<'_, A> {
    async fn permit(&self) -> Permit {
        self.inner.permit().await
    }

    async fn make(&self, permit: Permit, kind: Kind, body: &Map<String, Value>) -> Result<Created, CallError> {
        self.life.call(Place::BeforeWrite, Place::AfterWrite, self.inner.make(permit, kind, body)).await
    }

    async fn change_end_user(
        &self,
        permit: Permit,
        id: EndUserId,
        members: &Map<String, Value>,
    ) -> Result<(), CallError> {
        let call = self.inner.change_end_user(permit, id, members);
        self.life.call(Place::BeforeWrite, Place::AfterWrite, call).await
    }

    async fn patch_attributes(
        &self,
        permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        let call = self.inner.patch_attributes(permit, id, attributes);
        self.life.call(Place::BeforeWrite, Place::AfterWrite, call).await
    }

    async fn make_tag(&self, permit: Permit, name: &str) -> Result<Tag, CallError> {
        self.life.call(Place::BeforeWrite, Place::AfterWrite, self.inner.make_tag(permit, name)).await
    }

    async fn handle(&self, permit: Permit, id: ConversationId, order: Order<'_>) -> Result<(), CallError> {
        self.life.call(Place::BeforeWrite, Place::AfterWrite, self.inner.handle(permit, id, order)).await
    }
}
