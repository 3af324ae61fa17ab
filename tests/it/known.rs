//! Files whose bytes are those that their records were made of are not parsed, and the plan is what it would be if they
//! were.

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Workspace, sealed};

/// Two files, one of them with two manifests, all applied.
fn applied() -> Workspace {
    let two = format!("{}\n---\n{}", email("one"), email("two"));
    let workspace = Workspace::fast().file("manifests/two.yaml", &two).file("manifests/order.yaml", ORDER);
    workspace.run("apply --yes").exit(0);
    workspace
}

/// How many records say what their manifest was made of.
fn remembered(workspace: &Workspace) -> usize {
    workspace.read("state/sandbox.json").matches("\"madeOf\":").count()
}

/// Lets every later look at these files find something else than what the records were made of, without a change.
fn with_a_comment(workspace: &Workspace, file: &str) {
    let text = workspace.read(&format!("manifests/{file}"));
    workspace.write(&format!("manifests/{file}"), format!("# seen\n{text}"));
}

#[test]
fn an_apply_remembers_what_manifests_were_made_of_and_the_next_plan_does_not_parse_them() {
    let workspace = applied();
    assert_eq!(remembered(&workspace), 3);
    workspace.run("plan").exit(0).says("No changes.");
    // A file that is not parsed can't be missed by its findings: the digest in the records is made to fit one that is
    // no manifest at all.
    let nonsense = "nonsense: true\n";
    let digest = dixaform::digest::Digest::of_bytes(nonsense.as_bytes()).to_string();
    let state = workspace.read("state/sandbox.json");
    let order = state.lines().find(|line| line.contains("order.yaml")).expect("a record");
    let made_of = order.split("\"madeOf\":{\"digest\":\"").nth(1).expect("a digest");
    let forged = state.replace(&made_of[..made_of.find('"').expect("an end")], &digest);
    workspace.write("state/sandbox.json", sealed(&forged));
    // As on a machine that has not seen another one of this serial.
    workspace.remove("state/sandbox.lock");
    workspace.write("manifests/order.yaml", nonsense);
    for command in ["plan", "apply --yes"] {
        workspace.run(command).exit(0).says("No changes.");
    }
    // A selector needs labels, and so it parses.
    workspace.run("plan --selector a=b").exit(1);
    // So does a refresh, which compares every manifest.
    workspace.run("plan --refresh").exit(1);
}

#[test]
fn a_file_that_changed_is_parsed_and_one_of_two_manifests_that_lost_its_record_is_made_again() {
    let workspace = applied();
    with_a_comment(&workspace, "order.yaml");
    workspace.run("plan").exit(0).says("No changes.");
    workspace.run("state forget conversation.one").exit(0);
    workspace.run("plan").exit(0).says("conversation.one will be created").says("2 unchanged");
}

#[test]
fn a_file_whose_record_moved_to_another_address_is_parsed() {
    let workspace = applied();
    let _ = workspace.run("state mv conversation.order conversation.moved").exit(0);
    let plan = workspace.run("plan").exit(0).says("conversation.order will be created").says("2 unchanged");
    assert!(plan.stdout.contains("conversation.moved"), "{}", plan.stdout);
}

#[test]
fn a_manifest_beside_one_that_is_not_parsed_is_held_against_it() {
    let workspace = applied();
    // The same address.
    workspace.write("manifests/again.yaml", email("one").replace("Hello", "Hi"));
    let outcome = workspace.run("plan").exit(1);
    assert!(outcome.stderr.contains("duplicate-address") && outcome.stderr.contains("two.yaml:"), "{}", outcome.stderr);
    // The same body under another name.
    workspace.write("manifests/again.yaml", email("one").replace("name: one", "name: three"));
    let outcome = workspace.run("plan").exit(0);
    assert!(outcome.stderr.contains("same-body") && outcome.stderr.contains("two.yaml:"), "{}", outcome.stderr);
}

#[test]
fn a_file_with_a_warning_is_parsed_each_time_so_that_the_warning_is_seen_each_time() {
    let suspicious = LEGACY.replace("genericapimessaging", "carrierpigeon");
    assert_ne!(suspicious, LEGACY);
    let workspace = Workspace::fast().file("manifests/legacy.yaml", &suspicious);
    workspace.run("apply --yes").exit(0);
    assert_eq!(remembered(&workspace), 0);
    let outcome = workspace.run("plan").exit(0);
    assert!(outcome.stderr.contains("unknown-channel-name"), "{}", outcome.stderr);
}

#[test]
fn records_of_an_older_version_say_nothing_of_bytes_until_an_apply_saves() {
    let workspace = applied();
    let state = workspace.read("state/sandbox.json");
    let without: Vec<String> = state
        .lines()
        .map(|line| match line.split_once("\"madeOf\":") {
            Some((before, rest)) => format!("{before}{}", &rest[rest.find("},").expect("an end") + 2..]),
            None => line.to_owned(),
        })
        .collect();
    workspace.write("state/sandbox.json", sealed(&without.join("\n")));
    assert_eq!(remembered(&workspace), 0);
    workspace.run("plan").exit(0).says("No changes.");
    workspace.run("apply --yes --accept-older-state").exit(0);
    assert_eq!(remembered(&workspace), 0, "there was nothing to save");
    workspace.write("manifests/new.yaml", email("new"));
    workspace.run("apply --yes").exit(0);
    assert_eq!(remembered(&workspace), 4);
    // Another version may find something in the same bytes.
    let other =
        workspace.read("state/sandbox.json").replace(concat!("\"", env!("CARGO_PKG_VERSION"), "\""), "\"0.0.0\"");
    workspace.write("state/sandbox.json", sealed(&other));
    workspace.write("manifests/order.yaml", "nonsense: true\n");
    workspace.run("plan").exit(1);
}

#[test]
fn a_record_that_was_edited_by_hand_is_held_against_its_manifest_once_the_edit_is_accepted() {
    let workspace = applied();
    for (from, to) in
        [("\"conversation.order\"", "\"conversation.other\""), ("\"content\":\"sha256:", "\"content\":\"sha256:0")]
    {
        let saved = workspace.read("state/sandbox.json");
        let order = saved.lines().find(|line| line.contains("order.yaml")).expect("a record");
        let mut edited = order.replacen(from, to, 1);
        if to.ends_with('0') {
            // One digit more in front, and one less at the end.
            let end = edited.find(to).expect("it is there") + to.len() + 63;
            edited.remove(end);
            // Where digests differ, the spec decides.
            edited = edited.replacen("order #123", "order #124", 1);
        }
        workspace.write("state/sandbox.json", saved.replacen(order, &edited, 1));
        for command in ["plan", "apply --yes", "state list", "recover"] {
            let refused = workspace.run(command).exit(1).warns("state/sandbox.json can't be used");
            let _ = refused.warns("its seal does not fit").warns("dixaform state accept");
        }
        let _ = workspace.run("state accept").exit(0).says("sealed again, with 3 records at serial 1");
        let _ = workspace.run("plan --detailed-exitcode").exit(2);
        let _ = workspace.run("state accept").exit(0).says("nothing to accept");
        workspace.write("state/sandbox.json", &saved);
        workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
    }
}
