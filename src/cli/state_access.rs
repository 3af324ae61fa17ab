//! How commands come to the state: looking at it, or taking it to change it.

use std::time::Duration;

use crate::cli::clock::SystemClock;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::held::{self, Held, InFiles, Left};
use crate::cli::output::shown;
use crate::cli::session::{OpenTenant, Session};
use crate::conversation::Address;
use crate::journal::{Calls, Entry, InDoubt, Replay, ReplayError, without_cut_off_rebuild};
use crate::project::Tenant;
use crate::render::escape::escape;
use crate::render::number::counted;
use crate::state::file_v1::StateFileError;
use crate::state::{Lineage, Seal, State};
use crate::workspace::{JournalFile, LockInfo, StateError, StateLock, StateStore};

/// The current state, with the journal of an apply that was cut off in it.
pub struct Standing {
    pub state: State,
    /// Of its file, if there is one.
    pub seal: Option<Seal>,
    pub in_doubt: Vec<InDoubt>,
}

/// What becomes of a state that is older than one of the same lineage that was seen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    Refused,
    Accepted,
    /// It is worked on, and stays refused elsewhere until that is done.
    Tolerated,
}

/// Looks at the state without changing anything. One that was never saved has the nil lineage.
pub fn look(open: &OpenTenant<'_>) -> Result<Standing, Error> {
    let mut standing = look_unchecked(open)?;
    check_specs(open, &mut standing.state, |_| true)?;
    Ok(standing)
}

/// Makes sure that the specs of some records of a state that was looked at are specs.
pub fn check_specs(open: &OpenTenant<'_>, state: &mut State, which: impl Fn(&Address) -> bool) -> Result<(), Error> {
    match &open.store {
        Some(_) => held::check_specs(state, which, &open.state_name()),
        None => Ok(StateStore::open(&open.files.state).check_specs(state, which)?),
    }
}

/// [`look`] without looking into the specs, unless a journal asks for them.
pub fn look_unchecked(open: &OpenTenant<'_>) -> Result<Standing, Error> {
    let OpenTenant { tenant, files, .. } = open;
    let mut seal = None;
    let mut late = Vec::new();
    let name = open.state_name();
    let journal_name = open.journal_name();
    let read = || {
        let (state, entries) = match &open.store {
            Some(store) => {
                let looked = held::look(store)?;
                (seal, late) = (looked.seal, looked.late);
                (looked.state, looked.entries)
            }
            None => {
                let mut store = StateStore::open(&files.state);
                let has_journal = JournalFile::length(&files.journal).is_none_or(|length| length > 0);
                let state = if has_journal { store.load()? } else { store.load_unchecked()? };
                seal = store.seal();
                (state, JournalFile::read_all(&files.journal)?)
            }
        };
        let state = state.unwrap_or_else(|| State::new(Lineage(uuid::Uuid::nil())));
        same_tenant(&state, tenant, &name)?;
        Ok((state, entries))
    };
    let mut replay = unlocked(read, &journal_name)?;
    check_fits(&replay, &journal_name)?;
    let State { lineage, serial, .. } = *replay.state();
    let is_other = StateLock::is_other_at(&files.lock, lineage, serial, seal);
    let newest = StateLock::newest_at(&files.lock, lineage);
    if let Some(older) = older(replay.state(), newest, &name).or(other(replay.state(), is_other, &name)) {
        open.session.output.note(&format!("warning: {}; an apply refuses it\n hint: {OLDER_HINT}\n", escape(&older)));
    }
    replay.settle();
    held::tell_late(&open.session.output, &late, &replay, &name)?;
    let in_doubt = replay.in_doubt();
    let (state, _) = replay.into_parts();
    Ok(Standing { state, seal, in_doubt })
}

