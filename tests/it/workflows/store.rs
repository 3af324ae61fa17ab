//! What the workflow of GitHub does where the state is in one place for all jobs: nothing is committed, and the next run
//! takes over from one that died.

use crate::support::manifests::email;
use crate::workflows::repository::{Kept, Repository, Stopped, Variables};
use crate::workflows::run::{Event, Order};

#[test]
fn a_push_applies_and_commits_nothing() {
    let repository = Repository::new(2, Kept::InStore, "");
    let head = repository.head();
    Order::of(Event::PullRequest).run(&repository).ended("plan/Plan", "success");
    let first = Order::of(Event::Push).run(&repository);
    first.ended("apply", "success");
    assert!(first.log.contains("--- apply/Apply: Some(0)\n"), "{}", first.log);
    assert_eq!((repository.conversations(), repository.head()), (2, head));
    let requests = repository.requests();
    Order::of(Event::Push).run(&repository).ended("apply", "skipped");
    assert_eq!(repository.requests(), requests);
    repository.push("manifests/more.yaml", &email("more"));
    Order::of(Event::Push).run(&repository).ended("apply", "success");
    assert_eq!(repository.conversations(), 3);
    for (step, environment) in &first.environments {
        let has_key = environment.values().any(|value| value == "the-key-of-the-store");
        assert_eq!(has_key, ["plan/Plan", "apply/Apply"].contains(&step.as_str()), "{step}");
    }
}

#[test]
fn what_a_dead_job_left_is_settled_by_the_next_one() {
    const ALL: usize = 8;
    let repository = Repository::new(ALL, Kept::InStore, "--faults hang-after@create#2-8");
    let first = Order { stop: Some(Stopped::Died), ..Order::of(Event::Push) }.run(&repository);
    first.ended("apply/Apply", "cancelled");
    assert!((2..=ALL).contains(&repository.conversations()), "{}", first.log);
    let second = Order::of(Event::Push).run(&repository);
    if second.steps.iter().any(|step| step == &("apply/Apply".to_owned(), "failure".to_owned())) {
        assert!(second.log.contains("was approved"), "{}", second.log);
        Order::of(Event::Push).run(&repository).ended("apply", "success");
    }
    assert_eq!(repository.conversations(), ALL, "{}", second.log);
    Order::of(Event::Push).run(&repository).ended("apply", "skipped");
}

#[test]
fn a_laptop_a_job_and_a_job_that_died_share_one_state() {
    const ALL: usize = 5;
    let repository = Repository::new(ALL, Kept::InStore, "--faults hang-after@create#2-5");
    let token = Variables::from([("DIXA_API_KEY".to_owned(), "the-secret-token".to_owned())]);
    let by_hand = |words: &str| {
        let folder = repository.checkout("main", false);
        let ended = repository.run(&folder, &format!("dixaform {words} --tenant staging"), &token, None);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended.log
    };
    by_hand("apply --yes --target conversation.c0");
    assert_eq!(repository.conversations(), 1);
    let died = Order { stop: Some(Stopped::Died), ..Order::of(Event::Push) }.run(&repository);
    died.ended("apply/Apply", "cancelled");
    assert!(repository.conversations() > 1, "{}", died.log);
    let planned = by_hand("plan");
    assert!(planned.contains("in doubt"), "what the job left is told to a person, too: {planned}");
    by_hand("apply --yes");
    assert_eq!(repository.conversations(), ALL);
    assert!(by_hand("plan").contains("No changes."));
    Order::of(Event::Push).run(&repository).ended("apply", "skipped");
}
