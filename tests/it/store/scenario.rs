//! Runs on several machines that share a state and a Dixa. They are killed, frozen and started again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::store::server::Store;
use crate::store::witness::{Sent, Witness};
use crate::store::{manifests, workspace};
use crate::support::frozen::{freeze, thaw};
use crate::support::manifests::TEXT;
use crate::support::{Chance, Server, Workspace};

/// What a run is started with.
pub const APPLY: &str = "apply --yes --lock-timeout 120s";
/// Much longer than a run takes, whatever befalls the others.
const LIFE_MAX: Duration = Duration::from_secs(180);
/// How often a runner is started at most.
const LIVES_MAX: usize = 15;
/// Slow enough that something is on its way all the time, carried out when its run may be dead, and listed later still.
/// It makes what it is asked for, twice if need be.
const DIXA: &str = "--no-rate-limit --data data.jsonl --faults \
                    latency=20ms..200ms,commit-delay=0ms..500ms,list-lag=400ms,duplicates=accept";

/// A Dixa that several runs share, and what it was sent.
pub struct Shared {
    home: Workspace,
    _server: Server,
    pub witness: Witness,
}

impl Shared {
    pub fn new() -> Self {
        let home = Workspace::new();
        let server = Server::start(&home, DIXA);
        let witness = Witness::before(&server.base_url());
        Shared { home, _server: server, witness }
    }

    /// A checkout of the project on a machine of its own. Every third conversation has an attribute.
    pub fn checkout(&self, store: &Store, prefix: &str, count: usize) -> Workspace {
        let workspace = workspace(store, prefix, count);
        let tenant = format!(
            "shared:\n    baseUrl: '{}'\n    apiKeyEnv: TOKEN\n    requestTimeout: 2s",
            self.witness.base_url()
        );
        workspace.edit("dixaform.yaml", "  sandbox:", &format!("  {tenant}"));
        workspace.edit("dixaform.yaml", "defaultTenant: sandbox", "defaultTenant: shared");
        workspace.edit("dixaform.yaml", "settle: 50ms", "settle: 1s");
        workspace.edit("dixaform.yaml", "{requestsPerSecond: 100, burst: 4}", "{requestsPerSecond: 6, burst: 2}");
        let plain = manifests(count);
        let with_attributes = plain.split("---\n").enumerate().skip(1).map(|(number, text)| match number % 3 {
            0 => format!("---\n{text}  customAttributes: {{{TEXT}: note {number}}}\n"),
            _ => format!("---\n{text}"),
        });
        workspace.write("manifests/all.yaml", with_attributes.collect::<String>());
        workspace.variable("TOKEN", "peace")
    }

    /// The ids of the conversations of each address, as Dixa has them.
    pub fn made(&self) -> BTreeMap<String, Vec<i64>> {
        let mut made: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for line in self.home.read("data.jsonl").lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            let Some(id) = line["conversation"]["id"].as_i64() else { continue };
            let subject = line["conversation"]["shown"]["subject"].as_str().unwrap();
            made.entry(format!("conversation.c{}", subject.trim_start_matches("about "))).or_default().push(id);
        }
        made
    }
}

/// What befalls a run.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Killed,
    Frozen(Duration),
}

/// When it does.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// This long from now.
    After(Duration),
    /// This long after it has sent that many more calls that write.
    Sent(usize, Duration),
}

impl Moment {
    fn of(chance: &mut Chance) -> Self {
        match chance.share() {
            share if share < 0.2 => Moment::After(chance.time(0..4000)),
            _ => Moment::Sent(1 + (chance.share() * 4.0) as usize, chance.time(0..250)),
        }
    }
}

/// One run of one runner.
#[derive(Debug)]
struct Life {
    token: String,
    /// From when until when.
    frozen: Vec<(Instant, Instant)>,
    /// None if it was killed.
    code: Option<i32>,
    said: String,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub lives: usize,
    pub killed: usize,
    pub frozen: usize,
    /// Frozen until another run had taken the state over.
    pub fenced: usize,
    /// Of those, the ones that ended with 5.
    pub refused: usize,
    /// Of those, the ones that the store did not answer in time, so that they could not know.
    pub unheard: usize,
    /// Calls that such a run has sent all the same, since it was frozen between its last look and its call.
    pub late: usize,
    /// Conversations that were made twice by that, all of them named by the next plan.
    pub doubles: usize,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        let Tally { lives, killed, frozen, fenced, refused, unheard, late, doubles } = other;
        self.lives += lives;
        self.killed += killed;
        self.frozen += frozen;
        self.fenced += fenced;
        self.refused += refused;
        self.unheard += unheard;
        self.late += late;
        self.doubles += doubles;
    }
}

