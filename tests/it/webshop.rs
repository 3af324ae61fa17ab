//! The web shop of the examples, whole, in two tenants that have the same names under other ids.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(unix)]
use std::process::{Child, Stdio};
#[cfg(unix)]
use std::time::{Duration, Instant};

use serde_json::Value;

#[cfg(unix)]
use crate::support::frozen::{freeze, thaw};
use crate::support::{Server, Workspace};

const LOG: &str = "requests.jsonl";

const PROJECT: &str = "examples/webshop/dixaform.yaml";

/// What a tenant must have before: all but end users and tags. `N` is a digit of this tenant; ids that are left out
/// differ with the organization.
const SEED: &str = "
organization: {id: org-N, name: Nordlys N}
agents:
  - {email: astrid.lund@nordlys.example, displayName: Astrid Lund}
  - {email: jonas.vik@nordlys.example, displayName: Jonas Vik}
  - {email: mette.friis@nordlys.example, displayName: Mette Friis}
  - {email: polly@nordlys.example, displayName: Polly}
queues: [{name: Customer service, isDefault: true}, {name: Returns}, {name: Payments}, {name: Telephone}]
customAttributes:
  - {id: N0000000-0000-4000-8000-000000000001, entityType: Conversation, identifier: sku, label: SKU,
     inputDefinition: {_type: Text}}
  - {id: N0000000-0000-4000-8000-000000000002, entityType: Conversation, identifier: parcel_id, label: Parcel,
     inputDefinition: {_type: Text}}
  - {id: N0000000-0000-4000-8000-000000000003, entityType: Conversation, identifier: loyalty_tier, label: Loyalty tier,
     inputDefinition: {_type: Text}}
  - {id: N0000000-0000-4000-8000-000000000004, entityType: Contact, identifier: customer_number, label: Customer,
     inputDefinition: {_type: Text}}
  - id: N0000000-0000-4000-8000-000000000005
    entityType: Conversation
    identifier: contact_reason
    label: Contact reason
    inputDefinition:
      _type: Select
      options: [{value: payment, nestedOptions: [{value: card}, {value: bank_transfer}]}, {value: access}]
  - id: N0000000-0000-4000-8000-000000000006
    entityType: Conversation
    identifier: return_reason
    label: Return reason
    inputDefinition:
      _type: Select
      options:
        - {value: changed_mind}
        - {value: defect, nestedOptions: [{value: seam}, {value: valve}]}
        - {value: not_as_described, nestedOptions: [{value: colour}]}
";

/// What the tenants of the example have in their values.
const STAGING: &str = "
emailIntegrations: [nordlys-support@email.dixa.io, nordlys-returns@email.dixa.io, nordlys-billing@email.dixa.io]
contactEndpoints: ['+46701740605', '+46846500410']
";
const TRAINING: &str = "
emailIntegrations: [nordlys-training-support@email.dixa.io, nordlys-training-returns@email.dixa.io,
  nordlys-training-billing@email.dixa.io]
contactEndpoints: ['+46701740625', '+46846500430']
";

const CONVERSATIONS: usize = 44;
const END_USERS: usize = 12;

/// The example, and the seed of a tenant.
fn shop(tenant: &str) -> Workspace {
    let (digit, own) = if tenant == "staging" { ("1", STAGING) } else { ("2", TRAINING) };
    let seed = SEED.replace("org-N", &format!("org-{digit}")).replace("Nordlys N", &format!("Nordlys {digit}"));
    let seed = seed.replace("id: N", &format!("id: {digit}")) + own;
    let workspace = Workspace::new().copy("examples/webshop").file("seed.yaml", &seed);
    workspace.variable("DIXA_STAGING_API_KEY", "any").variable("DIXA_TRAINING_API_KEY", "any")
}