/// Warns on standard error that a state is missing which existed before: an apply without it creates everything again.
pub fn tell_if_lost(open: &OpenTenant<'_>) {
    let OpenTenant { session, files, store, .. } = open;
    if store.is_none() && files.backup.exists() && !files.state.exists() {
        let (state, backup) = (shown(&files.state), shown(&files.backup));
        session.output.note(&format!(
            "warning: the state {state} is missing but its backup {backup} exists\n hint: if it was lost, restore the \
             newest state that you have; the backup lacks what the last run made. {REBUILD_HINT}. Without a state, \
             everything is created again\n"
        ));
    }
}

/// Says that a state is older than one that was seen here.
fn older(state: &State, newest: Option<u64>, name: &str) -> Option<String> {
    let newest = newest.filter(|newest| *newest > state.serial)?;
    let serial = state.serial;
    Some(format!("the state {name} is at serial {serial}, but serial {newest} was seen here"))
}

/// Says that a state is another one than that of its serial which was seen here.
fn other(state: &State, is_other: bool, name: &str) -> Option<String> {
    let serial = state.serial;
    is_other.then(|| format!("the state {name} is not the one with serial {serial} that was seen here"))
}

/// What can be done where a state is lost.
const REBUILD_HINT: &str = "`dixaform state rebuild` looks in Dixa for what was made";

/// What can be done about an older state.
const OLDER_HINT: &str = "restore the newest one; if it is lost, `dixaform state rebuild` looks in Dixa for what was \
                          made since, and `dixaform apply --accept-older-state` makes that again";

/// Refuses a state from the past, or takes it for the newest one from now on.
pub fn check_age(state: &State, held: &mut Held, accepted: Older) -> Result<(), Error> {
    let (is_other, name) = (held.is_other(state.lineage, state.serial), held.name());
    match older(state, held.newest(state.lineage), &name).or(other(state, is_other, &name)) {
        Some(older) if accepted == Older::Refused => Err(Error::new(Exit::Refused, older).hint(OLDER_HINT)),
        Some(_) if accepted == Older::Tolerated => Ok(()),
        _ => {
            held.note_saved(state);
            Ok(())
        }
    }
}

/// How often state and journal are read until they belong together. Each further time takes an apply that has saved its
/// state in the moment between the two.
const LOOKS_MAX: u32 = 5;

/// The state with its journal in it, read without the lock. An apply may save between the one and the other: its
/// journal is then ahead of the state that was read, and not of the one that is there.
fn unlocked(mut read: impl FnMut() -> Result<(State, Vec<Entry>), Error>, journal: &str) -> Result<Replay, Error> {
    let mut looks = 1;
    loop {
        let (state, entries) = read()?;
        let mut replay = Replay::new(state);
        let entries = without_cut_off_rebuild(entries, replay.state().serial);
        match add_entries(&mut replay, &entries) {
            Err(ReplayError::StateTooOld { .. }) if looks < LOOKS_MAX => looks += 1,
            Err(error) => return Err(error).during(no_fit(journal)),
            Ok(()) => return Ok(replay),
        }
    }
}

/// Adds the journal to the state that is held, and tells whether there is one. A rebuild that was cut off is taken out
/// of it for good.
///
/// # Errors
/// The journal can't be read or written, or does not fit the state.
fn add_journal(replay: &mut Replay, held: &mut Held) -> Result<bool, Error> {
    let entries = held.entries(replay.state().serial)?;
    add_entries(replay, &entries).during(no_fit(&held.journal_name()))?;
    Ok(!entries.is_empty())
}

fn add_entries(replay: &mut Replay, entries: &[Entry]) -> Result<(), ReplayError> {
    entries.iter().try_for_each(|entry| replay.add(entry))
}

/// Refuses a journal of which the state does not know everything.
fn check_fits(replay: &Replay, journal: &str) -> Result<(), Error> {
    replay.fits().during(no_fit(journal))
}

/// Says on standard error which calls are in doubt.
pub fn tell_in_doubt(session: &Session, in_doubt: &[InDoubt]) {
    if in_doubt.is_empty() {
        return;
    }
    let mut text = format!("\n{} in doubt: an apply ended before the answer came.\n", counted(in_doubt.len(), "call"));
    for InDoubt { address, call, since, .. } in in_doubt {
        text.push_str(&format!("  {address}: {} begun at {}\n", call.word(), escape(since)));
    }
    session.output.note(&text);
}

