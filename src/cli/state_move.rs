//! `dixaform state move-to`: a state moves into a store, from its file or from a branch of the repository.
//!
//! What is left behind is never planned on: a state that is forgotten to have moved would make everything again. So it
//! says that it is on its way before anything is uploaded, and the command, given again, goes on wherever it was cut
//! off.

mod branch;

use std::sync::Arc;
use std::time::Duration;

use crate::access::{StatePlace, StoreUrl};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::held::{self, Held, InStore};
use crate::cli::output::shown;
use crate::cli::session::OpenTenant;
use crate::cli::state_access::{self, Older, lock_info};
use crate::cli::state_args::MoveToArgs;
use crate::cli::store_access::StoreAccess;
use crate::journal::Entry;
use crate::render::number::counted;
use crate::render::state as render;
use crate::state::State;
use crate::state::file_v1::{self, StateFileError};
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
         {left_behind} only says where the state went, and every command refuses to plan on it.\n",
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

fn from_file(
    open: &OpenTenant<'_>,
    far: &OpenTenant<'_>,
    held: &mut Held,
    lock_timeout: Duration,
) -> Result<Moved, Error> {
    let url = url_of(far);
    let state = match on_its_way(open, url)? {
        Some(state) => state,
        None => {
            let Some(mut state) = held.load()? else {
                let message = format!("there is no state {} to move", open.state_name());
                return Err(Error::new(Exit::Failed, message).hint("an apply to the store makes one there"));
            };
            held.check_specs(&mut state, |_| true)?;
            state_access::check_age(&state, held, Older::Refused)?;
            state
        }
    };
    state_access::same_tenant(&state, open.tenant, &open.state_name())?;
    let entries = held.entries(state.serial)?;
    let mut there = take(far, lock_timeout)?;
    there.can_receive(&state, &entries)?;
    leave_word(open, url, true)?;
    let again = format!("nobody plans on the state meanwhile; `dixaform state move-to {url}` goes on from here");
    there.receive(&state, &entries).map_err(|error| error.hint(again))?;
    drop(there);
    leave_word(open, url, false)?;
    Ok(Moved { state, entries, left_behind: shown(&open.files.state) })
}

/// The state that an earlier try was about to move to this URL, which is the backup by then.
fn on_its_way(open: &OpenTenant<'_>, url: &StoreUrl) -> Result<Option<State>, Error> {
    match StateStore::open(&open.files.state).load_unchecked() {
        Err(StateError::Unusable { source: StateFileError::Moving { to }, .. }) if to == url.to_string() => {
            Ok(StateStore::open(&open.files.backup).load()?)
        }
        _ => Ok(None),
    }
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

/// Where a state went, in its place; the state itself becomes the backup. Its journal goes once all has arrived.
fn leave_word(open: &OpenTenant<'_>, url: &StoreUrl, unfinished: bool) -> Result<(), Error> {
    let mut store = StateStore::open(&open.files.state);
    match store.load_unchecked() {
        Ok(Some(state)) => store.save_as_backup(&state).map(|_| ())?,
        Ok(None) | Err(StateError::Unusable { source: StateFileError::Moving { .. }, .. }) => {}
        Err(error) => return Err(error.into()),
    }
    atomic_file::replace(&open.files.state, file_v1::moved(&url.to_string(), unfinished).as_bytes())?;
    if !unfinished {
        JournalFile::remove(&open.files.journal)?;
    }
    Ok(())
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
