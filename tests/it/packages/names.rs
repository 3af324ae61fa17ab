//! Names and versions are in one place, and everything that repeats one agrees with it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::packages::{VERSION, on_this_machine, platforms, repository, text_of};

#[test]
fn every_list_of_platforms_is_the_same() {
    if !on_this_machine(&["python3"]) {
        return;
    }
    let packed: BTreeSet<String> = platforms().into_iter().map(|platform| platform.target).collect();
    let workflow: Value = serde_yaml::from_str(&text_of(".github/workflows/release.yml")).unwrap();
    let matrix = workflow["jobs"]["wheel"]["strategy"]["matrix"]["include"].as_array().unwrap();
    let built: BTreeSet<String> = matrix.iter().map(|row| row["target"].as_str().unwrap().to_owned()).collect();
    assert_eq!(built, packed, "release.yml");
    let deny = text_of(".cargo/deny.toml");
    let list = deny.split_once("\ntargets = [").unwrap().1.split_once(']').unwrap().0;
    let checked: BTreeSet<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(checked, packed, ".cargo/deny.toml");
    let images = platforms().into_iter().filter_map(|platform| platform.image).collect::<Vec<_>>();
    assert_eq!(images, ["amd64", "arm64"]);
}

/// `cargo binstall` fills the template of Cargo.toml; what it asks for must be what is released.
#[test]
fn cargo_binstall_finds_the_archives() {
    if !on_this_machine(&["python3"]) {
        return;
    }
    let manifest = text_of("Cargo.toml");
    let section = |name: &str| {
        let (_, text) = manifest.split_once(&format!("\n[package.metadata.binstall{name}]\n")).unwrap();
        text.split_once("\n\n").unwrap().0
    };
    let value = |section: &str, key: &str| {
        let line = section.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let (all, windows) = (section(""), section(".overrides.x86_64-pc-windows-msvc"));
    for platform in platforms() {
        let is_windows = platform.target.contains("windows");
        let own = if is_windows { windows } else { all };
        let url = value(own, "pkg-url")
            .replace("{ repo }", env!("CARGO_PKG_REPOSITORY"))
            .replace("{ name }", "dixaform")
            .replace("{ version }", VERSION)
            .replace("{ target }", &platform.target);
        let repository = env!("CARGO_PKG_REPOSITORY");
        assert_eq!(url, format!("{repository}/releases/download/v{VERSION}/{}", platform.archive));
        assert_eq!(value(own, "pkg-fmt"), if is_windows { "zip" } else { "tgz" });
    }
    assert_eq!(value(all, "bin-dir"), "{ name }-{ version }-{ target }/{ bin }{ binary-ext }");
}

/// Cargo.toml has it, and the documents that people copy from; what is packed and released asks Cargo.toml.
#[test]
fn the_version_is_in_one_place() {
    let mut files = vec![".pre-commit-hooks.yaml".to_owned()];
    for folder in [".packaging", ".packaging/npm", ".github/workflows"] {
        let entries = std::fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path());
        let paths = entries.filter(|path| path.is_file());
        files.extend(paths.map(|path| format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap())));
    }
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let text = text_of(&file);
        let written = text.match_indices(VERSION).filter(|(at, _)| {
            let is_longer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || c == '.');
            let after = text[at + VERSION.len()..].chars().next();
            !is_longer(text[..*at].chars().next_back()) && !after.is_some_and(|c| c.is_ascii_digit())
        });
        assert_eq!(written.count(), 0, "{file} has a version of its own");
    }
    let changes = text_of("CHANGELOG.md");
    assert!(changes.contains(&format!("\n## [{VERSION}] - ")), "CHANGELOG.md has no section [{VERSION}]");
    assert!(changes.contains(&format!("\n[{VERSION}]: https://")), "CHANGELOG.md has no link for [{VERSION}]");
}

#[test]
fn the_release_is_built_with_the_oldest_toolchain_that_the_package_allows() {
    let workflow: Value = serde_yaml::from_str(&text_of(".github/workflows/release.yml")).unwrap();
    let minimum = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(workflow["env"]["RUSTUP_TOOLCHAIN"], format!("{minimum}.0"));
}
