//! The loop: one change after another begins when the rate limit lets its first call through, and several are in
//! flight.
//!
//! A change's own further calls wait for the rate limit before any new change does, so that few conversations are
//! without their attributes at any moment.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::api::contract::{Permit, Write};
use crate::apply::carry_out::CarryOut;
use crate::apply::event::ApplyEvent;
use crate::apply::follow_up::{self, Sent};
use crate::apply::halt::Ended;
use crate::apply::job::{Clock, Run};
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Outcome, Stop};
use crate::apply::stop::StopSignal;
use crate::apply::streak::Streak;
use crate::conversation::Kind;
use crate::handling::Setting;
use crate::journal::{Append, Replay};
use crate::plan::{Action, Change, Step};

/// Changes that may be in flight at once. More are never needed to use a rate limit: at 10 requests a second, 64 in
/// flight means that a call takes more than six seconds.
const IN_FLIGHT_MAX: usize = 64;

/// How long a drain may take before what is in flight is left. Cancelled CI jobs are killed after 7.5 seconds.
/// <https://docs.github.com/en/actions/reference/workflow-cancellation-reference>
const DRAIN_MAX: Duration = Duration::from_millis(6_500);

/// Carries out a plan: end users first, and then what may need them. `replay` holds the state that the plan was made
/// for, with the journal's `Opened` entry in it; when the run ends, it holds all that was done.
///
/// A change whose answer was lost is looked for in the tenant before the run ends: what was made is recorded and
/// finished, what surely was not is sent again, once, and what a machine can't tell stays in doubt.
pub async fn run<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    replay: &RefCell<Replay>,
    stop: &mut StopSignal,
    listen: &dyn Fn(ApplyEvent),
) -> ApplyReport {
    // Changes are in the order of their addresses.
    let end_users = run.plan.changes.partition_point(|change| change.address.kind == Kind::EndUser);
    let (first, then) = run.plan.changes.split_at(end_users);
    let mut report = ApplyReport::default();
    for changes in [first, then].into_iter().filter(|changes| !changes.is_empty()) {
        let next = match report.stop {
            None => stage(run, changes, replay, stop, listen).await,
            Some(_) => ApplyReport::not_begun(changes, None),
        };
        report = report.and(next);
    }
    report
}

/// Carries out changes that don't wait for each other, and settles what is in doubt of them.
async fn stage<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    changes: &[Change],
    replay: &RefCell<Replay>,
    stop: &mut StopSignal,
    listen: &dyn Fn(ApplyEvent),
) -> ApplyReport {
    let mut report = pass(run, changes, replay, stop, listen).await;
    let planned = changes.iter().map(|change| change.address.clone());
    let mut sent = Sent { last: planned.collect(), again: run.sent_again.clone() };
    // It ends, since nothing is sent again twice.
    while matches!(report.stop, None | Some(Stop::Incident | Stop::SameFailure(_))) && report.counts.in_doubt > 0 {
        let follow_up = follow_up::follow_up(run, replay, &mut report, &mut sent, stop, listen).await;
        if follow_up.is_empty() {
            // A change that was in doubt may have failed in it.
            report = report.with(ApplyReport::default());
            break;
        }
        // Nothing new is sent once the run is to stop; what was found is recorded, and the rest waits for the next
        // apply.
        let more = match report.stop {
            Some(Stop::Interrupted) | None => pass(run, &follow_up, replay, stop, listen).await,
            Some(_) => ApplyReport::not_begun(&follow_up, None),
        };
        report = report.with(more);
        sent.last = follow_up.into_iter().map(|change| change.address).collect();
    }
    report
}

