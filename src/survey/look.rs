//! One survey, from the files that were found to what the planner needs.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::conversation::{Address, ConversationId, Labels};
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::finding::Findings;
use crate::manifest::{self, Outline, Reading};
use crate::plan::{Scope, Settled};
use crate::scratch;
use crate::source::{Place, Source};
use crate::state::outline::Stretch;
use crate::state::{Lineage, State};
use crate::survey::fresh::{Records, SortedOut, sort_out};
use crate::survey::hints::{self, Hints};
use crate::survey::memory;
use crate::workspace::index::{Index, IndexedFile};
use crate::workspace::manifests::Found;
use crate::workspace::state_lines::{RecordError, StateLines};
use crate::yaml;

/// Manifests that differ from their record are kept, and so many of them are foreseen.
const FORESEEN: usize = 50;

/// What most of them take, in bytes.
const LIKELY_MEMORY: usize = 2000;

/// What a survey starts from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In ascending order of their names, each file once, and no standard input.
    pub found: &'a [Found],
    pub state: &'a Path,
    /// The index of the state; none to read everything.
    pub index: Option<&'a Index>,
    /// Whether a new index may be written.
    pub remember: bool,
    pub scope: &'a Scope,
    /// When the files were about to be found.
    pub began: SystemTime,
}

/// What a plan is made of.
#[derive(Debug)]
pub struct Survey {
    /// Manifests that differ from their record or have none; without the places of their attributes, and with labels
    /// only where the scope asks for them.
    pub desired: Desired,
    /// The records of those manifests, and those without a manifest.
    pub state: State,
    pub settled: Settled,
    /// Sorted. Where they are errors, `desired` lacks what they are about.
    pub findings: Findings,
    /// All manifests without an error, settled or not.
    pub manifests: usize,
}

/// Why there is no survey.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("can't read {name}: {source}")]
    Manifest { name: String, source: std::io::Error },
    #[error("can't read the state {}: {source}", path.display())]
    State { path: std::path::PathBuf, source: RecordError },
}

/// A manifest that was read and is as its record.
#[derive(Debug)]
pub(super) struct SettledManifest {
    pub address: Address,
    pub labels: Labels,
    adopt: Option<ConversationId>,
    ignore: Box<[&'static str]>,
    content: Digest,
    source: Source,
    name_place: Place,
}

impl From<Manifest> for SettledManifest {
    fn from(manifest: Manifest) -> Self {
        let Manifest { address, labels, adopt, ignore, digests, source, name_place, .. } = manifest;
        SettledManifest { address, labels, adopt, ignore, content: digests.content, source, name_place }
    }
}

impl SettledManifest {
    fn outline(&self) -> Outline<'_> {
        let SettledManifest { address, labels: _, adopt, ignore, content, source, name_place } = self;
        Outline { address, adopt: *adopt, ignore, content, source, name_place: *name_place }
    }
}

/// What was read of some files, which stand together.
#[derive(Debug, Default)]
pub(super) struct Look<'a> {
    settled: Vec<SettledManifest>,
    #[expect(clippy::vec_box, reason = "as Desired has them")]
    unsettled: Vec<Box<Manifest>>,
    /// Files whose every manifest is settled, with nothing to be said about the file alone.
    settled_files: Vec<SettledFile<'a>>,
    /// How many of the settled manifests the plan covers.
    count: Settled,
    findings: Findings,
}

#[derive(Debug)]
struct SettledFile<'a> {
    found: &'a Found,
    /// Where its manifests are among all that are settled.
    manifests: Range<usize>,
}

impl<'a> Look<'a> {
    /// See [`SettledFile`]; with their manifests.
    pub fn settled_files(&self) -> impl Iterator<Item = (&'a Found, &[SettledManifest])> {
        self.settled_files.iter().map(|file| (file.found, &self.settled[file.manifests.clone()]))
    }

    fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.settled
            .iter()
            .map(SettledManifest::outline)
            .chain(self.unsettled.iter().map(|manifest| Outline::of(manifest)))
    }
}

/// Surveys manifests and state; none where the slow way has to be taken.
///
/// # Errors
/// See [`SurveyError`].
pub fn survey(request: Request<'_>) -> Result<Option<Survey>, SurveyError> {
    let broken = |source| SurveyError::State { path: request.state.to_owned(), source };
    let lines = match StateLines::open(request.state) {
        Ok(Some(lines)) => Some(lines),
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        // The slow way can't read it either, and says what to do about it.
        Err(_) => return Ok(None),
    };
    let stamp = lines.as_ref().and_then(|lines| lines.stamp);
    let same_state = stamp.is_some() && request.index.is_some_and(|index| index.state() == stamp);
    let outlines = match &lines {
        Some(_) if same_state => None,
        Some(lines) => match lines.outlines().map_err(|error| broken(error.into()))? {
            Some(outlines) => Some(outlines),
            None => return Ok(None),
        },
        None => Some(Vec::new()),
    };
    let Some(sorted) = sort_out(request.found, request.index, outlines, request.scope) else {
        return survey(Request { index: None, ..request });
    };
    let looks = sorted
        .to_read
        .par_iter()
        .try_fold(Look::default, |look, found| look.and_at(found, &sorted.records, request.scope));
    let looks: Vec<Look<'_>> = looks.collect::<Result<_, _>>()?;
    if clash(&looks, &sorted.fresh) {
        // What is wrong with them shows when both are read.
        return survey(Request { index: None, ..request });
    }
    if looks.iter().flat_map(|look| &look.unsettled).any(|manifest| manifest.adopt.is_some()) {
        // Whose conversation it is can only be told by all records.
        return Ok(None);
    }
    let mut findings = Findings::default();
    let mut outlines = Vec::with_capacity(looks.iter().map(|look| look.settled.len() + look.unsettled.len()).sum());
    outlines.extend(looks.iter().flat_map(Look::outlines));
    findings.extend(manifest::between(&outlines));
    drop(outlines);
    let state = match &lines {
        Some(lines) => {
            if request.remember {
                memory::write(&request, &sorted, &looks, &findings, stamp, same_state);
            }
            state(lines, &sorted.records, &looks).map_err(broken)?
        }
        None => State::new(Lineage(uuid::Uuid::nil())),
    };
    Ok(Some(joined(looks, &sorted, findings, state)))
}

