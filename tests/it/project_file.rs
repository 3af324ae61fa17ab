//! Which project file is read, and which is refused.

use crate::support::Workspace;

const STAGING: &str = "version: 1\ndefaultTenant: staging\ntenants: {staging: {}}\n";

fn manifest() -> Workspace {
    Workspace::new().copy("examples/quickstart")
}

#[test]
fn a_project_file_may_end_in_yml() {
    let workspace = manifest().file("dixaform.yml", STAGING);
    let _ = workspace.run("plan examples/quickstart").exit(0).says("staging");
    workspace.edit("dixaform.yml", "version: 1", "version: 2");
    let _ = workspace.run("plan examples/quickstart").exit(1).warns("dixaform.yml:1:10");
}

#[test]
fn two_project_files_in_one_folder_are_refused_and_named() {
    let workspace = manifest().file("dixaform.yml", STAGING).file("dixaform.yaml", STAGING);
    let _ =
        workspace.run("plan examples/quickstart").exit(1).warns("two project files: dixaform.yaml and dixaform.yml");
}

#[test]
fn init_writes_no_second_project_file() {
    let workspace = Workspace::new().file("dixaform.yml", "version: 1\n");
    let _ = workspace.run("init").exit(0).says("left as it is: dixaform.yml");
    assert!(!workspace.exists("dixaform.yaml"));
    let _ = workspace.run("validate").exit(0);
}

/// Files of other users; making them needs the rights of root.
#[cfg(unix)]
#[test]
fn a_project_file_of_another_user_in_a_folder_above_is_refused() {
    use std::os::unix::fs::{chown, symlink};
    for name in ["dixaform.yaml", "dixaform.yml"] {
        let workspace = manifest().file(name, STAGING);
        if chown(workspace.path(name), Some(65534), None).is_err() {
            return;
        }
        let refused = |line: &str| {
            let outcome = workspace.run(line).exit(1);
            outcome.warns(&format!("../../{name} belongs to another user")).warns("--chdir ../..")
        };
        let _ = refused("plan --chdir examples/quickstart .");
        let _ = refused("apply --yes --chdir examples/quickstart .");
        // Who works in its folder has chosen it.
        let _ = workspace.run("plan examples/quickstart").exit(0).says("staging");

        // Neither a link of theirs to a file of ours is believed, nor a link of ours to a file of theirs.
        std::fs::rename(workspace.path(name), workspace.path("theirs")).unwrap();
        symlink("theirs", workspace.path(name)).unwrap();
        let _ = refused("plan --chdir examples/quickstart .");
        chown(workspace.path("theirs"), Some(0), None).unwrap();
        let _ = workspace.run("plan --chdir examples/quickstart .").exit(0).says("staging");
        std::os::unix::fs::lchown(workspace.path(name), Some(65534), None).unwrap();
        let _ = refused("plan --chdir examples/quickstart .");
    }
}

#[cfg(unix)]
#[test]
fn what_never_ends_or_is_no_file_is_refused_as_a_project_file_and_as_a_key() {
    use std::os::unix::fs::symlink;
    let workspace = manifest();
    for (target, said) in [("/dev/zero", "is no file"), ("examples", "is no file"), ("nowhere", "can't read")] {
        symlink(target, workspace.path("dixaform.yaml")).unwrap();
        let _ = workspace.run("plan examples/quickstart").exit(1).warns(said).warns("dixaform.yaml");
        workspace.remove("dixaform.yaml");
    }
    workspace.write("dixaform.yaml", vec![b'#'; (16 << 20) + 1]);
    let _ = workspace.run("plan examples/quickstart").exit(1).warns("larger than 16 MiB");
    workspace.write(
        "dixaform.yaml",
        "version: 1\ntenants: {local: {baseUrl: 'http://127.0.0.1:1', apiKeyFile: /dev/zero}}\n",
    );
    let outcome = workspace.run("apply examples/quickstart --yes").exit(3);
    let _ = outcome.warns("/dev/zero").warns("larger than 64 KiB");
}