/// The state of a tenant, held until this is dropped.
pub struct Taken {
    pub held: Held,
    /// With everything in it that the journal of an earlier run had.
    pub state: State,
    pub in_doubt: Vec<InDoubt>,
    /// What the journal says beside the state, for a run to go on from.
    pub calls: Calls,
}

impl Taken {
    /// Saves a state that was changed outside of a run. The one before stays as a backup.
    pub fn save(&mut self) -> Result<(), Error> {
        self.state.serial += 1;
        self.held.save(&self.state)?;
        self.held.note_saved(&self.state);
        Ok(())
    }
}

/// Locks the state, and brings home what an apply that was cut off left in the journal.
pub fn take(open: &OpenTenant<'_>, command: &str, lock_timeout: Duration) -> Result<Taken, Error> {
    let mut taken = take_unchecked(open, command, lock_timeout, Older::Refused)?;
    taken.held.check_specs(&mut taken.state, |_| true)?;
    Ok(taken)
}

/// [`take`] without looking into the specs, unless a journal asks for them.
pub fn take_unchecked(
    open: &OpenTenant<'_>,
    command: &str,
    lock_timeout: Duration,
    older: Older,
) -> Result<Taken, Error> {
    take_held(open, hold(open, command, lock_timeout)?, command, older)
}

/// [`take_unchecked`] of a state that is held already.
pub fn take_held(open: &OpenTenant<'_>, held: Held, command: &str, older: Older) -> Result<Taken, Error> {
    let opened = |state: &State| opened(state, open.tenant, None, command);
    let taken = read(held, Lineage(uuid::Uuid::new_v4()), older, opened)?;
    same_tenant(&taken.state, open.tenant, &taken.held.name())?;
    Ok(taken)
}

/// Takes the state for this command alone, waiting for whoever has it.
pub fn hold(open: &OpenTenant<'_>, command: &str, lock_timeout: Duration) -> Result<Held, Error> {
    let OpenTenant { tenant, files, .. } = open;
    let info = lock_info(command);
    let Some(store) = &open.store else {
        let lock = StateLock::acquire(&files.lock, &info, lock_timeout)?;
        return Ok(Held::Files(Box::new(InFiles::new(files.clone(), lock))));
    };
    // The answers of an embedded sandbox end with its process.
    let call_timeout = if tenant.is_sandbox() { Duration::ZERO } else { tenant.request_timeout };
    Ok(Held::Store(Box::new(held::take(store, files, &info, lock_timeout, call_timeout)?)))
}

/// Seals a state that was edited on purpose, after making sure that it is one; none where there is nothing to accept.
/// Its serial stays, since a journal may go on from it.
pub fn accept(open: &OpenTenant<'_>, command: &str) -> Result<Option<State>, Error> {
    let OpenTenant { tenant, files, .. } = open;
    let mut lock = StateLock::acquire(&files.lock, &lock_info(command), Duration::ZERO)?;
    let mut store = StateStore::open(&files.state);
    match store.load() {
        Err(StateError::Unusable { source: StateFileError::Changed, .. }) => {}
        loaded => return Ok(loaded.map(|_| None)?),
    }
    let edited = store.load_edited()?;
    if let Some(state) = &edited {
        same_tenant(state, tenant, &open.state_name())?;
        store.seal_again(state)?;
        // What a person accepts is meant, unless a newer one was seen.
        if lock.newest(state.lineage).is_none_or(|newest| newest <= state.serial) {
            lock.note(state.lineage, state.serial, store.seal());
        }
    }
    Ok(edited)
}

