//! Runs of the workflow and of the action of GitHub, step by step.

use serde_json::Value;

use crate::ci_kit::expression::Context;
use crate::ci_kit::repository::{Repository, Stopped, Variables};
use crate::ci_kit::yaml;

/// What starts the workflow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    PullRequest,
    /// A pull request that may not write.
    Fork,
    Push,
    MergeQueue,
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
        }
    }

    /// What GitHub writes about it, cut down to what could be mistaken for something else.
    fn payload(self) -> String {
        let other = "f".repeat(40);
        let payload = match self {
            Event::PullRequest | Event::Fork => serde_json::json!({
                "after": other,
                "labels": [{"pull_request": {"head": {"sha": other}}}, ["head", {"sha": other}]],
                "pull_request": {
                    "base": {"sha": other},
                    "body": format!("\"pull_request\": {{\"head\": {{\"sha\": \"{other}\"}}}} æ\n"),
                    "draft": false,
                    "head": {"label": "o:a{b\\", "repo": {"sha": other, "head": {"sha": other}}, "sha": PUSHED, "user": null},
                    "number": 7,
                },
                "zzz": {"head": {"sha": other}},
            }),
            Event::Push => serde_json::json!({"after": other, "head_commit": {"id": other}}),
            Event::MergeQueue => serde_json::json!({"merge_group": {"head_sha": other}}),
        };
        format!("{payload:#}\n")
    }
}

/// A run of the workflow.
#[derive(Default)]
pub(super) struct Run {
    /// `job/step`, and how it ended: success, failure, cancelled, skipped.
    pub(super) steps: Vec<(String, String)>,
    pub(super) log: String,
    pub(super) summary: String,
    /// Files that were uploaded: their paths.
    pub(super) artifacts: Vec<String>,
    /// The environments of all steps that ran.
    pub(super) environments: Vec<(String, Variables)>,
}

impl Run {
    #[track_caller]
    pub(super) fn ended(&self, step: &str, how: &str) {
        let found = self.steps.iter().find(|(name, _)| name == step);
        assert_eq!(found.map(|(_, how)| how.as_str()), Some(how), "{step}\n{}", self.log);
    }
}

/// Runs the workflow; `stop` stops the step `Apply`.
pub(super) fn run(repository: &Repository, event: Event, stop: Option<Stopped>) -> Run {
    run_number(repository, event, stop, 1)
}

pub(super) fn run_number(repository: &Repository, event: Event, stop: Option<Stopped>, number: u32) -> Run {
    run_of(repository, event, stop, number, &repository.head())
}

/// A run of a commit, which GitHub keeps when it starts the run again.
pub(super) fn run_of(repository: &Repository, event: Event, stop: Option<Stopped>, number: u32, commit: &str) -> Run {
    run_workflow(repository, &yaml("github/plan-and-apply.yml"), event, stop, number, commit)
}

/// A run of a workflow that is made from that of the examples.
pub(super) fn run_workflow(
    repository: &Repository,
    workflow: &Value,
    event: Event,
    stop: Option<Stopped>,
    number: u32,
    commit: &str,
) -> Run {
    let below = workflow["defaults"]["run"]["working-directory"].as_str();
    let mut run = Run::default();
    let mut context = context(event);
    for job in ["plan", "apply"] {
        let steps = workflow["jobs"][job].clone();
        context.failed = run.steps.iter().any(|(_, how)| how == "failure");
        if !context.runs(steps["if"].as_str()) {
            run.steps.push((job.to_owned(), "skipped".to_owned()));
            continue;
        }
        let mut defaults = variables(&workflow["env"], &context);
        defaults.extend(of_github(event, number, repository, commit));
        if stop == Some(Stopped::Orphaned) {
            // It is found running, and nobody waits for it.
            defaults.insert("DIXAFORM_LOCK_SECONDS".to_owned(), "0".to_owned());
        }
        let mut outside = Outside { repository, job, commit, below, folder: String::new(), defaults, stop };
        outside.steps(&steps["steps"], &mut context, &mut run);
        for (name, value) in steps["outputs"].as_object().into_iter().flatten() {
            let value = context.text(value.as_str().unwrap());
            context.set(&format!("needs.{job}.outputs.{name}"), value);
        }
    }
    run
}

pub(super) fn context(event: Event) -> Context {
    let mut context = Context::default();
    let (name, reference) = event.of_github();
    let is_pull = name == "pull_request";
    context.set("github.event_name", name);
    context.set("github.ref", reference);
    context.set("github.repository", "o/r");
    context.set("github.actor", "somebody");
    context.set("github.token", "ghs-token");
    context.set("github.event.pull_request.number", if is_pull { "7" } else { "" });
    let queue = if event == Event::MergeQueue { reference } else { "" };
    context.set("github.event.merge_group.head_ref", queue);
    let head = if event == Event::Fork { "stranger/r" } else { "o/r" };
    context.set("github.event.pull_request.head.repo.full_name", head);
    context.set("secrets.DIXA_API_KEY", "the-secret-token");
    for name in ["apply", "fingerprint"] {
        context.set(&format!("steps.plan.outputs.{name}"), "");
    }
    context
}

