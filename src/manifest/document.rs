//! One file: its documents, each an envelope of apiVersion, kind, metadata and spec.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::conversation::{Address, Kind};
use crate::desired::Manifest;
use crate::finding::{Findings, closest, code};
use crate::manifest::body::{self, words};
use crate::manifest::envelope::{self, Origin, Tenant};
use crate::manifest::foreign::{self, MEMBERS};
use crate::manifest::references;
use crate::manifest::sets::{self, Rows, Set};
use crate::manifest::table::Tables;
use crate::reporter::Reporter;
use crate::source::{MadeOf, Place, Source};
use crate::yaml::{self, Content, Format, Node};

/// What one file says.
#[derive(Debug, Default)]
pub struct Reading {
    /// Manifests without an error, in the order of the file.
    pub manifests: Vec<Manifest>,
    /// The addresses of manifests with errors, and where their names are written.
    pub faulty: Vec<(Address, Source)>,
    /// The end users that these name, and where; not those of sets.
    pub named: Vec<(Address, Source)>,
    pub findings: Findings,
    /// The name of the file, and what it is made of; none if that is not known, or can't be read twice.
    pub made_of: Option<(Arc<str>, MadeOf)>,
    /// The names of the values that its manifests use.
    pub values: BTreeSet<String>,
    /// The tables that its sets were read from, or can't be read from.
    pub tables: BTreeSet<Arc<str>>,
}

/// Reads one file for a tenant. `file` is the name that findings give, and its ending says whether it is JSON. `tables`
/// has the files that sets in it name.
pub fn read(file: &Arc<str>, bytes: &[u8], tenant: Tenant<'_>, tables: Tables<'_>) -> Reading {
    let text = match yaml::decode(file, bytes) {
        Ok(text) => text,
        Err(findings) => return Reading { findings, ..Reading::default() },
    };
    let mut reporter = Reporter::new(file, text);
    let (mut manifests, mut faulty, mut named) = (Vec::new(), Vec::new(), Vec::new());
    let mut documents = 0;
    let (mut used, mut read) = (BTreeSet::new(), BTreeSet::new());
    yaml::each(text, Format::of(file, text), &mut reporter, &mut |mut document, reporter| {
        documents += 1;
        if foreign::report(&document, reporter) {
            return;
        }
        if let Some(kind) = sets::kind(&document) {
            let set = Set { kind, document: &document, text, tenant };
            let Rows { manifests: some, faulty: others, table } = set.read(tables, &mut used, reporter);
            manifests.extend(some);
            faulty.extend(others);
            read.extend(table);
            return;
        }
        match manifest(&mut document, tenant, &mut used, reporter) {
            Some(manifest) => manifests.push(manifest),
            None => {
                faulty.extend(own_name(&document).map(|(address, place)| (address, reporter.source(place))));
                let spec = document.get_mut("spec");
                let names = spec.map(|spec| references::end_users(&mut spec.value, reporter)).unwrap_or_default();
                named.extend(names.into_iter().map(|(address, place)| (address, reporter.source(place))));
            }
        }
    });
    if documents == 0 && !reporter.has_findings() {
        let start = (Place::START, Place { line: 1, column: 2 });
        reporter
            .warning(code::NO_MANIFEST, start, "there is no manifest in this file")
            .hint("a manifest begins with `apiVersion: dixaform/v1`; if none belongs here, remove the file");
    }
    Reading { manifests, faulty, named, findings: reporter.finish(), made_of: None, values: used, tables: read }
}

/// The address that a document with errors has, and where its name is written, if these are right.
fn own_name(document: &Node<'_>) -> Option<(Address, Place)> {
    let text = |node: &Node<'_>| match &node.content {
        Content::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let word = text(&document.get("kind")?.value)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.manifest_word() == word)?;
    let name = &document.get("metadata")?.value.get("name")?.value;
    Some((Address::new(kind, &text(name)?).ok()?, name.start))
}

fn manifest(
    document: &mut Node<'_>,
    tenant: Tenant<'_>,
    used: &mut BTreeSet<String>,
    reporter: &mut Reporter<'_>,
) -> Option<Manifest> {
    let hint = |name: &str| match name {
        "kind" => "add `kind: Conversation`, `kind: ConversationImport` or `kind: EndUser`",
        _ => "add `spec:` with the body of the request",
    };
    let complete = envelope::members(document, "a manifest", &MEMBERS, hint, reporter);
    let kind = document.get("kind").and_then(|entry| kind(&entry.value, reporter));
    reporter.begin_document();
    let metadata = document.get("metadata").and_then(|entry| envelope::metadata(&entry.value, kind, reporter));
    let name = document.get("metadata").and_then(|entry| Some(entry.value.get("name")?.value.start));
    let start = document.start;
    let content = match (document.get_mut("spec"), kind) {
        (Some(entry), Some(kind)) => envelope::content(&mut entry.value, kind, tenant, used, reporter),
        _ => None,
    };
    let origin = Origin { source: reporter.source(start), name_place: name? };
    let (metadata, content) = (metadata?, content?);
    complete.then(|| envelope::manifest(metadata, content, origin))
}

fn kind(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Kind> {
    let text = body::text(node, "kind", reporter)?;
    let found = Kind::ALL.into_iter().find(|kind| kind.manifest_word() == text);
    if found.is_none() {
        let known = || Kind::ALL.into_iter().flat_map(|kind| [kind.manifest_word(), kind.set_word()]);
        let hint = match closest(text, known()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("one of {}", words(known())),
        };
        reporter.error(code::UNKNOWN_KIND, node.span(), format!("unknown kind `{text}`")).hint(hint);
    }
    found
}
