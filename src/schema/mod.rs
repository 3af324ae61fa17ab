//! JSON Schemas, draft 2020-12, of what dixaform reads and writes, for editors and for programs of others.
//!
//! A schema never refuses what its reader takes. The other way round it can't follow everywhere: what lies in the text
//! (a key that stands there twice) or between two places (a name that is used twice) is for `dixaform validate` only.
//! `format` is beside every pattern and never the only check, since most validators take it for a note.
//! <https://json-schema.org/draft/2020-12>

mod apply;
mod apply_event;
mod body;
mod keyword;
mod manifest;
mod plan;
mod project;
mod state;
mod validate;

use serde_json::Value;

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One YAML document that describes one conversation.
    Manifest,
    /// `dixaform.yaml`.
    Project,
    /// A state file.
    State,
    /// A plan as JSON, saved or printed.
    Plan,
    /// How an apply ended, as JSON.
    Apply,
    /// One line of an apply as it happens.
    ApplyEvent,
    /// Findings as JSON.
    Validate,
}

impl Subject {
    pub const ALL: [Subject; 7] = [
        Subject::Manifest,
        Subject::Project,
        Subject::State,
        Subject::Plan,
        Subject::Apply,
        Subject::ApplyEvent,
        Subject::Validate,
    ];

    /// The word on the command line and in `$id`.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Manifest => "manifest",
            Subject::Project => "project",
            Subject::State => "state",
            Subject::Plan => "plan",
            Subject::Apply => "apply",
            Subject::ApplyEvent => "apply-event",
            Subject::Validate => "validate",
        }
    }
}

/// The schema of `subject`: one document that refers to nothing outside of itself, the same each time.
pub fn schema(subject: Subject) -> Value {
    let schema = match subject {
        Subject::Manifest => manifest::schema(),
        Subject::Project => project::schema(),
        Subject::State => state::schema(),
        Subject::Plan => plan::schema(),
        Subject::Apply => apply::schema(),
        Subject::ApplyEvent => apply_event::schema(),
        Subject::Validate => validate::schema(),
    };
    schema.to_json()
}