/// A strict sandbox in the place of the tenants; a second one at the same port goes on with what the first has made.
fn serve(workspace: &Workspace, port: &str, faults: &str) -> Server {
    let data = "--data data.jsonl --seed seed.yaml --request-log";
    Server::start(workspace, &format!("--strict --no-rate-limit --port {port} {data} {LOG} {faults}"))
}

/// [`shop`] beside a sandbox that the project file leads to.
fn beside_server(tenant: &str, faults: &str) -> (Workspace, Server) {
    let workspace = shop(tenant);
    let server = serve(&workspace, "0", faults);
    let rate = match faults {
        "" => "{requestsPerSecond: 10000, burst: 1000}",
        // One call after the other, with time between them.
        _ => "{requestsPerSecond: 30, burst: 1}",
    };
    let own = format!("    baseUrl: {}\n    rateLimit: {rate}\n    settle: 50ms\n", server.base_url());
    let project = workspace.read(PROJECT);
    let lines = project.lines().map(|line| match line.trim_start().starts_with("baseUrl:") {
        true => own.clone(),
        false => format!("{line}\n"),
    });
    workspace.write(PROJECT, lines.collect::<String>());
    (workspace, server)
}

fn words(command: &str, tenant: &str) -> String {
    format!("{command} --chdir examples/webshop --tenant {tenant}")
}

fn apply(tenant: &str) -> String {
    words("apply --yes --allow-outbound", tenant)
}

/// The bodies of the calls that make something, and how often each was carried out.
fn made(workspace: &Workspace) -> BTreeMap<String, usize> {
    let text = workspace.read(LOG);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_post = |line: &Value| {
        let path = line["path"].as_str().unwrap();
        line["method"] == "POST" && ["/conversations", "/import", "/endusers"].iter().any(|end| path.ends_with(end))
    };
    let mut made = BTreeMap::new();
    for line in lines.filter(is_post) {
        let is_lost = line["fault"] == "hang-after";
        assert!(is_lost || matches!(line["status"].as_u64(), Some(200 | 201)), "{line}");
        *made.entry(line["body"].to_string()).or_default() += 1;
    }
    made
}

/// Nothing is left to do, and the tenant has of each manifest what it describes, once.
#[track_caller]
fn is_whole(workspace: &Workspace, server: &Server, tenant: &str) {
    for command in ["plan --detailed-exitcode", "plan --refresh --detailed-exitcode"] {
        let _ = workspace.run(&words(command, tenant)).exit(0).says("No changes.");
    }
    let made = made(workspace);
    let twice: Vec<_> = made.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(made.len(), CONVERSATIONS + END_USERS);
    let state: Value = serde_json::from_str(&workspace.read(&format!("examples/webshop/state/{tenant}.json"))).unwrap();
    let records = state["records"].as_array().unwrap();
    let end_users = records.iter().filter_map(|record| record["id"].as_str());
    let mut there: Vec<i64> = Vec::new();
    for id in end_users {
        let (status, answer) = server.send("GET", &format!("/v1/endusers/{id}/conversations"), "");
        assert_eq!(status, 200, "{answer}");
        there.extend(answer["data"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()));
    }
    assert_eq!(there.len(), CONVERSATIONS, "conversations of all requesters");
    let recorded: BTreeSet<i64> = records.iter().filter_map(|record| record["id"].as_i64()).collect();
    assert_eq!(there.into_iter().collect::<BTreeSet<_>>(), recorded);
}

#[test]
fn both_tenants_are_seeded_from_the_same_names() {
    let mut ids = Vec::new();
    for tenant in ["staging", "training"] {
        let (workspace, server) = beside_server(tenant, "");
        let _ = workspace.run(&words("catalog pull", tenant)).exit(0);
        let _ = workspace.run(&words("validate --warnings-as-errors", tenant)).exit(0).says("56 manifests: valid.");
        let applied = workspace.run(&apply(tenant)).exit(0);
        assert_eq!(applied.last_line(), "Apply complete! 31 created, 25 imported, 0 updated.");
        is_whole(&workspace, &server, tenant);
        let (_, queues) = server.send("GET", "/v1/queues", "");
        ids.push(queues["data"][0]["id"].clone());
    }
    assert_ne!(ids[0], ids[1], "the tenants have other ids");
}

