//! How fast what lasts is written and read back: states, journals, and the replay of one into the other.
//!
//! The manifests are those that `examples/generate.rs` writes. A journal is that of a run which made all of them and was
//! cut off before its state was saved, with some four entries per conversation.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use dixaform::conversation::{Address, ConversationId};
use dixaform::journal::{self, CallKind, Entry, Intent, Replay, attributes_kept};
use dixaform::manifest;
use dixaform::state::{Applied, Lineage, State, TenantIdentity, file_v1};

#[expect(dead_code, reason = "what writes the files is not used here")]
#[path = "../examples/generate.rs"]
mod generate;

const CONVERSATIONS: usize = 2000;

fn at() -> String {
    "2026-11-22T12:00:00.000Z".to_owned()
}

fn lineage() -> Lineage {
    Lineage(uuid::Uuid::from_u128(1))
}

/// The entries of a run that made and patched every manifest.
fn entries() -> Vec<Entry> {
    let options =
        generate::Options { folder: PathBuf::new(), count: CONVERSATIONS, per_file: 1, seed: 1, outbound: false };
    let file: Arc<str> = Arc::from("m.yaml");
    let mut entries = vec![Entry::Opened {
        run: uuid::Uuid::from_u128(2),
        lineage: lineage(),
        base_serial: 0,
        tenant: TenantIdentity { base_url: "sandbox".into(), organization_id: None },
        command: "apply".into(),
        at: at(),
        pid: 1,
    }];
    let mut seq = 0;
    for index in 0..CONVERSATIONS {
        let reading = manifest::read(&file, generate::manifest(index, &options).as_bytes());
        for manifest in reading.manifests {
            let id = ConversationId(1000 + index as i64);
            let applied = Applied::Full(manifest.spec.clone());
            let attributes = attributes_kept(&applied, &manifest.spec, None);
            let mut calls = vec![(CallKind::Create, applied)];
            if manifest.facts.has_attributes {
                calls.push((CallKind::Patch, attributes));
            }
            for (call, applied) in calls {
                seq += 1;
                let intent = Box::new(Intent {
                    digests: manifest.digests,
                    applied,
                    source: Some(manifest.source.clone()),
                    requester: None,
                    marker: None,
                    known_before: Vec::new(),
                    replaced: None,
                    at: at(),
                });
                let address: Address = manifest.address.clone();
                entries.push(Entry::Began { seq, address, call, intent });
                entries.push(Entry::Succeeded { seq, id, partial_errors: Vec::new(), at: at() });
            }
        }
    }
    entries
}

fn lasting(criterion: &mut Criterion) {
    let entries = entries();
    let text: String = entries.iter().map(journal::write_line).collect();
    let mut group = criterion.benchmark_group("journal of 2000 conversations");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |bencher| {
        bencher.iter(|| entries.iter().map(|entry| journal::write_line(entry).len()).sum::<usize>());
    });
    group.bench_function("read", |bencher| bencher.iter(|| black_box(journal::read(text.as_bytes()))));
    group.bench_function("replay", |bencher| {
        bencher.iter(|| {
            let mut replay = Replay::new(State::new(lineage()));
            entries.iter().for_each(|entry| replay.add(entry).expect("a correct run"));
            replay
        });
    });
    group.finish();

    let state = journal::replay(State::new(lineage()), &entries).expect("a correct run").state;
    let text = file_v1::write(&state);
    let mut group = criterion.benchmark_group("state of 2000 conversations");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |bencher| {
        bencher.iter(|| file_v1::write_to(&state, &mut std::io::sink()).expect("it takes everything"));
    });
    group.bench_function("read", |bencher| bencher.iter(|| file_v1::read(&text).expect("own text")));
    group.finish();
}

criterion_group!(benches, lasting);
criterion_main!(benches);
