//! A state in a store, held by this run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;

use crate::apply::StopSignal;
use crate::apply::settle::SentBefore;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::held::late::UnsentFile;
use crate::cli::held::{Knowledge, Left, late};
use crate::cli::store_access::StoreAccess;
use crate::conversation::Address;
use crate::journal::{self, Entry, JournalError, Replay, cut_down, without_cut_off_rebuild};
use crate::state::file_v1::{self, StateFileError};
use crate::state::{Lineage, Seal, State};
use crate::store::{self, Appender, FaultKind, Holder, Keep, Late, Look, Save, StoreError};
use crate::workspace::{JournalWriter, LockError, LockInfo, Room, Sink, StateFiles, StateLock};

/// As much as a journal in a file may have.
const BYTES_MAX: u64 = 1 << 30;
/// The part of that which is kept for how calls in flight end.
const RESERVE: u64 = 64 << 20;

/// What a store lacks of a state from elsewhere.
enum Missing {
    All,
    Journal,
    Nothing,
}

/// What a run has made that is not in the journal.
struct Unsent {
    names: String,
    word: Late,
    /// How it went to note that here.
    here: Result<(), Error>,
}

/// The state of a store, held until this is dropped.
pub struct InStore {
    held: store::Held,
    credentials: String,
    seal: Option<Seal>,
    /// Remembers which states were seen here; none where that can't be written.
    lock: Option<StateLock>,
    /// What is kept here of the state.
    files: StateFiles,
    /// The journal of a run, as it is in the store.
    written: Arc<Mutex<Vec<u8>>>,
    /// What a run could not write into the journal.
    lost: Arc<Mutex<Vec<u8>>>,
    /// Its run was cut off, when it was taken.
    call_timeout: Duration,
    is_taken_over: bool,
}

impl InStore {
    /// `call_timeout` is what this run gives its own calls, for one of which nothing is known.
    pub fn new(
        held: store::Held,
        lock: Option<StateLock>,
        files: StateFiles,
        call_timeout: Duration,
    ) -> Result<Self, Error> {
        let before = held.calls_before();
        let taken = InStore {
            credentials: held.door().credentials.clone(),
            seal: None,
            lock,
            written: Arc::default(),
            lost: Arc::default(),
            call_timeout: before.unwrap_or(call_timeout),
            is_taken_over: before.is_some(),
            files,
            held,
        };
        taken.hand_in_unsent()?;
        Ok(taken)
    }

    /// What a run here has made whose store was away when it ended.
    fn hand_in_unsent(&self) -> Result<(), Error> {
        let file = self.unsent_file();
        let unsent = file.read()?;
        if unsent.is_empty() {
            return Ok(());
        }
        self.held.hand_in(&unsent).map_err(|error| self.told(error))?;
        file.remove()
    }

    fn unsent_file(&self) -> UnsentFile {
        UnsentFile::of(&self.files, self.name())
    }

    fn told(&self, error: StoreError) -> Error {
        told(error, &self.credentials)
    }

    pub fn name(&self) -> String {
        self.held.url().to_string()
    }

    pub fn journal_name(&self) -> String {
        format!("{}/log", self.held.url())
    }

    pub fn load(&mut self) -> Result<Option<State>, Error> {
        let Some(text) = self.held.text() else {
            return Ok(None);
        };
        let read = read_state(text.to_owned(), &self.name());
        let (mut state, seal) = read?;
        self.seal = Some(seal);
        if !self.held.journal().is_empty() {
            self.check_specs(&mut state, |_| true)?;
        }
        Ok(Some(state))
    }

    pub fn check_specs(&self, state: &mut State, which: impl Fn(&Address) -> bool) -> Result<(), Error> {
        check_specs(state, which, &self.name())
    }

    /// Whether a state from elsewhere can be taken with its journal: where there is none, or the same already. If it
    /// may have arrived before, `is_resumed`, runs may have gone on from it here.
    ///
    /// # Errors
    /// There is another one.
    pub fn can_receive(&self, state: &State, entries: &[Entry], is_resumed: bool) -> Result<(), Error> {
        self.missing(state, entries, is_resumed).map(|_| ())
    }

