//! The journal as a file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::journal::{self, Entry, JournalError, LineError};
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;
use crate::workspace::journal_writer::{JournalWriter, Room, Sink};
use crate::workspace::state_store::read_at_most;

/// A journal holds one apply, and what earlier ones left in doubt; this is room for hundreds of thousands of calls.
/// None grows larger, since it could not be read again.
const BYTES_MAX: u64 = 1 << 30;

/// The part of that which is kept for how calls in flight end. A line about it is hardly ever longer than a kilobyte,
/// and 64 are in flight at most.
const RESERVE: u64 = 64 << 20;

/// The file of a journal, open at its end.
#[derive(Debug)]
pub struct JournalFile {
    file: File,
    path: PathBuf,
}

impl Sink for JournalFile {
    fn append_durably(&mut self, batch: &[u8]) -> Result<(), JournalError> {
        self.file.write_all(batch).and_then(|()| self.file.sync_data()).map_err(io_error(&self.path, "write"))
    }
}

impl JournalFile {
    /// Opens the journal at `path` for appending, and creates it where there is none. A torn last line is cut off.
    /// Whoever opens it holds the [`StateLock`](crate::workspace::StateLock). At most `room` bytes more can be written:
    /// what the saved state still has room for, since a record is never longer than the entries that it comes from.
    ///
    /// # Errors
    /// The file can't be opened, is damaged, or is no journal; it is left as it is.
    pub fn open(path: &Path, room: u64) -> Result<(JournalWriter, Kept), JournalError> {
        let bytes = read_bytes(path)?;
        let mut sound = journal::sound_bytes(&bytes).map_err(text_error(path))?;
        let mut file = open_at(path, sound).map_err(io_error(path, "open"))?;
        if usize::try_from(sound).is_ok_and(|sound| bytes[..sound].last().is_some_and(|end| *end != b'\n')) {
            file.write_all(b"\n").map_err(io_error(path, "write"))?;
            sound += 1;
        }
        let room = Room { length: sound, limit: sound.saturating_add(room).min(BYTES_MAX), reserve: RESERVE };
        let kept = Kept { file: file.try_clone().map_err(io_error(path, "open"))?, path: path.to_owned() };
        let sink = JournalFile { file, path: path.to_owned() };
        let writer = JournalWriter::start(path.to_owned(), sink, room).map_err(io_error(path, "start writing"))?;
        Ok((writer, kept))
    }

    /// All entries of the journal at `path`; none when there is no file. A torn last line is left out, and stays.
    ///
    /// # Errors
    /// The file can't be read, is damaged, or is no journal.
    pub fn read_all(path: &Path) -> Result<Vec<Entry>, JournalError> {
        Ok(journal::read(&read_bytes(path)?).map_err(text_error(path))?.entries)
    }

    /// [`JournalFile::read_all`] without a rebuild that was cut off, which is taken out of the file: the numbers of its
    /// calls are free again. `serial` is that of the saved state.
    ///
    /// # Errors
    /// Those of [`JournalFile::read_all`] and of writing; the journal is then as it was.
    pub fn drop_cut_off_rebuild(path: &Path, serial: u64) -> Result<Vec<Entry>, JournalError> {
        let all = JournalFile::read_all(path)?;
        let count = all.len();
        let kept = journal::without_cut_off_rebuild(all, serial);
        if kept.len() < count {
            replace(path, &kept)?;
        }
        Ok(kept)
    }

    /// How many bytes the journal at `path` has, 0 if there is no file; none if that is not known.
    pub fn length(path: &Path) -> Option<u64> {
        match path.metadata() {
            Ok(found) => Some(found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(0),
            Err(_) => None,
        }
    }

    /// Removes the journal at `path`, if there is one. Only when all of it is in the saved state, and nothing in doubt.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn remove(path: &Path) -> Result<(), JournalError> {
        atomic_file::remove(path).map_err(from_file_error)
    }

    /// Cuts the journal at `path` down to these calls, whatever it says of how they ended, and removes it when it has
    /// none of them. Only when everything else of it is in the saved state; runs that are not closed end with `closed`,
    /// which names its serial.
    ///
    /// # Errors
    /// Those of [`JournalFile::read_all`] and of writing; the journal is then as it was.
    pub fn cut_down(path: &Path, in_doubt: &BTreeSet<u64>, closed: &Entry) -> Result<(), JournalError> {
        let entries = JournalFile::read_all(path)?;
        replace(path, &journal::cut_down(&entries, in_doubt, closed))
    }
}

/// A journal that is open, and so can be read even after somebody has removed it.
#[derive(Debug)]
pub struct Kept {
    file: File,
    path: PathBuf,
}

