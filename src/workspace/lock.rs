//! One run at a time: the lock beside a state.
//!
//! The lock is the operating system's lock on a file, not the file: it ends with the process that holds it, however
//! that ends, so that a lock is never left behind and nobody has to guess whether its holder is still alive. The text
//! in the file says who holds it, where and since when, and that is for people only. Releasing the lock takes that out
//! and never deletes the file.
//! If it were deleted after another process has opened it and before that process locks it, that process would lock a
//! file without a name, and a third process could lock a new file with the old name at the same time. If somebody
//! deletes the file by hand in that moment, this is noticed (`is_still`); if they delete it while it is held, it is
//! not. On a network disk the lock is only as reliable as that disk's locks.
//!
//! The file also says up to which serial states were seen here, since it is the one file beside the state that stays
//! and that git leaves alone: this shows that a state comes back from the past. What is lost of it, or was never
//! written, costs that safety net and nothing else.
#![expect(clippy::disallowed_methods, reason = "the lock is a file, and waiting for it takes time")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::state::{Lineage, Seal};
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;

/// The first wait for a lock; each is twice as long as the one before.
const WAIT_FIRST: Duration = Duration::from_millis(10);
/// The longest, so that a lock that becomes free is taken soon.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// More than any holder writes.
const INFO_BYTES_MAX: u64 = 64 * 1024;
/// Nobody has more than a few at once; the rest are of states that were deleted.
const LINEAGES_MAX: usize = 32;

/// Who holds a lock, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    pub who: String,
    pub host: String,
    pub pid: u32,
    pub command: String,
    /// RFC 3339 in UTC.
    pub since: String,
}

/// Up to which serial states were seen here, by lineage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    seen: BTreeMap<String, u64>,
    /// The seals of these states, as far as they are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    seals: BTreeMap<String, String>,
}

impl Seen {
    fn newest(&self, lineage: Lineage) -> Option<u64> {
        self.seen.get(&lineage.to_string()).copied()
    }

    fn note(&mut self, lineage: Lineage, serial: u64, seal: Option<Seal>) {
        let lineage = lineage.to_string();
        while self.seen.len() >= LINEAGES_MAX && !self.seen.contains_key(&lineage) {
            let gone = self.seen.pop_first();
            gone.and_then(|(gone, _)| self.seals.remove(&gone));
        }
        match seal {
            Some(seal) => drop(self.seals.insert(lineage.clone(), seal.to_string())),
            // The same one is as it was.
            None if self.seen.get(&lineage) == Some(&serial) => {}
            None => drop(self.seals.remove(&lineage)),
        }
        self.seen.insert(lineage, serial);
    }

    /// Whether the newest one has this serial, and is another one.
    fn is_other(&self, lineage: Lineage, serial: u64, seal: Option<Seal>) -> bool {
        let known = self.seals.get(&lineage.to_string());
        let differs = known.zip(seal).is_some_and(|(known, seal)| *known != seal.to_string());
        differs && self.newest(lineage) == Some(serial)
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the state is locked{}", by(holder.as_deref()))]
    Held {
        path: PathBuf,
        /// None if the holder has not written it yet, or if the text makes no sense.
        holder: Option<Box<LockInfo>>,
    },
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for LockError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            LockError::Held { .. } => Some(
                "wait for it with --lock-timeout 2m; the lock ends with its process, so there is nothing to break"
                    .into(),
            ),
            LockError::File(error) => error.hint(),
        }
    }
}

fn by(holder: Option<&LockInfo>) -> String {
    let Some(LockInfo { who, host, pid, command, since }) = holder else { return String::new() };
    format!(" by {who} on {host} (process {pid}, {command}, since {since})")
}

/// The lock, for as long as this lives.
#[derive(Debug)]
pub struct StateLock {
    file: File,
    info: LockInfo,
    seen: Seen,
}

impl StateLock {
    /// Takes the lock at `path` (see [`StateFiles::lock`](crate::workspace::StateFiles)), waiting up to `timeout`; zero
    /// refuses at once. Sleeps on this thread. Creates the folder where there is none.
    ///
    /// # Errors
    /// Somebody else holds it, or the file can't be made.
    pub fn acquire(path: &Path, info: &LockInfo, timeout: Duration) -> Result<Self, LockError> {
        atomic_file::create_folder_of(path)?;
        let start = Instant::now();
        let mut wait = WAIT_FIRST;
        loop {
            if let Some(mut file) = try_lock(path).map_err(FileError::of(path, "lock"))? {
                // By the file that is locked: where locks are mandatory, it can't be read by another.
                let seen = line_of(&file).unwrap_or_default();
                write(&mut file, &seen, Some(info)).map_err(FileError::of(path, "write"))?;
                return Ok(StateLock { file, info: info.clone(), seen });
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(LockError::Held { path: path.to_owned(), holder: read_line(path).map(Box::new) });
            }
            thread::sleep(wait.min(left));
            wait = WAIT_MAX.min(wait * 2);
        }
    }

