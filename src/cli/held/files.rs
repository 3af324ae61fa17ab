//! A state that is a file, with its journal and its lock beside it.

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::held::Left;
use crate::conversation::Address;
use crate::journal::{Append as _, Entry, JournalError, Replay};
use crate::state::{Lineage, Seal, State};
use crate::workspace::{JournalFile, JournalWriter, Kept, StateError, StateFiles, StateLock, StateStore};

/// The files of a state, locked until this is dropped.
pub struct InFiles {
    files: StateFiles,
    pub store: StateStore,
    pub lock: StateLock,
    /// The journal of a run.
    kept: Option<Kept>,
}

impl InFiles {
    /// Reads nothing yet.
    pub fn new(files: StateFiles, lock: StateLock) -> Self {
        let store = StateStore::open(&files.state);
        InFiles { files, store, lock, kept: None }
    }

    pub fn name(&self) -> String {
        self.files.state.display().to_string()
    }

    pub fn journal_name(&self) -> String {
        self.files.journal.display().to_string()
    }

    pub fn load(&mut self) -> Result<Option<State>, Error> {
        let has_journal = JournalFile::length(&self.files.journal).is_none_or(|length| length > 0);
        Ok(if has_journal { self.store.load() } else { self.store.load_unchecked() }?)
    }

    pub fn check_specs(&self, state: &mut State, which: impl Fn(&Address) -> bool) -> Result<(), Error> {
        Ok(self.store.check_specs(state, which)?)
    }

    pub fn seal(&self) -> Option<Seal> {
        self.store.seal()
    }

    pub fn entries(&mut self, serial: u64) -> Result<Vec<Entry>, Error> {
        Ok(JournalFile::drop_cut_off_rebuild(&self.files.journal, serial)?)
    }

    pub fn newest(&self, lineage: Lineage) -> Option<u64> {
        self.lock.newest(lineage)
    }

    pub fn is_other(&self, lineage: Lineage, serial: u64) -> bool {
        self.lock.is_other(lineage, serial, self.store.seal())
    }

    pub fn note(&mut self, lineage: Lineage, serial: u64, seal: Option<Seal>) {
        self.lock.note(lineage, serial, seal);
    }

    pub fn save(&mut self, state: &State) -> Result<(), Error> {
        Ok(self.store.save(state)?)
    }

    pub fn drop_journal(&mut self) -> Result<(), Error> {
        Ok(JournalFile::remove(&self.files.journal)?)
    }

    pub fn cut_down(&mut self, left: &Left) -> Result<(), Error> {
        Ok(JournalFile::cut_down(&self.files.journal, &left.in_doubt, &left.closed)?)
    }

    pub fn open_journal(&mut self, state: &State) -> Result<JournalWriter, Error> {
        self.store.prove(state).map_err(nothing_was_sent)?;
        let (journal, kept) = JournalFile::open(&self.files.journal, self.store.room())?;
        self.kept = Some(kept);
        Ok(journal)
    }

    pub async fn conclude(&mut self, journal: JournalWriter, replay: &Replay, left: &Left) -> Result<(), Error> {
        let state = replay.state();
        if let Err(error) = self.store.save(state) {
            drop(journal);
            return Err(not_saved(error, &self.store, state, self.kept.take()));
        }
        self.lock.note(state.lineage, state.serial, self.store.seal());
        // The state is saved; an unwritten `Closed` only means that the journal is looked at once more.
        let _ = journal.append(left.closed.clone()).await;
        drop(journal);
        self.tidy(left)?;
        Ok(())
    }

    /// Leaves of the journal what is in doubt, which the run knows without reading it again.
    ///
    /// A journal that could not be written to its end is not believed: of a call that the run has seen end, and that is
    /// in the saved state, it may say only that it began. The next run would look for what was made, find it taken, and
    /// could take a stranger's conversation for it.
    fn tidy(&self, left: &Left) -> Result<(), JournalError> {
        if left.in_doubt.is_empty() {
            return JournalFile::remove(&self.files.journal);
        }
        JournalFile::cut_down(&self.files.journal, &left.in_doubt, &left.closed)
    }
}

/// Why a run can't begin: a state that was replaced while somebody thought about the plan is no doubt yet.
fn nothing_was_sent(error: StateError) -> Error {
    match error {
        StateError::Replaced { .. } => {
            let hint = "nothing was sent or written; run it again with the state that is there now";
            Error { exit: Exit::Refused, hints: vec![hint.to_owned()], ..error.into() }
        }
        _ => Error::from(error).hint("nothing was sent, because what is made could not be saved"),
    }
}