/// Takes conversations that are in the journal and unknown to a state from elsewhere into that state, or leaves them
/// alone, as `decide` says for each; nothing happens where there are none. The journal keeps what is in doubt. Gives
/// back what `decide` did, once that is saved.
///
/// # Errors
/// Those of `decide`, with state and journal as they were; the state or the journal can't be used or written.
pub fn settle_unrecorded<T>(
    open: &OpenTenant<'_>,
    held: &mut Held,
    decide: impl FnOnce(&mut Replay) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    // What was never saved knows nothing, and has nothing passed over.
    let Some(mut state) = held.load()? else { return Ok(None) };
    held.check_specs(&mut state, |_| true)?;
    same_tenant(&state, open.tenant, &held.name())?;
    let mut replay = Replay::new(state);
    add_journal(&mut replay, held)?;
    if replay.fits().is_ok() {
        return Ok(None);
    }
    check_age(replay.state(), held, Older::Refused)?;
    replay.settle();
    let decided = decide(&mut replay)?;
    if replay.has_changed() {
        replay.grow();
        held.save(replay.state())?;
        held.note_saved(replay.state());
    }
    held.cut_down(&Left::of(&replay, SystemClock::timestamp()))?;
    Ok(Some(decided))
}

/// Reads state and journal, and saves what only the journal had. A state that was never saved gets `new_lineage`;
/// `opened` is the entry of a run that brings home what was noted late.
pub fn read(
    mut held: Held,
    new_lineage: Lineage,
    older: Older,
    opened: impl Fn(&State) -> Entry,
) -> Result<Taken, Error> {
    let loaded = held.load()?;
    let mut replay = Replay::new(loaded.unwrap_or_else(|| State::new(new_lineage)));
    let mut has_journal = add_journal(&mut replay, &mut held)?;
    check_fits(&replay, &held.journal_name())?;
    check_age(replay.state(), &mut held, older)?;
    replay.settle();
    if replay.is_open() && replay.has_changed() {
        // The run was cut off. Its effects are saved, and the run is closed in the journal by whoever writes it next.
        replay.grow();
        held.save(replay.state())?;
        let State { lineage, serial, .. } = *replay.state();
        // One that is older stays so.
        let newest = held.newest(lineage).filter(|_| older == Older::Tolerated);
        let seal = held.seal().filter(|_| newest.is_none_or(|newest| newest <= serial));
        held.note(lineage, newest.map_or(serial, |newest| newest.max(serial)), seal);
    }
    has_journal |= held.bring_home_late(&mut replay, opened)?;
    let in_doubt = replay.in_doubt();
    let (state, mut calls) = replay.into_parts();
    if has_journal && in_doubt.is_empty() {
        held.drop_journal()?;
        calls = Calls::default();
    }
    Ok(Taken { held, state, in_doubt, calls })
}

/// The first entry of a run.
pub fn opened(state: &State, tenant: &Tenant, organization: Option<&str>, command: &str) -> Entry {
    Entry::Opened {
        run: uuid::Uuid::new_v4(),
        lineage: state.lineage,
        base_serial: state.serial,
        tenant: crate::state::TenantIdentity {
            base_url: tenant.identity(),
            organization_id: organization.map(str::to_owned),
        },
        command: command.to_owned(),
        at: SystemClock::timestamp(),
        pid: std::process::id(),
    }
}

/// What a lock says of this command.
pub fn lock_info(command: &str) -> LockInfo {
    LockInfo {
        who: crate::cli::surroundings::user(),
        host: crate::cli::surroundings::host(),
        pid: std::process::id(),
        command: command.to_owned(),
        since: SystemClock::timestamp(),
    }
}

/// Refuses a state that belongs to another tenant.
pub fn same_tenant(state: &State, tenant: &Tenant, name: &str) -> Result<(), Error> {
    let Some(known) = &state.tenant else { return Ok(()) };
    let identity = tenant.identity();
    if known.base_url != identity {
        let message =
            format!("the state {name} belongs to {}, but the tenant `{}` is {identity}", known.base_url, tenant.name);
        return Err(Error::new(Exit::Refused, message)
            .hint("use the tenant that the state was made for, or another state file"));
    }
    match (&known.organization_id, &tenant.organization_id) {
        (Some(known), Some(wanted)) if known != wanted => {
            let message = format!(
                "the state {name} belongs to organization {known}, but the tenant `{}` is {wanted}",
                tenant.name
            );
            Err(Error::new(Exit::Refused, message)
                .hint("use the tenant that the state was made for, or another state file"))
        }
        _ => Ok(()),
    }
}

