//! What there is to say about how a change ended, beyond that it was done: the same words for every form.
//!
//! A remark says it to the author of the manifest: it has the place that is meant, which is the manifest or, where the
//! message of the API names one, a member of it. Finding that place needs the file, so it is done at the edge, and
//! comes here as [`Pointers`].

use std::collections::BTreeMap;

use crate::apply::outcome::{ApplyReport, ChangeOutcome, Failure, Outcome, Stop};
use crate::call::Call;
use crate::conversation::{Address, Id};
use crate::finding::{Excerpt, Finding, Findings, Severity, code};
use crate::plan::Action;
use crate::render::escape;
use crate::render::number::{counted, named};
use crate::source::Source;

/// Characters that are shown of a message of the API.
const MESSAGE_MAX: usize = 2_000;

/// Failures of the same kind that are each shown.
const ALIKE_MAX: usize = 3;

/// What was not done after a conversation was made, where the call that failed doesn't say so.
const NOT_SET: [&str; 3] = ["attributes", "were", "written"];

/// What to do about a change in doubt.
const IN_DOUBT_HINT: &str = "it is not sent again until that is known: apply again, or decide with dixaform recover";

/// A place in a manifest, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub source: Source,
    pub excerpt: Option<Excerpt>,
}

/// What to point at for each address; one that is not there is pointed at as its outcome says, without the line.
pub type Pointers = BTreeMap<Address, Pointer>;

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    Failed,
    InDoubt,
    /// It was not attempted, since something that it needs was not made.
    Blocked,
    /// It was done, and not all is well.
    Odd,
}

/// One change that there is something to say about.
#[derive(Clone, Debug)]
pub struct Remark<'r> {
    pub address: &'r Address,
    pub matter: Matter,
    /// A code of [`crate::finding::code`].
    pub code: &'static str,
    /// What became of it, in our words, the address among them: `conversation.a was not created`.
    pub title: String,
    /// What Dixa said, or what went wrong on the way; a line each, as it came, and not endless.
    pub details: Vec<String>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    pub source: Option<&'r Source>,
    pub excerpt: Option<&'r Excerpt>,
}

/// Every remark of a report, in the order of the plan.
pub fn remarks<'r>(report: &'r ApplyReport, pointers: &'r Pointers) -> impl Iterator<Item = Remark<'r>> {
    report.outcomes.iter().filter_map(|ended| remark(ended, pointers))
}

/// Every remark of a report, where a failure that came more than `ALIKE_MAX` times is one, with a count and the first
/// places: whoever named a requester that doesn't exist has to hear it once.
pub fn folded<'r>(report: &'r ApplyReport, pointers: &'r Pointers) -> Vec<Remark<'r>> {
    let mut alike: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    let is_failed = |remark: &Remark<'_>| matches!(remark.matter, Matter::Failed | Matter::Blocked);
    for remark in remarks(report, pointers).filter(is_failed) {
        let place = remark.source.map_or_else(String::new, |source| format!(" ({source})"));
        alike.entry(remark.details).or_default().push(format!("{}{place}", remark.address));
    }
    alike.retain(|_, named| named.len() > ALIKE_MAX);
    let mut shown = Vec::new();
    for mut remark in remarks(report, pointers) {
        match alike.get_mut(&remark.details).filter(|_| is_failed(&remark)).map(std::mem::take) {
            Some(all) if all.is_empty() => continue,
            Some(all) => {
                let others = all.iter().skip(1).map(String::as_str);
                let count = counted(all.len() - 1, "other change");
                let became = if remark.matter == Matter::Failed { "failed in the same way" } else { "wait for it too" };
                remark.details.push(format!("{count} {became}: {}", named(others, ALIKE_MAX)));
            }
            None => {}
        }
        shown.push(remark);
    }
    shown
}

/// What the messages of one outcome are, for finding the place that they are about; none where there is nothing to say.
pub fn said(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::NotAttempted { .. } => None,
        Outcome::Done { partial_errors, warnings, .. } => {
            let all: Vec<&str> = partial_errors.iter().chain(warnings).map(String::as_str).collect();
            (!all.is_empty()).then(|| all.join("\n"))
        }
        Outcome::Failed { id: _, error } | Outcome::InDoubt { error } => Some(error.message.clone()),
    }
}

