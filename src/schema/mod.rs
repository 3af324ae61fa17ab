//! JSON Schemas, draft 2020-12, of what dixaform reads and writes, for editors and other programs.
//!
//! A schema never refuses what its reader takes. The other way round it can't follow everywhere: what lies in the text
//! (a key that occurs twice) or between two places (a name that is used twice) is for `dixaform validate` only.
//! `format` is beside every pattern and never the only check, since most validators take it for a note.
//! <https://json-schema.org/draft/2020-12>

mod body;
mod keyword;
mod manifest;
mod project;
mod set;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::catalog::file_v1::CatalogV1;
use crate::plan::file_v1::PlanV1;
use crate::render::apply_json_v1::{EventV1, ReportV1};
use crate::render::catalog::CatalogDiffV1;
use crate::render::error_json_v1::ErrorV1;
use crate::render::init::InitV1;
use crate::render::recover::RecoverV1;
use crate::render::state::{ChangeV1, ListV1, LockV1, PathV1};
use crate::render::validate_json_v1::FindingsV1;
use crate::state::file_v1::{FileV1, ShownV1};

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One YAML document that describes one conversation.
    Manifest,
    /// `dixaform.yaml`.
    Project,
    /// A state file.
    State,
    /// A catalog file.
    Catalog,
    /// What differs between a catalog and its tenant, as JSON.
    CatalogDiff,
    /// A plan as JSON, saved or printed.
    Plan,
    /// How an apply ended, as JSON.
    Apply,
    /// One line of an apply as it happens.
    ApplyEvent,
    /// Findings as JSON.
    Validate,
    /// What `init` wrote, as JSON.
    Init,
    /// The records of a state, as JSON.
    StateList,
    /// One record of a state, as JSON.
    Record,
    /// What a command changed in a state, as JSON.
    StateChange,
    /// Where a state is, as JSON.
    StatePath,
    /// That nobody holds a state, as JSON.
    StateLock,
    /// What was settled and what is left in doubt, as JSON.
    Recover,
    /// An error that ended a command, as JSON.
    Error,
}

impl Subject {
    pub const ALL: [Subject; 17] = [
        Subject::Manifest,
        Subject::Project,
        Subject::State,
        Subject::Catalog,
        Subject::CatalogDiff,
        Subject::Plan,
        Subject::Apply,
        Subject::ApplyEvent,
        Subject::Validate,
        Subject::Init,
        Subject::StateList,
        Subject::Record,
        Subject::StateChange,
        Subject::StatePath,
        Subject::StateLock,
        Subject::Recover,
        Subject::Error,
    ];

    /// The word on the command line and in `$id`.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Manifest => "manifest",
            Subject::Project => "project",
            Subject::State => "state",
            Subject::Catalog => "catalog",
            Subject::CatalogDiff => "catalog-diff",
            Subject::Plan => "plan",
            Subject::Apply => "apply",
            Subject::ApplyEvent => "apply-event",
            Subject::Validate => "validate",
            Subject::Init => "init",
            Subject::StateList => "state-list",
            Subject::Record => "record",
            Subject::StateChange => "state-change",
            Subject::StatePath => "state-path",
            Subject::StateLock => "state-lock",
            Subject::Recover => "recover",
            Subject::Error => "error",
        }
    }
}

/// The schema of `subject`: one document that refers to nothing outside of itself, the same each time.
pub fn schema(subject: Subject) -> Value {
    match subject {
        Subject::Manifest => manifest::schema(),
        Subject::Project => project::schema(),
        Subject::State => {
            derived::<FileV1<'_>>(subject, "What dixaform applied to one tenant; state/README.md explains it")
        }
        Subject::Catalog => derived::<CatalogV1>(
            subject,
            "What a tenant has that manifests can refer to, as `dixaform catalog pull` writes it",
        ),
        Subject::CatalogDiff => derived::<CatalogDiffV1<'_>>(
            subject,
            "What differs between a catalog and its tenant, as `dixaform catalog diff --format json` prints it",
        ),
        Subject::Plan => derived::<PlanV1<Map<String, Value>>>(
            subject,
            "What an apply would do, as `dixaform plan --format json` and `--out` write it",
        ),
        Subject::Apply => {
            derived::<ReportV1<'_>>(subject, "How an apply ended, as `dixaform apply --format json=FILE` writes it")
        }
        Subject::ApplyEvent => {
            derived::<EventV1<'_>>(subject, "One line of what `dixaform apply --format json` prints while it runs")
        }
        Subject::Validate => derived::<FindingsV1<'_>>(
            subject,
            "What is wrong or suspicious about manifests, as `dixaform validate --format json` prints it",
        ),
        Subject::Init => {
            derived::<InitV1>(subject, "The files of a project, as `dixaform init --format json` prints them")
        }
        Subject::StateList => {
            derived::<ListV1<'_>>(subject, "The records of a state, as `dixaform state list --format json` prints them")
        }
        Subject::Record => {
            derived::<ShownV1<'_>>(subject, "One record of a state, as `dixaform state show --format json` prints it")
        }
        Subject::StateChange => derived::<ChangeV1<'_>>(
            subject,
            "What `dixaform state mv`, `forget`, `rebuild`, `accept` and `move-to` did, as they print it with `--format json`",
        ),
        Subject::StatePath => {
            derived::<PathV1<'_>>(subject, "Where a state is, as `dixaform state path --format json` prints it")
        }
        Subject::StateLock => derived::<LockV1<'_>>(
            subject,
            "That nobody holds a state, as `dixaform state unlock --format json` prints it",
        ),
        Subject::Recover => derived::<RecoverV1>(
            subject,
            "What was settled and what is left, as `dixaform recover --format json` prints it",
        ),
        Subject::Error => derived::<ErrorV1<'_>>(
            subject,
            "An error that ended a command, as every command prints it with `--format json`",
        ),
    }
}

/// The schema of what is written from these structs. Where they don't refuse unknown members, later versions of the
/// same number may add some.
fn derived<T: JsonSchema>(subject: Subject, description: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    let mut members = schema.as_object_mut().map(std::mem::take).unwrap_or_default();
    // The names of the document come first, and are ours.
    for name in ["$schema", "title", "description"] {
        members.shift_remove(name);
    }
    let definitions = members.shift_remove("$defs").and_then(|all| all.as_object().cloned()).unwrap_or_default();
    let title = format!("dixaform {}", subject.word().replace('-', " "));
    keyword::document(subject, &title, description, Value::Object(members), definitions)
}
