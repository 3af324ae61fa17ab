//! Manifests from files, read and checked in parallel.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::catalog::{Catalog, file_v1};
use crate::cli::catalog_file;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::conversation::{Address, Kind};
use crate::desired::{Desired, Manifest};
use crate::digest::{Digest, Digester};
use crate::finding::{Excerpt, Finding, Findings, code};
use crate::manifest::{self, NoFile, Reading};
use crate::plan::moves::both_recorded;
use crate::project::Tenant;
use crate::source::{MadeOf, Place};
use crate::state::{Known, Lineage, Record, State};
use crate::values::Values;
use crate::workspace::manifests::{self, FindError, Found};
use crate::workspace::tables::{self, TableBytes};
use crate::yaml;

/// Reads all manifests. Those that some paths leave out may describe end users that the others name.
///
/// # Errors
/// A path that can't be read, or no manifest at all.
pub fn manifests(session: &Session, paths: &[PathBuf], tenants: Tenants<'_>) -> Result<(Desired, Findings), Error> {
    let files = Files { found: find(session, paths)?, digests: Vec::new(), tenants, project: session.folder() };
    let all: OnceLock<HashSet<Address>> = OnceLock::new();
    let is_left_out =
        |address: &Address| !paths.is_empty() && all.get_or_init(|| described(session, &files)).contains(address);
    read_all(&files, &Known::default(), &State::new(Lineage(uuid::Uuid::nil())), &is_left_out)
}

/// The manifests of the project as they name things: no catalog has put ids in the place of names. None if there are
/// none; those with errors are left out, which is said.
///
/// # Errors
/// A file that can't be read.
pub fn named(session: &Session, tenant: &Tenant) -> Result<Desired, Error> {
    let found = find(session, &[]).unwrap_or_default();
    let of = vec![Surroundings { values: &tenant.values, catalog: None }];
    let tenants = Tenants { of, to_review: Vec::new(), catalog: String::new() };
    let readings = found.par_iter().map(|found| parse(found, &tenants, session.folder()));
    let (desired, findings) = manifest::resolve(readings.collect::<Result<Vec<_>, Error>>()?);
    if findings.has_errors() {
        session.output.note(
            "warning: some manifests have errors, and the sandbox doesn't make up what they name; `dixaform validate` \
             shows them\n",
        );
    }
    Ok(desired)
}

/// The end users that all manifests of the project describe, as far as they can be read.
fn described(session: &Session, files: &Files<'_>) -> HashSet<Address> {
    let found = find(session, &[]).unwrap_or_default();
    let readings = found.par_iter().filter_map(|found| parse(found, &files.tenants, files.project).ok());
    let addresses = readings.flat_map_iter(|reading| reading.manifests).map(|manifest| manifest.address);
    addresses.filter(|address| address.kind == Kind::EndUser).collect()
}

/// The tenants that manifests are read for.
pub struct Tenants<'s> {
    /// What they are checked against; what is read is for the first.
    of: Vec<Surroundings<'s>>,
    /// The values of all tenants, if every manifest of the project is read, so that something can be said of them.
    to_review: Vec<&'s Values>,
    /// The text of the first one's catalog; empty if it has none. Each file is digested with it.
    catalog: String,
}

/// What is known of one tenant.
struct Surroundings<'s> {
    values: &'s Values,
    catalog: Option<Catalog>,
}

impl Surroundings<'_> {
    fn tenant(&self) -> manifest::Tenant<'_> {
        manifest::Tenant { values: self.values, catalog: self.catalog.as_ref() }
    }
}

impl<'s> Tenants<'s> {
    /// One tenant, or all of the project.
    ///
    /// # Errors
    /// A catalog that can't be used.
    pub fn new(session: &'s Session, tenant: Option<&'s Tenant>, paths: &[PathBuf]) -> Result<Self, Error> {
        let all = Tenants::meant(session);
        let to_review = all.iter().filter(|_| paths.is_empty()).map(|tenant| &tenant.values).collect();
        let of = tenant.map_or(all, |tenant| vec![tenant]).into_iter().map(|tenant| {
            let catalog = catalog_file::read(session, tenant)?;
            Ok(Surroundings { values: &tenant.values, catalog })
        });
        let of: Vec<Surroundings<'_>> = of.collect::<Result<_, Error>>()?;
        let catalog = of.first().and_then(|tenant| tenant.catalog.as_ref()).map(file_v1::text).unwrap_or_default();
        Ok(Tenants { of, to_review, catalog })
    }