/// Carries out each change once.
async fn pass<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    changes: &[Change],
    replay: &RefCell<Replay>,
    stop: &mut StopSignal,
    listen: &dyn Fn(ApplyEvent),
) -> ApplyReport {
    let carry_out = CarryOut::new(run, replay, stop.clone(), listen);
    let mut outcomes: Vec<Option<ChangeOutcome>> = vec![None; changes.len()];
    let mut next = 0;
    let mut ended = None;
    let mut flying = FuturesUnordered::new();
    let mut gate = Gate { inner: None };
    let mut drained = Box::pin(drained(stop.clone()));
    let mut streak = Streak::default();
    loop {
        while ended.is_none() && !stop.is_draining() && flying.len() < IN_FLIGHT_MAX {
            match changes.get(next).filter(|change| !begins_with_write(change)) {
                Some(change) => flying.push(carry_out.change(next, change, None)),
                None => break,
            }
            next += 1;
        }
        let more = next < changes.len() && ended.is_none() && !stop.is_draining();
        if flying.is_empty() && !more {
            break;
        }
        let admits = more && flying.len() < IN_FLIGHT_MAX;
        if !admits {
            gate.step_back();
        }
        tokio::select! {
            biased;
            Some((index, action, end)) = flying.next(), if !flying.is_empty() => {
                let outcome = settle(end, &mut ended);
                ended = ended.or(streak.add(&outcome));
                if ended.is_some() {
                    carry_out.end();
                }
                let outcome = ChangeOutcome { action, ..ChangeOutcome::of(&changes[index], outcome) };
                outcomes[index] = Some(outcome.clone());
                listen(ApplyEvent::Ended(outcome));
            }
            // Nothing new may start any more: look again at what is left.
            () = stop.draining(), if more => {}
            permit = gate.permit(run.api, carry_out.waiting()), if admits => {
                flying.push(carry_out.change(next, &changes[next], Some(permit)));
                next += 1;
            }
            () = &mut drained, if !flying.is_empty() => break,
        }
    }
    let left = flying.len();
    drop(flying);
    if stop.is_draining() && ended.is_none() {
        ended = Some(Stop::Interrupted);
    }
    let state = replay.borrow();
    let known = |change: &Change| state.state().records.get(&change.address).map(|record| record.id);
    let doubtful = state.in_doubt();
    let left_in_flight = |change: &Change| {
        let in_doubt = doubtful.iter().any(|doubt| doubt.address == change.address);
        Outcome::left_in_flight(change, known(change), in_doubt)
    };
    report(changes, outcomes, if left > 0 { next } else { 0 }, &left_in_flight, ended)
}

/// Where new changes wait for their first permit. It steps back as long as a change in flight waits for one: the
/// throttle serves in order, and a conversation must not wait for its attributes behind the beginning of the next one.
struct Gate<'a> {
    inner: Option<Pin<Box<dyn Future<Output = Permit> + Send + 'a>>>,
}

impl<'a> Gate<'a> {
    /// Gives up the place in the queue. A place that nobody asks about any more would hold up all those behind it.
    fn step_back(&mut self) {
        self.inner = None;
    }

    /// Must be polled after everything that may change `waiting`, in the same task.
    async fn permit<A: Write>(&mut self, api: &'a A, waiting: &Cell<usize>) -> Permit {
        let permit = poll_fn(|context| {
            if waiting.get() > 0 {
                // Dropping the place in the queue costs nobody else theirs. The change that waits wakes this task.
                self.inner = None;
                return Poll::Pending;
            }
            self.inner.get_or_insert_with(|| Box::pin(api.permit())).as_mut().poll(context)
        })
        .await;
        self.inner = None;
        permit
    }
}

/// Ends when what is in flight must be left: asked for, or when draining took too long.
async fn drained(mut stop: StopSignal) {
    stop.draining().await;
    let _ = tokio::time::timeout(DRAIN_MAX, stop.now()).await;
}

/// Whether a change's first call needs a permit of its own; reads get theirs by themselves.
fn begins_with_write(change: &Change) -> bool {
    match change.steps.first() {
        // What puts a tag on may have to make it first, and waits for its permits itself.
        Some(Step::Set(Setting::PutTag(_))) => false,
        Some(Step::Make(_) | Step::Change(_) | Step::Patch(_) | Step::PatchAll | Step::Set(_)) => true,
        // Reading has found out what differs, and nothing is read or written without it.
        Some(
            Step::Find(_)
            | Step::Read(_)
            | Step::ListBefore(_)
            | Step::ReadBack
            | Step::ReadTagsBack
            | Step::ChangeDifferent
            | Step::PatchDifferent(_)
            | Step::LookAt
            | Step::LookAtTags,
        )
        | None => false,
    }
}

fn settle(end: Ended, ended: &mut Option<Stop>) -> Outcome {
    match end {
        Ended::Change(outcome) => outcome,
        Ended::Run(outcome, stop) => {
            ended.get_or_insert(stop);
            outcome
        }
    }
}

/// Of the first `begun` changes, those without an outcome were in flight and left; the rest was not begun.
fn report(
    changes: &[Change],
    outcomes: Vec<Option<ChangeOutcome>>,
    begun: usize,
    left_in_flight: &dyn Fn(&Change) -> Outcome,
    stop: Option<Stop>,
) -> ApplyReport {
    let outcomes = changes.iter().zip(outcomes).enumerate().map(|(index, (change, outcome))| {
        let left = || match change.action {
            // Its record has moved before the run began.
            Action::Move => Outcome::moved(change),
            _ if index < begun => left_in_flight(change),
            _ => Outcome::not_begun(change),
        };
        outcome.unwrap_or_else(|| ChangeOutcome::of(change, left()))
    });
    ApplyReport::new(outcomes.collect(), stop)
}