/// Why a run can't be saved. Its journal stays, even if somebody has removed that too; a state that is gone can be put
/// back from its backup, with all that was done.
fn not_saved(error: StateError, store: &StateStore, state: &State, kept: Option<Kept>) -> Error {
    let is_gone = matches!(error, StateError::Replaced { gone: true, .. });
    let error = Error::from(error);
    let error = match is_gone.then(|| store.save_as_backup(state)) {
        Some(Ok(backup)) => {
            error.hint(format!("{} has the whole state, with everything that was done", backup.display()))
        }
        Some(Err(_)) | None => error,
    };
    match kept.map(Kept::put_back) {
        Some(Ok(place)) => error.hint(format!("everything that was done is in {}", place.display())),
        Some(Err(lost)) => error.hint(format!("what was done could not be kept: {lost}")),
        None => error,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at the files")]
mod tests {
    use super::*;
    use crate::conversation::{Address, Attributes, Conversation, Id, Kind};
    use crate::handling::Handling;
    use crate::journal::{CallKind, Decision, Intent, write_line};
    use crate::spec::Spec;
    use crate::state::{Applied, TenantIdentity};
    use serde_json::Map;

    fn opened() -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: Lineage(uuid::Uuid::nil()),
            base_serial: 1,
            tenant: TenantIdentity { base_url: "sandbox".into(), organization_id: None },
            command: "apply".into(),
            at: String::new(),
            pid: 1,
        }
    }

    fn began(seq: u64) -> Entry {
        let wanted = Conversation { content: Map::new(), attributes: Attributes::new(), handling: Handling::default() };
        let intent = Intent {
            tag: None,
            digests: wanted.digests(),
            applied: Applied::Full(Spec::of(&wanted)),
            source: None,
            requester: None,
            marker: None,
            known_before: Vec::new(),
            names: Default::default(),
            replaced: None,
            at: String::new(),
        };
        let address = Address::new(Kind::Conversation, &format!("c{seq}")).expect("a name");
        Entry::Began { seq, address, call: CallKind::Create, intent: Box::new(intent) }
    }

    /// The calls that are in doubt in a journal that has these entries, after a run that knew more was tidied up; none
    /// when the journal is gone.
    fn in_doubt_after(written: &[Entry], lost: &[Entry]) -> Option<Vec<u64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("staging.journal");
        std::fs::write(&path, written.iter().map(write_line).collect::<String>()).expect("written");
        let state = State { serial: 1, ..State::new(Lineage(uuid::Uuid::nil())) };
        let mut replay = Replay::new(state);
        written.iter().chain(lost).for_each(|entry| replay.add(entry).expect("it fits"));
        replay.settle();
        replay.grow();
        let files = StateFiles::beside(folder.path().join("staging.json"));
        let info = crate::cli::state_access::lock_info("apply");
        let lock = StateLock::acquire(&files.lock, &info, std::time::Duration::ZERO).expect("free");
        InFiles::new(files, lock).tidy(&Left::of(&replay, String::new())).expect("tidied");
        let mut again = Replay::new(replay.state().clone());
        let entries = path.exists().then(|| JournalFile::read_all(&path).expect("sound"))?;
        entries.iter().for_each(|entry| again.add(entry).expect("it fits"));
        assert_eq!(again.fits(), Ok(()));
        Some(again.in_doubt().into_iter().map(|doubt| doubt.seq).collect())
    }

    #[test]
    fn how_a_call_ended_is_known_although_it_could_not_be_written() {
        let at = String::new;
        let ends = [
            Entry::Succeeded {
                seq: 1,
                id: Id::conversation(7),
                partial_errors: Vec::new(),
                answered: Attributes::new(),
                at: at(),
            },
            Entry::Failed { seq: 1, certain: true, message: at(), at: at() },
            Entry::Decided { seq: 1, decision: Decision::Create, by: crate::journal::DecidedBy::Machine, at: at() },
        ];
        for end in ends {
            let lost = [end];
            assert_eq!(in_doubt_after(&[opened(), began(1)], &lost), None, "{lost:?}");
            assert_eq!(in_doubt_after(&[opened(), began(1), began(2)], &lost), Some(vec![2]), "{lost:?}");
        }
    }

    #[test]
    fn what_is_in_doubt_stays_so_and_what_was_never_written_was_never_sent() {
        assert_eq!(in_doubt_after(&[opened(), began(1)], &[]), Some(vec![1]));
        assert_eq!(in_doubt_after(&[opened(), began(1)], &[began(2)]), Some(vec![1]));
        assert_eq!(in_doubt_after(&[opened()], &[began(2)]), None);
    }
}
