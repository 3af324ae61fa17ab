//! What `npx dixaform` runs: it finds the program of the platform, and is not in its way.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::packages::{VERSION, done, on_this_machine, platforms, repository, said};

/// A folder as npm would leave it, with a program of the test's choice.
struct Installed {
    folder: tempfile::TempDir,
}

/// The package of this machine.
fn package() -> String {
    let platform = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let machine = if cfg!(target_arch = "x86_64") { "x64" } else { "arm64" };
    let libc = if cfg!(target_os = "linux") { "-gnu" } else { "" };
    format!("@dixaform/{platform}-{machine}{libc}")
}

impl Installed {
    /// Without a program of any platform.
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let launcher = folder.path().join("node_modules/dixaform");
        std::fs::create_dir_all(&launcher).unwrap();
        std::fs::copy(repository(".packaging/npm/launcher.js"), launcher.join("launcher.js")).unwrap();
        let optional: serde_json::Map<_, _> = platforms().into_iter().map(|p| (p.npm, VERSION.into())).collect();
        let manifest = serde_json::json!({"name": "dixaform", "optionalDependencies": optional});
        std::fs::write(launcher.join("package.json"), manifest.to_string()).unwrap();
        Installed { folder }
    }

    fn program(&self) -> PathBuf {
        let package = self.folder.path().join("node_modules").join(package());
        std::fs::create_dir_all(package.join("bin")).unwrap();
        std::fs::write(package.join("package.json"), "{}").unwrap();
        package.join("bin/dixaform")
    }

    /// With the program that is tested here.
    fn whole() -> Self {
        let installed = Installed::empty();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dixaform"), installed.program()).unwrap();
        installed
    }

    fn with_script(text: &str) -> Self {
        let installed = Installed::empty();
        std::fs::write(installed.program(), text).unwrap();
        std::fs::set_permissions(installed.program(), std::fs::Permissions::from_mode(0o755)).unwrap();
        installed
    }

    fn command(&self) -> Command {
        let mut command = Command::new("node");
        command.arg(self.folder.path().join("node_modules/dixaform/launcher.js")).current_dir(self.folder.path());
        command
    }
}

/// Asks a process to stop.
fn ask(child: &Child) {
    let _ = done(Command::new("kill").args(["-TERM", &child.id().to_string()]));
}

#[test]
fn arguments_streams_and_exit_codes_are_those_of_the_program() {
    if !on_this_machine(&["node", "python3"]) {
        return;
    }
    let installed = Installed::whole();
    let output = installed.command().arg("--version").output().unwrap();
    assert_eq!((said(&output), output.status.code()), (format!("dixaform {VERSION}\n"), Some(0)));
    let output = installed.command().args(["plan", "--no-such-flag"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(output.stdout.is_empty() && said(&output).contains("--no-such-flag"));
    let mut child =
        installed.command().args(["validate", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"a: [").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn a_platform_without_a_program_is_said_with_what_to_do() {
    if !on_this_machine(&["node", "python3"]) {
        return;
    }
    let installed = Installed::empty();
    let output = installed.command().arg("--version").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).starts_with(&format!("error: the package {} ", package())), "{}", said(&output));
    assert!(said(&output).contains("\n  hint: install again without --omit=optional"), "{}", said(&output));
    let elsewhere =
        "Object.defineProperty(process, 'platform', {value: 'sunos'}); require('./node_modules/dixaform/launcher.js')";
    let output = Command::new("node").args(["-e", elsewhere]).current_dir(installed.folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).starts_with("error: there is no program for sunos on "), "{}", said(&output));
    assert!(said(&output).ends_with("  hint: build it: cargo install dixaform --locked\n"), "{}", said(&output));
}

#[test]
fn a_program_for_musl_runs_where_the_one_for_glibc_is_missing() {
    if !cfg!(target_os = "linux") || !on_this_machine(&["node", "python3"]) {
        return;
    }
    let installed = Installed::whole();
    let packages = installed.folder.path().join("node_modules");
    let musl = package().replace("-gnu", "-musl");
    std::fs::rename(packages.join(package()), packages.join(musl)).unwrap();
    let output = installed.command().arg("--version").output().unwrap();
    assert_eq!(said(&output), format!("dixaform {VERSION}\n"));
}

#[test]
fn the_sandbox_ends_when_the_launcher_is_asked_to() {
    if !on_this_machine(&["node", "python3"]) {
        return;
    }
    let installed = Installed::whole();
    let mut child = installed
        .command()
        .args(["sandbox", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("127.0.0.1:"));
    ask(&child);
    assert!(child.wait().unwrap().code().is_some());
    // The program has closed its output, too: it does not go on without the launcher.
    assert!(lines.all(|line| line.is_ok()));
}

/// A second interrupt means that dixaform stops at once. A terminal and npx send the first one twice.
#[test]
fn what_arrives_twice_within_a_blink_is_one_interrupt_and_a_later_one_is_another() {
    if !on_this_machine(&["node", "python3"]) {
        return;
    }
    let script = "#!/bin/sh\ncount=0\ntrap 'count=$((count + 1)); echo \"asked $count\"' TERM\n\
                  echo ready\nwhile [ $count -lt 2 ]; do sleep 0.05; done\nexit 7\n";
    let installed = Installed::with_script(script);
    let mut running = installed.command().stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "ready");
    let twice = format!("kill -TERM {0}; kill -TERM {0}", running.id());
    let _ = done(Command::new("sh").args(["-c", &twice]));
    assert_eq!(lines.next().unwrap(), "asked 1");
    std::thread::sleep(Duration::from_secs(1));
    assert!(running.try_wait().unwrap().is_none(), "two at once are one");
    ask(&running);
    assert_eq!(lines.next().unwrap(), "asked 2");
    assert_eq!(running.wait().unwrap().code(), Some(7));
}
