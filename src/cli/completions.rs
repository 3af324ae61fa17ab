//! `dixaform completions`: a script for a shell.

use clap::CommandFactory as _;

use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::reader::Reader;

pub fn run(output: &Output, args: &CompletionsArgs) -> Result<Exit, Error> {
    // Into memory first: it takes a stream that can't be written for a bug, and so would `| head` be one.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dixaform", &mut script);
    output.pieces(String::from_utf8_lossy(&script).into_owned().into(), Reader::Program)?;
    Ok(Exit::Done)
}
