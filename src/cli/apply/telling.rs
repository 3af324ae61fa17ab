//! The forms of one apply: what is said while it runs and when it has ended, and where each form goes.
//!
//! Once there is a plan, every form is written, however the command ends. Standard output holds one form only; where it
//! is another one than text, the plan is shown to whoever is asked about it, on standard error, and to nobody else: a
//! log that GitHub reads commands from must not hold lines that manifests could have written.

use std::cell::RefCell;
use std::path::PathBuf;

use crate::apply::{ApplyEvent, ApplyReport};
use crate::cli::apply::approval::Approval;
use crate::cli::apply::pointing;
use crate::cli::args::ApplyFormsArgs;
use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::{Form, Read as _};
use crate::cli::plan;
use crate::cli::reader::Reader;
use crate::cli::session::Session;
use crate::cli::surroundings;
use crate::conversation::Address;
use crate::finding::Findings;
use crate::plan::Plan;
use crate::render::palette::Palette;
use crate::render::report::Finished;
use crate::render::text::TextOptions;
use crate::render::{apply_json_v1, github, gitlab, html, markdown, report, text};

/// How an apply ended that had a plan.
#[derive(Default)]
pub struct Ended {
    pub report: ApplyReport,
    /// What was found about the manifests before the first write, and stopped it.
    pub findings: Findings,
    /// What went wrong beside single changes.
    pub error: Option<Error>,
    /// The run itself went to its end, and the error came after it.
    pub failed_after: bool,
    /// It was asked to stop.
    pub is_interrupted: bool,
    /// The addresses of which there is a second conversation.
    pub doubled: Vec<Address>,
}

/// Tells of one apply.
pub struct Telling<'a> {
    session: &'a Session,
    forms: &'a ApplyFormsArgs,
    formats: Formats<Form>,
    /// What standard output could not take while the apply ran; told when it has ended.
    broken: RefCell<Option<Error>>,
}

impl<'a> Telling<'a> {
    /// # Errors
    /// Forms that can't be written together, or a file that surely can't be written: nothing is sent for a report that
    /// nobody could get.
    pub fn new(session: &'a Session, forms: &'a ApplyFormsArgs, paths: &[PathBuf]) -> Result<Self, Error> {
        let formats = Formats::open(session, &forms.format, None, paths)?;
        Ok(Telling { session, forms, formats, broken: RefCell::new(None) })
    }

    /// The form on standard output.
    fn on_stdout(&self) -> Form {
        self.formats.on_stdout(Form::Text).unwrap_or(Form::Text)
    }

    /// Shows the plan. A person who is about to be asked about it must see it. Where it is approved already, a long one
    /// is a line for each change, also in a log.
    pub fn planned(&self, made: &Plan, approval: &Approval<'_>, requests_sent: Option<usize>) -> Result<(), Error> {
        let output = &self.session.output;
        if self.on_stdout() == Form::Text {
            let folds = (output.width.is_some() || approval.is_given()) && !self.forms.full;
            let shown = plan::as_text(self.session, made, folds, requests_sent);
            return output.pieces(shown, Reader::Person);
        }
        if self.on_stdout() == Form::Json {
            output.pieces(apply_json_v1::planned(made, &SystemClock::timestamp()).into(), Reader::Program)?;
        }
        if approval.asks_somebody() {
            let options = TextOptions { palette: output.error_palette, width: None, requests_sent };
            output.error_painted(&text::plan(made, &options));
        }
        Ok(())
    }

    /// Tells an event where events are wanted. What can't be written stops nothing that is under way.
    pub fn event(&self, event: &ApplyEvent, made: &Plan) {
        if self.on_stdout() != Form::Json || self.broken.borrow().is_some() {
            return;
        }
        let line = apply_json_v1::event(event, made, &SystemClock::timestamp());
        if let Err(error) = self.session.output.pieces(line.into(), Reader::Program) {
            *self.broken.borrow_mut() = Some(error);
        }
    }

    /// Writes every form of the report; files first. Text on standard output is only for runs: if a command ends before
    /// its run, that is reported as an error.
    ///
    /// # Errors
    /// A form can't be written; the others are.
    pub fn finished(&self, made: &Plan, ended: &Ended, exit: Exit) -> Result<(), Error> {
        let pointers = pointing::pointers(&ended.report);
        let Ended { report: done, findings, error, failed_after, doubled: _, is_interrupted: _ } = ended;
        let finished = Finished { plan: made, report: done, pointers: &pointers, findings, exit: exit.code() };
        if let Some(job) = &self.session.ci {
            job.applied(&finished, self.formats.has(Form::Github));
        }
        let mut first: Option<Error> = self.broken.borrow_mut().take();
        for (form, sink) in self.formats.files() {
            if let Err(error) = sink.write(&self.session.output, self.form(form, &finished).into(), form.reader()) {
                first.get_or_insert(error);
            }
        }
        let output = &self.session.output;
        let written = match self.on_stdout() {
            Form::Text if made.is_empty() => Ok(()),
            Form::Text if error.is_none() => {
                let shown = format!("\n{}", report::report(done, &pointers, &output.palette));
                output.pieces(shown.into(), Reader::Person)
            }
            Form::Text if done.counts.all_attempted() > 0 => {
                // What went wrong after the run is reported as the error of the command, and only there.
                let stop = if *failed_after { None } else { done.stop.clone() };
                let run = ApplyReport { stop, ..done.clone() };
                output.error_painted(&format!("\n{}\n", report::report(&run, &pointers, &output.error_palette)));
                Ok(())
            }
            Form::Text => Ok(()),
            form @ Form::Json => {
                let last = apply_json_v1::finished(&finished, &SystemClock::timestamp());
                output.pieces(last.into(), form.reader())
            }
            other => output.pieces(self.form(other, &finished).into(), other.reader()),
        };
        match (first, written) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(()),
        }
    }

    /// A form as it is in a file.
    fn form(&self, form: Form, finished: &Finished<'_>) -> String {
        match form {
            Form::Text => report::report(finished.report, finished.pointers, &Palette::plain()),
            Form::Json => apply_json_v1::report(finished),
            Form::Markdown => markdown::report(finished, self.forms.max_bytes),
            Form::Html => html::report(finished),
            Form::Github => github::report(finished, &surroundings::checkout()),
            Form::Gitlab => gitlab::report(finished, &surroundings::checkout()),
        }
    }
}
