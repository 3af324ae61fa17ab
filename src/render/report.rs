//! How an apply ended, as text: what needs a person first, the counts last.

use crate::apply::event::ApplyEvent;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Counts, Failure, Outcome, Stop};
use crate::conversation::ConversationId;
use crate::plan::Action;
use crate::render::escape::escape;
use crate::render::number::{duration, grouped, named};
use crate::render::palette::{Label, Palette};

/// Changes that were not attempted and are named; the rest is counted.
const NOT_ATTEMPTED_MAX: usize = 10;

/// Characters that are shown of a message of the API.
const MESSAGE_MAX: usize = 2_000;

/// A wait that is worth a line in a log, in milliseconds. Shorter ones are the limiter at work.
const LONG_WAIT_MS: u64 = 5_000;

/// The whole report; ends with a newline. Its last line is `Apply complete! …` or `Apply incomplete: …`.
pub fn report(report: &ApplyReport, palette: &Palette) -> String {
    let ApplyReport { outcomes, stop, counts } = report;
    let mut out = String::new();
    for outcome in outcomes {
        remarks(outcome, palette, &mut out);
    }
    if let Some(stop) = stop {
        out.push_str(&stopped(stop, palette));
        out.push_str("\n\n");
    }
    let waiting = outcomes.iter().filter(|outcome| outcome.outcome == Outcome::NotAttempted);
    if counts.not_attempted > 0 {
        let names = named(waiting.map(|outcome| &outcome.address), NOT_ATTEMPTED_MAX);
        out.push_str(&format!("{} not attempted: {names}.\n\n", grouped(counts.not_attempted as u64)));
    }
    out.push_str(&last_line(counts, report.is_complete(), palette));
    out.push('\n');
    out
}

/// One line of a log for what happened; none for what is no news there. `done` of `total` changes have ended, this one
/// included.
pub fn progress_line(event: &ApplyEvent, done: usize, total: usize) -> Option<String> {
    let text = match event {
        ApplyEvent::Began { .. } | ApplyEvent::Made { .. } => return None,
        ApplyEvent::Waiting { address: _, why: _, wait_ms } if *wait_ms < LONG_WAIT_MS => return None,
        ApplyEvent::Waiting { address, why, wait_ms } => {
            format!("{address} waits {}: {}", duration(*wait_ms as f64 / 1000.0), message(why))
        }
        ApplyEvent::Ended(ChangeOutcome { address, action, source: _, outcome }) => match outcome {
            Outcome::Done { id, partial_errors, warnings: _ } => {
                let partial = if partial_errors.is_empty() { "" } else { ", with partial errors" };
                format!("{address} {}{}{partial}", action.done(), numbered(*id))
            }
            Outcome::Failed { id: _, error } => format!("{address} failed: {}", failure(error)),
            Outcome::InDoubt { error } => format!("{address} is in doubt: {}", failure(error)),
            Outcome::NotAttempted => format!("{address} not attempted"),
        },
    };
    Some(format!("[{done}/{total}] {text}"))
}

/// What there is to say of one change beyond that it was done, in words for every form that has sentences.
pub(crate) struct Told {
    pub(crate) label: Label,
    /// `error`, `warning` or `in doubt`.
    pub(crate) word: &'static str,
    pub(crate) sentence: String,
    /// One line each, made safe to show.
    pub(crate) details: Vec<String>,
}

/// None where it was done without more ado, or not attempted.
pub(crate) fn told(outcome: &ChangeOutcome) -> Option<Told> {
    let ChangeOutcome { address, action, source: _, outcome } = outcome;
    let (label, word, sentence, details) = match outcome {
        Outcome::NotAttempted => return None,
        Outcome::Done { partial_errors, warnings, id: _ } if partial_errors.is_empty() && warnings.is_empty() => {
            return None;
        }
        Outcome::Done { id, partial_errors, warnings } => {
            let with = if partial_errors.is_empty() { "" } else { " with partial errors" };
            let sentence = format!("{address}{} was {}{with}", bracketed(*id), action.done());
            let details = partial_errors.iter().chain(warnings).map(|text| message(text)).collect();
            (Label::Warning, "warning", sentence, details)
        }
        Outcome::Failed { id, error } => {
            let sentence = match (action, id) {
                (Action::Create | Action::Import | Action::Replace, Some(id)) => {
                    format!("{address} was made as #{id}, and its attributes were not written")
                }
                _ => format!("{address}{} was not {}", bracketed(*id), action.done()),
            };
            (Label::Error, "error", sentence, vec![failure(error)])
        }
        Outcome::InDoubt { error } => {
            let sentence = format!("{address} may have been {}, or not", action.done());
            let hint = "It is not sent again before that is known: apply again, or decide with dixaform recover";
            (Label::Danger, "in doubt", sentence, vec![failure(error), hint.to_owned()])
        }
    };
    Some(Told { label, word, sentence, details })
}

