//! The file by which processes with the same token share its rate limit.
//!
//! One small record per token and host, read and replaced under the operating system's lock on the file; what it means
//! is [`Pace`]'s business. The name of the file is a key that does not tell the token, and the folder is its owner's
//! alone: who could write here could hold up an apply.
//!
//! - Nobody waits for the lock on a thread that has other work: it is held for microseconds, so it is tried a few
//!   times, and then it is as if there were no token yet for a millisecond. A blocking lock would need a thread of its
//!   own for every request, and would hang for good behind a process that was stopped while it held it.
//! - The clock is read under the lock, so that times in the record never go back unless the clock does.
//! - Whatever fails fails once, with a line in the debug log: from then on this process keeps to its own bucket only. A
//!   rate that is not shared costs some 429s; an apply that stops costs more.
//! - A file that is deleted while it is used is noticed and made again with what this process knows. Nothing is synced:
//!   after a power failure nobody's burst is left.
#![expect(clippy::disallowed_methods, reason = "the record is a file, and its times are the wall clock's")]

use std::fmt;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::access::RateLimit;
use crate::api::pace::{Pace, RECORD_BYTES, SharedPace};
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;
use crate::workspace::lock::is_still;

/// The ending of these files.
const ENDING: &str = "pace";

/// The time between two tries to lock, somewhat longer than the lock is held.
const RETRY: Duration = Duration::from_micros(50);

/// How often one request tries, about a millisecond.
const TRIES: usize = 8;

/// How often a 429 is tried to be told, which nobody repeats.
const TRIES_TO_TELL: usize = 400;

/// How long a request waits that found the lock taken each time.
const BUSY: Duration = Duration::from_millis(1);

/// So many requests in a row that found the lock taken, a second or two, mean that its holder hangs.
const BUSY_MAX: u32 = 1000;

/// A file that nobody has used for so long says nothing any more: every bucket is full, every pause over.
const STALE: Duration = Duration::from_secs(86_400);

/// The most files that are looked at for being stale.
const SWEEP_MAX: usize = 1000;

/// The pace of one token, shared through a file.
pub struct PaceFile {
    path: PathBuf,
    limit: RateLimit,
    /// Which process this is, in the queue.
    owner: u64,
    clock: fn() -> Duration,
    handle: Mutex<Handle>,
}

#[derive(Debug, Default)]
struct Handle {
    /// None until it is needed, and after it was deleted.
    file: Option<File>,
    /// What this process wrote last.
    last: Option<[u8; RECORD_BYTES]>,
    /// How many requests in a row found the lock taken.
    busy: u32,
    given_up: bool,
}

impl PaceFile {
    /// Shares the pace of whatever `key` stands for with everyone who opens the same key in the same folder. The folder
    /// is made, readable by its owner only, where its parent exists. Files there that nobody has used for a day are
    /// deleted.
    ///
    /// # Errors
    /// The folder can't be made or belongs to others too, or the file can't be made in it.
    pub fn open(folder: &Path, key: &str, limit: RateLimit) -> Result<Self, FileError> {
        PaceFile::open_by(folder, key, limit, unix_time)
    }

    fn open_by(folder: &Path, key: &str, limit: RateLimit, clock: fn() -> Duration) -> Result<Self, FileError> {
        make_private(folder).map_err(FileError::of(folder, "share the rate limit in"))?;
        sweep(folder);
        let path = folder.join(key).with_extension(ENDING);
        let file = atomic_file::open_or_create(&path).map_err(FileError::of(&path, "open"))?;
        let handle = Mutex::new(Handle { file: Some(file), ..Handle::default() });
        // Any number but zero, and a random one is nobody else's; process ids are not unique among containers.
        let owner = uuid::Uuid::new_v4().as_u64_pair().1;
        Ok(PaceFile { path, limit, owner, clock, handle })
    }

    /// For [`HttpOptions`](crate::api::HttpOptions).
    pub fn into_shared(self) -> Arc<dyn SharedPace> {
        Arc::new(self)
    }

