//! What the machine needs for the work itself: how long it takes to list, read and hash files, and to parse them into
//! events, without doing anything with what comes out.
//!
//! ```text
//! cargo run --release --example limits -- FOLDER [ROUNDS]
//! ```
//!
//! Each line of the output is a name, a tab, and the seconds of the best of ROUNDS rounds (default 1). Every round takes
//! all of them in turn, so that other work on the machine meets all alike. Folders are listed and files are read by the
//! same threads; texts are in memory before events are counted.
#![expect(clippy::disallowed_methods, reason = "an example that reads files and the clock")]

use std::fs;
use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use saphyr_parser::Parser;
use sha2::{Digest as _, Sha256};

/// So many files are taken by a thread at a time.
const CHUNK: usize = 32;

/// What is done with each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Stat,
    Read,
    Hash,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.get(1).map_or(Ok(1), |text| text.parse::<usize>());
    let (Some(folder), Ok(rounds)) = (arguments.first(), rounds) else {
        let _ = io::stderr().write_all(b"usage: limits FOLDER [ROUNDS]\n");
        return ExitCode::from(64);
    };
    match measure(Path::new(folder), rounds.max(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::stderr().write_all(format!("can't measure in {folder}: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn measure(folder: &Path, rounds: usize) -> io::Result<()> {
    let texts = texts(folder)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut out = io::stdout().lock();
    writeln!(out, "files\t{}\nbytes\t{bytes}", texts.len())?;
    let mut best: Vec<(String, f64)> = Vec::new();
    for _ in 0..rounds {
        let mut times = Vec::new();
        for (name, work) in [("list+stat", Work::Stat), ("list+read", Work::Read), ("list+read+sha256", Work::Hash)] {
            for threads in [1, 2] {
                let seconds = seconds(|| list_and(work, folder, threads).map(black_box))?;
                times.push((format!("{name} {threads}"), seconds));
            }
        }
        for threads in [1, 2] {
            let seconds = seconds(|| Ok(black_box(events(&texts, threads))))?;
            times.push((format!("parser events {threads}"), seconds));
        }
        best = match best.is_empty() {
            true => times,
            false => best.into_iter().zip(times).map(|((name, one), (_, other))| (name, one.min(other))).collect(),
        };
    }
    for (name, seconds) in best {
        writeln!(out, "{name}\t{seconds:.6}")?;
    }
    Ok(())
}

fn seconds<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<f64> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64())
}

/// Lists all folders, does the work with each file, and gives a number that depends on all of it.
fn list_and(work: Work, folder: &Path, threads: usize) -> io::Result<usize> {
    let files = files(folder, threads)?;
    let sums = shared(&files, threads, |file, buffer| {
        buffer.clear();
        if work == Work::Stat {
            return Ok(fs::symlink_metadata(file)?.len() as usize);
        }
        fs::File::open(file)?.read_to_end(buffer)?;
        let first = if work == Work::Hash { usize::from(Sha256::digest(&*buffer)[0]) } else { 0 };
        Ok(buffer.len() + first)
    })?;
    Ok(sums)
}

/// All files below a folder of folders, each of which is listed by one thread.
fn files(folder: &Path, threads: usize) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    list(folder, &mut folders, &mut files)?;
    let found = std::sync::Mutex::new(files);
    shared(&folders, threads, |folder, _| {
        let mut inside = Vec::new();
        let mut waiting = vec![folder.clone()];
        while let Some(folder) = waiting.pop() {
            list(&folder, &mut waiting, &mut inside)?;
        }
        let count = inside.len();
        found.lock().expect("no thread panics").append(&mut inside);
        Ok(count)
    })?;
    Ok(found.into_inner().expect("no thread panics"))
}

fn list(folder: &Path, folders: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
    }
    Ok(())
}

/// Lets the threads take the items in chunks, and adds up what the work gives.
fn shared<T: Sync>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T, &mut Vec<u8>) -> io::Result<usize> + Sync,
) -> io::Result<usize> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let chunk = CHUNK.min(items.len() / threads / 4).max(1);
    let take = || {
        let (mut sum, mut buffer) = (0, Vec::new());
        loop {
            let from = next.fetch_add(chunk, Ordering::Relaxed);
            if from >= items.len() {
                return Ok(sum);
            }
            for item in &items[from..items.len().min(from + chunk)] {
                sum += work(item, &mut buffer)?;
            }
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mine: io::Result<usize> = take();
        others.into_iter().try_fold(mine?, |sum, other| Ok(sum + other.join().expect("no thread panics")?))
    })
}

/// How many events the parser finds, in all texts together.
fn events(texts: &[String], threads: usize) -> usize {
    let count = shared(texts, threads, |text, _| Ok(Parser::new_from_str(text).count()));
    count.expect("counting in memory meets no error")
}

fn texts(folder: &Path) -> io::Result<Vec<String>> {
    let mut files = files(folder, 1)?;
    files.sort();
    files.iter().map(fs::read_to_string).collect()
}