/// The remark of one outcome; none where it was done without more ado, or not attempted.
pub fn remark<'r>(ended: &'r ChangeOutcome, pointers: &'r Pointers) -> Option<Remark<'r>> {
    let ChangeOutcome { address, action, moved: _, source, outcome } = ended;
    let (matter, code, title, details, hint) = match outcome {
        Outcome::NotAttempted { needs: None } => return None,
        Outcome::NotAttempted { needs: Some(needs) } => {
            let title = format!("{address} was not attempted");
            (Matter::Blocked, code::NEEDS_END_USER, title, vec![format!("it needs {needs}, which was not made")], None)
        }
        Outcome::Done { partial_errors, warnings, .. } if partial_errors.is_empty() && warnings.is_empty() => {
            return None;
        }
        Outcome::Done { id, partial_errors, warnings, found: _ } => {
            let (with, code) = if partial_errors.is_empty() {
                ("", code::READS_BACK_OTHERWISE)
            } else {
                (" with partial errors", code::PARTIAL_ERRORS)
            };
            let title = format!("{address}{} was {}{with}", bracketed(*id), action.done());
            (Matter::Odd, code, title, partial_errors.iter().chain(warnings).map(|text| cut(text)).collect(), None)
        }
        Outcome::Failed { id, error } => {
            let title = match (action, id) {
                (Action::Create | Action::Import | Action::Replace, Some(id)) => {
                    let [noun, was, set] = error.call.as_ref().map_or(NOT_SET, Call::sets);
                    format!("{address} was made as {id:#}, and its {noun} {was} not {set}")
                }
                _ => format!("{address}{} was not {}", bracketed(*id), action.done()),
            };
            (Matter::Failed, code::CALL_FAILED, title, vec![failure(error)], None)
        }
        Outcome::InDoubt { error } => {
            let title = format!("{address} may have been {}, or not", action.done());
            (Matter::InDoubt, code::IN_DOUBT, title, vec![failure(error)], Some(IN_DOUBT_HINT))
        }
    };
    let pointer = pointers.get(address);
    let source = pointer.map(|pointer| &pointer.source).or(source.as_ref());
    let excerpt = pointer.and_then(|pointer| pointer.excerpt.as_ref());
    Some(Remark { address, matter, code, title, details, hint, source, excerpt })
}

impl Remark<'_> {
    pub fn severity(&self) -> Severity {
        match self.matter {
            Matter::Failed | Matter::InDoubt | Matter::Blocked => Severity::Error,
            Matter::Odd => Severity::Warning,
        }
    }
}

/// The remarks that have a place, as findings.
pub fn as_findings(report: &ApplyReport, pointers: &Pointers) -> Findings {
    let mut findings = Findings::default();
    findings.extend(remarks(report, pointers).filter_map(|remark| {
        Some(Finding {
            code: remark.code,
            severity: remark.severity(),
            source: remark.source?.clone(),
            message: format!("{}: {}", remark.title, remark.details.join("; ")),
            hint: remark.hint.map(str::to_owned),
            excerpt: remark.excerpt.cloned(),
            related: Vec::new(),
        })
    }));
    findings
}

/// Why a run ended early: a sentence of ours, and what was said by others.
pub fn stopped(stop: &Stop) -> (&'static str, Option<String>) {
    match stop {
        Stop::Unauthorized(text) => ("the token was refused", Some(cut(text))),
        Stop::Interrupted => ("interrupted: nothing new was started", None),
        Stop::Storage(text) => ("nothing more was sent, because what was done could not be recorded", Some(cut(text))),
        Stop::Fenced(text) => ("nothing more was sent, because another run holds the state", Some(cut(text))),
        Stop::Incident => {
            ("Dixa seems to have an incident: several calls in a row ended in doubt, and nothing more was sent", None)
        }
        Stop::SameFailure(text) => {
            ("many changes in a row failed in the same way, and nothing more was sent", Some(cut(text)))
        }
        Stop::NotBegun(text) => ("nothing was sent", Some(cut(text))),
    }
}

/// `POST /v1/conversations answered 400: no such end user`
pub fn failure(failure: &Failure) -> String {
    let status = failure.status.map_or_else(String::new, |status| format!(" answered {status}"));
    format!("{}{status}: {}", failure.what(), cut(&failure.message))
}

/// A text of the API that is not endless.
pub fn cut(text: &str) -> String {
    escape::cut(text, MESSAGE_MAX).into_owned()
}

fn bracketed(id: Option<Id>) -> String {
    id.map_or_else(String::new, |id| format!(" ({id:#})"))
}
