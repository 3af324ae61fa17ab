//! `--format`: several forms of one result, at most one of them on standard output.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::forms::FormatArg;
use crate::cli::session::Session;
use crate::render::pieces::Pieces;
use crate::workspace::atomic_file;

/// Where one form goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    ToStdout,
    ToFile,
}

/// Refuses what can't be written together, before anything is done.
///
/// # Errors
/// Two forms for standard output, or for one file.
pub fn check<F>(formats: &[FormatArg<F>]) -> Result<(), Error> {
    if formats.iter().filter(|format| format.file.is_none()).count() > 1 {
        return Err(Error::new(Exit::Usage, "only one --format can go to standard output")
            .hint("give the others a file: --format json=plan.json"));
    }
    let mut files: BTreeSet<&Path> = BTreeSet::new();
    for file in formats.iter().filter_map(|format| format.file.as_deref()) {
        if !files.insert(file) {
            return Err(Error::new(Exit::Usage, format!("two --format can't go to one file, {}", file.display())));
        }
    }
    Ok(())
}

/// Refuses files whose folder is not there, or that are no files, before anything is done.
///
/// # Errors
/// The first of them.
pub fn check_folders<F>(formats: &[FormatArg<F>]) -> Result<(), Error> {
    for file in formats.iter().filter_map(|format| format.file.as_deref()) {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let problem = match () {
            () if !folder.is_dir() => "its folder is not there",
            () if file.is_dir() => "it is a folder",
            () => continue,
        };
        let message = format!("can't write {}: {problem}; nothing was sent", file.display());
        return Err(Error::new(Exit::Failed, message));
    }
    Ok(())
}

/// Writes one form to a file, readable by its owner only: it has what customers wrote in it.
///
/// # Errors
/// The file can't be written.
pub fn save(path: &Path, text: &str) -> Result<(), Error> {
    Ok(atomic_file::replace(path, text.as_bytes())?)
}

/// [`save`] piece by piece.
///
/// # Errors
/// The file can't be written.
pub fn save_pieces(path: &Path, mut pieces: Pieces<'_>) -> Result<(), Error> {
    Ok(atomic_file::replace_with(path, |out| pieces.try_for_each(|piece| out.write_all(piece.as_bytes())))?)
}

/// Writes every form that was asked for, files before standard output, and readable by their owner only. Where none is
/// for standard output, `default` goes there.
///
/// # Errors
/// A file or the stream can't be written.
pub fn write<'p, F: Copy, P: Into<Pieces<'p>>>(
    session: &Session,
    formats: &[FormatArg<F>],
    default: F,
    render: impl Fn(F, Goes) -> P,
) -> Result<(), Error> {
    for FormatArg { form, file } in formats {
        if let Some(path) = file {
            save_pieces(path, render(*form, Goes::ToFile).into())?;
        }
    }
    let form = formats.iter().find(|format| format.file.is_none()).map_or(default, |format| format.form);
    session.output.pieces(render(form, Goes::ToStdout).into())
}