    /// Takes a state from elsewhere, with its journal, where there is none. If it is there already, nothing changes.
    pub fn receive(&mut self, state: &State, entries: &[Entry], is_resumed: bool) -> Result<(), Error> {
        match self.missing(state, entries, is_resumed)? {
            Missing::All => self.save_with(state, keep(entries), true),
            Missing::Journal => self.cut(keep(entries)),
            Missing::Nothing => Ok(()),
        }
    }

    fn missing(&self, state: &State, entries: &[Entry], is_resumed: bool) -> Result<Missing, Error> {
        let mut text = Vec::new();
        file_v1::write_to(state, &mut text).context("a state can't be written down")?;
        let journal = read_journal(self.held.journal(), &self.journal_name())?;
        let has_word = |entries: &[Entry]| entries.iter().any(|entry| !is_end(entry));
        let is_free = !has_word(&journal) && self.held.door().late().map_err(|error| self.told(error))?.is_empty();
        match self.held.text() {
            None if is_free => Ok(Missing::All),
            Some(there) if there.as_bytes() == text && (journal == entries || is_free && !has_word(entries)) => {
                Ok(Missing::Nothing)
            }
            // A run in the store went on in the journal that has arrived.
            Some(there)
                if there.as_bytes() == text && is_resumed && has_word(entries) && journal.starts_with(entries) =>
            {
                Ok(Missing::Nothing)
            }
            // A run here went on from the state that an earlier try has moved.
            Some(there) if there.as_bytes() == text && is_free => Ok(Missing::Journal),
            None => Err(StoreError::Unfinished.into()),
            Some(there) => {
                let (other, _) = read_state(there.to_owned(), &self.name())?;
                if is_resumed && other.lineage == state.lineage && other.serial > state.serial {
                    // Runs have gone on in the store, from what has arrived or from another checkout's copy of it.
                    let there = Knowledge::of(&other, &journal);
                    let lacking = there.lacks_of(state).or_else(|| there.lacks(entries));
                    return lacking
                        .map_or(Ok(Missing::Nothing), |lacking| Err(went_on_without(&self.name(), &lacking)));
                }
                Err(StoreError::Occupied { serial: other.serial }.into())
            }
        }
    }

    /// What is there, as it was read or written last.
    pub fn standing(&self) -> Result<(State, Vec<Entry>), Error> {
        let text = self.held.text().context("a state was saved there")?.to_owned();
        let (state, _) = read_state(text, &self.name())?;
        Ok((state, read_journal(self.held.journal(), &self.journal_name())?))
    }

    pub fn seal(&self) -> Option<Seal> {
        self.seal
    }

    pub fn entries(&mut self, serial: u64) -> Result<Vec<Entry>, Error> {
        let all = read_journal(self.held.journal(), &self.journal_name())?;
        let count = all.len();
        let kept = without_cut_off_rebuild(all, serial);
        if kept.len() < count {
            self.cut(keep(&kept))?;
        }
        self.is_taken_over |=
            kept.iter().rfind(|entry| is_end(entry)).is_some_and(|entry| !matches!(entry, Entry::Closed { .. }));
        Ok(kept)
    }

    pub fn newest(&self, lineage: Lineage) -> Option<u64> {
        self.lock.as_ref()?.newest(lineage)
    }

