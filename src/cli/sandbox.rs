//! `dixaform sandbox`: the embedded Dixa as a server of its own.
#![expect(clippy::disallowed_methods, reason = "the seed is a file")]

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::cli::args::SandboxArgs;
use crate::cli::embedded::{known_attributes, known_queues, tell_provided};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::load::{self, Tenants};
use crate::cli::session::{Session, report};
use crate::cli::sink::{self, Sink};
use crate::cli::{connection, signals};
use crate::render::escape::escape;
use crate::reporter::Reporter;
use crate::sandbox::{LogTo, Sandbox, SandboxOptions};
use crate::yaml::{self, Content, Format, Node};

pub fn run(session: &Session, args: &SandboxArgs) -> Result<Exit, Error> {
    check_files(session, args)?;
    let (mut attributes, mut queues) = (Vec::new(), Vec::new());
    if !args.paths.is_empty() {
        let (desired, findings) = load::manifests(session, &args.paths, Tenants::of_sandbox(session, &args.paths)?)?;
        load::check_for(session, &findings, "the sandbox was not started")?;
        attributes = known_attributes(&desired);
        queues = known_queues(&desired);
    }
    let output = session.output;
    let options = SandboxOptions {
        data: args.data.clone(),
        request_log: args.request_log.clone(),
        port: args.port,
        rate: (!args.no_rate_limit).then_some((args.rate, args.burst)),
        strict: args.strict,
        seed: args.seed.as_deref().map(|path| seed(session, path)).transpose()?,
        known_attributes: attributes,
        known_queues: queues,
        faults: args.faults.clone(),
        log_to: Some(LogTo::new(move |line: &str| output.note(&format!("{}\n", escape(line))))),
    };
    connection::runtime()?.block_on(async {
        let sandbox = Sandbox::start(options).await?;
        // Before the line is out: whoever has read it may stop the sandbox.
        let asked_to_stop = signals::next();
        output.result(&format!("Listening on {}. Stop with Ctrl-C.\n", sandbox.base_url()))?;
        asked_to_stop.await;
        tell_provided(&sandbox, output);
        sandbox.shutdown().await;
        Ok(Exit::Done)
    })
}

/// Refuses to write onto what is read, and two things into one file.
fn check_files(session: &Session, args: &SandboxArgs) -> Result<(), Error> {
    let SandboxArgs { data, request_log, seed, .. } = args;
    let refused = |path: &Path, why: &str| {
        let message = format!("can't write {}: {why}", path.display());
        Err(Error::new(Exit::Failed, message).hint("give another file"))
    };
    if let (Some(data), Some(log)) = (data, request_log)
        && sink::is_same_file(data, log)
    {
        return refused(log, "the data of the sandbox are kept there");
    }
    let written: Vec<&Path> = [data, request_log].into_iter().flatten().map(AsRef::as_ref).collect();
    if let Some(path) = written.iter().find(|path| seed.as_ref().is_some_and(|seed| sink::is_same_file(seed, path))) {
        return refused(path, "it is the seed");
    }
    let sinks: Vec<Sink> = written.into_iter().map(Sink::named).collect();
    sink::check_overwritten(&sinks, || sink::files_read(session, &args.paths))
}

/// The seed, from YAML or JSON.
fn seed(session: &Session, path: &Path) -> Result<serde_json::Value, Error> {
    let name: Arc<str> = Arc::from(path.to_string_lossy().as_ref());
    let bytes = std::fs::read(path).with_context(|| format!("can't read {name}"))?;
    let unusable = || Error::new(Exit::Failed, format!("the seed {name} can't be used"));
    let text = yaml::decode(&name, &bytes).map_err(|findings| {
        report(&findings, &session.output);
        unusable()
    })?;
    let mut reporter = Reporter::new(&name, text);
    let documents = yaml::read(text, Format::of(&name, text), &mut reporter);
    let findings = reporter.finish();
    report(&findings, &session.output);
    match documents.as_slice() {
        _ if findings.has_errors() => Err(unusable()),
        [document] => Ok(plain(document)),
        _ => Err(unusable().hint("a seed is one document")),
    }
}

fn plain(node: &Node<'_>) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.content {
        Content::Null => Json::Null,
        Content::Bool(value, _) => Json::Bool(*value),
        Content::Number(number, _) => Json::Number(number.clone()),
        Content::OddNumber(text) | Content::Text(text) => Json::from(&**text),
        Content::List(items) => Json::Array(items.iter().map(plain).collect()),
        Content::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.to_string(), plain(&entry.value))).collect())
        }
    }
}
