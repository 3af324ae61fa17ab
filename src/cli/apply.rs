//! `dixaform apply`: plan, show, ask, do.

mod approval;
mod lacking;
mod naming;
mod pointing;
mod telling;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use tokio::runtime::Runtime;

use crate::api::contract::Organization;
use crate::apply::preflight::{self, Lacking, PreflightError, Ready};
use crate::apply::{self, ApplyReport, Run, Stop, StopSignal, Tags};
use crate::cli::apply::approval::Approval;
use crate::cli::apply::telling::{Ended, Telling};
use crate::cli::args::{ApplyArgs, PlanningArgs};
use crate::cli::clock::SystemClock;
use crate::cli::connection::{self, Connection};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::ledger::Ledger;
use crate::cli::load::{self, Files, Tenants};
use crate::cli::progress::Progress;
use crate::cli::refresh::Wanted;
use crate::cli::saved_plan::Given;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::settling::{HINT, Settled};
use crate::cli::state_access::{self, Older, Taken};
use crate::cli::{embedded, plan, rebuild, refresh, saved_plan, settling, signals};
use crate::conversation::Address;
use crate::desired::Desired;
use crate::finding::{Finding, Findings};
use crate::plan::{Needs, Observations, Plan, PlanOptions, Read};
use crate::render::number::named;
use crate::sandbox::FaultPlan;
use crate::state::{Known, State};
use crate::workspace::manifests::Found;

/// What the journal and the lock say of this command.
const COMMAND: &str = "apply";

pub fn run(session: &Session, args: &ApplyArgs) -> Result<Exit, Error> {
    let telling = Telling::new(session, &args.forms, &args.planning.paths)?;
    let open = session.open()?;
    let tenant = open.tenant;
    let faults = embedded::faults(tenant, args.sandbox_faults.as_ref())?;
    let mut options = plan::options(tenant, &args.planning)?;
    state_access::tell_if_lost(&open);
    let paths = &args.planning.paths;
    let given = saved_plan::given(paths)?;
    let approval = Approval::given(args, matches!(given, Given::Plan(_)))?;
    let (saved, found) = input(session, args, given)?;
    let older = if args.accept_older_state { Older::Accepted } else { Older::Refused };
    let take = || state_access::take_unchecked(&open, COMMAND, args.lock.lock_timeout, older);
    let tenants = Tenants::new(session, Some(tenant), paths)?;
    let (files, taken) = rayon::join(|| Files::hashed(found, open.may_have_state(), tenants, session.folder()), take);
    let (files, mut taken) = (files?, taken?);
    let desired =
        if saved.is_some() { Desired::default() } else { described(session, args, &files, &taken, &options)? };
    taken.held.check_specs(&mut taken.state, |address| !desired.is_as_recorded(address))?;
    let runtime = connection::runtime()?;
    let mut job =
        Job { open: &open, desired: &desired, faults, connection: None, telling: &telling, sent_again: [].into() };
    let mut requests_sent = Some(0);
    if !taken.in_doubt.is_empty() {
        taken = runtime.block_on(job.settle(taken))?;
        requests_sent = None;
    }
    if args.planning.refresh {
        let wanted = refresh::wanted(&desired, &taken.state, &options);
        options.observations = runtime.block_on(job.refresh(&taken.state, &wanted))?;
        requests_sent = requests_sent.map(|_| refresh::calls(&wanted));
    }
    let (plan, looked) = planned(&mut job, &runtime, saved, taken, &options, &approval)?;
    let plan = if job.has_asked_for_organization() { plan.without(Read::Organization) } else { plan };
    let taken = match looked {
        Ok((taken, has_looked)) => {
            requests_sent = requests_sent.filter(|_| !has_looked);
            taken
        }
        Err((error, findings)) => {
            telling.planned(&plan, &approval, None)?;
            runtime.shutdown_background();
            return finish(&telling, &plan, not_begun(&plan, error, findings), args, &[]);
        }
    };
    let mut doubtful: Vec<Address> = taken.in_doubt.iter().map(|doubt| doubt.address.clone()).collect();
    if plan.is_empty() {
        doubtful.extend(settling::tell_doubled(session, &taken.state));
    }
    plan::tell_if_nothing_fits(session, &plan, &options.scope.flags());
    telling.planned(&plan, &approval, requests_sent)?;
    plan::tell_what_was_compared(session, &plan);
    let ended = if plan.is_empty() {
        runtime.block_on(job.close());
        Ended::default()
    } else {
        match may_begin(&open, &approval, &plan) {
            Ok(()) => runtime.block_on(job.carry_out(&plan, taken, &approval)),
            Err(error) => not_begun(&plan, error, Findings::default()),
        }
    };
    doubtful.extend(ended.doubled.iter().cloned());
    // Whatever still runs in the background has nothing to finish: every answer that counts was waited for.
    runtime.shutdown_background();
    finish(&telling, &plan, ended, args, &doubtful)
}

