//! `dixaform state`: what was applied.

use anyhow::Context as _;

use crate::cli::args::StateCommand;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::formats::{Formats, Goes};
use crate::cli::forms::{FormatArg, RecordForm, ResultForm, ResultFormsArgs};
use crate::cli::lock_args::LockArgs;
use crate::cli::rebuild;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::{state_access, state_move, state_store};
use crate::conversation::Address;
use crate::finding::closest;
use crate::json;
use crate::name;
use crate::plan::Scope;
use crate::render::escape::escape_json;
use crate::render::manifest::manifest;
use crate::render::number::counted;
use crate::render::state::{self as render, Changed, How, Listed};
use crate::spec::Spec;
use crate::state::{Applied, CannotMove, Record, State, file_v1};

pub fn run(session: &Session, command: &StateCommand) -> Result<Exit, Error> {
    let open = session.open()?;
    let state = || -> Result<State, Error> { Ok(state_access::look(&open)?.state) };
    let opened = |forms: &ResultFormsArgs| Formats::open(session, &forms.format, None, &[]);
    match command {
        StateCommand::List { patterns, forms } => list(&open, &state()?, patterns, &opened(forms)?),
        StateCommand::Show { address, format } => show(session, &state()?, address, format),
        StateCommand::Mv { from, to, lock, forms } => mv(&open, (from, to), lock, &opened(forms)?),
        StateCommand::Forget { addresses, lock, forms } => forget(&open, addresses, lock, &opened(forms)?),
        StateCommand::Accept { forms } => accept(&open, &opened(forms)?),
        StateCommand::Rebuild { paths, journal_lost, lock, forms } => {
            let forms = Formats::open(session, &forms.format, None, paths)?;
            rebuild::run(session, paths, *journal_lost, lock, &forms)
        }
        StateCommand::Path { forms } => path(&open, &opened(forms)?),
        StateCommand::Unlock { force, forms } => state_store::unlock(&open, *force, &opened(forms)?),
        StateCommand::MoveTo(args) => state_move::run(&open, args, &opened(&args.forms)?),
        StateCommand::Pull { format } => state_store::pull(&open, &Formats::open(session, format, None, &[])?),
    }
}

fn mv(
    open: &OpenTenant<'_>,
    (from, to): (&str, &str),
    lock: &LockArgs,
    forms: &Formats<ResultForm>,
) -> Result<Exit, Error> {
    let (from, to) = (parsed(from)?, parsed(to)?);
    change(open, "state mv", lock, forms, |state| match state.move_record(&from, &to) {
        Ok(id) => Ok(vec![Changed { address: to.clone(), id, how: How::MovedFrom(from.clone()) }]),
        Err(CannotMove::Unknown(from)) => Err(unknown(state, &from)),
        Err(error @ CannotMove::OtherKind { .. }) => Err(Error::new(Exit::Usage, error.to_string())),
        Err(error @ CannotMove::Occupied(_)) => {
            Err(Error::new(Exit::Failed, error.to_string()).hint("forget it first, if it is not wanted"))
        }
    })
}

fn forget(
    open: &OpenTenant<'_>,
    addresses: &[String],
    lock: &LockArgs,
    forms: &Formats<ResultForm>,
) -> Result<Exit, Error> {
    let addresses = addresses.iter().map(|text| parsed(text)).collect::<Result<Vec<_>, _>>()?;
    change(open, "state forget", lock, forms, |state| {
        let forget = |address: &Address| {
            let record = state.forget(address).ok_or_else(|| unknown(state, address))?;
            Ok(Changed { address: address.clone(), id: record.id, how: How::Forgotten })
        };
        addresses.iter().map(forget).collect()
    })
}

/// Changes the state under its lock. The one before stays as a backup.
fn change(
    open: &OpenTenant<'_>,
    command: &str,
    lock: &LockArgs,
    forms: &Formats<ResultForm>,
    change: impl FnOnce(&mut State) -> Result<Vec<Changed>, Error>,
) -> Result<Exit, Error> {
    let mut taken = state_access::take(open, command, lock.lock_timeout)?;
    if !taken.in_doubt.is_empty() {
        let message = "an apply left calls in doubt; the state is not changed before they are settled";
        return Err(Error::new(Exit::InDoubt, message).hint("run `dixaform recover`"));
    }
    let changes = change(&mut taken.state)?;
    taken.save()?;
    let path = open.shown_state();
    forms.write(&open.session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => render::change(&changes),
        ResultForm::Json => render::change_json(&open.whose(&path, taken.state.serial), true, &changes, &[]),
    })?;
    Ok(Exit::Done)
}

