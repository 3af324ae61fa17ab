//! A project in a folder of its repository, beside another one at the root.

use crate::support::manifests::email;
use crate::workflows::has_jq;
use crate::workflows::repository::{Kept, Repository};
use crate::workflows::run::{Event, Order, Run};

/// A repository with a project at its root, and another one in a folder.
fn repository() -> Repository {
    let repository = Repository::new(1, Kept::InGit, "");
    repository.project("seed/team/north", Kept::InGit);
    repository.workspace.write("seed/team/north/manifests/north.yaml", email("north"));
    repository.push("team/north/manifests/wind.yaml", &email("wind"));
    repository
}

fn north(repository: &Repository, event: Event) -> Run {
    Order { file: ".github/workflows/dixaform-team-north.yml", ..Order::of(event) }.run(repository)
}

#[test]
fn two_projects_in_one_repository_share_neither_comment_nor_state_nor_runs() {
    if !has_jq() {
        return;
    }
    let repository = repository();
    Order::of(Event::PullRequest).run(&repository).ended("plan/Comment", "success");
    let planned = north(&repository, Event::PullRequest);
    planned.ended("plan/Comment", "success");
    assert_eq!(planned.artifacts, ["team/north/plan.html"], "{}", planned.log);
    let comments = repository.comments();
    assert_eq!(comments.len(), 2);
    assert!(comments[0].1.starts_with("<!-- dixaform:plan tenant=staging -->\n"), "{comments:?}");
    assert!(comments[1].1.starts_with("<!-- dixaform:plan tenant=staging folder=team/north -->\n## "), "{comments:?}");
    assert!(comments[1].1.contains("2 to create"), "{comments:?}");
    north(&repository, Event::PullRequest).ended("plan/Comment", "success");
    assert_eq!(repository.comments().len(), 2);

    let applied = north(&repository, Event::Push);
    applied.ended("apply", "success");
    assert!(applied.artifacts.contains(&"team/north/dixaform-state".to_owned()), "{:?}", applied.artifacts);
    assert_eq!((repository.conversations(), repository.on_main("state/staging.json").as_str()), (2, ""));
    assert_eq!(repository.on_main("team/north/state/staging.json").matches("\"address\"").count(), 2);
    assert_eq!(repository.on_main("team/north/state/staging.applying"), "");

    let [root, north] = ["dixaform", "dixaform-team-north"]
        .map(|name| repository.workflow(&format!(".github/workflows/{name}.yml")))
        .map(|workflow| workflow["concurrency"]["group"].as_str().unwrap().split("$").next().unwrap().to_owned());
    assert_eq!((root.as_str(), north.as_str()), ("dixaform-staging-", "dixaform-team-north-staging-"));
}

#[test]
fn a_mistake_is_marked_at_its_file() {
    let repository = repository();
    repository.push("team/north/manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    let failed = north(&repository, Event::PullRequest);
    failed.ended("plan/Plan", "failure");
    assert!(failed.log.contains("\n::error file=team/north/manifests/bad.yaml,line=7"), "{}", failed.log);
}
