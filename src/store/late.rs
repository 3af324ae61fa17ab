//! What a run has made that was fenced before it could write that into the journal.
//!
//! Its calls were on their way when another run took the state over. What came of them is left under a name of its own,
//! and the next run that takes the state brings it home.

use serde::{Deserialize, Serialize};

use crate::store::depot::{Depot, PATIENCE};
use crate::store::error::StoreError;
use crate::store::objects::patiently;

/// The folder of these objects below the prefix.
pub const FOLDER: &str = "late";

const FORMAT: &str = "dixaform-late/1";

/// One such object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    format: String,
    /// Who it was, for people.
    pub who: String,
    pub since: String,
    /// Whole lines of a journal, without their ends.
    pub lines: Vec<String>,
    /// Its name, once it was read.
    #[serde(skip)]
    key: Option<String>,
}

impl Late {
    pub fn new(who: String, since: String, lines: Vec<String>) -> Self {
        Late { format: FORMAT.to_owned(), who, since, lines, key: None }
    }

    pub fn text(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("it has texts")
    }

    /// # Errors
    /// It is not one of these.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let late: Late = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if late.format == FORMAT { Ok(late) } else { Err(format!("its format is `{}`", late.format)) }
    }
}

/// All that were left.
///
/// # Errors
/// They can't be read, or one is of a newer version.
pub(crate) async fn read(depot: &Depot) -> Result<Vec<Late>, StoreError> {
    let listed = patiently(&*depot.clock, PATIENCE, || depot.objects.list(FOLDER, usize::MAX)).await;
    let listed = listed.map_err(StoreError::request("list late/"))?;
    let mut keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();
    keys.sort_unstable();
    let mut all = Vec::new();
    for key in keys {
        let found = patiently(&*depot.clock, PATIENCE, || depot.objects.get(&key)).await;
        let Some(found) = found.map_err(StoreError::request(format!("read {key}")))? else { continue };
        let late = Late::parse(&found.body).map_err(|why| StoreError::Unusable(format!("{key}: {why}")))?;
        all.push(Late { key: Some(key), ..late });
    }
    Ok(all)
}

/// Removes those that were read.
pub(crate) async fn remove(depot: &Depot, late: &[Late]) -> Result<(), StoreError> {
    for key in late.iter().filter_map(|late| late.key.as_deref()) {
        let removed = patiently(&*depot.clock, PATIENCE, || depot.objects.delete(key)).await;
        removed.map_err(StoreError::request(format!("remove {key}")))?;
    }
    Ok(())
}
