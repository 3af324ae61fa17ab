//! The state of a store, held by one run: signs of life, segments, saves, and letting go.
//!
//! Whoever holds it has written the first segment of its epoch (a fence). A run that was fenced by another can't add
//! anything from then on, since it only ever writes the number after its last segment, and that is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::state::Lineage;
use crate::store::depot::{Depot, HEAD, Journal, Read, sha256_of};
use crate::store::error::StoreError;
use crate::store::head::{Head, Log, StateObject};
use crate::store::moment::{Lease, Moment};
use crate::store::objects::{Fault, Object, Settled, Version, When, patiently, put_settled};
use crate::store::segment::{self, InTheWay, Segment, in_the_way};

/// The folder of the states below the prefix.
pub const STATES: &str = "state";

/// How long a run whose lease has ended tries to find out whether another has the state.
const PATIENCE: Duration = Duration::from_secs(3);

/// What becomes of the journal when something is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays as it is.
    All,
    /// The state has everything of it.
    Nothing,
    /// These lines take its place.
    Lines(Vec<u8>),
}

/// A state to be saved.
#[derive(Clone, Debug)]
pub struct Save {
    pub text: Vec<u8>,
    pub lineage: Lineage,
    pub serial: u64,
}

/// The state, held.
#[derive(Debug)]
pub struct Hold {
    depot: Depot,
    epoch: u64,
    run: String,
    lease: Arc<Lease>,
    /// As it was read or written last.
    head: Mutex<(Head, Version)>,
    next: Mutex<Next>,
    before: Before,
    taken_at: Moment,
    /// The store says that whoever was forced out can't send anything more.
    is_over: AtomicBool,
}

/// Who held the state before somebody took it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before {
    /// See [`Head::calls_before`].
    calls: Option<Duration>,
    /// For how long they may have gone on behind their last sign of life.
    lease: Duration,
    /// When that was, by the clock of the store.
    seen: Option<SystemTime>,
}

/// A store may count whole seconds only.
const CLOCK_STEP: Duration = Duration::from_secs(1);

impl Before {
    pub fn of(read: &Read) -> Self {
        let lease = read.head.lease_before();
        Before { calls: read.head.calls_before(), lease, seen: read.modified }
    }
}

/// Where this run writes into the journal.
#[derive(Debug, Default)]
struct Next {
    /// The number of the next segment.
    number: u64,
    /// The fence is written.
    has_begun: bool,
    /// The number after the last segment that has lines, or may have some. What the head says begins the journal there
    /// or later is all that makes them not count, so nothing here has to change together with it.
    lines_end: u64,
    /// A segment of this number was sent, and it is not known whether it is there.
    is_open: bool,
}

impl Hold {
    /// What has just been taken by a request that was sent at that moment; nothing may be written before
    /// [`Hold::fence`].
    pub(crate) fn taken(depot: Depot, read: (Head, Version), before: Before, sent: Moment) -> Self {
        let (ttl, run) = match &read.0.holder {
            Some(holder) => (Duration::from_millis(holder.ttl_ms), holder.run.clone()),
            None => (Duration::ZERO, String::new()),
        };
        let (lease, epoch) = (Arc::new(Lease::new(ttl, sent)), read.0.epoch);
        let next = Mutex::new(Next { number: read.0.log.first, ..Next::default() });
        Hold {
            depot,
            epoch,
            run,
            lease,
            head: Mutex::new(read),
            next,
            before,
            taken_at: sent,
            is_over: AtomicBool::new(false),
        }
    }

    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// [`Head::calls_before`] of the head that was taken.
    pub fn calls_before(&self) -> Option<Duration> {
        self.before.calls
    }

    /// How long ago all calls were sent, at least, that were sent before this run took the state. The clock of the
    /// store alone says so, whatever clocks machines have.
    ///
    /// # Errors
    /// The head can't be read.
    pub async fn sent_before(&self) -> Result<Duration, StoreError> {
        let now = self.depot.head().await?.and_then(|read| read.modified);
        let quiet = now.zip(self.before.seen).and_then(|(now, seen)| now.duration_since(seen).ok());
        let over = quiet.and_then(|quiet| quiet.checked_sub(self.before.lease + CLOCK_STEP));
        self.is_over.fetch_or(over.is_some(), Ordering::Relaxed);
        Ok(over.unwrap_or_default())
    }

