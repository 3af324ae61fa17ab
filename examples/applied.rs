//! Writes the state that an apply to the embedded sandbox would leave, without applying: for measuring plans of more
//! manifests than anybody wants to wait for.
//!
//! ```text
//! cargo run --release --example applied -- FOLDER STATE
//! ```
//!
//! FOLDER is named as `plan` will be given it, since the state notes the names of files. Conversations are numbered from
//! 1001 in the order of their addresses, all records have the same time, and the lineage is a fixed one: the same
//! manifests, the same bytes. `benches/run.py` holds it against what a real apply wrote.
#![expect(clippy::disallowed_methods, reason = "an example that writes a file")]

use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use dixaform::conversation::Id;
use dixaform::desired::Manifest;
use dixaform::digest::Digest;
use dixaform::manifest::{self, Reading};
use dixaform::source::MadeOf;
use dixaform::state::{Applied, Lineage, Record, State, TenantIdentity, file_v1, remember};
use dixaform::workspace::manifests::{self, Found};
use dixaform::yaml;

/// The first number that the sandbox gives.
const FIRST_ID: i64 = 1001;
/// The organization of Dixa's samples, which the sandbox is.
const ORGANIZATION: &str = "e9609fa9-efff-4fdc-a7ef-dd335f33c5f6";
const LINEAGE: uuid::Uuid = uuid::uuid!("00000000-0000-4000-8000-000000000001");
const APPLIED_AT: &str = "2026-01-01T00:00:00.000Z";

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, state] = &*arguments else {
        let _ = io::stderr().write_all(b"usage: applied FOLDER STATE\n");
        return ExitCode::from(64);
    };
    match write_state(folder, state) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::stderr().write_all(format!("no state of {}: {error}\n", folder.display()).as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn write_state(folder: &PathBuf, path: &PathBuf) -> Result<(), Box<dyn Error>> {
    let found = manifests::find(std::slice::from_ref(folder), folder).map_err(|mut errors| errors.remove(0))?;
    let readings: io::Result<Vec<Reading>> = found.par_iter().map(read).collect();
    let (desired, findings) = manifest::resolve(readings?);
    if findings.iter().next().is_some() {
        return Err("there are findings; see dixaform validate".into());
    }
    let mut state = State::new(Lineage(LINEAGE));
    state.serial = 1;
    state.tenant =
        Some(TenantIdentity { base_url: "sandbox".to_owned(), organization_id: Some(ORGANIZATION.to_owned()) });
    state.records =
        desired.iter().zip(FIRST_ID..).map(|(manifest, id)| (manifest.address.clone(), record(manifest, id))).collect();
    remember(&mut state, &desired);
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    file_v1::write_to(&state, &mut file)?;
    Ok(file.flush()?)
}

fn read(found: &Found) -> io::Result<Reading> {
    let mut bytes = Vec::new();
    found.read_into(&mut bytes, yaml::SIZE_LIMIT + 1)?;
    let reading = manifest::read(&found.name, &bytes, manifest::Tenant::unknown(), &manifest::no_tables);
    let manifests = u32::try_from(reading.manifests.len()).unwrap_or(u32::MAX);
    let made_of = MadeOf { digest: Digest::of_bytes(&bytes), manifests };
    Ok(Reading { made_of: Some((Arc::clone(&found.name), made_of)), ..reading })
}

fn record(manifest: &Manifest, id: i64) -> Record {
    Record {
        handling_digest: None,
        put_on: Vec::new(),
        id: Id::conversation(id),
        content_digest: manifest.digests.content,
        attributes_digest: Some(manifest.digests.attributes),
        applied: Applied::Full(manifest.spec.clone()),
        source: Some(manifest.source.clone()),
        made_of: None,
        marker: None,
        number: 0,
        made_at: None,
        applied_at: APPLIED_AT.to_owned(),
        partial_errors: Vec::new(),
        names: Default::default(),
        answered: Default::default(),
        replaced: Vec::new(),
        doubles: Vec::new(),
    }
}
