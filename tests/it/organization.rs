//! Whose tenant it is, and a token that may not ask.

use crate::support::manifests::email;
use crate::support::{Server, Workspace};

fn beside(faults: &str) -> (Workspace, Server) {
    let workspace = Workspace::new().file("manifests/a.yaml", &email("a"));
    let server = Server::start(&workspace, &format!("--no-rate-limit --faults {faults}"));
    let workspace = workspace.with_tenant(&server.base_url());
    (workspace, server)
}

#[test]
fn an_organization_that_nobody_expects_may_be_unknown() {
    for refusal in ["404", "401-user"] {
        let (workspace, _server) = beside(&format!("{refusal}@organization#*"));
        let outcome = workspace.run("apply --yes").exit(0).says("1 created");
        let _ = outcome.warns("warning: this token can't read whose tenant this is");
        let _ = workspace.run("plan --refresh").exit(0).warns("warning: this token can't read whose tenant this is");
    }
}

#[test]
fn an_organization_that_is_expected_must_be_known() {
    for refusal in ["404", "401-user"] {
        let (workspace, _server) = beside(&format!("{refusal}@organization#*"));
        workspace.edit("dixaform.yaml", "apiKeyEnv", "organizationId: org-1, apiKeyEnv");
        let outcome = workspace.run("apply --yes").exit(5).warns("org-1 is meant, and the tenant does not say");
        let _ = outcome.never_says("Apply complete").warns("use a token whose user may read the organization");
    }
}

#[test]
fn a_token_that_is_unknown_and_a_user_without_the_right_get_different_hints() {
    let (workspace, _server) = beside("401@organization#*");
    let _ = workspace.run("apply --yes").exit(3).warns("check the variable or file that it comes from");
    for call in ["create", "definitions"] {
        let (workspace, _server) = beside(&format!("401-user@{call}#*"));
        workspace.edit(
            "manifests/a.yaml",
            "spec:\n",
            "spec:\n  customAttributes: {2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: x}\n",
        );
        let outcome = workspace.run("apply --yes").exit(3);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(all.contains("the token is known, and its user may not do this"), "{call}: {all}");
    }
}
