//! What the workflow and the action of GitHub do.

use crate::ci_kit::repository::{Repository, Stopped, Variables};
use crate::ci_kit::workflow::{Event, PUSHED, act, context, of_github, run, run_number, run_of};
use crate::ci_kit::{example, yaml};
use crate::support::manifests::email;

#[test]
fn a_pull_request_gets_one_comment_which_is_edited_later_and_needs_no_token_of_the_tenant() {
    let repository = Repository::ready(2, "");
    let mark = "<!-- dixaform:plan tenant=staging -->";
    repository.comment(12, "somebody", &format!("{mark}\nwhat a person wrote\n"));
    let first = run(&repository, Event::PullRequest, None);
    first.ended("plan/Comment", "success");
    first.ended("apply", "skipped");
    assert_eq!(first.artifacts, ["dixaform-out/plan.html", "dixaform-out/validate.html"]);
    let comments = repository.comments();
    assert_eq!(comments.len(), 2, "{}", first.log);
    let (author, text) = &comments[1];
    assert_eq!(author, "github-actions[bot]");
    assert!(text.starts_with(mark) && text.contains("2 to create") && text.contains("Fingerprint"), "{text}");
    let named = format!("](https://github.com/o/r/actions/runs/1) of commit {}\n", &PUSHED[..12]);
    assert!(text.ends_with(&named), "the commit is the one that was pushed, and not its merge: {text}");
    assert_eq!(&first.summary, text);

    repository.push("manifests/more.yaml", &email("more"));
    let second = run(&repository, Event::PullRequest, None);
    second.ended("plan/Comment", "success");
    let comments = repository.comments();
    assert_eq!(comments.len(), 2);
    assert!(comments[0].1.ends_with("what a person wrote\n") && comments[1].1.contains("3 to create"), "{comments:?}");
    let calls = repository.calls();
    assert_eq!(calls.matches("--method POST").count(), 1, "{calls}");
    assert_eq!(calls.matches("--method PATCH repos/o/r/issues/comments/4711 ").count(), 1, "{calls}");

    assert_eq!(repository.requests(), 0);
    for (step, environment) in first.environments.iter().chain(&second.environments) {
        assert!(!environment.values().any(|value| value.contains("secret")), "{step} has the token of the tenant");
    }
}

#[test]
fn a_pull_request_that_may_not_write_has_its_plan_in_the_summary_and_says_so() {
    let repository = Repository::ready(1, "");
    let run = run(&repository, Event::Fork, None);
    run.ended("plan/Comment", "success");
    assert!(run.log.contains("::warning title=dixaform::No comment"), "{}", run.log);
    assert!(run.summary.contains("1 to create"), "{}", run.summary);
    assert_eq!(repository.calls(), "");
}