/// What GitHub itself puts into the environment of a step.
pub(super) fn of_github(event: Event, number: u32, repository: &Repository, commit: &str) -> Variables {
    let (name, reference) = event.of_github();
    let payload = repository.workspace.path("event.json");
    repository.workspace.write("event.json", event.payload());
    let pairs = [
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
        ("GITHUB_REPOSITORY", "o/r".to_owned()),
        ("GITHUB_RUN_ID", number.to_string()),
        ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
        ("GITHUB_SHA", commit.to_owned()),
        ("GITHUB_REF", reference.to_owned()),
        ("GITHUB_EVENT_NAME", name.to_owned()),
        ("GITHUB_EVENT_PATH", payload.display().to_string()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn variables(env: &Value, context: &Context) -> Variables {
    let pairs = env.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), context.text(&text(value)))).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What surrounds the steps of a job.
struct Outside<'a> {
    repository: &'a Repository,
    job: &'a str,
    commit: &'a str,
    /// The working directory of the steps that name no other.
    below: Option<&'a str>,
    folder: String,
    defaults: Variables,
    stop: Option<Stopped>,
}

impl Outside<'_> {
    fn steps(&mut self, steps: &Value, context: &mut Context, run: &mut Run) {
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
        }
    }

    fn action(&mut self, action: &str, with: &Value, context: &Context, run: &mut Run) -> &'static str {
        match action {
            "actions/checkout@v4" => {
                assert_eq!(
                    with["persist-credentials"], false,
                    "nothing that runs later needs the token of the checkout"
                );
                self.folder = self.repository.checkout();
                self.repository.sh(&self.folder, &format!("git checkout --quiet {}", self.commit));
            }
            "actions/upload-artifact@v4" => {
                let paths = context.text(with["path"].as_str().unwrap());
                let there = paths.lines().map(str::trim).filter(|path| {
                    self.repository.workspace.exists(&format!("{}/{path}", self.folder)) && !path.starts_with('.')
                });
                run.artifacts.extend(there.map(str::to_owned));
            }
            other => panic!("nobody knows {other}"),
        }
        "success"
    }

    fn script(&mut self, name: &str, step: &Value, context: &mut Context, run: &mut Run) -> &'static str {
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "foreign text must not become part of a script: {script}");
        let mut environment = self.defaults.clone();
        environment.extend(variables(&step["env"], context));
        let output = self.repository.workspace.path("output");
        let summary = self.repository.workspace.path("summary");
        for (file, name) in [(&output, "GITHUB_OUTPUT"), (&summary, "GITHUB_STEP_SUMMARY")] {
            std::fs::write(file, "").unwrap();
            environment.insert(name.to_owned(), file.display().to_string());
        }
        let stop = self.stop.filter(|_| name == "Apply");
        let below = step["working-directory"].as_str().map(|folder| context.text(folder));
        let folder = below.as_deref().or(self.below).map(|below| format!("{}/{below}", self.folder));
        let folder = folder.as_deref().unwrap_or(&self.folder);
        let ended = self.repository.run(folder, script, &environment, stop);
        run.environments.push((format!("{}/{name}", self.job), environment));
        run.log.push_str(&format!("--- {}/{name}: {:?}\n{}", self.job, ended.code, ended.log));
        run.summary.push_str(&std::fs::read_to_string(summary).unwrap());
        if let Some(id) = step["id"].as_str() {
            for (name, value) in
                std::fs::read_to_string(output).unwrap().lines().filter_map(|line| line.split_once('='))
            {
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

/// The composite action: the same scripts, with its inputs.
pub(super) fn act(repository: &Repository, inputs: &[(&str, &str)]) -> (Context, Run) {
    act_with(repository, inputs, &[])
}

/// The same, with more variables of the job.
pub(super) fn act_with(repository: &Repository, inputs: &[(&str, &str)], more: &[(&str, &str)]) -> (Context, Run) {
    let action = yaml("github/action.yml");
    let mut context = context(Event::PullRequest);
    for (name, input) in action["inputs"].as_object().unwrap() {
        let given = inputs.iter().find(|(given, _)| given == name).map(|(_, value)| (*value).to_owned());
        assert!(given.is_some() || input["required"] != true, "the input {name} is required");
        let value = given.unwrap_or_else(|| context.text(&text(&input["default"])));
        context.set(&format!("inputs.{name}"), value);
    }
    let commit = repository.head();
    let mut defaults = of_github(Event::PullRequest, 9, repository, &commit);
    defaults.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    // The folder of the action in its repository: the scripts are one above.
    defaults.insert("GITHUB_ACTION_PATH".to_owned(), crate::ci_kit::examples().join("github").display().to_string());
    let folder = repository.checkout();
    let mut run = Run::default();
    Outside { repository, job: "action", commit: &commit, below: None, folder, defaults, stop: None }.steps(
        &action["runs"]["steps"],
        &mut context,
        &mut run,
    );
    for (name, output) in action["outputs"].as_object().unwrap() {
        let value = context.text(output["value"].as_str().unwrap());
        context.set(&format!("outputs.{name}"), value);
    }
    (context, run)
}
