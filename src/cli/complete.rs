//! Completion in a shell: commands, flags, and what a project has: addresses and tenants.
//!
//! The script of `dixaform completions SHELL` runs the program with [`VARIABLE`] set, and with the words that were
//! typed so far. Nothing is sent, written or locked for it, and it says what it has found when its time is up.
#![expect(clippy::disallowed_methods, reason = "the edge where the working folder is read")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::cli::NAME;
use crate::cli::args::{Cli, Color, Globals};
use crate::cli::load::{self, Tenants};
use crate::cli::session::Session;
use crate::state::file_v1;
use crate::workspace::manifests::read_bounded;

/// The variable by which a script asks for candidates; its value is the name of the shell.
pub const VARIABLE: &str = "_DIXAFORM_COMPLETE";

/// How long somebody who has pressed a key waits at most.
const TIME: Duration = Duration::from_millis(400);

/// The largest state whose addresses are looked for.
const STATE_MAX: u64 = 64 << 20;

/// Writes candidates if a script asks for them.
pub fn run(words: &[OsString]) -> Option<ExitCode> {
    let folder = std::env::current_dir().ok();
    let typed: Arc<[OsString]> = Arc::from(words);
    let environment = CompleteEnv::with_factory(|| with_candidates(Cli::command(), &typed)).var(VARIABLE);
    match environment.bin(NAME).completer(NAME).try_complete(words.to_vec(), folder.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// A command whose arguments know their candidates. What an argument takes, its name in the help says.
fn with_candidates(command: Command, words: &Arc<[OsString]>) -> Command {
    let of_manifests = ["plan", "apply", "recover"].contains(&command.get_name());
    let command = command.mut_args(|arg| {
        let words = Arc::clone(words);
        match value_name(&arg) {
            "ADDRESS" | "FROM" => arg.add(ArgValueCandidates::new(move || addresses(&words, of_manifests))),
            "NAME" if arg.get_id() == "tenant" => arg.add(ArgValueCandidates::new(move || tenants(&words))),
            _ => arg,
        }
    });
    command.mut_subcommands(|below| with_candidates(below, words))
}

fn value_name(arg: &Arg) -> &str {
    arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str())
}

fn candidates(texts: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort();
    texts.dedup();
    texts.into_iter().map(CompletionCandidate::new).collect()
}

fn tenants(words: &[OsString]) -> Vec<CompletionCandidate> {
    let session = Session::silent(&globals(words)).ok();
    candidates(session.into_iter().flat_map(|session| session.project.tenants.into_keys()))
}

/// The addresses of the state, and of the manifests where those are meant, as far as they are found in time.
fn addresses(words: &Arc<[OsString]>, of_manifests: bool) -> Vec<CompletionCandidate> {
    let (found, addresses) = mpsc::channel();
    let words = Arc::clone(words);
    // It ends with the process.
    std::thread::spawn(move || look(&words, of_manifests, &found));
    let end = Instant::now() + TIME;
    candidates(std::iter::from_fn(|| addresses.recv_timeout(end.saturating_duration_since(Instant::now())).ok()))
}

fn look(words: &[OsString], of_manifests: bool, found: &Sender<String>) -> Option<()> {
    let session = Session::silent(&globals(words)).ok()?;
    let open = session.open().ok()?;
    if let Some(text) = read(&open.files.state)
        && let Ok((state, _)) = file_v1::read_unchecked(text)
    {
        state.records.keys().try_for_each(|address| found.send(address.to_string())).ok()?;
    }
    if of_manifests {
        let paths = paths(words);
        let tenants = Tenants::new(&session, Some(open.tenant), &paths).ok()?;
        for file in load::find(&session, &paths).ok()? {
            let addresses = load::addresses(&file, &tenants, session.folder()).unwrap_or_default();
            addresses.into_iter().try_for_each(|address| found.send(address.to_string())).ok()?;
        }
    }
    Some(())
}

fn read(path: &Path) -> Option<String> {
    let bytes = read_bounded(path, STATE_MAX + 1).ok()?;
    String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= STATE_MAX)
}

/// The global flags of a line that is not finished.
fn globals(words: &[OsString]) -> Globals {
    let value = |flag: &str| {
        let behind_sign = |word: &OsString| {
            word.to_str()?.strip_prefix(flag)?.strip_prefix('=').filter(|value| !value.is_empty()).map(OsString::from)
        };
        let separate = words.array_windows().find(|[word, _]| *word == *flag).map(|[_, value]| value.clone());
        separate.or_else(|| words.iter().find_map(behind_sign)).filter(|value| !value.is_empty())
    };
    Globals {
        tenant: value("--tenant").and_then(|name| name.into_string().ok()),
        chdir: value("--chdir").map(PathBuf::from),
        state: value("--state").map(PathBuf::from),
        color: Color::Never,
        verbose: 0,
        quiet: true,
    }
}

/// The files and folders that are among the words: behind the command, and not the value of a flag.
fn paths(words: &[OsString]) -> Vec<PathBuf> {
    let is_path = |[before, word]: &&[OsString; 2]| {
        let is_flag = |word: &OsString| word.to_string_lossy().starts_with('-');
        !is_flag(before) && !is_flag(word) && Path::new(word).exists()
    };
    let typed = words.iter().position(|word| word == NAME).map_or(words, |at| &words[at + 1..]);
    typed.array_windows().filter(is_path).map(|[_, word]| PathBuf::from(word)).collect()
}
