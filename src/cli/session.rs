//! What every command starts from: where it runs, the project and the tenant.
#![expect(clippy::disallowed_methods, reason = "commands begin at the edge: working folder, project file, token")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::api::Token;
use crate::cli::args::Globals;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::finding::Findings;
use crate::project::{self, KeySource, Project, Tenant};
use crate::render;
use crate::workspace::StateFiles;

/// The tenant that a command works on, with the files of its state.
#[derive(Clone, Debug)]
pub struct OpenTenant<'s> {
    pub session: &'s Session,
    pub tenant: &'s Tenant,
    pub files: StateFiles,
}

/// The surroundings of a command.
#[derive(Debug)]
pub struct Session {
    pub output: Output,
    pub project: Project,
    /// The folder of the project file, relative to the working folder; empty when it is the same or there is none.
    root: PathBuf,
    tenant: Option<String>,
    state: Option<PathBuf>,
}

impl Session {
    /// Goes to the working folder and reads the project file of it or of its parents.
    ///
    /// # Errors
    /// No such folder, or a project file that is wrong; its findings are printed.
    pub fn start(globals: &Globals) -> Result<Self, Error> {
        let output = Output::new(globals);
        if let Some(folder) = &globals.chdir {
            std::env::set_current_dir(folder).with_context(|| format!("can't work in {}", folder.display()))?;
        }
        let (project, root) = match find_project_file() {
            Some((path, root)) => (read_project(&path, &output)?, root),
            None => (Project::without_file(), PathBuf::new()),
        };
        Ok(Session { output, project, root, tenant: globals.tenant.clone(), state: globals.state.clone() })
    }

    /// The tenant that was asked for, or the default one. Nothing is read yet.
    ///
    /// # Errors
    /// The project file has no such tenant, or none where none was asked for.
    pub fn open(&self) -> Result<OpenTenant<'_>, Error> {
        let tenant = self.project.tenant(self.tenant.as_deref())?;
        let state = match (&self.state, &tenant.state) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) => self.root.join(path),
            (None, None) => self.root.join("state").join(format!("{}.json", tenant.name)),
        };
        Ok(OpenTenant { session: self, tenant, files: StateFiles::beside(state) })
    }

    /// The paths given, or those of the project.
    pub fn manifest_paths(&self, given: &[PathBuf]) -> Vec<PathBuf> {
        if given.is_empty() {
            return self.project.manifests.iter().map(|path| self.root.join(path)).collect();
        }
        given.to_vec()
    }

    /// The token of a tenant. The sandbox takes any, and needs none to be set.
    ///
    /// # Errors
    /// It is not set, can't be read, or can't be a token; the message never holds it.
    pub fn token(&self, tenant: &Tenant) -> Result<Token, Error> {
        let missing = |message: String, hint: String| Error::new(Exit::Token, message).hint(hint);
        let text = match &tenant.key {
            _ if tenant.is_sandbox() => "sandbox".to_owned(),
            KeySource::Environment(name) => std::env::var(name).map_err(|_| {
                let hint =
                    "set it to the tenant's API token; plan and validate need none, and neither does --tenant sandbox";
                missing(format!("no token: the environment variable {name} is not set"), hint.to_owned())
            })?,
            KeySource::File(path) => {
                let path = self.root.join(path);
                std::fs::read_to_string(&path).map_err(|error| {
                    let hint = "apiKeyFile names a file that holds the token and nothing else".to_owned();
                    missing(format!("no token: can't read {}: {error}", path.display()), hint)
                })?
            }
        };
        Token::new(&text).map_err(|error| {
            let from = match &tenant.key {
                KeySource::Environment(name) => format!("the environment variable {name}"),
                KeySource::File(path) => format!("the file {path}"),
            };
            missing(error.to_string(), format!("it comes from {from}"))
        })
    }
}

/// The nearest project file and its folder, both relative to the working folder.
fn find_project_file() -> Option<(PathBuf, PathBuf)> {
    let depth = std::env::current_dir().ok()?.ancestors().count();
    let mut root = PathBuf::new();
    for _ in 0..depth {
        let path = root.join(project::FILE_NAME);
        if path.is_file() {
            return Some((path, root));
        }
        root.push("..");
    }
    None
}

fn read_project(path: &Path, output: &Output) -> Result<Project, Error> {
    let name: Arc<str> = Arc::from(path.to_string_lossy().as_ref());
    let bytes = std::fs::read(path).with_context(|| format!("can't read {name}"))?;
    let (project, findings) = project::read(&name, &bytes);
    report(&findings, output);
    project.ok_or_else(|| Error::new(Exit::Failed, format!("the project file {name} can't be used")))
}

/// Prints findings where errors go.
pub fn report(findings: &Findings, output: &Output) {
    if findings.has_errors() {
        output.error(&render::findings::findings(findings, &output.error_palette));
    } else if !findings.is_empty() {
        output.note(&render::findings::findings(findings, &output.error_palette));
    }
}
