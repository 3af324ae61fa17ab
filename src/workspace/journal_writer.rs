//! Writes a journal from a thread of its own: whatever waits is made durable as one batch.
//!
//! Making a batch durable takes milliseconds, during which other calls go on. Entries that come in meanwhile form the
//! next batch, so that the disk does not slow down an apply. After any error nothing more is written: it is not known
//! what a failed write or sync left behind, and an entry behind it could be lost with it.

use std::future::Future;
use std::io;
use std::iter;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::journal::{self, Append, Entry, JournalError};

/// Where batches go.
pub trait Sink: Send + 'static {
    /// Appends whole lines, and returns when they survive the loss of power. It is not called again after an error.
    ///
    /// # Errors
    /// Perhaps nothing was written, perhaps a part, perhaps all.
    fn append_durably(&mut self, batch: &[u8]) -> Result<(), JournalError>;

    /// Gets what would have followed after an error, which is not written.
    fn too_late(&mut self, _batch: &[u8]) {}
}

/// How long a journal is and may become, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub length: u64,
    pub limit: u64,
    /// The part of `limit` that is kept for how calls in flight end, and for whatever else adds nothing.
    pub reserve: u64,
}

/// An open journal. Dropping it waits until everything that was appended is durable or has failed.
#[derive(Debug)]
pub struct JournalWriter {
    path: PathBuf,
    /// Taken only by `drop`. It has no bound of its own: whoever appends waits for the answer, so there are at most a
    /// few requests per call in flight.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    line: String,
    adds: bool,
    answer: oneshot::Sender<Result<(), JournalError>>,
}

impl JournalWriter {
    /// Starts the thread. `path` is for messages.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start(path: PathBuf, sink: impl Sink, room: Room) -> io::Result<Self> {
        let (requests, incoming) = channel();
        let mut worker = Worker { sink, path: path.clone(), room, failed: None };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || worker.serve(&incoming))?;
        Ok(JournalWriter { path, requests: Some(requests), thread: Some(thread) })
    }
}

impl Append for JournalWriter {
    fn append(&self, entry: Entry) -> impl Future<Output = Result<(), JournalError>> + Send {
        // Sent now and not when the future is first polled, so that entries are in the order of the calls. If the
        // thread is gone, so is `answer`.
        let (answer, answered) = oneshot::channel();
        let request = Request { line: journal::write_line(&entry), adds: adds(&entry), answer };
        let _ = self.requests.as_ref().map(|requests| requests.send(request));
        let stopped = JournalError::Stopped { path: self.path.clone() };
        async move { answered.await.unwrap_or(Err(stopped)) }
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has answered nobody, so that nobody relies on what it did not write.
            let _ = thread.join();
        }
    }
}

/// Whether an entry is about something new, which is refused where there is no room for it. How a call ended has
/// happened and must be written; what drops a record or settles a doubt helps a state that is full.
fn adds(entry: &Entry) -> bool {
    matches!(entry, Entry::Began { .. } | Entry::Adopted { .. })
}

/// The thread that owns the sink.
struct Worker<S> {
    sink: S,
    path: PathBuf,
    room: Room,
    /// Set by the first error, and the answer to everything after it.
    failed: Option<JournalError>,
}

impl<S: Sink> Worker<S> {
    /// Until everybody who could append is gone.
    fn serve(&mut self, incoming: &Receiver<Request>) {
        while let Ok(first) = incoming.recv() {
            let (mut batch, mut answers) = (String::new(), Vec::new());
            for Request { line, adds, answer } in iter::once(first).chain(incoming.try_iter()) {
                match self.take_room(line.len() as u64, adds) {
                    Ok(()) => {
                        batch.push_str(&line);
                        answers.push((answer, Ok(())));
                    }
                    Err(full) => answers.push((answer, Err(full))),
                }
            }
            let written = self.write(&batch);
            for (answer, taken) in answers {
                // Whoever no longer waits for the answer does not need it.
                let _ = answer.send(taken.and_then(|()| written.clone()));
            }
        }
    }

    fn take_room(&mut self, bytes: u64, adds: bool) -> Result<(), JournalError> {
        let Room { length, limit, reserve } = self.room;
        let limit_now = if adds { limit.saturating_sub(reserve) } else { limit };
        if length.saturating_add(bytes) > limit_now {
            return Err(JournalError::Full { path: self.path.clone(), limit });
        }
        self.room.length += bytes;
        Ok(())
    }