    /// Those whose manifests the sandbox serves as a program of its own: the one that is named, or else all, without
    /// what their catalogs say, since the sandbox has another organization.
    ///
    /// # Errors
    /// A catalog that can't be used.
    pub fn of_sandbox(session: &'s Session, paths: &[PathBuf]) -> Result<Self, Error> {
        if let Some(tenant) = session.named_tenant()? {
            return Tenants::new(session, Some(tenant), paths);
        }
        let surroundings = |tenant: &'s Tenant| {
            let catalog = if tenant.is_sandbox() { catalog_file::read(session, tenant)? } else { None };
            Ok(Surroundings { values: &tenant.values, catalog })
        };
        let of: Vec<Surroundings<'_>> =
            Tenants::meant(session).into_iter().map(surroundings).collect::<Result<_, Error>>()?;
        Ok(Tenants { of, to_review: Vec::new(), catalog: String::new() })
    }

    /// The tenants that are checked if none is named. The sandbox always exists, and is meant only if the project file
    /// says something of it.
    fn meant(session: &'s Session) -> Vec<&'s Tenant> {
        let is_default = |tenant: &Tenant| session.project.default_tenant.as_deref() == Some(&*tenant.name);
        let is_meant = |tenant: &&Tenant| !tenant.is_sandbox() || !tenant.values.texts.is_empty() || is_default(tenant);
        let meant: Vec<&Tenant> = session.project.tenants.values().filter(is_meant).collect();
        if meant.is_empty() { session.project.tenants.values().collect() } else { meant }
    }

    /// # Errors
    /// The catalog of the tenant that is read for is one of another organization.
    fn check(&self, organization: Option<&str>) -> Result<(), Error> {
        let catalog = self.of.first().and_then(|tenant| tenant.catalog.as_ref());
        match (catalog, organization) {
            (Some(catalog), Some(expected)) => catalog_file::is_of(catalog, expected),
            _ => Ok(()),
        }
    }

    fn review(&self, used: &BTreeSet<String>) -> Vec<Finding> {
        let is_reviewed = |values: &&Values| self.to_review.iter().any(|other| other.tenant == values.tenant);
        // Of several tenants, each is asked for what it lacks.
        let others = if self.of.len() == 1 { &*self.to_review } else { &[] };
        let values = self.of.iter().map(|tenant| tenant.values).filter(is_reviewed);
        values.flat_map(|values| manifest::review_values(used, values, others)).collect()
    }

    /// The digest of all that the manifests of a file are made of.
    fn digest(&self, bytes: &[u8]) -> Digest {
        let mut digester = Digester::default();
        digester.update(bytes);
        digester.update(self.catalog.as_bytes());
        digester.finish()
    }
}

/// The files that hold manifests, and the digest of each file's bytes, or no digests if all of them are to be parsed.
pub struct Files<'s> {
    found: Vec<Found>,
    digests: Vec<Digest>,
    tenants: Tenants<'s>,
    /// The folder that tables are in.
    project: &'s Path,
}

impl<'s> Files<'s> {
    /// Reads all files for their digests, if there is a state that may know them. Standard input can't be read twice,
    /// so with it all are parsed.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn hashed(found: Vec<Found>, has_state: bool, tenants: Tenants<'s>, project: &'s Path) -> Result<Self, Error> {
        let mut digests = Vec::new();
        if has_state && found.iter().all(|found| found.path().is_some()) {
            let digest = |found| bytes(found).map(|bytes| tenants.digest(&bytes));
            digests = found.par_iter().map(digest).collect::<Result<_, Error>>()?;
        }
        Ok(Files { found, digests, tenants, project })
    }
}

/// Reads the manifests of these files, except files that the state knows to be unchanged and without findings.
fn read_all(
    files: &Files<'_>,
    known: &Known<'_>,
    state: &State,
    is_left_out: &dyn Fn(&Address) -> bool,
) -> Result<(Desired, Findings), Error> {
    let Files { found, digests, tenants, project } = files;
    let mut to_parse = Vec::new();
    let mut as_recorded = HashSet::new();
    for (index, found) in found.iter().enumerate() {
        match digests.get(index).and_then(|digest| known.addresses(&found.name, *digest)) {
            Some(addresses) => as_recorded.extend(addresses.iter().copied().cloned()),
            None => to_parse.push(found),
        }
    }
    let readings =
        to_parse.par_iter().map(|found| parse(found, tenants, project)).collect::<Result<Vec<_>, Error>>()?;
    let tables: BTreeSet<Arc<str>> = readings.iter().flat_map(|reading| &reading.tables).cloned().collect();
    let is_elsewhere = |address: &Address| {
        as_recorded.contains(address) || state.records.contains_key(address) || is_left_out(address)
    };
    let (desired, mut findings) = manifest::resolve_beside(readings, &is_elsewhere);
    if clash(&desired, &as_recorded, state) || findings.has_errors() && !as_recorded.is_empty() {
        // What is wrong with them shows when both are read.
        return read_all(files, &Known::default(), state, is_left_out);
    }
    if !findings.has_errors() {
        findings.extend(tenants.review(desired.values()));
        findings.sort();
    }
    let desired = desired.and_as_recorded(as_recorded).and_tables(tables);
    check_not_empty(desired.len(), &findings)?;
    show_lines(&mut findings, desired.tables());
    Ok((desired, findings))
}

