//! What is left to do after calls in doubt were settled.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::api::contract::{CallError, Write};
use crate::apply::event::ApplyEvent;
use crate::apply::job::{Clock, Run};
use crate::apply::look::Known;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Failure, Outcome, Stop};
use crate::apply::settle::{Settled, Settling, Verdict};
use crate::apply::stop::StopSignal;
use crate::conversation::Address;
use crate::journal::{Append, DecidedBy, Decision, Entry, Heard, InDoubt, Replay};
use crate::plan::{Change, Step};
use crate::state::Record;

/// What a run has sent so far.
pub(super) struct Sent {
    /// The addresses of the last pass.
    pub last: BTreeSet<Address>,
    /// Those for which a second call was sent, or is about to be.
    pub again: BTreeSet<Address>,
}

/// Settles what the report has in doubt of the last pass, as far as a machine can, and returns the changes that go on;
/// those that are sent again are noted. What stays in doubt gets its candidates
/// into the report, whose counts change: a change that was refused as a duplicate, and whose conversation does not
/// exist, has failed in it. The wish to stop ends the looking, never the writing down of what was found.
pub(super) async fn follow_up<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    replay: &RefCell<Replay>,
    report: &mut ApplyReport,
    sent: &mut Sent,
    stop: &mut StopSignal,
    listen: &dyn Fn(ApplyEvent),
) -> Vec<Change> {
    let mut follow_up = Vec::new();
    let all = replay.borrow().in_doubt();
    let planned: HashMap<&Address, &Change> = run.plan.changes.iter().map(|change| (&change.address, change)).collect();
    let is_ours = |doubt: &&InDoubt| sent.last.contains(&doubt.address) && planned.contains_key(&doubt.address);
    let in_doubt: Vec<InDoubt> = all.iter().filter(is_ours).cloned().collect();
    let Run { api, clock, patience, .. } = *run;
    // What this run has made is younger than its calls; another machine, whose clock differs, may have made the rest.
    let is_new = |address: &Address, record: &Record| {
        planned.get(address).is_some_and(|change| change.action.makes() && change.id != Some(record.id))
    };
    let known = Known::with_times_of(replay.borrow().state(), is_new);
    let settling = Settling { api, clock, sent: None, patience, known, sent_again: &sent.again };
    let looking = |pause| listen(ApplyEvent::Looking(pause));
    let Settled { verdicts, doubles } = tokio::select! {
        settled = settling.settle(&in_doubt, &all, &looking) => settled,
        () = stop.draining() => {
            report.stop = Some(Stop::Interrupted);
            return follow_up;
        }
    };
    for (address, id) in doubles {
        if let Err(problem) = note(run, replay, Entry::Doubled { address, id }).await {
            report.stop = Some(Stop::Storage(problem));
            return follow_up;
        }
    }
    let stopped = report.stop.is_some();
    for (doubt, verdict) in in_doubt.iter().zip(verdicts) {
        let Some(change) = planned.get(&doubt.address) else { continue };
        let decision = match verdict {
            Ok(Verdict::Made(id)) => Ok(Decision::Adopt(id)),
            Ok(Verdict::NotMade) if stopped && doubt.heard != Heard::Duplicate => {
                Err("no conversation was found; the next apply looks again".to_owned())
            }
            Ok(Verdict::NotMade) => Ok(Decision::Create),
            Ok(Verdict::Question(question)) => Err(question.to_string()),
            Ok(Verdict::Open(why)) => Err(why),
            Err(error) => {
                if let CallError::Unauthorized { .. } = error {
                    report.stop = Some(Stop::Unauthorized(error.message().to_owned()));
                }
                Err(format!("and could not be looked for: {error}"))
            }
        };
        let Ok(decision) = decision.map_err(|why: String| explain(report, doubt, &why)) else { continue };
        let entry = Entry::Decided { seq: doubt.seq, decision, by: DecidedBy::Machine, at: run.clock.now() };
        if let Err(problem) = note(run, replay, entry).await {
            report.stop = Some(Stop::Storage(problem));
            break;
        }
        let failed = if decision == Decision::Create { refused(report, change) } else { None };
        match failed {
            Some(ended) => listen(ApplyEvent::Ended(ended)),
            None => {
                sent.again.extend((decision == Decision::Create).then(|| change.address.clone()));
                follow_up.push(remaining(change, decision));
            }
        }
    }
    follow_up
}

/// How a change ended whose POST was refused because its `externalId` is taken, and that no earlier POST has made
/// either. Sent again it would be refused again.
fn refused(report: &mut ApplyReport, change: &Change) -> Option<ChangeOutcome> {
    let ended = report.outcomes.iter_mut().find(|ended| ended.address == change.address)?;
    let Outcome::InDoubt { error: error @ Failure { is_about_external_id: true, .. } } = &ended.outcome else {
        return None;
    };
    let what_to_do = match change.id {
        _ if change.marked => "no conversation of the requester shows it yet: the next apply looks again".to_owned(),
        Some(old) => format!(
            "another conversation has it, perhaps {old:#}, whose place this one takes: give the manifest a new one"
        ),
        None => "another conversation has it: give the manifest one of its own".to_owned(),
    };
    let error = Failure { message: format!("{}; {what_to_do}", error.message), ..error.clone() };
    ended.outcome = Outcome::Failed { id: None, error };
    Some(ended.clone())
}

/// Writes what was found out into the journal and the state.
async fn note<A: Write, J: Append, C: Clock>(
    run: &Run<'_, A, J, C>,
    replay: &RefCell<Replay>,
    entry: Entry,
) -> Result<(), String> {
    replay.borrow_mut().add(&entry).map_err(|error| error.to_string())?;
    run.journal.append(entry).await.map_err(|error| error.to_string())
}

/// What is still to do of a change: all of it, or what follows after its conversation was made.
fn remaining(change: &Change, decision: Decision) -> Change {
    let mut change = change.clone();
    if let Decision::Adopt(id) = decision {
        change.id = Some(id);
        change.steps.to_mut().retain(|step| !matches!(step, Step::Make(_) | Step::ListBefore(_) | Step::Find(_)));
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