    fn write(&mut self, batch: &str) -> Result<(), JournalError> {
        if let Some(error) = &self.failed {
            self.sink.too_late(batch.as_bytes());
            return Err(error.clone());
        }
        if batch.is_empty() {
            return Ok(());
        }
        let written = self.sink.append_durably(batch.as_bytes());
        self.failed = written.as_ref().err().cloned();
        written
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::SyncSender;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::hint::Hint as _;

    const ROOM: Room = Room { length: 0, limit: 1 << 20, reserve: 1 << 10 };

    fn closed(serial: u64) -> Entry {
        Entry::Closed { serial, at: "2026-09-14T08:30:00Z".into() }
    }

    fn adopted() -> Entry {
        let golden = include_str!("../journal/golden.journal");
        let entries = journal::read(golden.as_bytes()).expect("sound").entries;
        entries.into_iter().find(|entry| matches!(entry, Entry::Adopted { .. })).expect("it has one of each")
    }

    /// Batches in memory. Each waits for a word of the test, if there is somebody to give it.
    struct Memory {
        batches: Arc<Mutex<Vec<String>>>,
        began: Option<SyncSender<()>>,
        go_on: Option<Receiver<Result<(), JournalError>>>,
    }

    impl Sink for Memory {
        fn append_durably(&mut self, batch: &[u8]) -> Result<(), JournalError> {
            if let (Some(began), Some(go_on)) = (&self.began, &self.go_on) {
                began.send(()).expect("the test waits");
                go_on.recv().expect("the test lets it go on")?;
            }
            self.batches.lock().expect("no panic").push(String::from_utf8(batch.to_vec()).expect("text"));
            Ok(())
        }
    }

    fn journal(room: Room) -> (JournalWriter, Arc<Mutex<Vec<String>>>) {
        let batches = Arc::default();
        let sink = Memory { batches: Arc::clone(&batches), began: None, go_on: None };
        (JournalWriter::start("staging.journal".into(), sink, room).expect("started"), batches)
    }

    fn entries(batches: &Mutex<Vec<String>>) -> Vec<Entry> {
        journal::read(batches.lock().expect("no panic").concat().as_bytes()).expect("sound").entries
    }

    #[tokio::test]
    async fn entries_are_in_the_order_of_the_calls_however_many_wait_at_once() {
        let (journal, batches) = journal(ROOM);
        let all: Vec<Entry> = (0..500).map(closed).collect();
        // All are called before any is awaited.
        let appends: Vec<_> = all.iter().map(|entry| journal.append(entry.clone())).collect();
        for append in appends.into_iter().rev() {
            append.await.expect("written");
        }
        assert_eq!(entries(&batches), all);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_written_before_the_journal_is_let_go() {
        let (journal, batches) = journal(ROOM);
        for serial in 0..50 {
            drop(journal.append(closed(serial)));
        }
        drop(journal);
        assert_eq!(entries(&batches).len(), 50);
    }

    /// A journal whose batches wait for the test; where it says that one began, and where the test says how it ends.
    type Slow = (JournalWriter, Arc<Mutex<Vec<String>>>, Receiver<()>, Sender<Result<(), JournalError>>);

    fn slow_journal() -> Slow {
        let batches = Arc::default();
        let (began, begins) = std::sync::mpsc::sync_channel(0);
        let (go, go_on) = channel();
        let sink = Memory { batches: Arc::clone(&batches), began: Some(began), go_on: Some(go_on) };
        (JournalWriter::start("staging.journal".into(), sink, ROOM).expect("started"), batches, begins, go)
    }

    #[tokio::test]
    async fn what_waits_while_a_batch_is_made_durable_is_the_next_batch_and_nobody_is_answered_before() {
        let (journal, batches, begins, go) = slow_journal();
        let mut first = Box::pin(journal.append(closed(0)));
        begins.recv().expect("the first batch");
        let rest: Vec<_> = (1..20).map(|serial| journal.append(closed(serial))).collect();
        assert!(futures_util::poll!(first.as_mut()).is_pending(), "nothing is durable yet");
        go.send(Ok(())).expect("it waits");
        first.await.expect("durable");
        begins.recv().expect("the second batch");
        go.send(Ok(())).expect("it waits");
        for append in rest {
            append.await.expect("durable");
        }
        let batches = batches.lock().expect("no panic");
        assert_eq!(batches.iter().map(|batch| batch.lines().count()).collect::<Vec<_>>(), [1, 19]);
    }

    #[tokio::test]
    async fn after_an_error_nothing_is_written_and_everybody_gets_it() {
        let (journal, batches, begins, go) = slow_journal();
        let first = journal.append(closed(0));
        begins.recv().expect("the first batch");
        let second = journal.append(closed(1));
        let io = || JournalError::Io {
            path: "staging.journal".into(),
            doing: "sync",
            source: Arc::new(io::ErrorKind::StorageFull.into()),
        };
        go.send(Err(io())).expect("it waits");
        for append in [first, second] {
            assert_eq!(append.await.expect_err("not durable").to_string(), io().to_string());
        }
        // The sink is not asked again: nobody would let it go on.
        assert_eq!(journal.append(closed(2)).await.expect_err("not durable").to_string(), io().to_string());
        assert!(batches.lock().expect("no panic").is_empty());
    }

    #[tokio::test]
    async fn a_full_journal_takes_nothing_new_and_still_takes_how_things_ended() {
        let (long, short) =
            (journal::write_line(&adopted()).len() as u64, journal::write_line(&closed(1)).len() as u64);
        let room = Room { length: 0, limit: 2 * long + 3 * short, reserve: 3 * short };
        let (journal, batches) = journal(room);
        for _ in 0..2 {
            journal.append(adopted()).await.expect("there is room");
        }
        let error = journal.append(adopted()).await.expect_err("there is room for ends only");
        assert!(matches!(error, JournalError::Full { limit, .. } if limit == room.limit), "{error}");
        assert!(error.to_string().contains("staging.journal") && error.hint().is_some());
        journal.append(closed(1)).await.expect("what ends has its place");
        let too_long =
            Entry::InDoubt { seq: 1, heard: journal::Heard::Nothing, message: "x".repeat(500), at: String::new() };
        journal.append(too_long).await.expect_err("but not beyond the limit");
        journal.append(closed(2)).await.expect("a shorter one");
        drop(journal);
        assert_eq!(entries(&batches), [adopted(), adopted(), closed(1), closed(2)]);
    }

    #[tokio::test]
    async fn a_sink_that_panics_has_written_nothing_that_anybody_relies_on() {
        struct Broken;
        impl Sink for Broken {
            fn append_durably(&mut self, _batch: &[u8]) -> Result<(), JournalError> {
                panic!("a defect of the sink")
            }
        }
        let path = Path::new("staging.journal");
        let journal = JournalWriter::start(path.to_owned(), Broken, ROOM).expect("started");
        for serial in 0..2 {
            let error = journal.append(closed(serial)).await.expect_err("nothing is written");
            assert!(matches!(error, JournalError::Stopped { .. }), "{error}");
        }
    }
}
