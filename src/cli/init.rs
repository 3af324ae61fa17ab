//! `dixaform init`: a starter project that works on the sandbox at once.
//!
//! Nothing is ever overwritten: a file that is there, whatever is in it, is left and named. A second run is no error.
#![expect(clippy::disallowed_methods, reason = "this writes the first files of a project")]

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::cli::args::{Globals, InitArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::json;
use crate::project::FILE_NAMES;
use crate::schema::{Subject, schema};
use crate::workspace::FileError;

const GITIGNORE: &str = ".gitignore";

/// The files that are as they are in every project. The workflow and its scripts are those of examples/ci.
const FILES: [(&str, &str); 12] = [
    ("dixaform.yaml", include_str!("init/dixaform.yaml")),
    ("manifests/conversation.yaml", include_str!("init/conversation.yaml")),
    ("manifests/import.yaml", include_str!("init/import.yaml")),
    (GITIGNORE, include_str!("init/gitignore")),
    (".github/workflows/dixaform.yml", include_str!("../../examples/ci/github/plan-and-apply.yml")),
    (".dixaform/ci/install.sh", include_str!("../../examples/ci/install.sh")),
    (".dixaform/ci/plan.sh", include_str!("../../examples/ci/plan.sh")),
    (".dixaform/ci/comment.sh", include_str!("../../examples/ci/comment.sh")),
    (".dixaform/ci/repository.sh", include_str!("../../examples/ci/repository.sh")),
    (".dixaform/ci/state.sh", include_str!("../../examples/ci/state.sh")),
    (".dixaform/ci/tip.sh", include_str!("../../examples/ci/tip.sh")),
    (".dixaform/ci/apply.sh", include_str!("../../examples/ci/apply.sh")),
];

/// The schemas that the files above name for editors.
const SCHEMAS: [(&str, Subject); 2] =
    [(".dixaform/project.schema.json", Subject::Project), (".dixaform/manifest.schema.json", Subject::Manifest)];

pub fn run(globals: &Globals, output: &Output, args: &InitArgs) -> Result<Exit, Error> {
    let root = match &globals.chdir {
        Some(folder) => folder.join(&args.folder),
        None => args.folder.clone(),
    };
    let schemas = SCHEMAS.map(|(name, subject)| (name, json::pretty(&schema(subject))));
    let schemas = schemas.iter().map(|(name, text)| (*name, text.as_str()));
    for (name, text) in FILES.into_iter().chain(schemas) {
        let [usual, other] = FILE_NAMES;
        let name = if name == usual && root.join(other).exists() { other } else { name };
        let path = root.join(name);
        let shown = args.folder.join(name);
        let shown = shown.strip_prefix(".").unwrap_or(&shown).display();
        let told = match write_new(&path, text)? {
            true => format!("wrote {shown}\n"),
            false if name == GITIGNORE => format!("left as it is: {shown}{}\n", lacking(&path, text)),
            false => format!("left as it is: {shown}\n"),
        };
        output.result(&told)?;
    }
    output.note(&next(globals, args));
    Ok(Exit::Done)
}

/// Writes a file unless there is one; whether it did. Asking and making is one step, so that no other program's file is
/// lost in between.
fn write_new(path: &Path, text: &str) -> Result<bool, FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(FileError::of(folder, "create the folder"))?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(|error| {
            // Half a file would be left as it is by the next run.
            let _ = fs::remove_file(path);
            FileError::of(path, "write")(error)
        })?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(FileError::of(path, "create")(error)),
    }
    Ok(true)
}

/// What an older .gitignore does not have: the journal of an apply is better not committed by accident.
fn lacking(path: &Path, wanted: &str) -> String {
    let there = fs::read_to_string(path).unwrap_or_default();
    let rules = wanted.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lacking: Vec<&str> = rules.filter(|rule| !there.lines().any(|line| line.trim() == *rule)).collect();
    match lacking.as_slice() {
        [] => String::new(),
        lines => format!("; it lacks {}", lines.join(" ")),
    }
}

/// The two commands that come after this one.
fn next(globals: &Globals, args: &InitArgs) -> String {
    let root = globals.chdir.clone().unwrap_or_default().join(&args.folder);
    let place = match root.strip_prefix(".").unwrap_or(&root).to_string_lossy().as_ref() {
        "" => String::new(),
        folder if folder.contains(|c: char| c.is_whitespace() || c.is_control() || "'\"$`\\".contains(c)) => {
            format!(" --chdir {folder:?}")
        }
        folder => format!(" --chdir {folder}"),
    };
    format!("\nNext, on the sandbox, without an account:\n  dixaform plan{place}\n  dixaform apply{place}\n")
}