    pub fn is_other(&self, lineage: Lineage, serial: u64) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.is_other(lineage, serial, self.seal))
    }

    pub fn note(&mut self, lineage: Lineage, serial: u64, seal: Option<Seal>) {
        if let Some(lock) = &mut self.lock {
            lock.note(lineage, serial, seal);
        }
    }

    pub fn save(&mut self, state: &State) -> Result<(), Error> {
        self.save_with(state, Keep::All, false)
    }

    fn save_with(&mut self, state: &State, keep: Keep, release: bool) -> Result<(), Error> {
        let mut text = Vec::new();
        let seal = file_v1::write_to(state, &mut text).context("a state can't be written down")?;
        let save = Save { text, lineage: state.lineage, serial: state.serial };
        self.held.save(save, keep, release).map_err(|error| self.told(error))?;
        self.seal = Some(seal);
        Ok(())
    }

    fn cut(&mut self, keep: Keep) -> Result<(), Error> {
        self.held.cut(keep).map_err(|error| told(error, &self.credentials))
    }

    pub fn drop_journal(&mut self) -> Result<(), Error> {
        self.cut(Keep::Nothing)
    }

    pub fn cut_down(&mut self, left: &Left) -> Result<(), Error> {
        let keep = self.left(left, self.held.journal())?;
        self.cut(keep)
    }

    /// What is to be kept of this journal.
    fn left(&self, left: &Left, journal: &[u8]) -> Result<Keep, Error> {
        if left.in_doubt.is_empty() {
            return Ok(Keep::Nothing);
        }
        let entries = read_journal(journal, &self.journal_name())?;
        Ok(keep(&cut_down(&entries, &left.in_doubt, &left.closed)))
    }

    /// That it can be written was shown when it was taken: the head was replaced, and a segment created.
    pub fn open_journal(&mut self, _state: &State) -> Result<JournalWriter, Error> {
        let length = self.held.journal().len() as u64;
        let room = Room { length, limit: BYTES_MAX, reserve: RESERVE };
        self.written = Arc::new(Mutex::new(self.held.journal().to_vec()));
        self.lost = Arc::default();
        let (written, lost) = (Arc::clone(&self.written), Arc::clone(&self.lost));
        let sink = Segments { appender: self.held.appender(), written, lost };
        Ok(JournalWriter::start(self.journal_name().into(), sink, room).context("can't start writing the journal")?)
    }

    /// Waits for the store no longer than this says, however long it takes to answer.
    pub fn stop_with(&self, mut stop: StopSignal) -> JoinHandle<()> {
        let door = Arc::clone(self.held.door());
        tokio::spawn(async move {
            stop.draining().await;
            door.make_haste();
            stop.over().await;
            door.leave();
        })
    }

    /// One replacement of the head makes the state and what is left of its journal count, and lets go.
    pub fn conclude(
        &mut self,
        journal: JournalWriter,
        replay: &Replay,
        left: &Left,
        release: bool,
    ) -> Result<(), Error> {
        // Everything that was appended is there by then, or is lost.
        drop(journal);
        let unsent = self.keep_unsent(replay);
        let written = std::mem::take(&mut *self.written.lock().expect("nobody panics while it is held"));
        let state = replay.state();
        let kept = self.left(left, &written)?;
        let saved = match self.held.is_fenced() {
            true => Err(self.told(StoreError::Fenced { holder: None })),
            false => self.save_with(state, kept, release),
        };
        match saved {
            Ok(()) => {
                self.note(state.lineage, state.serial, self.seal);
                if unsent.is_some() {
                    // Word of what is in the state says nothing new.
                    let _ = self.unsent_file().remove();
                }
                Ok(())
            }
            Err(error) => Err(self.left_word(error, unsent)),
        }
    }

    /// Notes here what this run has made and could not write into the journal; none if it has made nothing like that.
    /// Before anything else: somebody may be about to kill this process.
    fn keep_unsent(&self, replay: &Replay) -> Option<Unsent> {
        let lost = self.lost.lock().expect("nobody panics while it is held").clone();
        let made = late::made(&lost, replay);
        if made.is_empty() {
            return None;
        }
        let names: Vec<String> = made.iter().map(|(address, id, _)| format!("{address} is {id:#}")).collect();
        let lines = made.into_iter().map(|(.., line)| line).collect();
        let word = Late::new(crate::cli::surroundings::user(), crate::cli::clock::SystemClock::timestamp(), lines);
        let here = self.unsent_file().keep(word.clone());
        Some(Unsent { names: names.join(", "), word, here })
    }

    /// Leaves word in the store of what this run has made and could not write down. Where that can't be reached, there
    /// is word of it here.
    fn left_word(&self, error: Error, unsent: Option<Unsent>) -> Error {
        let Some(Unsent { names, word, here }) = unsent else {
            return error.hint("what was done is in the journal, and the next apply continues from there");
        };
        let file = self.unsent_file();
        let error = error.hint(format!("made, but not in the journal: {names}"));
        match (self.held.leave_late(&word), here) {
            (Ok(()), here) => {
                // Word that is left twice says nothing new.
                let _ = here.and_then(|()| file.remove());
                error.hint("the next apply records them: they are noted in the store")
            }
            (Err(away), Ok(())) => error.hint(format!(
                "the store can't be written ({away}); they are noted in {}, and the next apply here records them",
                file.path().display()
            )),
            (Err(_), Err(lost)) => error.hint(format!("they could not be noted: {lost}")),
        }
    }

    pub fn bring_home_late(&mut self, replay: &mut Replay, opened: impl Fn(&State) -> Entry) -> Result<bool, Error> {
        let found = self.held.door().late().map_err(|error| self.told(error))?;
        let records = late::records(&found, &self.name())?;
        let is_new = late::bring_home(&records, replay, opened)?;
        if is_new {
            replay.grow();
            let left = Left::of(replay, crate::cli::clock::SystemClock::timestamp());
            let kept = self.left(&left, self.held.journal())?;
            self.save_with(&replay.state().clone(), kept, false)?;
        }
        self.held.remove_late(found).map_err(|error| self.told(error))?;
        Ok(is_new)
    }

    pub fn sent_before(&self) -> Result<SentBefore, Error> {
        Ok(SentBefore::ago(self.held.sent_before().map_err(|error| self.told(error))?))
    }

    /// A call that was sent in the last moment of a lease may arrive for as long as it was given.
    pub fn calls_on_their_way(&self, sent: SentBefore) -> Duration {
        if self.is_taken_over { self.call_timeout.saturating_sub(sent.age()) } else { Duration::ZERO }
    }
}

