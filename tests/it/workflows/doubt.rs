//! What becomes of calls whose end a run on GitHub did not learn of, where the workflow commits state and journal.

use crate::support::manifests::{SMS, callback};
use crate::workflows::repository::{Kept, Repository, Stopped, Variables};
use crate::workflows::run::{Event, Order, Run};

const STATE: &str = "state/staging.json";
const JOURNAL: &str = "state/staging.journal";
const MARK: &str = "state/staging.applying";

fn push(repository: &Repository) -> Run {
    Order::of(Event::Push).run(repository)
}

/// How many conversations Dixa was asked to make.
fn posts(repository: &Repository) -> usize {
    let requests = repository.workspace.requests_in("requests.jsonl");
    requests.iter().filter(|(call, _)| call == "POST /v1/conversations").count()
}

/// What a person runs, in a clone of main.
fn person(repository: &Repository, script: &str) {
    let token = Variables::from([("DIXA_API_KEY".to_owned(), "the-secret-token".to_owned())]);
    let ended = repository.run(&repository.checkout("main", true), script, &token, None);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[test]
fn a_call_that_was_on_its_way_when_the_job_was_cancelled_is_waited_for_and_not_sent_again() {
    let repository = Repository::new(1, Kept::InGit, "--faults commit-delay=12s");
    let first = Order { stop: Some(Stopped::CancelledAtOnce), ..Order::of(Event::Push) }.run(&repository);
    first.ended("apply/Commit state and journal", "success");
    assert_eq!(repository.conversations(), 0, "it is on its way: {}", first.log);
    assert_eq!(repository.on_main(MARK), "", "{}", first.log);
    assert!(repository.on_main(JOURNAL).contains("conversation.c0"), "{}", first.log);

    let second = push(&repository);
    assert_eq!((repository.conversations(), posts(&repository)), (1, 1), "{}", second.log);
    assert!(repository.on_main(STATE).contains("\"id\":1001"), "{}", second.log);
    assert_eq!(repository.on_main(JOURNAL), "", "{}", second.log);
    push(&repository).ended("apply", "skipped");
}

#[test]
fn what_reaches_a_customer_is_asked_again_in_each_run_and_sent_by_none() {
    // The answer does not come, and no list is given either.
    let repository = Repository::new(0, Kept::InGit, "--faults drop-after@create#1,404@conversations#2-99");
    let project = repository.workspace.read("seed/dixaform.yaml");
    repository.push("dixaform.yaml", &project.replace("settle:", "allowOutbound: true, settle:"));
    repository.push("manifests/sms.yaml", SMS);
    for _ in 0..2 {
        let asked = push(&repository);
        asked.ended("apply/Apply", "failure");
        asked.ended("apply/Commit state and journal", "success");
        assert!(asked.log.contains("--- apply/Apply: Some(6)\n"), "{}", asked.log);
        assert!(repository.on_main(JOURNAL).contains("conversation.pickup"), "{}", asked.log);
        assert_eq!((posts(&repository), repository.on_main(MARK).as_str()), (1, ""), "{}", asked.log);
    }
    // As docs/ci.md says.
    person(
        &repository,
        "dixaform recover --tenant staging --adopt conversation.pickup=1001\ngit add state && git commit --quiet -m \
         settled && git push --quiet origin HEAD:main",
    );
    assert_eq!(repository.on_main(JOURNAL), "");
    push(&repository).ended("apply", "skipped");
    assert_eq!(posts(&repository), 1);
}

#[test]
fn what_a_dead_run_made_and_nobody_can_tell_is_kept_as_a_question_and_nothing_is_sent() {
    let repository = Repository::new(2, Kept::InGit, "");
    repository.push("manifests/callback.yaml", &callback("callback"));
    // A run that died with everything that it knew.
    person(&repository, "dixaform apply --tenant staging --yes");
    repository.push(MARK, "a run that died\n");
    assert_eq!(posts(&repository), 3);

    let asked = push(&repository);
    asked.ended("apply/Look for what a dead run made", "failure");
    assert!(asked.log.contains("--- apply/Look for what a dead run made: Some(6)\n"), "{}", asked.log);
    asked.ended("apply/Mark the state as in use", "skipped");
    asked.ended("apply/Apply", "skipped");
    asked.ended("apply/Commit state and journal", "success");
    assert!(asked.artifacts.contains(&"dixaform-state".to_owned()), "{:?}", asked.artifacts);
    assert_eq!(repository.on_main(STATE).matches("\"address\"").count(), 2, "what was found: {}", asked.log);
    assert!(repository.on_main(JOURNAL).contains("conversation.callback"), "what was not: {}", asked.log);
    assert_eq!(repository.on_main(MARK), "", "{}", asked.log);

    let again = push(&repository);
    assert!(again.log.contains("--- apply/Apply: Some(6)\n"), "{}", again.log);
    assert_eq!(posts(&repository), 3);
}

/// Somebody pushes between the checkout of a job and its mark.
#[test]
fn a_busy_main_does_not_stop_an_apply_before_it_begins() {
    let repository = Repository::new(1, Kept::InGit, "");
    let stub = "#!/usr/bin/env bash\nset -e\nif [ \"$1 $2\" = 'state path' ] && [ ! -e \"$STUBS/pushed\" ]; then\n  touch \"$STUBS/pushed\"\n  \
                cd \"$STUBS/../seed\" && date >late.txt && git add . && git commit --quiet -m late\n  \
                git push --quiet origin HEAD:main && cd \"$OLDPWD\"\nfi\nexec \"$PROGRAM\" \"$@\"\n";
    repository.workspace.write("stubs/dixaform", stub);
    let applied = push(&repository);
    applied.ended("apply", "success");
    assert_ne!(repository.on_main("late.txt"), "", "{}", applied.log);
    assert_eq!((repository.conversations(), repository.on_main(MARK).as_str()), (1, ""), "{}", applied.log);
}

/// A person has changed the state on main meanwhile. Nobody can put that together; what the job knows is kept.
#[test]
fn what_is_kept_of_a_state_that_could_not_be_pushed_has_no_conflict_in_it() {
    let repository = Repository::new(1, Kept::InGit, "");
    let stub = "#!/usr/bin/env bash\nset -e\nif [ \"$1\" = apply ]; then\n  \
                cd \"$STUBS/../seed\" && git pull --quiet --rebase origin main && mkdir -p state && echo '{}' >state/staging.json\n  \
                git add . && git commit --quiet -m other && git push --quiet origin HEAD:main && cd \"$OLDPWD\"\nfi\nexec \"$PROGRAM\" \"$@\"\n";
    repository.workspace.write("stubs/dixaform", stub);
    repository.workspace.write("stubs/sleep", "#!/bin/sh\n");
    repository.sh("stubs", "chmod +x sleep");
    let applied = push(&repository);
    applied.ended("apply/Commit state and journal", "failure");
    assert_ne!(repository.on_main(MARK), "", "{}", applied.log);
    assert!(applied.artifacts.contains(&"dixaform-state".to_owned()), "{:?}", applied.artifacts);
    let kept = repository.workspace.read(&format!("{}/dixaform-state/staging.json", applied.folder));
    assert!(kept.contains("\"id\":1001") && !kept.contains("<<<<<<<"), "{kept}");
}

#[test]
fn a_state_in_another_folder_is_committed_and_kept_as_well() {
    let repository = Repository::new(4, Kept::InGit, "--faults hang-after@create#2-4");
    let project = repository.workspace.read("seed/dixaform.yaml");
    repository.push("dixaform.yaml", &project.replace("state/staging.json", ".infra/dixa.json"));
    let first = Order { stop: Some(Stopped::Cancelled), ..Order::of(Event::Push) }.run(&repository);
    first.ended("apply/Commit state and journal", "success");
    assert!(first.artifacts.contains(&"dixaform-state".to_owned()), "{:?}", first.artifacts);
    for name in ["dixa.json", "dixa.journal"] {
        let kept = repository.workspace.read(&format!("{}/dixaform-state/{name}", first.folder));
        assert!(kept.contains("conversation.c"), "{name}: {kept}");
        assert_eq!(repository.on_main(&format!(".infra/{name}")), kept);
    }
    assert_eq!(repository.on_main(".infra/dixa.applying"), "");
}

/// Git overwrites files that are ignored without asking.
#[test]
fn a_journal_of_a_persons_own_is_not_overwritten_by_that_of_a_job() {
    let repository = Repository::new(1, Kept::InGit, "--faults hang-after@create#1");
    repository.sh("", "git clone --quiet \"file://$PWD/origin.git\" reader && mkdir reader/state");
    repository.workspace.write(&format!("reader/{JOURNAL}"), "mine\n");
    let stopped = Order { stop: Some(Stopped::CancelledAtOnce), ..Order::of(Event::Push) }.run(&repository);
    assert_ne!(repository.on_main(JOURNAL), "", "{}", stopped.log);
    let pulled = repository.run("reader", "git pull --quiet", &Variables::new(), None);
    assert!(pulled.log.contains("would be overwritten"), "{}", pulled.log);
    assert_eq!(repository.workspace.read(&format!("reader/{JOURNAL}")), "mine\n");
}
