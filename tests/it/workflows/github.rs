//! What the workflow of GitHub does where it commits the state.

use crate::support::manifests::email;
use crate::workflows::repository::{Kept, Repository, Stopped};
use crate::workflows::run::{Event, Order, PUSHED, Run, context};
use crate::workflows::{has_jq, yaml};

const MARK: &str = "state/staging.applying";
const JOURNAL: &str = "state/staging.journal";

fn run(repository: &Repository, event: Event) -> Run {
    Order::of(event).run(repository)
}

fn stopped(repository: &Repository, stop: Stopped) -> Run {
    Order { stop: Some(stop), ..Order::of(Event::Push) }.run(repository)
}

/// How many records the state on main has.
fn records(repository: &Repository) -> usize {
    repository.on_main("state/staging.json").matches("\"address\"").count()
}

#[test]
fn a_pull_request_gets_one_comment_which_is_edited_later_and_needs_no_token_of_the_tenant() {
    if !has_jq() {
        return;
    }
    let repository = Repository::new(2, Kept::InGit, "");
    let mark = "<!-- dixaform:plan tenant=staging -->";
    repository.comment(12, "somebody", &format!("{mark}\nwhat a person wrote\n"));
    let first = run(&repository, Event::PullRequest);
    first.ended("plan/Comment", "success");
    first.ended("apply", "skipped");
    first.ended("drift", "skipped");
    assert_eq!(first.artifacts, ["plan.html"]);
    let comments = repository.comments();
    assert_eq!(comments.len(), 2, "{}", first.log);
    let (author, text) = &comments[1];
    assert_eq!(author, "github-actions[bot]");
    assert!(text.starts_with(mark) && text.contains("2 to create") && text.contains("Fingerprint"), "{text}");
    let named = format!("](https://github.com/o/r/actions/runs/1) of commit `{}`\n", &PUSHED[..12]);
    assert!(text.ends_with(&named), "the commit is the one that was pushed, and not its merge: {text}");
    assert_eq!(&first.summary, text);

    repository.push("manifests/more.yaml", &email("more"));
    run(&repository, Event::PullRequest).ended("plan/Comment", "success");
    let comments = repository.comments();
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[0].1.ends_with("what a person wrote\n") && comments[1].1.contains("3 to create"), "{comments:?}");
    let calls = repository.calls();
    assert_eq!((calls.matches("--method POST").count(), calls.matches("--method PATCH").count()), (1, 1), "{calls}");
    assert_eq!(repository.requests(), 0);
    for (step, environment) in &first.environments {
        assert!(!environment.values().any(|value| value.contains("secret")), "{step} has the token of the tenant");
    }

    // A plan that fails takes the place of the older one.
    repository.push("manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    let failed = run(&repository, Event::PullRequest);
    failed.ended("plan/Plan", "failure");
    failed.ended("plan/Comment", "success");
    let text = &repository.comments()[1].1;
    assert!(text.contains("unknown member `requestrId`") && !text.contains("to create"), "{text}");
    assert!(failed.log.contains("\n::error file=manifests/bad.yaml,line=7"), "{}", failed.log);
}

#[test]
fn a_pull_request_that_may_not_write_has_its_plan_in_the_summary() {
    let repository = Repository::new(1, Kept::InGit, "");
    let run = run(&repository, Event::Fork);
    run.ended("plan/Plan", "success");
    run.ended("plan/Comment", "skipped");
    assert!(run.summary.contains("1 to create"), "{}", run.summary);
    assert!(!repository.calls().contains("gh "), "{}", repository.calls());
}

/// It plans the merge, as for a pull request, and reports, so that the check may be a required one.
#[test]
fn a_merge_queue_has_its_plan_and_nothing_is_applied() {
    let repository = Repository::new(1, Kept::InGit, "");
    let queued = run(&repository, Event::MergeQueue);
    queued.ended("plan", "success");
    queued.ended("plan/Comment", "skipped");
    queued.ended("apply", "skipped");
    assert!(queued.summary.contains("1 to create") && queued.summary.contains(&repository.head()[..12]));
    assert_eq!(repository.requests(), 0);
    // Nor does it wait for an apply and its approval, nor is an apply put off by a check of the drift.
    let workflow = repository.workflow(".github/workflows/dixaform.yml");
    let group = |event| context(event).text(workflow["concurrency"]["group"].as_str().unwrap());
    assert_eq!(group(Event::MergeQueue), "dixaform-staging-refs/heads/gh-readonly-queue/main/pr-7-abc");
    assert_eq!(group(Event::PullRequest), "dixaform-staging-7");
    assert_eq!(group(Event::Push), "dixaform-staging-apply");
    assert_eq!(group(Event::Schedule), "dixaform-staging-17 4 * * 1-5");
}