fn remarks(outcome: &ChangeOutcome, palette: &Palette, out: &mut String) {
    let Some(Told { label, word, sentence, details }) = told(outcome) else { return };
    out.push_str(&format!("{}: {sentence}\n", palette.paint(label, word)));
    if let Some(source) = &outcome.source {
        let place = format!("  --> {}:{}:{}", escape(&source.file), source.place.line, source.place.column);
        out.push_str(&palette.paint(Label::Hidden, &place));
        out.push('\n');
    }
    for detail in details {
        out.push_str(&format!("  {detail}\n"));
    }
    out.push('\n');
}

fn numbered(id: Option<ConversationId>) -> String {
    id.map_or_else(String::new, |id| format!(" #{id}"))
}

fn bracketed(id: Option<ConversationId>) -> String {
    id.map_or_else(String::new, |id| format!(" (#{id})"))
}

/// `POST /v1/conversations answered 400: no such end user`
fn failure(failure: &Failure) -> String {
    let Failure { call, status, message: text } = failure;
    let status = status.map_or_else(String::new, |status| format!(" answered {status}"));
    format!("{}{status}: {}", escape(call), message(text))
}

/// A text of the API, on one line and not endless.
fn message(text: &str) -> String {
    let shown: String = text.chars().take(MESSAGE_MAX).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{more}", escape(&shown))
}

/// Why the run ended before its last change; one line, made safe to show.
pub(crate) fn stop_in_words(stop: &Stop) -> String {
    match stop {
        Stop::Unauthorized(text) => format!("the token was refused: {}", message(text)),
        Stop::Interrupted => "Interrupted: nothing new was started.".to_owned(),
        Stop::Storage(text) => {
            format!("nothing more was sent, because what was done could not be recorded: {}", message(text))
        }
    }
}

fn stopped(stop: &Stop, palette: &Palette) -> String {
    let words = stop_in_words(stop);
    match stop {
        Stop::Interrupted => palette.paint(Label::Warning, &words),
        Stop::Unauthorized(_) | Stop::Storage(_) => format!("{}: {words}", palette.paint(Label::Error, "error")),
    }
}

/// How the whole of it ended.
pub(crate) fn verdict(complete: bool) -> &'static str {
    if complete { "Apply complete!" } else { "Apply incomplete:" }
}

/// `1 created, 1 imported, 0 updated. 2 failed.`
pub(crate) fn counts_in_words(counts: &Counts) -> String {
    let always = [Action::Create, Action::Import, Action::Update];
    let actions = Action::ALL.into_iter().filter(|action| always.contains(action) || counts.done(*action) > 0);
    let done: Vec<String> = actions.map(|action| format!("{} {}", counts.done(action), action.done())).collect();
    let rest = [(counts.failed, "failed"), (counts.in_doubt, "in doubt"), (counts.not_attempted, "not attempted")];
    let rest: Vec<String> =
        rest.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let rest = if rest.is_empty() { String::new() } else { format!(" {}.", rest.join(", ")) };
    format!("{}.{rest}", done.join(", "))
}

