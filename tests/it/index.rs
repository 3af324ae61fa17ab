//! The index beside the state: what it saves is time, and nothing that it says or lacks changes a plan.

use std::time::Duration;

use crate::support::Workspace;
use crate::support::manifests::{LEGACY, ORDER, TEXT};

const INDEX: &str = "state/.dixaform-index/sandbox.index";

/// Applied, and left alone for longer than a tick of any clock of a file system.
fn applied() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/old/legacy.yaml", LEGACY);
    let _ = workspace.run("apply --yes").exit(0);
    std::thread::sleep(Duration::from_millis(120));
    workspace
}

/// The plan with the index as it is.
fn plan(workspace: &Workspace) -> String {
    workspace.run("plan --format json").exit(0).stdout
}

#[test]
fn a_plan_remembers_what_was_settled_where_git_ignores_it() {
    let workspace = applied();
    assert!(!workspace.exists(INDEX), "an apply leaves none");
    let first = plan(&workspace);
    assert!(workspace.exists(INDEX));
    assert!(workspace.read("state/.dixaform-index/.gitignore").lines().any(|line| line == "*"));
    assert_eq!(plan(&workspace), first);
}

#[test]
fn a_changed_manifest_is_seen_and_so_is_one_that_left() {
    let workspace = applied();
    let _ = plan(&workspace);
    workspace.edit("manifests/order.yaml", "\"012345\"", "\"0123456\"");
    let _ = workspace.run("plan").exit(0).says(TEXT).says("1 to update, 0 to replace. 1 unchanged.");
    workspace.remove("manifests/old/legacy.yaml");
    let _ = workspace.run("plan").exit(0).says("1 to update, 0 to replace. 0 unchanged.").says("import.legacy");
}

#[test]
fn neither_damage_nor_loss_nor_distrust_changes_a_plan() {
    let workspace = applied();
    workspace.write("manifests/new.yaml", ORDER.replace("name: order", "name: another").replace("#123", "#124"));
    let told = plan(&workspace);
    let whole = std::fs::read(workspace.path(INDEX)).unwrap();
    for broken in [&whole[..whole.len() / 2], b"", b"dixaform-index/9\n", &[0xff; 4096]] {
        workspace.write(INDEX, broken);
        assert_eq!(plan(&workspace), told);
    }
    std::fs::remove_dir_all(workspace.path("state/.dixaform-index")).unwrap();
    let distrusting = workspace.run("plan --format json --no-index").exit(0).stdout;
    assert_eq!(distrusting, told);
    assert!(!workspace.exists(INDEX), "--no-index writes none either");
    assert_eq!(plan(&workspace), told);
}

#[test]
fn a_state_that_came_from_elsewhere_is_read_anew() {
    let workspace = applied();
    let _ = plan(&workspace);
    let empty = workspace.read("state/sandbox.json");
    let head = empty.lines().next().unwrap();
    workspace.remove("state/sandbox.json");
    workspace.write("state/sandbox.json", format!("{head}\n]}}\n"));
    let _ = workspace.run("plan").exit(0).says("1 to create, 1 to import");
}

#[test]
fn a_folder_that_can_not_be_written_costs_nothing_but_time() {
    let workspace = applied();
    // A file where the folder would be.
    workspace.write("state/.dixaform-index", "");
    let _ = workspace.run("plan").exit(0).says("No changes.");
}
