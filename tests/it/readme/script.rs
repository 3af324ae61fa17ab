//! A page as a script: its blocks in their order, in a folder of its own that has the examples.
//!
//! - ```` ```sh ````: each line is run by the shell. It ends with 0, or with N where the line ends in `# exit N`.
//! - ```` ```text ```` after `<!-- output -->` or `<!-- messages -->`: what the last line wrote to standard output or
//!   standard error. A line `…` stands for any lines, a `…` at the end of a line for any ending; times are compared as
//!   such.
//! - ```` ```yaml ````: a manifest or a project file, and valid; after `<!-- seed -->`, what a sandbox starts with.
//! - ```` ```json ````: JSON.
//! - Any block after `<!-- file NAME -->`: is written to this file, for the commands that follow.
//! - Any block after `<!-- run by PATH -->`: needs what is not here (a registry, a service); these tests, which name the
//!   page, run it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::readme::repository;
use crate::support::{Server, Workspace};

/// Lines that are not run here, because they would build the program that runs this test. What they rely on is checked.
pub const OF_CARGO: [&str; 2] = ["cargo test", "cargo install --path . --locked"];

/// How README.md runs the program before it is installed.
pub const CARGO_RUN: &str = "cargo run --release -- ";

/// The marker of what a reader sees at once, before anything is explained.
const FIRST_RESULT: &str = "last line of the first command";

/// A fenced block of a page.
pub struct Block<'a> {
    pub language: &'a str,
    /// The text of the HTML comment on the line before, if there is one.
    marker: Option<&'a str>,
    line: usize,
    pub text: String,
}

/// All fenced blocks.
pub fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    let mut before = "";
    while let Some((number, line)) = lines.next() {
        assert!(
            !line.starts_with(' ') || !line.trim_start().starts_with("```"),
            "{line}: begin the block at the margin"
        );
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let text = text.map(|line| format!("{line}\n")).collect();
            let marker = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            blocks.push(Block { language, marker, line: number + 1, text });
        }
        before = line;
    }
    blocks
}

/// What a line wrote.
#[derive(Default)]
pub struct Written {
    pub stdout: String,
    stderr: String,
}

/// Somebody who follows a page, from its first line to its last.
pub struct Reader<'a> {
    page: &'a str,
    pub workspace: Workspace,
    last: Written,
    /// What the first command wrote to standard output.
    first: Option<String>,
    pub commands: usize,
    sandbox: Option<Child>,
    sandbox_port: String,
}

