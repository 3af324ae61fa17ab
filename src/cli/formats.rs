//! `--format`: several forms of one result, at most one of them on standard output.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::args::FormatArg;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
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

/// Writes every form that was asked for, files before standard output, and readable by their owner only. Where none is
/// for standard output, `default` goes there.
///
/// # Errors
/// A file or the stream can't be written.
pub fn write<F: Copy>(
    session: &Session,
    formats: &[FormatArg<F>],
    default: F,
    render: impl Fn(F, Goes) -> String,
) -> Result<(), Error> {
    for FormatArg { form, file } in formats {
        if let Some(path) = file {
            atomic_file::replace(path, render(*form, Goes::ToFile).as_bytes())
                .map_err(|error| Error::of(Exit::Failed, &error))?;
        }
    }
    let form = formats.iter().find(|format| format.file.is_none()).map_or(default, |format| format.form);
    session.output.result(&render(form, Goes::ToStdout))
}
