//! What a plan is made of: by a survey where that will do, else by reading everything.

use std::path::Path;

use crate::cli::args::PlanArgs;
use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::load;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::state_access::{self, Standing};
use crate::desired::Desired;
use crate::journal::InDoubt;
use crate::plan::{Scope, Settled};
use crate::project::Tenant;
use crate::state::State;
use crate::survey::{self, Request, Survey};
use crate::workspace::JournalFile;
use crate::workspace::index::Index;
use crate::workspace::manifests::{Found, Stamps};

/// What the planner is given.
pub struct Basis {
    pub desired: Desired,
    pub state: State,
    pub in_doubt: Vec<InDoubt>,
    /// What is in neither of them, because nothing is to be done about it.
    pub settled: Settled,
}

/// Reads manifests and state, without changing anything on disk but the index.
///
/// # Errors
/// Manifests that are wrong or can't be read, or a state that can't be used.
pub fn gather(open: &OpenTenant<'_>, args: &PlanArgs, scope: &Scope) -> Result<Basis, Error> {
    let OpenTenant { session, tenant, files } = open;
    let (paths, warnings_as_errors) = (&args.planning.paths, args.planning.warnings_as_errors);
    let began = SystemClock::system_time();
    // Without a state there is nothing that an index could remember.
    let uses_index = !args.no_index && files.state.exists();
    let stamps = if uses_index { Stamps::Wanted } else { Stamps::Unwanted };
    let (found, index) =
        rayon::join(|| load::find(session, paths, stamps), || uses_index.then(|| Index::load(&files.state)).flatten());
    let found = found?;
    // A refresh reads every record, and what a journal says about one may ask for any manifest.
    let quick = !args.refresh && found.iter().all(|found| found.path().is_some()) && !has_journal(&files.journal);
    if quick {
        let (state, index, remember) = (&*files.state, index.as_ref(), uses_index);
        let request = Request { found: &found, state, index, remember, scope, began };
        if let Some(survey) = survey::survey(request)? {
            return surveyed(session, tenant, survey, &files.state, warnings_as_errors);
        }
    }
    drop(index);
    everything(open, &found, warnings_as_errors)
}

fn surveyed(
    session: &Session,
    tenant: &Tenant,
    survey: Survey,
    path: &Path,
    warnings_as_errors: bool,
) -> Result<Basis, Error> {
    let Survey { desired, state, settled, mut findings, manifests } = survey;
    load::check_not_empty(manifests, &findings)?;
    load::show_lines(&mut findings);
    load::check(session, &findings, warnings_as_errors)?;
    state_access::same_tenant(&state, tenant, path)?;
    Ok(Basis { desired, state, in_doubt: Vec::new(), settled })
}

fn everything(open: &OpenTenant<'_>, found: &[Found], warnings_as_errors: bool) -> Result<Basis, Error> {
    let (desired, findings) = load::read_all(found)?;
    load::check(open.session, &findings, warnings_as_errors)?;
    let Standing { state, in_doubt } = state_access::look(open)?;
    Ok(Basis { desired, state, in_doubt, settled: Settled::default() })
}

/// Whether there is a journal with something in it, or one that can't be looked at.
fn has_journal(path: &Path) -> bool {
    JournalFile::length(path).is_none_or(|length| length > 0)
}
