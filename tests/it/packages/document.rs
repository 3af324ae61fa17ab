//! docs/install.md names what there is: each command runs here or, where it would ask a registry, names what is released.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::packages::{Made, VERSION, done, made, on_this_machine, platforms, text_of};
use crate::support::Workspace;

/// What asks a registry, with the file that has the name and how it is written there.
const OF_REGISTRIES: [(&str, &str, &str); 12] = [
    ("pip install dixaform", ".packaging/pyproject.toml", "\nname = \"dixaform\"\n"),
    ("uvx dixaform --version", ".packaging/pyproject.toml", "\nbindings = \"bin\"\n"),
    ("pipx install dixaform", ".packaging/pyproject.toml", "\nbindings = \"bin\"\n"),
    ("npx dixaform --version", ".packaging/pack", "bin={NAME: \"launcher.js\"}"),
    ("npm install --save-dev dixaform", ".packaging/pack", "npm_file(NAME)"),
    (
        "brew install dixaform/tap/dixaform",
        ".github/workflows/release.yml",
        "$GITHUB_REPOSITORY_OWNER/homebrew-tap.git",
    ),
    ("cargo binstall dixaform", "Cargo.toml", "\n[package.metadata.binstall]\n"),
    ("cargo install dixaform --locked", "Cargo.toml", "\nname = \"dixaform\"\n"),
    (
        "docker run --rm --user \"$(id -u):$(id -g)\" --volume \"$PWD:/project\" ghcr.io/dixaform/dixaform:VERSION plan",
        ".packaging/Containerfile",
        "\nWORKDIR /project\nENTRYPOINT [\"/usr/bin/dixaform\"]\n",
    ),
    (
        "gh attestation verify dixaform-VERSION-x86_64-unknown-linux-musl.tar.gz --repo dixaform/dixaform",
        ".github/workflows/release.yml",
        "            dist/archives/*\n",
    ),
    (
        "gh attestation verify oci://ghcr.io/dixaform/dixaform:VERSION --repo dixaform/dixaform",
        ".github/workflows/release.yml",
        "image=ghcr.io/$GITHUB_REPOSITORY\n",
    ),
    ("npm audit signatures", ".github/workflows/release.yml", "npm publish \"$package\" --provenance"),
];

/// Language and text of every block of code.
fn blocks() -> Vec<(String, String)> {
    let document = text_of("docs/install.md");
    let parts: Vec<&str> = document.split("\n```").collect();
    assert!(parts.len() % 2 == 1, "a block is not closed");
    assert_eq!(document.matches("<!-- run by tests/it/packages/document.rs -->\n```").count(), parts.len() / 2);
    let opened = parts.iter().skip(1).step_by(2);
    opened.map(|part| part.split_once('\n').unwrap()).map(|(word, text)| (word.into(), text.into())).collect()
}

fn commands() -> Vec<String> {
    let shell = blocks().into_iter().filter(|(language, _)| language == "sh").map(|(_, text)| text);
    shell.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether a line is one of the archive, which is run with one that was made.
fn is_of_an_archive(line: &str) -> bool {
    ["curl ", "sha256sum ", "tar ", "install "].iter().any(|word| line.starts_with(word))
}

fn is_of_the_program(line: &str) -> bool {
    ["dixaform man", "dixaform completions", "dixaform init", "dixaform apply", "mkdir "]
        .iter()
        .any(|word| line.starts_with(word))
}

#[test]
fn what_would_ask_a_registry_names_what_is_released() {
    let mut known = BTreeSet::new();
    for line in commands() {
        if is_of_an_archive(&line) || is_of_the_program(&line) {
            continue;
        }
        let general = line.replace(VERSION, "VERSION");
        let found = OF_REGISTRIES.iter().find(|(command, ..)| *command == general);
        let (command, file, text) = found.unwrap_or_else(|| panic!("nobody checks `{line}`"));
        assert!(text_of(file).contains(text), "`{line}`: {file} has no {text:?}");
        known.insert(*command);
    }
    assert!(known.len() == OF_REGISTRIES.len(), "{known:?}");
}

#[test]
fn the_commands_of_an_archive_install_the_one_that_was_made() {
    let Some(made) = made() else { return };
    let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let releases = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download");
    let home = tempfile::tempdir().unwrap();
    let lines: Vec<String> = commands().into_iter().filter(|line| is_of_an_archive(line)).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    let script = lines.join("\n");
    let named = format!("dixaform-{VERSION}-x86_64-unknown-linux-musl.tar.gz");
    assert!(platforms().iter().any(|platform| platform.archive == named) && script.contains(&named), "{script}");
    let script = script
        .replace(&format!("{releases}/v{VERSION}/"), &format!("file://{}/archives/", made.folder.display()))
        .replace("x86_64-unknown-linux-musl", &here);
    assert!(!script.contains("https://"), "{script}");
    let mut shell = Command::new("sh");
    let _ = done(shell.args(["-e", "-c", &script]).current_dir(home.path()).env("HOME", home.path()));
    let program = home.path().join(".local/bin/dixaform");
    assert_eq!(done(Command::new(program).arg("--version")), format!("dixaform {VERSION}\n"));
}

#[test]
fn what_the_program_prints_is_where_the_page_puts_it() {
    let workspace = Workspace::new();
    let bin = workspace.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dixaform"), bin.join("dixaform")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let lines: Vec<String> = commands().into_iter().filter(|line| is_of_the_program(line)).collect();
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &lines.join("\n")]).current_dir(workspace.path("")).env_clear();
    let printed = done(shell.env("PATH", path).env("HOME", workspace.path("")));
    assert!(printed.contains("\nApply complete! "), "{printed}");
    assert!(workspace.exists(".local/share/man/man1/dixaform-apply.1"));
    assert!(workspace.read(".local/share/bash-completion/completions/dixaform").contains("_dixaform()"));
}

