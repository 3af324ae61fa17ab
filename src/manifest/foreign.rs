//! Documents that are no manifests: one finding says so, in place of one for each member that a manifest would have.

use crate::conversation::Kind;
use crate::finding::{closest, code};
use crate::reporter::Reporter;
use crate::shape;
use crate::yaml::{Content, Node};

pub(super) const API_VERSION: &str = "dixaform/v1";
/// What every manifest has.
pub(super) const MEMBERS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

const KUSTOMIZE: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];
const KUSTOMIZE_GROUP: &str = "kustomize.config.k8s.io/";

/// Whether a document is no manifest at all, and was not meant to be one; then that is reported.
pub(super) fn report(document: &Node<'_>, reporter: &mut Reporter<'_>) -> bool {
    let Some(entries) = document.entries() else { return false };
    // Asked first, since nearly all documents are manifests and looking for what is near takes long.
    let is_member = |name: &str| entries.iter().any(|entry| entry.key == name);
    let text = |name: &str| match document.get(name).map(|entry| &entry.value.content) {
        Some(Content::Text(text)) => Some(&**text),
        _ => None,
    };
    let api_version = text("apiVersion");
    let is_kind = |word: &str| Kind::ALL.iter().any(|kind| kind.manifest_word() == word);
    let group = api_version.filter(|version| {
        let is_ours =
            *version == API_VERSION || version.contains("dixaform") || closest(version, [API_VERSION]).is_some();
        !is_ours && text("kind").is_none_or(|word| !is_kind(word))
    });
    let file = reporter.source(document.start).file;
    let is_kustomization = KUSTOMIZE.iter().any(|name| file.rsplit('/').next() == Some(name));
    if group.is_some_and(|group| group.starts_with(KUSTOMIZE_GROUP)) || is_kustomization && api_version.is_none() {
        let folder = file.rsplit_once('/').map_or(".", |(folder, _)| folder);
        reporter
            .warning(code::NO_MANIFEST, document.opening(), "this file is for kustomize, and is left out")
            .hint(format!("to plan what it makes: kustomize build {folder} | dixaform plan -"));
        return true;
    }
    if let Some(group) = group {
        reporter
            .error(
                code::NOT_A_MANIFEST,
                document.opening(),
                format!("this is not a manifest of dixaform, but of {group}"),
            )
            .hint("give manifests a folder of their own, or name the files to read");
        return true;
    }
    // One that is misspelt may be chance: `version` is near to `apiVersion`.
    let near = || entries.iter().filter(|entry| closest(&entry.key, MEMBERS).is_some()).count();
    if MEMBERS.into_iter().any(is_member) || near() > 1 {
        return false;
    }
    let body = |kind: Kind| shape::body(kind).variants.iter().any(|shape| Some(shape.name) == text("_type"));
    let import = document.get("genericChannelName").is_some() || body(Kind::Import);
    if import || document.get("requesterId").is_some() || body(Kind::Conversation) {
        let kind = if import { Kind::Import } else { Kind::Conversation };
        let before =
            format!("`apiVersion: {API_VERSION}`, `kind: {}` and `metadata: {{name: …}}`", kind.manifest_word());
        reporter
            .error(code::NOT_A_MANIFEST, document.opening(), "this is the body of a request, not yet a manifest")
            .hint(format!("put it under `spec:`, and before it {before}"));
    } else {
        reporter
            .error(
                code::NOT_A_MANIFEST,
                document.opening(),
                "this is not a manifest: it has neither `apiVersion` nor `kind`",
            )
            .hint("give manifests a folder of their own, or name the files to read");
    }
    true
}
