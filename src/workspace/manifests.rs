//! Finds the files that hold manifests, and reads them up to a limit.
//!
//! A file that is named is taken whatever it is called. Folders are searched for `*.yaml`, `*.yml` and `*.json`,
//! without hidden files and folders, and without project files. Links are followed, but neither round in circles nor
//! out of the project. What is found is sorted by name, and a file that is reached twice is found once.
#![expect(clippy::disallowed_methods, reason = "manifests are files")]

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use ignore::{DirEntry, WalkBuilder, WalkState};
use rayon::slice::ParallelSliceMut as _;

use crate::hint::Hint;
use crate::workspace::file_error::FileError;

/// The path that stands for standard input, and the name that its text gets.
const STDIN: &str = "-";
const STDIN_NAME: &str = "<stdin>";

const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
const PROJECT_FILES: [&str; 2] = ["dixaform.yaml", "dixaform.yml"];

/// Room for most manifests, in bytes.
const LIKELY_SIZE: usize = 8 << 10;

/// More files and folders than this are not the manifests of anyone; somebody pointed at `/`.
const VISITED_MAX: usize = 1_000_000;

/// Something that holds manifests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// As findings show it: the path as it was given or walked to, with `/` between folders and without `./` in front.
    pub name: Arc<str>,
    pub input: Input,
}

/// Where the text comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// A file whose path is its name.
    Named,
    /// A file whose path is written otherwise than its name.
    File(PathBuf),
    /// It can be read once. This is what was read of it already.
    Stdin(Vec<u8>),
}

/// Why a path gave no manifests.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("`{}` does not exist", path.display())]
    Missing { path: PathBuf },
    #[error(transparent)]
    Unreadable(#[from] FileError),
    #[error("{} is a link out of the project, to {}", path.display(), target.display())]
    LinkOut { path: PathBuf, target: PathBuf },
    #[error("more than {VISITED_MAX} files and folders below {}", path.display())]
    TooMany { path: PathBuf },
}

impl Hint for FindError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            FindError::Missing { .. } => {
                Some("check the path; it is relative to the working folder, or to --chdir".into())
            }
            FindError::Unreadable(error) => error.hint(),
            FindError::LinkOut { .. } => {
                Some("its target is outside of the project: put a copy there, or name the target itself".into())
            }
            FindError::TooMany { .. } => Some("give the folder that holds the manifests".into()),
        }
    }
}

impl Found {
    fn file(name: String, path: &Path) -> Self {
        let input = if path.as_os_str() == name.as_str() { Input::Named } else { Input::File(path.to_owned()) };
        Found { name: name.into(), input }
    }

    /// Where it is; none for standard input.
    pub fn path(&self) -> Option<&Path> {
        match &self.input {
            Input::Named => Some(Path::new(&*self.name)),
            Input::File(path) => Some(path),
            Input::Stdin(_) => None,
        }
    }

    /// Appends up to `limit` bytes of it.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn read_into(&self, bytes: &mut Vec<u8>, limit: u64) -> io::Result<()> {
        match &self.input {
            Input::Named => read_into(bytes, Path::new(&*self.name), limit),
            Input::File(path) => read_into(bytes, path, limit),
            Input::Stdin(start) => start.chain(io::stdin().lock()).take(limit).read_to_end(bytes).map(drop),
        }
    }

    /// Puts what was read of standard input before the rest of it, if that is what this is.
    pub fn begin_with(&mut self, start: &[u8]) {
        if let Input::Stdin(read) = &mut self.input {
            read.extend_from_slice(start);
        }
    }
}

/// Up to `limit` bytes of a file.
///
/// # Errors
/// Those of the operating system.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(&mut bytes, path, limit)?;
    Ok(bytes)
}

/// Nothing is asked about the file first, which would take as long as reading it: nearly all are small.
fn read_into(bytes: &mut Vec<u8>, path: &Path, limit: u64) -> io::Result<()> {
    bytes.reserve(LIKELY_SIZE);
    File::open(path)?.take(limit).read_to_end(bytes).map(drop)
}

/// What these paths lead to, sorted by name. `-` is standard input. `project` is the folder that links may lead to;
/// those below a path may lead below the path as well.
///
/// # Errors
/// Every path that does not exist or can't be read, and every link out of the project, in the order of the paths given,
/// and below a folder in that of their names.
pub fn find(paths: &[PathBuf], project: &Path) -> Result<Vec<Found>, Vec<FindError>> {
    let mut search = Search { project, found: Vec::new(), errors: Vec::new(), visited: 0, has_links: false };
    for path in paths {
        search.path(path);
    }
    let Search { mut found, errors, has_links, .. } = search;
    if !errors.is_empty() {
        return Err(errors);
    }
    found.par_sort_unstable();
    // One folder without links in it holds every file once.
    if paths.len() > 1 || has_links {
        drop_repetitions(&mut found);
    }
    Ok(found)
}

