//! Whose tenant it is, in words: the question, the first line of a run, and the line that a project file lacks.

use crate::api::contract::Organization;
use crate::cli::session::OpenTenant;
use crate::plan::Target;
use crate::project::{FILE_NAMES, Tenant};
use crate::render::escape::{escape, quoted};

/// Whether to apply, and to what.
pub fn question(tenant: &Target, organization: Option<&Organization>) -> String {
    let is = match organization {
        Some(_) => format!("  It is {}.\n", the_tenant(tenant)),
        None => String::new(),
    };
    let subject = subject(tenant, organization);
    format!("\nApply to {subject}?\n{is}  Only 'yes' will be accepted to approve.\n\n  Enter a value: ")
}

/// The first line of a run that nobody is asked about.
pub fn beginning(tenant: &Target, organization: Option<&Organization>) -> String {
    format!("Applying to {}.\n", subject(tenant, organization))
}

/// The organization with its id or, where the tenant does not say, the tenant.
fn subject(tenant: &Target, organization: Option<&Organization>) -> String {
    match organization {
        Some(Organization { id, name }) => format!("{} ({})", quoted(name), escape(id)),
        None => the_tenant(tenant),
    }
}

fn the_tenant(tenant: &Target) -> String {
    format!("the tenant {} ({})", quoted(&tenant.name), escape(tenant.whereabouts()))
}

/// A warning, with the line to write, where the project file does not say which organization a tenant is: with the
/// token of another one, a first apply would go there.
pub fn not_pinned(open: &OpenTenant<'_>, organization: Option<&Organization>) -> Option<String> {
    let OpenTenant { tenant: Tenant { name, organization_id, .. }, .. } = open;
    let Organization { id, name: called } = organization?;
    if open.tenant.is_sandbox() || organization_id.is_some() {
        return None;
    }
    let line = format!("organizationId: {}  # {}", scalar(id), escape(called));
    Some(format!(
        "warning: the tenant {} has no organizationId, so a token of any organization is accepted\n hint: in {}, below `tenants: \
         {}:`, write `{line}`\n",
        quoted(name),
        FILE_NAMES[0],
        escape(name)
    ))
}

/// The id as a YAML scalar that is read as a string.
fn scalar(id: &str) -> String {
    if uuid::Uuid::try_parse(id).is_ok_and(|uuid| uuid.to_string() == id) { id.to_owned() } else { quoted(id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::RateLimit;

    fn target() -> Target {
        Target {
            name: "staging".into(),
            base_url: "https://dev.dixa.io".into(),
            organization_id: None,
            rate_limit: RateLimit::DIXA,
        }
    }

    #[test]
    fn an_organization_is_named_and_its_name_can_do_nothing_else() {
        let organization = Organization { id: "e9\u{9b}".into(), name: "Acme \"\u{1b}[2J\u{202e}".into() };
        assert_eq!(
            question(&target(), Some(&organization)),
            "\nApply to \"Acme \\\"\\u{1b}[2J\\u{202e}\" (e9\\u{9b})?\n  It is the tenant \"staging\" \
             (https://dev.dixa.io).\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
        );
        assert_eq!(beginning(&target(), None), "Applying to the tenant \"staging\" (https://dev.dixa.io).\n");
    }

    #[test]
    fn the_line_for_the_project_file_is_a_string_to_yaml() {
        let id = "e9609fa9-efff-4fdc-a7ef-dd335f33c5f6";
        assert_eq!(scalar(id), id);
        assert_eq!(scalar("1234"), "\"1234\"");
        assert_eq!(scalar("a: b"), "\"a: b\"");
    }
}
