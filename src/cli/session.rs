//! What every command starts from: where it runs, the project and the tenant.
#![expect(clippy::disallowed_methods, reason = "commands begin at the edge: working folder, token")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::access::StatePlace;
use crate::api::{Gate, Token};
use crate::cli::args::Globals;
use crate::cli::ci::job::CiJob;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::store_access::StoreAccess;
use crate::cli::{project_file, secrets};
use crate::finding::Findings;
use crate::project::{self, KeySource, Project, Tenant};
use crate::render;
use crate::render::escape::escape;
use crate::render::state::Whose;
use crate::workspace::StateFiles;
use crate::workspace::manifests::read_bounded;
use crate::yaml;

/// The largest file that a token is read from, in bytes.
const KEY_FILE_MAX: u64 = 64 << 10;

/// The tenant that a command works on, with the files of its state.
#[derive(Clone, Debug)]
pub struct OpenTenant<'s> {
    pub session: &'s Session,
    pub tenant: &'s Tenant,
    /// Of a state in a store, what is kept here.
    pub files: StateFiles,
    /// Where the state is, if it is in a store.
    pub store: Option<Arc<StoreAccess>>,
}

impl OpenTenant<'_> {
    /// What messages call the state.
    pub fn state_name(&self) -> String {
        match &self.store {
            Some(store) => store.url.to_string(),
            None => self.files.state.display().to_string(),
        }
    }

    /// The same, safe to be shown.
    pub fn shown_state(&self) -> String {
        escape(&self.state_name()).into_owned()
    }

    /// What messages call the journal.
    pub fn journal_name(&self) -> String {
        match &self.store {
            Some(store) => format!("{}/log", store.url),
            None => self.files.journal.display().to_string(),
        }
    }

    /// Whether there is a state, as far as that is known without asking anybody.
    pub fn may_have_state(&self) -> bool {
        self.store.is_some() || self.files.state.exists()
    }

    /// What calls that write have to pass.
    pub fn gate(&self) -> Gate {
        self.store.as_ref().map_or_else(Gate::open, |store| store.gate())
    }
}

impl OpenTenant<'_> {
    /// What documents say of a state before they say what is in it.
    pub fn whose<'t>(&'t self, path: &'t str, serial: u64) -> Whose<'t> {
        Whose { tenant: &self.tenant.name, path, serial }
    }
}

/// The surroundings of a command.
#[derive(Debug)]
pub struct Session {
    pub output: Output,
    pub project: Project,
    /// The CI job that a plan or an apply runs in.
    pub ci: Option<CiJob>,
    /// The folder of the project file, relative to the working folder; empty when it is the same or there is none.
    root: PathBuf,
    has_project_file: bool,
    tenant: Option<String>,
    state: Option<PathBuf>,
}

impl Session {
    /// Prints findings, and notes them for the CI job that this runs in.
    pub fn report(&self, findings: &Findings) {
        report(findings, &self.output);
        if let Some(job) = &self.ci {
            job.note(findings);
        }
    }

    /// Goes to the working folder and reads the project file of it or of its parents. `all` says whether every finding
    /// is shown.
    ///
    /// # Errors
    /// No such folder, or a project file that can't be used.
    pub fn start(globals: &Globals, all: bool) -> Result<Self, Error> {
        let output = Output::new(globals).showing(all);
        Session::begin(globals, output, |findings| report(findings, &output))
    }

    /// [`Session::start`] that says nothing.
    ///
    /// # Errors
    /// As for [`Session::start`].
    pub fn silent(globals: &Globals) -> Result<Self, Error> {
        Session::begin(globals, Output::new(globals), |_| {})
    }

    fn begin(globals: &Globals, output: Output, tell: impl Fn(&Findings)) -> Result<Self, Error> {
        if let Some(folder) = &globals.chdir {
            std::env::set_current_dir(folder).with_context(|| format!("can't work in {}", folder.display()))?;
        }
        let nearest = project_file::nearest()?;
        let has_project_file = nearest.is_some();
        let (project, root) = match nearest {
            Some((path, root)) => (read(&path, tell)?, root),
            None => (Project::without_file(), PathBuf::new()),
        };
        secrets::keep_tokens_of(&project);
        let (tenant, state) = (globals.tenant.clone(), globals.state.clone());
        Ok(Session { output, project, ci: None, root, has_project_file, tenant, state })
    }