    /// Changes the record; none when the lock was taken each time.
    fn change<T>(
        &self,
        handle: &mut Handle,
        tries: usize,
        change: impl FnOnce(&mut Pace, Duration) -> T,
    ) -> io::Result<Option<T>> {
        let Some(mut file) = self.lock(handle, tries)? else { return Ok(None) };
        let now = (self.clock)();
        let mut found = Vec::with_capacity(RECORD_BYTES + 1);
        file.rewind()?;
        (&file).take(RECORD_BYTES as u64 + 1).read_to_end(&mut found)?;
        let mut pace = match (&*found, &handle.last) {
            ([], None) => Pace::full(self.limit, now),
            ([], Some(last)) => self.read(last, now),
            (found, _) => self.read(found, now),
        };
        let result = change(&mut pace, now);
        let record = pace.record();
        if found.len() > RECORD_BYTES {
            file.set_len(RECORD_BYTES as u64)?;
        }
        file.rewind()?;
        file.write_all(&record)?;
        file.unlock()?;
        handle.last = Some(record);
        handle.file = Some(file);
        Ok(Some(result))
    }

    fn read(&self, record: &[u8], now: Duration) -> Pace {
        Pace::from_record(record, self.limit, now).unwrap_or_else(|| Pace::empty(self.limit, now))
    }

    /// The locked file that has our path now. Whatever happens before it is put back into the handle, dropping it
    /// unlocks.
    fn lock(&self, handle: &mut Handle, tries: usize) -> io::Result<Option<File>> {
        for attempt in 0..tries {
            let file = match handle.file.take() {
                Some(file) => file,
                None => {
                    make_private(atomic_file::folder_of(&self.path))?;
                    atomic_file::open_or_create(&self.path)?
                }
            };
            match file.try_lock() {
                Ok(()) if is_still(&file, &self.path)? => return Ok(Some(file)),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    handle.file = Some(file);
                    if attempt + 1 < tries {
                        thread::sleep(RETRY);
                    }
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    fn give_up(&self, handle: &mut Handle, why: &dyn fmt::Display) {
        tracing::debug!(file = %self.path.display(), "the rate limit is not shared with other processes any more: {why}");
        *handle = Handle { given_up: true, ..Handle::default() };
    }

    fn handle(&self) -> MutexGuard<'_, Handle> {
        // Every handle is a good one: what it lacks is opened again.
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedPace for PaceFile {
    fn take(&self) -> Result<(), Duration> {
        let mut handle = self.handle();
        if handle.given_up {
            return Ok(());
        }
        match self.change(&mut handle, TRIES, |pace, now| pace.take(self.owner, now)) {
            Ok(Some(answer)) => {
                handle.busy = 0;
                return answer;
            }
            Ok(None) if handle.busy < BUSY_MAX => {
                handle.busy += 1;
                return Err(BUSY);
            }
            Ok(None) => self.give_up(&mut handle, &"another process holds the lock and does not let go"),
            Err(error) => self.give_up(&mut handle, &error),
        }
        Ok(())
    }

    fn slow_down(&self, retry_after: Option<Duration>) {
        let mut handle = self.handle();
        if handle.given_up {
            return;
        }
        match self.change(&mut handle, TRIES_TO_TELL, |pace, now| pace.slow_down(retry_after, now)) {
            Ok(Some(())) => {}
            // They will be told by a 429 of their own.
            Ok(None) => tracing::debug!(file = %self.path.display(), "other processes could not be told of a 429"),
            Err(error) => self.give_up(&mut handle, &error),
        }
    }
}

impl fmt::Debug for PaceFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PaceFile").field("path", &self.path).field("limit", &self.limit).finish_non_exhaustive()
    }
}

fn unix_time() -> Duration {
    // A clock before 1970 is no clock; it stands still at zero, and the process's own bucket is left.
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Makes a folder for this user only, or makes sure that it is one.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // In a folder for everyone's temporary files anyone can have made it first, or a link of that name.
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let ours = tempfile::tempfile_in(folder)?.metadata()?.uid();
        if metadata.uid() != ours || metadata.mode() & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the folder is not only for this user"));
        }
    }
    Ok(())
}

/// Deletes what nobody has used for a day, as far as that works. Who opened such a file in the same moment notices.
fn sweep(folder: &Path) {
    let is_stale =
        |modified: io::Result<SystemTime>| modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE));
    for entry in fs::read_dir(folder).into_iter().flatten().take(SWEEP_MAX).flatten() {
        let path = entry.path();
        let is_ours = path.extension().is_some_and(|extension| extension == ENDING);
        if !is_ours || !is_stale(entry.metadata().and_then(|metadata| metadata.modified())) {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() && is_stale(file.metadata().and_then(|metadata| metadata.modified())) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests;
