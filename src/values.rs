//! The texts of one tenant that manifests use by name: `{value: supportMailbox}`.

use std::collections::BTreeMap;

use crate::source::Source;

/// The values of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// The tenant's name in the project file.
    pub tenant: String,
    /// By name.
    pub texts: BTreeMap<String, Text>,
    /// The names that other tenants of the project have values for, each with one of these tenants.
    pub elsewhere: BTreeMap<String, String>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Never empty.
    pub text: String,
    /// Where it is written in the project file.
    pub source: Source,
}

impl Values {
    /// No values, of a tenant with this name.
    pub fn none(tenant: &str) -> Self {
        Values { tenant: tenant.to_owned(), texts: BTreeMap::new(), elsewhere: BTreeMap::new() }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }
}
