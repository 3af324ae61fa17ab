//! Manifests from files, read and checked in parallel.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::session::{Session, report};
use crate::desired::Desired;
use crate::finding::{Excerpt, Finding, Findings, code};
use crate::manifest::{self, Reading};
use crate::source::Place;
use crate::workspace::manifests::{self, Found};
use crate::yaml;

/// Reads all manifests.
///
/// # Errors
/// A path that can't be read, or no manifest at all.
pub fn manifests(session: &Session, paths: &[PathBuf]) -> Result<(Desired, Findings), Error> {
    read_all(&find(session, paths)?)
}

/// Reads the manifests of these files.
///
/// # Errors
/// A file that can't be read, or no manifest at all.
pub fn read_all(found: &[Found]) -> Result<(Desired, Findings), Error> {
    let readings: Result<Vec<Reading>, Error> = found.par_iter().map(read).collect();
    let (desired, mut findings) = manifest::resolve(readings?);
    check_not_empty(desired.len(), &findings)?;
    show_lines(&mut findings);
    Ok((desired, findings))
}

/// Finds the files that hold manifests.
///
/// # Errors
/// A path that can't be read, or no file at all.
pub fn find(session: &Session, paths: &[PathBuf]) -> Result<Vec<Found>, Error> {
    let wanted = session.manifest_paths(paths);
    let found = manifests::find(&wanted).map_err(|problems| {
        let problems: Vec<Error> = problems.into_iter().map(Error::from).collect();
        let lines: Vec<String> = problems.iter().map(Error::message).collect();
        let error = Error::new(Exit::Failed, lines.join("\n       "));
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
    if !findings.has_errors() && manifests == 0 {
        return Err(Error::new(Exit::Failed, "no manifests: the files are empty")
            .hint("a manifest begins with `apiVersion: dixaform/v1`"));
    }
    Ok(())
}

/// Manifests that a plan can be made of: errors end the command, warnings are printed.
pub fn desired(session: &Session, paths: &[PathBuf], warnings_as_errors: bool) -> Result<Desired, Error> {
    let (desired, findings) = manifests(session, paths)?;
    check(session, &findings, warnings_as_errors)?;
    Ok(desired)
}

/// Prints findings, and ends the command where nothing can be planned because of them.
pub fn check(session: &Session, findings: &Findings, warnings_as_errors: bool) -> Result<(), Error> {
    report(findings, &session.output);
    if findings.has_errors() {
        return Err(Error::new(Exit::Failed, "the manifests have errors; nothing was planned"));
    }
    if warnings_as_errors && !findings.is_empty() {
        return Err(Error::new(Exit::Failed, "the manifests have warnings, and --warnings-as-errors is given"));
    }
    Ok(())
}

fn read(found: &Found) -> Result<Reading, Error> {
    let mut bytes = Vec::new();
    // One byte more than fits, so that the reader sees that the file is too large.
    found.read_into(&mut bytes, yaml::SIZE_LIMIT + 1).with_context(|| format!("can't read {}", found.name))?;
    Ok(manifest::read(&found.name, &bytes))
}

/// The lines of a file that is read already, or none where it is gone by now.
fn lines_of(file: &str) -> Vec<String> {
    let bytes = manifests::read_bounded(Path::new(file), yaml::SIZE_LIMIT);
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Gives findings that were made between files the line that they are about. Those of standard input stay without.
pub fn show_lines(findings: &mut Findings) {
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    for Finding { source, excerpt, code, .. } in findings.iter_mut() {
        // Of what was too large to be read, nothing is shown.
        if excerpt.is_some() || *code == code::TOO_LARGE {
            continue;
        }
        let lines = texts.entry(source.file.to_string()).or_insert_with_key(|file| lines_of(file));
        let Some(line) = lines.get(source.place.line as usize - 1) else { continue };
        let column = source.place.column as usize - 1;
        // Names and ids end at a blank, a comma, a colon or a brace.
        let word =
            line.chars().skip(column).take_while(|next| !next.is_whitespace() && !",:}]".contains(*next)).count();
        let end = Place { line: source.place.line, column: source.place.column + word.max(1) as u32 };
        *excerpt = Excerpt::of(line, source.place, end);
    }
}
