//! The real program, killed for real: SIGKILL at instants that nobody chose, and the next apply finishes the work.
//!
//! Each round is a new workspace in which an apply is killed up to three times and then left to end. Whatever happened, the
//! tenant then has every manifest exactly once. The instants come from a seed, which is printed when a round fails.
//!
//! `DIXAFORM_KILL_ROUNDS=500 cargo test --test it killed` runs more rounds than the usual few, and
//! `DIXAFORM_KILL_SEED=N` begins with another seed.

#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::manifests::{SELECT, TEXT};
use crate::support::{Chance, Workspace, number};

/// Fast, and slow enough that there is something to interrupt.
const PROJECT: &str = "version: 1
defaultTenant: sandbox
tenants:
  sandbox:
    rateLimit: {requestsPerSecond: 200, burst: 8}
    settle: 50ms
    requestTimeout: 5s
";

const APPLY: &str = "apply --yes --sandbox-faults latency=5ms..30ms";

/// How many manifests there are.
const MANIFESTS: usize = 20;

/// Rounds, unless the environment says otherwise.
const ROUNDS: u64 = 12;

/// A requester of one manifest alone: each conversation in the tenant says by it whose it is.
fn requester(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The attributes of a manifest; every third has none.
fn attributes(number: usize) -> BTreeMap<String, Value> {
    let text = (TEXT.to_owned(), json!(format!("note {number}")));
    let select = (SELECT.to_owned(), json!(["payment", "card"]));
    match number % 3 {
        0 => BTreeMap::new(),
        1 => BTreeMap::from([text]),
        _ => BTreeMap::from([text, select]),
    }
}

/// How a manifest is handled; every fourth says so.
fn handling(number: usize) -> String {
    let (queue, agent) = ("cd87b232-64c8-4ad5-b81a-6f9233352d97", "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b");
    match number % 4 {
        0 => format!(", tags: [seeded, 'wave {}'], queue: {queue}, assignee: {agent}, state: Closed", number % 3),
        _ => String::new(),
    }
}

/// E-mails, contact forms, callbacks, and imports with and without a message, in turn.
fn manifest(number: usize) -> String {
    let message = "{_type: Inbound, content: {_type: Text, value: Hello}}";
    let email =
        format!("emailIntegrationId: my-integration@email.dixa.io, subject: about {number}, message: {message}");
    let import = "genericChannelName: widgetchat, direction: Inbound, createdAt: '2021-12-01T11:00:00Z'";
    let imported = "{_type: InboundImport, createdAt: '2021-12-01T11:00:00Z', content: {_type: Text, value: Hi}}";
    let phone = "contactEndpointId: '+4512345678', queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97";
    let (kind, body) = match number % 5 {
        0 => ("Conversation", format!("_type: Email, {email}")),
        1 => ("Conversation", format!("_type: ContactForm, {email}")),
        2 => ("Conversation", format!("_type: Callback, direction: Inbound, {phone}")),
        3 => ("ConversationImport", format!("{import}, messages: [{imported}]")),
        _ => ("ConversationImport", import.to_owned()),
    };
    let (requester, attributes, handling) = (requester(number), json!(attributes(number)), handling(number));
    format!(
        "---\napiVersion: dixaform/v1\nkind: {kind}\nmetadata: {{name: m{number}}}\n\
         spec: {{requesterId: {requester}, {body}, customAttributes: {attributes}{handling}}}\n"
    )
}

/// All manifests under other names, with the addresses that they had; each third gets another text to write.
fn renamed() -> String {
    let renamed = |number: usize| {
        let manifest = manifest(number);
        let kind = if manifest.contains("kind: Conversation\n") { "conversation" } else { "import" };
        let moved = format!("{{name: r{number}, annotations: {{dixaform/moved-from: {kind}.m{number}}}}}");
        manifest.replace(&format!("{{name: m{number}}}"), &moved).replace("note ", "new note ")
    };
    (0..MANIFESTS).map(renamed).collect()
}

fn workspace() -> Workspace {
    let manifests: String = (0..MANIFESTS).map(manifest).collect();
    Workspace::new().file("dixaform.yaml", PROJECT).file("manifests/all.yaml", &manifests)
}

fn start(workspace: &Workspace) -> Child {
    let mut command = workspace.command();
    command.args(APPLY.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What the tenant has by now, from the file in which the sandbox keeps it: the ids of each requester's conversations, and
/// their attributes.
fn tenant(workspace: &Workspace) -> BTreeMap<String, Vec<BTreeMap<String, Value>>> {
    let mut conversations: BTreeMap<i64, (String, BTreeMap<String, Value>)> = BTreeMap::new();
    let text = std::fs::read_to_string(workspace.path("state/sandbox.data.jsonl")).unwrap_or_default();
    for line in text.lines() {
        // The last line may be torn: its request was never answered, and the sandbox drops it.
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if let Some(id) = line["conversation"]["id"].as_i64() {
            let requester = line["conversation"]["requesterId"].as_str().unwrap().to_owned();
            conversations.insert(id, (requester, BTreeMap::new()));
        }
        if let Some(set) = line["values"]["set"].as_object() {
            let id = line["values"]["conversationId"].as_i64().unwrap();
            conversations.get_mut(&id).unwrap().1.extend(set.clone());
        }
    }
    let mut by_requester: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (requester, attributes) in conversations.into_values() {
        by_requester.entry(requester).or_default().push(attributes);
    }
    by_requester
}

/// What a round came to: how many processes were killed, and how many of those had made something by then.
#[derive(Debug, Default)]
struct Tally {
    killed: usize,
    midway: usize,
}

/// One round. `whole` is how long an apply takes that nobody kills.
fn round(seed: u64, whole: Duration) -> Tally {
    let workspace = workspace();
    let mut chance = Chance(seed);
    let mut tally = Tally::default();
    let kills = 1 + (chance.share() * 3.0) as usize;
    for _ in 0..kills {
        let instant = whole.mul_f64(chance.share() * 1.1);
        let mut child = start(&workspace);
        std::thread::sleep(instant);
        child.kill().unwrap();
        tally.killed += usize::from(child.wait().unwrap().code().is_none());
        let made = tenant(&workspace).len();
        tally.midway += usize::from(made > 0 && made < MANIFESTS);
    }
    let ended = workspace.run(APPLY);
    assert_eq!(ended.code, 0, "seed {seed}\nstdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
    let tenant = tenant(&workspace);
    for number in 0..MANIFESTS {
        let there = tenant.get(&requester(number)).map_or(&[][..], Vec::as_slice);
        assert_eq!(there, [attributes(number)], "seed {seed}: what the tenant has of m{number}\n{}", ended.stderr);
    }
    assert_eq!(tenant.len(), MANIFESTS, "seed {seed}");
    let plan = workspace.run("plan --detailed-exitcode");
    let warnings = plan.stderr.matches("in doubt").count() + plan.stderr.matches("warning").count();
    assert_eq!((plan.code, warnings), (0, 0), "seed {seed}: {}{}", plan.stdout, plan.stderr);
    let read = workspace.run("plan --refresh --detailed-exitcode");
    assert_eq!(read.code, 0, "seed {seed}: the tenant has it otherwise: {}{}", read.stdout, read.stderr);
    assert!(!workspace.exists("state/sandbox.journal"), "seed {seed}: a journal is left");
    tally
}

/// The names in the state, as letters, and the ids.
fn recorded(workspace: &Workspace) -> (BTreeSet<String>, BTreeSet<i64>) {
    let state = workspace.state();
    let records = state["records"].as_array().unwrap();
    let letter = |record: &Value| record["address"].as_str().unwrap().split_once('.').unwrap().1[..1].to_owned();
    (records.iter().map(letter).collect(), records.iter().map(|record| record["id"].as_i64().unwrap()).collect())
}

#[test]
fn records_have_all_moved_or_none_wherever_an_apply_is_killed() {
    let mut chance = Chance(number("DIXAFORM_KILL_SEED").unwrap_or(1));
    let ready = || {
        let workspace = workspace();
        let _ = workspace.run(APPLY).exit(0);
        workspace.write("manifests/all.yaml", renamed());
        workspace
    };
    let undisturbed = ready();
    let began = Instant::now();
    let ended = undisturbed.run(APPLY).exit(0);
    let whole = began.elapsed();
    assert!(ended.last_line().ends_with(&format!("{MANIFESTS} moved.")), "{}", ended.stdout);
    let mut seen = BTreeSet::new();
    for _ in 0..number("DIXAFORM_KILL_ROUNDS").unwrap_or(ROUNDS) {
        let workspace = ready();
        let (_, ids) = recorded(&workspace);
        let mut child = start(&workspace);
        std::thread::sleep(whole.mul_f64(chance.share()));
        child.kill().unwrap();
        let _ = child.wait().unwrap();
        let (letters, kept) = recorded(&workspace);
        assert_eq!((letters.len(), &kept), (1, &ids), "{letters:?}");
        seen.extend(letters);
        let _ = workspace.run(APPLY).exit(0);
        assert_eq!(recorded(&workspace), (BTreeSet::from(["r".to_owned()]), ids));
        let tenant = tenant(&workspace);
        for number in 0..MANIFESTS {
            let attributes = attributes(number).into_iter();
            let renewed = |value: Value| value.as_str().map_or(value.clone(), |text| json!(format!("new {text}")));
            let wanted: BTreeMap<_, _> = attributes.map(|(id, value)| (id, renewed(value))).collect();
            assert_eq!(tenant[&requester(number)], [wanted], "what the tenant has of r{number}");
        }
        let _ = workspace.run("plan --detailed-exitcode").exit(0);
        assert!(!workspace.exists("state/sandbox.journal"));
    }
    println!("names in the state after a kill: {seen:?}");
    assert!(seen.contains("r"), "nobody was killed after the records had moved");
}

#[test]
fn an_apply_that_is_killed_at_any_instant_is_finished_by_the_next_one() {
    let rounds = number("DIXAFORM_KILL_ROUNDS").unwrap_or(ROUNDS);
    let first = number("DIXAFORM_KILL_SEED").unwrap_or(1);
    let undisturbed = workspace();
    let began = Instant::now();
    let _ = undisturbed.run(APPLY).exit(0);
    let whole = began.elapsed();
    let seeds = Mutex::new(first..first + rounds);
    let total = Mutex::new(Tally::default());
    // Each round waits most of its time.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = seeds.lock().unwrap().next() else { break };
                    let tally = round(seed, whole);
                    let mut total = total.lock().unwrap();
                    total.killed += tally.killed;
                    total.midway += tally.midway;
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!("{rounds} rounds, {total:?}, an undisturbed apply takes {whole:?}");
    // How many depends on how busy the machine is; with none, nothing was rehearsed.
    assert!(total.midway > 0, "nobody was killed in the middle of the work: {total:?}");
}