impl Kept {
    /// Writes the journal again where it was removed, once nobody appends to it any more. If there is another one in
    /// its place by now, it goes beside that. Gives back where it is.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn put_back(mut self) -> Result<PathBuf, JournalError> {
        let path = self.path;
        if atomic_file::is_still(&self.file, &path).map_err(io_error(&path, "read"))? {
            return Ok(path);
        }
        self.file.rewind().map_err(io_error(&path, "read"))?;
        let bytes = read_at_most(self.file, BYTES_MAX).map_err(io_error(&path, "read"))?.unwrap_or_default();
        let place = if path.exists() { path.with_extension("removed.journal") } else { path };
        atomic_file::create_folder_of(&place).map_err(from_file_error)?;
        atomic_file::replace(&place, &bytes).map_err(from_file_error)?;
        Ok(place)
    }
}

/// Replaces the journal by one of these entries; one without entries goes.
fn replace(path: &Path, entries: &[Entry]) -> Result<(), JournalError> {
    if entries.is_empty() {
        return JournalFile::remove(path);
    }
    let text: String = entries.iter().map(journal::write_line).collect();
    atomic_file::replace(path, text.as_bytes()).map_err(from_file_error)
}

/// Opens the file with its end at `sound` bytes.
fn open_at(path: &Path, sound: u64) -> io::Result<File> {
    let mut file = atomic_file::open_or_create(path)?;
    if !atomic_file::is_still(&file, path)? {
        return Err(io::Error::other("it is a link"));
    }
    if file.metadata()?.len() > sound {
        file.set_len(sound)?;
        file.sync_all()?;
    }
    file.seek(SeekFrom::Start(sound))?;
    // Also for a file that was there: whoever made it may have died before syncing the folder.
    atomic_file::sync_folder(atomic_file::folder_of(path))?;
    Ok(file)
}

/// All bytes of the journal; nothing when there is no file.
fn read_bytes(path: &Path) -> Result<Vec<u8>, JournalError> {
    let read_error = io_error(path, "read");
    match path.metadata() {
        Ok(found) if !found.is_file() => return Err(JournalError::NotAFile { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read_error(error)),
    }
    let bytes = open_to_read(path).and_then(|file| read_at_most(file, BYTES_MAX)).map_err(read_error)?;
    bytes.ok_or_else(|| JournalError::TooLarge { path: path.to_owned(), limit: BYTES_MAX })
}

#[expect(clippy::disallowed_methods, reason = "the journal is a file")]
fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn text_error(path: &Path) -> impl FnOnce(LineError) -> JournalError {
    move |source| JournalError::Text { path: path.to_owned(), source }
}

fn io_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Io { path: path.to_owned(), doing, source: Arc::new(source) }
}

