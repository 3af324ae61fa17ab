//! The way to a tenant: the embedded sandbox where it is one, and the client.

use anyhow::Context as _;

use crate::api::contract::{Organization, Read as _};
use crate::api::{HttpClient, HttpOptions};
use crate::call::Call;
use crate::cli::embedded::Embedded;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::session::OpenTenant;
use crate::desired::Desired;
use crate::sandbox::FaultPlan;

/// An open way to a tenant.
#[derive(Debug)]
pub struct Connection {
    pub client: HttpClient,
    embedded: Option<Embedded>,
}

impl Connection {
    /// Looks for the token, and starts the sandbox if that is the tenant. Nothing is sent yet.
    ///
    /// # Errors
    /// No token, no sandbox, or a base URL that can't be used.
    pub async fn open(open: &OpenTenant<'_>, desired: &Desired) -> Result<Self, Error> {
        Connection::open_with_faults(open, desired, None).await
    }

    /// As [`Connection::open`]; `faults` are those of the sandbox, and of no meaning for another tenant.
    pub async fn open_with_faults(
        open: &OpenTenant<'_>,
        desired: &Desired,
        faults: Option<FaultPlan>,
    ) -> Result<Self, Error> {
        let mut options = options(open)?;
        let mut embedded = None;
        if open.tenant.is_sandbox() {
            let sandbox = Embedded::start(open, desired, faults).await?;
            options.base_url = sandbox.base_url();
            embedded = Some(sandbox);
        }
        let client = HttpClient::new(options)?;
        Ok(Connection { client, embedded })
    }

    /// Whose tenant it is; refuses another one than expected.
    pub async fn organization(&self, expected: Option<&str>) -> Result<Organization, Error> {
        let organization = self.client.reader().organization().await.during(Call::Organization)?;
        match expected {
            Some(expected) if expected != organization.id => Err(other_organization(expected, &organization)),
            _ => Ok(organization),
        }
    }

    /// Stops the sandbox, if there is one.
    pub async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// Checks that there is a token, before anybody is asked anything.
pub fn options(open: &OpenTenant<'_>) -> Result<HttpOptions, Error> {
    let OpenTenant { session, tenant, .. } = open;
    let token = session.token(tenant)?;
    Ok(HttpOptions {
        base_url: tenant.base_url.clone(),
        token,
        auth_scheme: tenant.auth_scheme,
        timeout: tenant.request_timeout,
        rate: tenant.rate_limit,
        user_agent: concat!("dixaform/", env!("CARGO_PKG_VERSION")).into(),
    })
}

pub fn other_organization(expected: &str, found: &Organization) -> Error {
    let Organization { id, name } = found;
    Error::new(Exit::Refused, format!("the token belongs to organization {id} (\"{name}\"), and {expected} is meant"))
        .hint("nothing was changed; use the token of the tenant that the state was made for")
}

/// The runtime that commands with a network run on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    Ok(runtime.context("can't start")?)
}
