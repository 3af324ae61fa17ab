//! How an apply ended, as text: what needs a person first, the counts last.

use crate::apply::event::ApplyEvent;
use crate::apply::outcome::{ApplyReport, ChangeOutcome, Counts, Outcome, Stop};
use crate::apply::settle::Pause;
use crate::conversation::Id;
use crate::finding::Findings;
use crate::plan::{Action, Plan};
use crate::render::escape::{escape, without_commands};
use crate::render::findings;
use crate::render::number::{counted, duration, grouped, named};
use crate::render::palette::{Label, Palette};
use crate::render::remark::{self, Pointers, cut, failure, folded};

/// Changes that were not attempted and are named; the rest is counted.
const NOT_ATTEMPTED_MAX: usize = 10;

/// A wait that is worth a line in a log, in milliseconds. Shorter ones come from the rate limiter.
const LONG_WAIT_MS: u64 = 5_000;

/// An apply that has ended, with all that its forms need.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'f> {
    pub plan: &'f Plan,
    pub report: &'f ApplyReport,
    pub pointers: &'f Pointers,
    /// What was found about the manifests before the first write, and stopped it.
    pub findings: &'f Findings,
    /// The exit code of the command.
    pub exit: u8,
}

/// The whole report; ends with a newline. Its last line is `Apply complete! …` or `Apply incomplete: …`.
pub fn report(report: &ApplyReport, pointers: &Pointers, palette: &Palette) -> String {
    let ApplyReport { outcomes, stop, counts } = report;
    let mut out = String::new();
    for remark in folded(report, pointers) {
        out.push_str(&findings::remark(&remark, palette));
        out.push('\n');
    }
    if let Some(stop) = stop {
        out.push_str(&stopped(stop, palette));
        out.push_str("\n\n");
    }
    let waiting = outcomes.iter().filter(|outcome| matches!(outcome.outcome, Outcome::NotAttempted { .. }));
    if counts.not_attempted > 0 {
        let names = named(waiting.map(|outcome| &outcome.address), NOT_ATTEMPTED_MAX);
        out.push_str(&format!("{} not attempted: {names}.\n\n", grouped(counts.not_attempted as u64)));
    }
    out.push_str(&last_line(counts, report.is_complete(), palette));
    out.push('\n');
    without_commands(out)
}

/// The report in a line, for titles: `apply, incomplete: 2 created, 1 failed`.
pub(crate) fn headline(report: &ApplyReport) -> String {
    let verb = if report.is_complete() { "apply" } else { "apply, incomplete" };
    format!("{verb}: {}", tally(&report.counts))
}

/// The counts in a few words: `2 created, 1 failed`, or `nothing to do`.
pub(crate) fn tally(counts: &Counts) -> String {
    let done = Action::ALL.into_iter().map(|action| (counts.in_words(action), action.done()));
    let all = done.chain(not_done(counts)).filter(|(count, _)| *count > 0);
    let words: Vec<String> = all.map(|(count, word)| format!("{} {word}", grouped(count as u64))).collect();
    if words.is_empty() { "nothing to do".to_owned() } else { words.join(", ") }
}

fn not_done(counts: &Counts) -> [(usize, &'static str); 3] {
    [(counts.failed, "failed"), (counts.in_doubt, "in doubt"), (counts.not_attempted, "not attempted")]
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
        ApplyEvent::Looking(pause) => looking_again(pause),
        ApplyEvent::Ended(ChangeOutcome { address, action, moved: _, source: _, outcome }) => match outcome {
            Outcome::Done { id, found, partial_errors, warnings: _ } => {
                let partial = if partial_errors.is_empty() { "" } else { ", with partial errors" };
                let done = if *found { "found" } else { action.done() };
                format!("{address} {done}{}{partial}", numbered(*id))
            }
            Outcome::Failed { id: _, error } => format!("{address} failed: {}", escape(&failure(error))),
            Outcome::InDoubt { error } => format!("{address} is in doubt: {}", escape(&failure(error))),
            Outcome::NotAttempted { needs: None } => format!("{address} not attempted"),
            Outcome::NotAttempted { needs: Some(needs) } => format!("{address} not attempted: it needs {needs}"),
        },
    };
    Some(format!("[{done}/{total}] {text}"))
}

/// `2 calls in doubt; looking again in 5 s, for 115 s at most`
pub fn looking_again(pause: &Pause) -> String {
    let Pause { calls, wait, at_most } = pause;
    let (wait, at_most) = (duration(wait.as_secs_f64()), duration(at_most.as_secs_f64()));
    format!("{} in doubt; looking again in {wait}, for {at_most} at most", counted(*calls, "call"))
}

fn numbered(id: Option<Id>) -> String {
    id.map_or_else(String::new, |id| format!(" {id:#}"))
}

/// What came from others, on one line.
fn message(text: &str) -> String {
    escape(&cut(text)).into_owned()
}

