//! `dixaform apply`: plan, show, ask, do.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead as _, IsTerminal as _};

use crate::api::contract::CallError;
use crate::api::{HttpClient, HttpOptions};
use crate::apply::preflight::{self, Mismatch, PreflightError};
use crate::apply::{self, ApplyReport, Run, Stop, guard};
use crate::cli::args::ApplyArgs;
use crate::cli::clock::SystemClock;
use crate::cli::embedded::Embedded;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::session::{Session, report};
use crate::cli::state_access::{self, Taken};
use crate::cli::{load, pace, plan, signals};
use crate::desired::Desired;
use crate::finding::{Finding, Findings, Severity};
use crate::journal::{Append as _, Entry, Replay};
use crate::plan::Plan;
use crate::project::Tenant;
use crate::render;
use crate::render::number::counted;
use crate::workspace::JournalFile;

/// What the journal and the lock say of this command.
const COMMAND: &str = "apply";

pub fn run(session: &Session, args: &ApplyArgs) -> Result<Exit, Error> {
    let tenant = session.tenant()?;
    let options = plan::options(tenant, &args.planning)?;
    let desired = load::desired(session, &args.planning.paths, args.planning.warnings_as_errors)?;
    let taken = state_access::take(session, tenant, COMMAND, args.lock_timeout)?;
    if !taken.in_doubt.is_empty() {
        state_access::tell_in_doubt(session, &taken.in_doubt);
        let message = "an earlier apply left calls in doubt; nothing is sent before they are settled";
        return Err(Error::new(Exit::InDoubt, message));
    }
    let plan = plan::make(&desired, &taken.state, options);
    session.output.result(&plan::as_text(session, &plan))?;
    if plan.is_empty() {
        return Ok(Exit::Done);
    }
    refuse(&plan, args.allow_outbound || tenant.allow_outbound)?;
    let job = Job { session, tenant, desired: &desired, plan: &plan };
    let client_options = job.client_options()?;
    approve(session, &plan, args.yes)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::new(Exit::Failed, format!("can't start: {error}")))?;
    let outcome = runtime.block_on(job.carry_out(taken, client_options));
    // Whatever still runs in the background has nothing to finish: every answer that counts was waited for.
    runtime.shutdown_background();
    let outcome = outcome?;
    session.output.result(&format!("\n{}", render::report::report(&outcome, &session.output.palette)))?;
    Ok(exit_of(&outcome, args.planning.warnings_as_errors))
}

/// One apply that was approved.
struct Job<'a> {
    session: &'a Session,
    tenant: &'a Tenant,
    desired: &'a Desired,
    plan: &'a Plan,
}

