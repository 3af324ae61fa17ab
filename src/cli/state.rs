//! `dixaform state`: what was applied.

use std::time::Duration;

use anyhow::Context as _;

use crate::cli::args::StateCommand;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::{FormatArg, RecordForm};
use crate::cli::output::shown;
use crate::cli::rebuild;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::state_access;
use crate::conversation::Address;
use crate::finding::closest;
use crate::json;
use crate::name;
use crate::plan::Scope;
use crate::render::escape::{escape, escape_json};
use crate::render::manifest::manifest;
use crate::render::number::counted;
use crate::spec::Spec;
use crate::state::{Applied, CannotMove, Record, State, file_v1};
use crate::workspace::{LockError, StateLock};

pub fn run(session: &Session, command: &StateCommand) -> Result<Exit, Error> {
    let open = session.open()?;
    let state = || -> Result<State, Error> { Ok(state_access::look(&open)?.state) };
    match command {
        StateCommand::List { patterns } => list(&open, &state()?, patterns),
        StateCommand::Show { address, format } => show(session, &state()?, address, format),
        StateCommand::Mv { from, to } => mv(&open, from, to),
        StateCommand::Forget { addresses } => forget(&open, addresses),
        StateCommand::Accept => accept(&open),
        StateCommand::Rebuild { paths } => rebuild::run(session, paths),
        StateCommand::Path => path(&open),
        StateCommand::Unlock => unlock(&open),
    }
}

fn mv(open: &OpenTenant<'_>, from: &str, to: &str) -> Result<Exit, Error> {
    let (from, to) = (parsed(from)?, parsed(to)?);
    change(open, "state mv", |state| match state.move_record(&from, &to) {
        Ok(id) => Ok(format!("{from} is {to} now ({id:#}).\n")),
        Err(CannotMove::Unknown(from)) => Err(unknown(state, &from)),
        Err(error @ CannotMove::OtherKind { .. }) => Err(Error::new(Exit::Usage, error.to_string())),
        Err(error @ CannotMove::Occupied(_)) => {
            Err(Error::new(Exit::Failed, error.to_string()).hint("forget it first, if it is not wanted"))
        }
    })
}

fn forget(open: &OpenTenant<'_>, addresses: &[String]) -> Result<Exit, Error> {
    let addresses = addresses.iter().map(|text| parsed(text)).collect::<Result<Vec<_>, _>>()?;
    change(open, "state forget", |state| {
        let mut told = String::new();
        for address in &addresses {
            let record = state.forget(address).ok_or_else(|| unknown(state, address))?;
            told.push_str(&format!("{address} is forgotten; the conversation {:#} stays in Dixa.\n", record.id));
        }
        Ok(told)
    })
}

/// Changes the state under its lock. The one before stays as a backup.
fn change(
    open: &OpenTenant<'_>,
    command: &str,
    change: impl FnOnce(&mut State) -> Result<String, Error>,
) -> Result<Exit, Error> {
    let mut taken = state_access::take(open, command, Duration::ZERO)?;
    if !taken.in_doubt.is_empty() {
        let message = "an apply left calls in doubt; the state is not changed before they are settled";
        return Err(Error::new(Exit::InDoubt, message).hint("run `dixaform recover`"));
    }
    let told = change(&mut taken.state)?;
    taken.save()?;
    open.session.output.result(&told)?;
    Ok(Exit::Done)
}

/// Seals a state that somebody has edited on purpose.
fn accept(open: &OpenTenant<'_>) -> Result<Exit, Error> {
    let path = shown(&open.files.state);
    let accepted = state_access::accept(open, "state accept")?;
    open.session.output.result(&match accepted {
        Some(state) => format!(
            "The state {path} is sealed again, with {} at serial {}. The next plan reads every manifest.\n",
            counted(state.records.len(), "record"),
            state.serial
        ),
        None => format!("The state {path} is as it was saved; there is nothing to accept.\n"),
    })?;
    Ok(Exit::Done)
}

/// If the path is a link, the file that it leads to, because journal and lock are beside that.
fn path(open: &OpenTenant<'_>) -> Result<Exit, Error> {
    open.session.output.result(&format!("{}\n", shown(&open.files.state)))?;
    Ok(Exit::Done)
}

