//! What was made installs and runs on a machine without a toolchain, and is the same whoever makes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::packages::{VERSION, done, made, on_this_machine, pack, repository, said};

#[test]
fn wheel_archive_setup_and_npm_packages_run_the_quickstart_without_cargo() {
    let Some(made) = made() else { return };
    for what in ["the wheel", "the archive", "setup.sh", "the npm packages"] {
        assert!(made.log.contains(&format!("\nok: {what}, ")), "{what}\n{}", made.log);
    }
    assert_eq!(made.log.matches("    quickstart with ").count(), 4, "{}", made.log);
}

/// Name and digest of every file below a folder.
fn digests(folder: &Path) -> BTreeMap<String, String> {
    let listed = done(Command::new("sh").current_dir(folder).args(["-c", "find . -type f -exec sha256sum {} +"]));
    listed.lines().map(|line| line.split_once("  ").unwrap()).map(|(sha, name)| (name.into(), sha.into())).collect()
}

#[test]
fn the_same_wheels_give_the_same_bytes() {
    let Some(made) = made() else { return };
    let again = tempfile::tempdir().unwrap();
    let wheels = std::fs::read_dir(made.folder.join("wheels")).unwrap().map(|entry| entry.unwrap().path());
    let _ = done(
        Command::new(repository(".packaging/pack"))
            .arg("dist")
            .args(wheels)
            .arg("--out")
            .arg(again.path())
            .env("PACK_LEVEL", if cfg!(debug_assertions) { "1" } else { "9" }),
    );
    assert_eq!(digests(again.path()), digests(&made.folder));
}

#[test]
fn the_wheel_has_the_licences_the_crates_and_what_cargo_says_of_the_package() {
    let Some(made) = made() else { return };
    let script = "import glob, zipfile; wheel = zipfile.ZipFile(*glob.glob('wheels/*')); \
                  print(*wheel.namelist(), sep='\\n'); \
                  print(wheel.read(next(n for n in wheel.namelist() if n.endswith('/METADATA'))).decode())";
    let said = done(Command::new("python3").args(["-c", script]).current_dir(&made.folder));
    for name in [
        "licenses/LICENSE-MIT",
        "licenses/LICENSE-APACHE",
        "licenses/LICENSE-THIRD-PARTY",
        "sboms/dixaform.cyclonedx.json",
    ] {
        assert!(said.contains(&format!("\ndixaform-{VERSION}.dist-info/{name}\n")), "{said}");
    }
    for line in [concat!("Summary: ", env!("CARGO_PKG_DESCRIPTION")), "License: MIT OR Apache-2.0"] {
        assert!(said.contains(&format!("\n{line}\n")), "{line}\n{said}");
    }
}

/// The texts go where the program goes, as most licences ask.
#[test]
fn the_licences_of_the_crates_in_the_program_are_in_every_archive() {
    let Some(made) = made() else { return };
    let name = format!("dixaform-{VERSION}-{}-unknown-linux-gnu", std::env::consts::ARCH);
    let archive = made.folder.join(format!("archives/{name}.tar.gz"));
    let text = done(Command::new("tar").arg("-xzOf").arg(archive).arg(format!("{name}/LICENSE-THIRD-PARTY")));
    for listed in ["\n- ring ", "\n- rustls ", "\n- serde ", "Permission is hereby granted", "Apache License"] {
        assert!(text.contains(listed), "{listed}");
    }
    for only_in_tests in ["\n- proptest ", "\n- insta ", "\n- jsonschema "] {
        assert!(!text.contains(only_in_tests), "{only_in_tests}");
    }
}

/// Of the packages of other platforms npm may say that they are not to be had, but each is named.
#[test]
fn the_npm_package_depends_on_one_package_for_each_platform() {
    let Some(made) = made() else { return };
    let package = made.folder.join(format!("npm/dixaform-{VERSION}.tgz"));
    let manifest = done(Command::new("tar").arg("-xzOf").arg(package).arg("package/package.json"));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let expected: serde_json::Map<_, _> =
        crate::packages::platforms().into_iter().map(|platform| (platform.npm, VERSION.into())).collect();
    assert_eq!(manifest["optionalDependencies"], serde_json::Value::from(expected));
    assert_eq!(manifest["version"], VERSION);
    assert!(manifest.get("scripts").is_none(), "nothing runs at install");
}

#[test]
fn the_notes_of_a_release_pin_what_was_made() {
    let Some(made) = made() else { return };
    let notes = std::fs::read_to_string(made.folder.join("notes.md")).unwrap();
    let digests = digests(&made.folder);
    let checksums = &digests[&format!("./archives/dixaform-{VERSION}-checksums.txt")];
    assert!(notes.contains(&format!("sha256: {checksums}\n")), "{notes}");
    assert!(notes.contains("### Added\n"), "{notes}");
    let commit = done(Command::new("git").args(["rev-parse", "HEAD"]).current_dir(repository("")));
    assert!(notes.contains(&format!("/setup-dixaform@{} # v{VERSION}\n", commit.trim())), "{notes}");
    let command = format!("openssl dgst -sha256 -binary archives/dixaform-{VERSION}-gitlab.yml | openssl base64");
    if on_this_machine(&["openssl"]) {
        let integrity = done(Command::new("sh").args(["-c", &command]).current_dir(&made.folder));
        assert!(notes.contains(&format!("integrity: sha256-{integrity}")), "{integrity}\n{notes}");
    }
}

#[test]
fn a_release_lacks_no_platform() {
    let Some(made) = made() else { return };
    let wheel = std::fs::read_dir(made.folder.join("wheels")).unwrap().next().unwrap().unwrap().path();
    let out = tempfile::tempdir().unwrap();
    let output = pack(&["dist", wheel.to_str().unwrap(), "--complete", "--out", out.path().to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(said(&output).contains("error: there is no wheel for aarch64-unknown-linux-gnu, "), "{}", said(&output));
}