fn last_line(counts: &Counts, complete: bool, palette: &Palette) -> String {
    let label = if complete { Label::Good } else { Label::Error };
    format!("{} {}", palette.paint(label, verdict(complete)), counts_in_words(counts))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::{Place, Source};

    fn ended(address: &str, action: Action, outcome: Outcome) -> ChangeOutcome {
        let source = Source::new(&Arc::from("manifests/orders.yaml"), Place { line: 3, column: 1 });
        ChangeOutcome { address: address.parse().expect("an address"), action, source: Some(source), outcome }
    }

    fn done(id: i64) -> Outcome {
        Outcome::Done { id: Some(ConversationId(id)), partial_errors: Vec::new(), warnings: Vec::new() }
    }

    fn failed(id: Option<i64>, status: Option<u16>, message: &str) -> Outcome {
        let call =
            if id.is_some() { "PATCH /v1/conversations/1004/custom-attributes" } else { "POST /v1/conversations" };
        Outcome::Failed {
            id: id.map(ConversationId),
            error: Failure { call: call.to_owned(), status, message: message.to_owned() },
        }
    }

    #[test]
    fn a_complete_apply_ends_with_its_counts() {
        let outcomes = vec![
            ended("conversation.a", Action::Create, done(1)),
            ended("import.b", Action::Import, done(2)),
            ended("import.c", Action::Forget, Outcome::Done { id: None, partial_errors: vec![], warnings: vec![] }),
        ];
        assert_eq!(
            report(&ApplyReport::new(outcomes, None), &Palette::plain()),
            "Apply complete! 1 created, 1 imported, 0 updated, 1 forgotten.\n"
        );
    }

    #[test]
    fn what_needs_a_person_is_told_with_its_place_and_in_the_words_of_dixa() {
        let in_doubt = Failure {
            call: "POST /v1/conversations".to_owned(),
            status: None,
            message: "no answer within 30 s".to_owned(),
        };
        let partial = Outcome::Done {
            id: Some(ConversationId(1005)),
            partial_errors: vec!["message 3: attachment\u{202e} not found".to_owned()],
            warnings: vec![],
        };
        let outcomes = vec![
            ended("conversation.a", Action::Create, done(1003)),
            ended("conversation.b", Action::Create, failed(None, Some(400), "no such end user")),
            ended("conversation.c", Action::Create, failed(Some(1004), Some(422), "no such option")),
            ended("conversation.d", Action::Create, Outcome::InDoubt { error: in_doubt }),
            ended("import.e", Action::Import, partial),
            ended("import.f", Action::Import, Outcome::NotAttempted),
        ];
        let report = report(&ApplyReport::new(outcomes, Some(Stop::Interrupted)), &Palette::plain());
        insta::assert_snapshot!(report, @r##"
error: conversation.b was not created
  --> manifests/orders.yaml:3:1
  POST /v1/conversations answered 400: no such end user

error: conversation.c was made as #1004, and its attributes were not written
  --> manifests/orders.yaml:3:1
  PATCH /v1/conversations/1004/custom-attributes answered 422: no such option

in doubt: conversation.d may have been created, or not
  --> manifests/orders.yaml:3:1
  POST /v1/conversations: no answer within 30 s
  It is not sent again before that is known: apply again, or decide with dixaform recover

warning: import.e (#1005) was imported with partial errors
  --> manifests/orders.yaml:3:1
  message 3: attachment\u{202e} not found

Interrupted: nothing new was started.

1 not attempted: import.f.

Apply incomplete: 1 created, 1 imported, 0 updated. 2 failed, 1 in doubt, 1 not attempted.
"##);
    }

    #[test]
    fn a_log_has_a_line_per_change() {
        let line = |outcome| progress_line(&ApplyEvent::Ended(ended("conversation.a", Action::Create, outcome)), 3, 7);
        assert_eq!(line(done(1003)).as_deref(), Some("[3/7] conversation.a created #1003"));
        assert_eq!(
            line(failed(None, Some(400), "no such\nend user")).as_deref(),
            Some("[3/7] conversation.a failed: POST /v1/conversations answered 400: no such\\nend user")
        );
        let address = "conversation.a".parse().expect("an address");
        let began = ApplyEvent::Began { address, action: Action::Create };
        assert_eq!(progress_line(&began, 0, 7), None);
    }

    #[test]
    fn only_a_long_wait_is_worth_a_line() {
        let waits = |wait_ms| {
            let address = "conversation.a".parse().expect("an address");
            progress_line(&ApplyEvent::Waiting { address, why: "429".to_owned(), wait_ms }, 0, 7)
        };
        assert_eq!(waits(900), None);
        assert_eq!(waits(60_000).as_deref(), Some("[0/7] conversation.a waits 60 s: 429"));
    }
}