    pub async fn head(&self) -> Head {
        self.head.lock().await.0.clone()
    }

    /// Reads the journal, and writes the first segment of this epoch behind it.
    ///
    /// # Errors
    /// Somebody else has taken the state since, or the store can't be read or written.
    pub async fn fence(&self) -> Result<Journal, StoreError> {
        let first = self.head.lock().await.0.log.first;
        let mut next = self.next.lock().await;
        loop {
            let journal = self.depot.journal(first).await?;
            // Others may have come while this run was frozen: behind them it must not write.
            if journal.epoch > self.epoch {
                return Err(self.fenced().await);
            }
            let body = self.segment(journal.next, false).text(b"");
            let settled = self.put(&segment::key(journal.next), &body, self.lease_left()).await;
            let settled = match settled {
                Ok(settled) => settled,
                Err(fault) => return Err(self.expired(fault).await),
            };
            match settled {
                Settled::Ours(_) => {
                    let (number, lines_end) =
                        (journal.next + 1, if journal.text.is_empty() { 0 } else { journal.next });
                    *next = Next { number, has_begun: true, lines_end, is_open: false };
                    return Ok(journal);
                }
                Settled::Theirs(found) => {
                    let found = found.as_ref().and_then(|found| Segment::read(&found.body));
                    let way = found.map(|(found, _)| in_the_way(&found, self.epoch, &self.run));
                    if way != Some(InTheWay::Older) {
                        return Err(self.fenced().await);
                    }
                }
            }
        }
    }

    /// Gives signs of life until this is dropped or the run is fenced.
    pub async fn beat(self: Arc<Self>) {
        let ttl = self.lease.ttl();
        tokio::time::sleep(ttl / 3).await;
        while !self.lease.is_fenced() {
            let began = tokio::time::Instant::now();
            // One that hangs or fails is soon followed by the next: as long as nobody has taken the state, a late one
            // is as good.
            let given = tokio::time::timeout(ttl / 4, self.beat_once()).await.is_ok_and(|given| given.is_ok());
            tokio::time::sleep(if given { (ttl / 3).saturating_sub(began.elapsed()) } else { ttl / 15 }).await;
        }
    }

    /// One sign of life.
    ///
    /// # Errors
    /// The run is fenced, or the store did not answer in time.
    pub async fn beat_once(&self) -> Result<(), StoreError> {
        let sent = self.depot.clock.now();
        self.swap(self.time(self.lease.ttl() / 3), |head, nonce| head.beaten(nonce)).await?;
        self.lease.extend(sent);
        Ok(())
    }

    /// Adds whole lines to the journal, and returns when they are there for good.
    ///
    /// # Errors
    /// The run is fenced, or the store took nothing until the lease ended: perhaps nothing was written, perhaps all.
    pub async fn append(&self, lines: &[u8]) -> Result<(), StoreError> {
        self.add(lines, false).await.map(|_| ())
    }

    async fn add(&self, lines: &[u8], cut: bool) -> Result<u64, StoreError> {
        let mut next = self.next.lock().await;
        if self.lease.is_fenced() {
            return Err(self.fenced().await);
        }
        self.close_open(&mut next).await?;
        let built = self.depot.clock.now();
        let n = next.number;
        let body = self.segment(n, cut).text(lines);
        next.is_open = true;
        let settled = self.put(&segment::key(n), &body, self.lease_left()).await;
        match settled {
            Ok(Settled::Ours(_)) => {}
            Ok(Settled::Theirs(_)) => return Err(self.fenced().await),
            Err(fault) => return Err(self.expired(fault).await),
        }
        *next = Next { number: n + 1, lines_end: n + 1, is_open: false, ..*next };
        let now = self.depot.clock.now();
        let took = now.monotonic.saturating_duration_since(built.monotonic);
        if took > self.lease.ttl() / 2 || self.lease.left(now).is_zero() {
            // Others may have come and gone meanwhile, and have removed a segment of this number.
            self.beat_once().await?;
        }
        Ok(n)
    }

