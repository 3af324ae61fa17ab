//! Who runs this, and where.
#![expect(clippy::disallowed_methods, reason = "the edge where the environment is read")]

use std::path::Path;

/// The name of the user, as far as the environment tells.
pub fn user() -> String {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "unknown".into())
}

/// The name of this machine.
pub fn host() -> String {
    let from_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = from_kernel().or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into())
}

/// Whether a file belongs to the user who runs this; where it is a link, both the link and the file.
#[cfg(unix)]
pub fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // Who we are is who owns what we make; Linux tells it without making anything.
    let ours = Path::new("/proc/self").metadata().or_else(|_| tempfile::tempfile()?.metadata());
    let owners = [path.symlink_metadata(), path.metadata()];
    let is_ours = |ours: u32| owners.iter().all(|owner| owner.as_ref().is_ok_and(|owner| owner.uid() == ours));
    ours.is_ok_and(|ours| is_ours(ours.uid()))
}

/// There is no owner to compare.
#[cfg(not(unix))]
pub fn is_ours(_path: &Path) -> bool {
    true
}
