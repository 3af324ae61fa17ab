//! What is not packed.

use std::process::Output;

use crate::packages::{VERSION, pack, said};

#[track_caller]
fn refused(output: &Output, message: &str) {
    assert!(!output.status.success(), "{}", said(output));
    assert!(said(output).starts_with("error: ") && said(output).contains(message), "{}", said(output));
}

#[test]
fn a_tag_of_another_version_is_no_release() {
    refused(&pack(&["version", "--tag", "v99.0.0"]), "they must be of one version");
    refused(&pack(&["version", "--tag", VERSION]), "they must be of one version");
    let output = pack(&["version"]);
    assert_eq!(said(&output), format!("{VERSION}\n"));
}

#[test]
fn wheels_of_another_version_and_damaged_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let pack_file = |name: &str| {
        let wheel = folder.path().join(name);
        std::fs::write(&wheel, "PK, and then it was cut").unwrap();
        pack(&["dist", wheel.to_str().unwrap(), "--out", out.to_str().unwrap()])
    };
    refused(&pack_file("dixaform-99.0.0-py3-none-manylinux_2_17_x86_64.whl"), "is of dixaform 99.0.0");
    refused(&pack_file(&format!("dixaform-{VERSION}-py3-none-solaris_sparc.whl")), "no platform has a wheel");
    refused(&pack_file(&format!("dixaform-{VERSION}-py3-none-musllinux_1_2_x86_64.whl")), "is not a whole wheel");
    assert!(!out.exists());
}
