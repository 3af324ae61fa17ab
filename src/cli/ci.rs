//! What a plan or an apply gives to the CI job that it runs in, without being asked: the summary of the job, values for
//! the steps after it, annotations, and the text of a comment.
//!
//! A job is known by the variables that GitHub and GitLab set. What can't be given is reported, and changes nothing
//! about how the command ends: it may run in a container that has the variables and not the files.

mod files;
pub mod job;
mod platform;

use std::path::PathBuf;

use crate::cli::args::Globals;
use crate::cli::ci::job::{CiJob, Giving};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::sink::{self, Sink};

/// Runs a command, and gives its result, or why there is none, to the job that it runs in.
///
/// # Errors
/// Those of the command; and nothing is done where the service names a file of ours for its own.
pub fn in_job(
    command: Giving,
    (globals, output): (&Globals, &Output),
    paths: &[PathBuf],
    run: impl FnOnce(&Session) -> Result<Exit, Error>,
) -> Result<Exit, Error> {
    let Some(job) = CiJob::here(command, globals.tenant.as_deref()) else {
        return run(&Session::start(globals, output.all)?);
    };
    match Session::start(globals, output.all) {
        Ok(mut session) => {
            session.ci = Some(job.about(session.tenant_name()));
            refuse_ours(&session, paths)?;
            let result = run(&session);
            if let Some(job) = &session.ci {
                job.give(output, &result);
            }
            result
        }
        Err(error) => {
            let result = Err(error);
            job.give(output, &result);
            result
        }
    }
}

/// Refuses to add to a file of ours, whatever the environment says.
fn refuse_ours(session: &Session, paths: &[PathBuf]) -> Result<(), Error> {
    let sinks: Vec<Sink> = session.ci.iter().flat_map(CiJob::files).map(Sink::File).collect();
    sink::check_overwritten(&sinks, || sink::files_read(session, paths))
}