fn no_fit(journal: &str) -> String {
    format!("the journal {journal} does not fit the state")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write the files")]
mod tests {
    use super::*;
    use crate::journal::{REBUILD, write_line};
    use crate::workspace::StateFiles;

    fn state(serial: u64) -> State {
        State { serial, ..State::new(Lineage(uuid::Uuid::nil())) }
    }

    #[test]
    fn a_state_that_an_apply_saves_while_it_is_looked_at_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("staging.journal");
        let closed = Entry::Closed { serial: 4, at: String::new() };
        std::fs::write(&journal, write_line(&opened("apply", 3)) + &write_line(&closed)).expect("written");
        let mut serials = [3, 4].into_iter();
        let entries = || Ok::<_, Error>(JournalFile::read_all(&journal)?);
        let replay =
            unlocked(|| Ok((state(serials.next().expect("two looks suffice")), entries()?)), "staging.journal");
        assert_eq!(replay.unwrap_or_else(|error| panic!("{error:?}")).state().serial, 4);
        // If one stays behind, that is reported in the end.
        let mut looks = 0;
        let behind = || {
            looks += 1;
            Ok((state(3), entries()?))
        };
        let error = unlocked(behind, "staging.journal").expect_err("the state is older than its journal");
        assert!(error.message().contains("serial"), "{error}");
        assert_eq!(looks, LOOKS_MAX);
    }

    fn lock_of(files: &StateFiles) -> StateLock {
        StateLock::acquire(&files.lock, &lock_info("apply"), Duration::ZERO).expect("free")
    }

    fn opened(command: &str, base_serial: u64) -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: Lineage(uuid::Uuid::nil()),
            base_serial,
            tenant: crate::state::TenantIdentity { base_url: "sandbox".into(), organization_id: None },
            command: command.into(),
            at: String::new(),
            pid: 1,
        }
    }

    /// A state of serial 3, where one of serial 7 was seen, with a journal beside it.
    fn older_with(journal: &[Entry]) -> (tempfile::TempDir, StateFiles) {
        let folder = tempfile::tempdir().expect("a folder");
        let files = StateFiles::find(&folder.path().join("staging.json")).expect("no link");
        StateStore::open(&files.state).save(&state(3)).expect("saved");
        std::fs::write(&files.journal, journal.iter().map(write_line).collect::<String>()).expect("written");
        lock_of(&files).note(state(3).lineage, 7, None);
        (folder, files)
    }

    fn taken(files: &StateFiles, older: Older) -> Result<Taken, Error> {
        let held = Held::Files(Box::new(InFiles::new(files.clone(), lock_of(files))));
        read(held, state(3).lineage, older, |state| opened("apply", state.serial))
    }

    #[test]
    fn a_rebuild_that_was_cut_off_leaves_no_trace() {
        let forgot = Entry::Forgot { address: "conversation.a".parse().expect("an address") };
        let (_folder, files) = older_with(&[opened(REBUILD, 3), forgot]);
        assert_eq!(taken(&files, Older::Refused).map(|_| ()).map_err(|error| error.exit), Err(Exit::Refused));
        assert!(!files.journal.exists());
        let again = taken(&files, Older::Tolerated).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!((again.state.serial, again.calls.last_seq()), (3, 0));
    }

    #[test]
    fn what_a_journal_adds_to_an_older_state_does_not_make_it_the_newest() {
        let (_folder, files) = older_with(&[opened("apply", 3)]);
        let tolerated = taken(&files, Older::Tolerated).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(tolerated.state.serial, 4, "the run has said whose tenant it is");
        drop(tolerated);
        assert_eq!(taken(&files, Older::Refused).map(|_| ()).map_err(|error| error.exit), Err(Exit::Refused));
    }
}
