//! Reads and replaces the state file of one tenant.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::conversation::Address;
use crate::hint::Hint;
use crate::state::State;
use crate::state::file_v1::{self, StateFileError};
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;
use crate::workspace::state_files::StateFiles;

/// A state holds a few kilobytes per record; this is room for hundreds of thousands, and still fits into memory.
const BYTES_MAX: u64 = 1 << 30;

/// The state file. Who saves holds the [`StateLock`](crate::workspace::StateLock) and has replayed the journal.
#[derive(Debug)]
pub struct StateStore {
    files: StateFiles,
    backed_up: bool,
    /// How many bytes a state may have, [`BYTES_MAX`].
    limit: u64,
}

/// Why a state can't be loaded or saved. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the state {} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("the state {} would exceed {limit} bytes", path.display())]
    Full { path: PathBuf, limit: u64 },
    #[error("the state {} can't be used", path.display())]
    Unusable { path: PathBuf, source: StateFileError },
    #[error("the state {} is not text in UTF-8", path.display())]
    NotText { path: PathBuf },
}

impl Hint for StateError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            StateError::File(error) => error.hint(),
            StateError::Unusable { source: StateFileError::NewerFormat { .. }, .. } => {
                Some("use the dixaform that wrote it, or a newer one".into())
            }
            StateError::Full { path, .. } => {
                let journal = StateFiles::beside(path).journal;
                let journal = journal.display();
                Some(
                    format!("the state was not changed; keep {journal} if it exists: it holds the missing records")
                        .into(),
                )
            }
            StateError::Unusable { path, .. } | StateError::NotText { path } | StateError::TooLarge { path, .. } => {
                let backup = StateFiles::beside(path).backup;
                let backup = backup.display();
                Some(format!("the file was not changed; restore it from git, or from {backup} if that exists").into())
            }
        }
    }
}

impl StateStore {
    /// Touches nothing yet.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        StateStore { files: StateFiles::beside(path), backed_up: false, limit: BYTES_MAX }
    }

    pub fn path(&self) -> &Path {
        &self.files.state
    }

    /// The state, or none when there is no file.
    ///
    /// # Errors
    /// The file can't be read, or is no state of this version; it is left as it is.
    pub fn load(&self) -> Result<Option<State>, StateError> {
        let Some(mut state) = self.load_unchecked()? else { return Ok(None) };
        self.check_specs(&mut state, |_| true)?;
        Ok(Some(state))
    }

    /// Makes sure that the specs of some records of a state that was loaded are specs.
    ///
    /// # Errors
    /// As for [`StateStore::load`].
    pub fn check_specs(&self, state: &mut State, which: impl Fn(&Address) -> bool) -> Result<(), StateError> {
        let unusable = |source| StateError::Unusable { path: self.files.state.clone(), source };
        file_v1::check_specs(state, which).map_err(unusable)
    }

    /// [`StateStore::load`] without looking into the specs.
    ///
    /// # Errors
    /// As for [`StateStore::load`].
    pub fn load_unchecked(&self) -> Result<Option<State>, StateError> {
        let path = &self.files.state;
        let bytes = match read_at_most(path, self.limit) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(StateError::TooLarge { path: path.clone(), limit: self.limit }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::of(path, "read the state")(error).into()),
        };
        let text = String::from_utf8(bytes).map_err(|_| StateError::NotText { path: path.clone() })?;
        file_v1::read_unchecked(text).map(Some).map_err(|source| StateError::Unusable { path: path.clone(), source })
    }

    /// How many bytes the state can still grow by. A run that makes more could not be saved.
    pub fn room(&self) -> u64 {
        self.limit.saturating_sub(self.files.state.metadata().map_or(0, |found| found.len()))
    }

    /// Replaces the file by this state, whose serial has grown. The first time, the file that was there becomes the
    /// backup. When this returns, the state is synced.
    ///
    /// # Errors
    /// The file is as it was, and the journal still has what the state lacks.
    pub fn save(&mut self, state: &State) -> Result<(), StateError> {
        let path = &self.files.state;
        atomic_file::create_folder_of(path)?;
        if !self.backed_up {
            back_up(path, &self.files.backup)?;
            self.backed_up = true;
        }
        let mut is_full = false;
        let saved = atomic_file::replace_with(path, |out| {
            let mut bounded = Bounded { out, room: self.limit, is_full: &mut is_full };
            file_v1::write_to(state, &mut bounded)
        });
        if is_full {
            return Err(StateError::Full { path: path.clone(), limit: self.limit });
        }
        Ok(saved?)
    }
}

/// Writes no more than there is room for.
struct Bounded<'a, W> {
    out: W,
    room: u64,
    is_full: &'a mut bool,
}

