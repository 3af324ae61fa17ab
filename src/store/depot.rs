//! One state in a store: reading its head, its state and its journal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt as _};

use crate::digest::Digest;
use crate::store::error::StoreError;
use crate::store::head::{Head, NotAHead, StateObject};
use crate::store::moment::Clock;
use crate::store::objects::{Fault, Objects, Version, patiently};
use crate::store::segment::{self, Segment};

pub const HEAD: &str = "head.json";

/// How long a request is repeated that only looks, or may be carried out twice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// Segments that are read at once.
const AT_ONCE: usize = 16;

/// A state in a store.
#[derive(Clone)]
pub struct Depot {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Depot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Depot")
    }
}

/// A head as it was read.
#[derive(Clone, Debug)]
pub struct Read {
    pub head: Head,
    pub version: Version,
    /// See [`crate::store::Object::modified`].
    pub modified: Option<SystemTime>,
}

/// The journal as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Whole lines.
    pub text: Vec<u8>,
    /// The number after the last segment.
    pub next: u64,
    /// The newest epoch that has a segment in it.
    pub epoch: u64,
}

/// A state, as somebody sees it who holds nothing.
#[derive(Clone, Debug)]
pub struct Look {
    pub head: Head,
    pub state: Option<String>,
    pub journal: Vec<u8>,
}

impl Depot {
    pub fn new(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>) -> Self {
        Depot { objects, clock }
    }

    /// The head; none where nothing was ever taken.
    ///
    /// # Errors
    /// It can't be read, or is not one that this program can use.
    pub async fn head(&self) -> Result<Option<Read>, StoreError> {
        let found = patiently(&*self.clock, PATIENCE, || self.objects.get(HEAD)).await;
        let Some(found) = found.map_err(StoreError::request("read head.json"))? else { return Ok(None) };
        let head = Head::read(&found.body).map_err(|error| match error {
            NotAHead::Newer(_) => StoreError::Newer(error.to_string()),
            NotAHead::Text(_) => StoreError::Unusable(error.to_string()),
        })?;
        Ok(Some(Read { head, version: found.version, modified: found.modified }))
    }

    /// The text of a state.
    ///
    /// # Errors
    /// It can't be read, is gone, or is not what the head says.
    pub async fn state(&self, object: &StateObject) -> Result<String, StoreError> {
        let StateObject { key, sha256, bytes } = object;
        let found = patiently(&*self.clock, PATIENCE, || self.objects.get(key)).await;
        let found = found.map_err(StoreError::request(format!("read {key}")))?;
        let found =
            found.ok_or_else(|| StoreError::Unusable(format!("head.json names {key}, which does not exist")))?;
        if found.body.len() as u64 != *bytes || sha256_of(&found.body) != *sha256 {
            return Err(StoreError::Unusable(format!("{key} is not the state that head.json names")));
        }
        String::from_utf8(found.body).map_err(|_| StoreError::Unusable(format!("{key} is not text in UTF-8")))
    }

    /// The journal from segment `first` on, up to the first that is absent.
    ///
    /// # Errors
    /// It can't be read, or has an object that is no segment.
    pub async fn journal(&self, first: u64) -> Result<Journal, StoreError> {
        let mut journal = Journal { text: Vec::new(), next: first, epoch: 0 };
        loop {
            let from = journal.next;
            // Most journals are empty, and one look shows that.
            let width = if from == first { 1 } else { AT_ONCE };
            let mut read = stream::iter(from..from + width as u64).map(|n| self.segment(n)).buffered(width);
            let mut is_over = false;
            while let Some(found) = read.next().await {
                let Some((segment, lines)) = found? else {
                    is_over = true;
                    break;
                };
                // What was cut down counts only where it takes the place of all before it.
                if !segment.cut || journal.next == first {
                    journal.text.extend_from_slice(&lines);
                }
                journal.epoch = journal.epoch.max(segment.epoch);
                journal.next += 1;
            }
            if is_over {
                return Ok(journal);
            }
        }
    }

    /// What somebody sees who holds nothing: the head, the text of its state and its journal. None where nothing was
    /// ever taken.
    ///
    /// # Errors
    /// Something of it can't be read.
    pub async fn look(&self) -> Result<Option<Look>, StoreError> {
        let Some(Read { head, .. }) = self.head().await? else { return Ok(None) };
        let state = match &head.state {
            Some(object) => Some(self.state(object).await?),
            None => None,
        };
        let journal = if head.may_have_journal() { self.journal(head.log.first).await?.text } else { Vec::new() };
        Ok(Some(Look { head, state, journal }))
    }

    /// A segment and its lines; none where there is none.
    pub(crate) async fn segment(&self, n: u64) -> Result<Option<(Segment, Vec<u8>)>, StoreError> {
        let key = segment::key(n);
        let found = patiently(&*self.clock, PATIENCE, || Box::pin(self.get(segment::key(n)))).await;
        let Some(found) = found.map_err(StoreError::request(format!("read {key}")))? else { return Ok(None) };
        let read = Segment::read(&found).filter(|(segment, _)| segment.n == n);
        let (segment, lines) = read.ok_or_else(|| StoreError::Unusable(format!("{key} is not a segment")))?;
        Ok(Some((segment, lines.to_vec())))
    }

    async fn get(&self, key: String) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.objects.get(&key).await?.map(|object| object.body))
    }
}

/// `sha256:<hex>`
pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    Digest::of_bytes(bytes).to_string()
}
