//! Who runs this, and where.
#![expect(clippy::disallowed_methods, reason = "the edge where the environment is read")]

use std::path::{Path, PathBuf};

use crate::render::handed::is_commit;
use crate::render::review::Checkout;
use crate::workspace::manifests::read_bounded;

/// What CI services call the folder that they check a repository out to.
const JOB_FOLDERS: [&str; 2] = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"];

/// The name of the user: as the environment tells it or, in a container that sets nothing, as the system does. Never
/// empty.
pub fn user() -> String {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(set).or_else(system_user).unwrap_or_else(|| "unknown".into())
}

#[cfg(unix)]
fn system_user() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = our_metadata().ok()?.uid();
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(user_of(uid, &known).map_or_else(|| format!("uid {uid}"), str::to_owned))
}

#[cfg(not(unix))]
fn system_user() -> Option<String> {
    None
}

/// The name of a user id in the text of `/etc/passwd`.
#[cfg(unix)]
fn user_of(uid: u32, passwd: &str) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// What is ours: Linux tells it without making anything.
#[cfg(unix)]
fn our_metadata() -> std::io::Result<std::fs::Metadata> {
    Path::new("/proc/self").metadata().or_else(|_| tempfile::tempfile()?.metadata())
}

/// The name of this machine.
pub fn host() -> String {
    let from_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = from_kernel().or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into())
}

/// The working folder; empty if there is none any more.
pub fn working_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// The repository that the working folder is in: that of git, or else what the CI job has checked out. A job that
/// checks out to a folder of its own has the root there, and a `.git` above that of the job is another repository's.
pub fn checkout() -> Checkout {
    let Ok(folder) = std::env::current_dir() else { return Checkout::default() };
    let mut named = JOB_FOLDERS.iter().filter_map(|name| Path::new(&std::env::var_os(name)?).canonicalize().ok());
    let job = named.find(|job| folder.starts_with(job));
    let is_of_job = |root: &PathBuf| job.as_ref().is_none_or(|job| root.starts_with(job));
    let root = repository_root(&folder).filter(is_of_job).or(job);
    let Some(root) = root else { return Checkout::default() };
    let below = folder.strip_prefix(&root).unwrap_or(Path::new(""));
    let folder: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let root = root.to_string_lossy().trim_end_matches('/').to_owned();
    Checkout { root: Some(root), folder: folder.join("/") }
}

/// The commit that is checked out, where git keeps it as a plain file: in a job it does.
pub fn head() -> Option<String> {
    const HEAD_MAX: u64 = 4096;
    let git = repository_root(&std::env::current_dir().ok()?)?.join(".git");
    let read = |name: &str| {
        let bytes = read_bounded(&git.join(name), HEAD_MAX).ok()?;
        Some(String::from_utf8(bytes).ok()?.trim_end().to_owned())
    };
    let head = read("HEAD")?;
    let commit = match head.strip_prefix("ref: ") {
        Some(branch) if branch.starts_with("refs/heads/") && !branch.contains("..") => read(branch)?,
        Some(_) => return None,
        None => head,
    };
    is_commit(&commit).then_some(commit)
}

/// The nearest folder, from this absolute one upwards, that has a `.git`: a folder, or a file in a second working tree
/// and in a submodule.
pub fn repository_root(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Whether a file belongs to the user who runs this; where it is a link, both the link and the file.
#[cfg(unix)]
pub fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // Who we are is who owns what we make.
    let ours = our_metadata();
    let owners = [path.symlink_metadata(), path.metadata()];
    let is_ours = |ours: u32| owners.iter().all(|owner| owner.as_ref().is_ok_and(|owner| owner.uid() == ours));
    ours.is_ok_and(|ours| is_ours(ours.uid()))
}

/// There is no owner to compare.
#[cfg(not(unix))]
pub fn is_ours(_path: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_in_the_environment_is_looked_up() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n:x:7:7::/:\nbroken\nci:x:1000:1000::/home/ci:/bin/sh\n";
        assert_eq!(user_of(1000, passwd), Some("ci"));
        assert_eq!(user_of(7, passwd), None);
        assert_eq!(user_of(1, passwd), None);
        assert!(system_user().is_some_and(|name| !name.is_empty()));
    }
}
