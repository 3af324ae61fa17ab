//! The journal as a file.
//!
//! A thread of its own owns the file, because syncing takes milliseconds during which other calls go on. Entries that
//! come in meanwhile are written and synced together, so that the disk does not set the pace of an apply. After any
//! error nothing more is written: what a failed write or sync left on the disk is not known, and an entry behind it
//! could be lost with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::future::Future;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::journal::{self, Append, Entry, JournalError, Lines};
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;
use crate::workspace::state_store::read_at_most;

/// A journal holds one apply, and what earlier ones left in doubt; this is room for hundreds of thousands of calls.
/// None grows larger, since it could not be read again.
const BYTES_MAX: u64 = 1 << 30;

/// So much of that is kept for how calls in flight end, and for whatever else adds nothing. A line about it is hardly
/// ever longer than a kilobyte, and 64 are in flight at most.
const RESERVE: u64 = 64 << 20;

/// So much is gathered for one write at most; more waits for the next.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// An open journal. Dropping it waits until everything that was appended is synced or has failed.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    /// How long it is with all that was taken for writing.
    length: AtomicU64,
    /// How long it may become.
    limit: u64,
    /// How much of `limit` is kept from what is new.
    reserve: u64,
    /// Taken only by `drop`. It need not be bounded: whoever appends waits for the answer, so there are at most as many
    /// requests as calls in flight.
    requests: Option<Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

struct Request {
    line: String,
    answer: oneshot::Sender<Result<(), JournalError>>,
}

impl JournalFile {
    /// Opens the journal at `path` for appending, and creates it where there is none. A torn last line is cut off. Who
    /// opens it holds the [`StateLock`](crate::workspace::StateLock).
    ///
    /// # Errors
    /// The file can't be opened, is damaged, or is no journal; it is left as it is.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        let bytes = read_bytes(&path)?;
        let sound = journal::sound_bytes(&bytes).map_err(|source| JournalError::Text { path: path.clone(), source })?;
        let file = open_at(&path, sound).map_err(io_error(&path, "open"))?;
        JournalFile::over(file, path, sound)
    }

    /// The same journal, in which at most `bytes` more can be written: what the saved state still has room for, since
    /// a record is never longer than the entries that it comes from.
    #[must_use]
    pub fn with_room(mut self, bytes: u64) -> Self {
        self.limit = self.limit.min(self.length.load(Ordering::Relaxed).saturating_add(bytes));
        self
    }

    /// All entries of the journal at `path`; none when there is no file. A torn last line is left out, and stays.
    ///
    /// # Errors
    /// The file can't be read, is damaged, or is no journal.
    pub fn read_all(path: &Path) -> Result<Vec<Entry>, JournalError> {
        let lines = journal::read(&read_bytes(path)?);
        let Lines { entries, sound_bytes: _ } =
            lines.map_err(|source| JournalError::Text { path: path.to_owned(), source })?;
        Ok(entries)
    }

    /// [`JournalFile::read_all`] one entry after another, until `take` fails.
    ///
    /// # Errors
    /// Those of [`JournalFile::read_all`]; inside, that of `take`.
    pub fn each<E>(path: &Path, mut take: impl FnMut(&Entry) -> Result<(), E>) -> Result<Result<(), E>, JournalError> {
        let mut result = Ok(());
        let read = journal::each(&read_bytes(path)?, |entry| {
            result = take(&entry);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        read.map_err(|source| JournalError::Text { path: path.to_owned(), source })?;
        Ok(result)
    }

    /// How many bytes the journal at `path` has, 0 where there is none; none where that can't be told.
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

    /// Cuts the journal at `path` down to these calls, whether its runs are closed or not and whatever it says of how
    /// they ended, and removes it when it has none of them. Only when everything else of it is in the saved state.
    ///
    /// # Errors
    /// Those of [`JournalFile::read_all`] and of writing; the journal is then as it was.
    pub fn cut_down(path: &Path, in_doubt: &BTreeSet<u64>) -> Result<(), JournalError> {
        let entries = JournalFile::read_all(path)?;
        replace(path, &journal::cut_down(&entries, in_doubt))
    }

    /// The journal in an open file that is positioned at its end.
    fn over(file: File, path: PathBuf, length: u64) -> Result<Self, JournalError> {
        let (requests, incoming) = channel();
        let writer = Writer { file, path: path.clone(), failed: None };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.serve(&incoming));
        let thread = thread.map_err(io_error(&path, "start writing"))?;
        let (requests, writer) = (Some(requests), Some(thread));
        Ok(JournalFile { path, length: length.into(), limit: BYTES_MAX, reserve: RESERVE, requests, writer })
    }

    /// Whether there is room for a line, which is taken then.
    fn takes(&self, entry: &Entry, line: &str) -> bool {
        let room = if adds(entry) { self.limit.saturating_sub(self.reserve) } else { self.limit };
        let longer = |length: u64| length.checked_add(line.len() as u64).filter(|longer| *longer <= room);
        self.length.fetch_update(Ordering::Relaxed, Ordering::Relaxed, longer).is_ok()
    }
}

