//! `dixaform catalog`: what a tenant has that manifests can refer to, as a file beside its state.

use std::path::PathBuf;

use futures_util::future::try_join;

use crate::api::contract::{CallError, Read as _, ReadCatalog as _};
use crate::call::Call;
use crate::catalog::{Catalog, Organization, differences, file_v1};
use crate::cli::args::CatalogCommand;
use crate::cli::connection::{self, Connection};
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::{FormatArg, ResultForm};
use crate::cli::session::{OpenTenant, Session};
use crate::cli::state_access;
use crate::desired::Desired;
use crate::project::Tenant;
use crate::render::catalog as render;
use crate::workspace::atomic_file;
use crate::workspace::manifests::read_bounded;
use crate::yaml;

pub fn run(session: &Session, command: &CatalogCommand) -> Result<Exit, Error> {
    let open = session.open()?;
    match command {
        CatalogCommand::Pull { forms } => compare(&open, &forms.format, true),
        CatalogCommand::Diff { forms } => compare(&open, &forms.format, false),
    }
}

/// Reads the tenant, says what differs from its catalog, and saves it if that is asked for.
fn compare(open: &OpenTenant<'_>, format: &[FormatArg<ResultForm>], save: bool) -> Result<Exit, Error> {
    let OpenTenant { session, tenant, .. } = open;
    let forms = Formats::open(session, format, None, &[])?;
    let path = session.catalog_path(tenant);
    let before = read(session, tenant)?;
    if before.is_none() && !save {
        let message = format!("there is no catalog {} yet", path.display());
        return Err(Error::new(Exit::Failed, message).hint("`dixaform catalog pull` writes it"));
    }
    let state = state_access::look(open)?.state;
    let of_state = state.tenant.and_then(|tenant| tenant.organization_id);
    let of_catalog = before.as_ref().map(|catalog| catalog.organization.id.clone());
    let expected = tenant.organization_id.clone().or(of_state).or(of_catalog);
    connection::options(open)?;
    let now = connection::runtime()?.block_on(async {
        let connection = Connection::open(open, &Desired::default()).await?;
        let now = ask(&connection, expected.as_deref()).await;
        connection.close().await;
        now
    })?;
    let found = differences(&before.unwrap_or_default(), &now);
    if save {
        atomic_file::create_folder_of(&path)?;
        atomic_file::replace(&path, file_v1::text(&now).as_bytes())?;
    }
    let told = render::Told { tenant: &tenant.name, catalog: &now, path: &path.display().to_string(), saved: save };
    forms.write(&session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => render::text(&told, &found, &session.output.palette),
        ResultForm::Json => render::json(&told, &found),
    })?;
    Ok(Exit::Done)
}

/// Everything that a catalog holds, as the tenant has it now.
async fn ask(connection: &Connection, expected: Option<&str>) -> Result<Catalog, Error> {
    let api = connection.client.reader();
    let Some(organization) = connection.whose(expected).await? else {
        let message = "a catalog says whose it is, and this token can't read that (GET /v1/organization)";
        return Err(Error::new(Exit::Failed, message).hint("use a token whose user may read the organization"));
    };
    let failed = |call: Call| move |error: CallError| (call, error);
    let definitions = async { api.definitions().await.map_err(failed(Call::Definitions)) };
    let agents = async { api.agents().await.map_err(failed(Call::Agents)) };
    let queues = async { api.queues().await.map_err(failed(Call::Queues)) };
    let tags = async { api.tags().await.map_err(failed(Call::Tags)) };
    let endpoints = async { api.contact_endpoints().await.map_err(failed(Call::ContactEndpoints)) };
    let lists = try_join(try_join(definitions, agents), try_join(queues, try_join(tags, endpoints))).await;
    let ((attributes, agents), (queues, (tags, contact_endpoints))) = match lists {
        Ok(lists) => lists,
        Err((call, error)) => return Err(error).during(call),
    };
    let organization = Organization { id: organization.id, name: organization.name };
    Ok(Catalog { organization, attributes, agents, queues, tags, contact_endpoints }.sorted())
}

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
