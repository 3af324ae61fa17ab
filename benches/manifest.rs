//! How fast manifests are read: text to tree, text to checked conversation, and the digests alone.
//!
//! The manifests are those that `examples/generate.rs` writes, one in a file, since that is the slow way to have many.
//! Throughput is of their text, so that the parts can be compared.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use dixaform::manifest;
use dixaform::reporter::Reporter;
use dixaform::scratch;
use dixaform::yaml;

#[expect(dead_code, reason = "what writes the files is not used here")]
#[path = "../examples/generate.rs"]
mod generate;

const FILES: usize = 200;

fn texts() -> Vec<String> {
    let options = generate::Options { folder: PathBuf::new(), count: FILES, per_file: 1, seed: 1, outbound: false };
    (0..FILES).map(|index| generate::manifest(index, &options)).collect()
}

fn reading(criterion: &mut Criterion) {
    let texts = texts();
    let bytes: usize = texts.iter().map(String::len).sum();
    let file: Arc<str> = Arc::from("m.yaml");
    let mut group = criterion.benchmark_group("200 manifests");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("events of the parser", |bencher| {
        bencher.iter(|| texts.iter().map(|text| saphyr_parser::Parser::new_from_str(text).count()).sum::<usize>());
    });
    group.bench_function("tree by the parser", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                scratch::arena(|arena| {
                    let mut reporter = Reporter::new(&file, text);
                    black_box(yaml::only::by_parser(text, arena, &mut reporter));
                });
            }
        });
    });
    group.bench_function("tree by the short way", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                scratch::arena(|arena| {
                    black_box(yaml::only::by_short_way(text, arena).expect("manifests as they are written"));
                });
            }
        });
    });
    group.bench_function("manifest", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                black_box(manifest::read(&file, text.as_bytes()));
            }
        });
    });
    let readings: Vec<_> = texts.iter().map(|text| manifest::read(&file, text.as_bytes())).collect();
    let manifests = readings.iter().flat_map(|reading| &reading.manifests);
    let conversations: Vec<_> = manifests.map(|manifest| manifest.spec.conversation()).collect();
    group.bench_function("digests", |bencher| {
        bencher.iter(|| {
            for conversation in &conversations {
                black_box(conversation.digests());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