/// What the manifests describe. A refresh compares each of them with the tenant; otherwise those are not parsed again
/// that the state knows.
fn described(
    session: &Session,
    args: &ApplyArgs,
    files: &Files<'_>,
    taken: &Taken,
    options: &PlanOptions,
) -> Result<Desired, Error> {
    let PlanningArgs { refresh, warnings_as_errors, .. } = args.planning;
    let Taken { state, in_doubt, .. } = taken;
    let known = if refresh { Known::default() } else { plan::known(state, in_doubt, &options.scope) };
    load::desired(session, files, &known, state, warnings_as_errors)
}

/// The saved plan, or the files of manifests.
fn input(session: &Session, args: &ApplyArgs, given: Given) -> Result<(Option<Plan>, Vec<Found>), Error> {
    match given {
        Given::Plan(plan) => saved_plan::refuse_flags(&args.planning).map(|()| (Some(*plan), Vec::new())),
        Given::Manifests(start) => {
            let mut found = load::find(session, &args.planning.paths)?;
            found.iter_mut().for_each(|found| found.begin_with(&start));
            Ok((None, found))
        }
    }
}

/// The state, and whether it was looked for what was made before; or why nothing was begun, with what was found about
/// the manifests.
type Looked = Result<(Taken, bool), (Error, Findings)>;

/// The plan, made after looking for what was made before where there is no state.
fn planned(
    job: &mut Job<'_>,
    runtime: &Runtime,
    saved: Option<Plan>,
    taken: Taken,
    options: &PlanOptions,
    approval: &Approval<'_>,
) -> Result<(Plan, Looked), Error> {
    let (open, desired, is_saved) = (job.open, job.desired, saved.is_some());
    let make = |saved: Option<Plan>, taken: &Taken| match saved {
        Some(saved) => saved_plan::check(saved, taken, open.tenant),
        None => {
            let options = PlanOptions { seal: taken.held.seal(), ..options.clone() };
            plan::make(open.session, desired, &taken.state, &taken.in_doubt, options)
        }
    };
    let plan = make(saved, &taken)?;
    if !rebuild::is_needed(&taken, &plan) || may_begin(open, approval, &plan).is_err() {
        return Ok((plan, Ok((taken, false))));
    }
    rebuild::tell_if_part(open.session, approval.names_paths());
    let wanted = if is_saved { rebuild::wanted_by(&plan) } else { rebuild::wanted(desired, open) };
    let (taken, has_found) = match runtime.block_on(job.look_before(&plan, taken, &wanted)) {
        Ok(looked) => looked,
        Err(refused) => return Ok((plan, Err(refused))),
    };
    let plan = if has_found { make(is_saved.then_some(plan), &taken)? } else { plan };
    // What the plan refers to was asked for there.
    Ok((plan.without(Read::MadeBefore).without(Read::Thing), Ok((taken, true))))
}