    /// Whether the lock at `path` could be taken now, for commands that only look. For an instant it is taken, and
    /// whoever comes in that instant is refused.
    ///
    /// # Errors
    /// Somebody holds it, or the file can't be opened.
    pub fn check(path: &Path) -> Result<(), LockError> {
        if path.exists() && try_lock(path).map_err(FileError::of(path, "lock"))?.is_none() {
            return Err(LockError::Held { path: path.to_owned(), holder: read_line(path).map(Box::new) });
        }
        Ok(())
    }

    /// The newest serial of a state of this lineage that was seen here.
    pub fn newest(&self, lineage: Lineage) -> Option<u64> {
        self.seen.newest(lineage)
    }

    /// [`StateLock::newest`] by the lock at `path`, whoever holds it.
    pub fn newest_at(path: &Path, lineage: Lineage) -> Option<u64> {
        read_line::<Seen>(path)?.newest(lineage)
    }

    /// Whether the newest state of this lineage that was seen here has this serial, and is another one: two branches
    /// can go on from the same beginning.
    pub fn is_other(&self, lineage: Lineage, serial: u64, seal: Option<Seal>) -> bool {
        self.seen.is_other(lineage, serial, seal)
    }

    /// [`StateLock::is_other`] by the lock at `path`, whoever holds it.
    pub fn is_other_at(path: &Path, lineage: Lineage, serial: u64, seal: Option<Seal>) -> bool {
        read_line::<Seen>(path).is_some_and(|seen| seen.is_other(lineage, serial, seal))
    }

    /// Takes the state with this serial and this seal for the newest of its lineage from now on.
    pub fn note(&mut self, lineage: Lineage, serial: u64, seal: Option<Seal>) {
        let before = self.seen.clone();
        self.seen.note(lineage, serial, seal);
        if self.seen != before {
            let _ = write(&mut self.file, &self.seen, Some(&self.info));
        }
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Neither matters to the lock itself, which ends when the file is closed.
        let _ = write(&mut self.file, &self.seen, None);
        let _ = self.file.unlock();
    }
}

