//! One tenant: a Dixa organization with its token, state and limits.

use std::time::Duration;

use crate::access::{AuthScheme, RateLimit, StatePlace, StoreSettings};
use crate::project::SANDBOX;
use crate::settings::{LastApplied, RemovedAttributes};
use crate::values::Values;

/// The settings of a tenant. The token itself is never among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    pub name: String,
    /// With or without `/v1`, as written. Of no meaning for the embedded sandbox.
    pub base_url: String,
    pub key: KeySource,
    pub auth_scheme: AuthScheme,
    /// The organization that this tenant must be; another one is refused.
    pub organization_id: Option<String>,
    /// Where the state is; a path is relative to the folder of the project file. Default `state/<name>.json`.
    pub state: Option<StatePlace>,
    /// How a state that is in an object store is reached.
    pub state_store: StoreSettings,
    /// The path of the catalog, relative to the same folder; `state/<name>.catalog.json` when none is given.
    pub catalog: Option<String>,
    pub values: Values,
    pub rate_limit: RateLimit,
    /// Whether Outbound messages, which reach real people, may be sent without `--allow-outbound`.
    pub allow_outbound: bool,
    pub last_applied: LastApplied,
    /// Whether messages without an externalId get one by which a lost answer can be found again.
    pub markers: bool,
    pub removed_attributes: RemovedAttributes,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How old an intent must be before "nothing found" is believed.
    pub settle: Duration,
}

impl Tenant {
    /// A tenant with every default.
    pub fn new(name: &str) -> Self {
        Tenant {
            name: name.to_owned(),
            base_url: "https://dev.dixa.io".into(),
            key: KeySource::Environment("DIXA_API_KEY".into()),
            auth_scheme: AuthScheme::Bare,
            organization_id: None,
            state: None,
            state_store: StoreSettings::default(),
            catalog: None,
            values: Values::none(name),
            rate_limit: RateLimit::DIXA,
            allow_outbound: false,
            last_applied: LastApplied::Full,
            markers: true,
            removed_attributes: RemovedAttributes::Clear,
            request_timeout: Duration::from_secs(30),
            settle: Duration::from_secs(5),
        }
    }

    /// Whether this is the embedded sandbox.
    pub fn is_sandbox(&self) -> bool {
        self.name == SANDBOX
    }

    /// What the state and plans call the tenant's host: the base URL without `/v1` and without a slash at the end. The
    /// embedded sandbox has another port each time, and is called `sandbox`.
    pub fn identity(&self) -> String {
        if self.is_sandbox() {
            return SANDBOX.to_owned();
        }
        let trimmed = self.base_url.trim_end_matches('/');
        trimmed.strip_suffix("/v1").unwrap_or(trimmed).trim_end_matches('/').to_owned()
    }
}

/// Where the token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A variable of the environment.
    Environment(String),
    /// A file, relative to the folder of the project file.
    File(String),
}
