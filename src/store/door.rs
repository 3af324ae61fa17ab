//! The way of a command to a store: requests go out from a thread of their own, and whoever asks waits.
//!
//! A command mostly waits for the store as it waits for a disk, and signs of life must go on whatever it does
//! meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::access::StoreUrl;
use crate::store::clean::clean;
use crate::store::client::Opened;
use crate::store::depot::{Depot, Journal, Look};
use crate::store::error::StoreError;
use crate::store::head::{Head, Holder};
use crate::store::hold::{Hold, Keep, Save};
use crate::store::late::{self, Late};
use crate::store::moment::{Clock as _, SystemClocks};
use crate::store::objects::Objects;
use crate::store::take::{force, take};

/// Cleaning up takes no longer.
const CLEANING: Duration = Duration::from_secs(10);
/// How often whoever waits for the store looks whether there is still time for that.
const LOOK: Duration = Duration::from_millis(20);

/// A store that was opened.
#[derive(Debug)]
pub struct Door {
    pub url: StoreUrl,
    /// Where its credentials come from, for people.
    pub credentials: String,
    depot: Depot,
    /// Nothing is waited for any more that can be done another time.
    is_in_haste: AtomicBool,
    /// Nothing is waited for any more.
    is_left: AtomicBool,
    /// Taken only by `drop`.
    runtime: Option<Runtime>,
}

impl Door {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn new(url: StoreUrl, opened: Opened) -> Result<Self, StoreError> {
        let Opened { remote, credentials } = opened;
        Door::to(url, Arc::new(remote), credentials)
    }

    pub(crate) fn to(url: StoreUrl, objects: Arc<dyn Objects>, credentials: String) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("store").enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Unusable(format!("no thread for it: {error}")))?;
        Ok(Door {
            url,
            credentials,
            depot: Depot::new(objects, Arc::new(SystemClocks)),
            is_in_haste: AtomicBool::new(false),
            is_left: AtomicBool::new(false),
            runtime: Some(runtime),
        })
    }

    /// From now on nothing is done that can be done another time.
    pub fn make_haste(&self) {
        self.is_in_haste.store(true, Ordering::Relaxed);
    }

    /// From now on nobody waits for the store: whoever does gets [`StoreError::Left`], and what was asked for may have
    /// been done.
    pub fn leave(&self) {
        self.make_haste();
        self.is_left.store(true, Ordering::Relaxed);
    }

    /// Waits for it, whether this is called within another runtime or not.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.wait_unless(&self.is_left, work).unwrap_or(Err(StoreError::Left))
    }

    /// [`Door::wait`] until somebody says that there is no time for it; none then.
    fn wait_unless<T: Send + 'static>(
        &self,
        is_over: &AtomicBool,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        if is_over.load(Ordering::Relaxed) {
            return None;
        }
        let (answer, answered) = sync_channel(1);
        let runtime = self.runtime.as_ref().expect("it is there until this is dropped");
        let working = runtime.spawn(async move {
            // Whoever asked may have left.
            let _ = answer.send(work.await);
        });
        loop {
            match answered.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) if !is_over.load(Ordering::Relaxed) => {}
                Err(RecvTimeoutError::Timeout) => {
                    working.abort();
                    return None;
                }
                answer => return Some(answer.expect("a task that does not panic answers")),
            }
        }
    }

    /// What is there; none where nothing was ever taken. Takes nothing.
    ///
    /// # Errors
    /// It can't be read, or is not one that this program can use.
    pub fn look(&self) -> Result<Option<Look>, StoreError> {
        let depot = self.depot.clone();
        self.wait(async move { depot.look().await })
    }

    /// The head alone.
    ///
    /// # Errors
    /// As for [`Door::look`].
    pub fn head(&self) -> Result<Option<Head>, StoreError> {
        let depot = self.depot.clone();
        self.wait(async move { Ok(depot.head().await?.map(|read| read.head)) })
    }

    /// What runs that were fenced have made and not written down.
    ///
    /// # Errors
    /// It can't be read.
    pub fn late(&self) -> Result<Vec<Late>, StoreError> {
        let depot = self.depot.clone();
        self.wait(async move { late::read(&depot).await })
    }

    /// Takes the state, waiting up to `timeout`, and gives signs of life from then on.
    ///
    /// # Errors
    /// As for [`take`].
    pub fn take(self: &Arc<Self>, holder: Holder, timeout: Duration, now: &str) -> Result<Held, StoreError> {
        let (depot, now) = (self.depot.clone(), now.to_owned());
        let hold = self.wait(async move { take(&depot, &holder, timeout, &now).await.map(Arc::new) })?;
        let runtime = self.runtime.as_ref().expect("it is there until this is dropped");
        let beating = runtime.spawn(Arc::clone(&hold).beat());
        let mut held =
            Held { door: Arc::clone(self), hold, beating, text: None, journal: Journal::default(), released: false };
        held.read()?;
        Ok(held)
    }

    /// Ends whatever holds the state; gives back who that was.
    ///
    /// # Errors
    /// As for [`force`].
    pub fn force(&self) -> Result<Option<Holder>, StoreError> {
        let depot = self.depot.clone();
        self.wait(async move { force(&depot).await })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nothing is left to do in it, and a runtime must not wait for another.
            runtime.shutdown_background();
        }
    }
}

/// The state of a store, held until this is dropped.
#[derive(Debug)]
pub struct Held {
    door: Arc<Door>,
    hold: Arc<Hold>,
    beating: JoinHandle<()>,
    text: Option<String>,
    journal: Journal,
    released: bool,
}

