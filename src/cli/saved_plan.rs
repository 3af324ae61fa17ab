//! Saved plans: `plan --out`, `apply PLANFILE`, `show PLANFILE`.
#![expect(clippy::disallowed_methods, reason = "a plan file is a file")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::plan::{Plan, file_v1, staleness};
use crate::project::Tenant;
use crate::render::json_v1;
use crate::state::State;
use crate::workspace::atomic_file;

/// The largest plan file that is read, in bytes.
const SIZE_LIMIT: u64 = 1 << 30;

/// Whether the paths are one plan file, and not manifests.
pub fn is_one(paths: &[PathBuf]) -> bool {
    let [path] = paths else { return false };
    let mut start = Vec::new();
    let read = std::fs::File::open(path).map(|file| file.take(64).read_to_end(&mut start));
    matches!(read, Ok(Ok(_))) && start.starts_with(br#"{"format":"dixaform-plan/"#)
}

/// The saved plan, if the paths are one plan file.
pub fn given(paths: &[PathBuf]) -> Result<Option<Plan>, Error> {
    if is_one(paths) { read(&paths[0]).map(Some) } else { Ok(None) }
}

/// Reads a saved plan.
///
/// # Errors
/// No plan, one of a newer format, or one that was changed since it was saved.
pub fn read(path: &Path) -> Result<Plan, Error> {
    let failed =
        |what: String| Error::new(Exit::Failed, format!("the plan file {} can't be used: {what}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > SIZE_LIMIT {
        return Err(failed("it is larger than 1 GiB".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    file_v1::read(&text).map_err(|error| failed(error.to_string()).hint("make it again with `dixaform plan --out`"))
}

/// Saves a plan, readable by its owner only.
pub fn write(path: &Path, plan: &Plan) -> Result<(), Error> {
    atomic_file::replace(path, json_v1::plan(plan).as_bytes()).map_err(|error| Error::of(Exit::Failed, &error))
}

/// Refuses a plan that was made for another tenant or for another state than the one that is there now.
pub fn check(plan: Plan, state: &State, tenant: &Tenant) -> Result<Plan, Error> {
    let identity = tenant.identity();
    if plan.tenant.base_url != identity {
        let message =
            format!("the plan was made for {}, and the tenant `{}` is {identity}", plan.tenant.base_url, tenant.name);
        return Err(Error::new(Exit::Refused, message).hint("name the tenant that it was made for with --tenant"));
    }
    if let (Some(planned), Some(wanted)) = (&plan.tenant.organization_id, &tenant.organization_id)
        && planned != wanted
    {
        let message =
            format!("the plan was made for organization {planned}, and the tenant `{}` is {wanted}", tenant.name);
        return Err(Error::new(Exit::Refused, message));
    }
    match staleness(&plan, state) {
        None => Ok(plan),
        Some(changed) => {
            let message = format!("the plan is stale: {}", changed.join("\n  "));
            Err(Error::new(Exit::Refused, message).hint("nothing was sent; plan again"))
        }
    }
}
