//! The sandbox that runs for the length of a command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::session::OpenTenant;
use crate::conversation::{AttributeValue, Kind};
use crate::desired::Desired;
use crate::name::Name;
use crate::project::Tenant;
use crate::sandbox::{Entity, FaultPlan, KnownAttribute, KnownInput, Sandbox, SandboxOptions};
use crate::workspace::StateFiles;

/// A running sandbox whose data are beside the state.
#[derive(Debug)]
pub struct Embedded {
    sandbox: Sandbox,
    output: Output,
}

impl Embedded {
    /// Starts one that knows every custom attribute of the manifests, and every queue that they name.
    pub async fn start(open: &OpenTenant<'_>, desired: &Desired, faults: Option<FaultPlan>) -> Result<Self, Error> {
        let OpenTenant { tenant, files: StateFiles { state, .. }, .. } = open;
        let options = SandboxOptions {
            data: Some(beside(state, "data.jsonl")),
            request_log: Some(beside(state, "requests.jsonl")),
            rate: Some((tenant.rate_limit.requests_per_second, tenant.rate_limit.burst)),
            known_attributes: known_attributes(desired),
            known_queues: known_queues(desired),
            faults,
            ..SandboxOptions::default()
        };
        Ok(Embedded { sandbox: Sandbox::start(options).await?, output: open.session.output })
    }

    pub fn base_url(&self) -> String {
        self.sandbox.base_url()
    }

    /// Stops it, and says what it had to provide.
    pub async fn stop(self) {
        tell_provided(&self.sandbox, self.output);
        self.sandbox.shutdown().await;
    }
}

/// Says what a sandbox had to make up, without which the same would fail on a tenant of Dixa.
pub fn tell_provided(sandbox: &Sandbox, output: Output) {
    if let Some(provided) = sandbox.provided() {
        output
            .note(&format!("The sandbox made up what your manifests refer to; a real tenant must have: {provided}\n"));
    }
}

/// The faults that were asked for, of the tenant that can have some.
///
/// # Errors
/// There are some, and the tenant is not the embedded sandbox.
pub fn faults(tenant: &Tenant, asked_for: Option<&FaultPlan>) -> Result<Option<FaultPlan>, Error> {
    if asked_for.is_some() && !tenant.is_sandbox() {
        let message = format!("--sandbox-faults is for the embedded sandbox, and the tenant is \"{}\"", tenant.name);
        return Err(Error::new(Exit::Usage, message).hint("rehearse with --tenant sandbox; nothing was sent"));
    }
    Ok(asked_for.cloned())
}

/// `state/sandbox.json` has `state/sandbox.data.jsonl` beside it.
fn beside(state: &Path, ending: &str) -> PathBuf {
    let stem = match state.extension() {
        Some(extension) if extension == "json" => state.with_extension(""),
        _ => state.to_owned(),
    };
    let mut name = stem.into_os_string();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// The custom attributes that manifests name, by id or identifier, with the paths of those that are lists. An id that
/// end users have is one of theirs.
pub fn known_attributes(desired: &Desired) -> Vec<KnownAttribute> {
    let mut known: BTreeMap<(bool, String), KnownInput> = BTreeMap::new();
    let with_attributes = desired.iter().filter(|manifest| manifest.facts.has_attributes);
    let attributes = with_attributes.flat_map(|manifest| {
        let of_conversation = manifest.address.kind != Kind::EndUser;
        manifest.spec.attributes().into_iter().map(move |(id, value)| ((of_conversation, id), value))
    });
    for (key, value) in attributes {
        match (value, known.get_mut(&key)) {
            (AttributeValue::Clear, _) | (_, Some(KnownInput::Text)) => {}
            (AttributeValue::Text(_), Some(KnownInput::Select(_))) => {}
            (AttributeValue::Text(_), None) => {
                known.insert(key, KnownInput::Text);
            }
            (AttributeValue::Path(path), Some(KnownInput::Select(paths))) => paths.push(path),
            (AttributeValue::Path(path), None) => {
                known.insert(key, KnownInput::Select(vec![path]));
            }
        }
    }
    let entity = |of_conversation| if of_conversation { Entity::Conversation } else { Entity::Contact };
    let known = known.into_iter();
    known.map(|((of_conversation, id), input)| KnownAttribute { entity: entity(of_conversation), id, input }).collect()
}

/// The queues that manifests name.
pub fn known_queues(desired: &Desired) -> Vec<String> {
    let names = desired.iter().flat_map(|manifest| manifest.names.keys());
    let queues = names.filter_map(|name| match name {
        Name::Queue(name) => Some(name.clone()),
        _ => None,
    });
    let queues: BTreeSet<String> = queues.collect();
    queues.into_iter().collect()
}

#[cfg(test)]
mod tests;
