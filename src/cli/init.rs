//! `dixaform init`: a starter project that works on the sandbox at once.
//!
//! Nothing is ever overwritten: a file that is there, whatever is in it, is left and named. A second run is no error.
//! The workflow goes where GitHub reads it: to the root of the repository that the project is in.
#![expect(clippy::disallowed_methods, reason = "this writes the first files of a project")]

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::cli::args::{Globals, InitArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::surroundings;
use crate::json;
use crate::project::FILE_NAMES;
use crate::render::escape::escape;
use crate::schema::{Subject, schema};
use crate::workspace::FileError;

mod workflow;

const GITIGNORE: &str = ".gitignore";

/// The files that are as they are in every project. The scripts are those of examples/ci.
const FILES: [(&str, &str); 11] = [
    ("dixaform.yaml", include_str!("init/dixaform.yaml")),
    ("manifests/conversation.yaml", include_str!("init/conversation.yaml")),
    ("manifests/import.yaml", include_str!("init/import.yaml")),
    (GITIGNORE, include_str!("init/gitignore")),
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
        let shown = output::shown(shown.strip_prefix(".").unwrap_or(&shown));
        let told = match write_new(&path, text)? {
            true => format!("wrote {shown}\n"),
            false if name == GITIGNORE => format!("left as it is: {shown}{}\n", escape(&lacking(&path, text))),
            false => format!("left as it is: {shown}\n"),
        };
        output.result(&told)?;
    }
    output.result(&write_workflow(&root, &args.folder)?)?;
    output.note(&next(globals, args));
    Ok(Exit::Done)
}

/// Writes the workflow; what was done. Outside of a repository the project is taken for the root of one to come.
fn write_workflow(root: &Path, folder: &Path) -> Result<String, FileError> {
    let real = root.canonicalize().map_err(FileError::of(root, "find"))?;
    let top = surroundings::repository_root(&real).unwrap_or_else(|| real.clone());
    let below = real.strip_prefix(&top).unwrap_or(Path::new(""));
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let name = format!(".github/workflows/{}", workflow::name(&parts.join("/")));
    let shown = above(folder, parts.len()).join(&name);
    let done = if write_new(&top.join(&name), &workflow::text(&parts.join("/")))? { "wrote" } else { "left as it is:" };
    let place = if parts.is_empty() { "" } else { ", at the root of the repository, where GitHub reads it" };
    Ok(format!("{done} {}{place}\n", output::shown(&shown)))
}

/// The folder this many levels above one, as people would type it.
fn above(folder: &Path, levels: usize) -> PathBuf {
    let mut shown: PathBuf = folder.components().filter(|part| *part != Component::CurDir).collect();
    for _ in 0..levels {
        if !matches!(shown.components().next_back(), Some(Component::Normal(_))) || !shown.pop() {
            shown.push("..");
        }
    }
    shown
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
