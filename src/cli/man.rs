//! `dixaform man`: the manual pages, from the same words as `--help`.
//!
//! There is one page for each command, with its examples as they are written: a manual page fills lines unless told
//! otherwise, which would make one sentence of several commands.
#![expect(clippy::disallowed_methods, reason = "this writes manual pages, which everybody may read")]

use std::fs;
use std::path::Path;

use clap::builder::{Resettable, StyledStr};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::args::{Cli, Globals, ManArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::reader::Reader;
use crate::workspace::FileError;

/// Paragraphs below the help that are sections of their own, and how the sections are called.
const SECTIONS: [(&str, &str); 2] = [("Examples:", "EXAMPLES"), ("Exit codes:", "EXIT STATUS")];

pub fn run(globals: &Globals, output: &Output, args: &ManArgs) -> Result<Exit, Error> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.out else {
        output.pieces(page(&command).into(), Reader::Program)?;
        return Ok(Exit::Done);
    };
    let root = match &globals.chdir {
        Some(chdir) => chdir.join(folder),
        None => folder.clone(),
    };
    fs::create_dir_all(&root).map_err(FileError::of(&root, "create the folder"))?;
    for (name, text) in pages(&command) {
        write(&root.join(&name), &text)?;
        output.result(&format!("wrote {}\n", output::shown(&folder.join(&name))))?;
    }
    Ok(Exit::Done)
}

/// Name and text of every page, that of a command before those of its subcommands.
fn pages(command: &Command) -> Vec<(String, String)> {
    let below = command.get_subcommands().flat_map(pages);
    [(format!("{}.1", name(command)), page(command))].into_iter().chain(below).collect()
}

fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command) -> String {
    let help = command.get_after_help().map(StyledStr::to_string).unwrap_or_default();
    let without = command.clone().after_help(Resettable::Reset);
    let source = format!("dixaform {}", env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    Man::new(without).source(source).manual("dixaform").render(&mut page).expect("a vector takes everything");
    let mut more = Roff::new();
    for paragraph in help.split("\n\n") {
        let known = SECTIONS.iter().find_map(|(start, title)| Some((title, paragraph.strip_prefix(start)?)));
        if let Some((title, _)) = known {
            more.control("SH", [*title]);
        } else if !paragraph.is_empty() {
            more.control("PP", []);
        }
        let text = known.map_or(paragraph, |(_, text)| text);
        as_written(&mut more, text.trim_matches('\n'));
    }
    if command.get_name() != "dixaform" {
        more.control("SH", ["SEE ALSO"]);
        more.text([roman("dixaform(1)")]);
    }
    String::from_utf8(page).expect("a page is text") + &more.to_roff()
}

/// Lines that stay lines.
fn as_written(page: &mut Roff, text: &str) {
    page.control("nf", []);
    for line in text.lines() {
        page.text([roman(line.trim_end())]);
    }
    page.control("fi", []);
}

fn write(path: &Path, text: &str) -> Result<(), FileError> {
    fs::write(path, text).map_err(FileError::of(path, "write"))
}
