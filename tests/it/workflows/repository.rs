//! A project in a bare repository, a Dixa to apply to, and shells to run steps in.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::manifests::email;
use crate::support::{Server, Workspace};

/// The environment of a step.
pub(super) type Variables = BTreeMap<String, String>;

/// How a step is stopped in mid-work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Its shell gets a SIGINT, as GitHub sends it, and nobody else does.
    Cancelled,
    /// The shell and all below it are killed.
    Killed,
    /// The machine dies: all is killed, and no later step runs.
    Died,
    /// As `Cancelled`, as soon as a call has left, whether it has made anything or not.
    CancelledAtOnce,
}

/// Where the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    InGit,
    /// In one place for all checkouts.
    InStore,
}

/// How a step ended, and both of its streams.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) log: String,
}

pub(super) struct Repository {
    pub(super) workspace: Workspace,
    /// It ends with the repository.
    _server: Server,
    checkouts: Cell<usize>,
}

impl Repository {
    /// One with this many manifests, as `dixaform init` makes it, pushed to `origin`; its tenant `staging` is a sandbox
    /// of its own with these faults.
    pub(super) fn new(manifests: usize, kept: Kept, faults: &str) -> Self {
        let workspace = Workspace::new();
        let flags = format!("--no-rate-limit --data dixa.jsonl --request-log requests.jsonl {faults}");
        let server = Server::start(&workspace, flags.trim());
        // Nothing here has to outlive a power failure, and git waits for the disk most of its time.
        let config = "[core]\n\tfsync = none\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
        let gitlab = "[url \"gitlab::https://dixaform@gitlab.example.com/\"]\n\tinsteadOf = https://dixaform@gitlab.example.com/\n";
        workspace.write(".gitconfig", format!("{config}{gitlab}"));
        let repository = Repository { workspace, _server: server, checkouts: Cell::new(0) };
        repository.project("seed", kept);
        for number in 0..manifests {
            repository.workspace.write(&format!("seed/manifests/c{number}.yaml"), email(&format!("c{number}")));
        }
        repository.sh("seed", "git init --quiet --initial-branch=main && git add . && git commit --quiet -m first");
        repository.sh(
            "",
            "git clone --quiet --bare seed origin.git && git -C origin.git config uploadpack.allowAnySHA1InWant true",
        );
        repository.sh("seed", "git remote add origin \"$PWD/../origin.git\" && git fetch --quiet");
        repository.stubs();
        repository
    }

    /// A project without manifests in a folder, with the workflows that `init` writes for it.
    pub(super) fn project(&self, folder: &str, kept: Kept) {
        let workspace = &self.workspace;
        let _ = workspace.run(&format!("init {folder} --ci github")).exit(0);
        workspace.remove(&format!("{folder}/manifests/conversation.yaml"));
        workspace.remove(&format!("{folder}/manifests/import.yaml"));
        workspace.remove(&format!("{folder}/manifests/end-user.yaml"));
        // An object store by its name, so that the workflow is the one for it; and then a place that is here.
        let project = |state: &str| {
            let limit = "settle: 20ms, requestTimeout: 2s, rateLimit: {requestsPerSecond: 30, burst: 2}";
            let url = self._server.base_url();
            format!("version: 1\ntenants:\n  staging: {{baseUrl: \"{url}\", state: \"{state}\", {limit}}}\n")
        };
        let file = format!("{folder}/dixaform.yaml");
        workspace
            .write(&file, project(if kept == Kept::InStore { "s3://bucket/prefix" } else { "state/staging.json" }));
        // What was written for the starter project, whose state is a file.
        let word = folder.strip_prefix("seed").unwrap().replace('/', "-");
        workspace.remove(&format!("seed/.github/workflows/dixaform{word}.yml"));
        for service in ["github", "gitlab"] {
            let _ = workspace.run(&format!("init {folder} --ci {service}")).exit(0);
        }
        if kept == Kept::InStore {
            workspace.write(&file, project(&workspace.path("store/staging.json").display().to_string()));
        }
    }

    /// The workflow of GitHub for the project at the root, as it is in the repository.
    pub(super) fn workflow(&self, file: &str) -> Value {
        serde_yaml::from_str(&self.workspace.read(&format!("seed/{file}"))).unwrap()
    }

