//! `dixaform init`: a starter project that works on the sandbox at once.
//!
//! Nothing is ever overwritten: a file that is there, whatever is in it, is left and named. A second run is no error.
//! The workflow goes where the service reads it: to the root of the repository that the project is in. In a project
//! that is there already, `--ci` writes the workflow and nothing else: a sample would be applied.
#![expect(clippy::disallowed_methods, reason = "this writes the first files of a project")]

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::access::StatePlace;
use crate::cli::args::{Globals, InitArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::init::workflow::{Service, Subject};
use crate::cli::output::{self, Output};
use crate::cli::sink::DASH;
use crate::cli::surroundings;
use crate::json;
use crate::project::{self, FILE_NAMES, KeySource};
use crate::render::escape::escape;
use crate::render::init::{FileV1, json as json_of};
use crate::schema::{self, schema};
use crate::workspace::FileError;
use crate::workspace::manifests::read_bounded;
use crate::yaml;

pub mod workflow;

const GITIGNORE: &str = ".gitignore";

/// The files that are as they are in every project.
const FILES: [(&str, &str); 5] = [
    ("dixaform.yaml", include_str!("init/dixaform.yaml")),
    ("manifests/end-user.yaml", include_str!("init/end-user.yaml")),
    ("manifests/conversation.yaml", include_str!("init/conversation.yaml")),
    ("manifests/import.yaml", include_str!("init/import.yaml")),
    (GITIGNORE, include_str!("init/gitignore")),
];

/// The schemas that the files above name for editors.
const SCHEMAS: [(&str, schema::Subject); 2] = [
    (".dixaform/project.schema.json", schema::Subject::Project),
    (".dixaform/manifest.schema.json", schema::Subject::Manifest),
];

pub fn run(globals: &Globals, output: &Output, args: &InitArgs) -> Result<Exit, Error> {
    let root = match &globals.chdir {
        Some(folder) => folder.join(&args.folder),
        None => args.folder.clone(),
    };
    let forms = open(globals, args, &root)?;
    let mut done = Done::default();
    if args.ci.is_none() || project_file(&root).is_none() {
        write_starter(&root, args, &mut done)?;
    }
    write_workflow(&root, args, &mut done)?;
    forms.write(output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => done.told.clone(),
        ResultForm::Json => json_of(&done.files),
    })?;
    if args.ci.is_none() {
        output.note(&next(globals, args));
    }
    Ok(Exit::Done)
}

/// The forms of the result; a file of one is below `--chdir`, and is not one of the project's own.
fn open(globals: &Globals, args: &InitArgs, root: &Path) -> Result<Formats<ResultForm>, Error> {
    let mut formats = args.forms.format.clone();
    for file in formats.iter_mut().filter_map(|format| format.file.as_mut()).filter(|file| file.as_os_str() != DASH) {
        *file = globals.chdir.clone().unwrap_or_default().join(&*file);
    }
    let names = FILES.into_iter().map(|(name, _)| name).chain(SCHEMAS.map(|(name, _)| name)).chain(FILE_NAMES);
    Formats::open_beside(&formats, None, || names.map(|name| (root.join(name), "a file of the project")).collect())
}

/// What was done so far.
#[derive(Default)]
struct Done {
    /// A line for each file.
    told: String,
    files: Vec<FileV1>,
}

impl Done {
    /// Adds a file; `more` is said of it in words, in the place of what it lacks.
    fn file(&mut self, path: String, written: bool, lacks: Vec<String>, more: &str) {
        let done = if written { "wrote" } else { "left as it is:" };
        let says_all = lacks.is_empty() || !more.is_empty();
        let lacking = if says_all { String::new() } else { format!("; it lacks {}", lacks.join(" ")) };
        self.told.push_str(&format!("{done} {path}{}{more}\n", escape(&lacking)));
        self.files.push(FileV1 { path, written, lacks });
    }
}

/// The project file of a folder, if there is one.
fn project_file(root: &Path) -> Option<PathBuf> {
    FILE_NAMES.into_iter().map(|name| root.join(name)).find(|path| path.exists())
}