impl<'a> Look<'a> {
    /// Reads one more file, and keeps of its manifests what planning needs.
    fn and_at(mut self, found: &'a Found, records: &Records, scope: &Scope) -> Result<Self, SurveyError> {
        let Reading { manifests, findings } = scratch::bytes(|bytes| {
            // One byte more than fits, so that the reader sees that the file is too large.
            found
                .read_into(bytes, yaml::SIZE_LIMIT + 1)
                .map_err(|source| SurveyError::Manifest { name: found.name.to_string(), source })?;
            Ok(manifest::read(&found.name, bytes))
        })?;
        let first = self.settled.len();
        let mut is_settled = findings.is_empty();
        for mut manifest in manifests {
            if records.get(&manifest.address).is_some_and(|record| record.is_as_wanted(manifest.digests)) {
                is_settled &= manifest.adopt.is_none();
                self.count.count(scope.covers(&manifest.address, Some(&manifest.labels)));
                self.settled.push(manifest.into());
            } else {
                is_settled = false;
                // A plan never asks where an attribute was written, and hardly ever for a label.
                manifest.attribute_places = Box::default();
                if !scope.asks_for_labels() {
                    manifest.labels = Labels::default();
                }
                if self.unsettled.len().is_multiple_of(FORESEEN) {
                    scratch::foresee(FORESEEN * LIKELY_MEMORY);
                }
                self.unsettled.push(Box::new(manifest));
            }
        }
        if is_settled {
            self.settled_files.push(SettledFile { found, manifests: first..self.settled.len() });
        }
        self.findings.extend(findings);
        Ok(self)
    }
}

/// Whether a manifest that was read has the address or the body of one that was not.
fn clash(looks: &[Look<'_>], fresh: &[IndexedFile<'_>]) -> bool {
    if fresh.is_empty() {
        return false;
    }
    let mut read = Hints::default();
    for outline in looks.iter().flat_map(Look::outlines) {
        read.insert(hints::of_name(outline.address.kind, outline.address.name()));
        read.insert(hints::of_body(outline.address.kind, outline.content));
    }
    let clashes = |file: &IndexedFile<'_>| {
        file.manifests().any(|manifest| {
            read.has(hints::of_name(manifest.kind, manifest.name))
                || read.has(hints::of_body(manifest.kind, &manifest.content_digest))
        })
    };
    !read.is_empty() && fresh.par_iter().any(clashes)
}

/// The state, with the records that a plan asks for: of manifests that differ from theirs, and those without a
/// manifest.
fn state(lines: &StateLines, records: &Records, looks: &[Look<'_>]) -> Result<State, RecordError> {
    let described: HashSet<&Address> = looks.iter().flat_map(Look::outlines).map(|outline| outline.address).collect();
    let orphans = records.others().filter(|record| !described.contains(&record.address));
    let unsettled = looks.iter().flat_map(|look| &look.unsettled);
    let differing = unsettled.filter_map(|manifest| records.get(&manifest.address));
    let mut stretches: Vec<Stretch> = orphans.chain(differing).map(|record| record.stretch).collect();
    stretches.sort_unstable_by_key(|stretch| stretch.offset);
    Ok(State {
        lineage: lines.head.lineage,
        serial: lines.head.serial,
        tenant: lines.head.tenant.clone(),
        records: lines.records(&stretches)?.into_iter().collect(),
    })
}

fn joined(looks: Vec<Look<'_>>, sorted: &SortedOut<'_>, mut findings: Findings, state: State) -> Survey {
    let mut count = sorted.settled;
    let mut manifests = sorted.fresh.iter().map(|file| file.count).sum();
    let mut unsettled = Vec::with_capacity(looks.iter().map(|look| look.unsettled.len()).sum());
    let mut done = Vec::new();
    for look in looks {
        manifests += look.settled.len() + look.unsettled.len();
        count += look.count;
        findings.extend(look.findings);
        unsettled.extend(look.unsettled);
        done.extend(look.settled);
    }
    // Freeing them takes as long as planning a good part of them, and other threads have nothing to do now.
    rayon::spawn(move || drop(done));
    findings.sort();
    Survey { desired: manifest::keyed(unsettled), state, settled: count, findings, manifests }
}
