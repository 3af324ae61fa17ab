//! The way to a tenant: the embedded sandbox where it is one, and the client.

use std::cell::OnceCell;
use std::time::Duration;

use anyhow::Context as _;

use crate::api::contract::Organization;
use crate::api::{HttpClient, HttpOptions};
use crate::apply::Patience;
use crate::apply::names::Asked;
use crate::apply::preflight::{self, Lacking, PreflightError};
use crate::cli::clock::SystemClock;
use crate::cli::embedded::Embedded;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::session::OpenTenant;
use crate::desired::Desired;
use crate::handling;
use crate::project::Tenant;
use crate::render::number::counted;
use crate::sandbox::FaultPlan;

/// An open way to a tenant.
#[derive(Debug)]
pub struct Connection {
    pub client: HttpClient,
    output: Output,
    /// How long it takes to believe that a call in doubt made nothing.
    pub patience: Patience,
    embedded: Option<Embedded>,
    /// Whose tenant it is, once that was asked; none where the tenant doesn't say.
    organization: OnceCell<Option<Organization>>,
    /// What names stand for, as far as this command has asked.
    pub asked: tokio::sync::Mutex<Asked>,
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
        let Tenant { settle, request_timeout, .. } = *open.tenant;
        let mut patience = Patience { settle, request_timeout, alone: Patience::ALONE };
        let mut embedded = None;
        if open.tenant.is_sandbox() {
            // How late it can be is known: it is ours, and ends with this process.
            let latest = faults.as_ref().map_or(Duration::ZERO, FaultPlan::latest);
            patience = Patience { request_timeout: latest, alone: latest.saturating_add(settle), ..patience };
            let sandbox = Embedded::start(open, desired, faults).await?;
            options.base_url = sandbox.base_url();
            embedded = Some(sandbox);
        }
        let client = HttpClient::gated(options, open.gate())?;
        let organization = OnceCell::new();
        let asked = tokio::sync::Mutex::default();
        Ok(Connection { client, output: open.session.output, patience, embedded, organization, asked })
    }

    /// Whose tenant it is, if the tenant says so; refuses another one than expected.
    pub async fn whose(&self, expected: Option<&str>) -> Result<Option<Organization>, Error> {
        preflight::organization(&self.client.reader(), expected).await.map_err(not_this_tenant)
    }

    /// [`Connection::whose`], asked once in a command, with a warning where the tenant doesn't say.
    pub async fn organization(&self, expected: Option<&str>) -> Result<Option<Organization>, Error> {
        if let Some(known) = self.organization.get().filter(|known| known.is_some() || expected.is_none()) {
            let checked = known.clone().map(|known| preflight::is_expected(known, expected)).transpose();
            return checked.map_err(not_this_tenant);
        }
        let found = self.whose(expected).await?;
        if found.is_none() {
            self.output.note(
                "warning: this token can't read whose tenant this is (GET /v1/organization): nothing keeps you from \
                 the wrong one\n",
            );
        }
        Ok(self.organization.get_or_init(|| found).clone())
    }

    /// Whether the tenant was asked already whose it is.
    pub fn has_asked_for_organization(&self) -> bool {
        self.organization.get().is_some()
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

/// Why a tenant is not the one that is meant, or can't be asked.
pub fn not_this_tenant(error: PreflightError) -> Error {
    let refused = |message| {
        let hint = "nothing was changed; use the token of the tenant that the state was made for";
        Error::new(Exit::Refused, message).hint(hint)
    };
    match error {
        PreflightError::Call(call, error) => Error::from(error).context(call),
        PreflightError::OtherOrganization { expected, found: Organization { id, name } } => {
            refused(format!("the token belongs to organization {id} (\"{name}\"), but {expected} is expected"))
        }
        PreflightError::UnknownOrganization { expected, error } => {
            let message =
                format!("organization {expected} is expected, but the tenant does not say which one it is: {error}");
            Error::new(Exit::Refused, message)
                .hint("nothing was changed; use a token whose user may read the organization (GET /v1/organization)")
        }
        PreflightError::Lacking(lacking) => Error::new(Exit::Failed, format!("{}; nothing was sent", lacks(&lacking))),
        PreflightError::NoEndUser { address, needs } => {
            Error::new(Exit::Failed, format!("{address} needs {needs}, which is not there; nothing was sent"))
                .hint(format!("this plan leaves out {needs}: include it, or leave out {address}, too"))
        }
    }
}

/// `the tenant lacks 2 things that manifests need, and would refuse 1 attribute and 3 tags`
fn lacks(lacking: &Lacking) -> String {
    let missing = match lacking.missing.len() {
        0 => None,
        count => Some(format!("lacks {} that manifests need", counted(count, "thing"))),
    };
    let (tags, attributes) =
        (lacking.refused(|one| one.member == handling::TAGS), lacking.refused(|one| one.member != handling::TAGS));
    let of_noun = |count: usize, noun| (count > 0).then(|| counted(count, noun));
    let refused: Vec<String> = of_noun(attributes, "attribute").into_iter().chain(of_noun(tags, "tag")).collect();
    let refused = (!refused.is_empty()).then(|| format!("would refuse {}", refused.join(" and ")));
    format!("the tenant {}", missing.into_iter().chain(refused).collect::<Vec<_>>().join(", and "))
}

/// The runtime that commands with a network run on.
///
/// # Errors
/// It can't start, or the clock is before 1970: neither HTTP nor TLS can say such a date.
pub fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let now = SystemClock::timestamp();
    if now.starts_with('-') || *now < *"1970" {
        let message = format!("the clock of this machine says {now}, which is before 1970");
        return Err(Error::new(Exit::Failed, message).hint("set the clock; nothing was sent"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    Ok(runtime.context("can't start")?)
}