/// Everything that can refuse a plan before the tenant or anybody is asked anything.
fn may_begin(open: &OpenTenant<'_>, approval: &Approval<'_>, plan: &Plan) -> Result<(), Error> {
    approval.guard(plan, open.tenant)?;
    connection::options(open)?;
    approval.can_be_asked(plan)
}

/// The end of an apply of which nothing was begun.
fn not_begun(plan: &Plan, error: Error, findings: Findings) -> Ended {
    let stop = match error.exit {
        Exit::Token => Stop::Unauthorized(error.message()),
        Exit::Interrupted => Stop::Interrupted,
        _ => Stop::NotBegun(error.message()),
    };
    let report = ApplyReport::not_begun(&plan.changes, Some(stop));
    Ended { report, findings, error: Some(error), ..Ended::default() }
}

/// Writes the forms, and says how the command ends.
fn finish(
    telling: &Telling<'_>,
    plan: &Plan,
    ended: Ended,
    args: &ApplyArgs,
    doubtful: &[Address],
) -> Result<Exit, Error> {
    let graver = |error: Error, exit| Error { exit: Exit::worst([error.exit, exit]), ..error };
    let left = if doubtful.is_empty() { Exit::Done } else { Exit::InDoubt };
    let ran = exit_of(&ended.report, args.planning.warnings_as_errors);
    // Somebody asked for the end, whatever went wrong on the way there.
    let is_cut_short = ended.is_interrupted && (ended.error.is_some() || ended.report.stop.is_some());
    let ran = Exit::worst([ran, if is_cut_short { Exit::Interrupted } else { Exit::Done }]);
    let exit = match &ended.error {
        // The error of a command that did not begin says it all.
        Some(error) if ended.report.counts.all_attempted() == 0 => Exit::worst([error.exit, left]),
        Some(error) => Exit::worst([error.exit, ran, left]),
        None => Exit::worst([ran, left]),
    };
    let written = telling.finished(plan, &ended, exit);
    let is_in_result = written.is_ok();
    let told = |error: Error| Error { is_in_result, ..error };
    if let Some(error) = ended.error {
        return Err(told(graver(error, exit)));
    }
    written.map_err(|error| graver(error, exit))?;
    ended_with(ran, doubtful).map_err(told)
}

/// Something in doubt is reported with what to do about it, and outranks what went well or failed.
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
    open: &'a OpenTenant<'a>,
    desired: &'a Desired,
    /// What goes wrong on purpose in the embedded sandbox.
    faults: Option<FaultPlan>,
    connection: Option<Connection>,
    telling: &'a Telling<'a>,
    /// Addresses for which this command has decided that an earlier call made nothing.
    sent_again: BTreeSet<Address>,
}

