//! `dixaform state move-to`: a state moves into a store, from its file or from a branch of the repository.
//!
//! What is left behind is never planned on: a state that is forgotten to have moved would make everything again. So it
//! says that it is on its way before anything is uploaded, and the command, given again, goes on wherever it was cut
//! off.

mod branch;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::access::{StatePlace, StoreUrl};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::held::{self, Held, InStore, Knowledge};
use crate::cli::output::shown;
use crate::cli::session::OpenTenant;
use crate::cli::state_access::{self, Older, lock_info};
use crate::cli::state_args::MoveToArgs;
use crate::cli::store_access::StoreAccess;
use crate::digest::Digest;
use crate::journal::{self, Entry};
use crate::render::number::counted;
use crate::render::state as render;
use crate::state::file_v1::{self, OnItsWay, StateFileError};
use crate::state::{Seal, State};
use crate::workspace::{JournalFile, StateError, StateStore, atomic_file};

const COMMAND: &str = "state move-to";

/// A state with its journal, and what only says from now on where it went.
struct Moved {
    state: State,
    entries: Vec<Entry>,
    left_behind: String,
}

/// Uploads state and journal, and leaves word of that where they were.
pub fn run(open: &OpenTenant<'_>, args: &MoveToArgs, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let url = store_url(&args.url)?;
    if open.store.is_some() {
        let message = format!("the state is in {} already", open.state_name());
        return Err(
            Error::new(Exit::Usage, message).hint("move-to is for a state in a file: name that with --state FILE")
        );
    }
    let store = StoreAccess::new(url, open.tenant.state_store.clone());
    let far = OpenTenant { store: Some(Arc::new(store)), ..open.clone() };
    // No run here may change what moves, and none may begin in between.
    let mut held = state_access::hold(open, COMMAND, args.lock.lock_timeout)?;
    let moved = match &args.from_branch {
        None => from_file(open, &far, &mut held, args.lock.lock_timeout)?,
        Some(name) => branch::from_branch(open, &far, name, args)?,
    };
    drop(held);
    tell(&far, &moved, forms)
}

fn tell(far: &OpenTenant<'_>, moved: &Moved, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let Moved { state, entries, left_behind } = moved;
    let url = url_of(far);
    let journal = match entries.len() {
        0 => String::new(),
        lines => format!(" and {} in its journal", counted(lines, "line")),
    };
    let text = format!(
        "The state is in {url} now, with {} at serial {}{journal}.\nNext: write `state: {url}` into the project file. \
         What is left in {left_behind} only says where the state went, and every command refuses to plan on it.\n",
        counted(state.records.len(), "record"),
        state.serial,
    );
    let place = far.shown_state();
    forms.write(&far.session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => text.clone(),
        ResultForm::Json => render::change_json(&far.whose(&place, state.serial), true, &[], &[]),
    })?;
    Ok(Exit::Done)
}

/// A state as it is about to move.
struct Found {
    state: State,
    entries: Vec<Entry>,
    /// Of the file that was read.
    seal: Option<Seal>,
    /// An earlier try may have moved it.
    is_resumed: bool,
}

fn from_file(
    open: &OpenTenant<'_>,
    far: &OpenTenant<'_>,
    held: &mut Held,
    lock_timeout: Duration,
) -> Result<Moved, Error> {
    let url = url_of(far);
    let left_behind = shown(&open.files.state);
    let found = match StateStore::open(&open.files.state).load_unchecked() {
        Err(StateError::Unusable { source: StateFileError::Moved { to, journal }, .. }) if to == url.to_string() => {
            return arrived(open, far, journal.as_deref());
        }
        Err(StateError::Unusable { source: StateFileError::Moving { to, what }, .. }) if to == url.to_string() => {
            on_its_way(open, held, &what)?
        }
        _ => here(open, held)?,
    };
    state_access::same_tenant(&found.state, open.tenant, &open.state_name())?;
    let mut there = take(far, lock_timeout)?;
    there.can_receive(&found.state, &found.entries, found.is_resumed)?;
    let what = what_moves(&found)?;
    let journal = what.journal.clone();
    leave_word(open, url, found.seal, &Word::OnItsWay(what))?;
    let again = format!("nobody plans on the state meanwhile; `dixaform state move-to {url}` goes on from here");
    let received = there.receive(&found.state, &found.entries, found.is_resumed);
    received.map_err(|error| error.hint(again))?;
    let (state, entries) = there.standing()?;
    drop(there);
    leave_word(open, url, None, &Word::Arrived(journal))?;
    Ok(Moved { state, entries, left_behind })
}

/// A state that has arrived, with the journal that has this digest. That may have been left; but the word can come to
/// another checkout, too, which has a journal of its own.
fn arrived(open: &OpenTenant<'_>, far: &OpenTenant<'_>, digest: Option<&str>) -> Result<Moved, Error> {
    let (url, left_behind, journal) = (url_of(far), shown(&open.files.state), &open.files.journal);
    let held::Looked { state, entries, .. } = held::look(store_of(far))?;
    let none = || Error::new(Exit::Failed, format!("there is no state {url}, although {left_behind} says so"));
    let state = state.ok_or_else(none)?;
    let left = JournalFile::read_all(journal)?;
    if digest_of(&left).as_deref() != digest
        && let Some(lacking) = Knowledge::of(&state, &entries).lacks(&left)
    {
        let message = format!("the journal {} has what the state {url} lacks: {lacking}", shown(journal));
        let hint = "nothing was removed. Adopt what it says was made with `dixaform/adopt`. Look in Dixa for what the \
                    calls made that have begun and not ended, and adopt that, too. Only then move the journal away";
        return Err(Error::new(Exit::Refused, message).hint(hint));
    }
    JournalFile::remove(journal)?;
    Ok(Moved { state, entries, left_behind })
}