    /// Makes sure that the number of a segment is taken of which it is not known whether it is there, so that it
    /// neither comes later nor is the first of what comes next.
    async fn close_open(&self, next: &mut Next) -> Result<(), StoreError> {
        if !next.is_open {
            return Ok(());
        }
        let key = segment::key(next.number);
        let settled = self.put(&key, &self.segment(next.number, false).text(b""), self.time(self.lease.ttl())).await;
        let number = next.number + 1;
        if let Settled::Theirs(found) = settled.map_err(StoreError::request(format!("write {key}")))? {
            let found = found.as_ref().and_then(|found| Segment::read(&found.body));
            match found.filter(|(found, _)| found.epoch == self.epoch && found.run == self.run) {
                Some((_, [])) => {}
                // What was sent has arrived.
                Some(_) => next.lines_end = number,
                None => return Err(self.fenced().await),
            }
        }
        *next = Next { number, is_open: false, ..*next };
        Ok(())
    }

    /// Makes this the state. Everything that changes with it changes in the same instant.
    ///
    /// # Errors
    /// The run is fenced, or the store can't be written. The journal still has what the state lacks.
    pub async fn save(&self, save: Save, keep: Keep, release: bool) -> Result<(), StoreError> {
        let Save { text, lineage, serial } = save;
        let key = format!("{STATES}/{serial}-{}.json", uuid::Uuid::new_v4().simple());
        let object = StateObject { key, sha256: sha256_of(&text), bytes: text.len() as u64 };
        let settled = self.put(&object.key, &text, self.time(self.lease.ttl())).await;
        match settled.map_err(StoreError::request(format!("write {}", object.key)))? {
            Settled::Ours(_) => {}
            Settled::Theirs(_) => return Err(StoreError::Unusable(format!("{} was there before", object.key))),
        }
        let first = self.keep(keep).await?;
        let next = self.next_to_note().await;
        self.swap(self.time(self.lease.ttl()), |head, nonce| {
            let first = first.unwrap_or(head.log.first);
            let saved = head.saved(object.clone(), lineage, serial, first, nonce.clone());
            if release { saved.released(next, self.held_for(), nonce) } else { saved }
        })
        .await
    }

    /// Changes only what there is of the journal.
    ///
    /// # Errors
    /// As for [`Hold::save`].
    pub async fn cut(&self, keep: Keep) -> Result<(), StoreError> {
        let Some(first) = self.keep(keep).await? else { return Ok(()) };
        self.swap(self.time(self.lease.ttl()), |head, nonce| head.cut(first, nonce)).await
    }

    async fn keep(&self, keep: Keep) -> Result<Option<u64>, StoreError> {
        match keep {
            Keep::All => Ok(None),
            Keep::Nothing => {
                let mut next = self.next.lock().await;
                self.close_open(&mut next).await?;
                Ok(Some(next.number))
            }
            Keep::Lines(lines) => self.add(&lines, true).await.map(Some),
        }
    }

    /// Lets go.
    ///
    /// # Errors
    /// The run is fenced, which is as good, or the store can't be written: the next run has to wait for the lease.
    pub async fn release(&self) -> Result<(), StoreError> {
        let next = self.next_to_note().await;
        let lines_end = self.next.lock().await.lines_end;
        self.swap(self.time(self.lease.ttl() / 3), |head, nonce| {
            // Fences without a line behind them are nothing to read. Whether lines count says the head alone: a save
            // that failed has left them all, however far it came.
            let is_empty = next != Log::UNKNOWN && lines_end <= head.log.first;
            let head = if is_empty { head.cut(next, nonce.clone()) } else { head.clone() };
            head.released(next, self.held_for(), nonce)
        })
        .await
    }

