//! `--format json`: every command speaks it, errors included, and each document is what its schema says.

use std::collections::BTreeSet;

use dixaform::schema::{Subject, schema};
use serde_json::{Value, json};

use crate::support::manifests::{LEGACY, ORDER, email};
use crate::support::{Outcome, Workspace, sealed};

/// Commands whose result is no data, or is data already.
const WITHOUT: [&str; 5] = ["completions", "man", "sandbox", "schema", "skill"];

/// The one document that a command wrote to standard output, which fits its schema.
#[track_caller]
fn document(outcome: &Outcome, subject: Subject) -> Value {
    let text = &outcome.stdout;
    let document: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let validator =
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema(subject)).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{document:#}");
    assert_eq!(document["format"], schema(subject)["properties"]["format"]["const"], "{document}");
    document
}

/// A failed command with JSON: the document, which says what standard error says to people.
#[track_caller]
fn error(outcome: &Outcome) -> Value {
    let error = document(outcome, Subject::Error);
    assert_eq!(error["exitCode"], outcome.code, "{error}");
    let message = error["message"].as_str().unwrap().lines().next().unwrap();
    assert!(outcome.stderr.contains(&message[..message.len().min(40)]), "{error}\n{}", outcome.stderr);
    error
}

fn applied() -> Workspace {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/legacy.yaml", LEGACY);
    let _ = workspace.run("apply --yes").exit(0);
    workspace
}

#[test]
fn every_command_has_the_form_and_those_without_are_known() {
    let workspace = Workspace::new();
    let mut open = vec![String::new()];
    let mut seen = 0;
    while let Some(command) = open.pop() {
        let help = workspace.run(&format!("{command} --help")).exit(0).stdout;
        let below: Vec<&str> = help
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        if below.is_empty() {
            seen += 1;
            let has_form = help.contains("\n      --format <FORM[=FILE]>\n") && help.contains("json");
            assert_eq!(has_form, !WITHOUT.contains(&command.trim()), "{command}");
        }
        open.extend(below.iter().filter(|name| **name != "help").map(|name| format!("{command} {name}").trim().into()));
    }
    assert!(seen >= 18, "{seen}");
}

#[test]
fn init_says_which_files_it_wrote_and_which_were_there() {
    let workspace = Workspace::new().file("p/.gitignore", "*.journal\n");
    let first = document(&workspace.run("init p --format json").exit(0), Subject::Init);
    let file = |document: &Value, path: &str| {
        let files = document["files"].as_array().unwrap();
        files.iter().find(|file| file["path"] == path).expect(path).clone()
    };
    assert_eq!(file(&first, "p/dixaform.yaml"), json!({"path": "p/dixaform.yaml", "written": true, "lacks": []}));
    assert_eq!(file(&first, "p/.github/workflows/dixaform.yml")["written"], true);
    let ignored = file(&first, "p/.gitignore");
    assert_eq!(ignored["written"], false);
    assert!(ignored["lacks"].as_array().unwrap().iter().any(|line| line == "/state/*.lock"), "{ignored}");
    let second = document(&workspace.run("init p --format json").exit(0), Subject::Init);
    assert!(second["files"].as_array().unwrap().iter().all(|file| file["written"] == false));
    // Its own files are not overwritten, also where they are not there yet; others are below the folder.
    let _ = workspace.run("init q --format json=q/dixaform.yaml").exit(1).warns("nothing was sent");
    let _ = workspace.run("init --chdir p --format json=made.json").exit(0).says("left as it is: dixaform.yaml");
    assert_eq!(serde_json::from_str::<Value>(&workspace.read("p/made.json")).unwrap()["format"], "dixaform-init/1");
}

