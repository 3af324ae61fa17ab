//! Reads and replaces the state file of one tenant.

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::conversation::Address;
use crate::hint::Hint;
use crate::state::file_v1::{self, StateFileError};
use crate::state::{Seal, State};
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;
use crate::workspace::state_files::StateFiles;

/// A state holds a few kilobytes per record; this is room for hundreds of thousands, and still fits into memory.
const BYTES_MAX: u64 = 1 << 30;

/// The state file. Who saves holds the [`StateLock`](crate::workspace::StateLock), has loaded the state from here and
/// has replayed the journal.
#[derive(Debug)]
pub struct StateStore {
    files: StateFiles,
    /// The file as it was loaded or saved last; none when there was none.
    found: Option<Found>,
    saved: bool,
    /// How many bytes a state may have, [`BYTES_MAX`].
    limit: u64,
}

/// What a file was when it was looked at.
#[derive(Debug)]
struct Found {
    /// None after saving: somebody may have replaced the file before it could be looked at.
    stamp: Option<Stamp>,
    seal: Seal,
}

/// What changes whenever a file is replaced or written, as a rule, and is known without reading it.
type Stamp = (u64, u64, Option<SystemTime>);

fn stamp(found: &Metadata) -> Stamp {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(found);
    #[cfg(not(unix))]
    let number = 0;
    (number, found.len(), found.modified().ok())
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
    #[error("the state {} was {} by something else while this ran", path.display(), happened(*gone))]
    Replaced { path: PathBuf, gone: bool },
}