#[test]
fn without_a_catalog_it_is_the_same() {
    let (workspace, server) = beside_server("staging", "");
    let _ = workspace.run(&apply("staging")).exit(0).says("31 created, 25 imported");
    is_whole(&workspace, &server, "staging");
}

/// How many calls the running apply has begun whose end it has not written down.
#[cfg(unix)]
fn on_their_way(workspace: &Workspace, tenant: &str) -> usize {
    let journal = workspace.read(&format!("examples/webshop/state/{tenant}.journal"));
    let run = journal.rsplit("{\"opened\"").next().unwrap();
    let count = |what: &str| run.matches(&format!("{{\"{what}\":{{\"seq\"")).count();
    count("began") - count("succeeded") - count("failed") - count("inDoubt")
}

/// Kills an apply that waits for the answer to a write, when no other call is on its way: of one that was begun and may
/// not have been sent, the next apply would wait for two minutes to see what becomes of it.
#[cfg(unix)]
fn kill_between_calls(child: &mut Child, workspace: &Workspace, tenant: &str) {
    loop {
        freeze(child);
        if on_their_way(workspace, tenant) <= 1 {
            break;
        }
        thaw(child);
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "{tenant}: it was killed");
}

/// An apply is killed while it waits for the answer to one of its writes, seven times, further on each time.
#[cfg(unix)]
fn killed_at_writes(tenant: &str) {
    let (workspace, mut server) = beside_server(tenant, "--faults hang-after@write#1");
    let port = server.base_url().rsplit_once(':').unwrap().1.to_owned();
    let mut made_by_then = BTreeSet::new();
    for (kills, write) in (1..).zip([1, 8, 20, 30, 40, 40, 40]) {
        drop(server);
        server = serve(&workspace, &port, &format!("--faults hang-after@write#{write}"));
        let mut command = workspace.command();
        command.args(apply(tenant).split_whitespace()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while !workspace.exists(LOG) || workspace.read(LOG).matches("\"hang-after\"").count() < kills {
            assert!(began.elapsed() < Duration::from_secs(150), "{tenant}: there is no write {write}");
            assert_eq!(child.try_wait().unwrap(), None, "{tenant}: it ended before write {write}");
            std::thread::sleep(Duration::from_millis(2));
        }
        kill_between_calls(&mut child, &workspace, tenant);
        made_by_then.insert(made(&workspace).len());
    }
    drop(server);
    let server = serve(&workspace, &port, "");
    assert!(made_by_then.len() > 5 && made_by_then.last() < Some(&(CONVERSATIONS + END_USERS)), "{made_by_then:?}");
    let _ = workspace.run(&apply(tenant)).exit(0);
    is_whole(&workspace, &server, tenant);
}

#[cfg(unix)]
#[test]
fn wherever_it_is_killed_in_staging_the_next_apply_makes_nothing_twice() {
    killed_at_writes("staging");
}

#[cfg(unix)]
#[test]
fn wherever_it_is_killed_in_training_the_next_apply_makes_nothing_twice() {
    killed_at_writes("training");
}

/// A uuid in a text, if there is one.
fn uuid_in(text: &str) -> Option<&str> {
    let is_id = |word: &&str| word.len() == 36 && word.matches('-').count() == 4;
    text.split(|end: char| !end.is_ascii_hexdigit() && end != '-').find(is_id)
}

#[test]
fn no_id_of_a_tenant_is_in_the_example() {
    let workspace = Workspace::new().copy("examples/webshop");
    let mut open = vec![workspace.path("examples/webshop")];
    let mut files = 0;
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                assert_eq!(uuid_in(line), None, "{}: {line}", path.display());
            }
        }
    }
    assert!(files > 15, "{files}");
}