#[test]
fn the_state_is_listed_shown_and_changed_as_json() {
    let workspace = applied();
    let list = document(&workspace.run("state list --format json").exit(0), Subject::StateList);
    assert_eq!(
        (&list["tenant"], &list["state"], &list["serial"]),
        (&json!("sandbox"), &json!("state/sandbox.json"), &workspace.state()["serial"])
    );
    let record = workspace.record("conversation.order");
    let order = json!({
        "address": "conversation.order",
        "id": record["id"],
        "appliedAt": record["appliedAt"],
        "source": {"file": "manifests/order.yaml", "line": 1, "column": 1},
        "attributesWritten": true,
    });
    assert_eq!(list["records"][0], order);
    let one = document(&workspace.run("state list import.* --format json").exit(0), Subject::StateList);
    assert_eq!(one["records"].as_array().unwrap().len(), 1);

    let mut shown = document(&workspace.run("state show conversation.order --format json").exit(0), Subject::Record);
    shown.as_object_mut().unwrap().remove("format");
    assert_eq!(shown, record);

    let moved = workspace.run("state mv conversation.order conversation.parcel --format json").exit(0);
    let moved = document(&moved, Subject::StateChange);
    let id = &record["id"];
    let change = json!({"how": "moved", "address": "conversation.parcel", "id": id, "from": "conversation.order"});
    assert_eq!((&moved["changes"], &moved["saved"]), (&json!([change]), &json!(true)));
    assert_eq!(moved["serial"], workspace.state()["serial"]);

    let forgotten = workspace.run("state forget import.legacy --format json=f.json").exit(0);
    assert_eq!(forgotten.stdout, "import.legacy is forgotten; the conversation #1002 stays in Dixa.\n");
    let change: Value = serde_json::from_str(&workspace.read("f.json")).unwrap();
    assert_eq!(change["changes"], json!([{"how": "forgotten", "address": "import.legacy", "id": 1002, "from": null}]));

    let edited = workspace.read("state/sandbox.json").replace("order #123", "order #999");
    workspace.write("state/sandbox.json", edited);
    let accepted = document(&workspace.run("state accept --format json").exit(0), Subject::StateChange);
    assert_eq!((&accepted["saved"], &accepted["changes"]), (&json!(true), &json!([])));
    let again = document(&workspace.run("state accept --format json").exit(0), Subject::StateChange);
    assert_eq!((&again["saved"], &again["serial"]), (&json!(false), &accepted["serial"]));

    let path = document(&workspace.run("state path --format json").exit(0), Subject::StatePath);
    assert_eq!((&path["path"], &path["exists"]), (&json!("state/sandbox.json"), &json!(true)));
}

#[test]
fn a_state_is_pulled_and_its_lock_is_shown_as_json() {
    let workspace = applied();
    let pulled = workspace.run("state pull --format json --format text=pulled.json").exit(0).stdout;
    assert_eq!(pulled, workspace.read("state/sandbox.json"));
    assert_eq!(pulled, workspace.read("pulled.json"));
    let mut lock = document(&workspace.run("state unlock --format json").exit(0), Subject::StateLock);
    lock.as_object_mut().unwrap().remove("tool");
    let expected =
        json!({"format": "dixaform-state-lock/1", "tenant": "sandbox", "state": "state/sandbox.json", "ended": null});
    assert_eq!(lock, expected);
    let unlocked = workspace.run("state unlock --format json=lock.json").exit(0);
    assert_eq!(unlocked.stdout, "The state is not locked.\n");
    assert!(workspace.read("lock.json").contains("\"ended\":null"), "{}", workspace.read("lock.json"));
}

#[test]
fn an_end_user_that_is_forgotten_is_called_one() {
    let customer = "apiVersion: dixaform/v1\nkind: EndUser\nmetadata: {name: jane}\nspec: {email: jane@example.com}\n";
    let workspace = Workspace::fast().file("manifests/jane.yaml", customer);
    let _ = workspace.run("apply --yes").exit(0);
    let id = workspace.record("enduser.jane")["id"].as_str().unwrap().to_owned();
    let told = workspace.run("state forget enduser.jane").exit(0).stdout;
    assert_eq!(told, format!("enduser.jane is forgotten; the end user {id} stays in Dixa.\n"));
}