/// The blocks of YAML, in the order of the page.
#[test]
fn the_files_for_ci_and_pre_commit_name_what_there_is() {
    if !on_this_machine(&["python3"]) {
        return;
    }
    let blocks: Vec<Value> = blocks()
        .into_iter()
        .filter(|(language, _)| language == "yaml")
        .map(|(_, text)| serde_yaml::from_str(&text).expect(&text))
        .collect();
    let [action, gitlab, local, hooks] = &blocks[..] else { panic!("{} blocks of YAML", blocks.len()) };
    let uses = action[0]["uses"].as_str().unwrap();
    let path =
        uses.strip_prefix("dixaform/dixaform/").and_then(|path| path.strip_suffix(&format!("@v{VERSION}"))).unwrap();
    let inputs: Value = serde_yaml::from_str(&text_of(&format!("{path}/action.yml"))).unwrap();
    let with = action[0]["with"].as_object().unwrap();
    assert!(with.keys().all(|input| inputs["inputs"].get(input).is_some()), "{with:?}");
    assert_eq!(with["version"], VERSION);
    let releases = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download");
    assert_eq!(gitlab["include"][0]["remote"], format!("{releases}/v{VERSION}/dixaform-{VERSION}-gitlab.yml"));
    assert!(
        text_of(".packaging/gitlab.yml").contains(&format!("\n{}:\n", gitlab["validate"]["extends"].as_str().unwrap()))
    );
    let local = &local["repos"][0]["hooks"][0];
    assert_eq!(local["additional_dependencies"], serde_json::json!([format!("dixaform=={VERSION}")]));
    let known: Value = serde_yaml::from_str(&text_of(".pre-commit-hooks.yaml")).unwrap();
    for member in ["name", "entry", "always_run", "pass_filenames"] {
        assert_eq!(local[member], known[0][member], "{member}");
    }
    let hook = &hooks["repos"][0];
    assert_eq!((&hook["repo"], &hook["rev"]), (&env!("CARGO_PKG_REPOSITORY").into(), &format!("v{VERSION}").into()));
    assert!(known.as_array().unwrap().iter().any(|one| one["id"] == hook["hooks"][0]["id"]));
}

/// Where the archive puts what the page says of it.
#[test]
fn an_archive_has_what_the_page_says() {
    let Some(made) = made() else { return };
    let listed = archived(made);
    for file in
        ["/dixaform", "/man/man1/dixaform.1", "/completions/_dixaform", "/LICENSE-MIT", "/dixaform.cyclonedx.json"]
    {
        assert!(listed.lines().any(|line| line.ends_with(file)), "{file}\n{listed}");
    }
}

fn archived(made: &Made) -> String {
    let name = format!("archives/dixaform-{VERSION}-{}-unknown-linux-gnu.tar.gz", std::env::consts::ARCH);
    done(Command::new("tar").arg("-tzf").arg(made.folder.join(name)))
}
