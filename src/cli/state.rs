//! `dixaform state`: what was applied.

use crate::cli::args::StateCommand;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::cli::state_access;
use crate::conversation::Address;
use crate::finding::closest;
use crate::json;
use crate::plan::Scope;
use crate::state::{Record, State, file_v1};

pub fn run(session: &Session, command: &StateCommand) -> Result<Exit, Error> {
    let state = state_access::look(session, session.tenant()?)?.state;
    match command {
        StateCommand::List { patterns } => list(session, &state, patterns),
        StateCommand::Show { address } => show(session, &state, address),
    }
}

/// Address, id, when, and where from, in columns.
fn list(session: &Session, state: &State, patterns: &[String]) -> Result<Exit, Error> {
    let scope = Scope::new(patterns, &[], &[]).map_err(|error| Error::of(Exit::Usage, &error))?;
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
    session.output.result(&text)?;
    Ok(Exit::Done)
}

fn row(address: &Address, record: &Record) -> [String; 4] {
    let mut source =
        record.source.as_ref().map(|source| format!("{}:{}", source.file, source.place.line)).unwrap_or_default();
    if record.attributes_digest.is_none() {
        source.push_str("  (attributes not written)");
    }
    [address.to_string(), format!("#{}", record.id), record.applied_at.clone(), source]
}

/// The record as it stands in the state file, over several lines.
fn show(session: &Session, state: &State, text: &str) -> Result<Exit, Error> {
    let address: Address = text.parse().map_err(|error| Error::of(Exit::Usage, &error))?;
    let Some(record) = state.records.get(&address) else {
        let known: Vec<String> = state.records.keys().map(Address::to_string).collect();
        let error = Error::new(Exit::Failed, format!("the state has no record of {address}"));
        return Err(match closest(text, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`dixaform state list` lists them"),
        });
    };
    let line = file_v1::record(&address, record);
    let value = json::parse(&line).map_err(|error| Error::of(Exit::Failed, &error))?;
    session.output.result(&json::write_pretty(&value))?;
    Ok(Exit::Done)
}
