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
use crate::store::tests::process::{Body, Frozen};
use crate::store::{Clock as _, Hold, Holder, Keep, Save, StoreError, SystemClocks, force, take};
use serde_json::{Map, Value};
use tokio::task::{AbortHandle, JoinHandle};

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
    /// The state was held when that was checked, and the call is not sent yet. Where a process can only freeze.
    BetweenCheckAndWrite,
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
            Place::BeforeWrite | Place::WithinWrite | Place::AfterWrite | Place::BetweenCheckAndWrite => Event::Write,
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
    /// It freezes for that long instead of dying.
    freezes: Option<(Arc<Body>, Duration)>,
    /// The state, if it is in a store.
    hold: OnceLock<Held>,
    /// What could not be written into the journal.
    lost: Mutex<Vec<u8>>,
}

struct Held {
    hold: Arc<Hold>,
    since: tokio::time::Instant,
    taking: Taking,
    /// Signs of life.
    beating: AbortHandle,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

/// How long a call may take where processes wait for one another.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a process waits for the state.
const PATIENCE: Duration = Duration::from_secs(600);

impl Life {
    pub(in crate::apply::tests) fn without_end(disk: &Disk) -> Self {
        Life {
            disk: disk.clone(),
            sync: Duration::ZERO,
            death: None,
            counts: Mutex::default(),
            dead: AtomicBool::new(false),
            died: tokio::sync::Notify::new(),
            freezes: None,
            hold: OnceLock::new(),
            lost: Mutex::default(),
        }
    }

    pub(in crate::apply::tests) fn that_ends(disk: &Disk, death: Death) -> Self {
        Life { death: Some(death), ..Life::without_end(disk) }
    }

    /// One that freezes where others die; it is polled as a [`Frozen`] of this body.
    pub(crate) fn that_freezes(disk: &Disk, place: Death, body: &Arc<Body>, duration: Duration) -> Self {
        Life { freezes: Some((Arc::clone(body), duration)), ..Life::that_ends(disk, place) }
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
        if let Some((body, duration)) = &self.freezes {
            if place != Place::BetweenCheckAndWrite {
                body.freeze(*duration);
            }
            return None;
        }
        if !matches!(place, Place::WithinWrite | Place::AfterWrite | Place::AfterRead) {
            self.die();
        }
        Some(place)
    }

    pub(in crate::apply::tests) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
        if let Some(held) = self.hold.get() {
            held.beating.abort();
        }
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

    /// Takes the state that is in a store, and reads it. Whoever had it may still have something on its way.
    pub(super) async fn take_store(&self) {
        let Some((depot, taking)) = self.disk.store.as_ref().filter(|_| self.hold.get().is_none()) else { return };
        if *taking != Taking::AfterLease {
            force(depot).await.expect("it can be written");
        }
        let call_timeout = if *taking == Taking::AtOnce { Duration::ZERO } else { CALL_TIMEOUT };
        let holder = Holder {
            run: uuid::Uuid::new_v4().to_string(),
            who: String::new(),
            host: String::new(),
            pid: 1,
            command: "apply".into(),
            since: String::new(),
            ttl_ms: 30_000,
            call_timeout_ms: u64::try_from(call_timeout.as_millis()).expect("it is short"),
        };
        let hold = Arc::new(take(depot, &holder, PATIENCE, "now").await.expect("nobody has it for ever"));
        let beating = self.spawn(Arc::clone(&hold).beat()).abort_handle();
        let (since, taking) = (tokio::time::Instant::now(), *taking);
        let _ = self.hold.set(Held { hold: Arc::clone(&hold), since, taking, beating });
        let fenced = hold.fence().await;
        self.holds(fenced.map(drop)).await;
        self.disk.look().await;
    }

    /// Waits for calls of whoever had the state before and did not let go.
    pub(super) async fn wait_for_calls_before(&self) {
        let Some(Held { hold, since, taking, .. }) = self.hold.get() else { return };
        if *taking != Taking::AtOnce {
            tokio::time::sleep_until(*since + hold.calls_before().unwrap_or(CALL_TIMEOUT)).await;
        }
    }

    /// Lets go of a state in a store, if that is possible.
    pub(super) async fn release(&self) {
        let Some(Held { hold, beating, .. }) = self.hold.get() else { return };
        if !self.is_dead() {
            beating.abort();
            let _ = hold.release().await;
        }
    }

    /// Whether calls may still leave.
    fn may_leave(&self) -> Result<(), CallError> {
        let is_over = |held: &Held| held.hold.lease().left(SystemClocks.now()).is_zero();
        match self.hold.get() {
            Some(held) if is_over(held) => Err(CallError::NotSent { message: "the lease is over".into() }),
            _ => Ok(()),
        }
    }

