//! The README as a script: its blocks in their order, in one scratch workspace.
//!
//! - ```` ```sh ````: each line is run by the shell. It ends with 0, or with N where the line ends in `# exit N`.
//! - ```` ```text ```` after `<!-- output -->` or `<!-- messages -->`: what the last line wrote to standard output or
//!   standard error. A line `…` stands for any lines, a `…` at the end of a line for any ending; times are compared as
//!   such.
//! - ```` ```yaml ````: a manifest or a project file, and valid.
//! - ```` ```json ````: JSON.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::README;
use crate::support::{Server, Workspace};

/// Lines that are not run here, because they would build the program that runs this test. What they rely on is checked.
const OF_CARGO: [&str; 2] = ["cargo test", "cargo install --path . --locked"];

/// How the README runs the program before it is installed.
const CARGO_RUN: &str = "cargo run --release -- ";

/// The marker of what a reader sees at once, before anything is explained.
const FIRST_RESULT: &str = "last line of the first command";

struct Block<'a> {
    language: &'a str,
    /// The text of the HTML comment on the line before, if there is one.
    marker: Option<&'a str>,
    line: usize,
    text: String,
}

/// All fenced blocks.
fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    let mut before = "";
    while let Some((number, line)) = lines.next() {
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
struct Written {
    stdout: String,
    stderr: String,
}

/// The workspace of a reader who follows the README.
struct Reader {
    workspace: Workspace,
    sandbox: Option<Child>,
    sandbox_port: String,
}

impl Reader {
    fn new() -> Self {
        let workspace =
            Workspace::new().copy("examples").file("state/README.md", include_str!("../../../state/README.md"));
        let bin = workspace.path(".bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dixaform"), bin.join("dixaform")).unwrap();
        Reader { workspace, sandbox: None, sandbox_port: String::new() }
    }

    fn run(&mut self, line: &str) -> Written {
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
        assert_eq!(output.status.code(), Some(expected), "{line}\n{}\n{}", written.stdout, written.stderr);
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

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop();
    }
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

#[test]
fn every_command_runs_and_every_output_is_real() {
    let mut reader = Reader::new();
    let mut last = Written::default();
    let mut first = String::new();
    let mut commands = 0;
    for Block { language, marker, line, text } in blocks(README) {
        match (language, marker) {
            ("sh", None) => {
                for command in text.lines().filter(|command| !command.trim().is_empty()) {
                    last = reader.run(command);
                    if commands == 0 {
                        first.clone_from(&last.stdout);
                    }
                    commands += 1;
                }
            }
            ("text", Some(marker @ ("output" | "messages"))) => {
                let real = if marker == "output" { &last.stdout } else { &last.stderr };
                let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
                let (shown, all) = (lines(&text), lines(real));
                let (shown, all): (Vec<&str>, Vec<&str>) =
                    (shown.iter().map(String::as_str).collect(), all.iter().map(String::as_str).collect());
                assert!(matches(&shown, &all), "README.md:{line} is not what is written:\n{real}");
            }
            ("text", Some(FIRST_RESULT)) => assert_eq!(first.trim_end().lines().last(), text.lines().next()),
            ("yaml", None) if text.contains("apiVersion: ") => reader.manifest(&text),
            ("yaml", None) if text.contains("version: 1") => Reader::project_file(&text),
            // It would not start otherwise.
            ("yaml", Some("seed")) => {
                let workspace = Workspace::new().file("seed.yaml", &text);
                drop(Server::start(&workspace, "--strict --seed seed.yaml"));
            }
            ("json", None) => drop(serde_json::from_str::<serde_json::Value>(&text).expect("README.md has JSON")),
            _ => panic!("README.md:{line}: nobody checks a block of {language:?} after {marker:?}"),
        }
    }
    assert!(commands > 15, "{commands}");
}

#[test]
fn the_manifest_that_explains_names_is_valid() {
    let reader = Reader::new();
    let names = include_str!("../../../docs/names.md");
    let examples: Vec<_> = blocks(names).into_iter().filter(|block| block.language == "yaml").collect();
    examples.iter().for_each(|example| reader.manifest(&example.text));
    assert_eq!(examples.len(), 1);
}

#[test]
fn the_commands_of_cargo_fit_the_package() {
    let lines: Vec<String> =
        blocks(README).into_iter().filter(|block| block.language == "sh").map(|b| b.text).collect();
    let text = lines.concat();
    for line in OF_CARGO {
        assert!(text.contains(line), "README.md has no `{line}` any more");
    }
    let manifest = include_str!("../../../Cargo.toml");
    assert!(manifest.contains("\nname = \"dixaform\"\n") && manifest.contains("\ndefault-run = \"dixaform\"\n"));
    assert!(text.starts_with(CARGO_RUN), "the first command runs the program");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("src/main.rs").is_file() && root.join("Cargo.lock").is_file());
}
