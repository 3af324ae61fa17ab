//! A temporary folder, an empty environment, and the program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::manifests::FAST;

/// A folder of its own for one test. Nothing of the machine's environment reaches the program but `PATH`.
pub struct Workspace {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        Workspace { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// One with a project file whose default tenant is the sandbox, without a rate limit to speak of.
    pub fn fast() -> Self {
        Workspace::new().file("dixaform.yaml", FAST)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Replaces text in a file; the text must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, text.replace(from, to));
    }

    /// Replaces text in a state, as if it had been saved like that.
    pub fn edit_state(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, sealed(&text.replace(from, to)));
    }

    /// Copies one of the repository's folders, under the same name.
    pub fn copy(self, folder: &str) -> Self {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &self.path(folder));
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Adds a project file with one tenant, `local`, at this base URL. Its token is in `LOCAL_KEY`.
    pub fn with_tenant(self, base_url: &str) -> Self {
        let rate_limit = "{requestsPerSecond: 10000, burst: 1000}";
        let tenant = format!("{{baseUrl: \"{base_url}\", apiKeyEnv: LOCAL_KEY, rateLimit: {rate_limit}}}");
        self.file("dixaform.yaml", &format!("version: 1\ntenants:\n  local: {tenant}\n"))
            .variable("LOCAL_KEY", "the-secret-token")
    }

    /// Runs `dixaform` with words separated by blanks, without standard input.
    #[must_use]
    pub fn run(&self, line: &str) -> Outcome {
        self.run_with_input(line, "")
    }

    /// Runs `dixaform` with a text as its standard input.
    #[must_use]
    pub fn run_with_input(&self, line: &str, input: &str) -> Outcome {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run_words(&words, input)
    }

    /// Runs `dixaform` with these words.
    #[must_use]
    pub fn run_words(&self, words: &[&str], input: &str) -> Outcome {
        use std::io::Write as _;
        let mut child = self
            .command()
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The program, sealed, in this folder, for tests that need more of it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dixaform"));
        command.current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    /// The plan as JSON, with more words after `plan`.
    #[track_caller]
    pub fn plan_json(&self, words: &str) -> serde_json::Value {
        let outcome = self.run(&format!("plan --format json {words}")).exit(0);
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// The state file of the tenant `sandbox`.
    pub fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("state/sandbox.json")).unwrap()
    }

    /// The record of an address in the state of the tenant `sandbox`.
    #[track_caller]
    pub fn record(&self, address: &str) -> serde_json::Value {
        let state = self.state();
        let records = state["records"].as_array().unwrap();
        records.iter().find(|record| record["address"] == address).expect("a record").clone()
    }

    /// The requests after the first `before` that are no GETs.
    pub fn writes_since(&self, before: usize) -> Vec<(String, serde_json::Value)> {
        self.requests().into_iter().skip(before).filter(|(call, _)| !call.starts_with("GET ")).collect()
    }

    /// The requests that the embedded sandbox of the tenant `sandbox` was sent: method and path, and the body.
    pub fn requests(&self) -> Vec<(String, serde_json::Value)> {
        self.requests_in("state/sandbox.requests.jsonl")
    }

    /// The same from another request log.
    pub fn requests_in(&self, log: &str) -> Vec<(String, serde_json::Value)> {
        let text = std::fs::read_to_string(self.path(log)).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| {
                (
                    format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap()),
                    line["body"].clone(),
                )
            })
            .collect()
    }
}

impl Outcome {
    /// Asserts the exit code; shows everything when it is another.
    #[track_caller]
    pub fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that standard output holds a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in stderr:\n{}\nstdout:\n{}", self.stderr, self.stdout);
        self
    }

    /// Asserts that neither stream holds a text.
    #[track_caller]
    pub fn never_says(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "{text:?} in:\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The last line of standard output.
    pub fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

/// The text of a state with the seal that fits it.
pub fn sealed(state: &str) -> String {
    let (text, _) = state.rsplit_once(",\"seal\":").expect("a seal");
    format!("{text},\"seal\":\"{}\"}}\n", dixaform::state::Seal::of(text.as_bytes()))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
