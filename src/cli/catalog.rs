//! `dixaform catalog`: what a tenant has that manifests can refer to, as a file beside its state.

use std::collections::BTreeSet;

use futures_util::future::try_join;

use crate::api::contract::{CallError, Read as _, ReadCatalog as _};
use crate::call::Call;
use crate::catalog::{Catalog, Organization, differences, file_v1};
use crate::cli::args::CatalogCommand;
use crate::cli::catalog_file;
use crate::cli::connection::{self, Connection};
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::{FormatArg, ResultForm};
use crate::cli::load;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::state_access;
use crate::desired::Desired;
use crate::handling::{ASSIGNEE, QUEUE};
use crate::name::{self, Name};
use crate::render::catalog as render;
use crate::shape::Thing;
use crate::workspace::atomic_file;

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
    let before = catalog_file::read(session, tenant)?;
    if before.is_none() && !save {
        let message = format!("there is no catalog {} yet", path.display());
        return Err(Error::new(Exit::Failed, message).hint("`dixaform catalog pull` writes it"));
    }
    let state = state_access::look(open)?.state;
    let of_state = state.tenant.and_then(|tenant| tenant.organization_id);
    let of_catalog = before.as_ref().map(|catalog| catalog.organization.id.clone());
    let expected = tenant.organization_id.clone().or(of_state).or(of_catalog);
    connection::options(open)?;
    let desired = if tenant.is_sandbox() { load::named(session, tenant)? } else { Desired::default() };
    let now = connection::runtime()?.block_on(async {
        let connection = Connection::open(open, &desired).await?;
        let now = match have_made_up(&connection, &desired).await {
            Ok(()) => ask(&connection, expected.as_deref()).await,
            Err(error) => Err(error),
        };
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

/// Asks the sandbox for the agents and queues that manifests name, since it makes up what it is asked for: an apply
/// does the same, but finds no names that the catalog does not have.
async fn have_made_up(sandbox: &Connection, desired: &Desired) -> Result<(), Error> {
    let (mut emails, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for manifest in desired.iter() {
        emails.extend(manifest.names.keys().filter_map(|name| match name {
            Name::Agent(email) => Some(email.clone()),
            _ => None,
        }));
        ids.extend(name::ids_in(manifest.spec.conversation()));
        let handling = manifest.spec.handling();
        let id = |(member, thing)| Some((thing, handling.member(member)?.as_str()?.to_owned()));
        ids.extend([(QUEUE, Thing::Queue), (ASSIGNEE, Thing::Agent)].into_iter().filter_map(id));
    }
    let api = sandbox.client.reader();
    for email in emails {
        api.agents_by(&email).await.during(Call::AgentsBy(email))?;
    }
    let calls = ids.into_iter().filter_map(|(thing, id)| match thing {
        Thing::Agent => Some(Call::Agent(id)),
        Thing::Queue => Some(Call::Queue(id)),
        Thing::EndUser => None,
    });
    for call in calls {
        api.is_there(&call).await.during(call)?;
    }
    Ok(())
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