impl Job<'_> {
    async fn connect(&mut self) -> Result<Connection, Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::open_with_faults(self.open, self.desired, self.faults.clone()).await,
        }
    }

    /// Settles what an earlier run left in doubt, as far as a machine can.
    async fn settle(&mut self, taken: Taken) -> Result<Taken, Error> {
        let connection = self.connect().await?;
        let Settled { taken, not_made, .. } = settling::by_machine(self.open, &connection, taken).await?;
        self.sent_again = not_made;
        self.connection = Some(connection);
        Ok(taken)
    }

    /// Reads the tenant before anything is planned.
    async fn refresh(&mut self, state: &State, wanted: &[Wanted<'_>]) -> Result<Observations, Error> {
        if wanted.is_empty() {
            return Ok(Observations::new());
        }
        connection::options(self.open)?;
        let connection = self.connect().await?;
        let observations = refresh::observe(&connection, self.open, state, wanted).await;
        self.connection = Some(connection);
        observations
    }

    /// Where there is no state, looks for what was made before anything is made again. Says whether it has found
    /// something.
    ///
    /// # Errors
    /// The tenant is another one or can't be read, or it lacks something that manifests need.
    async fn look_before(&mut self, plan: &Plan, taken: Taken, wanted: &[rebuild::Wanted<'_>]) -> Looked {
        let alone = |error| (error, Findings::default());
        let state = self.open.shown_state();
        self.open.session.output.note(&format!("There is no state {state}.\n"));
        let connection = self.connect().await.map_err(alone)?;
        let _whose = connection.organization(plan.tenant.organization_id.as_deref()).await.map_err(alone)?;
        self.nothing_missing(plan, &connection).await.map_err(|error| self.refused(plan, error))?;
        let (taken, recorded) = rebuild::record(self.open, &connection, taken, wanted).await.map_err(alone)?;
        self.connection = Some(connection);
        let has_found = recorded > 0 || !taken.in_doubt.is_empty();
        Ok((taken, has_found))
    }

    /// Asks for what the plan refers to. If something is missing, whatever else does not fit is reported with it.
    async fn nothing_missing(&self, plan: &Plan, connection: &Connection) -> Result<(), PreflightError> {
        let reader = connection.client.reader();
        let mut asked = connection.asked.lock().await;
        let asking = asked.ask(&reader, &Needs::of(&plan.changes)).await;
        let missing = asking.map_err(|(call, error)| PreflightError::Call(call, error))?;
        match missing.is_empty() {
            true => Ok(()),
            false => preflight::check_rest(&reader, plan, &mut asked, missing).await.map(drop),
        }
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    fn has_asked_for_organization(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::has_asked_for_organization)
    }

    /// Listens for the wish to stop from here on, without a gap, until everything is written down.
    async fn carry_out(&mut self, plan: &Plan, taken: Taken, approval: &Approval<'_>) -> Ended {
        let (handle, mut stop) = apply::stop_signal();
        let listening = [Some(signals::listen(handle, self.open.session.output)), taken.held.stop_with(&stop)];
        let ended = self.carry_out_until(plan, taken, approval, &mut stop).await;
        listening.into_iter().flatten().for_each(|task| task.abort());
        let is_interrupted = stop.is_draining();
        match ended {
            Ok(ended) => Ended { is_interrupted, ..ended },
            Err((error, findings)) if is_interrupted => {
                not_begun(plan, Error { exit: Exit::Interrupted, ..error }, findings)
            }
            Err((error, findings)) => not_begun(plan, error, findings),
        }
    }

    /// # Errors
    /// Nothing was begun; with what was found about the manifests.
    async fn carry_out_until(
        &mut self,
        plan: &Plan,
        mut taken: Taken,
        approval: &Approval<'_>,
        stop: &mut StopSignal,
    ) -> Result<Ended, (Error, Findings)> {
        let alone = |error| (error, Findings::default());
        let connection = self.connect().await.map_err(alone)?;
        preflight::end_users(plan, &taken.state).map_err(|error| alone(connection::not_this_tenant(error)))?;
        let (organization, plan, tags) = tokio::select! {
            ready = self.make_ready(plan, &connection, approval) => ready?,
            () = stop.draining() => {
                return Err(alone(Error::new(Exit::Interrupted, "interrupted; nothing was sent")));
            }
        };
        let organization = organization.map(|organization| organization.id);
        Ledger::move_records(&mut taken, &plan).map_err(alone)?;
        let ledger = Ledger::open(taken, self.open.tenant, organization.as_deref(), COMMAND).await.map_err(alone)?;
        let mut report = self.run(&plan, (&connection, &tags), &ledger, stop).await;
        let doubled = settling::tell_doubled(self.open.session, ledger.replay.borrow().state());
        let error = ledger.finish(self.desired).await.err();
        let failed_after = error.is_some() && report.stop.is_none();
        if let Some(error) = &error {
            report.stop.get_or_insert_with(|| Stop::Storage(error.message()));
        } else {
            connection.close().await;
        }
        Ok(Ended { report, findings: Findings::default(), error, failed_after, doubled, is_interrupted: false })
    }

    /// All that comes before the first write: the reads that the plan has priced, and the question. Gives back whose
    /// tenant it is, the plan with the ids that its names stand for, and the tenant's tags; a plan that sends nothing
    /// does not ask.
    async fn make_ready<'p>(
        &self,
        plan: &'p Plan,
        connection: &Connection,
        approval: &Approval<'_>,
    ) -> Result<(Option<Organization>, Cow<'p, Plan>, Tags), (Error, Findings)> {
        let alone = |error| (error, Findings::default());
        let organization = match plan.has_calls() {
            true => connection.organization(plan.tenant.organization_id.as_deref()).await.map_err(alone)?,
            false => None,
        };
        let found = organization.as_ref();
        if let Some(warning) = naming::not_pinned(self.open, found) {
            self.open.session.output.note(&warning);
        }
        approval.settle(self.open.session, &plan.tenant, found).await.map_err(alone)?;
        let mut asked = connection.asked.lock().await;
        let checked = preflight::check(&connection.client.reader(), plan, &mut asked).await;
        drop(asked);
        let Ready { plan: known, tags, suspicions } = checked.map_err(|error| self.refused(plan, error))?;
        drop(self.tell(lacking::misfits(self.desired, &known, suspicions)));
        approval.begin(self.open.session, &plan.tenant, organization.as_ref());
        Ok((organization, known, tags))
    }

    /// Reports all that the tenant lacks or would refuse, and gives back why nothing is sent.
    fn refused(&self, plan: &Plan, error: PreflightError) -> (Error, Findings) {
        let findings = match &error {
            PreflightError::Lacking(Lacking { missing, mismatches }) => {
                let mut findings = lacking::missing(plan, missing);
                findings.extend(lacking::misfits(self.desired, plan, mismatches.clone()));
                findings
            }
            _ => Vec::new(),
        };
        (connection::not_this_tenant(error), self.tell(findings))
    }

    async fn run(
        &self,
        plan: &Plan,
        (connection, tags): (&Connection, &Tags),
        ledger: &Ledger,
        stop: &mut StopSignal,
    ) -> ApplyReport {
        let progress = Progress::new(self.open.session.output, plan);
        let done = Cell::new(0);
        let run = Run {
            plan,
            api: &connection.client.writer(),
            journal: &ledger.journal,
            clock: &SystemClock,
            last_applied: self.open.tenant.last_applied,
            project: self.open.session.project.name.as_deref(),
            patience: connection.patience,
            sent_again: &self.sent_again,
            tags,
        };
        let listen = |event| {
            self.telling.event(&event, plan);
            progress.show(&event, &done);
        };
        let report = apply::run(&run, &ledger.replay, stop, &listen).await;
        progress.finish();
        report
    }

    /// Reports what the tenant does not have, or has otherwise.
    fn tell(&self, found: Vec<Finding>) -> Findings {
        let mut findings = Findings::default();
        findings.extend(found);
        findings.sort();
        load::show_lines(&mut findings, self.desired.tables());
        self.open.session.report(&findings);
        findings
    }
}

/// The exit code of a run that was begun.
fn exit_of(report: &ApplyReport, warnings_as_errors: bool) -> Exit {
    let counts = report.counts;
    let something_done = counts.all_done() + counts.half_done + counts.moved > 0;
    let mut exits = Vec::new();
    match &report.stop {
        Some(Stop::Interrupted) => exits.push(Exit::Interrupted),
        Some(Stop::Unauthorized(_)) => exits.push(Exit::Token),
        Some(Stop::Storage(_) | Stop::NotBegun(_)) => exits.push(Exit::Failed),
        Some(Stop::Fenced(_)) => exits.push(Exit::Refused),
        // Whatever was not attempted makes it a part.
        Some(Stop::Incident | Stop::SameFailure(_)) => exits.push(Exit::Partial),
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