#[test]
fn a_rebuild_says_what_it_found() {
    let workspace = applied();
    workspace.remove("state/sandbox.json");
    let found = document(&workspace.run("state rebuild --format json").exit(0), Subject::StateChange);
    let addresses: Vec<&str> =
        found["changes"].as_array().unwrap().iter().map(|change| change["address"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["conversation.order", "import.legacy"]);
    assert!(found["changes"].as_array().unwrap().iter().all(|change| change["how"] == "found"), "{found}");
    assert_eq!((&found["saved"], &found["inDoubt"]), (&json!(true), &json!([])));
}

#[test]
fn recover_says_what_was_settled_by_whom_and_what_is_left() {
    let workspace = Workspace::fast().file("manifests/all.yaml", &format!("{}---\n{}", email("a"), email("b")));
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    let nothing = document(&workspace.run("recover --format json").exit(0), Subject::Recover);
    assert_eq!((&nothing["settled"], &nothing["exitCode"]), (&json!([]), &json!(0)));
    let blind = "drop-after@create#*,redirect@conversations#*";
    let _ = workspace.run(&format!("apply --yes --sandbox-faults {blind}")).exit(6);
    // It is settled by a person and by the machine. Of two that are sent together, either can be the first to arrive.
    let sent = workspace.requests().into_iter().find(|(call, _)| call.starts_with("POST ")).expect("two were sent");
    let (a, b) = if sent.1["subject"] == "about a" { (1001, 1002) } else { (1002, 1001) };
    let outcome = workspace.run(&format!("recover --adopt conversation.a={a} --format json")).exit(0);
    let done = document(&outcome, Subject::Recover);
    let settled = json!([
        {"address": "conversation.a", "decision": "adopt", "by": "person", "id": a},
        {"address": "conversation.b", "decision": "adopt", "by": "machine", "id": b},
    ]);
    assert_eq!((&done["settled"], &done["inDoubt"], &done["message"]), (&settled, &json!([]), &Value::Null));
    // What it can't do is an error, or part of the result where there is one.
    let refused = error(&workspace.run("recover --adopt conversation.a --format json").exit(64));
    assert_eq!(refused["message"], "`conversation.a` is not ADDRESS=ID");
    assert_eq!(refused["hints"], json!(["for example --adopt conversation.a=1234"]));
    let other = document(&workspace.run("recover --forget conversation.a --format json").exit(1), Subject::Recover);
    assert_eq!(other["message"], "conversation.a is not in doubt");
}

#[test]
fn what_is_still_in_doubt_is_in_the_one_document_of_recover() {
    let callback = "apiVersion: dixaform/v1\nkind: Conversation\nmetadata: {name: NAME}\nspec: {_type: Callback, \
                    requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b, direction: Inbound, contactEndpointId: \
                    \"+4551000000\", queueId: f0a0a1a8-1a34-4a8a-8d0c-3d7a3f6f1b11}\n";
    let two = format!("{}---\n{}", callback.replace("NAME", "a"), callback.replace("NAME", "b"));
    let workspace = Workspace::fast().file("manifests/all.yaml", &two);
    workspace.edit("dixaform.yaml", "  sandbox:\n", "  sandbox:\n    settle: 10ms\n");
    let _ = workspace.run("apply --yes --sandbox-faults drop-after@create#1-2").exit(6);
    let left = document(&workspace.run("recover --format json").exit(6), Subject::Recover);
    let doubts = left["inDoubt"].as_array().unwrap().iter();
    let addresses: BTreeSet<&str> = doubts.map(|doubt| doubt["address"].as_str().unwrap()).collect();
    assert_eq!(addresses, BTreeSet::from(["conversation.a", "conversation.b"]));
    assert_eq!((&left["exitCode"], &left["message"]), (&json!(6), &json!("something is in doubt")));
    assert!(left["hints"][0].as_str().unwrap().contains("--adopt ADDRESS=ID"));
}

#[test]
fn an_error_is_one_document_whatever_the_command_and_whatever_is_wrong() {
    let workspace = applied();
    for (line, code, message) in [
        ("plan --tenant nobody --format json", 1, "nobody"),
        ("plan manifests/none.yaml --format json", 1, "manifests/none.yaml"),
        ("apply --approved sha256:1 --target import.* --allow-replace none --format json", 1, "none"),
        ("apply none.plan --format json", 1, "none.plan"),
        ("show none.plan --format=json", 1, "none.plan"),
        ("state show conversation.parcel --format json=-", 1, "no record of conversation.parcel"),
        ("state mv import.legacy conversation.order --format json", 64, "import.legacy"),
        ("state forget nothing --format json", 64, "`nothing` isn't an address: expected KIND.NAME"),
        ("state pull --state none.json --format json", 1, "there is no state none.json yet"),
        ("state move-to state/new.json --format json", 64, "`state/new.json` is not the URL of a store"),
        ("state unlock --format yaml --format json", 64, "`yaml` is not a form"),
        ("catalog diff --format json", 1, "there is no catalog state/sandbox.catalog.json yet"),
        ("validate none --format json", 1, "none"),
        ("recover --create a --format json", 64, "`a` isn't an address"),
        ("init order/x --chdir manifests/order.yaml --format json", 1, "manifests/order.yaml"),
        // What clap refuses.
        ("plan --no-such-flag --format json", 64, "unexpected argument '--no-such-flag' found"),
        ("plan --format json --max-changes many", 64, "invalid value 'many' for '--max-changes <N>'"),
        ("plan --format json --format markdown", 64, "only one --format can go to standard output"),
        ("stat list --format json", 64, "unrecognized subcommand 'stat'"),
        ("state --format json", 64, "unexpected argument '--format' found"),
        ("state mv --format json", 64, "the following required arguments were not provided: <FROM> <TO>"),
        ("completions bash --format json", 64, "unexpected argument '--format' found"),
    ] {
        let outcome = workspace.run(line).exit(code);
        let error = error(&outcome);
        assert!(error["message"].as_str().unwrap().contains(message), "{line}: {error}");
        assert_eq!(outcome.stdout.lines().count(), 1, "{line}");
    }
    let token = error(&Workspace::new().run("catalog pull --format json").exit(3));
    assert_eq!(token["message"], "no token: the environment variable DIXA_API_KEY is not set");
    // The tips of clap are hints.
    let slip = error(&workspace.run("plan --targt a --format json").exit(64));
    assert!(
        slip["hints"].as_array().unwrap().iter().any(|hint| hint.as_str().unwrap().contains("'--target'")),
        "{slip}"
    );
    // Somebody who did not ask for it does not get it; `--` ends what is asked.
    for line in
        ["plan none", "plan --format json=plan.json none", "plan -- --format json", "plan --format markdown none"]
    {
        assert_eq!(workspace.run(line).stdout, "", "{line}");
    }
}

#[test]
fn an_error_about_manifests_or_the_project_file_has_its_findings() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    workspace.edit("manifests/order.yaml", "subject:", "subjct:");
    for line in ["plan --format json", "apply --yes --format json", "state rebuild --format json"] {
        let error = error(&workspace.run(line).exit(1));
        let finding = &error["findings"][1];
        assert_eq!(finding["code"], "unknown-member", "{line}");
        assert_eq!((&finding["file"], &finding["line"]), (&json!("manifests/order.yaml"), &json!(10)), "{error:#}");
    }
    let found = document(&workspace.run("validate --format json").exit(1), Subject::Validate);
    assert_eq!(found["valid"], false);
    workspace.edit("dixaform.yaml", "version: 1", "versoin: 1");
    let error = error(&workspace.run("state list --format json").exit(1));
    assert!(!error["findings"].as_array().unwrap().is_empty(), "{error}");
}

