//! One file: its documents, each an envelope of apiVersion, kind, metadata and spec.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::conversation::{Address, CUSTOM_ATTRIBUTES, Conversation, Kind, Labels};
use crate::desired::Manifest;
use crate::finding::{Findings, closest, code};
use crate::manifest::annotations::{self, Settings};
use crate::manifest::body::{self, words, wrong_type};
use crate::manifest::foreign::{self, API_VERSION, MEMBERS};
use crate::manifest::references::{self, Names};
use crate::manifest::{attributes, channels, suspicions, values};
use crate::reporter::Reporter;
use crate::shape;
use crate::source::{MadeOf, Place, Source};
use crate::spec::Spec;
use crate::values::Values;
use crate::yaml::{self, Content, Entry, Format, Node};

/// What one file says.
#[derive(Debug, Default)]
pub struct Reading {
    /// Manifests without an error, in the order of the file.
    pub manifests: Vec<Manifest>,
    /// The addresses of manifests with errors, and where their names are written.
    pub faulty: Vec<(Address, Source)>,
    pub findings: Findings,
    /// The name of the file, and what it is made of; none if that is not known, or can't be read twice.
    pub made_of: Option<(Arc<str>, MadeOf)>,
    /// The names of the values that its manifests use.
    pub values: BTreeSet<String>,
}

/// What is known of the tenant that manifests are read for.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'t> {
    pub values: &'t Values,
    /// What it has that manifests refer to; without it, nothing of that is checked.
    pub catalog: Option<&'t Catalog>,
}

impl Tenant<'static> {
    /// One without values, of which nothing is known.
    pub fn unknown() -> Self {
        static NO_VALUES: Values = Values { tenant: String::new(), texts: BTreeMap::new() };
        Tenant { values: &NO_VALUES, catalog: None }
    }
}

/// Reads one file for a tenant. `file` is the name that findings give, and its ending says whether
/// it is JSON.
pub fn read(file: &Arc<str>, bytes: &[u8], tenant: Tenant<'_>) -> Reading {
    let text = match yaml::decode(file, bytes) {
        Ok(text) => text,
        Err(findings) => return Reading { findings, ..Reading::default() },
    };
    let mut reporter = Reporter::new(file, text);
    let (mut manifests, mut faulty) = (Vec::new(), Vec::new());
    let mut documents = 0;
    let mut used = BTreeSet::new();
    yaml::each(text, Format::of(file, text), &mut reporter, &mut |mut document, reporter| {
        documents += 1;
        if foreign::report(&document, reporter) {
            return;
        }
        let mut referred = (true, Names::new());
        let is_end_user = document.get("kind").is_some_and(
            |kind| matches!(&kind.value.content, Content::Text(word) if *word == Kind::EndUser.manifest_word()),
        );
        if let Some(spec) = document.get_mut("spec") {
            values::put_in(&mut spec.value, tenant.values, &mut used, reporter);
            referred = references::resolve(&mut spec.value, is_end_user, tenant.catalog, reporter);
        }
        match manifest(&document, tenant.catalog, referred, reporter) {
            Some(manifest) => manifests.push(manifest),
            None => faulty.extend(named(&document).map(|(address, place)| (address, reporter.source(place)))),
        }
    });
    if documents == 0 && !reporter.has_findings() {
        let start = (Place::START, Place { line: 1, column: 2 });
        reporter
            .warning(code::NO_MANIFEST, start, "there is no manifest in this file")
            .hint("a manifest begins with `apiVersion: dixaform/v1`; if none belongs here, remove the file");
    }
    Reading { manifests, faulty, findings: reporter.finish(), made_of: None, values: used }
}

/// The address that a document with errors has, and where its name is written, if these are right.
fn named(document: &Node<'_>) -> Option<(Address, Place)> {
    let text = |node: &Node<'_>| match &node.content {
        Content::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let word = text(&document.get("kind")?.value)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.manifest_word() == word)?;
    let name = &document.get("metadata")?.value.get("name")?.value;
    Some((Address::new(kind, &text(name)?).ok()?, name.start))
}

/// What a manifest may have besides: where editors find the schema of a JSON file.
const SCHEMA: &str = "$schema";

fn manifest(
    document: &Node<'_>,
    catalog: Option<&Catalog>,
    (refers_well, names): (bool, Names),
    reporter: &mut Reporter<'_>,
) -> Option<Manifest> {
    let Some(entries) = document.entries() else {
        wrong_type(document, "a manifest is a map", reporter);
        return None;
    };
    let mut complete = no_unknown(entries, &[&MEMBERS[..], &[SCHEMA]].concat(), "a manifest", reporter);
    complete &= document.get(SCHEMA).is_none_or(|entry| body::text(&entry.value, SCHEMA, reporter).is_some());
    for name in MEMBERS.iter().filter(|name| document.get(name).is_none()) {
        let hint = match *name {
            "apiVersion" => "add `apiVersion: dixaform/v1`",
            "kind" => "add `kind: Conversation`, `kind: ConversationImport` or `kind: EndUser`",
            "metadata" => "add `metadata: {name: …}`",
            _ => "add `spec:` with the body of the request",
        };
        reporter.error(code::MISSING_MEMBER, document.opening(), format!("a manifest needs `{name}`")).hint(hint);
        complete = false;
    }
    complete &= document.get("apiVersion").is_some_and(|entry| api_version(&entry.value, reporter));
    let kind = document.get("kind").and_then(|entry| kind(&entry.value, reporter));
    reporter.ignore(&[]);
    let metadata = document.get("metadata").and_then(|entry| metadata(&entry.value, kind, reporter));
    let conversation = match (document.get("spec"), kind) {
        (Some(entry), Some(kind)) => spec(&entry.value, kind, catalog, reporter),
        _ => None,
    };
    let name_place = document.get("metadata")?.value.get("name")?.value.start;
    let (address, labels, Settings { on_change, adopt, moved_from, ignore }) = metadata?;
    let (conversation, attribute_places) = conversation?;
    let address_kind = address.kind;
    (complete && refers_well).then(|| Manifest {
        address,
        labels,
        on_change,
        adopt,
        moved_from,
        ignore: ignore.into_boxed_slice(),
        digests: conversation.digests(),
        facts: conversation.facts(address_kind),
        spec: Spec::of(&conversation),
        source: reporter.source(document.start),
        name_place,
        attribute_places,
        names,
    })
}

