//! Which service runs the job, by its own variables, and what it says about the run.
//! <https://docs.github.com/actions/reference/variables-reference>
//! <https://docs.gitlab.com/ci/variables/predefined_variables/>
#![expect(clippy::disallowed_methods, reason = "the edge where the environment is read")]

use std::path::{Path, PathBuf};

use crate::cli::surroundings;
use crate::render::handed::{Run, is_commit};
use crate::workspace::manifests::read_bounded;

/// The largest event that is read, in bytes. GitHub caps the payload of an event at 25 MB.
const EVENT_MAX: u64 = 32 << 20;

/// A service that runs jobs, and the files that it names for what they give.
#[derive(Debug)]
pub enum Platform {
    GitHub { summary: Option<PathBuf>, outputs: Option<PathBuf> },
    GitLab,
}

/// A variable that is set to something.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_true(name: &str) -> bool {
    set(name).as_deref() == Some("true")
}

impl Platform {
    /// That of the job that this runs in, if it is one.
    pub fn here() -> Option<Self> {
        let file = |name| set(name).map(PathBuf::from);
        if is_true("GITHUB_ACTIONS") {
            return Some(Platform::GitHub { summary: file("GITHUB_STEP_SUMMARY"), outputs: file("GITHUB_OUTPUT") });
        }
        is_true("GITLAB_CI").then_some(Platform::GitLab)
    }

    /// The file of the job's summary.
    pub fn summary(&self) -> Option<&Path> {
        match self {
            Platform::GitHub { summary, .. } => summary.as_deref(),
            Platform::GitLab => None,
        }
    }

    /// All files that the service names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let outputs = match self {
            Platform::GitHub { outputs, .. } => outputs.as_deref(),
            Platform::GitLab => None,
        };
        self.summary().into_iter().chain(outputs)
    }

    /// The run, and the commit that people know it by.
    pub fn run(&self) -> Run {
        match self {
            Platform::GitHub { .. } => {
                let page = || {
                    let (server, repository) = (set("GITHUB_SERVER_URL")?, set("GITHUB_REPOSITORY")?);
                    Some(format!("{server}/{repository}/actions/runs/{}", set("GITHUB_RUN_ID")?))
                };
                let is_pull = set("GITHUB_EVENT_NAME").is_some_and(|event| event.starts_with("pull_request"));
                let pushed = if is_pull { pushed() } else { None };
                let commit = pushed.or_else(surroundings::head).or_else(|| set("GITHUB_SHA"));
                Run { url: page(), commit }
            }
            Platform::GitLab => {
                // The job may have merged the target, and that merge is in nobody's clone. Only a pipeline for merged
                // results has another commit than the one that was pushed, and names that one.
                let of_request = || set("CI_MERGE_REQUEST_IID").and_then(|_| set("CI_COMMIT_SHA"));
                let pushed = set("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(of_request);
                let commit = pushed.or_else(surroundings::head).or_else(|| set("CI_COMMIT_SHA"));
                Run { url: set("CI_JOB_URL"), commit }
            }
        }
    }
}

/// The commit that was pushed to a pull request. The job has its merge with the target, which is in nobody's clone.
fn pushed() -> Option<String> {
    let event = read_bounded(Path::new(&set("GITHUB_EVENT_PATH")?), EVENT_MAX).ok()?;
    let event: serde_json::Value = serde_json::from_slice(&event).ok()?;
    let commit = event.pointer("/pull_request/head/sha")?.as_str()?;
    is_commit(commit).then(|| commit.to_owned())
}
