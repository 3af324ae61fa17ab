//! What is known of a command that runs in a CI job, and how the job is given it.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::ci::files::{append, room, write};
use crate::cli::ci::platform::Platform;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::reader::Reader;
use crate::cli::surroundings;
use crate::finding::Findings;
use crate::plan::Plan;
use crate::render::handed::{self, SIGNATURE_MAX, Values};
use crate::render::markdown::{self, Unfinished};
use crate::render::report::Finished;
use crate::render::{github, gitlab};

/// The folder of what is written for later steps, in the working folder. It is hidden, so that nothing in it is taken
/// for a manifest.
const FOLDER: &str = ".dixaform/out";

/// Bytes of a comment, with some to spare: GitHub takes 65,536 characters, GitLab a million.
const COMMENT_MAX: usize = 64_000;

/// Bytes of the summary of one step that GitHub shows; of a longer one it shows nothing.
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits>
const SUMMARY_MAX: usize = 1024 * 1024;

/// The commands that give something to their job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giving {
    Plan,
    Apply,
}

impl Giving {
    fn word(self) -> &'static str {
        match self {
            Giving::Plan => "plan",
            Giving::Apply => "apply",
        }
    }
}

/// A job of a CI service that runs this command.
#[derive(Debug)]
pub struct CiJob {
    platform: Platform,
    command: Giving,
    tenant: Option<String>,
    /// The folder in which the command was started. The steps after it know no other.
    began_in: PathBuf,
    told: Mutex<Told>,
}

/// What became known so far.
#[derive(Debug, Default)]
struct Told {
    findings: Findings,
    given: Option<Given>,
}

/// A result as the service takes it.
#[derive(Debug)]
struct Given {
    summary: String,
    comment: String,
    annotations: String,
    values: Values,
    /// Names and texts of further files.
    reports: Vec<(&'static str, String)>,
}

impl CiJob {
    /// That of this command, if a job runs it. `tenant` is the one that was named.
    pub fn here(command: Giving, tenant: Option<&str>) -> Option<Self> {
        let platform = Platform::here()?;
        let began_in = surroundings::working_folder();
        Some(CiJob { platform, command, tenant: tenant.map(str::to_owned), began_in, told: Mutex::default() })
    }

    /// The same, about the tenant of this name, if there is one: that of the project file where no other was named.
    pub fn about(self, tenant: Option<&str>) -> Self {
        CiJob { tenant: tenant.map(str::to_owned).or(self.tenant), ..self }
    }

