//! The command line: the only place that prints, prompts, reads the environment and sets the exit code.

mod apply;
pub mod args;
mod catalog;
mod catalog_args;
mod clock;
mod completions;
mod connection;
mod embedded;
mod error;
mod exit;
mod formats;
mod forms;
mod init;
mod ledger;
mod load;
mod man;
mod output;
mod plan;
mod progress;
mod project_file;
mod rebuild;
mod recover;
mod refresh;
mod sandbox;
mod saved_plan;
mod schema;
mod session;
mod settling;
mod show;
mod signals;
mod sink;
mod state;
mod state_access;
mod state_args;
mod surroundings;
mod validate;

pub use error::Error;
pub use exit::Exit;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::args::{Cli, Command, Globals};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::render::palette::Label;

/// Runs one command line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    log(&cli.globals);
    let output = Output::new(&cli.globals);
    match dispatch(&cli, &output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell(&output, &error);
            error.exit.into()
        }
    }
}

fn dispatch(cli: &Cli, output: &Output) -> Result<Exit, Error> {
    // A project file that is wrong stops only what has to do with it.
    let session = || Session::start(&cli.globals);
    match &cli.command {
        Command::Init(args) => init::run(&cli.globals, output, args),
        Command::Validate(args) => validate::run(&session()?, args),
        Command::Plan(args) => plan::run(&session()?, args),
        Command::Apply(args) => apply::run(&session()?, args),
        Command::Show(args) => show::run(&session()?, args),
        Command::Recover(args) => recover::run(&session()?, args),
        Command::State(command) => state::run(&session()?, command),
        Command::Catalog(command) => catalog::run(&session()?, command),
        Command::Sandbox(args) => sandbox::run(&session()?, args),
        Command::Schema(args) => schema::run(output, args),
        Command::Completions(args) => completions::run(output, args),
        Command::Man(args) => man::run(&cli.globals, output, args),
    }
}

/// Help and version are results; everything else is wrong usage.
fn usage(error: &clap::Error) -> Exit {
    // A closed stream leaves nobody to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}

fn tell(output: &Output, error: &Error) {
    let palette = &output.error_palette;
    let mut text = format!("{} {}\n", palette.paint(Label::Error, "error:"), escaped(&error.message()));
    for hint in &error.hints {
        text.push_str(&format!(" {} {}\n", palette.paint(Label::Bold, "hint:"), escaped(hint)));
    }
    output.error(&text);
}

/// Messages can hold text of manifests and of the API; line breaks are ours.
fn escaped(text: &str) -> String {
    text.split('\n').map(|line| crate::render::escape::escape(line).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Traces go to standard error; they hold neither tokens nor bodies.
fn log(globals: &Globals) {
    let filter = match globals.verbose {
        0 => return,
        1 => "dixaform=debug",
        _ => "dixaform=trace,reqwest=debug,hyper_util=debug",
    };
    // A second subscriber in one process (in tests) has no effect.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}