/// Seals a state that somebody has edited on purpose.
fn accept(open: &OpenTenant<'_>, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    state_store::only_in_files(open, "state accept")?;
    let path = open.shown_state();
    let accepted = state_access::accept(open, "state accept")?;
    let serial = match &accepted {
        Some(state) => state.serial,
        None => state_access::look(open)?.state.serial,
    };
    forms.write(&open.session.output, ResultForm::Text, |form, _| match (form, &accepted) {
        (ResultForm::Json, _) => render::change_json(&open.whose(&path, serial), accepted.is_some(), &[], &[]),
        (ResultForm::Text, Some(state)) => format!(
            "The state {path} is sealed again, with {} at serial {serial}. The next plan reads every manifest.\n",
            counted(state.records.len(), "record"),
        ),
        (ResultForm::Text, None) => format!("The state {path} is as it was saved; there is nothing to accept.\n"),
    })?;
    Ok(Exit::Done)
}

/// If the path is a link, the file that it leads to, because journal and lock are beside that.
fn path(open: &OpenTenant<'_>, forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let path = open.shown_state();
    forms.write(&open.session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => format!("{path}\n"),
        ResultForm::Json => render::path_json(&open.tenant.name, &path, open.may_have_state()),
    })?;
    Ok(Exit::Done)
}

pub fn parsed(text: &str) -> Result<Address, Error> {
    text.parse::<Address>().or_else(|rule| {
        let unfit = Error::new(Exit::Usage, format!("`{text}` isn't an address: expected KIND.NAME"));
        Err(unfit).hint(|| rule.to_string())
    })
}

fn unknown(state: &State, address: &Address) -> Error {
    let known: Vec<String> = state.records.keys().map(Address::to_string).collect();
    let error = Error::new(Exit::Failed, format!("the state has no record of {address}"));
    match closest(&address.to_string(), known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("`dixaform state list` lists them"),
    }
}

fn list(open: &OpenTenant<'_>, state: &State, patterns: &[String], forms: &Formats<ResultForm>) -> Result<Exit, Error> {
    let records = listed(state, patterns)?;
    if records.is_empty() {
        open.session.output.note(&why_nothing(open, state));
    }
    let path = open.shown_state();
    forms.write(&open.session.output, ResultForm::Text, |form, goes| match form {
        ResultForm::Text => list_text(open.session, &records, goes),
        ResultForm::Json => render::list_json(&open.whose(&path, state.serial), &records),
    })?;
    Ok(Exit::Done)
}

/// The list as it fits where it goes.
pub fn list_text(session: &Session, records: &[Listed<'_>], goes: Goes) -> String {
    render::list(records, session.output.width.filter(|_| goes == Goes::ToStdout))
}

/// A word for somebody who asks; what reads the list is better off with nothing.
fn why_nothing(open: &OpenTenant<'_>, state: &State) -> String {
    let named = open.shown_state();
    match state.records.len() {
        0 if state.serial > 0 || (open.store.is_none() && open.files.state.exists()) => {
            format!("The state {named} has no records.\n")
        }
        0 => format!("There is no state {named} yet; the first apply creates it.\n"),
        count => format!("None of {} fits.\n", counted(count, "record")),
    }
}

/// The records whose addresses match.
///
/// # Errors
/// A pattern that is not one.
pub fn listed<'s>(state: &'s State, patterns: &[String]) -> Result<Vec<Listed<'s>>, Error> {
    let scope = Scope::new(patterns, &[], &[])?;
    let of_record = |(address, record): (&'s Address, &'s Record)| Listed {
        address,
        id: record.id,
        applied_at: &record.applied_at,
        source: record.source.as_ref(),
        has_attributes: record.attributes_digest.is_some(),
    };
    Ok(state.records.iter().filter(|(address, _)| scope.covers(address, None)).map(of_record).collect())
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
    let pretty = |text: &str| -> Result<String, Error> {
        let value = json::parse(text).context("a record can't be read back")?;
        Ok(escape_json(&json::pretty(&value)).into_owned())
    };
    let text = pretty(&file_v1::record(&address, record))?;
    let json = pretty(&file_v1::shown(&address, record))?;
    forms.write(&session.output, RecordForm::Text, |form, _| match form {
        RecordForm::Text => text.clone(),
        RecordForm::Json => json.clone(),
        RecordForm::Yaml => manifest.clone().unwrap_or_default(),
    })?;
    Ok(Exit::Done)
}
