//! What the protocol asks of a store, one request each, and a conditional write whose outcome is certain.
//!
//! A store answers "no" to a conditional write also when it has carried out that very write and the answer was lost on
//! the way, because a proxy or a client sends it again. So each object that is written under a condition holds
//! something that is nowhere else, and a "no" is believed only after reading what is there.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use crate::store::moment::Clock;

/// What a request ends with, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// A store, below one prefix: names of objects are relative to it. Nothing is tried twice here.
pub trait Objects: Send + Sync + 'static {
    /// The object; none where there is none.
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Object>>;

    fn put<'a>(&'a self, key: &'a str, body: Vec<u8>, when: When) -> Answer<'a, Put>;

    /// The objects of a folder, in any order: all, or as many as this, if there are more. Those are the first ones by
    /// name, as far as a store lists them so.
    fn list<'a>(&'a self, folder: &'a str, limit: usize) -> Answer<'a, Vec<Listed>>;

    /// No error where there is none.
    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;
}

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub body: Vec<u8>,
    pub version: Version,
    /// By the clock of the store, which may count whole seconds; none where it does not say so.
    pub modified: Option<SystemTime>,
}

/// Tells one content of an object from another; what a store compares under [`When::Unchanged`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub e_tag: Option<String>,
    pub version: Option<String>,
}

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// There is no such object.
    Absent,
    /// It is still the one that has this version.
    Unchanged(Version),
}

/// What a store says to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    Done(Version),
    /// The condition does not hold, or held when this very write was carried out before.
    Refused,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub bytes: u64,
    /// By the clock of the store.
    pub modified: SystemTime,
}

/// A request that was not answered with yes or no. What it asked for may have been done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub message: String,
    pub kind: FaultKind,
}

/// Whether asking again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The network or the store is slow, busy or away.
    Passing,
    /// Whoever gives credentials gave none, so the store was not asked. It helps a run that had some before.
    Credentials,
    /// No permission, no such bucket.
    Lasting,
}

/// How a conditional write ended, for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Ours(Version),
    /// What is there in its place; none if there was an object, and it is gone.
    Theirs(Option<Object>),
}

/// The first pause before a request is repeated; each is twice as long, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A pause that grows.
#[derive(Clone, Copy, Debug)]
pub struct Pause(Duration);

impl Pause {
    pub fn first() -> Self {
        Pause(PAUSE)
    }

    /// Waits, at most as long as is left.
    pub async fn wait(&mut self, left: Duration) {
        tokio::time::sleep(self.0.min(left)).await;
        self.0 = PAUSE_MAX.min(self.0 * 2);
    }
}

/// Writes under a condition, and finds out how that ended. `body` has something in it that no other write has. `left`
/// says how long to go on trying; a fault that lasts ends it as well, unless `insist`.
///
/// # Errors
/// The fault of the last request. The write may have been carried out, or may be later.
pub async fn put_settled(
    objects: &dyn Objects,
    key: &str,
    body: &[u8],
    when: &When,
    insist: bool,
    left: &(dyn Fn() -> Duration + Sync),
) -> Result<Settled, Fault> {
    let mut pause = Pause::first();
    loop {
        let fault = match objects.put(key, body.to_vec(), when.clone()).await {
            Ok(Put::Done(version)) => return Ok(Settled::Ours(version)),
            Ok(Put::Refused) => None,
            Err(fault) => Some(fault),
        };
        let fault = match (objects.get(key).await, when) {
            (Ok(Some(found)), _) if found.body == body => return Ok(Settled::Ours(found.version)),
            // It was not carried out, or not yet.
            (Ok(Some(found)), When::Unchanged(version)) if found.version == *version => fault,
            (Ok(None), When::Absent) => fault,
            (Ok(found), When::Unchanged(_) | When::Absent) => return Ok(Settled::Theirs(found)),
            (Ok(_), When::Always) => fault,
            (Err(unread), _) => Some(fault.unwrap_or(unread)),
        };
        let fault = fault.unwrap_or_else(|| Fault {
            message: format!("the store refuses to write {key}, {}", refused_though(when)),
            kind: FaultKind::Passing,
        });
        let left = left();
        if left.is_zero() || (fault.kind == FaultKind::Lasting && !insist) {
            return Err(fault);
        }
        pause.wait(left).await;
    }
}

/// What a store should have carried out, and did not.
fn refused_though(when: &When) -> &'static str {
    match when {
        When::Always => "and does not say why",
        When::Absent => "although there is nothing in its place",
        When::Unchanged(_) => "although nobody has changed it: does a rule of the store forbid to replace objects?",
    }
}

/// Asks again until there is an answer, the fault lasts, or the time is over.
///
/// # Errors
/// The fault of the last request.
pub async fn patiently<'a, T>(
    clock: &dyn Clock,
    patience: Duration,
    mut ask: impl FnMut() -> Answer<'a, T>,
) -> Result<T, Fault> {
    let start = clock.now();
    let mut pause = Pause::first();
    loop {
        let fault = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        let left = patience.saturating_sub(clock.now().monotonic.saturating_duration_since(start.monotonic));
        if left.is_zero() || fault.kind != FaultKind::Passing {
            return Err(fault);
        }
        pause.wait(left).await;
    }
}