fn parse(found: &Found, tenants: &Tenants<'_>, project: &Path) -> Result<Reading, Error> {
    let bytes = bytes(found)?;
    let Some((first, others)) = tenants.of.split_first() else { return Ok(Reading::default()) };
    let tables = |path: &str| table(found, path, project);
    let read = |tenant| manifest::read(&found.name, &bytes, tenant, &tables);
    let mut reading = read(first.tenant());
    let says_the_same =
        |other: &&Surroundings<'_>| reading.values.is_empty() && first.catalog.is_none() && other.catalog.is_none();
    let others: Vec<_> = others.iter().filter(|other| !says_the_same(other)).collect();
    let findings = others.iter().flat_map(|other| read(other.tenant()).findings);
    reading.findings.extend(findings.collect::<Vec<_>>());
    // What a table holds can change while the file that names it stays as it is.
    let is_whole = reading.values.is_empty() && reading.tables.is_empty();
    if is_whole && found.path().is_some() && reading.findings.is_empty() {
        let manifests = u32::try_from(reading.manifests.len()).unwrap_or(u32::MAX);
        // Of the bytes that were parsed: the file may have changed since it was hashed.
        let digest = tenants.digest(&bytes);
        reading.made_of = Some((Arc::clone(&found.name), MadeOf { digest, manifests }));
    }
    Ok(reading)
}

/// The addresses of what one file describes, whatever is wrong with it.
///
/// # Errors
/// It can't be read.
pub fn addresses(found: &Found, tenants: &Tenants<'_>, project: &Path) -> Result<Vec<Address>, Error> {
    let Reading { manifests, faulty, .. } = parse(found, tenants, project)?;
    let faulty = faulty.into_iter().map(|(address, _)| address);
    Ok(manifests.into_iter().map(|manifest| manifest.address).chain(faulty).collect())
}

/// The file that a set names.
fn table(found: &Found, path: &str, project: &Path) -> Result<manifest::File, NoFile> {
    match tables::read(found.path(), path, project, manifest::SIZE_LIMIT + 1) {
        Ok(TableBytes { name, bytes }) => Ok(manifest::File { name, bytes }),
        Err(error) => Err(NoFile { message: error.to_string(), hint: error.hint().to_owned() }),
    }
}

fn bytes(found: &Found) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // One byte more than fits, so that the reader sees that the file is too large.
    found.read_into(&mut bytes, yaml::SIZE_LIMIT + 1).with_context(|| format!("can't read {}", found.name))?;
    Ok(bytes)
}

/// Whether a manifest that was parsed has the address or the body of one that was not, or names its address as the one
/// that it had before: that is worth a finding.
fn clash(desired: &Desired, as_recorded: &HashSet<Address>, state: &State) -> bool {
    if desired.is_empty() || as_recorded.is_empty() {
        return false;
    }
    let body = |manifest: &Manifest| (manifest.address.kind, manifest.digests.content);
    let bodies: HashSet<(Kind, Digest)> = desired.iter().map(body).collect();
    if desired.iter().filter_map(Manifest::former).any(|former| as_recorded.contains(former)) {
        return true;
    }
    let clashes = |(address, record): (&Address, &Record)| {
        as_recorded.contains(address)
            && (desired.get(address).is_some() || bodies.contains(&(address.kind, record.content_digest)))
    };
    state.records.iter().any(clashes)
}

/// Finds the files that hold manifests.
///
/// # Errors
/// A path that can't be read, or no file at all.
pub fn find(session: &Session, paths: &[PathBuf]) -> Result<Vec<Found>, Error> {
    let wanted = session.manifest_paths(paths);
    let project = session.folder();
    // Who names a path has chosen it; the project file may be part of a change that is reviewed.
    for path in wanted.iter().filter(|path| paths.is_empty() && path.is_symlink()) {
        if let Some(target) = manifests::leads_out(path, &[project]) {
            return Err(FindError::LinkOut { path: path.clone(), target }.into());
        }
    }
    let found = manifests::find(&wanted, project).map_err(|problems| {
        let problems: Vec<Error> = problems.into_iter().map(Error::from).collect();
        let lines: Vec<String> = problems.iter().map(Error::message).collect();
        let error = Error::new(Exit::Failed, lines.join("\n       "));
        if paths.is_empty() && !session.has_project_file() {
            return error.hint(
                "there is no dixaform.yaml here: `dixaform init` writes a starter project; or name a file or folder of \
                               manifests",
            );
        }
        if paths.is_empty() {
            return error.hint("name a file or folder of manifests, or set `manifests` in dixaform.yaml");
        }
        problems.into_iter().flat_map(|problem| problem.hints).take(1).fold(error, Error::hint)
    })?;
    if found.is_empty() {
        let looked: Vec<_> = wanted.iter().map(|path| path.display().to_string()).collect();
        let message = format!("no manifests in {}", looked.join(", "));
        return Err(Error::new(Exit::Failed, message).hint("manifests are files ending in .yaml, .yml or .json"));
    }
    Ok(found)
}

