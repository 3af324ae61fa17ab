//! A local memory of the manifests that were as their records had them, so that the next plan need not read them.
//!
//! For each such file the index has its [`Stamp`] and what its manifests say in short; for the state, its stamp and
//! where each record stands. It is never shared and can be deleted: it lies in a folder of its own beside the state,
//! which tells git to ignore it. What it says counts only for the very program that wrote it, and only as far as stamps
//! agree; a torn or foreign one counts as none.
//!
//! Two promises hold for every manifest in it: its file gave no finding, and its digests were those of its record.
#![expect(clippy::disallowed_methods, reason = "the index is a file")]

mod file_v1;

use std::fs;
use std::path::{Path, PathBuf};

use crate::conversation::Labels;
use crate::state::RecordOutline;
use crate::workspace::atomic_file;
use crate::workspace::file_error::FileError;
use crate::workspace::stamp::Stamp;
use crate::workspace::state_store::read_at_most;

pub use file_v1::{IndexedFile, IndexedManifest};

/// The folder beside a state that holds its index.
const FOLDER: &str = ".dixaform-index";

/// An index larger than this is none of ours: a hundred thousand manifests take about 20 MB.
const BYTES_MAX: u64 = 1 << 30;

/// Where the index of a state lies: `state/.dixaform-index/staging.index` for `state/staging.json`.
pub fn path_beside(state: &Path) -> PathBuf {
    let folder = state.parent().unwrap_or(Path::new("")).join(FOLDER);
    let name = state.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    folder.join(format!("{stem}.index"))
}

/// An index that was read and is whole.
#[derive(Debug)]
pub struct Index {
    bytes: Vec<u8>,
    parts: file_v1::Parts,
}

impl Index {
    /// The index of a state; none where there is none, or none that this program can trust.
    pub fn load(state: &Path) -> Option<Self> {
        let path = path_beside(state);
        // Opening a pipe would wait for whoever writes to it.
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let bytes = read_at_most(&path, BYTES_MAX).ok()??;
        let parts = file_v1::parts(&bytes, &writer())?;
        Some(Index { bytes, parts })
    }

    /// The stamp of the state for which stretches and digests hold; none when it was too young to be trusted.
    pub fn state(&self) -> Option<Stamp> {
        self.parts.state
    }

    /// Records of no manifest in the index.
    pub fn others(&self) -> Option<Vec<RecordOutline>> {
        file_v1::others(&self.bytes, &self.parts)
    }

    /// In ascending order of their names.
    pub fn files(&self) -> impl Iterator<Item = IndexedFile<'_>> {
        file_v1::files(&self.bytes, &self.parts)
    }
}

/// An index that is being made.
#[derive(Debug)]
pub struct IndexWriter(file_v1::Writer);

impl IndexWriter {
    pub fn new(state: Option<Stamp>) -> Self {
        IndexWriter(file_v1::Writer::new(&writer(), state))
    }

    /// Adds a file. Names come in ascending order.
    pub fn file<'l>(
        &mut self,
        name: &str,
        stamp: Stamp,
        manifests: impl IntoIterator<Item = (&'l RecordOutline, &'l Labels)>,
    ) {
        self.0.file(name, stamp, manifests);
    }

    /// Adds a file as it was in the index of the same state.
    pub fn same(&mut self, file: &IndexedFile<'_>) {
        self.0.same(file);
    }

    /// Puts the index in its place, with the records of no manifest in it.
    ///
    /// # Errors
    /// It can't be written, for example because the state lies on a disk that is read-only. The old one is as it was.
    pub fn save<'o>(self, state: &Path, others: impl IntoIterator<Item = &'o RecordOutline>) -> Result<(), FileError> {
        let path = path_beside(state);
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.exists() {
            fs::create_dir_all(folder).map_err(FileError::of(folder, "create the folder"))?;
        }
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            atomic_file::replace_unsynced(&ignore, b"# Made anew whenever it is missing.\n*\n")?;
        }
        atomic_file::replace_unsynced(&path, &self.0.finish(others))
    }
}

/// Names this program: another version, or another build of it, may find other things in the same file.
fn writer() -> String {
    let build = std::env::current_exe().ok().and_then(|program| build_of(&program)).unwrap_or_default();
    format!("{} {build}", env!("CARGO_PKG_VERSION"))
}

/// Tells one build from another. Size and time do not suffice: some build tools give the same time to all that they
/// make.
fn build_of(program: &Path) -> Option<String> {
    let Stamp { size, modified, changed, device, inode } = Stamp::of(&fs::metadata(program).ok()?)?;
    Some(format!("{size} {modified} {changed} {device} {inode}"))
}

#[cfg(test)]
mod tests;