    /// The files that the service names.
    pub fn files(&self) -> Vec<PathBuf> {
        self.platform.files().map(Path::to_owned).collect()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was found about the manifests.
    pub fn note(&self, findings: &Findings) {
        self.told().findings.extend(findings.iter().cloned());
    }

    /// Notes the plan of `dixaform plan`. `annotates` says that the command's own forms have the annotations.
    pub fn planned(&self, plan: &Plan, in_doubt: bool, annotates: bool) {
        let mut told = self.told();
        let checkout = surroundings::checkout();
        told.given = Some(Given {
            summary: markdown::plan(plan, self.summary_room()),
            comment: markdown::plan(plan, COMMENT_MAX - SIGNATURE_MAX),
            annotations: match annotates {
                true => String::new(),
                false => github::plan_with(plan, &told.findings, &checkout),
            },
            values: handed::of_plan(plan, in_doubt),
            reports: vec![
                ("plan-gitlab.json", gitlab::plan(plan)),
                ("plan-codequality.json", gitlab::findings(&told.findings, &checkout)),
            ],
        });
    }

    /// Notes how an apply ended.
    pub fn applied(&self, finished: &Finished<'_>, annotates: bool) {
        let mut told = self.told();
        let checkout = surroundings::checkout();
        let finished = Finished { findings: &told.findings, ..*finished };
        let given = Given {
            summary: markdown::report(&finished, self.summary_room()),
            comment: markdown::report(&finished, COMMENT_MAX - SIGNATURE_MAX),
            annotations: if annotates { String::new() } else { github::report(&finished, &checkout) },
            values: handed::of_apply(finished.plan, finished.report),
            reports: vec![("apply-codequality.json", gitlab::report(&finished, &checkout))],
        };
        told.given = Some(given);
    }

    /// Bytes that a page may have that goes to the summary.
    fn summary_room(&self) -> usize {
        let left = self.platform.summary().map_or(SUMMARY_MAX, |summary| room(summary, SUMMARY_MAX));
        left.saturating_sub(SIGNATURE_MAX)
    }

    /// Writes everything.
    pub fn give(&self, output: &Output, result: &Result<Exit, Error>) {
        let exit = result.as_ref().map_or_else(|error| error.exit, |exit| *exit).code();
        let given = self.told().given.take();
        let Given { summary, comment, annotations, mut values, mut reports } =
            given.unwrap_or_else(|| self.without_result(result, exit));
        values.push(("exit-code", exit.to_string()));
        let command = self.command.word();
        let (folder, run) = (surroundings::checkout().folder, self.platform.run());
        let page = format!("{command}.md");
        let mut failed = Vec::new();
        match write(Path::new(FOLDER), &page, &handed::signed(&comment, &folder, &run)) {
            Ok(()) => values.extend(self.path_of(&page).map(|path| ("comment", path))),
            Err(error) => failed.push(error),
        }
        match &self.platform {
            Platform::GitHub { summary: summary_file, outputs } => {
                output.pieces_to_stderr(annotations.into(), Reader::Program);
                let summary = handed::signed(&summary, &folder, &run);
                let texts = [(summary_file, summary), (outputs, handed::for_github(&values))];
                let named = texts.iter().filter_map(|(file, text)| Some((file.as_deref()?, text)));
                failed.extend(named.filter_map(|(file, text)| append(file, text, SUMMARY_MAX).err()));
            }
            Platform::GitLab => {
                let name: &'static str = if self.command == Giving::Plan { "plan.env" } else { "apply.env" };
                reports.push((name, handed::for_gitlab(&values)));
                let written = reports.iter().map(|(name, text)| write(Path::new(FOLDER), name, text));
                failed.extend(written.filter_map(Result::err));
            }
        }
        for error in failed {
            output.note(&format!("warning: {}; the job does without it\n", error.message()));
        }
    }

    /// The path of a file that was written, from the folder in which the command was started. A name that could not be
    /// one value has none.
    fn path_of(&self, name: &str) -> Option<String> {
        let here = surroundings::working_folder();
        let folder = here.strip_prefix(&self.began_in).unwrap_or(&here);
        let path = folder.join(FOLDER).join(name).to_string_lossy().replace(MAIN_SEPARATOR, "/");
        (!path.contains(char::is_control)).then_some(path)
    }

    /// What the job is given of a command that ended before it had a result.
    fn without_result(&self, result: &Result<Exit, Error>, exit: u8) -> Given {
        let (message, hints) = match result {
            Ok(_) => (String::new(), &[][..]),
            Err(error) => (error.message(), error.hints.as_slice()),
        };
        let findings = self.told().findings.clone();
        let (command, tenant) = (self.command.word(), self.tenant.as_deref());
        let end = Unfinished { command, tenant, exit, message: &message, hints, findings: &findings };
        let checkout = surroundings::checkout();
        let report = if self.command == Giving::Plan { "plan-codequality.json" } else { "apply-codequality.json" };
        Given {
            summary: markdown::unfinished(&end, self.summary_room()),
            comment: markdown::unfinished(&end, COMMENT_MAX - SIGNATURE_MAX),
            annotations: github::unfinished(command, &message, &findings, &checkout),
            values: Values::new(),
            reports: vec![(report, gitlab::findings(&findings, &checkout))],
        }
    }
}
