//! What is left to do after calls in doubt were settled.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::api::contract::{CallError, Write};
use crate::apply::event::ApplyEvent;
use crate::apply::job::{Clock, Run};
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Failure, Outcome, Stop};
use crate::apply::settle::{self, Verdict};
use crate::apply::stop::StopSignal;
use crate::conversation::Address;
use crate::journal::{Append, DecidedBy, Decision, Entry, InDoubt, Replay};
use crate::plan::{Change, Plan, Step};

/// Settles what the report has in doubt as far as a machine can, and returns the changes that go on. What stays in
/// doubt gets its candidates into the report, whose counts change: a change that was refused as a duplicate, and whose
/// conversation does not exist, has failed in it. The wish to stop ends the looking, never the writing down of what was
/// found.
pub(super) async fn follow_up<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    replay: &RefCell<Replay>,
    report: &mut ApplyReport,
    stop: &mut StopSignal,
    listen: &dyn Fn(ApplyEvent),
) -> Plan {
    let mut follow_up = without_changes(run.plan);
    let all = replay.borrow().in_doubt();
    let planned: HashMap<&Address, &Change> = run.plan.changes.iter().map(|change| (&change.address, change)).collect();
    let in_doubt: Vec<InDoubt> = all.iter().filter(|doubt| planned.contains_key(&doubt.address)).cloned().collect();
    let owned = settle::owned(replay.borrow().state());
    let verdicts = tokio::select! {
        verdicts = settle::settle(run.api, &in_doubt, &all, owned, run.settle) => verdicts,
        () = stop.draining() => {
            report.stop = Some(Stop::Interrupted);
            return follow_up;
        }
    };
    for (doubt, verdict) in in_doubt.iter().zip(verdicts) {
        let Some(change) = planned.get(&doubt.address) else { continue };
        let decision = match verdict {
            Ok(Verdict::Made(id)) => Decision::Adopt(id),
            Ok(Verdict::NotMade) => Decision::Create,
            Ok(Verdict::Unclear(candidates)) => {
                let named: Vec<String> = candidates.iter().map(ToString::to_string).collect();
                explain(report, doubt, &format!("it could be any of {}", named.join(", ")));
                continue;
            }
            Err(error) => {
                explain(report, doubt, &format!("and could not be looked for: {error}"));
                if let CallError::Unauthorized { .. } = error {
                    report.stop = Some(Stop::Unauthorized(error.message().to_owned()));
                }
                continue;
            }
        };
        if let Err(problem) = decide(run, replay, doubt, decision).await {
            report.stop = Some(Stop::Storage(problem));
            break;
        }
        let failed = if decision == Decision::Create { refused(report, change) } else { None };
        match failed {
            Some(ended) => listen(ApplyEvent::Ended(ended)),
            None => follow_up.changes.push(remaining(change, decision)),
        }
    }
    follow_up
}

/// How a change ended whose POST was refused because its `externalId` is taken, and that no earlier POST has made
/// either. Sent again it would be refused again.
fn refused(report: &mut ApplyReport, change: &Change) -> Option<ChangeOutcome> {
    let ended = report.outcomes.iter_mut().find(|ended| ended.address == change.address)?;
    let Outcome::InDoubt { error: error @ Failure { is_duplicate: true, .. } } = &ended.outcome else { return None };
    let what_to_do = match change.id {
        _ if change.marked => "no conversation of the requester shows it yet: the next apply looks again".to_owned(),
        Some(old) => format!(
            "another conversation has it, perhaps #{old}, whose place this one takes: give the manifest a new one"
        ),
        None => "another conversation has it: give the manifest one of its own".to_owned(),
    };
    let error = Failure { message: format!("{}; {what_to_do}", error.message), ..error.clone() };
    ended.outcome = Outcome::Failed { id: None, error };
    Some(ended.clone())
}

/// A plan for the same tenant and state that does nothing yet. Copying the changes only to drop them could take long.
fn without_changes(plan: &Plan) -> Plan {
    let Plan { tenant, lineage, serial, changes: _, summary, not_in_manifests, drift, gone, in_doubt, price, .. } =
        plan;
    Plan {
        tenant: tenant.clone(),
        lineage: *lineage,
        serial: *serial,
        seal: plan.seal,
        changes: Vec::new(),
        summary: *summary,
        not_in_manifests: not_in_manifests.clone(),
        drift: drift.clone(),
        gone: gone.clone(),
        in_doubt: in_doubt.clone(),
        price: *price,
        reads_before: plan.reads_before.clone(),
        fingerprint: plan.fingerprint.clone(),
    }
}

/// Writes a decision of the machine into the journal and the state.
async fn decide<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    replay: &RefCell<Replay>,
    doubt: &InDoubt,
    decision: Decision,
) -> Result<(), String> {
    let entry = Entry::Decided { seq: doubt.seq, decision, by: DecidedBy::Machine, at: run.clock.now() };
    replay.borrow_mut().add(&entry).map_err(|error| error.to_string())?;
    run.journal.append(entry).await.map_err(|error| error.to_string())
}

/// What is still to do of a change: all of it, or what follows after its conversation was made.
fn remaining(change: &Change, decision: Decision) -> Change {
    let mut change = change.clone();
    if let Decision::Adopt(id) = decision {
        change.id = Some(id);
        change.steps.to_mut().retain(|step| !matches!(step, Step::Make(_) | Step::ListBefore(_)));
    }
    change
}

fn explain(report: &mut ApplyReport, doubt: &InDoubt, what: &str) {
    for ended in report.outcomes.iter_mut().filter(|ended| ended.address == doubt.address) {
        if let Outcome::InDoubt { error } = &mut ended.outcome {
            // A later round says the same again.
            if !error.message.ends_with(what) {
                error.message = format!("{}; {what}", error.message);
            }
        }
    }
}
