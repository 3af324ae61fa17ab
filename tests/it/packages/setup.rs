//! setup.sh, alone, in the action of GitHub and in the template for GitLab: it installs what was pinned, or nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::packages::{Made, VERSION, done, made, repository, said, text_of};

const SETUP: &str = ".github/actions/setup-dixaform/setup.sh";

/// A mirror of the releases, which may be spoiled, and a folder to install to.
struct Mirror {
    folder: tempfile::TempDir,
}

impl Mirror {
    fn of(made: &Made) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join(format!("releases/v{VERSION}"));
        std::fs::create_dir_all(&release).unwrap();
        for entry in std::fs::read_dir(made.folder.join("archives")).unwrap() {
            let entry = entry.unwrap();
            std::os::unix::fs::symlink(entry.path(), release.join(entry.file_name())).unwrap();
        }
        Mirror { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn releases(&self) -> String {
        format!("file://{}", self.path("releases").display())
    }

    fn checksums(&self) -> PathBuf {
        self.path(&format!("releases/v{VERSION}/dixaform-{VERSION}-checksums.txt"))
    }

    fn sha256(&self) -> String {
        done(Command::new("sha256sum").arg(self.checksums())).split(' ').next().unwrap().to_owned()
    }

    fn setup(&self, version: &str, sha256: &str) -> Output {
        Command::new("sh")
            .arg(repository(SETUP))
            .env("DIXAFORM_VERSION", version)
            .env("DIXAFORM_SHA256", sha256)
            .env("DIXAFORM_RELEASES", self.releases())
            .env("DIXAFORM_BIN", self.path("bin"))
            .output()
            .unwrap()
    }

    #[track_caller]
    fn refuses(&self, version: &str, sha256: &str, message: &str) {
        let output = self.setup(version, sha256);
        assert!(!output.status.success() && said(&output).contains(message), "{}", said(&output));
        assert!(!self.path("bin").exists(), "nothing was installed");
    }
}

/// Replaces a link by a file.
fn spoil(path: &Path, text: &str) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn what_is_not_what_was_pinned_is_not_installed() {
    let Some(made) = made() else { return };
    let mirror = Mirror::of(made);
    let pinned = mirror.sha256();
    mirror.refuses(VERSION, &"0".repeat(64), "it is not what was pinned, and nothing was installed");
    mirror.refuses("99.0.0", &pinned, "v99.0.0/dixaform-99.0.0-checksums.txt can't be downloaded");
    mirror.refuses("../../elsewhere", &pinned, "../../elsewhere is not a version");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    spoil(&mirror.path(&format!("releases/v{VERSION}/dixaform-{VERSION}-{target}.tar.gz")), "another archive");
    mirror.refuses(VERSION, &pinned, "it is not what was pinned, and nothing was installed");
    spoil(&mirror.checksums(), "no archive at all\n");
    mirror.refuses(VERSION, &mirror.sha256(), &format!("has no dixaform-{VERSION}-{target}.tar.gz"));
}

#[test]
fn the_action_puts_the_program_into_the_path_of_later_steps() {
    let Some(made) = made() else { return };
    let mirror = Mirror::of(made);
    let action: Value = serde_yaml::from_str(&text_of(".github/actions/setup-dixaform/action.yml")).unwrap();
    let step = &action["runs"]["steps"][0];
    let mut command = Command::new("bash");
    command.args(["-e", "-c", step["run"].as_str().unwrap()]);
    for (name, value) in step["env"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let value = value
            .replace("${{ inputs.version }}", VERSION)
            .replace("${{ inputs.sha256 }}", &mirror.sha256())
            .replace("${{ inputs.releases }}", &mirror.releases())
            .replace("${{ runner.temp }}", mirror.folder.path().to_str().unwrap());
        assert!(!value.contains("${{"), "{value}");
        command.env(name, value);
    }
    command.env("GITHUB_ACTION_PATH", repository(".github/actions/setup-dixaform"));
    command.env("GITHUB_PATH", mirror.path("path"));
    assert_eq!(done(&mut command), format!("dixaform {VERSION}\n"));
    let path = std::fs::read_to_string(mirror.path("path")).unwrap();
    assert_eq!(
        done(Command::new(format!("{}/dixaform", path.trim_end())).arg("--version")),
        format!("dixaform {VERSION}\n")
    );
}

#[test]
fn the_template_for_gitlab_installs_its_own_version() {
    let Some(made) = made() else { return };
    let mirror = Mirror::of(made);
    let file = std::fs::read_to_string(made.folder.join(format!("archives/dixaform-{VERSION}-gitlab.yml"))).unwrap();
    let job = &serde_yaml::from_str::<Value>(&file).unwrap()[".dixaform"];
    let mut lines: Vec<&str> =
        job["before_script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    lines.push("dixaform --version");
    // GitLab runs all lines in one shell, which stops at the first error.
    let mut command = Command::new("sh");
    command.args(["-e", "-c", &lines.join("\n")]).env("DIXAFORM_RELEASES", mirror.releases());
    for (name, value) in job["variables"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        command.env(name, value.replace("$CI_PROJECT_DIR", mirror.folder.path().to_str().unwrap()));
    }
    let version = format!("dixaform {VERSION}\n");
    assert_eq!(done(&mut command), version.repeat(2));
    assert!(mirror.path(".dixaform/bin/dixaform").is_file());
}