/// The locked file, or none when somebody else has the lock.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = atomic_file::open_or_create(path)?;
    match file.try_lock() {
        Ok(()) if atomic_file::is_still(&file, path)? => Ok(Some(file)),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Writes what was seen, on a line of its own, and who holds the lock. The file is never shorter than what was seen:
/// what is left of an older text behind it, if the process dies, makes no sense and is passed over.
fn write(file: &mut File, seen: &Seen, info: Option<&LockInfo>) -> io::Result<()> {
    let mut text = String::new();
    if !seen.seen.is_empty() {
        text.push_str(&(serde_json::to_string(seen)? + "\n"));
    }
    if let Some(info) = info {
        text.push_str(&(serde_json::to_string(info)? + "\n"));
    }
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The first line that is one of these, if there is one.
fn read_line<T: DeserializeOwned>(path: &Path) -> Option<T> {
    line_of(&File::open(path).ok()?)
}

fn line_of<T: DeserializeOwned>(file: &File) -> Option<T> {
    let mut text = Vec::new();
    file.take(INFO_BYTES_MAX).read_to_end(&mut text).ok()?;
    text.split(|byte| *byte == b'\n').find_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::{Command, Stdio};

    const AT_ONCE: Duration = Duration::ZERO;

    fn info(who: &str) -> LockInfo {
        LockInfo {
            who: who.into(),
            host: "ci-7".into(),
            pid: 4711,
            command: "apply".into(),
            since: "2026-09-14T08:30:00Z".into(),
        }
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/staging.lock");
        (folder, path)
    }

    #[test]
    fn a_lock_is_held_by_one_and_says_by_whom() {
        let (_folder, path) = folder();
        let first = StateLock::acquire(&path, &info("ann"), AT_ONCE).expect("free");
        let error = StateLock::acquire(&path, &info("ben"), AT_ONCE).expect_err("held");
        assert_eq!(
            error.to_string(),
            "the state is locked by ann on ci-7 (process 4711, apply, since 2026-09-14T08:30:00Z)"
        );
        StateLock::check(&path).expect_err("held");
        drop(first);
        StateLock::check(&path).expect("free");
        assert_eq!(fs::read(&path).expect("it stays"), b"");
        StateLock::acquire(&path, &info("ben"), AT_ONCE).expect("free");
    }

    #[test]
    fn whoever_waits_long_enough_gets_it() {
        let (_folder, path) = folder();
        let first = StateLock::acquire(&path, &info("ann"), AT_ONCE).expect("free");
        let waiting = thread::spawn(move || StateLock::acquire(&path, &info("ben"), Duration::from_secs(60)).is_ok());
        thread::sleep(Duration::from_millis(50));
        drop(first);
        assert!(waiting.join().expect("no panic"), "free by then");
    }

    #[test]
    fn what_was_seen_outlives_the_lock_and_a_process_that_dies_while_it_writes() {
        let (_folder, path) = folder();
        let lineage = |number| Lineage(uuid::Uuid::from_u128(number));
        let mut lock = StateLock::acquire(&path, &info("ann"), AT_ONCE).expect("free");
        assert_eq!(lock.newest(lineage(1)), None);
        lock.note(lineage(1), 7, None);
        lock.note(lineage(2), 3, None);
        assert_eq!(StateLock::newest_at(&path, lineage(1)), Some(7));
        let error = StateLock::acquire(&path, &info("ben"), AT_ONCE).expect_err("held");
        assert!(error.to_string().contains("by ann on"), "{error}");
        drop(lock);
        let mut text = fs::read(&path).expect("it stays");
        text.extend(b"7-4711\",\"pid\":1}\n\xff");
        fs::write(&path, text).expect("written");
        let mut lock = StateLock::acquire(&path, &info("ben"), AT_ONCE).expect("free");
        lock.note(lineage(2), 1, None);
        assert_eq!((lock.newest(lineage(1)), lock.newest(lineage(2))), (Some(7), Some(1)));
        drop(lock);
        assert_eq!(StateLock::newest_at(&path, lineage(2)), Some(1));
        assert_eq!(fs::read(&path).expect("it stays").iter().filter(|byte| **byte == b'\n').count(), 1);
        let mut seen = Seen::default();
        (0..100).for_each(|number| seen.note(lineage(number), 1, None));
        assert_eq!((seen.seen.len(), seen.newest(lineage(99))), (LINEAGES_MAX, Some(1)));
    }

    #[test]
    fn garbage_in_the_file_neither_holds_nor_hides_the_lock() {
        let (_folder, path) = folder();
        atomic_file::create_folder_of(&path).expect("made");
        fs::write(&path, "{\"who\": from a process that died").expect("written");
        let lock = StateLock::acquire(&path, &info("ann"), AT_ONCE).expect("nobody holds it");
        fs::write(&path, [0xff; 10]).expect("written");
        let error = StateLock::acquire(&path, &info("ben"), AT_ONCE).expect_err("held");
        assert_eq!(error.to_string(), "the state is locked");
        drop(lock);
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_of_a_deleted_file_is_not_taken_for_the_lock() {
        let (_folder, path) = folder();
        atomic_file::create_folder_of(&path).expect("made");
        let file = atomic_file::open_or_create(&path).expect("made");
        assert!(atomic_file::is_still(&file, &path).expect("there"));
        fs::remove_file(&path).expect("removed");
        assert!(!atomic_file::is_still(&file, &path).expect("gone"));
        let _other = atomic_file::open_or_create(&path).expect("made");
        assert!(!atomic_file::is_still(&file, &path).expect("another"));
    }

    /// Not a test of its own: the process that the test below starts and kills.
    #[test]
    fn holder_for_the_test_of_a_dying_process() {
        let Some(path) = std::env::var_os("DIXAFORM_TEST_LOCK") else { return };
        let _lock = StateLock::acquire(Path::new(&path), &info("child"), AT_ONCE).expect("free");
        thread::sleep(Duration::from_secs(60));
    }

    #[test]
    fn a_lock_ends_with_the_process_that_holds_it() {
        let (_folder, path) = folder();
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "workspace::lock::tests::holder_for_the_test_of_a_dying_process"])
            .env("DIXAFORM_TEST_LOCK", &path)
            .stdout(Stdio::null())
            .spawn()
            .expect("started");
        let start = Instant::now();
        let held = loop {
            match StateLock::check(&path) {
                Err(LockError::Held { holder: Some(holder), .. }) => break holder,
                _ if start.elapsed() > Duration::from_secs(30) => panic!("the other process never took the lock"),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        };
        assert_eq!(*held, info("child"));
        StateLock::acquire(&path, &info("ann"), AT_ONCE).expect_err("held by the other process");
        child.kill().expect("killed");
        child.wait().expect("ended");
        StateLock::acquire(&path, &info("ann"), Duration::from_secs(10)).expect("free, although nobody let go");
    }
}
