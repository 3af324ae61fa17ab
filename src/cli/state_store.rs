//! The commands below `dixaform state` that look at a state as a whole, and say who holds it.

use anyhow::Context as _;

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::held;
use crate::cli::session::OpenTenant;
use crate::render::escape::escape;
use crate::render::number::counted;
use crate::render::state::{self as render, EndedV1};
use crate::store::{Holder, StoreError};
use crate::workspace::{LockError, StateLock, StateStore};

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
                    "warning: the journal has {} that are not in this state\n hint: the next apply records them\n",
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
        Some(holder) => Err(StoreError::Held { holder: Box::new(holder), quiet: None }.into()),
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
