//! How fast the parts of a plan are, each by itself and in memory: reading manifests, planning, drawing, the state, its
//! outlines, and the replay of a journal.
//!
//! The manifests are those that `examples/generate.rs` writes. `cargo bench --bench plan` takes about a minute.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

use dixaform::access::RateLimit;
use dixaform::conversation::{Conversation, ConversationId};
use dixaform::desired::{Desired, Manifest};
use dixaform::journal::{self, CallKind, Entry, Intent};
use dixaform::manifest;
use dixaform::plan::{self, Plan, PlanOptions, Target};
use dixaform::render::palette::Palette;
use dixaform::render::text::{self, TextOptions};
use dixaform::render::{json_v1, markdown};
use dixaform::spec::Spec;
use dixaform::state::{Applied, Lineage, Record, State, TenantIdentity, file_v1};

#[expect(dead_code, reason = "what writes the files is not used here")]
#[path = "../examples/generate.rs"]
mod generate;

const MANIFESTS: usize = 10_000;
const DRAWN: usize = 1_000;
const READ: usize = 1_000;
const AT: &str = "2026-01-01T00:00:00.000Z";

fn texts(count: usize) -> Vec<String> {
    let options = generate::Options { folder: PathBuf::new(), count, per_file: 1, seed: 1, outbound: false };
    (0..count).map(|index| generate::manifest(index, &options)).collect()
}

fn desired(count: usize) -> Desired {
    let read = |(index, text): (usize, &String)| {
        let name: Arc<str> = Arc::from(format!("manifests/{:04}/{index:06}.yaml", index / 500));
        manifest::read(&name, text.as_bytes())
    };
    let (desired, findings) = manifest::resolve(texts(count).iter().enumerate().map(read));
    assert!(findings.is_empty(), "generated manifests are valid");
    desired
}

fn tenant() -> TenantIdentity {
    TenantIdentity { base_url: "sandbox".to_owned(), organization_id: None }
}

/// What is left after everything was applied.
fn applied(desired: &Desired) -> State {
    let record = |(manifest, id): (&Manifest, i64)| {
        let record = Record {
            id: ConversationId(id),
            content_digest: manifest.digests.content,
            attributes_digest: Some(manifest.digests.attributes),
            applied: Applied::Full(manifest.spec.clone()),
            source: Some(manifest.source.clone()),
            made_of: None,
            applied_at: AT.to_owned(),
            partial_errors: Vec::new(),
            replaced: Vec::new(),
        };
        (manifest.address.clone(), record)
    };
    State {
        serial: 1,
        tenant: Some(tenant()),
        records: desired.iter().zip(1001..).map(record).collect(),
        ..State::new(Lineage(uuid::Uuid::nil()))
    }
}

fn options() -> PlanOptions {
    PlanOptions::new(Target {
        name: "sandbox".to_owned(),
        base_url: "sandbox".to_owned(),
        organization_id: None,
        rate_limit: RateLimit { requests_per_second: 10.0, burst: 4 },
    })
}

fn cold(count: usize) -> Plan {
    plan::plan(&desired(count), &State::new(Lineage(uuid::Uuid::nil())), &options())
}

/// The journal of an apply that made all of them and was killed before it saved the state.
fn journal(desired: &Desired, entries: usize) -> Vec<Entry> {
    let mut all = vec![Entry::Opened {
        run: uuid::Uuid::nil(),
        lineage: Lineage(uuid::Uuid::nil()),
        base_serial: 0,
        tenant: tenant(),
        command: "apply".to_owned(),
        at: AT.to_owned(),
        pid: 1,
    }];
    for (manifest, seq) in desired.iter().take((entries - 1) / 2).zip(1..) {
        let Conversation { content, attributes: _ } = manifest.spec.conversation();
        let intent = Intent {
            digests: manifest.digests,
            applied: Applied::Full(Spec::of(&Conversation { content, attributes: Default::default() })),
            source: Some(manifest.source.clone()),
            requester: None,
            marker: None,
            known_before: Vec::new(),
            replaced: None,
            at: AT.to_owned(),
        };
        let (address, call) = (manifest.address.clone(), CallKind::Create);
        all.push(Entry::Began { seq, address, call, intent: Box::new(intent) });
        let id = ConversationId(1000 + seq as i64);
        all.push(Entry::Succeeded { seq, id, partial_errors: Vec::new(), at: AT.to_owned() });
    }
    all
}

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group
}

fn reading(criterion: &mut Criterion) {
    let texts = texts(READ);
    let file: Arc<str> = Arc::from("m.yaml");
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut group = group(criterion, "manifests");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("read, check and digest 1,000", |bencher| {
        bencher.iter(|| texts.iter().map(|text| manifest::read(&file, text.as_bytes()).manifests.len()).sum::<usize>());
    });
    group.bench_function("the same and put together", |bencher| {
        bencher.iter(|| manifest::resolve(texts.iter().map(|text| manifest::read(&file, text.as_bytes()))));
    });
    group.finish();
}

fn planning(criterion: &mut Criterion) {
    let (desired, options) = (desired(MANIFESTS), options());
    let (empty, full) = (State::new(Lineage(uuid::Uuid::nil())), applied(&desired));
    let mut group = group(criterion, "planner");
    group.throughput(Throughput::Elements(MANIFESTS as u64));
    group.bench_function("10,000 new", |bencher| bencher.iter(|| plan::plan(&desired, &empty, &options)));
    group.bench_function("10,000 unchanged", |bencher| bencher.iter(|| plan::plan(&desired, &full, &options)));
    group.finish();
}

fn drawing(criterion: &mut Criterion) {
    let plan = cold(DRAWN);
    let drawn = TextOptions { palette: Palette::plain(), width: None, requests_sent: Some(0) };
    let mut group = group(criterion, "1,000 creates");
    group.throughput(Throughput::Bytes(text::plan(&plan, &drawn).len() as u64));
    group.bench_function("as text", |bencher| bencher.iter(|| text::plan(&plan, &drawn)));
    group.throughput(Throughput::Bytes(json_v1::plan(&plan).len() as u64));
    group.bench_function("as JSON", |bencher| bencher.iter(|| json_v1::plan(&plan)));
    let page = || markdown::plan(&plan, markdown::BYTES_DEFAULT);
    group.throughput(Throughput::Bytes(page().len() as u64));
    group.bench_function("as Markdown, cut to a comment", |bencher| bencher.iter(page));
    group.finish();
}

fn keeping(criterion: &mut Criterion) {
    let state = applied(&desired(MANIFESTS));
    let text = file_v1::write(&state);
    let mut group = group(criterion, "state of 10,000");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |bencher| bencher.iter(|| file_v1::write(&state)));
    group.bench_function("read", |bencher| bencher.iter(|| file_v1::read(&text).expect("a state")));
    group.finish();
}

fn replaying(criterion: &mut Criterion) {
    let entries = journal(&desired(MANIFESTS / 2), MANIFESTS + 1);
    let text: String = entries.iter().map(journal::write_line).collect();
    let empty = State::new(Lineage(uuid::Uuid::nil()));
    let mut group = group(criterion, "journal of 10,000 entries");
    group.throughput(Throughput::Elements(entries.len() as u64));
    group.bench_function("read", |bencher| bencher.iter(|| journal::read(text.as_bytes()).expect("a journal")));
    group.bench_function("replay", |bencher| {
        bencher.iter(|| journal::replay(empty.clone(), &entries).expect("it fits the state"));
    });
    group.finish();
}

criterion_group!(benches, reading, planning, drawing, keeping, replaying);
criterion_main!(benches);
