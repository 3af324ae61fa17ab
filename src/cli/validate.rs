//! `dixaform validate`: findings, and nothing else.

use crate::cli::args::ValidateArgs;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::cli::session::Session;
use crate::render;
use crate::render::number::counted;

pub fn run(session: &Session, args: &ValidateArgs) -> Result<Exit, Error> {
    let (desired, findings) = load::manifests(session, &args.paths)?;
    session.output.result(&render::findings::findings(&findings, &session.output.palette))?;
    if findings.has_errors() || args.warnings_as_errors && !findings.is_empty() {
        return Ok(Exit::Failed);
    }
    let verdict = if findings.is_empty() { "valid." } else { "valid, with warnings." };
    session.output.result(&format!("{}: {verdict}\n", counted(desired.len(), "manifest")))?;
    Ok(Exit::Done)
}