fn happened(gone: bool) -> &'static str {
    if gone { "removed" } else { "changed" }
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
            StateError::Replaced { path, gone } => {
                let journal = StateFiles::beside(path).journal;
                let then = match gone {
                    true => "put the state back before the next run",
                    false => "run `dixaform recover`: it records what only the journal has, or asks you",
                };
                Some(format!("nothing was overwritten; keep {} if it exists, and {then}", journal.display()).into())
            }
            StateError::Unusable { source: StateFileError::Moved { to, .. }, .. } => Some(
                format!("write `state: {to}` into the project file, or pass --state {to}; nothing was planned or sent")
                    .into(),
            ),
            StateError::Unusable { source: StateFileError::Moving { to, .. }, .. } => Some(
                format!("`dixaform state move-to {to}` goes on where it stopped; nothing was planned or sent").into(),
            ),
            StateError::Unusable { path, source: StateFileError::Changed } => {
                let backup = StateFiles::beside(path).backup;
                let backup = backup.display();
                Some(
                    format!(
                        "restore it from git, or from {backup} if that exists; if it was edited on purpose, look at it and \
                         run `dixaform state accept`"
                    )
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
        StateStore { files: StateFiles::beside(path), found: None, saved: false, limit: BYTES_MAX }
    }

    pub fn path(&self) -> &Path {
        &self.files.state
    }

    /// The seal of what was loaded or saved last; none when there was no file.
    pub fn seal(&self) -> Option<Seal> {
        self.found.as_ref().map(|found| found.seal)
    }

    /// The state, or none when there is no file.
    ///
    /// # Errors
    /// The file can't be read, or is no state of this version; it is left as it is.
    pub fn load(&mut self) -> Result<Option<State>, StateError> {
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
    pub fn load_unchecked(&mut self) -> Result<Option<State>, StateError> {
        self.load_by(file_v1::read_unchecked)
    }

    /// [`StateStore::load`] of a state that somebody has changed on purpose, whatever its seal.
    ///
    /// # Errors
    /// As for [`StateStore::load`].
    pub fn load_edited(&mut self) -> Result<Option<State>, StateError> {
        self.load_by(|text| {
            let seal = file_v1::seal_of(&text);
            Ok((file_v1::read_edited(text)?, seal))
        })
    }

    fn load_by(
        &mut self,
        read: impl FnOnce(String) -> Result<(State, Seal), StateFileError>,
    ) -> Result<Option<State>, StateError> {
        let path = &self.files.state;
        self.found = None;
        let Some((text, stamp)) = self.text()? else { return Ok(None) };
        let (state, seal) = read(text).map_err(|source| StateError::Unusable { path: path.clone(), source })?;
        self.found = Some(Found { stamp: Some(stamp), seal });
        Ok(Some(state))
    }

    /// All of the file.
    #[expect(clippy::disallowed_methods, reason = "the state is a file")]
    fn text(&self) -> Result<Option<(String, Stamp)>, StateError> {
        let path = &self.files.state;
        let read_error = |error| StateError::from(FileError::of(path, "read the state")(error));
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(read_error)?,
        };
        let stamp = stamp(&file.metadata().map_err(read_error)?);
        let Some(bytes) = read_at_most(file, self.limit).map_err(read_error)? else {
            return Err(StateError::TooLarge { path: path.clone(), limit: self.limit });
        };
        let text = String::from_utf8(bytes).map_err(|_| StateError::NotText { path: path.clone() })?;
        Ok(Some((text, stamp)))
    }

    /// How many bytes the state can still grow by. A run that makes more could not be saved.
    pub fn room(&self) -> u64 {
        self.limit.saturating_sub(self.files.state.metadata().map_or(0, |found| found.len()))
    }

    /// Replaces the file by the state that is in it, so that one that can't be replaced is found out before anything is
    /// sent. A file that this run has saved already could be.
    ///
    /// # Errors
    /// As for [`StateStore::save`].
    pub fn prove(&mut self, state: &State) -> Result<(), StateError> {
        if self.saved {
            return Ok(());
        }
        let existed = self.found.is_some();
        self.seal_again(state)?;
        // Not the file that was there before, which would take room beside two others when the state is saved.
        if existed {
            back_up(&self.files.state, &self.files.backup)?;
        }
        Ok(())
    }

    /// Replaces the file by the state that is in it, and leaves the backup alone.
    ///
    /// # Errors
    /// As for [`StateStore::save`].
    pub fn seal_again(&mut self, state: &State) -> Result<(), StateError> {
        self.check_unchanged()?;
        self.write(state)
    }

    /// Replaces the file by this state, whose serial has grown. The first time, the file that was there becomes the
    /// backup. When this returns, the state is synced.
    ///
    /// # Errors
    /// The file is as it was, and the journal still has what the state lacks.
    pub fn save(&mut self, state: &State) -> Result<(), StateError> {
        self.check_unchanged()?;
        if !self.saved {
            back_up(&self.files.state, &self.files.backup)?;
        }
        self.write(state)
    }

    /// Makes this state the backup, where the file itself was removed. Gives back where that is.
    ///
    /// # Errors
    /// As for [`StateStore::save`].
    pub fn save_as_backup(&self, state: &State) -> Result<&Path, StateError> {
        self.write_to(&self.files.backup, state)?;
        Ok(&self.files.backup)
    }

    fn write(&mut self, state: &State) -> Result<(), StateError> {
        let seal = self.write_to(&self.files.state, state)?;
        self.found = Some(Found { stamp: None, seal });
        self.saved = true;
        Ok(())
    }

    fn write_to(&self, path: &Path, state: &State) -> Result<Seal, StateError> {
        atomic_file::create_folder_of(path)?;
        let (mut is_full, mut seal) = (false, None);
        let saved = atomic_file::replace_with(path, |out| {
            let mut bounded = Bounded { out, room: self.limit, is_full: &mut is_full };
            seal = Some(file_v1::write_to(state, &mut bounded)?);
            Ok(())
        });
        match (saved, seal) {
            (Ok(()), Some(seal)) => Ok(seal),
            (Err(error), _) if !is_full => Err(error.into()),
            _ => Err(StateError::Full { path: path.to_owned(), limit: self.limit }),
        }
    }

    /// Makes sure that the file is still the one that was loaded or saved last.
    fn check_unchanged(&self) -> Result<(), StateError> {
        let path = &self.files.state;
        let now = path.metadata().ok().map(|found| stamp(&found));
        let same = match (&self.found, now) {
            (None, None) => true,
            (Some(Found { stamp: Some(then), .. }), Some(now)) if *then == now => true,
            (Some(Found { seal, .. }), Some(_)) => {
                let text = self.text().ok().flatten();
                text.is_some_and(|(text, _)| file_v1::seal_of(&text) == *seal)
            }
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same { Ok(()) } else { Err(StateError::Replaced { path: path.clone(), gone: now.is_none() }) }
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
pub(crate) fn read_at_most(file: File, limit: u64) -> io::Result<Option<Vec<u8>>> {
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

    /// A store that has loaded what is there.
    fn loaded(path: &Path) -> StateStore {
        let mut store = StateStore::open(path);
        store.load().expect("a state, or none");
        store
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("there")
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
            let mut store = loaded(&path);
            store.save(&state(run)).expect("saved");
            store.save(&state(run + 1)).expect("saved");
        }
        assert_eq!(text(&backup), file_v1::write(&state(21)));
        let mut store = loaded(&path);
        store.prove(&state(31)).expect("it can be replaced");
        assert_eq!(text(&path), text(&backup), "two names of one file");
        store.save(&state(32)).expect("saved");
        assert_eq!(text(&backup), file_v1::write(&state(31)));
    }

    #[test]
    fn what_can_not_be_replaced_or_backed_up_is_found_out_by_proving() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        let mut store = loaded(&path);
        store.prove(&state(0)).expect("made");
        store.save(&state(1)).expect("saved");
        assert!(!StateFiles::beside(&path).backup.exists(), "there was nothing to back up");
        fs::create_dir(StateFiles::beside(&path).backup).expect("made");
        loaded(&path).prove(&state(1)).expect_err("no backup can be made");
        let long = folder.path().join("a".repeat(250));
        let error = loaded(&long).prove(&state(0)).expect_err("no room for the name of a temporary file");
        assert!(error.hint().expect("what to do").contains("too long"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_longer_the_one_that_was_loaded_is_neither_replaced_nor_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        let (old, other) = (file_v1::write(&state(1)), file_v1::write(&state(2)));
        let mut store = loaded(&path);
        fs::write(&path, &other).expect("written");
        let error = store.save(&state(1)).expect_err("there is one now");
        assert!(matches!(error, StateError::Replaced { gone: false, .. }), "{error}");
        for saved_before in [false, true] {
            fs::write(&path, &old).expect("written");
            let mut store = loaded(&path);
            if saved_before {
                store.save(&state(1)).expect("saved");
            }
            fs::write(&path, &other).expect("written");
            let error = store.save(&state(3)).expect_err("another one");
            assert!(matches!(error, StateError::Replaced { gone: false, .. }), "{error}");
            assert!(error.hint().expect("what to do").contains("staging.journal"));
            assert_eq!(text(&path), other);
            fs::remove_file(&path).expect("removed");
            let error = store.save(&state(3)).expect_err("none");
            assert!(matches!(error, StateError::Replaced { gone: true, .. }), "{error}");
            assert!(!path.exists());
            // The same content is the same state, whatever made it.
            fs::write(&path, old.trim_end().replace('\n', "\r\n")).expect("written");
            store.save(&state(3)).expect("saved");
        }
    }

    #[test]
    fn a_failed_save_leaves_the_state_as_it_was_and_a_later_backup_still_works() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.json");
        loaded(&path).save(&state(1)).expect("saved");
        // As if a run had made its backup and died: the backup is the very file that the state is.
        back_up(&path, &StateFiles::beside(&path).backup).expect("linked");
        loaded(&path).save(&state(2)).expect("saved");
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
        assert_eq!(read_at_most(File::open(&path).expect("there"), 5).expect("read"), Some(b"12345".to_vec()));
        assert_eq!(read_at_most(File::open(&path).expect("there"), 4).expect("read"), None);
    }
}
