//! The quick way against the slow way, on files.
#![expect(clippy::disallowed_methods, reason = "a survey is about files")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::access::RateLimit;
use crate::conversation::ConversationId;
use crate::manifest;
use crate::plan::{self, Plan, PlanOptions, Scope, Target};
use crate::state::{Applied, Lineage, Record, State, file_v1};
use crate::workspace::index::{self, Index};
use crate::workspace::manifests::{self, Found, Stamps};

/// A folder with manifests and a state, and a clock of its own, so that no two files have the same stamp.
struct Folder {
    root: tempfile::TempDir,
    ticks: u64,
}

impl Folder {
    fn new() -> Self {
        let folder = Folder { root: tempfile::tempdir().expect("a folder"), ticks: 0 };
        fs::create_dir(folder.manifests()).expect("made");
        folder
    }

    fn manifests(&self) -> PathBuf {
        self.root.path().join("manifests")
    }

    fn state(&self) -> PathBuf {
        self.root.path().join("state.json")
    }

    /// Writes a file with a time of its own.
    fn write(&mut self, path: &Path, text: &str) {
        fs::write(path, text).expect("written");
        self.ticks += 1;
        let time = SystemTime::now() - Duration::from_secs(3600) + Duration::from_millis(self.ticks * 7 + 1);
        File::options().write(true).open(path).expect("there").set_modified(time).expect("set");
    }

    fn found(&self) -> Vec<Found> {
        manifests::find(&[self.manifests()], Stamps::Wanted).expect("readable")
    }

    fn bytes_of(found: &Found) -> Vec<u8> {
        let mut bytes = Vec::new();
        found.read_into(&mut bytes, 1 << 20).expect("readable");
        bytes
    }

    /// The state on disk, read the slow way.
    fn record(&self) -> State {
        match fs::read_to_string(self.state()) {
            Ok(text) => file_v1::read(&text).expect("a state"),
            Err(_) => State::new(Lineage(uuid::Uuid::nil())),
        }
    }

    /// The plan of the slow way, and what was found.
    fn slowly(&self, scope: &Scope) -> (Plan, Vec<String>) {
        let found = self.found();
        let read = |found: &Found| manifest::read(&found.name, &Self::bytes_of(found));
        let (desired, findings) = manifest::resolve(found.iter().map(read));
        let told = findings.iter().map(|finding| format!("{} {}", finding.source, finding.message)).collect();
        (plan::plan(&desired, &self.record(), &options(scope)), told)
    }

    /// The plan of a survey, where there is one.
    fn quickly(&self, scope: &Scope, use_index: bool) -> Option<(Plan, Vec<String>, usize)> {
        let found = self.found();
        let index = Index::load(&self.state()).filter(|_| use_index);
        // A moment at which all files are old.
        let began = SystemTime::now() + Duration::from_secs(10);
        let (state, index) = (&*self.state(), index.as_ref());
        let request = Request { found: &found, state, index, remember: use_index, scope, began };
        let Survey { desired, state, settled, findings, manifests } = survey(request).expect("readable")?;
        let told = findings.iter().map(|finding| format!("{} {}", finding.source, finding.message)).collect();
        Some((plan::plan(&desired, &state, &PlanOptions { settled, ..options(scope) }), told, manifests))
    }

    /// Makes the state what an apply of all manifests would leave, but for what `skip` names.
    fn apply(&mut self, skip: Option<u64>) {
        let found = self.found();
        let read = |found: &Found| manifest::read(&found.name, &Self::bytes_of(found));
        let (desired, _) = manifest::resolve(found.iter().map(read));
        let mut state = self.record();
        state.serial += 1;
        let mut next = state.records.values().map(|record| record.id.0).max().unwrap_or(0) + 1;
        for (number, manifest) in desired.iter().enumerate() {
            if skip.is_some_and(|skip| (number as u64).is_multiple_of(skip + 2)) {
                continue;
            }
            let id = state.records.get(&manifest.address).map_or(next, |record| record.id.0);
            next += 1;
            let record = Record {
                id: ConversationId(id),
                content_digest: manifest.digests.content,
                attributes_digest: Some(manifest.digests.attributes),
                applied: Applied::Full(manifest.spec.clone()),
                source: Some(manifest.source.clone()),
                applied_at: "2026-01-01T00:00:00Z".into(),
                partial_errors: Vec::new(),
                replaced: Vec::new(),
            };
            state.records.insert(manifest.address.clone(), record);
        }
        let path = self.state();
        // As an apply replaces it: another file by the same name.
        let _ = fs::remove_file(&path);
        self.write(&path, &file_v1::write(&state));
    }

