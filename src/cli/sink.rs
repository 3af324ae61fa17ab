//! Where an output goes: a stream, a file that is replaced as a whole, or a pipe or device that is written in place.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::reader::Reader;
use crate::cli::session::Session;
use crate::render::pieces::Pieces;
use crate::workspace::{FileError, atomic_file, manifests};

/// The path that stands for standard output.
pub const DASH: &str = "-";

const STDOUT: [&str; 4] = [DASH, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
const STDERR: [&str; 3] = ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"];

/// Where one output goes.
#[derive(Debug)]
pub enum Sink {
    Stdout,
    Stderr,
    File(PathBuf),
    /// A pipe or a device, open since before anything was done.
    InPlace(PathBuf, File),
}

impl Sink {
    /// The place that a path names. A file that a stream goes to already is that stream: it would be replaced under it.
    pub fn named(path: &Path) -> Self {
        let is_one = |names: &[&str]| names.iter().any(|name| path == Path::new(name));
        if is_one(&STDOUT) || is_stream(path, streams::stdout()) {
            Sink::Stdout
        } else if is_one(&STDERR) || is_stream(path, streams::stderr()) {
            Sink::Stderr
        } else {
            Sink::File(path.to_owned())
        }
    }

    /// The file that it is, unless it is a stream.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Sink::Stdout | Sink::Stderr => None,
            Sink::File(path) | Sink::InPlace(path, _) => Some(path),
        }
    }

    pub fn is_stdout(&self) -> bool {
        matches!(self, Sink::Stdout)
    }

    /// Opens what is written in place, and refuses what surely can't be written. A pipe waits here for its reader.
    ///
    /// # Errors
    /// Its folder is not there, it is a folder itself, or it can't be opened.
    pub fn open(self) -> Result<Self, Error> {
        let Sink::File(path) = self else { return Ok(self) };
        let refused = |problem: &str| {
            let message = format!("can't write {}: {problem}; nothing was sent", path.display());
            Err(Error::new(Exit::Failed, message))
        };
        if !atomic_file::folder_of(&path).is_dir() {
            return refused("its folder does not exist");
        }
        match path.metadata() {
            Ok(found) if found.is_dir() => refused("it is a folder"),
            Ok(found) if !found.is_file() => {
                let opened = OpenOptions::new().write(true).open(&path);
                opened.map_or_else(|error| refused(&error.to_string()), |file| Ok(Sink::InPlace(path.clone(), file)))
            }
            _ => Ok(Sink::File(path)),
        }
    }

    /// Writes all of it. A file that is made is readable by its owner only: it has what customers wrote in it.
    ///
    /// # Errors
    /// It can't be written. A reader of a pipe that has seen enough is no error.
    pub fn write(&self, output: &Output, mut pieces: Pieces<'_>, reader: Reader) -> Result<(), Error> {
        match self {
            Sink::Stdout => output.pieces(pieces, reader),
            Sink::Stderr => {
                output.pieces_to_stderr(pieces, reader);
                Ok(())
            }
            Sink::File(path) => {
                Ok(atomic_file::replace_with(path, |out| pieces.try_for_each(|piece| out.write_all(piece.as_bytes())))?)
            }
            Sink::InPlace(path, file) => {
                let mut file = io::BufWriter::new(file);
                let written = pieces.try_for_each(|piece| file.write_all(piece.as_bytes()));
                match written.and_then(|()| file.flush()) {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                        Err(FileError::of(path, "write")(error).into())
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// The files that dixaform reads, and what each is: states and what is beside them, project file, token, manifests.
pub fn files_read(session: &Session, paths: &[PathBuf]) -> Vec<(PathBuf, &'static str)> {
    let mut ours = session.own_files();
    for paths in [session.manifest_paths(paths), session.manifest_paths(&[])] {
        // Whoever reads them says what is wrong with them.
        let found = manifests::find(&paths, session.folder()).unwrap_or_default();
        ours.extend(found.iter().filter_map(|found| Some((found.path()?.to_owned(), "a manifest"))));
    }
    ours
}

/// Refuses outputs onto files that are ours.
///
/// # Errors
/// The first of them; nothing is written.
pub fn check_overwritten(sinks: &[Sink], ours: impl FnOnce() -> Vec<(PathBuf, &'static str)>) -> Result<(), Error> {
    let wanted: Vec<&Path> = sinks.iter().filter_map(Sink::path).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let outputs: Vec<(&Path, HashSet<Identity>)> =
        wanted.into_iter().map(|path| (path, Identity::all(path).collect())).collect();
    for (path, what) in ours() {
        for (output, known) in &outputs {
            if Identity::all(&path).any(|identity| known.contains(&identity)) {
                let message = format!("can't write {}: it is {what}; nothing was sent", output.display());
                return Err(Error::new(Exit::Failed, message).hint("give another file"));
            }
        }
    }
    Ok(())
}

/// Whether two paths name one file, which may not be there yet.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let known: HashSet<Identity> = Identity::all(one).collect();
    Identity::all(other).any(|identity| known.contains(&identity))
}

/// What two paths of one file have in common.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    /// The path without links, of a file that may not be there yet.
    Place(PathBuf),
    /// What the operating system calls a file, whatever its names are.
    #[cfg(unix)]
    Inode(u64, u64),
}

impl Identity {
    fn all(path: &Path) -> impl Iterator<Item = Self> {
        [Identity::place(path), Identity::file(path)].into_iter().flatten()
    }

    fn place(path: &Path) -> Option<Self> {
        let target = atomic_file::follow_links(path).ok()?;
        let folder = atomic_file::folder_of(&target).canonicalize().ok()?;
        Some(Identity::Place(folder.join(target.file_name()?)))
    }

    #[cfg(unix)]
    fn file(path: &Path) -> Option<Self> {
        path.metadata().ok().as_ref().map(Identity::of)
    }

    #[cfg(not(unix))]
    fn file(_path: &Path) -> Option<Self> {
        None
    }

    #[cfg(unix)]
    fn of(found: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Identity::Inode(found.dev(), found.ino())
    }
}

/// Whether a path is the regular file that a stream goes to.
#[cfg(unix)]
fn is_stream(path: &Path, stream: Option<std::fs::Metadata>) -> bool {
    stream.is_some_and(|stream| stream.is_file() && Identity::file(path) == Some(Identity::of(&stream)))
}

#[cfg(not(unix))]
fn is_stream(_path: &Path, _stream: Option<std::fs::Metadata>) -> bool {
    false
}

/// What the streams of this process are.
mod streams {
    use std::fs::Metadata;

    #[cfg(unix)]
    fn metadata(stream: impl std::os::fd::AsFd) -> Option<Metadata> {
        std::fs::File::from(stream.as_fd().try_clone_to_owned().ok()?).metadata().ok()
    }

    #[cfg(not(unix))]
    fn metadata<S>(_stream: S) -> Option<Metadata> {
        None
    }

    pub fn stdout() -> Option<Metadata> {
        metadata(std::io::stdout())
    }

    pub fn stderr() -> Option<Metadata> {
        metadata(std::io::stderr())
    }
}