    /// Commits a file to main.
    pub(super) fn push(&self, name: &str, text: &str) {
        self.workspace.write(&format!("seed/{name}"), text);
        self.sh("seed", "git add . && git commit --quiet -m more && git pull --quiet --rebase origin main && git push --quiet origin HEAD:main");
    }

    /// A fresh checkout: of the newest commit of a branch, with no history, or of a commit.
    pub(super) fn checkout(&self, what: &str, may_push: bool) -> String {
        self.checkouts.set(self.checkouts.get() + 1);
        let folder = format!("work-{}", self.checkouts.get());
        let from = format!("file://{}", self.workspace.path("origin.git").display());
        if what == "main" {
            self.sh("", &format!("git clone --quiet --depth 1 --branch main {from} {folder}"));
        } else {
            let fetch =
                format!("git fetch --quiet --depth 1 origin {what} && git checkout --quiet --detach FETCH_HEAD");
            self.sh(
                "",
                &format!("git init --quiet {folder} && cd {folder} && git remote add origin {from} && {fetch}"),
            );
        }
        if !may_push {
            self.sh(&folder, "git remote set-url --push origin /no-credentials");
        }
        folder
    }

    /// A checkout as a runner of GitLab makes it. What it configures is in a file of its own, and adds the token of the
    /// job to the address of the project.
    pub(super) fn checkout_of_gitlab(&self, what: &str) -> String {
        let folder = self.checkout(what, false);
        let project = "https://gitlab.example.com/o/r.git";
        let with_token = "gitlab::https://gitlab-ci-token:job-token@gitlab.example.com/o/r.git";
        let helper = "[credential \"https://gitlab.example.com\"]\n\thelper = \"!echo username=gitlab-ci-token; echo password=job-token; true\"\n";
        let config = format!("[url \"{with_token}\"]\n\tinsteadOf = {project}\n{helper}");
        self.workspace.write("runner.config", config);
        let included = self.workspace.path("runner.config").display().to_string();
        self.sh(
            &folder,
            &format!(
                "git config include.path {included} && git remote remove origin && git remote add origin {project}"
            ),
        );
        folder
    }

    pub(super) fn head(&self) -> String {
        self.sh("origin.git", "git rev-parse main").trim().to_owned()
    }