impl<'a> Reader<'a> {
    pub fn new(page: &'a str) -> Self {
        let workspace = Workspace::new().copy("examples");
        let bin = workspace.path(".bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dixaform"), bin.join("dixaform")).unwrap();
        let last = Written::default();
        Reader { page, workspace, last, first: None, commands: 0, sandbox: None, sandbox_port: String::new() }
    }

    pub fn follow(&mut self, Block { language, marker, line, text }: &Block<'_>) {
        let page = self.page;
        if let Some(tests) = marker.and_then(|marker| marker.strip_prefix("run by ")) {
            assert!(name_the_page(tests, page), "{page}:{line}: no test in {tests} speaks of {page}");
            return;
        }
        if let Some(name) = marker.and_then(|marker| marker.strip_prefix("file ")) {
            self.workspace.write(name, text);
            return;
        }
        match (*language, *marker) {
            ("sh", None) => self.run_all(text),
            ("text", Some(marker @ ("output" | "messages"))) => {
                let real = if marker == "output" { &self.last.stdout } else { &self.last.stderr };
                let (shown, all): (Vec<&str>, Vec<&str>) = (text.lines().collect(), real.lines().collect());
                assert!(matches(&shown, &all), "{page}:{line} is not what is written:\n{real}");
            }
            ("text", Some(FIRST_RESULT)) => {
                let first = self.first.as_deref().expect("a command before its result");
                assert_eq!(first.trim_end().lines().last(), text.lines().next(), "{page}:{line}");
            }
            ("yaml", None) if text.contains("apiVersion: ") => self.manifest(text),
            ("yaml", None) if text.contains("version: 1") => Reader::project_file(text),
            // It would not start otherwise.
            ("yaml", Some("seed")) => {
                let workspace = Workspace::new().file("seed.yaml", text);
                drop(Server::start(&workspace, "--strict --seed seed.yaml"));
            }
            ("json", None) => drop(serde_json::from_str::<serde_json::Value>(text).expect("JSON")),
            _ => panic!(
                "{page}:{line}: nobody checks a block of {language:?} after {marker:?}; tests/it/readme/script.rs has \
                 what is checked"
            ),
        }
    }

    fn run_all(&mut self, text: &str) {
        for command in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            self.last = self.run(command);
            self.first.get_or_insert_with(|| self.last.stdout.clone());
            self.commands += 1;
        }
    }

    pub fn run(&mut self, line: &str) -> Written {
        let (words, comment) = line.split_once(" # ").unwrap_or((line, ""));
        let expected = comment.trim().strip_prefix("exit ").map_or(0, |code| code.parse().expect(line));
        let line = words.trim();
        if OF_CARGO.contains(&line) {
            return Written::default();
        }
        if line.starts_with("dixaform sandbox ") {
            return self.serve(line.strip_suffix('&').expect("a server runs in the background").trim());
        }
        if let Some(arguments) = line.strip_prefix("curl ") {
            return self.get(arguments);
        }
        if line == "kill $!" {
            self.stop();
            return Written::default();
        }
        let line = line.replace(CARGO_RUN, "dixaform ");
        assert!(!line.contains("cargo "), "the test does not know `{line}`: name it in OF_CARGO");
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(self.workspace.path(""))
            .env_clear()
            .env("PATH", format!("{}:{}", self.workspace.path(".bin").display(), std::env::var("PATH").unwrap()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let written = Written {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        let page = self.page;
        assert_eq!(output.status.code(), Some(expected), "{page}: {line}\n{}\n{}", written.stdout, written.stderr);
        written
    }

    /// Starts the sandbox on a free port in the place of the one that is written.
    fn serve(&mut self, line: &str) -> Written {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let port = words.iter().skip_while(|word| **word != "--port").nth(1).expect("--port");
        let words = words.iter().map(|word| if word == port { "0" } else { word });
        let mut child =
            self.workspace.command().args(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        self.sandbox = Some(child);
        let at = greeting.find("127.0.0.1:").expect(&greeting) + "127.0.0.1:".len();
        self.sandbox_port = greeting[at..].chars().take_while(char::is_ascii_digit).collect();
        Written { stdout: greeting.replace(&self.sandbox_port, port), stderr: String::new() }
    }

    /// `curl -H 'NAME: VALUE' URL`, for machines that have no curl.
    fn get(&self, arguments: &str) -> Written {
        let [header, url] =
            arguments.strip_prefix("-H '").and_then(|rest| rest.split_once("' ")).expect(arguments).into();
        let path = &url[url.match_indices('/').nth(2).expect(url).0..];
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.sandbox_port)).unwrap();
        let host = format!("localhost:{}", self.sandbox_port);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        Written { stdout: format!("{body}\n"), stderr: String::new() }
    }

    fn stop(&mut self) {
        if let Some(mut sandbox) = self.sandbox.take() {
            sandbox.kill().unwrap();
            sandbox.wait().unwrap();
        }
    }

    fn manifest(&self, text: &str) {
        let _ = self.workspace.run_with_input("validate -", text).exit(0);
    }

    /// A project file must do for the example it describes: a plan for each of its tenants.
    fn project_file(text: &str) {
        let workspace = Workspace::new().copy("examples/quickstart").file("dixaform.yaml", text);
        let _ = workspace.run("plan examples/quickstart").exit(0);
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a file of tests, or one of a folder, speaks of the page.
fn name_the_page(tests: &str, page: &str) -> bool {
    let path = repository(tests);
    let files = match std::fs::read_dir(&path) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect(),
        Err(_) => vec![path],
    };
    files.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains(page)))
}

/// Whether `real` is as `shown` says, where a line `…` stands for any number of lines.
fn matches(shown: &[&str], real: &[&str]) -> bool {
    match shown {
        [] => real.is_empty(),
        ["…", rest @ ..] => (0..=real.len()).any(|skipped| matches(rest, &real[skipped..])),
        [line, rest @ ..] => real.first().is_some_and(|first| line_matches(line, first)) && matches(rest, &real[1..]),
    }
}

fn line_matches(shown: &str, real: &str) -> bool {
    match shown.strip_suffix('…') {
        Some(start) => timeless(real).starts_with(&timeless(start)),
        None => timeless(real) == timeless(shown),
    }
}

/// A line with every `2026-09-14T08:30:00.123Z` taken out that is no part of a manifest.
fn timeless(line: &str) -> String {
    let is_time = |word: &&str| word.len() == 24 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    line.split(' ').map(|word| if is_time(&word) { "TIME" } else { word }).collect::<Vec<_>>().join(" ")
}
