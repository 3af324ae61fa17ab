//! Saved plans: `plan --out`, `apply PLANFILE`, `show PLANFILE`.
#![expect(clippy::disallowed_methods, reason = "a plan file is a file")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::cli::args::PlanningArgs;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::settling::HINT;
use crate::cli::sink::DASH;
use crate::cli::state_access::Taken;
use crate::plan::{Change, Plan, file_v1, staleness};
use crate::project::Tenant;

/// The largest plan file that is read, in bytes.
const SIZE_LIMIT: u64 = 1 << 30;

/// Enough of a file to see whether it is a plan, in bytes.
const START: u64 = 64;

/// What some editors put before a text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What an apply was given.
pub enum Given {
    Plan(Box<Plan>),
    /// With what was read of standard input to find out that it is no plan.
    Manifests(Vec<u8>),
}

/// The saved plan, if the paths are one plan file or `-` with a plan behind it, and not manifests.
///
/// Of other paths only a regular file is looked into: what is read of a pipe is gone from it, and manifests can come
/// through one.
pub fn given(paths: &[PathBuf]) -> Result<Given, Error> {
    let [path] = paths else { return Ok(Given::Manifests(Vec::new())) };
    let is_stdin = path == Path::new(DASH);
    let mut start = Vec::new();
    let looked = if is_stdin {
        std::io::stdin().lock().take(START).read_to_end(&mut start)
    } else if path.is_file() {
        std::fs::File::open(path).and_then(|file| file.take(START).read_to_end(&mut start))
    } else {
        Ok(0)
    };
    // Whoever reads it all says what is wrong with it.
    let text = start.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(&start);
    if looked.is_err() || !text.starts_with(br#"{"format":"dixaform-plan/"#) {
        return Ok(Given::Manifests(if is_stdin { start } else { Vec::new() }));
    }
    let start = if is_stdin { start } else { Vec::new() };
    read_on(path, &start).map(|plan| Given::Plan(Box::new(plan)))
}

/// Reads a saved plan; `-` is standard input.
///
/// # Errors
/// No plan, one of a newer format, or one that was changed since it was saved.
pub fn read(path: &Path) -> Result<Plan, Error> {
    read_on(path, &[])
}

/// [`read`] where the start of standard input was read before.
fn read_on(path: &Path, start: &[u8]) -> Result<Plan, Error> {
    let unusable = || format!("the plan file {} can't be used", path.display());
    let text = read_bounded(path, start).with_context(unusable)?;
    file_v1::read(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text)).during(unusable())
}

/// The whole file. Its length is not to be trusted: that of a device is 0, and it never ends.
fn read_bounded(path: &Path, start: &[u8]) -> anyhow::Result<String> {
    let mut text = String::new();
    let length = if path == Path::new(DASH) {
        start.chain(std::io::stdin().lock()).take(SIZE_LIMIT + 1).read_to_string(&mut text)?
    } else {
        std::fs::File::open(path)?.take(SIZE_LIMIT + 1).read_to_string(&mut text)?
    };
    ensure!(length as u64 <= SIZE_LIMIT, "it is larger than 1 GiB");
    Ok(text)
}

/// Refuses flags that say what to plan: a saved plan is applied as it is.
pub fn refuse_flags(args: &PlanningArgs) -> Result<(), Error> {
    let PlanningArgs {
        paths: _,
        target,
        exclude,
        selector,
        allow_replace,
        prune,
        refresh,
        verify,
        // These are of use for what is applied, and for what the tenant answers.
        max_changes: _,
        warnings_as_errors: _,
        all: _,
    } = args;
    let flags = [
        ("--target", !target.is_empty()),
        ("--exclude", !exclude.is_empty()),
        ("--selector", !selector.is_empty()),
        ("--allow-replace", *allow_replace),
        ("--prune", *prune),
        ("--refresh", *refresh),
        ("--verify", *verify),
    ];
    match flags.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            let message = format!("{flag} decides what is planned, and a saved plan is applied as it is");
            Err(Error::new(Exit::Usage, message).hint("give it to `dixaform plan --out`"))
        }
    }
}

/// Refuses a plan that was made for another tenant or for another state than the one that is there now.
pub fn check(mut plan: Plan, taken: &Taken, tenant: &Tenant) -> Result<Plan, Error> {
    let Taken { state, in_doubt, held, .. } = taken;
    if plan.tenant.name != tenant.name {
        let message = format!("the plan was made for the tenant `{}`, but this is `{}`", plan.tenant.name, tenant.name);
        return Err(Error::new(Exit::Refused, message).hint("name the tenant that it was made for with --tenant"));
    }
    let doubtful =
        |change: &&Change| in_doubt.iter().any(|doubt| change.addresses().any(|address| *address == doubt.address));
    if let Some(change) = plan.changes.iter().find(doubtful) {
        let message = format!("{} is in doubt, and the plan would send it again", change.address);
        return Err(Error::new(Exit::InDoubt, message).hint(HINT));
    }
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
        return Err(Error::new(Exit::Refused, message).hint("name the tenant that it was made for with --tenant"));
    }
    // A plan that knows no organization is still held against the one that the project file or the state names.
    let known = state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    plan.tenant.organization_id = plan.tenant.organization_id.or_else(|| tenant.organization_id.clone()).or(known);
    match staleness(&plan, state, held.seal()) {
        None => Ok(plan),
        Some(changed) => {
            let message = format!("the plan is stale: {}", changed.join("\n  "));
            Err(Error::new(Exit::Refused, message).hint("nothing was sent; plan again"))
        }
    }
}