fn drop_repetitions(found: &mut Vec<Found>) {
    let mut real_folders = HashMap::new();
    let mut seen = BTreeSet::new();
    found.retain(|found| seen.insert(found.path().map(|path| real_path(path, &mut real_folders))));
}

/// Where a path really leads, if that is in none of these folders. What leads nowhere is reported by others.
pub fn leads_out(path: &Path, folders: &[&Path]) -> Option<PathBuf> {
    let target = path.canonicalize().ok()?;
    let is_within = |folder: &&Path| folder.canonicalize().is_ok_and(|folder| target.starts_with(folder));
    (!folders.iter().any(is_within)).then_some(target)
}

struct Search<'p> {
    project: &'p Path,
    found: Vec<Found>,
    errors: Vec<FindError>,
    visited: usize,
    has_links: bool,
}

impl Search<'_> {
    fn path(&mut self, path: &Path) {
        if path.as_os_str() == STDIN {
            self.found.push(Found { name: STDIN_NAME.into(), input: Input::Stdin(Vec::new()) });
            return;
        }
        match path.metadata() {
            Ok(found) if found.is_dir() => self.folder(path),
            Ok(_) => {
                self.has_links |= path.is_symlink();
                self.found.push(Found::file(display_name(path), path));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.errors.push(FindError::Missing { path: path.to_owned() });
            }
            Err(error) => self.errors.push(FileError::of(path, "read")(error).into()),
        }
    }

    fn folder(&mut self, folder: &Path) {
        // Neither .gitignore nor its like have a say: what a reviewer sees in the folder is what is applied.
        let walk = WalkBuilder::new(folder)
            .standard_filters(false)
            .hidden(true)
            .follow_links(true)
            .threads(rayon::current_num_threads())
            .build_parallel();
        let (prefix, project) = (display_name(folder), self.project);
        let (visited, has_links) = (AtomicUsize::new(self.visited), AtomicBool::new(self.has_links));
        let (catch, caught) = channel();
        walk.run(|| {
            let (catch, prefix, visited, has_links) = (catch.clone(), &prefix, &visited, &has_links);
            Box::new(move |entry| {
                if visited.fetch_add(1, Ordering::Relaxed) >= VISITED_MAX {
                    return WalkState::Quit;
                }
                if entry.as_ref().is_ok_and(DirEntry::path_is_symlink) {
                    has_links.store(true, Ordering::Relaxed);
                }
                let met = match entry {
                    Ok(entry) if let Some(target) = link_out(&entry, &[folder, project]) => {
                        let _ = catch.send(Err(FindError::LinkOut { path: entry.into_path(), target }));
                        return WalkState::Skip;
                    }
                    Ok(entry) if is_manifest(&entry) => {
                        Some(Ok(Found::file(name_below(folder, prefix, entry.path()), entry.path())))
                    }
                    Ok(_) => None,
                    Err(error) => unreadable(error, folder).map(|error| Err(error.into())),
                };
                // The other end is there until the walk is over.
                let _ = met.map(|met| catch.send(met));
                WalkState::Continue
            })
        });
        drop(catch);
        self.has_links = has_links.into_inner();
        self.visited = visited.into_inner();
        if self.visited > VISITED_MAX {
            self.errors.push(FindError::TooMany { path: folder.to_owned() });
            return;
        }
        let mut errors = Vec::new();
        for met in caught {
            match met {
                Ok(found) => self.found.push(found),
                Err(error) => errors.push(error),
            }
        }
        errors.sort_by(|one, other| path_of(one).cmp(path_of(other)));
        self.errors.extend(errors);
    }
}

/// [`display_name`] of a path below a folder, whose own name, `prefix`, was looked at once.
fn name_below(folder: &Path, prefix: &str, path: &Path) -> String {
    match path.strip_prefix(folder).ok().and_then(Path::to_str) {
        Some(rest) if cfg!(unix) && !rest.is_empty() => {
            let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
            format!("{prefix}{slash}{rest}")
        }
        _ => display_name(path),
    }
}