impl<W: io::Write> io::Write for Bounded<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(bytes.len() as u64) else {
            *self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        let written = self.out.write(bytes)?;
        self.room = room + (bytes.len() - written) as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Makes `backup` the content that `path` has now. A hard link suffices, since the state is never written in place.
#[expect(clippy::disallowed_methods, reason = "the backup is a file")]
fn back_up(path: &Path, backup: &Path) -> Result<(), FileError> {
    if !path.exists() {
        return Ok(());
    }
    atomic_file::remove(backup)?;
    // `path` can be a link, and so can lead to another disk.
    let linked = fs::canonicalize(path).and_then(|real| fs::hard_link(real, backup));
    if linked.is_ok() {
        return Ok(());
    }
    let mut old = File::open(path).map_err(FileError::of(path, "read the state"))?;
    atomic_file::replace_with(backup, |out| io::copy(&mut old, out).map(|_| ()))
}

/// All of a file; none when it is longer than `limit`.
#[expect(clippy::disallowed_methods, reason = "the state and the journal are files")]
pub(crate) fn read_at_most(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at the files")]
mod tests {
    use super::*;
    use crate::state::{Lineage, TenantIdentity};

    fn state(serial: u64) -> State {
        let tenant = Some(TenantIdentity { base_url: "sandbox".into(), organization_id: None });
        State { serial, tenant, ..State::new(Lineage(uuid::Uuid::nil())) }
    }

    #[test]
    fn a_state_is_loaded_as_it_was_saved_and_a_missing_one_is_absent() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = StateStore::open(folder.path().join("deep/state/staging.json"));
        assert_eq!(store.load().expect("no file"), None);
        store.save(&state(1)).expect("saved");
        assert_eq!(store.load().expect("there"), Some(state(1)));
        let kept: Vec<_> = fs::read_dir(folder.path().join("deep/state")).expect("a folder").collect();
        assert_eq!(kept.len(), 1, "nothing to back up, and no temporary file: {kept:?}");
    }

    #[test]
    fn the_backup_is_the_state_before_the_first_save_of_a_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        let backup = StateFiles::beside(&path).backup;
        for run in [10, 20, 30] {
            let mut store = StateStore::open(&path);
            store.save(&state(run)).expect("saved");
            store.save(&state(run + 1)).expect("saved");
        }
        assert_eq!(fs::read_to_string(backup).expect("there"), file_v1::write(&state(21)));
    }

    #[test]
    fn a_failed_save_leaves_the_state_as_it_was_and_a_later_backup_still_works() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        StateStore::open(&path).save(&state(1)).expect("saved");
        // As if a run had made its backup and died: the backup is the very file that the state is.
        back_up(&path, &StateFiles::beside(&path).backup).expect("linked");
        StateStore::open(&path).save(&state(2)).expect("saved");
        assert_eq!(StateStore::open(StateFiles::beside(&path).backup).load().expect("there"), Some(state(1)));
    }

    #[test]
    fn what_is_no_state_is_refused_by_name_and_left_untouched() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        for content in [&b"<<<<<<< HEAD"[..], b"", b"\xff", br#"{"format":"dixaform-state/2"}"#] {
            fs::write(&path, content).expect("written");
            let error = StateStore::open(&path).load().expect_err("no state");
            assert!(error.to_string().contains("staging.json"), "{error}");
            assert!(error.hint().is_some());
            assert_eq!(fs::read(&path).expect("there"), content);
        }
        StateStore::open(folder.path()).load().expect_err("a folder");
    }

    #[test]
    fn a_state_that_could_not_be_read_again_is_not_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        let length = file_v1::write(&state(1)).len() as u64;
        let mut store = StateStore { limit: length, ..StateStore::open(&path) };
        assert_eq!(store.room(), length);
        store.save(&state(1)).expect("it just fits");
        assert_eq!(store.room(), 0);
        let error = store.save(&state(10)).expect_err("one digit too many");
        assert!(matches!(error, StateError::Full { .. }), "{error}");
        assert!(error.hint().expect("what to do").contains("staging.journal"));
        assert_eq!(store.load().expect("as it was"), Some(state(1)));
        let names: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
        assert_eq!(names.len(), 1, "no temporary file: {names:?}");
    }

    #[test]
    fn a_state_below_a_file_can_not_be_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        StateStore::open(file.join("staging.json")).save(&state(1)).expect_err("no folder");
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, "12345").expect("written");
        assert_eq!(read_at_most(&path, 5).expect("read"), Some(b"12345".to_vec()));
        assert_eq!(read_at_most(&path, 4).expect("read"), None);
    }
}
