//! The file that keeps the data: JSON lines, appended, one write per committed mutation.
//!
//! A write is in the hands of the operating system before the request is answered, so killing the process loses
//! nothing that was answered. It is not synced: this is a sandbox, and a power cut may cost its last lines. A last
//! line that is not whole is dropped; damage anywhere else is an error. One process at a time holds the file's lock.

#![expect(clippy::disallowed_methods, reason = "the sandbox keeps its data in a file")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::sandbox::data_v1::{FORMAT, FORMAT_1, Header, Line};
use crate::sandbox::world::{Misfit, World};

/// How long to wait for another process to release the file: a run that was just killed may take a moment.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A body is 8 MiB at most, and is kept about twice; a longer line was not written by the sandbox.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What can be wrong with the data file.
#[derive(Debug, thiserror::Error)]
pub enum DataFileError {
    #[error("could not open {}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("could not read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("could not write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is in use by another process", path.display())]
    Locked { path: PathBuf },
    #[error("{} is not the data of a sandbox", path.display())]
    NotSandboxData { path: PathBuf },
    #[error("{} has the format `{found}`, but this version reads only `{FORMAT}` and `{FORMAT_1}`", path.display())]
    OtherFormat { path: PathBuf, found: String },
    #[error("{}:{line} is damaged", path.display())]
    Damaged { path: PathBuf, line: u64, source: serde_json::Error },
    #[error("{}:{line} does not follow from the lines before it", path.display())]
    Misfit { path: PathBuf, line: u64, source: Misfit },
    #[error("{}:{line} is too long", path.display())]
    LineTooLong { path: PathBuf, line: u64 },
}

/// The open file, locked until it is dropped.
#[derive(Debug)]
pub struct DataFile {
    file: File,
    /// The bytes of whole lines.
    length: u64,
    /// The file may end with part of a line that could not be removed. Nothing more is appended.
    torn: bool,
}

impl DataFile {
    /// Opens or creates the file, takes its lock, and applies every mutation in it to `world`.
    pub async fn open(path: &Path, world: &mut World) -> Result<Self, DataFileError> {
        let file = create_or_open(path).map_err(|source| DataFileError::Open { path: path.to_owned(), source })?;
        lock(&file, path).await?;
        let length = replay(&file, path, world)?;
        let mut data_file = DataFile { file, length, torn: false };
        let header = header_of(FORMAT);
        let written = data_file.file.set_len(length).and_then(|()| {
            // What is appended is of this format, so the file is from now on.
            if length > 0 { write_at_start(path, &header) } else { data_file.append_bytes(header) }
        });
        written.map_err(|source| DataFileError::Write { path: path.to_owned(), source })?;
        Ok(data_file)
    }

    /// Appends one mutation with one write. After an error the file is as it was before.
    pub fn append(&mut self, line: &Line) -> io::Result<()> {
        self.append_bytes(serde_json::to_vec(line)?)
    }

    fn append_bytes(&mut self, mut bytes: Vec<u8>) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::other("an earlier line was torn"));
        }
        bytes.push(b'\n');
        if let Err(error) = self.file.write_all(&bytes) {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// Opens a file for reading and appending, as [`open_private`] does; a folder that is missing is made.
pub fn create_or_open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    open_private(path)
}

/// Opens a file for reading and appending; a new one is readable by its owner only.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn header_of(format: &str) -> Vec<u8> {
    serde_json::to_vec(&Header { format: format.to_owned() }).unwrap_or_default()
}

/// The headers of all formats have as many bytes.
fn write_at_start(path: &Path, header: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(header)
}

async fn lock(file: &File, path: &Path) -> Result<(), DataFileError> {
    let give_up_at = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < give_up_at => sleep(LOCK_POLL).await,
            Err(TryLockError::WouldBlock) => return Err(DataFileError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(DataFileError::Open { path: path.to_owned(), source }),
        }
    }
}

/// Applies the lines to `world` and returns how many bytes of whole lines there are.
fn replay(file: &File, path: &Path, world: &mut World) -> Result<u64, DataFileError> {
    let here = || path.to_owned();
    let read_error = |source| DataFileError::Read { path: here(), source };
    let mut reader = BufReader::new(file);
    let mut whole_bytes = 0;
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).map_err(read_error)? as u64;
        let Some(text) = bytes.strip_suffix(b"\n") else {
            if read == LINE_BYTES_MAX {
                return Err(DataFileError::LineTooLong { path: here(), line });
            }
            // Either the end, or a torn line. A file that is not ours must not be mistaken for one with a torn first
            // line.
            let ours = line > 1 || [FORMAT, FORMAT_1].iter().any(|format| header_of(format).starts_with(&bytes));
            return if ours { Ok(whole_bytes) } else { Err(DataFileError::NotSandboxData { path: here() }) };
        };
        if line == 1 {
            check_header(text, path)?;
        } else {
            match serde_json::from_slice::<Line>(text) {
                Ok(mutation) => {
                    world.check(&mutation).map_err(|source| DataFileError::Misfit { path: here(), line, source })?;
                    world.apply(mutation);
                }
                Err(source) => {
                    let is_last = reader.fill_buf().map_err(read_error)?.is_empty();
                    let dropped = is_last && (source.is_syntax() || source.is_eof());
                    return if dropped {
                        Ok(whole_bytes)
                    } else {
                        Err(DataFileError::Damaged { path: here(), line, source })
                    };
                }
            }
        }
        whole_bytes += read;
    }
    Ok(whole_bytes)
}

fn check_header(text: &[u8], path: &Path) -> Result<(), DataFileError> {
    match serde_json::from_slice::<Header>(text) {
        Ok(Header { format }) if [FORMAT, FORMAT_1].contains(&format.as_str()) => Ok(()),
        Ok(Header { format }) => Err(DataFileError::OtherFormat { path: path.to_owned(), found: format }),
        Err(_) => Err(DataFileError::NotSandboxData { path: path.to_owned() }),
    }
}