/// Says who holds the lock. The operating system releases it when its process ends, so there is never one to break.
fn unlock(open: &OpenTenant<'_>) -> Result<Exit, Error> {
    match StateLock::check(&open.files.lock) {
        Ok(()) => {
            open.session.output.result("The state is not locked.\n")?;
            Ok(Exit::Done)
        }
        Err(error @ LockError::Held { .. }) => {
            let hint = "there is nothing to unlock: the lock is released when that process ends. If it hangs, stop it; what it \
                        did is in the journal";
            Err(Error { hints: vec![hint.to_owned()], ..error.into() })
        }
        Err(error) => Err(error.into()),
    }
}

pub fn parsed(text: &str) -> Result<Address, Error> {
    text.parse::<Address>().hint(|| format!("`{text}` isn't an address: expected KIND.NAME"))
}

fn unknown(state: &State, address: &Address) -> Error {
    let known: Vec<String> = state.records.keys().map(Address::to_string).collect();
    let error = Error::new(Exit::Failed, format!("the state has no record of {address}"));
    match closest(&address.to_string(), known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("`dixaform state list` lists them"),
    }
}

fn list(open: &OpenTenant<'_>, state: &State, patterns: &[String]) -> Result<Exit, Error> {
    let listed = listed(state, patterns)?;
    if listed.is_empty() {
        open.session.output.note(&why_nothing(open, state));
    }
    open.session.output.result(&listed)?;
    Ok(Exit::Done)
}

/// A word for somebody who asks; what reads the list is better off with nothing.
fn why_nothing(open: &OpenTenant<'_>, state: &State) -> String {
    let path = &open.files.state;
    let named = shown(path);
    match state.records.len() {
        0 if path.exists() => format!("The state {named} has no records.\n"),
        0 => format!("There is no state {named} yet; the first apply creates it.\n"),
        count => format!("None of {} fits.\n", counted(count, "record")),
    }
}

/// Address, id, when, and where from, in columns.
pub fn listed(state: &State, patterns: &[String]) -> Result<String, Error> {
    let scope = Scope::new(patterns, &[], &[])?;
    let rows: Vec<[String; 4]> = state
        .records
        .iter()
        .filter(|(address, _)| scope.covers(address, None))
        .map(|(address, record)| row(address, record))
        .collect();
    let widths: Vec<usize> = (0..3).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for [address, id, at, source] in &rows {
        let line = format!("{address:a$}  {id:>b$}  {at:c$}  {source}", a = widths[0], b = widths[1], c = widths[2]);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text)
}

fn row(address: &Address, record: &Record) -> [String; 4] {
    let mut source = record
        .source
        .as_ref()
        .map(|source| format!("{}:{}", escape(&source.file), source.place.line))
        .unwrap_or_default();
    if record.attributes_digest.is_none() {
        source.push_str("  (attributes not written)");
    }
    [address.to_string(), format!("{:#}", record.id), escape(&record.applied_at).into_owned(), source]
}

/// The record as it is in the state file, over several lines, or its manifest.
fn show(session: &Session, state: &State, text: &str, formats: &[FormatArg<RecordForm>]) -> Result<Exit, Error> {
    let forms = Formats::open(session, formats, None, &[])?;
    let address = parsed(text)?;
    let record = state.records.get(&address).ok_or_else(|| unknown(state, &address))?;
    let manifest = match &record.applied {
        Applied::Full(spec) => {
            let mut conversation = spec.conversation();
            name::put_names(&mut conversation, &record.names);
            Some(manifest(&address, &Spec::of(&conversation)))
        }
        Applied::Digests { .. } => None,
    };
    if manifest.is_none() && formats.iter().any(|format| format.form == RecordForm::Yaml) {
        let message = format!("the manifest of {address} is not in the state, which keeps digests only");
        return Err(Error::new(Exit::Failed, message).hint("the tenant has `lastApplied: digest` in the project file"));
    }
    let value = json::parse(&file_v1::record(&address, record)).context("a record can't be read back")?;
    forms.write(session, RecordForm::Text, |form, _| match form {
        RecordForm::Text | RecordForm::Json => escape_json(&json::pretty(&value)).into_owned(),
        RecordForm::Yaml => manifest.clone().unwrap_or_default(),
    })?;
    Ok(Exit::Done)
}