    pub(super) fn has_lost_its_state(&self) -> bool {
        let is_fenced = self.hold.get().is_some_and(|held| held.hold.lease().is_fenced());
        is_fenced || !self.lost().is_empty()
    }

    pub(super) fn lost(&self) -> Vec<u8> {
        self.lost.lock().expect("not poisoned").clone()
    }

    /// What must be written for a process to go on. One that was frozen may have lost its state, and ends here.
    pub(super) async fn holds<E: std::fmt::Display>(&self, written: Result<(), E>) {
        self.alive().await;
        if let Err(error) = written {
            assert!(self.freezes.is_some(), "a process that lives has lost its state: {error}");
            self.die();
            self.alive().await;
        }
    }

    /// Freezes with the process.
    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        match &self.freezes {
            Some((body, _)) => tokio::spawn(Frozen::new(body, work)),
            None => tokio::spawn(work),
        }
    }

    /// Does something with the state in a store, if it is in one: what was sent is carried out, whoever dies meanwhile.
    fn send<F>(&self, work: impl FnOnce(Arc<Hold>) -> F) -> Sent
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        Some(self.spawn(work(Arc::clone(&self.hold.get()?.hold))))
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
            self.holds(arrived(saved).await).await;
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
            let cut = arrived(self.send(|hold| async move { hold.cut(keep).await })).await;
            self.holds(cut).await;
        }
        self.alive().await;
    }

    /// Freezes after the check, if this is the call.
    async fn slips_through(&self) {
        let (Some((body, duration)), Some(death)) = (&self.freezes, self.death) else { return };
        if death.place == Place::BetweenCheckAndWrite && self.count(Event::Write) == death.nth {
            body.freeze(*duration);
            tokio::task::yield_now().await;
        }
    }

    /// A call with the tenant.
    async fn call<T>(&self, before: Place, after: Place, call: impl Future<Output = T>) -> T {
        let dies = self.begin(before.event(), before);
        if self.freezes.is_some() {
            // From here on it is polled again only when it has thawed.
            tokio::task::yield_now().await;
        }
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

/// Something that is on its way to a store.
type Sent = Option<JoinHandle<Result<(), StoreError>>>;

/// Waits until it is there.
async fn arrived(sent: Sent) -> Result<(), StoreError> {
    match sent {
        Some(sent) => sent.await.expect("no panic"),
        None => Ok(()),
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
        let lines = line.into_bytes();
        let whole = (written == lines.len()).then(|| lines.clone());
        let sent = whole.and_then(|line| self.send(|hold| async move { hold.append(&line).await }));
        async move {
            let arrived = arrived(sent).await;
            if let Err(error) = arrived {
                self.alive().await;
                self.lost.lock().expect("not poisoned").extend_from_slice(&lines);
                let message = error.to_string();
                return Err(match error {
                    StoreError::Fenced { .. } => JournalError::Fenced { message },
                    _ => JournalError::Store { message, is_refused: false },
                });
            }
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

impl<A: Write> Mortal<'_, A> {
    /// A call that writes: it leaves only while the state is held.
    async fn write<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let gated = async {
            self.life.may_leave()?;
            self.life.slips_through().await;
            call.await
        };
        self.life.call(Place::BeforeWrite, Place::AfterWrite, gated).await
    }
}

impl<A: Write> Write for Mortal<'_, A> {
    async fn permit(&self) -> Permit {
        self.inner.permit().await
    }

    async fn make(&self, permit: Permit, kind: Kind, body: &Map<String, Value>) -> Result<Created, CallError> {
        self.write(self.inner.make(permit, kind, body)).await
    }

    async fn change_end_user(
        &self,
        permit: Permit,
        id: EndUserId,
        members: &Map<String, Value>,
    ) -> Result<(), CallError> {
        let call = self.inner.change_end_user(permit, id, members);
        self.write(call).await
    }

    async fn patch_attributes(
        &self,
        permit: Permit,
        id: Id,
        attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        let call = self.inner.patch_attributes(permit, id, attributes);
        self.write(call).await
    }

    async fn make_tag(&self, permit: Permit, name: &str) -> Result<Tag, CallError> {
        self.write(self.inner.make_tag(permit, name)).await
    }

    async fn handle(&self, permit: Permit, id: ConversationId, order: Order<'_>) -> Result<(), CallError> {
        self.write(self.inner.handle(permit, id, order)).await
    }
}
