//! A project in a folder of its repository, beside another one at the root.

use serde_json::Value;

use crate::ci_kit::repository::{Repository, Variables};
use crate::ci_kit::workflow::{Event, Run, act_with, run, run_workflow};
use crate::support::manifests::email;

/// A repository with a project at its root, and another one in a folder, which `dixaform init` made there.
fn repository() -> Repository {
    let repository = Repository::ready(1, "");
    let told = repository.sh("seed", "dixaform init team/north 2>&1");
    assert!(told.contains("wrote .github/workflows/dixaform-team-north.yml, at the root of the repository"), "{told}");
    repository.sh("seed/team/north", "rm manifests/* && cp ../../dixaform.yaml .");
    repository.workspace.write("seed/team/north/manifests/north.yaml", email("north"));
    repository.push("team/north/manifests/wind.yaml", &email("wind"));
    let variables = ["DIXAFORM_TENANT=staging", "DIXAFORM_STATE_BRANCH=dixaform-state-team-north"];
    let variables: Variables = variables
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let made = repository.run("seed/team/north", "bash .dixaform/ci/state.sh create", &variables, None);
    assert_eq!(made.code, Some(0), "{}", made.log);
    repository
}

fn run_north(repository: &Repository, event: Event) -> Run {
    let text = repository.workspace.read("seed/.github/workflows/dixaform-team-north.yml");
    let workflow: Value = serde_yaml::from_str(&text).unwrap();
    run_workflow(repository, &workflow, event, None, 1, &repository.head())
}

#[test]
fn two_projects_in_one_repository_share_neither_comment_nor_state() {
    let repository = repository();
    run(&repository, Event::PullRequest, None).ended("plan/Comment", "success");
    let root = repository.comments();
    let planned = run_north(&repository, Event::PullRequest);
    planned.ended("plan/Comment", "success");
    let pages = ["team/north/dixaform-out/plan.html", "team/north/dixaform-out/validate.html"];
    assert_eq!(planned.artifacts, pages, "{}", planned.log);
    // The stand-in gives every new comment the same number, so that this one is in the place of the first.
    let calls = repository.calls();
    assert_eq!((calls.matches("--method POST").count(), calls.matches("--method PATCH").count()), (2, 0), "{calls}");
    let north = repository.comments();
    assert!(root[0].1.starts_with("<!-- dixaform:plan tenant=staging -->\n"), "{root:?}");
    assert!(north[0].1.starts_with("<!-- dixaform:plan tenant=staging folder=team/north -->\n## "), "{north:?}");
    assert!(north[0].1.contains("2 to create"), "{north:?}");
    run_north(&repository, Event::PullRequest).ended("plan/Comment", "success");
    assert_eq!(repository.calls().matches("--method PATCH").count(), 1);

    let applied = run_north(&repository, Event::Push);
    applied.ended("apply/Save the state", "success");
    assert!(applied.artifacts.contains(&"team/north/dixaform-out/apply.html".to_owned()), "{:?}", applied.artifacts);
    assert_eq!((repository.conversations(), repository.kept("staging.json").as_str()), (2, ""));
    let kept = repository.sh("origin.git", "git show dixaform-state-team-north:staging.json");
    assert_eq!(kept.matches("\"address\"").count(), 2);
}

#[test]
fn a_mistake_is_marked_at_its_file() {
    let repository = repository();
    repository.push("team/north/manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    let failed = run_north(&repository, Event::PullRequest);
    failed.ended("plan/Plan", "failure");
    assert!(failed.log.contains("\n::error file=team/north/manifests/bad.yaml,line=7"), "{}", failed.log);
    assert_eq!(failed.artifacts, ["team/north/dixaform-out/validate.html"]);
}

/// The working directory of a workflow's `defaults` does not reach the steps of an action.
#[test]
fn the_action_works_in_the_folder_that_it_is_given() {
    let repository = repository();
    let inputs = [("command", "plan"), ("tenant", "staging"), ("working-directory", "team/north")];
    let branch = ("DIXAFORM_STATE_BRANCH", "dixaform-state-team-north");
    let (_, run) = act_with(&repository, &inputs, &[branch]);
    run.ended("action/Comment", "success");
    assert!(run.summary.contains("2 to create"), "{}", run.summary);
}