/// Three runners on one state.
pub struct Scenario<'s> {
    store: &'s Store,
    prefix: String,
    conversations: usize,
    shared: Shared,
    /// What befalls runs, the last one first.
    fates: Mutex<Vec<Fate>>,
}

/// Plays one on the store of this name. Gives back what was violated, and what happened.
pub fn play(name: &str, store: &Store, seed: u64, conversations: usize, fates: usize) -> (Vec<String>, Tally) {
    let mut chance = Chance(seed);
    let long = Fate::Frozen(chance.time(7500..10_000));
    let more = (2..fates).map(|_| match chance.share() {
        share if share < 0.5 => Fate::Killed,
        _ => Fate::Frozen(chance.time(500..10_000)),
    });
    let mut all: Vec<Fate> = more.collect();
    // One of each, however few there are.
    let first = if chance.share() < 0.5 { [Fate::Killed, long] } else { [long, Fate::Killed] };
    all.extend(first);
    // Two names may be those of one store.
    let prefix = format!("many/{}/{seed}", name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"));
    let scenario = Scenario { store, prefix, conversations, shared: Shared::new(), fates: Mutex::new(all) };
    let lives = scenario.lives(&mut chance);
    let (mut violations, mut tally) = scenario.look_back(&lives);
    violations.extend(scenario.violations(&mut tally));
    let told = |violation: String| format!("{name}, seed {seed}: {violation}");
    let mut violations: Vec<String> = violations.into_iter().map(told).collect();
    if !violations.is_empty() {
        violations.extend(lives.iter().map(|life| format!("{life:#?}")));
    }
    (violations, tally)
}

impl Scenario<'_> {
    fn checkout(&self) -> Workspace {
        self.shared.checkout(self.store, &self.prefix, self.conversations)
    }

    fn lives(&self, chance: &mut Chance) -> Vec<Life> {
        let seeds: Vec<u64> = (0..3).map(|_| (chance.share() * 1e9) as u64).collect();
        std::thread::scope(|scope| {
            let start = |(number, seed): (usize, &u64)| {
                let seed = *seed;
                scope.spawn(move || self.runner(number, Chance(seed)))
            };
            let runners: Vec<_> = seeds.iter().enumerate().map(start).collect();
            runners.into_iter().flat_map(|runner| runner.join().unwrap()).collect()
        })
    }

    /// Starts one run after the other until one ends well.
    fn runner(&self, number: usize, mut chance: Chance) -> Vec<Life> {
        let workspace = self.checkout();
        let mut lives: Vec<Life> = Vec::new();
        while lives.len() < LIVES_MAX && lives.last().is_none_or(|life| life.code != Some(0)) {
            std::thread::sleep(chance.time(0..1200));
            let token = format!("runner-{number}-{}", lives.len());
            lives.push(self.live(&workspace, token, &mut chance));
        }
        lives
    }

    fn live(&self, workspace: &Workspace, token: String, chance: &mut Chance) -> Life {
        let name = format!("{token}.txt");
        let output = File::create(workspace.path(&name)).unwrap();
        let mut command = workspace.command();
        command.args(APPLY.split_whitespace()).env("TOKEN", &token).stdin(Stdio::null());
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let mut child = command.spawn().unwrap();
        let mut frozen = Vec::new();
        while self.comes(&mut child, &token, Moment::of(chance)) {
            let Some(fate) = self.fates.lock().unwrap().pop() else { break };
            match fate {
                Fate::Killed => child.kill().unwrap(),
                Fate::Frozen(time) => {
                    freeze(&child);
                    let start = Instant::now();
                    std::thread::sleep(time);
                    frozen.push((start, Instant::now()));
                    thaw(&child);
                }
            }
        }
        let code = end(&mut child);
        Life { token, frozen, code, said: workspace.read(&name) }
    }

    /// Waits for the moment; false if the run ends before.
    fn comes(&self, child: &mut Child, token: &str, moment: Moment) -> bool {
        let (start, before) = (Instant::now(), self.shared.witness.writes_by(token));
        let pause = loop {
            match moment {
                Moment::After(time) => break time,
                Moment::Sent(count, pause) if self.shared.witness.writes_by(token) >= before + count => break pause,
                Moment::Sent(..) => {}
            }
            if child.try_wait().unwrap().is_some() || start.elapsed() > LIFE_MAX {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        std::thread::sleep(pause);
        child.try_wait().unwrap().is_none()
    }

    /// What runs did that they may not do.
    fn look_back(&self, lives: &[Life]) -> (Vec<String>, Tally) {
        let sent = self.shared.witness.sent();
        let mut violations = Vec::new();
        let mut tally = Tally { lives: lives.len(), ..Tally::default() };
        for life in lives {
            let Life { token, frozen, code, said } = life;
            tally.killed += usize::from(code.is_none());
            tally.frozen += frozen.len();
            // On a slow machine a store may not answer in time, and after a sleep there is little left of that.
            let was_away = said.contains("when the store can be reached");
            let may_end_so = matches!(code, None | Some(0 | 4..=6)) || was_away && *code == Some(1);
            if !may_end_so {
                violations.push(format!("{token} ended with {code:?}"));
            }
            let Some(late) = frozen.iter().find_map(|frozen| sent_after_a_takeover(&sent, token, *frozen)) else {
                continue;
            };
            tally.fenced += 1;
            tally.late += late.len();
            // A call at a time can be in the gap between the last look and its sending.
            if late.len() > 1 {
                violations.push(format!("{token} was fenced and sent {late:?}"));
            }
            match code {
                None => {}
                Some(5) if said.contains("another run has taken over the state") => tally.refused += 1,
                Some(1 | 4) if said.contains("the lease of the state has ended") => tally.unheard += 1,
                _ => violations.push(format!("{token} was fenced and ended with {code:?}")),
            }
        }
        (violations, tally)
    }

    /// One more run in peace; then everything is there once, and recorded.
    fn violations(&self, tally: &mut Tally) -> Vec<String> {
        let mut violations = Vec::new();
        let workspace = self.checkout();
        let applied = workspace.run(APPLY);
        let plan = workspace.run("plan --refresh --detailed-exitcode");
        let made = self.shared.made();
        let doubled = |address: &str| plan.stderr.contains(&format!("{address} was made more than once"));
        let mut is_doubled = false;
        for number in 0..self.conversations {
            let address = format!("conversation.c{number}");
            match made.get(&address).map_or(&[][..], Vec::as_slice) {
                [_] => {}
                [_, _, ..] if tally.late > 0 && doubled(&address) => {
                    tally.doubles += 1;
                    is_doubled = true;
                }
                ids => violations.push(format!("{address} was made as {ids:?}")),
            }
        }
        if !is_doubled && (applied.code, plan.code, plan.stdout.contains("No changes.")) != (0, 0, true) {
            violations.push(format!("in the end: {applied:#?}\n{plan:#?}"));
        }
        let pulled = workspace.run("state pull");
        violations.extend(unrecorded(&pulled.stdout, &made).map(|what| format!("{what}: {pulled:#?}")));
        violations
    }
}

/// What a run has sent after it was frozen until another one had taken the state over; none if none had.
///
/// Only who has the state writes to Dixa. So a run that had written had it, and had lost it if another wrote later.
fn sent_after_a_takeover<'s>(sent: &'s [Sent], token: &str, frozen: (Instant, Instant)) -> Option<Vec<&'s Sent>> {
    let (from, until) = frozen;
    let writes = || sent.iter().filter(|sent| sent.writes());
    let had_it = writes().any(|sent| sent.by == token && sent.at < from);
    let lost_it = writes().any(|sent| sent.by != token && from < sent.at && sent.at < until);
    (had_it && lost_it).then(|| writes().filter(|sent| sent.by == token && sent.at > until).collect())
}

/// What the state that was pulled says otherwise than Dixa.
fn unrecorded(pulled: &str, made: &BTreeMap<String, Vec<i64>>) -> Option<String> {
    let Ok(state) = serde_json::from_str::<Value>(pulled) else { return Some("no state".to_owned()) };
    let records = state["records"].as_array().unwrap();
    let name = |record: &Value| record["address"].as_str().unwrap().to_owned();
    let recorded: BTreeSet<String> = records.iter().map(name).collect();
    if recorded != made.keys().cloned().collect() {
        return Some(format!("recorded are {recorded:?}"));
    }
    let wrong = records.iter().find(|record| !made[&name(record)].contains(&record["id"].as_i64().unwrap()));
    wrong.map(|record| format!("{} is {:?}, recorded as {}", name(record), made[&name(record)], record["id"]))
}

/// Waits for the end of a process; its exit code, if it was not killed.
fn end(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > LIFE_MAX {
            child.kill().unwrap();
            panic!("a run does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