    /// What the more cautious of the two clocks says; for ever, if the store says that it is long enough.
    fn held_for(&self) -> Duration {
        if self.is_over.load(Ordering::Relaxed) {
            return Duration::MAX;
        }
        self.taken_at.until(self.depot.clock.now())
    }

    /// The number of the next segment, as a head notes it when this run lets go.
    async fn next_to_note(&self) -> u64 {
        let next = self.next.lock().await;
        if next.has_begun && !next.is_open { next.number } else { Log::UNKNOWN }
    }

    /// Writes an object that only this run writes, whoever holds the state by now.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn put_aside(&self, folder: &str, number: usize, body: &[u8]) -> Result<(), StoreError> {
        let key = format!("{folder}/{}-{}-{number}.json", self.epoch, self.run);
        let left = self.time(self.lease.ttl() / 3);
        let settled = put_settled(&*self.depot.objects, &key, body, &When::Always, true, &left).await;
        settled.map(|_| ()).map_err(StoreError::request(format!("write {key}")))
    }

    /// Changes the head under the condition that it is this run's. One that this run has written and had no answer for
    /// is the one to go on from.
    async fn swap(
        &self,
        left: impl Fn() -> Duration + Sync,
        change: impl Fn(&Head, String) -> Head,
    ) -> Result<(), StoreError> {
        let mut held = self.head.lock().await;
        loop {
            let head = change(&held.0, nonce());
            let when = When::Unchanged(held.1.clone());
            let text = head.to_text();
            let settled = put_settled(&*self.depot.objects, HEAD, text.as_bytes(), &when, true, &left).await;
            match settled.map_err(StoreError::request("write head.json"))? {
                Settled::Ours(version) => {
                    *held = (head, version);
                    return Ok(());
                }
                Settled::Theirs(found) => match found.and_then(|found| self.own(found)) {
                    Some(own) => *held = own,
                    None => {
                        self.lease.fence();
                        drop(held);
                        return Err(self.fenced().await);
                    }
                },
            }
        }
    }

    fn own(&self, Object { body, version, .. }: Object) -> Option<(Head, Version)> {
        let head = Head::read(&body).ok()?;
        head.is_of(self.epoch, &self.run).then_some((head, version))
    }

    /// The error of somebody who is fenced, with who holds it now, if that can be read.
    async fn fenced(&self) -> StoreError {
        self.lease.fence();
        let read = self.depot.head().await.ok().flatten();
        let holder = read.and_then(|read| read.head.holder).filter(|holder| holder.run != self.run);
        StoreError::Fenced { holder: holder.map(Box::new) }
    }

    /// The error of somebody whose lease has ended before the store took something. After a sleep one lost answer is
    /// enough for that, and another run may have the state by then, which is what people have to know.
    async fn expired(&self, fault: Fault) -> StoreError {
        let patience = PATIENCE.min(self.lease.ttl() / 3);
        let read = patiently(&*self.depot.clock, patience, || self.depot.objects.get(HEAD)).await;
        let is_taken = read.ok().flatten().is_some_and(|found| self.own(found).is_none());
        if is_taken { self.fenced().await } else { StoreError::Expired(fault) }
    }

    async fn put(&self, key: &str, body: &[u8], left: impl Fn() -> Duration + Sync) -> Result<Settled, Fault> {
        put_settled(&*self.depot.objects, key, body, &When::Absent, true, &left).await
    }

    fn segment(&self, n: u64, cut: bool) -> Segment {
        Segment { n, epoch: self.epoch, run: self.run.clone(), nonce: nonce(), cut }
    }

    /// As long as the lease lasts.
    fn lease_left(&self) -> impl Fn() -> Duration + Sync + use<'_> {
        || self.lease.left(self.depot.clock.now())
    }

    /// For this long from now on.
    fn time(&self, duration: Duration) -> impl Fn() -> Duration + Sync + use<'_> {
        let start = self.depot.clock.now();
        move || {
            let passed = self.depot.clock.now().monotonic.saturating_duration_since(start.monotonic);
            duration.saturating_sub(passed)
        }
    }
}

/// Something that occurs nowhere else.
pub(crate) fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