/// # Errors
/// There is no manifest, and nothing is wrong that would explain it.
pub fn check_not_empty(manifests: usize, findings: &Findings) -> Result<(), Error> {
    let has_empty_table = findings.iter().any(|finding| finding.code == code::EMPTY_TABLE);
    if !findings.has_errors() && manifests == 0 && !has_empty_table {
        let names: Vec<&str> = findings.iter().map(|finding| &*finding.source.file).take(3).collect();
        let more = if findings.len() > names.len() { " and others" } else { "" };
        return Err(Error::new(Exit::Failed, format!("there are no manifests in {}{more}", names.join(", ")))
            .hint("a manifest begins with `apiVersion: dixaform/v1`"));
    }
    Ok(())
}

/// Manifests that a plan can be made of: errors end the command, warnings are printed. Files that `known` has, as they
/// are, are not parsed.
///
/// # Errors
/// A file that can't be read, no manifest at all, or findings that forbid to plan.
pub fn desired(
    session: &Session,
    files: &Files<'_>,
    known: &Known<'_>,
    state: &State,
    warnings_as_errors: bool,
) -> Result<Desired, Error> {
    files.tenants.check(state.tenant.as_ref().and_then(|tenant| tenant.organization_id.as_deref()))?;
    let (desired, findings) = read_all(files, known, state, &|_| false)?;
    check(session, &findings, warnings_as_errors)?;
    Ok(desired)
}

/// Ends the command where a record can't move, since its new address has one already.
pub fn check_moves(session: &Session, desired: &Desired, state: &State) -> Result<(), Error> {
    let mut findings = Findings::default();
    findings.extend(both_recorded(desired, state));
    show_lines(&mut findings, &BTreeSet::new());
    check(session, &findings, false)
}

/// Prints findings, and ends the command where nothing can be planned because of them.
pub fn check(session: &Session, findings: &Findings, warnings_as_errors: bool) -> Result<(), Error> {
    check_for(session, findings, "nothing was planned")?;
    if warnings_as_errors && !findings.is_empty() {
        let error = Error::new(Exit::Failed, "the manifests have warnings, and --warnings-as-errors is given");
        return Err(error.findings(findings));
    }
    Ok(())
}

/// Prints findings, and ends the command if some are errors; `left_undone` says what it has not done because of them.
pub fn check_for(session: &Session, findings: &Findings, left_undone: &str) -> Result<(), Error> {
    session.report(findings);
    if findings.has_errors() {
        let error = Error::new(Exit::Failed, format!("the manifests have errors; {left_undone}"));
        return Err(error.findings(findings));
    }
    Ok(())
}

/// The lines of a file that is read already, or none where it is gone by now.
fn lines_of(file: &str) -> Vec<String> {
    let bytes = manifests::read_bounded(Path::new(file), yaml::SIZE_LIMIT);
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Gives findings that were made between files the line that they are about, and those about a table the cell. Those of
/// standard input stay without.
pub fn show_lines(findings: &mut Findings, tables: &BTreeSet<Arc<str>>) {
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    for Finding { source, excerpt, code, .. } in findings.iter_mut() {
        // Of what was too large to be read, nothing is shown.
        if excerpt.is_some() || *code == code::TOO_LARGE {
            continue;
        }
        let lines = texts.entry(source.file.to_string()).or_insert_with_key(|file| lines_of(file));
        if tables.contains(&source.file) {
            *excerpt = manifest::cell(lines, source.place);
            continue;
        }
        let Some(line) = lines.get(source.place.line as usize - 1) else { continue };
        let column = source.place.column as usize - 1;
        // Names and ids end at a blank, a comma, a colon or a brace.
        let word =
            line.chars().skip(column).take_while(|next| !next.is_whitespace() && !",:}]".contains(*next)).count();
        let end = Place { line: source.place.line, column: source.place.column + word.max(1) as u32 };
        *excerpt = Excerpt::of(line, source.place, end);
    }
}