/// The state that is here.
fn here(open: &OpenTenant<'_>, held: &mut Held) -> Result<Found, Error> {
    let Some(mut state) = held.load()? else {
        let message = format!("there is no state {} to move", open.state_name());
        return Err(Error::new(Exit::Failed, message).hint("an apply to the store makes one there"));
    };
    held.check_specs(&mut state, |_| true)?;
    state_access::check_age(&state, held, Older::Refused)?;
    let entries = held.entries(state.serial)?;
    Ok(Found { entries, seal: held.seal(), state, is_resumed: false })
}

/// The state that an earlier try was about to move, which is the backup by then.
fn on_its_way(open: &OpenTenant<'_>, held: &mut Held, what: &OnItsWay) -> Result<Found, Error> {
    let backup = StateStore::open(&open.files.backup).load()?;
    let state = backup.ok_or_else(|| not_what_moves(open, what))?;
    let found = Found { entries: held.entries(state.serial)?, seal: None, state, is_resumed: true };
    if what_moves(&found)? == *what { Ok(found) } else { Err(not_what_moves(open, what)) }
}

fn not_what_moves(open: &OpenTenant<'_>, what: &OnItsWay) -> Error {
    let message = format!(
        "{} is not the state at serial {} that was about to move, or its journal is another one",
        shown(&open.files.backup),
        what.serial
    );
    Error::new(Exit::Refused, message).hint("run it again where the move began; nothing was moved")
}

/// The seal is that of the backup, which is written again and need not be the file that was read, byte for byte.
fn what_moves(found: &Found) -> Result<OnItsWay, Error> {
    let seal = file_v1::write_to(&found.state, &mut std::io::sink()).context("a state can't be written down")?;
    Ok(OnItsWay {
        lineage: found.state.lineage.to_string(),
        serial: found.state.serial,
        seal: seal.to_string(),
        journal: digest_of(&found.entries),
    })
}

/// Of the lines of a journal; none where there are none.
fn digest_of(entries: &[Entry]) -> Option<String> {
    let lines: String = entries.iter().map(journal::write_line).collect();
    (!lines.is_empty()).then(|| Digest::of_bytes(lines.as_bytes()).to_string())
}

fn store_of<'o>(far: &'o OpenTenant<'_>) -> &'o StoreAccess {
    far.store.as_ref().expect("it is what the state moves to")
}

fn url_of<'o>(far: &'o OpenTenant<'_>) -> &'o StoreUrl {
    &store_of(far).url
}

/// The store, held by this command.
fn take(far: &OpenTenant<'_>, lock_timeout: Duration) -> Result<InStore, Error> {
    let store = store_of(far);
    // The lock here is held already.
    held::take_unlocked(store, &far.files, &lock_info(COMMAND), lock_timeout, far.tenant.request_timeout)
}

/// What is left where a state was.
enum Word {
    OnItsWay(OnItsWay),
    /// With a journal that has this digest.
    Arrived(Option<String>),
}

/// Where a state went, or is about to go, in its place; the state itself, which has this seal, becomes the backup. Its
/// journal is removed once all has arrived.
fn leave_word(open: &OpenTenant<'_>, url: &StoreUrl, expected: Option<Seal>, word: &Word) -> Result<(), Error> {
    let mut store = StateStore::open(&open.files.state);
    match store.load_unchecked() {
        Ok(Some(state)) if store.seal() == expected => store.save_as_backup(&state).map(|_| ())?,
        Ok(None) if expected.is_none() => {}
        Ok(found) => return Err(StateError::Replaced { path: open.files.state.clone(), gone: found.is_none() }.into()),
        Err(StateError::Unusable {
            source: StateFileError::Moving { to, .. } | StateFileError::Moved { to, .. },
            ..
        }) if to == url.to_string() => {}
        Err(error) => return Err(error.into()),
    }
    let text = match word {
        Word::OnItsWay(what) => file_v1::moving(&url.to_string(), what.clone()),
        Word::Arrived(journal) => file_v1::moved(&url.to_string(), journal.clone()),
    };
    atomic_file::replace(&open.files.state, text.as_bytes())?;
    match word {
        Word::OnItsWay(_) => Ok(()),
        Word::Arrived(_) => Ok(JournalFile::remove(&open.files.journal)?),
    }
}

fn store_url(text: &str) -> Result<StoreUrl, Error> {
    let hint = "for example s3://bucket/prefix, gs://bucket/prefix or az://container/prefix";
    match StatePlace::parse(text) {
        Ok(StatePlace::Store(url)) => Ok(url),
        Ok(StatePlace::File(_)) => {
            Err(Error::new(Exit::Usage, format!("`{text}` is not the URL of a store")).hint(hint))
        }
        Err(error) => Err(Error::new(Exit::Usage, error.to_string()).hint(hint)),
    }
}
