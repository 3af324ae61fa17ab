//! What the machine needs for the work itself, on two threads: to list, read and hash all files of a folder, and to
//! parse their texts into events, without doing anything with what comes out.
//!
//! ```text
//! cargo run --release --example limits -- FOLDER
//! ```
//!
//! Each line of the output is a name, a tab and seconds. Texts are in memory before events are counted.
#![expect(clippy::disallowed_methods, reason = "an example that reads files and the clock")]

use std::fs;
use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use rayon::iter::{IntoParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};
use saphyr_parser::Parser;
use sha2::{Digest as _, Sha256};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        let _ = io::stderr().write_all(b"usage: limits FOLDER\n");
        return ExitCode::from(64);
    };
    match measure(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::stderr().write_all(format!("can't measure in {}: {error}\n", folder.display()).as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn measure(folder: &Path) -> io::Result<()> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(2).build().map_err(io::Error::other)?;
    threads.install(|| {
        let mut out = io::stdout().lock();
        let began = Instant::now();
        let hashes = files(folder)?.into_par_iter().map_init(Vec::new, |buffer, file| hash(&file, buffer));
        black_box(hashes.try_reduce(|| 0, |one, other| Ok(one ^ other))?);
        writeln!(out, "list + read + SHA-256\t{:.6}", began.elapsed().as_secs_f64())?;

        let texts: Vec<String> = files(folder)?.par_iter().map(fs::read_to_string).collect::<io::Result<_>>()?;
        let began = Instant::now();
        black_box(texts.par_iter().map(|text| Parser::new_from_str(text).count()).sum::<usize>());
        writeln!(out, "parser events\t{:.6}", began.elapsed().as_secs_f64())?;
        Ok(())
    })
}

/// All files below a folder; the folders in it are listed in parallel.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    let below: Vec<Vec<PathBuf>> = entries
        .into_par_iter()
        .map(|entry| if entry.file_type()?.is_dir() { files(&entry.path()) } else { Ok(vec![entry.path()]) })
        .collect::<io::Result<_>>()?;
    Ok(below.concat())
}

/// A number that depends on all bytes of the file.
fn hash(file: &Path, buffer: &mut Vec<u8>) -> io::Result<u8> {
    buffer.clear();
    fs::File::open(file)?.read_to_end(buffer)?;
    Ok(Sha256::digest(&*buffer)[0])
}
