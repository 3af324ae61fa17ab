//! A record as the manifest that describes it.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::conversation::Address;
use crate::json;
use crate::render::escape::escape_yaml;
use crate::spec::Spec;

/// A document that is read back as this address and this spec.
///
/// It is YAML, unless a text has hidden characters. Those would mislead a person, and some of them end a line in YAML
/// 1.1, which the writer knows, and not in YAML 1.2. With them it has the braces and quotes of JSON, and YAML's
/// escapes.
pub fn manifest(address: &Address, spec: &Spec) -> String {
    let manifest = json!({
        "apiVersion": "dixaform/v1",
        "kind": address.kind.manifest_word(),
        "metadata": { "name": address.name() },
        "spec": Value::Object(spec.members()),
    });
    match serde_yaml::to_string(&manifest) {
        Ok(text) if matches!(escape_yaml(&text), Cow::Borrowed(_)) => text,
        _ => escape_yaml(&json::pretty(&manifest)).into_owned(),
    }
}