    /// The tenant that was asked for, or the default one. Nothing is read yet.
    ///
    /// # Errors
    /// The project file has no such tenant, or none where none was asked for; its state is a link that leads nowhere.
    pub fn open(&self) -> Result<OpenTenant<'_>, Error> {
        let tenant = self.project.tenant(self.tenant.as_deref())?;
        let (state, store) = match self.given_place()?.or_else(|| tenant.state.clone()) {
            Some(StatePlace::Store(url)) => {
                (self.default_state_path(tenant), Some(Arc::new(StoreAccess::new(url, tenant.state_store.clone()))))
            }
            _ => (self.state.clone().unwrap_or_else(|| self.state_path(tenant)), None),
        };
        Ok(OpenTenant { session: self, tenant, files: StateFiles::find(&state)?, store })
    }

    /// Where `--state` says that the state is.
    fn given_place(&self) -> Result<Option<StatePlace>, Error> {
        let Some(text) = self.state.as_ref().and_then(|path| path.to_str()) else {
            return Ok(None);
        };
        let hint = "a path, or s3://bucket/prefix, gs://bucket/prefix or az://container/prefix";
        let place = StatePlace::parse(text);
        place.map(Some).map_err(|error| Error::new(Exit::Usage, format!("--state: {error}")).hint(hint))
    }

    /// The tenant that was asked for by name; none if none was.
    ///
    /// # Errors
    /// The project has no such tenant.
    pub fn named_tenant(&self) -> Result<Option<&Tenant>, Error> {
        let named = self.tenant.as_deref();
        Ok(named.map(|name| self.project.tenant(Some(name))).transpose()?)
    }

    /// The name of the tenant that [`Session::open`] opens, if the project has it.
    pub fn tenant_name(&self) -> Option<&str> {
        self.project.tenant(self.tenant.as_deref()).ok().map(|tenant| tenant.name.as_str())
    }

    /// The folder of the project file, or the working folder.
    pub fn folder(&self) -> &Path {
        if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root }
    }

    /// Whether the working folder or one above it has a project file.
    pub fn has_project_file(&self) -> bool {
        self.has_project_file
    }

    /// The paths given, or those of the project.
    pub fn manifest_paths(&self, given: &[PathBuf]) -> Vec<PathBuf> {
        if given.is_empty() {
            return self.project.manifests.iter().map(|path| self.root.join(path)).collect();
        }
        given.to_vec()
    }

    /// The files that a project is read from and works on, beside its manifests, and what each is.
    pub fn own_files(&self) -> Vec<(PathBuf, &'static str)> {
        let mut files: Vec<_> =
            project::FILE_NAMES.iter().map(|name| (self.root.join(name), "the project file")).collect();
        for tenant in self.project.tenants.values() {
            if let KeySource::File(path) = &tenant.key {
                files.push((self.root.join(path), "the file of a token"));
            }
            files.push((self.catalog_path(tenant), "the catalog of a tenant"));
            let configured = self.state_path(tenant);
            for state in self.state.iter().chain([&configured]) {
                // Whoever uses it says why it can't be used.
                let StateFiles { state, journal, lock, backup, late } =
                    StateFiles::find(state).unwrap_or_else(|_| StateFiles::beside(state));
                files.extend([(journal, "the journal of a state"), (lock, "the lock of a state")]);
                files.extend([(backup, "the backup of a state"), (state, "a state")]);
                files.push((late, "what an earlier run has made"));
            }
        }
        files
    }

    /// Where the project keeps the state of a tenant.
    fn state_path(&self, tenant: &Tenant) -> PathBuf {
        match &tenant.state {
            Some(StatePlace::File(path)) => self.root.join(path),
            Some(StatePlace::Store(_)) | None => self.default_state_path(tenant),
        }
    }

    /// Where a tenant without a setting has its state, and one whose state is in a store what is kept here of it.
    fn default_state_path(&self, tenant: &Tenant) -> PathBuf {
        self.root.join("state").join(format!("{}.json", tenant.name))
    }

    /// Where the project keeps the catalog of a tenant.
    pub fn catalog_path(&self, tenant: &Tenant) -> PathBuf {
        match &tenant.catalog {
            Some(path) => self.root.join(path),
            None => self.root.join("state").join(format!("{}.catalog.json", tenant.name)),
        }
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
                let unreadable = |why: &dyn std::fmt::Display| {
                    let hint = "apiKeyFile names a file that holds the token and nothing else".to_owned();
                    missing(format!("no token: can't read {}: {why}", path.display()), hint)
                };
                let bytes = read_bounded(&path, KEY_FILE_MAX + 1).map_err(|error| unreadable(&error))?;
                if bytes.len() as u64 > KEY_FILE_MAX {
                    return Err(unreadable(&"it is larger than 64 KiB"));
                }
                String::from_utf8(bytes).map_err(|_| unreadable(&"it is not UTF-8"))?
            }
        };
        let token = Token::new(&text).map_err(|error| {
            let from = match &tenant.key {
                KeySource::Environment(name) => format!("the environment variable {name}"),
                KeySource::File(path) => format!("the file {path}"),
            };
            missing(error.to_string(), format!("it comes from {from}"))
        })?;
        if !tenant.is_sandbox() {
            secrets::keep(token.clone());
        }
        Ok(token)
    }
}

fn read(path: &Path, tell: impl Fn(&Findings)) -> Result<Project, Error> {
    let name: Arc<str> = Arc::from(path.to_string_lossy().as_ref());
    let bytes = read_bounded(path, yaml::SIZE_LIMIT + 1).with_context(|| format!("can't read {name}"))?;
    let (project, findings) = project::read(&name, &bytes);
    tell(&findings);
    let unusable = || Error::new(Exit::Failed, format!("the project file {name} can't be used"));
    project.ok_or_else(|| unusable().findings(&findings))
}

/// Prints findings where errors go.
pub fn report(findings: &Findings, output: &Output) {
    if findings.has_errors() {
        output.error_painted(&render::findings::findings(findings, output.all, &output.error_palette));
    } else if !findings.is_empty() {
        output.note_painted(&render::findings::findings(findings, output.all, &output.error_palette));
    }
}
