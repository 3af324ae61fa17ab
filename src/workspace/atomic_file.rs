//! Replaces a file as a whole: whoever reads it, and whatever power failure comes, finds the old content or the new.
//!
//! A temporary file in the same folder is written, synced and renamed over the old one, and the folder is synced,
//! without which the rename may not outlive a crash. A link is followed to the file that it leads to, so that it stays
//! a link. Every file made here is readable by its owner only, whatever the old one was.
#![expect(clippy::disallowed_methods, reason = "this is where files are replaced, removed and synced")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::workspace::file_error::FileError;

/// The ending of temporary files. One that a killed process left behind can be deleted.
const TEMPORARY: &str = ".tmp";

/// More links than this in a row are taken for a loop, as Linux does.
const LINKS_MAX: usize = 40;

/// Replaces the content of `path` by `bytes`, or creates it. The folder must exist.
///
/// # Errors
/// The old file is as it was, and the temporary one is gone.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace_with(path, |file| file.write_all(bytes))
}

/// [`replace`] for content that is better not held in memory as a whole.
///
/// # Errors
/// The old file is as it was, and the temporary one is gone. Errors of `fill` count as errors of writing.
pub fn replace_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let target = follow_links(path).map_err(FileError::of(path, "write"))?;
    write_and_rename(&target, fill).map_err(FileError::of(&target, "write"))
}

fn write_and_rename(target: &Path, fill: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> io::Result<()> {
    if fs::metadata(target).is_ok_and(|old| !old.is_file()) {
        // Renaming over a device or a pipe would replace it by a file, which nobody means.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // Files of this crate are made with mode 0600.
    let mut file =
        tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(TEMPORARY).tempfile_in(folder_of(target))?;
    let mut out = BufWriter::new(file.as_file_mut());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(target).map_err(|failed| failed.error)?;
    sync_folder(folder_of(target))
}

/// Opens a file for reading and writing, and creates it for its owner only where there is none.
///
/// # Errors
/// Those of the operating system.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether a file that was opened by its path is the one that has that path now, and not by a link.
///
/// # Errors
/// Those of the operating system.
pub(crate) fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let ours = file.metadata()?;
        Ok(fs::symlink_metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())))
    }
    #[cfg(not(unix))]
    {
        // A file that is open can't be deleted there.
        let _ = (file, path);
        Ok(true)
    }
}

/// Creates the folder that `path` is in, and those above it, so that they survive a crash.
///
/// # Errors
/// A part of the path is not a folder, or can't be created.
pub fn create_folder_of(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path);
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    fs::create_dir_all(folder).map_err(FileError::of(folder, "create the folder"))?;
    for made in missing.into_iter().rev() {
        sync_folder(folder_of(made)).map_err(FileError::of(made, "sync the folder of"))?;
    }
    Ok(())
}

/// Removes a file that may be gone already, and lets that outlive a crash.
///
/// # Errors
/// Those of the operating system.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| sync_folder(folder_of(path))).map_err(FileError::of(path, "remove")),
    }
}

/// Makes what was created, renamed or removed in a folder outlive a crash.
///
/// # Errors
/// Those of the operating system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder can't be opened, and its entries are as safe as they get.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The folder that a path is in; `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// The path that a link, or a chain of links, leads to; it need not exist.
///
/// # Errors
/// The links lead in a circle.
pub(crate) fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links in a row"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        replace(&path, b"old, and longer").expect("written");
        replace(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_for_its_owner_only_whatever_it_was() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        replace(&path, b"new").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_can_not_be_written_leaves_the_old_file_and_no_temporary_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        replace(&path, b"old").expect("written");
        let full = |file: &mut BufWriter<&mut File>| {
            file.write_all(b"half of the n")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = replace_with(&path, full).expect_err("full");
        assert_eq!(error.to_string(), format!("can't write {}", path.display()));
        assert_eq!(error.hint().as_deref(), Some("free disk space"));
        assert_eq!(fs::read(&path).expect("there"), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_or_a_file_in_the_place_of_the_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        replace(folder.path(), b"").expect_err("a folder");
        let file = folder.path().join("file");
        replace(&file, b"").expect("written");
        create_folder_of(&file.join("a.json")).expect_err("a file");
        replace(&file.join("a.json"), b"").expect_err("a file");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_its_target_is_replaced_even_where_there_is_none_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("shared")).expect("made");
        let link = folder.path().join("a.json");
        std::os::unix::fs::symlink("shared/real.json", &link).expect("linked");
        for content in ["first", "second"] {
            replace(&link, content.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(folder.path().join("shared/real.json")).expect("there"), content);
            assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        }
        let round = folder.path().join("round");
        std::os::unix::fs::symlink("round", &round).expect("linked");
        replace(&round, b"").expect_err("a loop");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_never_replaced_by_a_file() {
        use std::os::unix::fs::FileTypeExt as _;
        replace(Path::new("/dev/null"), b"").expect_err("a device");
        assert!(fs::metadata("/dev/null").expect("there").file_type().is_char_device());
    }

    #[test]
    fn folders_are_made_as_deep_as_needed_and_removing_twice_is_no_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/c.json");
        create_folder_of(&path).expect("made");
        replace(&path, b"x").expect("written");
        remove(&path).expect("removed");
        remove(&path).expect("gone already");
        assert!(!path.exists());
    }
}
