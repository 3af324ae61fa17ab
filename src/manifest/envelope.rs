//! What manifests and sets have in common: metadata, the tenant that they are read for, and how a spec becomes a
//! checked manifest.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::conversation::{Address, CUSTOM_ATTRIBUTES, Conversation, Kind, Labels};
use crate::desired::{Manifest, Named};
use crate::finding::{closest, code};
use crate::manifest::annotations::{self, Settings};
use crate::manifest::body::{self, words, wrong_type};
use crate::manifest::foreign::API_VERSION;
use crate::manifest::references::{self, Referred};
use crate::manifest::{attributes, channels, handling, suspicions, values};
use crate::name::Ids;
use crate::reporter::Reporter;
use crate::shape;
use crate::source::{Place, Source};
use crate::spec::Spec;
use crate::values::Values;
use crate::yaml::{Content, Entry, Node};

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
        static NO_VALUES: Values = Values { tenant: String::new(), texts: BTreeMap::new(), elsewhere: BTreeMap::new() };
        Tenant { values: &NO_VALUES, catalog: None }
    }
}

pub(super) fn no_unknown(entries: &[Entry<'_>], known: &[&str], what: &str, reporter: &mut Reporter<'_>) -> bool {
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

/// What a manifest may have besides: where editors find the schema of a JSON file.
const SCHEMA: &str = "$schema";

/// Whether a document has the members that it needs and no others, and the right `apiVersion`. `hint` says what to add
/// where a member is missing.
pub(super) fn members(
    document: &Node<'_>,
    what: &str,
    needed: &[&str],
    hint: impl Fn(&str) -> &'static str,
    reporter: &mut Reporter<'_>,
) -> bool {
    let Some(entries) = document.entries() else {
        wrong_type(document, &format!("{what} is a map"), reporter);
        return false;
    };
    let mut complete = no_unknown(entries, &[needed, &[SCHEMA]].concat(), what, reporter);
    complete &= document.get(SCHEMA).is_none_or(|entry| body::text(&entry.value, SCHEMA, reporter).is_some());
    for name in needed.iter().filter(|name| document.get(name).is_none()) {
        let hint = match *name {
            "apiVersion" => "add `apiVersion: dixaform/v1`",
            "metadata" => "add `metadata: {name: …}`",
            other => hint(other),
        };
        reporter.error(code::MISSING_MEMBER, document.opening(), format!("{what} needs `{name}`")).hint(hint);
        complete = false;
    }
    document.get("apiVersion").is_some_and(|entry| api_version(&entry.value, reporter)) && complete
}

/// Where a manifest was written.
#[derive(Debug)]
pub(super) struct Origin {
    /// The first character of the document, or the row of a table.
    pub source: Source,
    /// Its name, in the same file.
    pub name_place: Place,
}

/// The checked spec of a manifest.
pub(super) struct Checked {
    conversation: Conversation,
    /// Where each attribute was written, in ascending order of their ids.
    pub attribute_places: Box<[Place]>,
    pub referred: Referred,
}

/// Checks a spec: puts values in, settles what it refers to, and holds it against the body of the request.
pub(super) fn content(
    spec: &mut Node<'_>,
    kind: Kind,
    tenant: Tenant<'_>,
    used: &mut BTreeSet<String>,
    reporter: &mut Reporter<'_>,
) -> Option<Checked> {
    values::put_in(spec, tenant.values, used, reporter);
    let (refers_well, referred) = references::resolve(spec, kind, tenant.catalog, reporter);
    let (conversation, attribute_places) = self::spec(spec, kind, tenant.catalog, reporter)?;
    refers_well.then_some(Checked { conversation, attribute_places, referred })
}

/// The manifest that these make.
pub(super) fn manifest((address, labels, settings): Metadata, content: Checked, origin: Origin) -> Manifest {
    let Settings { on_change, adopt, moved_from, ignore } = settings;
    let Checked { conversation, attribute_places, referred: Referred { called, names } } = content;
    let facts = conversation.facts(address.kind);
    Manifest {
        address,
        labels,
        on_change,
        adopt,
        moved_from,
        ignore: ignore.into_boxed_slice(),
        digests: conversation.digests(),
        facts,
        spec: Spec::of(&conversation),
        source: origin.source,
        name_place: origin.name_place,
        attribute_places,
        called,
        names: names.into_iter().map(|(name, place)| (name, Named { place, manifest: None })).collect(),
        ids: Ids::new(),
    }
}

pub(super) type Metadata = (Address, Labels, Settings);

pub(super) fn metadata(node: &Node<'_>, kind: Option<Kind>, reporter: &mut Reporter<'_>) -> Option<Metadata> {
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
                .hint("at most 253 characters from a-z, 0-9, `.`, `_` and `-` are allowed, with a letter or digit first and last");
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
    let set_afterwards = [&[CUSTOM_ATTRIBUTES], handling::members(kind)].concat();
    let content = body::check_union(shape::body(kind), node, &set_afterwards, reporter);
    let attributes = match node.get(CUSTOM_ATTRIBUTES) {
        Some(Entry { value: Node { content: Content::Null, .. }, .. }) | None => Some(Default::default()),
        Some(entry) => attributes::check(&entry.value, kind, catalog, reporter),
    };
    let handling = handling::check(node, kind, reporter);
    let channel_fits = kind != Kind::Import || channels::check(node, reporter);
    let content = content.filter(|_| channel_fits)?;
    if kind == Kind::Import {
        suspicions::of_import(node, reporter);
    }
    let ((attributes, places), handling) = (attributes?, handling?);
    Some((Conversation { content, attributes, handling }, places))
}