/// Of the runs of one group that wait, GitHub keeps only the newest.
#[test]
fn a_run_that_somebody_starts_on_another_branch_applies_nothing_and_cancels_no_apply() {
    let repository = Repository::new(1, Kept::InGit, "");
    let started = run(&repository, Event::ByHand);
    started.ended("plan", "success");
    started.ended("apply", "skipped");
    assert_eq!(repository.requests(), 0);
    for file in ["github/committed.yml", "github/store.yml"] {
        let group = yaml(file)["concurrency"]["group"].as_str().unwrap().to_owned();
        assert_eq!(context(Event::ByHand).text(&group), "dixaform-staging-refs/heads/topic");
        assert_eq!(context(Event::Push).text(&group), "dixaform-staging-apply");
    }
}

#[test]
fn a_push_applies_what_was_shown_and_a_run_that_is_started_again_does_nothing() {
    let repository = Repository::new(3, Kept::InGit, "");
    let first = run(&repository, Event::Push);
    first.ended("apply", "success");
    assert_eq!((repository.conversations(), records(&repository)), (3, 3), "{}", first.log);
    assert_eq!(repository.on_main(MARK), "", "the mark is gone");
    assert!(first.summary.contains("## dixaform apply: 3 created\n"), "{}", first.summary);
    assert!(first.log.contains("\n::notice title=dixaform apply for staging::3 created."), "{}", first.log);
    assert_eq!(first.artifacts, ["plan.html", "apply.html", "dixaform-state"]);
    let with_token = first.environments.iter().filter(|(_, all)| all.values().any(|value| value.contains("secret")));
    let with_token: Vec<&str> = with_token.map(|(step, _)| step.as_str()).collect();
    assert_eq!(with_token, ["apply/Look for what a dead run made", "apply/Apply"]);
    let subjects = repository.sh("origin.git", "git log --format=%s main");
    assert!(subjects.starts_with("State of staging [skip ci]\nBegin to apply to staging [skip ci]\n"), "{subjects}");

    let requests = repository.requests();
    let again = run(&repository, Event::Push);
    again.ended("plan", "success");
    again.ended("apply", "skipped");
    assert_eq!(repository.requests(), requests);
    // The drift check reads, and says that main is in Dixa; and then that it is not.
    run(&repository, Event::Schedule).ended("drift", "success");
    repository.push("manifests/more.yaml", &email("more"));
    let drifted = run(&repository, Event::Schedule);
    drifted.ended("drift", "failure");
    drifted.ended("plan", "skipped");
    assert_eq!(repository.conversations(), 3);
}

/// GitHub keeps the commit of a run, and would write back what a newer one has changed.
#[test]
fn an_old_run_never_applies_an_older_commit() {
    let repository = Repository::new(1, Kept::InGit, "");
    let manifest =
        |value: &str| email("c0") + &format!("  customAttributes: {{{}: {value}}}\n", crate::support::manifests::TEXT);
    repository.push("manifests/c0.yaml", &manifest("one"));
    let old = repository.head();
    run(&repository, Event::Push).ended("apply", "success");
    repository.push("manifests/c0.yaml", &manifest("two"));
    run(&repository, Event::Push).ended("apply", "success");
    let requests = repository.requests();
    let again = Order { commit: Some(old.clone()), ..Order::of(Event::Push) }.run(&repository);
    again.ended("plan", "success");
    again.ended("apply", "skipped");
    assert_eq!(repository.requests(), requests, "{}", again.log);
    // Nor where there is something to apply: it is what main has.
    repository.push("manifests/more.yaml", &email("more"));
    let again = Order { commit: Some(old), ..Order::of(Event::Push) }.run(&repository);
    again.ended("apply", "success");
    let writes = repository.workspace.requests_in("requests.jsonl");
    let last = writes.iter().rfind(|(call, _)| call.starts_with("PATCH ")).unwrap();
    assert!(last.1.to_string().contains("two"), "{last:?}");
    assert_eq!(repository.conversations(), 2);
}

#[test]
fn what_was_not_approved_is_not_applied_and_the_next_run_shows_it() {
    let repository = Repository::new(1, Kept::InGit, "");
    // Another commit comes while somebody looks at the plan.
    let stub = "#!/usr/bin/env bash\nset -e\nif [ \"$1\" = apply ]; then set -- \"${@:1:4}\" 0123456789abcdef; fi\nexec \"$PROGRAM\" \"$@\"\n";
    let workflow = repository.workspace.read("seed/.github/workflows/dixaform.yml");
    assert!(workflow.contains("--tenant staging --approved \"$FINGERPRINT\""));
    repository.workspace.write("stubs/dixaform", stub);
    let refused = run(&repository, Event::Push);
    refused.ended("apply/Apply", "failure");
    refused.ended("apply/Commit state and journal", "success");
    assert!(refused.summary.contains("0123456789abcdef was approved"), "{}", refused.summary);
    assert_eq!((repository.conversations(), repository.on_main(MARK).as_str()), (0, ""));
    repository.workspace.remove("stubs/dixaform");
    run(&repository, Event::Push).ended("apply", "success");
    assert_eq!(repository.conversations(), 1);
}

