//! The same in real time, with every setting at its default: `DIXAFORM_REAL_TIME=1 cargo test --test it in_real_time`.
//! It takes about five minutes, most of which is waiting.
#![expect(clippy::print_stdout, reason = "how each row ended is worth reading")]

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::*;

/// Whether it is wanted; otherwise it is said that nothing was checked.
fn is_wanted() -> bool {
    let wanted = std::env::var_os("DIXAFORM_REAL_TIME").is_some();
    if !wanted {
        let line = "\n!! NOT CHECKED: slow calls and late lists in real time: DIXAFORM_REAL_TIME is not set\n";
        // Not with eprintln!, which a test keeps to itself.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    wanted
}

const APPLY: &str = "apply --yes --allow-outbound";

/// Applies until nothing is left to do, as a pipeline does that is started again and again. Returns the exit codes.
fn until_done(workspace: &Workspace) -> Vec<i32> {
    let mut codes = Vec::new();
    while codes.last() != Some(&0) {
        assert!(codes.len() < 6, "it never ends: {codes:?}");
        let mut child = command(workspace).spawn().unwrap();
        codes.push(child.wait().unwrap().code().unwrap_or(-1));
    }
    codes
}

fn command(workspace: &Workspace) -> std::process::Command {
    let mut command = workspace.command();
    command.args(APPLY.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Everything exists once, and was sent once.
fn each_once(workspace: &Workspace, count: usize, row: &str) {
    assert_eq!((posts(workspace), made(workspace).len()), (count, count), "{row}");
    let _ = workspace.run("plan --detailed-exitcode").exit(0);
}

fn mail_and_import(row: &'static str, faults: &str) {
    let (workspace, _server) = beside_as_usual(faults);
    workspace.write("manifests/all.yaml", all(&[outbound("mail"), import("old")]));
    let began = Instant::now();
    let codes = until_done(&workspace);
    each_once(&workspace, 2, row);
    println!("{row}: {faults}: exit {codes:?} in {} s", began.elapsed().as_secs());
}

fn killed_while_dixa_is_slow() {
    let (workspace, _server) = beside_as_usual("commit-delay=8s");
    workspace.write("manifests/all.yaml", all(&[outbound("mail"), import("old")]));
    let mut child = command(&workspace).spawn().unwrap();
    while posts(&workspace) < 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(1));
    child.kill().unwrap();
    let _ = child.wait().unwrap();
    let codes = until_done(&workspace);
    each_once(&workspace, 2, "killed a second into a call that takes eight");
    println!("killed while Dixa is slow: exit {codes:?}");
}

fn ten_customers_in_an_incident() {
    let (workspace, _server) = beside_as_usual("incident=1-100,incident-lag=60s");
    let manifests: Vec<String> = (0..10).map(|number| outbound(&format!("m{number}"))).collect();
    workspace.write("manifests/all.yaml", all(&manifests));
    let codes = until_done(&workspace);
    each_once(&workspace, 10, "an incident");
    println!("ten customers in an incident: exit {codes:?}");
}

fn without_an_id_for_good() {
    let (workspace, _server) = beside_as_usual("201-no-id@POST#1-2,list-lag=100s");
    workspace.write("manifests/all.yaml", all(&[outbound("mail"), import("old")]));
    let codes = until_done(&workspace);
    each_once(&workspace, 2, "no id, and no list that shows it for long");
    println!("without an id: exit {codes:?}");
}

#[test]
fn nothing_is_made_twice_however_slow_dixa_is() {
    if !is_wanted() {
        return;
    }
    std::thread::scope(|scope| {
        for (row, faults) in [
            ("a call that takes 37 s", "commit-delay=37s"),
            ("a lost answer, and lists that are late", "list-lag=7s,drop-after@POST#1-2"),
            ("an error after all, and lists that are late", "list-lag=7s,500-after@POST#1-2"),
            ("200 without an id", "200-empty@POST#1-2,list-lag=10s"),
            ("201 without an id", "201-text@POST#1-2,list-lag=10s"),
            ("202 without an id", "202-no-id@POST#1-2,list-lag=10s"),
            ("204", "204-empty@POST#1-2,list-lag=10s"),
            ("a list that is not found", "500-after@POST#1-2,404@conversations#2-4"),
            ("an empty page with a next one", "500-after@POST#1-2,empty-page@conversations#2-4"),
            ("other words for a repeated external id", "duplicate-after@create#1,wording=vary"),
        ] {
            scope.spawn(move || mail_and_import(row, faults));
        }
        scope.spawn(killed_while_dixa_is_slow);
        scope.spawn(ten_customers_in_an_incident);
        scope.spawn(without_an_id_for_good);
    });
}
