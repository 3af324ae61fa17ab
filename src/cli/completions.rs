//! `dixaform completions`: a script for a shell, which asks the program for candidates; see [`crate::cli::complete`].

use anyhow::Context as _;
use clap_complete::env::Shells;

use crate::cli::NAME;
use crate::cli::args::CompletionsArgs;
use crate::cli::complete::VARIABLE;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::reader::Reader;

pub fn run(output: &Output, args: &CompletionsArgs) -> Result<Exit, Error> {
    let shell = args.shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell).with_context(|| format!("there is no script for {shell}"))?;
    // Into memory first: a stream that nobody reads any more is no error.
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, NAME, NAME, NAME, &mut script).context("can't make the script")?;
    output.pieces(String::from_utf8_lossy(&script).into_owned().into(), Reader::Program)?;
    Ok(Exit::Done)
}