impl Held {
    /// Writes the fence, and reads state and journal as they are behind it.
    fn read(&mut self) -> Result<(), StoreError> {
        let (depot, hold) = (self.door.depot.clone(), Arc::clone(&self.hold));
        let (text, journal) = self.door.wait(async move {
            let journal = hold.fence().await?;
            let text = match &hold.head().await.state {
                Some(object) => Some(depot.state(object).await?),
                None => None,
            };
            Ok::<_, StoreError>((text, journal))
        })?;
        (self.text, self.journal) = (text, journal);
        Ok(())
    }

    pub fn url(&self) -> &StoreUrl {
        &self.door.url
    }

    /// For how long calls of whoever held it before and did not let go may still be on their way.
    pub fn calls_before(&self) -> Option<Duration> {
        self.hold.calls_before()
    }

    /// How long ago all calls were sent, at least, that were sent before it was taken.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn sent_before(&self) -> Result<Duration, StoreError> {
        let hold = Arc::clone(&self.hold);
        self.door.wait(async move { hold.sent_before().await })
    }

    /// The text of the state; none before the first save.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The lines of the journal, as they were when the state was taken or saved last.
    pub fn journal(&self) -> &[u8] {
        &self.journal.text
    }

    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// Tells whether calls may still be sent.
    pub fn lease(&self) -> LeaseLeft {
        LeaseLeft(Arc::clone(&self.hold))
    }

    /// Whether another run is known to hold the state now.
    pub fn is_fenced(&self) -> bool {
        self.hold.lease().is_fenced()
    }

    /// Somebody who adds lines to the journal from another thread.
    pub fn appender(&self) -> Appender {
        Appender { door: Arc::clone(&self.door), hold: Arc::clone(&self.hold) }
    }

    /// Makes this the state.
    ///
    /// # Errors
    /// As for [`Hold::save`].
    pub fn save(&mut self, save: Save, keep: Keep, release: bool) -> Result<(), StoreError> {
        let text = String::from_utf8_lossy(&save.text).into_owned();
        let (hold, kept) = (Arc::clone(&self.hold), keep.clone());
        self.door.wait(async move { hold.save(save, kept, release).await })?;
        self.text = Some(text);
        self.kept(keep);
        self.released |= release;
        if release {
            self.clean();
        }
        Ok(())
    }

    /// It harms nobody if that can't be done now: what is removed counts for nobody any more.
    fn clean(&self) {
        let (hold, depot) = (Arc::clone(&self.hold), self.door.depot.clone());
        let _ = self.door.wait_unless(&self.door.is_in_haste, async move {
            let _ = tokio::time::timeout(CLEANING, clean(&depot, &hold.head().await)).await;
        });
    }

    /// Changes only what there is of the journal.
    ///
    /// # Errors
    /// As for [`Hold::save`].
    pub fn cut(&mut self, keep: Keep) -> Result<(), StoreError> {
        let (hold, kept) = (Arc::clone(&self.hold), keep.clone());
        self.door.wait(async move { hold.cut(kept).await })?;
        self.kept(keep);
        Ok(())
    }

    fn kept(&mut self, keep: Keep) {
        match keep {
            Keep::All => {}
            Keep::Nothing => self.journal.text.clear(),
            Keep::Lines(lines) => self.journal.text = lines,
        }
    }

    /// Leaves word of what this run has made and can't write into the journal any more.
    ///
    /// # Errors
    /// The store can't be written.
    pub fn leave_late(&self, late: &Late) -> Result<(), StoreError> {
        let (hold, body) = (Arc::clone(&self.hold), late.text());
        self.door.wait(async move { hold.put_aside(late::FOLDER, 0, &body).await })
    }

    /// Leaves word of what an earlier run here has made.
    ///
    /// # Errors
    /// The store can't be written.
    pub fn hand_in(&self, late: &[Late]) -> Result<(), StoreError> {
        for (number, late) in late.iter().enumerate() {
            let (hold, body) = (Arc::clone(&self.hold), late.text());
            self.door.wait(async move { hold.put_aside(late::FOLDER, number + 1, &body).await })?;
        }
        Ok(())
    }

    /// Removes what is in the state by now.
    ///
    /// # Errors
    /// The store can't be written.
    pub fn remove_late(&self, late: Vec<Late>) -> Result<(), StoreError> {
        let depot = self.door.depot.clone();
        self.door.wait(async move { late::remove(&depot, &late).await })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.beating.abort();
        if !self.released && !self.hold.lease().is_fenced() {
            let hold = Arc::clone(&self.hold);
            // Otherwise the next run waits for the lease.
            let _ = self.door.wait(async move { hold.release().await });
        }
    }
}

/// Adds to the journal of a state that is held.
#[derive(Clone, Debug)]
pub struct Appender {
    door: Arc<Door>,
    hold: Arc<Hold>,
}

impl Appender {
    /// # Errors
    /// As for [`Hold::append`].
    pub fn append(&self, lines: &[u8]) -> Result<(), StoreError> {
        let (hold, lines) = (Arc::clone(&self.hold), lines.to_vec());
        self.door.wait(async move { hold.append(&lines).await })
    }
}

/// Tells whether calls may still be sent.
#[derive(Clone, Debug)]
pub struct LeaseLeft(Arc<Hold>);

impl LeaseLeft {
    /// Whether the run still holds the state for sure.
    pub fn is_left(&self) -> bool {
        !self.0.lease().left(SystemClocks.now()).is_zero()
    }

    pub fn is_fenced(&self) -> bool {
        self.0.lease().is_fenced()
    }
}
