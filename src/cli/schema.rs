//! `dixaform schema`: the JSON Schema of a file.

use crate::cli::args::{SchemaArgs, SchemaSubject};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::reader::Reader;
use crate::json;
use crate::sandbox::SEED_SCHEMA;
use crate::schema::{Subject, schema};

pub fn run(output: &Output, args: &SchemaArgs) -> Result<Exit, Error> {
    let subject = match args.subject {
        SchemaSubject::Manifest => Subject::Manifest,
        SchemaSubject::Project => Subject::Project,
        SchemaSubject::State => Subject::State,
        SchemaSubject::Catalog => Subject::Catalog,
        SchemaSubject::CatalogDiff => Subject::CatalogDiff,
        SchemaSubject::Plan => Subject::Plan,
        SchemaSubject::Apply => Subject::Apply,
        SchemaSubject::ApplyEvent => Subject::ApplyEvent,
        SchemaSubject::Validate => Subject::Validate,
        SchemaSubject::Init => Subject::Init,
        SchemaSubject::StateList => Subject::StateList,
        SchemaSubject::Record => Subject::Record,
        SchemaSubject::StateChange => Subject::StateChange,
        SchemaSubject::StatePath => Subject::StatePath,
        SchemaSubject::StateLock => Subject::StateLock,
        SchemaSubject::Recover => Subject::Recover,
        SchemaSubject::Error => Subject::Error,
        SchemaSubject::SandboxSeed => {
            output.pieces(SEED_SCHEMA.to_owned().into(), Reader::Program)?;
            return Ok(Exit::Done);
        }
    };
    output.pieces(json::pretty(&schema(subject)).into(), Reader::Program)?;
    Ok(Exit::Done)
}
