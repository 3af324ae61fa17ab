//! Where processes with the same token share its rate limit.
#![expect(clippy::disallowed_methods, reason = "the edge where the environment is read")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::{BaseUrl, SharedPace, Token};
use crate::project::Tenant;
use crate::workspace::PaceFile;

/// What goes by the same token on this machine; none for the embedded sandbox, whose server is its own, and where there
/// is no place for it, which is no reason not to apply.
pub fn shared(tenant: &Tenant, token: &Token) -> Option<Arc<dyn SharedPace>> {
    if tenant.is_sandbox() {
        return None;
    }
    let key = token.key(&BaseUrl::parse(&tenant.base_url).ok()?);
    match PaceFile::open(&pace_folder()?, &key, tenant.rate_limit) {
        Ok(file) => Some(file.into_shared()),
        Err(error) => {
            tracing::debug!("the rate limit is not shared with other processes: {error}: {}", error.source);
            None
        }
    }
}

/// A folder of this user on this machine, which may not exist yet: `$XDG_RUNTIME_DIR/dixaform`, or one beside the
/// temporary files with the user in its name.
pub fn pace_folder() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    match runtime {
        Some(folder) => Some(folder.join("dixaform")),
        None => beside_temporary_files(&std::env::temp_dir()),
    }
}

/// The environment may not know the user, but a file that we make does.
#[cfg(unix)]
fn beside_temporary_files(folder: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = tempfile::tempfile_in(folder).ok()?.metadata().ok()?.uid();
    Some(folder.join(format!("dixaform-{uid}")))
}

/// The folder for temporary files is the user's own.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there may be none")]
fn beside_temporary_files(folder: &Path) -> Option<PathBuf> {
    Some(folder.join("dixaform"))
}