    /// A command that must succeed; its standard output.
    #[track_caller]
    pub(super) fn sh(&self, folder: &str, script: &str) -> String {
        let output = self.shell(folder, script, &Variables::new()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{told}\n{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A file of main; empty where there is none.
    pub(super) fn on_main(&self, name: &str) -> String {
        self.sh("origin.git", &format!("git show main:{name} 2>/dev/null || true"))
    }

    /// The conversations in Dixa.
    pub(super) fn conversations(&self) -> usize {
        let data = std::fs::read_to_string(self.workspace.path("dixa.jsonl")).unwrap_or_default();
        data.lines().filter(|line| line.contains("\"conversation\":")).count()
    }

    /// Requests that Dixa was sent.
    pub(super) fn requests(&self) -> usize {
        self.workspace.requests_in("requests.jsonl").len()
    }

    /// Runs a step as GitHub does: a file, and bash that stops at the first error. `stop` stops it in mid-work.
    pub(super) fn run(&self, folder: &str, script: &str, variables: &Variables, stop: Option<Stopped>) -> Ended {
        self.workspace.write("step.sh", script);
        let mut command = self.shell(folder, "", variables);
        let log = self.workspace.path("step.log");
        // What a step has left running goes on writing to the log that was its own.
        let _ = std::fs::remove_file(&log);
        let file = std::fs::File::create(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null()).process_group(0);
        let mut child = command.spawn().unwrap();
        if let Some(stop) = stop {
            match stop {
                Stopped::CancelledAtOnce => self.until_a_call_has_left(folder),
                _ => self.until_some_are_made(),
            }
            kill(&child, stop);
        }
        let status = wait(&mut child);
        let mut text = String::new();
        std::fs::File::open(log).unwrap().read_to_string(&mut text).unwrap();
        Ended { code: status.code(), log: text }
    }

    /// Waits until conversations were made and their answers are missing. Nothing is on its way any more: of a call that
    /// was cut off before it was sent nobody could know for two minutes that it made nothing.
    fn until_some_are_made(&self) {
        let start = Instant::now();
        let (mut made, mut since) = (0, Instant::now());
        while made < 2 || since.elapsed() < Duration::from_millis(400) {
            assert!(start.elapsed() < Duration::from_secs(30), "nothing was made");
            std::thread::sleep(Duration::from_millis(10));
            let now = self.conversations();
            if now != made {
                (made, since) = (now, Instant::now());
            }
        }
    }

    fn until_a_call_has_left(&self, folder: &str) {
        let start = Instant::now();
        let journal = self.workspace.path(&format!("{folder}/state/staging.journal"));
        while !std::fs::read_to_string(&journal).unwrap_or_default().contains("\"began\"") {
            assert!(start.elapsed() < Duration::from_secs(30), "no call was begun");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(300));
    }

    /// A sealed bash in a folder of the workspace. An empty script stands for that of the last step.
    fn shell(&self, folder: &str, script: &str, variables: &Variables) -> Command {
        let mut command = bash();
        if script.is_empty() {
            command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(self.workspace.path("step.sh"));
        } else {
            command.args(["-euc", script]);
        }
        command.current_dir(self.workspace.path(folder)).env_clear();
        let program = Path::new(env!("CARGO_BIN_EXE_dixaform")).parent().unwrap().display().to_string();
        let stubs = self.workspace.path("stubs").display().to_string();
        command.env("PATH", format!("{stubs}:{program}:{}", self.bare_path()));
        command.env("HOME", self.workspace.path("")).env("GIT_CONFIG_NOSYSTEM", "1").env("STUBS", stubs);
        command.env("PROGRAM", env!("CARGO_BIN_EXE_dixaform"));
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.com");
        }
        command.envs(variables);
        command
    }

    /// Where programs are on a machine on which nothing was installed.
    pub(super) fn bare_path(&self) -> String {
        format!("{}:{}", self.workspace.path("gitlab").display(), std::env::var("PATH").unwrap())
    }

    /// Programs that keep comments in the folder `stubs`, one file each, with the author's name in another, and that
    /// install nothing.
    fn stubs(&self) {
        let pipx = include_str!("stubs/pipx");
        let (gh, curl, dixaform) =
            (include_str!("stubs/gh"), include_str!("stubs/curl"), include_str!("stubs/dixaform"));
        let all = [("gh", gh), ("curl", curl), ("pipx", pipx), ("pip", pipx), ("dixaform", dixaform)];
        for (name, text) in all {
            self.workspace.write(&format!("stubs/{name}"), text);
        }
        self.workspace.write("gitlab/git-remote-gitlab", include_str!("stubs/git-remote-gitlab"));
        self.sh("stubs", "chmod +x gh curl pipx pip dixaform ../gitlab/git-remote-gitlab && mkdir comments");
    }

    /// The comments on the pull request in the order in which they were made, each with its author.
    pub(super) fn comments(&self) -> Vec<(String, String)> {
        let folder = self.workspace.path("stubs/comments");
        let mut numbers: Vec<u32> = std::fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".md")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let read = |name: String| self.workspace.read(&format!("stubs/comments/{name}"));
        numbers.iter().map(|id| (read(format!("{id}.author")).trim().to_owned(), read(format!("{id}.md")))).collect()
    }

    /// Adds a comment of somebody.
    pub(super) fn comment(&self, id: u32, author: &str, text: &str) {
        self.workspace.write(&format!("stubs/comments/{id}.author"), format!("{author}\n"));
        self.workspace.write(&format!("stubs/comments/{id}.md"), text);
    }

    /// How the stand-ins were called, with a line for each call.
    pub(super) fn calls(&self) -> String {
        std::fs::read_to_string(self.workspace.path("stubs/calls")).unwrap_or_default()
    }
}

/// Stops a step.
fn kill(child: &Child, how: Stopped) {
    let (signal, whom) = match how {
        Stopped::Cancelled | Stopped::CancelledAtOnce => ("-INT", child.id().to_string()),
        Stopped::Killed | Stopped::Died => ("-KILL", format!("-{}", child.id())),
    };
    assert!(Command::new("kill").args([signal, "--", &whom]).status().unwrap().success());
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("a step did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
/// A bash that a SIGINT stops, also where whoever runs the tests has it ignored, as a script does in its background.
fn bash() -> Command {
    if !ignores_sigint() {
        return Command::new("bash");
    }
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "bash"]);
    command
}

/// Whether SIGINT is ignored in this process, and so in those that it starts. Only Linux tells.
fn ignores_sigint() -> bool {
    const SIGINT: u64 = 1 << 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & SIGINT != 0)
}