/// Why a move can't go on: what was about to move is all that is left of something.
fn went_on_without(name: &str, lacking: &str) -> Error {
    let message = format!("runs have gone on in {name}, which lacks what was about to move: {lacking}");
    let hint = "nothing was changed. Adopt what was made with `dixaform/adopt`. Look in Dixa for what the calls made that \
                have begun and not ended, and adopt that, too. Only then move the state and the journal away that are \
                left here";
    Error::new(Exit::Refused, message).hint(hint)
}

/// Makes sure that the specs of some records are specs.
pub fn check_specs(state: &mut State, which: impl Fn(&Address) -> bool, name: &str) -> Result<(), Error> {
    file_v1::check_specs(state, which).map_err(|error| unusable(error, name))
}

/// What somebody sees who holds nothing.
pub struct Looked {
    pub state: Option<State>,
    pub seal: Option<Seal>,
    pub entries: Vec<Entry>,
    pub late: Vec<Late>,
}

/// Looks at a state without taking it.
pub fn look(store: &StoreAccess) -> Result<Looked, Error> {
    let (door, name) = (store.door()?, store.url.to_string());
    let looked = door.look().map_err(|error| told(error, &door.credentials))?;
    let Some(Look { state, journal, .. }) = looked else {
        return Ok(Looked { state: None, seal: None, entries: Vec::new(), late: Vec::new() });
    };
    let (mut state, seal) = match state {
        Some(text) => {
            let (state, seal) = read_state(text, &name)?;
            (Some(state), Some(seal))
        }
        None => (None, None),
    };
    if let Some(state) = state.as_mut().filter(|_| !journal.is_empty()) {
        check_specs(state, |_| true, &name)?;
    }
    let late = door.late().map_err(|error| told(error, &door.credentials))?;
    Ok(Looked { state, seal, entries: read_journal(&journal, &format!("{name}/log"))?, late })
}