#[test]
fn a_plan_that_fails_takes_the_place_of_the_older_one() {
    let repository = Repository::ready(1, "");
    run(&repository, Event::PullRequest, None).ended("plan/Plan", "success");
    repository.push("manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    let failed = run(&repository, Event::PullRequest, None);
    failed.ended("plan/Plan", "failure");
    failed.ended("plan/Comment", "success");
    let [(_, text)] = repository.comments().try_into().unwrap();
    assert!(text.contains("no plan") && !text.contains("to create"), "{text}");
    assert!(text.contains("\n### dixaform: 2 errors\n") && text.contains("unknown member `requestrId`"), "{text}");
    assert_eq!(text.matches("<!-- dixaform:").count(), 1, "{text}");
    assert_eq!(failed.artifacts, ["dixaform-out/validate.html"]);
    assert!(failed.log.contains("\n::error file=manifests/bad.yaml,line=7"), "{}", failed.log);
}

/// A manifest is anybody's text, and GitHub takes lines of a log for commands.
#[test]
fn nothing_that_a_manifest_says_is_a_command_to_github() {
    let repository = Repository::ready(0, "");
    let value = r#""::error::owned\n##[error]owned\n::set-output name=apply::true""#;
    repository.push("manifests/a.yaml", &email("a").replace("Hello", value));
    let planned = run(&repository, Event::PullRequest, None);
    planned.ended("plan/Plan", "success");
    let applied = run(&repository, Event::Push, None);
    applied.ended("apply/Apply", "success");
    for log in [&planned.log, &applied.log] {
        let mut stopped: Option<String> = None;
        let mut muted = 0;
        for line in log.lines() {
            let line = line.trim_start();
            match &stopped {
                Some(token) if line == format!("::{token}::") => stopped = None,
                Some(_) => muted += usize::from(line.contains("owned")),
                None => {
                    assert!(!line.contains("owned"), "{log}");
                    stopped = line.strip_prefix("::stop-commands::").map(str::to_owned);
                }
            }
        }
        assert!(stopped.is_none() && muted > 0, "{log}");
    }
}

#[test]
fn a_merge_applies_once_and_the_state_is_on_its_branch() {
    let repository = Repository::ready(3, "");
    let first = run(&repository, Event::Push, None);
    first.ended("apply/Apply", "success");
    first.ended("apply/Save the state", "success");
    first.ended("apply/Keep the state at least here", "skipped");
    assert_eq!(repository.conversations(), 3);
    assert_eq!(repository.kept("staging.json").matches("\"address\"").count(), 3);
    assert_eq!((repository.kept("staging.taken"), repository.kept("staging.journal")), (String::new(), String::new()));
    assert!(first.summary.contains("\n## dixaform apply: 3 created\n"), "{}", first.summary);
    assert!(first.log.contains("\n::notice title=dixaform apply for staging::3 created."), "{}", first.log);
    assert!(!repository.sh("origin.git", "git ls-tree -r --name-only main").contains("staging.json"));
    let with_token: Vec<_> =
        first.environments.iter().filter(|(_, all)| all.values().any(|value| value.contains("secret"))).collect();
    assert_eq!(with_token.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>(), ["apply/Apply"]);

    let requests = repository.requests();
    let second = run(&repository, Event::Push, None);
    second.ended("plan/Plan", "success");
    second.ended("apply", "skipped");
    assert!(second.log.contains("No changes."), "{}", second.log);
    assert_eq!(repository.requests(), requests);
}

/// The state of a run is the one that dixaform works with, wherever the project has it and whatever it is called.
#[test]
fn a_state_in_another_place_is_carried_like_any() {
    let repository = Repository::with_state(2, "", Some("kept/eu.json")).with_branch();
    let first = run(&repository, Event::Push, None);
    first.ended("apply/Save the state", "success");
    assert_eq!(repository.conversations(), 2, "{}", first.log);
    assert_eq!(repository.kept("staging.json").matches("\"address\"").count(), 2, "{}", first.log);
    run(&repository, Event::Push, None).ended("apply", "skipped");
    assert_eq!(repository.conversations(), 2);
    // With work by hand in between, after which the state is elsewhere.
    repository.push("dixaform.yaml", &repository.workspace.read("seed/dixaform.yaml").replace("kept/eu", "us"));
    run(&repository, Event::Push, None).ended("apply", "skipped");
}

/// They would send plan and apply to a state that nobody brings or saves.
#[test]
fn flags_that_lead_to_another_state_are_refused() {
    let repository = Repository::ready(1, "");
    for flag in ["--state", "--state=state/eu.json", "--chdir"] {
        let mut variables = of_github(Event::Push, 1, &repository, &repository.head());
        let pairs =
            [("DIXAFORM_TENANT", "staging"), ("DIXA_API_KEY", "t"), ("DIXAFORM_FINGERPRINT", "0123456789abcdef")];
        variables.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables.insert("DIXAFORM_PLAN_FLAGS".to_owned(), format!("--prune {flag} state/eu.json"));
        for script in ["plan", "apply"] {
            let folder = repository.checkout();
            let ended = repository.run(&folder, &format!("bash .dixaform/ci/{script}.sh"), &variables, None);
            let told = format!("the kit takes no {}", &flag[..7]);
            assert!(ended.code == Some(64) && ended.log.contains(&told), "{script} {flag}: {}", ended.log);
            if script == "plan" {
                let page = repository.workspace.read(&format!("{folder}/dixaform-out/plan.md"));
                assert!(page.contains("no plan") && page.contains("exit code 64"), "{page}");
            }
        }
    }
    assert_eq!(repository.requests(), 0);
}

/// It plans the merge, as for a pull request, and reports, so that the check may be a required one.
#[test]
fn a_merge_queue_has_its_plan_and_nothing_is_applied() {
    let repository = Repository::ready(1, "");
    let queued = run(&repository, Event::MergeQueue, None);
    queued.ended("plan/Plan", "success");
    queued.ended("plan/Comment", "skipped");
    queued.ended("apply", "skipped");
    assert!(queued.summary.contains("1 to create"), "{}", queued.summary);
    assert!(queued.summary.contains(&repository.head()[..12]), "{}", queued.summary);
    assert_eq!((repository.requests(), repository.calls().as_str()), (0, ""));
    // Nor does it wait for an apply and its approval.
    let group = yaml("github/plan-and-apply.yml")["concurrency"]["group"].as_str().unwrap().to_owned();
    let group = |event| context(event).text(&group);
    assert_eq!(group(Event::MergeQueue), "dixaform-staging-refs/heads/gh-readonly-queue/main/pr-7-abc");
    assert_eq!(
        (group(Event::PullRequest).as_str(), group(Event::Push).as_str()),
        ("dixaform-staging-7", "dixaform-staging-apply")
    );
    repository.push("manifests/bad.yaml", &email("bad").replace("requesterId", "requestrId"));
    run(&repository, Event::MergeQueue, None).ended("plan/Plan", "failure");
}

/// GitHub keeps the commit of a run, and would write back what a newer one has changed.
#[test]
fn an_old_run_that_is_started_again_is_refused() {
    let repository = Repository::ready(1, "");
    let old = repository.head();
    run_of(&repository, Event::Push, None, 1, &old).ended("apply/Apply", "success");
    repository.push("manifests/more.yaml", &email("more"));
    let tip = repository.head();
    run_of(&repository, Event::Push, None, 2, &tip).ended("apply/Apply", "success");
    let requests = repository.requests();
    let again = run_of(&repository, Event::Push, None, 1, &old);
    again.ended("plan/Plan", "failure");
    again.ended("apply", "skipped");
    let told = format!(
        "::error title=dixaform::this run is of commit {}, which is no longer the tip of main: that is {}\n",
        &old[..12],
        &tip[..12]
    );
    assert!(again.log.contains(&told), "{}", again.log);
    assert!(again.summary.contains("no plan") && again.summary.contains("exit code 5"), "{}", again.summary);
    assert_eq!(repository.requests(), requests);
    // The newest commit may be planned as often as anybody likes.
    run_of(&repository, Event::Push, None, 2, &tip).ended("plan/Plan", "success");
}

/// "Re-run failed jobs" starts the job apply alone, with what the job plan handed on long ago; and an approval can be late.
#[test]
fn an_apply_that_comes_after_a_newer_commit_is_refused() {
    let repository = Repository::ready(1, "");
    let folder = repository.checkout();
    let old = repository.head();
    repository.push("manifests/more.yaml", &email("more"));
    let mut variables = of_github(Event::Push, 1, &repository, &old);
    let pairs = [("DIXAFORM_TENANT", "staging"), ("DIXA_API_KEY", "t"), ("DIXAFORM_FINGERPRINT", "0123456789abcdef")];
    variables.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let ended = repository.run(&folder, "bash .dixaform/ci/apply.sh", &variables, None);
    assert!(ended.code == Some(5) && ended.log.contains("no longer the tip of main"), "{}", ended.log);
    // On a branch that is gone there is no newest commit.
    variables.insert("GITHUB_REF".to_owned(), "refs/heads/gone".to_owned());
    let ended = repository.run(&folder, "bash .dixaform/ci/apply.sh", &variables, None);
    assert!(ended.code == Some(5) && ended.log.contains("there is no branch gone any more"), "{}", ended.log);
    // A tag never moves.
    variables.insert("GITHUB_REF".to_owned(), "refs/tags/v1".to_owned());
    let ended = repository.run(&folder, "bash .dixaform/ci/apply.sh", &variables, None);
    assert!(ended.log.contains("was approved"), "{}", ended.log);
    assert_eq!(repository.requests(), 0);
}

/// In a repository with several projects, commits to the others come all the time, and start no run of this one.
#[test]
fn of_a_project_in_a_folder_only_that_folder_counts() {
    let repository = Repository::ready(1, "");
    repository.sh("seed", "mkdir team && git mv .dixaform dixaform.yaml manifests team && git commit --quiet -m moved");
    repository.push("other/a.txt", "1");
    let old = repository.head();
    let folder = repository.checkout();
    let plan = || {
        let mut variables = of_github(Event::Push, 1, &repository, &old);
        variables.insert("DIXAFORM_TENANT".to_owned(), "staging".to_owned());
        repository.run(&format!("{folder}/team"), "bash .dixaform/ci/plan.sh", &variables, None)
    };
    repository.push("other/a.txt", "2");
    let ended = plan();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // What it names outside of its folder belongs to it.
    let text = repository.workspace.read(&format!("{folder}/team/dixaform.yaml"));
    repository
        .workspace
        .write(&format!("{folder}/team/dixaform.yaml"), format!("manifests: [manifests, ../other]\n{text}"));
    assert_eq!(plan().code, Some(5));
    repository.workspace.write(&format!("{folder}/team/dixaform.yaml"), text);
    repository.push("team/manifests/more.yaml", &email("more"));
    assert_eq!(plan().code, Some(5));
    repository.sh("seed", "git mv team elsewhere && git commit --quiet -m moved && git push --quiet origin main");
    assert_eq!(plan().code, Some(5));
}

#[test]
fn a_failure_is_first_in_the_summary_and_marked_at_its_manifest() {
    let repository = Repository::ready(1, "");
    let attachment = "  _type: Inbound\n    attachments: [{url: \"https://files.invalid/a.png\"}]\n";
    repository.push("manifests/bad.yaml", &email("bad").replace("  _type: Inbound\n", attachment));
    let run = run(&repository, Event::Push, None);
    run.ended("apply/Apply", "failure");
    run.ended("apply/Save the state", "success");
    run.ended("apply/Keep the report as a page", "success");
    assert!(run.summary.contains("## dixaform apply, incomplete: 1 created, 1 failed\n"), "{}", run.summary);
    assert!(run.summary.contains("**Failed:** `conversation.bad was not created`"), "{}", run.summary);
    assert!(run.log.contains("\n::error file=manifests/bad.yaml,line="), "{}", run.log);
    assert!(run.artifacts.iter().any(|artifact| artifact == "dixaform-out/apply.html"), "{:?}", run.artifacts);
}

#[test]
fn what_was_not_approved_is_not_applied() {
    let repository = Repository::ready(1, "");
    let mut variables = of_github(Event::Push, 1, &repository, &repository.head());
    let pairs = [("DIXAFORM_TENANT", "staging"), ("DIXA_API_KEY", "t"), ("DIXAFORM_FINGERPRINT", "0123456789abcdef")];
    variables.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let folder = repository.checkout();
    let ended = repository.run(&folder, "bash .dixaform/ci/apply.sh", &variables, None);
    assert_eq!(ended.code, Some(5), "{}", ended.log);
    variables.remove("DIXAFORM_FINGERPRINT");
    let ended = repository.run(&folder, "bash .dixaform/ci/apply.sh", &variables, None);
    assert!(ended.code != Some(0) && ended.log.contains("the fingerprint"), "{}", ended.log);
    assert_eq!(repository.requests(), 0);
}

/// The answers to some POSTs never come; the job is stopped while they are waited for.
#[test]
fn a_job_that_is_stopped_in_mid_work_loses_nothing_and_the_next_one_makes_nothing_twice() {
    for stop in [Stopped::Cancelled, Stopped::Killed] {
        let repository = Repository::ready(20, "--faults hang-after@create#2-5");
        let first = run(&repository, Event::Push, Some(stop));
        first.ended("apply/Apply", "cancelled");
        first.ended("apply/Save the state", "success");
        let made = repository.conversations();
        assert!((2..20).contains(&made), "{stop:?}: {made}\n{}", first.log);
        assert!(!repository.kept("staging.journal").is_empty(), "{stop:?}: {}", first.log);
        assert_eq!(repository.kept("staging.taken"), "");

        let mut second = run_number(&repository, Event::Push, None, 2);
        if second.log.contains("was approved") {
            // A call in doubt had made nothing: it is planned again, which nobody has seen yet.
            second = run_number(&repository, Event::Push, None, 4);
        }
        second.ended("apply/Apply", "success");
        second.ended("apply/Save the state", "success");
        assert_eq!(repository.conversations(), 20, "{stop:?}: {}", second.log);
        assert_eq!(repository.kept("staging.json").matches("\"address\"").count(), 20);
        let third = run_number(&repository, Event::Push, None, 3);
        third.ended("apply", "skipped");
    }
}

/// Given back, the tenant would be planned without what that apply still makes, and all of it made once more.
#[test]
fn while_an_apply_that_outlived_its_job_is_running_nothing_is_saved_and_the_tenant_stays_taken() {
    let repository = Repository::ready(20, "--faults hang-after@create#2-5");
    let first = run(&repository, Event::Push, Some(Stopped::Orphaned));
    first.ended("apply/Apply", "cancelled");
    first.ended("apply/Save the state", "failure");
    assert!(
        first
            .log
            .contains("::error title=dixaform::an apply may still be running here: error: the state is locked by ")
    );
    assert!(repository.kept("staging.taken").starts_with("https://github.com/o/r/actions/runs/1/attempts/1\n"));
    assert!(first.artifacts.iter().any(|artifact| artifact == "dixaform-out/state"), "{:?}", first.artifacts);
    run_number(&repository, Event::Push, None, 2).ended("apply/Take the state", "failure");

    // Once more, in its folder: this one waits until the apply has ended.
    let mut by_hand = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
    by_hand.insert("DIXAFORM_RUN".to_owned(), "https://github.com/o/r/actions/runs/1/attempts/1".to_owned());
    let saved = repository.run("work-2", "bash .dixaform/ci/state.sh save", &by_hand, None);
    assert!(saved.code == Some(0) && saved.log.contains("saved the state of staging"), "{}", saved.log);
    assert_eq!((repository.conversations(), repository.kept("staging.taken").as_str()), (20, ""));
    run_number(&repository, Event::Push, None, 3).ended("apply", "skipped");
    assert_eq!(repository.conversations(), 20);
}

/// A machine that is gone saves nothing. Its mark stays, and the next run asks for somebody.
#[test]
fn after_a_run_that_never_saved_nothing_is_applied() {
    let repository = Repository::ready(1, "");
    let mut variables = of_github(Event::Push, 1, &repository, &repository.head());
    variables.insert("DIXAFORM_TENANT".to_owned(), "staging".to_owned());
    let gone = repository.checkout();
    let took = repository.run(&gone, "bash .dixaform/ci/state.sh take", &variables, None);
    assert_eq!(took.code, Some(0), "{}", took.log);
    let next = run_number(&repository, Event::Push, None, 2);
    next.ended("apply/Take the state", "failure");
    next.ended("apply/Apply", "skipped");
    next.ended("apply/Save the state", "success");
    assert!(next.log.contains(
        "::error title=dixaform::the tenant staging is taken by https://github.com/o/r/actions/runs/1/attempts/1"
    ));
    assert!(repository.kept("staging.taken").starts_with("https://github.com/o/r/actions/runs/1/attempts/1\n"));
    assert_eq!(repository.requests(), 0);
}

#[test]
fn a_state_that_can_t_be_pushed_is_kept_as_an_artifact_and_the_tenant_stays_taken() {
    let repository = Repository::ready(1, "");
    // The branch takes the mark, and nothing that takes it away.
    let hook = "#!/bin/sh\nread old new name\n! git diff --name-status \"$old\" \"$new\" | grep -q '^D.*taken'\n";
    repository.workspace.write("origin.git/hooks/pre-receive", hook);
    repository.sh("origin.git", "chmod +x hooks/pre-receive");
    let run = run(&repository, Event::Push, None);
    run.ended("apply/Apply", "success");
    run.ended("apply/Save the state", "failure");
    let pages = ["dixaform-out/plan.html", "dixaform-out/validate.html", "dixaform-out/apply.html"];
    assert_eq!(run.artifacts, [&pages[..], &["dixaform-out/state"]].concat(), "{}", run.log);
    assert!(!repository.kept("staging.taken").is_empty());
    run_number(&repository, Event::Push, None, 2).ended("apply/Take the state", "failure");

    // Somebody brings it back, as docs/ci.md says.
    repository.workspace.remove("origin.git/hooks/pre-receive");
    let mut by_hand = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
    let owner = "https://github.com/o/r/actions/runs/1/attempts/1";
    by_hand.insert("DIXAFORM_RUN".to_owned(), owner.to_owned());
    let folder = repository.checkout();
    repository.sh(&folder, "mkdir state && cp ../work-2/dixaform-out/state/* state/");
    let saved = repository.run(&folder, "bash .dixaform/ci/state.sh save", &by_hand, None);
    assert_eq!(saved.code, Some(0), "{}", saved.log);
    run_number(&repository, Event::Push, None, 3).ended("apply", "skipped");
    assert_eq!(repository.conversations(), 1);
}

/// Saving can be cancelled, too, by whoever loses patience.
#[test]
fn unless_it_was_saved_the_state_is_kept_as_an_artifact() {
    for (file, steps) in [
        ("workflow", &yaml("github/plan-and-apply.yml")["jobs"]["apply"]["steps"]),
        ("action", &yaml("github/action.yml")["runs"]["steps"]),
    ] {
        let keep = steps.as_array().unwrap().iter().find(|step| step["name"] == "Keep the state at least here");
        let condition = keep.and_then(|step| step["if"].as_str());
        let mut context = context(Event::Push);
        context.set("inputs.command", "apply");
        for (saved, kept) in [("success", false), ("failure", true), ("cancelled", true)] {
            context.set("steps.save.outcome", saved);
            (context.failed, context.cancelled) = (saved == "failure", saved == "cancelled");
            assert_eq!(context.runs(condition), kept, "{file}: {saved}");
        }
    }
}

/// A branch that was deleted would have everything made once more, so its absence is not taken for a beginning.
#[test]
fn without_the_branch_of_the_state_everything_is_planned_and_nothing_applied() {
    let repository = Repository::new(1, "");
    let run = run(&repository, Event::Push, None);
    run.ended("plan/Plan", "success");
    assert!(
        run.log.contains("There is no branch dixaform-state yet: all manifests are planned as new."),
        "{}",
        run.log
    );
    run.ended("apply/Take the state", "failure");
    run.ended("apply/Apply", "skipped");
    assert!(run.log.contains("bash .dixaform/ci/state.sh create"), "{}", run.log);
    assert_eq!(repository.requests(), 0);
}

/// As a block of YAML has them.
#[test]
fn paths_and_flags_may_be_on_several_lines() {
    let repository = Repository::ready(3, "");
    let (tenant, paths) =
        (("tenant", "staging"), ("paths", "manifests/c0.yaml\nmanifests/c1.yaml\nmanifests/c2.yaml\n"));
    let flags = ("flags", "--verify\n--exclude conversation.c1\n");
    let (context, run) = act(&repository, &[("command", "plan"), tenant, paths, flags]);
    run.ended("action/Plan", "success");
    assert!(run.summary.contains("2 to create"), "{}", run.summary);
    let fingerprint = ("fingerprint", context.names["outputs.fingerprint"].as_str());
    // The second line arrives, too: dixaform knows no such flag.
    let more = [("api-key", "t"), ("apply-flags", "--allow-outbound\n--no-such-flag\n")];
    let inputs = [&[("command", "apply"), tenant, paths, flags, fingerprint], &more[..]].concat();
    let (_, run) = act(&repository, &inputs);
    assert!(run.log.contains("--no-such-flag"), "{}", run.log);
    let (_, run) = act(&repository, &[&inputs[..5], &more[..1]].concat());
    run.ended("action/Apply", "success");
    assert_eq!(repository.conversations(), 2, "{}", run.log);
}

#[test]
fn the_action_plans_and_applies_what_was_approved() {
    let repository = Repository::ready(2, "");
    let tenant = ("tenant", "staging");
    let (context, run) = act(&repository, &[("command", "plan"), tenant, ("paths", "manifests/c1.yaml")]);
    run.ended("action/Comment", "success");
    run.ended("action/Apply", "skipped");
    assert_eq!((context.names["outputs.apply"].as_str(), repository.comments().len()), ("true", 1));
    let fingerprint = context.names["outputs.fingerprint"].as_str();
    let inputs = [("command", "apply"), tenant, ("paths", "manifests/c1.yaml"), ("fingerprint", fingerprint)];
    let (_, run) = act(&repository, &[inputs.as_slice(), &[("api-key", "the-secret-token")]].concat());
    run.ended("action/Apply", "success");
    run.ended("action/Save the state", "success");
    run.ended("action/Keep the state at least here", "skipped");
    assert_eq!((repository.conversations(), repository.kept("staging.taken").as_str()), (1, ""));
    assert_eq!(example("github/action.yml").matches("default: 0.1.0").count(), 1);
}
