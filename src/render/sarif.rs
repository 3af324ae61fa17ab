//! Findings as SARIF 2.1.0, for code scanning and editors.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};

use crate::finding::code::{self, Code};
use crate::finding::{Finding, Findings};
use crate::json;
use crate::render::escape::escape_json;
use crate::render::review::Checkout;
use crate::source::Source;

/// Findings as a log with one run, every code of dixaform as a rule.
pub fn findings(findings: &Findings, checkout: &Checkout) -> String {
    let results = findings.iter().zip(checkout.fingerprints(findings));
    let results = results.map(|(finding, id)| result(finding, &id, checkout));
    let driver = json!({
        "name": "dixaform",
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": code::ALL.iter().map(rule).collect::<Value>(),
    });
    let run = json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "results": results.collect::<Value>(),
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    escape_json(&json::pretty(&log)).into_owned()
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.name,
        "shortDescription": { "text": code.meaning },
        "defaultConfiguration": { "level": code.severity.word() },
    })
}

fn result(finding: &Finding, fingerprint: &str, checkout: &Checkout) -> Value {
    let Finding { code: found, severity, source, message, hint, excerpt, related } = finding;
    let message = hint.as_ref().map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"));
    let length = excerpt.as_ref().map_or(1, |excerpt| excerpt.length);
    let others = related.iter().map(|(place, why)| {
        let mut other = location(place, 1, checkout);
        other["message"] = json!({ "text": why });
        other
    });
    let mut result = json!({ "ruleId": found });
    if let Some(index) = code::ALL.iter().position(|code| code.name == *found) {
        result["ruleIndex"] = index.into();
    }
    result["level"] = severity.word().into();
    result["message"] = json!({ "text": message });
    result["locations"] = json!([location(source, length, checkout)]);
    result["relatedLocations"] = others.collect();
    result["partialFingerprints"] = json!({ "dixaformFinding/v1": fingerprint });
    result
}

fn location(Source { file, place }: &Source, length: u32, checkout: &Checkout) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&checkout.path(file)) },
        "region": { "startLine": place.line, "startColumn": place.column, "endColumn": place.column + length },
    } })
}

/// A path as a reference: relative ones stay relative, to the root of the repository.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("manifests/a b:æ.yaml"), "manifests/a%20b%3A%C3%A6.yaml");
        assert_eq!(uri("/srv/a.yaml"), "file:///srv/a.yaml");
    }
}