/// Where an entry leads, if it is a link out of these folders to manifests or to a folder.
fn link_out(entry: &DirEntry, folders: &[&Path]) -> Option<PathBuf> {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    let matters = entry.depth() > 0 && entry.path_is_symlink() && (is_folder || is_manifest(entry));
    if matters { leads_out(entry.path(), folders) } else { None }
}

fn path_of(error: &FindError) -> &Path {
    match error {
        FindError::Missing { path } | FindError::LinkOut { path, .. } | FindError::TooMany { path } => path,
        FindError::Unreadable(error) => &error.path,
    }
}

fn is_manifest(entry: &DirEntry) -> bool {
    let path = entry.path();
    let is_project_file = entry.file_name().to_str().is_some_and(|name| PROJECT_FILES.contains(&name));
    entry.file_type().is_some_and(|kind| kind.is_file()) && has_manifest_ending(path) && !is_project_file
}

fn has_manifest_ending(path: &Path) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The error of a walk, when it is one: links in circles are not followed, and links to nowhere matter only where a
/// manifest is expected.
fn unreadable(error: ignore::Error, folder: &Path) -> Option<FileError> {
    let (path, source) = cause(error, folder.to_owned())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let is_broken_link = is_link && source.kind() != io::ErrorKind::PermissionDenied;
    if name.starts_with('.') || (is_broken_link && !has_manifest_ending(&path)) {
        return None;
    }
    Some(FileError::of(&path, "read")(source))
}

/// What the operating system said, and about what; none for a link in a circle.
fn cause(error: ignore::Error, path: PathBuf) -> Option<(PathBuf, io::Error)> {
    match error {
        ignore::Error::WithPath { path, err } => cause(*err, path),
        ignore::Error::WithDepth { depth: _, err } | ignore::Error::WithLineNumber { line: _, err } => {
            cause(*err, path)
        }
        ignore::Error::Io(source) => Some((path, source)),
        ignore::Error::Loop { .. } => None,
        other => Some((path, io::Error::other(other))),
    }
}

/// The path as findings show it.
pub fn display_name(path: &Path) -> String {
    let mut name = String::new();
    for part in path.components() {
        let part = match part {
            Component::CurDir => continue,
            Component::RootDir => {
                name.push('/');
                continue;
            }
            Component::Prefix(_) | Component::ParentDir | Component::Normal(_) => part.as_os_str().to_string_lossy(),
        };
        if !name.is_empty() && !name.ends_with('/') {
            name.push('/');
        }
        name.push_str(&part);
    }
    name
}