fn stopped(stop: &Stop, palette: &Palette) -> String {
    match remark::stopped(stop) {
        (why, None) if *stop == Stop::Incident => format!("{}: {why}", palette.paint(Label::Error, "error")),
        (_, None) => palette.paint(Label::Warning, "Interrupted: nothing new was started."),
        (why, Some(said)) => format!("{}: {why}: {}", palette.paint(Label::Error, "error"), escape(&said)),
    }
}

/// How the whole of it ended.
pub(crate) fn verdict(complete: bool) -> &'static str {
    if complete { "Apply complete!" } else { "Apply incomplete:" }
}

/// `1 created, 1 imported, 0 updated. 2 failed.`
pub(crate) fn counts_in_words(counts: &Counts) -> String {
    let always = [Action::Create, Action::Import, Action::Update];
    let actions = Action::ALL.into_iter().filter(|action| always.contains(action) || counts.in_words(*action) > 0);
    let done: Vec<String> = actions.map(|action| format!("{} {}", counts.in_words(action), action.done())).collect();
    let rest: Vec<String> = not_done(counts)
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
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
    use crate::apply::outcome::Failure;
    use crate::call::Call;
    use crate::conversation::Kind;
    use crate::finding::Excerpt;
    use crate::render::remark::Pointer;
    use crate::source::{Place, Source};

    fn ended(address: &str, action: Action, outcome: Outcome) -> ChangeOutcome {
        let source = Source::new(&Arc::from("manifests/orders.yaml"), Place { line: 3, column: 1 });
        let address = address.parse().expect("an address");
        ChangeOutcome { address, action, moved: None, source: Some(source), outcome }
    }

    fn done(id: i64) -> Outcome {
        Outcome::Done { id: Some(Id::conversation(id)), found: false, partial_errors: Vec::new(), warnings: Vec::new() }
    }

    fn failed(id: Option<i64>, status: Option<u16>, message: &str) -> Outcome {
        let call = match id {
            Some(id) => Call::SetAttributes(Id::conversation(id).into()),
            None => Call::Make(Kind::Conversation),
        };
        Outcome::Failed { id: id.map(Id::conversation), error: Failure { status, ..Failure::new(Some(call), message) } }
    }

    #[test]
    fn a_complete_apply_ends_with_its_counts() {
        let outcomes = vec![
            ended("conversation.a", Action::Create, done(1)),
            ended("import.b", Action::Import, done(2)),
            ended(
                "import.c",
                Action::Forget,
                Outcome::Done { id: None, found: false, partial_errors: vec![], warnings: vec![] },
            ),
        ];
        assert_eq!(
            report(&ApplyReport::new(outcomes, None), &Pointers::new(), &Palette::plain()),
            "Apply complete! 1 created, 1 imported, 0 updated, 1 forgotten.\n"
        );
    }

    #[test]
    fn what_needs_a_person_is_reported_with_its_place_and_in_the_words_of_dixa() {
        let in_doubt = Failure::new(Some(Call::Make(Kind::Conversation)), "no answer within 30 s");
        let partial = Outcome::Done {
            found: false,
            id: Some(Id::conversation(1005)),
            partial_errors: vec!["message 3: attachment\u{202e} not found".to_owned()],
            warnings: vec![],
        };
        let (place, end) = (Place { line: 13, column: 3 }, Place { line: 13, column: 14 });
        let pointer = Pointer {
            source: Source::new(&Arc::from("manifests/orders.yaml"), place),
            excerpt: Excerpt::of("  requesterId: 9c2a2cce", place, end),
        };
        let pointers = Pointers::from([("conversation.b".parse().expect("an address"), pointer)]);
        let outcomes = vec![
            ended("conversation.a", Action::Create, done(1003)),
            ended("conversation.b", Action::Create, failed(None, Some(400), "no such end user")),
            ended("conversation.c", Action::Create, failed(Some(1004), Some(422), "no such option")),
            ended("conversation.d", Action::Create, Outcome::InDoubt { error: in_doubt }),
            ended("import.e", Action::Import, partial),
            ended("import.f", Action::Import, Outcome::NotAttempted { needs: None }),
        ];
        let done = ApplyReport::new(outcomes, Some(Stop::Interrupted));
        let report = report(&done, &pointers, &Palette::plain());
        insta::assert_snapshot!(report, @r##"
error: conversation.b was not created
  --> manifests/orders.yaml:13:3
   |
13 |   requesterId: 9c2a2cce
   |   ^^^^^^^^^^^
   |
   = note: POST /v1/conversations answered 400: no such end user

error: conversation.c was made as #1004, and its attributes were not written
--> manifests/orders.yaml:3:1
 = note: PATCH /v1/conversations/1004/custom-attributes answered 422: no such option

in doubt: conversation.d may have been created, or not
--> manifests/orders.yaml:3:1
 = note: POST /v1/conversations: no answer within 30 s
 = help: it is not sent again until that is known: apply again, or decide with dixaform recover

warning: import.e (#1005) was imported with partial errors
--> manifests/orders.yaml:3:1
 = note: message 3: attachment\u{202e} not found

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
