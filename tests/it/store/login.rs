//! Credentials for Azure from a login or an identity of the machine.

use super::{manifests, project};
use crate::support::{Stub, Workspace};

/// A project whose store has nothing in it, and a program in place of `az`.
fn workspace(store: &Stub, az: &str) -> Workspace {
    let workspace = Workspace::new().file("manifests/a.yaml", &manifests(1));
    workspace.write("dixaform.yaml", project("az://state/a", &store.base_url(), ""));
    workspace.write("bin/az", format!("#!/bin/sh\n{az}\n"));
    std::fs::set_permissions(workspace.path("bin/az"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", workspace.path("bin").display(), std::env::var("PATH").unwrap());
    workspace.variable("PATH", &path).variable("AZURE_STORAGE_ACCOUNT_NAME", "acme")
}

const EMPTY: &str = r#"<?xml version="1.0"?><Error><Code>BlobNotFound</Code></Error>"#;
const LOGIN: &str = r#"echo '{"accessToken":"of-a-person","expires_on":4102444800,"tokenType":"Bearer"}'"#;

/// Every request to the store was made with this token.
#[track_caller]
fn asked_with(store: &Stub, token: &str) {
    let asked = store.requests();
    let wanted = format!("authorization: bearer {token}");
    assert!(!asked.is_empty() && asked.iter().all(|head| head.to_lowercase().contains(&wanted)), "{asked:?}");
}

#[test]
fn whoever_is_logged_in_to_azure_needs_nothing_else() {
    let store = Stub::answering("404 Not Found", "x-ms-error-code: BlobNotFound\r\n", EMPTY);
    let _ = workspace(&store, LOGIN).run("plan").exit(0).says("Plan: 1 to create");
    asked_with(&store, "of-a-person");
}

#[test]
fn an_app_with_an_identity_uses_that_and_does_not_ask_who_is_logged_in() {
    let store = Stub::answering("404 Not Found", "x-ms-error-code: BlobNotFound\r\n", EMPTY);
    let body = r#"{"access_token":"of-the-app","expires_on":"4102444800","resource":"x","token_type":"Bearer"}"#;
    let identity = Stub::answering("200 OK", "", body);
    for (name, az) in [("IDENTITY_ENDPOINT", LOGIN), ("AZURE_MSI_ENDPOINT", "exec sleep 100")] {
        let workspace = workspace(&store, az).variable(name, &identity.base_url());
        let _ = workspace.run("plan").exit(0).says("Plan: 1 to create");
    }
    asked_with(&store, "of-the-app");
    assert_eq!(identity.requests().len(), 2);
}
