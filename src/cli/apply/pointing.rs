//! Reading again the manifests that something went wrong with, to point at the line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::apply::{ApplyReport, ChangeOutcome, Failure, Outcome};
use crate::call::Call;
use crate::conversation::Address;
use crate::manifest::{self, Question};
use crate::render::remark::{Pointer, Pointers, said};
use crate::source::{Place, Source};
use crate::workspace::manifests;
use crate::yaml;

/// Outcomes whose line is looked for. Of more than that nobody reads each, and reading files takes its time.
const POINTED_MAX: usize = 1_000;

/// One outcome that there is something to say about.
struct Told<'r> {
    address: &'r Address,
    place: Place,
    said: String,
    member: Option<&'static str>,
}

/// Where the first outcomes that there is something to say about point. A file that is gone, or that is not as it was,
/// gives none: such an outcome has the place that the plan knew.
pub fn pointers(report: &ApplyReport) -> Pointers {
    let mut files: BTreeMap<&Arc<str>, Vec<Told<'_>>> = BTreeMap::new();
    for (file, told) in report.outcomes.iter().filter_map(told).take(POINTED_MAX) {
        files.entry(file).or_default().push(told);
    }
    let mut pointers = Pointers::new();
    for (file, all) in files {
        let Ok(bytes) = manifests::read_bounded(Path::new(&**file), yaml::SIZE_LIMIT) else { continue };
        let questions: Vec<Question<'_>> = all
            .iter()
            .map(|Told { address, place, said, member }| Question { address, place: *place, said, member: *member })
            .collect();
        let found = manifest::locate(file, &bytes, &questions);
        for (told, place) in all.iter().zip(found) {
            let Some((source, excerpt)) = place else { continue };
            pointers.insert(told.address.clone(), Pointer { source, excerpt });
        }
    }
    pointers
}

/// An attribute or a tag of a manifest that was at this place when its plan was made.
pub struct Asked {
    pub address: Address,
    pub source: Source,
    /// The member of the spec that has it.
    pub member: &'static str,
    pub name: String,
}

/// Where each of the first of these is now, in their order; none if the file has changed.
pub fn named(asked: &[Asked]) -> Vec<Option<Pointer>> {
    let mut files: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, Asked { source, .. }) in asked.iter().enumerate().take(POINTED_MAX) {
        files.entry(&source.file).or_default().push(index);
    }
    let mut pointers = vec![None; asked.len()];
    for (file, all) in files {
        let Ok(bytes) = manifests::read_bounded(Path::new(&**file), yaml::SIZE_LIMIT) else { continue };
        let question = |index: &usize| {
            let Asked { address, source, member, name } = &asked[*index];
            Question { address, place: source.place, said: name, member: Some(member) }
        };
        let questions: Vec<Question<'_>> = all.iter().map(question).collect();
        for (index, place) in all.iter().zip(manifest::locate(file, &bytes, &questions)) {
            pointers[*index] = place.map(|(source, excerpt)| Pointer { source, excerpt });
        }
    }
    pointers
}

fn told(ended: &ChangeOutcome) -> Option<(&Arc<str>, Told<'_>)> {
    let source = ended.source.as_ref()?;
    let said = said(&ended.outcome)?;
    let member = match &ended.outcome {
        Outcome::Failed { id: _, error: Failure { call, .. } } => call.as_ref().and_then(Call::member),
        Outcome::Done { .. } | Outcome::InDoubt { .. } | Outcome::NotAttempted { .. } => None,
    };
    Some((&source.file, Told { address: &ended.address, place: source.place, said, member }))
}

/// Where a text is written in a manifest, in any case; none where the file is gone, or is a table.
pub fn text(manifest: &Source, wanted: &str) -> Option<Source> {
    let path = Path::new(&*manifest.file);
    let ending = path.extension()?.to_str()?;
    if !["yaml", "yml", "json"].contains(&ending) {
        return None;
    }
    let text = String::from_utf8(manifests::read_bounded(path, yaml::SIZE_LIMIT).ok()?).ok()?;
    let first = manifest.place.line.max(1) as usize - 1;
    text.lines().enumerate().skip(first).find_map(|(index, line)| {
        let column = line.to_ascii_lowercase().find(wanted)?;
        let place = Place { line: index as u32 + 1, column: line.get(..column)?.chars().count() as u32 + 1 };
        Some(Source::new(&manifest.file, place))
    })
}
