//! `dixaform apply`: plan, show, ask, do.

use std::cell::Cell;
use std::io::{self, BufRead as _, IsTerminal as _};

use crate::apply::preflight::{self, Mismatch, PreflightError};
use crate::apply::{self, ApplyReport, Run, Stop, StopSignal, guard};
use crate::cli::args::ApplyArgs;
use crate::cli::clock::SystemClock;
use crate::cli::connection::{self, Connection};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::ledger::Ledger;
use crate::cli::progress::Progress;
use crate::cli::session::{Session, report};
use crate::cli::settling::HINT;
use crate::cli::state_access::{self, Taken};
use crate::cli::{embedded, load, plan, saved_plan, settling, signals};
use crate::conversation::Address;
use crate::desired::Desired;
use crate::finding::{Finding, Findings, Severity};
use crate::plan::Plan;
use crate::project::Tenant;
use crate::render;
use crate::render::number::{counted, named};
use crate::sandbox::FaultPlan;

/// What the journal and the lock say of this command.
const COMMAND: &str = "apply";

pub fn run(session: &Session, args: &ApplyArgs) -> Result<Exit, Error> {
    let tenant = session.tenant()?;
    let faults = embedded::faults(tenant, args.sandbox_faults.as_ref())?;
    let options = plan::options(tenant, &args.planning)?;
    let saved = saved_plan::given(&args.planning.paths)?;
    let desired = match &saved {
        Some(_) => {
            saved_plan::refuse_flags(&args.planning)?;
            Desired::default()
        }
        None => load::desired(session, &args.planning.paths, args.planning.warnings_as_errors)?,
    };
    let mut taken = state_access::take(session, tenant, COMMAND, args.lock_timeout)?;
    let runtime = connection::runtime()?;
    let mut job = Job { session, tenant, desired: &desired, faults, connection: None };
    if !taken.in_doubt.is_empty() {
        taken = runtime.block_on(job.settle(taken))?;
    }
    let plan = match saved {
        Some(saved) => saved_plan::check(saved, &taken.state, &taken.in_doubt, tenant)?,
        None => plan::make(&desired, &taken.state, &taken.in_doubt, options),
    };
    session.output.result(&plan::as_text(session, &plan, args.full, 0))?;
    let doubtful: Vec<Address> = taken.in_doubt.iter().map(|doubt| doubt.address.clone()).collect();
    if plan.is_empty() {
        runtime.block_on(job.close());
        return ended_with(Exit::Done, &doubtful);
    }
    guard(&plan, args, tenant)?;
    connection::options(session, tenant)?;
    approve(session, &plan, args)?;
    let outcome = runtime.block_on(job.carry_out(&plan, taken));
    // Whatever still runs in the background has nothing to finish: every answer that counts was waited for.
    runtime.shutdown_background();
    let graver = |error: Error, exit| Error { exit: Exit::worst([error.exit, exit]), ..error };
    let left = if doubtful.is_empty() { Exit::Done } else { Exit::InDoubt };
    let outcome = outcome.map_err(|error| graver(error, left))?;
    let exit = exit_of(&outcome, args.planning.warnings_as_errors);
    let text = render::report::report(&outcome, &session.output.palette);
    session.output.result(&format!("\n{text}")).map_err(|error| graver(error, Exit::worst([exit, left])))?;
    ended_with(exit, &doubtful)
}

/// Something in doubt is told with what to do about it, and outranks what went well or failed.
fn ended_with(exit: Exit, doubtful: &[Address]) -> Result<Exit, Error> {
    let doubt = if doubtful.is_empty() { Exit::Done } else { Exit::InDoubt };
    match Exit::worst([exit, doubt]) {
        Exit::InDoubt if doubtful.is_empty() => Err(Error::new(Exit::InDoubt, "something is in doubt").hint(HINT)),
        Exit::InDoubt => {
            let message = format!("in doubt, and left alone: {}", named(doubtful, 10));
            Err(Error::new(Exit::InDoubt, message).hint(HINT))
        }
        other => Ok(other),
    }
}

/// One apply.
struct Job<'a> {
    session: &'a Session,
    tenant: &'a Tenant,
    desired: &'a Desired,
    /// What goes wrong on purpose in the embedded sandbox.
    faults: Option<FaultPlan>,
    connection: Option<Connection>,
}