fn no_unknown(entries: &[Entry<'_>], known: &[&str], what: &str, reporter: &mut Reporter<'_>) -> bool {
    let unknown: Vec<_> = entries.iter().filter(|entry| !known.contains(&&*entry.key)).collect();
    for entry in &unknown {
        if reporter.skips_one() {
            continue;
        }
        let hint = match closest(&entry.key, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known members: {}", words(known.iter().copied())),
        };
        let message = format!("unknown member `{}` of {what}", entry.key);
        reporter.error(code::UNKNOWN_MEMBER, entry.key_span(), message).hint(hint);
    }
    unknown.is_empty()
}

fn api_version(node: &Node<'_>, reporter: &mut Reporter<'_>) -> bool {
    let Some(text) = body::text(node, "apiVersion", reporter) else { return false };
    if text != API_VERSION {
        reporter
            .error(code::BAD_API_VERSION, node.span(), format!("unknown apiVersion `{text}`"))
            .hint(format!("write `apiVersion: {API_VERSION}`"));
    }
    text == API_VERSION
}

fn kind(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Kind> {
    let text = body::text(node, "kind", reporter)?;
    let found = Kind::ALL.into_iter().find(|kind| kind.manifest_word() == text);
    if found.is_none() {
        let known = || Kind::ALL.into_iter().map(Kind::manifest_word);
        let hint = match closest(text, known()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("one of {}", words(known())),
        };
        reporter.error(code::UNKNOWN_KIND, node.span(), format!("unknown kind `{text}`")).hint(hint);
    }
    found
}

type Metadata = (Address, Labels, Settings);

fn metadata(node: &Node<'_>, kind: Option<Kind>, reporter: &mut Reporter<'_>) -> Option<Metadata> {
    let Some(entries) = node.entries() else {
        wrong_type(node, "`metadata` is a map", reporter);
        return None;
    };
    let complete = no_unknown(entries, &["name", "labels", "annotations"], "metadata", reporter);
    let name = match node.get("name") {
        Some(entry) => body::text(&entry.value, "name", reporter).map(|text| (text, &entry.value)),
        None => {
            reporter
                .error(code::MISSING_MEMBER, node.opening(), "metadata needs `name`")
                .hint("add `name`: a stable name of your own, for example late-order");
            None
        }
    };
    let address = name.and_then(|(text, value)| {
        // The kind may be wrong, and the name is checked all the same.
        let address = Address::new(kind.unwrap_or(Kind::Conversation), text);
        if address.is_err() {
            reporter
                .error(code::BAD_NAME, value.span(), format!("`{text}` is not a valid name"))
                .hint("allowed are at most 253 of a-z, 0-9, `.`, `_` and `-`, with a letter or digit first and last");
        }
        address.ok()
    });
    let labels = strings(node.get("labels"), "labels", reporter);
    let annotations = strings(node.get("annotations"), "annotations", reporter);
    let fine = complete && labels.iter().chain(&annotations).all(|(_, text)| text.is_some());
    let settings = annotations::settings(&annotations, address.as_ref().filter(|_| kind.is_some()), reporter);
    reporter.ignore(&settings.ignore);
    let labels = labels.iter().filter_map(|(entry, text)| Some((&*entry.key, (*text)?))).collect();
    if fine { address.map(|address| (address, labels, settings)) } else { None }
}

/// The entries of a map of strings; a value that is not a string is reported and comes as `None`.
fn strings<'n, 't>(
    entry: Option<&'n Entry<'t>>,
    name: &str,
    reporter: &mut Reporter<'_>,
) -> Vec<(&'n Entry<'t>, Option<&'n str>)> {
    let Some(entry) = entry else { return Vec::new() };
    match &entry.value.content {
        // `labels:` with everything below it commented out.
        Content::Null => Vec::new(),
        Content::Map(entries) => {
            entries.iter().map(|entry| (entry, body::text(&entry.value, &entry.key, reporter))).collect()
        }
        _ => {
            wrong_type(&entry.value, &format!("`{name}` is a map of strings"), reporter);
            vec![(entry, None)]
        }
    }
}

fn spec(
    node: &Node<'_>,
    kind: Kind,
    catalog: Option<&Catalog>,
    reporter: &mut Reporter<'_>,
) -> Option<(Conversation, Box<[Place]>)> {
    let content = body::check_union(shape::body(kind), node, &[CUSTOM_ATTRIBUTES], reporter);
    let attributes = match node.get(CUSTOM_ATTRIBUTES) {
        Some(Entry { value: Node { content: Content::Null, .. }, .. }) | None => Some(Default::default()),
        Some(entry) => attributes::check(&entry.value, kind, catalog, reporter),
    };
    let channel_fits = kind != Kind::Import || channels::check(node, reporter);
    let content = content.filter(|_| channel_fits)?;
    if kind == Kind::Import {
        suspicions::of_import(node, reporter);
    }
    let (attributes, places) = attributes?;
    Some((Conversation { content, attributes }, places))
}
