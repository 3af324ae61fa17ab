//! `dixaform skill`: how an agent works with dixaform, as a file that agents read.

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::reader::Reader;

/// A test runs every command in it.
const SKILL: &str = include_str!("skill.md");

pub fn run(output: &Output) -> Result<Exit, Error> {
    output.pieces(SKILL.to_owned().into(), Reader::Program)?;
    Ok(Exit::Done)
}