fn from_file_error(FileError { path, doing, source }: FileError) -> JournalError {
    JournalError::Io { path, doing, source: Arc::new(source) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at the files")]
mod tests {
    use std::fs;

    use super::*;
    use crate::conversation::{Address, Kind};
    use crate::journal::Append as _;

    fn forgot(name: &str) -> Entry {
        Entry::Forgot { address: Address::new(Kind::Import, name).expect("a name") }
    }

    fn closed(serial: u64) -> Entry {
        Entry::Closed { serial, at: "2026-09-14T08:30:00Z".into() }
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.journal");
        (folder, path)
    }

    #[tokio::test]
    async fn an_entry_is_in_the_file_when_append_returns() {
        let (_folder, path) = folder();
        assert_eq!(JournalFile::read_all(&path).expect("no file"), []);
        let (journal, _) = JournalFile::open(&path, BYTES_MAX).expect("made");
        for count in 1..=3 {
            journal.append(forgot("a")).await.expect("written");
            assert_eq!(JournalFile::read_all(&path).expect("sound").len(), count);
        }
        drop(journal);
        let (journal, _) = JournalFile::open(&path, BYTES_MAX).expect("opened again");
        journal.append(closed(1)).await.expect("written");
        assert_eq!(JournalFile::read_all(&path).expect("sound"), [forgot("a"), forgot("a"), forgot("a"), closed(1)]);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, path) = folder();
        JournalFile::open(&path, BYTES_MAX).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_torn_last_line_is_cut_off_before_anything_is_appended() {
        let (_folder, path) = folder();
        let whole = journal::write_line(&forgot("a"));
        fs::write(&path, format!("{whole}{}", &whole[..20])).expect("written");
        assert_eq!(JournalFile::read_all(&path).expect("sound except for the end"), [forgot("a")]);
        let (journal, _) = JournalFile::open(&path, BYTES_MAX).expect("opened");
        journal.append(forgot("b")).await.expect("written");
        drop(journal);
        assert_eq!(JournalFile::read_all(&path).expect("sound"), [forgot("a"), forgot("b")]);
        // Only the end of the last line is missing.
        let length = path.metadata().expect("there").len();
        File::options().write(true).open(&path).and_then(|file| file.set_len(length - 1)).expect("cut");
        let (journal, _) = JournalFile::open(&path, BYTES_MAX).expect("opened");
        journal.append(forgot("c")).await.expect("written");
        assert_eq!(JournalFile::read_all(&path).expect("sound"), [forgot("a"), forgot("b"), forgot("c")]);
    }

    #[tokio::test]
    async fn a_journal_that_was_removed_is_put_back_and_one_in_its_place_is_left_alone() {
        let (folder, path) = folder();
        for (in_its_place, place) in [(None, "staging.journal"), (Some("another"), "staging.removed.journal")] {
            let (journal, kept) = JournalFile::open(&path, BYTES_MAX).expect("made");
            journal.append(forgot("a")).await.expect("written");
            fs::remove_file(&path).expect("removed");
            if let Some(text) = in_its_place {
                fs::write(&path, text).expect("written");
            }
            journal.append(forgot("b")).await.expect("written");
            drop(journal);
            let found = kept.put_back().expect("written");
            assert_eq!(found, folder.path().join(place));
            assert_eq!(JournalFile::read_all(&found).expect("sound"), [forgot("a"), forgot("b")]);
            fs::remove_file(&path).expect("removed");
        }
    }

    #[test]
    fn a_damaged_middle_is_refused_and_left_as_it_is() {
        let (_folder, path) = folder();
        let whole = journal::write_line(&forgot("a"));
        let text = format!("{whole}damaged\n{whole}");
        fs::write(&path, &text).expect("written");
        for error in [
            JournalFile::read_all(&path).expect_err("damaged"),
            JournalFile::open(&path, BYTES_MAX).expect_err("damaged"),
            JournalFile::cut_down(&path, &BTreeSet::new(), &closed(2)).expect_err("damaged"),
        ] {
            assert!(matches!(error, JournalError::Text { source: LineError::Damaged { line: 2 }, .. }), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn after_a_full_disk_nothing_is_taken_for_written() {
        let path = PathBuf::from("staging.journal");
        let file = File::options().write(true).open("/dev/full").expect("Linux has it");
        let room = Room { length: 0, limit: BYTES_MAX, reserve: RESERVE };
        let journal = JournalWriter::start(path.clone(), JournalFile { file, path }, room).expect("started");
        for _ in 0..3 {
            let error = journal.append(forgot("a")).await.expect_err("full");
            assert_eq!(error.to_string(), "can't write the journal staging.journal");
            let JournalError::Io { source, .. } = error else { panic!("{error}") };
            assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        }
    }

    fn adopted() -> Entry {
        let golden = include_str!("../journal/golden.journal");
        let entries = journal::read(golden.as_bytes()).expect("sound").entries;
        entries.into_iter().find(|entry| matches!(entry, Entry::Adopted { .. })).expect("it has one of each")
    }

    #[tokio::test]
    async fn what_is_in_the_file_already_counts_for_its_limit() {
        let (_folder, path) = folder();
        let (journal, _) = JournalFile::open(&path, u64::MAX).expect("made");
        journal.append(adopted()).await.expect("there is room");
        drop(journal);
        let length = path.metadata().expect("there").len();
        let (journal, _) = JournalFile::open(&path, u64::MAX).expect("opened");
        journal.append(closed(1)).await.expect("the limit does not overflow");
        drop(journal);
        let longer = path.metadata().expect("there").len();
        let (journal, _) = JournalFile::open(&path, length).expect("opened");
        let error = journal.append(adopted()).await.expect_err("the reserve is larger than the room");
        assert!(matches!(error, JournalError::Full { limit, .. } if limit == longer + length), "{error}");
        journal.append(closed(3)).await.expect("and is for this");
    }

    #[test]
    fn what_is_no_file_is_no_journal() {
        let (folder, path) = folder();
        JournalFile::open(folder.path(), BYTES_MAX).expect_err("a folder");
        fs::write(&path, "").expect("written");
        JournalFile::open(&path.join("deeper"), BYTES_MAX).expect_err("below a file");
    }

    #[test]
    fn a_journal_without_doubts_goes() {
        let (_folder, path) = folder();
        JournalFile::cut_down(&path, &BTreeSet::new(), &closed(2)).expect("no file");
        fs::write(&path, journal::write_line(&forgot("a")) + &journal::write_line(&closed(1))).expect("written");
        JournalFile::cut_down(&path, &BTreeSet::from([1]), &closed(2)).expect("removed");
        assert!(!path.exists());
    }
}
