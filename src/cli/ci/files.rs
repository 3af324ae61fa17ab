//! Files for later steps of a job. Some are named by the service, some are in the checkout, where whoever sent a change
//! may have put something else: no link is followed, and nothing but regular files is written to.
#![expect(clippy::disallowed_methods, reason = "the edge where files of a job are written")]

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::cli::error::Error;
use crate::cli::secrets::hidden;
use crate::workspace::{FileError, atomic_file};

/// An error about what is in a file's place.
fn unfit(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Bytes that can be added to a file until it has `most`.
pub fn room(path: &Path, most: usize) -> usize {
    let length = path.metadata().map_or(0, |found| found.len());
    most.saturating_sub(usize::try_from(length).unwrap_or(most))
}

/// Adds lines to a file that the service has made. Where that would make it larger than `most`, nothing is added: of a
/// summary that is too large nothing is shown.
///
/// # Errors
/// There is no such regular file, or it can't be written.
pub fn append(path: &Path, lines: &str, most: usize) -> Result<(), Error> {
    let failed = FileError::of(path, "write");
    if lines.len() >= room(path, most) {
        return Err(failed(unfit("it has no room left")).into());
    }
    Ok(append_to(path, &hidden(lines)).map_err(failed)?)
}

fn append_to(path: &Path, lines: &str) -> io::Result<()> {
    // Opening a pipe would wait for its reader.
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(unfit("it is not a regular file"));
    }
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    if !atomic_file::is_still(&file, path)? {
        return Err(unfit("it is not a regular file"));
    }
    // A step may have written half a line before.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let lines = if last == *b"\n" { lines.to_owned() } else { format!("\n{lines}") };
    file.write_all(lines.as_bytes())
}

/// Writes a file of a folder of ours, which is made if it is not there. What is in the file's place is replaced, and a
/// link itself rather than what it leads to.
///
/// # Errors
/// A part of the folder's path is a link or a file, or the file can't be written.
pub fn write(folder: &Path, name: &str, text: &str) -> Result<(), Error> {
    let file = folder.join(name);
    let parts: Vec<&Path> = folder.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
    for part in parts.into_iter().rev() {
        match fs::symlink_metadata(part) {
            Ok(found) if !found.is_dir() => {
                return Err(FileError::of(part, "write to")(unfit("it is no folder")).into());
            }
            Ok(_) => {}
            Err(_) => fs::create_dir(part).map_err(FileError::of(part, "create the folder"))?,
        }
    }
    if fs::symlink_metadata(&file).is_ok_and(|found| !found.is_dir()) {
        fs::remove_file(&file).map_err(FileError::of(&file, "replace"))?;
    }
    Ok(atomic_file::replace(&file, hidden(text).as_bytes())?)
}
