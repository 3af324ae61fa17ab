//! The project file `dixaform.yaml`: where manifests are, and which tenants there are.

mod file_v1;
mod tenant;

pub use file_v1::read;
pub use tenant::{KeySource, Tenant};

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::finding::closest;
use crate::hint::Hint;

/// The names that a project file can have; a folder has at most one of them.
pub const FILE_NAMES: [&str; 2] = ["dixaform.yaml", "dixaform.yml"];

/// The name of the tenant that always exists and needs no account.
pub const SANDBOX: &str = "sandbox";

/// The name of the tenant that a project without a file has.
pub const DEFAULT: &str = "default";

/// A project: the settings of its file, or the defaults where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Tells it apart from other projects that work on the same tenant.
    pub name: Option<String>,
    /// Paths of manifests, relative to the folder of the project file.
    pub manifests: Vec<String>,
    pub default_tenant: Option<String>,
    /// By name; the sandbox is always among them.
    pub tenants: BTreeMap<String, Tenant>,
}

impl Project {
    /// The project of a folder without a project file: the tenants `default` and `sandbox`.
    pub fn without_file() -> Self {
        let tenants = [Tenant::new(DEFAULT), Tenant::new(SANDBOX)];
        Project {
            name: None,
            manifests: vec!["manifests".into()],
            default_tenant: Some(DEFAULT.into()),
            tenants: tenants.into_iter().map(|tenant| (tenant.name.clone(), tenant)).collect(),
        }
    }

    /// The tenant of that name, or the default one.
    ///
    /// # Errors
    /// No such tenant, or none named and more than one to choose from.
    pub fn tenant(&self, name: Option<&str>) -> Result<&Tenant, NoTenant> {
        let own: Vec<&str> = self.tenants.keys().map(String::as_str).filter(|name| *name != SANDBOX).collect();
        let chosen = match (name, &self.default_tenant) {
            (Some(name), _) => name,
            (None, Some(name)) => name,
            (None, None) if own.len() == 1 => own[0],
            (None, None) => return Err(NoTenant::Unclear { known: self.names() }),
        };
        self.tenants.get(chosen).ok_or_else(|| {
            let near = closest(chosen, self.tenants.keys().map(String::as_str)).map(str::to_owned);
            NoTenant::Unknown { name: chosen.to_owned(), known: self.names(), near }
        })
    }

    fn names(&self) -> String {
        self.tenants.keys().cloned().collect::<Vec<_>>().join(", ")
    }
}

/// It is not clear which tenant to use.
#[derive(Debug, thiserror::Error)]
pub enum NoTenant {
    #[error("there is no tenant `{name}`; the project has {known}")]
    Unknown { name: String, known: String, near: Option<String> },
    #[error("which tenant? name one with --tenant, or set defaultTenant; the project has {known}")]
    Unclear { known: String },
}

impl Hint for NoTenant {
    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            NoTenant::Unknown { near, .. } => near.as_ref().map(|near| format!("did you mean `{near}`?").into()),
            NoTenant::Unclear { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
