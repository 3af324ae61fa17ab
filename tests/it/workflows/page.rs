//! The commands of docs/ci.md, run in their order, in a repository like that of its reader.

use crate::support::manifests::email;
use crate::workflows::repository::{Kept, Repository};

const PAGE: &str = include_str!("../../../docs/ci.md");

/// The lines of all blocks of shell commands, block by block.
fn blocks() -> Vec<Vec<&'static str>> {
    let blocks = PAGE.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```\n").next().unwrap());
    blocks.map(|block| block.lines().collect()).collect()
}

#[test]
fn every_command_runs() {
    // The answer to the second create is lost, and what is asked about it is not answered.
    let repository = Repository::new(1, Kept::InGit, "--faults drop-after@create#2,404@conversations#3-99");
    repository.sh("", "git clone --quiet \"file://$PWD/origin.git\" reader");
    let run = |script: &str| repository.sh("reader", &format!("export DIXA_API_KEY=the-secret-token\n{script}"));
    let apply = "dixaform apply --tenant staging --yes >/dev/null 2>&1";
    let mut commands = 0;
    for block in blocks() {
        let has = |word: &str| block.iter().any(|line| line.contains(word));
        if has("--ci github") {
            // Here it is there already.
            run("git rm --quiet .github/workflows/dixaform.yml && git commit --quiet -m without");
        } else if has("state rebuild") {
            run(&format!("{apply}; rm -f state/staging.json*"));
        } else if has("recover") {
            // What a job has committed that could not settle everything: a call in doubt.
            repository.push("manifests/late-order.yaml", &email("late-order"));
            let job = repository.checkout("main", true);
            let commit = "git add --force state/staging.json state/staging.journal && git commit --quiet -m job && git push --quiet";
            repository.sh(&job, &format!("export DIXA_API_KEY=the-secret-token\n{apply} || [ $? -eq 6 ]; {commit}"));
            assert_ne!(repository.on_main("state/staging.journal"), "");
        }
        for line in &block {
            // The comment of a line names an alternative.
            run(&line.split(" # ").next().unwrap().replace("=1234", "=1002"));
            commands += 1;
        }
    }
    assert_eq!(commands, 10);
    assert_eq!(repository.on_main("state/staging.journal"), "");
    let state = repository.on_main("state/staging.json");
    assert!(state.contains("\"id\":1001") && state.contains("\"id\":1002"), "both are known: {state}");
    assert_eq!(repository.conversations(), 2);
    for file in [".github/workflows/dixaform.yml", ".gitlab/dixaform-teams-nordic.yml"] {
        assert!(repository.workspace.exists(&format!("reader/{file}")), "{file}");
    }
}
