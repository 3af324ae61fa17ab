//! The command line: the only place that prints, prompts, reads the environment and sets the exit code.

mod apply;
pub mod args;
mod catalog;
mod catalog_args;
mod catalog_file;
mod ci;
mod clock;
mod complete;
mod completions;
mod connection;
mod embedded;
mod error;
mod exit;
mod formats;
mod forms;
mod held;
mod init;
mod ledger;
mod load;
mod lock_args;
mod man;
mod output;
mod page;
mod plan;
mod progress;
mod project_file;
mod reader;
mod rebuild;
mod recover;
mod refresh;
mod sandbox;
mod saved_plan;
mod schema;
mod secrets;
mod session;
mod settling;
mod show;
mod signals;
mod sink;
mod skill;
mod state;
mod state_access;
mod state_args;
mod state_move;
mod state_store;
mod store_access;
mod surroundings;
mod validate;

pub use error::Error;
pub use exit::Exit;

use std::error::Error as _;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextValue, ErrorKind};

use crate::cli::args::{Cli, Command, Globals};
use crate::cli::ci::job::Giving;
use crate::cli::output::Output;
use crate::cli::reader::Reader;
use crate::cli::session::Session;
use crate::finding::Findings;
use crate::render;
use crate::render::escape::escape;
use crate::render::palette::Label;

/// How lines of a message begin that are not its first.
const OWN_BREAK: &str = "\n  ";

/// What the program is called in its own words.
const NAME: &str = "dixaform";

/// Runs one command line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // The program has one name, whatever the file is called.
    let args: Vec<OsString> = [OsString::from(NAME)].into_iter().chain(args.into_iter().skip(1)).collect();
    if let Some(completed) = complete::run(&args) {
        return completed;
    }
    secrets::keep_typed(&args[1..]);
    let wants_json = forms::wants_json(&args[1..]);
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(error, wants_json).into(),
    };
    let output = Output::new(&cli.globals);
    log(&cli.globals, output);
    match dispatch(&cli, &output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell(&output, &error);
            if wants_json && !error.is_in_result {
                tell_as_json(&output, error.exit, &error.message(), &error.hints, &error.findings);
            }
            error.exit.into()
        }
    }
}

fn dispatch(cli: &Cli, output: &Output) -> Result<Exit, Error> {
    // A project file that is wrong stops only what has to do with it.
    let start = |all| Session::start(&cli.globals, all);
    let session = || start(false);
    match &cli.command {
        Command::Init(args) => init::run(&cli.globals, output, args),
        Command::Validate(args) => validate::run(&start(args.all)?, args),
        Command::Plan(args) => {
            let run = |session: &Session| plan::run(session, args);
            ci::in_job(Giving::Plan, (&cli.globals, &output.showing(args.planning.all)), &args.planning.paths, run)
        }
        Command::Apply(args) => {
            let run = |session: &Session| apply::run(session, args);
            ci::in_job(Giving::Apply, (&cli.globals, &output.showing(args.planning.all)), &args.planning.paths, run)
        }
        Command::Show(args) => show::run(&session()?, args),
        Command::Recover(args) => recover::run(&session()?, args),
        Command::State(command) => state::run(&session()?, command),
        Command::Catalog(command) => catalog::run(&session()?, command),
        Command::Sandbox(args) => sandbox::run(&session()?, args),
        Command::Schema(args) => schema::run(output, args),
        Command::Completions(args) => completions::run(output, args),
        Command::Skill => skill::run(output),
        Command::Man(args) => man::run(&cli.globals, output, args),
    }
}

/// Help and version are results; everything else is wrong usage, and says what was typed.
fn usage(error: clap::Error, wants_json: bool) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed stream leaves nobody to tell.
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            let output = Output::plain();
            let text = misuse(error);
            output.error(&text);
            if wants_json {
                let (message, hints) = parts(&text);
                tell_as_json(&output, Exit::Usage, &message, &hints, &Findings::default());
            }
            Exit::Usage
        }
    }
}

/// What is wrong with what was typed, of which everything stays on the line that it is in.
fn misuse(error: clap::Error) -> String {
    let shown = |text: &String| escape(text).into_owned();
    let typed = error.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, ContextValue::String(shown(text)))),
        ContextValue::Strings(texts) => Some((kind, ContextValue::Strings(texts.iter().map(shown).collect()))),
        // Tips are made of what was typed, too.
        ContextValue::StyledStrs(tips) => {
            let tips = tips.iter().map(|tip| shown(&tip.to_string()).into()).collect();
            Some((kind, ContextValue::StyledStrs(tips)))
        }
        _ => None,
    });
    let typed: Vec<_> = typed.collect();
    let mut error = error;
    for (kind, value) in typed {
        error.insert(kind, value);
    }
    let mut text = error.render().ansi().to_string();
    // What a value's own parser says.
    if let Some(said) = error.source().map(ToString::to_string) {
        text = text.replace(&said, &shown(&said));
    }
    anstream::adapter::strip_str(&text).to_string()
}

/// What is wrong with what was typed, and what to do about it, out of what clap says: it has a line with the error,
/// tips, and how the command is used.
fn parts(text: &str) -> (String, Vec<String>) {
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message).split('\n').map(str::trim);
    let hints = paragraphs.flat_map(str::lines).map(str::trim).map(|line| line.strip_prefix("tip: ").unwrap_or(line));
    let hints = hints.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    (message.collect::<Vec<_>>().join(" "), hints)
}

/// An error for the program that has asked for JSON; it stays one if that can't be written.
fn tell_as_json(output: &Output, exit: Exit, message: &str, hints: &[String], findings: &Findings) {
    let document = render::error_json_v1::error(exit.code(), message, hints, findings);
    let _ = output.pieces(document.into(), Reader::Program);
}

fn tell(output: &Output, error: &Error) {
    let palette = &output.error_palette;
    let mut text = format!("{} {}\n", palette.paint(Label::Error, "error:"), escaped(&error.message()));
    for hint in &error.hints {
        text.push_str(&format!(" {} {}\n", palette.paint(Label::Bold, "hint:"), escaped(hint)));
    }
    output.error_painted(&text);
}

/// Messages can hold text of manifests, of the API and of whoever typed a path. Line breaks of ours begin an indented
/// line; others are shown as such.
fn escaped(text: &str) -> String {
    text.split(OWN_BREAK).map(escape).collect::<Vec<_>>().join(OWN_BREAK)
}

/// Traces go to standard error; they hold neither tokens nor bodies.
fn log(globals: &Globals, output: Output) {
    let filter = match globals.verbose {
        0 => return,
        1 => "dixaform=debug",
        _ => "dixaform=trace,reqwest=debug,hyper_util=debug",
    };
    // A second subscriber in one process (in tests) has no effect.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(move || Traces(output))
        .with_ansi(false)
        .with_target(false)
        .try_init();
}

/// What is traced, as lines of an output: each event is written at once, and is one line.
struct Traces(Output);

impl io::Write for Traces {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.0.error(&format!("{}\n", escape(text.trim_end_matches('\n'))));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
