//! A run of a workflow of GitHub, step by step.

use serde_json::Value;

use crate::workflows::expression::Context;
use crate::workflows::repository::{Repository, Stopped, Variables};

/// What starts the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    PullRequest,
    /// A pull request that may not write.
    Fork,
    Push,
    MergeQueue,
    Schedule,
    /// Somebody starts the workflow on a branch.
    ByHand,
}

/// The commit that was pushed to a pull request. GitHub runs the workflow on a merge of it.
pub(super) const PUSHED: &str = "7d0b5e1fa1c5a9ab3a1a3e0dcf1e1b5f6b0a8c39";

impl Event {
    /// Its name, and the reference that it is about.
    fn of_github(self) -> (&'static str, &'static str) {
        match self {
            Event::PullRequest | Event::Fork => ("pull_request", "refs/pull/7/merge"),
            Event::Push => ("push", "refs/heads/main"),
            Event::MergeQueue => ("merge_group", "refs/heads/gh-readonly-queue/main/pr-7-abc"),
            Event::Schedule => ("schedule", "refs/heads/main"),
            Event::ByHand => ("workflow_dispatch", "refs/heads/topic"),
        }
    }
}

/// A run of the workflow.
#[derive(Default)]
pub(super) struct Run {
    /// `job` or `job/step`, and how it ended: success, failure, cancelled, skipped.
    pub(super) steps: Vec<(String, String)>,
    pub(super) log: String,
    pub(super) summary: String,
    /// Files and folders that were uploaded: their paths.
    pub(super) artifacts: Vec<String>,
    /// The environments of all steps that ran.
    pub(super) environments: Vec<(String, Variables)>,
    /// The checkout of the last job.
    pub(super) folder: String,
}

impl Run {
    #[track_caller]
    pub(super) fn ended(&self, step: &str, how: &str) {
        let found = self.steps.iter().find(|(name, _)| name == step);
        assert_eq!(found.map(|(_, how)| how.as_str()), Some(how), "{step}\n{}", self.log);
    }
}

/// One run: of which workflow and commit, and what happens to it.
pub(super) struct Order {
    pub(super) file: &'static str,
    pub(super) event: Event,
    /// How the step `Apply` is stopped.
    pub(super) stop: Option<Stopped>,
    /// The commit that GitHub keeps for the run; the newest one of main if there is none.
    pub(super) commit: Option<String>,
    pub(super) number: u32,
}

impl Order {
    pub(super) fn of(event: Event) -> Self {
        Order { file: ".github/workflows/dixaform.yml", event, stop: None, commit: None, number: 1 }
    }

    pub(super) fn run(self, repository: &Repository) -> Run {
        let workflow = repository.workflow(self.file);
        let commit = self.commit.clone().unwrap_or_else(|| repository.head());
        let mut run = Run::default();
        let mut context = context(self.event);
        let mut results = Variables::new();
        for name in ["plan", "apply", "drift"] {
            let job = &workflow["jobs"][name];
            (context.failed, context.cancelled) = (false, false);
            let needs = job["needs"].as_str().is_none_or(|needed| results[needed] == "success");
            let how = if !needs || !context.runs(job["if"].as_str()) {
                "skipped"
            } else {
                let mut defaults = variables(&workflow["env"], &context);
                defaults.extend(variables(&job["env"], &context));
                defaults.extend(of_github(&self, repository, &commit));
                let below = workflow["defaults"]["run"]["working-directory"].as_str().unwrap_or(".");
                let mut outside = Outside { repository, job: name, commit: &commit, below, defaults, stop: self.stop };
                outside.steps(&job["steps"], &mut context, &mut run)
            };
            for (output, value) in job["outputs"].as_object().into_iter().flatten() {
                let value = if how == "skipped" { String::new() } else { context.text(value.as_str().unwrap()) };
                context.set(&format!("needs.{name}.outputs.{output}"), value);
            }
            results.insert(name.to_owned(), how.to_owned());
            run.steps.push((name.to_owned(), how.to_owned()));
        }
        run
    }
}

pub(super) fn context(event: Event) -> Context {
    let mut context = Context::default();
    let (name, reference) = event.of_github();
    let is_pull = name == "pull_request";
    let or_empty = |holds: bool, text: &'static str| if holds { text } else { "" };
    for (name, value) in [
        ("github.event_name", name),
        ("github.ref", reference),
        ("github.repository", "o/r"),
        ("github.actor", "somebody"),
        ("github.token", "ghs-token"),
        ("github.event.pull_request.number", or_empty(is_pull, "7")),
        ("github.event.merge_group.head_ref", or_empty(event == Event::MergeQueue, reference)),
        ("github.event.schedule", or_empty(event == Event::Schedule, "17 4 * * 1-5")),
        ("secrets.DIXA_API_KEY", "the-secret-token"),
        ("secrets.AWS_ACCESS_KEY_ID", "AKIA"),
        ("secrets.AWS_SECRET_ACCESS_KEY", "the-key-of-the-store"),
        ("vars.AWS_REGION", "eu-north-1"),
        ("steps.plan.outputs.apply", ""),
        ("steps.plan.outputs.fingerprint", ""),
        ("steps.plan.outputs.comment", ""),
    ] {
        context.set(name, value);
    }
    let head = match event {
        Event::PullRequest => "o/r",
        Event::Fork => "stranger/r",
        _ => "",
    };
    context.set("github.event.pull_request.head.repo.full_name", head);
    context
}