impl Append for JournalFile {
    fn append(&self, entry: Entry) -> impl Future<Output = Result<(), JournalError>> + Send {
        // Sent now and not when the future is first polled, so that entries stand in the order of the calls.
        let (answer, answered) = oneshot::channel();
        let line = journal::write_line(&entry);
        let path = self.path.clone();
        let sent = if self.takes(&entry, &line) {
            let request = Request { line, answer };
            let sent = self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok());
            if sent { Ok(()) } else { Err(JournalError::Stopped { path: path.clone() }) }
        } else {
            Err(JournalError::Full { path: path.clone(), limit: self.limit })
        };
        async move {
            sent?;
            let stopped = JournalError::Stopped { path };
            answered.await.unwrap_or(Err(stopped))
        }
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has answered nobody, so that nobody relies on what it did not write.
            let _ = writer.join();
        }
    }
}

/// Whether an entry is about something new, of which it is known only now that there is room for it. How a call ended
/// has happened and must find its place; what drops a record or settles a doubt is what helps a state that is full.
fn adds(entry: &Entry) -> bool {
    match entry {
        Entry::Began { .. } | Entry::Adopted { .. } => true,
        Entry::Opened { .. }
        | Entry::Succeeded { .. }
        | Entry::Failed { .. }
        | Entry::InDoubt { .. }
        | Entry::Decided { .. }
        | Entry::Forgot { .. }
        | Entry::Closed { .. } => false,
    }
}

/// The thread that owns the file.
struct Writer {
    file: File,
    path: PathBuf,
    /// Set by the first error, and the answer to everything after it.
    failed: Option<JournalError>,
}

impl Writer {
    /// Until everybody who could append is gone.
    fn serve(mut self, incoming: &Receiver<Request>) {
        while let Ok(first) = incoming.recv() {
            let Request { line: mut batch, answer } = first;
            let mut answers = vec![answer];
            while batch.len() < BATCH_BYTES_MAX
                && let Ok(Request { line, answer }) = incoming.try_recv()
            {
                batch.push_str(&line);
                answers.push(answer);
            }
            let result = self.write(&batch);
            for answer in answers {
                // Who no longer waits for the answer does not need it.
                let _ = answer.send(result.clone());
            }
        }
    }