    /// Holds every way against the slow one.
    fn check(&self, scope: &Scope) -> Result<(), TestCaseError> {
        let (plan, told) = self.slowly(scope);
        let errors = told.iter().any(|finding| finding.contains("described twice"));
        // The index is read, then written, then read as it was written; and without it.
        for use_index in [true, true, false] {
            let Some((quick, quick_told, _)) = self.quickly(scope, use_index) else { continue };
            prop_assert_eq!(&quick_told, &told, "index: {}", use_index);
            if !errors {
                prop_assert_eq!(&quick, &plan, "index: {}", use_index);
            }
        }
        Ok(())
    }
}

fn options(scope: &Scope) -> PlanOptions {
    let rate_limit = RateLimit { requests_per_second: 10.0, burst: 4 };
    let target = Target { name: "t".into(), base_url: "b".into(), organization_id: None, rate_limit };
    PlanOptions { scope: scope.clone(), ..PlanOptions::new(target) }
}

fn everything() -> Scope {
    Scope::new(&[], &[], &[]).expect("a scope")
}

/// A manifest; `body` and `note` are what can differ.
fn manifest_text(name: &str, body: u8, note: Option<u8>) -> String {
    let attributes = note.map_or(String::new(), |note| {
        format!("  customAttributes: {{2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: n{note}}}\n")
    });
    format!(
        "---\napiVersion: dixaform/v1\nkind: Conversation\nmetadata: {{name: {name}, labels: {{wave: w{}}}}}\nspec:\n  _type: Email\n  \
         requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b\n  emailIntegrationId: a@email.dixa.io\n  subject: {name} {body}\n  \
         message: {{_type: Inbound, content: {{_type: Text, value: Hi}}}}\n{attributes}",
        body % 2
    )
}