/// What GitHub itself puts into the environment of a step.
fn of_github(order: &Order, repository: &Repository, commit: &str) -> Variables {
    let (name, reference) = order.event.of_github();
    let payload = repository.workspace.path("event.json");
    let event = serde_json::json!({"pull_request": {"number": 7, "head": {"sha": PUSHED}}, "after": "f".repeat(40)});
    repository.workspace.write("event.json", event.to_string());
    let pairs = [
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
        ("GITHUB_REPOSITORY", "o/r".to_owned()),
        ("GITHUB_RUN_ID", order.number.to_string()),
        ("GITHUB_SHA", commit.to_owned()),
        ("GITHUB_REF", reference.to_owned()),
        ("GITHUB_EVENT_NAME", name.to_owned()),
        ("GITHUB_EVENT_PATH", payload.display().to_string()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn variables(env: &Value, context: &Context) -> Variables {
    let pairs = env.as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    pairs.map(|(name, value)| (name.clone(), context.text(&text(value)))).collect()
}

/// What surrounds the steps of a job.
struct Outside<'a> {
    repository: &'a Repository,
    job: &'a str,
    commit: &'a str,
    /// The working directory.
    below: &'a str,
    defaults: Variables,
    stop: Option<Stopped>,
}

impl Outside<'_> {
    /// Runs the steps; how the job ended.
    fn steps(&mut self, steps: &Value, context: &mut Context, run: &mut Run) -> &'static str {
        for step in steps.as_array().unwrap() {
            let name = step["name"].as_str().or(step["uses"].as_str()).unwrap();
            let how = if !context.runs(step["if"].as_str()) {
                "skipped"
            } else if let Some(action) = step["uses"].as_str() {
                self.action(action, &step["with"], context, run)
            } else {
                self.script(name, step, context, run)
            };
            context.failed |= how == "failure";
            context.cancelled |= how == "cancelled";
            if let Some(id) = step["id"].as_str() {
                context.set(&format!("steps.{id}.outcome"), how);
            }
            run.steps.push((format!("{}/{name}", self.job), how.to_owned()));
            if how == "cancelled" && self.stop == Some(Stopped::Died) {
                break;
            }
        }
        match (context.cancelled, context.failed) {
            (true, _) => "cancelled",
            (false, true) => "failure",
            (false, false) => "success",
        }
    }

    fn action(&mut self, action: &str, with: &Value, context: &Context, run: &mut Run) -> &'static str {
        if action.starts_with("actions/checkout@") {
            let what = context.text(with["ref"].as_str().unwrap_or_default());
            let may_push = with["persist-credentials"] != false;
            run.folder = self.repository.checkout(if what.is_empty() { self.commit } else { &what }, may_push);
        } else if action.starts_with("actions/upload-artifact@") {
            let paths = context.text(with["path"].as_str().unwrap());
            let is_there = |path: &&str| self.repository.workspace.exists(&format!("{}/{path}", run.folder));
            let there: Vec<String> = paths.lines().map(str::trim).filter(is_there).map(str::to_owned).collect();
            run.artifacts.extend(there);
        } else {
            panic!("nobody knows {action}");
        }
        "success"
    }

    fn script(&mut self, name: &str, step: &Value, context: &mut Context, run: &mut Run) -> &'static str {
        let script = step["run"].as_str().unwrap();
        let mut environment = self.defaults.clone();
        environment.extend(variables(&step["env"], context));
        let output = self.repository.workspace.path("output");
        let summary = self.repository.workspace.path("summary");
        for (file, name) in [(&output, "GITHUB_OUTPUT"), (&summary, "GITHUB_STEP_SUMMARY")] {
            std::fs::write(file, "").unwrap();
            environment.insert(name.to_owned(), file.display().to_string());
        }
        let stop = self.stop.filter(|_| name == "Apply");
        let folder = format!("{}/{}", run.folder, self.below);
        let ended = self.repository.run(&folder, script, &environment, stop);
        run.environments.push((format!("{}/{name}", self.job), environment));
        run.log.push_str(&format!("--- {}/{name}: {:?}\n{}", self.job, ended.code, ended.log));
        run.summary.push_str(&std::fs::read_to_string(summary).unwrap());
        if let Some(id) = step["id"].as_str() {
            let outputs = std::fs::read_to_string(output).unwrap();
            for (name, value) in outputs.lines().filter_map(|line| line.split_once('=')) {
                context.set(&format!("steps.{id}.outputs.{name}"), value);
            }
        }
        match (stop, ended.code) {
            (Some(_), _) => "cancelled",
            (None, Some(0)) => "success",
            (None, _) => "failure",
        }
    }
}
