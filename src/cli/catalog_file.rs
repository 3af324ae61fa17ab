//! The file that holds the catalog of a tenant.

use std::path::PathBuf;

use crate::catalog::{Catalog, Organization, file_v1};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::project::Tenant;
use crate::workspace::manifests::read_bounded;
use crate::yaml;

/// The catalog of a tenant, if it has one.
///
/// # Errors
/// It can't be read, is no catalog, or is one of another organization than the project file names.
pub fn read(session: &Session, tenant: &Tenant) -> Result<Option<Catalog>, Error> {
    let path: PathBuf = session.catalog_path(tenant);
    let bytes = match read_bounded(&path, yaml::SIZE_LIMIT + 1) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // Where there is no folder, there is no file; whoever needs the folder says what is wrong with it.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => {
            let message = format!("can't read the catalog {}: {error}", path.display());
            return Err(
                Error::new(Exit::Failed, message).hint("check the file, or set the tenant's `catalog` to another one")
            );
        }
    };
    let unusable = |why: &dyn std::fmt::Display| {
        let message = format!("the catalog {} can't be used: {why}", path.display());
        Error::new(Exit::Failed, message).hint("move it away, and write it again: dixaform catalog pull")
    };
    if bytes.len() as u64 > yaml::SIZE_LIMIT {
        return Err(unusable(&"it is larger than 16 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable(&"it is not UTF-8"))?;
    let catalog = file_v1::read(text).map_err(|error| unusable(&error))?;
    if let Some(expected) = &tenant.organization_id {
        is_of(&catalog, expected)?;
    }
    Ok(Some(catalog))
}

/// # Errors
/// The catalog is that of another organization.
pub fn is_of(catalog: &Catalog, expected: &str) -> Result<(), Error> {
    let Organization { id, name } = &catalog.organization;
    if id == expected {
        return Ok(());
    }
    let message = format!("the catalog belongs to organization {id} (\"{name}\"), but {expected} is expected");
    Err(Error::new(Exit::Refused, message).hint("move it away, and write it again: dixaform catalog pull"))
}