#[test]
fn an_apply_that_has_its_report_writes_no_second_document_about_its_error() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER);
    let refused = workspace.run("apply --format json").exit(5).warns("or any plan with `--yes`");
    let last: Value = serde_json::from_str(refused.last_line()).unwrap();
    assert_eq!((&last["event"], &last["report"]["exitCode"]), (&json!("finished"), &json!(5)));
    let failed = workspace.run("apply --yes --format json --sandbox-faults 400@create#1").exit(1);
    assert!(failed.stdout.lines().all(|line| line.contains("\"dixaform-apply-event/1\"")), "{}", failed.stdout);
    // One that ends before there is a plan has only that document.
    let state = sealed(&workspace.read("state/sandbox.json")).replace("\"serial\":", "\"serail\":");
    workspace.write("state/sandbox.json", state);
    let unusable = workspace.run("apply --yes --format json").exit(1);
    assert_eq!(unusable.stdout.lines().count(), 1);
    assert!(error(&unusable)["message"].as_str().unwrap().contains("state/sandbox.json"));
}

#[test]
fn nothing_that_goes_into_a_pipe_has_colours_or_moves() {
    let workspace = Workspace::fast().file("manifests/order.yaml", ORDER).file("manifests/bad.yaml", "a: [");
    for line in [
        "validate -vv",
        "plan -v --format json",
        "plan manifests/order.yaml -vv",
        "apply manifests/order.yaml -vv --yes --sandbox-faults 429@create#1,retry-after=1",
        "plan manifests/order.yaml --refresh -vv",
        "state list -v",
        "state rebuild manifests/order.yaml -vv",
        "recover -v",
        "catalog pull -vv",
        "plan --no-such-flag",
        "--help",
    ] {
        let Outcome { stdout, stderr, .. } = workspace.run(line);
        let moves = |text: &str| text.contains(['\u{1b}', '\r', '\u{8}']);
        assert!(!moves(&stdout) && !moves(&stderr), "{line}\n{stdout}\n{stderr}");
    }
}
