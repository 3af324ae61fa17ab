//! The tags of a tenant by name: those that were read before the first write, and those that a run makes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tokio::sync::{Mutex, MutexGuard};

/// The ids of tags by their names.
#[derive(Debug, Default)]
pub struct Tags {
    known: RefCell<BTreeMap<String, String>>,
    /// One is made at a time, so that two changes that want the same one don't make it both.
    making: Mutex<()>,
}

impl Tags {
    /// Those of which both are known.
    pub fn new(known: impl IntoIterator<Item = (String, String)>) -> Self {
        Tags { known: RefCell::new(known.into_iter().collect()), making: Mutex::default() }
    }

    pub(super) fn id_of(&self, name: &str) -> Option<String> {
        self.known.borrow().get(name).cloned()
    }

    pub(super) fn learn(&self, name: &str, id: &str) {
        self.known.borrow_mut().insert(name.to_owned(), id.to_owned());
    }

    /// Waits for the turn to make one.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.making.lock().await
    }
}