    fn write(&mut self, batch: &str) -> Result<(), JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let written = self.file.write_all(batch.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            let error = io_error(&self.path, "write")(error);
            self.failed = Some(error.clone());
            error
        })
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
    let bytes = read_at_most(path, BYTES_MAX).map_err(read_error)?;
    bytes.ok_or_else(|| JournalError::TooLarge { path: path.to_owned(), limit: BYTES_MAX })
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
    use crate::journal::LineError;

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
        let journal = JournalFile::open(&path).expect("made");
        for count in 1..=3 {
            journal.append(forgot("a")).await.expect("written");
            assert_eq!(JournalFile::read_all(&path).expect("sound").len(), count);
        }
        drop(journal);
        let journal = JournalFile::open(&path).expect("opened again");
        journal.append(closed(1)).await.expect("written");
        assert_eq!(JournalFile::read_all(&path).expect("sound"), [forgot("a"), forgot("a"), forgot("a"), closed(1)]);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, path) = folder();
        JournalFile::open(&path).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn entries_stand_in_the_order_of_the_calls_however_many_wait_at_once() {
        let (_folder, path) = folder();
        let journal = JournalFile::open(&path).expect("made");
        let entries: Vec<Entry> = (0..500).map(closed).collect();
        // All are called before any is awaited.
        let appends: Vec<_> = entries.iter().map(|entry| journal.append(entry.clone())).collect();
        for append in appends.into_iter().rev() {
            append.await.expect("written");
        }
        assert_eq!(JournalFile::read_all(&path).expect("sound"), entries);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_written_before_the_journal_is_let_go() {
        let (_folder, path) = folder();
        let journal = JournalFile::open(&path).expect("made");
        for serial in 0..50 {
            drop(journal.append(closed(serial)));
        }
        drop(journal);
        assert_eq!(JournalFile::read_all(&path).expect("sound").len(), 50);
    }

    #[tokio::test]
    async fn a_torn_last_line_is_cut_off_before_anything_is_appended() {
        let (_folder, path) = folder();
        let whole = journal::write_line(&forgot("a"));
        fs::write(&path, format!("{whole}{}", &whole[..20])).expect("written");
        assert_eq!(JournalFile::read_all(&path).expect("sound but for the end"), [forgot("a")]);
        let journal = JournalFile::open(&path).expect("opened");
        journal.append(forgot("b")).await.expect("written");
        assert_eq!(JournalFile::read_all(&path).expect("sound"), [forgot("a"), forgot("b")]);
    }

    #[test]
    fn a_damaged_middle_is_refused_and_left_as_it_is() {
        let (_folder, path) = folder();
        let whole = journal::write_line(&forgot("a"));
        let text = format!("{whole}damaged\n{whole}");
        fs::write(&path, &text).expect("written");
        for error in [
            JournalFile::read_all(&path).expect_err("damaged"),
            JournalFile::open(&path).expect_err("damaged"),
            JournalFile::cut_down(&path, &BTreeSet::new()).expect_err("damaged"),
        ] {
            assert!(matches!(error, JournalError::Text { source: LineError::Damaged { line: 2 }, .. }), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn after_a_full_disk_nothing_is_taken_for_written() {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let journal = JournalFile::over(full, PathBuf::from("staging.journal"), 0).expect("started");
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
    async fn a_full_journal_takes_nothing_new_and_still_takes_how_things_ended() {
        let (_folder, path) = folder();
        let (long, short) =
            (journal::write_line(&adopted()).len() as u64, journal::write_line(&closed(1)).len() as u64);
        let mut journal = JournalFile::open(&path).expect("made").with_room(2 * long + 3 * short);
        journal.reserve = 3 * short;
        for _ in 0..2 {
            journal.append(adopted()).await.expect("there is room");
        }
        let error = journal.append(adopted()).await.expect_err("there is room for ends only");
        assert!(matches!(error, JournalError::Full { limit, .. } if limit == journal.limit), "{error}");
        assert!(error.to_string().contains("staging.journal") && !error.hint().is_empty());
        journal.append(closed(1)).await.expect("what ends has its place");
        let too_long = Entry::InDoubt { seq: 1, message: "x".repeat(500), at: String::new() };
        journal.append(too_long).await.expect_err("but not beyond the limit");
        journal.append(closed(2)).await.expect("a shorter one");
        drop(journal);
        let read = JournalFile::read_all(&path).expect("sound");
        assert_eq!(read, [adopted(), adopted(), closed(1), closed(2)]);
        // What was there counts.
        let journal = JournalFile::open(&path).expect("opened").with_room(u64::MAX);
        let length = path.metadata().expect("there").len();
        assert_eq!((journal.limit, journal.length.load(Ordering::Relaxed)), (BYTES_MAX, length));
        let journal = journal.with_room(long);
        journal.append(adopted()).await.expect_err("the reserve is larger than the room");
        journal.append(closed(3)).await.expect("and is for this");
    }

    #[test]
    fn what_is_no_file_is_no_journal() {
        let (folder, path) = folder();
        JournalFile::open(folder.path()).expect_err("a folder");
        fs::write(&path, "").expect("written");
        JournalFile::open(path.join("deeper")).expect_err("below a file");
    }

    #[test]
    fn a_journal_without_doubts_goes() {
        let (_folder, path) = folder();
        JournalFile::cut_down(&path, &BTreeSet::new()).expect("no file");
        fs::write(&path, journal::write_line(&forgot("a")) + &journal::write_line(&closed(1))).expect("written");
        JournalFile::cut_down(&path, &BTreeSet::from([1])).expect("removed");
        assert!(!path.exists());
    }
}