/// Writes the files of a project, and says of each what was done.
fn write_starter(root: &Path, args: &InitArgs, done: &mut Done) -> Result<(), FileError> {
    let schemas = SCHEMAS.map(|(name, subject)| (name, json::pretty(&schema(subject))));
    let schemas = schemas.iter().map(|(name, text)| (*name, text.as_str()));
    for (name, text) in FILES.into_iter().chain(schemas) {
        let [usual, other] = FILE_NAMES;
        let name = if name == usual && root.join(other).exists() { other } else { name };
        let path = root.join(name);
        let shown = args.folder.join(name);
        let shown = output::shown(shown.strip_prefix(".").unwrap_or(&shown));
        let written = write_new(&path, text)?;
        let lacks = if name == GITIGNORE && !written { lacking(&path, text) } else { Vec::new() };
        done.file(shown, written, lacks, "");
    }
    Ok(())
}

/// Whose workflow it is: the tenant that commands work on by default, or else the first that is not the sandbox. What
/// is wrong with a project file is for other commands to say.
fn subject(root: &Path, folder: String) -> Subject {
    let subject = Subject { folder, ..Subject::default() };
    let read = |path: PathBuf| {
        let bytes = read_bounded(&path, yaml::SIZE_LIMIT + 1).ok()?;
        project::read(&path.to_string_lossy().into(), &bytes).0
    };
    let Some(project) = project_file(root).and_then(read) else { return subject };
    let default = project.tenant(None).ok().filter(|tenant| !tenant.is_sandbox());
    let Some(tenant) = default.or_else(|| project.tenants.values().find(|tenant| !tenant.is_sandbox())) else {
        return subject;
    };
    let is_name = |name: &&String| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let token = match &tenant.key {
        KeySource::Environment(name) => Some(name).filter(is_name),
        KeySource::File(_) => None,
    };
    Subject {
        tenant: tenant.name.clone(),
        token: token.cloned().unwrap_or(subject.token),
        store: match &tenant.state {
            Some(StatePlace::Store(url)) => Some(url.kind),
            Some(StatePlace::File(_)) | None => None,
        },
        ..subject
    }
}

/// Writes the workflow. Outside of a repository the project is taken for the root of one to come.
fn write_workflow(root: &Path, args: &InitArgs, done: &mut Done) -> Result<(), FileError> {
    let service = args.ci.unwrap_or(Service::Github);
    let real = root.canonicalize().map_err(FileError::of(root, "find"))?;
    let top = surroundings::repository_root(&real).unwrap_or_else(|| real.clone());
    let below = real.strip_prefix(&top).unwrap_or(Path::new(""));
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let folder = parts.join("/");
    let place = if parts.is_empty() { "" } else { ", at the root of the repository" };
    let mut write = |name: &str, text: &str, lacks: Vec<String>, more: &str| {
        let shown = output::shown(&above(&args.folder, parts.len()).join(name));
        done.file(shown, write_new(&top.join(name), text)?, lacks, &format!("{place}{more}"));
        Ok::<_, FileError>(())
    };
    let text = workflow::text(service, &subject(&real, folder.clone()));
    write(&workflow::name(service, &folder), &text, Vec::new(), "")?;
    if service == Service::Github || folder.is_empty() {
        return Ok(());
    }
    // GitLab reads one file by itself.
    let including = workflow::including(&folder);
    let read = fs::read_to_string(top.join(workflow::INCLUDING)).unwrap_or_default();
    if read.is_empty() || read.contains(&workflow::name(service, &folder)) {
        return write(workflow::INCLUDING, &including, Vec::new(), "");
    }
    let lacks = including.lines().map(str::to_owned).collect();
    write(workflow::INCLUDING, &including, lacks, &format!("; add to it:\n{}", including.trim_end()))
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
fn lacking(path: &Path, wanted: &str) -> Vec<String> {
    let there = fs::read_to_string(path).unwrap_or_default();
    let rules = wanted.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rules.filter(|rule| !there.lines().any(|line| line.trim() == *rule)).map(str::to_owned).collect()
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