/// The answers to all POSTs but the first never come; the job is stopped while they are waited for.
#[test]
fn a_job_that_is_stopped_loses_nothing_and_the_next_one_makes_nothing_twice() {
    std::thread::scope(|scope| {
        for stop in [Stopped::Cancelled, Stopped::Killed, Stopped::Died] {
            scope.spawn(move || stopped_and_run_again(stop));
        }
    });
}

fn stopped_and_run_again(stop: Stopped) {
    const ALL: usize = 8;
    let repository = Repository::new(ALL, Kept::InGit, "--faults hang-after@create#2-8");
    let first = stopped(&repository, stop);
    first.ended("apply/Apply", "cancelled");
    let made = repository.conversations();
    assert!((2..=ALL).contains(&made), "{stop:?}: {made}\n{}", first.log);
    if stop != Stopped::Died {
        first.ended("apply/Commit state and journal", "success");
        assert!(first.artifacts.iter().any(|artifact| artifact == "dixaform-state"), "{:?}", first.artifacts);
    }
    // What is in doubt is in the journal. If even that is lost, the mark says so, and the next run looks for it.
    assert_eq!(repository.on_main(JOURNAL).is_empty(), stop == Stopped::Died, "{stop:?}: {}", first.log);
    assert_eq!(repository.on_main(MARK).is_empty(), stop != Stopped::Died, "{stop:?}: {}", first.log);

    let second = run(&repository, Event::Push);
    let looked = repository.calls().contains("dixaform state rebuild --tenant staging --journal-lost\n");
    assert_eq!(looked, stop == Stopped::Died, "{}", repository.calls());
    if second.steps.iter().any(|step| step == &("apply/Apply".to_owned(), "failure".to_owned())) {
        // What was found makes another plan of it, which nobody has seen.
        assert!(second.log.contains("was approved"), "{stop:?}: {}", second.log);
        second.ended("apply/Commit state and journal", "success");
        run(&repository, Event::Push).ended("apply", "success");
    }
    assert_eq!((repository.conversations(), records(&repository)), (ALL, ALL), "{stop:?}: {}", second.log);
    assert_eq!((repository.on_main(MARK).as_str(), repository.on_main(JOURNAL).as_str()), ("", ""), "{stop:?}");
    run(&repository, Event::Push).ended("apply", "skipped");
}

/// A rule of the repository may forbid it: that must be known while nothing is sent.
#[test]
fn where_the_workflow_may_not_push_nothing_is_sent() {
    let repository = Repository::new(1, Kept::InGit, "");
    repository.workspace.write("origin.git/hooks/pre-receive", "#!/bin/sh\necho 'main is protected' >&2\nexit 1\n");
    repository.sh("origin.git", "chmod +x hooks/pre-receive");
    let refused = run(&repository, Event::Push);
    refused.ended("apply/Mark the state as in use", "failure");
    refused.ended("apply/Apply", "skipped");
    refused.ended("apply/Commit state and journal", "skipped");
    assert!(refused.log.contains("main is protected"), "{}", refused.log);
    assert_eq!(repository.requests(), 0);
}

#[test]
fn a_commit_that_comes_during_an_apply_stays_and_so_does_the_state() {
    let repository = Repository::new(2, Kept::InGit, "");
    let stub = "#!/usr/bin/env bash\nset -e\nif [ \"$1\" = apply ]; then\n  cd \"$STUBS/../seed\" && git pull --quiet --rebase origin main\n  \
        date >late.txt && git add . && git commit --quiet -m late && git push --quiet origin HEAD:main && cd \"$OLDPWD\"\nfi\nexec \"$PROGRAM\" \"$@\"\n";
    repository.workspace.write("stubs/dixaform", stub);
    let applied = run(&repository, Event::Push);
    applied.ended("apply", "success");
    assert_ne!(repository.on_main("late.txt"), "", "{}", applied.log);
    assert_eq!((records(&repository), repository.on_main(MARK).as_str()), (2, ""));
}

#[test]
fn a_failure_is_first_in_the_summary_and_marked_at_its_manifest() {
    let repository = Repository::new(1, Kept::InGit, "");
    let attachment = "  _type: Inbound\n    attachments: [{url: \"https://files.invalid/a.png\"}]\n";
    repository.push("manifests/bad.yaml", &email("bad").replace("  _type: Inbound\n", attachment));
    let run = run(&repository, Event::Push);
    run.ended("apply/Apply", "failure");
    run.ended("apply/Commit state and journal", "success");
    assert!(run.summary.contains("## dixaform apply, incomplete: 1 created, 1 failed\n"), "{}", run.summary);
    assert!(run.log.contains("\n::error file=manifests/bad.yaml,line="), "{}", run.log);
    assert_eq!((records(&repository), repository.on_main(MARK).as_str()), (1, ""));
}