/// What happens to a workspace between two plans.
#[derive(Clone, Debug)]
enum Event {
    /// A file gets these manifests: name, body, note.
    Write {
        file: u8,
        manifests: Vec<(u8, u8, Option<u8>)>,
    },
    Remove {
        file: u8,
    },
    /// The same content with another time.
    Touch {
        file: u8,
    },
    Apply {
        skip: Option<u64>,
    },
    /// A byte of the index is changed, or its end is cut off.
    Damage {
        at: usize,
        cut: bool,
    },
    /// The state is written as an editor would, with the same meaning.
    Reformat,
    Select {
        wave: Option<u8>,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let file = 0..5_u8;
    let manifests = prop::collection::vec((0..8_u8, 0..3_u8, prop::option::of(0..3_u8)), 0..4);
    prop_oneof![
        4 => (file.clone(), manifests).prop_map(|(file, manifests)| Event::Write { file, manifests }),
        1 => file.clone().prop_map(|file| Event::Remove { file }),
        1 => file.prop_map(|file| Event::Touch { file }),
        3 => prop::option::of(0..3_u64).prop_map(|skip| Event::Apply { skip }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(at, cut)| Event::Damage { at, cut }),
        1 => Just(Event::Reformat),
        1 => prop::option::of(0..2_u8).prop_map(|wave| Event::Select { wave }),
    ]
}

impl Event {
    fn happen(self, folder: &mut Folder, scope: &mut Scope) {
        let path = |file: u8| folder.manifests().join(format!("{file}.yaml"));
        match self {
            Event::Write { file, manifests } => {
                let text: String = manifests
                    .iter()
                    .map(|(name, body, note)| manifest_text(&format!("m{name}"), *body, *note))
                    .collect();
                let path = path(file);
                folder.write(&path, &text);
            }
            Event::Remove { file } => drop(fs::remove_file(path(file))),
            Event::Touch { file } => {
                let path = path(file);
                if let Ok(text) = fs::read_to_string(&path) {
                    folder.write(&path, &text);
                }
            }
            Event::Apply { skip } => folder.apply(skip),
            Event::Damage { at, cut } => {
                let path = index::path_beside(&folder.state());
                if let Ok(mut bytes) = fs::read(&path) {
                    let at = at % bytes.len();
                    bytes[at] ^= 1;
                    bytes.truncate(if cut { at } else { bytes.len() });
                    fs::write(&path, bytes).expect("written");
                }
            }
            Event::Reformat => {
                let path = folder.state();
                if let Ok(text) = fs::read_to_string(&path) {
                    folder.write(&path, &text.replace(",\n", "\n ,"));
                }
            }
            Event::Select { wave } => {
                let selectors: Vec<String> = wave.iter().map(|wave| format!("wave=w{wave}")).collect();
                *scope = Scope::new(&[], &[], &selectors).expect("a scope");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn whatever_happens_a_survey_plans_what_reading_everything_plans(
        events in prop::collection::vec(event(), 1..14)
    ) {
        let mut folder = Folder::new();
        let mut scope = everything();
        for event in events {
            event.happen(&mut folder, &mut scope);
            folder.check(&scope)?;
        }
    }
}

/// Ten applied manifests, one a file.
fn applied() -> Folder {
    let mut folder = Folder::new();
    for number in 0..10 {
        let path = folder.manifests().join(format!("{number}.yaml"));
        folder.write(&path, &manifest_text(&format!("m{number}"), 0, Some(1)));
    }
    folder.apply(None);
    folder
}

#[test]
fn what_the_index_knows_is_not_read() {
    let folder = applied();
    folder.quickly(&everything(), true).expect("a survey");
    // Another content behind the same stamp: only somebody who trusts the stamp does not see it.
    let path = folder.manifests().join("3.yaml");
    let time = path.metadata().expect("there").modified().expect("known");
    let before = folder.found();
    let text = fs::read_to_string(&path).expect("there").replace("value: Hi", "value: Ho");
    fs::write(&path, text).expect("written");
    File::options().write(true).open(&path).expect("there").set_modified(time).expect("set");
    let mut found = folder.found();
    for (now, before) in found.iter_mut().zip(&before) {
        now.stamp = before.stamp;
    }
    let index = Index::load(&folder.state()).expect("written");
    assert_eq!(index.files().count(), 10);
    let (state, scope) = (&*folder.state(), &everything());
    let began = SystemTime::now();
    let request = Request { found: &found, state, index: Some(&index), remember: true, scope, began };
    let Survey { desired, settled, manifests, .. } = survey(request).expect("readable").expect("a survey");
    assert_eq!((desired.len(), settled.unchanged, manifests), (0, 10, 10));
    // The time when the inode changed gives it away.
    let (plan, _, _) = folder.quickly(&everything(), true).expect("a survey");
    assert_eq!(plan.summary.replace, 1);
}

#[test]
fn a_file_that_was_just_written_is_not_remembered() {
    let folder = applied();
    let (found, state, scope) = (folder.found(), &*folder.state(), &everything());
    // When the files were looked for, they had not been there for a tick.
    let began = SystemTime::now() - Duration::from_secs(60);
    let request = Request { found: &found, state, index: None, remember: true, scope, began };
    survey(request).expect("readable").expect("a survey");
    assert_eq!(Index::load(state).map_or(0, |index| index.files().count()), 0);
}

#[test]
fn only_what_changed_is_read_and_the_rest_is_counted() {
    let mut folder = applied();
    folder.quickly(&everything(), true).expect("a survey");
    let path = folder.manifests().join("4.yaml");
    folder.write(&path, &manifest_text("m4", 0, Some(2)));
    fs::remove_file(folder.manifests().join("7.yaml")).expect("removed");
    let (plan, _, manifests) = folder.quickly(&everything(), true).expect("a survey");
    let counts = (plan.summary.update, plan.summary.unchanged, plan.summary.not_in_manifests, manifests);
    assert_eq!(counts, (1, 8, 1, 9));
    let read: BTreeMap<_, _> = plan.changes.iter().map(|change| (change.address.to_string(), change.action)).collect();
    assert_eq!(read.keys().collect::<Vec<_>>(), ["conversation.m4"]);
}

#[test]
fn an_index_lies_beside_the_state_and_tells_git_to_ignore_it() {
    let folder = applied();
    folder.quickly(&everything(), true).expect("a survey");
    let path = index::path_beside(&folder.state());
    assert!(path.ends_with(".dixaform-index/state.index"), "{}", path.display());
    assert!(fs::read_to_string(path.with_file_name(".gitignore")).expect("there").lines().any(|line| line == "*"));
}
