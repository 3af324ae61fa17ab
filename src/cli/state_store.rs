//! The commands below `dixaform state` that are about a state in a store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::access::{StatePlace, StoreUrl};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::held;
use crate::cli::output::shown;
use crate::cli::session::OpenTenant;
use crate::cli::state_access::{self, Older, lock_info};
use crate::cli::store_access::StoreAccess;
use crate::render::escape::escape;
use crate::render::number::counted;
use crate::render::state::{self as render, EndedV1};
use crate::store::{Holder, StoreError};
use crate::workspace::{JournalFile, LockError, StateLock, StateStore, atomic_file};

/// Uploads state and journal, and leaves a file that nobody plans on.
pub fn move_to(open: &OpenTenant<'_>, url: &str, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let url = store_url(url)?;
    if open.store.is_some() {
        let message = format!("the state is in {} already", open.state_name());
        return Err(
            Error::new(Exit::Usage, message).hint("move-to is for a state in a file: name that with --state FILE")
        );
    }
    const COMMAND: &str = "state move-to";
    let mut held = state_access::hold(open, COMMAND, Duration::ZERO)?;
    let Some(state) = held.load()? else {
        let message = format!("there is no state {} to move", open.state_name());
        return Err(Error::new(Exit::Failed, message).hint("an apply to the store makes one there"));
    };
    state_access::same_tenant(&state, open.tenant, &open.state_name())?;
    state_access::check_age(&state, &mut held, Older::Refused)?;
    let entries = held.entries(state.serial)?;
    let store = Arc::new(StoreAccess::new(url.clone(), open.tenant.state_store.clone()));
    let far = OpenTenant { store: Some(Arc::clone(&store)), ..open.clone() };
    // The lock here is held already.
    let info = lock_info(COMMAND);
    let mut there = held::take_unlocked(&store, &far.files, &info, Duration::ZERO, open.tenant.request_timeout)?;
    there.receive(&state, &entries)?;
    drop(there);
    leave_word(open, &url)?;
    drop(held);
    let name = shown(&open.files.state);
    let text = format!(
        "The state is in {url} now, with {} at serial {}{}.\nNext: write `state: {url}` into the project file; {name} only says \
         where it went, and every command refuses to plan on it.\n",
        counted(state.records.len(), "record"),
        state.serial,
        if entries.is_empty() {
            String::new()
        } else {
            format!(" and {} in its journal", counted(entries.len(), "line"))
        },
    );
    let place = far.shown_state();
    forms.write(&open.session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => text.clone(),
        ResultForm::Json => render::change_json(&open.whose(&place, state.serial), true, &[], &[]),
    })?;
    Ok(Exit::Done)
}

/// Where a state went, in its place; the state itself becomes the backup.
fn leave_word(open: &OpenTenant<'_>, url: &StoreUrl) -> Result<(), Error> {
    let mut store = StateStore::open(&open.files.state);
    if let Some(state) = store.load()? {
        store.save_as_backup(&state)?;
    }
    let word = serde_json::json!({ "format": crate::state::file_v1::MOVED, "to": url.to_string() });
    atomic_file::replace(&open.files.state, format!("{word}\n").as_bytes())?;
    JournalFile::remove(&open.files.journal)?;
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

/// Prints the state as it is, byte for byte.
pub fn pull(open: &OpenTenant<'_>, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let none = || Error::new(Exit::Failed, format!("there is no state {} yet", open.state_name()));
    let text = match &open.store {
        Some(store) => {
            let door = store.door()?;
            let looked = door.look().map_err(|error| held::told(error, &door.credentials))?;
            let looked = looked.ok_or_else(none)?;
            if !looked.journal.is_empty() {
                let lines = looked.journal.iter().filter(|byte| **byte == b'\n').count();
                open.session.output.note(&format!(
                    "warning: the journal has {} that are not in this state\n hint: the next apply brings them home\n",
                    counted(lines, "line")
                ));
            }
            looked.state.ok_or_else(none)?
        }
        None => {
            // What can't be used is said, and not printed.
            StateStore::open(&open.files.state).load()?.ok_or_else(none)?;
            let bytes = crate::workspace::manifests::read_bounded(&open.files.state, u64::MAX);
            let bytes = bytes.with_context(|| format!("can't read the state {}", open.state_name()))?;
            String::from_utf8(bytes).context("a state is text")?
        }
    };
    forms.write(&open.session.output, ResultForm::Text, |_, _| text.clone())?;
    Ok(Exit::Done)
}

/// Says who holds the state, or ends that. The operating system releases the lock of a file when its process ends, so
/// there is never one to break.
pub fn unlock(open: &OpenTenant<'_>, force: bool, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let Some(store) = &open.store else {
        return unlock_file(open, force, forms);
    };
    let door = store.door()?;
    let told = |error| held::told(error, &door.credentials);
    if force {
        let ended = door.force().map_err(told)?;
        let text = match &ended {
            Some(Holder { who, host, pid, command, since, .. }) => format!(
                "It was held by {} on {} (process {pid}, {}, since {}). That run stops within its lease; the next \
                 apply waits for what it has sent, and settles what it left in doubt.\n",
                escape(who),
                escape(host),
                escape(command),
                escape(since)
            ),
            None => "The state is not held.\n".to_owned(),
        };
        return free(open, forms, &text, ended.as_ref());
    }
    match door.head().map_err(told)?.and_then(|head| head.holder) {
        None => free(open, forms, "The state is not held.\n", None),
        Some(holder) => Err(StoreError::Held { holder: Box::new(holder), quiet: Duration::ZERO }.into()),
    }
}

/// Says that nobody holds the state, and whose run `--force` has ended.
fn free(open: &OpenTenant<'_>, forms: &Formats<ResultForm>, text: &str, ended: Option<&Holder>) -> Result<Exit, Error> {
    let path = open.shown_state();
    forms.write(&open.session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => text.to_owned(),
        ResultForm::Json => {
            let ended = ended.map(|Holder { who, host, pid, command, since, .. }| EndedV1 {
                who,
                host,
                pid: *pid,
                command,
                since,
            });
            render::lock_json(&open.tenant.name, &path, ended)
        }
    })?;
    Ok(Exit::Done)
}

fn unlock_file(open: &OpenTenant<'_>, force: bool, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    match StateLock::check(&open.files.lock) {
        Ok(()) => free(open, forms, "The state is not locked.\n", None),
        Err(error @ LockError::Held { .. }) => {
            let hint = "there is nothing to unlock: the lock is released when that process ends. If it hangs, stop it; what it \
                        did is in the journal";
            let error = Error { hints: vec![hint.to_owned()], ..error.into() };
            Err(if force { error.hint("--force is for a state in a store") } else { error })
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses what is of no use for a state in a store.
pub fn only_in_files(open: &OpenTenant<'_>, command: &str) -> Result<(), Error> {
    match open.store {
        Some(_) => {
            let message = format!("{command} is for a state in a file, and this one is in {}", open.state_name());
            Err(Error::new(Exit::Usage, message).hint("a state in a store is never edited by hand"))
        }
        None => Ok(()),
    }
}