impl Job<'_> {
    async fn connect(&mut self, taken: &Taken) -> Result<Connection, Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                let (state, faults) = (&taken.files.state, self.faults.clone());
                Connection::open_with_faults(self.session, self.tenant, state, self.desired, faults).await
            }
        }
    }

    /// Settles what an earlier run left in doubt, as far as a machine can.
    async fn settle(&mut self, taken: Taken) -> Result<Taken, Error> {
        let connection = self.connect(&taken).await?;
        let (taken, _) = settling::by_machine(self.session, self.tenant, &connection, taken).await?;
        self.connection = Some(connection);
        Ok(taken)
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    /// Listens for the wish to stop from here on, without a gap, until everything is written down.
    async fn carry_out(&mut self, plan: &Plan, taken: Taken) -> Result<ApplyReport, Error> {
        let (handle, mut stop) = apply::stop_signal();
        let listening = signals::listen(handle, self.session.output);
        let outcome = self.carry_out_until(plan, taken, &mut stop).await;
        listening.abort();
        outcome
    }

    async fn carry_out_until(
        &mut self,
        plan: &Plan,
        taken: Taken,
        stop: &mut StopSignal,
    ) -> Result<ApplyReport, Error> {
        let connection = self.connect(&taken).await?;
        let organization = self.organization(plan, &connection, stop).await?;
        let ledger = Ledger::open(taken, self.tenant, organization.as_deref(), COMMAND).await?;
        let outcome = self.run(plan, &connection, &ledger, stop).await;
        if let Err(error) = ledger.close().await {
            let text = render::report::report(&outcome, &self.session.output.error_palette);
            self.session.output.error(&format!("\n{text}\n"));
            return Err(Error { exit: Exit::worst([error.exit, exit_of(&outcome, false)]), ..error });
        }
        connection.close().await;
        Ok(outcome)
    }

    /// Whose tenant it is, after the reads that the plan has priced; a plan that sends nothing has none.
    async fn organization(
        &self,
        plan: &Plan,
        connection: &Connection,
        stop: &mut StopSignal,
    ) -> Result<Option<String>, Error> {
        if plan.reads_before.is_empty() {
            return Ok(None);
        }
        let expected = plan.tenant.organization_id.as_deref();
        let reader = connection.client.reader();
        let checked = tokio::select! {
            checked = preflight::preflight(&reader, plan, expected) => checked,
            () = stop.draining() => return Err(Error::new(Exit::Interrupted, "interrupted; nothing was sent")),
        };
        checked.map(|checked| Some(checked.organization.id)).map_err(|error| self.refused(error))
    }

    async fn run(&self, plan: &Plan, connection: &Connection, ledger: &Ledger, stop: &mut StopSignal) -> ApplyReport {
        let progress = Progress::new(self.session.output, plan);
        let done = Cell::new(0);
        let run = Run {
            plan,
            api: &connection.client.writer(),
            journal: &ledger.journal,
            clock: &SystemClock,
            last_applied: self.tenant.last_applied,
            settle: self.tenant.settle,
        };
        let report = apply::run(&run, &ledger.replay, stop, &|event| progress.show(&event, &done)).await;
        progress.finish();
        report
    }

    fn refused(&self, error: PreflightError) -> Error {
        match error {
            PreflightError::Call { call, error } => connection::of_call(call, &error),
            PreflightError::OtherOrganization { expected, found } => connection::other_organization(&expected, &found),
            PreflightError::Attributes(mismatches) => {
                let count = mismatches.len();
                let mut findings = Findings::default();
                findings.extend(mismatches.into_iter().filter_map(|mismatch| self.finding(mismatch)));
                findings.sort();
                load::show_lines(&mut findings);
                report(&findings, &self.session.output);
                let count = counted(count, "attribute");
                Error::new(Exit::Failed, format!("the tenant would refuse {count}; nothing was sent"))
            }
        }
    }

    fn finding(&self, mismatch: Mismatch) -> Option<Finding> {
        let Mismatch { address, attribute, code, message, hint } = mismatch;
        let manifest = self.desired.get(&address)?;
        let source = manifest.attribute_sources.get(&attribute).unwrap_or(&manifest.source).clone();
        let message = format!("{address}: {message}");
        let (severity, hint) = (Severity::Error, Some(hint));
        Some(Finding { code, severity, source, message, hint, excerpt: None, related: Vec::new() })
    }
}

/// What is refused whatever anybody approves.
fn guard(plan: &Plan, args: &ApplyArgs, tenant: &Tenant) -> Result<(), Error> {
    let allow_outbound = args.allow_outbound || tenant.allow_outbound;
    if let Some(refusal) = guard::refusals(plan, allow_outbound).into_iter().next() {
        return Err(Error::new(Exit::Refused, refusal.to_string()).hint(refusal.hint()));
    }
    match &args.approved {
        Some(approved) if *approved != plan.fingerprint => {
            let message =
                format!("the plan made now has the fingerprint {}, and {approved} was approved", plan.fingerprint);
            Err(Error::new(Exit::Refused, message).hint("nothing was sent; review the plan above and approve it anew"))
        }
        _ => Ok(()),
    }
}

/// Asks, unless it was approved already. Without somebody to ask there is no approval.
fn approve(session: &Session, plan: &Plan, args: &ApplyArgs) -> Result<(), Error> {
    if args.yes || args.approved.is_some() || saved_plan::is_one(&args.planning.paths) {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let message = "not approved: standard input is not a terminal, so nobody can be asked";
        return Err(Error::new(Exit::Refused, message).hint("approve with --yes; nothing was sent"));
    }
    let tenant = &plan.tenant;
    session.output.error(&format!(
        "\nDo you want to perform these actions on the tenant \"{}\" ({})?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ",
        tenant.name,
        tenant.whereabouts()
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