/// Takes a state, waiting up to `timeout` for whoever has it.
pub fn take(
    store: &StoreAccess,
    files: &StateFiles,
    info: &LockInfo,
    timeout: Duration,
    call_timeout: Duration,
) -> Result<InStore, Error> {
    #[expect(clippy::disallowed_methods, reason = "waiting takes time")]
    let start = std::time::Instant::now();
    // One run in each checkout, which remembers what was seen; where that can't be written, the store is enough.
    let lock = match StateLock::acquire(&files.lock, info, timeout) {
        Ok(lock) => Some(lock),
        Err(error @ LockError::Held { .. }) => return Err(error.into()),
        Err(LockError::File(_)) => None,
    };
    let taken = take_unlocked(store, files, info, timeout.saturating_sub(start.elapsed()), call_timeout)?;
    Ok(InStore { lock, ..taken })
}

/// [`take`] without the lock of this checkout.
pub fn take_unlocked(
    store: &StoreAccess,
    files: &StateFiles,
    info: &LockInfo,
    timeout: Duration,
    call_timeout: Duration,
) -> Result<InStore, Error> {
    let LockInfo { who, host, pid, command, since } = info.clone();
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let run = uuid::Uuid::new_v4().to_string();
    let (ttl_ms, call_timeout_ms) = (ms(store.settings.lease), ms(call_timeout));
    let holder = Holder { run, who, host, pid, command, since: since.clone(), ttl_ms, call_timeout_ms };
    let door = store.door()?;
    let held = door.take(holder, timeout, &since);
    let held = held.map_err(|error| told(error, &door.credentials))?;
    store.hold(held.lease());
    InStore::new(held, None, files.clone(), call_timeout)
}

/// Whether an entry says that a run begins, goes on or is over.
fn is_end(entry: &Entry) -> bool {
    matches!(entry, Entry::Opened { .. } | Entry::Closed { .. })
}

/// What is kept of a journal: these entries.
fn keep(entries: &[Entry]) -> Keep {
    match entries {
        [] => Keep::Nothing,
        _ => Keep::Lines(entries.iter().map(journal::write_line).collect::<String>().into_bytes()),
    }
}

/// The text of a state in a store.
pub fn read_state(text: String, name: &str) -> Result<(State, Seal), Error> {
    file_v1::read_unchecked(text).map_err(|error| unusable(error, name))
}

/// The journal of a state in a store.
pub fn read_journal(text: &[u8], name: &str) -> Result<Vec<Entry>, Error> {
    let read = journal::read(text).with_context(|| format!("the journal {name} can't be used"));
    Ok(read?.entries)
}

fn unusable(error: StateFileError, name: &str) -> Error {
    let is_newer = matches!(error, StateFileError::NewerFormat { .. });
    let hint = if is_newer {
        "use the dixaform that wrote it, or a newer one"
    } else {
        "an older version of the object may be sound"
    };
    Error::from(anyhow::Error::new(error).context(format!("the state {name} can't be used"))).hint(hint)
}

/// An error of a store, with where the credentials come from if that may be it.
pub fn told(error: StoreError, credentials: &str) -> Error {
    let asks = match &error {
        StoreError::Request { fault, .. } => fault.kind == FaultKind::Lasting,
        StoreError::Expired(_) => error.is_about_rights(),
        _ => false,
    };
    let error = Error::from(error.with_credentials(credentials));
    if asks { error.hint(format!("credentials: {credentials}")) } else { error }
}

/// Adds batches to the journal of the store.
struct Segments {
    appender: Appender,
    /// The journal as it is in the store.
    written: Arc<Mutex<Vec<u8>>>,
    lost: Arc<Mutex<Vec<u8>>>,
}

impl Sink for Segments {
    fn append_durably(&mut self, batch: &[u8]) -> Result<(), JournalError> {
        let appended = self.appender.append(batch);
        let noted = if appended.is_ok() { &self.written } else { &self.lost };
        noted.lock().expect("nobody panics while it is held").extend_from_slice(batch);
        appended.map_err(|error| match &error {
            StoreError::Fenced { .. } => JournalError::Fenced { message: error.to_string() },
            _ => JournalError::Store { message: error.to_string(), is_refused: error.is_about_rights() },
        })
    }

    fn too_late(&mut self, batch: &[u8]) {
        self.lost.lock().expect("nobody panics while it is held").extend_from_slice(batch);
    }
}