impl Job<'_> {
    fn client_options(&self) -> Result<HttpOptions, Error> {
        let token = self.session.token(self.tenant)?;
        Ok(HttpOptions {
            base_url: self.tenant.base_url.clone(),
            shared_pace: pace::shared(self.tenant, &token),
            token,
            auth_scheme: self.tenant.auth_scheme,
            timeout: self.tenant.request_timeout,
            rate: self.tenant.rate_limit,
            user_agent: concat!("dixaform/", env!("CARGO_PKG_VERSION")).into(),
        })
    }

    async fn carry_out(&self, mut taken: Taken, mut options: HttpOptions) -> Result<ApplyReport, Error> {
        let embedded = match self.tenant.is_sandbox() {
            true => Some(Embedded::start(self.tenant, &taken.files.state, self.desired).await?),
            false => None,
        };
        if let Some(embedded) = &embedded {
            options.base_url = embedded.base_url();
        }
        let client = HttpClient::new(options).map_err(|error| Error::of(Exit::Failed, &error))?;
        let expected = self.plan.tenant.organization_id.as_deref();
        let checked = preflight::preflight(&client.reader(), self.plan, expected).await;
        let organization = checked.map_err(|error| self.refused(error))?.organization;

        let journal = JournalFile::open(&taken.files.journal).map_err(|error| state_access::of_journal(&error))?;
        let mut replay = Replay::new(taken.state.clone());
        let opened = state_access::opened(&taken.state, self.tenant, &organization.id, COMMAND);
        replay.add(&opened).map_err(|error| Error::of(Exit::Failed, &error))?;
        journal.append(opened).await.map_err(|error| state_access::of_journal(&error))?;

        let replay = RefCell::new(replay);
        let outcome = self.run(&client, &journal, &replay).await;
        let replayed = replay.into_inner().finish();
        let mut state = replayed.state;
        state.serial += 1;
        if let Err(error) = taken.store.save(&state) {
            // Nothing is lost: the journal has every id, and the next apply brings them home.
            let text = render::report::report(&outcome, &self.session.output.error_palette);
            self.session.output.error(&format!("\n{text}\n"));
            return Err(state_access::of_state(&error));
        }
        // The state has everything; what is left of the journal is what is in doubt.
        let closed = Entry::Closed { serial: state.serial, at: SystemClock::timestamp() };
        let _ = journal.append(closed).await;
        drop(journal);
        JournalFile::tidy(&taken.files.journal).map_err(|error| state_access::of_journal(&error))?;
        if let Some(embedded) = embedded {
            embedded.stop().await;
        }
        Ok(outcome)
    }

    async fn run(&self, client: &HttpClient, journal: &JournalFile, replay: &RefCell<Replay>) -> ApplyReport {
        let (handle, mut stop) = apply::stop_signal();
        let listening = signals::listen(handle, self.session.output);
        let progress = Progress::new(self.session.output, self.plan);
        let done = Cell::new(0);
        let run = Run {
            plan: self.plan,
            api: &client.writer(),
            journal,
            clock: &SystemClock,
            last_applied: self.tenant.last_applied,
        };
        let report = apply::run(&run, replay, &mut stop, &|event| progress.show(&event, &done)).await;
        progress.finish();
        listening.abort();
        report
    }

    fn refused(&self, error: PreflightError) -> Error {
        match error {
            PreflightError::Call { call, error: error @ CallError::Unauthorized { .. } } => {
                Error::new(Exit::Token, format!("{call}: {error}"))
                    .hint("nothing was sent; check the token and the rights of the user who issued it")
            }
            PreflightError::Call { call, error } => {
                Error::new(Exit::Failed, format!("{call}: {error}")).hint("nothing was sent; try again")
            }
            PreflightError::OtherOrganization { expected, found } => {
                let message = format!(
                    "the token belongs to organization {} (\"{}\"), and the plan is for {expected}",
                    found.id, found.name
                );
                Error::new(Exit::Refused, message)
                    .hint("nothing was sent; use the token of the tenant that the plan was made for")
            }
            PreflightError::Attributes(mismatches) => {
                let count = mismatches.len();
                let mut findings = Findings::default();
                findings.extend(mismatches.into_iter().filter_map(|mismatch| self.finding(mismatch)));
                findings.sort();
                load::show_lines(&mut findings);
                report(&findings, &self.session.output);
                Error::new(
                    Exit::Failed,
                    format!("{} the tenant refuses; nothing was sent", counted(count, "attribute")),
                )
            }
        }
    }

    fn finding(&self, mismatch: Mismatch) -> Option<Finding> {
        let Mismatch { address, attribute, code, message, hint } = mismatch;
        let manifest = self.desired.get(&address)?;
        let source = manifest.attribute_sources.get(&attribute).unwrap_or(&manifest.source).clone();
        let message = format!("{address}: {message}");
        Some(Finding {
            code,
            severity: Severity::Error,
            source,
            message,
            hint: Some(hint),
            excerpt: None,
            related: Vec::new(),
        })
    }
}

fn refuse(plan: &Plan, allow_outbound: bool) -> Result<(), Error> {
    match guard::refusals(plan, allow_outbound).into_iter().next() {
        Some(refusal) => Err(Error::new(Exit::Refused, refusal.to_string()).hint(refusal.hint())),
        None => Ok(()),
    }
}

/// Asks, unless told not to. Without somebody to ask there is no approval.
fn approve(session: &Session, plan: &Plan, yes: bool) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let message = "not approved: standard input is not a terminal, so nobody can be asked";
        return Err(Error::new(Exit::Refused, message).hint("approve with --yes; nothing was sent"));
    }
    let tenant = &plan.tenant;
    session.output.error(&format!(
        "\nDo you want to perform these actions on the tenant \"{}\" ({})?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ",
        tenant.name, tenant.base_url
    ));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && answer.trim_end_matches(['\r', '\n']) == "yes" {
        session.output.error("\n");
        return Ok(());
    }
    Err(Error::new(Exit::Refused, "not approved; nothing was sent"))
}

/// The exit code of a run that was begun.
fn exit_of(report: &ApplyReport, warnings_as_errors: bool) -> Exit {
    let counts = report.counts;
    let something_done = counts.all_done() + counts.half_done > 0;
    let mut exits = Vec::new();
    match &report.stop {
        Some(Stop::Interrupted) => exits.push(Exit::Interrupted),
        Some(Stop::Unauthorized(_)) => exits.push(Exit::Token),
        Some(Stop::Storage(_)) => exits.push(Exit::Failed),
        None => {}
    }
    if counts.in_doubt > 0 {
        exits.push(Exit::InDoubt);
    }
    if counts.failed > 0 {
        exits.push(if something_done { Exit::Partial } else { Exit::Failed });
    }
    if counts.partial > 0 && warnings_as_errors {
        exits.push(Exit::Partial);
    }
    Exit::worst(exits)
}