/// The path without links. Resolving is slow, so folders are resolved once.
fn real_path(path: &Path, real_folders: &mut HashMap<PathBuf, PathBuf>) -> PathBuf {
    let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if !is_link => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let real = real_folders
                .entry(folder.to_owned())
                .or_insert_with(|| folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
            real.join(name)
        }
        _ => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with these files, each holding its own path.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("inside")).expect("made");
            fs::write(path, file).expect("written");
        }
        folder
    }

    /// The names found, without the folder in front.
    fn names(folder: &Path, paths: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> =
            paths.iter().map(|path| if *path == "-" { path.into() } else { folder.join(path) }).collect();
        let front = format!("{}/", folder.display());
        let found = find(&paths, folder).expect("readable");
        found.iter().map(|found| found.name.strip_prefix(&front).unwrap_or(&found.name).to_owned()).collect()
    }

    #[test]
    fn folders_are_searched_for_manifests_and_nothing_else() {
        let folder = folder(&[
            "b.yaml",
            "a.yml",
            "deep/er/c.json",
            "dixaform.yaml",
            "deep/dixaform.yml",
            "notes.md",
            "yaml",
            ".hidden.yaml",
            ".git/d.yaml",
            ".gitignore",
            "x.yaml.tmp",
        ]);
        fs::write(folder.path().join(".gitignore"), "*.yaml\n").expect("written");
        fs::create_dir(folder.path().join("folder.yaml")).expect("made");
        assert_eq!(names(folder.path(), &["."]), ["a.yml", "b.yaml", "deep/er/c.json"]);
    }

    #[test]
    fn a_file_that_is_named_is_taken_whatever_it_is_called() {
        let folder = folder(&["dixaform.yaml", ".hidden/a.txt", "b.yaml"]);
        assert_eq!(
            names(folder.path(), &["dixaform.yaml", ".hidden/a.txt", ".hidden", "-"]),
            [".hidden/a.txt", "dixaform.yaml", "<stdin>"]
        );
    }

    #[test]
    fn a_file_that_is_reached_twice_is_found_once() {
        let folder = folder(&["deep/a.yaml", "b.yaml"]);
        let paths = [".", "deep", "deep/a.yaml", "deep/../deep/a.yaml", "./b.yaml", "-", "-"];
        assert_eq!(names(folder.path(), &paths).len(), 3);
    }

    #[test]
    fn every_path_that_does_not_exist_is_reported() {
        let folder = folder(&["a.yaml"]);
        let paths = ["missing", "a.yaml", "a.yaml/below", "gone.yaml"].map(|path| folder.path().join(path));
        let errors = find(&paths, folder.path()).expect_err("three are wrong");
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for (told, path) in told.iter().zip(["missing", "a.yaml/below", "gone.yaml"]) {
            assert!(told.contains(path), "{told}");
        }
        assert!(errors[0].hint().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let folder = folder(&["real/a.yaml", "other/b.yaml"]);
        let at = |path: &str| folder.path().join(path);
        symlink("..", at("real/round")).expect("linked");
        symlink("self", at("real/self")).expect("linked");
        symlink("../other", at("real/linked")).expect("linked");
        symlink("nowhere", at("real/broken")).expect("linked");
        symlink("nowhere", at("real/.#a.yaml")).expect("linked");
        assert_eq!(names(folder.path(), &["real"]), ["real/a.yaml", "real/linked/b.yaml"]);
        assert_eq!(names(folder.path(), &["."]).len(), 2, "the file behind the link is the other one");
        symlink("nowhere", at("real/c.yaml")).expect("linked");
        let errors = find(&[at("real")], folder.path()).expect_err("a manifest that is not there");
        assert!(errors[0].to_string().contains("c.yaml"), "{errors:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_project_is_refused_wherever_it_is() {
        use std::os::unix::fs::symlink;
        let outside = folder(&["secret.yaml", "more/b.yaml"]);
        let folder = folder(&["project/m/a.yaml", "project/other/c.yaml"]);
        let at = |path: &str| folder.path().join(path);
        symlink(outside.path().join("secret.yaml"), at("project/m/x.yaml")).expect("linked");
        symlink(outside.path().join("more"), at("project/m/more")).expect("linked");
        symlink("../other", at("project/m/other")).expect("linked");
        symlink(outside.path().join("secret.yaml"), at("project/m/notes.md")).expect("linked");
        let errors = find(&[at("project/m")], &at("project")).expect_err("two lead out");
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(told.len() == 2 && told[0].contains("more is a link out") && told[1].contains("x.yaml is a link out"));
        // Who names the target has chosen it.
        let named = [outside.path().to_owned(), at("project/m/x.yaml"), at("project/other")];
        assert_eq!(find(&named, &at("project")).expect("chosen").len(), 3);
        assert_eq!(leads_out(&at("project/m/other"), &[&at("project")]), None);
        assert!(leads_out(&at("project/m/more"), &[&at("project")]).is_some());
    }

    #[test]
    fn names_are_shown_as_they_were_typed_without_what_says_nothing() {
        for (path, name) in [
            ("./manifests/a.yaml", "manifests/a.yaml"),
            ("manifests//b/./a.yaml", "manifests/b/a.yaml"),
            ("../a.yaml", "../a.yaml"),
            ("/etc/a.yaml", "/etc/a.yaml"),
            ("a.yaml", "a.yaml"),
        ] {
            assert_eq!(display_name(Path::new(path)), name);
        }
    }

    #[test]
    fn a_file_is_read_whole_though_its_size_has_changed_since_it_was_found() {
        let folder = folder(&["12345"]);
        let path = folder.path().join("12345");
        let found = find(std::slice::from_ref(&path), folder.path()).expect("readable").remove(0);
        for content in ["", "1", "12345", "123456", &"x".repeat(10_000), &"y".repeat(1 << 20)] {
            fs::write(&path, content).expect("written");
            let mut bytes = Vec::new();
            found.read_into(&mut bytes, 1 << 20).expect("read");
            assert!(bytes == content.as_bytes(), "{} of {}", bytes.len(), content.len());
        }
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let folder = folder(&["12345"]);
        let path = folder.path().join("12345");
        assert_eq!(read_bounded(&path, 5).expect("read"), b"12345");
        assert_eq!(read_bounded(&path, 4).expect("read"), b"1234");
        // It never ends, and its length says nothing.
        #[cfg(unix)]
        assert_eq!(read_bounded(Path::new("/dev/zero"), 100_000).expect("read").len(), 100_000);
    }
}
